//! Which tokens to flag, given how many are wrong (arXiv 1911.00068, section 3.2).

use serde::{Deserialize, Serialize};

use super::{ConfidentJoint, Predictions, most_probable};

/// The given label counts as predicted if no other one is more probable by this or more.
const SLACK: f64 = 1e-6;

/// How tokens are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// For each pair of a given label g and another label k: as many tokens given g as the joint counts in (g, k), those
    /// with the largest p(k) − p(g). The default of cleanlab.
    PruneByNoiseRate,
    /// For each given label g: as many tokens as the joint counts for all other labels, those with the lowest p(g).
    PruneByClass,
    /// What both of these flag.
    Both,
    /// Tokens that are confidently of another label: what the joint counted off its diagonal before it was calibrated.
    ConfidentLearning,
    /// Tokens whose most probable label is another one.
    PredictedNeqGiven,
}

/// Flags tokens whose given label is wrong, one flag a token.
///
/// The joint is first changed to leave at least `min_examples_per_class` tokens of each true label where they are: what
/// the diagonal lacks is taken in equal parts from the other counts of the given label. The two `Prune` filters flag
/// nothing in a label with at most so many tokens, nor the only token of a label. Whatever the filter, a token is not
/// flagged where its given label is the most probable one.
pub fn find_issues(
    predictions: &Predictions<'_>,
    joint: &ConfidentJoint,
    filter: Filter,
    min_examples_per_class: u64,
) -> Vec<bool> {
    let mut flagged = match filter {
        Filter::PruneByNoiseRate => by_noise_rate(predictions, joint, min_examples_per_class),
        Filter::PruneByClass => by_class(predictions, joint, min_examples_per_class),
        Filter::Both => {
            let mut flagged = by_noise_rate(predictions, joint, min_examples_per_class);
            let other = by_class(predictions, joint, min_examples_per_class);
            flagged.iter_mut().zip(other).for_each(|(flag, other)| *flag &= other);
            flagged
        }
        Filter::ConfidentLearning => predictions
            .given
            .iter()
            .zip(&joint.confident)
            .map(|(given, label)| label.is_some_and(|label| label != *given))
            .collect(),
        Filter::PredictedNeqGiven => predictions.rows().map(|(given, row)| most_probable(row) != given).collect(),
    };
    for (flag, (given, row)) in flagged.iter_mut().zip(predictions.rows()) {
        *flag &= !is_predicted(given, row);
    }
    flagged
}

/// Whether the given label is the most probable one when it is raised by [`SLACK`]; the first of equal ones is.
fn is_predicted(given: usize, row: &[f64]) -> bool {
    let raised = row[given] + SLACK;
    row.iter().enumerate().all(|(label, &p)| label == given || p < raised || (p == raised && label > given))
}

fn by_noise_rate(predictions: &Predictions<'_>, joint: &ConfidentJoint, at_least: u64) -> Vec<bool> {
    let mut flagged = vec![false; predictions.given.len()];
    for (given, tokens, counts) in prunable(predictions, joint, at_least) {
        for label in (0..predictions.n_labels).filter(|&label| label != given) {
            flag_highest(&mut flagged, &tokens, counts[label], |row| row[label] - row[given]);
        }
    }
    flagged
}

fn by_class(predictions: &Predictions<'_>, joint: &ConfidentJoint, at_least: u64) -> Vec<bool> {
    let mut flagged = vec![false; predictions.given.len()];
    for (given, tokens, counts) in prunable(predictions, joint, at_least) {
        let n_wrong = (tokens.len() as u64).saturating_sub(counts[given]);
        flag_highest(&mut flagged, &tokens, n_wrong, |row| -row[given]);
    }
    flagged
}

/// A token's index and its probabilities.
type Token<'a> = (usize, &'a [f64]);

/// The given labels with enough tokens: label, its tokens, and how many of them are of each true label.
fn prunable<'a>(
    predictions: &Predictions<'a>,
    joint: &ConfidentJoint,
    at_least: u64,
) -> Vec<(usize, Vec<Token<'a>>, Vec<u64>)> {
    let mut tokens = vec![Vec::new(); predictions.n_labels];
    predictions.rows().enumerate().for_each(|(index, (given, row))| tokens[given].push((index, row)));
    tokens
        .into_iter()
        .enumerate()
        .filter(|(_, tokens)| tokens.len() as u64 > at_least.max(1))
        .map(|(given, tokens)| (given, tokens, keep_at_least(&joint.calibrated[given], given, at_least)))
        .collect()
}

/// Counts of one given label by true label, with `at_least` on the diagonal; the others pay for it alike, in whole tokens.
fn keep_at_least(counts: &[u64], given: usize, at_least: u64) -> Vec<u64> {
    let lacking = at_least.saturating_sub(counts[given]) as f64;
    let n_paying = counts.iter().filter(|&&count| count > 0).count().saturating_sub(1).max(1) as f64;
    let mut kept: Vec<u64> = counts.iter().map(|&count| (count as f64 - lacking / n_paying).max(0.0) as u64).collect();
    kept[given] = counts[given].max(at_least);
    kept
}

/// Flags the `n` tokens with the highest scores, the first of equal ones first.
fn flag_highest(flagged: &mut [bool], tokens: &[Token<'_>], n: u64, score: impl Fn(&[f64]) -> f64) {
    if n == 0 {
        return;
    }
    let mut order: Vec<(usize, f64)> = tokens.iter().map(|(index, row)| (*index, score(row))).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.iter().take(n as usize).for_each(|(index, _)| flagged[*index] = true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_keeps_its_examples() {
        // Two are lacking, three labels pay: 8 − ⅔ → 7, 1 − ⅔ → 0, 3 − ⅔ → 2.
        assert_eq!(keep_at_least(&[1, 8, 1, 3, 0], 0, 3), [3, 7, 0, 2, 0]);
        assert_eq!(keep_at_least(&[4, 2], 0, 3), [4, 2]);
    }

    #[test]
    fn a_token_predicted_as_given_is_never_flagged() {
        assert!(is_predicted(0, &[0.5, 0.5]));
        assert!(is_predicted(1, &[0.5, 0.5]));
        assert!(!is_predicted(0, &[0.4, 0.6]));
        // Two tokens of each label, both of label 1 the wrong way round but for a ten-millionth.
        let probabilities = [0.9, 0.1, 0.8, 0.2, 0.500_000_05, 0.499_999_95, 0.1, 0.9];
        let predictions = Predictions::new(&probabilities, &[0, 0, 1, 1], 2).unwrap();
        let joint = ConfidentJoint::count(&predictions);
        assert_eq!(find_issues(&predictions, &joint, Filter::PredictedNeqGiven, 1), [false; 4]);
    }
}
