//! The first suspects with their gold tags, as a table that can be published where the text cannot.

use crate::audit::{Suspect, Text};
use crate::corpus::LabelSet;
use crate::report::{Cell, Column, Format, Table};

/// Suspects that are listed.
const LISTED: usize = 100;

/// The first suspects: their positions, their first token only, and their given, suggested and gold tags.
pub(super) fn first_suspects(text: &Text, suspects: &[Suspect], labels: &LabelSet, gold: &[u8]) -> Table {
    let row = |suspect: &Suspect| {
        let first = text.offsets[suspect.sentence as usize] + usize::from(suspect.start);
        let gold_tags: Vec<&str> =
            gold[first..].iter().take(suspect.given.len()).map(|&label| labels.name(label)).collect();
        let verdict = if gold_tags == suspect.given {
            "given is gold"
        } else if gold_tags == suspect.suggested {
            "suggested is gold"
        } else {
            "neither"
        };
        let kind = serde_json::to_value(suspect.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
        vec![
            Cell::Integer(suspect.rank.into()),
            Cell::Integer(suspect.sentence.into()),
            Cell::Integer(suspect.line as i64),
            Cell::Text(crate::error::printable(suspect.words.first().map_or("", String::as_str))),
            Cell::Text(kind.unwrap_or_default()),
            Cell::Text(suspect.given.join(" ")),
            Cell::Text(suspect.suggested.join(" ")),
            Cell::Text(gold_tags.join(" ")),
            Cell::Text(verdict.to_owned()),
            Cell::Number(suspect.probability),
        ]
    };
    let listed = &suspects[..LISTED.min(suspects.len())];
    let rows: Vec<Vec<Cell>> = listed.iter().map(row).collect();
    let wrong = rows.iter().filter(|row| row[8] != Cell::Text("given is gold".into())).count();
    let right = rows.iter().filter(|row| row[8] == Cell::Text("suggested is gold".into())).count();
    Table {
        name: "audit-first-suspects".into(),
        title: format!("The first {} suspects", rows.len()),
        caption: format!("{wrong} of them are errors; the suggested tags of {right} are the gold tags."),
        columns: vec![
            Column::new("rank", "rank", Format::Integer),
            Column::new("sentence", "sentence", Format::Integer),
            Column::new("line", "line", Format::Integer),
            Column::new("word", "first token", Format::Text),
            Column::new("kind", "kind", Format::Text),
            Column::new("given", "given", Format::Text),
            Column::new("suggested", "suggested", Format::Text),
            Column::new("gold", "gold", Format::Text),
            Column::new("verdict", "verdict", Format::Text),
            Column::new("probability", "probability", Format::Decimal(2)),
        ],
        rows,
    }
}
