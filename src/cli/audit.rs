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
use crate::corpus::{Columns, Split};
use crate::error::{Error, Problem, printable};
use crate::estimate::EFFORT;
use crate::format::percent_fixed;
use crate::model::DeviceName;
use crate::run::Fold;

const EXAMPLES: &str = "\
Examples:
  memoscope audit mine.txt --model minilm-l6/
      Rank probable errors in mine.txt; then open audits/mine/index.html
  memoscope audit mine.txt --model minilm-l6/ --dry-run
      Show the settings and trainings without doing them
  memoscope audit apply mine.txt decisions.json --out corrected.txt
      Apply the decisions that were exported from the page
  memoscope audit compare mine.txt corrected.txt --dev dev.txt --model minilm-l6/
      SuspicionMeasure the effect of corrections: dev F1 before and after, with confidence intervals
  memoscope audit mine.txt --model minilm-l6/ --gold truth.txt --json
      With gold labels: evaluate the ranking and all single measures
See docs/audit.md.";

/// Find wrong labels in annotated text and correct them
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = EXAMPLES)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: Option<AuditCommand>,
    /// Annotated file in CoNLL columns or JSON lines, or a folder that contains it
    #[arg(required = true)]
    data: Option<PathBuf>,
    /// Split of a folder to audit: train, dev or test
    #[arg(long, default_value = "train")]
    split: SplitName,
    /// Column names if the first column is not the token or the last not the tag, for example id,token,_,tag (`_` is skipped)
    #[arg(long, value_name = "NAMES")]
    columns: Option<Columns>,
    /// Encoder: a folder in the layout of transformers, a model of the hub, or `bilstm` for a new bi-LSTM-CRF; `embedded` is
    /// only suitable for the generated corpus
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    model: String,
    /// Keep only the first N layers of the encoder
    #[arg(long, value_name = "N")]
    layers: Option<usize>,
    /// Number of folds; each is scored by a model trained on the others. 1 uses only training dynamics
    #[arg(long, value_name = "K", default_value_t = AuditSettings::default().folds)]
    folds: u32,
    /// Number of seeds (3 means 1, 2, 3), or a list such as 1,106; scores are averaged over seeds
    #[arg(long, value_name = "SEEDS", default_value = "1")]
    seeds: String,
    /// Number of epochs (default: 6, and up to 30 for a small corpus)
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Batch size in sentences
    #[arg(long, value_name = "N", default_value_t = AuditSettings::default().batch_size)]
    batch_size: usize,
    /// Peak learning rate (default: 1e-4 for hidden size 768, higher for smaller encoders)
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    learning_rate: Option<f64>,
    /// Output folder (default: audits/<file>)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Maximum number of suspects on the page; the other files contain all
    #[arg(long, value_name = "N", default_value_t = 2000)]
    shown: usize,
    /// The same text with gold labels, to evaluate the audit
    #[arg(long, value_name = "CLEAN")]
    gold: Option<PathBuf>,
    /// Scores of another tool, evaluated as well (requires --gold); can be repeated
    #[arg(long = "with", value_name = "NAME=FILE", requires = "gold")]
    with: Vec<String>,
    #[command(flatten)]
    csv: CsvFlag,
    #[command(flatten)]
    dry: DryRunFlags,
    /// Print JSON
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
    /// Device: `cpu`, `cuda:N` or `metal`
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceName,
    /// Number of CPU threads, at most four per core or 16 (default: number of cores)
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    jobs: JobsFlag,
    #[command(flatten)]
    loudness: Loudness,
}

/// Actions on wrong labels.
#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Apply decisions about wrong labels to the annotated file
    Apply(apply::ApplyArgs),
    /// Train on the labels before and after corrections and compare dev F1
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

/// Runs the command.
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
        said.push_str("# learning_rate is determined by the hidden size of the encoder\n");
    }
    let n_runs = settings.seeds.len() * settings.folds as usize;
    said.push_str(&format!(
        "\n# {}: {} sentences, {} tokens, {}\n# {n_runs} {}, results in {}\n",
        text.path.display(),
        text.sentences.len(),
        text.n_tokens(),
        text.scheme,
        if n_runs == 1 { "training" } else { "trainings" },
        folder.display()
    ));
    for &seed in &settings.seeds {
        for fold in 0..settings.folds {
            let (trained, judged) = Fold { folds: settings.folds, index: fold }.split(&text.sentences, seed);
            let run = audit::run_folder(folder, seed, fold);
            said.push_str(&format!(
                "#   {}: {} training sentences, {} scored\n",
                run.display(),
                trained.len(),
                if settings.folds > 1 { judged.len() } else { trained.len() }
            ));
        }
    }
    print(&said)?;
    Ok(())
}

/// A warning of the tokens that no model could judge; `None` without such.
fn unjudged_warning(text: &Text, unjudged: usize) -> Option<String> {
    let share = unjudged as f64 / text.n_tokens().max(1) as f64;
    // Where it is much, sentences are not separated: one of ordinary length fits into any encoder.
    let cause = if share >= 0.1 { " (is there an empty line after each sentence?)" } else { "" };
    (unjudged > 0).then(|| {
        format!(
            "{unjudged} of {} tokens ({}) could not be scored: they are beyond the encoder's maximum length or have \
             no subword{cause}",
            text.n_tokens(),
            percent_fixed(share, 1)
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
        Some(onset) => format!("onset of memorisation in epoch {}", onset.epoch),
        None => "no onset of memorisation".to_owned(),
    };
    let likely = audit.suspects.iter().filter(|suspect| suspect.probability >= 0.5).count();
    let (first, last) = (evidence.first_scored_epoch, evidence.scored_epoch);
    lines.push(format!("scored in epochs {first} to {last} of {}: {why}", evidence.f1.len()));
    lines.push(format!(
        "{} suspects in {} sentences, {likely} of them with a probability of at least 0.5; expected number of wrong tokens: \
         {expected:.0} of {}",
        audit.suspects.len(),
        text.sentences.len(),
        text.n_tokens()
    ));
    for of in &audit.types {
        let warning = of.warning.as_ref().map_or_else(String::new, |warning| format!("; {warning}"));
        lines.push(format!(
            "  {}: {} entities, {:.0} expected errors, {:.0} expected missing entities{warning}",
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
    lines.push(format!("open {} to review the suspects", folder.join("index.html").display()));
    lines.join("\n")
}
