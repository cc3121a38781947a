//! A grid of any settings, and the noise sweep (arXiv 2105.00828, section 3), which is the grid of noise levels: curves,
//! phases, noise detection and forgetting of every point, trends along the ordered axes and differences along the others.
//!
//! This is also the overview of a study with further axes in `[grid]`; each point of those has the study's own report beside
//! it.

use super::charts::{Against, Chart, ChartPanel};
use super::findings::{Compared, Finding};
use super::report::{Context, Design, Parts};
use super::summarise::{NOISE, ReportAxis};
use super::tables::Builder;
use super::{Axis, Study, measures as m};
use crate::config::Experiment;
use crate::error::Result;
use crate::figures::panels::YAxis;
use crate::metrics::Estimate;
use crate::report::{Column as Shown, Format, Table};

/// See the [module](self).
pub(super) struct GridStudy {
    /// The title of its reports.
    pub title: &'static str,
}

/// Groups of tokens, and what the table of shares calls them.
const GROUPS: [&str; 3] = ["all", "clean", "noisy"];

impl Study for GridStudy {
    fn axes(&self, experiment: &Experiment) -> Result<Vec<Axis>> {
        // Noise levels are an axis of every grid, at the place where the grid names them.
        Ok(if experiment.grid.axis(NOISE).is_some() { Vec::new() } else { vec![Axis::noise(experiment)] })
    }

    fn design(&self, context: &Context<'_>) -> Result<Design> {
        let varied: Vec<&ReportAxis> = context.axes.iter().filter(|axis| axis.varies()).collect();
        let ordered = varied.iter().filter(|axis| is_ordered(axis)).map(|axis| axis.name.clone()).collect();
        let named = varied.iter().filter(|axis| !is_ordered(axis));
        Ok(Design {
            title: self.title.into(),
            measures: vec![
                &m::REALISED_NOISE,
                &m::DEV_PEAK,
                &m::DEV_PEAK_EPOCH,
                &m::DEV_END,
                &m::NOISY_LOW,
                &m::NOISY_END,
                &m::DETECTION,
                &m::DETECTION_EPOCH,
                &m::FITTING_END,
                &m::SETTLING,
                &m::ONSET,
                &m::FORGETTABLE,
            ],
            trends: ordered,
            pairs: named.map(|axis| (axis.name.clone(), against_first(axis))).collect(),
            overlap: None,
            findings: findings(&varied),
            charts: charts(context.axes, &varied),
            tokens: true,
        })
    }

    fn add(&self, context: &Context<'_>, _: &Compared<'_>, parts: &mut Parts) -> Result<()> {
        parts.tables.extend([phases_table(context)?, shares_table(context)?]);
        Ok(())
    }
}

/// True of an axis along which a trend can be found; two points are compared as a pair.
fn is_ordered(axis: &ReportAxis) -> bool {
    axis.is_numeric() && axis.points.len() > 2
}

/// All points of an axis against its first.
pub(super) fn against_first(axis: &ReportAxis) -> Vec<[String; 2]> {
    let Some((first, others)) = axis.points.split_first() else { return Vec::new() };
    others.iter().map(|other| [first.label.clone(), other.label.clone()]).collect()
}

/// Sentences on the axes that vary: all measures along the first that is not noise, and what noise does to the dev score; of
/// noise alone, all measures along noise.
fn findings(varied: &[&ReportAxis]) -> Vec<Finding> {
    let finding = |axis: &ReportAxis, measure: &'static str| match is_ordered(axis) {
        true => Finding::Trend { axis: axis.name.clone(), measure },
        false => Finding::Paired { axis: axis.name.clone(), measure },
    };
    let noise = varied.iter().find(|axis| axis.name == NOISE);
    let mut found = Vec::new();
    for axis in varied.iter().filter(|axis| axis.name != NOISE) {
        found.extend([m::DEV_END.key, m::SETTLING.key, m::ONSET.key].map(|measure| finding(axis, measure)));
    }
    match (noise, found.is_empty()) {
        (Some(axis), true) => {
            let measures = [&m::DEV_END, &m::NOISY_END, &m::DETECTION, &m::ONSET, &m::SETTLING];
            found.extend(measures.map(|measure| finding(axis, measure.key)));
        }
        (Some(axis), false) => found.insert(1, finding(axis, m::DEV_END.key)),
        (None, _) => {}
    }
    found
}

