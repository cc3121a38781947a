//! Settings as earlier versions spelled them: they are translated before anything else is done with them, so that old
//! experiment files, and the resolved ones in the folders of old runs, load as they did.

#[cfg(test)]
mod tests;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::{Experiment, keys};
use crate::error::Problem;

/// The former keys and today's.
const FORMER: [(&str, &str); 9] = [
    ("train.max_pieces", "train.max_subwords"),
    ("pretraining.max_pieces", "pretraining.max_subwords"),
    ("study.classes", "study.caps.classes"),
    ("study.sentences", "study.caps.sentences"),
    ("study.uncapped", "study.caps.uncapped"),
    ("study.pretraining_steps", "study.pretraining.steps"),
    ("study.heads", "grid.head"),
    ("study.initializations", "grid.init"),
    (ENCODERS, "grid.encoder"),
];

/// The list of encoders, which had their own names for the settings.
const ENCODERS: &str = "study.encoders";
const OF_ENCODERS: [(&str, &str); 6] = [
    ("source", "model.source"),
    ("layers", "model.layers"),
    ("random_init", "model.random_init"),
    ("head", "model.head.kind"),
    ("learning_rate", "train.learning_rate"),
    ("batch_size", "train.batch_size"),
];

/// Today's name of a setting; other keys as they are.
pub(super) fn renamed(key: &str) -> &str {
    now(&FORMER, key)
}

/// Today's name of one setting of one encoder, `study.encoders.NAME.SETTING`; `None` for other keys.
pub(super) fn of_encoder(key: &str) -> Option<String> {
    let (name, setting) = key.strip_prefix(ENCODERS)?.strip_prefix('.')?.rsplit_once('.')?;
    Some(format!("{}.{name}.{}", renamed(ENCODERS), now(&OF_ENCODERS, setting)))
}

fn now<'a>(names: &[(&str, &'a str)], key: &'a str) -> &'a str {
    names.iter().find(|(former, _)| *former == key).map_or(key, |(_, now)| now)
}

/// Takes the settings with former names out of a document, of which the rest can be read as an experiment.
pub(super) fn strip(document: &mut DeTable<'_>) {
    for (former, _) in FORMER {
        if let Some((section, name)) = former.split_once('.')
            && let Some(DeValue::Table(table)) = document.get_mut(section).map(toml::Spanned::get_mut)
        {
            table.remove(name);
        }
    }
}

/// Moves the settings of a layer that have former names to today's.
///
/// # Errors
/// A problem whose words begin with the former key: a value of the wrong type, or a setting under both of its names.
pub(super) fn translate(layer: &mut Value) -> Result<(), Problem> {
    for (former, key) in FORMER {
        let Some(value) = take(layer, former) else { continue };
        // An earlier version wrote the settings of all studies to the folder of every one.
        if former.starts_with("study.") && (value == Value::Array(Vec::new()) || value == true) {
            continue;
        }
        let value = match value {
            Value::Array(items) if former == ENCODERS => encoders(items).into(),
            value => value,
        };
        if layer.pointer(&pointer(key)).is_some() {
            return Err(Problem::new(format!("{former} and {key} are the same setting")).hint("leave one of them out"));
        }
        let this = keys::nested(key, value);
        serde_json::from_value::<Experiment>(this.clone()).map_err(|error| {
            Problem::new(format!("{former} cannot be read: {error}")).hint(format!("it is {key} now"))
        })?;
        keys::overlay(layer, this);
    }
    Ok(())
}

/// Takes the value of a key out of a layer.
fn take(layer: &mut Value, key: &str) -> Option<Value> {
    let (section, name) = key.split_once('.')?;
    layer.get_mut(section)?.as_object_mut()?.shift_remove(name)
}

fn pointer(key: &str) -> String {
    format!("/{}", key.replace('.', "/"))
}

/// The tables of encoders as points of an axis.
pub(super) fn encoders(items: Vec<Value>) -> Vec<Value> {
    let renamed = |item: Value| match item {
        Value::Object(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (now(&OF_ENCODERS, &key).to_owned(), value)).collect())
        }
        other => other,
    };
    items.into_iter().map(renamed).collect()
}
