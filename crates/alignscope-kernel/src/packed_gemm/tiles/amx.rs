//! The product of tiles by AMX.

use std::arch::asm;
use std::marker::PhantomData;

use super::block::{Beside, Block, Sums, asked};
use crate::instructions::has_amx;
use crate::tile::SIDE;

/// The shape of all eight tiles, which this thread alone has, until it is dropped.
#[derive(Debug)]
pub(crate) struct Configured(PhantomData<*const ()>);

impl Configured {
    /// A thread has one at a time: the end of one ends the tiles of all.
    ///
    /// # Panics
    /// The instructions are not available.
    pub(super) fn new() -> Self {
        assert!(has_amx(), "AMX is available");
        #[repr(align(64))]
        struct Shape([u8; 64]);
        let mut shape = Shape([0; 64]);
        shape.0[0] = 1;
        for tile in 0..8 {
            // Bytes of a row, little-endian; rows.
            shape.0[16 + 2 * tile] = 64;
            shape.0[48 + tile] = 16;
        }
        // SAFETY: AMX is available, as just checked; 64 bytes of palette 1 are read.
        unsafe { asm!("ldtilecfg [{}]", in(reg) shape.0.as_ptr(), options(nostack, readonly)) };
        Self(PhantomData)
    }

    /// Sums of one block. After each step `beside` is told how many there were: what it does is
    /// done while the processor multiplies.
    ///
    /// # Safety
    /// Rows and weights are as many whole steps, at least one.
    #[inline(always)]
    pub(super) unsafe fn multiply(
        &self,
        block: Block<'_>,
        sums: &mut Sums,
        beside: &mut impl Beside,
    ) {
        // SAFETY: AMX is available and the tiles have their shape while this is not dropped; the
        // steps are up to the caller.
        unsafe {
            match (block.parts, block.lines > SIDE) {
                (6, true) => three_parts(block, sums, beside),
                (6, false) => three_parts_of_half(block, sums, beside),
                (4, true) => two_parts(block, sums, beside),
                (4, false) => two_parts_of_half(block, sums, beside),
                (_, true) => one_part(block, sums, beside),
                (_, false) => one_part_of_half(block, sums, beside),
            }
        }
    }
}

/// What one of the [`terms`](super::block::terms) does to all 32 rows of a block, or to the first
/// 16: it loads the part of the weights and that of the rows that the term before has not left,
/// multiplies, and asks for some lines of the next weights. Parts count from 0, lines are of 64
/// bytes. Tiles 0 to 3 are sums, 4 and 5 rows, 6 and 7 weights.
macro_rules! term {
    (half, $(weights $weights:literal,)? $(rows $rows:literal,)? soon $($soon:literal)*) => {
        concat!(
            $("tileloadd tmm6, [{weights} + {line} + 2048 * ", $weights, "]\n",)?
            $("tileloadd tmm4, [{rows} + {line} + 2048 * ", $rows, "]\n",)?
            "tdpbf16ps tmm0, tmm4, tmm6\n",
            $("tileloadd tmm7, [{weights} + {line} + 2048 * ", $weights, " + 1024]\n",)?
            "tdpbf16ps tmm1, tmm4, tmm7\n",
            $("prefetcht1 [{soon} + 64 * ", $soon, "]\n",)*
        )
    };
    (whole, $(weights $weights:literal,)? $(rows $rows:literal,)? soon $($soon:literal)*) => {
        concat!(
            term!(half, $(weights $weights,)? $(rows $rows,)? soon $($soon)*),
            $("tileloadd tmm5, [{rows} + {line} + 2048 * ", $rows, " + 1024]\n",)?
            "tdpbf16ps tmm2, tmm5, tmm6\n",
            "tdpbf16ps tmm3, tmm5, tmm7\n",
        )
    };
}

/// A function that does a block, all of it or half: how its sums begin, what a step does, and where
/// they go. Sums stay in the tiles from one piece of assembly to the next. Rust does not promise
/// that; it holds because the compiler uses no tiles of its own accord, keeps pieces of assembly in
/// their order, and what is done between them has no use for tiles ([`Beside`]).
macro_rules! block {
    (
        $name:ident, $parts:literal,
        zero: $($zero:literal)*,
        step: $($step:expr)*, store: $($store:literal)*
    ) => {
        /// # Safety
        /// AMX is available and configured; rows and weights are as many whole steps, at least one.
        #[inline(always)]
        unsafe fn $name(block: Block<'_>, sums: &mut Sums, beside: &mut impl Beside) {
            let Block { rows, weights, soon, .. } = block;
            let sums = sums.0.as_mut_ptr();
            // SAFETY: AMX is available and configured.
            unsafe {
                asm!(
                    $($zero,)*
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    options(nostack, nomem),
                );
            }
            let (mut rows_at, mut weights_at) = (rows.as_ptr(), weights.as_ptr());
            let mut soon_at = soon.as_ptr().cast::<u8>();
            let steps = rows.len() / $parts;
            for step in 0..steps {
                // SAFETY: a step reads its kilobytes of rows and weights, which are there, as the
                // caller says; asking for memory beforehand never fails, wherever it lies. All
                // tile registers are named.
                unsafe {
                    asm!(
                        $($step,)*
                        rows = in(reg) rows_at,
                        weights = in(reg) weights_at,
                        soon = in(reg) soon_at,
                        line = in(reg) 64_usize,
                        out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                        out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                        options(nostack, readonly),
                    );
                }
                rows_at = rows_at.wrapping_add($parts);
                weights_at = weights_at.wrapping_add($parts);
                soon_at = soon_at.wrapping_add(asked($parts));
                beside.after(step + 1, steps);
            }
            // SAFETY: the sums are 32 rows of 128 bytes.
            unsafe {
                asm!(
                    $($store,)*
                    sums = in(reg) sums, row = in(reg) 128_usize,
                    options(nostack),
                );
            }
        }
    };
}

/// The two functions of so many parts, of all 32 rows and of the first 16, from their [`term!`]s:
/// the lines that a step asks for are the bytes that [`asked`] says.
macro_rules! blocks {
    ($whole:ident, $half:ident, $parts:literal, $([$($term:tt)*])*) => {
        block! {
            $whole, $parts,
            zero: "tilezero tmm0" "tilezero tmm1" "tilezero tmm2" "tilezero tmm3",
            step: $(term!(whole, $($term)*))*,
            store:
                "tilestored [{sums} + {row}], tmm0"
                "tilestored [{sums} + {row} + 64], tmm1"
                "tilestored [{sums} + {row} + 2048], tmm2"
                "tilestored [{sums} + {row} + 2112], tmm3"
        }

        block! {
            $half, $parts,
            zero: "tilezero tmm0" "tilezero tmm1",
            step: $(term!(half, $($term)*))*,
            store:
                "tilestored [{sums} + {row}], tmm0"
                "tilestored [{sums} + {row} + 64], tmm1"
        }
    };
}

blocks! { one_part, one_part_of_half, 2, [weights 0, rows 0, soon 0 1] }

blocks! {
    two_parts, two_parts_of_half, 4,
    [weights 0, rows 1, soon 0 1 2]
    [rows 0, soon 3 4 5]
    [weights 1, soon 6 7]
}

blocks! {
    three_parts, three_parts_of_half, 6,
    [weights 0, rows 0, soon 0 1 2]
    [rows 2, soon 3 4 5]
    [rows 1, soon 6 7 8]
    [weights 1, soon 9 10 11]
    [rows 0, soon 12 13 14]
    [weights 2, soon 15]
}

impl Drop for Configured {
    fn drop(&mut self) {
        // SAFETY: AMX is available, since the shape was set.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
