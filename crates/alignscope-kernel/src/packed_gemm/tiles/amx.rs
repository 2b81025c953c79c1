//! The product of tiles by AMX.

use std::arch::asm;
use std::marker::PhantomData;

use super::block::{Block, Sums, asked};
use crate::instructions::has_amx;
use crate::tile::{SIDE, Tile};

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

    /// Sums of one block: sets them or, with `add`, adds to them.
    ///
    /// # Safety
    /// Rows and weights are as many whole steps, at least one.
    pub(super) unsafe fn multiply(&self, block: Block<'_>, sums: &mut Sums) {
        // SAFETY: AMX is available and the tiles have their shape while this is not dropped; the
        // steps are up to the caller.
        unsafe {
            match (block.parts, block.lines > SIDE) {
                (6, true) => three_parts(block, sums),
                (6, false) => three_parts_of_half(block, sums),
                (4, true) => two_parts(block, sums),
                (4, false) => two_parts_of_half(block, sums),
                (_, true) => one_part(block, sums),
                (_, false) => one_part_of_half(block, sums),
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
/// they go.
macro_rules! block {
    (
        $name:ident, $parts:literal,
        zero: $($zero:literal)*, load: $($load:literal)*,
        step: $($step:expr)*, store: $($store:literal)*
    ) => {
        /// # Safety
        /// AMX is available and configured; rows and weights are as many whole steps, at least one.
        unsafe fn $name(block: Block<'_>, sums: &mut Sums) {
            let Block { rows, weights, add, soon, .. } = block;
            // SAFETY: a step reads its kilobytes of rows and weights, which are there, as the
            // caller says; the sums are 32 rows of 128 bytes; asking for memory beforehand never
            // fails, wherever it lies. All tile registers are named.
            unsafe {
                asm!(
                    "test {add:e}, {add:e}",
                    "jnz 4f",
                    $($zero,)*
                    "jmp 2f",
                    "4:",
                    $($load,)*
                    "2:",
                    $($step,)*
                    "add {soon}, {asked}",
                    "add {rows}, {bytes}",
                    "add {weights}, {bytes}",
                    "dec {steps}",
                    "jnz 2b",
                    $($store,)*
                    rows = inout(reg) rows.as_ptr() => _,
                    weights = inout(reg) weights.as_ptr() => _,
                    soon = inout(reg) soon.as_ptr() => _,
                    steps = inout(reg) rows.len() / $parts => _,
                    sums = in(reg) sums.0.as_mut_ptr(),
                    add = in(reg) u32::from(add),
                    asked = const asked($parts),
                    bytes = const $parts * size_of::<Tile>(),
                    line = in(reg) 64_usize,
                    row = in(reg) 128_usize,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
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
            load:
                "tileloadd tmm0, [{sums} + {row}]"
                "tileloadd tmm1, [{sums} + {row} + 64]"
                "tileloadd tmm2, [{sums} + {row} + 2048]"
                "tileloadd tmm3, [{sums} + {row} + 2112]",
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
            load:
                "tileloadd tmm0, [{sums} + {row}]"
                "tileloadd tmm1, [{sums} + {row} + 64]",
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
    [weights 0, rows 0, soon 0 1 2]
    [rows 1, soon 3 4 5]
    [weights 1, rows 0, soon 6 7]
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
