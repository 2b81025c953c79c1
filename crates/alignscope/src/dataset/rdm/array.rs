//! Arrays of numbers as matrices of people.

use std::path::{Path, PathBuf};

use super::DatasetError;

/// Relative and absolute difference that two halves of a symmetric matrix may have.
const RELATIVE: f64 = 1e-5;
const ABSOLUTE: f64 = 1e-8;

/// Numbers of any shape, the last axis fastest.
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

/// What the numbers of a matrix say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Similarity,
    Dissimilarity,
}

/// A matrix as it was found.
pub(super) struct Given {
    path: PathBuf,
    /// Who gave it; empty if that is not said.
    pub(super) person: String,
    images: usize,
    numbers: Numbers,
}

enum Numbers {
    /// `[images, images]`
    Square(Vec<f64>),
    /// Above the diagonal, row after row.
    Condensed(Vec<f64>),
}

impl Array {
    /// Of values in order of columns.
    pub(super) fn of_columns(shape: &[usize], values: &[f64]) -> Self {
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

    /// Its matrices: one of `[n, n]` or of n(n − 1)/2 numbers; several of `[people, n, n]`,
    /// `[n, n, people]` or `[people, n(n − 1)/2]`.
    ///
    /// # Errors
    /// It has another shape.
    pub(super) fn matrices(
        self,
        path: &Path,
        name: &str,
        n: usize,
    ) -> Result<Vec<Given>, DatasetError> {
        let condensed = n * n.saturating_sub(1) / 2;
        // Axes of size 1 say nothing.
        let shape: Vec<usize> = self.shape.iter().copied().filter(|size| *size != 1).collect();
        let chunks = |size: usize| -> Vec<Vec<f64>> {
            self.values.chunks(size).map(<[f64]>::to_vec).collect()
        };
        let numbers: Vec<Numbers> = match shape[..] {
            [a, b] if a == n && b == n => vec![Numbers::Square(self.values)],
            [a] if a == condensed => vec![Numbers::Condensed(self.values)],
            [_, a, b] if a == n && b == n => {
                chunks(n * n).into_iter().map(Numbers::Square).collect()
            }
            [a, b, people] if a == n && b == n => {
                let of = |p: usize| self.values.iter().skip(p).step_by(people).copied().collect();
                (0..people).map(of).map(Numbers::Square).collect()
            }
            [_, a] if a == condensed => {
                chunks(condensed).into_iter().map(Numbers::Condensed).collect()
            }
            _ => {
                return Err(DatasetError::Layout {
                    path: path.to_owned(),
                    found: format!("an array of the shape {:?}", self.shape),
                    expected: format!(
                        "[{n}, {n}] for {n} images, [{condensed}] of its half above the diagonal, or \
                         either with a first axis of people"
                    ),
                    fix: "bring it to that shape, or list its images in images.txt".to_owned(),
                });
            }
        };
        let several = numbers.len() > 1;
        let of_person = |(number, numbers): (usize, Numbers)| Given {
            path: path.to_owned(),
            person: match (several, name.is_empty()) {
                (true, false) => format!("{name} {}", number + 1),
                (true, true) => String::new(),
                (false, _) => name.to_owned(),
            },
            images: n,
            numbers,
        };
        Ok(numbers.into_iter().enumerate().map(of_person).collect())
    }
}

impl Given {
    /// How different each two images are, above the diagonal, row after row; NaN where that is not
    /// known. Of similarities it is the greatest of them, the diagonal among them, less each.
    ///
    /// `said` — what the numbers are; if nobody says, a diagonal of 0 says that they are
    /// dissimilarities
    ///
    /// # Errors
    /// It is not symmetric, holds an infinite number, or does not say what its numbers are.
    pub(super) fn dissimilarities(&self, said: Option<Meaning>) -> Result<Vec<f64>, DatasetError> {
        let n = self.images;
        let (values, diagonal) = match &self.numbers {
            Numbers::Condensed(values) => (values.clone(), None),
            Numbers::Square(values) => {
                let diagonal: Vec<f64> = (0..n).map(|i| values[i * n + i]).collect();
                (self.above(values)?, Some(diagonal))
            }
        };
        if let Some(found) = values.iter().find(|value| value.is_infinite()) {
            return Err(self.wrong(format!("the number {found}"), "finite numbers, or NaN"));
        }
        let is_zero = |d: &Vec<f64>| d.iter().all(|value| *value == 0.0);
        match said {
            Some(Meaning::Dissimilarity) => Ok(values),
            None if diagonal.as_ref().is_some_and(is_zero) => Ok(values),
            Some(Meaning::Similarity) => {
                let all = values.iter().chain(diagonal.iter().flatten()).copied();
                let most = all.filter(|v| v.is_finite()).fold(f64::NEG_INFINITY, f64::max);
                Ok(values.into_iter().map(|value| most - value).collect())
            }
            None => Err(self.unsaid(diagonal.is_some())),
        }
    }

