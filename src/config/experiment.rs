//! An experiment as a typed value.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::encoder::{self, EncoderSettings};
use super::{Grid, GridAxis, Seeds};
use crate::analysis::AnalysisSettings;
use crate::corpus::DataSettings;
use crate::error::{Error, Problem, Result};
use crate::model::DeviceName;
use crate::model::{HeadKind, ModelSettings};
use crate::perturb::PerturbSettings;
use crate::train::TrainSettings;
use crate::train::pretrain::PretrainSettings;

/// Everything an experiment file can say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Experiment {
    /// What computes: `cpu`, `cuda:N` or `metal`.
    pub device: DeviceName,
    /// Threads of the CPU; null takes all cores. The results do not depend on it.
    pub threads: Option<usize>,
    /// Folder for all that the study writes; null puts runs in `runs/<study>` and the report in `reports/<study>`.
    pub out: Option<PathBuf>,
    /// The grid of runs, and what is drawn from them.
    pub study: StudySettings,
    /// Further axes of the grid: any settings with their values, or lists of named points that set several settings at
    /// once.
    pub grid: Grid,
    /// The annotated text.
    pub data: DataSettings,
    /// The encoder.
    pub model: ModelSettings,
    /// The pretraining of the encoder itself (`pretraining`).
    pub pretraining: PretrainSettings,
    /// What is done to the training split; the noise rate, and in a study of class caps the cap, are the study's to
    /// set.
    pub perturb: PerturbSettings,
    /// The training.
    pub train: TrainSettings,
    /// What is computed from the log.
    pub analysis: AnalysisSettings,
}

/// Runs that a study may have at most.
const MOST_RUNS: usize = 10_000;

/// Which study, and its grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StudySettings {
    /// What the study varies and draws; null is `grid` for an experiment with axes in `[grid]`, else `noise-sweep`.
    pub kind: Option<StudyKind>,
    /// Short name: the folder of its runs and of its report.
    pub name: String,
    /// The report's title; null makes one from the kind, the data and the model.
    pub title: Option<String>,
    /// Whether the report's page holds sentences of the corpus, for its reader to list the tokens behind a mark. Many corpora may
    /// not be passed on.
    pub embed_text: bool,
    /// Requested noise levels, each 0 to 1.
    pub noise: Vec<f64>,
    /// Entity types to cap, one at a time (`class-caps`).
    pub classes: Vec<String>,
    /// How many training sentences with the capped class stay, each a point of the curve (`class-caps`).
    pub sentences: Vec<usize>,
    /// Train on all sentences, too (`class-caps`).
    pub uncapped: bool,
    /// Heads to compare; empty takes the one of `model.head.kind` (`class-caps`).
    pub heads: Vec<HeadKind>,
    /// Weights to start from, to compare; empty does what `model.random_init` says (`class-caps`).
    pub initializations: Vec<Initialization>,
    /// Steps of the pretraining after which an encoder is taken; 0 are weights as they are drawn (`pretraining`).
    pub pretraining_steps: Vec<u64>,
    /// Encoders to compare, a table each (`forgetting`); on the command line, names choose among them.
    pub encoders: Vec<EncoderSettings>,
    /// Seeds of the runs at each level: how many (`3` is 1, 2, 3), or a list.
    pub seeds: Seeds,
}

/// The kinds of study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StudyKind {
    /// The same training under rising label noise (arXiv 2105.00828, section 3).
    NoiseSweep,
    /// The same training with ever fewer sentences of a class, with any head (arXiv 2105.00828, section 5).
    ClassCaps,
    /// The noise sweep from points along a pretraining: how much of it makes a plateau.
    Pretraining,
    /// The same training with several encoders: what each forgets, how long it settles (arXiv 2105.00828, section 4).
    Forgetting,
    /// The axes of `[grid]` and nothing else: the scores of every point.
    Grid,
}

/// What the encoder's weights start from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Initialization {
    /// The checkpoint.
    #[default]
    Pretrained,
    /// Drawn anew, the shape kept.
    Random,
}

impl Initialization {
    /// As it is written in an experiment file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pretrained => "pretrained",
            Self::Random => "random",
        }
    }
}

