//! Inner products of many vectors with many others, in f64.
//!
//! Both sides are packed alike, in panels of 8 vectors that stand number by number: `[numbers, 8]`.
//! A tile is 4 vectors of the one side and 8 of the other, which is 8 registers of AVX2 with sums:
//! each number costs 2 loads and 4 broadcasts for 8 fused multiplications and additions, so that
//! these are the limit. With AVX-512 it is 8 by 8, again 8 registers, so that two additions a cycle
//! need not wait for those before them. Tiles stay in registers for a run of numbers; a block of
//! panels is best no larger than the second cache.

use crate::instructions::{Level, level};

/// Vectors of a panel.
pub const PANEL: usize = 8;

/// Numbers that are summed in a register before their sum is added to the others'.
pub const RUN: usize = 256;

vectorized! {
    fn products_by_four(a: &[f64], b: &[f64], numbers: usize, out: &mut [f64]) {
        products::<4>(a, b, numbers, out);
    }
}

vectorized! {
    fn products_by_eight(a: &[f64], b: &[f64], numbers: usize, out: &mut [f64]) {
        products::<8>(a, b, numbers, out);
    }
}

/// `ROWS` — vectors of one side of a tile
#[inline(always)]
fn products<const ROWS: usize>(a: &[f64], b: &[f64], numbers: usize, out: &mut [f64]) {
    let a_panels = a.as_chunks::<PANEL>().0.chunks_exact(numbers);
    let width = b.len() / numbers;
    for (a, out) in a_panels.zip(out.chunks_exact_mut(PANEL * width)) {
        for (j, b) in b.as_chunks::<PANEL>().0.chunks_exact(numbers).enumerate() {
            for (a, b) in a.chunks(RUN).zip(b.chunks(RUN)) {
                for part in 0..PANEL / ROWS {
                    let sums = tile::<ROWS>(a, b, part * ROWS);
                    for (row, sums) in sums.iter().enumerate() {
                        let start = (part * ROWS + row) * width + j * PANEL;
                        let out = &mut out[start..][..PANEL];
                        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
                    }
                }
            }
        }
    }
}

/// Sums of some vectors of a panel, from number `first` on, and those of another panel.
#[inline(always)]
fn tile<const ROWS: usize>(
    a: &[[f64; PANEL]],
    b: &[[f64; PANEL]],
    first: usize,
) -> [[f64; PANEL]; ROWS] {
    let mut sums = [[0.0_f64; PANEL]; ROWS];
    for (a, b) in a.iter().zip(b) {
        let a: &[f64; ROWS] = a[first..][..ROWS].try_into().expect("a part of a panel");
        for (sums, a) in sums.iter_mut().zip(a) {
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = a.mul_add(*b, *sum);
            }
        }
    }
    sums
}

/// Adds the inner products of all vectors of `a` and all of `b` to `out`.
///
/// `a` — packed vectors, `[panels, numbers, 8]`
/// `b` — the same of as many numbers, `[panels, numbers, 8]`
/// `numbers` — of a vector
/// `out` — `[vectors of a, vectors of b]`
///
/// The numbers of a product are summed in order with fused steps, in runs of [`RUN`] from the first
/// on, and the runs' sums are added to what is in `out` one after the other. So a product does not
/// depend on the vectors beside it, and is the same with `a` and `b` exchanged.
///
/// # Panics
/// The shapes do not fit.
pub fn add_products(a: &[f64], b: &[f64], numbers: usize, out: &mut [f64]) {
    let panel = PANEL * numbers;
    assert!(numbers > 0, "vectors of numbers");
    assert!([a, b].iter().all(|x| x.len().is_multiple_of(panel)), "[panels, numbers, 8]");
    assert_eq!(out.len(), a.len() / numbers * (b.len() / numbers), "[vectors, vectors]");
    match level() {
        Level::Amx | Level::Avx512 => products_by_eight(a, b, numbers, out),
        Level::Avx2 | Level::Portable => products_by_four(a, b, numbers, out),
    }
}

