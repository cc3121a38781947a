//! A table: cells with their values, and how each column shows them.

use polars::prelude::{AnyValue, DataFrame};

use super::format::Format;
use crate::figures::columns;
use crate::metrics::{Bound, Interval};
use crate::{Error, Result};

/// What is known for one row and column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing: null in the frame, or not a number.
    Missing,
    /// Nothing, for a known reason: shown as an en dash with a note.
    Absent {
        /// Why there is no value, a short clause such as `no onset in any seed`.
        reason: String,
    },
    /// A bound of a value that is not known exactly: `≥ 4.0`.
    Censored {
        /// The side on which the value lies.
        bound: Bound,
        /// The bound, as a cell of the column's format.
        value: Box<Cell>,
    },
    /// Words, unescaped.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A mean over seeds with its standard deviation; the latter null with one seed.
    Mean {
        /// The mean.
        mean: f64,
        /// Sample standard deviation (n − 1).
        deviation: Option<f64>,
    },
    /// A mean with its 95 % interval; the latter null with one seed.
    Interval {
        /// The mean.
        mean: f64,
        /// Where it probably lies.
        interval: Option<Interval>,
    },
}

impl Cell {
    /// The cell as a bound; a cell without a value stays as it is.
    pub fn bounded(self, bound: Bound) -> Self {
        match self {
            Self::Missing | Self::Absent { .. } | Self::Censored { .. } => self,
            value => Self::Censored { bound, value: Box::new(value) },
        }
    }
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name in the frame and in the CSV.
    pub key: String,
    /// The heading, with the unit.
    pub heading: String,
    /// A shorter heading for narrow tables (LaTeX); none for the same.
    pub short: Option<String>,
    /// How its values are shown.
    pub format: Format,
    /// Whether values may be bounds: the CSV has a column `NAME_censored`.
    pub censored: bool,
    /// Whether missing values may have a reason: the CSV has a column `NAME_absent`.
    pub absent: bool,
}

impl Column {
    /// A column `key` of a frame under `heading`.
    pub fn new(key: impl Into<String>, heading: impl Into<String>, format: Format) -> Self {
        Self { key: key.into(), heading: heading.into(), short: None, format, censored: false, absent: false }
    }

    /// Gives it a shorter heading, which LaTeX tables use: one or two words, the unit in brackets. Percentages need no unit
    /// there: it is added.
    pub fn short(mut self, heading: impl Into<String>) -> Self {
        self.short = Some(heading.into());
        self
    }

    /// Whether values stand at the right, as numbers do.
    pub fn is_number(&self) -> bool {
        self.format != Format::Text
    }
}

/// A table of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Stem of its files: letters, digits, `-` and `_`.
    pub name: String,
    /// Stands above it.
    pub title: String,
    /// Stands below the title: what is shown, what means what.
    pub caption: String,
    /// Its columns, from left to right.
    pub columns: Vec<Column>,
    /// Its rows, each with one cell a column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Takes the named columns of a frame, all rows, in the frame's order.
    ///
    /// Beside a column `NAME`, the frame may have the text columns `NAME_censored` (`at least`, `at most`, or null for
    /// an exact value) and `NAME_absent` (why the value is null, or null).
    ///
    /// # Errors
    /// [`Error::Internal`] if a column is missing or holds what its format cannot show, or if `name` is no file stem.
    pub fn from_frame(
        frame: &DataFrame,
        name: impl Into<String>,
        title: impl Into<String>,
        caption: impl Into<String>,
        mut columns: Vec<Column>,
    ) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(Error::Internal(format!("`{name}` cannot name a table's files")));
        }
        for column in &mut columns {
            column.censored |= columns::has(frame, &format!("{}_censored", column.key));
            column.absent |= columns::has(frame, &format!("{}_absent", column.key));
        }
        let cells: Vec<Vec<Cell>> = columns.iter().map(|column| read(frame, column)).collect::<Result<_>>()?;
        let rows = (0..frame.height()).map(|row| cells.iter().map(|column| column[row].clone()).collect()).collect();
        Ok(Self { name, title: title.into(), caption: caption.into(), columns, rows })
    }

    /// The reasons why values are absent, each once, in the order of their first appearance by rows.
    pub fn notes(&self) -> Vec<&str> {
        let mut notes = Vec::new();
        for cell in self.rows.iter().flatten() {
            if let Cell::Absent { reason } = cell
                && !notes.contains(&reason.as_str())
            {
                notes.push(reason.as_str());
            }
        }
        notes
    }
}

/// The mark of note `i`, counted from zero: `a` to `z`, then `aa`, `ab` and so on.
pub(super) fn mark(mut i: usize) -> String {
    let mut mark = Vec::new();
    loop {
        mark.push(char::from(b'a' + (i % 26) as u8));
        match i / 26 {
            0 => break,
            rest => i = rest - 1,
        }
    }
    mark.into_iter().rev().collect()
}

fn read(frame: &DataFrame, column: &Column) -> Result<Vec<Cell>> {
    let mut cells = values(frame, column)?;
    if column.censored {
        let bounds = companion(frame, column, "censored")?;
        cells = cells
            .into_iter()
            .zip(bounds)
            .map(|(cell, bound)| match bound {
                None => Ok(cell),
                Some(name) => Bound::named(&name).map(|bound| cell.bounded(bound)).ok_or_else(|| {
                    Error::Internal(format!(
                        "`{name}` in column `{}_censored`: not `at least` or `at most`",
                        column.key
                    ))
                }),
            })
            .collect::<Result<_>>()?;
    }
    if column.absent {
        for (cell, reason) in cells.iter_mut().zip(companion(frame, column, "absent")?) {
            if let (Cell::Missing, Some(reason)) = (&cell, reason) {
                *cell = Cell::Absent { reason };
            }
        }
    }
    Ok(cells)
}

