//! A noisy copy of a corpus on disk, with the gold labels in a column of their own.
//!
//! Each file has three columns, separated by tabs: the token, the gold label, the given label. The given label stands
//! last, where a reader of CoNLL columns looks for the tag, so the copy can be trained on as it is, and the gold labels
//! are at hand for whoever wants to know. Only `train.txt` is noisy; in `dev.txt` and `test.txt` both labels agree.
//! Labels are IOB2, whatever the source was written in. `noise.json` says what was done.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::corpus::{Corpus, Gold, LabelSet, Labels, NOISE_FILE, Sentence, write_conll};
use crate::error::{Error, Problem};
use crate::files::{write_atomically, write_folder_atomically};

use super::{CapReport, NoiseReport, PerturbSettings, Perturbed};

/// What [`NOISE_FILE`] holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoiseFile {
    /// Version of Memoscope that wrote it.
    pub version: String,
    /// Name of the source corpus.
    pub source: String,
    /// True if its text was generated.
    pub synthetic: bool,
    /// Fingerprint of the source corpus, see [`fingerprint`](crate::corpus::fingerprint).
    pub source_fingerprint: String,
    /// What was asked for.
    pub settings: PerturbSettings,
    /// The seed it was drawn with.
    pub seed: u64,
    /// Label names; the index is the id that `report.counts` goes by.
    pub labels: Vec<String>,
    /// What came out.
    pub report: NoiseReport,
    /// What the class cap did; null without one.
    #[serde(default)]
    pub cap: Option<CapReport>,
    /// Where the noise lies.
    pub mask: MaskStatistics,
}

/// Where the noise lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskStatistics {
    /// Training sentences.
    pub n_sentences: usize,
    /// Training sentences with a noisy token.
    pub n_noisy_sentences: usize,
    /// Most noisy tokens in one sentence.
    pub most_in_a_sentence: usize,
    /// Share of noisy tokens among those of each gold label, 0 to 1; null for a label without a token.
    pub noisy_share_by_gold: BTreeMap<String, Option<f64>>,
    /// Share of noisy tokens among those given each label, 0 to 1; null for a label without a token.
    pub noisy_share_by_given: BTreeMap<String, Option<f64>>,
}

impl MaskStatistics {
    /// Counts the mask of `perturbed`.
    pub fn of(perturbed: &Perturbed, labels: &LabelSet) -> Self {
        let per_sentence: Vec<usize> =
            perturbed.mask().iter().map(|mask| mask.iter().filter(|&&noisy| noisy).count()).collect();
        let counts = &perturbed.report.counts;
        let share = |right: usize, all: usize| (all > 0).then(|| (all - right) as f64 / all as f64);
        let by = |total: &dyn Fn(usize) -> usize| {
            let entry = |(id, name): (usize, &String)| (name.clone(), share(counts[id][id], total(id)));
            labels.names().iter().enumerate().map(entry).collect()
        };
        Self {
            n_sentences: per_sentence.len(),
            n_noisy_sentences: per_sentence.iter().filter(|&&n| n > 0).count(),
            most_in_a_sentence: per_sentence.iter().copied().max().unwrap_or(0),
            noisy_share_by_gold: by(&|id| counts[id].iter().sum()),
            noisy_share_by_given: by(&|id| counts.iter().map(|row| row[id]).sum()),
        }
    }
}

/// Writes the noisy copy of `corpus` to the folder `out` and returns what its [`NOISE_FILE`] says.
///
/// The folder may be missing, empty, or an earlier noisy copy, which is replaced; `noise.json` is written last. A new
/// folder gets its name when it is whole.
///
/// # Errors
/// [`Error::Config`] if the folder holds anything else; [`Error::Io`].
pub fn write_copy(
    corpus: &Corpus,
    perturbed: &Perturbed,
    settings: &PerturbSettings,
    seed: u64,
    out: &Path,
) -> Result<NoiseFile> {
    refuse_foreign(out)?;
    let write = |folder: &Path| write_files(corpus, perturbed, settings, seed, folder);
    if out.exists() { write(out) } else { write_folder_atomically(out, write) }
}

