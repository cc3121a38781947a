//! Encoders and heads built from [`crate::nn`]; checkpoints in and out, in transformers' layout.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which encoder is fine-tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// `embedded`, or a folder in transformers' layout.
    pub source: String,
    /// Keep only the first layers; null keeps all.
    pub layers: Option<usize>,
    /// Keep the shape, draw the weights anew.
    pub random_init: bool,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self { source: "embedded".into(), layers: None, random_init: false }
    }
}

/// An encoder with a linear head that gives each word one label, its tokenizer included.
pub struct Tagger {}

/// What loading a checkpoint found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// Folder, or `embedded`.
    pub source: String,
    /// SHA-256 (hex) of weights, configuration and tokenizer.
    pub fingerprint: String,
    /// Parameters of ours that the checkpoint lacks: drawn anew.
    pub missing: Vec<String>,
    /// Tensors of the checkpoint that we have no use for.
    pub unexpected: Vec<String>,
    /// Trainable numbers.
    pub n_parameters: usize,
    /// Layers, hidden size, heads and vocabulary, for people: `2 layers, hidden 128, 2 heads, vocabulary 30522`.
    pub shape: String,
}

impl Tagger {
    /// Loads (or draws, with `random_init`) the encoder and puts a head for `labels` on it; new weights come from `seed`.
    pub fn load(
        _settings: &ModelSettings,
        _labels: &[String],
        _seed: u64,
        _device: &candle_core::Device,
    ) -> crate::Result<(Self, LoadReport)> {
        todo!()
    }

    /// Writes `config.json`, `model.safetensors`, `tokenizer.json` and its companions so that transformers'
    /// `from_pretrained` opens the folder.
    pub fn save(&self, _folder: &std::path::Path) -> crate::Result<()> {
        todo!()
    }

    /// Label ids for each word of each sentence, dropout off; words beyond `max_pieces` get `O`.
    pub fn predict(
        &self,
        _sentences: &[Vec<String>],
        _max_pieces: usize,
        _batch_size: usize,
    ) -> crate::Result<Vec<Vec<u8>>> {
        todo!()
    }
}
