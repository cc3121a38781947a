//! `memoscope model predict`: label text with a tagger that a run has saved.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::output::{errln, outln, print};
use crate::config::DeviceName;
use crate::corpus::{LabelSet, Sentence, files, read_words};
use crate::error::{Error, Problem};
use crate::metrics::entity::{self, EntityScores, Mode};
use crate::model::Tagger;
use crate::run::write_atomically;

const EXAMPLES: &str = "\
Examples:
  memoscope model predict runs/mine/noise=0.00,seed=1/model words.txt > labelled.txt
  memoscope model predict model/ conll2003/test.txt --score
      Precision, recall and F1 against the file's own tags";

/// Sentences that are computed at once.
const BATCH: usize = 64;

/// Flags of `memoscope model predict`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PredictArgs {
    /// The `model` folder of a finished run, whatever its head
    model: String,
    /// One word a line, an empty line between sentences; columns behind the word are not read. Words beyond the model's
    /// longest sentence are labelled O, with a warning
    file: PathBuf,
    /// Write to a file instead of stdout
    #[arg(long, value_name = "FILE", conflicts_with = "score")]
    out: Option<PathBuf>,
    /// Compare with the tags in the file's last column instead of printing words
    #[arg(long)]
    score: bool,
    /// Print the scores as JSON
    #[arg(long, requires = "score")]
    json: bool,
    /// `cpu`, `cuda:N` or `metal`
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceName,
}

/// Does what the verb promises.
pub(super) fn run(args: &PredictArgs) -> anyhow::Result<()> {
    let (tagger, _) = Tagger::open(&args.model, &args.device.open()?)?;
    if args.score {
        return score(args, &tagger);
    }
    let words = read_words(&args.file)?;
    let predicted = predict(&tagger, &args.file, &words)?;
    let mut text = String::new();
    for (words, labels) in words.iter().zip(&predicted) {
        for (word, &label) in words.iter().zip(labels) {
            text.push_str(&format!("{word}\t{}\n", tagger.labels()[usize::from(label)]));
        }
        text.push('\n');
    }
    match &args.out {
        Some(path) => write_atomically(path, |file| file.write_all(text.as_bytes()).map_err(Error::io(path)))?,
        None => print(&text)?,
    }
    Ok(())
}

fn predict(tagger: &Tagger, path: &Path, words: &[Vec<String>]) -> Result<Vec<Vec<u8>>, Error> {
    if words.is_empty() {
        return Err(Error::Data(Problem::new("the file holds no word").at(path).hint("give one word a line")));
    }
    let longest = tagger.config().max_pieces;
    let encoded = tagger.tokenizer().encode(words.iter().map(Vec::as_slice), longest)?;
    let lost: usize = encoded.iter().map(|sentence| sentence.truncated + sentence.without_piece).sum();
    if lost > 0 {
        errln!(
            "warning: {lost} words are labelled O unseen: they lie behind the model's {longest} pieces a sentence, or \
             its tokenizer leaves nothing of them; shorter sentences lose none"
        );
    }
    tagger.predict(words, usize::MAX, BATCH)
}

fn score(args: &PredictArgs, tagger: &Tagger) -> anyhow::Result<()> {
    let (known, splits) = files::read(&args.file, None)?.labelled()?;
    let sentences: Vec<Sentence> = splits.into_iter().flatten().collect();
    let words: Vec<Vec<String>> = sentences.iter().map(|sentence| sentence.words.clone()).collect();
    let predicted = predict(tagger, &args.file, &words)?;
    // One inventory for both: the file may have tags that the tagger lacks, and the reverse.
    let both = LabelSet::new(known.names().iter().chain(tagger.labels()));
    let renamed = |names: &[String], labels: &[u8]| -> Vec<u8> {
        labels.iter().map(|&label| both.id(&names[usize::from(label)]).unwrap_or_default()).collect()
    };
    let gold: Vec<Vec<u8>> = sentences.iter().map(|sentence| renamed(known.names(), &sentence.labels)).collect();
    let predicted: Vec<Vec<u8>> = predicted.iter().map(|labels| renamed(tagger.labels(), labels)).collect();
    let scores = entity::score(&gold, &predicted, both.names(), Mode::Default);
    if args.json {
        let mut value = json!(scores);
        value["sentences"] = json!(sentences.len());
        outln!("{}", serde_json::to_string_pretty(&value)?);
    } else {
        print_scores(&scores)?;
    }
    Ok(())
}

fn print_scores(scores: &EntityScores) -> anyhow::Result<()> {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header(["type", "precision", "recall", "F1", "predicted", "in the file"]);
    for entry in &scores.per_type {
        let prf = [entry.scores.precision, entry.scores.recall, entry.scores.f1].map(|score| format!("{score:.3}"));
        let counts = [entry.predicted.to_string(), entry.support.to_string()];
        table.add_row([entry.name.clone()].into_iter().chain(prf).chain(counts));
    }
    let prf = [scores.micro.precision, scores.micro.recall, scores.micro.f1].map(|score| format!("{score:.3}"));
    let predicted: usize = scores.per_type.iter().map(|entry| entry.predicted).sum();
    let counts = [predicted.to_string(), scores.support.to_string()];
    table.add_row(["all (micro)".to_owned()].into_iter().chain(prf).chain(counts));
    print(&format!("{table}\n"))?;
    Ok(())
}
