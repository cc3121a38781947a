//! Suspects in sentences made by hand, and in any.

use proptest::prelude::*;

use super::*;
use crate::audit::collect::tests::{evidence, of_probabilities};
use crate::audit::score;
use crate::audit::text::tests::text;
use crate::corpus::{Given, Labels};

fn find(text: &Text, evidence: &TokenEvidence) -> Vec<Suspect> {
    suspects(text, evidence, &score(text, evidence))
}

/// The suspects of a text as given, which the models read otherwise, in the order of the text: score, kind, place
/// and change.
fn everything(given: &str, read: &str) -> Vec<(f64, SuspectKind, String)> {
    let text = text(given);
    let mut found = find(&text, &evidence(&text, read));
    found.sort_by_key(|suspect| (suspect.sentence, suspect.start));
    let change = |s: &Suspect| {
        format!("{}:{}..{} {} -> {}", s.sentence, s.start, s.end, s.given.join(" "), s.suggested.join(" "))
    };
    found.iter().map(|suspect| (suspect.score, suspect.kind, change(suspect))).collect()
}

/// Those that the models object to.
fn found(given: &str, read: &str) -> Vec<(SuspectKind, String)> {
    let objected = everything(given, read).into_iter().filter(|&(score, ..)| score > -1.0);
    objected.map(|(_, kind, change)| (kind, change)).collect()
}

fn one(given: &str, read: &str) -> (SuspectKind, String) {
    let mut found = found(given, read);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// Sentences that bring all labels into the inventory, and that the models read as they are given.
const OTHERS: &str = "\nx/B-A y/I-A\nz/B-B w/I-B";

fn with_others(written: &str) -> String {
    format!("{written}{OTHERS}")
}

#[test]
fn missed_and_spurious_entities() {
    let (with, without) = (with_others("in/O New/B-A York/I-A"), with_others("in/O New/O York/O"));
    assert_eq!(one(&without, &with), (SuspectKind::Missed, "0:1..3 O O -> B-A I-A".into()));
    assert_eq!(one(&with, &without), (SuspectKind::Spurious, "0:1..3 B-A I-A -> O O".into()));
}

#[test]
fn wrong_types() {
    let (a, b) = (with_others("New/B-A York/I-A"), with_others("New/B-B York/I-B"));
    assert_eq!(one(&a, &b), (SuspectKind::WrongType, "0:0..2 B-A I-A -> B-B I-B".into()));
}

#[test]
fn wrong_boundaries_are_one_suspect_over_all_words() {
    for (given, read, change) in [
        ("New/B-A York/O", "New/B-A York/I-A", "0:0..2 B-A O -> B-A I-A"),
        ("in/B-A New/I-A York/I-A", "in/O New/B-A York/I-A", "0:0..3 B-A I-A I-A -> O B-A I-A"),
        ("New/B-A York/B-A", "New/B-A York/I-A", "0:0..2 B-A B-A -> B-A I-A"),
        ("New/B-A York/I-A", "New/B-A York/B-B", "0:0..2 B-A I-A -> B-A B-B"),
        // Chained: each shares a token with the next.
        ("a/B-A b/I-A c/B-A d/I-A e/O", "a/O b/B-A c/I-A d/B-B e/I-B", "0:0..5 B-A I-A B-A I-A O -> O B-A I-A B-B I-B"),
    ] {
        let found = one(&with_others(given), &with_others(read));
        assert_eq!(found, (SuspectKind::WrongBoundary, change.into()));
    }
}

#[test]
fn neighbours_are_suspects_of_their_own() {
    let found = found(&with_others("New/B-A York/B-A in/O"), &with_others("New/B-B York/O in/B-A"));
    let kinds: Vec<SuspectKind> = found.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [SuspectKind::WrongType, SuspectKind::Spurious, SuspectKind::Missed]);
}

