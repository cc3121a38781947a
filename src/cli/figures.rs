//! `memoscope figures`: reports drawn again from finished runs.

use std::path::PathBuf;

use clap::Args;

use super::options::{CsvFlag, EmbedFlag, FigureFlags, Loudness};
use super::output::outln;
use super::progress;
use crate::config::Layers;
use crate::study::{self, Layout};

const EXAMPLES: &str = "\
Examples:
  memoscope figures
      Redraw the reports of all studies under runs/
  memoscope figures experiments/noise-sweep.toml
  memoscope figures --out out/
      Redraw the report of `memoscope sweep --out out/`
  memoscope figures --out out/ --width column --no-title --format svg,png,pdf
      Figures for one column of a paper, without titles, also as PDF";

/// Redraw reports from finished runs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FiguresArgs {
    /// Experiment file (default: all studies under runs/)
    #[arg(value_name = "EXPERIMENT", conflicts_with = "out")]
    experiment: Option<PathBuf>,
    /// Output folder of the sweep
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    csv: CsvFlag,
    #[command(flatten)]
    embed: EmbedFlag,
    #[command(flatten)]
    figures: FigureFlags,
    #[command(flatten)]
    loudness: Loudness,
}

/// Does what `memoscope figures` promises.
pub(super) fn run(args: &FiguresArgs) -> anyhow::Result<()> {
    let mut experiments = match (&args.experiment, &args.out) {
        (Some(file), _) => {
            let mut layers = Layers::new();
            layers.file(file)?;
            vec![layers.finish()?]
        }
        (None, Some(out)) => vec![study::experiment_in(out)?],
        (None, None) => study::experiments_under(&Layout::runs_root())?,
    };
    experiments.iter_mut().for_each(|experiment| args.embed.apply(experiment));
    let print = args.figures.apply()?;
    let mut monitor = progress::monitor(args.loudness);
    for experiment in &experiments {
        let report = study::draw(experiment, args.csv.style(), print, monitor.as_mut())?;
        outln!("{}", report.page.display());
    }
    Ok(())
}
