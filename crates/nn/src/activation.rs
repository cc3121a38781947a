//! A linear layer followed by an activation, the first half of a feed-forward block: y = act(x·Wᵀ + b).
//!
//! gelu(u) = u·Φ(u) with Φ(u) = (1 + erf(u/√2))/2; its derivative is Φ(u) + u·φ(u) (arXiv 1606.08415). What is kept for
//! the backward pass is u = x·Wᵀ + b.

use std::f32::consts::FRAC_1_SQRT_2;

use candle_core::{Result, Tensor};

use super::host::kernel;
use super::linear::Linear;
use super::math::{axpy, erf, exp};
use super::product::{View, product_then};
use super::tape::{Tape, Value};
use super::tiles::{Cuts, Split, Tile, for_tiles};

/// An activation, named as `hidden_act` in `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `gelu`: with the error function.
    Gelu,
    /// `gelu_new`, `gelu_pytorch_tanh`: the tanh approximation.
    GeluTanh,
    /// `relu`.
    Relu,
}

impl Activation {
    /// The activation of that name in transformers, if we have it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "gelu" => Some(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Some(Self::GeluTanh),
            "relu" => Some(Self::Relu),
            _ => None,
        }
    }

    /// y ← act(u).
    #[inline(always)]
    fn apply(self, u: &[f32], y: &mut [f32]) {
        match self {
            Self::Gelu => map(u, y, |u| 0.5 * u * (1.0 + erf(u * FRAC_1_SQRT_2))),
            Self::GeluTanh => map(u, y, |u| 0.5 * u * (1.0 + tanh(tanh_argument(u)))),
            // This way around, NaN stays NaN.
            Self::Relu => map(u, y, |u| if u <= 0.0 { 0.0 } else { u }),
        }
    }

    /// g ← g·act'(u).
    #[inline(always)]
    fn differentiate(self, u: &[f32], g: &mut [f32]) {
        match self {
            Self::Gelu => map_with(u, g, |u| {
                const INVERSE_SQRT_2_PI: f32 = 0.398_942_3;
                0.5 * (1.0 + erf(u * FRAC_1_SQRT_2)) + u * INVERSE_SQRT_2_PI * exp(-0.5 * u * u)
            }),
            Self::GeluTanh => map_with(u, g, |u| {
                let t = tanh(tanh_argument(u));
                0.5 * (1.0 + t) + 0.5 * u * (1.0 - t * t) * SQRT_2_OVER_PI * (1.0 + 3.0 * CUBIC * u * u)
            }),
            Self::Relu => map_with(u, g, |u| if u > 0.0 { 1.0 } else { 0.0 }),
        }
    }
}

const SQRT_2_OVER_PI: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

#[inline(always)]
fn tanh_argument(u: f32) -> f32 {
    SQRT_2_OVER_PI * (u + CUBIC * u * u * u)
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x))
}

#[inline(always)]
fn map(u: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
    for (y, &u) in y.iter_mut().zip(u) {
        *y = f(u);
    }
}

#[inline(always)]
fn map_with(u: &[f32], g: &mut [f32], f: impl Fn(f32) -> f32) {
    for (g, &u) in g.iter_mut().zip(u) {
        *g *= f(u);
    }
}

/// act(x·Wᵀ + b), `[n, out]`.
pub fn linear_activate(tape: &Tape, x: &Value, layer: &Linear, activation: Activation) -> Result<Value> {
    if tape.is_composed() {
        return tape.tensor(activate_plain(&layer.composed(tape, x)?, activation)?);
    }
    let (n, outputs) = layer.check(x)?;
    let (mut u, mut y) = (tape.buffer(n * outputs), tape.buffer(n * outputs));
    {
        let (w, b) = (layer.weight.host()?, layer.bias.host()?);
        let b: &[f32] = &b;
        product_then([&mut u, &mut y], x.view()?, View::new(&w, x.dims().1).t(), false, |place, [mut u, mut y]| {
            activate(activation, &b[place.columns], &mut u, &mut y);
        });
    }
    let (x, layer) = (x.clone(), layer.clone());
    Ok(tape.output(y, outputs, move |mut g, sink| {
        let (rows, one, columns) = (Cuts::whole(n), Cuts::whole(1), Cuts::every(64, outputs));
        let u: &[f32] = &u;
        sink.parameter(&layer.bias, |sums, accumulate| {
            for_tiles(
                [Split::new(&mut g, &rows, &columns), Split::new(sums, &one, &columns)],
                |place, [mut g, mut sums]| {
                    let sums = sums.row(0);
                    if !accumulate {
                        sums.fill(0.0);
                    }
                    differentiate(activation, &u[place.columns.start..], outputs, &mut g, sums);
                },
            );
        });
        layer.backward(&x, &g, sink)
    }))
}

kernel! {
    /// u ← u + b, y ← act(u), row by row.
    fn activate(activation: Activation, b: &[f32], u: &mut Tile<'_>, y: &mut Tile<'_>) {
        for i in 0..u.rows() {
            let u = u.row(i);
            axpy(1.0, b, u);
            activation.apply(u, y.row(i));
        }
    }
}

kernel! {
    /// g ← g·act'(u), its rows added to `sums`; the rows of u are `stride` apart.
    fn differentiate(activation: Activation, u: &[f32], stride: usize, g: &mut Tile<'_>, sums: &mut [f32]) {
        for i in 0..g.rows() {
            let g = g.row(i);
            activation.differentiate(&u[i * stride..][..g.len()], g);
            axpy(1.0, g, sums);
        }
    }
}

/// The activation composed of candle operations.
pub fn activate_plain(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Gelu => (x * 0.5)? * ((x * f64::from(FRAC_1_SQRT_2))?.erf()? + 1.0)?,
        Activation::GeluTanh => x.gelu(),
        Activation::Relu => x.relu(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_same;

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Relu] {
            for (n, inputs, outputs) in [(3, 2, 5), (90, 7, 200)] {
                assert_same(&[&[n, inputs], &[outputs, inputs], &[outputs]], |tape, p| {
                    let layer = Linear { weight: p[1].clone(), bias: p[2].clone() };
                    linear_activate(tape, &tape.parameter(&p[0])?, &layer, activation)
                });
            }
        }
    }

    #[test]
    fn names_are_those_of_transformers() {
        assert_eq!(Activation::from_name("gelu_pytorch_tanh"), Some(Activation::GeluTanh));
        assert_eq!(Activation::from_name("swish"), None);
    }
}
