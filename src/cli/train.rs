//! `memoscope train`: one run.

use std::path::PathBuf;

use clap::Args;

use super::options::{DryRunFlags, Loudness, SettingFlags, limit_threads, require_threads_of, sort_words};
use super::output::outln;
use super::{interrupt, progress, sweep};
use crate::config::{Experiment, GridAxis};
use crate::corpus;
use crate::error::{Error, Problem};
use crate::format::counted;
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
                return Err(several(&experiment, grid.len()).into());
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

/// The error of an experiment with several runs, with the flags that choose one of them.
fn several(experiment: &Experiment, n_runs: usize) -> Error {
    let problem = Problem::new(format!("`train` does one run, the experiment has {}", counted(n_runs, "run")));
    Error::Config(problem.hint(match choices(experiment).join(" ") {
        flags if flags.is_empty() => "do all with `memoscope sweep`".to_owned(),
        flags => format!("choose one, as with {flags}, or do all with `memoscope sweep`"),
    }))
}

/// For each axis with several points the flag that chooses its first.
fn choices(experiment: &Experiment) -> Vec<String> {
    let study = &experiment.study;
    let mut flags = Vec::new();
    let mut choose = |n: usize, flag: &str, first: Option<String>| {
        if let Some(first) = first.filter(|_| n > 1) {
            flags.push(format!("{flag}{first}"));
        }
    };
    choose(study.noise.len(), "--noise ", study.noise.first().map(ToString::to_string));
    if let Some(caps) = &study.caps {
        choose(caps.classes.len(), "--classes ", caps.classes.first().cloned());
        choose(caps.sentences.len(), "--sentences ", caps.sentences.first().map(ToString::to_string));
        choose(if caps.uncapped { 2 } else { 0 }, "--set study.caps.uncapped=", Some("false".into()));
    }
    if let Some(checkpoints) = &study.pretraining {
        let first = checkpoints.steps.first().map(|steps| format!("'[{steps}]'"));
        choose(checkpoints.steps.len(), "--set study.pretraining.steps=", first);
    }
    for axis in experiment.grid.axes() {
        let (key, first) = match axis {
            GridAxis::Setting { key, values } => (
                key,
                values.first().map(|value| match value.as_str() {
                    Some(text) => text.to_owned(),
                    None => value.to_string(),
                }),
            ),
            GridAxis::Named { name, points } => (name, points.first().map(|point| point.name.clone())),
        };
        choose(axis.n_points(), &format!("--vary {key}="), first);
    }
    let seeds = study.seeds.list();
    choose(seeds.len(), "--seed ", seeds.first().map(ToString::to_string));
    flags
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Layers;

    fn chosen(text: &str) -> String {
        let mut layers = Layers::new();
        layers.text(text, Path::new("e.toml")).unwrap();
        choices(&layers.finish().unwrap()).join(" ")
    }

    #[test]
    fn every_axis_with_several_points_has_a_flag_that_chooses_one() {
        assert_eq!(chosen(""), "");
        assert_eq!(chosen("[study]\nnoise = [0.0, 0.3]\nseeds = [7, 8]\n"), "--noise 0 --seed 7");
        let grid = "[grid]\n\"train.learning_rate\" = [1e-4, 5e-4]\nnoise = [0.3, 0.1]\n[[grid.start]]\nname = \"a\"\n\
                    [[grid.start]]\nname = \"b\"\n\"model.random_init\" = true\n";
        assert_eq!(chosen(grid), "--vary train.learning_rate=0.0001 --vary perturb.rate=0.3 --vary start=a");
        let caps = "[study]\nkind = \"class-caps\"\nclasses = [\"LOC\", \"PER\"]\nsentences = [5, 15]\n";
        assert_eq!(chosen(caps), "--classes LOC --sentences 5 --set study.caps.uncapped=false");
    }
}
