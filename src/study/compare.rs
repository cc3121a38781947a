//! Comparisons between the points of a grid: paired differences along an axis, trends along an ordered axis, and overlaps
//! of sets of tokens. A study declares which; everything else follows from the axes and measures.

use super::gather::Row;
use super::measure::{Better, Measure};
use super::summarise::{Point, ReportAxis};
use crate::dynamics::Pass;
use crate::metrics::{Estimate, Measurement, Overlap, Summary, Trend, trend};
use crate::random::Streams;
use crate::run::{Coordinate, Coordinates};

/// Below this a p-value, adjusted for the number of trends, counts as evidence.
pub(super) const SIGNIFICANT: f64 = 0.05;

/// The difference between two points of an axis by one measure, over the seeds that both have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Paired {
    /// Of the differences, other minus base.
    pub summary: Summary,
    /// Pairs of which nothing is known, because both values are bounds on the same side.
    pub n_unknown: usize,
}

/// What a difference allows to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The 95 % interval lies above zero.
    Higher,
    /// It lies below zero.
    Lower,
    /// It includes zero.
    Undecided,
    /// One seed: no interval.
    OneSeed,
    /// Values are censored: no interval.
    Censored,
}

impl Paired {
    /// What it allows to be said.
    pub fn verdict(&self) -> Verdict {
        match (self.summary.interval(), self.summary) {
            _ if self.n_unknown > 0 => Verdict::Censored,
            (Some(interval), _) if interval.low > 0.0 => Verdict::Higher,
            (Some(interval), _) if interval.high < 0.0 => Verdict::Lower,
            (Some(_), _) => Verdict::Undecided,
            (None, Summary::Mean(_)) => Verdict::OneSeed,
            (None, Summary::Censored { .. }) => Verdict::Censored,
        }
    }
}

/// Two points of an axis, at one point of all others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// What is subtracted.
    pub base: Coordinate,
    /// What it is subtracted from.
    pub other: Coordinate,
    /// The coordinates on the other axes.
    pub at: Coordinates,
    /// Seeds that both have; at least one.
    pub n_seeds: usize,
    /// One entry a measure; `None` where no seed has both values.
    pub by: Vec<Option<Paired>>,
}

/// Differences along an axis for each pair of labels, base first, at each point of the other axes: seed by seed, so that
/// what a seed does to both is no part of the difference.
pub(super) fn paired(
    points: &[Point<'_>],
    axis: &str,
    pairs: &[[String; 2]],
    measures: &[&Measure],
) -> Vec<Difference> {
    let mut found = Vec::new();
    for [base, other] in pairs {
        let has = |point: &&Point<'_>, label: &str| point.coordinates.get(axis).is_some_and(|of| of.label == label);
        for first in points.iter().filter(|point| has(point, base)) {
            let at = first.coordinates.without(&[axis]);
            let twin = |point: &&Point<'_>| has(point, other) && point.coordinates.without(&[axis]) == at;
            let Some(second) = points.iter().find(twin) else { continue };
            found.extend(difference(first, second, axis, at, measures));
        }
    }
    found
}

fn difference(
    base: &Point<'_>,
    other: &Point<'_>,
    axis: &str,
    at: Coordinates,
    measures: &[&Measure],
) -> Option<Difference> {
    let twin = |row: &&Row| base.rows.iter().find(|of_base| of_base.seed == row.seed).copied();
    let pairs: Vec<(&Row, &Row)> = other.rows.iter().filter_map(|row| Some((twin(row)?, *row))).collect();
    let by = |measure: &&Measure| {
        let values = pairs.iter().filter_map(|(a, b)| Some(((measure.of)(a).ok()?, (measure.of)(b).ok()?)));
        let differences: Vec<Option<Measurement>> = values.map(|(a, b)| b.minus(a)).collect();
        let n_unknown = differences.iter().filter(|difference| difference.is_none()).count();
        Summary::of(differences.into_iter().flatten()).map(|summary| Paired { summary, n_unknown })
    };
    (!pairs.is_empty()).then(|| Difference {
        base: base.coordinates.get(axis).cloned().unwrap_or_else(|| Coordinate::new(axis, "")),
        other: other.coordinates.get(axis).cloned().unwrap_or_else(|| Coordinate::new(axis, "")),
        at,
        n_seeds: pairs.len(),
        by: measures.iter().map(by).collect(),
    })
}

/// How a measure goes with an ordered axis, at one point of the others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AxisTrend {
    /// The axis.
    pub axis: String,
    /// The coordinates on the other axes.
    pub at: Coordinates,
    /// The index of the measure.
    pub measure: usize,
    /// Over all runs there.
    pub trend: Trend,
    /// Its p-value adjusted for the number of trends in the report (Holm 1979).
    pub p_adjusted: f64,
    /// Mean or median at the first and at the last point of the axis that have the measure.
    pub ends: [(Coordinate, Measurement); 2],
    /// The point with the best mean, of a measure whose values are all exact.
    pub best: Option<(Coordinate, Measurement)>,
}

