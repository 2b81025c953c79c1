//! The logistic curves by which image-quality papers map distances to scores before they correlate.

/// A curve from closeness (−distance) to score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logistic {
    /// β₂ + (β₁ − β₂) / (1 + exp(−(x − β₃)/|β₄|))
    ///
    /// # Source
    /// VQEG, *Final report on the validation of objective models of video quality assessment,
    /// phase II* (2003).
    Four,
    /// β₁ (1/2 − 1/(1 + exp(β₂ (x − β₃)))) + β₄ x + β₅
    ///
    /// # Source
    /// Sheikh, Sabir and Bovik, *A statistical evaluation of recent full reference image quality
    /// assessment algorithms*, IEEE Transactions on Image Processing 15 (2006).
    Five,
}

/// The most parameters that a curve has.
pub(super) const MAX: usize = 5;

/// Steps of the fit from one start.
const MAX_STEPS: usize = 200;

/// How steep the curve is at a start, for x of deviation 1.
const STEEPNESS: [f64; 3] = [0.5, 2.0, 8.0];

/// Where its middle is, in deviations from that of x. Of scores that distances hardly tell the
/// squares have several minima, some of them far from the middle: from one start, distances that
/// differ in their sixth digit could end in different ones.
const MIDDLES: [f64; 3] = [-1.0, 0.0, 1.0];

/// A curve that was fitted by least squares.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticFit {
    curve: Logistic,
    /// Middle and deviation of x, for which `parameters` are.
    x_middle: f64,
    x_scale: f64,
    parameters: [f64; MAX],
    /// Sum of squared residuals.
    pub squares: f64,
}

impl Logistic {
    /// Number of parameters.
    pub fn parameters(self) -> usize {
        match self {
            Self::Four => 4,
            Self::Five => 5,
        }
    }

    /// Value and derivatives at `x` (of deviation 1). The fourth parameter of four is ln |β₄|, so
    /// that no step leaves its range.
    fn at(self, x: f64, b: &[f64; MAX]) -> (f64, [f64; MAX]) {
        let logistic = |u: f64| 1.0 / (1.0 + libm::exp(-u));
        match self {
            Self::Four => {
                let steepness = libm::exp(-b[3]);
                let u = (x - b[2]) * steepness;
                let s = logistic(u);
                let slope = (b[0] - b[1]) * s * (1.0 - s);
                let value = b[1] + (b[0] - b[1]) * s;
                (value, [s, 1.0 - s, -slope * steepness, -slope * u, 0.0])
            }
            Self::Five => {
                let u = b[1] * (x - b[2]);
                let s = logistic(u);
                let slope = b[0] * s * (1.0 - s);
                let value = b[0] * (s - 0.5) + b[3] * x + b[4];
                (value, [s - 0.5, slope * (x - b[2]), -slope * b[1], x, 1.0])
            }
        }
    }

    /// The curve of least squares, by Levenberg and Marquardt's method from nine starts that differ
    /// in steepness and place; the best of them. None where there are not more points than
    /// parameters, or all x or all y are equal.
    ///
    /// # Panics
    /// The lengths differ.
    pub fn fit(self, x: &[f64], y: &[f64]) -> Option<LogisticFit> {
        assert_eq!(x.len(), y.len(), "pairs of values");
        let n = x.len() as f64;
        let mean = |v: &[f64]| v.iter().sum::<f64>() / n;
        let constant = |v: &[f64]| v.iter().all(|value| *value == v[0]);
        if x.len() <= self.parameters() || constant(x) || constant(y) {
            return None;
        }
        let (x_middle, y_middle) = (mean(x), mean(y));
        let deviation = |v: &[f64], middle: f64| {
            (v.iter().map(|x| (x - middle) * (x - middle)).sum::<f64>() / n).sqrt()
        };
        let (x_scale, y_scale) = (deviation(x, x_middle), deviation(y, y_middle));
        if !(x_scale > 0.0 && y_scale > 0.0) {
            return None;
        }
        let scaled: Vec<f64> = x.iter().map(|x| (x - x_middle) / x_scale).collect();
        let low = y.iter().copied().fold(f64::INFINITY, f64::min);
        let high = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let rising = scaled.iter().zip(y).map(|(x, y)| x * (y - y_middle)).sum::<f64>() >= 0.0;
        let (from, to) = if rising { (low, high) } else { (high, low) };
        let starts =
            MIDDLES.iter().flat_map(|middle| STEEPNESS.map(|steepness| (*middle, steepness)));
        let fits = starts.map(|(middle, steepness)| {
            let start = match self {
                Self::Four => [to, from, middle, -libm::log(steepness), 0.0],
                Self::Five => [to - from, steepness, middle, 0.0, y_middle],
            };
            self.descend(&scaled, y, start)
        });
        let (parameters, squares) = fits.min_by(|a, b| a.1.total_cmp(&b.1)).expect("a start");
        Some(LogisticFit { curve: self, x_middle, x_scale, parameters, squares })
    }

