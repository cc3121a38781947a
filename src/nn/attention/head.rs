//! One head in one sentence: small matrices, in registers and in the first-level cache.
//!
//! A general matrix product packs its operands first, which for matrices of a few dozen rows costs as much as the
//! product. Here the columns of a head are copied out once, widened with zeros to whole vectors, and multiplied by one
//! kernel of 4 rows by 2 vectors.

use pulp::{Simd, WithSimd};

use crate::nn::math::{dot, exp, sum};

/// Columns are padded to a multiple of the widest vector.
const LANES: usize = 16;

/// How large one head of one sentence is, and how far apart the rows of the whole matrices are.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Rows of q.
    pub queries: usize,
    /// Rows of k and v.
    pub keys: usize,
    /// Columns of all heads.
    pub h: usize,
    /// Columns of one.
    pub d: usize,
}

impl Shape {
    /// Elements of P: its rows are padded.
    pub fn weights(&self) -> usize {
        self.queries * padded(self.keys)
    }

    fn scale(&self) -> f32 {
        1.0 / (self.d as f32).sqrt()
    }

    /// The head's columns of a matrix times `scale`, rows padded.
    #[inline(always)]
    fn gather(&self, matrix: &[f32], column: usize, scale: f32) -> Vec<f32> {
        let width = padded(self.d);
        let mut out = vec![0f32; matrix.len() / self.h * width];
        for (out, row) in out.chunks_exact_mut(width).zip(matrix.chunks_exact(self.h)) {
            for (out, &x) in out.iter_mut().zip(&row[column..][..self.d]) {
                *out = x * scale;
            }
        }
        out
    }

    /// The head's columns of a matrix, transposed: `[d, rows]`, rows padded.
    #[inline(always)]
    fn gather_transposed(&self, matrix: &[f32], column: usize) -> Vec<f32> {
        let width = padded(matrix.len() / self.h);
        let mut out = vec![0f32; self.d * width];
        for (i, row) in matrix.chunks_exact(self.h).enumerate() {
            for (c, &x) in row[column..][..self.d].iter().enumerate() {
                out[c * width + i] = x;
            }
        }
        out
    }

    /// Writes rows of padded width into the head's columns of a matrix.
    #[inline(always)]
    fn scatter(&self, rows: &[f32], column: usize, matrix: &mut [f32]) {
        for (row, out) in rows.chunks_exact(padded(self.d)).zip(matrix.chunks_exact_mut(self.h)) {
            out[column..][..self.d].copy_from_slice(&row[..self.d]);
        }
    }
}

/// n rounded up to whole vectors.
pub fn padded(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

/// P ← softmax(q·kᵀ/√d), the padding 0.
pub struct Scores<'a> {
    pub shape: Shape,
    pub column: usize,
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub p: &'a mut [f32],
}

impl WithSimd for Scores<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, column, q, k, p } = self;
        let q = shape.gather(q, column, shape.scale());
        let k = shape.gather_transposed(k, column);
        let width = padded(shape.keys);
        multiply(simd, Left::rows(&q, padded(shape.d), shape.d), shape.queries, &k, width, p);
        for row in p.chunks_exact_mut(width) {
            let (row, padding) = row.split_at_mut(shape.keys);
            let max = row.iter().fold(f32::NEG_INFINITY, |m, &x| if x > m { x } else { m });
            for x in row.iter_mut() {
                *x = exp(*x - max);
            }
            let inverse = 1.0 / sum(row);
            for x in row.iter_mut() {
                *x *= inverse;
            }
            padding.fill(0.0);
        }
    }
}

/// The head's columns of out ← dropout(P)·v; dropped weights get a negative sign.
pub struct Weighted<'a> {
    pub shape: Shape,
    pub column: usize,
    pub p: &'a mut [f32],
    pub v: &'a [f32],
    /// The mask `[queries, keys]`, and what is not 0 in it.
    pub mask: Option<(&'a [f32], f32)>,
    pub out: &'a mut [f32],
}

