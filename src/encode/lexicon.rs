//! A lexicon: whole words, and the characters they are written with, for encoders that read no subwords.
//!
//! Each word is one row of the word embedding. It is looked up in its form: in lower case, every digit a `0`; what the
//! lexicon has not is the unknown word, row 0. The characters are those of the word as it stands, row 0 again standing
//! for unknown ones.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::EncodedSentence;
use crate::Result;
use crate::error::{Error, Problem};

/// The file of a saved model that holds its lexicon.
pub const LEXICON_FILE: &str = "lexicon.json";

/// The row of what is not in the lexicon.
pub const UNKNOWN: u32 = 0;

/// Words and characters by their rows.
pub struct Lexicon {
    words: HashMap<String, u32>,
    characters: HashMap<char, u32>,
    files: Vec<(String, Vec<u8>)>,
}

/// The file: from row 1 on.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    words: Vec<String>,
    characters: Vec<char>,
}

/// How often each form and each character occurs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Forms.
    pub forms: BTreeMap<String, u64>,
    /// Characters of the words as they stand.
    pub characters: BTreeMap<char, u64>,
}

/// What a word is looked up as.
///
/// ```
/// assert_eq!(memoscope::encode::form("EU-27"), "eu-00");
/// ```
pub fn form(word: &str) -> String {
    word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>().to_lowercase()
}

impl Counts {
    /// Counts the words of sentences.
    pub fn of<'a, S: AsRef<str> + 'a>(sentences: impl IntoIterator<Item = &'a [S]>) -> Self {
        let mut counts = Self::default();
        for word in sentences.into_iter().flatten() {
            *counts.forms.entry(form(word.as_ref())).or_default() += 1;
            for character in word.as_ref().chars() {
                *counts.characters.entry(character).or_default() += 1;
            }
        }
        counts
    }

    /// The forms, the most frequent first, and of equally frequent ones by their text: those that occur once are the
    /// last.
    pub fn by_frequency(&self) -> Vec<(&str, u64)> {
        let mut forms: Vec<(&str, u64)> = self.forms.iter().map(|(form, &count)| (form.as_str(), count)).collect();
        forms.sort_by_key(|&(form, count)| (std::cmp::Reverse(count), form));
        forms
    }
}

impl Lexicon {
    /// The lexicon of these forms and characters, whose rows they have from 1 on.
    ///
    /// # Errors
    /// [`Error::Internal`] for one that is there twice.
    pub fn new(words: Vec<String>, characters: Vec<char>) -> Result<Self> {
        let content = Content { words, characters };
        let text = serde_json::to_vec_pretty(&content).map_err(|e| Error::Internal(e.to_string()))?;
        Self::from_content(content, text).map_err(|twice| Error::Internal(format!("a lexicon has {twice} twice")))
    }

