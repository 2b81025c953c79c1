//! In which arithmetic products are taken.

use crate::instructions::{Instructions, f32_instructions};

/// The arithmetic of a layer's products; everything else is in f32 or f64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// f32 throughout.
    F32,
    /// Each number as a high, a middle and a low bf16, six products of them, sums in f32: about as
    /// near to the exact product as f32. On AMX; elsewhere by other instructions, slower than f32.
    Bf16x6,
    /// Each number as a high and a low bf16, three products of them, sums in f32: about 2^-17 of
    /// each product off. On AMX; elsewhere by other instructions, slower than f32.
    Bf16x3,
    /// bf16 products, sums in f32. On AMX or by AVX-512 for bf16; elsewhere by other instructions,
    /// slowly.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::Bf16x6, Self::Bf16x3, Self::Bf16];

    /// The name used on the command line and in the manifest, of which `Display` is the same.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16x6 => "bf16x6",
            Self::Bf16x3 => "bf16x3",
            Self::Bf16 => "bf16",
        }
    }

    /// The instructions that do it here, as the manifest names them.
    pub fn instructions(self) -> &'static str {
        match self {
            Self::F32 => f32_instructions(),
            Self::Bf16x6 | Self::Bf16x3 | Self::Bf16 => Instructions::here().name(),
        }
    }

    /// The instructions that its bits are bound to; `None` for `f32`, which has the same bits by
    /// all.
    pub fn bound_to(self) -> Option<&'static str> {
        match self {
            Self::F32 => None,
            Self::Bf16x6 | Self::Bf16x3 | Self::Bf16 => Some(self.instructions()),
        }
    }

    /// Whether this processor lacks the instructions that the precision is made for, with which it
    /// would be faster than f32.
    pub fn is_slower_than_f32(self) -> bool {
        match self {
            Self::F32 => false,
            Self::Bf16x6 | Self::Bf16x3 => Instructions::here() != Instructions::Amx,
            Self::Bf16 => Instructions::here() == Instructions::Emulation,
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
