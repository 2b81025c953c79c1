//! PNG.

use std::io::{BufRead, Cursor, ErrorKind, Seek, SeekFrom};
use std::path::Path;

use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Reader, Transformations};

use super::samples::Samples;
use super::{Decoded, Header, ImageError, RgbImage, check_size, exif};

/// Bytes of chunks beside the pixels that are read at most, such as EXIF; texts and profiles are
/// not read at all.
const CHUNK_BYTES: usize = 16 << 20;

/// Numbers of a row that the decoder holds.
const ROWS: u64 = 4;

pub(super) fn header(mut file: impl BufRead + Seek, path: &Path) -> Result<Header, ImageError> {
    let length = file.seek(SeekFrom::End(0)).and_then(|length| file.rewind().map(|()| length));
    let length = length.map_err(|e| failed(e.into(), path))?;
    let reader = reader(file, path)?;
    let info = reader.info();
    let size = (info.width as usize, info.height as usize);
    let samples = samples(&reader);
    let row = (size.0 * samples.bytes()) as u64;
    // Chunks are not compressed; one is held as it is read, and once more.
    let chunks = 2 * length.min(CHUNK_BYTES as u64) + (1 << 17);
    Ok(Header::new(size, samples.converting_bytes(size) + ROWS * row + chunks))
}

pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<Decoded, ImageError> {
    let mut reader = reader(Cursor::new(bytes), path)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let samples = samples(&reader);
    let mut pixels = vec![0; width * height * samples.bytes()];
    reader.next_frame(&mut pixels).map_err(|e| failed(e, path))?;
    let (pixels, saturated) = samples.into_rgb(pixels);
    Ok(Decoded { image: RgbImage::new(width, height, pixels), saturated })
}

/// The EXIF orientation.
pub(super) fn orientation(bytes: &[u8]) -> Option<u16> {
    let mut rest = bytes.get(8..)?;
    // A length, a name, so many bytes, and a checksum.
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let [length @ .., a, b, c, d] = head;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        if [*a, *b, *c, *d] == *b"eXIf" {
            return exif::orientation(after.get(..length)?);
        }
        rest = after.get(length.checked_add(4)?..)?;
    }
    None
}

fn reader<R: BufRead + Seek>(file: R, path: &Path) -> Result<Reader<R>, ImageError> {
    let failed = |e| failed(e, path);
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes: CHUNK_BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let info = decoder.read_header_info().map_err(failed)?;
    let (width, _) = check_size(info.width.into(), info.height.into(), path)?;
    // A row, of up to eight bytes a pixel, counts too.
    decoder.set_limits(Limits { bytes: CHUNK_BYTES + 8 * width });
    decoder.read_info().map_err(failed)
}

/// How a pixel is given.
fn samples<R: BufRead + Seek>(reader: &Reader<R>) -> Samples {
    let (color, depth) = reader.output_color_type();
    let channels = match color {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        // A palette is looked up by the decoder.
        ColorType::Rgb | ColorType::Indexed => 3,
        ColorType::Rgba => 4,
    };
    let info = reader.info();
    // Pillow opens 16-bit grey as its mode I;16, which saturates, unless it has a channel of alpha.
    let saturates = info.color_type == ColorType::Grayscale && info.bit_depth == BitDepth::Sixteen;
    Samples { channels, wide: depth == BitDepth::Sixteen, saturates }
}

fn failed(error: DecodingError, path: &Path) -> ImageError {
    let path = path.to_owned();
    match error {
        DecodingError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            ImageError::Truncated { path }
        }
        other => ImageError::Damaged { path, found: other.to_string() },
    }
}
