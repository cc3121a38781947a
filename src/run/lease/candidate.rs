//! Files of the protocol: a lease's text, and how it gets its name.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Lease, Owner};
use crate::error::{Error, Result};

/// A lease that is not placed yet: `.lease-TOKEN`.
pub(super) struct Candidate {
    pub path: PathBuf,
    token: String,
    text: String,
}

impl Candidate {
    pub(super) fn new(folder: &Path, owner: &Owner) -> Self {
        let path = folder.join(format!("{}-{}", Lease::PREFIX, owner.token));
        Self { path, token: owner.token.clone(), text: owner.to_text() }
    }

    /// Writes it, unless it is there.
    fn write(&self) -> Result<()> {
        let written = fs::OpenOptions::new().write(true).create_new(true).open(&self.path).and_then(|mut file| {
            file.write_all(self.text.as_bytes())?;
            file.sync_data()
        });
        match written {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(Error::Io { path: self.path.clone(), source: e }),
            _ => Ok(()),
        }
    }

    /// Gives it a name that nothing else has. False if something has.
    pub(super) fn place(&self, at: &Path) -> Result<bool> {
        self.write()?;
        let is_ours = || -> Result<bool> {
            Ok(read(at).map_err(Error::io(at))?.is_some_and(|text| identity(&text) == self.token))
        };
        match fs::hard_link(&self.path, at) {
            Ok(()) => return Ok(true),
            // Over a network the first answer may be lost, and the second says that it is there already.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return is_ours(),
            // The new owner has tidied up.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            // No hard links here.
            Err(_) => {}
        }
        match fs::OpenOptions::new().write(true).create_new(true).open(at) {
            Ok(mut file) => {
                file.write_all(self.text.as_bytes()).and_then(|()| file.sync_data()).map_err(Error::io(at))?;
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => is_ours(),
            Err(source) => Err(Error::Io { path: at.to_owned(), source }),
        }
    }

    /// Puts it in the place of another. False if somebody else has the lease already, and has tidied up.
    pub(super) fn put_over(&self, at: &Path) -> Result<bool> {
        self.write()?;
        match fs::rename(&self.path, at) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(Error::Io { path: at.to_owned(), source }),
        }
    }

    pub(super) fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What a lease is known by: its token, or its text if it has none.
pub(super) fn identity(text: &str) -> String {
    Owner::parse(text).map_or_else(|| text.to_owned(), |owner| owner.token)
}

/// The text of a lease; `None` if there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        // Not text: a lease that nobody of ours wrote, or half of one.
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Ok(Some(String::new())),
        Err(e) => Err(e),
    }
}
