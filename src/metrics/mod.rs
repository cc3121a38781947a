//! Scores: how well entities are found, how often tokens are right, how well wrong labels are detected.
//!
//! Everything here is a pure function on slices, without a model, a file or randomness of its own:
//!
//! * [`entity`]: precision, recall and F1 of entity spans, equal to seqeval's default and strict modes;
//! * [`token`]: accuracy of single tokens;
//! * [`detection`]: how well a score or a mask finds the tokens whose label is wrong (average precision, best F1,
//!   precision and recall at a share, lift), equal to scikit-learn where scikit-learn defines the measure.
//! * [`ranking`]: all that is asked of one ranking of suspects, with intervals by drawing sentences ([`Replicates`]);
//! * [`paired`]: how far two taggers are apart on the same sentences, and how sure that is;
//! * [`Measurement`] and [`Summary`]: values of which only a bound may be known, and their centre over seeds;
//! * [`trend()`]: whether one measure rises with another, also where some values are bounds;
//! * [`reliability`]: whether estimated probabilities come true;
//! * [`spearman`] and [`Overlap`]: whether two measures rank alike, whether two sets hold the same.
//!
//! A quotient whose denominator is 0 is taken as 0 in [`Prf`], as both libraries do by default; a measure that has no
//! value at all (average precision without a positive example) is `None`.

pub mod detection;
pub mod entity;
mod estimate;
mod interval;
mod measurement;
mod overlap;
pub mod paired;
mod rank;
pub mod ranking;
pub mod reliability;
mod replicates;
pub mod token;
mod trend;

use serde::{Deserialize, Serialize};

pub use estimate::Estimate;
pub use interval::{Interval, wilson};
pub use measurement::{Absent, Bound, Measured, Measurement, Summary, measured};
pub use overlap::Overlap;
pub use rank::spearman;
pub use replicates::Replicates;
pub use trend::{Trend, trend};

/// Precision, recall and F1, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Prf {
    /// Share of what was found that is right; 0 if nothing was found.
    pub precision: f64,
    /// Share of what is right that was found; 0 if there was nothing to find.
    pub recall: f64,
    /// Harmonic mean of the two: 2·P·R / (P + R); 0 if both are.
    pub f1: f64,
}

impl Prf {
    /// From the numbers of things found and right, found, and to be found.
    ///
    /// Found 4, of which 3 right, of 6: precision 3/4, recall 3/6, F1 0.6.
    ///
    /// ```
    /// let scores = memoscope::metrics::Prf::from_counts(3, 4, 6);
    /// assert_eq!((scores.precision, scores.recall), (0.75, 0.5));
    /// assert!((scores.f1 - 0.6).abs() < 1e-15);
    /// ```
    pub fn from_counts(n_right: usize, n_found: usize, n_to_find: usize) -> Self {
        let precision = ratio(n_right as f64, n_found as f64);
        let recall = ratio(n_right as f64, n_to_find as f64);
        Self { precision, recall, f1: ratio(2.0 * precision * recall, precision + recall) }
    }
}

/// A quotient that is 0 where the denominator is.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}