/// Packs up to 8 vectors into a panel, `[numbers, 8]`, each number by its factor; vectors that are
/// missing are 0.
///
/// ```text
/// panel[k, i] = (vectors[i, k] − centre[k]) · factor[k]
/// ```
///
/// # Panics
/// There are more than 8 vectors, or the shapes do not fit.
pub fn pack_panel<'a, T: Copy + Into<f64> + 'a>(
    vectors: impl Iterator<Item = &'a [T]>,
    centre: &[f32],
    factor: &[f64],
    panel: &mut [f64],
) {
    assert_eq!((panel.len() / PANEL, factor.len()), (centre.len(), centre.len()), "[numbers, 8]");
    let (places, _) = panel.as_chunks_mut::<PANEL>();
    places.fill([0.0; PANEL]);
    for (lane, vector) in vectors.enumerate() {
        assert_eq!(vector.len(), centre.len(), "a number for each centre");
        let of_numbers = vector.iter().zip(centre.iter().zip(factor));
        for (place, (value, (centre, factor))) in places.iter_mut().zip(of_numbers) {
            place[lane] = ((*value).into() - f64::from(*centre)) * factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: f32) -> Vec<f32> {
        (0..count).map(|i| (i as f32 * 0.37 + seed).sin()).collect()
    }

    fn packed(values: &[f32], numbers: usize, centre: &[f32]) -> Vec<f64> {
        let factor = vec![1.0; numbers];
        let mut packed = vec![f64::NAN; (values.len() / numbers).div_ceil(PANEL) * PANEL * numbers];
        let groups = values.chunks(PANEL * numbers);
        for (panel, group) in packed.chunks_exact_mut(PANEL * numbers).zip(groups) {
            pack_panel(group.chunks_exact(numbers), centre, &factor, panel);
        }
        packed
    }

    /// The order of sums that is promised, one number at a time.
    fn plain(a: &[f32], b: &[f32], centre: &[f32]) -> f64 {
        let at = |x: &[f32], k: usize| f64::from(x[k]) - f64::from(centre[k]);
        let runs = (0..a.len()).step_by(RUN).map(|first| first..a.len().min(first + RUN));
        let of_run = runs.map(|run| run.fold(0.0, |sum, k| at(a, k).mul_add(at(b, k), sum)));
        of_run.fold(0.0, |sum, run| sum + run)
    }

    #[test]
    fn products_have_the_bits_of_the_plain_loop_over_odd_sizes() {
        for (of_a, of_b, count) in [(1, 1, 1), (3, 9, 255), (8, 8, 256), (17, 5, 700)] {
            let (a, b) = (numbers(of_a * count, 0.1), numbers(of_b * count, 2.0));
            let centre = numbers(count, 1.0);
            let (a_packed, b_packed) = (packed(&a, count, &centre), packed(&b, count, &centre));
            let width = b_packed.len() / count;
            let mut out = vec![0.0; a_packed.len() / count * width];
            add_products(&a_packed, &b_packed, count, &mut out);
            for (i, a) in a.chunks_exact(count).enumerate() {
                for (j, b) in b.chunks_exact(count).enumerate() {
                    assert_eq!(out[i * width + j], plain(a, b, &centre), "{count}: {i}, {j}");
                }
            }
            // What lies beyond the vectors is 0.
            assert!(
                out.iter()
                    .enumerate()
                    .all(|(at, out)| { (at / width < of_a && at % width < of_b) || *out == 0.0 })
            );
            // Two parts, cut between runs, are as one.
            let parts = |x: &[f32], k: std::ops::Range<usize>| -> Vec<f32> {
                x.chunks_exact(count).flat_map(|x| &x[k.clone()]).copied().collect()
            };
            if count > RUN {
                let mut again = vec![0.0; out.len()];
                for k in [0..RUN, RUN..count] {
                    let centre = &centre[k.clone()];
                    let a = packed(&parts(&a, k.clone()), k.len(), centre);
                    let b = packed(&parts(&b, k.clone()), k.len(), centre);
                    add_products(&a, &b, k.len(), &mut again);
                }
                assert_eq!(again, out);
            }
        }
    }

    #[test]
    fn levels_of_pixels_and_factors_are_packed_exactly() {
        let mut panel = vec![0.0; 2 * PANEL];
        let levels: [&[u8]; 2] = [&[255, 0], &[1, 2]];
        pack_panel(levels.into_iter(), &[1.0, 0.0], &[1.0, 0.5], &mut panel);
        assert_eq!(panel[..2], [254.0, 0.0]);
        assert_eq!(panel[PANEL..][..3], [0.0, 1.0, 0.0]);
    }
}
