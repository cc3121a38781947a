//! A study: a grid of runs, and what is computed and drawn from all of them together.
//!
//! ```text
//! experiment ──grid──▶ run configurations ──run::execute──▶ run folders ──draw──▶ analysis/, report/
//! ```
//!
//! What all studies share is here: the grid ([`grid()`]: the points of all axes with every seed), where things go
//! ([`Layout`]), doing the grid with finished runs skipped and broken ones resumed ([`sweep`]), and drawing again from the
//! folders alone ([`draw`]), without the trainer. What is a study's own is an implementation of [`Study`], one folder each:
//! its axes, and which tables, figures and sentences are made of the runs' logs. A new study is a variant of [`StudyKind`], a
//! line in `of`, and such a folder; an experiment with axes in `[grid]` alone needs none.
//!
//! A report is a function of the finished runs: drawn twice it has the same bytes, and it holds no clock.

mod adopt;
mod axis;
mod cap_table;
mod class_caps;
mod draw;
mod estimate;
mod export;
mod forgetting;
mod frames;
mod grid;
mod index;
mod layout;
mod noise_sweep;
mod other_axes;
mod points;
mod pretraining;
mod run_table;
mod sweep;

pub use adopt::{Adoption, adopt};
pub use axis::{Axis, Point};
use draw::publish;
pub use draw::{Drawn, FinishedRun, StudyInput, draw, experiment_in};
pub use estimate::{StudyEstimate, estimate_study};
pub use export::write_analysis;
pub use grid::grid;
pub use index::write_index;
pub use layout::Layout;
pub use sweep::{Swept, sweep, warn_about};

use std::time::Duration;

use crate::config::{Experiment, StudyKind};
use crate::error::Result;
use crate::estimate::PretrainingEstimate;
use crate::run::{Monitor, RunConfig, StopFlag};

/// What is a study's own.
pub trait Study: Sync {
    /// The study's own axes, without the seeds. Each run has one point of each, and one of each axis of `[grid]`.
    ///
    /// # Errors
    /// [`crate::Error::Config`] if the experiment makes no grid.
    fn axes(&self, experiment: &Experiment) -> Result<Vec<Axis>>;

    /// Adds to a run what is no setting of an experiment. Most studies add nothing.
    fn complete(&self, _experiment: &Experiment, _run: &mut RunConfig) {}

    /// Makes what the runs need and no corpus holds, before the first of them; what is there already is left alone. Most
    /// studies need nothing.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if `stop` was raised, with what is finished on disk; others as the rooms return them.
    fn prepare(&self, _experiment: &Experiment, _monitor: &mut dyn Monitor, _stop: &StopFlag) -> Result<()> {
        Ok(())
    }

    /// What [`Study::prepare`] is going to take; `None` for a study that needs nothing.
    ///
    /// # Errors
    /// As [`Study::prepare`].
    fn estimate_preparation(&self, _experiment: &Experiment, _effort: Duration) -> Result<Option<PretrainingEstimate>> {
        Ok(None)
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
        StudyKind::Grid => &points::GridStudy,
    }
}

/// Makes what the runs of an experiment need: [`sweep()`] does so by itself, whoever does a single run has to.
///
/// # Errors
/// As [`Study::prepare`].
pub fn prepare(experiment: &Experiment, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<()> {
    of(experiment.kind()).prepare(experiment, monitor, stop)
}

/// The last part of a path: reports are shared, and where a folder was is nobody's business.
fn file_name(source: &str) -> &str {
    std::path::Path::new(source).file_name().and_then(|name| name.to_str()).unwrap_or(source)
}
