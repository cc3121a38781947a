//! Encoders and heads built from [`crate::nn`]; checkpoints in and out, in transformers' layout.

mod bilstm;
mod centroids;
pub mod checkpoint;
mod device;
mod dropout;
pub mod embedded;
pub mod encoder;
mod engine;
mod files;
mod head;
mod labels;
pub mod masked;
pub mod parameters;
pub mod pickle;
mod save;
mod tagger;
mod tensor_names;
pub mod vocabulary;

pub use bilstm::{BilstmSettings, Words};
pub use centroids::{CentroidSums, Centroids};
pub use device::DeviceName;
pub use dropout::DropoutPlan;
pub use head::{CentroidRule, HeadKind, HeadSettings};
pub use tagger::{BatchPrediction, Episode, Inspected, Tagger, TextPrediction, TokenPrediction, TrainOutput};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The encoder that is fine-tuned, and its head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// `embedded`, a folder in the layout of transformers, a model of the hub (`bert-base-cased`, `org/name@revision`), or
    /// `bilstm`: a new bi-LSTM for the words of the corpus.
    pub source: String,
    /// Number of first layers to keep; null keeps all.
    pub layers: Option<usize>,
    /// Keep the architecture and initialise all weights randomly.
    pub random_init: bool,
    /// The head.
    pub head: HeadSettings,
    /// Sizes of a new bi-LSTM.
    pub bilstm: BilstmSettings,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            source: "embedded".into(),
            layers: None,
            random_init: false,
            head: HeadSettings::default(),
            bilstm: BilstmSettings::default(),
        }
    }
}

/// What loading a checkpoint found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// `embedded`, a folder, or a name on the hub.
    pub source: String,
    /// The hub's commit; null for what did not come from there.
    #[serde(default)]
    pub revision: Option<String>,
    /// SHA-256 (hex) of weights, configuration and tokenizer.
    pub fingerprint: String,
    /// Parameters of ours that the checkpoint lacks: drawn anew.
    pub missing: Vec<String>,
    /// Tensors of the checkpoint that we have no use for.
    pub unexpected: Vec<String>,
    /// Those of them that have an element that is not finite.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_finite: Vec<String>,
    /// Trainable numbers.
    pub n_parameters: usize,
    /// Layers, hidden size, heads and vocabulary, for people: `2 layers, hidden 128, 2 heads, vocabulary 30522`.
    pub shape: String,
}
