//! Finding the wrong labels of annotated text.

pub mod page;
mod suspect;

pub use suspect::{Occurrence, Suspect, SuspectKind};
