//! Runs at once, each in a process of its own.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Scope;
use std::time::Duration;

use super::child::{Child, Ending, Message, ending};
use super::elsewhere::{Elsewhere, owner};
use super::protocol::Event;
use super::serial::execute_one;
use super::{Execution, Failure, Task, is_finished};
use crate::error::{Error, ErrorKind, Result};
use crate::run::{Lease, Manifest, Monitor, RunStart, Status, StopFlag, StudyProgress};

/// Between two looks at the stop flag.
const LOOK: Duration = Duration::from_millis(100);

/// Does all runs, `jobs` at a time, and returns those that failed.
pub(super) fn execute_all(
    tasks: &[Task<'_>],
    (program, jobs): (&Path, usize),
    how: &Execution,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Vec<Failure> {
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        // Made in here: if the monitor panics, the pool is dropped before the scope waits for its threads, and with it the
        // children's inputs are closed.
        let pool = Pool {
            scope,
            tasks,
            program,
            jobs,
            how,
            monitor,
            stop,
            queue: (0..tasks.len()).collect(),
            running: BTreeMap::new(),
            elsewhere: Elsewhere::default(),
            done: 0,
            failures: Vec::new(),
            sender,
            receiver,
        };
        pool.execute()
    })
}

/// The runs of a study while they are done. Each is in one of five places: it waits in the queue, runs, is done elsewhere, is
/// done, or has failed.
struct Pool<'scope, 'env, 'a> {
    scope: &'scope Scope<'scope, 'env>,
    tasks: &'scope [Task<'scope>],
    program: &'scope Path,
    jobs: usize,
    how: &'a Execution,
    monitor: &'a mut dyn Monitor,
    stop: &'a StopFlag,
    /// Indices of the tasks that are to be begun.
    queue: VecDeque<usize>,
    running: BTreeMap<usize, Running>,
    elsewhere: Elsewhere,
    done: usize,
    failures: Vec<Failure>,
    sender: Sender<(usize, Message)>,
    receiver: Receiver<(usize, Message)>,
}

/// A run under way.
struct Running {
    child: Child,
    /// The threads it has.
    threads: usize,
    /// How it ended, once it has said so.
    end: Option<Result<(), Failure>>,
}