/// The trends along some axes, of each measure with a direction at each point of the other axes. Where there are fewer than three values or all
/// are equal there is none.
pub(super) fn trends(points: &[Point<'_>], axes: &[&ReportAxis], measures: &[&Measure], seed: u64) -> Vec<AxisTrend> {
    let streams = Streams::new(seed);
    let mut found: Vec<AxisTrend> = Vec::new();
    for axis in axes {
        let mut places: Vec<Coordinates> = Vec::new();
        for point in points {
            let at = point.coordinates.without(&[&axis.name]);
            if !places.contains(&at) {
                places.push(at);
            }
        }
        for at in places {
            let here: Vec<&Point<'_>> =
                points.iter().filter(|point| point.coordinates.without(&[&axis.name]) == at).collect();
            // A measure that only describes, such as the epoch of a peak, would cost the others significance.
            let tested = measures.iter().enumerate().filter(|(_, measure)| measure.better != Better::Neither);
            for (index, measure) in tested {
                found.extend(along(&here, axis, &at, (index, measure), &streams));
            }
        }
    }
    adjust(&mut found);
    found
}

fn along(
    points: &[&Point<'_>],
    axis: &ReportAxis,
    at: &Coordinates,
    (index, measure): (usize, &Measure),
    streams: &Streams,
) -> Option<AxisTrend> {
    let place = |point: &Point<'_>| point.coordinates.get(&axis.name)?.value.as_f64();
    let of_point = |point: &&Point<'_>| {
        let x = place(point);
        let values = point.rows.iter().filter_map(|row| (measure.of)(row).ok());
        values.filter_map(move |value| Some((x?, value))).collect::<Vec<_>>()
    };
    let pairs: Vec<(f64, Measurement)> = points.iter().flat_map(of_point).collect();
    let trend = trend(&pairs, streams)?;
    let centre =
        |point: &&Point<'_>| Some((point.coordinates.get(&axis.name)?.clone(), point.summary(measure)?.centre()?));
    let centres: Vec<(Coordinate, Measurement)> = points.iter().filter_map(centre).collect();
    let ends = [centres.first()?.clone(), centres.last()?.clone()];
    let sign = if measure.better == Better::Lower { -1.0 } else { 1.0 };
    let is_exact = centres.iter().all(|(_, value)| value.exact().is_some());
    let best = centres.into_iter().filter(|_| is_exact);
    let best = best.max_by(|a, b| (sign * a.1.bound()).total_cmp(&(sign * b.1.bound())));
    let axis = axis.name.clone();
    Some(AxisTrend { axis, at: at.clone(), measure: index, p_adjusted: trend.p, trend, ends, best })
}

/// Holm's step-down adjustment: of m p-values in rising order the k-th is multiplied with m − k + 1, and none is below one
/// before it.
///
/// By hand: 0.01, 0.04 and 0.03 become 0.03, 0.06 and 0.06.
fn adjust(trends: &mut [AxisTrend]) {
    let mut order: Vec<usize> = (0..trends.len()).collect();
    order.sort_by(|&a, &b| trends[a].trend.p.total_cmp(&trends[b].trend.p));
    let mut least = 0.0_f64;
    for (before, &index) in order.iter().enumerate() {
        let adjusted = (trends[index].trend.p * (order.len() - before) as f64).min(1.0);
        least = least.max(adjusted);
        trends[index].p_adjusted = least;
    }
}

/// Which runs of two points are put against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seeds {
    /// Those of one seed.
    Same,
    /// Those of two seeds.
    Different,
}

