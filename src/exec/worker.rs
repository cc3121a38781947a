//! The child's side: one run, told as it goes.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use super::Task;
use super::protocol::{Event, Started, assigned, line};
use super::serial::execute_one;
use crate::dynamics::{CurvePoint, StepRecord};
use crate::error::Result;
use crate::run::{EpochSummary, Monitor, RunStart, StopFlag};

/// Between two steps that are reported: they are for the eye.
const BETWEEN_STEPS: Duration = Duration::from_millis(100);

/// Does the run that `input` describes, and tells `output` of it. Once `input` ends, which its writer does to stop this process
/// and which happens by itself when the writer dies, `stop` is raised.
///
/// # Errors
/// [`crate::Error::Internal`] if the input is not an assignment. What becomes of the run is said on `output` alone.
pub fn work<I>(mut input: I, output: Box<dyn Write>, stop: &StopFlag) -> Result<()>
where
    I: BufRead + Send + 'static,
{
    let assigned = assigned(&mut input)?;
    let raised = stop.clone();
    std::thread::spawn(move || {
        let mut byte = [0];
        while input.read(&mut byte).is_ok_and(|n| n > 0) {}
        raised.request();
    });
    let (number, of) = assigned.position;
    let task = Task { config: assigned.config, folder: assigned.folder, corpus: &assigned.corpus };
    let mut reporter = Reporter { output, stop: stop.clone(), reported: Instant::now() };
    let event = match execute_one(&task, number - 1, of, &mut reporter, stop) {
        Ok(()) => Event::Finished,
        Err(error) => {
            Event::Failed { kind: error.kind(), reason: error.to_string(), hint: error.hint().map(str::to_owned) }
        }
    };
    reporter.tell(&event);
    Ok(())
}

/// Passes events on.
struct Reporter {
    output: Box<dyn Write>,
    stop: StopFlag,
    /// When a step was last reported.
    reported: Instant,
}

impl Reporter {
    fn tell(&mut self, event: &Event) {
        if line(event, self.output.as_mut()).is_err() {
            // Nobody listens any more: the parent is gone.
            self.stop.request();
        }
    }
}

impl Monitor for Reporter {
    fn warning(&mut self, message: &str) {
        self.tell(&Event::Warning(message.to_owned()));
    }

    fn started(&mut self, start: &RunStart<'_>) {
        self.tell(&Event::Started(Box::new(Started {
            epochs: start.epochs,
            epochs_finished: start.epochs_finished,
            steps_finished: start.steps_finished,
            model: start.model.clone(),
            noise: start.noise.cloned(),
            encoding: *start.encoding,
        })));
    }

    fn skipped(&mut self, _id: &str, _position: (usize, usize)) {
        self.tell(&Event::Skipped);
    }

    fn step(&mut self, _run: usize, record: &StepRecord) {
        if self.reported.elapsed() >= BETWEEN_STEPS {
            self.reported = Instant::now();
            self.tell(&Event::Step(*record));
        }
    }

    fn evaluated(&mut self, _run: usize, point: &CurvePoint) {
        self.tell(&Event::Evaluated(*point));
    }

    fn epoch(&mut self, _run: usize, summary: &EpochSummary) {
        self.tell(&Event::Epoch(*summary));
    }

    fn ended(&mut self, _run: usize, _id: &str, wall_seconds: f64) {
        self.tell(&Event::Ended { wall_seconds });
    }

    fn working(&mut self, what: &str) {
        self.tell(&Event::Working(what.to_owned()));
    }
}
