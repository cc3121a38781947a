//! Files and folders that are either whole or absent.
//!
//! Each is written under a temporary name, `.memoscope-XXXXXX` in the same folder, and renamed once it is whole. The writer
//! holds the operating system's lock on it, which ends with the process however that ends. So what a killed process left is
//! told from what another process is writing now, and is removed: the first time that a process writes into a folder, and
//! by [`remove_leftovers`]. Where the file system has no locks, nothing is removed.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fs_err as fs;

use crate::Result;
use crate::error::Error;

/// How the names of temporary files and folders begin.
pub(crate) const PREFIX: &str = ".memoscope-";

/// Writes a file under a temporary name in the same folder and renames it, so that a reader or a killed run never
/// meets half a file. Missing parent folders are made.
///
/// # Errors
/// [`Error::Io`] with the path if the operating system refused to make, write or rename the file, also where `write` returns
/// an error of its own about that; else whatever `write` returns. The temporary file is then removed.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut Unfinished) -> Result<()>) -> Result<()> {
    let folder = parent(path);
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    remove_once(folder);
    let mut file = Unfinished::new(folder).map_err(Error::io(path))?;
    let written = write(&mut file);
    if let Some(refused) = file.refused {
        return Err(Error::Io { path: path.to_owned(), source: refused.into() });
    }
    written?;
    file.file.as_file().sync_data().map_err(Error::io(path))?;
    file.file.persist(path).map_err(|e| Error::Io { path: path.to_owned(), source: e.error })?;
    Ok(())
}

/// Writes a text file atomically.
///
/// # Errors
/// [`Error::Io`] with the path.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, |file| file.write_all(text.as_bytes()).map_err(Error::io(path)))
}

/// Has a folder written under a temporary name beside `path`, and gives it its name. What was there under the name is
/// replaced; a kill between the two leaves neither.
///
/// # Errors
/// Whatever `write` returns; [`Error::Io`]. The temporary folder is then removed.
pub fn write_folder_atomically<T>(path: &Path, write: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let beside = parent(path);
    fs::create_dir_all(beside).map_err(Error::io(beside))?;
    remove_once(beside);
    let (folder, _lock) = unfinished_folder(beside).map_err(Error::io(path))?;
    let written = write(folder.path()).map_err(|error| renamed(error, folder.path(), path))?;
    if path.exists() {
        fs::remove_dir_all(path).map_err(Error::io(path))?;
    }
    fs::rename(folder.path(), path).map_err(Error::io(path))?;
    // It has another name now, and is not to be removed.
    let _ = folder.keep();
    Ok(written)
}

/// The error with the path that its file would have got.
fn renamed(error: Error, unfinished: &Path, folder: &Path) -> Error {
    match error {
        Error::Io { path, source } => {
            let path = path.strip_prefix(unfinished).map(|inner| folder.join(inner)).unwrap_or(path);
            Error::Io { path, source }
        }
        error => error,
    }
}

/// Removes what killed processes left in a folder and the folders in it: temporary files and folders that nobody writes to
/// any more. What cannot be removed stays.
pub fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(io::Result::ok) {
        // Of the link, where it is one: nothing behind it is ours.
        let is_folder = entry.file_type().is_ok_and(|of| of.is_dir());
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            remove_leftover(&entry.path(), is_folder);
        } else if is_folder {
            remove_leftovers(&entry.path());
        }
    }
}

/// A file that has no name of its own yet. It remembers the first refusal of the operating system: libraries that write wrap
/// it in errors of their own, or lose it.
#[derive(Debug)]
pub struct Unfinished {
    file: tempfile::NamedTempFile,
    refused: Option<Refusal>,
}

impl Unfinished {
    fn new(folder: &Path) -> io::Result<Self> {
        loop {
            let mut builder = tempfile::Builder::new();
            builder.prefix(PREFIX);
            // A temporary file is private by default; what is left here is an ordinary file, under the user's umask.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
            let file = builder.tempfile_in(folder).map_err(of_the_system)?;
            if is_locked(file.as_file(), file.path())? {
                return Ok(Self { file, refused: None });
            }
        }
    }

    /// Gives the file permissions; by default it has those of a new file.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn set_permissions(&mut self, permissions: std::fs::Permissions) -> io::Result<()> {
        let set = self.file.as_file().set_permissions(permissions);
        self.remembered(set)
    }

    fn remembered<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && self.refused.is_none()
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.refused = Some(Refusal { kind: error.kind(), code: error.raw_os_error(), words: error.to_string() });
        }
        result
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.as_file_mut().write(bytes);
        self.remembered(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.as_file_mut().flush();
        self.remembered(flushed)
    }
}

