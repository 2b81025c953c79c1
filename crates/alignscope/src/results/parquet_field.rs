//! What can stand in a column of a Parquet table.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Float64Array, StringArray, StringViewArray, UInt8Array, UInt32Array,
    UInt64Array,
};
use arrow_schema::DataType;

/// What can stand in a column; `'a` is as long as its table is in memory.
pub(super) trait ParquetField<'a>: Sized {
    /// A column as it is read.
    type Array: Array + 'static;

    /// The type of the column.
    const TYPE: DataType;

    /// The type in words.
    const EXPECTED: &'static str;

    /// Whether a field may be null.
    const NULLABLE: bool = false;

    /// A column as it is written.
    fn array(values: impl Iterator<Item = Option<Self>>) -> ArrayRef;

    /// The value in a row of a column without nulls, unless it may have some.
    fn get(column: &'a Self::Array, row: usize) -> Self;
}

/// Read as a view: a text that stands in many rows is in memory once.
impl<'a> ParquetField<'a> for &'a str {
    type Array = StringViewArray;

    const TYPE: DataType = DataType::Utf8;

    const EXPECTED: &'static str = "text";

    fn array(values: impl Iterator<Item = Option<Self>>) -> ArrayRef {
        Arc::new(values.collect::<StringArray>())
    }

    fn get(column: &'a StringViewArray, row: usize) -> Self {
        column.value(row)
    }
}

/// `None` is null.
impl<'a, T: ParquetField<'a>> ParquetField<'a> for Option<T> {
    type Array = T::Array;

    const TYPE: DataType = T::TYPE;

    const EXPECTED: &'static str = T::EXPECTED;

    const NULLABLE: bool = true;

    fn array(values: impl Iterator<Item = Option<Self>>) -> ArrayRef {
        T::array(values.map(Option::flatten))
    }

    fn get(column: &'a T::Array, row: usize) -> Self {
        column.is_valid(row).then(|| T::get(column, row))
    }
}

macro_rules! number {
    ($Number:ty, $Array:ty, $data_type:expr, $expected:literal) => {
        impl<'a> ParquetField<'a> for $Number {
            type Array = $Array;

            const TYPE: DataType = $data_type;

            const EXPECTED: &'static str = $expected;

            fn array(values: impl Iterator<Item = Option<Self>>) -> ArrayRef {
                Arc::new(values.collect::<$Array>())
            }

            fn get(column: &'a $Array, row: usize) -> Self {
                column.value(row)
            }
        }
    };
}

number!(f64, Float64Array, DataType::Float64, "64-bit floats");
number!(u8, UInt8Array, DataType::UInt8, "8-bit numbers");
number!(u32, UInt32Array, DataType::UInt32, "32-bit numbers");
number!(u64, UInt64Array, DataType::UInt64, "64-bit numbers");
