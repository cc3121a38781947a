//! The learning rate at each step.

use super::{Schedule, TrainSettings};

/// Warm-up, then decay or not, over a known number of steps.
#[derive(Debug, Clone, Copy)]
pub struct LearningRate {
    peak: f64,
    schedule: Schedule,
    warmup: u64,
    total: u64,
}

impl LearningRate {
    /// The schedule of a run of `total` steps; warm-up takes ⌊warmup · total⌋ of them.
    pub fn new(settings: &TrainSettings, total: u64) -> Self {
        let warmup = (settings.warmup * total as f64) as u64;
        Self { peak: settings.learning_rate, schedule: settings.schedule, warmup, total }
    }

    /// The learning rate of step `t`, counted from 0: η·t/w while t < w, then η·(n − t)/(n − w) or η.
    pub fn at(&self, t: u64) -> f64 {
        let factor = if t < self.warmup {
            t as f64 / self.warmup as f64
        } else {
            match self.schedule {
                Schedule::Constant => 1.0,
                Schedule::Linear => self.total.saturating_sub(t) as f64 / (self.total - self.warmup).max(1) as f64,
            }
        };
        self.peak * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(schedule: Schedule, warmup: f64, total: u64) -> Vec<f64> {
        let settings = TrainSettings { learning_rate: 1.0, schedule, warmup, ..TrainSettings::default() };
        (0..total).map(|t| LearningRate::new(&settings, total).at(t)).collect()
    }

    #[test]
    fn it_rises_and_falls_linearly() {
        assert_eq!(rates(Schedule::Linear, 0.4, 5), [0.0, 0.5, 1.0, 2.0 / 3.0, 1.0 / 3.0]);
    }

    #[test]
    fn it_stays_at_its_peak_where_asked_to() {
        assert_eq!(rates(Schedule::Constant, 0.25, 4), [0.0, 1.0, 1.0, 1.0]);
        assert_eq!(rates(Schedule::Constant, 0.0, 2), [1.0, 1.0]);
    }
}
