//! Runs one after another, in this process.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::elsewhere::{Elsewhere, owner};
use super::{Execution, Failure, Task, is_finished};
use crate::error::{Error, Result};
use crate::run::{Monitor, RunRequest, StopFlag, StudyProgress, execute};

/// Between two looks at the stop flag while other processes are waited for.
const LOOK: Duration = Duration::from_millis(100);

/// Does all runs and returns those that failed.
pub(super) fn execute_all(
    tasks: &[Task<'_>],
    how: &Execution,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<Vec<Failure>> {
    let mut failures = Vec::new();
    let mut queue: VecDeque<usize> = (0..tasks.len()).collect();
    let mut elsewhere = Elsewhere::default();
    let mut progress = StudyProgress { runs: tasks.len(), ..StudyProgress::default() };
    loop {
        queue.extend(elsewhere.ready(tasks));
        let Some(index) = queue.pop_front() else {
            if elsewhere.is_empty() || !how.wait {
                break;
            }
            elsewhere.tell(tasks, monitor);
            std::thread::sleep(LOOK);
            if stop.requested() {
                return Err(Error::Interrupted);
            }
            continue;
        };
        let task = &tasks[index];
        let is_finished = is_finished(task);
        if !is_finished && owner(task).is_some() {
            elsewhere.put(index, tasks, monitor);
        } else {
            progress.running = usize::from(!is_finished);
            monitor.study(&progress);
            let result = execute_one(task, index, tasks.len(), monitor, stop);
            progress.running = 0;
            match result {
                Ok(()) => progress.done += 1,
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                // Another process was faster.
                Err(Error::InUse(_)) => elsewhere.put(index, tasks, monitor),
                Err(error) => {
                    let failure = Failure::of(task, &error);
                    monitor.failed(index + 1, &failure.id, &failure.reason);
                    progress.failed += 1;
                    failures.push(failure);
                }
            }
        }
        progress.elsewhere = elsewhere.len();
        monitor.study(&progress);
        if stop.requested() {
            return Err(Error::Interrupted);
        }
        if how.fail_fast && !failures.is_empty() {
            return Ok(failures);
        }
    }
    failures.extend(elsewhere.into_failures(tasks));
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
