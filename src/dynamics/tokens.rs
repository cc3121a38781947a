//! Reading `tokens.parquet`.

use std::path::Path;

use super::column::Columns;
use super::digests::Digests;
use super::labels::{LabelList, cleaned};
use super::reader::REMAKE_FILE;
use super::{TokenTable, frames, parquet};
use crate::Result;
use crate::corpus::tags;
use crate::error::{Error, Problem};

/// The tokens of the log in `folder`, sorted, and its labels. Notes are added to those of the label list.
pub(super) fn read(folder: &Path, path: &Path, digests: &Digests) -> Result<(TokenTable, LabelList, Vec<String>)> {
    let (frame, metadata) = parquet::read(path, frames::TOKENS, digests, REMAKE_FILE)?;
    let columns = Columns { frame: &frame, path };
    if frame.height() == 0 {
        return Err(Error::Data(Problem::new("the table has no token").at(path).hint(REMAKE_FILE)));
    }
    let sentence = columns.whole("sentence", u64::from(u32::MAX))?;
    let token = columns.whole("token", u64::from(u16::MAX))?;
    let labels = LabelList::read(folder, &columns, &metadata)?;
    let has_gold = columns.has("gold");
    let given = columns.labels("given", &labels)?;
    let gold = if has_gold { Some(columns.labels("gold", &labels)?) } else { None };
    let word = if columns.has("word") { columns.text("word")? } else { vec![String::new(); frame.height()] };
    let mut notes = labels.notes().to_vec();
    let n_cleaned = n_cleaned(&columns, if has_gold { &["given", "gold"] } else { &["given"] })?;
    if n_cleaned > 0 {
        notes.push(cleaned(n_cleaned, "tag"));
    }

    let mut order: Vec<usize> = (0..frame.height()).collect();
    order.sort_by_key(|&row| (sentence[row], token[row]));
    if let Some(twice) = order.windows(2).find(|w| (sentence[w[0]], token[w[0]]) == (sentence[w[1]], token[w[1]])) {
        let (first, row) = (twice[0], twice[1]);
        return Err(Error::Data(
            Problem::new(format!(
                "row {}: sentence {}, token {} is already in row {}",
                row + 1,
                sentence[row],
                token[row],
                first + 1
            ))
            .at(path)
            .hint("number the words of each sentence from 0, and the sentences over the whole training split"),
        ));
    }
    let table = TokenTable {
        sentence: order.iter().map(|&row| sentence[row] as u32).collect(),
        token: order.iter().map(|&row| token[row] as u16).collect(),
        word: order.iter().map(|&row| word[row].clone()).collect(),
        given: order.iter().map(|&row| given[row]).collect(),
        gold: gold.map(|gold| order.iter().map(|&row| gold[row]).collect()),
        labels: labels.names().to_vec(),
    };
    check_noisy(&columns, &table, &order)?;
    Ok((table, labels, notes))
}

/// How many tags of these columns are not as [`tags::clean`] leaves them; 0 where labels are ids.
fn n_cleaned(columns: &Columns<'_>, names: &[&str]) -> Result<usize> {
    let mut n = 0;
    for name in names.iter().filter(|name| columns.is_text(name)) {
        n += columns.text(name)?.iter().filter(|tag| tags::clean(tag) != **tag).count();
    }
    Ok(n)
}

/// Refuses a column `noisy` that contradicts the labels; row i of the table is row `order[i]` of the file.
fn check_noisy(columns: &Columns<'_>, table: &TokenTable, order: &[usize]) -> Result<()> {
    let Some(derived) = table.noisy().filter(|_| columns.has("noisy")) else { return Ok(()) };
    let noisy = columns.flags("noisy")?;
    match (0..table.len()).find(|&i| noisy[order[i]] != derived[i]) {
        None => Ok(()),
        Some(i) => Err(Error::Data(
            Problem::new(format!("column `noisy`, row {}: it contradicts `given` and `gold`", order[i] + 1))
                .at(columns.path)
                .hint("noisy means given ≠ gold; the column may be left out"),
        )),
    }
}
