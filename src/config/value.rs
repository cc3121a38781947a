//! Settings as they are typed, made into values.

use serde_json::Value;

/// What TOML makes of a value, in the JSON form the layers are merged in. Numbers that are not finite and dates are
/// refused with the reason.
pub(super) fn from_toml(value: toml::Value) -> Result<Value, String> {
    match value {
        toml::Value::String(s) => Ok(s.into()),
        toml::Value::Integer(i) => Ok(i.into()),
        toml::Value::Boolean(b) => Ok(b.into()),
        toml::Value::Float(f) => {
            // Negative zero is the same setting as zero, and has to be the same run.
            serde_json::Number::from_f64(f + 0.0)
                .map(Value::Number)
                .ok_or_else(|| format!("`{f}` is not a usable number"))
        }
        toml::Value::Datetime(d) => Err(format!("`{d}` is a date: no setting takes one")),
        toml::Value::Array(items) => items.into_iter().map(from_toml).collect::<Result<Vec<_>, _>>().map(Value::Array),
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(key, value)| Ok((key, from_toml(value)?)))
            .collect::<Result<serde_json::Map<_, _>, _>>()
            .map(Value::Object),
    }
}

/// What `text`, typed on the command line for a setting with this default, means.
///
/// A text setting takes the characters as they are; everything else is read as TOML, `null` unsets an option, and
/// a list may be written without brackets: `0,0.3,0.5`.
pub(super) fn from_command_line(text: &str, default: &Value) -> Result<Value, String> {
    let read = |text: &str| match text.parse::<toml::Value>() {
        Ok(toml::Value::Datetime(_)) => Ok(None),
        Ok(value) => from_toml(value).map(Some),
        Err(_) => Ok(None),
    };
    if default.is_string() {
        return Ok(match read(text)? {
            Some(Value::String(quoted)) => quoted.into(),
            _ => text.into(),
        });
    }
    if text == "null" {
        return Ok(Value::Null);
    }
    let value = match read(text)? {
        Some(value) => value,
        None if text.contains(',') => match read(&format!("[{text}]"))? {
            Some(list) => list,
            None => text.split(',').map(|word| word.trim().into()).collect::<Vec<Value>>().into(),
        },
        None => text.into(),
    };
    Ok(if default.is_array() && !value.is_array() { Value::Array(vec![value]) } else { value })
}

/// What `text`, typed on the command line as values of a setting with this default, means: a TOML list without brackets,
/// in which `null` is an option's absence, or words separated by commas.
pub(super) fn list_from_command_line(text: &str, default: &Value) -> Result<Vec<Value>, String> {
    if default.is_string() || text.split(',').any(|word| word.trim() == "null") {
        return words(text).iter().map(|word| from_command_line(word.as_str().unwrap_or_default(), default)).collect();
    }
    match format!("[{text}]").parse::<toml::Value>() {
        Ok(toml::Value::Array(items)) => items.into_iter().map(from_toml).collect(),
        _ => Ok(words(text)),
    }
}

/// The words between commas, as text.
pub(super) fn words(text: &str) -> Vec<Value> {
    text.split(',').map(|word| word.trim().into()).collect()
}
