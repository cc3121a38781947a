//! Matrices side by side: the columns of each after those of the one before it.
//!
//! The gradient of each is its columns of the output's.

use candle_core::{Result, Tensor, bail};

use super::tape::{Tape, Value};
use super::tiles::{Cuts, Split, for_tiles};

/// Rows a task.
const ROWS: usize = 64;

/// `[n, h₁ + h₂ + …]` of matrices `[n, hᵢ]`.
///
/// ```
/// use candle_core::Device;
/// use memoscope_nn::{self as nn, Pool, Tape};
/// let tape = Tape::inference(&Device::Cpu, &Pool::default());
/// let (x, y) = (tape.constant(&[1.0, 2.0], 1)?, tape.constant(&[3.0, 4.0, 5.0, 6.0], 2)?);
/// assert_eq!(nn::concat(&tape, &[&x, &y])?.to_vec()?, [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn concat(tape: &Tape, parts: &[&Value]) -> Result<Value> {
    let Some(first) = parts.first() else { bail!("concat: no matrices") };
    let n = first.dims().0;
    if let Some(part) = parts.iter().find(|part| part.dims().0 != n) {
        bail!("concat: {n} rows beside {}", part.dims().0);
    }
    if tape.is_composed() {
        let tensors: Vec<&Tensor> = parts.iter().map(|part| part.tensor()).collect::<Result<_>>()?;
        return tape.tensor(Tensor::cat(&tensors, 1)?);
    }
    let widths: Vec<usize> = parts.iter().map(|part| part.dims().1).collect();
    let width: usize = widths.iter().sum();
    let mut out = tape.buffer(n * width);
    {
        let parts: Vec<&[f32]> = parts.iter().map(|part| part.host()).collect::<Result<_>>()?;
        let (rows, all) = (Cuts::every(ROWS, n), Cuts::whole(width));
        for_tiles([Split::new(&mut out, &rows, &all)], |place, [mut out]| {
            for (i, row) in place.rows.enumerate() {
                let mut rest = out.row(i);
                for (part, &width) in parts.iter().zip(&widths) {
                    let (of_part, behind) = rest.split_at_mut(width);
                    of_part.copy_from_slice(&part[row * width..][..width]);
                    rest = behind;
                }
            }
        });
    }
    let nodes: Vec<_> = parts.iter().map(|part| part.node()).collect();
    Ok(tape.output(out, width, move |g, sink| {
        let mut first = 0;
        for (node, &columns) in nodes.iter().zip(&widths) {
            let mut of_part = sink.buffer(n * columns);
            let (rows, all) = (Cuts::every(ROWS, n), Cuts::whole(columns));
            for_tiles([Split::new(&mut of_part, &rows, &all)], |place, [mut out]| {
                for (i, row) in place.rows.enumerate() {
                    out.row(i).copy_from_slice(&g[row * width + first..][..columns]);
                }
            });
            sink.give(*node, of_part);
            first += columns;
        }
        Ok(())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_same, inference};

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        assert_same(&[&[70, 3], &[70, 5], &[70, 1]], |tape, p| {
            let [a, b, c] = [0, 1, 2].map(|i| tape.parameter(&p[i]).unwrap());
            concat(tape, &[&a, &b, &a, &c])
        });
    }

    #[test]
    fn matrices_of_different_heights_are_refused() {
        let tape = inference();
        let (x, y) = (tape.constant(&[1.0; 4], 2).unwrap(), tape.constant(&[1.0; 6], 2).unwrap());
        assert!(concat(&tape, &[&x, &y]).is_err());
        assert!(concat(&tape, &[]).is_err());
    }
}
