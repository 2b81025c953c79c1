//! Arrays of NumPy to slices, and back.

use numpy::ndarray::{ArrayD, IxDyn};
use numpy::{Element, IntoPyArray, PyArray1, PyArray2, PyArrayDyn, PyReadonlyArrayDyn};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use alignscope::image::RgbImage;

/// An array of `shape` that takes `values` over without a copy.
///
/// # Panics
/// There are not as many values as the shape says.
pub(crate) fn array<'py, T: Element>(
    py: Python<'py>,
    values: Vec<T>,
    shape: &[usize],
) -> Bound<'py, PyArrayDyn<T>> {
    ArrayD::from_shape_vec(IxDyn(shape), values)
        .expect("as many values as the shape says")
        .into_pyarray(py)
}

/// A list of numbers.
pub(crate) fn list<T: Element>(
    py: Python<'_>,
    values: impl IntoIterator<Item = T>,
) -> Bound<'_, PyArray1<T>> {
    values.into_iter().collect::<Vec<T>>().into_pyarray(py)
}

/// Rows of `N` numbers, `[rows, N]`.
pub(crate) fn rows<T: Element, const N: usize>(
    py: Python<'_>,
    rows: impl IntoIterator<Item = [T; N]>,
) -> Bound<'_, PyArray2<T>> {
    let values: Vec<T> = rows.into_iter().flatten().collect();
    let count = values.len() / N;
    numpy::ndarray::Array2::from_shape_vec((count, N), values).expect("whole rows").into_pyarray(py)
}

/// The numbers of an array in order of rows, and the sizes of its axes. Python has made it
/// contiguous.
///
/// # Errors
/// It has gaps.
pub(crate) fn features<'a>(
    array: &'a PyReadonlyArrayDyn<'_, f32>,
) -> PyResult<(&'a [f32], Vec<usize>)> {
    let values = array
        .as_slice()
        .map_err(|_| PyValueError::new_err("an array with gaps, expected a contiguous one"))?;
    Ok((values, array.as_array().shape().to_vec()))
}

/// As [`features`], of numbers in double precision.
///
/// # Errors
/// It has gaps.
pub(crate) fn numbers<'a>(
    array: &'a PyReadonlyArrayDyn<'_, f64>,
) -> PyResult<(&'a [f64], Vec<usize>)> {
    let values = array
        .as_slice()
        .map_err(|_| PyValueError::new_err("an array with gaps, expected a contiguous one"))?;
    Ok((values, array.as_array().shape().to_vec()))
}

/// An image of an array `[height, width, 3]`, which Python has made contiguous.
///
/// # Errors
/// It has other axes, or no pixels.
pub(crate) fn image(array: &PyReadonlyArrayDyn<'_, u8>) -> PyResult<RgbImage> {
    match *array.as_array().shape() {
        [height, width, 3] if height > 0 && width > 0 => {
            let pixels =
                array.as_slice().map_err(|_| PyValueError::new_err("an array with gaps"))?;
            Ok(RgbImage::new(width, height, pixels.to_vec()))
        }
        ref other => Err(PyValueError::new_err(format!(
            "an image of the shape {other:?}, expected [height, width, 3]"
        ))),
    }
}

/// The pixels of an image, `[height, width, 3]`.
pub(crate) fn pixels<'py>(py: Python<'py>, image: &RgbImage) -> Bound<'py, PyArrayDyn<u8>> {
    array(py, image.pixels().to_vec(), &[image.height(), image.width(), 3])
}
