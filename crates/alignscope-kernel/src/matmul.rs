//! Products of matrices as they lie, on one thread: images are what is done in parallel.
//!
//! In f32 they are made of the tiles of `f32_tile.rs`, in f64 of tiles of 4 rows and 8 columns in
//! plain code that vectorizes: 8 registers of AVX2 with sums. The right side is packed panel by
//! panel, the left where its rows do not lie one number after the other.

use crate::f32_tile::{LeftRows, PANEL, RUN, Sums};
use crate::lanes::{LANES, ZEROS};

/// Numbers that a product is made of: f32 and f64.
pub trait Element: Copy + sealed::Multiplied {}

impl Element for f32 {}

impl Element for f64 {}

mod sealed {
    use super::{Matrix, MatrixMut, of_f32, of_f64};

    /// `out = scale · a b`, or that added to it. The shapes fit.
    type Multiply<T> = fn(MatrixMut<'_, T>, Matrix<'_, T>, Matrix<'_, T>, T, bool);

    pub trait Multiplied: Sized {
        const MULTIPLY: Multiply<Self>;
    }

    impl Multiplied for f32 {
        const MULTIPLY: Multiply<Self> = of_f32;
    }

    impl Multiplied for f64 {
        const MULTIPLY: Multiply<Self> = of_f64;
    }
}

/// A matrix in a slice, with any strides.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, T = f32> {
    values: &'a [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// `rows` rows of `cols` numbers that begin `row_stride` apart.
    ///
    /// # Panics
    /// It has no row or no column, its rows overlap, or the slice is too short.
    pub fn rows(values: &'a [T], rows: usize, cols: usize, row_stride: usize) -> Self {
        check(values.len(), rows, cols, row_stride);
        Self { values, rows, cols, row_stride, col_stride: 1 }
    }

    /// The same numbers with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }
}

/// A matrix to be written, in rows.
#[derive(Debug)]
pub struct MatrixMut<'a, T = f32> {
    values: &'a mut [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
}

impl<'a, T> MatrixMut<'a, T> {
    /// `rows` rows of `cols` numbers that begin `row_stride` apart.
    ///
    /// # Panics
    /// It has no row or no column, its rows overlap, or the slice is too short.
    pub fn rows(values: &'a mut [T], rows: usize, cols: usize, row_stride: usize) -> Self {
        check(values.len(), rows, cols, row_stride);
        Self { values, rows, cols, row_stride }
    }
}

/// Panics unless every element lies within the slice; what `matmul` rests on.
fn check(len: usize, rows: usize, cols: usize, row_stride: usize) {
    assert!(rows > 0 && cols > 0, "a matrix of {rows} × {cols}");
    assert!(cols <= row_stride || rows == 1, "rows of {cols} overlap at a stride of {row_stride}");
    let last = (rows - 1).checked_mul(row_stride).and_then(|start| start.checked_add(cols));
    assert!(
        last.is_some_and(|last| last <= len),
        "{rows} rows of {cols}, {row_stride} apart, in a slice of {len}"
    );
}

impl<'a, T: Copy> Matrix<'a, T> {
    /// Its rows, each one number after the other, and how far apart they begin: where they lie so,
    /// or else in `copy`.
    fn contiguous<'s>(self, copy: &'s mut Vec<T>) -> (&'s [T], usize)
    where
        'a: 's,
    {
        if self.col_stride == 1 {
            return (self.values, self.row_stride);
        }
        for row in 0..self.rows {
            let row = self.values[row * self.row_stride..].iter().step_by(self.col_stride);
            copy.extend(row.take(self.cols));
        }
        (copy, self.cols)
    }

    /// Calls `put` with the place in a panel, `[rows, columns]`, and the value of each number of
    /// `count` columns from `first` on, in the order in which they lie.
    #[inline(always)]
    fn each_of_columns(self, first: usize, count: usize, mut put: impl FnMut(usize, usize, T)) {
        if self.col_stride == 1 {
            for row in 0..self.rows {
                let values = &self.values[row * self.row_stride + first..][..count];
                values.iter().enumerate().for_each(|(column, value)| put(row, column, *value));
            }
        } else {
            for column in 0..count {
                let values = &self.values[(first + column) * self.col_stride..];
                let values = values.iter().step_by(self.row_stride).take(self.rows);
                values.enumerate().for_each(|(row, value)| put(row, column, *value));
            }
        }
    }
}

/// `out = scale · a b`, or with `add`, `out = out + scale · a b`.
///
/// `a` is `[m, k]`, `b` `[k, n]`, `out` `[m, n]`; what lies between the rows of `out` stays as it
/// is. Each number is summed over k in order with fused steps, in runs of 128, and the runs' sums
/// one after the other; then it is scaled, and then added. So it has the same bits on every
/// processor, and whatever the other rows and columns are.
///
/// # Panics
/// The shapes do not fit: that is a mistake in the caller, never in the input.
pub fn matmul<T: Element>(
    out: MatrixMut<'_, T>,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    scale: T,
    add: bool,
) {
    assert_eq!((out.rows, out.cols, a.cols), (a.rows, b.cols, b.rows), "shapes of a product");
    (T::MULTIPLY)(out, a, b, scale, add);
}

