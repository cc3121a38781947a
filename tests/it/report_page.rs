//! A report's page in a real browser.

use std::path::{Path, PathBuf};

use memoscope::dynamics::CsvText;
use memoscope::report::{
    self, Cell, Column, DataMap, Example, Figure, Format, Interactive, LossHistogram, Sample, StudyReport, Table,
};
use serde_json::json;

use crate::browser::{Browser, ENTER, ESCAPE, RIGHT, browser};
use crate::workspace::Workspace;

/// Two panels with two lines, points with numbers, a legend, and a cell with tokens behind it.
const DRAWING: &str = r#"<svg width="400pt" height="120pt" viewBox="0 0 400 120" role="img" xmlns="http://www.w3.org/2000/svg">
<title>t</title><desc>d</desc>
<g class="panel" data-box="0 0 200 120">
<g class="line" data-line="pretrained"><polyline id="line-a" fill="none" stroke="black" stroke-width="3" points="10,100 190,20"/></g>
<g class="line" data-line="random &lt;b&gt;"><polyline id="line-b" fill="none" stroke="red" stroke-width="3" points="10,50 190,60"/></g>
<circle class="point" id="point-a" data-line="pretrained" data-label="pretrained; epoch 3; F1 0.712 (0.690 to 0.734)" cx="60" cy="78" r="5" fill-opacity="0"/>
<circle class="point" id="point-b" data-line="random &lt;b&gt;" data-label="random &lt;b&gt;; epoch 4; F1 0.500" cx="150" cy="58" r="5" fill-opacity="0"/>
</g>
<g class="panel" data-box="200 0 200 120">
<g class="line" data-line="pretrained"><polyline fill="none" stroke="black" points="210,100 390,20"/></g>
<rect class="cell" id="cell" x="220" y="20" width="30" height="30" fill="gray" data-label="B-LOC as O; 120 tokens" data-sample="B-LOC O"/>
</g>
<g class="key" data-line="pretrained"><text id="key-a" x="300" y="110" font-size="10">pretrained</text></g>
</svg>
"#;

const HOSTILE: &str = "<img src=x onerror=alert(1)>";

fn example(token: &str) -> Example {
    Example {
        token: token.into(),
        before: "before the".into(),
        after: "behind it".into(),
        given: "O".into(),
        gold: Some("B-LOC".into()),
        note: "loss 3.2 nats".into(),
    }
}

fn study() -> StudyReport {
    let mut histogram = LossHistogram::new(["correct label", "noisy label"]);
    let mut map = DataMap::new(["correct label", "noisy label"]);
    for epoch in 1..=5 {
        let loss = 2.0 / f64::from(epoch);
        for panel in ["noise 0 %", "noise 30 %"] {
            histogram.count(panel, epoch, 0, (0..100).map(|i| loss * f64::from(i) / 50.0)).unwrap();
            histogram.count(panel, epoch, 1, [loss, 2.0 * loss, 9.0]).unwrap();
            let share = f64::from(epoch) / 5.0;
            map.count(panel, epoch, 0, (0..50).map(|i| (share * f64::from(i) / 50.0, 0.2))).unwrap();
            map.count(panel, epoch, 1, [(0.1, 0.05 * f64::from(epoch))]).unwrap();
        }
    }
    map.example("noise 0 %", example("Leeds"), (1..=5).map(|epoch| (epoch, 0.1, 0.05 * f64::from(epoch))));
    let figure = |name: &str| Figure {
        title: "Dev F1".into(),
        caption: "A caption.".into(),
        alt: "lines".into(),
        stem: Path::new("figures").join(name),
        foreign: Default::default(),
        samples: vec![Sample {
            key: "B-LOC O".into(),
            title: "B-LOC labelled O".into(),
            n: 120,
            examples: vec![example(HOSTILE), example("Harrow\u{202e}")],
        }],
    };
    let mut columns = vec![Column::new("encoder", "Encoder", Format::Text)];
    columns.extend(
        (0..10).map(|i| Column::new(format!("x{i}"), format!("Noise detection F1, measure {i}"), Format::Mean(3))),
    );
    let row = |name: &str, mean: f64| {
        let mut row = vec![Cell::Text(name.into())];
        row.extend((0..10).map(|_| Cell::Mean { mean, deviation: Some(0.01) }));
        row[2] = Cell::Absent { reason: "no onset".into() };
        row
    };
    let caption = "Means over seeds with their standard deviation, and a caption that is longer than a narrow screen.";
    StudyReport {
        title: "A study".into(),
        findings: vec!["One finding.".into(), "Another one.".into()],
        figures: vec![figure("one"), figure("two")],
        tables: vec![Table {
            name: "scores".into(),
            title: "Scores".into(),
            caption: caption.into(),
            columns,
            rows: vec![row("pretrained", 0.5), row("random", 0.25)],
        }],
        interactive: vec![
            Interactive::loss_histogram("loss", "Loss of training tokens", "Against the given label.", histogram),
            Interactive::data_map("map", "Data map", "Of training tokens.", map),
        ],
        embed_text: true,
        configuration: "a = 1\n".into(),
        ..StudyReport::default()
    }
}

