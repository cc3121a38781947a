//! Encoded sentences and packed batches of them.

use std::collections::HashMap;

use crate::corpus::TokenPosition;
use crate::nn::Packing;

/// A sentence as subwords, special ones included, and where its words are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedSentence {
    /// Subword ids: `[CLS] … [SEP]`; of a lexicon, one a word.
    pub subwords: Vec<u32>,
    /// (word, row of its first subword), for each word that is scored.
    pub words: Vec<(u16, u16)>,
    /// The characters of each subword; empty unless a lexicon has encoded it.
    pub characters: Vec<Vec<u32>>,
    /// Words lost because the sentence is too long.
    pub truncated: usize,
    /// Words of which the tokenizer leaves nothing.
    pub without_subword: usize,
}

impl EncodedSentence {
    pub(super) fn open(cls: u32) -> Self {
        Self { subwords: vec![cls], ..Self::default() }
    }

    pub(super) fn push(&mut self, token: usize, subwords: &[u32], max_subwords: usize) {
        let room = (max_subwords - 1).saturating_sub(self.subwords.len());
        if subwords.is_empty() {
            self.without_subword += 1;
        } else if room == 0 {
            self.truncated += 1;
        } else {
            self.words.push((token as u16, self.subwords.len() as u16));
            self.subwords.extend(&subwords[..subwords.len().min(room)]);
        }
    }

    pub(super) fn close(&mut self, sep: u32) {
        self.subwords.push(sep);
    }

    pub(super) fn push_word(&mut self, token: usize, id: u32, characters: Vec<u32>, max_words: usize) {
        if characters.is_empty() {
            self.without_subword += 1;
        } else if self.subwords.len() >= max_words {
            self.truncated += 1;
        } else {
            self.words.push((token as u16, self.subwords.len() as u16));
            self.subwords.push(id);
            self.characters.push(characters);
        }
    }
}

/// Sentences laid end to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Subword ids `[n]`.
    pub ids: Vec<u32>,
    /// Each subword's place in its sentence `[n]`.
    pub places: Vec<u32>,
    /// Where the sentences begin and end.
    pub packing: Packing,
    /// Rows of the scored first subwords, ascending.
    pub scored: Vec<u32>,
    /// The token of each scored row.
    pub tokens: Vec<TokenPosition>,
    /// How the words are written; nothing for subwords of a tokenizer.
    pub spellings: Spellings,
}

/// The different spellings of a batch's words, laid end to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spellings {
    /// Characters.
    pub ids: Vec<u32>,
    /// Where the spellings begin and end.
    pub packing: Packing,
    /// Which spelling each subword has.
    pub of_subword: Vec<u32>,
}

impl Spellings {
    fn pack<'a>(subwords: impl IntoIterator<Item = &'a Vec<u32>>) -> Self {
        let mut known: HashMap<&[u32], u32> = HashMap::new();
        let (mut ids, mut lengths, mut of_subword) = (Vec::new(), Vec::new(), Vec::new());
        for characters in subwords {
            let number = *known.entry(characters).or_insert_with(|| {
                ids.extend(characters);
                lengths.push(characters.len());
                lengths.len() as u32 - 1
            });
            of_subword.push(number);
        }
        Self { ids, packing: Packing::new(lengths), of_subword }
    }
}

impl Batch {
    /// Packs sentences; the number beside each is carried into `tokens`.
    pub fn pack<'a>(sentences: impl IntoIterator<Item = (u32, &'a EncodedSentence)>) -> Self {
        let (mut ids, mut places, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        let (mut scored, mut tokens, mut characters) = (Vec::new(), Vec::new(), Vec::new());
        for (index, sentence) in sentences {
            let start = ids.len() as u32;
            ids.extend(&sentence.subwords);
            places.extend(0..sentence.subwords.len() as u32);
            lengths.push(sentence.subwords.len());
            characters.extend(&sentence.characters);
            for &(token, row) in &sentence.words {
                scored.push(start + u32::from(row));
                tokens.push(TokenPosition { sentence: index, token });
            }
        }
        let packing = Packing::new(lengths);
        Self { ids, places, packing, scored, tokens, spellings: Spellings::pack(characters) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_is_packed_once() {
        let mut sentences = [EncodedSentence::default(), EncodedSentence::default()];
        for (sentence, words) in sentences.iter_mut().zip([[vec![7, 8], vec![9]], [vec![9], vec![7]]]) {
            for (token, characters) in words.into_iter().enumerate() {
                sentence.push_word(token, 1, characters, 9);
            }
        }
        let batch = Batch::pack([(4, &sentences[0]), (5, &sentences[1])]);
        assert_eq!(batch.spellings.ids, [7, 8, 9, 7]);
        assert_eq!(batch.spellings.packing, Packing::new([2, 1, 1]));
        assert_eq!(batch.spellings.of_subword, [0, 1, 1, 2]);
        let positions = [(4, 0), (4, 1), (5, 0), (5, 1)].map(|(sentence, token)| TokenPosition { sentence, token });
        assert_eq!(batch.tokens, positions);
    }
}
