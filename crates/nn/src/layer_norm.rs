//! Layer normalisation over the columns: y = γ·(x − μ)/√(σ² + ε) + β, with x `[n, h]`, γ and β `[h]`; alone, and as the
//! end of a transformer's sub-layer: norm(residual + dropout(x·Wᵀ + b)).
//!
//! With x̂ = (x − μ)/√(σ² + ε): ∂γ = Σ g·x̂, ∂β = Σ g, ∂x = (γg − mean(γg) − x̂·mean(γg·x̂))/√(σ² + ε) (Ba et al.,
//! arXiv 1607.06450). σ² is the population variance. Kept for the backward pass are x̂ and 1/√(σ² + ε).

use candle_core::{D, Result, Tensor, bail};

use super::dropout::{Dropout, ROWS, dropout_plain};
use super::host::kernel;
use super::linear::Linear;
use super::math::{axpy, dot, fold, sum};
use super::pool::Buffer;
use super::product::{View, product};
use super::tape::{Parameter, Sink, Tape, Value};
use super::tiles::{Cuts, Split, Tile, for_tiles, sum_rows};

/// The parameters of a layer norm.
#[derive(Debug, Clone)]
pub struct Norm {
    /// γ `[h]`.
    pub weight: Parameter,
    /// β `[h]`.
    pub bias: Parameter,
    /// ε.
    pub epsilon: f64,
}

/// γ·(x − μ)/√(σ² + ε) + β.
///
/// ```
/// use candle_core::{Device, Var};
/// use memoscope_nn::{self as nn, Norm, Parameter, Pool, Tape};
/// let tape = Tape::inference(&Device::Cpu, &Pool::default());
/// let x = tape.constant(&[1.0, 3.0], 2)?;
/// let weight = Parameter::new(0, Var::new(&[1f32, 1.0], &Device::Cpu)?);
/// let bias = Parameter::new(1, Var::new(&[0f32, 0.5], &Device::Cpu)?);
/// let y = nn::layer_norm(&tape, &x, &Norm { weight, bias, epsilon: 0.0 })?;
/// assert_eq!(y.to_vec()?, [-1.0, 1.5]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn layer_norm(tape: &Tape, x: &Value, norm: &Norm) -> Result<Value> {
    if tape.is_composed() {
        return tape.tensor(norm.composed(tape, x.tensor()?)?);
    }
    norm.check(x)?;
    let mut normal = tape.buffer(x.host()?.len());
    normal.copy_from_slice(x.host()?);
    let (y, inverse) = norm.forward(tape, &mut normal, None)?;
    let (columns, x, norm) = (x.dims().1, x.node(), norm.clone());
    Ok(tape.output(y, columns, move |mut g, sink| {
        norm.backward(&mut g, &mut normal, &inverse, None, sink)?;
        sink.give(x, g);
        Ok(())
    }))
}

/// norm(residual + dropout(x·Wᵀ + b)), `[n, h]`: the end of each sub-layer of a post-norm transformer (arXiv 1706.03762,
/// section 3.1).
pub fn linear_add_norm(
    tape: &Tape,
    x: &Value,
    layer: &Linear,
    residual: &Value,
    dropout: Option<&Dropout>,
    norm: &Norm,
) -> Result<Value> {
    if tape.is_composed() {
        let y = layer.composed(tape, x)?;
        let y = match dropout {
            Some(dropout) => dropout_plain(&y, dropout)?,
            None => y,
        };
        return tape.tensor(norm.composed(tape, &(y + residual.tensor()?)?)?);
    }
    let (n, h) = layer.check(x)?;
    norm.check(residual)?;
    if residual.dims() != (n, h) {
        bail!("linear_add_norm: residual {:?} for an output [{n}, {h}]", residual.dims());
    }
    let mut normal = tape.buffer(n * h);
    product(&mut normal, x.view()?, View::new(&layer.weight.host()?, x.dims().1).t(), false);
    let mut mask = dropout.map(|_| tape.buffer(n * h));
    let (y, inverse) = {
        let bias = layer.bias.host()?;
        let sublayer = Sublayer { bias: &bias, residual: residual.host()?, dropout: dropout.zip(mask.as_deref_mut()) };
        norm.forward(tape, &mut normal, Some(sublayer))?
    };
    let (x, layer, residual, norm) = (x.clone(), layer.clone(), residual.node(), norm.clone());
    Ok(tape.output(y, h, move |mut g, sink| {
        let sublayer = SublayerGradient { mask: mask.as_deref(), bias: &layer.bias };
        norm.backward(&mut g, &mut normal, &inverse, Some(sublayer), sink)?;
        sink.give(residual, g);
        layer.backward(&x, &normal, sink)
    }))
}

