//! Numbers with their nouns.

use std::fmt::Display;

/// A number with its noun in the singular or the plural.
///
/// ```
/// use memoscope::words::counted;
/// assert_eq!(counted(1, "run"), "1 run");
/// assert_eq!(counted(0, "point"), "0 points");
/// assert_eq!(counted(2, "entity"), "2 entities");
/// assert_eq!(counted(3, "lost epoch"), "3 lost epochs");
/// ```
pub fn counted(number: impl TryInto<u128> + Display, noun: &str) -> String {
    let shown = number.to_string();
    format!("{shown} {}", noun_of(number, noun))
}

/// The noun alone, as it stands behind the number.
///
/// ```
/// use memoscope::words::noun_of;
/// assert_eq!(noun_of(1, "class"), "class");
/// assert_eq!(noun_of(2, "class"), "classes");
/// assert_eq!(noun_of(2, "key"), "keys");
/// ```
pub fn noun_of(number: impl TryInto<u128>, noun: &str) -> String {
    let is_one = number.try_into().is_ok_and(|number| number == 1);
    let hisses = ["s", "x", "z", "ch", "sh"].iter().any(|end| noun.ends_with(end));
    let stem = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match stem {
        _ if is_one => noun.to_owned(),
        Some(stem) => format!("{stem}ies"),
        None if hisses => format!("{noun}es"),
        None => format!("{noun}s"),
    }
}

/// `is` of one, `are` of others.
pub fn is_or_are(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}
