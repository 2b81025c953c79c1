//! The arithmetic of encoders and baselines, on slices. Nothing outside knows which instructions ran.
//!
//! This folder alone may hold unsafe code; each such line says why it is sound.
#![allow(unsafe_code)]

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
            if crate::kernel::bf16::is_native() {
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

mod activation;
mod attention;
#[doc(hidden)]
pub mod bench;
mod bf16;
mod difference;
mod exp;
pub(crate) mod huge;
mod layer_norm;
mod matmul;
mod operand;
mod padded;
mod precision;
mod processor;
mod product;
mod similarity;
mod softmax;
mod square;
mod tile;
#[cfg(target_arch = "x86_64")]
mod transpose;
mod window;

pub use activation::Activation;
pub(crate) use attention::{Attention, AttentionScratch, padded_width};
pub(crate) use difference::{mean_squares, reduce_pair, squared_norm};
pub(crate) use layer_norm::{Norm, layer_norm};
pub(crate) use matmul::{Matrix, MatrixMut, matmul};
pub(crate) use operand::Operand;
pub use precision::{Precision, PrecisionChoice};
pub(crate) use processor::processor;
pub(crate) use product::{Output, PackedWeights, ProductScratch};
pub(crate) use similarity::{Windows, add_similarity, multiply};
pub(crate) use softmax::softmax_rows;
pub(crate) use square::squared_distance;
pub(crate) use window::filter_valid;
