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
    /// Whether its templates are sentences, which may be given an opening and another end.
    pub prose: bool,
    /// The templates, drawn evenly.
    pub templates: &'static [&'static str],
}

/// All subjects.
pub(super) const SUBJECTS: &[Subject] = &[
    Subject { weight: 20, prose: true, templates: sport::TEMPLATES },
    Subject { weight: 7, prose: false, templates: tables::TEMPLATES },
    Subject { weight: 19, prose: true, templates: business::TEMPLATES },
    Subject { weight: 18, prose: true, templates: politics::TEMPLATES },
    Subject { weight: 8, prose: true, templates: weather::TEMPLATES },
    Subject { weight: 11, prose: true, templates: culture::TEMPLATES },
    Subject { weight: 9, prose: true, templates: science::TEMPLATES },
    Subject { weight: 8, prose: true, templates: travel::TEMPLATES },
    Subject { weight: 14, prose: true, templates: notices::TEMPLATES },
];
