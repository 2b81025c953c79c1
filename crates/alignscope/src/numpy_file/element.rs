//! The elements of arrays: how each type is written.

use half::f16;

use super::error::NumpyError;

/// An element of an array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// A whole number.
    Whole(i64),
    /// A number with a fraction, or one that is not finite.
    Fraction(f64),
    /// A text, without what NumPy pads it with.
    Text(String),
}

/// How an element is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Signed(usize),
    Unsigned(usize),
    Float(usize),
    /// So many characters of four bytes.
    Unicode(usize),
    /// So many bytes.
    Bytes(usize),
}

impl Element {
    /// The one of a type as NumPy writes it: little-endian numbers, truth values and texts.
    pub(super) fn of(descr: &str) -> Result<Self, NumpyError> {
        let refused = || NumpyError::Type { descr: descr.to_owned() };
        let kind = descr.get(..2).ok_or_else(refused)?;
        let size = descr[2..].parse::<usize>().ok();
        let number = |sizes: &[usize]| size.filter(|size| sizes.contains(size));
        let element = match kind {
            "<i" | "|i" => number(&[1, 2, 4, 8]).map(Self::Signed),
            "<u" | "|u" => number(&[1, 2, 4, 8]).map(Self::Unsigned),
            "|b" => number(&[1]).map(Self::Unsigned),
            "<f" => number(&[2, 4, 8]).map(Self::Float),
            "<U" => size.map(Self::Unicode),
            "|S" => size.map(Self::Bytes),
            _ => None,
        };
        element.ok_or_else(refused)
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Signed(n) | Self::Unsigned(n) | Self::Float(n) | Self::Bytes(n) => n,
            Self::Unicode(n) => n.saturating_mul(4),
        }
    }

    /// The number that its bytes are, whole ones beyond 2^53 rounded; `None` of a text.
    pub(super) fn number(self, bytes: &[u8]) -> Option<f64> {
        match self {
            Self::Signed(_) => Some(Self::signed(bytes) as f64),
            Self::Unsigned(_) => Some(unsigned(bytes) as f64),
            Self::Float(2) => {
                Some(f16::from_le_bytes(bytes.try_into().expect("two bytes")).to_f64())
            }
            Self::Float(4) => {
                Some(f64::from(f32::from_le_bytes(bytes.try_into().expect("four bytes"))))
            }
            Self::Float(_) => Some(f64::from_le_bytes(bytes.try_into().expect("eight bytes"))),
            Self::Unicode(_) | Self::Bytes(_) => None,
        }
    }

    /// What its bytes are.
    ///
    /// # Errors
    /// They are no text.
    pub(super) fn cell(self, bytes: &[u8]) -> Result<Cell, NumpyError> {
        let text = |text: String| Cell::Text(text.trim_end_matches('\0').to_owned());
        Ok(match self {
            Self::Signed(_) => Cell::Whole(Self::signed(bytes)),
            Self::Unsigned(_) => {
                let whole = unsigned(bytes);
                i64::try_from(whole).map_or(Cell::Fraction(whole as f64), Cell::Whole)
            }
            Self::Float(_) => float(self.number(bytes).expect("a float is a number")),
            Self::Unicode(_) => {
                let (characters, _) = bytes.as_chunks::<4>();
                let characters = characters.iter().map(|c| char::from_u32(u32::from_le_bytes(*c)));
                let found: Option<String> = characters.collect();
                text(found.ok_or(NumpyError::Text("Unicode"))?)
            }
            Self::Bytes(_) => {
                let found = String::from_utf8(bytes.to_vec());
                text(found.map_err(|_| NumpyError::Text("UTF-8"))?)
            }
        })
    }

    fn signed(bytes: &[u8]) -> i64 {
        // The sign fills the bytes that are not there.
        let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut whole = [if is_negative { 0xff } else { 0 }; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        i64::from_le_bytes(whole)
    }
}

fn unsigned(bytes: &[u8]) -> u64 {
    let mut whole = [0; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(whole)
}

/// A whole number where it is one.
fn float(value: f64) -> Cell {
    match value.fract() == 0.0 && value.abs() < 9e15 {
        true => Cell::Whole(value as i64),
        false => Cell::Fraction(value),
    }
}
