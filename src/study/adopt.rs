//! Taking over runs that an earlier version wrote side by side, in folders such as `noise=0.30,seed=1`.
//!
//! Such runs are found and read where they are. Adopted, they lie in the partitions of the study, so that one glob and one
//! query see all runs, and their manifests carry coordinates and today's identity.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::grid;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::run::{Manifest, RunConfig, Status};

/// What became of the runs of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Old and new folder of each run that was taken over.
    pub adopted: Vec<(PathBuf, PathBuf)>,
    /// The folders that were left, and why.
    pub left: Vec<(PathBuf, String)>,
}

/// Moves the finished runs among the folders `AXIS=VALUE,...` in `runs` that are runs of the experiment into their
/// partitions, and writes their manifests anew. With `dry_run` nothing is changed. Called again, it goes on from where it was
/// broken off.
///
/// # Errors
/// [`Error::Config`] if the experiment makes no grid; [`Error::Io`].
pub fn adopt(experiment: &Experiment, runs: &Path, dry_run: bool) -> Result<Adoption> {
    let mut wanted: BTreeMap<String, RunConfig> = BTreeMap::new();
    for run in grid(experiment)? {
        wanted.insert(run.identity()?, run);
    }
    let mut adoption = Adoption::default();
    for folder in flat_folders(runs)? {
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
    if Manifest::path(&to).is_file() {
        return Ok(Err(format!("{} holds this run already", to.display())));
    }
    if !dry_run {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        fs::rename(folder, &to).map_err(Error::io(&to))?;
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

/// The folders of runs that lie side by side. Names of partitions hold no comma.
fn flat_folders(runs: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    if runs.is_dir() {
        for entry in fs::read_dir(runs).map_err(Error::io(runs))? {
            let entry = entry.map_err(Error::io(runs))?;
            if entry.file_name().to_string_lossy().contains(',') && entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    folders.sort();
    Ok(folders)
}

/// The runs in such folders by identity; what is no run is left out.
pub(super) fn flat_runs(runs: &Path) -> BTreeMap<String, PathBuf> {
    let folders = flat_folders(runs).unwrap_or_default().into_iter();
    let of = |folder: PathBuf| Some((Manifest::read(&folder).ok()?.config.identity().ok()?, folder));
    folders.filter_map(of).collect()
}
