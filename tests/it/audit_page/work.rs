//! Working through suspects: finding, deciding, editing, taking decisions along.

use memoscope::audit::SuspectKind;
use serde_json::{Value, json};

use super::{Corpus, exported, opened, rows, small};
use crate::browser::{self, ENTER, ESCAPE, LEFT, RIGHT};

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
    browser.press(&["e", LEFT]);
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
fn words_are_chosen_by_dragging() {
    let Some((browser, _workspace)) = opened(&small()) else { return };
    browser.press(&["e"]);
    browser.drag("#sentence [data-word='2'] .form", "#sentence [data-word='4'] .form");
    browser.press(&["3", ENTER]);
    let file: Value = serde_json::from_str(&exported(&browser)).unwrap();
    assert_eq!(file["decisions"][0]["words"], json!(["Leeds", "beat", "Harrow", "at", "home"]));
    assert_eq!(file["decisions"][0]["tags"], json!(["B-ORG", "O", "B-PER", "I-PER", "I-PER"]));
}

#[test]
fn decisions_that_are_valid_alone_but_not_together_are_refused() {
    let corpus = Corpus::new(&[("Acme Ltd Leeds fell .", "B-ORG I-ORG O O O")])
        .suspect(0, 0, SuspectKind::Spurious, "O O")
        .suspect(0, 2, SuspectKind::WrongBoundary, "I-ORG");
    let Some((browser, _workspace)) = opened(&corpus) else { return };
    browser.press(&["a", "a"]);
    assert_eq!(browser.text("progress-text"), "1 of 2 decided");
    assert!(
        browser.text("status").starts_with("Not possible beside what was decided on #1: I-ORG would continue nothing.")
    );
    browser.press(&["u", "j", "a", "a"]);
    assert_eq!(browser.text("progress-text"), "1 of 2 decided");
    assert!(
        browser.text("status").starts_with("Not possible beside what was decided on #2: I-ORG would continue nothing.")
    );
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
    let Some(other) = browser::browser() else { return };
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

/// A hundred suspects, every tenth of another word.
fn many() -> Corpus {
    let sentences: Vec<(&str, &str)> = (0..100)
        .map(|n| if n % 10 == 3 { ("Rome fell .", "B-LOC O O") } else { ("Leeds won .", "B-LOC O O") })
        .collect();
    (0..100).fold(Corpus::new(&sentences), |corpus, n| corpus.suspect(n, 0, SuspectKind::WrongType, "B-ORG"))
}

#[test]
fn a_search_leads_back_to_where_it_began() {
    let Some((browser, _workspace)) = opened(&many()) else { return };
    browser.press(&["j"; 37]);
    let place =
        "return [document.getElementById('suspect-heading').innerText, document.getElementById('list').scrollTop]";
    let before = browser.run(place);
    assert_eq!(before[0], "#38 Wrong type");
    browser.press(&["/"]);
    // The current suspect passes, and its row stays where it was.
    let row = "const row = document.querySelector('.row[aria-selected=true]');
               return Math.round(row.getBoundingClientRect().top)";
    let top = browser.run(row);
    browser.send("#filter-text", "leeds");
    assert_eq!(browser.text("suspect-heading"), "#38 Wrong type");
    assert_eq!(browser.run(row), top);
    // It does not pass: the next one is shown until it does.
    browser.set("filter-text", "rom");
    assert_eq!(browser.text("suspect-heading"), "#44 Wrong type");
    browser.set("filter-text", "rome x");
    assert_eq!(browser.text("nothing"), "No suspect passes the filters.");
    browser.set("filter-text", "rome");
    assert_eq!(browser.text("suspect-heading"), "#44 Wrong type");
    browser.set("filter-text", "");
    assert_eq!(browser.run(place), before);
    // Going to a result is another matter: the search then leads back to this one.
    browser.set("filter-text", "rome");
    browser.press(&[ESCAPE, "j"]);
    assert_eq!(browser.text("suspect-heading"), "#54 Wrong type");
    browser.set("filter-text", "");
    assert_eq!(browser.text("suspect-heading"), "#54 Wrong type");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_current_row_has_rows_in_sight_on_both_sides() {
    let Some((browser, _workspace)) = opened(&many()) else { return };
    let beside = "const list = document.getElementById('list').getBoundingClientRect();
                  const row = document.querySelector('.row[aria-selected=true]').getBoundingClientRect();
                  return [(row.top - list.top) / row.height, (list.bottom - row.bottom) / row.height].map(Math.floor)";
    for keys in [&["j"; 30][..], &["k"; 12][..], &["G", "k", "k", "k", "k"][..]] {
        browser.press(keys);
        let rows = browser.run(beside);
        assert!(rows[0].as_i64() >= Some(2) && rows[1].as_i64() >= Some(2), "{keys:?}: {rows}");
    }
    // Behind the last one there is none.
    browser.press(&["G"]);
    assert_eq!(browser.run(beside)[1], 0);
}

#[test]
fn exporting_begins_at_the_download_and_says_what_comes_next() {
    let Some((browser, _workspace)) = opened(&small()) else { return };
    browser.press(&["a", "x"]);
    assert_eq!(browser.run("return document.activeElement.id"), "download");
    assert_eq!(browser.text("export-count"), "1 decided suspect.");
    assert_eq!(
        browser.text("next-command"),
        "memoscope audit apply 'my data/train.txt' train.decisions.json --out train-corrected.txt"
    );
    assert!(
        browser
            .text("exporting")
            .contains("Move train.decisions.json from your downloads to the folder in which you ran")
    );
    browser.press(&[ENTER]);
    assert!(browser.downloaded("train.decisions.json").contains("\"decision\":\"accept\""));
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_overview_says_how_many_of_the_last_decisions_were_accepted() {
    let Some((browser, _workspace)) = opened(&many()) else { return };
    let decided = || {
        browser.press(&["i"]);
        let text = browser.text("decided");
        browser.press(&[ESCAPE]);
        text
    };
    assert_eq!(decided(), "0 of 100; none yet");
    browser.press(&["a", "a", "r", "e", "3", ENTER]);
    assert_eq!(decided(), "4 of 100; accepted 2 and edited 1 of the last 4");
    browser.press(&["r"; 17]);
    browser.press(&["a", "a"]);
    assert_eq!(decided(), "23 of 100; accepted 2 and edited 1 of the last 20");
    browser.press(&["r"]);
    assert_eq!(decided(), "24 of 100; accepted 2 of the last 20");
    // The order of decisions outlives a reload: the very last one was of the first suspect.
    browser.press(&["g", "r"]);
    browser.reload();
    assert_eq!(decided(), "24 of 100; accepted 2 of the last 20");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn what_the_audit_warns_of_stands_on_top_and_nothing_is_certain() {
    let mut corpus = small();
    corpus.suspects[0].probability = 0.9999;
    corpus.suspects[4].probability = 0.0001;
    corpus.warning = Some("The models reach an F1 of 0.31.".into());
    let Some((browser, _workspace)) = opened(&corpus) else { return };
    assert_eq!(browser.text("warning"), "⚠ The models reach an F1 of 0.31.");
    assert_eq!(browser.text("share"), ">\u{a0}99\u{a0}% likely wrong");
    browser.press(&["G"]);
    assert_eq!(browser.text("share"), "<\u{a0}1\u{a0}% likely wrong");
    browser.press(&["i"]);
    assert_eq!(browser.text("overview-warning"), "⚠ The models reach an F1 of 0.31.");
    let header = browser.run("return document.querySelector('header').innerText");
    assert_eq!(header.as_str().unwrap().matches("train.txt").count(), 1, "{header}");
    let Some((browser, _workspace)) = opened(&small()) else { return };
    assert_eq!(browser.run("return document.getElementById('warning').hidden"), true);
}
