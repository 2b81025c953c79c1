//! Which precision a model's products are in.

use alignscope_kernel::Precision;

/// A precision as users choose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PrecisionChoice {
    /// The fastest for which scores do not move: against f32 at most 1 answer in 10,000 changes and
    /// no score moves by more than a hundredth of its interval's half-width, but for those after a
    /// fitted curve, whose fit is the less certain of the two (docs/numerics.md): bf16x3 with AMX,
    /// f32 elsewhere.
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
            Self::Auto if Precision::Bf16x3.is_slower_than_f32() => Precision::F32,
            Self::Auto => Precision::Bf16x3,
            Self::Only(precision) => precision,
        }
    }
}

choice!(PrecisionChoice, "precision");

/// What was seen of scores in a precision beside those in f32 (docs/numerics.md, "What `auto` may
/// be"), in a sentence; none of f32 itself, and none by other instructions than AMX, with which it
/// was seen.
pub(crate) fn check_of(precision: Precision) -> Option<&'static str> {
    if Precision::Bf16x3.is_slower_than_f32() {
        return None;
    }
    match precision {
        Precision::F32 => None,
        Precision::Bf16x6 => Some(
            "beside f32, trained DINOv2 ViT-S/14 and AlexNet on three data sets: at most 1 of \
             24,144 answers changed at a stage",
        ),
        Precision::Bf16x3 => Some(
            "beside f32, trained DINOv2 ViT-S/14 and AlexNet on three data sets: no answer of \
             28,742 changed at any stage, and no accuracy, bits or rank correlation moved by more \
             than 0.0005 of its interval's half-width",
        ),
        Precision::Bf16 => {
            Some("beside f32, answers change at some stages: for trials, not for results")
        }
    }
}

/// The precision of a model's patch embedding, whose blocks have this one: never less than `bf16x3`,
/// and f32 where that is faster.
pub(super) fn of_patches(blocks: Precision) -> Precision {
    if Precision::Bf16x3.is_slower_than_f32() {
        return Precision::F32;
    }
    match blocks {
        Precision::F32 | Precision::Bf16x6 => blocks,
        Precision::Bf16x3 | Precision::Bf16 => Precision::Bf16x3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_never_slower_than_f32_nor_less_accurate_than_bf16x3() {
        let auto = PrecisionChoice::Auto.resolve();
        assert!(!auto.is_slower_than_f32(), "{auto}");
        assert!(matches!(auto, Precision::F32 | Precision::Bf16x3), "{auto}");
    }

    #[test]
    fn patches_are_embedded_no_slower_than_in_f32_and_in_bf16x3_at_least() {
        for precision in Precision::ALL {
            let patches = of_patches(precision);
            assert!(!patches.is_slower_than_f32() && patches != Precision::Bf16, "{precision}");
        }
        assert_eq!(of_patches(Precision::F32), Precision::F32);
    }
}
