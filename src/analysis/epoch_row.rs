//! One epoch in one row: scores, losses, events, detection.

use super::clusters::Detection;
use super::rows::by_sentence;
use crate::dynamics::{CurvePoint, DevScore, Log, Observations, StepRecord, TokenTable};
use crate::error::Result;
use crate::metrics::entity::{self, Mode};

/// A row of the table `epochs`; `None` where unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct EpochRow {
    pub(super) epoch: u32,
    pub(super) progress: Progress,
    pub(super) pass: PassScores,
    pub(super) first_learned: Option<f64>,
    pub(super) first_learned_clean: Option<f64>,
    pub(super) first_learned_noisy: Option<f64>,
    pub(super) forgetting_events: u64,
    pub(super) detection: Option<Detection>,
}

/// How far the training was at the end of an epoch, and what dev said.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Progress {
    pub(super) step: Option<u64>,
    pub(super) examples_seen: Option<u64>,
    pub(super) learning_rate: Option<f64>,
    pub(super) dev_score: Option<f64>,
    pub(super) dev_loss: Option<f64>,
}

/// What the log says of the run's progress, read once.
pub(super) struct ProgressLog {
    curve: Vec<CurvePoint>,
    /// What `CurvePoint::dev_score` measures.
    pub(super) dev_score: DevScore,
    steps: Vec<StepRecord>,
    n_sentences: u64,
}

impl ProgressLog {
    pub(super) fn read(log: &Log) -> Result<Self> {
        let n_sentences = log.tokens().sentence_rows().len() as u64;
        Ok(Self { curve: log.curve()?, dev_score: log.dev_score()?, steps: log.steps()?, n_sentences })
    }

    /// The last evaluation and the last step of the epoch. A log without either has seen each sentence once an epoch.
    pub(super) fn at_end_of(&self, epoch: u32) -> Progress {
        let end = f64::from(epoch);
        let within = |point: &&CurvePoint| point.epoch > end - 1.0 + 1e-6 && point.epoch <= end + 1e-6;
        let point = self.curve.iter().rfind(within);
        let step = self.steps.iter().rfind(|record| record.epoch == epoch);
        let known = |number: f64| number.is_finite().then_some(number);
        let count = |number: u64| (number > 0).then_some(number);
        let examples = point.and_then(|p| count(p.examples_seen)).or_else(|| step.and_then(|s| count(s.examples_seen)));
        Progress {
            step: step.map(|s| s.step).or_else(|| point.and_then(|p| count(p.step))),
            examples_seen: examples.or(Some(self.n_sentences * u64::from(epoch))),
            learning_rate: point
                .and_then(|p| known(p.learning_rate))
                .or_else(|| step.and_then(|s| known(s.learning_rate))),
            dev_score: point.and_then(|p| known(p.dev_score)),
            dev_loss: point.and_then(|p| known(p.dev_loss)),
        }
    }
}

/// Scores of one pass over the training tokens.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct PassScores {
    pub(super) f1: Option<f64>,
    pub(super) accuracy: Option<f64>,
    pub(super) clean_accuracy: Option<f64>,
    pub(super) noisy_accuracy: Option<f64>,
    pub(super) noisy_accuracy_gold: Option<f64>,
    pub(super) clean_loss: Option<f64>,
    pub(super) noisy_loss: Option<f64>,
}

/// The mean of values as they come; `None` of nothing.
#[derive(Default)]
struct Mean {
    sum: f64,
    n: u64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.n += 1;
    }

    fn get(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

impl PassScores {
    /// Scores of `observations`, whose i-th row is row `rows[i]` of the token table.
    pub(super) fn of(tokens: &TokenTable, noisy: Option<&[bool]>, observations: &Observations, rows: &[usize]) -> Self {
        let mut all = Mean::default();
        let (mut clean, mut noisy_given, mut noisy_gold) = (Mean::default(), Mean::default(), Mean::default());
        let (mut clean_loss, mut noisy_loss) = (Mean::default(), Mean::default());
        for (i, &row) in rows.iter().enumerate() {
            let right = f64::from(u8::from(observations.correct[i]));
            let loss = f64::from(observations.loss[i]);
            all.add(right);
            match noisy.map(|noisy| noisy[row]) {
                Some(true) => {
                    noisy_given.add(right);
                    noisy_loss.add(loss);
                    if let Some(gold) = &tokens.gold {
                        noisy_gold.add(f64::from(u8::from(observations.predicted[i] == gold[row])));
                    }
                }
                Some(false) => {
                    clean.add(right);
                    clean_loss.add(loss);
                }
                None => {}
            }
        }
        Self {
            f1: (tokens.has_entities() && !rows.is_empty()).then(|| entity_f1(tokens, observations, rows)),
            accuracy: all.get(),
            clean_accuracy: clean.get(),
            noisy_accuracy: noisy_given.get(),
            noisy_accuracy_gold: noisy_gold.get(),
            clean_loss: clean_loss.get(),
            noisy_loss: noisy_loss.get(),
        }
    }
}

/// Entity F1 against the given labels, over the tokens that were observed.
fn entity_f1(tokens: &TokenTable, observations: &Observations, rows: &[usize]) -> f64 {
    let (given, predicted) = by_sentence(tokens, observations, rows);
    entity::score(&given, &predicted, &tokens.labels, Mode::Default).micro.f1
}
