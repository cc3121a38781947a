//! One direction of a long short-term memory layer over packed sentences (Hochreiter and Schmidhuber 1997, with the forget
//! gate of Gers et al. 2000; PyTorch's `LSTM`).
//!
//! Given a_t = W_ih·x_t + b_ih + b_hh for all words at once (a linear layer, `[n, 4h]`, gates in PyTorch's order i, f, g,
//! o) and the recurrent weight W `[4h, h]`:
//!
//! ```text
//! (i, f, g, o) = (σ, σ, tanh, σ)(a_t + W·h_{t−1})     c_t = f∘c_{t−1} + i∘g     h_t = o∘tanh(c_t)
//! ```
//!
//! with h₀ = c₀ = 0 for each sentence. Forward, t runs from a sentence's first word to its last; backward, from the last to
//! the first.
//!
//! A task has a fixed number of sentences and walks through them together, the longest first, so that W·h_{t−1} is a
//! product of matrices, of as many rows as sentences have a t-th word.
//!
//! Kept for the backward pass are the gates, c, and h_{t−1} of each word. It goes through time in reverse:
//!
//! ```text
//! ∂h_t = g_t + Wᵀ·∂a_{t+1}        ∂c_t = ∂c_{t+1}∘f_{t+1} + ∂h_t∘o∘(1 − tanh²c_t)
//! ∂a_t = (∂c∘g∘i(1 − i), ∂c∘c_{t−1}∘f(1 − f), ∂c∘i∘(1 − g²), ∂h∘tanh(c)∘o(1 − o))
//! ```
//!
//! and ∂W = Σ_t ∂a_t·h_{t−1}ᵀ is one product over all words.

use std::ops::Range;

use candle_core::{Result, Tensor, bail};

use super::Packing;
use super::host::kernel;
use super::math::exp;
use super::product::{View, multiply, product};
use super::tape::{Parameter, Tape, Value};
use super::tiles::{Cuts, Split, Tile, for_tiles};

/// Sentences a task.
const SENTENCES: usize = 8;

/// Which way a layer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the first word to the last.
    Forward,
    /// From the last word to the first.
    Backward,
}

/// The states h of each word `[n, h]`, given the gates' inputs `[n, 4h]` and the recurrent weight `[4h, h]`.
///
/// ```
/// use candle_core::{Device, Var};
/// use memoscope_nn::{self as nn, Direction, Packing, Parameter, Pool, Tape};
/// let tape = Tape::inference(&Device::Cpu, &Pool::default());
/// // One word, h = 1: c = σ(0)·tanh(1), h = σ(0)·tanh(c).
/// let gates = tape.constant(&[0.0, 0.0, 1.0, 0.0], 4)?;
/// let weight = Parameter::new(0, Var::new(&[[0.1f32], [0.2], [0.3], [0.4]], &Device::Cpu)?);
/// let h = nn::lstm(&tape, &gates, &weight, &Packing::new([1]), Direction::Forward)?.to_vec()?;
/// assert!((h[0] - 0.5 * (0.5 * 1f32.tanh()).tanh()).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn lstm(tape: &Tape, gates: &Value, weight: &Parameter, packing: &Packing, direction: Direction) -> Result<Value> {
    let ((n, columns), (rows, h)) = (gates.dims(), weight.tensor().dims2()?);
    if columns != 4 * h || rows != 4 * h || packing.rows() != n || h == 0 {
        bail!("lstm: gates [{n}, {columns}], weight [{rows}, {h}], {} rows in sentences", packing.rows());
    }
    if tape.is_composed() {
        return tape.tensor(lstm_plain(gates.tensor()?, &tape.parameter_tensor(weight), packing, direction)?);
    }
    let plan = Plan { packing: packing.clone(), direction, h };
    let [mut hidden, mut cells, mut previous] = [(); 3].map(|()| tape.buffer(n * h));
    let mut activated = tape.buffer(n * 4 * h);
    activated.copy_from_slice(gates.host()?);
    plan.forward(&weight.host()?, [&mut hidden, &mut activated, &mut cells, &mut previous]);
    let (node, weight) = (gates.node(), weight.clone());
    Ok(tape.output(hidden, h, move |g, sink| {
        let mut of_gates = sink.buffer(n * 4 * h);
        plan.backward(&weight.host()?, [&activated, &cells], &g, &mut of_gates);
        let (a, before) = (View::new(&of_gates, 4 * h), View::new(&previous, h));
        sink.parameter(&weight, |out, accumulate| product(out, a.t(), before, accumulate));
        sink.give(node, of_gates);
        Ok(())
    }))
}

