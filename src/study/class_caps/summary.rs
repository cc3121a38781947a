//! The numbers of a study of class caps: of each run for each class, then of each cell of the grid over its seeds.

use super::grid::Place;
use crate::analysis::{ClassAnalysis, ClusterShares, RunAnalysis, Separation};
use crate::config::Initialization;
use crate::error::Result;
use crate::metrics::Estimate;
use crate::metrics::entity::EntityScores;
use crate::model::HeadKind;
use crate::run::Manifest;
use crate::study::frames::numbers;

/// A way of training, other than what is made rare: the lines of a figure.
pub(super) type Variant = (HeadKind, Initialization);

/// What one run says of one class. What was not measured is `None`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunNumbers {
    /// The class.
    pub class: String,
    /// Training sentences that hold it.
    pub sentences: usize,
    /// True if these are all there are.
    pub uncapped: bool,
    /// Requested noise.
    pub noise: f64,
    /// The way of training.
    pub variant: Variant,
    /// The seed.
    pub seed: u64,
    /// F1 of the class on dev after the last epoch.
    pub class_dev: Option<f64>,
    /// F1 of the class on the training split, against the given labels.
    pub class_train: Option<f64>,
    /// F1 of all types on dev.
    pub task_dev: Option<f64>,
    /// F1 of the class on the test split, judged once.
    pub class_test: Option<f64>,
    /// F1 of all types there.
    pub task_test: Option<f64>,
    /// Spans of the class predicted on dev after the last epoch.
    pub predicted: Option<f64>,
    /// Clean training words of the class.
    pub n_words: usize,
    /// Median of their first-learning epoch; `None` where it is never.
    pub first_learning: Option<f64>,
    /// Share of them learned in the first epoch.
    pub learned_at_once: Option<f64>,
    /// Share of them that are never right.
    pub never_learned: Option<f64>,
    /// Who falls into the noise cluster.
    pub cluster: Option<ClusterShares>,
    /// How well each measure tells noise from the class.
    pub separation: Vec<Separation>,
    /// Seconds of training.
    pub seconds: f64,
}

impl RunNumbers {
    /// The numbers of a run for one class.
    pub fn of(manifest: &Manifest, whole: &RunAnalysis, class: &str, analysis: &ClassAnalysis) -> Result<Self> {
        let point = Place::of(&manifest.config);
        let last =
            |name: &str| -> Result<Option<f64>> { Ok(numbers(&analysis.epochs, name)?.last().copied().flatten()) };
        let of_class = |scores: &EntityScores| {
            scores.per_type.iter().find(|entry| entry.name == class && entry.support > 0).map(|entry| entry.scores.f1)
        };
        Ok(Self {
            class: class.to_owned(),
            sentences: point.cap.as_ref().map_or(analysis.n_sentences, |(_, n)| *n),
            uncapped: point.cap.is_none(),
            noise: point.noise,
            variant: (point.head, point.start),
            seed: point.seed,
            class_dev: last("dev_f1")?,
            class_train: last("train_f1")?,
            task_dev: numbers(&whole.epochs, "dev_score")?.last().copied().flatten(),
            class_test: manifest.test.as_ref().and_then(of_class),
            task_test: manifest.test.as_ref().map(|scores| scores.micro.f1),
            predicted: last("dev_predicted")?,
            n_words: analysis.n_words,
            first_learning: analysis.first_learning,
            learned_at_once: numbers(&analysis.epochs, "first_learned")?.first().copied().flatten(),
            never_learned: analysis.never_learned,
            cluster: analysis.cluster,
            separation: analysis.separation.clone(),
            seconds: manifest.wall_seconds,
        })
    }

    /// True for two runs that saw the same sentences in the same way.
    pub fn is_same_but_for_the_cap(&self, other: &Self) -> bool {
        self.cell() == other.cell() && self.seed == other.seed
    }

    fn cell(&self) -> (&str, f64, Variant, usize) {
        (&self.class, self.noise, self.variant, self.sentences)
    }
}

/// All seeds of one class, noise, way of training and number of sentences.
pub(super) struct Cell<'a> {
    /// At least one.
    pub runs: Vec<&'a RunNumbers>,
}

