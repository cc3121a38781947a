//! What a training tells those who watch it. The trainer calls observers and knows none of them.

use crate::Result;
use crate::corpus::Split;
use crate::dynamics::{CurvePoint, Observations, Probabilities, StepRecord};
use crate::metrics::entity::TypeScores;

use super::Trainer;

/// Everything observed in one finished epoch.
pub struct EpochEnd<'a> {
    /// One-based epoch.
    pub epoch: u32,
    /// Each training token as its batch was seen: dropout on, before the update that used it; `None` of a prototypical
    /// head, whose episodes see some of the tokens only.
    pub train: Option<Observations>,
    /// Each training token after the epoch, dropout off; `None` if that pass is switched off.
    pub eval: Option<Observations>,
    /// The probability of every label for the tokens of the split that [`Observer::keep_probabilities`] names: of dev
    /// after the epoch, of train as its batches were seen; `None` where none is named.
    pub probabilities: Option<Probabilities>,
    /// The trainer, to write a checkpoint from.
    pub trainer: &'a Trainer,
}

/// Watches a training. An error returned stops it.
pub trait Observer {
    /// After each optimiser step.
    fn step(&mut self, record: &StepRecord) -> Result<()>;
    /// After each evaluation on dev and on the probe; `types` are the scores of each entity type on dev.
    fn evaluation(&mut self, point: &CurvePoint, types: &[TypeScores]) -> Result<()>;
    /// After each epoch, its last evaluation included.
    fn epoch(&mut self, end: EpochEnd<'_>) -> Result<()>;
    /// The split whose probabilities each [`EpochEnd`] is to carry, train or dev; there are none of train with a
    /// prototypical head.
    fn keep_probabilities(&self) -> Option<Split> {
        None
    }
    /// True when the user asked to stop: the trainer finishes its step, calls [`Observer::checkpoint`], and returns
    /// [`crate::Error::Interrupted`].
    fn stop_requested(&self) -> bool {
        false
    }
    /// True when a checkpoint is to be written within the epoch; asked after each step and its evaluation.
    fn checkpoint_due(&self) -> bool {
        false
    }
    /// After a step that the training may have to be continued from: because a checkpoint is due, or because it stops here.
    fn checkpoint(&mut self, _trainer: &Trainer) -> Result<()> {
        Ok(())
    }
}
