//! The log in memory: what the trainer hands over and what the reader gives back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::corpus::TokenPosition;
use crate::corpus::tags::Notation;
use crate::metrics::entity::TypeScores;

/// Pass over the training data in which an observation was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pass {
    /// When the batch is processed: dropout on, before the update that uses it.
    Train,
    /// After the epoch, dropout off.
    Eval,
}

impl Pass {
    /// The value of column `pass`: `train` or `eval`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Eval => "eval",
        }
    }

    /// The other pass.
    pub fn other(self) -> Self {
        match self {
            Self::Train => Self::Eval,
            Self::Eval => Self::Train,
        }
    }
}

/// The training tokens of a run, sorted by sentence and token: what `tokens.parquet` holds.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenTable {
    /// Zero-based index of the sentence in the training split.
    pub sentence: Vec<u32>,
    /// Zero-based index of the token in its sentence.
    pub token: Vec<u16>,
    /// The word.
    pub word: Vec<String>,
    /// Label id training sees.
    pub given: Vec<u8>,
    /// True label id, where known.
    pub gold: Option<Vec<u8>>,
    /// Label names by id.
    pub labels: Vec<String>,
}

impl TokenTable {
    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.sentence.len()
    }

    /// Where the token of a row is.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn position(&self, row: usize) -> TokenPosition {
        TokenPosition { sentence: self.sentence[row], token: self.token[row] }
    }

    /// True without a token.
    pub fn is_empty(&self) -> bool {
        self.sentence.is_empty()
    }

    /// One flag a token, true where given and gold label differ; `None` where gold is unknown.
    pub fn noisy(&self) -> Option<Vec<bool>> {
        let gold = self.gold.as_ref()?;
        Some(self.given.iter().zip(gold).map(|(given, gold)| given != gold).collect())
    }

    /// The name of a label, or its number where the inventory is too short.
    pub fn label_name(&self, label: u8) -> String {
        self.labels.get(usize::from(label)).cloned().unwrap_or_else(|| label.to_string())
    }

    /// True if entities can be read off the labels. Ids without names, and types without `O`, are no annotation of
    /// entities.
    pub fn has_entities(&self) -> bool {
        Notation::of(self.labels.iter().map(String::as_str)).is_ok()
    }

    /// The rows of each sentence, in order: consecutive, together all rows.
    pub fn sentence_rows(&self) -> Vec<std::ops::Range<usize>> {
        let mut rows = Vec::new();
        let mut start = 0;
        for end in 1..=self.len() {
            if end == self.len() || self.sentence[end] != self.sentence[start] {
                rows.push(start..end);
                start = end;
            }
        }
        rows
    }
}

/// One pass's observations in one epoch, sorted by sentence and token; struct of arrays of equal length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observations {
    /// Zero-based index of the sentence.
    pub sentence: Vec<u32>,
    /// Zero-based index of the token in its sentence.
    pub token: Vec<u16>,
    /// Label id with the highest logit.
    pub predicted: Vec<u8>,
    /// True where `predicted` is the given label.
    pub correct: Vec<bool>,
    /// Cross-entropy against the given label, nats.
    pub loss: Vec<f32>,
    /// Probability of the given label, 0 to 1.
    pub p_given: Vec<f32>,
    /// Logit of the given label minus the best other logit.
    pub margin: Vec<f32>,
    /// Entropy of the predicted distribution, nats.
    pub entropy: Vec<f32>,
}

impl Observations {
    /// Number of observations.
    pub fn len(&self) -> usize {
        self.sentence.len()
    }

    /// True without an observation.
    pub fn is_empty(&self) -> bool {
        self.sentence.is_empty()
    }
}

/// What a model takes the labels of some tokens to be after an epoch, sorted by sentence and token.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Probabilities {
    /// Zero-based index of the sentence.
    pub sentence: Vec<u32>,
    /// Zero-based index of the token in its sentence.
    pub token: Vec<u16>,
    /// The probability of each label, 0 to 1: `[tokens, labels]`, row by row; a row sums to 1.
    pub values: Vec<f32>,
}

