//! The list of encoders on the command line, where entries go by their name: `encoders=small,large` chooses, and
//! `study.encoders.small.layers=2` changes one.

use serde_json::{Map, Value};

use super::{EncoderSettings, value};
use crate::error::Problem;

/// The list's key.
pub(super) const ENCODERS: &str = "study.encoders";

/// The entry and its setting that a key names: `study.encoders.NAME.SETTING`.
pub(super) fn entry_key(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(ENCODERS)?.strip_prefix('.')?.rsplit_once('.')
}

/// The entries that `text` names, in its order; `None` if it is no list of names.
pub(super) fn chosen(text: &str, entries: &[Value]) -> Option<Result<Vec<Value>, Problem>> {
    let names: Vec<String> = match text.parse::<toml::Value>() {
        Ok(toml::Value::Array(items)) if !items.is_empty() => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?
        }
        Ok(toml::Value::Array(_) | toml::Value::Table(_)) => return None,
        Ok(toml::Value::String(name)) => vec![name],
        _ if text.trim_start().starts_with(['[', '{']) => return None,
        _ => text.split(',').map(|name| name.trim().to_owned()).collect(),
    };
    let entry = |name: &String| Ok(entries[place(name, entries)?].clone());
    Some(names.iter().map(entry).collect())
}

/// The entries with one setting of one of them changed. The second time, for a text that reads as a number but has to be
/// text, `as_text` is true.
pub(super) fn changed(
    (name, setting): (&str, &str),
    text: &str,
    as_text: bool,
    entries: &[Value],
) -> Result<Vec<Value>, Problem> {
    // A plain struct: serialising it cannot fail.
    let settings = serde_json::to_value(EncoderSettings::default()).unwrap_or_default();
    let known: Vec<&String> = settings.as_object().map(Map::keys).into_iter().flatten().collect();
    let Some(default) = settings.get(setting) else {
        let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
        return Err(Problem::new(format!("unknown key `{setting}` of an encoder"))
            .hint(format!("an encoder has {}", known.join(", "))));
    };
    let place = place(name, entries)?;
    let value = match as_text {
        true => text.into(),
        false => value::from_command_line(text, default).map_err(Problem::new)?,
    };
    let mut entries = entries.to_vec();
    if let Some(entry) = entries[place].as_object_mut() {
        entry.insert(setting.to_owned(), value);
    }
    Ok(entries)
}

fn place(name: &str, entries: &[Value]) -> Result<usize, Problem> {
    let names: Vec<&str> = entries.iter().filter_map(|entry| entry.get("name")?.as_str()).collect();
    names.iter().position(|other| *other == name).ok_or_else(|| {
        let hint = match names.is_empty() {
            true => "the experiment names none: give a file with tables [[study.encoders]] first".to_owned(),
            false => format!("it names {}", names.join(", ")),
        };
        Problem::new(format!("the experiment has no encoder `{name}`")).hint(hint)
    })
}
