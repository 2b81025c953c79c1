//! The data set of some matrices.

use std::collections::BTreeSet;
use std::path::Path;

use super::array::{Given, Meaning};
use super::images::Images;
use super::order::Order;
use super::{DatasetError, DatasetOptions, HashedPath};
use crate::dataset::format::Format;
use crate::dataset::{Dataset, ImageIndex, SimilarityMatrices, Trials};

/// What was found of a data set.
pub(super) struct Found<'a> {
    pub(super) format: &'a dyn Format,
    pub(super) root: &'a Path,
    pub(super) order: Order,
    pub(super) given: Vec<Given>,
    /// Whether the numbers are similarities, if that is said.
    pub(super) said: Option<Meaning>,
    pub(super) sources: Vec<HashedPath>,
}

impl Found<'_> {
    /// The data set: pairs that nobody judged are not in it.
    ///
    /// # Errors
    /// Images are missing, nobody judged a pair, or no measure of a person's matrix is defined.
    pub(super) fn dataset(self, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        if self.given.is_empty() {
            let why = "there is no matrix in it".to_owned();
            return Err(DatasetError::NoTrials { path: self.root.to_owned(), why });
        }
        let (people, of_people) = self.people()?;
        let images = Images::find(self.root, &self.order, options)?;
        let kept = judged(&images, &of_people);
        if kept.is_empty() {
            let why = "nobody judged a pair of images that are there".to_owned();
            return Err(DatasetError::NoTrials { path: self.root.to_owned(), why });
        }
        let pick = |d: &Vec<f64>| -> Vec<f64> { kept.iter().map(|(pair, _)| d[*pair]).collect() };
        let dissimilarities: Vec<Vec<f64>> = of_people.iter().map(pick).collect();
        let pairs = kept.into_iter().map(|(_, pair)| pair).collect();
        let matrices = SimilarityMatrices { pairs, people, dissimilarities }.limited(options.limit);
        check_differ(self.root, &matrices.people, &matrices.dissimilarities)?;
        let notes = notes(&matrices, &images);
        let trials = Trials::Matrices(matrices);
        let skipped_trials = images.skipped();
        let (name, level) = (self.format.name(), self.format.level());
        let dataset = Dataset::new(name, level, images.entries, trials);
        let (sources, missing) = (self.sources, images.missing);
        let dataset = Dataset { sources, notes, missing, skipped_trials, ..dataset };
        // An image of which nobody judged a pair is not in it.
        Ok(dataset.without(&BTreeSet::new()))
    }

    /// Who gave the matrices, and the dissimilarities of each above the diagonal.
    fn people(&self) -> Result<(Vec<String>, Vec<Vec<f64>>), DatasetError> {
        let (mut people, mut of_people) = (Vec::new(), Vec::new());
        for (number, matrix) in (1..).zip(&self.given) {
            of_people.push(matrix.dissimilarities(self.said)?);
            people.push(match matrix.person.is_empty() {
                true => format!("person {number}"),
                false => matrix.person.clone(),
            });
        }
        Ok((people, of_people))
    }
}

/// The pairs of images that are there and that somebody judged: where each stands above the
/// diagonal, and its images.
fn judged(images: &Images, of_people: &[Vec<f64>]) -> Vec<(usize, [ImageIndex; 2])> {
    let places = &images.places;
    let all = (0..places.len()).flat_map(|a| (a + 1..places.len()).map(move |b| (a, b)));
    let there = all.enumerate().filter_map(|(pair, (a, b))| Some((pair, [places[a]?, places[b]?])));
    let is_judged = |pair: usize| of_people.iter().any(|of_person| !of_person[pair].is_nan());
    there.filter(|(pair, _)| is_judged(*pair)).collect()
}

fn notes(matrices: &SimilarityMatrices, images: &Images) -> Vec<String> {
    let of = match matrices.people.len() {
        1 => "one person".to_owned(),
        n => format!("{n} people"),
    };
    let mut notes = vec![format!("matrices of {of} on {} images", matrices.image_count())];
    if !images.missing.is_empty() {
        notes.push(format!(
            "{} pairs are left out because {} images are missing",
            images.skipped(),
            images.missing.len()
        ));
    }
    notes
}

/// Whether a person found some pairs more alike than others.
pub(in crate::dataset) fn do_differ(of_person: &[f64]) -> bool {
    let mut judged = of_person.iter().filter(|value| !value.is_nan());
    let first = judged.next();
    judged.any(|value| Some(value) != first)
}

/// Refuses matrices of which no measure is defined.
fn check_differ(
    root: &Path,
    people: &[String],
    dissimilarities: &[Vec<f64>],
) -> Result<(), DatasetError> {
    let same = people.iter().zip(dissimilarities).find(|(_, of_person)| !do_differ(of_person));
    let Some((person, of_person)) = same else { return Ok(()) };
    let judged = of_person.iter().filter(|value| !value.is_nan()).count();
    Err(DatasetError::Layout {
        path: root.to_owned(),
        found: format!("{judged} pairs of {person} with one value"),
        expected: "dissimilarities that differ, as all measures need".to_owned(),
        fix: "leave that matrix out, or take more pairs".to_owned(),
    })
}
