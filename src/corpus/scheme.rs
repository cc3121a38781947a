//! Tag schemes: which one a file is written in, whether its sequences are valid, and the same spans in IOB2.
//!
//! **Recognition.** Files have violations of their own scheme, and a corpus with label noise has many, so the majority of
//! the evidence decides. Every span (a maximal run of tags that could be one entity) votes: its last tag is `E-` or `S-`
//! in BIOES (`L-` or `U-` in its synonym BILOU), `B-` or `I-` in IOB1 and IOB2. What tells the latter two apart is the
//! first tag: in IOB2 it is `B-`, so an `I-` that opens a span is a violation; in IOB1 a `B-` only stands right after a
//! span of the same type, so any other `B-` is one. A file is IOB1 only if nearly all its spans say so (at most one
//! needless `B-` in twenty), and IOB2 otherwise. IO, which has no prefixes, is a matter of notation
//! ([`Notation`](super::tags::Notation)).
//!
//! **Conversion never repairs.** Each tag is converted by itself: from IOB1 and IO an `I-` that opens a span becomes
//! `B-`; `S-` becomes `B-` and `E-` becomes `I-`; IOB2 stays as it is. An invalid IOB2 or BIOES sequence thus stays
//! visible as one, and a corpus with deliberately wrong labels is read back exactly.

use super::Scheme;

/// A tag other than `O`, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Where in its span the word stands.
    pub prefix: Prefix,
    /// `L-` or `U-` was written, for `E-` or `S-`.
    pub bilou: bool,
    /// The entity type.
    pub entity_type: &'a str,
}

/// Where in its span a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// `B-`.
    Begin,
    /// `I-`.
    Inside,
    /// `E-`, or `L-` in BILOU.
    End,
    /// `S-`, or `U-` in BILOU.
    Single,
}

/// The text is no tag of any scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedTag;

impl<'a> Tag<'a> {
    /// Takes a tag apart; `Ok(None)` is `O`.
    ///
    /// # Errors
    /// [`MalformedTag`] for anything but `O` or a known prefix, a hyphen and a type that is not empty.
    pub fn parse(text: &'a str) -> Result<Option<Self>, MalformedTag> {
        if text == "O" {
            return Ok(None);
        }
        let (prefix, entity_type) = text.split_once('-').ok_or(MalformedTag)?;
        let (prefix, bilou) = match prefix {
            "B" => (Prefix::Begin, false),
            "I" => (Prefix::Inside, false),
            "E" => (Prefix::End, false),
            "S" => (Prefix::Single, false),
            "L" => (Prefix::End, true),
            "U" => (Prefix::Single, true),
            _ => return Err(MalformedTag),
        };
        if entity_type.is_empty() { Err(MalformedTag) } else { Ok(Some(Self { prefix, bilou, entity_type })) }
    }
}

/// What speaks for which scheme, counted over a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SchemeCounts {
    /// Spans whose last tag is `E-` or `S-`, or a synonym.
    pub n_closed: usize,
    /// Spans whose last tag is `B-` or `I-`.
    pub n_unclosed: usize,
    /// `B-` tags.
    pub n_begin: usize,
    /// `S-` tags, or their synonyms.
    pub n_single: usize,
    /// `E-` and `S-` tags, or their synonyms.
    pub n_end_or_single: usize,
    /// `L-` and `U-` tags.
    pub n_bilou: usize,
    /// `I-` tags that open a span: violations of IOB2.
    pub n_opening_inside: usize,
    /// `B-` tags that do not stand right after a tag of their type: violations of IOB1.
    pub n_needless_begin: usize,
}

