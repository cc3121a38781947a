//! A canvas as a PDF document of one page: vector graphics for papers.
//!
//! A canvas has two kinds of mark, outlines and lines of text, so that it is written into a page as it is, without the
//! detour over SVG. The shipped fonts are embedded, and text can be searched and copied; characters from the user's font are
//! drawn as outlines, so that no licence of a font is touched. The document holds no date: the same figure gives the same bytes.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::canvas::{Canvas, Colour, Fill, Mark, Point, Stroke, Text};
use super::font::{self, Curve, Glyph, Weight};
use crate::{Error, Result};

const ADOBE_IDENTITY: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// The canvas as a PDF document, as large as it is printed.
///
/// # Errors
/// [`Error::Internal`] if a stream cannot be compressed.
pub fn pdf(canvas: &Canvas, title: &str) -> Result<Vec<u8>> {
    let mut page = Page { content: Content::new(), opacities: BTreeMap::new(), used: BTreeMap::new() };
    page.draw(canvas);
    let mut next = 1;
    let mut id = || {
        next += 1;
        Ref::new(next - 1)
    };
    let (catalog, pages, only, content, info) = (id(), id(), id(), id(), id());
    let states: Vec<(u8, Ref)> = page.opacities.keys().map(|opacity| (*opacity, id())).collect();
    let fonts: Vec<(Weight, Ref)> = page.used.keys().map(|weight| (*weight, id())).collect();

    let mut document = Pdf::new();
    document.catalog(catalog).pages(pages);
    document.pages(pages).kids([only]).count(1);
    let mut sheet = document.page(only);
    sheet.parent(pages).contents(content).media_box(Rect::new(0.0, 0.0, canvas.width as f32, canvas.height as f32));
    let mut resources = sheet.resources();
    let mut listed = resources.ext_g_states();
    for (opacity, state) in &states {
        listed.pair(Name(state_name(*opacity).as_bytes()), *state);
    }
    listed.finish();
    let mut listed = resources.fonts();
    for (weight, font) in &fonts {
        listed.pair(font_name(*weight), *font);
    }
    listed.finish();
    resources.finish();
    sheet.finish();
    for (opacity, state) in states {
        document.ext_graphics(state).non_stroking_alpha(f32::from(opacity) / 255.0);
    }
    for (weight, font) in fonts {
        embed(&mut document, weight, font, &page.used[&weight], [id(), id(), id(), id()])?;
    }
    document.document_info(info).title(TextStr(title)).creator(TextStr("memoscope"));
    document.stream(content, &compressed(&page.content.finish())?).filter(Filter::FlateDecode);
    Ok(document.finish())
}

fn state_name(opacity: u8) -> String {
    format!("A{opacity}")
}

fn font_name(weight: Weight) -> Name<'static> {
    match weight {
        Weight::Regular => Name(b"Regular"),
        Weight::Bold => Name(b"Bold"),
    }
}

/// What is written into the page, and what it needs.
struct Page {
    content: Content,
    /// Opacities in 255 steps.
    opacities: BTreeMap<u8, ()>,
    /// The glyphs of each font, with a character that each stands for.
    used: BTreeMap<Weight, BTreeMap<u16, char>>,
}

impl Page {
    fn draw(&mut self, canvas: &Canvas) {
        // The canvas counts downwards, a page upwards.
        self.content.transform([1.0, 0.0, 0.0, -1.0, 0.0, canvas.height as f32]);
        self.content.set_line_join(LineJoinStyle::RoundJoin);
        for mark in &canvas.marks {
            match mark {
                Mark::Shape { paths, closed, fill, stroke } => {
                    if let (Some(fill), true) = (fill, *closed) {
                        self.fill(paths, *fill);
                    }
                    if let Some(stroke) = stroke {
                        self.stroke(paths, *closed, *stroke);
                    }
                }
                Mark::Text(text) => self.text(text),
                Mark::Begin(_) | Mark::End | Mark::Hit { .. } => {}
            }
        }
    }

    fn fill(&mut self, paths: &[Vec<Point>], fill: Fill) {
        let opacity = (fill.opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
        self.opacities.insert(opacity, ());
        self.content.save_state().set_parameters(Name(state_name(opacity).as_bytes()));
        self.ink(fill.colour);
        // One path after the other, as the other files have it: where translucent ones overlap, they are darker.
        for path in paths {
            self.path(path, true);
            self.content.fill_nonzero();
        }
        self.content.restore_state();
    }

    fn ink(&mut self, Colour(red, green, blue): Colour) {
        let [red, green, blue] = [red, green, blue].map(share);
        self.content.set_fill_rgb(red, green, blue);
    }

    fn stroke(&mut self, paths: &[Vec<Point>], closed: bool, stroke: Stroke) {
        let [red, green, blue] = [stroke.colour.0, stroke.colour.1, stroke.colour.2].map(share);
        self.content.save_state().set_stroke_rgb(red, green, blue).set_line_width(stroke.width as f32);
        if !stroke.dash.is_empty() {
            self.content.set_dash_pattern(stroke.dash.iter().map(|length| *length as f32), 0.0);
        }
        for path in paths {
            self.path(path, closed);
            self.content.stroke();
        }
        self.content.restore_state();
    }

    fn path(&mut self, path: &[Point], closed: bool) {
        for (i, (x, y)) in path.iter().enumerate() {
            let (x, y) = (*x as f32, *y as f32);
            if i == 0 {
                self.content.move_to(x, y)
            } else {
                self.content.line_to(x, y)
            };
        }
        if closed {
            self.content.close_path();
        }
    }

    fn text(&mut self, text: &Text) {
        use super::canvas::Anchor;
        let back = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => text.width() / 2.0,
            Anchor::End => text.width(),
        };
        let (x, y) = text.at;
        // Along the line of text and up from it, on the canvas.
        let (along, up) = if text.rotated { ((0.0, -1.0), (-1.0, 0.0)) } else { ((1.0, 0.0), (0.0, -1.0)) };
        let place = |pen: f64| (x + (pen - back) * along.0, y + (pen - back) * along.1);
        let matrix = |pen: f64| {
            let (x, y) = place(pen);
            [along.0, along.1, up.0, up.1, x, y].map(|value| value as f32)
        };
        self.content.save_state();
        self.ink(text.colour);
        let mut run: Vec<u8> = Vec::new();
        let mut start = 0.0;
        for glyph in font::glyphs(&text.text, text.size, text.weight) {
            match glyph {
                Glyph::Shipped { pen, id, character } => {
                    if run.is_empty() {
                        start = pen;
                    }
                    run.extend(id.to_be_bytes());
                    self.used.entry(text.weight).or_default().entry(id).or_insert(character);
                }
                Glyph::Outline { pen, curves } => {
                    self.run(text, &mut run, matrix(start));
                    self.content.save_state().transform(matrix(pen));
                    self.outline(&curves);
                    self.content.restore_state();
                }
            }
        }
        self.run(text, &mut run, matrix(start));
        self.content.restore_state();
    }

