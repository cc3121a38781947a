//! The confident joint: tokens by given and confidently predicted label (arXiv 1911.00068, section 3.1).

use super::{Predictions, most_probable};

/// Thresholds and probabilities that differ by less than this count as equal.
const SLACK: f64 = 1e-6;

/// The lowest threshold: it stays above 0 when [`SLACK`] is taken off.
const LOWEST_THRESHOLD: f64 = 2.0 * SLACK;

/// How many tokens were given one label and are confidently another.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfidentJoint {
    /// For each label k, tⱼ = mean p(k) of the tokens given k, 2e-6 to 1; null without such a token, and then no token
    /// is confidently of that label.
    pub thresholds: Vec<Option<f64>>,
    /// For each token, the label it is confidently of: one with p(k) ≥ tₖ, the most probable label if there are several;
    /// null where no label reaches its threshold.
    pub confident: Vec<Option<u8>>,
    /// `counts[given][confident]`; at least 1 on the diagonal.
    pub counts: Vec<Vec<u64>>,
    /// The same scaled so that `calibrated[given]` sums to the tokens given that label, in whole tokens: divided by the
    /// number of tokens, it estimates the joint distribution of given and true labels.
    pub calibrated: Vec<Vec<u64>>,
}

impl ConfidentJoint {
    /// Counts. Linear in tokens × labels.
    pub fn count(predictions: &Predictions<'_>) -> Self {
        let n_labels = predictions.n_labels;
        let thresholds = thresholds(predictions);
        let confident: Vec<Option<u8>> = predictions.rows().map(|(_, row)| confident(row, &thresholds)).collect();
        let mut counts = vec![vec![0_u64; n_labels]; n_labels];
        for (&given, label) in predictions.given.iter().zip(&confident) {
            if let Some(label) = label {
                counts[usize::from(given)][usize::from(*label)] += 1;
            }
        }
        for (label, row) in counts.iter_mut().enumerate() {
            row[label] = row[label].max(1);
        }
        let calibrated = calibrate(&counts, &predictions.label_counts());
        Self { thresholds, confident, counts, calibrated }
    }

    /// The calibrated joint's estimate of how many tokens are wrong: its sum off the diagonal.
    pub fn n_wrong(&self) -> u64 {
        let off_diagonal = |(label, row): (usize, &Vec<u64>)| row.iter().sum::<u64>() - row[label];
        self.calibrated.iter().enumerate().map(off_diagonal).sum()
    }
}

fn thresholds(predictions: &Predictions<'_>) -> Vec<Option<f64>> {
    let mut own = vec![Vec::new(); predictions.n_labels];
    predictions.rows().for_each(|(given, row)| own[given].push(row[given]));
    let mean = |own: &Vec<f64>| pairwise_sum(own) / own.len() as f64;
    own.iter().map(|own| (!own.is_empty()).then(|| mean(own).max(LOWEST_THRESHOLD))).collect()
}

/// The label that a token is confidently of.
fn confident(row: &[f64], thresholds: &[Option<f64>]) -> Option<u8> {
    let reaches = |&label: &usize| thresholds[label].is_some_and(|threshold| row[label] >= threshold - SLACK);
    let mut labels = (0..row.len()).filter(reaches);
    let first = labels.next()?;
    Some(if labels.next().is_some() { most_probable(row) } else { first } as u8)
}

/// Scales each row to its label's number of tokens, and rounds.
fn calibrate(counts: &[Vec<u64>], label_counts: &[u64]) -> Vec<Vec<u64>> {
    let n_labels = counts.len();
    let n_tokens = label_counts.iter().sum::<u64>() as f64;
    if n_tokens == 0.0 {
        return vec![vec![0; n_labels]; n_labels];
    }
    let mut scaled: Vec<Vec<f64>> = counts
        .iter()
        .zip(label_counts)
        .map(|(row, &n)| {
            let sum = row.iter().sum::<u64>() as f64;
            row.iter().map(|&count| count as f64 / sum * n as f64).collect()
        })
        .collect();
    // Up to the rounding of floating-point numbers this is the number of tokens already. It is done as cleanlab does it,
    // because it decides which way halves are rounded.
    let by_column: Vec<f64> = (0..n_labels).flat_map(|label| scaled.iter().map(move |row| row[label])).collect();
    let sum = pairwise_sum(&by_column);
    scaled.iter_mut().flatten().for_each(|count| *count = *count / sum * n_tokens);
    scaled.iter().map(|row| round_keeping_sum(row)).collect()
}

/// Rounds to whole numbers with the same sum: where rounding each by itself gives too few, those that lost most get one
/// more (the last of equal ones first), and where it gives too many, those that won most get one less.
fn round_keeping_sum(values: &[f64]) -> Vec<u64> {
    let mut rounded: Vec<f64> = values.iter().map(|value| value.round_ties_even()).collect();
    let sum = values.iter().sum::<f64>().round_ties_even();
    loop {
        let lacking = sum - rounded.iter().sum::<f64>();
        if lacking == 0.0 {
            return rounded.iter().map(|&count| count as u64).collect();
        }
        let lost = |index: usize| values[index] - rounded[index];
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| lost(a).total_cmp(&lost(b)));
        if lacking > 0.0 {
            order.reverse();
        }
        for &index in order.iter().take(lacking.abs() as usize) {
            rounded[index] += lacking.signum();
        }
    }
}

/// A sum in the order in which numpy adds: eight sums side by side, in blocks of 128 at most.
fn pairwise_sum(values: &[f64]) -> f64 {
    match values.len() {
        0..8 => values.iter().sum(),
        8..=128 => {
            let (mut lanes, blocks) = ([0.0; 8], values.chunks_exact(8));
            let rest = blocks.remainder();
            blocks.for_each(|block| lanes.iter_mut().zip(block).for_each(|(lane, value)| *lane += value));
            let [a, b, c, d, e, f, g, h] = lanes;
            rest.iter().fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |sum, value| sum + value)
        }
        n => {
            let (first, second) = values.split_at(n / 2 - n / 2 % 8);
            pairwise_sum(first) + pairwise_sum(second)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_keeps_the_sum() {
        // 1 + 1 + 1 lacks one of 4.2 → 4: the last of those that lost 0.4 gets it.
        assert_eq!(round_keeping_sum(&[1.4, 1.4, 1.4]), [1, 1, 2]);
        // 2 + 2 + 2 is one more than 5.0: the first of those that won most gives it.
        assert_eq!(round_keeping_sum(&[1.6, 1.6, 1.8]), [1, 2, 2]);
        assert_eq!(round_keeping_sum(&[3.0, 0.0]), [3, 0]);
    }

    #[test]
    fn a_label_without_tokens_has_no_threshold() {
        let probabilities = [0.2, 0.1, 0.7, 0.6, 0.3, 0.1];
        let predictions = Predictions::new(&probabilities, &[0, 0], 3).unwrap();
        let joint = ConfidentJoint::count(&predictions);
        assert_eq!(joint.thresholds, [Some(0.4), None, None]);
        assert_eq!(joint.confident, [None, Some(0)]);
        assert_eq!(joint.counts, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
        assert_eq!(joint.calibrated, [[2, 0, 0], [0, 0, 0], [0, 0, 0]]);
        assert_eq!(joint.n_wrong(), 0);
    }

    #[test]
    fn a_long_sum_is_exact_on_whole_numbers() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        for n in [0, 1, 7, 8, 9, 128, 129, 1000] {
            assert_eq!(pairwise_sum(&values[..n]), (n * n.saturating_sub(1) / 2) as f64);
        }
    }
}
