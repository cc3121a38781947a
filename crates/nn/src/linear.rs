//! The linear layer y = x·Wᵀ + b, with x `[n, in]`, W `[out, in]`, b `[out]`, y `[n, out]`; and without b.
//!
//! Gradients: ∂x = g·W, ∂W = gᵀ·x, ∂b = Σ over rows of g.

use candle_core::{Result, Tensor, bail};

use super::host::kernel;
use super::math::axpy;
use super::product::{View, product, product_then};
use super::tape::{Parameter, Sink, Tape, Value};
use super::tiles::{Cuts, Split, Tile, for_tiles};

/// The parameters of a linear layer.
#[derive(Debug, Clone)]
pub struct Linear {
    /// W `[out, in]`.
    pub weight: Parameter,
    /// b `[out]`.
    pub bias: Parameter,
}

/// y = x·Wᵀ + b.
///
/// ```
/// use candle_core::{Device, Var};
/// use memoscope_nn::{self as nn, Linear, Parameter, Pool, Tape};
/// let tape = Tape::inference(&Device::Cpu, &Pool::default());
/// let x = tape.constant(&[1.0, 2.0], 2)?;
/// let weight = Parameter::new(0, Var::new(&[[3f32, 4.0], [0.0, -1.0]], &Device::Cpu)?);
/// let bias = Parameter::new(1, Var::new(&[0.5f32, 0.0], &Device::Cpu)?);
/// assert_eq!(nn::linear(&tape, &x, &Linear { weight, bias })?.to_vec()?, [11.5, -2.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn linear(tape: &Tape, x: &Value, layer: &Linear) -> Result<Value> {
    if tape.is_composed() {
        return tape.tensor(layer.composed(tape, x)?);
    }
    let (n, outputs) = layer.check(x)?;
    let mut y = tape.buffer(n * outputs);
    {
        let (w, b) = (layer.weight.host()?, layer.bias.host()?);
        let b: &[f32] = &b;
        product_then([&mut y], x.view()?, View::new(&w, x.dims().1).t(), false, |place, [mut y]| {
            add_to_rows(&b[place.columns], &mut y);
        });
    }
    let (x, layer) = (x.clone(), layer.clone());
    Ok(tape.output(y, outputs, move |g, sink| {
        sink.parameter(&layer.bias, |out, accumulate| column_sums(&g, outputs, out, accumulate));
        layer.backward(&x, &g, sink)
    }))
}

/// y = x·Wᵀ, with W `[out, in]`.
pub fn project(tape: &Tape, x: &Value, weight: &Parameter) -> Result<Value> {
    let ((n, inputs), (outputs, w_inputs)) = (x.dims(), weight.tensor().dims2()?);
    if inputs != w_inputs {
        bail!("project: x [{n}, {inputs}], W [{outputs}, {w_inputs}]");
    }
    if tape.is_composed() {
        return tape.tensor(x.tensor()?.matmul(&tape.parameter_tensor(weight).t()?)?);
    }
    let mut y = tape.buffer(n * outputs);
    product(&mut y, x.view()?, View::new(&weight.host()?, inputs).t(), false);
    let (x, weight) = (x.clone(), weight.clone());
    Ok(tape.output(y, outputs, move |g, sink| backward(&weight, &x, &g, sink)))
}

/// The linear layer composed of candle operations.
pub fn linear_plain(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    x.matmul(&weight.t()?)?.broadcast_add(bias)
}

impl Linear {
    /// [`linear_plain`] on a composed tape.
    pub(super) fn composed(&self, tape: &Tape, x: &Value) -> Result<Tensor> {
        linear_plain(x.tensor()?, &tape.parameter_tensor(&self.weight), &tape.parameter_tensor(&self.bias))
    }

    /// Rows of x and of W, if the shapes fit.
    pub(super) fn check(&self, x: &Value) -> Result<(usize, usize)> {
        let ((n, inputs), (outputs, w_inputs)) = (x.dims(), self.weight.tensor().dims2()?);
        if inputs != w_inputs || self.bias.tensor().dims1()? != outputs {
            bail!("linear: x [{n}, {inputs}], W [{outputs}, {w_inputs}], b {:?}", self.bias.tensor().dims());
        }
        Ok((n, outputs))
    }

    /// Hands on the gradients of x and W, given that of x·Wᵀ.
    pub(super) fn backward(&self, x: &Value, g: &[f32], sink: &mut Sink<'_>) -> Result<()> {
        backward(&self.weight, x, g, sink)
    }
}

/// Hands on the gradients of x and W, given that of x·Wᵀ.
fn backward(weight: &Parameter, x: &Value, g: &[f32], sink: &mut Sink<'_>) -> Result<()> {
    let (outputs, inputs) = weight.tensor().dims2()?;
    let g = View::new(g, outputs);
    {
        let w = weight.host()?;
        let w = View::new(&w, inputs);
        sink.value(x.node(), x.dims().0 * inputs, |out, accumulate| product(out, g, w, accumulate));
    }
    let x = x.view()?;
    sink.parameter(weight, |out, accumulate| product(out, g.t(), x, accumulate));
    Ok(())
}

/// out = the sums of the columns of `matrix`, or out += them.
pub(super) fn column_sums(matrix: &[f32], columns: usize, out: &mut [f32], accumulate: bool) {
    let (one, cuts) = (Cuts::whole(1), Cuts::every(64, columns));
    for_tiles([Split::new(out, &one, &cuts)], |place, [mut out]| {
        let out = out.row(0);
        if !accumulate {
            out.fill(0.0);
        }
        add_columns(matrix, columns, place.columns.start, out);
    });
}

kernel! {
    /// Adds `b` to each row.
    fn add_to_rows(b: &[f32], y: &mut Tile<'_>) {
        for i in 0..y.rows() {
            axpy(1.0, b, y.row(i));
        }
    }
}

kernel! {
    /// Adds the columns from `first` on to `out`, row by row.
    fn add_columns(matrix: &[f32], columns: usize, first: usize, out: &mut [f32]) {
        for row in matrix.chunks_exact(columns) {
            axpy(1.0, &row[first..][..out.len()], out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_same, inference, parameter};

    fn layer(p: &[Parameter]) -> Linear {
        Linear { weight: p[1].clone(), bias: p[2].clone() }
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        for (n, inputs, outputs) in [(1, 3, 2), (70, 33, 17), (5, 16, 640), (600, 20, 130)] {
            let shapes = [&[n, inputs][..], &[outputs, inputs], &[outputs]];
            assert_same(&shapes, |tape, p| linear(tape, &tape.parameter(&p[0])?, &layer(p)));
        }
    }

    #[test]
    fn a_layer_without_bias_is_that_of_the_plain_version() {
        assert_same(&[&[70, 33], &[17, 33]], |tape, p| project(tape, &tape.parameter(&p[0])?, &p[1]));
        let x = inference().constant(&[1.0; 6], 3).unwrap();
        assert!(project(&inference(), &x, &parameter(0, &[2, 4])).is_err());
    }

    #[test]
    fn gradients_of_two_uses_add_up() {
        assert_same(&[&[7, 6], &[6, 6], &[6]], |tape, p| {
            let x = tape.parameter(&p[0])?;
            let y = linear(tape, &x, &layer(p))?;
            linear(tape, &y, &layer(p))
        });
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = Tape::inference(&candle_core::Device::Cpu, &Default::default());
        let x = tape.constant(&[1.0; 6], 3).unwrap();
        let layer = Linear { weight: parameter(0, &[2, 4]), bias: parameter(1, &[2]) };
        assert!(linear(&tape, &x, &layer).is_err());
    }
}
