//! What the hub tells those who wait for it. The library prints nothing: the command line listens here.

use std::sync::{Arc, PoisonError, RwLock};

/// A file about to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer<'a> {
    /// The repository: `organisation/name`.
    pub repository: &'a str,
    /// The file's name in it.
    pub file: &'a str,
    /// Bytes of the whole file, where the server says.
    pub bytes: Option<u64>,
    /// Bytes that are here already, of a download that was broken off.
    pub present: u64,
}

/// Listens to downloads. Every method does nothing unless overridden.
pub trait Listener: Send + Sync {
    /// Something the user should know that stops nothing.
    fn warning(&self, _message: &str) {}
    /// The work pauses: the server asks for patience, a connection broke, another process is at it.
    fn waiting(&self, _why: &str) {}
    /// A file is being fetched.
    fn begun(&self, _transfer: &Transfer<'_>) {}
    /// So many bytes of it are here now.
    fn at(&self, _bytes: u64) {}
    /// It is whole, or given up.
    fn ended(&self) {}
    /// True if the download should stop; what is here stays for the next time.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Listener for Silent {}

static LISTENER: RwLock<Option<Arc<dyn Listener>>> = RwLock::new(None);

/// Sets who listens to this process's downloads from now on.
///
/// It belongs to the process, not to a call: models are opened deep inside runs, which have no other business with
/// whoever watches.
pub fn listen(listener: Arc<dyn Listener>) {
    *LISTENER.write().unwrap_or_else(PoisonError::into_inner) = Some(listener);
}

/// Who listens now.
pub(super) fn current() -> Arc<dyn Listener> {
    let listener = LISTENER.read().unwrap_or_else(PoisonError::into_inner);
    listener.clone().unwrap_or_else(|| Arc::new(Silent))
}
