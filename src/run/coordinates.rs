//! Where a run stands in a grid: one value on each axis.
//!
//! Names are made from coordinates, and no coordinate is read off a name: a run's id (`noise=0.30,seed=1`), its folder
//! (`noise=0.30/seed=1`, Hive partitions, which DuckDB, polars, Spark and pyarrow read as columns), the columns of tables,
//! legends.

use crate::files::hex;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What stands for null in the name of a Hive partition.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";
/// Bytes that the name of a folder may have; most file systems admit 255.
const LONGEST_NAME: usize = 120;
/// Below this, a noise level is written with an exponent: a folder's name has limits, and 1e-300 with all its decimals
/// exceeds them.
const SHORTEST_DECIMAL: f64 = 1e-9;

/// Axes that had another name in an earlier version: the earlier name and today's.
const RENAMED: [(&str, &str); 1] = [("max_pieces", "max_subwords")];

/// A value on an axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coordinate {
    /// The axis, which names a column: `noise`, `encoder`, `learning_rate`.
    #[serde(deserialize_with = "axis")]
    pub axis: String,
    /// The value for people: `0.30`, `pretrained`.
    pub label: String,
    /// The value for programs: a number, a text, a truth value; null where the axis does not apply to the run, such as the
    /// number of sentences of a class where none is capped.
    pub value: Value,
}

impl Coordinate {
    /// A value that is its own label.
    pub fn new(axis: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let label = match &value {
            Value::String(text) => text.clone(),
            Value::Null => "none".into(),
            other => other.to_string(),
        };
        Self { axis: axis.into(), label, value }
    }

    /// The same with another label.
    pub fn labelled(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// A noise level; its labels sort as text.
    ///
    /// ```
    /// use memoscope::run::Coordinate;
    /// assert_eq!(Coordinate::noise(0.3).label, "0.30");
    /// assert_eq!(Coordinate::noise(0.125).label, "0.125");
    /// assert_eq!(Coordinate::noise(-0.0), Coordinate::noise(0.0));
    /// assert_eq!(Coordinate::noise(1e-300).label, "1e-300");
    /// ```
    pub fn noise(level: f64) -> Self {
        // Negative zero is zero.
        let level = level + 0.0;
        let two_decimals = format!("{level:.2}");
        let label = match two_decimals.parse() == Ok(level) {
            true => two_decimals,
            false if level < SHORTEST_DECIMAL => format!("{level:e}"),
            false => level.to_string(),
        };
        Self::new("noise", level).labelled(label)
    }

    /// The name of the folder: `axis=label`, percent-encoded.
    fn partition(&self) -> String {
        let value = if self.value.is_null() { HIVE_NULL.to_owned() } else { encoded(&self.label) };
        format!("{}={value}", encoded(&self.axis))
    }
}

/// The values of a run on all axes of its grid, the seed last. A run outside of any grid, and one that an earlier version
/// wrote, has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coordinates(Vec<Coordinate>);

impl Coordinates {
    /// Coordinates in the order of the axes, a seed behind them.
    ///
    /// ```
    /// use memoscope::run::{Coordinate, Coordinates};
    /// let place = Coordinates::new([Coordinate::noise(0.3), Coordinate::new("encoder", "a/b")], 1);
    /// assert_eq!(place.id(), "noise=0.30,encoder=a/b,seed=1");
    /// assert_eq!(place.folder().to_str(), Some("noise=0.30/encoder=a%2Fb/seed=1"));
    /// ```
    pub fn new(axes: impl IntoIterator<Item = Coordinate>, seed: u64) -> Self {
        Self(axes.into_iter().chain([Coordinate::new("seed", seed)]).collect())
    }

    /// Coordinates in the order given.
    pub fn of(all: impl IntoIterator<Item = Coordinate>) -> Self {
        Self(all.into_iter().collect())
    }

    /// The name of the run, for people: `noise=0.30,seed=1`.
    pub fn id(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|of| format!("{}={}", of.axis, of.label)).collect();
        parts.join(",")
    }

    /// The run's folder in that of the study: one partition an axis, `noise=0.30/seed=1`.
    pub fn folder(&self) -> PathBuf {
        self.0.iter().map(Coordinate::partition).collect()
    }

    /// The folder that an earlier version gave the run, if an axis had another name there.
    pub(super) fn earlier_folder(&self) -> Option<PathBuf> {
        let earlier =
            |axis: &str| RENAMED.iter().find(|(_, now)| *now == axis).map(|(earlier, _)| (*earlier).to_owned());
        self.0.iter().any(|of| earlier(&of.axis).is_some()).then(|| {
            let renamed = |of: &Coordinate| match earlier(&of.axis) {
                Some(axis) => Coordinate { axis, ..of.clone() }.partition(),
                None => of.partition(),
            };
            self.0.iter().map(renamed).collect()
        })
    }

