//! Tokens of the corpus behind a mark of a figure.

use serde::Serialize;

/// The tokens behind one mark of a figure: a cell, a bar, a dot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The mark's `data-sample` in the figure's SVG.
    pub key: String,
    /// The heading of the list: `Noise 30 %, B-LOC labelled O`.
    pub title: String,
    /// How many tokens there are; `examples` are some of them.
    pub n: u64,
    /// Tokens, in the order they are listed; some fifty are enough.
    pub examples: Vec<Example>,
}

/// One token in its sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The token.
    pub token: String,
    /// The sentence before it; may be shortened.
    pub before: String,
    /// The sentence after it; may be shortened.
    pub after: String,
    /// The label that training saw.
    pub given: String,
    /// The gold label, where known.
    pub gold: Option<String>,
    /// Numbers of this token: `loss 3.2 nats; learned in epoch 7`. May be empty.
    pub note: String,
}
