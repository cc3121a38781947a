//! The same words in other places of the text.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::Text;

/// Words a mention may have at most: longer stretches hardly occur twice.
const LONGEST: usize = 12;

/// Where stretches of words occur, as whole mentions: an occurrence inside a longer entity is not one.
#[derive(Debug, Clone, Default)]
pub struct Mentions<'a> {
    places: HashMap<&'a [String], Vec<(u32, u16)>>,
}

impl<'a> Mentions<'a> {
    /// Finds all occurrences of the `wanted` stretches, each given as sentence and words of it.
    pub fn find(text: &'a Text, wanted: impl Iterator<Item = (usize, Range<usize>)>) -> Self {
        let mut places: HashMap<&[String], Vec<(u32, u16)>> = HashMap::new();
        let mut lengths: HashMap<&str, BTreeSet<usize>> = HashMap::new();
        for (sentence, words) in wanted {
            let words = &text.sentences[sentence].words[words];
            if let Some(first) = words.first().filter(|_| words.len() <= LONGEST) {
                places.entry(words).or_default();
                lengths.entry(first).or_default().insert(words.len());
            }
        }
        let inside = |label: u8| text.labels.name(label).starts_with("I-");
        for (number, sentence) in (0u32..).zip(&text.sentences) {
            for (start, word) in sentence.words.iter().enumerate() {
                for length in lengths.get(word.as_str()).into_iter().flatten() {
                    let end = start + length;
                    let Some(words) = sentence.words.get(start..end) else { break };
                    let whole =
                        !inside(sentence.labels[start]) && !sentence.labels.get(end).is_some_and(|&l| inside(l));
                    if let Some(found) = places.get_mut(words).filter(|_| whole) {
                        found.push((number, start as u16));
                    }
                }
            }
        }
        Self { places }
    }

    /// Where these words occur, by sentence and first word, in the order of the text.
    pub fn of(&self, words: &[String]) -> &[(u32, u16)] {
        self.places.get(words).map_or(&[], Vec::as_slice)
    }
}
