//! Tensors as slices on the CPU.

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, Result, Storage, Tensor, bail};

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

/// Defines a function whose loops are compiled once for each instruction set (SSE2, AVX2, AVX-512) and that runs the best
/// one of this machine.
///
/// A closure given to pulp's `dispatch` is compiled for them only where the compiler decides to inline it, and large
/// loop bodies it does not; a body behind `#[inline(always)]` it must. What the body calls must be `#[inline(always)]`, too,
/// as the functions of [`math`](crate::math) are.
///
/// ```
/// memoscope_nn::kernel! {
///     /// Σ xᵢ².
///     fn squares(xs: &[f32]) -> f32 {
///         memoscope_nn::math::dot(xs, xs)
///     }
/// }
/// assert_eq!(squares(&[1.0, 2.0, 3.0]), 14.0);
/// ```
#[macro_export]
macro_rules! kernel {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name($($argument: $type),*) $(-> $output)? {
            struct Call<A>(A);
            impl $crate::pulp::WithSimd for Call<($($type,)*)> {
                type Output = $crate::kernel!(@output $($output)?);

                #[inline(always)]
                fn with_simd<S: $crate::pulp::Simd>(self, _: S) -> Self::Output {
                    let ($($argument,)*) = self.0;
                    $body
                }
            }
            $crate::pulp::Arch::new().dispatch(Call(($($argument,)*)))
        }
    };
    (@output) => { () };
    (@output $output:ty) => { $output };
}

pub(crate) use kernel;
