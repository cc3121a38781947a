//! Where a study's files go.

use std::path::{Path, PathBuf};

use crate::config::Experiment;
use crate::run::RunConfig;

/// The folders of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// One folder a run.
    pub runs: PathBuf,
    /// Tables of the runs and of the study, for further work.
    pub analysis: PathBuf,
    /// The report: page, figures, tables.
    pub report: PathBuf,
    /// The experiment as it was resolved, written before the first run.
    pub experiment: PathBuf,
}

impl Layout {
    /// The folders of an experiment: all under `out` where it is given, else under `runs/<study>` and
    /// `reports/<study>`.
    pub fn of(experiment: &Experiment) -> Self {
        match &experiment.out {
            Some(out) => Self {
                runs: out.join("runs"),
                analysis: out.join("analysis"),
                report: out.join("report"),
                experiment: Self::experiment_in(out),
            },
            None => {
                let root = Self::runs_root().join(&experiment.study.name);
                Self {
                    analysis: root.join("analysis"),
                    report: Path::new("reports").join(&experiment.study.name),
                    experiment: Self::experiment_in(&root),
                    runs: root,
                }
            }
        }
    }

    /// The folder of a run.
    pub fn folder_of(&self, run: &RunConfig) -> PathBuf {
        self.runs.join(&run.id)
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
