//! The report of a study: figures and tables on one page, and the same in other formats.
//!
//! [`render`] writes into a folder
//!
//! * `index.html`: one file that holds everything, figures inline; opens without a network, shows the numbers of marks, lets lines
//!   be singled out and epochs be chosen, sorts its tables, prints;
//! * `report.md`: the same for a code host, with links to the figures' bitmaps;
//! * `tables/NAME.csv` with every digit, and `tables/NAME.tex` with the digits shown (package booktabs), no wider than
//!   the column or page of a two-column paper.
//!
//! One module a format: `page` (HTML), `markdown`, `latex`, `csv`. Words come from data sets, and a token may be
//! `<script>`, `|` or a line break: each format escapes every string it did not write itself.
//!
//! Nothing of the clock or the machine gets in: the same study gives the same bytes.

mod aggregate;
mod csv;
mod format;
mod interactive;
mod latex;
mod markdown;
mod page;
mod table;

use std::io::Write as _;
use std::path::{Path, PathBuf};

pub use aggregate::mean_over_seeds;
pub use format::Format;
pub use interactive::{DataMap, Example, Interactive, LossHistogram, Sample, View};
pub use markdown::table as markdown_table;
pub use table::{Cell, Column, Table};

use crate::Result;
use crate::dynamics::CsvText;
use crate::error::Error;
use crate::figures::{FigureFiles, Foreign, with_suffix};
use crate::files::text;
use crate::files::write_atomically;

/// A figure in a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Stands above it.
    pub title: String,
    /// Stands below it.
    pub caption: String,
    /// Said to those who do not see it.
    pub alt: String,
    /// Path of its files without ending, below the report's folder: `figures/learning-curves`.
    pub stem: PathBuf,
    /// The characters in it that the shipped font lacks.
    pub foreign: Foreign,
    /// The tokens behind its marks, for the page's reader to list; embedded only if [`StudyReport::embed_text`] is set.
    pub samples: Vec<Sample>,
}

impl Figure {
    /// The figure whose files were written with `figures/NAME` as stem in the report's folder.
    pub fn new(files: &FigureFiles, stem: impl Into<PathBuf>) -> Self {
        Self {
            title: files.title.clone(),
            caption: files.caption.clone(),
            alt: files.alt.clone(),
            stem: stem.into(),
            foreign: files.foreign.clone(),
            samples: Vec::new(),
        }
    }
}

/// Everything a report shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StudyReport {
    /// Stands on top: `Noise sweep: CoNLL03, bert-tiny`.
    pub title: String,
    /// What was found, from the numbers: three to six sentences, shown as a list.
    pub findings: Vec<String>,
    /// The corpus was generated: said under the title.
    pub synthetic: bool,
    /// In the order they are shown.
    pub figures: Vec<Figure>,
    /// In the order they are shown: results, realised noise rates, runs.
    pub tables: Vec<Table>,
    /// Views with an epoch slider, in the order they are shown; on the HTML page alone.
    pub interactive: Vec<Interactive>,
    /// Whether the page holds text of the corpus: [`Figure::samples`] and the examples of [`Interactive`] views. Many corpora may
    /// not be passed on, so that this is for the user to say.
    pub embed_text: bool,
    /// The resolved configuration as TOML.
    pub configuration: String,
}

impl StudyReport {
    /// The characters in its figures that the shipped font lacks.
    pub fn foreign(&self) -> Foreign {
        let mut foreign = Foreign::default();
        self.figures.iter().for_each(|figure| foreign.extend(&figure.foreign));
        foreign
    }
}

/// What a report says where the corpus is synthetic.
pub const SYNTHETIC_NOTE: &str = "The corpus is synthetic: generated from templates, not written by people. \
                                  Numbers show the method, not a language.";

/// Writes the report into the folder `out`, where the figures' files are already; CSV files have their text written as
/// `text` says.
///
/// # Errors
/// [`Error::Io`] if a figure cannot be read or a file cannot be written; [`Error::Internal`] if two tables have one
/// name.
pub fn render(study: &StudyReport, out: &Path, text: CsvText) -> Result<()> {
    for (i, table) in study.tables.iter().enumerate() {
        if study.tables[..i].iter().any(|other| other.name == table.name) {
            return Err(Error::Internal(format!("two tables of the report are named `{}`", table.name)));
        }
    }
    let mut drawings = Vec::new();
    for figure in &study.figures {
        let path = out.join(with_suffix(&figure.stem, ".svg"));
        drawings.push(text::read(&path, Error::Data)?);
    }
    for table in &study.tables {
        let folder = out.join("tables");
        write(&folder.join(format!("{}.csv", table.name)), &csv::table(table, text)?)?;
        write(&folder.join(format!("{}.tex", table.name)), &latex::table(table))?;
    }
    let earlier = earlier_files(out);
    // The page last: where there is one, what it links to is there.
    write(&out.join("report.md"), &markdown::page(study))?;
    write(&out.join("index.html"), &page::page(study, &drawings)?)?;
    remove_stale(study, out, earlier)
}

/// The files of the report that stands in a folder, as its `report.md` names them: stems in `figures` and in `tables`.
fn earlier_files(out: &Path) -> [Vec<String>; 2] {
    let page = fs_err::read_to_string(out.join("report.md")).unwrap_or_default();
    let named = |folder: &str, end: &str| {
        let opening = format!("]({folder}/");
        let stems = page.split(&opening).skip(1).filter_map(|rest| rest.split_once(')')?.0.strip_suffix(end));
        stems.filter(|stem| !stem.contains('/')).map(str::to_owned).collect()
    };
    [named("figures", ".png"), named("tables", ".csv")]
}

/// Removes what an earlier report wrote and this one does not have: a report depends on its runs alone. Other files stay.
///
/// # Errors
/// [`Error::Io`] if a file cannot be removed.
fn remove_stale(study: &StudyReport, out: &Path, [figures, tables]: [Vec<String>; 2]) -> Result<()> {
    let is_figure = |stem: &String| study.figures.iter().any(|figure| figure.stem.ends_with(stem));
    let is_table = |stem: &String| study.tables.iter().any(|table| table.name == *stem);
    let stale_figures = figures.iter().filter(|stem| !is_figure(stem)).map(|stem| ("figures", stem));
    let stale_tables = tables.iter().filter(|stem| !is_table(stem)).map(|stem| ("tables", stem));
    for (folder, stem) in stale_figures.chain(stale_tables) {
        for end in ["svg", "png", "pdf", "csv", "tex"] {
            let path = out.join(folder).join(format!("{stem}.{end}"));
            if path.is_file() {
                fs_err::remove_file(&path).map_err(Error::io(&path))?;
            }
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, |file| file.write_all(text.as_bytes()).map_err(Error::io(path)))
}
