//! A canvas as an SVG document.
//!
//! Places are whole numbers, a hundred to the point: as fine as the finest printer. Groups, points and cells carry what a page
//! can show of them (`class`, `data-line`, `data-label`, ...); a viewer that knows nothing of it shows the same picture.

use std::fmt::Write as _;

use minijinja::HtmlEscape;

use super::canvas::{Anchor, Canvas, Colour, Fill, Mark, Point, Stroke, Tag, Text, plain};
use super::font::{self, Weight};
use super::theme::WHITE;

/// Units to a point.
pub(super) const UNITS: f64 = 100.0;
/// Radius of the place that shows a point's numbers, units.
const HIT_RADIUS: f64 = 5.0 * UNITS;

/// The document, as large as it is printed. `title` and `description` are what a screen reader says.
pub fn svg(canvas: &Canvas, title: &str, description: &str) -> String {
    let (width, height) = (canvas.width * UNITS, canvas.height * UNITS);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}pt\" height=\"{}pt\" viewBox=\"0 0 {} {}\" role=\"img\" \
         stroke-linejoin=\"round\">\n<title>{}</title>\n<desc>{}</desc>\n",
        width.ceil() / UNITS,
        height.ceil() / UNITS,
        width.ceil(),
        height.ceil(),
        HtmlEscape(&plain(title)),
        HtmlEscape(&plain(description)),
    );
    let _ = writeln!(out, "<rect width=\"{}\" height=\"{}\" fill=\"{}\"/>", width.ceil(), height.ceil(), hex(WHITE));
    for mark in &canvas.marks {
        match mark {
            Mark::Shape { paths, closed, fill, stroke } => shape(&mut out, paths, *closed, *fill, *stroke),
            Mark::Text(one) => text(&mut out, one),
            Mark::Begin(tag) => {
                let _ = writeln!(out, "<g{}>", attributes(tag));
            }
            Mark::End => out.push_str("</g>\n"),
            Mark::Hit { at, tag } => {
                let (x, y) = units(*at);
                let tag = attributes(tag);
                let _ = writeln!(out, "<circle{tag} cx=\"{x}\" cy=\"{y}\" r=\"{HIT_RADIUS}\" fill-opacity=\"0\"/>");
            }
        }
    }
    out.push_str("</svg>\n");
    out
}

fn units((x, y): Point) -> (i64, i64) {
    ((x * UNITS).round() as i64, (y * UNITS).round() as i64)
}

fn hex(Colour(red, green, blue): Colour) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

fn attributes(tag: &Tag) -> String {
    let mut out = format!(" class=\"{}\"", tag.class);
    for (name, value) in &tag.data {
        let _ = write!(out, " data-{name}=\"{}\"", HtmlEscape(&plain(value)));
    }
    out
}

fn shape(out: &mut String, paths: &[Vec<Point>], closed: bool, fill: Option<Fill>, stroke: Option<Stroke>) {
    let mut look = match fill.filter(|_| closed) {
        Some(fill) if fill.opacity < 1.0 => format!("fill=\"{}\" fill-opacity=\"{}\"", hex(fill.colour), fill.opacity),
        Some(fill) => format!("fill=\"{}\"", hex(fill.colour)),
        None => "fill=\"none\"".to_owned(),
    };
    if let Some(stroke) = stroke {
        let width = (stroke.width * UNITS).round().max(1.0);
        let _ = write!(look, " stroke=\"{}\" stroke-width=\"{width}\"", hex(stroke.colour));
        if !stroke.dash.is_empty() {
            let dashes: Vec<String> = stroke.dash.iter().map(|length| (length * UNITS).round().to_string()).collect();
            let _ = write!(look, " stroke-dasharray=\"{}\"", dashes.join(" "));
        }
    }
    let element = if closed { "polygon" } else { "polyline" };
    for path in paths {
        let points: Vec<String> = path.iter().map(|at| units(*at)).map(|(x, y)| format!("{x},{y}")).collect();
        let _ = writeln!(out, "<{element} {look} points=\"{}\"/>", points.join(" "));
    }
}

fn text(out: &mut String, text: &Text) {
    let (x, y) = units(text.at);
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if text.weight == Weight::Bold { " font-weight=\"bold\"" } else { "" };
    let turned = if text.rotated { format!(" transform=\"rotate(270, {x}, {y})\"") } else { String::new() };
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\"{anchor} font-family=\"{}\" font-size=\"{}\"{weight} fill=\"{}\"{turned}>\n{}\n</text>",
        font::FAMILY,
        (text.size * UNITS).round(),
        hex(text.colour),
        HtmlEscape(&text.text),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Colour = Colour(0, 0, 0);

    #[test]
    fn a_drawing_is_as_large_as_its_paper() {
        let mut canvas = Canvas::new(10.5, 8.0);
        canvas.line(vec![(1.0, 1.0), (9.25, 7.0)], Stroke::solid(BLACK, 0.5));
        let svg = svg(&canvas, "a title", "in words");
        assert!(svg.contains("width=\"10.5pt\" height=\"8pt\" viewBox=\"0 0 1050 800\""), "{svg}");
        assert!(svg.contains("stroke-width=\"50\" points=\"100,100 925,700\""), "{svg}");
        assert!(svg.contains("<title>a title</title>\n<desc>in words</desc>") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn hostile_text_is_text() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.text(Text::new("</text><script>&\u{1}", (0.0, 5.0), 5.0, BLACK));
        let svg = svg(&canvas, "<b>\u{2}", "\"&\"");
        assert!(!svg.contains("<script>") && !svg.contains("<b>") && !svg.contains('\u{2}'));
        assert!(svg.contains("&lt;&#x2f;text&gt;&lt;script&gt;&amp;[U+0001]"));
    }

    #[test]
    fn what_a_page_may_know_is_escaped() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.begin(Tag::line("<a> \"b\""));
        canvas.line(vec![(1.0, 1.0), (2.0, 2.0)], Stroke { colour: BLACK, width: 1.0, dash: &[2.0, 1.5] });
        canvas.end();
        canvas.marks.push(Mark::Hit { at: (1.0, 1.0), tag: Tag::labelled("point", "F1 0.5 & more").with("x", "1") });
        let svg = svg(&canvas, "", "");
        assert!(
            svg.contains("<g class=\"line\" data-line=\"&lt;a&gt; &quot;b&quot;\">") && svg.contains("</g>"),
            "{svg}"
        );
        assert!(
            svg.contains("class=\"point\" data-label=\"F1 0.5 &amp; more\" data-x=\"1\" cx=\"100\" cy=\"100\""),
            "{svg}"
        );
        assert!(svg.contains("stroke-dasharray=\"200 150\""), "{svg}");
    }
}
