//! The scores of a grid in words.

use super::PointNumbers;
use crate::metrics::Estimate;

/// Points named as the best, at most.
const NAMED: usize = 3;

/// The points with the highest dev scores at the end, in order, with their spread over seeds. Nothing is said of differences
/// between them.
pub(super) fn paragraph(points: &[PointNumbers]) -> String {
    let end = |point: &PointNumbers| Estimate::of(point.runs.iter().map(|run| run.dev_last));
    let mut ranked: Vec<(&PointNumbers, Estimate)> =
        points.iter().filter_map(|point| Some((point, end(point)?))).collect();
    ranked.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean));
    if ranked.is_empty() {
        return "No run has a dev score.".into();
    }
    let shown = |(point, estimate): &(&PointNumbers, Estimate)| {
        let spread = estimate.deviation.map_or_else(String::new, |deviation| format!(" ± {deviation:.3}"));
        format!("{:.3}{spread} at {}", estimate.mean, point.coordinates.id())
    };
    let best: Vec<String> = ranked.iter().take(NAMED).map(shown).collect();
    let seeds = points.iter().map(|point| point.runs.len()).max().unwrap_or_default();
    let over = match seeds {
        1 => "one seed a point, so without a spread".to_owned(),
        n => format!("means over {n} seeds ± sample standard deviation"),
    };
    format!("Highest dev F1 after the last epoch of {} points ({over}): {}.", ranked.len(), best.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::phases::Phases;
    use crate::run::{Coordinate, Coordinates};
    use crate::study::noise_sweep::summary::RunNumbers;

    fn point(rate: f64, scores: &[f64]) -> PointNumbers {
        let run = |&score: &f64| RunNumbers {
            noise: 0.0,
            seed: 1,
            realised: 0.0,
            dev_peak: None,
            dev_last: Some(score),
            noisy_low: None,
            noisy_last: None,
            detection: None,
            forgettable: None,
            phases: Phases::default(),
        };
        let coordinates = Coordinates::of([Coordinate::new("learning_rate", rate)]);
        PointNumbers { coordinates, runs: scores.iter().map(run).collect(), phases: Phases::default() }
    }

    #[test]
    fn the_best_points_are_named_with_their_spread() {
        let said = paragraph(&[point(0.1, &[0.5, 0.7]), point(0.2, &[0.8, 0.8])]);
        assert_eq!(
            said,
            "Highest dev F1 after the last epoch of 2 points (means over 2 seeds ± sample standard deviation): 0.800 ± 0.000 \
             at learning_rate=0.2; 0.600 ± 0.141 at learning_rate=0.1."
        );
        assert_eq!(paragraph(&[]), "No run has a dev score.");
    }
}
