//! The queries of docs/query.md, run as they stand there: both engines agree with each other and with our own analysis.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use memoscope::analysis::phases::{Phases, combine};
use memoscope::corpus::TokenPosition;
use memoscope::dynamics::{Log, Observations, Pass};
use memoscope::run::Manifest;
use polars::prelude::*;
use serde_json::{Value, json};

use crate::workspace::{Workspace, repository};

/// A Python with both engines; none, said on stderr, where there is none.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("MEMOSCOPE_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let works = Command::new(&python).args(["-c", "import duckdb, polars"]).output().is_ok_and(|o| o.status.success());
    if works {
        return Some(python);
    }
    eprintln!("skipped: {} has no duckdb and polars (set MEMOSCOPE_PYTHON)", python.display());
    None
}

/// The folders below one that hold a file of this name.
fn holding(folder: &Path, file: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(if path.join(file).is_file() { vec![path] } else { holding(&path, file) });
        }
    }
    found.sort();
    found
}

/// The coordinates in a folder's path below another.
fn coordinates(folder: &Path, below: &Path) -> BTreeMap<String, String> {
    let inner = folder.strip_prefix(below).unwrap();
    let parts = inner.iter().filter_map(|part| part.to_str().unwrap().split_once('='));
    parts.map(|(axis, value)| (axis.to_owned(), value.to_owned())).collect()
}

/// A finished run as Memoscope sees it.
struct Run {
    noise: f64,
    encoder: String,
    seed: u64,
    log: Log,
    /// By sentence and token: first learning and forgetting events.
    events: BTreeMap<TokenPosition, (Option<u32>, u32)>,
    phases: Phases,
}

impl Run {
    fn read(folder: &Path, analysis: &Path, below: &Path) -> Self {
        let at = coordinates(folder, below);
        let events = fs_err::File::open(analysis.join("events.parquet")).unwrap().into_file();
        let events = ParquetReader::new(events).finish().unwrap();
        let column = |name: &str| events.column(name).unwrap().cast(&DataType::UInt32).unwrap();
        let columns = ["sentence", "token", "first_learning", "forgetting"].map(column);
        let get = |column: usize, row: usize| columns[column].u32().unwrap().get(row);
        let events = (0..events.height())
            .map(|row| {
                let at = TokenPosition { sentence: get(0, row).unwrap(), token: get(1, row).unwrap() as u16 };
                (at, (get(2, row), get(3, row).unwrap()))
            })
            .collect();
        let phases = fs_err::read_to_string(analysis.join("phases.json")).unwrap();
        Self {
            noise: at["noise"].parse().unwrap(),
            encoder: at["encoder"].clone(),
            seed: Manifest::read(folder).unwrap().config.seed,
            log: Log::open(folder).unwrap(),
            events,
            phases: serde_json::from_str(&phases).unwrap(),
        }
    }

    fn tokens(&self) -> impl Iterator<Item = (usize, TokenPosition)> + '_ {
        let tokens = self.log.tokens();
        (0..tokens.len()).map(|row| (row, tokens.position(row)))
    }

    fn last(&self) -> Observations {
        self.log.epoch(*self.log.epochs().last().unwrap()).unwrap().pass(Pass::Eval).unwrap().clone()
    }
}

/// Rows from keys that order them.
fn sorted<K: Ord>(mut rows: Vec<(K, Value)>, most: usize) -> Vec<Value> {
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    rows.into_iter().map(|(_, row)| row).take(most).collect()
}

/// Noise in thousandths, to sort by.
fn mille(noise: f64) -> u64 {
    (1000.0 * noise).round() as u64
}

fn forgotten(runs: &[Run]) -> Vec<Value> {
    let mut sums = BTreeMap::new();
    for run in runs {
        for (row, at) in run.tokens().filter(|(_, at)| run.events[at].1 > 0) {
            let key = (mille(run.noise), run.encoder.as_str(), at);
            let sum = sums.entry(key).or_insert((0, 0, run.noise, run.log.tokens().word[row].as_str()));
            sum.0 += run.events[&at].1;
            sum.1 += 1;
        }
    }
    let mut rows = Vec::new();
    for (key, (events, seeds, noise, word)) in sums {
        let (_, encoder, at) = key;
        rows.push((
            (std::cmp::Reverse(events), key),
            json!([noise, encoder, at.sentence, at.token, word, events, seeds]),
        ));
    }
    sorted(rows, 20)
}

fn losses(runs: &[Run]) -> Vec<Value> {
    let mut by_epoch: BTreeMap<_, (f64, Vec<f64>)> = BTreeMap::new();
    for run in runs {
        for &epoch in run.log.epochs() {
            let seen = run.log.epoch(epoch).unwrap().pass(Pass::Eval).unwrap().clone();
            let row = (0..seen.len()).find(|&row| (seen.sentence[row], seen.token[row]) == (3, 2)).unwrap();
            let key = (mille(run.noise), run.encoder.as_str(), epoch);
            by_epoch.entry(key).or_insert((run.noise, Vec::new())).1.push(f64::from(seen.loss[row]));
        }
    }
    let row = |((_, encoder, epoch), (noise, losses)): ((u64, &str, u32), (f64, Vec<f64>))| {
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        let [lowest, highest] = [f64::min, f64::max].map(|of| losses.iter().copied().reduce(of).unwrap());
        json!([noise, encoder, epoch, mean, lowest, highest])
    };
    by_epoch.into_iter().map(row).collect()
}

