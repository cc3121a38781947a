//! The evaluation as tables of a report.

use super::{Evaluation, SuggestionCounts};
use crate::audit::SuspectKind;
use crate::metrics::ranking::RankingScores;
use crate::report::{Cell, Column, Format, Table};

impl Evaluation {
    /// Rankings, filters, probabilities and suggestions; a table without rows is left out.
    pub fn tables(&self) -> Vec<Table> {
        let tables = [self.rankings(), self.filters(), self.probabilities(), self.suggested(), self.applied()];
        tables.into_iter().filter(|table| !table.rows.is_empty()).collect()
    }

    fn rankings(&self) -> Table {
        let own = [("tokens", &self.token), ("entities", &self.entity), ("sentences", &self.sentence)];
        let mut rows: Vec<Vec<Cell>> =
            own.into_iter().filter_map(|(unit, scores)| row(unit, "audit", scores)).collect();
        for (name, scores) in &self.measures {
            let units = [("tokens", &scores.token), ("entities", &scores.entity), ("sentences", &scores.sentence)];
            rows.extend(units.into_iter().filter_map(|(unit, scores)| row(unit, name, scores)));
        }
        rows.sort_by_key(|row| UNITS.iter().position(|unit| row[0] == Cell::Text((*unit).into())));
        table(
            "audit-rankings",
            "Detection of wrong labels",
            "Average precision (AP) with its 95 % confidence interval over sentences, its lift over chance, precision and recall \
             in the first 1, 5 and 10 % of the ranking, and for as many units as there are errors.",
            vec![
                Column::new("unit", "unit", Format::Text),
                Column::new("ranking", "ranking", Format::Text),
                Column::new("n", "ranked", Format::Integer),
                Column::new("n_errors", "errors", Format::Integer),
                Column::new("base_rate", "base rate", Format::Percent(2)),
                Column::new("average_precision", "AP", Format::Decimal(3)),
                Column::new("average_precision_low", "AP from", Format::Decimal(3)),
                Column::new("average_precision_high", "AP to", Format::Decimal(3)),
                Column::new("lift", "lift", Format::Decimal(1)),
                Column::new("precision_at_1_percent", "P at 1 %", Format::Decimal(3)),
                Column::new("precision_at_5_percent", "P at 5 %", Format::Decimal(3)),
                Column::new("precision_at_10_percent", "P at 10 %", Format::Decimal(3)),
                Column::new("recall_at_10_percent", "R at 10 %", Format::Decimal(3)),
                Column::new("precision_at_n_errors", "P at errors", Format::Decimal(3)),
                Column::new("recall_at_n_errors", "R at errors", Format::Decimal(3)),
            ],
            rows,
        )
    }

    fn filters(&self) -> Table {
        let rows = self.masks.iter().map(|(name, mask)| {
            let scores = mask.scores;
            let mut row = vec![Cell::Text(name.clone()), integer(mask.n_flagged)];
            row.extend([scores.precision, scores.recall, scores.f1].map(Cell::Number));
            row.push(number(mask.average_precision));
            row
        });
        table(
            "audit-filters",
            "Filters over tokens",
            "Average precision (AP) of the ranking that puts flagged tokens first.",
            vec![
                Column::new("filter", "filter", Format::Text),
                Column::new("n_flagged", "flagged", Format::Integer),
                Column::new("precision", "precision", Format::Decimal(3)),
                Column::new("recall", "recall", Format::Decimal(3)),
                Column::new("f1", "F1", Format::Decimal(3)),
                Column::new("average_precision", "AP", Format::Decimal(3)),
            ],
            rows.collect(),
        )
    }

    fn probabilities(&self) -> Table {
        let mut rows = Vec::new();
        for (unit, reliability) in [("tokens", &self.reliability), ("suspects", &self.suspect_reliability)] {
            for bin in reliability.iter().flat_map(|reliability| &reliability.equal_width) {
                let shares =
                    [bin.low, bin.high, bin.mean_probability, bin.observed, bin.interval.low, bin.interval.high];
                let mut row = vec![Cell::Text(unit.into()), integer(bin.n)];
                row.extend(shares.map(Cell::Number));
                rows.push(row);
            }
        }
        table(
            "audit-reliability",
            "Calibration of the estimated probabilities",
            "Share of wrong labels by estimated probability, with Wilson's 95 % confidence interval.",
            vec![
                Column::new("unit", "unit", Format::Text),
                Column::new("n", "number", Format::Integer),
                Column::new("low", "from", Format::Decimal(1)),
                Column::new("high", "to", Format::Decimal(1)),
                Column::new("mean_probability", "mean probability", Format::Decimal(3)),
                Column::new("observed", "share wrong", Format::Decimal(3)),
                Column::new("observed_low", "share from", Format::Decimal(3)),
                Column::new("observed_high", "share to", Format::Decimal(3)),
            ],
            rows,
        )
    }

