//! Whether one measure rises with another, where of some values only a lower bound is known.
//!
//! Kendall's τ-b (Biometrika 38, 1945): of the pairs of observations, those in which both measures rise together (C)
//! against those in which one falls (D), τ = (C − D)/√((P − T)·(P − U)), with P all pairs, T those tied in the one measure
//! and U those tied in the other; −1 to 1. A pair of values whose order is not certain, because one of them is a lower
//! bound below the other, counts as tied.
//!
//! The p-value is that of a permutation test: the share of assignments of the values to their places whose |τ| is at least as
//! large; of all assignments for up to eight observations, else of ten thousand random ones. By hand: 1, 2, 3 against 1, 3, 2 has C = 2, D = 1 and τ = 1/3; against 1, 3 and "at least 2" the last
//! pair is tied, C = 2, D = 0 and τ = 2/√(3·2) = 0.816.

use rand::seq::SliceRandom;

use super::Measurement;
use crate::random::Streams;

/// Up to as many observations all assignments are looked at: 40,320 of eight.
const MOST_ENUMERATED: usize = 8;
/// Assignments drawn for the p-value of more; with the one observed they are ten thousand.
const PERMUTATIONS: usize = 9_999;

/// How one measure goes with another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Kendall's τ-b, −1 to 1.
    pub tau: f64,
    /// Two-sided p-value, above 0 and at most 1.
    pub p: f64,
    /// Observations.
    pub n: usize,
}

/// How the second measure goes with the first; `None` where it has no meaning: fewer than three observations, a measure
/// that is constant, or one of which no order is certain.
///
/// ```
/// use memoscope::metrics::{Measurement, trend};
/// use memoscope::random::Streams;
/// let pairs = [(1.0, Measurement::Exact(1.0)), (2.0, Measurement::Exact(3.0)), (3.0, Measurement::AtLeast(2.0))];
/// let found = trend(&pairs, &Streams::new(1)).expect("three observations");
/// assert!((found.tau - 2.0 / 6f64.sqrt()).abs() < 1e-12);
/// ```
pub fn trend(pairs: &[(f64, Measurement)], streams: &Streams) -> Option<Trend> {
    let n = pairs.len();
    if n < 3 || pairs.iter().any(|(x, y)| x.is_nan() || y.bound().is_nan()) {
        return None;
    }
    let along: Vec<Measurement> = pairs.iter().map(|(x, _)| Measurement::Exact(*x)).collect();
    let mut values: Vec<Measurement> = pairs.iter().map(|(_, y)| *y).collect();
    let scale = (untied(&along) as f64).sqrt() * (untied(&values) as f64).sqrt();
    if scale == 0.0 {
        return None;
    }
    let observed = balance(&along, &values);
    if n <= MOST_ENUMERATED {
        let (mut as_large, mut all) = (0_u64, 0_u64);
        permutations(&mut values, &mut |values| {
            all += 1;
            as_large += u64::from(balance(&along, values).abs() >= observed.abs());
        });
        return Some(Trend { tau: observed as f64 / scale, p: as_large as f64 / all as f64, n });
    }
    let mut stream = streams.stream("trend", &[]);
    let mut as_large = 1;
    for _ in 0..PERMUTATIONS {
        values.shuffle(&mut stream);
        as_large += usize::from(balance(&along, &values).abs() >= observed.abs());
    }
    Some(Trend { tau: observed as f64 / scale, p: as_large as f64 / (PERMUTATIONS + 1) as f64, n })
}

/// Calls `visit` with every order of the values (Heap's algorithm).
fn permutations(values: &mut [Measurement], visit: &mut impl FnMut(&[Measurement])) {
    let mut swapped = vec![0; values.len()];
    visit(values);
    let mut place = 1;
    while place < values.len() {
        if swapped[place] < place {
            values.swap(if place % 2 == 0 { 0 } else { swapped[place] }, place);
            visit(values);
            swapped[place] += 1;
            place = 1;
        } else {
            swapped[place] = 0;
            place += 1;
        }
    }
}

/// C − D.
fn balance(along: &[Measurement], values: &[Measurement]) -> i64 {
    pairs_of(along.len()).map(|(i, j)| along[i].compare(along[j]) * values[i].compare(values[j])).sum()
}

fn untied(values: &[Measurement]) -> usize {
    pairs_of(values.len()).filter(|&(i, j)| values[i].compare(values[j]) != 0).count()
}

fn pairs_of(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(x: &[f64], y: &[f64]) -> Option<Trend> {
        let pairs: Vec<(f64, Measurement)> = x.iter().zip(y).map(|(x, y)| (*x, Measurement::Exact(*y))).collect();
        trend(&pairs, &Streams::new(1))
    }

    #[test]
    fn correlations_equal_scipys() {
        // from scipy.stats import kendalltau
        // kendalltau([0, 0, 0, 1, 1, 1, 3, 3, 3], [1, 2, 1, 2, 4, 3, 3, 5, 4]).statistic
        // kendalltau([1, 2, 3, 4, 5, 6, 7], [2, 1, 4, 3, 7, 5, 6])  # its p is exact
        let tied = of(&[0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0], &[1.0, 2.0, 1.0, 2.0, 4.0, 3.0, 3.0, 5.0, 4.0]);
        assert!((tied.unwrap().tau - 0.748455199183749).abs() < 1e-12, "{tied:?}");
        let free = of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], &[2.0, 1.0, 4.0, 3.0, 7.0, 5.0, 6.0]).unwrap();
        assert!(
            (free.tau - 0.619047619047619).abs() < 1e-12 && (free.p - 0.06904761904761905).abs() < 1e-12,
            "{free:?}"
        );
        assert_eq!(free.n, 7);
    }

    #[test]
    fn what_has_no_order_has_no_trend() {
        assert_eq!(of(&[1.0, 2.0], &[1.0, 2.0]), None);
        assert_eq!(of(&[1.0, 2.0, 3.0], &[4.0; 3]), None);
        assert_eq!(of(&[1.0; 3], &[1.0, 2.0, 3.0]), None);
        let open = [1.0, 2.0, 3.0].map(|x| (x, Measurement::AtLeast(x)));
        assert_eq!(trend(&open, &Streams::new(1)), None);
    }

    #[test]
    fn the_same_values_have_the_same_p() {
        let found = || of(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 2.0, 4.0, 3.0, 5.0]).unwrap();
        assert_eq!(found(), found());
        assert!(found().p > 0.05 && found().p < 0.15, "{:?}", found());
    }
}
