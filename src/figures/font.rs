//! The font figures are set in: a subset of Liberation Sans, shipped with the program (assets/fonts).
//!
//! Its letters are as wide as those of Arial and Helvetica. An SVG can therefore ask for any of the three, and what
//! was measured here fits in every viewer; a bitmap gets the letters themselves.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, PxScale, point};

/// The families an SVG asks for, all of the same widths.
pub const FAMILY: &str = "Helvetica, Arial, Liberation Sans, sans-serif";

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

/// Which pixels a line of text covers that begins at the origin, in letters of `size` pixels: `visit` gets the place
/// of each, right of the beginning and below the baseline, and the share covered, 0 to 1.
pub fn cover(text: &str, size: f64, weight: Weight, mut visit: impl FnMut(i32, i32, f64)) {
    let Some(font) = font(weight) else { return };
    let scale = size / units_per_em(font);
    // The rasteriser's size of a font is its height, not its em.
    let height = PxScale::from((f64::from(font.height_unscaled()) * scale) as f32);
    let mut pen = 0.0;
    for c in text.chars() {
        let glyph = font.glyph_id(c);
        if let Some(outline) = font.outline_glyph(glyph.with_scale_and_position(height, point(pen as f32, 0.0))) {
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, share| {
                if share > 0.0 {
                    visit(corner.x as i32 + x as i32, corner.y as i32 + y as i32, f64::from(share.min(1.0)));
                }
            });
        }
        pen += f64::from(font.h_advance_unscaled(glyph)) * scale;
    }
}

fn units_per_em(font: &FontRef<'static>) -> f64 {
    f64::from(font.units_per_em().unwrap_or(2048.0))
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
    fn letters_stand_on_the_baseline_as_high_as_the_font_says() {
        let mut inked: Vec<(i32, i32)> = Vec::new();
        cover("H", 1000.0, Weight::Regular, |x, y, share| {
            if share > 0.5 {
                inked.push((x, y))
            }
        });
        let extent = |values: Vec<i32>| (values.iter().min().copied(), values.iter().max().copied());
        let (left, right) = extent(inked.iter().map(|place| place.0).collect());
        let (top, bottom) = extent(inked.iter().map(|place| place.1).collect());
        // Liberation Sans: capitals are 1409/2048 em high, H goes from 168 to 1312 of an advance of 1479.
        assert_eq!((top, bottom), (Some(-688), Some(-1)));
        assert_eq!((left, right), (Some(82), Some(640)));
        cover(" ", 1000.0, Weight::Regular, |_, _, _| panic!("a space has no ink"));
    }

    #[test]
    fn wrapped_lines_fit() {
        let lines = wrap("the quick brown fox jumps over it", 8.0, Weight::Regular, 60.0);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| width(line, 8.0, Weight::Regular) <= 60.0));
        assert_eq!(lines.join(" "), "the quick brown fox jumps over it");
    }
}
