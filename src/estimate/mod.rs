//! What a list of runs is going to take, in seconds and bytes, before any of them is begun.
//!
//! Runs that do the same work at the same speed have one *shape*: they differ in seed, noise level, learning rate, in the
//! number of epochs or of training sentences alone. Of each shape one run is prepared as if it were to be trained, and a few
//! of its steps, evaluation batches and batches of the eval pass are timed ([`crate::train::Pace`]). An epoch of its log and a
//! part of its checkpoint are written to the system's temporary folder, for their size and the time it takes. All else is
//! counting:
//!
//! ```text
//! epoch = steps · step + evaluations · evaluation + eval pass + log + checkpoint
//! run   = preparation + epochs · epoch + test split + saved model
//! ```
//!
//! Steps, eval pass and log grow with the number of training sentences, which a class cap changes. Of a run that was broken
//! off, what its checkpoint has is taken off; a finished one takes nothing. Analysis and report are not part of it.
//!
//! A prediction is for the machine, the thread pool and the load of the moment: whoever is going to do several runs at once,
//! each on a share of the threads, measures in a pool of that size and asks for [`Estimate::seconds_left`] with as many jobs.
//!
//! [`Forecast`] is for later, while runs are being done: the time left from what they have taken so far.

mod forecast;
mod measure;
mod pretraining;
mod shape;

use std::path::Path;
use std::time::Duration;

pub use forecast::Forecast;
pub use pretraining::{PretrainingEstimate, estimate_pretraining};

use crate::error::Result;
use crate::run::{FolderState, RunFolder, RunRequest};
use crate::train::Trainer;
use measure::{Measured, measure};
use shape::Sizes;
pub(crate) use shape::key;

/// How long is measured in all by default: half a second a shape at least, and no less than a few steps.
pub const EFFORT: Duration = Duration::from_secs(4);
/// The least for a shape.
const LEAST_EFFORT: Duration = Duration::from_millis(500);

/// What runs are going to take.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimate {
    /// Each run, in the order given.
    pub runs: Vec<RunEstimate>,
    /// Different shapes that were measured.
    pub shapes: usize,
}

/// What a run is going to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunEstimate {
    /// Which runs have its shape: zero-based, the same number for the same shape. Of a run that was finished before, whose
    /// shape no other run has, nothing was measured.
    pub shape: usize,
    /// Seconds from its beginning to its end.
    pub seconds: f64,
    /// Seconds that are left of it: 0 if it is finished.
    pub seconds_left: f64,
    /// Bytes of its folder when it is finished.
    pub bytes: u64,
    /// Bytes more while it runs: the checkpoint, and the one that takes its place.
    pub bytes_running: u64,
    /// True if it was finished before.
    pub is_finished: bool,
}

impl Estimate {
    /// Runs that are not finished.
    pub fn runs_left(&self) -> usize {
        self.runs.iter().filter(|run| !run.is_finished).count()
    }

    /// Seconds until all runs are done, `jobs` at a time, each at the speed it was measured at. The runs are given out in
    /// their order, each to the job that is free first.
    ///
    /// ```
    /// use memoscope::estimate::{Estimate, RunEstimate};
    /// let run = |seconds_left| RunEstimate {
    ///     shape: 0, seconds: 9.0, seconds_left, bytes: 100, bytes_running: 50, is_finished: false,
    /// };
    /// let estimate = Estimate { runs: vec![run(4.0), run(6.0), run(5.0)], shapes: 1 };
    /// assert_eq!(estimate.seconds_left(1), 15.0);
    /// assert_eq!(estimate.seconds_left(2), 9.0);
    /// assert_eq!((estimate.bytes(), estimate.bytes_running(2)), (300, 100));
    /// ```
    pub fn seconds_left(&self, jobs: usize) -> f64 {
        let left: Vec<f64> = self.runs.iter().map(|run| run.seconds_left).collect();
        forecast::last_to_end(&left, jobs)
    }

