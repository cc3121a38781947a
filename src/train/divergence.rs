//! Recognising a training that diverged: a loss, gradient, parameter or model output that is infinite or NaN.
//!
//! Every step checks its loss, its gradient norm and the parameters it has updated; every pass without gradients checks
//! what the model says of each token. So the error names the step in which it happened, and nothing of it reaches the
//! log, a checkpoint or a saved model.

use crate::dynamics::Observed;
use crate::error::{Error, Result};
use crate::nn::kernel;

/// Where a training stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// One-based optimiser step.
    pub step: u64,
    /// One-based epoch.
    pub epoch: u32,
}

impl Position {
    /// The error that `what` is not finite here.
    pub fn diverged(self, what: &'static str) -> Error {
        Error::Diverged { what, step: self.step, epoch: self.epoch }
    }

    /// Refuses an infinite number or NaN.
    ///
    /// # Errors
    /// [`Error::Diverged`].
    pub fn require(self, what: &'static str, value: f64) -> Result<()> {
        if value.is_finite() { Ok(()) } else { Err(self.diverged(what)) }
    }

    /// Refuses values of which one is infinite or NaN.
    ///
    /// # Errors
    /// [`Error::Diverged`].
    pub fn require_all(self, what: &'static str, values: &[f32]) -> Result<()> {
        if all_finite(values) { Ok(()) } else { Err(self.diverged(what)) }
    }

    /// Refuses observations that cannot be logged. A logit of minus infinity is fine where the label is not given: a CRF
    /// may exclude a label.
    ///
    /// # Errors
    /// [`Error::Diverged`].
    pub fn require_observed(self, what: &'static str, seen: &Observed) -> Result<()> {
        [&seen.loss, &seen.p_given, &seen.margin, &seen.entropy]
            .into_iter()
            .try_for_each(|values| self.require_all(what, values))
    }
}

kernel! {
    /// True if no value is infinite or NaN.
    pub fn all_finite(values: &[f32]) -> bool {
        // Only infinities and NaN have an exponent of ones. Unlike a test that ends early, a maximum becomes vector
        // instructions.
        const INFINITE: u32 = f32::INFINITY.to_bits();
        values.iter().fold(0, |most: u32, value| most.max(value.abs().to_bits())) < INFINITE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamics::observe;

    const HERE: Position = Position { step: 7, epoch: 2 };

    #[test]
    fn one_value_that_is_not_finite_is_found_wherever_it_is() {
        assert!(all_finite(&[]) && all_finite(&[0.0, -0.0, f32::MIN, f32::MAX, f32::MIN_POSITIVE / 2.0]));
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in 0..40 {
                let mut values = vec![1.5; 40];
                values[place] = bad;
                assert!(!all_finite(&values), "{bad} at {place}");
            }
        }
    }

    #[test]
    fn the_error_names_step_and_epoch() {
        let error = HERE.require("loss", f64::NAN).unwrap_err();
        assert_eq!(error.to_string(), "the loss is not finite at step 7 (epoch 2)");
        assert!(HERE.require("loss", f64::MAX).is_ok());
    }

    #[test]
    fn logits_that_are_not_finite_are_refused_wherever_they_are() {
        let diverged =
            |logits: [f32; 3]| HERE.require_observed("model output", &observe(&logits, &[1]).unwrap()).is_err();
        for bad in [f32::NAN, f32::INFINITY] {
            for place in 0..3 {
                let mut logits = [0.5, -1.0, 2.0];
                logits[place] = bad;
                assert!(diverged(logits), "{logits:?}");
            }
        }
        assert!(diverged([f32::NEG_INFINITY; 3]));
        assert!(diverged([0.0, f32::NEG_INFINITY, 0.0]), "the given label cannot be");
        assert!(!diverged([f32::NEG_INFINITY, 0.0, 0.0]), "another label cannot be");
    }
}
