//! Matrix products, by the crate `gemm`, on one thread: images are what is done in parallel.

use gemm::Parallelism;

/// Numbers that a product is made of.
pub trait Element: Copy + 'static {
    /// The number 1.
    const ONE: Self;
}

impl Element for f32 {
    const ONE: Self = 1.0;
}

impl Element for f64 {
    const ONE: Self = 1.0;
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

/// `out = scale · a b`, or with `add`, `out = out + scale · a b`.
///
/// `a` is `[m, k]`, `b` `[k, n]`, `out` `[m, n]`; what lies between the rows of `out` stays as it
/// is. The order of the sums over k is up to `gemm` and may depend on m, n and the processor's
/// caches; the products of [`PackedWeights`](crate::PackedWeights) do not.
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
    let stride = |n: usize| isize::try_from(n).expect("a stride within a slice fits");
    // SAFETY: the constructors checked that every element of the three matrices lies within its
    // slice, the shapes agree, and `out` is borrowed mutably, so it overlaps neither input.
    unsafe {
        gemm::gemm(
            out.rows,
            out.cols,
            a.cols,
            out.values.as_mut_ptr(),
            1,
            stride(out.row_stride),
            add,
            a.values.as_ptr(),
            stride(a.col_stride),
            stride(a.row_stride),
            b.values.as_ptr(),
            stride(b.col_stride),
            stride(b.row_stride),
            T::ONE,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

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
