//! What analysing a log costs, by its size: time and memory at 1, 4 and 16 times CoNLL03's training tokens over 20 epochs.
//!
//! `cargo bench --bench analyse`, or `cargo bench --bench analyse -- 1 4` for some of the sizes. The log is synthetic:
//! one sentence in twelve is hard, one token in ten of it wrongly labelled, and losses fall at different speeds. Each
//! size is analysed in a process of its own, so that its peak memory is its own.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use memoscope::analysis::{AnalysisSettings, analyse_run};
use memoscope::dynamics::{Log, LogWriter, Observations, TokenTable, observe};
use memoscope::train::speed::peak_memory;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TOKENS: usize = 203_621;
const EPOCHS: u32 = 20;
const SENTENCE: usize = 15;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if let [marker, folder] = arguments.as_slice()
        && marker == "analyse"
    {
        return analyse(Path::new(folder));
    }
    let sizes: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1, 4, 16] } else { sizes };
    println!("{:>12} {:>8} {:>10} {:>22} {:>12}", "tokens", "epochs", "seconds", "ns a token and epoch", "peak, MiB");
    for size in sizes {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_log(folder.path(), size * TOKENS);
        let program = std::env::current_exe().expect("this program");
        let output = Command::new(program).arg("analyse").arg(folder.path()).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn analyse(folder: &Path) {
    let start = Instant::now();
    let log = Log::open(folder).expect("a log");
    let analysis = analyse_run(&log, &AnalysisSettings::default()).expect("it can be analysed");
    let seconds = start.elapsed().as_secs_f64();
    let tokens = analysis.events.height();
    let nanoseconds = seconds * 1e9 / (tokens as f64 * f64::from(EPOCHS));
    println!(
        "{tokens:>12} {EPOCHS:>8} {seconds:>10.2} {nanoseconds:>22.0} {:>12.0}",
        peak_memory().unwrap_or(f64::NAN)
    );
}

fn write_log(folder: &Path, tokens: usize) {
    let labels: Vec<String> = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"].map(String::from).into();
    let gold = |i: usize| match i % SENTENCE {
        3 => 1 + 2 * ((i / SENTENCE) % 2) as u8,
        4 => 2 + 2 * ((i / SENTENCE) % 2) as u8,
        _ => 0,
    };
    let is_noisy = |i: usize| (i / SENTENCE).is_multiple_of(12) && i % 10 == 3;
    let given = |i: usize| if is_noisy(i) { (gold(i) + 1) % 5 } else { gold(i) };
    let table = TokenTable {
        sentence: (0..tokens).map(|i| (i / SENTENCE) as u32).collect(),
        token: (0..tokens).map(|i| (i % SENTENCE) as u16).collect(),
        word: (0..tokens).map(|i| format!("w{}", i * 7919 % 20_011)).collect(),
        given: (0..tokens).map(given).collect(),
        gold: Some((0..tokens).map(gold).collect()),
        labels: labels.clone(),
    };
    let mut writer = LogWriter::new(folder, "synthetic", &labels).expect("labels are text");
    writer.tokens(&table).expect("the folder can be written");
    for epoch in 1..=EPOCHS {
        let mut logits = vec![0f32; tokens * labels.len()];
        for (i, row) in logits.chunks_exact_mut(labels.len()).enumerate() {
            let jitter = ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(epoch * 40_503) >> 16) as f32 / 65_536.0;
            let fitted = epoch as f32 / if is_noisy(i) { 18.0 } else { 3.0 };
            row[usize::from(gold(i))] += 3.0 * (1.0 - fitted.min(1.0) * f32::from(u8::from(is_noisy(i)))) + jitter;
            row[usize::from(given(i))] += 4.0 * fitted.min(2.0) + jitter;
        }
        let seen = observe(&logits, &table.given).expect("as many labels");
        let observations = Observations {
            sentence: table.sentence.clone(),
            token: table.token.clone(),
            predicted: seen.predicted,
            correct: seen.correct,
            loss: seen.loss,
            p_given: seen.p_given,
            margin: seen.margin,
            entropy: seen.entropy,
        };
        writer.epoch(epoch, Some(&observations), Some(&observations)).expect("the folder can be written");
    }
}
