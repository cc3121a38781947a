//! Ctrl-C: the first one finishes the step, the second one does not.

use super::output::errln;
use anyhow::Context;

use crate::error::ErrorKind;
use crate::run::StopFlag;

/// A flag that Ctrl-C (or a polite `kill`) raises. A second one ends the process at once.
pub(super) fn stop_flag() -> anyhow::Result<StopFlag> {
    let stop = StopFlag::default();
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
