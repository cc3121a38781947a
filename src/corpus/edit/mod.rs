//! Labels changed in a file, everything else in it left byte for byte.
//!
//! A corpus is corrected to be compared with the one before and to be read by other programs, so a correction may touch
//! the last column of the lines concerned and nothing else: not the byte order mark, the line endings, the spaces, the
//! `-DOCSTART-` lines, the other columns.
//!
//! **The scheme is kept.** Labels are given in IOB2, as everywhere in this crate, and written as the file writes them.
//! In IOB1 the tag of a word depends on the word before (`B-` only where two spans touch), in BIOES and BILOU on the
//! word behind (`E-` and `S-`, or `L-` and `U-`); a word beside a changed one may thus need another tag though its label
//! stays. It gets one only if its tag was right before: like [`scheme`](super::scheme), nothing here repairs what was
//! wrong and nobody asked about.
//!
//! **The result is read back.** An invalid sequence may leave it to the rest of the file which scheme it is read in, and
//! an edit changes the rest. So the new bytes are returned only if the reader finds the expected labels in them.

use std::collections::BTreeMap;
use std::iter::once;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Result;
use crate::error::{Error, Problem, printable};

use super::files::{common_scheme, iob2_tags};
use super::read::{ConllFile, RawSentence, parse, read_bytes};
use super::scheme::{Prefix, Tag};
use super::{Scheme, Split, files};

/// The labels to change: zero-based sentence and token → tag in IOB2.
pub type Edits = BTreeMap<(usize, usize), String>;

/// An annotated file, held with its bytes so that labels can be changed in it.
#[derive(Debug, Clone)]
pub struct EditableFile {
    file: ConllFile,
    bytes: Vec<u8>,
    /// Where in `bytes` each line starts.
    starts: Vec<usize>,
    scheme: Scheme,
    /// `L-` and `U-` are written for `E-` and `S-`.
    bilou: bool,
    /// The tags of each sentence in IOB2.
    tags: Vec<Vec<String>>,
}

/// A file with labels changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The file's new bytes.
    pub bytes: Vec<u8>,
    /// The lines that differ, in order.
    pub lines: Vec<EditedLine>,
}

/// A line whose tag was rewritten.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EditedLine {
    /// One-based line in the file.
    pub line: usize,
    /// Zero-based sentence.
    pub sentence: usize,
    /// Zero-based token in its sentence.
    pub token: usize,
    /// The word.
    pub word: String,
    /// The tag as it was written.
    pub old: String,
    /// The tag as it is written now, in the file's scheme.
    pub new: String,
}

