//! The scores of a ranking, and their intervals.

use serde::{Deserialize, Serialize};

use crate::metrics::Interval;

/// The scores of one ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankingScores {
    /// Rows in the ranking.
    pub n: usize,
    /// Errors to be found, by rows of the ranking or not.
    pub n_errors: usize,
    /// Share of the rows that are hits, 0 to 1; 0 without rows.
    pub base_rate: f64,
    /// Average precision, 0 to 1.
    pub average_precision: f64,
    /// Average precision / its chance; null if no row is a hit.
    pub lift: Option<f64>,
    /// After the first 1 % of the rows.
    pub at_1_percent: Cut,
    /// After 5 %.
    pub at_5_percent: Cut,
    /// After 10 %.
    pub at_10_percent: Cut,
    /// After as many rows as there are errors, or all rows if those are fewer.
    pub at_n_errors: Cut,
    /// 95 % intervals; null where none were asked for.
    pub intervals: Option<RankingIntervals>,
}

/// The first rows of a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cut {
    /// Rows looked at.
    pub n_inspected: usize,
    /// Share of them that are hits, 0 to 1; 0 without rows.
    pub precision: f64,
    /// Share of the errors that they find, 0 to 1.
    pub recall: f64,
    /// Precision / base rate; null if no row of the ranking is a hit.
    pub lift: Option<f64>,
}

/// Percentile bootstrap intervals over sentences; see [`crate::metrics::Replicates`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankingIntervals {
    /// Replicates with an error to find; the others have no value and are left out.
    pub n_replicates: usize,
    /// Of [`RankingScores::average_precision`].
    pub average_precision: Interval,
    /// Of [`RankingScores::lift`].
    pub lift: Option<Interval>,
    /// Of [`RankingScores::at_1_percent`].
    pub at_1_percent: CutIntervals,
    /// Of [`RankingScores::at_5_percent`].
    pub at_5_percent: CutIntervals,
    /// Of [`RankingScores::at_10_percent`].
    pub at_10_percent: CutIntervals,
    /// Of [`RankingScores::at_n_errors`].
    pub at_n_errors: CutIntervals,
}

/// The intervals of a [`Cut`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CutIntervals {
    /// Of its precision.
    pub precision: Interval,
    /// Of its recall.
    pub recall: Interval,
    /// Of its lift.
    pub lift: Option<Interval>,
}

impl RankingIntervals {
    /// From the scores of the replicates; `None` without any.
    pub(super) fn of(drawn: &[RankingScores]) -> Option<Self> {
        let interval = |get: &dyn Fn(&RankingScores) -> Option<f64>| {
            Interval::of_replicates(drawn.iter().filter_map(get).collect())
        };
        let cut = |get: fn(&RankingScores) -> Cut| {
            Some(CutIntervals {
                precision: interval(&|scores| Some(get(scores).precision))?,
                recall: interval(&|scores| Some(get(scores).recall))?,
                lift: interval(&|scores| get(scores).lift),
            })
        };
        Some(Self {
            n_replicates: drawn.len(),
            average_precision: interval(&|scores| Some(scores.average_precision))?,
            lift: interval(&|scores| scores.lift),
            at_1_percent: cut(|scores| scores.at_1_percent)?,
            at_5_percent: cut(|scores| scores.at_5_percent)?,
            at_10_percent: cut(|scores| scores.at_10_percent)?,
            at_n_errors: cut(|scores| scores.at_n_errors)?,
        })
    }
}
