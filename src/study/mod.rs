//! A study: a grid of runs, and what is computed and drawn from all of them together.
//!
//! ```text
//! experiment ──grid──▶ run configurations ──run::execute──▶ run folders ──draw──▶ analysis/, report/
//! ```
//!
//! What all studies share is here: where things go ([`Layout`]), doing the grid with finished runs skipped and broken
//! ones resumed ([`sweep`]), and drawing again from the folders alone ([`draw`]), without the trainer. What is a
//! study's own is an implementation of [`Study`], one folder each: which runs there are, and which tables, figures and
//! sentences are made of their logs. A new study is a variant of [`StudyKind`], a line in `of`, and such a folder.
//!
//! A report is a function of the finished runs: drawn twice it has the same bytes, and it holds no clock.

mod cap_table;
mod class_caps;
mod draw;
mod export;
mod forgetting;
mod frames;
mod layout;
mod noise_sweep;
mod pretraining;
mod run_table;
mod sweep;

use draw::publish;
pub use draw::{Drawn, FinishedRun, StudyInput, draw, experiment_in, experiments_under};
pub use export::write_analysis;
pub use layout::Layout;
pub use sweep::{sweep, warn_about};

use crate::config::{Experiment, StudyKind};
use crate::error::Result;
use crate::run::{Monitor, RunConfig, StopFlag};

/// What is a study's own.
pub trait Study: Sync {
    /// The runs, in the order in which they are done.
    ///
    /// # Errors
    /// [`crate::Error::Config`] if the experiment makes no grid.
    fn grid(&self, experiment: &Experiment) -> Result<Vec<RunConfig>>;

    /// Makes what the runs need and no corpus holds, before the first of them; what is there already is left alone. Most
    /// studies need nothing.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if `stop` was raised, with what is finished on disk; others as the rooms return them.
    fn prepare(&self, _experiment: &Experiment, _monitor: &mut dyn Monitor, _stop: &StopFlag) -> Result<()> {
        Ok(())
    }

    /// Analyses finished runs and writes tables, figures and the report.
    ///
    /// # Errors
    /// [`crate::Error::Data`] if a log is damaged; [`crate::Error::Io`].
    fn draw(&self, input: &StudyInput<'_>, monitor: &mut dyn Monitor) -> Result<Drawn>;
}

/// The study of a kind.
fn of(kind: StudyKind) -> &'static dyn Study {
    match kind {
        StudyKind::NoiseSweep => &noise_sweep::NoiseSweep,
        StudyKind::ClassCaps => &class_caps::ClassCaps,
        StudyKind::Pretraining => &pretraining::PretrainingStudy,
        StudyKind::Forgetting => &forgetting::Forgetting,
    }
}

/// The runs of an experiment, in the order in which they are done.
///
/// # Errors
/// [`crate::Error::Config`] if the experiment makes no grid.
pub fn grid(experiment: &Experiment) -> Result<Vec<RunConfig>> {
    of(experiment.study.kind).grid(experiment)
}

/// Makes what the runs of an experiment need: [`sweep()`] does so by itself, whoever does a single run has to.
///
/// # Errors
/// As [`Study::prepare`].
pub fn prepare(experiment: &Experiment, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<()> {
    of(experiment.study.kind).prepare(experiment, monitor, stop)
}

/// The last part of a path: reports are shared, and where a folder was is nobody's business.
fn file_name(source: &str) -> &str {
    std::path::Path::new(source).file_name().and_then(|name| name.to_str()).unwrap_or(source)
}
