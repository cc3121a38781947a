//! Training on the rows of the word embedding that the data use.
//!
//! A row whose subword occurs nowhere never gets a gradient: AdamW leaves its moments at 0 and only decays it, by the
//! same factor 1 − η·λ a step as every other decayed weight. So the rows in use are trained alone, and the others are
//! multiplied once, in the end, by the product of those factors. What comes out is what training all rows would give,
//! up to rounding, for a fraction of the optimiser's work and memory.

use std::collections::BTreeSet;

use candle_core::{Tensor, Var};

use super::encoder::WORDS;
use super::parameters::Parameters;
use crate::Result;

/// Which row of the (smaller) word embedding each subword id has.
#[derive(Debug)]
pub struct RowsInUse {
    ids: Vec<u32>,
    row_of: Vec<u32>,
    whole: Vec<f32>,
    hidden: usize,
}

const ABSENT: u32 = u32::MAX;

impl RowsInUse {
    /// Cuts the word embedding down to `ids`.
    pub fn select(parameters: &mut Parameters, ids: &BTreeSet<u32>) -> Result<Self> {
        let table = parameters.get(WORDS)?.as_tensor().clone();
        let (vocabulary, hidden) = table.dims2()?;
        let whole = table.flatten_all()?.to_vec1::<f32>()?;
        let ids: Vec<u32> = ids.iter().copied().filter(|&id| (id as usize) < vocabulary).collect();
        let mut row_of = vec![ABSENT; vocabulary];
        let mut rows = Vec::with_capacity(ids.len() * hidden);
        for (row, &id) in ids.iter().enumerate() {
            row_of[id as usize] = row as u32;
            rows.extend_from_slice(&whole[id as usize * hidden..][..hidden]);
        }
        let rows = Tensor::from_vec(rows, (ids.len(), hidden), table.device())?;
        parameters.replace(WORDS, Var::from_tensor(&rows)?)?;
        Ok(Self { ids, row_of, whole, hidden })
    }

    /// The rows of these subwords, or `None` if one is not in use.
    pub fn rows(&self, ids: &[u32]) -> Option<Vec<u32>> {
        let row = |&id: &u32| self.row_of.get(id as usize).copied().filter(|&row| row != ABSENT);
        ids.iter().map(row).collect()
    }

    /// The whole table: the rows in use as they are now, the others times `decay`.
    pub fn whole(&self, rows: &[f32], decay: f64) -> Vec<f32> {
        let mut whole: Vec<f32> = self.whole.iter().map(|&w| (f64::from(w) * decay) as f32).collect();
        for (row, &id) in rows.chunks_exact(self.hidden).zip(&self.ids) {
            whole[id as usize * self.hidden..][..self.hidden].copy_from_slice(row);
        }
        whole
    }
}
