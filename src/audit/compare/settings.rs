//! Settings of a comparison.

use serde::{Deserialize, Serialize};

use crate::audit::AuditSettings;
use crate::error::{Error, Problem, Result};
use crate::model::DeviceName;
use crate::model::ModelSettings;
use crate::train::TrainSettings;

/// Settings of a comparison: encoder, seeds, training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareSettings {
    /// `embedded`, a folder in transformers' layout, or a model of the hub.
    pub model: String,
    /// Keep only the first layers of the encoder; null keeps all.
    pub layers: Option<usize>,
    /// One pair of taggers is trained for each seed.
    pub seeds: Vec<u64>,
    /// Passes over the training text.
    pub epochs: u32,
    /// Sentences a batch.
    pub batch_size: usize,
    /// Peak learning rate; null takes [`crate::audit::learning_rate`] of the encoder's width.
    pub learning_rate: Option<f64>,
    /// What computes.
    pub device: DeviceName,
}

impl Default for CompareSettings {
    fn default() -> Self {
        let AuditSettings { model, layers, epochs, batch_size, learning_rate, device, .. } = AuditSettings::default();
        Self { model, layers, seeds: vec![1, 2, 3], epochs, batch_size, learning_rate, device }
    }
}

impl CompareSettings {
    /// Refuses what cannot be done; the training's own settings are checked when it begins.
    ///
    /// # Errors
    /// [`Error::Config`] naming the flag.
    pub fn validate(&self) -> Result<()> {
        self.audit().validate()?;
        // The same pair twice would count as two, and make the interval over seeds too narrow.
        let is_again = |i: usize| self.seeds[..i].contains(&self.seeds[i]);
        if let Some(i) = (0..self.seeds.len()).find(|&i| is_again(i)) {
            let problem = Problem::new(format!("--seeds names the seed {} twice", self.seeds[i]));
            return Err(Error::Config(problem.hint("give each seed once")));
        }
        Ok(())
    }

    /// The encoder and its head.
    pub fn model(&self) -> ModelSettings {
        self.audit().model()
    }

    /// The training of one tagger, for an encoder with this hidden size and number of positions: that of an audit, its
    /// model kept.
    pub fn train(&self, hidden_size: usize, positions: usize) -> TrainSettings {
        TrainSettings { save_model: true, ..self.audit().train(hidden_size, positions) }
    }

    /// The settings of an audit that trains in the same way.
    fn audit(&self) -> AuditSettings {
        AuditSettings {
            model: self.model.clone(),
            layers: self.layers,
            folds: 1,
            seeds: self.seeds.clone(),
            epochs: self.epochs,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            device: self.device,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_cannot_be_given_twice() {
        let settings = CompareSettings { model: "embedded".into(), ..CompareSettings::default() };
        settings.validate().unwrap();
        let error = CompareSettings { seeds: vec![1, 7, 1], ..settings }.validate().unwrap_err();
        assert!(error.to_string().contains("seed 1 twice"), "{error}");
    }

    #[test]
    fn the_tagger_is_kept_and_the_rest_is_an_audits() {
        let settings = CompareSettings::default();
        let train = settings.train(768, 512);
        assert!(train.save_model && !train.test && !train.eval_pass);
        assert_eq!(train, TrainSettings { save_model: true, ..AuditSettings::default().train(768, 512) });
    }
}
