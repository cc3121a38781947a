//! The cells and headings of a table in LaTeX.

use super::symbols::Piece;
use crate::report::Format;
use crate::report::table::{Cell, Column, mark};

/// A column's heading: the short one where there is one; percentages have their unit here, not in every cell.
pub(super) fn heading(column: &Column) -> String {
    let text = column.short.as_ref().unwrap_or(&column.heading);
    let percent = matches!(column.format, Format::Percent(_) | Format::MeanPercent(_) | Format::IntervalPercent(_));
    if percent && !text.contains('%') { format!("{text} (%)") } else { text.clone() }
}

/// A cell; `notes` are the table's reasons for absent values.
pub(super) fn cell(cell: &Cell, column: &Column, notes: &[&str]) -> Piece {
    match cell {
        Cell::Text(text) => Piece::text(text),
        Cell::Missing => Piece::text("–"),
        Cell::Absent { reason } => {
            let note = mark(notes.iter().position(|note| note == reason).unwrap_or_default());
            let mut piece = Piece::text("–");
            piece.push(Piece::new(format!("\\textsuperscript{{{note}}}"), 0.45 * note.len() as f64));
            piece
        }
        Cell::Censored { bound, value } => {
            let mut piece = Piece::text(&format!("{} ", bound.sign()));
            piece.push(self::cell(value, column, notes));
            piece
        }
        Cell::Number(value) if matches!(column.format, Format::Scientific(_)) => {
            scientific(&column.format.show(cell), *value)
        }
        cell => number(&column.format.show(cell)),
    }
}

/// A number as it is shown elsewhere, without the unit, and the deviation a little closer.
fn number(shown: &str) -> Piece {
    let shown = shown.replacen("\u{a0}%", "", 1);
    Piece::text(&shown.replace(" ± ", "\u{2009}±\u{2009}"))
}

/// `4.4e−4` as a product with a power of ten.
fn scientific(shown: &str, value: f64) -> Piece {
    let Some((mantissa, exponent)) = shown.split_once('e').filter(|_| value.is_finite()) else {
        return Piece::text(shown);
    };
    let [mantissa, exponent] = [mantissa, exponent].map(|part| part.replace('−', "-"));
    let width = 0.55 * (mantissa.len() + exponent.len()) as f64 + 2.5;
    Piece::new(format!("${mantissa}\\times10^{{{exponent}}}$"), width)
}

/// Text in lines no wider than `limit` ems: broken at spaces, in longer words after punctuation, and anywhere in what is
/// longer still.
pub(super) fn wrap(text: &str, limit: f64) -> Vec<Piece> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        for (i, part) in parts(word, limit).into_iter().enumerate() {
            match lines.last_mut() {
                Some(line) if i == 0 && Piece::text(&format!("{line} {part}")).width <= limit => {
                    line.push(' ');
                    line.push_str(&part);
                }
                Some(line) if i > 0 && Piece::text(&format!("{line}{part}")).width <= limit => line.push_str(&part),
                _ => lines.push(part),
            }
        }
    }
    lines.iter().map(|line| Piece::text(line)).collect()
}

/// A word in parts no wider than `limit` ems (single characters may be).
fn parts(word: &str, limit: f64) -> Vec<String> {
    if Piece::text(word).width <= limit {
        return vec![word.to_owned()];
    }
    let mut parts: Vec<String> = Vec::new();
    for stretch in word.split_inclusive(['/', '_', '-', '.', ',', ';', ':', '=', '+', '@']) {
        if Piece::text(stretch).width <= limit {
            parts.push(stretch.to_owned());
            continue;
        }
        let mut part = String::new();
        for c in stretch.chars() {
            if !part.is_empty() && Piece::text(&format!("{part}{c}")).width > limit {
                parts.push(std::mem::take(&mut part));
            }
            part.push(c);
        }
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Bound;

    fn shown(format: Format, value: Cell) -> String {
        cell(&value, &Column::new("x", "x", format), &["no onset"]).tex
    }

    #[test]
    fn numbers_are_set_narrowly() {
        assert_eq!(shown(Format::Scientific(1), Cell::Number(0.00044)), "$4.4\\times10^{-4}$");
        assert_eq!(shown(Format::Scientific(1), Cell::Number(0.0)), "0");
        assert_eq!(shown(Format::Mean(2), Cell::Mean { mean: 0.5, deviation: Some(0.1) }), "0.50\\,$\\pm$\\,0.10");
        assert_eq!(shown(Format::Percent(1), Cell::Number(-0.444)), "$-$44.4");
        assert_eq!(shown(Format::Decimal(1), Cell::Number(4.0).bounded(Bound::AtLeast)), "$\\geq$ 4.0");
        assert_eq!(shown(Format::Decimal(1), Cell::Absent { reason: "no onset".into() }), "--\\textsuperscript{a}");
    }

    #[test]
    fn percentages_have_their_unit_in_the_heading() {
        let column = |heading: &str| Column::new("x", heading, Format::Percent(1));
        assert_eq!(heading(&column("Noise")), "Noise (%)");
        assert_eq!(heading(&column("Noise, %")), "Noise, %");
        assert_eq!(heading(&column("Forgettable tokens").short("Forg.")), "Forg. (%)");
    }

    #[test]
    fn text_is_broken_where_it_has_to_be() {
        let lines = |text: &str, limit: f64| wrap(text, limit).into_iter().map(|line| line.tex).collect::<Vec<_>>();
        assert_eq!(lines("one two three", 4.0), ["one two", "three"]);
        assert_eq!(lines("noise=0.30,seed=106", 5.5), ["noise=0.30,", "seed=106"]);
        assert_eq!(lines("aaaaaaaaaa", 2.0), ["aaaa", "aaaa", "aa"]);
        for line in wrap(&"m".repeat(99), 3.0) {
            assert!(line.width <= 3.0, "{line:?}");
        }
    }
}
