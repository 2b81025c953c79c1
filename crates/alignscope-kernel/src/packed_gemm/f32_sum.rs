//! A sum in f32: in which order it is taken, and what is done to it on its way out.

use crate::activation::Activation;

/// Inputs in a run of a sum: the runs are summed one by one, and then added one after the other.
pub(in crate::packed_gemm) const RUN: usize = 128;

/// What is done to a sum on its way out.
#[derive(Debug, Clone, Copy)]
pub(in crate::packed_gemm) enum Finish {
    Set,
    Add,
    Activate(Activation),
}
