//! The gate between the program and the terminal. Results go to stdout, all else to stderr.
//!
//! Labels, tokens, paths and arguments come from outside, and may hold characters that a terminal obeys or does not show
//! ([`is_hidden`]). Nothing else in the program writes to stdout or stderr (clippy refuses it), so that each text passes one
//! of these functions:
//!
//! | | for | hidden characters |
//! | --- | --- | --- |
//! | [`errln!`], [`outln!`], [`above`], [`above_all`] | people | escaped as `\u{1b}`; line breaks and tabs stay |
//! | [`Table`] | people | escaped in each cell, before the layout |
//! | [`json`] | programs | escaped as `\u001b`, which means the same in JSON |
//! | [`data`] | programs | unchanged (labelled text, completion scripts), but escaped on a terminal |

// The one module that may.
#![allow(clippy::disallowed_methods)]

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressBar};
use serde::Serialize;

use crate::error::{Error, Result, is_hidden, printable};

pub(crate) use super::table::Table;

/// Writes to stdout as it is, but with hidden characters escaped where stdout is a terminal. A reader that went away comes back as an error, where `print!` would panic.
///
/// # Errors
/// [`Error::Io`] that names the standard output.
pub(crate) fn data(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let shown = if stdout.is_terminal() { people(text) } else { text.to_owned() };
    stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::io("standard output"))
}

/// Writes a value to stdout as JSON.
///
/// # Errors
/// As [`data`].
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(unwritable)?;
    data(&(json_text(&text) + "\n"))
}

/// Writes a value to stdout as JSON in one line.
///
/// # Errors
/// As [`data`].
pub(crate) fn json_line<T: Serialize + ?Sized>(value: &T) -> Result<()> {
    let text = serde_json::to_string(value).map_err(unwritable)?;
    data(&(json_text(&text) + "\n"))
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::Internal(format!("the result cannot be written as JSON: {error}"))
}

/// Writes text for people to stdout.
///
/// # Errors
/// As [`data`].
pub(crate) fn print(text: &str) -> Result<()> {
    data(&people(text))
}

/// Writes a line for people to stderr. If nobody reads it any more the work goes on: `eprintln!` would panic.
pub(crate) fn tell(text: &str) {
    write_stderr(&(people(text) + "\n"));
}

/// Writes a line for people to stderr, above a progress bar where one is shown.
pub(crate) fn above(bar: &ProgressBar, text: &str) {
    // A bar that is hidden or done swallows lines.
    if bar.is_hidden() || bar.is_finished() { tell(text) } else { bar.println(people(text)) }
}

/// The same above several bars.
pub(crate) fn above_all(bars: &MultiProgress, text: &str) {
    if bars.is_hidden() || bars.println(people(text)).is_err() {
        tell(text);
    }
}

/// What a process that does a run for another one says to it: messages for a program, on a pipe.
pub(crate) fn channel() -> impl Write {
    io::stdout()
}

/// True if a user can be asked: both what is typed and what is said on stderr pass a terminal.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && is_terminal()
}

/// Asks a question that is answered by `y`; any other answer is no.
///
/// # Errors
/// [`Error::Io`] if nothing can be read.
pub(crate) fn ask(question: &str) -> Result<bool> {
    write_stderr(&format!("{} [y/N] ", people(question)));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(Error::io("standard input"))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Sets the words on a progress bar.
pub(crate) fn set_message(bar: &ProgressBar, text: &str) {
    bar.set_message(printable(text));
}

/// Writes to stderr text that was escaped part by part, because it has colours.
pub(crate) fn write_stderr(text: &str) {
    // If stderr is gone, there is nobody left to tell.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// True if stderr is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Text with layout of our own: hidden characters escaped, line breaks and tabs kept.
pub(crate) fn people(text: &str) -> String {
    escape(text, |c, out| out.extend(c.escape_unicode()))
}

/// JSON or TOML with hidden characters, which occur within its strings alone, as `\u001b`.
pub(crate) fn json_text(text: &str) -> String {
    escape(text, |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

fn escape(text: &str, write: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hidden(c) && !matches!(c, '\n' | '\t') {
            true => write(c, &mut out),
            false => out.push(c),
        }
    }
    out
}

/// `eprintln!` for people that survives a reader of stderr who went away.
macro_rules! errln {
    ($($argument:tt)*) => { $crate::cli::output::tell(&format!($($argument)*)) };
}

/// `println!` for people that returns from the function when the reader of stdout went away.
macro_rules! outln {
    () => { $crate::cli::output::print("\n")? };
    ($($argument:tt)*) => { $crate::cli::output::print(&(format!($($argument)*) + "\n"))? };
}

pub(crate) use {errln, outln};

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "B-\u{1b}[31mX\u{7}\r\u{9b}\u{202e}\u{200b}\u{e0041}\tY\n";

    #[test]
    fn people_see_what_is_there_and_the_layout_stays() {
        assert_eq!(people(HOSTILE), "B-\\u{1b}[31mX\\u{7}\\u{d}\\u{9b}\\u{202e}\\u{200b}\\u{e0041}\tY\n");
    }

    #[test]
    fn json_means_the_same_without_hidden_characters() {
        let text = json_text(&serde_json::to_string_pretty(&[HOSTILE]).unwrap());
        assert!(text.chars().all(|c| c == '\n' || !is_hidden(c)), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [HOSTILE]);
    }
}
