//! In which arithmetic layers multiply.

use super::product::tiles::Instructions;

/// The arithmetic of a layer's products; everything else is in f32 or f64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// f32 throughout.
    F32,
    /// Each number as a high, a middle and a low bf16, six products of them, sums in f32: about as near to the exact
    /// product as f32. On AMX; elsewhere by other instructions, slower than f32.
    Bf16x6,
    /// Each number as a high and a low bf16, three products of them, sums in f32: about 2^-17 of
    /// each product off. On AMX; elsewhere by other instructions, slower than f32.
    Bf16x3,
    /// bf16 products, sums in f32. On AMX or by AVX-512 for bf16; elsewhere by other instructions, slowly.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::Bf16x6, Self::Bf16x3, Self::Bf16];

    /// The name used on the command line and in the manifest.
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
            Self::F32 => super::product::f32_instructions(),
            Self::Bf16x6 | Self::Bf16x3 | Self::Bf16 => Instructions::here().name(),
        }
    }

    /// That of a model's patch embedding, where this one is that of its blocks: never less than `bf16x3`, and f32
    /// where that is faster.
    pub(crate) fn of_patches(self) -> Self {
        if Self::Bf16x3.is_slower_than_f32() {
            return Self::F32;
        }
        match self {
            Self::F32 | Self::Bf16x6 => self,
            Self::Bf16x3 | Self::Bf16 => Self::Bf16x3,
        }
    }

    /// Whether this processor lacks the instructions that the precision is made for, with which it would
    /// be faster than f32.
    pub fn is_slower_than_f32(self) -> bool {
        match self {
            Self::F32 => false,
            Self::Bf16x6 | Self::Bf16x3 => Instructions::here() != Instructions::Amx,
            Self::Bf16 => Instructions::here() == Instructions::Imitation,
        }
    }
}

choice!(Precision, "precision");

/// A precision as users choose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PrecisionChoice {
    /// The fastest that keeps every distance within 1e-4 of f32's, relative, also where one channel is far larger than all
    /// others (docs/numerics.md): bf16x6 with AMX, f32 elsewhere.
    #[default]
    Auto,
    /// That one.
    Only(Precision),
}

impl PrecisionChoice {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Auto,
        Self::Only(Precision::F32),
        Self::Only(Precision::Bf16x6),
        Self::Only(Precision::Bf16x3),
        Self::Only(Precision::Bf16),
    ];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Only(precision) => precision.name(),
        }
    }

    /// The precision that it is on this machine.
    pub fn resolve(self) -> Precision {
        match self {
            Self::Auto if Precision::Bf16x6.is_slower_than_f32() => Precision::F32,
            Self::Auto => Precision::Bf16x6,
            Self::Only(precision) => precision,
        }
    }
}

choice!(PrecisionChoice, "precision");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_never_slower_than_f32_nor_less_accurate_than_bf16x6() {
        let auto = PrecisionChoice::Auto.resolve();
        assert!(!auto.is_slower_than_f32(), "{auto}");
        assert!(matches!(auto, Precision::F32 | Precision::Bf16x6), "{auto}");
    }

    #[test]
    fn patches_are_embedded_no_slower_than_in_f32_and_in_bf16x3_at_least() {
        for precision in Precision::ALL {
            let patches = precision.of_patches();
            assert!(!patches.is_slower_than_f32() && patches != Precision::Bf16, "{precision}");
        }
        assert_eq!(Precision::F32.of_patches(), Precision::F32);
    }
}
