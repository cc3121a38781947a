//! Runs that failed, and runs that a report lacks.

use std::path::{Path, PathBuf};

use super::status;
use super::{RunState, Task};
use crate::error::{Error, ErrorKind};
use crate::run::{Coordinates, RunConfig};

/// A run that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The run's name in the study.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Why, in one sentence.
    pub reason: String,
    /// What the user can do about it, where we know.
    pub hint: Option<String>,
    /// What kind of thing went wrong.
    pub kind: ErrorKind,
}

impl Failure {
    pub(super) fn new(task: &Task<'_>, kind: ErrorKind, reason: String, hint: Option<String>) -> Self {
        Self { id: task.config.id.clone(), folder: task.folder.clone(), reason, hint, kind }
    }

    pub(super) fn of(task: &Task<'_>, error: &Error) -> Self {
        Self::new(task, error.kind(), error.to_string(), error.hint().map(str::to_owned))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failed { what: format!("{}: {}", failure.id, failure.reason), hint: failure.hint, kind: failure.kind }
    }
}

/// The error of a whole in which these runs failed, of the kind of the first; `None` if none did.
///
/// Each failure is to be named beside it: the error has their number.
pub fn summary(failures: &[Failure], n_runs: usize) -> Option<Error> {
    let first = failures.first()?;
    let runs = if n_runs == 1 { "run" } else { "runs" };
    Some(Error::Failed {
        what: format!("{} of {n_runs} {runs} failed", failures.len()),
        hint: first.hint.clone().or_else(|| Some("give the same command again: what is finished is kept".into())),
        kind: first.kind,
    })
}

/// A run that a report lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The run's name in the study.
    pub id: String,
    /// Where it stands in the study's grid.
    pub coordinates: Coordinates,
    /// Why it is missing, without places of this machine.
    pub reason: String,
}

impl Unfinished {
    /// A finished run of whose log something is missing or was changed.
    pub fn damaged(config: &RunConfig, error: &Error) -> Self {
        let reason = format!("damaged: {}", without_places(&error.to_string()));
        Self { id: config.id.clone(), coordinates: config.coordinates.clone(), reason }
    }

    /// Why a run is missing: as it failed now, else as its folder says.
    pub fn of(config: &RunConfig, folder: &Path, failures: &[Failure]) -> Self {
        let reason = match failures.iter().find(|failure| failure.id == config.id) {
            Some(failure) => format!("failed: {}", without_places(&failure.reason)),
            None => {
                let status = status(config, folder);
                match (status.state, &status.detail) {
                    (RunState::NotBegun | RunState::Running, _) | (_, None) => status.state.name().to_owned(),
                    (state, Some(detail)) => format!("{}: {}", state.name(), without_places(detail)),
                }
            }
        };
        Self { id: config.id.clone(), coordinates: config.coordinates.clone(), reason }
    }
}

/// The runs that a report lacks, in a sentence; `None` if it has all.
pub fn sentence(unfinished: &[Unfinished], n_runs: usize) -> Option<String> {
    if unfinished.is_empty() {
        return None;
    }
    let each: Vec<String> = unfinished.iter().map(|run| format!("{} ({})", run.id, run.reason)).collect();
    let verb = if unfinished.len() == 1 { "is" } else { "are" };
    Some(format!("{} of {n_runs} runs {verb} missing from this report: {}.", unfinished.len(), each.join("; ")))
}

/// An error's words for a report, which is shared: paths, which stand before a colon, are left out.
fn without_places(reason: &str) -> &str {
    let is_place = |text: &str| text.contains(['/', '\\']);
    let mut words = reason;
    while let Some((_, what)) = words.split_once(": ").filter(|(place, _)| is_place(place)) {
        words = what;
    }
    if is_place(words) { "an error that names a file" } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_what_it_lacks_without_places() {
        assert_eq!(
            without_places("the loss is not finite at step 3 (epoch 1)"),
            "the loss is not finite at step 3 (epoch 1)"
        );
        assert_eq!(without_places("out/runs/a: denied (os error 13)"), "denied (os error 13)");
        assert_eq!(without_places("a/b.json:1: no manifest: EOF at line 1"), "no manifest: EOF at line 1");
        assert_eq!(without_places("cannot read /home/me"), "an error that names a file");
        let run = |id: &str, reason: &str| Unfinished {
            id: id.into(),
            coordinates: Coordinates::default(),
            reason: reason.into(),
        };
        assert_eq!(sentence(&[], 3), None);
        assert_eq!(
            sentence(&[run("a", "not begun"), run("b", "failed: it did")], 3).unwrap(),
            "2 of 3 runs are missing from this report: a (not begun); b (failed: it did)."
        );
    }
}
