//! Reading a log: ours, one that another training loop wrote, or dataset cartography's.

use std::path::{Path, PathBuf};

use super::cartography::Cartography;
use super::column::Columns;
use super::{CurvePoint, LogWriter, Observations, Pass, StepRecord, TokenTable, TypePoint, frames, parquet, series};
use crate::Result;
use crate::corpus::LabelSet;
use crate::error::{Error, Problem};

/// What to do about a damaged epoch.
const REMAKE_EPOCH: &str = "the other epochs are unharmed: of a run that is not finished delete this file and resume, of a finished one remove the \
     folder and do the run again";
/// What to do about another damaged file.
pub(super) const REMAKE_FILE: &str = "restore the file from a copy, or train again";

/// A log on disk, its tokens in memory; epochs are read one at a time.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    tokens: TokenTable,
    epochs: Vec<u32>,
    cartography: Option<Cartography>,
}

/// One epoch, each pass that was logged; rows sorted by sentence and token.
///
/// In a log made elsewhere `margin` and `entropy` are empty where the file lacks them; all other columns are complete.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EpochObservations {
    /// The train pass.
    pub train: Option<Observations>,
    /// The eval pass.
    pub eval: Option<Observations>,
}

impl EpochObservations {
    /// One pass, if it was logged.
    pub fn pass(&self, pass: Pass) -> Option<&Observations> {
        match pass {
            Pass::Train => self.train.as_ref(),
            Pass::Eval => self.eval.as_ref(),
        }
    }

    /// `preferred` if it was logged, else the other pass; with its name.
    pub fn prefer(&self, preferred: Pass) -> Option<(Pass, &Observations)> {
        let either = |pass| self.pass(pass).map(|observations| (pass, observations));
        either(preferred).or_else(|| either(preferred.other()))
    }
}

impl Log {
    /// Opens a folder with `tokens.parquet` and `dynamics/epoch=NNNN.parquet`, or with dataset cartography's
    /// `training_dynamics/dynamics_epoch_N.jsonl`.
    ///
    /// # Errors
    /// [`Error::Data`] naming file, column and row if the folder holds no log, the token table cannot be used, or no
    /// epoch is there; [`Error::Io`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        if let Some(cartography) = Cartography::find(folder)? {
            let (tokens, epochs) = (cartography.tokens(), cartography.epochs());
            return Ok(Self { folder: folder.to_owned(), tokens, epochs, cartography: Some(cartography) });
        }
        let path = folder.join("tokens.parquet");
        if !path.is_file() {
            return Err(Error::Data(
                Problem::new("the folder holds no log: tokens.parquet is missing").at(folder).hint(
                    "give a run's folder, or write the log as docs/log-format.md describes; \
                 dataset cartography's training_dynamics/*.jsonl is read as well",
                ),
            ));
        }
        let tokens = read_tokens(folder, &path)?;
        let epochs = list_epochs(&folder.join("dynamics"))?;
        if epochs.is_empty() {
            return Err(Error::Data(
                Problem::new("no finished epoch: dynamics/epoch=NNNN.parquet is missing")
                    .at(folder)
                    .hint("let the run finish an epoch first (memoscope train --resume)"),
            ));
        }
        Ok(Self { folder: folder.to_owned(), tokens, epochs, cartography: None })
    }

    /// The folder it was opened from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Label names by id.
    pub fn labels(&self) -> &[String] {
        &self.tokens.labels
    }

    /// The training tokens, sorted by sentence and token.
    pub fn tokens(&self) -> &TokenTable {
        &self.tokens
    }

    /// The one-based epochs that are there, ascending.
    pub fn epochs(&self) -> &[u32] {
        &self.epochs
    }

    /// Epochs that are missing between the first and the last; events across such a gap are counted as if it were not.
    pub fn gaps(&self) -> Vec<u32> {
        let (first, last) = (self.epochs.first().copied().unwrap_or(1), self.epochs.last().copied().unwrap_or(0));
        (first..=last).filter(|epoch| self.epochs.binary_search(epoch).is_err()).collect()
    }

    /// Reads one epoch, both passes at once.
    ///
    /// # Errors
    /// [`Error::Data`] if the file is missing or damaged, a column is missing or holds what it may not, a token is not
    /// in `tokens.parquet` or appears twice in a pass, or `correct` contradicts `predicted`.
    pub fn epoch(&self, epoch: u32) -> Result<EpochObservations> {
        if let Some(cartography) = &self.cartography {
            return Ok(EpochObservations { train: None, eval: Some(cartography.epoch(epoch)?) });
        }
        let path = epoch_file(&self.folder, epoch);
        let (frame, _) = parquet::read(&path, frames::EPOCH, REMAKE_EPOCH)?;
        let columns = Columns { frame: &frame, path: &path };
        let passes = if columns.has("pass") { Some(columns.text("pass")?) } else { None };
        let all = read_observations(&columns, &self.tokens)?;
        let mut rows: [Vec<usize>; 2] = Default::default();
        match passes {
            None => rows[0].extend(0..all.len()),
            Some(names) => {
                for (row, name) in names.iter().enumerate() {
                    match name.as_str() {
                        "train" => rows[0].push(row),
                        "eval" => rows[1].push(row),
                        other => {
                            return Err(Error::Data(
                                Problem::new(format!("column `pass`, row {}: `{other}`", row + 1))
                                    .at(&path)
                                    .hint("the pass is `train` or `eval`"),
                            ));
                        }
                    }
                }
            }
        }
        let [train, eval] = rows;
        Ok(EpochObservations {
            train: align(&all, train, &self.tokens, &path)?,
            eval: align(&all, eval, &self.tokens, &path)?,
        })
    }

    /// The rows of `curve.parquet`, empty if there is none; numbers that the file does not know are NaN, so that
    /// writing the points again gives the same file.
    pub fn curve(&self) -> Result<Vec<CurvePoint>> {
        series::curve(&self.folder.join("curve.parquet"))
    }

    /// The rows of `steps.parquet`, empty if there is none; NaN where the file does not know a number.
    pub fn steps(&self) -> Result<Vec<StepRecord>> {
        series::steps(&self.folder.join("steps.parquet"))
    }

    /// The rows of `types.parquet`, empty if there is none.
    pub fn types(&self) -> Result<Vec<TypePoint>> {
        series::types(&self.folder.join("types.parquet"))
    }
}

