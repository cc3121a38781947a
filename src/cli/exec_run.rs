//! `memoscope exec-run`: one run for another process of this program. Not for users: see [`crate::exec`].

use std::io::{BufReader, stdin};

use super::output::channel;
use super::{download, interrupt};
use crate::exec;

/// Does the run that standard input describes, and reports on standard output.
pub(super) fn run() -> anyhow::Result<()> {
    // The parent has loaded every encoder, so that nothing is left to be fetched.
    download::show(true);
    let stop = interrupt::silent_stop_flag()?;
    exec::work(BufReader::new(stdin()), Box::new(channel()), &stop)?;
    Ok(())
}
