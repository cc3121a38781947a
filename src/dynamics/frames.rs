//! The log's tables as frames: column names, types and order.

use polars::prelude::*;
use rayon::prelude::*;

use super::{CurvePoint, NoiseCounts, Observations, Pass, StepCounts, StepRecord, TokenTable, TypePoint};
use crate::error::{Error, Result};

/// Columns of `tokens.parquet`.
pub(super) const TOKENS: &[&str] = &["sentence", "token", "word", "given", "gold", "noisy"];
/// Columns of `dynamics/epoch=NNNN.parquet`.
pub(super) const EPOCH: &[&str] =
    &["epoch", "sentence", "token", "pass", "predicted", "correct", "loss", "p_given", "margin", "entropy"];
/// Columns of `steps.parquet`.
pub(super) const STEPS: &[&str] = &[
    "step",
    "epoch",
    "examples_seen",
    "loss",
    "gradient_norm",
    "learning_rate",
    "subwords",
    "tokens",
    "as_given",
    "clean",
    "clean_as_given",
    "noisy",
    "noisy_as_given",
    "noisy_as_gold",
    "seconds",
];
/// Columns of `curve.parquet`.
pub(super) const CURVE: &[&str] = &[
    "step",
    "epoch",
    "examples_seen",
    "learning_rate",
    "dev_score",
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

/// The name that `dev_score` had in version 1, where it was always F1.
pub(super) const DEV_F1: &str = "dev_f1";

/// The name that `subwords` had in version 1 and in the first files of version 2.
pub(super) const PIECES: &str = "pieces";

/// Columns of `types.parquet`.
pub(super) const TYPES: &[&str] = &["step", "epoch", "type", "precision", "recall", "f1", "predicted", "support"];

/// The epoch as the column `epoch` holds it.
///
/// # Errors
/// [`Error::Internal`] beyond the type's range.
pub(super) fn epoch_number(epoch: u32) -> Result<u16> {
    u16::try_from(epoch).map_err(|_| Error::Internal(format!("epoch {epoch} is beyond {}", u16::MAX)))
}

/// True for the name of a column in any file of a log.
pub(crate) fn is_column(name: &str) -> bool {
    [TOKENS, EPOCH, STEPS, CURVE, TYPES].iter().any(|columns| columns.contains(&name))
        || [DEV_F1, PIECES].contains(&name)
}

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
pub(super) fn epoch(number: u16, train: Option<&Observations>, eval: Option<&Observations>) -> Result<DataFrame> {
    let none = Observations::default();
    let passes = [train.unwrap_or(&none), eval.unwrap_or(&none)];
    for (pass, o) in [Pass::Train, Pass::Eval].into_iter().zip(passes) {
        let lengths = [o.token.len(), o.predicted.len(), o.correct.len(), o.loss.len(), o.p_given.len()];
        if lengths.iter().chain(&[o.margin.len(), o.entropy.len()]).any(|&length| length != o.len()) {
            return Err(Error::Internal(format!("the {} pass's columns differ in length", pass.name())));
        }
    }
    let rows = merged(passes)?;
    let pass = || Column::new("pass".into(), rows.iter().map(|&(pass, _)| pass.name()).collect::<Vec<_>>());
    /// One output column, gathered from both passes.
    macro_rules! gather {
        ($field:ident) => {
            &|| {
                let values = rows.iter().map(|&(pass, i)| passes[pass as usize].$field[i as usize]);
                Column::new(stringify!($field).into(), values.collect::<Vec<_>>())
            }
        };
    }
    let epoch = || Column::new("epoch".into(), vec![number; rows.len()]);
    let columns: [&(dyn Fn() -> Column + Sync); 10] = [
        &epoch,
        gather!(sentence),
        gather!(token),
        &pass,
        gather!(predicted),
        gather!(correct),
        gather!(loss),
        gather!(p_given),
        gather!(margin),
        gather!(entropy),
    ];
    frame(columns.into_par_iter().map(|column| column()).collect())
}

/// The rows of both passes by sentence, token and pass.
fn merged([train, eval]: [&Observations; 2]) -> Result<Vec<(Pass, u32)>> {
    let key = |o: &Observations, i: u32| (o.sentence[i as usize], o.token[i as usize]);
    let sorted = |pass: Pass, o: &Observations| {
        let mut rows: Vec<u32> = (0..o.len() as u32).collect();
        rows.sort_by_key(|&i| key(o, i)); // already in order as a rule, which a stable sort recognises
        match rows.windows(2).find(|w| key(o, w[0]) == key(o, w[1])) {
            Some(twice) => {
                let (sentence, token) = key(o, twice[0]);
                let pass = pass.name();
                Err(Error::Internal(format!(
                    "sentence {sentence}, token {token} was observed twice in the {pass} pass"
                )))
            }
            None => Ok(rows),
        }
    };
    let (left, right) = (sorted(Pass::Train, train)?, sorted(Pass::Eval, eval)?);
    let mut rows = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let from_left = match (left.peek(), right.peek()) {
            (Some(&a), Some(&b)) => key(train, a) <= key(eval, b),
            (a, b) if a.is_some() || b.is_some() => a.is_some(),
            _ => return Ok(rows),
        };
        let row = if from_left { left.next().map(|i| (Pass::Train, i)) } else { right.next().map(|i| (Pass::Eval, i)) };
        rows.extend(row);
    }
}

