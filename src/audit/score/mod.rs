//! Step 2, *score*: one number a token from all that was collected of it, without any gold label.
//!
//! For each token there are three estimates of the log-odds that its given label is wrong, ln((1 − p) / p):
//!
//! 1. *held out*: p is the probability of the given label by models that were not trained on the sentence, averaged
//!    over a window of epochs, which ends before memorisation and begins where the given labels are most likely;
//! 2. *in training*: p is that of the models that were trained on the sentence; the log-odds are averaged over models
//!    and over the window. A label that is hard to learn although it is trained on is suspect;
//! 3. *channel* ([`LabelChannel`](crate::analysis::channel::LabelChannel)): the posterior that the label is wrong, from
//!    the held-out probabilities of all labels and the estimated confusions of the annotators.
//!
//! The score averages the first two (h and t). The channel's log-odds c are compared with the log-odds x of the same
//! probabilities without a channel. Their difference is what the estimated confusions add. It has the weight 1/2,
//! because the channel is an estimate, and because part of it describes errors of the models:
//!
//! ```text
//! s  =  (h + t)/2 + (c − x)/2
//! ```
//!
//! Annotators label entities, not tokens, so the score is then averaged over the tokens of a given entity, and over
//! tokens given as `O` that together are an entity for the models. If most other mentions of the same words have other
//! labels, half of ln((1 − a) / a) is added, where a = (alike + 1) / (others + 2) is the share of the other mentions
//! that have the same labels. The weight is 1/2 because the models have seen those mentions too. Nothing is added if
//! most mentions have the same labels, because the same mistake may have been made each time.
//!
//! *Probabilities.* s ranks well, but its zero is not calibrated. The channel's posteriors are probabilities, but rank
//! worse. So the posteriors give the expected number of errors and s their order: the probability is
//! 1 / (1 + e^−(s + a)), with the a for which the sums agree.
//!
//! [`measures()`] are the single statistics that others use (loss, margin, confident learning, forgetting); they are
//! written and evaluated beside the score, and are no part of it.

mod measures;
mod mentions;
mod token_scores;

pub use measures::{MEASURES, TokenMeasure, measures};
pub(in crate::audit) use mentions::Mentions;
pub use token_scores::{TokenScores, calibrated, score};
