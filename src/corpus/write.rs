//! Sentences written in CoNLL columns, for [`read_file`](super::read_file) to read back.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::Result;
use crate::error::Error;
use crate::files::write_atomically;

use super::{Gold, LabelSet, Labels, Sentence};

/// The file beside a perturbed copy of a corpus; the columns of such a copy are token, gold tag, given tag.
pub const NOISE_FILE: &str = "noise.json";

/// Writes sentences, one word a line, columns separated by tabs, an empty line after each sentence.
///
/// The columns are the word, one for each entry of `extra` and, last, the sentence's own label, so that a reader finds
/// the words first and the labels last. An entry of `extra` has one label a word of each sentence.
///
/// # Errors
/// [`Error::Io`]; [`Error::Internal`] if an entry of `extra` has another shape than the sentences.
pub fn write_conll<K>(
    path: &Path,
    sentences: &[Sentence<K>],
    labels: &LabelSet,
    extra: &[&[Labels<Gold>]],
) -> Result<()> {
    let fits = |column: &[Labels<Gold>]| {
        column.len() == sentences.len() && column.iter().zip(sentences).all(|(ids, s)| ids.len() == s.words.len())
    };
    if !extra.iter().all(|column| fits(column)) {
        return Err(Error::Internal("an extra column has another shape than the sentences".into()));
    }
    write_atomically(path, |file| {
        let mut out = BufWriter::new(file);
        if sentences.first().and_then(|s| s.words.first()).is_some_and(|word| word.starts_with('\u{feff}')) {
            // A reader takes the first byte order mark for the file's own.
            write!(out, "\u{feff}").map_err(Error::io(path))?;
        }
        for (index, sentence) in sentences.iter().enumerate() {
            for (position, (word, &label)) in sentence.words.iter().zip(&sentence.labels).enumerate() {
                write!(out, "{word}").map_err(Error::io(path))?;
                for id in extra.iter().map(|column| column[index][position]).chain([label]) {
                    write!(out, "\t{}", labels.name(id)).map_err(Error::io(path))?;
                }
                writeln!(out).map_err(Error::io(path))?;
            }
            writeln!(out).map_err(Error::io(path))?;
        }
        out.flush().map_err(Error::io(path))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::corpus::{Given, read_file};

    fn words() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            "a",
            "\"",
            "\u{85}",
            "x\u{2028}y",
            "de la",
            "#",
            "#a",
            "-",
            "é",
            "O",
            "\u{feff}",
            "\u{feff}b",
            "\u{200b}",
        ])
        .prop_map(str::to_owned)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_written_is_read_back(
            text in prop::collection::vec(prop::collection::vec((words(), 0_u8..3, 0_u8..3), 1..6), 1..6)
        ) {
            let labels = LabelSet::new(["B-PER", "I-PER"]);
            let sentences: Vec<Sentence<Given>> = text.iter().map(|sentence| Sentence {
                words: sentence.iter().map(|(word, ..)| word.clone()).collect(),
                labels: sentence.iter().map(|&(_, given, _)| given).collect(),
            }).collect();
            let gold: Vec<Labels<Gold>> = text.iter().map(|s| s.iter().map(|&(.., gold)| gold).collect()).collect();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("train.txt");
            write_conll(&path, &sentences, &labels, &[&gold]).unwrap();
            let file = read_file(&path, Some(&"token,_,tag".parse().unwrap())).unwrap();
            prop_assert_eq!(file.n_columns, 3);
            prop_assert_eq!(file.sentences.len(), sentences.len());
            for ((raw, sentence), gold) in file.sentences.iter().zip(&sentences).zip(&gold) {
                prop_assert_eq!(&raw.tokens, &sentence.words);
                let given: Vec<&str> = sentence.labels.iter().map(|&id| labels.name(id)).collect();
                prop_assert_eq!(raw.tags.iter().map(String::as_str).collect::<Vec<_>>(), given);
                prop_assert_eq!(gold.len(), raw.tokens.len());
            }
            let middle = read_file(&path, Some(&"token,tag,_".parse().unwrap())).unwrap();
            let read: Vec<&str> = middle.sentences.iter().flat_map(|raw| raw.tags.iter().map(String::as_str)).collect();
            prop_assert_eq!(read, gold.iter().flat_map(|labels| labels.iter()).map(|&id| labels.name(id)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_column_of_another_shape_is_refused() {
        let sentences = [Sentence::<Given> { words: vec!["a".into()], labels: vec![0].into() }];
        let folder = tempfile::tempdir().unwrap();
        let error = write_conll(&folder.path().join("x"), &sentences, &LabelSet::new(["O"]), &[&[]]).unwrap_err();
        assert!(matches!(error, Error::Internal(_)));
    }
}
