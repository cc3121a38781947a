use fs_err as fs;

use super::*;
use crate::audit::{TokenRow, apply, apply_valid, write_cleanlab_table};

/// A file of two sentences and six tokens, and decisions about it.
struct Room {
    folder: tempfile::TempDir,
    data: EditableFile,
}

const IOB2: &str = "EU B-ORG\nsays O\n\nNew B-LOC\nYork I-LOC\nCity O\n! O\n";
const IOB1: &str = "EU I-ORG\nsays O\n\nNew I-LOC\nYork I-LOC\nCity O\n! O\n";

impl Room {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.txt");
        fs::write(&path, text).unwrap();
        let data = EditableFile::read(&path, None).unwrap();
        Self { folder, data }
    }

    fn read(&self, name: &str, text: &str, auto: Option<f64>) -> Result<Decisions> {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        read_decisions(&path, &self.data, auto.map(|probability| Auto { probability, uncalibrated: true }))
    }

    /// The tags of the file once the decisions are applied.
    fn applied(&self, name: &str, text: &str) -> Result<String> {
        let applied = apply(&self.data, &self.read(name, text, None)?)?;
        let text = String::from_utf8(applied.bytes).unwrap();
        Ok(text.lines().filter_map(|line| line.split(' ').nth(1)).collect::<Vec<_>>().join(" "))
    }

    /// What is said, paths shortened.
    fn refusal(&self, text: &str) -> String {
        let error = self.applied("d", text).unwrap_err();
        assert!(matches!(error, Error::Data(_)) && error.hint().is_some(), "{error:?}");
        error.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn export(entry: &str) -> String {
    format!("{{\"schema\":1,\"decisions\":[{entry}]}}")
}

#[test]
fn every_format_is_recognised_by_what_is_in_it() {
    let room = Room::new(IOB2);
    let json = export(
        r#"{"sentence":1,"start":0,"end":3,"words":["New","York","City"],"given":["B-LOC","I-LOC","O"],"decision":"accept","tags":["B-LOC","I-LOC","I-LOC"]},
           {"sentence":0,"start":0,"end":1,"decision":"reject","given":["B-ORG"]}"#,
    );
    assert_eq!(room.applied("d", &json).unwrap(), "B-ORG O B-LOC I-LOC I-LOC O");
    let tokens = "word\tsuggested\tgiven\ttoken\tsentence\nCity\tI-LOC\tO\t2\t1\n";
    assert_eq!(room.applied("d", tokens).unwrap(), "B-ORG O B-LOC I-LOC I-LOC O");
    let issues = "is_label_issue,label_score,given_label,predicted_label\nFalse,1,B-ORG,B-ORG\nFalse,1,O,B-ORG\n\
                  False,1,B-LOC,B-LOC\nFalse,1,I-LOC,I-LOC\nTrue,0.1,O,I-LOC\nFalse,1,O,O\n";
    assert_eq!(room.applied("d", issues).unwrap(), "B-ORG O B-LOC I-LOC I-LOC O");
    // Spaces around tags do not count, and words may be guarded for spreadsheets.
    let spaced = "word\tsuggested\tgiven\ttoken\tsentence\nCity\tI-LOC\u{a0}\t O\t2\t1\n";
    assert_eq!(room.applied("d", spaced).unwrap(), "B-ORG O B-LOC I-LOC I-LOC O");
    // Sorted or filtered, the index says which row is which token.
    let index = ",is_label_issue,label_score,given_label,predicted_label\n4,True,0.1,O,I-LOC\n0,False,1,B-ORG,O\n";
    assert_eq!(room.applied("d", index).unwrap(), "B-ORG O B-LOC I-LOC I-LOC O");
}

#[test]
fn cleanlab_may_have_seen_the_file_in_its_own_scheme() {
    let room = Room::new(IOB1);
    let issues = |given: &str, predicted: &str| {
        let rows = given.split(' ').zip(predicted.split(' '));
        let rows: String =
            rows.map(|(g, p)| format!("{},0.5,{g},{p}\n", if g == p { "False" } else { "True" })).collect();
        format!("is_label_issue,label_score,given_label,predicted_label\n{rows}")
    };
    let as_written = issues("I-ORG O I-LOC I-LOC O O", "I-ORG O O I-LOC B-LOC O");
    assert_eq!(room.applied("d", &as_written).unwrap(), "I-ORG O O I-LOC B-LOC O");
    let iob2 = issues("B-ORG O B-LOC I-LOC O O", "B-ORG O B-LOC B-LOC O O");
    assert_eq!(room.applied("d", &iob2).unwrap(), "I-ORG O I-LOC B-LOC O O");
}

#[test]
fn our_own_cleanlab_table_is_read_back() {
    let room = Room::new("a\tB-x, \"y\"\nb\tO\n");
    let tags = &room.data.tags()[0];
    let row = |given, predicted, is_issue| TokenRow { given, predicted, probability: 0.5, is_issue };
    let path = room.folder.path().join("issues.csv");
    write_cleanlab_table(&path, &[row(&tags[0], "O", true), row(&tags[1], "B-x, \"y\"", true)]).unwrap();
    let decisions = read_decisions(&path, &room.data, None).unwrap();
    assert_eq!(apply(&room.data, &decisions).unwrap().bytes, b"a\tO\nb\tB-x, \"y\"\n");
}

#[test]
fn words_guarded_for_spreadsheets_are_the_words() {
    let room = Room::new("=x O\n-y O\n'z O\n");
    let tokens = "sentence\ttoken\tword\tgiven\tsuggested\n0\t0\t'=x\tO\tB-A\n0\t1\t-y\tO\tB-B\n0\t2\t'z\tO\tB-C\n";
    assert_eq!(room.applied("d", tokens).unwrap(), "B-A B-B B-C");
    let other = "sentence\ttoken\tword\tgiven\tsuggested\n0\t2\tz\tO\tB-A\n";
    assert_eq!(room.refusal(other), "d:2: the tokens are `z`, but train.txt:3 has `'z`");
}

#[test]
fn suspects_are_accepted_from_a_probability_on() {
    let room = Room::new(IOB2);
    let line = |probability: f64, sentence: u32, suggested: &str| {
        format!(
            r#"{{"rank":1,"sentence":{sentence},"line":1,"start":0,"end":1,"kind":"spurious","words":["EU"],"given":["B-ORG"],"suggested":["{suggested}"],"score":1.0,"probability":{probability},"held_out_loss":[],"train_loss":[],"elsewhere":0,"elsewhere_as_given":0,"elsewhere_as_suggested":0,"occurrences":[]}}"#
        )
    };
    let text = format!("{}\n{}\n", line(0.9, 0, "B-LOC"), line(0.89, 7, "O"));
    let decisions = room.read("suspects.jsonl", &text, Some(0.9)).unwrap();
    assert_eq!((decisions.changes.len(), decisions.changes[0].line), (1, Some(1)));
    assert_eq!(apply(&room.data, &decisions).unwrap().n_tokens_changed, 1);
    let auto = |uncalibrated| Some(Auto { probability: 0.9, uncalibrated });
    assert_eq!(read_decisions(room.folder.path(), &room.data, auto(true)).unwrap(), decisions);
    // Nothing says how much the models have learned.
    assert!(matches!(read_decisions(room.folder.path(), &room.data, auto(false)), Err(Error::Config(_))));
    fs::write(room.folder.path().join("audit.json"), r#"{"held_out_f1":0.5}"#).unwrap();
    assert_eq!(read_decisions(room.folder.path(), &room.data, auto(false)).unwrap(), decisions);
    assert!(matches!(room.read("any.json", &text, None), Err(Error::Config(_))));
    assert!(matches!(room.read("any.json", &text, Some(1.5)), Err(Error::Config(_))));
    assert!(matches!(room.read("d", &export(""), Some(0.5)), Err(Error::Config(_))));
    assert_eq!(room.read("suspects.jsonl", "", Some(0.5)).unwrap().changes, []);
}

#[test]
fn a_decision_that_does_not_fit_the_file_is_refused() {
    let room = Room::new(IOB2);
    let refusal = |entry: &str| room.refusal(&export(entry));
    assert_eq!(
        refusal(r#"{"sentence":2,"start":0,"end":1,"decision":"accept","tags":["O"]}"#),
        "d: decision 1: there is no sentence 2: train.txt has 2, counted from 0"
    );
    for (start, end) in ["0,3", "2,2", "1,0", "5,18446744073709551615"].map(|range| range.split_once(',').unwrap()) {
        let entry = format!(r#"{{"sentence":0,"start":{start},"end":{end},"decision":"reject"}}"#);
        assert_eq!(
            refusal(&entry),
            format!("d: decision 1: there are no tokens {start} to {end} in sentence 0: train.txt:1 begins one of 2")
        );
    }
    assert_eq!(
        refusal(r#"{"sentence":1,"start":1,"end":2,"words":["\u001b[2J"],"decision":"accept","tags":["O"]}"#),
        "d: decision 1: the tokens are `\\u{1b}[2J`, but train.txt:5 has `York`"
    );
    assert_eq!(
        refusal(r#"{"sentence":1,"start":1,"end":2,"given":["O"],"decision":"edit","tags":["B-LOC"]}"#),
        "d: decision 1: the given tags are `O`, but train.txt:5 has `I-LOC`"
    );
    assert_eq!(
        refusal(r#"{"sentence":1,"start":0,"end":2,"decision":"edit","tags":["B-LOC"]}"#),
        "d: decision 1: 1 tags for 2 tokens"
    );
    assert_eq!(
        refusal(r#"{"sentence":1,"start":0,"end":1,"decision":"edit","tags":["S-LOC"]}"#),
        "d: decision 1: `S-LOC` is no tag of IOB2"
    );
    assert_eq!(
        refusal(r#"{"sentence":1,"start":0,"end":1,"given":["B-LOC"],"decision":"reject","tags":["O"]}"#),
        "d: decision 1: rejected, but its tags are not the given ones"
    );
    assert_eq!(refusal(r#"{"sentence":1,"start":0,"end":1,"decision":"edit"}"#), "d: decision 1: there are no tags");
}

#[test]
fn decisions_that_disagree_or_break_a_sequence_are_refused() {
    let room = Room::new(IOB2);
    let header = "sentence\ttoken\tgiven\tsuggested\n";
    let rows = |rows: &str| format!("{header}{rows}");
    assert_eq!(
        room.refusal(&rows("0\t0\tB-ORG\tO\n0\t1\tO\tO\n0\t0\tB-ORG\tB-LOC\n")),
        "d:4: line 2 and line 4 disagree about train.txt:1: `O` and `B-LOC`"
    );
    assert_eq!(room.applied("d", &rows("0\t0\tB-ORG\tO\n0\t0\tB-ORG\tO\n")).unwrap(), "O O B-LOC I-LOC O O");
    assert_eq!(
        room.refusal(&rows("1\t0\tB-LOC\tO\n")),
        "d:2: at train.txt:5 `I-LOC` would stand behind `O`, which is no valid sequence"
    );
    assert_eq!(
        room.refusal(&rows("1\t2\tO\tI-PER\n0\t1\tO\tI-PER\n")),
        "d:3: at train.txt:2 `I-PER` would stand behind `B-ORG`, which is no valid sequence, and 1 more like it"
    );
    assert_eq!(room.applied("d", &rows("1\t1\tI-LOC\tO\n1\t0\tB-LOC\tO\n")).unwrap(), "B-ORG O O O O O");
    // One that was invalid may stay so.
    let room = Room::new("a I-X\nb I-X\n\nc B-X\nd B-Y\n");
    assert_eq!(room.applied("d", &rows("0\t0\tI-X\tI-Y\n0\t1\tI-X\tI-Y\n")).unwrap(), "I-Y I-Y B-X B-Y");
}

#[test]
fn what_holds_no_decisions_is_refused() {
    let room = Room::new(IOB2);
    let issues = "is_label_issue,label_score,given_label,predicted_label\n";
    for (text, expected) in [
        ("", "d: these are no decisions"),
        ("a,b\n1,2\n", "d: these are no decisions"),
        (
            "[[0, 1], [2, 3]]",
            "d: pairs of sentence and token, as cleanlab's token classification finds them, do not say",
        ),
        ("[1]", "d: a list in JSON is none"),
        ("{}", "d:1: not a file of decisions: missing field `schema`"),
        ("{\"schema\":2,\"decisions\":[7]}", "d: decisions of schema 2, and 1 is known here"),
        ("{\"schema\":1,\n\"decisions\":[{\"sentence\":-1}]}", "d:2: not a file of decisions: invalid value"),
        ("{\"schema\":1,\"decisions\":[", "d:1: not a file of decisions: EOF"),
        ("sentence\ttoken\tgiven\tsuggested\n0\tx\tO\tO\n", "d:2: `x` in the column `token` is not a whole number"),
        (issues, "d: 0 rows, but train.txt has 6 tokens, and no column numbers them"),
    ] {
        let said = room.refusal(text);
        assert!(said.starts_with(expected), "{text:?}: {said}");
    }
    let index = format!(",{issues}0,True,0.5,2,1\n");
    assert_eq!(room.refusal(&index), "d:2: the given label is `2`, but train.txt:1 has `B-ORG`");
    assert_eq!(room.refusal(&format!(",{issues}6,True,0.5,O,O\n")), "d:2: there is no token 6: train.txt has 6");
    assert_eq!(
        room.refusal(&format!(",{issues}1,True,0.5,O,O\n1,True,0.5,O,O\n")),
        "d:3: token 1 of train.txt has a row already, in line 2"
    );
}

#[test]
fn sentences_that_would_be_invalid_can_be_left_out() {
    let room = Room::new(IOB2);
    // `York` would be inside of nothing; `EU` stands alone.
    let table = "sentence\ttoken\tgiven\tsuggested\n0\t0\tB-ORG\tO\n1\t0\tB-LOC\tO\n1\t2\tO\tB-LOC\n";
    let decisions = room.read("tokens.tsv", table, None).unwrap();
    assert!(
        matches!(apply(&room.data, &decisions), Err(Error::Data(problem)) if problem.what.contains("no valid sequence"))
    );
    let applied = apply_valid(&room.data, &decisions).unwrap();
    assert_eq!((applied.n_accepted, applied.n_left_out, applied.n_tokens_changed), (1, 2, 1));
    let expected = IOB2.replace("EU B-ORG", "EU O");
    assert_eq!(String::from_utf8(applied.bytes).unwrap(), expected);
}
