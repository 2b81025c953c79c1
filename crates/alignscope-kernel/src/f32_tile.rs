//! Sums of products in f32: some rows times a panel of 32 columns.
//!
//! Every product in f32 is made of these tiles, with AVX-512 (`f32_tile/avx512.rs`), with AVX2
//! (`f32_tile/avx2.rs`), with NEON (`f32_tile/neon.rs`) or in plain code (`f32_tile/plain.rs`).
//! Each number is one row's sum with one column, over the inputs in their order with fused steps:
//! in [runs](RUN) of 128 inputs, and the runs' sums one after the other. So it has the same bits
//! whatever the kernel, and whatever stands beside it. The runs are there because every addition to
//! one long sum would round by the size of an input that is far larger than the others.

/// Calls a kernel's `tile::<ROWS, HALF>` for the number of rows that there are, one of those listed,
/// with each half of a panel.
macro_rules! in_halves {
    ($rows:expr, [$($count:literal)*], $tile:ident $args:tt) => {
        match $rows {
            $($count => {
                $tile::<$count, 0> $args;
                $tile::<$count, 1> $args;
            })*
            other => unreachable!("a tile of {other} rows"),
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg_attr(target_arch = "aarch64", allow(dead_code, reason = "NEON has its own tile"))]
mod plain;

#[cfg(target_arch = "x86_64")]
pub(crate) use self::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use self::avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) use self::neon::Neon as Baseline;
#[cfg(not(target_arch = "aarch64"))]
pub(crate) use self::plain::Plain as Baseline;
use crate::lanes::{LANES, Lanes};

/// Inputs in a run of a sum: the runs are summed one by one, and then added one after the other.
pub(crate) const RUN: usize = 128;
/// Columns of a panel, which lies in memory as `[inputs, 32]`.
pub(crate) const PANEL: usize = 2 * LANES;
/// Rows of the largest tile.
pub(crate) const MOST_ROWS: usize = 14;

/// What multiplies a tile: one for each level of instructions.
pub(crate) trait Kernel {
    /// Rows of a tile, at most [`MOST_ROWS`]: as many as have room in the registers.
    const ROWS: usize;

    /// Sets or, with `add`, adds to the first `rows` rows of `out` the product of as many rows of
    /// `x`, which begin `stride` apart, with one run of a panel, `[inputs, 32]`.
    ///
    /// # Safety
    /// The processor has the kernel's instructions.
    ///
    /// # Panics
    /// There are more rows than a tile has, or `x` is too short for them.
    unsafe fn tile(x: &[f32], stride: usize, rows: usize, run: &[Lanes], add: bool, out: &mut Sums);

    /// The columns of `[16, 16]` numbers, whose rows begin `stride` apart.
    ///
    /// # Safety
    /// The processor has the kernel's instructions.
    ///
    /// # Panics
    /// The slice is too short.
    #[inline(always)]
    unsafe fn transposed(rows: &[f32], stride: usize) -> [Lanes; LANES] {
        plain::transposed(rows, stride)
    }
}

/// Sums of a tile, `[14, 32]`, of which a kernel may use fewer rows.
#[repr(align(64))]
pub(crate) struct Sums(pub(crate) [[f32; PANEL]; MOST_ROWS]);

impl Sums {
    pub(crate) fn new() -> Self {
        Self([[0.0; PANEL]; MOST_ROWS])
    }

    /// Sets the first `rows` rows to the product of those of `x`, which begin `stride` apart, with
    /// a panel, `[inputs, 32]`.
    ///
    /// # Safety
    /// The processor has the kernel's instructions.
    ///
    /// # Panics
    /// There are more rows than a tile of the kernel has, or `x` is too short for them.
    #[inline(always)]
    pub(crate) unsafe fn set<K: Kernel>(
        &mut self,
        x: &[f32],
        stride: usize,
        rows: usize,
        panel: &[Lanes],
    ) {
        for (number, run) in panel.chunks(2 * RUN).enumerate() {
            // SAFETY: the processor has the instructions, as our caller promises.
            unsafe { K::tile(&x[number * RUN..], stride, rows, run, number > 0, self) };
        }
    }
}

/// Rows of numbers that begin `stride` apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeftRows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) rows: usize,
}

impl<'a> LeftRows<'a> {
    /// Tiles of at most `most` rows, as even as can be, each with its first row and number of rows.
    pub(crate) fn tiles(self, most: usize) -> impl Iterator<Item = (usize, &'a [f32], usize)> {
        let tiles = self.rows.div_ceil(most);
        (0..tiles).map(move |tile| {
            let (start, end) = (tile * self.rows / tiles, (tile + 1) * self.rows / tiles);
            (start, &self.values[start * self.stride..], end - start)
        })
    }
}

/// As `vectorized!`, for code that multiplies in f32: its body has a type `K`, the [`Kernel`] of
/// the level, whose instructions the processor then has.
macro_rules! multiplying {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            #[inline(always)]
            fn body<K: $crate::f32_tile::Kernel>($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn avx512($($arg: $ty),*) {
                    body::<$crate::f32_tile::Avx512>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) {
                    body::<$crate::f32_tile::Avx2>($($arg),*)
                }
                use $crate::instructions::{Level, level};
                match level() {
                    // SAFETY: the processor has AVX-512F where this is the level.
                    Level::Amx | Level::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: the processor has AVX2 and FMA where this is the level.
                    Level::Avx2 => return unsafe { avx2($($arg),*) },
                    Level::Portable => {}
                }
            }
            body::<$crate::f32_tile::Baseline>($($arg),*)
        }
    };
}
