//! Which files of a checkpoint are needed.

use std::collections::BTreeSet;
use std::path::Path;

use super::{OPEN_CLIP_FILES, TRANSFORMERS_FILES};
use crate::input_file::read_text;

/// Who wrote a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `config.json`, a preprocessor's configuration, weights.
    Transformers,
    /// `open_clip_config.json`, weights.
    OpenClip,
}

/// The files of a model that are needed: no tokenizer, no second copy of the weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) format: Format,
    /// Configuration and preprocessing.
    pub(crate) small: Vec<String>,
    /// The weights, or the index of their shards.
    pub(crate) weights: String,
}

/// Where transformers keeps the configuration of a preprocessor.
const PREPROCESSORS: [&str; 2] = ["preprocessor_config.json", "processor_config.json"];

impl Needed {
    /// Chooses among the files of a folder; a link that leads nowhere is none.
    pub(crate) fn in_folder(folder: &Path) -> Option<Self> {
        let names = std::fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| folder.join(name).is_file())
            .collect();
        Self::among(&names, || is_known_type(folder))
    }

    /// Chooses among the names of a checkpoint's files: those of transformers where they are
    /// whole and `known_type` says that their `config.json` is of a family that can be read; else
    /// those of open_clip; else what there is of transformers. Some repositories hold a model in
    /// both formats, some a `config.json` of timm beside the files of open_clip.
    pub(crate) fn among(
        names: &BTreeSet<String>,
        known_type: impl FnOnce() -> bool,
    ) -> Option<Self> {
        let transformers =
            Self::of(Format::Transformers, names, "config.json", &TRANSFORMERS_FILES);
        let open_clip =
            Self::of(Format::OpenClip, names, "open_clip_config.json", &OPEN_CLIP_FILES);
        match (transformers, open_clip) {
            (Some(one), Some(other)) => {
                Some(if one.has_preprocessor() && known_type() { one } else { other })
            }
            (one, other) => one.or(other),
        }
    }

    fn of(
        format: Format,
        names: &BTreeSet<String>,
        config: &str,
        weights: &[&str],
    ) -> Option<Self> {
        let weights = weights
            .iter()
            .flat_map(|name| [(*name).to_owned(), format!("{name}.index.json")])
            .find(|name| names.contains(name))?;
        let mut small = vec![names.get(config)?.clone()];
        if format == Format::Transformers {
            small.extend(PREPROCESSORS.iter().filter_map(|name| names.get(*name).cloned()));
        }
        Some(Self { format, small, weights })
    }

    /// Whether the files say how an image is brought to the model.
    pub(crate) fn has_preprocessor(&self) -> bool {
        self.format == Format::OpenClip
            || PREPROCESSORS.iter().any(|name| self.small.iter().any(|s| s == name))
    }

    /// Whether the weights come in several files.
    pub(crate) fn is_sharded(&self) -> bool {
        self.weights.ends_with(".index.json")
    }
}

/// The model types of transformers that can be read.
const MODEL_TYPES: [&str; 6] = [
    "clip",
    "clip_vision_model",
    "chinese_clip",
    "chinese_clip_vision_model",
    "siglip",
    "siglip_vision_model",
];

/// Whether the `config.json` of a folder names one of them.
pub(crate) fn is_known_type(folder: &Path) -> bool {
    let config = read_text(&folder.join("config.json"));
    config.is_ok_and(|(config, _)| names_known_type(&config))
}

fn names_known_type(config: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(config).is_ok_and(|config| {
        config["model_type"].as_str().is_some_and(|found| MODEL_TYPES.contains(&found))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(names: &[&str]) -> Option<Needed> {
        Needed::among(&names.iter().map(|n| (*n).to_owned()).collect(), || true)
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
        assert!(!found.is_sharded() && found.has_preprocessor());
    }

    #[test]
    fn a_repository_with_a_bin_alone_gives_the_bin() {
        let found = needed(&["config.json", "pytorch_model.bin"]).expect("a model");
        assert_eq!(found.weights, "pytorch_model.bin");
        assert!(!found.has_preprocessor());
    }

    #[test]
    fn shards_are_found_by_their_index() {
        let found = needed(&["config.json", "model.safetensors.index.json"]).expect("a model");
        assert!(found.is_sharded());
    }

    #[test]
    fn open_clip_files_are_taken_where_those_of_transformers_are_not_whole_or_of_another_kind() {
        let names = ["config.json", "open_clip_config.json", "open_clip_pytorch_model.bin"];
        let found = needed(&names).expect("a model");
        assert_eq!(found.small, ["open_clip_config.json"]);
        assert_eq!(found.weights, "open_clip_pytorch_model.bin");
        assert_eq!(needed(&["open_clip_pytorch_model.bin", "README.md"]), None);

        let mut both = names.to_vec();
        both.push("model.safetensors");
        assert_eq!(needed(&both).expect("a model").format, Format::OpenClip);
        both.push("preprocessor_config.json");
        assert_eq!(needed(&both).expect("a model").format, Format::Transformers);
        let of_timm = both.iter().map(|n| (*n).to_owned()).collect();
        let found = Needed::among(&of_timm, || false).expect("a model");
        assert_eq!(found.format, Format::OpenClip);
        assert!(!names_known_type(r#"{"architecture": "vit_base_patch16_clip_224"}"#));
        assert!(names_known_type(r#"{"model_type": "clip"}"#));
    }
}
