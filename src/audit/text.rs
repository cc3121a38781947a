//! The audited text: one annotated file, its tokens numbered through.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::corpus::layout::find_splits;
use crate::corpus::read::LONG_SENTENCE;
use crate::corpus::{Columns, Corpus, Given, LabelSet, Origin, Scheme, Sentence, Split, files};
use crate::error::{Error, Problem, Result};
use crate::files::sha256_hex;
use crate::run::Fold;

/// One annotated file. Its tokens are numbered through, those of the first sentence first.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The file.
    pub path: PathBuf,
    /// Names of its columns; null for the usual ones.
    pub columns: Option<Columns>,
    /// SHA-256 (hex) of its bytes.
    pub fingerprint: String,
    /// The scheme it is written in.
    pub scheme: Scheme,
    /// The tag inventory in IOB2.
    pub labels: LabelSet,
    /// Its sentences with their given labels, tags converted to IOB2.
    pub sentences: Vec<Sentence<Given>>,
    /// The tags of each sentence as the file writes them.
    pub written: Vec<Vec<String>>,
    /// One-based line of each sentence's first token.
    pub lines: Vec<usize>,
    /// True if all tokens of a sentence stand on its first line, as in JSON lines.
    pub on_one_line: bool,
    /// Number of each sentence's first token; one more than there are sentences.
    pub offsets: Vec<usize>,
    /// Warnings about the file.
    pub warnings: Vec<String>,
}

impl Text {
    /// The file that `path` names: itself, or of a folder the file of a split.
    ///
    /// # Errors
    /// [`Error::Data`] if the folder has no such split.
    pub fn locate(path: &Path, split: Split) -> Result<PathBuf> {
        if !path.is_dir() {
            return Ok(path.to_owned());
        }
        let found = find_splits(path)?.into_iter().find(|(of, _)| *of == split).map(|(_, file)| file);
        found.ok_or_else(|| {
            Error::Data(
                Problem::new(format!("the folder has no {} split", split.name()))
                    .at(path)
                    .hint("name the file itself, or another split with --split"),
            )
        })
    }

    /// Reads a file in CoNLL columns, the usual ones or those named, or in JSON lines.
    ///
    /// # Errors
    /// [`Error::Data`] as [`files::read`], for a missing file, and for one without any tag but `O`.
    pub fn read(path: &Path, columns: Option<&Columns>) -> Result<Self> {
        let text = Self::read_any(path, columns)?;
        if text.labels.len() < 2 {
            return Err(Error::Data(
                Problem::new("the file has no tag but `O`: there is nothing to audit")
                    .at(path)
                    .hint("check that the last column holds the tags"),
            ));
        }
        Ok(text)
    }

    fn read_any(path: &Path, columns: Option<&Columns>) -> Result<Self> {
        if !path.exists() {
            return Err(Error::Data(Problem::new("there is no such file").at(path).hint("check the path")));
        }
        let annotated = files::read(path, columns)?;
        let (labels, mut sentences) = annotated.labelled()?;
        let (_, file) = annotated.files.first().ok_or_else(|| Error::Internal("a file was read as none".into()))?;
        let bytes = fs_err::read(path).map_err(Error::io(path))?;
        let sentences: Vec<_> = sentences.swap_remove(0).into_iter().map(Sentence::into_given).collect();
        let mut offsets = vec![0];
        offsets.extend(sentences.iter().scan(0, |sum, sentence| {
            *sum += sentence.words.len();
            Some(*sum)
        }));
        let invalid = annotated.invalid_transitions(file).len();
        // IOB1 and BIOES are converted tag by tag: what they do not allow may be good IOB2.
        let become_suspects = match annotated.writing.scheme {
            Scheme::Iob2 => "they become suspects",
            Scheme::Iob1 | Scheme::Bioes | Scheme::Io => "those that are invalid in IOB2, too, become suspects",
        };
        let mut warnings = annotated.notes();
        warnings.extend((invalid > 0).then(|| {
            format!("{}: {invalid} invalid {} transitions; {become_suspects}", path.display(), annotated.writing.scheme)
        }));
        Ok(Self {
            path: path.to_owned(),
            columns: columns.cloned(),
            fingerprint: sha256_hex(&bytes),
            scheme: annotated.writing.scheme,
            lines: file.sentences.iter().map(|sentence| sentence.line(0)).collect(),
            on_one_line: file.sentences.first().is_some_and(|sentence| sentence.on_one_line),
            written: file.sentences.iter().map(|sentence| sentence.tags.clone()).collect(),
            labels,
            sentences,
            offsets,
            warnings,
        })
    }

