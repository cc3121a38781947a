//! A canvas as SVG: small, exact, the same bytes every time.

use std::fmt::Write as _;

use super::canvas::{Anchor, Canvas, Colour, Mark, Text};
use super::font::{FAMILY, Weight};

/// The SVG document of a canvas on white. `title` and `description` are what a screen reader says.
pub fn render(canvas: &Canvas, title: &str, description: &str) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let (width, height) = (number(canvas.width), number(canvas.height));
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}pt\" height=\"{height}pt\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FAMILY}\" stroke-linejoin=\"round\">\n\
         <title>{}</title>\n<desc>{}</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
        escape(title),
        escape(description)
    );
    for mark in &canvas.marks {
        match mark {
            Mark::Shape { paths, closed, fill, stroke } => {
                out.push_str("<path d=\"");
                for path in paths {
                    for (i, (x, y)) in path.iter().enumerate() {
                        out.push(if i == 0 { 'M' } else { 'L' });
                        let _ = write!(out, "{} {}", number(*x), number(*y));
                    }
                    if *closed {
                        out.push('Z');
                    }
                }
                out.push('"');
                match fill {
                    Some(fill) => {
                        let _ = write!(out, " fill=\"{}\"", hex(fill.colour));
                        if fill.opacity < 1.0 {
                            let _ = write!(out, " fill-opacity=\"{}\"", number(fill.opacity));
                        }
                    }
                    None => out.push_str(" fill=\"none\""),
                }
                if let Some(stroke) = stroke {
                    let _ = write!(out, " stroke=\"{}\" stroke-width=\"{}\"", hex(stroke.colour), number(stroke.width));
                    if !stroke.dash.is_empty() {
                        let lengths: Vec<String> = stroke.dash.iter().map(|length| number(*length)).collect();
                        let _ = write!(out, " stroke-dasharray=\"{}\"", lengths.join(" "));
                    }
                }
                out.push_str("/>\n");
            }
            Mark::Text(text) => write_text(&mut out, text),
        }
    }
    out.push_str("</svg>\n");
    out
}

fn write_text(out: &mut String, text: &Text) {
    let (x, y) = (number(text.at.0), number(text.at.1));
    let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"", number(text.size), hex(text.colour));
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(" text-anchor=\"middle\""),
        Anchor::End => out.push_str(" text-anchor=\"end\""),
    }
    if text.weight == Weight::Bold {
        out.push_str(" font-weight=\"bold\"");
    }
    if text.rotated {
        let _ = write!(out, " transform=\"rotate(-90 {x} {y})\"");
    }
    if text.halo {
        out.push_str(" stroke=\"#ffffff\" stroke-width=\"2\" paint-order=\"stroke\"");
    }
    let _ = writeln!(out, ">{}</text>", escape(&text.text));
}

/// A number with at most two decimals and no needless zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

fn hex(Colour(red, green, blue): Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Text as XML character data or attribute value; characters XML forbids become a replacement sign.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(1.0), "1");
        assert_eq!(number(1.2345), "1.23");
        assert_eq!(number(-0.001), "0");
        assert_eq!(number(120.0), "120");
    }

    #[test]
    fn hostile_text_is_text() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.text(Text::new("</text><script>&\u{1}", (0.0, 5.0), 5.0, Colour(0, 0, 0)));
        let svg = render(&canvas, "<b>", "\"&\"");
        assert!(!svg.contains("<script>") && !svg.contains("<b>"));
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;&amp;\u{fffd}"));
    }
}
