//! Some of a matrix's rows.

use candle_core::{Result, Tensor, bail};

use super::host::kernel;
use super::math::axpy;
use super::tape::{Tape, Value};

/// The rows of those numbers, in that order: `[rows.len(), h]`.
///
/// ```
/// use candle_core::Device;
/// use memoscope_nn::{self as nn, Pool, Tape};
/// let tape = Tape::inference(&Device::Cpu, &Pool::default());
/// let x = tape.constant(&[1.0, 2.0, 3.0], 1)?;
/// assert_eq!(nn::select(&tape, &x, &[2, 0])?.to_vec()?, [3.0, 1.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn select(tape: &Tape, x: &Value, rows: &[u32]) -> Result<Value> {
    let (n, h) = x.dims();
    if let Some(row) = rows.iter().find(|&&row| row as usize >= n) {
        bail!("select: row {row} of a matrix of {n}");
    }
    if tape.is_composed() {
        return tape.tensor(x.tensor()?.index_select(&Tensor::new(rows, tape.device())?, 0)?);
    }
    let values = x.host()?;
    let mut y = tape.buffer(rows.len() * h);
    for (y, &row) in y.chunks_exact_mut(h).zip(rows) {
        y.copy_from_slice(&values[row as usize * h..][..h]);
    }
    let (node, rows) = (x.node(), rows.to_vec());
    Ok(tape.output(y, h, move |g, sink| {
        sink.value(node, n * h, |out, accumulate| {
            if !accumulate {
                out.fill(0.0);
            }
            add_rows(&g, h, &rows, out);
        });
        Ok(())
    }))
}

kernel! {
    /// Adds each row of `x` to the row of `table` whose number stands in its place.
    pub(super) fn add_rows(x: &[f32], width: usize, rows: &[u32], table: &mut [f32]) {
        for (x, &row) in x.chunks_exact(width).zip(rows) {
            axpy(1.0, x, &mut table[row as usize * width..][..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_same;

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        assert_same(&[&[5, 3]], |tape, p| select(tape, &tape.parameter(&p[0])?, &[4, 1, 1]));
    }

    #[test]
    fn a_row_outside_is_refused() {
        let tape = Tape::inference(&candle_core::Device::Cpu, &Default::default());
        assert!(select(&tape, &tape.constant(&[1.0; 4], 2).unwrap(), &[2]).is_err());
    }
}
