//! Words become subwords, sentences become packed batches.
//!
//! A word is cut into subwords on its own (words are given beforehand); its **first subword** carries its label. A
//! sentence is `[CLS] subwords [SEP]`, cut to a maximum number of subwords as transformers does: words whose first
//! subword falls behind the cut are lost, and counted. An encoder without a tokenizer of its own has a [`Lexicon`]
//! instead: a word is one subword, and comes with its characters. A batch lays its sentences end to end, without
//! padding.

mod batch;
mod learn;
mod lexicon;
mod tokenizer;
mod vectors;
mod vocabulary;

pub use batch::{Batch, EncodedSentence, Spellings};
pub use learn::learn_vocabulary;
pub use lexicon::{Counts, LEXICON_FILE, Lexicon, UNKNOWN, form};
pub(crate) use tokenizer::BYTE_ORDER_MARK;
pub use tokenizer::Tokenizer;
pub use vectors::{Vectors, read_vectors};
pub use vocabulary::Vocabulary;