    /// Number of tokens.
    pub fn n_tokens(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// The tokens of a sentence.
    ///
    /// # Panics
    /// If there is no such sentence.
    pub fn tokens(&self, sentence: usize) -> Range<usize> {
        self.offsets[sentence]..self.offsets[sentence + 1]
    }

    /// The one-based line of a token.
    ///
    /// # Panics
    /// If there is no such sentence.
    pub fn line(&self, sentence: usize, token: usize) -> usize {
        self.lines[sentence] + if self.on_one_line { 0 } else { token }
    }

    /// The given label of each token.
    pub fn given(&self) -> Vec<u8> {
        self.sentences.iter().flat_map(|sentence| sentence.labels.iter().copied()).collect()
    }

    /// Refuses a number of folds that the sentences do not allow.
    ///
    /// # Errors
    /// [`Error::Data`] if there are fewer sentences than folds because nothing separates them; [`Error::Config`] as
    /// [`Fold::check`].
    pub fn require_folds(&self, folds: u32) -> Result<()> {
        let longest = self.sentences.iter().map(|sentence| sentence.words.len()).max().unwrap_or(0);
        if self.sentences.len() < folds as usize && longest >= LONG_SENTENCE {
            let sentences = if self.sentences.len() == 1 { "sentence" } else { "sentences" };
            return Err(Error::Data(
                Problem::new(format!(
                    "the file is read as {} {sentences}, the longest of {longest} tokens: it has no empty lines between \
                     sentences",
                    self.sentences.len()
                ))
                .at(&self.path)
                .hint("put an empty line after each sentence"),
            ));
        }
        Fold { folds, index: 0 }.check(&self.sentences)
    }

    /// The given labels again, from a file that holds the same words with other labels, gold labels for example. Its
    /// inventory may have tags that ours lacks, and comes with them, ours first. Its columns have the same names.
    ///
    /// # Errors
    /// [`Error::Data`] naming file and line where tokens differ or sentences are missing.
    pub fn aligned(&self, path: &Path) -> Result<(LabelSet, Vec<u8>)> {
        let other = Self::read_any(path, self.columns.as_ref())?;
        self.require_same_words(&other)?;
        // Ids of the joint inventory: ours keep their names, not their numbers.
        let joint = LabelSet::new(self.labels.names().iter().chain(other.labels.names()));
        let ids: Vec<u8> = other.labels.names().iter().map(|name| joint.id(name).unwrap_or(0)).collect();
        let labels = other.sentences.iter().flat_map(|s| s.labels.iter().map(|&id| ids[usize::from(id)])).collect();
        Ok((joint, labels))
    }

    /// Refuses a text that does not hold the same words, sentence by sentence.
    ///
    /// # Errors
    /// [`Error::Data`] naming the other file and its line where tokens differ or sentences are missing.
    pub fn require_same_words(&self, other: &Self) -> Result<()> {
        let differs = |line: usize, what: String| {
            Error::Data(
                Problem::new(what)
                    .at(&other.path)
                    .line(line)
                    .hint(format!("give the same text, sentence by sentence, as {}", self.path.display())),
            )
        };
        for (i, (ours, theirs)) in self.sentences.iter().zip(&other.sentences).enumerate() {
            if ours.words != theirs.words {
                let same = ours.words.iter().zip(&theirs.words).take_while(|(a, b)| a == b).count();
                let word =
                    |words: &[String]| words.get(same).map_or("the sentence\'s end".into(), |word| format!("{word:?}"));
                let what = format!(
                    "{} where line {} of the other file has {}",
                    word(&theirs.words),
                    self.line(i, same),
                    word(&ours.words)
                );
                return Err(differs(other.line(i, same), what));
            }
        }
        if self.sentences.len() != other.sentences.len() {
            // The first that is too many, or the last before those that are missing.
            let line = other.lines.get(self.lines.len()).or(other.lines.last()).copied().unwrap_or(1);
            let what = format!("{} sentences where there should be {}", other.sentences.len(), self.sentences.len());
            return Err(differs(line, what));
        }
        Ok(())
    }

    /// The text as a corpus whose training split it is; it has no other.
    pub fn corpus(&self) -> Corpus {
        let name = self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Corpus {
            name,
            synthetic: false,
            labels: self.labels.clone(),
            scheme: self.scheme,
            // A run of a corpus puts noise on gold labels. It puts none on these, and gives them to the trainer as they
            // are.
            train: self.sentences.iter().cloned().map(Sentence::assume_gold).collect(),
            dev: Vec::new(),
            test: Vec::new(),
            train_origin: Some(Origin { path: self.path.clone(), lines: self.lines.clone() }),
            fingerprint: self.fingerprint.clone(),
            revision: None,
            warnings: self.warnings.clone(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A text of `word/TAG`, a line a sentence, its tags taken to be IOB2.
    pub(in crate::audit) fn text(written: &str) -> Text {
        let rows: Vec<Vec<(&str, &str)>> =
            written.lines().map(|line| line.split(' ').map(|word| word.rsplit_once('/').unwrap()).collect()).collect();
        let labels = LabelSet::new(rows.iter().flatten().map(|(_, tag)| tag));
        let sentences: Vec<Sentence<Given>> = rows
            .iter()
            .map(|row| Sentence {
                words: row.iter().map(|(word, _)| (*word).to_owned()).collect(),
                labels: row.iter().map(|(_, tag)| labels.id(tag).unwrap()).collect(),
            })
            .collect();
        let (mut offsets, mut lines) = (vec![0], vec![1]);
        for sentence in &sentences {
            offsets.push(offsets[offsets.len() - 1] + sentence.words.len());
            lines.push(lines[lines.len() - 1] + sentence.words.len() + 1);
        }
        lines.pop();
        Text {
            path: "some.txt".into(),
            columns: None,
            fingerprint: String::new(),
            scheme: Scheme::Iob2,
            on_one_line: false,
            written: rows.iter().map(|row| row.iter().map(|(_, tag)| (*tag).to_owned()).collect()).collect(),
            labels,
            sentences,
            lines,
            offsets,
            warnings: Vec::new(),
        }
    }

    const OURS: &str = "-DOCSTART- O\n\nNew B-LOC\nYork I-LOC\n. O\n\n\nEU B-ORG\n";

    fn files(ours: &str, theirs: &str) -> (tempfile::TempDir, Text, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let [mine, other] = ["mine.txt", "other.txt"].map(|name| folder.path().join(name));
        fs_err::write(&mine, ours).unwrap();
        fs_err::write(&other, theirs).unwrap();
        let text = Text::read(&mine, None).unwrap();
        (folder, text, other)
    }

    fn refusal(theirs: &str) -> String {
        let (folder, text, other) = files(OURS, theirs);
        let error = text.aligned(&other).unwrap_err();
        assert!(matches!(error, Error::Data(_)));
        error.to_string().replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn tokens_are_numbered_through() {
        let (_folder, text, _) = files(OURS, "");
        assert_eq!((text.n_tokens(), text.tokens(0), text.tokens(1)), (4, 0..3, 3..4));
        assert_eq!(text.lines, [3, 8]);
        assert_eq!(text.labels.names(), ["O", "B-LOC", "B-ORG", "I-LOC"]);
        assert_eq!(text.given(), [1, 3, 0, 2]);
        assert!(text.warnings.is_empty());
    }

    #[test]
    fn other_labels_of_the_same_words_share_an_inventory() {
        let (_folder, text, other) = files(OURS, "New O\nYork B-CITY\n. O\n\nEU B-ORG\n");
        let (labels, gold) = text.aligned(&other).unwrap();
        assert_eq!(labels.names(), ["O", "B-CITY", "B-LOC", "B-ORG", "I-LOC"]);
        assert_eq!(gold, [0, 1, 0, 3]);
    }

    #[test]
    fn that_nothing_is_an_entity_may_be_the_truth() {
        let (_folder, text, other) = files(OURS, "New O\nYork O\n. O\n\nEU O\n");
        assert_eq!(text.aligned(&other).unwrap().1, [0; 4]);
        assert!(Text::read(&other, None).unwrap_err().to_string().contains("no tag but `O`"));
    }

    #[test]
    fn other_words_are_refused_by_their_line() {
        assert_eq!(
            refusal("New B-LOC\nYorck I-LOC\n. O\n\nEU B-ORG\n"),
            "other.txt:2: \"Yorck\" where line 4 of the other file has \"York\""
        );
        assert_eq!(
            refusal("New B-LOC\nYork I-LOC\n\nEU B-ORG\n"),
            "other.txt:3: the sentence's end where line 5 of the other file has \".\""
        );
        assert_eq!(
            refusal("New B-LOC\nYork I-LOC\n. O\n! O\n\nEU B-ORG\n"),
            "other.txt:4: \"!\" where line 6 of the other file has the sentence's end"
        );
    }

    #[test]
    fn sentences_that_are_missing_or_too_many_are_refused() {
        assert_eq!(refusal("New B-LOC\nYork I-LOC\n. O\n"), "other.txt:1: 1 sentences where there should be 2");
        assert_eq!(
            refusal("New B-LOC\nYork I-LOC\n. O\n\nEU B-ORG\n\none O\n\ntwo O\n"),
            "other.txt:7: 4 sentences where there should be 2"
        );
    }

    #[test]
    fn sentences_that_nothing_separates_are_named_as_the_cause() {
        let (_folder, text, _) = files(&"EU B-ORG\nsays O\n".repeat(LONG_SENTENCE), "");
        let error = text.require_folds(5).unwrap_err();
        assert!(
            error.to_string().contains("read as 1 sentence, the longest of 400 tokens: it has no empty lines"),
            "{error}"
        );
        let (_folder, text, _) = files(OURS, "");
        assert_eq!(text.require_folds(3).unwrap_err().hint(), Some("choose fewer folds"));
        text.require_folds(2).unwrap();
    }

    #[test]
    fn what_a_scheme_does_not_allow_is_said() {
        let warning = |tags: &str| files(tags, "").1.warnings.join("");
        assert!(warning("a B-X\nb O\nc I-X\n").ends_with("1 invalid IOB2 transitions; they become suspects"));
        assert!(
            warning("a S-X\nb S-X\nc B-X\nd E-X\n\ne B-X\nf O\n")
                .contains("1 invalid BIOES transitions; those that are invalid in IOB2")
        );
    }
}
