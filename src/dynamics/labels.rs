//! The label list of a log: from the file's ids and tags to ours.
//!
//! Names are compared as [`tags::clean`] leaves them: `B-PER` with a space behind it is no other label. Two ids whose
//! names are then the same are one label. How the names are read as entities is a matter of [`tags::Inventory`]; a list
//! that it refuses is refused here, with the file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::column::Columns;
use super::parquet::Metadata;
use crate::corpus::LabelSet;
use crate::corpus::scheme::Tag;
use crate::corpus::tags::{self, Inventory};
use crate::error::{Error, Problem, Result};
use crate::files::text;

/// Said where no entities can be read.
const NO_ENTITIES: &str = "the labels have no names such as `O` and `B-PER`, so entity scores are unknown: write the names \
                           into labels.json";
/// Most labels of a log: ids are bytes.
const MOST_LABELS: usize = 256;

/// The labels of a log.
#[derive(Debug)]
pub(super) struct LabelList {
    /// Names by our ids.
    names: Vec<String>,
    /// Our id by the file's.
    id_of: Vec<u8>,
    by_name: HashMap<String, u8>,
    /// True if all labels of the model are in it: then its entropy has a largest value.
    is_complete: bool,
    /// What the user should know of how it was read.
    notes: Vec<String>,
}

impl LabelList {
    /// The list that the token table's columns, its metadata or `labels.json` beside it give.
    ///
    /// # Errors
    /// [`Error::Data`] for a list that is no JSON array of 1 to 256 strings, for a mixture of tags with and without
    /// prefix, and for ids that are no whole numbers from 0 to 255.
    pub fn read(folder: &Path, columns: &Columns<'_>, metadata: &Metadata) -> Result<Self> {
        let (raw, path, is_complete) = match named(folder, columns.path, metadata)? {
            Some((names, path)) => (names, path, true),
            None if columns.is_text("given") => {
                let mut tags = columns.text("given")?;
                if columns.has("gold") && columns.is_text("gold") {
                    tags.extend(columns.text("gold")?);
                }
                let tags = tags.iter().map(|tag| tags::clean(tag).into_owned());
                (LabelSet::new(tags).names().to_vec(), columns.path.to_owned(), false)
            }
            None => return Self::numbered(columns),
        };
        if raw.len() > MOST_LABELS {
            return Err(Error::Data(
                Problem::new(format!("the log has {} labels, at most {MOST_LABELS} are read", raw.len()))
                    .at(path)
                    .hint("check that `given` holds the labels"),
            ));
        }
        let mut list = Self::new(&raw, is_complete);
        match Inventory::read(&list.names) {
            Ok(inventory) => list.notes.extend(inventory.message()),
            Err(_) if list.is_no_annotation() => list.notes.push(NO_ENTITIES.into()),
            Err(what) => {
                let hint = "all labels need a prefix (`B-`, `I-`, ...), or none of them";
                return Err(Error::Data(Problem::new(what).at(&path).hint(hint)));
            }
        }
        Ok(list)
    }

    fn new(raw: &[String], is_complete: bool) -> Self {
        let mut list = Self { names: vec![], id_of: vec![], by_name: HashMap::new(), is_complete, notes: vec![] };
        let mut n_cleaned = 0;
        for name in raw {
            let clean = tags::clean(name);
            n_cleaned += usize::from(clean != *name);
            let next = list.names.len() as u8;
            let id = *list.by_name.entry(clean.clone().into_owned()).or_insert(next);
            if id == next {
                list.names.push(clean.into_owned());
            }
            list.id_of.push(id);
        }
        if n_cleaned > 0 {
            list.notes.push(cleaned(n_cleaned, "label name"));
        }
        let n_merged = raw.len() - list.names.len();
        if n_merged > 0 {
            list.notes
                .push(format!("{n_merged} of {} label names occur before: they are read as one label", raw.len()));
        }
        list
    }

    /// Labels that have no names: the ids that occur.
    fn numbered(columns: &Columns<'_>) -> Result<Self> {
        let mut largest = 0;
        for column in ["given", "gold"].into_iter().filter(|column| *column == "given" || columns.has(column)) {
            let ids = columns.whole(column, MOST_LABELS as u64 - 1)?;
            largest = ids.into_iter().fold(largest, u64::max);
        }
        let names: Vec<String> = (0..=largest).map(|id| id.to_string()).collect();
        let mut list = Self::new(&names, false);
        list.notes.push(NO_ENTITIES.into());
        Ok(list)
    }

    /// True if the names are no tags at all: neither `O` nor one with a prefix is among them.
    fn is_no_annotation(&self) -> bool {
        self.names.iter().all(|name| Tag::parse(name).is_err())
    }

    /// Names by id.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The label that the file's id means; `None` if it is not in the list.
    pub fn of_id(&self, id: u64) -> Option<u8> {
        self.id_of.get(usize::try_from(id).ok()?).copied()
    }

    /// The label of a tag; `None` if it is not in the list.
    pub fn of_tag(&self, tag: &str) -> Option<u8> {
        self.by_name.get(&*tags::clean(tag)).copied()
    }

    /// How many ids the file may use.
    pub fn n_ids(&self) -> usize {
        self.id_of.len()
    }

    /// The entropy of a uniform distribution over all labels, nats; `None` where not all of them are known.
    pub fn largest_entropy(&self) -> Option<f32> {
        self.is_complete.then(|| (self.n_ids() as f32).ln())
    }

    /// What the user should know of how the list was read: one sentence each, without a full stop.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// That so many names or tags were cleaned.
pub(super) fn cleaned(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {what}{plural} had spaces or invisible characters around them, which are removed")
}

/// Label names by the file's ids, and the file they are from.
fn named(folder: &Path, tokens: &Path, metadata: &Metadata) -> Result<Option<(Vec<String>, PathBuf)>> {
    if let Some(json) = metadata.get("labels") {
        return Ok(Some((parse(json, tokens)?, tokens.to_owned())));
    }
    let beside = folder.join("labels.json");
    if !beside.is_file() {
        return Ok(None);
    }
    Ok(Some((parse(&text::read(&beside, Error::Data)?, &beside)?, beside)))
}

fn parse(json: &str, path: &Path) -> Result<Vec<String>> {
    match serde_json::from_str::<Vec<String>>(json) {
        Ok(labels) if !labels.is_empty() && labels.len() <= MOST_LABELS => Ok(labels),
        _ => Err(Error::Data(
            Problem::new(format!("the label list is not a JSON array of 1 to {MOST_LABELS} strings"))
                .at(path)
                .hint(r#"write it as ["O", "B-LOC", ...], in the order of the label ids"#),
        )),
    }
}
