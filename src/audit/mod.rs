//! Finding the wrong labels of annotated text.

mod evidence;
mod folds;
mod score;
mod settings;
mod suspect;
mod text;

pub use evidence::Evidence;
pub use folds::{Trained, run_folder, train};
pub use score::{Scores, calibrated, score};
pub use settings::{AuditSettings, learning_rate};
pub use suspect::{Occurrence, Suspect, SuspectKind};
pub use text::Text;
