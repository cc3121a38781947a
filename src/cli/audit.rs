//! `memoscope audit`: find wrong labels and put them right.

mod apply;
mod compare;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};

use super::options::{CsvFlag, DryRunFlags, JobsFlag, Loudness, limit_threads, seeds};
use super::output::{errln, json, outln, print};
use super::{estimate, interrupt, progress};
use crate::audit::{self, Audit, AuditSettings, Judgement, Reference, Text, WriteOptions, default_epochs};
use crate::config::DeviceName;
use crate::corpus::{Columns, Split};
use crate::error::{Error, Problem, printable};
use crate::estimate::EFFORT;
use crate::run::Fold;
use crate::words::counted;

const EXAMPLES: &str = "\
Examples:
  memoscope audit mine.txt --model minilm-l6/
      Rank what is probably wrong in mine.txt; then open audits/mine/index.html
  memoscope audit mine.txt --model minilm-l6/ --dry-run
      What would be trained, without doing it
  memoscope audit apply mine.txt decisions.json --out corrected.txt
      Put the decisions made on that page into the file
  memoscope audit compare mine.txt corrected.txt --dev dev.txt --model minilm-l6/
      What the corrections are worth: dev F1 before and after, with intervals
  memoscope audit mine.txt --model minilm-l6/ --gold truth.txt --json
      Where the truth is known: how good the ranking is, beside each single measure
A guide is in docs/audit.md.";

/// Find wrong labels in annotated text, and put them right
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = EXAMPLES)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: Option<AuditCommand>,
    /// An annotated file in CoNLL columns or JSON lines, or a folder with one
    #[arg(required = true)]
    data: Option<PathBuf>,
    /// The file of a folder: train, dev or test
    #[arg(long, default_value = "train")]
    split: SplitName,
    /// Names of the columns where the first is not the token or the last not the tag: id,token,_,tag (`_` is skipped)
    #[arg(long, value_name = "NAMES")]
    columns: Option<Columns>,
    /// The encoder: a folder in transformers' layout, a model of the hub, or `bilstm` for a new bi-LSTM-CRF; `embedded` is
    /// made for the generated corpus alone
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    model: String,
    /// Keep only the first N layers of the encoder
    #[arg(long, value_name = "N")]
    layers: Option<usize>,
    /// Parts of the text, each judged by a model trained on the others; 1 uses training dynamics alone
    #[arg(long, value_name = "K", default_value_t = AuditSettings::default().folds)]
    folds: u32,
    /// Number of seeds (3 is 1, 2, 3), or a list: 1,106; scores are averaged over them
    #[arg(long, value_name = "SEEDS", default_value = "1")]
    seeds: String,
    /// Passes over the text; by default 6, and more for a text of few sentences, up to 30
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Sentences a batch
    #[arg(long, value_name = "N", default_value_t = AuditSettings::default().batch_size)]
    batch_size: usize,
    /// Peak learning rate; by default 1e-4 for an encoder of width 768, more for narrower ones
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    learning_rate: Option<f64>,
    /// Folder for all that is written; by default audits/<file>
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Suspects on the page at most; the other files have all
    #[arg(long, value_name = "N", default_value_t = 2000)]
    shown: usize,
    /// The same text with the true labels: judge the audit
    #[arg(long, value_name = "CLEAN")]
    gold: Option<PathBuf>,
    /// Scores of another tool, to be judged beside ours (with --gold); may be given more than once
    #[arg(long = "with", value_name = "NAME=FILE", requires = "gold")]
    with: Vec<String>,
    #[command(flatten)]
    csv: CsvFlag,
    #[command(flatten)]
    dry: DryRunFlags,
    /// Print the result as JSON
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
    /// `cpu`, `cuda:N` or `metal`
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceName,
    /// Threads of the CPU (all cores by default); at most four for each core, or 16
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    jobs: JobsFlag,
    #[command(flatten)]
    loudness: Loudness,
}

/// What to do about wrong labels.
#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Put decisions about wrong labels into the annotated file
    Apply(apply::ApplyArgs),
    /// Train on the labels before and after corrections, and compare dev F1
    Compare(compare::CompareArgs),
}

/// A split by name.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum SplitName {
    /// The training split.
    Train,
    /// The development split.
    Dev,
    /// The test split.
    Test,
}

impl From<SplitName> for Split {
    fn from(name: SplitName) -> Self {
        match name {
            SplitName::Train => Self::Train,
            SplitName::Dev => Self::Dev,
            SplitName::Test => Self::Test,
        }
    }
}

