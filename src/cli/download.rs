//! What is said on stderr while the hub's files come: a bar on a terminal, a line a file elsewhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::interrupt;
use super::output::{above, errln, is_terminal, set_message};
use crate::hub::{self, Listener, Transfer};

/// Shows downloads from now on; only warnings if `quiet`.
pub(super) fn show(quiet: bool) {
    hub::listen(Arc::new(Downloads { quiet, terminal: is_terminal(), bar: Mutex::new(ProgressBar::hidden()) }));
}

struct Downloads {
    quiet: bool,
    terminal: bool,
    bar: Mutex<ProgressBar>,
}

impl Downloads {
    fn bar(&self) -> ProgressBar {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn say(&self, line: &str) {
        above(&self.bar(), line);
    }
}

impl Listener for Downloads {
    fn warning(&self, message: &str) {
        self.say(&format!("warning: {message}"));
    }

    fn waiting(&self, why: &str) {
        if !self.quiet {
            self.say(why);
        }
    }

    fn begun(&self, transfer: &Transfer<'_>) {
        if self.quiet {
            return;
        }
        if !self.terminal {
            errln!("{}", line(transfer));
            return;
        }
        let bar = transfer.bytes.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let template = match transfer.bytes {
            Some(_) => "  {msg}  {bar:24} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
            None => "  {msg}  {bytes}  {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        set_message(&bar, &format!("{} {}", transfer.repository, transfer.file));
        bar.set_position(transfer.present);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(500));
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    fn at(&self, bytes: u64) {
        self.bar().set_position(bytes);
    }

    fn ended(&self) {
        self.bar().finish_and_clear();
    }

    fn stop_requested(&self) -> bool {
        interrupt::requested()
    }
}

fn line(transfer: &Transfer<'_>) -> String {
    let Transfer { repository, file, bytes, present } = *transfer;
    let size = bytes.map_or_else(String::new, |bytes| format!(" ({})", HumanBytes(bytes)));
    let rest = if present > 0 { format!(", from {} on", HumanBytes(present)) } else { String::new() };
    format!("fetching {repository} {file}{size}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_line() {
        let whole = Transfer { repository: "org/name", file: "config.json", bytes: Some(570), present: 0 };
        assert_eq!(line(&whole), "fetching org/name config.json (570 B)");
        let resumed = Transfer { bytes: Some(3 << 20), present: 1 << 20, ..whole };
        assert_eq!(line(&resumed), "fetching org/name config.json (3.00 MiB), from 1.00 MiB on");
        assert_eq!(line(&Transfer { bytes: None, ..whole }), "fetching org/name config.json");
    }
}
