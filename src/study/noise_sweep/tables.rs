//! The tables of the noise sweep: levels, forgetting, phases, the most forgotten tokens, noise, runs.
//!
//! Numbers of one level are means over its seeds, with the sample standard deviation in a column `NAME_sd` beside.
//! No table holds text of the corpus beyond single tokens.

use polars::prelude::*;

use super::Gathered;
use super::summary::LevelNumbers;
use crate::analysis::phases::PhasePoint;
use crate::error::Result;
use crate::metrics::Estimate;
use crate::report::{Column as Shown, Format, Table, mean_over_seeds};
use crate::study::frames::{add_estimates, numbers, stack};
use crate::study::{StudyInput, cap_table, run_table};

/// Forgotten tokens to list.
const MOST_FORGOTTEN: usize = 20;

/// All tables, in the order they are shown.
pub(super) fn all(input: &StudyInput<'_>, gathered: &Gathered<'_>, levels: &[LevelNumbers]) -> Result<Vec<Table>> {
    let mut tables = vec![
        scores_table(levels)?,
        phases_table(levels)?,
        shares_table(gathered)?,
        forgotten_table(gathered)?,
        noise_table(input)?,
        run_table::table(input)?,
    ];
    tables.extend(cap_table::table(input)?);
    Ok(tables)
}

/// The phases of each level, one row a boundary that is present: `noise, phase, epoch, epoch_low, epoch_high,
/// examples_seen`.
pub(super) fn phases(levels: &[LevelNumbers]) -> Result<DataFrame> {
    boundaries(levels, |level| level.phases.boundaries())
}

type Boundaries<'a> = Vec<(&'static str, &'a PhasePoint)>;

fn boundaries<'a>(levels: &'a [LevelNumbers], of: fn(&'a LevelNumbers) -> Boundaries<'a>) -> Result<DataFrame> {
    let rows: Vec<(f64, &str, &PhasePoint)> =
        levels.iter().flat_map(|level| of(level).into_iter().map(|(name, point)| (level.noise, name, point))).collect();
    let column = |get: fn(&PhasePoint) -> Option<f64>| rows.iter().map(|row| get(row.2)).collect::<Vec<_>>();
    Ok(df!(
        "noise" => rows.iter().map(|row| row.0).collect::<Vec<f64>>(),
        "phase" => rows.iter().map(|row| row.1).collect::<Vec<&str>>(),
        "epoch" => column(|point| Some(point.epoch)),
        "epoch_low" => column(|point| Some(point.epoch_low)),
        "epoch_high" => column(|point| Some(point.epoch_high)),
        "examples_seen" => column(|point| point.examples_seen.map(|seen| seen as f64)),
        "step" => column(|point| point.step.map(|step| step as f64)),
        "learning_rate" => column(|point| point.learning_rate),
        "dev_score" => column(|point| point.scores.dev_score),
        "support" => column(|point| Some(point.support)),
    )?)
}

fn scores_table(levels: &[LevelNumbers]) -> Result<Table> {
    type Get = fn(&LevelNumbers) -> Option<Estimate>;
    let columns: [(&str, &str, Format, Get); 7] = [
        ("dev_score_peak", "Dev F1, peak", Format::Mean(3), |level| level.dev_peak),
        ("dev_score_peak_epoch", "in epoch", Format::Mean(1), |level| level.dev_peak_epoch),
        ("dev_score_end", "Dev F1, end", Format::Mean(3), |level| level.dev_last),
        ("noisy_accuracy_low", "Noisy tokens as labelled, lowest", Format::MeanPercent(1), |level| level.noisy_low),
        ("noisy_accuracy_end", "the same, end", Format::MeanPercent(1), |level| level.noisy_last),
        ("detection_f1", "Noise detection F1, best", Format::Mean(3), |level| level.detection),
        ("detection_epoch", "in epoch", Format::Mean(1), |level| level.detection_epoch),
    ];
    let mut frame = df!(
        "noise" => levels.iter().map(|level| level.noise).collect::<Vec<f64>>(),
        "runs" => levels.iter().map(|level| level.n as u64).collect::<Vec<u64>>(),
    )?;
    let mut shown = vec![Shown::new("noise", "Noise", Format::Percent(0)), Shown::new("runs", "Runs", Format::Integer)];
    for (key, heading, format, get) in columns {
        let estimates: Vec<Option<Estimate>> = levels.iter().map(get).collect();
        add_estimates(&mut frame, key, &estimates)?;
        shown.push(Shown::new(key, heading, format));
    }
    Table::from_frame(
        &frame,
        "scores",
        "Scores by noise level",
        "Means over seeds ± sample standard deviation. Noise as requested; dev labels are clean. Noisy tokens: accuracy \
         against the wrong label they were given. Noise detection: two clusters of the losses after each epoch.",
        shown,
    )
}

