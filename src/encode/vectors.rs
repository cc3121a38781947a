//! Word vectors from a file: GloVe's text, or a matrix of NumPy's with the words beside it.
//!
//! * **Text**: one word a line, and its numbers, separated by single spaces. A first line of two whole numbers (word2vec's:
//!   words and dimensions) is skipped. A word may hold spaces itself, as a few of GloVe's do, unless what stands before the
//!   numbers is a number, too: then the line has too many.
//! * **`.npy`**: single precision, little-endian, row-major (`'<f4'`, `fortran_order: False`), `[words, dimensions]`; the
//!   words of the rows in `<name>.txt` beside it, one a line.
//!
//! Vectors are kept for wanted forms alone (see [`form`]). Of several words with one form, the one that is written like it
//! gives the vector, and if there is none, the first in the file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use fs_err::File;

use super::form;
use crate::Result;
use crate::error::{Error, Problem, printable};

/// Vectors by the form of their words.
pub type Vectors = BTreeMap<String, Vec<f32>>;

/// Reads the vectors of the forms that are `wanted`.
///
/// # Errors
/// [`Error::Model`] with file and line if it is missing, empty, cut off, not of `dimensions` columns, not UTF-8, or holds
/// something that is no finite number.
pub fn read_vectors(path: &Path, dimensions: usize, wanted: &BTreeSet<String>) -> Result<Vectors> {
    let mut kept = Kept { wanted, vectors: BTreeMap::new() };
    if !path.is_file() {
        return Err(refuse(
            path,
            None,
            "there is no such file".into(),
            "name a file of word vectors: GloVe's text, or .npy",
        ));
    }
    if path.extension().is_some_and(|extension| extension == "npy") {
        read_npy(path, dimensions, &mut kept)?;
    } else {
        read_text(path, dimensions, &mut kept)?;
    }
    Ok(kept.vectors.into_iter().map(|(form, (_, vector))| (form, vector)).collect())
}

struct Kept<'a> {
    wanted: &'a BTreeSet<String>,
    /// Whether the word was written like its form, and its vector.
    vectors: BTreeMap<String, (bool, Vec<f32>)>,
}

impl Kept<'_> {
    /// Keeps the vector of a word, if it is wanted and there is no better one.
    fn offer(&mut self, word: &str, vector: impl FnOnce() -> Vec<f32>) {
        let form = form(word);
        if !self.wanted.contains(&form) {
            return;
        }
        let exact = form == word;
        if self.vectors.get(&form).is_none_or(|(known_exact, _)| exact && !known_exact) {
            self.vectors.insert(form, (exact, vector()));
        }
    }
}

fn refuse(path: &Path, line: Option<usize>, what: String, hint: &str) -> Error {
    let problem = Problem::new(what).at(path).hint(hint);
    Error::Model(match line {
        Some(line) => problem.line(line),
        None => problem,
    })
}

const COLUMNS_HINT: &str = "set model.bilstm.word_dimensions to the file's number, or give another file";

fn read_text(path: &Path, dimensions: usize, kept: &mut Kept<'_>) -> Result<()> {
    let mut lines = Lines::open(path)?;
    let (mut number, mut n) = (0, 0);
    let mut vector = Vec::with_capacity(dimensions);
    while let Some(line) = lines.next()? {
        number += 1;
        let refuse = |what: String, hint: &str| Err(refuse(path, Some(number), what, hint));
        let line = line.trim_end_matches(' ');
        let columns: Vec<&str> = line.split(' ').collect();
        if number == 1 && columns.len() == 2 && columns.iter().all(|column| column.parse::<usize>().is_ok()) {
            continue;
        }
        let Some(first) = columns.len().checked_sub(dimensions).filter(|&first| first > 0) else {
            let found = columns.len().saturating_sub(1);
            return refuse(format!("{found} numbers behind the word, and not {dimensions}"), COLUMNS_HINT);
        };
        if first > 1 && columns[first - 1].parse::<f32>().is_ok() {
            return refuse(format!("more than {dimensions} numbers behind the word"), COLUMNS_HINT);
        }
        vector.clear();
        for column in &columns[first..] {
            match column.parse::<f32>() {
                Ok(x) if x.is_finite() => vector.push(x),
                _ => {
                    let what = format!("`{}` is not a finite number", printable(column));
                    return refuse(what, "each line is a word and its numbers, separated by single spaces");
                }
            }
        }
        let length: usize = columns[..first].iter().map(|part| part.len()).sum::<usize>() + first - 1;
        if length == 0 {
            return refuse("no word before the numbers".into(), "each line is a word and its numbers");
        }
        kept.offer(&line[..length], || vector.clone());
        n += 1;
    }
    match n {
        0 => Err(refuse(path, None, "the file holds no word vector".into(), "name a file of word vectors")),
        _ => Ok(()),
    }
}

