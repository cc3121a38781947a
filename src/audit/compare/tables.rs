//! The files of a comparison.

use std::path::Path;

use super::{Comparison, TextSummary, VersionScores};
use crate::error::{Error, Result};
use crate::files::write_text;
use crate::metrics::Estimate;
use crate::metrics::paired::Paired;
use crate::report::{Cell, Column, Format, Table, markdown_table};

/// Writes `compare.json` and `compare.md`.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written.
pub fn write(comparison: &Comparison, folder: &Path) -> Result<()> {
    let path = folder.join("compare.json");
    let json = serde_json::to_string_pretty(comparison)
        .map_err(|error| Error::Internal(format!("{} cannot be written as JSON: {error}", path.display())))?;
    write_text(&path, &(json + "\n"))?;
    write_text(&folder.join("compare.md"), &comparison.markdown())
}

impl Comparison {
    /// The tables, the most important first: the scores, the seeds, the types, the epochs, the files.
    pub fn tables(&self) -> Vec<Table> {
        vec![self.scores(), self.by_seed(), self.by_type(), self.by_epoch(), self.files()]
    }

    /// `compare.md`.
    fn markdown(&self) -> String {
        let changes = self.changes;
        let mut out = format!(
            "# Before and after\n\n{}.\n\n{} tokens in {} sentences have another label; {} entities were removed, {} added \
             (an entity with another type or border counts as both).\n",
            self.finding, changes.tokens, changes.sentences, changes.entities_removed, changes.entities_added
        );
        for table in self.tables() {
            out.push_str(&format!("\n## {}\n\n{}\n\n{}", table.title, table.caption, markdown_table(&table)));
        }
        out
    }

    fn scores(&self) -> Table {
        let measures = [("F1", &self.f1), ("precision", &self.precision), ("recall", &self.recall)];
        let row = |(name, measure): (&str, &Paired)| {
            let mut row = vec![Cell::Text(name.into())];
            row.extend(differences(measure));
            row
        };
        let mut columns = vec![Column::new("measure", "measure", Format::Text)];
        columns.extend(difference_columns());
        table(
            "compare-scores",
            "Scores on dev",
            "Entity scores after the last epoch, mean ± standard deviation over seeds, and the difference after − before \
             with its 95 % intervals: over seeds (Student's t, paired) and over dev sentences (paired bootstrap).",
            columns,
            measures.into_iter().map(row).collect(),
        )
    }

    fn by_seed(&self) -> Table {
        let row = |seed: &super::SeedScores| {
            let scores = |of: &VersionScores| [of.scores.f1, of.scores.precision, of.scores.recall].map(Cell::Number);
            let mut row = vec![Cell::Text(seed.seed.to_string())];
            row.extend(scores(&seed.before));
            row.extend(scores(&seed.after));
            row.push(Cell::Number(seed.f1_difference));
            row
        };
        let mut columns = vec![Column::new("seed", "seed", Format::Text)];
        for version in ["before", "after"] {
            for measure in ["F1", "precision", "recall"] {
                let key = format!("{measure}_{version}").to_lowercase();
                columns.push(Column::new(key, format!("{measure} {version}"), Format::Decimal(4)));
            }
        }
        columns.push(Column::new("f1_difference", "F1 difference", Format::Decimal(4)));
        let caption = "The two taggers of a seed differ in the labels they were trained on and in nothing else.";
        table("compare-seeds", "By seed", caption, columns, self.seeds.iter().map(row).collect())
    }

    fn by_type(&self) -> Table {
        let row = |of: &super::TypeDifference| {
            let mut row = vec![Cell::Text(of.name.clone()), integer(of.support)];
            row.extend(differences(&of.f1));
            row
        };
        let mut columns =
            vec![Column::new("type", "type", Format::Text), Column::new("support", "entities in dev", Format::Integer)];
        columns.extend(difference_columns());
        let caption = "F1 of each type that occurs in dev, as above. Among several types one may differ by chance: the \
                       verdict is about all of them together.";
        table("compare-types", "By entity type", caption, columns, self.types.iter().map(row).collect())
    }

    fn by_epoch(&self) -> Table {
        let at = |epoch: usize, of: fn(&super::SeedScores) -> &VersionScores| {
            mean(Estimate::of(self.seeds.iter().map(|seed| of(seed).f1_by_epoch.get(epoch).copied())))
        };
        let row =
            |epoch: usize| vec![integer(epoch + 1), at(epoch, |seed| &seed.before), at(epoch, |seed| &seed.after)];
        let columns = vec![
            Column::new("epoch", "epoch", Format::Integer),
            Column::new("f1_before", "F1 before", Format::Mean(4)),
            Column::new("f1_after", "F1 after", Format::Mean(4)),
        ];
        let caption = "F1 on dev after each epoch, mean ± standard deviation over seeds. Only the last epoch is compared: \
                       to choose the best one would be to choose on dev.";
        table("compare-epochs", "By epoch", caption, columns, (0..self.settings.epochs as usize).map(row).collect())
    }

    fn files(&self) -> Table {
        let row = |(role, text): (&str, &TextSummary)| {
            let mut row = vec![Cell::Text(role.into()), Cell::Text(text.file.clone())];
            row.extend([text.sentences, text.tokens, text.entities].map(integer));
            row.push(Cell::Text(text.fingerprint.get(..12).unwrap_or_default().to_owned()));
            row
        };
        let columns = vec![
            Column::new("role", "role", Format::Text),
            Column::new("file", "file", Format::Text),
            Column::new("sentences", "sentences", Format::Integer),
            Column::new("tokens", "tokens", Format::Integer),
            Column::new("entities", "entities", Format::Integer),
            Column::new("fingerprint", "SHA-256 begins", Format::Text),
        ];
        let rows =
            [("before", &self.before), ("after", &self.after), ("dev", &self.dev)].into_iter().map(row).collect();
        table("compare-files", "Files", "The dev file's labels are taken to be right.", columns, rows)
    }
}

fn difference_columns() -> Vec<Column> {
    let decimal = |key: &str, heading: &str| Column::new(key, heading, Format::Decimal(4));
    vec![
        Column::new("before", "before", Format::Mean(4)),
        Column::new("after", "after", Format::Mean(4)),
        decimal("difference", "difference"),
        decimal("over_seeds_low", "over seeds from"),
        decimal("over_seeds_high", "over seeds to"),
        decimal("over_sentences_low", "over sentences from"),
        decimal("over_sentences_high", "over sentences to"),
    ]
}

fn differences(of: &Paired) -> Vec<Cell> {
    let mut cells = vec![mean(Some(of.before)), mean(Some(of.after)), Cell::Number(of.difference.mean)];
    for interval in [of.over_seeds, of.over_sentences] {
        cells.extend(
            [interval.map(|i| i.low), interval.map(|i| i.high)].map(|end| end.map_or(Cell::Missing, Cell::Number)),
        );
    }
    cells
}

fn table(name: &str, title: &str, caption: &str, columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Table {
    Table { name: name.into(), title: title.into(), caption: caption.into(), columns, rows }
}

fn integer(value: usize) -> Cell {
    Cell::Integer(value as i64)
}

fn mean(of: Option<Estimate>) -> Cell {
    of.map_or(Cell::Missing, |Estimate { mean, deviation, .. }| Cell::Mean { mean, deviation })
}
