//! Rank correlation (Spearman, The American Journal of Psychology 15, 1904).
//!
//! ρ = Σ(r − r̄)(s − s̄) / √(Σ(r − r̄)² · Σ(s − s̄)²), with r and s the ranks of the two measures; equal values share the
//! mean of the ranks they take up. −1 to 1; it asks whether one measure rises with the other, not along which curve.
//!
//! By hand: 1, 2, 3, 4 against 1, 3, 2, 4. Deviations from the mean rank 2.5 are −1.5, −0.5, 0.5, 1.5 and −1.5, 0.5, −0.5,
//! 1.5; their products sum to 4, the squares to 5 on either side: ρ = 0.8.

/// Spearman's ρ of pairs; `None` with fewer than two, where one of the measures is constant, or where a value is not a
/// number. Infinite values have the outermost ranks.
///
/// ```
/// let pairs = [(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 4.0)];
/// let rho = memoscope::metrics::spearman(&pairs).unwrap_or_default();
/// assert!((rho - 0.8).abs() < 1e-12);
/// ```
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.iter().any(|(a, b)| a.is_nan() || b.is_nan()) {
        return None;
    }
    let first = ranks(pairs.iter().map(|pair| pair.0).collect());
    let second = ranks(pairs.iter().map(|pair| pair.1).collect());
    // Ranks sum to the same whatever is tied.
    let mean = (pairs.len() as f64 + 1.0) / 2.0;
    let (mut product, mut squares) = (0.0, (0.0, 0.0));
    for (a, b) in first.iter().zip(&second) {
        let (a, b) = (a - mean, b - mean);
        product += a * b;
        squares.0 += a * a;
        squares.1 += b * b;
    }
    (squares.0 > 0.0 && squares.1 > 0.0).then(|| product / (squares.0.sqrt() * squares.1.sqrt()))
}

/// The one-based rank of each value; equal ones share the mean of theirs.
fn ranks(values: Vec<f64>) -> Vec<f64> {
    // Adding zero makes the negative zero the positive one, which it equals.
    let values: Vec<f64> = values.into_iter().map(|value| value + 0.0).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        for &index in tied {
            ranks[index] = rank;
        }
        before += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rho(first: &[f64], second: &[f64]) -> Option<f64> {
        spearman(&first.iter().copied().zip(second.iter().copied()).collect::<Vec<_>>())
    }

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(ranks(vec![3.0, 1.0, 3.0, 2.0, 3.0]), [4.0, 1.0, 4.0, 2.0, 4.0]);
        assert_eq!(ranks(vec![0.0, -0.0, f64::INFINITY]), [1.5, 1.5, 3.0]);
    }

    #[test]
    fn correlations_equal_scipys() {
        // scipy.stats.spearmanr(events, ...).statistic
        let events = [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 3.0, 0.0, 5.0, 1.0];
        let epochs = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 1.0, 2.0, 9.0];
        let margins = [2.5, -1.0, 0.3, 0.3, 7.1, -2.2, 0.0, 9.0, -8.5, 1.1];
        assert!((rho(&events, &epochs).unwrap() - 0.664_583_261_803_656_5).abs() < 1e-12);
        assert!((rho(&events, &margins).unwrap() + 0.575_093_132_569_898_1).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_correlation_has_none() {
        assert_eq!(spearman(&[]), None);
        assert_eq!(spearman(&[(1.0, 2.0)]), None);
        assert_eq!(rho(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(rho(&[1.0, 2.0, f64::NAN], &[1.0, 2.0, 3.0]), None);
    }

    proptest! {
        #[test]
        fn rising_curves_do_not_matter(values in proptest::collection::vec((-9i32..9, -9i32..9), 2..40)) {
            let (first, second): (Vec<f64>, Vec<f64>) =
                values.iter().map(|&(a, b)| (f64::from(a), f64::from(b))).unzip();
            let curved: Vec<f64> = first.iter().map(|value| value.powi(3) + 7.0).collect();
            let falling: Vec<f64> = first.iter().map(|value| -value).collect();
            let found = rho(&first, &second);
            prop_assert_eq!(rho(&curved, &second), found);
            prop_assert!(found.is_none_or(|found| (rho(&falling, &second).unwrap() + found).abs() < 1e-12));
            prop_assert!(found.is_none_or(|found| found.abs() <= 1.0 + 1e-12));
        }
    }
}
