//! The arithmetic of encoders and baselines, on slices. Nothing outside knows which instructions ran.
//!
//! This folder alone may hold unsafe code; each such line says why it is sound.
#![allow(unsafe_code)]

/// Compiles a plain function for each level of vector instructions, and picks one at run time.
///
/// The arithmetic is the same at every level (multiplications and additions are never fused), so
/// the result is too.
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
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) {
                    plain($($arg),*)
                }
                if is_x86_feature_detected!("avx512f") {
                    // SAFETY: the processor has AVX-512F, as just detected.
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2, as just detected.
                    return unsafe { avx2($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    };
}

mod activation;
mod difference;
mod exp;
mod layer_norm;
mod matmul;
mod packed;
mod precision;
mod similarity;
mod softmax;
mod square;
mod window;

pub use activation::Activation;
pub(crate) use difference::{reduce_pair, squared_norm};
pub(crate) use layer_norm::layer_norm;
pub(crate) use matmul::{Matrix, MatrixMut, matmul};
pub(crate) use packed::{PackedWeights, ProductScratch};
pub use precision::Precision;
pub(crate) use similarity::{Windows, add_similarity, multiply};
pub(crate) use softmax::softmax_rows;
pub(crate) use square::squared_distance;
pub(crate) use window::filter_valid;
