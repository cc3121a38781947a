//! The effect of corrections: taggers trained on the labels before and after, scored on the same dev file.
//!
//! Two versions of one annotated file hold the same words and other labels. For each seed one tagger is trained on
//! either, with all else equal: the encoder, the new weights of the head, the order of the sentences, dropout, the
//! labels. Both label the dev file, whose labels are taken to be right.
//!
//! Scores are those after the last epoch. The best epoch would be selected on dev, and favours the tagger whose scores
//! vary more between epochs. [`crate::metrics::paired`] has the two intervals of the difference; a [`Verdict`] is given
//! only where both lie on one side of 0.
//!
//! ```text
//! compare.json             what was compared, scores by seed, differences with their intervals
//! compare.md               the same as tables
//! runs/version=before/seed=1   one folder a seed and version: see `crate::run`
//! runs/version=after/seed=1
//! ```
//!
//! The same files, encoder and settings give the same bytes: no clock goes into the first two.

mod perform;
mod result;
mod settings;
mod tables;
mod texts;

pub use perform::{compare, run_folder};
pub use result::{Comparison, SeedScores, TextSummary, TypeDifference, Verdict, Version, VersionScores};
pub use settings::CompareSettings;
pub use tables::write;
pub use texts::{Changes, Texts};
