//! A repository as a folder on this machine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::blob;
use super::cache::CachedRepository;
use super::client::Client;
use super::failure::{Failure, Patience, Remedy};
use super::metadata;
use super::select::{self, SHARDS};
use super::{HubSettings, Listener, Repository, listener};
use crate::error::{Error, Problem, Result};

/// A repository at a commit, on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The folder, laid out like the repository.
    pub folder: PathBuf,
    /// The commit: 40 hexadecimal digits.
    pub commit: String,
}

/// The snapshots that this process has asked for so far.
static KNOWN: Mutex<Option<HashMap<Repository, Snapshot>>> = Mutex::new(None);

/// What this process knows of the hub, for a process that is to work on the same commits.
pub(crate) fn known_snapshots() -> Vec<(Repository, Snapshot)> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.iter().flatten().map(|(repository, snapshot)| (repository.clone(), snapshot.clone())).collect()
}

/// Takes over what another process knew: these repositories are not asked for again.
pub(crate) fn take_known(snapshots: Vec<(Repository, Snapshot)>) {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().extend(snapshots);
}

/// The snapshot of a repository, by this process's environment; the hub is asked once for each repository.
///
/// # Errors
/// As [`Hub::snapshot`]; [`Error::Config`] if the environment has no usable settings.
pub fn snapshot(repository: &Repository) -> Result<Snapshot> {
    // Held while fetching: whoever wants the same repository meanwhile waits for it here.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(snapshot) = known.get(repository) {
        return Ok(snapshot.clone());
    }
    let found = Hub::new(HubSettings::from_environment()?, listener::current()).snapshot(repository)?;
    known.insert(repository.clone(), found.clone());
    Ok(found)
}

/// The hub, or a mirror of it, and the cache of what it sent.
pub struct Hub {
    settings: HubSettings,
    listener: Arc<dyn Listener>,
}

impl Hub {
    /// The hub that these settings name.
    pub fn new(settings: HubSettings, listener: Arc<dyn Listener>) -> Self {
        Self { settings, listener }
    }

    /// Finds out which commit a repository's revision is and fetches the files that are needed and not here.
    ///
    /// If the hub cannot be reached, the commit that the cache knows is taken, with a warning; if it must not be asked,
    /// without one.
    ///
    /// # Errors
    /// [`Error::Hub`] if the hub refuses or cannot be reached and the cache does not help, or if what it sends is not
    /// what it announced; [`Error::Model`] for a list of weights that names files elsewhere; [`Error::Interrupted`] if
    /// the listener asks for it; [`Error::Io`].
    pub fn snapshot(&self, repository: &Repository) -> Result<Snapshot> {
        let cached = CachedRepository::new(&self.settings.cache, repository);
        if self.settings.offline {
            return Self::cached(&cached, repository)?
                .ok_or_else(|| cached.not_cached(repository, "HF_HUB_OFFLINE is set"));
        }
        match self.fetch(&cached, repository) {
            Ok(snapshot) => Ok(snapshot),
            Err(Failure { error, remedy: Remedy::None }) => Err(error),
            Err(Failure { error, .. }) => match Self::cached(&cached, repository) {
                Ok(Some(snapshot)) => {
                    self.listener.warning(&format!(
                        "{error}: the {} `{repository}` is taken from the cache, commit {}",
                        repository.kind().noun(),
                        snapshot.commit
                    ));
                    Ok(snapshot)
                }
                // That the network failed is the news, not that the cache is empty.
                Ok(None) | Err(_) => Err(error),
            },
        }
    }

    /// What the cache has; `None` if it does not know the revision at all.
    fn cached(cached: &CachedRepository, repository: &Repository) -> Result<Option<Snapshot>> {
        let Some(commit) = cached.known_commit(repository) else { return Ok(None) };
        let folder = cached.snapshot(&commit);
        if !folder.is_dir() {
            return Ok(None);
        }
        match select::first_missing(repository.kind(), &folder)? {
            None => Ok(Some(Snapshot { folder, commit })),
            Some(missing) => Err(Error::Hub(
                Problem::new(format!("the cache has `{repository}` without {missing}"))
                    .at(folder)
                    .hint("fetch it where there is a network, with HF_HUB_OFFLINE unset"),
            )),
        }
    }

    fn fetch(&self, cached: &CachedRepository, repository: &Repository) -> Result<Snapshot, Failure> {
        let client = Client::new(&self.settings);
        let revision = metadata::revision(&client, repository, self.patience())?;
        if repository.is_pinned() && revision.commit != repository.revision() {
            let what = format!("the hub answers `{repository}` with commit {}", revision.commit);
            return Err(Failure::refused(Problem::new(what).hint("write the commit in full")));
        }
        let folder = cached.snapshot(&revision.commit);
        let mut wanted: Vec<String> = select::wanted(repository.kind(), repository.id(), &revision.files)?
            .into_iter()
            .map(str::to_owned)
            .collect();
        let mut next = 0;
        while let Some(name) = wanted.get(next).cloned() {
            next += 1;
            // What a commit holds never changes.
            if !folder.join(&name).is_file() {
                let file = metadata::file(&client, repository, &revision.commit, &name, self.patience())?;
                blob::fetch(&client, cached, repository, &file, self.patience(), &*self.listener)?;
                cached.link(&revision.commit, &name, &file.etag)?;
            }
            if name == SHARDS {
                wanted.extend(self.listed_shards(&folder, &revision.files, repository)?);
            }
        }
        // Last: whoever reads the reference finds a whole snapshot.
        cached.note(repository, &revision.commit)?;
        Ok(Snapshot { folder, commit: revision.commit })
    }

    fn listed_shards(&self, folder: &std::path::Path, files: &[String], of: &Repository) -> Result<Vec<String>> {
        let index = folder.join(SHARDS);
        let shards = select::shards(&index)?;
        match shards.iter().find(|name| !files.contains(name)) {
            None => Ok(shards),
            Some(name) => Err(Error::Hub(
                Problem::new(format!("{of} has no {name}, which its list of weights names"))
                    .at(index)
                    .hint("name another"),
            )),
        }
    }

    fn patience(&self) -> Patience<'_> {
        Patience::new(self.settings.backoff, &*self.listener)
    }
}
