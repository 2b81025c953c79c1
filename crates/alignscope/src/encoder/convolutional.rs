//! The sizes of a convolutional network.

use std::fmt;

use serde::Serialize;

use crate::feature_map::Window;

/// What a block of a convolutional network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MapBlockKind {
    /// ResNet's two convolutions, and a shortcut.
    Basic,
    /// ResNet's three: to a quarter of the channels, within them, and back. The second has the
    /// stride.
    Bottleneck,
    /// The same, but the first has the stride.
    BottleneckStridedFirst,
    /// The same, but a mean pooling before the third, and before the shortcut, shrinks the map: CLIP's.
    BottleneckMeanPooled,
    /// ConvNeXt's depthwise convolution and MLP.
    ConvNext,
    /// One convolution and a ReLU. The stem is such a block too, the first.
    Plain,
}

/// Blocks of one width.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct MapStage {
    pub(super) blocks: usize,
    /// Channels after each block.
    pub(super) channels: usize,
    /// Side of the blocks' largest convolution.
    pub(super) kernel: usize,
    /// What the first block shrinks the map by.
    pub(super) window: Option<Window>,
    /// The channels within its bottlenecks; `None` if they are a quarter of those after them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) within: Option<Grouped>,
}

/// Channels of a convolution in groups, which do not see each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Grouped {
    pub(super) channels: usize,
    pub(super) groups: usize,
}

/// The sizes of a convolutional network, whose stages are maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Convolutional {
    pub(super) block: MapBlockKind,
    /// The windows of the stem, which pass over the image one after the other; the first is a
    /// convolution.
    pub(super) stem: Vec<Window>,
    /// Channels between the convolutions of the stem.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stem_inner: Vec<usize>,
    /// Channels after the stem.
    pub(super) stem_channels: usize,
    /// Whether a mean pooling before a block's shortcut shrinks the map, and not its convolution.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) mean_shortcut: bool,
    /// In order of depth.
    pub(super) stages: Vec<MapStage>,
}

/// The sizes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MapBlockSizes {
    /// Its stage, counted from 0.
    pub(super) stage: usize,
    /// Its number within the stage, counted from 0.
    pub(super) number: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel: usize,
    /// What it shrinks the map by.
    pub(super) window: Option<Window>,
    /// The channels within a bottleneck.
    pub(super) within: Grouped,
}

impl Convolutional {
    /// The blocks after the stem, in order of depth.
    pub(super) fn blocks(&self) -> Vec<MapBlockSizes> {
        let mut inputs = self.stem_channels;
        let mut blocks = Vec::new();
        for (stage, sizes) in self.stages.iter().enumerate() {
            for number in 0..sizes.blocks {
                let (outputs, kernel) = (sizes.channels, sizes.kernel);
                let window = sizes.window.filter(|_| number == 0);
                let within = Grouped { channels: outputs / 4, groups: 1 };
                let within = sizes.within.unwrap_or(within);
                blocks.push(MapBlockSizes {
                    stage,
                    number,
                    inputs,
                    outputs,
                    kernel,
                    window,
                    within,
                });
                inputs = outputs;
            }
        }
        blocks
    }

    /// Whether the stem is a stage of its own, and not the first block.
    pub(super) fn has_embedding(&self) -> bool {
        self.block != MapBlockKind::Plain
    }

    /// Side and channels of the map of an image of this size, after the stem and after each block.
    /// A side of 0 says that the image is too small.
    pub(super) fn maps(&self, image_size: usize) -> Vec<[usize; 2]> {
        let mut side = self.stem.iter().fold(image_size, |side, window| window.output_side(side));
        let mut maps = vec![[side, self.stem_channels]];
        for block in self.blocks() {
            side = block.window.map_or(side, |window| window.output_side(side));
            maps.push([side, block.outputs]);
        }
        maps
    }

    /// About the products of numbers that encoding an image takes: each weight of a block once for
    /// each position of its map.
    pub(super) fn products(&self, image_size: usize) -> u64 {
        let maps = self.maps(image_size).into_iter().skip(1);
        let of_block = |(block, [side, _]): (&MapBlockSizes, [usize; 2])| {
            self.block.weights(block) * side * side
        };
        self.blocks().iter().zip(maps).map(of_block).sum::<usize>() as u64
    }

    /// Channels of the last map.
    pub(super) fn last_channels(&self) -> usize {
        self.blocks().last().map_or(self.stem_channels, |block| block.outputs)
    }

    /// The numbers in its matrices.
    pub(super) fn weights(&self) -> usize {
        let channels = self.stem_inner.iter().copied().chain([self.stem_channels]);
        let inputs = std::iter::once(3).chain(self.stem_inner.iter().copied());
        let stem = self.stem.iter().zip(inputs.zip(channels));
        let stem = stem.map(|(window, (inputs, outputs))| window.kernel.pow(2) * inputs * outputs);
        stem.sum::<usize>()
            + self.blocks().iter().map(|block| self.block.weights(block)).sum::<usize>()
    }
}

impl MapBlockKind {
    fn weights(self, block: &MapBlockSizes) -> usize {
        let MapBlockSizes { inputs, outputs, kernel, window, .. } = *block;
        let (area, shortcut) = (kernel * kernel, if block.has_shortcut() { inputs } else { 0 });
        match self {
            Self::Basic => outputs * (area * (inputs + outputs) + shortcut),
            Self::Bottleneck | Self::BottleneckStridedFirst | Self::BottleneckMeanPooled => {
                let Grouped { channels, groups } = block.within;
                channels * (inputs + area * channels / groups + outputs) + outputs * shortcut
            }
            Self::ConvNext => {
                let halving = window.map_or(0, |window| window.kernel.pow(2) * inputs);
                outputs * (area + 8 * outputs + halving)
            }
            Self::Plain => area * inputs * outputs,
        }
    }
}

impl MapBlockSizes {
    /// Whether a block of ResNet brings what it adds to to its own shape.
    pub(super) fn has_shortcut(&self) -> bool {
        self.inputs != self.outputs || self.window.is_some()
    }
}

/// From the largest map to the last: `56 × 56 × 64 to 7 × 7 × 2048`.
#[derive(Debug)]
pub(super) struct MapRange(pub(super) [usize; 2], pub(super) [usize; 2]);

impl fmt::Display for MapRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([first, channels], [last, last_channels]) = self;
        write!(f, "maps of {first} × {first} × {channels} to {last} × {last} × {last_channels}")
    }
}
