//! Variables of `.mat` files, as LIVE's layouts have them.

use std::path::Path;

use crate::dataset::DatasetError;
use crate::input_file::HashedPath;
use crate::matlab::{MatFile, MatValue};

/// The variables of a file; errors name it.
pub(super) struct Variables(MatFile);

impl Variables {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self, DatasetError> {
        Ok(Self(
            MatFile::read(path)
                .map_err(|source| DatasetError::Matlab { source: Box::new(source) })?,
        ))
    }

    /// Where the file is, and its hash.
    pub(super) fn hashed_path(&self) -> HashedPath {
        self.0.source().clone()
    }

    /// Whether there is a variable of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    /// Finite numbers along one axis.
    ///
    /// # Errors
    /// The variable is not there, or is something else.
    pub(super) fn numbers(&self, name: &str) -> Result<&[f64], DatasetError> {
        let expected = "finite numbers along one axis";
        match self.get(name, expected)? {
            MatValue::Numbers { shape, values }
                if is_list(shape) && values.iter().all(|value| value.is_finite()) =>
            {
                Ok(values)
            }
            other => Err(self.wrong(name, &other.kind(), expected)),
        }
    }

    /// Texts in cells along one axis.
    ///
    /// # Errors
    /// The variable is not there, or is something else.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<&str>, DatasetError> {
        let expected = "texts in cells along one axis";
        let value = self.get(name, expected)?;
        let texts = match value {
            MatValue::Cell { shape, values } if is_list(shape) => {
                values.iter().map(text).collect::<Option<Vec<&str>>>()
            }
            _ => None,
        };
        texts.ok_or_else(|| self.wrong(name, &value.kind(), expected))
    }

    fn get(&self, name: &str, expected: &str) -> Result<&MatValue, DatasetError> {
        self.0.get(name).ok_or_else(|| {
            let names: Vec<String> = self.0.names().map(|name| format!("`{name}`")).collect();
            let there = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            self.wrong(name, &format!("not there beside {there}"), expected)
        })
    }

    /// The variable is not what it must be.
    pub(super) fn wrong(&self, name: &str, found: &str, expected: &str) -> DatasetError {
        DatasetError::Variable {
            path: self.0.source().path.clone(),
            variable: name.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// Whether an array has one axis beside those of one element.
fn is_list(shape: &[usize]) -> bool {
    shape.iter().filter(|size| **size != 1).count() <= 1
}

/// A text, or a cell of one.
fn text(value: &MatValue) -> Option<&str> {
    match value {
        MatValue::Text(text) => Some(text),
        MatValue::Cell { values, .. } => match &values[..] {
            [MatValue::Text(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}
