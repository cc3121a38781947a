//! Differentiable operations that candle lacks, has without a backward pass, or computes slowly on the CPU.
//!
//! candle's own layer norm, softmax and rotary embeddings stop the gradient in silence, its dropout cannot be seeded,
//! and its element-wise operations use one thread. Each operation here comes twice:
//!
//! * a **fused** version for `f32` on the CPU, with its own forward and backward pass, vectorised for the instruction
//!   set found at run time and split into chunks of fixed size, so that the result has the same bytes on any number of
//!   threads;
//! * a **plain** version (`*_plain`) composed of candle's tensor operations: the reference in tests, and what runs on
//!   CUDA and Metal.
//!
//! The public function of each file chooses between them by the device of its first argument.
//!
//! Sentences are **packed**: a batch of n pieces in all is a matrix `[n, hidden]` without any padding, and
//! [`Packing`] says where each sentence begins. Only attention needs to know.

pub mod activation;
pub mod attention;
pub mod cross_entropy;
pub mod dropout;
pub mod embedding;
mod host;
pub mod layer_norm;
pub mod linear;
pub mod math;

pub use activation::{Activation, activate};
pub use attention::attention;
pub use cross_entropy::cross_entropy;
pub use dropout::{Dropout, dropout, dropout_add};
pub use embedding::embed;
pub use layer_norm::layer_norm;
pub use linear::linear;

pub(crate) use host::{host, vectorised};

use std::ops::Range;
use std::sync::Arc;

/// Where the sentences of a packed batch begin and end: `offsets[i]..offsets[i + 1]` are the rows of sentence `i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    offsets: Arc<[usize]>,
}

impl Packing {
    /// Packing of sentences with these lengths, in pieces.
    ///
    /// ```
    /// let packing = memoscope::nn::Packing::new([3, 1, 2]);
    /// assert_eq!(packing.rows(), 6);
    /// assert_eq!(packing.sentence(2), 4..6);
    /// ```
    pub fn new(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut offsets = vec![0];
        let mut end = 0;
        for length in lengths {
            end += length;
            offsets.push(end);
        }
        Self { offsets: offsets.into() }
    }

    /// Number of sentences.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// True for a batch without sentences.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of rows (pieces) of the whole batch.
    pub fn rows(&self) -> usize {
        self.offsets[self.len()]
    }

    /// The rows of one sentence.
    pub fn sentence(&self, index: usize) -> Range<usize> {
        self.offsets[index]..self.offsets[index + 1]
    }

    /// The rows of each sentence, in order.
    pub fn sentences(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.offsets.windows(2).map(|w| w[0]..w[1])
    }
}
