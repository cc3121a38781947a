//! One head in one sentence. The columns of a head are copied out once, widened with zeros to whole vectors, and
//! multiplied as [small](super::super::small) matrices.

use pulp::{Simd, WithSimd};

use crate::math::{dot, exp, sum};
use crate::small::{Left, multiply, padded};

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
    /// What scores are multiplied by.
    pub scale: f32,
}

impl Shape {
    /// Elements of P: its rows are padded.
    pub fn weights(&self) -> usize {
        self.queries * padded(self.keys)
    }

    /// The head's columns of a matrix times `scale`, rows padded.
    #[inline(always)]
    pub fn gather(&self, matrix: &[f32], column: usize, scale: f32) -> Vec<f32> {
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
    pub fn gather_transposed(&self, matrix: &[f32], column: usize) -> Vec<f32> {
        let width = padded(matrix.len() / self.h);
        let mut out = vec![0f32; self.d * width];
        for (i, row) in matrix.chunks_exact(self.h).enumerate() {
            for (c, &x) in row[column..][..self.d].iter().enumerate() {
                out[c * width + i] = x;
            }
        }
        out
    }

    /// Turns scores, rows padded, into weights, the padding 0.
    #[inline(always)]
    pub fn softmax(&self, p: &mut [f32]) {
        for row in p.chunks_exact_mut(padded(self.keys)) {
            let (row, padding) = row.split_at_mut(self.keys);
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

    /// The gradients of v `[keys, d]` and of the scores before they were scaled `[queries, keys]`, rows padded; v and
    /// g are whole matrices, `scale` is 1/(1 − p) of the dropout.
    #[inline(always)]
    pub fn score_gradient<S: Simd>(
        &self,
        simd: S,
        column: usize,
        v: &[f32],
        (p, scale): (&[f32], f32),
        g: &[f32],
    ) -> [Vec<f32>; 2] {
        let (width, wide) = (padded(self.keys), padded(self.d));
        let g = self.gather(g, column, 1.0);
        let kept = weights_kept(p, scale);
        let mut gv = vec![0f32; self.keys * wide];
        multiply(simd, Left::columns(&kept, width, self.queries), self.keys, &g, wide, &mut gv);
        let v = self.gather_transposed(v, column);
        let mut gs = vec![0f32; self.queries * width];
        multiply(simd, Left::rows(&g, wide, self.d), self.queries, &v, width, &mut gs);
        for ((gs, kept), p) in gs.chunks_exact_mut(width).zip(kept.chunks_exact(width)).zip(p.chunks_exact(width)) {
            let mean = dot(kept, gs);
            for ((gs, &kept), &p) in gs.iter_mut().zip(kept).zip(p) {
                *gs = kept * *gs - p.abs() * mean;
            }
        }
        [gv, gs]
    }

    /// Writes rows of padded width into the head's columns of a matrix.
    #[inline(always)]
    fn scatter(&self, rows: &[f32], column: usize, matrix: &mut [f32]) {
        for (row, out) in rows.chunks_exact(padded(self.d)).zip(matrix.chunks_exact_mut(self.h)) {
            out[column..][..self.d].copy_from_slice(&row[..self.d]);
        }
    }
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
        let q = shape.gather(q, column, shape.scale);
        let k = shape.gather_transposed(k, column);
        let width = padded(shape.keys);
        multiply(simd, Left::rows(&q, padded(shape.d), shape.d), shape.queries, &k, width, p);
        shape.softmax(p);
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
        let [rows, gs] = shape.score_gradient(simd, column, v, (p, scale), g);
        shape.scatter(&rows, column, gv);

        let mut rows = vec![0f32; queries.max(keys) * wide];
        let k = shape.gather(k, column, shape.scale);
        multiply(simd, Left::rows(&gs, width, keys), queries, &k, wide, &mut rows);
        shape.scatter(&rows[..queries * wide], column, gq);

        let q = shape.gather(q, column, shape.scale);
        multiply(simd, Left::columns(&gs, width, queries), keys, &q, wide, &mut rows);
        shape.scatter(&rows[..keys * wide], column, gk);
    }
}
