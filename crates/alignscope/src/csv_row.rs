//! The rows of CSV tables: one struct a row, from which all else of its table follows.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, StringArray, UInt64Array};

use crate::name::MAX_NAME_BYTES;

/// Bytes of a field or a note.
pub(crate) const MAX_FIELD_BYTES: usize = 1 << 16;
/// The most that is counted in a file of a run: what JSON holds exactly everywhere.
pub(crate) const MAX_COUNT: u64 = 1 << 53;

/// Declares the struct of a row. **A column is added by one line, its field**: the name of the
/// column is the field's, its place is the field's place, and the field's type says how it is
/// written and read, and what it is in Arrow ([`CsvField`]).
///
/// What stands after `as` narrows what may be read: a function of the value that gives it back, or
/// says what would do. It may ask for fields that stand above.
///
/// ```ignore
/// csv_row! {
///     /// A score: a row of `scores.csv`.
///     #[derive(Debug, Clone, PartialEq)]
///     pub struct ScoreRow {
///         /// The model's name.
///         pub model: String as name,
///         /// Lower end of the interval, where there is one.
///         pub ci_low: Option<f64>,
///         /// Trials that entered the score.
///         pub n: usize,
///     }
/// }
/// ```
macro_rules! csv_row {
    (
        $(#[$of_row:meta])*
        $public:vis struct $Row:ident {
            $($(#[$of_field:meta])* $visible:vis $field:ident: $Type:ty $(as $narrow:expr)?,)*
        }
    ) => {
        $(#[$of_row])*
        $public struct $Row {
            $($(#[$of_field])* $visible $field: $Type,)*
        }

        impl $crate::csv_row::CsvRow for $Row {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn texts(&self) -> Vec<String> {
                vec![$($crate::csv_row::CsvField::text(&self.$field)),*]
            }

            fn parse<'t>(
                mut texts: impl Iterator<Item = &'t str>,
            ) -> Result<Self, $crate::csv_row::Unfit> {
                $(
                    let text = texts.next().unwrap_or_default();
                    let read = <$Type as $crate::csv_row::CsvField>::parse(text);
                    let $field = read $(.and_then($narrow))? .map_err(|expected| {
                        let (column, found) = (stringify!($field), text.to_owned());
                        $crate::csv_row::Unfit { column, found, expected }
                    })?;
                )*
                Ok(Self { $($field),* })
            }

            fn arrays(rows: &[Self]) -> Vec<arrow_array::ArrayRef> {
                vec![$($crate::csv_row::array(rows.iter().map(|row| &row.$field))),*]
            }
        }
    };
}
pub(crate) use csv_row;

/// A row of a CSV table, declared by [`csv_row!`].
pub(crate) trait CsvRow: Sized {
    /// The names of the columns, in their order.
    const COLUMNS: &'static [&'static str];

    /// The fields, in the order of the columns.
    fn texts(&self) -> Vec<String>;

    /// The row of which these are the fields, in the order of the columns.
    ///
    /// # Errors
    /// A field is none of its column.
    fn parse<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Self, Unfit>;

    /// The columns of a table of `rows`, as Arrow has them; a field that is empty is null.
    fn arrays(rows: &[Self]) -> Vec<ArrayRef>;
}

/// A field that is none of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// The column.
    pub(crate) column: &'static str,
    /// What stands there.
    pub(crate) found: String,
    /// What would do.
    pub(crate) expected: String,
}

/// What a column is in Arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Count,
    Truth,
}

/// What can stand in a column.
pub(crate) trait CsvField: Sized {
    /// What the column is in Arrow.
    const KIND: Kind = Kind::Text;

    /// The field as it is written: read back, it is the same. Empty if there is nothing.
    fn text(&self) -> String;

    /// Reads a field.
    ///
    /// # Errors
    /// What would do.
    fn parse(text: &str) -> Result<Self, String>;
}

impl CsvField for String {
    fn text(&self) -> String {
        self.clone()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.len() <= MAX_FIELD_BYTES {
            true => Ok(text.to_owned()),
            false => Err(format!("a text of at most {MAX_FIELD_BYTES} bytes")),
        }
    }
}

/// In full precision. NaN is an empty field.
impl CsvField for f64 {
    const KIND: Kind = Kind::Number;

    fn text(&self) -> String {
        if self.is_nan() { String::new() } else { self.to_string() }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text.is_empty() => Ok(Self::NAN),
            Ok(x) if !Self::is_nan(x) => Ok(x),
            _ => Err("a number".to_owned()),
        }
    }
}

/// How many there are of something.
impl CsvField for usize {
    const KIND: Kind = Kind::Count;

    fn text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.parse::<u64>() {
            Ok(n) if n <= MAX_COUNT => Ok(n as Self),
            _ => Err(format!("a whole number of at most {MAX_COUNT}")),
        }
    }
}

impl CsvField for bool {
    const KIND: Kind = Kind::Truth;

    fn text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "`true` or `false`".to_owned())
    }
}

/// `None` is an empty field.
impl<T: CsvField> CsvField for Option<T> {
    const KIND: Kind = T::KIND;

