//! The one error type of the library: what went wrong, where, and what to do about it.
//!
//! Every variant belongs to one [`ErrorKind`], which the binary turns into its exit code.

use std::fmt;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A finding about a user's input: what is wrong, the file and line it was found in, and a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One sentence without a full stop: what is wrong.
    pub what: String,
    /// The file it was found in, where there is one.
    pub path: Option<PathBuf>,
    /// One-based line in `path`.
    pub line: Option<usize>,
    /// What the user can do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem without a place or a remedy; add them with [`Problem::at`], [`Problem::line`], [`Problem::hint`].
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), path: None, line: None, hint: None }
    }

    /// Names the file.
    pub fn at(mut self, path: impl AsRef<Path>) -> Self {
        self.path = Some(path.as_ref().to_owned());
        self
    }

    /// Names the one-based line.
    pub fn line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// Says what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(f, "{}:{line}: ", printable(&path.to_string_lossy()))?,
            (Some(path), None) => write!(f, "{}: ", printable(&path.to_string_lossy()))?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.what)
    }
}

/// Text from a file or an argument, as it can be shown on a terminal: each [hidden](is_hidden) character is escaped, as in
/// `\u{1b}`; all others stay. The result has one line.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hidden(c) {
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
    }
    out
}

/// True for a character that a terminal obeys or does not show: control characters (ESC, BEL, line breaks), characters that
/// change the direction of writing, and characters without width. Variation selectors, which emoji need, are not among
/// them.
pub fn is_hidden(c: char) -> bool {
    // Unicode 16: the categories Cc, Cf, Zl and Zp, and the property Default_Ignorable_Code_Point.
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
            | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Everything that can go wrong in the library.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration, a flag, or an output folder does not allow the run.
    #[error("{0}")]
    Config(Problem),
    /// Annotated text or a log cannot be used.
    #[error("{0}")]
    Data(Problem),
    /// A checkpoint or tokenizer cannot be used.
    #[error("{0}")]
    Model(Problem),
    /// The hub refuses, cannot be reached, or sends what it should not.
    #[error("{0}")]
    Hub(Problem),
    /// Another process is at work on the folder.
    #[error("{0}")]
    InUse(Problem),
    /// A number of the training became infinite or NaN.
    #[error("the {what} is not finite at step {step} (epoch {epoch})")]
    Diverged {
        /// What is not finite: `loss`, `gradient norm`, `parameter update`, `model output on dev`, and so on.
        what: &'static str,
        /// One-based optimiser step.
        step: u64,
        /// One-based epoch.
        epoch: u32,
    },
    /// Runs failed, in this process or in others; each was named before.
    #[error("{what}")]
    Failed {
        /// One sentence without a full stop: what failed.
        what: String,
        /// What the user can do about it.
        hint: Option<String>,
        /// What kind of thing went wrong.
        kind: ErrorKind,
    },
    /// The user asked to stop; what was finished is on disk.
    #[error("interrupted")]
    Interrupted,
    /// The file system refused.
    #[error("{path}: {source}", path = printable(&path.to_string_lossy()))]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A tensor operation failed: a defect of ours or a device without memory.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A frame operation failed: a defect of ours.
    #[error("frame operation failed: {0}")]
    Frame(#[from] polars::error::PolarsError),
    /// Something that should not happen, said in words.
    #[error("{0}")]
    Internal(String),
}

/// What kind of thing went wrong; the binary's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum ErrorKind {
    /// A defect of Memoscope, or a library's failure: 1.
    Internal = 1,
    /// Configuration or command line: 2.
    Config = 2,
    /// Data or model: 3.
    Input = 3,
    /// Training diverged: 4.
    Diverged = 4,
    /// The file system refused (permission, full disk): 5.
    Io = 5,
    /// The hub or the way to it: 6.
    Hub = 6,
    /// A process that did a run was ended by a signal, because memory was short or by a user: 7.
    Killed = 7,
    /// Another process is at work on it: 8.
    InUse = 8,
    /// Interrupted by the user: 130.
    Interrupted = 130,
}

impl Error {
    /// A configuration problem in words.
    pub fn config(what: impl Into<String>) -> Self {
        Self::Config(Problem::new(what))
    }

    /// Wraps an I/O error with the path it concerns; made for `map_err(Error::io(path))`.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { path, source }
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Config(_) => ErrorKind::Config,
            Self::Data(_) | Self::Model(_) => ErrorKind::Input,
            Self::Hub(_) => ErrorKind::Hub,
            Self::InUse(_) => ErrorKind::InUse,
            Self::Diverged { .. } => ErrorKind::Diverged,
            Self::Failed { kind, .. } => *kind,
            Self::Interrupted => ErrorKind::Interrupted,
            Self::Io { .. } => ErrorKind::Io,
            Self::Tensor(_) | Self::Frame(_) | Self::Internal(_) => ErrorKind::Internal,
        }
    }

    /// What the user can do about it, where we know.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Config(p) | Self::Data(p) | Self::Model(p) | Self::Hub(p) | Self::InUse(p) => p.hint.as_deref(),
            Self::Failed { hint, .. } => hint.as_deref(),
            Self::Diverged { .. } => Some("lower the learning rate, or raise the warmup; finished epochs are kept"),
            Self::Io { source, .. } => match source.kind() {
                IoErrorKind::StorageFull => {
                    Some("free some space and run the same command again: what is finished is kept")
                }
                IoErrorKind::QuotaExceeded => Some(
                    "raise the disk quota or free some space, and run the same command again: what is finished is kept",
                ),
                IoErrorKind::FileTooLarge => Some(
                    "raise the limit on the size of files (`ulimit -f`) and run the same command again: what is finished is kept",
                ),
                _ => None,
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_the_cursor_is_escaped() {
        assert_eq!(printable("Zürich – ok \"x\" \\"), "Zürich – ok \"x\" \\");
        assert_eq!(printable("\u{1b}[2J\t\u{9b}\u{202e}"), "\\u{1b}[2J\\u{9}\\u{9b}\\u{202e}");
        for hidden in [
            '\u{7}',
            '\u{7f}',
            '\u{ad}',
            '\u{61c}',
            '\u{200d}',
            '\u{2028}',
            '\u{2066}',
            '\u{206f}',
            '\u{3164}',
            '\u{e0041}',
        ] {
            assert!(is_hidden(hidden), "{hidden:?}");
        }
        assert!(!"e\u{301} 护栏 עברית हिन्दी \u{2764}\u{fe0f} \u{1f600} \u{a0}".chars().any(is_hidden));
    }

    #[test]
    fn a_path_of_several_lines_is_shown_in_one() {
        let problem = Problem::new("no tag").at("a\nerror: b\u{1b}").line(2);
        assert_eq!(problem.to_string(), "a\\u{a}error: b\\u{1b}:2: no tag");
        let refused = Error::Io { path: "a\rb".into(), source: IoErrorKind::NotFound.into() };
        assert_eq!(refused.to_string(), "a\\u{d}b: entity not found");
    }

    #[test]
    fn a_full_disk_has_a_remedy() {
        for kind in [IoErrorKind::StorageFull, IoErrorKind::QuotaExceeded, IoErrorKind::FileTooLarge] {
            let error = Error::Io { path: "a".into(), source: kind.into() };
            assert!(error.kind() == ErrorKind::Io && error.hint().is_some(), "{kind}");
        }
    }
}
