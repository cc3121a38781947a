//! Step 1, *collect*: what models say of each token, held out and in training.
//!
//! [`train`] cuts the text into folds and trains one model a seed and fold on the other folds ([`crate::run::Fold`]);
//! each is a run like any other, with a log. [`TokenEvidence::collect`] reads the logs of one seed: the held-out
//! probabilities of all labels, the losses held out and in training, and the statistics of training (margin,
//! forgetting, first learning). It looks up to the last epoch before memorisation, which is found in the curves of the
//! same logs, because a model that has memorised wrong labels no longer objects to them.
//!
//! Nothing else of an audit needs a model: all later steps are functions of this evidence.

mod evidence;
mod folds;
mod means;
mod scored_epoch;
mod training;

pub use evidence::TokenEvidence;
pub use folds::{estimate, run_folder, train};
pub(in crate::audit) use means::{log_odds, mean_of};

#[cfg(test)]
pub(in crate::audit) use evidence::tests;