impl Cell<'_> {
    /// A run of the cell, for what all have in common.
    pub fn common(&self) -> &RunNumbers {
        self.runs[0]
    }

    /// Mean and spread over the seeds.
    pub fn estimate(&self, get: impl Fn(&RunNumbers) -> Option<f64>) -> Option<Estimate> {
        Estimate::of(self.runs.iter().map(|run| get(run)))
    }

    /// The measure that tells noise from the class best, by its distance from chance over the seeds, and its area.
    pub fn best_measure(&self) -> Option<(&'static str, Estimate)> {
        let measures = self.common().separation.iter().map(|separation| separation.measure);
        let area = |measure| Some((measure, self.area(measure)?));
        let from_chance = |area: &Estimate| (area.mean - 0.5).abs();
        measures
            .filter_map(area)
            .reduce(|best, next| if from_chance(&next.1) > from_chance(&best.1) { next } else { best })
    }

    /// The area under the ROC curve of one measure.
    pub fn area(&self, measure: &str) -> Option<Estimate> {
        self.estimate(|run| run.separation.iter().find(|found| found.measure == measure).map(|found| found.auc))
    }
}

/// The cells of all runs: by class in the order of `classes`, noise, way of training, and number of sentences, ascending.
pub(super) fn cells<'a>(runs: &'a [RunNumbers], classes: &[String]) -> Vec<Cell<'a>> {
    let mut sorted: Vec<&RunNumbers> = runs.iter().collect();
    let class = |run: &RunNumbers| classes.iter().position(|class| *class == run.class);
    // Stable: seeds stay in the grid's order.
    sorted.sort_by(|a, b| {
        let by_class = class(a).cmp(&class(b)).then(a.noise.total_cmp(&b.noise));
        by_class.then(a.variant.cmp(&b.variant)).then(a.sentences.cmp(&b.sentences))
    });
    sorted.chunk_by(|a, b| a.cell() == b.cell()).map(|runs| Cell { runs: runs.to_vec() }).collect()
}

/// The ways of training that occur, in order.
pub(super) fn variants(runs: &[RunNumbers]) -> Vec<Variant> {
    let mut all: Vec<Variant> = runs.iter().map(|run| run.variant).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What a way of training is called beside `others`: only what differs is said.
pub(super) fn variant_name(variant: Variant, others: &[Variant]) -> String {
    let mut parts = Vec::new();
    let differ = |of: fn(&Variant) -> usize| others.iter().any(|other| of(other) != of(&variant));
    let start_differs = differ(|variant| variant.1 as usize);
    if differ(|variant| variant.0 as usize) || !start_differs {
        parts.push(match variant.0 {
            HeadKind::Linear => "linear head",
            HeadKind::Prototypes => "prototypical head",
            HeadKind::Crf => "CRF head",
        });
    }
    if start_differs {
        parts.push(match variant.1 {
            Initialization::Pretrained => "pretrained",
            Initialization::Random => "random weights",
        });
    }
    parts.join(", ")
}

/// A number of sentences over the seeds, of those tried. A seed for which none suffices counts as more than all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Needed {
    /// Median over all seeds, the lower one of two; `None` if none sufficed for that seed.
    pub median: Option<usize>,
    /// Least; `None` if none sufficed for any seed.
    pub low: Option<usize>,
    /// Greatest; `None` if none sufficed for some seed.
    pub high: Option<usize>,
    /// Seeds for which some number sufficed.
    pub n: usize,
    /// Seeds in all.
    pub seeds: usize,
}

/// The fewest sentences at which each seed's runs satisfy `enough`; `runs` are those of one class, noise and way of
/// training. No sentence at all does not count: what is predicted then is chance, or comes from wrong labels.
pub(super) fn needed(runs: &[&RunNumbers], enough: impl Fn(&RunNumbers) -> bool) -> Needed {
    let mut seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let fewest = |seed: &u64| {
        let of_seed = runs.iter().filter(|run| run.seed == *seed && run.sentences > 0);
        of_seed.filter(|run| enough(run)).map(|run| run.sentences).min()
    };
    let mut found: Vec<Option<usize>> = seeds.iter().map(fewest).collect();
    found.sort_by_key(|n| n.unwrap_or(usize::MAX));
    let at = |i: usize| found.get(i).copied().flatten();
    Needed {
        median: at(found.len().saturating_sub(1) / 2),
        low: at(0),
        high: at(found.len().saturating_sub(1)),
        n: found.iter().flatten().count(),
        seeds: seeds.len(),
    }
}

/// The fewest sentences at which the class is predicted on dev at all, rightly or not.
pub(super) fn needed_to_predict(runs: &[&RunNumbers]) -> Needed {
    needed(runs, |run| run.predicted.is_some_and(|n| n > 0.0))
}

/// The fewest sentences at which an entity of the class is found on dev.
pub(super) fn needed_to_find(runs: &[&RunNumbers]) -> Needed {
    needed(runs, |run| run.class_dev.is_some_and(|f1| f1 > 0.0))
}

