//! The product on AMX: tiles of 16 × 16 sums of products of bf16, added in f32.
//!
//! In `Bf16x3` each number is split into a high and a low bf16, and high · high, high · low and
//! low · high are added: the error is that of low · low, about 2^-16 of the largest product, and the
//! sums are in f32. In `Bf16` only high · high is taken.
//!
//! A block of 32 rows and 32 outputs is four tiles of sums, which stay in their registers while all
//! inputs go by, 32 at a time; of the other four registers two hold rows and two weights. Twelve
//! products of 16 cycles each and ten loads of a kilobyte make a step, so the products limit
//! where tiles come from the first two caches: rows are packed so many at a time that they
//! stay in the second.

use std::arch::asm;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::super::precision::Precision;

/// Rows or columns of a tile.
const SIDE: usize = 16;
/// Rows and outputs of a block: two tiles.
const BLOCK: usize = 2 * SIDE;
/// Inputs of a step: a tile has 64 bytes a row.
const STEP: usize = 32;
/// Inputs that are packed at a time.
const DEPTH: usize = 768;
/// Rows that are packed at a time: 320 · 768 · 4 bytes are a megabyte.
const ROWS: usize = 320;

/// A kilobyte: 16 rows of 32 bf16.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Tile([u16; SIDE * STEP]);

const EMPTY: Tile = Tile([0; SIDE * STEP]);

/// Working memory of one thread.
#[derive(Debug, Default)]
pub(crate) struct AmxScratch {
    rows: Vec<Tile>,
    sums: Vec<Sums>,
}

/// The sums of a block, `[32, 32]`.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Sums([f32; BLOCK * BLOCK]);

