//! A table as LaTeX, for the package booktabs: ASCII, and no wider than a paper's column or page.
//!
//! A table takes one column of a two-column paper (`table`) if it can be made to fit by short headings in several lines, by
//! type down to `\footnotesize` and by breaking long text; else both columns (`table*`); a table that is wider than that is
//! split into parts below each other, each with the columns that name its rows. Nothing is scaled, so that type is never
//! smaller than `\footnotesize`. A table longer than a page is continued in further floats. The leading columns' values are
//! printed once where they repeat.

mod cell;
mod layout;
mod symbols;

use std::fmt::Write as _;

use layout::{COLUMN, Layout, PAGE, Strip, layout};
use symbols::{FALLBACK, Piece};

use super::Format;
use super::table::{Cell, Column, Table, mark};

/// Height that a float may have on a page of the ACL's style (702 pt), with a margin for what is estimated, in points.
const HEIGHT: f64 = 610.0;

/// The table's `table` or `table*` environments with caption and label; numbers at the right.
pub(super) fn table(table: &Table) -> String {
    let layout = layout(table);
    let body = floats(table, &layout);
    let width = if layout.wide { "both columns (455 pt)" } else { "one column (219 pt)" };
    let mut out = String::new();
    let _ = writeln!(
        out,
        "% Needs \\usepackage{{booktabs}}. Fits {width} of a two-column paper; the CSV file has every digit."
    );
    if body.contains(FALLBACK) {
        let _ = writeln!(
            out,
            "% Characters that LaTeX has no command for are set by their code points. With XeLaTeX or LuaLaTeX and a font that\n\
             % has them: \\newcommand{{{FALLBACK}}}[1]{{\\symbol{{\"#1}}}} before the table.\n\
             \\providecommand{{{FALLBACK}}}[1]{{\\texttt{{[U+#1]}}}}"
        );
    }
    out.push_str(&body);
    out
}

/// One float, or several if the rows and parts need more than a page.
fn floats(table: &Table, layout: &Layout) -> String {
    let groups = groups(table);
    let room = HEIGHT - caption_height(table, layout);
    // Rows and the parts of the columns that stand in one float.
    let mut floats: Vec<Vec<(usize, std::ops::Range<usize>)>> = Vec::new();
    let mut left = 0.0;
    for (part, strips) in layout.parts.iter().enumerate() {
        let head = strips.iter().map(|strip| strip.heading.len()).max().unwrap_or(1) as f64 * layout.size.line + 30.0;
        let height = |row: usize| {
            let lines = strips.iter().map(|strip| strip.cells[row].len()).max().unwrap_or(1);
            lines as f64 * layout.size.line + if row > 0 && groups.starts[row] { 5.0 } else { 0.0 }
        };
        let all: f64 = (0..table.rows.len()).map(height).sum();
        let mut start = 0;
        if left < head + all.min(room / 3.0) {
            floats.push(Vec::new());
            left = room;
        }
        left -= head;
        for row in 0..table.rows.len() {
            if left < height(row) && row > start {
                floats.last_mut().into_iter().for_each(|float| float.push((part, start..row)));
                floats.push(Vec::new());
                start = row;
                left = room - head;
            }
            left -= height(row);
        }
        floats.last_mut().into_iter().for_each(|float| float.push((part, start..table.rows.len())));
    }
    let n = floats.len();
    let float =
        |(i, pieces): (usize, &Vec<(usize, std::ops::Range<usize>)>)| float(table, layout, &groups, pieces, (i, n));
    floats.iter().enumerate().map(float).collect()
}

fn float(
    table: &Table,
    layout: &Layout,
    groups: &Groups,
    pieces: &[(usize, std::ops::Range<usize>)],
    (i, n): (usize, usize),
) -> String {
    let environment = if layout.wide { "table*" } else { "table" };
    let mut out = format!("\\begin{{{environment}}}\n\\centering\n\\sloppy\n");
    let caption = match i {
        0 => about(table),
        _ => format!("{} (continued, {} of {n}).", table.title, i + 1),
    };
    if i > 0 {
        out.push_str("\\addtocounter{table}{-1}\n");
    }
    let _ = writeln!(out, "\\caption{{{}}}", breakable(&caption));
    if i == 0 {
        let _ = writeln!(out, "\\label{{tab:{}}}", table.name);
    }
    if !layout.size.command.is_empty() {
        let _ = writeln!(out, "{}", layout.size.command);
    }
    let _ = writeln!(out, "\\setlength{{\\tabcolsep}}{{{}pt}}", layout.size.space);
    for (j, (part, rows)) in pieces.iter().enumerate() {
        if j > 0 {
            out.push_str("\n\\medskip\n");
        }
        tabular(&mut out, table, &layout.parts[*part], groups, rows.clone());
    }
    if i + 1 == n {
        notes(&mut out, table, layout);
    }
    let _ = writeln!(out, "\\end{{{environment}}}");
    out
}

