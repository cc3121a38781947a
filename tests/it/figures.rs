//! Figures and reports, from frames to files.

use std::path::Path;

use fs_err as fs;
use memoscope::Error;
use memoscope::dynamics::CsvText;
use memoscope::figures::noise_detection::Detection;
use memoscope::figures::panels::{self, Facet, Lines, PanelSpec, Panels, X, YAxis};
use memoscope::figures::{FigureFiles, Print, Style, Width, columns, data_map, noise_detection};
use memoscope::report::{self, Column, Figure, Format, StudyReport, Table};
use polars::df;
use polars::prelude::DataFrame;

/// Everything the six figures are drawn from.
struct Frames {
    curves: DataFrame,
    phases: DataFrame,
    epochs: DataFrame,
    losses: DataFrame,
    precision_recall: DataFrame,
    tokens: DataFrame,
}

/// Two levels (one without noise, hence with nulls), two seeds, `n_epochs` epochs.
fn frames(n_epochs: u32) -> Frames {
    let mut rows: Vec<(f64, u64, u32)> = Vec::new();
    for noise in [0.0, 0.3] {
        for seed in [1, 2] {
            rows.extend((1..=n_epochs).map(|epoch| (noise, seed, epoch)));
        }
    }
    let column = |f: &dyn Fn(f64, u64, f64) -> f64| -> Vec<f64> {
        rows.iter().map(|(noise, seed, epoch)| f(*noise, *seed, f64::from(*epoch))).collect()
    };
    let noisy = |f: &dyn Fn(f64) -> f64| -> Vec<Option<f64>> {
        rows.iter().map(|(noise, _, epoch)| (*noise > 0.0).then(|| f(f64::from(*epoch)))).collect()
    };
    let noise = column(&|noise, _, _| noise);
    let seed: Vec<u64> = rows.iter().map(|row| row.1).collect();
    let epoch: Vec<u32> = rows.iter().map(|row| row.2).collect();
    let examples: Vec<u64> = rows.iter().map(|row| u64::from(row.2) * 1000).collect();
    let curves = df!(
        "noise" => &noise, "seed" => &seed, "examples_seen" => examples,
        "dev_score" => column(&|noise, seed, epoch| 0.8 - noise * epoch * 0.05 - seed as f64 * 0.01),
        "probe_f1" => column(&|noise, _, epoch| (1.0 - noise) * (1.0 - 0.5 / epoch)),
        "probe_noisy_accuracy" => noisy(&|epoch| 0.01 * epoch),
        "probe_noisy_accuracy_gold" => noisy(&|epoch| 0.9 - 0.05 * epoch)
    )
    .expect("curves");
    let phases = df!(
        "noise" => [0.3, 0.3], "phase" => ["fitting_end", "memorisation_onset"], "epoch" => [2.0, 4.0],
        "epoch_low" => [1.5, 3.0], "epoch_high" => [2.5, 5.0], "examples_seen" => [2000.0, 4000.0]
    )
    .expect("phases");
    let epochs = df!(
        "noise" => &noise, "seed" => &seed, "epoch" => epoch,
        "first_learned_clean" => column(&|_, _, epoch| 0.9 / epoch.powi(3)),
        "first_learned_noisy" => noisy(&|epoch| 0.02 + 0.001 * epoch),
        "noise_f1" => noisy(&|epoch| 0.95 - 0.03 * epoch),
        "noise_ap" => noisy(&|epoch| 0.97 - 0.03 * epoch)
    )
    .expect("epochs");
    let n = 2_000u32;
    let is_noisy: Vec<bool> = (0..n).map(|i| i % 4 == 0).collect();
    let share = |i: u32| f64::from(i * 7919 % 1000) / 1000.0;
    let losses = df!(
        "epoch" => vec![3u32; n as usize],
        "loss" => (0..n).map(|i| (share(i) + if i % 4 == 0 { 3.0 } else { 0.0 }) as f32).collect::<Vec<_>>(),
        "noisy" => &is_noisy
    )
    .expect("losses");
    let precision_recall = df!(
        "threshold" => [4.0, 3.0, 0.5, 0.0], "precision" => [1.0, 1.0, 0.5, 0.25], "recall" => [0.1, 0.9, 1.0, 1.0]
    )
    .expect("precision and recall");
    let tokens = df!(
        "confidence" => (0..n).map(share).collect::<Vec<_>>(),
        "variability" => (0..n).map(|i| share(i) * (1.0 - share(i))).collect::<Vec<_>>(),
        "noisy" => &is_noisy
    )
    .expect("tokens");
    Frames { curves, phases, epochs, losses, precision_recall, tokens }
}

