//! Choices by a softmax of distances, and the temperature that makes them most likely.

/// The least β: the temperature is at most 100 times the root mean square difference of the
/// alternatives' distances, so that a model whose order is reversed is a little below chance, and
/// does not come out as one that says nothing. In units of one over that difference.
pub const LEAST_BETA: f64 = 0.01;

/// β is found to this share of itself or better; the last step squares it.
const TOLERANCE: f64 = 1e-8;

/// More steps than any list of distances has needed; each halves an interval at least.
const STEPS: usize = 200;

/// Choices between alternatives that have one distance each, for one model.
///
/// ```text
/// P_k = exp(−β d_k) / Σ_j exp(−β d_j)       β = 1/τ
/// ```
///
/// β makes people's answers most likely:
///
/// ```text
/// L(β) = Σ_choices Σ_k share_k · ln P_k  +  1/2 · ln(σ(β m) · (1 − σ(β m)))
/// m²   = mean of (d_j − d_k)² over the pairs of alternatives of all choices
/// ```
///
/// The last term is one more choice, between two alternatives that are `m` apart and about which
/// people are evenly divided. It is of no weight among many answers, and keeps β finite where the
/// model has all of a few right. L is concave in β; β ≥ 0.01/m ([`LEAST_BETA`]).
#[derive(Debug)]
pub struct SoftmaxChoices<'a> {
    /// How many alternatives each choice has, less one.
    others: usize,
    /// What makes each other alternative nearer than the first, in units of m: `[choices, others]`.
    nearer: Vec<f64>,
    /// `[choices, others + 1]`
    shares: &'a [f64],
    /// Which fold each choice is in.
    folds: &'a [u8],
}

impl<'a> SoftmaxChoices<'a> {
    /// Choices of a model with these distances.
    ///
    /// `alternatives` — of each choice, 2 or more
    ///
    /// `distances` — finite, `[choices, alternatives]`
    ///
    /// `shares` — of people, for each alternative; those of a choice sum to 1
    ///
    /// `folds` — of each choice, from 0
    ///
    /// # Panics
    /// The lengths differ.
    pub fn new(alternatives: usize, distances: &[f64], shares: &'a [f64], folds: &'a [u8]) -> Self {
        assert_eq!(distances.len(), shares.len(), "a share for each distance");
        assert_eq!(distances.len(), alternatives * folds.len(), "a fold for each choice");
        let scale = root_mean_square(alternatives, distances);
        let nearer = |d: &'_ [f64]| {
            let first = d[0];
            let of = move |other: &f64| if scale > 0.0 { (first - other) / scale } else { 0.0 };
            d[1..].iter().map(of).collect::<Vec<f64>>()
        };
        let nearer = distances.chunks_exact(alternatives).flat_map(nearer).collect();
        Self { others: alternatives - 1, nearer, shares, folds }
    }

    /// The mean over people of log2 P of their answer, beyond chance, for each choice: each by the
    /// β of the choices in all other folds.
    ///
    /// Distances that are all equal give exactly 0. NaN if all choices are in one fold.
    pub fn bits(&self) -> Vec<f64> {
        let betas = self.betas();
        let bits = |((nearer, shares), fold): ((&[f64], &[f64]), &u8)| {
            bits(nearer, shares, betas[usize::from(*fold)])
        };
        self.choices().zip(self.folds).map(bits).collect()
    }

    /// The β that each fold is judged by, in units of 1/m; NaN if there is no other fold.
    pub fn betas(&self) -> Vec<f64> {
        let folds = self.folds.iter().max().map_or(0, |fold| usize::from(*fold) + 1);
        if folds < 2 {
            return vec![f64::NAN; folds];
        }
        let all = maximum(1.0, |beta| self.slopes(beta, None));
        let by_fold = self.slopes_by_fold(all, folds);
        let total = by_fold.iter().fold(one_more(all), |sum, of_fold| plus(sum, *of_fold));
        let of_fold = |(fold, [slope, bend]): (usize, &[f64; 2])| {
            let start = all - (total[0] - slope) / (total[1] - bend);
            let start = if start.is_finite() { start } else { all };
            maximum(start, |beta| self.slopes(beta, Some(fold)))
        };
        by_fold.iter().enumerate().map(of_fold).collect()
    }

    fn choices(&self) -> impl Iterator<Item = (&[f64], &[f64])> {
        let nearer = self.nearer.chunks_exact(self.others);
        nearer.zip(self.shares.chunks_exact(self.others + 1))
    }

    /// First and second derivative of L, of all folds but one.
    fn slopes(&self, beta: f64, without: Option<usize>) -> [f64; 2] {
        let mut sums = one_more(beta);
        for ((nearer, shares), fold) in self.choices().zip(self.folds) {
            if Some(usize::from(*fold)) != without {
                sums = plus(sums, slopes(nearer, shares, beta));
            }
        }
        sums
    }

    /// The same of each fold alone.
    fn slopes_by_fold(&self, beta: f64, folds: usize) -> Vec<[f64; 2]> {
        let mut sums = vec![[0.0; 2]; folds];
        for ((nearer, shares), fold) in self.choices().zip(self.folds) {
            let sum = &mut sums[usize::from(*fold)];
            *sum = plus(*sum, slopes(nearer, shares, beta));
        }
        sums
    }
}

