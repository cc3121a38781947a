//! `memoscope bench`: how fast training and evaluation are here, alone and beside another program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Deserialize;

use super::options::limit_threads;
use super::output::outln;
use crate::config::DeviceName;
use crate::corpus::{self, DataSettings};
use crate::error::{Error, Problem, Result};
use crate::model::{ModelSettings, Tagger};
use crate::train::speed::{Speed, SpeedSettings, measure};

const EXAMPLES: &str = "\
Examples:
  memoscope bench
      The embedded encoder on the embedded corpus
  memoscope bench --model minilm-l6/ --data conll2003/train.txt --threads 2 --json
  memoscope bench --model minilm-l6/ --data conll2003/train.txt --threads 2 --rounds 5 \\
      --against 'python benches/pytorch_baseline.py'
      Both in turn, each in a process of its own, and the ratio of their medians

The other program is called with --model, --data, --batch, --steps, --threads, --seed, --max-length and, if given, --eval.
It prints one JSON object with real_tokens_per_s and peak_rss_mb as its last line.";

/// Measure how fast training or evaluation is on this machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BenchArgs {
    /// `embedded`, or a folder in transformers' layout
    #[arg(long, value_name = "MODEL", default_value = "embedded")]
    model: String,
    /// `embedded`, a file in CoNLL columns, or a folder with a training split
    #[arg(long, value_name = "DATA", default_value = "embedded")]
    data: String,
    /// Sentences a batch
    #[arg(long, value_name = "N", default_value_t = 32)]
    batch: usize,
    /// Batches that are timed, after three that are not
    #[arg(long, value_name = "N", default_value_t = 20)]
    steps: usize,
    /// Threads of the CPU (all cores by default)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Most pieces a sentence
    #[arg(long, value_name = "N", default_value_t = 128)]
    max_length: usize,
    /// Seed of the order of the sentences and of dropout
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// `cpu`, `cuda:N` or `metal`
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceName::Cpu)]
    device: DeviceName,
    /// Forward passes alone, without gradients
    #[arg(long)]
    eval: bool,
    /// Measure this many times, each in a process of its own, and give medians
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// Another program to measure in turn with this one
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
            outln!("{}", serde_json::to_string(&speed)?);
        } else {
            outln!("{}", describe(&speed));
        }
        return Ok(());
    }
    let comparison = Comparison::run(args)?;
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&comparison.to_json())?);
    } else {
        outln!("{}", comparison.table());
    }
    Ok(())
}

fn once(args: &BenchArgs) -> Result<Speed> {
    limit_threads(args.threads.map(usize::from))?;
    let (labels, sentences) = sentences(&args.data)?;
    let model = ModelSettings { source: args.model.clone(), ..ModelSettings::default() };
    let (tagger, _) = Tagger::load(&model, &labels, args.seed, &args.device.open()?)?;
    let &BenchArgs { batch, steps, eval, max_length: max_pieces, seed, .. } = args;
    measure(tagger, &sentences, &SpeedSettings { batch, steps, eval, max_pieces, seed })
}

/// The training sentences, and the names of their labels.
fn sentences(data: &str) -> Result<(Vec<String>, Vec<corpus::Sentence>)> {
    if Path::new(data).is_file() {
        let (labels, mut files) = corpus::files::read(Path::new(data))?.labelled()?;
        return Ok((labels.names().to_vec(), files.pop().unwrap_or_default()));
    }
    let corpus = corpus::load(&DataSettings { source: data.into(), ..DataSettings::default() })?;
    Ok((corpus.labels.names().to_vec(), corpus.train))
}

fn describe(speed: &Speed) -> String {
    let mut text = format!(
        "{}: {:.0} pieces a second (batches of {} sentences, {} threads; padded they would be {:.2} times as many pieces)",
        speed.what, speed.real_tokens_per_s, speed.batch, speed.threads, speed.padding_ratio
    );
    if let (Some(share), Some(limit), Some(gflops)) =
        (speed.share_of_product_limit, speed.product_limit_tokens_per_s, speed.product_gflops)
    {
        text += &format!(
            "\n{:.0} % of what the matrix products alone allow: {limit:.0} pieces a second at {gflops:.0} GFLOP/s",
            100.0 * share
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
        let program = std::env::current_exe().map_err(Error::io(Path::new("memoscope")))?;
        let mut comparison = Self { ours: Vec::new(), theirs: Vec::new() };
        for _ in 0..args.rounds {
            let mut ours = Command::new(&program);
            ours.arg("bench").args(arguments(args)).arg("--json").arg("--device").arg(args.device.to_string());
            comparison.ours.push(last_line(&mut ours)?);
            if let Some(command) = &args.against {
                let mut words = command.split_whitespace();
                let Some(name) = words.next() else {
                    return Err(Error::Config(Problem::new("--against names no program")));
                };
                comparison.theirs.push(last_line(Command::new(name).args(words).args(arguments(args)))?);
            }
        }
        Ok(comparison)
    }

    fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({
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
        let mut table = Table::new();
        table.load_preset(NOTHING);
        table.set_header(["", "pieces a second", "lowest", "highest", "peak memory, MiB"]);
        let mut row = |name: &str, speeds: Vec<f64>, memory: Option<f64>| {
            let whole = |x: Option<f64>| x.map_or_else(|| "-".into(), |x| format!("{x:.0}"));
            let lowest = speeds.iter().copied().reduce(f64::min);
            let highest = speeds.iter().copied().reduce(f64::max);
            table.add_row([name.into(), whole(median(speeds)), whole(lowest), whole(highest), whole(memory)]);
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
                "\n{:.0} % of what the matrix products alone allow, at {gflops:.0} GFLOP/s; medians of {} rounds",
                100.0 * share,
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
        ("--threads", args.threads.map_or_else(rayon::current_num_threads, usize::from).to_string()),
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
fn last_line<T: serde::de::DeserializeOwned>(command: &mut Command) -> Result<T> {
    let name = PathBuf::from(command.get_program());
    let output = command.stdin(Stdio::null()).stderr(Stdio::piped()).output().map_err(Error::io(&name))?;
    let refuse = |what: String, hint: String| Error::Config(Problem::new(what).at(&name).hint(hint));
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.trim().lines().next_back().unwrap_or("it said nothing").to_owned();
        return Err(refuse(format!("ended with {}: {last}", output.status), "run it by itself to see why".into()));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let line = stdout.trim().lines().next_back().unwrap_or_default();
    serde_json::from_str(line).map_err(|e| {
        refuse(format!("printed no result: {e}"), "its last line must be a JSON object with real_tokens_per_s".into())
    })
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
