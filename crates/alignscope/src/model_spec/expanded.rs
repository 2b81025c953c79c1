//! Series of checkpoints as the models that they are.

use std::path::{Path, PathBuf};

use super::ModelSpec;
use super::named::{ModelNameError, NamedModel, SeriesState, SeriesStep, names_of};
use super::series::{FoundSeries, Series, SeriesError};
use super::whole_path::whole_path;

/// A series of a pattern, and what results call it.
struct Called<'a> {
    asked: &'a NamedModel,
    series: &'a Series,
    found: FoundSeries,
    /// The name, once all are known.
    name: String,
}

/// The models, of which each series is now its states, by step. A folder in which a pattern finds
/// states has a series of its own: called by the folder, as a folder's model is; or by the name that
/// the user gives, behind which the folder stands where the pattern finds several.
///
/// # Errors
/// What a pattern matches is no series; or a series cannot be called so: see [`SeriesError`] and
/// [`ModelNameError`].
pub fn expand(models: &[NamedModel]) -> Result<Vec<NamedModel>, SeriesError> {
    let mut series: Vec<Vec<Called<'_>>> = Vec::with_capacity(models.len());
    for model in models {
        series.push(match &model.spec {
            ModelSpec::Series(pattern) => found(model, pattern)?,
            _ => vec![],
        });
    }
    name(models, &mut series)?;
    let mut expanded = Vec::with_capacity(models.len());
    for (model, series) in models.iter().zip(&series) {
        match series.is_empty() {
            true => expanded.push(model.clone()),
            false => {
                for of_folder in series {
                    of_folder.states(&mut expanded)?;
                }
            }
        }
    }
    Ok(expanded)
}

/// The series that a pattern finds.
fn found<'a>(asked: &'a NamedModel, series: &'a Series) -> Result<Vec<Called<'a>>, SeriesError> {
    let called = |found| Called { asked, series, found, name: String::new() };
    Ok(series.found()?.into_iter().map(called).collect())
}

/// Gives all series their names, beside those that users gave and those that are always the same.
/// The names of folders follow from these.
fn name(models: &[NamedModel], series: &mut [Vec<Called<'_>>]) -> Result<(), SeriesError> {
    twice(series.iter().flatten())?;
    let fixed =
        |model: &&NamedModel| model.has_fixed_name() && !matches!(model.spec, ModelSpec::Series(_));
    let mut standing: Vec<NamedModel> = models.iter().filter(fixed).cloned().collect();
    let others = standing.len();
    standing.extend(series.iter().filter(|of| !of.is_empty()).flat_map(|of_pattern| {
        let alone = of_pattern.len() == 1;
        let stands = move |called: &Called<'_>| called.stand_in(alone);
        of_pattern.iter().map(stands)
    }));
    let mut names = names_of(&standing)?.into_iter().skip(others);
    for of_pattern in series {
        let alone = of_pattern.len() == 1;
        for called in of_pattern {
            let name = names.next().expect("a name for each");
            called.name = match &called.asked.name {
                Some(given) if !alone => format!("{given}/{name}"),
                _ => name,
            };
        }
    }
    Ok(())
}

/// Refuses two series of one folder that have no names to tell them apart.
fn twice<'a, 'm: 'a>(all: impl Iterator<Item = &'a Called<'m>>) -> Result<(), SeriesError> {
    let mut known: Vec<&Called<'_>> = Vec::new();
    for called in all.filter(|called| called.asked.name.is_none()) {
        let same = |other: &&&Called<'_>| other.stand_in(false).spec == called.stand_in(false).spec;
        if let Some(first) = known.iter().find(same) {
            let name = called.found.folder.display().to_string();
            let [first, second] = [first, called].map(|called| called.series.to_string());
            return Err(ModelNameError::Taken { name, first, second }.into());
        }
        known.push(called);
    }
    Ok(())
}

