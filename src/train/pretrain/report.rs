//! What came out of a pretraining, at its end or on the way.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::PretrainSettings;
use crate::error::{Error, Problem, Result};
use crate::files::hex;
use crate::files::text;
use crate::files::write_atomically;

/// What came out of a pretraining; written beside the model as `pretraining.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PretrainReport {
    /// What was asked for.
    pub settings: PretrainSettings,
    /// SHA-256 (hex) of the text: [`text_digest`].
    pub text_sha256: String,
    /// Sentences trained on.
    pub sentences: usize,
    /// Sentences held out.
    pub held_out_sentences: usize,
    /// Subwords in the vocabulary.
    pub vocabulary: usize,
    /// Steps this model has taken; 0 for weights as they were drawn.
    pub steps: u64,
    /// Steps of the whole pretraining, over which the learning rate rises and falls.
    pub planned_steps: u64,
    /// Learning rate that the next step has, or would have: 0 for the finished model.
    pub learning_rate: f64,
    /// Share of the held-out masked subwords predicted right, 0 to 1.
    pub held_out_masked_accuracy: f64,
    /// Mean cross-entropy of the held-out masked subwords, nats.
    pub held_out_masked_loss: f64,
    /// Masked accuracy of always saying the most frequent subword: what a model must beat.
    #[serde(alias = "most_frequent_piece_accuracy")]
    pub most_frequent_subword_accuracy: f64,
    /// Trainable numbers.
    pub n_parameters: usize,
}

impl PretrainReport {
    /// Where the report of a model's folder is.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("pretraining.json")
    }

    /// Reads the report of a model's folder; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Data`] if it is not one of this version; [`Error::Io`].
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = Self::path(folder);
        if !path.is_file() {
            return Ok(None);
        }
        serde_json::from_str(&text::read(&path, Error::Data)?).map(Some).map_err(|e| {
            Error::Data(
                Problem::new(format!("not the report of a pretraining by this version: {e}"))
                    .at(&path)
                    .line(e.line())
                    .hint("remove the folder and pretrain again"),
            )
        })
    }

    /// Writes it into a model's folder, atomically.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = Self::path(folder);
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::Internal(format!("a pretraining's report as JSON: {e}")))?;
        write_atomically(&path, |file| writeln!(file, "{text}").map_err(Error::io(&path)))
    }
}

/// SHA-256 (hex) of a text: its lines, each with a line break.
pub fn text_digest(text: &[String]) -> String {
    let mut hash = Sha256::new();
    for line in text {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    hex(hash.finalize())
}
