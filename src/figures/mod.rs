//! Figures: one file each, drawn from frames alone, all in one look.
//!
//! Every `draw` function takes frames with the columns it names and a stem, and writes files beside each other: SVG for the web,
//! PNG for everything else, PDF for papers if that is asked for, and CSV with the numbers that were drawn. What is in the
//! picture is in the table. The same frames give the same bytes.
//!
//! How a figure comes about:
//!
//! * [`panels`] is the layout of all figures of lines: a figure declares its axes, lines and panels, and is drawn from one
//!   long frame, averaged over seeds, with the [`phases`] of a training below;
//! * [`columns`] reads frames, [`scale`] finds axes, [`panel`] draws them; [`place`] keeps labels apart; [`theme`] has every
//!   size and colour;
//! * all of these put marks on a [`canvas`], which [`svg`], [`pdf`] and [`bitmap`] turn into files; [`sheet`] holds it
//!   together.
//!
//! Layout is ours, for figures of a paper need what chart libraries do not have: exact widths in centimetres, labels at the
//! ends of lines that do not touch, axes with a zero below a logarithmic part, panels that share a legend, parts that a page
//! can name. A canvas has outlines and lines of text alone, so that SVG and PDF are written as they are; bitmaps are drawn by
//! plotters (0.3), which places things on whole pixels: they are painted sixteen times as large in area and averaged, which
//! makes edges smooth. Three things its backend cannot do are done before it is called ([`paint`]): dashes are cut, letters keep
//! the space to their left, and broad lines are filled piece by piece.
//!
//! A frame without rows, or a column of nulls, is not an error: the panel says "no data". A missing column is one.

pub mod bitmap;
pub mod canvas;
mod cells;
pub mod columns;
pub mod data_map;
pub mod font;
pub mod forgetting_events;
pub mod forgetting_overlap;
pub mod noise_detection;
pub mod paint;
pub mod panel;
pub mod panels;
pub mod pdf;
pub mod phases;
pub mod place;
pub mod scale;
pub mod sheet;
pub mod svg;
pub mod table;
pub mod theme;

pub use font::Foreign;
pub use sheet::{FigureFiles, Sheet, Words, with_suffix};
pub use theme::{Print, Style, Width};
