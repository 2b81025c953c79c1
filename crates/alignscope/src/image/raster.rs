//! BMP and WebP; and writing PNG.

use std::io::{BufRead, Cursor, Seek};
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::error::ImageError as DecodeError;
use image::{ColorType, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader};

use super::samples::Samples;
use super::{Decoded, Header, ImageError, RgbImage, check_size, exif};

pub(super) fn header(
    mut file: impl BufRead + Seek,
    format: ImageFormat,
    path: &Path,
) -> Result<Header, ImageError> {
    let mut beginning = [0; 32];
    let read = read_some(&mut file, &mut beginning).map_err(|e| failed(e.into(), path))?;
    file.rewind().map_err(|e| failed(e.into(), path))?;
    let decoder = decoder(file, format, path)?;
    let (width, height) = decoder.dimensions();
    let size = check_size(width.into(), height.into(), path)?;
    let samples = samples(&decoder, path)?;
    let pixels = (size.0 * size.1) as u64;
    let held = match format {
        ImageFormat::WebP => webp_bytes(&beginning[..read]) * pixels,
        _ => 0,
    };
    Ok(Header::new(size, samples.converting_bytes(size) + held + (1 << 20)))
}

/// Bytes of a pixel that the decoder of WebP holds beside what it gives.
fn webp_bytes(beginning: &[u8]) -> u64 {
    // A canvas and a frame beside one of the others; brightness, colours, and alpha with its own
    // image; four samples; brightness and colours.
    const ANIMATION: u8 = 2;
    match (beginning.get(12..16), beginning.get(20)) {
        (Some(b"VP8X"), Some(flags)) if flags & ANIMATION != 0 => 15,
        (Some(b"VP8X"), _) => 8,
        (Some(b"VP8L"), _) => 5,
        _ => 2,
    }
}

fn read_some(file: &mut impl BufRead, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read(&mut bytes[read..])? {
            0 => break,
            n => read += n,
        }
    }
    Ok(read)
}

pub(super) fn decode(
    bytes: &[u8],
    format: ImageFormat,
    path: &Path,
) -> Result<Decoded, ImageError> {
    let decoder = decoder(Cursor::new(bytes), format, path)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = check_size(width.into(), height.into(), path)?;
    let samples = samples(&decoder, path)?;
    let mut pixels = vec![0; width * height * samples.bytes()];
    decoder.read_image(&mut pixels).map_err(|e| failed(e, path))?;
    let (mut pixels, saturated) = samples.into_rgb(pixels);
    if format == ImageFormat::Bmp
        && let Some(bits) = bits_of_bmp(bytes, path)?
    {
        for pixel in pixels.as_chunks_mut::<3>().0 {
            for (value, bits) in pixel.iter_mut().zip(bits) {
                *value = as_pillow_widens(*value, bits);
            }
        }
    }
    Ok(Decoded { image: RgbImage::new(width, height, pixels), saturated })
}

/// Bits of red, green and blue of a BMP of 16 bits a pixel; `None` for others.
///
/// # Errors
/// The bits lie as Pillow does not know them.
fn bits_of_bmp(bytes: &[u8], path: &Path) -> Result<Option<[u32; 3]>, ImageError> {
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    // Where the header of the image says its own length, bits a pixel, and how they are packed.
    const CORE_HEADER: u32 = 12;
    if word(14).is_none_or(|length| length <= CORE_HEADER)
        || word(28).is_none_or(|both| both & 0xffff != 16)
    {
        return Ok(None);
    }
    const BIT_FIELDS: u32 = 3;
    if word(30) != Some(BIT_FIELDS) {
        return Ok(Some([5, 5, 5]));
    }
    match [word(54), word(58), word(62)] {
        [Some(0xf800), Some(0x7e0), Some(0x1f)] => Ok(Some([5, 6, 5])),
        [Some(0x7c00), Some(0x3e0), Some(0x1f)] => Ok(Some([5, 5, 5])),
        _ => {
            let found = "a BMP of 16 bits a pixel with unusual bit fields".to_owned();
            Err(ImageError::Kind { path: path.to_owned(), found })
        }
    }
}

/// A value of some bits that was widened to 8 and rounded, as Pillow widens it: rounded down.
fn as_pillow_widens(value: u8, bits: u32) -> u8 {
    let most = (1_u32 << bits) - 1;
    let narrow = (u32::from(value) * most + 127) / 255;
    (narrow * 255 / most) as u8
}

/// The EXIF orientation of a WebP file.
pub(super) fn webp_orientation(bytes: &[u8]) -> Option<u16> {
    let mut rest = bytes.get(12..)?;
    // A name, a length, and so many bytes, filled up to an even number.
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, length @ ..] = head;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if [*a, *b, *c, *d] == *b"EXIF" {
            let chunk = after.get(..length)?;
            return exif::orientation(chunk.strip_prefix(b"Exif\0\0").unwrap_or(chunk));
        }
        rest = after.get(length.checked_next_multiple_of(2)?..)?;
    }
    None
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
    ImageReader::with_format(file, format).into_decoder().map_err(|e| failed(e, path))
}

/// How the decoder gives a pixel.
fn samples(decoder: &impl ImageDecoder, path: &Path) -> Result<Samples, ImageError> {
    let channels = match decoder.color_type() {
        ColorType::L8 => 1,
        ColorType::La8 => 2,
        ColorType::Rgb8 => 3,
        ColorType::Rgba8 => 4,
        other => {
            let found = format!("an image with pixels of kind {other:?}");
            return Err(ImageError::Kind { path: path.to_owned(), found });
        }
    };
    Ok(Samples { channels, wide: false, saturates: false })
}

fn failed(error: DecodeError, path: &Path) -> ImageError {
    let path = path.to_owned();
    match error {
        DecodeError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImageError::Truncated { path }
        }
        DecodeError::Unsupported(e) => {
            let found = format!("an image of a kind that its decoder does not know ({e})");
            ImageError::Kind { path, found }
        }
        other => ImageError::Damaged { path, found: other.to_string() },
    }
}
