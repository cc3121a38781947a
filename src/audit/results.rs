//! What an audit leaves in its folder.
//!
//! ```text
//! audit.json               what was done, when it was scored, what was found by type
//! suspects.parquet .csv    the suspects, one row each
//! suspects.jsonl           the same with all evidence, one JSON object a line: what `audit apply` reads
//! suspects.tsv             of suspects that are errors rather than not, one row a token whose tag would change
//! sentences.csv            the sentences, most suspect first
//! tokens.parquet           every token: its score, probability, measures and held-out probabilities
//! cleanlab.csv             every token in the columns of cleanlab's label issues
//! index.html               the page to work through the suspects
//! evaluation.json .md      with --gold: how good the audit is
//! runs/                    one folder a seed and fold: see `crate::run`
//! ```
//!
//! The same text, encoder and settings give the same bytes: no clock goes into these files.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use polars::prelude::*;
use serde::Serialize;

use super::page::{self, PageData, PageSentence, TypeRow};
use super::{
    Audit, AuditSettings, Judgement, Suspect, Text, TokenRow, TypeSummary, write_cleanlab_table, write_token_table,
};
use crate::analysis::phases::Phases;
use crate::corpus::Scheme;
use crate::dynamics::{write_csv, write_parquet};
use crate::error::{Error, Result};
use crate::report::Table;
use crate::run::{Versions, write_atomically, write_text};

/// The probability from which a suspect counts as an error where one has to say yes or no.
const ISSUE: f64 = 0.5;

/// `audit.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Summary<'a> {
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
    /// Tokens that no model could judge.
    pub unjudged: usize,
    /// How it was done.
    pub settings: &'a AuditSettings,
    /// What made it.
    pub versions: Versions,
    /// One entry a seed.
    pub seeds: Vec<SeedSummary<'a>>,
    /// Tokens whose label is expected to be wrong: the sum of their probabilities.
    pub expected_wrong_tokens: f64,
    /// Stretches of words that were scored.
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
    /// The phases that say so.
    pub phases: &'a Phases,
    /// Entity F1 against the given labels by epoch, of held-out text with two folds or more.
    pub f1: &'a [f64],
    /// How much surer than they say the models were taken to be.
    pub sharpness: f64,
    /// P(given | true) as estimated: by true label, then by given one; nothing below a thousandth.
    pub channel: BTreeMap<&'a str, BTreeMap<&'a str, f64>>,
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
    shown: usize,
    folder: &Path,
) -> Result<()> {
    write_json(&folder.join("audit.json"), &summary(text, settings, audit))?;
    write_suspects(folder, &audit.suspects)?;
    let likely: Vec<Suspect> = audit.suspects.iter().filter(|s| s.probability >= ISSUE).cloned().collect();
    write_token_table(&folder.join("suspects.tsv"), &likely)?;
    write_csv(&folder.join("sentences.csv"), &sentences(text, audit)?)?;
    write_parquet(&folder.join("tokens.parquet"), &tokens(text, audit)?)?;
    write_cleanlab(text, audit, &folder.join("cleanlab.csv"))?;
    write_page(text, settings, audit, shown, &folder.join("index.html"))?;
    if let Some(judgement) = judgement {
        write_json(&folder.join("evaluation.json"), judgement)?;
        write_text(&folder.join("evaluation.md"), &markdown(&judgement.all.tables()))?;
    }
    Ok(())
}

