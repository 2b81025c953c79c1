//! Sixteen numbers, as they lie in memory: a register of AVX-512, two of AVX2.

/// How many they are.
pub(crate) const LANES: usize = 16;

/// Sixteen numbers, where registers are loaded from.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Lanes(pub(crate) [f32; LANES]);

/// All zeros.
pub(crate) const ZEROS: Lanes = Lanes([0.0; LANES]);
