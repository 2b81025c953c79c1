//! Data elements: a tag with type and length, and the bytes that follow.

use std::io::Read;

use flate2::read::ZlibDecoder;

/// The types of elements that hold others.
pub(super) const MATRIX: u32 = 14;
pub(super) const COMPRESSED: u32 = 15;

/// A type of stored numbers or characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
    I64,
    U64,
    Utf32,
}

impl Stored {
    /// The type of a tag; letters of UTF-8 and UTF-16 are their units.
    fn of(tag: u32) -> Option<Self> {
        Some(match tag {
            1 => Self::I8,
            2 | 16 => Self::U8,
            3 => Self::I16,
            4 | 17 => Self::U16,
            5 => Self::I32,
            6 => Self::U32,
            7 => Self::F32,
            9 => Self::F64,
            12 => Self::I64,
            13 => Self::U64,
            18 => Self::Utf32,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 | Self::Utf32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }
}

/// An element: its type, and its bytes without padding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u32,
    pub(super) bytes: &'a [u8],
    is_big_endian: bool,
}

impl<'a> Element<'a> {
    /// Takes the next element from the front of `rest`, with its padding to 8 bytes.
    ///
    /// # Errors
    /// It is not whole.
    pub(super) fn take(rest: &mut &'a [u8], is_big_endian: bool) -> Result<Self, String> {
        let word = |bytes: &[u8]| {
            let bytes = bytes.try_into().expect("four bytes");
            if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        let Some((tag, after)) = rest.split_at_checked(8) else {
            return Err(format!("{} bytes are left, an element has 8 or more", rest.len()));
        };
        let first = word(&tag[..4]);
        let short = (first >> 16) as usize;
        if short > 0 {
            if short > 4 {
                return Err(format!("a short element of {short} bytes, at most 4 fit"));
            }
            *rest = after;
            return Ok(Self { tag: first & 0xffff, bytes: &tag[4..4 + short], is_big_endian });
        }
        let length = word(&tag[4..]) as usize;
        let Some((bytes, after)) = after.split_at_checked(length) else {
            let there = after.len();
            return Err(format!("an element of {length} bytes, of which {there} are there"));
        };
        // What is compressed is not padded.
        let padding = if first == COMPRESSED { 0 } else { length.wrapping_neg() % 8 };
        *rest = &after[padding.min(after.len())..];
        Ok(Self { tag: first, bytes, is_big_endian })
    }

    /// How many numbers it holds.
    ///
    /// # Errors
    /// It holds no numbers, or not a whole number of them.
    pub(super) fn count(&self) -> Result<usize, String> {
        let bytes = self.stored()?.bytes();
        match self.bytes.len() % bytes {
            0 => Ok(self.bytes.len() / bytes),
            _ => Err(format!("{} bytes for numbers of {bytes} bytes each", self.bytes.len())),
        }
    }

    fn stored(&self) -> Result<Stored, String> {
        Stored::of(self.tag)
            .ok_or_else(|| format!("an element of type {}, expected numbers", self.tag))
    }

    /// Its numbers.
    ///
    /// # Errors
    /// As for [`count`](Self::count).
    pub(super) fn numbers(&self) -> Result<Vec<f64>, String> {
        self.count()?;
        Ok(match self.stored()? {
            Stored::I8 => self.each(|[byte]| f64::from(byte as i8)).collect(),
            Stored::U8 => self.each(|[byte]| f64::from(byte)).collect(),
            Stored::I16 => self.each(|bytes| f64::from(i16::from_le_bytes(bytes))).collect(),
            Stored::U16 => self.each(|bytes| f64::from(u16::from_le_bytes(bytes))).collect(),
            Stored::I32 => self.each(|bytes| f64::from(i32::from_le_bytes(bytes))).collect(),
            Stored::U32 | Stored::Utf32 => {
                self.each(|bytes| f64::from(u32::from_le_bytes(bytes))).collect()
            }
            Stored::F32 => self.each(|bytes| f64::from(f32::from_le_bytes(bytes))).collect(),
            Stored::F64 => self.each(f64::from_le_bytes).collect(),
            Stored::I64 => self.each(|bytes| i64::from_le_bytes(bytes) as f64).collect(),
            Stored::U64 => self.each(|bytes| u64::from_le_bytes(bytes) as f64).collect(),
        })
    }

    /// Each number from its bytes, brought to little-endian.
    fn each<const N: usize, T>(&self, value: impl Fn([u8; N]) -> T) -> impl Iterator<Item = T> {
        let is_big_endian = self.is_big_endian;
        self.bytes.as_chunks::<N>().0.iter().map(move |bytes| {
            let mut bytes = *bytes;
            if is_big_endian {
                bytes.reverse();
            }
            value(bytes)
        })
    }

    /// The element without what follows its first bytes.
    pub(super) fn beginning(self, bytes: usize) -> Self {
        Self { bytes: &self.bytes[..self.bytes.len().min(bytes)], ..self }
    }

    /// Its characters: UTF-8 as such, or units of UTF-16, or code points.
    ///
    /// # Errors
    /// As for [`count`](Self::count), or they are no text.
    pub(super) fn characters(&self) -> Result<Vec<char>, String> {
        let no_text = |what: &str| format!("characters that are no {what}");
        self.count()?;
        match self.tag {
            16 => match std::str::from_utf8(self.bytes) {
                Ok(text) => Ok(text.chars().collect()),
                Err(_) => Err(no_text("UTF-8")),
            },
            18 => {
                let letters = self.each(|bytes| char::from_u32(u32::from_le_bytes(bytes)));
                letters.collect::<Option<_>>().ok_or_else(|| no_text("Unicode"))
            }
            _ => match self.stored()?.bytes() {
                1 => text_of(self.each(|[byte]| u16::from(byte))),
                2 => text_of(self.each(u16::from_le_bytes)),
                bytes => Err(format!("characters of {bytes} bytes each, expected 1 or 2")),
            },
        }
    }

    /// What it unpacks to, at most `limit` bytes.
    ///
    /// # Errors
    /// It is not as zlib packs, or has more bytes.
    pub(super) fn unpack(&self, limit: usize) -> Result<Vec<u8>, String> {
        let mut unpacked = Vec::new();
        let mut decoder = ZlibDecoder::new(self.bytes).take(limit as u64 + 1);
        decoder.read_to_end(&mut unpacked).map_err(|e| format!("it cannot be unpacked ({e})"))?;
        if unpacked.len() > limit {
            return Err(format!("it unpacks to more than {limit} bytes"));
        }
        Ok(unpacked)
    }
}

/// The text of units of UTF-16.
fn text_of(units: impl Iterator<Item = u16>) -> Result<Vec<char>, String> {
    let letters: Result<_, _> = char::decode_utf16(units).collect();
    letters.map_err(|_| "characters that are no UTF-16".to_owned())
}
