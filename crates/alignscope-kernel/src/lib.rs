//! The arithmetic of vision encoders and image metrics on slices: products, attention, norms,
//! activations, differences, windows.
//!
//! Slices go in and slices come out. Nothing outside knows which instructions ran: each function
//! picks those of the processor when it is called, and in `f32` and `f64` all give the same bits
//! (`ALIGNSCOPE_INSTRUCTIONS` in the environment takes lower ones: [`check_instructions`]). This
//! crate alone has unsafe code; each such line says why it is sound.
//!
//! A linear layer in f32; any other [`Precision`] is used alike:
//!
//! ```
//! use alignscope_kernel::{Lhs, Output, PackedWeights, Precision};
//!
//! let weights = vec![1.0, 0.0, 0.0, 2.0, 1.0, 1.0]; // [outputs, inputs] = [3, 2]
//! let packed = PackedWeights::new(weights, 2, Precision::F32);
//! let mut x = Lhs::default();
//! packed.shape(&mut x, 1); // [rows, inputs] = [1, 2]
//! x.set_row(0, &[3.0, 4.0]);
//! let mut out = [0.0; 3]; // [rows, outputs] = [1, 3]
//! packed.apply(&x, None, Output::Set(&mut out));
//! assert_eq!(out, [3.0, 8.0, 7.0]);
//! ```
//!
//! The modules stand in the order in which they build on each other; each looks only to those above
//! it.

// Intrinsics, assembly, and the system calls for memory.
#![allow(unsafe_code)]

mod instructions;
#[macro_use]
mod dispatch;
mod cpu_name;
pub mod huge_pages;
mod padded;
// Element by element, row by row, window by window.
mod exp;
mod activation;
mod softmax;
mod layer_norm;
mod rms_norm;
mod squared_distance;
mod weighted_sums;
mod difference;
mod gram;
mod depthwise;
mod separable_filter;
mod ssim;
// Products: of f32 and f64 as they lie; and with packed weights, from what they take to attention.
mod precision;
mod lanes;
mod tile;
#[cfg(target_arch = "x86_64")]
mod transpose;
#[macro_use]
mod f32_tile;
mod matmul;
mod bf16;
mod tile_packing;
mod lhs;
mod packed_gemm;
mod attention;
#[doc(hidden)]
pub mod bench;
#[cfg(test)]
mod levels;

pub use activation::Activation;
pub use attention::{Attention, AttentionScratch, padded_width};
pub use cpu_name::cpu_name;
pub use depthwise::{Depthwise, depthwise};
pub use difference::{ImageSums, image_sums, mean_squares, reduce_pair, squared_differences};
pub use gram::{PANEL, RUN, add_products, pack_panel};
pub use instructions::{InstructionsError, check_instructions, instructions};
pub use layer_norm::{Norm, layer_norm};
pub use lhs::Lhs;
pub use matmul::{Element, Matrix, MatrixMut, matmul};
pub use packed_gemm::{Output, PackedWeights};
pub use precision::Precision;
pub use rms_norm::rms_norm;
pub use separable_filter::filter_valid;
pub use softmax::softmax_rows;
pub use squared_distance::{squared_distance, squared_level_distance};
pub use ssim::{Windows, add_similarity, multiply};
pub use weighted_sums::{SUM_COLUMNS, SUM_LISTS, add_weighted_rows};
