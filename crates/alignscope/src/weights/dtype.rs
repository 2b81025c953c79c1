//! Numbers of a file as f32.

use half::{bf16, f16};

/// A kind of numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    F64,
    F32,
    F16,
    BF16,
    /// Whole numbers of so many bytes, which no weight is kept in: they are skipped.
    Whole(usize),
    /// Complex or quantized numbers, or bare bytes, of so many bytes: skipped too.
    Other(usize),
}

impl Numbers {
    /// Bytes of a number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Whole(bytes) | Self::Other(bytes) => bytes,
        }
    }
}

/// Little-endian numbers as f32; `None` for those that weights are not kept in.
pub(super) fn widen(numbers: Numbers, bytes: &[u8]) -> Option<Vec<f32>> {
    fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|b| read(*b)).collect()
    }
    Some(match numbers {
        Numbers::F32 => each(bytes, f32::from_le_bytes),
        Numbers::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
        Numbers::BF16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        Numbers::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        Numbers::Whole(_) | Numbers::Other(_) => return None,
    })
}
