//! The findings of a report: short sentences, each about one comparison, with its numbers and what they allow to be said.
//! All numbers stand in the tables.

use super::compare::{AxisTrend, Difference, SIGNIFICANT, SetOverlap, Verdict};
use super::measure::{Better, Measure};
use super::summarise::{ReportAxis, place};
use crate::format::signed;
use crate::metrics::Overlap;

/// Sentences at most, the opening apart.
const MOST: usize = 5;
/// Places that one sentence speaks of at most.
const MOST_PLACES: usize = 3;

/// A sentence that a study asks for; it is left out where its comparison has no values.
pub(super) enum Finding {
    /// The trend of a measure along an axis.
    Trend {
        /// The axis's name.
        axis: String,
        /// The measure's key.
        measure: &'static str,
    },
    /// The differences of a measure along an axis.
    Paired {
        /// The axis's name.
        axis: String,
        /// The measure's key.
        measure: &'static str,
    },
    /// Whether the same tokens are forgettable, along an axis.
    Overlap {
        /// The axis's name.
        axis: String,
    },
}

/// What has been compared.
pub(super) struct Compared<'a> {
    /// The axes of the report.
    pub axes: &'a [ReportAxis],
    /// The measures that differences and trends have entries of.
    pub measures: &'a [&'static Measure],
    /// By axis.
    pub differences: Vec<(String, Vec<Difference>)>,
    /// Of all axes.
    pub trends: Vec<AxisTrend>,
    /// By axis.
    pub overlaps: Option<(String, Vec<SetOverlap>)>,
}

/// The sentences there are, in the order in which they are asked for.
pub(super) fn sentences(wanted: &[Finding], compared: &Compared<'_>) -> Vec<String> {
    let all = wanted.iter().flat_map(|finding| match finding {
        Finding::Trend { axis, measure } => compared.trend(axis, measure).into_iter().collect(),
        Finding::Paired { axis, measure } => compared.paired(axis, measure),
        Finding::Overlap { axis } => compared.overlap(axis).into_iter().collect(),
    });
    all.take(MOST).collect()
}

