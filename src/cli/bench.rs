//! `memoscope bench`: how fast training and evaluation are here, alone and beside another program.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use clap::Args;
use serde::Deserialize;

use super::options::limit_threads;
use super::output::{Table, json, json_line, outln};
use crate::corpus::{self, Columns, DataSettings};
use crate::error::{Error, Problem, Result};
use crate::format::percent_fixed;
use crate::model::DeviceName;
use crate::model::{ModelSettings, Tagger, Words};
use crate::train::speed::{Speed, SpeedSettings, measure};

const EXAMPLES: &str = "\
Examples:
  memoscope bench
      Measure the embedded encoder on the embedded corpus
  memoscope bench --model minilm-l6/ --data conll2003/train.txt --threads 2 --json
  memoscope bench --model minilm-l6/ --data conll2003/train.txt --threads 2 --rounds 5 \\
      --against 'python benches/pytorch_baseline.py'
      Measure both programs alternately in new processes and print the median of the ratios

The command of the other program is split at spaces; quotes are not supported. It is called with
--model, --data, --batch, --steps, --threads, --seed, --max-length and optionally --eval. Its last
output line must be a JSON object with real_tokens_per_s and peak_rss_mb. A single measurement with
--json prints the same and further keys; with --rounds or --against, --json prints medians and the
speed of each round for both programs.";

/// Measure the speed of training or evaluation on this machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BenchArgs {
    /// Encoder: `embedded`, a folder in the layout of transformers, a model of the hub, or `bilstm`
    #[arg(long, value_name = "MODEL", default_value = "embedded")]
    model: String,
    /// Corpus: `embedded`, a file in CoNLL columns, a folder with a training split, or a data set of the hub
    #[arg(long, value_name = "DATA", default_value = "embedded")]
    data: String,
    /// Column names if the first column is not the token or the last not the tag, for example id,token,_,tag (`_` is skipped)
    #[arg(long, value_name = "NAMES")]
    columns: Option<Columns>,
    /// Batch size in sentences
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Number of timed batches, after three warm-up batches
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Number of CPU threads, at most four per core or 16 (default: number of cores)
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Maximum number of subwords per sentence, including [CLS] and [SEP]
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(3..))]
    max_length: u32,
    /// Seed of the order of sentences and of dropout
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Device: `cpu`, `cuda:N` or `metal`
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceName::Cpu)]
    device: DeviceName,
    /// Measure evaluation: forward passes without gradients
    #[arg(long)]
    eval: bool,
    /// Number of measurements, each in a new process; medians are printed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// Command of another program that is measured alternately with this one
    #[arg(long, value_name = "COMMAND")]
    against: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Does what `memoscope bench` promises.
pub(super) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    if args.rounds == 1 && args.against.is_none() {
        let speed = once(args)?;
        if args.json {
            json_line(&speed)?;
        } else {
            outln!("{}", describe(&speed));
        }
        return Ok(());
    }
    let comparison = Comparison::run(args)?;
    if args.json {
        json(&comparison.to_json(args))?;
    } else {
        outln!("{}", comparison.table());
    }
    Ok(())
}

fn once(args: &BenchArgs) -> Result<Speed> {
    limit_threads(args.threads)?;
    let (labels, sentences) = sentences(&args.data, args.columns.as_ref())?;
    let model = ModelSettings { source: args.model.clone(), ..ModelSettings::default() };
    let (tagger, _) = Tagger::load(&model, &Words::to_learn(&sentences), &labels, args.seed, &args.device.open()?)?;
    let settings = SpeedSettings {
        batch: args.batch as usize,
        steps: args.steps as usize,
        eval: args.eval,
        max_subwords: args.max_length as usize,
        seed: args.seed,
    };
    measure(tagger, &sentences, &settings)
}

/// The training sentences, and the names of their labels.
fn sentences(data: &str, columns: Option<&Columns>) -> Result<(Vec<String>, Vec<corpus::Sentence>)> {
    let settings = DataSettings { source: data.into(), columns: columns.cloned(), ..DataSettings::default() };
    let corpus = corpus::load_train(&settings)?;
    Ok((corpus.labels.names().to_vec(), corpus.train))
}

fn describe(speed: &Speed) -> String {
    let mut text = format!(
        "{}: {:.0} subwords a second (batches of {} sentences, {} threads; padded they would be {:.2} times as many subwords)",
        speed.what, speed.real_tokens_per_s, speed.batch, speed.threads, speed.padding_ratio
    );
    if let (Some(share), Some(limit), Some(gflops)) =
        (speed.share_of_product_limit, speed.product_limit_tokens_per_s, speed.product_gflops)
    {
        text += &format!(
            "\n{} of what the matrix products alone allow: {limit:.0} subwords a second at {gflops:.0} GFLOP/s",
            percent_fixed(share, 0)
        );
    }
    if let Some(memory) = speed.peak_rss_mb {
        text += &format!("\npeak memory {memory:.0} MiB");
    }
    text
}

