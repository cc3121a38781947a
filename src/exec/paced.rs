//! The time left of a study, told with how far it has come.

use std::time::Instant;

use super::Task;
use crate::dynamics::{CurvePoint, StepRecord};
use crate::estimate::{Forecast, key};
use crate::run::{EpochSummary, Monitor, RunConfig, RunStart, StudyProgress};
use crate::train::pretrain::{PretrainReport, Progress};

/// Passes all events on, and adds the time left to those of the study, of which it makes one an epoch. The time left comes from
/// what epochs have taken so far; runs of other shapes count by their epochs and sentences.
pub(super) struct Paced<'a> {
    monitor: &'a mut dyn Monitor,
    forecast: Forecast,
    jobs: usize,
    /// When each run was last heard of.
    heard: Vec<Option<Instant>>,
    last: StudyProgress,
}

impl<'a> Paced<'a> {
    pub(super) fn new(tasks: &[Task<'_>], jobs: usize, monitor: &'a mut dyn Monitor) -> Self {
        let mut forecast = Forecast::new();
        let mut shapes: Vec<RunConfig> = Vec::new();
        for task in tasks {
            let key = key(&task.config);
            let shape = shapes.iter().position(|known| *known == key).unwrap_or(shapes.len());
            if shape == shapes.len() {
                shapes.push(key);
            }
            let sentences = task.corpus.train.len() as f64;
            forecast.add(shape, f64::from(task.config.train.epochs) * sentences);
        }
        let last = StudyProgress { runs: tasks.len(), ..StudyProgress::default() };
        Self { monitor, forecast, jobs, heard: vec![None; tasks.len()], last }
    }

    /// The run has come to this share; the time since it was last heard of counts if `counts`.
    fn advance(&mut self, run: usize, share: f64, counts: bool) {
        let Some(index) = run.checked_sub(1) else { return };
        let Some(heard) = self.heard.get_mut(index) else { return };
        let now = Instant::now();
        let seconds = heard.replace(now).map_or(0.0, |before| (now - before).as_secs_f64());
        self.forecast.advance(index, share, if counts { seconds } else { 0.0 });
    }

    fn end(&mut self, run: usize) {
        if let Some(index) = run.checked_sub(1) {
            self.forecast.end(index);
        }
    }
}

impl Monitor for Paced<'_> {
    fn warning(&mut self, message: &str) {
        self.monitor.warning(message);
    }

    fn started(&mut self, start: &RunStart<'_>) {
        let (run, steps) = (start.position.0, start.encoding.steps_per_epoch.max(1) as f64);
        let epochs = f64::from(start.epochs_finished) + start.steps_finished as f64 / steps;
        self.advance(run, epochs / f64::from(start.epochs.max(1)), false);
        self.monitor.started(start);
    }

    fn skipped(&mut self, id: &str, position: (usize, usize)) {
        self.end(position.0);
        self.monitor.skipped(id, position);
    }

    fn elsewhere(&mut self, id: &str, position: (usize, usize), owner: &str) {
        self.monitor.elsewhere(id, position, owner);
    }

    fn step(&mut self, run: usize, record: &StepRecord) {
        self.monitor.step(run, record);
    }

    fn evaluated(&mut self, run: usize, point: &CurvePoint) {
        self.monitor.evaluated(run, point);
    }

    fn epoch(&mut self, run: usize, summary: &EpochSummary) {
        self.advance(run, f64::from(summary.epoch) / f64::from(summary.epochs.max(1)), true);
        let last = self.last;
        self.study(&last);
        self.monitor.epoch(run, summary);
    }

    fn ended(&mut self, run: usize, id: &str, wall_seconds: f64) {
        self.end(run);
        self.monitor.ended(run, id, wall_seconds);
    }

    fn failed(&mut self, run: usize, id: &str, reason: &str) {
        self.end(run);
        self.monitor.failed(run, id, reason);
    }

    fn study(&mut self, progress: &StudyProgress) {
        self.last = StudyProgress { seconds_left: self.forecast.seconds_left(self.jobs), ..*progress };
        self.monitor.study(&self.last);
    }

    fn pretraining(&mut self, progress: &Progress) {
        self.monitor.pretraining(progress);
    }

    fn checkpoint(&mut self, report: &PretrainReport) {
        self.monitor.checkpoint(report);
    }

    fn pretraining_ended(&mut self) {
        self.monitor.pretraining_ended();
    }

    fn working(&mut self, what: &str) {
        self.monitor.working(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Experiment;
    use crate::corpus;
    use crate::run::Coordinates;

    /// Remembers the time left that it was told last.
    #[derive(Default)]
    struct Listener(Option<f64>);

    impl Monitor for Listener {
        fn study(&mut self, progress: &StudyProgress) {
            self.0 = progress.seconds_left;
        }
    }

    #[test]
    fn the_time_left_is_known_from_the_first_epoch_on() {
        let mut experiment = Experiment::default();
        experiment.data.train_sentences = Some(5);
        let corpus = corpus::load(&experiment.data).unwrap();
        let task = |seed| Task {
            config: RunConfig::new(&experiment, Coordinates::default(), seed),
            folder: "nowhere".into(),
            corpus: &corpus,
        };
        let tasks = [task(1), task(2)];
        let mut listener = Listener::default();
        let mut paced = Paced::new(&tasks, 1, &mut listener);
        paced.study(&StudyProgress { runs: 2, ..StudyProgress::default() });
        assert_eq!(paced.last.seconds_left, None);
        paced.advance(1, 0.0, false);
        std::thread::sleep(std::time::Duration::from_millis(2));
        let summary =
            EpochSummary { epoch: 1, epochs: 4, loss: 0.0, evaluation: None, seconds: 1.0, tokens_per_second: 1.0 };
        paced.epoch(1, &summary);
        // A quarter of the first run is done: seven quarters are left, at what the first one took.
        let left = paced.last.seconds_left.unwrap();
        assert!(left > 0.0);
        paced.failed(1, "a", "it did");
        paced.study(&StudyProgress { runs: 2, failed: 1, ..StudyProgress::default() });
        let later = paced.last.seconds_left.unwrap();
        assert!((later / left - 4.0 / 7.0).abs() < 1e-9, "{later} of {left}");
        assert_eq!(listener.0, Some(later));
    }
}
