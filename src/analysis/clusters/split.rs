//! Two-means in one dimension, solved exactly.
//!
//! In one dimension clusters are intervals, so the best of all two-means solutions is found by trying each of the n − 1
//! cuts of the sorted values, with prefix sums: no starts, no local optimum. Minimising the squared error within is
//! maximising n₁·n₂·(m₂ − m₁)² between.

/// Two clusters of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Mean of the lower cluster.
    pub low: f64,
    /// Mean of the higher cluster.
    pub high: f64,
    /// The boundary, the midpoint of the two means: values above it are in the higher cluster.
    pub cutoff: f64,
}

/// Splits `values` in two; `None` if there are fewer than two different ones. NaN is not allowed.
///
/// ```
/// let split = memoscope::analysis::clusters::split(&[0.1, 0.3, 4.0, 6.0]).unwrap();
/// assert!((split.low - 0.2).abs() < 1e-6 && split.high == 5.0);
/// assert!((split.cutoff - 2.6).abs() < 1e-6);
/// ```
pub fn split(values: &[f32]) -> Option<Split> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let n = sorted.len() as f64;
    let total: f64 = sorted.iter().map(|&v| f64::from(v)).sum();
    let mut best: Option<(f64, f64, f64)> = None;
    let (mut count, mut sum) = (0.0, 0.0);
    for pair in sorted.windows(2) {
        count += 1.0;
        sum += f64::from(pair[0]);
        if pair[0] == pair[1] {
            continue;
        }
        let (low, high) = (sum / count, (total - sum) / (n - count));
        let between = count * (n - count) * (high - low) * (high - low);
        if best.is_none_or(|(largest, ..)| between > largest) {
            best = Some((between, low, high));
        }
    }
    best.map(|(_, low, high)| Split { low, high, cutoff: f64::midpoint(low, high) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_values_cannot_be_split() {
        assert_eq!(split(&[1.0; 5]), None);
        assert_eq!(split(&[]), None);
    }

    proptest! {
        #[test]
        fn the_cutoff_separates_exactly_the_clusters(values in proptest::collection::vec(0.0_f32..10.0, 2..60)) {
            if let Some(split) = split(&values) {
                let high: Vec<f64> = values.iter().map(|&v| f64::from(v)).filter(|v| *v > split.cutoff).collect();
                let mean = high.iter().sum::<f64>() / high.len() as f64;
                prop_assert!((mean - split.high).abs() < 1e-9);
            }
        }
    }
}
