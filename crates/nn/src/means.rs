//! Means of groups of rows: c_k = Σ over the rows i of group k of x_i / |k|, with x `[n, h]`, c `[k, h]`.
//!
//! Gradient: each row of a group gets the group's gradient, divided by the group's size. A group without rows has the
//! mean 0, which no gradient goes through.

use candle_core::{Result, Tensor, bail};

use super::host::kernel;
use super::math::axpy;
use super::tape::{Tape, Value};

/// The mean of each group's rows: `[groups.len(), h]`, zeros for an empty group.
///
/// ```
/// use candle_core::Device;
/// use memoscope_nn::{self as nn, Pool, Tape};
/// let tape = Tape::inference(&Device::Cpu, &Pool::default());
/// let x = tape.constant(&[1.0, 2.0, 6.0], 1)?;
/// assert_eq!(nn::group_means(&tape, &x, &[vec![0, 2], vec![], vec![1]])?.to_vec()?, [3.5, 0.0, 2.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn group_means(tape: &Tape, x: &Value, groups: &[Vec<u32>]) -> Result<Value> {
    let (n, h) = x.dims();
    if let Some(row) = groups.iter().flatten().find(|&&row| row as usize >= n) {
        bail!("group means: row {row} of a matrix of {n}");
    }
    if tape.is_composed() {
        return tape.tensor(group_means_plain(x.tensor()?, groups)?);
    }
    let mut means = tape.buffer(groups.len() * h);
    gather_means(x.host()?, h, groups, &mut means);
    let (node, groups) = (x.node(), groups.to_vec());
    Ok(tape.output(means, h, move |g, sink| {
        sink.value(node, n * h, |out, accumulate| {
            if !accumulate {
                out.fill(0.0);
            }
            spread_means(&g, h, &groups, out);
        });
        Ok(())
    }))
}

kernel! {
    /// Writes each group's mean.
    fn gather_means(x: &[f32], h: usize, groups: &[Vec<u32>], means: &mut [f32]) {
        for (group, mean) in groups.iter().zip(means.chunks_exact_mut(h)) {
            mean.fill(0.0);
            let share = 1.0 / group.len().max(1) as f32;
            for &row in group {
                axpy(share, &x[row as usize * h..][..h], mean);
            }
        }
    }
}

kernel! {
    /// Adds each group's share of its gradient to its rows.
    fn spread_means(g: &[f32], h: usize, groups: &[Vec<u32>], out: &mut [f32]) {
        for (group, g) in groups.iter().zip(g.chunks_exact(h)) {
            let share = 1.0 / group.len().max(1) as f32;
            for &row in group {
                axpy(share, g, &mut out[row as usize * h..][..h]);
            }
        }
    }
}

/// The same composed of candle operations: the product of x with a matrix that holds 1/|k| where a row is in group k.
pub fn group_means_plain(x: &Tensor, groups: &[Vec<u32>]) -> Result<Tensor> {
    let (n, _) = x.dims2()?;
    let mut shares = vec![0f32; groups.len() * n];
    for (k, group) in groups.iter().enumerate() {
        for &row in group {
            shares[k * n + row as usize] += 1.0 / group.len() as f32;
        }
    }
    Tensor::from_vec(shares, (groups.len(), n), x.device())?.to_dtype(x.dtype())?.matmul(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_same, inference};

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        let groups = [vec![0, 3, 4], vec![], vec![6], vec![1, 2, 5, 7]];
        assert_same(&[&[8, 19]], |tape, p| group_means(tape, &tape.parameter(&p[0])?, &groups));
    }

    #[test]
    fn a_row_outside_is_refused() {
        let tape = inference();
        assert!(group_means(&tape, &tape.constant(&[1.0; 4], 2).unwrap(), &[vec![2]]).is_err());
    }
}