impl EditableFile {
    /// Reads a file by itself.
    ///
    /// # Errors
    /// [`Error::Data`] for what [`read_file`](super::read_file) and [`files::read`] refuse, but a file without a
    /// sentence is none; [`Error::Io`] if it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(path, read_bytes(path)?, None)
    }

    /// Reads the file of a split of the corpus in `folder`, in the scheme that all its files are written in.
    ///
    /// # Errors
    /// [`Error::Data`] for what [`files::read`] refuses, and if the folder has no such split.
    pub fn read_split(folder: &Path, split: Split) -> Result<Self> {
        let corpus = files::read(folder)?;
        let file = corpus.split(split).ok_or_else(|| {
            Error::Data(
                Problem::new(format!("there is no {} file in this folder", split.name()))
                    .at(folder)
                    .hint("give another split, or the file itself"),
            )
        })?;
        if file.path.extension().is_some_and(|extension| extension == "json") {
            return Err(Error::Data(
                Problem::new("labels are changed in CoNLL columns, not in JSON lines")
                    .at(&file.path)
                    .hint("`memoscope corpus perturb` with --rate 0 writes a copy in columns"),
            ));
        }
        Self::parse(&file.path, read_bytes(&file.path)?, Some(corpus.scheme))
    }

    fn parse(path: &Path, bytes: Vec<u8>, scheme: Option<Scheme>) -> Result<Self> {
        let file = parse(path, &bytes)?;
        let scheme = scheme.map_or_else(|| common_scheme(once(&file)), Ok)?;
        let bilou = file.sentences.iter().flat_map(RawSentence::parsed_tags).flatten().any(|tag| tag.bilou);
        let tags = file.sentences.iter().map(|sentence| iob2_tags(scheme, sentence)).collect();
        let starts =
            once(0).chain((1..).zip(&bytes).filter(|(_, byte)| **byte == b'\n').map(|(next, _)| next)).collect();
        Ok(Self { file, bytes, starts, scheme, bilou, tags })
    }

    /// Where the file was read from.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// The scheme it is written in; IOB2 if it holds no entity.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The sentences as they stand.
    pub fn sentences(&self) -> &[RawSentence] {
        &self.file.sentences
    }

    /// The tags of each sentence, in IOB2.
    pub fn tags(&self) -> &[Vec<String>] {
        &self.tags
    }

    /// SHA-256 (hex) of the file's bytes.
    pub fn fingerprint(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Changes labels. A label that is the word's already changes nothing, not even a tag that is oddly written.
    ///
    /// # Errors
    /// [`Error::Data`] if a sentence or token does not exist, a tag is none of IOB2 or cannot stand in the line, or the
    /// result would be read with other labels than these, which takes an invalid sequence.
    pub fn edit(&self, edits: &Edits) -> Result<Edited> {
        let mut expected = self.tags.clone();
        for (&(sentence, token), tag) in edits {
            self.check(sentence, token, tag)?;
            expected[sentence][token].clone_from(tag);
        }
        let mut lines = Vec::new();
        for (sentence, (old, new)) in self.tags.iter().zip(&expected).enumerate() {
            if old != new {
                self.rewrite(sentence, old, new, &mut lines);
            }
        }
        let bytes = self.replace(&lines);
        self.read_back(&bytes, &expected)?;
        Ok(Edited { bytes, lines })
    }

    /// Refuses an edit of what is not there, or with a tag that the line cannot hold.
    fn check(&self, sentence: usize, token: usize, tag: &str) -> Result<()> {
        let problem = |what: String| Problem::new(what).at(self.path());
        let Some(raw) = self.file.sentences.get(sentence) else {
            let n = self.file.sentences.len();
            let what = format!("there is no sentence {sentence}: the file has {n}, counted from 0");
            return Err(Error::Data(problem(what).hint("check that this is the file that is meant")));
        };
        let Some(present) = self.tags[sentence].get(token) else {
            let n = raw.rows.len();
            let what = format!("there is no token {token} in sentence {sentence}: it has {n}, counted from 0");
            let problem = problem(what).line(raw.line(0));
            return Err(Error::Data(problem.hint("check that this is the file that is meant")));
        };
        if present == tag {
            return Ok(());
        }
        let parsed = Tag::parse(tag).ok().filter(|tag| {
            tag.is_none_or(|tag| {
                matches!(tag.prefix, Prefix::Begin | Prefix::Inside) && !tag.entity_type.contains(char::is_control)
            })
        });
        let problem = |what: String| problem(what).line(raw.line(token));
        if parsed.is_none() {
            let what = format!("`{}` is no tag of IOB2", printable(tag));
            return Err(Error::Data(problem(what).hint("a tag is `O`, or `B-` or `I-` and a type")));
        }
        if tag.contains(' ') && !self.line(raw.line(token)).contains(&b'\t') {
            let what = format!("`{}` holds a space, and the line is separated by spaces", printable(tag));
            return Err(Error::Data(problem(what).hint("name the type without a space")));
        }
        Ok(())
    }

    /// Finds the lines of a sentence that must be written anew for its labels to be `new`.
    fn rewrite(&self, sentence: usize, old: &[String], new: &[String], lines: &mut Vec<EditedLine>) {
        let raw = &self.file.sentences[sentence];
        let (old_tags, new_tags) = (parsed(old), parsed(new));
        let changed = |position: Option<usize>| position.is_some_and(|p| old.get(p) != new.get(p));
        for (position, (word, written)) in raw.words().zip(raw.tags()).enumerate() {
            // The neighbour that the tag's prefix depends on.
            let neighbour = match self.scheme {
                Scheme::Iob1 => position.checked_sub(1),
                Scheme::Iob2 => None,
                Scheme::Bioes => position.checked_add(1),
            };
            let concerned =
                changed(Some(position)) || (changed(neighbour) && written == self.in_scheme(&old_tags, position));
            let now = if concerned { self.in_scheme(&new_tags, position) } else { continue };
            if now != written {
                lines.push(EditedLine {
                    line: raw.line(position),
                    sentence,
                    token: position,
                    word: word.to_owned(),
                    old: written.to_owned(),
                    new: now,
                });
            }
        }
    }

    /// How the file writes the tag at `position` of a sentence with these tags in IOB2.
    fn in_scheme(&self, tags: &[Option<Tag<'_>>], position: usize) -> String {
        let Some(tag) = tags[position] else { return "O".to_owned() };
        let begins = tag.prefix == Prefix::Begin;
        let of_its_type = |position: usize| {
            tags.get(position).copied().flatten().filter(|other| other.entity_type == tag.entity_type)
        };
        let prefix = match self.scheme {
            Scheme::Iob2 if begins => 'B',
            Scheme::Iob2 => 'I',
            Scheme::Iob1 => {
                let touches = position.checked_sub(1).is_some_and(|before| of_its_type(before).is_some());
                if begins && touches { 'B' } else { 'I' }
            }
            Scheme::Bioes => {
                let goes_on = of_its_type(position + 1).is_some_and(|next| next.prefix == Prefix::Inside);
                match (begins, goes_on, self.bilou) {
                    (true, true, _) => 'B',
                    (false, true, _) => 'I',
                    (true, false, false) => 'S',
                    (false, false, false) => 'E',
                    (true, false, true) => 'U',
                    (false, false, true) => 'L',
                }
            }
        };
        format!("{prefix}-{}", tag.entity_type)
    }

    /// The file's bytes with the tags of these lines, given in order, replaced.
    fn replace(&self, lines: &[EditedLine]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + 8 * lines.len());
        let mut copied = 0;
        for edit in lines {
            let end = self.tag_end(edit.line);
            out.extend_from_slice(&self.bytes[copied..end - edit.old.len()]);
            out.extend_from_slice(edit.new.as_bytes());
            copied = end;
        }
        out.extend_from_slice(&self.bytes[copied..]);
        out
    }

    /// A line without its line feed and the carriage return before it.
    fn line(&self, number: usize) -> &[u8] {
        let end = self.starts.get(number).map_or(self.bytes.len(), |next| next - 1);
        let line = &self.bytes[self.starts[number - 1]..end];
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// Where in the bytes the tag of a line ends: behind it there may be spaces, if these separate its columns.
    fn tag_end(&self, number: usize) -> usize {
        let line = self.line(number);
        let n_spaces =
            if line.contains(&b'\t') { 0 } else { line.iter().rev().take_while(|&&byte| byte == b' ').count() };
        self.starts[number - 1] + line.len() - n_spaces
    }

    /// Refuses new bytes that would be read with other labels than `expected`.
    fn read_back(&self, bytes: &[u8], expected: &[Vec<String>]) -> Result<()> {
        let file = parse(self.path(), bytes)?;
        let scheme = common_scheme(once(&file))?;
        let differs = |(raw, tags): &(&RawSentence, &Vec<String>)| iob2_tags(scheme, raw) != **tags;
        match file.sentences.iter().zip(expected).find(differs) {
            None if file.sentences.len() == expected.len() => Ok(()),
            found => {
                let what = format!("once changed, the file would be read as {scheme} and no longer as {}", self.scheme);
                let mut problem = Problem::new(what).at(self.path());
                problem.line = found.map(|(raw, _)| raw.line(0));
                Err(Error::Data(problem.hint("correct its invalid tags first: `memoscope corpus describe` names them")))
            }
        }
    }
}

fn parsed(tags: &[String]) -> Vec<Option<Tag<'_>>> {
    // As in `RawSentence::parsed_tags`: none of them is malformed.
    tags.iter().map(|tag| Tag::parse(tag).unwrap_or(None)).collect()
}

#[cfg(test)]
mod tests;