/// Does what the verb promises.
pub(super) fn run(args: &AuditArgs) -> anyhow::Result<()> {
    match &args.command {
        Some(AuditCommand::Apply(args)) => return apply::run(args),
        Some(AuditCommand::Compare(args)) => return compare::run(args),
        None => {}
    }
    let Some(data) = &args.data else {
        return Err(
            Error::Config(Problem::new("which text is to be audited?").hint("name a file in CoNLL columns")).into()
        );
    };
    let mut settings = AuditSettings {
        model: folder_name(&args.model).to_owned(),
        layers: args.layers,
        folds: args.folds,
        seeds: seeds(&args.seeds)?,
        epochs: args.epochs.unwrap_or_else(|| AuditSettings::default().epochs),
        batch_size: args.batch_size,
        learning_rate: args.learning_rate,
        device: args.device,
    };
    settings.validate()?;
    let text = Text::read(&Text::locate(data, args.split.into())?, args.columns.as_ref())?;
    if args.epochs.is_none() {
        settings.epochs = default_epochs(text.sentences.len(), args.folds, args.batch_size);
    }
    let reference = reference(args, &text)?;
    let folder = args.out.clone().unwrap_or_else(|| default_folder(data, args.split));
    require_own(&folder)?;
    if args.dry.dry_run {
        dry_run(&text, &settings, &folder)?;
        if !args.dry.no_estimate {
            limit_threads(args.threads)?;
            estimate::print(&audit::estimate(&text, &settings, &folder, EFFORT)?, None)?;
        }
        return Ok(());
    }
    limit_threads(args.threads)?;
    let stop = interrupt::stop_flag()?;
    let mut monitor = progress::monitor(args.loudness);
    text.warnings.iter().for_each(|warning| monitor.warning(warning));
    let how = args.jobs.execution(true);
    let audit = audit::perform(&text, &settings, &folder, &how, monitor.as_mut(), &stop)?;
    let judgement = audit.judge(&text, &reference)?;
    let options = WriteOptions { shown: args.shown, text: args.csv.style() };
    audit::write(&text, &settings, &audit, judgement.as_ref(), options, &folder)?;
    let warnings = [audit.warning(), unjudged_warning(&text, audit.unjudged)];
    warnings.iter().flatten().for_each(|warning| monitor.warning(warning));
    drop(monitor);
    match (args.json, &judgement) {
        (true, Some(judgement)) => json(judgement)?,
        (true, None) => json(&audit::summary(&text, &settings, &audit))?,
        (false, _) => {
            if !args.loudness.quiet {
                errln!("{}", report(&text, &audit, judgement.as_ref(), &folder).trim_end());
            }
            outln!("{}", folder.display());
        }
    }
    Ok(())
}

/// Prints what would be done, as `sweep --dry-run` does: the settings as TOML, the trainings below them in comments.
fn dry_run(text: &Text, settings: &AuditSettings, folder: &Path) -> anyhow::Result<()> {
    text.require_folds(settings.folds)?;
    let mut said = toml::to_string(settings).context("the settings cannot be written as TOML")?;
    if settings.learning_rate.is_none() {
        said.push_str("# learning_rate is chosen by the encoder's width\n");
    }
    let n_runs = settings.seeds.len() * settings.folds as usize;
    said.push_str(&format!(
        "\n# {}: {}, {}, {}\n# {}, results in {}\n",
        text.path.display(),
        counted(text.sentences.len(), "sentence"),
        counted(text.n_tokens(), "token"),
        text.scheme,
        counted(n_runs, "training"),
        folder.display()
    ));
    for &seed in &settings.seeds {
        for fold in 0..settings.folds {
            let (trained, judged) = Fold { folds: settings.folds, index: fold }.split(&text.sentences, seed);
            let run = audit::run_folder(folder, seed, fold);
            said.push_str(&format!(
                "#   {}: {} trained on, {} judged\n",
                run.display(),
                counted(trained.len(), "sentence"),
                if settings.folds > 1 { judged.len() } else { trained.len() }
            ));
        }
    }
    print(&said)?;
    Ok(())
}

/// A warning of the tokens that no model could judge; `None` without such.
fn unjudged_warning(text: &Text, unjudged: usize) -> Option<String> {
    let share = 100.0 * unjudged as f64 / text.n_tokens().max(1) as f64;
    // Where it is much, sentences are not separated: one of ordinary length fits into any encoder.
    let cause = if share >= 10.0 { " (is there an empty line after each sentence?)" } else { "" };
    (unjudged > 0).then(|| {
        format!(
            "{unjudged} of {} tokens ({share:.1} %) could not be judged: they are beyond the encoder's maximum length or have \
             no subword{cause}",
            text.n_tokens()
        )
    })
}

