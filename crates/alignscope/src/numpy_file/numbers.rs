//! Arrays of numbers, whole.

/// Numbers with axes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbers {
    /// Sizes of the axes; none of a single number.
    pub(crate) shape: Vec<usize>,
    /// In order of rows: the last axis runs fastest.
    pub(crate) values: Vec<f64>,
}

impl Numbers {
    /// Of values in order of columns, in which the first axis runs fastest.
    pub(crate) fn of_columns(shape: &[usize], values: &[f64]) -> Self {
        let mut found = vec![0.0; values.len()];
        let mut place = vec![0; shape.len()];
        for value in values {
            let at = place.iter().zip(shape).fold(0, |at, (i, size)| at * size + i);
            found[at] = *value;
            for (i, size) in place.iter_mut().zip(shape) {
                *i += 1;
                if *i < *size {
                    break;
                }
                *i = 0;
            }
        }
        Self { shape: shape.to_vec(), values: found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows() {
        let numbers = Numbers::of_columns(&[2, 3], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(numbers.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        // [1, 2, 3] of NumPy's order is 23, the last; the second in order of columns is [1, 0, 0].
        let values: Vec<f64> = (0..24).map(f64::from).collect();
        let cube = Numbers::of_columns(&[2, 3, 4], &values);
        assert_eq!((cube.values[12], cube.values[23]), (1.0, 23.0));
    }
}
