//! The passes over all sentences and heads, and the tables spread out for them.

use super::head::{Gradient, Scores, Shift, entries};
use super::{Distances, Relative};
use crate::Packing;
use crate::attention::{Place, Plan, Sentences};
use crate::dropout::Dropout;
use crate::host::kernel;
use crate::math::axpy;
use crate::small::padded;
use crate::tape::Tape;
use crate::tiles::{Cuts, Split, Tile, for_tiles};

/// Tasks that the backward pass is cut into, about.
const TASKS: usize = 48;
/// Rows a task of the tables.
const ROWS: usize = 16;

/// What is computed where.
pub struct RelativePlan {
    plan: Plan,
    distances: Distances,
    places: Vec<u32>,
}

impl RelativePlan {
    /// For matrices of `h` columns.
    pub fn new(relative: Relative<'_>, sentences: Sentences<'_>, heads: usize, h: usize) -> Self {
        let scale = 1.0 / ((h / heads * relative.terms()) as f32).sqrt();
        Self {
            plan: Plan::new(sentences, heads, h, scale),
            distances: relative.distances.clone(),
            places: relative.places.to_vec(),
        }
    }

    /// Elements of P in all sentences.
    pub fn weights(&self) -> usize {
        self.plan.weights()
    }

    /// Rows of κ and ρ.
    pub fn table_rows(&self) -> usize {
        self.distances.table_rows().len()
    }

    /// Groups of sentences, such that there are some dozen tasks.
    pub fn groups(&self) -> Cuts {
        let n = self.plan.keys.len();
        Cuts::every((n * self.plan.heads).div_ceil(TASKS).max(1), n)
    }

