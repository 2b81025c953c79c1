//! Which files of a repository are needed.

use std::collections::BTreeSet;

use crate::weights::{OPEN_CLIP_FILES, TRANSFORMERS_FILES};

/// The files of a model that are needed: no tokenizer, no second copy of the weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needed {
    /// Configuration and preprocessing.
    pub small: Vec<String>,
    /// The weights, or the index of their shards.
    pub weights: String,
}

impl Needed {
    /// Chooses among the names of a repository's files: those of transformers where they are
    /// complete, else those of open_clip.
    pub fn among(names: &BTreeSet<String>) -> Option<Self> {
        let there = |wanted: &[&str]| -> Vec<String> {
            wanted.iter().filter(|n| names.contains(**n)).map(|n| (*n).to_owned()).collect()
        };
        let transformers = ["config.json", "preprocessor_config.json", "processor_config.json"];
        let open_clip = ["open_clip_config.json"];
        let first = |config: &[&str], weights: &[&str]| {
            let weights = weights
                .iter()
                .flat_map(|name| [(*name).to_owned(), format!("{name}.index.json")])
                .find(|name| names.contains(name))?;
            names.contains(config[0]).then(|| Self { small: there(config), weights })
        };
        first(&transformers, &TRANSFORMERS_FILES).or_else(|| first(&open_clip, &OPEN_CLIP_FILES))
    }

    /// Whether the weights come in several files.
    pub fn is_sharded(&self) -> bool {
        self.weights.ends_with(".index.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(names: &[&str]) -> Option<Needed> {
        Needed::among(&names.iter().map(|n| (*n).to_owned()).collect())
    }

    #[test]
    fn safetensors_are_preferred_and_nothing_else_is_fetched() {
        let found = needed(&[
            "README.md",
            "config.json",
            "flax_model.msgpack",
            "model.safetensors",
            "preprocessor_config.json",
            "pytorch_model.bin",
            "tokenizer.json",
        ])
        .expect("a model");
        assert_eq!(found.small, ["config.json", "preprocessor_config.json"]);
        assert_eq!(found.weights, "model.safetensors");
        assert!(!found.is_sharded());
    }

    #[test]
    fn a_repository_with_a_bin_alone_gives_the_bin() {
        let found = needed(&["config.json", "pytorch_model.bin"]).expect("a model");
        assert_eq!(found.weights, "pytorch_model.bin");
    }

    #[test]
    fn shards_are_found_by_their_index() {
        let found = needed(&["config.json", "model.safetensors.index.json"]).expect("a model");
        assert!(found.is_sharded());
    }

    #[test]
    fn open_clip_files_are_taken_where_transformers_are_not_complete() {
        let names = ["config.json", "open_clip_config.json", "open_clip_pytorch_model.bin"];
        let found = needed(&names).expect("a model");
        assert_eq!(found.small, ["open_clip_config.json"]);
        assert_eq!(found.weights, "open_clip_pytorch_model.bin");
        assert_eq!(needed(&["open_clip_pytorch_model.bin", "README.md"]), None);
    }
}
