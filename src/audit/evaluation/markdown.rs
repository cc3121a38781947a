//! The evaluation of an audit as Markdown.

use super::Judgement;
use crate::metrics::Estimate;
use crate::report::{Cell, Column, Format, Table, markdown_table};

impl Judgement {
    /// The evaluation as Markdown.
    pub(in crate::audit) fn markdown(&self) -> String {
        let mut out = String::from("# Evaluation of the audit\n");
        let over_seeds = (self.seeds.len() > 1).then(|| over_seeds(self));
        for table in over_seeds.into_iter().chain(self.all.tables()).chain(self.first_suspects.clone()) {
            out.push_str(&format!("\n## {}\n\n{}\n\n{}", table.title, table.caption, markdown_table(&table)));
        }
        out
    }
}

/// The average precision of tokens by each measure, mean over seeds.
fn over_seeds(judgement: &Judgement) -> Table {
    let mut rows: Vec<(&String, &Estimate)> = judgement.over_seeds.iter().collect();
    rows.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean));
    let end = |value: Option<f64>| value.map_or(Cell::Missing, Cell::Number);
    let row = |(name, estimate): (&String, &Estimate)| {
        let interval = estimate.interval();
        vec![
            Cell::Text(name.clone()),
            Cell::Mean { mean: estimate.mean, deviation: estimate.deviation },
            end(interval.map(|interval| interval.low)),
            end(interval.map(|interval| interval.high)),
        ]
    };
    Table {
        name: "audit-over-seeds".into(),
        title: format!("Average precision of tokens over {} seeds", judgement.seeds.len()),
        caption:
            "Each seed judged by itself: mean ± standard deviation, and Student\'s 95 % interval of the mean. The \
                  tables below judge the scores averaged over seeds."
                .into(),
        columns: vec![
            Column::new("ranking", "ranking", Format::Text),
            Column::new("average_precision", "AP", Format::Mean(4)),
            Column::new("low", "from", Format::Decimal(4)),
            Column::new("high", "to", Format::Decimal(4)),
        ],
        rows: rows.into_iter().map(row).collect(),
    }
}
