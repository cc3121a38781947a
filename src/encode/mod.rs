//! Words become pieces, sentences become packed batches.
//!
//! A word is cut into pieces on its own (words are given beforehand); its **first piece** carries its label. A sentence
//! is `[CLS] pieces [SEP]`, cut to a maximum number of pieces as transformers does: words whose first piece falls behind
//! the cut are lost, and counted. A batch lays its sentences end to end, without padding.

mod batch;
mod learn;
mod tokenizer;

pub use batch::{Batch, EncodedSentence};
pub use learn::learn_vocabulary;
pub use tokenizer::Tokenizer;
