//! Decisions about suspects: from the export of the page, from tables of other programs, or from the suspects
//! themselves.
//!
//! Four formats are recognised by their content (docs/audit-formats.md describes each): the decisions that the
//! audit's page exports; a table of tokens, separated by tabs; cleanlab's table of label issues; and `suspects.jsonl`,
//! or the audit's folder, of which those above a probability are accepted. All become one list of [`Change`]s, tags in
//! IOB2. [`apply`](super::apply()) checks them against the annotated file.

mod cleanlab;
mod export;
mod suspects;
mod tokens;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::corpus::{EditableFile, tags};
use crate::error::{Error, Problem};

use super::calibration::require_learned;
use crate::audit::table::{Table, read_text};

/// The name of the suspects in an audit's folder.
pub const SUSPECTS_FILE: &str = "suspects.jsonl";

/// A decision about a span of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The suggested tags are right.
    Accept,
    /// Other tags are right: neither the given nor the suggested ones.
    Edit,
    /// The given tags are right.
    Reject,
}

/// New tags for a span of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number among the decisions, from 1.
    pub number: usize,
    /// One-based line in the file of decisions; absent where that has no line of its own for each.
    pub line: Option<usize>,
    /// Zero-based sentence.
    pub sentence: usize,
    /// First token, zero-based in its sentence.
    pub start: usize,
    /// One past the last token.
    pub end: usize,
    /// Their words, where known.
    pub words: Option<Vec<String>>,
    /// Their tags before, in IOB2, where known.
    pub given: Option<Vec<String>>,
    /// The decision.
    pub decision: Decision,
    /// The new tags, in IOB2; ignored if the decision is to reject.
    pub tags: Vec<String>,
}

/// Where decisions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionFormat {
    /// JSON, exported by the audit's page.
    Decisions,
    /// A table of tokens.
    TokenTable,
    /// cleanlab's label issues.
    CleanlabTable,
    /// Suspects above a probability.
    Suspects,
}

/// All decisions about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions {
    /// The file they were read from.
    pub path: PathBuf,
    /// Its format.
    pub format: DecisionFormat,
    /// SHA-256 (hex) of the annotated file they were made on, where known.
    pub fingerprint: Option<String>,
    /// The decisions in their order.
    pub changes: Vec<Change>,
}

/// How suspects are accepted without review.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Auto {
    /// The least probability, 0 to 1, of a suspect that is accepted.
    pub probability: f64,
    /// Accept them even if the models have learned too little ([`LEAST_F1`](super::LEAST_F1)), or it is unknown how
    /// much.
    pub uncalibrated: bool,
}

/// Reads the decisions about `data`: a file in any of the formats, or an audit's folder.
///
/// Suspects need `auto`; decisions do not go with it.
///
/// # Errors
/// [`Error::Config`] if `auto` is missing, out of place or no probability, or the models' held-out F1 does not allow
/// it. [`Error::Data`] with the line: no known format, a malformed entry, or a cleanlab table that does not have the
/// tokens of `data`. [`Error::Io`] if it cannot be read.
pub fn read_decisions(path: &Path, data: &EditableFile, auto: Option<Auto>) -> Result<Decisions> {
    if let Some(auto) = auto.filter(|auto| !(0.0..=1.0).contains(&auto.probability)) {
        let problem = Problem::new(format!("`--auto` must be between 0 and 1, not {}", auto.probability));
        return Err(Error::Config(problem.hint("it is the least probability, as in `--auto 0.9`")));
    }
    let path = &suspects_of(path)?;
    let text = read_text(path)?;
    let (format, fingerprint, changes) = match Content::recognise(path, &text)? {
        Content::Suspects => {
            let auto = auto.ok_or_else(|| {
                let problem = Problem::new("suspects are no decisions yet").at(path);
                Error::Config(problem.hint("decide on the audit's page and export, or accept them with `--auto 0.9`"))
            })?;
            if !auto.uncalibrated {
                require_learned(path)?;
            }
            let changes = cleaned(suspects::read(path, &text, auto.probability)?);
            return Ok(Decisions { path: path.clone(), format: DecisionFormat::Suspects, fingerprint: None, changes });
        }
        Content::Export => {
            let (fingerprint, changes) = export::read(path, &text)?;
            (DecisionFormat::Decisions, fingerprint, changes)
        }
        Content::Tokens(table) => (DecisionFormat::TokenTable, None, tokens::read(&table)?),
        Content::Cleanlab(table) => (DecisionFormat::CleanlabTable, None, cleanlab::read(&table, data)?),
    };
    if auto.is_some() {
        let problem = Problem::new("`--auto` is for suspects, and these are decisions").at(path);
        return Err(Error::Config(problem.hint("leave it out: what was decided is applied")));
    }
    Ok(Decisions { path: path.clone(), format, fingerprint, changes: cleaned(changes) })
}

