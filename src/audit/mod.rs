//! Finding the wrong labels of annotated text, and putting them right.
//!
//! ```text
//! Text ─▶ train (one run a seed and fold) ─▶ Evidence ─▶ Scores ─▶ Suspects ─▶ files and page
//!                                               │           │          │
//!                                               └─ measures ┴──────────┴─▶ evaluation, where the truth is known
//! decisions ─▶ apply ─▶ corrected text ─▶ compare
//! ```
//!
//! * [`Text`] is one annotated file; [`train`] cuts it into folds and trains on the others ([`crate::run::Fold`]);
//! * [`Evidence`] gathers from the logs what the models said of each token, held out and in training;
//! * [`score()`] makes one number of it, without labels of its own, with [`crate::analysis::channel`]; [`measures()`] are the
//!   single ones in use elsewhere;
//! * [`suspects`] turns tokens into stretches of words that a person can correct one by one;
//! * [`perform`] does all of this, [`write()`] leaves it in a folder, [`page`] draws what a person works through;
//! * [`evaluation`] judges an audit where the truth is known;
//! * [`read_decisions`] and [`apply`] put decisions into the file, [`compare`] says what they are worth.
//!
//! Training apart, everything is a function of the logs: scoring again takes seconds, and the same logs give the same bytes.

pub mod compare;
pub mod evaluation;
pub mod page;

mod apply;
mod calibration;
mod decisions;
mod decode;
mod evidence;
mod folds;
mod listing;
mod measures;
mod mentions;
mod perform;
mod read_scores;
mod regions;
mod results;
mod score;
mod settings;
mod suspect;
mod table;
mod text;
mod types;
mod write_tables;

pub use apply::{Applied, apply, apply_valid};
pub use calibration::{LEAST_F1, SUMMARY_FILE, f1_warning};
pub use decisions::{Auto, Change, Decision, DecisionFormat, Decisions, SUSPECTS_FILE, read_decisions};
pub use evidence::Evidence;
pub use folds::{estimate, run_folder, train};
pub use measures::{MEASURES, Measure, measures};
pub use perform::{Audit, Judgement, Reference, SeedAudit, SeedJudgement, perform};
pub use read_scores::read_scores;
pub use regions::suspects;
pub use results::{SeedSummary, Summary, WriteOptions, summary, write};
pub use score::{Scores, calibrated, score};
pub use settings::{AuditSettings, default_epochs, learning_rate};
pub use suspect::{Occurrence, Suspect, SuspectKind};
pub use text::Text;
pub use types::TypeSummary;
pub use write_tables::{TokenRow, write_cleanlab_table, write_token_table};
