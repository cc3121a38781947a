//! Disentangled attention composed of candle operations, as transformers' `DebertaV2` computes it: products with all
//! rows of the tables, from which each pair's is read.

use candle_core::{D, Result, Tensor};

use super::Relative;
use crate::attention::{Padded, Sentences};
use crate::dropout::Dropout;

/// [`disentangled_attention`](super::disentangled_attention) on sentences padded to the longest of the batch; the
/// tables are κ and ρ.
pub fn disentangled_attention_plain(
    [q, k, v]: [&Tensor; 3],
    [keys, queries]: [Option<&Tensor>; 2],
    relative: Relative<'_>,
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
    let scale = 1.0 / ((h / heads * relative.terms()) as f64).sqrt();
    let mut scores = q.matmul(&k.t()?)?;
    // [1, heads, d, r], so that products are [batch, heads, subwords, r].
    let by_head = |table: &Tensor| table.reshape((1, (), heads, h / heads))?.permute((0, 2, 3, 1))?.contiguous();
    if let Some(table) = keys {
        let read = rows(relative, &padded, sentences, q.device())?;
        scores = (scores + q.broadcast_matmul(&by_head(table)?)?.gather(&read, D::Minus1)?)?;
    }
    if let Some(table) = queries {
        let read = rows(relative, &padded, sentences, q.device())?.t()?.contiguous()?;
        scores = (scores + k.broadcast_matmul(&by_head(table)?)?.gather(&read, D::Minus1)?.t()?)?;
    }
    padded.attend(&(scores * scale)?, &v, dropout)
}

/// For each pair the row of its distance: `[batch, heads, queries, keys]`; padding reads row 0.
fn rows(
    relative: Relative<'_>,
    padded: &Padded<'_>,
    Sentences { queries, keys }: Sentences<'_>,
    device: &candle_core::Device,
) -> Result<Tensor> {
    let [most_queries, most_keys] = padded.most();
    let (heads, from) = (padded.heads(), relative.distances.longest() - 1);
    let mut rows = vec![0u32; keys.len() * heads * most_queries * most_keys];
    for (i, (sentence, columns)) in queries.sentences().zip(keys.sentences()).enumerate() {
        for head in 0..heads {
            for (j, &place) in relative.places[sentence.clone()].iter().enumerate() {
                let row = &mut rows[((i * heads + head) * most_queries + j) * most_keys..][..columns.len()];
                for (key, row) in row.iter_mut().enumerate() {
                    *row = relative.distances.rows()[from + place as usize - key];
                }
            }
        }
    }
    Tensor::from_vec(rows, (keys.len(), heads, most_queries, most_keys), device)
}
