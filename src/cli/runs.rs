//! `memoscope runs`: how far the runs of studies are.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use fs_err as fs;
use serde::Serialize;

use super::options::{SettingFlags, sort_words};
use super::output::{Table, errln, json, outln};
use super::{adopt, clean};
use crate::config::{Experiment, Layers};
use crate::error::{Error, Problem, Result, printable};
use crate::exec::{self, RunState, RunStatus};
use crate::format::duration;
use crate::study::{self, Layout};

const EXAMPLES: &str = "\
Examples:
  memoscope runs
      Show all studies under runs/
  memoscope runs experiments/noise-sweep.toml
      Show one study: state of each run, with host of running ones and reasons of failures
  memoscope runs --out out/ --json
      Print the status of the runs of `memoscope sweep --out out/` as JSON
  memoscope runs clean experiments/noise-sweep.toml --checkpoints --broken
      List files that can be removed, with sizes, and ask for confirmation
The command writes nothing and does not affect running sweeps. See docs/runs.md.";

/// Show the status of the runs of a study, or remove files that are no longer needed
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(super) struct RunsArgs {
    #[command(subcommand)]
    command: Option<RunsCommand>,
    #[command(flatten)]
    which: Which,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is done with runs.
#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// Remove checkpoints, unfinished runs, or the dynamics of finished runs
    Clean(Box<clean::CleanArgs>),
    /// Move finished runs of earlier versions (noise=0.30,seed=1) to the current layout (noise=0.30/seed=1)
    Adopt(adopt::AdoptArgs),
}

/// Which studies are meant.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Experiment file, followed by settings KEY=VALUE (default: all studies under runs/)
    #[arg(value_name = "EXPERIMENT")]
    words: Vec<String>,
    /// Output folder of the sweep
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingFlags,
}

impl Which {
    /// The experiments meant. Of all studies under runs/, those that do not load are left out with a warning.
    pub(super) fn experiments(&self) -> Result<Vec<Experiment>> {
        let (file, words) = sort_words(&self.words);
        let named = file.is_some() || !words.is_empty() || !self.settings.is_empty();
        match (&self.out, named) {
            (Some(out), false) => Ok(vec![study::experiment_in(out)?]),
            (out, true) => Ok(vec![self.settings.experiment(file.as_deref(), words, out.as_deref())?]),
            (None, false) => all_under(&Layout::runs_root()),
        }
    }
}

/// Does what `memoscope runs` promises.
pub(super) fn run(args: &RunsArgs) -> anyhow::Result<()> {
    match &args.command {
        Some(RunsCommand::Clean(args)) => clean::run(args),
        Some(RunsCommand::Adopt(args)) => adopt::run(args),
        None => show(&args.which.experiments()?, args.json),
    }
}

/// A study's runs.
#[derive(Debug, Serialize)]
pub(super) struct StudyStatus {
    /// The study's name.
    study: String,
    /// The folder that holds the runs.
    pub(super) folder: PathBuf,
    /// In the order in which they are done.
    pub(super) runs: Vec<RunStatus>,
}

/// The status of all runs of an experiment.
pub(super) fn status_of(experiment: &Experiment) -> Result<StudyStatus> {
    let layout = Layout::of(experiment);
    let runs = study::grid(experiment)?.iter().map(|config| exec::status(config, &layout.folder_of(config))).collect();
    Ok(StudyStatus { study: experiment.study.name.clone(), folder: layout.runs, runs })
}

/// Prints the status of experiments, as tables or as JSON.
pub(super) fn show(experiments: &[Experiment], as_json: bool) -> anyhow::Result<()> {
    let studies = experiments.iter().map(status_of).collect::<Result<Vec<_>>>()?;
    if as_json {
        json(&studies)?;
        return Ok(());
    }
    for (number, study) in studies.iter().enumerate() {
        if number > 0 {
            outln!();
        }
        outln!("{} ({}): {}", study.study, study.folder.display(), counts(&study.runs));
        outln!("{}", table(&study.runs));
    }
    Ok(())
}

/// `6 finished, 1 running, 1 not begun`.
fn counts(runs: &[RunStatus]) -> String {
    let states = [
        RunState::Finished,
        RunState::Running,
        RunState::Broken,
        RunState::Failed,
        RunState::Unusable,
        RunState::NotBegun,
    ];
    let counted = states.iter().map(|&state| (state, runs.iter().filter(|run| run.state == state).count()));
    let words: Vec<String> =
        counted.filter(|(_, n)| *n > 0).map(|(state, n)| format!("{n} {}", state.name())).collect();
    words.join(", ")
}

fn table(runs: &[RunStatus]) -> Table {
    let mut table = Table::ruled(["run", "state", "epochs", "dev F1", "time", ""]);
    for run in runs {
        table.row([
            run.id.clone(),
            run.state.name().to_owned(),
            format!("{}/{}", run.epochs_finished, run.epochs),
            run.dev_score.map_or_else(String::new, |score| format!("{score:.4}")),
            run.wall_seconds.map_or_else(String::new, duration),
            run.detail.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// The experiments of all studies in a folder that load.
fn all_under(root: &Path) -> Result<Vec<Experiment>> {
    let mut files: Vec<PathBuf> = match fs::read_dir(root) {
        Ok(entries) => entries.filter_map(|entry| Some(Layout::experiment_in(&entry.ok()?.path()))).collect(),
        Err(_) => Vec::new(),
    };
    files.retain(|file| file.is_file());
    files.sort();
    if files.is_empty() {
        return Err(Error::Config(
            Problem::new("no study has been begun here")
                .at(root)
                .hint("begin one with `memoscope sweep`, or name its experiment file or its folder (--out)"),
        ));
    }
    let mut experiments = Vec::new();
    for file in files {
        let mut layers = Layers::new();
        match layers.file(&file).and_then(|()| layers.finish()) {
            Ok(experiment) => experiments.push(experiment),
            Err(error) => errln!("warning: {}: left out: {error}", printable(&file.to_string_lossy())),
        }
    }
    Ok(experiments)
}