/// What another program prints; more keys are ignored.
#[derive(Debug, Clone, Deserialize)]
struct Other {
    real_tokens_per_s: f64,
    peak_rss_mb: Option<f64>,
}

/// Several measurements of this program and, in turn with them, of another one.
struct Comparison {
    ours: Vec<Speed>,
    theirs: Vec<Other>,
}

impl Comparison {
    fn run(args: &BenchArgs) -> Result<Self> {
        if args.against.is_some() && args.columns.is_some() {
            return Err(Error::Config(Problem::new("another program does not know --columns").hint(
                "write a copy in two columns: `memoscope corpus perturb DATA --columns ... --rate 0 --out DIR`",
            )));
        }
        if args.against.is_some() && (!Path::new(&args.model).is_dir() || !Path::new(&args.data).is_file()) {
            return Err(Error::Config(
                Problem::new("another program knows neither the embedded model and corpus nor how splits are named")
                    .hint("give --model a folder and --data a file"),
            ));
        }
        let program = std::env::current_exe().map_err(Error::io(Path::new("memoscope")))?;
        let mut comparison = Self { ours: Vec::new(), theirs: Vec::new() };
        for _ in 0..args.rounds {
            let mut ours = Command::new(&program);
            ours.arg("bench").args(arguments(args)).arg("--json").arg("--device").arg(args.device.to_string());
            if let Some(columns) = &args.columns {
                ours.arg("--columns").arg(columns.to_string());
            }
            comparison.ours.push(last_line(&mut ours, our_own_error)?);
            if let Some(command) = &args.against {
                let mut words = command.split_whitespace();
                let Some(name) = words.next() else {
                    return Err(Error::Config(Problem::new("--against names no program")));
                };
                let mut theirs = Command::new(name);
                let measured: Other = last_line(theirs.args(words).args(arguments(args)), another_error)?;
                if !measured.real_tokens_per_s.is_finite() || measured.real_tokens_per_s <= 0.0 {
                    return Err(Error::Config(
                        Problem::new(format!("real_tokens_per_s is {}", measured.real_tokens_per_s))
                            .at(name)
                            .hint("it must be a number above 0"),
                    ));
                }
                comparison.theirs.push(measured);
            }
        }
        Ok(comparison)
    }

    fn to_json(&self, args: &BenchArgs) -> serde_json::Value {
        let first = self.ours.first();
        let mut json = serde_json::json!({
            "what": if args.eval { "eval" } else { "train" },
            "model": args.model,
            "data": args.data,
            "against": args.against,
            "batch": args.batch,
            "steps": args.steps,
            "threads": first.map(|s| s.threads),
            "padding_ratio": first.map(|s| s.padding_ratio),
            "rounds": self.ours.len(),
            "ours": summary(&self.ours.iter().map(|s| (s.real_tokens_per_s, s.peak_rss_mb)).collect::<Vec<_>>()),
            "share_of_product_limit": median(self.ours.iter().filter_map(|s| s.share_of_product_limit)),
            "product_gflops": median(self.ours.iter().filter_map(|s| s.product_gflops)),
        });
        if !self.theirs.is_empty() {
            let theirs: Vec<_> = self.theirs.iter().map(|s| (s.real_tokens_per_s, s.peak_rss_mb)).collect();
            json["theirs"] = summary(&theirs);
            json["speed_ratio"] = self.speed_ratio().into();
            json["memory_ratio"] = self.memory_ratio().into();
        }
        json
    }

