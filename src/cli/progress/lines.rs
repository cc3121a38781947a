//! A line per epoch.

use super::SmoothLoss;
use super::words::{checkpoint_line, details, epoch_line, opening, position, scores};
use crate::cli::output::errln;
use crate::dynamics::CurvePoint;
use crate::format::duration;
use crate::run::{EpochSummary, Monitor, RunStart, StudyProgress};
use crate::train::pretrain::{PretrainReport, Progress};

/// Each line of a run begins with its place in the study.
pub(super) struct Lines {
    verbose: bool,
    /// Runs of the study.
    of: usize,
    /// Seconds until all of them are done.
    seconds_left: Option<f64>,
    pretraining: SmoothLoss,
    /// Twentieths of the pretraining that were said.
    said: u64,
}

impl Lines {
    pub(super) fn new(verbose: bool) -> Self {
        Self { verbose, of: 1, seconds_left: None, pretraining: SmoothLoss::default(), said: 0 }
    }

    fn at(&self, run: usize) -> String {
        position((run, self.of))
    }
}

impl Monitor for Lines {
    fn warning(&mut self, message: &str) {
        errln!("warning: {message}");
    }

    fn started(&mut self, start: &RunStart<'_>) {
        self.of = start.position.1;
        errln!("{} {}", position(start.position), opening(start));
        if self.verbose {
            errln!("{}", details(start).trim_end());
        }
    }

    fn skipped(&mut self, id: &str, at: (usize, usize)) {
        errln!("{} {id}: finished before, skipped", position(at));
    }

    fn evaluated(&mut self, run: usize, point: &CurvePoint) {
        if self.verbose {
            errln!("{}   step {}: {}", self.at(run), point.step, scores(point));
        }
    }

    fn epoch(&mut self, run: usize, summary: &EpochSummary) {
        let left =
            self.seconds_left.filter(|_| self.of > 1).map(|seconds| format!(", about {} left", duration(seconds)));
        errln!("{} {}{}", self.at(run), epoch_line(summary), left.unwrap_or_default());
    }

    fn ended(&mut self, run: usize, id: &str, wall_seconds: f64) {
        errln!("{} {id}: {}", self.at(run), duration(wall_seconds));
    }

    fn failed(&mut self, run: usize, id: &str, reason: &str) {
        errln!("{} {id}: failed: {reason}", self.at(run));
    }

    fn study(&mut self, progress: &StudyProgress) {
        (self.of, self.seconds_left) = (progress.runs, progress.seconds_left);
    }

    fn pretraining(&mut self, progress: &Progress) {
        let loss = self.pretraining.add(progress.loss);
        let twentieth = progress.step * 20 / progress.steps.max(1);
        if twentieth > self.said {
            errln!("pretraining step {}/{}: loss {loss:.3}", progress.step, progress.steps);
        }
        self.said = twentieth;
    }

    fn checkpoint(&mut self, report: &PretrainReport) {
        errln!("{}", checkpoint_line(report));
    }

    fn working(&mut self, what: &str) {
        errln!("{what}");
    }
}
