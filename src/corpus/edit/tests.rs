use proptest::prelude::*;

use super::*;

/// How a generated file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Iob1,
    Iob2,
    Bioes,
    Bilou,
}

const STYLES: [Style; 4] = [Style::Iob1, Style::Iob2, Style::Bioes, Style::Bilou];

/// A sentence's spans: gaps, types and lengths.
type Layout = Vec<(usize, &'static str, usize)>;

fn layouts() -> impl Strategy<Value = Layout> {
    prop::collection::vec((0_usize..3, prop::sample::select(vec!["X", "Y-z"]), 1_usize..4), 1..6)
}

/// The tags of a layout, cut to, or filled with `O` up to, `length` words if it is given.
fn written(style: Style, layout: &Layout, length: Option<usize>) -> Vec<String> {
    let mut spans: Vec<(usize, usize, &str)> = Vec::new();
    let mut end = 0;
    for &(gap, kind, words) in layout {
        let start = end + gap;
        end = start + words;
        spans.push((start, end, kind));
    }
    let length = length.unwrap_or(end);
    let mut tags = vec!["O".to_owned(); length];
    let mut last: Option<(usize, &str)> = None;
    for (start, end, kind) in spans {
        let end = end.min(length);
        for (position, tag) in tags.iter_mut().enumerate().take(end).skip(start) {
            let (first, final_word) = (position == start, position + 1 == end);
            let prefix = match style {
                Style::Bioes if first && final_word => "S",
                Style::Bioes if final_word => "E",
                Style::Bilou if first && final_word => "U",
                Style::Bilou if final_word => "L",
                Style::Iob1 if first && last == Some((start, kind)) => "B",
                Style::Iob2 | Style::Bioes | Style::Bilou if first => "B",
                _ => "I",
            };
            *tag = format!("{prefix}-{kind}");
        }
        last = Some((end, kind));
    }
    tags
}

/// What stands around the tags: all that an edit must not touch.
#[derive(Debug, Clone)]
struct Dress {
    mark: bool,
    tabs: bool,
    middle: bool,
    last_newline: bool,
    endings: Vec<&'static str>,
    gaps: Vec<&'static str>,
    behind: Vec<&'static str>,
    words: Vec<&'static str>,
}

fn dresses() -> impl Strategy<Value = Dress> {
    let many = |choices: Vec<&'static str>| prop::collection::vec(prop::sample::select(choices), 7);
    let endings = prop_oneof![Just(vec!["\n"; 7]), Just(vec!["\r\n"; 7]), many(vec!["\n", "\r\n"])];
    let gaps = many(vec!["", " ", " \t ", "-DOCSTART- -X- O"]);
    let behind = many(vec!["", "", " ", "   "]);
    // Never the same twice in a row: a first column that hardly changes is refused.
    let words = Just(vec!["a", "\"q\"", "B-X", "x\u{85}y", "e\u{a0}f", "Ö", "\u{feff}"]).prop_shuffle();
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), endings, gaps, behind, words).prop_map(
        |(mark, tabs, middle, last_newline, endings, gaps, behind, words)| Dress {
            mark,
            tabs,
            middle,
            last_newline,
            endings,
            gaps,
            behind,
            words,
        },
    )
}

fn dressed(dress: &Dress, sentences: &[Vec<String>]) -> String {
    let mut out = String::from(if dress.mark { "\u{feff}" } else { "" });
    let mut number = 0;
    let mut pick = |choices: &[&'static str]| {
        number += 1;
        choices[number % choices.len()]
    };
    let mut lines: Vec<String> = vec!["-DOCSTART- -X- O O".into(), String::new()];
    for tags in sentences {
        for tag in tags {
            let word = pick(&dress.words);
            let middle = if dress.middle { "NN" } else { "" };
            lines.push(match (dress.tabs, dress.middle) {
                (true, true) => format!("{word} {word}\t{middle}\t{tag}"),
                (true, false) => format!("{word} {word}\t{tag}"),
                (false, true) => format!("{word}  {middle} {tag}{}", pick(&dress.behind)),
                (false, false) => format!("{word} {tag}{}", pick(&dress.behind)),
            });
        }
        lines.push(pick(&dress.gaps).into());
    }
    for line in lines {
        out.push_str(&line);
        out.push_str(pick(&dress.endings));
    }
    if !dress.last_newline {
        out.truncate(out.trim_end_matches(['\n', '\r']).len());
    }
    out
}

