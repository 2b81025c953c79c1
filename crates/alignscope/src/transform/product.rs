//! Products of matrices in f64, in rows.

use alignscope_kernel::{Matrix, MatrixMut, matmul};

/// `a b`, `[m, n]`, of `[m, k]` and `[k, n]`.
pub(super) fn product(a: &[f64], b: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; m * n];
    let to = MatrixMut::rows(&mut out, m, n, n);
    matmul(to, Matrix::rows(a, m, k, k), Matrix::rows(b, k, n, n), 1.0, false);
    out
}

/// `aᵀ b`, `[m, n]`, of `[k, m]` and `[k, n]`, added to `out`.
pub(super) fn add_transposed(out: &mut [f64], a: &[f64], b: &[f64], [m, k, n]: [usize; 3]) {
    let to = MatrixMut::rows(out, m, n, n);
    matmul(to, Matrix::rows(a, k, m, m).transposed(), Matrix::rows(b, k, n, n), 1.0, true);
}

/// `a aᵀ`, `[m, m]`, of `[m, k]`.
pub(super) fn gram(a: &[f64], [m, k]: [usize; 2]) -> Vec<f64> {
    let mut out = vec![0.0; m * m];
    let to = MatrixMut::rows(&mut out, m, m, m);
    matmul(to, Matrix::rows(a, m, k, k), Matrix::rows(a, m, k, k).transposed(), 1.0, false);
    out
}

/// ⟨a, b⟩.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
