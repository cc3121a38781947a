//! The numbers of a forgetting study: of each run, of each encoder and noise over its seeds, and of pretrained encoders
//! against random ones, pair by pair.

use crate::analysis::events::Shares;
use crate::analysis::{RunAnalysis, TokenHistory};
use crate::dynamics::Pass;
use crate::error::Result;
use crate::metrics::{Estimate, spearman};
use crate::model::ModelSettings;
use crate::report::Format;
use crate::run::Manifest;
use crate::study::noise_sweep::summary::RunNumbers as Scores;

/// Numbers of forgetting events that are told apart; this one stands for more, too.
const MOST_EVENTS: u32 = 5;

/// What a run says in one pass.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PassNumbers {
    /// The pass.
    pub pass: Pass,
    /// Shares of all, clean and noisy tokens; groups without a token are left out.
    pub groups: Vec<(&'static str, Shares)>,
    /// How often tokens are forgotten.
    pub distribution: Distribution,
    /// Spearman's ρ of forgetting events with the first-learning epoch, over tokens that were learned.
    pub with_first_learning: Option<f64>,
    /// The same with the mean margin.
    pub with_margin: Option<f64>,
}

/// Shares of tokens by their number of forgetting events.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Distribution {
    /// Learned and forgotten 0, 1, 2, … times; the last entry stands for more, too.
    pub forgotten: Vec<f64>,
    /// Never learned.
    pub never_learned: f64,
}

impl Distribution {
    /// Of a run with so many epochs: in E epochs a token can be forgotten E/2 times.
    ///
    /// By hand, in five epochs: never learned, kept, kept, forgotten once, forgotten twice: 0.4, 0.2, 0.2, and 0.2 apart.
    fn of(history: &TokenHistory, n_epochs: u32) -> Self {
        let most = MOST_EVENTS.min(n_epochs / 2) as usize;
        let (mut counts, mut never, mut n) = (vec![0_u64; most + 1], 0_u64, 0_u64);
        for (token, _) in history.presented.iter().enumerate().filter(|(_, presented)| **presented) {
            n += 1;
            match history.events.first_learning[token] {
                None => never += 1,
                Some(_) => counts[(history.events.forgetting[token] as usize).min(most)] += 1,
            }
        }
        let share = |count: u64| count as f64 / n.max(1) as f64;
        Self { forgotten: counts.into_iter().map(share).collect(), never_learned: share(never) }
    }

    /// What the entries of [`Self::forgotten`] are called: `0`, `1`, … `≥5`.
    pub fn names(n_entries: usize, n_epochs: u32) -> Vec<String> {
        let more = n_epochs / 2 > MOST_EVENTS;
        let name =
            |events: usize| if more && events + 1 == n_entries { format!("≥{events}") } else { events.to_string() };
        (0..n_entries).map(name).collect()
    }
}

impl PassNumbers {
    fn of(history: &TokenHistory, noisy: Option<&[bool]>, n_epochs: u32) -> Self {
        let presented: Vec<usize> = (0..history.presented.len()).filter(|&row| history.presented[row]).collect();
        let of_group = |keep: &dyn Fn(usize) -> bool| {
            Shares::of(&history.events, presented.iter().copied().filter(|&row| keep(row)))
        };
        let mut groups = vec![("all", of_group(&|_| true))];
        if let Some(noisy) = noisy {
            groups.push(("clean", of_group(&|row| !noisy[row])));
            groups.push(("noisy", of_group(&|row| noisy[row])));
        }
        groups.retain(|(_, shares)| shares.n > 0);
        let correlation = |other: &dyn Fn(usize) -> Option<f64>| {
            let learned = presented.iter().filter(|&&row| history.events.first_learning[row].is_some());
            let pair = |&row: &usize| Some((f64::from(history.events.forgetting[row]), other(row)?));
            spearman(&learned.filter_map(pair).collect::<Vec<_>>())
        };
        Self {
            pass: history.pass,
            groups,
            distribution: Distribution::of(history, n_epochs),
            with_first_learning: correlation(&|row| history.events.first_learning[row].map(f64::from)),
            with_margin: correlation(&|row| history.margin[row]),
        }
    }

