//! Runs one after another, in this process.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Failure, Task, is_finished};
use crate::error::{Error, Result};
use crate::run::{Monitor, RunRequest, StopFlag, StudyProgress, execute};

/// Does all runs and returns those that failed.
pub(super) fn execute_all(
    tasks: &[Task<'_>],
    fail_fast: bool,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<Vec<Failure>> {
    let mut failures = Vec::new();
    let mut progress = StudyProgress { runs: tasks.len(), ..StudyProgress::default() };
    for (index, task) in tasks.iter().enumerate() {
        progress.running = usize::from(!is_finished(task));
        monitor.study(&progress);
        let result = execute_one(task, index, tasks.len(), monitor, stop);
        progress.running = 0;
        match result {
            Ok(()) => progress.done += 1,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                let failure = Failure::of(task, &error);
                monitor.failed(index + 1, &failure.id, &failure.reason);
                progress.failed += 1;
                failures.push(failure);
            }
        }
        monitor.study(&progress);
        if stop.requested() {
            return Err(Error::Interrupted);
        }
        if fail_fast && !failures.is_empty() {
            break;
        }
    }
    Ok(failures)
}

/// Does one run; a panic is an error of its.
pub(super) fn execute_one(
    task: &Task<'_>,
    index: usize,
    of: usize,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<()> {
    let request =
        RunRequest { config: &task.config, folder: &task.folder, corpus: task.corpus, position: (index + 1, of) };
    // What a run leaves half done is in its folder, of which the next one begins anew.
    catch_unwind(AssertUnwindSafe(|| execute(&request, monitor, stop)))
        .unwrap_or_else(|panic| Err(Error::Internal(format!("the run panicked: {}", words(panic.as_ref())))))
        .map(|_| ())
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".into())
}