impl Called<'_> {
    /// A model that would be called as the series is: by its folder, or by the name that the user
    /// gives if it is the only one of its pattern.
    fn stand_in(&self, alone: bool) -> NamedModel {
        let name = self.asked.name.clone().filter(|_| alone);
        NamedModel::new(name, self.series.stand_in(&self.found.folder))
    }

    /// Adds its states to a list.
    fn states(&self, models: &mut Vec<NamedModel>) -> Result<(), SeriesError> {
        for state in &self.found.states {
            let at = SeriesStep { series: self.name.clone(), step: state.step };
            let asked = Box::new(self.asked.clone());
            models.push(NamedModel {
                name: None,
                spec: self.series.state(&state.path)?,
                state: Some(SeriesState { at, asked }),
            });
        }
        Ok(())
    }
}

impl NamedModel {
    /// Where the file or the folder of a state lies.
    pub(crate) fn path_of_state(&self) -> Option<&Path> {
        use super::ModelSource::{File, Folder};
        match (&self.state, &self.spec) {
            (Some(_), ModelSpec::Encoder { source: Folder(path), .. }) => Some(path),
            (Some(_), ModelSpec::Encoder { source: File(file), .. }) => Some(&file.path),
            _ => None,
        }
    }
}

/// What the patterns of a run's series match, by their texts: whole paths.
pub(crate) fn matched(models: &[NamedModel]) -> Vec<(String, Vec<PathBuf>)> {
    let mut found: Vec<(String, Vec<PathBuf>)> = Vec::new();
    for model in models {
        let (Some(state), Some(path)) = (&model.state, model.path_of_state()) else { continue };
        let (pattern, path) = (state.asked.spec.place(), whole_path(path));
        match found.iter_mut().find(|(known, _)| *known == pattern) {
            Some((_, paths)) => paths.push(path),
            None => found.push((pattern, vec![path])),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two runs of three and two epochs, and a model beside them.
    fn place() -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a temporary folder");
        for file in ["a/e_1.pt", "a/e_2.pt", "a/e_10.pt", "b/e_1.pt", "b/e_2.pt", "x/a/m.pt"] {
            let path = place.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, "").expect("written");
        }
        place
    }

    fn names(place: &Path, texts: &[&str]) -> Result<Vec<String>, SeriesError> {
        let read = |text: &&str| NamedModel::read(text, Some(place)).expect("a model");
        let models: Vec<NamedModel> = texts.iter().map(read).collect();
        Ok(names_of(&expand(&models)?)?)
    }

    #[test]
    fn states_are_called_by_their_folder_or_the_given_name_and_their_step() {
        let place = place();
        let names = |texts: &[&str]| names(place.path(), texts).expect("names");
        let of_a = ["a@step=1", "a@step=2", "a@step=10"];
        assert_eq!(names(&["series:a/e_*.pt"]), of_a);
        let both = [&of_a[..], &["b@step=1", "b@step=2"]].concat();
        assert_eq!(names(&["series:*/e_*.pt"]), both);
        assert_eq!(names(&["m=series:b/e_*.pt", "ssim"]), ["m@step=1", "m@step=2", "ssim"]);
        let mine = names(&["m=series:*/e_*.pt"]);
        assert_eq!(
            (mine.len(), mine[0].as_str(), mine[3].as_str()),
            (5, "m/a@step=1", "m/b@step=1")
        );
        // A folder of that name is called otherwise.
        assert_eq!(names(&["x/a", "series:a/e_*.pt"])[..2], ["x/a", "a@step=1"]);
    }

    #[test]
    fn two_series_of_a_folder_need_a_name() {
        let place = place();
        let texts = ["series:a/e_*.pt", "series:a/e_?.pt"];
        let said = names(place.path(), &texts).expect_err("one name").to_string();
        assert!(said.contains("e_*.pt") && said.contains("e_?.pt"), "{said}");
        names(place.path(), &["series:a/e_*.pt", "m=series:a/e_?.pt"]).expect("a name");
    }

    #[test]
    fn what_a_pattern_matched_is_known_by_the_pattern() {
        let place = place();
        let text = "series:b/e_*.pt";
        let model = NamedModel::read(text, Some(place.path())).expect("a model");
        let found = matched(&expand(std::slice::from_ref(&model)).expect("states"));
        let paths = ["b/e_1.pt", "b/e_2.pt"].map(|file| place.path().join(file));
        assert_eq!(found, [(model.spec.place(), paths.to_vec())]);
    }
}