impl SchemeCounts {
    /// Counts one sentence.
    pub fn add<'a>(&mut self, tags: impl IntoIterator<Item = Option<Tag<'a>>>) {
        let mut previous: Option<Tag<'_>> = None;
        for tag in tags.into_iter().chain([None]) {
            if let Some(last) = previous {
                let goes_on = tag.is_some_and(|tag| {
                    tag.entity_type == last.entity_type && matches!(tag.prefix, Prefix::Inside | Prefix::End)
                });
                match last.prefix {
                    Prefix::End | Prefix::Single => self.n_closed += 1,
                    Prefix::Begin | Prefix::Inside => self.n_unclosed += usize::from(!goes_on),
                }
            }
            if let Some(tag) = tag {
                let continues = previous.is_some_and(|p| p.entity_type == tag.entity_type);
                self.n_bilou += usize::from(tag.bilou);
                match tag.prefix {
                    Prefix::Begin => {
                        self.n_begin += 1;
                        self.n_needless_begin += usize::from(!continues);
                    }
                    Prefix::Inside => self.n_opening_inside += usize::from(!continues),
                    Prefix::End => self.n_end_or_single += 1,
                    Prefix::Single => {
                        self.n_single += 1;
                        self.n_end_or_single += 1;
                    }
                }
            }
            previous = tag;
        }
    }

    /// The evidence of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            n_closed: self.n_closed + other.n_closed,
            n_unclosed: self.n_unclosed + other.n_unclosed,
            n_begin: self.n_begin + other.n_begin,
            n_single: self.n_single + other.n_single,
            n_end_or_single: self.n_end_or_single + other.n_end_or_single,
            n_bilou: self.n_bilou + other.n_bilou,
            n_opening_inside: self.n_opening_inside + other.n_opening_inside,
            n_needless_begin: self.n_needless_begin + other.n_needless_begin,
        }
    }

    /// The scheme that the evidence speaks for; `None` if there is no span.
    pub fn scheme(&self) -> Option<Scheme> {
        let Self { n_closed, n_unclosed, n_opening_inside, n_needless_begin, .. } = *self;
        if n_closed + n_unclosed == 0 {
            None
        } else if n_closed > n_unclosed {
            Some(Scheme::Bioes)
        } else if n_opening_inside > 0 && n_needless_begin * 20 <= n_opening_inside + n_needless_begin {
            Some(Scheme::Iob1)
        } else {
            Some(Scheme::Iob2)
        }
    }

    /// The scheme, if at least three spans speak for it and four fifths of those that speak for one of two schemes.
    pub fn clear_scheme(&self) -> Option<Scheme> {
        let scheme = self.scheme()?;
        let (support, against) = match scheme {
            Scheme::Bioes => (self.n_closed, self.n_unclosed),
            Scheme::Iob1 => (self.n_opening_inside, self.n_closed.max(self.n_needless_begin)),
            Scheme::Iob2 | Scheme::Io => (self.n_needless_begin, self.n_closed.max(self.n_opening_inside)),
        };
        (support >= 3 && support >= 4 * against).then_some(scheme)
    }

    /// Whether the tags are of an IOE scheme, which marks the ends of spans and not their beginnings.
    pub fn is_ioe(&self) -> bool {
        self.n_end_or_single > self.n_single && self.n_begin + self.n_single == 0
    }

    /// Whether most of the `E-` and `S-` tags are written `L-` and `U-`.
    pub fn is_bilou(&self) -> bool {
        2 * self.n_bilou > self.n_end_or_single
    }
}

/// Whether `current` may follow `previous`; `None` is `O`, and also the place before the first and after the last word.
pub fn is_valid_transition(scheme: Scheme, previous: Option<Tag<'_>>, current: Option<Tag<'_>>) -> bool {
    let same_type = matches!((previous, current), (Some(p), Some(c)) if p.entity_type == c.entity_type);
    let prefix = current.map(|tag| tag.prefix);
    match scheme {
        Scheme::Io => true,
        Scheme::Iob1 | Scheme::Iob2 => match prefix {
            Some(Prefix::Begin) => scheme == Scheme::Iob2 || same_type,
            Some(Prefix::Inside) => scheme == Scheme::Iob1 || same_type,
            Some(Prefix::End | Prefix::Single) => false,
            None => true,
        },
        Scheme::Bioes => {
            let open = previous.is_some_and(|tag| matches!(tag.prefix, Prefix::Begin | Prefix::Inside));
            if matches!(prefix, Some(Prefix::Inside | Prefix::End)) { open && same_type } else { !open }
        }
    }
}

