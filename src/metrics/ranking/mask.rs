//! A mask: which units to look at, without an order.

use serde::{Deserialize, Serialize};

use crate::metrics::Prf;
use crate::metrics::detection::{average_precision, mask_scores};

/// How well a mask finds what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MaskScores {
    /// Units flagged.
    pub n_flagged: usize,
    /// Precision, recall and F1 of the flagged ones.
    #[serde(flatten)]
    pub scores: Prf,
    /// Average precision of the ranking with the flagged units first and, among these as among the others, the higher
    /// scores first; null without a wrong unit.
    pub average_precision: Option<f64>,
}

impl MaskScores {
    /// From one flag, one score (higher is more suspect) and the truth a unit.
    ///
    /// Flagged are the first two of scores 0.1, 0.2, 0.9, wrong the second and the third: precision 1/2, recall 1/2, and
    /// the order is second, first, third: AP = (1/2)·1 + (1/2)·(2/3) = 5/6.
    pub fn new(flagged: &[bool], scores: &[f64], positive: &[bool]) -> Self {
        debug_assert_eq!(flagged.len(), scores.len(), "one score a unit");
        let mut order: Vec<usize> = (0..scores.len()).collect();
        let clean = |unit: usize| if scores[unit].is_nan() { f64::NEG_INFINITY } else { scores[unit] };
        let same = |&a: &usize, &b: &usize| flagged[a] == flagged[b] && clean(a) == clean(b);
        order.sort_by(|&a, &b| flagged[a].cmp(&flagged[b]).then(clean(a).total_cmp(&clean(b))));
        let mut ranks = vec![0.0; scores.len()];
        for (rank, tied) in order.chunk_by(same).enumerate() {
            tied.iter().for_each(|&unit| ranks[unit] = rank as f64);
        }
        Self {
            n_flagged: flagged.iter().filter(|&&flag| flag).count(),
            scores: mask_scores(flagged, positive),
            average_precision: average_precision(&ranks, positive),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_documentation_comes_out() {
        let scores = MaskScores::new(&[true, true, false], &[0.1, 0.2, 0.9], &[false, true, true]);
        assert_eq!((scores.n_flagged, scores.scores.precision, scores.scores.recall), (2, 0.5, 0.5));
        assert!((scores.average_precision.unwrap() - 5.0 / 6.0).abs() < 1e-15);
    }
}