fn plus(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] + b[0], a[1] + b[1]]
}

/// The root mean square difference between two alternatives of a choice.
fn root_mean_square(alternatives: usize, distances: &[f64]) -> f64 {
    let mut sum = 0.0;
    for d in distances.chunks_exact(alternatives) {
        for (i, a) in d.iter().enumerate() {
            sum += d[i + 1..].iter().map(|b| (a - b) * (a - b)).sum::<f64>();
        }
    }
    let pairs = distances.len() * (alternatives - 1) / 2;
    (sum / pairs as f64).sqrt()
}

/// Derivatives of the one choice more: of two alternatives that are 1 apart.
fn one_more(beta: f64) -> [f64; 2] {
    slopes(&[1.0], &[0.5, 0.5], beta)
}

/// First and second derivative of Σ_k share_k · ln P_k: how much nearer the chosen alternatives are
/// than β makes likely, and less the variance of that.
fn slopes(nearer: &[f64], shares: &[f64], beta: f64) -> [f64; 2] {
    let highest = nearer.iter().fold(0.0_f64, |most, x| most.max(beta * x));
    let mut weights = libm::exp(-highest);
    let (mut sum, mut squares, mut chosen) = (0.0, 0.0, 0.0);
    for (x, share) in nearer.iter().zip(&shares[1..]) {
        let weight = libm::exp(beta * x - highest);
        weights += weight;
        sum += weight * x;
        squares += weight * x * x;
        chosen += share * x;
    }
    let mean = sum / weights;
    [chosen - mean, -(squares / weights - mean * mean)]
}

/// Σ_k share_k · log2 P_k + log2 K.
fn bits(nearer: &[f64], shares: &[f64], beta: f64) -> f64 {
    let highest = nearer.iter().fold(0.0_f64, |most, x| most.max(beta * x));
    let others = nearer.iter().map(|x| libm::exp(beta * x - highest));
    let weights = others.fold(libm::exp(-highest), |sum, weight| sum + weight);
    let chosen = nearer.iter().zip(&shares[1..]).map(|(x, share)| share * beta * x).sum::<f64>();
    (chosen - highest) / std::f64::consts::LN_2 - libm::log2(weights)
        + libm::log2(shares.len() as f64)
}

