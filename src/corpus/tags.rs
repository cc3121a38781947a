//! Label names as people write them: cleaned, and read by one notation.
//!
//! Names of labels come from the last column of a file, from `label.json`, from a model's `id2label`, from a log, from a
//! table of corrections. All go through [`clean()`], and what their prefixes mean is decided once for all names that
//! belong together:
//!
//! * [`Notation::Prefixed`]: `O`, and a prefix of `B I E S L U`, a hyphen and a type (IOB1, IOB2, BIOES, BILOU);
//! * [`Notation::Bare`]: `O`, and types without a prefix (the IO scheme). Adjacent tokens of one type are one entity.
//!
//! A mixture of both is refused: there is no reading of `ORG` beside `B-ORG` that is right for all files.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::Scheme;
use super::scheme::{MalformedTag, Prefix, Tag, to_iob2};
use crate::error::is_hidden;

/// A label name without white space at either end and without hidden characters ([`is_hidden`]) anywhere, in Unicode's NFC.
///
/// `"B-PER\u{a0}"` and `"B-PER"` look alike, and so do the two spellings of `É`: compared byte by byte they would be
/// different types. The same is done to the type behind the prefix. Tokens are never changed.
pub fn clean(name: &str) -> Cow<'_, str> {
    let seen: Cow<'_, str> = match name.contains(is_invisible) {
        true => Cow::Owned(name.chars().filter(|&c| c == '\t' || !is_invisible(c)).collect()),
        false => Cow::Borrowed(name),
    };
    match seen {
        Cow::Borrowed(seen) => trimmed(seen),
        Cow::Owned(seen) => Cow::Owned(trimmed(&seen).into_owned()),
    }
}

/// A name without hidden characters, white space dropped around it and after its prefix, in NFC.
fn trimmed(name: &str) -> Cow<'_, str> {
    let trimmed = name.trim_matches(is_blank);
    let trimmed = match trimmed.split_once('-') {
        Some((prefix @ ("B" | "I" | "E" | "S" | "L" | "U"), kind)) if kind.starts_with(is_blank) => {
            Cow::Owned(format!("{prefix}-{}", kind.trim_start_matches(is_blank)))
        }
        _ => Cow::Borrowed(trimmed),
    };
    match unicode_normalization::is_nfc(&trimmed) {
        true => trimmed,
        false => Cow::Owned(trimmed.nfc().collect()),
    }
}

/// White space of any kind, and characters that take no place on the screen.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c) || c == '\u{2800}'
}

/// Characters that nobody sees, variation selectors among them.
fn is_invisible(c: char) -> bool {
    is_hidden(c) || matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// How the labels of an inventory are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// `O`, or a prefix, a hyphen and a type.
    Prefixed,
    /// `O`, or a type.
    Bare,
}

/// Why names make up no notation: what is wrong, and the names concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoNotation {
    /// What is wrong, in words.
    pub what: String,
    /// A name that shows it.
    pub name: String,
    /// A name that contradicts it, if it is a mixture.
    pub other: Option<String>,
}

impl Notation {
    /// The notation of cleaned names; prefixed if they are all `O`.
    ///
    /// # Errors
    /// [`NoNotation`] for an empty name, a prefix without a type, a mixture of names with and without prefix, prefixes
    /// that are not followed by a hyphen (`B_PER`) or stand behind the type (`PER-B`), and names without a prefix among
    /// which no `O` is.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, NoNotation> {
        let names: Vec<&str> = names.into_iter().collect();
        let refuse = |what: String, name: &str, other: Option<&str>| {
            Err(NoNotation { what, name: name.to_owned(), other: other.map(str::to_owned) })
        };
        let (mut prefixed, mut bare) = (None, None);
        for &name in &names {
            match Tag::parse(name) {
                Ok(None) => {}
                Ok(Some(_)) => prefixed = prefixed.or(Some(name)),
                Err(_) if is_incomplete(name) => {
                    return refuse(format!("`{name}` is not a tag: it has no entity type"), name, None);
                }
                Err(_) => bare = bare.or(Some(name)),
            }
        }
        match (prefixed, bare) {
            (_, None) => Ok(Self::Prefixed),
            (Some(with), Some(without)) => {
                let what = format!("`{without}` is not a tag: it has no known prefix, but `{with}` has one");
                refuse(what, without, Some(with))
            }
            (None, Some(without)) => {
                // A single type may look so (`Vitamin_B`); an inventory that does is written in another way.
                let all = |is: fn(&str) -> bool| names.iter().all(|name| *name == "O" || is(name));
                if all(prefix_written_otherwise) {
                    let what = format!("`{without}` is not a tag: its prefix is not followed by a hyphen");
                    return refuse(what, without, None);
                }
                if all(has_lower_case_prefix) {
                    let what = format!("`{without}` is not a tag: its prefix is in lower case");
                    return refuse(what, without, None);
                }
                if all(has_suffix) {
                    return refuse(format!("`{without}` is not a tag: its prefix is behind the type"), without, None);
                }
                if !names.contains(&"O") {
                    return refuse(format!("`{without}` is not a tag, and no token is labelled `O`"), without, None);
                }
                Ok(Self::Bare)
            }
        }
    }

    /// Takes a cleaned name apart; `Ok(None)` is `O`. A bare type is read as `I-` and the type, which is what it means.
    ///
    /// # Errors
    /// [`MalformedTag`] if the name is not written in this notation.
    pub fn parse(self, name: &str) -> Result<Option<Tag<'_>>, MalformedTag> {
        match self {
            Self::Prefixed => Tag::parse(name),
            Self::Bare if name == "O" => Ok(None),
            Self::Bare if name.is_empty() => Err(MalformedTag),
            Self::Bare => Ok(Some(Tag { prefix: Prefix::Inside, bilou: false, entity_type: name })),
        }
    }
}

