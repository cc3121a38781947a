//! Dropout from seeded streams: each element is zeroed with probability p, the others are scaled by 1/(1 − p).
//!
//! A mask is drawn in blocks of 32 rows, each from its own ChaCha stream, so that it does not depend on the number
//! of threads. It is kept for the backward pass. p is rounded to a multiple of 2⁻¹⁶.

use candle_core::{Result, Tensor};
use rand::RngCore;
use rand_chacha::ChaCha8Rng;

use super::host::kernel;
use super::tape::{Tape, Value};
use super::tiles::{Cuts, Split, for_tiles};

/// Rows that share a stream.
pub(super) const ROWS: usize = 32;

/// One use of dropout: its probability and the random stream it draws from.
#[derive(Debug, Clone)]
pub struct Dropout {
    threshold: u16,
    scale: f32,
    stream: ChaCha8Rng,
}

impl Dropout {
    /// Dropout with probability `p` (0 ≤ p < 1) from `stream`; `None` where p is 0 and nothing is to be done.
    pub fn new(p: f64, stream: ChaCha8Rng) -> Option<Self> {
        (p > 0.0).then(|| Self {
            threshold: (p * 65536.0).round().min(65535.0) as u16,
            scale: (1.0 / (1.0 - p)) as f32,
            stream,
        })
    }

    /// 1/(1 − p), which the elements that are kept are multiplied by.
    pub(super) fn scale(&self) -> f32 {
        self.scale
    }

    /// Fills `mask` with 0 or 1/(1 − p), from sub-stream `block`.
    pub(super) fn fill(&self, block: u64, mask: &mut [f32]) {
        let mut stream = self.stream.clone();
        stream.set_stream(block);
        let mut bytes = [0u8; 2048];
        for part in mask.chunks_mut(bytes.len() / 2) {
            let bytes = &mut bytes[..part.len() * 2];
            stream.fill_bytes(bytes);
            threshold(bytes, self.threshold, self.scale, part);
        }
    }

    /// The mask of a matrix of `rows` rows.
    fn mask(&self, rows: usize, columns: usize) -> Vec<f32> {
        let mut mask = vec![0f32; rows * columns];
        for (block, part) in mask.chunks_mut((ROWS * columns).max(1)).enumerate() {
            self.fill(block as u64, part);
        }
        mask
    }
}

/// Dropout of `x`; without a [`Dropout`], `x` itself.
pub fn dropout(tape: &Tape, x: &Value, dropout: Option<&Dropout>) -> Result<Value> {
    let Some(dropout) = dropout else { return Ok(x.clone()) };
    if tape.is_composed() {
        return tape.tensor(dropout_plain(x.tensor()?, dropout)?);
    }
    let (n, h) = x.dims();
    let values = x.host()?;
    let (mut y, mut mask) = (tape.buffer(n * h), tape.buffer(n * h));
    let (rows, all) = (Cuts::every(ROWS, n), Cuts::whole(h));
    for_tiles([Split::new(&mut y, &rows, &all), Split::new(&mut mask, &rows, &all)], |place, [mut y, mut mask]| {
        dropout.fill(place.part.0 as u64, mask.all());
        let y = y.all();
        y.copy_from_slice(&values[place.rows.start * h..place.rows.end * h]);
        multiply_by(y, mask.all());
    });
    let x = x.node();
    Ok(tape.output(y, h, move |mut g, sink| {
        multiply_by(&mut g, &mask);
        sink.give(x, g);
        Ok(())
    }))
}

kernel! {
    /// `scale` for each draw that reaches `threshold`, 0 for the others.
    fn threshold(draws: &[u8], threshold: u16, scale: f32, mask: &mut [f32]) {
        for (mask, draw) in mask.iter_mut().zip(draws.chunks_exact(2)) {
            let keep = u16::from_le_bytes([draw[0], draw[1]]) >= threshold;
            *mask = if keep { scale } else { 0.0 };
        }
    }
}

kernel! {
    /// x ← x∘mask.
    fn multiply_by(x: &mut [f32], mask: &[f32]) {
        for (x, &mask) in x.iter_mut().zip(mask) {
            *x *= mask;
        }
    }
}

/// Dropout composed of candle operations, with the mask of the fused version.
pub fn dropout_plain(x: &Tensor, dropout: &Dropout) -> Result<Tensor> {
    let (rows, columns) = x.dims2()?;
    x * Tensor::from_vec(dropout.mask(rows, columns), x.shape(), x.device())?.to_dtype(x.dtype())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use crate::testing::assert_same;

    fn tenth() -> Dropout {
        Dropout::new(0.1, Streams::new(3).stream("dropout", &[1])).unwrap()
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        let d = tenth();
        assert_same(&[&[130, 48]], |tape, p| dropout(tape, &tape.parameter(&p[0])?, Some(&d)));
    }

    #[test]
    fn a_tenth_is_zeroed_and_the_mean_kept() {
        let n = 200_000;
        let mask = tenth().mask(n / 100, 100);
        let zeroed = mask.iter().filter(|&&m| m == 0.0).count() as f64 / n as f64;
        assert!((zeroed - 0.1).abs() < 0.003, "{zeroed}");
        let mean = mask.iter().map(|&m| f64::from(m)).sum::<f64>() / n as f64;
        assert!((mean - 1.0).abs() < 0.003, "{mean}");
    }

    #[test]
    fn without_probability_there_is_no_dropout() {
        assert!(Dropout::new(0.0, Streams::new(3).stream("dropout", &[1])).is_none());
    }
}
