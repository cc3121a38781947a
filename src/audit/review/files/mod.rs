//! The files of an audit.
//!
//! ```text
//! audit.json               settings, the scored epoch, suspects by entity type
//! suspects.parquet .csv    the suspects, one row each
//! suspects.jsonl           the same with all evidence, one JSON object a line: what `audit apply` reads
//! suspects.tsv             of suspects with a probability of at least 0.5, one row a token whose tag would change
//! sentences.csv            the sentences, most suspect first
//! tokens.parquet           every token: its score, probability, measures and held-out probabilities
//! cleanlab.csv             every token in the columns of cleanlab's label issues
//! index.html               the page to work through the suspects
//! evaluation.json .md      with --gold: the evaluation of the audit
//! runs/                    one folder a seed and fold: see `crate::run`
//! ```
//!
//! The same text, encoder and settings give the same bytes: no clock goes into these files.

mod frames;
mod tables;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::page::{self, PageData, PageSentence, TypeRow};
use super::{SUMMARY_FILE, SUSPECTS_FILE};
use crate::analysis::phases::Phases;
use crate::audit::evaluation::Judgement;
use crate::audit::{Audit, AuditSettings, Suspect, Text, TypeSummary};
use crate::corpus::Scheme;
use crate::dynamics::{CsvText, write_csv, write_csv_as, write_parquet};
use crate::error::{Error, Result};
use crate::files::{write_atomically, write_text};
use crate::run::Versions;

use frames::{sentences, suspect_frame, tokens};
pub use tables::{TokenRow, write_cleanlab_table, write_token_table};

/// The least probability of a suspect that counts as an error in tables with a yes or no.
const ISSUE: f64 = 0.5;

/// `audit.json`.
#[derive(Debug, Clone, Serialize)]
pub struct AuditSummary<'a> {
    /// Version of this file's layout.
    pub schema: u32,
    /// Name of the annotated file, without its folders.
    pub file: String,
    /// SHA-256 (hex) of its bytes.
    pub fingerprint: &'a str,
    /// The scheme it is written in.
    pub scheme: Scheme,
    /// The tag inventory in IOB2.
    pub labels: &'a [String],
    /// Sentences in it.
    pub sentences: usize,
    /// Tokens in it.
    pub tokens: usize,
    /// Tokens without a model prediction.
    pub unjudged: usize,
    /// Its settings.
    pub settings: &'a AuditSettings,
    /// Versions of the program and of what computed.
    pub versions: Versions,
    /// One entry a seed.
    pub seeds: Vec<SeedSummary<'a>>,
    /// Tokens whose label is expected to be wrong: the sum of their probabilities.
    pub expected_wrong_tokens: f64,
    /// Entity F1 of the models against the given labels after the last epoch, in text they were not trained on, mean
    /// over seeds; null with one fold. Below [`LEAST_F1`](super::LEAST_F1) `audit apply --auto` refuses.
    pub held_out_f1: Option<f64>,
    /// Number of suspects.
    pub suspects: usize,
    /// One entry an entity type.
    pub types: &'a [TypeSummary],
}

/// A seed in `audit.json`.
#[derive(Debug, Clone, Serialize)]
pub struct SeedSummary<'a> {
    /// The seed.
    pub seed: u64,
    /// The epoch up to which it was scored: the last one before memorisation.
    pub scored_epoch: u32,
    /// The first epoch of the window that ends there, over which means are taken.
    pub first_scored_epoch: u32,
    /// The phases of its training.
    pub phases: &'a Phases,
    /// Entity F1 against the given labels by epoch, of held-out text with two folds or more.
    pub f1: &'a [f64],
    /// Exponent by which the channel sharpens the models' probabilities.
    pub sharpness: f64,
    /// Estimated P(given | gold), by gold label, then by given label; values below 0.001 are left out.
    pub channel: BTreeMap<&'a str, BTreeMap<&'a str, f64>>,
}

/// How the results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteOptions {
    /// Suspects on the page at most; the other files have all.
    pub shown: usize,
    /// How words and tags are written into `suspects.csv` and `suspects.tsv`.
    pub text: CsvText,
}

/// Writes everything.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written.
pub fn write(
    text: &Text,
    settings: &AuditSettings,
    audit: &Audit,
    judgement: Option<&Judgement>,
    options: WriteOptions,
    folder: &Path,
) -> Result<()> {
    write_json(&folder.join(SUMMARY_FILE), &summary(text, settings, audit))?;
    write_suspects(folder, &audit.suspects, options.text)?;
    let likely: Vec<Suspect> = audit.suspects.iter().filter(|s| s.probability >= ISSUE).cloned().collect();
    write_token_table(&folder.join("suspects.tsv"), &likely, options.text)?;
    write_csv(&folder.join("sentences.csv"), &sentences(text, audit)?)?;
    write_parquet(&folder.join("tokens.parquet"), &tokens(text, audit)?)?;
    write_cleanlab(text, audit, &folder.join("cleanlab.csv"))?;
    write_page(text, settings, audit, options.shown, &folder.join("index.html"))?;
    // What an earlier call has judged may not be true of this one.
    for name in ["evaluation.json", "evaluation.md"] {
        let path = folder.join(name);
        if path.is_file() {
            fs_err::remove_file(&path).map_err(Error::io(&path))?;
        }
    }
    if let Some(judgement) = judgement {
        write_json(&folder.join("evaluation.json"), judgement)?;
        write_text(&folder.join("evaluation.md"), &judgement.markdown())?;
    }
    Ok(())
}

