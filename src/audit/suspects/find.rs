//! The search for suspects; the module above says how they are found.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::decode::Decoder;
use super::{Occurrence, Suspect, SuspectKind};
use crate::audit::collect::log_odds;
use crate::audit::score::Mentions;
use crate::audit::{Text, TokenEvidence, TokenScores};
use crate::corpus::{LabelSet, Span, SpanMode, SpanReader, TokenPosition};

/// Factor of the probability of `O` in the eager reading.
const EAGER: f64 = 0.1;
/// Other mentions of the same words that are needed before they count as evidence.
const MENTIONS: usize = 3;
/// Share of the other mentions that must agree with each other, and not with the given tags.
const MAJORITY: f64 = 0.75;
/// Mentions that a suspect carries along.
const SHOWN: usize = 5;
/// The least probability of an invalid tag sequence, which contains an error for certain.
const INVALID: f64 = 0.99;
/// How many times as probable as the repaired sequence another reading must be to be suggested in its place.
const REPAIR: f64 = 20.0;

/// A span of tokens with a suggestion.
struct Candidate {
    sentence: usize,
    words: Range<usize>,
    kind: SuspectKind,
    suggested: Vec<u8>,
}

/// The suspects of a text, most suspect first; each span of tokens is in one of them at most.
pub fn suspects(text: &Text, evidence: &TokenEvidence, scores: &TokenScores) -> Vec<Suspect> {
    let reader = SpanReader::from(&text.labels);
    let finder = Finder {
        text,
        evidence,
        decoder: Decoder::new(&text.labels),
        builder: Builder::new(&text.labels, &reader),
        reader,
    };
    let mut candidates: Vec<Candidate> = (0..text.sentences.len()).flat_map(|i| finder.candidates(i)).collect();
    candidates.extend(forgotten_mentions(text, &finder, &candidates));
    let wanted = candidates.iter().map(|candidate| (candidate.sentence, candidate.words.clone()));
    let mentions = Mentions::find(text, wanted);
    let mut suspects: Vec<Suspect> =
        candidates.into_iter().filter_map(|candidate| suspect(text, evidence, scores, &mentions, candidate)).collect();
    suspects
        .sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| (a.sentence, a.start).cmp(&(b.sentence, b.start))));
    for (rank, suspect) in (1..).zip(&mut suspects) {
        suspect.rank = rank;
    }
    suspects
}

/// Writes entities as labels.
struct Builder {
    /// The labels of the first and of the other tokens of each type, where the inventory has them.
    labels: Vec<(Option<u8>, Option<u8>)>,
}

impl Builder {
    fn new(labels: &LabelSet, reader: &SpanReader) -> Self {
        let id = |prefix: &str, name: &String| labels.id(&format!("{prefix}-{name}"));
        Self { labels: reader.types().iter().map(|name| (id("B", name), id("I", name))).collect() }
    }

    /// The labels of the tokens `words` with these entities in them; `None` if the inventory lacks one.
    fn write(&self, words: &Range<usize>, spans: &[Span]) -> Option<Vec<u8>> {
        let mut labels = vec![0; words.len()];
        for span in spans {
            let (begin, inside) = self.labels.get(usize::from(span.entity_type))?;
            for word in span.start..span.end {
                labels[(word as usize).checked_sub(words.start)?] =
                    if word == span.start { (*begin)? } else { (*inside)? };
            }
        }
        Some(labels)
    }
}

/// Finds the candidates of a sentence.
struct Finder<'a> {
    text: &'a Text,
    evidence: &'a TokenEvidence,
    decoder: Decoder,
    reader: SpanReader,
    builder: Builder,
}

