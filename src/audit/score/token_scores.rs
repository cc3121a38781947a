//! The score of each token; the module above says how it is computed.

use std::ops::Range;

use super::mentions::Mentions;
use crate::analysis::channel::LabelChannel;
use crate::audit::collect::{log_odds, mean_of};
use crate::audit::{Text, TokenEvidence};
use crate::corpus::{SpanMode, SpanReader, TokenPosition};

/// The largest shift of the scores that is looked for, and how often the interval is halved.
const SHIFT: f64 = 50.0;
const HALVINGS: usize = 80;

/// Scores of all tokens of a text; NaN for tokens that no model has judged.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenScores {
    /// Higher is more suspect: a log-odds.
    pub score: Vec<f64>,
    /// Estimated probability that the given label is wrong, 0 to 1.
    pub probability: Vec<f64>,
    /// The channel's log-odds that the given label is wrong, a step on the way.
    pub channel_log_odds: Vec<f64>,
    /// The estimated channel.
    pub channel: LabelChannel,
}

impl TokenScores {
    /// The mean over seeds, probabilities spread anew so that they follow the mean score; the channel is the first
    /// seed's.
    pub(in crate::audit) fn mean(seeds: &[&Self]) -> Self {
        let mean = |field: fn(&Self) -> &[f64]| mean_of(&seeds.iter().map(|seed| field(seed)).collect::<Vec<_>>());
        let score = mean(|seed| &seed.score);
        Self {
            probability: calibrated(&score, &mean(|seed| &seed.probability)),
            score,
            channel_log_odds: mean(|seed| &seed.channel_log_odds),
            channel: seeds.first().map_or_else(|| LabelChannel::estimate(&[], &[], 2), |seed| seed.channel.clone()),
        }
    }
}

/// Scores the tokens of a text.
pub fn score(text: &Text, evidence: &TokenEvidence) -> TokenScores {
    let k = text.labels.len();
    let given = text.given();
    let row = |token: usize| &evidence.probabilities[token * k..(token + 1) * k];
    let channel = evidence.channel(&evidence.probabilities, &given, k);

    let mut score = vec![f64::NAN; given.len()];
    let mut wrong = vec![f64::NAN; given.len()];
    for token in (0..given.len()).filter(|&token| evidence.judged[token]) {
        let label = usize::from(given[token]);
        wrong[token] = 1.0 - channel.posterior(row(token), given[token])[label];
        let without = 1.0 - channel.adjusted(row(token))[label];
        let held_out = log_odds(1.0 - f64::from(row(token)[label]));
        let trained = evidence.train_log_odds[token];
        let trained = if trained.is_nan() { held_out } else { trained };
        let habits = log_odds(wrong[token]) - log_odds(without);
        score[token] = (held_out + trained + habits) / 2.0;
    }
    let score = by_entity(text, evidence, &score);
    let probability = calibrated(&score, &wrong);
    let channel_log_odds = wrong.iter().map(|&p| if p.is_nan() { p } else { log_odds(p) }).collect();
    TokenScores { score, probability, channel_log_odds, channel }
}

/// The spans of tokens that are judged together: given entities, and what the models read where `O` is given.
fn stretches(text: &Text, evidence: &TokenEvidence) -> Vec<(usize, Range<usize>)> {
    let k = text.labels.len();
    let reader = SpanReader::from(&text.labels);
    let mut stretches = Vec::new();
    let mut spans = Vec::new();
    for (i, sentence) in text.sentences.iter().enumerate() {
        let read: Vec<u8> = text
            .tokens(i)
            .zip(&sentence.labels)
            .map(|(token, &given)| match given {
                0 => crate::nn::math::argmax(&evidence.probabilities[token * k..(token + 1) * k]) as u8,
                _ => 0,
            })
            .collect();
        for labels in [&sentence.labels[..], &read] {
            reader.read_into(labels, SpanMode::Default, &mut spans);
            stretches.extend(spans.iter().map(|span| (i, span.start as usize..span.end as usize)));
        }
    }
    stretches
}

/// Gives the words of each stretch the mean of their scores, and adds what other mentions of the same words say.
fn by_entity(text: &Text, evidence: &TokenEvidence, score: &[f64]) -> Vec<f64> {
    let stretches = stretches(text, evidence);
    let mentions = Mentions::find(text, stretches.iter().cloned());
    let mut whole = score.to_vec();
    for (i, words) in stretches {
        let sentence = &text.sentences[i];
        let given = &sentence.labels[words.clone()];
        let here = TokenPosition { sentence: i as u32, token: words.start as u16 };
        let others = mentions.of(&sentence.words[words.clone()], Some((here, given)));
        let share = (others.n_as(given) + 1) as f64 / (others.len() + 2) as f64;
        let inconsistency = log_odds(1.0 - share).max(0.0) / 2.0;
        let tokens = text.offsets[i] + words.start..text.offsets[i] + words.end;
        let known: Vec<f64> = score[tokens.clone()].iter().copied().filter(|s| !s.is_nan()).collect();
        let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        whole[tokens].iter_mut().filter(|s| !s.is_nan()).for_each(|s| *s = mean + inconsistency);
    }
    whole
}

/// Probabilities 1 / (1 + e^−(score + a)), with the a under which they sum to as much as `probability` does: the same
/// number of errors, spread by the score. NaN where either is.
///
/// By hand: of scores −ln 3 and ln 3 and probabilities that sum to 1, a is 0, and they become 1/4 and 3/4.
pub fn calibrated(score: &[f64], probability: &[f64]) -> Vec<f64> {
    let known = |(s, p): (&f64, &f64)| !s.is_nan() && !p.is_nan();
    let pairs = || score.iter().zip(probability).filter(|&(s, p)| known((s, p)));
    let wanted: f64 = pairs().map(|(_, p)| p).sum();
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (mut low, mut high) = (-SHIFT, SHIFT);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        let sum: f64 = pairs().map(|(s, _)| logistic(s + middle)).sum();
        if sum < wanted { low = middle } else { high = middle }
    }
    let shift = f64::midpoint(low, high);
    let spread = |pair| if known(pair) { logistic(pair.0 + shift) } else { f64::NAN };
    score.iter().zip(probability).map(spread).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_follow_the_score_and_keep_their_sum() {
        let ln3 = 3.0_f64.ln();
        let by_hand = calibrated(&[-ln3, ln3], &[0.4, 0.6]);
        assert!((by_hand[0] - 0.25).abs() < 1e-9 && (by_hand[1] - 0.75).abs() < 1e-9, "{by_hand:?}");
        let (score, p) = ([3.0, f64::NAN, 1.0, 2.0, 2.0], [0.1, 0.5, 0.3, 0.2, 0.4]);
        let spread = calibrated(&score, &p);
        assert!(spread[1].is_nan());
        assert_eq!(spread[3], spread[4]);
        assert!(spread[2] < spread[3] && spread[3] < spread[0]);
        let sum: f64 = [0, 2, 3, 4].iter().map(|&i| spread[i]).sum();
        assert!((sum - 1.0).abs() < 1e-9);
        assert!(calibrated(&[], &[]).is_empty());
    }
}
