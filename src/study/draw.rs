//! Drawing a study from its finished runs, without training.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::grid::further_points;
use super::{Layout, OVERVIEW, grid, of, report as reports, write_index};
use crate::config::{Experiment, Layers, StudyKind};
use crate::dynamics::CsvText;
use crate::error::{Error, Problem, Result};
use crate::exec::{self, Failure, Unfinished};
use crate::figures::{Print, Style};
use crate::files::remove_leftovers;
use crate::format::{counted, is_or_are};
use crate::report::{self, StudyReport};
use crate::run::{
    Coordinates, FolderState, Lease, Manifest, Monitor, RunFolder, Status, StopFlag, require_whole_log,
    warn_of_missing_series,
};

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
    /// Runs of the grid that are not finished, and why.
    pub unfinished: &'a [Unfinished],
    /// How text is written into CSV files.
    pub text: CsvText,
    /// How figures are printed.
    pub print: Print,
}

impl StudyInput<'_> {
    /// How figures look, with a subtitle.
    pub(super) fn style(&self, subtitle: String, synthetic: bool) -> Style {
        Style { print: self.print, synthetic, subtitle }
    }
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
/// warning. CSV files have their text written as `text` says, figures are printed as `print` says.
///
/// # Errors
/// [`Error::Data`] if no run is finished or a log is damaged; [`Error::Config`] if a folder holds another run.
pub fn draw(experiment: &Experiment, text: CsvText, print: Print, monitor: &mut dyn Monitor) -> Result<Drawn> {
    let layout = Layout::of(experiment);
    for config in grid(experiment)? {
        let folder = layout.folder_of(&config);
        if Manifest::read(&folder).is_ok_and(|manifest| manifest.status == Status::Finished) {
            warn_of_missing_series(&folder, monitor);
        }
    }
    draw_finished(experiment, text, print, &[], monitor, &StopFlag::default())
}

/// The same after the runs were done, which has warned of what is missing in them; `failures` are left out.
pub(super) fn draw_finished(
    experiment: &Experiment,
    text: CsvText,
    print: Print,
    failures: &[Failure],
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<Drawn> {
    let layout = Layout::of(experiment);
    let (mut runs, mut unfinished) = (Vec::new(), Vec::new());
    for config in grid(experiment)? {
        let folder = layout.folder_of(&config);
        if failures.iter().any(|failure| failure.id == config.id) {
            unfinished.push(Unfinished::of(&config, &folder, layout.root(), failures));
            continue;
        }
        // A report is drawn from the log; whether the corpus has changed since is no matter here.
        let has_manifest = Manifest::path(&folder).is_file();
        let fingerprint = match has_manifest {
            true => Manifest::read(&folder).map(|manifest| manifest.data.fingerprint),
            false => Ok(String::new()),
        };
        match fingerprint.and_then(|fingerprint| RunFolder::inspect(&folder, &config, &fingerprint)) {
            Ok(FolderState::Finished(manifest)) => match require_whole_log(&folder, config.train.epochs) {
                // Coordinates are the grid's: a run that an earlier version wrote has none.
                Ok(()) => runs.push(FinishedRun { folder, manifest: Manifest { config, ..*manifest } }),
                Err(error) => {
                    monitor.warning(&error.to_string());
                    unfinished.push(Unfinished::damaged(&config, layout.root(), &error));
                }
            },
            Ok(FolderState::Broken(_) | FolderState::Fresh) => {
                unfinished.push(Unfinished::of(&config, &folder, layout.root(), failures));
            }
            // The experiment was told to be in the wrong place.
            Err(error @ Error::Config(_)) if has_manifest => return Err(error),
            Err(error) => {
                monitor.warning(&error.to_string());
                unfinished.push(Unfinished::of(&config, &folder, layout.root(), failures));
            }
        }
    }
    if layout.runs.is_dir() {
        write_index(experiment, &layout)?;
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
            "{} of {} {} not finished and left out: {}",
            unfinished.len(),
            counted(unfinished.len() + runs.len(), "run"),
            is_or_are(unfinished.len()),
            unfinished.iter().map(|run| run.id.as_str()).collect::<Vec<_>>().join("  ")
        ));
    }
    fs::create_dir_all(&layout.analysis).map_err(Error::io(&layout.analysis))?;
    // Two sweeps of one study are done at the same moment: the one that waited for the other's last run.
    let _turn = Lease::take_in_turn(&layout.analysis, monitor, stop)?;
    remove_leftovers(&layout.analysis);
    remove_leftovers(&layout.report);
    let input = StudyInput { experiment, layout: &layout, runs: &runs, unfinished: &unfinished, text, print };
    let parts = further_points(experiment)?;
    match parts.as_slice() {
        _ if experiment.kind() == StudyKind::Grid => reports::draw(&OVERVIEW, &input, &[], monitor),
        [(coordinates, _)] if coordinates.is_empty() => reports::draw(of(experiment.kind()), &input, &[], monitor),
        parts => {
            let parts = draw_parts(&input, parts, monitor)?;
            reports::draw(&OVERVIEW, &input, &parts, monitor)
        }
    }
}

/// Draws a study that has further axes once for each of their points: what it puts together are runs that differ on its own
/// axes alone.
fn draw_parts(
    input: &StudyInput<'_>,
    parts: &[(Coordinates, Experiment)],
    monitor: &mut dyn Monitor,
) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (coordinates, experiment) in parts {
        let is_there = |run: &Coordinates| coordinates.iter().all(|of| run.get(&of.axis) == Some(of));
        let runs: Vec<FinishedRun> =
            input.runs.iter().filter(|run| is_there(&run.manifest.config.coordinates)).cloned().collect();
        if runs.is_empty() {
            continue;
        }
        let unfinished: Vec<Unfinished> =
            input.unfinished.iter().filter(|run| is_there(&run.coordinates)).cloned().collect();
        let layout = input.layout.part(coordinates);
        let part = StudyInput { experiment, layout: &layout, runs: &runs, unfinished: &unfinished, ..*input };
        reports::draw(of(experiment.kind()), &part, &[], monitor)?;
        let page = coordinates.folder().join("index.html");
        findings.push(format!("Report of {}: {}", coordinates.id(), page.display()));
    }
    Ok(findings)
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
    let (mut study, mut findings) = (study.clone(), findings);
    if let Some(sentence) = exec::sentence(input.unfinished, input.runs.len() + input.unfinished.len()) {
        findings = format!("{findings}\n\n{sentence}");
        study.findings.push(sentence);
    }
    report::render(&study, &layout.report, input.text)?;
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
