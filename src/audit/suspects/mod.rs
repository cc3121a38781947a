//! Step 3, *suspects*: from scored tokens to what a person corrects, spans whose entities seem to be
//! wrong.
//!
//! The models' reading of a sentence is the best valid tag sequence under their held-out probabilities. Given and read
//! entities that share a token are one *group*; a group in which the two differ is a candidate, from the first to the
//! last token of all its entities. Where they agree, the given entity is one with the best other reading as suggestion:
//! its score says whether to worry, as a model that has learned a mistake agrees with it. So that missed entities are
//! found that the models only suspect, a more *eager* reading, for which `O` counts a tenth, adds those that touch no
//! group. Where the same words are given otherwise almost everywhere else, that is the suggestion. A candidate's score
//! is the highest one among the tokens whose labels would change.
//!
//! [`TypeSummary`] counts the suspects of each entity type, and warns of types that the models have not learned.

mod by_type;
mod decode;
mod find;
mod suspect;

pub use by_type::TypeSummary;
pub(in crate::audit) use by_type::by_type;
pub use find::suspects;
pub use suspect::{Occurrence, Suspect, SuspectKind};