    /// The value on an axis.
    pub fn get(&self, axis: &str) -> Option<&Coordinate> {
        self.0.iter().find(|of| of.axis == axis)
    }

    /// The coordinates on all axes but these.
    pub fn without(&self, axes: &[&str]) -> Self {
        Self::of(self.0.iter().filter(|of| !axes.contains(&of.axis.as_str())).cloned())
    }

    /// The same with another value on an axis, at its place; behind the others if it is a new one.
    pub fn with(mut self, coordinate: Coordinate) -> Self {
        match self.0.iter_mut().find(|of| of.axis == coordinate.axis) {
            Some(place) => *place = coordinate,
            None => self.0.push(coordinate),
        }
        self
    }

    /// All values in the order of the axes.
    pub fn iter(&self) -> impl Iterator<Item = &Coordinate> {
        self.0.iter()
    }

    /// The number of axes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True of a run outside of any grid.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The name of an axis as it is today.
fn axis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    Ok(RENAMED.iter().find(|(earlier, _)| *earlier == name).map_or(name, |(_, now)| (*now).to_owned()))
}

/// Text as part of a folder's name: all but letters and digits of ASCII and `-_+.` is percent-encoded, because file systems
/// reserve some characters and rewrite others; a long text is cut, with a digest of the whole behind it. Different texts have
/// different names.
fn encoded(text: &str) -> String {
    let mut name = String::new();
    for (place, c) in text.chars().enumerate() {
        let is_plain = c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+') || (c == '.' && place > 0);
        match is_plain {
            true => name.push(c),
            false => c.to_string().bytes().for_each(|byte| name.push_str(&format!("%{byte:02X}"))),
        }
    }
    if name.len() > LONGEST_NAME {
        let digest = Sha256::digest(text.as_bytes());
        let end = (0..=LONGEST_NAME).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
        // Half an escape could not be decoded.
        let end = name[..end].rfind('%').filter(|escape| end - escape < 3).unwrap_or(end);
        name.truncate(end);
        name.push('~');
        name.push_str(&hex(&digest[..6]));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders_hold_nothing_that_a_file_system_reserves() {
        let folder = |label: &str| Coordinates::of([Coordinate::new("class", label)]).folder();
        for (label, name) in [
            ("LOC", "class=LOC"),
            ("v1.5", "class=v1.5"),
            ("..", "class=%2E."),
            ("a/b\\c", "class=a%2Fb%5Cc"),
            ("a=b,c d%", "class=a%3Db%2Cc%20d%25"),
            ("Straße", "class=Stra%C3%9Fe"),
            ("\u{202e}x\n", "class=%E2%80%AEx%0A"),
            ("", "class="),
        ] {
            assert_eq!(folder(label).to_str(), Some(name), "{label:?}");
        }
        let long = |end: &str| folder(&format!("{}{end}", "ü/".repeat(100))).to_str().unwrap().to_owned();
        assert!(long("a").len() < 200 && long("a") != long("b"), "{}", long("a"));
        assert!(!long("a").contains("%~") && !long("a").contains("%2~"), "{}", long("a"));
    }

    #[test]
    fn what_does_not_apply_is_null_for_query_engines() {
        let place = Coordinates::of([Coordinate::new("sentences", Value::Null), Coordinate::new("seed", 3)]);
        assert_eq!(place.folder().to_str(), Some("sentences=__HIVE_DEFAULT_PARTITION__/seed=3"));
        assert_eq!(place.id(), "sentences=none,seed=3");
    }

    #[test]
    fn an_axis_is_read_under_an_earlier_name_and_its_folder_is_known() {
        let of = |axis: &str| Coordinates::new([Coordinate::new(axis, 40), Coordinate::noise(0.3)], 1);
        let earlier = serde_json::to_string(&of("max_pieces")).unwrap();
        let read: Coordinates = serde_json::from_str(&earlier).unwrap();
        assert_eq!(read, of("max_subwords"));
        assert_eq!(read.earlier_folder(), Some(of("max_pieces").folder()));
        assert_eq!(of("batch_size").earlier_folder(), None);
    }

    #[test]
    fn coordinates_are_written_and_read() {
        let place = Coordinates::new([Coordinate::noise(0.3), Coordinate::new("frozen", true)], 7);
        let json = serde_json::to_string(&place).unwrap();
        assert!(json.starts_with(r#"[{"axis":"noise","label":"0.30","value":0.3}"#), "{json}");
        assert_eq!(serde_json::from_str::<Coordinates>(&json).unwrap(), place);
        assert_eq!(place.get("noise").unwrap().value, 0.3);
        assert_eq!(place.get("encoder"), None);
    }
}
