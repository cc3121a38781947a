//! What is said on stderr while runs train: a bar on a terminal, a line per epoch elsewhere.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::options::Loudness;
use super::output::{above, errln, is_terminal, set_message};
use crate::dynamics::{CurvePoint, StepRecord};
use crate::run::{EpochSummary, Monitor, RunStart};
use crate::train::pretrain::{PretrainReport, Progress};

/// The monitor for this terminal and loudness.
pub(super) fn monitor(loudness: Loudness) -> Box<dyn Monitor> {
    super::download::show(loudness.quiet);
    if loudness.quiet {
        Box::new(Quiet)
    } else if is_terminal() {
        Box::new(Bar { verbose: loudness.verbose, bar: ProgressBar::hidden(), run: Run::default(), pretraining: None })
    } else {
        Box::new(Lines {
            verbose: loudness.verbose,
            position: String::new(),
            pretraining: SmoothLoss::default(),
            said: 0,
        })
    }
}

/// Says warnings alone.
struct Quiet;

impl Monitor for Quiet {
    fn warning(&mut self, message: &str) {
        errln!("warning: {message}");
    }
}

/// A line per epoch.
struct Lines {
    verbose: bool,
    position: String,
    pretraining: SmoothLoss,
    /// Twentieths of the pretraining that were said.
    said: u64,
}

/// A loss averaged over the last fifty steps or so.
#[derive(Default)]
struct SmoothLoss(Option<f64>);

impl SmoothLoss {
    fn add(&mut self, loss: f64) -> f64 {
        *self.0.insert(self.0.map_or(loss, |smooth| 0.98 * smooth + 0.02 * loss))
    }
}

impl Monitor for Lines {
    fn warning(&mut self, message: &str) {
        errln!("warning: {message}");
    }

    fn started(&mut self, start: &RunStart<'_>) {
        self.position = position(start.position);
        errln!("{} {}", self.position, opening(start));
        if self.verbose {
            errln!("{}", details(start).trim_end());
        }
    }

    fn skipped(&mut self, id: &str, at: (usize, usize)) {
        errln!("{} {id}: finished before, skipped", position(at));
    }

    fn evaluated(&mut self, point: &CurvePoint) {
        if self.verbose {
            errln!("{}   step {}: {}", self.position, point.step, scores(point));
        }
    }

    fn epoch(&mut self, summary: &EpochSummary) {
        errln!("{} {}", self.position, epoch_line(summary));
    }

