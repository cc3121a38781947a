//! Step 4, *review*: the files and the page for a person, and the decisions that come back.
//!
//! [`write()`] leaves the results in the audit's folder: tables, the suspects with their evidence, and the [`page`] on
//! which a person accepts, edits or rejects each suspect. [`read_decisions`] reads the decisions, made on the page
//! or with other tools, and [`apply`] changes the tags in the annotated file and nothing else in it.
//! Suspects can also be accepted by their probability alone; [`LEAST_F1`] is the F1 that the models must have for
//! this.

pub mod page;

mod apply;
mod calibration;
mod decisions;
mod files;

pub use apply::{Applied, apply, apply_valid};
pub use calibration::{LEAST_F1, SUMMARY_FILE, f1_warning};
pub use decisions::{Auto, Change, Decision, DecisionFormat, Decisions, SUSPECTS_FILE, read_decisions};
pub use files::{
    AuditSummary, SeedSummary, TokenRow, WriteOptions, summary, write, write_cleanlab_table, write_token_table,
};
