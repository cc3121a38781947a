//! The kinds of study, with the settings that one kind alone has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::experiment::{refuse, require_distinct};
use super::{Experiment, GridAxis};
use crate::error::Result;
use crate::model::ModelSettings;
use crate::train::pretrain::PretrainSettings;

/// The kinds of study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StudyKind {
    /// Noise levels (arXiv 2105.00828, section 3).
    NoiseSweep,
    /// Numbers of training sentences with an entity type, heads and initialisations (arXiv 2105.00828, section 5).
    ClassCaps,
    /// The noise sweep from checkpoints of one pretraining.
    Pretraining,
    /// Several encoders: forgotten tokens and settling length (arXiv 2105.00828, section 4).
    Forgetting,
    /// Only the axes of `[grid]`.
    Grid,
}

/// The axis of `[grid]` that a study of forgetting compares.
pub(crate) const ENCODER: &str = "encoder";

/// The entity types that a study caps, and the sentences that stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CapGrid {
    /// Entity types to cap, one at a time.
    pub classes: Vec<String>,
    /// Numbers of training sentences with the capped entity type to keep, each a point of the curve.
    pub sentences: Vec<usize>,
    /// Also train on all sentences.
    pub uncapped: bool,
}

/// The checkpoints of a pretraining from which a study fine-tunes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointGrid {
    /// Numbers of pretraining steps, each a point of the axis; 0 is the random initialisation.
    pub steps: Vec<u64>,
}

impl Default for CapGrid {
    fn default() -> Self {
        Self { classes: Vec::new(), sentences: Vec::new(), uncapped: true }
    }
}

impl StudyKind {
    /// As it is written in an experiment file, which is also the name of the experiment to start from.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoiseSweep => "noise-sweep",
            Self::ClassCaps => "class-caps",
            Self::Pretraining => "pretraining",
            Self::Forgetting => "forgetting",
            Self::Grid => "grid",
        }
    }

    /// Refuses the settings that another kind of study has, and those of this one that make no study.
    pub(super) fn validate(self, experiment: &Experiment) -> Result<()> {
        let study = &experiment.study;
        let of_one_kind = [
            (Self::ClassCaps, "study.caps", study.caps.is_some()),
            (Self::Pretraining, "study.pretraining", study.pretraining.is_some()),
            (Self::Pretraining, "pretraining", experiment.pretraining != PretrainSettings::default()),
        ];
        if let Some((kind, key, _)) = of_one_kind.into_iter().find(|(kind, _, given)| *given && *kind != self) {
            let kind = kind.name();
            return refuse(
                format!("{key} is only valid with study.kind = \"{kind}\""),
                &format!("leave it out, or start from experiments/{kind}.toml"),
            );
        }
        match self {
            Self::ClassCaps => study.caps.clone().unwrap_or_default().validate(experiment),
            Self::Pretraining => study.pretraining.clone().unwrap_or_default().validate(experiment),
            Self::Forgetting => validate_encoders(experiment.grid.axis(ENCODER)),
            Self::NoiseSweep | Self::Grid => Ok(()),
        }
    }
}

/// Encoders are compared token by token: all of them learn from the same data.
fn validate_encoders(axis: Option<&GridAxis>) -> Result<()> {
    let Some(axis) = axis else {
        return refuse(
            "grid.encoder is missing: a forgetting study compares encoders",
            "give at least one table [[grid.encoder]] with a `name`, as in experiments/forgetting.toml",
        );
    };
    let is_of_data = |key: &&str| key.starts_with("data.") || key.starts_with("perturb.");
    match axis.keys().find(is_of_data) {
        Some(key) => refuse(
            format!("grid.encoder sets {key}, and the encoders of a forgetting study learn from the same data"),
            "leave it out, or make it an axis of its own in [grid]",
        ),
        None => Ok(()),
    }
}

impl CapGrid {
    /// The number of its points.
    pub(super) fn n_points(&self) -> usize {
        self.classes.len().saturating_mul(self.sentences.len()).saturating_add(usize::from(self.uncapped))
    }

    fn validate(&self, experiment: &Experiment) -> Result<()> {
        if experiment.perturb.cap.is_some() {
            return refuse(
                "perturb.cap is set by the study's grid",
                "set study.caps.classes and study.caps.sentences, a list each",
            );
        }
        require_distinct("study.caps.classes", &self.classes, "LOC,MISC")?;
        require_distinct("study.caps.sentences", &self.sentences, "5,25,100")
    }
}

impl CheckpointGrid {
    fn validate(&self, experiment: &Experiment) -> Result<()> {
        let Experiment { model, train, pretraining, .. } = experiment;
        require_distinct("study.pretraining.steps", &self.steps, "0,100,1000")?;
        let sets_source = |axis: &GridAxis| axis.keys().any(|key| key == "model.source");
        let is_set = model.source != ModelSettings::default().source || model.random_init;
        if is_set || experiment.grid.axes().iter().any(sets_source) {
            return refuse(
                "model.source and model.random_init are set by the study: it fine-tunes what it has pretrained",
                "leave them out; study.pretraining.steps=0 is the random initialisation",
            );
        }
        if train.max_subwords > pretraining.max_subwords {
            return refuse(
                format!(
                    "train.max_subwords is {}, and pretraining.max_subwords gives the encoder {} positions",
                    train.max_subwords, pretraining.max_subwords
                ),
                "raise pretraining.max_subwords, or lower train.max_subwords",
            );
        }
        pretraining.validate()
    }
}
