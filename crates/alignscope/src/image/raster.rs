//! PNG, BMP, WebP and TIFF.

use std::io::{BufRead, Cursor, Seek};
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::error::ImageError as DecodeError;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits,
};

use super::{ImageError, MAX_PIXELS, RgbImage, check_size};

pub(super) fn dimensions(
    file: impl BufRead + Seek,
    format: ImageFormat,
    path: &Path,
) -> Result<(usize, usize), ImageError> {
    let decoder = decoder(file, format, path)?;
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into(), path)
}

pub(super) fn decode(
    bytes: &[u8],
    format: ImageFormat,
    path: &Path,
) -> Result<RgbImage, ImageError> {
    let decoder = decoder(Cursor::new(bytes), format, path)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = check_size(width.into(), height.into(), path)?;
    let stored = decoder.original_color_type();
    let decoded = DynamicImage::from_decoder(decoder).map_err(|e| failed(e, path))?;
    let pixels =
        rgb(decoded, stored).map_err(|found| ImageError::Kind { path: path.to_owned(), found })?;
    Ok(RgbImage::new(width, height, pixels))
}

/// An image as a PNG file.
pub(super) fn png(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let side = |n: usize| u32::try_from(n).expect("a side within the limit of pixels");
    PngEncoder::new(&mut bytes)
        .write_image(
            image.pixels(),
            side(image.width()),
            side(image.height()),
            ExtendedColorType::Rgb8,
        )
        .expect("writing to memory does not fail");
    bytes
}

fn decoder<'a>(
    file: impl BufRead + Seek + 'a,
    format: ImageFormat,
    path: &Path,
) -> Result<impl ImageDecoder + 'a, ImageError> {
    let mut reader = ImageReader::with_format(file, format);
    // Sizes are checked before pixels are allocated; this bounds what a header can ask for
    // beside them (palettes, profiles, strips): 8 bytes a pixel of the largest image, and some.
    let mut limits = Limits::default();
    limits.max_alloc = Some(8 * MAX_PIXELS + (64 << 20));
    reader.limits(limits);
    reader.into_decoder().map_err(|e| failed(e, path))
}

/// 8-bit RGB as Pillow converts it.
fn rgb(image: DynamicImage, stored: ExtendedColorType) -> Result<Vec<u8>, String> {
    // Pillow opens 16-bit grey as its mode I;16, which saturates; all other 16-bit pixels it reads
    // by their high byte.
    let saturates = stored == ExtendedColorType::L16;
    let grey16 = |value: u16| match saturates {
        true => value.min(255) as u8,
        false => (value >> 8) as u8,
    };
    Ok(match image {
        DynamicImage::ImageLuma8(i) => i.pixels().flat_map(|p| [p[0]; 3]).collect(),
        DynamicImage::ImageLumaA8(i) => i.pixels().flat_map(|p| [p[0]; 3]).collect(),
        DynamicImage::ImageRgb8(i) => i.into_raw(),
        DynamicImage::ImageRgba8(i) => i.pixels().flat_map(|p| [p[0], p[1], p[2]]).collect(),
        DynamicImage::ImageLuma16(i) => i.pixels().flat_map(|p| [grey16(p[0]); 3]).collect(),
        DynamicImage::ImageLumaA16(i) => i.pixels().flat_map(|p| [grey16(p[0]); 3]).collect(),
        DynamicImage::ImageRgb16(i) => {
            i.pixels().flat_map(|p| p.0.map(|v| (v >> 8) as u8)).collect()
        }
        DynamicImage::ImageRgba16(i) => {
            i.pixels().flat_map(|p| [p[0], p[1], p[2]].map(|v| (v >> 8) as u8)).collect()
        }
        other => return Err(format!("{:?}", other.color())),
    })
}

fn failed(error: DecodeError, path: &Path) -> ImageError {
    let path = path.to_owned();
    match error {
        DecodeError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImageError::Truncated { path }
        }
        DecodeError::Unsupported(e) => ImageError::Kind { path, found: e.to_string() },
        other => ImageError::Damaged { path, found: other.to_string() },
    }
}
