//! Means over seeds, and log-odds.

/// Probabilities are kept this far from 0 and 1.
const LEAST: f64 = 1e-7;

/// ln(p / (1 − p)), finite.
pub(in crate::audit) fn log_odds(p: f64) -> f64 {
    let p = p.clamp(LEAST, 1.0 - LEAST);
    (p / (1.0 - p)).ln()
}

/// The mean of several vectors, element by element; NaN where any is.
pub(in crate::audit) fn mean_of<T: Copy + Into<f64> + FromMean>(values: &[&[T]]) -> Vec<T> {
    let n = values.len().max(1) as f64;
    let mean = |i: usize| T::from_mean(values.iter().map(|one| one[i].into()).sum::<f64>() / n);
    (0..values.first().map_or(0, |first| first.len())).map(mean).collect()
}

/// A number that a mean is stored as.
pub(in crate::audit) trait FromMean {
    fn from_mean(mean: f64) -> Self;
}

impl FromMean for f32 {
    fn from_mean(mean: f64) -> Self {
        mean as Self
    }
}

impl FromMean for f64 {
    fn from_mean(mean: f64) -> Self {
        mean
    }
}
