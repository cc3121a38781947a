//! A canvas as a bitmap.
//!
//! Everything is an area: a line is the union of its pieces, each a thin rectangle, with a small disc at every bend,
//! and a text is its letters' outlines. `ab_glyph_rasterizer` says how much of each pixel an area covers, exactly, so
//! edges are smooth without painting larger and shrinking. Areas that overlap within one mark add up to at most full
//! cover, which is what a union looks like, provided that they turn the same way, which is seen to.

use ab_glyph_rasterizer::{Rasterizer, point};

use super::canvas::{Anchor, Canvas, Colour, Mark, Point, Stroke, Text};
use super::font;

/// Pixels, row by row from the top, three bytes each (red, green, blue).
pub struct Bitmap {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `3 * width * height` bytes.
    pub pixels: Vec<u8>,
}

/// Paints a canvas on white, `scale` pixels a point.
pub fn render(canvas: &Canvas, scale: f64) -> Bitmap {
    let width = (canvas.width * scale).ceil().max(1.0) as u32;
    let height = (canvas.height * scale).ceil().max(1.0) as u32;
    let mut bitmap = Bitmap { width, height, pixels: vec![255; 3 * width as usize * height as usize] };
    for mark in &canvas.marks {
        match mark {
            Mark::Shape { paths, closed, fill, stroke } => {
                if let (Some(fill), true) = (fill, *closed) {
                    let mut area = Area::default();
                    for path in paths {
                        area.add(path);
                    }
                    bitmap.paint(&area, scale, fill.colour, fill.opacity);
                }
                if let Some(stroke) = stroke {
                    let mut area = Area::default();
                    for path in paths {
                        area.add_stroke(path, *closed, stroke);
                    }
                    bitmap.paint(&area, scale, stroke.colour, 1.0);
                }
            }
            Mark::Text(text) => bitmap.paint_text(text, scale),
        }
    }
    bitmap
}

/// Closed outlines that are painted together.
#[derive(Default)]
struct Area {
    outlines: Vec<Vec<Point>>,
}

impl Area {
    /// Adds a closed outline, turned clockwise whichever way it came.
    fn add(&mut self, outline: &[Point]) {
        let mut outline = outline.to_vec();
        let twice_area: f64 = (0..outline.len())
            .map(|i| {
                let ((x0, y0), (x1, y1)) = (outline[i], outline[(i + 1) % outline.len()]);
                x0 * y1 - x1 * y0
            })
            .sum();
        if twice_area < 0.0 {
            outline.reverse();
        }
        self.outlines.push(outline);
    }

    /// Adds what a pen of the stroke's width covers.
    fn add_stroke(&mut self, path: &[Point], closed: bool, stroke: &Stroke) {
        let mut path = path.to_vec();
        if let (true, Some(first)) = (closed, path.first()) {
            path.push(*first);
        }
        let half = stroke.width / 2.0;
        for piece in dashes(&path, stroke.dash) {
            for (i, pair) in piece.windows(2).enumerate() {
                let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
                let length = (x1 - x0).hypot(y1 - y0);
                if length == 0.0 {
                    continue;
                }
                let (across_x, across_y) = (-(y1 - y0) / length * half, (x1 - x0) / length * half);
                self.add(&[
                    (x0 + across_x, y0 + across_y),
                    (x1 + across_x, y1 + across_y),
                    (x1 - across_x, y1 - across_y),
                    (x0 - across_x, y0 - across_y),
                ]);
                let bends = i > 0 || (closed && stroke.dash.is_empty());
                if bends {
                    self.add(&disc((x0, y0), half, 12));
                }
            }
        }
    }
}

/// The pieces of a path that a dash pattern leaves; the whole path if the pattern is empty.
fn dashes(path: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    if pattern.iter().sum::<f64>() <= 0.0 {
        return vec![path.to_vec()];
    }
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    let (mut turn, mut left) = (0, pattern[0]);
    let mut piece: Vec<Point> = path.first().copied().into_iter().collect();
    for pair in path.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let cut = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length);
            if turn % 2 == 0 {
                piece.push(cut);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![cut];
            }
            turn += 1;
            left = pattern[turn % pattern.len()].max(1e-3);
        }
        left -= length - done;
        if turn % 2 == 0 {
            piece.push((x1, y1));
        }
    }
    if turn % 2 == 0 {
        pieces.push(piece);
    }
    pieces
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

