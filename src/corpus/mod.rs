//! Annotated text: read and written, its tag scheme recognised, its splits held together.

mod types;

pub use types::{Corpus, LabelSet, Scheme, Sentence};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the annotated text comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataSettings {
    /// `embedded` (synthetic, generated), or a folder with `train`, `dev` and `test` files in CoNLL columns.
    pub source: String,
    /// Keep only this many training sentences, chosen by the run's data seed; null keeps all.
    pub train_sentences: Option<usize>,
    /// Keep only this many dev sentences; null keeps all.
    pub dev_sentences: Option<usize>,
    /// Seed of the embedded generator and of the choice of sentences.
    pub seed: u64,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self { source: "embedded".into(), train_sentences: None, dev_sentences: None, seed: 1 }
    }
}
