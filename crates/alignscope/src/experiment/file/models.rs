//! The models of an experiment, which its texts name.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::ExperimentFileError;
use super::origin::Origin;
use crate::figure::Color;
use crate::model_spec::{ModelSpec, ModelSpecError, NamedModel, base_of, names_of};

/// Before the name of a model of which only its arrays or its function were given.
pub(super) const IN_MEMORY: &str = "in-memory:";

/// The models of an experiment, and which of them each text in `models` is.
pub(super) struct Models {
    /// Every model once, in order of first use.
    pub(super) models: Vec<NamedModel>,
    /// What they are called in results.
    names: Vec<String>,
    /// Position of the model that a text names.
    texts: BTreeMap<String, usize>,
}

impl Models {
    /// Reads all texts. A name that is given in one figure may stand alone in others.
    ///
    /// `untrained` — whether every encoder is replaced by its random control
    pub(super) fn read<'a>(
        origin: Origin<'_>,
        texts: impl Iterator<Item = &'a String> + Clone,
        untrained: bool,
    ) -> Result<Self, ExperimentFileError> {
        let error = |source| ExperimentFileError::Model { path: origin.path(), source };
        let mut found = Self { models: vec![], names: vec![], texts: BTreeMap::new() };
        // Whether a text is a name alone is known once all have been read.
        let given: Vec<(&str, &str)> = texts
            .clone()
            .filter_map(|text| Some((name_in(text, origin.folder())?, text.as_str())))
            .collect();
        for text in texts {
            let alone = given.iter().find(|(name, _)| name == text);
            let text_of_model = alone.map_or(text.as_str(), |(_, whole)| whole);
            let model = parse_model(text_of_model, origin.folder(), untrained).map_err(error)?;
            let position = found.add(origin, model)?;
            found.texts.insert(text.clone(), position);
        }
        let error = |source| ExperimentFileError::Name { path: origin.path(), source };
        found.names = names_of(&found.models).map_err(error)?;
        Ok(found)
    }

    /// The position of a model, which is added where it is not there yet.
    fn add(
        &mut self,
        origin: Origin<'_>,
        NamedModel { name, spec, .. }: NamedModel,
    ) -> Result<usize, ExperimentFileError> {
        let known = self.models.iter().position(|model| model.spec.is_same_as(&spec));
        let position = known.unwrap_or_else(|| {
            self.models.push(spec.clone().into());
            self.models.len() - 1
        });
        let before = &mut self.models[position].name;
        match (&before, name) {
            (Some(first), Some(second)) if *first != second => {
                let (path, first, spec) = (origin.path(), first.clone(), spec.to_string());
                return Err(ExperimentFileError::TwoNames { path, spec, first, second });
            }
            (None, Some(name)) => *before = Some(name),
            _ => {}
        }
        Ok(position)
    }

    /// What the model of a text is called in results.
    pub(super) fn name(&self, text: &str) -> &str {
        &self.names[self.texts[text]]
    }

    /// The same of a text that may name no model; or the name itself.
    fn known<'a>(&'a self, text: &'a str) -> Option<&'a str> {
        match self.texts.get(text) {
            Some(position) => Some(&self.names[*position]),
            None => self.names.iter().any(|name| name == text).then_some(text),
        }
    }

    /// The colours of models by their names in results, from those of a file.
    pub(super) fn colours(
        &self,
        origin: Origin<'_>,
        written: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, ExperimentFileError> {
        let mut colours = BTreeMap::new();
        for (model, color) in written {
            color.parse::<Color>().map_err(|source| ExperimentFileError::Color {
                path: origin.path(),
                model: model.clone(),
                source,
            })?;
            let mut bases = self.models.iter().map(|m| m.spec.to_string());
            let named = match self.known(model) {
                Some(name) => name.to_owned(),
                // Of a control, or of an id without what stands behind it.
                None if model == "pixels" || bases.any(|spec| base_of(&spec) == model) => {
                    model.clone()
                }
                None => {
                    let (path, model) = (origin.path(), model.clone());
                    return Err(ExperimentFileError::ColorOfNone { path, model });
                }
            };
            if let Some(first) = colours.insert(named.clone(), color.clone()) {
                let (path, second) = (origin.path(), color.clone());
                return Err(ExperimentFileError::TwoColours { path, model: named, first, second });
            }
        }
        Ok(colours)
    }
}

/// The name that a text gives its model, where it gives one.
fn name_in<'a>(text: &'a str, base: &Path) -> Option<&'a str> {
    if let Some(own) = text.strip_prefix(IN_MEMORY) {
        return Some(own);
    }
    let model = NamedModel::read(text, Some(base)).ok()?;
    model.name.and_then(|_| text.split_once('=')).map(|(name, _)| name)
}

/// A model by its name, or the control of the model that is known by its id; folders lie relative to
/// the experiment's own.
fn parse_model(text: &str, base: &Path, untrained: bool) -> Result<NamedModel, ModelSpecError> {
    if let Some(own) = text.strip_prefix(IN_MEMORY) {
        return Ok(ModelSpec::Own(own.to_owned()).into());
    }
    let NamedModel { name, spec, .. } = NamedModel::read(text, Some(base))?;
    let spec = match (untrained, spec) {
        (true, ModelSpec::Encoder { source, bare_patches }) => {
            ModelSpec::Encoder { source: source.untrained(0), bare_patches }
        }
        (true, ModelSpec::Series(series)) => series.control(),
        (true, ModelSpec::Torch(model)) => ModelSpec::Torch(model.untrained(0)),
        (_, spec) => spec,
    };
    Ok(NamedModel::new(name, spec))
}
