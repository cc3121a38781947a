//! Centroids of the classes in the space of a prototypical head: their making, and their average over episodes.
//!
//! Class i is label i + 1: `O` has no centroid.

use super::checkpoint::{Checkpoint, NamedTensor};
use crate::Result;

/// The names of the two tensors that centroids are saved as.
const NAMES: [&str; 2] = ["prototypes.centroids", "prototypes.support"];

/// One centroid a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Centroids {
    /// `[classes, dimensions]`, row by row; zeros for a class without support.
    pub values: Vec<f32>,
    /// How many tokens support each class; of running centroids, in how many episodes it had support.
    pub support: Vec<u64>,
}

impl Centroids {
    /// No support for any class.
    pub fn none(classes: usize, dimensions: usize) -> Self {
        Self { values: vec![0.0; classes * dimensions], support: vec![0; classes] }
    }

    /// Which classes have support.
    pub fn present(&self) -> Vec<bool> {
        self.support.iter().map(|&n| n > 0).collect()
    }

    /// As they are saved with a model.
    pub(crate) fn tensors(&self) -> [NamedTensor; 2] {
        let classes = self.support.len();
        let [values, support] = NAMES.map(String::from);
        let width = self.values.len() / classes.max(1);
        [
            (values, vec![classes, width], self.values.clone()),
            (support, vec![classes], self.support.iter().map(|&n| n as f32).collect()),
        ]
    }

    /// Takes them from a checkpoint, if it has them.
    ///
    /// # Errors
    /// [`crate::Error::Model`] if they have another shape.
    pub(crate) fn take(checkpoint: &mut Checkpoint, classes: usize, dimensions: usize) -> Result<Option<Self>> {
        let values = checkpoint.take(NAMES[0], &[classes, dimensions])?;
        let support = checkpoint.take(NAMES[1], &[classes])?;
        Ok(values
            .zip(support)
            .map(|(values, support)| Self { values, support: support.into_iter().map(|n| n as u64).collect() }))
    }

    /// The running average of these and an episode's: c ← (1 − weight)·c + weight·episode for the classes of the
    /// episode, and the episode's own where a class is met for the first time.
    ///
    /// ```
    /// use memoscope::model::Centroids;
    /// let mut running = Centroids { values: vec![1.0, 0.0, 5.0], support: vec![4, 0, 1] };
    /// running.average(&Centroids { values: vec![2.0, 3.0, 0.0], support: vec![7, 1, 0] }, 0.1);
    /// assert_eq!(running.values, [1.1, 3.0, 5.0]);
    /// assert_eq!(running.support, [5, 1, 1]);
    /// ```
    pub fn average(&mut self, episode: &Self, weight: f64) {
        let Some(width) = self.values.len().checked_div(self.support.len()) else { return };
        if width == 0 {
            return;
        }
        let rows = self.values.chunks_exact_mut(width).zip(episode.values.chunks_exact(width));
        for ((row, new), (n, &met)) in rows.zip(self.support.iter_mut().zip(&episode.support)) {
            if met == 0 {
                continue;
            }
            let weight = if *n == 0 { 1.0 } else { weight };
            for (old, &new) in row.iter_mut().zip(new) {
                *old = ((1.0 - weight) * f64::from(*old) + weight * f64::from(new)) as f32;
            }
            *n += 1;
        }
    }
}

/// Sums in the making, in double precision: a training split has many tokens.
#[derive(Debug, Clone)]
pub struct CentroidSums {
    sums: Vec<f64>,
    support: Vec<u64>,
}

impl CentroidSums {
    /// Nothing added yet.
    pub fn new(classes: usize, dimensions: usize) -> Self {
        Self { sums: vec![0.0; classes * dimensions], support: vec![0; classes] }
    }

    /// Adds tokens: their places in the head's space `[n, dimensions]`, row by row, and their labels; `O` is left out.
    pub fn add(&mut self, places: &[f32], labels: &[u32]) {
        let Some(width) = self.sums.len().checked_div(self.support.len()) else { return };
        for (place, &label) in places.chunks_exact(width.max(1)).zip(labels) {
            let Some(class) = (label as usize).checked_sub(1).filter(|&class| class < self.support.len()) else {
                continue;
            };
            self.support[class] += 1;
            for (sum, &x) in self.sums[class * width..][..width].iter_mut().zip(place) {
                *sum += f64::from(x);
            }
        }
    }

    /// The means.
    ///
    /// ```
    /// use memoscope::model::CentroidSums;
    /// let mut sums = CentroidSums::new(2, 2);
    /// sums.add(&[1.0, 2.0, 3.0, 6.0, 9.0, 9.0], &[1, 1, 0]);
    /// let centroids = sums.means();
    /// assert_eq!((centroids.values, centroids.support), (vec![2.0, 4.0, 0.0, 0.0], vec![2, 0]));
    /// ```
    pub fn means(&self) -> Centroids {
        let width = self.sums.len() / self.support.len().max(1);
        let values = self.sums.iter().enumerate().map(|(i, sum)| (sum / self.support[i / width].max(1) as f64) as f32);
        Centroids { values: values.collect(), support: self.support.clone() }
    }
}
