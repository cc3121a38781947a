//! One table of label issues in every form that programs write: read the same, or refused.

use std::path::PathBuf;

use memoscope::audit::{Text, apply_valid, read_decisions, read_scores};
use memoscope::corpus::EditableFile;
use memoscope::{Error, Result};
use proptest::prelude::*;

use crate::workspace::{Workspace, repository};

const COLUMNS: [&str; 4] = ["is_label_issue", "label_score", "given_label", "predicted_label"];

/// A table of label issues and the file that it is about.
struct Case {
    workspace: Workspace,
    file: PathBuf,
    /// The four columns of each token, in the order of the file.
    rows: Vec<[String; 4]>,
}

/// How a table is written.
#[derive(Debug, Clone)]
struct Form {
    separator: char,
    /// The name of the column with the number of the token.
    index: Option<&'static str>,
    /// Sentence and token in columns of their own.
    places: bool,
    line_end: &'static str,
    bom: bool,
}

const PLAIN: Form = Form { separator: ',', index: Some(""), places: false, line_end: "\n", bom: false };

impl Case {
    fn new(text: &str, rows: Vec<[String; 4]>) -> Self {
        let workspace = Workspace::new();
        let file = workspace.file("train.txt", text);
        Self { workspace, file, rows }
    }

    /// The case of the fixtures: cleanlab's table as pandas wrote it, and the file with the labels that it was made for.
    fn fixture() -> Self {
        let read = |name: &str| {
            fs_err::read_to_string(repository(&format!("tests/fixtures/cases/14-cleanlab/{name}"))).unwrap()
        };
        let table = read("index.csv");
        let row = |line: &str| {
            let mut fields = line.split(',').skip(1).map(str::to_owned);
            std::array::from_fn(|_| fields.next().unwrap())
        };
        let rows: Vec<[String; 4]> = table.lines().skip(1).map(row).collect();
        let mut given = rows.iter().map(|row| &row[2]);
        let line = |line: &str| match line.split_once('\t') {
            Some((token, _)) => format!("{token}\t{}\n", given.next().unwrap()),
            None => "\n".to_owned(),
        };
        Self::new(&read("clean/train.txt").lines().map(line).collect::<String>(), rows)
    }

    /// The rows of these tokens, in this order and form.
    fn table(&self, order: &[usize], form: &Form) -> String {
        let data = EditableFile::read(&self.file, None).unwrap();
        let places: Vec<(usize, usize)> =
            data.tags().iter().enumerate().flat_map(|(s, tags)| (0..tags.len()).map(move |t| (s, t))).collect();
        let separator = form.separator.to_string();
        let mut header: Vec<String> = form.index.into_iter().map(str::to_owned).collect();
        if form.places {
            header.extend(["sentence".to_owned(), "token".to_owned()]);
        }
        header.extend(COLUMNS.map(str::to_owned));
        let mut lines = vec![header.join(&separator)];
        for &token in order {
            let mut row: Vec<String> = form.index.iter().map(|_| token.to_string()).collect();
            if form.places {
                row.extend([places[token].0.to_string(), places[token].1.to_string()]);
            }
            row.extend(self.rows[token].clone());
            lines.push(row.join(&separator));
        }
        let bom = if form.bom { "\u{feff}" } else { "" };
        format!("{bom}{}{}", lines.join(form.line_end), form.line_end)
    }

    fn scores(&self, table: &str) -> Result<Vec<f64>> {
        read_scores(&self.workspace.file("table", table), &Text::read(&self.file, None).unwrap())
    }

    /// The file with the issues applied that leave valid sequences.
    fn applied(&self, table: &str) -> Result<Vec<u8>> {
        let data = EditableFile::read(&self.file, None)?;
        let decisions = read_decisions(&self.workspace.file("table", table), &data, None)?;
        Ok(apply_valid(&data, &decisions)?.bytes)
    }

    fn in_order(&self) -> Vec<usize> {
        (0..self.rows.len()).collect()
    }

    /// As after `sort_values("label_score")`.
    fn sorted(&self) -> Vec<usize> {
        let mut order = self.in_order();
        order.sort_by(|&a, &b| {
            let score = |token: usize| self.rows[token][1].parse::<f64>().unwrap();
            score(a).total_cmp(&score(b))
        });
        order
    }
}

