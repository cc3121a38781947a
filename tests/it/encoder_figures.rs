//! Figures of several encoders, from frames to files: with one encoder, with many, with none.

use std::path::Path;

use memoscope::figures::panels::{self, Facet, Lines, PanelSpec, Panels, X, YAxis};
use memoscope::figures::{FigureFiles, Style, Width, columns, forgetting_events, forgetting_overlap};
use polars::df;
use polars::prelude::DataFrame;

use crate::figures::assert_well_formed;

struct Frames {
    curves: DataFrame,
    measures: DataFrame,
    events: DataFrame,
    overlaps: DataFrame,
    names: Vec<String>,
}

/// Two seeds, three epochs, with and without noise; the last encoder has no train pass.
fn frames(n_encoders: u64) -> Frames {
    let names: Vec<String> = (0..n_encoders).map(|i| format!("encoder-{i}-<b>")).collect();
    let mut runs: Vec<(f64, u64, u64)> = Vec::new();
    for noise in [0.0, 0.3] {
        for seed in [1, 2] {
            runs.extend((0..n_encoders).map(|number| (noise, number, seed)));
        }
    }
    let name = |number: u64| names[number as usize].clone();
    let level = |number: u64, seed: u64| 0.9 / (1.0 + number as f64) - 0.02 * seed as f64;
    let rows: Vec<(f64, u64, u64, f64)> =
        runs.iter().flat_map(|run| (1..=3).map(|epoch| (run.0, run.1, run.2, f64::from(epoch)))).collect();
    let curves = df!(
        "noise" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        "number" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
        "encoder" => rows.iter().map(|row| name(row.1)).collect::<Vec<_>>(),
        "seed" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
        "epoch" => rows.iter().map(|row| row.3).collect::<Vec<_>>(),
        "dev_score" => rows.iter().map(|row| level(row.1, row.2) * row.3 / 3.0).collect::<Vec<_>>(),
        "probe_noisy_accuracy" => rows.iter().map(|row| (row.0 > 0.0).then_some(0.1 * row.3)).collect::<Vec<_>>()
    )
    .expect("curves");
    let measures = df!(
        "noise" => runs.iter().map(|run| run.0).collect::<Vec<_>>(),
        "number" => runs.iter().map(|run| run.1).collect::<Vec<_>>(),
        "encoder" => runs.iter().map(|run| name(run.1)).collect::<Vec<_>>(),
        "seed" => runs.iter().map(|run| run.2).collect::<Vec<_>>(),
        "settling" => runs.iter().map(|run| Some(3.0 * level(run.1, run.2))).collect::<Vec<_>>(),
        "onset" => runs.iter().map(|run| (run.0 > 0.0).then_some(2.0 + run.2 as f64)).collect::<Vec<_>>(),
        "forgettable" => runs.iter().map(|run| level(run.1, run.2)).collect::<Vec<_>>(),
        "detection_f1" => runs.iter().map(|run| (run.0 > 0.0).then_some(0.9)).collect::<Vec<_>>()
    )
    .expect("measures");
    let mut events = Vec::new();
    for run in &runs {
        for pass in ["train", "eval"].into_iter().skip(usize::from(run.1 + 1 == n_encoders)) {
            events.extend(
                [(Some(0), 0.9), (Some(1), 0.08), (Some(2), 0.0), (None, 0.02)].map(|share| (run, pass, share)),
            );
        }
    }
    let events = df!(
        "noise" => events.iter().map(|row| row.0.0).collect::<Vec<_>>(),
        "number" => events.iter().map(|row| row.0.1).collect::<Vec<_>>(),
        "encoder" => events.iter().map(|row| name(row.0.1)).collect::<Vec<_>>(),
        "seed" => events.iter().map(|row| row.0.2).collect::<Vec<_>>(),
        "pass" => events.iter().map(|row| row.1).collect::<Vec<_>>(),
        "events" => events.iter().map(|row| row.2.0).collect::<Vec<Option<u64>>>(),
        "share" => events.iter().map(|row| row.2.1).collect::<Vec<_>>()
    )
    .expect("events");
    let pairs: Vec<(u64, u64)> = (0..n_encoders).flat_map(|a| (a..n_encoders).map(move |b| (a, b))).collect();
    let overlaps = df!(
        "first" => pairs.iter().map(|pair| pair.0).collect::<Vec<_>>(),
        "second" => pairs.iter().map(|pair| pair.1).collect::<Vec<_>>(),
        "jaccard" => pairs.iter().map(|pair| (pair.1 != 1).then_some(0.25)).collect::<Vec<_>>(),
        "by_chance" => vec![0.1; pairs.len()],
        "kappa" => pairs.iter().map(|pair| (pair.1 != 1).then_some(-0.25)).collect::<Vec<_>>()
    )
    .expect("overlaps");
    Frames { curves, measures, events, overlaps, names }
}

fn percent(level: f64) -> String {
    format!("{:.0}\u{a0}%", 100.0 * level)
}

