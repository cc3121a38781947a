//! Logs as other training loops write them: tags of all schemes, ids with and without names, and what cannot be.

use std::path::{Path, PathBuf};

use memoscope::Error;
use memoscope::analysis::{AnalysisSettings, RunAnalysis, analyse_run};
use memoscope::dynamics::{DevScore, Log, LogWriter, Observations, TokenTable, observe, write_csv, write_parquet};
use memoscope::random::Streams;
use polars::prelude::*;
use proptest::prelude::*;
use rand::Rng;

use crate::workspace::{Said, Workspace, repository};

fn case(name: &str) -> PathBuf {
    repository("tests/fixtures/cases/27-external-log").join(name)
}

fn analysed(name: &str) -> RunAnalysis {
    analyse_run(&Log::open(case(name)).unwrap(), &AnalysisSettings::default()).unwrap()
}

fn column(analysis: &RunAnalysis, name: &str) -> Vec<Option<f64>> {
    analysis.epochs.column(name).unwrap().f64().unwrap().iter().collect()
}

fn analyse(folder: &Path) -> Said {
    let workspace = Workspace::new();
    workspace.run(&["analyse", folder.to_str().unwrap(), "--out", "tables", "--bootstrap", "10"])
}

#[test]
fn a_type_that_begins_with_o_is_no_outside() {
    let with_prefix = column(&analysed("org-never-right-iob2"), "train_f1");
    assert!((with_prefix[1].unwrap() - 2.0 / 3.0).abs() < 1e-9, "half of the entities: {with_prefix:?}");
    assert_eq!(column(&analysed("org-never-right-noprefix"), "train_f1"), with_prefix);
    let said = analyse(&case("org-never-right-noprefix"));
    assert!(said.code == 0 && said.stderr.contains("warning: "), "{said}");
    assert_eq!(column(&analysed("noprefix"), "train_f1")[1], Some(1.0), "all are right in the last epoch");
}

#[test]
fn bilou_is_bioes() {
    let expected = column(&analysed("bioes-half-right"), "train_f1");
    assert!(expected[1].unwrap() < 0.7, "{expected:?}");
    assert_eq!(column(&analysed("bilou-half-right"), "train_f1"), expected);
}

#[test]
fn the_outside_label_may_have_any_id() {
    for name in ["ids", "ids-olast", "float-ids", "iob2"] {
        let analysis = analysed(name);
        let f1 = column(&analysis, "train_f1");
        assert!(f1[0].unwrap() < 0.5 && f1[1] == Some(1.0), "{name}: {f1:?}");
        let types: Vec<_> = analysis.unit_shares.column("group").unwrap().str().unwrap().iter().flatten().collect();
        assert!(types.contains(&"type:ORG") && types.contains(&"type:PER") && !types.contains(&"type:_"), "{types:?}");
    }
}

#[test]
fn labels_without_names_have_no_entity_scores_and_that_is_said() {
    let analysis = analysed("ids-nolabels");
    assert_eq!(column(&analysis, "train_f1"), [None, None]);
    assert!(column(&analysis, "train_accuracy").iter().all(Option::is_some));
    let said = analyse(&case("ids-nolabels"));
    assert!(said.code == 0 && said.stderr.contains("labels.json"), "{said}");
}

#[test]
fn what_cannot_be_in_a_log_is_refused_with_file_and_row() {
    for (name, file, words) in [
        ("nan-loss", "epoch=0001.parquet", "column `loss`, row 6: the value is missing"),
        ("dup", "epoch=0001.parquet", "is there twice in one pass"),
        ("extra-row", "epoch=0001.parquet", "is not in tokens.parquet"),
        ("ids-minus100", "tokens.parquet", "-100 is not a label id (0 to 2)"),
        ("loss-f16", "epoch=0001.parquet", "column `loss` has the type Float16"),
        ("category", "tokens.parquet", "column `given` has the type Dictionary"),
    ] {
        let said = analyse(&case(name));
        assert_eq!(said.code, 3, "{name}: {said}");
        assert!(said.stderr.contains(file) && said.stderr.contains(words), "{name}: {said}");
        assert!(said.stderr.contains("hint: ") && !said.stderr.contains("panicked"), "{name}: {said}");
    }
}

#[test]
fn tokens_that_are_never_observed_are_left_out_and_counted() {
    let said = analyse(&case("missing-rows"));
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains("20 of 200 tokens are in no epoch"), "{said}");
}

