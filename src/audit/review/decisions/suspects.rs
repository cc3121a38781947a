//! Suspects, one a line in JSON, of which the probable ones are accepted.

use std::path::Path;

use crate::Result;
use crate::audit::Suspect;
use crate::error::{Error, Problem};

use super::{Change, Decision};

/// Whether a line is a suspect rather than the first line of something else.
pub(super) fn is_one(line: &str) -> bool {
    let value: Option<serde_json::Value> = serde_json::from_str(line).ok();
    value.is_some_and(|value| value.get("suggested").is_some() && value.get("probability").is_some())
}

/// The suspects of at least this probability, as accepted.
pub(super) fn read(path: &Path, text: &str, auto: f64) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (line, text) in (1..).zip(text.split('\n')) {
        if text.trim().is_empty() {
            continue;
        }
        let suspect: Suspect = serde_json::from_str(text).map_err(|error| {
            let problem = Problem::new(format!("not a suspect: {error}")).at(path).line(line);
            Error::Data(problem.hint("give the file as the audit wrote it"))
        })?;
        if suspect.probability >= auto {
            changes.push(Change {
                number: line,
                line: Some(line),
                sentence: suspect.sentence as usize,
                start: usize::from(suspect.start),
                end: usize::from(suspect.end),
                words: Some(suspect.words),
                given: Some(suspect.given),
                decision: Decision::Accept,
                tags: suspect.suggested,
            });
        }
    }
    Ok(changes)
}
