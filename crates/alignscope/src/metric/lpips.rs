//! LPIPS 0.1: weighted squared differences of unit-length features of a classification network.
//!
//! # Source
//! Zhang, Isola, Efros, Shechtman and Wang, "The unreasonable effectiveness of deep features as a
//! perceptual metric", CVPR 2018; the package `lpips` 0.1.4 and torchvision's networks.

use super::MetricError;
use super::map::{Convolution, ConvolutionShape, Edge, Map, pooled_side, relu};
use crate::image::RgbImage;
use crate::weights::{Init, Weights};

/// The network whose features are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backbone {
    Alex,
    Vgg,
    Squeeze,
}

/// A step of a network, as it stands in torchvision's `features`.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A convolution and a ReLU: its number, inputs, outputs, kernel, stride, padding.
    Convolution(usize, ConvolutionShape),
    /// Largest of 3 × 3 or 2 × 2 pixels, every second pixel.
    Pool(usize, Edge),
    /// SqueezeNet's module: its number, inputs, squeezed, expanded (by each of its two halves).
    Fire(usize, usize, usize, usize),
    /// Here the map is compared: the number of the head.
    Compare(usize),
}

const fn conv(number: usize, inputs: usize, outputs: usize, kernel: usize) -> Step {
    Step::Convolution(number, ConvolutionShape::same(inputs, outputs, kernel))
}

const fn strided(
    number: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
) -> Step {
    Step::Convolution(number, ConvolutionShape { inputs: 3, outputs, kernel, stride, padding })
}

const ALEX: [Step; 12] = {
    use Step::{Compare, Pool};
    [
        strided(0, 64, 11, 4, 2),
        Compare(0),
        Pool(3, Edge::Floor),
        conv(3, 64, 192, 5),
        Compare(1),
        Pool(3, Edge::Floor),
        conv(6, 192, 384, 3),
        Compare(2),
        conv(8, 384, 256, 3),
        Compare(3),
        conv(10, 256, 256, 3),
        Compare(4),
    ]
};

const VGG: [Step; 22] = {
    use Step::{Compare, Pool};
    [
        conv(0, 3, 64, 3),
        conv(2, 64, 64, 3),
        Compare(0),
        Pool(2, Edge::Floor),
        conv(5, 64, 128, 3),
        conv(7, 128, 128, 3),
        Compare(1),
        Pool(2, Edge::Floor),
        conv(10, 128, 256, 3),
        conv(12, 256, 256, 3),
        conv(14, 256, 256, 3),
        Compare(2),
        Pool(2, Edge::Floor),
        conv(17, 256, 512, 3),
        conv(19, 512, 512, 3),
        conv(21, 512, 512, 3),
        Compare(3),
        Pool(2, Edge::Floor),
        conv(24, 512, 512, 3),
        conv(26, 512, 512, 3),
        conv(28, 512, 512, 3),
        Compare(4),
    ]
};

const SQUEEZE: [Step; 19] = {
    use Step::{Compare, Fire, Pool};
    [
        strided(0, 64, 3, 2, 0),
        Compare(0),
        Pool(3, Edge::Ceil),
        Fire(3, 64, 16, 64),
        Fire(4, 128, 16, 64),
        Compare(1),
        Pool(3, Edge::Ceil),
        Fire(6, 128, 32, 128),
        Fire(7, 256, 32, 128),
        Compare(2),
        Pool(3, Edge::Ceil),
        Fire(9, 256, 48, 192),
        Compare(3),
        Fire(10, 384, 48, 192),
        Compare(4),
        Fire(11, 384, 64, 256),
        Compare(5),
        Fire(12, 512, 64, 256),
        Compare(6),
    ]
};

impl Backbone {
    fn steps(self) -> &'static [Step] {
        match self {
            Self::Alex => &ALEX,
            Self::Vgg => &VGG,
            Self::Squeeze => &SQUEEZE,
        }
    }
}

/// A network and its heads.
#[derive(Debug)]
pub(super) struct Lpips {
    backbone: Backbone,
    layers: Vec<Layer>,
}

/// A step with its weights.
#[derive(Debug)]
enum Layer {
    Convolution(Convolution),
    Pool(usize, Edge),
    Fire(Box<Fire>),
    /// Root of each channel's weight.
    Compare(Vec<f32>),
}

/// SqueezeNet's module: fewer channels, then two maps of them side by side.
#[derive(Debug)]
struct Fire {
    squeeze: Convolution,
    expand1: Convolution,
    expand3: Convolution,
}

/// Mean and deviation that images in −1 to 1 are brought to: the scaling layer of LPIPS 0.1.
const SHIFT: [f32; 3] = [-0.030, -0.088, -0.188];
const SCALE: [f32; 3] = [0.458, 0.448, 0.450];

/// Added to the length of a pixel's features.
const EPSILON: f32 = 1e-10;

fn fire(inputs: usize, squeezed: usize, expanded: usize) -> [ConvolutionShape; 3] {
    let same = ConvolutionShape::same;
    [same(inputs, squeezed, 1), same(squeezed, expanded, 1), same(squeezed, expanded, 3)]
}

