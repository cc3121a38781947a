//! Step 4, *review*: what a person gets, and what becomes of the decisions.
//!
//! [`write()`] leaves the results in the audit's folder: tables, the suspects with their evidence, and the [`page`] on
//! which a person accepts, edits or rejects each suspect. [`read_decisions`] reads what was decided, on the page or
//! with other tools, and [`apply`] puts it into the annotated file, every byte beside the changed tags as it was.
//! Suspects can also be accepted by their probability alone; [`LEAST_F1`] is what the models must have reached for
//! that.

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
