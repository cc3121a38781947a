//! Randomness with a purpose: one seed, and from it one independent stream for each purpose and index.
//!
//! No generator is shared: a stream is named by what it is for (`"dropout"`, `"shuffle"`, `"noise"`) and by indices
//! (epoch, step, layer), so that adding a consumer never shifts the numbers another one sees, and a resumed run draws
//! what the uninterrupted run would have drawn.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The source of every random stream of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// Streams derived from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The stream for one purpose and position, always the same for the same arguments.
    ///
    /// ```
    /// use memoscope_nn::random::Streams;
    /// use rand::RngCore;
    /// let streams = Streams::new(7);
    /// assert_eq!(streams.stream("noise", &[1]).next_u64(), streams.stream("noise", &[1]).next_u64());
    /// assert_ne!(streams.stream("noise", &[1]).next_u64(), streams.stream("noise", &[2]).next_u64());
    /// ```
    pub fn stream(&self, purpose: &str, indices: &[u64]) -> ChaCha8Rng {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update((purpose.len() as u64).to_le_bytes());
        hash.update(purpose.as_bytes());
        for index in indices {
            hash.update(index.to_le_bytes());
        }
        ChaCha8Rng::from_seed(hash.finalize().into())
    }
}