impl Pool<'_, '_, '_> {
    fn execute(mut self) -> Vec<Failure> {
        loop {
            self.begin_runs();
            if self.running.is_empty() && !self.waits_for_others() {
                break;
            }
            if self.stops() {
                self.running.values().for_each(|run| run.child.stop());
            }
            // An error is the end of the wait: this thread has a sender itself, so that the channel stays open.
            if let Ok((index, message)) = self.receiver.recv_timeout(LOOK) {
                self.hear(index, message);
            }
        }
        if !self.stops() {
            self.failures.extend(self.elsewhere.into_failures(self.tasks));
        }
        self.failures
    }

    /// True if no run is to be begun any more, and those under way are to stop.
    fn stops(&self) -> bool {
        self.stop.requested() || (self.how.fail_fast && !self.failures.is_empty())
    }

    /// True if nothing is left to be done but what other processes are doing.
    fn waits_for_others(&self) -> bool {
        self.how.wait && !self.elsewhere.is_empty() && !self.stops()
    }

    /// Begins runs until there are as many as there may be at once.
    fn begin_runs(&mut self) {
        self.queue.extend(self.elsewhere.ready(self.tasks));
        while !self.stops()
            && self.running.len() < self.jobs
            && let Some(index) = self.queue.pop_front()
        {
            self.begin(index);
            self.tell_progress();
        }
        if self.running.is_empty() && self.waits_for_others() {
            self.elsewhere.tell(self.tasks, self.monitor);
        }
    }

    /// Begins a run, or leaves it alone: it may be finished, or another process may be doing it.
    fn begin(&mut self, index: usize) {
        let task = &self.tasks[index];
        if is_finished(task) {
            let result = execute_one(task, index, self.tasks.len(), self.monitor, self.stop);
            self.take_result(index, result.map_err(|error| Failure::of(task, &error)));
        } else if owner(task).is_some() {
            self.elsewhere.put(index, self.tasks, self.monitor);
        } else {
            let threads = self.share();
            let of = (index, self.tasks.len());
            match Child::start(self.scope, self.program, task, of, threads, self.sender.clone()) {
                Ok(child) => drop(self.running.insert(index, Running { child, threads, end: None })),
                Err(error) => self.fail(index, Failure::of(task, &Error::io(self.program)(error))),
            }
        }
    }

    /// The threads of the run that is begun next: its part of what no other has, where the queue may fill all places.
    fn share(&self) -> usize {
        let free = rayon::current_num_threads().saturating_sub(self.running.values().map(|run| run.threads).sum());
        share(free, (self.jobs - self.running.len()).min(self.queue.len() + 1))
    }

    /// Takes in what a child says.
    fn hear(&mut self, index: usize, message: Message) {
        match message {
            Message::Event(event) => {
                let end = pass_on(event, index, self.tasks, self.monitor);
                if let (Some(end), Some(run)) = (end, self.running.get_mut(&index)) {
                    run.end = Some(end);
                }
            }
            Message::Over(status, words) => {
                let said = self.running.remove(&index).and_then(|run| run.end);
                let end = said.unwrap_or_else(|| Err(lost(&self.tasks[index], ending(&status, &words, self.jobs))));
                self.take_result(index, end);
                self.tell_progress();
            }
        }
    }

    /// Puts a run that is over to its place.
    fn take_result(&mut self, index: usize, end: Result<(), Failure>) {
        match end {
            Ok(()) => self.done += 1,
            // All were asked to stop: this one has.
            Err(_) if self.stop.requested() => {}
            Err(failure) if failure.kind == ErrorKind::Interrupted && self.stops() => {}
            // Another process was faster.
            Err(failure) if failure.kind == ErrorKind::InUse => self.elsewhere.put(index, self.tasks, self.monitor),
            Err(failure) => self.fail(index, failure),
        }
    }

    fn fail(&mut self, index: usize, failure: Failure) {
        self.monitor.failed(index + 1, &failure.id, &failure.reason);
        self.failures.push(failure);
    }

    fn tell_progress(&mut self) {
        self.monitor.study(&StudyProgress {
            runs: self.tasks.len(),
            done: self.done,
            failed: self.failures.len(),
            running: self.running.len(),
            elsewhere: self.elsewhere.len(),
            seconds_left: None,
        });
    }
}

/// One part of so many of the threads, at least one; where they do not divide, the first parts are larger.
fn share(free: usize, parts: usize) -> usize {
    free.div_ceil(parts.max(1)).max(1)
}

/// Passes an event on to the monitor; how the run ended, if it is the last one.
fn pass_on(event: Event, index: usize, tasks: &[Task<'_>], monitor: &mut dyn Monitor) -> Option<Result<(), Failure>> {
    let (task, run, of) = (&tasks[index], index + 1, tasks.len());
    let id = &task.config.id;
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
fn lost(task: &Task<'_>, ending: Ending) -> Failure {
    // Best effort: the next attempt resumes the run whatever its manifest says.
    let _ = note(task, &ending.reason);
    Failure::new(task, ending.kind, ending.reason, ending.hint)
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

    /// The threads of runs that are begun one after another.
    fn shares(mut free: usize, runs: usize) -> Vec<usize> {
        let begin = |begun| {
            let threads = share(free, runs - begun);
            free = free.saturating_sub(threads);
            threads
        };
        (0..runs).map(begin).collect()
    }

    #[test]
    fn threads_are_shared_out() {
        assert_eq!(shares(2, 2), [1, 1]);
        assert_eq!(shares(8, 3), [3, 3, 2]);
        assert_eq!(shares(1, 4), [1, 1, 1, 1]);
    }

    #[test]
    fn the_last_runs_get_the_threads_of_those_that_ended() {
        // Of four jobs with two threads each, two ended at once, and one run is left.
        assert_eq!(shares(4, 1), [4]);
        assert_eq!(shares(8, 2), [4, 4]);
    }
}
