//! Whitening of dissimilarities: the Gram matrix with rows and columns that sum to 0.

use super::weights::Weights;

/// Below this a divisor is taken for 0.
const SMALL: f64 = 0.5;

/// Takes from each pair a number for either image, so that the sums over the pairs of each image are
/// 0, the image with itself among them:
///
/// ```text
/// x_ij = d_ij − b_i − b_j,   x_ii = −2 b_i,   Σ_j n_j x_ij + x_ii = 0
/// ```
///
/// where n_j is how often image j is there; two copies of one image are no pair. The squared length of
/// the result is Σ_i<j 2 n_i n_j x_ij² + Σ_i n_i x_ii².
#[derive(Debug, Clone)]
pub(super) struct Whitening {
    ends: Vec<[u32; 2]>,
    solver: Solver,
}

#[derive(Debug, Clone)]
enum Solver {
    /// All pairs of images are there: b_i = (r_i − B)/c_i, where r are the sums of rows.
    Complete { divisors: Vec<f64>, denominator: f64 },
    /// Some are not: the images that are drawn, and the Cholesky factor of their equations.
    Incomplete { images: Vec<usize>, factor: Vec<f64> },
}

impl Whitening {
    /// `ends` — the images of each pair of the group; `is_complete` — whether these are all pairs of
    /// its images
    pub(super) fn new(ends: &[[u32; 2]], is_complete: bool, weights: &Weights) -> Self {
        let counts = &weights.counts;
        let drawn: f64 = counts.iter().sum();
        let divisors: Vec<f64> = counts.iter().map(|n| drawn + 2.0 - 2.0 * n).collect();
        let can_divide = divisors.iter().zip(counts).all(|(c, n)| *n == 0.0 || *c > SMALL);
        let there: Vec<[u32; 2]> = weights.there.iter().map(|pair| ends[*pair as usize]).collect();
        let solver = if is_complete && can_divide {
            let denominator = 1.0 + counts.iter().zip(&divisors).map(|(n, c)| n / c).sum::<f64>();
            Solver::Complete { divisors, denominator }
        } else {
            incomplete(&there, counts)
        };
        Self { ends: there, solver }
    }

    /// The whitened values of the pairs that are there, times the roots of their weights, then those
    /// of the images with themselves.
    pub(super) fn whitened(&self, values: &[f64], weights: &Weights) -> Vec<f64> {
        let counts = &weights.counts;
        let mut rows = vec![0.0; counts.len()];
        for ([a, b], value) in self.ends.iter().zip(values) {
            rows[*a as usize] += counts[*b as usize] * value;
            rows[*b as usize] += counts[*a as usize] * value;
        }
        let shares = self.shares(&rows, counts);
        let of_pair = |(([a, b], value), root): ((&[u32; 2], &f64), &f64)| {
            std::f64::consts::SQRT_2 * root * (value - shares[*a as usize] - shares[*b as usize])
        };
        let pairs = self.ends.iter().zip(values).zip(&weights.roots).map(of_pair);
        let selves = shares.iter().zip(counts).map(|(share, n)| -2.0 * n.sqrt() * share);
        pairs.chain(selves).collect()
    }

    /// What is taken for each image.
    fn shares(&self, rows: &[f64], counts: &[f64]) -> Vec<f64> {
        match &self.solver {
            Solver::Complete { divisors, denominator } => {
                let parts = rows.iter().zip(counts).zip(divisors);
                let total = parts.map(|((r, n), c)| n * r / c).sum::<f64>() / denominator;
                rows.iter().zip(divisors).map(|(r, c)| (r - total) / c).collect()
            }
            Solver::Incomplete { images, factor } => {
                let right: Vec<f64> = images.iter().map(|i| counts[*i] * rows[*i]).collect();
                let mut shares = vec![0.0; rows.len()];
                for (image, share) in images.iter().zip(solve(factor, right)) {
                    shares[*image] = share;
                }
                shares
            }
        }
    }
}

/// The equations n_i (d_i + 2) b_i + Σ_j n_i n_j b_j = n_i r_i of the images that are drawn, where
/// d_i counts the pairs of i that are there.
fn incomplete(ends: &[[u32; 2]], counts: &[f64]) -> Solver {
    let images: Vec<usize> = (0..counts.len()).filter(|image| counts[*image] > 0.0).collect();
    let size = images.len();
    let mut places = vec![0; counts.len()];
    images.iter().enumerate().for_each(|(place, image)| places[*image] = place);
    let mut equations = vec![0.0; size * size];
    for (place, image) in images.iter().enumerate() {
        equations[place * size + place] = 2.0 * counts[*image];
    }
    for [a, b] in ends {
        let weight = counts[*a as usize] * counts[*b as usize];
        let [a, b] = [places[*a as usize], places[*b as usize]];
        equations[a * size + b] += weight;
        equations[b * size + a] += weight;
        equations[a * size + a] += weight;
        equations[b * size + b] += weight;
    }
    Solver::Incomplete { images, factor: cholesky(equations, size) }
}

/// The lower triangle L of A = L Lᵀ, row by row.
fn cholesky(mut a: Vec<f64>, size: usize) -> Vec<f64> {
    for row in 0..size {
        for column in 0..=row {
            let (of_row, of_column) = (&a[row * size..], &a[column * size..]);
            let sum: f64 = (0..column).map(|k| of_row[k] * of_column[k]).sum();
            let rest = a[row * size + column] - sum;
            a[row * size + column] =
                if row == column { rest.sqrt() } else { rest / a[column * size + column] };
        }
    }
    a
}

/// The x of L Lᵀ x = y.
fn solve(factor: &[f64], mut y: Vec<f64>) -> Vec<f64> {
    let size = y.len();
    for row in 0..size {
        let sum: f64 = (0..row).map(|k| factor[row * size + k] * y[k]).sum();
        y[row] = (y[row] - sum) / factor[row * size + row];
    }
    for row in (0..size).rev() {
        let sum: f64 = (row + 1..size).map(|k| factor[k * size + row] * y[k]).sum();
        y[row] = (y[row] - sum) / factor[row * size + row];
    }
    y
}
