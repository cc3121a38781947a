//! Finding wrong labels in annotated text, and correcting them.
//!
//! ```text
//! Text ─▶ collect ─▶ score ─▶ suspects ─▶ review: files and page ─▶ decisions ─▶ corrected file ─▶ compare
//!         TokenEvidence  TokenScores  Suspect                  │
//!                                                        evaluation, with gold labels
//! ```
//!
//! [`perform`] does the first three steps for a [`Text`], which is one annotated file, and returns an [`Audit`]. Each
//! step is a module that reads only what the steps before it return:
//!
//! 1. [`collect`] trains models on folds of the text, and collects from their logs what they say of each token
//!    ([`TokenEvidence`]);
//! 2. [`mod@score`] combines this into one number a token ([`TokenScores`]), and computes the single measures in use
//!    elsewhere ([`measures()`]);
//! 3. [`mod@suspects`] turns scored tokens into spans that a person can correct one by one ([`Suspect`]);
//! 4. [`review`] writes files and the page that a person works through, reads the decisions and applies them to the
//!    file.
//!
//! Beside the flow: [`evaluation`] measures how good an audit is where gold labels are known, and [`compare`] what the
//! corrections are worth, by training on the labels before and after.
//!
//! Training apart, everything is a function of the logs: scoring again takes seconds, and the same logs give the same
//! bytes.

pub mod collect;
pub mod compare;
pub mod evaluation;
pub mod review;
pub mod score;
pub mod suspects;

mod perform;
mod settings;
mod table;
mod text;

pub use collect::{TokenEvidence, estimate, run_folder, train};
pub use evaluation::{Judgement, Reference, SeedJudgement, read_scores};
pub use perform::{Audit, SeedAudit, perform};
pub use review::{
    Applied, AuditSummary, Auto, Change, Decision, DecisionFormat, Decisions, LEAST_F1, SUMMARY_FILE, SUSPECTS_FILE,
    SeedSummary, TokenRow, WriteOptions, apply, apply_valid, f1_warning, page, read_decisions, summary, write,
    write_cleanlab_table, write_token_table,
};
pub use score::{MEASURES, TokenMeasure, TokenScores, calibrated, measures, score};
pub use settings::{AuditSettings, default_epochs, learning_rate};
pub use suspects::{Occurrence, Suspect, SuspectKind, TypeSummary, suspects};
pub use text::Text;