/// What the operating system said, which an [`io::Error`] can only say once.
#[derive(Debug)]
struct Refusal {
    kind: io::ErrorKind,
    code: Option<i32>,
    words: String,
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        match refusal.code {
            Some(code) => Self::from_raw_os_error(code),
            None => Self::new(refusal.kind, refusal.words),
        }
    }
}

/// A temporary folder, and its lock where the system locks folders.
fn unfinished_folder(beside: &Path) -> io::Result<(tempfile::TempDir, Option<fs::File>)> {
    loop {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let folder = builder.tempdir_in(beside).map_err(of_the_system)?;
        match fs::File::open(folder.path()) {
            Ok(file) if is_locked(file.file(), folder.path())? => return Ok((folder, Some(file))),
            // Removed by a process that looks for leftovers, before it was locked.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Some systems do not open folders; there, none is ever taken for a leftover.
            Err(_) => return Ok((folder, None)),
        }
    }
}

/// What the operating system said, without the temporary name that tempfile puts behind it.
fn of_the_system(error: io::Error) -> io::Error {
    let source =
        error.get_ref().and_then(|wrapped| wrapped.source()).and_then(|source| source.downcast_ref::<io::Error>());
    source.and_then(io::Error::raw_os_error).map_or(error, io::Error::from_raw_os_error)
}

/// Locks a new temporary file. False if another process took it for a leftover and removed it in the moment before.
fn is_locked(file: &std::fs::File, path: &Path) -> io::Result<bool> {
    match file.lock() {
        Ok(()) => Ok(path.exists()),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(error) => Err(error),
    }
}

/// Removes a temporary file or folder unless its writer lives.
fn remove_leftover(path: &Path, is_folder: bool) {
    let Ok(file) = fs::File::open(path) else { return };
    if file.file().try_lock().is_ok() {
        // Best effort: a folder that cannot be written to keeps its leftovers.
        let _ = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

/// Removes the leftovers right in a folder, the first time that this process writes there.
fn remove_once(folder: &Path) {
    static SEEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let is_new = SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
    if !is_new {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(io::Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            remove_leftover(&entry.path(), entry.file_type().is_ok_and(|of| of.is_dir()));
        }
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/file.txt");
        write_text(&path, "one").unwrap();
        write_text(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.txt");
        write_text(&path, "old").unwrap();
        let result = write_atomically(&path, |file| {
            file.write_all(b"half").map_err(Error::io(&path))?;
            Err(Error::Interrupted)
        });
        assert!(matches!(result, Err(Error::Interrupted)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["file.txt"]);
    }

    #[test]
    fn a_refusal_of_the_system_is_reported_whatever_the_writer_makes_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.txt");
        for returned in [Ok(()), Err(Error::Internal("a library's words".into()))] {
            let result = write_atomically(&path, |file| {
                let full = io::Error::from(io::ErrorKind::StorageFull);
                assert!(file.remembered::<()>(Err(full)).is_err());
                returned
            });
            let Err(Error::Io { path: named, source }) = result else { panic!("{result:?}") };
            assert_eq!((named, source.kind()), (path.clone(), io::ErrorKind::StorageFull));
        }
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn a_folder_appears_whole_and_replaces_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/model");
        for text in ["one", "two"] {
            write_folder_atomically(&path, |unfinished| {
                assert!(unfinished != path);
                write_text(&unfinished.join(text), text)
            })
            .unwrap();
            assert_eq!(names(&path), [text]);
        }
        let failed = write_folder_atomically(&path, |unfinished| {
            write_text(&unfinished.join("three"), "")?;
            Err::<(), _>(Error::Interrupted)
        });
        assert!(failed.is_err());
        let refused = write_folder_atomically(&path, |unfinished| {
            fs::read(unfinished.join("none")).map_err(Error::io(unfinished.join("none")))
        });
        assert!(matches!(refused, Err(Error::Io { path: named, .. }) if named == path.join("none")));
        assert_eq!(names(&path), ["two"]);
        assert_eq!(names(&folder.path().join("deep")), ["model"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("dynamics");
        fs::create_dir_all(inner.join(".memoscope-dead/deep")).unwrap();
        for leftover in [folder.path().join(".memoscope-dead"), inner.join(".memoscope-dead/deep/file")] {
            fs::write(leftover, "half").unwrap();
        }
        fs::write(inner.join("epoch=0001.parquet"), "whole").unwrap();
        write_atomically(&inner.join("file"), |_| {
            write_folder_atomically(&inner.join("model"), |_| {
                remove_leftovers(folder.path());
                Ok(())
            })
        })
        .unwrap();
        assert_eq!(names(folder.path()), ["dynamics"]);
        assert_eq!(names(&inner), ["epoch=0001.parquet", "file", "model"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_first_write_into_a_folder_removes_what_was_left_there() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".memoscope-dead"), "half").unwrap();
        write_text(&folder.path().join("a.txt"), "").unwrap();
        assert_eq!(names(folder.path()), ["a.txt"]);
    }
}
