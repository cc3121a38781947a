//! Characters as LaTeX sets them, in ASCII, with their widths.
//!
//! Only commands that exist without packages and in the font encoding OT1 are used, so that any document with pdfLaTeX can
//! take a table. A character without such a command is set as `[U+4E2D]` by the macro [`FALLBACK`], which the table's file
//! defines where it is needed; a document for XeLaTeX or LuaLaTeX may define it as the character itself before.

use unicode_normalization::UnicodeNormalization;

/// Name of the macro that sets a character for which there is no command; its argument is the code point in hexadecimal.
pub(super) const FALLBACK: &str = "\\memoscopechar";

/// A stretch of text in LaTeX.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Piece {
    /// The LaTeX source, ASCII.
    pub tex: String,
    /// An upper estimate of its width, in ems: that of Computer Modern at 10 pt, which is wider than Times.
    pub width: f64,
}

impl Piece {
    /// A command of known width.
    pub fn new(tex: impl Into<String>, width: f64) -> Self {
        Self { tex: tex.into(), width }
    }

    /// Text that is set as it is; line breaks become spaces, other control characters vanish.
    pub fn text(text: &str) -> Self {
        let mut piece = Self::default();
        let mut before = ' ';
        for c in text.nfc() {
            if c.is_control() && !c.is_whitespace() {
                continue;
            }
            // What would be read as one ligature: dashes, quotation marks, Spanish punctuation.
            let ligature = (c == before && matches!(c, '-' | '`' | '\'' | ',' | '<' | '>'))
                || (c == '`' && matches!(before, '?' | '!'));
            if ligature {
                piece.tex.push_str("{}");
            }
            piece.push(symbol(c));
            before = c;
        }
        piece
    }

    /// Puts another stretch behind this one.
    pub fn push(&mut self, other: Self) {
        self.tex.push_str(&other.tex);
        self.width += other.width;
    }
}

/// One character.
fn symbol(c: char) -> Piece {
    if let Some((tex, width)) = special(c) {
        return Piece::new(tex, width);
    }
    if c.is_whitespace() {
        return Piece::new(" ", 0.334);
    }
    if c.is_ascii() {
        return Piece::new(c, ascii_width(c));
    }
    if let Some(name) = greek(c) {
        return Piece::new(format!("${name}$"), 0.85);
    }
    accented(c).unwrap_or_else(|| {
        let code = format!("{:04X}", u32::from(c));
        let width = 0.53 * (code.len() + 4) as f64;
        Piece::new(format!("{FALLBACK}{{{code}}}"), width)
    })
}

/// A letter with one accent that OT1 can put on it.
fn accented(c: char) -> Option<Piece> {
    let mut parts = std::iter::once(c).nfd();
    let (base, mark, end) = (parts.next()?, parts.next()?, parts.next());
    let accent = match mark {
        '\u{300}' => "`",
        '\u{301}' => "'",
        '\u{302}' => "^",
        '\u{303}' => "~",
        '\u{304}' => "=",
        '\u{306}' => "u",
        '\u{307}' => ".",
        '\u{308}' => "\"",
        '\u{30a}' => "r",
        '\u{30b}' => "H",
        '\u{30c}' => "v",
        '\u{323}' => "d",
        '\u{327}' => "c",
        '\u{331}' => "b",
        _ => return None,
    };
    if end.is_some() || !base.is_ascii_alphabetic() {
        return None;
    }
    let letter = match base {
        // Below an accent the letters have no dot; one below the letter leaves the dot.
        'i' | 'j' if !matches!(accent, "d" | "c" | "b") => format!("\\{base}"),
        base => base.to_string(),
    };
    Some(Piece::new(format!("\\{accent}{{{letter}}}"), ascii_width(base).max(0.5)))
}