    /// The half above the diagonal of a symmetric matrix.
    fn above(&self, values: &[f64]) -> Result<Vec<f64>, DatasetError> {
        let n = self.images;
        let mut above = Vec::with_capacity(n * n.saturating_sub(1) / 2);
        for i in 0..n {
            for j in i + 1..n {
                let (upper, lower) = (values[i * n + j], values[j * n + i]);
                let near = (upper - lower).abs() <= ABSOLUTE + RELATIVE * upper.abs();
                if !near && !(upper.is_nan() && lower.is_nan()) && upper != lower {
                    let found = format!(
                        "{upper} in row {}, column {} and {lower} in row {}, column {}",
                        i + 1,
                        j + 1,
                        j + 1,
                        i + 1
                    );
                    return Err(self.wrong(found, "a symmetric matrix"));
                }
                above.push(upper);
            }
        }
        Ok(above)
    }

    fn unsaid(&self, is_square: bool) -> DatasetError {
        let found = match is_square {
            true => "a matrix whose diagonal is not 0",
            false => "half a matrix without its diagonal",
        };
        DatasetError::Layout {
            path: self.path.clone(),
            found: found.to_owned(),
            expected: "to be told whether its numbers are similarities".to_owned(),
            fix: "write `similarity = true` or `similarity = false` into rdm.toml beside it"
                .to_owned(),
        }
    }

    fn wrong(&self, found: String, expected: &str) -> DatasetError {
        let of = match self.person.is_empty() {
            true => String::new(),
            false => format!(" of {}", self.person),
        };
        DatasetError::Layout {
            path: self.path.clone(),
            found: format!("{found}{of}"),
            expected: expected.to_owned(),
            fix: "look whether the file is whole".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(shape: &[usize], values: &[f64]) -> Result<Vec<Given>, DatasetError> {
        let array = Array { shape: shape.to_vec(), values: values.to_vec() };
        array.matrices(Path::new("rdm.npy"), "", 3)
    }

    #[test]
    fn every_shape_gives_the_half_above_the_diagonal() {
        let square = [0.0, 1.0, 2.0, 1.0, 0.0, 3.0, 2.0, 3.0, 0.0];
        for (shape, values) in [(&[3, 3][..], &square[..]), (&[1, 3, 3], &square)] {
            let found = given(shape, values).expect("matrices");
            assert_eq!(found[0].dissimilarities(None).expect("said"), [1.0, 2.0, 3.0]);
        }
        let two: Vec<f64> = square.iter().chain(&square).copied().collect();
        assert_eq!(given(&[2, 3, 3], &two).expect("matrices").len(), 2);
        let last: Vec<f64> = square.iter().flat_map(|v| [*v, *v]).collect();
        let found = given(&[3, 3, 2], &last).expect("matrices");
        assert_eq!(found[1].dissimilarities(None).expect("said"), [1.0, 2.0, 3.0]);
        let said = Some(Meaning::Dissimilarity);
        let found = given(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).expect("matrices");
        assert_eq!(found[1].dissimilarities(said).expect("said"), [4.0, 5.0, 6.0]);
        assert!(given(&[4, 4], &[0.0; 16]).is_err());
    }

    #[test]
    fn similarities_are_turned_and_what_is_not_said_is_an_error() {
        let square = [9.0, 1.0, 2.0, 1.0, 9.0, 3.0, 2.0, 3.0, 9.0];
        let found = &given(&[3, 3], &square).expect("a matrix")[0];
        assert_eq!(
            found.dissimilarities(Some(Meaning::Similarity)).expect("said"),
            [8.0, 7.0, 6.0]
        );
        let message = found.dissimilarities(None).expect_err("not said").to_string();
        assert!(message.contains("rdm.toml"), "{message}");
        let half = &given(&[3], &[1.0, 2.0, 3.0]).expect("a matrix")[0];
        assert!(half.dissimilarities(None).is_err());
        let askew = [0.0, 1.0, 2.0, 4.0, 0.0, 3.0, 2.0, 3.0, 0.0];
        let found = &given(&[3, 3], &askew).expect("a matrix")[0];
        let message = found.dissimilarities(None).expect_err("askew").to_string();
        assert!(message.contains("1 in row 1, column 2 and 4 in row 2"), "{message}");
    }

    #[test]
    fn columns_become_rows() {
        let array = Array::of_columns(&[2, 3], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(array.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
