//! Scaled dot-product self-attention over packed sentences (arXiv 1706.03762, section 3.2).
//!
//! q, k, v are `[n, h]`, the heads lying side by side in the columns; for each sentence and head, with d = h / heads,
//! P = softmax(q·kᵀ/√d), out = dropout(P)·v. Nothing is stored for the backward pass but q, k and v: it computes P
//! again, then dV = P̃ᵀ·dO, dP = mask∘(dO·Vᵀ), dS = P∘(dP − rowsum(P∘dP)), dQ = dS·K/√d, dK = dSᵀ·Q/√d.

use candle_core::{CpuStorage, CustomOp3, D, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::Packing;
use super::dropout::Dropout;
use super::host::{host, is_fused, slice, split_sentences, vectorised};
use super::math::{axpy, dot, exp, sum};

/// Self-attention of each sentence with itself: `[n, h]` from q, k, v `[n, h]`.
pub fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    packing: &Packing,
    heads: usize,
    dropout: Option<&Dropout>,
) -> Result<Tensor> {
    let (n, h) = q.dims2()?;
    if k.dims() != q.dims() || v.dims() != q.dims() || packing.rows() != n || heads == 0 || !h.is_multiple_of(heads) {
        bail!(
            "attention: q {:?}, k {:?}, v {:?}, {} rows, {heads} heads",
            q.dims(),
            k.dims(),
            v.dims(),
            packing.rows()
        );
    }
    if is_fused(q) {
        let op = Attention { packing: packing.clone(), heads, dropout: dropout.cloned() };
        q.contiguous()?.apply_op3(&k.contiguous()?, &v.contiguous()?, op)
    } else {
        attention_plain(q, k, v, packing, heads, dropout)
    }
}

/// The same composed of candle operations, on sentences padded to the longest of the batch.
pub fn attention_plain(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    packing: &Packing,
    heads: usize,
    dropout: Option<&Dropout>,
) -> Result<Tensor> {
    let (n, h) = q.dims2()?;
    let (batch, longest) = (packing.len(), packing.sentences().map(|s| s.len()).max().unwrap_or(0));
    if n == 0 {
        return Ok(q.clone());
    }
    let (d, device) = (h / heads, q.device());
    let mut gather = vec![0u32; batch * longest]; // padding reads row 0, and is masked below
    let mut bias = vec![-1e30f32; batch * longest];
    let mut scatter = Vec::with_capacity(n);
    let mut masks = dropout.map(|_| vec![0f32; batch * heads * longest * longest]);
    for (i, rows) in packing.sentences().enumerate() {
        let length = rows.len();
        for (j, row) in rows.enumerate() {
            gather[i * longest + j] = row as u32;
            bias[i * longest + j] = 0.0;
            scatter.push((i * longest + j) as u32);
        }
        if let (Some(dropout), Some(masks)) = (dropout, &mut masks) {
            let mut block = vec![0f32; length * length];
            for head in 0..heads {
                dropout.fill((i * heads + head) as u64, &mut block);
                for (j, row) in block.chunks_exact(length).enumerate() {
                    masks[((i * heads + head) * longest + j) * longest..][..length].copy_from_slice(row);
                }
            }
        }
    }
    let gather = Tensor::from_vec(gather, batch * longest, device)?;
    let pad =
        |x: &Tensor| x.index_select(&gather, 0)?.reshape((batch, longest, heads, d))?.transpose(1, 2)?.contiguous();
    let (q, k, v) = (pad(q)?, pad(k)?, pad(v)?);
    let scores = (q.matmul(&k.t()?)? * (1.0 / (d as f64).sqrt()))?;
    let scores = scores.broadcast_add(&Tensor::from_vec(bias, (batch, 1, 1, longest), device)?.to_dtype(q.dtype())?)?;
    let weights = scores.broadcast_sub(&scores.detach().max_keepdim(D::Minus1)?)?.exp()?;
    let mut weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
    if let Some(masks) = masks {
        weights =
            (weights * Tensor::from_vec(masks, (batch, heads, longest, longest), device)?.to_dtype(q.dtype())?)?;
    }
    let out = weights.matmul(&v)?.transpose(1, 2)?.contiguous()?.reshape((batch * longest, h))?;
    out.index_select(&Tensor::from_vec(scatter, n, device)?, 0)
}

