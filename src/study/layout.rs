//! Where a study's files go.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::adopt::{StoredRun, stored_runs};
use crate::config::Experiment;
use crate::run::{Coordinates, Manifest, RunConfig, partition_in};

/// The folders of a study.
#[derive(Debug, Clone)]
pub struct Layout {
    /// One folder a run, in Hive partitions: `noise=0.30/seed=1`.
    pub runs: PathBuf,
    /// Tables of the study, for further work.
    pub analysis: PathBuf,
    /// The report: page, figures, tables.
    pub report: PathBuf,
    /// The experiment as it was resolved, written before the first run.
    pub experiment: PathBuf,
    /// Tables of the runs, in the same partitions.
    of_runs: PathBuf,
    /// All runs in the folder, wherever they are.
    stored: OnceLock<Vec<StoredRun>>,
}

impl Layout {
    /// The folders of an experiment: all under `out` where it is given, else under `runs/<study>` and
    /// `reports/<study>`.
    pub fn of(experiment: &Experiment) -> Self {
        let (root, runs, report) = match &experiment.out {
            Some(out) => (out.clone(), out.join("runs"), out.join("report")),
            None => {
                let root = Self::runs_root().join(&experiment.study.name);
                (root.clone(), root, Path::new("reports").join(&experiment.study.name))
            }
        };
        let analysis = root.join("analysis");
        Self {
            runs,
            of_runs: analysis.clone(),
            analysis,
            report,
            experiment: Self::experiment_in(&root),
            stored: OnceLock::new(),
        }
    }

    /// The same for a part of the study, whose tables and report go to folders of their own.
    pub(super) fn part(&self, coordinates: &Coordinates) -> Self {
        let folder = coordinates.folder();
        Self { analysis: self.analysis.join(&folder), report: self.report.join(&folder), ..self.clone() }
    }

    /// The study's folder.
    pub fn root(&self) -> &Path {
        self.experiment.parent().unwrap_or(Path::new(""))
    }

    /// The runs in the study's folder, wherever they are, as they were when this was first asked for.
    pub(super) fn stored(&self) -> &[StoredRun] {
        self.stored.get_or_init(|| stored_runs(&self.runs))
    }

    /// The folder of a run: its partition, or, where that holds no run, the one in which an earlier version wrote it, or an
    /// experiment with other axes.
    pub fn folder_of(&self, run: &RunConfig) -> PathBuf {
        let folder = partition_in(&self.runs, &run.coordinates);
        if Manifest::path(&folder).is_file() {
            return folder;
        }
        let stored = self.stored();
        let Some(identity) = run.identity().ok().filter(|_| !stored.is_empty()) else { return folder };
        let of_run = |other: &&StoredRun| other.identity == identity && other.is_apart_from(run, &self.runs);
        let found = stored.iter().filter(of_run).max_by_key(|other| other.is_finished);
        found.map_or(folder, |other| other.folder.clone())
    }

    /// The partition of a run, wherever the run is.
    pub fn partition_of(&self, run: &RunConfig) -> PathBuf {
        self.runs.join(run.coordinates.folder())
    }

    /// The folder of a run's tables.
    pub fn analysis_of(&self, run: &RunConfig) -> PathBuf {
        self.of_runs.join(run.coordinates.folder())
    }

    /// The folder of all studies that were not told where to go.
    pub fn runs_root() -> PathBuf {
        "runs".into()
    }

    /// The resolved experiment in a study's folder.
    pub fn experiment_in(folder: &Path) -> PathBuf {
        folder.join("experiment.toml")
    }
}
