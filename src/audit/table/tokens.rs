//! The tokens of an annotated file, numbered through, as the rows of a table are compared with them.

use std::path::Path;

use crate::audit::Text;
use crate::corpus::EditableFile;

/// The tokens of an annotated file, those of the first sentence first.
#[derive(Debug)]
pub(in crate::audit) struct FileTokens<'a> {
    path: &'a Path,
    tokens: Vec<FileToken<'a>>,
    /// The number of each sentence's first token.
    starts: Vec<usize>,
}

/// One token of an annotated file.
#[derive(Debug, Clone, Copy)]
pub(in crate::audit) struct FileToken<'a> {
    /// Zero-based sentence.
    pub(in crate::audit) sentence: usize,
    /// Zero-based token in its sentence.
    pub(in crate::audit) token: usize,
    /// One-based line in the file.
    pub(in crate::audit) line: usize,
    /// The word.
    pub(in crate::audit) word: &'a str,
    /// Its tag in IOB2.
    pub(in crate::audit) iob2: &'a str,
    /// Its tag as the file writes it.
    pub(in crate::audit) written: &'a str,
}

impl<'a> FileToken<'a> {
    /// Its tag as the file writes it, or else in IOB2.
    pub(in crate::audit) fn label(&self, as_written: bool) -> &'a str {
        if as_written { self.written } else { self.iob2 }
    }
}

impl<'a> From<&'a EditableFile> for FileTokens<'a> {
    fn from(data: &'a EditableFile) -> Self {
        let sentences = data.sentences().iter().zip(data.tags()).enumerate();
        let tokens = sentences.flat_map(|(sentence, (raw, iob2))| {
            let columns = raw.tokens.iter().zip(&raw.tags).zip(iob2).enumerate();
            columns.map(move |(token, ((word, written), iob2))| {
                let line = raw.line(token);
                FileToken { sentence, token, line, word, iob2, written }
            })
        });
        Self::new(data.path(), tokens.collect())
    }
}

impl<'a> From<&'a Text> for FileTokens<'a> {
    fn from(text: &'a Text) -> Self {
        let tokens = text.sentences.iter().zip(&text.written).enumerate().flat_map(|(sentence, (of, written))| {
            let columns = of.words.iter().zip(&of.labels).zip(written).enumerate();
            columns.map(move |(token, ((word, &label), written))| {
                let line = text.line(sentence, token);
                FileToken { sentence, token, line, word, iob2: text.labels.name(label), written }
            })
        });
        Self::new(&text.path, tokens.collect())
    }
}

impl<'a> FileTokens<'a> {
    fn new(path: &'a Path, tokens: Vec<FileToken<'a>>) -> Self {
        let starts = (0..tokens.len()).filter(|&number| tokens[number].token == 0).collect();
        Self { path, tokens, starts }
    }

    /// Number of tokens.
    pub(in crate::audit) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The token of a number in the file, if it is there.
    pub(in crate::audit) fn get(&self, number: usize) -> Option<&FileToken<'a>> {
        self.tokens.get(number)
    }

    /// The tokens in order.
    pub(in crate::audit) fn iter(&self) -> impl Iterator<Item = &FileToken<'a>> {
        self.tokens.iter()
    }

    /// The number in the file of a sentence's token, if it is there.
    pub(in crate::audit) fn number(&self, sentence: usize, token: usize) -> Option<usize> {
        let number = self.starts.get(sentence)?.checked_add(token)?;
        self.tokens.get(number).filter(|found| found.sentence == sentence).map(|_| number)
    }

    /// The file's name, as messages show it.
    pub(in crate::audit) fn file(&self) -> std::path::Display<'_> {
        self.path.display()
    }
}