struct Attention {
    packing: Packing,
    heads: usize,
    dropout: Option<Dropout>,
}

/// The columns of one head in the rows of one sentence, and room to compute in.
struct Head<'a> {
    rows: std::ops::Range<usize>,
    first_column: usize,
    h: usize,
    d: usize,
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
}

impl Head<'_> {
    #[inline(always)]
    fn row<'a>(&self, matrix: &'a [f32], i: usize) -> &'a [f32] {
        &matrix[(self.rows.start + i) * self.h + self.first_column..][..self.d]
    }

    /// The head's part of a matrix, transposed: `[d, length]`.
    #[inline(always)]
    fn transposed(&self, matrix: &[f32]) -> Vec<f32> {
        let length = self.rows.len();
        let mut out = vec![0f32; self.d * length];
        for i in 0..length {
            for (c, &x) in self.row(matrix, i).iter().enumerate() {
                out[c * length + i] = x;
            }
        }
        out
    }

    /// P: the attention of each row over all rows, `[length, length]`.
    #[inline(always)]
    fn probabilities(&self) -> Vec<f32> {
        let length = self.rows.len();
        let scale = 1.0 / (self.d as f32).sqrt();
        let transposed = self.transposed(self.k);
        let mut p = vec![0f32; length * length];
        for (i, row) in p.chunks_exact_mut(length).enumerate() {
            for (c, &q) in self.row(self.q, i).iter().enumerate() {
                axpy(q * scale, &transposed[c * length..][..length], row);
            }
            let max = row.iter().fold(f32::NEG_INFINITY, |m, &x| if x > m { x } else { m });
            for x in row.iter_mut() {
                *x = exp(*x - max);
            }
            let inverse = 1.0 / sum(row);
            for x in row.iter_mut() {
                *x *= inverse;
            }
        }
        p
    }
}

impl Attention {
    fn head<'a>(&self, sentence: usize, head: usize, h: usize, q: &'a [f32], k: &'a [f32], v: &'a [f32]) -> Head<'a> {
        let d = h / self.heads;
        Head { rows: self.packing.sentence(sentence), first_column: head * d, h, d, q, k, v }
    }

    fn mask(&self, sentence: usize, head: usize, length: usize) -> Option<Vec<f32>> {
        self.dropout.as_ref().map(|dropout| {
            let mut mask = vec![0f32; length * length];
            dropout.fill((sentence * self.heads + head) as u64, &mut mask);
            mask
        })
    }
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, h) = q_layout.shape().dims2()?;
        let (q, k, v) = (slice(q, q_layout)?, slice(k, k_layout)?, slice(v, v_layout)?);
        let mut out = vec![0f32; n * h];
        split_sentences(&mut out, h, &self.packing).into_par_iter().enumerate().for_each(|(sentence, out)| {
            for head in 0..self.heads {
                let at = self.head(sentence, head, h, q, k, v);
                let mask = self.mask(sentence, head, at.rows.len());
                vectorised(|| {
                    let mut p = at.probabilities();
                    if let Some(mask) = &mask {
                        for (p, &m) in p.iter_mut().zip(mask) {
                            *p *= m;
                        }
                    }
                    let length = at.rows.len();
                    for i in 0..length {
                        let out = &mut out[i * h + at.first_column..][..at.d];
                        for j in 0..length {
                            axpy(p[i * length + j], at.row(v, j), out);
                        }
                    }
                });
            }
        });
        Ok((CpuStorage::F32(out), (n, h).into()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (n, h) = q.dims2()?;
        let device = q.device();
        let g = g.contiguous()?;
        let (q, k, v, g) = (host(q)?, host(k)?, host(v)?, host(&g)?);
        let (q, k, v, g): (&[f32], &[f32], &[f32], &[f32]) = (&q, &k, &v, &g);
        let (mut gq, mut gk, mut gv) = (vec![0f32; n * h], vec![0f32; n * h], vec![0f32; n * h]);
        let parts = split_sentences(&mut gq, h, &self.packing)
            .into_par_iter()
            .zip(split_sentences(&mut gk, h, &self.packing))
            .zip(split_sentences(&mut gv, h, &self.packing));
        parts.enumerate().for_each(|(sentence, ((gq, gk), gv))| {
            for head in 0..self.heads {
                let at = self.head(sentence, head, h, q, k, v);
                let mask = self.mask(sentence, head, at.rows.len());
                vectorised(|| head_gradient(&at, mask.as_deref(), g, gq, gk, gv));
            }
        });
        Ok((
            Some(Tensor::from_vec(gq, (n, h), device)?),
            Some(Tensor::from_vec(gk, (n, h), device)?),
            Some(Tensor::from_vec(gv, (n, h), device)?),
        ))
    }
}