impl Compared<'_> {
    fn axis(&self, name: &str) -> Option<&ReportAxis> {
        self.axes.iter().find(|axis| axis.name == name)
    }

    fn measure(&self, key: &str) -> Option<(usize, &'static Measure)> {
        self.measures
            .iter()
            .enumerate()
            .find(|(_, measure)| measure.key == key)
            .map(|(index, measure)| (index, *measure))
    }

    /// `Dev score, last epoch: decreases with the noise level, 0.905 at 0 % and 0.612 at 50 % (Kendall's τ −0.93, p = 0.002, 8
    /// runs).`
    fn trend(&self, axis: &str, key: &str) -> Option<String> {
        let axis = self.axis(axis)?;
        let (index, measure) = self.measure(key)?;
        let found: Vec<&AxisTrend> =
            self.trends.iter().filter(|trend| trend.axis == axis.name && trend.measure == index).collect();
        let numbers = |trend: &AxisTrend| {
            let [first, last] =
                trend.ends.each_ref().map(|(at, value)| format!("{} at {}", measure.show(*value), axis.label(at)));
            let best = trend.best.as_ref().filter(|(at, _)| trend.ends.iter().all(|(end, _)| end != at));
            let best = best.map_or_else(String::new, |(at, value)| {
                format!(", best {} at {}", measure.show(*value), axis.label(at))
            });
            format!(
                "{first} and {last}{best} (Kendall's τ {}, {}, {} runs)",
                signed(trend.trend.tau, 2),
                probability(trend.p_adjusted),
                trend.trend.n
            )
        };
        let verb = |trend: &AxisTrend| match (trend.p_adjusted < SIGNIFICANT, trend.trend.tau > 0.0) {
            (true, true) => "increases with",
            (true, false) => "decreases with",
            (false, _) => "no significant trend with",
        };
        let (heading, noun) = (measure.heading, axis.noun());
        match found.as_slice() {
            [] => None,
            [trend] => Some(format!("{heading}: {} the {noun}, {}.", verb(trend), numbers(trend))),
            several => {
                let part = |trend: &&AxisTrend| {
                    format!("{}, {} the {noun}, {}", place(&trend.at, self.axes), verb(trend), numbers(trend))
                };
                Some(format!("{heading}: {}.", joined(several.iter().map(part))))
            }
        }
    }

    /// One sentence a pair of points: `Settling length, random minus pretrained: at 30 % noise −2.00 epochs (95 % interval
    /// −3.10 to −0.90, 3 seeds): lower, which is worse.`
    fn paired(&self, axis: &str, key: &str) -> Vec<String> {
        let (Some(axis), Some((index, measure))) = (self.axis(axis), self.measure(key)) else { return Vec::new() };
        let Some((_, differences)) = self.differences.iter().find(|(name, _)| *name == axis.name) else {
            return Vec::new();
        };
        let same = |a: &Difference, b: &Difference| (&a.base, &a.other) == (&b.base, &b.other);
        let sentence = |pair: &[Difference]| {
            let first = pair.first()?;
            let part = |difference: &Difference| {
                let paired = difference.by[index]?;
                let at = place(&difference.at, self.axes);
                let at = if at.is_empty() { at } else { format!("{at} ") };
                let centre = paired.summary.centre()?;
                let bound = centre.censoring().map_or(String::new(), |bound| format!("{} ", bound.name()));
                let value = measure.show_difference(centre.bound());
                let interval = match paired.summary.interval() {
                    Some(interval) => format!(
                        "95 % interval {} to {}, {} seeds",
                        measure.show_difference(interval.low),
                        measure.show_difference(interval.high),
                        paired.summary.n()
                    ),
                    None if paired.summary.n() == 1 => "one seed".to_owned(),
                    None => format!("median of {} seeds", paired.summary.n()),
                };
                let verdict = match paired.verdict() {
                    Verdict::Higher => higher(measure.better),
                    Verdict::Lower => lower(measure.better),
                    Verdict::Undecided => "the interval includes zero",
                    Verdict::OneSeed => "no interval",
                    Verdict::Censored => "censored, no interval",
                };
                Some(format!("{at}{bound}{value}{} ({interval}): {verdict}", measure.unit_of_difference()))
            };
            let parts: Vec<String> = pair.iter().filter_map(part).collect();
            (!parts.is_empty()).then(|| {
                let (base, other) = (axis.label(&first.base), axis.label(&first.other));
                format!("{}, {other} minus {base}: {}.", measure.heading, joined(parts.into_iter()))
            })
        };
        differences.chunk_by(same).filter_map(sentence).collect()
    }

    /// Agreement between seeds of one point, and between points at one seed, at the first place.
    fn overlap(&self, axis: &str) -> Option<String> {
        let (name, overlaps) = self.overlaps.as_ref()?;
        let axis = self.axis(axis).filter(|axis| axis.name == *name)?;
        let first = &overlaps.first()?.at;
        let of = |own: bool| {
            let kappas = overlaps.iter().filter(|pair| pair.at == *first && (pair.first == pair.second) == own);
            let kappas: Vec<f64> = kappas.filter_map(|pair| Some(pair.estimate(Overlap::kappa)?.mean)).collect();
            let (low, high) = (kappas.iter().copied().reduce(f64::min)?, kappas.iter().copied().reduce(f64::max)?);
            Some(if low == high { format!("{low:.2}") } else { format!("{low:.2} to {high:.2}") })
        };
        let parts = [(true, "between seeds of one", ""), (false, "between two", "s")];
        let parts: Vec<String> = parts
            .into_iter()
            .filter_map(|(own, words, end)| Some(format!("{} {words} {}{end}", of(own)?, axis.noun())))
            .collect();
        let at = place(first, self.axes);
        let at = if at.is_empty() { at } else { format!(", {at}") };
        (!parts.is_empty())
            .then(|| format!("Agreement of the forgettable tokens{at} (Cohen's κ, 0 is chance): {}.", parts.join(", ")))
    }
}

fn higher(better: Better) -> &'static str {
    match better {
        Better::Higher => "higher, which is better",
        Better::Lower => "higher, which is worse",
        Better::Neither => "higher",
    }
}

