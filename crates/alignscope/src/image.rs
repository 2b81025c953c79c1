//! A file to 8-bit RGB pixels, as Pillow's `Image.open(file).convert("RGB")` gives them.

mod prefetch;
mod budget;
mod error;
mod exif;
mod jpeg;
mod png;
mod raster;
mod samples;
mod tiff;

use std::fmt;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use alignscope_kernel::squared_level_distance;

use crate::input_file;
use image::ImageFormat;

pub use budget::DecodingBudget;
pub(crate) use budget::{
    Examined, PROGRAM_BYTES, decoding_share, for_decoding_alone, notes_on_reading,
};
pub use error::ImageError;
pub(crate) use prefetch::{Prefetch, READERS, prefetch};

/// An image of more pixels is refused before anything is allocated: the number above which Pillow
/// raises `DecompressionBombError`.
pub const MAX_PIXELS: u64 = 178_956_970;

/// A file of more bytes is refused: the largest image takes 1.5 GB with 16 bits, not compressed, in
/// each of four samples.
pub const MAX_FILE_BYTES: u64 = 8 * MAX_PIXELS + (64 << 20);

/// A JPEG of more scans is refused: `cjpeg` and `jpegtran` write as many at most.
pub const MAX_SCANS: usize = 100;

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
    /// byte, 16-bit grey saturates at 255, CMYK is converted, and EXIF orientation is ignored but
    /// in TIFF: all as Pillow does.
    ///
    /// # Errors
    /// The file cannot be read, is no regular file, is of no such format or of a kind that is not
    /// read, is damaged or truncated, or has more than [`MAX_FILE_BYTES`], [`MAX_PIXELS`] or
    /// [`MAX_SCANS`].
    pub fn open(path: &Path) -> Result<Self, ImageError> {
        Self::decode(&read(path)?, path)
    }

    /// Decodes a file's bytes; `path` is for messages.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self, ImageError> {
        decode(bytes, path).map(|decoded| decoded.image)
    }

    /// Width and height, from the file's header alone.
    ///
    /// # Errors
    /// As for [`open`](Self::open), but for damage beyond the header.
    pub fn dimensions(path: &Path) -> Result<(usize, usize), ImageError> {
        header_of(path).map(|header| header.size)
    }

    /// Root mean square difference of 8-bit RGB to another image, 0 to 255, over pixels and
    /// channels.
    ///
    /// # Panics
    /// The images differ in size.
    pub fn rms_difference(&self, other: &Self) -> f64 {
        assert_eq!((self.width, self.height), (other.width, other.height), "images of one size");
        let sum = squared_level_distance(&self.pixels, &other.pixels);
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

/// What the beginning of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Width and height in pixels.
    pub(crate) size: (usize, usize),
    /// Bytes of memory that decoding takes at most, and making the image smaller.
    pub(crate) decoding_bytes: u64,
}

impl Header {
    /// Of an image of which decoding takes so many bytes, its pixels among them.
    fn new(size: (usize, usize), decoding: u64) -> Self {
        // The pixels, and the copy between the two passes of a resize.
        let resizing = 6 * (size.0 * size.1) as u64;
        Self { size, decoding_bytes: decoding.max(resizing) + (1 << 16) }
    }
}

/// What the header of a file says.
pub(crate) fn header_of(path: &Path) -> Result<Header, ImageError> {
    let error = |source| ImageError::Read { path: path.to_owned(), source };
    let mut file = BufReader::new(input_file::open(path).map_err(error)?);
    let first = file.fill_buf().map_err(error)?;
    if first.is_empty() {
        return Err(ImageError::Empty { path: path.to_owned() });
    }
    input_file::check_pointer(first).map_err(error)?;
    let format = format(first, path)?;
    header(file, format, path)
}

/// What the header among a file's bytes says.
pub(crate) fn header_in(bytes: &[u8], path: &Path) -> Result<Header, ImageError> {
    header(Cursor::new(bytes), format(bytes, path)?, path)
}

fn header(
    file: impl BufRead + Seek,
    format: ImageFormat,
    path: &Path,
) -> Result<Header, ImageError> {
    match format {
        ImageFormat::Jpeg => jpeg::header(file, path),
        ImageFormat::Png => png::header(file, path),
        ImageFormat::Tiff => tiff::header(file, path),
        other => raster::header(file, other, path),
    }
}

/// An image, and what became of it.
struct Decoded {
    image: RgbImage,
    /// Whether 16-bit grey above 255 became white.
    saturated: bool,
}

fn decode(bytes: &[u8], path: &Path) -> Result<Decoded, ImageError> {
    match format(bytes, path)? {
        ImageFormat::Jpeg => {
            jpeg::decode(bytes, path).map(|image| Decoded { image, saturated: false })
        }
        ImageFormat::Png => png::decode(bytes, path),
        ImageFormat::Tiff => tiff::decode(bytes, path),
        other => raster::decode(bytes, other, path),
    }
}

/// The EXIF orientation that is ignored, 2 to 8; none where there is none, and in TIFF, where it is
/// followed.
fn ignored_orientation(bytes: &[u8]) -> Option<u16> {
    match image::guess_format(bytes).ok()? {
        ImageFormat::Jpeg => jpeg::orientation(bytes),
        ImageFormat::Png => png::orientation(bytes),
        ImageFormat::WebP => raster::webp_orientation(bytes),
        _ => None,
    }
}

/// The bytes of a regular file, of which there must be some.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    let bytes = input_file::read(path, MAX_FILE_BYTES)
        .map_err(|source| ImageError::Read { path: path.to_owned(), source })?;
    match bytes.is_empty() {
        true => Err(ImageError::Empty { path: path.to_owned() }),
        false => Ok(bytes),
    }
}

fn format(bytes: &[u8], path: &Path) -> Result<ImageFormat, ImageError> {
    use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    // BigTIFF, which is not guessed.
    if bytes.starts_with(b"II\x2b\0") || bytes.starts_with(b"MM\0\x2b") {
        return Ok(Tiff);
    }
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

    fn golden(name: &str) -> Vec<u8> {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/image/files");
        std::fs::read(files.join(name)).expect(name)
    }

    const TURNED: [&str; 3] =
        ["rotated_by_exif.jpg", "rotated_by_exif.png", "rotated_by_exif.webp"];

    #[test]
    fn an_orientation_that_is_ignored_is_known_for_each_format() {
        for name in TURNED {
            assert_eq!(ignored_orientation(&golden(name)), Some(6), "{name}");
        }
        for name in ["420.jpg", "rgb.png", "lossy_alpha.webp", "rgb.bmp", "orientation_6.tif"] {
            assert_eq!(ignored_orientation(&golden(name)), None, "{name}");
        }
    }

    #[test]
    fn looking_for_an_orientation_stands_whatever_bytes() {
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        for name in TURNED {
            let original = golden(name);
            for _ in 0..3_000 {
                let mut bytes = original.clone();
                for _ in 0..1 + random(6) {
                    let at = 4 + random(bytes.len().min(300) - 4);
                    bytes[at] = [0, 1, 0x7f, 0x80, 0xff, random(256) as u8][random(6)];
                }
                bytes.truncate(4 + random(bytes.len()));
                let found = ignored_orientation(&bytes);
                assert!(found.is_none_or(|value| (2..=8).contains(&value)));
            }
        }
    }

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
