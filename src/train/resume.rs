//! Checkpoints of a training: everything that the next epoch depends on, in one safetensors file.

use std::path::Path;

use candle_core::Tensor;
use fs_err as fs;

use super::Trainer;
use crate::Result;
use crate::error::{Error, Problem};
use crate::model::checkpoint::{self, Checkpoint, Precision};
use crate::model::{CentroidRule, Centroids};

/// The file's name in the folder given.
const FILE: &str = "checkpoint.safetensors";

impl Trainer {
    /// Writes weights, optimiser state and position, atomically, to the folder `dir`.
    pub fn save_checkpoint(&self, dir: &Path) -> Result<()> {
        let mut tensors = Vec::new();
        let state = self.optimizer.state()?;
        for ((name, var), (first, second)) in self.tagger.parameters().iter().zip(state) {
            let shape = var.dims().to_vec();
            tensors.push((format!("parameter.{name}"), shape.clone(), var.as_tensor().flatten_all()?.to_vec1()?));
            tensors.push((format!("first.{name}"), shape.clone(), first));
            tensors.push((format!("second.{name}"), shape, second));
        }
        // Running centroids are state; those of the whole split are computed anew when they are needed.
        if self.tagger.head().centroids == CentroidRule::Running {
            tensors.extend(self.tagger.centroids().iter().flat_map(|centroids| centroids.tensors()));
        }
        let position = [
            ("epoch", self.epoch.to_string()),
            ("step", self.optimizer.steps().to_string()),
            ("missed_decay", self.missed_decay.to_string()),
        ];
        checkpoint::write(&dir.join(FILE), &tensors, Precision::Single, &position)
    }

    /// True if the folder `dir` holds a checkpoint; it may have been made and then not been written to.
    pub fn has_checkpoint(dir: &Path) -> bool {
        dir.join(FILE).is_file()
    }

    /// Continues from a checkpoint of the same data, model, settings and seed.
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
        let mut take = |name: String, shape: &[usize]| {
            saved.take(&name, shape)?.ok_or_else(|| foreign(format!("the tensor `{name}` is missing")))
        };
        let (mut state, mut parameters) = (Vec::new(), Vec::new());
        for (name, var) in self.tagger.parameters().iter() {
            parameters.push((var, take(format!("parameter.{name}"), var.dims())?));
            state.push((take(format!("first.{name}"), var.dims())?, take(format!("second.{name}"), var.dims())?));
        }
        let number = |key: &str| position.get(key).ok_or_else(|| foreign(format!("it does not say its {key}")));
        let bad = |_| foreign("its position is not a number".into());
        let epoch: u32 = number("epoch")?.parse().map_err(bad)?;
        let step: u64 = number("step")?.parse().map_err(bad)?;
        let missed_decay: f64 =
            number("missed_decay")?.parse().map_err(|_| foreign("its position is not a number".into()))?;
        for (var, values) in parameters {
            var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?;
        }
        let running = Centroids::take(&mut saved, self.tagger.classes(), self.tagger.head().dimensions)?;
        if let Some(centroids) = running {
            self.tagger.set_centroids(centroids);
        }
        self.optimizer.restore(state, step)?;
        (self.epoch, self.missed_decay) = (epoch, missed_decay);
        self.tagger.set_missed_decay(missed_decay);
        Ok(())
    }
}
