//! Noise on whole entities, the mistakes annotators make.
//!
//! Every gold entity is hit by itself with the requested probability. A hit is one of four edits, drawn uniformly from
//! those its sentence and the label inventory allow:
//!
//! | edit | before | after |
//! | --- | --- | --- |
//! | type swap | `B-PER I-PER O` | `B-ORG I-ORG O` |
//! | span drop | `B-PER I-PER O` | `O O O` |
//! | span shift | `B-PER I-PER O` | `B-PER O O`, `O B-PER O` or `B-PER I-PER I-PER` |
//! | spurious span | `B-PER O O O` | `B-PER O B-LOC O` |
//!
//! A span grows only over tokens that are `O`, shrinks only to one token or more, and a spurious span (one to three
//! tokens, any type) takes tokens that are `O`, so no edit touches another entity and valid IOB2 stays valid. The rate
//! is one of entities: how many tokens get a wrong label depends on their lengths and is in the report.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::corpus::{Given, Gold, LabelSet, Labels, Span, SpanMode, SpanReader};
use crate::random::Streams;

/// `O`, by the contract of [`LabelSet`].
const OUTSIDE: u8 = 0;

/// Most tokens of a spurious span.
const LONGEST_SPURIOUS: usize = 3;

/// The labels of one entity type; a type need not have both in a corpus.
#[derive(Debug, Clone, Copy)]
struct TypeLabels {
    begin: Option<u8>,
    inside: Option<u8>,
}

impl TypeLabels {
    /// Whether a span of `length` tokens can be written.
    fn can_write(self, length: usize) -> bool {
        self.begin.is_some() && (length < 2 || self.inside.is_some())
    }
}

/// One way to change a sentence.
#[derive(Debug, Clone, Copy)]
enum Edit {
    /// Write `labels` over the tokens `start..end`, which may hold a span of another type.
    Write { labels: TypeLabels, start: usize, end: usize },
    /// Make the tokens `start..end` a span in place of the entity's own tokens.
    Move { labels: TypeLabels, start: usize, end: usize },
    /// Make the entity's tokens `O`.
    Drop,
}

pub(super) fn perturb(gold: &[Labels<Gold>], labels: &LabelSet, rate: f64, streams: &Streams) -> Vec<Labels<Given>> {
    let reader = SpanReader::from(labels);
    let id = |prefix: char, name: &str| labels.id(&format!("{prefix}-{name}"));
    let types: Vec<TypeLabels> =
        reader.types().iter().map(|name| TypeLabels { begin: id('B', name), inside: id('I', name) }).collect();
    let perturb_sentence = |(index, gold): (usize, &Labels<Gold>)| {
        let mut given = gold.clone().into_given();
        let mut generator = streams.stream("noise/entity", &[index as u64]);
        for span in reader.spans(gold, SpanMode::Default) {
            if generator.r#gen::<f64>() < rate
                && let Some(edit) = choose(&given, span, &types, &mut generator)
            {
                apply(&mut given, span, edit);
            }
        }
        given
    };
    gold.iter().enumerate().map(perturb_sentence).collect()
}

/// Draws an edit: first which of the four, then which of its possibilities. A drop is always possible.
fn choose(given: &[u8], span: Span, types: &[TypeLabels], generator: &mut ChaCha8Rng) -> Option<Edit> {
    let possible: Vec<Vec<Edit>> =
        [swaps(span, types), vec![Edit::Drop], shifts(given, span, types), spurious(given, types)]
            .into_iter()
            .filter(|edits| !edits.is_empty())
            .collect();
    possible.choose(generator)?.choose(generator).copied()
}

fn bounds(span: Span) -> (usize, usize) {
    (span.start as usize, span.end as usize)
}

fn swaps(span: Span, types: &[TypeLabels]) -> Vec<Edit> {
    let (start, end) = bounds(span);
    let others = types.iter().enumerate().filter(|(index, _)| *index != usize::from(span.entity_type));
    others
        .filter(|(_, labels)| labels.can_write(end - start))
        .map(|(_, &labels)| Edit::Write { labels, start, end })
        .collect()
}

fn shifts(given: &[u8], span: Span, types: &[TypeLabels]) -> Vec<Edit> {
    let (start, end) = bounds(span);
    let labels = types[usize::from(span.entity_type)];
    let is_free = |position: usize| given.get(position) == Some(&OUTSIDE);
    let mut targets = Vec::new();
    if end - start > 1 {
        targets.extend([(start + 1, end), (start, end - 1)]);
    }
    if start > 0 && is_free(start - 1) {
        targets.push((start - 1, end));
    }
    if is_free(end) {
        targets.push((start, end + 1));
    }
    let writable = targets.into_iter().filter(|(start, end)| labels.can_write(end - start));
    writable.map(|(start, end)| Edit::Move { labels, start, end }).collect()
}

