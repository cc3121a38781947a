//! The log's tables as frames: column names, types and order.

use polars::prelude::*;

use super::{CurvePoint, Observations, Pass, StepRecord, TokenTable};
use crate::error::{Error, Result};

/// Columns of `tokens.parquet`.
pub(super) const TOKENS: &[&str] = &["sentence", "token", "word", "given", "gold", "noisy"];
/// Columns of `dynamics/epoch=NNNN.parquet`.
pub(super) const EPOCH: &[&str] =
    &["sentence", "token", "pass", "predicted", "correct", "loss", "p_given", "margin", "entropy"];
/// Columns of `steps.parquet`.
pub(super) const STEPS: &[&str] =
    &["step", "epoch", "examples_seen", "loss", "gradient_norm", "learning_rate", "pieces", "seconds"];
/// Columns of `curve.parquet`.
pub(super) const CURVE: &[&str] = &[
    "step",
    "epoch",
    "examples_seen",
    "learning_rate",
    "dev_f1",
    "dev_precision",
    "dev_recall",
    "dev_loss",
    "dev_accuracy",
    "probe_f1",
    "probe_clean_accuracy",
    "probe_noisy_accuracy",
    "probe_noisy_accuracy_gold",
    "probe_clean_loss",
    "probe_noisy_loss",
];

/// A frame of columns of one length.
pub(super) fn frame(columns: Vec<Column>) -> Result<DataFrame> {
    Ok(DataFrame::new(columns.first().map_or(0, Column::len), columns)?)
}

/// Null where not a finite number: unknown is never NaN.
fn known(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

pub(super) fn tokens(table: &TokenTable) -> Result<DataFrame> {
    let n = table.len();
    let gold: Vec<Option<u8>> = match &table.gold {
        Some(gold) => gold.iter().copied().map(Some).collect(),
        None => vec![None; n],
    };
    let noisy: Vec<Option<bool>> = match table.noisy() {
        Some(noisy) => noisy.into_iter().map(Some).collect(),
        None => vec![None; n],
    };
    frame(vec![
        Column::new("sentence".into(), &table.sentence),
        Column::new("token".into(), &table.token),
        Column::new("word".into(), &table.word),
        Column::new("given".into(), &table.given),
        Column::new("gold".into(), gold),
        Column::new("noisy".into(), noisy),
    ])
}

/// Both passes of one epoch in one frame, sorted by sentence, token and pass, `train` first.
pub(super) fn epoch(train: Option<&Observations>, eval: Option<&Observations>) -> Result<DataFrame> {
    let mut rows: Vec<(u32, u16, Pass, usize)> = Vec::new();
    for (pass, observations) in [(Pass::Train, train), (Pass::Eval, eval)] {
        let Some(o) = observations else { continue };
        let n = o.len();
        let lengths = [o.token.len(), o.predicted.len(), o.correct.len(), o.loss.len(), o.p_given.len()];
        if lengths.iter().chain(&[o.margin.len(), o.entropy.len()]).any(|&length| length != n) {
            return Err(Error::Internal(format!("the {} pass's columns differ in length", pass.name())));
        }
        rows.extend((0..n).map(|i| (o.sentence[i], o.token[i], pass, i)));
    }
    rows.sort_unstable();
    if let Some(twice) = rows.windows(2).find(|w| (w[0].0, w[0].1, w[0].2) == (w[1].0, w[1].1, w[1].2)) {
        let (sentence, token, pass, _) = twice[0];
        return Err(Error::Internal(format!(
            "sentence {sentence}, token {token} was observed twice in the {} pass",
            pass.name()
        )));
    }
    let of = |pass: Pass| match pass {
        Pass::Train => train,
        Pass::Eval => eval,
    };
    /// One output column, gathered from both passes.
    macro_rules! gather {
        ($field:ident) => {
            rows.iter().filter_map(|&(_, _, pass, i)| of(pass).map(|o| o.$field[i])).collect::<Vec<_>>()
        };
    }
    frame(vec![
        Column::new("sentence".into(), gather!(sentence)),
        Column::new("token".into(), gather!(token)),
        Column::new("pass".into(), rows.iter().map(|row| row.2.name()).collect::<Vec<_>>()),
        Column::new("predicted".into(), gather!(predicted)),
        Column::new("correct".into(), gather!(correct)),
        Column::new("loss".into(), gather!(loss)),
        Column::new("p_given".into(), gather!(p_given)),
        Column::new("margin".into(), gather!(margin)),
        Column::new("entropy".into(), gather!(entropy)),
    ])
}

pub(super) fn steps(records: &[StepRecord]) -> Result<DataFrame> {
    let number = |f: fn(&StepRecord) -> f64| records.iter().map(|r| known(f(r))).collect::<Vec<_>>();
    frame(vec![
        Column::new("step".into(), records.iter().map(|r| r.step).collect::<Vec<_>>()),
        Column::new("epoch".into(), records.iter().map(|r| r.epoch).collect::<Vec<_>>()),
        Column::new("examples_seen".into(), records.iter().map(|r| r.examples_seen).collect::<Vec<_>>()),
        Column::new("loss".into(), number(|r| r.loss)),
        Column::new("gradient_norm".into(), number(|r| r.gradient_norm)),
        Column::new("learning_rate".into(), number(|r| r.learning_rate)),
        Column::new("pieces".into(), records.iter().map(|r| r.pieces).collect::<Vec<_>>()),
        Column::new("seconds".into(), records.iter().map(|r| r.seconds).collect::<Vec<_>>()),
    ])
}

pub(super) fn curve(points: &[CurvePoint]) -> Result<DataFrame> {
    let number = |name: &str, f: fn(&CurvePoint) -> Option<f64>| {
        Column::new(name.into(), points.iter().map(|p| f(p).and_then(known)).collect::<Vec<_>>())
    };
    frame(vec![
        Column::new("step".into(), points.iter().map(|p| p.step).collect::<Vec<_>>()),
        Column::new("epoch".into(), points.iter().map(|p| p.epoch).collect::<Vec<_>>()),
        Column::new("examples_seen".into(), points.iter().map(|p| p.examples_seen).collect::<Vec<_>>()),
        number("learning_rate", |p| Some(p.learning_rate)),
        number("dev_f1", |p| Some(p.dev_f1)),
        number("dev_precision", |p| Some(p.dev_precision)),
        number("dev_recall", |p| Some(p.dev_recall)),
        number("dev_loss", |p| Some(p.dev_loss)),
        number("dev_accuracy", |p| Some(p.dev_accuracy)),
        number("probe_f1", |p| Some(p.probe_f1)),
        number("probe_clean_accuracy", |p| p.probe_clean_accuracy),
        number("probe_noisy_accuracy", |p| p.probe_noisy_accuracy),
        number("probe_noisy_accuracy_gold", |p| p.probe_noisy_accuracy_gold),
        number("probe_clean_loss", |p| p.probe_clean_loss),
        number("probe_noisy_loss", |p| p.probe_noisy_loss),
    ])
}