/// Where a concave function is highest, at [`LEAST_BETA`] or above: Newton's steps, held between
/// points on both sides.
///
/// `slopes` — first and second derivative
fn maximum(start: f64, slopes: impl Fn(f64) -> [f64; 2]) -> f64 {
    let least = LEAST_BETA;
    let (mut low, mut high) = (None, f64::INFINITY);
    let mut beta = start.max(least);
    for _ in 0..STEPS {
        let [slope, bend] = slopes(beta);
        if slope == 0.0 || slope < 0.0 && beta == least {
            return beta;
        }
        match slope > 0.0 {
            true => low = Some(beta),
            false => high = beta,
        }
        let step = (beta - slope / bend).min(4.0 * beta);
        let is_inside = step > low.unwrap_or(least) && step < high;
        if is_inside && (step - beta).abs() <= TOLERANCE * beta {
            return step;
        }
        let next = match (is_inside, low) {
            (true, _) => step,
            // Not tried yet.
            (false, None) => least,
            (false, Some(low)) if high.is_finite() => 0.5 * (low + high),
            (false, Some(low)) => 2.0 * low,
        };
        if next == beta {
            return beta;
        }
        beta = next;
    }
    beta
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two alternatives, the first of which is nearer by so much, in folds of their own.
    fn two(margins: &[f64], shares: &[f64]) -> Vec<f64> {
        let distances: Vec<f64> = margins.iter().flat_map(|m| [0.0, *m]).collect();
        let shares: Vec<f64> = shares.iter().flat_map(|share| [*share, 1.0 - share]).collect();
        let folds: Vec<u8> = (0..margins.len() as u8).collect();
        SoftmaxChoices::new(2, &distances, &shares, &folds).bits()
    }

    #[test]
    fn equal_distances_give_exactly_nothing() {
        assert_eq!(two(&[0.0; 5], &[1.0, 0.0, 0.3, 0.5, 1.0]), [0.0; 5]);
        let shares = [1.0, 0.0, 0.0].repeat(3);
        let three = SoftmaxChoices::new(3, &[2.0; 9], &shares, &[0, 1, 2]);
        assert_eq!(three.bits(), [0.0; 3]);
    }

    #[test]
    fn a_reversed_order_is_below_chance_and_a_right_one_above() {
        let margins = [0.5, 1.0, 2.0, 1.5, 0.7, 0.2];
        assert!(two(&margins, &[1.0; 6]).iter().all(|bits| *bits > 0.1 && *bits < 1.0));
        assert!(two(&margins, &[0.0; 6]).iter().all(|bits| *bits < 0.0 && *bits > -0.1));
    }

    #[test]
    fn no_fold_judges_its_own_answers() {
        assert!(two(&[1.0], &[1.0])[0].is_nan());
        let (margins, shares) = ([1.0, 1.0, 1.0, 1.0], [0.9, 0.8, 0.7, 0.2]);
        let other = [0.1, 0.8, 0.7, 0.2];
        let betas = |shares: &[f64]| {
            let distances: Vec<f64> = margins.iter().flat_map(|m| [0.0, *m]).collect();
            let shares: Vec<f64> = shares.iter().flat_map(|share| [*share, 1.0 - share]).collect();
            SoftmaxChoices::new(2, &distances, &shares, &[0, 1, 2, 3]).betas()
        };
        let [before, after] = [betas(&shares), betas(&other)];
        assert!((before[0] - after[0]).abs() < 1e-12, "{before:?} {after:?}");
        assert!((1..4).all(|fold| before[fold] > after[fold]), "{before:?} {after:?}");
    }

    #[test]
    fn the_slope_is_nothing_where_the_maximum_is_found_wherever_the_search_begins() {
        // Margins of very different size, of which Newton's steps leave the interval.
        let margins: Vec<f64> = (0..60).map(|i| f64::from(i * i * 37 % 101) - 30.0).collect();
        let right = |i: usize| if i % 7 < 5 { 1.0 } else { 0.0 };
        let shares: Vec<f64> = (0..60).flat_map(|i| [right(i), 1.0 - right(i)]).collect();
        let distances: Vec<f64> = margins.iter().flat_map(|m| [0.0, m.powi(3)]).collect();
        let folds = [0, 1].repeat(30);
        let choices = SoftmaxChoices::new(2, &distances, &shares, &folds);
        let found = choices.betas()[0];
        for start in [LEAST_BETA, 0.3, 1.0, 7.0, 300.0, 1e6] {
            let beta = maximum(start, |beta| choices.slopes(beta, Some(0)));
            let [slope, bend] = choices.slopes(beta, Some(0));
            assert!(beta > 2.0 * LEAST_BETA, "not at the bound: {beta}");
            assert!((slope / bend).abs() < 1e-13 * beta, "{start}: {slope}, {bend} at {beta}");
            assert!((beta - found).abs() < 1e-13 * beta, "{start}: {beta}, {found}");
        }
    }

    #[test]
    fn beta_is_that_of_the_shares_of_people() {
        // All are 1 apart: β is the log odds of the mean share, with half an answer more for each.
        let distances = [0.0, 1.0].repeat(40);
        let shares = [0.8, 0.2].repeat(40);
        let folds = [0, 1].repeat(20);
        let beta = (20.0_f64 * 0.8 + 0.5) / (20.0 * 0.2 + 0.5);
        for found in SoftmaxChoices::new(2, &distances, &shares, &folds).betas() {
            assert!((found - beta.ln()).abs() < 1e-12, "{found}, {}", beta.ln());
        }
    }
}
