//! Names for one part of the corpus: a short head of known ones, a tail without end of made-up ones.
//!
//! **Parts share no name.** A stable hash of a base name (a surname, a city, a brand) says which part it belongs to, and
//! a part only ever uses its own bases. A name put together from a base (`Keller Motors`, `Lisbon Open`) is then new
//! wherever its base is.
//!
//! **A long tail.** The rank of a name is drawn from a power law, P(rank > r) = (1 + r/q)^(−4/5). The first ranks are
//! the part's share of the gazetteer, in an order drawn from the seed; every rank beyond is a name put together from
//! syllables by a random stream of its own, so that the same rank is always the same name and there is no last one.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::random::Streams;

/// Which part of the corpus is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Train,
    Dev,
    Test,
    Pretraining,
}

impl Part {
    /// The name random streams go by.
    pub(super) fn purpose(self) -> &'static str {
        match self {
            Self::Train => "embedded/train",
            Self::Dev => "embedded/dev",
            Self::Test => "embedded/test",
            Self::Pretraining => "embedded/pretraining",
        }
    }

    /// The part a base name belongs to: of sixteen shares seven are trained on, five are for pretraining, and dev and
    /// test have two each. Case does not count, so a headline keeps its names.
    fn of(base: &str) -> Self {
        match stable_hash(&base.to_lowercase()) % 16 {
            0..7 => Self::Train,
            7..12 => Self::Pretraining,
            12..14 => Self::Dev,
            _ => Self::Test,
        }
    }

    /// Whether a base name belongs to this part.
    pub(super) fn owns(self, base: &str) -> bool {
        Self::of(base) == self
    }
}

/// FNV-1a with a final mix, so that the last letter reaches all bits: the same on every machine and in every version.
fn stable_hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// What a base name is made for; the made-up ones sound accordingly, but not so much that the sound gives them away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Surname,
    City,
    Brand,
}

impl Kind {
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Surname => {
                &["son", "sen", "ov", "ez", "ini", "er", "man", "ski", "ova", "ham", "ton", "a", "ic", "ara", "ley", ""]
            }
            Self::City => &[
                "burg", "ville", "ton", "ham", "stad", "ova", "ford", "by", "ia", "mouth", "ara", "ley", "o", "ino",
                "er", "",
            ],
            Self::Brand => &["tec", "ex", "ora", "ix", "co", "ia", "on", "net", "ara", "er", "ton", "ov", "o", ""],
        }
    }
}

const ONSETS: &[&str] = &[
    "b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kr", "l", "m", "n", "p", "pr", "r", "s",
    "sh", "st", "t", "tr", "v", "w", "z", "th", "",
];
const VOWELS: &[&str] = &["a", "e", "i", "o", "u", "a", "e", "o", "ai", "ei", "ou", "ie"];
const CODAS: &[&str] = &["", "", "", "l", "n", "r", "s", "m", "nd", "rt", "k", "t", "ld", "ns"];

/// The bases of one kind that belong to one part, endless.
#[derive(Debug, Clone)]
pub(super) struct NameList {
    kind: Kind,
    part: Part,
    streams: Streams,
    known: Vec<&'static str>,
}

/// Where the power law bends: about this many names make up the common head.
const HEAD: f64 = 24.0;
/// Ranks beyond this are not told apart; one draw in 5,000 gets there.
const LAST_RANK: f64 = 1e6;

impl NameList {
    /// The part's share of `known`, in the order of `streams`, and all that can be made up.
    pub(super) fn new(kind: Kind, part: Part, streams: Streams, known: &[&[&'static str]]) -> Self {
        let mut known: Vec<&str> = known.iter().copied().flatten().copied().filter(|name| part.owns(name)).collect();
        known.shuffle(&mut streams.stream(part.purpose(), &[0, kind as u64]));
        Self { kind, part, streams, known }
    }

    /// The gazetteer's names of this part.
    #[cfg(test)]
    pub(super) fn known(&self) -> &[&'static str] {
        &self.known
    }

    /// Draws a base name.
    pub(super) fn draw(&self, generator: &mut ChaCha8Rng) -> String {
        // The power law inverted: r = q·(u^(−5/4) − 1), u above 0 and at most 1. Square roots are exact to the last
        // bit on every machine, a general power is not.
        let u = 1.0 - generator.r#gen::<f64>();
        let rank = (HEAD * (1.0 / (u * u.sqrt().sqrt()) - 1.0)).min(LAST_RANK) as u64;
        match self.known.get(rank as usize) {
            Some(name) => (*name).to_owned(),
            None => self.made_up(rank),
        }
    }

    /// The made-up name of a rank: syllables until the result belongs to this part.
    fn made_up(&self, rank: u64) -> String {
        let mut generator = self.streams.stream(self.part.purpose(), &[1, self.kind as u64, rank]);
        loop {
            let name = syllables(self.kind, &mut generator);
            if name.len() > 3 && self.part.owns(&name) {
                return name;
            }
        }
    }
}

fn syllables(kind: Kind, generator: &mut ChaCha8Rng) -> String {
    let n_syllables = generator.gen_range(1..=2_usize);
    let mut pick = |from: &[&'static str]| from[generator.gen_range(0..from.len())];
    let mut name = String::new();
    for _ in 0..n_syllables {
        for part in [ONSETS, VOWELS, CODAS] {
            name.push_str(pick(part));
        }
    }
    name.push_str(pick(kind.endings()));
    capitalised(&name)
}

/// The text with its first letter in capitals.
pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::gazetteers::{BRANDS, CITIES, COUNTRIES, SHARED, SURNAMES, WORD_SURNAMES};
    use super::*;

    const PARTS: [Part; 4] = [Part::Train, Part::Dev, Part::Test, Part::Pretraining];

    #[test]
    fn every_part_has_a_share_of_every_gazetteer() {
        let countries: Vec<&str> = COUNTRIES.iter().map(|(name, ..)| *name).collect();
        for part in PARTS {
            for (what, names) in [
                ("surnames", SURNAMES),
                ("word surnames", WORD_SURNAMES),
                ("shared", SHARED),
                ("cities", CITIES),
                ("brands", BRANDS),
                ("countries", &countries),
            ] {
                let n = names.iter().filter(|name| part.owns(name)).count();
                assert!(n >= 4, "{part:?} has {n} {what}");
            }
        }
    }

    #[test]
    fn a_list_draws_known_and_made_up_names_of_its_part_only() {
        let streams = Streams::new(1);
        for part in PARTS {
            let list = NameList::new(Kind::City, part, streams, &[CITIES]);
            let mut generator = streams.stream("test", &[]);
            let names: Vec<String> = (0..2000).map(|_| list.draw(&mut generator)).collect();
            assert!(names.iter().all(|name| part.owns(name)));
            let n_known = names.iter().filter(|name| list.known().contains(&name.as_str())).count();
            assert!((400..1900).contains(&n_known), "{part:?}: {n_known} of 2000 are known");
            let distinct: std::collections::HashSet<&String> = names.iter().collect();
            assert!(distinct.len() > 200, "{part:?} has {} names", distinct.len());
        }
    }

    #[test]
    fn a_name_stays_in_its_part_whatever_its_case() {
        // Pinned: other values would move the names of the corpus that the embedded encoder was made for.
        assert_eq!(stable_hash("keller"), 3_241_757_070);
        assert_eq!(stable_hash("lisbon"), 111_736_277);
        assert_eq!([Part::of("Keller"), Part::of("Lisbon")], [Part::of("KELLER"), Part::of("lisbon")]);
    }
}
