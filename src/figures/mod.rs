//! Figures: one file each, drawn from frames alone, all in one look.
//!
//! Every `draw` function takes frames with the columns it names and a stem, and writes three kinds of file beside each
//! other: SVG for the web and for papers, PNG for everything else, and CSV with the numbers that were drawn. What is
//! in the picture is in the table. The same frames give the same bytes.
//!
//! How a figure comes about:
//!
//! * [`panels`] is the layout of all figures of lines: a figure declares its axes, lines and panels, and is drawn from one
//!   long frame, averaged over seeds, with the [`phases`] of a training below;
//! * [`columns`] reads frames, [`scale`] finds axes, [`panel`] draws them; [`place`] keeps labels apart; [`theme`] has every
//!   size and colour;
//! * all of these put marks on a [`canvas`], which [`paint`] hands to plotters; [`files`] says what comes of it, and
//!   [`sheet`] holds it together.
//!
//! Drawing is plotters' part (0.3): its backends write every mark, into a document or a bitmap. Layout is ours, for
//! figures of a paper need what its charts do not have: exact widths in centimetres, labels at the ends of lines that
//! do not touch, axes with a zero below a logarithmic part, panels that share a legend. Plotters places things on
//! whole units, so it is given fine ones: a drawing has a hundred to the point, and a bitmap is painted sixteen times
//! as large in area and averaged, which makes its edges smooth. Three things the backends cannot do are done before
//! they are called: dashes are cut, letters keep the space to their left, and broad lines are filled piece by piece.
//!
//! A frame without rows, or a column of nulls, is not an error: the panel says "no data". A missing column is one.

pub mod canvas;
mod cells;
pub mod class_curves;
pub mod class_learning;
pub mod class_sizes;
pub mod columns;
pub mod data_map;
pub mod detection_by_epoch;
pub mod encoder_curves;
pub mod encoder_measures;
pub mod files;
pub mod first_learning;
pub mod font;
pub mod forgetting_events;
pub mod forgetting_overlap;
pub mod heat_map;
pub mod learning_curves;
pub mod noise_detection;
pub mod noisy_accuracy;
pub mod paint;
pub mod panel;
pub mod panels;
pub mod phases;
pub mod place;
pub mod pretraining;
pub mod scale;
pub mod sheet;
pub mod table;
pub mod theme;

pub use font::Foreign;
pub use sheet::{FigureFiles, Sheet, Words, with_suffix};
pub use theme::{Style, Width};