/// Whether the processor multiplies tiles of bf16, and the system lets this process do so: it is
/// asked once.
pub(super) fn is_available() -> bool {
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

/// Tiles of a step's rows or weights: high alone, or high and low.
fn parts(precision: Precision) -> usize {
    match precision {
        Precision::Bf16 => 2,
        _ => 4,
    }
}

/// The nearest bf16, ties to even; its bits.
#[inline(always)]
fn round(value: f32) -> u16 {
    let bits = value.to_bits();
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

/// High and low part: `high + low` is `value` within 2^-16 of it.
#[inline(always)]
fn split(value: f32) -> [u16; 2] {
    let high = round(value);
    [high, round(value - f32::from_bits(u32::from(high) << 16))]
}

/// `[outputs, inputs]` -> `[panels of 32 outputs, steps of 32 inputs, tiles]`, a tile being
/// `[16 pairs of inputs, 16 outputs, 2]`; zeros beyond the last output and input.
pub(super) fn pack(weights: &[f32], inputs: usize, precision: Precision) -> Vec<Tile> {
    let outputs = weights.len() / inputs;
    let (steps, parts) = (inputs.div_ceil(STEP), parts(precision));
    let mut tiles = vec![EMPTY; outputs.div_ceil(BLOCK) * steps * parts];
    let rows = weights.par_chunks(BLOCK * inputs);
    tiles.par_chunks_mut(steps * parts).zip(rows).for_each(|(panel, rows)| {
        for (column, row) in rows.chunks_exact(inputs).enumerate() {
            for (input, weight) in row.iter().enumerate() {
                let (step, place) = (input / STEP, input % STEP);
                let tile = step * parts + column / SIDE;
                let at = place / 2 * STEP + column % SIDE * 2 + place % 2;
                let halves = split(*weight);
                panel[tile].0[at] = halves[0];
                if parts == 4 {
                    panel[tile + 2].0[at] = halves[1];
                }
            }
        }
    });
    tiles
}

/// One product.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) x: &'a [f32],
    pub(super) tiles: &'a [Tile],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) add: bool,
    pub(super) precision: Precision,
}

impl Product<'_> {
    /// # Panics
    /// AMX is not available.
    pub(super) fn run(self, out: &mut [f32], scratch: &mut AmxScratch) {
        assert!(is_available(), "weights are packed so only where AMX is available");
        let _configured = Configured::new();
        let blocks = self.x.chunks(ROWS * self.inputs);
        for (x, out) in blocks.zip(out.chunks_mut(ROWS * self.outputs)) {
            self.rows(x, out, scratch);
        }
    }

    /// Some rows, all of whose inputs of one depth are packed at once.
    fn rows(self, x: &[f32], out: &mut [f32], scratch: &mut AmxScratch) {
        let parts = parts(self.precision);
        let rows = x.len() / self.inputs;
        let (row_blocks, panels) = (rows.div_ceil(BLOCK), self.outputs.div_ceil(BLOCK));
        let all_steps = self.inputs.div_ceil(STEP);
        let depths = self.inputs.div_ceil(DEPTH);
        scratch.sums.resize(if depths == 1 { 1 } else { row_blocks * panels }, EMPTY_SUMS);
        for depth in 0..depths {
            let first = depth * DEPTH / STEP;
            let steps = (all_steps - first).min(DEPTH / STEP);
            pack_rows(x, self.inputs, first, steps, self.precision, &mut scratch.rows);
            for panel in 0..panels {
                let weights = &self.tiles[(panel * all_steps + first) * parts..][..steps * parts];
                for block in 0..row_blocks {
                    let rows = &scratch.rows[block * steps * parts..][..steps * parts];
                    let place = if depths == 1 { 0 } else { panel * row_blocks + block };
                    let sums = &mut scratch.sums[place];
                    multiply(rows, weights, parts, steps, depth > 0, sums);
                    if depth + 1 == depths {
                        self.write(sums, block, panel, out);
                    }
                }
            }
        }
    }

    /// Sums of a block to where they belong.
    fn write(self, sums: &Sums, block: usize, panel: usize, out: &mut [f32]) {
        let first = panel * BLOCK;
        let width = BLOCK.min(self.outputs - first);
        let rows = out.chunks_mut(self.outputs).skip(block * BLOCK);
        for (row, sums) in rows.zip(sums.0.chunks_exact(BLOCK)) {
            let out = &mut row[first..first + width];
            let zero = [0.0; BLOCK];
            let bias = self.bias.map_or(&zero[..width], |bias| &bias[first..first + width]);
            for ((out, sum), bias) in out.iter_mut().zip(sums).zip(bias) {
                let value = sum + bias;
                *out = if self.add { *out + value } else { value };
            }
        }
    }
}

const EMPTY_SUMS: Sums = Sums([0.0; BLOCK * BLOCK]);

vectorized! {
    /// `steps` steps of the inputs of each row, from step `first` on: `[blocks of 32 rows, steps,
    /// tiles]`, a tile being `[16 rows, 32 inputs]`; zeros beyond the last row and input.
    fn pack_rows(
        x: &[f32],
        inputs: usize,
        first: usize,
        steps: usize,
        precision: Precision,
        tiles: &mut Vec<Tile>,
    ) {
        let parts = parts(precision);
        let rows = x.len() / inputs;
        let count = rows.div_ceil(BLOCK) * steps * parts;
        tiles.resize(count, EMPTY);
        // What lies beyond the last row of an earlier product must not be left.
        if !rows.is_multiple_of(BLOCK) {
            tiles[count - steps * parts..].fill(EMPTY);
        }
        for (row, x) in x.chunks_exact(inputs).enumerate() {
            let (block, line) = (row / BLOCK, row % BLOCK);
            let last = inputs.min((first + steps) * STEP);
            for (step, x) in x[first * STEP..last].chunks(STEP).enumerate() {
                let mut values = [0.0; STEP];
                values[..x.len()].copy_from_slice(x);
                let tile = (block * steps + step) * parts + line / SIDE;
                let start = line % SIDE * STEP;
                let high = &mut tiles[tile].0[start..start + STEP];
                high.iter_mut().zip(&values).for_each(|(high, value)| *high = split(*value)[0]);
                if parts == 4 {
                    let low = &mut tiles[tile + 2].0[start..start + STEP];
                    low.iter_mut().zip(&values).for_each(|(low, value)| *low = split(*value)[1]);
                }
            }
        }
    }
}

