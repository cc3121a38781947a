//! The sum of BERT's three embeddings for packed pieces: that of the piece, that of its place in the sentence, and the
//! first token type's.
//!
//! The gradient of a table is the sum of the gradients of the rows that were looked up; of the other rows it is zero,
//! and nothing is computed or stored for them.

use candle_core::{Result, Tensor, bail};

use super::host::kernel;
use super::math::axpy;
use super::tape::{Parameter, Sink, Tape, Value};
use super::tiles::{Cuts, Split, Tile, for_tiles};

/// Rows a task.
const ROWS: usize = 32;

/// The tables that are looked up.
#[derive(Debug, Clone)]
pub struct Tables {
    /// One row a piece: `[vocabulary, h]`.
    pub words: Parameter,
    /// One row a place in the sentence: `[most pieces, h]`.
    pub positions: Parameter,
    /// One row a token type: `[types, h]`.
    pub types: Parameter,
}

/// Embeds n pieces: `[n, h]`.
pub fn embed(tape: &Tape, tables: &Tables, ids: &[u32], places: &[u32]) -> Result<Value> {
    let check = |what: &str, indices: &[u32], table: &Parameter| match indices.iter().max() {
        Some(&max) if max as usize >= table.tensor().dim(0)? => {
            bail!("embed: {what} {max} outside a table of {}", table.tensor().dim(0)?)
        }
        _ => Ok(()),
    };
    check("id", ids, &tables.words)?;
    check("position", places, &tables.positions)?;
    check("type", &[0], &tables.types)?;
    if ids.len() != places.len() {
        bail!("embed: {} ids, {} places", ids.len(), places.len());
    }
    if tape.is_composed() {
        let table = |parameter| tape.parameter_tensor(parameter);
        let (words, positions, types) = (table(&tables.words), table(&tables.positions), table(&tables.types));
        return tape.tensor(embed_plain(&words, &positions, &types, ids, places)?);
    }
    let (_, h) = tables.words.tensor().dims2()?;
    let mut out = tape.buffer(ids.len() * h);
    {
        let (words, positions, types) = (tables.words.host()?, tables.positions.host()?, tables.types.host()?);
        let (words, positions, types): (&[f32], &[f32], &[f32]) = (&words, &positions, &types[..h]);
        let (rows, all) = (Cuts::every(ROWS, ids.len()), Cuts::whole(h));
        for_tiles([Split::new(&mut out, &rows, &all)], |place, [mut out]| {
            let (ids, places) = (&ids[place.rows.clone()], &places[place.rows]);
            add_three(words, positions, types, ids, places, &mut out);
        });
    }
    let (tables, ids, places) = (tables.clone(), ids.to_vec(), places.to_vec());
    Ok(tape.output(out, h, move |g, sink| {
        let zeros = vec![0; ids.len()];
        for (table, indices) in [(&tables.words, &ids), (&tables.positions, &places), (&tables.types, &zeros)] {
            scatter(table, indices, &g, h, sink);
        }
        Ok(())
    }))
}

/// Sums the rows of `g` that have the same index, in their order.
fn scatter(table: &Parameter, indices: &[u32], g: &[f32], h: usize, sink: &mut Sink<'_>) {
    let mut order: Vec<u32> = (0..indices.len() as u32).collect();
    order.sort_by_key(|&i| indices[i as usize]);
    let groups: Vec<&[u32]> = order.chunk_by(|&i, &j| indices[i as usize] == indices[j as usize]).collect();
    let mut sums = sink.buffer(groups.len() * h);
    let (rows, all) = (Cuts::every(ROWS, groups.len()), Cuts::whole(h));
    for_tiles([Split::new(&mut sums, &rows, &all)], |place, [mut sums]| {
        sum_groups(g, &groups[place.rows], &mut sums);
    });
    let rows = groups.iter().map(|group| indices[group[0] as usize]).collect();
    sink.parameter_rows(table, rows, sums);
}

kernel! {
    /// The sums of three rows.
    fn add_three(
        words: &[f32],
        positions: &[f32],
        types: &[f32],
        ids: &[u32],
        places: &[u32],
        out: &mut Tile<'_>,
    ) {
        let h = types.len();
        for (i, (&id, &place)) in ids.iter().zip(places).enumerate() {
            let (word, position) = (&words[id as usize * h..][..h], &positions[place as usize * h..][..h]);
            let out = &mut out.row(i)[..h];
            for j in 0..h {
                out[j] = word[j] + position[j] + types[j];
            }
        }
    }
}

kernel! {
    /// For each group of rows of `g` their sum.
    fn sum_groups(g: &[f32], groups: &[&[u32]], sums: &mut Tile<'_>) {
        for (i, group) in groups.iter().enumerate() {
            let sums = sums.row(i);
            sums.fill(0.0);
            for &row in *group {
                axpy(1.0, &g[row as usize * sums.len()..][..sums.len()], sums);
            }
        }
    }
}

/// The same composed of candle operations.
pub fn embed_plain(words: &Tensor, positions: &Tensor, types: &Tensor, ids: &[u32], places: &[u32]) -> Result<Tensor> {
    let device = words.device();
    let words = words.index_select(&Tensor::new(ids, device)?, 0)?;
    let positions = positions.index_select(&Tensor::new(places, device)?, 0)?;
    (words + positions)?.broadcast_add(&types.narrow(0, 0, 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::testing::{assert_same, inference, parameter};

    fn tables(p: &[Parameter]) -> Tables {
        Tables { words: p[0].clone(), positions: p[1].clone(), types: p[2].clone() }
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        assert_same(&[&[7, 5], &[4, 5], &[2, 5]], |tape, p| {
            embed(tape, &tables(p), &[3, 3, 6, 0, 3], &[0, 1, 2, 0, 1])
        });
    }

    #[test]
    fn an_id_outside_the_table_is_refused() {
        let tables = tables(&[parameter(0, &[7, 5]), parameter(1, &[4, 5]), parameter(2, &[2, 5])]);
        assert!(embed(&inference(), &tables, &[7], &[0]).is_err());
        assert!(embed(&inference(), &tables, &[0], &[4]).is_err());
        assert!(embed(&inference(), &tables, &[0, 1], &[0]).is_err());
    }
}