/// What is said, with the kind of error and without the folder.
fn said<T: std::fmt::Debug>(case: &Case, result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Data(_)), "{error:?}");
    let text = format!("{error}; {}", error.hint().unwrap_or_default());
    text.replace(&format!("{}/", case.workspace.path().display()), "")
}

#[test]
fn every_form_of_a_table_is_read_the_same() {
    let case = Case::fixture();
    let plain = case.table(&case.in_order(), &PLAIN);
    let (scores, applied) = (case.scores(&plain).unwrap(), case.applied(&plain).unwrap());
    assert!(
        scores.iter().zip(&case.rows).all(|(score, row)| (1.0 - score - row[1].parse::<f64>().unwrap()).abs() < 1e-12)
    );
    assert_ne!(applied, fs_err::read(&case.file).unwrap());
    let reversed: Vec<usize> = case.in_order().into_iter().rev().collect();
    for order in [case.in_order(), case.sorted(), reversed] {
        for form in [
            PLAIN,
            Form { separator: ';', bom: true, ..PLAIN },
            Form { separator: '\t', line_end: "\r\n", ..PLAIN },
            Form { index: Some("Unnamed: 0"), ..PLAIN },
            Form { index: Some("index"), ..PLAIN },
            Form { index: Some("token"), ..PLAIN },
            Form { index: Some("token_index"), ..PLAIN },
            Form { index: Some("ID"), ..PLAIN },
            Form { index: None, places: true, ..PLAIN },
            Form { places: true, ..PLAIN },
        ] {
            let table = case.table(&order, &form);
            assert_eq!(case.scores(&table).unwrap(), scores, "{form:?}");
            assert_eq!(case.applied(&table).unwrap(), applied, "{form:?}");
        }
    }
    // Without numbers the rows are those of the file in order.
    let table = case.table(&case.in_order(), &Form { index: None, ..PLAIN });
    assert_eq!((case.scores(&table).unwrap(), case.applied(&table).unwrap()), (scores, applied));
    // Issues alone are decisions enough, and no scores of all tokens.
    let issues: Vec<usize> = case.in_order().into_iter().filter(|&token| case.rows[token][0] == "True").collect();
    let table = case.table(&issues, &PLAIN);
    assert_eq!(case.applied(&table).unwrap(), case.applied(&plain).unwrap());
    assert!(said(&case, case.scores(&table)).contains(" tokens have no score, the first is token 0 of sentence 0"));
}

#[test]
fn tables_that_contradict_the_file_are_refused() {
    let mut case = Case::fixture();
    let no_index = Form { index: None, ..PLAIN };
    let sorted = case.table(&case.sorted(), &no_index);
    for message in [said(&case, case.scores(&sorted)), said(&case, case.applied(&sorted))] {
        assert!(message.starts_with("table:2: the given label is `"), "{message}");
        assert!(message.contains("but train.txt:1 has `O`") && message.contains(" other rows differ"), "{message}");
        assert!(message.contains("the rows are in another order than the file"), "{message}");
    }
    let mut shuffled = case.in_order();
    shuffled.swap(2, 800);
    let message = said(&case, case.scores(&case.table(&shuffled, &no_index)));
    assert!(
        message.starts_with("table:4: the given label is `O`, but train.txt:3 has `B-ORG`, and another row"),
        "{message}"
    );

    let issues: Vec<usize> = case.in_order().into_iter().filter(|&token| case.rows[token][0] == "True").collect();
    let message = said(&case, case.scores(&case.table(&issues, &no_index)));
    assert!(message.starts_with(&format!(
        "table: {} rows, but train.txt has {} tokens",
        issues.len(),
        case.rows.len()
    )));

    let twice = [&case.in_order()[..], &[7]].concat();
    let message = said(&case, case.scores(&case.table(&twice, &PLAIN)));
    assert!(message.contains(": token 7 of train.txt has a row already, in line 9; keep one row"), "{message}");
    let message = said(&case, case.scores(&case.table(&twice[1..twice.len() - 1], &PLAIN)));
    assert!(message.starts_with("table: 1 of 1142 tokens have no score"), "{message}");

    // An index that was made after the sorting.
    let renumbered = sorted.lines().enumerate().map(|(i, line)| match i {
        0 => format!(",{line}\n"),
        i => format!("{},{line}\n", i - 1),
    });
    let message = said(&case, case.scores(&renumbered.collect::<String>()));
    assert!(message.contains("the index counts the rows of the table"), "{message}");

    for (score, expected) in
        [("98.7", "98.7 in the column `label_score` is not between 0 and 1"), ("nan", "not a finite")]
    {
        let kept = std::mem::replace(&mut case.rows[5][1], score.into());
        let message = said(&case, case.scores(&case.table(&case.in_order(), &PLAIN)));
        assert!(message.starts_with("table:7: ") && message.contains(expected), "{message}");
        case.rows[5][1] = kept;
    }
    case.rows.iter_mut().for_each(|row| row[2] = if row[2] == "O" { "6".into() } else { "1".into() });
    for message in [
        said(&case, case.scores(&case.table(&case.in_order(), &PLAIN))),
        said(&case, case.applied(&case.table(&case.in_order(), &PLAIN))),
    ] {
        assert!(message.contains("the labels are numbers: give Datalab the tags as strings"), "{message}");
    }
}