    fn shift(&self, sentence: usize) -> Shift<'_> {
        Shift { from: self.distances.longest() - 1, places: &self.places[self.plan.queries.sentence(sentence)] }
    }

    /// κ and ρ with an entry for each distance, transposed: `[h, entries]`. Entry t is key − query = t − longest + 1.
    /// A table that is left out is one of zeros.
    fn spread(&self, tables: [Option<&[f32]>; 2], out: [&mut [f32]; 2]) {
        let (h, width) = (self.plan.h, entries(self.distances.longest()));
        let (rows, all) = (Cuts::every(ROWS, h), Cuts::whole(width));
        let scales = [1.0, self.plan.scale];
        for ((table, out), scale) in tables.into_iter().zip(out).zip(scales) {
            let Some(table) = table else {
                out.fill(0.0);
                continue;
            };
            for_tiles([Split::new(out, &rows, &all)], |place, [mut out]| {
                spread_columns(table, h, place.rows.start, self.distances.rows(), scale, &mut out);
            });
        }
    }

    /// P and out.
    pub fn forward(
        &self,
        tape: &Tape,
        inputs: [&[f32]; 3],
        tables: [Option<&[f32]>; 2],
        dropout: Option<&Dropout>,
        out: [&mut [f32]; 2],
    ) {
        let width = entries(self.distances.longest());
        let [mut keys, mut queries] = [0, 1].map(|_| tape.buffer(self.plan.h * width));
        self.spread(tables, [&mut keys, &mut queries]);
        self.plan.forward(inputs, dropout, out, |&Place { sentence, shape, column }, q, k, p| {
            let tables = [&keys, &queries].map(|table| &table[column * width..][..shape.d * width]);
            pulp::Arch::new().dispatch(Scores { shape, column, shift: self.shift(sentence), q, k, tables, p });
        });
    }

    /// Gradients of q, k and v, and those of κ and ρ in each group of sentences.
    pub fn backward(
        &self,
        [q, k, v]: [&[f32]; 3],
        tables: [Option<&[f32]>; 2],
        (p, scale): (&[f32], f32),
        g: &[f32],
        [gq, gk, gv]: [&mut [f32]; 3],
        partial: [&mut [f32]; 2],
    ) {
        let plan = &self.plan;
        let (d, rows, groups) = (plan.h / plan.heads, self.table_rows(), self.groups());
        let borders = |packing: &Packing| Cuts::at((0..=groups.parts()).map(|i| packing.offsets[groups.border(i)]));
        let (queries, keys) = (borders(&plan.queries), borders(&plan.keys));
        let (tables_each, columns) = (Cuts::every(rows, rows * groups.parts()), Cuts::every(d, plan.h));
        let [_, _, weights] = plan.cuts();
        let [partial_keys, partial_queries] = partial;
        let splits = [
            Split::new(gq, &queries, &columns),
            Split::new(gk, &keys, &columns),
            Split::new(gv, &keys, &columns),
            Split::new(partial_keys, &tables_each, &columns),
            Split::new(partial_queries, &tables_each, &columns),
        ];
        for_tiles(splits, |place, [mut gq, mut gk, mut gv, table_keys, table_queries]| {
            let (column, wide) = (place.columns.start, padded(d));
            let size = entries(self.distances.longest()) * wide;
            let tables = tables.map(|table| self.spread_rows(table, column, size));
            let mut sums = [0, 1].map(|_| vec![0f32; size]);
            for sentence in groups.range(place.part.0) {
                let shape = plan.shape(sentence);
                // Where the sentence begins in the group.
                let query = plan.queries.sentence(sentence).start - queries.border(place.part.0);
                let key = plan.keys.sentence(sentence).start - keys.border(place.part.0);
                if shape.queries == 0 {
                    for row in key..key + shape.keys {
                        gk.row(row).fill(0.0);
                        gv.row(row).fill(0.0);
                    }
                    continue;
                }
                let [q, k, v, g] = [(q, &plan.queries), (k, &plan.keys), (v, &plan.keys), (g, &plan.queries)]
                    .map(|(matrix, packing)| plan.part(matrix, packing, sentence));
                let p = &p[weights.range(sentence)][column / d * shape.weights()..][..shape.weights()];
                let [of_queries, of_keys, of_values] = pulp::Arch::new().dispatch(Gradient {
                    shape,
                    column,
                    shift: self.shift(sentence),
                    q,
                    k,
                    v,
                    p: (p, scale),
                    g,
                    tables: tables.each_ref().map(Vec::as_slice),
                    table_gradients: sums.each_mut().map(Vec::as_mut_slice),
                });
                let parts = [(&mut gq, query, of_queries), (&mut gk, key, of_keys), (&mut gv, key, of_values)];
                for (tile, first, rows) in parts {
                    for (i, row) in rows.chunks_exact(wide).enumerate() {
                        tile.row(first + i).copy_from_slice(&row[..d]);
                    }
                }
            }
            for (mut out, sums) in [table_keys, table_queries].into_iter().zip(&sums) {
                gather_entries(sums, wide, self.distances.rows(), &mut out);
            }
        });
    }

    /// The head's columns of κ or ρ with an entry for each distance, rows padded: `[entries, d]`.
    fn spread_rows(&self, table: Option<&[f32]>, column: usize, size: usize) -> Vec<f32> {
        let (h, d) = (self.plan.h, self.plan.h / self.plan.heads);
        let mut out = vec![0f32; size];
        let Some(table) = table else { return out };
        // Entries count from the last key of the first query on: distances descend.
        for (out, &row) in out.chunks_exact_mut(padded(d)).zip(self.distances.rows().iter().rev()) {
            out[..d].copy_from_slice(&table[row as usize * h + column..][..d]);
        }
        out
    }
}

kernel! {
    /// For some columns of a table the entries of all distances side by side, scaled; what is left over is 0.
    fn spread_columns(table: &[f32], h: usize, first: usize, distances: &[u32], scale: f32, out: &mut Tile<'_>) {
        for column in 0..out.rows() {
            let out = out.row(column);
            for (out, &row) in out.iter_mut().zip(distances.iter().rev()) {
                *out = table[row as usize * h + first + column] * scale;
            }
            out[distances.len()..].fill(0.0);
        }
    }
}

kernel! {
    /// Sums the entries of the distances that have the same row.
    fn gather_entries(entries: &[f32], wide: usize, distances: &[u32], out: &mut Tile<'_>) {
        for row in 0..out.rows() {
            out.row(row).fill(0.0);
        }
        for (entry, &row) in entries.chunks_exact(wide).zip(distances.iter().rev()) {
            axpy(1.0, entry, out.row(row as usize));
        }
    }
}