    /// Levenberg and Marquardt's descent, with Marquardt's scaling of the damping.
    fn descend(self, x: &[f64], y: &[f64], start: [f64; MAX]) -> ([f64; MAX], f64) {
        let squares_at = |b: &[f64; MAX]| -> f64 {
            x.iter().zip(y).map(|(x, y)| (y - self.at(*x, b).0).powi(2)).sum()
        };
        let (mut b, mut squares) = (start, squares_at(&start));
        let mut damping = 1e-3;
        for _ in 0..MAX_STEPS {
            let mut normal = Normal::default();
            x.iter().zip(y).for_each(|(x, y)| {
                let (value, slopes) = self.at(*x, &b);
                normal.add(y - value, *y, &slopes);
            });
            let mut gained = 0.0;
            // A step that does not help is taken shorter.
            while damping < 1e12 {
                let step = normal.step(self.parameters(), damping);
                let mut next = b;
                next.iter_mut().zip(step).for_each(|(b, step)| *b += step);
                let found = squares_at(&next);
                if found < squares {
                    gained = squares - found;
                    (b, squares) = (next, found);
                    damping = (damping * 0.1).max(1e-12);
                    break;
                }
                damping *= 10.0;
            }
            if gained <= 1e-12 * squares {
                break;
            }
        }
        (b, squares)
    }
}

impl LogisticFit {
    /// The curve at `x`.
    pub fn value(&self, x: f64) -> f64 {
        self.curve.at((x - self.x_middle) / self.x_scale, &self.parameters).0
    }

    /// The normal equations of each cluster's points at the fit.
    pub(super) fn of_clusters(
        &self,
        x: &[f64],
        y: &[f64],
        codes: &[u32],
        clusters: usize,
    ) -> Vec<Normal> {
        let mut found = vec![Normal::default(); clusters];
        let middle = y.iter().sum::<f64>() / y.len() as f64;
        for ((x, y), code) in x.iter().zip(y).zip(codes) {
            let (value, slopes) =
                self.curve.at((x - self.x_middle) / self.x_scale, &self.parameters);
            found[*code as usize].add(y - value, y - middle, &slopes);
        }
        found
    }

    /// Pearson's correlation and root mean square error after a fit to weighted clusters: one step
    /// of Gauss and Newton from the fit to all of them.
    pub(super) fn refitted(&self, clusters: &[Normal], counts: &[u32]) -> [f64; 2] {
        let mut sum = Normal::default();
        for (normal, times) in clusters.iter().zip(counts).filter(|(_, times)| **times > 0) {
            sum.add_times(normal, f64::from(*times));
        }
        let squares = (sum.squares - sum.gain(self.curve.parameters())).max(0.0);
        let total = sum.yy - sum.y * sum.y / sum.n;
        if total.is_nan() || total <= 1e-13 * sum.yy {
            return [f64::NAN; 2];
        }
        // At a least-squares fit with a free height and a free offset, r² = 1 − squares/total.
        [(1.0 - squares / total).max(0.0).sqrt(), (squares / sum.n).sqrt()]
    }
}

/// The normal equations of some points: what a step of the fit needs of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Normal {
    /// Slopes with slopes; the lower triangle.
    matrix: [[f64; MAX]; MAX],
    /// Slopes with residuals.
    gradient: [f64; MAX],
    /// Squared residuals.
    squares: f64,
    n: f64,
    y: f64,
    yy: f64,
}

impl Normal {
    fn add(&mut self, residual: f64, y: f64, slopes: &[f64; MAX]) {
        for (i, slope) in slopes.iter().enumerate() {
            for (sum, other) in self.matrix[i][..=i].iter_mut().zip(slopes) {
                *sum += slope * other;
            }
            self.gradient[i] += slope * residual;
        }
        self.squares += residual * residual;
        self.n += 1.0;
        self.y += y;
        self.yy += y * y;
    }

    fn add_times(&mut self, other: &Self, times: f64) {
        for (row, other) in self.matrix.iter_mut().zip(&other.matrix) {
            row.iter_mut().zip(other).for_each(|(sum, x)| *sum += times * x);
        }
        self.gradient.iter_mut().zip(other.gradient).for_each(|(sum, x)| *sum += times * x);
        self.squares += times * other.squares;
        self.n += times * other.n;
        self.y += times * other.y;
        self.yy += times * other.yy;
    }

    /// The step that the normal equations ask for, with a damped diagonal.
    fn step(&self, parameters: usize, damping: f64) -> [f64; MAX] {
        let mut damped = *self;
        for i in 0..parameters {
            damped.matrix[i][i] *= 1.0 + damping;
        }
        damped.solve(parameters).0
    }

    /// How much a full step takes from the squares: gᵀ H⁻¹ g.
    fn gain(&self, parameters: usize) -> f64 {
        self.solve(parameters).1
    }

