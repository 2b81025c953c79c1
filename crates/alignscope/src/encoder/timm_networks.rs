//! The ResNets and ConvNeXts that timm has registered, by the arguments that it builds them with.

use super::config::{ConfigError, Keys};
use super::convolutional::{Convolutional, Grouped, MapBlockKind};
use super::timm_folder::TimmTensors;

/// What a network is built with. The table's generator says what its columns are.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) block: MapBlockKind,
    /// Blocks of each stage.
    pub(super) layers: Vec<usize>,
    /// Of each stage; of a bottleneck before its expansion.
    pub(super) channels: Vec<usize>,
    /// `plain`, `deep` or `deep_tiered`.
    stem: String,
    stem_width: usize,
    cardinality: usize,
    base_width: usize,
    pub(super) mean_shortcut: bool,
    /// Side of ConvNeXt's patches.
    pub(super) patch: usize,
}

impl Network {
    /// The architecture of this name.
    pub(super) fn find(name: &str) -> Self {
        let table = include_str!("../../assets/timm_networks.csv");
        let rows = table.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
        let row = rows.into_iter().find(|row| row[0] == name);
        network(&row.unwrap_or_else(|| panic!("a network of the table: {name}")))
    }

    /// A ResNet with the arguments of a folder.
    pub(super) fn with(self, arguments: &mut Keys<'_>) -> Result<Self, ConfigError> {
        let stem = match arguments.text("stem_type", &self.stem)?.as_str() {
            "" => "plain".to_owned(),
            other => other.to_owned(),
        };
        Ok(Self {
            layers: arguments.sizes("layers", &self.layers)?,
            channels: arguments.sizes("channels", &self.channels)?,
            stem,
            stem_width: arguments.size("stem_width", self.stem_width)?,
            cardinality: arguments.size("cardinality", self.cardinality)?,
            base_width: arguments.size("base_width", self.base_width)?,
            mean_shortcut: arguments.flag("avg_down", self.mean_shortcut)?,
            ..self
        })
    }

    /// A ConvNeXt with the arguments of a folder.
    pub(super) fn with_of_convnext(self, arguments: &mut Keys<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            layers: arguments.sizes("depths", &self.layers)?,
            channels: arguments.sizes("dims", &self.channels)?,
            patch: arguments.size("patch_size", self.patch)?,
            ..self
        })
    }

    /// Channels after each stage.
    pub(super) fn outputs(&self) -> Vec<usize> {
        let expansion = if self.block == MapBlockKind::Bottleneck { 4 } else { 1 };
        self.channels.iter().map(|channels| expansion * channels).collect()
    }

    /// The second convolution of a bottleneck in each stage.
    pub(super) fn within(&self) -> Vec<Grouped> {
        let groups = self.cardinality;
        let within = |channels: &usize| channels * self.base_width / 64 * groups;
        let of = |channels| Grouped { channels: within(channels), groups };
        self.channels.iter().map(of).collect()
    }

    /// Channels between the convolutions of a deep stem.
    pub(super) fn stem_inner(&self) -> Option<Vec<usize>> {
        let first = match self.stem.as_str() {
            stem if !stem.contains("deep") => return None,
            stem if stem.contains("tiered") => 3 * (self.stem_width / 4),
            _ => self.stem_width,
        };
        Some(vec![first, self.stem_width])
    }

    /// Channels after a ResNet's stem.
    pub(super) fn stem_channels(&self) -> usize {
        if self.stem.contains("deep") { 2 * self.stem_width } else { 64 }
    }
}

/// A row of the table.
fn network(row: &[&str]) -> Network {
    let &[_, block, layers, channels, stem, stem_width, cardinality, base_width, avg_down, patch] =
        row
    else {
        panic!("ten columns: {row:?}")
    };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("a number: {text}"));
    let numbers = |text: &str| text.split(' ').map(number).collect();
    Network {
        block: match block {
            "basic" => MapBlockKind::Basic,
            "bottleneck" => MapBlockKind::Bottleneck,
            "convnext" => MapBlockKind::ConvNext,
            other => panic!("a block: {other}"),
        },
        layers: numbers(layers),
        channels: numbers(channels),
        stem: stem.to_owned(),
        stem_width: number(stem_width),
        cardinality: number(cardinality),
        base_width: number(base_width),
        mean_shortcut: avg_down == "yes",
        patch: number(patch),
    }
}

/// Holds the sizes that the tensors tell to those that the name and the arguments say.
///
/// # Errors
/// The first size in which they differ.
pub(super) fn hold(
    tensors: &TimmTensors<'_>,
    found: &Convolutional,
    expected: &Convolutional,
) -> Result<(), ConfigError> {
    let [blocks, channels] = [
        |sizes: &Convolutional| sizes.stages.iter().map(|s| s.blocks).collect::<Vec<_>>(),
        |sizes: &Convolutional| sizes.stages.iter().map(|s| s.channels).collect::<Vec<_>>(),
    ]
    .map(|of| [of(found), of(expected)]);
    let stem = |sizes: &Convolutional| [&sizes.stem_inner[..], &[sizes.stem_channels]].concat();
    let within = |sizes: &Convolutional| {
        let first = sizes.blocks().into_iter().filter(|block| block.number == 0);
        first.map(|block| (block.within.channels, block.within.groups)).collect::<Vec<_>>()
    };
    tensors.must_be("the kind of the blocks", &found.block, &expected.block)?;
    tensors.must_be("blocks of each stage", &blocks[0], &blocks[1])?;
    tensors.must_be("channels of each stage", &channels[0], &channels[1])?;
    tensors.must_be("channels of the stem", &stem(found), &stem(expected))?;
    let side = |sizes: &Convolutional| sizes.stem[0].kernel;
    tensors.must_be("side of the first convolution", &side(found), &side(expected))?;
    let [found_within, expected_within] = [found, expected].map(within);
    let what = "channels and groups within the blocks of each stage";
    tensors.must_be(what, &found_within, &expected_within)?;
    let what = "a mean pooling before shortcuts (`avg_down`)";
    tensors.must_be(what, &found.mean_shortcut, &expected.mean_shortcut)
}

/// The same for a trunk of open_clip, which has no arguments: one of other widths than timm's is an
/// architecture of one's own under timm's name, and tells its sizes itself.
pub(super) fn hold_trunk(
    tensors: &TimmTensors<'_>,
    found: &Convolutional,
    expected: &Convolutional,
) -> Result<(), ConfigError> {
    let widths = |sizes: &Convolutional| sizes.stages.last().map(|stage| stage.channels);
    match widths(found) == widths(expected) {
        true => hold(tensors, found, expected),
        false => Ok(()),
    }
}