/// The lines of a UTF-8 file, one at a time: files of word vectors are large.
struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    line: Vec<u8>,
    number: usize,
}

impl Lines {
    fn open(path: &Path) -> Result<Self> {
        let reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(Error::io(path))?);
        Ok(Self { path: path.to_owned(), reader, line: Vec::new(), number: 0 })
    }

    /// The next line without its end; `None` behind the last.
    fn next(&mut self) -> Result<Option<&str>> {
        self.line.clear();
        self.number += 1;
        if self.reader.read_until(b'\n', &mut self.line).map_err(Error::io(&self.path))? == 0 {
            return Ok(None);
        }
        match std::str::from_utf8(&self.line) {
            Ok(line) => Ok(Some(line.trim_end_matches(['\n', '\r']))),
            Err(e) => {
                let what = format!("not UTF-8: byte {} of the line", e.valid_up_to() + 1);
                Err(refuse(&self.path, Some(self.number), what, "convert the file to UTF-8"))
            }
        }
    }
}

const NPY_HINT: &str = "save the matrix with numpy.save(path, numpy.ascontiguousarray(matrix, dtype='<f4'))";

fn read_npy(path: &Path, dimensions: usize, kept: &mut Kept<'_>) -> Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(Error::io(path))?);
    let broken = |what: String| refuse(path, None, what, NPY_HINT);
    let (rows, columns) = npy_shape(&mut reader).map_err(broken)?;
    if columns != dimensions {
        return Err(refuse(path, None, format!("{columns} columns, and not {dimensions}"), COLUMNS_HINT));
    }
    let words_path = path.with_extension("txt");
    if !words_path.is_file() {
        let hint = "the words of the matrix's rows belong there, one a line";
        return Err(refuse(&words_path, None, "there is no such file".into(), hint));
    }
    let mut words = Lines::open(&words_path)?;
    let mut bytes = vec![0u8; columns * 4];
    for row in 1..=rows {
        let Some(word) = words.next()? else {
            let what = format!("{} words for a matrix of {rows} rows", row - 1);
            return Err(refuse(&words_path, Some(row), what, "give one word a line, as many as the matrix has rows"));
        };
        if reader.read_exact(&mut bytes).is_err() {
            return Err(broken(format!("cut off in row {row} of {rows}")));
        }
        let numbers = || bytes.chunks_exact(4).map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]]));
        if !numbers().all(f32::is_finite) {
            let what = format!("row {row} (`{}`) holds something that is not a finite number", printable(word));
            return Err(broken(what));
        }
        kept.offer(word, || numbers().collect());
    }
    if reader.read(&mut bytes).map_err(Error::io(path))? > 0 {
        return Err(broken(format!("there is more behind its {rows} rows")));
    }
    match words.next()? {
        None => Ok(()),
        Some(_) => {
            let what = format!("more words than the matrix's {rows} rows");
            Err(refuse(&words_path, Some(rows + 1), what, "give one word a line, as many as the matrix has rows"))
        }
    }
}

