//! Ctrl-C: the first one finishes the step, the second one does not.

use std::sync::OnceLock;

use super::output::errln;
use anyhow::Context;

use crate::error::ErrorKind;
use crate::run::StopFlag;

static FLAG: OnceLock<StopFlag> = OnceLock::new();

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
