//! A canvas as a PNG file, drawn by plotters.

use plotters::backend::BitMapBackend;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, DrawingBackend, DrawingErrorKind};

use super::canvas::Canvas;
use super::paint::paint;
use crate::{Error, Result};

/// A pixel of a bitmap is the average over a square of this many pixels in a row and in a column.
const FINE: usize = 4;

/// The canvas as a PNG file that says how large a pixel is.
///
/// # Errors
/// [`Error::Internal`] if plotters or the encoder fails.
pub fn png(canvas: &Canvas, pixels_per_point: f64) -> Result<Vec<u8>> {
    const POINTS_PER_METRE: f64 = 72.0 / 0.0254;
    let Bitmap { width, height, pixels } = bitmap(canvas, pixels_per_point)?;
    let failed = |error: png::EncodingError| Error::Internal(format!("cannot encode a PNG: {error}"));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Default);
    let density = (pixels_per_point * POINTS_PER_METRE).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: density, yppu: density, unit: png::Unit::Meter }));
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// Pixels, row by row from the top, three bytes each (red, green, blue).
struct Bitmap {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// Paints [`FINE`] times as large in memory (some 100 MB for a page's width) and averages: plotters puts letters and
/// edges on whole pixels.
fn bitmap(canvas: &Canvas, scale: f64) -> Result<Bitmap> {
    let (width, height) = (units(canvas.width, scale), units(canvas.height, scale));
    let fine = (width * FINE as u32, height * FINE as u32);
    let row = 3 * fine.0 as usize;
    let mut pixels = vec![0; row * fine.1 as usize];
    paint(canvas, &mut Broad(BitMapBackend::with_buffer(&mut pixels, fine)), scale * FINE as f64).map_err(failed)?;

    let mut averaged = Vec::with_capacity(3 * width as usize * height as usize);
    let mut sums = vec![0_usize; 3 * width as usize];
    for rows in pixels.chunks(row * FINE) {
        sums.fill(0);
        for row in rows.chunks(row) {
            for (sum, square) in sums.chunks_mut(3).zip(row.chunks(3 * FINE)) {
                for pixel in square.chunks(3) {
                    for (sum, value) in sum.iter_mut().zip(pixel) {
                        *sum += usize::from(*value);
                    }
                }
            }
        }
        averaged.extend(sums.iter().map(|sum| ((sum + FINE * FINE / 2) / (FINE * FINE)) as u8));
    }
    Ok(Bitmap { width, height, pixels: averaged })
}

/// A length in whole units, at least one.
fn units(points: f64, units: f64) -> u32 {
    (points * units).ceil().max(1.0) as u32
}

fn failed<E: std::error::Error + Send + Sync>(error: DrawingErrorKind<E>) -> Error {
    Error::Internal(format!("cannot draw a figure: {error}"))
}

/// Plotters' bitmap with lines as broad as they are.
///
/// Plotters outlines a broad line as one polygon and fills it; where the line is broader than its pieces are long the
/// outline crosses itself, and the fill has holes. Here each piece is filled by itself, with a disc at every bend.
struct Broad<'a>(BitMapBackend<'a>);