    /// Solves H s = g by Cholesky's method; also gᵀ s. A parameter that the others can stand for
    /// stays where it is.
    fn solve(&self, parameters: usize) -> ([f64; MAX], f64) {
        const COLLINEAR: f64 = 1e-12;
        let mut lower = [[0.0; MAX]; MAX];
        let mut forward = [0.0; MAX];
        for i in 0..parameters {
            for j in 0..i {
                if lower[j][j] > 0.0 {
                    let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
                    lower[i][j] = (self.matrix[i][j] - known) / lower[j][j];
                }
            }
            let known: f64 = lower[i][..i].iter().map(|x| x * x).sum();
            let left = self.matrix[i][i] - known;
            if left > COLLINEAR * self.matrix[i][i] {
                lower[i][i] = left.sqrt();
                let known: f64 = (0..i).map(|k| lower[i][k] * forward[k]).sum();
                forward[i] = (self.gradient[i] - known) / lower[i][i];
            }
        }
        let mut step = [0.0; MAX];
        for i in (0..parameters).rev() {
            if lower[i][i] > 0.0 {
                let known: f64 = (i + 1..parameters).map(|k| lower[k][i] * step[k]).sum();
                step[i] = (forward[i] - known) / lower[i][i];
            }
        }
        (step, forward.iter().map(|x| x * x).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(n: usize) -> (Vec<f64>, Vec<f64>) {
        let x: Vec<f64> = (0..n).map(|i| (i as f64 * 0.7548776662).fract() * 6.0 - 5.0).collect();
        let y = x.iter().enumerate().map(|(i, x)| {
            let noise = (i as f64 * 0.569_840_29).fract() - 0.5;
            2.0 + 5.0 / (1.0 + (-(x + 2.0) / 0.5).exp()) + 0.4 * noise
        });
        let y = y.collect();
        (x, y)
    }

    #[test]
    fn a_curve_without_noise_is_found_again() {
        let x: Vec<f64> = (0..50).map(|i| f64::from(i) * 0.1 - 4.0).collect();
        let four = |x: f64| 1.0 + 6.0 / (1.0 + (-(x + 1.0) / 0.3).exp());
        let five = |x: f64| 4.0 * (0.5 - 1.0 / (1.0 + (2.0 * (x + 2.0)).exp())) + 0.3 * x + 5.0;
        for (curve, f) in [(Logistic::Four, &four as &dyn Fn(f64) -> f64), (Logistic::Five, &five)]
        {
            let y: Vec<f64> = x.iter().map(|x| f(*x)).collect();
            let fit = curve.fit(&x, &y).expect("a fit");
            assert!(fit.squares < 1e-12, "{curve:?}: {}", fit.squares);
            assert!((fit.value(-1.3) - f(-1.3)).abs() < 1e-6);
        }
    }

    #[test]
    fn a_falling_curve_is_fitted_too() {
        let (x, y) = points(60);
        let falling: Vec<f64> = y.iter().map(|y| -y).collect();
        for curve in [Logistic::Four, Logistic::Five] {
            let up = curve.fit(&x, &y).expect("a fit").squares;
            let down = curve.fit(&x, &falling).expect("a fit").squares;
            assert!((up - down).abs() < 1e-6 * up, "{curve:?}: {up} {down}");
        }
    }

    #[test]
    fn too_few_points_or_equal_values_have_no_curve() {
        assert_eq!(Logistic::Four.fit(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 5.0]), None);
        assert_eq!(Logistic::Five.fit(&[1.0; 9], &[1.0; 9]), None);
    }

    #[test]
    fn one_step_is_near_to_a_whole_fit_of_a_resample() {
        let (x, y) = points(400);
        let codes: Vec<u32> = (0..400).map(|i| i % 40).collect();
        // Each fourth cluster twice, each fourth not at all.
        let counts: Vec<u32> = (0..40).map(|k| [1, 2, 1, 0][k % 4]).collect();
        let repeat = |v: &[f64]| -> Vec<f64> {
            let times = |code: &u32| counts[*code as usize] as usize;
            v.iter().zip(&codes).flat_map(|(v, c)| std::iter::repeat_n(*v, times(c))).collect()
        };
        for curve in [Logistic::Four, Logistic::Five] {
            let fit = curve.fit(&x, &y).expect("a fit");
            let clusters = fit.of_clusters(&x, &y, &codes, 40);
            let [pearson, error] = fit.refitted(&clusters, &counts);
            let whole = curve.fit(&repeat(&x), &repeat(&y)).expect("a fit");
            let expected = (whole.squares / 400.0).sqrt();
            assert!((error - expected).abs() < 2e-4 * expected, "{curve:?} {error} {expected}");
            let fitted: Vec<f64> = repeat(&x).iter().map(|x| whole.value(*x)).collect();
            let expected = crate::measure::pearson(&fitted, &repeat(&y));
            assert!((pearson - expected).abs() < 1e-5, "{curve:?} {pearson} {expected}");
        }
    }
}
