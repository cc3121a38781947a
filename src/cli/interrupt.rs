//! Ctrl-C: the first one finishes the step, the second one does not.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use super::output::errln;
use crate::error::ErrorKind;
use crate::exec;
use crate::run::StopFlag;

static FLAG: OnceLock<StopFlag> = OnceLock::new();

/// True if the user wants to stop. Without a [`stop_flag`] Ctrl-C ends the process by itself.
pub(super) fn requested() -> bool {
    FLAG.get().is_some_and(StopFlag::requested)
}

/// A flag that Ctrl-C (or a polite `kill`) raises. A second one ends the process at once, and those that do runs for it.
pub(super) fn stop_flag() -> anyhow::Result<StopFlag> {
    on_signal(|raised| {
        if raised.request() {
            exec::kill_all();
            end_at_once();
        }
        errln!(
            "\nstopping after this step; press Ctrl-C again to stop immediately (finished work is kept in both cases)"
        );
    })
}

/// The flag of a process that does a run for another one. It says nothing, and counts its own signals: the other process
/// raises the flag too, upon the same Ctrl-C.
pub(super) fn silent_stop_flag() -> anyhow::Result<StopFlag> {
    let signalled = AtomicBool::new(false);
    on_signal(move |raised| {
        if signalled.swap(true, Ordering::SeqCst) {
            end_at_once();
        }
        raised.request();
    })
}

fn on_signal(handle: impl Fn(&StopFlag) + Send + 'static) -> anyhow::Result<StopFlag> {
    let stop = FLAG.get_or_init(StopFlag::default).clone();
    let raised = stop.clone();
    ctrlc::set_handler(move || handle(&raised)).context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

/// Ends the process without running its destructors, for which other threads may hold locks.
fn end_at_once() -> ! {
    let code = ErrorKind::Interrupted as i32;
    #[cfg(unix)]
    // SAFETY: `_exit` takes no pointer and does not return.
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}
