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
