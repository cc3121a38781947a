//! The page on which a person works through the suspects: one HTML file, opened from the disk.
//!
//! Words and tags are other people's text: data in the page, with the content security policy of `crate::markup`.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

use crate::audit::Suspect;
use crate::corpus::Scheme;
use crate::{Error, Result, markup};

const TEMPLATE: &str = include_str!("page.html.j2");
const STYLES: [&str; 2] = [include_str!("page.css"), include_str!("suspect.css")];

/// The script, one subject a file. They are put together in this order; the last one starts the page.
const SCRIPTS: [&str; 10] = [
    markup::TEXT_SCRIPT,
    include_str!("tags.js"),
    include_str!("decisions.js"),
    include_str!("transfer.js"),
    include_str!("list.js"),
    include_str!("sentence.js"),
    include_str!("evidence.js"),
    include_str!("editor.js"),
    include_str!("page.js"),
    include_str!("start.js"),
];

/// The data of the page.
#[derive(Debug, Clone, Serialize)]
pub struct PageData<'a> {
    /// The page's heading.
    pub title: &'a str,
    /// Name of the annotated file, without its folders.
    pub file: &'a str,
    /// The annotated file as a command may name it.
    pub path: &'a str,
    /// Names of the file's columns as a command gives them; null for the usual ones.
    pub columns: Option<&'a str>,
    /// A warning about the whole audit, one sentence; null without one.
    pub warning: Option<&'a str>,
    /// SHA-256 of the file's bytes, lower-case hexadecimal: decisions belong to these bytes.
    pub fingerprint: &'a str,
    /// How the file writes its spans.
    pub scheme: Scheme,
    /// The file's tags.
    pub labels: &'a [String],
    /// The entity types that can be chosen, in the order of their number keys.
    pub types: &'a [String],
    /// How many epochs were trained.
    pub epochs: u32,
    /// The epoch whose losses the scores come from; null if it is not a single one.
    pub scored_epoch: Option<u32>,
    /// Sentences in the file.
    pub n_sentences: u64,
    /// Tokens in the file.
    pub n_tokens: u64,
    /// Suspects found, of which `suspects` may be the first ones only.
    pub n_suspects: u64,
    /// One row for each entity type.
    pub by_type: &'a [TypeRow],
    /// Sentences by their zero-based number: those of all suspects. Others (their neighbours, those of occurrences) are
    /// shown where they are here.
    pub sentences: BTreeMap<u32, PageSentence<'a>>,
    /// The suspects, the most suspect first.
    pub suspects: &'a [Suspect],
}

/// One entity type in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TypeRow {
    /// The type, such as `LOC`.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// Entities of this type in the file.
    pub entities: u64,
    /// Suspects that are given as this type or suggested to be.
    pub suspects: u64,
    /// How many of the entities are expected to be errors; null where that is not known.
    pub expected_errors: Option<f64>,
    /// How many entities of this type are expected to be missing; null where that is not known.
    pub expected_missing: Option<f64>,
    /// A warning about this type, one sentence; null without one.
    pub warning: Option<String>,
}

/// A sentence of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageSentence<'a> {
    /// One-based line of its first token.
    pub line: u64,
    /// Its tokens.
    pub words: &'a [String],
    /// Their tags as given, in IOB2 whatever the file's scheme.
    pub tags: Vec<String>,
}

/// The page as one HTML text.
///
/// The same data give the same text.
///
/// # Errors
/// [`Error::Internal`] if a suspect does not lie in a sentence of `data`, or has other words or tags than it.
pub fn render(data: &PageData<'_>) -> Result<String> {
    check(data)?;
    let failed = |error: minijinja::Error| Error::Internal(format!("cannot render the audit's page: {error:#}"));
    let script = markup::script(&SCRIPTS);
    let style = markup::lines(&STYLES);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_template("page.html", TEMPLATE).map_err(failed)?;
    environment
        .get_template("page.html")
        .map_err(failed)?
        .render(context! {
            data => markup::json(data)?,
            script_hash => markup::hash(&script),
            style_hash => markup::hash(&style),
            script,
            style,
        })
        .map_err(failed)
}

fn check(data: &PageData<'_>) -> Result<()> {
    for suspect in data.suspects {
        let stretch = usize::from(suspect.start)..usize::from(suspect.end);
        let fits = data.sentences.get(&suspect.sentence).is_some_and(|sentence| {
            sentence.tags.len() == sentence.words.len()
                && !stretch.is_empty()
                && sentence.words.get(stretch.clone()) == Some(&suspect.words[..])
                && sentence.tags.get(stretch.clone()) == Some(&suspect.given[..])
                && suspect.suggested.len() == stretch.len()
        });
        if !fits {
            return Err(Error::Internal(format!(
                "suspect {} (tokens {stretch:?} of sentence {}) does not fit the page's sentences",
                suspect.rank, suspect.sentence
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspect_without_its_sentence_is_refused() {
        let suspect = Suspect {
            rank: 1,
            sentence: 4,
            line: 9,
            start: 0,
            end: 1,
            kind: crate::audit::SuspectKind::Missed,
            words: vec!["Rome".into()],
            given: vec!["O".into()],
            suggested: vec!["B-LOC".into()],
            score: 1.0,
            probability: 0.5,
            held_out_loss: Vec::new(),
            train_loss: Vec::new(),
            elsewhere: 0,
            elsewhere_as_given: 0,
            elsewhere_as_suggested: 0,
            occurrences: Vec::new(),
        };
        let suspects = [suspect];
        let words = ["Paris".to_owned()];
        let mut data = PageData {
            title: "t",
            file: "f",
            path: "f",
            columns: None,
            warning: None,
            fingerprint: "0",
            scheme: Scheme::Iob2,
            labels: &[],
            types: &[],
            epochs: 1,
            scored_epoch: None,
            n_sentences: 1,
            n_tokens: 1,
            n_suspects: 1,
            by_type: &[],
            sentences: BTreeMap::new(),
            suspects: &suspects,
        };
        assert!(render(&data).is_err());
        data.sentences.insert(4, PageSentence { line: 9, words: &words, tags: vec!["O".into()] });
        assert!(render(&data).unwrap_err().to_string().contains("suspect 1 (tokens 0..1 of sentence 4)"));
        let right = ["Rome".to_owned()];
        data.sentences.insert(4, PageSentence { line: 9, words: &right, tags: vec!["O".into()] });
        assert!(render(&data).is_ok());
    }
}
