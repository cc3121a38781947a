//! `manifest.json`: what a run is, what it was made from, and how far it came.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{GitState, RunConfig, Versions};
use crate::corpus::{Corpus, Scheme};
use crate::error::{Error, Problem, Result};
use crate::files::text;
use crate::files::write_text;
use crate::metrics::entity::EntityScores;
use crate::model::LoadReport;
use crate::perturb::{CapReport, NoiseReport};
use crate::train::EncodingReport;

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being written, or broken off without a chance to say so.
    Running,
    /// All epochs done.
    Finished,
    /// Stopped by the user.
    Interrupted,
    /// Stopped by an error: see [`Manifest::error`].
    Failed,
}

/// What a run is, what it was made from, and how far it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this file's layout.
    pub schema: u32,
    /// How far it came.
    pub status: Status,
    /// Finished epochs.
    pub epochs_finished: u32,
    /// Steps taken in the epoch after them that a checkpoint keeps; 0 between two epochs.
    #[serde(default)]
    pub steps_finished: u64,
    /// The error that stopped it, in words; null otherwise.
    pub error: Option<String>,
    /// The resolved configuration.
    pub config: RunConfig,
    /// The run's identity: [`RunConfig::identity`]; of a run of an earlier version the SHA-256 of its whole configuration.
    pub config_hash: String,
    /// The text it was made from.
    pub data: DataSummary,
    /// What loading the encoder found, fingerprint included.
    pub model: LoadReport,
    /// Requested and realised noise.
    pub noise: NoiseReport,
    /// What the class cap did; null without one.
    #[serde(default)]
    pub cap: Option<CapReport>,
    /// What encoding the text found, tokens lost to truncation included.
    pub encoding: EncodingReport,
    /// Entity scores on the test split, judged once after the last epoch; null until then, without such a split, and
    /// where `train.test` is off.
    #[serde(default)]
    pub test: Option<EntityScores>,
    /// SHA-256 (hex) of each file of the log, by its path in the folder; empty in runs made before it was kept. Those of the
    /// evaluations and steps hold once the run is finished.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Versions of what computed.
    pub versions: Versions,
    /// The repository around the working directory; null outside one.
    pub git: Option<GitState>,
    /// The machine's name.
    pub host: String,
    /// Operating system and processor family.
    pub platform: String,
    /// Threads of the CPU.
    pub threads: usize,
    /// When it was begun, RFC 3339, UTC.
    pub started: String,
    /// When it was last written to, RFC 3339, UTC.
    pub updated: String,
    /// Seconds of wall time spent on it, interrupted attempts up to their last checkpoint included.
    pub wall_seconds: f64,
    /// How often it was taken up again.
    pub resumed: u32,
}

/// The text a run was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// `embedded`, the folder's name, or the name on the hub.
    pub name: String,
    /// The hub's commit; null for what did not come from there.
    #[serde(default)]
    pub revision: Option<String>,
    /// True if the text was generated.
    pub synthetic: bool,
    /// SHA-256 (hex) of the words and labels of all splits.
    pub fingerprint: String,
    /// The tag scheme of the files.
    pub scheme: Scheme,
    /// The tag inventory by id.
    pub labels: Vec<String>,
    /// Sentences of train, dev and test.
    pub sentences: [usize; 3],
}

impl DataSummary {
    /// The summary of a corpus.
    pub fn of(corpus: &Corpus) -> Self {
        Self {
            name: corpus.name.clone(),
            revision: corpus.revision.clone(),
            synthetic: corpus.synthetic,
            fingerprint: corpus.fingerprint.clone(),
            scheme: corpus.scheme,
            labels: corpus.labels.names().to_vec(),
            sentences: [corpus.train.len(), corpus.dev.len(), corpus.test.len()],
        }
    }
}

impl Manifest {
    /// Version of the layout that this program writes.
    pub const SCHEMA: u32 = 1;

    /// Where the manifest of a run folder is.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("manifest.json")
    }

    /// Reads a run folder's manifest.
    ///
    /// # Errors
    /// [`Error::Data`] if it is broken or of another version; [`Error::Io`] if it cannot be read.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = Self::path(folder);
        let text = text::read(&path, Error::Data)?;
        let broken = |e: serde_json::Error| {
            Error::Data(
                Problem::new(format!("not a manifest of this version: {e}"))
                    .at(&path)
                    .line(e.line())
                    .hint("remove the run's folder and train it again, or use the version that wrote it"),
            )
        };
        // The version first, on its own: a later layout should be refused by its number, not by a missing field.
        let value: serde_json::Value = serde_json::from_str(&text).map_err(broken)?;
        match value.get("schema").and_then(serde_json::Value::as_u64) {
            Some(schema) if schema == u64::from(Self::SCHEMA) => serde_json::from_str(&text).map_err(broken),
            other => Err(Error::Data(
                Problem::new(match other {
                    Some(schema) => format!("manifest of layout {schema}, this program reads {}", Self::SCHEMA),
                    None => "not a manifest: it has no `schema`".into(),
                })
                .at(&path)
                .hint("remove the run's folder and train it again, or use the version that wrote it"),
            )),
        }
    }

    /// True if this is the run that a configuration describes, whatever it is called.
    ///
    /// # Errors
    /// As [`RunConfig::identity`].
    pub fn is_of(&self, config: &RunConfig) -> Result<bool> {
        let identity = config.identity()?;
        // The written one first: reading a number from its digits may change its last bit. Earlier versions wrote another hash.
        Ok(self.config_hash == identity || self.config.identity()? == identity)
    }

    /// Writes it to a run folder, atomically.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::Internal(format!("the manifest cannot be written as JSON: {e}")))?;
        text.push('\n');
        write_text(&Self::path(folder), &text)
    }
}
