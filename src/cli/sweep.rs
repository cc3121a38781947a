//! `memoscope sweep`: all runs of an experiment, their analysis, and the report.

use std::path::{Path, PathBuf};

use clap::Args;

use super::options::{
    CsvFlag, DryRunFlags, EmbedFlag, FigureFlags, JobsFlag, Loudness, SettingFlags, limit_threads, require_threads_of,
    sort_words,
};
use super::output::{data, errln, json_text, outln};
use super::{estimate, interrupt, progress, runs};
use crate::config::Experiment;
use crate::error::{Error, Problem, printable};
use crate::estimate::EFFORT;
use crate::exec::{self, Failure};
use crate::study::{self, Layout};

const EXAMPLES: &str = "\
Examples:
  memoscope sweep experiments/noise-sweep.toml
  memoscope sweep experiments/noise-sweep.toml --dry-run
  memoscope sweep experiments/noise-sweep.toml --data conll2003/ --model bert-tiny/ --out out/ \\
      --noise 0,0.3,0.5 --seeds 3 --epochs 8 --set train.warmup=0.05
  memoscope sweep experiments/noise-sweep.toml data=conll2003/ model=bert-tiny/ out=out/ epochs=8
  memoscope sweep experiments/noise-sweep.toml --jobs 4
      Do four runs at once, each with a quarter of the threads
  memoscope sweep experiments/noise-sweep.toml --status
      Show the status of all runs (the same as `memoscope runs`)

Repeating the command skips finished runs and resumes interrupted ones. A failed run does not stop
the other runs. See docs/runs.md.";

/// Do all runs of an experiment, analyse them and write the report
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SweepArgs {
    /// Experiment file, followed by settings KEY=VALUE
    #[arg(value_name = "EXPERIMENT", required = true, num_args = 1..)]
    words: Vec<String>,
    /// Output folder for runs, analysis and report (default: runs/<study> and reports/<study>)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    jobs: JobsFlag,
    /// Stop at the first failed run instead of continuing with the others
    #[arg(long)]
    fail_fast: bool,
    /// Show the status of the runs without doing any
    #[arg(long)]
    status: bool,
    /// With --status: print JSON
    #[arg(long, requires = "status")]
    json: bool,
    #[command(flatten)]
    dry: DryRunFlags,
    #[command(flatten)]
    figures: FigureFlags,
    #[command(flatten)]
    settings: SettingFlags,
    #[command(flatten)]
    csv: CsvFlag,
    #[command(flatten)]
    embed: EmbedFlag,
    #[command(flatten)]
    loudness: Loudness,
}

/// Does what `memoscope sweep` promises.
pub(super) fn run(args: &SweepArgs) -> anyhow::Result<()> {
    let (file, words) = sort_words(&args.words);
    if file.is_none() {
        let problem = Problem::new("no experiment file was given").hint("put it first: experiments/noise-sweep.toml");
        return Err(Error::Config(problem).into());
    }
    let mut experiment = args.settings.experiment(file.as_deref(), words, args.out.as_deref())?;
    args.embed.apply(&mut experiment);
    if args.status {
        return runs::show(&[experiment], args.json);
    }
    require_threads_of(&experiment)?;
    let print = args.figures.apply()?;
    if args.dry.dry_run {
        return dry_run(&experiment, !args.dry.no_estimate);
    }
    limit_threads(experiment.threads)?;
    let stop = interrupt::stop_flag()?;
    let mut monitor = progress::monitor(args.loudness);
    let how = args.jobs.execution(args.fail_fast);
    let swept = study::sweep(&experiment, args.csv.style(), print, &how, monitor.as_mut(), &stop)?;
    drop(monitor);
    if let Some(report) = &swept.drawn {
        outln!("{}", report.findings);
        outln!("\nreport: {}", report.page.display());
    }
    tell_failures(&swept.failures);
    match exec::summary(&swept.failures, swept.n_runs) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Names the runs that failed, and why.
fn tell_failures(failures: &[Failure]) {
    if !failures.is_empty() {
        errln!("failed:");
    }
    for failure in failures {
        errln!("  {}: {}", failure.id, failure.reason);
    }
}

/// A path in a comment, which ends with the line.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// Prints what would be done. The configuration is TOML that loads again; the grid stands below it in comments, and what it
/// takes, if that is to be estimated.
pub(super) fn dry_run(experiment: &Experiment, with_estimate: bool) -> anyhow::Result<()> {
    let layout = Layout::of(experiment);
    let grid = study::grid(experiment)?;
    let mut text = experiment.to_toml()?;
    text.push_str(&format!("\n# {} runs, report in {}\n", grid.len(), shown(&layout.report)));
    for run in &grid {
        text.push_str(&format!("#   {}\n", shown(&layout.folder_of(run))));
    }
    // The strings of TOML know the escapes of JSON.
    data(&json_text(&text))?;
    if with_estimate {
        limit_threads(experiment.threads)?;
        let made = study::estimate_study(experiment, EFFORT)?;
        estimate::print(&made.runs, made.pretraining.as_ref())?;
    }
    Ok(())
}
