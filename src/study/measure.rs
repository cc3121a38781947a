//! What is measured of a run. A measure is declared once, and everything that shows it (tables, figures, comparisons,
//! sentences, `measures.parquet`) takes its name, unit and number of digits from here.

use super::gather::Row;
use crate::format::{fixed, signed};
use crate::metrics::{Measured, Measurement};
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
    /// A time: an epoch, counted from 1, with its fraction.
    Epoch,
    /// A duration: a number of epochs.
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
    /// Its name in headings; empty where a number needs none.
    fn name(self) -> &'static str {
        match self {
            Self::Epoch => "epoch",
            Self::Epochs => "epochs",
            Self::Seconds => "s",
            Self::Score | Self::Share | Self::Count => "",
        }
    }

    /// What a value is multiplied with where it is shown.
    fn factor(self) -> f64 {
        if self == Self::Share { 100.0 } else { 1.0 }
    }
}

impl Measure {
    /// Its heading with the unit, as columns and axes have it: `Settling length, epochs`.
    pub fn heading_with_unit(&self) -> String {
        match self.unit.name() {
            "" => self.heading.to_owned(),
            unit => format!("{}, {unit}", self.heading),
        }
    }

    /// How a table shows its mean and standard deviation.
    pub fn format(&self) -> Format {
        if self.unit == Unit::Share { Format::MeanPercent(self.digits) } else { Format::Mean(self.digits) }
    }

    /// How a table shows a difference with its interval: with a digit more, since a difference is small.
    pub fn format_of_difference(&self) -> Format {
        match self.unit {
            Unit::Share => Format::IntervalPercent(self.digits_of_difference()),
            _ => Format::Interval(self.digits_of_difference()),
        }
    }

    fn digits_of_difference(&self) -> usize {
        self.digits + usize::from(matches!(self.unit, Unit::Share | Unit::Epoch | Unit::Epochs))
    }

    /// A value as a sentence shows it: `0.412`, `3.5 %`, `≥ 4.0 epochs`, `epoch 4.0`.
    pub fn show(&self, value: Measurement) -> String {
        let bound = value.censoring().map_or_else(String::new, |bound| format!("{}\u{a0}", bound.sign()));
        let number = fixed(self.unit.factor() * value.bound(), self.digits);
        match (self.unit, self.unit.name()) {
            (Unit::Share, _) => format!("{bound}{number}\u{a0}%"),
            (Unit::Epoch, unit) => format!("{unit}\u{a0}{bound}{number}"),
            (_, "") => format!("{bound}{number}"),
            (_, unit) => format!("{bound}{number}\u{a0}{unit}"),
        }
    }

    /// A difference with its sign, without a unit: `−0.41`.
    pub fn show_difference(&self, value: f64) -> String {
        signed(self.unit.factor() * value, self.digits_of_difference())
    }

    /// What follows a difference, with a space in front: points of a percentage, epochs.
    pub fn unit_of_difference(&self) -> &'static str {
        match self.unit {
            Unit::Share => " points",
            Unit::Epoch | Unit::Epochs => " epochs",
            Unit::Seconds => " s",
            Unit::Score | Unit::Count => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::measures::{DEV_END, FORGETTABLE, ONSET, SETTLING};
    use super::*;

    #[test]
    fn a_time_a_duration_a_share_and_a_score_are_shown_with_their_units() {
        assert_eq!(ONSET.show(Measurement::AtLeast(12.0)), "epoch\u{a0}≥\u{a0}12.0");
        assert_eq!(SETTLING.show(Measurement::Exact(1.0)), "1.0\u{a0}epochs");
        assert_eq!(FORGETTABLE.show(Measurement::Exact(0.123)), "12.3\u{a0}%");
        assert_eq!(DEV_END.show(Measurement::AtMost(0.5)), "≤\u{a0}0.500");
        assert_eq!([FORGETTABLE.show_difference(-0.0123), ONSET.show_difference(0.0)], ["−1.23", "0.00"]);
        assert_eq!([&ONSET, &SETTLING, &DEV_END].map(|of| of.unit_of_difference()), [" epochs", " epochs", ""]);
    }
}
