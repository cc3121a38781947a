//! The font figures are set in: a subset of Liberation Sans, shipped with the program (assets/fonts).
//!
//! Its letters are as wide as those of Arial and Helvetica. An SVG can therefore ask for any of the three, and what
//! was measured here fits in every viewer; a bitmap gets the letters themselves.
//!
//! Names of entity types and of data sets may have characters that the shipped font lacks. The user can give a font that has
//! them ([`add`]); the program looks for none, because a report must not depend on the machine. What no font has, a bitmap
//! shows by its code points, `[U+62A4 680F]`; a drawing keeps the characters, for the viewer has fonts of its own. Letters
//! of either font are set one after the other from left to right, without the joined forms of Arabic or Devanagari.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{LazyLock, OnceLock};

use ab_glyph::{Font as _, FontArc, FontVec, GlyphId, PxScale, point};

use crate::error::{Error, Problem, Result};
use crate::files::sha256_hex;

/// The families an SVG asks for, all of the same widths.
pub const FAMILY: &str = "Helvetica, Arial, Liberation Sans, sans-serif";

/// Thickness of the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// For nearly everything.
    Regular,
    /// For titles.
    Bold,
}

// Both files are part of the program and read in the tests below: a failure here is a broken build, not an input.
static REGULAR: LazyLock<Option<FontArc>> = LazyLock::new(|| FontArc::try_from_slice(file(Weight::Regular)).ok());
static BOLD: LazyLock<Option<FontArc>> = LazyLock::new(|| FontArc::try_from_slice(file(Weight::Bold)).ok());

/// A shipped font, as TrueType.
pub(super) fn file(weight: Weight) -> &'static [u8] {
    match weight {
        Weight::Regular => include_bytes!("../../assets/fonts/memoscope-figure-sans-regular.ttf"),
        Weight::Bold => include_bytes!("../../assets/fonts/memoscope-figure-sans-bold.ttf"),
    }
}

/// The user's font, if one was given.
static ADDED: OnceLock<Added> = OnceLock::new();

struct Added {
    font: FontArc,
    name: String,
    sha256: String,
}

/// Takes from a TrueType or OpenType file, or from the first font of a collection, the characters that the shipped font
/// lacks, in all figures that this process draws. The first file that is given is used.
///
/// # Errors
/// [`Error::Config`] if there is no such file or it holds no font; [`Error::Io`] if it cannot be read.
pub fn add(path: &Path) -> Result<()> {
    if !path.is_file() {
        return Err(Error::Config(
            Problem::new("there is no such font file").at(path).hint("name a .ttf, .otf or .ttc file"),
        ));
    }
    let bytes = fs_err::read(path).map_err(Error::io(path))?;
    let sha256 = sha256_hex(&bytes);
    let font = FontVec::try_from_vec_and_index(bytes, 0).map_err(|_| {
        Error::Config(
            Problem::new("the file is not a TrueType or OpenType font").at(path).hint("name a .ttf, .otf or .ttc file"),
        )
    })?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    ADDED.get_or_init(|| Added { font: FontArc::new(font), name, sha256 });
    Ok(())
}

/// The characters of a figure that the shipped font lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foreign {
    /// Those that the added font has.
    pub added: BTreeSet<char>,
    /// Those that no font has.
    pub missing: BTreeSet<char>,
}

impl Foreign {
    /// Those of a line of text.
    pub fn of(text: &str, weight: Weight) -> Self {
        let mut foreign = Self::default();
        for c in text.chars() {
            match face(c, weight) {
                None => foreign.missing.insert(c),
                Some((_, Origin::Added, _)) => foreign.added.insert(c),
                Some((_, Origin::Shipped, _)) => false,
            };
        }
        foreign
    }

    /// Adds those of another text.
    pub fn extend(&mut self, other: &Self) {
        self.added.extend(&other.added);
        self.missing.extend(&other.missing);
    }

    /// What a report says about them.
    pub fn notes(&self) -> Vec<String> {
        let added = ADDED.get().filter(|_| !self.added.is_empty()).map(|Added { name, sha256, .. }| {
            format!("Characters that the font of the figures lacks are drawn with {name} (SHA-256 {sha256}).")
        });
        added.into_iter().chain(self.warning()).collect()
    }

