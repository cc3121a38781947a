//! Whether estimated probabilities come true.
//!
//! Each unit has an estimated probability p that it is wrong, and is wrong (y = 1) or is not (y = 0). Over n units:
//!
//! * Brier score = Σ (p − y)² / n, 0 to 1, lower is better;
//! * log loss = −Σ ln(y ? p : 1 − p) / n in nats, lower is better, p kept within 2.2e-16 and 1 − 2.2e-16;
//! * expected calibration error = Σ over bins of (bin's n / n)·|mean p − share wrong|, 0 to 1, over ten bins of equal
//!   width;
//! * expected errors Σ p, beside those found.
//!
//! Where few units are wrong, nearly all are in the first bin and Brier score and log loss are small whatever is
//! estimated: the bins say more, and those of equal count tell the small probabilities apart.
//!
//! By hand: p = 0.05, 0.15, 0.9 of which the last is wrong: the Brier score is (0.0025 + 0.0225 + 0.01) / 3, the
//! calibration error over ten bins (0.05 + 0.15 + 0.1) / 3 = 0.1, and 1.1 errors were expected.
//!
//! ```
//! use memoscope::metrics::reliability::Reliability;
//! let reliability = Reliability::new(&[0.05, 0.15, 0.9], &[false, false, true]).unwrap();
//! assert!((reliability.brier_score - 0.035 / 3.0).abs() < 1e-15);
//! assert!((reliability.expected_calibration_error - 0.1).abs() < 1e-15);
//! assert!((reliability.expected_errors - 1.1).abs() < 1e-15);
//! ```

use serde::{Deserialize, Serialize};

use super::{Interval, interval, wilson};

/// Bins of each kind.
const N_BINS: usize = 10;

/// How well probabilities agree with what is true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Units.
    pub n: usize,
    /// Units that are wrong.
    pub n_errors: usize,
    /// Σ p: how many should be wrong.
    pub expected_errors: f64,
    /// Brier score, 0 to 1.
    pub brier_score: f64,
    /// Log loss, nats.
    pub log_loss_nats: f64,
    /// Expected calibration error over `equal_width`, 0 to 1.
    pub expected_calibration_error: f64,
    /// Ten bins of equal width, those without a unit left out.
    pub equal_width: Vec<ReliabilityBin>,
    /// Bins between the deciles of p (linear between neighbours), those without a unit left out: equal probabilities
    /// are never in two bins, so there may be fewer, of different size.
    pub equal_count: Vec<ReliabilityBin>,
}

/// The units with a probability above `low` and up to `high`; the first bin includes its `low`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Units in it.
    pub n: usize,
    /// Mean estimated probability of these.
    pub mean_probability: f64,
    /// Share of them that are wrong, 0 to 1.
    pub observed: f64,
    /// Wilson's 95 % interval of that share, the units taken as independent.
    pub interval: Interval,
}

impl Reliability {
    /// From one probability and the truth a unit; `None` without a unit, or if a probability is not within 0 to 1.
    pub fn new(probability: &[f64], positive: &[bool]) -> Option<Self> {
        debug_assert_eq!(probability.len(), positive.len(), "one probability a unit");
        let n = probability.len();
        if n == 0 || !probability.iter().all(|p| (0.0..=1.0).contains(p)) {
            return None;
        }
        let mut units: Vec<(f64, bool)> = probability.iter().copied().zip(positive.iter().copied()).collect();
        units.sort_by(|a, b| a.0.total_cmp(&b.0));
        let rising: Vec<f64> = units.iter().map(|unit| unit.0).collect();
        let at = |bin: usize| bin as f64 / N_BINS as f64;
        let deciles: Option<Vec<f64>> = (0..=N_BINS).map(|bin| interval::quantile(&rising, at(bin))).collect();
        let equal_width = bins(&units, &(0..=N_BINS).map(at).collect::<Vec<_>>());
        let mean = |get: &dyn Fn(f64, bool) -> f64| units.iter().map(|&(p, y)| get(p, y)).sum::<f64>() / n as f64;
        let error = |bin: &ReliabilityBin| bin.n as f64 / n as f64 * (bin.mean_probability - bin.observed).abs();
        Some(Self {
            n,
            n_errors: positive.iter().filter(|&&wrong| wrong).count(),
            expected_errors: rising.iter().sum(),
            brier_score: mean(&|p, wrong| (p - f64::from(u8::from(wrong))).powi(2)),
            log_loss_nats: mean(&|p, wrong| {
                let p = p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
                -(if wrong { p } else { 1.0 - p }).ln()
            }),
            expected_calibration_error: equal_width.iter().map(error).sum(),
            equal_width,
            equal_count: bins(&units, &deciles?),
        })
    }
}

/// Bins between neighbouring `ends`, from units with rising probability.
fn bins(units: &[(f64, bool)], ends: &[f64]) -> Vec<ReliabilityBin> {
    let mut rest = units;
    let mut bins = Vec::new();
    for (bin, end) in ends.windows(2).enumerate() {
        let is_last = bin + 2 == ends.len();
        let n = if is_last { rest.len() } else { rest.partition_point(|unit| unit.0 <= end[1]) };
        let (inside, after) = rest.split_at(n);
        rest = after;
        let n_wrong = inside.iter().filter(|unit| unit.1).count();
        if let Some(interval) = wilson(n_wrong, n) {
            bins.push(ReliabilityBin {
                low: end[0],
                high: end[1],
                n,
                mean_probability: inside.iter().map(|unit| unit.0).sum::<f64>() / n as f64,
                observed: n_wrong as f64 / n as f64,
                interval,
            });
        }
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_probability_has_no_value() {
        assert_eq!(Reliability::new(&[], &[]), None);
        assert_eq!(Reliability::new(&[0.5, f64::NAN], &[true, false]), None);
        assert_eq!(Reliability::new(&[1.5], &[true]), None);
    }

    #[test]
    fn a_probability_on_a_border_is_in_the_lower_bin() {
        let reliability = Reliability::new(&[0.0, 0.5, 1.0], &[false, true, true]).unwrap();
        let borders: Vec<(f64, f64, usize)> = reliability.equal_width.iter().map(|b| (b.low, b.high, b.n)).collect();
        assert_eq!(borders, [(0.0, 0.1, 1), (0.4, 0.5, 1), (0.9, 1.0, 1)]);
        assert_eq!(reliability.expected_calibration_error, 0.5 / 3.0);
    }

    #[test]
    fn certainty_has_a_finite_loss() {
        let reliability = Reliability::new(&[0.0], &[true]).unwrap();
        assert!((reliability.log_loss_nats - 36.04).abs() < 0.01);
        assert_eq!(reliability.brier_score, 1.0);
    }
}
