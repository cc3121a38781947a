//! A table as LaTeX, for the packages booktabs and (for Unicode text) inputenc.

use std::fmt::Write as _;

use super::table::Table;

/// A `table` environment with caption and label; numbers at the right.
pub(super) fn table(table: &Table) -> String {
    let mut out = String::new();
    let alignment: String = table.columns.iter().map(|column| if column.is_number() { 'r' } else { 'l' }).collect();
    let line = |cells: Vec<String>| format!("{} \\\\", cells.join(" & "));
    let _ = writeln!(out, "\\begin{{table}}\n\\centering\n\\caption{{{}}}", escape(&about(table)));
    let _ = writeln!(out, "\\label{{tab:{}}}\n\\begin{{tabular}}{{{alignment}}}\n\\toprule", table.name);
    let _ = writeln!(out, "{}", line(table.columns.iter().map(|column| escape(&column.heading)).collect()));
    let _ = writeln!(out, "\\midrule");
    for row in &table.rows {
        let cells = row.iter().zip(&table.columns).map(|(cell, column)| escape(&column.format.show(cell)));
        let _ = writeln!(out, "{}", line(cells.collect()));
    }
    let _ = writeln!(out, "\\bottomrule\n\\end{{tabular}}\n\\end{{table}}");
    out
}

fn about(table: &Table) -> String {
    if table.caption.is_empty() { format!("{}.", table.title) } else { format!("{}. {}", table.title, table.caption) }
}

/// Text that LaTeX sets as it is; line breaks become spaces, other control characters vanish.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '|' => out.push_str("\\textbar{}"),
            '"' => out.push_str("{''}"),
            // A bracket after a line's end would be read as its argument.
            '[' => out.push_str("{[}"),
            ']' => out.push_str("{]}"),
            '*' => out.push_str("{*}"),
            '−' => out.push_str("$-$"),
            '±' => out.push_str("$\\pm$"),
            '–' => out.push_str("--"),
            '\u{a0}' => out.push_str("\\,"),
            c if c.is_whitespace() => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Cell, Column, Format};
    use super::*;

    #[test]
    fn hostile_words_are_set_as_they_are() {
        assert_eq!(
            escape("a_b & 5% \\x{y}\n$#~^"),
            "a\\_b \\& 5\\% \\textbackslash{}x\\{y\\} \\$\\#\\textasciitilde{}\\textasciicircum{}"
        );
        assert_eq!(escape("[x]*"), "{[}x{]}{*}");
    }

    #[test]
    fn a_table_has_rules_and_a_label() {
        let tex = table(&Table {
            name: "scores".into(),
            title: "Scores".into(),
            caption: String::new(),
            columns: vec![Column::new("w", "word", Format::Text), Column::new("f", "F1", Format::Mean(2))],
            rows: vec![vec![Cell::Text("R&D".into()), Cell::Mean { mean: 0.5, deviation: Some(0.1) }]],
        });
        assert!(tex.contains("\\label{tab:scores}\n\\begin{tabular}{lr}\n\\toprule\nword & F1 \\\\\n\\midrule"));
        assert!(tex.contains("R\\&D & 0.50 $\\pm$ 0.10 \\\\\n\\bottomrule"));
    }
}
