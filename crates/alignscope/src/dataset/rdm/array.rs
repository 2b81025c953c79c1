//! Arrays of numbers as matrices of people.

use std::path::{Path, PathBuf};

use super::DatasetError;
use crate::numpy_file::Numbers;

/// Relative and absolute difference that two halves of a symmetric matrix may have.
const RELATIVE: f64 = 1e-5;
const ABSOLUTE: f64 = 1e-8;

/// Matrices of one file.
const MAX_PEOPLE: usize = 10_000;

/// Numbers of one file, whatever the images: 1 GiB of them.
const MAX_NUMBERS: usize = 1 << 27;

/// As many numbers may be in a file of matrices of some images.
pub(super) fn most_numbers(images: usize) -> usize {
    images.saturating_mul(images).saturating_mul(MAX_PEOPLE).min(MAX_NUMBERS)
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
    values: Values,
}

enum Values {
    /// `[images, images]`
    Square(Vec<f64>),
    /// Above the diagonal, row after row.
    Condensed(Vec<f64>),
}

/// How the axes of an array are those of matrices.
enum Axes {
    /// `[images, images]`
    Square,
    /// `[images (images − 1) / 2]`
    Condensed,
    /// `[people, images, images]`
    Squares,
    /// `[images, images, people]`
    SquaresLast(usize),
    /// `[people, images (images − 1) / 2]`
    Halves,
}

impl Axes {
    /// Those of a shape, for `n` images; `None` if they are none.
    fn of(shape: &[usize], n: usize) -> Option<Self> {
        let condensed = n.checked_mul(n.saturating_sub(1))? / 2;
        // Axes of size 1 say nothing.
        let shape: Vec<usize> = shape.iter().copied().filter(|size| *size != 1).collect();
        match shape[..] {
            [a, b] if a == n && b == n => Some(Self::Square),
            [a] if a == condensed => Some(Self::Condensed),
            [_, a, b] if a == n && b == n => Some(Self::Squares),
            [a, b, people] if a == n && b == n => Some(Self::SquaresLast(people)),
            [_, a] if a == condensed => Some(Self::Halves),
            _ => None,
        }
    }
}

/// Whether an array can be matrices of `n` images.
pub(super) fn fits(shape: &[usize], n: usize) -> bool {
    Axes::of(shape, n).is_some()
}

/// The matrices that an array holds: one of `[n, n]` or of n(n − 1)/2 numbers; several of
/// `[people, n, n]`, `[n, n, people]` or `[people, n(n − 1)/2]`.
///
/// `n` — images, three or more
///
/// # Errors
/// It has another shape.
pub(super) fn matrices(
    numbers: Numbers,
    path: &Path,
    name: &str,
    n: usize,
) -> Result<Vec<Given>, DatasetError> {
    let Numbers { shape, values } = numbers;
    let condensed = n * n.saturating_sub(1) / 2;
    let chunks = |size: usize| values.chunks(size).map(<[f64]>::to_vec);
    let matrices: Vec<Values> = match Axes::of(&shape, n) {
        Some(Axes::Square) => vec![Values::Square(values)],
        Some(Axes::Condensed) => vec![Values::Condensed(values)],
        Some(Axes::Squares) => chunks(n * n).map(Values::Square).collect(),
        Some(Axes::SquaresLast(people)) => {
            let of = |p: usize| values.iter().skip(p).step_by(people).copied().collect();
            (0..people).map(of).map(Values::Square).collect()
        }
        Some(Axes::Halves) => chunks(condensed).map(Values::Condensed).collect(),
        None => {
            return Err(DatasetError::Layout {
                path: path.to_owned(),
                found: format!("an array of the shape {shape:?}"),
                expected: format!(
                    "[{n}, {n}] for {n} images, [{condensed}] of its half above the diagonal, or \
                     either with a first axis of people"
                ),
                fix: "bring it to that shape, or list its images in images.txt".to_owned(),
            });
        }
    };
    let several = matrices.len() > 1;
    let of_person = |(number, values): (usize, Values)| Given {
        path: path.to_owned(),
        person: match (several, name.is_empty()) {
            (true, false) => format!("{name} {}", number + 1),
            (true, true) => String::new(),
            (false, _) => name.to_owned(),
        },
        images: n,
        values,
    };
    Ok(matrices.into_iter().enumerate().map(of_person).collect())
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
        let (values, diagonal) = match &self.values {
            Values::Condensed(values) => (values.clone(), None),
            Values::Square(values) => {
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
                let is_same = near || upper == lower || (upper.is_nan() && lower.is_nan());
                if !is_same {
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
        let numbers = Numbers { shape: shape.to_vec(), values: values.to_vec() };
        matrices(numbers, Path::new("rdm.npy"), "", 3)
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
    fn matrices_of_nobody_are_none() {
        for shape in [&[0, 3, 3][..], &[3, 3, 0]] {
            assert!(given(shape, &[]).expect("the shape fits").is_empty());
        }
        assert!(fits(&[2, 3, 3], 3) && fits(&[5, 3], 3) && !fits(&[2, 3, 3], 4));
    }

    #[test]
    fn numbers_are_few_for_few_images_and_bounded_for_many() {
        assert_eq!(most_numbers(3), 90_000);
        assert_eq!(most_numbers(usize::MAX), 1 << 27);
    }
}
