//! Transforms as files: `transform.npz` as gLocal publishes it.

use std::path::Path;

use super::apply::Transform;
use super::error::TransformFileError;
use super::npz::{self, Arrays};
use crate::input_file::HashedPath;
use crate::numpy_file::{self, Numbers, Precision};
use crate::results::{ResultsError, write_whole};

/// Reads a transform: `weights` `[channels, outputs]`, `mean` and `std` of one number or of one for
/// each channel, and `bias` `[outputs]` if there is one.
///
/// # Errors
/// See [`TransformFileError`].
///
/// # Source
/// What `thingsvision`'s `gLocal.apply_transform` takes (2.6): `(x − mean) / std @ weights (+ bias)`.
pub fn read_transform(path: &Path) -> Result<(Transform, HashedPath), TransformFileError> {
    let (arrays, file) = npz::read(path, &["weights", "mean", "std", "bias"])?;
    let read = Reader { path, arrays: &arrays };
    let weights = read.array("weights")?;
    let &[channels, outputs] = &weights.shape[..] else {
        return Err(read.shape("weights", weights, "two axes, [channels, outputs]".to_owned()));
    };
    if channels == 0 || outputs == 0 {
        return Err(read.shape("weights", weights, "at least one channel".to_owned()));
    }
    let bias =
        arrays.by_name.contains_key("bias").then(|| read.numbers("bias", outputs)).transpose()?;
    let bias = bias.map(|bias| if bias.len() == 1 { vec![bias[0]; outputs] } else { bias });
    let (mean, std) = (read.numbers("mean", channels)?, read.numbers("std", channels)?);
    if let Some(place) = std.iter().position(|value| *value <= 0.0) {
        return Err(read.value("std", place, std[place], "a number above 0"));
    }
    let weights = read.finite("weights", weights)?;
    Ok((Transform { mean, std, weights, outputs, bias }, file))
}

/// Arrays of a file, and where they come from.
struct Reader<'a> {
    path: &'a Path,
    arrays: &'a Arrays,
}

impl Reader<'_> {
    fn array(&self, key: &'static str) -> Result<&Numbers, TransformFileError> {
        self.arrays.by_name.get(key).ok_or_else(|| TransformFileError::Missing {
            path: self.path.to_owned(),
            key,
            found: self.arrays.names.clone(),
        })
    }

    /// One number, or one for each of `count`.
    fn numbers(&self, key: &'static str, count: usize) -> Result<Vec<f64>, TransformFileError> {
        let array = self.array(key)?;
        match array.values.len() {
            n if n == 1 || n == count => self.finite(key, array),
            _ => Err(self.shape(key, array, format!("one number, or {count}"))),
        }
    }

    fn finite(&self, key: &'static str, array: &Numbers) -> Result<Vec<f64>, TransformFileError> {
        match array.values.iter().position(|value| !value.is_finite()) {
            None => Ok(array.values.clone()),
            Some(place) => Err(self.value(key, place, array.values[place], "a finite number")),
        }
    }

    fn value(
        &self,
        key: &'static str,
        place: usize,
        found: f64,
        expected: &'static str,
    ) -> TransformFileError {
        TransformFileError::Value { path: self.path.to_owned(), key, place, found, expected }
    }

    fn shape(&self, key: &'static str, array: &Numbers, expected: String) -> TransformFileError {
        let (path, found) = (self.path.to_owned(), array.shape.clone());
        TransformFileError::Shape { path, key, found, expected }
    }
}

/// Writes a transform with the same names, its numbers as f32.
///
/// # Errors
/// The file cannot be written.
pub fn write_transform(path: &Path, transform: &Transform) -> Result<(), ResultsError> {
    let vector = |values: &[f64]| Numbers { shape: vec![values.len()], values: values.to_vec() };
    let shape = vec![transform.channels(), transform.outputs];
    let mut arrays = vec![
        ("weights", Numbers { shape, values: transform.weights.clone() }),
        ("mean", vector(&transform.mean)),
        ("std", vector(&transform.std)),
    ];
    arrays.extend(transform.bias.as_ref().map(|bias| ("bias", vector(bias))));
    write_whole(path, &numpy_file::npz(&arrays, Precision::Single))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transform() -> Transform {
        Transform {
            mean: vec![0.5, -0.25],
            std: vec![2.0, 1.5],
            weights: vec![1.0, 0.5, -2.0, 0.0, 4.0, 8.0],
            outputs: 3,
            bias: None,
        }
    }

    #[test]
    fn a_transform_is_read_back_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("transform.npz");
        let with_bias = Transform { bias: Some(vec![1.0, 2.0, 3.0]), ..transform() };
        for transform in [transform(), with_bias] {
            write_transform(&path, &transform).expect("written");
            let bytes = std::fs::read(&path).expect("there");
            assert_eq!(read_transform(&path).expect("read").0, transform);
            write_transform(&path, &transform).expect("written again");
            assert_eq!(std::fs::read(&path).expect("there"), bytes, "the same bytes");
        }
    }

    #[test]
    fn a_file_that_is_no_transform_is_told_with_what_was_expected() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("transform.npz");
        let array = |shape: &[usize], values: &[f64]| Numbers {
            shape: shape.to_vec(),
            values: values.to_vec(),
        };
        let weights = || ("weights", array(&[2, 1], &[1.0, 2.0]));
        let mean = || ("mean", array(&[], &[0.0]));
        let std = |value: f64| ("std", array(&[], &[value]));
        for (arrays, words) in [
            (vec![mean(), std(1.0)], "no array `weights`, it has `mean`, `std`"),
            (vec![weights(), mean()], "no array `std`"),
            (vec![("weights", array(&[2], &[1.0, 2.0])), mean(), std(1.0)], "two axes"),
            (vec![weights(), mean(), std(0.0)], "number 0 of the array `std`"),
            (
                vec![weights(), ("mean", array(&[3], &[0.0; 3])), std(1.0)],
                "shape [3], expected one number, or 2",
            ),
            (
                vec![("weights", array(&[2, 1], &[1.0, f64::NAN])), mean(), std(1.0)],
                "number 1 of the array `weights`",
            ),
            (
                vec![weights(), mean(), std(1.0), ("bias", array(&[2], &[0.0; 2]))],
                "the array `bias`",
            ),
        ] {
            std::fs::write(&path, numpy_file::npz(&arrays, Precision::Single)).expect("written");
            let error = read_transform(&path).expect_err("refused").to_string();
            assert!(error.contains(words) && error.contains("transform.npz"), "{error}");
        }
        std::fs::write(&path, "weights").expect("written");
        let error = read_transform(&path).expect_err("no archive").to_string();
        assert!(error.contains("not a .npz file"), "{error}");
    }
}
