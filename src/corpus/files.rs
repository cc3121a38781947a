//! A folder of annotated files: its splits read, their common scheme recognised, their tags turned into label ids.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::Result;
use crate::error::{Error, Problem};

use super::json;
use super::layout::{Split, find_splits};
use super::read::{ConllFile, RawSentence, read_file};
use super::scheme::{Evidence, Tag, is_valid_transition, recognise, to_iob2};
use super::{Corpus, LabelSet, Origin, Scheme, Sentence};

/// Most labels an inventory may have: ids are 8 bits.
pub const MAX_LABELS: usize = 256;

/// The annotated files of a corpus, as they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotatedFiles {
    /// The folder's name, or the file's.
    pub name: String,
    /// The files, in the order of [`Split::ALL`]; a file read by itself has no split.
    pub files: Vec<(Option<Split>, ConllFile)>,
    /// The scheme they are written in; IOB2 if they hold no entity.
    pub scheme: Scheme,
}

/// A word whose tag may not follow the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTransition {
    /// One-based line of the word; of the sentence's last word if the sentence ends too early (BIOES).
    pub line: usize,
    /// The tag before, `O` at the start of the sentence.
    pub from: String,
    /// The tag that may not follow, `O` at the end of the sentence.
    pub to: String,
}

/// Reads the splits of a folder, in CoNLL columns or as JSON lines ([`json`]), or a single file.
///
/// # Errors
/// [`Error::Data`] for whatever [`find_splits`], [`read_file`] and [`json::read`] refuse, a split without a sentence, tags that make up
/// no known scheme, splits in different schemes, and more than [`MAX_LABELS`] labels.
pub fn read(path: &Path) -> Result<AnnotatedFiles> {
    let files = if path.is_file() {
        vec![(None, read_file(path)?)]
    } else if let Some(folder) = json::find(path) {
        json::read(&folder)?.into_iter().map(|(split, file)| (Some(split), file)).collect()
    } else {
        let splits = find_splits(path)?;
        splits.into_iter().map(|(split, path)| Ok((Some(split), read_file(&path)?))).collect::<Result<_>>()?
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
    let scheme = common_scheme(files.iter().map(|(_, file)| file))?;
    Ok(AnnotatedFiles { name: name_of(path), files, scheme })
}

fn name_of(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.file_name().map_or_else(|| absolute.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// The scheme all files with an entity agree on.
pub(super) fn common_scheme<'a>(files: impl Iterator<Item = &'a ConllFile>) -> Result<Scheme> {
    let mut known: Option<(Scheme, &ConllFile)> = None;
    for file in files {
        let mut evidence = Evidence::default();
        for sentence in &file.sentences {
            evidence.add(sentence.parsed_tags());
        }
        let scheme = recognise(&evidence).map_err(|why| {
            Error::Data(Problem::new(why).at(&file.path).hint("convert the file to IOB2: `B-` opens every span"))
        })?;
        match (known, scheme) {
            (_, None) => {}
            (None, Some(scheme)) => known = Some((scheme, file)),
            (Some((first, _)), Some(scheme)) if first == scheme => {}
            (Some((first, other)), Some(scheme)) => {
                let what = format!("written in {scheme}, but {} is written in {first}", other.path.display());
                return Err(Error::Data(Problem::new(what).at(&file.path).hint("convert all splits to IOB2")));
            }
        }
    }
    Ok(known.map_or(Scheme::Iob2, |(scheme, _)| scheme))
}

impl AnnotatedFiles {
    /// The file of a split.
    pub fn split(&self, split: Split) -> Option<&ConllFile> {
        self.files.iter().find(|(of, _)| *of == Some(split)).map(|(_, file)| file)
    }

    /// The invalid transitions of a file under the corpus's scheme.
    pub fn invalid_transitions(&self, file: &ConllFile) -> Vec<InvalidTransition> {
        let text = |tag: Option<&str>| tag.unwrap_or("O").to_owned();
        let mut found = Vec::new();
        for sentence in &file.sentences {
            let tags: Vec<&str> = sentence.tags().collect();
            let parsed: Vec<Option<Tag<'_>>> = sentence.parsed_tags().collect();
            for position in 0..=parsed.len() {
                let before = position.checked_sub(1);
                let previous = before.and_then(|index| parsed[index]);
                let current = parsed.get(position).copied().flatten();
                if !is_valid_transition(self.scheme, previous, current) {
                    found.push(InvalidTransition {
                        line: sentence.line(position.min(parsed.len() - 1)),
                        from: text(before.map(|index| tags[index])),
                        to: text(tags.get(position).copied()),
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
            .map(|(_, file)| file.sentences.iter().map(|s| iob2_tags(self.scheme, s)).collect())
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
            words: raw.words().map(str::to_owned).collect(),
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
    /// As [`AnnotatedFiles::labelled`]; [`Error::Data`] for a single file, which has no train and dev split.
    pub fn corpus(&self) -> Result<Corpus> {
        let (labels, sentences) = self.labelled()?;
        let (mut train, mut dev, mut test) = (Vec::new(), Vec::new(), Vec::new());
        for ((split, file), sentences) in self.files.iter().zip(sentences) {
            match split {
                Some(Split::Train) => train = sentences,
                Some(Split::Dev) => dev = sentences,
                Some(Split::Test) => test = sentences,
                None => {
                    return Err(Error::Data(
                        Problem::new("this is a single file, and training needs a train and a dev split")
                            .at(&file.path)
                            .hint("give the folder that holds the files `train` and `dev`"),
                    ));
                }
            }
        }
        let origin = |wanted| {
            self.split(wanted).map(|file| Origin {
                path: file.path.clone(),
                lines: file.sentences.iter().map(|sentence| sentence.line(0)).collect(),
            })
        };
        let mut warnings = self.transition_warnings();
        warnings.extend(unseen_label_warnings(&labels, &train, [("dev", &dev), ("test", &test)]));
        Ok(Corpus {
            name: self.name.clone(),
            synthetic: false,
            labels,
            scheme: self.scheme,
            train,
            dev,
            test,
            train_origin: origin(Split::Train),
            dev_origin: origin(Split::Dev),
            fingerprint: String::new(),
            revision: None,
            warnings,
        })
    }

    fn transition_warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (_, file) in &self.files {
            let invalid = self.invalid_transitions(file);
            if let Some(first) = invalid.first() {
                let (path, scheme) = (file.path.display(), self.scheme);
                let InvalidTransition { line, from, to } = first;
                warnings.push(format!(
                    "{path}: {} invalid {scheme} transitions, the first at line {line} ({from} → {to}); kept as they are",
                    invalid.len()
                ));
            }
        }
        warnings
    }
}

/// The IOB2 tags of one sentence.
pub(super) fn iob2_tags(scheme: Scheme, sentence: &RawSentence) -> Vec<String> {
    let mut previous = None;
    let convert = |tag| {
        let converted = to_iob2(scheme, previous, tag);
        previous = tag;
        converted
    };
    sentence.parsed_tags().map(convert).collect()
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
