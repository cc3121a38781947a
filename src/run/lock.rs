//! One writer a folder.

use std::io::{Read, Write};
use std::path::Path;

use fs_err as fs;

use crate::error::{Error, Problem, Result};

/// Held while a process writes to a run folder; let go when dropped, or when the process dies however it dies: the
/// lock is the operating system's on the open file, not the file's existence, so none is ever stale.
#[derive(Debug)]
pub(super) struct Lock {
    // Only kept open.
    _file: fs::File,
}

impl Lock {
    /// The lock file's name.
    pub(super) const NAME: &'static str = ".lock";

    /// Takes the lock of `folder`, which must exist.
    ///
    /// # Errors
    /// [`Error::Config`] if another process holds it; [`Error::Io`].
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(Self::NAME);
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io(&path))?;
        match file.file().try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Best effort: some systems refuse to read a locked file.
                let _ = file.read_to_string(&mut holder);
                let process = holder.trim();
                let by = if process.is_empty() { "another process".to_owned() } else { format!("process {process}") };
                return Err(Error::Config(
                    Problem::new(format!("the run is being written by {by}"))
                        .at(folder)
                        .hint("wait for it, or give this one another folder with --out"),
                ));
            }
            // A file system without locks (some network ones): go on without.
            Err(std::fs::TryLockError::Error(e)) if e.kind() == std::io::ErrorKind::Unsupported => {}
            Err(std::fs::TryLockError::Error(e)) => return Err(Error::Io { path, source: e }),
        }
        file.set_len(0).map_err(Error::io(&path))?;
        writeln!(file, "{}", std::process::id()).map_err(Error::io(&path))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_refused_and_a_dropped_one_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let held = Lock::take(folder.path()).unwrap();
        let Err(Error::Config(problem)) = Lock::take(folder.path()) else { panic!("taken twice") };
        assert_eq!(problem.what, format!("the run is being written by process {}", std::process::id()));
        drop(held);
        Lock::take(folder.path()).unwrap();
    }
}
