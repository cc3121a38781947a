//! Weights and an optimiser's state in a checkpoint: the part that fine-tuning and pretraining have in common.
//!
//! A parameter is the tensor `parameter.{name}`, a tensor of the optimiser's state `optimizer.{its name}`, and the metadata
//! say which optimiser it is. Checkpoints of earlier versions are AdamW's: they do not say so, and the names of the state
//! are without `optimizer.`.

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::optimizer::Optimizer;
use crate::Result;
use crate::error::Error;
use crate::model::checkpoint::{Checkpoint, NamedTensor};
use crate::model::parameters::Parameters;

/// The key of the metadata that names the optimiser.
pub(super) const OPTIMIZER: &str = "optimizer";
/// What checkpoints that name no optimiser are of.
const EARLIER: &str = "adamw";

/// Parameters and optimiser as tensors.
///
/// # Errors
/// [`Error::Tensor`] if a device cannot be read.
pub(super) fn tensors(parameters: &Parameters, optimizer: &dyn Optimizer) -> Result<Vec<NamedTensor>> {
    let mut tensors = Vec::new();
    for (name, var) in parameters.iter() {
        let values = var.as_tensor().flatten_all()?.to_vec1()?;
        tensors.push((format!("parameter.{name}"), var.dims().to_vec(), values));
    }
    let state = optimizer.state(parameters)?.into_iter();
    tensors.extend(state.map(|(name, shape, values)| (format!("{OPTIMIZER}.{name}"), shape, values)));
    Ok(tensors)
}

/// Takes parameters and the optimiser's state out of a checkpoint and puts them in their places. `metadata` are the
/// checkpoint's, `foreign` makes the error of one that does not fit.
///
/// # Errors
/// `foreign` if a tensor is missing or the checkpoint is of another optimiser; [`Error::Model`] if a shape is another. Nothing is
/// changed then.
pub(super) fn restore(
    parameters: &Parameters,
    optimizer: &mut dyn Optimizer,
    steps: u64,
    saved: &mut Checkpoint,
    metadata: &BTreeMap<String, String>,
    foreign: &dyn Fn(String) -> Error,
) -> Result<()> {
    let of = metadata.get(OPTIMIZER).map_or(EARLIER, String::as_str);
    if of != optimizer.name() {
        return Err(foreign(format!("it was written with the optimiser {of}, not with {}", optimizer.name())));
    }
    let prefix = if metadata.contains_key(OPTIMIZER) { "optimizer." } else { "" };
    let mut take = |name: &str, shape: &[usize]| {
        saved.take(name, shape)?.ok_or_else(|| foreign(format!("the tensor `{name}` is missing")))
    };
    let mut values = Vec::new();
    for (name, var) in parameters.iter() {
        values.push((var, take(&format!("parameter.{name}"), var.dims())?));
    }
    optimizer.restore(parameters, steps, &mut |name, shape| take(&format!("{prefix}{name}"), shape))?;
    for (var, values) in values {
        var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?;
    }
    Ok(())
}
