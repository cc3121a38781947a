//! What a figure is made of: filled and stroked outlines, and text.
//!
//! A [`Canvas`] is a list of marks in points (1/72 inch, y downwards) and draws nothing by itself. [`super::paint`]
//! hands the list to plotters, once for an SVG document and once for a bitmap: both show the same geometry, and a
//! figure is written once.

use super::font::{self, Foreign, Weight};

/// A place on the canvas: x to the right, y downwards, both in points.
pub type Point = (f64, f64);

/// An opaque colour, sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// The colour `share` (0 to 1) of the way from `self` to `other`, in sRGB.
    pub fn towards(self, other: Self, share: f64) -> Self {
        let share = share.clamp(0.0, 1.0);
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// Contrast of two colours, 1 (the same) to 21 (black on white), as WCAG 2.1 defines it.
    pub fn contrast(self, other: Self) -> f64 {
        let linear = |value: u8| match f64::from(value) / 255.0 {
            value if value <= 0.04045 => value / 12.92,
            value => ((value + 0.055) / 1.055).powf(2.4),
        };
        let luminance =
            |Self(red, green, blue): Self| 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
        let (a, b) = (luminance(self) + 0.05, luminance(other) + 0.05);
        a.max(b) / a.min(b)
    }

    /// What is left of the colour in a grey print: the luma of Rec. 601, 0 (black) to 1 (white).
    pub fn grey(self) -> f64 {
        (0.299 * f64::from(self.0) + 0.587 * f64::from(self.1) + 0.114 * f64::from(self.2)) / 255.0
    }
}

/// A colour laid on what is below it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fill {
    /// The colour.
    pub colour: Colour,
    /// 0 (invisible) to 1 (opaque).
    pub opacity: f64,
}

impl From<Colour> for Fill {
    fn from(colour: Colour) -> Self {
        Self { colour, opacity: 1.0 }
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// The colour.
    pub colour: Colour,
    /// Width in points.
    pub width: f64,
    /// Lengths of dash, gap, dash, gap, ... in points; empty for a solid line.
    pub dash: &'static [f64],
}

impl Stroke {
    /// A solid line.
    pub const fn solid(colour: Colour, width: f64) -> Self {
        Self { colour, width, dash: &[] }
    }
}

/// Which end of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins there.
    Start,
    /// The text is centred there.
    Middle,
    /// The text ends there.
    End,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The anchor's place on the baseline.
    pub at: Point,
    /// The characters, unescaped; on a canvas without any that a document cannot hold.
    pub text: String,
    /// Size of the em in points.
    pub size: f64,
    /// Regular or bold.
    pub weight: Weight,
    /// The colour.
    pub colour: Colour,
    /// Which end is at `at`.
    pub anchor: Anchor,
    /// Turned by a quarter against the clock, as the title of a y axis is.
    pub rotated: bool,
    /// A white ground, not quite opaque, that keeps the text readable where it crosses lines.
    pub ground: bool,
}

impl Text {
    /// Regular text that begins at `at`.
    pub fn new(text: impl Into<String>, at: Point, size: f64, colour: Colour) -> Self {
        Self {
            at,
            text: text.into(),
            size,
            weight: Weight::Regular,
            colour,
            anchor: Anchor::Start,
            rotated: false,
            ground: false,
        }
    }

    /// Chooses which end is at the text's place.
    pub fn anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }

    /// Makes it bold.
    pub fn bold(mut self) -> Self {
        self.weight = Weight::Bold;
        self
    }

    /// Turns it by a quarter against the clock.
    pub fn rotated(mut self) -> Self {
        self.rotated = true;
        self
    }

    /// Gives it a white ground.
    pub fn ground(mut self) -> Self {
        self.ground = true;
        self
    }

    /// Width in points.
    pub fn width(&self) -> f64 {
        font::width(&self.text, self.size, self.weight)
    }
}

/// One thing on the canvas.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// Outlines of one look.
    Shape {
        /// One or more paths; each point is finite.
        paths: Vec<Vec<Point>>,
        /// Whether each path returns to its first point.
        closed: bool,
        /// The inside; only of closed paths.
        fill: Option<Fill>,
        /// The line.
        stroke: Option<Stroke>,
    },
    /// A line of text.
    Text(Text),
    /// Everything up to the matching [`Mark::End`] belongs together.
    Begin(Tag),
    /// Ends a group.
    End,
    /// A place with numbers that a page can show: not visible.
    Hit {
        /// Where it is.
        at: Point,
        /// What it says.
        tag: Tag,
    },
}

/// What a page may know of a part of a drawing: `class` and `data-` attributes in SVG, nothing in other files.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// `line`, `key`, `point`, `cell` or `panel`.
    pub class: &'static str,
    /// Names without `data-`, and values, unescaped.
    pub data: Vec<(&'static str, String)>,
}

impl Tag {
    /// What belongs to one line: strokes, markers, its name. `line` is its name, the same in all panels and figures.
    pub fn line(line: &str) -> Self {
        Self { class: "line", data: vec![("line", line.to_owned())] }
    }

