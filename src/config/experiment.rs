//! An experiment as a typed value.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::encoder;
use super::study::{Initialization, StudyKind, StudySettings};
use super::{Grid, GridAxis};
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
        let kind = self.kind();
        self.study.validate(kind)?;
        self.validate_pretraining()?;
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
        if kind == StudyKind::ClassCaps && self.perturb.cap.is_some() {
            return refuse(
                "perturb.cap is set by the study's grid",
                "set study.classes and study.sentences, a list each",
            );
        }
        if self.model.random_init && self.study.initializations.contains(&Initialization::Pretrained) {
            return refuse(
                "model.random_init is on, and study.initializations asks for the pretrained weights, too",
                "leave --random-init out to have both, or set study.initializations=[]",
            );
        }
        if self.study.heads.contains(&HeadKind::Prototypes) {
            self.check_head(HeadKind::Prototypes)?;
        }
        if self.threads == Some(0) {
            return refuse("threads must be at least 1", "leave it out to use all cores");
        }
        encoder::validate(self)
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
        self.check_model(&self.model)?;
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
            return refuse("study.noise is set, and noise is an axis of [grid], too", "leave one of them out");
        }
        Ok(())
    }

    /// Refuses a model that no run of this experiment could have.
    fn check_model(&self, model: &ModelSettings) -> Result<()> {
        if model.layers == Some(0) {
            return refuse("model.layers must be at least 1", "leave it out to keep all layers");
        }
        self.check_head(model.head.kind)
    }

    fn check_head(&self, head: HeadKind) -> Result<()> {
        if head == HeadKind::Prototypes && !self.train.eval_pass {
            return refuse(
                "train.eval_pass is off, and a prototypical head has no train pass: nothing would be logged",
                "leave train.eval_pass on, or use the linear head alone",
            );
        }
        Ok(())
    }

    /// The settings of a pretraining: needed by that kind of study, refused by others.
    fn validate_pretraining(&self) -> Result<()> {
        let steps = &self.study.pretraining_steps;
        if let Some(step) = first_duplicate(steps) {
            return refuse(format!("study.pretraining_steps has {step} twice"), "name each number once");
        }
        if self.kind() == StudyKind::Pretraining {
            let of_the_study = |axis: &&GridAxis| axis.key().starts_with("pretraining") || axis.key() == "model.source";
            if let Some(axis) = self.grid.axes().iter().find(of_the_study) {
                return refuse(
                    format!("grid.{} is set by the study: it fine-tunes what it has pretrained", axis.key()),
                    "leave it out; study.pretraining_steps is the axis of this study",
                );
            }
            if steps.is_empty() {
                return refuse(
                    "study.pretraining_steps is empty",
                    "give at least one number, for example study.pretraining_steps=0,100,1000",
                );
            }
            if self.model.source != ModelSettings::default().source || self.model.random_init {
                return refuse(
                    "model.source and model.random_init are set by the study: it fine-tunes what it has pretrained",
                    "leave them out; study.pretraining_steps=0 are random weights",
                );
            }
            if self.train.max_subwords > self.pretraining.max_subwords {
                return refuse(
                    format!(
                        "train.max_subwords is {}, and pretraining.max_subwords gives the encoder {} positions",
                        self.train.max_subwords, self.pretraining.max_subwords
                    ),
                    "raise pretraining.max_subwords, or lower train.max_subwords",
                );
            }
            return self.pretraining.validate();
        }
        let used = [
            ("study.pretraining_steps", !steps.is_empty()),
            ("pretraining", self.pretraining != PretrainSettings::default()),
        ];
        match used.into_iter().find(|(_, used)| *used) {
            Some((key, _)) => refuse(
                format!("{key} is used by study.kind = \"pretraining\" alone"),
                "leave it out, or start from experiments/pretraining.toml",
            ),
            None => Ok(()),
        }
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

pub(super) fn refuse(what: impl Into<String>, hint: &str) -> Result<()> {
    Err(Error::Config(Problem::new(what).hint(hint)))
}
