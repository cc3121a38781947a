//! `[grid]` as it is read and written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Grid, GridAxis, INIT, NamedPoint, meant, setting};
use crate::config::keys;

impl Serialize for Grid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.axes.len()))?;
        for axis in &self.axes {
            map.serialize_entry(axis.key(), &axis.value())?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Grid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Axes;

        impl<'de> Visitor<'de> for Axes {
            type Value = Grid;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of axes, each a list of values or of points with a `name`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Grid, A::Error> {
                let mut axes = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    read(&key, value, &mut axes).map_err(serde::de::Error::custom)?;
                }
                Ok(Grid { axes })
            }
        }

        deserializer.deserialize_map(Axes)
    }
}

/// Reads what stands under a key: an axis, or, where keys were written without quotes, a table of tables down to axes.
fn read(key: &str, value: Value, axes: &mut Vec<GridAxis>) -> Result<(), String> {
    match value {
        Value::Object(table) => {
            for (name, value) in table {
                read(&format!("{key}.{name}"), value, axes)?;
            }
            Ok(())
        }
        Value::Array(items) => {
            axes.push(axis(key, items)?);
            Ok(())
        }
        other => Err(format!("the axis `{key}` is {other}: expected a list, such as [{other}]")),
    }
}

/// An axis from its points: tables with a name each, initialisations, or values of a setting.
pub(super) fn axis(key: &str, items: Vec<Value>) -> Result<GridAxis, String> {
    if items.is_empty() || !(key == INIT || items.iter().all(Value::is_object)) {
        let key = setting(key);
        let values = items.into_iter().map(|value| meant(key, value)).collect();
        return Ok(GridAxis::Setting { key: key.to_owned(), values });
    }
    let of = |item: Value| match item.as_str() {
        Some(name) => NamedPoint::init(name)
            .ok_or_else(|| format!("the axis `{key}` has `{name}`: it takes pretrained and random")),
        None => point(key, item),
    };
    Ok(GridAxis::Named { name: key.to_owned(), points: items.into_iter().map(of).collect::<Result<_, _>>()? })
}

fn point(axis: &str, value: Value) -> Result<NamedPoint, String> {
    let Value::Object(table) = value else { return Err(format!("a point of `{axis}` is no table")) };
    let (mut name, mut settings) = (None, Vec::new());
    for (key, value) in table {
        match (key.as_str(), value) {
            ("name", Value::String(text)) => name = Some(text),
            (_, value) => flatten(&key, value, &mut settings),
        }
    }
    let name = name.ok_or_else(|| format!("a point of the axis `{axis}` has no `name`"))?;
    Ok(NamedPoint { name, settings })
}

/// Settings by dotted keys, where they were written as tables.
fn flatten(key: &str, value: Value, settings: &mut Vec<(String, Value)>) {
    let is_table = keys::default_of(key).is_some_and(Value::is_object);
    match value {
        Value::Object(table) if is_table => {
            table.into_iter().for_each(|(name, value)| flatten(&format!("{key}.{name}"), value, settings));
        }
        value => settings.push((setting(key).to_owned(), meant(setting(key), value))),
    }
}

impl JsonSchema for Grid {
    fn schema_name() -> Cow<'static, str> {
        "Grid".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Axes in the order written: a dotted setting with its values, or a name with a list of points, \
                            each a `name` and any number of dotted settings.",
            "additionalProperties": {
                "anyOf": [
                    { "type": "array", "minItems": 1 },
                    { "type": "object", "description": "A dotted key written as tables." }
                ]
            }
        })
    }
}
