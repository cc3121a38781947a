//! Drawing a study from its finished runs, without training.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Layout, grid, of};
use crate::config::{Experiment, Layers};
use crate::dynamics::CsvText;
use crate::error::{Error, Problem, Result};
use crate::report::{self, StudyReport};
use crate::run::{FolderState, Manifest, Monitor, RunFolder, Status, remove_leftovers, warn_of_missing_series};

/// A finished run on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedRun {
    /// Its folder, which is a log.
    pub folder: PathBuf,
    /// What it is.
    pub manifest: Manifest,
}

/// What a study draws from.
#[derive(Debug, Clone, Copy)]
pub struct StudyInput<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// Where things go.
    pub layout: &'a Layout,
    /// The finished runs in the grid's order; at least one.
    pub runs: &'a [FinishedRun],
    /// Runs of the grid that are not finished, by name.
    pub unfinished: &'a [String],
    /// How text is written into CSV files.
    pub text: CsvText,
}

/// What was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// The findings in words, from the numbers.
    pub findings: String,
    /// The report's page.
    pub page: PathBuf,
}

/// Analyses an experiment's finished runs and draws its report. Runs that are not finished are left out, with a
/// warning. CSV files have their text written as `text` says.
///
/// # Errors
/// [`Error::Data`] if no run is finished or a log is damaged; [`Error::Config`] if a folder holds another run.
pub fn draw(experiment: &Experiment, text: CsvText, monitor: &mut dyn Monitor) -> Result<Drawn> {
    let layout = Layout::of(experiment);
    for config in grid(experiment)? {
        let folder = layout.folder_of(&config);
        if Manifest::path(&folder).is_file() && Manifest::read(&folder)?.status == Status::Finished {
            warn_of_missing_series(&folder, monitor);
        }
    }
    draw_finished(experiment, text, monitor)
}

/// The same after [`crate::run::execute`], which has warned of what is missing in the runs.
pub(super) fn draw_finished(experiment: &Experiment, text: CsvText, monitor: &mut dyn Monitor) -> Result<Drawn> {
    let layout = Layout::of(experiment);
    let (mut runs, mut unfinished) = (Vec::new(), Vec::new());
    for config in grid(experiment)? {
        let folder = layout.folder_of(&config);
        // A report is drawn from the log; whether the corpus has changed since is no matter here.
        let fingerprint = match Manifest::path(&folder).is_file() {
            true => Manifest::read(&folder)?.data.fingerprint,
            false => String::new(),
        };
        match RunFolder::inspect(&folder, &config, &fingerprint)? {
            FolderState::Finished(manifest) => runs.push(FinishedRun { folder, manifest: *manifest }),
            FolderState::Broken(_) | FolderState::Fresh => unfinished.push(config.id),
        }
    }
    if runs.is_empty() {
        return Err(Error::Data(
            Problem::new("no run of this experiment is finished")
                .at(&layout.runs)
                .hint("train them first, with `memoscope sweep`"),
        ));
    }
    if !unfinished.is_empty() {
        monitor.warning(&format!(
            "{} of {} runs are not finished and left out: {}",
            unfinished.len(),
            unfinished.len() + runs.len(),
            unfinished.join("  ")
        ));
    }
    remove_leftovers(&layout.analysis);
    remove_leftovers(&layout.report);
    let input = StudyInput { experiment, layout: &layout, runs: &runs, unfinished: &unfinished, text };
    of(experiment.study.kind).draw(&input, monitor)
}

/// Writes a study's report, and says what there is to say about its figures.
///
/// # Errors
/// As [`report::render`].
pub(super) fn publish(
    input: &StudyInput<'_>,
    study: &StudyReport,
    findings: String,
    monitor: &mut dyn Monitor,
) -> Result<Drawn> {
    let layout = input.layout;
    report::render(study, &layout.report, input.text)?;
    if let Some(warning) = study.foreign().warning() {
        monitor.warning(&warning);
    }
    Ok(Drawn { findings, page: layout.report.join("index.html") })
}

/// The experiment that a sweep wrote to its folder; the folder may have been moved since.
///
/// # Errors
/// [`Error::Config`] if there is none or it does not load.
pub fn experiment_in(out: &Path) -> Result<Experiment> {
    let path = Layout::experiment_in(out);
    if !path.is_file() {
        return Err(Error::Config(
            Problem::new("no study: there is no experiment.toml").at(out).hint("give the folder of `sweep --out`"),
        ));
    }
    let mut layers = Layers::new();
    layers.file(&path)?;
    let out = out.to_string_lossy();
    layers.set("out", &out, &format!("--out {out}"))?;
    layers.finish()
}

/// The experiments of all studies under `runs/`, by name.
///
/// # Errors
/// [`Error::Config`] if there is none or one does not load; [`Error::Io`].
pub fn experiments_under(root: &Path) -> Result<Vec<Experiment>> {
    let mut files = Vec::new();
    if root.is_dir() {
        for entry in fs::read_dir(root).map_err(Error::io(root))? {
            files.push(Layout::experiment_in(&entry.map_err(Error::io(root))?.path()));
        }
    }
    files.retain(|file| file.is_file());
    files.sort();
    if files.is_empty() {
        return Err(Error::Config(
            Problem::new("no study has been done here").at(root).hint("train one first, with `memoscope sweep`"),
        ));
    }
    files
        .iter()
        .map(|file| {
            let mut layers = Layers::new();
            layers.file(file)?;
            layers.finish()
        })
        .collect()
}
