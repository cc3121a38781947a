//! Products of small matrices, in registers and in the first-level cache.
//!
//! A general matrix product packs its operands first, which for matrices of a few dozen rows costs as much as the
//! product. Here rows are widened with zeros to whole vectors, and multiplied by one kernel of 4 rows by 2 vectors.

use pulp::Simd;

/// Columns are padded to a multiple of the widest vector.
pub const LANES: usize = 16;

/// n rounded up to whole vectors.
pub fn padded(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

/// The left operand of a product, with any strides.
#[derive(Clone, Copy)]
pub struct Left<'a> {
    values: &'a [f32],
    row_stride: usize,
    column_stride: usize,
    /// Columns: the terms of each sum.
    terms: usize,
}

impl<'a> Left<'a> {
    /// A matrix of rows `stride` apart, of which `terms` columns count.
    pub fn rows(values: &'a [f32], stride: usize, terms: usize) -> Self {
        Self { values, row_stride: stride, column_stride: 1, terms }
    }

    /// The transpose of a matrix of `terms` rows, `stride` apart.
    pub fn columns(values: &'a [f32], stride: usize, terms: usize) -> Self {
        Self { values, row_stride: 1, column_stride: stride, terms }
    }
}

/// out `[rows, width]` ← a·b, with b `[terms, width]` and width a multiple of [`LANES`].
#[inline(always)]
pub fn multiply<S: Simd>(simd: S, a: Left<'_>, rows: usize, b: &[f32], width: usize, out: &mut [f32]) {
    let vectors = width / S::F32_LANES;
    let mut row = 0;
    while row < rows {
        let n = (rows - row).min(4);
        let mut vector = 0;
        while vector < vectors {
            let two = vectors - vector >= 2;
            match (n, two) {
                (4, true) => block::<S, 4, 2>(simd, a, row, b, width, vector, out),
                (4, false) => block::<S, 4, 1>(simd, a, row, b, width, vector, out),
                (3, true) => block::<S, 3, 2>(simd, a, row, b, width, vector, out),
                (3, false) => block::<S, 3, 1>(simd, a, row, b, width, vector, out),
                (2, true) => block::<S, 2, 2>(simd, a, row, b, width, vector, out),
                (2, false) => block::<S, 2, 1>(simd, a, row, b, width, vector, out),
                (_, true) => block::<S, 1, 2>(simd, a, row, b, width, vector, out),
                (_, false) => block::<S, 1, 1>(simd, a, row, b, width, vector, out),
            }
            vector += if two { 2 } else { 1 };
        }
        row += n;
    }
}

/// R rows by V vectors of the product, summed in registers.
#[inline(always)]
fn block<S: Simd, const R: usize, const V: usize>(
    simd: S,
    a: Left<'_>,
    row: usize,
    b: &[f32],
    width: usize,
    vector: usize,
    out: &mut [f32],
) {
    let column = vector * S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    for (term, b) in b.chunks_exact(width).take(a.terms).enumerate() {
        let (b, _) = S::as_simd_f32s(&b[column..]);
        for (r, sums) in sums.iter_mut().enumerate() {
            let x = simd.splat_f32s(a.values[(row + r) * a.row_stride + term * a.column_stride]);
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum = simd.mul_add_e_f32s(x, b, *sum);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let (out, _) = S::as_mut_simd_f32s(&mut out[(row + r) * width + column..][..V * S::F32_LANES]);
        out.copy_from_slice(sums);
    }
}
