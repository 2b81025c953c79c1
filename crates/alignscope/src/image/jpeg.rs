//! JPEG, with the arithmetic of libjpeg-turbo, which Pillow uses too.

use std::any::Any;
use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use mozjpeg::{ColorSpace, Compress, Decompress, Marker};

use super::{ImageError, RgbImage, check_size};

pub(super) fn dimensions(file: impl BufRead, path: &Path) -> Result<(usize, usize), ImageError> {
    guarded(path, || {
        let header = Decompress::new_reader(file).map_err(|e| failed(&e, path))?;
        check_size(header.width() as u64, header.height() as u64, path)
    })
}

pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<RgbImage, ImageError> {
    guarded(path, || {
        let io_error = |e: io::Error| failed(&e, path);
        let ended = Cell::new(false);
        let source = Source { rest: bytes, ended: &ended };
        let header =
            Decompress::with_markers(&[Marker::APP(14)]).from_reader(source).map_err(io_error)?;
        let (width, height) = check_size(header.width() as u64, header.height() as u64, path)?;
        let inverted = header.markers().any(|marker| marker.data.starts_with(b"Adobe"));
        let pixels = match header.color_space() {
            ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK => {
                let mut started = header.to_colorspace(ColorSpace::JCS_CMYK).map_err(io_error)?;
                let inks: Vec<[u8; 4]> = started.read_scanlines().map_err(io_error)?;
                inks.into_iter().flat_map(|ink| rgb_of_cmyk(ink, inverted)).collect()
            }
            ColorSpace::JCS_GRAYSCALE => {
                let mut started = header.grayscale().map_err(io_error)?;
                let grey: Vec<u8> = started.read_scanlines().map_err(io_error)?;
                grey.into_iter().flat_map(|g| [g; 3]).collect()
            }
            _ => header.rgb().map_err(io_error)?.read_scanlines().map_err(io_error)?,
        };
        match ended.get() {
            true => Err(ImageError::Truncated { path: path.to_owned() }),
            false => Ok(RgbImage::new(width, height, pixels)),
        }
    })
}

/// An image as a JPEG file, for pages; `quality` from 1 to 100.
pub(super) fn encode(image: &RgbImage, quality: f32) -> io::Result<Vec<u8>> {
    let work = || {
        let mut settings = Compress::new(ColorSpace::JCS_RGB);
        settings.set_size(image.width(), image.height());
        settings.set_quality(quality);
        let mut started = settings.start_compress(Vec::new())?;
        started.write_scanlines(image.pixels())?;
        started.finish()
    };
    // The library panics where libjpeg fails.
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(io::Error::other("libjpeg cannot write the image")))
}

/// A file's bytes, which remembers whether more were asked for than there are. libjpeg then makes
/// up an end of the image and goes on in grey; Pillow calls it truncated, and so do we.
struct Source<'a> {
    rest: &'a [u8],
    ended: &'a Cell<bool>,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest.is_empty() {
            self.ended.set(true);
        }
        Ok(self.rest)
    }

    fn consume(&mut self, n: usize) {
        self.rest = &self.rest[n..];
    }
}

/// Pillow's conversion; Adobe writes inks inverted.
fn rgb_of_cmyk(ink: [u8; 4], inverted: bool) -> [u8; 3] {
    let [c, m, y, k] = if inverted { ink.map(|i| 255 - i) } else { ink };
    let light = u32::from(255 - k);
    [c, m, y].map(|ink| {
        // Pillow's MULDIV255: ink · light / 255, rounded.
        let product = u32::from(ink) * light + 128;
        let absorbed = ((product >> 8) + product) >> 8;
        (light - absorbed.min(light)) as u8
    })
}

/// The decoder unwinds on a fatal error, with libjpeg's own message and without calling the panic
/// hook; that is caught here. Nothing that was being built outlives the closure.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        Err(ImageError::Damaged { path: path.to_owned(), found: message(&*payload) })
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<String>()
        .map(|text| text.trim_start_matches("libjpeg fatal error: ").to_owned())
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "the JPEG decoder gave up".to_owned())
}

/// The decoder waits for more input where a file ends too early.
fn failed(error: &io::Error, path: &Path) -> ImageError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ImageError::Truncated { path: path.to_owned() },
        _ => ImageError::Damaged { path: path.to_owned(), found: error.to_string() },
    }
}
