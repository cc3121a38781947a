//! Models and data sets from the hub: a repository's name to a folder on this machine, and the commit it holds.
//!
//! A name is `bert-base-cased` or `organisation/name`, perhaps with a branch, tag or commit behind an `@`
//! ([`Repository`]). [`snapshot()`] asks the hub which commit that is and which files there are, fetches those that
//! Memoscope reads ([`select`]) and returns the folder. It asks once in a process: all runs of a study get the same
//! commit, whatever happens on the hub meanwhile.
//!
//! **The cache** is the one that transformers and huggingface_hub use, in their layout and with their locks: a file
//! that one of them has fetched the others find.
//!
//! ```text
//! $HF_HUB_CACHE/models--organisation--name/
//!     refs/main                      the commit that `main` was when it was last asked for
//!     blobs/ETAG                     a file's content; ETAG.incomplete while it is fetched
//!     snapshots/COMMIT/config.json   a link to its blob
//! $HF_HUB_CACHE/.locks/models--organisation--name/ETAG.lock
//! ```
//!
//! **Without a network** the commit that the cache knows for the name is taken: with a warning where the hub cannot be
//! reached, without asking where `HF_HUB_OFFLINE` is set. Environment variables are those of huggingface_hub
//! ([`HubSettings`]).
//!
//! **What is trusted.** Nothing that a server says names a place outside the cache: commits, ETags and file names are
//! checked before they become paths. A blob gets its name when it is whole: its length is the announced one, and
//! where the ETag is a SHA-256 (all large files) its digest is checked. The token goes to the endpoint's own scheme,
//! host and port, and to no address that it redirects to.
//!
//! **Why not all of it through hf-hub.** Its cache layout is used. Its client (0.5.0) is not, because it knows neither
//! HF_TOKEN, HF_HUB_CACHE nor HF_HUB_OFFLINE; appends to what it has whether or not the server sent the asked range;
//! checks neither length nor digest; joins ETags and file names to paths as they come; reads no Retry-After; and asks
//! for metadata in a way (`Range: bytes=0-0`) that fails on empty files. None of this can be done around it. Its
//! version 1.0 brings an asynchronous runtime and 229 crates.

mod blob;
mod cache;
mod client;
mod failure;
mod listener;
mod metadata;
mod name;
pub mod select;
mod settings;
mod snapshot;

pub use listener::{Listener, Silent, Transfer, listen};
pub use name::{Kind, Repository};
pub use select::TOKENIZER_FILES;
pub use settings::HubSettings;
pub use snapshot::{Hub, Snapshot, snapshot};
pub(crate) use snapshot::{known_snapshots, take_known};