impl<'a> DrawingBackend for Broad<'a> {
    type ErrorType = <BitMapBackend<'a> as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.0.get_size()
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        self.0.ensure_prepared()
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        self.0.present()
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        self.0.draw_pixel(at, colour)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        self.0.draw_line(from, to, style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        self.0.draw_rect(upper_left, bottom_right, style, fill)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        // A filled polygon includes the pixels at both of its edges.
        let half = f64::from(style.stroke_width().saturating_sub(1)) / 2.0;
        let mut before: Option<BackendCoord> = None;
        for (i, end) in path.into_iter().enumerate() {
            let Some(start) = before.replace(end) else { continue };
            let (along_x, along_y) = (f64::from(end.0 - start.0), f64::from(end.1 - start.1));
            let length = along_x.hypot(along_y);
            if length == 0.0 {
                continue;
            }
            let (across_x, across_y) = (-along_y / length * half, along_x / length * half);
            let corner = |(x, y): BackendCoord, side: f64| {
                ((f64::from(x) + side * across_x).round() as i32, (f64::from(y) + side * across_y).round() as i32)
            };
            let corners = [corner(start, 1.0), corner(end, 1.0), corner(end, -1.0), corner(start, -1.0)];
            self.0.fill_polygon(corners, &style.color())?;
            if i > 1 {
                self.0.draw_circle(start, half.round() as u32, &style.color(), true)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::canvas::{Colour, Fill, Stroke, Text};

    const BLACK: Colour = Colour(0, 0, 0);

    fn pixel(bitmap: &Bitmap, x: usize, y: usize) -> [u8; 3] {
        let start = 3 * (y * bitmap.width as usize + x);
        [bitmap.pixels[start], bitmap.pixels[start + 1], bitmap.pixels[start + 2]]
    }

    fn grey(canvas: &Canvas, x: usize, y: usize) -> u8 {
        pixel(&bitmap(canvas, 4.0).expect("a bitmap"), x, y)[0]
    }

    #[test]
    fn a_rectangle_covers_its_pixels_and_a_part_of_those_it_cuts() {
        let mut canvas = Canvas::new(4.0, 4.0);
        canvas.rectangle((1.0, 1.0), (2.625, 3.0), BLACK);
        assert_eq!(grey(&canvas, 2, 6), 255);
        assert_eq!(grey(&canvas, 6, 6), 0);
        assert!((40..=160).contains(&grey(&canvas, 10, 6)));
        assert_eq!(grey(&canvas, 12, 6), 255);
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut canvas = Canvas::new(4.0, 4.0);
        canvas.rectangle((-9.0, -9.0), (99.0, 99.0), Colour(10, 20, 30));
        let bitmap = bitmap(&canvas, 2.0).expect("a bitmap");
        assert!(bitmap.pixels.chunks(3).all(|pixel| pixel == [10, 20, 30]));
    }

    #[test]
    fn a_translucent_area_lets_the_paper_through_evenly() {
        let mut canvas = Canvas::new(10.0, 10.0);
        let steps = vec![(1.0, 9.0), (1.0, 4.0), (5.0, 4.0), (5.0, 2.0), (9.0, 2.0), (9.0, 9.0)];
        canvas.polygons(vec![steps], Some(Fill { colour: BLACK, opacity: 0.5 }), None);
        let bitmap = bitmap(&canvas, 4.0).expect("a bitmap");
        for x in 5..35 {
            assert!((126..=129).contains(&pixel(&bitmap, x, 24)[0]), "{x}");
        }
    }

    #[test]
    fn a_broad_line_of_short_pieces_has_no_holes() {
        let mut canvas = Canvas::new(10.0, 10.0);
        let zigzag = (0..60).map(|i| (2.0 + f64::from(i) * 0.1, if i % 2 == 0 { 5.0 } else { 5.3 })).collect();
        canvas.line(zigzag, Stroke::solid(BLACK, 2.0));
        let bitmap = bitmap(&canvas, 4.0).expect("a bitmap");
        assert!((9..30).all(|x| pixel(&bitmap, x, 20) == [0, 0, 0]));
    }

    #[test]
    fn letters_leave_ink_in_both_directions() {
        for rotated in [false, true] {
            let mut canvas = Canvas::new(24.0, 24.0);
            let text = Text::new("Hi", (10.0, 14.0), 10.0, BLACK);
            canvas.text(if rotated { text.rotated() } else { text });
            let bitmap = bitmap(&canvas, 2.0).expect("a bitmap");
            let inked: Vec<(usize, usize)> = (0..48)
                .flat_map(|y| (0..48).map(move |x| (x, y)))
                .filter(|&(x, y)| pixel(&bitmap, x, y)[0] < 64)
                .collect();
            assert!((30..400).contains(&inked.len()), "{} dark pixels", inked.len());
            // Right of and above the place, or above and left of it.
            let (left, right) = if rotated { (5, 20) } else { (20, 40) };
            let (top, bottom) = if rotated { (8, 28) } else { (13, 28) };
            assert!(inked.iter().all(|(x, y)| (left..=right).contains(x) && (top..=bottom).contains(y)), "{inked:?}");
        }
    }
}
