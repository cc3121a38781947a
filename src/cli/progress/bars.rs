//! Bars on a terminal: one for each run under way, and one for the study.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::SmoothLoss;
use super::words::{checkpoint_line, details, epoch_line, opening, position, scores, study_line};
use crate::cli::output::{above_all, set_message};
use crate::dynamics::{CurvePoint, DevScore, StepRecord};
use crate::format::{count, duration};
use crate::run::{EpochSummary, Monitor, RunStart, StudyProgress};
use crate::train::pretrain::{PretrainReport, Progress};

/// Steps, tokens a second, loss, dev score and time left of each run; runs done and time left of the study below them.
pub(super) struct Bars {
    verbose: bool,
    all: MultiProgress,
    runs: BTreeMap<usize, Run>,
    study: Option<ProgressBar>,
    pretraining: Option<(ProgressBar, SmoothLoss)>,
}

/// Where a run stands.
struct Run {
    bar: ProgressBar,
    tokens_per_sentence: f64,
    first_seen: u64,
    last_seen: u64,
    seconds: f64,
    loss: f64,
    dev_score: Option<f64>,
}

impl Run {
    fn show(&self) {
        let mut message = format!("loss {:.3}", self.loss);
        if self.seconds > 0.0 {
            let sentences = self.last_seen.saturating_sub(self.first_seen) as f64;
            let _ = write!(message, "  {} tokens/s", count(sentences * self.tokens_per_sentence / self.seconds));
        }
        if let Some(score) = self.dev_score {
            let _ = write!(message, "  {} {score:.3}", DevScore::F1.label());
        }
        set_message(&self.bar, &message);
    }
}

impl Bars {
    pub(super) fn new(verbose: bool) -> Self {
        Self { verbose, all: MultiProgress::new(), runs: BTreeMap::new(), study: None, pretraining: None }
    }

    fn say(&self, line: &str) {
        above_all(&self.all, line);
    }

    /// A new bar above that of the study.
    fn bar(&self, steps: u64, template: &str) -> ProgressBar {
        let bar = ProgressBar::new(steps);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        match &self.study {
            Some(study) => self.all.insert_before(study, bar),
            None => self.all.add(bar),
        }
    }
}

impl Drop for Bars {
    /// What is said next, an error or the result, is not to stand beside a bar.
    fn drop(&mut self) {
        let bars = self.runs.values().map(|run| &run.bar).chain(&self.study);
        bars.chain(self.pretraining.as_ref().map(|(bar, _)| bar)).for_each(ProgressBar::finish_and_clear);
    }
}

impl Monitor for Bars {
    fn warning(&mut self, message: &str) {
        self.say(&format!("warning: {message}"));
    }

    fn started(&mut self, start: &RunStart<'_>) {
        self.say(&format!("{} {}", position(start.position), opening(start)));
        if self.verbose {
            self.say(details(start).trim_end());
        }
        let steps = start.encoding.steps_per_epoch;
        let several = start.position.1 > 1;
        let place = if several { format!("{} ", position(start.position)) } else { String::new() };
        let template = format!("  {place}{{bar:24}} {{pos}}/{{len}} steps  {{msg}}  {{eta}} left");
        let bar = self.bar(steps * u64::from(start.epochs), &template);
        bar.set_position(steps * u64::from(start.epochs_finished) + start.steps_finished);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(500));
        let run = Run {
            bar,
            tokens_per_sentence: start.encoding.train_tokens as f64 / start.encoding.train_sentences.max(1) as f64,
            first_seen: start.encoding.train_sentences as u64
                * (steps * u64::from(start.epochs_finished) + start.steps_finished)
                / steps.max(1),
            last_seen: 0,
            seconds: 0.0,
            loss: 0.0,
            dev_score: None,
        };
        self.runs.insert(start.position.0, run);
    }

    fn skipped(&mut self, id: &str, at: (usize, usize)) {
        self.say(&format!("{} {id}: finished before, skipped", position(at)));
    }

    fn step(&mut self, run: usize, record: &StepRecord) {
        let Some(run) = self.runs.get_mut(&run) else { return };
        // Of a run in another process, not every step is heard of.
        let steps = record.step.saturating_sub(run.bar.position()).max(1);
        run.seconds += f64::from(record.seconds) * steps as f64;
        run.last_seen = record.examples_seen;
        run.loss = record.loss;
        run.bar.set_position(record.step);
        run.show();
    }

    fn evaluated(&mut self, run: usize, point: &CurvePoint) {
        if let Some(run) = self.runs.get_mut(&run) {
            run.dev_score = Some(point.dev_score);
            run.show();
        }
        if self.verbose {
            self.say(&format!("  step {}: {}", point.step, scores(point)));
        }
    }

    fn epoch(&mut self, _run: usize, summary: &EpochSummary) {
        if self.verbose {
            self.say(&format!("  {}", epoch_line(summary)));
        }
    }

    fn ended(&mut self, run: usize, id: &str, wall_seconds: f64) {
        let run = self.runs.remove(&run);
        let last = run
            .as_ref()
            .and_then(|run| run.dev_score)
            .map_or(String::new(), |score| format!(", {} {score:.3}", DevScore::F1.label()));
        if let Some(run) = run {
            run.bar.finish_and_clear();
        }
        self.say(&format!("  {id}: {}{last}", duration(wall_seconds)));
    }

    fn failed(&mut self, run: usize, id: &str, reason: &str) {
        if let Some(run) = self.runs.remove(&run) {
            run.bar.finish_and_clear();
        }
        self.say(&format!("  {id}: failed: {reason}"));
    }

    fn study(&mut self, progress: &StudyProgress) {
        if progress.runs < 2 {
            return;
        }
        let bar = self.study.get_or_insert_with(|| {
            let bar = ProgressBar::new(progress.runs as u64);
            if let Ok(style) = ProgressStyle::with_template("  {bar:24} {msg}") {
                bar.set_style(style);
            }
            self.all.add(bar)
        });
        bar.set_position((progress.done + progress.failed) as u64);
        set_message(bar, &study_line(progress));
        if progress.done + progress.failed == progress.runs {
            bar.finish_and_clear();
        }
    }

    fn pretraining(&mut self, progress: &Progress) {
        if self.pretraining.is_none() {
            let bar = self.bar(progress.steps, "  {bar:24} pretraining step {pos}/{len}  {msg}  {eta} left");
            bar.set_position(progress.step);
            bar.reset_eta();
            self.pretraining = Some((bar, SmoothLoss::default()));
        }
        if let Some((bar, smooth)) = &mut self.pretraining {
            let loss = smooth.add(progress.loss);
            bar.set_position(progress.step);
            set_message(bar, &format!("loss {loss:.3}"));
        }
    }

    fn checkpoint(&mut self, report: &PretrainReport) {
        self.say(&checkpoint_line(report));
    }

    fn pretraining_ended(&mut self) {
        if let Some((bar, _)) = self.pretraining.take() {
            bar.finish_and_clear();
        }
    }

    fn working(&mut self, what: &str) {
        self.say(what);
    }
}
