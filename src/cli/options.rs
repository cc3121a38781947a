//! The flags that `sweep`, `train` and `figures` share: an experiment, and what differs from it.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{Experiment, Layers, Seeds};
use crate::dynamics::CsvText;
use crate::error::{Error, Problem, Result};
use crate::exec::{Execution, Jobs};
use crate::figures::theme::{GREATEST_WIDTH, LEAST_WIDTH};
use crate::figures::{Print, Width, font};

/// Settings with a flag of their own, and `--set` for all others. Later ones win: the experiment file, these flags,
/// words, `--set`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings (each corresponds to a key of the experiment file)")]
pub(super) struct SettingFlags {
    /// Corpus: `embedded`, a folder with train, dev and test, or a data set of the hub (conll03, jnlpba, wnut17, org/name)
    #[arg(long, value_name = "DATA")]
    data: Option<String>,
    /// Column names if the first column is not the token or the last not the tag, for example id,token,_,tag (`_` is
    /// skipped)
    #[arg(long, value_name = "NAMES")]
    columns: Option<String>,
    /// Encoder: `embedded`, a folder in the layout of transformers, a model of the hub (bert-base-cased, org/name@revision),
    /// or `bilstm` (a new bi-LSTM for the words of the corpus)
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Head: `linear`, `crf` or `prototypes`
    #[arg(long, value_name = "HEAD")]
    head: Option<String>,
    /// Keep only the first N layers of the model
    #[arg(long, value_name = "N")]
    model_layers: Option<String>,
    /// Initialise all weights of the encoder randomly
    #[arg(long)]
    random_init: bool,
    /// Noise levels, 0 to 1, separated by commas
    #[arg(long, value_name = "LEVELS", allow_hyphen_values = true)]
    noise: Option<String>,
    /// Entity types to cap, separated by commas (study class-caps)
    #[arg(long, value_name = "TYPES")]
    classes: Option<String>,
    /// Numbers of training sentences with the capped entity type to keep, separated by commas (study class-caps)
    #[arg(long, value_name = "NUMBERS", allow_hyphen_values = true)]
    sentences: Option<String>,
    /// Heads to compare: `linear`, `crf`, `prototypes`, separated by commas (study class-caps)
    #[arg(long, value_name = "HEADS")]
    heads: Option<String>,
    /// Names of the experiment's encoders to compare, separated by commas (study forgetting)
    #[arg(long, value_name = "NAMES")]
    encoders: Option<String>,
    /// Number of seeds (3 means 1, 2, 3), or a list such as 1,106
    #[arg(long, value_name = "SEEDS", allow_hyphen_values = true)]
    seeds: Option<String>,
    /// Number of epochs
    #[arg(long, value_name = "N")]
    epochs: Option<String>,
    /// Batch size in sentences
    #[arg(long, value_name = "N")]
    batch_size: Option<String>,
    /// Peak learning rate
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    learning_rate: Option<String>,
    /// Device: `cpu`, `cuda:N` or `metal`
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Number of CPU threads, at most four per core or 16 (default: number of cores)
    #[arg(long, value_name = "N")]
    threads: Option<String>,
    /// Name of the study and of its folders under runs/ and reports/
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Set any setting, for example train.learning_rate=5e-4; can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Make a setting an axis of the grid, for example train.learning_rate=1e-4,5e-4; can be repeated. The values of an axis
    /// of named points are names
    #[arg(long = "vary", value_name = "KEY=VALUES")]
    vary: Vec<String>,
}

/// How text is written into CSV files.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct CsvFlag {
    /// In CSV and TSV files, put an apostrophe before text that spreadsheets would interpret as a formula
    #[arg(long)]
    csv_safe: bool,
}

impl CsvFlag {
    /// The style that the flag asks for.
    pub(super) fn style(self) -> CsvText {
        if self.csv_safe { CsvText::Safe } else { CsvText::Exact }
    }
}

/// Whether a report's page holds text of the corpus.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct EmbedFlag {
    /// Embed a sample of sentences in the page of the report, to list the tokens behind a mark. Many corpora must not be
    /// redistributed
    #[arg(long)]
    embed_text: bool,
}

impl EmbedFlag {
    /// Adds the flag to the experiment's own setting.
    pub(super) fn apply(self, experiment: &mut Experiment) {
        experiment.study.embed_text |= self.embed_text;
    }
}

/// How a report's figures are printed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Figures")]
pub(super) struct FigureFlags {
    /// Width of the figures: `column` (238 points, one column of a two-column paper), `text` (496 points), or a number of points
    /// from 180 to 1200. Text has at least 7 points at each width
    #[arg(long, value_name = "WIDTH", default_value = "text", value_parser = width)]
    width: Width,
    /// Leave out the titles of the figures, for papers with captions
    #[arg(long)]
    no_title: bool,
    /// File formats of the figures: `svg`, `png` and `pdf`, separated by commas. SVG and PNG are always written, because the
    /// report shows them
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', default_value = "svg,png")]
    format: Vec<FigureFormat>,
    /// TrueType or OpenType font for characters that are not in the built-in font of the figures, such as Chinese names of
    /// entity types
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
}