/// The texts beside a column, nulls where the frame has none.
fn companion(frame: &DataFrame, column: &Column, name: &str) -> Result<Vec<Option<String>>> {
    let name = format!("{}_{name}", column.key);
    if columns::has(frame, &name) { columns::texts(frame, &name) } else { Ok(vec![None; frame.height()]) }
}

fn values(frame: &DataFrame, column: &Column) -> Result<Vec<Cell>> {
    match column.format {
        Format::Text => {
            let values = frame
                .column(&column.key)
                .map_err(|_| Error::Internal(format!("no column `{}` for the table", column.key)))?;
            (0..frame.height())
                .map(|row| {
                    Ok(match values.get(row)? {
                        AnyValue::Null => Cell::Missing,
                        value => Cell::Text(crate::figures::table::field(&value)),
                    })
                })
                .collect()
        }
        Format::Integer => {
            let cell = |value: Option<f64>| value.map_or(Cell::Missing, |value| Cell::Integer(value.round() as i64));
            Ok(columns::numbers(frame, &column.key)?.into_iter().map(cell).collect())
        }
        Format::Decimal(_) | Format::Percent(_) | Format::Scientific(_) => Ok(columns::numbers(frame, &column.key)?
            .into_iter()
            .map(|v| v.map_or(Cell::Missing, Cell::Number))
            .collect()),
        Format::Mean(_) | Format::MeanPercent(_) => {
            let deviations = columns::numbers(frame, &format!("{}_sd", column.key))?;
            let means = columns::numbers(frame, &column.key)?;
            Ok(means
                .into_iter()
                .zip(deviations)
                .map(|(mean, deviation)| mean.map_or(Cell::Missing, |mean| Cell::Mean { mean, deviation }))
                .collect())
        }
        Format::Interval(_) | Format::IntervalPercent(_) => {
            let end = |name: &str| columns::numbers(frame, &format!("{}_{name}", column.key));
            let ends = end("low")?.into_iter().zip(end("high")?);
            let cell = |(mean, (low, high)): (Option<f64>, (Option<f64>, Option<f64>))| {
                let interval = low.zip(high).map(|(low, high)| Interval { low, high });
                mean.map_or(Cell::Missing, |mean| Cell::Interval { mean, interval })
            };
            Ok(columns::numbers(frame, &column.key)?.into_iter().zip(ends).map(cell).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::df;

    #[test]
    fn a_frame_becomes_a_table() {
        let frame = df!(
            "word" => [Some("a|b"), None],
            "n" => [3u32, 4],
            "f1" => [Some(0.5), Some(f64::NAN)],
            "f1_sd" => [Some(0.1), None]
        )
        .expect("a frame");
        let columns = vec![
            Column::new("word", "word", Format::Text),
            Column::new("n", "n", Format::Integer),
            Column::new("f1", "F1", Format::Mean(2)),
        ];
        let table = Table::from_frame(&frame, "scores", "Scores", "", columns).expect("a table");
        let first = vec![Cell::Text("a|b".into()), Cell::Integer(3), Cell::Mean { mean: 0.5, deviation: Some(0.1) }];
        assert_eq!(table.rows, vec![first, vec![Cell::Missing, Cell::Integer(4), Cell::Missing]]);
        assert!(Table::from_frame(&frame, "../x", "", "", vec![]).is_err());
        let absent = vec![Column::new("nothing", "", Format::Decimal(1))];
        assert!(Table::from_frame(&frame, "x", "", "", absent).is_err());
    }

    #[test]
    fn bounds_and_reasons_are_read_from_the_columns_beside() {
        let frame = df!(
            "length" => [Some(4.0), Some(2.0), None, None],
            "length_sd" => [Some(0.5), None, None, None],
            "length_censored" => [Some("at least"), None, Some("at most"), None],
            "length_absent" => [None, None, Some("no onset"), None]
        )
        .expect("a frame");
        let columns = || vec![Column::new("length", "Settling length (epochs)", Format::Mean(1)).short("Settling")];
        let table = Table::from_frame(&frame, "settling", "", "", columns()).expect("a table");
        let exact = |mean, deviation| Cell::Mean { mean, deviation };
        let expected = [
            vec![exact(4.0, Some(0.5)).bounded(Bound::AtLeast)],
            vec![exact(2.0, None)],
            vec![Cell::Absent { reason: "no onset".into() }],
            vec![Cell::Missing],
        ];
        assert_eq!(table.rows, expected);
        assert_eq!((table.columns[0].censored, table.columns[0].absent, table.notes()), (true, true, vec!["no onset"]));
        let odd = df!("length" => [1.0], "length_sd" => [0.0], "length_censored" => ["about"]).expect("a frame");
        let error = Table::from_frame(&odd, "settling", "", "", columns()).expect_err("not a bound");
        assert!(error.to_string().contains("`about` in column `length_censored`"), "{error}");
    }

    #[test]
    fn notes_are_marked_by_letters() {
        assert_eq!([0, 25, 26, 27, 52, 701, 702].map(mark), ["a", "z", "aa", "ab", "ba", "zz", "aaa"]);
    }
}
