//! Which study an experiment is, and the lists that its grid is made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::experiment::{first_duplicate, is_plain_name, refuse};
use super::{EncoderSettings, Seeds};
use crate::error::Result;
use crate::model::HeadKind;

/// The study and its grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StudySettings {
    /// Kind of study; null means `grid` for an experiment with axes in `[grid]`, otherwise `noise-sweep`.
    pub kind: Option<StudyKind>,
    /// Name of the study and of the folders of its runs and report.
    pub name: String,
    /// Title of the report; null derives one from kind, corpus and model.
    pub title: Option<String>,
    /// Whether the report's page contains sentences of the corpus, which are listed for the tokens behind a mark. Many corpora must not
    /// be redistributed.
    pub embed_text: bool,
    /// Noise levels, each 0 to 1.
    pub noise: Vec<f64>,
    /// Entity types to cap, one at a time (`class-caps`).
    pub classes: Vec<String>,
    /// Numbers of training sentences with the capped type to keep (`class-caps`).
    pub sentences: Vec<usize>,
    /// Also train on all sentences (`class-caps`).
    pub uncapped: bool,
    /// Heads to compare; empty uses `model.head.kind` (`class-caps`).
    pub heads: Vec<HeadKind>,
    /// Initialisations to compare; empty uses `model.random_init` (`class-caps`).
    pub initializations: Vec<Initialization>,
    /// Numbers of pretraining steps of the encoders; 0 is the random initialisation (`pretraining`).
    pub pretraining_steps: Vec<u64>,
    /// Encoders to compare, one table each (`forgetting`); on the command line they are selected by name.
    pub encoders: Vec<EncoderSettings>,
    /// Seeds of the runs at each grid point: their number (`3` means 1, 2, 3), or a list.
    pub seeds: Seeds,
}

/// Kinds of study.
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

/// Initialisation of the encoder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Initialization {
    /// The weights of the checkpoint.
    #[default]
    Pretrained,
    /// Random initialisation with the same architecture.
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

impl StudySettings {
    pub(super) fn validate(&self, kind: StudyKind) -> Result<()> {
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
    pub(super) fn n_runs_at_most(&self) -> usize {
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
