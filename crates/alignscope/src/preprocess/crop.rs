//! Cutting out the centre.

use std::ops::Range;

use serde::Serialize;

use crate::image::RgbImage;

/// Where the centre lies if it is between two pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CropRounding {
    /// The offset (n − crop)/2 is rounded down, as transformers does.
    #[default]
    Floor,
    /// It is rounded to the nearest, half to even, as torchvision and open_clip do.
    HalfToEven,
}

/// Cuts `height` × `width` pixels out of the centre. Where the image is smaller, black is put
/// around it first, as transformers' `center_crop` does: one more row above, and one more column
/// on the left, where it is odd.
pub fn center_crop(
    image: &RgbImage,
    height: usize,
    width: usize,
    rounding: CropRounding,
) -> RgbImage {
    let (top, left) =
        (offset(image.height(), height, rounding), offset(image.width(), width, rounding));
    let mut pixels = vec![0; 3 * width * height];
    for (y, row) in pixels.chunks_exact_mut(3 * width).enumerate() {
        let Some(source) = usize::try_from(y as isize + top).ok().filter(|y| *y < image.height())
        else {
            continue;
        };
        // Output columns [from, to) lie within the image.
        let from = usize::try_from(-left).unwrap_or(0);
        let to = width.min((image.width() as isize - left) as usize);
        let start = 3 * (source * image.width() + (from as isize + left) as usize);
        row[3 * from..3 * to].copy_from_slice(&image.pixels()[start..start + 3 * (to - from)]);
    }
    RgbImage::new(width, height, pixels)
}

/// The positions of a side that a centre crop keeps: all where the image is smaller.
pub(super) fn kept(input: usize, output: usize, rounding: CropRounding) -> Range<usize> {
    match usize::try_from(offset(input, output, rounding)) {
        Ok(start) if input > output => start..start + output,
        _ => 0..input,
    }
}

/// Where the crop begins; negative where the image is smaller.
fn offset(input: usize, output: usize, rounding: CropRounding) -> isize {
    let difference = input as isize - output as isize;
    if difference < 0 {
        return -((-difference + 1) / 2);
    }
    match (rounding, difference % 4) {
        (CropRounding::HalfToEven, 3) => difference / 2 + 1,
        _ => difference / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[u8]) -> RgbImage {
        RgbImage::new(values.len(), 1, values.iter().flat_map(|v| [*v; 3]).collect())
    }

    fn crop(values: &[u8], width: usize, rounding: CropRounding) -> Vec<u8> {
        let out = center_crop(&row(values), 1, width, rounding);
        out.pixels().iter().step_by(3).copied().collect()
    }

    #[test]
    fn an_odd_rest_is_rounded_down_or_half_to_even() {
        let values = [1, 2, 3, 4, 5];
        assert_eq!(crop(&values, 4, CropRounding::Floor), [1, 2, 3, 4]);
        assert_eq!(crop(&values, 4, CropRounding::HalfToEven), [1, 2, 3, 4]);
        assert_eq!(crop(&values, 2, CropRounding::Floor), [2, 3]);
        assert_eq!(crop(&values, 2, CropRounding::HalfToEven), [3, 4]);
        assert_eq!(crop(&values, 3, CropRounding::HalfToEven), [2, 3, 4]);
    }

    #[test]
    fn a_small_image_gets_black_around_it() {
        assert_eq!(crop(&[9], 2, CropRounding::Floor), [0, 9]);
        assert_eq!(crop(&[9], 3, CropRounding::Floor), [0, 9, 0]);
    }
}
