//! How the values of a column are shown.

use super::table::Cell;
use crate::format::{count, fixed, thousands};

/// How a column shows its values.
///
/// Where the frame has a column `NAME_censored`, a value may be a bound (see [`Cell::Censored`]) and is shown as `≥ 4.0`;
/// where it has a column `NAME_absent`, a missing value may have a reason (see [`Cell::Absent`]).
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

impl Format {
    /// The cell as it is shown, unescaped; a missing value is an en dash. Notes on reasons are the table's
    /// ([`super::Table::notes`]).
    pub fn show(self, cell: &Cell) -> String {
        let (factor, unit) = match self {
            Self::Percent(_) | Self::MeanPercent(_) | Self::IntervalPercent(_) => (100.0, "\u{a0}%"),
            _ => (1.0, ""),
        };
        match cell {
            Cell::Missing | Cell::Absent { .. } => "–".into(),
            Cell::Censored { bound, value } => format!("{}\u{a0}{}", bound.sign(), self.show(value)),
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
    use crate::metrics::Bound;
    use crate::metrics::Interval;

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
        let bound = Cell::Mean { mean: 4.0, deviation: Some(0.5) }.bounded(Bound::AtLeast);
        assert_eq!(show(Format::Mean(1), bound), "≥\u{a0}4.0 ± 0.5");
        assert_eq!(show(Format::Integer, Cell::Integer(7).bounded(Bound::AtMost)), "≤\u{a0}7");
        assert_eq!(show(Format::Integer, Cell::Absent { reason: "no entity in dev".into() }), "–");
    }
}
