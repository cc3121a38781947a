//! A study: a grid of runs, and what is computed and drawn from all of them together.
//!
//! ```text
//! experiment ──grid──▶ run configurations ──run::execute──▶ run folders ──draw──▶ analysis/, report/
//! ```
//!
//! What all studies share is here: the grid ([`grid()`]: the points of all axes with every seed), where things go
//! ([`Layout`]), doing the grid with finished runs skipped and broken ones resumed ([`sweep`]), and drawing again from the
//! folders alone ([`draw`]), without the trainer. A report is made in four steps, a file each: runs are read (`gather`),
//! `measures` are taken of each and summarised over seeds (`summarise`), points of the grid are compared (`compare`), and
//! `tables`, `charts` and `findings` show what was declared (`report`).
//!
//! What is a study's own is an implementation of `Study` in a file: its axes, and which measures, comparisons and figures its
//! report shows. An experiment with axes in `[grid]` alone needs none.
//!
//! A report is a function of the finished runs: drawn twice it has the same bytes, and it holds no clock.

mod adopt;
mod axis;
mod charts;
mod class_caps;
mod compare;
mod draw;
mod epochs;
mod estimate;
mod findings;
mod forgetting;
mod frames;
mod gather;
mod grid;
mod grid_study;
mod index;
mod layout;
mod measure;
mod measures;
mod other_axes;
mod pretraining;
mod report;
mod summarise;
mod sweep;
mod tables;
#[cfg(test)]
mod testing;

pub use adopt::{Adoption, adopt};
pub use axis::{Axis, Point};
pub use draw::{Drawn, FinishedRun, StudyInput, draw, experiment_in};
pub use estimate::{StudyEstimate, estimate_study};
pub use grid::grid;
pub use index::write_index;
pub use layout::Layout;
pub use sweep::{Swept, sweep, warn_about};

use std::time::Duration;

use crate::config::{Experiment, StudyKind};
use crate::error::Result;
use crate::estimate::PretrainingEstimate;
use crate::run::{Monitor, RunConfig, StopFlag};
use findings::Compared;
use gather::Needs;
use report::{Context, Design, Parts};

/// What is a study's own.
trait Study: Sync {
    /// The study's own axes, without the seeds. Each run has one point of each, and one of each axis of `[grid]` that is
    /// none of them.
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

    /// What its report needs beyond the analysis of each run.
    fn needs(&self, _experiment: &Experiment) -> Needs {
        Needs::default()
    }

    /// Names of axes in the order of its tables, the outer one first; others come behind them.
    fn order(&self) -> &'static [&'static str] {
        &[]
    }

    /// The measures, comparisons and figures of its report.
    ///
    /// # Errors
    /// [`crate::Error::Data`] if the runs do not belong together.
    fn design(&self, context: &Context<'_>) -> Result<Design>;

    /// Adds tables and figures that are no measures of runs. Most studies add some.
    ///
    /// # Errors
    /// [`crate::Error::Data`] if the runs do not belong together; [`crate::Error::Io`].
    fn add(&self, _context: &Context<'_>, _compared: &Compared<'_>, _parts: &mut Parts) -> Result<()> {
        Ok(())
    }

    /// The experiment as its report prints it, without places of this machine.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] if it cannot be written as TOML.
    fn configuration(&self, experiment: &Experiment) -> Result<String> {
        experiment.to_toml()
    }
}

/// The report of a grid of settings, and the overview of a study with further axes.
const OVERVIEW: grid_study::GridStudy = grid_study::GridStudy { title: "Grid of settings" };

/// The study of a kind.
fn of(kind: StudyKind) -> &'static dyn Study {
    match kind {
        StudyKind::NoiseSweep => &grid_study::GridStudy { title: "Noise sweep" },
        StudyKind::ClassCaps => &class_caps::ClassCaps,
        StudyKind::Pretraining => &pretraining::PretrainingStudy,
        StudyKind::Forgetting => &forgetting::Forgetting,
        StudyKind::Grid => &OVERVIEW,
    }
}

/// Makes what the runs of an experiment need: [`sweep()`] does so by itself, whoever does a single run has to.
///
/// # Errors
/// [`crate::Error::Interrupted`] if `stop` was raised, with what is finished on disk.
pub fn prepare(experiment: &Experiment, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<()> {
    of(experiment.kind()).prepare(experiment, monitor, stop)
}

/// The last part of a path. Reports are shared, so they hold no path of the machine.
fn file_name(source: &str) -> &str {
    std::path::Path::new(source).file_name().and_then(|name| name.to_str()).unwrap_or(source)
}
