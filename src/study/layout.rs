//! Where a study's files go.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::adopt::flat_runs;
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
    /// Runs that an earlier version wrote side by side, by their identity.
    flat: OnceLock<BTreeMap<String, PathBuf>>,
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
            flat: OnceLock::new(),
        }
    }

    /// The same for a part of the study, whose tables and report go to folders of their own.
    pub(super) fn part(&self, coordinates: &Coordinates) -> Self {
        let folder = coordinates.folder();
        Self { analysis: self.analysis.join(&folder), report: self.report.join(&folder), ..self.clone() }
    }

    /// The folder of a run: its partition, or, where that holds no run, the folder in which an earlier version wrote it.
    pub fn folder_of(&self, run: &RunConfig) -> PathBuf {
        let folder = partition_in(&self.runs, &run.coordinates);
        let flat = self.flat.get_or_init(|| flat_runs(&self.runs));
        if flat.is_empty() || Manifest::path(&folder).is_file() {
            return folder;
        }
        run.identity().ok().and_then(|identity| flat.get(&identity).cloned()).unwrap_or(folder)
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
