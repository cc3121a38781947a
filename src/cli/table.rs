//! Tables for the terminal.

use std::fmt;

use comfy_table::CellAlignment;

use crate::error::printable;

/// A table whose cells may come from anywhere: what a terminal would obey is escaped before the columns are laid out.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// A table with a line below its heading and bars between its columns, as in Markdown.
    pub(crate) fn ruled<T: AsRef<str>>(heading: impl IntoIterator<Item = T>) -> Self {
        Self::new(comfy_table::presets::ASCII_MARKDOWN, heading)
    }

    /// A table of columns alone.
    pub(crate) fn plain<T: AsRef<str>>(heading: impl IntoIterator<Item = T>) -> Self {
        Self::new(comfy_table::presets::NOTHING, heading)
    }

    fn new<T: AsRef<str>>(preset: &str, heading: impl IntoIterator<Item = T>) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(preset);
        table.set_header(heading.into_iter().map(|cell| printable(cell.as_ref())));
        Self(table)
    }

    /// Adds a row.
    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.0.add_row(cells.into_iter().map(|cell| printable(cell.as_ref())));
    }

    /// Numbers to the right, names, which are in the first column, to the left.
    pub(crate) fn align(&mut self) {
        for column in self.0.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_shown() {
        let mut table = Table::ruled(["type", "n"]);
        table.row(["a\u{1b}\nb", "1"]);
        table.row(["c", "20"]);
        table.align();
        let expected =
            "| type          |  n |\n|---------------|----|\n| a\\u{1b}\\u{a}b |  1 |\n| c             | 20 |";
        assert_eq!(table.to_string(), expected);
    }
}