/// Rows and columns of a matrix in NumPy's format (versions 1 to 3), the reader then standing before its numbers. The error
/// says what is wrong.
fn npy_shape(reader: &mut impl Read) -> Result<(usize, usize), String> {
    let cut_off = |_| "cut off in its header".to_owned();
    let mut start = [0u8; 8];
    reader.read_exact(&mut start).map_err(cut_off)?;
    if &start[..6] != b"\x93NUMPY" {
        return Err("not a file of NumPy's".into());
    }
    let mut length = [0u8; 4];
    reader.read_exact(&mut length[..if start[6] == 1 { 2 } else { 4 }]).map_err(cut_off)?;
    let length = u32::from_le_bytes(length);
    if length > 1 << 16 {
        return Err("its header is longer than a matrix's".into());
    }
    let mut header = vec![0u8; length as usize];
    reader.read_exact(&mut header).map_err(cut_off)?;
    let header = String::from_utf8_lossy(&header).replace(' ', "");
    let value = |key: &str| header.split_once(&format!("'{key}':")).map(|(_, rest)| rest);
    let kind = value("descr").and_then(|rest| rest.split('\'').nth(1)).unwrap_or_default();
    if kind != "<f4" {
        return Err(format!("its numbers are `{kind}`, and not `<f4`: single precision, little-endian"));
    }
    if !value("fortran_order").is_some_and(|rest| rest.starts_with("False")) {
        return Err("the matrix is stored column by column (fortran_order), and not row by row".into());
    }
    let shape = value("shape").and_then(|rest| rest.strip_prefix('(')?.split_once(')')).map_or("", |(shape, _)| shape);
    let sizes: Vec<usize> = shape.split(',').filter_map(|size| size.parse().ok()).collect();
    match sizes[..] {
        [rows, columns] if rows > 0 && columns > 0 => Ok((rows, columns)),
        _ => Err(format!("its shape is ({shape}), and not (words, dimensions)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(forms: &[&str]) -> BTreeSet<String> {
        forms.iter().map(|form| (*form).to_owned()).collect()
    }

    fn read(name: &str, content: &[u8], words: Option<&str>) -> Result<Vectors> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs_err::write(&path, content).unwrap();
        if let Some(words) = words {
            fs_err::write(path.with_extension("txt"), words).unwrap();
        }
        read_vectors(&path, 2, &wanted(&["the", "a b", "00", "x"]))
    }

    fn npy(kind: &str, fortran: &str, shape: &str, numbers: &[f32]) -> Vec<u8> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': ({shape}), }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        bytes
    }

    #[test]
    fn wanted_words_are_read_from_text() {
        let text = "The 9 9\nother 1 1\n12 1 2\nthe 0.5 -1e-1\n34 3 4\na b 7 8\r\n";
        for text in [text.to_owned(), format!("6 2\n{text}")] {
            let vectors = read("glove.txt", text.as_bytes(), None).unwrap();
            assert_eq!(vectors["the"], [0.5, -0.1], "the word that is written like its form");
            assert_eq!(vectors["00"], [1.0, 2.0], "the first of those that share a form");
            assert_eq!(vectors["a b"], [7.0, 8.0]);
            assert_eq!(vectors.len(), 3);
        }
    }

    #[test]
    fn broken_text_is_refused_with_its_line() {
        for (text, what) in [
            (&b"the 1 2\nx 1\n"[..], ":2: 1 numbers behind the word, and not 2"),
            (b"the 1 2 3\n", ":1: more than 2"),
            (b"the 1 2\nx 1 NaN\n", ":2: `NaN` is not a finite number"),
            (b"the 1 inf\n", ":1: `inf`"),
            (b"the 1 2\n\nx 1 2\n", ":2: 0 numbers"),
            (b"the 1 2\n\xff 1 2\n", ":2: not UTF-8"),
            (b"the 1 2\n 1 2\n", ":2: no word"),
            (b"", "no word vector"),
            (b"3 2\n", "no word vector"),
        ] {
            let error = read("glove.txt", text, None).unwrap_err();
            assert!(error.to_string().contains(what), "{error} / {what}");
            assert!(error.to_string().contains("glove.txt") && error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn a_matrix_is_read_with_the_words_beside_it() {
        let matrix = npy("<f4", "False", "3, 2", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let vectors = read("vectors.npy", &matrix, Some("the\nother\nX\n")).unwrap();
        assert_eq!((&vectors["the"][..], &vectors["x"][..], vectors.len()), (&[1.0, 2.0][..], &[5.0, 6.0][..], 2));
    }

    #[test]
    fn a_broken_matrix_is_refused() {
        let four = &[1.0, 2.0, 3.0, 4.0];
        let words = Some("the\nx\n");
        for (matrix, words, what) in [
            (npy("<f8", "False", "2, 2", four), words, "`<f8`"),
            (npy(">f4", "False", "2, 2", four), words, "`>f4`"),
            (npy("<f4", "True", "2, 2", four), words, "column by column"),
            (npy("<f4", "False", "4,", four), words, "shape is (4,)"),
            (npy("<f4", "False", "1, 4", four), words, "4 columns, and not 2"),
            (npy("<f4", "False", "2, 2", &four[..3]), words, "cut off in row 2 of 2"),
            (npy("<f4", "False", "2, 2", &[1.0; 5]), words, "more behind its 2 rows"),
            (npy("<f4", "False", "2, 2", &[1.0, f32::NAN, 0.0, 0.0]), words, "row 1 (`the`)"),
            (npy("<f4", "False", "2, 2", four), None, "no such file"),
            (npy("<f4", "False", "2, 2", four), Some("the\n"), ":2: 1 words for a matrix of 2"),
            (npy("<f4", "False", "2, 2", four), Some("the\nx\ny\n"), ":3: more words"),
            (npy("<f4", "False", "2, 2", four)[..30].to_vec(), words, "cut off in its header"),
            (b"PK\x03\x04 and so on".to_vec(), words, "not a file of NumPy's"),
            (Vec::new(), words, "cut off"),
        ] {
            let error = read("vectors.npy", &matrix, words).unwrap_err();
            assert!(error.to_string().contains(what) && error.hint().is_some(), "{error} / {what}");
        }
    }
}
