//! Checkpoints of a training: everything that the next step depends on, in one safetensors file.
//!
//! Weights, optimiser and position are all that an epoch depends on. Within an epoch, two more things are state: the
//! number of its batches, which names their dropout, and what was seen of the training tokens so far, which becomes a
//! part of the epoch's log. The order of the sentences and the evaluations follow from the position.

use std::path::Path;

use fs_err as fs;

use super::Trainer;
use super::evaluate::Log;
use super::state::{self, OPTIMIZER};
use crate::Result;
use crate::dynamics::Probabilities;
use crate::error::{Error, Problem};
use crate::model::checkpoint::{self, Checkpoint, Precision};
use crate::model::{CentroidRule, Centroids, HeadKind};

/// The file's name in the folder given.
const FILE: &str = "checkpoint.safetensors";

/// The tensors of the train pass so far, and of dev's probabilities.
const TRAIN_PASS: &str = "train_pass";
const DEV: &str = "dev";

/// An epoch that is begun and not finished.
#[derive(Default)]
pub(super) struct Unfinished {
    /// Steps taken in it.
    pub steps: u64,
    /// Batches seen in it.
    pub batches: u64,
    /// What was seen of the training tokens; `None` before the first step, and of a prototypical head.
    pub log: Option<Log>,
    /// Probabilities of dev's tokens after the last step, where they are kept.
    pub of_dev: Option<Probabilities>,
}

impl Trainer {
    /// Writes weights, optimiser state and position, atomically, to the folder `dir`.
    pub fn save_checkpoint(&self, dir: &Path) -> Result<()> {
        let mut tensors = state::tensors(self.tagger.parameters(), &*self.optimizer)?;
        // Running centroids are state; those of the whole split are computed anew when they are needed.
        if self.tagger.head().centroids == CentroidRule::Running {
            tensors.extend(self.tagger.centroids().iter().flat_map(|centroids| centroids.tensors()));
        }
        if let Some(log) = &self.unfinished.log {
            tensors.extend(log.tensors(TRAIN_PASS));
        }
        if let Some(Probabilities { values, .. }) = &self.unfinished.of_dev {
            tensors.push((format!("{DEV}.probabilities"), vec![values.len()], values.clone()));
        }
        let position = [
            ("epoch", self.epoch.to_string()),
            ("steps_in_epoch", self.unfinished.steps.to_string()),
            ("batches_in_epoch", self.unfinished.batches.to_string()),
            ("step", self.optimizer.steps().to_string()),
            ("missed_decay", self.missed_decay.to_string()),
            (OPTIMIZER, self.optimizer.name().to_owned()),
        ];
        checkpoint::write(&dir.join(FILE), &tensors, Precision::Single, &position)
    }

    /// True if the folder `dir` holds a checkpoint; it may have been made and then not been written to.
    pub fn has_checkpoint(dir: &Path) -> bool {
        dir.join(FILE).is_file()
    }

    /// Continues from a checkpoint of the same data, model, settings and seed, be it between two epochs or within one.
    ///
    /// # Errors
    /// [`Error::Model`] if the file is missing, truncated, or belongs to another model or other data.
    pub fn load_checkpoint(&mut self, dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        let foreign =
            |what: String| Error::Model(Problem::new(what).at(&path).hint("remove the run's folder and train it anew"));
        if !path.is_file() {
            return Err(foreign("there is no such checkpoint".into()));
        }
        let bytes = fs::read(&path).map_err(Error::io(&path))?;
        let mut saved = Checkpoint::parse(&bytes, &path)?;
        let position = checkpoint::extra(&bytes);
        let number = |key: &str| position.get(key).ok_or_else(|| foreign(format!("it does not say its {key}")));
        let bad = |_| foreign("its position is not a number".into());
        // Checkpoints of earlier versions stand between two epochs, and do not say so.
        let count = |key: &str| position.get(key).map_or(Ok(0), |text| text.parse::<u64>().map_err(bad));
        let (steps, batches) = (count("steps_in_epoch")?, count("batches_in_epoch")?);
        let epoch: u32 = number("epoch")?.parse().map_err(bad)?;
        let step: u64 = number("step")?.parse().map_err(bad)?;
        let missed_decay: f64 =
            number("missed_decay")?.parse().map_err(|_| foreign("its position is not a number".into()))?;
        let (log, of_dev) = if steps > 0 { self.log_so_far(&mut saved, &foreign)? } else { (None, None) };
        state::restore(self.tagger.parameters(), &mut *self.optimizer, step, &mut saved, &position, &foreign)?;
        let running = Centroids::take(&mut saved, self.tagger.classes(), self.tagger.head().dimensions)?;
        if let Some(centroids) = running {
            self.tagger.set_centroids(centroids);
        }
        (self.epoch, self.missed_decay) = (epoch, missed_decay);
        self.unfinished = Unfinished { steps, batches, log, of_dev };
        self.tagger.set_missed_decay(missed_decay);
        Ok(())
    }

    /// The train pass of an unfinished epoch, and dev's probabilities, as a checkpoint has them.
    fn log_so_far(
        &self,
        saved: &mut Checkpoint,
        foreign: &dyn Fn(String) -> Error,
    ) -> Result<(Option<Log>, Option<Probabilities>)> {
        let n_labels = self.tagger.labels().len();
        let has = |saved: &Checkpoint, prefix| saved.shape(&format!("{prefix}.probabilities")).is_some();
        let (of_train, of_dev) = (has(saved, TRAIN_PASS), has(saved, DEV));
        let mut take = |name: String, n: usize| {
            saved.take(&name, &[n])?.ok_or_else(|| foreign(format!("the tensor `{name}` is missing")))
        };
        let log = match self.tagger.head().kind {
            HeadKind::Prototypes => None,
            _ => Some(Log::restore(&self.train, of_train.then_some(n_labels), |name, n| {
                take(format!("{TRAIN_PASS}.{name}"), n)
            })?),
        };
        let of_dev = match of_dev {
            true => {
                let values = take(format!("{DEV}.probabilities"), self.dev.rows() * n_labels)?;
                let (words, _) = Log::new(&self.dev, None).finish();
                Some(Probabilities { sentence: words.sentence, token: words.token, values })
            }
            false => None,
        };
        Ok((log, of_dev))
    }
}
