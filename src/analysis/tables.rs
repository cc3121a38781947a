//! The results as frames; column names are the contract that [`super::RunAnalysis`] writes down.

use polars::prelude::{Column, DataFrame};

use super::datamap::DataMap;
use super::epoch_row::EpochRow;
use super::events::{Shares, UnitEvents};
use super::losses::EpochLosses;
use crate::dynamics::TokenTable;
use crate::error::Result;
use crate::metrics::Prf;
use crate::metrics::detection::precision_recall_curve;

/// Points of the precision-recall table at most.
const MOST_CURVE_POINTS: usize = 1000;

/// A frame of columns of one length.
fn frame(columns: Vec<Column>) -> Result<DataFrame> {
    Ok(DataFrame::new(columns.first().map_or(0, Column::len), columns)?)
}

fn noisy_column(noisy: Option<&[bool]>, rows: impl Iterator<Item = usize>) -> Column {
    let values: Vec<Option<bool>> = rows.map(|row| noisy.map(|noisy| noisy[row])).collect();
    Column::new("noisy".into(), values)
}

pub(super) fn epochs(rows: &[EpochRow]) -> Result<DataFrame> {
    let number = |name: &str, value: fn(&EpochRow) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(value).collect::<Vec<_>>())
    };
    frame(vec![
        Column::new("epoch".into(), rows.iter().map(|r| r.epoch).collect::<Vec<_>>()),
        Column::new("step".into(), rows.iter().map(|r| r.progress.step).collect::<Vec<_>>()),
        Column::new("examples_seen".into(), rows.iter().map(|r| r.progress.examples_seen).collect::<Vec<_>>()),
        number("learning_rate", |r| r.progress.learning_rate),
        number("dev_score", |r| r.progress.dev_score),
        number("dev_loss", |r| r.progress.dev_loss),
        number("train_f1", |r| r.pass.f1),
        number("train_accuracy", |r| r.pass.accuracy),
        number("clean_accuracy", |r| r.pass.clean_accuracy),
        number("noisy_accuracy", |r| r.pass.noisy_accuracy),
        number("noisy_accuracy_gold", |r| r.pass.noisy_accuracy_gold),
        number("clean_loss", |r| r.pass.clean_loss),
        number("noisy_loss", |r| r.pass.noisy_loss),
        number("first_learned_clean", |r| r.first_learned_clean),
        number("first_learned_noisy", |r| r.first_learned_noisy),
        number("first_learned", |r| r.first_learned),
        Column::new("forgetting_events".into(), rows.iter().map(|r| r.forgetting_events).collect::<Vec<_>>()),
        number("noise_precision", |r| Some(r.detection?.scores?.precision)),
        number("noise_recall", |r| Some(r.detection?.scores?.recall)),
        number("noise_f1", |r| Some(r.detection?.scores?.f1)),
        number("noise_ap", |r| r.detection?.average_precision),
        number("noise_cutoff", |r| r.detection?.cutoff),
    ])
}

fn event_columns(tokens: &TokenTable, noisy: Option<&[bool]>, events: &UnitEvents, rows: &[usize]) -> Vec<Column> {
    let gold: Vec<Option<String>> =
        rows.iter().map(|&row| tokens.gold.as_ref().map(|gold| tokens.label_name(gold[row]))).collect();
    /// One column, picked at `rows`.
    fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
        rows.iter().map(|&row| values[row].clone()).collect()
    }
    vec![
        Column::new("sentence".into(), pick(&tokens.sentence, rows)),
        Column::new("token".into(), pick(&tokens.token, rows)),
        Column::new("word".into(), pick(&tokens.word, rows)),
        Column::new("given".into(), rows.iter().map(|&row| tokens.label_name(tokens.given[row])).collect::<Vec<_>>()),
        Column::new("gold".into(), gold),
        noisy_column(noisy, rows.iter().copied()),
        Column::new("first_learning".into(), pick(&events.first_learning, rows)),
        Column::new("learning".into(), pick(&events.learning, rows)),
        Column::new("forgetting".into(), pick(&events.forgetting, rows)),
        Column::new(
            "never_learned".into(),
            rows.iter().map(|&row| events.first_learning[row].is_none()).collect::<Vec<_>>(),
        ),
    ]
}

