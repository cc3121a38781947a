//! Cross-entropy of packed logits `[n, k]` against one label a row: Σ −log p(label) / denominator, with
//! p = softmax of the row.
//!
//! The denominator is an argument because a batch may be computed in parts: with the token count of the whole batch,
//! the gradients of the parts add up to the gradient of the mean. Gradient: (softmax − one-hot) / denominator.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, D, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::host::{for_row_chunks, host, is_fused, slice, vectorised};
use super::math::{exp, fold};

/// The summed cross-entropy of `n` rows in nats, divided by `denominator`: a scalar.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let logits = Tensor::new(&[[0f32, 0.0], [0.0, 0.0]], &Device::Cpu)?;
/// let loss = memoscope::nn::cross_entropy(&logits, &[0, 1], 2.0)?.to_scalar::<f32>()?;
/// assert!((loss - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn cross_entropy(logits: &Tensor, labels: &[u32], denominator: f64) -> Result<Tensor> {
    let (n, k) = logits.dims2()?;
    if labels.len() != n || labels.iter().any(|&l| l as usize >= k) {
        bail!("cross-entropy: {} labels for logits [{n}, {k}], or a label outside", labels.len());
    }
    if is_fused(logits) {
        logits.contiguous()?.apply_op1(CrossEntropy { labels: labels.into(), denominator: denominator as f32 })
    } else {
        cross_entropy_plain(logits, labels, denominator)
    }
}

/// The same composed of candle operations.
pub fn cross_entropy_plain(logits: &Tensor, labels: &[u32], denominator: f64) -> Result<Tensor> {
    let labels = Tensor::new(labels, logits.device())?.unsqueeze(1)?;
    let shifted = logits.broadcast_sub(&logits.detach().max_keepdim(D::Minus1)?)?;
    let normaliser = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let chosen = shifted.gather(&labels, 1)?;
    ((normaliser - chosen)?.to_dtype(DType::F32)?.sum_all()? * (1.0 / denominator))?.to_dtype(logits.dtype())
}

struct CrossEntropy {
    labels: Arc<[u32]>,
    denominator: f32,
}

/// The largest logit and the sum of exponentials relative to it.
#[inline(always)]
fn normaliser(row: &[f32]) -> (f32, f32) {
    let max = row.iter().fold(f32::NEG_INFINITY, |m, &x| if x > m { x } else { m });
    (max, fold(row, |x| exp(x - max)))
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, k) = layout.shape().dims2()?;
        let logits = slice(logits, layout)?;
        let losses: Vec<f32> = logits
            .par_chunks(k)
            .zip(self.labels.par_iter())
            .with_min_len(16)
            .map(|(row, &label)| {
                let (max, total) = vectorised(|| normaliser(row));
                total.ln() + max - row[label as usize]
            })
            .collect();
        let total: f64 = losses.iter().map(|&l| f64::from(l)).sum();
        Ok((CpuStorage::F32(vec![(total / f64::from(self.denominator)) as f32]), ().into()))
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let (n, k) = logits.dims2()?;
        let weight = g.to_scalar::<f32>()? / self.denominator;
        let device = logits.device();
        let logits = host(logits)?;
        let logits: &[f32] = &logits;
        let mut gradient = vec![0f32; n * k];
        for_row_chunks(&mut gradient, k, |first, rows| {
            for (i, out) in rows.chunks_exact_mut(k).enumerate() {
                let row = &logits[(first + i) * k..(first + i + 1) * k];
                let (max, total) = normaliser(row);
                let scale = weight / total;
                for (out, &x) in out.iter_mut().zip(row) {
                    *out = exp(x - max) * scale;
                }
                out[self.labels[first + i] as usize] -= weight;
            }
        });
        Ok(Some(Tensor::from_vec(gradient, (n, k), device)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{assert_same, variable};

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        for (n, k) in [(1, 2), (70, 9), (20, 300)] {
            let x = variable("logits", &[n, k]);
            let labels: Vec<u32> = (0..n as u32).map(|i| (i * 7) % k as u32).collect();
            assert_same(&[&x], || cross_entropy(&x, &labels, 13.0), || cross_entropy_plain(&x, &labels, 13.0));
        }
    }

    #[test]
    fn a_label_outside_the_logits_is_refused() {
        let x = variable("logits", &[2, 3]);
        assert!(cross_entropy(&x, &[0, 3], 1.0).is_err());
        assert!(cross_entropy(&x, &[0], 1.0).is_err());
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let x = Tensor::new(&[[1000f32, -1000.0]], &candle_core::Device::Cpu).unwrap();
        let loss = |label| cross_entropy(&x, &[label], 1.0).unwrap().to_scalar::<f32>().unwrap();
        assert_eq!(loss(0), 0.0);
        assert_eq!(loss(1), 2000.0);
    }
}
