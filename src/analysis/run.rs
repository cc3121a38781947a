//! A whole run, each epoch read once.

use polars::prelude::DataFrame;

use super::clusters::{self, Clustering, detection};
use super::datamap::DataMap;
use super::epoch_row::{EpochRow, PassScores, ProgressLog};
use super::events::{EventCounter, Shares};
use super::losses::{EpochLosses, Trajectories};
use super::phases::{self, PhaseCurve, PhaseCurvePoint, Phases, SentenceCounts};
use super::rows::rows_of;
use super::tables::{self, ClusterRow, ShareRow};
use super::{AnalysisSettings, Units};
use crate::Result;
use crate::dynamics::{DevScore, Log, Observations, Pass, TokenTable};
use crate::error::{Error, Problem};
use crate::random::Streams;

/// All tables of one run. Columns are fixed and documented at each field; null means unknown.
#[derive(Debug, Clone)]
pub struct RunAnalysis {
    /// One row an epoch: `epoch u32, step u64, examples_seen u64, learning_rate f64, dev_score, dev_loss, train_f1,
    /// train_accuracy, clean_accuracy, noisy_accuracy, noisy_accuracy_gold, clean_loss, noisy_loss, first_learned_clean,
    /// first_learned_noisy, first_learned (f64), forgetting_events u64, noise_precision, noise_recall, noise_f1,
    /// noise_ap, noise_cutoff (f64)`.
    pub epochs: DataFrame,
    /// One row a token: `sentence u32, token u16, word str, given str, gold str?, noisy bool?, first_learning u32?,
    /// learning u32, forgetting u32, never_learned bool`. Tokens that were never observed are left out.
    pub events: DataFrame,
    /// Shares of tokens: `group str (all, clean, noisy, tag:<TAG>), n u64, forgettable, unforgettable, learned,
    /// never_learned, forgettable_toneva, unforgettable_toneva (f64)`.
    pub shares: DataFrame,
    /// Shares of entities and sentences: as `shares` after a column `unit str (entity, sentence)`; groups of entities
    /// are `all, clean, noisy, type:<TYPE>`.
    pub unit_shares: DataFrame,
    /// The most forgotten tokens: as `events`, with `text str`, the sentence with the token in brackets.
    pub most_forgotten: DataFrame,
    /// One row a token: `sentence u32, token u16, confidence f64, variability f64, correctness f64, noisy bool?`.
    pub datamap: DataFrame,
    /// Losses at the epoch of the best noise detection and at the last: `epoch u32, loss f32, noisy bool?`.
    pub losses: DataFrame,
    /// Precision and recall by loss threshold at the epoch of the best noise detection, at most a thousand points:
    /// `threshold f64 (nats), precision f64, recall f64`; empty without known noise.
    pub precision_recall: DataFrame,
    /// Clusters of the last epoch's loss and of the trajectories: `method str (loss, trajectory), cluster u8, n u64,
    /// mean_loss f64 (last epoch, nats), noisy_share f64?, precision f64?, recall f64?, f1 f64?` (the scores of taking
    /// this cluster for the noise).
    pub clusters: DataFrame,
    /// Which tokens fall in which cluster: `sentence u32, token u16, loss_cluster u8?, trajectory_cluster u8?, noisy
    /// bool?`; cluster 0 has the lowest mean loss.
    pub assignments: DataFrame,
    /// The phases.
    pub phases: Phases,
    /// What the column `dev_score` measures.
    pub dev_score: DevScore,
    /// The epoch whose losses find the known noise best, by F1; `None` without known noise.
    pub best_detection_epoch: Option<u32>,
    /// The pass that events were counted in, and the pass of all scores; the last epoch's where epochs differ.
    pub passes: (Pass, Pass),
    /// Epochs in which tokens are missing that others have, in the pass of the scores.
    pub incomplete_epochs: Vec<u32>,
}

impl RunAnalysis {
    /// All frames with the names their files have.
    pub fn tables(&self) -> Vec<(&'static str, &DataFrame)> {
        vec![
            ("epochs", &self.epochs),
            ("events", &self.events),
            ("shares", &self.shares),
            ("unit_shares", &self.unit_shares),
            ("most_forgotten", &self.most_forgotten),
            ("datamap", &self.datamap),
            ("losses", &self.losses),
            ("precision_recall", &self.precision_recall),
            ("clusters", &self.clusters),
            ("assignments", &self.assignments),
        ]
    }
}

