//! Label quality: how well the given label agrees with the probabilities. Higher is better, so a ranking of suspects
//! takes the negative.
//!
//! With p(g) the probability of the given label, for each token:
//!
//! * [`self_confidence`] = p(g);
//! * [`normalized_margin`] = (p(g) − max p(k ≠ g) + 1) / 2;
//! * [`confidence_weighted_entropy`] = ln(1 + x) / x, where x = H / p(g) and H = −Σ p ln p / ln K is the entropy as a
//!   share of the highest possible one.
//!
//! The first two are from arXiv 1911.00068, section 3.2; the third from Kuan and Mueller, *Model-agnostic label quality
//! scoring*, 2022. A sentence is as good as its worst token ([`worst_token`]) or as a mean that leans towards it
//! ([`soft_worst_token`]): Wang and Mueller, arXiv 2210.03920, section 3.

use super::Predictions;

/// Probabilities and quotients below this are taken as this before something is divided by them.
const LOWEST: f64 = 1e-6;

/// The temperature at which arXiv 2210.03920 averages.
pub const DEFAULT_TEMPERATURE: f64 = 0.05;

/// The probability of the given label, 0 to 1.
pub fn self_confidence(predictions: &Predictions<'_>) -> Vec<f64> {
    predictions.rows().map(|(given, row)| row[given]).collect()
}

/// (p(g) − max p(k ≠ g) + 1) / 2, 0 to 1: above ½ where the given label is the most probable one.
///
/// Of probabilities 0.7, 0.2, 0.1 with the second given: (0.2 − 0.7 + 1) / 2 = 0.25.
pub fn normalized_margin(predictions: &Predictions<'_>) -> Vec<f64> {
    predictions
        .rows()
        .map(|(given, row)| {
            let others = row.iter().enumerate().filter(|(label, _)| *label != given);
            let best = others.map(|(_, &p)| p).fold(0.0, f64::max);
            (row[given] - best + 1.0) / 2.0
        })
        .collect()
}

/// ln(1 + x) / x with x = H / p(g), 0 to 1; p(g) and the divisor x count as 1e-6 at least.
///
/// Of probabilities ½ and ½: H = 1, x = 2, ln(3) / 2 = 0.549. With all probability on the given label H is 0, and by
/// that definition so is the score, although its limit is 1.
pub fn confidence_weighted_entropy(predictions: &Predictions<'_>) -> Vec<f64> {
    let highest = (predictions.n_labels() as f64).ln();
    predictions
        .rows()
        .map(|(given, row)| {
            let entropy = -row.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>() / highest;
            let quotient = entropy / row[given].max(LOWEST);
            (quotient + 1.0).ln() / quotient.max(LOWEST)
        })
        .collect()
}

/// For each sentence the lowest score of its tokens; null for a sentence without any. `scores` are those of the first
/// sentence's tokens, then the second's; `lengths` are numbers of tokens.
pub fn worst_token(scores: &[f64], lengths: &[usize]) -> Vec<Option<f64>> {
    sentences(scores, lengths).map(|scores| scores.iter().copied().reduce(f64::min)).collect()
}

/// For each sentence Σ wᵢsᵢ, where the weights w are the softmax of (1 − s) / `temperature`: towards 0 the lowest score,
/// towards infinity the mean. Null for a sentence without tokens.
///
/// Scores 0.9 and 0.6 at 0.05: the weights are as 1 to e⁶, and the sentence's score 0.6007.
pub fn soft_worst_token(scores: &[f64], lengths: &[usize], temperature: f64) -> Vec<Option<f64>> {
    let temperature = temperature.max(LOWEST);
    sentences(scores, lengths)
        .map(|scores| {
            let lowest = scores.iter().copied().reduce(f64::min)?;
            let (weighted, weights) = scores.iter().fold((0.0, 0.0), |(weighted, weights), score| {
                let weight = ((lowest - score) / temperature).exp();
                (weighted + weight * score, weights + weight)
            });
            Some(weighted / weights)
        })
        .collect()
}

fn sentences<'a>(scores: &'a [f64], lengths: &'a [usize]) -> impl Iterator<Item = &'a [f64]> {
    debug_assert_eq!(scores.len(), lengths.iter().sum::<usize>(), "one score a token");
    lengths.iter().scan(scores, |rest, &length| {
        let (sentence, after) = rest.split_at(length);
        *rest = after;
        Some(sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_documentation_come_out() {
        let predictions = Predictions::new(&[0.7, 0.2, 0.1], &[1], 3).unwrap();
        assert_eq!(self_confidence(&predictions), [0.2]);
        assert_eq!(normalized_margin(&predictions), [0.25]);
        let predictions = Predictions::new(&[0.5, 0.5, 0.0, 1.0], &[1, 1], 2).unwrap();
        let scores = confidence_weighted_entropy(&predictions);
        assert!((scores[0] - 3f64.ln() / 2.0).abs() < 1e-12);
        assert_eq!(scores[1], 0.0);
    }

    #[test]
    fn a_sentence_is_as_good_as_its_worst_token() {
        let (scores, lengths) = ([0.9, 0.6, 0.8], [2, 0, 1]);
        assert_eq!(worst_token(&scores, &lengths), [Some(0.6), None, Some(0.8)]);
        let soft = soft_worst_token(&scores, &lengths, DEFAULT_TEMPERATURE);
        let expected = 0.6 + 0.3 / (1.0 + 6f64.exp());
        assert!((soft[0].unwrap() - expected).abs() < 1e-12);
        assert_eq!((soft[1], soft[2]), (None, Some(0.8)));
    }
}
