//! Decisions put into annotated files, by the program.

use insta::assert_snapshot;

use crate::workspace::Workspace;

/// The header and one row of a table of tokens.
const TOKENS: &str = "sentence\ttoken\tword\tgiven\tsuggested\n0\t2\tCity\tO\tI-LOC\n";

/// A file with everything that an edit must leave alone; `{}` are the tags of its words.
fn file(tags: [&str; 5]) -> String {
    let [new, york, city, dot, eu] = tags;
    format!(
        "\u{feff}-DOCSTART- -X- O O\r\n\r\nNew  NNP {new} \r\nYork NNP {york}\r\nCity NNP  {city}   \n. . {dot}\n \t\r\nEU NNP {eu}"
    )
}

#[test]
fn every_scheme_and_every_other_byte_is_kept() {
    for (before, after) in [
        (["B-LOC", "I-LOC", "O", "O", "B-ORG"], ["B-LOC", "I-LOC", "I-LOC", "O", "B-ORG"]),
        (["I-LOC", "I-LOC", "O", "O", "I-ORG"], ["I-LOC", "I-LOC", "I-LOC", "O", "I-ORG"]),
        (["B-LOC", "E-LOC", "O", "O", "S-ORG"], ["B-LOC", "I-LOC", "E-LOC", "O", "S-ORG"]),
        (["B-LOC", "L-LOC", "O", "O", "U-ORG"], ["B-LOC", "I-LOC", "L-LOC", "O", "U-ORG"]),
    ] {
        let workspace = Workspace::new();
        workspace.file("train.txt", &file(before));
        workspace.file("d.tsv", TOKENS);
        let said = workspace.run(&["audit", "apply", "train.txt", "d.tsv", "--out", "new.txt"]);
        assert_eq!(said.code, 0, "{said}");
        assert_eq!(workspace.read("new.txt"), file(after));
        assert_eq!(workspace.read("train.txt"), file(before));
        // What changes nothing leaves the bytes as they are.
        workspace.file("none.tsv", "sentence\ttoken\tgiven\tsuggested\n1\t0\tB-ORG\tB-ORG\n");
        let said = workspace.run(&["audit", "apply", "new.txt", "none.tsv", "--in-place"]);
        assert_eq!(said.code, 0, "{said}");
        assert_eq!(workspace.read("new.txt"), file(after));
    }
}

