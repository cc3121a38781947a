//! A figure's sheet: title and subtitle above, a legend where lines cannot be labelled, and the files it ends up in.

use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;

use super::canvas::{Canvas, Mark, Stroke, Tag, Text};
use super::font::{self, Foreign, Weight};
use super::panel::{Area, Marker, draw_marker};
use super::theme::{INK, LABEL_SIZE, SOFT_INK, Style, TITLE_SIZE};
use super::{bitmap, pdf, svg, table};
use crate::Result;
use crate::error::Error;
use crate::files::write_atomically;

/// Pixels a point in the PNG: 4 make 288 to the inch.
const PIXELS_PER_POINT: f64 = 4.0;

/// What a drawn figure says about itself and where its files are.
#[derive(Debug, Clone, PartialEq)]
pub struct FigureFiles {
    /// The title, as drawn.
    pub title: String,
    /// What is shown, what bands and markers mean: to stand below the figure.
    pub caption: String,
    /// What a reader who does not see the figure should know: its main numbers.
    pub alt: String,
    /// Vector graphics.
    pub svg: PathBuf,
    /// Bitmap, 288 pixels to the inch at the printed width.
    pub png: PathBuf,
    /// Vector graphics for papers, if they were asked for.
    pub pdf: Option<PathBuf>,
    /// The numbers it was drawn from: the main table first.
    pub csv: Vec<PathBuf>,
    /// The characters in it that the shipped font lacks.
    pub foreign: Foreign,
}

/// What a figure says in words.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Words {
    /// Names the finding's subject.
    pub title: String,
    /// Stands below the figure.
    pub caption: String,
    /// For those who do not see it.
    pub alt: String,
}

/// A figure being drawn from top to bottom.
pub struct Sheet {
    /// What is drawn so far; as high as what was taken.
    pub canvas: Canvas,
    words: Words,
    has_pdf: bool,
}

/// Empty rim of a sheet, points.
pub(super) const MARGIN: f64 = 6.0;

/// One entry of a legend.
pub struct LegendEntry {
    /// What it is called.
    pub text: String,
    /// Its line, if it has one.
    pub stroke: Option<Stroke>,
    /// Its marker with colour, if it has one.
    pub marker: Option<(Marker, super::canvas::Colour)>,
    /// Whether it names a line, and not what a marker means.
    pub is_line: bool,
}

impl Sheet {
    /// A sheet with its title and subtitle.
    pub fn new(words: Words, style: &Style) -> Self {
        let mut subtitle = style.subtitle.clone();
        if style.synthetic {
            if !subtitle.is_empty() {
                subtitle.push_str(" · ");
            }
            subtitle.push_str("synthetic data");
        }
        let width = style.print.width.points();
        let mut sheet = Self { canvas: Canvas::new(width, 2.0 * MARGIN), words, has_pdf: style.print.pdf };
        if !style.print.title {
            if !subtitle.is_empty() {
                sheet.words.caption = format!("{} ({subtitle}).", sheet.words.caption.trim_end_matches('.'));
            }
            // Headings of panels have room above them.
            sheet.canvas.height = MARGIN;
            return sheet;
        }
        for line in font::wrap(&sheet.words.title, TITLE_SIZE, Weight::Bold, width - 2.0 * MARGIN) {
            let row = sheet.take(12.0);
            sheet.canvas.text(Text::new(line, (row.x, row.y + 9.0), TITLE_SIZE, INK).bold());
        }
        for line in font::wrap(&subtitle, LABEL_SIZE, Weight::Regular, width - 2.0 * MARGIN) {
            let row = sheet.take(10.0);
            sheet.canvas.text(Text::new(line, (row.x, row.y + 7.5), LABEL_SIZE, SOFT_INK));
        }
        sheet.take(3.0);
        sheet
    }

    /// The next `height` points of the sheet over its whole width; the sheet grows by as much.
    pub fn take(&mut self, height: f64) -> Area {
        let area = Area { x: MARGIN, y: self.canvas.height - MARGIN, width: self.canvas.width - 2.0 * MARGIN, height };
        self.canvas.height += height;
        area
    }

