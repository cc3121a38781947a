//! A floor that is left for good: whether a curve rises, and where the rise begins.
//!
//! 1. The curve's [`valley`] fit gives floor F and top T without a window or a form of the rise.
//! 2. *Material*: T − F reaches a share of a reference score.
//! 3. *More than noise*: the curve's own noise is split in two by the spread of its second differences at two lags:
//!    white noise of variance r a point, and a random walk of variance q a step (a walk's differences grow with the
//!    lag, white noise's do not). The rise has to exceed [`NOISE_FACTOR`] standard deviations of what both together
//!    could do over as many steps, √(q·m + 2r). Medians keep a single steep jump from being taken for noise; the
//!    steps outside the rise bound q where the curve is too short to tell.
//! 4. *Where*: a hinge, flat and then linear, is fitted to the part from the floor's beginning to half the rise. Half,
//!    because what comes later saturates and would drag the hinge to the left; a fixed share of the top would depend
//!    on how long the training went on after the onset, the hinge does not.

use super::valley::valley;

/// Standard deviations of the curve's own noise that a rise has to exceed. It keeps rises found in white noise below
/// one in twenty, in driftless random walks below one in six, before the material test (see the tests).
const NOISE_FACTOR: f64 = 4.5;
/// Candidate hinges between two neighbouring points.
const HINGES_PER_GAP: usize = 10;
/// From here on two lags tell a walk from white noise; below, all noise is taken for a walk.
const POINTS_TO_TELL_WALK: usize = 12;

/// A material rise above a floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rise {
    /// Where it begins, in units of x; the first x if the curve rises from its first point on.
    pub(super) begin: f64,
    /// Fitted top minus fitted floor.
    pub(super) height: f64,
}

/// Finds a rise of at least `material`; `None` if there is none, or with fewer than four points. x ascends.
pub(super) fn rise(x: &[f64], y: &[f64], material: f64) -> Option<Rise> {
    let n = y.len();
    if n < 4 || x.len() != n {
        return None;
    }
    let valley = valley(y);
    let (floor, height) = (valley.floor(), valley.rise());
    if !(height > 0.0 && height >= material) {
        return None;
    }
    let reaches = |from: usize, share: f64| (from..n).find(|&i| valley.fit[i] >= floor + share * height);
    let half = reaches(valley.bottom_end, 0.5)?;
    let start = (0..=valley.bottom_end).find(|&i| valley.fit[i] <= floor + 0.1 * height)?;
    let begin = hinge(&x[start..=half], &y[start..=half])?;
    let top = reaches(half, 0.95).unwrap_or(n - 1);
    let first = (start..n).rfind(|&i| x[i] <= begin).unwrap_or(start);
    exceeds_noise(y, height, start, first, top).then_some(Rise { begin, height })
}

/// True if a climb of `height` is more than three standard deviations of white noise in the difference of two points:
/// the lenient test, for a climb that is expected.
pub(super) fn exceeds_white_noise(y: &[f64], height: f64) -> bool {
    height * height >= 9.0 * 2.0 * second_difference_variance(y, 1) / 6.0
}

/// True if a climb of `height` between the points `first` and `top` is more than the noise of `y` explains, where the
/// floor begins at `start`.
fn exceeds_noise(y: &[f64], height: f64, start: usize, first: usize, top: usize) -> bool {
    // What comes before the floor is another phase, whose bends would pass for a walk; unless too little is left.
    let noise = Noise::of(if y.len() - start >= POINTS_TO_TELL_WALK { &y[start..] } else { y });
    let outside = || y[start..=first].windows(2).chain(y[top..].windows(2)).map(|w| (w[1] - w[0]).powi(2));
    let n_outside = outside().count();
    let walk = match n_outside {
        0 | 1 => noise.walk,
        // Their mean square, and two more such steps in reserve: few steps may be small by chance.
        n => noise.walk.min(outside().sum::<f64>() / n as f64 * (1.0 + 2.0 / n as f64)),
    };
    let steps = top.saturating_sub(first).max(1) as f64;
    height * height >= NOISE_FACTOR * NOISE_FACTOR * (walk * steps + 2.0 * noise.white)
}

/// The noise of a curve: variances of a random walk's step and of white noise.
#[derive(Debug, Clone, Copy)]
struct Noise {
    walk: f64,
    white: f64,
}

impl Noise {
    /// Estimated from second differences, in which a trend cancels; in a short curve the bends are too many for that,
    /// and third differences, in which they cancel as well, bound it (a walk's have the variance 6q).
    fn of(y: &[f64]) -> Self {
        let near = second_difference_variance(y, 1);
        if y.len() < POINTS_TO_TELL_WALK {
            return Self { walk: (near / 2.0).min(third_difference_variance(y) / 6.0), white: 0.0 };
        }
        // At lag k the variance is 2kq + 6r.
        let lag = if y.len() < 30 { 2 } else { 4 };
        let far = second_difference_variance(y, lag);
        let walk = ((far - near) / (2.0 * (lag as f64 - 1.0))).clamp(0.0, near / 2.0);
        Self { walk, white: ((near - 2.0 * walk) / 6.0).max(0.0) }
    }
}

/// Robust variance of y(i + 2·lag) − 2·y(i + lag) + y(i).
fn second_difference_variance(y: &[f64], lag: usize) -> f64 {
    robust_variance((2 * lag..y.len()).map(|i| y[i] - 2.0 * y[i - lag] + y[i - 2 * lag]))
}

/// Robust variance of third differences, in which a bend cancels too.
fn third_difference_variance(y: &[f64]) -> f64 {
    robust_variance((3..y.len()).map(|i| y[i] - 3.0 * (y[i - 1] - y[i - 2]) - y[i - 3]))
}