fn open(bytes: &[u8]) -> EditableFile {
    EditableFile::parse(Path::new("train.txt"), bytes, None, None).unwrap()
}

/// Checks that `edited` differs from `before` in the tags of its lines only, and in each of them.
fn only_tags_differ(before: &EditableFile, edited: &Edited) -> Result<(), TestCaseError> {
    let lines = |bytes: &[u8]| bytes.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (old, new) = (lines(&before.decoded.encode(&before.decoded.text)), lines(&edited.bytes));
    prop_assert_eq!(old.len(), new.len());
    for (index, (old, new)) in old.iter().zip(&new).enumerate() {
        let Some(edit) = edited.lines.iter().find(|edit| edit.line == index + 1) else {
            prop_assert_eq!(old, new);
            continue;
        };
        let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
        let cut = old.rfind(&edit.old).unwrap();
        let expected = format!("{}{}{}", &old[..cut], edit.new, &old[cut + edit.old.len()..]);
        prop_assert_eq!(new.as_ref(), expected);
        prop_assert_ne!(&edit.old, &edit.new);
    }
    Ok(())
}

proptest! {
    #[test]
    fn valid_sequences_change_to_exactly_what_is_asked(
        style in prop::sample::select(STYLES.to_vec()),
        sentences in prop::collection::vec((layouts(), layouts(), any::<bool>()), 1..5),
        dress in dresses(),
    ) {
        let before: Vec<Vec<String>> = sentences.iter().map(|(layout, ..)| written(style, layout, None)).collect();
        let bytes = dressed(&dress, &before);
        let file = open(bytes.as_bytes());
        let mut after = before.clone();
        let mut edits = Edits::new();
        for (sentence, (_, other, changed)) in sentences.iter().enumerate() {
            if *changed {
                let length = Some(before[sentence].len());
                after[sentence] = written(style, other, length);
                let tags = written(Style::Iob2, other, length);
                edits.extend(tags.into_iter().enumerate().map(|(token, tag)| ((sentence, token), tag)));
            }
        }
        let edited = file.edit(&edits).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&edited.bytes), dressed(&dress, &after));
        only_tags_differ(&file, &edited)?;
        let again = open(&edited.bytes);
        for (&(sentence, token), tag) in &edits {
            prop_assert_eq!(&again.tags()[sentence][token], tag);
        }
        // Asked for what is there, nothing changes.
        let same = again.edit(&edits).unwrap();
        prop_assert_eq!(same.bytes, edited.bytes);
        prop_assert!(same.lines.is_empty());
    }

    #[test]
    fn invalid_sequences_stay_but_for_what_is_asked(
        tags in prop::collection::vec(prop::collection::vec(prop::sample::select(vec![
            "O", "O", "B-X", "I-X", "E-X", "S-X", "B-Y", "I-Y", "E-Y", "S-Y",
        ]), 1..8), 1..4),
        restricted in any::<bool>(),
        edits in prop::collection::btree_map(
            (0_usize..4, 0_usize..8), prop::sample::select(vec!["O", "B-X", "I-X", "B-Y", "I-Y"]), 0..4,
        ),
        dress in dresses(),
    ) {
        let narrow = |tag: &str| if restricted { tag.replace("S-", "B-").replace("E-", "I-") } else { tag.to_owned() };
        let tags: Vec<Vec<String>> = tags.iter().map(|s| s.iter().map(|tag| narrow(tag)).collect()).collect();
        let bytes = dressed(&dress, &tags);
        let Ok(file) = EditableFile::parse(Path::new("x"), bytes.as_bytes(), None, None) else { return Ok(()) };
        prop_assert_eq!(&file.edit(&Edits::new()).unwrap().bytes[..], bytes.as_bytes());
        let edits: Edits = edits
            .into_iter()
            .filter(|((sentence, token), _)| tags.get(*sentence).is_some_and(|s| *token < s.len()))
            .map(|(place, tag)| (place, tag.to_owned()))
            .collect();
        let Ok(edited) = file.edit(&edits) else { return Ok(()) };
        only_tags_differ(&file, &edited)?;
        let mut expected = file.tags().to_vec();
        for (&(sentence, token), tag) in &edits {
            expected[sentence][token].clone_from(tag);
        }
        let again = open(&edited.bytes);
        prop_assert_eq!(again.tags(), &expected[..]);
        for line in &edited.lines {
            let beside = [line.token.checked_sub(1), Some(line.token), Some(line.token + 1)];
            let near = beside.iter().flatten().any(|&token| edits.contains_key(&(line.sentence, token)));
            prop_assert!(near, "{:?} is not beside an edit", line);
        }
    }
}