/// `audit.json`'s content.
pub fn summary<'a>(text: &'a Text, settings: &'a AuditSettings, audit: &'a Audit) -> AuditSummary<'a> {
    let names = text.labels.names();
    let seeds = audit.seeds.iter().map(|seed| {
        let channel = &seed.scores.channel;
        let row = |k: usize| {
            let rate = |j: usize| (names[j].as_str(), channel.rate(k as u8, j as u8));
            (0..names.len()).map(rate).filter(|&(_, rate)| rate >= 1e-3).collect()
        };
        SeedSummary {
            seed: seed.seed,
            scored_epoch: seed.evidence.scored_epoch,
            first_scored_epoch: seed.evidence.first_scored_epoch,
            phases: &seed.evidence.phases,
            f1: &seed.evidence.f1,
            sharpness: channel.sharpness(),
            channel: (0..names.len()).map(|k| (names[k].as_str(), row(k))).collect(),
        }
    });
    AuditSummary {
        schema: 1,
        file: file_name(text),
        fingerprint: &text.fingerprint,
        scheme: text.scheme,
        labels: names,
        sentences: text.sentences.len(),
        tokens: text.n_tokens(),
        unjudged: audit.unjudged,
        settings,
        versions: Versions::current(),
        seeds: seeds.collect(),
        expected_wrong_tokens: audit.scores.probability.iter().filter(|p| !p.is_nan()).sum(),
        held_out_f1: audit.f1().filter(|_| settings.folds > 1),
        suspects: audit.suspects.len(),
        types: &audit.types,
    }
}

fn file_name(text: &Text) -> String {
    text.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Error::Internal(format!("{} cannot be written as JSON: {error}", path.display())))?;
    write_text(path, &(json + "\n"))
}

fn write_suspects(folder: &Path, suspects: &[Suspect], text: CsvText) -> Result<()> {
    let path = folder.join(SUSPECTS_FILE);
    write_atomically(&path, |file| {
        let mut out = std::io::BufWriter::new(file);
        for suspect in suspects {
            serde_json::to_writer(&mut out, suspect).map_err(|error| Error::io(&path)(error.into()))?;
            writeln!(out).map_err(Error::io(&path))?;
        }
        out.flush().map_err(Error::io(&path))
    })?;
    let frame = suspect_frame(suspects)?;
    write_parquet(&folder.join("suspects.parquet"), &frame)?;
    write_csv_as(&folder.join("suspects.csv"), &frame, text)
}

fn write_cleanlab(text: &Text, audit: &Audit, path: &Path) -> Result<()> {
    let row = |(token, (given, suggested)): (usize, (&u8, &u8))| {
        let probability = audit.scores.probability[token];
        let probability = if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) };
        let is_issue = probability >= ISSUE && suggested != given;
        TokenRow {
            given: text.labels.name(*given),
            predicted: text.labels.name(if is_issue { *suggested } else { *given }),
            is_issue,
            probability,
        }
    };
    let given = text.given();
    let rows: Vec<TokenRow<'_>> = given.iter().zip(&audit.suggested).enumerate().map(row).collect();
    write_cleanlab_table(path, &rows)
}

fn write_page(text: &Text, settings: &AuditSettings, audit: &Audit, shown: usize, path: &Path) -> Result<()> {
    let suspects = &audit.suspects[..shown.min(audit.suspects.len())];
    let sentence = |number: u32| {
        let sentence = &text.sentences[number as usize];
        let tags = sentence.labels.iter().map(|&label| text.labels.name(label).to_owned()).collect();
        (number, PageSentence { line: text.lines[number as usize] as u64, words: &sentence.words, tags })
    };
    let numbers =
        suspects.iter().flat_map(|s| std::iter::once(s.sentence).chain(s.occurrences.iter().map(|o| o.sentence)));
    let sentences: BTreeMap<u32, PageSentence<'_>> = numbers.map(sentence).collect();
    let rows: Vec<TypeRow> = audit
        .types
        .iter()
        .map(|of| TypeRow {
            entity_type: of.name.clone(),
            entities: of.entities,
            suspects: of.suspects,
            expected_errors: Some(of.expected_errors),
            expected_missing: Some(of.expected_missing),
            warning: of.warning.clone(),
        })
        .collect();
    let types: Vec<String> = audit.types.iter().map(|of| of.name.clone()).collect();
    let file = file_name(text);
    // A page may be passed on: an absolute path says more about its author's machine than anybody has to know.
    let shown_path = if text.path.is_absolute() { file.clone() } else { text.path.display().to_string() };
    let warning = audit.warning().map(|warning| sentence_of(&warning));
    let columns = text.columns.as_ref().map(ToString::to_string);
    let data = PageData {
        title: &format!("Audit of {file}"),
        file: &file,
        path: &shown_path,
        columns: columns.as_deref(),
        warning: warning.as_deref(),
        fingerprint: &text.fingerprint,
        scheme: text.scheme,
        labels: text.labels.names(),
        types: &types,
        epochs: settings.epochs,
        scored_epoch: Some(audit.evidence.scored_epoch),
        n_sentences: text.sentences.len() as u64,
        n_tokens: text.n_tokens() as u64,
        n_suspects: audit.suspects.len() as u64,
        by_type: &rows,
        sentences,
        suspects,
    };
    write_text(path, &page::render(&data)?)
}

/// A message as a sentence: with a capital letter and a full stop.
fn sentence_of(message: &str) -> String {
    let mut letters = message.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests;
