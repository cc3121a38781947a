//! Encoders that one study compares: each a name, and what differs from the experiment's own model and training.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Experiment;
use super::experiment::{first_duplicate, is_plain_name, refuse};
use crate::error::{Error, Result};
use crate::model::{HeadKind, HeadSettings, ModelSettings};
use crate::train::TrainSettings;

/// One of the encoders that a study compares; what is null is the experiment's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncoderSettings {
    /// What it is called: in the names of runs, in folders, legends and tables.
    pub name: String,
    /// In place of `model.source`.
    pub source: Option<String>,
    /// In place of `model.layers`.
    pub layers: Option<usize>,
    /// In place of `model.random_init`.
    pub random_init: Option<bool>,
    /// In place of `model.head.kind`.
    pub head: Option<HeadKind>,
    /// In place of `train.learning_rate`.
    pub learning_rate: Option<f64>,
    /// In place of `train.batch_size`.
    pub batch_size: Option<usize>,
}

impl EncoderSettings {
    /// The experiment's model with this encoder in it.
    pub fn model(&self, of: &ModelSettings) -> ModelSettings {
        ModelSettings {
            source: self.source.clone().unwrap_or_else(|| of.source.clone()),
            layers: self.layers.or(of.layers),
            random_init: self.random_init.unwrap_or(of.random_init),
            head: HeadSettings { kind: self.head.unwrap_or(of.head.kind), ..of.head.clone() },
            ..of.clone()
        }
    }

    /// The experiment's training as it is for this encoder.
    pub fn train(&self, of: &TrainSettings) -> TrainSettings {
        TrainSettings {
            learning_rate: self.learning_rate.unwrap_or(of.learning_rate),
            batch_size: self.batch_size.unwrap_or(of.batch_size),
            ..of.clone()
        }
    }
}

/// The settings of the experiment that all its encoders have their own of: without effect.
pub(super) fn overridden(experiment: &Experiment) -> Vec<&'static str> {
    type Has = fn(&EncoderSettings) -> bool;
    let settings: [(&str, Has); 6] = [
        ("model.source", |encoder| encoder.source.is_some()),
        ("model.layers", |encoder| encoder.layers.is_some()),
        ("model.random_init", |encoder| encoder.random_init.is_some()),
        ("model.head.kind", |encoder| encoder.head.is_some()),
        ("train.learning_rate", |encoder| encoder.learning_rate.is_some()),
        ("train.batch_size", |encoder| encoder.batch_size.is_some()),
    ];
    let encoders = &experiment.study.encoders;
    let by_all = |(_, has): &(&str, Has)| !encoders.is_empty() && encoders.iter().all(has);
    settings.into_iter().filter(by_all).map(|(key, _)| key).collect()
}

/// Refuses encoders that cannot be told apart or trained.
pub(super) fn validate(experiment: &Experiment) -> Result<()> {
    let encoders = &experiment.study.encoders;
    let names: Vec<&str> = encoders.iter().map(|encoder| encoder.name.as_str()).collect();
    if let Some(name) = names.iter().find(|name| !is_plain_name(name)) {
        return refuse(
            format!("study.encoders has the name `{name}`, which is not plain"),
            "use letters, digits, `-`, `_` and `.`",
        );
    }
    if let Some(name) = first_duplicate(&names) {
        return refuse(format!("study.encoders has `{name}` twice"), "give each a name of its own");
    }
    let mut trainings = Vec::new();
    for encoder in encoders {
        let (model, train) = (encoder.model(&experiment.model), encoder.train(&experiment.train));
        // Settings are checked under their own name; the place to mend is the encoder's.
        if let Err(Error::Config(mut problem)) = train.validate().and_then(|()| experiment.check_model(&model)) {
            problem.what = format!("study.encoders: with `{}`, {}", encoder.name, problem.what);
            return Err(Error::Config(problem));
        }
        if let Some(same) = trainings.iter().position(|other| *other == (model.clone(), train.clone())) {
            return refuse(
                format!("study.encoders has `{}` and `{}`, which are the same", encoders[same].name, encoder.name),
                "let them differ in what they set, or choose one with encoders=NAME",
            );
        }
        trainings.push((model, train));
    }
    Ok(())
}
