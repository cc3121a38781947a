//! A folder of annotated files: its splits read, their common scheme recognised, their tags turned into label ids.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::{Error, Problem, printable};

use super::decode::Decoded;
use super::layout::{Split, find_splits, missing};
use super::read::{self, ConllFile, RawSentence};
use super::scheme::{SchemeCounts, Tag, is_valid_transition, to_iob2};
use super::tags::{IO_MESSAGE, Notation};
use super::{Columns, Corpus, LabelSet, Origin, Scheme, Sentence, json};

/// Most labels an inventory may have: ids are 8 bits.
pub const MAX_LABELS: usize = 256;

/// The annotated files of a corpus, as they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotatedFiles {
    /// The folder's name, or the file's.
    pub name: String,
    /// The folder or file.
    pub path: PathBuf,
    /// The files, in the order of [`Split::ALL`]; a file read by itself has no split.
    pub files: Vec<(Option<Split>, ConllFile)>,
    /// How their tags are written.
    pub writing: Writing,
}

/// How the tags of a corpus are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing {
    /// With prefixes or without.
    pub notation: Notation,
    /// The scheme; IOB2 if there is no entity.
    pub scheme: Scheme,
    /// In BIOES, `L-` and `U-` are written for `E-` and `S-`.
    pub bilou: bool,
}

/// A token whose tag may not follow the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTransition {
    /// One-based line of the token; of the sentence's last token if the sentence ends too early (BIOES).
    pub line: usize,
    /// The tag before, `O` at the start of the sentence.
    pub from: String,
    /// The tag that may not follow, `O` at the end of the sentence.
    pub to: String,
}

/// Reads the splits of a folder that are there, or a single file, in CoNLL columns or as JSON lines ([`json`]).
///
/// # Errors
/// [`Error::Data`] for whatever [`find_splits`], [`read_file`](super::read_file) and [`json`] refuse, a split without a
/// sentence, and tags that make up no scheme or several; [`Error::Config`] if columns are named for JSON lines.
pub fn read(path: &Path, columns: Option<&Columns>) -> Result<AnnotatedFiles> {
    let files: Vec<(Option<Split>, ConllFile)> = if path.is_dir() {
        let read = |(split, path): (Split, PathBuf)| Ok((Some(split), read_file(&path, columns)?));
        find_splits(path)?.into_iter().map(read).collect::<Result<_>>()?
    } else {
        vec![(None, read_file(path, columns)?)]
    };
    for (_, file) in &files {
        if file.sentences.is_empty() {
            return Err(Error::Data(
                Problem::new("the file holds no sentence")
                    .at(&file.path)
                    .hint("put at least one annotated sentence in it"),
            ));
        }
    }
    let writing = writing_of(&files.iter().map(|(_, file)| file).collect::<Vec<_>>())?;
    Ok(AnnotatedFiles { name: name_of(path), path: path.to_owned(), files, writing })
}

fn read_file(path: &Path, columns: Option<&Columns>) -> Result<ConllFile> {
    let decoded = Decoded::read(path)?;
    match (json::is_json(&decoded), columns) {
        (false, columns) => read::parse(&decoded, columns),
        (true, None) => json::parse(&decoded),
        (true, Some(_)) => Err(Error::Config(
            Problem::new("columns are named, but the file holds JSON lines")
                .at(path)
                .hint("leave out `--columns` (data.columns): JSON lines have keys"),
        )),
    }
}

