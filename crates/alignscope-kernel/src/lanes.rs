//! A register of sixteen numbers, as it lies in memory.

/// Numbers in a register.
pub(crate) const LANES: usize = 16;

/// Sixteen numbers, a register's worth, where a register is loaded from.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Lanes(pub(crate) [f32; LANES]);

/// All zeros.
pub(crate) const ZEROS: Lanes = Lanes([0.0; LANES]);
