//! Fine-tuning: loss, optimiser, schedule, random streams, checkpoint and resume.
//!
//! The [`Trainer`] knows nothing of files or screens: it calls an [`Observer`] after each step, evaluation and epoch.
//! Every random number comes from a stream named by its purpose and place, every parallel sum is taken over chunks of
//! fixed size: the same seed gives the same bytes on any number of threads, and a resumed run those of a whole one.

mod counts;
mod data;
mod divergence;
mod episodes;
mod evaluate;
mod observer;
pub mod optimizer;
mod pace;
pub mod pretrain;
mod resume;
pub mod schedule;
mod settings;
pub mod speed;
mod state;
mod step;
mod trainer;

pub use data::{EncodingReport, TrainingData};
pub use episodes::EpisodeSettings;
pub use observer::{EpochEnd, Observer};
pub use optimizer::OptimizerKind;
pub use pace::Pace;
pub use settings::{Schedule, TrainSettings};
pub use trainer::Trainer;