fn write(study: &StudyReport, workspace: &Workspace) -> PathBuf {
    // An element's id is there once.
    workspace.file("figures/one.svg", DRAWING);
    workspace.file("figures/two.svg", &DRAWING.replace(" id=\"", " data-id=\""));
    report::render(study, workspace.path(), CsvText::Exact).unwrap();
    workspace.path().join("index.html")
}

fn opened() -> Option<(Browser, Workspace)> {
    let browser = browser()?;
    let workspace = Workspace::new();
    browser.open(&write(&study(), &workspace));
    Some((browser, workspace))
}

fn opacity(browser: &Browser, id: &str) -> f64 {
    let script =
        format!("return Number(getComputedStyle(document.getElementById('{id}').closest('[data-line]')).opacity)");
    browser.run(&script).as_f64().unwrap()
}

#[test]
fn a_point_shows_its_numbers() {
    let Some((browser, _workspace)) = opened() else { return };
    browser.hover("#point-a");
    assert_eq!(
        browser.run("return Array.from(document.querySelectorAll('#hint span'), (fact) => fact.textContent)"),
        json!(["pretrained", "epoch 3", "F1 0.712 (0.690 to 0.734)"])
    );
    browser.hover("h1");
    assert_eq!(browser.run("return document.getElementById('hint').hidden"), json!(true));
    // With the keyboard, and to a screen reader.
    browser.run("document.querySelector('.drawing').focus()");
    browser.press(&[RIGHT, RIGHT]);
    assert_eq!(
        browser.run("return document.getElementById('said').textContent"),
        json!("random <b>; epoch 4; F1 0.500")
    );
    assert_eq!(browser.run("return document.querySelectorAll('#hint b').length"), json!(0));
    browser.press(&[ESCAPE]);
    assert_eq!(browser.run("return document.getElementById('hint').hidden"), json!(true));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_line_is_kept_alone_until_the_second_click() {
    let Some((browser, _workspace)) = opened() else { return };
    browser.click("#line-a");
    assert_eq!((opacity(&browser, "line-a"), opacity(&browser, "point-a")), (1.0, 1.0));
    assert!(opacity(&browser, "line-b") < 0.2 && opacity(&browser, "point-b") < 0.2);
    // The other figure is as before.
    assert_eq!(browser.run("return document.querySelectorAll('#figure-2 .faded').length"), json!(0));
    browser.click("#line-a");
    assert_eq!(opacity(&browser, "line-b"), 1.0);
    // Legend and keyboard do the same.
    browser.click("#key-a");
    assert!(opacity(&browser, "line-b") < 0.2);
    browser.run("document.getElementById('line-b').closest('[data-line]').focus()");
    browser.press(&[ENTER]);
    assert_eq!(opacity(&browser, "line-b"), 1.0);
    assert!(opacity(&browser, "line-a") < 0.2);
    let pressed = "return document.getElementById('line-b').closest('[data-line]').getAttribute('aria-pressed')";
    assert_eq!(browser.run(pressed), json!("true"));
    browser.press(&[ESCAPE]);
    assert_eq!(opacity(&browser, "line-a"), 1.0);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_cell_lists_its_tokens_as_text() {
    let Some((browser, _workspace)) = opened() else { return };
    browser.click("#cell");
    assert_eq!(browser.run("return document.getElementById('sample').open"), json!(true));
    let words = |selector: &str| {
        browser.run(&format!("return Array.from(document.querySelectorAll('{selector}'), (cell) => cell.textContent)"))
    };
    assert_eq!(words("#sample-count"), json!(["2 of 120 tokens"]));
    assert_eq!(words("#sample-rows tr:first-child td")[0], json!(HOSTILE));
    assert_eq!(words("#sample-rows tr:first-child td")[3], json!(format!("before the {HOSTILE} behind it")));
    assert_eq!(words("#sample-rows tr:last-child td")[0], json!("Harrow\\u202e"));
    assert_eq!(browser.run("return document.querySelectorAll('#sample img').length"), json!(0));
    browser.press(&[ESCAPE]);
    assert_eq!(browser.run("return document.getElementById('sample').open"), json!(false));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn text_is_embedded_only_when_asked_for() {
    let workspace = Workspace::new();
    let whole = fs_err::read_to_string(write(&study(), &workspace)).unwrap();
    assert!(whole.contains("Leeds") && whole.contains("behind it"));
    let page = write(&StudyReport { embed_text: false, ..study() }, &workspace);
    let html = fs_err::read_to_string(&page).unwrap();
    for text in ["Leeds", "behind it", "Harrow", "onerror"] {
        assert!(!html.contains(text), "{text}");
    }
    let Some(browser) = browser() else { return };
    browser.open(&page);
    browser.click("#cell");
    assert_eq!(browser.run("return document.getElementById('sample').open"), json!(false));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_slider_moves_through_the_epochs() {
    let Some((browser, _workspace)) = opened() else { return };
    let shown = |view: &str, selector: &str| {
        browser.run(&format!("return document.querySelector('#view-{view} {selector}').textContent"))
    };
    let set = |view: &str, epoch: u32| {
        browser.run(&format!(
            "const slider = document.querySelector('#view-{view} input'); slider.value = {};
             slider.dispatchEvent(new Event('input', {{ bubbles: true }}));",
            epoch - 1
        ));
    };
    let drawing = |view: &str| browser.run(&format!("return document.querySelector('#view-{view} svg').innerHTML"));
    for view in ["loss", "map"] {
        assert_eq!(shown(view, "output"), json!("epoch 5 of 5"), "{view}");
        let last = drawing(view);
        set(view, 2);
        assert_eq!(shown(view, "output"), json!("epoch 2 of 5"), "{view}");
        assert!(drawing(view) != last, "{view}");
        set(view, 5);
        assert!(drawing(view) == last, "{view}");
        let panels = format!("return document.querySelectorAll('#view-{view} option').length");
        assert_eq!(browser.run(&panels), json!(2));
    }
    // Every token is in one of the histogram's bins.
    let labels = "return Array.from(document.querySelectorAll('#view-loss [data-label]'), (bin) =>
        Number(bin.dataset.label.match(/correct label: (\\d+) tokens/)[1])).reduce((a, b) => a + b)";
    assert_eq!(browser.run(labels), json!(100));
    // The token moves from cell to cell, and is listed where it is.
    for epoch in [1, 4] {
        set("map", epoch);
        browser.click("#view-map [role=button]");
        assert_eq!(browser.run("return document.querySelector('#sample-rows td').textContent"), json!("Leeds"));
        browser.press(&[ESCAPE]);
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_page_fits_large_and_small_screens() {
    let Some((browser, _workspace)) = opened() else { return };
    let wider = |selector: &str| {
        let script = "const boxes = Array.from(document.querySelectorAll('SELECTOR'));
            return boxes.filter((box) => box.scrollWidth > box.clientWidth + 1).length";
        browser.run(&script.replace("SELECTOR", selector))
    };
    browser.resize(1440, 900);
    browser.reload();
    for selector in ["html", ".scroll", ".drawing"] {
        assert_eq!(wider(selector), json!(0), "{selector} at 1440");
    }
    let beside = "const box = (id) => document.getElementById(id).getBoundingClientRect();
        return box('figure-1').top === box('figure-2').top && box('figure-1').right <= box('figure-2').left";
    assert_eq!(browser.run(beside), json!(true));

    browser.resize(420, 900);
    browser.reload();
    for selector in ["html", ".drawing", "figcaption"] {
        assert_eq!(wider(selector), json!(0), "{selector} at 420");
    }
    // Both panels are seen, one below the other, and answer as the whole does.
    let panels = "return Array.from(document.querySelectorAll('#figure-1 .stacked > svg'), (panel) => {
        const box = panel.getBoundingClientRect();
        return box.width > 300 && box.right <= 420 });";
    assert_eq!(browser.run(panels), json!([true, true]));
    assert_eq!(
        browser.run("return document.querySelector('#figure-1 .drawing > svg').getBoundingClientRect().width"),
        json!(0)
    );
    assert_eq!(browser.run("return document.querySelectorAll('#figure-1 .keys text').length"), json!(1));
    browser.hover("#figure-1 .stacked .point");
    assert_eq!(browser.run("return document.getElementById('hint').hidden"), json!(false));
    browser.click("#figure-1 .stacked .line polyline");
    assert!(browser.run("return document.querySelectorAll('#figure-1 .stacked .faded').length").as_u64().unwrap() > 0);
    // A caption stays where it is while its table is scrolled.
    let caption = "const [box] = document.querySelectorAll('.scroll'); box.scrollLeft = 200;
        return [box.scrollLeft > 0, document.getElementById('caption-scores').getBoundingClientRect().left >= 0]";
    assert_eq!(browser.run(caption), json!([true, true]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn without_the_script_all_is_there_to_read() {
    let workspace = Workspace::new();
    let page = write(&study(), &workspace);
    // The policy refuses a script that is not the page's own.
    let html = fs_err::read_to_string(&page).unwrap().replace("\"use strict\";", "\"use strict\"; ");
    let page = workspace.file("changed.html", &html);
    let Some(browser) = browser() else { return };
    browser.open(&page);
    let seen = |selector: &str| {
        browser.run(&format!("return document.querySelector('{selector}').getBoundingClientRect().height > 0"))
    };
    for selector in
        [".findings li", "#figure-1 svg", "#figure-2 figcaption", "#table-scores td", "#table-scores .notes", "pre"]
    {
        assert_eq!(seen(selector), json!(true), "{selector}");
    }
    assert_eq!(seen("#view-loss"), json!(false));
    assert_eq!(browser.complaints().len(), 1);
}

#[test]
fn a_table_is_sorted_by_a_click() {
    let Some((browser, _workspace)) = opened() else { return };
    let first = || browser.run("return document.querySelector('#table-scores tbody td').textContent");
    assert_eq!(first(), json!("pretrained"));
    browser.click("#table-scores th:nth-child(2) button");
    assert_eq!(first(), json!("random"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
