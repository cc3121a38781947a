//! The linear layer y = x·Wᵀ + b, with x `[n, in]`, W `[out, in]`, b `[out]`, y `[n, out]`.
//!
//! Gradients: ∂x = g·W, ∂W = gᵀ·x, ∂b = Σ over rows of g.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::host::{host, is_fused, slice, sum_over_row_chunks};

/// y = x·Wᵀ + b.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.0]], &Device::Cpu)?;
/// let w = Tensor::new(&[[3f32, 4.0], [0.0, -1.0]], &Device::Cpu)?;
/// let b = Tensor::new(&[0.5f32, 0.0], &Device::Cpu)?;
/// assert_eq!(memoscope::nn::linear(&x, &w, &b)?.to_vec2::<f32>()?, [[11.5, -2.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if is_fused(x) { x.contiguous()?.apply_op3(weight, bias, Linear) } else { linear_plain(x, weight, bias) }
}

/// The same composed of candle operations.
pub fn linear_plain(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    x.matmul(&weight.t()?)?.broadcast_add(bias)
}

struct Linear;

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
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
        let (n, inputs) = x_layout.shape().dims2()?;
        let (outputs, w_inputs) = w_layout.shape().dims2()?;
        if inputs != w_inputs || b_layout.shape().dims1()? != outputs {
            bail!("linear: x [{n}, {inputs}], W [{outputs}, {w_inputs}], b {:?}", b_layout.shape());
        }
        let (x, w, b) = (slice(x, x_layout)?, slice(w, w_layout)?, slice(b, b_layout)?);
        let mut y = Vec::with_capacity(n * outputs);
        for _ in 0..n {
            y.extend_from_slice(b);
        }
        let product = Product { m: n, n: outputs, k: inputs, a: (inputs, 1), b: (1, inputs), accumulate: true };
        product.multiply(&mut y, x, w);
        Ok((CpuStorage::F32(y), (n, outputs).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let ((n, inputs), outputs) = (x.dims2()?, w.dims2()?.0);
        let device = x.device();
        let g = g.contiguous()?;
        let (x, w, g) = (host(x)?, host(w)?, host(&g)?);
        let mut gx = vec![0f32; n * inputs];
        Product { m: n, n: inputs, k: outputs, a: (outputs, 1), b: (inputs, 1), accumulate: false }
            .multiply(&mut gx, &g, &w);
        let mut gw = vec![0f32; outputs * inputs];
        Product { m: outputs, n: inputs, k: n, a: (1, outputs), b: (inputs, 1), accumulate: false }
            .multiply(&mut gw, &g, &x);
        let gb = sum_over_row_chunks(n, outputs, |rows, sums| {
            for row in g[rows.start * outputs..rows.end * outputs].chunks_exact(outputs) {
                super::math::axpy(1.0, row, sums);
            }
        });
        Ok((
            Some(Tensor::from_vec(gx, (n, inputs), device)?),
            Some(Tensor::from_vec(gw, (outputs, inputs), device)?),
            Some(Tensor::from_vec(gb, outputs, device)?),
        ))
    }
}

/// C = A·B or C += A·B, with C `[m, n]` row-major; `a` and `b` are the (row, column) strides of A `[m, k]`, B `[k, n]`.
struct Product {
    m: usize,
    n: usize,
    k: usize,
    a: (usize, usize),
    b: (usize, usize),
    accumulate: bool,
}

impl Product {
    fn multiply(&self, c: &mut [f32], a: &[f32], b: &[f32]) {
        let &Self { m, n, k, accumulate, .. } = self;
        if m == 0 || n == 0 {
            return;
        }
        let last = |rows: usize, columns: usize, strides: (usize, usize)| {
            (rows.max(1) - 1) * strides.0 + (columns.max(1) - 1) * strides.1
        };
        assert!(c.len() == m * n, "product: the result has another size");
        assert!(
            k == 0 || (last(m, k, self.a) < a.len() && last(k, n, self.b) < b.len()),
            "product: an operand is short"
        );
        let parallelism =
            if rayon::current_num_threads() > 1 { gemm::Parallelism::Rayon(0) } else { gemm::Parallelism::None };
        // SAFETY: every element that the strides reach lies inside its slice (asserted above), and `c` is not aliased.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                c.as_mut_ptr(),
                1,
                n as isize,
                accumulate,
                a.as_ptr(),
                self.a.1 as isize,
                self.a.0 as isize,
                b.as_ptr(),
                self.b.1 as isize,
                self.b.0 as isize,
                1.0f32,
                1.0f32,
                false,
                false,
                false,
                parallelism,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{assert_same, variable};

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        for (n, inputs, outputs) in [(1, 3, 2), (70, 33, 17), (5, 16, 64)] {
            let x = variable("x", &[n, inputs]);
            let w = variable("w", &[outputs, inputs]);
            let b = variable("b", &[outputs]);
            assert_same(&[&x, &w, &b], || linear(&x, &w, &b), || linear_plain(&x, &w, &b));
        }
    }
}
