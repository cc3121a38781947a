//! Runs at once, each in a process of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::child::{Child, Message, ending};
use super::protocol::Event;
use super::serial::execute_one;
use super::{Failure, Task, is_finished};
use crate::error::{Error, ErrorKind, Result};
use crate::run::{Lease, Manifest, Monitor, RunStart, Status, StopFlag, StudyProgress};

/// Between two looks at the stop flag.
const LOOK: Duration = Duration::from_millis(100);

/// A run under way.
struct Running {
    child: Child,
    /// Which share of the threads it has.
    slot: usize,
    /// How it ended, once it has said so.
    end: Option<Result<(), Failure>>,
}

/// Does all runs, `jobs` at a time, and returns those that failed.
pub(super) fn execute_all(
    tasks: &[Task<'_>],
    program: &Path,
    jobs: usize,
    fail_fast: bool,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<Vec<Failure>> {
    let threads = rayon::current_num_threads();
    let mut failures: Vec<Failure> = Vec::new();
    let mut progress = StudyProgress { runs: tasks.len(), ..StudyProgress::default() };
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        let mut running: BTreeMap<usize, Running> = BTreeMap::new();
        let mut waiting = tasks.iter().enumerate();
        loop {
            let stops = stop.requested() || (fail_fast && !failures.is_empty());
            while !stops
                && running.len() < jobs
                && let Some((index, task)) = waiting.next()
            {
                let result = match is_finished(task) {
                    true => execute_one(task, index, tasks.len(), monitor, stop)
                        .map(|()| progress.done += 1)
                        .map_err(|error| Failure::of(task, &error)),
                    false => {
                        let slot = (0..jobs).find(|slot| running.values().all(|run| run.slot != *slot)).unwrap_or(0);
                        let share = share(threads, jobs, slot);
                        Child::start(scope, program, (index, task), tasks.len(), share, sender.clone())
                            .map(|child| drop(running.insert(index, Running { child, slot, end: None })))
                            .map_err(Error::io(program))
                            .map_err(|error| Failure::of(task, &error))
                    }
                };
                if let Err(failure) = result {
                    monitor.failed(index + 1, &failure.id, &failure.reason);
                    failures.push(failure);
                }
                (progress.running, progress.failed) = (running.len(), failures.len());
                monitor.study(&progress);
            }
            if running.is_empty() {
                break;
            }
            if stops {
                running.values().for_each(|run| run.child.stop());
            }
            let (index, message) = match receiver.recv_timeout(LOOK) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => continue,
                // Never: this thread has a sender itself.
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let task = &tasks[index];
            match message {
                Message::Event(event) => {
                    let end = told(event, index, task, tasks.len(), monitor);
                    if let (Some(end), Some(run)) = (end, running.get_mut(&index)) {
                        run.end = Some(end);
                    }
                }
                Message::Over(status, words) => {
                    let said = running.remove(&index).and_then(|run| run.end);
                    let end = said.unwrap_or_else(|| Err(lost(task, ending(&status, &words))));
                    match end {
                        Ok(()) => progress.done += 1,
                        // All were asked to stop: this one has.
                        Err(_) if stop.requested() => {}
                        Err(failure) if failure.kind == ErrorKind::Interrupted && stops => {}
                        Err(failure) => {
                            monitor.failed(index + 1, &failure.id, &failure.reason);
                            failures.push(failure);
                        }
                    }
                    (progress.running, progress.failed) = (running.len(), failures.len());
                    monitor.study(&progress);
                }
            }
        }
    });
    Ok(failures)
}

/// The threads of a run: what is left when they do not divide goes to the first.
fn share(threads: usize, jobs: usize, slot: usize) -> usize {
    (threads / jobs + usize::from(slot < threads % jobs)).max(1)
}

/// Passes an event on to the monitor; how the run ended, if it is the last one.
fn told(
    event: Event,
    index: usize,
    task: &Task<'_>,
    of: usize,
    monitor: &mut dyn Monitor,
) -> Option<Result<(), Failure>> {
    let (run, id) = (index + 1, &task.config.id);
    match event {
        Event::Warning(message) => monitor.warning(&message),
        Event::Working(what) => monitor.working(&what),
        Event::Started(start) => monitor.started(&RunStart {
            id,
            folder: &task.folder,
            position: (run, of),
            epochs: start.epochs,
            epochs_finished: start.epochs_finished,
            steps_finished: start.steps_finished,
            model: &start.model,
            noise: start.noise.as_ref(),
            encoding: &start.encoding,
        }),
        Event::Skipped => monitor.skipped(id, (run, of)),
        Event::Step(record) => monitor.step(run, &record),
        Event::Evaluated(point) => monitor.evaluated(run, &point),
        Event::Epoch(summary) => monitor.epoch(run, &summary),
        Event::Ended { wall_seconds } => monitor.ended(run, id, wall_seconds),
        Event::Finished => return Some(Ok(())),
        Event::Failed { kind, reason, hint } => return Some(Err(Failure::new(task, kind, reason, hint))),
    }
    None
}

/// The failure of a run whose process ended without a word. Its manifest is told why, for whoever looks later.
fn lost(task: &Task<'_>, how: Option<String>) -> Failure {
    let reason = how.unwrap_or_else(|| "its process ended before its run".into());
    // Best effort: the next attempt resumes the run whatever its manifest says.
    let _ = note(task, &reason);
    Failure::new(task, ErrorKind::Internal, reason, None)
}

fn note(task: &Task<'_>, reason: &str) -> Result<()> {
    if !Manifest::path(&task.folder).is_file() {
        return Ok(());
    }
    // Nobody is to wait for another process here.
    let at_once = StopFlag::default();
    at_once.request();
    let lease = Lease::take(&task.folder, &mut crate::run::Silent, &at_once)?;
    let mut manifest = Manifest::read(&task.folder)?;
    if manifest.status == Status::Running {
        manifest.status = Status::Failed;
        manifest.error = Some(reason.to_owned());
        lease.require_held()?;
        manifest.write(&task.folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn threads_are_shared_out() {
        let shares = |threads, jobs| (0..jobs).map(|slot| share(threads, jobs, slot)).collect::<Vec<_>>();
        assert_eq!(shares(2, 2), [1, 1]);
        assert_eq!(shares(8, 3), [3, 3, 2]);
        assert_eq!(shares(1, 4), [1, 1, 1, 1]);
    }
}
