//! The figures of an experiment.

use super::datasets::called;
use super::error::ExperimentFileError;
use super::form::{FigureForm, words};
use super::models::Models;
use super::origin::Origin;
use crate::distance::Distance;
use crate::finished::FigureSpec;
use crate::prepared::DatasetSpec;

/// What the figures of an experiment choose from.
pub(super) struct Shown<'a> {
    pub(super) models: &'a Models,
    pub(super) datasets: &'a [DatasetSpec],
    /// The kinds of distance that the file lists, if it lists any.
    pub(super) distances: Option<&'a [Distance]>,
}

impl Shown<'_> {
    /// Reads a figure.
    pub(super) fn figure(
        &self,
        origin: Origin<'_>,
        form: FigureForm,
    ) -> Result<FigureSpec, ExperimentFileError> {
        let texts = form.models.iter().flatten();
        let models: Vec<String> = texts.map(|text| self.models.name(text).to_owned()).collect();
        let distances: Vec<Distance> = match (&form.distances, self.distances) {
            (Some(names), _) => words(origin, names)?,
            (None, Some(listed)) => listed.to_vec(),
            (None, None) => Distance::STUDY.to_vec(),
        };
        let panels = form.panels.clone().unwrap_or_default();
        let place = FigurePlace { origin, figure: &form.name };
        if form.models.is_some() {
            place.check("models", &models)?;
        }
        place.check("distances", &distances)?;
        if form.panels.is_some() {
            place.check("panels", &panels)?;
        }
        let is_there = |panel: &&String| self.datasets.iter().any(|d| d.called() == *panel);
        if let Some(panel) = panels.iter().find(|panel| !is_there(panel)) {
            let (path, dataset) = (origin.path(), panel.clone());
            let found = called(self.datasets);
            return Err(ExperimentFileError::NoPanel { path, figure: form.name, dataset, found });
        }
        Ok(FigureSpec { name: form.name, title: form.title, models, distances, panels })
    }
}

/// Where a figure stands, for errors.
struct FigurePlace<'a> {
    origin: Origin<'a>,
    figure: &'a str,
}

impl FigurePlace<'_> {
    /// A list that is empty, or names a thing twice, is an error.
    fn check<T: PartialEq + ToString>(
        &self,
        list: &'static str,
        items: &[T],
    ) -> Result<(), ExperimentFileError> {
        let (path, figure) = (self.origin.path(), self.figure.to_owned());
        if items.is_empty() {
            return Err(ExperimentFileError::EmptyFigure { path, figure, what: list });
        }
        match items.iter().enumerate().find(|(i, item)| items[..*i].contains(item)) {
            None => Ok(()),
            Some((_, item)) => {
                let (what, name) = (list.trim_end_matches('s'), item.to_string());
                Err(ExperimentFileError::TwiceInFigure { path, figure, what, name })
            }
        }
    }
}