/// Analyses a run's log.
///
/// # Errors
/// [`Error::Config`] for settings out of range; [`Error::Data`] for a log that cannot be used.
pub fn analyse_run(log: &Log, settings: &AnalysisSettings) -> Result<RunAnalysis> {
    settings.validate()?;
    let mut reading = Reading::new(log)?;
    for &epoch in log.epochs() {
        reading.epoch(log, epoch, settings)?;
    }
    reading.finish(settings)
}

/// Everything that is gathered while the epochs are read.
struct Reading<'a> {
    tokens: &'a TokenTable,
    noisy: Option<Vec<bool>>,
    progress: ProgressLog,
    token_events: EventCounter,
    entities: (Units, EventCounter),
    sentences: (Units, EventCounter),
    datamap: DataMap,
    /// By epoch, then by token row.
    losses: Vec<EpochLosses>,
    sentence_of_row: Vec<usize>,
    counts: SentenceCounts,
    rows: Vec<EpochRow>,
    passes: (Pass, Pass),
}

impl<'a> Reading<'a> {
    fn new(log: &'a Log) -> Result<Self> {
        let tokens = log.tokens();
        let noisy = tokens.noisy();
        let (entities, sentences) = (Units::entities(tokens), Units::sentences(tokens));
        let mut sentence_of_row = vec![0; tokens.len()];
        for (sentence, rows) in sentences.rows.iter().enumerate() {
            sentence_of_row[rows.clone()].fill(sentence);
        }
        Ok(Self {
            tokens,
            noisy,
            progress: ProgressLog::read(log)?,
            token_events: EventCounter::new(tokens.len()),
            entities: (entities.clone(), EventCounter::new(entities.rows.len())),
            sentences: (sentences.clone(), EventCounter::new(sentences.rows.len())),
            datamap: DataMap::new(tokens.len()),
            losses: Vec::new(),
            sentence_of_row,
            counts: SentenceCounts { n_noisy: vec![0; sentences.rows.len()], correct: Vec::new() },
            rows: Vec::new(),
            passes: (Pass::Train, Pass::Eval),
        })
    }

    fn epoch(&mut self, log: &Log, epoch: u32, settings: &AnalysisSettings) -> Result<()> {
        let observed = log.epoch(epoch)?;
        let (Some((events_pass, for_events)), Some((scores_pass, for_scores))) =
            (observed.prefer(settings.events_pass), observed.prefer(settings.scores_pass))
        else {
            return Err(Error::Data(
                Problem::new(format!("epoch {epoch} holds no observation"))
                    .at(log.folder())
                    .hint("delete its file and resume the run"),
            ));
        };
        self.passes = (events_pass, scores_pass);
        let mut row = EpochRow { epoch, progress: self.progress.at_end_of(epoch), ..EpochRow::default() };
        self.count_events(epoch, for_events, &mut row);
        self.score(for_scores, &mut row);
        self.rows.push(row);
        Ok(())
    }

    fn count_events(&mut self, epoch: u32, observations: &Observations, row: &mut EpochRow) {
        let rows = rows_of(self.tokens, observations);
        let pairs = rows.iter().copied().zip(observations.correct.iter().copied());
        let happened = self.token_events.observe(epoch, pairs.clone());
        let mut right = vec![None; self.tokens.len()];
        for (row, is_right) in pairs {
            right[row] = Some(is_right);
        }
        for (units, counter) in [&mut self.entities, &mut self.sentences] {
            counter.observe(epoch, units.right(&right));
        }
        row.forgetting_events = happened.forgetting;
        let share = |wanted: Option<bool>| {
            let in_group = |row: &usize| wanted.is_none_or(|w| self.noisy.as_ref().is_some_and(|n| n[*row] == w));
            let all = rows.iter().filter(|row| in_group(row)).count();
            let first = happened.first_learned.iter().filter(|row| in_group(row)).count();
            (all > 0).then(|| first as f64 / all as f64)
        };
        row.first_learned = share(None);
        row.first_learned_clean = share(Some(false));
        row.first_learned_noisy = share(Some(true));
    }

