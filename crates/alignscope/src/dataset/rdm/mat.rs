//! Variables of `.mat` files as arrays.

use std::path::Path;

use super::{DatasetError, HashedPath};
use crate::matlab::{MatFile, MatValue};
use crate::numpy_file::Numbers;

/// A `.mat` file whose variables are looked for.
pub(super) struct Mat(MatFile);

impl Mat {
    /// Reads a file.
    pub(super) fn open(path: &Path, sources: &mut Vec<HashedPath>) -> Result<Self, DatasetError> {
        let file = MatFile::read(path)
            .map_err(|source| DatasetError::Matlab { source: Box::new(source) })?;
        sources.push(file.source().clone());
        Ok(Self(file))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0.source().path
    }

    /// The names of its variables.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names()
    }

    /// The variable of a name.
    pub(super) fn get(&self, name: &str) -> Option<&MatValue> {
        self.0.get(name)
    }

    /// A value as numbers.
    ///
    /// `name` — what it is called
    ///
    /// # Errors
    /// It is not there, or something else.
    pub(super) fn numbers(
        &self,
        name: &str,
        value: Option<&MatValue>,
    ) -> Result<Numbers, DatasetError> {
        match value {
            Some(MatValue::Numbers { shape, values }) => Ok(Numbers::of_columns(shape, values)),
            other => Err(self.wrong(name, other, "numbers")),
        }
    }

    /// The mean over sessions of each subject's matrices: `RDMs(1, subject, session).RDM`.
    ///
    /// # Errors
    /// It is no such structure, or the sessions of a subject have matrices of different sizes.
    pub(super) fn sessions(&self) -> Result<Vec<(String, Numbers)>, DatasetError> {
        let value = self.get("RDMs");
        let expected = "a structure of subjects and sessions";
        let shape = value.and_then(MatValue::shape).unwrap_or_default();
        let subjects = match (value, &shape[..]) {
            (Some(MatValue::Struct { .. }), [a, b] | [a, b, _]) => a * b,
            _ => return Err(self.wrong("RDMs", value, expected)),
        };
        let Some(matrices) = value.and_then(|value| value.field("RDM")) else {
            return Err(self.wrong("RDMs.RDM", None, "a matrix each"));
        };
        let of_subject = |subject: usize| {
            let sessions: Vec<&MatValue> =
                matrices.iter().skip(subject).step_by(subjects.max(1)).collect();
            Ok((format!("subject {}", subject + 1), self.mean(&sessions)?))
        };
        (0..subjects).map(of_subject).collect()
    }

    /// The mean of a subject's matrices.
    fn mean(&self, sessions: &[&MatValue]) -> Result<Numbers, DatasetError> {
        let mut sum: Option<Numbers> = None;
        for session in sessions {
            let matrix = self.numbers("RDMs.RDM", Some(session))?;
            match &mut sum {
                None => sum = Some(matrix),
                Some(sum) if sum.shape == matrix.shape => {
                    sum.values.iter_mut().zip(matrix.values).for_each(|(sum, v)| *sum += v);
                }
                Some(_) => {
                    return Err(self.wrong("RDMs.RDM", Some(session), "matrices of one size"));
                }
            }
        }
        let mut mean = sum.ok_or_else(|| self.wrong("RDMs.RDM", None, "a matrix each"))?;
        mean.values.iter_mut().for_each(|value| *value /= sessions.len() as f64);
        Ok(mean)
    }

    /// A value is not what it must be.
    pub(super) fn wrong(
        &self,
        name: &str,
        found: Option<&MatValue>,
        expected: &str,
    ) -> DatasetError {
        DatasetError::Layout {
            path: self.path().to_owned(),
            found: match found {
                Some(value) => format!("`{name}`, {}", value.kind()),
                None => format!("no `{name}`"),
            },
            expected: expected.to_owned(),
            fix: "look whether it is the published file".to_owned(),
        }
    }
}

/// All arrays of a file, which holds numbers alone.
pub(super) fn read_all(
    path: &Path,
    sources: &mut Vec<HashedPath>,
) -> Result<Vec<(String, Numbers)>, DatasetError> {
    let file = Mat::open(path, sources)?;
    let mut found = Vec::new();
    for name in file.names() {
        match file.get(name) {
            Some(MatValue::Numbers { shape, values }) => {
                found.push((name.to_owned(), Numbers::of_columns(shape, values)));
            }
            other => {
                let kind = other.map_or_else(String::new, MatValue::kind);
                return Err(DatasetError::Layout {
                    path: path.to_owned(),
                    found: format!("the variable `{name}`, {kind}"),
                    expected: "matrices of numbers alone".to_owned(),
                    fix: "save the matrices by themselves".to_owned(),
                });
            }
        }
    }
    // One variable is no name of a person.
    if let [(name, _)] = &mut found[..] {
        name.clear();
    }
    Ok(found)
}
