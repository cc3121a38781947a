//! A value of which only a bound may be known, and the summary of several over seeds.
//!
//! A run that ends before memorisation begins says that the onset comes *at least* that late: the value is censored. An
//! average that took the bound for the value would be too low, and one that left such runs out would keep the early ones
//! only. So a group with a censored value is summarised by its median, which is exact where it does not depend on where the
//! censored values lie, and else is itself a bound.

use serde::{Deserialize, Serialize};

use super::{Estimate, Interval};

/// On which side of a bound a censored value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The value is the bound or larger.
    AtLeast,
    /// The value is the bound or smaller.
    AtMost,
}

impl Bound {
    /// As frames and CSV files name it: `at least` or `at most`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtLeast => "at least",
            Self::AtMost => "at most",
        }
    }

    /// As it is shown before a number.
    pub fn sign(self) -> char {
        match self {
            Self::AtLeast => '≥',
            Self::AtMost => '≤',
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::AtLeast, Self::AtMost].into_iter().find(|bound| bound.name() == name)
    }
}

/// A value, or the bound that is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "bound", content = "value")]
pub enum Measurement {
    /// The value.
    Exact(f64),
    /// A lower bound: the value may be larger (right-censored).
    AtLeast(f64),
    /// An upper bound: the value may be smaller (left-censored).
    AtMost(f64),
}

impl Measurement {
    /// The value, or the bound.
    pub fn bound(self) -> f64 {
        match self {
            Self::Exact(value) | Self::AtLeast(value) | Self::AtMost(value) => value,
        }
    }

    /// The value where it is known exactly.
    pub fn exact(self) -> Option<f64> {
        match self {
            Self::Exact(value) => Some(value),
            Self::AtLeast(_) | Self::AtMost(_) => None,
        }
    }

    /// On which side of its bound the value lies; `None` for an exact value.
    pub fn censoring(self) -> Option<Bound> {
        match self {
            Self::Exact(_) => None,
            Self::AtLeast(_) => Some(Bound::AtLeast),
            Self::AtMost(_) => Some(Bound::AtMost),
        }
    }

    /// The least and the greatest value that it may have.
    fn range(self) -> (f64, f64) {
        match self {
            Self::Exact(value) => (value, value),
            Self::AtLeast(value) => (value, f64::INFINITY),
            Self::AtMost(value) => (f64::NEG_INFINITY, value),
        }
    }

    /// The measurement between two ends, of which one may be infinite; `None` if both are, or are apart.
    fn between(low: f64, high: f64) -> Option<Self> {
        match (low.is_finite(), high.is_finite()) {
            (true, true) if low == high => Some(Self::Exact(low)),
            (true, false) => Some(Self::AtLeast(low)),
            (false, true) => Some(Self::AtMost(high)),
            _ => None,
        }
    }

    /// The difference `self − other`; `None` where nothing is known of it, as of two lower bounds.
    ///
    /// ```
    /// use memoscope::metrics::Measurement::{AtLeast, AtMost, Exact};
    /// assert_eq!(Exact(5.0).minus(Exact(2.0)), Some(Exact(3.0)));
    /// assert_eq!(AtLeast(5.0).minus(Exact(2.0)), Some(AtLeast(3.0)));
    /// assert_eq!(Exact(5.0).minus(AtLeast(2.0)), Some(AtMost(3.0)));
    /// assert_eq!(AtLeast(5.0).minus(AtLeast(2.0)), None);
    /// ```
    pub fn minus(self, other: Self) -> Option<Self> {
        let ((low, high), (other_low, other_high)) = (self.range(), other.range());
        Self::between(low - other_high, high - other_low)
    }

    /// 1 if `self` is certainly larger than `other`, −1 if it is certainly smaller, 0 if they are equal or the order is
    /// unknown.
    pub(super) fn compare(self, other: Self) -> i64 {
        let ((low, high), (other_low, other_high)) = (self.range(), other.range());
        // A bound is no value that can be equal: at least 5 is not known to be larger than 5.
        i64::from(low > other_high) - i64::from(high < other_low)
    }
}

/// Why a run has no value of a measure: a noun phrase, `no label noise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absent(pub &'static str);

/// What a run says of a measure: a measurement, or why there is none.
pub type Measured = Result<Measurement, Absent>;

/// An exact value where there is one that is finite, else the reason why not.
pub fn measured(value: Option<f64>, absent: &'static str) -> Measured {
    value.filter(|value| value.is_finite()).map(Measurement::Exact).ok_or(Absent(absent))
}

/// Several measurements of one quantity, one a seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Summary {
    /// All values are exact: their mean and standard deviation.
    Mean(Estimate),
    /// Some values are bounds.
    Censored {
        /// The median: exact, or a bound itself; `None` where it is not even bounded from one side.
        median: Option<Measurement>,
        /// Number of values, bounds included.
        n: usize,
        /// Number of bounds.
        n_censored: usize,
    },
}

