//! Numbers over seeds.

use serde::{Deserialize, Serialize};

use super::Interval;

/// 97.5 % quantiles of Student's t distribution with 1, 2, … degrees of freedom.
const QUANTILES: [f64; 30] = [
    12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157, 2.228_139,
    2.200_985, 2.178_813, 2.160_369, 2.144_787, 2.131_450, 2.119_905, 2.109_816, 2.100_922, 2.093_024, 2.085_963,
    2.079_614, 2.073_873, 2.068_658, 2.063_899, 2.059_539, 2.055_529, 2.051_831, 2.048_407, 2.045_230, 2.042_272,
];

/// A mean with its spread over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The sample standard deviation (n − 1); `None` with fewer than two values.
    pub deviation: Option<f64>,
    /// How many values.
    pub n: usize,
}

impl Estimate {
    /// The estimate from the values there are; `None` from none.
    pub fn of(values: impl IntoIterator<Item = Option<f64>>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().flatten().collect();
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        Some(Self { mean, deviation, n })
    }

    /// Student's 95 % interval of the mean, mean ± t·deviation/√n with n − 1 degrees of freedom; `None` with fewer than two
    /// values. It takes the values as independent and about normal, which few seeds cannot show: with three seeds it is
    /// mean ± 2.5 deviations.
    ///
    /// Of 1, 2, 6: 3 ± 4.303·2.646/1.732 = −3.57 to 9.57.
    ///
    /// ```
    /// let interval = memoscope::metrics::Estimate::of([1.0, 2.0, 6.0].map(Some)).and_then(|e| e.interval()).unwrap();
    /// assert!((interval.low + 3.572).abs() < 1e-3 && (interval.high - 9.572).abs() < 1e-3);
    /// ```
    pub fn interval(&self) -> Option<Interval> {
        let half = quantile(self.n - 1) * self.deviation? / (self.n as f64).sqrt();
        Some(Interval { low: self.mean - half, high: self.mean + half })
    }

    /// `0.737`, or `0.737 ± 0.004` over seeds.
    pub fn score(&self) -> String {
        match self.deviation {
            Some(deviation) => format!("{:.3} ± {deviation:.3}", self.mean),
            None => format!("{:.3}", self.mean),
        }
    }
}

/// The 97.5 % quantile of Student's t distribution: beyond the table its expansion at the normal quantile (Cornish and
/// Fisher), right to 1e-6 there.
fn quantile(degrees: usize) -> f64 {
    if let Some(&quantile) = degrees.checked_sub(1).and_then(|index| QUANTILES.get(index)) {
        return quantile;
    }
    let (z, n) = (super::interval::Z_95, degrees as f64);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / n + second / n.powi(2) + third / n.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_sample_deviation() {
        // By hand: mean of 1, 2, 6 is 3; squares 4 + 1 + 9 = 14, over 2 is 7.
        let estimate = Estimate::of([Some(1.0), None, Some(2.0), Some(6.0)]).unwrap();
        assert_eq!((estimate.mean, estimate.n), (3.0, 3));
        assert!((estimate.deviation.unwrap() - 7f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn one_value_has_no_spread_and_none_no_estimate() {
        assert_eq!(Estimate::of([Some(0.5)]).unwrap().score(), "0.500");
        assert_eq!(Estimate::of([None]), None);
    }

    #[test]
    fn quantiles_equal_scipys() {
        // scipy.stats.t.ppf(0.975, n)
        for (n, expected) in [(1, 12.706_204_736), (5, 2.570_581_836), (30, 2.042_272_456), (31, 2.039_513_446)] {
            assert!((quantile(n) - expected).abs() < 2e-6, "{n}: {}", quantile(n));
        }
        assert!((quantile(100) - 1.983_971_519).abs() < 1e-6);
    }
}
