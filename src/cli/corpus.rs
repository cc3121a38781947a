//! `memoscope corpus`: look at annotated text, put noise on it, generate it.

mod render;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::corpus::describe::{describe_corpus, describe_files};
use crate::corpus::embedded::{EmbeddedSettings, generate, pretraining_text};
use crate::corpus::{Columns, Corpus, DataSettings, load, load_train, open, write_conll};
use crate::error::{Error, Problem};
use crate::files::{write_atomically, write_folder_atomically};
use crate::perturb::{CapSettings, NoiseKind, PerturbSettings, perturb, write_copy};

use super::output::{errln, json, outln};

/// What to do with annotated text.
#[derive(Debug, Clone, Subcommand)]
pub enum CorpusCommand {
    /// Show counts and irregularities of a corpus
    #[command(
        after_help = "Examples:\n  memoscope corpus describe data/conll2003\n  memoscope corpus describe data/conll2003/dev.txt --json\n  memoscope corpus describe embedded"
    )]
    Describe(DescribeArgs),
    /// Write a copy with label noise or a class cap in train, and gold labels in a separate column
    #[command(
        after_help = "Examples:\n  memoscope corpus perturb data/conll2003 --out noisy --kind uniform --rate 0.3 --seed 1\n  memoscope corpus perturb embedded --out noisy --kind entity --rate 0.1\n  memoscope corpus perturb data/conll2003 --out rare --cap LOC=25"
    )]
    Perturb(PerturbArgs),
    /// Write the embedded synthetic corpus to a folder
    #[command(
        after_help = "Examples:\n  memoscope corpus generate --out data/embedded\n  memoscope corpus generate --out data/large --train 20000 --seed 7\n  memoscope corpus generate --out data/embedded --pretraining-sentences 100000"
    )]
    Generate(GenerateArgs),
}

