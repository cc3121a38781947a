//! `memoscope model`: pretrain an encoder, describe one, label text with a trained tagger.

mod predict;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use fs_err as fs;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::{errln, outln};
use crate::corpus::embedded;
use crate::error::{Error, Problem};
use crate::model::checkpoint::Precision;
use crate::model::{ModelSettings, Tagger, Words};
use crate::run::write_atomically;
use crate::train::pretrain::{PretrainReport, PretrainSettings, pretrain};

const PRETRAIN_EXAMPLES: &str = "\
Examples:
  memoscope model pretrain --text news.txt --out my-encoder/
      Learn a vocabulary and a small BERT from a file with one sentence a line
  memoscope model pretrain --out embedded/ --precision f16
      The encoder that is shipped in the program, from generated text";

const DESCRIBE_EXAMPLES: &str = "\
Examples:
  memoscope model describe embedded
  memoscope model describe bert-tiny/ --json";

/// Pretrain an encoder, describe one, label text
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Pretrain a small BERT with masked-language modelling
    Pretrain(Box<PretrainArgs>),
    /// Say what a model folder holds, and whether it can be fine-tuned
    Describe(DescribeArgs),
    /// Label text with a tagger that a run has saved
    Predict(predict::PredictArgs),
}

/// Flags of `memoscope model pretrain`.
#[derive(Debug, Args)]
#[command(after_help = PRETRAIN_EXAMPLES)]
pub struct PretrainArgs {
    /// Text, one sentence a line, words separated by spaces; by default the embedded generator's
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Sentences to generate where no text is given
    #[arg(long, value_name = "N", default_value_t = 30_000, conflicts_with = "text")]
    sentences: usize,
    /// Folder to write, in transformers' layout
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Pieces in the vocabulary
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().vocabulary)]
    vocabulary: usize,
    /// Fold words to lower case
    #[arg(long)]
    lowercase: bool,
    /// Blocks
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().layers)]
    layers: usize,
    /// Width of the residual stream
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().hidden)]
    hidden: usize,
    /// Attention heads
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().heads)]
    heads: usize,
    /// Width of the feed-forward layers
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().intermediate)]
    intermediate: usize,
    /// Most pieces a sentence
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().max_pieces)]
    max_pieces: usize,
    /// Passes over the text
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().epochs)]
    epochs: u32,
    /// Sentences a batch
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().batch_size)]
    batch_size: usize,
    /// Peak learning rate
    #[arg(long, value_name = "RATE", default_value_t = PretrainSettings::default().learning_rate)]
    learning_rate: f64,
    /// Dropout probability
    #[arg(long, value_name = "P", default_value_t = PretrainSettings::default().dropout)]
    dropout: f64,
    /// Share of the sentences held out to measure masked accuracy
    #[arg(long, value_name = "SHARE", default_value_t = PretrainSettings::default().held_out)]
    held_out: f64,
    /// Seed of text, weights, order, masks and dropout
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().seed)]
    seed: u64,
    /// Number format of the weights
    #[arg(long, value_enum, default_value_t = PrecisionFlag::F32)]
    precision: PrecisionFlag,
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
    /// A folder in transformers' layout, or `embedded`
    model: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Does what the verb promises.
pub fn run(command: ModelCommand) -> anyhow::Result<()> {
    match command {
        ModelCommand::Pretrain(args) => run_pretrain(&args),
        ModelCommand::Describe(args) => describe(&args),
        ModelCommand::Predict(args) => predict::run(&args),
    }
}