/// The epoch's file; a log made elsewhere may number its files without leading zeros.
fn epoch_file(folder: &Path, epoch: u32) -> PathBuf {
    let path = LogWriter::epoch_path(folder, epoch);
    let short = folder.join("dynamics").join(format!("epoch={epoch}.parquet"));
    if !path.exists() && short.exists() { short } else { path }
}

fn list_epochs(folder: &Path) -> Result<Vec<u32>> {
    let mut epochs = Vec::new();
    if folder.is_dir() {
        for entry in fs_err::read_dir(folder).map_err(Error::io(folder))? {
            let name = entry.map_err(Error::io(folder))?.file_name();
            let number = name.to_str().and_then(|n| n.strip_prefix("epoch=")?.strip_suffix(".parquet"));
            epochs.extend(number.and_then(|n| n.parse::<u32>().ok()).filter(|&epoch| epoch > 0));
        }
    }
    epochs.sort_unstable();
    epochs.dedup();
    Ok(epochs)
}

fn read_tokens(folder: &Path, path: &Path) -> Result<TokenTable> {
    let (frame, metadata) = parquet::read(path, frames::TOKENS, REMAKE_FILE)?;
    let columns = Columns { frame: &frame, path };
    let sentence = columns.whole("sentence", u64::from(u32::MAX))?;
    let token = columns.whole("token", u64::from(u16::MAX))?;
    let mut labels = match metadata.get("labels") {
        Some(json) => Some(parse_labels(json, path)?),
        None => {
            let beside = folder.join("labels.json");
            match beside.is_file() {
                true => Some(parse_labels(&fs_err::read_to_string(&beside).map_err(Error::io(&beside))?, &beside)?),
                false => None,
            }
        }
    };
    let has_gold = columns.has("gold");
    if labels.is_none() && columns.is_text("given") {
        let mut tags = columns.text("given")?;
        if has_gold && columns.is_text("gold") {
            tags.extend(columns.text("gold")?);
        }
        labels = Some(LabelSet::new(tags).names().to_vec());
    }
    let known = labels.as_deref().unwrap_or_default();
    let given = columns.labels("given", known)?;
    let gold = if has_gold { Some(columns.labels("gold", known)?) } else { None };
    let labels = labels.unwrap_or_else(|| {
        let largest = given.iter().chain(gold.iter().flatten()).copied().max().unwrap_or(0);
        (0..=largest).map(|id| id.to_string()).collect()
    });
    let word = if columns.has("word") { columns.text("word")? } else { vec![String::new(); frame.height()] };

    let mut order: Vec<usize> = (0..frame.height()).collect();
    order.sort_by_key(|&row| (sentence[row], token[row]));
    let table = TokenTable {
        sentence: order.iter().map(|&row| sentence[row] as u32).collect(),
        token: order.iter().map(|&row| token[row] as u16).collect(),
        word: order.iter().map(|&row| word[row].clone()).collect(),
        given: order.iter().map(|&row| given[row]).collect(),
        gold: gold.map(|gold| order.iter().map(|&row| gold[row]).collect()),
        labels,
    };
    if table.is_empty() {
        return Err(Error::Data(Problem::new("the table has no token").at(path).hint(REMAKE_FILE)));
    }
    for i in 1..table.len() {
        if (table.sentence[i - 1], table.token[i - 1]) == (table.sentence[i], table.token[i]) {
            return Err(Error::Data(
                Problem::new(format!("sentence {}, token {} is there twice", table.sentence[i], table.token[i]))
                    .at(path)
                    .hint("number the words of each sentence from 0, and the sentences over the whole training split"),
            ));
        }
    }
    if columns.has("noisy") && has_gold {
        let noisy = columns.flags("noisy")?;
        let derived = table.noisy().unwrap_or_default();
        if let Some(i) = (0..table.len()).find(|&i| noisy[order[i]] != derived[i]) {
            return Err(Error::Data(
                Problem::new(format!("column `noisy`, row {}: it contradicts `given` and `gold`", order[i] + 1))
                    .at(path)
                    .hint("noisy means given ≠ gold; the column may be left out"),
            ));
        }
    }
    Ok(table)
}

