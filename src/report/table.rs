//! A table: cells with their values, and how each column shows them.

use polars::prelude::{AnyValue, DataFrame};

use crate::figures::columns;
use crate::format::{count, fixed, thousands};
use crate::metrics::Interval;
use crate::{Error, Result};

/// What is known for one row and column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing: null in the frame, or not a number.
    Missing,
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

/// How a column shows its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As words.
    Text,
    /// Whole, thousands apart: `14,041`.
    Integer,
    /// With so many decimals: `0.737`.
    Decimal(usize),
    /// Shares, 0 to 1, in percent with so many decimals: `44.4 %`.
    Percent(usize),
    /// Short for very small or large: `5.0e-4`, with so many decimals.
    Scientific(usize),
    /// Mean ± standard deviation with so many decimals; the deviation is read from the column `NAME_sd`.
    Mean(usize),
    /// As [`Format::Mean`], in percent.
    MeanPercent(usize),
    /// Mean and 95 % interval with so many decimals, `0.30 (0.21 to 0.39)`; its ends are read from the columns `NAME_low`
    /// and `NAME_high`.
    Interval(usize),
    /// As [`Format::Interval`], in percent.
    IntervalPercent(usize),
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name in the frame and in the CSV.
    pub key: String,
    /// What stands above it, with the unit.
    pub heading: String,
    /// How its values are shown.
    pub format: Format,
}

impl Column {
    /// A column `key` of a frame under `heading`.
    pub fn new(key: impl Into<String>, heading: impl Into<String>, format: Format) -> Self {
        Self { key: key.into(), heading: heading.into(), format }
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
    /// # Errors
    /// [`Error::Internal`] if a column is missing or holds what its format cannot show, or if `name` is no file stem.
    pub fn from_frame(
        frame: &DataFrame,
        name: impl Into<String>,
        title: impl Into<String>,
        caption: impl Into<String>,
        columns: Vec<Column>,
    ) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(Error::Internal(format!("`{name}` cannot name a table's files")));
        }
        let cells: Vec<Vec<Cell>> = columns.iter().map(|column| read(frame, column)).collect::<Result<_>>()?;
        let rows = (0..frame.height()).map(|row| cells.iter().map(|column| column[row].clone()).collect()).collect();
        Ok(Self { name, title: title.into(), caption: caption.into(), columns, rows })
    }
}

fn read(frame: &DataFrame, column: &Column) -> Result<Vec<Cell>> {
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

impl Format {
    /// The cell as it is shown, unescaped; a missing value is an en dash.
    pub fn show(self, cell: &Cell) -> String {
        let (factor, unit) = match self {
            Self::Percent(_) | Self::MeanPercent(_) | Self::IntervalPercent(_) => (100.0, "\u{a0}%"),
            _ => (1.0, ""),
        };
        match cell {
            Cell::Missing => "–".into(),
            Cell::Text(text) => text.clone(),
            Cell::Integer(value) => thousands(*value),
            Cell::Number(value) => match self {
                Self::Integer => count(*value),
                Self::Scientific(_) if *value == 0.0 => "0".into(),
                Self::Scientific(digits) => format!("{value:.digits$e}").replace("e-", "e−"),
                _ => format!("{}{unit}", fixed(value * factor, self.decimals())),
            },
            Cell::Mean { mean, deviation: None } => format!("{}{unit}", fixed(mean * factor, self.decimals())),
            Cell::Mean { mean, deviation: Some(deviation) } => {
                let digits = self.decimals();
                format!("{} ± {}{unit}", fixed(mean * factor, digits), fixed(deviation * factor, digits))
            }
            Cell::Interval { mean, interval } => {
                let show = |value: f64| fixed(value * factor, self.decimals());
                let within = interval.map(|i| format!(" ({} to {})", show(i.low), show(i.high))).unwrap_or_default();
                format!("{}{unit}{within}", show(*mean))
            }
        }
    }

    /// What the columns beside a column's own are called in a frame and in a CSV: `NAME` and one of these.
    pub(super) fn companions(self) -> &'static [&'static str] {
        match self {
            Self::Mean(_) | Self::MeanPercent(_) => &["sd"],
            Self::Interval(_) | Self::IntervalPercent(_) => &["low", "high"],
            _ => &[],
        }
    }

    fn decimals(self) -> usize {
        match self {
            Self::Decimal(n) | Self::Percent(n) | Self::Scientific(n) | Self::Mean(n) | Self::MeanPercent(n) => n,
            Self::Interval(n) | Self::IntervalPercent(n) => n,
            Self::Text | Self::Integer => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::df;

    #[test]
    fn numbers_are_shown_alike() {
        let show = |format: Format, cell: Cell| format.show(&cell);
        assert_eq!(show(Format::Integer, Cell::Integer(-1_234_567)), "−1,234,567");
        assert_eq!(show(Format::Decimal(3), Cell::Number(0.73675)), "0.737");
        assert_eq!(show(Format::Decimal(1), Cell::Number(-0.01)), "0.0");
        assert_eq!(show(Format::Percent(1), Cell::Number(0.444)), "44.4\u{a0}%");
        assert_eq!(show(Format::Scientific(1), Cell::Number(0.0005)), "5.0e−4");
        assert_eq!(show(Format::Mean(3), Cell::Mean { mean: 0.7, deviation: Some(0.0123) }), "0.700 ± 0.012");
        assert_eq!(show(Format::MeanPercent(1), Cell::Mean { mean: 0.5, deviation: None }), "50.0\u{a0}%");
        assert_eq!(show(Format::Decimal(2), Cell::Missing), "–");
        let interval = Some(Interval { low: -0.5, high: 2.5 });
        assert_eq!(show(Format::Interval(1), Cell::Interval { mean: 1.0, interval }), "1.0 (−0.5 to 2.5)");
        let share = Cell::Interval { mean: 0.2, interval: Some(Interval { low: 0.1, high: 0.3 }) };
        assert_eq!(show(Format::IntervalPercent(0), share), "20\u{a0}% (10 to 30)");
        assert_eq!(show(Format::Interval(1), Cell::Interval { mean: 1.0, interval: None }), "1.0");
    }

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
}