/// The changes with their tags cleaned as those of annotated files are: older exports may have tags with spaces.
fn cleaned(mut changes: Vec<Change>) -> Vec<Change> {
    let tags = changes.iter_mut().flat_map(|change| change.given.iter_mut().flatten().chain(&mut change.tags));
    for tag in tags {
        *tag = tags::clean(tag).into_owned();
    }
    changes
}

/// The file to read: of a folder, its suspects.
fn suspects_of(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let file = path.join(SUSPECTS_FILE);
    if !file.is_file() {
        let problem = Problem::new(format!("there is no {SUSPECTS_FILE} in this folder")).at(path);
        return Err(Error::Data(problem.hint("give the folder of an audit, or a file of decisions")));
    }
    Ok(file)
}

/// What a file of decisions holds.
#[derive(Debug)]
enum Content {
    Export,
    Suspects,
    Tokens(Table),
    Cleanlab(Table),
}

impl Content {
    fn recognise(path: &Path, text: &str) -> Result<Self> {
        let first = text.trim_start();
        let is_lines = path.extension().is_some_and(|extension| extension == "jsonl");
        if is_lines || (first.starts_with('{') && suspects::is_one(first.lines().next().unwrap_or_default())) {
            return Ok(Self::Suspects);
        }
        if first.starts_with('{') {
            return Ok(Self::Export);
        }
        if first.starts_with('[') {
            return Err(no_decisions(path, first));
        }
        let table = Table::read(path, text)?;
        if table.column("is_label_issue").is_some() {
            return Ok(Self::Cleanlab(table));
        }
        if ["sentence", "token", "given", "suggested"].iter().all(|name| table.column(name).is_some()) {
            return Ok(Self::Tokens(table));
        }
        Err(Error::Data(Problem::new("these are no decisions").at(path).hint(
            "give what the audit's page exported, a table with the columns sentence, token, given and suggested, \
             cleanlab's label issues, or the audit's folder with `--auto`",
        )))
    }
}

/// Refuses a list in JSON, which names suspects at best.
fn no_decisions(path: &Path, text: &str) -> Error {
    let (what, hint) = match serde_json::from_str::<Vec<(u64, u64)>>(text) {
        Ok(_) => (
            "pairs of sentence and token, as cleanlab's token classification finds them, do not say which label is right",
            "write a table with the columns sentence, token, given and suggested instead",
        ),
        Err(_) => ("a list in JSON is none of the formats of decisions", "give what the audit's page exported"),
    };
    Error::Data(Problem::new(what).at(path).hint(hint))
}

/// A change of one token.
fn of_token(number: usize, line: usize, (sentence, token): (usize, usize), given: &str, tag: &str) -> Change {
    Change {
        number,
        line: Some(line),
        sentence,
        start: token,
        end: token.saturating_add(1),
        words: None,
        given: Some(vec![given.to_owned()]),
        decision: Decision::Accept,
        tags: vec![tag.to_owned()],
    }
}

#[cfg(test)]
mod tests;
