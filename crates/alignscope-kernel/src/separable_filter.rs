//! A separable filter of a plane, in f64.

vectorized! {
    /// `out[i] = Σ_k taps[k] · rows[k · step + i]`: a window along rows (`step` 1) or down columns
    /// (`step` a row's length), for every `i` of `out`.
    fn weigh(values: &[f64], step: usize, taps: &[f64], out: &mut [f64]) {
        /// Sums that are held in registers while the taps go by.
        const BLOCK: usize = 32;
        assert!(values.len() >= (taps.len() - 1) * step + out.len(), "the window lies within");
        let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
        let done = blocks.len() * BLOCK;
        for (number, out) in blocks.iter_mut().enumerate() {
            let mut sums = [0.0; BLOCK];
            for (k, tap) in taps.iter().enumerate() {
                let seen: &[f64; BLOCK] =
                    values[k * step + number * BLOCK..][..BLOCK].try_into().expect("a block");
                for lane in 0..BLOCK {
                    sums[lane] += tap * seen[lane];
                }
            }
            *out = sums;
        }
        for (i, out) in rest.iter_mut().enumerate() {
            *out = taps.iter().enumerate().map(|(k, tap)| tap * values[k * step + done + i]).sum();
        }
    }
}

/// A plane of rows of `width`, weighed by the outer product of `taps` with itself at each place
/// where the whole window lies within: `[height − t + 1, width − t + 1]` into `out`, which gets
/// that length. `t` is the number of taps.
///
/// # Panics
/// There are no taps, or the plane is smaller than the window.
pub fn filter_valid(plane: &[f64], width: usize, taps: &[f64], out: &mut Vec<f64>) {
    let height = plane.len() / width;
    let (rows, columns) = (height + 1 - taps.len(), width + 1 - taps.len());
    let mut down = vec![0.0; rows * width];
    // Rows lie one after the other: the window goes down all columns at once.
    weigh(plane, width, taps, &mut down);
    out.clear();
    out.resize(rows * columns, 0.0);
    for (row, out) in down.chunks_exact(width).zip(out.chunks_exact_mut(columns)) {
        weigh(row, 1, taps, out);
    }
}

#[cfg(test)]
mod tests {
    use super::filter_valid;

    #[test]
    fn it_is_the_double_sum_over_odd_sizes() {
        let taps = [0.5, 2.0, -1.0, 0.25];
        for (width, height) in [(4, 4), (5, 9), (40, 7), (75, 33)] {
            let plane: Vec<f64> = (0..width * height).map(|i| ((i * 37) % 101) as f64).collect();
            let mut out = Vec::new();
            filter_valid(&plane, width, &taps, &mut out);
            assert_eq!(out.len(), (width - 3) * (height - 3));
            for (place, found) in out.iter().enumerate() {
                let (y, x) = (place / (width - 3), place % (width - 3));
                let mut sum = 0.0;
                for (i, a) in taps.iter().enumerate() {
                    for (j, b) in taps.iter().enumerate() {
                        sum += a * b * plane[(y + i) * width + x + j];
                    }
                }
                assert!((found - sum).abs() < 1e-9, "{found} {sum}");
            }
        }
    }
}
