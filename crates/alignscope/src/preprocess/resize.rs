//! Pillow's resize of 8-bit images, to the bit.
//!
//! The order of the two passes, the rounding to 8 bits between them and the fixed-point weights are
//! what makes it Pillow's: a resize in floats, or in the other order, is some levels off.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::image::RgbImage;

/// A filter, by Pillow's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Resample {
    /// The nearest pixel.
    Nearest,
    /// Lanczos with three lobes.
    Lanczos,
    /// Triangle.
    Bilinear,
    /// Cubic with a = −0.5.
    Bicubic,
    /// Average of the pixels under it.
    Box,
    /// Hamming window.
    Hamming,
}

impl Resample {
    /// The filter that has this number in Pillow, and so in a processor's configuration.
    pub fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            0 => Self::Nearest,
            1 => Self::Lanczos,
            2 => Self::Bilinear,
            3 => Self::Bicubic,
            4 => Self::Box,
            5 => Self::Hamming,
            _ => return None,
        })
    }

    /// Half the width of the filter at scale 1, in pixels.
    fn support(self) -> f64 {
        match self {
            Self::Nearest | Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let sinc = |x: f64| match x == 0.0 {
            true => 1.0,
            false => libm::sin(x * std::f64::consts::PI) / (x * std::f64::consts::PI),
        };
        let distance = x.abs();
        match self {
            Self::Nearest | Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => (1.0 - distance).max(0.0),
            Self::Bicubic => {
                const A: f64 = -0.5;
                if distance < 1.0 {
                    ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0
                } else if distance < 2.0 {
                    (((distance - 5.0) * distance + 8.0) * distance - 4.0) * A
                } else {
                    0.0
                }
            }
            Self::Hamming => {
                if distance == 0.0 {
                    1.0
                } else if distance >= 1.0 {
                    0.0
                } else {
                    sinc(distance) * (0.54 + 0.46 * libm::cos(distance * std::f64::consts::PI))
                }
            }
            Self::Lanczos => match (-3.0..3.0).contains(&x) {
                true => sinc(x) * sinc(x / 3.0),
                false => 0.0,
            },
        }
    }
}

impl fmt::Display for Resample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nearest => "nearest",
            Self::Lanczos => "lanczos",
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::Box => "box",
            Self::Hamming => "hamming",
        })
    }
}

/// Resizes the values of an image times `factor`, in floats, as PyTorch's `interpolate` with
/// `antialias` does: with Pillow's weights, and nothing rounded to 8 bits. The result is
/// `[3, height, width]`.
///
/// Rows are resized before columns, each sum in f32 in the order of the pixels.
pub(super) fn resize_floats(
    image: &RgbImage,
    width: usize,
    height: usize,
    resample: Resample,
    factor: f32,
) -> Vec<f32> {
    let float = |taps: Vec<(usize, Vec<f64>)>| -> Vec<(usize, Vec<f32>)> {
        let floats = |weights: Vec<f64>| weights.into_iter().map(|w| w as f32).collect();
        taps.into_iter().map(|(start, weights)| (start, floats(weights))).collect()
    };
    let across = float(weights(image.width(), width, &(0..width), resample));
    let down = float(weights(image.height(), height, &(0..height), resample));
    let mut out = Vec::with_capacity(3 * width * height);
    for channel in 0..3 {
        // [rows of the image, width]
        let mut rows = Vec::with_capacity(image.height() * width);
        for row in image.pixels().chunks_exact(3 * image.width()) {
            for (start, weights) in &across {
                let values = row[3 * start + channel..].iter().step_by(3).zip(weights);
                rows.push(values.map(|(value, w)| f32::from(*value) * factor * w).sum::<f32>());
            }
        }
        for (start, weights) in &down {
            for column in 0..width {
                let values = rows[start * width + column..].iter().step_by(width).zip(weights);
                out.push(values.map(|(value, w)| value * w).sum());
            }
        }
    }
    out
}

/// Bits behind the binary point of a weight: 8 bits of a pixel and 2 of overshoot fit above them.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// The weights of one output position.
struct Taps {
    /// First input position.
    start: usize,
    /// Fixed-point weights of it and those after it.
    weights: Vec<i32>,
}

/// The weights of a range of the output positions in fixed point, as Pillow's
/// `normalize_coeffs_8bpc` makes them.
fn taps(input: usize, output: usize, window: &Range<usize>, filter: Resample) -> Vec<Taps> {
    let fixed = |w: f64| {
        let fixed = w * f64::from(1_u32 << PRECISION_BITS);
        (fixed + if w < 0.0 { -0.5 } else { 0.5 }) as i32
    };
    weights(input, output, window, filter)
        .into_iter()
        .map(|(start, weights)| Taps { start, weights: weights.into_iter().map(fixed).collect() })
        .collect()
}

