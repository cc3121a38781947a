//! What annotated files are read, converted or refused: one corpus, written in each format with each oddity.
//!
//! The table in docs/formats.md is made here. A change of behaviour changes it, and the test fails until
//! `MEMOSCOPE_UPDATE=1 cargo test --test it formats` writes it anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use memoscope::corpus::{LabelSet, Sentence, files};
use proptest::prelude::*;

use crate::workspace::Workspace;

/// Sentences of (token, IOB2 tag).
type Annotated = Vec<Vec<(String, String)>>;

fn corpus() -> Annotated {
    let sentence = |text: &str| {
        let pairs = text.split(' ').map(|pair| pair.rsplit_once('/').unwrap());
        pairs.map(|(token, tag)| (token.to_owned(), tag.to_owned())).collect()
    };
    [
        "Odila/B-PER Märn/I-PER left/O Varnholm/B-LOC ./O",
        "Halden/B-ORG Group/I-ORG hired/O Pio/B-PER in/O Drava/B-LOC",
        "#rain/O is/O expected/O",
        "Kestrel/B-ORG moved/O to/O Lower/B-LOC Esk/I-LOC",
    ]
    .map(sentence)
    .to_vec()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Tabs,
    Spaces,
    JsonNames,
    JsonNumbers,
}

impl Format {
    const ALL: [Self; 4] = [Self::Tabs, Self::Spaces, Self::JsonNames, Self::JsonNumbers];

    fn heading(self) -> &'static str {
        match self {
            Self::Tabs => "2 columns, tabs",
            Self::Spaces => "4 columns, spaces",
            Self::JsonNames => "JSON lines, names",
            Self::JsonNumbers => "JSON lines, numbers",
        }
    }

    fn is_json(self) -> bool {
        matches!(self, Self::JsonNames | Self::JsonNumbers)
    }

    fn file(self) -> &'static str {
        if self.is_json() { "train.jsonl" } else { "train.txt" }
    }

    /// The corpus, and the text of `label.json` where the format has one.
    fn write(self, corpus: &Annotated) -> (String, Option<String>) {
        let mut names: Vec<&str> = corpus.iter().flatten().map(|(_, tag)| tag.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let lines: Vec<String> = corpus.iter().map(|sentence| self.sentence(sentence, &names)).collect();
        let labels = || serde_json::to_string(&names).unwrap();
        (lines.concat(), (self == Self::JsonNumbers).then(labels))
    }

    fn sentence(self, sentence: &[(String, String)], names: &[&str]) -> String {
        let tokens: Vec<&str> = sentence.iter().map(|(token, _)| token.as_str()).collect();
        let tags: Vec<&str> = sentence.iter().map(|(_, tag)| tag.as_str()).collect();
        match self {
            Self::Tabs => sentence.iter().map(|(token, tag)| format!("{token}\t{tag}\n")).collect::<String>() + "\n",
            Self::Spaces => {
                sentence.iter().map(|(token, tag)| format!("{token} NN I-NP {tag}\n")).collect::<String>() + "\n"
            }
            Self::JsonNames => format!("{}\n", serde_json::json!({"tokens": tokens, "tags": tags})),
            Self::JsonNumbers => {
                let ids: Vec<usize> = tags.iter().map(|tag| names.iter().position(|n| n == tag).unwrap()).collect();
                format!("{}\n", serde_json::json!({"tokens": tokens, "tags": ids}))
            }
        }
    }
}

/// A file as someone might have it.
struct Written {
    bytes: Vec<u8>,
    labels: Option<String>,
    name: &'static str,
}

/// An oddity: its group, its name, and the file that has it; `None` where a format cannot have it.
struct Oddity {
    group: &'static str,
    name: &'static str,
    write: Box<dyn Fn(Format) -> Option<Written>>,
}

/// The corpus, changed before it is written.
fn of_corpus(group: &'static str, name: &'static str, change: impl Fn(&mut Annotated) + 'static) -> Oddity {
    let write = move |format: Format| {
        let mut corpus = corpus();
        change(&mut corpus);
        let (text, labels) = format.write(&corpus);
        Some(Written { bytes: text.into_bytes(), labels, name: format.file() })
    };
    Oddity { group, name, write: Box::new(write) }
}

