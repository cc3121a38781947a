//! The widths of a table: what fits into a column of a two-column paper, what needs the whole page, what has to be split.
//!
//! The widths are those of the ACL's style (11 pt, two columns), one of the narrowest in use. They are estimated from the
//! characters; every estimate is an upper one.

use super::cell::{cell, heading, wrap};
use super::symbols::Piece;
use crate::report::table::{Cell, Table};

/// Width of a column of the paper, in points.
pub(super) const COLUMN: f64 = 219.0;
/// Width of both columns and the space between them, in points.
pub(super) const PAGE: f64 = 455.0;

/// A size of type that LaTeX names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    /// The command; empty for the size of the text.
    pub command: &'static str,
    /// An em of the width estimates, in points: the size of type and 4 % more, because Computer Modern and Times differ.
    em: f64,
    /// From one baseline to the next, in points.
    pub line: f64,
    /// Half the space between columns, in points: LaTeX's `\tabcolsep`.
    pub space: f64,
}

const fn size(command: &'static str, em: f64, line: f64, space: f64) -> Size {
    Size { command, em, line, space }
}

/// What is tried, the most comfortable first. The smallest is 9 pt in a document of 11 pt, 8 pt in one of 10 pt.
const SIZES: [Size; 5] = [
    size("", 11.4, 13.6, 6.0),
    size("\\small", 10.4, 12.0, 6.0),
    size("\\small", 10.4, 12.0, 4.0),
    size("\\footnotesize", 9.65, 11.0, 4.0),
    size("\\footnotesize", 9.65, 11.0, 3.0),
];

/// Narrowest that a column of text is made by breaking it into lines, in points, and its width where a table is split.
const TEXT: (f64, f64) = (58.0, 160.0);
/// Cells of more lines than this take a table out of the column.
const BROKEN_LINES: usize = 4;
/// As many lines a heading has at most, unless its words do not let it.
const HEADING_LINES: usize = 3;

/// How one column is set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Strip {
    /// The column's index.
    pub column: usize,
    /// The heading's lines.
    pub heading: Vec<Piece>,
    /// The cells, one for each row, each in lines.
    pub cells: Vec<Vec<Piece>>,
}

impl Strip {
    /// In points.
    fn width(&self, size: Size) -> f64 {
        let lines = self.heading.iter().chain(self.cells.iter().flatten());
        lines.map(|line| line.width * size.em).fold(0.0, f64::max)
    }
}

/// How a table is set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// Whether it needs both columns.
    pub wide: bool,
    /// The type.
    pub size: Size,
    /// The columns of each part; one part unless the table is wider than the page.
    pub parts: Vec<Vec<Strip>>,
}

/// Chooses the layout.
pub(super) fn layout(table: &Table) -> Layout {
    for (room, wide) in [(COLUMN, false), (PAGE, true)] {
        let whole = SIZES.iter().find_map(|size| {
            let fits = |strips: &[Strip]| width(strips, *size) <= room;
            [f64::INFINITY, 0.0]
                .into_iter()
                .map(|narrow| strips(table, *size, narrow, f64::INFINITY))
                .find(|strips| fits(strips))
                .map(|strips| Layout { wide, size: *size, parts: vec![strips] })
        });
        if let Some(layout) = whole.or_else(|| broken(table, room, wide)) {
            return layout;
        }
    }
    split(table)
}

/// The columns with headings broken to the width of their cells or `narrow`, whichever is more, and text to `limit` points.
fn strips(table: &Table, size: Size, narrow: f64, limit: f64) -> Vec<Strip> {
    let notes = table.notes();
    let one = |i: usize| {
        let column = &table.columns[i];
        let cells: Vec<Vec<Piece>> = table
            .rows
            .iter()
            .map(|row| match &row[i] {
                Cell::Text(text) if limit.is_finite() => wrap(text, limit / size.em),
                value => vec![cell(value, column, &notes)],
            })
            .collect();
        let room = cells.iter().flatten().map(|line| line.width).fold(narrow, f64::max);
        let words = heading(column);
        let mut strip = Strip { column: i, heading: wrap_words(&words, room), cells };
        if limit.is_finite() && strip.width(size) > limit {
            strip.heading = wrap(&words, (limit / size.em).max(room));
        }
        strip
    };
    (0..table.columns.len()).map(one).collect()
}

/// A heading in lines that are as wide as `room` ems or its longest word, wider if there were too many lines.
fn wrap_words(words: &str, room: f64) -> Vec<Piece> {
    if room.is_infinite() {
        return vec![Piece::text(words)];
    }
    let longest = words.split_whitespace().map(|word| Piece::text(word).width).fold(room, f64::max);
    let mut limit = longest + 1e-6;
    loop {
        let lines = wrap(words, limit);
        if lines.len() <= HEADING_LINES {
            return lines;
        }
        limit *= 1.1;
    }
}