fn charts(axes: &[ReportAxis], varied: &[&ReportAxis]) -> Vec<Chart> {
    let series =
        |column, heading, title| ChartPanel::Series { column, heading, axis: YAxis::Score, title, mark_best: false };
    let best =
        |column, heading, title| ChartPanel::Series { column, heading, axis: YAxis::Score, title, mark_best: true };
    // With more than one axis, a row of panels for each noise level.
    let rows = if varied.len() > 1 { NOISE } else { "" };
    let mut charts = vec![
        Chart {
            phases: true,
            ..Chart::of_series(
                "learning_curves",
                "Train F1 and dev score",
                "Train F1 against the given labels, on a fixed sample of the training sentences; dev score against clean \
                 labels.",
                Against::Evaluations,
                vec![
                    series("probe_f1", "Train, given labels", "F1"),
                    series("dev_score", "Dev, clean labels", "F1"),
                ],
            )
        }
        .by_rows(axes, rows),
        Chart {
            phases: true,
            ..Chart::of_series(
                "noisy_accuracy",
                "Predictions for noisy tokens",
                "Accuracy on noisy training tokens of a fixed sample: against their given (wrong) label and against their gold \
                 label.",
                Against::Evaluations,
                vec![
                    series("probe_noisy_accuracy", "Predicted as given", "accuracy"),
                    series("probe_noisy_accuracy_gold", "Predicted as gold", "accuracy"),
                ],
            )
        }
        .by_rows(axes, rows),
        Chart::of_series(
            "detection_by_epoch",
            "Noise detection by epoch",
            "Noisy tokens found by their loss after each epoch: F1 of the cluster with the higher losses (k-means, k = 2), and \
             average precision with the loss as score.",
            Against::Epochs,
            vec![
                best("noise_f1", "Two clusters of losses", "F1"),
                best("noise_ap", "Loss as score", "average precision"),
            ],
        )
        .by_rows(axes, rows),
        Chart::of_series(
            "first_learning",
            "First learning events by epoch",
            "Share of the clean and of the noisy training tokens that are predicted as given for the first time in an epoch.",
            Against::Epochs,
            [("first_learned_clean", "Clean tokens"), ("first_learned_noisy", "Noisy tokens")]
                .map(|(column, heading)| ChartPanel::Series {
                    column,
                    heading,
                    axis: YAxis::PercentLog { even_below: 0.001 },
                    title: "share of tokens",
                    mark_best: false,
                })
                .into(),
        )
        .by_rows(axes, rows),
    ];
    let shown = [&m::DEV_END, &m::DETECTION, &m::SETTLING, &m::ONSET];
    let along = varied.iter().filter(|axis| axis.name != NOISE || varied.len() == 1);
    charts.extend(
        along.map(|axis| {
            Chart::of_measures(&format!("measures_{}", super::tables::file_stem(&axis.name)), axis, &shown)
        }),
    );
    charts
}

fn phases_table(context: &Context<'_>) -> Result<Table> {
    let mut frame = context.phases.clone();
    let in_words = |name: &str| {
        match name {
            "fitting_end" => "end of fitting",
            "memorisation_onset" => "onset of memorisation",
            other => other,
        }
        .to_owned()
    };
    let names: Vec<Option<String>> = frame.column("phase")?.str()?.iter().map(|name| name.map(in_words)).collect();
    frame.with_column(polars::prelude::Column::new("phase".into(), names))?;
    let mut shown: Vec<Shown> = context
        .axes
        .iter()
        .filter(|axis| axis.varies())
        .map(|axis| match axis.is_numeric() {
            true if axis.name == NOISE => Shown::new(&axis.name, "Noise", Format::Percent(0)),
            _ => Shown::new(&axis.name, &axis.heading, Format::Text),
        })
        .collect();
    let columns = [
        ("phase", "Boundary", Format::Text),
        ("epoch", "Epoch", Format::Decimal(2)),
        ("epoch_low", "from", Format::Decimal(2)),
        ("epoch_high", "to", Format::Decimal(2)),
        ("step", "Step", Format::Integer),
        ("examples_seen", "Examples seen", Format::Integer),
        ("learning_rate", "Learning rate at boundary", Format::Scientific(1)),
        ("dev_score", "Dev score", Format::Decimal(3)),
        ("support", "Support", Format::Percent(0)),
    ];
    let is_free = |key: &&(&str, &str, Format)| context.axis(key.0).is_none();
    shown.extend(columns.iter().filter(is_free).map(|(key, heading, format)| Shown::new(*key, *heading, *format)));
    Table::from_frame(
        &frame,
        "phases",
        "Phase boundaries",
        "Medians over the seeds in which a boundary was found, if at least half have it, with an interval that holds each run's \
         own uncertainty and the differences between seeds. A boundary that is absent has no row. Support: share of \
         bootstrap replicates that find the boundary.",
        shown,
    )
}

/// Shares of forgettable and learned tokens, of all, clean and noisy tokens.
fn shares_table(context: &Context<'_>) -> Result<Table> {
    let rows: Vec<_> = context.points.iter().flat_map(|point| GROUPS.map(|group| (point, group))).collect();
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|(point, group)| point.rows.iter().any(|row| row.share(group, "forgettable").is_some()))
        .collect();
    let columns = [
        ("forgettable", "Forgettable", "Forg."),
        ("unforgettable", "Unforgettable", "Unforg."),
        ("learned", "Learned", "Learned"),
        ("never_learned", "Never learned", "Never"),
        ("forgettable_toneva", "Forgettable (Toneva)", "Forg. (T.)"),
        ("unforgettable_toneva", "Unforgettable (Toneva)", "Unforg. (T.)"),
    ];
    let mut table = Builder::new(rows.len())
        .axes(rows.iter().map(|(point, _)| &point.coordinates), context.axes)?
        .texts("group", "Tokens", rows.iter().map(|(_, group)| Some(*group)))?;
    for (key, heading, short) in columns {
        let values = rows.iter().map(|(point, group)| Estimate::of(point.rows.iter().map(|row| row.share(group, key))));
        table = table.estimates(key, heading, Format::MeanPercent(1), values)?.short(short);
    }
    table.table(
        "shares",
        "Forgettable, unforgettable and learned tokens",
        "Shares of the training tokens, means over seeds ± sample standard deviation, against the given label. Forgettable: \
         right in one epoch and wrong in the next, at least once. The paper counts tokens that are never right as \
         unforgettable, Toneva et al. (ICLR 2019) as forgotten.",
    )
}