/// All tags, changed.
fn of_tags(group: &'static str, name: &'static str, change: impl Fn(&str) -> String + 'static) -> Oddity {
    of_corpus(group, name, move |corpus| {
        for (_, tag) in corpus.iter_mut().flatten() {
            *tag = change(tag);
        }
    })
}

/// The first tag of an entity, changed.
fn of_one_tag(group: &'static str, name: &'static str, tag: &'static str) -> Oddity {
    of_corpus(group, name, move |corpus| corpus[0][0].1 = tag.to_owned())
}

/// The written text, changed.
fn of_text(
    group: &'static str,
    name: &'static str,
    change: impl Fn(Format, &str) -> Option<Vec<u8>> + 'static,
) -> Oddity {
    let write = move |format: Format| {
        let (text, labels) = format.write(&corpus());
        Some(Written { bytes: change(format, &text)?, labels, name: format.file() })
    };
    Oddity { group, name, write: Box::new(write) }
}

/// The written text of files in columns, changed.
fn of_columns(group: &'static str, name: &'static str, change: impl Fn(&str) -> String + 'static) -> Oddity {
    of_text(group, name, move |format, text| (!format.is_json()).then(|| change(text).into_bytes()))
}

/// The lines with a token, changed.
fn of_rows(group: &'static str, name: &'static str, change: impl Fn(usize, &str, char) -> String + 'static) -> Oddity {
    of_columns(group, name, move |text| {
        let mark = if text.contains('\t') { '\t' } else { ' ' };
        let mut index = 0;
        let line = |line: &str| {
            index = if line.is_empty() { 0 } else { index + 1 };
            if line.is_empty() { String::new() } else { change(index, line, mark) }
        };
        text.split('\n').map(line).collect::<Vec<_>>().join("\n")
    })
}

/// The written text of JSON lines, changed.
fn of_json(group: &'static str, name: &'static str, change: impl Fn(&str) -> String + 'static) -> Oddity {
    of_text(group, name, move |format, text| format.is_json().then(|| change(text).into_bytes()))
}

fn utf16(text: &str, mark: bool, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).flat_map(unit).collect()
}

fn in_scheme(scheme: &str) -> impl Fn(&mut Annotated) + 'static {
    let scheme = scheme.to_owned();
    move |corpus| {
        for sentence in corpus.iter_mut() {
            let iob2: Vec<String> = sentence.iter().map(|(_, tag)| tag.clone()).collect();
            for (position, tag) in rewritten(&iob2, &scheme).into_iter().enumerate() {
                sentence[position].1 = tag;
            }
        }
    }
}

/// IOB2 tags in another scheme.
fn rewritten(iob2: &[String], scheme: &str) -> Vec<String> {
    let of = |position: usize| iob2.get(position).and_then(|tag| tag.split_once('-'));
    let mut out = Vec::new();
    for position in 0..iob2.len() {
        let Some((prefix, kind)) = of(position) else {
            out.push("O".to_owned());
            continue;
        };
        let begins = prefix == "B";
        let goes_on = of(position + 1) == Some(("I", kind));
        let touches = position.checked_sub(1).and_then(of).is_some_and(|(_, before)| before == kind);
        let prefix = match (scheme, begins, goes_on) {
            ("IO", ..) => "",
            ("IOB1", true, _) if touches => "B-",
            ("IOB1", ..) => "I-",
            ("BIOES", true, false) => "S-",
            ("BIOES", false, false) => "E-",
            ("BILOU", true, false) => "U-",
            ("BILOU", false, false) => "L-",
            ("IOE", _, false) => "E-",
            ("IOE", ..) => "I-",
            (_, true, _) => "B-",
            _ => "I-",
        };
        out.push(format!("{prefix}{kind}"));
    }
    out
}

