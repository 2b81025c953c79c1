//! AMX's instructions, and the right to use them.

use std::arch::asm;
use std::marker::PhantomData;
use std::sync::OnceLock;

use super::super::super::tile::{SIDE, Tile};
use super::{Block, Sums, asked};

/// Whether the processor has them, and the system lets this process use them: it is asked once.
pub(super) fn are_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let leaf = std::arch::x86_64::__cpuid(0);
        if leaf.eax < 7 || !is_x86_feature_detected!("avx512f") {
            return false;
        }
        let features = std::arch::x86_64::__cpuid_count(7, 0).edx;
        let (bf16, tile) = (1 << 22, 1 << 24);
        features & bf16 != 0 && features & tile != 0 && permitted()
    })
}

/// Asks Linux for the state of the tiles, which it gives to processes that ask.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const REQUEST_PERMISSION: i64 = 0x1023;
    const TILE_DATA: i64 = 18;
    let answer: i64;
    // SAFETY: the system call takes two numbers and changes nothing but what this process may use.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => answer,
            in("rdi") REQUEST_PERMISSION,
            in("rsi") TILE_DATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    answer == 0
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

/// The shape of all eight tiles, which this thread alone has, until it is dropped.
#[derive(Debug)]
pub(in crate::kernel) struct Configured(PhantomData<*const ()>);

impl Configured {
    /// # Panics
    /// The instructions are not available.
    pub(super) fn new() -> Self {
        assert!(are_available(), "AMX is available");
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

    /// As [`Multiplier::multiply`](super::Multiplier::multiply).
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
                (4, true) => high_and_low(block, sums),
                (4, false) => high_and_low_of_half(block, sums),
                (_, true) => high(block, sums),
                (_, false) => high_of_half(block, sums),
            }
        }
    }
}

