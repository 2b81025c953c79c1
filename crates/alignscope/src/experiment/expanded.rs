//! An experiment whose series are the states that their patterns match.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Experiment;
use crate::model_spec::{NamedModel, SeriesError, expand, matched};
use crate::progress::Progress;

impl Experiment {
    /// The same experiment with each series as its states, also in figures and colours. Says what each
    /// series is, and what of it is otherwise than in the run that is repeated.
    ///
    /// # Errors
    /// What a pattern matches is no series.
    pub(crate) fn expanded(&self, progress: &dyn Progress) -> Result<Self, SeriesError> {
        let models = expand(&self.models)?;
        let mut expanded = Self { models, ..self.clone() };
        let series = expanded.series();
        for found in &series {
            progress.note(&found.told());
        }
        for note in changed(&self.matched_before, &matched(&expanded.models)) {
            progress.note(&note);
        }
        for figure in &mut expanded.figures {
            let of = |model: &String| names_of(&series, model);
            figure.models = figure.models.iter().flat_map(of).collect();
        }
        let colours = std::mem::take(&mut expanded.presentation.colours);
        for (model, colour) in colours {
            let all = names_of(&series, &model).into_iter().map(|name| (name, colour.clone()));
            expanded.presentation.colours.extend(all);
        }
        Ok(expanded)
    }

    /// The series among the models.
    fn series(&self) -> Vec<FoundSeries> {
        let mut found: Vec<FoundSeries> = Vec::new();
        for state in self.models.iter().filter_map(|model| model.state.as_ref()) {
            match found.last_mut().filter(|last| last.name == state.at.series) {
                Some(series) => series.steps.push(state.at.step),
                None => found.push(FoundSeries {
                    name: state.at.series.clone(),
                    steps: vec![state.at.step],
                    asked: (*state.asked).clone(),
                }),
            }
        }
        found
    }

    /// What the experiment as it was asked for calls a model that results call `name`: by the name that
    /// the user gives, else wherever it is named from; a series by its pattern.
    ///
    /// `names` — what results call each of its models
    pub(super) fn asked(&self, name: &str, names: &[String]) -> String {
        if let Some(series) = self.series().into_iter().find(|series| series.name == name) {
            return series.asked.called();
        }
        let position = names.iter().position(|of_model| of_model == name);
        position.map_or_else(|| name.to_owned(), |position| self.models[position].called())
    }
}

/// A series of an experiment.
struct FoundSeries {
    name: String,
    /// In order.
    steps: Vec<usize>,
    asked: NamedModel,
}

impl FoundSeries {
    /// What it is, in a line.
    fn told(&self) -> String {
        let (Some(first), Some(last)) = (self.steps.first(), self.steps.last()) else {
            return String::new();
        };
        let (name, count) = (&self.name, self.steps.len());
        format!("{name}: {count} states, from step {first} to {last} ({})", self.asked.spec)
    }
}

/// What results call a model that an experiment calls `model`: of a pattern all of its series.
fn names_of(series: &[FoundSeries], model: &str) -> Vec<String> {
    let of_it = series.iter().filter(|series| series.asked.called() == model);
    let names: Vec<String> = of_it.map(|series| series.name.clone()).collect();
    if names.is_empty() { vec![model.to_owned()] } else { names }
}

/// What patterns match now and did not, or did and do not.
fn changed(before: &BTreeMap<String, Vec<PathBuf>>, now: &[(String, Vec<PathBuf>)]) -> Vec<String> {
    let mut notes = Vec::new();
    for (pattern, now) in now {
        let Some(before) = before.get(pattern) else { continue };
        let [before, now] = [before, now].map(|paths| paths.iter().collect::<BTreeSet<_>>());
        let parts = [
            told("new", now.difference(&before).copied()),
            told("gone", before.difference(&now).copied()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            notes.push(format!(
                "{pattern} does not match what it did in the run that is repeated: {}",
                parts.join("; ")
            ));
        }
    }
    notes
}

/// Some of the paths of one kind, if there are any.
fn told<'a>(kind: &str, paths: impl Iterator<Item = &'a PathBuf>) -> Option<String> {
    const MOST: usize = 5;
    let paths: Vec<&Path> = paths.map(PathBuf::as_path).collect();
    let shown: Vec<String> =
        paths.iter().take(MOST).map(|path| path.display().to_string()).collect();
    let more = match paths.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!paths.is_empty()).then(|| format!("{kind} are {}{more}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_matches_otherwise_is_told() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let before = BTreeMap::from([("series:/a/*".to_owned(), paths(&["/a/1", "/a/2"]))]);
        let now = |names: &[&str]| changed(&before, &[("series:/a/*".to_owned(), paths(names))]);
        assert_eq!(now(&["/a/2", "/a/1"]), Vec::<String>::new());
        let said = now(&["/a/2", "/a/3"]);
        assert!(said[0].ends_with("repeated: new are /a/3; gone are /a/1"), "{said:?}");
        let many: Vec<String> = (0..9).map(|i| format!("/a/{i}")).collect();
        let said = now(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(said[0].contains("and 2 more"), "{said:?}");
        assert!(changed(&BTreeMap::new(), &[("x".to_owned(), paths(&["/a"]))]).is_empty());
    }
}