pub(super) fn steps(records: &[StepRecord]) -> Result<DataFrame> {
    let number = |f: fn(&StepRecord) -> f64| records.iter().map(|r| known(f(r))).collect::<Vec<_>>();
    let count = |name: &str, f: fn(&StepCounts) -> Option<u32>| {
        Column::new(name.into(), records.iter().map(|r| r.counts.as_ref().and_then(f)).collect::<Vec<_>>())
    };
    let by_noise = |name: &str, f: fn(&NoiseCounts) -> u32| {
        let of = |r: &StepRecord| r.counts.and_then(|counts| counts.by_noise).map(|counts| f(&counts));
        Column::new(name.into(), records.iter().map(of).collect::<Vec<_>>())
    };
    frame(vec![
        Column::new("step".into(), records.iter().map(|r| r.step).collect::<Vec<_>>()),
        Column::new("epoch".into(), records.iter().map(|r| r.epoch).collect::<Vec<_>>()),
        Column::new("examples_seen".into(), records.iter().map(|r| r.examples_seen).collect::<Vec<_>>()),
        Column::new("loss".into(), number(|r| r.loss)),
        Column::new("gradient_norm".into(), number(|r| r.gradient_norm)),
        Column::new("learning_rate".into(), number(|r| r.learning_rate)),
        Column::new("subwords".into(), records.iter().map(|r| r.subwords).collect::<Vec<_>>()),
        count("tokens", |c| Some(c.tokens)),
        count("as_given", |c| Some(c.as_given)),
        by_noise("clean", |c| c.clean),
        by_noise("clean_as_given", |c| c.clean_as_given),
        by_noise("noisy", |c| c.noisy),
        by_noise("noisy_as_given", |c| c.noisy_as_given),
        by_noise("noisy_as_gold", |c| c.noisy_as_gold),
        Column::new("seconds".into(), records.iter().map(|r| r.seconds).collect::<Vec<_>>()),
    ])
}

pub(super) fn types(points: &[TypePoint]) -> Result<DataFrame> {
    let number = |f: fn(&TypePoint) -> Option<f64>| points.iter().map(f).collect::<Vec<_>>();
    frame(vec![
        Column::new("step".into(), points.iter().map(|p| p.step).collect::<Vec<_>>()),
        Column::new("epoch".into(), points.iter().map(|p| p.epoch).collect::<Vec<_>>()),
        Column::new("type".into(), points.iter().map(|p| p.name.as_str()).collect::<Vec<_>>()),
        Column::new("precision".into(), number(|p| p.precision)),
        Column::new("recall".into(), number(|p| p.recall)),
        Column::new("f1".into(), number(|p| p.f1)),
        Column::new("predicted".into(), points.iter().map(|p| p.predicted).collect::<Vec<_>>()),
        Column::new("support".into(), points.iter().map(|p| p.support).collect::<Vec<_>>()),
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
        number("dev_score", |p| Some(p.dev_score)),
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