/// What is computed where.
struct Plan {
    packing: Packing,
    direction: Direction,
    h: usize,
}

impl Plan {
    /// Rows at which the tasks' sentences begin and end.
    fn cuts(&self) -> Cuts {
        let sentences = Cuts::every(SENTENCES, self.packing.len());
        let end = |task: usize| sentences.range(task).last().map_or(0, |last| self.packing.sentence(last).end);
        Cuts::at(std::iter::once(0).chain((0..sentences.parts()).map(end)))
    }

    fn walk(&self, task: usize, first_row: usize) -> Walk {
        let range = task * SENTENCES..((task + 1) * SENTENCES).min(self.packing.len());
        let mut sentences: Vec<Range<usize>> = range.map(|i| self.packing.sentence(i)).collect();
        sentences.sort_by_key(|sentence| std::cmp::Reverse(sentence.len()));
        for sentence in &mut sentences {
            *sentence = sentence.start - first_row..sentence.end - first_row;
        }
        Walk { sentences, direction: self.direction }
    }

    fn forward(&self, weight: &[f32], [hidden, gates, cells, previous]: [&mut [f32]; 4]) {
        let h = self.h;
        let (rows, narrow, wide) = (self.cuts(), Cuts::whole(h), Cuts::whole(4 * h));
        let splits = [
            Split::new(hidden, &rows, &narrow),
            Split::new(gates, &rows, &wide),
            Split::new(cells, &rows, &narrow),
            Split::new(previous, &rows, &narrow),
        ];
        for_tiles(splits, |place, [mut hidden, mut gates, mut cells, mut previous]| {
            let walk = self.walk(place.part.0, place.rows.start);
            let (mut state, mut cell) = (vec![0f32; SENTENCES * h], vec![0f32; SENTENCES * h]);
            let mut recurrent = vec![0f32; SENTENCES * 4 * h];
            for step in 0..walk.steps() {
                let rows = walk.rows(step);
                let recurrent = &mut recurrent[..rows.len() * 4 * h];
                if step > 0 {
                    let state = View::new(&state[..rows.len() * h], h);
                    multiply(&mut Tile::whole(recurrent, 4 * h), state, View::new(weight, h).t(), false);
                }
                let out = Out { hidden: &mut hidden, cells: &mut cells, previous: &mut previous };
                advance(&rows, recurrent, &mut gates, &mut state, &mut cell, out);
            }
        });
    }

    fn backward(&self, weight: &[f32], [gates, cells]: [&[f32]; 2], g: &[f32], of_gates: &mut [f32]) {
        let h = self.h;
        let (rows, wide) = (self.cuts(), Cuts::whole(4 * h));
        for_tiles([Split::new(of_gates, &rows, &wide)], |place, [mut of_gates]| {
            let walk = self.walk(place.part.0, place.rows.start);
            let [narrow, wide] = [h, 4 * h].map(|width| place.rows.start * width..place.rows.end * width);
            let (gates, cells, g) = (&gates[wide], &cells[narrow.clone()], &g[narrow]);
            let (mut of_state, mut of_cell) = (vec![0f32; SENTENCES * h], vec![0f32; SENTENCES * h]);
            // ∂a of the step that was just gone through: the one after it in time.
            let mut after = vec![0f32; SENTENCES * 4 * h];
            let mut n_after = 0;
            for step in (0..walk.steps()).rev() {
                let rows = walk.rows(step);
                let (from_after, ends) = of_state[..rows.len() * h].split_at_mut(n_after * h);
                ends.fill(0.0);
                let mut out = Tile::whole(from_after, h);
                multiply(&mut out, View::new(&after[..n_after * 4 * h], 4 * h), View::new(weight, h), false);
                let before = if step > 0 { Some(walk.rows(step - 1)) } else { None };
                let kept = Kept { rows: &rows, before: before.as_deref(), gates, cells, g };
                retreat(kept, &mut of_state, &mut of_cell, &mut after, &mut of_gates);
                n_after = rows.len();
            }
        });
    }
}

/// How one task goes through its sentences, the longest first.
pub(super) struct Walk {
    sentences: Vec<Range<usize>>,
    direction: Direction,
}

impl Walk {
    /// Through a whole batch.
    pub fn whole(packing: &Packing, direction: Direction) -> Self {
        let mut sentences: Vec<Range<usize>> = packing.sentences().collect();
        sentences.sort_by_key(|sentence| std::cmp::Reverse(sentence.len()));
        Self { sentences, direction }
    }