    /// The median over rounds of our speed by theirs in the same round.
    fn speed_ratio(&self) -> Option<f64> {
        median(
            self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| ours.real_tokens_per_s / theirs.real_tokens_per_s),
        )
    }

    fn memory_ratio(&self) -> Option<f64> {
        median(self.ours.iter().zip(&self.theirs).filter_map(|(a, b)| Some(a.peak_rss_mb? / b.peak_rss_mb?)))
    }

    fn table(&self) -> String {
        let mut table = Table::plain(["", "subwords a second", "lowest", "highest", "peak memory, MiB"]);
        let mut row = |name: &str, speeds: Vec<f64>, memory: Option<f64>| {
            let whole = |x: Option<f64>| x.map_or_else(|| "-".into(), |x| format!("{x:.0}"));
            let lowest = speeds.iter().copied().reduce(f64::min);
            let highest = speeds.iter().copied().reduce(f64::max);
            table.row([name.into(), whole(median(speeds)), whole(lowest), whole(highest), whole(memory)]);
        };
        let speeds = self.ours.iter().map(|s| s.real_tokens_per_s).collect();
        row("memoscope", speeds, median(self.ours.iter().filter_map(|s| s.peak_rss_mb)));
        if !self.theirs.is_empty() {
            let speeds = self.theirs.iter().map(|s| s.real_tokens_per_s).collect();
            row("the other", speeds, median(self.theirs.iter().filter_map(|s| s.peak_rss_mb)));
        }
        let mut text = table.to_string();
        if let Some(ratio) = self.speed_ratio() {
            text += &format!("\n{ratio:.2} times as fast");
        }
        if let Some(ratio) = self.memory_ratio() {
            text += &format!(", with {ratio:.2} times the memory");
        }
        if let Some(share) = median(self.ours.iter().filter_map(|s| s.share_of_product_limit)) {
            let gflops = median(self.ours.iter().filter_map(|s| s.product_gflops)).unwrap_or_default();
            text += &format!(
                "\n{} of what the matrix products alone allow, at {gflops:.0} GFLOP/s; rounds: {}",
                percent_fixed(share, 0),
                self.ours.len()
            );
        }
        text
    }
}

fn summary(rounds: &[(f64, Option<f64>)]) -> serde_json::Value {
    serde_json::json!({
        "real_tokens_per_s": median(rounds.iter().map(|r| r.0)),
        "real_tokens_per_s_by_round": rounds.iter().map(|r| r.0).collect::<Vec<_>>(),
        "peak_rss_mb": median(rounds.iter().filter_map(|r| r.1)),
    })
}

/// The arguments that both programs understand.
fn arguments(args: &BenchArgs) -> Vec<String> {
    let mut words = vec!["--model".into(), args.model.clone(), "--data".into(), args.data.clone()];
    let numbers = [
        ("--batch", args.batch.to_string()),
        ("--steps", args.steps.to_string()),
        ("--max-length", args.max_length.to_string()),
        ("--seed", args.seed.to_string()),
        ("--threads", args.threads.unwrap_or_else(rayon::current_num_threads).to_string()),
    ];
    for (flag, value) in numbers {
        words.extend([flag.into(), value]);
    }
    if args.eval {
        words.push("--eval".into());
    }
    words
}

/// Runs a program and reads the JSON object in the last line that it prints.
fn last_line<T: serde::de::DeserializeOwned>(
    command: &mut Command,
    on_failure: fn(&Path, ExitStatus, &str) -> Error,
) -> Result<T> {
    let name = PathBuf::from(command.get_program());
    let refuse = |what: String, hint: String| Error::Config(Problem::new(what).at(&name).hint(hint));
    let output = command.stdin(Stdio::null()).stderr(Stdio::piped()).output();
    let output =
        output.map_err(|e| refuse(format!("cannot be started: {e}"), "is it installed, and on PATH?".into()))?;
    if !output.status.success() {
        return Err(on_failure(&name, output.status, &String::from_utf8_lossy(&output.stderr)));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let line = stdout.trim().lines().next_back().unwrap_or_default();
    serde_json::from_str(line).map_err(|e| {
        refuse(format!("printed no result: {e}"), "its last line must be a JSON object with real_tokens_per_s".into())
    })
}

/// What this program said in a process of its own, with its exit code.
fn our_own_error(_: &Path, status: ExitStatus, said: &str) -> Error {
    let part = |prefix: &str| said.lines().find_map(|line| line.trim().strip_prefix(prefix)).map(str::to_owned);
    let mut problem = Problem::new(part("error: ").unwrap_or_else(|| format!("ended with {status}: {}", said.trim())));
    problem.hint = part("hint: ");
    match status.code() {
        Some(3) => Error::Data(problem),
        Some(2 | 5) => Error::Config(problem),
        _ => Error::Internal(problem.to_string()),
    }
}

/// What another program said last.
fn another_error(name: &Path, status: ExitStatus, said: &str) -> Error {
    let lines: Vec<&str> = said.trim().lines().collect();
    let last = lines[lines.len().saturating_sub(3)..].join(" | ");
    Error::Config(Problem::new(format!("ended with {status}: {last}")).at(name).hint("run it by itself to see why"))
}

/// The middle number; the mean of the middle two if their number is even.
fn median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => None,
        n if n % 2 == 1 => Some(numbers[middle]),
        _ => Some((numbers[middle - 1] + numbers[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }
}