    /// The shares of a group.
    pub fn shares(&self, group: &str) -> Option<&Shares> {
        self.groups.iter().find(|(name, _)| *name == group).map(|(_, shares)| shares)
    }
}

/// The numbers of one run. What a run without noise does not have is `None`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunNumbers {
    /// The number of its encoder.
    pub encoder: usize,
    /// As in the noise sweep.
    pub scores: Scores,
    /// True if no label was changed: the labels are then those of every seed.
    pub labels_kept: bool,
    /// In each pass that was logged.
    pub passes: Vec<PassNumbers>,
}

impl RunNumbers {
    /// The numbers of a run.
    pub fn of(
        encoder: usize,
        manifest: &Manifest,
        analysis: &RunAnalysis,
        histories: &[TokenHistory],
        noisy: Option<&[bool]>,
    ) -> Result<Self> {
        let n_epochs = manifest.epochs_finished;
        Ok(Self {
            encoder,
            scores: Scores::of(manifest, &analysis.epochs, &analysis.shares, analysis.phases.clone())?,
            labels_kept: manifest.noise.n_noisy == 0,
            passes: histories.iter().map(|history| PassNumbers::of(history, noisy, n_epochs)).collect(),
        })
    }

    /// Requested noise.
    pub fn noise(&self) -> f64 {
        self.scores.noise
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.scores.seed
    }

    /// What it says in a pass.
    pub fn pass(&self, pass: Pass) -> Option<&PassNumbers> {
        self.passes.iter().find(|numbers| numbers.pass == pass)
    }

    /// Share of all tokens that are forgettable, by the paper's convention.
    pub fn forgettable(&self, pass: Pass) -> Option<f64> {
        Some(self.pass(pass)?.shares("all")?.forgettable)
    }

    /// Epochs of settling: 0 where memorisation begins no later than fitting ends, up to the end of the training where it
    /// does not begin; `None` where neither was found.
    pub fn settling(&self) -> Option<f64> {
        let phases = &self.scores.phases;
        match &phases.settling {
            Some(settling) => Some(settling.end.epoch - settling.start.epoch),
            None => (phases.fitting_end.is_some() || phases.memorisation_onset.is_some()).then_some(0.0),
        }
    }

    /// The epoch in which memorisation begins.
    pub fn onset(&self) -> Option<f64> {
        self.scores.phases.memorisation_onset.as_ref().map(|point| point.epoch)
    }
}

/// A number of a run that encoders are compared by.
pub(super) struct Measure {
    /// Its column.
    pub key: &'static str,
    /// Its heading.
    pub heading: &'static str,
    /// How it is shown with its interval.
    pub format: Format,
    get: fn(&RunNumbers, Pass) -> Option<f64>,
}

impl Measure {
    /// Of a run; `pass` is where events are counted.
    pub fn of(&self, run: &RunNumbers, pass: Pass) -> Option<f64> {
        (self.get)(run, pass)
    }
}

/// Length of settling, in epochs.
pub(super) const SETTLING: Measure =
    Measure { key: "settling", heading: "Settling, epochs", format: Format::Interval(2), get: |run, _| run.settling() };
/// Onset of memorisation, in epochs.
pub(super) const ONSET: Measure = Measure {
    key: "onset",
    heading: "Onset of memorisation, epoch",
    format: Format::Interval(2),
    get: |run, _| run.onset(),
};
/// Share of forgettable tokens.
pub(super) const FORGETTABLE: Measure = Measure {
    key: "forgettable",
    heading: "Forgettable",
    format: Format::IntervalPercent(2),
    get: RunNumbers::forgettable,
};
/// The same in the pass in which events are not counted otherwise.
pub(super) const FORGETTABLE_OTHER: Measure = Measure {
    key: "forgettable_other",
    heading: "Forgettable, other pass",
    format: Format::IntervalPercent(2),
    get: |run, pass| run.forgettable(pass.other()),
};
/// F1 of noise detection at its best epoch.
pub(super) const DETECTION: Measure = Measure {
    key: "detection_f1",
    heading: "Noise detection F1, best",
    format: Format::Interval(3),
    get: |run, _| Some(run.scores.detection?.value),
};
/// Dev F1 at its peak.
pub(super) const DEV_PEAK: Measure = Measure {
    key: "dev_score_peak",
    heading: "Dev F1, peak",
    format: Format::Interval(3),
    get: |run, _| Some(run.scores.dev_peak?.value),
};
/// All of them, in the order they are shown.
pub(super) const MEASURES: [Measure; 6] = [SETTLING, ONSET, FORGETTABLE, FORGETTABLE_OTHER, DETECTION, DEV_PEAK];

