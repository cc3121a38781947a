//! Where the page must hold: hostile text, no storage, thousands of suspects.

use memoscope::audit::SuspectKind;
use serde_json::{Value, json};

use super::{Corpus, exported, opened, small};
use crate::browser::{ENTER, ESCAPE, browser_with};
use crate::workspace::Workspace;

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
    assert!(browser.complaints().iter().any(|complaint| complaint.contains("TrustedHTML")));
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
