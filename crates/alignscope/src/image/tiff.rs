//! TIFF: its first page.

use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use tiff::TiffError;
use tiff::decoder::{ChunkType, Decoder, Limits};
use tiff::tags::Tag;

use super::jpeg::{guarded, rgb_of_cmyk};
use super::{Decoded, Header, ImageError, MAX_PIXELS, RgbImage, check_size, exif};

/// What becomes of the samples of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colours {
    /// Of so many bits; where 0 is white, the decoder turns that round.
    Grey {
        bits: usize,
    },
    Palette {
        bits: usize,
    },
    /// 8 or 16 bits; whether the colours are multiplied with alpha.
    Rgb {
        wide: bool,
        premultiplied: bool,
    },
    /// 8 or 16 bits.
    Cmyk {
        wide: bool,
    },
}

/// What the first page is.
#[derive(Debug)]
struct Page {
    width: usize,
    height: usize,
    colours: Colours,
    /// Samples of a pixel that the decoder gives.
    samples: usize,
    /// Whether samples of a kind lie together, instead of those of a pixel.
    planar: bool,
    /// How the image is to be turned, as EXIF counts it.
    orientation: u16,
}

impl Page {
    /// Bytes of a row of a plane.
    fn row_bytes(&self) -> usize {
        let bits = match self.colours {
            Colours::Grey { bits } | Colours::Palette { bits } => bits,
            Colours::Rgb { wide, .. } | Colours::Cmyk { wide } => 8 << usize::from(wide),
        };
        let samples = if self.planar { 1 } else { self.samples };
        (self.width * samples * bits).div_ceil(8)
    }

    fn planes(&self) -> usize {
        if self.planar { self.samples } else { 1 }
    }

    /// Width and height as the image is to be seen.
    fn turned(&self) -> (usize, usize) {
        match self.orientation {
            5..=8 => (self.height, self.width),
            _ => (self.width, self.height),
        }
    }
}

/// What the list of a tag may take; the longest that is looked at is a palette of 3 × 256 numbers.
const MAX_LIST_BYTES: usize = 1 << 17;

pub(super) fn header(file: impl Read + Seek, path: &Path) -> Result<Header, ImageError> {
    let mut decoder = decoder(file, MAX_LIST_BYTES, path)?;
    let page = page(&mut decoder, path)?;
    let samples = (page.row_bytes() * page.height * page.planes()) as u64;
    let pixels = (page.width * page.height) as u64;
    let turned = if page.orientation > 1 { 3 * pixels } else { 0 };
    // Where a strip or tile begins and how long it is, as values of 32 bytes and as numbers.
    let parts = match decoder.get_chunk_type() {
        ChunkType::Strip => decoder.strip_count(),
        ChunkType::Tile => decoder.tile_count(),
    };
    let lists = (80 * page.planes()) as u64 * u64::from(parts.map_err(|e| failed(e, path))?);
    Ok(Header::new(page.turned(), samples + 3 * pixels + turned + lists + (1 << 17)))
}

pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<Decoded, ImageError> {
    let failed = |e| failed(e, path);
    let mut file = Patched { bytes: Cursor::new(bytes), at: 0, patch: [0; 2], patched: false };
    let mut first = decoder(&mut file, MAX_LIST_BYTES, path)?;
    let page = page(&mut first, path)?;
    let palette = match page.colours {
        Colours::Palette { bits } => {
            let palette: Option<Vec<u16>> =
                first.find_tag_unsigned_vec(Tag::ColorMap).map_err(failed)?;
            let entries = 1_usize << bits;
            let found = palette.as_ref().map_or(0, Vec::len);
            let Some(palette) = palette.filter(|_| found == 3 * entries) else {
                let found = format!("its palette has {found} numbers, expected {}", 3 * entries);
                return Err(ImageError::Damaged { path: path.to_owned(), found });
            };
            // Pillow keeps the high bytes.
            let part =
                |index: usize, channel: usize| (palette[channel * entries + index] >> 8) as u8;
            (0..entries).map(|i| [part(i, 0), part(i, 1), part(i, 2)]).collect()
        }
        _ => vec![],
    };
    drop(first);
    if let Colours::Palette { .. } = page.colours {
        // The decoder knows no palettes: it is told that the positions in it are grey.
        let Some(photometric) = exif::short(bytes, Tag::PhotometricInterpretation.to_u16()) else {
            let found = "its photometric interpretation is no short number".to_owned();
            return Err(ImageError::Damaged { path: path.to_owned(), found });
        };
        const BLACK_IS_ZERO: u16 = 1;
        file.at = photometric.offset as u64;
        file.patch = match photometric.big_endian {
            true => BLACK_IS_ZERO.to_be_bytes(),
            false => BLACK_IS_ZERO.to_le_bytes(),
        };
        file.patched = true;
    }
    file.bytes.set_position(0);
    let len = page.row_bytes() * page.height * page.planes();
    // The lists of strips stand in the file, a byte a value at least.
    let mut second = decoder(&mut file, len.max(32 * bytes.len()), path)?;
    let layout = second.image_buffer_layout().map_err(failed)?;
    if layout.complete_len != len {
        let found = format!("it has {} bytes of pixels, expected {len}", layout.complete_len);
        return Err(ImageError::Damaged { path: path.to_owned(), found });
    }
    let mut samples = vec![0; len];
    // The decoder asserts what a file may contradict.
    guarded(path, || second.read_image_bytes(&mut samples).map_err(failed))?;
    let mut saturated = false;
    let pixels = rgb(&page, &samples, &palette, &mut saturated);
    drop(samples);
    let image = turned(RgbImage::new(page.width, page.height, pixels), page.orientation);
    Ok(Decoded { image, saturated })
}

/// The pixels, as Pillow makes them of the samples.
fn rgb(page: &Page, samples: &[u8], palette: &[[u8; 3]], saturated: &mut bool) -> Vec<u8> {
    let Page { width, height, .. } = *page;
    let row = page.row_bytes();
    let mut pixels = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        let of_row = &samples[y * row..(y + 1) * row];
        // Of a sample of one or two bytes, as the machine has it, the high byte.
        let high = |x: usize, channel: usize, wide: bool| {
            let bytes = if wide { 2 } else { 1 };
            let at = match page.planar {
                true => (channel * height + y) * row + x * bytes,
                false => y * row + (x * page.samples + channel) * bytes,
            };
            match wide {
                true => (u16::from_ne_bytes([samples[at], samples[at + 1]]) >> 8) as u8,
                false => samples[at],
            }
        };
        match page.colours {
            Colours::Grey { bits: 16 } => {
                for sample in of_row.as_chunks::<2>().0 {
                    let value = u16::from_ne_bytes(*sample);
                    *saturated |= value > 255;
                    pixels.extend([value.min(255) as u8; 3]);
                }
            }
            Colours::Grey { bits: 8 } => {
                (0..width).for_each(|x| pixels.extend([high(x, 0, false); 3]));
            }
            Colours::Grey { bits } => {
                let scale = 255 / ((1 << bits) - 1);
                pixels.extend(packed(of_row, bits, width).flat_map(|value| [value * scale; 3]));
            }
            Colours::Palette { bits } => {
                pixels.extend(packed(of_row, bits, width).flat_map(|i| palette[usize::from(i)]));
            }
            Colours::Rgb { wide, premultiplied } => {
                for x in 0..width {
                    let colours = [0, 1, 2].map(|channel| high(x, channel, wide));
                    let alpha = if premultiplied { high(x, 3, wide) } else { 255 };
                    pixels.extend(colours.map(|colour| divided(colour, alpha)));
                }
            }
            Colours::Cmyk { wide } => {
                for x in 0..width {
                    let ink = [0, 1, 2, 3].map(|channel| high(x, channel, wide));
                    pixels.extend(rgb_of_cmyk(ink));
                }
            }
        }
    }
    pixels
}

/// Pillow's division of a colour that was multiplied with alpha.
fn divided(colour: u8, alpha: u8) -> u8 {
    match alpha {
        0 => 0,
        255 => colour,
        _ => (u32::from(colour) * 255 / u32::from(alpha)).min(255) as u8,
    }
}

/// The numbers of 1, 2, 4 or 8 bits of a row.
fn packed(row: &[u8], bits: usize, width: usize) -> impl Iterator<Item = u8> {
    let in_byte = 8 / bits;
    let mask = (0xff_u16 >> (8 - bits)) as u8;
    (0..width).map(move |x| row[x / in_byte] >> (8 - bits - x % in_byte * bits) & mask)
}

