//! What a run tells those who wait for it. The library prints nothing: the command line listens here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::dynamics::{CurvePoint, StepRecord};
use crate::model::LoadReport;
use crate::perturb::NoiseReport;
use crate::train::EncodingReport;
use crate::train::pretrain::{PretrainReport, Progress};

/// Raised by whoever wants a run to stop after its current step; clones are the same flag.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks for the stop. True if it had been asked for before.
    pub fn request(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// True once the stop is asked for.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A run about to take its first step.
#[derive(Debug, Clone, Copy)]
pub struct RunStart<'a> {
    /// Its name.
    pub id: &'a str,
    /// Its folder.
    pub folder: &'a Path,
    /// One-based position in the study, and the number of runs.
    pub position: (usize, usize),
    /// Epochs planned.
    pub epochs: u32,
    /// Epochs already finished: 0 unless resumed.
    pub epochs_finished: u32,
    /// Steps already taken in the epoch after them: 0 unless resumed within an epoch.
    pub steps_finished: u64,
    /// What loading the encoder found.
    pub model: &'a LoadReport,
    /// Requested and realised noise; `None` of a run that holds out a fold, of which no label is known to be right.
    pub noise: Option<&'a NoiseReport>,
    /// What encoding the text found.
    pub encoding: &'a EncodingReport,
}

/// A finished epoch in a line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochSummary {
    /// One-based epoch.
    pub epoch: u32,
    /// Epochs planned.
    pub epochs: u32,
    /// Mean of the steps' losses, nats; NaN-free by construction.
    pub loss: f64,
    /// The epoch's last evaluation.
    pub evaluation: Option<CurvePoint>,
    /// Wall time since the last epoch ended, or since the run was resumed, seconds.
    pub seconds: f64,
    /// Training tokens a second in this time, evaluations included.
    pub tokens_per_second: f64,
}

/// How far a study has come.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StudyProgress {
    /// Its runs.
    pub runs: usize,
    /// Runs that are done: finished now or before.
    pub done: usize,
    /// Runs that failed.
    pub failed: usize,
    /// Runs that train now.
    pub running: usize,
    /// Runs that other processes are doing.
    pub elsewhere: usize,
    /// What is left, in seconds of wall time; `None` if that is not known.
    pub seconds_left: Option<f64>,
}

/// Listens to runs. Every method does nothing unless overridden.
///
/// Several runs may be done at once: `run` says of which one an event is, by its one-based place in the study
/// ([`RunStart::position`]). The events of one run come in order, those of several mixed.
pub trait Monitor {
    /// Something the user should know that stops nothing.
    fn warning(&mut self, _message: &str) {}
    /// A run takes its first step.
    fn started(&mut self, _start: &RunStart<'_>) {}
    /// A run was finished before and is left alone.
    fn skipped(&mut self, _id: &str, _position: (usize, usize)) {}
    /// Another process is doing a run: it is left to that one for now.
    fn elsewhere(&mut self, _id: &str, _position: (usize, usize), _owner: &str) {}
    /// A step was taken.
    fn step(&mut self, _run: usize, _record: &StepRecord) {}
    /// Dev and probe were evaluated.
    fn evaluated(&mut self, _run: usize, _point: &CurvePoint) {}
    /// An epoch is finished and on disk.
    fn epoch(&mut self, _run: usize, _summary: &EpochSummary) {}
    /// A run is finished, or stopped with what it has on disk.
    fn ended(&mut self, _run: usize, _id: &str, _wall_seconds: f64) {}
    /// A run failed, for this reason. Unless it failed before its first step, [`Monitor::ended`] came before.
    fn failed(&mut self, _run: usize, _id: &str, _reason: &str) {}
    /// The study has come further: a run was begun, skipped, or is over.
    fn study(&mut self, _progress: &StudyProgress) {}
    /// A step of a pretraining was taken.
    fn pretraining(&mut self, _progress: &Progress) {}
    /// A model was saved in the course of a pretraining, or at its end.
    fn checkpoint(&mut self, _report: &PretrainReport) {}
    /// A pretraining is done, or stopped with what it has on disk.
    fn pretraining_ended(&mut self) {}
    /// A piece of work other than training begins: `analysing noise=0.30,seed=1`.
    fn working(&mut self, _what: &str) {}
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {}