impl Seeds {
    /// As tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
        }
    }
}

/// How far the forgettable tokens of two points of an axis (or of one, between seeds) agree, at one point of the others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SetOverlap {
    /// A point's place on the axis.
    pub first: usize,
    /// Another's, not below `first`.
    pub second: usize,
    /// The coordinates on the other axes.
    pub at: Coordinates,
    /// Which runs were put against each other.
    pub seeds: Seeds,
    /// One a pair of runs; at least one.
    pub pairs: Vec<Overlap>,
}

impl SetOverlap {
    /// Mean and spread over the pairs; they share runs, so that the spread makes no interval.
    pub fn estimate(&self, get: impl Fn(&Overlap) -> Option<f64>) -> Option<Estimate> {
        Estimate::of(self.pairs.iter().map(get))
    }
}

/// All overlaps of forgettable tokens along an axis, counted in a pass: by place, then by points, the same seed before
/// different ones. Two seeds have different wrong labels, so that they are compared where no label was changed.
pub(super) fn overlaps(rows: &[Row], axis: &ReportAxis, pass: Pass) -> Vec<SetOverlap> {
    let labels_kept = |row: &Row| row.manifest.noise.n_noisy == 0;
    let mut found: Vec<SetOverlap> = Vec::new();
    for (i, a) in rows.iter().enumerate() {
        for b in &rows[i + 1..] {
            let at = a.coordinates.without(&[&axis.name]);
            let seeds = if a.seed == b.seed { Seeds::Same } else { Seeds::Different };
            let same_labels = seeds == Seeds::Same || (labels_kept(a) && labels_kept(b));
            if at != b.coordinates.without(&[&axis.name]) || !same_labels {
                continue;
            }
            let places = [a, b].map(|row| axis.position(&row.coordinates));
            let ([Some(first), Some(second)], [Some(of_a), Some(of_b)]) =
                (places, [a, b].map(|row| row.forgetting(pass)))
            else {
                continue;
            };
            let (first, second, of_a, of_b) =
                if first <= second { (first, second, of_a, of_b) } else { (second, first, of_b, of_a) };
            let overlap = of_a.forgettable.overlap(&of_b.forgettable);
            let same = |pair: &&mut SetOverlap| {
                (pair.first, pair.second, pair.seeds) == (first, second, seeds) && pair.at == at
            };
            match found.iter_mut().find(same) {
                Some(pair) => pair.pairs.push(overlap),
                None => found.push(SetOverlap { first, second, at, seeds, pairs: vec![overlap] }),
            }
        }
    }
    let places: Vec<Coordinates> = found.iter().map(|pair| pair.at.clone()).collect();
    found.sort_by_key(|pair| (places.iter().position(|at| *at == pair.at), pair.first, pair.second, pair.seeds));
    found
}

#[cfg(test)]
mod tests {
    use super::super::measures::{DEV_END, ONSET, SETTLING};
    use super::super::summarise::points;
    use super::super::testing::{phases, row};
    use super::*;

    const MEASURES: [&Measure; 3] = [&DEV_END, &SETTLING, &ONSET];

    fn at(noise: f64, encoder: &str) -> [Coordinate; 2] {
        [Coordinate::noise(noise), Coordinate::new("encoder", encoder)]
    }

    #[test]
    fn differences_are_taken_within_seeds_and_keep_their_bounds() {
        // Dev score 0.7 − 0.8, 0.5 − 0.7; settling 1 − 3 and at least 5 − 4; seed 3 has no twin.
        let rows = [
            row(&at(0.3, "a"), 1, 0.8, phases(Some(1.0), Some(4.0))),
            row(&at(0.3, "b"), 1, 0.7, phases(Some(1.0), Some(2.0))),
            row(&at(0.3, "a"), 2, 0.7, phases(Some(1.0), Some(5.0))),
            row(&at(0.3, "b"), 2, 0.5, phases(Some(7.0), None)),
            row(&at(0.3, "a"), 3, 0.1, phases(Some(1.0), Some(5.0))),
            row(&at(0.0, "a"), 1, 0.9, phases(None, None)),
        ];
        let axes = ReportAxis::all(&rows, &[]);
        let points = points(&rows, &axes);
        let pairs = [["a".to_owned(), "b".to_owned()], ["a".to_owned(), "c".to_owned()]];
        let found = paired(&points, "encoder", &pairs, &MEASURES);
        let [difference] = &found[..] else { panic!("{found:?}") };
        assert_eq!((difference.n_seeds, difference.at.id().as_str()), (2, "noise=0.30"));
        let dev = difference.by[0].unwrap();
        let Summary::Mean(estimate) = dev.summary else { panic!("{dev:?}") };
        assert!((estimate.mean + 0.15).abs() < 1e-12);
        assert_eq!(dev.verdict(), Verdict::Undecided);
        let settling = difference.by[1].unwrap();
        // −2 and at least 1: the median lies between −0.5 and infinity.
        assert_eq!(settling.summary.centre(), Some(Measurement::AtLeast(-0.5)));
        assert_eq!(settling.verdict(), Verdict::Censored);
    }

