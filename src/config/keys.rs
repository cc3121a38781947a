//! Which keys exist, and which one was probably meant.
//!
//! The keys are read off the default [`Experiment`] in its JSON form, where an absent option is a null rather than a
//! gap, with the tables that one kind of study has: the types stay the only list of settings there is.

use std::sync::LazyLock;

use serde_json::Value;

use super::{CapGrid, CheckpointGrid, Experiment, former};
use crate::error::Problem;

/// Settings of a run without effect on its results, by their dotted keys: no part of its identity, and no axis.
pub(crate) const WITHOUT_EFFECT: [&str; 1] = ["train.checkpoint_minutes"];

/// A short name for a setting: a flag (`--batch-size`) and a word (`batch-size=64`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shorthand {
    /// The name, with hyphens.
    pub name: &'static str,
    /// The dotted key it stands for.
    pub key: &'static str,
}

/// The settings that have a short name.
const SHORTHANDS: [Shorthand; 16] = [
    Shorthand { name: "data", key: "data.source" },
    Shorthand { name: "columns", key: "data.columns" },
    Shorthand { name: "model", key: "model.source" },
    Shorthand { name: "model-layers", key: "model.layers" },
    Shorthand { name: "head", key: "model.head.kind" },
    Shorthand { name: "random-init", key: "model.random_init" },
    Shorthand { name: "noise", key: "study.noise" },
    Shorthand { name: "classes", key: "study.caps.classes" },
    Shorthand { name: "sentences", key: "study.caps.sentences" },
    Shorthand { name: "heads", key: "grid.head" },
    Shorthand { name: "encoders", key: "grid.encoder" },
    Shorthand { name: "seeds", key: "study.seeds" },
    Shorthand { name: "epochs", key: "train.epochs" },
    Shorthand { name: "batch-size", key: "train.batch_size" },
    Shorthand { name: "learning-rate", key: "train.learning_rate" },
    Shorthand { name: "name", key: "study.name" },
];

static DEFAULTS: LazyLock<Value> = LazyLock::new(|| {
    // Plain structs of numbers, strings and options: serialising them cannot fail, and a test does it.
    let mut experiment = Experiment::default();
    experiment.study.caps = Some(CapGrid::default());
    experiment.study.pretraining = Some(CheckpointGrid::default());
    serde_json::to_value(experiment).unwrap_or_default()
});

/// The short names.
pub fn shorthands() -> &'static [Shorthand] {
    &SHORTHANDS
}

/// The dotted key that `name` stands for: a short name (`batch-size` or `batch_size`), the former name of a setting, or the
/// key itself.
pub fn shorthand(name: &str) -> &str {
    let hyphened = name.replace('_', "-");
    SHORTHANDS.iter().find(|s| s.name == hyphened).map_or(former::renamed(name), |s| s.key)
}

/// The default value of a dotted key, null for an option without one; `None` if there is no such key. A key below an
/// option (a row of the noise matrix) exists if the option does.
pub(super) fn default_of(key: &str) -> Option<&'static Value> {
    let mut value: &'static Value = &DEFAULTS;
    for part in key.split('.') {
        match value {
            Value::Object(table) => value = table.get(part)?,
            Value::Null => return Some(value),
            _ => return None,
        }
    }
    Some(value)
}

/// What to say of a key that does not exist.
pub(super) fn unknown(key: &str) -> Problem {
    Problem::new(format!("unknown key `{key}`")).hint(match nearest(key) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`memoscope schema` prints all keys; a file can have axes of named points, tables [[grid.NAME]]".into(),
    })
}

/// The existing key nearest to an unknown one, if any is near enough to be what was meant.
///
/// Candidates in the same table are compared by their last part; a last part that exists in another table alone
/// (`epochs` for `train.epochs`) counts as near, too.
pub(super) fn nearest(unknown: &str) -> Option<String> {
    let leaves = leaves();
    let (table, last) = unknown.rsplit_once('.').unwrap_or(("", unknown));
    let distance = |candidate: &str| strsim::damerau_levenshtein(candidate, last);
    let near = |d: usize| d <= 1 + last.chars().count() / 4;

    let siblings = leaves.iter().filter_map(|key| {
        let rest = if table.is_empty() { Some(key.as_str()) } else { key.strip_prefix(table)?.strip_prefix('.') }?;
        let part = rest.split('.').next()?;
        Some((distance(part), if table.is_empty() { part.to_owned() } else { format!("{table}.{part}") }))
    });
    if let Some((_, key)) = siblings.filter(|(d, _)| near(*d)).min() {
        return Some(key);
    }
    // Of two tables with such a key, the one that people mean has a short name.
    let has_no_short_name = |key: &str| !SHORTHANDS.iter().any(|s| s.key == key);
    if let Some((_, _, key)) = leaves
        .iter()
        .map(|key| (distance(key.rsplit('.').next().unwrap_or(key)), has_no_short_name(key), key))
        .filter(|(d, ..)| near(*d))
        .min()
    {
        return Some(key.clone());
    }
    leaves
        .iter()
        .map(|key| (strsim::damerau_levenshtein(key, unknown), key))
        .filter(|(d, _)| *d <= 1 + unknown.chars().count() / 4)
        .min()
        .map(|(_, key)| key.clone())
}

/// All dotted keys that hold a value, in order.
pub(super) fn leaves() -> Vec<String> {
    fn walk(value: &Value, prefix: &str, keys: &mut Vec<String>) {
        match value {
            Value::Object(table) => {
                for (name, value) in table {
                    let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                    walk(value, &key, keys);
                }
            }
            _ => keys.push(prefix.to_owned()),
        }
    }
    let mut keys = Vec::new();
    walk(&DEFAULTS, "", &mut keys);
    keys
}

/// A value below its dotted key.
pub(super) fn nested(key: &str, value: Value) -> Value {
    key.rsplit('.').fold(value, |value, part| Value::Object([(part.to_owned(), value)].into_iter().collect()))
}

/// Lays `layer` over `base`: tables are merged, everything else is replaced.
pub(super) fn overlay(base: &mut Value, layer: Value) {
    match (base, layer) {
        (Value::Object(base), Value::Object(layer)) => {
            for (key, value) in layer {
                overlay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, layer) => *base = layer,
    }
}
