//! Real files through the readers, malformed ones through the errors, scores against their reference libraries.

use std::path::{Path, PathBuf};

use memoscope::Error;
use memoscope::cli::corpus::{CorpusCommand, PerturbArgs, run};
use memoscope::corpus::describe::describe_files;
use memoscope::corpus::{DataSettings, Scheme, files, load, read_file};
use memoscope::error::ErrorKind;
use memoscope::metrics::entity::{Mode, score};
use memoscope::metrics::{Prf, detection};
use memoscope::perturb::{NOISE_FILE, NoiseFile, NoiseKind};
use serde::Deserialize;

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

fn json<T: serde::de::DeserializeOwned>(path: &str) -> T {
    serde_json::from_str(&fs_err::read_to_string(fixture(path)).unwrap()).unwrap()
}

/// The folder of real corpora, which is not part of the repository.
fn real_data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MEMOSCOPE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no corpus at {}; set MEMOSCOPE_DATA to the folder that holds it", folder.display());
    None
}

#[test]
fn malformed_files_are_refused_with_line_and_remedy() {
    // File, line, start of the message, a part of the hint.
    let cases: &[(&str, Option<usize>, &str, &str)] = &[
        ("one-column.txt", Some(2), "`rejects` is the only column", "a token and a tag"),
        ("fewer-columns.txt", Some(3), "3 columns where the lines before have 4", "as many columns as the first"),
        ("more-columns.txt", Some(2), "3 columns where the lines before have 2", "as many columns as the first"),
        ("space-in-word.txt", Some(2), "3 columns where the lines before have 2", "separate by tabs"),
        ("unknown-prefix.txt", Some(4), "`X-FOO` is not a tag", "`B-`, `I-`, `E-` or `S-`"),
        ("prefix-only.txt", Some(1), "`B` is not a tag", "last column"),
        ("no-type.txt", Some(2), "`B-` is not a tag", "last column"),
        ("empty-tag.txt", Some(2), "`` is not a tag", "last column"),
        ("lower-case-o.txt", Some(1), "`o` is not a tag", "a tag is `O`"),
        ("empty-word.txt", Some(3), "the token is empty", "before the first tab"),
        ("latin1.txt", Some(5), "not valid UTF-8: byte 4 of the line (0xfc)", "iconv"),
        ("empty.txt", None, "the file holds no sentence", "at least one"),
        ("only-document-starts.txt", None, "the file holds no sentence", "at least one"),
        ("bioes-and-bilou.txt", Some(4), "the tags mix BIOES", "IOB2"),
        ("ioe.txt", Some(2), "the tags have `E-` but no `B-`", "IOB2"),
    ];
    let mut seen = Vec::new();
    for &(name, line, message, hint) in cases {
        let path = fixture("corpus/malformed").join(name);
        let Err(error) = files::read(&path, None) else { panic!("{name} is not refused") };
        assert_eq!(error.kind(), ErrorKind::Input, "{name}");
        let Error::Data(problem) = &error else { panic!("{name}: {error:?}") };
        assert_eq!(problem.path.as_deref(), Some(path.as_path()), "{name}");
        assert_eq!(problem.line, line, "{name}");
        assert!(problem.what.starts_with(message), "{name}: {}", problem.what);
        assert!(problem.hint.as_deref().is_some_and(|text| text.contains(hint)), "{name}: {:?}", problem.hint);
        seen.push(name.to_owned());
    }
    let mut all: Vec<String> = fs_err::read_dir(fixture("corpus/malformed"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".txt"))
        .collect();
    all.sort();
    seen.sort();
    assert_eq!(seen, all, "every malformed file has its case");
}

