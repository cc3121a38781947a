//! How well losses tell noisy from clean tokens, in one epoch.

use super::split;
use crate::metrics::Prf;
use crate::metrics::detection::{average_precision, mask_scores};

/// The score of one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// The boundary between low and high losses, nats; `None` if all losses are equal.
    pub cutoff: Option<f64>,
    /// Precision, recall and F1 of the tokens above it; `None` without a cut-off or without a noisy token.
    pub scores: Option<Prf>,
    /// Average precision with the loss as score, which needs no cut-off; `None` without a noisy token.
    pub average_precision: Option<f64>,
}

/// Splits the losses in two and compares with `noisy`, one flag a loss, where that is known.
pub fn detection(losses: &[f32], noisy: Option<&[bool]>) -> Detection {
    let cutoff = split(losses).map(|split| split.cutoff);
    let noisy = noisy.filter(|noisy| noisy.contains(&true));
    let scores = cutoff.zip(noisy).map(|(cutoff, noisy)| {
        let flagged: Vec<bool> = losses.iter().map(|&loss| f64::from(loss) > cutoff).collect();
        mask_scores(&flagged, noisy)
    });
    let average_precision = noisy.and_then(|noisy| {
        let scores: Vec<f64> = losses.iter().map(|&loss| f64::from(loss)).collect();
        average_precision(&scores, noisy)
    });
    Detection { cutoff, scores, average_precision }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_cluster_is_scored_against_known_noise() {
        // The cut-off lies between 1 and 4; of the three above it two are noisy, one noisy token is below.
        let found = detection(&[0.1, 0.2, 1.0, 4.0, 5.0, 6.0], Some(&[false, false, true, false, true, true]));
        let scores = found.scores.unwrap();
        assert!((scores.precision - 2.0 / 3.0).abs() < 1e-12 && (scores.recall - 2.0 / 3.0).abs() < 1e-12);
        // Ranked 6, 5, 4, 1: (1 + 1 + 3/4) / 3.
        assert!((found.average_precision.unwrap() - 2.75 / 3.0).abs() < 1e-12);
        assert_eq!(detection(&[0.1, 2.0], None).scores, None);
        assert_eq!(detection(&[0.1, 2.0], Some(&[false, false])).average_precision, None);
    }
}
