//! The activations of the feed-forward blocks: GELU with the error function, GELU with tanh, ReLU.
//!
//! gelu(x) = x·Φ(x) with Φ(x) = (1 + erf(x/√2))/2; its derivative is Φ(x) + x·φ(x) (arXiv 1606.08415).

use std::f32::consts::FRAC_1_SQRT_2;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::host::{for_row_chunks, host, is_fused, slice};
use super::math::{erf, exp};

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
}

/// Applies the activation to each element.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Gelu if is_fused(x) => x.contiguous()?.apply_op1(Gelu),
        Activation::Gelu => gelu_plain(x),
        Activation::GeluTanh => x.gelu(),
        Activation::Relu => x.relu(),
    }
}

/// GELU with the error function composed of candle operations.
pub fn gelu_plain(x: &Tensor) -> Result<Tensor> {
    (x * 0.5)? * ((x * f64::from(FRAC_1_SQRT_2))?.erf()? + 1.0)?
}

struct Gelu;

/// Elements a row when a tensor is walked without regard to its shape.
const WIDTH: usize = 512;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = slice(x, layout)?;
        let mut y = vec![0f32; x.len()];
        for_row_chunks(&mut y, WIDTH, |first, y| {
            for (y, &x) in y.iter_mut().zip(&x[first * WIDTH..]) {
                *y = 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2));
            }
        });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        const INVERSE_SQRT_2_PI: f32 = 0.398_942_3;
        let g = g.contiguous()?;
        let (shape, device) = (x.shape(), x.device());
        let (x, g) = (host(x)?, host(&g)?);
        let (x, g): (&[f32], &[f32]) = (&x, &g);
        let mut gx = vec![0f32; x.len()];
        for_row_chunks(&mut gx, WIDTH, |first, gx| {
            let at = first * WIDTH;
            for ((gx, &x), &g) in gx.iter_mut().zip(&x[at..]).zip(&g[at..]) {
                let cumulative = 0.5 * (1.0 + erf(x * FRAC_1_SQRT_2));
                let density = INVERSE_SQRT_2_PI * exp(-0.5 * x * x);
                *gx = g * (cumulative + x * density);
            }
        });
        Ok(Some(Tensor::from_vec(gx, shape, device)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{assert_same, variable};

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        for shape in [[3, 5], [90, 700]] {
            let x = variable("x", &shape);
            assert_same(&[&x], || activate(&x, Activation::Gelu), || gelu_plain(&x));
        }
    }

    #[test]
    fn names_are_those_of_transformers() {
        assert_eq!(Activation::from_name("gelu_pytorch_tanh"), Some(Activation::GeluTanh));
        assert_eq!(Activation::from_name("swish"), None);
    }
}