    fn score(&mut self, observations: &Observations, row: &mut EpochRow) {
        let rows = rows_of(self.tokens, observations);
        row.pass = PassScores::of(self.tokens, self.noisy.as_deref(), observations, &rows);
        let mut losses = EpochLosses::new(self.tokens.len());
        let mut right_noisy = vec![0; self.counts.n_noisy.len()];
        let mut n_noisy = vec![0; self.counts.n_noisy.len()];
        for (i, &token) in rows.iter().enumerate() {
            losses.observe(token, observations.loss[i]);
            self.datamap.observe(token, observations.p_given[i], observations.correct[i]);
            if self.noisy.as_ref().is_some_and(|noisy| noisy[token]) {
                let sentence = self.sentence_of_row[token];
                n_noisy[sentence] += 1;
                right_noisy[sentence] += u32::from(observations.correct[i]);
            }
        }
        let known: Option<Vec<bool>> = self.noisy.as_ref().map(|noisy| rows.iter().map(|&row| noisy[row]).collect());
        row.detection = Some(detection(&observations.loss, known.as_deref()));
        self.losses.push(losses);
        // A sampled pass sees other tokens each epoch; the counts are then no basis for a bootstrap.
        if self.counts.correct.is_empty() {
            self.counts.n_noisy = n_noisy;
        } else if self.counts.n_noisy != n_noisy {
            self.counts.n_noisy.fill(0);
        }
        self.counts.correct.push(right_noisy);
    }

