//! Differentiable operations for transformers on packed sentences, on the CPU, with the same bytes on any number of
//! threads.
//!
//! candle's own layer norm, softmax and rotary embeddings stop the gradient in silence, its dropout cannot be seeded,
//! and its element-wise operations use one thread. Each operation here comes twice:
//!
//! * a **fused** version for `f32` on the CPU, with its own forward and backward pass, vectorised for the instruction
//!   set found at run time and cut into [tiles] of fixed size, so that the result has the same bytes on any number of
//!   threads;
//! * a **plain** version (`*_plain`) composed of candle's tensor operations: the reference in tests, and what runs on
//!   CUDA and Metal.
//!
//! Which one runs is a property of the [`Tape`] that an operation is given. The tape also is what differentiates: see
//! [`tape`] for how gradients are moved instead of added to zeros.
//!
//! Operations are as large as the mathematics allows: a linear layer with its activation, a sub-layer with its dropout,
//! residual and norm. What is fused is computed while it lies in the cache, in one parallel pass instead of four.
//!
//! Sentences are **packed**: a batch of n subwords in all is a matrix `[n, hidden]` without any padding, and
//! [`Packing`] says where each sentence begins. Only attention, LSTM and CRF need to know.
//!
//! Nothing here knows text, tokenizers or checkpoints: input are numbers, ids and lengths. Parameters are candle's
//! [`Var`](candle_core::Var)s, each with a number ([`Parameter`]), under which its gradient is found ([`Gradients`]).
//! Random numbers come from [streams](random) that are named by seed, purpose and position, so that a step can be
//! repeated.
//!
//! ```
//! use candle_core::{DType, Device, Tensor, Var};
//! use memoscope_nn::{self as nn, Gradients, Linear, Parameter, Pool, Tape};
//!
//! let weight = Var::new(&[[0.5f32, 0.0], [0.0, 0.5]], &Device::Cpu)?;
//! let bias = Var::zeros(2, DType::F32, &Device::Cpu)?;
//! let layer = Linear { weight: Parameter::new(0, weight.clone()), bias: Parameter::new(1, bias) };
//! let (pool, mut gradients) = (Pool::default(), Gradients::default());
//!
//! let tape = Tape::training(&Device::Cpu, &pool);
//! let x = tape.constant(&[1.0, -1.0], 2)?; // one row of two columns
//! let loss = nn::cross_entropy(&tape, &nn::linear(&tape, &x, &layer)?, &[0], 1.0)?;
//! assert!((loss.value - 0.3133).abs() < 1e-4); // ln(1 + e⁻¹)
//! tape.backward(loss, &mut gradients)?;
//!
//! // ∂W = (softmax − one-hot)ᵀ·x.
//! let gradient = gradients.get(0).expect("the loss depends on W").to_vec(4)?;
//! assert!((gradient[0] + 0.2689).abs() < 1e-4); // softmax(½, −½)₀ − 1
//! let step = Tensor::from_vec(gradient, (2, 2), &Device::Cpu)?;
//! weight.set(&(weight.as_tensor() - step)?)?;
//! # Ok::<(), candle_core::Error>(())
//! ```
//!
//! # Errors
//!
//! Operations return candle's [`Result`](candle_core::Result), the error that callers who use candle have already:
//! shapes that do not fit, a value of the other kind of tape, what candle itself refuses.

#![warn(missing_docs)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod activation;
pub mod attention;
pub mod concat;
pub mod crf;
pub mod cross_entropy;
pub mod disentangled;
pub mod dropout;
pub mod embedding;
pub mod gradients;
mod host;
pub mod layer_norm;
pub mod linear;
pub mod lstm;
pub mod math;
pub mod means;
pub mod pool;
pub mod product;
pub mod prototypes;
pub mod random;
pub mod select;
mod small;
pub mod tape;
pub mod tiles;

pub use activation::{Activation, linear_activate};
pub use attention::{Sentences, attention};
pub use concat::concat;
pub use crf::{Chain, Decoded, crf_loss};
pub use cross_entropy::cross_entropy;
pub use disentangled::{Buckets, Distances, Relative, disentangled_attention};
pub use dropout::{Dropout, dropout};
pub use embedding::{Tables, embed};
pub use gradients::{Gradient, Gradients};
pub use layer_norm::{Norm, layer_norm, linear_add_norm};
pub use linear::{Linear, linear, project};
pub use lstm::{Direction, lstm};
pub use means::group_means;
pub use pool::{Buffer, Pool};
pub use prototypes::{Outside, prototype_logits};
pub use select::select;
pub use tape::{Loss, Parameter, Tape, Value};

/// For what [`kernel!`] expands to.
#[doc(hidden)]
pub use pulp;

