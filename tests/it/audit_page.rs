//! The audit's page in a real browser.

use std::collections::BTreeMap;
use std::path::PathBuf;

use memoscope::audit::page::{PageData, PageSentence, TypeRow, render};
use memoscope::audit::{Occurrence, Suspect, SuspectKind};
use memoscope::corpus::Scheme;
use serde_json::{Value, json};

use crate::browser::{Browser, ENTER, ESCAPE, RIGHT, browser, browser_with};
use crate::workspace::Workspace;

const TYPES: [&str; 3] = ["LOC", "ORG", "PER"];

/// Sentences with their tags, and what is suspect in them.
struct Corpus {
    sentences: Vec<(Vec<String>, Vec<String>)>,
    suspects: Vec<Suspect>,
    types: Vec<String>,
    title: String,
}

fn owned(text: &str) -> Vec<String> {
    text.split(' ').map(String::from).collect()
}

impl Corpus {
    fn new(sentences: &[(&str, &str)]) -> Self {
        Self {
            sentences: sentences.iter().map(|(words, tags)| (owned(words), owned(tags))).collect(),
            suspects: Vec::new(),
            types: TYPES.map(String::from).to_vec(),
            title: "Audit of train.txt".into(),
        }
    }

    /// One more suspect, less suspect than those before it.
    fn suspect(mut self, sentence: u32, start: u16, kind: SuspectKind, suggested: &str) -> Self {
        let suggested = owned(suggested);
        let (words, tags) = &self.sentences[sentence as usize];
        let stretch = usize::from(start)..usize::from(start) + suggested.len();
        let rank = self.suspects.len() as u32 + 1;
        self.suspects.push(Suspect {
            rank,
            sentence,
            line: u64::from(sentence) * 10 + u64::from(start) + 1,
            start,
            end: stretch.end as u16,
            kind,
            words: words[stretch.clone()].to_vec(),
            given: tags[stretch].to_vec(),
            suggested,
            score: 10.0 / f64::from(rank),
            probability: (1.0 - 0.1 * f64::from(rank)).max(0.0),
            held_out_loss: vec![3.0, f32::NAN, 2.5, 2.75],
            train_loss: vec![3.0, 2.0, 1.0, 0.25],
            elsewhere: 12,
            elsewhere_as_given: 1,
            elsewhere_as_suggested: 11,
            occurrences: vec![Occurrence { sentence: 0, line: 1, start: 0, tags: vec!["O".into()] }],
        });
        self
    }

    fn render(&self) -> String {
        let by_type: Vec<TypeRow> = self
            .types
            .iter()
            .map(|name| TypeRow {
                entity_type: name.clone(),
                entities: 10,
                suspects: 2,
                expected_errors: None,
                warning: (name == "ORG").then(|| "few entities".into()),
            })
            .collect();
        let sentences: BTreeMap<u32, PageSentence<'_>> = (0..)
            .zip(&self.sentences)
            .map(|(n, (words, tags))| (n, PageSentence { line: u64::from(n) * 10 + 1, words, tags: tags.clone() }))
            .collect();
        let data = PageData {
            title: &self.title,
            file: "train.txt",
            fingerprint: "00ff",
            scheme: Scheme::Iob1,
            labels: &["O".to_owned(), "I-LOC".to_owned()],
            types: &self.types,
            epochs: 4,
            scored_epoch: Some(3),
            n_sentences: self.sentences.len() as u64,
            n_tokens: 99,
            n_suspects: self.suspects.len() as u64,
            by_type: &by_type,
            sentences,
            suspects: &self.suspects,
        };
        render(&data).unwrap()
    }

    fn write(&self, workspace: &Workspace) -> PathBuf {
        workspace.file("audit.html", &self.render())
    }
}

/// Five suspects, the last two on overlapping words.
fn small() -> Corpus {
    Corpus::new(&[
        ("Leeds beat Harrow at home .", "B-LOC O B-ORG O O O"),
        ("Bank of Vale met in Rome .", "B-ORG O O O O O O"),
        ("Mary Finch left Acme Ltd today .", "B-PER I-PER O B-ORG I-ORG O O"),
    ])
    .suspect(0, 0, SuspectKind::WrongType, "B-ORG")
    .suspect(1, 5, SuspectKind::Missed, "B-LOC")
    .suspect(1, 0, SuspectKind::WrongBoundary, "B-ORG I-ORG I-ORG")
    .suspect(2, 3, SuspectKind::Spurious, "O O")
    .suspect(2, 4, SuspectKind::WrongBoundary, "O")
}

/// A browser at the page; none where there is none.
fn opened(corpus: &Corpus) -> Option<(Browser, Workspace)> {
    let browser = browser()?;
    let workspace = Workspace::new();
    browser.open(&corpus.write(&workspace));
    Some((browser, workspace))
}

