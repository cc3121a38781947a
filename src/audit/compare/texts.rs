//! The three files of a comparison, brought under one inventory of labels.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Version;
use crate::audit::Text;
use crate::corpus::files::MAX_LABELS;
use crate::corpus::{self, Columns, Corpus, Given, LabelSet, Sentence, SpanMode, SpanReader};
use crate::error::{Error, Problem, Result};

/// Two versions of one annotated file, and the file to judge by.
///
/// Label ids are those of [`Texts::labels`] in all three, so that the taggers have the same labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Texts {
    /// The file before its labels were corrected.
    pub before: Text,
    /// The same words with other labels.
    pub after: Text,
    /// The file whose labels are taken to be right.
    pub dev: Text,
    /// The tag inventory of all three.
    pub labels: LabelSet,
    /// Warnings about the files.
    pub warnings: Vec<String>,
}

/// How much differs between two versions of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Changes {
    /// Tokens with another label, tags taken as IOB2.
    pub tokens: usize,
    /// Sentences with such a token.
    pub sentences: usize,
    /// Entities of the first version that the second one does not have: taken away, or with another type or border.
    pub entities_removed: usize,
    /// Entities of the second version that the first one does not have.
    pub entities_added: usize,
}

impl Texts {
    /// Reads the three files, in the usual columns or those named.
    ///
    /// # Errors
    /// [`Error::Data`] as [`Text::read`], where the versions differ in their tokens, where no label differs, and with
    /// more than [`MAX_LABELS`] labels; [`Error::Config`] if the dev file is one of the versions.
    pub fn read(before: &Path, after: &Path, dev: &Path, columns: Option<&Columns>) -> Result<Self> {
        let read = |path| Text::read(path, columns);
        let (mut before, mut after, mut dev) = (read(before)?, read(after)?, read(dev)?);
        before.require_same_words(&after)?;
        if [&before, &after].iter().any(|version| version.fingerprint == dev.fingerprint) {
            return Err(Error::Config(
                Problem::new("the dev file is the training file: its scores would be those of text learned by heart")
                    .at(&dev.path)
                    .hint("give --dev a file that is not trained on"),
            ));
        }
        let names = [&before, &after, &dev].map(|text| text.labels.names()).concat();
        let labels = LabelSet::new(names);
        if labels.len() > MAX_LABELS {
            return Err(Error::Data(
                Problem::new(format!(
                    "the three files have {} different tags, and {MAX_LABELS} is the most",
                    labels.len()
                ))
                .at(&dev.path)
                .hint("check that the last column holds the tag; merge or drop rare types"),
            ));
        }
        let warnings = [&before, &after].into_iter().filter_map(|version| unseen(&dev, version)).collect();
        [&mut before, &mut after, &mut dev].into_iter().for_each(|text| relabel(text, &labels));
        let texts = Self { before, after, dev, labels, warnings };
        if texts.changes().tokens == 0 {
            return Err(Error::Data(
                Problem::new(format!(
                    "no label differs from {}: there is nothing to compare",
                    texts.before.path.display()
                ))
                .at(&texts.after.path)
                .hint("give the file before the corrections, then the file after them"),
            ));
        }
        Ok(texts)
    }

    /// One of the two versions.
    pub fn version(&self, version: Version) -> &Text {
        match version {
            Version::Before => &self.before,
            Version::After => &self.after,
        }
    }

    /// What is trained on and judged by for one version.
    pub fn corpus(&self, version: Version) -> Corpus {
        let dev = self.dev.sentences.iter().cloned().map(Sentence::assume_gold).collect();
        let mut corpus = Corpus { dev, ..self.version(version).corpus() };
        corpus.fingerprint = corpus::fingerprint(&corpus);
        corpus
    }

    /// How much differs between the versions.
    pub fn changes(&self) -> Changes {
        let reader = SpanReader::from(&self.labels);
        let mut changes = Changes::default();
        for (before, after) in self.before.sentences.iter().zip(&self.after.sentences) {
            let n_tokens = before.labels.iter().zip(&after.labels).filter(|(before, after)| before != after).count();
            changes.tokens += n_tokens;
            changes.sentences += usize::from(n_tokens > 0);
            let [before, after] = [before, after].map(|s| reader.spans(&s.labels, SpanMode::Default));
            changes.entities_removed += before.iter().filter(|span| !after.contains(span)).count();
            changes.entities_added += after.iter().filter(|span| !before.contains(span)).count();
        }
        changes
    }

    /// Number of entities in one of the three.
    pub fn n_entities(&self, text: &Text) -> usize {
        let reader = SpanReader::from(&self.labels);
        text.sentences.iter().map(|sentence| reader.spans(&sentence.labels, SpanMode::Default).len()).sum()
    }
}

/// Puts a text's label ids into another inventory, which has all of its labels.
fn relabel(text: &mut Text, labels: &LabelSet) {
    let ids: Vec<u8> = text.labels.names().iter().map(|name| labels.id(name).unwrap_or(0)).collect();
    let relabelled =
        |sentence: &mut Sentence<Given>| sentence.labels.iter_mut().for_each(|id| *id = ids[usize::from(*id)]);
    text.sentences.iter_mut().for_each(relabelled);
    text.labels = labels.clone();
}

/// A warning of tags in dev that a tagger trained on `version` can never have seen.
fn unseen(dev: &Text, version: &Text) -> Option<String> {
    let unseen: Vec<&str> =
        dev.labels.names().iter().map(String::as_str).filter(|name| version.labels.id(name).is_none()).collect();
    (!unseen.is_empty()).then(|| {
        format!(
            "{}: no token of {} has the tags {}, so a tagger trained on it does not learn them",
            dev.path.display(),
            version.path.display(),
            unseen.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(before: &str, after: &str, dev: &str) -> Result<Texts> {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::write(&path, text).unwrap();
            path
        };
        Texts::read(&file("before.txt", before), &file("after.txt", after), &file("dev.txt", dev), None)
    }

    #[test]
    fn changes_are_counted_by_token_sentence_and_entity() {
        // New York is cut short to York and becomes an organisation; EU stays.
        let before = "New B-LOC\nYork I-LOC\n\nEU B-ORG\n\nRome O\n";
        let after = "New O\nYork B-ORG\n\nEU B-ORG\n\nRome B-LOC\n";
        let texts = texts(before, after, "Ann B-PER\n").unwrap();
        assert_eq!(texts.changes(), Changes { tokens: 3, sentences: 2, entities_removed: 1, entities_added: 2 });
        assert_eq!(texts.n_entities(&texts.after), 3);
        // One inventory, and the dev label that nobody has seen is said for either version.
        assert_eq!(texts.labels.names(), ["O", "B-LOC", "B-ORG", "B-PER", "I-LOC"]);
        assert_eq!(texts.dev.sentences[0].labels[..], [3]);
        assert_eq!(texts.warnings.len(), 2);
        let [before, after] = [Version::Before, Version::After].map(|version| texts.corpus(version));
        assert_eq!((&before.labels, &before.dev), (&after.labels, &after.dev));
        assert_ne!(before.fingerprint, after.fingerprint);
    }

    #[test]
    fn schemes_are_no_difference() {
        let error = texts("EU I-ORG\nbuys O\n", "EU B-ORG\nbuys O\n", "Ann B-PER\n").unwrap_err();
        assert!(error.to_string().contains("nothing to compare"), "{error}");
    }

    #[test]
    fn dev_cannot_be_trained_on() {
        let error = texts("EU B-ORG\n", "EU B-LOC\n", "EU B-LOC\n").unwrap_err();
        assert!(error.to_string().contains("dev file is the training file"), "{error}");
    }
}
