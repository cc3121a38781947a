//! Checks a SentencePiece normaliser's map before the tokenizers crate walks it without looking.
//!
//! The map is the length of a double array in bytes, the array (a tree of byte strings, in 32-bit units), and the
//! replacements, each ended by a NUL. The walk goes from a unit to the one at `base xor byte`; a broken map would lead it
//! out of the array, or to a replacement that begins in the middle of a character.

/// Whether every walk through the map stays within it.
///
/// # Errors
/// In words, what is wrong with it.
pub fn check(map: &[u8]) -> Result<(), String> {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
    let (length, rest) = map.split_at_checked(4).ok_or("it is too short")?;
    let (array, replacements) = rest.split_at_checked(word(length)).ok_or("it is shorter than it says")?;
    if array.is_empty() || array.len() % 4 != 0 {
        return Err("its tree is not made of 32-bit units".into());
    }
    let replacements = std::str::from_utf8(replacements).map_err(|e| format!("not UTF-8: {e}"))?;
    let units: Vec<usize> = array.chunks_exact(4).map(word).collect();
    let outside = || "its tree leads out of itself".to_owned();
    let offset = |unit: usize| (unit >> 10) << ((unit & 1 << 9) >> 6);

    let mut seen = vec![false; units.len()];
    let mut open = vec![offset(units[0])];
    while let Some(base) = open.pop() {
        for byte in 1..=255 {
            let place = base ^ byte;
            let unit = *units.get(place).ok_or_else(outside)?;
            if unit & (1 << 31 | 0xff) != byte || std::mem::replace(&mut seen[place], true) {
                continue;
            }
            let base = place ^ offset(unit);
            if unit >> 8 & 1 == 1 {
                let start = *units.get(base).ok_or_else(outside)? & ((1 << 31) - 1);
                if !replacements.is_char_boundary(start) {
                    return Err("a replacement begins outside the text or within a character".into());
                }
            }
            open.push(base);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokenizers::normalizers::Precompiled;

    use super::super::proto::Model;
    use super::*;

    fn real() -> Vec<u8> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tokenizers/deberta/spm.model");
        Model::parse(&fs_err::read(file).unwrap()).unwrap().charsmap
    }

    #[test]
    fn a_real_map_passes_and_broken_ones_do_not() {
        let map = real();
        check(&map).unwrap();
        for bytes in [&[] as &[u8], &[0; 4], &[3, 0, 0, 0, 1, 2, 3], &map[..map.len() / 4], &[4, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(check(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        /// Whatever passes can be walked: text with every character that the map replaces, and others.
        #[test]
        fn what_passes_does_not_panic(changes in proptest::collection::vec((0usize..1 << 16, any::<u8>()), 1..4)) {
            let mut map = real();
            for (at, byte) in changes {
                let at = at % map.len();
                map[at] = byte;
            }
            if check(&map).is_ok() && let Ok(normaliser) = Precompiled::from(&map) {
                for byte in 1..=255u8 {
                    let text = String::from_utf8_lossy(&[byte]).into_owned() + "ａＡ１，ﬁ½™…e\u{301}\u{200b}ﷺ①ｶ";
                    normaliser.normalize_string(&text);
                    normaliser.normalize_string(&format!("{}x", char::from(byte)));
                }
            }
        }
    }
}
