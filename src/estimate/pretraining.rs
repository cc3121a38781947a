//! What the pretraining of a study takes, and a model of its shape for the runs that follow.

use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;

use crate::error::{Error, Result};
use crate::model::checkpoint::Precision;
use crate::run::Pretraining;
use crate::train::pretrain::Pretrainer;

/// Steps before the clock starts.
const WARM_UP: u64 = 2;

/// What a pretraining is going to take.
#[derive(Debug)]
pub struct PretrainingEstimate {
    /// Seconds that are left of it; 0 if all that is asked for is there.
    pub seconds_left: f64,
    /// Bytes of the models that it has yet to save.
    pub bytes: u64,
    encoder: Option<tempfile::TempDir>,
}

impl PretrainingEstimate {
    /// A model of the pretraining's shape, for runs whose own is not there yet; gone when this value is dropped. `None` if
    /// all are there.
    pub fn encoder(&self) -> Option<&Path> {
        self.encoder.as_ref().map(tempfile::TempDir::path)
    }
}

/// Learns the vocabulary, which is part of the pretraining, times some steps for about as long as `effort` says, and one
/// evaluation. Nothing is written to the pretraining's folder.
///
/// # Errors
/// [`Error::Config`], [`Error::Data`] as [`Pretraining::execute`]; [`Error::Io`] if the temporary folder cannot be written to.
pub fn estimate_pretraining(
    pretraining: &Pretraining<'_>,
    device: &Device,
    effort: Duration,
) -> Result<PretrainingEstimate> {
    let missing = pretraining.missing()?;
    let Some(&last) = missing.last() else {
        return Ok(PretrainingEstimate { seconds_left: 0.0, bytes: 0, encoder: None });
    };
    let start = Instant::now();
    let text = pretraining.settings.read_text()?;
    let mut pretrainer = Pretrainer::new(&text, pretraining.settings, device)?;
    pretraining.require_within(pretrainer.steps())?;
    let preparation = start.elapsed().as_secs_f64();
    let last = last.min(pretrainer.steps());

    let (mut n, mut first) = (0, Instant::now());
    let mut step_seconds = 0.0;
    // One step at a time: whoever stops it within a step gets its error, not its time.
    while pretrainer.step() < pretrainer.steps() && (n < 2 || first.elapsed() < effort) {
        if pretrainer.step() <= WARM_UP {
            (n, first) = (0, Instant::now());
        }
        let next = pretrainer.step() + 1;
        pretrainer.train(next, &mut |_| Ok(()))?;
        n += 1;
        step_seconds = first.elapsed().as_secs_f64() / f64::from(n);
    }
    let start = Instant::now();
    let parameters = pretrainer.report()?.n_parameters as u64;
    let report_seconds = start.elapsed().as_secs_f64();

    let scratch = tempfile::Builder::new().prefix("memoscope-").tempdir();
    let scratch = scratch.map_err(Error::io(std::env::temp_dir()))?;
    pretrainer.save(scratch.path())?;
    let begun =
        pretraining.begun_at()?.filter(|&step| missing.first().is_some_and(|first| step <= *first)).unwrap_or(0);
    let bytes_a_number = if Precision::from(pretraining.settings.precision) == Precision::Half { 2 } else { 4 };
    Ok(PretrainingEstimate {
        seconds_left: preparation
            + last.saturating_sub(begun) as f64 * step_seconds
            + missing.len() as f64 * report_seconds,
        bytes: missing.len() as u64 * bytes_a_number * parameters,
        encoder: Some(scratch),
    })
}
