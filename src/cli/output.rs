//! Printing: results to stdout, all else to stderr.

use std::io::{self, Write};

/// Writes text to stdout as it is. A reader that went away comes back as an error, where `print!` would panic.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a line to stderr. If nobody reads it any more the work goes on: `eprintln!` would panic.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// `eprintln!` that survives a reader of stderr who went away.
macro_rules! errln {
    ($($argument:tt)*) => { $crate::cli::output::tell(&format!($($argument)*)) };
}

/// `println!` that returns from the function when the reader of stdout went away.
macro_rules! outln {
    () => { $crate::cli::output::print("\n")? };
    ($($argument:tt)*) => { $crate::cli::output::print(&(format!($($argument)*) + "\n"))? };
}

pub(crate) use {errln, outln};
