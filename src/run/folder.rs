//! A run's folder: what is in it, and whether this run may write there.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Coordinates, Lease, Manifest, Monitor, RunConfig, Status, StopFlag};
use crate::error::{Error, Problem, Result};
use crate::files::PREFIX;
use crate::files::remove_leftovers;

/// What a folder holds of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum FolderState {
    /// Nothing yet.
    Fresh,
    /// The run, begun and not finished.
    Broken(Box<Manifest>),
    /// The run, finished.
    Finished(Box<Manifest>),
}

/// A run's folder, claimed: no other process writes to it while this value lives.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    lease: Lease,
}

impl RunFolder {
    /// Looks at a folder without touching it.
    ///
    /// `data_fingerprint` is that of the corpus as it is now.
    ///
    /// # Errors
    /// [`Error::Config`] if the folder holds another run, a run of other data, or something else altogether.
    pub fn inspect(path: &Path, config: &RunConfig, data_fingerprint: &str) -> Result<FolderState> {
        if !Manifest::path(path).is_file() {
            return Self::require_unused(path).map(|()| FolderState::Fresh);
        }
        let mut manifest = Manifest::read(path)?;
        if !manifest.is_of(config)? {
            let difference =
                config.first_difference(&manifest.config).unwrap_or_else(|| "their settings differ".into());
            return Err(Error::Config(
                Problem::new(format!("the folder holds another run: {difference}"))
                    .at(path)
                    .hint("choose another folder with --out, or remove this one"),
            ));
        }
        if manifest.data.fingerprint != data_fingerprint {
            return Err(Error::Config(
                Problem::new(format!(
                    "the folder holds a run of other data: `{}` has changed since",
                    manifest.data.name
                ))
                .at(path)
                .hint("choose another folder with --out, or remove this one"),
            ));
        }
        // Names are those of the grid that asks: they may have changed since.
        (manifest.config.id, manifest.config.coordinates) = (config.id.clone(), config.coordinates.clone());
        Ok(match manifest.status {
            Status::Finished => FolderState::Finished(Box::new(manifest)),
            Status::Running | Status::Interrupted | Status::Failed => FolderState::Broken(Box::new(manifest)),
        })
    }

    /// Refuses a folder without a manifest that holds more than a run leaves that was broken off before its manifest: files of
    /// the lease, unfinished files, a checkpoint, which says nothing without a manifest, and empty folders.
    ///
    /// # Errors
    /// [`Error::Config`] that names what is there; [`Error::Io`].
    pub fn require_unused(path: &Path) -> Result<()> {
        match first_foreign(path)? {
            None => Ok(()),
            Some(name) => Err(Error::Config(
                Problem::new(format!("this is not the folder of a run: it contains `{name}` but no manifest.json"))
                    .at(path)
                    .hint("move or remove what is there, or choose another folder with --out"),
            )),
        }
    }

    /// Makes the folder if it is missing, takes its lease, and looks at it. To leave a foreign folder untouched,
    /// [`RunFolder::inspect`] it first.
    ///
    /// # Errors
    /// As [`RunFolder::inspect`] and [`Lease::take`].
    pub fn claim(
        path: &Path,
        config: &RunConfig,
        data_fingerprint: &str,
        monitor: &mut dyn Monitor,
        stop: &StopFlag,
    ) -> Result<(Self, FolderState)> {
        fs::create_dir_all(path).map_err(Error::io(path))?;
        let lease = Lease::take(path, monitor, stop)?;
        remove_leftovers(path);
        // Only now: another process may have finished the run while this one waited for its turn.
        let state = Self::inspect(path, config, data_fingerprint)?;
        Ok((Self { path: path.to_owned(), lease }, state))
    }