    /// Bytes in the folders of the runs that are not finished, once they are.
    pub fn bytes(&self) -> u64 {
        self.runs.iter().filter(|run| !run.is_finished).map(|run| run.bytes).sum()
    }

    /// Most bytes beside them while they are being done, `jobs` at a time.
    pub fn bytes_running(&self, jobs: usize) -> u64 {
        let mut running: Vec<u64> =
            self.runs.iter().filter(|run| !run.is_finished).map(|run| run.bytes_running).collect();
        running.sort_unstable();
        running.iter().rev().take(jobs.max(1)).sum()
    }
}

/// Measures each shape and predicts what each run takes, writing to none of their folders. `encoder` is loaded for runs whose
/// own encoder is pretrained for their study and not there yet.
///
/// # Errors
/// Those of a run before its first step: [`crate::Error::Config`], [`crate::Error::Data`], [`crate::Error::Model`];
/// [`crate::Error::Io`] if the temporary folder cannot be written to.
pub fn estimate(requests: &[RunRequest<'_>], encoder: Option<&Path>, effort: Duration) -> Result<Estimate> {
    let mut keys = Vec::new();
    let mut shapes = Vec::new();
    for request in requests {
        let key = (key(request.config), request.corpus.fingerprint.as_str());
        let shape = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            keys.push(key);
            keys.len() - 1
        });
        shapes.push(shape);
    }
    let mut states = Vec::new();
    for request in requests {
        states.push(RunFolder::inspect(request.folder, request.config, &request.corpus.fingerprint)?);
    }
    let is_finished = |run: usize| matches!(states[run], FolderState::Finished(_));
    let sizes = Sizes::of(requests)?;
    let effort = (effort / keys.len().max(1) as u32).max(LEAST_EFFORT);
    let mut measured: Vec<Option<(Measured, usize)>> = Vec::new();
    for shape in 0..keys.len() {
        // The largest stands for all: of a smaller one fewer steps could be timed.
        let runs = (0..requests.len()).filter(|&run| shapes[run] == shape && !is_finished(run));
        let largest = runs.max_by_key(|&run| (sizes.sentences(run), std::cmp::Reverse(run)));
        measured.push(match largest {
            Some(run) => Some((measure(&requests[run], encoder, effort)?, sizes.sentences(run))),
            None => None,
        });
    }
    let run = |run: usize| match (&measured[shapes[run]], &states[run]) {
        (None, _) | (_, FolderState::Finished(_)) => {
            let none = RunEstimate {
                shape: shapes[run],
                seconds: 0.0,
                seconds_left: 0.0,
                bytes: 0,
                bytes_running: 0,
                is_finished: true,
            };
            match &states[run] {
                FolderState::Finished(manifest) => RunEstimate { seconds: manifest.wall_seconds, ..none },
                _ => none,
            }
        }
        (Some((measured, sentences)), state) => {
            let share = sizes.sentences(run) as f64 / (*sentences).max(1) as f64;
            let parts = measured.parts(requests[run].config, requests[run].corpus, share);
            let epochs = f64::from(requests[run].config.train.epochs);
            let done = match state {
                FolderState::Broken(manifest)
                    if Trainer::has_checkpoint(&RunFolder::checkpoint_in(requests[run].folder)) =>
                {
                    let steps = manifest.encoding.steps_per_epoch.max(1) as f64;
                    f64::from(manifest.epochs_finished) + manifest.steps_finished as f64 / steps
                }
                _ => 0.0,
            };
            RunEstimate {
                shape: shapes[run],
                seconds: parts.around + epochs * parts.epoch,
                seconds_left: parts.around + (epochs - done).max(0.0) * parts.epoch,
                bytes: parts.bytes,
                bytes_running: parts.bytes_running,
                is_finished: false,
            }
        }
    };
    Ok(Estimate { runs: (0..requests.len()).map(run).collect(), shapes: measured.iter().flatten().count() })
}
