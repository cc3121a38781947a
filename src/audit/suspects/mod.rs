//! Step 3, *suspects*: from scored tokens to what a person corrects, spans whose entities seem to be
//! wrong.
//!
//! The *read* entities of a sentence are those of the most probable valid tag sequence under the held-out
//! probabilities. Candidates come from four sources:
//!
//! * Given and read entities that share a token are a *group*. A group in which they differ is a candidate, from the
//!   first to the last token of its entities.
//! * Where they agree, the given entity is a candidate too, with the second-best reading as suggestion: a model that
//!   has learned a mistake agrees with it, but the score may be high.
//! * An *eager* reading, in which the probability of `O` is divided by ten, adds entities that touch no group. It finds
//!   missed entities of which the models are not sure.
//! * If almost all other mentions of the same words have other tags, these are the suggestion.
//!
//! The score of a candidate is the highest score among the tokens whose labels would change.
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