fn oddities() -> Vec<Oddity> {
    let mut all = Vec::new();
    let ends = "Line ends";
    all.push(of_text(ends, "LF", |_, text| Some(text.into())));
    all.push(of_text(ends, "CR LF", |_, text| Some(text.replace('\n', "\r\n").into())));
    all.push(of_text(ends, "CR CR LF", |_, text| Some(text.replace('\n', "\r\r\n").into())));
    all.push(of_text(ends, "CR", |_, text| Some(text.replace('\n', "\r").into())));
    all.push(of_text(ends, "no line end at the end of the file", |_, text| Some(text.trim_end().into())));
    all.push(of_text(ends, "a single CR among LF", |_, text| Some(text.replacen('\n', "\r", 1).into())));
    let encoding = "Encoding";
    all.push(of_text(encoding, "UTF-8 with byte order mark", |_, text| Some(format!("\u{feff}{text}").into())));
    all.push(of_text(encoding, "UTF-16 LE with byte order mark", |_, text| Some(utf16(text, true, u16::to_le_bytes))));
    all.push(of_text(encoding, "UTF-16 BE with byte order mark", |_, text| Some(utf16(text, true, u16::to_be_bytes))));
    all.push(of_text(encoding, "UTF-16 without byte order mark", |_, text| Some(utf16(text, false, u16::to_le_bytes))));
    all.push(of_text(encoding, "Latin-1", |_, text| Some(text.chars().map(|c| c as u8).collect())));
    all.push(of_text(encoding, "a NUL character", |_, text| Some(text.replacen("left", "le\0ft", 1).into())));
    let sentences = "Between sentences";
    all.push(of_columns(sentences, "several empty lines", |text| text.replace("\n\n", "\n\n\n\n")));
    all.push(of_columns(sentences, "lines of spaces and tabs", |text| text.replace("\n\n", "\n \t \n")));
    all.push(of_columns(sentences, "lines of no-break spaces", |text| text.replace("\n\n", "\n\u{a0}\n")));
    all.push(of_columns(sentences, "`-DOCSTART-` lines", |text| format!("-DOCSTART- -X- O O\n\n{text}-DOCSTART- O\n")));
    all.push(of_columns(sentences, "comment lines", |text| {
        format!("# id = 1\n{}", text.replace("\n\n", "\n\n# id = 2\n"))
    }));
    all.push(of_json(sentences, "empty lines", |text| text.replace('\n', "\n\n")));
    let scheme = "Tag scheme";
    for name in ["IOB1", "BIOES", "BILOU", "IO", "IOE"] {
        let title = if name == "IO" { "IO (no prefixes)" } else { name };
        all.push(of_corpus(scheme, title, in_scheme(name)));
    }
    all.push(of_corpus(scheme, "one `S-` in IOB2", |corpus| corpus[1][3].1 = "S-PER".into()));
    all.push(of_corpus(scheme, "one `L-` in IOB2", |corpus| corpus[0][1].1 = "L-PER".into()));
    all.push(of_corpus(scheme, "one `U-` in BIOES", |corpus| {
        in_scheme("BIOES")(corpus);
        corpus[1][3].1 = "U-PER".into();
    }));
    all.push(of_one_tag(scheme, "one tag without prefix in IOB2", "PER"));
    all.push(of_tags(scheme, "`B_PER`", |tag| tag.replacen('-', "_", 1)));
    all.push(of_tags(scheme, "`PER-B`", |tag| tag.split_once('-').map_or(tag.into(), |(p, t)| format!("{t}-{p}"))));
    all.push(of_tags(scheme, "`o` instead of `O`", |tag| if tag == "O" { "o".into() } else { tag.into() }));
    all.push(of_one_tag(scheme, "`B-` without a type", "B-"));
    let tags = "Tags";
    all.push(of_one_tag(tags, "space after a tag", "B-PER "));
    all.push(of_one_tag(tags, "no-break space after a tag", "B-PER\u{a0}"));
    all.push(of_one_tag(tags, "zero-width space after a tag", "B-PER\u{200b}"));
    all.push(of_one_tag(tags, "direction mark after a tag", "B-PER\u{200e}"));
    all.push(of_rows(tags, "tab after the last column", |_, line, _| format!("{line}\t")));
    let columns = "Columns";
    all.push(of_rows(columns, "index in the first column", |index, line, mark| format!("{index}{mark}{line}")));
    all.push(of_rows(columns, "document id in the first column", |_, line, mark| format!("bc/cctv{mark}{line}")));
    all.push(of_rows(columns, "a second layer of tags in the last column", |_, line, mark| format!("{line}{mark}O")));
    all.push(of_rows(columns, "a score in the last column", |_, line, mark| format!("{line}{mark}0.93")));
    all.push(of_rows(columns, "an additional column in one line", |index, line, mark| match index {
        3 => format!("{line}{mark}O"),
        _ => line.to_owned(),
    }));
    all.push(of_rows(columns, "only the token", |_, line, mark| line.split(mark).next().unwrap().to_owned()));
    let keys = "Keys and values";
    for (name, from, to) in [
        ("`words` instead of `tokens`", "\"tokens\"", "\"words\""),
        ("`ner_tags` instead of `tags`", "\"tags\"", "\"ner_tags\""),
        ("`labels` instead of `tags`", "\"tags\"", "\"labels\""),
        ("additional keys", "{", "{\"id\":\"7\","),
        ("unknown keys", "\"tokens\"", "\"text\""),
        ("null as a token", "\"left\"", "null"),
        ("an empty token", "\"left\"", "\"\""),
        ("a tab in a token", "\"left\"", "\"le\\tft\""),
    ] {
        all.push(of_json(keys, name, move |text| text.replace(from, to)));
    }
    all.push(of_json(keys, "different numbers of tokens and tags", |text| text.replacen("\"left\",", "", 1)));
    all.push(of_json(keys, "a JSON array", |text| format!("[{}]", text.trim_end().replace('\n', ",\n"))));
    all.push(of_text(keys, "-100 as a tag", |format, text| {
        (format == Format::JsonNumbers).then(|| {
            text.replacen("\"tags\":[", "\"tags\":[-100,", 1).replacen("\"tokens\":[", "\"tokens\":[\"x\",", 1).into()
        })
    }));
    all.push(Oddity {
        group: keys,
        name: "missing label.json",
        write: Box::new(|format| {
            let bytes = (format == Format::JsonNumbers).then(|| format.write(&corpus()).0.into_bytes())?;
            Some(Written { bytes, labels: None, name: format.file() })
        }),
    });
    all.push(Oddity {
        group: keys,
        name: "extension .txt",
        write: Box::new(|format| {
            let (text, labels) = format.write(&corpus());
            format.is_json().then(|| Written { bytes: text.into_bytes(), labels, name: "train.txt" })
        }),
    });
    all
}

