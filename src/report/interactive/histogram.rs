//! Numbers of tokens by loss, epoch by epoch.

use serde::Serialize;

use crate::{Error, Result};

/// How many bins the losses are counted in.
const N_BINS: usize = 48;
/// The decades of loss that the bins cover, as powers of ten in nats.
const DECADES: (f64, f64) = (-4.0, 1.4);

/// Histograms of the loss of training tokens: one for each panel, epoch and group of tokens.
///
/// The bins are equally wide in the logarithm, from 10⁻⁴ to 25 nats; losses outside are counted in the first or last bin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LossHistogram {
    /// The bins' ends in nats, rising, one more than there are bins.
    edges: Vec<f64>,
    /// The groups' names.
    groups: Vec<String>,
    /// In the order of their first count.
    pub(super) panels: Vec<HistogramPanel>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct HistogramPanel {
    name: String,
    epochs: Vec<HistogramEpoch>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct HistogramEpoch {
    epoch: u32,
    /// Tokens, `[group][bin]`.
    counts: Vec<Vec<u64>>,
}

impl LossHistogram {
    /// Empty histograms of groups of tokens, such as `correct label` and `noisy label`; four at most have colours of their own.
    pub fn new<S: Into<String>>(groups: impl IntoIterator<Item = S>) -> Self {
        let (first, last) = DECADES;
        let edge = |i: usize| 10f64.powf(first + (last - first) * i as f64 / N_BINS as f64);
        Self {
            edges: (0..=N_BINS).map(edge).collect(),
            groups: groups.into_iter().map(Into::into).collect(),
            panels: Vec::new(),
        }
    }

    /// Counts the losses, in nats, of tokens of group `group` (its index in [`LossHistogram::new`]) in an epoch; those that are
    /// not numbers are left out. May be called several times with the same panel, epoch and group: over seeds, for example.
    ///
    /// # Errors
    /// [`Error::Internal`] if there is no such group.
    pub fn count(
        &mut self,
        panel: &str,
        epoch: u32,
        group: usize,
        losses: impl IntoIterator<Item = f64>,
    ) -> Result<()> {
        let n_groups = self.groups.len();
        if group >= n_groups {
            return Err(Error::Internal(format!("group {group} of a loss histogram with {n_groups} groups")));
        }
        let panel = match self.panels.iter().position(|other| other.name == panel) {
            Some(i) => &mut self.panels[i],
            None => {
                self.panels.push(HistogramPanel { name: panel.to_owned(), epochs: Vec::new() });
                let last = self.panels.len() - 1;
                &mut self.panels[last]
            }
        };
        let i = match panel.epochs.binary_search_by_key(&epoch, |other| other.epoch) {
            Ok(i) => i,
            Err(i) => {
                let counts = vec![vec![0; N_BINS]; n_groups];
                panel.epochs.insert(i, HistogramEpoch { epoch, counts });
                i
            }
        };
        let counts = &mut panel.epochs[i].counts[group];
        for loss in losses.into_iter().filter(|loss| !loss.is_nan()) {
            let bin = self.edges[1..N_BINS].partition_point(|edge| *edge <= loss);
            counts[bin] += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loss_is_counted_once_and_epochs_are_in_order() {
        let mut histogram = LossHistogram::new(["correct", "noisy"]);
        histogram.count("a", 3, 0, [1.0, 0.0, 1e9, f64::NAN]).unwrap();
        histogram.count("a", 1, 1, [0.5]).unwrap();
        histogram.count("a", 3, 0, [1.0]).unwrap();
        let [panel] = &histogram.panels[..] else { panic!("one panel") };
        assert_eq!(panel.epochs.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(), [1, 3]);
        let counts = &panel.epochs[1].counts[0];
        assert_eq!((counts.iter().sum::<u64>(), counts[0], counts[N_BINS - 1]), (4, 1, 1));
        let ones = counts.iter().position(|n| *n == 2).unwrap();
        assert!(histogram.edges[ones] <= 1.0 && 1.0 < histogram.edges[ones + 1]);
        assert!(histogram.count("a", 1, 2, [0.5]).is_err());
    }
}
