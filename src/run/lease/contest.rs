//! Watching a lease that another process has, and replacing it once it is stale.

use std::io;
use std::path::Path;
use std::time::Instant;

use fs_err as fs;
use sha2::{Digest, Sha256};

use super::candidate::{Candidate, identity, read};
use super::{LOOK, Lease, Owner, Process, TELL, Times};
use crate::error::{Error, Problem, Result};
use crate::run::{Monitor, StopFlag};

/// What watching a lease has shown.
pub(super) enum Seen {
    /// It was given up, or replaced.
    Gone,
    /// Its owner lives.
    Live(Option<Owner>),
    /// Its owner does not; the lease is known by this.
    Stale(String),
}

/// The way to a lease that something else has.
pub(super) struct Contest<'a> {
    pub times: Times,
    pub candidate: &'a Candidate,
    pub monitor: &'a mut dyn Monitor,
    pub stop: &'a StopFlag,
}

impl Contest<'_> {
    /// Watches a lease until it is known whether its owner lives.
    pub(super) fn watch(&mut self, path: &Path) -> Result<Seen> {
        let look = || read(path).map_err(Error::io(path));
        let Some(first) = look()? else { return Ok(Seen::Gone) };
        let (begun, mut changed, mut text, mut told) = (Instant::now(), Instant::now(), first.clone(), false);
        loop {
            let owner = Owner::parse(&text);
            let leaving = owner.as_ref().is_some_and(|owner| owner.leaving);
            match owner.as_ref().map_or(Process::Unknown, Owner::process) {
                Process::Ended => return Ok(Seen::Stale(identity(&text))),
                Process::Lives if !leaving && begun.elapsed() >= self.times.watch => return Ok(Seen::Live(owner)),
                Process::Unknown if !leaving && text != first => return Ok(Seen::Live(owner)),
                Process::Unknown if changed.elapsed() >= self.times.stale => return Ok(Seen::Stale(identity(&text))),
                _ => {}
            }
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            if !told && begun.elapsed() >= TELL.min(self.times.stale) {
                told = true;
                let of = owner.map_or_else(|| "another process".to_owned(), |owner| owner.to_string());
                let folder = path.parent().unwrap_or(path).display();
                self.monitor.working(&match leaving {
                    true => format!("{folder}: waiting for {of} to stop"),
                    false => format!(
                        "{folder}: waiting up to {} s for a sign of life from {of}, which was writing there",
                        self.times.stale.as_secs()
                    ),
                });
            }
            std::thread::sleep(LOOK);
            match look()? {
                Some(now) if identity(&now) == identity(&text) => {
                    if now != text {
                        (changed, text) = (Instant::now(), now);
                    }
                }
                _ => return Ok(Seen::Gone),
            }
        }
    }

    /// Puts the candidate in the place of a stale lease. False if another process was faster.
    pub(super) fn replace(&mut self, path: &Path, stale: &str) -> Result<bool> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let right = folder.join(format!("{}-after-{}", Lease::PREFIX, short(stale)));
        if !self.candidate.place(&right)? {
            match self.watch(&right)? {
                Seen::Gone => return Ok(false),
                Seen::Live(other) => return Err(refused(folder, other.as_ref())),
                Seen::Stale(mark) => {
                    if !self.replace(&right, &mark)? {
                        return Ok(false);
                    }
                }
            }
        }
        let is_still = read(path).map_err(Error::io(path))?.is_some_and(|text| identity(&text) == stale);
        let replaced = if is_still { self.candidate.put_over(path) } else { Ok(false) };
        let _ = fs::remove_file(&right);
        replaced
    }
}

/// A name for a file, of what a lease is known by.
pub(super) fn short(identity: &str) -> String {
    Sha256::digest(identity.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Removes what others left on their way to the lease. Who is still on it begins anew.
pub(super) fn remove_others(folder: &Path, own: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(io::Result::ok) {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(".lease-") && entry.path() != own {
            let _ = fs::remove_file(entry.path());
        }
    }
    // Of earlier versions.
    let _ = fs::remove_file(folder.join(Lease::EARLIER));
}

/// The error of a folder that another process works on.
pub(super) fn refused(folder: &Path, owner: Option<&Owner>) -> Error {
    let by = owner.map_or_else(|| "another process".to_owned(), |owner| format!("{owner}, since {}", owner.since));
    Error::InUse(
        Problem::new(format!("the folder is being written to by {by}"))
            .at(folder)
            .hint("wait for it, or give this one another folder with --out"),
    )
}
