//! A table of tokens: `sentence`, `token`, `given`, `suggested` and, if it is there, `word`.
//!
//! A row is a decision, so that a token may have several as long as they agree; whether its given label and its word
//! are those of the file is checked with all other decisions.

use crate::Result;
use crate::audit::table::Table;

use super::{Change, of_token};

/// One change a row.
pub(super) fn read(table: &Table) -> Result<Vec<Change>> {
    let [sentence, token] = [table.require("sentence")?, table.require("token")?];
    let [given, suggested] = [table.require("given")?, table.require("suggested")?];
    let word = table.column("word");
    let changes = (1..).zip(table.rows()).map(|(number, row)| {
        let place = (row.count(sentence)?, row.count(token)?);
        let mut change = of_token(number, row.line, place, &row.tag(given), &row.tag(suggested));
        change.words = word.map(|word| vec![row.text(word).to_owned()]);
        Ok(change)
    });
    changes.collect()
}
