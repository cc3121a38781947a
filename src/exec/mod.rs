//! Doing runs: one after another, or several at once, each in a process of its own.
//!
//! A study yields runs, and says what they mean; how they are done is here. [`execute_all`] takes tasks (a run's
//! configuration, its folder, its corpus) in the order in which they are to be begun, and returns those that failed.
//!
//! ```text
//!           study, audit ──tasks──▶ execute_all ──┬─ 1 job ──▶ run::execute, in this process
//!                                                 └─ N jobs ─▶ child processes of this program, N at a time
//!  parent                                     child (`memoscope exec-run`)
//!    │ stdin: the run and its corpus, then open      │ run::execute
//!    │◀────────────── stdout: events as JSON lines ──│
//!    │ stdin closed: stop after the step             │
//! ```
//!
//! **The same bytes.** A run is a function of its configuration: neither the number of jobs nor that of threads changes what it
//! writes, and a run that was begun with one can be resumed with another.
//!
//! **Failures are isolated.** A run that fails does not keep the others from being done. What would make all of them fail (data
//! that cannot be read, a device that is not there, no model that loads) is found before the first. With more than one job a run
//! that takes its process down, by a defect or because the system is out of memory, is a failed run like others; its manifest
//! says why. With one job it runs in this process, where only panics are caught.
//!
//! **Stopping.** The child's standard input is held open by the parent and closed to say stop. So a child also stops, after
//! its step and with its state kept, when the parent is killed. On a terminal Ctrl-C reaches the whole group of processes: a
//! child takes the first one as it takes the closed pipe, so that it does not matter which comes first. [`kill_all`] is for the
//! second one.
//!
//! **Threads and memory** are shared out when a run is begun: see [`Jobs`] and the functions of `memory`.

mod child;
mod clean;
mod failure;
mod jobs;
mod memory;
mod paced;
mod pool;
mod protocol;
mod serial;
mod shapes;
mod status;
mod worker;

use std::path::PathBuf;

pub use child::kill_all;
pub use clean::{Cleaned, Leftover, What, clean, leftovers};
pub use failure::{Failure, Unfinished, sentence, summary};
pub use jobs::Jobs;
pub use status::{RunState, RunStatus, status};
pub use worker::work;

use paced::Paced;

use crate::corpus::Corpus;
use crate::error::{Error, Result};
use crate::model::DeviceName;
use crate::run::{FolderState, Monitor, RunConfig, RunFolder, StopFlag};

/// A run to be done.
#[derive(Debug, Clone)]
pub struct Task<'a> {
    /// What it is.
    pub config: RunConfig,
    /// The folder it is written to.
    pub folder: PathBuf,
    /// The corpus that it trains on, before any noise.
    pub corpus: &'a Corpus,
}

/// How runs are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Runs at once.
    pub jobs: Jobs,
    /// Begin no run after the first that fails, and stop those that are under way.
    pub fail_fast: bool,
    /// The program whose hidden verb `exec-run` does a run; `None` does all in this process, one after another.
    pub program: Option<PathBuf>,
}

impl Default for Execution {
    /// One after another, in this process.
    fn default() -> Self {
        Self { jobs: Jobs::Number(1), fail_fast: false, program: None }
    }
}

impl Execution {
    /// In child processes of this program, where there is more than one job.
    pub fn of_this_program(jobs: Jobs, fail_fast: bool) -> Self {
        // On Linux the very file that runs, also after another was installed in its place: all runs of a sweep are done by
        // one version.
        let own = PathBuf::from("/proc/self/exe");
        let program = if own.exists() { Some(own) } else { std::env::current_exe().ok() };
        Self { jobs, fail_fast, program }
    }
}

/// Does all runs that are not finished, and returns those that failed, in the order in which they did.
///
/// # Errors
/// [`Error::Interrupted`] if `stop` was raised, with all that is finished on disk. If no run can be begun since no encoder
/// loads, the error of the first.
pub fn execute_all(
    tasks: &[Task<'_>],
    how: &Execution,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<Vec<Failure>> {
    let left: Vec<&Task<'_>> = tasks.iter().filter(|task| !is_finished(task)).collect();
    let shapes = shapes::load(&left)?;
    if stop.requested() {
        return Err(Error::Interrupted);
    }
    let needs = left.iter().map(|task| memory::need(task, shapes.get(&shapes::key(task))));
    let jobs = match &how.program {
        None => 1,
        Some(_) => {
            how.jobs.resolve(&needs.collect::<Vec<_>>(), left.iter().all(|task| task.config.device == DeviceName::Cpu))
        }
    };
    drop((left, shapes));
    let mut monitor = Paced::new(tasks, jobs, monitor);
    let failures = match &how.program {
        Some(program) if jobs > 1 => pool::execute_all(tasks, program, jobs, how.fail_fast, &mut monitor, stop)?,
        _ => serial::execute_all(tasks, how.fail_fast, &mut monitor, stop)?,
    };
    if stop.requested() { Err(Error::Interrupted) } else { Ok(failures) }
}

/// True for a run that needs no training; what is wrong with a folder is found when the run is begun.
pub(crate) fn is_finished(task: &Task<'_>) -> bool {
    matches!(RunFolder::inspect(&task.folder, &task.config, &task.corpus.fingerprint), Ok(FolderState::Finished(_)))
}
