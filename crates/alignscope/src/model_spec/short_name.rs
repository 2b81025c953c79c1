//! What models are called in figures and on pages.

use std::collections::BTreeMap;

use super::is_hub_id;

/// Names of the study's models that fit into a legend.
const SHORT: [(&str, &str); 7] = [
    ("openai/clip-vit-base-patch32", "CLIP B/32"),
    ("openai/clip-vit-base-patch16", "CLIP B/16"),
    ("openai/clip-vit-large-patch14", "CLIP L/14"),
    ("openai/clip-vit-large-patch14-336", "CLIP L/14-336"),
    ("google/siglip-base-patch16-224", "SigLIP B/16"),
    ("OFA-Sys/chinese-clip-vit-base-patch16", "Chinese-CLIP B/16"),
    ("microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224", "BiomedCLIP"),
];

/// A longer name loses its beginning in a legend.
const LONGEST: usize = 56;

/// The parts of a model's name in the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// `random:` stood before it.
    pub(crate) control: bool,
    /// Id, folder or word.
    pub(crate) base: &'a str,
    /// Seed of a control; 0 where none is named.
    pub(crate) seed: u64,
    /// Revision of the hub.
    revision: Option<&'a str>,
    /// `@bare-patches` stood behind it.
    pub(crate) published: bool,
    /// Step of a series.
    pub(crate) step: Option<usize>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(model: &'a str) -> Self {
        let state = model.rsplit_once("@step=");
        let state = state.and_then(|(series, step)| Some((series, step.parse().ok()?)));
        let (rest, step) = state.map_or((model, None), |(series, step)| (series, Some(step)));
        let (rest, published) = match rest.strip_suffix("@bare-patches") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (rest, control) = match rest.strip_prefix("random:") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        // A folder may have an `@` in its name, but no id has.
        let (base, modifier) = match rest.split_once('@') {
            Some((base, modifier)) if is_hub_id(base) => (base, Some(modifier)),
            _ => {
                match rest.rsplit_once('@').filter(|(_, modifier)| modifier.starts_with("seed=")) {
                    Some((base, modifier)) if control => (base, Some(modifier)),
                    _ => (rest, None),
                }
            }
        };
        let seed = modifier.and_then(|m| m.strip_prefix("seed=")).and_then(|s| s.parse().ok());
        let revision = modifier.filter(|_| !control);
        Self { control, base, seed: seed.unwrap_or(0), revision, published, step }
    }
}

/// The id, folder or word in a model's name, without what stands before and behind it.
pub fn base_of(model: &str) -> &str {
    Parts::of(model).base
}

/// What the models of a run are, whatever they are called: a control with a name of its own is still
/// a control and has the colour of its model, and a model of the study is still known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Specs(BTreeMap<String, String>);

impl Specs {
    /// Of each model its name in the results and what it is: an id, `random:ID`, a folder's path. A
    /// model that is not among them is what its name says.
    pub fn new(models: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(models.into_iter().collect())
    }

    /// What the model is.
    pub(crate) fn of<'a>(&'a self, model: &'a str) -> &'a str {
        self.0.get(model).map_or(model, String::as_str)
    }

    /// The id, folder or word in what the model is.
    pub(crate) fn base_of<'a>(&'a self, model: &'a str) -> &'a str {
        Parts::of(self.of(model)).base
    }

    /// Whether the model is an untrained control.
    pub(crate) fn is_control(&self, model: &str) -> bool {
        Parts::of(self.of(model)).control
    }
}

/// A model's name as figures and pages show it: short where it is of the study.
pub fn short_name(model: &str) -> String {
    let parts = Parts::of(model);
    let known = SHORT.iter().find(|(id, _)| *id == parts.base).map(|(_, name)| *name);
    let mut name = known.unwrap_or(parts.base).to_owned();
    if let Some(revision) = parts.revision {
        name.push_str(&format!("@{revision}"));
    }
    if parts.published {
        name.push_str(" (blocks as published)");
    }
    if parts.control {
        name.insert_str(0, "untrained ");
        if parts.seed != 0 {
            name.push_str(&format!(", seed {}", parts.seed));
        }
    }
    if let Some(step) = parts.step {
        name.push_str(&format!(", step {step}"));
    }
    let count = name.chars().count();
    match count > LONGEST {
        true => format!("…{}", name.chars().skip(count - LONGEST).collect::<String>()),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_keep_what_tells_them_apart() {
        for (model, name) in [
            ("openai/clip-vit-base-patch32", "CLIP B/32"),
            ("openai/clip-vit-base-patch32@main", "CLIP B/32@main"),
            ("random:openai/clip-vit-base-patch32@seed=3", "untrained CLIP B/32, seed 3"),
            (
                "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224@bare-patches",
                "BiomedCLIP (blocks as published)",
            ),
            ("/models/mine@2", "/models/mine@2"),
            ("mine@2", "mine@2"),
            ("a@step=500", "a, step 500"),
            ("x/run@step=3", "x/run, step 3"),
            ("a@bare-patches@step=0", "a (blocks as published), step 0"),
            ("a@step=x", "a@step=x"),
            ("ssim", "ssim"),
        ] {
            assert_eq!(short_name(model), name);
        }
        let long = format!("/{}/end", "x".repeat(200));
        assert!(short_name(&long).ends_with("xx/end"));
        assert_eq!(short_name(&long).chars().count(), LONGEST + 1);
    }
}
