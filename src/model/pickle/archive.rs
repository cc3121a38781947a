//! The zip archive around the program and the storages.

use std::io::{Cursor, Read};

use zip::{CompressionMethod, ZipArchive};

use super::Fault;
use crate::error::printable;

/// What the format before PyTorch 1.6 begins with: a pickled magic number.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19";

/// Most bytes of the program: a thousand tensors have a quarter of a megabyte.
const MAX_PROGRAM: u64 = 4 << 20;

pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    length: u64,
    /// The folder that all its files are in: `archive/`.
    folder: String,
}

impl<'a> Archive<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        if bytes.starts_with(LEGACY) {
            return Err(Fault {
                what: "written in the format of PyTorch before 1.6, which is not read".into(),
                hint: "take the repository's model.safetensors if it has one; or write it anew with a recent PyTorch: \
                       torch.save(torch.load(path, weights_only=True), path)",
            });
        }
        if !bytes.starts_with(b"PK\x03\x04") {
            return Err(Fault::damaged("not a file of weights as torch.save writes them: it is no zip archive"));
        }
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        let mut programs = Vec::new();
        for name in zip.file_names() {
            let name = name.map_err(damaged)?;
            if let Some(folder) = name.strip_suffix("data.pkl")
                && (folder.is_empty() || folder.ends_with('/'))
            {
                programs.push(folder.to_owned());
            }
        }
        let [folder] = &programs[..] else {
            return Err(Fault::damaged(format!("{} files are called data.pkl, and one should be", programs.len())));
        };
        let folder = folder.clone();
        let mut archive = Self { zip, length: bytes.len() as u64, folder };
        let order = format!("{}byteorder", archive.folder);
        if archive.zip.index_for_name(&order).is_some() && archive.entry("byteorder", 16)? != b"little" {
            return Err(Fault::foreign("its numbers are in the order of a big-endian machine"));
        }
        Ok(archive)
    }

    /// The program that builds the tensors.
    pub fn program(&mut self) -> Result<Vec<u8>, Fault> {
        self.entry("data.pkl", MAX_PROGRAM)
    }

    /// The bytes of a storage.
    pub fn storage(&mut self, key: &str) -> Result<Vec<u8>, Fault> {
        self.entry(&format!("data/{key}"), self.length)
    }

    /// A file's bytes, of which there are no more than the archive's own.
    fn entry(&mut self, name: &str, limit: u64) -> Result<Vec<u8>, Fault> {
        let full = format!("{}{name}", self.folder);
        let shown = printable(name);
        let entry =
            self.zip.by_name(&full).map_err(|e| Fault::damaged(format!("it has no readable `{shown}`: {e}")))?;
        if entry.compression() != CompressionMethod::Stored {
            return Err(Fault::foreign(format!("`{shown}` is compressed, which torch.save never does")));
        }
        let size = entry.size();
        if size > limit.min(self.length) {
            return Err(Fault::damaged(format!(
                "`{shown}` claims {size} bytes, {} is the most",
                limit.min(self.length)
            )));
        }
        let mut bytes = Vec::with_capacity(size as usize);
        entry.take(size + 1).read_to_end(&mut bytes).map_err(|e| Fault::damaged(format!("`{shown}`: {e}")))?;
        match bytes.len() as u64 == size {
            true => Ok(bytes),
            false => Err(Fault::damaged(format!("`{shown}` has {} bytes, {size} were announced", bytes.len()))),
        }
    }
}

fn damaged(error: zip::result::ZipError) -> Fault {
    Fault::damaged(format!("the zip archive is damaged: {error}"))
}
