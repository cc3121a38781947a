//! Axes: where a value lies between two ends, and at which values to put ticks.

use crate::format::fixed;
pub(super) use crate::format::{compact, percent};

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// Evenly.
    Linear,
    /// By their logarithm; positive values only.
    Log,
    /// By their logarithm above `linear_below`, evenly down to zero below it: zeros stay visible.
    SymLog {
        /// Where the even part ends; positive.
        linear_below: f64,
    },
}

/// A value with its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The value.
    pub value: f64,
    /// What stands at it; empty for a short tick without label.
    pub label: String,
}

/// One axis: its ends, its spread, its ticks, its title.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Value at the left or lower end.
    pub low: f64,
    /// Value at the right or upper end; above `low`.
    pub high: f64,
    /// How values lie in between.
    pub spread: Spread,
    /// Ticks, ascending, all between the ends.
    pub ticks: Vec<Tick>,
    /// What is measured, with its unit.
    pub title: String,
}

impl Axis {
    /// An even axis over `low` to `high`, with about `n` ticks at round numbers.
    pub fn linear(low: f64, high: f64, n: usize, title: impl Into<String>) -> Self {
        let (low, high) = widened(low, high);
        let step = round_step((high - low) / n.max(1) as f64);
        let decimals = decimals_of(step);
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        let ticks = (first..=last)
            .map(|i| {
                let value = i as f64 * step;
                Tick { value, label: fixed(value, decimals) }
            })
            .collect();
        Self { low, high, spread: Spread::Linear, ticks, title: title.into() }
    }

    /// An even axis for scores: from 0 to 1, or to what is just above `highest` if that is much less.
    pub fn score(highest: f64, title: impl Into<String>) -> Self {
        let top = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8].into_iter().find(|top| highest <= top * 0.98).unwrap_or(1.0);
        Self::linear(0.0, top, 5, title)
    }

    /// A logarithmic axis over positive `low` to `high`, ticks at 1, 2 and 5 times powers of ten, or fewer where these
    /// would be more than `n`.
    pub fn log(low: f64, high: f64, n: usize, title: impl Into<String>) -> Self {
        let low = if low > 0.0 && low.is_finite() { low } else { 1.0 };
        let high = if high > low * 1.5 && high.is_finite() { high } else { low * 10.0 };
        let within = |factors: &[f64]| -> Vec<f64> {
            (low.log10().floor() as i32..=high.log10().ceil() as i32)
                .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)))
                .filter(|value| *value >= low * 0.999 && *value <= high * 1.001)
                .collect()
        };
        let labelled = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]]
            .into_iter()
            .map(within)
            .find(|ticks| ticks.len() <= n)
            .unwrap_or_else(|| within(&[1.0]));
        let mut ticks: Vec<Tick> = labelled.into_iter().map(|value| Tick { value, label: compact(value) }).collect();
        for value in within(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]) {
            if !ticks.iter().any(|tick| (tick.value / value - 1.0).abs() < 1e-6) {
                ticks.push(Tick { value, label: String::new() });
            }
        }
        ticks.sort_by(|a, b| a.value.total_cmp(&b.value));
        Self { low, high, spread: Spread::Log, ticks, title: title.into() }
    }

    /// An axis for shares, logarithmic down to `linear_below` (a power of ten) and even from there to zero: percent.
    pub fn share_symlog(linear_below: f64, title: impl Into<String>) -> Self {
        let mut ticks = vec![Tick { value: 0.0, label: "0".into() }];
        let mut value = linear_below;
        while value < 1.5 {
            ticks.push(Tick { value: value.min(1.0), label: percent(value.min(1.0)) });
            value *= 10.0;
        }
        Self { low: 0.0, high: 1.0, spread: Spread::SymLog { linear_below }, ticks, title: title.into() }
    }

    /// An axis of whole numbers (epochs), a little room at both ends.
    pub fn epochs(low: f64, high: f64, n: usize, title: impl Into<String>) -> Self {
        let step = round_step((high - low).max(1.0) / n.max(1) as f64).max(1.0).round();
        let room = ((high - low) * 0.03).max(0.3);
        let first = if step > 1.0 { (low / step).ceil() * step } else { low.ceil() };
        let mut ticks: Vec<Tick> = Vec::new();
        if step > 1.0 && low >= 1.0 && first - low >= step * 0.6 {
            ticks.push(Tick { value: low, label: fixed(low, 0) });
        }
        let mut value = first;
        while value <= high + 1e-9 {
            ticks.push(Tick { value, label: fixed(value, 0) });
            value += step;
        }
        Self { low: low - room, high: high + room, spread: Spread::Linear, ticks, title: title.into() }
    }

    /// Where `value` lies: 0 at the low end, 1 at the high end, beyond them outside; null where it cannot be placed.
    pub fn position(&self, value: f64) -> Option<f64> {
        let at = |value: f64| match self.spread {
            Spread::Linear => value,
            Spread::Log => value.log10(),
            Spread::SymLog { linear_below } if value < linear_below => value / linear_below,
            Spread::SymLog { linear_below } => 1.0 + (value / linear_below).log10(),
        };
        let position = (at(value) - at(self.low)) / (at(self.high) - at(self.low));
        position.is_finite().then_some(position)
    }
}