/// Variance of white noise around a smooth curve: second differences have six times that, third ones twenty.
pub(super) fn white_variance(y: &[f64]) -> f64 {
    let second = second_difference_variance(y, 1) / 6.0;
    if y.len() < 4 { second } else { second.min(third_difference_variance(y) / 20.0) }
}

/// The squared median size, scaled so that it is the variance of a Gaussian around 0.
fn robust_variance(values: impl Iterator<Item = f64>) -> f64 {
    let mut sizes: Vec<f64> = values.map(f64::abs).collect();
    (1.4826 * median(&mut sizes)).powi(2)
}

/// The median, the mean of the middle two for an even number, 0 of nothing; sorts its argument.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// Where the least-squares hinge "flat, then rising linearly" bends; the middle of the range where several fit alike.
fn hinge(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = y.len() as f64;
    let mean_y = y.iter().sum::<f64>() / n;
    let total: f64 = y.iter().map(|v| (v - mean_y).powi(2)).sum();
    let mut best: Option<(f64, f64, f64)> = None;
    for pair in x.windows(2) {
        for part in 0..HINGES_PER_GAP {
            let bend = pair[0] + (pair[1] - pair[0]) * part as f64 / HINGES_PER_GAP as f64;
            let mean_h = x.iter().map(|v| (v - bend).max(0.0)).sum::<f64>() / n;
            let (mut both, mut square) = (0.0, 0.0);
            for (v, value) in x.iter().zip(y) {
                let h = (v - bend).max(0.0) - mean_h;
                both += h * (value - mean_y);
                square += h * h;
            }
            if square <= 0.0 || both <= 0.0 {
                continue;
            }
            let error = total - both * both / square;
            let tie = 1e-9 * total;
            match &mut best {
                Some((least, _, last)) if (error - *least).abs() <= tie => *last = bend,
                Some((least, _, _)) if error > *least => {}
                _ => best = Some((error, bend, bend)),
            }
        }
    }
    best.map(|(_, first, last)| f64::midpoint(first, last))
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;
    use crate::random::Streams;

    fn epochs(n: usize) -> Vec<f64> {
        (1..=n).map(|epoch| epoch as f64).collect()
    }

    fn gaussian(rng: &mut impl Rng) -> f64 {
        (0..12).map(|_| rng.r#gen::<f64>()).sum::<f64>() - 6.0
    }

    #[test]
    fn a_hinge_is_found_exactly() {
        let y = [0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.4, 0.5];
        let found = rise(&epochs(8), &y, 0.05).unwrap();
        assert!((found.begin - 4.0).abs() < 0.06, "{found:?}");
        assert!((found.height - 0.4).abs() < 1e-12);
    }

    #[test]
    fn a_jump_lies_between_its_two_points() {
        let found = rise(&epochs(6), &[0.01, 0.01, 0.02, 0.8, 0.95, 0.97], 0.05).unwrap();
        assert!(found.begin > 3.0 && found.begin < 4.0, "{found:?}");
    }

    #[test]
    fn a_rise_from_the_start_begins_at_the_first_point() {
        let y: Vec<f64> = (0..10).map(|i| 0.1 * f64::from(i)).collect();
        assert_eq!(rise(&epochs(10), &y, 0.05).unwrap().begin, 1.0);
    }

    #[test]
    fn noise_and_driftless_walks_rarely_rise() {
        let streams = Streams::new(1);
        for n in [6, 10, 20, 50, 100] {
            let (mut white, mut walk) = (0, 0);
            for trial in 0..300 {
                let mut rng = streams.stream("null", &[n as u64, trial]);
                let noise: Vec<f64> = (0..n).map(|_| gaussian(&mut rng)).collect();
                white += usize::from(rise(&epochs(n), &noise, 0.0).is_some());
                let mut level = 0.0;
                let wandering: Vec<f64> = noise
                    .iter()
                    .map(|step| {
                        level += step;
                        level
                    })
                    .collect();
                walk += usize::from(rise(&epochs(n), &wandering, 0.0).is_some());
            }
            assert!(white <= 15, "white noise, {n} points: {white} of 300");
            assert!(walk <= 50, "random walk, {n} points: {walk} of 300");
        }
    }

    #[test]
    fn rises_of_several_forms_are_found_where_they_begin() {
        let streams = Streams::new(2);
        for n in [8_usize, 20, 40, 100] {
            for share in [0.2, 0.5, 0.7] {
                let begin = 1.0 + ((n - 1) as f64 * share).round();
                let length = n as f64 - begin;
                for form in 0..3 {
                    let mut errors = Vec::new();
                    for trial in 0..20 {
                        let mut rng = streams.stream("forms", &[n as u64, (share * 10.0) as u64, form, trial]);
                        let y: Vec<f64> = epochs(n)
                            .iter()
                            .map(|epoch| {
                                let since = (epoch - begin).max(0.0);
                                let up = match form {
                                    0 => since / length,
                                    1 => 1.0 - (-since / (0.3 * length)).exp(),
                                    _ => (since / 2.0).min(1.0),
                                };
                                0.01 + 0.8 * up + 0.01 * gaussian(&mut rng)
                            })
                            .collect();
                        errors.push((rise(&epochs(n), &y, 0.05).unwrap().begin - begin).abs());
                    }
                    let typical = median(&mut errors);
                    assert!(
                        typical <= 0.6 + 0.01 * n as f64,
                        "{n} points, from {begin}, form {form}: off by {typical}"
                    );
                }
            }
        }
    }
}