    fn text(&self) -> String {
        self.as_ref().map_or_else(String::new, T::text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.is_empty() {
            true => Ok(None),
            false => T::parse(text).map(Some),
        }
    }
}

/// A [`choice!`] as a field: its name.
macro_rules! choice_field {
    ($choice:ty) => {
        impl $crate::csv_row::CsvField for $choice {
            fn text(&self) -> String {
                self.name().to_owned()
            }

            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|error: $crate::name::UnknownName| error.choices())
            }
        }
    };
}
pub(crate) use choice_field;

/// A name, such as a model's: not empty, and not longer than any.
pub(crate) fn name(found: String) -> Result<String, String> {
    match (1..=MAX_NAME_BYTES).contains(&found.len()) {
        true => Ok(found),
        false => Err(format!("a name of 1 to {MAX_NAME_BYTES} bytes")),
    }
}

/// A number in `range`, or none.
pub(crate) fn within<T: Copy + Into<Option<f64>>>(
    range: RangeInclusive<f64>,
) -> impl Fn(T) -> Result<T, String> {
    move |found| match found.into() {
        Some(x) if !x.is_nan() && !range.contains(&x) => Err(match *range.end() == f64::MAX {
            true => "a finite number".to_owned(),
            false => format!("a number from {} to {}", range.start(), range.end()),
        }),
        _ => Ok(found),
    }
}

/// Where a stage stands in figures.
pub(crate) fn depth(found: f64) -> Result<f64, String> {
    match (0.0..=100.0).contains(&found) {
        true => Ok(found),
        false => Err("a number from 0 to 100".to_owned()),
    }
}

/// A column of a table, as Arrow has it.
pub(crate) fn array<'f, T: CsvField + 'f>(fields: impl Iterator<Item = &'f T>) -> ArrayRef {
    /// What a text says; `None` of an empty one.
    fn read<V: FromStr>(text: String) -> Option<V> {
        text.parse().ok()
    }
    let texts = fields.map(T::text);
    match T::KIND {
        Kind::Text => Arc::new(
            texts.map(|text| Some(text).filter(|t| !t.is_empty())).collect::<StringArray>(),
        ),
        Kind::Number => Arc::new(texts.map(read).collect::<Float64Array>()),
        Kind::Count => Arc::new(texts.map(read).collect::<UInt64Array>()),
        Kind::Truth => Arc::new(texts.map(read::<bool>).collect::<BooleanArray>()),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_schema::DataType;

    use super::*;

    csv_row! {
        #[derive(Debug, Clone, PartialEq)]
        struct Example {
            model: String as name,
            note: String,
            ends: f64,
            value: Option<f64> as within(0.0..=ends),
            n: usize,
            simulated: Option<bool>,
        }
    }

    fn parse(texts: [&str; 6]) -> Result<Example, String> {
        Example::parse(texts.into_iter())
            .map_err(|Unfit { column, found, expected }| format!("{column} {found}: {expected}"))
    }

    #[test]
    fn columns_are_fields_and_a_row_is_read_back() {
        assert_eq!(Example::COLUMNS, ["model", "note", "ends", "value", "n", "simulated"]);
        for texts in [
            ["m", "", "0.1", "0.05", "3", "true"],
            ["m", "a note", "1e-7", "", "9007199254740992", "false"],
            ["m", "", "100", "-0", "0", ""],
        ] {
            let row = parse(texts).expect("a row");
            let written = row.texts();
            assert_eq!(Example::parse(written.iter().map(String::as_str)), Ok(row));
        }
        // A whole number has no point.
        assert_eq!(parse(["m", "", "100", "-0", "0", ""]).expect("a row").texts()[2], "100");
        assert!(parse(["m", "", "", "", "0", ""]).is_ok_and(|row| row.ends.is_nan()));
    }

    #[test]
    fn a_field_that_is_none_of_its_column_is_told_with_what_would_do() {
        let long = "x".repeat(MAX_FIELD_BYTES + 1);
        for (texts, said) in [
            (["", "", "1", "1", "3", ""], "model : a name of 1 to 4096 bytes"),
            (["m", &long, "1", "1", "3", ""], ": a text of at most 65536 bytes"),
            (["m", "", "NaN", "1", "3", ""], "ends NaN: a number"),
            (["m", "", "1", "1.5", "3", ""], "value 1.5: a number from 0 to 1"),
            (["m", "", "1", "1", "", ""], "n : a whole number of at most 9007199254740992"),
            (["m", "", "1", "1", "9007199254740993", ""], "n 9007199254740993: a whole number"),
            (["m", "", "1", "1", "3", "yes"], "simulated yes: `true` or `false`"),
        ] {
            let error = parse(texts).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn columns_have_types_and_empty_fields_are_null() {
        let rows = [["m", "", "1", "0.5", "3", "true"], ["m", "note", "", "", "4", ""]]
            .map(|texts| parse(texts).expect("a row"));
        let arrays = Example::arrays(&rows);
        let types: Vec<&DataType> = arrays.iter().map(|array| array.data_type()).collect();
        let [text, number] = [DataType::Utf8, DataType::Float64];
        let expected = [&text, &text, &number, &number, &DataType::UInt64, &DataType::Boolean];
        assert_eq!(types, expected);
        let nulls = arrays.iter().map(|array| array.null_count());
        assert_eq!(nulls.collect::<Vec<_>>(), [0, 1, 1, 1, 0, 1]);
    }
}
