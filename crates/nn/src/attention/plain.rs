//! Attention composed of candle operations, on sentences padded to the longest of the batch.

use candle_core::{D, Result, Tensor};

use super::Sentences;
use crate::Packing;
use crate::dropout::Dropout;

/// [`attention`](super::attention) composed of candle operations.
pub fn attention_plain(
    [q, k, v]: [&Tensor; 3],
    sentences: Sentences<'_>,
    heads: usize,
    dropout: Option<&Dropout>,
) -> Result<Tensor> {
    let (m, h) = q.dims2()?;
    if m == 0 {
        return Ok(q.clone());
    }
    let padded = Padded::new(sentences, heads, q)?;
    let (q, k, v) = (padded.queries(q)?, padded.keys(k)?, padded.keys(v)?);
    let scores = (q.matmul(&k.t()?)? * (1.0 / ((h / heads) as f64).sqrt()))?;
    padded.attend(&scores, &v, dropout)
}

/// Where the subwords of packed sentences are when these are padded.
pub struct Padded<'a> {
    sentences: Sentences<'a>,
    heads: usize,
    most_queries: usize,
    most_keys: usize,
    /// For each padded place the row of q, and of k and v, that it is read from; padding reads row 0.
    rows: [Tensor; 2],
}

impl<'a> Padded<'a> {
    /// Of matrices on the device of `q`.
    pub fn new(sentences: Sentences<'a>, heads: usize, q: &Tensor) -> Result<Self> {
        let longest = |packing: &Packing| packing.sentences().map(|s| s.len()).max().unwrap_or(0);
        let (most_queries, most_keys) = (longest(sentences.queries), longest(sentences.keys));
        let gather = |packing: &Packing, most: usize| {
            let mut rows = vec![0u32; packing.len() * most];
            for (i, sentence) in packing.sentences().enumerate() {
                for (j, row) in sentence.enumerate() {
                    rows[i * most + j] = row as u32;
                }
            }
            Tensor::from_vec(rows, packing.len() * most, q.device())
        };
        let rows = [gather(sentences.queries, most_queries)?, gather(sentences.keys, most_keys)?];
        Ok(Self { sentences, heads, most_queries, most_keys, rows })
    }

    /// Number of heads.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Queries and keys of a padded sentence.
    pub fn most(&self) -> [usize; 2] {
        [self.most_queries, self.most_keys]
    }

    /// q `[m, h]` as `[batch, heads, queries, d]`.
    pub fn queries(&self, q: &Tensor) -> Result<Tensor> {
        self.pad(q, &self.rows[0], self.most_queries)
    }

    /// k or v `[n, h]` as `[batch, heads, keys, d]`.
    pub fn keys(&self, k: &Tensor) -> Result<Tensor> {
        self.pad(k, &self.rows[1], self.most_keys)
    }

    fn pad(&self, x: &Tensor, rows: &Tensor, most: usize) -> Result<Tensor> {
        let (batch, d) = (self.sentences.keys.len(), x.dims2()?.1 / self.heads);
        x.index_select(rows, 0)?.reshape((batch, most, self.heads, d))?.transpose(1, 2)?.contiguous()
    }

    /// dropout(softmax(scores))·v of the rows that are no padding: `[m, h]`.
    pub fn attend(&self, scores: &Tensor, v: &Tensor, dropout: Option<&Dropout>) -> Result<Tensor> {
        let &Self { sentences: Sentences { queries, keys }, heads, most_queries, most_keys, .. } = self;
        let (batch, device) = (keys.len(), scores.device());
        let mut bias = vec![-1e30f32; batch * most_keys];
        let mut masks = dropout.map(|_| vec![0f32; batch * heads * most_queries * most_keys]);
        let mut scatter = Vec::with_capacity(queries.rows());
        for (i, (rows, columns)) in queries.sentences().zip(keys.sentences()).enumerate() {
            bias[i * most_keys..][..columns.len()].fill(0.0);
            scatter.extend((0..rows.len()).map(|j| (i * most_queries + j) as u32));
            if let (Some(dropout), Some(masks)) = (dropout, &mut masks) {
                let mut block = vec![0f32; rows.len() * columns.len()];
                for head in 0..heads {
                    dropout.fill((i * heads + head) as u64, &mut block);
                    for (j, row) in block.chunks_exact(columns.len().max(1)).enumerate() {
                        let start = ((i * heads + head) * most_queries + j) * most_keys;
                        masks[start..][..columns.len()].copy_from_slice(row);
                    }
                }
            }
        }
        let bias = Tensor::from_vec(bias, (batch, 1, 1, most_keys), device)?.to_dtype(scores.dtype())?;
        let scores = scores.broadcast_add(&bias)?;
        let weights = scores.broadcast_sub(&scores.detach().max_keepdim(D::Minus1)?)?.exp()?;
        let mut weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
        if let Some(masks) = masks {
            let masks = Tensor::from_vec(masks, (batch, heads, most_queries, most_keys), device)?;
            weights = (weights * masks.to_dtype(scores.dtype())?)?;
        }
        let out = weights.matmul(v)?.transpose(1, 2)?.contiguous()?.reshape((batch * most_queries, ()))?;
        out.index_select(&Tensor::from_vec(scatter, queries.rows(), device)?, 0)
    }
}