/// What becomes of a file.
enum Outcome {
    Read,
    ReadWithMessage(String),
    Refused(String),
}

/// Reads a file. What is read must be the corpus: anything else is a wrong result.
fn outcome(written: &Written, what: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(written.name);
    fs_err::write(&path, &written.bytes).unwrap();
    if let Some(labels) = &written.labels {
        fs_err::write(folder.path().join("label.json"), labels).unwrap();
    }
    let here = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
    match files::read(&path, None) {
        Err(error) => {
            assert!(error.hint().is_some(), "{what}: {error}");
            assert_eq!(error.kind(), memoscope::error::ErrorKind::Input, "{what}: {error}");
            Outcome::Refused(here(error.to_string()))
        }
        Ok(files) => {
            let warnings = files.corpus_of_train().unwrap().warnings;
            assert_eq!(read(&files), (inventory(), labelled(&corpus())), "{what}");
            match warnings.is_empty() {
                true => Outcome::Read,
                false => Outcome::ReadWithMessage(here(warnings.join("; "))),
            }
        }
    }
}

fn inventory() -> LabelSet {
    LabelSet::new(corpus().iter().flatten().map(|(_, tag)| tag))
}

fn labelled(corpus: &Annotated) -> Vec<Sentence> {
    let labels = LabelSet::new(corpus.iter().flatten().map(|(_, tag)| tag));
    let sentence = |sentence: &Vec<(String, String)>| Sentence {
        words: sentence.iter().map(|(token, _)| token.clone()).collect(),
        labels: sentence.iter().map(|(_, tag)| labels.id(tag).unwrap()).collect(),
    };
    corpus.iter().map(sentence).collect()
}

fn read(files: &files::AnnotatedFiles) -> (LabelSet, Vec<Sentence>) {
    let (labels, mut sentences) = files.labelled().unwrap();
    (labels, sentences.swap_remove(0))
}

