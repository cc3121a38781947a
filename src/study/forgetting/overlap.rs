//! Which tokens are forgettable, and whether they are the same for two seeds or two encoders.
//!
//! Only tokens that both runs scored are compared: encoders cut long sentences at different places. Two encoders are
//! compared at the same seed, where both saw the same labels and drew their batches alike. Two seeds saw different noise; they
//! are compared where no label was changed, for one encoder and, so that the numbers can be held against it, for two.

use std::sync::Arc;

use super::summary::RunNumbers;
use crate::analysis::TokenHistory;
use crate::dynamics::TokenTable;
use crate::metrics::{Estimate, Overlap};

/// The forgettable tokens of one run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TokenSet {
    /// The number of the run's encoder.
    pub encoder: usize,
    /// Requested noise.
    pub noise: f64,
    /// Seed.
    pub seed: u64,
    /// True if no label was changed.
    pub labels_kept: bool,
    /// Sentence and token of what was scored, ascending.
    tokens: Arc<[(u32, u16)]>,
    /// One flag each: forgotten once or more.
    forgettable: Vec<bool>,
}

impl TokenSet {
    /// Of a run in one pass; `before` is another run's, whose places are shared if they are the same.
    pub fn of(run: &RunNumbers, tokens: &TokenTable, history: &TokenHistory, before: Option<&Self>) -> Self {
        let rows: Vec<usize> = (0..tokens.len()).filter(|&row| history.presented[row]).collect();
        let places: Arc<[(u32, u16)]> = rows.iter().map(|&row| (tokens.sentence[row], tokens.token[row])).collect();
        let same = before.filter(|before| before.tokens == places).map(|before| Arc::clone(&before.tokens));
        Self {
            encoder: run.encoder,
            noise: run.noise(),
            seed: run.seed(),
            labels_kept: run.labels_kept,
            tokens: same.unwrap_or(places),
            forgettable: rows.iter().map(|&row| history.events.forgetting[row] > 0).collect(),
        }
    }

    /// The overlap with another run's, among the tokens that both scored.
    fn overlap(&self, other: &Self) -> Overlap {
        let mut at = 0;
        let common = self.tokens.iter().zip(&self.forgettable).filter_map(|(token, forgettable)| {
            while other.tokens.get(at).is_some_and(|found| found < token) {
                at += 1;
            }
            (other.tokens.get(at) == Some(token)).then(|| (*forgettable, other.forgettable[at]))
        });
        Overlap::of(common)
    }
}

/// Which runs of two encoders are put against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seeds {
    /// Those of one seed.
    Same,
    /// Those of two seeds.
    Different,
}

impl Seeds {
    /// As tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
        }
    }
}

/// How far the forgettable sets of two encoders (or of one with itself) agree at one noise.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PairOverlap {
    /// The number of an encoder.
    pub first: usize,
    /// The number of another, not below `first`.
    pub second: usize,
    /// Requested noise.
    pub noise: f64,
    /// Which runs were put against each other.
    pub seeds: Seeds,
    /// One a pair of runs; at least one.
    pub pairs: Vec<Overlap>,
}

impl PairOverlap {
    /// Mean and spread over the pairs; they share runs, so that the spread makes no interval.
    pub fn estimate(&self, get: impl Fn(&Overlap) -> Option<f64>) -> Option<Estimate> {
        Estimate::of(self.pairs.iter().map(get))
    }
}

/// All overlaps that can be had: by noise, then by encoders, the same seed before different ones.
pub(super) fn overlaps(sets: &[TokenSet]) -> Vec<PairOverlap> {
    let mut found: Vec<PairOverlap> = Vec::new();
    for (i, a) in sets.iter().enumerate() {
        for b in &sets[i + 1..] {
            let seeds = if a.seed == b.seed { Seeds::Same } else { Seeds::Different };
            let same_labels = seeds == Seeds::Same || (a.labels_kept && b.labels_kept);
            if a.noise != b.noise || !same_labels {
                continue;
            }
            let (a, b) = if a.encoder <= b.encoder { (a, b) } else { (b, a) };
            let is_it = |pair: &&mut PairOverlap| {
                (pair.first, pair.second, pair.noise, pair.seeds) == (a.encoder, b.encoder, a.noise, seeds)
            };
            let overlap = a.overlap(b);
            match found.iter_mut().find(is_it) {
                Some(pair) => pair.pairs.push(overlap),
                None => found.push(PairOverlap {
                    first: a.encoder,
                    second: b.encoder,
                    noise: a.noise,
                    seeds,
                    pairs: vec![overlap],
                }),
            }
        }
    }
    let key = |pair: &PairOverlap| (pair.first, pair.second, pair.seeds);
    found.sort_by(|a, b| a.noise.total_cmp(&b.noise).then(key(a).cmp(&key(b))));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(encoder: usize, seed: u64, noise: f64, tokens: &[(u32, u16, bool)]) -> TokenSet {
        TokenSet {
            encoder,
            noise,
            seed,
            labels_kept: noise == 0.0,
            tokens: tokens.iter().map(|token| (token.0, token.1)).collect(),
            forgettable: tokens.iter().map(|token| token.2).collect(),
        }
    }

    #[test]
    fn only_tokens_that_both_scored_are_compared() {
        let a = set(0, 1, 0.0, &[(0, 0, true), (0, 1, true), (0, 2, false), (3, 0, true)]);
        let b = set(1, 1, 0.0, &[(0, 0, true), (0, 2, true), (1, 0, true), (3, 0, false), (4, 4, true)]);
        assert_eq!(a.overlap(&b), Overlap { n: 3, first: 2, second: 2, both: 1 });
        assert_eq!(b.overlap(&a), a.overlap(&b));
        assert_eq!(a.overlap(&set(1, 1, 0.0, &[])), Overlap::default());
    }

    #[test]
    fn seeds_are_compared_where_their_labels_are_the_same() {
        let tokens = [(0, 0, true), (0, 1, false)];
        let mut sets = Vec::new();
        for seed in [1, 2] {
            for noise in [0.0, 0.3] {
                sets.extend([0, 1].map(|encoder| set(encoder, seed, noise, &tokens)));
            }
        }
        let found = overlaps(&sets);
        let what: Vec<_> = found.iter().map(|o| (o.noise, o.first, o.second, o.seeds, o.pairs.len())).collect();
        let (same, different) = (Seeds::Same, Seeds::Different);
        assert_eq!(
            what,
            [
                (0.0, 0, 0, different, 1),
                (0.0, 0, 1, same, 2),
                (0.0, 0, 1, different, 2),
                (0.0, 1, 1, different, 1),
                (0.3, 0, 1, same, 2),
            ]
        );
        assert!(found.iter().flat_map(|o| &o.pairs).all(|overlap| overlap.jaccard() == Some(1.0)));
    }

    #[test]
    fn one_run_overlaps_with_none() {
        assert_eq!(overlaps(&[set(0, 1, 0.0, &[(0, 0, true)])]), []);
    }
}