fn encoder_curves(curves: &DataFrame, names: &[String], style: &Style, stem: &Path) -> memoscope::Result<FigureFiles> {
    let panel = |column| PanelSpec { heading: column, column, title: column, ..PanelSpec::default() };
    let levels = columns::distinct(curves, "noise")?;
    let figure = Panels {
        title: "Curves by encoder",
        description: "One row per noise level.",
        x: X::Curve { column: "epoch", title: "epoch" },
        lines: Lines::numbered("number", names, "encoder"),
        rows: Some(Facet::levels("noise", &levels, |level| format!("{} noise", percent(level)))),
        panels: vec![panel("dev_score"), panel("probe_noisy_accuracy")],
        phases: None,
    };
    panels::draw(curves, &figure, style, stem)
}

fn encoder_measures(
    measures: &DataFrame,
    names: &[String],
    style: &Style,
    stem: &Path,
) -> memoscope::Result<FigureFiles> {
    let panel = |column, axis| PanelSpec { heading: column, column, axis, title: column, ..PanelSpec::default() };
    let figure = Panels {
        title: "Measures by encoder",
        description: "One value a run.",
        x: X::Numbers { column: "noise", title: "requested noise level", show: percent },
        lines: Lines::numbered("number", names, "encoder"),
        rows: None,
        panels: vec![
            panel("settling", YAxis::Epochs),
            panel("onset", YAxis::Epochs),
            panel("forgettable", YAxis::Percent),
            panel("detection_f1", YAxis::Score),
        ],
        phases: None,
    };
    panels::draw(measures, &figure, style, stem)
}

fn draw(frames: &Frames, width: Width, folder: &Path) -> Vec<FigureFiles> {
    let style = Style::of_width(width, true, "embedded corpus");
    let Frames { curves, measures, events, overlaps, names } = frames;
    let labels = ["0", "1", "≥2"].map(String::from);
    let drawn = [
        encoder_curves(curves, names, &style, &folder.join("curves")),
        encoder_measures(measures, names, &style, &folder.join("measures")),
        forgetting_events::draw(events, names, &labels, &style, &folder.join("events")),
        forgetting_overlap::draw(overlaps, names, "at 0 % noise", &style, &folder.join("overlap")),
    ];
    drawn.into_iter().map(|files| files.expect("a figure")).collect()
}

fn svg(files: &FigureFiles) -> String {
    let svg = fs_err::read_to_string(&files.svg).expect("SVG");
    assert_well_formed(&svg);
    svg
}

#[test]
fn one_encoder_and_many_can_be_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    for n in [1, 3, 9] {
        for width in [Width::Full, Width::Column] {
            let files = draw(&frames(n), width, folder.path());
            for files in &files {
                let drawing = svg(files);
                assert!(!drawing.contains("<b>") && drawing.contains("synthetic data"));
                assert!(files.alt.contains("encoder-0") && !files.alt.contains("No data"), "{}", files.alt);
            }
            // The name is in the legend where there is one, and nowhere twice.
            let legends = svg(&files[0]).matches(">\nencoder-0-&lt;b&gt;\n</text>").count();
            assert_eq!(legends, usize::from(n > 1));
        }
    }
}

#[test]
fn many_encoders_are_numbered_where_their_names_do_not_fit() {
    let folder = tempfile::tempdir().expect("a folder");
    let overlap = |n: u64| svg(&draw(&frames(n), Width::Full, folder.path())[3]);
    // Beside the rows and below the columns, in both maps.
    assert_eq!(overlap(2).matches(">\nencoder-1-&lt;b&gt;\n</text>").count(), 4);
    let many = overlap(9);
    assert_eq!(many.matches(">\nencoder-1-&lt;b&gt;\n</text>").count(), 0);
    assert_eq!(many.matches(">\nencoder-1-&lt;b&gt;  2\n</text>").count(), 2);
    assert!(many.contains("−0.25") && many.contains(">\n–\n"));
}

#[test]
fn the_same_frames_give_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let pairs = draw(&frames(3), Width::Full, one.path()).into_iter().zip(draw(&frames(3), Width::Full, two.path()));
    for (a, b) in pairs {
        for (a, b) in [(&a.svg, &b.svg), (&a.png, &b.png), (&a.csv[0], &b.csv[0])] {
            assert!(fs_err::read(a).expect("bytes") == fs_err::read(b).expect("bytes"), "{} differs", a.display());
        }
    }
}

#[test]
fn frames_without_rows_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut frames = frames(2);
    for frame in [&mut frames.curves, &mut frames.measures, &mut frames.events, &mut frames.overlaps] {
        *frame = frame.head(Some(0));
    }
    for width in [Width::Full, Width::Column] {
        let files = draw(&frames, width, folder.path());
        assert!(
            files.iter().all(|files| files.alt.to_lowercase().contains("no data") || files.alt.contains("not logged"))
        );
        assert!(files[..2].iter().all(|files| svg(files).contains("no data")));
        svg(&files[3]);
    }
}
