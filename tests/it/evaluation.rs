//! The evaluation of an audit, by hand on two sentences.

use memoscope::audit::evaluation::{AuditAndGold, Evaluation, evaluate};
use memoscope::audit::{Suspect, SuspectKind};
use memoscope::corpus::LabelSet;
use memoscope::random::Streams;

/// `Bank of Rome , Italy`, whose annotation is wrong, and a sentence whose annotation is right.
const LENGTHS: [usize; 2] = [5, 3];
const GIVEN: &str = "B-ORG O B-LOC O O B-PER O O";
const GOLD: &str = "B-ORG I-ORG I-ORG O B-LOC B-PER O O";
const SUGGESTED: &str = "B-ORG I-ORG I-ORG O B-PER O O O";
const SCORE: [f64; 8] = [0.1, 0.9, 0.8, 0.0, 0.2, 0.7, 0.0, 0.0];

fn suspect(rank: u32, sentence: u32, words: std::ops::Range<u16>, kind: SuspectKind, suggested: &str) -> Suspect {
    Suspect {
        rank,
        sentence,
        line: 1,
        start: words.start,
        end: words.end,
        kind,
        words: vec!["w".into(); words.len()],
        given: vec!["O".into(); words.len()],
        suggested: suggested.split(' ').map(String::from).collect(),
        score: [0.9, 0.8, 0.7][rank as usize - 1],
        probability: [0.95, 0.6, 0.3][rank as usize - 1],
        held_out_loss: vec![],
        train_loss: vec![],
        elsewhere: 0,
        elsewhere_as_given: 0,
        elsewhere_as_suggested: 0,
        occurrences: vec![],
    }
}

fn suspects() -> Vec<Suspect> {
    vec![
        suspect(3, 0, 4..5, SuspectKind::Missed, "B-PER"),
        suspect(1, 0, 0..3, SuspectKind::WrongBoundary, "B-ORG I-ORG I-ORG"),
        suspect(2, 1, 0..1, SuspectKind::Spurious, "O"),
    ]
}

fn judge(suspects: &[Suspect], sentence_score: &[f64], n_replicates: usize) -> memoscope::Result<Evaluation> {
    let labels = LabelSet::new(["B-LOC", "B-ORG", "B-PER", "I-ORG"]);
    let ids = |tags: &str| -> Vec<u8> { tags.split(' ').map(|tag| labels.id(tag).unwrap()).collect() };
    let flagged = [false, true, false, false, false, true, false, false];
    let judged = AuditAndGold {
        lengths: &LENGTHS,
        labels: &labels,
        given: &ids(GIVEN),
        gold: &ids(GOLD),
        score: &SCORE,
        probability: &SCORE,
        sentence_score,
        suggested: &ids(SUGGESTED),
        suspects,
        measures: &[("mean loss", &SCORE)],
        masks: &[("confident learning", &flagged, &SCORE)],
    };
    evaluate(&judged, n_replicates, Streams::new(1))
}

fn close(ours: f64, expected: f64) {
    assert!((ours - expected).abs() < 1e-12, "{ours} and not {expected}");
}

#[test]
fn the_rankings_of_each_unit_by_hand() {
    let evaluation = judge(&suspects(), &[0.9, 0.7], 0).unwrap();
    // Tokens 1, 2 and 4 are wrong, ranked first, second and fourth.
    let token = evaluation.token.as_ref().unwrap();
    close(token.average_precision, (1.0 + 1.0 + 3.0 / 4.0) / 3.0);
    assert_eq!((token.n, token.n_errors, token.base_rate), (8, 3, 3.0 / 8.0));
    assert!(token.intervals.is_none());
    // Hit, false alarm, hit.
    let entity = evaluation.entity.as_ref().unwrap();
    close(entity.average_precision, 5.0 / 6.0);
    assert_eq!((entity.n, entity.n_errors), (3, 2));
    assert_eq!(evaluation.sentence.as_ref().unwrap().average_precision, 1.0);
    // Candidates are ORG 0–1 (0.1), LOC 2–3 (0.8), PER (0.7) and the suspects' 0–3 (0.9) and 4–5 (0.2): LOC and ORG lie
    // in an error that 0–3 has found.
    let measure = &evaluation.measures["mean loss"];
    close(measure.entity.as_ref().unwrap().average_precision, 5.0 / 6.0);
    assert_eq!(measure.entity.as_ref().unwrap().n, 3);
    assert_eq!((&measure.token, &measure.sentence), (&evaluation.token, &evaluation.sentence));
    let mask = evaluation.masks["confident learning"];
    assert_eq!((mask.n_flagged, mask.scores.precision), (2, 0.5));
    close(mask.scores.recall, 1.0 / 3.0);
}

