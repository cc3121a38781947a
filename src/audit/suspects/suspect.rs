//! Suspects: spans of tokens for a person to check.

use serde::{Deserialize, Serialize};

/// What seems to be wrong with a span of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuspectKind {
    /// An entity that was not annotated.
    Missed,
    /// An annotated entity that seems to be none.
    Spurious,
    /// The right tokens, the wrong type.
    WrongType,
    /// An entity that seems to begin or end elsewhere, or to be more than one, or fewer.
    WrongBoundary,
    /// The same words are almost always annotated otherwise elsewhere in the corpus, and so they are suggested to be
    /// here.
    Inconsistent,
    /// The tags are not a valid sequence, such as `I-LOC` after `O` in IOB2.
    InvalidSequence,
}

/// A span of tokens whose annotation is probably wrong. It can be corrected by itself: putting `suggested` in the
/// place of `given` leaves the tags around it a valid sequence if they were one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// 1 for the most suspect.
    pub rank: u32,
    /// Zero-based sentence in the file.
    pub sentence: u32,
    /// One-based line of the stretch's first token in the file.
    pub line: u64,
    /// First token of the stretch, zero-based in its sentence.
    pub start: u16,
    /// One past its last token.
    pub end: u16,
    /// What seems to be wrong.
    pub kind: SuspectKind,
    /// The words of the stretch.
    pub words: Vec<String>,
    /// Their tags as given, in IOB2 whatever the file's scheme.
    pub given: Vec<String>,
    /// The tags suggested instead, in IOB2.
    pub suggested: Vec<String>,
    /// The score it is ranked by: higher is more suspect.
    pub score: f64,
    /// Estimated probability that the given tags are wrong, 0 to 1.
    pub probability: f64,
    /// Mean loss of the stretch's tokens against the given tags, nats, by epoch, by models that were not trained on the
    /// sentence; empty without held-out observations.
    pub held_out_loss: Vec<f32>,
    /// The same by the models that were trained on it, as each batch was seen.
    pub train_loss: Vec<f32>,
    /// How often the same words occur elsewhere in the corpus, whatever their tags.
    pub elsewhere: u32,
    /// Of these, how often with the given tags.
    pub elsewhere_as_given: u32,
    /// Of these, how often with the suggested tags.
    pub elsewhere_as_suggested: u32,
    /// Some of them: the nearest ones by sentence number, with other tags than the given ones first.
    pub occurrences: Vec<Occurrence>,
}

/// The same words in another place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Zero-based sentence in the file.
    pub sentence: u32,
    /// One-based line of the first token.
    pub line: u64,
    /// First token, zero-based in its sentence.
    pub start: u16,
    /// The tags there, in IOB2.
    pub tags: Vec<String>,
}
