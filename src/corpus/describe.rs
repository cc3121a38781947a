//! What a corpus holds and what is odd about it, counted: the facts one wants to see before training on it.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::Result;

use super::files::AnnotatedFiles;
use super::{Corpus, LabelSet, Scheme, Sentence, SpanMode, SpanReader};

/// Most lines of invalid transitions that a description lists.
pub const MOST_LINES: usize = 20;

/// A corpus in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The folder's name, or the file's, or `embedded`.
    pub name: String,
    /// True if the text was generated.
    pub synthetic: bool,
    /// The scheme the files are written in.
    pub scheme: Scheme,
    /// The label inventory after conversion to IOB2; the index is the id.
    pub labels: Vec<String>,
    /// One entry a split (or file), train first.
    pub splits: Vec<SplitDescription>,
    /// Sentences that two splits share.
    pub duplicates: Vec<SharedSentences>,
    /// What a user should know about how the files were read, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One split in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitDescription {
    /// `train`, `dev`, `test`, or the file's name.
    pub name: String,
    /// Sentences.
    pub sentences: usize,
    /// Tokens (words).
    pub tokens: usize,
    /// Words of the longest sentence.
    pub longest_sentence: usize,
    /// Entities of each type, invalid sequences read as conlleval does.
    pub entities: BTreeMap<String, usize>,
    /// Share of tokens inside an entity, 0 to 1.
    pub entity_token_share: f64,
    /// Tokens of each label, by name.
    pub tags: BTreeMap<String, usize>,
    /// Tags that may not follow the one before, under the scheme of the files.
    pub invalid_transitions: usize,
    /// Where the first of them stands; null if there is none.
    pub first_invalid_transition: Option<Place>,
    /// One-based lines of the first [`MOST_LINES`] of them.
    #[serde(default)]
    pub invalid_transition_lines: Vec<usize>,
    /// Sentences that repeat an earlier one of this split word by word.
    pub duplicate_sentences: usize,
    /// Share of entities whose name is also an entity in train, of whatever type, 0 to 1; null for train itself, for a
    /// file by itself and for a split without an entity.
    pub entity_names_seen_in_train: Option<f64>,
}

/// Where an invalid transition stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub path: String,
    /// One-based line.
    pub line: usize,
    /// The tag before.
    pub from: String,
    /// The tag that may not follow it.
    pub to: String,
}

/// Sentences two splits have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedSentences {
    /// The earlier split.
    pub first: String,
    /// The later split.
    pub second: String,
    /// Sentences of the later split that the earlier one has word by word.
    pub sentences: usize,
}

/// Describes annotated files, a folder's or a single one.
///
/// # Errors
/// As [`AnnotatedFiles::labelled`].
pub fn describe_files(files: &AnnotatedFiles) -> Result<Description> {
    let (labels, sentences) = files.labelled()?;
    let names: Vec<String> = files
        .files
        .iter()
        .map(|(split, file)| match split {
            Some(split) => split.name().to_owned(),
            None => file.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        })
        .collect();
    let splits: Vec<(&str, &[Sentence])> =
        names.iter().map(String::as_str).zip(sentences.iter().map(Vec::as_slice)).collect();
    let mut description = describe_splits(&labels, &splits);
    description.name = files.name.clone();
    description.scheme = files.writing.scheme;
    description.notes = files.notes();
    for (split, (_, file)) in description.splits.iter_mut().zip(&files.files) {
        let invalid = files.invalid_transitions(file);
        split.invalid_transitions = invalid.len();
        split.invalid_transition_lines = invalid.iter().take(MOST_LINES).map(|invalid| invalid.line).collect();
        split.first_invalid_transition = invalid.into_iter().next().map(|first| Place {
            path: file.path.display().to_string(),
            line: first.line,
            from: first.from,
            to: first.to,
        });
    }
    Ok(description)
}

/// Describes a corpus in memory. Its tags are IOB2; invalid transitions are not looked for.
pub fn describe_corpus(corpus: &Corpus) -> Description {
    let splits = [("train", &corpus.train), ("dev", &corpus.dev), ("test", &corpus.test)];
    let splits: Vec<(&str, &[Sentence])> =
        splits.into_iter().filter(|(_, s)| !s.is_empty()).map(|(name, s)| (name, s.as_slice())).collect();
    let mut description = describe_splits(&corpus.labels, &splits);
    description.name = corpus.name.clone();
    description.synthetic = corpus.synthetic;
    description.scheme = corpus.scheme;
    description
}

