//! What the models of one seed say of each token, collected from their logs.
//!
//! *Held out*: what models say that were not trained on the token's sentence; with one fold, what the one model said of
//! each batch before it learned from it. *In training*: what the models said of the token as they were trained on it,
//! averaged over them.

use std::path::Path;

use super::means::mean_of;
use super::run_folder;
use super::scored_epoch::scored_epoch;
use super::training::{OneModel, Sums};
use crate::analysis::channel::LabelChannel;
use crate::analysis::phases::Phases;
use crate::audit::{AuditSettings, Text};
use crate::dynamics::{Log, Pass};
use crate::error::{Error, Result};

/// What the models of one seed say of each token of a text. Vectors have one entry a token, NaN where there is none (0
/// in `probabilities`); the outer index of nested vectors is the epoch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenEvidence {
    /// True with held-out observations, false with one fold.
    pub held_out: bool,
    /// Whether there is a model prediction for the token; of several seeds, whether there is one in each.
    pub judged: Vec<bool>,
    /// The epoch up to which is scored: the last one before memorisation.
    pub scored_epoch: u32,
    /// The first epoch of the window that ends there and over which the score takes means: where it begins is chosen by
    /// the likelihood of the given labels, which leaves out epochs in which the models knew too little.
    pub first_scored_epoch: u32,
    /// The phases, found in the curve that is the mean over folds.
    pub phases: Phases,
    /// Entity F1 on held-out sentences against the given labels by epoch, mean over folds.
    pub f1: Vec<f64>,
    /// Held-out probability of every label, mean over the window: `[tokens, labels]`.
    pub probabilities: Vec<f32>,
    /// The same at the scored epoch alone.
    pub probabilities_at: Vec<f32>,
    /// Held-out loss against the given label, nats.
    pub held_out_loss: Vec<Vec<f32>>,
    /// Loss in training, nats.
    pub train_loss: Vec<Vec<f32>>,
    /// Probability of the given label in training, mean over epochs up to the scored one.
    pub train_p: Vec<f64>,
    /// The log-odds that the given label is wrong in training, ln((1 − p) / p), mean over the window and over models.
    pub train_log_odds: Vec<f64>,
    /// The standard deviation of the probability over those epochs, mean over models: dataset cartography's
    /// variability.
    pub variability: Vec<f64>,
    /// Margin in training, mean over epochs up to the scored one: the area under the margin.
    pub margin: Vec<f64>,
    /// Forgetting events, mean over models.
    pub forgetting: Vec<f64>,
    /// First learning epoch, mean over models; one more than there are epochs for never.
    pub first_learning: Vec<f64>,
    /// Longest run of epochs in which the token was wrong, less the longest in which it was right, mean over models.
    pub wrong_run: Vec<f64>,
}

impl TokenEvidence {
    /// Reads the logs of all folds of a seed.
    ///
    /// # Errors
    /// [`Error::Data`] if a log is damaged.
    pub fn collect(text: &Text, settings: &AuditSettings, audit: &Path, seed: u64) -> Result<Self> {
        let folders = (0..settings.folds).map(|fold| run_folder(audit, seed, fold));
        let logs: Vec<Log> = folders.map(Log::open).collect::<Result<_>>()?;
        let (n, k) = (text.n_tokens(), text.labels.len());
        let (phases, f1, scored_epoch) = scored_epoch(&logs, settings, seed)?;
        let given = text.given();
        let epochs = settings.epochs as usize;
        let mut evidence = Self {
            held_out: settings.folds > 1,
            judged: vec![false; n],
            scored_epoch,
            first_scored_epoch: 1,
            phases,
            f1,
            probabilities: vec![0.0; n * k],
            probabilities_at: vec![f32::NAN; n * k],
            held_out_loss: vec![vec![f32::NAN; n]; epochs],
            train_loss: vec![vec![0.0; n]; epochs],
            train_p: Vec::new(),
            train_log_odds: Vec::new(),
            variability: Vec::new(),
            margin: Vec::new(),
            forgetting: Vec::new(),
            first_learning: Vec::new(),
            wrong_run: Vec::new(),
        };
        let mut sums = Sums::new(n);
        evidence.read_probabilities(text, &logs, &given)?;
        for log in &logs {
            evidence.read_training(text, log, &mut sums)?;
        }
        evidence.conclude(sums);
        Ok(evidence)
    }

    /// Reads the held-out probabilities, the last epoch first, and chooses the window of epochs that is averaged: it
    /// ends with the scored epoch and begins where the given labels are likeliest.
    fn read_probabilities(&mut self, text: &Text, logs: &[Log], given: &[u8]) -> Result<()> {
        let k = text.labels.len();
        let mut sum = vec![0.0_f32; given.len() * k];
        let mut likeliest = f64::NEG_INFINITY;
        for epoch in (1..=self.held_out_loss.len() as u32).rev() {
            for log in logs {
                let table = log.probabilities(epoch)?;
                for (row, values) in table.values.chunks_exact(k).enumerate() {
                    let token = number(text, table.sentence[row], table.token[row])?;
                    self.judged[token] = true;
                    // 32-bit probabilities underflow to 0; the loss of the smallest is 87 nats.
                    let p = values[usize::from(given[token])].max(f32::MIN_POSITIVE);
                    self.held_out_loss[epoch as usize - 1][token] = -p.ln();
                    let cells = token * k..(token + 1) * k;
                    if epoch == self.scored_epoch {
                        self.probabilities_at[cells.clone()].copy_from_slice(values);
                    }
                    if epoch <= self.scored_epoch {
                        sum[cells].iter_mut().zip(values).for_each(|(sum, p)| *sum += p);
                    }
                }
            }
            if epoch <= self.scored_epoch {
                let share = 1.0 / (self.scored_epoch - epoch + 1) as f32;
                let mean: Vec<f32> = sum.iter().map(|sum| share * sum).collect();
                let log_likelihood = self.channel(&mean, given, k).log_likelihood();
                if log_likelihood > likeliest {
                    (likeliest, self.first_scored_epoch, self.probabilities) = (log_likelihood, epoch, mean);
                }
            }
        }
        Ok(())
    }

