//! Printing results to stdout.

use std::io::{self, Write};

/// Writes text to stdout as it is. A reader that went away comes back as an error, where `print!` would panic.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// `println!` that returns from the function when the reader of stdout went away.
macro_rules! outln {
    () => { $crate::cli::output::print("\n")? };
    ($($argument:tt)*) => { $crate::cli::output::print(&(format!($($argument)*) + "\n"))? };
}

pub(crate) use outln;