/// A function that does a block of so many parts: how its sums begin, what a step does, and where they go. Tiles 0 to 3 are
/// sums, 4 and 5 rows, 6 and 7 weights.
macro_rules! block {
    (
        $(#[$meta:meta])* $name:ident, $parts:literal,
        zero: $($zero:literal)*, load: $($load:literal)*, step: $($step:literal)*, store: $($store:literal)*
    ) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// AMX is available and configured; rows and weights are as many whole steps, at least one.
        unsafe fn $name(block: Block<'_>, sums: &mut Sums) {
            let Block { rows, weights, add, soon, .. } = block;
            // SAFETY: a step reads its kilobytes of rows and weights, which are there, as the caller
            // says; the sums are 32 rows of 128 bytes; asking for memory beforehand never fails,
            // wherever it lies. All tile registers are named.
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

/// As [`block`], of all 32 rows.
macro_rules! whole {
    ($(#[$meta:meta])* $name:ident, $parts:literal, $($step:literal)*) => {
        block! {
            $(#[$meta])* $name, $parts,
            zero: "tilezero tmm0" "tilezero tmm1" "tilezero tmm2" "tilezero tmm3",
            load:
                "tileloadd tmm0, [{sums} + {row}]"
                "tileloadd tmm1, [{sums} + {row} + 64]"
                "tileloadd tmm2, [{sums} + {row} + 2048]"
                "tileloadd tmm3, [{sums} + {row} + 2112]",
            step: $($step)*,
            store:
                "tilestored [{sums} + {row}], tmm0"
                "tilestored [{sums} + {row} + 64], tmm1"
                "tilestored [{sums} + {row} + 2048], tmm2"
                "tilestored [{sums} + {row} + 2112], tmm3"
        }
    };
}

/// As [`block`], of the first 16 rows.
macro_rules! half {
    ($(#[$meta:meta])* $name:ident, $parts:literal, $($step:literal)*) => {
        block! {
            $(#[$meta])* $name, $parts,
            zero: "tilezero tmm0" "tilezero tmm1",
            load:
                "tileloadd tmm0, [{sums} + {row}]"
                "tileloadd tmm1, [{sums} + {row} + 64]",
            step: $($step)*,
            store:
                "tilestored [{sums} + {row}], tmm0"
                "tilestored [{sums} + {row} + 64], tmm1"
        }
    };
}

whole! {
    /// Rows · weights, both of high parts alone.
    high, 2,
    "tileloadd tmm6, [{weights} + {line}]"
    "tileloadd tmm4, [{rows} + {line}]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon}]"
    "tileloadd tmm7, [{weights} + {line} + 1024]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 64]"
    "tileloadd tmm5, [{rows} + {line} + 1024]"
    "tdpbf16ps tmm2, tmm5, tmm6"
    "tdpbf16ps tmm3, tmm5, tmm7"
}

whole! {
    /// Rows · weights: high · high, low · high, high · low.
    high_and_low, 4,
    "tileloadd tmm6, [{weights} + {line}]"
    "tileloadd tmm4, [{rows} + {line}]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon}]"
    "prefetcht1 [{soon} + 64]"
    "tileloadd tmm7, [{weights} + {line} + 1024]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 128]"
    "tileloadd tmm5, [{rows} + {line} + 1024]"
    "tdpbf16ps tmm2, tmm5, tmm6"
    "tdpbf16ps tmm3, tmm5, tmm7"
    "tileloadd tmm4, [{rows} + {line} + 2048]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 192]"
    "prefetcht1 [{soon} + 256]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "tileloadd tmm5, [{rows} + {line} + 3072]"
    "tdpbf16ps tmm2, tmm5, tmm6"
    "prefetcht1 [{soon} + 320]"
    "tdpbf16ps tmm3, tmm5, tmm7"
    "tileloadd tmm6, [{weights} + {line} + 2048]"
    "prefetcht1 [{soon} + 384]"
    "tileloadd tmm4, [{rows} + {line}]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "tileloadd tmm7, [{weights} + {line} + 3072]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "tileloadd tmm5, [{rows} + {line} + 1024]"
    "prefetcht1 [{soon} + 448]"
    "tdpbf16ps tmm2, tmm5, tmm6"
    "tdpbf16ps tmm3, tmm5, tmm7"
}

half! {
    /// As [`high`], of the first 16 rows.
    high_of_half, 2,
    "tileloadd tmm6, [{weights} + {line}]"
    "tileloadd tmm4, [{rows} + {line}]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon}]"
    "tileloadd tmm7, [{weights} + {line} + 1024]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 64]"
}

half! {
    /// As [`high_and_low`], of the first 16 rows.
    high_and_low_of_half, 4,
    "tileloadd tmm6, [{weights} + {line}]"
    "tileloadd tmm4, [{rows} + {line}]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon}]"
    "prefetcht1 [{soon} + 64]"
    "tileloadd tmm7, [{weights} + {line} + 1024]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 128]"
    "prefetcht1 [{soon} + 192]"
    "tileloadd tmm5, [{rows} + {line} + 2048]"
    "tdpbf16ps tmm0, tmm5, tmm6"
    "tdpbf16ps tmm1, tmm5, tmm7"
    "prefetcht1 [{soon} + 256]"
    "prefetcht1 [{soon} + 320]"
    "tileloadd tmm6, [{weights} + {line} + 2048]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 384]"
    "tileloadd tmm7, [{weights} + {line} + 3072]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 448]"
}

whole! {
    /// Rows · weights, of three parts each: the [`terms`](super::terms).
    three_parts, 6,
    "tileloadd tmm6, [{weights} + {line}]"
    "tileloadd tmm4, [{rows} + {line}]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon}]"
    "tileloadd tmm7, [{weights} + {line} + 1024]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 64]"
    "tileloadd tmm5, [{rows} + {line} + 1024]"
    "tdpbf16ps tmm2, tmm5, tmm6"
    "prefetcht1 [{soon} + 128]"
    "tdpbf16ps tmm3, tmm5, tmm7"
    "tileloadd tmm4, [{rows} + {line} + 4096]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 192]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 256]"
    "tileloadd tmm5, [{rows} + {line} + 5120]"
    "tdpbf16ps tmm2, tmm5, tmm6"
    "prefetcht1 [{soon} + 320]"
    "tdpbf16ps tmm3, tmm5, tmm7"
    "tileloadd tmm4, [{rows} + {line} + 2048]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 384]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 448]"
    "tileloadd tmm5, [{rows} + {line} + 3072]"
    "tdpbf16ps tmm2, tmm5, tmm6"
    "prefetcht1 [{soon} + 512]"
    "tdpbf16ps tmm3, tmm5, tmm7"
    "tileloadd tmm6, [{weights} + {line} + 2048]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 576]"
    "tileloadd tmm7, [{weights} + {line} + 3072]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 640]"
    "tdpbf16ps tmm2, tmm5, tmm6"
    "prefetcht1 [{soon} + 704]"
    "tdpbf16ps tmm3, tmm5, tmm7"
    "tileloadd tmm4, [{rows} + {line}]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 768]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 832]"
    "tileloadd tmm5, [{rows} + {line} + 1024]"
    "tdpbf16ps tmm2, tmm5, tmm6"
    "prefetcht1 [{soon} + 896]"
    "tdpbf16ps tmm3, tmm5, tmm7"
    "tileloadd tmm6, [{weights} + {line} + 4096]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 960]"
    "tileloadd tmm7, [{weights} + {line} + 5120]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "tdpbf16ps tmm2, tmm5, tmm6"
    "tdpbf16ps tmm3, tmm5, tmm7"
}

half! {
    /// As [`three_parts`], of the first 16 rows.
    three_parts_of_half, 6,
    "tileloadd tmm6, [{weights} + {line}]"
    "tileloadd tmm4, [{rows} + {line}]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon}]"
    "tileloadd tmm7, [{weights} + {line} + 1024]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 64]"
    "prefetcht1 [{soon} + 128]"
    "tileloadd tmm4, [{rows} + {line} + 4096]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 192]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 256]"
    "prefetcht1 [{soon} + 320]"
    "tileloadd tmm4, [{rows} + {line} + 2048]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 384]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 448]"
    "prefetcht1 [{soon} + 512]"
    "tileloadd tmm6, [{weights} + {line} + 2048]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 576]"
    "tileloadd tmm7, [{weights} + {line} + 3072]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 640]"
    "prefetcht1 [{soon} + 704]"
    "tileloadd tmm4, [{rows} + {line}]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 768]"
    "tdpbf16ps tmm1, tmm4, tmm7"
    "prefetcht1 [{soon} + 832]"
    "prefetcht1 [{soon} + 896]"
    "tileloadd tmm6, [{weights} + {line} + 4096]"
    "tdpbf16ps tmm0, tmm4, tmm6"
    "prefetcht1 [{soon} + 960]"
    "tileloadd tmm7, [{weights} + {line} + 5120]"
    "tdpbf16ps tmm1, tmm4, tmm7"
}

impl Drop for Configured {
    fn drop(&mut self) {
        // SAFETY: AMX is available, since the shape was set.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
