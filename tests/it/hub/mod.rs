//! The hub's client against a server of our own that speaks its protocol, on the loopback.

mod command;
mod fetch;
mod hostile;
mod server;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use memoscope::Result;
use memoscope::hub::{Hub, HubSettings, Kind, Listener, Repository, Snapshot, Transfer};

use server::Server;

/// What a listener was told.
#[derive(Default)]
struct Heard {
    warnings: Mutex<Vec<String>>,
    waits: Mutex<Vec<String>>,
    /// File, bytes, bytes present.
    transfers: Mutex<Vec<(String, Option<u64>, u64)>>,
    stop: std::sync::atomic::AtomicBool,
}

impl Listener for Heard {
    fn warning(&self, message: &str) {
        self.warnings.lock().unwrap().push(message.into());
    }

    fn waiting(&self, why: &str) {
        self.waits.lock().unwrap().push(why.into());
    }

    fn begun(&self, transfer: &Transfer<'_>) {
        self.transfers.lock().unwrap().push((transfer.file.into(), transfer.bytes, transfer.present));
    }

    fn stop_requested(&self) -> bool {
        self.stop.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// A cache of one's own, and a server with what is in it.
struct Setting {
    server: Server,
    cache: tempfile::TempDir,
    heard: Arc<Heard>,
    token: Option<String>,
    offline: bool,
}

impl Setting {
    fn new(server: Server) -> Self {
        let cache = tempfile::tempdir().unwrap();
        Self { server, cache, heard: Arc::default(), token: None, offline: false }
    }

    fn settings(&self) -> HubSettings {
        HubSettings {
            endpoint: self.server.endpoint.clone(),
            cache: self.cache.path().to_owned(),
            token: self.token.clone(),
            offline: self.offline,
            backoff: Duration::from_millis(5),
        }
    }

    fn model(&self, name: &str) -> Result<Snapshot> {
        let repository = Repository::parse(Kind::Model, name).unwrap();
        Hub::new(self.settings(), self.heard.clone()).snapshot(&repository)
    }

    /// The words of the error that fetching ends with, which is the hub's.
    fn refusal(&self, name: &str) -> String {
        match self.model(name) {
            Err(error @ memoscope::Error::Hub(_)) => {
                assert!(error.hint().is_some(), "{error}");
                error.to_string()
            }
            other => panic!("{other:?}"),
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.heard.warnings.lock().unwrap().clone()
    }

    /// Every file and link below the cache, sorted, but for locks.
    fn cached(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in fs_err::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    walk(&entry.path(), root, found);
                } else {
                    found.push(entry.path().strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        let mut found = Vec::new();
        walk(self.cache.path(), self.cache.path(), &mut found);
        found.retain(|path| !path.starts_with(".locks"));
        found.sort();
        found
    }
}