/// A folder's name without the slash at its end: spelled either way it is the same model. Where there is no such folder, the
/// slash says that one was meant and not a name on the hub.
fn folder_name(model: &str) -> &str {
    if Path::new(model).is_dir() { model.trim_end_matches(['/', '\\']) } else { model }
}

/// `audits/<file without its ending>`, or of a folder `audits/<folder>-<split>`.
fn default_folder(data: &Path, split: SplitName) -> PathBuf {
    let absolute = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    let name = match data.is_dir() {
        true => absolute.file_name().map(|name| format!("{}-{}", name.to_string_lossy(), Split::from(split).name())),
        false => absolute.file_stem().map(|name| name.to_string_lossy().into_owned()),
    };
    Path::new("audits").join(name.unwrap_or_else(|| "audit".into()))
}

/// Refuses a folder that holds something else than an audit: its files would be written over.
fn require_own(folder: &Path) -> anyhow::Result<()> {
    let is_audit = folder.join("runs").is_dir() || folder.join(audit::SUMMARY_FILE).is_file();
    let is_used = folder.is_file() || folder.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if is_used && !is_audit {
        let problem = Problem::new("the folder holds something else than an audit").at(folder);
        return Err(Error::Config(problem.hint("choose another folder with --out")).into());
    }
    Ok(())
}

/// The truth and what others say, where they are given.
fn reference(args: &AuditArgs, text: &Text) -> anyhow::Result<Reference> {
    let gold = args.gold.as_deref().map(|path| text.aligned(&Text::locate(path, args.split.into())?)).transpose()?;
    let mut others = Vec::new();
    for with in &args.with {
        let Some((name, path)) = with.split_once('=').filter(|(name, path)| !name.is_empty() && !path.is_empty())
        else {
            let problem = Problem::new(format!("`--with {with}` does not name a measure"));
            return Err(Error::Config(problem.hint("write --with NAME=FILE, as in --with cleanlab=issues.csv")).into());
        };
        if audit::MEASURES.contains(&name) || others.iter().any(|(other, _)| other == name) {
            let problem = Problem::new(format!("`--with {with}`: there is a measure named `{name}` already"));
            return Err(Error::Config(problem.hint("choose another name")).into());
        }
        others.push((name.to_owned(), audit::read_scores(Path::new(path), text)?));
    }
    Ok(Reference { gold, others })
}

/// What was found, in a few lines.
fn report(text: &Text, audit: &Audit, judgement: Option<&Judgement>, folder: &Path) -> String {
    let mut lines = Vec::new();
    let expected: f64 = audit.scores.probability.iter().filter(|p| !p.is_nan()).sum();
    let evidence = &audit.evidence;
    let why = match &evidence.phases.memorisation_onset {
        Some(onset) => format!("memorisation begins in epoch {}", onset.epoch),
        None => "no onset of memorisation was seen".to_owned(),
    };
    let likely = audit.suspects.iter().filter(|suspect| suspect.probability >= 0.5).count();
    let (first, last) = (evidence.first_scored_epoch, evidence.scored_epoch);
    lines.push(format!("scored in epochs {first} to {last} of {}: {why}", evidence.f1.len()));
    lines.push(format!(
        "{} stretches of words ranked, {likely} of them more likely wrong than not, in {} sentences; by the estimated \
         probabilities about {expected:.0} of {} tokens are wrong",
        audit.suspects.len(),
        text.sentences.len(),
        text.n_tokens()
    ));
    for of in &audit.types {
        let warning = of.warning.as_ref().map_or_else(String::new, |warning| format!("; {warning}"));
        lines.push(format!(
            "  {}: {} entities, of which {:.0} expected errors; {:.0} expected to be missing{warning}",
            printable(&of.name),
            of.entities,
            of.expected_errors,
            of.expected_missing
        ));
    }
    if let Some(judgement) = judgement {
        let ap = |scores: &Option<crate::metrics::ranking::RankingScores>| match scores {
            Some(scores) => format!("{:.4}", scores.average_precision),
            None => "-".to_owned(),
        };
        let all = &judgement.all;
        lines.push("average precision (tokens, entities, sentences):".to_owned());
        lines.push(format!("  {:<20} {} {} {}", "audit", ap(&all.token), ap(&all.entity), ap(&all.sentence)));
        for (name, unit) in &all.measures {
            lines.push(format!("  {name:<20} {} {} {}", ap(&unit.token), ap(&unit.entity), ap(&unit.sentence)));
        }
        if let Some(scores) = &all.token {
            lines.push(format!("  {:<20} {:.4} (of tokens)", "chance", scores.base_rate));
        }
    }
    lines.push(format!("open {} to work through them", folder.join("index.html").display()));
    lines.join("\n")
}