    /// A part that says something: `label`, facts apart by `; `.
    pub fn labelled(class: &'static str, label: impl Into<String>) -> Self {
        Self { class, data: vec![("label", label.into())] }
    }

    /// A part of the drawing that a narrow page can show by itself: its upper left corner, width and height in points.
    pub fn panel((x, y): Point, width: f64, height: f64) -> Self {
        let [x, y, width, height] = [x, y, width, height].map(|length| (super::svg::UNITS * length).round());
        Self { class: "panel", data: vec![("box", format!("{x} {y} {width} {height}"))] }
    }

    /// Adds an attribute.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.data.push((name, value.into()));
        self
    }
}

/// A sheet of a given size and the marks on it, in the order they are laid.
#[derive(Debug, Clone, PartialEq)]
pub struct Canvas {
    /// Width in points.
    pub width: f64,
    /// Height in points.
    pub height: f64,
    /// The marks, lowest first.
    pub marks: Vec<Mark>,
}

impl Canvas {
    /// An empty sheet.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, marks: Vec::new() }
    }

    /// Everything drawn up to the matching [`Canvas::end`] belongs together.
    pub fn begin(&mut self, tag: Tag) {
        self.marks.push(Mark::Begin(tag));
    }

    /// Ends a group.
    pub fn end(&mut self) {
        self.marks.push(Mark::End);
    }

    /// An open line through `points`; fewer than two points draw nothing.
    pub fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        if points.len() > 1 {
            self.marks.push(Mark::Shape { paths: vec![points], closed: false, fill: None, stroke: Some(stroke) });
        }
    }

    /// Closed outlines of one look.
    pub fn polygons(&mut self, paths: Vec<Vec<Point>>, fill: Option<Fill>, stroke: Option<Stroke>) {
        if !paths.is_empty() {
            self.marks.push(Mark::Shape { paths, closed: true, fill, stroke });
        }
    }

    /// A filled rectangle; corners in any order.
    pub fn rectangle(&mut self, (x0, y0): Point, (x1, y1): Point, fill: impl Into<Fill>) {
        self.polygons(vec![vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1)]], Some(fill.into()), None);
    }

    /// The characters of its texts that the shipped font lacks.
    pub fn foreign(&self) -> Foreign {
        let mut foreign = Foreign::default();
        for mark in &self.marks {
            if let Mark::Text(text) = mark {
                foreign.extend(&Foreign::of(&text.text, text.weight));
            }
        }
        foreign
    }

    /// A line of text.
    pub fn text(&mut self, text: Text) {
        if text.text.is_empty() {
            return;
        }
        let text = Text { text: plain(&text.text), ..text };
        if text.ground {
            let ((x, y), width) = (text.at, text.width());
            let left = match text.anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => -width / 2.0,
                Anchor::End => -width,
            };
            let (left, right) = (left - 1.0, left + width + 1.0);
            let (above, below) = (-0.85 * text.size, 0.3 * text.size);
            let white = Fill { colour: super::theme::WHITE, opacity: 0.75 };
            if text.rotated {
                self.rectangle((x + above, y - left), (x + below, y - right), white);
            } else {
                self.rectangle((x + left, y + above), (x + right, y + below), white);
            }
        }
        self.marks.push(Mark::Text(text));
    }
}

/// Text as a line that XML can hold: white space as spaces, what is forbidden by its code point, `[U+001B]`.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => out += &font::code_points([c].into_iter()),
            c => out.push(c),
        }
    }
    out
}

/// A disc as a polygon.
pub fn disc((x, y): Point, radius: f64, corners: u32) -> Vec<Point> {
    (0..corners)
        .map(|i| {
            let (sine, cosine) = (std::f64::consts::TAU * f64::from(i) / f64::from(corners)).sin_cos();
            (x + radius * cosine, y + radius * sine)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_half_way_to_white_is_lighter() {
        let blue = Colour(0, 0, 200);
        assert_eq!(blue.towards(Colour(255, 255, 255), 0.5), Colour(128, 128, 228));
        assert!(blue.grey() < blue.towards(Colour(255, 255, 255), 0.5).grey());
    }

    #[test]
    fn a_ground_lies_below_its_text_and_around_it() {
        let mut canvas = Canvas::new(60.0, 20.0);
        let text = Text::new("Hi\n", (50.0, 12.0), 8.0, Colour(0, 0, 0)).anchor(Anchor::End).ground();
        let left = 50.0 - Text::new("Hi ", (0.0, 0.0), 8.0, Colour(0, 0, 0)).width();
        canvas.text(text);
        let [Mark::Shape { paths, .. }, Mark::Text(text)] = &canvas.marks[..] else { panic!("{:?}", canvas.marks) };
        assert!(paths[0].iter().any(|(x, y)| *x < left && *y < 12.0) && paths[0].iter().any(|point| point.0 > 50.0));
        assert_eq!(text.text, "Hi ");
    }

    #[test]
    fn a_line_of_one_point_draws_nothing() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.line(vec![(1.0, 1.0)], Stroke::solid(Colour(0, 0, 0), 1.0));
        assert!(canvas.marks.is_empty());
    }
}