multiplying! {
    fn of_f32(
        out: MatrixMut<'_, f32>,
        a: Matrix<'_, f32>,
        b: Matrix<'_, f32>,
        scale: f32,
        add: bool,
    ) {
        let (rows, inputs) = (a.rows, a.cols);
        let mut panel = vec![ZEROS; inputs * 2];
        let (mut copy, mut sums) = (Vec::new(), Sums::new());
        let (left, stride) = a.contiguous(&mut copy);
        let left = LeftRows { values: left, stride, rows };
        for first in (0..out.cols).step_by(PANEL) {
            let count = PANEL.min(out.cols - first);
            b.each_of_columns(first, count, |row, column, value| {
                panel[row * 2 + column / LANES].0[column % LANES] = value;
            });
            for (start, values, rows) in left.tiles(K::ROWS) {
                // SAFETY: the processor has the instructions of K.
                unsafe { sums.set::<K>(values, stride, rows, &panel) };
                for (row, sums) in sums.0[..rows].iter().enumerate() {
                    let to = (start + row) * out.row_stride + first;
                    write(&mut out.values[to..][..count], sums, scale, add);
                }
            }
        }
    }
}

/// Columns of a panel of f64.
const F64_PANEL: usize = 8;
/// Rows of a tile of f64.
const F64_ROWS: usize = 4;

vectorized! {
    fn of_f64(
        out: MatrixMut<'_, f64>,
        a: Matrix<'_, f64>,
        b: Matrix<'_, f64>,
        scale: f64,
        add: bool,
    ) {
        let (rows, inputs) = (a.rows, a.cols);
        let mut panel = vec![[0.0; F64_PANEL]; inputs];
        let mut copy = Vec::new();
        let (left, stride) = a.contiguous(&mut copy);
        for first in (0..out.cols).step_by(F64_PANEL) {
            let count = F64_PANEL.min(out.cols - first);
            b.each_of_columns(first, count, |row, column, value| panel[row][column] = value);
            let mut start = 0;
            while start < rows {
                let values = &left[start * stride..];
                let mut sums = [[0.0; F64_PANEL]; F64_ROWS];
                let done = if rows - start >= F64_ROWS {
                    sums = tile_of_f64::<F64_ROWS>(values, stride, &panel);
                    F64_ROWS
                } else {
                    sums[..1].copy_from_slice(&tile_of_f64::<1>(values, stride, &panel));
                    1
                };
                for (row, sums) in sums[..done].iter().enumerate() {
                    let to = (start + row) * out.row_stride + first;
                    write(&mut out.values[to..][..count], sums, scale, add);
                }
                start += done;
            }
        }
    }
}

/// Sums of `N` rows and a panel.
#[inline(always)]
fn tile_of_f64<const N: usize>(
    x: &[f64],
    stride: usize,
    panel: &[[f64; F64_PANEL]],
) -> [[f64; F64_PANEL]; N] {
    let rows: [&[f64]; N] = std::array::from_fn(|row| &x[row * stride..][..panel.len()]);
    let mut sums = [[0.0; F64_PANEL]; N];
    for (number, run) in panel.chunks(RUN).enumerate() {
        let mut of_run = [[0.0_f64; F64_PANEL]; N];
        let rows = rows.map(|row| &row[number * RUN..][..run.len()]);
        for (input, weights) in run.iter().enumerate() {
            for (sums, row) in of_run.iter_mut().zip(rows) {
                let x = row[input];
                sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum = x.mul_add(*w, *sum));
            }
        }
        match number {
            0 => sums = of_run,
            _ => {
                let sums = sums.as_flattened_mut().iter_mut();
                sums.zip(of_run.as_flattened()).for_each(|(sum, more)| *sum += more);
            }
        }
    }
    sums
}

