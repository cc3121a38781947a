//! What makes two runs the same.
//!
//! A run's identity is the SHA-256 of those settings that differ from the defaults, keys sorted, as JSON. So a setting that
//! comes later does not change the identity of runs that do not use it. The defaults are those of
//! `identity-defaults.json` and not the program's: were a default to change, a run that relied on the old one would be
//! another run, and has to be told from it. A setting that is not in that file is compared with the program's default; a test
//! refuses such a state, so that the file grows with the settings.
//!
//! Names do not count (id, coordinates), nor does what has no effect on a run's results.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::RunConfig;
use crate::config::WITHOUT_EFFECT;
use crate::error::{Error, Result};
use crate::files::hex;

/// What opens the text that is hashed: the version of this definition.
const VERSION: &str = "memoscope run 2\n";

/// The defaults of the settings as they stood when each was added.
static DEFAULTS: LazyLock<Value> = LazyLock::new(|| {
    // Part of the program: a test reads it.
    serde_json::from_str(include_str!("identity-defaults.json")).unwrap_or_default()
});

/// Settings that were renamed, by the path of the table, today's name and the name that is hashed. A run is the same run under
/// either name: the hash keeps the name that the setting had when it was added, so that finished runs keep their identity.
const RENAMED: [(&str, &str, &str); 2] =
    [("/train", "max_subwords", "max_pieces"), ("/pretrained/settings", "max_subwords", "max_pieces")];

/// The run's identity, SHA-256 in hexadecimal digits.
///
/// # Errors
/// [`Error::Internal`] if the configuration is not representable as JSON; ours is.
pub(super) fn identity(config: &RunConfig) -> Result<String> {
    let text = serde_json::to_string(&sorted(differences(config)?))
        .map_err(|e| Error::Internal(format!("a run's configuration: {e}")))?;
    Ok(hex(Sha256::new().chain_update(VERSION).chain_update(text).finalize()))
}

/// The settings of a run that differ from the defaults.
fn differences(config: &RunConfig) -> Result<Value> {
    let internal = |e| Error::Internal(format!("a run's configuration: {e}"));
    let mut value = serde_json::to_value(config).map_err(internal)?;
    if let Some(object) = value.as_object_mut() {
        object.shift_remove("id");
        object.shift_remove("coordinates");
    }
    for path in WITHOUT_EFFECT {
        remove(&mut value, path);
    }
    restore_names(&mut value);
    Ok(prune(value, Some(&DEFAULTS)).unwrap_or(Value::Object(Map::new())))
}

/// Gives renamed settings the names that are hashed.
fn restore_names(value: &mut Value) {
    for (table, now, hashed) in RENAMED {
        if let Some(table) = value.pointer_mut(table).and_then(Value::as_object_mut)
            && let Some(value) = table.shift_remove(now)
        {
            table.insert(hashed.to_owned(), value);
        }
    }
}

fn remove(value: &mut Value, path: &str) {
    match path.split_once('.') {
        Some((first, rest)) => {
            if let Some(inner) = value.get_mut(first) {
                remove(inner, rest);
            }
        }
        None => {
            if let Some(object) = value.as_object_mut() {
                object.shift_remove(path);
            }
        }
    }
}

/// What differs from the defaults; `None` if nothing does. An absent default is null.
fn prune(value: Value, default: Option<&Value>) -> Option<Value> {
    match value {
        Value::Object(object) => {
            let of = |name: &str| default.and_then(|default| default.get(name));
            let is_section = default.is_some_and(Value::is_object);
            let kept: Map<String, Value> = object
                .into_iter()
                .filter_map(|(name, value)| {
                    let kept = prune(value, of(&name))?;
                    Some((name, kept))
                })
                .collect();
            // A table that is null by default says something by being there.
            (!is_section || !kept.is_empty()).then_some(Value::Object(kept))
        }
        value => (value != *default.unwrap_or(&Value::Null)).then_some(value),
    }
}