fn write_files(
    corpus: &Corpus,
    perturbed: &Perturbed,
    settings: &PerturbSettings,
    seed: u64,
    out: &Path,
) -> Result<NoiseFile> {
    let train = perturbed.train(&corpus.train);
    write_split(&out.join("train.txt"), &train, &perturbed.gold, &corpus.labels)?;
    for (name, sentences) in [("dev.txt", &corpus.dev), ("test.txt", &corpus.test)] {
        if !sentences.is_empty() {
            let gold: Vec<Labels<Gold>> = sentences.iter().map(|sentence| sentence.labels.clone()).collect();
            write_split(&out.join(name), sentences, &gold, &corpus.labels)?;
        }
    }
    let noise = NoiseFile {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        source: corpus.name.clone(),
        synthetic: corpus.synthetic,
        source_fingerprint: corpus.fingerprint.clone(),
        settings: settings.clone(),
        seed,
        labels: corpus.labels.names().to_vec(),
        report: perturbed.report.clone(),
        cap: perturbed.cap.clone(),
        mask: MaskStatistics::of(perturbed, &corpus.labels),
    };
    let path = out.join(NOISE_FILE);
    let text = serde_json::to_string_pretty(&noise).map_err(|error| Error::Internal(error.to_string()))?;
    write_atomically(&path, |file| writeln!(file, "{text}").map_err(Error::io(&path)))?;
    Ok(noise)
}

fn write_split<K>(path: &Path, sentences: &[Sentence<K>], gold: &[Labels<Gold>], labels: &LabelSet) -> Result<()> {
    write_conll(path, sentences, labels, &[gold])
}

/// Refuses a folder that holds something other than a noisy copy; empties a noisy copy of the files it may hold.
fn refuse_foreign(out: &Path) -> Result<()> {
    if !out.exists() {
        return Ok(());
    }
    let refusal = |what: &str| {
        Err(Error::Config(Problem::new(what).at(out).hint("choose another folder with --out, or empty this one")))
    };
    if !out.is_dir() {
        return refusal("this is not a folder");
    }
    let is_empty = fs::read_dir(out).map_err(Error::io(out))?.next().is_none();
    if !is_empty && !out.join(NOISE_FILE).is_file() {
        return refusal("the folder holds files that are no noisy copy");
    }
    for name in [NOISE_FILE, "train.txt", "dev.txt", "test.txt"] {
        let path = out.join(name);
        if path.is_file() {
            fs::remove_file(&path).map_err(Error::io(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{ConllFile, Scheme, files, read_file};
    use crate::perturb::{NoiseKind, perturb};

    fn corpus() -> Corpus {
        let sentence = |labels: &[u8]| Sentence {
            words: (0..labels.len()).map(|i| format!("w{i}")).collect(),
            labels: labels.to_vec().into(),
        };
        Corpus {
            name: "small".into(),
            synthetic: false,
            labels: LabelSet::new(["B-PER", "I-PER"]),
            scheme: Scheme::Iob2,
            train: vec![sentence(&[0, 1, 2, 0]), sentence(&[1, 0, 0, 1])],
            dev: vec![sentence(&[1, 2, 2])],
            test: vec![],
            train_origin: None,
            fingerprint: "abc".into(),
            revision: None,
            warnings: vec![],
        }
    }

    #[test]
    fn a_copy_is_read_back_with_its_noise_and_its_gold_labels() {
        let corpus = corpus();
        let settings = PerturbSettings { kind: NoiseKind::OtherLabel, rate: 0.5, ..PerturbSettings::default() };
        let perturbed = perturb(&corpus.train, &corpus.labels, &settings, 4).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let noise = write_copy(&corpus, &perturbed, &settings, 4, folder.path()).unwrap();
        assert_eq!((noise.report.n_noisy, noise.report.n_tokens), (4, 8));
        let read = files::read(folder.path(), None).unwrap();
        let gold = read_file(&read.files[0].1.path, Some(&"token,tag,_".parse().unwrap())).unwrap();
        let of_file = |file: &ConllFile, i: usize| -> Vec<u8> {
            file.sentences[i].tags.iter().map(|tag| corpus.labels.id(tag).unwrap()).collect()
        };
        assert_eq!((gold.sentences.len(), perturbed.gold.len()), (2, 2));
        for i in 0..2 {
            assert_eq!(of_file(&gold, i), perturbed.gold[i][..]);
            assert_eq!(of_file(&read.files[0].1, i), perturbed.given[i][..]);
        }
        let text = fs::read_to_string(folder.path().join(NOISE_FILE)).unwrap();
        assert_eq!(serde_json::from_str::<NoiseFile>(&text).unwrap(), noise);
        // Its own copy may be replaced, by a smaller one too.
        write_copy(&corpus, &perturbed, &settings, 4, folder.path()).unwrap();
    }

    #[test]
    fn a_folder_with_other_files_is_refused() {
        let corpus = corpus();
        let perturbed = perturb(&corpus.train, &corpus.labels, &PerturbSettings::default(), 4).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "").unwrap();
        let error = write_copy(&corpus, &perturbed, &PerturbSettings::default(), 4, folder.path()).unwrap_err();
        assert!(matches!(error, Error::Config(_)));
        assert!(error.hint().is_some());
    }
}
