//! Finding the wrong labels of annotated text, and putting them right.

mod apply;
mod decisions;
mod scores;
mod suspect;
mod table;
mod tables;

pub use apply::{Applied, apply};
pub use decisions::{Change, Decision, DecisionFormat, Decisions, SUSPECTS_FILE, read_decisions};
pub use scores::read_scores;
pub use suspect::{Occurrence, Suspect, SuspectKind};
pub use tables::{TokenRow, write_cleanlab_table, write_token_table};