    #[test]
    fn a_trend_counts_a_bound_as_later_than_what_lies_below_it() {
        let onsets = [(0.1, Some(3.0)), (0.1, Some(4.0)), (0.2, Some(5.0)), (0.2, None), (0.3, None), (0.3, None)];
        let rows: Vec<Row> = onsets
            .iter()
            .enumerate()
            .map(|(i, (noise, onset))| row(&[Coordinate::noise(*noise)], i as u64, 0.5, phases(Some(2.0), *onset)))
            .collect();
        let axes = ReportAxis::all(&rows, &[]);
        let points = points(&rows, &axes);
        let found = trends(&points, &[&axes[0]], &MEASURES, 1);
        let onset = found.iter().find(|trend| trend.measure == 2).unwrap();
        // Of the twelve pairs at different levels ten are in order; the order of the last two is unknown.
        assert!(onset.trend.tau > 0.8 && onset.trend.n == 6, "{onset:?}");
        assert_eq!(onset.ends[0].1, Measurement::Exact(3.5));
        assert_eq!(onset.ends[1].1, Measurement::AtLeast(12.0));
        assert!(found.iter().all(|trend| trend.measure != 0), "a constant has no trend");
    }

    #[test]
    fn p_values_are_adjusted_as_statsmodels_does() {
        // from statsmodels.stats.multitest import multipletests
        // multipletests([0.01, 0.04, 0.03, 0.005], method="holm")[1]  # 0.03, 0.06, 0.06, 0.02
        let trend = |p: f64| AxisTrend {
            axis: "noise".into(),
            at: Coordinates::default(),
            measure: 0,
            trend: Trend { tau: 0.5, p, n: 5 },
            p_adjusted: p,
            ends: [0.1, 0.2].map(|noise| (Coordinate::noise(noise), Measurement::Exact(1.0))),
            best: None,
        };
        let mut all = [0.01, 0.04, 0.03, 0.005].map(trend);
        adjust(&mut all);
        for (found, wanted) in all.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found.p_adjusted - wanted).abs() < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn seeds_are_compared_where_their_labels_are_the_same() {
        let mut rows = Vec::new();
        for seed in [1, 2] {
            for noise in [0.0, 0.3] {
                rows.extend(["a", "b"].map(|encoder| row(&at(noise, encoder), seed, 0.5, phases(None, None))));
            }
        }
        let axes = ReportAxis::all(&rows, &[]);
        let found = overlaps(&rows, &axes[1], Pass::Train);
        let what: Vec<_> = found.iter().map(|of| (of.at.id(), of.first, of.second, of.seeds, of.pairs.len())).collect();
        let (clean, noisy) = ("noise=0.00".to_owned(), "noise=0.30".to_owned());
        let (same, different) = (Seeds::Same, Seeds::Different);
        assert_eq!(
            what,
            [
                (clean.clone(), 0, 0, different, 1),
                (clean.clone(), 0, 1, same, 2),
                (clean.clone(), 0, 1, different, 2),
                (clean, 1, 1, different, 1),
                (noisy, 0, 1, same, 2),
            ]
        );
        assert!(found.iter().flat_map(|of| &of.pairs).all(|overlap| overlap.jaccard() == Some(1.0)));
        assert_eq!(overlaps(&rows[..1], &axes[1], Pass::Train), []);
    }
}
