//! Choices by a softmax of distances, and the temperature that makes them most likely.

use rayon::prelude::*;

/// The least β: the temperature is at most 100 times the root mean square difference of the
/// alternatives' distances, so that a model whose order is reversed is a little below chance, and
/// does not come out as one that says nothing. In units of one over that difference.
pub const LEAST_BETA: f64 = 0.01;

/// β is found to this share of itself or better; the last step squares it.
const TOLERANCE: f64 = 1e-8;

/// Up to so many choices are summed one after the other.
const MANY: usize = 1 << 20;

/// Of more, so many are summed by one thread, and these sums in their order.
const CHUNK: usize = 1 << 16;

/// Of many choices, how far the β of a fold may be from that of all to follow from four derivatives
/// there. The fifth adds less than 1e-13 of itself over the second.
const NEAR: f64 = 1e-3;

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
    /// m.
    scale: f64,
    /// What makes each other alternative nearer than the first, in units of m: `[choices, others]`.
    nearer: Vec<f64>,
    /// `[choices, others + 1]`
    shares: &'a [f64],
    /// Which fold each choice is in.
    folds: &'a [u8],
}

/// The temperatures of a model: what its distances are turned into probabilities by.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedSoftmax {
    /// m: the root mean square difference of two alternatives.
    scale: f64,
    /// β for each fold, in units of 1/m.
    betas: Vec<f64>,
}

impl FittedSoftmax {
    /// The mean over people of log2 P of their answer, beyond chance, for a choice of this fold.
    ///
    /// `distances` — of each alternative
    ///
    /// `shares` — of people, for each alternative
    ///
    /// # Panics
    /// There is no such fold, or there are more than four alternatives.
    pub fn bits(&self, distances: &[f64], shares: &[f64], fold: u8) -> f64 {
        let mut nearer = [0.0; 3];
        let nearer = &mut nearer[..distances.len() - 1];
        nearer.iter_mut().zip(nearer_than_first(distances, self.scale)).for_each(|(n, x)| *n = x);
        bits(nearer, shares, self.betas[usize::from(fold)])
    }
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
        let others = alternatives - 1;
        let mut nearer = vec![0.0; others * folds.len()];
        let chunk = chunk(folds.len());
        let chunks = nearer.par_chunks_mut(chunk * others);
        chunks.zip(distances.par_chunks(chunk * alternatives)).for_each(|(nearer, distances)| {
            let of_choices = nearer.chunks_exact_mut(others);
            for (nearer, distances) in of_choices.zip(distances.chunks_exact(alternatives)) {
                let found = nearer_than_first(distances, scale);
                nearer.iter_mut().zip(found).for_each(|(nearer, x)| *nearer = x);
            }
        });
        Self { others, scale, nearer, shares, folds }
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

    /// The β that each fold is judged by, and its unit: by these [each choice's bits](Self::bits)
    /// can be had one by one.
    pub fn fitted(&self) -> FittedSoftmax {
        FittedSoftmax { scale: self.scale, betas: self.betas() }
    }

    /// The β that each fold is judged by, in units of 1/m; NaN if there is no other fold.
    pub fn betas(&self) -> Vec<f64> {
        let folds = self.folds.iter().max().map_or(0, |fold| usize::from(*fold) + 1);
        if folds < 2 {
            return vec![f64::NAN; folds];
        }
        match self.folds.len() <= MANY {
            true => self.betas_one_by_one(folds),
            false => self.betas_of_many(folds),
        }
    }

    fn betas_one_by_one(&self, folds: usize) -> Vec<f64> {
        let all = maximum(1.0, |beta| self.slopes(beta, None));
        let by_fold = self.by_fold(folds, |nearer, shares| slopes(nearer, shares, all));
        let total = by_fold.iter().fold(one_more(all), |sum, of_fold| plus(sum, *of_fold));
        let of_fold = |(fold, [slope, bend]): (usize, &[f64; 2])| {
            let start = all - (total[0] - slope) / (total[1] - bend);
            let start = if start.is_finite() { start } else { all };
            maximum(start, |beta| self.slopes(beta, Some(fold)))
        };
        by_fold.iter().enumerate().map(of_fold).collect()
    }

    /// The same of many choices, for which a fold's β is near that of all: it follows from
    /// four derivatives of L there, instead of two more sums over all choices for each fold.
    fn betas_of_many(&self, folds: usize) -> Vec<f64> {
        let step = self.folds.len() / CHUNK;
        let some = maximum(1.0, |beta| self.slopes_of_every(step, beta));
        let all = maximum(some, |beta| self.slopes(beta, None));
        let by_fold = self.by_fold(folds, |nearer, shares| derivatives(nearer, shares, all));
        let total = by_fold
            .iter()
            .fold(derivatives(&[1.0], &[0.5, 0.5], all), |sum, of_fold| plus(sum, *of_fold));
        let of_fold = |(fold, of_fold): (usize, &[f64; 4])| {
            let rest: [f64; 4] = std::array::from_fn(|i| total[i] - of_fold[i]);
            let near = root_near(rest).map(|delta| all + delta);
            near.filter(|beta| *beta > LEAST_BETA)
                .unwrap_or_else(|| maximum(all, |beta| self.slopes(beta, Some(fold))))
        };
        by_fold.iter().enumerate().map(of_fold).collect()
    }