/// The image as its orientation says that it is to be seen; Pillow turns TIFF, and only TIFF.
fn turned(image: RgbImage, orientation: u16) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    if !(2..=8).contains(&orientation) {
        return image;
    }
    let (to_width, to_height) = if orientation < 5 { (width, height) } else { (height, width) };
    let mut pixels = Vec::with_capacity(image.pixels().len());
    for y in 0..to_height {
        for x in 0..to_width {
            let (last_x, last_y) = (width - 1, height - 1);
            let (from_x, from_y) = match orientation {
                2 => (last_x - x, y),
                3 => (last_x - x, last_y - y),
                4 => (x, last_y - y),
                5 => (y, x),
                6 => (y, last_y - x),
                7 => (last_x - y, last_y - x),
                _ => (last_x - y, x),
            };
            let at = 3 * (from_y * width + from_x);
            pixels.extend_from_slice(&image.pixels()[at..at + 3]);
        }
    }
    RgbImage::new(to_width, to_height, pixels)
}

/// A decoder that asks for no more than `bytes` for the pixels, or for a list of the directory,
/// whose values it holds in 32 bytes each, however many the file says there are.
fn decoder<R: Read + Seek>(file: R, bytes: usize, path: &Path) -> Result<Decoder<R>, ImageError> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = bytes;
    limits.intermediate_buffer_size = usize::MAX;
    Ok(Decoder::new(file).map_err(|e| failed(e, path))?.with_limits(limits))
}

/// Looks through the tags, and refuses what would not be read as Pillow reads it.
fn page<R: Read + Seek>(decoder: &mut Decoder<R>, path: &Path) -> Result<Page, ImageError> {
    let failed = |e| failed(e, path);
    let refuse = |found: String| {
        Err(ImageError::Kind { path: path.to_owned(), found: format!("a TIFF {found}") })
    };
    let (width, height) = decoder.dimensions().map_err(failed)?;
    let (width, height) = check_size(width.into(), height.into(), path)?;
    let mut list = |tag| decoder.find_tag_unsigned_vec::<u32>(tag).map_err(failed);
    let mut number = |tag, default| {
        Ok::<u32, ImageError>(list(tag)?.and_then(|l| l.first().copied()).unwrap_or(default))
    };
    let compression = number(Tag::Compression, 1)?;
    let photometric = number(Tag::PhotometricInterpretation, 0)?;
    let samples = number(Tag::SamplesPerPixel, 1)? as usize;
    let planar = number(Tag::PlanarConfiguration, 1)? == 2;
    let fill_order = number(Tag::FillOrder, 1)?;
    let predictor = number(Tag::Predictor, 1)?;
    let orientation = number(Tag::Orientation, 1)?;
    let bits = list(Tag::BitsPerSample)?.unwrap_or_else(|| vec![1]);
    let formats = list(Tag::SampleFormat)?.unwrap_or_else(|| vec![1]);
    let extra = list(Tag::ExtraSamples)?.unwrap_or_default();
    check_tiles(decoder, (width, height), path)?;

    let method = match compression {
        1 | 4 | 5 | 8 | 32_773 | 32_946 => None,
        2 | 3 => Some("CCITT's compression of group 3".to_owned()),
        6 | 7 => Some("JPEG inside".to_owned()),
        34_925 => Some("LZMA compression".to_owned()),
        50_000 => Some("Zstandard compression".to_owned()),
        50_001 => Some("WebP inside".to_owned()),
        other => Some(format!("compression {other}")),
    };
    if let Some(method) = method {
        return refuse(format!("with {method}"));
    }
    if fill_order != 1 {
        return refuse("whose bits are in reverse order (fill order 2)".to_owned());
    }
    let Some(bits) = bits.first().copied().filter(|first| bits.iter().all(|b| b == first)) else {
        return refuse(format!("whose samples have {bits:?} bits"));
    };
    match formats.iter().find(|format| **format != 1) {
        Some(2) => return refuse(format!("of signed numbers of {bits} bits")),
        Some(3) => return refuse(format!("of floating-point numbers of {bits} bits")),
        Some(other) => return refuse(format!("of numbers of format {other}")),
        None => {}
    }
    let wide = bits == 16;
    let alpha = extra.first().copied();
    let colours = match (photometric, bits, samples) {
        (0 | 1, 1 | 2 | 4 | 8, 1) | (1, 16, 1) => Colours::Grey { bits: bits as usize },
        // Unspecified, or alpha that colours are not multiplied with.
        (1, 8, 2) if matches!(alpha, Some(0 | 2)) => Colours::Grey { bits: 8 },
        (2, 8 | 16, 3) => Colours::Rgb { wide, premultiplied: false },
        (2, 8 | 16, 4) if extra.len() <= 1 && matches!(alpha, None | Some(0..=2)) => {
            Colours::Rgb { wide, premultiplied: alpha == Some(1) }
        }
        (3, 1 | 2 | 4 | 8, 1) => Colours::Palette { bits: bits as usize },
        (5, 8 | 16, 4) if extra.is_empty() => Colours::Cmyk { wide },
        _ => {
            let kind = match photometric {
                0 => "grey from white",
                1 => "grey",
                2 => "RGB",
                3 => "a palette",
                5 => "CMYK",
                6 => "YCbCr",
                8..=10 => "L*a*b*",
                _ => "an unknown kind of colour",
            };
            let noun = if samples == 1 { "sample" } else { "samples" };
            return refuse(format!("of {kind}, {samples} {noun} a pixel of {bits} bits"));
        }
    };
    if planar && decoder.get_chunk_type() == ChunkType::Tile {
        // The decoder takes the room of a tile of all samples for one of each.
        return refuse("with tiles whose samples lie apart".to_owned());
    }
    // With a sample that is not used, the decoder would add up the wrong ones.
    let unused = samples == 4 && alpha == Some(0) || samples == 2;
    if predictor == 3 || predictor == 2 && (bits < 8 || unused && !planar) {
        return refuse(format!("with predictor {predictor} for {samples} samples of {bits} bits"));
    }
    let orientation = u16::try_from(orientation).unwrap_or(1);
    // One beside the colours that is not alpha is not given.
    let samples = if photometric == 2 && alpha == Some(0) { 3 } else { samples };
    Ok(Page { width, height, colours, samples, planar, orientation })
}