impl Bitmap {
    fn paint_text(&mut self, text: &Text, scale: f64) {
        let shift = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -text.width() / 2.0,
            Anchor::End => -text.width(),
        };
        let place = |(x, y): Point| {
            let (along, across) = (x + shift, y);
            if text.rotated { (text.at.0 + across, text.at.1 - along) } else { (text.at.0 + along, text.at.1 + across) }
        };
        // Holes turn the other way than letters do: these outlines are taken as they are.
        let outlines: Vec<Vec<Point>> = font::outlines(&text.text, text.size, text.weight)
            .into_iter()
            .map(|contour| contour.into_iter().map(place).collect())
            .collect();
        if text.halo {
            let white = Colour(255, 255, 255);
            let mut rim = Area::default();
            for outline in &outlines {
                rim.add_stroke(outline, true, &Stroke::solid(white, 2.0));
            }
            self.paint(&rim, scale, white, 1.0);
        }
        self.paint(&Area { outlines }, scale, text.colour, 1.0);
    }

    fn paint(&mut self, area: &Area, scale: f64, colour: Colour, opacity: f64) {
        let clamp = |value: f64, limit: u32| (value * scale).clamp(0.0, f64::from(limit));
        let mut low = (f64::from(self.width), f64::from(self.height));
        let mut high = (0.0_f64, 0.0_f64);
        for (x, y) in area.outlines.iter().flatten() {
            let (x, y) = (clamp(*x, self.width), clamp(*y, self.height));
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        let (left, top) = (low.0.floor() as u32, low.1.floor() as u32);
        let (right, bottom) = (high.0.ceil() as u32, high.1.ceil() as u32);
        if left >= right || top >= bottom {
            return;
        }
        // One column more than is painted takes what rounding leaves over at the right edge.
        let mut rasterizer = Rasterizer::new((right - left + 1) as usize, (bottom - top) as usize);
        for outline in &area.outlines {
            let place = |(x, y): Point| {
                point((clamp(x, self.width) - f64::from(left)) as f32, (clamp(y, self.height) - f64::from(top)) as f32)
            };
            for i in 0..outline.len() {
                rasterizer.draw_line(place(outline[i]), place(outline[(i + 1) % outline.len()]));
            }
        }
        let Colour(red, green, blue) = colour;
        rasterizer.for_each_pixel_2d(|x, y, cover| {
            let (x, y) = (x + left, y + top);
            let share = cover.min(1.0) * opacity as f32;
            if share < 1.0 / 512.0 || x >= self.width {
                return;
            }
            let start = 3 * (y as usize * self.width as usize + x as usize);
            for (pixel, ink) in self.pixels[start..start + 3].iter_mut().zip([red, green, blue]) {
                *pixel = (f32::from(*pixel) * (1.0 - share) + f32::from(ink) * share).round() as u8;
            }
        });
    }

    /// The bitmap as a PNG file that says how large a pixel is.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] if the encoder refuses, which it does for an empty bitmap only.
    pub fn to_png(&self, pixels_per_point: f64) -> crate::Result<Vec<u8>> {
        const POINTS_PER_METRE: f64 = 72.0 / 0.0254;
        let failed = |error: png::EncodingError| crate::Error::Internal(format!("cannot encode a PNG: {error}"));
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Default);
        let density = (pixels_per_point * POINTS_PER_METRE).round() as u32;
        encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: density, yppu: density, unit: png::Unit::Meter }));
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&self.pixels).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(bitmap: &Bitmap, x: usize, y: usize) -> [u8; 3] {
        let start = 3 * (y * bitmap.width as usize + x);
        [bitmap.pixels[start], bitmap.pixels[start + 1], bitmap.pixels[start + 2]]
    }

    #[test]
    fn a_rectangle_covers_its_pixels_and_half_of_those_it_cuts() {
        let mut canvas = Canvas::new(4.0, 4.0);
        canvas.rectangle((1.0, 1.0), (2.5, 3.0), Colour(0, 0, 0));
        let bitmap = render(&canvas, 1.0);
        assert_eq!(pixel(&bitmap, 0, 0), [255, 255, 255]);
        assert_eq!(pixel(&bitmap, 1, 1), [0, 0, 0]);
        assert_eq!(pixel(&bitmap, 2, 2), [128, 128, 128]);
        assert_eq!(pixel(&bitmap, 3, 2), [255, 255, 255]);
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut canvas = Canvas::new(4.0, 4.0);
        canvas.rectangle((-9.0, -9.0), (99.0, 99.0), Colour(10, 20, 30));
        let bitmap = render(&canvas, 2.0);
        assert!(bitmap.pixels.chunks(3).all(|p| p == [10, 20, 30]));
    }

    #[test]
    fn dashes_leave_the_gaps_out() {
        let pieces = dashes(&[(0.0, 0.0), (10.0, 0.0)], &[3.0, 2.0]);
        assert_eq!(pieces, vec![vec![(0.0, 0.0), (3.0, 0.0)], vec![(5.0, 0.0), (8.0, 0.0)]]);
    }

    #[test]
    fn overlapping_pieces_of_one_translucent_line_are_not_darker() {
        let mut canvas = Canvas::new(10.0, 10.0);
        let square = vec![(2.0, 2.0), (8.0, 2.0), (8.0, 8.0), (2.0, 8.0)];
        let grey = crate::figures::canvas::Fill { colour: Colour(0, 0, 0), opacity: 0.5 };
        canvas.polygons(vec![square.clone(), square.into_iter().rev().collect()], Some(grey), None);
        assert_eq!(pixel(&render(&canvas, 1.0), 5, 5), [128, 128, 128]);
    }

    #[test]
    fn text_leaves_ink() {
        let mut canvas = Canvas::new(30.0, 12.0);
        canvas.text(Text::new("Hi", (2.0, 10.0), 10.0, Colour(0, 0, 0)));
        let dark = render(&canvas, 2.0).pixels.chunks(3).filter(|p| p[0] < 64).count();
        assert!((30..400).contains(&dark), "{dark} dark pixels");
    }
}
