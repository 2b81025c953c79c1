//! In which arithmetic layers multiply.

/// The arithmetic of a layer's products; everything else is in f32 or f64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// f32 throughout.
    F32,
    /// Each number as a high and a low bf16, three products of them, sums in f32: about 2^-16 of
    /// the largest product off. On AMX.
    Bf16x3,
    /// bf16 products, sums in f32. On AMX.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16x3, Self::Bf16];

    /// The name used on the command line and in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16x3 => "bf16x3",
            Self::Bf16 => "bf16",
        }
    }

    /// Whether this processor, and its system, can do it.
    pub fn is_available(self) -> bool {
        match self {
            Self::F32 => true,
            Self::Bf16x3 | Self::Bf16 => super::packed::has_amx(),
        }
    }
}

choice!(Precision, "precision");
