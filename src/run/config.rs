//! What a run is.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Fold;
use crate::config::DeviceName;
use crate::corpus::DataSettings;
use crate::error::{Error, Result};
use crate::model::ModelSettings;
use crate::perturb::PerturbSettings;
use crate::train::TrainSettings;
use crate::train::pretrain::PretrainSettings;

/// The resolved configuration of one run: one point of a study's grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Its name within the study, which is the name of its folder: see [`run_id`].
    pub id: String,
    /// Seed of every random stream: noise, new weights, order, dropout.
    pub seed: u64,
    /// The annotated text.
    pub data: DataSettings,
    /// The encoder.
    pub model: ModelSettings,
    /// The label noise, its rate included.
    pub perturb: PerturbSettings,
    /// The training.
    pub train: TrainSettings,
    /// What computes.
    pub device: DeviceName,
    /// Which part of the training sentences is held out; null where all are trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<Fold>,
    /// The pretraining that the encoder comes from, where it is part of the same study; null elsewhere. `model.source` is
    /// then relative to the folder that holds the run's: see [`RunConfig::model_beside`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretrained: Option<PretrainedEncoder>,
}

/// A point of a pretraining.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainedEncoder {
    /// What was pretrained on what; of a text file its name alone.
    pub settings: PretrainSettings,
    /// Steps taken.
    pub steps: u64,
}

impl RunConfig {
    /// The run's identity: SHA-256 (hex) of the configuration as JSON, keys in the order of the types.
    ///
    /// # Errors
    /// [`Error::Internal`] if the configuration is not representable as JSON; ours is.
    pub fn hash(&self) -> Result<String> {
        let internal = |e| Error::Internal(format!("a run's configuration: {e}"));
        let mut value = serde_json::to_value(self).map_err(internal)?;
        // A setting that came later does not change the identity of runs that do not use it.
        if let Some(data) = value.get_mut("data").and_then(serde_json::Value::as_object_mut)
            && data.get("columns").is_some_and(serde_json::Value::is_null)
        {
            data.shift_remove("columns");
        }
        let json = serde_json::to_vec(&value).map_err(internal)?;
        Ok(Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The model to load for the run in `folder`.
    ///
    /// An encoder that was pretrained for the study stands in the folder that holds the runs. A run names it from there, not
    /// from the root of the disk: its identity is the same wherever the study is, and nothing tells where that was.
    pub fn model_beside(&self, folder: &Path) -> ModelSettings {
        let mut model = self.model.clone();
        if self.pretrained.is_some() {
            let runs = folder.parent().unwrap_or(Path::new(""));
            model.source = runs.join(&model.source).to_string_lossy().into_owned();
        }
        model
    }

    /// The first setting (dotted key) in which two configurations differ, with both values, for people.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let (ours, theirs) = (serde_json::to_value(self).ok()?, serde_json::to_value(other).ok()?);
        difference(&ours, &theirs, "")
    }
}

/// The first key in which two values differ, `theirs` said to be there and `ours` here.
pub(super) fn difference(ours: &serde_json::Value, theirs: &serde_json::Value, key: &str) -> Option<String> {
    use serde_json::Value::Object;
    match (ours, theirs) {
        (Object(ours), Object(theirs)) => ours.iter().find_map(|(name, value)| {
            let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            difference(value, theirs.get(name).unwrap_or(&serde_json::Value::Null), &key)
        }),
        _ if ours == theirs => None,
        _ => Some(format!("`{key}` is {theirs} there and {ours} here")),
    }
}

/// Below this, a noise level is written with an exponent.
const SHORTEST_DECIMAL: f64 = 1e-9;

/// The name of a run in a noise study, which sorts: `noise=0.30,seed=1`.
///
/// ```
/// use memoscope::run::run_id;
/// assert_eq!(run_id(0.3, 1), "noise=0.30,seed=1");
/// assert_eq!(run_id(0.125, 2), "noise=0.125,seed=2");
/// assert_eq!(run_id(-0.0, 1), run_id(0.0, 1));
/// assert_eq!(run_id(1e-300, 1), "noise=1e-300,seed=1");
/// ```
pub fn run_id(noise: f64, seed: u64) -> String {
    // Negative zero is zero.
    let noise = noise + 0.0;
    let two_decimals = format!("{noise:.2}");
    let exact = two_decimals.parse() == Ok(noise);
    let noise = match exact {
        true => two_decimals,
        // A folder's name has limits: 1e-300 with all its decimals exceeds them.
        false if noise < SHORTEST_DECIMAL => format!("{noise:e}"),
        false => noise.to_string(),
    };
    format!("noise={noise},seed={seed}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn config() -> RunConfig {
        RunConfig {
            id: run_id(0.3, 1),
            seed: 1,
            data: DataSettings::default(),
            model: ModelSettings::default(),
            perturb: PerturbSettings { rate: 0.3, ..PerturbSettings::default() },
            train: TrainSettings::default(),
            device: DeviceName::Cpu,
            fold: None,
            pretrained: None,
        }
    }

    #[test]
    fn the_hash_follows_the_settings() {
        let mut other = config();
        assert_eq!(other.hash().unwrap(), config().hash().unwrap());
        other.train.learning_rate *= 2.0;
        assert_ne!(other.hash().unwrap(), config().hash().unwrap());
    }

    #[test]
    fn the_hash_survives_the_manifest() {
        let text = serde_json::to_string_pretty(&config()).unwrap();
        let read: RunConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(read.hash().unwrap(), config().hash().unwrap());
    }

    #[test]
    fn a_pretrained_encoder_is_found_beside_the_run_wherever_that_is() {
        let mut config = config();
        assert_eq!(config.model_beside(Path::new("runs/study/run")).source, "embedded");
        config.model.source = "pretrained/step=000300".into();
        config.pretrained = Some(PretrainedEncoder { settings: PretrainSettings::default(), steps: 300 });
        assert_eq!(config.model_beside(Path::new("runs/study/run")).source, "runs/study/pretrained/step=000300");
        assert_eq!(config.model_beside(Path::new("/else/run")).source, "/else/pretrained/step=000300");
        let mut later = config.clone();
        later.pretrained = Some(PretrainedEncoder { settings: PretrainSettings::default(), steps: 400 });
        assert_ne!(later.hash().unwrap(), config.hash().unwrap());
    }

    #[test]
    fn the_first_difference_is_named() {
        let mut other = config();
        assert_eq!(config().first_difference(&other), None);
        other.train.epochs = 8;
        assert_eq!(other.first_difference(&config()).unwrap(), "`train.epochs` is 4 there and 8 here");
    }
}