/// A file format of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FigureFormat {
    Svg,
    Png,
    Pdf,
}

impl FigureFlags {
    /// How figures are printed; all figures of this process are drawn with the font.
    ///
    /// # Errors
    /// As [`font::add`].
    pub(super) fn apply(&self) -> Result<Print> {
        self.font.as_deref().map_or(Ok(()), font::add)?;
        Ok(Print { width: self.width, title: !self.no_title, pdf: self.format.contains(&FigureFormat::Pdf) })
    }
}

/// A width of figures from the command line.
fn width(typed: &str) -> std::result::Result<Width, String> {
    let (least, greatest) = (LEAST_WIDTH, GREATEST_WIDTH);
    match typed {
        "column" => Ok(Width::Column),
        "text" => Ok(Width::Full),
        _ => typed
            .strip_suffix("pt")
            .unwrap_or(typed)
            .trim()
            .parse()
            .ok()
            .filter(|points| (least..=greatest).contains(points))
            .map(Width::Points)
            .ok_or_else(|| format!("expected `column`, `text` or a number of points from {least} to {greatest}")),
    }
}

/// How many runs at once.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct JobsFlag {
    /// Number of runs at once, each in its own process with an equal share of the threads; `auto` uses as many as cores and
    /// memory allow. The results do not depend on it
    #[arg(long, value_name = "N", default_value = "auto")]
    jobs: Jobs,
}

impl JobsFlag {
    /// How runs are done.
    pub(super) fn execution(self, fail_fast: bool) -> Execution {
        Execution::of_this_program(self.jobs, fail_fast)
    }
}

/// How much is said on the way.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct Loudness {
    /// Print only warnings and errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Also print every evaluation and details of the loaded model
    #[arg(short, long)]
    pub(super) verbose: bool,
}

impl SettingFlags {
    /// The experiment of these layers.
    pub(super) fn experiment(&self, file: Option<&Path>, words: &[String], out: Option<&Path>) -> Result<Experiment> {
        let layers = self.layers(file, words, out)?;
        layers.finish()
    }

    /// The layers, for a verb that has something to lay over them.
    pub(super) fn layers(&self, file: Option<&Path>, words: &[String], out: Option<&Path>) -> Result<Layers> {
        let mut layers = Layers::new();
        if let Some(file) = file {
            layers.file(file)?;
        }
        for (name, value) in self.named() {
            if let Some(value) = value {
                layers.set(name, value, &format!("--{name} {value}"))?;
            }
        }
        if self.random_init {
            layers.set("random-init", "true", "--random-init")?;
        }
        if let Some(out) = out {
            let out = out.to_string_lossy();
            layers.set("out", &out, &format!("--out {out}"))?;
        }
        for word in words {
            let (key, value) = split(word, word)?;
            layers.set(key, value, word)?;
        }
        for setting in &self.set {
            let typed = format!("--set {setting}");
            let (key, value) = split(setting, &typed)?;
            layers.set(key, value, &typed)?;
        }
        for axis in &self.vary {
            let typed = format!("--vary {axis}");
            let (key, values) = split(axis, &typed)?;
            layers.vary(key, values, &typed)?;
        }
        Ok(layers)
    }

