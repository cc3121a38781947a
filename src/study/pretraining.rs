//! How much pretraining makes a plateau: the noise sweep from points along one pretraining.
//!
//! arXiv 2105.00828 (section 4) finds that a pretrained tagger settles between fitting and memorising and one from random
//! weights does not, and leaves open what lies between. Here the encoder is pretrained by the study itself
//! ([`crate::run::Pretraining`]), saved after given numbers of steps, and each of these encoders is fine-tuned at each
//! noise level with each seed.
//!
//! **Where the encoders are.** In `pretrained/step=000300/` in the folder of the runs. A run names its encoder from there, and its
//! configuration holds what was pretrained on what and for how long ([`crate::run::PretrainedEncoder`]): that, not a path,
//! is its identity. A study's folder may be moved, and its runs resumed there. The encoders' weights may be removed once
//! the runs are finished; the report needs the `pretraining.json` beside them, for masked accuracy, and no more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::charts::Chart;
use super::findings::{Compared, Finding};
use super::measure::Measure;
use super::report::{Context, Design, Parts};
use super::summarise::NOISE;
use super::tables::Builder;
use super::{Axis, Layout, Study, StudyInput, measures as m};
use crate::config::Experiment;
use crate::error::{Error, Problem, Result};
use crate::estimate::{PretrainingEstimate, estimate_pretraining};
use crate::report::{Format, Table};
use crate::run::{Coordinate, Monitor, PretrainedEncoder, Pretraining, RunConfig, StopFlag};
use crate::train::pretrain::PretrainReport;

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
        let steps = Axis::of_setting("model.source", steps(experiment).iter().map(encoder));
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

    fn order(&self) -> &'static [&'static str] {
        &[NOISE, STEPS]
    }

    fn design(&self, context: &Context<'_>) -> Result<Design> {
        let shown = [&m::SETTLING, &m::ONSET, &m::DETECTION, &m::FORGETTABLE, &m::DEV_PEAK, &m::DEV_END];
        let trend = |measure: &Measure| Finding::Trend { axis: STEPS.into(), measure: measure.key };
        let chart = context.axis(STEPS).map(|axis| Chart {
            title: "Measures by pretraining steps".into(),
            ..Chart::of_measures("pretraining", axis, &shown)
        });
        Ok(Design {
            title: "Pretraining and the settling phase".into(),
            measures: shown.into(),
            trends: vec![STEPS.into()],
            findings: [&m::SETTLING, &m::ONSET, &m::DETECTION, &m::FORGETTABLE, &m::DEV_PEAK].map(trend).into(),
            charts: chart.into_iter().collect(),
            ..Design::default()
        })
    }

    fn add(&self, context: &Context<'_>, _: &Compared<'_>, parts: &mut Parts) -> Result<()> {
        parts.tables.push(encoders(context)?);
        Ok(())
    }

    fn configuration(&self, experiment: &Experiment) -> Result<String> {
        // Of the text its name alone.
        let mut shown = experiment.clone();
        if let Some(text) = &experiment.pretraining.text {
            shown.pretraining.text = text.file_name().map(PathBuf::from);
        }
        shown.to_toml()
    }
}

/// The pretraining of an experiment, in its folder.
fn pretraining<'a>(experiment: &'a Experiment, folder: &'a Path) -> Pretraining<'a> {
    Pretraining { settings: &experiment.pretraining, folder, checkpoints: steps(experiment), finish: false }
}

/// The numbers of steps after which an encoder is taken.
fn steps(experiment: &Experiment) -> &[u64] {
    experiment.study.pretraining.as_ref().map_or(&[], |of| &of.steps)
}

/// The folder of the pretraining.
fn folder(layout: &Layout) -> PathBuf {
    layout.runs.join(PRETRAINED)
}

/// What is known of an encoder that was fine-tuned.
struct Checkpoint {
    /// Steps it was pretrained for.
    steps: u64,
    /// SHA-256 (hex) of it.
    fingerprint: String,
    /// How well it predicts masked subwords; `None` if its folder is gone.
    report: Option<PretrainReport>,
}

/// The encoders that were fine-tuned, in rising order of steps.
///
/// # Errors
/// [`Error::Data`] if runs of the same number of steps started from different encoders.
fn checkpoints(context: &Context<'_>) -> Result<Vec<Checkpoint>> {
    let StudyInput { layout, .. } = context.input;
    let points = context.axis(STEPS).map(|axis| axis.points.clone()).unwrap_or_default();
    let of = |point: &Coordinate| {
        let steps = point.value.as_u64().unwrap_or_default();
        let rows = context.rows.iter().filter(|row| row.coordinates.get(STEPS) == Some(point));
        let mut fingerprints: Vec<&String> = rows.map(|row| &row.manifest.model.fingerprint).collect();
        fingerprints.dedup();
        let [fingerprint] = fingerprints[..] else {
            return Err(Error::Data(
                Problem::new(format!("runs of {steps} steps were fine-tuned from different encoders"))
                    .at(&layout.runs)
                    .hint("the pretraining was replaced after some were done: remove these runs and do them again"),
            ));
        };
        let report = PretrainReport::read(&Pretraining::checkpoint_in(&folder(layout), steps))?;
        Ok(Checkpoint { steps, fingerprint: fingerprint.clone(), report })
    };
    points.iter().map(of).collect()
}

fn encoders(context: &Context<'_>) -> Result<Table> {
    let all = checkpoints(context)?;
    let column =
        |get: fn(&PretrainReport) -> f64| all.iter().map(move |checkpoint| checkpoint.report.as_ref().map(get));
    Builder::new(all.len())
        .counts("steps", "Pretraining steps", all.iter().map(|of| of.steps as usize))?
        .numbers("masked_accuracy", "Masked accuracy", Format::Decimal(3), column(|of| of.held_out_masked_accuracy))?
        .numbers("masked_loss", "Masked loss, nats", Format::Decimal(3), column(|of| of.held_out_masked_loss))?
        .numbers("learning_rate", "Learning rate", Format::Scientific(1), column(|of| of.learning_rate))?
        .texts("encoder", "Encoder", all.iter().map(|of| Some(of.fingerprint.chars().take(12).collect::<String>())))?
        .table(
            "encoders",
            "Encoders",
            "Accuracy and loss on the masked subwords of held-out text. The learning rate is that of the next step: all but a \
             finished model were taken from a pretraining that went on. Encoder: the first digits of the SHA-256 of its files.",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{grid, testing};

    #[test]
    fn a_run_says_what_its_encoder_is_and_not_where_it_stands() {
        let mut experiment = testing::experiment(
            "study = { kind = \"pretraining\", noise = [0, 0.3], seeds = [7], pretraining.steps = [0, 300] }",
        );
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
