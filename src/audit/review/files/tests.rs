//! What an audit writes, read back.

use polars::prelude::*;

use super::*;
use crate::audit::collect::tests::evidence;
use crate::audit::suspects::by_type;
use crate::audit::text::tests::text;
use crate::audit::{SeedAudit, TokenEvidence, measures, read_scores, score, suspects};

const GIVEN: &str = "in/O New/B-A York/I-A\n<b>/O \",/O\nEU/B-B \u{202e}/B-A\nthe/O end/O";
const READ: &str = "in/O New/O York/O\n<b>/B-B \",/B-A\nEU/B-B \u{202e}/B-A\nthe/O end/O";

/// An audit whose models have seen neither token of the last sentence.
fn audit() -> (Text, Audit) {
    let text = text(GIVEN);
    let mut evidence = evidence(&text, READ);
    let TokenEvidence { judged, probabilities_at, held_out_loss, .. } = &mut evidence;
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
        unjudged: 2,
        trained: 0.0,
    };
    (text, audit)
}

fn written() -> (tempfile::TempDir, Text, Audit) {
    let (text, audit) = audit();
    let folder = tempfile::tempdir().unwrap();
    let settings = AuditSettings { model: "embedded".into(), epochs: 2, ..AuditSettings::default() };
    write(&text, &settings, &audit, None, WriteOptions { shown: 1, text: CsvText::Exact }, folder.path()).unwrap();
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
    assert_eq!(read.len(), audit.suspects.len());
    for (read, suspect) in read.iter().zip(&audit.suspects) {
        // Numbers come back to their last digit but one.
        assert!((read.score - suspect.score).abs() < 1e-12 && (read.probability - suspect.probability).abs() < 1e-12);
        let same = Suspect { score: read.score, probability: read.probability, ..suspect.clone() };
        assert_eq!(*read, same);
    }

    let frame = parquet(&folder.path().join("suspects.parquet"));
    let rows = csv(&folder.path().join("suspects.csv"));
    assert_eq!((frame.height(), rows.len()), (read.len(), read.len() + 1));
    assert!(frame.get_column_names().iter().map(|name| name.as_str()).eq(rows[0].iter().map(String::as_str)));
    for (i, suspect) in read.iter().enumerate() {
        let text = |name: &str| frame.column(name).unwrap().str().unwrap().get(i).unwrap().to_owned();
        assert_eq!(text("words"), suspect.words.join(" "));
        assert_eq!(text("suggested"), suspect.suggested.join(" "));
        assert_eq!(rows[i + 1][6], suspect.words.join(" "));
        assert_eq!(rows[i + 1][9].parse::<f64>().unwrap(), audit.suspects[i].score, "numbers read back exactly");
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
    let read = read_scores(&folder.path().join("cleanlab.csv"), &text).unwrap();
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