    /// Writes a legend below what there is, in as many rows as it needs; `heading` says what the entries are.
    pub fn legend(&mut self, heading: &str, entries: &[LegendEntry]) {
        const ROW: f64 = 10.5;
        const SAMPLE: f64 = 18.0;
        let mut row = self.take(ROW);
        let mut x = row.x;
        let (top, first) = (row.y, self.canvas.marks.len());
        if !heading.is_empty() {
            let text = Text::new(heading, (x, row.y + ROW / 2.0 + LABEL_SIZE * 0.35), LABEL_SIZE, SOFT_INK);
            x += text.width() + 8.0;
            self.canvas.text(text);
        }
        for entry in entries {
            let sample = match (entry.stroke, entry.marker) {
                (Some(_), _) => SAMPLE,
                (None, Some(_)) => 7.0,
                (None, None) => 0.0,
            };
            let width = sample + 3.5 + font::width(&entry.text, LABEL_SIZE, Weight::Regular);
            if x + width > row.x + row.width && x > row.x {
                row = self.take(ROW);
                x = row.x;
            }
            let y = row.y + ROW / 2.0;
            if entry.is_line {
                self.canvas.begin(Tag { class: "key", data: vec![("line", entry.text.clone())] });
            }
            if let Some(stroke) = entry.stroke {
                self.canvas.line(vec![(x, y), (x + sample, y)], stroke);
            }
            if let Some((marker, colour)) = entry.marker {
                // An arrow stays in its row.
                let aside = match marker {
                    Marker::AtLeast => 3.0,
                    Marker::AtMost => -3.0,
                    _ => 0.0,
                };
                draw_marker(&mut self.canvas, (x + sample / 2.0, y + aside), marker, 2.2, colour);
            }
            let place = (x + sample + 3.5, y + LABEL_SIZE * 0.35);
            self.canvas.text(Text::new(&entry.text, place, LABEL_SIZE, INK));
            if entry.is_line {
                self.canvas.end();
            }
            x += width + 12.0;
        }
        let height = row.y + row.height - top;
        self.canvas.marks.insert(first, Mark::Begin(Tag::panel((row.x, top), row.width, height)));
        self.canvas.end();
    }

    /// Writes `STEM.svg`, `STEM.png`, `STEM.pdf` if the style asks for it, and the first table as `STEM.csv`, the others as `STEM-NAME.csv`.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be written.
    pub fn save(self, stem: &Path, tables: &[(&str, &DataFrame)]) -> Result<FigureFiles> {
        let svg_path = with_suffix(stem, ".svg");
        let png_path = with_suffix(stem, ".png");
        write_bytes(&svg_path, svg::svg(&self.canvas, &self.words.title, &self.words.alt).as_bytes())?;
        write_bytes(&png_path, &bitmap::png(&self.canvas, PIXELS_PER_POINT)?)?;
        let pdf_path = self.has_pdf.then(|| with_suffix(stem, ".pdf"));
        if let Some(path) = &pdf_path {
            write_bytes(path, &pdf::pdf(&self.canvas, &self.words.title)?)?;
        }
        let mut csv = Vec::new();
        for (i, (name, frame)) in tables.iter().enumerate() {
            let path = with_suffix(stem, &if i == 0 { ".csv".to_owned() } else { format!("-{name}.csv") });
            write_bytes(&path, &table::to_csv(frame)?)?;
            csv.push(path);
        }
        let foreign = self.canvas.foreign();
        let Words { title, caption, alt } = self.words;
        Ok(FigureFiles { title, caption, alt, svg: svg_path, png: png_path, pdf: pdf_path, csv, foreign })
    }
}

/// The path with `suffix` behind its last part; a dot in the stem stays (`noise0.3` → `noise0.3.svg`).
pub fn with_suffix(stem: &Path, suffix: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    write_atomically(path, |file| file.write_all(bytes).map_err(Error::io(path)))
}
