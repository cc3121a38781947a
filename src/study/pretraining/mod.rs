//! How much pretraining makes a plateau: the noise sweep from points along one pretraining.
//!
//! arXiv 2105.00828 (section 4) finds that a pretrained tagger settles between fitting and memorising and one from random
//! weights does not, and leaves open what lies between. Here the encoder is pretrained by the study itself
//! ([`crate::run::Pretraining`]), saved after given numbers of steps, and each of these encoders is fine-tuned at each
//! noise level with each seed: settling length, onset of memorisation and noise-detection F1 against pretraining steps.
//!
//! **Where the encoders are.** In `pretrained/step=000300/` in the folder of the runs. A run names its encoder from there, and its
//! configuration holds what was pretrained on what and for how long ([`crate::run::PretrainedEncoder`]): that, not a path,
//! is its identity. A study's folder may be moved, and its runs resumed there. The encoders' weights may be removed once
//! the runs are finished; what is drawn needs the `pretraining.json` beside them, for masked accuracy, and no more.
//!
//! Files: the numbers of a run and of a point over seeds ([`summary`]), words ([`findings`]), tables ([`tables`]).

mod findings;
mod summary;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::frames::{stack, with_run};
use super::noise_sweep::summary::RunNumbers;
use super::{Axis, Drawn, Layout, Study, StudyInput, publish, write_analysis};
use crate::analysis::analyse_run;
use crate::config::Experiment;
use crate::dynamics::{Log, write_csv_as};
use crate::error::{Error, Problem, Result};
use crate::estimate::{PretrainingEstimate, estimate_pretraining};
use crate::figures::{Style, pretraining as figure};
use crate::report::{Figure, StudyReport};
use crate::run::{Coordinate, Monitor, PretrainedEncoder, Pretraining, RunConfig, StopFlag};
use crate::train::pretrain::PretrainReport;
use findings::Subject;
use summary::{Checkpoint, RunPoint};

/// The folder of the pretraining, in the folder of the runs.
const PRETRAINED: &str = "pretrained";
/// The axis of pretraining steps.
const STEPS: &str = "steps";

/// See the [module](self).
pub(super) struct PretrainingStudy;

impl Study for PretrainingStudy {
    fn axes(&self, experiment: &Experiment) -> Result<Vec<Axis>> {
        let encoder = |&steps: &u64| {
            let source = Pretraining::checkpoint_in(Path::new(PRETRAINED), steps).to_string_lossy().into_owned();
            (Coordinate::new(STEPS, steps).labelled(format!("{steps:06}")), source.into())
        };
        let steps = Axis::of_setting("model.source", experiment.study.pretraining_steps.iter().map(encoder));
        Ok(vec![steps, Axis::noise(experiment)])
    }

    fn complete(&self, experiment: &Experiment, run: &mut RunConfig) {
        let steps = run.coordinates.get(STEPS).and_then(|steps| steps.value.as_u64());
        let settings = || experiment.pretraining.without_places();
        run.pretrained = steps.map(|steps| PretrainedEncoder { settings: settings(), steps });
    }

