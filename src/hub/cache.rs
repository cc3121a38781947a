//! The folder that transformers, huggingface_hub and Memoscope keep the hub's files in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use hf_hub::{Cache, Repo, RepoType};

use super::failure::{Failure, wait};
use super::name::is_commit;
use super::{Kind, Listener, Repository};
use crate::error::{Error, Problem, Result};
use crate::files::write_text;

/// A repository's part of the cache.
pub(super) struct CachedRepository {
    /// `models--organisation--name`.
    folder: PathBuf,
    locks: PathBuf,
    snapshots: PathBuf,
    reference: PathBuf,
}

impl CachedRepository {
    pub fn new(cache: &Path, repository: &Repository) -> Self {
        let kind = match repository.kind() {
            Kind::Model => RepoType::Model,
            Kind::Data => RepoType::Dataset,
        };
        let repo = Repo::new(repository.id().to_owned(), kind);
        let name = repo.folder_name();
        let folder = cache.join(&name);
        Self {
            locks: cache.join(".locks").join(&name),
            snapshots: Cache::new(cache.to_owned()).repo(repo).pointer_path(""),
            // A revision that is no commit has been checked to be a path below this folder.
            reference: folder.join("refs").join(repository.revision()),
            folder,
        }
    }

    /// The snapshot's folder of a commit.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.snapshots.join(commit)
    }

    /// Where a blob is when it is whole.
    pub fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// The commit that the repository's revision was when the hub was last asked.
    pub fn known_commit(&self, repository: &Repository) -> Option<String> {
        if repository.is_pinned() {
            return Some(repository.revision().to_owned());
        }
        let commit = fs::read_to_string(&self.reference).ok()?.trim().to_owned();
        is_commit(&commit).then_some(commit)
    }

    /// Notes which commit the revision is; nothing is written if it is known, so that a cache may be read-only.
    pub fn note(&self, repository: &Repository, commit: &str) -> Result<()> {
        match self.known_commit(repository).as_deref() == Some(commit) {
            true => Ok(()),
            false => write_text(&self.reference, commit),
        }
    }

    /// Puts a blob into a snapshot under its name: a relative link, or a copy where the file system has none.
    pub fn link(&self, commit: &str, name: &str, etag: &str) -> Result<()> {
        let path = self.snapshot(commit).join(name);
        let parent = path.parent().unwrap_or(&self.snapshots);
        fs::create_dir_all(parent).map_err(Error::io(parent))?;
        // A link whose blob was removed.
        if path.symlink_metadata().is_ok() {
            fs::remove_file(&path).map_err(Error::io(&path))?;
        }
        // Out of the name's folders, the commit's and `snapshots`.
        let up = "../".repeat(name.split('/').count() + 1);
        match symlink(Path::new(&format!("{up}blobs/{etag}")), &path) {
            Ok(()) => Ok(()),
            Err(_) if path.is_file() => Ok(()),
            Err(_) => fs::copy(self.blob(etag), &path).map(|_| ()).map_err(Error::io(&path)),
        }
    }

    /// Takes the lock of a blob, the same that huggingface_hub takes, and waits while another process has it.
    pub fn lock(&self, etag: &str, listener: &dyn Listener) -> Result<std::fs::File, Failure> {
        use std::fs::TryLockError;
        fs::create_dir_all(&self.locks).map_err(Error::io(&self.locks))?;
        let path = self.locks.join(format!("{etag}.lock"));
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(&path).map_err(Error::io(&path))?;
        let file = file.into_parts().0;
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {
                    if !said {
                        listener.waiting("another process fetches this file; waiting for it");
                        said = true;
                    }
                    wait(Duration::from_millis(200), listener)?;
                }
                // A file system without locks (some network ones): go on without.
                Err(TryLockError::Error(e)) if e.kind() == std::io::ErrorKind::Unsupported => return Ok(file),
                Err(TryLockError::Error(source)) => return Err(Error::Io { path, source }.into()),
            }
        }
    }

    /// What to say if the cache has no such revision.
    pub fn not_cached(&self, repository: &Repository, why: &str) -> Error {
        let noun = repository.kind().noun();
        Error::Hub(
            Problem::new(format!("{why}, and the cache does not have the {noun} `{repository}`"))
                .at(&self.folder)
                .hint("fetch it where there is a network and copy the cache, name a local folder, or unset HF_HUB_OFFLINE"),
        )
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Silent;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn repository(name: &str) -> Repository {
        Repository::parse(Kind::Model, name).unwrap()
    }

    #[test]
    fn revisions_are_noted_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let branch = repository("org/name@refs/pr/1");
        let cached = CachedRepository::new(folder.path(), &branch);
        assert_eq!(cached.known_commit(&branch), None);
        cached.note(&branch, COMMIT).unwrap();
        assert_eq!(cached.known_commit(&branch).unwrap(), COMMIT);
        let path = folder.path().join("models--org--name/refs/refs/pr/1");
        assert_eq!(fs::read_to_string(&path).unwrap(), COMMIT);
        fs::write(&path, "../../elsewhere").unwrap();
        assert_eq!(cached.known_commit(&branch), None);
        let pinned = repository(&format!("org/name@{COMMIT}"));
        CachedRepository::new(folder.path(), &pinned).note(&pinned, COMMIT).unwrap();
        assert!(!folder.path().join("models--org--name/refs").join(COMMIT).exists());
    }

    #[test]
    fn links_are_relative_and_replaced_when_their_blob_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let cached = CachedRepository::new(folder.path(), &repository("name"));
        fs::create_dir_all(folder.path().join("models--name/blobs")).unwrap();
        for etag in ["old", "new"] {
            fs::write(cached.blob(etag), etag).unwrap();
            cached.link(COMMIT, "deep/er/file.txt", etag).unwrap();
            let path = cached.snapshot(COMMIT).join("deep/er/file.txt");
            assert_eq!(fs::read_to_string(&path).unwrap(), etag);
            #[cfg(unix)]
            assert_eq!(fs::read_link(&path).unwrap(), Path::new("../../../../blobs").join(etag));
            fs::remove_file(cached.blob(etag)).unwrap();
        }
    }

    #[test]
    fn a_lock_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let cached = CachedRepository::new(folder.path(), &repository("name"));
        let held = cached.lock("etag", &Silent).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| cached.lock("etag", &Silent).map(|_| ()).is_ok());
            std::thread::sleep(Duration::from_millis(50));
            assert!(!waiting.is_finished());
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }
}
