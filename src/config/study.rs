//! The settings that every study has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::experiment::{is_plain_name, refuse, require_distinct};
use super::{CapGrid, CheckpointGrid, Seeds, StudyKind};
use crate::error::Result;

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
    /// Class caps (`class-caps`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caps: Option<CapGrid>,
    /// Checkpoints to fine-tune (`pretraining`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<CheckpointGrid>,
    /// Seeds of the runs at each grid point: their number (`3` means 1, 2, 3), or a list.
    pub seeds: Seeds,
}

impl Default for StudySettings {
    fn default() -> Self {
        Self {
            kind: None,
            name: "default".into(),
            title: None,
            embed_text: false,
            noise: vec![0.0],
            caps: None,
            pretraining: None,
            seeds: Seeds::Count(1),
        }
    }
}

impl StudySettings {
    pub(super) fn validate(&self) -> Result<()> {
        if !is_plain_name(&self.name) {
            return refuse(
                format!("study.name `{}` is not a plain folder name", self.name),
                "use letters, digits, `-`, `_` and `.`",
            );
        }
        require_distinct("study.noise", &self.noise, "0")?;
        for level in &self.noise {
            if !(0.0..=1.0).contains(level) {
                return refuse(
                    format!("study.noise must be between 0 and 1, not {level}"),
                    "a level is the share of tokens that draw a new label: 0.3 is 30 %",
                );
            }
        }
        if let Err(what) = self.seeds.check() {
            return refuse(format!("study.seeds: {what}"), "give fewer seeds");
        }
        require_distinct("study.seeds", &self.seeds.list(), "1")
    }

    /// The number of points of the study's own axes with every seed.
    pub(super) fn n_runs_at_most(&self) -> usize {
        let caps = self.caps.as_ref().map_or(1, CapGrid::n_points);
        let checkpoints = self.pretraining.as_ref().map_or(1, |of| of.steps.len());
        [self.noise.len(), caps, checkpoints].into_iter().fold(self.seeds.n(), usize::saturating_mul)
    }
}
