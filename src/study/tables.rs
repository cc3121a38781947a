//! The tables of a report: one builder, and the tables that all studies have.

use polars::prelude::*;

use super::compare::{AxisTrend, Difference, SetOverlap};
use super::draw::StudyInput;
use super::measure::Measure;
use super::summarise::{NOISE, Point, ReportAxis, place, summary_columns};
use crate::error::Result;
use crate::metrics::{Estimate, Overlap, Summary};
use crate::report::{Column as Shown, Format, Table};
use crate::run::Coordinates;

/// A table that is put together column by column.
pub(super) struct Builder {
    frame: DataFrame,
    shown: Vec<Shown>,
}

impl Builder {
    /// A table of so many rows.
    pub fn new(n_rows: usize) -> Self {
        Self { frame: DataFrame::empty_with_height(n_rows), shown: Vec::new() }
    }

    fn add(mut self, columns: Vec<Column>, shown: Shown) -> Result<Self> {
        for column in columns {
            self.frame.with_column(column)?;
        }
        self.shown.push(shown);
        Ok(self)
    }

    /// Text.
    pub fn texts<T: Into<String>>(
        self,
        key: &str,
        heading: &str,
        values: impl IntoIterator<Item = Option<T>>,
    ) -> Result<Self> {
        let values: Vec<Option<String>> = values.into_iter().map(|value| value.map(Into::into)).collect();
        self.add(vec![Column::new(key.into(), values)], Shown::new(key, heading, Format::Text))
    }

    /// Numbers in a format.
    pub fn numbers(
        self,
        key: &str,
        heading: &str,
        format: Format,
        values: impl IntoIterator<Item = Option<f64>>,
    ) -> Result<Self> {
        let values: Vec<Option<f64>> = values.into_iter().collect();
        self.add(vec![Column::new(key.into(), values)], Shown::new(key, heading, format))
    }

    /// Whole numbers.
    pub fn counts(self, key: &str, heading: &str, values: impl IntoIterator<Item = usize>) -> Result<Self> {
        let values: Vec<u64> = values.into_iter().map(|value| value as u64).collect();
        self.add(vec![Column::new(key.into(), values)], Shown::new(key, heading, Format::Integer))
    }

    /// Summaries over seeds, shown with their deviation or with their interval, as the format has it.
    pub fn summaries(
        self,
        key: &str,
        heading: &str,
        format: Format,
        values: impl IntoIterator<Item = Option<Summary>>,
    ) -> Result<Self> {
        let values: Vec<Option<Summary>> = values.into_iter().collect();
        self.add(summary_columns(key, &values), Shown::new(key, heading, format))
    }

    /// A measure over seeds, in one of its formats.
    pub fn measure(
        self,
        measure: &Measure,
        format: Format,
        values: impl IntoIterator<Item = Option<Summary>>,
    ) -> Result<Self> {
        let values: Vec<Option<Summary>> = values.into_iter().collect();
        let shown = Shown::new(measure.key, measure.heading_with_unit(), format).short(measure.short);
        self.add(summary_columns(measure.key, &values), shown)
    }

    /// A shorter heading of the column that was added last.
    pub fn short(mut self, heading: &str) -> Self {
        if let Some(column) = self.shown.pop() {
            self.shown.push(column.short(heading));
        }
        self
    }

    /// Why values of the column `key` are absent.
    fn absent<'a>(mut self, key: &str, reasons: impl IntoIterator<Item = Option<&'a str>>) -> Result<Self> {
        let reasons: Vec<Option<&str>> = reasons.into_iter().collect();
        if reasons.iter().any(Option::is_some) {
            self.frame.with_column(Column::new(format!("{key}_absent").into(), reasons))?;
        }
        Ok(self)
    }

    /// Means with their spread.
    pub fn estimates(
        self,
        key: &str,
        heading: &str,
        format: Format,
        values: impl IntoIterator<Item = Option<Estimate>>,
    ) -> Result<Self> {
        self.summaries(key, heading, format, values.into_iter().map(|value| value.map(Summary::Mean)))
    }

    /// One column an axis that varies.
    pub fn axes<'a>(
        mut self,
        places: impl Iterator<Item = &'a Coordinates> + Clone,
        axes: &[ReportAxis],
    ) -> Result<Self> {
        for axis in axes.iter().filter(|axis| axis.varies()) {
            let of = places.clone().map(|place| place.get(&axis.name));
            let number = of.clone().map(|of| of.and_then(|of| of.value.as_f64()));
            self = match axis.is_numeric() {
                true if axis.name == NOISE => self.numbers(&axis.name, "Noise", Format::Percent(0), number)?,
                true if of.clone().flatten().all(|of| of.value.is_u64()) => {
                    self.numbers(&axis.name, &axis.heading, Format::Integer, number)?
                }
                _ => self.texts(&axis.name, &axis.heading, of.map(|of| of.map(|of| of.label.clone())))?,
            };
        }
        Ok(self)
    }

    /// The table.
    pub fn table(self, name: &str, title: impl Into<String>, caption: impl Into<String>) -> Result<Table> {
        Table::from_frame(&self.frame, name, title, caption, self.shown)
    }
}