    fn choices(&self) -> impl Iterator<Item = (&[f64], &[f64])> {
        let nearer = self.nearer.chunks_exact(self.others);
        nearer.zip(self.shares.chunks_exact(self.others + 1))
    }

    /// Chunk by chunk, its choices and their folds.
    #[allow(clippy::type_complexity)]
    fn chunks(
        &self,
    ) -> impl IndexedParallelIterator<Item = impl Iterator<Item = (&[f64], &[f64], usize)>> {
        let chunk = chunk(self.folds.len());
        let nearer = self.nearer.par_chunks(chunk * self.others);
        let shares = self.shares.par_chunks(chunk * (self.others + 1));
        nearer.zip(shares).zip(self.folds.par_chunks(chunk)).map(|((nearer, shares), folds)| {
            let nearer = nearer.chunks_exact(self.others);
            let shares = shares.chunks_exact(self.others + 1);
            nearer.zip(shares).zip(folds).map(|((n, s), fold)| (n, s, usize::from(*fold)))
        })
    }

    /// First and second derivative of L, of all folds but one.
    fn slopes(&self, beta: f64, without: Option<usize>) -> [f64; 2] {
        if self.folds.len() > MANY {
            let sums: Vec<[f64; 2]> = self
                .chunks()
                .map(|chunk| {
                    chunk
                        .filter(|(_, _, fold)| Some(*fold) != without)
                        .fold([0.0; 2], |sums, (n, s, _)| plus(sums, slopes(n, s, beta)))
                })
                .collect();
            return sums.into_iter().fold(one_more(beta), plus);
        }
        let mut sums = one_more(beta);
        for ((nearer, shares), fold) in self.choices().zip(self.folds) {
            if Some(usize::from(*fold)) != without {
                sums = plus(sums, slopes(nearer, shares, beta));
            }
        }
        sums
    }

    /// The same of every choice so many places after the one before, as if there were no others.
    fn slopes_of_every(&self, step: usize, beta: f64) -> [f64; 2] {
        let some = self.choices().step_by(step);
        some.fold(one_more(beta), |sums, (nearer, shares)| plus(sums, slopes(nearer, shares, beta)))
    }

    /// The sums of numbers of the choices of each fold.
    fn by_fold<const N: usize>(
        &self,
        folds: usize,
        of: impl Fn(&[f64], &[f64]) -> [f64; N] + Sync,
    ) -> Vec<[f64; N]> {
        let of_chunks: Vec<Vec<[f64; N]>> = self
            .chunks()
            .map(|chunk| {
                let mut sums = vec![[0.0; N]; folds];
                for (nearer, shares, fold) in chunk {
                    sums[fold] = plus(sums[fold], of(nearer, shares));
                }
                sums
            })
            .collect();
        let mut sums = vec![[0.0; N]; folds];
        for of_chunk in of_chunks {
            sums.iter_mut().zip(of_chunk).for_each(|(sum, of_chunk)| *sum = plus(*sum, of_chunk));
        }
        sums
    }
}

/// How many of so many choices are summed one after the other.
fn chunk(choices: usize) -> usize {
    if choices > MANY { CHUNK } else { choices.max(1) }
}

/// What makes each other alternative nearer than the first, in units of `scale`.
fn nearer_than_first(distances: &[f64], scale: f64) -> impl Iterator<Item = f64> {
    let first = distances[0];
    let of = move |other: &f64| if scale > 0.0 { (first - other) / scale } else { 0.0 };
    distances[1..].iter().map(of)
}

fn plus<const N: usize>(a: [f64; N], b: [f64; N]) -> [f64; N] {
    std::array::from_fn(|i| a[i] + b[i])
}

