//! What one model shows of the tokens it is trained on, and sums over models.

use super::means::log_odds;
use crate::analysis::events::EventCounter;
use crate::dynamics::Observations;

/// Sums over the models that were trained on a token.
pub(super) struct Sums {
    pub(super) models: Vec<u32>,
    pub(super) p: Vec<f64>,
    pub(super) log_odds: Vec<f64>,
    pub(super) variability: Vec<f64>,
    pub(super) margin: Vec<f64>,
    pub(super) forgetting: Vec<f64>,
    pub(super) first_learning: Vec<f64>,
    pub(super) wrong_run: Vec<f64>,
}

impl Sums {
    pub(super) fn new(n: usize) -> Self {
        let zeros = || vec![0.0; n];
        Self {
            models: vec![0; n],
            p: zeros(),
            log_odds: zeros(),
            variability: zeros(),
            margin: zeros(),
            forgetting: zeros(),
            first_learning: zeros(),
            wrong_run: zeros(),
        }
    }
}

/// What one model shows of the tokens it is trained on, epoch by epoch.
pub(super) struct OneModel {
    /// Epochs up to the scored one, and those of the window.
    n: f64,
    n_window: f64,
    p: Vec<f64>,
    log_odds: Vec<f64>,
    squares: Vec<f64>,
    margin: Vec<f64>,
    events: EventCounter,
    /// Length of the present run of equal outcomes, and whether they are right.
    run: Vec<(u32, bool)>,
    /// Longest run of wrong and of right epochs.
    longest: Vec<[u32; 2]>,
}

impl OneModel {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n: 0.0,
            n_window: 0.0,
            p: vec![0.0; n],
            log_odds: vec![0.0; n],
            squares: vec![0.0; n],
            margin: vec![0.0; n],
            events: EventCounter::new(n),
            run: vec![(0, false); n],
            longest: vec![[0; 2]; n],
        }
    }

    pub(super) fn observe(&mut self, epoch: u32, seen: &Observations, first: u32, last: u32) {
        self.events.observe(epoch, seen.correct.iter().copied().enumerate());
        for (row, &right) in seen.correct.iter().enumerate() {
            let (length, of) = &mut self.run[row];
            *length = if *of == right { *length + 1 } else { 1 };
            *of = right;
            let longest = &mut self.longest[row][usize::from(right)];
            *longest = (*longest).max(*length);
        }
        if epoch <= last {
            let in_window = f64::from(u8::from(epoch >= first));
            self.n += 1.0;
            self.n_window += in_window;
            for row in 0..seen.len() {
                let p = f64::from(seen.p_given[row]);
                self.p[row] += p;
                self.log_odds[row] += in_window * log_odds(1.0 - p);
                self.squares[row] += p * p;
                self.margin[row] += f64::from(seen.margin[row]);
            }
        }
    }

    pub(super) fn add_to(self, sums: &mut Sums, places: &[usize], epochs: u32) {
        let events = self.events.events();
        let n = self.n.max(1.0);
        for (row, &token) in places.iter().enumerate() {
            let mean = self.p[row] / n;
            sums.models[token] += 1;
            sums.p[token] += mean;
            sums.log_odds[token] += self.log_odds[row] / self.n_window.max(1.0);
            sums.variability[token] += (self.squares[row] / n - mean * mean).max(0.0).sqrt();
            sums.margin[token] += self.margin[row] / n;
            sums.forgetting[token] += f64::from(events.forgetting[row]);
            sums.first_learning[token] += f64::from(events.first_learning[row].unwrap_or(epochs + 1));
            let [wrong, right] = self.longest[row];
            sums.wrong_run[token] += f64::from(wrong) - f64::from(right);
        }
    }
}
