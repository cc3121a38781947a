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
use std::path::Path;

use crate::Result;
use crate::error::{Error, Problem, printable};
use crate::files::sha256_hex;

use super::decode::{Decoded, Line};
use super::files::{Writing, iob2_tags, writing_of};
use super::layout::missing;
use super::read::{ConllFile, RawSentence, parse, read_bytes, written_tag};
use super::scheme::{Prefix, Tag};
use super::{Columns, Scheme, Split, files, json};

/// The labels to change: zero-based sentence and token → tag in IOB2.
pub type Edits = BTreeMap<(usize, usize), String>;

/// An annotated file, held with its text so that labels can be changed in it.
#[derive(Debug, Clone)]
pub struct EditableFile {
    file: ConllFile,
    columns: Option<Columns>,
    decoded: Decoded,
    /// SHA-256 (hex) of the bytes.
    fingerprint: String,
    writing: Writing,
    /// Whether the file alone decided how its tags are written.
    alone: bool,
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
    /// Reads a file by itself, in the usual columns or those named.
    ///
    /// # Errors
    /// [`Error::Data`] for what [`read_file`](super::read_file) and [`files::read`] refuse, but a file without a
    /// sentence is none, and for JSON lines; [`Error::Io`] if it cannot be read.
    pub fn read(path: &Path, columns: Option<&Columns>) -> Result<Self> {
        Self::parse(path, &read_bytes(path)?, columns, None)
    }

    /// Reads the file of a split of the corpus in `folder`, in the scheme that all its files are written in.
    ///
    /// # Errors
    /// [`Error::Data`] for what [`files::read`] refuses, if the folder has no such split, and for JSON lines.
    pub fn read_split(folder: &Path, split: Split, columns: Option<&Columns>) -> Result<Self> {
        let corpus = files::read(folder, columns)?;
        let file = corpus.split(split).ok_or_else(|| missing(folder, split))?;
        Self::parse(&file.path, &read_bytes(&file.path)?, columns, Some(corpus.writing))
    }

    fn parse(path: &Path, bytes: &[u8], columns: Option<&Columns>, writing: Option<Writing>) -> Result<Self> {
        let decoded = Decoded::new(path, bytes)?;
        if json::is_json(&decoded) {
            return Err(Error::Data(
                Problem::new("labels are changed in CoNLL columns, not in JSON lines")
                    .at(path)
                    .hint("`memoscope corpus perturb` with --rate 0 writes a copy in columns"),
            ));
        }
        let file = parse(&decoded, columns)?;
        let alone = writing.is_none();
        let writing = writing.map_or_else(|| writing_of(&[&file]), Ok)?;
        let tags = file.sentences.iter().map(|sentence| iob2_tags(writing, sentence)).collect();
        let fingerprint = sha256_hex(bytes);
        Ok(Self { file, columns: columns.cloned(), decoded, fingerprint, writing, alone, tags })
    }

    /// Where the file was read from.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// The scheme it is written in; IOB2 if it holds no entity.
    pub fn scheme(&self) -> Scheme {
        self.writing.scheme
    }

    /// How its tags are written.
    pub fn writing(&self) -> Writing {
        self.writing
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
        self.fingerprint.clone()
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
        let bytes = self.decoded.encode(&self.replace(&lines));
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
            let n = raw.tokens.len();
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
        if tag.contains(' ') && !self.line(raw.line(token)).text.contains('\t') {
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
        for (position, (word, written)) in raw.tokens.iter().zip(&raw.tags).enumerate() {
            // The neighbour that the tag's prefix depends on.
            let neighbour = match self.writing.scheme {
                Scheme::Iob1 => position.checked_sub(1),
                Scheme::Iob2 | Scheme::Io => None,
                Scheme::Bioes => position.checked_add(1),
            };
            let concerned =
                changed(Some(position)) || (changed(neighbour) && *written == self.in_scheme(&old_tags, position));
            let now = if concerned { self.in_scheme(&new_tags, position) } else { continue };
            if now != *written {
                lines.push(EditedLine {
                    line: raw.line(position),
                    sentence,
                    token: position,
                    word: word.clone(),
                    old: written.clone(),
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
        let prefix = match self.writing.scheme {
            Scheme::Io => return tag.entity_type.to_owned(),
            Scheme::Iob2 if begins => 'B',
            Scheme::Iob2 => 'I',
            Scheme::Iob1 => {
                let touches = position.checked_sub(1).is_some_and(|before| of_its_type(before).is_some());
                if begins && touches { 'B' } else { 'I' }
            }
            Scheme::Bioes => {
                let goes_on = of_its_type(position + 1).is_some_and(|next| next.prefix == Prefix::Inside);
                match (begins, goes_on, self.writing.bilou) {
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

    /// The file's text with the tags of these lines, given in order, replaced.
    fn replace(&self, edits: &[EditedLine]) -> String {
        let text = self.decoded.text.as_str();
        let mut out = String::with_capacity(text.len() + 8 * edits.len());
        let mut copied = 0;
        let mut edits = edits.iter().peekable();
        for line in self.decoded.lines() {
            let Some(edit) = edits.next_if(|edit| edit.line == line.number) else { continue };
            let written = written_tag(&line, self.columns.as_ref());
            let start = line.start + (written.as_ptr() as usize - line.text.as_ptr() as usize);
            out.push_str(&text[copied..start]);
            out.push_str(&edit.new);
            copied = start + written.len();
        }
        out.push_str(&text[copied..]);
        out
    }

    /// A line by its number.
    fn line(&self, number: usize) -> Line<'_> {
        self.decoded.lines().nth(number - 1).unwrap_or(Line { number, start: 0, text: "" })
    }

    /// Refuses new bytes that would be read with other labels than `expected`.
    fn read_back(&self, bytes: &[u8], expected: &[Vec<String>]) -> Result<()> {
        let file = parse(&Decoded::new(self.path(), bytes)?, self.columns.as_ref())?;
        let writing = if self.alone { writing_of(&[&file])? } else { self.writing };
        let differs = |(raw, tags): &(&RawSentence, &Vec<String>)| iob2_tags(writing, raw) != **tags;
        match file.sentences.iter().zip(expected).find(differs) {
            None if file.sentences.len() == expected.len() => Ok(()),
            found => {
                let what = match (self.writing.scheme, writing.scheme) {
                    (Scheme::Io, Scheme::Io) => {
                        "the file has no prefixes (IO): it cannot hold two entities of one type side by side".to_owned()
                    }
                    (before, now) => format!("once changed, the file would be read as {now} and no longer as {before}"),
                };
                let mut problem = Problem::new(what).at(self.path());
                problem.line = found.map(|(raw, _)| raw.line(0));
                Err(Error::Data(problem.hint("correct its invalid tags first: `memoscope corpus describe` names them")))
            }
        }
    }
}

fn parsed(tags: &[String]) -> Vec<Option<Tag<'_>>> {
    // They are IOB2, and none of them is malformed.
    tags.iter().map(|tag| Tag::parse(tag).unwrap_or(None)).collect()
}

#[cfg(test)]
mod tests;
