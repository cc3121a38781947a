//! The single measures, each by its own: what is in use elsewhere, to be compared with and to look at.
//!
//! Each has one value a token, higher is more suspect, NaN where there is none. Epochs are those up to the scored one,
//! but for events, which are counted over all of them.

use super::TokenScores;
use crate::analysis::clusters;
use crate::analysis::confident::{ConfidentJoint, Filter, Predictions, find_issues};
use crate::audit::{Text, TokenEvidence};
use crate::error::Result;
use crate::random::Streams;
use ndarray::Array2;

/// A measure of all tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenMeasure {
    /// Its name, which is that of its column.
    pub name: &'static str,
    /// What it is, in a sentence without a full stop.
    pub description: &'static str,
    /// One value a token.
    pub values: Vec<f64>,
}

/// The names of all measures, and of the score among them.
pub const MEASURES: [&str; 14] = [
    "audit",
    "held_out_loss",
    "normalized_margin",
    "confident_learning",
    "self_confidence",
    "channel",
    "loss",
    "mean_probability",
    "variability",
    "aum",
    "forgetting",
    "first_learning",
    "run_lengths",
    "kmeans",
];

/// Examples that cleanlab's filter leaves for each label, at least: its default.
const MIN_EXAMPLES_PER_CLASS: u64 = 1;
/// Random starts of k-means.
const RESTARTS: usize = 3;

/// All measures, and cleanlab's default filter at the scored epoch where there are held-out probabilities.
///
/// # Errors
/// [`crate::Error::Internal`] if k-means fails.
pub fn measures(
    text: &Text,
    evidence: &TokenEvidence,
    scores: &TokenScores,
    seed: u64,
) -> Result<(Vec<TokenMeasure>, Option<Vec<bool>>)> {
    let k = text.labels.len();
    let given = text.given();
    let n = given.len();
    let scored = evidence.scored_epoch as usize;
    let mean = |losses: &[Vec<f32>]| -> Vec<f64> {
        (0..n).map(|t| losses[..scored].iter().map(|epoch| f64::from(epoch[t])).sum::<f64>() / scored as f64).collect()
    };
    let negative = |values: &[f64]| values.iter().map(|v| -v).collect();
    let mut measures = Vec::new();
    let mut add = |name, description, values: Vec<f64>| measures.push(TokenMeasure { name, description, values });
    let mut flagged = None;
    if evidence.held_out {
        let row = |token: usize| &evidence.probabilities_at[token * k..(token + 1) * k];
        let own = |token: usize| f64::from(row(token)[usize::from(given[token])]);
        let other = |token: usize| {
            let others = (0..k).filter(|&label| label != usize::from(given[token]));
            others.map(|label| f64::from(row(token)[label])).fold(f64::NAN, f64::max)
        };
        let self_confidence: Vec<f64> = (0..n).map(|token| 1.0 - own(token)).collect();
        let flags = issues(evidence, &given, k)?;
        let flagged_first = |token: usize| self_confidence[token] + f64::from(u8::from(flags[token]));
        let filter = (0..n).map(flagged_first).collect();
        add("held_out_loss", "held-out loss, mean over epochs", mean(&evidence.held_out_loss));
        add(
            "normalized_margin",
            "held-out probability of the best other label less that of the given one, at the scored epoch",
            (0..n).map(|token| other(token) - own(token)).collect(),
        );
        add("confident_learning", "what cleanlab\'s default filter flags, then the rest, by self-confidence", filter);
        add(
            "self_confidence",
            "one less the held-out probability of the given label, at the scored epoch",
            self_confidence,
        );
        flagged = Some(flags);
    }
    add("channel", "log-odds of the label channel alone", scores.channel_log_odds.clone());
    add("loss", "loss in training, mean over epochs", mean(&evidence.train_loss));
    add(
        "mean_probability",
        "one less the probability of the given label in training, mean over epochs (dataset cartography\'s confidence)",
        evidence.train_p.iter().map(|p| 1.0 - p).collect(),
    );
    add("variability", "deviation of that probability over epochs (dataset cartography)", evidence.variability.clone());
    add("aum", "area under the margin in training, with a minus sign", negative(&evidence.margin));
    add("forgetting", "forgetting events", evidence.forgetting.clone());
    add("first_learning", "first learning epoch, one more than there are for never", evidence.first_learning.clone());
    add(
        "run_lengths",
        "longest run of epochs in which it was not memorised, less the longest in which it was",
        evidence.wrong_run.clone(),
    );
    add("kmeans", "how much nearer to the high than to the low centroid of loss trajectories", kmeans(evidence, seed)?);
    Ok((measures, flagged))
}

/// Cleanlab's default filter on the held-out probabilities of the scored epoch.
fn issues(evidence: &TokenEvidence, given: &[u8], k: usize) -> Result<Vec<bool>> {
    let judged: Vec<usize> = (0..given.len()).filter(|&token| evidence.judged[token]).collect();
    let row = |&token: &usize| evidence.probabilities_at[token * k..(token + 1) * k].iter().map(|&p| f64::from(p));
    // A softmax in 32 bits may exceed 1 by its last digit.
    let probabilities: Vec<f64> = judged.iter().flat_map(row).map(|p| p.clamp(0.0, 1.0)).collect();
    let labels: Vec<u8> = judged.iter().map(|&token| given[token]).collect();
    let predictions = Predictions::new(&probabilities, &labels, k)?;
    let joint = ConfidentJoint::count(&predictions);
    let found = find_issues(&predictions, &joint, Filter::PruneByNoiseRate, MIN_EXAMPLES_PER_CLASS);
    let mut flagged = vec![false; given.len()];
    judged.into_iter().zip(found).for_each(|(token, flag)| flagged[token] = flag);
    Ok(flagged)
}

/// Distance to the centroid of low losses less that to the centroid of high ones, trajectories standardised.
fn kmeans(evidence: &TokenEvidence, seed: u64) -> Result<Vec<f64>> {
    let epochs = &evidence.train_loss;
    let n = evidence.judged.len();
    let known: Vec<usize> = (0..n).filter(|&token| epochs.iter().all(|epoch| epoch[token].is_finite())).collect();
    let mut points = Array2::zeros((known.len(), epochs.len()));
    for (column, epoch) in epochs.iter().enumerate() {
        let values = known.iter().map(|&token| f64::from(epoch[token]));
        let (mean, deviation) = clusters::mean_and_deviation(values.clone());
        for (row, value) in values.enumerate() {
            points[(row, column)] = (value - mean) / deviation.max(f64::MIN_POSITIVE);
        }
    }
    let order: Vec<f64> = points.rows().into_iter().map(|row| row.sum()).collect();
    let mut values = vec![f64::NAN; n];
    let found = clusters::kmeans(&points, &order, 2, RESTARTS, Streams::new(seed), "audit k-means")?;
    if let Some(found) = found {
        for (row, &token) in points.rows().into_iter().zip(&known) {
            let distance = |centroid: usize| {
                row.iter().zip(found.centroids.row(centroid)).map(|(x, c)| (x - c).powi(2)).sum::<f64>().sqrt()
            };
            values[token] = distance(0) - distance(1);
        }
    }
    Ok(values)
}