fn learned_first(runs: &[Run]) -> Vec<Value> {
    let mut rows = Vec::new();
    for run in runs {
        let tokens = run.log.tokens();
        let (noisy, gold) = (tokens.noisy().unwrap(), tokens.gold.as_ref().unwrap());
        for (row, at) in run.tokens().filter(|&(row, _)| noisy[row]) {
            let Some(first) = run.events[&at].0 else { continue };
            let of_run = json!([run.noise, run.encoder, run.seed, at.sentence, at.token]);
            let of_token = json!([tokens.word[row], tokens.given[row], gold[row], first]);
            let row: Vec<Value> = [of_run, of_token].into_iter().flat_map(|v| v.as_array().unwrap().clone()).collect();
            rows.push(((first, mille(run.noise), run.encoder.as_str(), run.seed, at), Value::from(row)));
        }
    }
    sorted(rows, 50)
}

fn disagreements(runs: &[Run]) -> Vec<Value> {
    let mut counts = BTreeMap::new();
    for a in runs.iter().filter(|run| run.encoder == "pretrained") {
        let of_pair = |b: &&Run| b.encoder == "random" && (mille(b.noise), b.seed) == (mille(a.noise), a.seed);
        let b = runs.iter().find(of_pair).unwrap();
        let (of_a, of_b) = (a.last(), b.last());
        assert_eq!((&of_a.sentence, &of_a.token), (&of_b.sentence, &of_b.token));
        for (row, at) in a.tokens() {
            let count = counts.entry(at).or_insert((0, 0, a.log.tokens().word[row].as_str()));
            count.0 += 1;
            count.1 += u32::from(of_a.predicted[row] != of_b.predicted[row]);
        }
    }
    let differ = counts.into_iter().filter(|(_, (_, different, _))| *different > 0);
    let row = |(at, (runs, different, word)): (TokenPosition, (u32, u32, &str))| {
        ((std::cmp::Reverse(different), at), json!([at.sentence, at.token, word, runs, different]))
    };
    sorted(differ.map(row).collect(), 50)
}

fn onsets(runs: &[Run]) -> Vec<Value> {
    let mut by_level: BTreeMap<_, (f64, Vec<Phases>)> = BTreeMap::new();
    for run in runs {
        let key = (mille(run.noise), run.encoder.as_str());
        by_level.entry(key).or_insert((run.noise, Vec::new())).1.push(run.phases.clone());
    }
    let row = |((_, encoder), (noise, phases)): ((u64, &str), (f64, Vec<Phases>))| {
        let found = phases.iter().filter(|phases| phases.memorisation_onset.is_some()).count();
        let onset = combine(&phases).memorisation_onset.map(|point| point.epoch);
        json!([noise, encoder, phases.len(), found, onset])
    };
    by_level.into_iter().map(row).collect()
}

/// Equal but for the last digits of numbers that are no counts.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-9,
        _ => a == b,
    }
}

#[test]
fn the_queries_of_the_documentation_answer_as_our_analysis_does() {
    let Some(python) = python() else { return };
    let workspace = Workspace::new();
    let experiment = repository("experiments/forgetting.toml").display().to_string();
    let said = workspace.run(&[
        "sweep",
        &experiment,
        "encoders=pretrained,random",
        "noise=0,0.3",
        "seeds=2",
        "epochs=8",
        "model.layers=1",
        "data.train_sentences=12",
        "data.dev_sentences=20",
        "train.batch_size=3",
        "train.learning_rate=3e-3",
        "train.evaluations_per_epoch=1",
        "train.test=false",
        "analysis.bootstrap=10",
    ]);
    assert_eq!(said.code, 0, "{said}");
    let study = workspace.path().join("runs/forgetting");
    let analysis = study.join("analysis");
    let folders = holding(&study, "manifest.json");
    let read = |folder: &PathBuf| Run::read(folder, &analysis.join(folder.strip_prefix(&study).unwrap()), &study);
    let runs: Vec<Run> = folders.iter().map(read).collect();
    assert_eq!(runs.len(), 8);

    let output = Command::new(python)
        .current_dir(workspace.path())
        .args([repository("tests/it/query_answers.py"), repository("docs/query.md")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        ("Tokens forgotten most over all seeds", forgotten(&runs)),
        ("Loss of one token over epochs", losses(&runs)),
        ("Noisy tokens learned first", learned_first(&runs)),
        ("Tokens on which two encoders disagree", disagreements(&runs)),
        ("Onset of memorisation by noise level", onsets(&runs)),
    ];
    assert_eq!(answers.len(), expected.len());
    for (answer, (question, rows)) in answers.iter().zip(expected) {
        assert_eq!(answer["question"], question);
        assert_eq!(answer["duckdb"]["columns"], answer["polars"]["columns"], "{question}");
        assert!(!rows.is_empty(), "{question}: nothing to compare");
        for engine in ["duckdb", "polars"] {
            let rows = Value::from(rows.clone());
            assert!(
                same(&answer[engine]["rows"], &rows),
                "{question}, {engine}: {} and {rows}",
                answer[engine]["rows"]
            );
        }
    }
    // A query that is right of no onset at all shows little.
    assert!(runs.iter().any(|run| run.phases.memorisation_onset.is_some()));
}
