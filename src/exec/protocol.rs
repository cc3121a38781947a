//! What a parent and its child say to each other: one JSON value a line.

use std::io::{BufRead, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Task;
use crate::corpus::Corpus;
use crate::dynamics::{CurvePoint, StepRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::hub::{self, Repository, Snapshot};
use crate::model::LoadReport;
use crate::perturb::NoiseReport;
use crate::run::{EpochSummary, RunConfig};
use crate::train::EncodingReport;

/// What a child is to do: the first line of its input. The second is the corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Assignment {
    /// The run's configuration, its numbers [exact](exactly).
    config: Value,
    /// Its identity, to be sure that it arrived whole.
    config_hash: String,
    /// The folder to write to; relative paths are relative to the working directory, which parent and child share.
    folder: PathBuf,
    /// One-based place in the study, and the number of runs.
    position: (usize, usize),
    /// Repositories of the hub at the commits that the parent found: a branch may move while the study is done.
    snapshots: Vec<(Repository, Snapshot)>,
}

/// A run that was assigned.
pub(super) struct Assigned {
    pub config: RunConfig,
    pub folder: PathBuf,
    pub position: (usize, usize),
    pub corpus: Corpus,
}

/// What a child reports while it works, and in the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Event {
    Warning(String),
    Working(String),
    Started(Box<Started>),
    Skipped,
    Step(StepRecord),
    Evaluated(CurvePoint),
    Epoch(EpochSummary),
    Ended {
        wall_seconds: f64,
    },
    /// The last one of a run that is finished.
    Finished,
    /// The last one of a run that is not.
    Failed {
        kind: ErrorKind,
        reason: String,
        hint: Option<String>,
    },
}

/// [`crate::run::RunStart`], without what the parent knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Started {
    pub epochs: u32,
    pub epochs_finished: u32,
    pub steps_finished: u64,
    pub model: LoadReport,
    pub noise: Option<NoiseReport>,
    pub encoding: EncodingReport,
}

/// Writes an assignment.
pub(super) fn assign(task: &Task<'_>, position: (usize, usize), to: &mut dyn Write) -> Result<()> {
    let config = serde_json::to_value(&task.config).map_err(unwritable)?;
    let assignment = Assignment {
        config: exactly(config),
        config_hash: task.config.identity()?,
        folder: task.folder.clone(),
        position,
        snapshots: hub::known_snapshots(),
    };
    line(&assignment, to)?;
    line(task.corpus, to)
}

/// Reads an assignment.
pub(super) fn assigned(from: &mut dyn BufRead) -> Result<Assigned> {
    let Assignment { config, config_hash, folder, position, snapshots } = next(from)?;
    hub::take_known(snapshots);
    let config: RunConfig = serde_json::from_value(plainly(config)).map_err(unreadable)?;
    if config.identity()? != config_hash {
        return Err(Error::Internal("a run's configuration changed on its way to the process that does it".into()));
    }
    Ok(Assigned { config, folder, position, corpus: next(from)? })
}

/// Writes a value and a line break, and passes them on.
pub(super) fn line<T: Serialize>(value: &T, to: &mut dyn Write) -> Result<()> {
    let mut text = serde_json::to_vec(value).map_err(unwritable)?;
    text.push(b'\n');
    to.write_all(&text).and_then(|()| to.flush()).map_err(Error::io("the other process"))
}

fn next<T: DeserializeOwned>(from: &mut dyn BufRead) -> Result<T> {
    let mut text = Vec::new();
    from.read_until(b'\n', &mut text).map_err(Error::io("standard input"))?;
    serde_json::from_slice(&text).map_err(unreadable)
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::Internal(format!("a message to another process: {error}"))
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::Internal(format!("not a message of this program: {error}"))
}

/// The key under which a number's bits stand.
const BITS: &str = "f64 bits";

/// The value with the bits of its fractions in the place of their digits: what is read from digits may differ in the last bit,
/// and a run's identity with it.
fn exactly(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => match number.as_f64() {
            Some(fraction) => json!({ BITS: fraction.to_bits() }),
            None => Value::Number(number),
        },
        Value::Array(list) => list.into_iter().map(exactly).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, exactly(value))).collect(),
        other => other,
    }
}

/// The inverse of [`exactly`].
fn plainly(value: Value) -> Value {
    match value {
        Value::Object(map) => match (map.len(), map.get(BITS).and_then(Value::as_u64)) {
            (1, Some(bits)) => json!(f64::from_bits(bits)),
            _ => map.into_iter().map(|(key, value)| (key, plainly(value))).collect(),
        },
        Value::Array(list) => list.into_iter().map(plainly).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Experiment;
    use crate::corpus::{self, DataSettings};
    use crate::study;

    #[test]
    fn a_run_arrives_as_it_was_sent() {
        let settings = DataSettings { train_sentences: Some(5), ..DataSettings::default() };
        let corpus = corpus::load(&settings).unwrap();
        let mut config = study::grid(&Experiment::default()).unwrap().remove(0);
        config.seed = u64::MAX;
        // Digits that serde_json does not read back to the same number.
        config.perturb.rate = 0.1 + 0.2;
        config.train.learning_rate = 1.234_567_890_123_456_7e-5;
        let task = Task { config, folder: "out/run".into(), corpus: &corpus };
        let mut sent = Vec::new();
        assign(&task, (2, 8), &mut sent).unwrap();
        let arrived = assigned(&mut sent.as_slice()).unwrap();
        assert_eq!((arrived.config, arrived.corpus, arrived.position), (task.config, corpus.clone(), (2, 8)));
        assert_eq!(arrived.folder, task.folder);
        assert!(assigned(&mut &b"{}\n"[..]).is_err());
        assert!(assigned(&mut &b""[..]).is_err());
    }
}