/// A prefix, perhaps with its hyphen, and nothing behind it.
fn is_incomplete(name: &str) -> bool {
    name.is_empty() || matches!(name.strip_suffix('-').unwrap_or(name), "B" | "I" | "E" | "S" | "L" | "U" | "")
}

/// `B_PER`, `I:PER`: a prefix, then another mark than a hyphen.
fn prefix_written_otherwise(name: &str) -> bool {
    let mut characters = name.chars();
    matches!(characters.next(), Some('B' | 'I' | 'E' | 'S' | 'L' | 'U'))
        && characters
            .next()
            .is_some_and(|mark| matches!(mark, '_' | ':' | '.' | '/' | '|' | '–' | '—' | '‑' | '−' | '~' | '='))
}

/// `b-PER`, `i-per`.
fn has_lower_case_prefix(name: &str) -> bool {
    name.split_once('-')
        .is_some_and(|(prefix, kind)| matches!(prefix, "b" | "i" | "e" | "s" | "l" | "u") && !kind.is_empty())
}

/// `PER-B`, `PER_I`.
fn has_suffix(name: &str) -> bool {
    name.rsplit_once(['-', '_']).is_some_and(|(kind, mark)| !kind.is_empty() && matches!(mark, "B" | "I"))
}

/// The labels of a model or of a log: names by id, read by one notation.
///
/// ```
/// use memoscope::corpus::tags::Inventory;
///
/// let names = ["B-LOC", "L-LOC", "U-LOC", "I-LOC", "O"].map(String::from);
/// let labels = Inventory::read(&names).unwrap();
/// assert_eq!(labels.outside(), Some(4));
/// assert_eq!(labels.iob2(&[0, 1, 2]), ["B-LOC", "I-LOC", "B-LOC"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    names: Vec<String>,
    notation: Notation,
    scheme: Scheme,
}

impl Inventory {
    /// Reads the names of labels, by id.
    ///
    /// The scheme is what the inventory allows: BIOES with any `E-` or `S-` (or `L-`, `U-`), IO without prefixes, IOB1
    /// where a type has no `B-`, else IOB2.
    ///
    /// # Errors
    /// What is wrong in words, as [`Notation::of`].
    pub fn read<S: AsRef<str>>(names: &[S]) -> Result<Self, String> {
        let names: Vec<String> = names.iter().map(|name| clean(name.as_ref()).into_owned()).collect();
        let notation = Notation::of(names.iter().map(String::as_str)).map_err(|no| no.what)?;
        let scheme = scheme_of(&names, notation);
        Ok(Self { names, notation, scheme })
    }

    /// The names, cleaned, by id.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The id of `O`, if there is one.
    pub fn outside(&self) -> Option<u8> {
        self.names.iter().position(|name| name == "O").and_then(|id| u8::try_from(id).ok())
    }

    /// The scheme the labels belong to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The IOB2 tags of one sentence with these label ids; an id outside the inventory is `O`.
    pub fn iob2(&self, ids: &[u8]) -> Vec<String> {
        let mut previous = None;
        let tag = |id: u8| self.names.get(usize::from(id)).and_then(|name| self.notation.parse(name).unwrap_or(None));
        ids.iter()
            .map(|&id| {
                let current = tag(id);
                let converted = to_iob2(self.scheme, previous, current);
                previous = current;
                converted
            })
            .collect()
    }