impl Lpips {
    /// Reads the network from torchvision's file, and the heads from that of `lpips`.
    pub(super) fn load(
        backbone: Backbone,
        network: &Weights,
        heads: &Weights,
    ) -> Result<Self, MetricError> {
        let mut channels = 3;
        let mut layers = Vec::new();
        for step in backbone.steps() {
            layers.push(match *step {
                Step::Convolution(number, shape) => {
                    channels = shape.outputs;
                    let name = format!("features.{number}");
                    Layer::Convolution(Convolution::load(network, &name, shape)?)
                }
                Step::Pool(kernel, edge) => Layer::Pool(kernel, edge),
                Step::Fire(number, inputs, squeezed, expanded) => {
                    channels = 2 * expanded;
                    let [squeeze, expand1, expand3] = fire(inputs, squeezed, expanded);
                    let part = |part: &str, shape| {
                        Convolution::load(network, &format!("features.{number}.{part}"), shape)
                    };
                    Layer::Fire(Box::new(Fire {
                        squeeze: part("squeeze", squeeze)?,
                        expand1: part("expand1x1", expand1)?,
                        expand3: part("expand3x3", expand3)?,
                    }))
                }
                Step::Compare(number) => {
                    let tensor = format!("lin{number}.model.1.weight");
                    let weights = heads.tensor(&tensor, &[1, channels, 1, 1], Init::Zeros)?;
                    if let Some(value) = weights.iter().find(|w| **w < 0.0) {
                        let path = heads.files().swap_remove(0).path;
                        let value = *value;
                        return Err(MetricError::Negative { path, tensor, value });
                    }
                    Layer::Compare(weights.iter().map(|w| w.sqrt()).collect())
                }
            });
        }
        Ok(Self { backbone, layers })
    }

    /// The vector whose squared distance to another's is LPIPS: at each layer compared, each
    /// pixel's features divided by their length, times the root of the channel's weight over the
    /// number of pixels.
    pub(super) fn features(&self, image: &RgbImage) -> Vec<f32> {
        let table: [[f32; 256]; 3] = std::array::from_fn(|channel| {
            std::array::from_fn(|value| {
                let scaled = value as f32 / 255.0 * 2.0 - 1.0;
                (scaled - SHIFT[channel]) / SCALE[channel]
            })
        });
        let values = image.pixels().as_chunks::<3>().0.iter().flat_map(|pixel| {
            std::array::from_fn::<_, 3, _>(|channel| table[channel][usize::from(pixel[channel])])
        });
        let mut map = Map {
            height: image.height(),
            width: image.width(),
            channels: 3,
            values: values.collect(),
        };
        let mut features = Vec::with_capacity(self.len(image.width(), image.height()));
        for layer in &self.layers {
            match layer {
                Layer::Convolution(convolution) => map = convolution.apply(&map, relu),
                Layer::Pool(kernel, edge) => map = map.max_pool(*kernel, 2, *edge),
                Layer::Fire(fire) => {
                    let Fire { squeeze, expand1, expand3 } = &**fire;
                    let squeezed = squeeze.apply(&map, relu);
                    let (one, three) =
                        (expand1.apply(&squeezed, relu), expand3.apply(&squeezed, relu));
                    map = side_by_side(&one, &three);
                }
                Layer::Compare(roots) => {
                    let pixels = (map.height * map.width) as f32;
                    for pixel in map.values.chunks_exact(map.channels) {
                        let square: f32 = pixel.iter().map(|v| v * v).sum();
                        let scale = 1.0 / ((square.sqrt() + EPSILON) * pixels.sqrt());
                        features.extend(pixel.iter().zip(roots).map(|(v, root)| v * scale * root));
                    }
                }
            }
        }
        features
    }

    /// Numbers of the vector for an image of this size.
    pub(super) fn len(&self, width: usize, height: usize) -> usize {
        self.maps(width, height).iter().filter(|map| map.compared).map(|map| map.numbers).sum()
    }

    /// Bytes of the largest maps that exist at once.
    pub(super) fn working_bytes(&self, width: usize, height: usize) -> usize {
        let maps = self.maps(width, height);
        let numbers = maps.windows(2).map(|two| two[0].numbers + two[1].numbers).max();
        2 * size_of::<f32>() * numbers.unwrap_or(0)
    }

    /// The maps that an image of this size becomes, one a step.
    fn maps(&self, mut width: usize, mut height: usize) -> Vec<MapSize> {
        let mut channels = 3;
        let mut maps = Vec::new();
        for step in self.backbone.steps() {
            match *step {
                Step::Convolution(_, shape) => {
                    (width, height) = (shape.output_side(width), shape.output_side(height));
                    channels = shape.outputs;
                }
                Step::Pool(kernel, edge) => {
                    width = pooled_side(width, kernel, 2, edge);
                    height = pooled_side(height, kernel, 2, edge);
                }
                Step::Fire(_, _, _, expanded) => channels = 2 * expanded,
                Step::Compare(_) => {}
            }
            let compared = matches!(step, Step::Compare(_));
            maps.push(MapSize { numbers: width * height * channels, compared });
        }
        maps
    }
}

struct MapSize {
    numbers: usize,
    compared: bool,
}

/// Two maps of one size, the channels of one before those of the other.
fn side_by_side(a: &Map, b: &Map) -> Map {
    let rows = a.values.chunks_exact(a.channels).zip(b.values.chunks_exact(b.channels));
    let values = rows.flat_map(|(a, b)| a.iter().chain(b).copied()).collect();
    Map { height: a.height, width: a.width, channels: a.channels + b.channels, values }
}