    /// As many as the longest sentence has words.
    pub fn steps(&self) -> usize {
        self.sentences.first().map_or(0, Range::len)
    }

    /// Each sentence's word of that step, as its row in the task's tile; those that have ended are left out.
    pub fn rows(&self, step: usize) -> Vec<usize> {
        let alive = self.sentences.iter().take_while(|sentence| sentence.len() > step);
        alive
            .map(|sentence| match self.direction {
                Direction::Forward => sentence.start + step,
                Direction::Backward => sentence.end - 1 - step,
            })
            .collect()
    }
}

/// What a step writes besides the gates.
struct Out<'a, 'b> {
    hidden: &'a mut Tile<'b>,
    cells: &'a mut Tile<'b>,
    previous: &'a mut Tile<'b>,
}

/// What the backward pass of a step reads.
struct Kept<'a> {
    rows: &'a [usize],
    before: Option<&'a [usize]>,
    gates: &'a [f32],
    cells: &'a [f32],
    g: &'a [f32],
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x))
}

kernel! {
    /// One step in time: gates ← activated, and the new states.
    fn advance(
        rows: &[usize],
        recurrent: &[f32],
        gates: &mut Tile<'_>,
        state: &mut [f32],
        cell: &mut [f32],
        out: Out<'_, '_>,
    ) {
        let h = gates.columns() / 4;
        for (i, &row) in rows.iter().enumerate() {
            let (state, cell) = (&mut state[i * h..][..h], &mut cell[i * h..][..h]);
            out.previous.row(row).copy_from_slice(state);
            let gates = gates.row(row);
            for (a, &r) in gates.iter_mut().zip(&recurrent[i * 4 * h..][..4 * h]) {
                *a += r;
            }
            let (input, rest) = gates.split_at_mut(h);
            let (forget, rest) = rest.split_at_mut(h);
            let (candidate, output) = rest.split_at_mut(h);
            let output = &mut output[..h];
            for j in 0..h {
                input[j] = sigmoid(input[j]);
                forget[j] = sigmoid(forget[j]);
                candidate[j] = tanh(candidate[j]);
                output[j] = sigmoid(output[j]);
                cell[j] = forget[j] * cell[j] + input[j] * candidate[j];
                state[j] = output[j] * tanh(cell[j]);
            }
            out.cells.row(row).copy_from_slice(cell);
            out.hidden.row(row).copy_from_slice(state);
        }
    }
}

kernel! {
    /// One step back: ∂a of the step, into `after` and into the rows of `of_gates`. `of_cell` holds ∂c_{t+1}∘f_{t+1} on
    /// entry and ∂c_t∘f_t on return.
    fn retreat(
        kept: Kept<'_>,
        of_state: &mut [f32],
        of_cell: &mut [f32],
        after: &mut [f32],
        of_gates: &mut Tile<'_>,
    ) {
        let h = of_gates.columns() / 4;
        let nothing = vec![0f32; h];
        for (i, &row) in kept.rows.iter().enumerate() {
            let (input, rest) = kept.gates[row * 4 * h..][..4 * h].split_at(h);
            let (forget, rest) = rest.split_at(h);
            let (candidate, output) = rest.split_at(h);
            let output = &output[..h];
            let (cell, g) = (&kept.cells[row * h..][..h], &kept.g[row * h..][..h]);
            let cell_before = kept.before.map_or(&nothing[..], |before| &kept.cells[before[i] * h..][..h]);
            let (of_state, of_cell) = (&of_state[i * h..][..h], &mut of_cell[i * h..][..h]);
            let after = &mut after[i * 4 * h..][..4 * h];
            {
                let (of_input, rest) = after.split_at_mut(h);
                let (of_forget, rest) = rest.split_at_mut(h);
                let (of_candidate, of_output) = rest.split_at_mut(h);
                let of_output = &mut of_output[..h];
                for j in 0..h {
                    let squashed = tanh(cell[j]);
                    let dh = g[j] + of_state[j];
                    let dc = of_cell[j] + dh * output[j] * (1.0 - squashed * squashed);
                    of_input[j] = dc * candidate[j] * input[j] * (1.0 - input[j]);
                    of_forget[j] = dc * cell_before[j] * forget[j] * (1.0 - forget[j]);
                    of_candidate[j] = dc * input[j] * (1.0 - candidate[j] * candidate[j]);
                    of_output[j] = dh * squashed * output[j] * (1.0 - output[j]);
                    of_cell[j] = dc * forget[j];
                }
            }
            of_gates.row(row).copy_from_slice(after);
        }
    }
}