/// The words of the list's rows, from above.
fn rows(browser: &Browser) -> Value {
    browser.run("return Array.from(document.querySelectorAll('.row-words'), (row) => row.textContent.trim())")
}

fn exported(browser: &Browser) -> String {
    browser.press(&["x"]);
    let text = browser.run("return document.getElementById('export-text').value").as_str().unwrap().to_owned();
    browser.press(&[ESCAPE]);
    text
}

#[test]
fn filters_and_orders_change_the_list() {
    let Some((browser, _workspace)) = opened(&small()) else { return };
    let all = json!(["Leeds", "Rome", "Bank of Vale", "Acme Ltd", "Ltd"]);
    assert_eq!(rows(&browser), all);
    assert_eq!(browser.text("progress-text"), "0 of 5 decided");
    // A type counts where it is given and where it is suggested.
    browser.set("filter-type", "0");
    assert_eq!(rows(&browser), json!(["Leeds", "Rome"]));
    browser.set("filter-type", "");
    browser.set("filter-kind", "wrong-boundary");
    assert_eq!(rows(&browser), json!(["Bank of Vale", "Ltd"]));
    assert_eq!(browser.text("suspect-heading"), "#3 Wrong boundary");
    browser.set("filter-kind", "");
    browser.set("filter-probability", "75");
    assert_eq!(rows(&browser), json!(["Leeds", "Rome"]));
    assert_eq!(browser.run("return document.getElementById('filter-probability-number').value"), "75");
    browser.set("filter-probability-number", "0");
    browser.press(&["/"]);
    browser.send("#filter-text", "VALE");
    assert_eq!(rows(&browser), json!(["Rome", "Bank of Vale"]));
    browser.send("#filter-text", "nowhere");
    assert_eq!(rows(&browser), json!([]));
    assert_eq!(browser.text("nothing"), "No suspect passes the filters.");
    browser.click("#reset");
    assert_eq!(rows(&browser), all);
    browser.set("sort", "position");
    assert_eq!(rows(&browser), json!(["Leeds", "Bank of Vale", "Rome", "Acme Ltd", "Ltd"]));
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_suspect_is_shown_with_its_evidence() {
    let Some((browser, _workspace)) = opened(&small()) else { return };
    assert_eq!(browser.text("suspect-heading"), "#1 Wrong type");
    assert_eq!(
        browser.text("lanes").split_whitespace().collect::<Vec<_>>(),
        ["suggested", "“Leeds”", "ORG", "given", "“Leeds”", "LOC"]
    );
    assert_eq!(
        browser.text("elsewhere"),
        "The same words 12 times elsewhere: 11 as ORG (as suggested), 1 as LOC (as given)."
    );
    let losses = browser.run("return document.querySelector('#losses svg').getAttribute('aria-label')");
    assert_eq!(
        losses,
        "Held-out loss: 3.00 nats in epoch 1, 2.75 in epoch 4. Training loss: 3.00 nats in epoch 1, 0.25 in epoch 4."
    );
    browser.press(&["i"]);
    assert!(browser.text("facts").contains("00ff") && browser.text("types").contains("few entities"));
    browser.press(&[ESCAPE, "?"]);
    assert_eq!(browser.run("return document.getElementById('help').open"), true);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn keys_decide_and_undo() {
    let Some((browser, _workspace)) = opened(&small()) else { return };
    browser.press(&["a"]);
    assert_eq!(browser.text("progress-text"), "1 of 5 decided");
    assert_eq!(browser.text("suspect-heading"), "#2 Missed");
    browser.press(&["r"]);
    assert_eq!(browser.text("suspect-heading"), "#3 Wrong boundary");
    let marks = "return Array.from(document.querySelectorAll('.row .state'), (mark) => mark.title)";
    assert_eq!(browser.run(marks), json!(["accepted", "rejected", "undecided", "undecided", "undecided"]));
    browser.set("filter-state", "undecided");
    assert_eq!(rows(&browser), json!(["Bank of Vale", "Acme Ltd", "Ltd"]));
    browser.set("filter-state", "");
    // On an open suspect: the last decision.
    browser.press(&["u"]);
    assert_eq!(browser.text("suspect-heading"), "#2 Missed");
    assert_eq!(browser.text("progress-text"), "1 of 5 decided");
    browser.press(&["G"]);
    assert_eq!(browser.text("suspect-heading"), "#5 Wrong boundary");
    browser.press(&["g", "j", "k"]);
    assert_eq!(browser.text("state"), "✓ accepted");
    browser.press(&["u"]);
    assert_eq!(browser.text("state"), "· undecided");
    assert_eq!(browser.text("progress-text"), "0 of 5 decided");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn editing_gives_valid_tags_and_widens_the_stretch() {
    let Some((browser, _workspace)) = opened(&small()) else { return };
    // Leeds: cancelled, then a person; Rome: with the word before it.
    browser.press(&["e", "3", ESCAPE]);
    assert_eq!(browser.text("progress-text"), "0 of 5 decided");
    browser.press(&["e", "3", ENTER]);
    assert_eq!(browser.text("suspect-heading"), "#2 Missed");
    browser.press(&["e", "\u{e012}"]);
    browser.press_with_shift(&[RIGHT]);
    browser.press(&["1", ENTER]);
    // Bank of Vale: what was suggested, by hand, is accepting it.
    browser.press(&["e", ENTER]);
    let file: Value = serde_json::from_str(&exported(&browser)).unwrap();
    let short = |i: usize| {
        let row = &file["decisions"][i];
        (row["start"].clone(), row["words"].clone(), row["given"].clone(), row["decision"].clone(), row["tags"].clone())
    };
    assert_eq!(short(0), (json!(0), json!(["Leeds"]), json!(["B-LOC"]), json!("edit"), json!(["B-PER"])));
    assert_eq!(
        short(1),
        (
            json!(0),
            json!(["Bank", "of", "Vale"]),
            json!(["B-ORG", "O", "O"]),
            json!("accept"),
            json!(["B-ORG", "I-ORG", "I-ORG"])
        )
    );
    assert_eq!(
        short(2),
        (json!(4), json!(["in", "Rome"]), json!(["O", "O"]), json!("edit"), json!(["B-LOC", "I-LOC"]))
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn words_are_chosen_by_clicks() {
    let Some((browser, _workspace)) = opened(&small()) else { return };
    browser.click("#edit");
    browser.click("#sentence [data-word='2'] .form");
    browser.click("#type-none");
    browser.click("#edit-confirm");
    let file: Value = serde_json::from_str(&exported(&browser)).unwrap();
    assert_eq!(file["decisions"][0]["tags"], json!(["B-ORG", "O", "O"]));
}

#[test]
fn contradicting_decisions_are_refused() {
    let Some((browser, _workspace)) = opened(&small()) else { return };
    // #4 takes the tags off both words; keeping the second one's contradicts.
    browser.press(&["g", "j", "j", "j", "a"]);
    assert_eq!(browser.text("suspect-heading"), "#5 Wrong boundary");
    browser.press(&["r"]);
    assert_eq!(browser.text("progress-text"), "1 of 5 decided");
    assert!(browser.text("status").starts_with("Not possible: “Ltd” is O by what was decided on #4, I-ORG here."));
    // #5 agrees with #4, but #4 cannot be kept as given beside it.
    browser.press(&["a", "G", "k", "r"]);
    assert_eq!(browser.text("state"), "✓ accepted");
    assert_eq!(browser.text("progress-text"), "2 of 5 decided");
}

#[test]
fn decisions_outlive_a_reload_are_exported_and_imported() {
    let Some((browser, workspace)) = opened(&small()) else { return };
    let unloads = "const event = new Event('beforeunload', { cancelable: true }); return !dispatchEvent(event)";
    assert_eq!(browser.run(unloads), false);
    browser.press(&["a", "a", "r"]);
    assert_eq!(browser.run(unloads), true);
    let expected = r#"{"schema":1,"tool":"memoscope","file":"train.txt","fingerprint":"00ff","decisions":[
{"rank":1,"sentence":0,"start":0,"end":1,"words":["Leeds"],"given":["B-LOC"],"decision":"accept","tags":["B-ORG"]},
{"rank":3,"sentence":1,"start":0,"end":3,"words":["Bank","of","Vale"],"given":["B-ORG","O","O"],"decision":"reject","tags":["B-ORG","O","O"]},
{"rank":2,"sentence":1,"start":5,"end":6,"words":["Rome"],"given":["O"],"decision":"accept","tags":["B-LOC"]}
]}
"#;
    assert_eq!(exported(&browser), expected);
    browser.press(&["x"]);
    browser.click("#download");
    assert_eq!(browser.downloaded("train.decisions.json"), expected);
    assert_eq!(browser.run(unloads), false);

    browser.reload();
    assert_eq!(browser.text("progress-text"), "3 of 5 decided");
    assert_eq!(browser.text("suspect-heading"), "#4 Spurious");
    assert_eq!(exported(&browser), expected);

    // Another browser goes on; what was decided there stays.
    let Some(other) = self::browser() else { return };
    other.open(&workspace.path().join("audit.html"));
    other.press(&["r"]);
    let path = workspace.file("earlier.json", expected);
    other.send("#import-file", path.to_str().unwrap());
    other.wait("return document.getElementById('progress-text').innerText === '3 of 5 decided'");
    assert_eq!(
        other.text("status"),
        "Decisions from earlier.json: 2 taken, 1 decided otherwise here stay as they are."
    );
    let path = workspace.file("other.json", &expected.replace("00ff", "11ff"));
    other.send("#import-file", path.to_str().unwrap());
    other.wait(
        "return document.getElementById('status').innerText.startsWith('These decisions are about another file')",
    );
    assert_eq!(other.complaints(), [""; 0]);
}

#[test]
fn without_storage_the_page_works_and_says_so() {
    let denied = json!({ "profile.default_content_setting_values.cookies": 2 });
    let Some(browser) = browser_with(&denied) else { return };
    let workspace = Workspace::new();
    browser.open(&small().write(&workspace));
    assert!(browser.text("not-kept").starts_with("This browser does not keep decisions"));
    browser.press(&["a"]);
    assert_eq!(browser.text("progress-text"), "1 of 5 decided");
}

#[test]
fn hostile_text_stays_text() {
    let words = [
        "<script>alert(1)</script>",
        "</script><script>alert(2)</script>",
        "<img/src=x/onerror=alert(3)>",
        "<!--<script>",
        "abc\u{202e}def",
        "it's\"quoted\"\\\u{2028}",
        "&lt;b&gt;",
    ];
    let long = "w".repeat(20_000);
    let tag = "B-<img/src=x/onerror=alert(4)>";
    let text = format!("{} {long}", words.join(" "));
    let mut corpus = Corpus::new(&[(&text, "O O O O O O O O")]);
    for start in 0..8 {
        corpus = corpus.suspect(0, start, SuspectKind::Missed, tag);
    }
    corpus.types = vec![tag[2..].into(), "</select><script>alert(5)</script>".into()];
    corpus.title = "</title><script>alert(6)</script>\u{202e}".into();
    let html = corpus.render();
    assert_eq!(html.matches("<script").count(), 2);
    assert_eq!(html.matches("</script").count(), 2);
    let Some((browser, _workspace)) = opened(&corpus) else { return };
    browser.press(&["a", "r", "e", "2", ENTER, "i", ESCAPE, "x", ESCAPE, "?", ESCAPE, "G"]);
    assert_eq!(browser.run("return document.querySelectorAll('script').length"), 2);
    assert_eq!(browser.run("return document.querySelectorAll('img, iframe, b').length"), 0);
    let shown =
        browser.run("return Array.from(document.querySelectorAll('#sentence .form'), (word) => word.textContent)");
    for (i, word) in words.iter().enumerate() {
        assert_eq!(shown[i], word.replace('\u{202e}', "\\u202e").replace('\u{2028}', "\\u2028"));
    }
    assert_eq!(shown[7], long);
    assert_eq!(browser.run("return document.querySelectorAll('#sentence .hidden-character').length"), 2);
    // The long word breaks, and the page does not become wider.
    assert_eq!(browser.run("return document.documentElement.scrollWidth <= innerWidth"), true);
    let file: Value = serde_json::from_str(&exported(&browser)).unwrap();
    assert_eq!(file["decisions"][0]["words"], json!([words[0]]));
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn markup_from_strings_and_other_scripts_are_refused_by_the_browser() {
    let Some((browser, _workspace)) = opened(&small()) else { return };
    let refused = "try { document.body.innerHTML = '<b>x</b>'; return false } catch (error) { return error instanceof TypeError }";
    assert_eq!(browser.run(refused), true);
    let ran =
        "const script = document.createElement('script'); try { script.textContent = 'window.ran = true' } catch {}
               document.body.append(script); return window.ran === undefined";
    assert_eq!(browser.run(ran), true);
}

#[test]
fn five_thousand_suspects_are_listed_a_screen_at_a_time() {
    let sentence = ("Leeds beat Harrow at home .", "B-LOC O B-ORG O O O");
    let mut corpus = Corpus::new(&vec![sentence; 5_000]);
    for n in 0..5_000 {
        corpus = corpus.suspect(n, 0, SuspectKind::WrongType, "B-ORG");
    }
    let Some((browser, _workspace)) = opened(&corpus) else { return };
    assert_eq!(browser.text("found"), "5,000 suspects");
    let n_rows = "return document.querySelectorAll('.row').length";
    assert!(browser.run(n_rows).as_u64().unwrap() < 60);
    browser.press(&["G"]);
    assert_eq!(browser.text("suspect-heading"), "#5000 Wrong type");
    browser.wait("return document.querySelector('.row[aria-selected=true] .row-words') !== null");
    assert!(browser.run(n_rows).as_u64().unwrap() < 60);
    browser.press(&["a"]);
    assert_eq!(browser.text("suspect-heading"), "#1 Wrong type");
    assert_eq!(browser.text("progress-text"), "1 of 5,000 decided");
}
