//! What an experiment is going to take.

use std::time::Duration;

use super::{Layout, grid, of};
use crate::config::Experiment;
use crate::corpus;
use crate::error::Result;
use crate::estimate::{Estimate, PretrainingEstimate, estimate};
use crate::run::RunRequest;

/// What an experiment is going to take.
#[derive(Debug)]
pub struct StudyEstimate {
    /// Before the first run; `None` where nothing is to be done.
    pub pretraining: Option<PretrainingEstimate>,
    /// The runs, in the order of the grid.
    pub runs: Estimate,
}

/// Estimates time and disk of all runs of an experiment that are not finished, from a few timed steps of each shape. It
/// takes about as long as `effort` says, and what loading data and models takes.
///
/// # Errors
/// Those of [`super::sweep`] before its first run.
pub fn estimate_study(experiment: &Experiment, effort: Duration) -> Result<StudyEstimate> {
    let grid = grid(experiment)?;
    let layout = Layout::of(experiment);
    let corpus = corpus::load(&experiment.data)?;
    let folders: Vec<_> = grid.iter().map(|config| layout.folder_of(config)).collect();
    let requests: Vec<RunRequest<'_>> = (grid.iter().zip(&folders).enumerate())
        .map(|(i, (config, folder))| RunRequest { config, folder, corpus: &corpus, position: (i + 1, grid.len()) })
        .collect();
    let pretraining = of(experiment.kind()).estimate_preparation(experiment, effort)?;
    let encoder = pretraining.as_ref().and_then(PretrainingEstimate::encoder);
    let runs = estimate(&requests, encoder, effort)?;
    Ok(StudyEstimate { pretraining, runs })
}
