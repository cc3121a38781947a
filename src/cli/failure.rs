//! Errors as the user sees them.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::ErrorKind as IoKind;
use std::process::ExitCode;

use clap::Parser;

use super::output::{is_terminal, people, write_stderr};
use crate::error::{Error, ErrorKind, printable};

/// Says what went wrong on stderr; the exit code says its kind.
///
/// A reader of stdout that went away (`memoscope ... | head`) is not an error.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let coloured = is_terminal() && std::env::var_os("NO_COLOR").is_none();
    write_stderr(&render(error, coloured));
    ExitCode::from(kind(error) as u8)
}

/// Prints help and version, or says what is wrong with the arguments.
///
/// clap puts colours around the arguments that it repeats, so that the two can no longer be told apart: it parses them
/// once more, with hidden characters escaped.
pub(super) fn usage<T: Parser>(error: &clap::Error) -> ExitCode {
    let repeated = T::try_parse_from(std::env::args_os().map(|argument| printable(&argument.to_string_lossy())));
    let printed = match &repeated {
        _ if !error.use_stderr() => error.print(),
        Err(escaped) if escaped.use_stderr() => escaped.print(),
        // Only arguments that hidden characters made wrong end here.
        _ => {
            write_stderr(&people(&error.render().to_string()));
            Ok(())
        }
    };
    match printed {
        Err(source) if source.kind() != IoKind::BrokenPipe => {
            report(&Error::Io { path: "standard output".into(), source }.into())
        }
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(ErrorKind::Config as u8)),
    }
}

/// The kind of the first error of ours in the chain.
fn kind(error: &anyhow::Error) -> ErrorKind {
    let ours = error.chain().find_map(|cause| cause.downcast_ref::<Error>());
    match ours {
        Some(ours) => ours.kind(),
        None if error.chain().any(|cause| cause.is::<std::io::Error>()) => ErrorKind::Io,
        None => ErrorKind::Internal,
    }
}

fn render(error: &anyhow::Error, coloured: bool) -> String {
    let paint = |text: &str, code: &str| match coloured {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let mut text = format!("{} {}\n", paint("error:", "1;31"), people(&error.to_string()));
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let words = cause.to_string();
        // An error of ours that wraps another says its words already.
        if !said.contains(&words) {
            let _ = writeln!(text, "  {} {}", paint("caused by:", "1"), people(&words));
            said = words;
        }
    }
    let known = error.chain().find_map(|cause| cause.downcast_ref::<Error>()?.hint()).map(str::to_owned);
    let resume = || (kind(error) == ErrorKind::Interrupted).then(|| resume_hint(std::env::args_os()));
    if let Some(hint) = known.or_else(resume) {
        let _ = writeln!(text, "  {} {}", paint("hint:", "1;36"), people(&hint));
    }
    text
}

/// How to go on after an interrupt. Each verb that can be interrupted keeps what is finished, and goes on from there when it
/// is called again.
fn resume_hint(arguments: impl Iterator<Item = OsString>) -> String {
    let words: Vec<String> = arguments.map(|argument| quoted(&argument.to_string_lossy())).collect();
    format!("what is finished is kept; resume with: {}", words.join(" "))
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./,:=@%+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    let broken = |e: &std::io::Error| e.kind() == IoKind::BrokenPipe;
    cause.downcast_ref::<std::io::Error>().is_some_and(broken)
        || matches!(cause.downcast_ref::<Error>(), Some(Error::Io { source, .. }) if broken(source))
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;
    use crate::error::Problem;

    fn problem() -> anyhow::Error {
        let problem = Problem::new("no tag on this line").at("train.txt").line(3).hint("give it two columns");
        anyhow::Error::from(Error::Data(problem))
    }

    #[test]
    fn place_and_remedy_are_said() {
        assert_eq!(render(&problem(), false), "error: train.txt:3: no tag on this line\n  hint: give it two columns\n");
    }

    #[test]
    fn context_comes_first_and_keeps_the_kind() {
        let error = Err::<(), _>(problem()).context("cannot describe the corpus").unwrap_err();
        assert_eq!(kind(&error), ErrorKind::Input);
        assert_eq!(
            render(&error, false),
            "error: cannot describe the corpus\n  caused by: train.txt:3: no tag on this line\n  hint: give it two columns\n"
        );
    }

    #[test]
    fn colours_stay_and_what_comes_from_files_is_escaped() {
        let problem = Problem::new("`B-\u{1b}[31m` is no tag").at("a\u{202e}.txt").hint("\u{7}");
        let text = render(&anyhow::Error::from(Error::Data(problem)).context("a\u{9b}b"), true);
        assert_eq!(text.matches('\u{1b}').count(), 6, "{text:?}");
        assert!(text.contains("a\\u{202e}.txt: `B-\\u{1b}[31m` is no tag"), "{text:?}");
        assert!(!text.contains(['\u{202e}', '\u{7}', '\u{9b}']), "{text:?}");
    }

    #[test]
    fn an_interrupt_says_how_to_resume() {
        let words = ["bin/memoscope", "train", "--out", "it's here", "--set", "train.epochs=3", ""];
        assert_eq!(
            resume_hint(words.into_iter().map(OsString::from)),
            r"what is finished is kept; resume with: bin/memoscope train --out 'it'\''s here' --set train.epochs=3 ''"
        );
        assert!(
            render(&anyhow::Error::from(Error::Interrupted), false).contains("\n  hint: what is finished is kept; ")
        );
    }

    #[test]
    fn an_io_error_is_said_once() {
        let source = std::io::Error::new(IoKind::PermissionDenied, "permission denied");
        let error = anyhow::Error::from(Error::Io { path: "out".into(), source });
        assert_eq!(render(&error, false), "error: out: permission denied\n");
        assert_eq!(kind(&error), ErrorKind::Io);
    }
}