    fn suggested(&self) -> Table {
        let row = |name: &str, counts: &SuggestionCounts| {
            let mut row = vec![Cell::Text(name.into()), integer(counts.n_suspects), integer(counts.n_hits)];
            row.extend([number(counts.precision), integer(counts.n_right), number(counts.right)]);
            row
        };
        let kinds = self.suggestions.by_kind.iter().map(|(kind, counts)| row(kind_name(*kind), counts));
        let mut rows: Vec<Vec<Cell>> = kinds.collect();
        if !rows.is_empty() {
            rows.push(row("all", &self.suggestions.all));
        }
        table(
            "audit-suggestions",
            "Suspects and their suggestions, by kind",
            "A hit shares a token with an entity error. Its suggestion is right if all of its tags are the gold tags.",
            vec![
                Column::new("kind", "kind", Format::Text),
                Column::new("n_suspects", "suspects", Format::Integer),
                Column::new("n_hits", "hits", Format::Integer),
                Column::new("precision", "share of hits", Format::Percent(1)),
                Column::new("n_right", "right", Format::Integer),
                Column::new("right", "right of hits", Format::Percent(1)),
            ],
            rows,
        )
    }

    fn applied(&self) -> Table {
        let rows = self.suggestions.applied.iter().filter(|applied| applied.n_applied > 0).map(|applied| {
            let counts = [applied.n_applied, applied.n_corrected, applied.n_broken, applied.n_still_wrong];
            let mut row = vec![Cell::Number(applied.threshold)];
            row.extend(counts.map(integer));
            row.extend([applied.wrong_before, applied.wrong_after].map(Cell::Number));
            row
        });
        table(
            "audit-applied",
            "Effect of applying suggestions without review",
            "Numbers of tokens after the suggestions of all suspects with at least this probability are applied.",
            vec![
                Column::new("threshold", "probability from", Format::Decimal(1)),
                Column::new("n_applied", "suspects", Format::Integer),
                Column::new("n_corrected", "corrected", Format::Integer),
                Column::new("n_broken", "broken", Format::Integer),
                Column::new("n_still_wrong", "still wrong", Format::Integer),
                Column::new("wrong_before", "wrong before", Format::Percent(2)),
                Column::new("wrong_after", "wrong after", Format::Percent(2)),
            ],
            rows.collect(),
        )
    }
}

/// In the order in which they are shown.
const UNITS: [&str; 3] = ["tokens", "entities", "sentences"];

fn row(unit: &str, ranking: &str, scores: &Option<RankingScores>) -> Option<Vec<Cell>> {
    let scores = scores.as_ref()?;
    let interval = scores.intervals.as_ref().map(|intervals| intervals.average_precision);
    let mut row =
        vec![Cell::Text(unit.into()), Cell::Text(ranking.into()), integer(scores.n), integer(scores.n_errors)];
    row.extend([scores.base_rate, scores.average_precision].map(Cell::Number));
    row.extend([interval.map(|i| i.low), interval.map(|i| i.high), scores.lift].map(number));
    row.extend([scores.at_1_percent, scores.at_5_percent, scores.at_10_percent].map(|cut| Cell::Number(cut.precision)));
    row.extend(
        [scores.at_10_percent.recall, scores.at_n_errors.precision, scores.at_n_errors.recall].map(Cell::Number),
    );
    Some(row)
}

fn table(name: &str, title: &str, caption: &str, columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Table {
    Table { name: name.into(), title: title.into(), caption: caption.into(), columns, rows }
}

fn integer(value: usize) -> Cell {
    Cell::Integer(value as i64)
}

fn number(value: Option<f64>) -> Cell {
    value.map_or(Cell::Missing, Cell::Number)
}

fn kind_name(kind: SuspectKind) -> &'static str {
    match kind {
        SuspectKind::Missed => "missed",
        SuspectKind::Spurious => "spurious",
        SuspectKind::WrongType => "wrong type",
        SuspectKind::WrongBoundary => "wrong boundary",
        SuspectKind::Inconsistent => "inconsistent",
        SuspectKind::InvalidSequence => "invalid sequence",
    }
}