impl Frames {
    /// The same columns without a row.
    fn emptied(self) -> Self {
        Self {
            curves: self.curves.head(Some(0)),
            phases: self.phases.head(Some(0)),
            epochs: self.epochs.head(Some(0)),
            losses: self.losses.head(Some(0)),
            precision_recall: self.precision_recall.head(Some(0)),
            tokens: self.tokens.head(Some(0)),
        }
    }

    fn draw(&self, style: &Style, folder: &Path) -> Vec<FigureFiles> {
        let detection = Detection {
            losses: &self.losses,
            precision_recall: &self.precision_recall,
            epoch: 3,
            condition: "30 % noise, seed 1",
            cutoff: Some(1.7),
        };
        let drawn = [
            curves("F1", ["probe_f1", "dev_score"], &self.curves, &self.phases, style, &folder.join("learning-curves")),
            curves("Accuracy", NOISY, &self.curves, &self.phases, style, &folder.join("noisy-accuracy")),
            first_learning(&self.epochs, style, &folder.join("first-learning")),
            detection_by_epoch(&self.epochs, style, &folder.join("detection-by-epoch")),
            noise_detection::draw(&detection, style, &folder.join("noise-detection")),
            data_map::draw(&self.tokens, "30 % noise, seed 1", style, &folder.join("data-map")),
        ];
        drawn.into_iter().map(|files| files.expect("a figure")).collect()
    }
}

const NOISY: [&str; 2] = ["probe_noisy_accuracy", "probe_noisy_accuracy_gold"];

fn percent(level: f64) -> String {
    format!("{:.0}\u{a0}%", 100.0 * level)
}

fn by_noise(frame: &DataFrame) -> memoscope::Result<Lines<'static>> {
    Ok(Lines::levels("noise", &columns::distinct(frame, "noise")?, percent, "noise level"))
}

/// Two panels over the training, with phases.
fn curves(
    title: &str,
    shown: [&str; 2],
    frame: &DataFrame,
    phases: &DataFrame,
    style: &Style,
    stem: &Path,
) -> memoscope::Result<FigureFiles> {
    let panel = |column| PanelSpec { heading: column, column, title, ..PanelSpec::default() };
    let figure = Panels {
        title,
        description: "Two panels over the training.",
        x: X::Curve { column: "examples_seen", title: "training sentences seen" },
        lines: by_noise(frame)?,
        rows: None,
        panels: shown.map(panel).to_vec(),
        phases: Some(phases),
    };
    panels::draw(frame, &figure, style, stem)
}

/// One panel a noise level, with a logarithmic axis that has a zero.
fn first_learning(epochs: &DataFrame, style: &Style, stem: &Path) -> memoscope::Result<FigureFiles> {
    let panel = |heading, column| PanelSpec {
        heading,
        column,
        axis: YAxis::PercentLog { even_below: 0.001 },
        title: "share first learned",
        ..PanelSpec::default()
    };
    let levels = columns::distinct(epochs, "noise")?;
    let figure = Panels {
        title: "First learning events by epoch",
        description: "One row per noise level.",
        x: X::Curve { column: "epoch", title: "epoch" },
        lines: Lines::single(),
        rows: Some(Facet::levels("noise", &levels, |level| format!("{} noise", percent(level)))),
        panels: vec![panel("clean tokens", "first_learned_clean"), panel("noisy tokens", "first_learned_noisy")],
        phases: None,
    };
    panels::draw(epochs, &figure, style, stem)
}

fn detection_by_epoch(epochs: &DataFrame, style: &Style, stem: &Path) -> memoscope::Result<FigureFiles> {
    let panel = |column| PanelSpec {
        heading: column,
        column,
        title: column,
        mark_best: true,
        if_empty: Some("no noisy tokens"),
        ..PanelSpec::default()
    };
    let figure = Panels {
        title: "Noise detection by epoch",
        description: "Two measures of noise detection.",
        x: X::Curve { column: "epoch", title: "epoch" },
        lines: by_noise(epochs)?,
        rows: None,
        panels: vec![panel("noise_f1"), panel("noise_ap")],
        phases: None,
    };
    panels::draw(epochs, &figure, style, stem)
}

fn style(width: Width) -> Style {
    Style::of_width(width, true, "embedded corpus & <model>")
}

/// Every tag that is opened is closed, in order; nothing but the document's own tags.
pub fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (inside, _) = tag.split_once('>').expect("a tag ends");
        assert!(!inside.contains("NaN") && !inside.contains("inf"), "not a number in <{inside}>");
        let name = inside.trim_start_matches('/').split([' ', '/']).next().expect("a name");
        assert!(
            ["svg", "title", "desc", "g", "rect", "polygon", "polyline", "circle", "text"].contains(&name),
            "unexpected <{inside}>"
        );
        if inside.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !inside.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty());
}

