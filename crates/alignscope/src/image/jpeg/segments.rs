//! The segments of a JPEG file, read as libjpeg finds them: a marker, a length, and so many bytes.

use std::io::{self, BufRead, Read};

pub(super) const APP1: u8 = 0xe1;
pub(super) const SOS: u8 = 0xda;
const EOI: u8 = 0xd9;

/// Walks from marker to marker, over compressed pixels too.
pub(super) struct Segments<R> {
    reader: R,
    payload: Vec<u8>,
}

/// What the segments say.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) frame: Option<Frame>,
    /// How many scans there are.
    pub(super) scans: usize,
    /// Components of the first scan.
    first_scan: usize,
}

/// The header of the image.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) width: u16,
    pub(super) height: u16,
    progressive: bool,
    /// Of each component, how many of its blocks stand beside each other and above one another in
    /// a unit of coding.
    pub(super) sampling: Vec<[u64; 2]>,
}

impl Survey {
    /// Whether the image comes in several scans.
    pub(super) fn several_scans(&self) -> bool {
        let frame = self.frame.as_ref();
        frame.is_some_and(|frame| frame.progressive || self.first_scan < frame.sampling.len())
    }

    /// Takes in a segment.
    fn add(&mut self, marker: u8, payload: &[u8]) {
        match marker {
            SOS => {
                if self.scans == 0 {
                    self.first_scan = payload.first().copied().unwrap_or(0).into();
                }
                self.scans += 1;
            }
            // All frames but Huffman and arithmetic tables and a reserved one.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) && self.frame.is_none() => {
                self.frame = Frame::new(marker, payload);
            }
            _ => {}
        }
    }
}

impl Frame {
    fn new(marker: u8, payload: &[u8]) -> Option<Self> {
        let [_precision, h1, h0, w1, w0, components, rest @ ..] = payload else { return None };
        let components = rest.chunks_exact(3).take((*components).into());
        let sampling = components.map(|c| [(c[1] >> 4).into(), (c[1] & 15).into()]).collect();
        Some(Self {
            width: u16::from_be_bytes([*w1, *w0]),
            height: u16::from_be_bytes([*h1, *h0]),
            progressive: marker & 3 == 2,
            sampling,
        })
    }

    /// Numbers that libjpeg holds of the image, where it holds all.
    pub(super) fn coefficients(&self) -> u64 {
        let largest = |side: usize| self.sampling.iter().map(|s| s[side]).max().unwrap_or(1).max(1);
        let blocks = |pixels: u16, side: usize, sampling: u64| {
            u64::from(pixels).div_ceil(8 * largest(side)) * sampling
        };
        let of = |[across, down]: &[u64; 2]| {
            64 * blocks(self.width, 0, *across) * blocks(self.height, 1, *down)
        };
        self.sampling.iter().map(of).sum()
    }
}

impl<R: BufRead> Segments<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, payload: Vec::new() }
    }

    /// What the last segment holds.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The next marker that has a length; none at the end of the image.
    ///
    /// # Errors
    /// The file ends before.
    pub(super) fn next(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.marker()? {
                // A byte 0xff among pixels, a marker of restarts, the beginning of the image.
                0x00 | 0x01 | 0xd0..=0xd8 => {}
                EOI => return Ok(None),
                marker => {
                    let mut length = [0; 2];
                    self.reader.read_exact(&mut length)?;
                    let length = u64::from(u16::from_be_bytes(length)).saturating_sub(2);
                    self.payload.clear();
                    (&mut self.reader).take(length).read_to_end(&mut self.payload)?;
                    if (self.payload.len() as u64) < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    return Ok(Some(marker));
                }
            }
        }
    }

    /// The byte behind the next run of 0xff.
    fn marker(&mut self) -> io::Result<u8> {
        loop {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let found = bytes.iter().position(|byte| *byte == 0xff);
            let passed = found.map_or(bytes.len(), |at| at + 1);
            self.reader.consume(passed);
            if found.is_some() {
                break;
            }
        }
        loop {
            let mut byte = [0];
            self.reader.read_exact(&mut byte)?;
            if byte != [0xff] {
                return Ok(byte[0]);
            }
        }
    }

    /// What stands up to the header of the first scan.
    ///
    /// # Errors
    /// The file ends before.
    pub(super) fn until_scan(&mut self) -> io::Result<Survey> {
        let mut survey = Survey::default();
        while survey.scans == 0
            && let Some(marker) = self.next()?
        {
            survey.add(marker, &self.payload);
        }
        Ok(survey)
    }

    /// What stands up to the end of the image, or of the file.
    pub(super) fn all(&mut self) -> Survey {
        let mut survey = Survey::default();
        while let Ok(Some(marker)) = self.next() {
            survey.add(marker, &self.payload);
        }
        survey
    }
}
