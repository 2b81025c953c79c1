//! One plain function, compiled for several levels of vector instructions.

/// Compiles a plain function for each level of vector instructions, and picks one at run time.
///
/// The arithmetic is the same at every level (a multiplication and an addition are fused where
/// `mul_add` says so, and nowhere else; sums have lanes and an order of their own), so the result
/// is too, to the bit. What has several roundings in the library of the system (exp, ln, tanh, a
/// power) has no place here.
macro_rules! vectorized {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            #[inline(always)]
            fn plain($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn avx512($($arg: $ty),*) {
                    plain($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) {
                    plain($($arg),*)
                }
                use crate::instructions::{Level, level};
                match level() {
                    // SAFETY: the processor has AVX-512F where this is the level.
                    Level::Amx | Level::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: the processor has AVX2 and FMA where this is the level.
                    Level::Avx2 => return unsafe { avx2($($arg),*) },
                    Level::Portable => {}
                }
            }
            plain($($arg),*)
        }
    };
}

/// As `vectorized!`, for code that rounds to bf16: its body has a constant `NATIVE`, true where the
/// processor's own instruction does that.
macro_rules! rounding {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            #[inline(always)]
            fn body<const NATIVE: bool>($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            if crate::instructions::has_bf16_rounding() {
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
                fn native($($arg: $ty),*) {
                    body::<true>($($arg),*)
                }
                // SAFETY: the processor has these instructions, as just asked.
                return unsafe { native($($arg),*) };
            }
            vectorized! {
                fn elsewhere($($arg: $ty),*) {
                    body::<false>($($arg),*)
                }
            }
            elsewhere($($arg),*)
        }
    };
}
