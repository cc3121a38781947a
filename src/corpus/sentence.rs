//! A sentence, its labels, and the position of a token.
//!
//! Labels are **gold** or **given**, and the type says which: [`Labels<Gold>`](Labels) are taken to be right,
//! [`Labels<Given>`](Labels) are what training sees. A study reads its corpus with gold labels, and
//! [`perturb`](crate::perturb) makes given ones of them, some of them wrong. An audit does not know which labels of its file
//! are right: they are given ones from the beginning. One kind never becomes the other without a call that says so.
//!
//! ```
//! use memoscope::corpus::{Gold, Labels};
//! let gold: Labels<Gold> = vec![0, 1, 2].into();
//! let given = gold.clone().into_given();
//! assert_eq!(gold[..], given[..]);
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

/// The kind of labels that are taken to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gold {}

/// The kind of labels that training sees. A token is noisy if its given label differs from its gold label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {}

/// The labels of a sentence, one id a token, of one kind: [`Gold`] or [`Given`]. They read as a slice of ids, and are
/// written as a list of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Labels<K> {
    ids: Vec<u8>,
    kind: PhantomData<K>,
}

impl<K> Labels<K> {
    /// Adds the label of one more token.
    pub fn push(&mut self, id: u8) {
        self.ids.push(id);
    }
}

impl Labels<Gold> {
    /// The gold labels as the given ones: no noise.
    pub fn into_given(self) -> Labels<Given> {
        self.ids.into()
    }
}

impl Labels<Given> {
    /// The given labels, taken to be right.
    pub fn assume_gold(self) -> Labels<Gold> {
        self.ids.into()
    }
}

impl<K> Default for Labels<K> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<K> fmt::Debug for Labels<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ids.fmt(f)
    }
}

impl<K> From<Vec<u8>> for Labels<K> {
    fn from(ids: Vec<u8>) -> Self {
        Self { ids, kind: PhantomData }
    }
}

impl<K> FromIterator<u8> for Labels<K> {
    fn from_iter<I: IntoIterator<Item = u8>>(ids: I) -> Self {
        Vec::from_iter(ids).into()
    }
}

impl<K> Deref for Labels<K> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.ids
    }
}

impl<K> DerefMut for Labels<K> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.ids
    }
}

impl<K> AsRef<[u8]> for Labels<K> {
    fn as_ref(&self) -> &[u8] {
        &self.ids
    }
}

impl<'a, K> IntoIterator for &'a Labels<K> {
    type Item = &'a u8;
    type IntoIter = std::slice::Iter<'a, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.ids.iter()
    }
}

/// A sentence: its words and their labels (ids of the corpus's [`LabelSet`](super::LabelSet)), in the same order and number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Sentence<K = Gold> {
    /// The words as they stand in the text.
    pub words: Vec<String>,
    /// One label a word.
    pub labels: Labels<K>,
}

impl<K> Default for Sentence<K> {
    fn default() -> Self {
        Self { words: Vec::new(), labels: Labels::default() }
    }
}

impl Sentence<Gold> {
    /// The sentence with its gold labels as the given ones: no noise.
    pub fn into_given(self) -> Sentence<Given> {
        Sentence { words: self.words, labels: self.labels.into_given() }
    }
}

impl Sentence<Given> {
    /// The sentence with its given labels taken to be right.
    pub fn assume_gold(self) -> Sentence<Gold> {
        Sentence { words: self.words, labels: self.labels.assume_gold() }
    }
}

/// Where a token is: its sentence and its place in it, both counted from 0. Ordered as in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenPosition {
    /// Number of the sentence.
    pub sentence: u32,
    /// Number of the token in the sentence.
    pub token: u16,
}

impl TokenPosition {
    /// The label at this position, of sentences in order.
    ///
    /// # Panics
    /// If there is no such sentence or token.
    pub fn label(self, sentences: &[impl AsRef<[u8]>]) -> u8 {
        sentences[self.sentence as usize].as_ref()[usize::from(self.token)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_written_as_a_list_of_ids() {
        let sentence: Sentence<Given> = Sentence { words: vec!["Rome".into()], labels: vec![3].into() };
        let json = serde_json::to_string(&sentence).unwrap();
        assert_eq!(json, r#"{"words":["Rome"],"labels":[3]}"#);
        assert_eq!(serde_json::from_str::<Sentence<Given>>(&json).unwrap(), sentence);
    }

    #[test]
    fn positions_follow_the_text() {
        let position = |sentence, token| TokenPosition { sentence, token };
        assert!(position(0, 9) < position(1, 0) && position(1, 0) < position(1, 1));
        assert_eq!(position(1, 2).label(&[vec![0_u8], vec![0, 1, 2]]), 2);
    }
}
