//! Episodes for a prototypical head (arXiv 2105.00828, section 5): a few sentences whose tokens make the centroids, and
//! a few that are judged with them, the rare class in both.
//!
//! Sentences are drawn anew for each step, without replacement within it: `support_with` that hold the rare class and
//! `support_others` that do not, then `query_with` and `query_others` from what is left. Where the rare class has fewer
//! than twice `support_with` sentences, half of them (at least one) support and up to `query_with` of the others are
//! judged; with a single one none is. Where the other sentences do not suffice, they are split in the same proportion
//! as asked for. What an episode's support lacks has the logit of an absent class there.
//!
//! Which sentences hold the rare class is a matter of their given labels, for that is what training sees: under label
//! noise they are more than hold it in truth.

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::data::EncodedSplit;
use crate::Result;
use crate::corpus::{SpanMode, SpanReader};
use crate::encode::{Batch, EncodedSentence};
use crate::error::{Error, Problem};
use crate::model::Episode;
use crate::random::Streams;

/// Episodic training of a prototypical head; ignored for other heads. The defaults are those of arXiv 2105.00828, section 5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EpisodeSettings {
    /// Total number of optimiser steps, distributed over the epochs; an epoch is the interval between two eval passes.
    pub steps: u64,
    /// Rare entity type without prefix; null selects the capped type, or otherwise the type with the fewest training
    /// sentences.
    pub class: Option<String>,
    /// Number of support sentences with the rare type.
    pub support_with: usize,
    /// Number of support sentences without it.
    pub support_others: usize,
    /// Maximum number of query sentences with the rare type.
    pub query_with: usize,
    /// Number of query sentences without it.
    pub query_others: usize,
}

impl Default for EpisodeSettings {
    fn default() -> Self {
        Self { steps: 756, class: None, support_with: 10, support_others: 100, query_with: 15, query_others: 20 }
    }
}

/// Most sentences of a kind in an episode.
const MOST_SENTENCES: usize = 10_000;

impl EpisodeSettings {
    /// Refuses a rare class that the tags do not have.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn check_class(&self, labels: &[String]) -> Result<()> {
        let reader = SpanReader::new(labels);
        match &self.class {
            Some(name) if !reader.types().contains(name) => Err(Error::Config(
                Problem::new(format!("train.episodes.class is `{name}`, which the data do not have"))
                    .hint(format!("they have {}", reader.types().join(", "))),
            )),
            _ => Ok(()),
        }
    }

    /// Refuses numbers that make no episode.
    pub(super) fn validate(&self) -> Result<()> {
        let refuse = |key: &str, what: &str, hint: &str| {
            Err(Error::Config(Problem::new(format!("train.episodes.{key} {what}")).hint(hint)))
        };
        if self.steps == 0 {
            return refuse("steps", "must be at least 1", "the paper's number is 756");
        }
        for (key, n) in [
            ("support_with", self.support_with),
            ("support_others", self.support_others),
            ("query_with", self.query_with),
            ("query_others", self.query_others),
        ] {
            if n > MOST_SENTENCES {
                return refuse(key, &format!("must be at most {MOST_SENTENCES}"), "an episode is computed at once");
            }
        }
        if self.support_with == 0 && self.query_with > 0 {
            return refuse(
                "support_with",
                "is 0, and query_with is not",
                "without support the rare class cannot be judged: set both to 0, or neither",
            );
        }
        if self.support_with + self.support_others == 0 {
            return refuse("support_others", "and support_with are both 0", "an episode needs support to learn from");
        }
        if self.query_with + self.query_others == 0 {
            return refuse("query_others", "and query_with are both 0", "an episode needs queries to learn from");
        }
        Ok(())
    }
}

/// The sentences of one episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draw {
    pub support: Vec<u32>,
    pub query: Vec<u32>,
}

/// Draws episodes from a training split.
#[derive(Debug)]
pub(super) struct Episodes {
    settings: EpisodeSettings,
    /// Sentences with the rare class.
    with: Vec<u32>,
    /// All others.
    others: Vec<u32>,
}

