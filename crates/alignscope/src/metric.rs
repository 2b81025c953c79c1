//! The measures of image quality that models are held against: SSIM, LPIPS, PerceptNet.

mod files;
mod lpips;
mod map;
mod perceptnet;
mod ssim;

use std::path::PathBuf;

pub use files::{MetricFile, MetricFolders, MetricWeights};
use lpips::{Backbone, Lpips};
use perceptnet::PerceptNet;
use ssim::{Luma, Planes, Ssim};

use crate::hub::HubError;
use crate::image::RgbImage;
use crate::remedy::Remedy;
use crate::weights::{Weights, WeightsError};
use alignscope_kernel::squared_distance;

/// A measure of the distance of two images of one size. Each is one definition, equal to one
/// reference; `docs/baselines.md` has them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetricKind {
    /// 1 − SSIM of luma (Wang et al. 2004): 0.299 R + 0.587 G + 0.114 B unrounded.
    Ssim,
    /// 1 − SSIM of luma rounded to whole numbers as by MATLAB's `rgb2gray`.
    SsimMatlab,
    /// The same after the automatic downsampling of the authors' `ssim.m`.
    SsimMatlabDownsampled,
    /// 1 − the mean SSIM of red, green and blue, as `tf.image.ssim`.
    SsimRgb,
    /// 1 − MS-SSIM of luma (Wang et al. 2003), five scales.
    MsSsim,
    /// Root mean square error of 8-bit RGB, which orders images as PSNR does.
    Psnr,
    /// LPIPS 0.1 (Zhang et al. 2018) on AlexNet.
    LpipsAlex,
    /// LPIPS 0.1 on VGG-16.
    LpipsVgg,
    /// LPIPS 0.1 on SqueezeNet 1.1.
    LpipsSqueeze,
    /// PerceptNet (Hepburn et al. 2020).
    PerceptNet,
}

impl MetricKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Ssim,
        Self::SsimMatlab,
        Self::SsimMatlabDownsampled,
        Self::SsimRgb,
        Self::MsSsim,
        Self::Psnr,
        Self::LpipsAlex,
        Self::LpipsVgg,
        Self::LpipsSqueeze,
        Self::PerceptNet,
    ];

    /// The name used on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssim => "ssim",
            Self::SsimMatlab => "ssim-matlab",
            Self::SsimMatlabDownsampled => "ssim-matlab-downsampled",
            Self::SsimRgb => "ssim-rgb",
            Self::MsSsim => "ms-ssim",
            Self::Psnr => "psnr",
            Self::LpipsAlex => "lpips-alex",
            Self::LpipsVgg => "lpips-vgg",
            Self::LpipsSqueeze => "lpips-squeeze",
            Self::PerceptNet => "perceptnet",
        }
    }

    /// Keys of the papers to cite, in `assets/references.bib`; none for PSNR.
    pub fn references(self) -> &'static [&'static str] {
        match self {
            Self::Ssim | Self::SsimMatlab | Self::SsimMatlabDownsampled | Self::SsimRgb => {
                &["wang2004ssim"]
            }
            Self::MsSsim => &["wang2003msssim"],
            Self::Psnr => &[],
            Self::LpipsAlex | Self::LpipsVgg | Self::LpipsSqueeze => &["zhang2018lpips"],
            Self::PerceptNet => &["hepburn2020perceptnet"],
        }
    }

    /// What it is, in a line.
    pub fn description(self) -> &'static str {
        match self {
            Self::Ssim => "1 − SSIM of unrounded luma, 11 × 11 Gaussian of 1.5, valid windows",
            Self::SsimMatlab => "1 − SSIM of luma rounded as MATLAB's rgb2gray does",
            Self::SsimMatlabDownsampled => {
                "1 − SSIM of luma rounded so, after the authors' automatic downsampling (short side about 256)"
            }
            Self::SsimRgb => "1 − mean SSIM of red, green and blue, as tf.image.ssim",
            Self::MsSsim => "1 − MS-SSIM of unrounded luma, five scales",
            Self::Psnr => "root mean square error of 8-bit RGB, in the order of PSNR",
            Self::LpipsAlex => "LPIPS 0.1 on AlexNet",
            Self::LpipsVgg => "LPIPS 0.1 on VGG-16",
            Self::LpipsSqueeze => "LPIPS 0.1 on SqueezeNet 1.1",
            Self::PerceptNet => "PerceptNet, L2 norm of the difference of its outputs",
        }
    }

    /// The files of weights that it needs, under their published names; none for most.
    pub fn files(self) -> &'static [MetricFile] {
        match self {
            Self::LpipsAlex => &files::LPIPS_ALEX,
            Self::LpipsVgg => &files::LPIPS_VGG,
            Self::LpipsSqueeze => &files::LPIPS_SQUEEZE,
            Self::PerceptNet => &files::PERCEPTNET,
            _ => &[],
        }
    }

    /// About the products of numbers that a pixel of an image takes, and a pixel of a pair: windows
    /// of 11 + 11 weights for each mean of SSIM, the weights of convolutions for networks.
    pub(crate) fn operations_a_pixel(self) -> [u64; 2] {
        match self {
            Self::Ssim | Self::SsimMatlab | Self::SsimMatlabDownsampled => [50, 30],
            Self::SsimRgb => [150, 90],
            Self::MsSsim => [70, 40],
            Self::Psnr => [3, 3],
            Self::LpipsAlex => [14_000, 20],
            Self::LpipsVgg => [305_000, 240],
            Self::LpipsSqueeze => [7_000, 40],
            Self::PerceptNet => [3_000, 10],
        }
    }

    /// The shortest side of an image that it can measure, in pixels.
    pub fn min_side(self) -> usize {
        match self {
            Self::Ssim | Self::SsimMatlab | Self::SsimMatlabDownsampled | Self::SsimRgb => {
                ssim::WINDOW
            }
            // Halved four times, the window must still fit.
            Self::MsSsim => ssim::WINDOW << (ssim::SCALES - 1),
            Self::Psnr => 1,
            // Down to one pixel at the last layer.
            Self::LpipsAlex | Self::LpipsSqueeze => 31,
            Self::LpipsVgg => 16,
            Self::PerceptNet => 16,
        }
    }
}

