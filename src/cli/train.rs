//! `memoscope train`: one run.

use std::path::PathBuf;

use clap::Args;

use super::options::{DryRunFlags, Loudness, SettingFlags, limit_threads, require_threads_of, sort_words};
use super::output::outln;
use super::{interrupt, progress, sweep};
use crate::corpus;
use crate::error::{Error, Problem};
use crate::run::{self, RunRequest};
use crate::study::{self, Layout};

const EXAMPLES: &str = "\
Examples:
  memoscope train --noise 0.3 --seed 1 --epochs 8
  memoscope train experiments/noise-sweep.toml --noise 0.3 --seed 2
  memoscope train --data conll2003/ --model bert-tiny/ --out out/
  memoscope train --resume runs/noise-sweep/noise=0.30/seed=1";

/// Do one run
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TrainArgs {
    /// Experiment file, followed by settings KEY=VALUE
    #[arg(value_name = "EXPERIMENT")]
    words: Vec<String>,
    /// Seed of the run
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Output folder; the run is written to DIR/runs (default: runs/<study>)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Resume an interrupted run with its original settings
    #[arg(long, value_name = "RUN", conflicts_with_all = ["words", "seed", "out", "dry_run"])]
    resume: Option<PathBuf>,
    #[command(flatten)]
    dry: DryRunFlags,
    #[command(flatten)]
    settings: SettingFlags,
    #[command(flatten)]
    loudness: Loudness,
}

/// Does what `memoscope train` promises.
pub(super) fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let stop = interrupt::stop_flag()?;
    let mut monitor = progress::monitor(args.loudness);
    let (config, folder) = match &args.resume {
        Some(folder) => {
            if !args.settings.is_empty() {
                let problem = Problem::new("a resumed run keeps the settings it was begun with")
                    .hint("leave the settings out, or begin another run");
                return Err(Error::Config(problem).into());
            }
            run::begun(folder)?
        }
        None => {
            let (file, words) = sort_words(&args.words);
            let mut layers = args.settings.layers(file.as_deref(), words, args.out.as_deref())?;
            if let Some(seed) = args.seed {
                layers.set("study.seeds", &format!("[{seed}]"), &format!("--seed {seed}"))?;
            }
            let experiment = layers.finish()?;
            require_threads_of(&experiment)?;
            let mut grid = study::grid(&experiment)?;
            if grid.len() != 1 {
                let problem = Problem::new(format!("`train` does one run, the experiment has {}", grid.len()))
                    .hint("choose one with --noise 0.3 --seed 1, or do all with `memoscope sweep`");
                return Err(Error::Config(problem).into());
            }
            if args.dry.dry_run {
                return sweep::dry_run(&experiment, !args.dry.no_estimate);
            }
            limit_threads(experiment.threads)?;
            study::prepare(&experiment, monitor.as_mut(), &stop)?;
            let config = grid.remove(0);
            let folder = Layout::of(&experiment).folder_of(&config);
            (config, folder)
        }
    };
    let corpus = corpus::load(&config.data)?;
    study::warn_about(&corpus, [&config.model], monitor.as_mut());
    let request = RunRequest { config: &config, folder: &folder, corpus: &corpus, position: (1, 1) };
    run::execute(&request, monitor.as_mut(), &stop)?;
    outln!("{}", folder.display());
    Ok(())
}
