//! How well a score, or a mask, finds the tokens whose label is wrong.
//!
//! The classes are as unbalanced as they come (a careful corpus has less than one wrong token in a hundred), so the
//! measures are those of retrieval: precision and recall by threshold, average precision and lift; not the area
//! under the ROC curve, which the many easy negatives make look good whatever the detector does.
//!
//! Convention throughout: a higher score means more suspect, a token is flagged at threshold t if its score is ≥ t, and
//! `positive` is true where the label is wrong. Scores and `positive` have one entry a token. A NaN score is ranked
//! last, among the −∞, and never makes a curve point of its own.
//!
//! By hand, with scores 0.9 0.8 0.8 0.1 of which the first and the third are wrong: the thresholds are 0.9 (precision
//! 1/1, recall 1/2), 0.8 (2/3, 2/2) and 0.1 (2/4, 2/2). Average precision is (1/2)·1 + (1/2)·(2/3) = 5/6, and at a base rate of 1/2 the lift of precision 2/3 is 4/3.

use serde::{Deserialize, Serialize};

use super::Prf;

/// One point of a precision-recall curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ThresholdScores {
    /// Tokens with a score of at least this are flagged.
    pub threshold: f64,
    /// Tokens flagged.
    pub n_flagged: usize,
    /// Precision, recall and F1 of the flagged tokens.
    pub scores: Prf,
}

/// The precision-recall curve: one point for each distinct score, thresholds falling, recall rising.
///
/// These are the points of scikit-learn's `precision_recall_curve` in reverse order, without its artificial last point
/// (precision 1, recall 0), and with the points after full recall. Empty without a positive token.
pub fn precision_recall_curve(scores: &[f64], positive: &[bool]) -> Vec<ThresholdScores> {
    debug_assert_eq!(scores.len(), positive.len(), "one score a token");
    let n_positive = positive.iter().filter(|&&p| p).count();
    if n_positive == 0 {
        return Vec::new();
    }
    let ranked = ranked(scores, positive);
    let mut curve = Vec::new();
    let mut n_right = 0;
    for (index, &(score, is_positive)) in ranked.iter().enumerate() {
        n_right += usize::from(is_positive);
        // Equal scores are flagged together: only the last of them makes a point.
        if ranked.get(index + 1).is_some_and(|&(next, _)| next == score) {
            continue;
        }
        let n_flagged = index + 1;
        curve.push(ThresholdScores {
            threshold: score,
            n_flagged,
            scores: Prf::from_counts(n_right, n_flagged, n_positive),
        });
    }
    curve
}

/// Average precision, AP = Σ (Rₙ − Rₙ₋₁)·Pₙ over the curve's points, 0 to 1; scikit-learn's definition, without
/// interpolation, tied scores flagged together. `None` without a positive token.
///
/// ```
/// use memoscope::metrics::detection::average_precision;
/// let ap = average_precision(&[0.9, 0.8, 0.8, 0.1], &[true, false, true, false]);
/// assert!((ap.unwrap() - 5.0 / 6.0).abs() < 1e-15);
/// ```
pub fn average_precision(scores: &[f64], positive: &[bool]) -> Option<f64> {
    let curve = precision_recall_curve(scores, positive);
    if curve.is_empty() {
        return None;
    }
    let mut previous_recall = 0.0;
    let mut sum = 0.0;
    for point in &curve {
        sum += (point.scores.recall - previous_recall) * point.scores.precision;
        previous_recall = point.scores.recall;
    }
    Some(sum)
}

/// Area under the ROC curve: the probability that a positive token has a higher score than another one, ties counted
/// half (Mann and Whitney's U divided by the number of pairs). 0.5 is chance. `None` unless there are tokens of both
/// kinds.
///
/// Of the four pairs (0.9, 0.8), (0.9, 0.1), (0.8, 0.8), (0.8, 0.1) three are right and one is tied:
///
/// ```
/// use memoscope::metrics::detection::roc_auc;
/// assert_eq!(roc_auc(&[0.9, 0.8, 0.8, 0.1], &[true, false, true, false]), Some(3.5 / 4.0));
/// ```
pub fn roc_auc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    let ranked = ranked(scores, positive);
    let n_positive = ranked.iter().filter(|(_, positive)| *positive).count();
    let n_negative = ranked.len() - n_positive;
    if n_positive == 0 || n_negative == 0 {
        return None;
    }
    let (mut pairs, mut positive_above) = (0.0, 0.0);
    for tied in ranked.chunk_by(|a, b| a.0 == b.0) {
        let positive = tied.iter().filter(|(_, positive)| *positive).count() as f64;
        pairs += (tied.len() as f64 - positive) * (positive_above + positive / 2.0);
        positive_above += positive;
    }
    Some(pairs / (n_positive as f64 * n_negative as f64))
}