use std::ops::Range;
use std::sync::Arc;

/// Runs `f` on one of the pool's threads. A thread outside of the pool would go to sleep and be woken at each parallel
/// operation, of which a pass has some hundred.
pub fn on_pool<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| f())
}

/// Where the sentences of a packed batch begin and end: `offsets[i]..offsets[i + 1]` are the rows of sentence `i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    offsets: Arc<[usize]>,
}

impl Packing {
    /// Packing of sentences with these lengths, in subwords.
    ///
    /// ```
    /// let packing = memoscope_nn::Packing::new([3, 1, 2]);
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

    /// Number of rows (subwords) of the whole batch.
    pub fn rows(&self) -> usize {
        self.offsets[self.len()]
    }

    /// The rows of one sentence.
    pub fn sentence(&self, index: usize) -> Range<usize> {
        self.offsets[index]..self.offsets[index + 1]
    }

    /// How many of `rows`, ascending, each sentence has.
    ///
    /// ```
    /// let packing = memoscope_nn::Packing::new([3, 1, 2]);
    /// assert_eq!(packing.select(&[0, 2, 5]), memoscope_nn::Packing::new([2, 0, 1]));
    /// ```
    pub fn select(&self, rows: &[u32]) -> Self {
        let offsets = self.offsets.iter().map(|&offset| rows.partition_point(|&row| (row as usize) < offset));
        Self { offsets: offsets.collect() }
    }

    /// The rows of each sentence, in order.
    pub fn sentences(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.offsets.windows(2).map(|w| w[0]..w[1])
    }
}

/// The example of the README, as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// What the tests of the operations share.
#[cfg(test)]
pub mod testing {
    use candle_core::{Device, Result, Var};
    use rand::Rng;

    use super::{Gradients, Loss, Parameter, Pool, Tape, Value};
    use crate::random::Streams;

    /// A tape without gradients.
    pub fn inference() -> Tape {
        Tape::inference(&Device::Cpu, &Pool::default())
    }

    /// A parameter with reproducible entries between −1.5 and 1.5.
    pub fn parameter(index: usize, shape: &[usize]) -> Parameter {
        let mut stream = Streams::new(11).stream("parameter", &[index as u64]);
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| stream.gen_range(-1.5..1.5)).collect();
        Parameter::new(index, Var::from_vec(values, shape, &Device::Cpu).unwrap())
    }

    /// Asserts that an operation's fused and plain versions agree within 1e-5 in values and in the gradients of
    /// parameters of these shapes, for a loss that weighs each output differently.
    pub fn assert_same(shapes: &[&[usize]], f: impl Fn(&Tape, &[Parameter]) -> Result<Value>) {
        assert_same_loss(shapes, |tape, parameters| {
            let value = f(tape, parameters)?;
            let weights: Vec<f32> = (0..value.to_vec()?.len()).map(|i| (i as f32 * 0.7).sin()).collect();
            tape.weighted_sum(&value, &weights)
        });
        let parameters: Vec<Parameter> = shapes.iter().enumerate().map(|(i, shape)| parameter(i, shape)).collect();
        let (fused, plain) = (inference(), inference().composed());
        let values = [fused, plain].map(|tape| f(&tape, &parameters).unwrap());
        assert_eq!(values[0].dims(), values[1].dims());
        close("values", &values[0].to_vec().unwrap(), &values[1].to_vec().unwrap());
    }

    /// The same for an operation that is a loss.
    pub fn assert_same_loss(shapes: &[&[usize]], f: impl Fn(&Tape, &[Parameter]) -> Result<Loss>) {
        let parameters: Vec<Parameter> = shapes.iter().enumerate().map(|(i, shape)| parameter(i, shape)).collect();
        let results = [false, true].map(|composed| {
            let tape = Tape::training(&Device::Cpu, &Pool::default());
            let tape = if composed { tape.composed() } else { tape };
            let loss = f(&tape, &parameters).unwrap();
            let (value, mut gradients) = (loss.value, Gradients::default());
            tape.backward(loss, &mut gradients).unwrap();
            (value as f32, gradients)
        });
        close("loss", &[results[0].0], &[results[1].0]);
        for (i, shape) in shapes.iter().enumerate() {
            let [a, b] = [&results[0].1, &results[1].1]
                .map(|g| g.get(i).expect("a gradient").to_vec(shape.iter().product()).unwrap());
            close(&format!("gradient {i}"), &a, &b);
        }
    }

    fn close(what: &str, a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        let scale = b.iter().fold(1f32, |m, x| m.max(x.abs()));
        for (i, (x, y)) in a.iter().zip(b).enumerate() {
            assert!((x - y).abs() <= 1e-5 * scale, "{what}[{i}]: {x} against {y}");
        }
    }
}