fn width(strips: &[Strip], size: Size) -> f64 {
    let spaces = 2.0 * size.space * strips.len().saturating_sub(1) as f64;
    strips.iter().map(|strip| strip.width(size)).sum::<f64>() + spaces
}

/// The table with its text in several lines, if that makes it fit and the lines do not get too short.
fn broken(table: &Table, room: f64, wide: bool) -> Option<Layout> {
    SIZES[2..].iter().find_map(|size| {
        let mut limit = room;
        while limit >= TEXT.0 {
            let strips = strips(table, *size, 0.0, limit);
            let lines = strips.iter().flat_map(|strip| &strip.cells).map(Vec::len).max().unwrap_or(1);
            if lines > BROKEN_LINES && !wide {
                return None;
            }
            if width(&strips, *size) <= room {
                return Some(Layout { wide, size: *size, parts: vec![strips] });
            }
            limit *= 0.9;
        }
        None
    })
}

/// The table in parts that fit the page, each with the columns that name its rows.
fn split(table: &Table) -> Layout {
    let size = SIZES[3];
    let all = strips(table, size, 0.0, TEXT.1);
    let mut n_keys = key_columns(table);
    while n_keys > 0 && width(&all[..n_keys], size) > PAGE / 2.0 {
        n_keys -= 1;
    }
    let (keys, rest) = all.split_at(n_keys);
    let mut parts: Vec<Vec<Strip>> = Vec::new();
    for strip in rest {
        if let Some(part) = parts.last_mut() {
            part.push(strip.clone());
            if width(part, size) <= PAGE {
                continue;
            }
            part.pop();
        }
        parts.push(keys.iter().chain([strip]).cloned().collect());
    }
    Layout { wide: true, size, parts }
}

/// How many of the first columns tell all rows apart; one if they do not.
fn key_columns(table: &Table) -> usize {
    let apart = |n: usize| {
        let keys = |row: &Vec<Cell>| format!("{:?}", &row[..n]);
        let mut seen = std::collections::BTreeSet::new();
        table.rows.iter().all(|row| seen.insert(keys(row)))
    };
    (1..table.columns.len().min(5)).find(|n| apart(*n)).unwrap_or(1).min(table.columns.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Column, Format};

    fn table(columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Table {
        Table { name: "t".into(), title: String::new(), caption: String::new(), columns, rows }
    }

    fn numbers(n: usize) -> Table {
        let column = |i: usize| Column::new(format!("x{i}"), format!("Measure number {i}"), Format::Decimal(3));
        let mut columns = vec![Column::new("run", "Run", Format::Text)];
        columns.extend((0..n).map(column));
        let mut row = vec![Cell::Text("pretrained".into())];
        row.extend((0..n).map(|_| Cell::Number(0.5)));
        table(columns, vec![row])
    }

    #[test]
    fn a_small_table_stays_in_the_column() {
        let layout = layout(&numbers(1));
        assert_eq!((layout.wide, layout.size, layout.parts.len()), (false, SIZES[0], 1));
        assert_eq!(layout.parts[0][1].heading.len(), 1);
    }

    #[test]
    fn headings_are_broken_before_the_type_gets_smaller() {
        let layout = layout(&numbers(3));
        assert_eq!((layout.wide, layout.size), (false, SIZES[0]));
        assert!(layout.parts[0][1].heading.len() > 1);
    }

    #[test]
    fn what_does_not_fit_the_column_takes_the_page_and_then_parts() {
        let wide = layout(&numbers(9));
        assert_eq!((wide.wide, wide.parts.len()), (true, 1));
        let split = layout(&numbers(25));
        assert!(split.wide && split.parts.len() > 1);
        for part in &split.parts {
            assert_eq!(part[0].column, 0);
            assert!(width(part, split.size) <= PAGE);
        }
        let shown: Vec<usize> =
            split.parts.iter().flat_map(|part| part[1..].iter().map(|strip| strip.column)).collect();
        assert_eq!(shown, (1..=25).collect::<Vec<_>>());
    }

    #[test]
    fn long_text_is_broken_into_lines() {
        let text = "the quick brown fox jumps over the lazy dog and on and on until the line is full";
        let columns = vec![Column::new("a", "Example", Format::Text), Column::new("n", "n", Format::Integer)];
        let layout = layout(&table(columns, vec![vec![Cell::Text(text.into()), Cell::Integer(3)]]));
        assert!(!layout.wide && layout.parts[0][0].cells[0].len() > 1);
    }
}
