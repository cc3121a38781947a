//! The JSON lines of dataset cartography (Swayamdipta et al., EMNLP 2020, arXiv 2009.10795).
//!
//! `training_dynamics/dynamics_epoch_N.jsonl`, N from 0, holds one object a line: `{"guid": 17,
//! "logits_epoch_N": [0.3, -1.2], "gold": 1}`. What is called gold there is the label trained on, our *given* label.
//! Each example is read as a sentence of one token, whose word is its guid; which of them are noisy is unknown.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Observations, TokenTable, observe};
use crate::Result;
use crate::error::{Error, Problem, printable};
use crate::files::text;

/// A folder of dataset cartography's files, its examples known from the first of them.
#[derive(Debug)]
pub(super) struct Cartography {
    /// Zero-based number in the file's name and path, ascending.
    files: Vec<(u32, PathBuf)>,
    guids: Vec<String>,
    given: Vec<u8>,
    n_labels: usize,
    row_of: HashMap<String, usize>,
}

/// One line, checked.
struct Line {
    /// One-based.
    number: usize,
    guid: Value,
    logits: Vec<f32>,
    gold: u8,
}

impl Cartography {
    /// The files in `folder` or its `training_dynamics`; `None` if there are none.
    pub(super) fn find(folder: &Path) -> Result<Option<Self>> {
        let inner = folder.join("training_dynamics");
        let folder = if inner.is_dir() { inner } else { folder.to_owned() };
        if !folder.is_dir() {
            return Ok(None);
        }
        let mut files = Vec::new();
        for entry in fs_err::read_dir(&folder).map_err(Error::io(&folder))? {
            let path = entry.map_err(Error::io(&folder))?.path();
            let name = path.file_name().and_then(|n| n.to_str());
            let number = name.and_then(|n| n.strip_prefix("dynamics_epoch_")?.strip_suffix(".jsonl"));
            if let Some(number) = number.and_then(|n| n.parse::<u32>().ok()) {
                files.push((number, path));
            }
        }
        files.sort();
        let Some((number, path)) = files.first() else { return Ok(None) };
        let mut lines = read(path, *number)?;
        if lines.iter().all(|line| line.guid.is_number()) {
            lines.sort_by(|a, b| a.guid.as_f64().unwrap_or(0.0).total_cmp(&b.guid.as_f64().unwrap_or(0.0)));
        }
        let guids: Vec<String> = lines.iter().map(|line| guid_text(&line.guid)).collect();
        let mut row_of = HashMap::new();
        for (row, guid) in guids.iter().enumerate() {
            if let Some(first) = row_of.insert(guid.clone(), row) {
                let [first, second] = [first, row].map(|row| lines[row].number);
                return Err(Error::Data(
                    Problem::new(format!("guid {} is already in line {}", printable(guid), first.min(second)))
                        .at(path)
                        .line(first.max(second))
                        .hint("write one line per example and epoch"),
                ));
            }
        }
        let given = lines.iter().map(|line| line.gold).collect();
        let n_labels = lines.first().map_or(0, |line| line.logits.len());
        Ok(Some(Self { files, guids, given, n_labels, row_of }))
    }

    pub(super) fn tokens(&self) -> TokenTable {
        TokenTable {
            sentence: (0..self.guids.len() as u32).collect(),
            token: vec![0; self.guids.len()],
            word: self.guids.clone(),
            given: self.given.clone(),
            gold: None,
            labels: (0..self.n_labels).map(|id| id.to_string()).collect(),
        }
    }

    /// One-based epochs.
    pub(super) fn epochs(&self) -> Vec<u32> {
        self.files.iter().map(|(number, _)| number + 1).collect()
    }

    pub(super) fn epoch(&self, epoch: u32) -> Result<Observations> {
        let file = self.files.iter().find(|(number, _)| number + 1 == epoch);
        let Some((number, path)) = file else {
            return Err(Error::Data(Problem::new(format!("the log has no epoch {epoch}"))));
        };
        let mut rows: Vec<Option<Vec<f32>>> = vec![None; self.guids.len()];
        for line in read(path, *number)? {
            let guid = guid_text(&line.guid);
            let refuse = |what: &str| {
                Err(Error::Data(
                    Problem::new(format!("guid {} {what}", printable(&guid)))
                        .at(path)
                        .line(line.number)
                        .hint("all epochs must hold the same examples with the same labels, each once"),
                ))
            };
            let Some(&row) = self.row_of.get(&guid) else { return refuse("is not in the first epoch's file") };
            if self.given[row] != line.gold || line.logits.len() != self.n_labels {
                return refuse("has another label or another number of logits than in the first epoch");
            }
            if rows[row].replace(line.logits).is_some() {
                return refuse("is there twice");
            }
        }
        let (mut sentence, mut given, mut logits) = (Vec::new(), Vec::new(), Vec::new());
        for (row, seen) in rows.into_iter().enumerate() {
            if let Some(seen) = seen {
                sentence.push(row as u32);
                given.push(self.given[row]);
                logits.extend(seen);
            }
        }
        let observed = observe(&logits, &given)?;
        Ok(Observations {
            token: vec![0; sentence.len()],
            sentence,
            predicted: observed.predicted,
            correct: observed.correct,
            loss: observed.loss,
            p_given: observed.p_given,
            margin: observed.margin,
            entropy: observed.entropy,
        })
    }
}

fn guid_text(guid: &Value) -> String {
    guid.as_str().map_or_else(|| guid.to_string(), str::to_owned)
}

fn read(path: &Path, number: u32) -> Result<Vec<Line>> {
    let text = text::read(path, Error::Data)?;
    let logits_key = format!("logits_epoch_{number}");
    let mut lines: Vec<Line> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        if raw.trim().is_empty() {
            continue;
        }
        let refuse =
            |what: &str| {
                Error::Data(Problem::new(what).at(path).line(index + 1).hint(format!(
                    r#"each line is an object like {{"guid": 1, "{logits_key}": [0.1, -0.2], "gold": 0}}"#
                )))
            };
        let object: Value =
            serde_json::from_str(raw).map_err(|e| refuse(&format!("the line is not valid JSON: {e}")))?;
        let guid = object.get("guid").filter(|g| g.is_string() || g.is_number());
        let guid = guid.ok_or_else(|| refuse("`guid` is missing"))?.clone();
        let logits = object.get(&logits_key).and_then(Value::as_array);
        let logits = logits.ok_or_else(|| refuse(&format!("`{logits_key}` is missing")))?;
        let logits: Option<Vec<f32>> = logits.iter().map(|v| v.as_f64().map(|v| v as f32)).collect();
        let logits = logits.filter(|l| l.len() >= 2 && l.len() <= 256 && l.iter().all(|v| v.is_finite()));
        let logits = logits.ok_or_else(|| refuse("the logits are not a list of 2 to 256 finite numbers"))?;
        let gold = object.get("gold").and_then(Value::as_u64).filter(|&gold| gold < logits.len() as u64);
        let gold = gold.ok_or_else(|| refuse("`gold` is not an index into the logits"))? as u8;
        if lines.first().is_some_and(|first| first.logits.len() != logits.len()) {
            return Err(refuse("the number of logits differs from the first line's"));
        }
        lines.push(Line { number: index + 1, guid, logits, gold });
    }
    if lines.is_empty() {
        return Err(Error::Data(Problem::new("the file is empty").at(path).hint("delete it, or log again")));
    }
    Ok(lines)
}
