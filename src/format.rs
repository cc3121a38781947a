//! How numbers are written for people: one format for each kind, the same on the command line, in reports and in figures.

use std::fmt::Display;

/// A number with a fixed number of decimals and a minus sign (`−`); zero is never negative: `−0.10`, `0.0`.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|c| c == '0' || c == '.') => digits.to_owned(),
        Some(digits) => format!("−{digits}"),
        None => text,
    }
}

/// A number with its sign and so many decimals, with a true minus: `+0.41`, `−0.41`, and `0.00` without a sign.
///
/// ```
/// use memoscope::format::signed;
/// assert_eq!([signed(0.414, 2), signed(-0.414, 2), signed(-0.001, 2)], ["+0.41", "−0.41", "0.00"]);
/// ```
pub fn signed(value: f64, decimals: usize) -> String {
    let shown = fixed(value, decimals);
    let is_zero = shown.chars().all(|c| c == '0' || c == '.');
    if is_zero || shown.starts_with('−') { shown } else { format!("+{shown}") }
}

/// A number with at most that many decimals and no zeros at their end: with two `3`, `3.25`, `0.1`.
pub fn trimmed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A share in percent with at most two decimals, number and sign held together: `0.1 %`, `50 %`.
pub fn percent(share: f64) -> String {
    format!("{}\u{a0}%", trimmed(100.0 * share, 2))
}

/// A share in percent with a fixed number of decimals, as in the columns of a table: with one `50.0 %`.
pub fn percent_fixed(share: f64, decimals: usize) -> String {
    format!("{}\u{a0}%", fixed(100.0 * share, decimals))
}

/// A whole number, thousands apart: `7,140`.
pub fn thousands(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "−" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number rounded to a whole one, thousands apart: `7,140`.
pub fn count(value: f64) -> String {
    thousands(value.round() as i64)
}

/// A number short enough for an axis: `500`, `20k`, `1.5M`, `0.02`.
pub fn compact(value: f64) -> String {
    match value.abs() {
        size if size >= 999_950.0 => trimmed(value / 1e6, 1) + "M",
        size if size >= 1_000.0 => trimmed(value / 1e3, 1) + "k",
        size if size >= 1.0 || size == 0.0 => trimmed(value, 1),
        size => fixed(value, (-size.log10() - 1e-9).ceil().clamp(0.0, 9.0) as usize),
    }
}

/// A time in its two largest units: `7.5 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`.
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    let whole = seconds.round() as u64;
    let two = |large: u64, unit: &str, small: u64, of: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {of}"),
    };
    let (minutes, hours) = ((whole + 30) / 60, (whole + 1800) / 3600);
    match whole {
        0..60 => format!("{whole} s"),
        60..3570 => two(whole / 60, "min", whole % 60, "s"),
        3570..170_000 => two(minutes / 60, "h", minutes % 60, "min"),
        _ => two(hours / 24, "d", hours % 24, "h"),
    }
}

/// A size in decimal units: `820 kB`, `1.4 MB`, `310 MB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 9.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A number with its noun in the singular or the plural.
///
/// ```
/// use memoscope::format::counted;
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
/// use memoscope::format::noun_of;
/// assert_eq!(noun_of(1, "class"), "class");
/// assert_eq!(noun_of(2, "class"), "classes");
/// assert_eq!(noun_of(2, "key"), "keys");
/// assert_eq!(noun_of(2, "epoch"), "epochs");
/// ```
pub fn noun_of(number: impl TryInto<u128>, noun: &str) -> String {
    let is_one = number.try_into().is_ok_and(|number| number == 1);
    // `epoch` ends in the sound of `k`.
    let hisses = !noun.ends_with("epoch") && ["s", "x", "z", "ch", "sh"].iter().any(|end| noun.ends_with(end));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_sign_and_no_needless_digits() {
        assert_eq!([-0.104, -0.001, 2.0].map(|value| fixed(value, 2)), ["−0.10", "0.00", "2.00"]);
        assert_eq!([3.0, 3.25, -0.004, 100.0].map(|value| trimmed(value, 2)), ["3", "3.25", "0", "100"]);
        assert_eq!(trimmed(100.0, 0), "100");
    }

    #[test]
    fn shares_are_percent() {
        assert_eq!([0.001, 0.5, 0.1225, -0.02].map(percent), ["0.1\u{a0}%", "50\u{a0}%", "12.25\u{a0}%", "−2\u{a0}%"]);
        assert_eq!(percent_fixed(0.5, 1), "50.0\u{a0}%");
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0.0, 999.0, 1000.0, 1_234_567.4].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(thousands(-1_234_567), "−1,234,567");
    }

    #[test]
    fn numbers_are_compact() {
        assert_eq!(["999", "1k", "1.5k", "1M", "0.02"], [999.0, 1e3, 1500.0, 1e6, 0.02].map(compact)[..]);
    }

    #[test]
    fn times_have_two_units_and_sizes_two_digits_or_more() {
        let times = [0.0, 7.46, 9.96, 59.4, 60.0, 250.2, 3569.4, 3600.0, 11_110.0, 187_300.0];
        let said =
            ["0.0 s", "7.5 s", "10 s", "59 s", "1 min", "4 min 10 s", "59 min 29 s", "1 h", "3 h 5 min", "2 d 4 h"];
        assert_eq!(times.map(duration), said);
        let sizes = [0, 999, 1000, 9_940, 820_400, 1_440_000, 999_600_000, 310_000_000_000];
        let said = ["0 B", "999 B", "1.0 kB", "9.9 kB", "820 kB", "1.4 MB", "1.0 GB", "310 GB"];
        assert_eq!(sizes.map(bytes), said);
    }
}
