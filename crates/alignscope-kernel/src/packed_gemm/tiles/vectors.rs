//! The product of tiles by AVX-512 for bf16, on processors that have it and not AMX, such as AMD's
//! since Zen 4.
//!
//! `vdpbf16ps` adds two products to each of sixteen sums: the second of a pair, then the first,
//! each fused, in f32 rounded to nearest (Intel's manual, volume 2). That is twice what f32 does in
//! an instruction, and another order of additions than AMX's.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _MM_HINT_T1, _mm_prefetch, _mm512_dpbf16_ps, _mm512_loadu_si512,
    _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
};
use std::mem::transmute;

use super::block::{Block, Sums, asked, terms};
use crate::instructions::has_avx512_bf16;
use crate::tile::{BLOCK, SIDE, Tile};

/// Rows whose sums are in registers at a time, two registers each.
const ROWS: usize = 8;

/// Bytes of a line of the caches.
const LINE: usize = 64;

/// The knowledge that the processor has the instructions.
#[derive(Debug)]
pub(crate) struct Vectors(());

impl Vectors {
    /// # Panics
    /// The instructions are not available.
    pub(super) fn new() -> Self {
        assert!(has_avx512_bf16(), "AVX-512 for bf16 is available");
        Self(())
    }

    /// Sums of one block.
    pub(super) fn multiply(&self, block: Block<'_>, sums: &mut Sums) {
        // SAFETY: the processor has the instructions, or there were no `self`.
        unsafe { multiply(block, sums) }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn multiply(block: Block<'_>, sums: &mut Sums) {
    let Block { rows, lines, weights, parts, soon } = block;
    let (terms, mut soon) = (terms(parts), soon.as_ptr().cast::<i8>());
    let groups = sums.0.as_chunks_mut::<{ ROWS * BLOCK }>().0;
    for (group, sums) in groups.iter_mut().take(lines.div_ceil(ROWS)).enumerate() {
        let (tile, line) = (group * ROWS / SIDE, group * ROWS % SIDE);
        let mut registers = [[_mm512_setzero_ps(); 2]; ROWS];
        for (rows, weights) in rows.chunks_exact(parts).zip(weights.chunks_exact(parts)) {
            if group == 0 {
                for _ in 0..asked(parts) / LINE {
                    _mm_prefetch::<_MM_HINT_T1>(soon);
                    soon = soon.wrapping_add(LINE);
                }
            }
            for [x, w] in terms {
                add_tile(&rows[2 * x + tile], line, &weights[2 * w..][..2], &mut registers);
            }
        }
        for (registers, sums) in registers.iter().zip(sums.as_chunks_mut::<BLOCK>().0) {
            store(registers[0], sums, 0);
            store(registers[1], sums, SIDE);
        }
    }
}

/// Adds the product of a tile's rows from `line` on and two tiles of weights.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn add_tile(rows: &Tile, line: usize, weights: &[Tile], sums: &mut [[__m512; 2]; ROWS]) {
    let rows: &[[u32; SIDE]; ROWS] =
        rows.0.as_chunks::<SIDE>().0[line..].first_chunk().expect("whole groups of rows");
    let (first, second) = (weights[0].0.as_chunks::<SIDE>().0, weights[1].0.as_chunks::<SIDE>().0);
    for (pair, (first, second)) in first.iter().zip(second).enumerate() {
        let weights = [pairs(first), pairs(second)];
        for (sums, row) in sums.iter_mut().zip(rows) {
            let x = of_pairs(_mm512_set1_epi32(row[pair].cast_signed()));
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm512_dpbf16_ps(*sum, x, weights);
            }
        }
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn pairs(values: &[u32; SIDE]) -> __m512bh {
    // SAFETY: the array is 64 bytes.
    of_pairs(unsafe { _mm512_loadu_si512(values.as_ptr().cast()) })
}

#[target_feature(enable = "avx512f")]
#[inline]
fn of_pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits.
    unsafe { transmute::<__m512i, __m512bh>(bits) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(register: __m512, sums: &mut [f32; BLOCK], at: usize) {
    let sums = &mut sums[at..at + SIDE];
    // SAFETY: these are sixteen numbers.
    unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), register) };
}
