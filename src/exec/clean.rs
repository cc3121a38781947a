//! Removing what a study has no more use for.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;

use super::{RunState, RunStatus};
use crate::error::{Error, Result};
use crate::run::{Lease, Manifest, Monitor, RunFolder, StopFlag};

/// What can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Checkpoints of runs that are not finished: they begin anew.
    Checkpoint,
    /// Runs that were begun and are not finished, with all they have.
    Broken,
    /// What finished runs logged of each token, and the probabilities of held-out folds.
    Dynamics,
}

/// A folder that can be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// The run's name in the study.
    pub id: String,
    /// The run's folder.
    pub run: PathBuf,
    /// What it is.
    pub what: What,
    /// The folder to be removed.
    pub path: PathBuf,
    /// The files in it, bytes.
    pub bytes: u64,
}

/// What became of a [`Leftover`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleaned {
    /// It is gone.
    Removed,
    /// A process is at work on the run: it was left alone.
    InUse,
}

/// The folders of these kinds in runs that are not under way.
pub fn leftovers(runs: &[RunStatus], of: &[What]) -> Vec<Leftover> {
    let mut found = Vec::new();
    for run in runs.iter().filter(|run| run.owner.is_none()) {
        let is_broken = matches!(run.state, RunState::Broken | RunState::Failed);
        let folders: [(What, bool, PathBuf); 4] = [
            (What::Broken, is_broken, run.folder.clone()),
            (What::Checkpoint, run.state != RunState::Unusable, RunFolder::checkpoint_in(&run.folder)),
            (What::Dynamics, run.state == RunState::Finished, run.folder.join("dynamics")),
            (What::Dynamics, run.state == RunState::Finished, run.folder.join("probabilities")),
        ];
        for (what, fits, path) in folders {
            let within = found.iter().any(|other: &Leftover| path.starts_with(&other.path));
            if fits && !within && of.contains(&what) && path.is_dir() {
                let bytes = size(&path);
                found.push(Leftover { id: run.id.clone(), run: run.folder.clone(), what, path, bytes });
            }
        }
    }
    found
}

/// Removes a folder, under the lease of its run. Folders above a run that it leaves empty go too, up to `root`.
///
/// # Errors
/// [`Error::Interrupted`] if `stop` is raised while it waits for a sign of life; [`Error::Io`].
pub fn clean(leftover: &Leftover, root: &Path, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<Cleaned> {
    let lease = match Lease::take(&leftover.run, monitor, stop) {
        Ok(lease) => lease,
        Err(Error::InUse(_)) => return Ok(Cleaned::InUse),
        Err(error) => return Err(error),
    };
    if leftover.what == What::Broken {
        // The checkpoint first: a kill in between leaves a run that begins anew. The manifest, without which nobody knows whose
        // the rest is, after all else but the lease.
        let manifest = Manifest::path(&leftover.path);
        remove(&RunFolder::checkpoint_in(&leftover.path))?;
        for entry in entries(&leftover.path)?.iter().filter(|entry| **entry != manifest) {
            remove(entry)?;
        }
        remove(&manifest)?;
        drop(lease);
        fs::remove_dir(&leftover.path).map_err(Error::io(&leftover.path))?;
    } else {
        remove(&leftover.path)?;
        drop(lease);
    }
    let mut above = leftover.run.parent();
    while let Some(folder) = above.filter(|folder| folder.starts_with(root) && *folder != root) {
        if leftover.what != What::Broken || fs::remove_dir(folder).is_err() {
            break;
        }
        above = folder.parent();
    }
    Ok(Cleaned::Removed)
}

/// What is in a run's folder, but for its lease.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let all: io::Result<Vec<PathBuf>> =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let is_lease = |path: &PathBuf| path.file_name().is_some_and(|name| name == Lease::NAME);
    Ok(all.map_err(Error::io(folder))?.into_iter().filter(|path| !is_lease(path)).collect())
}

/// Removes a file or a folder; of a link, the link alone.
fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(of) if of.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(Error::io(path)),
    }
}

/// Bytes of the files below a folder; what cannot be read counts nothing.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .filter_map(io::Result::ok)
        .map(|entry| match entry.file_type() {
            Ok(of) if of.is_dir() => size(&entry.path()),
            Ok(of) if of.is_file() => entry.metadata().map_or(0, |of| of.len()),
            _ => 0,
        })
        .sum()
}
