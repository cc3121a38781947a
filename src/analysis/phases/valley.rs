//! Valley regression: the best curve that first never rises and then never falls.
//!
//! Isotonic regression needs neither a unit nor a window to smooth over: it pools neighbours only where they contradict
//! the order. A score that stays on its floor and then rises is such a curve, whatever the form of the rise; one that
//! starts high, sinks to the floor and rises again is too. Upside down it is a peak.
//!
//! Pool-adjacent-violators gives every prefix's falling fit and every suffix's rising fit with their squared errors in
//! one pass each, so the best turning point over all n costs O(n).

/// A least-squares fit that falls, then rises.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Valley {
    /// Fitted values, one a point.
    pub(super) fit: Vec<f64>,
    /// First point on the lowest level.
    pub(super) bottom_start: usize,
    /// Last point on the lowest level.
    pub(super) bottom_end: usize,
}

impl Valley {
    /// The lowest fitted value.
    pub(super) fn floor(&self) -> f64 {
        self.fit.get(self.bottom_end).copied().unwrap_or(f64::NAN)
    }

    /// How far the last fitted value lies above the lowest.
    pub(super) fn rise(&self) -> f64 {
        self.fit.last().map_or(0.0, |last| last - self.floor())
    }
}

/// Fits a valley to `y`; empty input gives an empty fit.
pub(super) fn valley(y: &[f64]) -> Valley {
    let n = y.len();
    let falling: Vec<f64> = y.iter().map(|v| -v).collect();
    let left = prefix_errors(&falling);
    let reversed: Vec<f64> = falling.iter().rev().copied().collect();
    // A suffix of y rises where, read backwards and negated, it rises too.
    let right = prefix_errors(&reversed);
    let mut best = (f64::INFINITY, 0);
    for split in 0..=n {
        let error = left[split] + right[n - split];
        // The later split on a tie: equal neighbours belong to the floor.
        if error <= best.0 + 1e-12 * (1.0 + best.0.min(1e300)) {
            best = (error.min(best.0), split);
        }
    }
    let split = best.1;
    let mut fit: Vec<f64> = isotonic(&falling[..split]).iter().map(|v| -v).collect();
    fit.extend(isotonic(&y[split..]));
    let floor = fit.iter().copied().fold(f64::INFINITY, f64::min);
    let on_floor = |v: &f64| *v <= floor;
    Valley {
        bottom_start: fit.iter().position(on_floor).unwrap_or(0),
        bottom_end: fit.iter().rposition(on_floor).unwrap_or(0),
        fit,
    }
}

/// A pooled block: sum, sum of squares, count.
#[derive(Clone, Copy)]
struct Block {
    sum: f64,
    squares: f64,
    count: usize,
}

impl Block {
    fn mean(self) -> f64 {
        self.sum / self.count as f64
    }

    fn error(self) -> f64 {
        (self.squares - self.sum * self.sum / self.count as f64).max(0.0)
    }
}

/// Adds one value to a rising fit; returns the change of the squared error.
fn push(blocks: &mut Vec<Block>, value: f64) -> f64 {
    let mut block = Block { sum: value, squares: value * value, count: 1 };
    let mut change = 0.0;
    while let Some(&last) = blocks.last() {
        if last.mean() <= block.mean() {
            break;
        }
        blocks.pop();
        change -= last.error() + block.error();
        block =
            Block { sum: last.sum + block.sum, squares: last.squares + block.squares, count: last.count + block.count };
        change += block.error();
    }
    blocks.push(block);
    change
}

/// Squared error of the rising fit to each prefix, the empty one first.
fn prefix_errors(y: &[f64]) -> Vec<f64> {
    let mut blocks = Vec::new();
    let mut errors = vec![0.0];
    let mut error = 0.0;
    for &value in y {
        error += push(&mut blocks, value);
        errors.push(error.max(0.0));
    }
    errors
}

/// The rising least-squares fit.
fn isotonic(y: &[f64]) -> Vec<f64> {
    let mut blocks = Vec::new();
    for &value in y {
        push(&mut blocks, value);
    }
    blocks.iter().flat_map(|block| std::iter::repeat_n(block.mean(), block.count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valley_is_its_own_fit() {
        let y = [3.0, 1.0, 1.0, 2.0, 5.0];
        let v = valley(&y);
        assert_eq!(v.fit, y);
        assert_eq!((v.bottom_start, v.bottom_end, v.rise()), (1, 2, 4.0));
    }

    #[test]
    fn violators_are_pooled() {
        // By hand: the only violation is 3 before 2; their mean is 2.5.
        assert_eq!(valley(&[1.0, 3.0, 2.0, 4.0]).fit, [1.0, 2.5, 2.5, 4.0]);
    }

    #[test]
    fn a_falling_curve_has_no_rise() {
        let v = valley(&[4.0, 3.0, 1.0]);
        assert_eq!((v.rise(), v.bottom_end), (0.0, 2));
    }

    #[test]
    fn a_constant_is_all_floor() {
        let v = valley(&[2.0; 4]);
        assert_eq!((v.bottom_start, v.bottom_end, v.rise()), (0, 3, 0.0));
        assert_eq!(valley(&[]).fit.len(), 0);
    }
}
