//! An experiment as a typed value.

use std::fmt::Display;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::study::StudySettings;
use super::{Grid, StudyKind};
use crate::analysis::AnalysisSettings;
use crate::corpus::DataSettings;
use crate::error::{Error, Problem, Result};
use crate::model::DeviceName;
use crate::model::{HeadKind, ModelSettings};
use crate::perturb::PerturbSettings;
use crate::train::TrainSettings;
use crate::train::pretrain::PretrainSettings;

/// All settings of an experiment file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Experiment {
    /// Device: `cpu`, `cuda:N` or `metal`.
    pub device: DeviceName,
    /// Number of CPU threads; null uses all cores. The results do not depend on it.
    pub threads: Option<usize>,
    /// Output folder of the study; null writes runs to `runs/<study>` and the report to `reports/<study>`.
    pub out: Option<PathBuf>,
    /// The study: its kind, its grid of runs and its report.
    pub study: StudySettings,
    /// Further axes of the grid: settings with their values, or lists of named points that set several settings at once.
    pub grid: Grid,
    /// The corpus.
    pub data: DataSettings,
    /// The encoder and its head.
    pub model: ModelSettings,
    /// Pretraining of the encoder (study kind `pretraining`).
    pub pretraining: PretrainSettings,
    /// Changes to the training split. The noise rate, and the class cap in a study of kind `class-caps`, are set by the
    /// study.
    pub perturb: PerturbSettings,
    /// The training.
    pub train: TrainSettings,
    /// Analysis of the logs.
    pub analysis: AnalysisSettings,
}

/// Runs that a study may have at most.
const MOST_RUNS: usize = 10_000;

impl Experiment {
    /// Refuses what no run could be made of.
    ///
    /// # Errors
    /// [`Error::Config`] whose words begin with the dotted key concerned.
    pub fn validate(&self) -> Result<()> {
        self.study.validate()?;
        self.kind().validate(self)?;
        self.validate_run()?;
        self.analysis.validate()?;
        self.grid.validate(self)?;
        self.validate_noise()?;
        let runs = self.study.n_runs_at_most().saturating_mul(self.grid.n_points());
        if runs > MOST_RUNS {
            return refuse(
                format!(
                    "study.seeds, study.noise, [grid] and the other lists make up to {runs} runs: at most {MOST_RUNS} are \
                     allowed"
                ),
                "give fewer seeds or values, or divide the study by --name",
            );
        }
        if self.threads == Some(0) {
            return refuse("threads must be at least 1", "leave it out to use all cores");
        }
        Ok(())
    }

    /// Refuses the settings of a single run that cannot be trained with.
    ///
    /// # Errors
    /// As [`Experiment::validate`].
    pub fn validate_run(&self) -> Result<()> {
        self.model.head.validate()?;
        self.model.bilstm.validate()?;
        self.train.validate()?;
        crate::perturb::validate(&self.perturb)?;
        if self.model.layers == Some(0) {
            return refuse("model.layers must be at least 1", "leave it out to keep all layers");
        }
        if self.model.head.kind == HeadKind::Prototypes && !self.train.eval_pass {
            return refuse(
                "train.eval_pass is off, and a prototypical head has no train pass: nothing would be logged",
                "leave train.eval_pass on, or use the linear head alone",
            );
        }
        if self.data.train_sentences == Some(0) {
            return refuse("data.train_sentences must be at least 1", "leave it out to keep all sentences");
        }
        Ok(())
    }

    /// What the study varies and draws.
    pub fn kind(&self) -> StudyKind {
        match self.study.kind {
            Some(kind) => kind,
            None if self.grid.is_empty() => StudyKind::NoiseSweep,
            None => StudyKind::Grid,
        }
    }

    /// Refuses the noise level as an axis of a study that has it already.
    fn validate_noise(&self) -> Result<()> {
        if self.grid.axis("noise").is_none() {
            return Ok(());
        }
        if self.kind() != StudyKind::Grid {
            return refuse("grid.perturb.rate is an axis of this study already", "set study.noise, a list of levels");
        }
        if self.study.noise != StudySettings::default().noise {
            return refuse(
                "study.noise is set, and noise is an axis of [grid], too",
                "change the axis with --vary noise=0.1,0.5, or leave one of them out",
            );
        }
        Ok(())
    }

    /// The experiment as TOML that loads again to the same value. The noise rate is left out: the study sets it; and so
    /// is a pretraining that the study does not do.
    ///
    /// # Errors
    /// [`Error::Internal`] if a value cannot be written as TOML; none of ours is known to do that.
    pub fn to_toml(&self) -> Result<String> {
        let unwritable = |e: toml::ser::Error| Error::Internal(format!("the configuration cannot be printed: {e}"));
        let mut table = toml::Table::try_from(self).map_err(unwritable)?;
        if let Some(perturb) = table.get_mut("perturb").and_then(toml::Value::as_table_mut) {
            perturb.remove("rate");
        }
        if self.kind() != StudyKind::Pretraining {
            table.remove("pretraining");
        }
        if self.grid.is_empty() {
            table.remove("grid");
        }
        toml::to_string(&table).map_err(unwritable)
    }
}

/// True for what can name a folder anywhere: letters, digits, `-`, `_` and `.`, the latter not in front.
pub(super) fn is_plain_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(fits)
}

pub(super) fn first_duplicate<T: PartialEq>(values: &[T]) -> Option<&T> {
    values.iter().enumerate().find(|(i, value)| values[..*i].contains(value)).map(|(_, value)| value)
}

/// Refuses an empty list, and a value that stands in it twice.
pub(super) fn require_distinct<T: PartialEq + Display>(key: &str, values: &[T], example: &str) -> Result<()> {
    if values.is_empty() {
        return refuse(format!("{key} is empty"), &format!("give at least one value, for example {key}={example}"));
    }
    match first_duplicate(values) {
        Some(value) => refuse(format!("{key} has {value} twice"), "name each once"),
        None => Ok(()),
    }
}

pub(super) fn refuse(what: impl Into<String>, hint: &str) -> Result<()> {
    Err(Error::Config(Problem::new(what).hint(hint)))
}