/// The first input position and the weights of a range of the output positions, as Pillow's
/// `precompute_coeffs` makes them.
fn weights(
    input: usize,
    output: usize,
    window: &Range<usize>,
    filter: Resample,
) -> Vec<(usize, Vec<f64>)> {
    let scale = input as f64 / output as f64;
    let filter_scale = scale.max(1.0);
    let step = 1.0 / filter_scale;
    let support = filter.support() * filter_scale;
    window
        .clone()
        .map(|i| {
            let center = (i as f64 + 0.5) * scale;
            // Pillow truncates towards zero, then keeps within the image.
            let start = ((center - support + 0.5) as i64).max(0) as usize;
            let end = ((center + support + 0.5) as i64).min(input as i64) as usize;
            let weights: Vec<f64> =
                (start..end).map(|x| filter.weight((x as f64 - center + 0.5) * step)).collect();
            let total: f64 = weights.iter().sum();
            let weights = weights.into_iter();
            let weights = weights.map(|w| if total == 0.0 { w } else { w / total });
            (start, weights.collect())
        })
        .collect()
}

/// Resizes an image as Pillow's `Image.resize((width, height), resample)` does.
///
/// # Panics
/// A side is 0.
pub fn resize(image: &RgbImage, width: usize, height: usize, resample: Resample) -> RgbImage {
    resize_window(image, (width, height), 0..width, 0..height, resample)
}

/// The part of a resized image that lies in the given columns and rows: the same pixels as those
/// of the whole, without making the rest of it. A thin image resized by its short side would
/// otherwise be as long as it likes.
pub(super) fn resize_window(
    image: &RgbImage,
    (width, height): (usize, usize),
    columns: Range<usize>,
    rows: Range<usize>,
    resample: Resample,
) -> RgbImage {
    assert!(width > 0 && height > 0, "an image of {width} × {height}");
    assert!(columns.end <= width && rows.end <= height, "a window within the image");
    if resample == Resample::Nearest {
        return nearest(image, (width, height), columns, rows);
    }
    let across = |image: &RgbImage, of_rows: Range<usize>| match image.width() == width {
        true => cut_columns(image, of_rows, &columns),
        false => resize_rows(image, of_rows, &taps(image.width(), width, &columns, resample)),
    };
    let down_taps = || taps(image.height(), height, &rows, resample);
    if columns_first((image.width(), image.height()), (width, height)) {
        let down = match image.height() == height {
            true => cut_rows(image, &rows),
            false => resize_columns(image, &down_taps()),
        };
        let of_rows = 0..down.height();
        return across(&down, of_rows);
    }
    if image.height() == height {
        return across(image, rows);
    }
    // Of a thin image few rows are in the window, and all together would be as long as they like.
    let mut down_taps = down_taps();
    let first = down_taps.iter().map(|taps| taps.start).min().unwrap_or(0);
    let last = down_taps.iter().map(|taps| taps.start + taps.weights.len()).max().unwrap_or(0);
    down_taps.iter_mut().for_each(|taps| taps.start -= first);
    resize_columns(&across(image, first..last), &down_taps)
}

/// The given rows and columns of an image.
fn cut_columns(image: &RgbImage, rows: Range<usize>, columns: &Range<usize>) -> RgbImage {
    let stride = 3 * image.width();
    let mut pixels = Vec::with_capacity(3 * rows.len() * columns.len());
    for row in image.pixels()[stride * rows.start..stride * rows.end].chunks_exact(stride) {
        pixels.extend_from_slice(&row[3 * columns.start..3 * columns.end]);
    }
    RgbImage::new(columns.len(), rows.len(), pixels)
}

/// The given rows of an image.
fn cut_rows(image: &RgbImage, rows: &Range<usize>) -> RgbImage {
    let stride = 3 * image.width();
    let pixels = image.pixels()[stride * rows.start..stride * rows.end].to_vec();
    RgbImage::new(image.width(), rows.len(), pixels)
}

/// Whether columns are resized before rows. Pillow does so since version 13 where the height
/// shrinks by more than twice as many pixels as the width; before, rows always came first
/// (python-pillow/Pillow#9549).
fn columns_first((width, height): (usize, usize), (to_width, to_height): (usize, usize)) -> bool {
    let shrinks = |from: usize, to: usize| from as i64 - to as i64;
    to_height < height && shrinks(height, to_height) > 2 * shrinks(width, to_width)
}

/// Width and height with the shorter side at `side` pixels and the other in proportion, rounded
/// down, as transformers computes it for `shortest_edge`.
pub(super) fn shortest_edge_size(image: &RgbImage, side: usize) -> (usize, usize) {
    let (width, height) = (image.width(), image.height());
    let (short, long) = (width.min(height), width.max(height));
    let other = (side as f64 * long as f64 / short as f64) as usize;
    if width <= height { (side, other) } else { (other, side) }
}