/// `audit.json`'s content.
pub fn summary<'a>(text: &'a Text, settings: &'a AuditSettings, audit: &'a Audit) -> Summary<'a> {
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
            phases: &seed.evidence.phases,
            f1: &seed.evidence.f1,
            sharpness: channel.sharpness(),
            channel: (0..names.len()).map(|k| (names[k].as_str(), row(k))).collect(),
        }
    });
    Summary {
        schema: 1,
        file: file_name(text),
        fingerprint: &text.fingerprint,
        scheme: text.scheme,
        labels: names,
        sentences: text.sentences.len(),
        tokens: text.n_tokens(),
        unjudged: audit.trained.unjudged,
        settings,
        versions: Versions::current(),
        seeds: seeds.collect(),
        expected_wrong_tokens: audit.scores.probability.iter().filter(|p| !p.is_nan()).sum(),
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

fn write_suspects(folder: &Path, suspects: &[Suspect]) -> Result<()> {
    let path = folder.join(super::SUSPECTS_FILE);
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
    write_csv(&folder.join("suspects.csv"), &frame)
}

/// One row a suspect; words and tags are separated by spaces.
fn suspect_frame(suspects: &[Suspect]) -> Result<DataFrame> {
    fn column<T>(name: &str, suspects: &[Suspect], value: impl Fn(&Suspect) -> T) -> Column
    where
        Series: NamedFrom<Vec<T>, [T]>,
        Vec<T>: AsRef<[T]>,
    {
        Series::new(name.into(), suspects.iter().map(value).collect::<Vec<T>>()).into()
    }
    let kind = |suspect: &Suspect| match serde_json::to_value(suspect.kind) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    };
    let columns = vec![
        column("rank", suspects, |s| s.rank),
        column("sentence", suspects, |s| s.sentence),
        column("line", suspects, |s| s.line),
        column("start", suspects, |s| s.start),
        column("end", suspects, |s| s.end),
        column("kind", suspects, kind),
        column("words", suspects, |s| s.words.join(" ")),
        column("given", suspects, |s| s.given.join(" ")),
        column("suggested", suspects, |s| s.suggested.join(" ")),
        column("score", suspects, |s| s.score),
        column("probability", suspects, |s| s.probability),
        column("elsewhere", suspects, |s| s.elsewhere),
        column("elsewhere_as_given", suspects, |s| s.elsewhere_as_given),
        column("elsewhere_as_suggested", suspects, |s| s.elsewhere_as_suggested),
    ];
    Ok(DataFrame::new(suspects.len(), columns)?)
}

/// The sentences, most suspect first.
fn sentences(text: &Text, audit: &Audit) -> Result<DataFrame> {
    let mut order: Vec<usize> = (0..text.sentences.len()).filter(|&i| audit.sentence_scores[i].is_finite()).collect();
    order.sort_by(|&a, &b| audit.sentence_scores[b].total_cmp(&audit.sentence_scores[a]));
    let expected =
        |&i: &usize| -> f64 { audit.scores.probability[text.tokens(i)].iter().filter(|p| !p.is_nan()).sum() };
    let columns = vec![
        Column::new("rank".into(), (1..=order.len() as u32).collect::<Vec<_>>()),
        Column::new("sentence".into(), order.iter().map(|&i| i as u32).collect::<Vec<_>>()),
        Column::new("line".into(), order.iter().map(|&i| text.lines[i] as u64).collect::<Vec<_>>()),
        Column::new("score".into(), order.iter().map(|&i| audit.sentence_scores[i]).collect::<Vec<_>>()),
        Column::new("expected_wrong_tokens".into(), order.iter().map(expected).collect::<Vec<_>>()),
    ];
    Ok(DataFrame::new(order.len(), columns)?)
}

/// Every token; null where no model has judged it.
fn tokens(text: &Text, audit: &Audit) -> Result<DataFrame> {
    let known = |values: &[f64]| -> Vec<Option<f64>> {
        values.iter().map(|&value| value.is_finite().then_some(value)).collect()
    };
    let k = text.labels.len();
    let name = |label: &u8| text.labels.name(*label);
    let numbers = text.sentences.iter().enumerate().flat_map(|(i, s)| std::iter::repeat_n(i as u32, s.words.len()));
    let places = text.sentences.iter().flat_map(|s| 0..s.words.len() as u16);
    let words = text.sentences.iter().flat_map(|s| s.words.iter().map(String::as_str));
    let given = text.given();
    let mut columns = vec![
        Column::new("sentence".into(), numbers.collect::<Vec<_>>()),
        Column::new("token".into(), places.collect::<Vec<_>>()),
        Column::new("word".into(), words.collect::<Vec<_>>()),
        Column::new("given".into(), given.iter().map(name).collect::<Vec<_>>()),
        Column::new("suggested".into(), audit.suggested.iter().map(name).collect::<Vec<_>>()),
        Column::new("score".into(), known(&audit.scores.score)),
        Column::new("probability".into(), known(&audit.scores.probability)),
    ];
    columns.extend(audit.measures.iter().map(|measure| Column::new(measure.name.into(), known(&measure.values))));
    if let Some(flagged) = &audit.flagged {
        columns.push(Column::new("cleanlab_default_filter".into(), flagged));
    }
    for (label, name) in text.labels.names().iter().enumerate() {
        let p = |token: usize| Some(audit.evidence.probabilities_at[token * k + label]).filter(|p| p.is_finite());
        columns.push(Column::new(format!("p_{name}").into(), (0..given.len()).map(p).collect::<Vec<_>>()));
    }
    Ok(DataFrame::new(given.len(), columns)?)
}

