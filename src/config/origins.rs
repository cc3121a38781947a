//! Where each setting came from, so that an error found late still names the place to mend.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::{Error, Problem};

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A one-based line of the experiment file.
    File(PathBuf, usize),
    /// A flag or word of the command line, as it was typed.
    CommandLine(String),
}

/// Dotted key → where it was last set. A key that is absent has its default.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Notes where `key` was set, in place of what was noted before.
    pub(super) fn note(&mut self, key: &str, origin: Origin) {
        self.0.insert(key.to_owned(), origin);
    }

    /// Where `key` was set.
    pub(super) fn of(&self, key: &str) -> Option<&Origin> {
        self.0.get(key)
    }

    /// Adds the place to a configuration error whose words begin with a dotted key.
    pub(super) fn locate(&self, error: Error) -> Error {
        let Error::Config(problem) = error else { return error };
        let key = problem.what.split_whitespace().next().unwrap_or_default();
        // Of a table, the place of the first of its settings.
        let within =
            || self.0.iter().find(|(other, _)| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')));
        Error::Config(match self.of(key).or_else(|| Some(within()?.1)) {
            Some(origin) if problem.path.is_none() => origin.put_on(problem),
            _ => problem,
        })
    }
}

impl Origin {
    /// The problem, with its place said, as an error.
    pub(super) fn refuse(&self, problem: Problem) -> Error {
        Error::Config(self.put_on(problem))
    }

    /// The problem with its place said.
    pub(super) fn put_on(&self, problem: Problem) -> Problem {
        match self {
            Self::File(path, line) => problem.at(path).line(*line),
            Self::CommandLine(typed) => Problem { what: format!("{typed}: {}", problem.what), ..problem },
        }
    }
}