impl Finder<'_> {
    /// Log-probabilities of the sentence's labels; where no model has judged a token, its given label is certain.
    fn weights(&self, sentence: usize, outside: f64) -> Vec<f64> {
        let k = self.text.labels.len();
        let tokens = self.text.tokens(sentence);
        let labels = &self.text.sentences[sentence].labels;
        let mut weights = Vec::with_capacity(tokens.len() * k);
        for (token, &given) in tokens.zip(labels) {
            for label in 0..k {
                let p = match self.evidence.judged[token] {
                    true => f64::from(self.evidence.probabilities[token * k + label]).max(1e-9),
                    false if label == usize::from(given) => 1.0,
                    false => 1e-9,
                };
                weights.push(p.ln() + if label == 0 { outside } else { 0.0 });
            }
        }
        weights
    }

    fn candidates(&self, sentence: usize) -> Vec<Candidate> {
        let labels = &self.text.sentences[sentence].labels;
        let given = self.reader.spans(labels, SpanMode::Default);
        let weights = self.weights(sentence, 0.0);
        let read = self.reader.spans(&self.decoder.best(&weights), SpanMode::Default);
        let invalid = invalid_words(&self.text.labels, labels);
        let mut found = Vec::new();
        let mut taken: Vec<Range<usize>> = Vec::new();
        for (words, given, read) in groups(&given, &read) {
            let first_invalid = invalid.partition_point(|&word| word < words.start);
            let is_invalid = invalid.get(first_invalid).is_some_and(|&word| word < words.end);
            let written = |read: Vec<Span>| Some((self.builder.write(&words, &read)?, read));
            let candidate = if is_invalid {
                // Repaired if there are the labels for it, unless the models are sure of something else.
                let repaired = written(given.clone());
                let better = |of: &(Vec<u8>, Vec<Span>)| match &repaired {
                    Some(repaired) => {
                        self.weight(&weights, &words, &of.0) - self.weight(&weights, &words, &repaired.0) > REPAIR.ln()
                    }
                    None => true,
                };
                let other = written(read).filter(better);
                other.or_else(|| repaired.clone()).or_else(|| written(self.other_reading(&weights, given.first()?)?))
            } else if given != read {
                written(read)
            } else {
                // Agreed upon: what else could it be?
                self.other_reading(&weights, &given[0]).and_then(written)
            };
            taken.push(words.clone());
            let Some((suggested, read)) = candidate else { continue };
            let kind = if is_invalid { SuspectKind::InvalidSequence } else { kind(&given, &read) };
            if suggested != labels[words.clone()] {
                found.push(Candidate { sentence, words, kind, suggested });
            }
        }
        let eager = self.decoder.best(&self.weights(sentence, EAGER.ln()));
        for span in self.reader.spans(&eager, SpanMode::Default) {
            let words = span.start as usize..span.end as usize;
            // Groups are in order and apart.
            let next = taken.partition_point(|other| other.end <= words.start);
            if taken.get(next).is_some_and(|other| other.start < words.end) {
                continue;
            }
            if let Some(suggested) = self.builder.write(&words, &[span]) {
                found.push(Candidate { sentence, words, kind: SuspectKind::Missed, suggested });
            }
        }
        found
    }

    /// The sum of the weights of these labels for these tokens.
    fn weight(&self, weights: &[f64], words: &Range<usize>, labels: &[u8]) -> f64 {
        let k = self.text.labels.len();
        words.clone().zip(labels).map(|(word, &label)| weights[word * k + usize::from(label)]).sum()
    }

    /// The best other reading of an entity's tokens: no entity, or one of another type.
    fn other_reading(&self, weights: &[f64], span: &Span) -> Option<Vec<Span>> {
        let k = self.text.labels.len();
        let words = span.start as usize..span.end as usize;
        let weight = |spans: &[Span]| -> Option<f64> {
            let labels = self.builder.write(&words, spans)?;
            Some(words.clone().zip(labels).map(|(word, label)| weights[word * k + usize::from(label)]).sum())
        };
        let mut best = (weight(&[])?, Vec::new());
        for entity_type in (0..self.reader.types().len() as u16).filter(|&t| t != span.entity_type) {
            let spans = vec![Span { entity_type, ..*span }];
            if let Some(weight) = weight(&spans).filter(|&weight| weight > best.0) {
                best = (weight, spans);
            }
        }
        Some(best.1)
    }
}

/// Tokens that are given as `O`, by the models' reading, too, and are an entity in almost all other places.
fn forgotten_mentions(text: &Text, finder: &Finder<'_>, candidates: &[Candidate]) -> Vec<Candidate> {
    let mut entities = Vec::new();
    for (i, sentence) in text.sentences.iter().enumerate() {
        let spans = finder.reader.spans(&sentence.labels, SpanMode::Default);
        entities.extend(spans.into_iter().map(|span| (i, span.start as usize..span.end as usize)));
    }
    let mentions = Mentions::find(text, entities.iter().cloned());
    // The end of each stretch that is taken, by sentence and start.
    let mut taken: BTreeMap<(usize, usize), usize> =
        candidates.iter().map(|candidate| ((candidate.sentence, candidate.words.start), candidate.words.end)).collect();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for (i, words) in entities {
        let surface = &text.sentences[i].words[words];
        if !seen.insert(surface) {
            continue;
        }
        let places = mentions.of(surface, None);
        let Some((majority, n)) = places.majority().filter(|_| places.len() > MENTIONS) else { continue };
        let is_entity = majority.iter().any(|&label| label != 0) && is_valid(&text.labels, majority);
        if !is_entity || (n as f64) < MAJORITY * (places.len() - 1) as f64 {
            continue;
        }
        for at in places.places_as(&vec![0; surface.len()]) {
            let (s, words) = (at.sentence as usize, usize::from(at.token)..usize::from(at.token) + surface.len());
            let before = taken.range(..(s, words.end)).next_back();
            if before.is_none_or(|(&(of, _), &end)| of < s || end <= words.start) {
                taken.insert((s, words.start), words.end);
                let kind = SuspectKind::Inconsistent;
                found.push(Candidate { sentence: s, words, kind, suggested: majority.to_vec() });
            }
        }
    }
    found
}

/// Tokens whose label may not follow the one before.
fn invalid_words(labels: &LabelSet, sequence: &[u8]) -> Vec<usize> {
    let name = |word: Option<usize>| word.map_or("O", |word| labels.name(sequence[word]));
    let continues = |word: usize| match name(Some(word)).strip_prefix("I-") {
        Some(entity_type) => name(word.checked_sub(1)).get(2..) == Some(entity_type),
        None => true,
    };
    (0..sequence.len()).filter(|&word| !continues(word)).collect()
}

