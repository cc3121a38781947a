//! Finding the wrong labels of annotated text, and putting them right.

pub mod compare;
pub mod evaluation;
pub mod page;

mod apply;
mod decisions;
mod decode;
mod evidence;
mod folds;
mod listing;
mod measures;
mod mentions;
mod perform;
mod read_scores;
mod read_table;
mod regions;
mod results;
mod score;
mod settings;
mod suspect;
mod text;
mod types;
mod write_tables;

pub use apply::{Applied, apply};
pub use decisions::{Change, Decision, DecisionFormat, Decisions, SUSPECTS_FILE, read_decisions};
pub use evidence::Evidence;
pub use folds::{run_folder, train};
pub use measures::{MEASURES, Measure, measures};
pub use perform::{Audit, Judgement, Reference, SeedAudit, SeedJudgement, perform};
pub use read_scores::read_scores;
pub use regions::suspects;
pub use results::{SeedSummary, Summary, summary, write};
pub use score::{Scores, calibrated, score};
pub use settings::{AuditSettings, default_epochs, learning_rate};
pub use suspect::{Occurrence, Suspect, SuspectKind};
pub use text::Text;
pub use types::TypeSummary;
pub use write_tables::{TokenRow, write_cleanlab_table, write_token_table};
