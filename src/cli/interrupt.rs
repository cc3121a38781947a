//! Ctrl-C: the first one finishes the step, the second one does not.

use std::sync::OnceLock;

use super::output::errln;
use anyhow::Context;

use crate::error::{ErrorKind, printable};
use crate::run::StopFlag;

static FLAG: OnceLock<StopFlag> = OnceLock::new();

/// What to do after an interrupt: every verb that listens for one goes on where it was when it is called again.
pub(super) fn resume_hint() -> String {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy())).collect();
    format!("to resume, run the same command again: memoscope {}", words.join(" "))
}

/// A word of a command as it can be shown and typed again: quoted where a POSIX shell needs it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_./:=@%+,-".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => printable(&format!("'{}'", word.replace('\'', "'\\''"))),
    }
}

/// True if the user wants to stop. Without a [`stop_flag`] Ctrl-C ends the process by itself.
pub(super) fn requested() -> bool {
    FLAG.get().is_some_and(StopFlag::requested)
}

/// A flag that Ctrl-C (or a polite `kill`) raises. A second one ends the process at once.
pub(super) fn stop_flag() -> anyhow::Result<StopFlag> {
    let stop = FLAG.get_or_init(StopFlag::default).clone();
    let raised = stop.clone();
    ctrlc::set_handler(move || {
        if raised.request() {
            std::process::exit(ErrorKind::Interrupted as i32);
        }
        errln!("\nfinishing the step; once more to stop at once (what is finished is kept either way)");
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_are_quoted_where_a_shell_needs_it() {
        let words = ["--out=a/b-1.txt", "", "two words", "it's", "a\u{1b}[2J"].map(quoted);
        assert_eq!(words, ["--out=a/b-1.txt", "''", "'two words'", "'it'\\''s'", "'a\\u{1b}[2J'"]);
    }
}