fn lower(better: Better) -> &'static str {
    match better {
        Better::Higher => "lower, which is worse",
        Better::Lower => "lower, which is better",
        Better::Neither => "lower",
    }
}

/// `p = 0.012`, `p < 0.001`.
fn probability(p: f64) -> String {
    if p < 0.001 { "p < 0.001".into() } else { format!("p = {p:.3}") }
}

/// The first parts, and how many there are beyond them.
fn joined(parts: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = parts.collect();
    match all.len().checked_sub(MOST_PLACES) {
        Some(further @ 1..) => {
            format!("{}; and {further} more in the tables", all[..MOST_PLACES].join("; "))
        }
        _ => all.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::super::compare::{paired, trends};
    use super::super::gather::Row;
    use super::super::measures::{DEV_END, SETTLING};
    use super::super::summarise::points;
    use super::super::testing::{phases, row};
    use super::*;
    use crate::run::Coordinate;

    const MEASURES: [&Measure; 2] = [&DEV_END, &SETTLING];

    fn sentences_of(rows: &[Row], pairs: &[[String; 2]], wanted: &[Finding]) -> Vec<String> {
        let axes = ReportAxis::all(rows, &[]);
        let points = points(rows, &axes);
        let ordered: Vec<&ReportAxis> = axes.iter().filter(|axis| axis.is_numeric() && axis.varies()).collect();
        let compared = Compared {
            axes: &axes,
            measures: &MEASURES,
            differences: vec![("encoder".into(), paired(&points, "encoder", pairs, &MEASURES))],
            trends: trends(&points, &ordered, &MEASURES, 1),
            overlaps: None,
        };
        sentences(wanted, &compared)
    }

    #[test]
    fn a_trend_is_claimed_where_it_is_significant() {
        let rows: Vec<Row> = (0..12_u32)
            .map(|i| {
                let noise = f64::from(i % 4) / 10.0;
                row(
                    &[Coordinate::noise(noise)],
                    u64::from(i / 4),
                    0.9 - noise - 0.001 * f64::from(i),
                    phases(Some(2.0), Some(5.0)),
                )
            })
            .collect();
        let along = |measure: &Measure| Finding::Trend { axis: "noise".into(), measure: measure.key };
        let found = sentences_of(&rows, &[], &[along(&DEV_END), along(&SETTLING)]);
        assert_eq!(
            found,
            [
                "Dev score, last epoch: decreases with the noise level, 0.896 at 0\u{a0}% and 0.593 at 30\u{a0}% (Kendall's τ −0.90, p < 0.001, 12 \
              runs)."
            ],
            "settling is constant"
        );
        let few = sentences_of(&rows[..4], &[], &[along(&DEV_END)]);
        assert!(few[0].contains(": no significant trend with the noise level, "), "{few:?}");
    }

    #[test]
    fn a_difference_says_what_its_interval_allows() {
        let at = |encoder: &str| [Coordinate::noise(0.3), Coordinate::new("encoder", encoder)];
        let mut rows = Vec::new();
        for (seed, by) in [(1, 0.10), (2, 0.12), (3, 0.11)] {
            rows.push(row(&at("pretrained"), seed, 0.8, phases(Some(2.0), Some(5.0))));
            rows.push(row(&at("random"), seed, 0.8 - by, phases(Some(2.0), None)));
        }
        let pairs = [["pretrained".to_owned(), "random".to_owned()]];
        let along = |measure: &Measure| Finding::Paired { axis: "encoder".into(), measure: measure.key };
        assert_eq!(
            sentences_of(&rows, &pairs, &[along(&DEV_END), along(&SETTLING)]),
            [
                "Dev score, last epoch, random minus pretrained: −0.110 (95 % interval −0.135 to −0.085, 3 seeds): lower, which \
                 is worse.",
                "Settling length, random minus pretrained: at least +7.00 epochs (median of 3 seeds): censored, no interval."
            ]
        );
        let one = sentences_of(&rows[..2], &pairs, &[along(&DEV_END)]);
        assert!(one[0].ends_with("−0.100 (one seed): no interval."), "{one:?}");
    }
}
