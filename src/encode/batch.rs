//! Encoded sentences and packed batches of them.

use crate::nn::Packing;

/// A sentence as pieces, special ones included, and where its words are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedSentence {
    /// Piece ids: `[CLS] … [SEP]`.
    pub pieces: Vec<u32>,
    /// (word, row of its first piece), for each word that is scored.
    pub words: Vec<(u16, u16)>,
    /// Words lost because the sentence is too long.
    pub truncated: usize,
    /// Words of which the tokenizer leaves nothing.
    pub without_piece: usize,
}

impl EncodedSentence {
    pub(super) fn open(cls: u32) -> Self {
        Self { pieces: vec![cls], words: Vec::new(), truncated: 0, without_piece: 0 }
    }

    pub(super) fn push(&mut self, token: usize, pieces: &[u32], max_pieces: usize) {
        let room = (max_pieces - 1).saturating_sub(self.pieces.len());
        if pieces.is_empty() {
            self.without_piece += 1;
        } else if room == 0 {
            self.truncated += 1;
        } else {
            self.words.push((token as u16, self.pieces.len() as u16));
            self.pieces.extend(&pieces[..pieces.len().min(room)]);
        }
    }

    pub(super) fn close(&mut self, sep: u32) {
        self.pieces.push(sep);
    }
}

/// Sentences laid end to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Piece ids `[n]`.
    pub ids: Vec<u32>,
    /// Each piece's place in its sentence `[n]`.
    pub places: Vec<u32>,
    /// Where the sentences begin and end.
    pub packing: Packing,
    /// Rows of the scored first pieces, ascending.
    pub scored: Vec<u32>,
    /// (sentence, word) of each scored row.
    pub tokens: Vec<(u32, u16)>,
}

impl Batch {
    /// Packs sentences; the number beside each is carried into `tokens`.
    pub fn pack<'a>(sentences: impl IntoIterator<Item = (u32, &'a EncodedSentence)>) -> Self {
        let (mut ids, mut places, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        let (mut scored, mut tokens) = (Vec::new(), Vec::new());
        for (index, sentence) in sentences {
            let start = ids.len() as u32;
            ids.extend(&sentence.pieces);
            places.extend(0..sentence.pieces.len() as u32);
            lengths.push(sentence.pieces.len());
            for &(token, row) in &sentence.words {
                scored.push(start + u32::from(row));
                tokens.push((index, token));
            }
        }
        Self { ids, places, packing: Packing::new(lengths), scored, tokens }
    }
}