/// Some sums to their places.
#[inline(always)]
fn write<T>(out: &mut [T], sums: &[T], scale: T, add: bool)
where
    T: Copy + std::ops::Mul<Output = T> + std::ops::Add<Output = T>,
{
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = if add { *out + scale * *sum } else { scale * *sum };
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::instructions::tests::at_each_level;

    /// Numbers from −1 to 1.
    pub(crate) fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 201) as f32 / 100.0 - 1.0).collect()
    }

    #[test]
    fn products_equal_the_plain_triple_loop_over_odd_sizes() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (17, 33, 64), (50, 50, 64), (1, 512, 768)] {
            let a = numbers(m * (k + 2), 1);
            let b = numbers(n * k, 2);
            let mut out = numbers(m * (n + 3), 3);
            let before = out.clone();
            matmul(
                MatrixMut::rows(&mut out, m, n, n + 3),
                Matrix::rows(&a, m, k, k + 2),
                Matrix::rows(&b, n, k, k).transposed(),
                0.5,
                true,
            );
            for i in 0..m {
                for j in 0..n + 3 {
                    let expected = if j < n {
                        let dot: f64 = (0..k)
                            .map(|l| f64::from(a[i * (k + 2) + l]) * f64::from(b[j * k + l]))
                            .sum();
                        f64::from(before[i * (n + 3) + j]) + 0.5 * dot
                    } else {
                        f64::from(before[i * (n + 3) + j])
                    };
                    let found = f64::from(out[i * (n + 3) + j]);
                    // A sum of k products of numbers below 1 in f32 is within k · 2^-24 · k/2.
                    assert!((found - expected).abs() < 1e-5 * (1.0 + k as f64 / 10.0));
                }
            }
        }
    }

    #[test]
    fn each_level_of_instructions_gives_the_same_bits_and_sums_are_in_runs_in_order() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (17, 33, 64), (7, 9, 128), (15, 70, 300)] {
            let [a, b] = [numbers(k * m, 1), numbers(n * k, 2)];
            let before = numbers(m * n, 3);
            // Either side with its rows or its columns one after the other.
            for (a_rows, b_rows) in [(true, true), (true, false), (false, true), (false, false)] {
                let place = |rows: bool, r: usize, c: usize, [height, width]: [usize; 2]| {
                    if rows { r * width + c } else { c * height + r }
                };
                let at = |i: usize, l: usize| a[place(a_rows, i, l, [m, k])];
                let bt = |l: usize, j: usize| b[place(b_rows, l, j, [k, n])];
                let what = format!("{m} × {k} × {n}, rows {a_rows} {b_rows}");
                let wide =
                    |values: &[f32]| -> Vec<f64> { values.iter().map(|x| f64::from(*x)).collect() };
                let (a_wide, b_wide) = (wide(&a), wide(&b));

                let mut expected = before.clone();
                let mut expected_wide = wide(&before);
                for i in 0..m {
                    for j in 0..n {
                        let (mut sum, mut sum_wide) = (0.0_f32, 0.0_f64);
                        for run in (0..k).step_by(RUN) {
                            let (mut of_run, mut of_run_wide) = (0.0_f32, 0.0_f64);
                            for l in run..k.min(run + RUN) {
                                let (x, w) = (at(i, l), bt(l, j));
                                of_run = x.mul_add(w, of_run);
                                of_run_wide = f64::from(x).mul_add(f64::from(w), of_run_wide);
                            }
                            (sum, sum_wide) = (sum + of_run, sum_wide + of_run_wide);
                        }
                        expected[i * n + j] += 0.7 * sum;
                        expected_wide[i * n + j] += 0.7 * sum_wide;
                    }
                }

                let side = |rows: bool, values, [height, width]: [usize; 2]| match rows {
                    true => Matrix::rows(values, height, width, width),
                    false => Matrix::rows(values, width, height, height).transposed(),
                };
                let side_wide = |rows: bool, values, [height, width]: [usize; 2]| match rows {
                    true => Matrix::rows(values, height, width, width),
                    false => Matrix::rows(values, width, height, height).transposed(),
                };
                for (level, found) in at_each_level(|| {
                    let mut out = before.clone();
                    let to = MatrixMut::rows(&mut out, m, n, n);
                    matmul(to, side(a_rows, &a, [m, k]), side(b_rows, &b, [k, n]), 0.7, true);
                    let mut out_wide = wide(&before);
                    let to = MatrixMut::rows(&mut out_wide, m, n, n);
                    let [a, b] =
                        [side_wide(a_rows, &a_wide, [m, k]), side_wide(b_rows, &b_wide, [k, n])];
                    matmul(to, a, b, 0.7, true);
                    (out, out_wide)
                }) {
                    assert!(found.0 == expected, "f32, {what}, {level:?}");
                    assert!(found.1 == expected_wide, "f64, {what}, {level:?}");
                }
            }
        }
    }

    #[test]
    fn products_of_f64_keep_its_digits() {
        let a = [1.0 + 1e-12, 2.0, 3.0, 4.0_f64];
        let mut out = [0.0; 2];
        matmul(
            MatrixMut::rows(&mut out, 2, 1, 1),
            Matrix::rows(&a, 2, 2, 2),
            Matrix::rows(&[1.0, -2.0], 2, 1, 1),
            1.0,
            false,
        );
        assert!((out[0] - (1e-12 - 3.0)).abs() < 1e-15 && out[1] == -5.0, "{out:?}");
    }

    #[test]
    #[should_panic(expected = "in a slice of 5")]
    fn a_slice_too_short_for_its_matrix_is_refused() {
        Matrix::rows(&[0.0; 5], 2, 3, 3);
    }
}