impl Episodes {
    /// Sorts the sentences of a split by whether they hold the rare class, by their given labels.
    ///
    /// # Errors
    /// [`Error::Config`] if there is no such type; [`Error::Data`] if there are not sentences enough for one support
    /// and one query.
    pub fn new(settings: &EpisodeSettings, train: &EncodedSplit, labels: &[String]) -> Result<Self> {
        let reader = SpanReader::new(labels);
        let mut sentences = vec![Vec::new(); reader.types().len()];
        for (i, labels) in (0u32..).zip(&train.targets) {
            let spans = reader.spans(labels, SpanMode::Default);
            for (entity_type, sentences) in sentences.iter_mut().enumerate() {
                if spans.iter().any(|span| usize::from(span.entity_type) == entity_type) {
                    sentences.push(i);
                }
            }
        }
        settings.check_class(labels)?;
        let class = match &settings.class {
            Some(name) => reader.types().iter().position(|known| known == name).unwrap_or_default(),
            // The rarest of the types that occur; of equal ones the first by name.
            None => (0..sentences.len())
                .filter(|&entity_type| !sentences[entity_type].is_empty())
                .min_by_key(|&entity_type| sentences[entity_type].len())
                .unwrap_or_default(),
        };
        let with = sentences.into_iter().nth(class).unwrap_or_default();
        let others: Vec<u32> = (0..train.targets.len() as u32).filter(|i| with.binary_search(i).is_err()).collect();
        let episodes = Self { settings: settings.clone(), with, others };
        let [support_with, query_with, support_others, query_others] = episodes.sizes();
        if support_with + support_others == 0 || query_with + query_others == 0 {
            return Err(Error::Data(
                Problem::new(format!(
                    "no episode can be made of {} training sentences: one has to support, another to be judged",
                    train.targets.len()
                ))
                .hint("give more sentences, or use model.head.kind = \"linear\""),
            ));
        }
        Ok(episodes)
    }

    /// Sentences with the rare class that support and that are judged, others that support and that are judged.
    fn sizes(&self) -> [usize; 4] {
        let s = &self.settings;
        let support_with = match self.with.len() {
            0 => 0,
            n => s.support_with.min((n / 2).max(1)),
        };
        let query_with = s.query_with.min(self.with.len() - support_with);
        let (wanted, there) = (s.support_others + s.query_others, self.others.len());
        let (support_others, query_others) = if there >= wanted {
            (s.support_others, s.query_others)
        } else {
            let query = (there * s.query_others).div_ceil(wanted).min(there);
            (there - query, query)
        };
        [support_with, query_with, support_others, query_others]
    }

    /// The episode of a step, one-based; of accumulated ones the `part`-th.
    pub fn draw(&self, streams: &Streams, step: u64, part: u64) -> Draw {
        let [support_with, query_with, support_others, query_others] = self.sizes();
        let mut stream = streams.stream("episode", &[step, part]);
        let mut draw = |from: &[u32], support: usize, query: usize| -> (Vec<u32>, Vec<u32>) {
            let mut chosen: Vec<u32> = from.choose_multiple(&mut stream, support + query).copied().collect();
            // A sample without replacement, whose order is not promised to be random.
            chosen.shuffle(&mut stream);
            let query = chosen.split_off(support);
            (chosen, query)
        };
        let (with, others) =
            (draw(&self.with, support_with, query_with), draw(&self.others, support_others, query_others));
        Draw { support: [with.0, others.0].concat(), query: [with.1, others.1].concat() }
    }
}

