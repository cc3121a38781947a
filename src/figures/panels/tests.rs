//! Layout rules and what is drawn where values are censored or absent.

use polars::df;

use super::gather::spot;
use super::*;
use crate::figures::theme::Width;
use crate::format::percent;
use crate::metrics::Measurement;

fn style(width: Width) -> Style {
    Style::of_width(width, true, "test")
}

fn declared<'a>(x: X<'a>, lines: Lines<'a>, panels: Vec<PanelSpec<'a>>) -> Panels<'a> {
    Panels { title: "Title", description: "Description.", x, lines, rows: None, panels, phases: None }
}

fn panel<'a>(heading: &'a str, column: &'a str) -> PanelSpec<'a> {
    PanelSpec { heading, column, title: column, ..PanelSpec::default() }
}

const EPOCHS: X<'static> = X::Curve { column: "epoch", title: "epoch" };
const LEVELS: X<'static> = X::Numbers { column: "noise", title: "noise level", show: percent };

/// Draws twice, checks that the bytes are the same, and returns files and drawing.
fn drawn(frame: &DataFrame, panels: &Panels<'_>, width: Width) -> (FigureFiles, String) {
    let folder = tempfile::tempdir().unwrap();
    let one = draw(frame, panels, &style(width), &folder.path().join("one")).unwrap();
    let two = draw(frame, panels, &style(width), &folder.path().join("two")).unwrap();
    let read = |path: &Path| fs_err::read(path).unwrap();
    assert!(read(&one.svg) == read(&two.svg) && read(&one.png) == read(&two.png));
    let svg = fs_err::read_to_string(&one.svg).unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    (one, svg)
}

#[test]
fn a_place_is_the_mean_of_its_seeds() {
    let place = spot(1.0, &[Measurement::Exact(0.2), Measurement::Exact(0.4)]);
    assert!((place.y - 0.3).abs() < 1e-12 && !place.is_censored);
    assert_eq!((place.low, place.high, place.n), (0.2, 0.4, 2));
}

#[test]
fn a_censored_place_is_the_median_and_says_whether_that_is_a_bound() {
    use crate::metrics::Measurement::{AtLeast, AtMost, Exact};
    // The median of 3, 4 and something above 10 is 4, whatever it is.
    let place = spot(1.0, &[AtLeast(10.0), Exact(3.0), Exact(4.0)]);
    assert_eq!((place.y, place.is_censored, place.at_least, place.at_most), (4.0, true, false, false));
    // Of something above 2, of 4 and of 5 it is anything from 4 to 5.
    let place = spot(1.0, &[AtLeast(2.0), Exact(4.0), Exact(5.0)]);
    assert_eq!((place.y, place.at_least, place.at_most), (4.0, true, false));
    let place = spot(1.0, &[AtMost(2.0)]);
    assert_eq!((place.y, place.at_least, place.at_most), (2.0, false, true));
    let place = spot(1.0, &[AtLeast(6.0), AtLeast(8.0)]);
    assert_eq!((place.y, place.at_least), (7.0, true));
}

