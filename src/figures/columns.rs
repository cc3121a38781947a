//! Reading columns of a frame as plain vectors.

use polars::prelude::{DataFrame, DataType};

use crate::{Error, Result};

/// A column as numbers; booleans become 0 and 1; null, NaN and infinities become `None`.
///
/// # Errors
/// [`Error::Internal`] names the column that is missing or holds something else than numbers.
pub fn numbers(frame: &DataFrame, name: &str) -> Result<Vec<Option<f64>>> {
    let column = frame.column(name).map_err(|_| missing(frame, name))?;
    if *column.dtype() == DataType::Null {
        return Ok(vec![None; frame.height()]);
    }
    if !(column.dtype().is_numeric() || column.dtype().is_bool()) {
        return Err(Error::Internal(format!("column `{name}` holds {}, not numbers", column.dtype())));
    }
    let column = column.cast(&DataType::Float64)?;
    Ok(column.f64()?.iter().map(|value| value.filter(|value| value.is_finite())).collect())
}

/// A column as numbers, or nothing but nulls if the frame has no such column.
///
/// # Errors
/// As [`numbers`], a missing column excepted.
pub fn optional_numbers(frame: &DataFrame, name: &str) -> Result<Vec<Option<f64>>> {
    if has(frame, name) { numbers(frame, name) } else { Ok(vec![None; frame.height()]) }
}

/// A column as text.
///
/// # Errors
/// [`Error::Internal`] names the column that is missing or holds something else than text.
pub fn texts(frame: &DataFrame, name: &str) -> Result<Vec<Option<String>>> {
    let column = frame.column(name).map_err(|_| missing(frame, name))?;
    if *column.dtype() == DataType::Null {
        return Ok(vec![None; frame.height()]);
    }
    Ok(column.str()?.iter().map(|value| value.map(str::to_owned)).collect())
}

/// A value of a column that tells rows apart.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a column of numbers or booleans.
    Number(f64),
    /// Of a column of text.
    Text(String),
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// A column of numbers, booleans or text.
///
/// # Errors
/// [`Error::Internal`] names the column that is missing or holds something else.
pub fn values(frame: &DataFrame, name: &str) -> Result<Vec<Option<Value>>> {
    let column = frame.column(name).map_err(|_| missing(frame, name))?;
    if *column.dtype() == DataType::String {
        return Ok(texts(frame, name)?.into_iter().map(|text| text.map(Value::Text)).collect());
    }
    Ok(numbers(frame, name)?.into_iter().map(|number| number.map(Value::Number)).collect())
}

/// The different numbers of a column, ascending.
///
/// # Errors
/// As [`numbers`].
pub fn distinct(frame: &DataFrame, name: &str) -> Result<Vec<f64>> {
    let mut values: Vec<f64> = numbers(frame, name)?.into_iter().flatten().collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    Ok(values)
}

/// A finite number as a key: ordered as the numbers are, with one key for both zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order(i64);

impl Order {
    /// Below all others.
    pub const LEAST: Self = Self(i64::MIN);
    /// Above all others.
    pub const GREATEST: Self = Self(i64::MAX);

    /// The key of a number.
    pub fn of(value: f64) -> Self {
        let bits = (value + 0.0).to_bits() as i64;
        Self(if bits < 0 { i64::MIN - bits } else { bits })
    }

    /// The number.
    pub fn value(self) -> f64 {
        f64::from_bits(if self.0 < 0 { i64::MIN - self.0 } else { self.0 } as u64)
    }
}

/// Whether the frame has the column.
pub fn has(frame: &DataFrame, name: &str) -> bool {
    frame.get_column_names().iter().any(|column| column.as_str() == name)
}

fn missing(frame: &DataFrame, name: &str) -> Error {
    let names: Vec<&str> = frame.get_column_names().iter().map(|column| column.as_str()).collect();
    Error::Internal(format!("no column `{name}` among {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::df;

    #[test]
    fn what_is_no_number_is_none() {
        let frame =
            df!("x" => [Some(1.0), None, Some(f64::NAN), Some(f64::INFINITY)], "b" => [true, false, true, true])
                .expect("a frame");
        assert_eq!(numbers(&frame, "x").expect("numbers"), [Some(1.0), None, None, None]);
        assert_eq!(numbers(&frame, "b").expect("numbers")[..2], [Some(1.0), Some(0.0)]);
        assert_eq!(optional_numbers(&frame, "y").expect("nulls"), [None; 4]);
    }

    #[test]
    fn keys_are_ordered_as_the_numbers_are() {
        let numbers = [-2.5, -0.25, 0.0, 1e-9, 3.0];
        assert!(numbers.windows(2).all(|pair| Order::of(pair[0]) < Order::of(pair[1])));
        assert!(numbers.iter().all(|number| Order::of(*number).value() == *number));
        assert_eq!(Order::of(-0.0), Order::of(0.0));
    }

    #[test]
    fn a_missing_column_is_named() {
        let frame = df!("x" => [1.0]).expect("a frame");
        assert_eq!(numbers(&frame, "y").unwrap_err().to_string(), "no column `y` among x");
    }
}
