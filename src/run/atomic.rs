//! Files that are either whole or absent.

use std::io::Write;
use std::path::Path;

use fs_err as fs;

use crate::Result;
use crate::error::Error;

/// Writes a file under a temporary name in the same folder and renames it, so that a reader or a killed run never
/// meets half a file. Missing parent folders are made.
///
/// # Errors
/// [`Error::Io`] with the path, and whatever `write` returns; the temporary file is then removed.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut std::fs::File) -> Result<()>) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let mut file = tempfile::Builder::new().prefix(".memoscope-").tempfile_in(folder).map_err(Error::io(path))?;
    write(file.as_file_mut())?;
    file.as_file_mut().flush().map_err(Error::io(path))?;
    file.as_file().sync_data().map_err(Error::io(path))?;
    file.persist(path).map_err(|e| Error::Io { path: path.to_owned(), source: e.error })?;
    Ok(())
}