/// The IOB2 tag of a token whose tag is `current` in `scheme`, after a token tagged `previous`.
pub fn to_iob2(scheme: Scheme, previous: Option<Tag<'_>>, current: Option<Tag<'_>>) -> String {
    let Some(tag) = current else { return "O".to_owned() };
    let begins = match (scheme, tag.prefix) {
        (_, Prefix::Begin | Prefix::Single) => true,
        (Scheme::Iob1 | Scheme::Io, Prefix::Inside) => previous.is_none_or(|p| p.entity_type != tag.entity_type),
        (_, Prefix::Inside | Prefix::End) => false,
    };
    format!("{}-{}", if begins { 'B' } else { 'I' }, tag.entity_type)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(tags: &str) -> Vec<Option<Tag<'_>>> {
        tags.split(' ').map(|tag| Tag::parse(tag).unwrap()).collect()
    }

    fn evidence(sentences: &[&str]) -> SchemeCounts {
        let mut evidence = SchemeCounts::default();
        for sentence in sentences {
            evidence.add(parse(sentence));
        }
        evidence
    }

    fn scheme_of(sentences: &[&str]) -> Option<Scheme> {
        evidence(sentences).scheme()
    }

    fn convert(scheme: Scheme, tags: &str) -> String {
        let tags = parse(tags);
        let previous = [None].into_iter().chain(tags.iter().copied());
        previous.zip(&tags).map(|(p, &c)| to_iob2(scheme, p, c)).collect::<Vec<_>>().join(" ")
    }

    fn n_invalid(scheme: Scheme, tags: &str) -> usize {
        let mut tags = parse(tags);
        tags.insert(0, None);
        tags.push(None);
        tags.windows(2).filter(|pair| !is_valid_transition(scheme, pair[0], pair[1])).count()
    }

    #[test]
    fn malformed_tags_are_refused() {
        for tag in ["X-FOO", "B", "B-", "o", "", "-PER", "BPER", "b-PER"] {
            assert_eq!(Tag::parse(tag), Err(MalformedTag), "{tag}");
        }
        assert_eq!(Tag::parse("B-cell-line").map(|t| t.map(|t| t.entity_type)), Ok(Some("cell-line")));
    }

    #[test]
    fn schemes_are_recognised() {
        assert_eq!(scheme_of(&["O O", "O"]), None);
        assert_eq!(scheme_of(&["B-X I-X O B-X"]), Some(Scheme::Iob2));
        assert_eq!(scheme_of(&["I-X I-X O I-X", "I-X B-X"]), Some(Scheme::Iob1));
        assert_eq!(scheme_of(&["B-X E-X O S-Y"]), Some(Scheme::Bioes));
        assert_eq!(scheme_of(&["U-X O B-Y I-Y L-Y"]), Some(Scheme::Bioes));
        assert!(evidence(&["U-X O B-Y I-Y L-Y"]).is_bilou());
        assert!(!evidence(&["U-X O B-Y I-Y E-Y S-X"]).is_bilou());
        assert!(evidence(&["I-X E-X O E-X"]).is_ioe());
        assert!(!evidence(&["S-X O S-X"]).is_ioe());
    }

    #[test]
    fn a_stray_tag_does_not_decide() {
        for stray in ["S-X", "E-X", "U-X", "L-X"] {
            assert_eq!(scheme_of(&["B-X I-X O B-X", stray, "B-Y O"]), Some(Scheme::Iob2), "{stray}");
        }
        assert_eq!(scheme_of(&["B-X E-X O S-X", "B-X O", "S-Y"]), Some(Scheme::Bioes));
        assert_eq!(scheme_of(&["B-X I-X O S-Y"]), Some(Scheme::Iob2));
        assert_eq!(n_invalid(Scheme::Iob2, "O S-X O"), 1);
        assert_eq!(convert(Scheme::Iob2, "B-X E-X O S-X"), "B-X I-X O B-X");
    }

    #[test]
    fn a_scheme_is_clear_from_three_spans_on() {
        assert_eq!(evidence(&["S-X O S-X"]).clear_scheme(), None);
        assert_eq!(evidence(&["S-X O S-X O S-X"]).clear_scheme(), Some(Scheme::Bioes));
        assert_eq!(evidence(&["B-X O B-X O B-X"]).clear_scheme(), Some(Scheme::Iob2));
        assert_eq!(evidence(&["I-X O I-X O I-X"]).clear_scheme(), Some(Scheme::Iob1));
        assert_eq!(evidence(&["B-X O B-X O B-X O I-X"]).clear_scheme(), None);
    }

    #[test]
    fn an_iob2_file_with_many_invalid_transitions_stays_iob2() {
        assert_eq!(scheme_of(&["I-X O I-X", "I-Y O B-X", "B-X I-X"]), Some(Scheme::Iob2));
    }

    #[test]
    fn conversion_keeps_spans_and_never_repairs() {
        assert_eq!(convert(Scheme::Iob1, "I-X I-X B-X O I-Y I-X"), "B-X I-X B-X O B-Y B-X");
        assert_eq!(convert(Scheme::Bioes, "B-X I-X E-X S-X O S-Y"), "B-X I-X I-X B-X O B-Y");
        assert_eq!(convert(Scheme::Bioes, "O E-X I-Y"), "O I-X I-Y");
        assert_eq!(convert(Scheme::Iob2, "O I-X B-X"), "O I-X B-X");
    }

    #[test]
    fn invalid_transitions_are_counted_by_the_scheme() {
        assert_eq!(n_invalid(Scheme::Iob2, "O I-X I-Y B-Y I-Y"), 2);
        assert_eq!(n_invalid(Scheme::Iob1, "B-X I-X B-X I-Y"), 1);
        assert_eq!(n_invalid(Scheme::Bioes, "B-X E-X S-Y B-X"), 1);
        assert_eq!(n_invalid(Scheme::Bioes, "B-X O E-X I-X"), 4);
    }

    /// Spans of one or two types, laid out one behind the other with gaps of zero or more words.
    fn layouts() -> impl Strategy<Value = Vec<(usize, &'static str, usize)>> {
        prop::collection::vec((0_usize..3, prop::sample::select(vec!["X", "Y"]), 1_usize..4), 1..8)
    }

    fn written(scheme: Scheme, layout: &[(usize, &str, usize)]) -> String {
        let mut tags: Vec<String> = Vec::new();
        for &(gap, kind, length) in layout {
            tags.extend(std::iter::repeat_n("O".to_owned(), gap));
            let touches = tags.last().is_some_and(|tag| tag.ends_with(kind));
            for position in 0..length {
                let (first, last) = (position == 0, position + 1 == length);
                let prefix = match scheme {
                    Scheme::Bioes if first && last => "S",
                    Scheme::Bioes if last => "E",
                    Scheme::Iob1 if first && touches => "B",
                    Scheme::Iob2 | Scheme::Bioes if first => "B",
                    _ => "I",
                };
                tags.push(format!("{prefix}-{kind}"));
            }
        }
        tags.join(" ")
    }

    proptest! {
        #[test]
        fn every_scheme_is_recognised_and_converts_to_the_same_tags(layout in layouts()) {
            let expected = written(Scheme::Iob2, &layout);
            for scheme in [Scheme::Iob1, Scheme::Iob2, Scheme::Bioes] {
                let tags = written(scheme, &layout);
                prop_assert_eq!(n_invalid(scheme, &tags), 0);
                prop_assert_eq!(convert(scheme, &tags), expected.clone());
            }
            let bioes = written(Scheme::Bioes, &layout);
            prop_assert_eq!(scheme_of(&[&bioes]), Some(Scheme::Bioes));
            prop_assert_eq!(scheme_of(&[&expected]), Some(Scheme::Iob2));
            let iob1 = written(Scheme::Iob1, &layout);
            prop_assert_eq!(scheme_of(&[&iob1]), Some(Scheme::Iob1));
        }
    }
}
