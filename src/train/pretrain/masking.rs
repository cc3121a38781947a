//! Which subwords are hidden.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::Result;
use crate::encode::{Batch, EncodedSentence, Tokenizer};
use crate::error::Error;

/// Chooses the subwords that are to be predicted.
pub(super) struct Masking {
    mask: u32,
    vocabulary: u32,
    special: Vec<u32>,
}

impl Masking {
    /// For the subwords of a tokenizer, which must have `[MASK]`.
    pub(super) fn new(tokenizer: &Tokenizer) -> Result<Self> {
        let mask = tokenizer.mask().ok_or_else(|| Error::Internal("the vocabulary has no [MASK]".into()))?;
        let mut special = tokenizer.special().to_vec();
        special.push(mask);
        Ok(Self { mask, vocabulary: tokenizer.vocabulary_size() as u32, special })
    }

    /// Packs sentences, hides 15 % of their subwords, and returns what was there.
    pub(super) fn batch<'a>(
        &self,
        sentences: impl Iterator<Item = &'a EncodedSentence>,
        stream: &mut ChaCha8Rng,
    ) -> (Batch, Vec<u32>) {
        let mut batch = Batch::pack((0..).zip(sentences));
        let mut targets = Vec::new();
        batch.scored.clear();
        batch.tokens.clear();
        for (row, id) in batch.ids.iter_mut().enumerate() {
            if self.special.contains(id) || stream.r#gen::<f64>() >= 0.15 {
                continue;
            }
            batch.scored.push(row as u32);
            targets.push(*id);
            match stream.r#gen::<f64>() {
                u if u < 0.8 => *id = self.mask,
                u if u < 0.9 => *id = stream.gen_range(0..self.vocabulary),
                _ => {}
            }
        }
        (batch, targets)
    }
}