/// The lines of a file of one sentence once one of its labels is changed.
fn changed(tags: &str, token: usize, tag: &str) -> String {
    let text: String = tags.split(' ').map(|tag| format!("w {tag}\n")).collect();
    let edited = open(text.as_bytes()).edit(&Edits::from([((0, token), tag.to_owned())])).unwrap();
    let text = String::from_utf8(edited.bytes).unwrap();
    text.lines().map(|line| line.trim_start_matches("w ")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_neighbour_follows_where_its_tag_depends_on_the_changed_one() {
    assert_eq!(changed("I-X B-X O I-Y", 0, "O"), "O I-X O I-Y");
    assert_eq!(changed("I-X O I-X", 1, "B-X"), "I-X B-X B-X");
    assert_eq!(changed("B-X I-X E-X O", 2, "O"), "B-X E-X O O");
    assert_eq!(changed("S-X O B-Y E-Y", 1, "I-X"), "B-X E-X B-Y E-Y");
    assert_eq!(changed("U-X O B-Y L-Y", 1, "I-X"), "B-X L-X B-Y L-Y");
}

#[test]
fn a_tag_that_was_wrong_before_stays() {
    // The first span is not closed, the second not opened.
    assert_eq!(changed("B-X O S-Y O E-Y", 1, "B-Z"), "B-X S-Z S-Y O E-Y");
    assert_eq!(changed("O I-X O B-X I-Y", 2, "B-Z"), "O I-X B-Z B-X I-Y");
}

fn refusal(text: &str, place: (usize, usize), tag: &str) -> String {
    let error = open(text.as_bytes()).edit(&Edits::from([(place, tag.to_owned())])).unwrap_err();
    assert!(matches!(error, Error::Data(_)) && error.hint().is_some());
    error.to_string()
}

#[test]
fn what_cannot_be_edited_is_refused() {
    let text = "a O\nb B-X\n\nc O\n";
    assert_eq!(refusal(text, (2, 0), "O"), "train.txt: there is no sentence 2: the file has 2, counted from 0");
    assert_eq!(refusal(text, (1, 1), "O"), "train.txt:4: there is no token 1 in sentence 1: it has 1, counted from 0");
    for tag in ["S-X", "B-", "x", "", "B-X\n", "B-a\tb", "L-X"] {
        assert!(refusal(text, (0, 1), tag).ends_with("is no tag of IOB2"), "{tag}");
    }
    assert!(refusal(text, (0, 1), "B-a b").contains("holds a space"));
    let edited = open(b"a\tO\n").edit(&Edits::from([((0, 0), "B-a b".to_owned())])).unwrap();
    assert_eq!(edited.bytes, b"a\tB-a b\n");
}

#[test]
fn an_edit_that_would_turn_the_scheme_is_refused() {
    // IOB2 with two faults; without its `B-` the reader would take it for IOB1 and see other labels.
    let text = "a I-X\n\nb I-X\n\nc B-X\n";
    assert_eq!(
        refusal(text, (2, 0), "O"),
        "train.txt:1: once changed, the file would be read as IOB1 and no longer as IOB2"
    );
}
