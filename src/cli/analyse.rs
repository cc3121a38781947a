//! `memoscope analyse`: the tables and phases of a log, ours or made elsewhere.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::options::CsvFlag;
use super::output::{self, errln, outln};
use super::phases::describe;
use crate::analysis::write_analysis;
use crate::analysis::{AnalysisSettings, RunAnalysis, analyse_run};
use crate::dynamics::{Log, Pass};
use crate::error::Error;
use crate::format;
use crate::run::{Manifest, Status};

const EXAMPLES: &str = "\
Examples:
  memoscope analyse runs/noise-sweep/noise=0.30/seed=106
      Analyse a run of Memoscope; the tables are written to its folder analysis/
  memoscope analyse my-log/ --out tables/ --json
      Analyse the log of another training loop (docs/log-format.md) or of dataset cartography";

/// Analyse a run's log: events, clusters, data map, phases
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AnalyseArgs {
    /// Folder with tokens.parquet and dynamics/, or with training_dynamics/ of dataset cartography
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Output folder of the tables (default: DIR/analysis)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Pass in which forgetting and learning events are counted
    #[arg(long, value_enum, default_value_t = PassArg::Train)]
    events_pass: PassArg,
    /// Pass whose losses and accuracies are analysed
    #[arg(long, value_enum, default_value_t = PassArg::Eval)]
    scores_pass: PassArg,
    /// Number of clusters of losses
    #[arg(long, value_name = "K", default_value_t = 2)]
    clusters: usize,
    /// Number of random starts of k-means
    #[arg(long, value_name = "N", default_value_t = 5)]
    restarts: usize,
    /// Number of bootstrap replicates for the intervals of the phases
    #[arg(long, value_name = "N", default_value_t = 200)]
    bootstrap: usize,
    /// Seed of k-means and of the bootstrap
    #[arg(long, value_name = "SEED", default_value_t = 106)]
    seed: u64,
    #[command(flatten)]
    csv: CsvFlag,
    /// Print a JSON summary
    #[arg(long)]
    json: bool,
}

/// A pass on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PassArg {
    /// When the batch is processed: dropout on, before the update
    Train,
    /// After the epoch, dropout off
    Eval,
}

impl From<PassArg> for Pass {
    fn from(pass: PassArg) -> Self {
        match pass {
            PassArg::Train => Self::Train,
            PassArg::Eval => Self::Eval,
        }
    }
}

/// Does what `memoscope analyse` promises.
pub(super) fn run(args: &AnalyseArgs) -> anyhow::Result<()> {
    let settings = AnalysisSettings {
        events_pass: args.events_pass.into(),
        scores_pass: args.scores_pass.into(),
        clusters: args.clusters,
        restarts: args.restarts,
        bootstrap: args.bootstrap,
        seed: args.seed,
        ..AnalysisSettings::default()
    };
    settings.validate()?;
    let manifest = manifest(&args.folder)?;
    if let Some(manifest) = &manifest {
        warn_of_unfinished(manifest);
    }
    let log = Log::open(&args.folder)?;
    log.notes().iter().for_each(|note| errln!("warning: {note}"));
    if manifest.is_some_and(|manifest| manifest.status == Status::Finished) {
        warn_of_missing(&log);
    }
    let analysis = analyse_run(&log, &settings)?;
    warn_of_incomplete(&log, &analysis);
    let out = args.out.clone().unwrap_or_else(|| args.folder.join("analysis"));
    write_analysis(&out, &analysis, args.csv.style())?;
    let summary = Summary::of(&log, &analysis)?;
    if args.json {
        output::json(&summary.json(&analysis, &out))?;
        return Ok(());
    }
    outln!("{}", summary.text(&analysis));
    outln!("tables in            {}", out.display());
    Ok(())
}

/// The manifest, if the folder is that of a run of ours.
fn manifest(folder: &Path) -> crate::Result<Option<Manifest>> {
    match Manifest::path(folder).is_file() && folder.join("tokens.parquet").is_file() {
        true => Manifest::read(folder).map(Some),
        false => Ok(None),
    }
}

/// A run that failed has the epochs that it finished, and its manifest says why there are no more.
fn warn_of_unfinished(manifest: &Manifest) {
    if let (Status::Failed, Some(error)) = (manifest.status, &manifest.error) {
        let (finished, planned) = (manifest.epochs_finished, manifest.config.train.epochs);
        errln!("warning: the run failed after {finished} of {planned} epochs: {error}");
    }
}

/// A finished run has evaluations and steps; what is computed from them is otherwise null, without a reason to be seen.
fn warn_of_missing(log: &Log) {
    for path in log.missing_series() {
        errln!(
            "warning: {}: the run is finished, but this file is missing; what is computed from it is unknown",
            path.display()
        );
    }
}