impl Draw {
    /// The episode as a batch.
    ///
    /// Of support sentences only the tokens in entities are read, for `O` has no centroid; a sentence without any is
    /// not computed at all. Dropout's draws aside, the gradient is the same.
    pub fn encode(&self, train: &EncodedSplit, classes: usize) -> Episode {
        let support: Vec<(u32, EncodedSentence)> = self
            .support
            .iter()
            .map(|&i| (i, train.in_entities(i)))
            .filter(|(_, sentence)| !sentence.words.is_empty())
            .collect();
        let query = self.query.iter().map(|&i| (i, &train.sentences[i as usize]));
        let batch = Batch::pack(support.iter().map(|(i, sentence)| (*i, sentence)).chain(query));
        let n_support: usize = support.iter().map(|(_, sentence)| sentence.words.len()).sum();
        let label = |row: usize| u32::from(train.target(batch.tokens[row]));
        let mut by_class = vec![Vec::new(); classes];
        for row in 0..n_support {
            by_class[label(row) as usize - 1].push(row as u32);
        }
        let queries = n_support..batch.tokens.len();
        let labels = queries.clone().map(label).collect();
        Episode { support: by_class, queries: queries.map(|row| row as u32).collect(), labels, batch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A split with `with` sentences of LOC, then `others` of PER, one token each.
    fn split(with: usize, others: usize) -> EncodedSplit {
        let sentence = EncodedSentence { subwords: vec![2, 7, 3], words: vec![(0, 1)], ..EncodedSentence::default() };
        let targets = [vec![vec![1u8]; with], vec![vec![2u8]; others]].concat();
        EncodedSplit {
            sentences: vec![sentence; with + others],
            first_row: (0..=with + others).collect(),
            numbers: (0..(with + others) as u32).collect(),
            targets,
        }
    }

    fn labels() -> Vec<String> {
        ["O", "B-LOC", "B-PER"].map(String::from).to_vec()
    }

    fn episodes(with: usize, others: usize) -> Episodes {
        let settings = EpisodeSettings { class: Some("LOC".into()), ..EpisodeSettings::default() };
        Episodes::new(&settings, &split(with, others), &labels()).unwrap()
    }

    #[test]
    fn episodes_have_the_papers_sizes() {
        assert_eq!(episodes(500, 500).sizes(), [10, 15, 100, 20]);
        assert_eq!(episodes(20, 500).sizes(), [10, 10, 100, 20]);
        // Half of what there is, if under 20.
        assert_eq!(episodes(15, 500).sizes(), [7, 8, 100, 20]);
        assert_eq!(episodes(5, 500).sizes(), [2, 3, 100, 20]);
        assert_eq!(episodes(1, 500).sizes(), [1, 0, 100, 20]);
        assert_eq!(episodes(0, 500).sizes(), [0, 0, 100, 20]);
    }

    #[test]
    fn too_few_others_are_split_in_proportion() {
        assert_eq!(episodes(500, 60).sizes(), [10, 15, 50, 10]);
        assert_eq!(episodes(500, 1).sizes(), [10, 15, 0, 1]);
        assert_eq!(episodes(500, 0).sizes(), [10, 15, 0, 0]);
    }

    #[test]
    fn support_and_queries_share_no_sentence() {
        let episodes = episodes(15, 130);
        let streams = Streams::new(3);
        let first = episodes.draw(&streams, 1, 0);
        assert_eq!((first.support.len(), first.query.len()), (107, 28));
        let mut all = [first.support.clone(), first.query.clone()].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 135);
        assert_eq!(first, episodes.draw(&streams, 1, 0));
        assert_ne!(first, episodes.draw(&streams, 2, 0));
    }

    #[test]
    fn the_rarest_class_is_taken_where_none_is_named() {
        let settings = EpisodeSettings::default();
        assert_eq!(Episodes::new(&settings, &split(30, 20), &labels()).unwrap().with.len(), 20);
        assert_eq!(Episodes::new(&settings, &split(10, 20), &labels()).unwrap().with.len(), 10);
    }

    #[test]
    fn what_makes_no_episode_is_refused() {
        let unknown = EpisodeSettings { class: Some("DNA".into()), ..EpisodeSettings::default() };
        let error = Episodes::new(&unknown, &split(5, 5), &labels()).unwrap_err().to_string();
        assert!(error.contains("train.episodes.class is `DNA`"), "{error}");
        let error = Episodes::new(&EpisodeSettings::default(), &split(1, 0), &labels()).unwrap_err().to_string();
        assert!(error.contains("no episode can be made of 1"), "{error}");
    }

    #[test]
    fn an_episode_sorts_support_by_class() {
        let train = split(4, 6);
        let draw = Draw { support: vec![0, 5, 1], query: vec![2, 9] };
        let episode = draw.encode(&train, 2);
        assert_eq!(episode.support, [vec![0, 2], vec![1]]);
        assert_eq!((episode.queries, episode.labels), (vec![3, 4], vec![1, 2]));
    }
}