#[test]
fn an_invalid_sequence_is_a_suspect_whatever_the_models_say() {
    let given = with_others("in/O New/I-A York/I-A");
    let repaired = (SuspectKind::InvalidSequence, "0:1..3 I-A I-A -> B-A I-A".to_owned());
    assert_eq!(one(&given, &with_others("in/O New/B-A York/I-A")), repaired);
    let (kind, change) = one(&with_others("New/B-A York/I-B"), &with_others("New/B-A York/B-B"));
    assert_eq!((kind, &change[..]), (SuspectKind::InvalidSequence, "0:1..2 I-B -> B-B"));
    // Models that object as well may say otherwise.
    let (kind, change) = one(&given, &with_others("in/O New/O York/O"));
    assert_eq!((kind, &change[..]), (SuspectKind::InvalidSequence, "0:1..3 I-A I-A -> O O"));
    // Nobody has judged it.
    let text = text(&given);
    let mut unjudged = evidence(&text, &with_others("in/O New/B-A York/I-A"));
    unjudged.judged[1..3].fill(false);
    let found = find(&text, &unjudged);
    let first = (found[0].kind, found[0].score, found[0].probability);
    assert_eq!(first, (SuspectKind::InvalidSequence, log_odds(INVALID), INVALID));
}

#[test]
fn what_cannot_be_written_in_the_inventory_is_suggested_otherwise() {
    // There is no B-A.
    let (kind, change) = one("in/O New/I-A\nz/B-B", "in/O New/I-A\nz/B-B");
    assert_eq!((kind, &change[..]), (SuspectKind::InvalidSequence, "0:1..2 I-A -> O"));
}

#[test]
fn what_is_an_entity_everywhere_else_is_inconsistent_as_none() {
    let given = with_others("New/B-A York/I-A\nNew/B-A York/I-A\nNew/B-A York/I-A\nin/O New/O York/O");
    let inconsistent = |given: &str| -> Vec<String> {
        let all = everything(given, given).into_iter();
        all.filter(|(_, kind, _)| *kind == SuspectKind::Inconsistent).map(|(.., change)| change).collect()
    };
    assert_eq!(inconsistent(&given), ["3:1..3 O O -> B-A I-A"]);
    // Too few to tell.
    let few = with_others("New/B-A York/I-A\nNew/B-A York/I-A\nin/O New/O York/O");
    assert_eq!(inconsistent(&few), [""; 0]);
}

#[test]
fn what_is_another_type_everywhere_else_is_suggested_as_that() {
    let others = "York/B-B\nYork/B-B\nYork/B-B";
    let given = with_others(&format!("York/B-A\n{others}"));
    let (kind, change) = one(&given, &with_others(&format!("York/O\n{others}")));
    assert_eq!((kind, &change[..]), (SuspectKind::Inconsistent, "0:0..1 B-A -> B-B"));
}

#[test]
fn invalid_tags_elsewhere_are_no_example() {
    let others = ["x/B-A y/I-B"; 4].join("\n");
    let (given, read) = (format!("x/B-A y/I-A\n{others}\nz/B-B"), format!("x/O y/O\n{others}\nz/B-B"));
    let found = found(&given, &read);
    assert_eq!(found[0], (SuspectKind::Spurious, "0:0..2 B-A I-A -> O O".into()));
}

#[test]
fn a_suspect_carries_its_evidence() {
    let given = "in/O York/B-A\nYork/B-A\nYork/O\nYork/B-A in/O\nYork/B-B";
    let text = text(given);
    let mut evidence = evidence(&text, "in/O York/O\nYork/B-A\nYork/O\nYork/B-A in/O\nYork/B-B");
    evidence.held_out_loss[1] = vec![f32::NAN; text.n_tokens()];
    let found = find(&text, &evidence);
    let suspect = found.iter().find(|suspect| (suspect.sentence, suspect.start) == (0, 1)).unwrap();
    assert_eq!((suspect.line, suspect.end, &suspect.words[..]), (2, 2, &["York".to_owned()][..]));
    let Suspect { elsewhere, elsewhere_as_given, elsewhere_as_suggested, .. } = *suspect;
    assert_eq!((elsewhere, elsewhere_as_given, elsewhere_as_suggested), (4, 2, 1));
    assert_eq!(suspect.held_out_loss, [1.0], "epochs without a loss are left out");
    assert_eq!(suspect.train_loss, [0.5, 0.5]);
    let places: Vec<(u32, u64, &str)> =
        suspect.occurrences.iter().map(|other| (other.sentence, other.line, &other.tags[0][..])).collect();
    assert_eq!(places, [(2, 6, "O"), (4, 11, "B-B"), (1, 4, "B-A"), (3, 8, "B-A")]);
}

