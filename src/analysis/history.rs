//! What became of each token in either pass: its events and its mean margin.
//!
//! [`super::analyse_run`] counts events in one pass, the one that the settings name. What a model forgets depends on the
//! pass: in the train pass dropout is on and a token is judged before the update that uses it; in the eval pass, after the
//! epoch, dropout is off. Comparing encoders, both are wanted side by side.
//!
//! The mean over epochs of a token's margin (logit of the given label minus the best other) is the area under the margin,
//! AUM (Pleiss et al., NeurIPS 2020, arXiv 2001.10528): low where the model resists the label.

use super::events::{EventCounter, UnitEvents};
use super::rows::rows_of;
use crate::Result;
use crate::dynamics::{Log, Pass};

/// What became of the tokens of a run in one pass; one entry a row of the token table.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenHistory {
    /// The pass.
    pub pass: Pass,
    /// Forgetting, learning and first learning events.
    pub events: UnitEvents,
    /// True for tokens that were observed at least once; the others take no part in anything.
    pub presented: Vec<bool>,
    /// Mean margin over the epochs; `None` where none was observed that is a number.
    pub margin: Vec<Option<f64>>,
}

/// The history in each pass that all epochs of the log hold, train before eval.
///
/// # Errors
/// [`crate::Error::Data`] for a log that cannot be used.
pub fn token_histories(log: &Log) -> Result<Vec<TokenHistory>> {
    let tokens = log.tokens();
    let n = tokens.len();
    let mut passes =
        [Pass::Train, Pass::Eval].map(|pass| Some((pass, EventCounter::new(n), vec![(0.0_f64, 0_u32); n])));
    for &epoch in log.epochs() {
        let observed = log.epoch(epoch)?;
        for entry in &mut passes {
            let Some((pass, counter, margins)) = entry else { continue };
            let Some(observations) = observed.pass(*pass) else {
                *entry = None;
                continue;
            };
            let rows = rows_of(tokens, observations);
            counter.observe(epoch, rows.iter().copied().zip(observations.correct.iter().copied()));
            for (&row, &margin) in rows.iter().zip(&observations.margin) {
                if !margin.is_nan() {
                    margins[row].0 += f64::from(margin);
                    margins[row].1 += 1;
                }
            }
        }
    }
    let mean = |(sum, n): (f64, u32)| (n > 0).then(|| sum / f64::from(n));
    let history = |(pass, counter, margins): (Pass, EventCounter, Vec<(f64, u32)>)| TokenHistory {
        pass,
        events: counter.events().clone(),
        presented: counter.presented().to_vec(),
        margin: margins.into_iter().map(mean).collect(),
    };
    Ok(passes.into_iter().flatten().map(history).collect())
}
