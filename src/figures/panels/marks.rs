//! What stands in a panel: bands, lines, markers, whiskers, names.

use super::gather::{Cell, Line, ONE_FOR_ALL, Plan, Spot};
use super::layout::member_of;
use super::{PanelSpec, Panels, X, words};
use crate::figures::canvas::{Canvas, Colour, Fill, Mark, Point, Stroke, Tag, Text};
use crate::figures::panel::{EndLabel, Marker, Panel, draw_arrow, draw_marker, draw_open};
use crate::figures::phases::LinePhases;
use crate::figures::theme::{self, SOFT_INK, TICK_SIZE};

const MARKERS: [Marker; 4] = [Marker::Disc, Marker::Square, Marker::Diamond, Marker::Triangle];
/// A curve with more places carries markers at some of them only.
const MOST_MARKED: usize = 10;
/// Distance of points side by side at one place, points.
const BESIDE: f64 = 4.4;
/// The line to a censored place.
const DOTS: [f64; 2] = [0.9, 1.8];

/// How lines look.
pub(super) struct Look {
    n_lines: usize,
    ordered: bool,
    /// Points with whiskers instead of a curve with a band.
    is_points: bool,
    has_lines: bool,
    /// The lines that have data, in order.
    shown: Vec<usize>,
    /// Whether lines have markers at all.
    pub has_markers: bool,
}

impl Look {
    pub fn of(panels: &Panels<'_>, plan: &Plan) -> Self {
        let longest = plan.cells().flat_map(|cell| &cell.lines).map(|line| line.spots.len()).max().unwrap_or(0);
        let is_points = !matches!(panels.x, X::Curve { .. });
        Self {
            n_lines: panels.lines.len(),
            ordered: panels.lines.ordered,
            is_points,
            has_lines: !matches!(panels.x, X::Names { .. }),
            shown: plan.lines(),
            has_markers: is_points || !panels.lines.ordered || longest <= MOST_MARKED,
        }
    }

    pub fn stroke(&self, line: usize) -> Stroke {
        match line {
            ONE_FOR_ALL => Stroke::solid(SOFT_INK, theme::LINE),
            _ if self.ordered => theme::ordered(line, self.n_lines),
            _ => theme::category(line),
        }
    }

    pub fn marker(&self, line: usize) -> Marker {
        match line {
            ONE_FOR_ALL => Marker::Square,
            _ if self.ordered => Marker::Disc,
            _ => MARKERS[line % MARKERS.len()],
        }
    }

    /// How far a line's points stand beside their place, points.
    fn aside(&self, line: usize, panel: &Panel) -> f64 {
        if !self.is_points || self.shown.len() < 2 || line == ONE_FOR_ALL {
            return 0.0;
        }
        let places: Vec<f64> =
            panel.x.ticks.iter().filter_map(|tick| Some(panel.x.position(tick.value)? * panel.area.width)).collect();
        let closest = places.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        // Points of one place stay apart from those of the next.
        let step = BESIDE.min(0.7 * closest / self.shown.len() as f64);
        let rank = self.shown.iter().position(|shown| *shown == line).unwrap_or(0) as f64;
        step * (rank - (self.shown.len() - 1) as f64 / 2.0)
    }
}

/// Draws the lines of a panel.
pub(super) fn draw(
    canvas: &mut Canvas,
    panel: &Panel,
    panels: &Panels<'_>,
    spec: &PanelSpec<'_>,
    cell: &Cell,
    look: &Look,
    absent_row: Option<f64>,
) {
    if let (Some(reference), false) = (spec.reference, cell.is_empty()) {
        let (start, end) = (panel.x.low, panel.x.high);
        let stroke = Stroke { colour: SOFT_INK, width: 0.8, dash: &[3.0, 2.0] };
        panel.line(canvas, [(start, reference.value), (end, reference.value)], stroke);
        if let Some((x, y)) = panel.point(start, reference.value) {
            canvas.text(Text::new(reference.name, (x + 3.0, y - 2.5), TICK_SIZE, SOFT_INK).ground());
        }
    }
    if !look.is_points {
        for line in &cell.lines {
            let several = line.spots.iter().filter(|spot| spot.n > 1);
            let band: Vec<_> = several.map(|spot| (spot.x, spot.low, spot.high)).collect();
            canvas.begin(Tag::line(panels.lines.name(line.member)));
            panel.band(canvas, &band, Fill { colour: look.stroke(line.member).colour, opacity: 0.18 });
            canvas.end();
        }
    }
    for line in &cell.lines {
        let aside = look.aside(line.member, panel);
        let place = |x: f64, y: f64| panel.point(x, y).map(|(x, y)| (x + aside, y));
        canvas.begin(Tag::line(panels.lines.name(line.member)));
        if look.has_lines {
            segments(canvas, line, look.stroke(line.member), place);
        }
        if look.is_points {
            for spot in line.spots.iter().filter(|spot| spot.n > 1) {
                if let (Some(low), Some(high)) = (place(spot.x, spot.low), place(spot.x, spot.high)) {
                    canvas.line(vec![low, high], Stroke::solid(look.stroke(line.member).colour, 0.8));
                }
            }
        }
        canvas.end();
    }
    for line in &cell.lines {
        let aside = look.aside(line.member, panel);
        let colour = look.stroke(line.member).colour;
        let marker = look.marker(line.member);
        canvas.begin(Tag::line(panels.lines.name(line.member)));
        let every = match (look.is_points, line.spots.len()) {
            (true, _) | (_, ..=MOST_MARKED) => 1,
            (_, n) if look.has_markers => n.div_ceil(MOST_MARKED - 2),
            _ => usize::MAX,
        };
        for (i, spot) in line.spots.iter().enumerate() {
            let Some((x, y)) = panel.point(spot.x, spot.y).map(|(x, y)| (x + aside, y)) else { continue };
            if spot.is_censored {
                censored(canvas, (x, y), spot, marker, colour);
            } else if every == 1 || (every < usize::MAX && i % every == line.member % every) {
                // Lines that run together show their markers at different places.
                draw_marker(canvas, (x, y), marker, 1.9, colour);
            }
        }
        for (x, _) in &line.absent {
            if let Some((x, y)) = absent_row.and_then(|row| panel.point(*x, row)) {
                draw_marker(canvas, (x + aside, y), Marker::Cross, 1.7, colour);
            }
        }
        if let (true, Some(best)) = (spec.mark_best, line.best()) {
            panel.marker(canvas, (best.x, best.y), Marker::Diamond, 2.8, colour);
        }
        canvas.end();
    }
}

