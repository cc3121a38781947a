//! Records as a file has them, before anything is known of what its columns mean.

use std::collections::BTreeMap;
use std::fmt;

/// The records of a file.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The columns' names in the order in which they first occur.
    pub columns: Vec<String>,
    /// The records in order.
    pub rows: Vec<Row>,
}

/// One record.
#[derive(Debug)]
pub(super) struct Row {
    pub place: Place,
    /// By column; what is unknown is absent.
    pub cells: BTreeMap<String, Field>,
}

/// Where a record is in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// One-based line.
    Line(usize),
    /// One-based number in a JSON array.
    Record(usize),
}

/// A value that is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    /// A number; NaN and infinities stay visible.
    Number(f64),
    /// Anything else, as it is written.
    Text(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Record(number) => write!(f, "record {number}"),
        }
    }
}

impl Table {
    /// Adds a record.
    pub fn push(&mut self, row: Row) {
        for column in row.cells.keys() {
            self.add_column(column);
        }
        self.rows.push(row);
    }

    /// Adds a column that may have no value.
    pub fn add_column(&mut self, column: &str) {
        if !self.columns.iter().any(|known| known == column) {
            self.columns.push(column.to_owned());
        }
    }
}

/// What stands for "unknown" in a cell.
pub(super) fn is_unknown(text: &str) -> bool {
    matches!(text.trim(), "" | "null" | "None" | "NA" | "N/A" | "-" | "_")
}

/// Reads a number as people write it: `0.5`; `0.5 %` for 0.005; with `decimal_comma`, `0,5` and `1.234,5`; `NaN`.
pub(super) fn number(text: &str, decimal_comma: bool) -> Option<f64> {
    let text = text.trim();
    let (text, is_percent) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), true),
        None => (text, false),
    };
    let parsed = match text.split_once(',') {
        Some((whole, decimals)) if decimal_comma && decimals.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{}.{decimals}", whole.replace('.', "")).parse()
        }
        None if decimal_comma && has_thousands(text) => text.replace('.', "").parse(),
        _ => text.parse::<f64>(),
    };
    parsed.ok().map(|number| if is_percent { number / 100.0 } else { number })
}

/// True of `1.234` and `1.234.567`, not of `0.300`.
fn has_thousands(text: &str) -> bool {
    let (first, groups) = match text.split_once('.') {
        Some((first, rest)) => (first, rest.split('.')),
        None => return false,
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    matches!(first.len(), 1..=3)
        && digits(first)
        && !first.starts_with('0')
        && groups.clone().all(|g| g.len() == 3 && digits(g))
}