fn write_cleanlab(text: &Text, audit: &Audit, path: &Path) -> Result<()> {
    let row = |(token, (given, suggested)): (usize, (&u8, &u8))| {
        let probability = audit.scores.probability[token];
        let probability = if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) };
        let is_issue = probability >= ISSUE;
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
            warning: of.warning.clone(),
        })
        .collect();
    let types: Vec<String> = audit.types.iter().map(|of| of.name.clone()).collect();
    let file = file_name(text);
    let data = PageData {
        title: &format!("Audit of {file}"),
        file: &file,
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

/// Tables as Markdown.
fn markdown(tables: &[Table]) -> String {
    let mut out = String::from("# How good the audit is\n");
    for table in tables {
        out.push_str(&format!("\n## {}\n\n{}\n\n{}", table.title, table.caption, crate::report::markdown_table(table)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::evidence::tests::evidence;
    use super::super::text::tests::text;
    use super::super::types::by_type;
    use super::super::{Evidence, SeedAudit, Trained, measures, read_scores, score, suspects};
    use super::*;

    const GIVEN: &str = "in/O New/B-A York/I-A\n<b>/O \",/O\nEU/B-B \u{202e}/B-A\nthe/O end/O";
    const READ: &str = "in/O New/O York/O\n<b>/B-B \",/B-A\nEU/B-B \u{202e}/B-A\nthe/O end/O";

    /// An audit whose models have seen neither word of the last sentence.
    fn audit() -> (Text, Audit) {
        let text = text(GIVEN);
        let mut evidence = evidence(&text, READ);
        let Evidence { judged, probabilities_at, held_out_loss, .. } = &mut evidence;
        judged[7..].fill(false);
        probabilities_at[7 * text.labels.len()..].fill(f32::NAN);
        held_out_loss.iter_mut().for_each(|losses| losses[7..].fill(f32::NAN));
        // K-means finds two clusters in trajectories that differ alone.
        evidence.train_loss[0][1] = 3.0;
        let scores = score(&text, &evidence);
        let suspects = suspects(&text, &evidence, &scores);
        let (measures, flagged) = measures(&text, &evidence, &scores, 1).unwrap();
        let seed = SeedAudit {
            seed: 1,
            evidence: evidence.clone(),
            scores: scores.clone(),
            measures: measures.clone(),
            flagged: flagged.clone(),
        };
        let audit = Audit {
            types: by_type(&text, &evidence, &suspects),
            suggested: text.given(),
            sentence_scores: vec![1.0, 3.0, 2.0, f64::NEG_INFINITY],
            seeds: vec![seed],
            evidence,
            scores,
            measures,
            flagged,
            suspects,
            trained: Trained::default(),
        };
        (text, audit)
    }

    fn written() -> (tempfile::TempDir, Text, Audit) {
        let (text, audit) = audit();
        let folder = tempfile::tempdir().unwrap();
        let settings = AuditSettings { model: "embedded".into(), epochs: 2, ..AuditSettings::default() };
        write(&text, &settings, &audit, None, 1, folder.path()).unwrap();
        (folder, text, audit)
    }

    fn parquet(path: &Path) -> DataFrame {
        ParquetReader::new(std::io::Cursor::new(fs_err::read(path).unwrap())).finish().unwrap()
    }

    fn csv(path: &Path) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path).unwrap();
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn suspects_are_the_same_in_every_format() {
        let (folder, _, audit) = written();
        assert!(audit.suspects.len() >= 3, "{:?}", audit.suspects);
        let lines = fs_err::read_to_string(folder.path().join("suspects.jsonl")).unwrap();
        let read: Vec<Suspect> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, audit.suspects);

        let frame = parquet(&folder.path().join("suspects.parquet"));
        let rows = csv(&folder.path().join("suspects.csv"));
        assert_eq!((frame.height(), rows.len()), (read.len(), read.len() + 1));
        assert!(frame.get_column_names().iter().map(|name| name.as_str()).eq(rows[0].iter().map(String::as_str)));
        for (i, suspect) in read.iter().enumerate() {
            let text = |name: &str| frame.column(name).unwrap().str().unwrap().get(i).unwrap().to_owned();
            assert_eq!(text("words"), suspect.words.join(" "));
            assert_eq!(text("suggested"), suspect.suggested.join(" "));
            assert_eq!(rows[i + 1][6], suspect.words.join(" "));
            assert_eq!(rows[i + 1][9].parse::<f64>().unwrap(), suspect.score, "numbers read back exactly");
            assert_eq!(text("kind"), rows[i + 1][5]);
        }
    }

    #[test]
    fn tokens_that_nobody_has_judged_are_null() {
        let (folder, text, audit) = written();
        let frame = parquet(&folder.path().join("tokens.parquet"));
        assert_eq!(frame.height(), text.n_tokens());
        for name in ["score", "probability", "self_confidence", "normalized_margin", "channel"] {
            assert_eq!(frame.column(name).unwrap().null_count(), 2, "{name}");
        }
        let names: Vec<&str> = frame.get_column_names().iter().map(|name| name.as_str()).collect();
        assert!(names.ends_with(&["cleanlab_default_filter", "p_O", "p_B-A", "p_B-B", "p_I-A"]), "{names:?}");
        for name in names {
            let nulls = frame.column(name).unwrap().null_count();
            assert!(nulls == 0 || nulls == 2, "{name}: {nulls}");
        }
        let words = frame.column("word").unwrap().str().unwrap().get(6).unwrap().to_owned();
        assert_eq!(words, "\u{202e}");
        let score = frame.column("score").unwrap().f64().unwrap().get(1).unwrap();
        assert_eq!(score, audit.scores.score[1]);
    }

    #[test]
    fn the_table_of_label_issues_has_every_token() {
        let (folder, text, audit) = written();
        let lengths: Vec<usize> = text.sentences.iter().map(|sentence| sentence.words.len()).collect();
        let read = read_scores(&folder.path().join("cleanlab.csv"), &lengths).unwrap();
        assert_eq!(read.len(), 9);
        for (read, p) in read.iter().zip(&audit.scores.probability) {
            assert!((read - if p.is_nan() { 0.0 } else { *p }).abs() < 1e-12);
        }
    }

    #[test]
    fn sentences_are_ranked_but_for_those_that_nobody_has_judged() {
        let (folder, ..) = written();
        let rows = csv(&folder.path().join("sentences.csv"));
        let places: Vec<&[String]> = rows[1..].iter().map(|row| &row[..4]).collect();
        assert_eq!(places, [["1", "1", "5", "3"], ["2", "2", "8", "2"], ["3", "0", "1", "1"]]);
    }

    #[test]
    fn the_same_audit_gives_the_same_bytes() {
        let (one, two) = (written().0, written().0);
        let mut names: Vec<_> = fs_err::read_dir(one.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names.len(), 9, "{names:?}");
        for name in names {
            let read = |folder: &tempfile::TempDir| fs_err::read(folder.path().join(&name)).unwrap();
            assert_eq!(read(&one), read(&two), "{name:?}");
        }
        let summary: serde_json::Value =
            serde_json::from_str(&fs_err::read_to_string(one.path().join("audit.json")).unwrap()).unwrap();
        assert_eq!((&summary["file"], &summary["tokens"]), (&"some.txt".into(), &9.into()));
        let page = fs_err::read_to_string(one.path().join("index.html")).unwrap();
        assert!(page.contains("<!doctype html>") || page.contains("<!DOCTYPE html>"));
    }
}
