//! Finding the wrong labels of annotated text.

pub mod evaluation;
mod suspect;

pub use suspect::{Occurrence, Suspect, SuspectKind};