    fn named(&self) -> [(&'static str, Option<&String>); 17] {
        [
            ("data", self.data.as_ref()),
            ("columns", self.columns.as_ref()),
            ("model", self.model.as_ref()),
            ("head", self.head.as_ref()),
            ("model-layers", self.model_layers.as_ref()),
            ("noise", self.noise.as_ref()),
            ("classes", self.classes.as_ref()),
            ("sentences", self.sentences.as_ref()),
            ("heads", self.heads.as_ref()),
            ("encoders", self.encoders.as_ref()),
            ("seeds", self.seeds.as_ref()),
            ("epochs", self.epochs.as_ref()),
            ("batch-size", self.batch_size.as_ref()),
            ("learning-rate", self.learning_rate.as_ref()),
            ("device", self.device.as_ref()),
            ("threads", self.threads.as_ref()),
            ("name", self.name.as_ref()),
        ]
    }

    /// True if no flag was given.
    pub(super) fn is_empty(&self) -> bool {
        self.named().iter().all(|(_, value)| value.is_none())
            && !self.random_init
            && self.set.is_empty()
            && self.vary.is_empty()
    }
}

/// What a dry run does.
#[derive(Debug, Args)]
pub(super) struct DryRunFlags {
    /// Print the configuration, the runs and an estimate of time and disk space without writing anything. The estimate loads
    /// data and models (also from the hub) and times a few steps of each kind of run
    #[arg(long)]
    pub(super) dry_run: bool,
    /// With --dry-run: skip the estimate and load nothing
    #[arg(long, requires = "dry_run")]
    pub(super) no_estimate: bool,
}

/// Seeds from the command line: a number of them, or a list.
///
/// # Errors
/// [`Error::Config`] if it is neither.
pub(super) fn seeds(typed: &str) -> Result<Vec<u64>> {
    let refuse = || {
        Error::Config(
            Problem::new(format!("`--seeds {typed}` is neither a number of seeds nor a list"))
                .hint("write 3 for the seeds 1, 2, 3, or a list such as 1,106"),
        )
    };
    match typed.split_once(',') {
        None => {
            let seeds = Seeds::Count(typed.trim().parse().map_err(|_| refuse())?);
            seeds.check().map_err(|what| {
                Error::Config(Problem::new(format!("--seeds {typed}: {what}")).hint("give fewer seeds"))
            })?;
            Ok(seeds.list())
        }
        Some(_) => {
            let parts = typed.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(|part| part.parse().map_err(|_| refuse())).collect()
        }
    }
}

/// Sorts positional words into the experiment file and `key=value` settings. The first word is the file unless it is
/// a setting; a file whose name holds `=` is recognised by being there.
pub(super) fn sort_words(words: &[String]) -> (Option<PathBuf>, &[String]) {
    match words.split_first() {
        Some((first, rest)) if !first.contains('=') || Path::new(first).is_file() => (Some(first.into()), rest),
        _ => (None, words),
    }
}

fn split<'a>(setting: &'a str, typed: &str) -> Result<(&'a str, &'a str)> {
    setting.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        Error::Config(
            Problem::new(format!("`{typed}` is not a setting"))
                .hint("write KEY=VALUE, for example train.learning_rate=5e-4 or epochs=8"),
        )
    })
}

/// Threads of the CPU that a process may have: four for each core, at least 16. More are never faster, and thousands of them
/// keep a process from ending.
fn most_threads() -> usize {
    const FOR_EACH_CORE: usize = 4;
    const AT_LEAST: usize = 16;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (FOR_EACH_CORE * cores).max(AT_LEAST)
}

/// Refuses a number of threads that is 0 or more than [`most_threads`]; `setting` is what was typed.
fn check_threads(threads: usize, setting: &str) -> Result<()> {
    let most = most_threads();
    let what = match threads {
        0 => format!("{setting}: there must be at least 1 thread"),
        _ if threads > most => format!("{setting}: at most {most} threads on this machine, four for each core"),
        _ => return Ok(()),
    };
    Err(Error::Config(Problem::new(what).hint("leave it out to use all cores")))
}

/// Refuses too many threads in the variable that the thread pool reads.
///
/// # Errors
/// [`Error::Config`] if it asks for more than the limit. What is no number the thread pool ignores.
pub(super) fn require_few_threads() -> Result<()> {
    const VARIABLE: &str = "RAYON_NUM_THREADS";
    match std::env::var(VARIABLE).ok().and_then(|value| value.parse::<usize>().ok()) {
        // To the thread pool, 0 is all cores.
        None | Some(0) => Ok(()),
        Some(threads) => check_threads(threads, &format!("{VARIABLE}={threads}")),
    }
}

/// Refuses an experiment that asks for more threads than this machine may have, before anything is done.
///
/// # Errors
/// [`Error::Config`]. Another machine may have written the experiment: whoever only reads it does not call this.
pub(super) fn require_threads_of(experiment: &Experiment) -> Result<()> {
    experiment.threads.map_or(Ok(()), |threads| check_threads(threads, &format!("threads = {threads}")))
}

/// Limits the CPU threads of this process; without a number all cores are used.
///
/// # Errors
/// [`Error::Config`] if there are too many; [`Error::Internal`] if the thread pool was started already.
pub(super) fn limit_threads(threads: Option<usize>) -> Result<()> {
    let Some(threads) = threads else { return Ok(()) };
    check_threads(threads, &format!("--threads {threads}"))?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|e| Error::Internal(format!("the number of threads cannot be set: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_width_has_a_name_or_a_number_of_points() {
        assert_eq!((width("column"), width("text")), (Ok(Width::Column), Ok(Width::Full)));
        assert_eq!((width("219.1"), width("300pt")), (Ok(Width::Points(219.1)), Ok(Width::Points(300.0))));
        for typed in ["", "wide", "NaN", "0", "179", "1201", "-200", "8.4cm"] {
            assert!(width(typed).is_err(), "{typed}");
        }
    }
}
