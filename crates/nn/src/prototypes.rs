//! The logits of a prototypical head (arXiv 2105.00828, section 5, after Snell et al., arXiv 1703.05175):
//! −‖f − c_k‖² for each class k with a centroid c_k, and one learned number for `O`, so that `O` wins where every class
//! is farther away than that. A class without support has the same low logit everywhere.
//!
//! With e = g_k, the gradient of a class's logit: ∂f = Σ over k of −2·e·(f − c_k), ∂c_k = Σ over rows of 2·e·(f − c_k).
//! The gradient of `O`'s number is the sum of its column.

use candle_core::{Result, Tensor, bail};

use super::host::kernel;
use super::tape::{Parameter, Tape, Value, add_or_copy};
use super::tiles::{Cuts, Split, Tile, for_tiles};

/// Rows a task.
const ROWS: usize = 32;

/// What a class without support, and `O`, are scored with.
#[derive(Debug, Clone)]
pub struct Outside {
    /// The logit of `O`: a matrix `[1, 1]`.
    pub logit: Parameter,
    /// The logit of a class without support.
    pub absent: f32,
}

/// Logits `[n, 1 + k]` of the rows of `f` `[n, h]`: column 0 is `O`, column 1 + i belongs to row i of `centroids`
/// `[k, h]`, which counts only where `present[i]`.
///
/// ```
/// use candle_core::{Device, Var};
/// use memoscope_nn::{self as nn, Outside, Parameter, Pool, Tape};
/// let tape = Tape::inference(&Device::Cpu, &Pool::default());
/// let f = tape.constant(&[1.0, 2.0], 2)?;
/// let centroids = tape.constant(&[1.0, 0.0, 9.0, 9.0], 2)?;
/// let logit = Parameter::new(0, Var::new(&[[-5f32]], &Device::Cpu)?);
/// let outside = Outside { logit, absent: -400.0 };
/// let logits = nn::prototype_logits(&tape, &f, &centroids, &[true, false], &outside)?;
/// assert_eq!(logits.to_vec()?, [-5.0, -4.0, -400.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn prototype_logits(
    tape: &Tape,
    f: &Value,
    centroids: &Value,
    present: &[bool],
    outside: &Outside,
) -> Result<Value> {
    let ((n, h), (k, width)) = (f.dims(), centroids.dims());
    if width != h || present.len() != k || outside.logit.tensor().dims() != [1, 1] {
        bail!("prototypes: f [{n}, {h}], {} flags for centroids [{k}, {width}], or O is no [1, 1]", present.len());
    }
    if tape.is_composed() {
        let logit = tape.parameter_tensor(&outside.logit);
        let logits = prototype_logits_plain(f.tensor()?, centroids.tensor()?, present, &logit, outside.absent)?;
        return tape.tensor(logits);
    }
    let mut logits = tape.buffer(n * (1 + k));
    {
        let (f, c, o) = (f.host()?, centroids.host()?, outside.logit.host()?[0]);
        let (rows, all) = (Cuts::every(ROWS, n), Cuts::whole(1 + k));
        for_tiles([Split::new(&mut logits, &rows, &all)], |place, [mut logits]| {
            let f = &f[place.rows.start * h..];
            negative_distances(f, c, h, present, [o, outside.absent], &mut logits);
        });
    }
    let (f, centroids, outside) = (f.clone(), centroids.clone(), outside.logit.clone());
    let present = present.to_vec();
    Ok(tape.output(logits, 1 + k, move |g, sink| {
        let (x, c) = (f.host()?, centroids.host()?);
        let mut of_f = sink.buffer(n * h);
        let (rows, all) = (Cuts::every(ROWS, n), Cuts::whole(h));
        for_tiles([Split::new(&mut of_f, &rows, &all)], |place, [mut out]| {
            let (x, g) = (&x[place.rows.start * h..], &g[place.rows.start * (1 + k)..]);
            pull_rows(x, c, h, &present, g, &mut out);
        });
        sink.give(f.node(), of_f);
        let mut of_c = sink.buffer(k * h);
        push_centroids(x, c, h, &present, &g, &mut of_c);
        sink.give(centroids.node(), of_c);
        let of_o = g.chunks_exact(1 + k).map(|row| row[0]).sum::<f32>();
        sink.parameter(&outside, |out, accumulate| add_or_copy(out, &[of_o], accumulate));
        Ok(())
    }))
}

