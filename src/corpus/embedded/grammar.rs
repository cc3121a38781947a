//! From a template to a sentence: slots filled, labels laid over the names, the surface tidied.

use rand::Rng;
use rand::distributions::{Distribution, WeightedIndex};
use rand_chacha::ChaCha8Rng;

use crate::Result;
use crate::corpus::Sentence;
use crate::error::Error;
use crate::random::Streams;

use super::entities::{EntityType, NameBook};
use super::names::{Part, capitalised};
use super::phrases::{number, phrases};
use super::templates::SUBJECTS;

/// Share of prose sentences that are given an opening, which has no name in it.
const OPENING_RATE: f64 = 0.2;
/// Share of prose sentences whose full stop gives way to a longer end, which has no name in it.
const CLOSING_RATE: f64 = 0.4;
/// How often another name is drawn where the sentence has it already.
const REDRAWS: usize = 4;

/// Writes the sentences of one part of the corpus, endlessly.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    names: NameBook,
    subjects: WeightedIndex<u32>,
    generator: ChaCha8Rng,
}

impl Writer {
    pub(super) fn new(part: Part, streams: Streams) -> Result<Self> {
        let subjects = WeightedIndex::new(SUBJECTS.iter().map(|subject| subject.weight))
            .map_err(|error| Error::Internal(format!("the subjects' weights: {error}")))?;
        let generator = streams.stream(part.purpose(), &[3]);
        Ok(Self { names: NameBook::new(part, streams), subjects, generator })
    }

    /// Writes the next sentence; its labels are ids of [`labels`](super::labels).
    pub(super) fn sentence(&mut self) -> Sentence {
        let subject = SUBJECTS[self.subjects.sample(&mut self.generator)];
        let template = subject.templates[self.generator.gen_range(0..subject.templates.len())];
        let (opens, closes) = (self.generator.gen_bool(OPENING_RATE), self.generator.gen_bool(CLOSING_RATE));
        if subject.prose && template.starts_with(|first: char| first == '{' || first.is_alphabetic()) {
            let template = if opens { format!("{{opening}} {template}") } else { template.to_owned() };
            match template.strip_suffix(" .") {
                Some(unfinished) if closes => self.write(&format!("{unfinished} {{closing}}")),
                _ => self.write(&template),
            }
        } else {
            self.write(template)
        }
    }

    fn write(&mut self, template: &str) -> Sentence {
        let mut sentence = Sentence::default();
        match template.strip_prefix('^') {
            Some(headline) => {
                self.expand(headline, &mut sentence);
                for word in &mut sentence.words {
                    *word = word.to_uppercase();
                }
            }
            None => {
                self.expand(template, &mut sentence);
                fit_articles(&mut sentence.words);
                capitalise_first(&mut sentence.words);
            }
        }
        sentence
    }

