//! Settings of an audit.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Problem, Result};
use crate::model::DeviceName;
use crate::model::encoder::BILSTM;
use crate::model::{HeadKind, HeadSettings, ModelSettings};
use crate::train::TrainSettings;

/// Settings of an audit: encoder, folds, training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditSettings {
    /// `embedded`, a folder in transformers' layout, a model of the hub, or `bilstm`: a new bi-LSTM-CRF.
    pub model: String,
    /// Keep only the first layers of the encoder; null keeps all.
    pub layers: Option<usize>,
    /// Parts of the text, each judged by a model that was trained on the others; 1 uses the dynamics of training alone.
    pub folds: u32,
    /// The audit is done once for each seed, and the scores are averaged.
    pub seeds: Vec<u64>,
    /// Passes over the text.
    pub epochs: u32,
    /// Sentences a batch.
    pub batch_size: usize,
    /// Peak learning rate; null takes [`learning_rate`] of the encoder's width.
    pub learning_rate: Option<f64>,
    /// What computes.
    pub device: DeviceName,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            model: String::new(),
            layers: None,
            folds: 5,
            seeds: vec![1],
            epochs: 6,
            batch_size: 32,
            learning_rate: None,
            device: DeviceName::Cpu,
        }
    }
}

/// Passes over a text that has so many sentences: six, or as many as it takes to come to 400 steps, but thirty at most.
///
/// The head is randomly initialised: with a few hundred sentences, six passes are too few steps to train it.
///
/// ```
/// use memoscope::audit::default_epochs;
/// assert_eq!(default_epochs(5000, 5, 32), 6);
/// assert_eq!(default_epochs(1000, 5, 32), 16); // 25 steps a pass
/// assert_eq!(default_epochs(100, 5, 32), 30);
/// ```
pub fn default_epochs(sentences: usize, folds: u32, batch_size: usize) -> u32 {
    let folds = folds.max(1) as usize;
    let trained_on = if folds > 1 { sentences - sentences / folds } else { sentences };
    let steps = trained_on.div_ceil(batch_size.max(1)).max(1);
    400_usize.div_ceil(steps).clamp(6, 30) as u32
}

/// The learning rate for an encoder of this hidden size: 1e-4 at 768 units, the paper's (arXiv 2105.00828, section 3),
/// and inversely proportional to the width, as the size of a useful step is (arXiv 2203.03466): 2e-4 at 384.
///
/// ```
/// assert_eq!(memoscope::audit::learning_rate(768), 1e-4);
/// assert_eq!(memoscope::audit::learning_rate(384), 2e-4);
/// ```
pub fn learning_rate(hidden_size: usize) -> f64 {
    // Divided last, so that round rates come out round.
    768.0 / hidden_size.max(1) as f64 / 1e4
}

/// The learning rate of a bi-LSTM, which is randomly initialised.
const BILSTM_LEARNING_RATE: f64 = 5e-3;

impl AuditSettings {
    /// Refuses invalid settings; those of the training are checked when it begins.
    ///
    /// # Errors
    /// [`Error::Config`] naming the flag.
    pub fn validate(&self) -> Result<()> {
        let refuse = |what: &str, hint: &str| Err(Error::Config(Problem::new(what).hint(hint)));
        if self.model.is_empty() {
            return refuse(
                "which encoder is to read the text?",
                "name a folder in transformers\' layout: --model minilm-l6/; `--model embedded` takes the small one that \
                 was made for the generated corpus and knows little of other text",
            );
        }
        if self.folds == 0 {
            return refuse("--folds must be at least 1", "5 is usual; 1 uses the dynamics of training alone");
        }
        if self.seeds.is_empty() {
            return refuse("--seeds names no seed", "give a number of seeds, or a list such as 1,106");
        }
        if let Some(i) = (1..self.seeds.len()).find(|&i| self.seeds[..i].contains(&self.seeds[i])) {
            let what = format!("--seeds names the seed {} twice", self.seeds[i]);
            return refuse(&what, "it would count twice in every mean; name different ones");
        }
        if self.batch_size == 0 {
            return refuse("--batch-size must be at least 1", "32 is usual");
        }
        if self.learning_rate.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
            return refuse(
                "--learning-rate must be a positive number",
                "leave it out to take one by the encoder's width",
            );
        }
        if self.epochs == 0 {
            return refuse("--epochs must be at least 1", "six are usual");
        }
        Ok(())
    }

    /// The encoder and its head.
    pub fn model(&self) -> ModelSettings {
        // A bi-LSTM is half of a bi-LSTM-CRF.
        let kind = if self.model == BILSTM { HeadKind::Crf } else { HeadKind::Linear };
        ModelSettings {
            source: self.model.clone(),
            layers: self.layers,
            head: HeadSettings { kind, ..HeadSettings::default() },
            ..ModelSettings::default()
        }
    }

    /// The training of one fold, for an encoder with this hidden size and number of positions.
    pub fn train(&self, hidden_size: usize, positions: usize) -> TrainSettings {
        TrainSettings {
            epochs: self.epochs,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate.unwrap_or_else(|| match self.model == BILSTM {
                true => BILSTM_LEARNING_RATE,
                false => learning_rate(hidden_size),
            }),
            // Tokens that are cut off cannot be judged.
            max_subwords: positions,
            evaluations_per_epoch: 1,
            eval_pass: false,
            save_model: false,
            test: false,
            ..TrainSettings::default()
        }
    }
}