kernel! {
    /// The logits of some rows; `fixed` are those of O and of an absent class.
    fn negative_distances(f: &[f32], c: &[f32], h: usize, present: &[bool], fixed: [f32; 2], logits: &mut Tile<'_>) {
        for i in 0..logits.rows() {
            let (f, logits) = (&f[i * h..][..h], logits.row(i));
            logits[0] = fixed[0];
            for ((logit, c), &present) in logits[1..].iter_mut().zip(c.chunks_exact(h)).zip(present) {
                *logit = if present { -squared_distance(f, c) } else { fixed[1] };
            }
        }
    }
}

/// ‖a − b‖², in sixteen sums that a vector register holds.
#[inline(always)]
fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 16];
    let (a_parts, b_parts) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a_parts.remainder().iter().zip(b_parts.remainder()).map(|(a, b)| (a - b) * (a - b)).sum();
    for (a, b) in a_parts.zip(b_parts) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// out += weight·(a − b).
#[inline(always)]
fn add_difference(weight: f32, a: &[f32], b: &[f32], out: &mut [f32]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out += weight * (a - b);
    }
}

kernel! {
    /// ∂f of some rows.
    fn pull_rows(f: &[f32], c: &[f32], h: usize, present: &[bool], g: &[f32], out: &mut Tile<'_>) {
        for i in 0..out.rows() {
            let (f, g, out) = (&f[i * h..][..h], &g[i * (1 + present.len())..], out.row(i));
            out.fill(0.0);
            for ((c, &present), &e) in c.chunks_exact(h).zip(present).zip(&g[1..]) {
                if present {
                    add_difference(2.0 * e, c, f, out);
                }
            }
        }
    }
}

kernel! {
    /// ∂c of all centroids, row by row of f.
    fn push_centroids(f: &[f32], c: &[f32], h: usize, present: &[bool], g: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        for (f, g) in f.chunks_exact(h).zip(g.chunks_exact(1 + present.len())) {
            for (((out, c), &present), &e) in out.chunks_exact_mut(h).zip(c.chunks_exact(h)).zip(present).zip(&g[1..]) {
                if present {
                    add_difference(2.0 * e, f, c, out);
                }
            }
        }
    }
}

/// The same composed of candle operations.
pub fn prototype_logits_plain(
    f: &Tensor,
    centroids: &Tensor,
    present: &[bool],
    outside: &Tensor,
    absent: f32,
) -> Result<Tensor> {
    let (n, _) = f.dims2()?;
    let mut columns = vec![outside.broadcast_as((n, 1))?.contiguous()?];
    for (k, &present) in present.iter().enumerate() {
        columns.push(if present {
            f.broadcast_sub(&centroids.narrow(0, k, 1)?)?.sqr()?.sum_keepdim(1)?.neg()?
        } else {
            Tensor::full(absent, (n, 1), f.device())?.to_dtype(f.dtype())?
        });
    }
    Tensor::cat(&columns, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_same, assert_same_loss, inference, parameter};
    use crate::{cross_entropy, group_means, select};

    fn outside(logit: &Parameter) -> Outside {
        Outside { logit: logit.clone(), absent: -40.0 }
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        for (n, h, k) in [(1, 3, 1), (70, 33, 8), (5, 300, 4)] {
            let present: Vec<bool> = (0..k).map(|i| i % 3 != 1).collect();
            assert_same(&[&[n, h], &[k, h], &[1, 1]], |tape, p| {
                let (f, c) = (tape.parameter(&p[0])?, tape.parameter(&p[1])?);
                prototype_logits(tape, &f, &c, &present, &outside(&p[2]))
            });
        }
    }

    #[test]
    fn an_episode_has_the_gradients_of_the_plain_version() {
        let (groups, queries) = ([vec![0, 1, 2], vec![3], vec![]], [4, 5, 6, 7]);
        assert_same_loss(&[&[8, 20], &[1, 1]], |tape, p| {
            let f = tape.parameter(&p[0])?;
            let centroids = group_means(tape, &f, &groups)?;
            let queries = select(tape, &f, &queries)?;
            let logits = prototype_logits(tape, &queries, &centroids, &[true, true, false], &outside(&p[1]))?;
            cross_entropy(tape, &logits, &[0, 1, 2, 3], 4.0)
        });
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = inference();
        let (f, c) = (tape.constant(&[1.0; 6], 3).unwrap(), tape.constant(&[1.0; 4], 2).unwrap());
        let logit = parameter(0, &[1, 1]);
        assert!(prototype_logits(&tape, &f, &c, &[true, true], &outside(&logit)).is_err());
        assert!(prototype_logits(&tape, &f, &f, &[true], &outside(&logit)).is_err());
    }
}
