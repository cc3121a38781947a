//! `memoscope audit apply`: put decisions about wrong labels into the annotated file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use fs_err as fs;
use serde_json::json;

use crate::audit::{Applied, Auto, Decisions, apply, apply_valid, read_decisions};
use crate::cli::output::{self, errln, outln};
use crate::corpus::{Columns, EditableFile, Split};
use crate::error::{Error, Problem, Result, printable};
use crate::files::write_atomically;

const EXAMPLES: &str = "\
Examples:
  memoscope audit apply conll2003/train.txt decisions.json --out train-corrected.txt
      Apply the decisions of the review page; scheme and other columns of the file are kept
  memoscope audit apply conll2003/ audit/ --auto 0.95 --dry-run
      Show the changes if every suspect with a probability of at least 0.95 is accepted
  memoscope audit apply train.txt issues.csv --in-place
      Apply cleanlab's label issues, as written by pandas";

/// Flags of `memoscope audit apply`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct ApplyArgs {
    /// Annotated file, or its folder with train, dev and test
    data: PathBuf,
    /// Decisions exported from the review page, a table of tokens, cleanlab's label issues, or the folder of the audit (with
    /// `--auto`)
    decisions: PathBuf,
    /// Accept all suspects with at least this probability, 0 to 1
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    auto: Option<f64>,
    /// With `--auto`: accept suspects even if the held-out F1 of the models is below 0.4 or unknown
    #[arg(long, requires = "auto")]
    uncalibrated: bool,
    /// Split of a folder to correct: `train`, `dev` or `test` (default: train)
    #[arg(long, value_name = "SPLIT", value_parser = parse_split)]
    split: Option<Split>,
    /// Column names if the first column is not the token or the last not the tag, for example id,token,_,tag (`_` is skipped)
    #[arg(long, value_name = "NAMES")]
    columns: Option<Columns>,
    /// Output file
    #[arg(long, value_name = "FILE", required_unless_present_any = ["in_place", "dry_run"])]
    out: Option<PathBuf>,
    /// Overwrite the annotated file
    #[arg(long, conflicts_with = "out")]
    in_place: bool,
    /// Skip sentences whose tags would become an invalid sequence instead of applying nothing
    #[arg(long)]
    skip_invalid: bool,
    /// Print the lines that would change without writing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn parse_split(text: &str) -> Result<Split, String> {
    Split::ALL.into_iter().find(|split| split.name() == text).ok_or_else(|| "it is train, dev or test".to_owned())
}

/// Runs the command.
pub(super) fn run(args: &ApplyArgs) -> anyhow::Result<()> {
    let data = open(args)?;
    let target = target(args, data.path())?;
    let auto = args.auto.map(|probability| Auto { probability, uncalibrated: args.uncalibrated });
    let decisions = read_decisions(&args.decisions, &data, auto)?;
    let applied = if args.skip_invalid { apply_valid } else { apply }(&data, &decisions)?;
    for warning in &applied.warnings {
        errln!("warning: {warning}");
    }
    if let Some(target) = &target {
        write(args, target, &applied.bytes)?;
    }
    match args.json {
        true => output::json(&as_json(&data, &decisions, &applied, target.as_deref()))?,
        false => say(args, &data, &applied, target.as_deref())?,
    }
    Ok(())
}

fn open(args: &ApplyArgs) -> Result<EditableFile> {
    if args.data.is_dir() {
        return EditableFile::read_split(&args.data, args.split.unwrap_or(Split::Train), args.columns.as_ref());
    }
    if args.split.is_some() {
        let problem = Problem::new("`--split` is for a folder, and this is a file").at(&args.data);
        return Err(Error::Config(problem.hint("leave it out")));
    }
    EditableFile::read(&args.data, args.columns.as_ref())
}

/// The file to write, if one is to be written.
fn target(args: &ApplyArgs, data: &Path) -> Result<Option<PathBuf>> {
    let refuse = |path: &Path, what: &str, hint: &str| Err(Error::Config(Problem::new(what).at(path).hint(hint)));
    if args.dry_run {
        return Ok(None);
    }
    let Some(out) = &args.out else {
        // Behind a link it is the file that is replaced, not the link.
        let path = fs::canonicalize(data).map_err(Error::io(data))?;
        let permissions = fs::metadata(&path).map_err(Error::io(data))?.permissions();
        if permissions.readonly() {
            let source = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "the file is read-only");
            return Err(Error::Io { path: data.to_owned(), source });
        }
        return Ok(Some(path));
    };
    if out.is_dir() {
        return refuse(out, "`--out` is a folder", "give the name of the file to write");
    }
    let is_same = |other: &Path| matches!((fs::canonicalize(out), fs::canonicalize(other)), (Ok(a), Ok(b)) if a == b);
    if is_same(data) {
        return refuse(out, "`--out` is the annotated file itself", "use `--in-place` if that is meant");
    }
    if is_same(&args.decisions) {
        return refuse(out, "`--out` is the file of decisions", "give another name");
    }
    Ok(Some(out.clone()))
}

fn write(args: &ApplyArgs, path: &Path, bytes: &[u8]) -> Result<()> {
    let permissions = match args.in_place {
        true => Some(fs::metadata(path).map_err(Error::io(path))?.permissions()),
        false => None,
    };
    write_atomically(path, |file| {
        file.write_all(bytes).map_err(Error::io(path))?;
        match permissions {
            Some(permissions) => file.set_permissions(permissions).map_err(Error::io(path)),
            None => Ok(()),
        }
    })
}

fn as_json(data: &EditableFile, decisions: &Decisions, applied: &Applied, target: Option<&Path>) -> serde_json::Value {
    json!({
        "file": data.path(),
        "scheme": data.scheme(),
        "decisions": decisions.path,
        "format": decisions.format,
        "accepted": applied.n_accepted,
        "edited": applied.n_edited,
        "rejected": applied.n_rejected,
        "left_out": applied.n_left_out,
        "tokens_changed": applied.n_tokens_changed,
        "tokens_unchanged": applied.n_tokens_unchanged,
        "lines": applied.lines,
        "warnings": applied.warnings,
        "written": target,
    })
}

fn say(args: &ApplyArgs, data: &EditableFile, applied: &Applied, target: Option<&Path>) -> anyhow::Result<()> {
    if args.dry_run {
        for edit in &applied.lines {
            let [word, old, new] = [&edit.word, &edit.old, &edit.new].map(|text| printable(text));
            outln!("{}: {word} {old} -> {new}", edit.line);
        }
        if !applied.lines.is_empty() {
            outln!();
        }
    }
    outln!("accepted          {}", applied.n_accepted);
    outln!("edited            {}", applied.n_edited);
    outln!("rejected          {}", applied.n_rejected);
    if args.skip_invalid {
        outln!("left out          {}", applied.n_left_out);
    }
    outln!("tokens changed    {}", applied.n_tokens_changed);
    outln!("tokens unchanged  {}", applied.n_tokens_unchanged);
    outln!("lines changed     {} ({})", applied.lines.len(), data.scheme());
    match target {
        // The name that was given: the one behind a link would surprise.
        Some(_) if args.in_place => outln!("written           {}", data.path().display()),
        Some(path) => outln!("written           {}", path.display()),
        None => outln!("written           nothing"),
    }
    Ok(())
}