/// All seeds of one encoder at one noise.
pub(super) struct Cell<'a> {
    /// The encoder's number.
    pub encoder: usize,
    /// Requested noise.
    pub noise: f64,
    /// At least one.
    pub runs: Vec<&'a RunNumbers>,
}

impl Cell<'_> {
    /// Mean and spread over the seeds.
    pub fn estimate(&self, get: impl Fn(&RunNumbers) -> Option<f64>) -> Option<Estimate> {
        Estimate::of(self.runs.iter().map(|run| get(run)))
    }

    /// Runs in which an onset of memorisation was found.
    pub fn onsets(&self) -> usize {
        self.runs.iter().filter(|run| run.onset().is_some()).count()
    }
}

/// The cells of all runs, by encoder and noise.
pub(super) fn cells<'a>(runs: &'a [RunNumbers]) -> Vec<Cell<'a>> {
    let mut sorted: Vec<&'a RunNumbers> = runs.iter().collect();
    // Stable: seeds stay in the grid's order.
    sorted.sort_by(|a, b| a.encoder.cmp(&b.encoder).then(a.noise().total_cmp(&b.noise())));
    let same = |a: &&RunNumbers, b: &&RunNumbers| a.encoder == b.encoder && a.noise() == b.noise();
    let cell = |runs: &[&'a RunNumbers]| Cell { encoder: runs[0].encoder, noise: runs[0].noise(), runs: runs.to_vec() };
    sorted.chunk_by(same).map(cell).collect()
}

/// A pretrained encoder and the same one initialised at random, at one noise.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contrast {
    /// The number of the pretrained one.
    pub pretrained: usize,
    /// The number of the random one.
    pub random: usize,
    /// Requested noise.
    pub noise: f64,
    /// Seeds that both have.
    pub seeds: usize,
    /// Of those, in how many runs no onset was found: pretrained, random.
    pub without_onset: [usize; 2],
    /// Pretrained − random for each of [`MEASURES`], over the seeds in which both have it.
    pub differences: Vec<Option<Estimate>>,
}

impl Contrast {
    /// The difference by a measure.
    pub fn by(&self, measure: &Measure) -> Option<Estimate> {
        let at = MEASURES.iter().position(|other| other.key == measure.key)?;
        self.differences.get(at).copied().flatten()
    }
}

