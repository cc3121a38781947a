//! The tables of the study: encoders, points, trends, runs.

use polars::prelude::*;

use super::summary::{MeasureTrend, Point};
use crate::error::Result;
use crate::metrics::Estimate;
use crate::report::{Column as Shown, Format, Table};
use crate::study::{StudyInput, cap_table, run_table};

/// All tables, in the order they are shown.
pub(super) fn all(
    input: &StudyInput<'_>,
    checkpoints: &DataFrame,
    points: &[Point],
    trends: &[MeasureTrend],
) -> Result<Vec<Table>> {
    let mut tables = vec![points_table(points)?];
    if !trends.is_empty() {
        tables.push(trends_table(trends)?);
    }
    tables.extend([encoders_table(checkpoints)?, run_table::table(input)?]);
    tables.extend(cap_table::table(input)?);
    Ok(tables)
}

fn points_table(points: &[Point]) -> Result<Table> {
    type Get = fn(&Point) -> Option<Estimate>;
    let columns: [(&str, &str, Format, Get); 6] = [
        ("settling", "Settling, epochs", Format::Mean(1), |point| point.settling),
        ("onset", "Onset of memorisation, epoch", Format::Mean(1), |point| point.onset),
        ("detection_f1", "Noise detection F1, best", Format::Mean(3), |point| point.detection),
        ("forgettable", "Forgettable", Format::MeanPercent(1), |point| point.forgettable),
        ("dev_score", "Dev F1, peak", Format::Mean(3), |point| point.dev_peak),
        ("dev_score_end", "Dev F1, end", Format::Mean(3), |point| point.dev_last),
    ];
    let number = |get: fn(&Point) -> usize| points.iter().map(|point| get(point) as u64).collect::<Vec<_>>();
    let mut frame = df!(
        "noise" => points.iter().map(|point| point.noise).collect::<Vec<_>>(),
        "steps" => points.iter().map(|point| point.steps).collect::<Vec<_>>(),
        "runs" => number(|point| point.n),
        "settling_known" => number(|point| point.settling.map_or(0, |settling| settling.n)),
        "settling_open" => number(|point| point.open),
        "onset_seen" => number(|point| point.onset.map_or(0, |onset| onset.n)),
    )?;
    let mut shown = vec![
        Shown::new("noise", "Noise", Format::Percent(0)),
        Shown::new("steps", "Pretraining steps", Format::Integer),
        Shown::new("runs", "Runs", Format::Integer),
    ];
    for (key, heading, format, get) in columns {
        let estimates: Vec<Option<Estimate>> = points.iter().map(get).collect();
        let means: Vec<Option<f64>> = estimates.iter().map(|e| e.map(|e| e.mean)).collect();
        let deviations: Vec<Option<f64>> = estimates.iter().map(|e| e.and_then(|e| e.deviation)).collect();
        frame.with_column(Column::new(key.into(), means))?;
        frame.with_column(Column::new(format!("{key}_sd").into(), deviations))?;
        shown.push(Shown::new(key, heading, format));
        match key {
            "settling" => {
                shown.push(Shown::new("settling_known", "known in", Format::Integer));
                shown.push(Shown::new("settling_open", "to the end in", Format::Integer));
            }
            "onset" => shown.push(Shown::new("onset_seen", "seen in", Format::Integer)),
            _ => {}
        }
    }
    Table::from_frame(
        &frame,
        "points",
        "Phases and scores by noise and pretraining",
        "Means over seeds ± sample standard deviation. Settling lasts from the end of fitting to the onset of memorisation, \
         0 where the onset comes first; it is known in the runs in which an end of fitting was found, and lasts to the end \
         of the training, at least, where no onset was. The onset's mean is over the runs in which it was seen. \
         Forgettable: share of the training tokens that were right in one epoch and wrong in the next, against the given \
         label.",
        shown,
    )
}

fn trends_table(trends: &[MeasureTrend]) -> Result<Table> {
    let frame = df!(
        "noise" => trends.iter().map(|t| t.noise).collect::<Vec<_>>(),
        "measure" => trends.iter().map(|t| t.measure.name()).collect::<Vec<_>>(),
        "tau" => trends.iter().map(|t| t.trend.tau).collect::<Vec<_>>(),
        "p" => trends.iter().map(|t| t.trend.p).collect::<Vec<_>>(),
        "runs" => trends.iter().map(|t| t.trend.n as u64).collect::<Vec<_>>(),
    )?;
    Table::from_frame(
        &frame,
        "trends",
        "Trends with pretraining",
        "Kendall's τ-b of each measure with the steps of pretraining, over the runs of one noise level, and the p-value of a \
         permutation test (10,000 assignments, two-sided; not corrected for their number). Where only a lower bound is \
         known (settling to the end of the training, an onset not seen), pairs whose order is uncertain count as ties.",
        vec![
            Shown::new("noise", "Noise", Format::Percent(0)),
            Shown::new("measure", "Measure", Format::Text),
            Shown::new("tau", "Kendall's τ", Format::Decimal(2)),
            Shown::new("p", "p", Format::Decimal(4)),
            Shown::new("runs", "Runs", Format::Integer),
        ],
    )
}

fn encoders_table(checkpoints: &DataFrame) -> Result<Table> {
    Table::from_frame(
        checkpoints,
        "encoders",
        "The encoders",
        "Accuracy and loss on the masked pieces of held-out text. The learning rate is that of the next step: all but a \
         finished model were taken from a pretraining that still went on. Encoder: the first digits of the SHA-256 of its \
         files.",
        vec![
            Shown::new("steps", "Pretraining steps", Format::Integer),
            Shown::new("masked_accuracy", "Masked accuracy", Format::Decimal(3)),
            Shown::new("masked_loss", "Masked loss, nats", Format::Decimal(3)),
            Shown::new("learning_rate", "Learning rate", Format::Scientific(1)),
            Shown::new("encoder", "Encoder", Format::Text),
        ],
    )
}
