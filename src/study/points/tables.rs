//! The tables of a grid: scores of each point, its runs.

use polars::prelude::*;

use super::PointNumbers;
use crate::error::Result;
use crate::metrics::Estimate;
use crate::report::{Column as Shown, Format, Table};
use crate::study::frames::add_estimates;
use crate::study::noise_sweep::summary::RunNumbers;
use crate::study::{StudyInput, cap_table, run_table};

/// All tables, in the order they are shown.
pub(super) fn all(input: &StudyInput<'_>, points: &[PointNumbers]) -> Result<Vec<Table>> {
    let mut tables = vec![scores(points)?, run_table::table(input)?];
    tables.extend(cap_table::table(input)?);
    Ok(tables)
}

fn scores(points: &[PointNumbers]) -> Result<Table> {
    type Get = fn(&RunNumbers) -> Option<f64>;
    let columns: [(&str, &str, Format, Get); 8] = [
        ("dev_score_peak", "Dev F1, peak", Format::Mean(3), |run| run.dev_peak.map(|peak| peak.value)),
        ("dev_score_peak_epoch", "in epoch", Format::Mean(1), |run| run.dev_peak.map(|peak| peak.epoch)),
        ("dev_score_end", "Dev F1, end", Format::Mean(3), |run| run.dev_last),
        ("noisy_accuracy_low", "Noisy tokens as given, lowest", Format::MeanPercent(1), |run| {
            run.noisy_low.map(|low| low.value)
        }),
        ("noisy_accuracy_end", "the same, end", Format::MeanPercent(1), |run| run.noisy_last),
        ("detection_f1", "Noise-detection F1, best", Format::Mean(3), |run| run.detection.map(|best| best.value)),
        ("detection_epoch", "in epoch", Format::Mean(1), |run| run.detection.map(|best| best.epoch)),
        ("forgettable", "Forgettable", Format::MeanPercent(1), |run| run.forgettable),
    ];
    let mut frame_columns = Vec::new();
    let mut shown = Vec::new();
    let axes: Vec<String> =
        points.first().into_iter().flat_map(|p| p.coordinates.iter().map(|of| of.axis.clone())).collect();
    for axis in &axes {
        let label = |point: &PointNumbers| point.coordinates.get(axis).map(|of| of.label.clone());
        frame_columns.push(Column::new(axis.as_str().into(), points.iter().map(label).collect::<Vec<_>>()));
        shown.push(Shown::new(axis, axis, Format::Text));
    }
    frame_columns.push(Column::new("runs".into(), points.iter().map(|p| p.runs.len() as u64).collect::<Vec<_>>()));
    shown.push(Shown::new("runs", "Runs", Format::Integer));
    let mut frame = DataFrame::new(points.len(), frame_columns)?;
    for (key, heading, format, get) in columns {
        let estimates: Vec<Option<Estimate>> =
            points.iter().map(|point| Estimate::of(point.runs.iter().map(get))).collect();
        add_estimates(&mut frame, key, &estimates)?;
        shown.push(Shown::new(key, heading, format));
    }
    let onset = |point: &PointNumbers| point.phases.memorisation_onset.as_ref().map(|onset| onset.epoch);
    frame.with_column(Column::new("onset".into(), points.iter().map(onset).collect::<Vec<_>>()))?;
    shown.push(Shown::new("onset", "Onset of memorisation, epoch", Format::Decimal(2)));
    Table::from_frame(
        &frame,
        "scores",
        "Scores by point of the grid",
        "Means over seeds ± sample standard deviation; the onset is the median over seeds, empty where none was detected. Noisy \
         tokens: accuracy against the wrong label they were given. Noise detection: two clusters of the losses after each \
         epoch.",
        shown,
    )
}