#[test]
fn a_dry_run_shows_the_lines_and_writes_nothing() {
    let workspace = Workspace::new();
    workspace.file("train.txt", "New B-LOC\nYork E-LOC\nCi\u{1b}ty O\n");
    workspace.file(
        "d.json",
        r#"{"schema":1,"tool":"memoscope","file":"train.txt","fingerprint":"00","decisions":[
            {"rank":1,"sentence":0,"start":0,"end":3,"words":["New","York","Ci\u001bty"],"given":["B-LOC","I-LOC","O"],"decision":"accept","tags":["B-LOC","I-LOC","I-LOC"]},
            {"rank":2,"sentence":0,"start":0,"end":1,"words":["New"],"given":["B-LOC"],"decision":"reject","tags":["B-LOC"]}]}"#,
    );
    assert_snapshot!(workspace.run(&["audit", "apply", "train.txt", "d.json", "--dry-run"]), @r"
    code: 0
    ----- stdout
    2: York E-LOC -> I-LOC
    3: Ci\u{1b}ty O -> E-LOC

    accepted          1
    edited            0
    rejected          1
    tokens changed    1
    tokens unchanged  2
    lines changed     2 (BIOES)
    written           nothing
    ----- stderr
    warning: train.txt has changed since d.json was made; all tokens and tags of the decisions are still there
    ");
    let said = workspace.run(&["audit", "apply", "train.txt", "d.json", "--out", "new.txt", "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&summary["accepted"], &summary["rejected"]), (&1.into(), &1.into()));
    assert_eq!((&summary["tokens_changed"], &summary["tokens_unchanged"]), (&1.into(), &2.into()));
    assert_eq!(summary["lines"].as_array().unwrap().len(), 2);
    assert_eq!(summary["written"], "new.txt");
    assert_eq!(workspace.read("new.txt"), "New B-LOC\nYork I-LOC\nCi\u{1b}ty E-LOC\n");
}

#[test]
fn of_a_folder_one_split_is_corrected() {
    let workspace = Workspace::new();
    for name in ["train.txt", "dev.txt"] {
        workspace.file(&format!("data/{name}"), "New B-LOC\nYork I-LOC\nCity O\n");
    }
    workspace.file("d.tsv", TOKENS);
    assert_snapshot!(workspace.run(&["audit", "apply", "data", "d.tsv", "--in-place", "--split", "dev"]), @"
    code: 0
    ----- stdout
    accepted          1
    edited            0
    rejected          0
    tokens changed    1
    tokens unchanged  0
    lines changed     1 (IOB2)
    written           data/dev.txt
    ----- stderr
    ");
    assert_eq!(workspace.read("data/dev.txt"), "New B-LOC\nYork I-LOC\nCity I-LOC\n");
    assert_eq!(workspace.read("data/train.txt"), "New B-LOC\nYork I-LOC\nCity O\n");
    assert_snapshot!(workspace.run(&["audit", "apply", "data", "d.tsv", "--in-place", "--split", "test"]), @"
    code: 3
    ----- stdout
    ----- stderr
    error: data: there is no test file in this folder
      hint: name it test or testb, with the extension .txt, .conll, .tsv, .bio, .iob, .iob2 (columns), .json, .jsonl, .ndjson (JSON lines) or none
    ");
}

#[test]
fn what_cannot_be_applied_is_refused_before_anything_is_written() {
    let workspace = Workspace::new();
    workspace.file("train.txt", "New B-LOC\nYork I-LOC\nCity O\n");
    workspace.file("d.tsv", TOKENS);
    workspace.file("audit/suspects.jsonl", "");
    let run = |arguments: &[&str]| workspace.run(&[&["audit", "apply"], arguments].concat());
    assert_snapshot!(run(&["train.txt", "audit", "--in-place"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: audit/suspects.jsonl: suspects are no decisions yet
      hint: decide on the audit's page and export, or accept them with `--auto 0.9`
    ");
    assert_snapshot!(run(&["train.txt", "audit", "--in-place", "--auto", "0.9"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: audit/suspects.jsonl: the models' held-out F1 is unknown: there is no audit.json beside the suspects
      hint: give the folder of the audit, decide on its page, or accept them nevertheless with --uncalibrated
    ");
    assert_eq!(run(&["train.txt", "audit", "--dry-run", "--auto", "0.9", "--uncalibrated"]).code, 0);
    assert_eq!(run(&["train.txt", "d.tsv", "--dry-run", "--uncalibrated"]).code, 2);
    assert_snapshot!(run(&["train.txt", "d.tsv", "--in-place", "--auto", "0.9"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: d.tsv: `--auto` is for suspects, and these are decisions
      hint: leave it out: what was decided is applied
    ");
    assert_snapshot!(run(&["train.txt", "audit", "--in-place", "--auto", "90"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: `--auto` must be between 0 and 1, not 90
      hint: it is the least probability, as in `--auto 0.9`
    ");
    assert_snapshot!(run(&["train.txt", "d.tsv", "--out", "train.txt"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: train.txt: `--out` is the annotated file itself
      hint: use `--in-place` if that is meant
    ");
    assert_snapshot!(run(&["train.txt", "none.json", "--in-place"]), @"
    code: 3
    ----- stdout
    ----- stderr
    error: none.json: there is no such file
      hint: check the path
    ");
    assert_snapshot!(run(&["train.txt", "d.tsv", "--in-place", "--split", "dev"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: train.txt: `--split` is for a folder, and this is a file
      hint: leave it out
    ");
    assert_eq!(run(&["train.txt", "d.tsv"]).code, 2);
    assert_eq!(workspace.read("train.txt"), "New B-LOC\nYork I-LOC\nCity O\n");
    assert_eq!(run(&["train.txt", "d.tsv", "--in-place"]).code, 0);
    assert_snapshot!(run(&["train.txt", "d.tsv", "--in-place"]), @"
    code: 3
    ----- stdout
    ----- stderr
    error: d.tsv:2: the given tags are `O`, but train.txt:3 has `I-LOC`
      hint: it seems to be applied already: give the file as it was before
    ");
    assert_eq!(workspace.read("train.txt"), "New B-LOC\nYork I-LOC\nCity I-LOC\n");
}

#[cfg(unix)]
#[test]
fn in_place_keeps_permissions_and_links() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = Workspace::new();
    let path = workspace.file("real/train.txt", "New B-LOC\nYork I-LOC\nCity O\n");
    workspace.file("d.tsv", TOKENS);
    let link = workspace.path().join("train.txt");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let mode = |mode| fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o440);
    assert_snapshot!(workspace.run(&["audit", "apply", "train.txt", "d.tsv", "--in-place"]), @"
    code: 5
    ----- stdout
    ----- stderr
    error: train.txt: the file is read-only
    ");
    mode(0o640);
    let said = workspace.run(&["audit", "apply", "train.txt", "d.tsv", "--in-place"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(link.is_symlink());
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(workspace.read("real/train.txt"), "New B-LOC\nYork I-LOC\nCity I-LOC\n");
}
