//! The data sets of an experiment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::ExperimentFileError;
use super::form::DatasetForm;
use super::origin::Origin;
use crate::dataset::{DatasetFormat, DatasetOptions, Level, check_dataset_name};
use crate::name::UnknownName;
use crate::prepared::DatasetSpec;

/// Reads the data sets.
///
/// `data` — where those lie that are not where the file says, by what they are called
pub(super) fn read(
    origin: Origin<'_>,
    written: Vec<DatasetForm>,
    data: &BTreeMap<String, PathBuf>,
) -> Result<Vec<DatasetSpec>, ExperimentFileError> {
    let datasets: Vec<DatasetSpec> =
        written.into_iter().map(|form| read_one(origin, form, data)).collect::<Result<_, _>>()?;
    let is_there = |name: &&String| datasets.iter().any(|dataset| dataset.called() == *name);
    match data.keys().find(|name| !is_there(name)) {
        None => Ok(datasets),
        Some(dataset) => Err(ExperimentFileError::NoDataset {
            path: origin.path(),
            dataset: dataset.clone(),
            found: called(&datasets),
        }),
    }
}

/// What data sets are called.
pub(super) fn called(datasets: &[DatasetSpec]) -> Vec<String> {
    datasets.iter().map(|dataset| dataset.called().to_owned()).collect()
}

fn read_one(
    origin: Origin<'_>,
    form: DatasetForm,
    data: &BTreeMap<String, PathBuf>,
) -> Result<DatasetSpec, ExperimentFileError> {
    let (name, format) = match (form.name, form.format) {
        (name, Some(format)) => (name, format),
        (Some(format), None) => (None, format),
        (None, None) => {
            return Err(ExperimentFileError::NoFormat { path: origin.path(), name: None });
        }
    };
    let word = |source| origin.word(source);
    let format: DatasetFormat = format.parse().map_err(|source: UnknownName| {
        match name.is_none() && source.meant.is_none() {
            // A name of the user's own, without a format.
            true => ExperimentFileError::NoFormat { path: origin.path(), name: Some(source.found) },
            false => word(source),
        }
    })?;
    if let Some(name) = &name {
        check_dataset_name(name).map_err(|source| ExperimentFileError::DatasetName {
            path: origin.path(),
            source: Box::new(source),
        })?;
    }
    let level: Option<Level> = form.level.map(|level| level.parse()).transpose().map_err(word)?;
    let data = match data.get(name.as_deref().unwrap_or(format.name())) {
        Some(place) => place.clone(),
        None => origin.place(&form.data)?,
    };
    let selection = form.selection.map(|text| text.parse()).transpose();
    let selection = selection
        .map_err(|source| ExperimentFileError::Selection { path: origin.path(), source })?;
    let options = DatasetOptions {
        split: form.split,
        min_votes: form.min_votes,
        lower_is_better: form.lower_is_better,
        things_images: form.images.map(Into::into),
        odd: form.odd.map(|odd| odd.parse()).transpose().map_err(word)?,
        skip_missing: form.skip_missing,
        allow_outside: form.allow_outside,
        limit: form.limit,
        selection,
        without_images: form.without_images,
    };
    Ok(DatasetSpec { name, level, format, data, options })
}
