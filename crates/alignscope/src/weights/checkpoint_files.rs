//! Which files of a checkpoint are needed.

use std::collections::BTreeSet;
use std::path::Path;

use super::{OPEN_CLIP_FILES, TRANSFORMERS_FILES};

/// Who wrote a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `config.json`, a preprocessor's configuration, weights.
    Transformers,
    /// `open_clip_config.json`, weights.
    OpenClip,
}

impl Format {
    /// The name of its configuration.
    pub(crate) fn config(self) -> &'static str {
        match self {
            Self::Transformers => "config.json",
            Self::OpenClip => "open_clip_config.json",
        }
    }

    /// The names of its weights, the first that is there being taken.
    pub(super) fn weights(self) -> &'static [&'static str] {
        match self {
            Self::Transformers => &TRANSFORMERS_FILES,
            Self::OpenClip => &OPEN_CLIP_FILES,
        }
    }
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
    /// Chooses among the files of a folder; a link that leads nowhere is none. `known_type` is that
    /// of [`among`](Self::among), for a folder.
    pub(crate) fn in_folder(folder: &Path, known_type: fn(&Path) -> bool) -> Option<Self> {
        let names = std::fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| folder.join(name).is_file())
            .collect();
        Self::among(&names, || known_type(folder))
    }

    /// Chooses among the names of a checkpoint's files: those of transformers where they are
    /// whole and `known_type` says that their `config.json` is of a family that can be read; else
    /// those of open_clip; else what there is of transformers. Some repositories hold a model in
    /// both formats, some a `config.json` of timm beside the files of open_clip.
    pub(crate) fn among(
        names: &BTreeSet<String>,
        known_type: impl FnOnce() -> bool,
    ) -> Option<Self> {
        let transformers = Self::of(Format::Transformers, names);
        let open_clip = Self::of(Format::OpenClip, names);
        match (transformers, open_clip) {
            (Some(one), Some(other)) => {
                Some(if one.has_preprocessor() && known_type() { one } else { other })
            }
            (one, other) => one.or(other),
        }
    }

    fn of(format: Format, names: &BTreeSet<String>) -> Option<Self> {
        let weights = format
            .weights()
            .iter()
            .flat_map(|name| [(*name).to_owned(), format!("{name}.index.json")])
            .find(|name| names.contains(name))?;
        let mut small = vec![names.get(format.config())?.clone()];
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
    }
}