/// The layer norm composed of candle operations.
pub fn layer_norm_plain(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred.broadcast_div(&(variance + epsilon)?.sqrt()?)?.broadcast_mul(weight)?.broadcast_add(bias)
}

/// What makes the row that is normalised: residual + mask∘(product + bias).
struct Sublayer<'a> {
    bias: &'a [f32],
    residual: &'a [f32],
    /// The dropout, and room for its mask.
    dropout: Option<(&'a Dropout, &'a mut [f32])>,
}

/// What its gradient is made of and goes to.
struct SublayerGradient<'a> {
    mask: Option<&'a [f32]>,
    bias: &'a Parameter,
}

impl Norm {
    fn composed(&self, tape: &Tape, x: &Tensor) -> Result<Tensor> {
        layer_norm_plain(x, &tape.parameter_tensor(&self.weight), &tape.parameter_tensor(&self.bias), self.epsilon)
    }

    fn check(&self, x: &Value) -> Result<()> {
        let h = x.dims().1;
        if self.weight.tensor().dims() != [h] || self.bias.tensor().dims() != [h] {
            bail!("layer_norm: {h} columns, γ {:?}, β {:?}", self.weight.tensor().dims(), self.bias.tensor().dims());
        }
        Ok(())
    }

    /// Turns the rows of `x` into x̂, and returns y and 1/√(σ² + ε) of each row.
    fn forward(&self, tape: &Tape, x: &mut [f32], sublayer: Option<Sublayer<'_>>) -> Result<(Buffer, Buffer)> {
        let (weight, bias) = (self.weight.host()?, self.bias.host()?);
        let (weight, bias): (&[f32], &[f32]) = (&weight, &bias);
        let (h, epsilon) = (weight.len(), self.epsilon as f32);
        let n = x.len() / h;
        let (mut y, mut inverse) = (tape.buffer(n * h), tape.buffer(n));
        let (before, dropout, mask) = match sublayer {
            Some(Sublayer { bias, residual, dropout: Some((dropout, mask)) }) => {
                (Some((bias, residual)), Some(dropout), mask)
            }
            Some(Sublayer { bias, residual, dropout: None }) => (Some((bias, residual)), None, &mut [][..]),
            None => (None, None, &mut [][..]),
        };
        let (rows, all, one) = (Cuts::every(ROWS, n), Cuts::whole(h), Cuts::whole(1));
        let masked = Cuts::whole(if dropout.is_some() { h } else { 0 });
        let splits = [
            Split::new(x, &rows, &all),
            Split::new(&mut y, &rows, &all),
            Split::new(&mut inverse, &rows, &one),
            Split::new(mask, &rows, &masked),
        ];
        for_tiles(splits, |place, [mut x, mut y, mut inverse, mut mask]| {
            if let Some(dropout) = dropout {
                dropout.fill(place.part.0 as u64, mask.all());
            }
            if let Some((bias, residual)) = before {
                let residual = &residual[place.rows.start * h..place.rows.end * h];
                end_sublayer(&mut x, bias, residual, &mut mask);
            }
            normalise(weight, bias, epsilon, [&mut x, &mut y, &mut inverse]);
        });
        Ok((y, inverse))
    }

    /// Turns `g` from the gradient of y into that of the normalised row, and hands on those of γ and β. With a
    /// sub-layer, x̂ gives way to the gradient of the product, whose column sums are that of the sub-layer's bias.
    fn backward(
        &self,
        g: &mut [f32],
        normal: &mut [f32],
        inverse: &[f32],
        sublayer: Option<SublayerGradient<'_>>,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        let weight = self.weight.host()?;
        let weight: &[f32] = &weight;
        let h = weight.len();
        let rows = Cuts::every(ROWS, g.len() / h);
        let sums = if sublayer.is_some() { 3 } else { 2 };
        let mut partial = sink.buffer(rows.parts() * sums * h);
        let (all, one_each, wide) = (Cuts::whole(h), Cuts::every(1, rows.parts()), Cuts::whole(sums * h));
        let splits =
            [Split::new(g, &rows, &all), Split::new(normal, &rows, &all), Split::new(&mut partial, &one_each, &wide)];
        for_tiles(splits, |place, [mut g, mut normal, mut partial]| {
            let partial = partial.row(0);
            partial.fill(0.0);
            let inverse = &inverse[place.rows.clone()];
            denormalise(weight, inverse, &mut g, &mut normal, partial);
            if let Some(sublayer) = &sublayer {
                let mask = sublayer.mask.map(|mask| &mask[place.rows.start * h..place.rows.end * h]);
                begin_sublayer(g.all(), mask, normal.all(), &mut partial[2 * h..]);
            }
        });
        let biases = sublayer.map(|sublayer| sublayer.bias);
        for (i, parameter) in [&self.weight, &self.bias].into_iter().chain(biases).enumerate() {
            let part = partial.chunks_exact(sums * h).map(|row| &row[i * h..][..h]);
            sink.parameter(parameter, |out, accumulate| sum_rows(part, out, accumulate));
        }
        Ok(())
    }
}

