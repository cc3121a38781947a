//! Intervals: where a number probably lies.

use serde::{Deserialize, Serialize};

/// The 97.5 % quantile of the normal distribution.
pub(super) const Z_95: f64 = 1.959_963_984_540_054;

/// A 95 % interval, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// The middle 95 % of what a bootstrap gave: the 2.5 % and 97.5 % quantiles, linear between neighbours as numpy's
    /// `percentile`; `None` of nothing.
    ///
    /// Of 0, 1, … 200: 5 to 195.
    pub(super) fn of_replicates(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        Some(Self { low: quantile(&values, 0.025)?, high: quantile(&values, 0.975)? })
    }
}

/// A quantile of rising values, linear between neighbours as numpy's `percentile`; `None` of nothing.
pub(super) fn quantile(rising: &[f64], share: f64) -> Option<f64> {
    let place = share * rising.len().checked_sub(1)? as f64;
    let (below, above) = (rising[place.floor() as usize], rising[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

/// Wilson's 95 % interval of a share, 0 to 1, of which `n_hits` of `n` were seen; `None` if n is 0.
///
/// With p the share seen and z = 1.96: (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n). It stays within 0 to 1 and has
/// a width even where all or none were hits. It takes the n as independent.
///
/// ```
/// let interval = memoscope::metrics::wilson(0, 10).unwrap();
/// assert!(interval.low == 0.0 && (interval.high - 0.2775).abs() < 1e-4);
/// ```
pub fn wilson(n_hits: usize, n: usize) -> Option<Interval> {
    if n == 0 {
        return None;
    }
    let (share, n) = (n_hits as f64 / n as f64, n as f64);
    let square = Z_95 * Z_95 / n;
    let half = Z_95 * (share * (1.0 - share) / n + square / (4.0 * n)).sqrt();
    let end = |half: f64| ((share + square / 2.0 + half) / (1.0 + square)).clamp(0.0, 1.0);
    Some(Interval {
        low: if share == 0.0 { 0.0 } else { end(-half) },
        high: if share == 1.0 { 1.0 } else { end(half) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_the_replicates_by_hand() {
        let interval = Interval::of_replicates((0..=200).rev().map(f64::from).collect()).unwrap();
        assert!((interval.low - 5.0).abs() < 1e-9 && (interval.high - 195.0).abs() < 1e-9, "{interval:?}");
        assert_eq!(Interval::of_replicates(vec![2.0]), Some(Interval { low: 2.0, high: 2.0 }));
        assert_eq!(Interval::of_replicates(vec![]), None);
    }

    #[test]
    fn a_share_of_nothing_is_unknown() {
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(3, 3).map(|interval| interval.high), Some(1.0));
    }
}
