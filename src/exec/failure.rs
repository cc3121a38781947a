//! Runs that failed, and runs that a report lacks.

use std::path::{Path, PathBuf};

use super::status;
use super::{RunState, Task};
use crate::error::{Error, ErrorKind, printable};
use crate::format::{counted, is_or_are};
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

/// The error of a whole in which these runs failed or were left to other processes, of the kind of the first that failed;
/// `None` if there are none.
///
/// Each run is to be named beside it: the error has their numbers.
pub fn summary(failures: &[Failure], n_runs: usize) -> Option<Error> {
    let (elsewhere, failed): (Vec<&Failure>, Vec<&Failure>) =
        failures.iter().partition(|failure| failure.kind == ErrorKind::InUse);
    let (n_failed, n_elsewhere, runs) = (failed.len(), elsewhere.len(), counted(n_runs, "run"));
    let first = failed.first().or(elsewhere.first())?;
    let be = is_or_are(n_elsewhere);
    let (what, hint) = match (n_failed, n_elsewhere) {
        (0, _) => (
            format!("{n_elsewhere} of {runs} {be} in progress elsewhere"),
            "once they are finished, the same command draws the report of all runs",
        ),
        (_, 0) => (format!("{n_failed} of {runs} failed"), "give the same command again: what is finished is kept"),
        _ => (
            format!("{n_failed} of {runs} failed, {n_elsewhere} {be} in progress elsewhere"),
            "give the same command again: what is finished is kept",
        ),
    };
    Some(Error::Failed { what, hint: first.hint.clone().or_else(|| Some(hint.into())), kind: first.kind })
}

/// A run that a report lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The run's name in the study.
    pub id: String,
    /// Where it stands in the study's grid.
    pub coordinates: Coordinates,
    /// Why it is missing; paths are relative to the study's folder.
    pub reason: String,
}

impl Unfinished {
    /// A finished run of whose log something is missing or was changed. `study` is the study's folder.
    pub fn damaged(config: &RunConfig, study: &Path, error: &Error) -> Self {
        Self::because(config, format!("damaged: {}", without_places(study, &error.to_string())))
    }

    /// Why a run is missing: as it failed now, else as its folder says. `study` is the study's folder.
    pub fn of(config: &RunConfig, folder: &Path, study: &Path, failures: &[Failure]) -> Self {
        let words = |reason: &str| without_places(study, reason);
        let reason = match failures.iter().find(|failure| failure.id == config.id) {
            Some(failure) if failure.kind == ErrorKind::InUse => "in progress elsewhere".to_owned(),
            Some(failure) => format!("failed: {}", words(&failure.reason)),
            None => {
                let status = status(config, folder);
                match (status.state, &status.detail) {
                    (RunState::NotBegun | RunState::Running, _) | (_, None) => status.state.name().to_owned(),
                    (state, Some(detail)) => format!("{}: {}", state.name(), words(detail)),
                }
            }
        };
        Self::because(config, reason)
    }

    fn because(config: &RunConfig, reason: String) -> Self {
        Self { id: config.id.clone(), coordinates: config.coordinates.clone(), reason }
    }
}

/// The runs that a report lacks, in a sentence; `None` if it has all.
pub fn sentence(unfinished: &[Unfinished], n_runs: usize) -> Option<String> {
    if unfinished.is_empty() {
        return None;
    }
    let each: Vec<String> = unfinished.iter().map(|run| format!("{} ({})", run.id, run.reason)).collect();
    let (n, runs) = (unfinished.len(), counted(n_runs, "run"));
    Some(format!("{n} of {runs} {} missing from this report: {}.", is_or_are(n), each.join("; ")))
}

/// An error's words with the paths in a study's folder relative to it.
pub fn relative_to(study: &Path, reason: &str) -> String {
    let absolute = std::path::absolute(study).ok();
    let real = fs_err::canonicalize(study).ok();
    let mut words = reason.to_owned();
    for folder in [real.as_deref(), absolute.as_deref(), Some(study)].into_iter().flatten() {
        let name = printable(&folder.to_string_lossy());
        for separator in ['/', '\\'] {
            words = without_prefix(&words, &format!("{}{separator}", name.trim_end_matches(['/', '\\'])));
        }
    }
    words
}

