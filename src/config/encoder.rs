//! Encoders that one study compares: each a name, and what differs from the experiment's own model and training.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Experiment;
use super::experiment::{first_duplicate, is_plain_name, refuse};
use crate::error::{Error, Result};
use crate::model::HeadKind;

/// One of the encoders of a study. Null values are taken from the experiment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncoderSettings {
    /// Name in run names, folders, legends and tables.
    pub name: String,
    /// Overrides `model.source`.
    pub source: Option<String>,
    /// Overrides `model.layers`.
    pub layers: Option<usize>,
    /// Overrides `model.random_init`.
    pub random_init: Option<bool>,
    /// Overrides `model.head.kind`.
    pub head: Option<HeadKind>,
    /// Overrides `train.learning_rate`.
    pub learning_rate: Option<f64>,
    /// Overrides `train.batch_size`.
    pub batch_size: Option<usize>,
}

impl EncoderSettings {
    /// What differs from the experiment's own settings, by dotted keys.
    pub fn settings(&self) -> Vec<(String, Value)> {
        let Self { name: _, source, layers, random_init, head, learning_rate, batch_size } = self;
        let settings = [
            ("model.source", source.clone().map(Value::from)),
            ("model.layers", layers.map(Value::from)),
            ("model.random_init", random_init.map(Value::from)),
            ("model.head.kind", head.map(|head| head.name().into())),
            ("train.learning_rate", learning_rate.map(Value::from)),
            ("train.batch_size", batch_size.map(Value::from)),
        ];
        settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

/// The settings of the experiment that all its encoders have their own of: without effect.
pub(super) fn overridden(experiment: &Experiment) -> Vec<String> {
    let mut encoders =
        experiment.study.encoders.iter().map(|encoder| encoder.settings().into_iter().map(|(key, _)| key));
    let first: Vec<String> = encoders.next().into_iter().flatten().collect();
    let others: Vec<Vec<String>> = encoders.map(Iterator::collect).collect();
    first.into_iter().filter(|key| others.iter().all(|keys| keys.contains(key))).collect()
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
        // Settings are checked under their own name; the place to mend is the encoder's.
        let with = experiment.with(&encoder.settings()).and_then(|with| with.validate_run().map(|()| with));
        let with = with.map_err(|error| match error {
            Error::Config(mut problem) => {
                problem.what = format!("study.encoders: with `{}`, {}", encoder.name, problem.what);
                Error::Config(problem)
            }
            error => error,
        })?;
        if let Some(same) = trainings.iter().position(|other| *other == with) {
            return refuse(
                format!("study.encoders has `{}` and `{}`, which are the same", encoders[same].name, encoder.name),
                "let them differ in what they set, or choose one with encoders=NAME",
            );
        }
        trainings.push(with);
    }
    Ok(())
}