fn special(c: char) -> Option<(&'static str, f64)> {
    Some(match c {
        '\\' => ("\\textbackslash{}", 0.5),
        '~' => ("\\textasciitilde{}", 0.5),
        '^' => ("\\textasciicircum{}", 0.5),
        '&' => ("\\&", 0.778),
        '%' => ("\\%", 0.833),
        '$' => ("\\$", 0.5),
        '#' => ("\\#", 0.833),
        '_' => ("\\_", 0.5),
        '{' => ("\\{", 0.5),
        '}' => ("\\}", 0.5),
        '<' => ("\\textless{}", 0.778),
        '>' => ("\\textgreater{}", 0.778),
        '|' => ("\\textbar{}", 0.5),
        '"' => ("{''}", 0.5),
        // A bracket or a star behind a line's end would be read as its argument.
        '[' => ("{[}", 0.334),
        ']' => ("{]}", 0.334),
        '*' => ("{*}", 0.5),
        '−' => ("$-$", 0.778),
        '±' => ("$\\pm$", 0.778),
        '×' => ("$\\times$", 0.778),
        '÷' => ("$\\div$", 0.778),
        '·' | '⋅' => ("$\\cdot$", 0.278),
        '≤' => ("$\\leq$", 0.778),
        '≥' => ("$\\geq$", 0.778),
        '≠' => ("$\\neq$", 0.778),
        '≈' => ("$\\approx$", 0.778),
        '≡' => ("$\\equiv$", 0.778),
        '∞' => ("$\\infty$", 1.0),
        '∈' => ("$\\in$", 0.667),
        '∑' => ("$\\sum$", 1.1),
        '√' => ("$\\surd$", 0.834),
        '∅' => ("$\\emptyset$", 0.5),
        '∂' => ("$\\partial$", 0.6),
        'Δ' | '∆' => ("$\\Delta$", 0.834),
        '→' => ("$\\rightarrow$", 1.0),
        '←' => ("$\\leftarrow$", 1.0),
        '↔' => ("$\\leftrightarrow$", 1.0),
        '↑' => ("$\\uparrow$", 0.5),
        '↓' => ("$\\downarrow$", 0.5),
        '•' => ("$\\bullet$", 0.5),
        '…' => ("\\dots{}", 1.2),
        '‰' => ("0/00", 2.0),
        '°' => ("$^\\circ$", 0.5),
        '¹' => ("$^1$", 0.45),
        '²' => ("$^2$", 0.45),
        '³' => ("$^3$", 0.45),
        '½' => ("$\\frac{1}{2}$", 0.7),
        '¼' => ("$\\frac{1}{4}$", 0.7),
        '¾' => ("$\\frac{3}{4}$", 0.7),
        '¬' => ("$\\neg$", 0.667),
        '–' | '‒' => ("--", 0.5),
        '—' | '―' => ("---", 1.0),
        '‐' | '‑' => ("-", 0.334),
        '‘' => ("`", 0.278),
        '’' | '′' => ("'", 0.278),
        '“' => ("``", 0.5),
        '”' | '″' => ("''", 0.5),
        '„' => (",,", 0.556),
        '‚' => (",", 0.278),
        '«' => ("$\\ll$", 1.0),
        '»' => ("$\\gg$", 1.0),
        '¿' => ("?`", 0.472),
        '¡' => ("!`", 0.278),
        '§' => ("\\S{}", 0.5),
        '¶' => ("\\P{}", 0.612),
        '†' => ("\\dag{}", 0.5),
        '‡' => ("\\ddag{}", 0.5),
        '©' => ("\\copyright{}", 1.0),
        '®' => ("\\textregistered{}", 1.0),
        '™' => ("$^{\\mathrm{TM}}$", 1.4),
        '£' => ("\\pounds{}", 0.77),
        'ß' => ("\\ss{}", 0.5),
        'æ' => ("\\ae{}", 0.722),
        'Æ' => ("\\AE{}", 0.903),
        'œ' => ("\\oe{}", 0.778),
        'Œ' => ("\\OE{}", 1.014),
        'ø' => ("\\o{}", 0.5),
        'Ø' => ("\\O{}", 0.778),
        'ł' => ("\\l{}", 0.334),
        'Ł' => ("\\L{}", 0.7),
        'ı' => ("\\i{}", 0.278),
        'ȷ' => ("\\j{}", 0.306),
        '\u{a0}' | '\u{202f}' => ("~", 0.334),
        '\u{2009}' => ("\\,", 0.17),
        _ => return None,
    })
}