#[test]
fn every_figure_has_a_drawing_a_bitmap_and_its_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    for width in [Width::Full, Width::Column] {
        for files in frames(6).draw(&style(width), folder.path()) {
            let svg = fs::read_to_string(&files.svg).expect("SVG");
            assert_well_formed(&svg);
            assert!(svg.contains("synthetic data") && svg.contains("&amp; &lt;model&gt;"));
            assert!((2_000..500_000).contains(&svg.len()), "{} bytes", svg.len());
            let png = fs::read(&files.png).expect("PNG");
            assert_eq!(&png[1..4], b"PNG");
            let pixels = u32::from_be_bytes(png[16..20].try_into().expect("four bytes"));
            assert_eq!(f64::from(pixels), width.points() * 4.0);
            for csv in &files.csv {
                assert!(fs::read_to_string(csv).expect("CSV").lines().count() > 1, "{}", csv.display());
            }
            assert!(!files.caption.is_empty() && !files.alt.is_empty());
        }
    }
}

#[test]
fn a_paper_has_figures_of_its_width_without_titles_and_as_pdf() {
    let folder = tempfile::tempdir().expect("a folder");
    let print = Print { width: Width::Points(219.0), title: false, pdf: true };
    let style = Style { print, ..style(Width::Full) };
    for files in frames(6).draw(&style, folder.path()) {
        let svg = fs::read_to_string(&files.svg).expect("SVG");
        assert_well_formed(&svg);
        assert!(svg.contains("width=\"219pt\"") && !svg.contains("&amp; &lt;model&gt;\n</text>"), "{svg}");
        let drawn = svg.split_once("</desc>").expect("a description").1;
        assert!(!drawn.contains("font-size=\"900\""), "no text of a title's size: {drawn}");
        assert!(files.caption.ends_with("(embedded corpus & <model> · synthetic data)."), "{}", files.caption);
        let sizes = drawn.split("font-size=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        let mut sizes = sizes.map(|(size, _)| size.parse::<f64>().expect("a size"));
        assert!(sizes.all(|size| size >= 700.0), "no text below 7 points");
        let path = files.pdf.expect("a PDF file");
        let pdf = fs::read(&path).expect("PDF");
        assert!(pdf.starts_with(b"%PDF-1.7"), "{}", path.display());
        assert!(String::from_utf8_lossy(&pdf).contains("MediaBox [0 0 219 "), "{}", path.display());
    }
}

#[test]
fn the_same_frames_give_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let first = frames(6).draw(&style(Width::Full), one.path());
    let second = frames(6).draw(&style(Width::Full), two.path());
    for (a, b) in first.iter().zip(&second) {
        let paths = |files: &FigureFiles| [vec![files.svg.clone(), files.png.clone()], files.csv.clone()].concat();
        for (a, b) in paths(a).iter().zip(&paths(b)) {
            assert!(fs::read(a).expect("bytes") == fs::read(b).expect("bytes"), "{} differs", a.display());
        }
    }
}

#[test]
fn the_csv_is_the_frame_that_was_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let frames = frames(3);
    frames.draw(&style(Width::Full), folder.path());
    let csv = fs::read_to_string(folder.path().join("noisy-accuracy.csv")).expect("CSV");
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("noise,seed,examples_seen,probe_noisy_accuracy,probe_noisy_accuracy_gold"));
    assert_eq!(lines.next(), Some("0,1,1000,,"));
    assert_eq!(csv.lines().count(), 1 + frames.curves.height());
    let histogram = fs::read_to_string(folder.path().join("noise-detection.csv")).expect("CSV");
    let clean: u64 =
        histogram.lines().skip(1).map(|line| line.split(',').nth(2).expect("clean").parse::<u64>().expect("n")).sum();
    assert_eq!(clean, 1_500);
}

#[test]
fn frames_without_rows_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    for width in [Width::Full, Width::Column] {
        for files in frames(1).emptied().draw(&style(width), folder.path()) {
            let svg = fs::read_to_string(&files.svg).expect("SVG");
            assert_well_formed(&svg);
            assert!(svg.contains("no data") || svg.contains("no noisy tokens"), "{}", files.svg.display());
        }
    }
}

#[test]
fn one_epoch_is_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    for files in frames(1).draw(&style(Width::Column), folder.path()) {
        assert_well_formed(&fs::read_to_string(&files.svg).expect("SVG"));
    }
}

#[test]
fn many_levels_get_a_legend() {
    let folder = tempfile::tempdir().expect("a folder");
    let levels: Vec<f64> = (0..40).map(|i| f64::from(i) / 100.0).collect();
    let frame = df!(
        "noise" => &levels, "seed" => vec![1u32; 40], "epoch" => vec![1u32; 40], "noise_f1" => &levels,
        "noise_ap" => &levels
    )
    .expect("a frame");
    let files = detection_by_epoch(&frame, &style(Width::Column), &folder.path().join("many")).expect("a figure");
    let svg = fs::read_to_string(&files.svg).expect("SVG");
    assert_eq!(svg.matches(">\n39\u{a0}%\n</text>").count(), 1);
}

