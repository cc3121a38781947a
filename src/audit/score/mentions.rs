//! The same words in other places of the text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use crate::audit::Text;
use crate::corpus::TokenPosition;

/// Tokens a mention may have at most: longer stretches hardly occur twice.
const LONGEST: usize = 12;

/// Where spans of tokens occur, as whole mentions: an occurrence inside a longer entity is not one.
#[derive(Debug, Clone, Default)]
pub struct Mentions<'a> {
    /// Of each stretch the positions of its first tokens in the order of the text, by their given labels.
    places: HashMap<&'a [String], BTreeMap<&'a [u8], Vec<TokenPosition>>>,
}

impl<'a> Mentions<'a> {
    /// Finds all occurrences of the `wanted` stretches, each given as sentence and tokens of it.
    pub fn find(text: &'a Text, wanted: impl Iterator<Item = (usize, Range<usize>)>) -> Self {
        let mut places: HashMap<&[String], BTreeMap<&[u8], Vec<TokenPosition>>> = HashMap::new();
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
                        found
                            .entry(&sentence.labels[start..end])
                            .or_default()
                            .push(TokenPosition { sentence: number, token: start as u16 });
                    }
                }
            }
        }
        Self { places }
    }

    /// The mentions of these words but for the one at `here`, of these labels; `None` leaves out none.
    pub fn of<'m>(&'m self, words: &[String], here: Option<(TokenPosition, &[u8])>) -> Others<'m, 'a> {
        const NONE: &BTreeMap<&[u8], Vec<TokenPosition>> = &BTreeMap::new();
        let by_labels = self.places.get(words).unwrap_or(NONE);
        let is_mention = |(place, labels): &(TokenPosition, &[u8])| {
            by_labels.get(labels).is_some_and(|places| places.binary_search(place).is_ok())
        };
        let left_out = here.filter(is_mention);
        let mut n: Vec<(&[u8], usize)> = by_labels.iter().map(|(&labels, places)| (labels, places.len())).collect();
        for (labels, n) in &mut n {
            *n -= usize::from(left_out.is_some_and(|(_, of)| of == *labels));
        }
        n.retain(|&(_, n)| n > 0);
        Others { by_labels, n }
    }
}

/// Mentions of the same words but for one of them.
#[derive(Debug, Clone)]
pub struct Others<'m, 'a> {
    /// All of them, the one that is left out as well.
    by_labels: &'m BTreeMap<&'a [u8], Vec<TokenPosition>>,
    /// How many have which labels.
    n: Vec<(&'a [u8], usize)>,
}

impl<'a> Others<'_, 'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.n.iter().map(|&(_, n)| n).sum()
    }

    /// How many have these labels.
    pub fn n_as(&self, labels: &[u8]) -> usize {
        self.n.iter().find(|(of, _)| *of == labels).map_or(0, |&(_, n)| n)
    }

    /// The most frequent labels, and how often they occur; the least of several.
    pub fn majority(&self) -> Option<(&'a [u8], usize)> {
        self.n.iter().rev().max_by_key(|&&(_, n)| n).copied()
    }

    /// Where all of them have these labels, the one that is left out as well.
    pub fn places_as(&self, labels: &[u8]) -> &[TokenPosition] {
        self.by_labels.get(labels).map_or(&[], Vec::as_slice)
    }

    /// At most `most` of them with their labels: those first that are not labelled as `given`, then the nearest to
    /// `here`.
    pub fn nearest(&self, here: TokenPosition, given: &[u8], most: usize) -> Vec<(TokenPosition, &'a [u8])> {
        let mut found: Vec<(TokenPosition, &[u8])> = Vec::new();
        for (&labels, places) in self.by_labels {
            // They are in the order of the text: the nearest of them stand around `here`.
            let next = places.partition_point(|&place| place < here);
            let around = &places[next.saturating_sub(most)..places.len().min(next + most + 1)];
            found.extend(around.iter().filter(|&&place| place != here).map(|&place| (place, labels)));
        }
        found.sort_by_key(|&(place, labels)| {
            (labels == given, place.sentence.abs_diff(here.sentence), place.token.abs_diff(here.token), place)
        });
        found.truncate(most);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::text::tests::text;

    fn at(sentence: u32, token: u16) -> TokenPosition {
        TokenPosition { sentence, token }
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn only_whole_mentions_count() {
        let text =
            text("New/B-A York/I-A Times/I-A\nNew/B-A York/I-A\nthe/O New/O York/O\nYork/B-A\nNew/B-A York/B-A\n");
        let mentions = Mentions::find(&text, [(1, 0..2), (3, 0..1)].into_iter());
        let new_york = mentions.of(&words("New York"), None);
        assert_eq!(new_york.len(), 3, "not the first words of `New York Times`");
        assert_eq!(new_york.places_as(&text.sentences[1].labels), [at(1, 0)]);
        assert_eq!(new_york.places_as(&[0, 0]), [at(2, 1)]);
        // `York` behind `New` is inside in sentences 0 and 1.
        assert_eq!(mentions.of(&words("York"), None).len(), 3);
        assert_eq!(mentions.of(&words("Times"), None).len(), 0, "nobody asked");
    }

    #[test]
    fn the_place_itself_is_left_out_only_if_it_is_a_mention() {
        let text = text("a/B-A\na/B-A\na/O\nb/B-A a/I-A\n");
        let mentions = Mentions::find(&text, [(0, 0..1)].into_iter());
        let of = |here| mentions.of(&words("a"), here);
        let entity = &text.sentences[0].labels[..];
        assert_eq!((of(None).len(), of(None).n_as(entity)), (3, 2));
        let first = of(Some((at(0, 0), entity)));
        assert_eq!((first.len(), first.n_as(entity), first.n_as(&[0])), (2, 1, 1));
        let inside = &text.sentences[3].labels[1..];
        assert_eq!(of(Some((at(3, 1), inside))).len(), 3);
        // Of as many, the least: O.
        assert_eq!(first.majority(), Some((&[0][..], 1)));
        assert_eq!(of(None).majority(), Some((entity, 2)));
    }

    #[test]
    fn other_labels_come_first_and_then_what_is_near() {
        let text = text("a/B-A\na/B-A\na/O\na/B-A a/B-A\na/B-A\na/O\n");
        let mentions = Mentions::find(&text, [(0, 0..1)].into_iter());
        let given = &text.sentences[0].labels[..];
        let nearest = |most| -> Vec<TokenPosition> {
            let others = mentions.of(&words("a"), Some((at(3, 0), given)));
            others.nearest(at(3, 0), given, most).into_iter().map(|(place, _)| place).collect()
        };
        assert_eq!(nearest(9), [at(2, 0), at(5, 0), at(3, 1), at(4, 0), at(1, 0), at(0, 0)]);
        assert_eq!(nearest(3), [at(2, 0), at(5, 0), at(3, 1)]);
    }

    #[test]
    fn long_stretches_are_not_looked_for() {
        let long = vec!["a/B-A"; LONGEST + 1].join(" ");
        let text = text(&format!("{long}\n{long}\n"));
        let find = |n: usize| {
            let mentions = Mentions::find(&text, [(0, 0..n)].into_iter());
            mentions.of(&text.sentences[0].words[..n], None).len()
        };
        assert_eq!(find(LONGEST + 1), 0);
        assert_eq!(find(LONGEST), 4);
    }
}