impl Default for StudySettings {
    fn default() -> Self {
        Self {
            kind: None,
            name: "default".into(),
            title: None,
            embed_text: false,
            noise: vec![0.0],
            classes: Vec::new(),
            sentences: Vec::new(),
            uncapped: true,
            heads: Vec::new(),
            initializations: Vec::new(),
            pretraining_steps: Vec::new(),
            encoders: Vec::new(),
            seeds: Seeds::Count(1),
        }
    }
}

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

impl StudySettings {
    fn validate(&self, kind: StudyKind) -> Result<()> {
        if !is_plain_name(&self.name) {
            return refuse(
                format!("study.name `{}` is not a plain folder name", self.name),
                "use letters, digits, `-`, `_` and `.`",
            );
        }
        if self.noise.is_empty() {
            return refuse("study.noise is empty", "give at least one level, for example 0");
        }
        for level in &self.noise {
            if !(0.0..=1.0).contains(level) {
                return refuse(
                    format!("study.noise must be between 0 and 1, not {level}"),
                    "a level is the share of tokens that draw a new label: 0.3 is 30 %",
                );
            }
        }
        if let Some(level) = first_duplicate(&self.noise) {
            return refuse(format!("study.noise has {level} twice"), "name each level once");
        }
        if let Err(what) = self.seeds.check() {
            return refuse(format!("study.seeds: {what}"), "give fewer seeds");
        }
        let seeds = self.seeds.list();
        if seeds.is_empty() {
            return refuse("study.seeds is empty", "give at least one seed");
        }
        if let Some(seed) = first_duplicate(&seeds) {
            return refuse(format!("study.seeds has {seed} twice"), "name each seed once");
        }
        match (kind, self.encoders.is_empty()) {
            (StudyKind::Forgetting, true) => {
                return refuse(
                    "study.encoders is empty",
                    "give at least one table [[study.encoders]] with a name, as in experiments/forgetting.toml",
                );
            }
            (StudyKind::Forgetting, false) | (_, true) => {}
            (_, false) => {
                return refuse(
                    "study.encoders is used by study.kind = \"forgetting\" alone",
                    "leave it out, or start from experiments/forgetting.toml",
                );
            }
        }
        self.validate_caps(kind)
    }

    /// The number of points in the grid, or more: the product of all lists that the study may vary.
    fn n_runs_at_most(&self) -> usize {
        let caps = self.classes.len().saturating_mul(self.sentences.len()).saturating_add(1);
        [
            self.noise.len(),
            caps,
            self.heads.len(),
            self.initializations.len(),
            self.pretraining_steps.len(),
            self.encoders.len(),
        ]
        .into_iter()
        .fold(self.seeds.n(), |product, n| product.saturating_mul(n.max(1)))
    }

    /// The settings of class caps: needed by that kind of study, refused by others.
    fn validate_caps(&self, kind: StudyKind) -> Result<()> {
        if let Some(class) = first_duplicate(&self.classes) {
            return refuse(format!("study.classes has {class} twice"), "name each entity type once");
        }
        if let Some(sentences) = first_duplicate(&self.sentences) {
            return refuse(format!("study.sentences has {sentences} twice"), "name each number once");
        }
        if let Some(head) = first_duplicate(&self.heads) {
            return refuse(format!("study.heads has {} twice", head.name()), "name each head once");
        }
        if let Some(start) = first_duplicate(&self.initializations) {
            return refuse(format!("study.initializations has {} twice", start.name()), "name each once");
        }
        if kind == StudyKind::ClassCaps {
            if self.classes.is_empty() {
                return refuse(
                    "study.classes is empty",
                    "name an entity type of the data, for example classes=LOC,MISC",
                );
            }
            if self.sentences.is_empty() {
                return refuse("study.sentences is empty", "give at least one number, for example sentences=5,25,100");
            }
            return Ok(());
        }
        let used = [
            ("classes", !self.classes.is_empty()),
            ("sentences", !self.sentences.is_empty()),
            ("uncapped", !self.uncapped),
            ("heads", !self.heads.is_empty()),
            ("initializations", !self.initializations.is_empty()),
        ];
        match used.into_iter().find(|(_, used)| *used) {
            Some((key, _)) => refuse(
                format!("study.{key} is used by study.kind = \"class-caps\" alone"),
                "leave it out, or start from experiments/class-caps.toml",
            ),
            None => Ok(()),
        }
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
