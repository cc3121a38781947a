//! Names of tensors: what training loops, compilers and libraries put before or into the names of an encoder.
//!
//! A checkpoint of the encoder alone has `embeddings.word_embeddings.weight`, one of a task's model has the architecture's
//! prefix before it (`bert.embeddings…`), and wrappers add their own: `module.` (DataParallel), `_orig_mod.`
//! (`torch.compile`), `model.` (a class of the user's own), `base_model.model.` (PEFT). The word embedding, which every
//! encoder has, shows what precedes the names in a file.

use super::encoder::WORDS;

/// Segments that wrap a module anywhere in a name, and are no part of it.
const WRAPPERS: [&str; 3] = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/// Layer norms with today's names: `gamma` is `weight`, `beta` is `bias`.
pub(super) fn today(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((layer, "gamma")) => format!("{layer}.weight"),
        Some((layer, "beta")) => format!("{layer}.bias"),
        _ => name.to_owned(),
    }
}

/// The names without what precedes the encoder's own, and, where they are not the encoder's, without the wrapper's name:
/// `module.bert.encoder.x` is `encoder.x`, and `module.classifier.weight` is `classifier.weight`.
///
/// # Errors
/// The names that encoders have in the file, if there are several and none is called `prefix`, or nothing.
pub(super) fn plain(names: &[&str], prefix: &str) -> Result<Vec<String>, Vec<String>> {
    let unwrapped: Vec<String> = names.iter().map(|name| without_wrappers(name)).collect();
    let own = format!("{prefix}.");
    let root = root(&unwrapped, &own)?;
    let wrapper = root.strip_suffix(own.as_str()).filter(|w| w.is_empty() || w.ends_with('.')).unwrap_or(&root);
    let plain = |name: &String| {
        let rest = name.strip_prefix(root.as_str()).or_else(|| name.strip_prefix(wrapper));
        rest.unwrap_or(name).to_owned()
    };
    Ok(unwrapped.iter().map(plain).collect())
}

fn without_wrappers(name: &str) -> String {
    let segments: Vec<&str> = name.split('.').filter(|segment| !WRAPPERS.contains(segment)).collect();
    segments.join(".")
}

/// What precedes the encoder's names: nothing, or segments with a dot behind.
fn root(names: &[String], own: &str) -> Result<String, Vec<String>> {
    let before =
        |name: &String| name.strip_suffix(WORDS).filter(|r| r.is_empty() || r.ends_with('.')).map(str::to_owned);
    let mut roots: Vec<String> = names.iter().filter_map(before).collect();
    roots.dedup();
    let one = |roots: &[String], wanted: &dyn Fn(&str) -> bool| {
        let mut found = roots.iter().filter(|root| wanted(root));
        found.next().filter(|_| found.next().is_none()).cloned()
    };
    if roots.is_empty() {
        // No word embedding, so no encoder: the names that are there are shown as missing under their usual names.
        return Ok(own.to_owned());
    }
    one(&roots, &|root| root == own)
        .or_else(|| one(&roots, &str::is_empty))
        .or_else(|| one(&roots, &|root| root.ends_with(&format!(".{own}"))))
        .or_else(|| one(&roots, &|_| true))
        .ok_or(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_of(prefix_of_words: &str, more: &[&str]) -> Vec<String> {
        let words = format!("{prefix_of_words}{WORDS}");
        let names: Vec<&str> = [words.as_str()].into_iter().chain(more.iter().copied()).collect();
        let mut plain = plain(&names, "bert").unwrap();
        assert_eq!(plain.remove(0), WORDS);
        plain
    }

    #[test]
    fn old_names_are_the_same_parameters() {
        assert_eq!(today("embeddings.LayerNorm.gamma"), "embeddings.LayerNorm.weight");
        assert_eq!(today("encoder.layer.0.output.LayerNorm.beta"), "encoder.layer.0.output.LayerNorm.bias");
        assert_eq!(today("classifier.weight"), "classifier.weight");
    }

    #[test]
    fn wrappers_are_left_out_of_the_encoders_and_the_heads_names() {
        for (root, wrapper) in [
            ("", ""),
            ("bert.", ""),
            ("module.", "module."),
            ("module.bert.", "module."),
            ("model.", "model."),
            ("model.bert.", "model."),
            ("_orig_mod.bert.", ""),
            ("_orig_mod.module.bert.", "module."),
            ("module._orig_mod.bert.", "module."),
            ("bert._orig_mod.", ""),
            ("base_model.model.bert.", "base_model.model."),
            ("0.auto_model.", "0.auto_model."),
        ] {
            let layer = format!("{root}encoder.layer.1.output.dense.bias");
            let head = format!("{wrapper}classifier.weight");
            let plain = plain_of(root, &[&layer, &head, "classifier.bias"]);
            assert_eq!(plain, ["encoder.layer.1.output.dense.bias", "classifier.weight", "classifier.bias"], "{root}");
        }
    }

    #[test]
    fn a_compiled_part_is_the_part() {
        let plain = plain_of("bert.", &["bert.encoder._orig_mod.layer.0.attention.self.query.bias"]);
        assert_eq!(plain, ["encoder.layer.0.attention.self.query.bias"]);
    }

    #[test]
    fn the_encoder_under_its_own_name_comes_before_others() {
        let other = format!("teacher.{WORDS}");
        assert_eq!(plain_of("bert.", &[&other]), [other.clone()]);
        let words = [format!("student.{WORDS}"), other];
        let names: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(plain(&names, "bert").unwrap_err(), ["student.", "teacher."]);
    }
}
