//! Class caps (arXiv 2105.00828, section 5): training sentences that hold an entity type are deleted, but for N.
//!
//! Which N stay is drawn once for a seed and a type: the sentences that stay at N are among those that stay at any
//! larger number, so a curve over N adds sentences and exchanges none. Dev and test are never touched.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::corpus::{Gold, LabelSet, Labels, SpanMode, SpanReader};
use crate::random::Streams;

use super::refusal;

/// Class cap: the entity type that is made rare, and the number of its sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CapSettings {
    /// Entity type without prefix, for example `LOC`.
    pub class: String,
    /// Number of training sentences with this type to keep.
    pub sentences: Option<usize>,
}

/// What a class cap did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapReport {
    /// The entity type.
    pub class: String,
    /// Training sentences with that type before the cap.
    pub available: usize,
    /// Those of them that stayed, by their number in the uncapped training split, ascending.
    pub kept: Vec<u32>,
    /// Training sentences before and after the cap.
    pub sentences: [usize; 2],
    /// Training tokens before and after the cap.
    pub tokens: [usize; 2],
    /// Gold entities of each type before and after the cap.
    pub entities: BTreeMap<String, [usize; 2]>,
}

impl CapReport {
    /// The other types that the cap left without a training example.
    pub fn types_lost(&self) -> Vec<&str> {
        let lost = |(name, n): &(&String, &[usize; 2])| **name != self.class && n[0] > 0 && n[1] == 0;
        self.entities.iter().filter(lost).map(|(name, _)| name.as_str()).collect()
    }
}

/// Refuses a cap that no corpus could be given.
pub(super) fn validate(cap: &CapSettings) -> Result<()> {
    if cap.class.is_empty() {
        return Err(refusal("perturb.cap.class", "is missing", "name an entity type, for example \"LOC\""));
    }
    if cap.sentences.is_none() {
        return Err(refusal(
            "perturb.cap.sentences",
            "is missing",
            "give the number of sentences with this entity type to keep",
        ));
    }
    Ok(())
}

/// The sentences that stay, by number, ascending, and what was done.
///
/// # Errors
/// [`crate::Error::Config`] if the corpus has no such type, fewer sentences with it in the training split than are to
/// stay, or nothing but such sentences.
pub(super) fn select(
    gold: &[Labels<Gold>],
    labels: &LabelSet,
    cap: &CapSettings,
    streams: &Streams,
) -> Result<(Vec<u32>, CapReport)> {
    validate(cap)?;
    let reader = SpanReader::from(labels);
    let Some(class) = reader.types().iter().position(|name| *name == cap.class) else {
        return Err(refusal(
            "class cap:",
            format!("the corpus has no entity type `{}`", cap.class),
            format!("it has {}", reader.types().join(", ")),
        ));
    };
    let mut counts = vec![[0, 0]; reader.types().len()];
    let spans: Vec<Vec<usize>> = gold
        .iter()
        .map(|labels| reader.spans(labels, SpanMode::Default).iter().map(|s| usize::from(s.entity_type)).collect())
        .collect();
    let (mut with, mut staying): (Vec<u32>, Vec<u32>) =
        (0..gold.len() as u32).partition(|&i| spans[i as usize].contains(&class));
    let (available, wanted) = (with.len(), cap.sentences.unwrap_or_default());
    if wanted > available {
        return Err(refusal(
            "class cap:",
            format!("{wanted} sentences with `{}` are to stay, and the training split has {available}", cap.class),
            format!("give {available} at most, or leave the cap out to keep all"),
        ));
    }
    with.shuffle(&mut streams.stream("cap", &[class as u64]));
    with.truncate(wanted);
    with.sort_unstable();
    staying.extend(&with);
    staying.sort_unstable();
    if staying.is_empty() {
        return Err(refusal(
            "class cap:",
            format!("{wanted} sentences are to stay, and every one holds `{}`: nothing would be left", cap.class),
            "keep at least one sentence",
        ));
    }
    let words = |sentences: &mut dyn Iterator<Item = usize>| sentences.map(|i| gold[i].len()).sum::<usize>();
    let tokens = [words(&mut (0..gold.len())), words(&mut staying.iter().map(|&i| i as usize))];
    for (i, types) in spans.iter().enumerate() {
        let stays = staying.binary_search(&(i as u32)).is_ok();
        for &name in types {
            counts[name][0] += 1;
            counts[name][1] += usize::from(stays);
        }
    }
    let report = CapReport {
        class: cap.class.clone(),
        available,
        kept: with,
        sentences: [gold.len(), staying.len()],
        tokens,
        entities: reader.types().iter().cloned().zip(counts).collect(),
    };
    Ok((staying, report))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels: O, B-LOC, B-PER. Three sentences with LOC, one of which has the only PER besides.
    fn small() -> (Vec<Labels<Gold>>, LabelSet) {
        let gold = [vec![0, 1], vec![0], vec![1, 2], vec![1], vec![0, 0]].map(Labels::from);
        (gold.to_vec(), LabelSet::new(["B-LOC", "B-PER"]))
    }

    fn capped(sentences: usize, seed: u64) -> (Vec<u32>, CapReport) {
        let (gold, labels) = small();
        let cap = CapSettings { class: "LOC".into(), sentences: Some(sentences) };
        select(&gold, &labels, &cap, &Streams::new(seed)).unwrap()
    }

    fn refused(class: &str, sentences: Option<usize>) -> String {
        let (gold, labels) = small();
        let cap = CapSettings { class: class.into(), sentences };
        select(&gold, &labels, &cap, &Streams::new(1)).unwrap_err().to_string()
    }

    #[test]
    fn without_the_class_all_others_stay() {
        let (staying, report) = capped(0, 1);
        assert_eq!(staying, [1, 4]);
        assert_eq!((report.available, report.sentences, report.tokens), (3, [5, 2], [8, 3]));
        assert_eq!(report.entities["LOC"], [3, 0]);
        assert_eq!(report.types_lost(), ["PER"]);
    }

    #[test]
    fn with_all_of_the_class_nothing_changes() {
        let (staying, report) = capped(3, 1);
        assert_eq!(staying, [0, 1, 2, 3, 4]);
        assert_eq!(report.kept, [0, 2, 3]);
        assert!(report.types_lost().is_empty());
    }

    #[test]
    fn fewer_sentences_are_among_more() {
        for seed in 0..20 {
            let kept: Vec<Vec<u32>> = (0..=3).map(|n| capped(n, seed).1.kept).collect();
            for pair in kept.windows(2) {
                assert_eq!(pair[1].len(), pair[0].len() + 1);
                assert!(pair[0].iter().all(|i| pair[1].contains(i)), "seed {seed}: {pair:?}");
            }
        }
    }

    #[test]
    fn what_the_corpus_does_not_have_is_refused() {
        assert!(refused("DNA", Some(1)).contains("class cap: the corpus has no entity type `DNA`"));
        assert!(refused("LOC", Some(4)).contains("4 sentences with `LOC` are to stay, and the training split has 3"));
        assert!(refused("LOC", None).contains("perturb.cap.sentences is missing"));
        assert!(refused("", Some(1)).contains("perturb.cap.class is missing"));
    }

    #[test]
    fn a_cap_that_leaves_nothing_is_refused() {
        let cap = CapSettings { class: "LOC".into(), sentences: Some(0) };
        let error = select(&[vec![1].into()], &small().1, &cap, &Streams::new(1)).unwrap_err().to_string();
        assert!(error.contains("nothing would be left"), "{error}");
    }
}