/// The table, and the messages below it.
fn tables() -> String {
    let mut table = String::from("| | ");
    let headings: Vec<&str> = Format::ALL.map(Format::heading).to_vec();
    let _ = writeln!(table, "{} |\n| --- | {} |", headings.join(" | "), ["---"; 4].join(" | "));
    let mut messages = String::from("| Variant | Message |\n| --- | --- |\n");
    let mut group = "";
    for oddity in oddities() {
        if oddity.group != group {
            group = oddity.group;
            let _ = writeln!(table, "| **{group}** | | | | |");
        }
        let mut said: Vec<String> = Vec::new();
        let mut cell = |format| {
            let Some(written) = (oddity.write)(format) else { return "–" };
            let what = format!("{} in {}", oddity.name, format.heading());
            let (cell, message) = match outcome(&written, &what) {
                Outcome::Read => return "read",
                Outcome::ReadWithMessage(message) => ("read, with a message", message),
                Outcome::Refused(message) => ("refused", message),
            };
            if !said.contains(&message) {
                said.push(message);
            }
            cell
        };
        let cells: Vec<&str> = Format::ALL.map(&mut cell).to_vec();
        let _ = writeln!(table, "| {} | {} |", oddity.name, cells.join(" | "));
        if let Some(first) = said.first() {
            let _ = writeln!(messages, "| {} | {} |", oddity.name, first.replace('|', "\\|"));
        }
    }
    format!("{table}\n{messages}")
}

const BEGIN: &str = "<!-- made by tests/it/formats.rs -->\n\n";
const END: &str = "\n<!-- end -->";

#[test]
fn the_table_of_formats_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md");
    let page = fs_err::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (present, tail) = rest.split_once(END).unwrap();
    let made = tables();
    if std::env::var_os("MEMOSCOPE_UPDATE").is_some() {
        fs_err::write(&path, format!("{head}{BEGIN}{made}{END}{tail}")).unwrap();
        return;
    }
    assert_eq!(present, made, "docs/formats.md: run the test with MEMOSCOPE_UPDATE=1 and look at what has changed");
}

