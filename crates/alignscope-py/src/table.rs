//! Tables of a run, handed over as Arrow streams.

use std::path::PathBuf;
use std::sync::Arc;

use alignscope::results::{RunTable, TableReader, read_table as read};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, RecordBatchIterator, StringArray,
    UInt8Array, UInt32Array, UInt64Array,
};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use arrow_select::filter::filter_record_batch;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList};

use crate::array::list;
use crate::error::{exception, raise};

/// A table: rows are read when they are asked for.
#[pyclass(frozen, module = "alignscope._alignscope")]
pub(crate) struct Table {
    source: Source,
    schema: SchemaRef,
}

enum Source {
    File { run: PathBuf, table: RunTable },
    Memory(Vec<RecordBatch>),
}

impl Table {
    pub(crate) fn of(batch: RecordBatch) -> Self {
        Self { schema: batch.schema(), source: Source::Memory(vec![batch]) }
    }

    fn reader(&self, py: Python<'_>) -> PyResult<TableReader> {
        match &self.source {
            Source::Memory(batches) => {
                let batches: Vec<_> = batches.iter().cloned().map(Ok).collect();
                Ok(Box::new(RecordBatchIterator::new(batches, self.schema.clone())))
            }
            Source::File { run, table } => read(run, *table).map_err(|e| exception(py, &e)),
        }
    }

    fn damaged(&self, py: Python<'_>, error: &ArrowError) -> PyErr {
        let place = match &self.source {
            Source::Memory(_) => String::new(),
            Source::File { run, table } => format!("{}: ", run.join(table.file()).display()),
        };
        raise(py, "ResultsError", format!("{place}{error}"))
    }
}

#[pymethods]
impl Table {
    /// The columns' names.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let mut rows = 0;
        for batch in self.reader(py)? {
            rows += batch.map_err(|e| self.damaged(py, &e))?.num_rows();
        }
        Ok(rows)
    }

    /// The Arrow PyCapsule interface: a stream of all rows.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A consumer may ask for another schema, and must take what comes.
        drop(requested_schema);
        let stream = FFI_ArrowArrayStream::new(self.reader(py)?);
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    /// The Arrow PyCapsule interface: the types of the columns.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema =
            FFI_ArrowSchema::try_from(self.schema.as_ref()).map_err(|e| self.damaged(py, &e))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    /// The folder and the name of a table of a run; `None` if the table is in memory alone.
    #[getter]
    fn place(&self) -> Option<(PathBuf, &'static str)> {
        match &self.source {
            Source::File { run, table } => Some((run.clone(), table.name())),
            Source::Memory(_) => None,
        }
    }

    /// The type of each column.
    #[getter]
    fn types(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.data_type().to_string()).collect()
    }

    /// The table of these columns: name, type, and values, `None` where nothing stands.
    #[staticmethod]
    fn of_columns(
        py: Python<'_>,
        columns: Vec<(String, String, Bound<'_, PyAny>)>,
    ) -> PyResult<Self> {
        let read = |(name, kind, values): (String, String, Bound<'_, PyAny>)| {
            let array = column_of(&kind, &values)?;
            Ok((name, array, true))
        };
        let columns = columns.into_iter().map(read).collect::<PyResult<Vec<_>>>()?;
        let batch = RecordBatch::try_from_iter_with_nullable(columns)
            .map_err(|error| raise(py, "ResultsError", error.to_string()))?;
        Ok(Self::of(batch))
    }

    /// The rows for which `wanted` is true, in memory; there is one for each row.
    fn filter(&self, py: Python<'_>, wanted: PyReadonlyArray1<'_, bool>) -> PyResult<Self> {
        let mut wanted = wanted.as_array().iter().copied().collect::<Vec<bool>>().into_iter();
        let mut batches = Vec::new();
        for batch in self.reader(py)? {
            let batch = batch.map_err(|e| self.damaged(py, &e))?;
            let of_batch: Vec<bool> = wanted.by_ref().take(batch.num_rows()).collect();
            let found = filter_record_batch(&batch, &BooleanArray::from(of_batch));
            batches.push(found.map_err(|e| self.damaged(py, &e))?);
        }
        Ok(Self { source: Source::Memory(batches), schema: self.schema.clone() })
    }

    /// A column: an array of numbers, in which what is missing is NaN, or a list of texts.
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let Ok(position) = self.schema.index_of(name) else {
            let columns = self.columns().join("`, `");
            let message = format!("there is no column `{name}`; there are `{columns}`");
            return Err(raise(py, "MissingColumnError", message));
        };
        let mut parts = Vec::new();
        for batch in self.reader(py)? {
            parts.push(batch.map_err(|e| self.damaged(py, &e))?.column(position).clone());
        }
        macro_rules! parts {
            ($array:ty) => {
                parts.iter().map(|part| {
                    part.as_any().downcast_ref::<$array>().expect("of the schema's type")
                })
            };
        }
        macro_rules! whole {
            ($array:ty, $number:ty) => {{
                if parts.iter().any(|part| part.null_count() > 0) {
                    let values = parts!($array).flat_map(|part| part.iter());
                    list(py, values.map(|v| v.map_or(f64::NAN, |v| v as f64))).into_any()
                } else {
                    let values = parts!($array).flat_map(|part| part.values().iter());
                    list(py, values.map(|v| *v as $number)).into_any()
                }
            }};
        }
        Ok(match self.schema.field(position).data_type() {
            DataType::Float64 => {
                let values = parts!(Float64Array).flat_map(|part| part.iter());
                list(py, values.map(|v| v.unwrap_or(f64::NAN))).into_any()
            }
            DataType::UInt8 => whole!(UInt8Array, i64),
            DataType::UInt32 => whole!(UInt32Array, i64),
            DataType::UInt64 => whole!(UInt64Array, i64),
            DataType::Boolean => {
                let values = parts!(BooleanArray).flat_map(|part| part.iter());
                list(py, values.map(|v| v.unwrap_or(false))).into_any()
            }
            _ => PyList::new(py, parts!(StringArray).flat_map(|part| part.iter()))?.into_any(),
        })
    }
}

/// A column of a type that [`Table::types`] names.
fn column_of(kind: &str, values: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    macro_rules! array {
        ($array:ty, $value:ty) => {
            Arc::new(values.extract::<Vec<Option<$value>>>()?.into_iter().collect::<$array>())
        };
    }
    Ok(match kind {
        "Float64" => array!(Float64Array, f64),
        "UInt8" => array!(UInt8Array, u8),
        "UInt32" => array!(UInt32Array, u32),
        "UInt64" => array!(UInt64Array, u64),
        "Boolean" => array!(BooleanArray, bool),
        _ => array!(StringArray, String),
    })
}

/// A table of the run in a folder.
#[pyfunction]
pub(crate) fn read_table(py: Python<'_>, run: PathBuf, table: &str) -> PyResult<Table> {
    let table: RunTable = table.parse().map_err(|e| exception(py, &e))?;
    let schema = read(&run, table).map_err(|e| exception(py, &e))?.schema();
    Ok(Table { source: Source::File { run, table }, schema })
}
