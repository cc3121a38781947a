//! `memoscope model predict`: label text with a trained tagger.

mod output;
mod score;

use std::io::{Read, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::output::{data, errln};
use crate::corpus::Columns;
use crate::corpus::tags::Inventory;
use crate::corpus::unlabelled::{self, Form, Reading, Unlabelled};
use crate::error::{Error, printable};
use crate::files::write_atomically;
use crate::model::DeviceName;
use crate::model::{Tagger, TextPrediction};

const EXAMPLES: &str = "\
Examples:
  memoscope model predict runs/mine/noise=0.00/seed=1/model text.txt > labelled.txt
      One token and its label per line, an empty line between sentences
  cat text.txt | memoscope model predict model/ - --json > labelled.jsonl
      JSON lines with tokens, labels, offsets, entities and probabilities, one sentence per line
  memoscope model predict model/ conll2003/ --split test --score
      Precision, recall and F1 against the tags of the split

See docs/predict.md for formats and fields.";

/// Sentences that are computed at once.
const BATCH: usize = 64;

/// Flags of `memoscope model predict`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PredictArgs {
    /// Folder `model` of a finished run, or a tagger in the layout of transformers
    model: String,
    /// Plain text with one sentence per line; one token per line with an empty line between sentences (further columns are
    /// ignored); JSON lines with `tokens` or `words`; or `-` for stdin. With --score, annotated text
    file: PathBuf,
    /// Format of the file (default: detected)
    #[arg(long, value_enum, value_name = "FORM", conflicts_with_all = ["score", "columns"])]
    input: Option<FormFlag>,
    /// Column names if the first column is not the token, for example id,token,_,tag (`_` is skipped)
    #[arg(long, value_name = "NAMES")]
    columns: Option<Columns>,
    /// Output file (default: stdout)
    #[arg(long, value_name = "FILE", conflicts_with = "score")]
    out: Option<PathBuf>,
    /// Print JSON: one object per sentence, or the scores with --score
    #[arg(long)]
    json: bool,
    /// Evaluate against the tags in the file instead of printing labels
    #[arg(long)]
    score: bool,
    /// Split of a folder to evaluate
    #[arg(long, value_enum, value_name = "SPLIT", requires = "score")]
    split: Option<SplitFlag>,
    /// The tagger's label for tokens outside of entities if it is not `O`; it is printed as O
    #[arg(long, value_name = "LABEL")]
    outside: Option<String>,
    /// Device: `cpu`, `cuda:N` or `metal`
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormFlag {
    /// One token per line, an empty line between sentences
    Words,
    /// Plain text, one sentence per line
    Text,
    /// JSON lines with `tokens` or `words`
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitFlag {
    Train,
    Dev,
    Test,
}

/// Runs the command.
pub(super) fn run(args: &PredictArgs) -> anyhow::Result<()> {
    if args.score {
        return score::run(args);
    }
    let (text, name) = read(args)?;
    let (tagger, inventory) = open(args)?;
    for note in &text.notes {
        errln!("note: {}", printable(note));
    }
    let tokens: Vec<Vec<String>> = text.sentences.iter().map(|sentence| sentence.tokens.clone()).collect();
    errln!(
        "{} was read as {} ({} sentences, {} tokens)",
        printable(&name.display().to_string()),
        text.form.description(),
        tokens.len(),
        tokens.iter().map(Vec::len).sum::<usize>()
    );
    let decided = decide(&tagger, &tokens)?;
    let written = match args.json {
        true => output::json_lines(&tagger, &inventory, &text.sentences, &decided)?,
        false => output::columns(&tagger, &text.sentences, &decided),
    };
    match &args.out {
        Some(path) => write_atomically(path, |file| file.write_all(written.as_bytes()).map_err(Error::io(path)))?,
        None => data(&written)?,
    }
    Ok(())
}

/// The sentences, and the name of their file.
fn read(args: &PredictArgs) -> Result<(Unlabelled, PathBuf), Error> {
    let form = args.input.map(|form| match form {
        FormFlag::Words => Form::Words,
        FormFlag::Text => Form::Text,
        FormFlag::Json => Form::Json,
    });
    let reading = Reading { form, columns: args.columns.clone() };
    if args.file.as_os_str() != "-" {
        return Ok((unlabelled::read(&args.file, &reading)?, args.file.clone()));
    }
    let (mut bytes, name) = (Vec::new(), PathBuf::from("stdin"));
    std::io::stdin().read_to_end(&mut bytes).map_err(Error::io(&name))?;
    Ok((unlabelled::parse(&name, &bytes, &reading)?, name))
}

/// The tagger, and how its labels are read.
fn open(args: &PredictArgs) -> Result<(Tagger, Inventory), Error> {
    let (tagger, _) = Tagger::open_with(&args.model, args.outside.as_deref(), &args.device.open()?)?;
    // Opening it has checked the labels.
    let inventory = Inventory::read(tagger.labels()).map_err(Error::Internal)?;
    if let Some(message) = inventory.message() {
        errln!("note: {}: {message}", printable(&args.model));
    }
    Ok((tagger, inventory))
}

/// The labels of the tokens, with a warning about those that the tagger does not see.
fn decide(tagger: &Tagger, tokens: &[Vec<String>]) -> Result<TextPrediction, Error> {
    let decided = tagger.predict_tokens(tokens, usize::MAX, BATCH)?;
    if decided.truncated > 0 {
        errln!(
            "warning: {} tokens are labelled O unseen: they are beyond the encoder's maximum length of {} subwords a \
             sentence; cut long sentences",
            decided.truncated,
            tagger.config().max_subwords
        );
    }
    if decided.without_subword > 0 {
        errln!(
            "warning: {} tokens are labelled O unseen: the tokenizer has no subword for them",
            decided.without_subword
        );
    }
    Ok(decided)
}
