//! The report as Markdown (GitHub's dialect: pipe tables).

use std::fmt::Write as _;

use super::table::{Cell, Table, mark};
use super::{SYNTHETIC_NOTE, StudyReport};
use crate::figures::with_suffix;

/// The whole report; figures are links to their bitmaps.
pub(super) fn page(study: &StudyReport) -> String {
    let mut out = format!("# {}\n\n", escape(&study.title));
    if study.synthetic {
        let _ = writeln!(out, "> {}\n", escape(SYNTHETIC_NOTE));
    }
    for finding in &study.findings {
        let _ = writeln!(out, "* {}", escape(finding));
    }
    if !study.findings.is_empty() {
        out.push('\n');
    }
    if !study.figures.is_empty() {
        out.push_str("## Figures\n\n");
    }
    for (i, figure) in study.figures.iter().enumerate() {
        let path = with_suffix(&figure.stem, ".png");
        let link: String = path.to_string_lossy().chars().map(in_link).collect();
        let _ = writeln!(out, "![{}]({link})\n", escape(&figure.alt));
        let (title, caption) = (escape(&figure.title), escape(&figure.caption));
        let _ = writeln!(out, "**Figure {}. {title}.** {caption}\n", i + 1);
    }
    for note in study.foreign().notes() {
        let _ = writeln!(out, "{}\n", escape(&note));
    }
    if !study.tables.is_empty() {
        out.push_str("## Tables\n\n");
    }
    for (i, one) in study.tables.iter().enumerate() {
        let _ = writeln!(out, "**Table {}. {}.** {}\n", i + 1, escape(&one.title), escape(&one.caption));
        out.push_str(&table(one));
        let _ = writeln!(out, "\n[CSV](tables/{0}.csv) · [LaTeX](tables/{0}.tex)\n", one.name);
    }
    let _ = writeln!(out, "## Configuration\n\n{}", code(&study.configuration));
    out
}

/// One table with pipes; numbers at the right; below it why values are absent.
pub fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = line(table.columns.iter().map(|column| escape(&column.heading)).collect());
    let rules = table.columns.iter().map(|column| if column.is_number() { "---:" } else { "---" }.to_owned());
    out.push_str(&line(rules.collect()));
    let notes = table.notes();
    for row in &table.rows {
        let cells = row.iter().zip(&table.columns).map(|(cell, column)| match cell {
            Cell::Absent { reason } => {
                let note = notes.iter().position(|note| note == reason).unwrap_or_default();
                format!("–<sup>{}</sup>", mark(note))
            }
            cell => escape(&column.format.show(cell)),
        });
        out.push_str(&line(cells.collect()));
    }
    for (i, note) in notes.iter().enumerate() {
        let _ = write!(out, "{}<sup>{}</sup> {}.", if i == 0 { "\n" } else { " " }, mark(i), escape(note));
    }
    if !notes.is_empty() {
        out.push('\n');
    }
    out
}

/// A fenced block, its fence longer than any run of backticks inside.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}toml\n{}\n{fence}\n", text.trim_end())
}

/// Text that Markdown shows as it is, in a paragraph as in a table's cell.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '$' | '!' => {
                out.push('\\');
                out.push(c);
            }
            // At a line's start these would open a heading or a list.
            '#' | '-' | '+' if at_start => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_whitespace() && c != '\u{a0}' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
        at_start = at_start && c.is_whitespace();
    }
    out
}

fn in_link(c: char) -> String {
    match c {
        ' ' | '(' | ')' | '<' | '>' | '%' => format!("%{:02X}", u32::from(c)),
        '\\' => "/".into(),
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Bound;

    #[test]
    fn hostile_words_stay_in_their_cell() {
        assert_eq!(escape("a|b\nc"), "a\\|b c");
        assert_eq!(escape("<script>&"), "&lt;script&gt;&amp;");
        assert_eq!(escape("# [x](y) `z` \\"), "\\# \\[x\\](y) \\`z\\` \\\\");
    }

    #[test]
    fn reasons_stand_below_the_table() {
        use crate::report::{Column, Format};
        let settling = Table {
            name: "t".into(),
            title: String::new(),
            caption: String::new(),
            columns: vec![Column::new("length", "Length", Format::Decimal(1))],
            rows: vec![
                vec![Cell::Absent { reason: "no *onset*".into() }],
                vec![Cell::Number(4.0).bounded(Bound::AtLeast)],
                vec![Cell::Absent { reason: "no *onset*".into() }],
            ],
        };
        assert_eq!(
            table(&settling),
            "| Length |\n| ---: |\n| –<sup>a</sup> |\n| ≥\u{a0}4.0 |\n| –<sup>a</sup> |\n\n<sup>a</sup> no \\*onset\\*.\n"
        );
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert!(code("a ```` b").starts_with("`````toml\n"));
        assert!(code("a = 1").starts_with("```toml\n"));
    }
}