/// Adds one head's gradients to its columns of the sentence's rows of dQ, dK and dV.
#[inline(always)]
fn head_gradient(at: &Head<'_>, mask: Option<&[f32]>, g: &[f32], gq: &mut [f32], gk: &mut [f32], gv: &mut [f32]) {
    let (length, d, h) = (at.rows.len(), at.d, at.h);
    let scale = 1.0 / (d as f32).sqrt();
    let p = at.probabilities();
    let transposed = at.transposed(at.v);
    let mut gp = vec![0f32; length];
    for i in 0..length {
        let p = &p[i * length..][..length];
        let g = at.row(g, i);
        gp.fill(0.0);
        for (c, &g) in g.iter().enumerate() {
            axpy(g, &transposed[c * length..][..length], &mut gp);
        }
        match mask {
            Some(mask) => {
                let mask = &mask[i * length..][..length];
                for (gp, &m) in gp.iter_mut().zip(mask) {
                    *gp *= m;
                }
                for j in 0..length {
                    axpy(p[j] * mask[j], g, &mut gv[j * h + at.first_column..][..d]);
                }
            }
            None => {
                for j in 0..length {
                    axpy(p[j], g, &mut gv[j * h + at.first_column..][..d]);
                }
            }
        }
        let mean = dot(p, &gp);
        for (gp, &p) in gp.iter_mut().zip(p) {
            *gp = p * (*gp - mean) * scale;
        }
        let q = at.row(at.q, i);
        let gq = &mut gq[i * h + at.first_column..][..d];
        for j in 0..length {
            axpy(gp[j], at.row(at.k, j), gq);
            axpy(gp[j], q, &mut gk[j * h + at.first_column..][..d]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{assert_same, variable};
    use crate::random::Streams;

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        let packing = Packing::new([5, 1, 37, 2]);
        let dropout = Dropout::new(0.25, Streams::new(1).stream("attention", &[]));
        let (q, k, v) = (variable("q", &[45, 24]), variable("k", &[45, 24]), variable("v", &[45, 24]));
        for dropout in [None, dropout.as_ref()] {
            assert_same(
                &[&q, &k, &v],
                || attention(&q, &k, &v, &packing, 3, dropout),
                || attention_plain(&q, &k, &v, &packing, 3, dropout),
            );
        }
    }

    #[test]
    fn a_sentence_of_one_piece_attends_to_itself() {
        let (q, v) = (variable("q", &[2, 4]), variable("v", &[2, 4]));
        let out = attention(&q, &q, &v, &Packing::new([1, 1]), 2, None).unwrap();
        assert_eq!(out.to_vec2::<f32>().unwrap(), v.to_vec2::<f32>().unwrap());
    }

    #[test]
    fn rows_outside_the_packing_are_refused() {
        let q = variable("q", &[3, 4]);
        assert!(attention(&q, &q, &q, &Packing::new([2]), 2, None).is_err());
    }
}