#[test]
fn censored_and_absent_values_are_drawn_as_such_and_explained() {
    let frame = df!(
        "noise" => [0.0, 0.1, 0.2, 0.3, 0.3],
        "seed" => [1u64, 1, 1, 1, 2],
        "onset" => [None, Some(4.0), Some(6.0), None, Some(3.0)],
        "onset_state" => [Some(NOT_APPLICABLE), None, Some(AT_LEAST), None, None]
    )
    .unwrap();
    let spec = PanelSpec {
        axis: YAxis::Epochs,
        states: Some("onset_state"),
        absent: Some("not seen"),
        ..panel("Onset", "onset")
    };
    let panels = declared(LEVELS, Lines::single(), vec![spec]);
    let plan = gather::plan(&frame, &panels).unwrap();
    let line = &plan.rows[0].cells[0].lines[0];
    assert_eq!(line.absent, [(0.3, 1)], "a value that is not applicable is not absent");
    assert_eq!(
        line.spots.iter().map(|spot| (spot.x, spot.at_least)).collect::<Vec<_>>(),
        [(0.1, false), (0.2, true), (0.3, false)]
    );
    let (files, svg) = drawn(&frame, &panels, Width::Column);
    for text in ["not seen", "at least"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    assert!(files.caption.contains("up: at least") && files.caption.contains("“not seen”"), "{}", files.caption);
    assert!(
        files.alt.contains("at least 6.0 at 20\u{a0}%") && files.alt.contains("runs not seen: 1 at 30"),
        "{}",
        files.alt
    );

    let wrong = df!("noise" => [0.1], "seed" => [1u64], "onset" => [1.0], "onset_state" => ["unknown"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = draw(&wrong, &panels, &style(Width::Column), &folder.path().join("x")).unwrap_err();
    assert!(error.to_string().contains("`onset_state` holds `unknown`"), "{error}");
}

#[test]
fn panels_and_rows_without_data_are_left_out_and_named() {
    let frame = df!(
        "noise" => [0.0, 0.0, 0.1, 0.1], "seed" => [1u64; 4], "epoch" => [1u32, 2, 1, 2],
        "f1" => [None, None, Some(0.5), Some(0.6)], "other" => [None::<f64>; 4]
    )
    .unwrap();
    let empty = PanelSpec { if_empty: Some("not logged"), ..panel("Other", "other") };
    let mut panels = declared(EPOCHS, Lines::single(), vec![panel("F1", "f1"), empty]);
    panels.rows = Some(Facet::levels("noise", &[0.0, 0.1], |level| format!("{} noise", percent(level))));
    let plan = gather::plan(&frame, &panels).unwrap();
    assert_eq!((&plan.shown[..], &plan.left_out[..], plan.rows.len()), (&[0][..], &[1][..], 1));
    let (files, svg) = drawn(&frame, &panels, Width::Full);
    assert!(
        files.caption.contains("Not shown: Other (not logged).")
            && files.caption.contains("Without data: 0\u{a0}% noise.")
    );
    assert!(!svg.contains("not logged") && svg.contains("10\u{a0}% noise: F1"), "{svg}");
    // With nothing at all there is one panel that says so.
    let (_, svg) = drawn(&frame.head(Some(0)), &panels, Width::Full);
    assert!(svg.contains("no data"), "{svg}");
}

#[test]
fn a_panel_without_data_leaves_no_gap_in_a_column() {
    let frame = df!(
        "noise" => [0.0, 0.1], "seed" => [1u64; 2], "epoch" => [1u32; 2], "f1" => [0.5, 0.4],
        "accuracy" => [None, Some(0.1)]
    )
    .unwrap();
    let noisy = PanelSpec { if_empty: Some("no noisy tokens"), ..panel("Accuracy", "accuracy") };
    let mut panels = declared(EPOCHS, Lines::single(), vec![panel("F1", "f1"), noisy]);
    panels.rows = Some(Facet::levels("noise", &[0.0, 0.1], |level| format!("{} noise", percent(level))));
    let (files, svg) = drawn(&frame, &panels, Width::Column);
    assert_eq!((svg.matches("class=\"panel\"").count(), svg.contains("no noisy tokens\n</text>")), (3, false));
    assert!(files.caption.contains("Not shown: Accuracy, 0\u{a0}% noise (no noisy tokens)."), "{}", files.caption);
    let (_, svg) = drawn(&frame, &panels, Width::Full);
    assert_eq!((svg.matches("class=\"panel\"").count(), svg.contains("no noisy tokens\n</text>")), (4, true));
}

#[test]
fn a_page_can_name_lines_and_points() {
    let frame =
        df!("noise" => [0.1, 0.1, 0.3], "seed" => [1u64, 2, 1], "epoch" => [2u32, 2, 2], "f1" => [0.25, 0.75, 0.4])
            .unwrap();
    let lines = Lines::levels("noise", &[0.1, 0.3], percent, "noise level");
    let (_, svg) = drawn(&frame, &declared(EPOCHS, lines, vec![panel("F1", "f1")]), Width::Full);
    let point = "data-label=\"noise level 10\u{a0}%; epoch 2; f1 0.500 (0.250 to 0.750); n = 2 seeds\" \
                 data-line=\"10\u{a0}%\" data-x=\"2\" data-y=\"0.5\" data-low=\"0.25\" data-high=\"0.75\" data-n=\"2\"";
    assert!(svg.contains(point), "{svg}");
    assert!(svg.matches("<g class=\"line\" data-line=\"30\u{a0}%\">").count() >= 2, "{svg}");
    assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count());
}

#[test]
fn the_same_quantity_has_the_same_scale() {
    let frame = df!(
        "seed" => [1u64, 1], "epoch" => [1u32, 2], "train" => [0.1, 0.9], "dev" => [0.1, 0.15], "loss" => [0.2, 3.0]
    )
    .unwrap();
    let of = |column| PanelSpec { title: "F1", ..panel(column, column) };
    let loss = PanelSpec { axis: YAxis::Number, ..panel("loss", "loss") };
    let panels = declared(EPOCHS, Lines::single(), vec![of("train"), of("dev"), loss]);
    let plan = gather::plan(&frame, &panels).unwrap();
    let axes = axes::vertical(&panels, &plan, 100.0);
    assert_eq!(axes[0].axis, axes[1].axis);
    assert!(axes[2].axis.high >= 3.0);
}

#[test]
fn numbers_have_ticks_at_their_values_and_zero_has_a_place() {
    let axis = |values: &[f64], width: f64| {
        let frame = df!("noise" => values, "seed" => vec![1u64; values.len()], "y" => vec![0.5; values.len()]).unwrap();
        let x = X::Numbers { column: "noise", title: "steps", show: crate::format::compact };
        let panels = declared(x, Lines::single(), vec![panel("", "y")]);
        axes::horizontal(&panels, &gather::plan(&frame, &panels).unwrap(), width).0
    };
    let symlog = axis(&[0.0, 100.0, 110.0, 1000.0, 10_000.0], 100.0);
    let labels: Vec<&str> = symlog.ticks.iter().map(|tick| tick.label.as_str()).collect();
    assert_eq!(labels, ["0", "100", "", "1k", "10k"], "labels do not touch");
    assert_eq!(symlog.title, "steps (log scale)");
    assert_eq!(axis(&[0.0, 0.1, 0.2], 100.0).title, "steps");
    for values in [&[0.0][..], &[300.0], &[300.0, 600.0], &[0.0, 1.0, 1e6], &[-1.0, 50.0]] {
        let axis = axis(values, 100.0);
        assert!(values.iter().all(|at| axis.position(*at).is_some_and(|at| (0.0..=1.0).contains(&at))), "{values:?}");
    }
}

#[test]
fn many_lines_are_drawn_in_several_rows() {
    let levels: Vec<f64> = (0..30).map(f64::from).collect();
    let frame =
        df!("level" => &levels, "seed" => vec![1u64; 30], "epoch" => vec![1u32; 30], "f1" => vec![0.5; 30]).unwrap();
    let show = |level: f64| format!("level{level}");
    let panels = declared(EPOCHS, Lines::levels("level", &levels, show, "level"), vec![panel("F1", "f1")]);
    let plan = gather::plan(&frame, &panels).unwrap();
    assert_eq!(plan.rows.len(), 3);
    assert!(plan.cells().all(|cell| cell.lines.len() <= MOST_LINES));
    let (_, svg) = drawn(&frame, &panels, Width::Column);
    assert!(svg.contains("level level0 to level11") && svg.matches(">\nlevel29\n<").count() == 1, "{svg}");
}

#[test]
fn names_without_an_order_are_points_and_long_ones_are_numbered() {
    let names = ["one".to_owned(), "an encoder with a very long name".to_owned(), "three".to_owned()];
    let frame = df!(
        "encoder" => ["one", "three", "an encoder with a very long name", "unknown"], "seed" => [1u64; 4],
        "f1" => [0.1, 0.3, 0.2, 0.9]
    )
    .unwrap();
    let x = X::Names { column: "encoder", names: &names, title: "encoder" };
    let panels = declared(x, Lines::single(), vec![panel("F1", "f1"), panel("F1 again", "f1")]);
    let plan = gather::plan(&frame, &panels).unwrap();
    assert_eq!(
        plan.rows[0].cells[0].spots().map(|spot| (spot.x, spot.y)).collect::<Vec<_>>(),
        [(0.0, 0.1), (1.0, 0.2), (2.0, 0.3)]
    );
    let (_, svg) = drawn(&frame, &panels, Width::Full);
    assert!(svg.contains(">\n2: an encoder with a very long name\n<"), "{svg}");
}

#[test]
fn phases_belong_to_lines() {
    let frame = df!("rate" => [1e-4, 1e-4, 5e-4, 5e-4], "seed" => [1u64; 4], "epoch" => [1u32, 4, 1, 4], "f1" => [0.1, 0.4, 0.2, 0.8])
        .unwrap();
    let phases = df!(
        "rate" => [5e-4], "phase" => ["fitting_end"], "epoch" => [2.0], "epoch_low" => [1.5], "epoch_high" => [2.5]
    )
    .unwrap();
    let mut panels = declared(
        EPOCHS,
        Lines::levels("rate", &[1e-4, 5e-4], |rate| format!("{rate:e}"), "learning rate"),
        vec![panel("F1", "f1")],
    );
    panels.phases = Some(&phases);
    let (files, svg) = drawn(&frame, &panels, Width::Column);
    assert!(svg.contains("no phase found") && svg.contains("end of fitting") && svg.contains("learning rate"), "{svg}");
    assert_eq!(files.csv.len(), 2);
    // In the row of panels of another figure the same lines have no strip.
    panels.rows = Some(Facet::levels("seed", &[1.0], |seed| format!("seed {seed}")));
    let (_, svg) = drawn(&frame, &panels, Width::Column);
    assert!(!svg.contains("no phase found"));
}

#[test]
fn a_missing_column_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let frame = df!("epoch" => [1u32]).unwrap();
    let panels = declared(EPOCHS, Lines::single(), vec![panel("F1", "f1")]);
    let error = draw(&frame, &panels, &style(Width::Full), &folder.path().join("x")).unwrap_err();
    assert!(error.to_string().contains("`f1`"), "{error}");
}
