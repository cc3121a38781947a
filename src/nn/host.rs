//! Tensors as slices on the CPU, and loops over them in chunks of fixed size.

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};
use rayon::prelude::*;

/// Rows a chunk: fixed, so that partial sums do not depend on the number of threads.
const ROWS_PER_CHUNK: usize = 32;

/// The elements of a contiguous `f32` storage.
pub fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else { bail!("the fused operations are for f32") };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("the fused operations are for contiguous tensors"),
    }
}

/// Read access to the elements of a contiguous `f32` tensor on the CPU.
pub struct Host<G> {
    guard: G,
    range: Range<usize>,
}

/// Locks the tensor for reading.
pub fn host(tensor: &Tensor) -> Result<Host<impl Deref<Target = Storage> + '_>> {
    let (guard, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("expected a contiguous tensor") };
    if !matches!(&*guard, Storage::Cpu(CpuStorage::F32(_))) {
        bail!("expected an f32 tensor on the CPU")
    }
    Ok(Host { guard, range: start..end })
}

impl<G: Deref<Target = Storage>> Deref for Host<G> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.guard {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            _ => &[], // `host` admits nothing else
        }
    }
}

/// True if the fused operations can run on this tensor.
pub fn is_fused(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && tensor.dtype() == candle_core::DType::F32
}

/// Runs `f` compiled for the widest vector instructions of this machine.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Calls `f(first row, rows)` for chunks of the rows of `out`, in parallel.
pub fn for_row_chunks(out: &mut [f32], width: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    out.par_chunks_mut(ROWS_PER_CHUNK * width)
        .enumerate()
        .for_each(|(chunk, rows)| vectorised(|| f(chunk * ROWS_PER_CHUNK, rows)));
}

/// Calls `f(range of rows)` for fixed ranges of rows, in parallel, and sums the vectors they return, in order.
pub fn sum_over_row_chunks(rows: usize, width: usize, f: impl Fn(Range<usize>, &mut [f32]) + Sync) -> Vec<f32> {
    let chunk = ROWS_PER_CHUNK * 4;
    let partial: Vec<Vec<f32>> = (0..rows.div_ceil(chunk))
        .into_par_iter()
        .map(|i| {
            let mut sums = vec![0f32; width];
            vectorised(|| f(i * chunk..((i + 1) * chunk).min(rows), &mut sums));
            sums
        })
        .collect();
    let mut total = vec![0f32; width];
    for sums in partial {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += sum;
        }
    }
    total
}

/// Cuts a matrix of `width` columns into the rows of each sentence.
pub fn split_sentences<'a>(mut matrix: &'a mut [f32], width: usize, packing: &super::Packing) -> Vec<&'a mut [f32]> {
    packing
        .sentences()
        .map(|rows| {
            let (head, tail) = std::mem::take(&mut matrix).split_at_mut(rows.len() * width);
            matrix = tail;
            head
        })
        .collect()
}

/// What the tests of the operations share.
#[cfg(test)]
pub mod testing {
    use candle_core::{Device, Result, Tensor, Var};
    use rand::Rng;

    use crate::random::Streams;

    /// A variable with reproducible entries between −1.5 and 1.5.
    pub fn variable(name: &str, shape: &[usize]) -> Var {
        let mut stream = Streams::new(11).stream(name, &[]);
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| stream.gen_range(-1.5..1.5)).collect();
        Var::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    /// Asserts that two ways to compute agree within 1e-5 in values and in the gradients of all variables, for a loss
    /// that weighs each output differently.
    pub fn assert_same(variables: &[&Var], fused: impl Fn() -> Result<Tensor>, plain: impl Fn() -> Result<Tensor>) {
        let (a, b) = (fused().unwrap(), plain().unwrap());
        assert_eq!(a.dims(), b.dims());
        close("values", &a, &b);
        let n = a.elem_count();
        let weights: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin()).collect();
        let weights = Tensor::from_vec(weights, a.dims(), &Device::Cpu).unwrap();
        let gradients = |y: &Tensor| (y * &weights).unwrap().sum_all().unwrap().backward().unwrap();
        let (ga, gb) = (gradients(&a), gradients(&b));
        for (i, variable) in variables.iter().enumerate() {
            let (ga, gb) = (ga.get(variable).expect("a gradient"), gb.get(variable).expect("a gradient"));
            close(&format!("gradient {i}"), ga, gb);
        }
    }

    fn close(what: &str, a: &Tensor, b: &Tensor) {
        let (a, b) =
            (a.flatten_all().unwrap().to_vec1::<f32>().unwrap(), b.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        let scale = b.iter().fold(1f32, |m, x| m.max(x.abs()));
        for (i, (x, y)) in a.iter().zip(&b).enumerate() {
            assert!((x - y).abs() <= 1e-5 * scale, "{what}[{i}]: {x} against {y}");
        }
    }
}
