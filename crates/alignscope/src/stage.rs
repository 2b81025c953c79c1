//! The stages of a model, and how deep they lie.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use crate::csv_row::{CsvField, name};

/// A stage at which a model's image distances are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// The pixels themselves.
    Image,
    /// Patches, positions and the tokens before the patches, before the first block; or the map after
    /// the stem of a convolutional network.
    Embedding,
    /// After block `i`, counted from 1: of a transformer, a residual block, or a convolution.
    Block(usize),
    /// The vector in the space shared with text.
    Projection,
    /// What a baseline gives, and an encoder without a projection: before any classifier.
    Output,
    /// A stage of another kind of model, by its own name.
    Named(StageName),
}

/// The name of a stage of a model that is not one of alignscope's own.
///
/// Such names are few; they are kept as long as the program runs, so that a stage stays a small value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StageName(&'static str);

impl StageName {
    /// The name `name`.
    fn of(name: &str) -> Self {
        static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let mut known = KNOWN.lock().expect("no thread panics while it looks up a name");
        if let Some(found) = known.get(name) {
            return Self(found);
        }
        let kept: &'static str = Box::leak(name.into());
        known.insert(kept);
        Self(kept)
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl Stage {
    /// The stages of an encoder with `blocks` blocks, from the embedding to `last`.
    pub fn of_encoder(blocks: usize, last: Self) -> Vec<Self> {
        let mut stages = vec![Self::Embedding];
        stages.extend((1..=blocks).map(Self::Block));
        stages.push(last);
        stages
    }

    /// The stage that results call `name`: one of an encoder, `image` or `output`, and any other name a
    /// [`Named`](Self::Named) stage.
    pub fn in_results(name: &str) -> Self {
        name.parse().unwrap_or_else(|_| Self::Named(StageName::of(name)))
    }

    /// Where the stage stands in every figure, in percent of the depth of an encoder with
    /// `blocks` blocks: image 0; embedding 2.5; block i of L 7.5 + 90 (i − 1)/(L − 1), and 52.5
    /// where L = 1; projection 100. A
    /// baseline has no depth: its output counts as 100, and figures show it as a line. A named stage
    /// counts as 100 too: how deep it lies follows from the stages beside it.
    ///
    /// # Source
    /// Hernández-Cámara et al. (2024), Figures 2–5; `docs/numerics.md`.
    pub fn depth_percent(self, blocks: usize) -> f64 {
        match self {
            Self::Image => 0.0,
            Self::Embedding => 2.5,
            Self::Block(_) if blocks <= 1 => 52.5,
            Self::Block(i) => 7.5 + 90.0 * (i - 1) as f64 / (blocks - 1) as f64,
            Self::Projection | Self::Output | Self::Named(_) => 100.0,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image => f.pad("image"),
            Self::Embedding => f.pad("embedding"),
            Self::Block(i) => f.pad(&format!("block {i}")),
            Self::Projection => f.pad("projection"),
            Self::Output => f.pad("output"),
            Self::Named(name) => f.pad(name.as_str()),
        }
    }
}

/// Also a stage of another kind of model.
impl CsvField for Stage {
    fn text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Result<Self, String> {
        name(text.to_owned()).map(|name| Self::in_results(&name))
    }
}

/// A word that names no stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown stage `{0}`, expected `image`, `embedding`, `block 1`, `block 2`, … or `projection`"
)]
pub struct UnknownStage(pub String);

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(name: &str) -> Result<Self, UnknownStage> {
        match name {
            "image" => Ok(Self::Image),
            "embedding" => Ok(Self::Embedding),
            "projection" => Ok(Self::Projection),
            "output" => Ok(Self::Output),
            _ => match name.strip_prefix("block ").and_then(|i| i.parse().ok()) {
                Some(i) if i >= 1 => Ok(Self::Block(i)),
                _ => Err(UnknownStage(name.to_owned())),
            },
        }
    }
}

/// Where each of a model's stages stands in figures, 0 to 100.
///
/// An encoder's stages stand where they do for an encoder whose last block is the last of them;
/// where any has a name of its own, the stages are spread evenly up to 100.
pub fn depths(stages: &[Stage]) -> Vec<f64> {
    let blocks = stages.iter().filter_map(|stage| match stage {
        Stage::Block(block) => Some(*block),
        _ => None,
    });
    let blocks = blocks.max().unwrap_or(0);
    let named = stages.iter().any(|stage| matches!(stage, Stage::Named(_)));
    let of = |(position, stage): (usize, &Stage)| match named {
        true => 100.0 * (position + 1) as f64 / stages.len() as f64,
        false => stage.depth_percent(blocks),
    };
    stages.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_are_those_of_the_published_curves() {
        let depths: Vec<f64> =
            Stage::of_encoder(12, Stage::Projection).iter().map(|s| s.depth_percent(12)).collect();
        assert_eq!(depths[..2], [2.5, 7.5]);
        assert!((depths[2] - 15.682).abs() < 5e-4);
        assert_eq!(depths[12..], [97.5, 100.0]);
        assert_eq!(Stage::Block(1).depth_percent(1), 52.5);
        assert_eq!(Stage::Image.depth_percent(12), 0.0);
    }

    #[test]
    fn a_stage_is_read_back_from_its_name() {
        for stage in
            Stage::of_encoder(3, Stage::Projection).into_iter().chain([Stage::Image, Stage::Output])
        {
            assert_eq!(stage.to_string().parse(), Ok(stage));
        }
        assert!("block 0".parse::<Stage>().is_err());
    }

    #[test]
    fn results_hold_stages_of_any_name() {
        assert_eq!(Stage::in_results("block 2"), Stage::Block(2));
        let named = Stage::in_results("layer4");
        assert_eq!(named.to_string(), "layer4");
        assert_eq!(Stage::in_results("layer4"), named);
        assert_ne!(Stage::in_results("layer3"), named);
    }

    #[test]
    fn named_stages_are_spread_and_encoders_stages_stand_where_they_do() {
        assert_eq!(depths(&Stage::of_encoder(12, Stage::Projection))[..2], [2.5, 7.5]);
        let named = ["layer1", "layer2", "layer3", "head"].map(Stage::in_results);
        assert_eq!(depths(&named), [25.0, 50.0, 75.0, 100.0]);
        assert_eq!(depths(&[Stage::Projection]), [100.0]);
    }
}
