//! Digests of a log's files, by which a reader finds what was changed or damaged since it was written.
//!
//! The manifest of a run names the files of its log by their paths in the run's folder, `/` between the parts, and gives
//! the SHA-256 of each in hexadecimal: `"files": {"tokens.parquet": "3b5f…"}`. A log without a manifest, or whose manifest
//! lacks the key, is read unchecked.
//!
//! The token table and an epoch's files are written once. The series (evaluations, steps, scores by type) are written
//! again after every epoch and before the manifest, so that a killed run leaves newer ones than its manifest names: they are
//! checked where the manifest says that the run is finished.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::reader::SERIES;
use crate::error::{Error, Problem, Result};
use crate::files::sha256_hex;

/// The folders with one file an epoch.
const BY_EPOCH: [&str; 2] = ["dynamics", "probabilities"];

/// A file's path in the folder as a manifest has it; `None` of a file that is elsewhere.
pub(super) fn name_of(folder: &Path, path: &Path) -> Option<String> {
    let inner = path.strip_prefix(folder).ok()?;
    let parts: Option<Vec<&str>> = inner.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

/// Those digests of a manifest that hold of a log which was taken up again after `epoch`: the files of the epochs until
/// then. All others are written anew.
pub fn digests_until(files: &BTreeMap<String, String>, epoch: u32) -> BTreeMap<String, String> {
    let kept = |name: &str| {
        let (folder, file) = name.split_once('/')?;
        let number: u32 = file.strip_prefix("epoch=")?.strip_suffix(".parquet")?.parse().ok()?;
        Some(BY_EPOCH.contains(&folder) && number <= epoch)
    };
    let kept = files.iter().filter(|(name, _)| kept(name).unwrap_or(false));
    kept.map(|(name, digest)| (name.clone(), digest.clone())).collect()
}

/// Adds the digests of the epochs' files until `epoch` that are in the folder and have none: a kill between the checkpoint
/// and the manifest leaves such.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn complete(folder: &Path, files: &mut BTreeMap<String, String>, epoch: u32) -> Result<()> {
    for inner in BY_EPOCH {
        for number in 1..=epoch {
            let name = format!("{inner}/epoch={number:04}.parquet");
            let path = folder.join(&name);
            if !files.contains_key(&name) && path.is_file() {
                files.insert(name, sha256_hex(&fs_err::read(&path).map_err(Error::io(&path))?));
            }
        }
    }
    Ok(())
}

/// The digests that a log's files must have.
#[derive(Debug, Default)]
pub(super) struct Digests {
    folder: PathBuf,
    files: BTreeMap<String, String>,
    is_finished: bool,
}

impl Digests {
    /// Reads them from the manifest of the log in `folder`; none where there is no manifest, or one of another program.
    ///
    /// # Errors
    /// [`Error::Io`] if there is a manifest that cannot be read.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("manifest.json");
        let bytes = match fs_err::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(Error::Io { path, source }),
        };
        let manifest: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let files = manifest.get("files").and_then(Value::as_object).into_iter().flatten();
        Ok(Self {
            folder: folder.to_owned(),
            files: files.filter_map(|(name, digest)| Some((name.clone(), digest.as_str()?.to_owned()))).collect(),
            is_finished: manifest.get("status").and_then(Value::as_str) == Some("finished"),
        })
    }

    /// Refuses a log of which a file that is there is not as it was written.
    ///
    /// # Errors
    /// As [`Digests::check`]; [`Error::Io`].
    pub(super) fn check_all(&self, remedy: &str) -> Result<()> {
        for path in self.files.keys().map(|name| self.folder.join(name)).filter(|path| path.is_file()) {
            self.check(&path, &fs_err::read(&path).map_err(Error::io(&path))?, remedy)?;
        }
        Ok(())
    }

    /// Refuses a file whose bytes are not those that were written.
    ///
    /// # Errors
    /// [`Error::Data`] with `remedy` in its hint.
    pub(super) fn check(&self, path: &Path, bytes: &[u8], remedy: &str) -> Result<()> {
        let name = name_of(&self.folder, path).unwrap_or_default();
        let Some(expected) = self.files.get(&name) else { return Ok(()) };
        if (SERIES.contains(&name.as_str()) && !self.is_finished) || sha256_hex(bytes) == *expected {
            return Ok(());
        }
        let problem =
            Problem::new("the file was changed or damaged since it was written: its SHA-256 is not the manifest's");
        Err(Error::Data(problem.at(path).hint(format!(
            "{remedy}; if the change is intended, remove the file's entry under `files` in manifest.json"
        ))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> BTreeMap<String, String> {
        names.iter().map(|name| ((*name).to_owned(), "00".to_owned())).collect()
    }

    #[test]
    fn a_resumed_run_keeps_the_digests_of_its_finished_epochs() {
        let all = files(&[
            "tokens.parquet",
            "curve.parquet",
            "dynamics/epoch=0001.parquet",
            "dynamics/epoch=0002.parquet",
            "dynamics/epoch=0003.parquet",
            "probabilities/epoch=0002.parquet",
            "other/epoch=0001.parquet",
        ]);
        let kept =
            files(&["dynamics/epoch=0001.parquet", "dynamics/epoch=0002.parquet", "probabilities/epoch=0002.parquet"]);
        assert_eq!(digests_until(&all, 2), kept);
        assert_eq!(digests_until(&all, 0), files(&[]));
    }

    #[test]
    fn a_file_is_named_by_its_path_in_the_folder() {
        let folder = Path::new("runs").join("a");
        let name = name_of(&folder, &folder.join("dynamics").join("epoch=0001.parquet"));
        assert_eq!(name.as_deref(), Some("dynamics/epoch=0001.parquet"));
        assert_eq!(name_of(&folder, Path::new("elsewhere")), None);
    }

    #[test]
    fn a_manifest_of_another_program_names_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.parquet");
        for text in ["", "[]", "not JSON", r#"{"files": ["tokens.parquet"]}"#, r#"{"files": {"tokens.parquet": 1}}"#] {
            fs_err::write(folder.path().join("manifest.json"), text).unwrap();
            Digests::read(folder.path()).unwrap().check(&path, b"abc", "").unwrap();
        }
    }

    #[test]
    fn series_are_checked_once_the_run_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let check = |status: &str, name: &str| {
            let text = format!(r#"{{"status": "{status}", "files": {{"{name}": "00"}}}}"#);
            fs_err::write(folder.path().join("manifest.json"), text).unwrap();
            Digests::read(folder.path()).unwrap().check(&folder.path().join(name), b"abc", "remedy")
        };
        check("running", "steps.parquet").unwrap();
        check("failed", "curve.parquet").unwrap();
        for (status, name) in [("running", "dynamics/epoch=0001.parquet"), ("finished", "types.parquet")] {
            let error = check(status, name).unwrap_err();
            assert!(matches!(error, Error::Data(_)) && error.to_string().contains("changed or damaged"), "{error}");
            assert!(error.hint().unwrap().starts_with("remedy; "), "{error}");
        }
    }
}
