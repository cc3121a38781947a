//! Runs that other processes are doing: put aside, watched, and taken over once nobody does them any more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Failure, Task, status};
use crate::error::ErrorKind;
use crate::format::counted;
use crate::run::{Lease, Monitor, Owner, Process};

/// Between two looks at the leases.
const LOOK: Duration = Duration::from_secs(1);
/// Without a renewal, after which a run is tried again whose owner cannot be asked for. Whoever tries watches the lease for as
/// long as the protocol demands.
const SILENT: Duration = Duration::from_secs(15);
/// Between two lines about the same runs.
const AGAIN: Duration = Duration::from_secs(60);

/// The runs of a study that other processes are doing, by index.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    runs: BTreeMap<usize, Watched>,
    looked: Option<Instant>,
    /// The runs that were told of last, what was said, and when.
    told: Option<(Vec<usize>, String, Instant)>,
}

#[derive(Debug)]
struct Watched {
    owner: Option<Owner>,
    /// When its lease last changed, by this process's clock.
    changed: Instant,
}

/// The process that is at work on a run; `None` if there is none, or none that may live.
pub(super) fn owner(task: &Task<'_>) -> Option<Owner> {
    let holder = Lease::holder(&task.folder).filter(|(_, process)| *process != Process::Ended);
    holder.map(|(owner, _)| owner)
}

impl Elsewhere {
    /// Puts a run aside.
    pub(super) fn put(&mut self, index: usize, tasks: &[Task<'_>], monitor: &mut dyn Monitor) {
        let task = &tasks[index];
        let owner = Lease::owner(&task.folder);
        monitor.elsewhere(&task.config.id, (index + 1, tasks.len()), &by(owner.as_ref()));
        self.runs.insert(index, Watched { owner, changed: Instant::now() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Takes out the runs that nobody seems to be doing any more: finished, or to be taken over.
    pub(super) fn ready(&mut self, tasks: &[Task<'_>]) -> Vec<usize> {
        if self.runs.is_empty() || self.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return Vec::new();
        }
        self.looked = Some(Instant::now());
        let ready: Vec<usize> =
            self.runs.iter_mut().filter_map(|(&index, run)| run.is_free(&tasks[index]).then_some(index)).collect();
        for index in &ready {
            self.runs.remove(index);
        }
        ready
    }

    /// Says what is waited for, when the runs change and once a minute while they get on.
    pub(super) fn tell(&mut self, tasks: &[Task<'_>], monitor: &mut dyn Monitor) {
        let runs: Vec<usize> = self.runs.keys().copied().collect();
        let is_early = |at: &Instant| at.elapsed() < AGAIN;
        if self.told.as_ref().is_some_and(|(before, _, at)| *before == runs && is_early(at)) {
            return;
        }
        let each: Vec<String> = self.runs.iter().map(|(&index, run)| run.words(&tasks[index])).collect();
        let said =
            format!("waiting for {} that other processes are doing: {}", counted(runs.len(), "run"), each.join("; "));
        if self.told.as_ref().is_none_or(|(_, before, _)| *before != said) {
            monitor.working(&said);
        }
        self.told = Some((runs, said, Instant::now()));
    }

    /// What is left, for whoever does not wait.
    pub(super) fn into_failures(self, tasks: &[Task<'_>]) -> Vec<Failure> {
        let of = |(index, run): (usize, Watched)| {
            let reason = format!("in progress elsewhere: {}", by(run.owner.as_ref()));
            Failure::new(&tasks[index], ErrorKind::InUse, reason, None)
        };
        self.runs.into_iter().map(of).collect()
    }
}

impl Watched {
    /// True if the run's lease is gone or stale, by this process's clock alone.
    fn is_free(&mut self, task: &Task<'_>) -> bool {
        let Some(owner) = Lease::owner(&task.folder) else { return true };
        let process = owner.process();
        if self.owner.as_ref() != Some(&owner) {
            (self.owner, self.changed) = (Some(owner), Instant::now());
        }
        match process {
            Process::Ended => true,
            Process::Lives => false,
            Process::Unknown => self.changed.elapsed() >= SILENT,
        }
    }

    fn words(&self, task: &Task<'_>) -> String {
        let status = status(&task.config, &task.folder);
        let (id, done, all) = (&status.id, status.epochs_finished, status.epochs);
        format!("{id} ({}, epoch {done}/{all})", by(self.owner.as_ref()))
    }
}

/// Who does a run.
fn by(owner: Option<&Owner>) -> String {
    owner.map_or_else(|| "another process".to_owned(), ToString::to_string)
}
