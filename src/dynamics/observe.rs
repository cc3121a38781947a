//! From logits to what is logged of a token.
//!
//! With logits z over k labels, given label y and probabilities p = softmax(z):
//!
//! * predicted = argmax z (the lowest id where several tie), or what a head decided for the whole sentence
//!   ([`Observed::decided`]);
//! * loss = ln Σ exp z − z_y, nats, never below 0;
//! * p_given = exp(−loss);
//! * margin = z_y − max over j ≠ y of z_j; positive exactly where the given label has the highest logit;
//! * entropy = ln Σ exp z − Σ p z, nats, between 0 and ln k.
//!
//! Sums run in f64 around the largest logit, so that logits of any size neither overflow nor lose the loss of a
//! confident token.

use crate::error::{Error, Result};

/// What [`observe`] computes, one entry a token.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// Label id with the highest logit, or the one decided on.
    pub predicted: Vec<u8>,
    /// True where `predicted` is the given label.
    pub correct: Vec<bool>,
    /// Cross-entropy against the given label, nats.
    pub loss: Vec<f32>,
    /// Probability of the given label, 0 to 1.
    pub p_given: Vec<f32>,
    /// Logit of the given label minus the best other logit.
    pub margin: Vec<f32>,
    /// Entropy of the predicted distribution, nats.
    pub entropy: Vec<f32>,
}

impl Observed {
    /// The same with the labels that were decided on in the place of those with the highest logits: those of a CRF's best
    /// path, which are chosen together.
    ///
    /// ```
    /// let seen = memoscope::dynamics::observe(&[2.0, 0.0, 0.0, 0.0], &[0, 1]).unwrap();
    /// let seen = seen.decided(&[1, 1], &[0, 1]).unwrap();
    /// assert_eq!((seen.predicted, seen.correct), (vec![1, 1], vec![false, true]));
    /// ```
    ///
    /// # Errors
    /// [`Error::Internal`] unless there is one label a token.
    pub fn decided(self, predicted: &[u8], given: &[u8]) -> Result<Self> {
        if predicted.len() != self.loss.len() || given.len() != self.loss.len() {
            return Err(Error::Internal(format!("{} labels for {} tokens", predicted.len(), self.loss.len())));
        }
        let correct = predicted.iter().zip(given).map(|(predicted, given)| predicted == given).collect();
        Ok(Self { predicted: predicted.to_vec(), correct, ..self })
    }
}

/// Observes `given.len()` tokens; `logits` is row-major, tokens × labels.
///
/// ```
/// let seen = memoscope::dynamics::observe(&[2.0, 0.0, 0.0, 0.0], &[0, 1]).unwrap();
/// assert_eq!(seen.predicted, [0, 0]); // a tie goes to the lower id
/// assert_eq!(seen.correct, [true, false]);
/// assert_eq!(seen.margin, [2.0, 0.0]);
/// assert!((seen.loss[0] - 0.126_928).abs() < 1e-6); // ln(1 + e⁻²)
/// assert!((seen.entropy[1] - std::f32::consts::LN_2).abs() < 1e-6);
/// ```
///
/// # Errors
/// [`Error::Internal`] if the logits are no whole number of rows, or a given label is no column.
pub fn observe(logits: &[f32], given: &[u8]) -> Result<Observed> {
    if given.is_empty() && logits.is_empty() {
        return Ok(Observed::default());
    }
    if given.is_empty() || !logits.len().is_multiple_of(given.len()) || logits.len() / given.len() < 2 {
        return Err(Error::Internal(format!(
            "{} logits are no table of {} tokens by two or more labels",
            logits.len(),
            given.len()
        )));
    }
    let n_labels = logits.len() / given.len();
    let mut observed = Observed::default();
    for (row, &label) in logits.chunks_exact(n_labels).zip(given) {
        let index = usize::from(label);
        let Some(&given_logit) = row.get(index) else {
            return Err(Error::Internal(format!("given label {label} is none of {n_labels} labels")));
        };
        let mut predicted = 0;
        let mut best_other = f32::NEG_INFINITY;
        for (j, &logit) in row.iter().enumerate() {
            if logit > row[predicted] {
                predicted = j;
            }
            if j != index && logit > best_other {
                best_other = logit;
            }
        }
        let largest = f64::from(row[predicted]);
        let (mut total, mut weighted) = (0.0, 0.0);
        for &logit in row {
            let shifted = f64::from(logit) - largest;
            let weight = shifted.exp();
            total += weight;
            // A logit of minus infinity has no weight; 0 × ∞ would be NaN.
            if weight > 0.0 {
                weighted += weight * shifted;
            }
        }
        let log_total = total.ln();
        let loss = at_least_zero(log_total - (f64::from(given_logit) - largest));
        observed.predicted.push(predicted as u8);
        observed.correct.push(predicted == index);
        observed.loss.push(loss as f32);
        observed.p_given.push((-loss).exp() as f32);
        observed.margin.push(given_logit - best_other);
        observed.entropy.push(at_least_zero(log_total - weighted / total) as f32);
    }
    Ok(observed)
}

/// Rounding below 0 is taken back. `f64::max` would turn NaN into 0, too: the loss of a model that diverged.
fn at_least_zero(value: f64) -> f64 {
    if value < 0.0 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_logits_neither_overflow_nor_vanish() {
        let seen = observe(&[1e30, -1e30, 0.0, 88.0, 90.0, 0.0], &[0, 0]).unwrap();
        assert_eq!(seen.loss[0], 0.0);
        assert_eq!(seen.p_given[0], 1.0);
        assert!((seen.loss[1] - 2.126_928).abs() < 1e-5);
        assert!(seen.entropy.iter().all(|e| e.is_finite()));
    }

    #[test]
    fn a_confident_token_keeps_its_small_loss() {
        let seen = observe(&[20.0, 0.0], &[0]).unwrap();
        assert!((f64::from(seen.loss[0]) - 2.061_153_6e-9).abs() < 1e-12);
    }

    #[test]
    fn minus_infinity_is_a_label_that_cannot_be() {
        let seen = observe(&[0.0, f32::NEG_INFINITY, 0.0], &[0]).unwrap();
        assert!((seen.entropy[0] - std::f32::consts::LN_2).abs() < 1e-6);
    }

    #[test]
    fn logits_that_are_no_numbers_stay_visible() {
        for logits in [[f32::NAN, 0.0], [0.0, f32::NAN], [f32::INFINITY, 0.0], [f32::NAN; 2]] {
            let seen = observe(&logits, &[0]).unwrap();
            assert!(seen.loss[0].is_nan() && seen.p_given[0].is_nan() && seen.entropy[0].is_nan(), "{seen:?}");
        }
    }

    #[test]
    fn a_table_that_does_not_fit_is_refused() {
        assert!(observe(&[0.0; 5], &[0, 0]).is_err());
        assert!(observe(&[0.0; 4], &[0, 2]).is_err());
    }
}