fn spurious(given: &[u8], types: &[TypeLabels]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for start in 0..given.len() {
        let n_free = given[start..].iter().take(LONGEST_SPURIOUS).take_while(|&&label| label == OUTSIDE).count();
        for length in 1..=n_free {
            let writable = types.iter().filter(|labels| labels.can_write(length));
            edits.extend(writable.map(|&labels| Edit::Write { labels, start, end: start + length }));
        }
    }
    edits
}

fn apply(given: &mut [u8], span: Span, edit: Edit) {
    let (start, end) = bounds(span);
    match edit {
        Edit::Drop => given[start..end].fill(OUTSIDE),
        Edit::Write { labels, start, end } => write(given, labels, start, end),
        Edit::Move { labels, start: new_start, end: new_end } => {
            given[start..end].fill(OUTSIDE);
            write(given, labels, new_start, new_end);
        }
    }
}

fn write(given: &mut [u8], labels: TypeLabels, start: usize, end: usize) {
    for (position, label) in given.iter_mut().enumerate().take(end).skip(start) {
        let wanted = if position == start { labels.begin } else { labels.inside };
        *label = wanted.unwrap_or(OUTSIDE);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAGS: [&str; 5] = ["B-LOC", "B-ORG", "B-PER", "I-ORG", "I-PER"];

    /// Valid IOB2 over an inventory in which LOC only ever has one token.
    fn sentence() -> impl Strategy<Value = Labels<Gold>> {
        let labels = LabelSet::new(TAGS);
        let spans = prop::collection::vec((0_usize..4, 0_usize..3, 1_usize..4), 0..5);
        spans.prop_map(move |spans| {
            let mut tags = Vec::new();
            for (gap, kind, length) in spans {
                tags.extend(std::iter::repeat_n(0, gap));
                let name = ["LOC", "ORG", "PER"][kind];
                tags.extend(labels.id(&format!("B-{name}")));
                if kind > 0 {
                    tags.extend(std::iter::repeat_n(labels.id(&format!("I-{name}")).unwrap(), length - 1));
                }
            }
            Labels::from(tags)
        })
    }

    fn is_valid(tags: &[u8], labels: &LabelSet) -> bool {
        let reader = SpanReader::from(labels);
        reader.spans(tags, SpanMode::Default) == reader.spans(tags, SpanMode::Strict)
    }

    proptest! {
        #[test]
        fn valid_tags_stay_valid(
            gold in prop::collection::vec(sentence(), 1..8), rate in 0.0_f64..=1.0, seed in any::<u64>()
        ) {
            let labels = LabelSet::new(TAGS);
            let given = perturb(&gold, &labels, rate, &Streams::new(seed));
            for (gold, given) in gold.iter().zip(&given) {
                prop_assert_eq!(gold.len(), given.len());
                prop_assert!(is_valid(given, &labels), "{:?} became {:?}", gold, given);
            }
        }

        #[test]
        fn a_hit_changes_its_sentence_and_only_a_hit_does(gold in sentence(), seed in any::<u64>()) {
            let labels = LabelSet::new(TAGS);
            let n_entities = SpanReader::from(&labels).spans(&gold, SpanMode::Default).len();
            let gold = [gold];
            let untouched = perturb(&gold, &labels, 0.0, &Streams::new(seed));
            prop_assert_eq!(&untouched[0][..], &gold[0][..]);
            let touched = perturb(&gold, &labels, 1.0, &Streams::new(seed));
            if n_entities == 1 {
                prop_assert_ne!(&touched[0][..], &gold[0][..]);
            }
        }
    }

    #[test]
    fn entities_are_hit_at_the_requested_rate_and_every_edit_occurs() {
        let labels = LabelSet::new(TAGS);
        let begin = labels.id("B-PER").unwrap();
        let inside = labels.id("I-PER").unwrap();
        let gold = vec![Labels::from(vec![0, 0, begin, inside, 0, 0]); 10_000];
        let given = perturb(&gold, &labels, 0.3, &Streams::new(11));
        let hits: Vec<&Labels<Given>> = given.iter().filter(|given| given[..] != gold[0][..]).collect();
        assert!((hits.len() as f64 - 3000.0).abs() < 5.0 * (10_000.0 * 0.3 * 0.7_f64).sqrt(), "{}", hits.len());
        let organisation = labels.id("B-ORG").unwrap();
        let swapped = hits.iter().filter(|s| s[2] == organisation).count();
        let dropped = hits.iter().filter(|s| s.iter().all(|&l| l == 0)).count();
        let spurious = hits
            .iter()
            .filter(|s| {
                s[2] == begin
                    && s[3] == inside
                    && (s[0] != 0 || s[1] != 0 || s[5] != 0 || (s[4] != 0 && s[4] != inside))
            })
            .count();
        let shifted = hits.len() - swapped - dropped - spurious;
        for (edit, n) in [("swap", swapped), ("drop", dropped), ("spurious", spurious), ("shift", shifted)] {
            assert!((600..900).contains(&n), "{edit}: {n} of {}", hits.len());
        }
    }
}