/// Sentences with tags in IOB2, and for each token a score, a suggestion, and a key to sort the table by.
fn corpora() -> impl Strategy<Value = (String, Vec<[String; 4]>, Vec<usize>)> {
    let tag = prop::sample::select(vec!["O", "B-LOC", "B-ORG", "B-a b"]);
    let token = (tag.clone(), tag, 0.0..=1.0f64, any::<u32>());
    prop::collection::vec(prop::collection::vec(token, 1..5), 1..8).prop_map(|sentences| {
        let mut text = String::new();
        let (mut rows, mut keys) = (Vec::new(), Vec::new());
        for sentence in &sentences {
            for (given, predicted, score, key) in sentence {
                let letter = |n: usize| char::from(b'a' + (n % 26) as u8);
                text.push_str(&format!("{}{}\t{given}\n", letter(rows.len()), letter(rows.len() / 26)));
                let is_issue = if given == predicted { "False" } else { "True" };
                rows.push([is_issue, &score.to_string(), given, predicted].map(str::to_owned));
                keys.push((*key, keys.len()));
            }
            text.push('\n');
        }
        keys.sort_unstable();
        // A file without an entity is no text to audit.
        text.push_str("end\tB-LOC\n");
        rows.push(["False", "1", "B-LOC", "B-LOC"].map(str::to_owned));
        let order = [rows.len() - 1].into_iter().chain(keys.into_iter().map(|(_, token)| token)).collect();
        (text, rows, order)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_order_of_rows_that_name_their_token_is_read_the_same(
        (text, rows, order) in corpora(),
        separator in prop::sample::select(vec![',', ';', '\t']),
        index in prop::option::of(prop::sample::select(vec!["", "Unnamed: 0", "index", "token", "token_index", "id"])),
        bom: bool,
    ) {
        let case = Case::new(&text, rows);
        let plain = case.table(&case.in_order(), &PLAIN);
        let form = Form { separator, places: index.is_none(), index, bom, ..PLAIN };
        let table = case.table(&order, &form);
        prop_assert_eq!(case.scores(&table).unwrap(), case.scores(&plain).unwrap());
        prop_assert_eq!(case.applied(&table).unwrap(), case.applied(&plain).unwrap());
    }

    #[test]
    fn a_reordered_table_without_numbers_is_never_read_otherwise((text, rows, order) in corpora()) {
        let case = Case::new(&text, rows);
        let table = case.table(&order, &Form { index: None, ..PLAIN });
        let labels_fit = order.iter().enumerate().all(|(row, &token)| case.rows[row][2] == case.rows[token][2]);
        // With the same labels in the same places the order cannot be told from that of the file.
        prop_assert_eq!(case.scores(&table).is_ok(), labels_fit);
        prop_assert_eq!(case.applied(&table).is_ok(), labels_fit);
    }
}