    /// Reads the lexicon of a saved model.
    ///
    /// # Errors
    /// [`Error::Model`] if it is missing or broken.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        let path = folder.join(LEXICON_FILE);
        let refuse = |what: String| Problem::new(what).at(&path).hint("copy the file from where the model was saved");
        if !path.is_file() {
            return Err(Error::Model(refuse("there is no such file: the words that the encoder knows".into())));
        }
        let text = fs::read(&path).map_err(Error::io(&path))?;
        let content: Content = serde_json::from_slice(&text)
            .map_err(|e| Error::Model(refuse(format!("not a lexicon: {e}")).line(e.line())))?;
        Self::from_content(content, text).map_err(|twice| Error::Model(refuse(format!("{twice} is there twice"))))
    }

    /// The error is what is there twice.
    fn from_content(content: Content, text: Vec<u8>) -> Result<Self, String> {
        let (mut words, mut characters) = (HashMap::new(), HashMap::new());
        for (row, word) in (1..).zip(content.words) {
            if let Some(row) = words.insert(word, row) {
                return Err(format!("the word of row {row}"));
            }
        }
        for (row, character) in (1..).zip(content.characters) {
            if characters.insert(character, row).is_some() {
                return Err(format!("the character {character:?}"));
            }
        }
        Ok(Self { words, characters, files: vec![(LEXICON_FILE.into(), text)] })
    }

    /// Rows of the word embedding, the unknown word's included.
    pub fn n_words(&self) -> usize {
        self.words.len() + 1
    }

    /// Rows of the character embedding, the unknown character's included.
    pub fn n_characters(&self) -> usize {
        self.characters.len() + 1
    }

    /// The file a saved model needs, as (name, content).
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// The row of a word.
    pub fn word(&self, word: &str) -> u32 {
        self.words.get(&form(word)).copied().unwrap_or(UNKNOWN)
    }

    /// The rows of a word's characters.
    pub fn characters(&self, word: &str) -> Vec<u32> {
        word.chars().map(|c| self.characters.get(&c).copied().unwrap_or(UNKNOWN)).collect()
    }

    /// Encodes sentences, one subword a word; words behind `max_words` are lost, and an empty one has no subword.
    pub fn encode<'a, S: AsRef<str> + 'a>(
        &self,
        sentences: impl IntoIterator<Item = &'a [S]>,
        max_words: usize,
    ) -> Vec<EncodedSentence> {
        let encode = |words: &'a [S]| {
            let mut sentence = EncodedSentence::default();
            for (token, word) in words.iter().enumerate() {
                sentence.push_word(token, self.word(word.as_ref()), self.characters(word.as_ref()), max_words);
            }
            sentence
        };
        sentences.into_iter().map(encode).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexicon() -> Lexicon {
        Lexicon::new(vec!["the".into(), "in 0000".into(), "0000".into()], vec!['t', 'h', 'e', '1', 'T']).unwrap()
    }

    #[test]
    fn words_are_looked_up_in_their_form_and_characters_as_they_stand() {
        let words = ["The", "1996", "zebra", ""];
        let encoded = lexicon().encode([words.as_slice()], 9).remove(0);
        assert_eq!(encoded.subwords, [1, 3, 0]);
        assert_eq!(encoded.characters, [vec![5, 2, 3], vec![4, 0, 0, 0], vec![0, 3, 0, 0, 0]]);
        assert_eq!(encoded.words, [(0, 0), (1, 1), (2, 2)]);
        assert_eq!((encoded.truncated, encoded.without_subword), (0, 1));
        assert_eq!(lexicon().encode([words.as_slice()], 2).remove(0).truncated, 1);
    }

    #[test]
    fn a_saved_lexicon_is_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in lexicon().files() {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let again = Lexicon::from_folder(folder.path()).unwrap();
        assert_eq!((again.n_words(), again.n_characters()), (4, 6));
        assert_eq!(again.word("THE"), 1);
        assert_eq!(again.files(), lexicon().files());
    }

    #[test]
    fn a_broken_lexicon_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |text: Option<&str>| {
            if let Some(text) = text {
                fs::write(folder.path().join(LEXICON_FILE), text).unwrap();
            }
            let error = Lexicon::from_folder(folder.path()).err().unwrap();
            assert!(error.hint().is_some());
            error.to_string()
        };
        assert!(refused(None).contains("no such file"));
        assert!(refused(Some("{\"words\": [\n1]")).contains(":2:"));
        assert!(refused(Some(r#"{"words": ["a", "a"], "characters": []}"#)).contains("row 1"));
        assert!(refused(Some(r#"{"words": [], "characters": ["a", "a"]}"#)).contains("'a'"));
    }

    #[test]
    fn what_occurs_once_comes_last() {
        let sentences = [vec!["b", "The", "a", "the"], vec!["a", "1", "2"]];
        let counts = Counts::of(sentences.iter().map(Vec::as_slice));
        assert_eq!(counts.by_frequency(), [("0", 2), ("a", 2), ("the", 2), ("b", 1)]);
        assert_eq!(counts.characters[&'e'], 2);
    }
}