fn phases_table(levels: &[LevelNumbers]) -> Result<Table> {
    let frame = boundaries(levels, |level| {
        let settling = level.phases.settling.as_ref();
        let mut all: Boundaries<'_> = Vec::new();
        all.extend(level.phases.fitting_end.as_ref().map(|point| ("end of fitting", point)));
        all.extend(settling.map(|settling| ("settling, start", &settling.start)));
        all.extend(settling.map(|settling| ("settling, end", &settling.end)));
        all.extend(level.phases.memorisation_onset.as_ref().map(|point| ("onset of memorisation", point)));
        all
    })?;
    Table::from_frame(
        &frame,
        "phases",
        "Phases by noise level",
        "Medians over seeds, with the interval that holds each run's own uncertainty and the differences between \
         seeds. A phase that is absent has no row. Support: share of bootstrap replicates that find the boundary.",
        vec![
            Shown::new("noise", "Noise", Format::Percent(0)),
            Shown::new("phase", "Boundary", Format::Text),
            Shown::new("epoch", "Epoch", Format::Decimal(2)),
            Shown::new("epoch_low", "from", Format::Decimal(2)),
            Shown::new("epoch_high", "to", Format::Decimal(2)),
            Shown::new("step", "Step", Format::Integer),
            Shown::new("examples_seen", "Examples seen", Format::Integer),
            Shown::new("learning_rate", "Learning rate", Format::Scientific(1)),
            Shown::new("dev_score", "Dev F1", Format::Decimal(3)),
            Shown::new("support", "Support", Format::Percent(0)),
        ],
    )
}

/// The shares of the groups all, clean and noisy, means over seeds.
fn shares_table(gathered: &Gathered<'_>) -> Result<Table> {
    const VALUES: [&str; 6] =
        ["forgettable", "unforgettable", "learned", "never_learned", "forgettable_toneva", "unforgettable_toneva"];
    let mut frames = Vec::new();
    for group in ["all", "clean", "noisy"] {
        let of_group = gathered
            .shares
            .iter()
            .map(|frame| {
                // A group without tokens (the noisy ones where there is no noise) has no shares.
                let wanted = frame.column("group")?.str()?.equal(group);
                let filled: BooleanChunked =
                    numbers(frame, "n")?.into_iter().map(|n| n.is_some_and(|n| n > 0.0)).collect();
                Ok(frame.filter(&(wanted & filled))?)
            })
            .collect::<Result<Vec<_>>>()?;
        let means = mean_over_seeds(&stack(of_group)?, &["noise"], &VALUES)?;
        let mut with_group = means.clone();
        with_group.insert_column(1, Column::new("group".into(), vec![group; means.height()]))?;
        frames.push(with_group);
    }
    let frame = stack(frames)?.sort(["noise"], SortMultipleOptions::default().with_maintain_order(true))?;
    Table::from_frame(
        &frame,
        "shares",
        "Forgettable, unforgettable and learned tokens",
        "Shares of the training tokens, means over seeds ± sample standard deviation, against the given label. \
         Forgettable: right in one epoch and wrong in the next, at least once. The original counts tokens that are \
         never right as unforgettable, Toneva et al. (ICLR 2019) as forgotten.",
        vec![
            Shown::new("noise", "Noise", Format::Percent(0)),
            Shown::new("group", "Tokens", Format::Text),
            Shown::new("forgettable", "Forgettable", Format::MeanPercent(1)),
            Shown::new("unforgettable", "Unforgettable", Format::MeanPercent(1)),
            Shown::new("learned", "Learned", Format::MeanPercent(1)),
            Shown::new("never_learned", "Never learned", Format::MeanPercent(1)),
            Shown::new("forgettable_toneva", "Forgettable (Toneva)", Format::MeanPercent(1)),
            Shown::new("unforgettable_toneva", "Unforgettable (Toneva)", Format::MeanPercent(1)),
        ],
    )
}

fn forgotten_table(gathered: &Gathered<'_>) -> Result<Table> {
    let (run, analysis) = &gathered.shown;
    let frame = analysis.most_forgotten.head(Some(MOST_FORGOTTEN));
    Table::from_frame(
        &frame,
        "most_forgotten",
        format!("The most forgotten tokens ({})", run.manifest.config.id),
        "Their sentences are in the analysis folder of the run.",
        vec![
            Shown::new("word", "Token", Format::Text),
            Shown::new("given", "Given label", Format::Text),
            Shown::new("gold", "True label", Format::Text),
            Shown::new("forgetting", "Forgotten", Format::Integer),
            Shown::new("learning", "Learned", Format::Integer),
            Shown::new("first_learning", "First in epoch", Format::Integer),
        ],
    )
}

fn noise_table(input: &StudyInput<'_>) -> Result<Table> {
    let noise = || input.runs.iter().map(|run| &run.manifest.noise);
    let frame = df!(
        "run" => input.runs.iter().map(|run| run.manifest.config.id.as_str()).collect::<Vec<&str>>(),
        "requested" => noise().map(|noise| noise.requested_rate).collect::<Vec<f64>>(),
        "realised" => noise().map(|noise| noise.realised_rate).collect::<Vec<f64>>(),
        "tokens" => noise().map(|noise| noise.n_tokens as u64).collect::<Vec<u64>>(),
        "noisy" => noise().map(|noise| noise.n_noisy as u64).collect::<Vec<u64>>(),
    )?;
    Table::from_frame(
        &frame,
        "noise",
        "Requested and realised noise",
        "A label drawn anew may be the true one again, so the realised rate is lower than the requested one.",
        vec![
            Shown::new("run", "Run", Format::Text),
            Shown::new("requested", "Requested", Format::Percent(0)),
            Shown::new("realised", "Realised", Format::Percent(1)),
            Shown::new("tokens", "Tokens", Format::Integer),
            Shown::new("noisy", "Noisy", Format::Integer),
        ],
    )
}