/// Precision, recall and F1 of a mask, such as a cluster or a cut-off gives.
pub fn mask_scores(flagged: &[bool], positive: &[bool]) -> Prf {
    debug_assert_eq!(flagged.len(), positive.len(), "one flag a token");
    let n_flagged = flagged.iter().filter(|&&f| f).count();
    let n_positive = positive.iter().filter(|&&p| p).count();
    let n_right = flagged.iter().zip(positive).filter(|&(&flag, &wrong)| flag && wrong).count();
    Prf::from_counts(n_right, n_flagged, n_positive)
}

/// How many times better than chance a precision is: precision / base rate, where the base rate is the share of positive
/// tokens. `None` if the base rate is 0.
pub fn lift(precision: f64, positive: &[bool]) -> Option<f64> {
    let n_positive = positive.iter().filter(|&&p| p).count();
    (n_positive > 0).then(|| precision * positive.len() as f64 / n_positive as f64)
}

/// Scores with their truth, most suspect first; NaN becomes −∞.
fn ranked(scores: &[f64], positive: &[bool]) -> Vec<(f64, bool)> {
    let clean = |score: f64| if score.is_nan() { f64::NEG_INFINITY } else { score };
    let mut ranked: Vec<(f64, bool)> = scores.iter().map(|&s| clean(s)).zip(positive.iter().copied()).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked
}

/// Precision, recall and F1 when the `share` (0 to 1) of tokens with the highest scores is inspected; k = ⌈share·n⌉.
///
/// Where the k-th and the next score are equal the choice among them is open: the expected number of hits over all
/// choices is taken, so the result does not depend on the order of the tokens. `None` without a positive token. It is the
/// definition in its plainest form, which the tests of [`super::ranking`] compare with.
#[cfg(test)]
pub(super) fn scores_at_share(scores: &[f64], positive: &[bool], share: f64) -> Option<Prf> {
    let n_positive = positive.iter().filter(|&&p| p).count();
    if n_positive == 0 {
        return None;
    }
    let n_inspected = ((share.clamp(0.0, 1.0) * scores.len() as f64).ceil() as usize).min(scores.len());
    if n_inspected == 0 {
        return Some(Prf::default());
    }
    let ranked = ranked(scores, positive);
    let boundary = ranked[n_inspected - 1].0;
    let above = ranked.iter().take_while(|(score, _)| *score > boundary).count();
    let hits_above = ranked[..above].iter().filter(|(_, p)| *p).count();
    let tied: Vec<bool> = ranked[above..].iter().take_while(|(score, _)| *score == boundary).map(|(_, p)| *p).collect();
    let hits_tied = tied.iter().filter(|&&p| p).count() as f64 / tied.len() as f64;
    let hits = hits_above as f64 + hits_tied * (n_inspected - above) as f64;
    let precision = hits / n_inspected as f64;
    let recall = hits / n_positive as f64;
    Some(Prf { precision, recall, f1: super::ratio(2.0 * precision * recall, precision + recall) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f64; 4] = [0.9, 0.8, 0.8, 0.1];
    const POSITIVE: [bool; 4] = [true, false, true, false];

    #[test]
    fn the_example_of_the_documentation_comes_out() {
        let curve = precision_recall_curve(&SCORES, &POSITIVE);
        let points: Vec<(f64, usize)> = curve.iter().map(|p| (p.threshold, p.n_flagged)).collect();
        assert_eq!(points, vec![(0.9, 1), (0.8, 3), (0.1, 4)]);
        assert!((curve[1].scores.f1 - 0.8).abs() < 1e-15);
        assert!((lift(2.0 / 3.0, &POSITIVE).unwrap() - 4.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn without_a_positive_token_there_is_no_value() {
        assert_eq!(average_precision(&SCORES, &[false; 4]), None);
        assert_eq!(scores_at_share(&SCORES, &[false; 4], 0.5), None);
        assert_eq!(lift(0.5, &[false; 4]), None);
    }

    #[test]
    fn ties_at_the_boundary_count_by_their_expectation() {
        // Two tokens inspected: 0.9 (wrong) and one of the two tied at 0.8, of which one is wrong: 1.5 hits of 2.
        let scores = scores_at_share(&SCORES, &POSITIVE, 0.5).unwrap();
        assert_eq!((scores.precision, scores.recall), (0.75, 0.75));
        assert_eq!(scores_at_share(&SCORES, &POSITIVE, 1.0).unwrap().recall, 1.0);
        assert_eq!(scores_at_share(&SCORES, &POSITIVE, 0.0).unwrap(), Prf::default());
    }

    #[test]
    fn a_nan_is_ranked_last() {
        let curve = precision_recall_curve(&[f64::NAN, 0.5], &[false, true]);
        assert_eq!(curve[0].threshold, 0.5);
        assert_eq!(average_precision(&[f64::NAN, 0.5], &[false, true]), Some(1.0));
    }

    #[test]
    fn a_mask_is_scored_by_its_counts() {
        let scores = mask_scores(&[true, true, false, false], &[true, false, true, true]);
        assert_eq!(scores, Prf::from_counts(1, 2, 3));
    }
}