pub(super) fn events(
    tokens: &TokenTable,
    noisy: Option<&[bool]>,
    events: &UnitEvents,
    rows: &[usize],
) -> Result<DataFrame> {
    frame(event_columns(tokens, noisy, events, rows))
}

/// The `most` tokens with most forgetting events, first ones first among equals, those never forgotten left out.
pub(super) fn most_forgotten(
    tokens: &TokenTable,
    noisy: Option<&[bool]>,
    events: &UnitEvents,
    rows: &[usize],
    most: usize,
) -> Result<DataFrame> {
    let mut forgotten: Vec<usize> = rows.iter().copied().filter(|&row| events.forgetting[row] > 0).collect();
    forgotten.sort_by_key(|&row| (std::cmp::Reverse(events.forgetting[row]), row));
    forgotten.truncate(most);
    let sentences = tokens.sentence_rows();
    let text: Vec<String> = forgotten
        .iter()
        .map(|&row| {
            let at = sentences.partition_point(|rows| rows.end <= row);
            let words = sentences[at].clone().map(|i| match i == row {
                true => format!("[{}]", tokens.word[i]),
                false => tokens.word[i].clone(),
            });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    let mut columns = event_columns(tokens, noisy, events, &forgotten);
    columns.push(Column::new("text".into(), text));
    frame(columns)
}

/// A group of units and its shares.
pub(super) struct ShareRow {
    pub(super) unit: &'static str,
    pub(super) group: String,
    pub(super) shares: Shares,
}

pub(super) fn shares(rows: &[ShareRow], with_unit: bool) -> Result<DataFrame> {
    let number = |name: &str, value: fn(&Shares) -> f64| {
        Column::new(name.into(), rows.iter().map(|row| value(&row.shares)).collect::<Vec<_>>())
    };
    let mut columns = vec![
        Column::new("group".into(), rows.iter().map(|row| row.group.as_str()).collect::<Vec<_>>()),
        Column::new("n".into(), rows.iter().map(|row| row.shares.n).collect::<Vec<_>>()),
        number("forgettable", |s| s.forgettable),
        number("unforgettable", |s| s.unforgettable),
        number("learned", |s| s.learned),
        number("never_learned", |s| s.never_learned),
        number("forgettable_toneva", |s| s.forgettable_toneva),
        number("unforgettable_toneva", |s| s.unforgettable_toneva),
    ];
    if with_unit {
        columns.insert(0, Column::new("unit".into(), rows.iter().map(|row| row.unit).collect::<Vec<_>>()));
    }
    frame(columns)
}

pub(super) fn datamap(tokens: &TokenTable, noisy: Option<&[bool]>, map: &DataMap) -> Result<DataFrame> {
    let (rows, points): (Vec<usize>, Vec<_>) = (0..tokens.len()).filter_map(|row| Some((row, map.point(row)?))).unzip();
    frame(vec![
        Column::new("sentence".into(), rows.iter().map(|&row| tokens.sentence[row]).collect::<Vec<_>>()),
        Column::new("token".into(), rows.iter().map(|&row| tokens.token[row]).collect::<Vec<_>>()),
        Column::new("confidence".into(), points.iter().map(|p| p.confidence).collect::<Vec<_>>()),
        Column::new("variability".into(), points.iter().map(|p| p.variability).collect::<Vec<_>>()),
        Column::new("correctness".into(), points.iter().map(|p| p.correctness).collect::<Vec<_>>()),
        noisy_column(noisy, rows.iter().copied()),
    ])
}

pub(super) fn losses<'a>(
    epochs: impl Iterator<Item = (u32, &'a EpochLosses)>,
    noisy: Option<&[bool]>,
) -> Result<DataFrame> {
    let (mut epoch_column, mut loss, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (epoch, losses) in epochs {
        for (row, value) in losses.iter().enumerate() {
            if let Some(value) = value {
                epoch_column.push(epoch);
                loss.push(value);
                rows.push(row);
            }
        }
    }
    frame(vec![
        Column::new("epoch".into(), epoch_column),
        Column::new("loss".into(), loss),
        noisy_column(noisy, rows.into_iter()),
    ])
}

pub(super) fn precision_recall(losses: Option<&EpochLosses>, noisy: Option<&[bool]>) -> Result<DataFrame> {
    let mut points = Vec::new();
    if let (Some(losses), Some(noisy)) = (losses, noisy) {
        let (scores, positive): (Vec<f64>, Vec<bool>) =
            losses.iter().zip(noisy).filter_map(|(loss, &noisy)| Some((f64::from(loss?), noisy))).unzip();
        let curve = precision_recall_curve(&scores, &positive);
        // Thinned evenly along the curve, its first and last points kept.
        let stride = (curve.len().div_ceil(MOST_CURVE_POINTS)).max(1);
        let last = curve.len().saturating_sub(1);
        points.extend(curve.into_iter().enumerate().filter(|(i, _)| i % stride == 0 || *i == last).map(|(_, p)| p));
    }
    frame(vec![
        Column::new("threshold".into(), points.iter().map(|p| p.threshold).collect::<Vec<_>>()),
        Column::new("precision".into(), points.iter().map(|p| p.scores.precision).collect::<Vec<_>>()),
        Column::new("recall".into(), points.iter().map(|p| p.scores.recall).collect::<Vec<_>>()),
    ])
}

/// One cluster: its size and, with known noise, how well it stands for the noise.
pub(super) struct ClusterRow {
    method: &'static str,
    cluster: u8,
    n: u64,
    mean_loss: f64,
    noisy_share: Option<f64>,
    scores: Option<Prf>,
}

impl ClusterRow {
    /// The clusters of one method, lowest mean loss first.
    pub(super) fn all(
        method: &'static str,
        assigned: &[Option<u8>],
        losses: &EpochLosses,
        noisy: Option<&[bool]>,
    ) -> Vec<Self> {
        let n_clusters = assigned.iter().flatten().max().map_or(0, |&largest| largest + 1);
        let noise_of = |noisy: &[bool]| assigned.iter().zip(noisy).filter(|(c, n)| c.is_some() && **n).count();
        (0..n_clusters)
            .map(|cluster| {
                let members: Vec<usize> = (0..assigned.len()).filter(|&row| assigned[row] == Some(cluster)).collect();
                let total: f64 = members.iter().map(|&row| f64::from(losses.get(row).unwrap_or_default())).sum();
                let right = noisy.map(|noisy| members.iter().filter(|&&row| noisy[row]).count());
                let scores = noisy.zip(right).map(|(noisy, right)| (right, noise_of(noisy)));
                Self {
                    method,
                    cluster,
                    n: members.len() as u64,
                    mean_loss: total / members.len().max(1) as f64,
                    noisy_share: right.map(|right| right as f64 / members.len().max(1) as f64),
                    scores: scores
                        .filter(|(_, noise)| *noise > 0)
                        .map(|(right, noise)| Prf::from_counts(right, members.len(), noise)),
                }
            })
            .collect()
    }
}

pub(super) fn clusters(rows: &[ClusterRow]) -> Result<DataFrame> {
    frame(vec![
        Column::new("method".into(), rows.iter().map(|r| r.method).collect::<Vec<_>>()),
        Column::new("cluster".into(), rows.iter().map(|r| r.cluster).collect::<Vec<_>>()),
        Column::new("n".into(), rows.iter().map(|r| r.n).collect::<Vec<_>>()),
        Column::new("mean_loss".into(), rows.iter().map(|r| r.mean_loss).collect::<Vec<_>>()),
        Column::new("noisy_share".into(), rows.iter().map(|r| r.noisy_share).collect::<Vec<_>>()),
        Column::new("precision".into(), rows.iter().map(|r| r.scores.map(|s| s.precision)).collect::<Vec<_>>()),
        Column::new("recall".into(), rows.iter().map(|r| r.scores.map(|s| s.recall)).collect::<Vec<_>>()),
        Column::new("f1".into(), rows.iter().map(|r| r.scores.map(|s| s.f1)).collect::<Vec<_>>()),
    ])
}

pub(super) fn assignments(
    tokens: &TokenTable,
    noisy: Option<&[bool]>,
    by_loss: &[Option<u8>],
    by_trajectory: &[Option<u8>],
) -> Result<DataFrame> {
    frame(vec![
        Column::new("sentence".into(), &tokens.sentence),
        Column::new("token".into(), &tokens.token),
        Column::new("loss_cluster".into(), by_loss),
        Column::new("trajectory_cluster".into(), by_trajectory),
        noisy_column(noisy, 0..tokens.len()),
    ])
}
