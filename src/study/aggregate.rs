//! Numbers over seeds.

/// A mean with its spread over seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The sample standard deviation (n − 1); `None` with fewer than two values.
    pub deviation: Option<f64>,
    /// How many values.
    pub n: usize,
}

impl Estimate {
    /// The estimate from the values there are; `None` from none.
    pub(super) fn of(values: impl IntoIterator<Item = Option<f64>>) -> Option<Self> {
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

    /// `0.737`, or `0.737 ± 0.004` over seeds.
    pub(super) fn score(&self) -> String {
        match self.deviation {
            Some(deviation) => format!("{:.3} ± {deviation:.3}", self.mean),
            None => format!("{:.3}", self.mean),
        }
    }
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
}