fn run_pretrain(args: &PretrainArgs) -> anyhow::Result<()> {
    let settings = PretrainSettings {
        vocabulary: args.vocabulary,
        lowercase: args.lowercase,
        layers: args.layers,
        hidden: args.hidden,
        heads: args.heads,
        intermediate: args.intermediate,
        max_pieces: args.max_pieces,
        epochs: args.epochs,
        batch_size: args.batch_size,
        learning_rate: args.learning_rate,
        dropout: args.dropout,
        held_out: args.held_out,
        seed: args.seed,
    };
    settings.validate()?;
    // The folder is opened before the long work, so that it fails early.
    fs::create_dir_all(&args.out).map_err(Error::io(&args.out))?;
    let text: Vec<String> = match &args.text {
        Some(path) => read_lines(path)?,
        None => embedded::pretraining_text(args.seed, args.sentences)?.collect(),
    };
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{bar:30} step {pos}/{len}  {msg}  {eta} left")?);
    let quiet = !std::io::stderr().is_terminal();
    let (mut smooth, mut printed) = (None, 0);
    let (model, tokenizer, report) = pretrain(&text, &settings, &candle_core::Device::Cpu, |progress| {
        let loss = *smooth.insert(smooth.map_or(progress.loss, |s: f64| 0.98 * s + 0.02 * progress.loss));
        bar.set_length(progress.steps);
        bar.set_position(progress.step);
        bar.set_message(format!("loss {loss:.3}"));
        let twentieth = progress.step * 20 / progress.steps;
        if quiet && twentieth > printed {
            printed = twentieth;
            errln!("step {}/{}  loss {loss:.3}", progress.step, progress.steps);
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    let precision = match args.precision {
        PrecisionFlag::F32 => Precision::Single,
        PrecisionFlag::F16 => Precision::Half,
    };
    model.save(&args.out, &tokenizer, precision)?;
    write_report(&args.out, &report)?;
    outln!("{}", args.out.display());
    errln!(
        "held-out masked accuracy {:.3} (always the most frequent piece: {:.3}), loss {:.3} nats, {} parameters",
        report.held_out_masked_accuracy,
        report.most_frequent_piece_accuracy,
        report.held_out_masked_loss,
        report.n_parameters
    );
    Ok(())
}

fn write_report(folder: &Path, report: &PretrainReport) -> anyhow::Result<()> {
    let path = folder.join("pretraining.json");
    let text = serde_json::to_string_pretty(report)? + "\n";
    write_atomically(&path, |file| file.write_all(text.as_bytes()).map_err(Error::io(&path)))?;
    Ok(())
}

fn read_lines(path: &Path) -> Result<Vec<String>, Error> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|&b| b == b'\n')) {
        let line = std::str::from_utf8(line).map_err(|e| {
            Error::Data(
                Problem::new(format!("not UTF-8: byte {} of the line", e.valid_up_to() + 1))
                    .at(path)
                    .line(number)
                    .hint("convert the file to UTF-8"),
            )
        })?;
        lines.push(line.trim_end_matches('\r').to_owned());
    }
    Ok(lines)
}

fn describe(args: &DescribeArgs) -> anyhow::Result<()> {
    let settings = ModelSettings { source: args.model.clone(), ..ModelSettings::default() };
    let labels = ["O".to_owned(), "B-X".to_owned()];
    let device = candle_core::Device::Cpu;
    // A tagger that was saved is described with its own head and labels, an encoder without.
    let (tagger, report, is_tagger) = match Tagger::open(&args.model, &device) {
        Ok((tagger, report)) => (tagger, report, true),
        Err(_) => {
            let (tagger, report) = Tagger::load(&settings, &Words::none(), &labels, 0, &device)?;
            (tagger, report, false)
        }
    };
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    outln!("model        {}", report.source);
    outln!("shape        {}", report.shape);
    if is_tagger {
        outln!("head         {}", tagger.head().kind.name());
        outln!("labels       {}", tagger.labels().join(" "));
    }
    match tagger.config().architecture.reads_words() {
        true => outln!("positions    any number of words"),
        false => outln!("positions    {}", tagger.config().max_pieces),
    }
    outln!("parameters   {}", report.n_parameters);
    outln!("fingerprint  {}", report.fingerprint);
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    outln!("drawn anew   {}", list(&report.missing));
    outln!("not used     {}", list(&report.unexpected));
    Ok(())
}
