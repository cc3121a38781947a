//! One run: a training, the folder that holds all it leaves behind, and the promise that nothing finished is lost.
//!
//! ```text
//! noise=0.30/seed=1/
//!   manifest.json               what this run is and how far it came; written before the first step
//!   tokens.parquet              the log (see `crate::dynamics`)
//!   dynamics/epoch=0001.parquet
//!   steps.parquet, curve.parquet
//!   checkpoint/                 weights, optimiser and position, and what was seen in the epoch so far; gone once finished
//!   probabilities/              of a run that holds out a fold: what it takes the labels of those tokens to be
//!   model/                      the trained tagger in transformers' layout, if `train.save_model`
//!   .lease                      says which process writes here; gone when none does
//! ```
//!
//! **Identity.** What a run is follows from its [`RunConfig`] alone, from the settings that differ from the defaults
//! ([`RunConfig::identity`]). A folder that holds a run of another configuration, or of data that has changed since, is
//! refused; it is never overwritten. So the same command twice does nothing the second time, a command with one more
//! noise level adds that level, and a version of this program with one more setting takes finished runs for what they
//! are.
//!
//! **Names.** Where a run stands in its study's grid ([`Coordinates`]) names it and its folder.
//!
//! **Checkpoints.** One is written at the end of each epoch; within an epoch every `train.checkpoint_minutes`, by a
//! monotonic clock that is read after each step, and after the step in which the user asked to stop. A checkpoint
//! within an epoch holds the number of its steps and batches, and what the train pass has seen so far, because the file
//! of an epoch's observations is written when the epoch is finished. Steps and evaluations up to the checkpoint are in
//! the log's series.
//!
//! **Order of writing.** The log is written first, then the checkpoint, then the manifest, each atomically. Whatever
//! the moment a run is killed at, the checkpoint never is ahead of the log; what is left half written under a temporary
//! name is removed at the next start. Resuming reads the checkpoint's step, drops what the log has beyond it, and goes
//! on; as every random number belongs to an epoch and a step ([`crate::random`]), the bytes are those of a run that was
//! never interrupted.
//!
//! **Errors.** A training that diverges, a full disk, an interrupt: the manifest says so (`failed`, `interrupted`),
//! finished epochs and the last checkpoint stay, and the error goes on to the caller. Only the manifest's own last
//! write may be lost to a full disk; a run that still says `running` without a live lease ([`Lease`]) was broken off,
//! and is resumed like the others.

mod config;
mod coordinates;
mod environment;
mod execute;
mod fold;
mod folder;
mod identity;
mod lease;
mod manifest;
mod monitor;
mod pretraining;
mod recorder;

#[cfg(test)]
pub(crate) use config::tests;
pub use config::{PretrainedEncoder, RunConfig};
pub use coordinates::{Coordinate, Coordinates};
pub use environment::{GitState, Versions};
pub use execute::{Outcome, RunRequest, begun, execute, warn_of_missing_series};
pub(crate) use execute::{prepare, require_whole_log, token_table};
pub use fold::Fold;
pub(crate) use folder::partition_in;
pub use folder::{FolderState, RunFolder, folder_in, run_folders};
pub use lease::{Lease, Owner, Process};
pub use manifest::{DataSummary, Manifest, Status};
pub use monitor::{EpochSummary, Monitor, RunStart, Silent, StopFlag, StudyProgress};
pub use pretraining::{Pretrained, Pretraining};
