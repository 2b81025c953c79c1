//! JPEG, with the arithmetic of libjpeg-turbo, which Pillow uses too.

mod segments;

use std::any::Any;
use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use mozjpeg::{ColorSpace, Compress, Decompress};

use super::{Header, ImageError, MAX_SCANS, RgbImage, check_size, exif};
use segments::{Segments, Survey};

/// How APP1 begins where it holds EXIF.
const EXIF: &[u8] = b"Exif\0\0";

/// What of a file can be told from its first scan's header.
pub(super) fn header(file: impl BufRead, path: &Path) -> Result<Header, ImageError> {
    let mut segments = Segments::new(file);
    let survey = segments.until_scan().map_err(|e| failed(&e, path))?;
    let Some(frame) = &survey.frame else {
        let found = "no image in the JPEG file".to_owned();
        return Err(ImageError::Damaged { path: path.to_owned(), found });
    };
    let size = check_size(frame.width.into(), frame.height.into(), path)?;
    let pixels = (size.0 * size.1) as u64;
    // Where there are several scans, libjpeg holds all coefficients, two bytes each.
    let held = if survey.several_scans() { frame.coefficients() * 2 } else { 0 };
    let components = frame.sampling.len() as u64;
    let rows = u64::from(frame.width) * components * 64 + (1 << 18);
    Ok(Header::new(size, 3 * pixels + held + rows))
}

/// The EXIF orientation.
pub(super) fn orientation(bytes: &[u8]) -> Option<u16> {
    let mut segments = Segments::new(bytes);
    while let Ok(Some(marker)) = segments.next() {
        match marker {
            segments::SOS => return None,
            segments::APP1 if segments.payload().starts_with(EXIF) => {
                return exif::orientation(&segments.payload()[EXIF.len()..]);
            }
            _ => {}
        }
    }
    None
}

pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<RgbImage, ImageError> {
    check_scans(bytes, path)?;
    guarded(path, || {
        let io_error = |e: io::Error| failed(&e, path);
        let ended = Cell::new(false);
        let source = JpegBytes { rest: bytes, ended: &ended };
        let header = Decompress::new_reader(source).map_err(io_error)?;
        let (width, height) = check_size(header.width() as u64, header.height() as u64, path)?;
        let mut pixels = vec![0; 3 * width * height];
        match header.color_space() {
            ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK => {
                let mut started = header.to_colorspace(ColorSpace::JCS_CMYK).map_err(io_error)?;
                let mut inks = vec![[0; 4]; width];
                for row in pixels.chunks_exact_mut(3 * width) {
                    started.read_scanlines_into(&mut inks).map_err(io_error)?;
                    // Pillow takes inks as Adobe writes them, inverted, also without its marker.
                    for (rgb, ink) in row.as_chunks_mut::<3>().0.iter_mut().zip(&inks) {
                        *rgb = rgb_of_cmyk(ink.map(|i| 255 - i));
                    }
                }
            }
            ColorSpace::JCS_GRAYSCALE => {
                let mut started = header.grayscale().map_err(io_error)?;
                let mut grey = vec![0_u8; width];
                for row in pixels.chunks_exact_mut(3 * width) {
                    started.read_scanlines_into(&mut grey).map_err(io_error)?;
                    for (rgb, grey) in row.as_chunks_mut::<3>().0.iter_mut().zip(&grey) {
                        *rgb = [*grey; 3];
                    }
                }
            }
            _ => {
                let mut started = header.rgb().map_err(io_error)?;
                started.read_scanlines_into(&mut pixels).map_err(io_error)?;
            }
        };
        match ended.get() {
            true => Err(ImageError::Truncated { path: path.to_owned() }),
            false => Ok(RgbImage::new(width, height, pixels)),
        }
    })
}

/// Refuses a file with more scans than any encoder writes: each goes over the whole image again, so
/// that a small file could take hours.
fn check_scans(bytes: &[u8], path: &Path) -> Result<(), ImageError> {
    let Survey { scans, .. } = Segments::new(bytes).all();
    match scans > MAX_SCANS {
        true => Err(ImageError::Scans { path: path.to_owned(), scans }),
        false => Ok(()),
    }
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
struct JpegBytes<'a> {
    rest: &'a [u8],
    ended: &'a Cell<bool>,
}

impl Read for JpegBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for JpegBytes<'_> {
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

/// Pillow's conversion.
pub(super) fn rgb_of_cmyk([c, m, y, k]: [u8; 4]) -> [u8; 3] {
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
pub(super) fn guarded<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, ImageError>,
) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        Err(ImageError::Damaged { path: path.to_owned(), found: message(&*payload) })
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<String>()
        .map(|text| text.trim_start_matches("libjpeg fatal error: ").to_owned())
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "the decoder gave up".to_owned())
}

/// The decoder waits for more input where a file ends too early.
fn failed(error: &io::Error, path: &Path) -> ImageError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ImageError::Truncated { path: path.to_owned() },
        _ => ImageError::Damaged { path: path.to_owned(), found: error.to_string() },
    }
}