choice!(MetricKind, "baseline");

/// A baseline with its weights.
#[derive(Debug)]
pub struct LoadedMetric {
    baseline: MetricKind,
    method: Method,
    files: Vec<MetricWeights>,
}

#[derive(Debug)]
enum Method {
    Ssim(Ssim),
    Rms,
    Lpips(Box<Lpips>),
    PerceptNet(Box<PerceptNet>),
}

/// What is computed of one image, to be compared with others'.
#[derive(Debug)]
pub struct MetricFeatures(Features);

#[derive(Debug)]
enum Features {
    Planes(Planes),
    Pixels(RgbImage),
    /// The squared distance of two such vectors is the measure, or its square.
    Vector(Vec<f32>),
}

/// A baseline could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Files of weights are not there.
    #[error("{baseline} needs {names}, published at {urls}, which no folder of {searched} has")]
    NoFile {
        /// The baseline.
        baseline: MetricKind,
        /// Their names as published.
        names: String,
        /// Where they are published.
        urls: String,
        /// The folders.
        searched: String,
    },
    /// A file that is to be fetched is there, but another.
    #[error(
        "{path} is not the file that was published (SHA-256 {found}, expected {expected}…); remove it and fetch again"
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// How the hash begins.
        expected: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Hash {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A folder for weights that is none.
    #[error("{path}, where weights are to be, is not a folder")]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// The weights cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// LPIPS's heads hold a negative weight, which its training forbids.
    #[error(
        "tensor `{tensor}` in {path} holds {value}, expected no negative number, as LPIPS 0.1 has"
    )]
    Negative {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The number.
        value: f32,
    },
    /// A file could not be fetched.
    #[error(transparent)]
    Fetch(#[from] HubError),
}

impl MetricError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::NoFile { baseline, .. } => {
                vec![Remedy::FetchWeights { metric: baseline.name() }, Remedy::NameWeights]
            }
            Self::Fetch(error) => error.remedies(),
            _ => vec![],
        }
    }
}