/// All pairs of encoders that differ in nothing of the model but `random_init`, at each noise that both have.
pub(super) fn contrasts(cells: &[Cell<'_>], models: &[&ModelSettings], pass: Pass) -> Vec<Contrast> {
    let mut contrasts = Vec::new();
    for (pretrained, model) in models.iter().enumerate().filter(|(_, model)| !model.random_init) {
        let made_random = ModelSettings { random_init: true, ..(*model).clone() };
        let randoms = models.iter().enumerate().filter(|(_, other)| ***other == made_random);
        for (random, _) in randoms {
            for cell in cells.iter().filter(|cell| cell.encoder == pretrained) {
                let other = cells.iter().find(|other| other.encoder == random && other.noise == cell.noise);
                contrasts.extend(other.and_then(|other| contrast(cell, other, pass)));
            }
        }
    }
    contrasts
}

fn contrast(pretrained: &Cell<'_>, random: &Cell<'_>, pass: Pass) -> Option<Contrast> {
    let twin = |run: &&RunNumbers| random.runs.iter().find(|other| other.seed() == run.seed()).copied();
    let pairs: Vec<(&RunNumbers, &RunNumbers)> =
        pretrained.runs.iter().filter_map(|run| Some((*run, twin(run)?))).collect();
    let difference =
        |measure: &Measure| Estimate::of(pairs.iter().map(|(a, b)| Some(measure.of(a, pass)? - measure.of(b, pass)?)));
    (!pairs.is_empty()).then(|| Contrast {
        pretrained: pretrained.encoder,
        random: random.encoder,
        noise: pretrained.noise,
        seeds: pairs.len(),
        without_onset: [
            pairs.iter().filter(|(run, _)| run.onset().is_none()).count(),
            pairs.iter().filter(|(_, run)| run.onset().is_none()).count(),
        ],
        differences: MEASURES.iter().map(difference).collect(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::analysis::events::UnitEvents;
    use crate::analysis::phases::{Evidence, PhasePoint, PhaseScores, Phases, Settling};
    use crate::study::noise_sweep::summary::Extreme;

    pub(in crate::study::forgetting) fn point(epoch: f64) -> PhasePoint {
        PhasePoint {
            epoch,
            epoch_low: epoch,
            epoch_high: epoch,
            step: None,
            examples_seen: None,
            learning_rate: None,
            support: 1.0,
            scores: PhaseScores::default(),
        }
    }

    /// Settling from `fitted` to `onset`, or to epoch 10.
    fn phases(fitted: Option<f64>, onset: Option<f64>) -> Phases {
        let settling = fitted.filter(|fitted| *fitted < onset.unwrap_or(10.0)).map(|fitted| Settling {
            epoch: fitted,
            epoch_low: fitted,
            epoch_high: fitted,
            start: point(fitted),
            end: point(onset.unwrap_or(10.0)),
        });
        Phases {
            fitting_end: fitted.map(point),
            settling,
            memorisation_onset: onset.map(point),
            evidence: Evidence::NoisyAccuracy,
        }
    }

    /// A run that fits until `fitted`, memorises from `onset` on, and forgets a share of its tokens.
    pub(in crate::study::forgetting) fn run(
        (encoder, noise, seed): (usize, f64, u64),
        (fitted, onset): (Option<f64>, Option<f64>),
        forgettable: f64,
    ) -> RunNumbers {
        let shares = Shares { n: 100, forgettable, forgettable_toneva: forgettable + 0.1, ..Shares::default() };
        RunNumbers {
            encoder,
            scores: Scores {
                noise,
                seed,
                realised: 0.9 * noise,
                dev_peak: Some(Extreme { epoch: 3.0, value: 0.8 }),
                dev_last: Some(0.7),
                noisy_low: None,
                noisy_last: None,
                detection: (noise > 0.0).then_some(Extreme { epoch: 3.0, value: 0.9 }),
                forgettable: Some(forgettable),
                phases: phases(fitted, onset),
            },
            labels_kept: noise == 0.0,
            passes: vec![PassNumbers {
                pass: Pass::Train,
                groups: vec![("all", shares)],
                distribution: Distribution { forgotten: vec![1.0 - forgettable, forgettable], never_learned: 0.0 },
                with_first_learning: Some(0.5),
                with_margin: None,
            }],
        }
    }

    /// Never learned, kept, kept, forgotten once, forgotten twice, never seen.
    fn history() -> TokenHistory {
        TokenHistory {
            pass: Pass::Train,
            events: UnitEvents {
                first_learning: vec![None, Some(1), Some(1), Some(2), Some(3), None],
                learning: vec![0, 1, 1, 2, 2, 0],
                forgetting: vec![0, 0, 0, 1, 2, 0],
            },
            presented: vec![true, true, true, true, true, false],
            margin: vec![Some(-9.0), Some(4.0), Some(3.0), None, Some(1.0), None],
        }
    }

    #[test]
    fn tokens_are_counted_by_how_often_they_are_forgotten() {
        let distribution = Distribution::of(&history(), 5);
        assert_eq!((distribution.forgotten.as_slice(), distribution.never_learned), (&[0.4, 0.2, 0.2][..], 0.2));
        // What a short training cannot hold is not shown; the greatest number stands for more.
        assert_eq!(Distribution::of(&history(), 3).forgotten, [0.4, 0.4]);
        assert_eq!(Distribution::names(3, 5), ["0", "1", "2"]);
        assert_eq!(Distribution::names(6, 11), ["0", "1", "2", "3", "4", "5"]);
        assert_eq!(Distribution::names(6, 12)[4..], ["4", "≥5"]);
    }

    #[test]
    fn correlations_are_over_learned_tokens() {
        let numbers = PassNumbers::of(&history(), Some(&[true, false, false, false, false, false]), 5);
        // Events 0, 0, 1, 2 against epochs 1, 1, 2, 3 rank alike; margins of three of them fall: 4, 3, 1 against 0, 0, 2.
        assert!((numbers.with_first_learning.unwrap() - 1.0).abs() < 1e-12);
        // scipy.stats.spearmanr([0, 0, 2], [4, 3, 1]).statistic
        assert!((numbers.with_margin.unwrap() + 0.866_025_403_784_438_7).abs() < 1e-12);
        let names: Vec<&str> = numbers.groups.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["all", "clean", "noisy"]);
        assert_eq!(numbers.shares("noisy").unwrap().never_learned, 1.0);
        assert_eq!((numbers.shares("all").unwrap().n, numbers.shares("all").unwrap().forgettable), (5, 0.4));
        let clean = PassNumbers::of(&history(), Some(&[false; 6]), 5);
        assert_eq!(clean.groups.len(), 2, "no noisy token, no such group");
    }

    #[test]
    fn settling_has_a_length_where_a_phase_was_found() {
        let settling = |fitted, onset| run((0, 0.3, 1), (fitted, onset), 0.1).settling();
        assert_eq!(settling(Some(2.0), Some(5.0)), Some(3.0));
        assert_eq!(settling(Some(2.0), None), Some(8.0), "up to the end of the training");
        assert_eq!(settling(Some(5.0), Some(4.0)), Some(0.0), "memorising before it has fitted");
        assert_eq!(settling(None, Some(4.0)), Some(0.0));
        assert_eq!(settling(None, None), None);
    }

    #[test]
    fn pretrained_and_random_are_compared_seed_by_seed() {
        // Settling 3, 4 and 1, 3: differences 2 and 1. Forgettable 0.1, 0.2 and 0.3, 0.5: −0.2 and −0.3.
        let runs = [
            run((0, 0.3, 1), (Some(1.0), Some(4.0)), 0.1),
            run((1, 0.3, 1), (Some(1.0), Some(2.0)), 0.3),
            run((0, 0.3, 2), (Some(1.0), Some(5.0)), 0.2),
            run((1, 0.3, 2), (Some(7.0), None), 0.5),
            run((0, 0.3, 3), (Some(1.0), Some(5.0)), 0.9),
            run((2, 0.3, 1), (Some(1.0), Some(5.0)), 0.2),
        ];
        let cells = cells(&runs);
        assert_eq!(
            cells.iter().map(|cell| (cell.encoder, cell.runs.len())).collect::<Vec<_>>(),
            [(0, 3), (1, 2), (2, 1)]
        );
        let pretrained = ModelSettings::default();
        let random = ModelSettings { random_init: true, ..ModelSettings::default() };
        let other = ModelSettings { source: "other".into(), ..random.clone() };
        let found = contrasts(&cells, &[&pretrained, &random, &other], Pass::Train);
        assert_eq!(found.len(), 1, "the other is of another shape");
        let contrast = &found[0];
        assert_eq!((contrast.pretrained, contrast.random, contrast.seeds), (0, 1, 2), "seed 3 has no twin");
        assert_eq!(contrast.without_onset, [0, 1]);
        let settling = contrast.by(&SETTLING).unwrap();
        assert_eq!((settling.mean, settling.n), (1.5, 2));
        let forgettable = contrast.by(&FORGETTABLE).unwrap();
        assert!((forgettable.mean + 0.25).abs() < 1e-12, "{forgettable:?}");
        let onset = contrast.by(&ONSET).unwrap();
        assert_eq!((onset.mean, onset.n, onset.interval()), (2.0, 1, None), "one seed has both");
    }
}