fn is_valid(labels: &LabelSet, sequence: &[u8]) -> bool {
    invalid_words(labels, sequence).is_empty()
}

/// What is wrong with the given entities of a group if the read ones are right.
fn kind(given: &[Span], read: &[Span]) -> SuspectKind {
    match (given, read) {
        ([], _) => SuspectKind::Missed,
        (_, []) => SuspectKind::Spurious,
        ([one], [other]) if (one.start, one.end) == (other.start, other.end) => SuspectKind::WrongType,
        _ => SuspectKind::WrongBoundary,
    }
}

/// Groups of given and read entities that share tokens, with the tokens from first to last.
fn groups(given: &[Span], read: &[Span]) -> Vec<(Range<usize>, Vec<Span>, Vec<Span>)> {
    let mut all: Vec<(Span, bool)> = given.iter().map(|&s| (s, true)).chain(read.iter().map(|&s| (s, false))).collect();
    all.sort_by_key(|&(span, is_given)| (span.start, span.end, !is_given));
    let mut groups: Vec<(Range<usize>, Vec<Span>, Vec<Span>)> = Vec::new();
    for (span, is_given) in all {
        let words = span.start as usize..span.end as usize;
        match groups.last_mut() {
            Some((range, ..)) if words.start < range.end => range.end = range.end.max(words.end),
            _ => groups.push((words, Vec::new(), Vec::new())),
        }
        if let Some((_, given, read)) = groups.last_mut() {
            if is_given { given.push(span) } else { read.push(span) }
        }
    }
    groups
}

/// A candidate with its score and evidence; `None` where no model has judged the tokens that would change, unless they
/// are invalid as they stand.
fn suspect(
    text: &Text,
    evidence: &TokenEvidence,
    scores: &TokenScores,
    mentions: &Mentions<'_>,
    candidate: Candidate,
) -> Option<Suspect> {
    let Candidate { sentence, words, mut kind, mut suggested } = candidate;
    let source = &text.sentences[sentence];
    let given = &source.labels[words.clone()];
    let place = TokenPosition { sentence: sentence as u32, token: words.start as u16 };
    let elsewhere = mentions.of(&source.words[words.clone()], Some((place, given)));
    if elsewhere.len() >= MENTIONS
        && matches!(kind, SuspectKind::Spurious | SuspectKind::WrongType)
        && let Some((majority, n)) = elsewhere.majority()
        && n as f64 >= MAJORITY * elsewhere.len() as f64
        && majority != given
        && majority != suggested
        && is_valid(&text.labels, majority)
    {
        kind = SuspectKind::Inconsistent;
        suggested = majority.to_vec();
    }
    let token = |word: usize| text.offsets[sentence] + word;
    let changed: Vec<usize> =
        words.clone().filter(|&word| source.labels[word] != suggested[word - words.start]).map(token).collect();
    let largest = |values: &[f64]| changed.iter().map(|&t| values[t]).filter(|v| !v.is_nan()).reduce(f64::max);
    // That a sequence cannot be needs no model.
    let least = (kind == SuspectKind::InvalidSequence).then_some((log_odds(INVALID), INVALID));
    let (score, probability) = match (largest(&scores.score).zip(largest(&scores.probability)), least) {
        (Some((score, probability)), Some(least)) => (score.max(least.0), probability.max(least.1)),
        (found, least) => found.or(least)?,
    };
    let mean = |epoch: &Vec<f32>| {
        let known: Vec<f32> = words.clone().map(|word| epoch[token(word)]).filter(|loss| !loss.is_nan()).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f32>() / known.len() as f32)
    };
    let names = |labels: &[u8]| labels.iter().map(|&label| text.labels.name(label).to_owned()).collect();
    let line = |s: usize, word: usize| text.line(s, word) as u64;
    let occurrence = |(at, labels): (TokenPosition, &[u8])| Occurrence {
        sentence: at.sentence,
        line: line(at.sentence as usize, usize::from(at.token)),
        start: at.token,
        tags: names(labels),
    };
    Some(Suspect {
        rank: 0,
        sentence: sentence as u32,
        line: line(sentence, words.start),
        start: words.start as u16,
        end: words.end as u16,
        kind,
        words: source.words[words.clone()].to_vec(),
        given: names(given),
        suggested: names(&suggested),
        score,
        probability,
        held_out_loss: if evidence.held_out {
            evidence.held_out_loss.iter().filter_map(mean).collect()
        } else {
            Vec::new()
        },
        train_loss: evidence.train_loss.iter().filter_map(mean).collect(),
        elsewhere: elsewhere.len() as u32,
        elsewhere_as_given: elsewhere.n_as(given) as u32,
        elsewhere_as_suggested: elsewhere.n_as(&suggested) as u32,
        occurrences: elsewhere.nearest(place, given, SHOWN).into_iter().map(occurrence).collect(),
    })
}

#[cfg(test)]
mod tests;
