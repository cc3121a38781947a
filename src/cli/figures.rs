//! `memoscope figures`: reports drawn again from finished runs.

use clap::Args;

use super::options::{CsvFlag, EmbedFlag, FigureFlags, Loudness};
use super::output::outln;
use super::progress;
use super::runs::Which;
use crate::error::{Error, Problem, printable};
use crate::study;

const EXAMPLES: &str = "\
Examples:
  memoscope figures
      Redraw the reports of all studies under runs/
  memoscope figures experiments/noise-sweep.toml
  memoscope figures --out out/
      Redraw the report of `memoscope sweep --out out/`
  memoscope figures experiments/noise-sweep.toml --out out/ --noise 0,0.3
      Draw the runs in out/ that belong to this experiment with these settings
  memoscope figures --out out/ --width column --no-title --format svg,png,pdf
      Figures for one column of a paper, without titles, also as PDF";

/// Redraw reports from finished runs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FiguresArgs {
    #[command(flatten)]
    which: Which,
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
    let mut experiments = args.which.experiments()?;
    experiments.iter_mut().for_each(|experiment| args.embed.apply(experiment));
    let print = args.figures.apply()?;
    let mut monitor = progress::monitor(args.loudness);
    for experiment in &experiments {
        let report = study::draw(experiment, args.csv.style(), print, monitor.as_mut());
        let report = report.map_err(|error| of_settings(error, &args.which))?;
        outln!("{}", report.page.display());
    }
    Ok(())
}

/// The error with a better hint where settings were given that are not those of the sweep.
fn of_settings(error: Error, which: &Which) -> Error {
    let hint = match &which.out {
        _ if !which.is_named() => return error,
        Some(out) => format!(
            "give the settings of the sweep, or none: `memoscope figures --out {}` draws what was done there",
            printable(&out.to_string_lossy())
        ),
        None => "give the settings of the sweep, and its --out; `memoscope runs` shows what is finished".into(),
    };
    match error {
        Error::Config(problem) => Error::Config(Problem { hint: Some(hint), ..problem }),
        Error::Data(problem) if problem.what.starts_with("no run") => Error::Data(problem.hint(hint)),
        other => other,
    }
}