    /// What whoever draws the figures should know: which characters are not shown.
    pub fn warning(&self) -> Option<String> {
        let first = self.missing.first()?;
        Some(format!(
            "The font of the figures lacks {}: PNG figures show the code points instead, as in {}. Give a font that has \
             these characters with --font FILE.",
            list(&self.missing),
            code_points([*first].into_iter())
        ))
    }
}

/// The first characters with their code points.
fn list(characters: &BTreeSet<char>) -> String {
    const NAMED: usize = 12;
    let shown = |c: &char| match crate::error::is_hidden(*c) {
        true => format!("U+{:04X}", u32::from(*c)),
        false => format!("{c} (U+{:04X})", u32::from(*c)),
    };
    let mut named: Vec<String> = characters.iter().take(NAMED).map(shown).collect();
    if characters.len() > NAMED {
        named.push(format!("and {} more characters", characters.len() - NAMED));
    }
    named.join(", ")
}

/// Which font a glyph is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Shipped,
    Added,
}

/// The glyph of a character in the first font that has it.
fn face(c: char, weight: Weight) -> Option<(&'static FontArc, Origin, GlyphId)> {
    let shipped = match weight {
        Weight::Regular => REGULAR.as_ref(),
        Weight::Bold => BOLD.as_ref(),
    }?;
    let glyph = shipped.glyph_id(c);
    if glyph.0 != 0 {
        return Some((shipped, Origin::Shipped, glyph));
    }
    let added = &ADDED.get()?.font;
    let glyph = added.glyph_id(c);
    // A font of bitmaps has glyphs without outlines.
    let has_ink = c.is_whitespace() || added.outline(glyph).is_some();
    (glyph.0 != 0 && has_ink).then_some((added, Origin::Added, glyph))
}

/// Text as a bitmap shows it: characters that no font has are written as their code points.
fn readable(text: &str, weight: Weight) -> Cow<'_, str> {
    let is_missing = |c: &char| face(*c, weight).is_none();
    if !text.chars().any(|c| is_missing(&c)) {
        return text.into();
    }
    let mut out = String::with_capacity(2 * text.len());
    let mut run = Vec::new();
    for c in text.chars() {
        if is_missing(&c) {
            run.push(c);
            continue;
        }
        if !run.is_empty() {
            out.push_str(&code_points(run.drain(..)));
        }
        out.push(c);
    }
    if !run.is_empty() {
        out.push_str(&code_points(run.into_iter()));
    }
    out.into()
}

/// `[U+62A4 680F]`
pub(super) fn code_points(characters: impl Iterator<Item = char>) -> String {
    let points: Vec<String> = characters.map(|c| format!("{:04X}", u32::from(c))).collect();
    format!("[U+{}]", points.join(" "))
}

/// Width of a line of text in points, at `size` points.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let advance = |c| face(c, weight).map_or(0.0, |(font, _, glyph)| advance(font, glyph, size));
    readable(text, weight).chars().map(advance).sum()
}

/// Which pixels a line of text covers that begins at the origin, in letters of `size` pixels: `visit` gets the place
/// of each, right of the beginning and below the baseline, and the share covered, 0 to 1.
pub fn cover(text: &str, size: f64, weight: Weight, mut visit: impl FnMut(i32, i32, f64)) {
    let mut pen = 0.0;
    for c in readable(text, weight).chars() {
        let Some((font, _, glyph)) = face(c, weight) else { continue };
        // The rasteriser's size of a font is its height, not its em.
        let height = PxScale::from((f64::from(font.height_unscaled()) * size / units_per_em(font)) as f32);
        if let Some(outline) = font.outline_glyph(glyph.with_scale_and_position(height, point(pen as f32, 0.0))) {
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, share| {
                if share > 0.0 {
                    visit(corner.x as i32 + x as i32, corner.y as i32 + y as i32, f64::from(share.min(1.0)));
                }
            });
        }
        pen += advance(font, glyph, size);
    }
}

/// A cubic curve from its first to its last point, in points right of the pen and above the baseline.
pub(super) type Curve = [(f64, f64); 4];

