//! The results of an audit as tables.

use polars::prelude::*;

use crate::audit::{Audit, Suspect, Text};
use crate::error::Result;

/// One row a suspect; words and tags are separated by spaces.
pub(super) fn suspect_frame(suspects: &[Suspect]) -> Result<DataFrame> {
    fn column<T>(name: &str, suspects: &[Suspect], value: impl Fn(&Suspect) -> T) -> Column
    where
        Series: NamedFrom<Vec<T>, [T]>,
        Vec<T>: AsRef<[T]>,
    {
        Series::new(name.into(), suspects.iter().map(value).collect::<Vec<T>>()).into()
    }
    let kind = |suspect: &Suspect| match serde_json::to_value(suspect.kind) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    };
    let columns = vec![
        column("rank", suspects, |s| s.rank),
        column("sentence", suspects, |s| s.sentence),
        column("line", suspects, |s| s.line),
        column("start", suspects, |s| s.start),
        column("end", suspects, |s| s.end),
        column("kind", suspects, kind),
        column("words", suspects, |s| s.words.join(" ")),
        column("given", suspects, |s| s.given.join(" ")),
        column("suggested", suspects, |s| s.suggested.join(" ")),
        column("score", suspects, |s| s.score),
        column("probability", suspects, |s| s.probability),
        column("elsewhere", suspects, |s| s.elsewhere),
        column("elsewhere_as_given", suspects, |s| s.elsewhere_as_given),
        column("elsewhere_as_suggested", suspects, |s| s.elsewhere_as_suggested),
    ];
    Ok(DataFrame::new(suspects.len(), columns)?)
}

/// The sentences, most suspect first.
pub(super) fn sentences(text: &Text, audit: &Audit) -> Result<DataFrame> {
    let mut order: Vec<usize> = (0..text.sentences.len()).filter(|&i| audit.sentence_scores[i].is_finite()).collect();
    order.sort_by(|&a, &b| audit.sentence_scores[b].total_cmp(&audit.sentence_scores[a]));
    let expected =
        |&i: &usize| -> f64 { audit.scores.probability[text.tokens(i)].iter().filter(|p| !p.is_nan()).sum() };
    let columns = vec![
        Column::new("rank".into(), (1..=order.len() as u32).collect::<Vec<_>>()),
        Column::new("sentence".into(), order.iter().map(|&i| i as u32).collect::<Vec<_>>()),
        Column::new("line".into(), order.iter().map(|&i| text.lines[i] as u64).collect::<Vec<_>>()),
        Column::new("score".into(), order.iter().map(|&i| audit.sentence_scores[i]).collect::<Vec<_>>()),
        Column::new("expected_wrong_tokens".into(), order.iter().map(expected).collect::<Vec<_>>()),
    ];
    Ok(DataFrame::new(order.len(), columns)?)
}

/// Every token; null where no model has judged it.
pub(super) fn tokens(text: &Text, audit: &Audit) -> Result<DataFrame> {
    let known = |values: &[f64]| -> Vec<Option<f64>> {
        values.iter().map(|&value| value.is_finite().then_some(value)).collect()
    };
    let k = text.labels.len();
    let name = |label: &u8| text.labels.name(*label);
    let numbers = text.sentences.iter().enumerate().flat_map(|(i, s)| std::iter::repeat_n(i as u32, s.words.len()));
    let places = text.sentences.iter().flat_map(|s| 0..s.words.len() as u16);
    let words = text.sentences.iter().flat_map(|s| s.words.iter().map(String::as_str));
    let given = text.given();
    let mut columns = vec![
        Column::new("sentence".into(), numbers.collect::<Vec<_>>()),
        Column::new("token".into(), places.collect::<Vec<_>>()),
        Column::new("word".into(), words.collect::<Vec<_>>()),
        Column::new("given".into(), given.iter().map(name).collect::<Vec<_>>()),
        Column::new("suggested".into(), audit.suggested.iter().map(name).collect::<Vec<_>>()),
        Column::new("score".into(), known(&audit.scores.score)),
        Column::new("probability".into(), known(&audit.scores.probability)),
    ];
    columns.extend(audit.measures.iter().map(|measure| Column::new(measure.name.into(), known(&measure.values))));
    if let Some(flagged) = &audit.flagged {
        columns.push(Column::new("cleanlab_default_filter".into(), flagged));
    }
    for (label, name) in text.labels.names().iter().enumerate() {
        let p = |token: usize| Some(audit.evidence.probabilities_at[token * k + label]).filter(|p| p.is_finite());
        columns.push(Column::new(format!("p_{name}").into(), (0..given.len()).map(p).collect::<Vec<_>>()));
    }
    Ok(DataFrame::new(given.len(), columns)?)
}
