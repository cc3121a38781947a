//! The figures of the noise sweep.

use std::path::Path;

use super::findings::Subject;
use super::{Gathered, StudyFrames};
use crate::error::Result;
use crate::figures::noise_detection::Detection;
use crate::figures::scale::percent;
use crate::figures::{
    FigureFiles, Style, data_map, detection_by_epoch, first_learning, learning_curves, noise_detection, noisy_accuracy,
};
use crate::report::Figure;
use crate::study::StudyInput;
use crate::study::frames::numbers;

/// Draws all figures into the report's folder `figures/`. Those that show noise are left out of a study without any.
pub(super) fn draw(
    input: &StudyInput<'_>,
    gathered: &Gathered<'_>,
    frames: &StudyFrames,
    subject: &Subject<'_>,
) -> Result<Vec<Figure>> {
    let style = Style {
        print: input.print,
        synthetic: subject.synthetic,
        subtitle: format!("{}, {}, {} epochs", subject.data, subject.model, subject.epochs),
    };
    let folder = Path::new("figures");
    let stem = |name: &str| input.layout.report.join(folder).join(name);
    let has_noise = gathered.numbers.iter().any(|run| run.noise > 0.0);
    let StudyFrames { curves, epochs, phases } = frames;

    let mut figures = Vec::new();
    let mut add = |name: &str, files: FigureFiles| figures.push(Figure::new(&files, folder.join(name)));
    let name = "learning_curves";
    add(name, learning_curves::draw(curves, phases, &style, &stem(name))?);
    if has_noise {
        let name = "noisy_accuracy";
        add(name, noisy_accuracy::draw(curves, phases, &style, &stem(name))?);
    }
    let name = "first_learning";
    add(name, first_learning::draw(epochs, &style, &stem(name))?);
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
        let name = "noise_detection";
        add(name, noise_detection::draw(&detection, &style, &stem(name))?);
    }
    if has_noise {
        let name = "detection_by_epoch";
        add(name, detection_by_epoch::draw(epochs, &style, &stem(name))?);
    }
    let name = "data_map";
    let condition = format!("{} noise, seed {}", percent(run.manifest.config.perturb.rate), run.manifest.config.seed);
    add(name, data_map::draw(&analysis.datamap, &condition, &style, &stem(name))?);
    Ok(figures)
}
