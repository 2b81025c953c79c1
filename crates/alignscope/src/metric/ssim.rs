//! SSIM and MS-SSIM.
//!
//! # Source
//! Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
//! structural similarity", IEEE TIP 2004, equation 13, and the authors' `ssim_index.m` and `ssim.m`;
//! Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment",
//! Asilomar 2003, and the authors' `msssim.m`.

use crate::image::RgbImage;
use alignscope_kernel::{Windows, add_similarity, filter_valid, multiply};

/// Side of the Gaussian window, in pixels.
pub(super) const WINDOW: usize = 11;
/// Its standard deviation.
const SIGMA: f64 = 1.5;
/// The constants (K1 L)² and (K2 L)², with L = 255.
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// Scales of MS-SSIM.
pub(super) const SCALES: usize = 5;
/// Their exponents.
const EXPONENTS: [f64; SCALES] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// What is compared of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Luma {
    /// 0.299 R + 0.587 G + 0.114 B, unrounded.
    Exact,
    /// MATLAB's `rgb2gray` of 8-bit images: its coefficients, rounded.
    Matlab,
    /// The same, then averaged over squares of about (short side)/256 pixels.
    MatlabDownsampled,
    /// Red, green and blue by themselves.
    Rgb,
}

/// SSIM at one scale, or MS-SSIM at several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ssim {
    pub(super) luma: Luma,
    pub(super) scales: usize,
}

/// An image, ready to be compared: each scale and colour.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planes(Vec<Plane>);

/// One plane, with what of the comparison is of it alone.
#[derive(Debug, Clone, PartialEq)]
struct Plane {
    width: usize,
    height: usize,
    /// In f32, so that their products are exact in f64.
    values: Vec<f32>,
    /// Gaussian mean of the window at each place where it fits.
    means: Vec<f64>,
    /// Variance within it, rounded to f32 as covariances are: an image varies exactly as it
    /// covaries with its equal.
    variances: Vec<f32>,
}

