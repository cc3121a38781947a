//! `memoscope sweep`: all runs of an experiment, their analysis, and the report.

use std::path::{Path, PathBuf};

use clap::Args;

use super::options::{CsvFlag, FontFlag, Loudness, SettingFlags, limit_threads, require_threads_of, sort_words};
use super::output::{data, json_text, outln};
use super::{interrupt, progress};
use crate::config::Experiment;
use crate::error::{Error, Problem, printable};
use crate::study::{self, Layout};

const EXAMPLES: &str = "\
Examples:
  memoscope sweep experiments/noise-sweep.toml
  memoscope sweep experiments/noise-sweep.toml --dry-run
  memoscope sweep experiments/noise-sweep.toml --data conll2003/ --model bert-tiny/ --out out/ \\
      --noise 0,0.3,0.5 --seeds 3 --epochs 8 --set train.warmup=0.05
  memoscope sweep experiments/noise-sweep.toml data=conll2003/ model=bert-tiny/ out=out/ epochs=8

Finished runs are skipped and broken ones resumed: after an interrupt, give the same command again.";

/// Do all runs of an experiment, analyse them, and draw the report
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SweepArgs {
    /// An experiment file, then settings as KEY=VALUE words
    #[arg(value_name = "EXPERIMENT", required = true, num_args = 1..)]
    words: Vec<String>,
    /// Folder for all that is written (runs, analysis, report); by default runs/<study> and reports/<study>
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the resolved configuration and the grid of runs, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    font: FontFlag,
    #[command(flatten)]
    settings: SettingFlags,
    #[command(flatten)]
    csv: CsvFlag,
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
    let experiment = args.settings.experiment(file.as_deref(), words, args.out.as_deref())?;
    require_threads_of(&experiment)?;
    args.font.apply()?;
    if args.dry_run {
        return dry_run(&experiment);
    }
    limit_threads(experiment.threads)?;
    let stop = interrupt::stop_flag()?;
    let mut monitor = progress::monitor(args.loudness);
    let report = study::sweep(&experiment, args.csv.style(), monitor.as_mut(), &stop)?;
    outln!("{}", report.findings);
    outln!("\nreport: {}", report.page.display());
    Ok(())
}

/// A path in a comment, which ends with the line.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// Prints what would be done. The configuration is TOML that loads again; the grid stands below it in comments.
pub(super) fn dry_run(experiment: &Experiment) -> anyhow::Result<()> {
    let layout = Layout::of(experiment);
    let grid = study::grid(experiment)?;
    let mut text = experiment.to_toml()?;
    text.push_str(&format!("\n# {} runs, report in {}\n", grid.len(), shown(&layout.report)));
    for run in &grid {
        text.push_str(&format!("#   {}\n", shown(&layout.folder_of(run))));
    }
    // The strings of TOML know the escapes of JSON.
    data(&json_text(&text))?;
    Ok(())
}
