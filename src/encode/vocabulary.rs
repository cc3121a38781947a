//! What makes ids of words: a pretrained tokenizer's pieces, or a lexicon's whole words.

use super::{EncodedSentence, Lexicon, Tokenizer};
use crate::Result;

/// What makes ids of words.
pub enum Vocabulary {
    /// Pieces of words.
    Pieces(Box<Tokenizer>),
    /// Whole words, and their characters.
    Words(Lexicon),
}

impl Vocabulary {
    /// One more than the largest id: the least number of rows an embedding must have.
    pub fn vocabulary_size(&self) -> usize {
        match self {
            Self::Pieces(tokenizer) => tokenizer.vocabulary_size(),
            Self::Words(lexicon) => lexicon.n_words(),
        }
    }

    /// The files a saved model needs, as (name, content).
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        match self {
            Self::Pieces(tokenizer) => tokenizer.files(),
            Self::Words(lexicon) => lexicon.files(),
        }
    }

    /// Encodes sentences; what stands behind `max_pieces` is lost, and counted.
    ///
    /// # Errors
    /// Those of the tokenizer.
    pub fn encode<'a, S: AsRef<str> + 'a>(
        &self,
        sentences: impl IntoIterator<Item = &'a [S]>,
        max_pieces: usize,
    ) -> Result<Vec<EncodedSentence>> {
        match self {
            Self::Pieces(tokenizer) => tokenizer.encode(sentences, max_pieces),
            Self::Words(lexicon) => Ok(lexicon.encode(sentences, max_pieces)),
        }
    }
}