/// Five sentences of six tokens, four labels; the log of two epochs, its labels by other names.
fn log_of(labels: &[&str], given: &[u8], predicted: &[[u8; 30]; 2]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
    let mut writer = LogWriter::new(folder.path(), "run", &labels).unwrap();
    let tokens = TokenTable {
        sentence: (0..30).map(|i| i / 6).collect(),
        token: (0..30).map(|i| (i % 6) as u16).collect(),
        word: vec!["w".into(); 30],
        given: given.to_vec(),
        gold: None,
        labels,
    };
    writer.tokens(&tokens).unwrap();
    for (epoch, predicted) in (1..).zip(predicted) {
        let n_labels = tokens.labels.len();
        let logits: Vec<f32> = predicted
            .iter()
            .flat_map(|&p| (0..n_labels).map(move |k| if k == usize::from(p) { 2.0 } else { 0.0 }))
            .collect();
        let seen = observe(&logits, given).unwrap();
        let seen = Observations {
            sentence: tokens.sentence.clone(),
            token: tokens.token.clone(),
            predicted: seen.predicted,
            correct: seen.correct,
            loss: seen.loss,
            p_given: seen.p_given,
            margin: seen.margin,
            entropy: seen.entropy,
        };
        writer.epoch(epoch, None, Some(&seen)).unwrap();
    }
    folder
}

/// Scores by epoch, and the shares of entities and sentences as text.
fn all_scores(folder: &tempfile::TempDir) -> (Vec<Option<f64>>, Vec<Option<f64>>, String) {
    let analysis = analyse_run(&Log::open(folder.path()).unwrap(), &AnalysisSettings::default()).unwrap();
    let shares = folder.path().join("unit_shares.csv");
    write_csv(&shares, &analysis.unit_shares).unwrap();
    (column(&analysis, "train_f1"), column(&analysis, "train_accuracy"), fs_err::read_to_string(shares).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Without prefix, with `I-`, with `O` at another place, in BILOU or BIOES: any tags give the same scores.
    #[test]
    fn names_of_other_schemes_give_the_same_scores(
        given in prop::collection::vec(0_u8..3, 30),
        predicted in prop::array::uniform2(prop::array::uniform30(0_u8..3)),
    ) {
        let expected = all_scores(&log_of(&["O", "I-ORG", "I-PER"], &given, &predicted));
        prop_assert_eq!(&all_scores(&log_of(&["O", "ORG", "PER"], &given, &predicted)), &expected);
        prop_assert_eq!(&all_scores(&log_of(&["O\u{200b}", "\u{a0}ORG", "PER "], &given, &predicted)), &expected);

        let turn = |label: u8| 2 - label;
        let turned: Vec<u8> = given.iter().copied().map(turn).collect();
        let last = all_scores(&log_of(&["PER", "ORG", "O"], &turned, &predicted.map(|labels| labels.map(turn))));
        prop_assert_eq!(&last, &expected);

        let four = |labels: &[&str]| all_scores(&log_of(labels, &given, &predicted));
        prop_assert_eq!(four(&["O", "S-ORG", "E-ORG", "B-ORG"]), four(&["O", "U-ORG", "L-ORG", "B-ORG"]));
        prop_assert_eq!(four(&["O", "S-ORG", "S-PER"]), four(&["O", "B-ORG", "B-PER"]));
    }
}

#[test]
fn a_space_behind_a_tag_makes_no_other_label() {
    let folder = tempfile::tempdir().unwrap();
    let mut tokens = df!(
        "sentence" => [0_u32, 0, 0],
        "token" => [0_u32, 1, 2],
        "given" => ["B-PER", "B-PER\u{a0}", "O "],
    )
    .unwrap();
    write_parquet(&folder.path().join("tokens.parquet"), &tokens).unwrap();
    let epoch = df!(
        "sentence" => [0_u32, 0, 0],
        "token" => [0_u32, 1, 2],
        "predicted" => ["B-PER\u{200b}", "B-PER", "O"],
        "loss" => [0.1_f32, 0.2, 0.3],
    )
    .unwrap();
    write_parquet(&LogWriter::epoch_path(folder.path(), 1), &epoch).unwrap();
    let log = Log::open(folder.path()).unwrap();
    assert_eq!((log.labels(), &log.tokens().given[..]), (&["O".to_owned(), "B-PER".to_owned()][..], &[1, 1, 0][..]));
    assert_eq!(log.epoch(1).unwrap().train.unwrap().correct, [true; 3]);
    assert!(log.notes().iter().any(|note| note.starts_with("2 tags had spaces")), "{:?}", log.notes());

    // The same of ids: two names that are one.
    tokens.with_column(Column::new("given".into(), [1_u32, 2, 0])).unwrap();
    write_parquet(&folder.path().join("tokens.parquet"), &tokens).unwrap();
    fs_err::write(folder.path().join("labels.json"), r#"["O", "B-PER", "B-PER "]"#).unwrap();
    let log = Log::open(folder.path()).unwrap();
    assert_eq!((log.labels().len(), &log.tokens().given[..]), (2, &[1, 1, 0][..]));
    assert_eq!(log.epoch(1).unwrap().train.unwrap().correct, [true; 3]);
}

#[test]
fn a_mixture_of_tags_with_and_without_prefix_is_refused() {
    let folder = log_of(&["O", "B-PER", "ORG"], &[0; 30], &[[0; 30]; 2]);
    let error = Log::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Data(_)) && error.to_string().contains("tokens.parquet"), "{error}");
}