/// A Greek letter's command in mathematics; capitals that look like Latin ones are those.
fn greek(c: char) -> Option<&'static str> {
    const SMALL: [&str; 25] = [
        "\\alpha",
        "\\beta",
        "\\gamma",
        "\\delta",
        "\\varepsilon",
        "\\zeta",
        "\\eta",
        "\\theta",
        "\\iota",
        "\\kappa",
        "\\lambda",
        "\\mu",
        "\\nu",
        "\\xi",
        "o",
        "\\pi",
        "\\rho",
        "\\varsigma",
        "\\sigma",
        "\\tau",
        "\\upsilon",
        "\\varphi",
        "\\chi",
        "\\psi",
        "\\omega",
    ];
    const CAPITAL: [&str; 24] = [
        "\\mathrm{A}",
        "\\mathrm{B}",
        "\\Gamma",
        "\\Delta",
        "\\mathrm{E}",
        "\\mathrm{Z}",
        "\\mathrm{H}",
        "\\Theta",
        "\\mathrm{I}",
        "\\mathrm{K}",
        "\\Lambda",
        "\\mathrm{M}",
        "\\mathrm{N}",
        "\\Xi",
        "\\mathrm{O}",
        "\\Pi",
        "\\mathrm{P}",
        "\\Sigma",
        "\\mathrm{T}",
        "\\Upsilon",
        "\\Phi",
        "\\mathrm{X}",
        "\\Psi",
        "\\Omega",
    ];
    let code = u32::from(c);
    match c {
        'µ' => Some("\\mu"),
        'α'..='ω' => SMALL.get((code - u32::from('α')) as usize).copied(),
        'Α'..='Ρ' => CAPITAL.get((code - u32::from('Α')) as usize).copied(),
        // There is no final capital sigma, and so no code point.
        'Σ'..='Ω' => CAPITAL.get((code - u32::from('Α')) as usize - 1).copied(),
        _ => None,
    }
}

/// Widths of cmr10, in ems.
fn ascii_width(c: char) -> f64 {
    match c {
        '!' | ',' | '.' | ':' | ';' | '\'' | '`' | 'i' | 'l' => 0.278,
        '-' | 'f' | 'j' => 0.334,
        '(' | ')' | 'I' | 'r' | 's' | 't' => 0.395,
        'c' | 'e' | 'z' => 0.445,
        '/' | '0'..='9' | '?' | 'a' | 'g' | 'o' => 0.5,
        'J' | 'S' | 'b' | 'd' | 'h' | 'k' | 'n' | 'p' | 'q' | 'u' | 'v' | 'x' | 'y' => 0.556,
        'L' | 'Z' => 0.625,
        'E' | 'F' | 'P' => 0.681,
        'W' => 1.028,
        'M' => 0.917,
        'm' => 0.833,
        _ => 0.785,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tex(text: &str) -> String {
        Piece::text(text).tex
    }

    #[test]
    fn characters_of_latex_are_escaped() {
        assert_eq!(
            tex("a_b & 5% \\x{y}\n$#~^"),
            "a\\_b \\& 5\\% \\textbackslash{}x\\{y\\} \\$\\#\\textasciitilde{}\\textasciicircum{}"
        );
        assert_eq!(tex("[x]*"), "{[}x{]}{*}");
        assert_eq!(tex("-- ``?`,,"), "-{}- `{}`?{}`,{},");
    }

    #[test]
    fn other_characters_are_commands() {
        assert_eq!(tex("κ τ ≥ ± × – −"), "$\\kappa$ $\\tau$ $\\geq$ $\\pm$ $\\times$ -- $-$");
        assert_eq!(
            tex("é ß ñ ï č Ł Ω Σ Ρ"),
            "\\'{e} \\ss{} \\~{n} \\\"{\\i} \\v{c} \\L{} $\\Omega$ $\\Sigma$ $\\mathrm{P}$"
        );
        assert_eq!(tex("e\u{301}"), "\\'{e}");
    }

    #[test]
    fn a_character_without_a_command_is_named() {
        assert_eq!(tex("中"), "\\memoscopechar{4E2D}");
        assert_eq!(tex("ę\u{202e}😀\u{1}"), "\\memoscopechar{0119}\\memoscopechar{202E}\\memoscopechar{1F600}");
        for c in (0..0x3000).chain(0x1F000..0x1F200).filter_map(char::from_u32) {
            assert!(tex(&c.to_string()).is_ascii(), "{c:?}");
        }
    }
}
