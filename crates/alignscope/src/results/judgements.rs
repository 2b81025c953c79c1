//! `judgements.parquet`: each person's matrix, as it was run.

use std::collections::HashMap;
use std::path::Path;

use super::bounds::shortened;
use super::table::{ParquetRow, TableWriter, batches, parquet_row};
use super::{ResultsError, wrong};
use crate::dataset::{Dataset, SimilarityMatrices};

/// Judgements that a table may have room for: people times pairs.
const MAX_JUDGEMENTS: usize = 1 << 26;

parquet_row! {
    /// How different a person finds two images: a row of `judgements.parquet`. A pair that a person
    /// did not judge has none.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(super) struct JudgementRow<'a> {
        /// The data set.
        pub(super) dataset: &'a str,
        /// The first image of the pair.
        pub(super) image_a: &'a str,
        /// The second.
        pub(super) image_b: &'a str,
        /// Who judged.
        pub(super) person: &'a str,
        /// How different they find them.
        pub(super) dissimilarity: f64,
    }
}

/// Writes the matrices of all data sets of a run that have any, person after person.
///
/// # Errors
/// The file cannot be written.
pub fn write_judgements(path: &Path, datasets: &[&Dataset]) -> Result<(), ResultsError> {
    let mut table = TableWriter::create(path, JudgementRow::fields())?;
    for dataset in datasets {
        let Some(matrices) = dataset.trials.paradigm().matrices() else { continue };
        for (person, of_person) in matrices.people.iter().zip(&matrices.dissimilarities) {
            let judged = matrices.pairs.iter().zip(of_person).filter(|(_, d)| !d.is_nan());
            let id = |image: u32| dataset.images[image as usize].id.as_str();
            let rows: Vec<JudgementRow<'_>> = judged
                .map(|([a, b], dissimilarity)| JudgementRow {
                    dataset: &dataset.name,
                    image_a: id(*a),
                    image_b: id(*b),
                    person,
                    dissimilarity: *dissimilarity,
                })
                .collect();
            table.write(JudgementRow::arrays(rows.iter().copied()))?;
        }
    }
    table.finish()
}

/// The matrices of a data set whose people are to be read.
pub(super) struct Judged<'a> {
    pub(super) dataset: &'a str,
    /// The ids of its images.
    pub(super) images: &'a [String],
    /// The mean of all people, in whose place theirs come.
    pub(super) matrices: &'a mut SimilarityMatrices,
}

/// Puts people's matrices in the place of the mean that `trials.parquet` has.
///
/// # Errors
/// The file cannot be read, lacks a column, names pairs or data sets that the trials do not, or has
/// too many people.
pub(super) fn read_judgements(path: &Path, judged: Vec<Judged<'_>>) -> Result<(), ResultsError> {
    let mut places: HashMap<&str, Place> =
        judged.iter().map(|of| (of.dataset, Place::new(of))).collect();
    for batch in batches(path, JudgementRow::COLUMNS)? {
        let batch = batch?;
        for row in JudgementRow::rows(&batch)? {
            let Some(place) = places.get_mut(row.dataset) else {
                return Err(mismatch(
                    path,
                    format!("it has matrices of {}", shortened(row.dataset)),
                ));
            };
            place.add(path, &row)?;
        }
    }
    for of in judged {
        let found = places.remove(of.dataset).expect("one of each");
        if found.people.is_empty() {
            return Err(mismatch(path, format!("it has no matrix of {}", shortened(of.dataset))));
        }
        of.matrices.people = found.people;
        of.matrices.dissimilarities = found.dissimilarities;
    }
    Ok(())
}

fn mismatch(path: &Path, why: String) -> ResultsError {
    ResultsError::Mismatch { path: path.to_owned(), other: "trials.parquet", why }
}

/// The matrices of a data set as they are read.
struct Place {
    /// The pairs by the ids of their images.
    pairs: HashMap<(String, String), usize>,
    /// How many pairs there are.
    count: usize,
    people: Vec<String>,
    dissimilarities: Vec<Vec<f64>>,
}

impl Place {
    fn new(of: &Judged<'_>) -> Self {
        let id = |image: u32| of.images[image as usize].clone();
        let pairs = of.matrices.pairs.iter().enumerate();
        let pairs = pairs.map(|(pair, [a, b])| ((id(*a), id(*b)), pair)).collect();
        let count = of.matrices.pairs.len();
        Self { pairs, count, people: vec![], dissimilarities: vec![] }
    }

    fn add(&mut self, path: &Path, row: &JudgementRow<'_>) -> Result<(), ResultsError> {
        let pair = (row.image_a.to_owned(), row.image_b.to_owned());
        let Some(pair) = self.pairs.get(&pair).copied() else {
            let [a, b] = [row.image_a, row.image_b].map(shortened);
            let why = format!("it has the pair {a} and {b}");
            return Err(mismatch(path, why));
        };
        if !row.dissimilarity.is_finite() {
            let found = row.dissimilarity;
            return Err(wrong(path, "`dissimilarity`", found, "a finite number"));
        }
        // Rows of a person stand together.
        if self.people.last().is_none_or(|last| last != row.person) {
            let size = (self.people.len() + 1).saturating_mul(self.count);
            if size > MAX_JUDGEMENTS || self.people.iter().any(|other| other == row.person) {
                let why = format!(
                    "the matrix of {} is one too many, or not in one place",
                    shortened(row.person)
                );
                return Err(mismatch(path, why));
            }
            self.people.push(row.person.to_owned());
            self.dissimilarities.push(vec![f64::NAN; self.count]);
        }
        let of_person = self.dissimilarities.last_mut().expect("just pushed");
        of_person[pair] = row.dissimilarity;
        Ok(())
    }
}