/// Each of the given rows to as many pixels as there are taps.
fn resize_rows(image: &RgbImage, rows: Range<usize>, taps: &[Taps]) -> RgbImage {
    let stride = 3 * image.width();
    let mut out = Vec::with_capacity(3 * rows.len() * taps.len());
    for row in image.pixels()[stride * rows.start..stride * rows.end].chunks_exact(stride) {
        for Taps { start, weights } in taps {
            let mut sums = [HALF; 3];
            let (pixels, _) = row[3 * start..].as_chunks::<3>();
            for (pixel, weight) in pixels.iter().zip(weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            out.extend(sums.map(rounded));
        }
    }
    RgbImage::new(taps.len(), rows.len(), out)
}

/// Every column to as many pixels as there are taps.
fn resize_columns(image: &RgbImage, taps: &[Taps]) -> RgbImage {
    let stride = 3 * image.width();
    let mut out = Vec::with_capacity(stride * taps.len());
    let mut sums = vec![0_i32; stride];
    for Taps { start, weights } in taps {
        sums.fill(HALF);
        let rows = image.pixels()[start * stride..].chunks_exact(stride);
        for (row, weight) in rows.zip(weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        out.extend(sums.iter().map(|sum| rounded(*sum)));
    }
    RgbImage::new(image.width(), taps.len(), out)
}

/// Half of the last place that is kept.
const HALF: i32 = 1 << (PRECISION_BITS - 1);

fn rounded(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Pillow's nearest neighbour: the pixel under the centre of each output pixel. Positions are
/// found by adding up steps, whose rounding can decide between two pixels.
fn nearest(
    image: &RgbImage,
    (width, height): (usize, usize),
    columns: Range<usize>,
    rows: Range<usize>,
) -> RgbImage {
    let positions = |input: usize, output: usize, window: &Range<usize>| -> Vec<usize> {
        let step = input as f64 / output as f64;
        let steps = std::iter::successors(Some(step * 0.5), |position| Some(position + step));
        let wanted = steps.skip(window.start).take(window.len());
        wanted.map(|position| (position as usize).min(input - 1)).collect()
    };
    let across = positions(image.width(), width, &columns);
    let mut pixels = Vec::with_capacity(3 * columns.len() * rows.len());
    for y in positions(image.height(), height, &rows) {
        for x in &across {
            let start = 3 * (y * image.width() + x);
            pixels.extend_from_slice(&image.pixels()[start..start + 3]);
        }
    }
    RgbImage::new(columns.len(), rows.len(), pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_image_stays_flat() {
        let image = RgbImage::new(31, 17, [10, 128, 255].repeat(31 * 17));
        for filter in 0..6 {
            let filter = Resample::from_code(filter).expect("a code of Pillow");
            for (width, height) in [(7, 5), (64, 64), (31, 3), (3, 17), (1, 1)] {
                let out = resize(&image, width, height, filter);
                assert_eq!(out.pixels(), [10, 128, 255].repeat(width * height), "{filter}");
            }
        }
    }

    #[test]
    fn the_shortest_edge_is_exact_and_the_other_rounded_down() {
        let size = |width, height, side| {
            shortest_edge_size(&RgbImage::new(width, height, vec![0; 3 * width * height]), side)
        };
        assert_eq!(size(100, 75, 32), (42, 32));
        assert_eq!(size(75, 100, 32), (32, 42));
        assert_eq!(size(1, 1, 5), (5, 5));
    }

    #[test]
    fn a_window_of_a_thin_image_has_the_pixels_of_the_whole() {
        let pixels = (0..3 * 2 * 500).map(|i| (i * i % 251) as u8).collect();
        let tall = RgbImage::new(2, 500, pixels);
        let wide = RgbImage::new(500, 2, tall.pixels().to_vec());
        for code in 0..6 {
            let filter = Resample::from_code(code).expect("a code of Pillow");
            for (image, size) in [(&tall, (30, 7500)), (&wide, (7500, 30))] {
                let whole = resize(image, size.0, size.1, filter);
                let middle = |side: usize| side / 2 - 15..side / 2 + 15;
                let (columns, rows) = (middle(size.0), middle(size.1));
                let window = resize_window(image, size, columns.clone(), rows.clone(), filter);
                assert_eq!(window, cut_columns(&whole, rows, &columns), "{filter} to {size:?}");
            }
        }
    }

    #[test]
    fn a_window_has_the_pixels_of_the_whole() {
        let pixels = (0..3 * 40 * 90).map(|i| (i * i % 251) as u8).collect();
        let image = RgbImage::new(40, 90, pixels);
        for code in 0..6 {
            let filter = Resample::from_code(code).expect("a code of Pillow");
            // The second size is resized columns first, the others have a side that stays.
            for size in [(50, 60), (30, 20), (40, 33), (33, 90), (40, 90)] {
                let whole = resize(&image, size.0, size.1, filter);
                let (columns, rows) = (7..size.0 - 3, 5..size.1 - 2);
                let window = resize_window(&image, size, columns.clone(), rows.clone(), filter);
                let cut = cut_columns(&whole, rows, &columns);
                assert_eq!(window, cut, "{filter} to {size:?}");
            }
        }
    }
}
