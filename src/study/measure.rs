//! What is measured of a run. A measure is declared once, and everything that shows it (tables, figures, comparisons,
//! sentences, `measures.parquet`) takes its name, unit and number of digits from here.

use super::gather::Row;
use crate::metrics::Measured;
use crate::report::Format;

/// A number that a run has.
pub struct Measure {
    /// Its column in files: `settling`.
    pub key: &'static str,
    /// Its heading in tables and figures, without the unit: `Settling length`.
    pub heading: &'static str,
    /// A short heading for narrow tables: `Settling`.
    pub short: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
    /// Decimals that are shown.
    pub digits: usize,
    /// Reads it from a run.
    pub of: fn(&Row) -> Measured,
}

/// The unit of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A score, 0 to 1: F1, area under a curve.
    Score,
    /// A share, 0 to 1, shown in percent.
    Share,
    /// An epoch, counted from 1, or a number of epochs.
    Epochs,
    /// A number of things.
    Count,
    /// Seconds.
    Seconds,
}

/// Which direction of a measure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Higher values.
    Higher,
    /// Lower values.
    Lower,
    /// Neither: the measure describes.
    Neither,
}

impl Unit {
    /// What follows a number: ` epochs`, ` %`; empty for a score.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Share => " %",
            Self::Epochs => " epochs",
            Self::Seconds => " s",
            Self::Score | Self::Count => "",
        }
    }

    /// What follows a difference: points of a percentage.
    pub fn suffix_of_difference(self) -> &'static str {
        if self == Self::Share { " points" } else { self.suffix() }
    }

    /// What a value is multiplied with where it is shown.
    pub fn factor(self) -> f64 {
        if self == Self::Share { 100.0 } else { 1.0 }
    }
}

impl Measure {
    /// Its heading with the unit, as columns and axes have it: `Settling length, epochs`.
    pub fn heading_with_unit(&self) -> String {
        match self.unit {
            Unit::Epochs | Unit::Seconds => format!("{},{}", self.heading, self.unit.suffix()),
            _ => self.heading.to_owned(),
        }
    }

    /// How a table shows its mean and standard deviation.
    pub fn format(&self) -> Format {
        if self.unit == Unit::Share { Format::MeanPercent(self.digits) } else { Format::Mean(self.digits) }
    }

    /// How a table shows a difference with its interval: with a digit more, since a difference is small.
    pub fn format_of_difference(&self) -> Format {
        match self.unit {
            Unit::Share => Format::IntervalPercent(self.digits + 1),
            Unit::Epochs => Format::Interval(self.digits + 1),
            _ => Format::Interval(self.digits),
        }
    }

    /// A number as a sentence shows it: `0.412`, `3.5 %`, `4.0 epochs`.
    pub fn show(&self, value: f64) -> String {
        let digits = self.digits;
        format!("{:.digits$}{}", self.unit.factor() * value, self.unit.suffix())
    }

    /// A difference with its sign and a true minus, without a unit: `−0.41`.
    pub fn show_difference(&self, value: f64) -> String {
        let digits = match self.unit {
            Unit::Share | Unit::Epochs => self.digits + 1,
            _ => self.digits,
        };
        format!("{:+.digits$}", self.unit.factor() * value).replace('-', "−")
    }
}
