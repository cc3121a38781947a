//! Taking over runs that lie elsewhere than in their partition: an earlier version wrote them side by side, in folders such as
//! `noise=0.30,seed=1`, or an experiment with other axes did them.
//!
//! Such runs are found and read where they are. Adopted, they lie in the partitions of the study, so that one glob and one
//! query see all runs, and their manifests carry coordinates and today's identity.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::grid;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::run::{Coordinates, Manifest, RunConfig, Status, run_folders};

/// What became of the runs of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Old and new folder of each run that was taken over.
    pub adopted: Vec<(PathBuf, PathBuf)>,
    /// The folders that were left, and why.
    pub left: Vec<(PathBuf, String)>,
}

/// Moves the finished runs in `runs` that are runs of the experiment and lie elsewhere than in its partitions into these, and
/// writes their manifests anew. With `dry_run` nothing is changed. Called again, it goes on from where it was broken off.
///
/// # Errors
/// [`Error::Config`] if the experiment makes no grid; [`Error::Io`].
pub fn adopt(experiment: &Experiment, runs: &Path, dry_run: bool) -> Result<Adoption> {
    let grid = grid(experiment)?;
    let axes: BTreeSet<BTreeSet<&str>> = grid.iter().map(|run| run.coordinates.axes()).collect();
    let mut wanted: BTreeMap<String, RunConfig> = BTreeMap::new();
    for run in &grid {
        wanted.insert(run.identity()?, run.clone());
    }
    let is_at_home = |folder: &Path, of: &RunConfig| {
        folder == runs.join(of.coordinates.folder()) && axes.contains(&of.coordinates.axes())
    };
    let mut adoption = Adoption::default();
    for folder in run_folders(runs) {
        if Manifest::read(&folder).is_ok_and(|manifest| is_at_home(&folder, &manifest.config)) {
            continue;
        }
        match adopted(&folder, runs, &wanted, dry_run)? {
            Ok(to) => adoption.adopted.push((folder, to)),
            Err(reason) => adoption.left.push((folder, reason)),
        }
    }
    Ok(adoption)
}

/// Takes over one run: its new folder, or why it is left where it is.
fn adopted(
    folder: &Path,
    runs: &Path,
    wanted: &BTreeMap<String, RunConfig>,
    dry_run: bool,
) -> Result<std::result::Result<PathBuf, String>> {
    let manifest = match Manifest::read(folder) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(Err(error.to_string())),
    };
    if manifest.status != Status::Finished {
        return Ok(Err("it is not finished: do the sweep first, which resumes it there".into()));
    }
    let Some(run) = wanted.get(&manifest.config.identity()?) else {
        let same = wanted.values().find(|run| has_parts_of(&manifest.config.id, &run.id));
        let difference = same.and_then(|run| run.first_difference(&manifest.config));
        let difference = difference.map_or_else(String::new, |difference| format!(": {difference}"));
        return Ok(Err(format!("it is no run of the experiment{difference}")));
    };
    let to = runs.join(run.coordinates.folder());
    if to != folder && Manifest::path(&to).is_file() {
        return Ok(Err(format!("{} holds this run already", to.display())));
    }
    if !dry_run {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        // One that was moved before a kill has its old manifest still.
        if to != folder {
            fs::rename(folder, &to).map_err(Error::io(&to))?;
            remove_empty(folder, runs);
        }
        Manifest { config: run.clone(), config_hash: run.identity()?, ..manifest }.write(&to)?;
    }
    Ok(Ok(to))
}

/// True if two names hold the same `AXIS=VALUE`, in any order.
fn has_parts_of(one: &str, other: &str) -> bool {
    let parts = |name: &str| {
        let mut parts: Vec<String> = name.split(',').map(str::to_owned).collect();
        parts.sort();
        parts
    };
    parts(one) == parts(other)
}

/// Removes the folders above one that was moved, as far as they are empty.
fn remove_empty(moved: &Path, runs: &Path) {
    let above = moved.ancestors().skip(1).take_while(|folder| *folder != runs);
    for folder in above {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// A run in a study's folder.
#[derive(Debug, Clone)]
pub(super) struct StoredRun {
    /// Where it is.
    pub folder: PathBuf,
    /// By today's definition.
    pub identity: String,
    /// Where it stood in the grid that made it.
    pub coordinates: Coordinates,
    /// True if all its epochs are done.
    pub is_finished: bool,
}

impl StoredRun {
    /// True if it is no neighbour of a run in its grid: it lies elsewhere than in its partition, or has other axes. Two points
    /// of one grid may have the same settings, and are two runs nevertheless.
    pub(super) fn is_apart_from(&self, run: &RunConfig, runs: &Path) -> bool {
        self.folder != runs.join(self.coordinates.folder()) || self.coordinates.axes() != run.coordinates.axes()
    }
}

/// The runs below a folder; what is no run is left out.
pub(super) fn stored_runs(runs: &Path) -> Vec<StoredRun> {
    let of = |folder: PathBuf| {
        let Manifest { config, status, .. } = Manifest::read(&folder).ok()?;
        let (identity, is_finished) = (config.identity().ok()?, status == Status::Finished);
        Some(StoredRun { folder, identity, coordinates: config.coordinates, is_finished })
    };
    run_folders(runs).into_iter().filter_map(of).collect()
}