/// The places whose numbers a page shows; of a long curve those that lie apart.
pub(super) fn hits(
    canvas: &mut Canvas,
    panel: &Panel,
    panels: &Panels<'_>,
    spec: &PanelSpec<'_>,
    row: &str,
    cell: &Cell,
    look: &Look,
) {
    const APART: f64 = 5.0;
    for line in &cell.lines {
        let aside = look.aside(line.member, panel);
        let mut before = f64::NEG_INFINITY;
        for spot in &line.spots {
            let Some((x, y)) = panel.point(spot.x, spot.y) else { continue };
            if x - before < APART {
                continue;
            }
            before = x;
            let tag = Tag::labelled("point", words::of_place(panels, spec, row, line, spot))
                .with("line", panels.lines.name(line.member))
                .with("x", spot.x.to_string())
                .with("y", spot.y.to_string())
                .with("low", spot.low.to_string())
                .with("high", spot.high.to_string())
                .with("n", spot.n.to_string());
            canvas.marks.push(Mark::Hit { at: (x + aside, y), tag });
        }
    }
}

/// The line through the places of the mean; dotted to and from those of a censored median.
fn segments(canvas: &mut Canvas, line: &Line, stroke: Stroke, place: impl Fn(f64, f64) -> Option<Point>) {
    let dotted = Stroke { width: 0.9, dash: &DOTS, ..stroke };
    let mut piece: Vec<Point> = Vec::new();
    let mut before: Option<(Point, bool)> = None;
    for spot in &line.spots {
        let point = place(spot.x, spot.y);
        match (before, point) {
            (Some((start, was_censored)), Some(point)) if was_censored || spot.is_censored => {
                canvas.line(std::mem::replace(&mut piece, vec![point]), stroke);
                canvas.line(vec![start, point], dotted);
            }
            (_, Some(point)) => piece.push(point),
            (_, None) => canvas.line(std::mem::take(&mut piece), stroke),
        }
        before = point.map(|point| (point, spot.is_censored));
    }
    canvas.line(piece, stroke);
}

fn censored(canvas: &mut Canvas, at: Point, spot: &Spot, marker: Marker, colour: Colour) {
    if spot.at_least {
        draw_arrow(canvas, at, true, colour);
    }
    if spot.at_most {
        draw_arrow(canvas, at, false, colour);
    }
    draw_open(canvas, at, marker, 1.9, colour);
}

/// Marks the ends of phases on the curves: a circle where fitting ends, a triangle where memorisation begins.
pub(super) fn phases(
    canvas: &mut Canvas,
    panel: &Panel,
    panels: &Panels<'_>,
    cell: &Cell,
    look: &Look,
    phases: &[LinePhases],
) {
    for line in &cell.lines {
        let found = phases.iter().find(|phases| member_of(panels, phases) == Some(line.member));
        let Some(found) = found else { continue };
        let colour = look.stroke(line.member).colour;
        for (boundary, marker) in [(found.fitting_end, Marker::Circle), (found.memorisation_onset, Marker::Triangle)] {
            if let Some((x, y)) = boundary.and_then(|boundary| Some((boundary.at, line.at(boundary.at)?))) {
                panel.marker(canvas, (x, y), marker, 2.6, colour);
            }
        }
    }
}

/// Writes the lines' names at their ends.
pub(super) fn names(canvas: &mut Canvas, panel: &Panel, panels: &Panels<'_>, cell: &Cell, look: &Look) {
    let label = |line: &Line| {
        let end = line.spots.last()?;
        let text = panels.lines.name(line.member).to_owned();
        Some(EndLabel { text, at: end.y, end: end.x, colour: look.stroke(line.member).colour })
    };
    let labels: Vec<EndLabel> = cell.lines.iter().filter_map(label).collect();
    panel.end_labels(canvas, &labels);
}