    /// Writes the glyphs that wait.
    fn run(&mut self, text: &Text, run: &mut Vec<u8>, matrix: [f32; 6]) {
        if run.is_empty() {
            return;
        }
        self.content.begin_text().set_font(font_name(text.weight), text.size as f32).set_text_matrix(matrix);
        self.content.show(Str(run)).end_text();
        run.clear();
    }

    fn outline(&mut self, curves: &[Curve]) {
        let mut end: Option<Point> = None;
        for [from, first, second, to] in curves {
            let point = |(x, y): &Point| (*x as f32, *y as f32);
            if end != Some(*from) {
                let (x, y) = point(from);
                self.content.move_to(x, y);
            }
            let ((x1, y1), (x2, y2), (x3, y3)) = (point(first), point(second), point(to));
            self.content.cubic_to(x1, y1, x2, y2, x3, y3);
            end = Some(*to);
        }
        if end.is_some() {
            self.content.fill_nonzero();
        }
    }
}

fn share(value: u8) -> f32 {
    f32::from(value) / 255.0
}

/// Embeds a shipped font whole: it is a subset already.
fn embed(
    document: &mut Pdf,
    weight: Weight,
    font: Ref,
    used: &BTreeMap<u16, char>,
    [descendant, descriptor, file, unicode]: [Ref; 4],
) -> Result<()> {
    let name = match weight {
        Weight::Regular => Name(b"MemoscopeFigureSans-Regular"),
        Weight::Bold => Name(b"MemoscopeFigureSans-Bold"),
    };
    document
        .type0_font(font)
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(descendant)
        .to_unicode(unicode);
    let mut cid = document.cid_font(descendant);
    cid.subtype(CidFontType::Type2)
        .base_font(name)
        .system_info(ADOBE_IDENTITY)
        .font_descriptor(descriptor)
        .default_width(0.0)
        .cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = cid.widths();
    for id in used.keys() {
        widths.consecutive(*id, [font::advance_of(*id, 1000.0, weight) as f32]);
    }
    widths.finish();
    cid.finish();
    // Thousandths of an em, of Liberation Sans.
    document
        .font_descriptor(descriptor)
        .name(name)
        .flags(FontFlags::NON_SYMBOLIC)
        .bbox(Rect::new(-544.0, -303.0, 1302.0, 980.0))
        .italic_angle(0.0)
        .ascent(905.0)
        .descent(-212.0)
        .cap_height(729.0)
        .stem_v(if weight == Weight::Bold { 140.0 } else { 80.0 })
        .font_file2(file);
    let bytes = font::file(weight);
    document.stream(file, &compressed(bytes)?).filter(Filter::FlateDecode).pair(Name(b"Length1"), bytes.len() as i32);
    let mut cmap = UnicodeCmap::new(Name(b"Memoscope"), ADOBE_IDENTITY);
    for (id, character) in used {
        cmap.pair(*id, *character);
    }
    document.cmap(unicode, &cmap.finish());
    Ok(())
}

fn compressed(bytes: &[u8]) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Error::Internal(format!("cannot compress a stream of a PDF: {error}"));
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).map_err(failed)?;
    encoder.finish().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_large_as_its_paper_and_has_its_fonts_and_no_date() {
        let mut canvas = Canvas::new(238.5, 100.0);
        canvas.line(vec![(1.0, 1.0), (9.25, 7.0)], Stroke { colour: Colour(9, 9, 9), width: 0.5, dash: &[2.0, 1.0] });
        canvas.rectangle((1.0, 1.0), (5.0, 5.0), Fill { colour: Colour(200, 0, 0), opacity: 0.5 });
        canvas.text(Text::new("10 % noise, 护", (5.0, 50.0), 7.0, Colour(0, 0, 0)));
        canvas.text(Text::new("F1", (5.0, 60.0), 7.0, Colour(0, 0, 0)).bold().rotated());
        let document = pdf(&canvas, "A title (with brackets)").unwrap();
        assert!(document == pdf(&canvas, "A title (with brackets)").unwrap());
        let text = String::from_utf8_lossy(&document);
        for part in
            ["%PDF-1.7", "MediaBox [0 0 238.5 100]", "MemoscopeFigureSans-Bold", "/FontFile2", "/ca 0.5", "%%EOF"]
        {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("Date"));
    }
}
