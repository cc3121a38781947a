//! Figures: one file each, drawn from frames alone, all in one look.
//!
//! Every `draw` function takes frames with the columns it names and a stem, and writes three kinds of file beside each
//! other: SVG for the web and for papers, PNG for everything else, and CSV with the numbers that were drawn. What is
//! in the picture is in the table. The same frames give the same bytes.
//!
//! How a figure comes about:
//!
//! * [`columns`] and [`series`] turn a frame into lines, averaged over seeds;
//! * [`scale`] finds axes, [`panel`] draws them, [`levels`] draws one line for each noise level in panels side by side
//!   with the [`phases`] on them; [`place`] keeps labels apart; [`theme`] has every size and colour;
//! * all of these put marks on a [`canvas`], which [`svg`] and [`raster`] write; [`sheet`] holds it together.
//!
//! Why not a plotting library: figures for a paper need exact widths in centimetres, labels at the ends of lines that
//! do not touch, axes with a zero below a logarithmic part, the same geometry in SVG and PNG, and smooth edges. With
//! a glyph rasteriser, which paints any outline with exact cover, that is a few hundred lines and seven crates fewer
//! than with plotters, whose bitmaps have whole-pixel text and no smooth areas.
//!
//! A frame without rows, or a column of nulls, is not an error: the panel says "no data". A missing column is one.

pub mod canvas;
pub mod columns;
pub mod data_map;
pub mod detection_by_epoch;
pub mod first_learning;
pub mod font;
pub mod learning_curves;
pub mod levels;
pub mod noise_detection;
pub mod noisy_accuracy;
pub mod panel;
pub mod phases;
pub mod place;
pub mod raster;
pub mod scale;
pub mod series;
pub mod sheet;
pub mod svg;
pub mod table;
pub mod theme;

pub use sheet::{FigureFiles, Sheet, Words, with_suffix};
pub use theme::{Style, Width};