/// One optimiser step: a row of `steps.parquet`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// One-based optimiser step.
    pub step: u64,
    /// One-based epoch.
    pub epoch: u32,
    /// Training sentences seen so far, this step included.
    pub examples_seen: u64,
    /// Mean loss of the step's scored tokens, nats.
    pub loss: f64,
    /// Global gradient norm before clipping.
    pub gradient_norm: f64,
    /// Learning rate used.
    pub learning_rate: f64,
    /// Subwords processed, special ones included.
    pub subwords: u32,
    /// What the step's train pass saw; `None` of a prototypical head, whose episodes are no pass.
    pub counts: Option<StepCounts>,
    /// Wall time of the step, seconds (kept out of what must be reproducible).
    pub seconds: f32,
}

/// Scored tokens of one step's batches, and how many of them were predicted as given: dropout on, before the update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepCounts {
    /// Tokens seen.
    pub tokens: u32,
    /// Of them, those predicted as their given label.
    pub as_given: u32,
    /// Clean and noisy tokens apart; `None` where gold labels are unknown.
    pub by_noise: Option<NoiseCounts>,
}

/// The tokens of one step by whether their given label is the gold one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NoiseCounts {
    /// Tokens whose given label is the gold one.
    pub clean: u32,
    /// Of them, those predicted as that label.
    pub clean_as_given: u32,
    /// Tokens whose given label is not the gold one.
    pub noisy: u32,
    /// Of them, those predicted as their given label.
    pub noisy_as_given: u32,
    /// Of them, those predicted as their gold label.
    pub noisy_as_gold: u32,
}

/// One evaluation: a row of `curve.parquet`. Several an epoch; the last one of an epoch has a whole `epoch`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Optimiser steps taken.
    pub step: u64,
    /// Epochs taken, fractional.
    pub epoch: f64,
    /// Training sentences seen.
    pub examples_seen: u64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// The score on dev ([`super::DevScore`]), 0 to 1; in our runs entity F1 (IOB2 strict off: seqeval's default).
    pub dev_score: f64,
    /// Entity precision on dev.
    pub dev_precision: f64,
    /// Entity recall on dev.
    pub dev_recall: f64,
    /// Mean loss on dev, nats.
    pub dev_loss: f64,
    /// Token accuracy on dev.
    pub dev_accuracy: f64,
    /// Entity F1 on the probe's training sentences against the given labels.
    pub probe_f1: f64,
    /// Accuracy on the probe's clean tokens.
    pub probe_clean_accuracy: Option<f64>,
    /// Accuracy on the probe's noisy tokens against their given label; null without known noise.
    pub probe_noisy_accuracy: Option<f64>,
    /// Accuracy on the probe's noisy tokens against their gold label; null without known noise.
    pub probe_noisy_accuracy_gold: Option<f64>,
    /// Mean loss on the probe's clean tokens, nats.
    pub probe_clean_loss: Option<f64>,
    /// Mean loss on the probe's noisy tokens, nats.
    pub probe_noisy_loss: Option<f64>,
}

/// The scores of one entity type on dev in one evaluation: a row of `types.parquet`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TypePoint {
    /// Optimiser steps taken.
    pub step: u64,
    /// Epochs taken, fractional.
    pub epoch: f64,
    /// The type, without prefix.
    pub name: String,
    /// Precision of its spans, 0 to 1; null where no span was predicted.
    pub precision: Option<f64>,
    /// Recall of its spans, 0 to 1; null where dev has none.
    pub recall: Option<f64>,
    /// F1 of its spans, 0 to 1; null where dev has none.
    pub f1: Option<f64>,
    /// Spans predicted.
    pub predicted: u64,
    /// Gold spans.
    pub support: u64,
}

impl TypePoint {
    /// The rows of one evaluation.
    pub fn of(point: &CurvePoint, types: &[TypeScores]) -> Vec<Self> {
        let row = |entry: &TypeScores| Self {
            step: point.step,
            epoch: point.epoch,
            name: entry.name.clone(),
            precision: (entry.predicted > 0).then_some(entry.scores.precision),
            recall: (entry.support > 0).then_some(entry.scores.recall),
            f1: (entry.support > 0).then_some(entry.scores.f1),
            predicted: entry.predicted as u64,
            support: entry.support as u64,
        };
        types.iter().map(row).collect()
    }
}