/// The window along one side; the square one is its outer product.
fn window() -> [f64; WINDOW] {
    let middle = (WINDOW / 2) as f64;
    let weights: [f64; WINDOW] =
        std::array::from_fn(|i| libm::exp(-(i as f64 - middle).powi(2) / (2.0 * SIGMA * SIGMA)));
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// Rows of windows that are made at a time: what they are made from stays in the first caches.
const STRIP_ROWS: usize = 16;

/// Gaussian means of the products of two planes, a strip of windows at a time, with the number of
/// windows before the strip.
fn product_means(width: usize, a: &[f32], b: &[f32], mut take: impl FnMut(usize, &[f64])) {
    let (taps, columns) = (window(), width + 1 - WINDOW);
    let rows = a.len() / width + 1 - WINDOW;
    let (mut products, mut means) = (Vec::new(), Vec::new());
    for top in (0..rows).step_by(STRIP_ROWS) {
        let bottom = rows.min(top + STRIP_ROWS) + WINDOW - 1;
        let strip = top * width..bottom * width;
        products.resize(strip.len(), 0.0);
        multiply(&a[strip.clone()], &b[strip], &mut products);
        filter_valid(&products, width, &taps, &mut means);
        take(top * columns, &means);
    }
}

impl Plane {
    fn new(width: usize, height: usize, values: &[f64]) -> Self {
        let mut means = Vec::new();
        let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
        let exact: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
        filter_valid(&exact, width, &window(), &mut means);
        let mut variances = Vec::with_capacity(means.len());
        product_means(width, &values, &values, |before, squares| {
            let means = &means[before..][..squares.len()];
            let variance = |(square, mean): (&f64, &f64)| (square - mean * mean) as f32;
            variances.extend(squares.iter().zip(means).map(variance));
        });
        Self { width, height, values, means, variances }
    }

    /// Means of SSIM, and of its part of contrast and structure.
    fn compare(&self, other: &Self) -> (f64, f64) {
        assert_eq!((self.width, self.height), (other.width, other.height), "images of one size");
        let mut sums = [0.0; 2];
        product_means(self.width, &self.values, &other.values, |before, product| {
            let windows = Windows {
                mean_a: &self.means[before..],
                mean_b: &other.means[before..],
                variance_a: &self.variances[before..],
                variance_b: &other.variances[before..],
                product,
            };
            add_similarity(windows, C1, C2, &mut sums);
        });
        let windows = self.means.len() as f64;
        (sums[0] / windows, sums[1] / windows)
    }
}

impl Ssim {
    pub(super) fn planes(self, image: &RgbImage) -> Planes {
        let (width, height) = (image.width(), image.height());
        let of = |f: &dyn Fn([f64; 3]) -> f64| {
            let pixels = image.pixels().as_chunks::<3>().0.iter();
            pixels.map(|pixel| f(pixel.map(f64::from))).collect::<Vec<f64>>()
        };
        // MATLAB's coefficients: the first row of the inverse of the matrix from RGB to NTSC.
        let matlab = |[r, g, b]: [f64; 3]| {
            (0.298_936_021_293_775_4 * r
                + 0.587_043_074_451_121_1 * g
                + 0.114_020_904_255_103_3 * b)
                .round()
        };
        let exact = |[r, g, b]: [f64; 3]| 0.299 * r + 0.587 * g + 0.114 * b;
        let mut planes = match self.luma {
            Luma::Exact => vec![Plane::new(width, height, &of(&exact))],
            Luma::Matlab => vec![Plane::new(width, height, &of(&matlab))],
            Luma::MatlabDownsampled => {
                let factor = (width.min(height) as f64 / 256.0).round().max(1.0) as usize;
                let (width, height, values) = downsample(&of(&matlab), width, height, factor);
                vec![Plane::new(width, height, &values)]
            }
            Luma::Rgb => {
                (0..3).map(|c| Plane::new(width, height, &of(&|pixel| pixel[c]))).collect()
            }
        };
        for _ in 1..self.scales {
            let last = planes.last().expect("at least one plane");
            let values: Vec<f64> = last.values.iter().map(|v| f64::from(*v)).collect();
            let (width, height, values) = downsample(&values, last.width, last.height, 2);
            planes.push(Plane::new(width, height, &values));
        }
        Planes(planes)
    }

    /// One minus the similarity: 0 for equal images, up to 2 for opposite ones.
    pub(super) fn distance(self, a: &Planes, b: &Planes) -> f64 {
        let scores: Vec<(f64, f64)> = a.0.iter().zip(&b.0).map(|(a, b)| a.compare(b)).collect();
        let similarity = match self.scales {
            1 => scores.iter().map(|(whole, _)| whole).sum::<f64>() / scores.len() as f64,
            // A mean below 0 has no power; it counts as 0, as in TensorFlow.
            _ => scores
                .iter()
                .zip(EXPONENTS)
                .enumerate()
                .map(|(scale, ((whole, contrast), exponent))| {
                    let last = scale + 1 == SCALES;
                    libm::pow((if last { *whole } else { *contrast }).max(0.0), exponent)
                })
                .product(),
        };
        1.0 - similarity
    }

    /// Bytes of the planes of an image of this size.
    pub(super) fn bytes(self, width: usize, height: usize) -> usize {
        let planes = match (self.luma, self.scales) {
            (Luma::Rgb, _) => 3,
            (_, 1) => 1,
            // One and a third, rounded up.
            _ => 2,
        };
        planes * (size_of::<f64>() + 2 * size_of::<f32>()) * width * height
    }
}

/// The mean of `factor` × `factor` pixels at every `factor`th pixel, as MATLAB's
/// `imfilter(…, ones(f)/f², 'symmetric')` and `(1:f:end, 1:f:end)`: the window begins
/// (f − 1)/2, rounded down, before the pixel, and what lies outside is mirrored.
fn downsample(
    values: &[f64],
    width: usize,
    height: usize,
    factor: usize,
) -> (usize, usize, Vec<f64>) {
    let before = (factor - 1) / 2;
    let mirrored = |place: usize, side: usize| match place.checked_sub(before) {
        // −1 is 0, −2 is 1, …
        None => before - place - 1,
        Some(place) if place >= side => 2 * side - 1 - place,
        Some(place) => place,
    };
    let (new_width, new_height) = (width.div_ceil(factor), height.div_ceil(factor));
    let area = (factor * factor) as f64;
    let mut out = Vec::with_capacity(new_width * new_height);
    for y in 0..new_height {
        for x in 0..new_width {
            let mut sum = 0.0;
            for dy in 0..factor {
                let row = mirrored(y * factor + dy, height);
                for dx in 0..factor {
                    sum += values[row * width + mirrored(x * factor + dx, width)];
                }
            }
            out.push(sum / area);
        }
    }
    (new_width, new_height, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(seed: usize) -> RgbImage {
        let value = |i: usize| ((i * 7919 + seed * 104_729) % 251) as u8;
        RgbImage::new(191, 177, (0..191 * 177 * 3).map(value).collect())
    }

    #[test]
    fn equal_images_have_distance_exactly_zero_and_order_does_not_matter() {
        for luma in [Luma::Exact, Luma::Matlab, Luma::MatlabDownsampled, Luma::Rgb] {
            for scales in [1, SCALES] {
                let ssim = Ssim { luma, scales };
                let (a, b) = (ssim.planes(&image(1)), ssim.planes(&image(2)));
                assert_eq!(ssim.distance(&a, &a), 0.0);
                assert_eq!(ssim.distance(&a, &b), ssim.distance(&b, &a));
                assert!(ssim.distance(&a, &b) > 0.0);
                if luma == Luma::Rgb {
                    break;
                }
            }
        }
    }

    #[test]
    fn two_flat_images_differ_by_their_means_alone() {
        let ssim = Ssim { luma: Luma::Exact, scales: 1 };
        let flat = |value| ssim.planes(&RgbImage::new(20, 30, vec![value; 1800]));
        let expected = 1.0 - (2.0 * 100.0 * 50.0 + C1) / (100.0 * 100.0 + 50.0 * 50.0 + C1);
        assert!((ssim.distance(&flat(100), &flat(50)) - expected).abs() < 1e-9);
    }

    #[test]
    fn downsampling_mirrors_at_the_edge() {
        let values: Vec<f64> = (0..15).map(f64::from).collect();
        let (width, height, out) = downsample(&values, 5, 3, 2);
        assert_eq!((width, height), (3, 2));
        // The last column and row are their own mirror images.
        assert_eq!(out, [3.0, 5.0, 6.5, 10.5, 12.5, 14.0]);
        let (_, _, out) = downsample(&values, 5, 3, 3);
        assert_eq!(out[0], (0.0 * 4.0 + 1.0 * 2.0 + 5.0 * 2.0 + 6.0) / 9.0);
    }
}
