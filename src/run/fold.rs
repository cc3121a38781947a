//! Folds: each sentence judged by a model that was not trained on it.

use std::collections::HashMap;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::corpus::{Sentence, Split};
use crate::error::{Error, Problem, Result};
use crate::random::Streams;

/// Sentences that a run without a fold of its own is evaluated on, at most: it has no dev split.
const SAMPLE: usize = 500;

/// Which part of the training sentences a run holds out: part `index` of `folds`, zero-based.
///
/// With one fold nothing is held out: all sentences are trained on, and every so many of them serve as dev, whose
/// scores then are those of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// Number of folds.
    pub folds: u32,
    /// Zero-based number of the part that is held out.
    pub index: u32,
}

impl Fold {
    /// Refuses numbers that name no part.
    ///
    /// # Errors
    /// [`Error::Config`] with no fold, an index beyond the last, or more folds than there are different sentences.
    pub fn check<K>(&self, sentences: &[Sentence<K>]) -> Result<()> {
        if self.index >= self.folds {
            return Err(Error::Config(
                Problem::new(format!("fold {} of {} does not exist", self.index, self.folds))
                    .hint("choose at least one fold; they are counted from 0"),
            ));
        }
        let different = groups(sentences).len();
        if self.folds as usize > different {
            return Err(Error::Config(
                Problem::new(format!("{} folds, and there are {different} different sentences", self.folds))
                    .hint("choose fewer folds"),
            ));
        }
        Ok(())
    }

    /// The split whose probabilities such a run keeps: of the held-out sentences, or with one fold of those trained on.
    pub fn judges(&self) -> Split {
        if self.folds > 1 { Split::Dev } else { Split::Train }
    }

    /// The sentences to train on and those to judge, by their numbers, ascending.
    ///
    /// Sentences of the same words are always in the same part: a model that has seen one of them would know the
    /// others. The partition depends on the tokens, the number of folds and the seed.
    pub fn split<K>(&self, sentences: &[Sentence<K>], seed: u64) -> (Vec<u32>, Vec<u32>) {
        let all = 0..sentences.len() as u32;
        if self.folds <= 1 {
            let step = sentences.len().div_ceil(SAMPLE).max(1);
            return (all.clone().collect(), all.step_by(step).collect());
        }
        let parts = partition(sentences, self.folds, seed);
        all.partition(|&sentence| parts[sentence as usize] != self.index)
    }
}

/// The numbers of the sentences that have the same words, in the order of their first sentences.
fn groups<K>(sentences: &[Sentence<K>]) -> Vec<Vec<u32>> {
    let mut places: HashMap<&[String], usize> = HashMap::new();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (number, sentence) in (0u32..).zip(sentences) {
        let place = *places.entry(&sentence.words).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(number);
    }
    groups
}

/// The part of each sentence: groups in random order, each to the part that has fewest sentences.
fn partition<K>(sentences: &[Sentence<K>], folds: u32, seed: u64) -> Vec<u32> {
    let mut groups = groups(sentences);
    groups.shuffle(&mut Streams::new(seed).stream("folds", &[u64::from(folds)]));
    let mut sizes = vec![0; folds as usize];
    let mut parts = vec![0; sentences.len()];
    for group in groups {
        let smallest = (0..sizes.len()).min_by_key(|&part| sizes[part]).unwrap_or(0);
        sizes[smallest] += group.len();
        for sentence in group {
            parts[sentence as usize] = smallest as u32;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(texts: &[&str]) -> Vec<Sentence> {
        let sentence = |text: &&str| {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            Sentence { labels: vec![0; words.len()].into(), words }
        };
        texts.iter().map(sentence).collect()
    }

    #[test]
    fn every_sentence_is_held_out_once_and_twins_together() {
        let sentences = sentences(&["a b", "c", "a b", "d", "e", "f", "a b", "g"]);
        let held = |index| Fold { folds: 3, index }.split(&sentences, 7).1;
        let parts = [held(0), held(1), held(2)];
        let mut all = parts.concat();
        all.sort_unstable();
        assert_eq!(all, (0..8).collect::<Vec<u32>>());
        assert!(parts.iter().any(|part| [0, 2, 6].iter().all(|twin| part.contains(twin))));
        // As even as the largest group of twins allows.
        let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
        assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 3, "{parts:?}");
        let (train, judged) = Fold { folds: 3, index: 1 }.split(&sentences, 7);
        assert_eq!(train.len() + judged.len(), 8);
        assert!(train.iter().all(|sentence| !judged.contains(sentence)));
    }

    #[test]
    fn the_partition_follows_the_seed() {
        let texts: Vec<String> = (0..50).map(|i| i.to_string()).collect();
        let sentences = sentences(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let held = |seed| Fold { folds: 5, index: 0 }.split(&sentences, seed).1;
        assert_eq!(held(1), held(1));
        assert_ne!(held(1), held(2));
    }

    #[test]
    fn one_fold_holds_nothing_out() {
        let texts: Vec<String> = (0..1200).map(|i| i.to_string()).collect();
        let sentences = sentences(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let (train, judged) = Fold { folds: 1, index: 0 }.split(&sentences, 1);
        assert_eq!(train.len(), 1200);
        assert_eq!(judged.len(), 400);
    }

    #[test]
    fn folds_that_cannot_be_are_refused() {
        let sentences = sentences(&["a", "b", "a"]);
        assert!(Fold { folds: 2, index: 1 }.check(&sentences).is_ok());
        for fold in [Fold { folds: 0, index: 0 }, Fold { folds: 2, index: 2 }, Fold { folds: 3, index: 0 }] {
            assert!(matches!(fold.check(&sentences), Err(Error::Config(_))), "{fold:?}");
        }
    }
}
