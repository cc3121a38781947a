//! Names put together for each entity slot.
//!
//! Ambiguity is made here: clubs go by the bare name of their city, companies by the bare surname of their founder, and
//! some names ([`SHARED`]) are surname, place and company at once. Only the sentence around
//! such a name tells its type.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::random::Streams;

use super::gazetteers::{
    AGENCY_FORMS, AGENCY_TOPICS, BRANDS, CITIES, CLUB_ENDINGS, COMPANY_ENDINGS, COUNTRIES, EVENT_ENDINGS,
    EVENT_OPENINGS, FIRST_NAMES, PAPER_ENDINGS, PARTY_WORDS, SHARED, SURNAMES, TITLE_ADJECTIVES, TITLE_NOUNS,
    WORD_SURNAMES,
};
use super::names::{Kind, NameList, Part};

/// The four entity types, in the order of their labels' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntityType {
    Location,
    Miscellaneous,
    Organisation,
    Person,
}

impl EntityType {
    pub(super) const NAMES: [&'static str; 4] = ["LOC", "MISC", "ORG", "PER"];
}

/// All names of one part of the corpus.
#[derive(Debug, Clone)]
pub(super) struct NameBook {
    part: Part,
    surnames: NameList,
    cities: NameList,
    brands: NameList,
    countries: Vec<(&'static str, &'static str, &'static str)>,
}

/// Probabilities in percent, for a die of hundred sides.
fn one_in_hundred(generator: &mut ChaCha8Rng) -> u32 {
    generator.gen_range(0..100)
}

fn pick(from: &[&'static str], generator: &mut ChaCha8Rng) -> &'static str {
    from[generator.gen_range(0..from.len())]
}

impl NameBook {
    pub(super) fn new(part: Part, streams: Streams) -> Self {
        let mut countries: Vec<_> = COUNTRIES.iter().copied().filter(|(name, ..)| part.owns(name)).collect();
        countries.shuffle(&mut streams.stream(part.purpose(), &[2]));
        Self {
            part,
            surnames: NameList::new(Kind::Surname, part, streams, &[SURNAMES, SHARED, WORD_SURNAMES]),
            cities: NameList::new(Kind::City, part, streams, &[CITIES, SHARED]),
            brands: NameList::new(Kind::Brand, part, streams, &[BRANDS]),
            countries,
        }
    }

    /// A name for the slot `slot` and its type; `None` if it is not the slot of a name.
    pub(super) fn name(&self, slot: &str, generator: &mut ChaCha8Rng) -> Option<(EntityType, String)> {
        use EntityType::{Location, Miscellaneous, Organisation, Person};
        let g = generator;
        Some(match slot {
            "person" => (Person, self.person(g)),
            "surname" => (Person, self.surnames.draw(g)),
            "city" => (Location, self.city(g)),
            "town" => (Location, self.surnames.draw(g)),
            "country" => (Location, self.country(g).0.to_owned()),
            "nationality_code" => (Location, self.country(g).2.to_owned()),
            "region" => (Location, self.region(g)),
            "river" => (Location, self.around_city(&["", "", " River"], g)),
            "lake" => (Location, format!("Lake {}", self.any_base(g))),
            "sea" => (Location, self.sea(g)),
            "mountain" => (Location, format!("Mount {}", self.any_base(g))),
            "island" => (Location, self.around_city(&[" Island", " Islands"], g)),
            "hotel" => (Location, format!("Hotel {}", self.any_base(g))),
            "company" => (Organisation, self.company(g)),
            "bare_company" => (Organisation, self.surnames.draw(g)),
            "team" => (Organisation, self.team(g)),
            "bare_team" => (Organisation, self.cities.draw(g)),
            "agency" => (Organisation, self.agency(g)),
            "party" => (Organisation, self.party(g)),
            "paper" => (Organisation, self.paper(g)),
            "university" => (Organisation, self.university(g)),
            "museum" => {
                (Organisation, format!("{} {}", self.any_base(g), pick(&["Museum", "Gallery", "Foundation"], g)))
            }
            "orchestra" => (Organisation, self.around_city(&[" Philharmonic", " Symphony Orchestra", " Opera"], g)),
            "nationality" => (Miscellaneous, self.country(g).1.to_owned()),
            "event" => (Miscellaneous, self.event(g)),
            "title_name" => (Miscellaneous, self.title(g)),
            "award" => (Miscellaneous, format!("{} {}", self.any_base(g), pick(&["Prize", "Award", "Medal"], g))),
            "treaty" => (Miscellaneous, self.around_city(&[" Treaty", " Accord", " Convention", " Protocol"], g)),
            "product" => (Miscellaneous, self.product(g)),
            "satellite" => (Miscellaneous, format!("{}-{}", self.brands.draw(g), g.gen_range(1..9_u32))),
            "storm" | "ship_name" => (Miscellaneous, self.any_base(g)),
            "ship" => (Miscellaneous, self.brands.draw(g)),
            _ => return None,
        })
    }

    fn person(&self, g: &mut ChaCha8Rng) -> String {
        let (first, last) = (pick(FIRST_NAMES, g), self.surnames.draw(g));
        let initial = &pick(FIRST_NAMES, g)[..1];
        match one_in_hundred(g) {
            0..8 => format!("{initial}. {last}"),
            8..13 => format!("{first} {initial}. {last}"),
            13..17 => format!("{first} {last}-{}", self.surnames.draw(g)),
            17..21 => format!("{first} {} {last}", pick(&["van", "de", "von", "da", "al", "de la"], g)),
            _ => format!("{first} {last}"),
        }
    }

    fn city(&self, g: &mut ChaCha8Rng) -> String {
        let base = self.cities.draw(g);
        match one_in_hundred(g) {
            0..8 => format!("{} {base}", pick(&["New", "San", "Port", "East", "West", "Fort", "St.", "Upper"], g)),
            8..10 => format!("{base} {}", pick(&["Beach", "Springs", "Falls", "Heights"], g)),
            _ => base,
        }
    }

    /// Common countries come first in the list and are drawn more often.
    fn country(&self, g: &mut ChaCha8Rng) -> (&'static str, &'static str, &'static str) {
        let n = self.countries.len();
        self.countries[g.gen_range(0..n).min(g.gen_range(0..n))]
    }

    fn region(&self, g: &mut ChaCha8Rng) -> String {
        match one_in_hundred(g) {
            0..45 => format!("{} {}", pick(&["North", "South", "Upper", "Lower"], g), self.cities.draw(g)),
            45..60 => self.around_city(&[" Valley", " Province", " Coast", " Hills"], g),
            _ => self.cities.draw(g),
        }
    }

    fn sea(&self, g: &mut ChaCha8Rng) -> String {
        let base = self.any_base(g);
        match one_in_hundred(g) {
            0..40 => format!("{base} Sea"),
            40..70 => format!("Gulf of {base}"),
            _ => format!("{base} {}", pick(&["Strait", "Channel", "Bay"], g)),
        }
    }

    /// A base from the surnames, the cities or the brands.
    fn any_base(&self, g: &mut ChaCha8Rng) -> String {
        match one_in_hundred(g) {
            0..40 => self.surnames.draw(g),
            40..80 => self.cities.draw(g),
            _ => self.brands.draw(g),
        }
    }

    /// A city's base with one of `endings` (which bring their own space).
    fn around_city(&self, endings: &[&'static str], g: &mut ChaCha8Rng) -> String {
        format!("{}{}", self.cities.draw(g), pick(endings, g))
    }

    fn company(&self, g: &mut ChaCha8Rng) -> String {
        let base = match one_in_hundred(g) {
            0..42 => self.surnames.draw(g),
            42..82 => self.brands.draw(g),
            82..88 => self.cities.draw(g),
            88..93 => format!("{} and {}", self.surnames.draw(g), self.surnames.draw(g)),
            _ => self.acronym(g),
        };
        // Two draws, of which the lower counts: the first endings are the most common.
        let ending = COMPANY_ENDINGS[g.gen_range(0..COMPANY_ENDINGS.len()).min(g.gen_range(0..COMPANY_ENDINGS.len()))];
        if one_in_hundred(g) < 40 { format!("{base} {ending}") } else { base }
    }

    fn team(&self, g: &mut ChaCha8Rng) -> String {
        let base = self.cities.draw(g);
        match one_in_hundred(g) {
            0..25 => format!("{base} {}", pick(CLUB_ENDINGS, g)),
            25..30 => format!("{} {base}", pick(&["FC", "AC", "Real", "Sporting", "Dynamo"], g)),
            _ => base,
        }
    }

    fn agency(&self, g: &mut ChaCha8Rng) -> String {
        match one_in_hundred(g) {
            0..20 => format!("Bank of {}", self.country(g).0),
            20..40 => self.acronym(g),
            40..55 => {
                format!("{} {}", self.country(g).1, pick(&["Red Cross", "Farmers Union", "Central Bank", "Academy"], g))
            }
            _ => self.owned(|| format!("{} {}", pick(AGENCY_FORMS, g), pick(AGENCY_TOPICS, g))),
        }
    }

    fn party(&self, g: &mut ChaCha8Rng) -> String {
        let noun = pick(&["Party", "Union", "Front", "Alliance", "Movement", "League"], g);
        self.owned(|| match one_in_hundred(g) {
            0..50 => format!("{} {} {noun}", pick(PARTY_WORDS, g), pick(PARTY_WORDS, g)),
            _ => format!("{} {noun} of {}", pick(PARTY_WORDS, g), self.country(g).0),
        })
    }

    fn paper(&self, g: &mut ChaCha8Rng) -> String {
        let base = match one_in_hundred(g) {
            0..60 => self.cities.draw(g),
            60..80 => self.country(g).1.to_owned(),
            _ => return self.brands.draw(g),
        };
        format!("{base} {}", pick(PAPER_ENDINGS, g))
    }

    fn university(&self, g: &mut ChaCha8Rng) -> String {
        match one_in_hundred(g) {
            0..45 => format!("University of {}", self.cities.draw(g)),
            45..75 => format!("{} University", self.any_base(g)),
            _ => format!("{} {}", self.any_base(g), pick(&["College", "Institute", "Academy"], g)),
        }
    }

    fn event(&self, g: &mut ChaCha8Rng) -> String {
        let ending = pick(EVENT_ENDINGS, g);
        match one_in_hundred(g) {
            0..35 => format!("{} {ending}", self.cities.draw(g)),
            35..55 => format!("{} {ending}", self.country(g).1),
            55..75 => format!("{} {ending}", self.any_base(g)),
            _ => self.owned(|| format!("{} {}", pick(EVENT_OPENINGS, g), pick(EVENT_ENDINGS, g))),
        }
    }

    fn title(&self, g: &mut ChaCha8Rng) -> String {
        self.owned(|| {
            let (adjective, noun) = (pick(TITLE_ADJECTIVES, g), pick(TITLE_NOUNS, g));
            match one_in_hundred(g) {
                0..50 => format!("The {adjective} {noun}"),
                50..65 => format!("{adjective} {noun}"),
                65..80 => format!("The {noun} of {}", self.cities.draw(g)),
                80..90 => format!("{noun} and {}", pick(TITLE_NOUNS, g)),
                _ => format!("A {noun} for {}", pick(FIRST_NAMES, g)),
            }
        })
    }

    fn product(&self, g: &mut ChaCha8Rng) -> String {
        let base = self.brands.draw(g);
        match one_in_hundred(g) {
            0..50 => format!("{base} {}", g.gen_range(1..90_u32) * 10),
            50..70 => format!("{base} {}", pick(&["Mini", "Pro", "Max", "Express", "Classic"], g)),
            _ => base,
        }
    }

    fn acronym(&self, g: &mut ChaCha8Rng) -> String {
        let letters = "ABCDEFGIKLMNOPRSTUVW".as_bytes();
        self.owned(|| (0..g.gen_range(3..5_u32)).map(|_| char::from(letters[g.gen_range(0..letters.len())])).collect())
    }

    /// Draws until the whole name belongs to this part: for names whose words all parts share.
    fn owned(&self, mut draw: impl FnMut() -> String) -> String {
        loop {
            let name = draw();
            if self.part.owns(&name) {
                return name;
            }
        }
    }
}
