//! What runs need of the memory, and what there is of it.
//!
//! The estimate of a run, in bytes:
//!
//! ```text
//! 64 MiB                                  the program
//! 20 · parameters                         weights, gradients, two moments of the optimiser, and a copy while they are saved
//! 4 · subwords · layers · (24·h + 2·a·l)    what a training step keeps for the gradients
//! 400 · tokens                            the text, its subwords and one epoch of its log
//! ```
//!
//! with h the hidden size, a the heads of the attention, l the subwords of the longest sentence (four for a word, but
//! not more than `train.max_subwords`), and as many subwords in a batch as if each sentence had three for each word of
//! the mean sentence. It is meant to be too large rather than too small.

use fs_err as fs;

use super::Task;
use super::shapes::Shape;
use crate::corpus::Sentence;

const MIB: u64 = 1 << 20;
const PROGRAM: u64 = 64 * MIB;
const A_PARAMETER: u64 = 20;
const A_TOKEN: u64 = 400;

/// What a run needs at most, by the formula above.
pub(super) fn need(task: &Task<'_>, shape: Option<&Shape>) -> u64 {
    let tokens: usize = [&task.corpus.train, &task.corpus.dev].into_iter().flatten().map(length).sum();
    let train = &task.config.train;
    let kept = shape.map_or(0, |shape| {
        let sentences = task.corpus.train.len().max(1);
        let words: usize = task.corpus.train.iter().map(length).sum();
        let most = train.max_subwords.min(shape.max_subwords);
        let longest = most.min(4 * task.corpus.train.iter().map(length).max().unwrap_or(0) + 2);
        let a_sentence = longest.min(3 * words / sentences + 2);
        let subwords = train.batch_size.min(sentences).saturating_mul(a_sentence);
        let a_subword = 24 * shape.hidden_size + 2 * shape.heads * longest;
        (subwords as u64).saturating_mul(shape.layers as u64).saturating_mul(4 * a_subword as u64)
    });
    let parameters = shape.map_or(0, |shape| shape.n_parameters as u64);
    PROGRAM
        .saturating_add(A_PARAMETER.saturating_mul(parameters))
        .saturating_add(kept)
        .saturating_add(A_TOKEN.saturating_mul(tokens as u64))
}

/// Bytes that new processes can have without others being put aside; `None` where the system does not tell.
///
/// Of the machine and of the control group that this process is in, the one that has less.
pub(super) fn available() -> Option<u64> {
    let machine = meminfo(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let number = |file: &str| fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?.trim().parse::<u64>().ok();
    let group = number("memory.max").and_then(|most| Some(most.saturating_sub(number("memory.current")?)));
    Some(group.map_or(machine, |group| group.min(machine)))
}

/// The part of it that is given to runs: the estimate may be wrong, and others need memory too.
pub(super) fn usable(available: u64) -> u64 {
    available / 5 * 4
}

fn length(sentence: &Sentence) -> usize {
    sentence.words.len()
}

fn meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_are_read() {
        let text = "MemTotal:       24608516 kB\nMemFree:        10000000 kB\nMemAvailable:   20000000 kB\n";
        assert_eq!(meminfo(text), Some(20_000_000 * 1024));
        assert_eq!(meminfo("MemTotal: 1 kB\n"), None);
        assert_eq!(available().is_some(), cfg!(target_os = "linux"));
    }
}