#[test]
fn words_that_no_model_has_judged_are_left_alone() {
    let text = text(&with_others("in/O New/B-A York/I-A"));
    let mut evidence = evidence(&text, &with_others("in/O New/O York/O"));
    evidence.judged.fill(false);
    evidence.probabilities_at.fill(f32::NAN);
    assert_eq!(find(&text, &evidence), []);
}

/// Sentences as numbers of tokens and labels, a weight for each label of each token, and which tokens are judged.
type Drawn = (Vec<Vec<(u8, u8)>>, Vec<f32>, Vec<bool>);

/// Sentences of three tokens, labels valid or not.
fn anything() -> impl Strategy<Value = Drawn> {
    let sentence = prop::collection::vec((0..3_u8, 0..5_u8), 1..7);
    prop::collection::vec(sentence, 1..10).prop_flat_map(|sentences| {
        let n = sentences.iter().map(Vec::len).sum::<usize>();
        let probabilities = prop::collection::vec(0.0_f32..1.0, n * 5);
        (Just(sentences), probabilities, prop::collection::vec(prop::bool::weighted(0.9), n))
    })
}

proptest! {
    #[test]
    fn suggestions_can_be_put_in_together((sentences, mut probabilities, judged) in anything()) {
        let names = ["O", "B-A", "B-B", "I-A", "I-B"];
        let word = |&(word, label): &(u8, u8)| format!("{}/{}", ["a", "b", "c"][usize::from(word)], names[usize::from(label)]);
        let lines: Vec<String> =
            sentences.iter().map(|words| words.iter().map(word).collect::<Vec<_>>().join(" ")).collect();
        let mut text = text(&lines.join("\n"));
        text.labels = LabelSet::new(names);
        for (sentence, drawn) in text.sentences.iter_mut().zip(&sentences) {
            sentence.labels = drawn.iter().map(|&(_, label)| label).collect();
        }
        for row in probabilities.chunks_exact_mut(5) {
            let total = row.iter().sum::<f32>().max(1e-6);
            row.iter_mut().for_each(|p| *p /= total);
        }
        let mut evidence = of_probabilities(&text, probabilities);
        evidence.judged = judged;
        let found = find(&text, &evidence);

        prop_assert!(found.iter().map(|suspect| suspect.rank).eq(1..=found.len() as u32));
        prop_assert!(found.is_sorted_by(|a, b| a.score >= b.score));
        prop_assert!(found.iter().all(|suspect| suspect.score.is_finite() && (0.0..=1.0).contains(&suspect.probability)));
        let mut corrected: Vec<Labels<Given>> = text.sentences.iter().map(|sentence| sentence.labels.clone()).collect();
        let mut taken = HashSet::new();
        for suspect in &found {
            let (sentence, words) = (suspect.sentence as usize, usize::from(suspect.start)..usize::from(suspect.end));
            prop_assert!(words.clone().all(|word| taken.insert((sentence, word))), "suspects overlap");
            prop_assert_ne!(&suspect.given, &suspect.suggested);
            let suggested: Vec<u8> = suspect.suggested.iter().map(|tag| text.labels.id(tag).unwrap()).collect();
            prop_assert!(is_valid(&text.labels, &suggested));
            let given = &text.sentences[sentence].labels;
            let mut alone = given.clone();
            alone[words.clone()].copy_from_slice(&suggested);
            let invalid = invalid_words(&text.labels, given);
            prop_assert!(invalid_words(&text.labels, &alone).iter().all(|word| invalid.contains(word)));
            corrected[sentence][words].copy_from_slice(&suggested);
        }
        for (corrected, sentence) in corrected.iter().zip(&text.sentences) {
            prop_assert!(is_valid(&text.labels, corrected), "{:?} became {corrected:?}", sentence.labels);
        }
    }
}

#[test]
fn large_and_repetitive_text_takes_no_square_of_its_size() {
    // One sentence of 60,000 tokens, every other one an entity and every fourth invalid; 30,000 equal sentences.
    let long: Vec<&str> = (0..60_000).map(|i| ["a/B-A", "b/O", "c/I-B", "d/O"][i % 4]).collect();
    let given = format!("{}\n{}z/B-B", long.join(" "), "x/B-A y/O\n".repeat(30_000));
    let text = text(&given);
    let begun = std::time::Instant::now();
    let found = find(&text, &evidence(&text, &given));
    assert!(found.len() >= 45_000, "{}", found.len());
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}
