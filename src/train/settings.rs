//! How a tagger is trained.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EpisodeSettings, OptimizerKind};
use crate::Result;
use crate::error::{Error, Problem};

/// Training of a tagger. The defaults are those of arXiv 2105.00828, section 3, if the paper specifies them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainSettings {
    /// Number of epochs. The learning-rate schedule depends on it, so it is part of the identity of a run.
    pub epochs: u32,
    /// Batch size in sentences.
    pub batch_size: usize,
    /// Number of batches whose gradients are accumulated into one optimiser step.
    pub accumulation: usize,
    /// The optimiser.
    pub optimizer: OptimizerKind,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Learning-rate schedule after warm-up.
    pub schedule: Schedule,
    /// Share of all steps with linear warm-up of the learning rate, 0 to 1.
    pub warmup: f64,
    /// Decoupled weight decay of AdamW; not applied to biases and layer norms.
    pub weight_decay: f64,
    /// β₁ of AdamW.
    pub beta1: f64,
    /// β₂ of AdamW.
    pub beta2: f64,
    /// ε of AdamW.
    pub epsilon: f64,
    /// Maximum global gradient norm; 0 disables clipping.
    pub max_gradient_norm: f64,
    /// Dropout probability of embeddings, attention, hidden layers and head; null uses the values of the checkpoint.
    pub dropout: Option<f64>,
    /// Maximum number of subwords per training sentence, including `[CLS]` and `[SEP]`. Dev sentences are only limited by the
    /// encoder's maximum length.
    #[serde(alias = "max_pieces")]
    pub max_subwords: usize,
    /// Shuffle the sentences in every epoch.
    pub shuffle: bool,
    /// Number of evaluations per epoch for `curve.parquet`; 1 evaluates only at the end of each epoch.
    pub evaluations_per_epoch: u32,
    /// Number of clean and number of noisy training tokens in the fixed probe of `curve.parquet`.
    pub probe_tokens: usize,
    /// Log the eval pass (after each epoch, dropout off).
    pub eval_pass: bool,
    /// Batch size in sentences for passes without gradient.
    pub eval_batch_size: usize,
    /// Minutes between two checkpoints within an epoch; null or 0 writes checkpoints only at the end of epochs. Not part of
    /// the identity of a run.
    pub checkpoint_minutes: Option<f64>,
    /// Save the final model in the folder of the run.
    pub save_model: bool,
    /// Evaluate the test split, if there is one, once after the last epoch.
    pub test: bool,
    /// Episodic training of a prototypical head.
    pub episodes: EpisodeSettings,
}

/// Learning-rate schedule after warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Linear decay to 0 at the last step.
    Linear,
    /// Constant at the peak.
    Constant,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 4,
            batch_size: 64,
            accumulation: 1,
            optimizer: OptimizerKind::default(),
            learning_rate: 1e-4,
            schedule: Schedule::Linear,
            warmup: 0.1,
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            max_gradient_norm: 1.0,
            dropout: None,
            max_subwords: 50,
            shuffle: true,
            evaluations_per_epoch: 4,
            probe_tokens: 500,
            eval_pass: true,
            eval_batch_size: 64,
            checkpoint_minutes: Some(10.0),
            save_model: true,
            test: true,
            episodes: EpisodeSettings::default(),
        }
    }
}

impl TrainSettings {
    /// Refuses values that cannot be trained with.
    pub fn validate(&self) -> Result<()> {
        let refuse = |key: &str, what: String| {
            Err(Error::Config(
                Problem::new(format!("train.{key} {what}"))
                    .hint(format!("set train.{key} in the experiment file or with --set")),
            ))
        };
        if self.epochs == 0 {
            return refuse("epochs", "must be at least 1".into());
        }
        if self.epochs > u32::from(u16::MAX) {
            return refuse("epochs", format!("must be {} at most, not {}", u16::MAX, self.epochs));
        }
        if self.batch_size == 0 {
            return refuse("batch_size", "must be at least 1".into());
        }
        if self.eval_batch_size == 0 {
            return refuse("eval_batch_size", "must be at least 1".into());
        }
        if self.accumulation == 0 {
            return refuse("accumulation", "must be at least 1".into());
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return refuse("learning_rate", format!("must be a positive number, not {}", self.learning_rate));
        }
        if !(0.0..=1.0).contains(&self.warmup) {
            return refuse("warmup", format!("must be between 0 and 1, not {}", self.warmup));
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return refuse("weight_decay", "must not be negative".into());
        }
        for (key, beta) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            if !(0.0..1.0).contains(&beta) {
                return refuse(key, format!("must be at least 0 and below 1, not {beta}"));
            }
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return refuse("epsilon", "must be positive".into());
        }
        if self.max_gradient_norm.is_nan() || self.max_gradient_norm < 0.0 {
            return refuse("max_gradient_norm", "must not be negative".into());
        }
        if let Some(p) = self.dropout
            && !(0.0..1.0).contains(&p)
        {
            return refuse("dropout", format!("must be at least 0 and below 1, not {p}"));
        }
        if self.max_subwords < 3 {
            return refuse("max_subwords", "must be at least 3: [CLS], one subword and [SEP]".into());
        }
        if self.evaluations_per_epoch == 0 {
            return refuse("evaluations_per_epoch", "must be at least 1".into());
        }
        if let Some(minutes) = self.checkpoint_minutes
            && !(minutes >= 0.0 && minutes.is_finite())
        {
            return refuse("checkpoint_minutes", format!("must not be negative or infinite, as {minutes} is"));
        }
        self.episodes.validate()
    }

    /// The time between two checkpoints within an epoch; `None` where none are written.
    pub fn checkpoint_interval(&self) -> Option<Duration> {
        let minutes = self.checkpoint_minutes.filter(|&minutes| minutes > 0.0)?;
        // A number of minutes beyond any clock is never over.
        Duration::try_from_secs_f64(60.0 * minutes).ok()
    }
}
