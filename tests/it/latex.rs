//! All tables of reports in a two-column paper, set by pdfLaTeX.

use std::path::Path;
use std::process::{Command, Stdio};

use memoscope::dynamics::CsvText;
use memoscope::metrics::Bound;
use memoscope::metrics::Interval;
use memoscope::report::{self, Cell, Column, Format, StudyReport, Table};

use crate::workspace::{Workspace, repository};

/// The page of the ACL's style: A4, 455 pt of text in two columns of 219 pt, 11 pt type.
const PREAMBLE: &str = "\\documentclass[11pt,a4paper,twocolumn]{article}
\\usepackage[a4paper,textwidth=16cm,textheight=24.7cm]{geometry}
\\setlength{\\columnsep}{0.6cm}
\\usepackage{booktabs}
\\extrafloats{200}
\\begin{document}
";

/// Sets the tables, in Computer Modern and in Times; fails with what LaTeX complains about. False where it is not installed.
fn set(tables: &[(String, String)]) -> bool {
    if Command::new("pdflatex").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!(
            "skipped: there is no pdflatex (Debian: apt-get install texlive-latex-base texlive-latex-recommended)"
        );
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let times =
        Command::new("kpsewhich").arg("ptmr7t.tfm").stdout(Stdio::null()).status().is_ok_and(|done| done.success());
    if !times {
        eprintln!(
            "set in Computer Modern alone: Times is not installed (Debian: apt-get install texlive-fonts-recommended)"
        );
    }
    for font in ["", "\\usepackage{times}\n"].into_iter().take(if times { 2 } else { 1 }) {
        let mut document = PREAMBLE.replacen("\\begin{document}", &format!("{font}\\begin{{document}}"), 1);
        for (name, tex) in tables {
            assert!(tex.is_ascii(), "{name} is not ASCII");
            document.push_str(&format!("\\typeout{{TABLE {name}}}\n{tex}\\clearpage\n"));
        }
        document.push_str("\\end{document}\n");
        fs_err::write(folder.path().join("paper.tex"), &document).unwrap();
        // Twice, for the labels.
        for _ in 0..2 {
            let done = Command::new("pdflatex")
                .args(["-interaction=nonstopmode", "-halt-on-error", "paper.tex"])
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let log = String::from_utf8_lossy(&fs_err::read(folder.path().join("paper.log")).unwrap()).into_owned();
            let mut at = "";
            for (i, line) in log.lines().enumerate() {
                at = line.strip_prefix("TABLE ").unwrap_or(at);
                let wrong = ["Overfull", "! ", "Float too large", "Missing character", "multiply defined"];
                let said: Vec<&str> = log.lines().skip(i).take(4).collect();
                assert!(!wrong.iter().any(|part| line.contains(part)), "{at}: {}", said.join("\n"));
            }
            assert!(done.status.success());
        }
    }
    true
}

/// The tables in a report's folder.
fn written(report: &Path, name: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> =
        fs_err::read_dir(report.join("tables")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "tex"));
    files.sort();
    let read = |file: &std::path::PathBuf| fs_err::read_to_string(file).unwrap();
    // Two reports have tables of one name.
    files
        .iter()
        .map(|file| (file.display().to_string(), read(file).replace("{tab:", &format!("{{tab:{name}-"))))
        .collect()
}

fn render(tables: Vec<Table>, name: &str) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let study = StudyReport { tables, ..StudyReport::default() };
    report::render(&study, folder.path(), CsvText::Exact).unwrap();
    written(folder.path(), name)
}

#[test]
fn tables_of_a_drawn_study_fit_the_paper() {
    let workspace = Workspace::new();
    let smoke = repository("experiments/smoke.toml").display().to_string();
    let said = workspace.run(&["sweep", &smoke, "--out", "out"]);
    assert_eq!(said.code, 0, "{said}");
    let tables = written(&workspace.path().join("out/report"), "smoke");
    assert!(tables.len() > 3);
    set(&tables);
}

/// The tables of a report in Markdown, with cells of text: as wide as in the report, or wider.
fn tables_in(markdown: &str) -> Vec<Table> {
    let plain = |text: &str| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let mut out = String::new();
        let mut characters = text.trim().chars();
        while let Some(c) = characters.next() {
            out.extend(if c == '\\' { characters.next() } else { Some(c) });
        }
        out
    };
    let cells = |line: &str| -> Vec<String> {
        line.trim()
            .trim_matches('|')
            .replace("\\|", "\u{1}")
            .split('|')
            .map(|cell| plain(&cell.replace('\u{1}', "\\|")))
            .collect()
    };
    let (mut tables, mut about) = (Vec::new(), String::new());
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("**Table") {
            about = plain(&line.replace("**", ""));
        }
        let Some(rule) = lines.peek().filter(|rule| line.starts_with("| ") && rule.starts_with("| ---")) else {
            continue;
        };
        let formats =
            cells(rule).into_iter().map(|rule| if rule.ends_with(':') { Format::Decimal(1) } else { Format::Text });
        let column = |(heading, format): (String, Format)| Column::new(heading.clone(), heading, format);
        let columns: Vec<Column> = cells(line).into_iter().zip(formats).map(column).collect();
        lines.next();
        let mut rows = Vec::new();
        while let Some(row) = lines.next_if(|row| row.starts_with("| ")) {
            rows.push(cells(row).into_iter().map(Cell::Text).collect());
        }
        let (title, caption) = about.split_once(". ").unwrap_or((&about, ""));
        let name = format!("t{}", tables.len());
        tables.push(Table { name, title: title.into(), caption: caption.into(), columns, rows });
    }
    tables
}