/// One row a point of the grid: its number of runs and the measures, means over seeds. `further` is put behind the caption
/// that all such tables have.
pub(super) fn measures(
    points: &[Point<'_>],
    axes: &[ReportAxis],
    measures: &[&Measure],
    [name, title, further]: [&str; 3],
) -> Result<Table> {
    let mut table = Builder::new(points.len()).axes(points.iter().map(|point| &point.coordinates), axes)?.counts(
        "runs",
        "Runs",
        points.iter().map(|point| point.rows.len()),
    )?;
    for measure in measures {
        let summaries = points.iter().map(|point| point.summary(measure));
        let reasons = points.iter().map(|point| point.absent(measure));
        table = table.measure(measure, measure.format(), summaries)?.absent(measure.key, reasons)?;
    }
    let censored = points.iter().any(|point| {
        measures.iter().any(|measure| point.summary(measure).is_some_and(|summary| summary.n_censored() > 0))
    });
    let mut caption = "Means over seeds ± sample standard deviation.".to_owned();
    if censored {
        caption.push_str(
            " Where the value of a run is only known to be at least (≥) or at most (≤) a bound, the median over seeds is shown.",
        );
    }
    for part in [further.to_owned(), without_value(points, axes, measures)] {
        if !part.is_empty() {
            caption = format!("{caption} {part}");
        }
    }
    table.table(name, title, caption)
}

/// Which means leave out runs: at each point the measures that some of its runs have, and how many.
fn without_value(points: &[Point<'_>], axes: &[ReportAxis], measures: &[&Measure]) -> String {
    let mut found = Vec::new();
    for measure in measures {
        for point in points {
            let (n, all) = (point.summary(measure).map_or(0, |summary| summary.n()), point.rows.len());
            if 0 < n && n < all {
                let at = place(&point.coordinates, axes);
                let mut reasons = point.rows.iter().filter_map(|row| (measure.of)(row).err()).map(|absent| absent.0);
                let reason = reasons.next().unwrap_or_default();
                found.push(format!("{} {at} ({n} of {all}; {reason})", measure.heading));
            }
        }
    }
    if found.is_empty() { found.join("") } else { format!("Fewer runs have a value: {}.", found.join(", ")) }
}

/// One row a pair of points: differences, with their intervals.
pub(super) fn differences(
    differences: &[Difference],
    axis: &ReportAxis,
    others: &[ReportAxis],
    measures: &[&Measure],
) -> Result<Table> {
    let all = || differences.iter();
    let mut table = Builder::new(differences.len())
        .texts("base", "Base", all().map(|difference| Some(axis.label(&difference.base))))?
        .texts("other", "Compared", all().map(|difference| Some(axis.label(&difference.other))))?
        .axes(all().map(|difference| &difference.at), others)?
        .counts("seeds", "Seeds", all().map(|difference| difference.n_seeds))?;
    let mut unknown = Vec::new();
    for (index, measure) in measures.iter().enumerate() {
        let values = all().map(|difference| difference.by[index].map(|paired| paired.summary));
        if values.clone().any(|value| value.is_some()) {
            table = table.measure(measure, measure.format_of_difference(), values)?;
        } else {
            unknown.push(measure.heading);
        }
    }
    let unknown = match unknown.is_empty() {
        true => String::new(),
        false => format!(" No difference is known, and no column shown, of: {}.", unknown.join("; ")),
    };
    table.table(
        &format!("differences_{}", file_stem(&axis.name)),
        format!("Differences by {}", axis.noun()),
        "Compared minus base, seed by seed: mean over the seeds that have both values, with Student's 95 % interval of the \
         mean; one seed has none. An interval that includes zero does not tell the two apart. Where a value is censored, the \
         median difference is shown, without an interval. Differences of shares are in percentage points.".to_owned()
            + &unknown,
    )
}

/// One row a trend.
pub(super) fn trends(trends: &[AxisTrend], axes: &[ReportAxis], measures: &[&Measure]) -> Result<Table> {
    let all = || trends.iter();
    let heading = |trend: &AxisTrend| {
        let axis = axes.iter().find(|axis| axis.name == trend.axis);
        axis.map_or_else(|| trend.axis.clone(), |axis| axis.heading.clone())
    };
    let fixed: Vec<ReportAxis> =
        axes.iter().filter(|axis| trends.iter().any(|trend| trend.at.get(&axis.name).is_some())).cloned().collect();
    Builder::new(trends.len())
        .texts("measure", "Measure", all().map(|trend| Some(measures[trend.measure].heading)))?
        .texts("axis", "Axis", all().map(|trend| Some(heading(trend))))?
        .axes(all().map(|trend| &trend.at), &fixed)?
        .numbers("tau", "Kendall's τ", Format::Decimal(2), all().map(|trend| Some(trend.trend.tau)))?
        .numbers("p", "p", Format::Decimal(4), all().map(|trend| Some(trend.trend.p)))?
        .numbers("p_adjusted", "p, adjusted", Format::Decimal(4), all().map(|trend| Some(trend.p_adjusted)))?
        .counts("runs", "Runs", all().map(|trend| trend.trend.n))?
        .table(
            "trends",
            "Trends",
            "Kendall's τ-b of each measure with the axis, over all runs at one point of the other axes, and the p-value of a \
             permutation test (two-sided; exact for up to eight runs, else 10,000 assignments). Adjusted: for the number of trends in this table (Holm). Where \
             only a bound is known, pairs whose order is uncertain count as ties.",
        )
}

/// One row a pair of points: how far their forgettable tokens agree.
pub(super) fn overlaps(overlaps: &[SetOverlap], axis: &ReportAxis, others: &[ReportAxis], pass: &str) -> Result<Table> {
    let all = || overlaps.iter();
    let label = |place: usize| axis.points.get(place).map(|point| axis.label(point));
    let mean = |get: fn(&Overlap) -> Option<f64>| all().map(move |pair| pair.estimate(get));
    Builder::new(overlaps.len())
        .axes(all().map(|pair| &pair.at), others)?
        .texts("first", &axis.heading, all().map(|pair| label(pair.first)))?
        .texts("second", "and", all().map(|pair| label(pair.second)))?
        .texts("seeds", "Seeds", all().map(|pair| Some(pair.seeds.name())))?
        .counts("pairs", "Pairs", all().map(|pair| pair.pairs.len()))?
        .estimates("tokens", "Tokens", Format::Mean(0), mean(|overlap| Some(overlap.n as f64)))?
        .estimates("jaccard", "Jaccard", Format::Mean(3), mean(Overlap::jaccard))?
        .estimates("by_chance", "by chance", Format::Mean(3), mean(Overlap::jaccard_by_chance))?
        .estimates("kappa", "Cohen's κ", Format::Mean(3), mean(Overlap::kappa))?
        .table(
            "overlap",
            "Overlap of forgettable tokens",
            format!(
                "Agreement of the forgettable tokens of two runs, counted in the {pass} pass, among the tokens that both \
                 presented; means over pairs of runs ± sample standard deviation. Jaccard index: tokens in both sets among \
                 those in either; by chance: that of independent sets of these sizes. Cohen's κ: agreement beyond chance, \
                 which can be compared between runs that forget much and little. Wrong labels differ between seeds, so that \
                 seeds are compared where there are none."
            ),
        )
}

/// One row a run: what it was made from, its noise, and how long it took.
pub(super) fn runs(input: &StudyInput<'_>) -> Result<Table> {
    let manifests = || input.runs.iter().map(|run| &run.manifest);
    let short = |hash: &str| Some(hash.chars().take(12).collect::<String>());
    Builder::new(input.runs.len())
        .texts("run", "Run", manifests().map(|m| Some(m.config.id.clone())))?
        .counts("sentences", "Sentences", manifests().map(|m| m.encoding.train_sentences))?
        .counts("tokens", "Tokens", manifests().map(|m| m.noise.n_tokens))?
        .numbers("requested", "Noise", Format::Percent(0), manifests().map(|m| Some(m.noise.requested_rate)))?
        .numbers("realised", "realised", Format::Percent(1), manifests().map(|m| Some(m.noise.realised_rate)))?
        .counts("truncated", "Truncated", manifests().map(|m| m.encoding.train_tokens_truncated))?
        .counts("epochs", "Epochs", manifests().map(|m| m.epochs_finished as usize))?
        .numbers("seconds", "Training, s", Format::Decimal(1), manifests().map(|m| Some(m.wall_seconds)))?
        .texts("data", "Data", manifests().map(|m| short(&m.data.fingerprint)))?
        .texts("model", "Model", manifests().map(|m| short(&m.model.fingerprint)))?
        .texts("configuration", "Configuration", manifests().map(|m| short(&m.config_hash)))?
        .table(
            "runs",
            "Runs",
            "Noise: requested level, and realised share of wrong labels among the training tokens; a \
             randomly drawn label can be the gold label. Truncated: training tokens beyond the length limit, neither trained on nor scored. Data, model and \
             configuration: the first twelve digits of their SHA-256; the manifests have all.",
        )
}

/// One row a run with a class cap: what the cap left of the training split; nothing where no run has one.
pub(super) fn caps(input: &StudyInput<'_>) -> Result<Option<Table>> {
    let capped: Vec<_> = input.runs.iter().filter_map(|run| Some((run, run.manifest.cap.as_ref()?))).collect();
    if capped.is_empty() {
        return Ok(None);
    }
    let all = || capped.iter().map(|(_, cap)| cap);
    let lost = |types: Vec<&str>| (!types.is_empty()).then(|| types.join(", "));
    Builder::new(capped.len())
        .texts("run", "Run", capped.iter().map(|(run, _)| Some(run.manifest.config.id.clone())))?
        .counts("kept", "With the class", all().map(|cap| cap.kept.len()))?
        .counts("available", "of", all().map(|cap| cap.available))?
        .counts("sentences", "All sentences", all().map(|cap| cap.sentences[1]))?
        .counts("sentences_before", "of", all().map(|cap| cap.sentences[0]))?
        .counts("tokens", "Tokens", all().map(|cap| cap.tokens[1]))?
        .texts("lost", "Other types lost", all().map(|cap| lost(cap.types_lost())))?
        .table(
            "caps",
            "Training sentences kept by the class caps",
            "The kept sentences are nested: at one seed those of a smaller number are among those of a larger one; each \
             manifest lists them. Dev and test are unchanged.",
        )
        .map(Some)
}

/// A name as part of a file's name.
pub(super) fn file_stem(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::measures::{DEV_END, ONSET, SETTLING};
    use super::super::summarise::points;
    use super::super::testing::{phases, row};
    use super::*;
    use crate::report::Cell;
    use crate::run::Coordinate;

    #[test]
    fn a_mean_says_which_runs_it_leaves_out() {
        let at = [Coordinate::noise(0.3)];
        let rows = [
            row(&at, 1, 0.5, phases(Some(2.0), Some(5.0))),
            row(&at, 2, 0.7, phases(None, Some(5.0))),
            row(&[Coordinate::noise(0.0)], 1, 0.9, phases(None, None)),
        ];
        let axes = ReportAxis::all(&rows, &[]);
        let table = measures(&points(&rows, &axes), &axes, &[&DEV_END, &SETTLING, &ONSET], ["m", "M", ""]).unwrap();
        let said = "Fewer runs have a value: Settling length at 30\u{a0}% noise (1 of 2; no end of fitting found).";
        assert!(table.caption.ends_with(said), "{}", table.caption);
        assert!(matches!(table.rows[0][3], Cell::Absent { .. }), "{:?}", table.rows[0]);
        let headings: Vec<&str> = table.columns.iter().map(|column| column.heading.as_str()).collect();
        let wanted =
            ["Noise", "Runs", "Dev score, last epoch", "Settling length, epochs", "Onset of memorisation, epoch"];
        assert_eq!(headings, wanted);
    }
}
