//! `memoscope audit compare`: what corrections are worth on a dev file.

use std::path::{Path, PathBuf};

use clap::Args;

use super::SplitName;
use crate::audit::Text;
use crate::audit::compare::{CompareSettings, Comparison, Texts, compare, write};
use crate::cli::options::{JobsFlag, Loudness, limit_threads, seeds};
use crate::cli::output::{errln, json, outln};
use crate::cli::{interrupt, progress};
use crate::corpus::{Columns, Split};
use crate::model::DeviceName;

const EXAMPLES: &str = "\
Examples:
  memoscope audit compare train.txt corrected.txt --dev dev.txt --model minilm-l6/
      Train on both with three seeds; print both dev F1 and the difference with intervals
  memoscope audit compare conll2003/ cleanconll/ --dev cleanconll/ --model minilm-l6/ --seeds 5 --json
      Compare the training files of two folders, evaluated on the dev file of the second";

/// Flags of `memoscope audit compare`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct CompareArgs {
    /// Annotated file before the corrections, in CoNLL columns, or its folder
    before: PathBuf,
    /// Annotated file after the corrections, with the same words, or its folder
    after: PathBuf,
    /// Dev file for evaluation, or a folder with a dev split; its labels are assumed to be correct
    #[arg(long, value_name = "DEV")]
    dev: PathBuf,
    /// Column names if the first column is not the token or the last not the tag, for example id,token,_,tag (`_` is skipped)
    #[arg(long, value_name = "NAMES")]
    columns: Option<Columns>,
    /// Split to train on if BEFORE or AFTER is a folder: train, dev or test
    #[arg(long, default_value = "train")]
    split: SplitName,
    /// Encoder: a folder in the layout of transformers, a model of the hub, or `bilstm` for a new bi-LSTM-CRF; `embedded` is
    /// only suitable for the generated corpus
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    model: String,
    /// Keep only the first N layers of the encoder
    #[arg(long, value_name = "N")]
    layers: Option<usize>,
    /// Number of seeds (3 means 1, 2, 3), or a list such as 1,106; two taggers are trained per seed
    #[arg(long, value_name = "SEEDS", default_value = "3")]
    seeds: String,
    /// Number of epochs
    #[arg(long, value_name = "N", default_value_t = CompareSettings::default().epochs)]
    epochs: u32,
    /// Batch size in sentences
    #[arg(long, value_name = "N", default_value_t = CompareSettings::default().batch_size)]
    batch_size: usize,
    /// Peak learning rate (default: 1e-4 for hidden size 768, higher for smaller encoders)
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    learning_rate: Option<f64>,
    /// Output folder (default: audits/<BEFORE>-compare)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Device: `cpu`, `cuda:N` or `metal`
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceName,
    /// Number of CPU threads, at most four per core or 16 (default: number of cores)
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    jobs: JobsFlag,
    #[command(flatten)]
    loudness: Loudness,
}

/// Runs the command.
pub(super) fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let settings = CompareSettings {
        model: args.model.clone(),
        layers: args.layers,
        seeds: seeds(&args.seeds)?,
        epochs: args.epochs,
        batch_size: args.batch_size,
        learning_rate: args.learning_rate,
        device: args.device,
    };
    settings.validate()?;
    limit_threads(args.threads)?;
    let texts = Texts::read(
        &Text::locate(&args.before, args.split.into())?,
        &Text::locate(&args.after, args.split.into())?,
        &Text::locate(&args.dev, Split::Dev)?,
        args.columns.as_ref(),
    )?;
    let stop = interrupt::stop_flag()?;
    let mut monitor = progress::monitor(args.loudness);
    texts.warnings.iter().for_each(|warning| monitor.warning(warning));
    let folder = args.out.clone().unwrap_or_else(|| default_folder(&texts.before.path));
    let comparison = compare(&texts, &settings, &folder, &args.jobs.execution(true), monitor.as_mut(), &stop)?;
    write(&comparison, &folder)?;
    drop(monitor);
    if args.json {
        json(&comparison)?;
        return Ok(());
    }
    if !args.loudness.quiet {
        errln!("{}", report(&comparison));
    }
    outln!("{}", folder.display());
    Ok(())
}

/// `audits/<file without its ending>-compare`.
fn default_folder(before: &Path) -> PathBuf {
    let stem = before.file_stem().unwrap_or(before.as_os_str()).to_string_lossy();
    Path::new("audits").join(format!("{stem}-compare"))
}

/// What was found, in a few lines.
fn report(comparison: &Comparison) -> String {
    let Comparison { changes, before, f1, .. } = comparison;
    let mut lines = vec![
        format!(
            "{} of {} tokens changed, in {} sentences; {} entities removed, {} added",
            changes.tokens, before.tokens, changes.sentences, changes.entities_removed, changes.entities_added
        ),
        format!("{:<20} {:>8} {:>8} {:>11}", "dev F1", "before", "after", "difference"),
    ];
    let row = |name: String, before: f64, after: f64, difference: f64| {
        format!("  {name:<18} {before:>8.4} {after:>8.4} {difference:>+11.4}")
    };
    for seed in &comparison.seeds {
        let name = format!("seed {}", seed.seed);
        lines.push(row(name, seed.before.scores.f1, seed.after.scores.f1, seed.f1_difference));
    }
    if comparison.seeds.len() > 1 {
        lines.push(row("mean".into(), f1.before.mean, f1.after.mean, f1.difference.mean));
    }
    for (name, measure) in [("precision", &comparison.precision), ("recall", &comparison.recall)] {
        lines.push(row(name.into(), measure.before.mean, measure.after.mean, measure.difference.mean));
    }
    for of in &comparison.types {
        lines.push(row(format!("F1 {}", of.name), of.f1.before.mean, of.f1.after.mean, of.f1.difference.mean));
    }
    lines.push(comparison.finding.clone());
    lines.join("\n")
}
