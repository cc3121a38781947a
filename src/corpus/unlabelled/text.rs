//! Plain text: one sentence a line, cut into tokens by Unicode's word segmentation (UAX #29).
//!
//! Punctuation marks are tokens of their own, white space and invisible characters are none. In scripts without spaces
//! between words (Chinese, Japanese, Thai) each character becomes a token: such text has to be cut into words before.

use unicode_segmentation::UnicodeSegmentation;

use super::{RunningText, UnlabelledSentence};
use crate::corpus::tags::is_blank;

/// The sentences of the lines; lines without a token are left out.
pub(super) fn read(lines: &[&str]) -> Vec<UnlabelledSentence> {
    let sentence = |(number, line): (usize, &&str)| {
        let (tokens, offsets) = tokens(line);
        let text = RunningText { text: (*line).to_owned(), offsets };
        UnlabelledSentence { line: number, tokens, text: Some(text) }
    };
    (1..).zip(lines).map(sentence).filter(|sentence| !sentence.tokens.is_empty()).collect()
}

/// The tokens of a text, and their characters in it.
fn tokens(text: &str) -> (Vec<String>, Vec<[usize; 2]>) {
    let (mut tokens, mut offsets) = (Vec::new(), Vec::new());
    let mut start = 0;
    for part in text.split_word_bounds() {
        let end = start + part.chars().count();
        if part.chars().any(|c| !is_blank(c) && !c.is_control()) {
            tokens.push(part.to_owned());
            offsets.push([start, end]);
        }
        start = end;
    }
    (tokens, offsets)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn punctuation_is_kept_and_white_space_is_not() {
        let (cut, offsets) = tokens("  “Łódź, 3.5 km” – I'm  \u{200b}off.");
        assert_eq!(cut, ["“", "Łódź", ",", "3.5", "km", "”", "–", "I'm", "off", "."]);
        assert_eq!(offsets[1], [3, 7]);
        assert_eq!(offsets[9], [29, 30]);
    }

    #[test]
    fn offsets_count_unicode_scalar_values() {
        let (cut, offsets) = tokens("e\u{301}té 👩‍👧 Ådal");
        assert_eq!(cut, ["e\u{301}té", "👩‍👧", "Ådal"]);
        assert_eq!(offsets, [[0, 4], [5, 8], [9, 13]]);
    }

    #[test]
    fn lines_without_a_token_are_left_out() {
        let sentences = read(&["One .", " \t", "\u{feff}", "Two"]);
        assert_eq!(sentences.iter().map(|sentence| sentence.line).collect::<Vec<_>>(), [1, 4]);
    }

    proptest! {
        #[test]
        fn each_token_is_the_slice_of_its_offsets(text in "\\PC*") {
            let (cut, offsets) = tokens(&text);
            let running = RunningText { text: text.clone(), offsets: offsets.clone() };
            for (token, [start, end]) in cut.iter().zip(offsets) {
                prop_assert_eq!(token, &running.slice(start, end));
            }
            let visible = |text: &str| text.chars().filter(|&c| !is_blank(c) && !c.is_control()).collect::<String>();
            prop_assert_eq!(visible(&cut.concat()), visible(&text), "nothing visible is lost");
        }
    }
}
