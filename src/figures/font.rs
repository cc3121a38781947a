//! The font figures are set in: a subset of Liberation Sans, shipped with the program (assets/fonts).
//!
//! Its letters are as wide as those of Arial and Helvetica. An SVG can therefore ask for any of the three, and what
//! was measured here fits in every viewer; a bitmap gets the outlines themselves.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, OutlineCurve};

/// The families an SVG asks for, all of the same widths.
pub const FAMILY: &str = "Helvetica, Arial, 'Liberation Sans', sans-serif";

/// Thickness of the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// For nearly everything.
    Regular,
    /// For titles.
    Bold,
}

// Both files are part of the program and read in the tests below: a failure here is a broken build, not an input.
static REGULAR: LazyLock<Option<FontRef<'static>>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../../assets/fonts/memoscope-figure-sans-regular.ttf")).ok()
});
static BOLD: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("../../assets/fonts/memoscope-figure-sans-bold.ttf")).ok());

fn font(weight: Weight) -> Option<&'static FontRef<'static>> {
    match weight {
        Weight::Regular => REGULAR.as_ref(),
        Weight::Bold => BOLD.as_ref(),
    }
}

/// Width of a line of text in points, at `size` points.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let Some(font) = font(weight) else { return 0.0 };
    let units: f32 = text.chars().map(|c| font.h_advance_unscaled(font.glyph_id(c))).sum();
    f64::from(units) * size / units_per_em(font)
}

/// The outlines of a line of text that begins at the origin, in points, y downwards, baseline at 0: contours of
/// straight pieces, the curves cut fine enough for print.
pub fn outlines(text: &str, size: f64, weight: Weight) -> Vec<Vec<(f64, f64)>> {
    let Some(font) = font(weight) else { return Vec::new() };
    let scale = size / units_per_em(font);
    let mut contours: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut pen = 0.0;
    for c in text.chars() {
        let glyph = font.glyph_id(c);
        if let Some(outline) = font.outline(glyph) {
            let mut last = None;
            for curve in &outline.curves {
                let place = |p: ab_glyph::Point| ((pen + f64::from(p.x)) * scale, -f64::from(p.y) * scale);
                let (from, to) = ends(curve);
                if last != Some(from) {
                    contours.push(vec![place(from)]);
                }
                last = Some(to);
                if let Some(contour) = contours.last_mut() {
                    contour.extend(flattened(curve).into_iter().map(place));
                }
            }
        }
        pen += f64::from(font.h_advance_unscaled(glyph));
    }
    contours
}

fn units_per_em(font: &FontRef<'static>) -> f64 {
    f64::from(font.units_per_em().unwrap_or(2048.0))
}

fn ends(curve: &OutlineCurve) -> (ab_glyph::Point, ab_glyph::Point) {
    match *curve {
        OutlineCurve::Line(a, b) | OutlineCurve::Quad(a, _, b) | OutlineCurve::Cubic(a, _, _, b) => (a, b),
    }
}

/// Points on a curve, its first end left out.
fn flattened(curve: &OutlineCurve) -> Vec<ab_glyph::Point> {
    const PIECES: u8 = 6;
    let along =
        |f: &dyn Fn(f32) -> ab_glyph::Point| (1..=PIECES).map(|i| f(f32::from(i) / f32::from(PIECES))).collect();
    let mix =
        |a: ab_glyph::Point, b: ab_glyph::Point, t: f32| ab_glyph::point(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t);
    match *curve {
        OutlineCurve::Line(_, b) => vec![b],
        OutlineCurve::Quad(a, b, c) => along(&|t| mix(mix(a, b, t), mix(b, c, t), t)),
        OutlineCurve::Cubic(a, b, c, d) => along(&|t| {
            let (ab, bc, cd) = (mix(a, b, t), mix(b, c, t), mix(c, d, t));
            mix(mix(ab, bc, t), mix(bc, cd, t), t)
        }),
    }
}

/// Cuts text into lines no wider than `limit` points, at spaces; a longer word keeps its line,
/// and a no-break space holds.
pub fn wrap(text: &str, size: f64, weight: Weight, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, weight) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_fonts_open_and_have_the_signs_figures_use() {
        for weight in [Weight::Regular, Weight::Bold] {
            let font = font(weight).expect("part of the program");
            for c in "Aa09 %−±–—·×≤≥→“”’…αβµé".chars() {
                assert_ne!(font.glyph_id(c).0, 0, "{c:?} is missing");
            }
        }
    }

    #[test]
    fn widths_are_those_of_helvetica() {
        // Helvetica's digits are 556/1000 em, its space 278/1000.
        assert!((width("0 0", 10.0, Weight::Regular) - 13.9).abs() < 0.01);
        assert!(width("Loss", 10.0, Weight::Bold) > width("Loss", 10.0, Weight::Regular));
    }

    #[test]
    fn a_letter_with_a_hole_has_two_contours() {
        assert_eq!(outlines("o", 10.0, Weight::Regular).len(), 2);
        assert!(outlines(" ", 10.0, Weight::Regular).is_empty());
    }

    #[test]
    fn wrapped_lines_fit() {
        let lines = wrap("the quick brown fox jumps over it", 8.0, Weight::Regular, 60.0);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| width(line, 8.0, Weight::Regular) <= 60.0));
        assert_eq!(lines.join(" "), "the quick brown fox jumps over it");
    }
}
