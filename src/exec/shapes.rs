//! The encoders of the runs to come, loaded once before the first: an encoder that cannot be loaded should not take
//! hours to say so, and the memory that a run needs follows from its encoder's shape.

use std::collections::BTreeMap;

use super::Task;
use crate::error::{Error, Result};
use crate::model::{Tagger, Words};

/// The sizes of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Trainable numbers.
    pub n_parameters: usize,
    /// Numbers a subword is described by.
    pub hidden_size: usize,
    /// Blocks.
    pub layers: usize,
    /// Heads of its attention; 0 without.
    pub heads: usize,
    /// Subwords a sentence may have.
    pub max_subwords: usize,
}

/// What a task's encoder is known by.
pub(super) fn key(task: &Task<'_>) -> String {
    let model = task.config.model_beside(&task.folder);
    format!("{} {:?} {:?}", model.source, model.layers, model.bilstm)
}

/// The shapes of the encoders that load, by [`key`].
///
/// # Errors
/// The first encoder's, if there are tasks and none of their encoders loads.
pub(super) fn load(tasks: &[&Task<'_>]) -> Result<BTreeMap<String, Shape>> {
    let mut loaded: BTreeMap<String, Result<Shape, Error>> = BTreeMap::new();
    for task in tasks {
        loaded.entry(key(task)).or_insert_with(|| shape(task));
    }
    if loaded.values().all(Result::is_err)
        && let Some(first) = tasks.first()
        && let Some(Err(error)) = loaded.remove(&key(first))
    {
        return Err(error);
    }
    Ok(loaded.into_iter().filter_map(|(key, shape)| Some((key, shape.ok()?))).collect())
}

fn shape(task: &Task<'_>) -> Result<Shape> {
    let device = task.config.device.open()?;
    let words = Words::to_learn(&task.corpus.train);
    let model = task.config.model_beside(&task.folder);
    let (tagger, report) = Tagger::load(&model, &words, task.corpus.labels.names(), task.config.seed, &device)?;
    let config = tagger.config();
    Ok(Shape {
        n_parameters: report.n_parameters,
        hidden_size: config.hidden_size,
        layers: config.layers,
        heads: config.heads,
        max_subwords: config.max_subwords,
    })
}