/// A glyph of a line of text; `pen` is where it begins, in points right of the text's beginning.
pub(super) enum Glyph {
    /// Of the shipped font of the text's weight.
    Shipped {
        /// Where it begins.
        pen: f64,
        /// Its number in the font.
        id: u16,
        /// What it stands for.
        character: char,
    },
    /// Of the added font.
    Outline {
        /// Where it begins.
        pen: f64,
        /// Its closed outlines, one after the other.
        curves: Vec<Curve>,
    },
}

/// The glyphs of a line of text.
pub(super) fn glyphs(text: &str, size: f64, weight: Weight) -> Vec<Glyph> {
    let mut pen = 0.0;
    let mut glyphs = Vec::new();
    for c in readable(text, weight).chars() {
        let Some((font, origin, glyph)) = face(c, weight) else { continue };
        glyphs.push(match origin {
            Origin::Shipped => Glyph::Shipped { pen, id: glyph.0, character: c },
            Origin::Added => Glyph::Outline { pen, curves: curves(font, glyph, size) },
        });
        pen += advance(font, glyph, size);
    }
    glyphs
}

fn curves(font: &FontArc, glyph: GlyphId, size: f64) -> Vec<Curve> {
    use ab_glyph::OutlineCurve::{Cubic, Line, Quad};
    let scale = size / units_per_em(font);
    let point = |at: ab_glyph::Point| (f64::from(at.x) * scale, f64::from(at.y) * scale);
    let between = |a: (f64, f64), b: (f64, f64)| ((a.0 + 2.0 * b.0) / 3.0, (a.1 + 2.0 * b.1) / 3.0);
    let curve = |curve: &ab_glyph::OutlineCurve| match curve {
        Line(from, to) => [point(*from), point(*from), point(*to), point(*to)],
        Quad(from, by, to) => {
            let (from, by, to) = (point(*from), point(*by), point(*to));
            [from, between(from, by), between(to, by), to]
        }
        Cubic(from, first, second, to) => [point(*from), point(*first), point(*second), point(*to)],
    };
    font.outline(glyph).map_or_else(Vec::new, |outline| outline.curves.iter().map(curve).collect())
}

/// How far the pen goes on behind a glyph of the shipped font, in the units of `size`.
pub(super) fn advance_of(id: u16, size: f64, weight: Weight) -> f64 {
    let font = match weight {
        Weight::Regular => REGULAR.as_ref(),
        Weight::Bold => BOLD.as_ref(),
    };
    font.map_or(0.0, |font| advance(font, GlyphId(id), size))
}

/// How far the pen goes on behind a glyph, in the units of `size`.
fn advance(font: &FontArc, glyph: GlyphId, size: f64) -> f64 {
    f64::from(font.h_advance_unscaled(glyph)) * size / units_per_em(font)
}

fn units_per_em(font: &FontArc) -> f64 {
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
            for c in "Aa09 %−±–—·×≤≥→“”’…αβµé[+]".chars() {
                assert!(face(c, weight).is_some(), "{c:?} is missing");
            }
        }
    }

    #[test]
    fn characters_without_a_glyph_are_shown_by_their_code_points() {
        let shown = readable("B-护栏/x\u{1f600}", Weight::Bold);
        assert_eq!(shown, "B-[U+62A4 680F]/x[U+1F600]");
        assert_eq!(width("护栏", 8.0, Weight::Regular), width("[U+62A4 680F]", 8.0, Weight::Regular));
        assert!(matches!(readable("R&D_50%|#{x}", Weight::Regular), Cow::Borrowed("R&D_50%|#{x}")));
        let foreign = Foreign::of("a护\u{200b}护", Weight::Regular);
        assert_eq!(foreign.missing, BTreeSet::from(['\u{200b}', '护']));
        let notes = foreign.notes().concat();
        assert!(notes.contains("lacks U+200B, 护 (U+62A4): ") && notes.contains("--font"), "{notes}");
        assert!(Foreign::of("MISC", Weight::Bold).notes().is_empty());
    }

    #[test]
    fn a_file_that_is_no_font_is_refused() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        for path in [file.as_path(), Path::new("none.ttf")] {
            let error = add(path).unwrap_err();
            assert!(matches!(error, Error::Config(_)) && error.hint().is_some(), "{error}");
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
