//! Finding the wrong labels of annotated text.

mod suspect;

pub use suspect::{Occurrence, Suspect, SuspectKind};
