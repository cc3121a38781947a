//! Finding the wrong labels of annotated text.

pub mod evaluation;
pub mod page;

mod decode;
mod evidence;
mod folds;
mod mentions;
mod regions;
mod score;
mod settings;
mod suspect;
mod text;

pub use evidence::Evidence;
pub use folds::{Trained, run_folder, train};
pub use regions::suspects;
pub use score::{Scores, calibrated, score};
pub use settings::{AuditSettings, learning_rate};
pub use suspect::{Occurrence, Suspect, SuspectKind};
pub use text::Text;
