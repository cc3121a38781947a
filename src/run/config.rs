//! What a run is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Coordinates, Fold, identity};
use crate::config::Experiment;
use crate::corpus::DataSettings;
use crate::error::Result;
use crate::model::DeviceName;
use crate::model::ModelSettings;
use crate::perturb::PerturbSettings;
use crate::train::TrainSettings;
use crate::train::pretrain::PretrainSettings;

/// The resolved configuration of one run: one point of a study's grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Its name within the study: [`Coordinates::id`].
    pub id: String,
    /// Where it stands in the study's grid; empty of a run that an earlier version wrote.
    #[serde(default, skip_serializing_if = "Coordinates::is_empty")]
    pub coordinates: Coordinates,
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
    /// then relative to the folder of the study's runs: see [`RunConfig::model_beside`].
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
    /// The run of an experiment's settings at a place of its grid.
    pub fn new(experiment: &Experiment, coordinates: Coordinates, seed: u64) -> Self {
        Self {
            id: coordinates.id(),
            coordinates,
            seed,
            data: experiment.data.clone(),
            model: experiment.model.clone(),
            perturb: experiment.perturb.clone(),
            train: experiment.train.clone(),
            device: experiment.device,
            fold: None,
            pretrained: None,
        }
    }

    /// The run's identity: SHA-256 (hex) of the settings that differ from the defaults, without names and without settings
    /// that have no effect on the results, keys sorted, as JSON. Settings that are added later do not change it.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] if the configuration is not representable as JSON; ours is.
    pub fn identity(&self) -> Result<String> {
        identity::identity(self)
    }

    /// The model to load for the run in `folder`.
    ///
    /// An encoder that was pretrained for the study stands in the folder that holds the runs. A run names it from there, not
    /// from the root of the disk: its identity is the same wherever the study is, and nothing tells where that was.
    pub fn model_beside(&self, folder: &Path) -> ModelSettings {
        let mut model = self.model.clone();
        if self.pretrained.is_some() {
            // Earlier versions wrote all runs side by side.
            let has_name = |name: PathBuf| folder.ends_with(name);
            let is_nested = !self.coordinates.is_empty()
                && (has_name(self.coordinates.folder()) || self.coordinates.earlier_folder().is_some_and(has_name));
            let depth = if is_nested { self.coordinates.len() } else { 1 };
            let runs = folder.ancestors().nth(depth).unwrap_or(Path::new(""));
            model.source = runs.join(&model.source).to_string_lossy().into_owned();
        }
        model
    }

    /// The first setting (dotted key) in which two configurations differ, with both values, for people.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let settings = |config: &Self| {
            let mut value = serde_json::to_value(config).ok()?;
            let object = value.as_object_mut()?;
            object.shift_remove("id");
            object.shift_remove("coordinates");
            Some(value)
        };
        difference(&settings(self)?, &settings(other)?, "")
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::run::Coordinate;

    pub(crate) fn config() -> RunConfig {
        let perturb = PerturbSettings { rate: 0.3, ..PerturbSettings::default() };
        let experiment = Experiment { perturb, ..Experiment::default() };
        RunConfig::new(&experiment, Coordinates::new([Coordinate::noise(0.3)], 1), 1)
    }

    #[test]
    fn the_identity_survives_the_manifest() {
        let text = serde_json::to_string_pretty(&config()).unwrap();
        let read: RunConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(read.identity().unwrap(), config().identity().unwrap());
    }

    #[test]
    fn a_pretrained_encoder_is_found_beside_the_run_wherever_that_is() {
        let mut config = config();
        assert_eq!(config.model_beside(Path::new("runs/study/run")).source, "embedded");
        config.model.source = "pretrained/step=000300".into();
        config.pretrained = Some(PretrainedEncoder { settings: PretrainSettings::default(), steps: 300 });
        assert_eq!(config.model_beside(Path::new("runs/study/run")).source, "runs/study/pretrained/step=000300");
        let nested = Path::new("runs/study/noise=0.30/seed=1");
        assert_eq!(config.model_beside(nested).source, "runs/study/pretrained/step=000300");
        assert_eq!(config.model_beside(Path::new("/else/run")).source, "/else/pretrained/step=000300");
        let mut later = config.clone();
        later.pretrained = Some(PretrainedEncoder { settings: PretrainSettings::default(), steps: 400 });
        assert_ne!(later.identity().unwrap(), config.identity().unwrap());
    }

    #[test]
    fn the_first_difference_is_named() {
        let mut other = config();
        assert_eq!(config().first_difference(&other), None);
        other.train.epochs = 8;
        assert_eq!(other.first_difference(&config()).unwrap(), "`train.epochs` is 4 there and 8 here");
    }
}