/// Tokens without observations are no error: a trainer may cut sentences, or see a sample in each epoch.
fn warn_of_incomplete(log: &Log, analysis: &RunAnalysis) {
    let (listed, observed) = (log.tokens().len(), analysis.events.height());
    if observed < listed {
        errln!("warning: {} of {listed} tokens are in no epoch: they are left out", listed - observed);
    }
    let epochs: Vec<String> = analysis.incomplete_epochs.iter().map(u32::to_string).collect();
    if !epochs.is_empty() {
        errln!(
            "warning: tokens are missing in epochs {}: events and scores count the tokens that are there",
            epochs.join(", ")
        );
    }
}

/// The few numbers one looks for first.
struct Summary {
    n_tokens: usize,
    n_noisy: Option<usize>,
    epochs: Vec<u32>,
    gaps: Vec<u32>,
    forgettable: Option<f64>,
    forgettable_toneva: Option<f64>,
    never_learned: Option<f64>,
    detection: Option<(u32, f64, Option<f64>)>,
}

impl Summary {
    fn of(log: &Log, analysis: &RunAnalysis) -> crate::Result<Self> {
        let share = |name: &str| -> crate::Result<Option<f64>> { Ok(analysis.shares.column(name)?.f64()?.first()) };
        let detection = match analysis.best_detection_epoch {
            Some(epoch) => {
                let row = analysis.epochs.column("epoch")?.u32()?.iter().position(|e| e == Some(epoch));
                let at = |name: &str| -> crate::Result<Option<f64>> {
                    let column = analysis.epochs.column(name)?.f64()?;
                    Ok(row.and_then(|row| column.get(row)))
                };
                at("noise_f1")?.map(|f1| Ok::<_, Error>((epoch, f1, at("noise_ap")?))).transpose()?
            }
            None => None,
        };
        Ok(Self {
            n_tokens: log.tokens().len(),
            n_noisy: log.tokens().noisy().map(|noisy| noisy.iter().filter(|&&n| n).count()),
            epochs: log.epochs().to_vec(),
            gaps: log.gaps(),
            forgettable: share("forgettable")?,
            forgettable_toneva: share("forgettable_toneva")?,
            never_learned: share("never_learned")?,
            detection,
        })
    }

    fn text(&self, analysis: &RunAnalysis) -> String {
        let mut lines = vec![];
        let percent = |share: Option<f64>| share.map_or("unknown".into(), format::percent);
        let noisy = match self.n_noisy {
            Some(n) => format!("{n} noisy ({})", percent(Some(n as f64 / self.n_tokens.max(1) as f64))),
            None => "which are noisy is unknown".into(),
        };
        lines.push(format!("tokens               {}, {noisy}", self.n_tokens));
        let range = match (self.epochs.first(), self.epochs.last()) {
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => "none".into(),
        };
        let gaps = match self.gaps.as_slice() {
            [] => String::new(),
            gaps => {
                let gaps: Vec<_> = gaps.iter().map(u32::to_string).collect();
                format!("; missing: {}", gaps.join(", "))
            }
        };
        lines.push(format!("epochs               {range}{gaps}"));
        let (events, scores) = analysis.passes;
        lines.push(format!("passes               events: {}, scores: {}", events.name(), scores.name()));
        lines.push(format!(
            "forgettable          {} ({} with the never learned)",
            percent(self.forgettable),
            percent(self.forgettable_toneva)
        ));
        lines.push(format!("never learned        {}", percent(self.never_learned)));
        if let Some((epoch, f1, ap)) = self.detection {
            let ap = ap.map_or(String::new(), |ap| format!(", average precision {ap:.3}"));
            lines.push(format!("noise found best     epoch {epoch}: F1 {f1:.3}{ap}"));
        }
        lines.push(describe(&analysis.phases, &analysis.dev_score).trim_end().to_owned());
        lines.join("\n")
    }

    fn json(&self, analysis: &RunAnalysis, out: &Path) -> serde_json::Value {
        json!({
            "tokens": self.n_tokens,
            "noisy": self.n_noisy,
            "epochs": self.epochs,
            "missing_epochs": self.gaps,
            "events_pass": analysis.passes.0.name(),
            "scores_pass": analysis.passes.1.name(),
            "forgettable": self.forgettable,
            "forgettable_toneva": self.forgettable_toneva,
            "never_learned": self.never_learned,
            "noise_detection": self.detection.map(|(epoch, f1, ap)| json!({
                "epoch": epoch, "f1": f1, "average_precision": ap,
            })),
            "fitting_end": analysis.phases.fitting_end,
            "settling": analysis.phases.settling,
            "memorisation_onset": analysis.phases.memorisation_onset,
            "evidence": analysis.phases.evidence,
            "tables": out,
        })
    }
}