fn tabular(out: &mut String, table: &Table, strips: &[Strip], groups: &Groups, rows: std::ops::Range<usize>) {
    let align = |strip: &Strip| if table.columns[strip.column].is_number() { 'r' } else { 'l' };
    let alignment: String = strips.iter().map(align).collect();
    let heading = |strip: &Strip| stack(&strip.heading, align(strip), 'b');
    let _ = writeln!(out, "\\begin{{tabular}}{{@{{}}{alignment}@{{}}}}\n\\toprule");
    let _ = writeln!(out, "{} \\\\\n\\midrule", strips.iter().map(heading).collect::<Vec<_>>().join(" & "));
    let first = rows.start;
    for row in rows {
        if row > first && groups.starts[row] {
            out.push_str("\\addlinespace\n");
        }
        let cell = |strip: &Strip| {
            let repeated = row > first && groups.repeats[row] > strip.column;
            if repeated { String::new() } else { stack(&strip.cells[row], align(strip), 't') }
        };
        let _ = writeln!(out, "{} \\\\", strips.iter().map(cell).collect::<Vec<_>>().join(" & "));
    }
    if first == table.rows.len() {
        let _ = writeln!(out, "\\multicolumn{{{}}}{{@{{}}l@{{}}}}{{no rows}} \\\\", strips.len());
    }
    let _ = writeln!(out, "\\bottomrule\n\\end{{tabular}}");
}

/// Lines above each other, the last (`b`) or first (`t`) one on the row's line.
fn stack(lines: &[Piece], align: char, at: char) -> String {
    match lines {
        [] => String::new(),
        [line] => line.tex.clone(),
        lines => {
            let lines: Vec<&str> = lines.iter().map(|line| line.tex.as_str()).collect();
            format!("\\begin{{tabular}}[{at}]{{@{{}}{align}@{{}}}}{}\\end{{tabular}}", lines.join("\\\\"))
        }
    }
}

/// Why values are absent.
fn notes(out: &mut String, table: &Table, layout: &Layout) {
    let notes: Vec<String> = table
        .notes()
        .iter()
        .enumerate()
        .map(|(i, note)| format!("\\textsuperscript{{{}}} {}.", mark(i), breakable(note)))
        .collect();
    if !notes.is_empty() {
        let width = if layout.wide { "\\textwidth" } else { "\\columnwidth" };
        let _ = writeln!(out, "\n\\smallskip\n\\parbox{{{width}}}{{\\footnotesize\\raggedright {}}}", notes.join(" "));
    }
}

/// Which leading values repeat those above.
struct Groups {
    /// For each row, how many of the first cells equal those of the row above.
    repeats: Vec<usize>,
    /// For each row, whether a new value of the first column begins there while some other one has several rows.
    starts: Vec<bool>,
}

fn groups(table: &Table) -> Groups {
    // A measure is no name of a group: two equal means are both printed.
    let names = |column: &Column| {
        matches!(column.format, Format::Text | Format::Integer | Format::Percent(_) | Format::Decimal(_))
    };
    let most =
        table.columns.iter().take_while(|column| names(column)).count().min(table.columns.len().saturating_sub(1));
    let missing = |cell: &Cell| matches!(cell, Cell::Missing | Cell::Absent { .. });
    let same = |row: usize| {
        let [above, here] = [row - 1, row].map(|row| &table.rows[row][..most]);
        above.iter().zip(here).take_while(|(above, here)| above == here && !missing(here)).count()
    };
    let repeats: Vec<usize> = (0..table.rows.len()).map(|row| if row == 0 { 0 } else { same(row) }).collect();
    let any = repeats.iter().any(|n| *n > 0);
    let starts = repeats.iter().map(|n| any && *n == 0).collect();
    Groups { repeats, starts }
}

