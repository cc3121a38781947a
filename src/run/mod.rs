//! One run: a training, the folder that holds all it leaves behind, and the promise that nothing finished is lost.
//!
//! ```text
//! noise=0.30,seed=1/
//!   manifest.json               what this run is and how far it came; written before the first step
//!   tokens.parquet              the log (see `crate::dynamics`)
//!   dynamics/epoch=0001.parquet
//!   steps.parquet, curve.parquet
//!   checkpoint/                 weights, optimiser and position after the last finished epoch; gone once finished
//!   probabilities/              of a run that holds out a fold: what it takes the labels of those words to be
//!   model/                      the trained tagger in transformers' layout, if `train.save_model`
//!   .lock                       held by the process that writes here
//! ```
//!
//! **Identity.** What a run is follows from its [`RunConfig`] alone: its SHA-256 stands in the manifest. A folder that
//! holds a run of another configuration, or of data that has changed since, is refused; it is never overwritten. So
//! the same command twice does nothing the second time, and a command with one more noise level adds that level.
//!
//! **Order of writing.** After each epoch the log is written first, the checkpoint last, each atomically. Whatever the
//! moment a run is killed at, the checkpoint never is ahead of the log. Resuming reads the checkpoint's epoch, drops
//! what the log has beyond it, and goes on; as every random number belongs to an epoch and a step
//! ([`crate::random`]), the bytes are those of a run that was never interrupted.
//!
//! **Errors.** A training that diverges, a full disk, an interrupt: the manifest says so (`failed`,
//! `interrupted`), finished epochs stay, and the error goes on to the caller. Only the manifest's own last write may be
//! lost to a full disk; a run that still says `running` without a process holding its lock was broken off, and is
//! resumed like the others.

mod atomic;
mod config;
mod environment;
mod execute;
mod fold;
mod folder;
mod lock;
mod manifest;
mod monitor;
mod pretraining;
mod recorder;

pub use atomic::{write_atomically, write_text};
pub use config::{PretrainedEncoder, RunConfig, run_id};
pub use environment::{GitState, Versions};
pub use execute::{Outcome, RunRequest, begun, execute, warn_of_missing_series};
pub use fold::Fold;
pub use folder::{FolderState, RunFolder};
pub use manifest::{DataSummary, Manifest, Status};
pub use monitor::{EpochSummary, Monitor, RunStart, Silent, StopFlag};
pub use pretraining::{Pretrained, Pretraining};
