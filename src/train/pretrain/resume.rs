//! The state of a pretraining: everything that its next step depends on, in one safetensors file.

use std::path::Path;

use fs_err as fs;

use super::Pretrainer;
use crate::Result;
use crate::error::{Error, Problem};
use crate::model::checkpoint::{self, Checkpoint, Precision};
use crate::train::state::{self, OPTIMIZER};

impl Pretrainer {
    /// Writes weights, optimiser state and position to a file, atomically.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Tensor`].
    pub fn save_state(&self, path: &Path) -> Result<()> {
        let tensors = state::tensors(self.model.parameters(), &*self.optimizer)?;
        let position = [
            ("step", self.step.to_string()),
            ("updates", self.optimizer.steps().to_string()),
            (OPTIMIZER, self.optimizer.name().to_owned()),
        ];
        checkpoint::write(path, &tensors, Precision::Single, &position)
    }

    /// Continues from a state of the same text and settings.
    ///
    /// # Errors
    /// [`Error::Model`] if the file is truncated or belongs to another pretraining; [`Error::Io`].
    pub fn load_state(&mut self, path: &Path) -> Result<()> {
        let foreign = |what: String| {
            Error::Model(Problem::new(what).at(path).hint("remove it: the pretraining then starts anew"))
        };
        let bytes = fs::read(path).map_err(Error::io(path))?;
        let mut saved = Checkpoint::parse(&bytes, path)?;
        let (step, updates) = position(&bytes).ok_or_else(|| foreign("it does not say its position".into()))?;
        let metadata = checkpoint::extra(&bytes);
        state::restore(self.model.parameters(), &mut *self.optimizer, updates, &mut saved, &metadata, &foreign)?;
        self.step = step;
        Ok(())
    }

    /// The step that a saved state stands at; `None` if there is no such file, or none that says it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn step_of_state(path: &Path) -> Result<Option<u64>> {
        if !path.is_file() {
            return Ok(None);
        }
        Ok(position(&fs::read(path).map_err(Error::io(path))?).map(|(step, _)| step))
    }
}

/// Batches seen and updates made.
fn position(bytes: &[u8]) -> Option<(u64, u64)> {
    let extra = checkpoint::extra(bytes);
    let number = |key: &str| extra.get(key)?.parse().ok();
    Some((number("step")?, number("updates")?))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::pretrainer::tests::{settings, text};
    use super::*;
    use crate::train::pretrain::PretrainSettings;

    fn small() -> PretrainSettings {
        PretrainSettings { epochs: 2, dropout: 0.1, ..settings() }
    }

    fn weights(pretrainer: &Pretrainer) -> Vec<f32> {
        pretrainer
            .model
            .parameters()
            .iter()
            .flat_map(|(_, var)| var.as_tensor().flatten_all().unwrap().to_vec1().unwrap())
            .collect()
    }

    #[test]
    fn a_resumed_pretraining_has_the_numbers_of_a_straight_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        let new = || Pretrainer::new(&text(), &small(), &Device::Cpu).unwrap();
        let mut straight = new();
        straight.train(u64::MAX, &mut |_| Ok(())).unwrap();
        assert_eq!(straight.step(), straight.steps());
        // In the middle of an epoch, at its end, and in the next.
        let steps = straight.steps();
        for at in [1, steps / 2, steps - 3] {
            let mut broken = new();
            broken.train(at, &mut |_| Ok(())).unwrap();
            broken.save_state(&path).unwrap();
            assert_eq!(Pretrainer::step_of_state(&path).unwrap(), Some(at));
            let mut resumed = new();
            resumed.load_state(&path).unwrap();
            resumed.train(steps, &mut |_| Ok(())).unwrap();
            assert!(weights(&resumed) == weights(&straight), "broken at {at}");
            assert_eq!(resumed.report().unwrap(), straight.report().unwrap());
        }
    }

    #[test]
    fn a_state_of_another_shape_or_half_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        assert_eq!(Pretrainer::step_of_state(&path).unwrap(), None);
        Pretrainer::new(&text(), &small(), &Device::Cpu).unwrap().save_state(&path).unwrap();
        let other = PretrainSettings { hidden: 16, ..small() };
        let mut other = Pretrainer::new(&text(), &other, &Device::Cpu).unwrap();
        assert!(matches!(other.load_state(&path), Err(Error::Model(_))));
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let mut same = Pretrainer::new(&text(), &small(), &Device::Cpu).unwrap();
        assert!(matches!(same.load_state(&path), Err(Error::Model(_))));
    }
}
