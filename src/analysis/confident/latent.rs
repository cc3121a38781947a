//! What the joint says of the labels that are not seen (arXiv 1911.00068, section 3.1, and its appendix on estimating
//! the latent prior).

use super::{ConfidentJoint, Predictions};

/// No entry off the diagonal is estimated above this.
const HIGHEST_RATE: f64 = 0.9999;

/// No true label is estimated to be rarer than this, before the prior is scaled to sum 1.
const LOWEST_PRIOR: f64 = 1e-6;

/// Prior and noise rates, estimated from a calibrated joint C\[given\]\[true\].
#[derive(Debug, Clone, PartialEq)]
pub struct Latent {
    /// P(true = k), sums to 1: P(given = k) · P(true = k | given = k) / P(given = k | true = k), at least about 1e-6.
    pub prior: Vec<f64>,
    /// `given_of_true[given][true]` = P(given | true) = C\[given\]\[true\] / Σ C\[·\]\[true\]: columns sum to 1. A
    /// column is 0 where no token is estimated to be of that label.
    pub given_of_true: Vec<Vec<f64>>,
    /// `true_of_given[true][given]` = P(true | given) = C\[given\]\[true\] / Σ C\[given\]\[·\]: columns sum to 1. A
    /// column is 0 where no token was given that label.
    pub true_of_given: Vec<Vec<f64>>,
}

impl Latent {
    /// The estimates for the tokens that `joint` was counted from.
    pub fn estimate(predictions: &Predictions<'_>, joint: &ConfidentJoint) -> Self {
        let counts: Vec<Vec<f64>> =
            joint.calibrated.iter().map(|row| row.iter().map(|&count| count as f64).collect()).collect();
        let transposed: Vec<Vec<f64>> =
            (0..counts.len()).map(|label| counts.iter().map(|row| row[label]).collect()).collect();
        let (given_of_true, true_of_given) = (of_columns(&counts), of_columns(&transposed));
        let n_tokens = predictions.given.len().max(1) as f64;
        let prior: Vec<f64> = predictions
            .label_counts()
            .iter()
            .enumerate()
            .map(|(k, &n)| {
                let right = given_of_true[k][k];
                let ratio = if right > 0.0 { true_of_given[k][k] / right } else { 0.0 };
                (ratio * n as f64 / n_tokens).clamp(LOWEST_PRIOR, 1.0)
            })
            .collect();
        let sum: f64 = prior.iter().sum();
        Self {
            prior: prior.iter().map(|p| p / sum).collect(),
            given_of_true: limited(given_of_true),
            true_of_given: limited(true_of_given),
        }
    }
}

/// Each column divided by its sum.
fn of_columns(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let sums = column_sums(matrix);
    let share = |(value, sum): (&f64, &f64)| if *sum > 0.0 { value / sum } else { 0.0 };
    matrix.iter().map(|row| row.iter().zip(&sums).map(share).collect()).collect()
}

/// Entries off the diagonal limited, and columns scaled to sum 1 again.
fn limited(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for (i, row) in matrix.iter_mut().enumerate() {
        row.iter_mut().enumerate().filter(|(j, _)| *j != i).for_each(|(_, value)| *value = value.min(HIGHEST_RATE));
    }
    of_columns(&matrix)
}

fn column_sums(matrix: &[Vec<f64>]) -> Vec<f64> {
    (0..matrix.len()).map(|column| matrix.iter().map(|row| row[column]).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_example_by_hand() {
        // C = [[2, 1], [0, 2]] of 3 and 2 tokens. P(given 0 | true 1) = 1/3, P(true 1 | given 0) = 1/3; the prior of 0 is
        // 3/5 · (2/3) / 1 = 2/5, of 1 it is 2/5 · 1 / (2/3) = 3/5.
        let probabilities = [0.9, 0.1, 0.8, 0.2, 0.1, 0.9, 0.2, 0.8, 0.4, 0.6];
        let predictions = Predictions::new(&probabilities, &[0, 0, 0, 1, 1], 2).unwrap();
        let latent = Latent::estimate(&predictions, &ConfidentJoint::count(&predictions));
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(latent.prior[0], 0.4);
        close(latent.given_of_true[0][1], 1.0 / 3.0);
        close(latent.given_of_true[0][0], 1.0);
        close(latent.true_of_given[1][0], 1.0 / 3.0);
        close(latent.true_of_given[1][1], 1.0);
    }
}