    /// Appends `text` to the sentence, its slots filled.
    fn expand(&mut self, text: &str, sentence: &mut Sentence) {
        for token in text.split(' ') {
            let slot =
                token.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).filter(|slot| !slot.contains('{'));
            let Some(slot) = slot else {
                outside(&self.fill_numbers(token), sentence);
                continue;
            };
            if let Some(digits) = number(slot, &mut self.generator) {
                outside(&digits, sentence);
            } else if let Some((entity_type, name)) = self.fresh_name(slot, sentence) {
                inside(entity_type, &name, sentence);
            } else if let Some(choices) = phrases(slot) {
                let choice = choices[self.generator.gen_range(0..choices.len())];
                self.expand(choice, sentence);
            }
        }
    }

    /// A name the sentence does not have yet, if one comes up soon: hardly anyone plays against himself.
    fn fresh_name(&mut self, slot: &str, sentence: &Sentence) -> Option<(EntityType, String)> {
        let mut drawn = self.names.name(slot, &mut self.generator)?;
        for _ in 0..REDRAWS {
            let first = drawn.1.split(' ').next().unwrap_or_default();
            if !sentence.words.iter().any(|word| word == first) {
                break;
            }
            drawn = self.names.name(slot, &mut self.generator)?;
        }
        Some(drawn)
    }

    /// A token such as `{small}.{two}`: numbers inside of a word.
    fn fill_numbers(&mut self, token: &str) -> String {
        let mut filled = String::new();
        let mut rest = token;
        while let Some((before, (slot, after))) =
            rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
        {
            filled.push_str(before);
            filled.push_str(&number(slot, &mut self.generator).unwrap_or_default());
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

fn outside(words: &str, sentence: &mut Sentence) {
    for word in words.split(' ') {
        sentence.words.push(word.to_owned());
        sentence.labels.push(0);
    }
}

fn inside(entity_type: EntityType, name: &str, sentence: &mut Sentence) {
    for (position, word) in name.split(' ').enumerate() {
        sentence.words.push(word.to_owned());
        // The inventory is O, then B- of each type, then I- of each type, both in the order of the types' names.
        let first = if position == 0 { 1 } else { 1 + EntityType::NAMES.len() as u8 };
        sentence.labels.push(first + entity_type as u8);
    }
}

/// Puts `a` or `an` as the next word asks.
fn fit_articles(words: &mut [String]) {
    for index in 1..words.len() {
        if words[index - 1] == "a" || words[index - 1] == "an" {
            let next = words[index].to_lowercase();
            let vowel = next.starts_with(['a', 'e', 'i', 'o']) && !next.starts_with("eu");
            let short_u = next.starts_with("un") && !next.starts_with("uni") || next.starts_with("um");
            words[index - 1] = if vowel || short_u { "an".into() } else { "a".into() };
        }
    }
}

/// Capitalises the first word with a letter in it.
fn capitalise_first(words: &mut [String]) {
    if let Some(word) = words.iter_mut().find(|word| word.chars().any(char::is_alphabetic)) {
        *word = capitalised(word);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::phrases::PHRASES;
    use super::*;

    fn slots(text: &str) -> Vec<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(slot, _)| slot).collect()
    }

    fn templates() -> impl Iterator<Item = &'static str> {
        SUBJECTS.iter().flat_map(|subject| subject.templates).copied()
    }

    #[test]
    fn there_are_many_templates_and_none_twice() {
        let distinct: BTreeSet<&str> = templates().collect();
        assert!(distinct.len() >= 200, "{}", distinct.len());
        assert_eq!(distinct.len(), templates().count());
    }

    #[test]
    fn every_slot_is_known_and_every_phrase_is_used() {
        let mut writer = Writer::new(Part::Train, Streams::new(1)).unwrap();
        let mut used = BTreeSet::new();
        let phrases_of_slots = PHRASES.iter().flat_map(|(_, phrases)| phrases.iter().copied());
        for slot in templates().chain(phrases_of_slots).flat_map(slots) {
            used.insert(slot);
            let known = number(slot, &mut writer.generator).is_some()
                || writer.names.name(slot, &mut writer.generator).is_some()
                || phrases(slot).is_some();
            assert!(known, "{{{slot}}} is unknown");
        }
        used.extend(["opening", "closing"]);
        for (slot, _) in PHRASES {
            assert!(used.contains(slot), "{{{slot}}} is never used");
        }
    }

    #[test]
    fn no_phrase_contains_itself() {
        fn depth(slot: &str, above: &[&str]) {
            assert!(!above.contains(&slot), "{{{slot}}} contains itself: {above:?}");
            for inner in phrases(slot).unwrap_or_default().iter().flat_map(|phrase| slots(phrase)) {
                depth(inner, &[above, &[slot]].concat());
            }
        }
        for (slot, _) in PHRASES {
            depth(slot, &[]);
        }
    }

    #[test]
    fn every_template_makes_a_labelled_sentence_without_slots_left() {
        let mut writer = Writer::new(Part::Dev, Streams::new(7)).unwrap();
        for template in templates() {
            let sentence = writer.write(template);
            assert_eq!(sentence.words.len(), sentence.labels.len());
            assert!(
                sentence.words.iter().all(|word| !word.is_empty() && !word.contains(['{', '}', ' '])),
                "{template}"
            );
        }
    }

    #[test]
    fn articles_and_capitals_fit() {
        let mut words: Vec<String> = "\" a early start , an useful day".split(' ').map(str::to_owned).collect();
        fit_articles(&mut words);
        capitalise_first(&mut words);
        assert_eq!(words.join(" "), "\" An early start , a useful day");
    }
}