#[test]
fn folders_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs_err::write(folder.path().join(name), text).unwrap();
    let refusal = || {
        let settings = DataSettings { source: folder.path().display().to_string(), ..DataSettings::default() };
        let error = load(&settings).unwrap_err();
        assert!(matches!(error, Error::Data(_)), "{error:?}");
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    };
    assert!(refusal().ends_with("there is no train file in this folder"));
    write("train.txt", "a B-PER\nb O\n");
    assert!(refusal().ends_with("there is no dev file in this folder"));
    write("train.txt", &"a B-PER\nb O\n\n".repeat(3));
    write("dev.txt", &"a O\nb S-PER\n\n".repeat(3));
    let message = refusal();
    assert!(
        message.ends_with("dev.txt:2: `S-PER` is written in BIOES, but the other files are written in IOB2"),
        "{message}"
    );
    write("train.txt", "a B-PER\nb O\n");
    write("dev.txt", "\n\n");
    assert!(refusal().ends_with("dev.txt: the file holds no sentence"));
    let many: String = (0..300).map(|i| format!("w B-T{i}\n")).collect();
    write("dev.txt", &many);
    assert!(refusal().contains("302 different tags, and 256 is the most"));
    write("dev.txt", "a B-LOC\nb I-PER\n");
    let settings = DataSettings { source: folder.path().display().to_string(), ..DataSettings::default() };
    let corpus = load(&settings).unwrap();
    assert_eq!(corpus.labels.names(), ["O", "B-LOC", "B-PER", "I-PER"]);
    assert_eq!(corpus.warnings.len(), 2);
    assert!(corpus.warnings[0].contains("dev.txt: 1 invalid IOB2 transition, the first at line 2 (B-LOC → I-PER)"));
    assert_eq!(corpus.warnings[1], "dev has labels that never occur in train: B-LOC, I-PER");
    write("valid.txt", "a O\n");
    assert!(refusal().ends_with("both `dev.txt` and `valid.txt` could be the dev split"));
}

#[test]
fn a_missing_source_is_a_data_error() {
    let error = load(&DataSettings { source: "no/such/folder".into(), ..DataSettings::default() }).unwrap_err();
    assert_eq!(error.to_string(), "no/such/folder: there is no such file or folder");
    let error = read_file(Path::new("no/such/file"), None).unwrap_err();
    assert!(matches!(error, Error::Data(_)));
}

#[test]
fn sentences_are_chosen_by_the_seed_and_counted_in_the_fingerprint() {
    let embedded =
        |train_sentences, seed| load(&DataSettings { train_sentences, seed, ..DataSettings::default() }).unwrap();
    let (all, some) = (embedded(None, 1), embedded(Some(100), 1));
    assert!(all.synthetic);
    assert_eq!((all.train.len(), some.train.len(), some.dev.len()), (1600, 100, 400));
    let mut rest = all.train.iter();
    assert!(some.train.iter().all(|sentence| rest.any(|other| other == sentence)), "a choice in the original order");
    assert_ne!(all.fingerprint, some.fingerprint);
    assert_eq!(some, embedded(Some(100), 1));
}

#[test]
fn conll2003_is_read_to_the_last_token() {
    let Some(folder) = real_data("conll2003") else { return };
    let files = files::read(&folder, None).unwrap();
    assert_eq!(files.writing.scheme, Scheme::Iob2);
    let description = describe_files(&files).unwrap();
    let counts: Vec<(usize, usize)> = description.splits.iter().map(|split| (split.sentences, split.tokens)).collect();
    assert_eq!(counts, [(14_041, 203_621), (3_250, 51_362), (3_453, 46_435)]);
    assert_eq!(description.splits[0].entities["MISC"], 3_438);
    assert_eq!(description.labels.len(), 9);
    assert_eq!(description.splits[0].invalid_transitions, 0);
}

