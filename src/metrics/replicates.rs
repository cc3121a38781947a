//! Drawing sentences with replacement: how much a number depends on which sentences happened to be in the data.
//!
//! Tokens of one sentence are right or wrong together, so whole sentences are drawn (the cluster bootstrap). A
//! replicate is the number of times that each sentence was drawn: measures take it as weights and never sort again. All
//! measures see the same replicates, so that a difference of two of them can be taken replicate by replicate.

use rand::Rng;

use crate::random::Streams;

/// How often each sentence was drawn, in each replicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replicates {
    weights: Vec<Vec<u16>>,
}

impl Replicates {
    /// Draws `n_sentences` of as many, `n_replicates` times. For a 95 % interval 200 are few, 1000 are plenty.
    pub fn draw(n_sentences: usize, n_replicates: usize, streams: Streams) -> Self {
        let draw = |replicate: usize| {
            let mut generator = streams.stream("sentence bootstrap", &[replicate as u64]);
            let mut weights = vec![0_u16; n_sentences];
            for _ in 0..n_sentences {
                let weight = &mut weights[generator.gen_range(0..n_sentences)];
                *weight = weight.saturating_add(1);
            }
            weights
        };
        Self { weights: (0..n_replicates).map(draw).collect() }
    }

    /// For each replicate how often each sentence was drawn.
    pub fn weights(&self) -> &[Vec<u16>] {
        &self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replicate_has_as_many_sentences() {
        let replicates = Replicates::draw(50, 20, Streams::new(1));
        assert!(replicates.weights().iter().all(|w| w.iter().map(|&n| usize::from(n)).sum::<usize>() == 50));
        assert_eq!(replicates, Replicates::draw(50, 20, Streams::new(1)));
        assert_ne!(replicates.weights()[0], replicates.weights()[1]);
        assert_eq!(Replicates::draw(0, 1, Streams::new(1)).weights(), [Vec::<u16>::new()]);
    }
}
