//! Cross-entropy of packed logits `[n, k]` against one label a row: Σ −log p(label) / denominator, with
//! p = softmax of the row.
//!
//! The denominator is an argument because a batch may be computed in parts: with the token count of the whole batch,
//! the gradients of the parts add up to the gradient of the mean. Gradient: (softmax − one-hot) / denominator. Loss and
//! gradient are computed together.

use candle_core::{D, DType, Result, Tensor, bail};

use super::host::kernel;
use super::math::{exp, fold};
use super::tape::{Loss, Tape, Value};
use super::tiles::{Cuts, Split, Tile, for_tiles};

/// Rows a task.
const ROWS: usize = 32;

/// The summed cross-entropy of `n` rows in nats, divided by `denominator`.
///
/// ```
/// use candle_core::Device;
/// use memoscope_nn::{self as nn, Pool, Tape};
/// let tape = Tape::inference(&Device::Cpu, &Pool::default());
/// let logits = tape.constant(&[0.0, 0.0, 0.0, 0.0], 2)?;
/// let loss = nn::cross_entropy(&tape, &logits, &[0, 1], 2.0)?.value;
/// assert!((loss - 2f64.ln()).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn cross_entropy(tape: &Tape, logits: &Value, labels: &[u32], denominator: f64) -> Result<Loss> {
    let (n, k) = logits.dims();
    if labels.len() != n || labels.iter().any(|&l| l as usize >= k) {
        bail!("cross-entropy: {} labels for logits [{n}, {k}], or a label outside", labels.len());
    }
    if tape.is_composed() {
        return tape.tensor_loss(cross_entropy_plain(logits.tensor()?, labels, denominator)?);
    }
    let values = logits.host()?;
    let (mut gradient, mut losses) = (tape.buffer(n * k), tape.buffer(n));
    let (rows, all, one) = (Cuts::every(ROWS, n), Cuts::whole(k), Cuts::whole(1));
    let weight = (1.0 / denominator) as f32;
    let splits = [Split::new(&mut gradient, &rows, &all), Split::new(&mut losses, &rows, &one)];
    for_tiles(splits, |place, [mut gradient, mut losses]| {
        let (logits, labels) = (&values[place.rows.start * k..], &labels[place.rows]);
        softmax_loss(logits, labels, weight, &mut gradient, losses.all());
    });
    let total: f64 = losses.iter().map(|&l| f64::from(l)).sum();
    Ok(tape.loss(total / denominator, logits, gradient))
}

kernel! {
    /// The loss of each row, and its gradient times `weight`.
    fn softmax_loss(logits: &[f32], labels: &[u32], weight: f32, gradient: &mut Tile<'_>, losses: &mut [f32]) {
        let k = gradient.columns();
        for (i, (&label, loss)) in labels.iter().zip(losses).enumerate() {
            let (logits, gradient) = (&logits[i * k..][..k], gradient.row(i));
            let max = logits.iter().fold(f32::NEG_INFINITY, |m, &x| if x > m { x } else { m });
            let total = fold(logits, |x| exp(x - max));
            *loss = total.ln() + max - logits[label as usize];
            let scale = weight / total;
            for (g, &x) in gradient.iter_mut().zip(logits) {
                *g = exp(x - max) * scale;
            }
            gradient[label as usize] -= weight;
        }
    }
}

/// The same composed of candle operations: a scalar.
pub fn cross_entropy_plain(logits: &Tensor, labels: &[u32], denominator: f64) -> Result<Tensor> {
    let labels = Tensor::new(labels, logits.device())?.unsqueeze(1)?;
    let shifted = logits.broadcast_sub(&logits.detach().max_keepdim(D::Minus1)?)?;
    let normaliser = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let chosen = shifted.gather(&labels, 1)?;
    ((normaliser - chosen)?.to_dtype(DType::F32)?.sum_all()? * (1.0 / denominator))?.to_dtype(logits.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_same_loss, inference};

    #[test]
    fn values_and_gradients_are_those_of_the_plain_version() {
        for (n, k) in [(1, 2), (70, 9), (20, 300)] {
            let labels: Vec<u32> = (0..n as u32).map(|i| (i * 7) % k as u32).collect();
            assert_same_loss(&[&[n, k]], |tape, p| cross_entropy(tape, &tape.parameter(&p[0])?, &labels, 13.0));
        }
    }

    #[test]
    fn a_label_outside_the_logits_is_refused() {
        let tape = inference();
        let x = tape.constant(&[0.5; 6], 3).unwrap();
        assert!(cross_entropy(&tape, &x, &[0, 3], 1.0).is_err());
        assert!(cross_entropy(&tape, &x, &[0], 1.0).is_err());
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let tape = inference();
        let x = tape.constant(&[1000.0, -1000.0], 2).unwrap();
        let loss = |label| cross_entropy(&tape, &x, &[label], 1.0).unwrap().value;
        assert_eq!(loss(0), 0.0);
        assert_eq!(loss(1), 2000.0);
    }
}