    /// The label channel under these probabilities of all tokens.
    pub(in crate::audit) fn channel(&self, probabilities: &[f32], given: &[u8], n_labels: usize) -> LabelChannel {
        let judged: Vec<usize> = (0..given.len()).filter(|&token| self.judged[token]).collect();
        let row = |&token: &usize| probabilities[token * n_labels..(token + 1) * n_labels].iter().copied();
        let rows: Vec<f32> = judged.iter().flat_map(row).collect();
        let labels: Vec<u8> = judged.iter().map(|&token| given[token]).collect();
        LabelChannel::estimate(&rows, &labels, n_labels)
    }

    fn read_training(&mut self, text: &Text, log: &Log, sums: &mut Sums) -> Result<()> {
        let table = log.tokens();
        let place = |row: usize| number(text, table.sentence[row], table.token[row]);
        let places: Vec<usize> = (0..table.len()).map(place).collect::<Result<_>>()?;
        let mut one = OneModel::new(places.len());
        for (epoch, losses) in (1..).zip(&mut self.train_loss) {
            let seen = log.epoch(epoch)?;
            let Some((_, observations)) = seen.prefer(Pass::Train) else { continue };
            if observations.len() != places.len() {
                return Err(Error::Internal("an epoch of a fold has other tokens than its table".into()));
            }
            for (row, &token) in places.iter().enumerate() {
                losses[token] += observations.loss[row];
            }
            one.observe(epoch, observations, self.first_scored_epoch, self.scored_epoch);
        }
        one.add_to(sums, &places, self.train_loss.len() as u32);
        Ok(())
    }

    fn conclude(&mut self, sums: Sums) {
        let mean = |values: Vec<f64>| -> Vec<f64> {
            values.iter().zip(&sums.models).map(|(sum, &n)| if n > 0 { sum / f64::from(n) } else { f64::NAN }).collect()
        };
        for losses in &mut self.train_loss {
            for (loss, &n) in losses.iter_mut().zip(&sums.models) {
                *loss = if n > 0 { *loss / n as f32 } else { f32::NAN };
            }
        }
        self.train_p = mean(sums.p);
        self.train_log_odds = mean(sums.log_odds);
        self.variability = mean(sums.variability);
        self.margin = mean(sums.margin);
        self.forgetting = mean(sums.forgetting);
        self.first_learning = mean(sums.first_learning);
        self.wrong_run = mean(sums.wrong_run);
    }
}

impl TokenEvidence {
    /// The mean over seeds; the phases are those of the first seed, the scored epoch the median.
    pub(in crate::audit) fn mean(seeds: &[&Self]) -> Self {
        let Some((&first, rest)) = seeds.split_first() else { return Self::default() };
        if rest.is_empty() {
            return first.clone();
        }
        let f32s = |field: fn(&Self) -> &[f32]| mean_of(&seeds.iter().map(|seed| field(seed)).collect::<Vec<_>>());
        let f64s = |field: fn(&Self) -> &[f64]| mean_of(&seeds.iter().map(|seed| field(seed)).collect::<Vec<_>>());
        let epochs = |field: fn(&Self) -> &[Vec<f32>]| {
            let epoch = |i: usize| mean_of(&seeds.iter().map(|seed| &field(seed)[i][..]).collect::<Vec<_>>());
            (0..field(first).len()).map(epoch).collect()
        };
        let mut scored: Vec<u32> = seeds.iter().map(|seed| seed.scored_epoch).collect();
        scored.sort_unstable();
        Self {
            held_out: first.held_out,
            judged: (0..first.judged.len()).map(|token| seeds.iter().all(|seed| seed.judged[token])).collect(),
            scored_epoch: scored[(scored.len() - 1) / 2],
            first_scored_epoch: seeds.iter().map(|seed| seed.first_scored_epoch).min().unwrap_or(1),
            phases: first.phases.clone(),
            f1: f64s(|seed| &seed.f1),
            probabilities: f32s(|seed| &seed.probabilities),
            probabilities_at: f32s(|seed| &seed.probabilities_at),
            held_out_loss: epochs(|seed| &seed.held_out_loss),
            train_loss: epochs(|seed| &seed.train_loss),
            train_p: f64s(|seed| &seed.train_p),
            train_log_odds: f64s(|seed| &seed.train_log_odds),
            variability: f64s(|seed| &seed.variability),
            margin: f64s(|seed| &seed.margin),
            forgetting: f64s(|seed| &seed.forgetting),
            first_learning: f64s(|seed| &seed.first_learning),
            wrong_run: f64s(|seed| &seed.wrong_run),
        }
    }
}

/// The number of a token in the text.
fn number(text: &Text, sentence: u32, token: u16) -> Result<usize> {
    let inside = text.sentences.get(sentence as usize).is_some_and(|s| usize::from(token) < s.words.len());
    if !inside {
        return Err(Error::Internal(format!("the log has token {token} of sentence {sentence}, the text has not")));
    }
    Ok(text.offsets[sentence as usize] + usize::from(token))
}

#[cfg(test)]
pub(in crate::audit) mod tests;