/// The shape of all eight tiles, until it is dropped.
struct Configured;

impl Configured {
    fn new() -> Self {
        #[repr(align(64))]
        struct Shape([u8; 64]);
        let mut shape = Shape([0; 64]);
        shape.0[0] = 1;
        for tile in 0..8 {
            // Bytes of a row, little-endian; rows.
            shape.0[16 + 2 * tile] = 64;
            shape.0[48 + tile] = 16;
        }
        // SAFETY: the caller has seen that AMX is available; 64 bytes of palette 1 are read.
        unsafe { asm!("ldtilecfg [{}]", in(reg) shape.0.as_ptr(), options(nostack, readonly)) };
        Self
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        // SAFETY: AMX is available, since the shape was set.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// Sums of one block: `rows` and `weights` are `steps` times two tiles of high parts, and two of
/// low parts where `parts` is four. With `add` they are added to `sums`.
fn multiply(
    rows: &[Tile],
    weights: &[Tile],
    parts: usize,
    steps: usize,
    add: bool,
    sums: &mut Sums,
) {
    assert!(rows.len() == steps * parts && weights.len() == steps * parts && steps > 0);
    if !add {
        *sums = EMPTY_SUMS;
    }
    let sums = sums.0.as_mut_ptr();
    // SAFETY: AMX is available and the tiles have their shape (`Product::run`). Rows and weights
    // are `steps` times `parts` kilobytes, as just checked, and of each step exactly these are
    // read; the sums are 32 rows of 128 bytes. All tile registers are named.
    unsafe {
        asm!(
            "tileloadd tmm0, [{sums} + {row}]",
            "tileloadd tmm1, [{sums} + {row} + 64]",
            "tileloadd tmm2, [{sums} + {row} + 2048]",
            "tileloadd tmm3, [{sums} + {row} + 2112]",
            "2:",
            "tileloadd tmm6, [{weights} + {line}]",
            "tileloadd tmm4, [{rows} + {line}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{weights} + {line} + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{rows} + {line} + 1024]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "cmp {parts}, 2",
            "je 3f",
            // low rows · high weights
            "tileloadd tmm4, [{rows} + {line} + 2048]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{rows} + {line} + 3072]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            // high rows · low weights
            "tileloadd tmm6, [{weights} + {line} + 2048]",
            "tileloadd tmm4, [{rows} + {line}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{weights} + {line} + 3072]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{rows} + {line} + 1024]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "3:",
            "add {rows}, {bytes}",
            "add {weights}, {bytes}",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{sums} + {row}], tmm0",
            "tilestored [{sums} + {row} + 64], tmm1",
            "tilestored [{sums} + {row} + 2048], tmm2",
            "tilestored [{sums} + {row} + 2112], tmm3",
            rows = inout(reg) rows.as_ptr() => _,
            weights = inout(reg) weights.as_ptr() => _,
            steps = inout(reg) steps => _,
            sums = in(reg) sums,
            parts = in(reg) parts,
            bytes = in(reg) parts * size_of::<Tile>(),
            line = in(reg) 64_usize,
            row = in(reg) 128_usize,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_sum_of_its_parts_within_two_to_the_minus_sixteen() {
        let widen = |bits: u16| f32::from_bits(u32::from(bits) << 16);
        for i in 0..100_000 {
            let value = ((i * 7919) % 100_003) as f32 * 1.37e-3 - 60.0;
            let [high, low] = split(value);
            let off = (widen(high) + widen(low) - value).abs();
            assert!(off <= value.abs() * 2.0_f32.powi(-16), "{value} {off}");
        }
        assert_eq!(round(1.0), 0x3f80);
    }
}
