//! What makes ids of words: a pretrained tokenizer's subwords, or a lexicon's whole words.

use super::{EncodedSentence, LEXICON_FILE, Lexicon, Tokenizer};
use crate::Result;

/// What makes ids of words.
pub enum Vocabulary {
    /// Subwords of words.
    Subwords(Box<Tokenizer>),
    /// Whole words, and their characters.
    Words(Lexicon),
}

impl Vocabulary {
    /// One more than the largest id: the least number of rows an embedding must have.
    pub fn vocabulary_size(&self) -> usize {
        match self {
            Self::Subwords(tokenizer) => tokenizer.vocabulary_size(),
            Self::Words(lexicon) => lexicon.n_words(),
        }
    }

    /// The name of the file that it was read from.
    pub fn source(&self) -> &'static str {
        match self {
            Self::Subwords(tokenizer) => tokenizer.source(),
            Self::Words(_) => LEXICON_FILE,
        }
    }

    /// The files a saved model needs, as (name, content).
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        match self {
            Self::Subwords(tokenizer) => tokenizer.files(),
            Self::Words(lexicon) => lexicon.files(),
        }
    }

    /// Encodes sentences; words beyond `max_subwords`, or beyond the 65,535 rows that can be numbered, are lost, and
    /// counted.
    ///
    /// # Errors
    /// Those of the tokenizer.
    pub fn encode<'a, S: AsRef<str> + 'a>(
        &self,
        sentences: impl IntoIterator<Item = &'a [S]>,
        max_subwords: usize,
    ) -> Result<Vec<EncodedSentence>> {
        let max_subwords = max_subwords.min(usize::from(u16::MAX));
        match self {
            Self::Subwords(tokenizer) => tokenizer.encode(sentences, max_subwords),
            Self::Words(lexicon) => Ok(lexicon.encode(sentences, max_subwords)),
        }
    }
}