/// Sentences in which spans of one type may touch, and every sentence has a token outside.
fn any_corpus() -> impl Strategy<Value = Annotated> {
    const TOKENS: [&str; 9] = ["Odila", "left", "Märn", "#tag", "2", "U.S.", "O", "\u{200b}", "-"];
    let span = (0_usize..3, prop::sample::select(vec!["X", "Y-z", "É"]), 1_usize..4);
    let sentence = (0_usize..9, prop::collection::vec(span, 0..4)).prop_map(|(first, spans)| {
        let mut tags = vec!["O".to_owned()];
        for (gap, kind, length) in spans {
            tags.extend(std::iter::repeat_n("O".to_owned(), gap));
            tags.extend((0..length).map(|position| format!("{}-{kind}", if position == 0 { "B" } else { "I" })));
        }
        let token = |position: usize| TOKENS[(first + position) % TOKENS.len()].to_owned();
        tags.into_iter().enumerate().map(|(position, tag)| (token(position), tag)).collect::<Vec<_>>()
    });
    prop::collection::vec(sentence, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn any_corpus_in_any_written_form_reads_alike(
        corpus in any_corpus(),
        scheme in prop::sample::select(vec!["IOB1", "IOB2", "BIOES", "BILOU", "IO"]),
        format in prop::sample::select(Format::ALL.to_vec()),
        end in prop::sample::select(vec!["\n", "\r\n", "\r", "\r\r\n"]),
        encoding in 0_usize..4,
        gap in prop::sample::select(vec!["", "\n", " \t", "\n\u{a0}\n"]),
        trailing in any::<bool>(),
        behind in prop::sample::select(vec!["", " ", "\u{200b}", "\u{a0} "]),
    ) {
        // IO cannot tell touching spans of one type apart.
        let touching = |sentence: &Vec<(String, String)>| {
            sentence.windows(2).any(|pair| pair[1].1.starts_with("B-") && pair[0].1.get(2..) == pair[1].1.get(2..))
        };
        prop_assume!(scheme != "IO" || !corpus.iter().any(touching));
        let mut written = corpus.clone();
        in_scheme(scheme)(&mut written);
        for (_, tag) in written.iter_mut().flatten() {
            tag.push_str(behind);
        }
        let (text, labels) = format.write(&written);
        let mut text = match format.is_json() {
            true => text,
            false => text.replace("\n\n", &format!("\n{gap}\n")),
        };
        if trailing {
            text.truncate(text.trim_end_matches('\n').len());
        }
        let text = text.replace('\n', end);
        let bytes = match encoding {
            0 => text.into_bytes(),
            1 => format!("\u{feff}{text}").into_bytes(),
            2 => utf16(&text, true, u16::to_le_bytes),
            _ => utf16(&text, true, u16::to_be_bytes),
        };
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join(format.file());
        fs_err::write(&path, &bytes).unwrap();
        if let Some(labels) = labels {
            fs_err::write(folder.path().join("label.json"), labels).unwrap();
        }
        let files = files::read(&path, None).unwrap();
        let expected = LabelSet::new(corpus.iter().flatten().map(|(_, tag)| tag));
        prop_assert_eq!(read(&files), (expected, labelled(&corpus)));
    }
}

fn case(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases").join(path).display().to_string()
}

#[test]
fn files_as_people_have_them_are_described_or_refused() {
    let workspace = Workspace::new();
    // File, exit code, a part of what is said.
    for (file, code, said) in [
        ("01-trailing-space-tag/train.txt", 0, "tags with white space, invisible characters or decomposed letters"),
        ("01-trailing-space-tag/nfd.txt", 0, "2 labels: O B-ÉTAT"),
        ("01-trailing-space-tag/blank-type.txt", 3, "blank-type.txt:1: `B-` is not a tag"),
        ("01-trailing-space-tag/cr-only.txt", 0, "carriage returns are read as line ends"),
        ("01-trailing-space-tag/json", 0, "2 labels: O B-PER"),
        ("02-index-first-column/train.txt", 3, "--columns id,token,_,_,tag"),
        ("03-germeval/without-comment.txt", 3, "--columns id,token,tag,_"),
        ("03-germeval/with-comment.txt", 3, "--columns id,token,tag,_"),
        ("09-json-lines/ner_tags", 0, "2 labels: O B-PER"),
        ("09-json-lines/jsonl", 0, "2 labels: O B-PER"),
        ("09-json-lines/strings", 0, "2 labels: O B-PER"),
        ("09-json-lines/unused-label", 0, "2 labels: O B-PER"),
        ("09-json-lines/bom", 0, "2 labels: O B-PER"),
        ("09-json-lines/single.jsonl", 0, "2 labels: O B-PER"),
        ("09-json-lines/single.json", 3, "there is no label.json"),
        ("09-json-lines/nolabel", 3, "there is no label.json"),
        ("09-json-lines/minus100", 3, "is -100, which marks positions of a batch"),
        ("09-json-lines/null", 3, "token 2 is null"),
        ("09-json-lines/array", 3, "a JSON array, not JSON lines"),
        ("09-json-lines/docstart", 0, "2 `-DOCSTART-` marks are left out"),
        ("19-stray-tag/strayS", 0, "invalid transition"),
        ("19-stray-tag/strayE", 0, "IOB2"),
        ("19-stray-tag/small.txt", 0, "small.txt:4: O → S-PER; all in lines 4"),
        ("20-encodings/cr-folder", 0, "carriage returns are read as line ends"),
        ("20-encodings/utf16le.txt", 0, "read as UTF-16"),
        ("20-encodings/latin1.txt", 3, "the file is perhaps windows-1252"),
        ("20-encodings/nul.txt", 3, "nul.txt:2: the line has a NUL character"),
        ("20-encodings/crjson", 0, "carriage returns are read as line ends"),
        ("29-no-blank-lines/train.txt", 0, "the file has no empty line and is read as one sentence of"),
    ] {
        let result = workspace.run(&["corpus", "describe", &case(file)]);
        assert_eq!(result.code, code, "{file}: {result}");
        assert!(result.stdout.contains(said) || result.stderr.contains(said), "{file}: {result}");
    }
    let named = ["corpus", "describe", &case("03-germeval/with-comment.txt"), "--columns", "id,token,tag,_"];
    let result = workspace.run(&named);
    assert!(result.code == 0 && result.stdout.contains("4 labels: O B-LOC B-ORG I-ORG"), "{result}");
}

#[test]
fn a_copy_in_columns_can_be_read_back() {
    let workspace = Workspace::new();
    for folder in ["docstart", "feff", "feff2", "blank-token", "jsonl"] {
        let source = case(&format!("09-json-lines/{folder}"));
        let written = workspace.run(&["corpus", "perturb", &source, "--out", folder, "--rate", "0"]);
        assert_eq!(written.code, 0, "{folder}: {written}");
        let read = |path: &Path| files::read(path, None).unwrap().labelled().unwrap().1.swap_remove(0);
        assert_eq!(read(&workspace.path().join(folder)), read(Path::new(&source)), "{folder}");
    }
}