    /// Makes sure that the folder is still this process's: before each writing that a killed run is resumed from.
    ///
    /// # Errors
    /// As [`Lease::require_held`].
    pub fn require_held(&self) -> Result<()> {
        self.lease.require_held()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the checkpoint is while the run is not finished.
    pub fn checkpoint(&self) -> PathBuf {
        Self::checkpoint_in(&self.path)
    }

    /// The same in the folder of a run that is not claimed.
    pub fn checkpoint_in(path: &Path) -> PathBuf {
        path.join("checkpoint")
    }

    /// Where the trained tagger is.
    pub fn model(&self) -> PathBuf {
        Self::model_in(&self.path)
    }

    /// The same in the folder of a run that is not claimed.
    pub fn model_in(path: &Path) -> PathBuf {
        path.join("model")
    }

    /// Removes what the log has beyond `epoch`: a kill between the log's and the checkpoint's writing leaves such.
    pub(super) fn drop_epochs_after(&self, epoch: u32) -> Result<()> {
        let folder = self.path.join("dynamics");
        if !folder.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(&folder).map_err(Error::io(&folder))? {
            let path = entry.map_err(Error::io(&folder))?.path();
            let number = path.file_stem().and_then(|s| s.to_str()?.strip_prefix("epoch=")?.parse::<u32>().ok());
            if number.is_none_or(|number| number > epoch) {
                fs::remove_file(&path).map_err(Error::io(&path))?;
            }
        }
        Ok(())
    }
}

/// The folder of a run among those in `runs`: its partition, or, where that holds no run, the folder of the name `flat` that
/// an earlier version gave it.
pub fn folder_in(runs: &Path, coordinates: &Coordinates, flat: &str) -> PathBuf {
    let (partition, flat) = (partition_in(runs, coordinates), runs.join(flat));
    if !Manifest::path(&partition).is_file() && Manifest::path(&flat).is_file() { flat } else { partition }
}

/// The partition of a run among those in `runs`: where that holds no run, the one that an earlier version made, if it called an
/// axis by another name.
pub(crate) fn partition_in(runs: &Path, coordinates: &Coordinates) -> PathBuf {
    let partition = runs.join(coordinates.folder());
    let earlier = coordinates.earlier_folder().map(|folder| runs.join(folder));
    match earlier.filter(|earlier| !Manifest::path(&partition).is_file() && Manifest::path(earlier).is_file()) {
        Some(earlier) => earlier,
        None => partition,
    }
}

/// The folders of runs below `root`, sorted: in partitions `AXIS=VALUE`, and side by side in folders `AXIS=VALUE,...`, as earlier
/// versions made them. What cannot be read is left out.
pub fn run_folders(root: &Path) -> Vec<PathBuf> {
    fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.filter_map(std::io::Result::ok) {
            let path = entry.path();
            if !entry.file_name().to_string_lossy().contains('=') || !path.is_dir() {
                continue;
            }
            match Manifest::path(&path).is_file() {
                true => found.push(path),
                false if depth < DEEPEST => collect(&path, depth + 1, found),
                false => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(root, 0, &mut found);
    found.sort();
    found
}

/// Axes that a grid may have, for the search: more than anybody sweeps over.
const DEEPEST: usize = 32;

/// The first entry of a folder that no run killed before its manifest has left; `None` if there is none.
pub(super) fn first_foreign(path: &Path) -> Result<Option<String>> {
    let of_a_run = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_folder = entry.file_type().is_ok_and(|of| of.is_dir());
        let is_empty = || fs::read_dir(entry.path()).is_ok_and(|mut entries| entries.next().is_none());
        name.starts_with(Lease::PREFIX)
            || name == Lease::EARLIER
            || name.starts_with(PREFIX)
            || (is_folder && (entry.path() == RunFolder::checkpoint_in(path) || is_empty()))
    };
    let mut names = match fs::read_dir(path) {
        Ok(entries) => {
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry.map_err(Error::io(path))?;
                if !of_a_run(&entry) {
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
            names
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => {
            vec![path.file_name().unwrap_or_default().to_string_lossy().into_owned()]
        }
        Err(source) => return Err(Error::Io { path: path.to_owned(), source }),
    };
    names.sort();
    Ok(names.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_runs_own_if_nothing_else_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("noise=0.00/seed=1");
        RunFolder::require_unused(&run).unwrap();
        for file in [".lease", ".memoscope-x", "checkpoint/state.safetensors"] {
            fs::create_dir_all(run.join(file).parent().unwrap()).unwrap();
            fs::write(run.join(file), "").unwrap();
        }
        fs::create_dir(run.join("dynamics")).unwrap();
        RunFolder::require_unused(&run).unwrap();
        fs::write(run.join("dynamics/epoch=0001.parquet"), "").unwrap();
        let error = RunFolder::require_unused(&run).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with(": this is not the folder of a run: it contains `dynamics` but no manifest.json")
        );
        let file = folder.path().join("noise=0.10");
        fs::write(&file, "").unwrap();
        assert!(matches!(RunFolder::require_unused(&file), Err(Error::Config(_))));
    }

    #[test]
    fn runs_are_found_in_partitions_and_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        for run in ["noise=0.00/seed=1", "noise=0.00,seed=2", "noise=0.10/batch_size=4/seed=1", "analysis/seed=1"] {
            fs::create_dir_all(folder.path().join(run)).unwrap();
            fs::write(folder.path().join(run).join("manifest.json"), "{}").unwrap();
        }
        fs::create_dir_all(folder.path().join("noise=0.20/seed=1")).unwrap();
        let found = run_folders(folder.path());
        let names: Vec<_> = found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_owned()).collect();
        let expected = ["noise=0.00/seed=1", "noise=0.00,seed=2", "noise=0.10/batch_size=4/seed=1"];
        let mut expected: Vec<PathBuf> = expected.map(PathBuf::from).into();
        expected.sort();
        assert_eq!(names, expected);
        assert_eq!(run_folders(&folder.path().join("nowhere")), [""; 0].map(PathBuf::from));
    }
}
