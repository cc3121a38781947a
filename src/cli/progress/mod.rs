//! What is said on stderr while runs train: bars on a terminal, a line per epoch elsewhere.

mod bars;
mod lines;
mod words;

use super::options::Loudness;
use super::output::{errln, is_terminal};
use crate::run::Monitor;

/// The monitor for this terminal and loudness.
pub(super) fn monitor(loudness: Loudness) -> Box<dyn Monitor> {
    super::download::show(loudness.quiet);
    if loudness.quiet {
        Box::new(Quiet)
    } else if is_terminal() {
        Box::new(bars::Bars::new(loudness.verbose))
    } else {
        Box::new(lines::Lines::new(loudness.verbose))
    }
}

/// Says warnings alone.
struct Quiet;

impl Monitor for Quiet {
    fn warning(&mut self, message: &str) {
        errln!("warning: {message}");
    }
}

/// A loss averaged over the last fifty steps or so.
#[derive(Default)]
struct SmoothLoss(Option<f64>);

impl SmoothLoss {
    fn add(&mut self, loss: f64) -> f64 {
        *self.0.insert(self.0.map_or(loss, |smooth| 0.98 * smooth + 0.02 * loss))
    }
}