/// A log of one epoch, one of its numbers replaced.
fn with_number(name: &str, value: f64) -> tempfile::TempDir {
    let folder = log_of(&["O", "B-PER"], &[0; 30], &[[0; 30], [1; 30]]);
    let columns = ["loss", "p_given", "margin", "entropy"].map(|column| {
        let mut values = [match column {
            "p_given" => 0.5,
            _ => 0.6_f64,
        }; 30];
        if column == name {
            values[4] = value;
        }
        Column::new(column.into(), values)
    });
    let mut epoch = df!(
        "sentence" => (0..30).map(|i| i / 6).collect::<Vec<u32>>(),
        "token" => (0..30).map(|i| i % 6).collect::<Vec<u32>>(),
        "predicted" => vec![0_u32; 30],
    )
    .unwrap();
    columns.into_iter().for_each(|column| _ = epoch.with_column(column).unwrap());
    write_parquet(&LogWriter::epoch_path(folder.path(), 1), &epoch).unwrap();
    folder
}

#[test]
fn numbers_that_cannot_be_are_refused_with_file_and_row() {
    for (name, value) in [
        ("p_given", 1.5),
        ("p_given", -0.25),
        ("p_given", f64::NAN),
        ("loss", -3.0),
        ("loss", f64::NAN),
        ("loss", f64::INFINITY),
        ("margin", f64::NAN),
        ("margin", f64::NEG_INFINITY),
        ("entropy", -0.5),
        ("entropy", 0.9),
    ] {
        let error = Log::open(with_number(name, value).path()).unwrap().epoch(1).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, Error::Data(_)), "{said}");
        assert!(said.contains("epoch=0001.parquet") && said.contains(&format!("column `{name}`, row 5: ")), "{said}");
    }
    // Rounding is put right.
    for (name, value, expected) in [("p_given", 1.0001, 1.0), ("loss", -1e-7, 0.0), ("entropy", 0.6935, f32::ln(2.0))] {
        let observed = Log::open(with_number(name, value).path()).unwrap().epoch(1).unwrap().train.unwrap();
        let column = [("p_given", &observed.p_given), ("loss", &observed.loss), ("entropy", &observed.entropy)];
        assert_eq!(column.iter().find(|(column, _)| *column == name).unwrap().1[4], expected, "{name}");
    }
}

#[test]
fn evaluations_and_steps_that_cannot_be_are_refused_with_file_and_row() {
    let folder = log_of(&["O", "B-PER"], &[0; 30], &[[0; 30], [1; 30]]);
    let write = |name: &str, frame: DataFrame| write_parquet(&folder.path().join(name), &frame).unwrap();
    let analysed = || analyse_run(&Log::open(folder.path()).unwrap(), &AnalysisSettings::default());
    for (name, score) in [("dev_f1", DevScore::F1), ("dev_score", DevScore::UNNAMED)] {
        write("curve.parquet", df!("epoch" => [1.0, 2.0], name => [0.5, 71.0]).unwrap());
        let said = analysed().unwrap_err().to_string();
        let expected = format!("column `{name}`, row 2: 71 is not a score");
        assert!(said.contains("curve.parquet") && said.contains(&expected), "{said}");
        write("curve.parquet", df!("epoch" => [1.0, 2.0], name => [0.5, f64::NAN]).unwrap());
        let analysis = analysed().expect("NaN is unknown there");
        let column = analysis.epochs.column("dev_score").unwrap().f64().unwrap();
        assert_eq!((column.get(0), column.get(1), analysis.dev_score), (Some(0.5), None, score));
    }
    write("steps.parquet", df!("step" => [1_u32, 2], "epoch" => [1_u32, 2], "learning_rate" => [1e-4, -1.0]).unwrap());
    let said = analysed().unwrap_err().to_string();
    assert!(said.contains("steps.parquet") && said.contains("column `learning_rate`, row 2: -1 is not"), "{said}");
    write("steps.parquet", df!("step" => [1_u32, 2], "epoch" => [1_u32, 2], "noisy" => [1.0, 0.5]).unwrap());
    let said = analysed().unwrap_err().to_string();
    assert!(said.contains("column `noisy`, row 2: 0.5 is not a whole number"), "{said}");
}

