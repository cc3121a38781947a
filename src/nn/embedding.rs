//! The sum of BERT's three embeddings for packed pieces: that of the piece, that of its place in the sentence, and the
//! first token type's.
//!
//! The gradient of a table is the sum of the gradients of the rows that were looked up.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::host::{for_row_chunks, host, is_fused, slice};

/// Embeds `n` pieces: `words` `[vocabulary, h]`, `positions` `[most pieces, h]`, `types` `[types, h]` → `[n, h]`.
pub fn embed(words: &Tensor, positions: &Tensor, types: &Tensor, ids: &[u32], places: &[u32]) -> Result<Tensor> {
    let check = |what: &str, indices: &[u32], table: &Tensor| match indices.iter().max() {
        Some(&max) if max as usize >= table.dim(0)? => {
            bail!("embed: {what} {max} outside a table of {}", table.dim(0)?)
        }
        _ => Ok(()),
    };
    check("id", ids, words)?;
    check("position", places, positions)?;
    if is_fused(words) {
        words.apply_op3(positions, types, Embed { ids: ids.into(), places: places.into() })
    } else {
        embed_plain(words, positions, types, ids, places)
    }
}

/// The same composed of candle operations.
pub fn embed_plain(words: &Tensor, positions: &Tensor, types: &Tensor, ids: &[u32], places: &[u32]) -> Result<Tensor> {
    let device = words.device();
    let words = words.index_select(&Tensor::new(ids, device)?, 0)?;
    let positions = positions.index_select(&Tensor::new(places, device)?, 0)?;
    (words + positions)?.broadcast_add(&types.narrow(0, 0, 1)?)
}

struct Embed {
    ids: Arc<[u32]>,
    places: Arc<[u32]>,
}

impl CustomOp3 for Embed {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn cpu_fwd(
        &self,
        words: &CpuStorage,
        words_layout: &Layout,
        positions: &CpuStorage,
        positions_layout: &Layout,
        types: &CpuStorage,
        types_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, h) = words_layout.shape().dims2()?;
        let (words, positions, types) =
            (slice(words, words_layout)?, slice(positions, positions_layout)?, slice(types, types_layout)?);
        let n = self.ids.len();
        let mut out = vec![0f32; n * h];
        for_row_chunks(&mut out, h, |first, rows| {
            for (i, out) in rows.chunks_exact_mut(h).enumerate() {
                let word = &words[self.ids[first + i] as usize * h..][..h];
                let position = &positions[self.places[first + i] as usize * h..][..h];
                for j in 0..h {
                    out[j] = word[j] + position[j] + types[j];
                }
            }
        });
        Ok((CpuStorage::F32(out), (n, h).into()))
    }

    fn bwd(
        &self,
        words: &Tensor,
        positions: &Tensor,
        types: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let g = g.contiguous()?;
        let device = g.device();
        let (_, h) = g.dims2()?;
        let g = host(&g)?;
        let g: &[f32] = &g;
        let scatter = |table: &Tensor, index: &dyn Fn(usize) -> usize| {
            let mut gradient = vec![0f32; table.elem_count()];
            for (i, row) in g.chunks_exact(h).enumerate() {
                super::math::axpy(1.0, row, &mut gradient[index(i) * h..][..h]);
            }
            Tensor::from_vec(gradient, table.shape(), device)
        };
        Ok((
            Some(scatter(words, &|i| self.ids[i] as usize)?),
            Some(scatter(positions, &|i| self.places[i] as usize)?),
            Some(scatter(types, &|_| 0)?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{assert_same, variable};

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        let (words, positions, types) = (variable("w", &[7, 5]), variable("p", &[4, 5]), variable("t", &[2, 5]));
        let (ids, places) = ([3, 3, 6, 0, 3], [0, 1, 2, 0, 1]);
        assert_same(
            &[&words, &positions, &types],
            || embed(&words, &positions, &types, &ids, &places),
            || embed_plain(&words, &positions, &types, &ids, &places),
        );
    }

    #[test]
    fn an_id_outside_the_table_is_refused() {
        let (words, positions, types) = (variable("w", &[7, 5]), variable("p", &[4, 5]), variable("t", &[2, 5]));
        assert!(embed(&words, &positions, &types, &[7], &[0]).is_err());
        assert!(embed(&words, &positions, &types, &[0], &[4]).is_err());
    }
}