#[test]
fn suggestions_by_hand() {
    let evaluation = judge(&suspects(), &[0.9, 0.7], 0).unwrap();
    let suggestions = &evaluation.suggestions;
    let all = suggestions.all;
    assert_eq!((all.n_suspects, all.n_hits, all.n_right, all.right), (3, 2, 1, Some(0.5)));
    assert_eq!(suggestions.by_kind[&SuspectKind::Spurious].right, None);
    assert_eq!(suggestions.by_kind[&SuspectKind::WrongBoundary].right, Some(1.0));
    assert_eq!((suggestions.n_wrong_tokens, suggestions.n_wrong_tokens_right), (3, 2));
    let [from_half, from_nine] = suggestions.applied[..] else { panic!("two thresholds") };
    assert_eq!((from_half.n_applied, from_half.n_corrected, from_half.n_broken), (2, 2, 1));
    assert_eq!((from_half.wrong_before, from_half.wrong_after), (3.0 / 8.0, 2.0 / 8.0));
    assert_eq!((from_nine.n_applied, from_nine.n_corrected, from_nine.n_broken), (1, 2, 0));
    assert_eq!(from_nine.wrong_after, 1.0 / 8.0);
    // 0.95, 0.6 and 0.3, of which the first and the last are wrong.
    let reliability = evaluation.suspect_reliability.as_ref().unwrap();
    assert_eq!((reliability.n, reliability.n_errors), (3, 2));
    close(reliability.brier_score, (0.0025 + 0.36 + 0.49) / 3.0);
}

#[test]
fn an_evaluation_is_plain_json_and_tables() {
    let evaluation = judge(&suspects(), &[0.9, 0.7], 50).unwrap();
    let json = serde_json::to_value(&evaluation).unwrap();
    close(json["token"]["average_precision"].as_f64().unwrap(), 11.0 / 12.0);
    close(json["entity"]["at_n_errors"]["precision"].as_f64().unwrap(), 0.5);
    assert!(json["measures"]["mean loss"]["sentence"]["intervals"]["average_precision"]["low"].is_number());
    assert!(json["suggestions"]["by_kind"]["wrong-boundary"]["n_hits"].is_number());
    assert_eq!(json["reliability"]["n_errors"], 3);
    let again: Evaluation = serde_json::from_value(json).unwrap();
    assert_eq!(again, evaluation);
    let tables = evaluation.tables();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let expected = ["audit-rankings", "audit-filters", "audit-reliability", "audit-suggestions", "audit-applied"];
    assert_eq!(names, expected);
    for table in &tables {
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.name);
    }
    assert_eq!(tables[0].rows.len(), 6);
}

#[test]
fn without_suspects_nothing_is_found() {
    let evaluation = judge(&[], &[0.9, 0.7], 0).unwrap();
    assert_eq!(evaluation.entity.as_ref().unwrap().average_precision, 0.0);
    assert_eq!(evaluation.suspect_reliability, None);
    assert_eq!(evaluation.suggestions.all.right, None);
    assert_eq!(evaluation.suggestions.applied[0].wrong_after, 3.0 / 8.0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let said = |result: memoscope::Result<Evaluation>| result.unwrap_err().to_string();
    assert!(said(judge(&suspects(), &[0.9], 0)).contains("differ in number"));
    let outside = vec![suspect(1, 1, 2..4, SuspectKind::Missed, "B-PER O")];
    assert!(said(judge(&outside, &[0.9, 0.7], 0)).contains("not within its sentence"));
}
