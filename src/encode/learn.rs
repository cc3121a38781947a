//! Learning a WordPiece vocabulary from text.
//!
//! Words start as their characters, those that continue a word marked by `##`; the most frequent pair of neighbours is
//! joined into a new subword, again and again, until the vocabulary is full (byte-pair merging, arXiv 1508.07909, which
//! is also what the tokenizers crate does under the name of WordPiece). Unlike there, ties are decided by the text of
//! the joined subword and not by the order of a hash map: the same text gives the same vocabulary.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::json;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

use super::Tokenizer;
use crate::Result;
use crate::error::Error;

/// The subwords that stand at the front of every vocabulary.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Learns a vocabulary of at most `size` subwords from lines of text, and makes BERT's tokenizer of it.
///
/// Subwords that occur once only are not joined. Characters always get their subword, even if `size` is too small for
/// them.
pub fn learn_vocabulary(text: &[String], size: usize, lowercase: bool) -> Result<Tokenizer> {
    let mut subwords: BTreeSet<String> = BTreeSet::new();
    let mut words: Vec<(Vec<String>, i64)> = Vec::new();
    for (word, count) in count_words(text, lowercase)? {
        let symbols: Vec<String> =
            word.chars().enumerate().map(|(i, c)| if i == 0 { c.to_string() } else { format!("##{c}") }).collect();
        subwords.extend(symbols.iter().cloned());
        words.push((symbols, count));
    }
    let mut pairs = Pairs::default();
    for (index, (symbols, count)) in words.iter().enumerate() {
        pairs.add(symbols, *count, index);
    }
    while subwords.len() + SPECIAL.len() < size {
        let Some((left, right)) = pairs.best() else { break };
        let joined = join(&left, &right);
        for index in pairs.words_with(&left, &right) {
            let (symbols, count) = &mut words[index];
            pairs.add(symbols, -*count, index);
            merge(symbols, &left, &right, &joined);
            pairs.add(symbols, *count, index);
        }
        subwords.insert(joined);
    }
    let lines: Vec<String> = SPECIAL.iter().map(|s| (*s).to_owned()).chain(subwords).collect();
    let config = json!({ "do_lower_case": lowercase, "tokenizer_class": "BertTokenizer" });
    let files = vec![
        ("vocab.txt".to_owned(), (lines.join("\n") + "\n").into_bytes()),
        ("tokenizer_config.json".to_owned(), config.to_string().into_bytes()),
    ];
    Tokenizer::from_files(files, Path::new("the vocabulary learned"))
}

/// How often each word occurs, words being what BERT's normaliser and pre-tokenizer make of the text.
fn count_words(text: &[String], lowercase: bool) -> Result<BTreeMap<String, i64>> {
    let failed = |e: tokenizers::Error| Error::Internal(format!("splitting the text failed: {e}"));
    let normalizer = BertNormalizer::new(true, true, None, lowercase);
    let mut counts = BTreeMap::new();
    for line in text {
        let mut normalized = NormalizedString::from(line.as_str());
        normalizer.normalize(&mut normalized).map_err(failed)?;
        let mut split = PreTokenizedString::from(normalized);
        BertPreTokenizer.pre_tokenize(&mut split).map_err(failed)?;
        for (word, _, _) in split.get_splits(OffsetReferential::Normalized, OffsetType::Byte) {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    Ok(counts)
}

/// The subword of two neighbours: the second one's mark is dropped.
fn join(left: &str, right: &str) -> String {
    format!("{left}{}", right.strip_prefix("##").unwrap_or(right))
}

/// Joins every occurrence of the pair, from left to right.
fn merge(symbols: &mut Vec<String>, left: &str, right: &str, joined: &str) {
    let mut i = 0;
    while i + 1 < symbols.len() {
        if symbols[i] == left && symbols[i + 1] == right {
            symbols[i] = joined.to_owned();
            symbols.remove(i + 1);
        }
        i += 1;
    }
}

/// How often each pair of neighbours occurs, and in which words.
#[derive(Default)]
struct Pairs {
    seen: BTreeMap<(String, String), (i64, BTreeSet<usize>)>,
}

impl Pairs {
    /// Counts the pairs of a word; with a negative count, takes them back.
    fn add(&mut self, symbols: &[String], count: i64, word: usize) {
        for pair in symbols.windows(2) {
            let key = (pair[0].clone(), pair[1].clone());
            let (total, words) = self.seen.entry(key).or_default();
            *total += count;
            if count > 0 {
                words.insert(word);
            } else {
                words.remove(&word);
            }
        }
    }

    /// The most frequent pair that occurs at least twice; of several, the one whose subword comes first.
    fn best(&mut self) -> Option<(String, String)> {
        self.seen.retain(|_, (total, _)| *total > 0);
        let rank = |((left, right), (total, _)): &(&(String, String), &(i64, BTreeSet<usize>))| {
            (*total, std::cmp::Reverse(join(left, right)))
        };
        let most = self.seen.values().map(|(total, _)| *total).max().filter(|&total| total >= 2)?;
        let best = self.seen.iter().filter(|(_, (total, _))| *total == most).max_by_key(rank)?;
        Some(best.0.clone())
    }

    fn words_with(&self, left: &str, right: &str) -> Vec<usize> {
        let key = (left.to_owned(), right.to_owned());
        self.seen.get(&key).map(|(_, words)| words.iter().copied().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(text: &[&str], size: usize) -> Vec<String> {
        let text: Vec<String> = text.iter().map(|s| (*s).to_owned()).collect();
        let tokenizer = learn_vocabulary(&text, size, true).unwrap();
        let (_, bytes) = tokenizer.files().iter().find(|(name, _)| name == "vocab.txt").unwrap();
        String::from_utf8(bytes.clone()).unwrap().lines().skip(SPECIAL.len()).map(String::from).collect()
    }

    #[test]
    fn the_most_frequent_pairs_are_joined_first() {
        // By hand: a, ##b, ##c; then a+##b (5 times) and ab+##c (3 times).
        assert_eq!(vocabulary(&["ab ab abc", "ABC abc"], 5 + 4), ["##b", "##c", "a", "ab"]);
        assert_eq!(vocabulary(&["ab ab abc", "ABC abc"], 100), ["##b", "##c", "a", "ab", "abc"]);
    }

    #[test]
    fn ties_are_decided_by_the_subword_and_what_occurs_once_is_not_joined() {
        let text = ["xy xy ab ab q r st"];
        assert_eq!(vocabulary(&text, 5 + 9), ["##b", "##t", "##y", "a", "ab", "q", "r", "s", "x"]);
        assert_eq!(vocabulary(&text, 100), ["##b", "##t", "##y", "a", "ab", "q", "r", "s", "x", "xy"]);
    }

    #[test]
    fn a_pair_within_a_word_may_be_joined_before_its_beginning() {
        assert_eq!(vocabulary(&["aaa aaa"], 5 + 4), ["##a", "##aa", "a", "aaa"]);
    }
}