/// Ends that differ, whatever came in.
fn widened(low: f64, high: f64) -> (f64, f64) {
    let low = if low.is_finite() { low } else { 0.0 };
    if high.is_finite() && high - low > 1e-12 * low.abs().max(1.0) { (low, high) } else { (low, low + 1.0) }
}

/// The least of 1, 2, 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|s| *s >= step * 0.999).unwrap_or(10.0 * power)
}

fn decimals_of(step: f64) -> usize {
    (-step.log10() - 1e-9).ceil().clamp(0.0, 9.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).filter(|label| !label.is_empty()).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels(&Axis::linear(0.0, 1.0, 5, "")), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::linear(-0.12, 0.11, 5, "")), ["−0.10", "−0.05", "0.00", "0.05", "0.10"]);
        assert_eq!(labels(&Axis::log(3_000.0, 300_000.0, 6, "")), ["5k", "10k", "20k", "50k", "100k", "200k"]);
        assert_eq!(labels(&Axis::share_symlog(0.001, "")), ["0", "0.1\u{a0}%", "1\u{a0}%", "10\u{a0}%", "100\u{a0}%"]);
        assert_eq!(labels(&Axis::epochs(1.0, 20.0, 5, "")), ["1", "5", "10", "15", "20"]);
        assert_eq!(labels(&Axis::epochs(1.0, 4.0, 6, "")), ["1", "2", "3", "4"]);
    }

    #[test]
    fn zero_has_a_place_on_a_symlog_axis_and_none_on_a_log_axis() {
        assert_eq!(Axis::share_symlog(0.001, "").position(0.0), Some(0.0));
        assert_eq!(Axis::share_symlog(0.001, "").position(1.0), Some(1.0));
        assert_eq!(Axis::log(1.0, 100.0, 6, "").position(0.0), None);
        assert_eq!(Axis::log(1.0, 100.0, 6, "").position(10.0), Some(0.5));
    }

    proptest! {
        #[test]
        fn any_ends_make_an_axis(low in proptest::num::f64::ANY, high in proptest::num::f64::ANY) {
            // Ends further apart than an f64 can count are no axis anyone draws.
            prop_assume!([low, high].iter().all(|end| end.abs() <= 1e15 || !end.is_finite()));
            for axis in [Axis::linear(low, high, 5, ""), Axis::log(low, high, 5, "")] {
                prop_assert!(axis.high > axis.low);
                prop_assert!(axis.ticks.len() < 3000);
                prop_assert!(axis.ticks.windows(2).all(|pair| pair[0].value < pair[1].value));
            }
        }
    }
}