/// The words without this beginning of a path, wherever a path begins with it.
fn without_prefix(words: &str, prefix: &str) -> String {
    let mut out = String::new();
    let mut rest = words;
    while let Some(at) = rest.find(prefix).filter(|_| prefix.len() > 1) {
        let before = out.chars().last().filter(|_| at == 0).or_else(|| rest[..at].chars().last());
        let is_within = before.is_some_and(|c| c.is_alphanumeric() || "/\\._-=".contains(c));
        out.push_str(&rest[..at]);
        if is_within {
            out.push_str(prefix);
        }
        rest = &rest[at + prefix.len()..];
    }
    out + rest
}

/// An error's words for a report, which is shared: paths in the study's folder are relative to it, of other places than that
/// the last part of the path is left.
fn without_places(study: &Path, reason: &str) -> String {
    let words = relative_to(study, reason);
    let ends = |c: char| c.is_whitespace() || "`'\"()[]".contains(c);
    let part = |part: &str| {
        let word = part.trim_end_matches(ends);
        without_place(word) + &part[word.len()..]
    };
    words.split_inclusive(ends).map(part).collect()
}

/// A word; of a path that tells where it is, the last part.
fn without_place(word: &str) -> String {
    let is_drive = |word: &str| {
        let mut chars = word.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphabetic())
            && chars.as_str().starts_with([':'])
            && word.contains('\\')
    };
    let is_place =
        word.starts_with(['/', '~', '\\']) || word.contains("../") || word.contains("..\\") || is_drive(word);
    match word.trim_end_matches(['/', '\\']).rfind(['/', '\\']) {
        Some(last) if is_place && word.len() > last + 1 => format!("…/{}", &word[last + 1..]),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_files_by_their_place_in_the_study() {
        let words = |reason: &str| without_places(Path::new("out"), reason);
        for same in [
            "the loss is not finite at step 3 (epoch 1)",
            "about/out/x and tokens/s",
            "data/train.txt:3: no tag",
            "https://huggingface.co/x: 404",
        ] {
            assert_eq!(words(same), same);
        }
        assert_eq!(
            words("out/runs/a/manifest.json: denied (os error 13)"),
            "runs/a/manifest.json: denied (os error 13)"
        );
        assert_eq!(words("`out/runs/a`, out/runs/b"), "`runs/a`, runs/b");
        let here = std::path::absolute("out/runs/a").unwrap();
        assert_eq!(words(&format!("{}: denied", here.display())), "runs/a: denied");
        assert_eq!(words("cannot read /home/me/x.json:1: no"), "cannot read …/x.json:1: no");
        assert_eq!(words("`../me/model/` is not there"), "`…/model/` is not there");
        assert_eq!(words(r"C:\Users\me\x.json: no"), "…/x.json: no");
        let inner = without_places(Path::new("/tmp/a b/out"), "/tmp/a b/out/runs/x: no");
        assert_eq!(inner, "runs/x: no");
    }

    #[test]
    fn a_report_names_what_it_lacks() {
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

    #[test]
    fn runs_that_others_do_have_not_failed() {
        let of = |kind| Failure { id: "a".into(), folder: "a".into(), reason: "b".into(), hint: None, kind };
        let (failed, elsewhere) = (of(ErrorKind::Io), of(ErrorKind::InUse));
        let said = |failures: &[Failure], n| summary(failures, n).map(|error| (error.to_string(), error.kind()));
        assert_eq!(said(&[], 3), None);
        assert_eq!(said(std::slice::from_ref(&failed), 1), Some(("1 of 1 run failed".into(), ErrorKind::Io)));
        assert_eq!(
            said(std::slice::from_ref(&elsewhere), 3),
            Some(("1 of 3 runs is in progress elsewhere".into(), ErrorKind::InUse))
        );
        assert_eq!(
            said(&[elsewhere.clone(), failed, elsewhere], 4),
            Some(("1 of 4 runs failed, 2 are in progress elsewhere".into(), ErrorKind::Io))
        );
    }
}