#[test]
fn jnlpba_and_wnut17_are_read_to_the_last_sentence() {
    for (name, sentences, n_labels) in [("jnlpba", [16_727, 1_739, 3_856], 11), ("wnut17", [3_394, 1_009, 1_287], 13)] {
        let Some(folder) = real_data(name) else { return };
        let settings = DataSettings { source: folder.display().to_string(), ..DataSettings::default() };
        let corpus = load(&settings).unwrap();
        assert_eq!([corpus.train.len(), corpus.dev.len(), corpus.test.len()], sentences, "{name}");
        assert_eq!(corpus.labels.len(), n_labels, "{name}");
        assert_eq!(corpus.warnings, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_noisy_copy_is_written_once_and_refused_over_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let perturbed = |out: &str, kind, rate| {
        run(CorpusCommand::Perturb(PerturbArgs {
            source: "embedded".into(),
            columns: None,
            out: folder.path().join(out),
            kind,
            rate: Some(rate),
            matrix: None,
            cap: None,
            seed: 3,
        }))
    };
    perturbed("noisy", NoiseKind::Uniform, 0.3).unwrap();
    let text = fs_err::read_to_string(folder.path().join("noisy").join(NOISE_FILE)).unwrap();
    let noise: NoiseFile = serde_json::from_str(&text).unwrap();
    assert!(noise.synthetic);
    assert!((noise.report.realised_rate - 0.3 * 8.0 / 9.0).abs() < 0.01, "{}", noise.report.realised_rate);
    let copy =
        load(&DataSettings { source: folder.path().join("noisy").display().to_string(), ..DataSettings::default() });
    let copy = copy.unwrap();
    let source = load(&DataSettings::default()).unwrap();
    assert_eq!((copy.dev, copy.labels), (source.dev, source.labels));
    let words =
        |sentences: &[memoscope::corpus::Sentence]| sentences.iter().map(|s| s.words.clone()).collect::<Vec<_>>();
    assert_eq!(words(&copy.train), words(&source.train));
    let n_noisy =
        copy.train.iter().zip(&source.train).flat_map(|(a, b)| a.labels.iter().zip(&b.labels)).filter(|(a, b)| a != b);
    assert_eq!(n_noisy.count(), noise.report.n_noisy);

    let kind_of = |error: anyhow::Error| error.downcast::<Error>().unwrap().kind();
    let error = perturbed("noisy", NoiseKind::Uniform, 1.5).unwrap_err();
    assert_eq!(kind_of(error), ErrorKind::Config);
    let error = perturbed("noisy", NoiseKind::Matrix, 0.5).unwrap_err();
    assert_eq!(kind_of(error), ErrorKind::Config);
    fs_err::create_dir(folder.path().join("other")).unwrap();
    fs_err::write(folder.path().join("other/notes"), "").unwrap();
    let error = perturbed("other", NoiseKind::Uniform, 0.1).unwrap_err();
    assert_eq!(kind_of(error), ErrorKind::Config);
}

#[derive(Deserialize)]
struct SeqevalGoldens {
    labels: Vec<String>,
    cases: Vec<SeqevalCase>,
}

#[derive(Deserialize)]
struct SeqevalCase {
    gold: Vec<Vec<u8>>,
    predicted: Vec<Vec<u8>>,
    default: SeqevalScores,
    strict: SeqevalScores,
}

#[derive(Deserialize)]
struct SeqevalScores {
    micro: [f64; 3],
    #[serde(rename = "macro")]
    macro_: [f64; 3],
    weighted: [f64; 3],
    per_type: Vec<(f64, f64, f64, usize)>,
}

/// Equal up to the order of summation.
fn assert_close(ours: Prf, reference: [f64; 3], what: &str) {
    for (ours, reference) in [ours.precision, ours.recall, ours.f1].into_iter().zip(reference) {
        assert!((ours - reference).abs() < 1e-12, "{what}: {ours} and not {reference}");
    }
}

#[test]
fn entity_scores_equal_seqevals() {
    let goldens: SeqevalGoldens = json("seqeval/scores.json");
    assert!(goldens.cases.len() >= 300);
    for (index, case) in goldens.cases.iter().enumerate() {
        for (mode, reference) in [(Mode::Default, &case.default), (Mode::Strict, &case.strict)] {
            let what = format!("case {index}, {mode:?}");
            let scores = score(&case.gold, &case.predicted, &goldens.labels, mode);
            assert_close(scores.micro, reference.micro, &what);
            assert_close(scores.macro_, reference.macro_, &what);
            assert_close(scores.weighted, reference.weighted, &what);
            assert_eq!(scores.per_type.len(), reference.per_type.len(), "{what}");
            for (ours, &(precision, recall, f1, support)) in scores.per_type.iter().zip(&reference.per_type) {
                assert_close(ours.scores, [precision, recall, f1], &what);
                assert_eq!(ours.support, support, "{what}");
            }
        }
    }
}

#[derive(Deserialize)]
struct DetectionCase {
    scores: Vec<f64>,
    positive: Vec<bool>,
    average_precision: f64,
    curve: Vec<(f64, f64, f64)>,
    flagged: Vec<bool>,
    mask: [f64; 3],
}

#[test]
fn detection_scores_equal_scikit_learns() {
    let cases: Vec<DetectionCase> = json("detection/scores.json");
    for (index, case) in cases.iter().enumerate() {
        let what = format!("case {index}");
        let ours = detection::average_precision(&case.scores, &case.positive).unwrap();
        assert!((ours - case.average_precision).abs() < 1e-12, "{what}: {ours} and not {}", case.average_precision);
        let curve = detection::precision_recall_curve(&case.scores, &case.positive);
        assert_eq!(curve.len(), case.curve.len(), "{what}");
        for (ours, &(threshold, precision, recall)) in curve.iter().rev().zip(&case.curve) {
            assert_eq!(ours.threshold, threshold, "{what}");
            assert!((ours.scores.precision - precision).abs() < 1e-12, "{what}");
            assert!((ours.scores.recall - recall).abs() < 1e-12, "{what}");
        }
        assert_close(detection::mask_scores(&case.flagged, &case.positive), case.mask, &what);
    }
}
