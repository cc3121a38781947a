//! The losses of all tokens in all epochs: what grows with tokens × epochs, and so is kept as small as it can be.

use super::clusters::{Points, mean_and_deviation};

/// The loss of each token in one epoch; 4 bytes a token.
#[derive(Debug, Clone)]
pub(super) struct EpochLosses {
    /// NaN where the token was not observed; a log holds no such loss.
    values: Vec<f32>,
}

impl EpochLosses {
    /// Nothing observed of `n` tokens.
    pub(super) fn new(n: usize) -> Self {
        Self { values: vec![f32::NAN; n] }
    }

    /// Takes the loss of a token.
    pub(super) fn observe(&mut self, row: usize, loss: f32) {
        self.values[row] = loss;
    }

    /// The loss of a token in nats; `None` if it was not observed.
    pub(super) fn get(&self, row: usize) -> Option<f32> {
        Some(self.values[row]).filter(|loss| !loss.is_nan())
    }

    /// The losses of all tokens.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<f32>> {
        self.values.iter().map(|&loss| Some(loss).filter(|loss| !loss.is_nan()))
    }
}

/// The losses of some tokens in some epochs as points, one dimension an epoch.
pub(super) struct Trajectories<'a> {
    epochs: &'a [EpochLosses],
    rows: &'a [usize],
    /// What is subtracted from each dimension, and what it is then divided by.
    scales: Vec<(f64, f64)>,
}

impl<'a> Trajectories<'a> {
    /// As they are; the tokens must have been observed in each of the epochs.
    pub(super) fn new(epochs: &'a [EpochLosses], rows: &'a [usize]) -> Self {
        Self { epochs, rows, scales: vec![(0.0, 1.0); epochs.len()] }
    }

    /// Each epoch to mean 0 and standard deviation 1; a constant one to 0.
    pub(super) fn standardised(self) -> Self {
        let scale = |epoch: &EpochLosses| {
            let values = self.rows.iter().map(|&row| f64::from(epoch.values[row]));
            let (mean, deviation) = mean_and_deviation(values);
            (mean, if deviation > 0.0 { deviation } else { f64::INFINITY })
        };
        Self { scales: self.epochs.iter().map(scale).collect(), ..self }
    }
}

impl Points for Trajectories<'_> {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn dimensions(&self) -> usize {
        self.epochs.len()
    }

    fn point(&self, index: usize, out: &mut [f64]) {
        for ((out, epoch), (centre, spread)) in out.iter_mut().zip(self.epochs).zip(&self.scales) {
            *out = (f64::from(epoch.values[self.rows[index]]) - centre) / spread;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(values: &[f32]) -> EpochLosses {
        let mut losses = EpochLosses::new(values.len() + 1);
        for (row, &loss) in values.iter().enumerate() {
            losses.observe(row, loss);
        }
        losses
    }

    #[test]
    fn what_was_not_observed_is_none() {
        let losses = losses(&[0.5]);
        assert_eq!(losses.iter().collect::<Vec<_>>(), [Some(0.5), None]);
        assert_eq!((losses.get(0), losses.get(1)), (Some(0.5), None));
    }

    #[test]
    fn standardised_epochs_have_unit_spread() {
        let epochs = [losses(&[1.0, 9.0, 3.0]), losses(&[5.0, 7.0, 5.0])];
        let points = Trajectories::new(&epochs, &[0, 2]).standardised();
        let mut point = [f64::NAN; 2];
        points.point(0, &mut point);
        assert_eq!(point, [-1.0, 0.0]);
        points.point(1, &mut point);
        assert_eq!(point, [1.0, 0.0]);
    }
}
