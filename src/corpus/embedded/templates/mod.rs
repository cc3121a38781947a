//! Sentence templates by subject.
//!
//! A template is words and slots, separated by spaces. `{person}` and the other entity slots are filled by
//! [`entities`](super::entities), all others by [`phrases`](super::phrases). The first word with a letter is
//! capitalised when the sentence is made; a template that starts with `^` becomes a headline in capitals.

mod business;
mod culture;
mod notices;
mod politics;
mod science;
mod sport;
mod tables;
mod travel;
mod weather;

/// Templates of one subject, and how often the subject is drawn against the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    /// Relative frequency.
    pub weight: u32,
    /// The templates, drawn evenly.
    pub templates: &'static [&'static str],
}

/// All subjects.
pub(super) const SUBJECTS: &[Subject] = &[
    Subject { weight: 20, templates: sport::TEMPLATES },
    Subject { weight: 7, templates: tables::TEMPLATES },
    Subject { weight: 19, templates: business::TEMPLATES },
    Subject { weight: 18, templates: politics::TEMPLATES },
    Subject { weight: 8, templates: weather::TEMPLATES },
    Subject { weight: 11, templates: culture::TEMPLATES },
    Subject { weight: 9, templates: science::TEMPLATES },
    Subject { weight: 8, templates: travel::TEMPLATES },
    Subject { weight: 14, templates: notices::TEMPLATES },
];
