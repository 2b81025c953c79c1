//! A data set opened in the format that was asked for.

use std::path::Path;

use super::formats::{AnyFormat, DatasetFormat};
use super::not_found::{elsewhere, instead};
use super::{Dataset, DatasetError, DatasetOptions, check_dataset_name};
use crate::remedy::Choice;

impl Dataset {
    /// Reads the data set that `asked` asks for from `data`: its folder, or the annotation file in
    /// it.
    ///
    /// What lies there may be another release in the same format: then the result's
    /// [`release`](Self::release) and [`name`](Self::name) say which, and a note too; unless the
    /// release asked for [is exact](super::Release::is_exact).
    ///
    /// # Errors
    /// See [`DatasetError`]: each names the file, and the line and column where there is one.
    pub fn open(
        asked: DatasetFormat,
        data: &Path,
        options: &DatasetOptions,
    ) -> Result<Self, DatasetError> {
        Self::open_as(None, asked, data, options)
    }

    /// As [`open`](Self::open), with the name that the user gives.
    pub(crate) fn open_as(
        name: Option<&str>,
        asked: DatasetFormat,
        data: &Path,
        options: &DatasetOptions,
    ) -> Result<Self, DatasetError> {
        name.map_or(Ok(()), check_dataset_name)?;
        if !data.exists() {
            return Err(DatasetError::NotThere { path: data.to_owned() });
        }
        let read_as = asked.found_in(data);
        let word = match read_as == asked.format() {
            true => asked.name(),
            false => read_as.format().recognise(data).unwrap_or(read_as.format().name()),
        };
        check_choices(read_as, word, options)?;
        let opened = read_as.format().open(data, options);
        let mut dataset = opened.map_err(|error| complete(error, asked))?;
        if dataset.name != asked.name() {
            let exact = asked.release().filter(|release| release.is_exact());
            if exact.is_some() {
                return Err(DatasetError::OtherRelease {
                    path: data.to_owned(),
                    asked: asked.name(),
                    found: dataset.name,
                    why: dataset.notes.first().cloned().unwrap_or_default(),
                });
            }
            let found = &dataset.name;
            dataset.notes.push(match name {
                None => format!("asked for as {asked}; in results it is {found}"),
                Some(name) => format!("asked for as {asked}; it is {found}, in results `{name}`"),
            });
        }
        if let Some(name) = name {
            name.clone_into(&mut dataset.name);
        }
        if let Some(selection) = &options.selection {
            dataset = dataset.selected(selection)?;
        }
        // A release is known, and the user's own word is one.
        if dataset.release.is_none() && options.odd.is_none() {
            dataset.notes.extend(dataset.odd_place().map(|found| found.to_string()));
        }
        debug_assert!(dataset.labels.iter().all(|l| l.codes.len() == dataset.trials.len()));
        Ok(dataset)
    }
}

/// Refuses a choice that says nothing of the format.
fn check_choices(
    format: AnyFormat,
    word: &str,
    options: &DatasetOptions,
) -> Result<(), DatasetError> {
    let given = [
        (Choice::MinVotes, options.min_votes.is_some()),
        (Choice::LowerIsBetter, options.lower_is_better.is_some()),
        (Choice::ThingsImages, options.things_images.is_some()),
        (Choice::Odd, options.odd.is_some()),
        (Choice::Split, options.split.is_some()),
    ];
    let takes = format.format().choices();
    match given.into_iter().find(|(choice, given)| *given && !takes.contains(choice)) {
        Some((choice, _)) => Err(DatasetError::NotApplicable { choice, dataset: word.to_owned() }),
        None => Ok(()),
    }
}

/// The error with what was asked for, and what lies there instead.
fn complete(error: DatasetError, asked: DatasetFormat) -> DatasetError {
    match error {
        DatasetError::NotFound { path, expected, .. } => DatasetError::NotFound {
            dataset: asked.name().to_owned(),
            expected,
            looks_like: instead(&path, asked.format()),
            elsewhere: elsewhere(&path, asked.format()),
            path,
        },
        error => error,
    }
}