fn name_of(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.file_name().map_or_else(|| absolute.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// How the tags of files that belong together are written: the majority decides, over all files.
///
/// # Errors
/// [`Error::Data`] with file and line: names that are no tags, or some with prefixes and some without
/// ([`Notation::of`]); a file that is clearly written in another scheme than the others; as many `L-` and `U-` as `E-` and
/// `S-`; the IOE schemes.
pub(super) fn writing_of(files: &[&ConllFile]) -> Result<Writing> {
    let notation = notation_of(files)?;
    let evidence: Vec<SchemeCounts> = files
        .iter()
        .map(|file| {
            let mut evidence = SchemeCounts::default();
            file.sentences.iter().for_each(|sentence| evidence.add(sentence.parsed_tags(notation)));
            evidence
        })
        .collect();
    if notation == Notation::Bare {
        return Ok(Writing { notation, scheme: Scheme::Io, bilou: false });
    }
    let pooled = evidence.iter().copied().fold(SchemeCounts::default(), SchemeCounts::and);
    let scheme = pooled.scheme().unwrap_or(Scheme::Iob2);
    for (file, evidence) in files.iter().zip(&evidence) {
        match evidence.clear_scheme() {
            Some(own) if own != scheme => return Err(other_scheme(file, own, scheme)),
            _ => {}
        }
    }
    if scheme == Scheme::Bioes {
        if pooled.is_ioe() {
            let what = "the tags have `E-` but no `B-`: the IOE schemes are not known here".to_owned();
            return Err(mixed(files, what, &[|tag| tag.prefix == super::scheme::Prefix::End]));
        }
        if 2 * pooled.n_bilou == pooled.n_end_or_single {
            let what =
                "the tags mix BIOES (`E-`, `S-`) and BILOU (`L-`, `U-`), as many of one as of the other".to_owned();
            return Err(mixed(files, what, &[|tag| is_closing(tag) && !tag.bilou, |tag| tag.bilou]));
        }
    }
    Ok(Writing { notation, scheme, bilou: scheme == Scheme::Bioes && pooled.is_bilou() })
}

fn is_closing(tag: Tag<'_>) -> bool {
    matches!(tag.prefix, super::scheme::Prefix::End | super::scheme::Prefix::Single)
}

fn notation_of(files: &[&ConllFile]) -> Result<Notation> {
    let tags = || files.iter().flat_map(|file| &file.sentences).flat_map(|sentence| &sentence.tags).map(String::as_str);
    let names: BTreeSet<&str> = tags().collect();
    let no = match Notation::of(names.iter().copied()) {
        Ok(notation) => return Ok(notation),
        Err(no) => no,
    };
    // Of a mixture, the rarer kind is the mistake.
    let n_prefixed = tags().filter(|tag| matches!(Tag::parse(tag), Ok(Some(_)))).count();
    let n_others = tags().filter(|tag| Tag::parse(tag).is_err()).count();
    let (name, what) = match &no.other {
        Some(with) if n_prefixed < n_others => {
            (with, format!("`{}` has a prefix, but most tags have none, as `{}`", printable(with), printable(&no.name)))
        }
        _ => (&no.name, printable(&no.what)),
    };
    let is_json = files.iter().any(|file| file.sentences.iter().any(|sentence| sentence.on_one_line));
    let mut problem = Problem::new(what).hint(if is_json {
        "a tag is `O`, or `B-`, `I-`, `E-` or `S-` and a type"
    } else {
        "a tag is `O`, or `B-`, `I-`, `E-` or `S-` and a type, and stands in the last column; remove a header line; where the \
         tag stands in another column, name all columns, for example `--columns token,tag,_`"
    });
    if let Some((file, line)) = files.iter().find_map(|file| Some((file, first_line(file, |tag| tag == name)?))) {
        problem = problem.at(&file.path).line(line);
    }
    Err(Error::Data(problem))
}

/// The line of the first tag of a kind.
fn first_line(file: &ConllFile, is_meant: impl Fn(&str) -> bool) -> Option<usize> {
    file.sentences.iter().find_map(|sentence| {
        let index = sentence.tags.iter().position(|tag| is_meant(tag))?;
        Some(sentence.line(index))
    })
}

/// Refuses tags of several kinds, the first of each named with its line.
fn mixed(files: &[&ConllFile], what: String, kinds: &[fn(Tag<'_>) -> bool]) -> Error {
    let is = |kind: &fn(Tag<'_>) -> bool, tag: &str| Tag::parse(tag).unwrap_or(None).is_some_and(kind);
    let found = kinds.iter().filter_map(|kind| {
        files.iter().find_map(|file| Some((file.path.as_path(), first_line(file, |tag| is(kind, tag))?)))
    });
    let places: Vec<(&Path, usize)> = found.collect();
    let mut problem = Problem::new(what).hint("convert the file to IOB2: `B-` opens every span");
    if let Some((path, line)) = places.first() {
        problem = problem.at(path).line(*line);
    }
    if let Some((path, line)) = places.get(1) {
        problem.what.push_str(&format!(" (the first of the others: {}:{line})", path.display()));
    }
    Error::Data(problem)
}

/// Refuses a file that is clearly written in another scheme than its corpus.
fn other_scheme(file: &ConllFile, own: Scheme, scheme: Scheme) -> Error {
    let shows = file.sentences.iter().find_map(|sentence| {
        let tags: Vec<Option<Tag<'_>>> = sentence.parsed_tags(Notation::Prefixed).chain([None]).collect();
        let before = [None].into_iter().chain(tags.iter().copied());
        let at = before.zip(&tags).position(|(previous, tag)| !is_valid_transition(scheme, previous, *tag))?;
        // Where a sentence or span ends too early, the tag before shows the other scheme.
        let at = if tags[at].is_none() { at.saturating_sub(1) } else { at };
        Some((sentence.line(at), &sentence.tags[at]))
    });
    let mut problem = Problem::new(format!("written in {own}, but the other files are written in {scheme}"))
        .at(&file.path)
        .hint("convert all splits to IOB2");
    if let Some((line, tag)) = shows {
        problem = problem.line(line);
        problem.what = format!("`{}` is written in {own}, but the other files are written in {scheme}", printable(tag));
    }
    Error::Data(problem)
}

impl AnnotatedFiles {
    /// The file of a split.
    pub fn split(&self, split: Split) -> Option<&ConllFile> {
        self.files.iter().find(|(of, _)| *of == Some(split)).map(|(_, file)| file)
    }

    /// The invalid transitions of a file under the corpus's scheme.
    pub fn invalid_transitions(&self, file: &ConllFile) -> Vec<InvalidTransition> {
        let text = |tag: Option<&String>| tag.map_or("O", String::as_str).to_owned();
        let mut found = Vec::new();
        for sentence in &file.sentences {
            let tags = &sentence.tags;
            let parsed: Vec<Option<Tag<'_>>> = sentence.parsed_tags(self.writing.notation).collect();
            for position in 0..=parsed.len() {
                let before = position.checked_sub(1);
                let previous = before.and_then(|index| parsed[index]);
                let current = parsed.get(position).copied().flatten();
                if !is_valid_transition(self.writing.scheme, previous, current) {
                    found.push(InvalidTransition {
                        line: sentence.line(position.min(parsed.len() - 1)),
                        from: text(before.map(|index| &tags[index])),
                        to: text(tags.get(position)),
                    });
                }
            }
        }
        found
    }

    /// The sentences of every file as words and label ids in IOB2, with the inventory over all files.
    ///
    /// # Errors
    /// [`Error::Data`] with more than [`MAX_LABELS`] labels.
    pub fn labelled(&self) -> Result<(LabelSet, Vec<Vec<Sentence>>)> {
        let converted: Vec<Vec<Vec<String>>> = self
            .files
            .iter()
            .map(|(_, file)| file.sentences.iter().map(|s| iob2_tags(self.writing, s)).collect())
            .collect();
        let tags: BTreeSet<&str> = converted.iter().flatten().flatten().map(String::as_str).collect();
        let labels = LabelSet::new(tags);
        if labels.len() > MAX_LABELS {
            return Err(Error::Data(
                Problem::new(format!(
                    "{} has {} different tags, and {MAX_LABELS} is the most",
                    self.name,
                    labels.len()
                ))
                .hint("check that the last column holds the tag; merge or drop rare types"),
            ));
        }
        // At most 256 labels, as just seen: an index fits 8 bits.
        let ids: BTreeMap<&str, u8> =
            labels.names().iter().enumerate().map(|(id, name)| (name.as_str(), id as u8)).collect();
        let sentence = |raw: &RawSentence, tags: &Vec<String>| Sentence {
            words: raw.tokens.clone(),
            labels: tags.iter().map(|tag| ids.get(tag.as_str()).copied().unwrap_or(0)).collect(),
        };
        let sentences = (self.files.iter().zip(&converted))
            .map(|((_, file), tags)| file.sentences.iter().zip(tags).map(|(raw, tags)| sentence(raw, tags)).collect())
            .collect();
        Ok((labels, sentences))
    }

    /// The corpus these files make up, with a warning for what is odd but usable.
    ///
    /// # Errors
    /// As [`AnnotatedFiles::labelled`]; [`Error::Data`] for a single file and for a folder without train or dev.
    pub fn corpus(&self) -> Result<Corpus> {
        if let Some((None, file)) = self.files.first() {
            return Err(Error::Data(
                Problem::new("this is a single file, and training needs a train and a dev split")
                    .at(&file.path)
                    .hint("give the folder that holds the files `train` and `dev`"),
            ));
        }
        match [Split::Train, Split::Dev].into_iter().find(|split| self.split(*split).is_none()) {
            Some(split) => Err(missing(&self.path, split)),
            None => self.corpus_of_train(),
        }
    }

    /// The same for what needs no dev split: a single file is the training split, and dev may be empty.
    ///
    /// # Errors
    /// As [`AnnotatedFiles::labelled`]; [`Error::Data`] for a folder without train.
    pub fn corpus_of_train(&self) -> Result<Corpus> {
        if self.path.is_dir() && self.split(Split::Train).is_none() {
            return Err(missing(&self.path, Split::Train));
        }
        let (labels, sentences) = self.labelled()?;
        let (mut train, mut dev, mut test) = (Vec::new(), Vec::new(), Vec::new());
        for ((split, _), sentences) in self.files.iter().zip(sentences) {
            match split {
                Some(Split::Train) | None => train = sentences,
                Some(Split::Dev) => dev = sentences,
                Some(Split::Test) => test = sentences,
            }
        }
        let train_file = self.files.iter().find(|(split, _)| matches!(split, Some(Split::Train) | None));
        let train_origin = train_file.map(|(_, file)| Origin {
            path: file.path.clone(),
            lines: file.sentences.iter().map(|sentence| sentence.line(0)).collect(),
        });
        let mut warnings = self.notes();
        warnings.extend(self.transition_warnings());
        warnings.extend(unseen_label_warnings(&labels, &train, [("dev", &dev), ("test", &test)]));
        Ok(Corpus {
            name: self.name.clone(),
            synthetic: false,
            labels,
            scheme: self.writing.scheme,
            train,
            dev,
            test,
            train_origin,
            fingerprint: String::new(),
            revision: None,
            warnings,
        })
    }

    /// What a user should know about how the files were read, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.files.iter().flat_map(|(_, file)| file.notes.iter().cloned()).collect();
        if self.writing.scheme == Scheme::Io {
            notes.push(format!("{}: {IO_MESSAGE}", self.path.display()));
        }
        let bilou = self.writing.bilou;
        let strays =
            |tag: &str| Tag::parse(tag).unwrap_or(None).is_some_and(|tag| is_closing(tag) && tag.bilou != bilou);
        if self.writing.scheme == Scheme::Bioes
            && let Some((path, line)) =
                self.files.iter().find_map(|(_, file)| Some((file.path.display(), first_line(file, strays)?)))
        {
            let n =
                self.files.iter().flat_map(|(_, f)| &f.sentences).flat_map(|s| &s.tags).filter(|t| strays(t)).count();
            let (most, few) = if bilou { ("BILOU", "BIOES") } else { ("BIOES", "BILOU") };
            notes.push(format!(
                "{path}:{line}: the tags are written in {most}, but {n} in {few}, the first in this line"
            ));
        }
        notes
    }

    fn transition_warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (_, file) in &self.files {
            let invalid = self.invalid_transitions(file);
            if let Some(first) = invalid.first() {
                let (path, scheme) = (file.path.display(), self.writing.scheme);
                let InvalidTransition { line, from, to } = first;
                let n = invalid.len();
                let transitions = if n == 1 { "transition" } else { "transitions" };
                warnings.push(format!(
                    "{path}: {n} invalid {scheme} {transitions}, the first at line {line} ({from} → {to}); kept as they are"
                ));
            }
        }
        warnings
    }
}

/// The IOB2 tags of one sentence.
pub(super) fn iob2_tags(writing: Writing, sentence: &RawSentence) -> Vec<String> {
    let mut previous = None;
    let convert = |tag| {
        let converted = to_iob2(writing.scheme, previous, tag);
        previous = tag;
        converted
    };
    sentence.parsed_tags(writing.notation).map(convert).collect()
}

/// One warning a split whose labels are not all in train.
fn unseen_label_warnings(labels: &LabelSet, train: &[Sentence], others: [(&str, &Vec<Sentence>); 2]) -> Vec<String> {
    let used =
        |sentences: &[Sentence]| -> BTreeSet<u8> { sentences.iter().flat_map(|s| s.labels.iter().copied()).collect() };
    let in_train = used(train);
    let mut warnings = Vec::new();
    for (split, sentences) in others {
        let unseen: Vec<&str> = used(sentences).difference(&in_train).map(|&id| labels.name(id)).collect();
        if !unseen.is_empty() {
            warnings.push(format!("{split} has labels that never occur in train: {}", unseen.join(", ")));
        }
    }
    warnings
}