    fn finish(self, settings: &AnalysisSettings) -> Result<RunAnalysis> {
        let streams = Streams::new(settings.seed);
        let presented: Vec<usize> = (0..self.tokens.len()).filter(|&row| self.token_events.presented()[row]).collect();
        let phases = self.phases(settings, streams)?;
        let best = (0..self.rows.len())
            .filter_map(|index| Some((index, self.rows[index].detection?.scores?.f1)))
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(index, _)| index);
        let last = self.rows.len().saturating_sub(1);
        let shown: Vec<usize> = best.into_iter().filter(|&index| index != last).chain([last]).collect();
        let (loss_clusters, trajectory_clusters) = self.cluster(settings, streams)?;
        let (noisy, tokens) = (self.noisy.as_deref(), self.tokens);
        let last_losses = &self.losses[last];
        let mut cluster_rows = ClusterRow::all("loss", &loss_clusters, last_losses, noisy);
        cluster_rows.extend(ClusterRow::all("trajectory", &trajectory_clusters, last_losses, noisy));
        Ok(RunAnalysis {
            epochs: tables::epochs(&self.rows)?,
            events: tables::events(tokens, noisy, self.token_events.events(), &presented)?,
            shares: tables::shares(&self.token_shares(&presented), false)?,
            unit_shares: tables::shares(&self.unit_shares(), true)?,
            most_forgotten: tables::most_forgotten(
                tokens,
                noisy,
                self.token_events.events(),
                &presented,
                settings.most_forgotten,
            )?,
            datamap: tables::datamap(tokens, noisy, &self.datamap)?,
            losses: tables::losses(shown.iter().map(|&i| (self.rows[i].epoch, &self.losses[i])), noisy)?,
            precision_recall: tables::precision_recall(best.map(|i| &self.losses[i]), noisy)?,
            clusters: tables::clusters(&cluster_rows)?,
            assignments: tables::assignments(tokens, noisy, &loss_clusters, &trajectory_clusters)?,
            best_detection_epoch: best.map(|index| self.rows[index].epoch),
            passes: self.passes,
            incomplete_epochs: self.incomplete_epochs(),
            dev_score: self.progress.dev_score.clone(),
            phases,
        })
    }

    fn phases(&self, settings: &AnalysisSettings, streams: Streams) -> Result<Phases> {
        let points = self.rows.iter().map(|row| PhaseCurvePoint {
            epoch: f64::from(row.epoch),
            step: row.progress.step,
            examples_seen: row.progress.examples_seen,
            learning_rate: row.progress.learning_rate,
            dev_score: row.progress.dev_score,
            train_f1: row.pass.f1,
            clean_accuracy: row.pass.clean_accuracy,
            noisy_accuracy: row.pass.noisy_accuracy,
            noisy_accuracy_gold: row.pass.noisy_accuracy_gold,
            first_learned: row.first_learned,
        });
        let curve = PhaseCurve::new(points.collect())?;
        let counts = self.counts.with_noise();
        Ok(phases::detect(&curve, counts.as_ref(), settings.bootstrap, streams))
    }

    /// Epochs that lack a token which another epoch has.
    fn incomplete_epochs(&self) -> Vec<u32> {
        let observed = |epoch: &EpochLosses, row: usize| epoch.get(row).is_some();
        let ever = |row: usize| self.losses.iter().any(|epoch| observed(epoch, row));
        let all: Vec<usize> = (0..self.tokens.len()).filter(|&row| ever(row)).collect();
        let lacks = |epoch: &EpochLosses| all.iter().any(|&row| !observed(epoch, row));
        self.rows.iter().zip(&self.losses).filter(|(_, losses)| lacks(losses)).map(|(row, _)| row.epoch).collect()
    }

    fn token_shares(&self, presented: &[usize]) -> Vec<ShareRow> {
        let events = self.token_events.events();
        let of = |group: String, keep: &dyn Fn(usize) -> bool| ShareRow {
            unit: "token",
            group,
            shares: Shares::of(events, presented.iter().copied().filter(|&row| keep(row))),
        };
        let mut rows = vec![of("all".into(), &|_| true)];
        if let Some(noisy) = &self.noisy {
            rows.push(of("clean".into(), &|row| !noisy[row]));
            rows.push(of("noisy".into(), &|row| noisy[row]));
        }
        for (id, tag) in self.tokens.labels.iter().enumerate() {
            rows.push(of(format!("tag:{tag}"), &|row| usize::from(self.tokens.given[row]) == id));
        }
        rows
    }

    fn unit_shares(&self) -> Vec<ShareRow> {
        let mut rows = Vec::new();
        for (unit, (units, counter)) in [("entity", &self.entities), ("sentence", &self.sentences)] {
            let of = |group: String, keep: &dyn Fn(usize) -> bool| ShareRow {
                unit,
                group,
                shares: Shares::of(
                    counter.events(),
                    (0..units.rows.len()).filter(|&i| counter.presented()[i] && keep(i)),
                ),
            };
            rows.push(of("all".into(), &|_| true));
            if let Some(noisy) = &units.noisy {
                rows.push(of("clean".into(), &|i| !noisy[i]));
                rows.push(of("noisy".into(), &|i| noisy[i]));
            }
            let mut kinds: Vec<&String> = units.kind.iter().filter(|kind| !kind.is_empty()).collect();
            kinds.sort();
            kinds.dedup();
            for kind in kinds {
                rows.push(of(format!("type:{kind}"), &|i| units.kind[i] == *kind));
            }
        }
        rows
    }

    /// Clusters of the last epoch's losses and of the whole trajectories, by token row.
    fn cluster(&self, settings: &AnalysisSettings, streams: Streams) -> Result<(Assigned, Assigned)> {
        let n = self.tokens.len();
        let Some(last) = self.losses.last() else { return Ok((vec![None; n], vec![None; n])) };
        let cluster = |rows: &[usize], points: Trajectories<'_>, purpose: &str| -> Result<Assigned> {
            let order: Vec<f64> = rows.iter().map(|&row| f64::from(last.get(row).unwrap_or_default())).collect();
            let found = clusters::kmeans(&points, &order, settings.clusters, settings.restarts, streams, purpose)?;
            let mut assigned = vec![None; n];
            if let Some(Clustering { assignment, .. }) = found {
                for (&row, cluster) in rows.iter().zip(assignment) {
                    assigned[row] = Some(cluster);
                }
            }
            Ok(assigned)
        };
        let seen: Vec<usize> = (0..n).filter(|&row| last.get(row).is_some()).collect();
        let by_loss = cluster(&seen, Trajectories::new(std::slice::from_ref(last), &seen), "cluster-loss")?;

        let complete: Vec<usize> =
            (0..n).filter(|&row| self.losses.iter().all(|epoch| epoch.get(row).is_some())).collect();
        let trajectories = Trajectories::new(&self.losses, &complete).standardised();
        let by_trajectory = cluster(&complete, trajectories, "cluster-trajectory")?;
        Ok((by_loss, by_trajectory))
    }
}

/// A cluster a token row, `None` where the token was not clustered.
type Assigned = Vec<Option<u8>>;
