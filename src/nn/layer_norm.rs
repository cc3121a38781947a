//! Layer normalisation over the last dimension: y = γ·(x − μ)/√(σ² + ε) + β, with x `[n, h]`, γ and β `[h]`.
//!
//! With x̂ = (x − μ)/√(σ² + ε): ∂γ = Σ g·x̂, ∂β = Σ g, ∂x = (γg − mean(γg) − x̂·mean(γg·x̂))/√(σ² + ε) (Ba et al.,
//! arXiv 1607.06450). σ² is the population variance.

use candle_core::{CpuStorage, CustomOp3, D, Layout, Result, Shape, Tensor};

use super::host::{for_row_chunks, host, is_fused, slice, sum_over_row_chunks};
use super::math::{fold, sum};

/// y = γ·(x − μ)/√(σ² + ε) + β.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[[1f32, 3.0]], &Device::Cpu)?;
/// let (one, zero) = (Tensor::new(&[1f32, 1.0], &Device::Cpu)?, Tensor::new(&[0f32, 0.5], &Device::Cpu)?);
/// let y = memoscope::nn::layer_norm(&x, &one, &zero, 0.0)?.to_vec2::<f32>()?;
/// assert_eq!(y, [[-1.0, 1.5]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    if is_fused(x) {
        x.contiguous()?.apply_op3(weight, bias, LayerNorm { epsilon: epsilon as f32 })
    } else {
        layer_norm_plain(x, weight, bias, epsilon)
    }
}

/// The same composed of candle operations.
pub fn layer_norm_plain(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred.broadcast_div(&(variance + epsilon)?.sqrt()?)?.broadcast_mul(weight)?.broadcast_add(bias)
}

struct LayerNorm {
    epsilon: f32,
}

impl LayerNorm {
    /// Mean and 1/√(σ² + ε) of a row.
    #[inline(always)]
    fn statistics(&self, row: &[f32]) -> (f32, f32) {
        let h = row.len() as f32;
        let mean = sum(row) / h;
        let variance = fold(row, |x| (x - mean) * (x - mean)) / h;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, h) = x_layout.shape().dims2()?;
        let (x, w, b) = (slice(x, x_layout)?, slice(w, w_layout)?, slice(b, b_layout)?);
        let mut y = vec![0f32; x.len()];
        for_row_chunks(&mut y, h, |first, rows| {
            for (x, y) in x[first * h..].chunks_exact(h).zip(rows.chunks_exact_mut(h)) {
                let (mean, scale) = self.statistics(x);
                for i in 0..h {
                    y[i] = (x[i] - mean) * scale * w[i] + b[i];
                }
            }
        });
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (n, h) = x.dims2()?;
        let device = x.device();
        let g = g.contiguous()?;
        let (x, w, g) = (host(x)?, host(w)?, host(&g)?);
        let (x, w, g): (&[f32], &[f32], &[f32]) = (&x, &w, &g);
        let mut gx = vec![0f32; n * h];
        for_row_chunks(&mut gx, h, |first, rows| {
            let mut normal = vec![0f32; h];
            for (i, gx) in rows.chunks_exact_mut(h).enumerate() {
                let row = (first + i) * h..(first + i + 1) * h;
                let (x, g) = (&x[row.clone()], &g[row]);
                let (mean, scale) = self.statistics(x);
                for i in 0..h {
                    normal[i] = (x[i] - mean) * scale;
                    gx[i] = g[i] * w[i];
                }
                let mean_g = sum(gx) / h as f32;
                let mean_gn = super::math::dot(gx, &normal) / h as f32;
                for i in 0..h {
                    gx[i] = (gx[i] - mean_g - normal[i] * mean_gn) * scale;
                }
            }
        });
        let sums = sum_over_row_chunks(n, 2 * h, |rows, sums| {
            let (gw, gb) = sums.split_at_mut(h);
            for row in rows {
                let (x, g) = (&x[row * h..(row + 1) * h], &g[row * h..(row + 1) * h]);
                let (mean, scale) = self.statistics(x);
                for i in 0..h {
                    gw[i] += g[i] * (x[i] - mean) * scale;
                    gb[i] += g[i];
                }
            }
        });
        Ok((
            Some(Tensor::from_vec(gx, (n, h), device)?),
            Some(Tensor::from_slice(&sums[..h], h, device)?),
            Some(Tensor::from_slice(&sums[h..], h, device)?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{assert_same, variable};

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        for (n, h) in [(1, 4), (130, 48), (33, 20)] {
            let (x, w, b) = (variable("x", &[n, h]), variable("w", &[h]), variable("b", &[h]));
            assert_same(&[&x, &w, &b], || layer_norm(&x, &w, &b, 1e-12), || layer_norm_plain(&x, &w, &b, 1e-12));
        }
    }
}
