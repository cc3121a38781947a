//! `memoscope model`: pretrain an encoder, describe one, label text with a trained tagger.

mod predict;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::options::Loudness;
use super::output::{errln, json, outln};
use super::{interrupt, progress};
use crate::error::printable;
use crate::model::{Inspected, Tagger};
use crate::run::Pretraining;
use crate::train::pretrain::{PretrainSettings, WeightFormat};

const PRETRAIN_EXAMPLES: &str = "\
Examples:
  memoscope model pretrain --text news.txt --out my-encoder/
      Train a vocabulary and a small BERT on a file with one sentence per line
  memoscope model pretrain --text news.txt --out my-encoder/ --checkpoints 0,100,300,1000
      Also save checkpoints; my-encoder/step=000300/ is a complete model
  memoscope model pretrain --out embedded/ --precision f16
      Train an encoder such as the shipped one on generated text

Repeating the command resumes an interrupted pretraining.";

const DESCRIBE_EXAMPLES: &str = "\
Examples:
  memoscope model describe embedded
  memoscope model describe bert-tiny/ --json";

/// Pretrain an encoder, describe a model, or label text
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Pretrain a small BERT by masked language modelling
    Pretrain(Box<PretrainArgs>),
    /// Show what a model folder contains and whether it can be fine-tuned
    Describe(DescribeArgs),
    /// Label text with a trained tagger, or evaluate it
    Predict(predict::PredictArgs),
}

/// Flags of `memoscope model pretrain`.
#[derive(Debug, Args)]
#[command(after_help = PRETRAIN_EXAMPLES)]
pub struct PretrainArgs {
    /// Text with one sentence per line, words separated by spaces (default: generated text)
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Number of sentences to generate if no text is given
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().sentences, conflicts_with = "text")]
    sentences: usize,
    /// Output folder, in the layout of transformers
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Also save the model after these numbers of steps, as DIR/step=N; 0 is the random initialisation
    #[arg(long, value_name = "STEPS", value_delimiter = ',')]
    checkpoints: Vec<u64>,
    /// Number of subwords in the vocabulary
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().vocabulary)]
    vocabulary: usize,
    /// Convert words to lower case
    #[arg(long)]
    lowercase: bool,
    /// Number of layers
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().layers)]
    layers: usize,
    /// Hidden size
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().hidden)]
    hidden: usize,
    /// Number of attention heads
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().heads)]
    heads: usize,
    /// Size of the feed-forward layers
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().intermediate)]
    intermediate: usize,
    /// Maximum number of subwords per sentence
    #[arg(long, alias = "max-pieces", value_name = "N", default_value_t = PretrainSettings::default().max_subwords)]
    max_subwords: usize,
    /// Number of epochs
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().epochs)]
    epochs: u32,
    /// Batch size in sentences
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().batch_size)]
    batch_size: usize,
    /// Peak learning rate
    #[arg(long, value_name = "RATE", default_value_t = PretrainSettings::default().learning_rate)]
    learning_rate: f64,
    /// Dropout probability
    #[arg(long, value_name = "P", default_value_t = PretrainSettings::default().dropout)]
    dropout: f64,
    /// Share of sentences held out for the masked accuracy, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = PretrainSettings::default().held_out)]
    held_out: f64,
    /// Seed of generated text, initialisation, order, masks and dropout
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().seed)]
    seed: u64,
    /// Number format of the weights
    #[arg(long, value_enum, default_value_t = PrecisionFlag::F32)]
    precision: PrecisionFlag,
    #[command(flatten)]
    loudness: Loudness,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PrecisionFlag {
    /// 32 bits
    F32,
    /// 16 bits
    F16,
}

/// Flags of `memoscope model describe`.
#[derive(Debug, Args)]
#[command(after_help = DESCRIBE_EXAMPLES)]
pub struct DescribeArgs {
    /// Folder in the layout of transformers, a model of the hub (bert-base-cased, org/name@revision), or `embedded`
    model: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(command: ModelCommand) -> anyhow::Result<()> {
    match command {
        ModelCommand::Pretrain(args) => run_pretrain(&args),
        ModelCommand::Describe(args) => describe(&args),
        ModelCommand::Predict(args) => predict::run(&args),
    }
}

fn run_pretrain(args: &PretrainArgs) -> anyhow::Result<()> {
    let settings = PretrainSettings {
        text: args.text.clone(),
        sentences: args.sentences,
        vocabulary: args.vocabulary,
        lowercase: args.lowercase,
        layers: args.layers,
        hidden: args.hidden,
        heads: args.heads,
        intermediate: args.intermediate,
        max_subwords: args.max_subwords,
        epochs: args.epochs,
        batch_size: args.batch_size,
        learning_rate: args.learning_rate,
        dropout: args.dropout,
        held_out: args.held_out,
        seed: args.seed,
        precision: match args.precision {
            PrecisionFlag::F32 => WeightFormat::F32,
            PrecisionFlag::F16 => WeightFormat::F16,
        },
    };
    let stop = interrupt::stop_flag()?;
    let mut monitor = progress::monitor(args.loudness);
    let pretraining =
        Pretraining { settings: &settings, folder: &args.out, checkpoints: &args.checkpoints, finish: true };
    let done = pretraining.execute(&candle_core::Device::Cpu, monitor.as_mut(), &stop)?;
    for report in &done.checkpoints {
        outln!("{}", Pretraining::checkpoint_in(&args.out, report.steps).display());
    }
    outln!("{}", args.out.display());
    if let Some(report) = done.finished {
        errln!(
            "held-out masked accuracy {:.3} (always the most frequent subword: {:.3}), loss {:.3} nats, {} parameters",
            report.held_out_masked_accuracy,
            report.most_frequent_subword_accuracy,
            report.held_out_masked_loss,
            report.n_parameters
        );
    }
    Ok(())
}

fn describe(args: &DescribeArgs) -> anyhow::Result<()> {
    // A tagger that was saved is described with its own head and labels, an encoder without.
    let Inspected { tagger, report, is_tagger, fault } = Tagger::inspect(&args.model, &candle_core::Device::Cpu)?;
    let fault = fault.map(|fault| printable(&fault.to_string()));
    if args.json {
        let mut described = json!(report);
        if is_tagger {
            described["tagger"] = json!({ "head": tagger.head().kind, "labels": tagger.labels() });
        } else if let Some(fault) = fault {
            described["tagger"] = json!({ "fault": fault });
        }
        json(&described)?;
        return Ok(());
    }
    let list = |names: &[String], separator: &str| match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| printable(name)).collect::<Vec<_>>().join(separator),
    };
    outln!("model        {}", printable(&report.source));
    if let Some(revision) = &report.revision {
        outln!("revision     {revision}");
    }
    outln!("shape        {}", report.shape);
    if is_tagger {
        outln!("head         {}", tagger.head().kind.name());
        outln!("labels       {}", list(tagger.labels(), " "));
    } else if let Some(fault) = fault {
        outln!("tagger       no: {fault}");
    }
    match tagger.config().architecture.reads_words() {
        true => outln!("positions    any number of words"),
        false => outln!("positions    {}", tagger.config().max_subwords),
    }
    outln!("parameters   {}", report.n_parameters);
    outln!("fingerprint  {}", report.fingerprint);
    outln!("new weights  {}", list(&report.missing, ", "));
    outln!("not used     {}", list(&report.unexpected, ", "));
    if !report.not_finite.is_empty() {
        outln!("not finite   {} (not used)", list(&report.not_finite, ", "));
    }
    Ok(())
}