#[test]
fn a_token_twice_names_both_rows() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = df!("sentence" => [0_u32, 3, 0], "token" => [0_u32, 0, 0], "given" => ["O", "O", "O"]).unwrap();
    write_parquet(&folder.path().join("tokens.parquet"), &tokens).unwrap();
    let said = Log::open(folder.path()).unwrap_err().to_string();
    assert!(said.contains("row 3: sentence 0, token 0 is already in row 1"), "{said}");
}

#[test]
fn files_missing_from_a_finished_run_are_named() {
    let workspace = Workspace::new();
    for arguments in [
        "corpus generate --out data --train 30 --dev 10 --test 0 --seed 3",
        "train --data data --model bilstm --epochs 1 --seed 1 --noise 0 --out out",
    ] {
        let said = workspace.run(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(said.code, 0, "{said}");
    }
    let folder = workspace.path().join("out/runs/noise=0.00/seed=1");
    let said = workspace.run(&["analyse", folder.to_str().unwrap()]);
    assert!(said.code == 0 && !said.stderr.contains("warning"), "{said}");
    for name in ["curve.parquet", "steps.parquet", "types.parquet"] {
        fs_err::remove_file(folder.join(name)).unwrap();
        let said = workspace.run(&["analyse", folder.to_str().unwrap()]);
        assert!(said.code == 0 && said.stderr.contains(&format!("{name}: the run is finished, but")), "{said}");
    }
    let again = "train --data data --model bilstm --epochs 1 --seed 1 --noise 0 --out out";
    let said = workspace.run(&again.split(' ').collect::<Vec<_>>());
    assert!(said.code == 0 && said.stderr.matches("this file is missing").count() == 3, "{said}");
}

#[test]
fn damaged_files_end_with_exit_code_3_and_without_the_text_of_a_panic() {
    let workspace = Workspace::new();
    let cases = repository("tests/fixtures/cases");
    fs_err::create_dir_all(workspace.path().join("log/dynamics")).unwrap();
    fs_err::copy(cases.join("faults-damaged/tokens-bad-footer.parquet"), workspace.path().join("log/tokens.parquet"))
        .unwrap();
    let said = workspace.run(&["analyse", "log"]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stderr.starts_with("error: log/tokens.parquet: the file is damaged"), "{said}");
    assert!(!said.stderr.contains("panicked"), "{said}");

    // One bit at a time, most of them in the footer. Some damage is harmless.
    let epoch = case("iob2").join("dynamics/epoch=0001.parquet");
    fs_err::copy(epoch, workspace.path().join("log/dynamics/epoch=0001.parquet")).unwrap();
    let whole = fs_err::read(case("iob2").join("tokens.parquet")).unwrap();
    let footer = u32::from_le_bytes(whole[whole.len() - 8..whole.len() - 4].try_into().unwrap()) as usize;
    let mut rng = Streams::new(9).stream("damage", &[]);
    for i in 0..40 {
        let first = if i % 4 == 0 { 4 } else { whole.len() - 8 - footer };
        let mut bytes = whole.clone();
        bytes[rng.gen_range(first..whole.len() - 4)] ^= 1 << rng.gen_range(0..8);
        fs_err::write(workspace.path().join("log/tokens.parquet"), &bytes).unwrap();
        let said = workspace.run(&["analyse", "log", "--bootstrap", "0"]);
        assert!([0, 3].contains(&said.code) && !said.stderr.contains("panicked"), "{said}");
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_line() {
    let workspace = Workspace::new();
    let hostile = fs_err::read(repository("tests/fixtures/cases/faults-hostile/nonutf8.jsonl")).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = workspace.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    };
    write("cartography/training_dynamics/dynamics_epoch_0.jsonl", &hostile);
    let said = workspace.run(&["analyse", "cartography"]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stderr.contains("dynamics_epoch_0.jsonl:1: not valid UTF-8"), "{said}");

    write("run/tokens.parquet", b"");
    write("run/manifest.json", b"{\n\"schema\": \"\xff\"}");
    for arguments in [["analyse", "run"], ["train", "--resume=run"]] {
        let said = workspace.run(&arguments);
        assert_eq!(said.code, 3, "{said}");
        assert!(said.stderr.contains("manifest.json:2: not valid UTF-8"), "{said}");
    }
    write("e.toml", b"[study]\nname = \"caf\xe9\"\n");
    let said = workspace.run(&["sweep", "e.toml"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("e.toml:2: not valid UTF-8"), "{said}");
}
