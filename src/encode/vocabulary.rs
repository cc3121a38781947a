//! What makes ids of words: a pretrained tokenizer's pieces, or a lexicon's whole words.

use super::{EncodedSentence, LEXICON_FILE, Lexicon, Tokenizer};
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

    /// The name of the file that it was read from.
    pub fn source(&self) -> &'static str {
        match self {
            Self::Pieces(tokenizer) => tokenizer.source(),
            Self::Words(_) => LEXICON_FILE,
        }
    }

    /// The files a saved model needs, as (name, content).
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        match self {
            Self::Pieces(tokenizer) => tokenizer.files(),
            Self::Words(lexicon) => lexicon.files(),
        }
    }

    /// Encodes sentences; words beyond `max_pieces`, or beyond the 65,535 rows that can be numbered, are lost, and counted.
    ///
    /// # Errors
    /// Those of the tokenizer.
    pub fn encode<'a, S: AsRef<str> + 'a>(
        &self,
        sentences: impl IntoIterator<Item = &'a [S]>,
        max_pieces: usize,
    ) -> Result<Vec<EncodedSentence>> {
        let max_pieces = max_pieces.min(usize::from(u16::MAX));
        match self {
            Self::Pieces(tokenizer) => tokenizer.encode(sentences, max_pieces),
            Self::Words(lexicon) => Ok(lexicon.encode(sentences, max_pieces)),
        }
    }
}