/// The fewest sentences at which the class's dev F1 is 90 % of what the same seed reaches on all sentences; `None` if
/// that is not known, or 0, for some seed.
pub(super) fn needed_for_ninety_percent(runs: &[&RunNumbers]) -> Option<Needed> {
    let whole = |seed: u64| {
        let f1 = runs.iter().find(|run| run.uncapped && run.seed == seed)?.class_dev?;
        (f1 > 0.0).then_some(f1)
    };
    runs.iter()
        .all(|run| whole(run.seed).is_some())
        .then(|| needed(runs, |run| run.class_dev.zip(whole(run.seed)).is_some_and(|(f1, whole)| f1 >= 0.9 * whole)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn run(sentences: usize, seed: u64, f1: f64) -> RunNumbers {
        RunNumbers {
            class: "LOC".into(),
            sentences,
            uncapped: sentences == 500,
            noise: 0.0,
            variant: (HeadKind::Linear, Initialization::Pretrained),
            seed,
            class_dev: Some(f1),
            class_train: Some(1.0),
            task_dev: Some(0.9),
            class_test: None,
            task_test: None,
            predicted: Some(if f1 > 0.0 { 10.0 } else { 0.0 }),
            n_words: 10,
            first_learning: Some(1.0),
            learned_at_once: Some(0.5),
            never_learned: Some(0.0),
            cluster: None,
            separation: vec![
                Separation { measure: "last loss", auc: 0.6 },
                Separation { measure: "last entropy", auc: 0.1 },
            ],
            seconds: 2.0,
        }
    }

    #[test]
    fn seeds_are_put_together_and_cells_sorted() {
        let runs = [run(50, 1, 0.5), run(5, 1, 0.0), run(5, 2, 0.2)];
        let cells = cells(&runs, &[]);
        assert_eq!(cells.iter().map(|cell| cell.runs.len()).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(cells[0].estimate(|run| run.class_dev).unwrap().mean, 0.1);
    }

    #[test]
    fn the_measure_farthest_from_chance_is_the_best() {
        let runs = [run(5, 1, 0.0)];
        let (measure, area) = cells(&runs, &[])[0].best_measure().unwrap();
        assert_eq!((measure, area.mean), ("last entropy", 0.1));
    }

    #[test]
    fn sentences_needed_are_counted_seed_by_seed() {
        // Seed 1 predicts from 5 on, seed 2 from 50 on. 90 % of 0.8 is 0.72: seed 1 has it at 50, seed 2 at 500 only.
        let runs = [
            run(0, 1, 0.0),
            run(5, 1, 0.1),
            run(50, 1, 0.75),
            run(500, 1, 0.8),
            run(5, 2, 0.0),
            run(50, 2, 0.7),
            run(500, 2, 0.8),
        ];
        let runs: Vec<&RunNumbers> = runs.iter().collect();
        let predicted = needed_to_predict(&runs);
        assert_eq!((predicted.median, predicted.low, predicted.high, predicted.n), (Some(5), Some(5), Some(50), 2));
        assert_eq!(needed_to_find(&runs), predicted);
        let ninety = needed_for_ninety_percent(&runs).unwrap();
        assert_eq!((ninety.low, ninety.high), (Some(50), Some(500)));
        let never = needed(&runs, |_| false);
        assert_eq!((never.median, never.low, never.n, never.seeds), (None, None, 0, 2));
        assert_eq!(needed_for_ninety_percent(&runs[..3]), None, "no run on all sentences");
    }

    #[test]
    fn a_seed_that_never_gets_there_counts_as_more_than_all() {
        let runs = [run(5, 1, 0.1), run(5, 2, 0.0), run(5, 3, 0.0)];
        let found = needed_to_find(&runs.iter().collect::<Vec<_>>());
        assert_eq!((found.median, found.low, found.high, found.n, found.seeds), (None, Some(5), None, 1, 3));
    }

    #[test]
    fn a_cap_at_all_there_are_is_the_same_run() {
        let (whole, capped) = (run(500, 1, 0.8), RunNumbers { uncapped: false, ..run(500, 1, 0.8) });
        assert!(whole.is_same_but_for_the_cap(&capped));
        assert!(!whole.is_same_but_for_the_cap(&RunNumbers { seed: 2, ..capped }));
    }

    #[test]
    fn a_variant_is_called_by_what_differs() {
        use HeadKind::*;
        use Initialization::*;
        assert_eq!(variant_name((Linear, Pretrained), &[(Linear, Pretrained)]), "linear head");
        let starts = [(Linear, Pretrained), (Linear, Random)];
        assert_eq!(variant_name((Linear, Random), &starts), "random weights");
        let all = [(Linear, Pretrained), (Linear, Random), (Prototypes, Random)];
        assert_eq!(variant_name((Linear, Random), &all), "linear head, random weights");
    }
}
