//! A frame as CSV: every number with all its digits, null as an empty field.

use polars::prelude::{AnyValue, DataFrame};

use crate::{Error, Result};

/// The frame as CSV bytes: a header, then one line a row; `\n` line ends; quoted where needed (RFC 4180).
///
/// # Errors
/// [`Error::Internal`] if a value cannot be written.
pub fn to_csv(frame: &DataFrame) -> Result<Vec<u8>> {
    let failed = |error: csv::Error| Error::Internal(format!("cannot write CSV: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(frame.get_column_names().iter().map(|name| name.as_str())).map_err(failed)?;
    for row in 0..frame.height() {
        let mut record = csv::StringRecord::new();
        for column in frame.columns() {
            record.push_field(&field(&column.get(row)?));
        }
        writer.write_record(&record).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| Error::Internal(format!("cannot write CSV: {}", error.error())))
}

/// One value: the shortest digits that read back as the same number; NaN and infinities, like null, as nothing.
pub fn field(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => String::new(),
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        AnyValue::Float64(value) => {
            if value.is_finite() {
                value.to_string()
            } else {
                String::new()
            }
        }
        AnyValue::Float32(value) => {
            if value.is_finite() {
                value.to_string()
            } else {
                String::new()
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::df;

    #[test]
    fn csv_is_the_frame() {
        let frame = df!(
            "word" => [Some("a,b"), None, Some("say \"no\"\nnow")],
            "n" => [1u32, 2, 3],
            "x" => [0.1, f64::NAN, 1e-7],
            "noisy" => [Some(true), None, Some(false)]
        )
        .expect("a frame");
        let csv = String::from_utf8(to_csv(&frame).expect("CSV")).expect("UTF-8");
        assert_eq!(csv, "word,n,x,noisy\n\"a,b\",1,0.1,true\n,2,,\n\"say \"\"no\"\"\nnow\",3,0.0000001,false\n");
    }
}