#[test]
fn tables_of_all_committed_reports_fit_the_paper() {
    let mut tables = Vec::new();
    for entry in fs_err::read_dir(repository("reports")).unwrap() {
        let report = entry.unwrap().path();
        for file in ["report.md", "evaluation.md"].map(|name| report.join(name)).iter().filter(|file| file.is_file()) {
            let name = report.file_name().unwrap().to_str().unwrap();
            tables.extend(render(tables_in(&fs_err::read_to_string(file).unwrap()), name));
        }
    }
    assert!(tables.len() > 50, "{} tables", tables.len());
    set(&tables);
}

fn table(name: &str, columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Table {
    let caption =
        "A caption with the path /data/conll2003/a_very_long_folder_name/and_another_one/train.txt and κ ≥ 0.5 ± 10 %.";
    Table { name: name.into(), title: format!("Table {name}"), caption: caption.into(), columns, rows }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

/// Every format, bounds and reasons in it.
fn formats() -> Table {
    let interval = Some(Interval { low: -0.5, high: 123.5 });
    let columns = [
        ("Integer", Format::Integer),
        ("Decimal", Format::Decimal(3)),
        ("Percent of tokens", Format::Percent(1)),
        ("Learning rate", Format::Scientific(1)),
        ("Mean over seeds", Format::Mean(3)),
        ("Share over seeds", Format::MeanPercent(1)),
        ("Settling length (epochs)", Format::Interval(2)),
        ("Share", Format::IntervalPercent(1)),
    ];
    let cells = || {
        vec![
            Cell::Integer(-1_234_567),
            Cell::Number(-12.345),
            Cell::Number(0.999),
            Cell::Number(4.4e-14),
            Cell::Mean { mean: -0.5, deviation: Some(10.0) },
            Cell::Mean { mean: 0.5, deviation: Some(0.25) },
            Cell::Interval { mean: 1.0, interval },
            Cell::Interval { mean: 0.123, interval },
        ]
    };
    let absent = |reason: &str| Cell::Absent { reason: reason.into() };
    let rows = vec![
        cells(),
        cells().into_iter().map(|cell| cell.bounded(Bound::AtLeast)).collect(),
        cells().iter().map(|_| absent("no onset of memorisation in any of the runs of this cell")).collect(),
        cells().iter().map(|_| absent("fewer than two seeds")).collect(),
    ];
    let columns = columns.map(|(heading, format)| Column::new(heading, heading, format));
    table("formats", columns.to_vec(), rows)
}

/// Text that is hard to set: scripts, marks, commands, words without a place to break.
fn hard_text() -> Table {
    let words = [
        "\\input{/etc/passwd} \\end{document} ^^M % # $ & _ ~ ^ { } <<>> \" '' `` -- --- ?` !`",
        "[x]* *",
        "Łódź, ñandú, Ångström, naïve, Çelik, œuvre, ıİ, ĳ, ǅ, ệ, ą, đ",
        "κ τ ≥ ± × – − α Ω ∑ ≈ → … « » „“ ° µ ½ ² € £ ™",
        "中文字符 العربية עברית हिन्दी 😀👩‍👩‍👧 \u{202e}\u{200b}\u{feff}",
        &"Donaudampfschifffahrtsgesellschaftskapitän".repeat(6),
        &"https://example.org/a/b?c=d&e=f_g#h%20".repeat(5),
        &"M".repeat(300),
        &"word ".repeat(80),
        "",
    ];
    let rows = words.iter().map(|word| vec![text(word), text(word), Cell::Integer(3)]).collect();
    let columns = vec![
        Column::new("a", "Token", Format::Text),
        Column::new("b", "Sentence κ_{x}", Format::Text),
        Column::new("n", "Unbreakableheading".repeat(8), Format::Integer),
    ];
    table("text", columns, rows)
}

/// Columns beyond the page, rows beyond its end.
fn large(name: &str, n_columns: usize, n_rows: usize) -> Table {
    let mut columns = vec![Column::new("noise", "Noise", Format::Percent(0)), Column::new("run", "Run", Format::Text)];
    columns.extend(
        (0..n_columns)
            .map(|i| Column::new(format!("x{i}"), format!("Noise detection F1, measure {i}"), Format::Mean(3))),
    );
    let row = |i: usize| {
        let mut row =
            vec![Cell::Number((i / 7) as f64 / 100.0), text(&format!("noise=0.30,encoder=pretrained,seed={i}"))];
        row.extend((0..n_columns).map(|_| Cell::Mean { mean: 0.5, deviation: Some(0.125) }));
        row
    };
    table(name, columns, (0..n_rows).map(row).collect())
}

#[test]
fn hard_tables_fit_the_paper() {
    let tables = vec![
        formats(),
        hard_text(),
        large("wide", 30, 3),
        large("long", 1, 200),
        large("both", 14, 130),
        large("nothing", 4, 0),
        table("one", vec![Column::new("x", "x", Format::Text)], vec![vec![text(&"long ".repeat(60))]]),
    ];
    set(&render(tables, "hard"));
}