/// Refuses tiles that are far larger than the image: all of them would be decompressed.
fn check_tiles<R: Read + Seek>(
    decoder: &mut Decoder<R>,
    (width, height): (usize, usize),
    path: &Path,
) -> Result<(), ImageError> {
    let side = |decoder: &mut Decoder<R>, tag| {
        decoder.find_tag_unsigned::<u32>(tag).map_err(|e| failed(e, path))
    };
    let (Some(across), Some(down)) =
        (side(decoder, Tag::TileWidth)?, side(decoder, Tag::TileLength)?)
    else {
        return Ok(());
    };
    let covered = |pixels: usize, tile: u32| (pixels as u64).next_multiple_of(tile.max(1).into());
    match covered(width, across).checked_mul(covered(height, down)) {
        Some(0..=MAX_PIXELS) => Ok(()),
        _ => {
            let found = format!("its tiles of {across} × {down} pixels are larger than any image");
            Err(ImageError::Damaged { path: path.to_owned(), found })
        }
    }
}

fn failed(error: TiffError, path: &Path) -> ImageError {
    let path = path.to_owned();
    match error {
        TiffError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            ImageError::Truncated { path }
        }
        TiffError::UnsupportedError(e) => {
            let found = format!("a TIFF of a kind that its decoder does not know ({e})");
            ImageError::Kind { path, found }
        }
        other => ImageError::Damaged { path, found: other.to_string() },
    }
}

/// A file's bytes, two of which are read as others.
struct Patched<'a> {
    bytes: Cursor<&'a [u8]>,
    at: u64,
    patch: [u8; 2],
    patched: bool,
}

impl Read for Patched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let start = self.bytes.position();
        let read = self.bytes.read(buffer)?;
        for (at, byte) in (self.at..).zip(self.patch).filter(|_| self.patched) {
            if (start..start + read as u64).contains(&at) {
                buffer[(at - start) as usize] = byte;
            }
        }
        Ok(read)
    }
}

impl Seek for Patched<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.bytes.seek(to)
    }
}
