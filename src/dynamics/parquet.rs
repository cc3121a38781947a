//! Parquet files in and out: one row group, fixed settings, no clock, so that the same frame gives the same bytes.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use polars::io::parquet::read::FileMetadata;
use polars::polars_utils::compression::ZstdLevel;
use polars::prelude::*;

use crate::Result;
use crate::dynamics::digests::Digests;
use crate::dynamics::{SCHEMA_VERSION, pages, unwind};
use crate::error::{Error, Problem};
use crate::files::sha256_hex;
use crate::files::write_atomically;

/// Logged floats hardly compress: higher levels take longer and give files of the same size. The bytes depend on it.
const ZSTD_LEVEL: i32 = 1;
/// Most bytes that a byte of a file may stand for, and most rows. Compression gains less on real logs; a damaged size
/// does not make the decoder reserve gigabytes.
const MOST_PER_BYTE: u64 = 4096;
/// What opens and closes every Parquet file.
const MAGIC: &[u8] = b"PAR1";

/// What a file of the log says about itself, by key without the `memoscope.` prefix.
pub(super) type Metadata = BTreeMap<String, String>;

/// Writes a frame with `memoscope.*` metadata, under a temporary name first. Returns the file's digest.
pub(super) fn write(path: &Path, frame: &mut DataFrame, metadata: &Metadata) -> Result<String> {
    let mut pairs = vec![("memoscope.schema_version".to_owned(), SCHEMA_VERSION.to_string())];
    pairs.extend(metadata.iter().map(|(key, value)| (format!("memoscope.{key}"), value.clone())));
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(Some(ZstdLevel::try_new(ZSTD_LEVEL)?)))
        .with_statistics(StatisticsOptions::default())
        .with_row_group_size(Some(frame.height().max(1)))
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(pairs)))
        .set_parallel(true)
        .finish(frame)?;
    write_atomically(path, |file| file.write_all(&bytes).map_err(Error::io(path)))?;
    Ok(sha256_hex(&bytes))
}

/// Reads a file's columns that are among `wanted` and its `memoscope.*` metadata.
///
/// # Errors
/// [`Error::Io`] if it cannot be opened; [`Error::Data`] if it is no whole Parquet file (with `remedy` as hint), if its
/// schema version is newer than ours, a wanted column has a type that is neither number, text nor boolean, or the bytes are
/// not those of which `digests` has the digest.
pub(super) fn read(path: &Path, wanted: &[&str], digests: &Digests, remedy: &str) -> Result<(DataFrame, Metadata)> {
    let bytes = fs_err::read(path).map_err(Error::io(path))?;
    let damaged = |what: String| Error::Data(Problem::new(what).at(path).hint(remedy.to_owned()));
    if bytes.len() < 12 || !bytes.starts_with(MAGIC) || !bytes.ends_with(MAGIC) {
        return Err(damaged("the file is no whole Parquet file: it was cut short or is something else".into()));
    }
    digests.check(path, &bytes, remedy)?;
    // Damaged bytes make the decoder panic here and there; a reader of other people's files must survive that.
    unwind::catch(|| decode(&bytes, path, wanted, remedy))
        .unwrap_or_else(|| Err(damaged("the file is damaged: it cannot be decoded".into())))
}

fn decode(bytes: &[u8], path: &Path, wanted: &[&str], remedy: &str) -> Result<(DataFrame, Metadata)> {
    let unreadable = |source: PolarsError| {
        Error::Data(Problem::new(format!("the file is damaged: {source}")).at(path).hint(remedy.to_owned()))
    };
    let mut reader = ParquetReader::new(std::io::Cursor::new(bytes)).read_parallel(ParallelStrategy::None);
    if !is_plausible(reader.get_metadata().map_err(unreadable)?, bytes) {
        let problem = Problem::new("the file is damaged: its sizes do not fit its length").at(path);
        return Err(Error::Data(problem.hint(remedy)));
    }
    let schema = reader.schema().map_err(unreadable)?;
    let mut columns = Vec::new();
    for (name, field) in schema.iter().filter(|(name, _)| wanted.contains(&name.as_str())) {
        if !is_supported(&field.dtype) {
            return Err(Error::Data(
                Problem::new(format!("column `{name}` has the type {:?}", field.dtype))
                    .at(path)
                    .hint("write numbers as int64 or float32, tags and words as plain strings, flags as booleans"),
            ));
        }
        columns.push(name.to_string());
    }
    let metadata = reader.get_metadata().map_err(unreadable)?.key_value_metadata().iter().flatten();
    let metadata: Metadata = metadata
        .filter_map(|pair| Some((pair.key.strip_prefix("memoscope.")?.to_owned(), pair.value.clone()?)))
        .collect();
    if let Some(version) = metadata.get("schema_version")
        && version.parse::<u32>().is_ok_and(|v| v > SCHEMA_VERSION)
    {
        return Err(Error::Data(
            Problem::new(format!("the log has schema version {version}, this program reads up to {SCHEMA_VERSION}"))
                .at(path)
                .hint("use a newer memoscope"),
        ));
    }
    let frame = reader.with_columns(Some(columns)).set_rechunk(true).finish().map_err(unreadable)?;
    Ok((frame, metadata))
}

/// True if all that the footer and the headers of pages say of sizes and places can be in this file.
fn is_plausible(metadata: &FileMetadata, file: &[u8]) -> bool {
    let n_bytes = file.len() as u64;
    let most = n_bytes.saturating_mul(MOST_PER_BYTE);
    let fits = |size: u64| size <= most;
    let groups = &metadata.row_groups;
    let total: u64 = groups.iter().map(|group| group.num_rows() as u64).fold(0, u64::saturating_add);
    total == metadata.num_rows as u64
        && fits(total)
        && groups.iter().flat_map(|group| group.parquet_columns()).all(|column| {
            let (range, n_values) = (column.byte_range(), u64::try_from(column.num_values()));
            range.start <= range.end
                && range.end <= n_bytes
                && u64::try_from(column.uncompressed_size()).is_ok_and(fits)
                && n_values.is_ok_and(|n| fits(n) && pages::are_plausible(file, range.start, n, most))
        })
}

fn is_supported(dtype: &ArrowDataType) -> bool {
    use ArrowDataType as T;
    matches!(
        dtype,
        T::Null
            | T::Boolean
            | T::UInt8
            | T::UInt16
            | T::UInt32
            | T::UInt64
            | T::Int32
            | T::Int64
            | T::Float32
            | T::Float64
            | T::Utf8
            | T::LargeUtf8
            | T::Utf8View
    )
}
