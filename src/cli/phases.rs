//! `memoscope phases`: the phases of a curve made elsewhere.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::output::{errln, json, outln};
use crate::analysis::phases::{ColumnNames, OnsetEvidence, PhasePoint, Phases, detect, parse_curve};
use crate::corpus::decode::Decoded;
use crate::dynamics::DevScore;
use crate::error::{Error, Problem};
use crate::format::{percent_fixed, trimmed};
use crate::random::Streams;

const EXAMPLES: &str = "\
Examples:
  memoscope phases --curve run.jsonl
      One JSON object per evaluation: {\"epoch\": 1, \"dev_score\": 0.71, \"train_f1\": 0.64, \"noisy_accuracy\": 0.01}
  memoscope phases --curve trainer_state.json
      The log_history of the Trainer of transformers
  memoscope phases --curve log.csv --column dev_score=f1_dev --column train_f1=f1 --json
      CSV file with other column names

Quantities: epoch, step, examples_seen, learning_rate, dev_score (or dev_f1), train_f1, clean_accuracy,
noisy_accuracy, noisy_accuracy_gold, first_learned (share since the previous evaluation), learned
(number so far). Only epoch and one score are required. The onset is determined from noisy_accuracy
if present, otherwise from dev_score.";

/// Find fitting, settling and memorisation in a curve from another tool
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PhasesArgs {
    /// Scores of one run by epoch: CSV with a header, or JSON (trainer_state.json of transformers, an array, or one object per
    /// line)
    #[arg(long, value_name = "FILE")]
    curve: PathBuf,
    /// Column of a quantity if it has another name
    #[arg(long, value_name = "QUANTITY=COLUMN")]
    column: Vec<String>,
    /// Number of bootstrap replicates for the intervals; 0 disables them
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    bootstrap: u32,
    /// Seed of the bootstrap
    #[arg(long, value_name = "SEED", default_value_t = 106)]
    seed: u64,
    /// Print JSON with fitting_end, settling and memorisation_onset, each null or an object
    #[arg(long)]
    json: bool,
}

/// Does what `memoscope phases` promises.
pub(super) fn run(args: &PhasesArgs) -> anyhow::Result<()> {
    let mut names = ColumnNames::default();
    for assignment in &args.column {
        let Some((quantity, column)) = assignment.split_once('=') else {
            return Err(Error::Config(
                Problem::new(format!("--column {assignment} is not an assignment"))
                    .hint("write --column dev_score=COLUMN"),
            )
            .into());
        };
        names.set(quantity.trim(), column.trim())?;
    }
    let file = Decoded::read(&args.curve)?;
    let imported = parse_curve(&file.text, &args.curve, &names)?;
    file.notes().iter().chain(&imported.notes).for_each(|note| errln!("warning: {note}"));
    let phases = detect(&imported.curve, None, args.bootstrap as usize, Streams::new(args.seed));
    if args.json {
        json(&phases)?;
    } else {
        outln!("{}", describe(&phases, &imported.dev_score).trim_end());
    }
    Ok(())
}

/// The phases in words, one line each.
pub(super) fn describe(phases: &Phases, dev_score: &DevScore) -> String {
    let dev = dev_score.label();
    let mut text = String::new();
    let mut line = |name: &str, what: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<20} {what}");
    };
    line("end of fitting", phases.fitting_end.as_ref().map_or("none".into(), |point| place(point, &dev)));
    line(
        "settling",
        phases.settling.as_ref().map_or("none".into(), |settling| {
            format!("epoch {} to {}", number(settling.start.epoch), number(settling.end.epoch))
        }),
    );
    line("memorisation onset", phases.memorisation_onset.as_ref().map_or("none".into(), |point| place(point, &dev)));
    line(
        "found from",
        match phases.evidence {
            OnsetEvidence::NoisyAccuracy => "accuracy on noisy tokens against their given label".into(),
            OnsetEvidence::DevDecline => format!("{dev} after its peak (noise unknown)"),
            OnsetEvidence::FirstLearning => "the rate of first learning (noise unknown, no dev curve)".into(),
            OnsetEvidence::Nothing => {
                "nothing: the curve has neither noisy-token accuracy, nor a dev score, nor first learning".into()
            }
        },
    );
    text
}

fn place(point: &PhasePoint, dev: &str) -> String {
    let mut text = format!(
        "epoch {} ({} to {}; found in {} of replicates",
        number(point.epoch),
        number(point.epoch_low),
        number(point.epoch_high),
        percent_fixed(point.support, 0)
    );
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = write!(text, "; {name} {value}");
        }
    };
    add("step", point.step.map(|v| v.to_string()));
    add("examples", point.examples_seen.map(|v| v.to_string()));
    add("learning rate", point.learning_rate.map(|v| format!("{v:.2e}")));
    add(dev, point.scores.dev_score.map(|v| format!("{v:.3}")));
    add("train F1", point.scores.train_f1.map(|v| format!("{v:.3}")));
    add("noisy accuracy", point.scores.noisy_accuracy.map(|v| format!("{v:.3}")));
    text.push(')');
    text
}

/// At most two digits after the point, none where there are none.
fn number(value: f64) -> String {
    trimmed(value, 2)
}
