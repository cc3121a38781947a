//! The order of the modules: ARCHITECTURE.md says it, the sources keep to it.

use std::path::{Path, PathBuf};

/// The top-level modules in the order of ARCHITECTURE.md: the first block of code there has one a line.
fn order() -> Vec<String> {
    let text = fs_err::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let block = text.split("```").nth(1).unwrap();
    block.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, files),
            false if path.extension().is_some_and(|end| end == "rs") => files.push(path),
            false => {}
        }
    }
}

/// The code of a file, without comments and without its tests, which stand at its end.
fn code(path: &Path) -> String {
    let text = fs_err::read_to_string(path).unwrap();
    let mut lines = Vec::new();
    let mut is_test = false;
    for line in text.lines() {
        if is_test && line.trim_end().ends_with('{') && line.contains("mod ") {
            break;
        }
        is_test = line.trim() == "#[cfg(test)]";
        lines.push(line.split("//").next().unwrap_or_default());
    }
    lines.join("\n")
}

/// The top-level modules that code names: `crate::NAME`, also in braces.
fn named(code: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = |text: &str| text.chars().take_while(|&c| is_name(c)).collect::<String>();
    let mut names = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 1;
                let mut start = true;
                for (at, c) in list.char_indices() {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    if depth == 0 {
                        break;
                    }
                    if start && is_name(c) {
                        names.push(name(&list[at..]));
                    }
                    start = depth == 1 && (c == ',' || (start && c.is_whitespace()));
                }
            }
            None => names.push(name(rest)),
        }
    }
    names
}

#[test]
fn a_module_uses_those_above_it_alone() {
    let order = order();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for path in files {
        let inner = path.strip_prefix(&root).unwrap();
        let module = inner.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        // The roots of library and binary; files of tests.
        if ["lib", "main"].contains(&module) || path.ends_with("tests.rs") {
            continue;
        }
        let Some(place) = order.iter().position(|name| name == module) else {
            wrong.push(format!("ARCHITECTURE.md does not name {module}"));
            continue;
        };
        let used = named(&code(&path)).into_iter().filter_map(|used| order.iter().position(|name| *name == used));
        wrong.extend(used.filter(|&used| used > place).map(|used| format!("{} uses {}", inner.display(), order[used])));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_found_in_any_form_of_use() {
    let code = "use crate::run;\nuse crate::{exec::{self, Task}, model::Tagger,\n study};\ncrate::cli::run()";
    assert_eq!(named(code), ["run", "exec", "model", "study", "cli"]);
}
