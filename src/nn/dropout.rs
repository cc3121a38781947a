//! Dropout from seeded streams: each element is zeroed with probability p, the others are scaled by 1/(1 − p).
//!
//! A mask is drawn block by block, each block from its own ChaCha stream, so that it does not depend on the number of
//! threads; forward and backward pass draw the same one. p is rounded to a multiple of 2⁻¹⁶.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use rand::RngCore;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::host::{host, is_fused, slice};

/// Elements that share a stream.
const BLOCK: usize = 4096;

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

    /// Fills `mask` with 0 or 1/(1 − p), from sub-stream `block`.
    pub(super) fn fill(&self, block: u64, mask: &mut [f32]) {
        let mut stream = self.stream.clone();
        stream.set_stream(block);
        let mut bytes = [0u8; 2048];
        for part in mask.chunks_mut(bytes.len() / 2) {
            let bytes = &mut bytes[..part.len() * 2];
            stream.fill_bytes(bytes);
            for (mask, draw) in part.iter_mut().zip(bytes.chunks_exact(2)) {
                let keep = u16::from_le_bytes([draw[0], draw[1]]) >= self.threshold;
                *mask = if keep { self.scale } else { 0.0 };
            }
        }
    }

    /// The mask of a whole tensor of `n` elements.
    fn mask(&self, n: usize) -> Vec<f32> {
        let mut mask = vec![0f32; n];
        mask.par_chunks_mut(BLOCK).enumerate().for_each(|(block, part)| self.fill(block as u64, part));
        mask
    }

    /// out ← base + mask·x, element by element; `base` may be absent.
    fn apply(&self, x: &[f32], base: Option<&[f32]>) -> Vec<f32> {
        let mut out = vec![0f32; x.len()];
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
            self.fill(block as u64, out);
            let at = block * BLOCK;
            match base {
                Some(base) => {
                    for ((out, &x), &base) in out.iter_mut().zip(&x[at..]).zip(&base[at..]) {
                        *out = base + *out * x;
                    }
                }
                None => {
                    for (out, &x) in out.iter_mut().zip(&x[at..]) {
                        *out *= x;
                    }
                }
            }
        });
        out
    }
}

/// Dropout of `x`; without a [`Dropout`], `x` itself.
pub fn dropout(x: &Tensor, dropout: Option<&Dropout>) -> Result<Tensor> {
    match dropout {
        None => Ok(x.clone()),
        Some(dropout) if is_fused(x) => x.contiguous()?.apply_op1(dropout.clone()),
        Some(dropout) => dropout_plain(x, dropout),
    }
}

/// `residual` + dropout of `x`.
pub fn dropout_add(x: &Tensor, residual: &Tensor, dropout: Option<&Dropout>) -> Result<Tensor> {
    match dropout {
        None => x + residual,
        Some(dropout) if is_fused(x) => x.contiguous()?.apply_op2(&residual.contiguous()?, dropout.clone()),
        Some(dropout) => dropout_plain(x, dropout)? + residual,
    }
}

/// Dropout composed of candle operations, with the mask of the fused version.
pub fn dropout_plain(x: &Tensor, dropout: &Dropout) -> Result<Tensor> {
    x * Tensor::from_vec(dropout.mask(x.elem_count()), x.shape(), x.device())?.to_dtype(x.dtype())?
}

impl CustomOp1 for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.apply(slice(x, layout)?, None)), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let g = g.contiguous()?;
        let gx = self.apply(&host(&g)?, None);
        Ok(Some(Tensor::from_vec(gx, x.shape(), x.device())?))
    }
}

impl CustomOp2 for Dropout {
    fn name(&self) -> &'static str {
        "dropout-add"
    }

    fn cpu_fwd(&self, x: &CpuStorage, xl: &Layout, r: &CpuStorage, rl: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.apply(slice(x, xl)?, Some(slice(r, rl)?))), xl.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, _: &Tensor, g: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let contiguous = g.contiguous()?;
        let gx = self.apply(&host(&contiguous)?, None);
        Ok((Some(Tensor::from_vec(gx, x.shape(), x.device())?), Some(g.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{assert_same, variable};
    use crate::random::Streams;

    fn tenth() -> Dropout {
        Dropout::new(0.1, Streams::new(3).stream("dropout", &[1])).unwrap()
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        let (x, residual, d) = (variable("x", &[130, 48]), variable("r", &[130, 48]), tenth());
        assert_same(&[&x], || dropout(&x, Some(&d)), || dropout_plain(&x, &d));
        assert_same(
            &[&x, &residual],
            || dropout_add(&x, &residual, Some(&d)),
            || dropout_plain(&x, &d)? + residual.as_tensor(),
        );
    }

    #[test]
    fn a_tenth_is_zeroed_and_the_mean_kept() {
        let n = 200_000;
        let mask = tenth().mask(n);
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