/// The same composed of candle operations: all sentences of the batch step by step, the longest first.
pub fn lstm_plain(gates: &Tensor, weight: &Tensor, packing: &Packing, direction: Direction) -> Result<Tensor> {
    let (h, device) = (weight.dim(1)?, gates.device());
    let walk = Walk::whole(packing, direction);
    if walk.steps() == 0 {
        return Tensor::zeros((0, h), gates.dtype(), device);
    }
    let (mut outputs, mut place) = (Vec::with_capacity(walk.steps()), vec![0u32; packing.rows()]);
    let mut state: Option<(Tensor, Tensor)> = None;
    let (transposed, mut done) = (weight.t()?, 0);
    for step in 0..walk.steps() {
        let rows: Vec<u32> = walk.rows(step).into_iter().map(|row| row as u32).collect();
        for &row in &rows {
            place[row as usize] = done;
            done += 1;
        }
        let mut a = gates.index_select(&Tensor::new(rows.as_slice(), device)?, 0)?;
        let mut kept = None;
        if let Some((hidden, cell)) = &state {
            let hidden = hidden.narrow(0, 0, rows.len())?;
            a = (a + hidden.matmul(&transposed)?)?;
            kept = Some(cell.narrow(0, 0, rows.len())?);
        }
        let gate = |number: usize| a.narrow(1, number * h, h);
        let sigmoid = |x: Tensor| (x.neg()?.exp()? + 1.0)?.recip();
        let fresh = (sigmoid(gate(0)?)? * gate(2)?.tanh()?)?;
        let cell = match kept {
            Some(cell) => ((sigmoid(gate(1)?)? * cell)? + fresh)?,
            None => fresh,
        };
        let hidden = (sigmoid(gate(3)?)? * cell.tanh()?)?;
        outputs.push(hidden.clone());
        state = Some((hidden, cell));
    }
    Tensor::cat(&outputs, 0)?.index_select(&Tensor::new(place.as_slice(), device)?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_same, inference, parameter};

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        let many: Vec<usize> = (0..21).map(|i| (i * 7) % 11).collect();
        for (lengths, h) in [(vec![1, 2], 3), (vec![5, 1, 0, 12, 2], 17), (many, 6)] {
            let packing = Packing::new(lengths);
            for direction in [Direction::Forward, Direction::Backward] {
                assert_same(&[&[packing.rows(), 4 * h], &[4 * h, h]], |tape, p| {
                    lstm(tape, &tape.parameter(&p[0])?, &p[1], &packing, direction)
                });
            }
        }
    }

    #[test]
    fn a_sentence_has_the_same_states_whatever_is_beside_it() {
        let (h, weight) = (5, parameter(1, &[20, 5]));
        let gates: Vec<f32> = (0..9 * 4 * h).map(|i| (i as f32 * 0.37).sin()).collect();
        let states = |rows: Range<usize>, lengths: &[usize]| {
            let tape = inference();
            let gates = tape.constant(&gates[rows.start * 4 * h..rows.end * 4 * h], 4 * h).unwrap();
            let packing = Packing::new(lengths.iter().copied());
            lstm(&tape, &gates, &weight, &packing, Direction::Backward).unwrap().to_vec().unwrap()
        };
        let together = states(0..9, &[4, 3, 2]);
        for (alone, own) in [(states(0..4, &[4]), 0..4), (states(4..7, &[3]), 4..7), (states(7..9, &[2]), 7..9)] {
            for (a, b) in alone.iter().zip(&together[own.start * h..own.end * h]) {
                assert!((a - b).abs() < 1e-6, "{a} against {b}");
            }
        }
    }

    #[test]
    fn without_words_there_are_no_states() {
        for tape in [inference(), inference().composed()] {
            let gates = tape.constant(&[], 12).unwrap();
            let states = lstm(&tape, &gates, &parameter(0, &[12, 3]), &Packing::new([0, 0]), Direction::Forward);
            assert!(states.unwrap().to_vec().unwrap().is_empty());
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = inference();
        let gates = tape.constant(&[1.0; 24], 12).unwrap();
        let run = |weight: &[usize], lengths: &[usize]| {
            let packing = Packing::new(lengths.iter().copied());
            lstm(&tape, &gates, &parameter(0, weight), &packing, Direction::Forward)
        };
        assert!(run(&[12, 3], &[2]).is_ok());
        assert!(run(&[12, 3], &[3]).is_err());
        assert!(run(&[12, 4], &[2]).is_err());
        assert!(run(&[16, 4], &[2]).is_err());
    }
}
