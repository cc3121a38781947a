//! The time left of a study, from what its runs have taken so far.

use std::collections::BTreeMap;

/// Work that is being done, and how fast it goes.
///
/// Each run is so many units of work of some shape. Units are predicted seconds where there is an [`Estimate`](super::Estimate),
/// else epochs, or epochs times sentences. Seconds a unit are measured for each shape; a shape of which nothing is done yet
/// gets those of all others together, so that an estimate that is wrong by some factor is set right by the first runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forecast {
    runs: Vec<Run>,
    /// Units done and the seconds that they took, by shape.
    measured: BTreeMap<usize, (f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Run {
    shape: usize,
    units: f64,
    /// Units done, of this and earlier attempts.
    done: f64,
    is_over: bool,
}

impl Forecast {
    /// No runs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The runs of an estimate, in their order; what is left of one is its work.
    pub fn of(estimate: &super::Estimate) -> Self {
        let mut forecast = Self::new();
        for run in &estimate.runs {
            let place = forecast.add(run.shape, run.seconds_left);
            if run.is_finished {
                forecast.end(place);
            }
        }
        forecast
    }

    /// Adds a run of so many units of work, not negative, and returns its place, counted from 0.
    pub fn add(&mut self, shape: usize, units: f64) -> usize {
        self.runs.push(Run { shape, units, done: 0.0, is_over: false });
        self.runs.len() - 1
    }

    /// A run has come to this share of its units, 0 to 1, `seconds` after it was last heard of. What is known from an earlier
    /// attempt comes with 0 seconds, and measures nothing. A place that no run has is ignored.
    pub fn advance(&mut self, run: usize, share: f64, seconds: f64) {
        let Some(run) = self.runs.get_mut(run) else { return };
        let done = share.clamp(0.0, 1.0) * run.units;
        let units = done - run.done;
        run.done = done;
        if seconds > 0.0 && units > 0.0 {
            let (all_units, all_seconds) = self.measured.entry(run.shape).or_default();
            *all_units += units;
            *all_seconds += seconds;
        }
    }

    /// A run is over: finished now or before, or failed. Nothing is left of it.
    pub fn end(&mut self, run: usize) {
        if let Some(run) = self.runs.get_mut(run) {
            run.is_over = true;
        }
    }

    /// Seconds until all runs are over, `jobs` at a time; `None` before anything was measured, 0 once all are over.
    ///
    /// ```
    /// use memoscope::estimate::Forecast;
    /// let mut forecast = Forecast::new();
    /// // Three runs of 8 epochs each, and one of another shape.
    /// let runs: Vec<usize> = [0, 0, 0, 1].iter().map(|&shape| forecast.add(shape, 8.0)).collect();
    /// assert_eq!(forecast.seconds_left(1), None);
    /// // The first was finished before; the second has done a quarter in 10 s: 5 s an epoch.
    /// forecast.end(runs[0]);
    /// forecast.advance(runs[1], 0.25, 10.0);
    /// assert_eq!(forecast.seconds_left(1), Some(30.0 + 40.0 + 40.0));
    /// assert_eq!(forecast.seconds_left(2), Some(70.0));
    /// // The other shape is slower.
    /// forecast.advance(runs[3], 0.5, 80.0);
    /// assert_eq!(forecast.seconds_left(1), Some(30.0 + 40.0 + 80.0));
    /// ```
    pub fn seconds_left(&self, jobs: usize) -> Option<f64> {
        let left: Vec<&Run> = self.runs.iter().filter(|run| !run.is_over).collect();
        if left.is_empty() {
            return Some(0.0);
        }
        let sum = |values: &mut dyn Iterator<Item = &(f64, f64)>| {
            values.fold((0.0, 0.0), |all, of| (all.0 + of.0, all.1 + of.1))
        };
        let (units, seconds) = sum(&mut self.measured.values());
        if units <= 0.0 {
            return None;
        }
        let pace = |shape| self.measured.get(&shape).map_or(seconds / units, |(units, seconds)| seconds / units);
        let left: Vec<f64> = left.iter().map(|run| (run.units - run.done).max(0.0) * pace(run.shape)).collect();
        Some(last_to_end(&left, jobs))
    }
}

/// When the last of these is over, `jobs` at a time, each in its turn given to the job that is free first.
pub(super) fn last_to_end(seconds: &[f64], jobs: usize) -> f64 {
    let mut free = vec![0.0; jobs.max(1)];
    for seconds in seconds {
        if let Some(first) = free.iter_mut().min_by(|a: &&mut f64, b| a.total_cmp(b)) {
            *first += seconds;
        }
    }
    free.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::{Estimate, RunEstimate};

    #[test]
    fn more_jobs_than_runs_take_as_long_as_the_longest() {
        assert_eq!(last_to_end(&[3.0, 9.0, 4.0], 8), 9.0);
        assert_eq!(last_to_end(&[3.0, 9.0, 4.0], 0), 16.0);
        assert_eq!(last_to_end(&[], 2), 0.0);
    }

    #[test]
    fn what_an_earlier_attempt_did_is_done_and_says_nothing_of_the_speed() {
        let mut forecast = Forecast::new();
        let run = forecast.add(0, 10.0);
        forecast.advance(run, 0.5, 0.0);
        assert_eq!(forecast.seconds_left(1), None);
        forecast.advance(run, 0.6, 2.0);
        assert_eq!(forecast.seconds_left(1).map(f64::round), Some(8.0));
        forecast.end(run);
        assert_eq!(forecast.seconds_left(1), Some(0.0));
        forecast.advance(7, 0.5, 1.0);
    }

    #[test]
    fn an_estimate_that_is_wrong_by_a_factor_is_set_right() {
        let run = |shape, seconds_left, is_finished| RunEstimate {
            shape,
            seconds: seconds_left,
            seconds_left,
            bytes: 0,
            bytes_running: 0,
            is_finished,
        };
        let runs = vec![run(0, 0.0, true), run(0, 10.0, false), run(1, 40.0, false)];
        let mut forecast = Forecast::of(&Estimate { runs, shapes: 2 });
        // A tenth of ten predicted seconds took two.
        forecast.advance(1, 0.1, 2.0);
        assert_eq!(forecast.seconds_left(1), Some(18.0 + 80.0));
    }
}
