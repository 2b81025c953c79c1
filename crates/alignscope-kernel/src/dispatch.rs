//! One plain function, compiled for several levels of vector instructions.

/// Compiles a plain function for each level of vector instructions, and picks one at run time.
///
/// The arithmetic is the same at every level (a multiplication and an addition are fused where
/// `mul_add` says so, and nowhere else), so the result is too.
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
                if is_x86_feature_detected!("avx512f") {
                    // SAFETY: the processor has AVX-512F, as just detected.
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the processor has AVX2 and FMA, as just detected.
                    return unsafe { avx2($($arg),*) };
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