fn about(table: &Table) -> String {
    if table.caption.is_empty() { format!("{}.", table.title) } else { format!("{}. {}", table.title, table.caption) }
}

/// Points that a caption and the notes take, with those of the space around them.
fn caption_height(table: &Table, layout: &Layout) -> f64 {
    let room = if layout.wide { PAGE } else { COLUMN };
    let lines = |text: &str| (Piece::text(text).width * 10.95 / room * 1.1).ceil();
    13.6 * lines(&about(table)) + 11.0 * table.notes().iter().map(|note| lines(note)).sum::<f64>() + 20.0
}

/// Text for a paragraph, in which words too long for a line may be broken.
fn breakable(text: &str) -> String {
    let word = |word: &str| {
        let lines = cell::wrap(word, 10.0);
        lines.iter().map(|line| line.tex.as_str()).collect::<Vec<_>>().join("\\allowbreak{}")
    };
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.into())
    }

    fn scores(rows: Vec<Vec<Cell>>) -> Table {
        Table {
            name: "scores".into(),
            title: "Scores".into(),
            caption: String::new(),
            columns: vec![
                Column::new("w", "encoder", Format::Text),
                Column::new("n", "noise", Format::Percent(0)),
                Column::new("f", "F1", Format::Mean(2)),
            ],
            rows,
        }
    }

    #[test]
    fn a_table_has_rules_and_a_label() {
        let row = vec![text("R&D"), Cell::Number(0.3), Cell::Mean { mean: 0.5, deviation: Some(0.1) }];
        let tex = table(&scores(vec![row]));
        assert!(tex.starts_with("% Needs \\usepackage{booktabs}. Fits one column (219 pt)"), "{tex}");
        assert!(tex.contains("\\label{tab:scores}\n"), "{tex}");
        assert!(
            tex.contains("\\begin{tabular}{@{}lrr@{}}\n\\toprule\nencoder & noise (\\%) & F1 \\\\\n\\midrule"),
            "{tex}"
        );
        assert!(tex.contains("R\\&D & 30 & 0.50\\,$\\pm$\\,0.10 \\\\\n\\bottomrule"), "{tex}");
        assert!(table(&scores(vec![])).contains("no rows"));
    }

    #[test]
    fn a_group_has_its_value_once() {
        let mean = || Cell::Mean { mean: 0.5, deviation: None };
        let row = |name: &str, noise: f64| vec![text(name), Cell::Number(noise), mean()];
        let tex = table(&scores(vec![row("bert", 0.0), row("bert", 0.3), row("lstm", 0.3), row("lstm", 0.3)]));
        let expected =
            "bert & 0 & 0.50 \\\\\n & 30 & 0.50 \\\\\n\\addlinespace\nlstm & 30 & 0.50 \\\\\n &  & 0.50 \\\\";
        assert!(tex.contains(expected), "{tex}");
    }

    #[test]
    fn a_long_table_is_continued() {
        let row =
            |i: usize| vec![text(&format!("run {i}")), Cell::Number(0.0), Cell::Mean { mean: 0.5, deviation: None }];
        let tex = table(&scores((0..150).map(row).collect()));
        assert_eq!(tex.matches("\\begin{table}").count(), 4);
        assert_eq!(tex.matches("\\label").count(), 1);
        assert!(tex.contains("\\addtocounter{table}{-1}\n\\caption{Scores (continued, 2 of 4).}"), "{tex}");
        for i in 0..150 {
            assert_eq!(tex.matches(&format!("run {i} ")).count(), 1);
        }
    }

    #[test]
    fn characters_without_a_command_bring_their_macro() {
        let tex = table(&scores(vec![vec![text("中"), Cell::Missing, Cell::Missing]]));
        assert!(tex.contains("\\providecommand{\\memoscopechar}") && tex.is_ascii(), "{tex}");
        assert!(!table(&scores(vec![])).contains("memoscopechar"));
    }

    #[test]
    fn reasons_stand_below() {
        let tex = table(&scores(vec![vec![text("a"), Cell::Absent { reason: "no run".into() }, Cell::Missing]]));
        assert!(tex.contains("a & --\\textsuperscript{a} & -- \\\\"), "{tex}");
        assert!(tex.contains("\\raggedright \\textsuperscript{a} no run.}"), "{tex}");
    }
}