impl Summary {
    /// The summary of the values; `None` of none.
    ///
    /// By hand: of 2, 3 and at least 10 the median is 3; of 2, at least 4 and at least 10 it is at least 4; of 2, 6, 8 and at
    /// least 3 (two in the middle: between (3 + 6)/2 and (6 + 8)/2) it is at least 4.5.
    ///
    /// ```
    /// use memoscope::metrics::{Measurement::{AtLeast, Exact}, Summary};
    /// let centre = |values: &[_]| Summary::of(values.iter().copied()).and_then(|summary| summary.centre());
    /// assert_eq!(centre(&[Exact(2.0), Exact(3.0), AtLeast(10.0)]), Some(Exact(3.0)));
    /// assert_eq!(centre(&[Exact(2.0), AtLeast(4.0), AtLeast(10.0)]), Some(AtLeast(4.0)));
    /// assert_eq!(centre(&[Exact(2.0), Exact(6.0), Exact(8.0), AtLeast(3.0)]), Some(AtLeast(4.5)));
    /// assert_eq!(centre(&[Exact(1.0), Exact(2.0)]), Some(Exact(1.5)));
    /// ```
    pub fn of(values: impl IntoIterator<Item = Measurement>) -> Option<Self> {
        let values: Vec<Measurement> = values.into_iter().collect();
        let n_censored = values.iter().filter(|value| value.exact().is_none()).count();
        if n_censored == 0 {
            return Estimate::of(values.iter().map(|value| value.exact())).map(Self::Mean);
        }
        let median_of = |end: fn((f64, f64)) -> f64| median(values.iter().map(|value| end(value.range())).collect());
        let (low, high) = (median_of(|range| range.0), median_of(|range| range.1));
        // Between two finite ends the lower one is what is known for sure.
        let median = Measurement::between(low, high).or_else(|| low.is_finite().then_some(Measurement::AtLeast(low)));
        Some(Self::Censored { median, n: values.len(), n_censored })
    }

    /// The mean, or the median where values are censored.
    pub fn centre(&self) -> Option<Measurement> {
        match self {
            Self::Mean(estimate) => Some(Measurement::Exact(estimate.mean)),
            Self::Censored { median, .. } => *median,
        }
    }

    /// The sample standard deviation; `None` with one seed or where values are censored.
    pub fn deviation(&self) -> Option<f64> {
        match self {
            Self::Mean(estimate) => estimate.deviation,
            Self::Censored { .. } => None,
        }
    }

    /// Student's 95 % interval of the mean; `None` with one seed or where values are censored.
    pub fn interval(&self) -> Option<Interval> {
        match self {
            Self::Mean(estimate) => estimate.interval(),
            Self::Censored { .. } => None,
        }
    }

    /// Number of values, bounds included.
    pub fn n(&self) -> usize {
        match self {
            Self::Mean(estimate) => estimate.n,
            Self::Censored { n, .. } => *n,
        }
    }

    /// Number of bounds.
    pub fn n_censored(&self) -> usize {
        match self {
            Self::Mean(_) => 0,
            Self::Censored { n_censored, .. } => *n_censored,
        }
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (below, above) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    if below == above { below } else { (below + above) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::Measurement::{AtLeast, AtMost, Exact};
    use super::*;

    fn censored(values: &[Measurement]) -> (Option<Measurement>, usize, usize) {
        match Summary::of(values.iter().copied()) {
            Some(Summary::Censored { median, n, n_censored }) => (median, n, n_censored),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_bound_is_ordered_only_where_that_is_certain() {
        let five = AtLeast(5.0);
        assert_eq!([five.compare(Exact(4.0)), Exact(4.0).compare(five)], [1, -1]);
        assert_eq!([five.compare(Exact(5.0)), five.compare(Exact(6.0)), five.compare(AtLeast(7.0))], [0; 3]);
        assert_eq!(
            [AtMost(2.0).compare(Exact(3.0)), AtMost(2.0).compare(AtLeast(3.0)), AtMost(2.0).compare(Exact(1.0))],
            [-1, -1, 0]
        );
        assert_eq!(Exact(1.0).compare(Exact(1.0)), 0);
    }

    #[test]
    fn exact_values_have_a_mean_and_censored_ones_a_median() {
        assert_eq!(Summary::of([]), None);
        let mean = Summary::of([Exact(1.0), Exact(3.0)]).unwrap();
        assert_eq!((mean.centre(), mean.n(), mean.n_censored()), (Some(Exact(2.0)), 2, 0));
        assert!(mean.interval().is_some() && (mean.deviation().unwrap() - 2f64.sqrt()).abs() < 1e-12);
        assert_eq!(censored(&[AtLeast(5.0)]), (Some(AtLeast(5.0)), 1, 1));
        assert_eq!(censored(&[AtLeast(5.0), AtLeast(7.0)]), (Some(AtLeast(6.0)), 2, 2));
        // The censored value may lie on either side of the middle: 4 at least, whatever it is.
        assert_eq!(censored(&[AtLeast(4.0), Exact(6.0), Exact(8.0)]), (Some(AtLeast(6.0)), 3, 1));
        assert_eq!(censored(&[AtMost(1.0), Exact(6.0), Exact(8.0)]), (Some(Exact(6.0)), 3, 1));
        assert_eq!(censored(&[AtMost(1.0), AtMost(2.0), Exact(8.0)]), (Some(AtMost(2.0)), 3, 2));
        assert_eq!(censored(&[AtMost(1.0), AtLeast(2.0)]), (None, 2, 2));
    }

    #[test]
    fn what_is_not_bounded_has_no_difference() {
        assert_eq!(AtMost(2.0).minus(Exact(1.0)), Some(AtMost(1.0)));
        assert_eq!(AtMost(2.0).minus(AtLeast(1.0)), Some(AtMost(1.0)));
        assert_eq!(Exact(2.0).minus(AtMost(1.0)), Some(AtLeast(1.0)));
        assert_eq!(AtMost(2.0).minus(AtMost(1.0)), None);
    }
}
