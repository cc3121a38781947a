//! Errors as the user sees them.

use std::fmt::Write as _;
use std::io::{ErrorKind as IoKind, IsTerminal, Write as _};
use std::process::ExitCode;

use super::interrupt::resume_hint;
use crate::error::{Error, ErrorKind};

/// Says what went wrong on stderr; the exit code says its kind.
///
/// A reader of stdout that went away (`memoscope ... | head`) is not an error.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let mut stderr = std::io::stderr();
    let coloured = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // If stderr is gone, there is nobody left to tell.
    let _ = stderr.write_all(render(error, coloured).as_bytes());
    ExitCode::from(kind(error) as u8)
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
    let mut text = format!("{} {error}\n", paint("error:", "1;31"));
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let words = cause.to_string();
        // An error of ours that wraps another says its words already.
        if !said.contains(&words) {
            let _ = writeln!(text, "  {} {words}", paint("caused by:", "1"));
            said = words;
        }
    }
    let hint = error.chain().find_map(|cause| match cause.downcast_ref::<Error>()? {
        Error::Interrupted => Some(resume_hint()),
        other => other.hint().map(str::to_owned),
    });
    if let Some(hint) = hint {
        let _ = writeln!(text, "  {} {hint}", paint("hint:", "1;36"));
    }
    text
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
    fn an_interrupt_says_how_to_resume() {
        let said = render(&anyhow::Error::from(Error::Interrupted), false);
        assert!(
            said.starts_with("error: interrupted\n  hint: to resume, run the same command again: memoscope "),
            "{said}"
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