impl WithSimd for Weighted<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, column, p, v, mask, out } = self;
        let width = padded(shape.keys);
        let kept = mask.map(|(mask, scale)| {
            for (row, mask) in p.chunks_exact_mut(width).zip(mask.chunks_exact(shape.keys)) {
                for (p, &m) in row.iter_mut().zip(mask) {
                    *p = if m == 0.0 { -*p } else { *p };
                }
            }
            weights_kept(p, scale)
        });
        let v = shape.gather(v, column, 1.0);
        let wide = padded(shape.d);
        let mut rows = vec![0f32; shape.queries * wide];
        let kept = kept.as_deref().unwrap_or(p);
        multiply(simd, Left::rows(kept, width, shape.keys), shape.queries, &v, wide, &mut rows);
        shape.scatter(&rows, column, out);
    }
}

/// P̃: what dropout leaves of the weights.
#[inline(always)]
fn weights_kept(p: &[f32], scale: f32) -> Vec<f32> {
    // Multiplied in both cases: what is not a number, whatever its sign, stays so and is found out.
    p.iter().map(|&p| p.abs() * if p.is_sign_negative() { 0.0 } else { scale }).collect()
}

/// The head's columns of dQ, dK and dV.
pub struct Gradient<'a> {
    pub shape: Shape,
    pub column: usize,
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub v: &'a [f32],
    pub p: &'a [f32],
    /// 1/(1 − p) of the dropout.
    pub scale: f32,
    /// The gradient of out.
    pub g: &'a [f32],
    pub out: [&'a mut [f32]; 3],
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, column, q, k, v, p, scale, g, out: [gq, gk, gv] } = self;
        let Shape { queries, keys, d, .. } = shape;
        let (width, wide) = (padded(keys), padded(d));
        let g = shape.gather(g, column, 1.0);
        let kept = weights_kept(p, scale);
        let mut rows = vec![0f32; queries.max(keys) * wide];

        multiply(simd, Left::columns(&kept, width, queries), keys, &g, wide, &mut rows);
        shape.scatter(&rows[..keys * wide], column, gv);

        let v = shape.gather_transposed(v, column);
        let mut gs = vec![0f32; queries * width];
        multiply(simd, Left::rows(&g, wide, d), queries, &v, width, &mut gs);
        for ((gs, kept), p) in gs.chunks_exact_mut(width).zip(kept.chunks_exact(width)).zip(p.chunks_exact(width)) {
            let mean = dot(kept, gs);
            for ((gs, &kept), &p) in gs.iter_mut().zip(kept).zip(p) {
                *gs = kept * *gs - p.abs() * mean;
            }
        }

        let k = shape.gather(k, column, shape.scale());
        multiply(simd, Left::rows(&gs, width, keys), queries, &k, wide, &mut rows);
        shape.scatter(&rows[..queries * wide], column, gq);

        let q = shape.gather(q, column, shape.scale());
        multiply(simd, Left::columns(&gs, width, queries), keys, &q, wide, &mut rows);
        shape.scatter(&rows[..keys * wide], column, gk);
    }
}

/// The left operand of a product, with any strides.
#[derive(Clone, Copy)]
struct Left<'a> {
    values: &'a [f32],
    row_stride: usize,
    column_stride: usize,
    /// Columns: the terms of each sum.
    terms: usize,
}

impl<'a> Left<'a> {
    /// A matrix of rows `stride` apart, of which `terms` columns count.
    fn rows(values: &'a [f32], stride: usize, terms: usize) -> Self {
        Self { values, row_stride: stride, column_stride: 1, terms }
    }

    /// The transpose of a matrix of `terms` rows, `stride` apart.
    fn columns(values: &'a [f32], stride: usize, terms: usize) -> Self {
        Self { values, row_stride: 1, column_stride: stride, terms }
    }
}

/// out `[rows, width]` ← a·b, with b `[terms, width]` and width a multiple of [`LANES`].
#[inline(always)]
fn multiply<S: Simd>(simd: S, a: Left<'_>, rows: usize, b: &[f32], width: usize, out: &mut [f32]) {
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
