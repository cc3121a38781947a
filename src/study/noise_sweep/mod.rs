//! The noise sweep (arXiv 2105.00828, section 3): the same training at rising label noise, each level with each seed.
//!
//! The noise of a run is drawn from its seed: at one seed, all levels start from the same new weights and see the
//! sentences in the same order, so that levels differ in their noise alone. Seeds are the outer loop: an interrupted
//! sweep has one seed at all levels rather than all seeds at one.
//!
//! Drawing takes three steps, a file each: every run is analysed and its numbers kept ([`summary`]), levels are put
//! into words ([`findings`]), and tables and figures are made ([`tables`], [`pictures`]). Figures of single tokens (the
//! loss histogram, the data map) show one run, the first seed of the level nearest to 30 %.

mod findings;
mod pictures;
pub(super) mod summary;
mod tables;

use polars::prelude::DataFrame;

use super::frames::{curve, stack, with_run};
use super::{Axis, Drawn, FinishedRun, Study, StudyInput, file_name, publish, write_analysis};
use crate::analysis::{RunAnalysis, analyse_run};
use crate::config::Experiment;
use crate::dynamics::{Log, write_csv_as};
use crate::error::{Error, Result};
use crate::report::StudyReport;
use crate::run::Monitor;
use findings::Subject;
use summary::{LevelNumbers, RunNumbers};

/// The level whose single tokens are drawn, if it was trained; else the nearest one with noise.
const SHOWN_NOISE: f64 = 0.3;

/// See the [module](self).
pub(super) struct NoiseSweep;

impl Study for NoiseSweep {
    fn axes(&self, experiment: &Experiment) -> Result<Vec<Axis>> {
        Ok(vec![Axis::noise(experiment)])
    }

    fn draw(&self, input: &StudyInput<'_>, monitor: &mut dyn Monitor) -> Result<Drawn> {
        let gathered = gather(input, monitor)?;
        let levels = summary::levels(&gathered.numbers);
        let first = &input.runs.first().ok_or_else(|| Error::Internal("a study without runs".into()))?.manifest;
        let shape = &first.model.shape;
        let subject = Subject {
            data: &first.data.name,
            synthetic: first.data.synthetic,
            model: file_name(&input.experiment.model.source),
            shape,
            epochs: input.experiment.train.epochs,
        };
        let findings = findings::paragraph(&subject, &levels);

        monitor.working("drawing");
        let frames = StudyFrames::of(&gathered, &levels)?;
        for (name, frame) in [("curves", &frames.curves), ("epochs", &frames.epochs), ("phases", &frames.phases)] {
            write_csv_as(&input.layout.analysis.join(format!("{name}.csv")), frame, input.text)?;
        }
        let study = StudyReport {
            title: title(input.experiment, &subject),
            findings: [Some(findings.clone()), capped(input)].into_iter().flatten().collect(),
            synthetic: subject.synthetic,
            figures: pictures::draw(input, &gathered, &frames, &subject)?,
            tables: tables::all(input, &gathered, &levels)?,
            configuration: input.experiment.to_toml()?,
            ..StudyReport::default()
        };
        publish(input, &study, findings, monitor)
    }
}

/// What is kept of all runs.
struct Gathered<'a> {
    /// The numbers of each run, in the grid's order.
    numbers: Vec<RunNumbers>,
    /// Each run's evaluations, `noise` and `seed` in front.
    curves: Vec<DataFrame>,
    /// Each run's epochs, likewise.
    epochs: Vec<DataFrame>,
    /// Each run's shares, likewise.
    shares: Vec<DataFrame>,
    /// The run whose single tokens are drawn, with all its tables.
    shown: (&'a FinishedRun, RunAnalysis),
}

/// Frames of the whole study, as the figures want them.
struct StudyFrames {
    curves: DataFrame,
    epochs: DataFrame,
    phases: DataFrame,
}

impl StudyFrames {
    fn of(gathered: &Gathered<'_>, levels: &[LevelNumbers]) -> Result<Self> {
        Ok(Self {
            curves: stack(gathered.curves.iter().cloned())?,
            epochs: stack(gathered.epochs.iter().cloned())?,
            phases: tables::phases(levels)?,
        })
    }
}

/// Analyses every run. The tables with a row a token are written and let go, but for those of the run shown.
fn gather<'a>(input: &StudyInput<'a>, monitor: &mut dyn Monitor) -> Result<Gathered<'a>> {
    let distance = |run: &FinishedRun| {
        let noise = run.manifest.config.perturb.rate;
        // A level without noise has nothing to show unless there is no other.
        if noise == 0.0 { f64::INFINITY } else { (noise - SHOWN_NOISE).abs() }
    };
    let shown_index =
        (0..input.runs.len()).min_by(|&a, &b| distance(&input.runs[a]).total_cmp(&distance(&input.runs[b])));
    let mut shown = None;
    let (mut numbers, mut curves, mut epochs, mut shares) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, run) in input.runs.iter().enumerate() {
        let config = &run.manifest.config;
        monitor.working(&format!("analysing {}", config.id));
        let log = Log::open(&run.folder)?;
        let analysis = analyse_run(&log, &input.experiment.analysis)?;
        write_analysis(&input.layout.analysis_of(config), &analysis, input.text)?;
        let (noise, seed) = (config.perturb.rate, config.seed);
        numbers.push(RunNumbers::of(&run.manifest, &analysis.epochs, &analysis.shares, analysis.phases.clone())?);
        curves.push(with_run(&curve(&log.curve()?)?, noise, seed)?);
        epochs.push(with_run(&analysis.epochs, noise, seed)?);
        shares.push(with_run(&analysis.shares, noise, seed)?);
        if Some(index) == shown_index {
            shown = Some((run, analysis));
        }
    }
    let shown = shown.ok_or_else(|| Error::Internal("a study without runs".into()))?;
    Ok(Gathered { numbers, curves, epochs, shares, shown })
}

/// What a class cap left, if there is one.
fn capped(input: &StudyInput<'_>) -> Option<String> {
    let cap = input.runs.first()?.manifest.cap.as_ref()?;
    let [before, after] = cap.sentences;
    Some(format!(
        "Of the {} training sentences with {} {} were kept: {after} of {before} sentences in all.",
        cap.available,
        cap.class,
        cap.kept.len()
    ))
}

fn title(experiment: &Experiment, subject: &Subject<'_>) -> String {
    let made = || format!("Learning, settling and memorising under label noise: {}, {}", subject.data, subject.model);
    experiment.study.title.clone().unwrap_or_else(made)
}