/// Arguments of `corpus describe`.
#[derive(Debug, Clone, Args)]
pub struct DescribeArgs {
    /// Folder with train, dev and test files, a single file in CoNLL columns, `embedded`, or a data set of the hub
    /// (conll03, jnlpba, wnut17, org/name)
    pub source: String,
    /// Column names if the first column is not the token or the last not the tag, for example id,token,_,tag (`_` is skipped)
    #[arg(long, value_name = "NAMES")]
    pub columns: Option<Columns>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `corpus perturb`.
#[derive(Debug, Clone, Args)]
pub struct PerturbArgs {
    /// Folder with a train file and optionally others, a single file, `embedded`, or a data set of the hub (conll03,
    /// jnlpba, wnut17, org/name)
    pub source: String,
    /// Column names if the first column is not the token or the last not the tag, for example id,token,_,tag (`_` is skipped)
    #[arg(long, value_name = "NAMES")]
    pub columns: Option<Columns>,
    /// Output folder; it must not exist, be empty, or contain an earlier noisy copy
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Kind of label noise
    #[arg(long, value_parser = parse_kind, default_value = "uniform", value_name = "uniform|other-label|entity|matrix")]
    pub kind: NoiseKind,
    /// Noise rate, 0 to 1
    #[arg(long, allow_negative_numbers = true, required_unless_present = "cap")]
    pub rate: Option<f64>,
    /// Keep only N of the training sentences with an entity type, selected by the seed
    #[arg(long, value_parser = parse_cap, value_name = "TYPE=N")]
    pub cap: Option<CapSettings>,
    /// For `--kind matrix`: JSON file with a transition matrix, tag → tag → probability
    #[arg(long, value_name = "FILE")]
    pub matrix: Option<PathBuf>,
    /// Seed of the noise and of the selected sentences
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Arguments of `corpus generate`.
#[derive(Debug, Clone, Args)]
pub struct GenerateArgs {
    /// Output folder; it must not exist or be empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Random seed
    #[arg(long, default_value_t = EmbeddedSettings::default().seed)]
    pub seed: u64,
    /// Number of training sentences
    #[arg(long, default_value_t = EmbeddedSettings::default().train)]
    pub train: usize,
    /// Number of dev sentences
    #[arg(long, default_value_t = EmbeddedSettings::default().dev)]
    pub dev: usize,
    /// Number of test sentences
    #[arg(long, default_value_t = EmbeddedSettings::default().test)]
    pub test: usize,
    /// Also write this number of sentences of raw text with other names to `pretraining.txt`
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub pretraining_sentences: usize,
}

/// Runs a verb of `memoscope corpus`.
///
/// # Errors
/// The library's [`Error`] with what was being done as context.
pub fn run(command: CorpusCommand) -> anyhow::Result<()> {
    match command {
        CorpusCommand::Describe(arguments) => describe(&arguments),
        CorpusCommand::Perturb(arguments) => perturb_corpus(&arguments),
        CorpusCommand::Generate(arguments) => generate_corpus(&arguments),
    }
}

fn parse_kind(text: &str) -> Result<NoiseKind, String> {
    let kinds = [NoiseKind::Uniform, NoiseKind::OtherLabel, NoiseKind::Entity, NoiseKind::Matrix];
    let known = || kinds.map(|kind| kind.to_string()).join(", ");
    kinds.into_iter().find(|kind| kind.to_string() == text).ok_or_else(|| format!("it is one of {}", known()))
}

fn parse_cap(text: &str) -> Result<CapSettings, String> {
    let parsed = text.split_once('=').and_then(|(class, n)| Some((class, n.parse().ok()?)));
    let (class, sentences) = parsed.ok_or("write a type and a number of sentences, for example LOC=25")?;
    Ok(CapSettings { class: class.to_owned(), sentences: Some(sentences) })
}

fn warn(corpus: &Corpus) {
    for warning in &corpus.warnings {
        errln!("warning: {warning}");
    }
}

fn describe(arguments: &DescribeArgs) -> anyhow::Result<()> {
    let description = if arguments.source == "embedded" {
        describe_corpus(&load(&DataSettings::default())?)
    } else {
        describe_files(&open(&arguments.source, arguments.columns.as_ref())?.0)?
    };
    if arguments.json {
        json(&description)?;
        return Ok(());
    }
    outln!("{}", render::description(&description));
    Ok(())
}

fn perturb_corpus(arguments: &PerturbArgs) -> anyhow::Result<()> {
    let matrix = arguments.matrix.as_deref().map(read_matrix).transpose()?;
    let settings = PerturbSettings {
        kind: arguments.kind,
        // Negative zero is zero.
        rate: arguments.rate.unwrap_or_default() + 0.0,
        matrix,
        cap: arguments.cap.clone(),
    };
    crate::perturb::validate(&settings)?;
    let (source, columns) = (arguments.source.clone(), arguments.columns.clone());
    let corpus = load_train(&DataSettings { source, columns, ..DataSettings::default() })?;
    warn(&corpus);
    let perturbed = perturb(&corpus.train, &corpus.labels, &settings, arguments.seed)?;
    let noise = write_copy(&corpus, &perturbed, &settings, arguments.seed, &arguments.out)?;
    outln!("{}", render::noise(&noise, &arguments.out));
    Ok(())
}

fn read_matrix(
    path: &Path,
) -> Result<std::collections::BTreeMap<String, std::collections::BTreeMap<String, f64>>, Error> {
    serde_json::from_str(&crate::files::text::read(path, Error::Config)?).map_err(|error| {
        Error::Config(
            Problem::new(format!("not a transition matrix: {error}"))
                .at(path)
                .line(error.line())
                .hint("write {\"B-PER\": {\"B-PER\": 0.8, \"B-ORG\": 0.2}, ...}"),
        )
    })
}

fn generate_corpus(arguments: &GenerateArgs) -> anyhow::Result<()> {
    let GenerateArgs { out, seed, train, dev, test, pretraining_sentences } = arguments;
    let corpus = generate(&EmbeddedSettings { seed: *seed, train: *train, dev: *dev, test: *test })?;
    refuse_used(out)?;
    let write = |folder: &Path| write_generated(&corpus, *pretraining_sentences, *seed, folder);
    if out.exists() { write(out) } else { write_folder_atomically(out, write) }?;
    outln!("{}\n\nwritten to {}", render::description(&describe_corpus(&corpus)), out.display());
    Ok(())
}

fn write_generated(corpus: &Corpus, pretraining_sentences: usize, seed: u64, out: &Path) -> Result<(), Error> {
    for (name, sentences) in [("train.txt", &corpus.train), ("dev.txt", &corpus.dev), ("test.txt", &corpus.test)] {
        if !sentences.is_empty() {
            write_conll(&out.join(name), sentences, &corpus.labels, &[])?;
        }
    }
    if pretraining_sentences > 0 {
        let path = out.join("pretraining.txt");
        let lines = pretraining_text(seed, pretraining_sentences)?;
        write_atomically(&path, |file| {
            let mut file = std::io::BufWriter::new(file);
            for line in lines {
                writeln!(file, "{line}").map_err(Error::io(&path))?;
            }
            file.flush().map_err(Error::io(&path))
        })?;
    }
    Ok(())
}

fn refuse_used(out: &Path) -> Result<(), Error> {
    if !out.exists() || out.is_dir() && fs_err::read_dir(out).map_err(Error::io(out))?.next().is_none() {
        return Ok(());
    }
    Err(Error::Config(Problem::new("the output folder is not empty").at(out).hint("choose another one with --out")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_kinds_go_by_their_names() {
        assert_eq!(parse_kind("other-label"), Ok(NoiseKind::OtherLabel));
        assert_eq!(parse_kind("white"), Err("it is one of uniform, other-label, entity, matrix".to_owned()));
    }
}