/// The same with the keys of every table in alphabetical order: the order of fields in the types does not matter.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(String, Value)> = object.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Experiment;
    use crate::run::config::tests::config;
    use crate::run::{Coordinate, Coordinates, PretrainedEncoder};
    use crate::train::pretrain::PretrainSettings;

    /// The program's defaults in the form of the file.
    fn of_the_program() -> Value {
        let experiment = serde_json::to_value(Experiment::default()).unwrap();
        let section = |name: &str| experiment.get(name).unwrap().clone();
        let mut defaults = serde_json::json!({
            "data": section("data"),
            "model": section("model"),
            "perturb": section("perturb"),
            "train": section("train"),
            "device": section("device"),
            "pretrained": { "settings": section("pretraining") },
        });
        restore_names(&mut defaults);
        defaults
    }

    /// `MEMOSCOPE_UPDATE=1` adds settings that are missing; what is there never changes.
    #[test]
    fn the_defaults_of_all_settings_are_frozen() {
        fn complete(frozen: &mut Value, now: &Value) {
            match (frozen, now) {
                (Value::Object(frozen), Value::Object(now)) => {
                    for (name, value) in now {
                        complete(frozen.entry(name).or_insert(value.clone()), value);
                    }
                }
                (frozen, now) if frozen.is_null() && now.is_object() => {}
                (frozen, now) => assert_eq!(*frozen, *now, "a default has changed"),
            }
        }
        let mut frozen: Value = serde_json::from_str(include_str!("identity-defaults.json")).unwrap();
        let before = frozen.clone();
        complete(&mut frozen, &of_the_program());
        if frozen != before && std::env::var_os("MEMOSCOPE_UPDATE").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/run/identity-defaults.json");
            fs_err::write(path, serde_json::to_string_pretty(&frozen).unwrap() + "\n").unwrap();
        } else {
            assert_eq!(frozen, before, "add the new settings with MEMOSCOPE_UPDATE=1");
        }
    }

    #[test]
    fn the_identity_is_a_constant_of_the_settings() {
        assert_eq!(sorted(differences(&config()).unwrap()).to_string(), EXPECTED);
        // sha256sum of the line `memoscope run 2` and the text above.
        let digest = identity(&config()).unwrap();
        assert_eq!(digest, "69cb3006c20b3bf53ff6084473811bdefdd46c7764f12020bb78fc63f59110be");
    }

    const EXPECTED: &str = r#"{"perturb":{"rate":0.3},"seed":1}"#;

    #[test]
    fn names_and_settings_without_effect_do_not_count() {
        let mut other = config();
        other.id = "another".into();
        other.coordinates = Coordinates::new([Coordinate::new("encoder", "x")], 1);
        assert_eq!(identity(&other).unwrap(), identity(&config()).unwrap());
        other.train.learning_rate *= 2.0;
        assert_ne!(identity(&other).unwrap(), identity(&config()).unwrap());
    }

    /// As the version did that called the settings `max_pieces`.
    #[test]
    fn a_renamed_setting_is_hashed_under_its_first_name() {
        let mut run = config();
        run.train.max_subwords = 40;
        assert_eq!(
            sorted(differences(&run).unwrap()).to_string(),
            r#"{"perturb":{"rate":0.3},"seed":1,"train":{"max_pieces":40}}"#
        );
        // sha256sum of the line `memoscope run 2` and the text above.
        assert_eq!(identity(&run).unwrap(), "64eefbf64b539f77e13b1a600848a5f94b680d871f9893d7bf090fdaaf2a5713");
        let settings = PretrainSettings { max_subwords: 64, ..PretrainSettings::default() };
        run.pretrained = Some(PretrainedEncoder { settings, steps: 5 });
        let text = sorted(differences(&run).unwrap()).to_string();
        assert!(text.contains(r#""pretrained":{"settings":{"max_pieces":64},"steps":5}"#), "{text}");
        let manifest = serde_json::to_string(&run).unwrap();
        assert!(manifest.contains("max_subwords") && !manifest.contains("max_pieces"));
        let earlier: RunConfig = serde_json::from_str(&manifest.replace("max_subwords", "max_pieces")).unwrap();
        assert_eq!((identity(&earlier).unwrap(), &earlier), (identity(&run).unwrap(), &run));
    }

    #[test]
    fn a_setting_put_to_null_differs_from_its_default() {
        assert_eq!(prune(Value::Null, Some(&Value::from(3))), Some(Value::Null));
        assert_eq!(prune(Value::Null, None), None);
        assert_eq!(prune(serde_json::json!({}), None), Some(serde_json::json!({})));
    }

    #[test]
    fn a_pretraining_counts_by_what_differs() {
        let mut run = config();
        let settings = PretrainSettings { epochs: 77, ..PretrainSettings::default() };
        run.pretrained = Some(PretrainedEncoder { settings, steps: 5 });
        let expected = r#"{"perturb":{"rate":0.3},"pretrained":{"settings":{"epochs":77},"steps":5},"seed":1}"#;
        assert_eq!(sorted(differences(&run).unwrap()).to_string(), expected);
    }
}
