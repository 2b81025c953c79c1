//! People's matrices as files of one's own.

use std::collections::HashSet;

use super::WriteDatasetError;
use crate::dataset::rdm::{IMAGES, MEANING, OF_PERSON, STEM, do_differ, is_of_matrices};
use crate::dataset::{Dataset, SimilarityMatrices};
use crate::numpy_file::{Numbers, Precision, npy, npz};

/// A name of a person may have as many bytes in a file.
const MAX_NAME: usize = 100;

/// The files of some matrices, that of the matrices first: `rdm.npz` with an array a person, or
/// `rdm_<person>.npy` of one; `images.txt`; `rdm.toml`, which says that they are dissimilarities.
///
/// `names` — of the images
///
/// # Errors
/// They could not be read again: of fewer than three images, or of a person with one value for all
/// pairs.
pub(super) fn files(
    dataset: &Dataset,
    matrices: &SimilarityMatrices,
    names: &[String],
    notes: &mut Vec<String>,
) -> Result<Vec<(String, Vec<u8>)>, WriteDatasetError> {
    if names.len() < 3 || !matrices.dissimilarities.iter().all(|d| do_differ(d)) {
        return Err(WriteDatasetError::Matrices { dataset: dataset.name.clone() });
    }
    if dataset.trial_ids.iter().copied().ne(0..dataset.trials.len() as u64) {
        notes.push("its pairs are numbered anew, from 0".to_owned());
    }
    let people = names_of_people(&matrices.people, notes);
    let halves = matrices.dissimilarities.iter().map(|d| half(&matrices.pairs, d, names.len()));
    let arrays: Vec<(&str, Numbers)> = people.iter().map(String::as_str).zip(halves).collect();
    let of_matrices = match &arrays[..] {
        [(name, half)] if *name == numbered(0) => {
            (format!("{STEM}.npy"), npy(half, Precision::Double))
        }
        [(name, half)] => (format!("{OF_PERSON}{name}.npy"), npy(half, Precision::Double)),
        _ => (format!("{STEM}.npz"), npz(&arrays, Precision::Double)),
    };
    let images: String = names.iter().map(|name| format!("{name}\n")).collect();
    Ok(vec![
        of_matrices,
        (IMAGES.to_owned(), images.into_bytes()),
        (MEANING.to_owned(), b"similarity = false\n".to_vec()),
    ])
}

/// Whether an image cannot have this name, since one of the files may.
pub(super) fn is_taken(name: &str) -> bool {
    [IMAGES, MEANING].iter().any(|taken| name.eq_ignore_ascii_case(taken)) || is_of_matrices(name)
}

/// What a matrix without a name is called when it is read.
fn numbered(place: usize) -> String {
    format!("person {}", place + 1)
}

/// A name for each person: their own, unless no file can have it.
fn names_of_people(people: &[String], notes: &mut Vec<String>) -> Vec<String> {
    let is_plain = |c: char| c.is_alphanumeric() || " _-.()@+'".contains(c);
    let fits =
        |name: &str| !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(is_plain);
    let mut taken: HashSet<String> = people.iter().filter(|name| fits(name)).cloned().collect();
    let mut known = HashSet::new();
    let mut others = 0;
    let names = people.iter().enumerate().map(|(place, name)| {
        if fits(name) && known.insert(name.as_str()) {
            return name.clone();
        }
        others += 1;
        let free = (0..)
            .map(|again| format!("{}{}", numbered(place), "_".repeat(again)))
            .find(|name| !taken.contains(name))
            .expect("names without end");
        taken.insert(free.clone());
        free
    });
    let names: Vec<String> = names.collect();
    if others > 0 {
        notes.push(format!(
            "{others} people are called `person …`, as files cannot have their names, or have them \
             twice"
        ));
    }
    names
}

/// A person's matrix above the diagonal, row after row; NaN of pairs that are no trial.
fn half(pairs: &[[u32; 2]], dissimilarities: &[f64], images: usize) -> Numbers {
    let mut values = vec![f64::NAN; images * (images - 1) / 2];
    for (pair, dissimilarity) in pairs.iter().zip(dissimilarities) {
        let (a, b) = (pair[0].min(pair[1]) as usize, pair[0].max(pair[1]) as usize);
        // Rows before a have images − 1, images − 2, … numbers.
        values[a * (2 * images - a - 1) / 2 + b - a - 1] = *dissimilarity;
    }
    Numbers { shape: vec![values.len()], values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_stand_above_the_diagonal_row_after_row() {
        let pairs = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [3, 2]];
        let found = half(&pairs, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 4);
        assert_eq!(found.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert!(half(&pairs[..1], &[1.0], 3).values[1].is_nan());
    }

    #[test]
    fn people_keep_their_names_if_files_can_have_them() {
        let people = ["anna", "a/b", "anna", "person 2", "é"].map(str::to_owned);
        let mut notes = Vec::new();
        let names = names_of_people(&people, &mut notes);
        assert_eq!(names, ["anna", "person 2_", "person 3", "person 2", "é"]);
        assert!(notes[0].starts_with("2 people"), "{notes:?}");
    }
}