    fn ended(&mut self, id: &str, wall_seconds: f64) {
        errln!("{} {id}: {}", self.position, duration(wall_seconds));
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

/// Where the run on the bar stands.
#[derive(Default)]
struct Run {
    tokens_per_sentence: f64,
    first_seen: u64,
    last_seen: u64,
    seconds: f64,
    loss: f64,
    dev_f1: Option<f64>,
}

/// A bar: steps, tokens a second, loss, dev F1, time left.
struct Bar {
    verbose: bool,
    bar: ProgressBar,
    run: Run,
    /// Of the pretraining that the bar shows.
    pretraining: Option<SmoothLoss>,
}

impl Bar {
    fn message(&self) -> String {
        let run = &self.run;
        let mut message = format!("loss {:.3}", run.loss);
        if run.seconds > 0.0 {
            let sentences = run.last_seen.saturating_sub(run.first_seen) as f64;
            let _ = write!(message, "  {} tokens/s", thousands(sentences * run.tokens_per_sentence / run.seconds));
        }
        if let Some(dev_f1) = run.dev_f1 {
            let _ = write!(message, "  dev F1 {dev_f1:.3}");
        }
        message
    }

    fn say(&self, line: &str) {
        above(&self.bar, line);
    }
}

impl Monitor for Bar {
    fn warning(&mut self, message: &str) {
        self.say(&format!("warning: {message}"));
    }

    fn started(&mut self, start: &RunStart<'_>) {
        errln!("{} {}", position(start.position), opening(start));
        if self.verbose {
            errln!("{}", details(start).trim_end());
        }
        let steps = start.encoding.steps_per_epoch;
        self.bar = ProgressBar::new(steps * u64::from(start.epochs));
        if let Ok(style) = ProgressStyle::with_template("  {bar:24} {pos}/{len} steps  {msg}  {eta} left") {
            self.bar.set_style(style);
        }
        self.bar.set_position(steps * u64::from(start.epochs_finished));
        self.bar.reset_eta();
        self.bar.enable_steady_tick(Duration::from_millis(500));
        self.run = Run {
            tokens_per_sentence: start.encoding.train_tokens as f64 / start.encoding.train_sentences.max(1) as f64,
            first_seen: start.encoding.train_sentences as u64 * u64::from(start.epochs_finished),
            ..Run::default()
        };
    }

    fn skipped(&mut self, id: &str, at: (usize, usize)) {
        errln!("{} {id}: finished before, skipped", position(at));
    }

    fn step(&mut self, record: &StepRecord) {
        self.run.last_seen = record.examples_seen;
        self.run.seconds += f64::from(record.seconds);
        self.run.loss = record.loss;
        self.bar.set_position(record.step);
        set_message(&self.bar, &self.message());
    }

    fn evaluated(&mut self, point: &CurvePoint) {
        self.run.dev_f1 = Some(point.dev_f1);
        set_message(&self.bar, &self.message());
        if self.verbose {
            self.say(&format!("  step {}: {}", point.step, scores(point)));
        }
    }

    fn epoch(&mut self, summary: &EpochSummary) {
        if self.verbose {
            self.say(&format!("  {}", epoch_line(summary)));
        }
    }

    fn ended(&mut self, id: &str, wall_seconds: f64) {
        self.bar.finish_and_clear();
        let last = self.run.dev_f1.map_or(String::new(), |f1| format!(", dev F1 {f1:.3}"));
        errln!("  {id}: {}{last}", duration(wall_seconds));
    }

    fn pretraining(&mut self, progress: &Progress) {
        let smooth = self.pretraining.get_or_insert_with(|| {
            self.bar = ProgressBar::new(progress.steps);
            let template = "  {bar:24} pretraining step {pos}/{len}  {msg}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style);
            }
            self.bar.set_position(progress.step);
            self.bar.reset_eta();
            SmoothLoss::default()
        });
        let loss = smooth.add(progress.loss);
        self.bar.set_position(progress.step);
        set_message(&self.bar, &format!("loss {loss:.3}"));
    }

    fn checkpoint(&mut self, report: &PretrainReport) {
        self.say(&checkpoint_line(report));
    }

    fn pretraining_ended(&mut self) {
        if self.pretraining.take().is_some() {
            self.bar.finish_and_clear();
        }
    }

    fn working(&mut self, what: &str) {
        self.say(what);
    }
}

fn position((number, of): (usize, usize)) -> String {
    format!("[{number}/{of}]")
}

fn opening(start: &RunStart<'_>) -> String {
    // Of a run without noise nothing is to be said: nobody knows whether the given labels are right.
    let noise = start.noise.map(|noise| noise.realised_rate).filter(|&rate| rate > 0.0);
    let mut line = format!(
        "{}: {} sentences, {} tokens{}; {}",
        start.id,
        thousands(start.encoding.train_sentences as f64),
        thousands(start.encoding.train_tokens as f64),
        noise.map_or_else(String::new, |rate| format!(", {:.1} % of them noisy", 100.0 * rate)),
        start.model.shape,
    );
    if start.epochs_finished > 0 {
        let _ = write!(line, "; resumed after epoch {} of {}", start.epochs_finished, start.epochs);
    }
    if start.encoding.train_tokens_truncated > 0 {
        let _ = write!(line, "; {} tokens lost to train.max_pieces", start.encoding.train_tokens_truncated);
    }
    line
}

fn checkpoint_line(report: &PretrainReport) -> String {
    format!(
        "pretrained for {} of {} steps: held-out masked accuracy {:.3}, loss {:.3} nats",
        thousands(report.steps as f64),
        thousands(report.planned_steps as f64),
        report.held_out_masked_accuracy,
        report.held_out_masked_loss
    )
}

fn details(start: &RunStart<'_>) -> String {
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!(
        "  folder: {}\n  parameters: {}\n  drawn anew: {}\n  unused tensors: {}\n",
        start.folder.display(),
        thousands(start.model.n_parameters as f64),
        list(&start.model.missing),
        list(&start.model.unexpected),
    )
}

fn epoch_line(summary: &EpochSummary) -> String {
    let mut line = format!("epoch {}/{}: loss {:.4}", summary.epoch, summary.epochs, summary.loss);
    if let Some(point) = &summary.evaluation {
        let _ = write!(line, ", {}", scores(point));
    }
    let _ = write!(line, ", {} tokens/s, {}", thousands(summary.tokens_per_second), duration(summary.seconds));
    line
}

fn scores(point: &CurvePoint) -> String {
    let mut text = format!("dev F1 {:.4}", point.dev_f1);
    if let (Some(noisy), Some(gold)) = (point.probe_noisy_accuracy, point.probe_noisy_accuracy_gold) {
        let _ = write!(text, ", noisy tokens as given {noisy:.3}, as true {gold:.3}");
    }
    text
}

fn duration(seconds: f64) -> String {
    if seconds < 60.0 { format!("{seconds:.1} s") } else { HumanDuration(Duration::from_secs_f64(seconds)).to_string() }
}

/// A whole number with commas: `12,345`.
fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0.0, 999.0, 1000.0, 1234567.4].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn an_epoch_is_one_line() {
        let summary = EpochSummary {
            epoch: 2,
            epochs: 8,
            loss: 0.5,
            evaluation: Some(CurvePoint {
                dev_f1: 0.75,
                probe_noisy_accuracy: Some(0.01),
                probe_noisy_accuracy_gold: Some(0.9),
                ..CurvePoint::default()
            }),
            seconds: 2.0,
            tokens_per_second: 12_345.0,
        };
        assert_eq!(
            epoch_line(&summary),
            "epoch 2/8: loss 0.5000, dev F1 0.7500, noisy tokens as given 0.010, as true 0.900, 12,345 tokens/s, 2.0 s"
        );
    }
}