/// The root mean square difference between two alternatives of a choice.
fn root_mean_square(alternatives: usize, distances: &[f64]) -> f64 {
    let of_chunk = |distances: &[f64]| {
        let mut sum = 0.0;
        for d in distances.chunks_exact(alternatives) {
            for (i, a) in d.iter().enumerate() {
                sum += d[i + 1..].iter().map(|b| (a - b) * (a - b)).sum::<f64>();
            }
        }
        sum
    };
    let chunk = chunk(distances.len() / alternatives);
    let sums: Vec<f64> = distances.par_chunks(chunk * alternatives).map(of_chunk).collect();
    let sum = sums.into_iter().fold(0.0, |sum, of_chunk| sum + of_chunk);
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

/// First to fourth derivative of Σ_k share_k · ln P_k: after the first, the cumulants of how much
/// nearer an alternative is, by the probabilities that β gives them, with their signs turned.
fn derivatives(nearer: &[f64], shares: &[f64], beta: f64) -> [f64; 4] {
    let highest = nearer.iter().fold(0.0_f64, |most, x| most.max(beta * x));
    let first = libm::exp(-highest);
    let (mut weights, mut sum, mut chosen) = (first, 0.0, 0.0);
    for (x, share) in nearer.iter().zip(&shares[1..]) {
        let weight = libm::exp(beta * x - highest);
        weights += weight;
        sum += weight * x;
        chosen += share * x;
    }
    let mean = sum / weights;
    // The first alternative is 0 nearer than itself.
    let mut moments = central_powers(first, -mean);
    for x in nearer {
        moments = plus(moments, central_powers(libm::exp(beta * x - highest), x - mean));
    }
    let [second, third, fourth] = moments.map(|moment| moment / weights);
    [chosen - mean, -second, -third, 3.0 * second * second - fourth]
}

/// Second to fourth power, times a weight.
fn central_powers(weight: f64, x: f64) -> [f64; 3] {
    let second = weight * x * x;
    [second, second * x, second * x * x]
}

/// Where a function is 0 that has these derivatives at 0, itself first, if that is [`NEAR`].
fn root_near([value, slope, bend, third]: [f64; 4]) -> Option<f64> {
    let mut x = -value / slope;
    for _ in 0..4 {
        let there = value + x * (slope + x * (bend / 2.0 + x * third / 6.0));
        x -= there / (slope + x * (bend + x * third / 2.0));
    }
    (x.abs() <= NEAR).then_some(x)
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

    #[test]
    fn the_betas_of_many_choices_are_those_of_one_by_one() {
        // Three alternatives, answers by a softmax of β 1.3 with a share of noise.
        let n = MANY + 1234;
        let number =
            |i: usize, seed: usize| ((i * 7919 + seed * 104_729) % 10_007) as f64 / 10_007.0;
        let distances: Vec<f64> = (0..3 * n).map(|i| number(i, i / 3 % 97).powi(2)).collect();
        let mut shares = vec![0.0; 3 * n];
        for (i, d) in distances.chunks_exact(3).enumerate() {
            let least = (0..3).min_by(|a, b| d[*a].total_cmp(&d[*b])).expect("three");
            let chosen = if number(i, 5) < 0.5 { least } else { i % 3 };
            shares[3 * i + chosen] = 1.0;
        }
        let folds: Vec<u8> = (0..n).map(|i| (i * 31 % 101 % 10) as u8).collect();
        let choices = SoftmaxChoices::new(3, &distances, &shares, &folds);
        let (found, expected) = (choices.betas_of_many(10), choices.betas_one_by_one(10));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found / expected - 1.0).abs() < 1e-9, "{found}, {expected}");
            assert_ne!(expected, &expected.round());
        }
        let one_after_the_other = |beta, without| {
            choices
                .choices()
                .zip(&folds)
                .filter(|(_, fold)| **fold != without)
                .fold(one_more(beta), |sums, ((nearer, shares), _)| {
                    plus(sums, slopes(nearer, shares, beta))
                })
        };
        let (sums, expected_sums) = (choices.slopes(0.7, Some(3)), one_after_the_other(0.7, 3));
        for (sum, expected) in sums.iter().zip(&expected_sums) {
            // A million terms of order 1.
            assert!((sum / expected - 1.0).abs() < 1e-9, "{sums:?}, {expected_sums:?}");
        }
        let apart = expected.iter().any(|beta| (beta / expected[0] - 1.0).abs() > 1e-6);
        assert!(apart, "folds have βs of their own");
        let (fitted, bits) = (choices.fitted(), choices.bits());
        for i in [0, 1, 77, CHUNK, n - 1] {
            let [at, of] = [&distances, &shares].map(|of| &of[3 * i..][..3]);
            assert_eq!(fitted.bits(at, of, folds[i]).to_bits(), bits[i].to_bits());
        }
    }

    #[test]
    fn derivatives_are_differences_of_the_ones_before() {
        let (nearer, shares, h) = ([0.7, -1.9], [0.2, 0.5, 0.3], 1e-4);
        for beta in [0.02, 0.6, 3.0] {
            let [low, here, high] =
                [beta - h, beta, beta + h].map(|beta| derivatives(&nearer, &shares, beta));
            assert!((here[0] - slopes(&nearer, &shares, beta)[0]).abs() < 1e-14);
            for i in 0..3 {
                // Central differences are off by h²/6 times a derivative of order 1 to 10.
                let difference = (high[i] - low[i]) / (2.0 * h);
                assert!((difference - here[i + 1]).abs() < 1e-7, "{i}: {difference}, {here:?}");
            }
        }
        // x² − 2 · 5e-4 x + ... : a cubic with a root at 4e-4.
        let root = 4e-4_f64;
        let found = root_near([-root * 2.0 - root * root * 1.5 - root.powi(3), 2.0, 3.0, 6.0]);
        assert!((found.expect("near") - root).abs() < 1e-15);
        assert_eq!(root_near([1.0, 2.0, 3.0, 6.0]), None);
    }
}
