//! The one error type of the library: what went wrong, where, and what to do about it.
//!
//! Every variant belongs to one [`ErrorKind`], which the binary turns into its exit code.

use std::fmt;
use std::path::{Path, PathBuf};

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
            (Some(path), Some(line)) => write!(f, "{}:{line}: ", path.display())?,
            (Some(path), None) => write!(f, "{}: ", path.display())?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.what)
    }
}

/// Text from outside as it can be shown on a terminal: control characters, and those that turn the direction of writing
/// or are seen by nobody, are escaped as in `\u{1b}`; all others stay.
pub fn printable(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match hidden(c) {
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
    }
    out
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
    /// The user asked to stop; what was finished is on disk.
    #[error("interrupted")]
    Interrupted,
    /// The file system refused.
    #[error("{path}: {source}", path = path.display())]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            Self::Diverged { .. } => ErrorKind::Diverged,
            Self::Interrupted => ErrorKind::Interrupted,
            Self::Io { .. } => ErrorKind::Io,
            Self::Tensor(_) | Self::Frame(_) | Self::Internal(_) => ErrorKind::Internal,
        }
    }

    /// What the user can do about it, where we know.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Config(p) | Self::Data(p) | Self::Model(p) | Self::Hub(p) => p.hint.as_deref(),
            Self::Diverged { .. } => Some("lower the learning rate, or raise the warmup; finished epochs are kept"),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("free some space and run the same command again: finished epochs are kept")
            }
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
    }
}
