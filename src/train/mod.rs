//! Loss, optimiser, schedule, random streams, checkpoint and resume.

mod settings;

pub use settings::{Schedule, TrainSettings};
