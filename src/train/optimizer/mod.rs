//! Optimisers: how a step changes the parameters, given their gradients.
//!
//! A trainer knows an optimiser by the trait [`Optimizer`] alone. It gives it the gradients, the learning rate of the step (from
//! [`super::schedule`]) and the factor of gradient clipping ([`clip_factor`]), and writes its state into checkpoints as
//! named tensors (`train::state`). Each optimiser is a file; those that update each element by itself have the
//! loops from `elementwise`.
//!
//! **Rows in use.** Rows of the word embedding whose subword is not in the data never get a gradient, and are left out of
//! training ([`crate::model::vocabulary`]). That is exact only for an optimiser that multiplies an element without gradient by
//! the same factor whatever its value is ([`Optimizer::untouched_factor`]). An optimiser of which that is not true (momentum
//! of a decay that is part of the gradient, a norm over the whole parameter) says so in
//! [`OptimizerKind::supports_rows_in_use`], and all rows are trained.

mod adamw;
mod elementwise;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use adamw::{AdamW, AdamWSettings};

use super::TrainSettings;
use crate::Result;
use crate::model::checkpoint::NamedTensor;
use crate::model::parameters::Parameters;
use crate::nn::Gradients;

/// Optimiser of the training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// AdamW (arXiv 1711.05101): `weight_decay`, `beta1`, `beta2` and `epsilon` are its parameters.
    #[default]
    AdamW,
}

impl OptimizerKind {
    /// The optimiser with its parameters from the settings, and its state before the first step.
    ///
    /// # Errors
    /// [`crate::Error::Tensor`] if the device has no memory for the state.
    pub fn build(self, parameters: &Parameters, settings: &TrainSettings) -> Result<Box<dyn Optimizer>> {
        Ok(match self {
            Self::AdamW => Box::new(AdamW::new(parameters, settings.into())?),
        })
    }

    /// Whether the rows of the word embedding that the data do not use can be left out of training.
    pub fn supports_rows_in_use(self) -> bool {
        match self {
            Self::AdamW => true,
        }
    }
}

/// What a step is taken with, beside the gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepSize {
    /// The learning rate, from the schedule.
    pub learning_rate: f64,
    /// What the gradients are multiplied by: below 1 where they are clipped.
    pub gradient_scale: f64,
}

/// Gives the named tensor of a saved state; its arguments are name and shape.
pub type TakeTensor<'a> = &'a mut dyn FnMut(&str, &[usize]) -> Result<Vec<f32>>;

/// An optimiser with its state for a fixed list of parameters.
pub trait Optimizer: Send + Sync {
    /// Its name: that of the setting `train.optimizer`, and what a checkpoint says that it belongs to.
    fn name(&self) -> &'static str;

    /// Steps taken.
    fn steps(&self) -> u64;

    /// Updates the parameters that have a gradient. The order of the parameters is that of the state: it is the same at each
    /// call. The elements of a parameter are split into tasks of fixed size and no sum depends on their order, so that the
    /// result is the same on any number of threads.
    ///
    /// Returns whether the updated parameters, and the state that overflows first, are finite numbers.
    ///
    /// # Errors
    /// [`crate::Error::Tensor`] if shapes or devices differ.
    fn step(&mut self, parameters: &Parameters, gradients: &Gradients, size: StepSize) -> Result<bool>;

    /// The factor by which a step multiplies an element of a decayed parameter whose gradient is 0 now and was at all steps
    /// before. Only used where [`OptimizerKind::supports_rows_in_use`] is true; 1 without weight decay.
    fn untouched_factor(&self, learning_rate: f64) -> f64;

    /// The state as tensors with names of their own, such as `first.{parameter}`; without the number of steps.
    ///
    /// # Errors
    /// [`crate::Error::Tensor`] if a device cannot be read.
    fn state(&self, parameters: &Parameters) -> Result<Vec<NamedTensor>>;

    /// Puts a saved state back: `take` gives each tensor that [`Optimizer::state`] named, and is asked for all of them before the
    /// first is changed.
    ///
    /// # Errors
    /// Whatever `take` returns.
    fn restore(&mut self, parameters: &Parameters, steps: u64, take: TakeTensor<'_>) -> Result<()>;
}

/// The factor min(1, c/(‖g‖ + 10⁻⁶)) that clips gradients of global norm `norm` to `max_norm` c, as PyTorch's
/// `clip_grad_norm_`; 1 where `max_norm` is 0.
pub fn clip_factor(norm: f64, max_norm: f64) -> f64 {
    if max_norm > 0.0 { (max_norm / (norm + 1e-6)).min(1.0) } else { 1.0 }
}

/// What is decayed: all but biases and the weights of layer norms, by their names (DistilBERT's norms are `sa_layer_norm`
/// and `output_layer_norm`).
pub(crate) fn is_decayed(name: &str) -> bool {
    !["bias", "LayerNorm.weight", "layer_norm.weight"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_gradients_are_clipped_and_short_ones_are_not() {
        assert!((clip_factor(4.0, 1.0) - 0.25).abs() < 1e-6);
        assert_eq!(clip_factor(0.5, 1.0), 1.0);
        assert_eq!(clip_factor(1e9, 0.0), 1.0);
    }

    #[test]
    fn biases_and_layer_norms_are_not_decayed() {
        for (name, decayed) in [
            ("encoder.layer.0.output.dense.weight", true),
            ("embeddings.word_embeddings.weight", true),
            ("classifier.bias", false),
            ("embeddings.LayerNorm.weight", false),
            ("transformer.layer.0.sa_layer_norm.weight", false),
        ] {
            assert_eq!(is_decayed(name), decayed, "{name}");
        }
    }

    #[test]
    fn an_optimizers_name_is_that_of_its_setting() {
        let name_of = |kind: OptimizerKind| {
            let optimizer = kind.build(&Parameters::default(), &TrainSettings::default()).unwrap();
            assert_eq!(serde_json::to_value(kind).unwrap(), optimizer.name());
            optimizer.name()
        };
        assert_eq!(name_of(OptimizerKind::AdamW), "adamw");
    }
}
