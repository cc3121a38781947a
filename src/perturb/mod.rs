//! Controlled changes to a corpus's labels, the gold labels kept beside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which label noise is put on the training split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseSettings {
    /// The procedure (STUDIES 1.2).
    pub kind: NoiseKind,
    /// Requested rate, 0 to 1.
    pub rate: f64,
    /// Row-stochastic matrix over the label inventory, for `kind = "matrix"`: tag → tag → probability.
    pub matrix: Option<std::collections::BTreeMap<String, std::collections::BTreeMap<String, f64>>>,
}

impl Default for NoiseSettings {
    fn default() -> Self {
        Self { kind: NoiseKind::Uniform, rate: 0.0, matrix: None }
    }
}

/// The procedures that put wrong labels on a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// Per word with probability p, a label drawn uniformly over all K, the true one included (arXiv 2105.00828).
    Uniform,
    /// Exactly ⌊p·n⌋ words, each with a label drawn uniformly over the K − 1 others (Toneva et al., ICLR 2019).
    OtherLabel,
    /// Per entity with probability p: type swap, span drop, span shift or spurious span; IOB2 stays valid.
    Entity,
    /// Per word, a label drawn from the row of a class-dependent transition matrix, mixed with weight p.
    Matrix,
}

/// Training labels after perturbation.
#[derive(Debug, Clone, PartialEq)]
pub struct Perturbed {
    /// What training will see: one vector a sentence, one label id a word.
    pub given: Vec<Vec<u8>>,
    /// The truth, same shape.
    pub gold: Vec<Vec<u8>>,
    /// What was asked for and what came out.
    pub report: NoiseReport,
}

/// What was asked for and what came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoiseReport {
    /// The procedure.
    pub kind: NoiseKind,
    /// Requested rate, 0 to 1.
    pub requested_rate: f64,
    /// Share of training tokens whose given label differs from gold, 0 to 1.
    pub realised_rate: f64,
    /// Training tokens.
    pub n_tokens: usize,
    /// Training tokens with given ≠ gold.
    pub n_noisy: usize,
    /// Counts gold → given, `counts[gold][given]`, over all training tokens.
    pub counts: Vec<Vec<usize>>,
}