fn describe_splits(labels: &LabelSet, splits: &[(&str, &[Sentence])]) -> Description {
    let reader = SpanReader::from(labels);
    let train_names: Option<HashSet<String>> = (splits.iter().find(|(name, _)| *name == "train"))
        .map(|(_, sentences)| entities(&reader, sentences).map(|(_, name)| name).collect());
    let described = splits
        .iter()
        .map(|&(name, sentences)| {
            let known = if name == "train" { None } else { train_names.as_ref() };
            describe_split(labels, &reader, name, sentences, known)
        })
        .collect();
    Description {
        name: String::new(),
        synthetic: false,
        scheme: Scheme::Iob2,
        labels: labels.names().to_vec(),
        splits: described,
        duplicates: shared_sentences(splits),
        notes: Vec::new(),
    }
}

fn describe_split(
    labels: &LabelSet,
    reader: &SpanReader,
    name: &str,
    sentences: &[Sentence],
    train_names: Option<&HashSet<String>>,
) -> SplitDescription {
    let tokens = sentences.iter().map(|sentence| sentence.words.len()).sum();
    let mut tags: BTreeMap<String, usize> = labels.names().iter().map(|name| (name.clone(), 0)).collect();
    let mut inside = 0;
    for &id in sentences.iter().flat_map(|sentence| &sentence.labels) {
        inside += usize::from(id != 0);
        *tags.entry(labels.name(id).to_owned()).or_default() += 1;
    }
    let mut counts: BTreeMap<String, usize> = reader.types().iter().map(|name| (name.clone(), 0)).collect();
    let (mut n_entities, mut n_seen) = (0_usize, 0_usize);
    for (entity_type, entity) in entities(reader, sentences) {
        *counts.entry(entity_type.to_owned()).or_default() += 1;
        n_entities += 1;
        n_seen += usize::from(train_names.is_some_and(|names| names.contains(&entity)));
    }
    let distinct: HashSet<&[String]> = sentences.iter().map(|sentence| sentence.words.as_slice()).collect();
    SplitDescription {
        name: name.to_owned(),
        sentences: sentences.len(),
        tokens,
        longest_sentence: sentences.iter().map(|sentence| sentence.words.len()).max().unwrap_or(0),
        entities: counts,
        entity_token_share: if tokens == 0 { 0.0 } else { inside as f64 / tokens as f64 },
        tags,
        invalid_transitions: 0,
        first_invalid_transition: None,
        invalid_transition_lines: Vec::new(),
        duplicate_sentences: sentences.len() - distinct.len(),
        entity_names_seen_in_train: (train_names.is_some() && n_entities > 0)
            .then(|| n_seen as f64 / n_entities as f64),
    }
}

/// Type and name (its words, separated by spaces) of every entity.
fn entities<'a>(reader: &'a SpanReader, sentences: &'a [Sentence]) -> impl Iterator<Item = (&'a str, String)> + 'a {
    sentences.iter().flat_map(move |sentence| {
        reader.spans(&sentence.labels, SpanMode::Default).into_iter().map(move |span| {
            let words = &sentence.words[span.start as usize..span.end as usize];
            (reader.types()[usize::from(span.entity_type)].as_str(), words.join(" "))
        })
    })
}

fn shared_sentences(splits: &[(&str, &[Sentence])]) -> Vec<SharedSentences> {
    let mut shared = Vec::new();
    for (index, (first, sentences)) in splits.iter().enumerate() {
        let known: HashSet<&[String]> = sentences.iter().map(|sentence| sentence.words.as_slice()).collect();
        for (second, others) in &splits[index + 1..] {
            let n = others.iter().filter(|sentence| known.contains(sentence.words.as_slice())).count();
            shared.push(SharedSentences { first: (*first).to_owned(), second: (*second).to_owned(), sentences: n });
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(words: &str, labels: &[u8]) -> Sentence {
        Sentence { words: words.split(' ').map(str::to_owned).collect(), labels: labels.to_vec().into() }
    }

    #[test]
    fn counts_come_out_by_hand() {
        let labels = LabelSet::new(["B-LOC", "B-PER", "I-PER"]);
        let train =
            [sentence("Ada Byron in Rome", &[2, 3, 0, 1]), sentence("so what", &[0, 0]), sentence("so what", &[0, 0])];
        let dev = [sentence("so what", &[0, 0]), sentence("Rome or Oslo", &[1, 0, 1])];
        let description = describe_splits(&labels, &[("train", &train), ("dev", &dev)]);
        let [train, dev] = &description.splits[..] else { panic!("two splits") };
        assert_eq!((train.sentences, train.tokens, train.longest_sentence, train.duplicate_sentences), (3, 8, 4, 1));
        assert_eq!(train.entities, BTreeMap::from([("LOC".to_owned(), 1), ("PER".to_owned(), 1)]));
        assert_eq!(train.tags["I-PER"], 1);
        assert_eq!(train.entity_token_share, 3.0 / 8.0);
        assert_eq!(train.entity_names_seen_in_train, None);
        assert_eq!(dev.entity_names_seen_in_train, Some(0.5));
        assert_eq!(description.duplicates[0].sentences, 1);
    }
}
