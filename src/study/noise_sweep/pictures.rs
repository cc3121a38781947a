//! The figures of the noise sweep.

use std::path::PathBuf;

use super::findings::Subject;
use super::{Gathered, StudyFrames};
use crate::error::Result;
use crate::figures::noise_detection::Detection;
use crate::figures::{
    FigureFiles, Style, Width, data_map, detection_by_epoch, first_learning, learning_curves, noise_detection,
    noisy_accuracy,
};
use crate::study::StudyInput;
use crate::study::frames::numbers;

/// Draws all figures into the report's folder `figures/`. Those that show noise are left out of a study without any.
pub(super) fn draw(
    input: &StudyInput<'_>,
    gathered: &Gathered<'_>,
    frames: &StudyFrames,
    subject: &Subject<'_>,
) -> Result<Vec<FigureFiles>> {
    let style = Style {
        width: Width::Full,
        synthetic: subject.synthetic,
        subtitle: format!("{}, {}, {} epochs", subject.data, input.experiment.model.source, subject.epochs),
    };
    let stem = |name: &str| -> PathBuf { input.layout.report.join("figures").join(name) };
    let has_noise = gathered.numbers.iter().any(|run| run.noise > 0.0);
    let StudyFrames { curves, epochs, phases } = frames;

    let mut figures = vec![learning_curves::draw(curves, phases, &style, &stem("learning_curves"))?];
    if has_noise {
        figures.push(noisy_accuracy::draw(curves, phases, &style, &stem("noisy_accuracy"))?);
    }
    figures.push(first_learning::draw(epochs, &style, &stem("first_learning"))?);
    let (run, analysis) = &gathered.shown;
    if let Some(epoch) = analysis.best_detection_epoch {
        let row = numbers(&analysis.epochs, "epoch")?.iter().position(|at| *at == Some(f64::from(epoch)));
        let cutoff = match row {
            Some(row) => numbers(&analysis.epochs, "noise_cutoff")?[row],
            None => None,
        };
        let detection = Detection {
            losses: &analysis.losses,
            precision_recall: &analysis.precision_recall,
            epoch,
            noise: run.manifest.config.perturb.rate,
            cutoff,
        };
        figures.push(noise_detection::draw(&detection, &style, &stem("noise_detection"))?);
    }
    if has_noise {
        figures.push(detection_by_epoch::draw(epochs, &style, &stem("detection_by_epoch"))?);
    }
    figures.push(data_map::draw(&analysis.datamap, &style, &stem("data_map"))?);
    Ok(figures)
}