fn parse_labels(json: &str, path: &Path) -> Result<Vec<String>> {
    match serde_json::from_str::<Vec<String>>(json) {
        Ok(labels) if !labels.is_empty() && labels.len() <= 256 => Ok(labels),
        _ => Err(Error::Data(
            Problem::new("the label list is no JSON array of 1 to 256 strings")
                .at(path)
                .hint(r#"write it as ["O", "B-LOC", ...], in the order of the label ids"#),
        )),
    }
}

/// All rows of a file as they come. `given` is not in the file, so `correct` is checked later, in [`align`].
fn read_observations(columns: &Columns<'_>, tokens: &TokenTable) -> Result<Observations> {
    let optional = |name: &str| if columns.has(name) { columns.finite(name) } else { Ok(Vec::new()) };
    let loss = columns.finite("loss")?;
    // exp(−loss) is the definition of p_given, no guess.
    let p_given = match columns.has("p_given") {
        true => columns.finite("p_given")?,
        false => loss.iter().map(|&l| f64::from(-l).exp() as f32).collect(),
    };
    Ok(Observations {
        sentence: columns.whole("sentence", u64::from(u32::MAX))?.into_iter().map(|v| v as u32).collect(),
        token: columns.whole("token", u64::from(u16::MAX))?.into_iter().map(|v| v as u16).collect(),
        predicted: columns.labels("predicted", &tokens.labels)?,
        correct: if columns.has("correct") { columns.flags("correct")? } else { Vec::new() },
        loss,
        p_given,
        margin: optional("margin")?,
        entropy: optional("entropy")?,
    })
}

/// The given rows as one pass: sorted, each token known and there once, `correct` filled in or checked.
fn align(all: &Observations, mut rows: Vec<usize>, tokens: &TokenTable, path: &Path) -> Result<Option<Observations>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let key = |row: usize| (all.sentence[row], all.token[row]);
    if !rows.is_sorted_by_key(|&row| key(row)) {
        rows.sort_by_key(|&row| key(row));
    }
    let refuse = |row: usize, what: &str, hint: &str| {
        let (sentence, token) = key(row);
        Err(Error::Data(
            Problem::new(format!("row {}: sentence {sentence}, token {token} {what}", row + 1)).at(path).hint(hint),
        ))
    };
    let mut correct = Vec::with_capacity(rows.len());
    let mut at = 0;
    for (i, &row) in rows.iter().enumerate() {
        if i > 0 && key(rows[i - 1]) == key(row) {
            return refuse(row, "is there twice in one pass", "write each token once per pass; a resumed epoch anew");
        }
        while at < tokens.len() && (tokens.sentence[at], tokens.token[at]) < key(row) {
            at += 1;
        }
        if at == tokens.len() || (tokens.sentence[at], tokens.token[at]) != key(row) {
            return refuse(
                row,
                "is not in tokens.parquet",
                "the epoch belongs to other data: delete it, or the folder",
            );
        }
        let is_correct = all.predicted[row] == tokens.given[at];
        if all.correct.get(row).is_some_and(|&logged| logged != is_correct) {
            return refuse(row, "has `correct` against `predicted`", "correct means predicted = given, not gold");
        }
        correct.push(is_correct);
    }
    /// One column, gathered; an empty (unknown) column stays empty.
    fn gather<T: Copy>(column: &[T], rows: &[usize]) -> Vec<T> {
        rows.iter().filter_map(|&row| column.get(row).copied()).collect()
    }
    Ok(Some(Observations {
        sentence: gather(&all.sentence, &rows),
        token: gather(&all.token, &rows),
        predicted: gather(&all.predicted, &rows),
        correct,
        loss: gather(&all.loss, &rows),
        p_given: gather(&all.p_given, &rows),
        margin: gather(&all.margin, &rows),
        entropy: gather(&all.entropy, &rows),
    }))
}