#[test]
fn a_missing_column_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let frame = df!("noise" => [0.1], "seed" => [1u32], "epoch" => [1u32], "noise_f1" => [0.5]).expect("a frame");
    let error = detection_by_epoch(&frame, &style(Width::Full), &folder.path().join("x")).unwrap_err();
    assert!(matches!(&error, Error::Internal(what) if what.contains("`noise_ap`")), "{error}");
}

/// A report in which every string is hostile.
fn hostile_report(folder: &Path) -> StudyReport {
    let word = "<script>alert(1)</script>|\\&_\n# x";
    let files = frames(3).draw(&style(Width::Full), &folder.join("figures"));
    let words = df!(
        "word" => [Some(word), Some("b"), None],
        "f1" => [Some(0.5), Some(0.25), None],
        "f1_sd" => [Some(0.1), None, None]
    )
    .expect("a frame");
    let columns = vec![Column::new("word", "word & <b>", Format::Text), Column::new("f1", "F1", Format::Mean(3))];
    StudyReport {
        title: word.into(),
        findings: vec![word.into()],
        synthetic: true,
        figures: files
            .iter()
            .map(|files| Figure::new(files, Path::new("figures").join(files.svg.file_stem().expect("a stem"))))
            .collect(),
        tables: vec![Table::from_frame(&words, "words", word, word, columns).expect("a table")],
        configuration: "# </code><script>\na = 1\n".into(),
        ..StudyReport::default()
    }
}

#[test]
fn a_report_escapes_what_comes_from_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = hostile_report(folder.path());
    report::render(&study, folder.path(), CsvText::Exact).expect("a report");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a file");

    let html = read("index.html");
    // One script, ours, and data that no browser runs; the drawings are inline; nothing is fetched.
    assert_eq!(html.matches("<script").count(), 2);
    assert_eq!(html.matches("<script>").count(), 1);
    assert_eq!(html.matches("<script type=\"application/json\"").count(), 1);
    assert!(html.contains("Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-"));
    assert_eq!(html.matches("<svg").count(), 6);
    assert!(html.contains("&lt;script&gt;alert(1)"));
    assert!(!html.contains("src=\"http") && !html.contains("<link rel=\"stylesheet"));
    assert!(html.contains("<th scope=\"col\" class=\"number\">F1</th>") && html.contains("0.500\u{a0}±\u{a0}0.100"));

    let markdown = read("report.md");
    assert!(!markdown.split("```").next().expect("text before the configuration").contains("<script"));
    assert!(markdown.contains("| &lt;script&gt;alert(1)&lt;/script&gt;\\|\\\\&amp;\\_ # x | 0.500 ± 0.100 |"));
    assert!(markdown.contains("](figures/data-map.png)"));

    let latex = read("tables/words.tex");
    assert!(latex.contains("\\textbar{}\\textbackslash{}\\&\\_ \\# x & 0.500\\,$\\pm$\\,0.100 \\\\"));
    assert_eq!(read("tables/words.csv").lines().next(), Some("word,f1,f1_sd"));
}

#[test]
fn the_same_study_gives_the_same_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = hostile_report(folder.path());
    let read = || {
        report::render(&study, folder.path(), CsvText::Exact).expect("a report");
        ["index.html", "report.md", "tables/words.tex"].map(|name| fs::read(folder.path().join(name)).expect("bytes"))
    };
    assert!(read() == read());
}

#[test]
fn what_an_earlier_report_wrote_does_not_stay_beside_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut study = hostile_report(folder.path());
    report::render(&study, folder.path(), CsvText::Exact).expect("a report");
    for mine in ["tables/mine.tex", "figures/mine.png"] {
        fs::write(folder.path().join(mine), "kept").expect("a file of the user");
    }
    let gone = study.figures.pop().expect("a figure").stem;
    study.tables[0].name = "other".into();
    report::render(&study, folder.path(), CsvText::Exact).expect("another report");
    let there = |name: &str| folder.path().join(name).is_file();
    assert!(!there("tables/words.csv") && !there("tables/words.tex") && there("tables/other.tex"));
    assert!(!there(&format!("{}.svg", gone.display())) && !there(&format!("{}.png", gone.display())));
    assert!(study.figures.iter().all(|figure| there(&format!("{}.svg", figure.stem.display()))));
    assert!(there("tables/mine.tex") && there("figures/mine.png"));
}

#[test]
fn two_tables_cannot_share_a_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut study = hostile_report(folder.path());
    study.tables.push(study.tables[0].clone());
    assert!(report::render(&study, folder.path(), CsvText::Exact).is_err());
}