impl LoadedMetric {
    /// Reads a baseline's weights, which are looked for in `folders`.
    ///
    /// # Errors
    /// A file is missing or damaged.
    pub fn load(baseline: MetricKind, folders: &MetricFolders) -> Result<Self, MetricError> {
        let (files, opened): (Vec<_>, Vec<_>) = folders.find(baseline)?.into_iter().unzip();
        let weights = opened.into_iter().map(Weights::of_input).collect::<Result<Vec<_>, _>>()?;
        let lpips = |backbone| Lpips::load(backbone, &weights[0], &weights[1]).map(Box::new);
        let ssim = |luma, scales| Method::Ssim(Ssim { luma, scales });
        let method = match baseline {
            MetricKind::Ssim => ssim(Luma::Exact, 1),
            MetricKind::SsimMatlab => ssim(Luma::Matlab, 1),
            MetricKind::SsimMatlabDownsampled => ssim(Luma::MatlabDownsampled, 1),
            MetricKind::SsimRgb => ssim(Luma::Rgb, 1),
            MetricKind::MsSsim => ssim(Luma::Exact, ssim::SCALES),
            MetricKind::Psnr => Method::Rms,
            MetricKind::LpipsAlex => Method::Lpips(lpips(Backbone::Alex)?),
            MetricKind::LpipsVgg => Method::Lpips(lpips(Backbone::Vgg)?),
            MetricKind::LpipsSqueeze => Method::Lpips(lpips(Backbone::Squeeze)?),
            MetricKind::PerceptNet => Method::PerceptNet(Box::new(PerceptNet::load(&weights[0])?)),
        };
        Ok(Self { baseline, method, files })
    }

    /// Which baseline.
    pub fn baseline(&self) -> MetricKind {
        self.baseline
    }

    /// The files of its weights.
    pub fn files(&self) -> &[MetricWeights] {
        &self.files
    }

    /// What it computes of one image.
    ///
    /// # Panics
    /// A side is shorter than [`MetricKind::min_side`].
    pub fn features(&self, image: RgbImage) -> MetricFeatures {
        let side = image.width().min(image.height());
        assert!(side >= self.baseline.min_side(), "an image of {side} pixels");
        MetricFeatures(match &self.method {
            Method::Ssim(ssim) => Features::Planes(ssim.planes(&image)),
            Method::Rms => Features::Pixels(image),
            Method::Lpips(lpips) => Features::Vector(lpips.features(&image)),
            Method::PerceptNet(net) => Features::Vector(net.features(&image)),
        })
    }

    /// The distance of two images of one size: ≥ 0 but for SSIM of opposites (up to 2), exactly 0
    /// for equal images.
    ///
    /// # Panics
    /// The features are of images of different size, or of another baseline.
    pub fn distance(&self, a: &MetricFeatures, b: &MetricFeatures) -> f64 {
        match (&self.method, &a.0, &b.0) {
            (Method::Ssim(ssim), Features::Planes(a), Features::Planes(b)) => ssim.distance(a, b),
            (Method::Rms, Features::Pixels(a), Features::Pixels(b)) => a.rms_difference(b),
            (Method::Lpips(_), Features::Vector(a), Features::Vector(b)) => squared_distance(a, b),
            (Method::PerceptNet(_), Features::Vector(a), Features::Vector(b)) => {
                squared_distance(a, b).sqrt()
            }
            _ => unreachable!("features of the same baseline"),
        }
    }

    /// Bytes of the features of an image of this size.
    pub fn bytes(&self, width: usize, height: usize) -> usize {
        match &self.method {
            Method::Ssim(ssim) => ssim.bytes(width, height),
            Method::Rms => 3 * width * height,
            Method::Lpips(lpips) => size_of::<f32>() * lpips.len(width, height),
            Method::PerceptNet(_) => size_of::<f32>() * perceptnet::len(width, height),
        }
    }

    /// Bytes that one thread needs while it makes the features of an image of this size.
    pub fn working_bytes(&self, width: usize, height: usize) -> usize {
        match &self.method {
            Method::Ssim(_) => 4 * size_of::<f64>() * width * height,
            Method::Rms => 0,
            Method::Lpips(lpips) => lpips.working_bytes(width, height),
            Method::PerceptNet(_) => perceptnet::working_bytes(width, height),
        }
    }
}
