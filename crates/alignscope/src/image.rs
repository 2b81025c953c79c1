//! A file to 8-bit RGB pixels, as Pillow's `Image.open(file).convert("RGB")` gives them.

mod ahead;
mod error;
mod jpeg;
mod raster;

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

use crate::input_file::ContentHash;
use image::ImageFormat;

pub(crate) use ahead::{READERS, ReadAhead, read_ahead};
pub use error::ImageError;

/// An image of more pixels is refused before anything is allocated: the number above which Pillow
/// raises `DecompressionBombError`.
pub const MAX_PIXELS: u64 = 178_956_970;

/// An image in 8-bit RGB.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbImage {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl fmt::Debug for RgbImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RgbImage({} × {})", self.width, self.height)
    }
}

impl RgbImage {
    /// An image of the given pixels, `[height, width, 3]`.
    ///
    /// # Panics
    /// There are not `height · width · 3` values, or none.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Self {
        assert!(width > 0 && height > 0, "an image of {width} × {height}");
        assert_eq!(pixels.len(), width * height * 3, "[height, width, 3]");
        Self { width, height, pixels }
    }

    /// Reads and decodes a PNG, JPEG, BMP, WebP or TIFF file; its content tells which, not its
    /// name.
    ///
    /// Grey is repeated, palettes are looked up, alpha is dropped, 16-bit colour keeps its high
    /// byte, 16-bit grey saturates at 255, CMYK is converted, and EXIF orientation is ignored: all
    /// as Pillow does.
    ///
    /// # Errors
    /// The file cannot be read, is of no such format, is damaged or truncated, or has more than
    /// [`MAX_PIXELS`].
    pub fn open(path: &Path) -> Result<Self, ImageError> {
        Self::decode(&read(path)?, path)
    }

    /// Decodes a file's bytes; `path` is for messages.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self, ImageError> {
        match format(bytes, path)? {
            ImageFormat::Jpeg => jpeg::decode(bytes, path),
            other => raster::decode(bytes, other, path),
        }
    }

    /// Width and height, from the file's header alone.
    ///
    /// # Errors
    /// As for [`open`](Self::open), but for damage beyond the header.
    pub fn dimensions(path: &Path) -> Result<(usize, usize), ImageError> {
        let error = |source| ImageError::Read { path: path.to_owned(), source };
        let mut file = BufReader::new(File::open(path).map_err(error)?);
        let first = file.fill_buf().map_err(error)?;
        if first.is_empty() {
            return Err(ImageError::Empty { path: path.to_owned() });
        }
        let format = format(first, path)?;
        header(file, format, path)
    }

    /// Root mean square difference of 8-bit RGB to another image, 0 to 255, over pixels and
    /// channels.
    ///
    /// # Panics
    /// The images differ in size.
    pub fn rms_difference(&self, other: &Self) -> f64 {
        assert_eq!((self.width, self.height), (other.width, other.height), "images of one size");
        // A row of squares below 2^16 fits 32 bits; the whole needs 64.
        let sum: u64 = self
            .pixels
            .chunks(4096)
            .zip(other.pixels.chunks(4096))
            .map(|(a, b)| {
                let squares = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2));
                u64::from(squares.sum::<u32>())
            })
            .sum();
        (sum as f64 / self.pixels.len() as f64).sqrt()
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The image as a PNG file.
    pub fn to_png(&self) -> Vec<u8> {
        raster::png(self)
    }

    /// The image as a JPEG file; `quality` from 1 to 100.
    ///
    /// # Errors
    /// libjpeg fails.
    pub fn to_jpeg(&self, quality: f32) -> std::io::Result<Vec<u8>> {
        jpeg::encode(self, quality)
    }

    /// The pixels, `[height, width, 3]`, 0 to 255.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

fn header(
    file: impl BufRead + Seek,
    format: ImageFormat,
    path: &Path,
) -> Result<(usize, usize), ImageError> {
    match format {
        ImageFormat::Jpeg => jpeg::dimensions(file, path),
        other => raster::dimensions(file, other, path),
    }
}

/// What is known of an image's file once it was read and decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Examined {
    /// Width and height in pixels.
    pub(crate) size: (usize, usize),
    /// Bytes of the file.
    pub(crate) bytes: u64,
    pub(crate) hash: ContentHash,
}

/// Reads, hashes and decodes a file.
pub(crate) fn examine(path: &Path) -> Result<Examined, ImageError> {
    let bytes = read(path)?;
    let image = RgbImage::decode(&bytes, path)?;
    let size = (image.width, image.height);
    Ok(Examined { size, bytes: bytes.len() as u64, hash: ContentHash::of(&bytes) })
}

/// The bytes of a file, of which there must be some.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    let bytes =
        std::fs::read(path).map_err(|source| ImageError::Read { path: path.to_owned(), source })?;
    match bytes.is_empty() {
        true => Err(ImageError::Empty { path: path.to_owned() }),
        false => Ok(bytes),
    }
}

fn format(bytes: &[u8], path: &Path) -> Result<ImageFormat, ImageError> {
    use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    match image::guess_format(bytes) {
        Ok(format @ (Bmp | Jpeg | Png | Tiff | WebP)) => Ok(format),
        other => Err(ImageError::Format {
            path: path.to_owned(),
            found: match other {
                Ok(format) => format!("{format:?}"),
                Err(_) => format!("a file that begins with {}", beginning(bytes)),
            },
        }),
    }
}

/// The first bytes of a file, for a message: as text where they are text.
fn beginning(bytes: &[u8]) -> String {
    let first = &bytes[..bytes.len().min(12)];
    match std::str::from_utf8(first) {
        Ok(text) if !text.chars().any(|c| c.is_control() && c != '\n') => format!("{text:?}"),
        _ => first.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" "),
    }
}

/// Refuses sizes that cannot be meant.
fn check_size(width: u64, height: u64, path: &Path) -> Result<(usize, usize), ImageError> {
    match width.checked_mul(height) {
        Some(1..=MAX_PIXELS) => Ok((width as usize, height as usize)),
        _ => Err(ImageError::Size { path: path.to_owned(), width, height }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_is_the_root_of_the_mean_square() {
        let image = |value| RgbImage::new(50, 70, vec![value; 3 * 50 * 70]);
        assert_eq!(image(0).rms_difference(&image(255)), 255.0);
        assert_eq!(image(10).rms_difference(&image(7)), 3.0);
        assert_eq!(image(9).rms_difference(&image(9)), 0.0);
        let one = RgbImage::new(1, 1, vec![0, 3, 4]);
        let other = RgbImage::new(1, 1, vec![0, 0, 0]);
        assert_eq!(one.rms_difference(&other), (25.0_f64 / 3.0).sqrt());
    }
}