    fn prepare(&self, experiment: &Experiment, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<()> {
        let folder = folder(&Layout::of(experiment));
        pretraining(experiment, &folder).execute(&experiment.device.open()?, monitor, stop).map(|_| ())
    }

    fn estimate_preparation(&self, experiment: &Experiment, effort: Duration) -> Result<Option<PretrainingEstimate>> {
        let folder = folder(&Layout::of(experiment));
        let device = experiment.device.open()?;
        estimate_pretraining(&pretraining(experiment, &folder), &device, effort).map(Some)
    }

    fn draw(&self, input: &StudyInput<'_>, monitor: &mut dyn Monitor) -> Result<Drawn> {
        let runs = gather(input, monitor)?;
        let checkpoints = checkpoints(input, &runs)?;
        let points = summary::points(&runs);
        let trends = summary::trends(&runs, input.experiment.analysis.seed);
        let first = &input.runs.first().ok_or_else(|| Error::Internal("a study without runs".into()))?.manifest;
        let settings = &input.experiment.pretraining;
        let text = settings.text.as_ref().map(|path| super::file_name(&path.to_string_lossy()).to_owned());
        let subject = Subject {
            data: &first.data.name,
            synthetic: first.data.synthetic,
            text: text.as_deref(),
            shape: &first.model.shape,
            epochs: input.experiment.train.epochs,
        };
        let findings = findings::paragraph(&subject, &checkpoints, &points, &trends);

        monitor.working("drawing");
        let frame = summary::frame(&runs)?;
        write_csv_as(&input.layout.analysis.join("points.csv"), &frame, input.text)?;
        let of_checkpoints = summary::checkpoint_frame(&checkpoints)?;
        let stem = Path::new("figures").join("pretraining");
        let style = Style {
            print: input.print,
            synthetic: subject.synthetic,
            subtitle: format!("{}, {}, {} epochs", subject.data, subject.shape, subject.epochs),
        };
        let files = figure::draw(&frame, &of_checkpoints, &style, &input.layout.report.join(&stem))?;
        let made = || format!("How much pretraining makes a plateau? Fine-tuning on {}", subject.data);
        let study = StudyReport {
            title: input.experiment.study.title.clone().unwrap_or_else(made),
            findings: vec![findings.clone()],
            synthetic: subject.synthetic,
            figures: vec![Figure::new(&files, stem)],
            tables: tables::all(input, &of_checkpoints, &points, &trends)?,
            configuration: configuration(input.experiment)?,
        };
        publish(input, &study, findings, monitor)
    }
}

/// The pretraining of an experiment, in its folder.
fn pretraining<'a>(experiment: &'a Experiment, folder: &'a Path) -> Pretraining<'a> {
    Pretraining {
        settings: &experiment.pretraining,
        folder,
        checkpoints: &experiment.study.pretraining_steps,
        finish: false,
    }
}

/// The folder of the pretraining.
fn folder(layout: &Layout) -> PathBuf {
    layout.runs.join(PRETRAINED)
}

/// The experiment as it is printed in the report: of the text its name alone.
fn configuration(experiment: &Experiment) -> Result<String> {
    let mut shown = experiment.clone();
    if let Some(text) = &experiment.pretraining.text {
        shown.pretraining.text = text.file_name().map(PathBuf::from);
    }
    shown.to_toml()
}

/// Analyses every run, and writes what has a row a token and the epochs of all.
fn gather(input: &StudyInput<'_>, monitor: &mut dyn Monitor) -> Result<Vec<RunPoint>> {
    let (mut points, mut epochs) = (Vec::new(), Vec::new());
    for run in input.runs {
        let config = &run.manifest.config;
        monitor.working(&format!("analysing {}", config.id));
        let log = Log::open(&run.folder)?;
        let analysis = analyse_run(&log, &input.experiment.analysis)?;
        write_analysis(&input.layout.analysis_of(config), &analysis, input.text)?;
        let Some(pretrained) = &config.pretrained else {
            return Err(Error::Internal(format!("the run {} has no pretraining", config.id)));
        };
        let mut of_run = with_run(&analysis.epochs, config.perturb.rate, config.seed)?;
        let steps = polars::prelude::Column::new("steps".into(), vec![pretrained.steps; of_run.height()]);
        of_run.insert_column(0, steps)?;
        epochs.push(of_run);
        let numbers = RunNumbers::of(&run.manifest, &analysis.epochs, &analysis.shares, analysis.phases.clone())?;
        points.push(RunPoint::new(pretrained.steps, &run.manifest, numbers));
    }
    write_csv_as(&input.layout.analysis.join("epochs.csv"), &stack(epochs)?, input.text)?;
    Ok(points)
}

/// What is known of each encoder that was fine-tuned, in rising order of steps.
///
/// # Errors
/// [`Error::Data`] if runs of the same number of steps started from different encoders.
fn checkpoints(input: &StudyInput<'_>, runs: &[RunPoint]) -> Result<Vec<Checkpoint>> {
    let mut steps: Vec<u64> = runs.iter().map(|run| run.steps).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
        .into_iter()
        .map(|steps| {
            let mut fingerprints: Vec<&String> =
                runs.iter().filter(|run| run.steps == steps).map(|run| &run.fingerprint).collect();
            fingerprints.dedup();
            let [fingerprint] = fingerprints[..] else {
                return Err(Error::Data(
                    Problem::new(format!("runs of {steps} steps were fine-tuned from different encoders"))
                        .at(&input.layout.runs)
                        .hint("the pretraining was replaced after some were done: remove these runs and do them again"),
                ));
            };
            let report = PretrainReport::read(&Pretraining::checkpoint_in(&folder(input.layout), steps))?;
            Ok(Checkpoint { steps, fingerprint: fingerprint.clone(), report })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Seeds, StudyKind, StudySettings};
    use crate::study::grid;

    #[test]
    fn a_run_says_what_its_encoder_is_and_not_where_it_stands() {
        let study = StudySettings {
            kind: Some(StudyKind::Pretraining),
            noise: vec![0.0, 0.3],
            pretraining_steps: vec![0, 300],
            seeds: Seeds::List(vec![7]),
            ..StudySettings::default()
        };
        let mut experiment = Experiment { study, ..Experiment::default() };
        let here = grid(&experiment).unwrap();
        let ids: Vec<&str> = here.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "steps=000000,noise=0.00,seed=7",
                "steps=000000,noise=0.30,seed=7",
                "steps=000300,noise=0.00,seed=7",
                "steps=000300,noise=0.30,seed=7"
            ]
        );
        assert_eq!(here[3].model.source, "pretrained/step=000300");
        experiment.out = Some("/somewhere/else".into());
        assert_eq!(grid(&experiment).unwrap(), here);
        experiment.pretraining.epochs += 1;
        let hash = |runs: &[RunConfig]| runs[3].identity().unwrap();
        assert_ne!(hash(&grid(&experiment).unwrap()), hash(&here));
    }
}
