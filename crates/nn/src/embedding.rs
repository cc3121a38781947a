//! The sum of a transformer's embeddings for packed subwords: that of the subword and, where the encoder has them, that
//! of its place in the sentence and the first token type's.
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
    /// One row a subword: `[vocabulary, h]`.
    pub words: Parameter,
    /// One row a place in the sentence: `[most subwords, h]`.
    pub positions: Option<Parameter>,
    /// One row a token type: `[types, h]`.
    pub types: Option<Parameter>,
}

/// Embeds n subwords: `[n, h]`; `places` are rows of the table of positions.
pub fn embed(tape: &Tape, tables: &Tables, ids: &[u32], places: &[u32]) -> Result<Value> {
    let check = |what: &str, indices: &[u32], table: &Parameter| match indices.iter().max() {
        Some(&max) if max as usize >= table.tensor().dim(0)? => {
            bail!("embed: {what} {max} outside a table of {}", table.tensor().dim(0)?)
        }
        _ => Ok(()),
    };
    check("id", ids, &tables.words)?;
    tables.positions.as_ref().map(|table| check("position", places, table)).transpose()?;
    tables.types.as_ref().map(|table| check("type", &[0], table)).transpose()?;
    if ids.len() != places.len() {
        bail!("embed: {} ids, {} places", ids.len(), places.len());
    }
    if tape.is_composed() {
        let table = |parameter: &Parameter| tape.parameter_tensor(parameter);
        let [positions, types] = [&tables.positions, &tables.types].map(|parameter| parameter.as_ref().map(table));
        return tape.tensor(embed_plain(&table(&tables.words), positions.as_ref(), types.as_ref(), ids, places)?);
    }
    let (_, h) = tables.words.tensor().dims2()?;
    let mut out = tape.buffer(ids.len() * h);
    {
        let words = tables.words.host()?;
        let positions = tables.positions.as_ref().map(Parameter::host).transpose()?;
        let types = tables.types.as_ref().map(Parameter::host).transpose()?;
        let (words, positions): (&[f32], Option<&[f32]>) = (&words, positions.as_deref());
        let types = types.as_deref().map(|types| &types[..h]);
        let (rows, all) = (Cuts::every(ROWS, ids.len()), Cuts::whole(h));
        for_tiles([Split::new(&mut out, &rows, &all)], |place, [mut out]| {
            let (ids, places) = (&ids[place.rows.clone()], &places[place.rows]);
            add_rows(words, positions, types, ids, places, &mut out);
        });
    }
    let (tables, ids, places) = (tables.clone(), ids.to_vec(), places.to_vec());
    Ok(tape.output(out, h, move |g, sink| {
        let zeros = vec![0; ids.len()];
        scatter(&tables.words, &ids, &g, h, sink);
        for (table, indices) in [(&tables.positions, &places), (&tables.types, &zeros)] {
            if let Some(table) = table {
                scatter(table, indices, &g, h, sink);
            }
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
    /// The sums of the rows of each subword.
    fn add_rows(
        words: &[f32],
        positions: Option<&[f32]>,
        types: Option<&[f32]>,
        ids: &[u32],
        places: &[u32],
        out: &mut Tile<'_>,
    ) {
        let h = out.columns();
        for (i, (&id, &place)) in ids.iter().zip(places).enumerate() {
            let out = &mut out.row(i)[..h];
            out.copy_from_slice(&words[id as usize * h..][..h]);
            let position = positions.map(|positions| &positions[place as usize * h..][..h]);
            for row in [position, types].into_iter().flatten() {
                for j in 0..h {
                    out[j] += row[j];
                }
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
pub fn embed_plain(
    words: &Tensor,
    positions: Option<&Tensor>,
    types: Option<&Tensor>,
    ids: &[u32],
    places: &[u32],
) -> Result<Tensor> {
    let device = words.device();
    let mut sum = words.index_select(&Tensor::new(ids, device)?, 0)?;
    if let Some(positions) = positions {
        sum = (sum + positions.index_select(&Tensor::new(places, device)?, 0)?)?;
    }
    match types {
        Some(types) => sum.broadcast_add(&types.narrow(0, 0, 1)?),
        None => Ok(sum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_same, inference, parameter};

    fn tables(p: &[Parameter]) -> Tables {
        Tables { words: p[0].clone(), positions: p.get(1).cloned(), types: p.get(2).cloned() }
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        let shapes: [&[usize]; 3] = [&[7, 5], &[4, 5], &[2, 5]];
        for tables_there in 1..=3 {
            assert_same(&shapes[..tables_there], |tape, p| embed(tape, &tables(p), &[3, 3, 6, 0, 3], &[0, 1, 2, 0, 1]));
        }
    }

    #[test]
    fn an_id_outside_the_table_is_refused() {
        let tables = tables(&[parameter(0, &[7, 5]), parameter(1, &[4, 5]), parameter(2, &[2, 5])]);
        assert!(embed(&inference(), &tables, &[7], &[0]).is_err());
        assert!(embed(&inference(), &tables, &[0], &[4]).is_err());
        assert!(embed(&inference(), &tables, &[0, 1], &[0]).is_err());
    }
}
