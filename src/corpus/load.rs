//! From settings to a corpus: the source opened, sentences chosen, the result fingerprinted.

use rand::seq::index;
use sha2::{Digest, Sha256};

use crate::Result;
use crate::error::{Error, Problem};
use crate::files::hex;
use crate::random::Streams;

use super::embedded::{self, EmbeddedSettings};
use super::files::AnnotatedFiles;
use super::locate::open;
use super::{Corpus, DataSettings, Origin, Sentence};

/// Loads the corpus the settings name and keeps as many sentences as they ask for.
///
/// `train_sentences` and `dev_sentences` keep a random choice in its original order; the choice depends on the seed and
/// the split only. Asking for more than there are keeps all, with a warning.
///
/// # Errors
/// As [`open`] for what it cannot find or read; [`Error::Config`] if no sentence would be kept.
pub fn load(settings: &DataSettings) -> Result<Corpus> {
    load_as(settings, AnnotatedFiles::corpus)
}

/// As [`load`], for what needs no dev split: a single file is the training split, and dev may be empty.
///
/// # Errors
/// As [`load`].
pub fn load_train(settings: &DataSettings) -> Result<Corpus> {
    load_as(settings, AnnotatedFiles::corpus_of_train)
}

fn load_as(settings: &DataSettings, corpus_of: fn(&AnnotatedFiles) -> Result<Corpus>) -> Result<Corpus> {
    let mut corpus = if settings.source == "embedded" {
        embedded::generate(&EmbeddedSettings { seed: settings.seed, ..EmbeddedSettings::default() })?
    } else {
        let (files, revision) = open(&settings.source, settings.columns.as_ref())?;
        Corpus { revision, ..corpus_of(&files)? }
    };
    let wanted = [
        ("train", settings.train_sentences, &mut corpus.train, corpus.train_origin.as_mut()),
        ("dev", settings.dev_sentences, &mut corpus.dev, None),
    ];
    for (split, n_wanted, sentences, origin) in wanted {
        if let Some(n_wanted) = n_wanted {
            corpus.warnings.extend(keep_some(sentences, origin, n_wanted, split, settings.seed)?);
        }
    }
    corpus.fingerprint = fingerprint(&corpus);
    Ok(corpus)
}

/// Keeps `n_wanted` sentences in their order; a warning if there are fewer.
fn keep_some(
    sentences: &mut Vec<Sentence>,
    origin: Option<&mut Origin>,
    n_wanted: usize,
    split: &str,
    seed: u64,
) -> Result<Option<String>> {
    if n_wanted == 0 {
        return Err(Error::Config(
            Problem::new(format!("data.{split}_sentences must be at least 1"))
                .hint(format!("leave data.{split}_sentences out to keep all sentences")),
        ));
    }
    if n_wanted > sentences.len() {
        let n = sentences.len();
        return Ok(Some(format!("data.{split}_sentences asks for {n_wanted} sentences, there are {n}: all are kept")));
    }
    let mut generator = Streams::new(seed).stream(&format!("corpus/subset/{split}"), &[]);
    let mut chosen = index::sample(&mut generator, sentences.len(), n_wanted).into_vec();
    chosen.sort_unstable();
    if let Some(origin) = origin {
        origin.lines = chosen.iter().map(|&index| origin.lines[index]).collect();
    }
    *sentences = chosen.into_iter().map(|index| std::mem::take(&mut sentences[index])).collect();
    Ok(None)
}

/// SHA-256 (hex) of the label names and of the words and labels of all splits.
///
/// Numbers of splits, sentences and words go into the hash, and each word with its length: text that is cut
/// differently, or moved to another split, has another fingerprint. The name and the scheme do not count.
pub fn fingerprint(corpus: &Corpus) -> String {
    let mut hash = Sha256::new();
    let number = |hash: &mut Sha256, n: usize| hash.update((n as u64).to_le_bytes());
    number(&mut hash, corpus.labels.len());
    for name in corpus.labels.names() {
        number(&mut hash, name.len());
        hash.update(name.as_bytes());
    }
    for split in [&corpus.train, &corpus.dev, &corpus.test] {
        number(&mut hash, split.len());
        for sentence in split {
            number(&mut hash, sentence.words.len());
            for word in &sentence.words {
                number(&mut hash, word.len());
                hash.update(word.as_bytes());
            }
            hash.update(&sentence.labels);
        }
    }
    hex(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(n: usize) -> Vec<Sentence> {
        (0..n).map(|i| Sentence { words: vec![i.to_string()], labels: vec![0].into() }).collect()
    }

    fn numbers(sentences: &[Sentence]) -> Vec<usize> {
        sentences.iter().map(|s| s.words[0].parse().unwrap()).collect()
    }

    #[test]
    fn a_choice_keeps_the_order_and_depends_on_the_seed() {
        let chosen = |seed| {
            let mut all = sentences(100);
            let lines = (0..100).map(|index| 10 * index).collect();
            let mut origin = Origin { path: "train.txt".into(), lines };
            assert_eq!(keep_some(&mut all, Some(&mut origin), 10, "train", seed).unwrap(), None);
            assert_eq!(origin.lines, numbers(&all).iter().map(|number| 10 * number).collect::<Vec<_>>());
            numbers(&all)
        };
        let first = chosen(1);
        assert_eq!(first.len(), 10);
        assert!(first.is_sorted());
        assert_eq!(first, chosen(1));
        assert_ne!(first, chosen(2));
    }

    #[test]
    fn keeping_nothing_is_refused_and_keeping_too_much_keeps_all() {
        assert!(matches!(keep_some(&mut sentences(3), None, 0, "dev", 1), Err(Error::Config(_))));
        let mut all = sentences(3);
        assert!(keep_some(&mut all, None, 4, "dev", 1).unwrap().unwrap().contains("there are 3"));
        assert_eq!(all.len(), 3);
    }
}
