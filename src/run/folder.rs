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
            return if is_unused(path)? { Ok(FolderState::Fresh) } else { Err(foreign(path)) };
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

/// True if nothing is there but what a run killed before its manifest may have left.
pub(super) fn is_unused(path: &Path) -> Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.all(|entry| {
            entry.is_ok_and(|e| {
                let name = e.file_name();
                let name = name.to_string_lossy();
                name.starts_with(Lease::PREFIX) || name == Lease::EARLIER || name.starts_with(PREFIX)
            })
        })),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => Ok(false),
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

fn foreign(path: &Path) -> Error {
    Error::Config(
        Problem::new("the folder holds something else than a run: it has no manifest.json")
            .at(path)
            .hint("choose another folder with --out"),
    )
}