    /// What a user should know about the reading: that names without prefix are read as IO.
    pub fn message(&self) -> Option<String> {
        (self.notation == Notation::Bare).then(|| IO_MESSAGE.to_owned())
    }
}

/// Said where names without a prefix are read.
pub const IO_MESSAGE: &str = "the labels have no prefix and are read as IO: adjacent tokens of one type are one entity";

fn scheme_of(names: &[String], notation: Notation) -> Scheme {
    if notation == Notation::Bare {
        return Scheme::Io;
    }
    let tags: Vec<Tag<'_>> = names.iter().filter_map(|name| Tag::parse(name).unwrap_or(None)).collect();
    if tags.iter().any(|tag| matches!(tag.prefix, Prefix::End | Prefix::Single)) {
        return Scheme::Bioes;
    }
    let begins = |kind: &str| tags.iter().any(|tag| tag.prefix == Prefix::Begin && tag.entity_type == kind);
    match tags.iter().all(|tag| begins(tag.entity_type)) {
        true => Scheme::Iob2,
        false => Scheme::Iob1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_makes_no_other_name() {
        for name in [
            "B-PER ",
            " B-PER",
            "B-PER\u{a0}",
            "B-PER\u{200b}",
            "B-PER\u{200e}",
            "\u{feff}B-PER\t",
            "B- PER",
            "B-P\u{200b}ER",
            "B-PER\u{206a}",
            "B-PER\u{3164}",
        ] {
            assert_eq!(clean(name), "B-PER", "{name:?}");
        }
        assert_eq!(clean("B-E\u{301}TAT"), "B-\u{c9}TAT");
        assert_eq!(clean("O\u{3000}"), "O");
        assert_eq!(clean("B- "), "B-");
        assert!(matches!(clean("B-cell line"), Cow::Borrowed("B-cell line")));
    }

    #[test]
    fn names_with_and_without_prefix_are_told_apart() {
        assert_eq!(Notation::of(["O", "B-X", "I-X"]), Ok(Notation::Prefixed));
        assert_eq!(Notation::of(["O"]), Ok(Notation::Prefixed));
        assert_eq!(Notation::of(["O", "ORG", "cell-line", "Vitamin_B", "E.coli"]), Ok(Notation::Bare));
        for (names, what) in [
            (&["O", "B-X", "ORG"][..], "`ORG` is not a tag: it has no known prefix, but `B-X` has one"),
            (&["O", "B-"], "`B-` is not a tag: it has no entity type"),
            (&["O", "B", "I"], "`B` is not a tag: it has no entity type"),
            (&["O", "B_PER"], "`B_PER` is not a tag: its prefix is not followed by a hyphen"),
            (&["O", "PER-B", "PER-I"], "`PER-B` is not a tag: its prefix is behind the type"),
            (&["O", "b-per", "i-per"], "`b-per` is not a tag: its prefix is in lower case"),
            (&["NN", "VBZ"], "`NN` is not a tag, and no token is labelled `O`"),
        ] {
            assert_eq!(Notation::of(names.iter().copied()).unwrap_err().what, what);
        }
    }

    #[test]
    fn an_inventory_knows_its_scheme_and_where_outside_is() {
        let read = |names: &[&str]| Inventory::read(names).unwrap();
        assert_eq!(read(&["O", "B-X", "I-X"]).scheme(), Scheme::Iob2);
        assert_eq!(read(&["B-X", "I-X", "I-Y", "O"]).scheme(), Scheme::Iob1);
        assert_eq!(read(&["O", "U-X", "B-X", "L-X"]).scheme(), Scheme::Bioes);
        assert_eq!(read(&["X", "O"]).scheme(), Scheme::Io);
        assert_eq!(read(&["B-X", "I-X", "O "]).outside(), Some(2));
        assert_eq!(read(&["B-X"]).outside(), None);
    }

    #[test]
    fn labels_are_converted_in_context() {
        let io = Inventory::read(&["O", "ORG", "PER"]).unwrap();
        assert_eq!(io.iob2(&[1, 1, 2, 0, 1, 9]), ["B-ORG", "I-ORG", "B-PER", "O", "B-ORG", "O"]);
        assert!(io.message().is_some());
        let iob1 = Inventory::read(&["O", "I-X", "I-Y", "B-X"]).unwrap();
        assert_eq!(iob1.iob2(&[1, 1, 3, 2]), ["B-X", "I-X", "B-X", "B-Y"]);
    }
}