kernel! {
    /// x ← residual + mask∘(x + bias); without a mask where it has no columns.
    fn end_sublayer(x: &mut Tile<'_>, bias: &[f32], residual: &[f32], mask: &mut Tile<'_>) {
        let h = bias.len();
        for i in 0..x.rows() {
            let (x, residual) = (&mut x.row(i)[..h], &residual[i * h..][..h]);
            if mask.columns() == h {
                let mask = &mask.row(i)[..h];
                for j in 0..h {
                    x[j] = residual[j] + mask[j] * (x[j] + bias[j]);
                }
            } else {
                for j in 0..h {
                    x[j] += residual[j] + bias[j];
                }
            }
        }
    }
}

kernel! {
    /// x ← x̂, y ← γ·x̂ + β, and 1/√(σ² + ε) of each row.
    fn normalise(weight: &[f32], bias: &[f32], epsilon: f32, tiles: [&mut Tile<'_>; 3]) {
        let [x, y, inverse] = tiles;
        let h = weight.len();
        let bias = &bias[..h];
        for i in 0..x.rows() {
            let (x, y) = (&mut x.row(i)[..h], &mut y.row(i)[..h]);
            let mean = sum(x) / h as f32;
            let variance = fold(x, |x| (x - mean) * (x - mean)) / h as f32;
            let scale = 1.0 / (variance + epsilon).sqrt();
            inverse.row(i)[0] = scale;
            for j in 0..h {
                x[j] = (x[j] - mean) * scale;
                y[j] = x[j] * weight[j] + bias[j];
            }
        }
    }
}

kernel! {
    /// g ← the gradient of the row that was normalised to x̂; `partial` += those of γ and β.
    fn denormalise(weight: &[f32], inverse: &[f32], g: &mut Tile<'_>, normal: &mut Tile<'_>, partial: &mut [f32]) {
        let h = weight.len();
        let (g_weight, g_bias) = partial[..2 * h].split_at_mut(h);
        for (i, &inverse) in inverse.iter().enumerate() {
            let (g, normal) = (&mut g.row(i)[..h], &normal.row(i)[..h]);
            let (g_weight, g_bias) = (&mut g_weight[..h], &mut g_bias[..h]);
            for j in 0..h {
                g_weight[j] += g[j] * normal[j];
                g_bias[j] += g[j];
                g[j] *= weight[j];
            }
            let (mean, mean_normal) = (sum(g) / h as f32, dot(g, normal) / h as f32);
            for j in 0..h {
                g[j] = (g[j] - mean - normal[j] * mean_normal) * inverse;
            }
        }
    }
}

kernel! {
    /// out ← g∘mask, and its column sums.
    fn begin_sublayer(g: &[f32], mask: Option<&[f32]>, out: &mut [f32], sums: &mut [f32]) {
        let h = sums.len();
        for (i, (out, g)) in out.chunks_exact_mut(h).zip(g.chunks_exact(h)).enumerate() {
            let sums = &mut sums[..h];
            match mask {
                Some(mask) => {
                    let mask = &mask[i * h..][..h];
                    for j in 0..h {
                        out[j] = g[j] * mask[j];
                        sums[j] += out[j];
                    }
                }
                None => {
                    out.copy_from_slice(g);
                    axpy(1.0, g, sums);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use crate::testing::assert_same;

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        for (n, h) in [(1, 4), (130, 48), (33, 20)] {
            assert_same(&[&[n, h], &[h], &[h]], |tape, p| {
                let norm = Norm { weight: p[1].clone(), bias: p[2].clone(), epsilon: 1e-12 };
                layer_norm(tape, &tape.parameter(&p[0])?, &norm)
            });
        }
    }

    #[test]
    fn a_sub_layers_end_is_that_of_the_plain_version() {
        let dropout = Dropout::new(0.25, Streams::new(3).stream("dropout", &[]));
        for (n, inputs, h) in [(1, 3, 4), (130, 70, 48)] {
            for dropout in [None, dropout.as_ref()] {
                let shapes: [&[usize]; 6] = [&[n, inputs], &[n, h], &[h, inputs], &[h], &[h], &[h]];
                assert_same(&shapes, |tape, p| {
                    let layer = Linear { weight: p[2].clone(), bias: p[3].clone() };
                    let norm = Norm { weight: p[4].clone(), bias: p[5].clone(), epsilon: 1e-12 };
                    let (x, residual) = (tape.parameter(&p[0])?, tape.parameter(&p[1])?);
                    linear_add_norm(tape, &x, &layer, &residual, dropout, &norm)
                });
            }
        }
    }
}
