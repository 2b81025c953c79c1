//! From resampled values to an interval.

use std::borrow::Cow;
use std::fmt;

use super::normal::{normal_cdf, normal_quantile, t_cdf, t_quantile};

/// Fewer clusters have no interval: there are too few different resamples, and the spread of so
/// few clusters says little of others.
pub const MIN_CLUSTERS: usize = 8;

/// The share of intervals that miss.
pub(super) const ALPHA: f64 = 0.05;

/// More resamples without a value than this share, and there is no interval.
pub(super) const MAX_UNDEFINED: f64 = 0.05;

/// A score under all resamples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replicates {
    /// The score of all clusters.
    pub estimate: f64,
    /// The score under each resample; NaN where it is not defined.
    pub resampled: Vec<f64>,
    /// The acceleration of BCa, where it is known ([`acceleration`]).
    pub acceleration: Option<f64>,
    /// Clusters that the score is of; of people and images the fewer.
    pub clusters: usize,
    /// The score when people and images are drawn by themselves, if `resampled` draws both.
    pub factors: Option<Box<Factors>>,
}

/// A score under resamples of people alone and of images alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    /// The score under each resample of people, and of images.
    pub values: [Vec<f64>; 2],
    /// How many people there are, and how many images.
    pub sizes: [usize; 2],
}

impl Factors {
    /// The variance of a score of people and images, from that under resamples of both. What people
    /// and images do together is in it three times, so that it is too large:
    ///
    /// ```text
    /// V = a·V_people + b·V_images − a·b·(V_both − V_people − V_images)
    /// a = p/(p − 1) for p people,  b = n/(n − 1) for n images
    /// ```
    ///
    /// but at least a·V_people and b·V_images, and at most V_both.
    ///
    /// # Source
    /// Schütt et al., *Statistical inference on representational geometries*, eLife 12 (2023), with
    /// rsatoolbox's formula for small samples.
    fn variance(&self, both: f64) -> f64 {
        let [a, b] = self.sizes.map(|size| size as f64 / (size as f64 - 1.0));
        let [people, images] = self.values.each_ref().map(|values| variance(values)[1]);
        let corrected = a * people + b * images - a * b * (both - people - images);
        corrected.max(a * people).max(b * images).min(both)
    }
}

/// Mean and variance of the values that are defined.
fn variance(values: &[f64]) -> [f64; 2] {
    let values = || values.iter().filter(|v| !v.is_nan());
    let count = values().count() as f64;
    let mean = values().sum::<f64>() / count;
    let squares: f64 = values().map(|v| (v - mean) * (v - mean)).sum();
    [mean, squares / (count - 1.0)]
}

/// A 95 % interval of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Ends by BCa, where the resamples tell.
    pub bca: Option<[f64; 2]>,
}

/// Why there is no interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoInterval {
    /// None was asked for.
    NotAsked,
    /// The score itself is not defined.
    Undefined,
    /// Fewer than [`MIN_CLUSTERS`].
    FewClusters,
    /// More than one resample in twenty has no value.
    UndefinedResamples,
    /// All resamples give one value.
    NoVariation,
    /// What is correlated are questions, and the trials of one are in several clusters.
    DividedQuestions,
    /// What is chosen is one of two trials, and these are in several clusters.
    DividedChoices,
}

impl fmt::Display for NoInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("no resamples"),
            Self::Undefined => f.write_str("not defined"),
            Self::FewClusters => write!(f, "fewer than {MIN_CLUSTERS} clusters"),
            Self::UndefinedResamples => f.write_str("not defined in many resamples"),
            Self::NoVariation => f.write_str("no variation among clusters"),
            Self::DividedQuestions => f.write_str("questions lie in several clusters"),
            Self::DividedChoices => f.write_str("choices lie in several clusters"),
        }
    }
}

impl Replicates {
    /// The 95 % interval: percentiles with the small-sample expansion, BCa beside it.
    ///
    /// # Errors
    /// There is none; see [`NoInterval`].
    pub fn interval(&self) -> Result<Interval, NoInterval> {
        let sorted = self.sorted()?;
        let [low, high] = expanded_interval(&sorted, self.clusters);
        Ok(Interval { low, high, bca: self.bca(&sorted) })
    }

    /// Two-sided p of the hypothesis that the score, a difference, is 0: the level at which the
    /// expanded interval just reaches 0.
    ///
    /// # Errors
    /// There is none; see [`NoInterval`].
    pub fn p(&self) -> Result<f64, NoInterval> {
        Ok(two_sided_p(&self.sorted()?, self.clusters))
    }

    /// Two-sided p of the same hypothesis by the spread of the resamples: Student's t of the score
    /// over its bootstrap standard error. However far from 0 the score is, the number of resamples
    /// sets no least value, so that a correction for many comparisons can be passed.
    ///
    /// ```text
    /// p = 2 · T_{n−1}( −|d| / SE ),   SE = √(n/(n − 1)) · standard deviation of d*
    /// ```
    ///
    /// Near 0.05 it agrees with [`Self::p`]; far out it is the tail of t and not of the data.
    ///
    /// # Source
    /// The *t interval with bootstrap standard error* of Hesterberg (2015), Section 4.
    ///
    /// # Errors
    /// There is none; see [`NoInterval`].
    pub fn tail_p(&self) -> Result<f64, NoInterval> {
        self.sorted()?;
        let n = self.clusters as f64;
        Ok(2.0 * t_cdf(-self.estimate.abs() / self.standard_error(), n - 1.0))
    }

    /// The bootstrap standard error: √(n/(n − 1)) · standard deviation of the resamples; of people and
    /// images the root of their corrected variance ([`Factors`]).
    pub fn standard_error(&self) -> f64 {
        let n = self.clusters as f64;
        (n / (n - 1.0)).sqrt() * self.spread()[1]
    }

    /// The score under each resample. Of people and images the resamples are drawn together about
    /// their mean, so that with the expansion for few clusters they vary as the corrected variance
    /// ([`Factors`]) says.
    pub fn values(&self) -> Cow<'_, [f64]> {
        let Some(factors) = &self.factors else { return Cow::Borrowed(&self.resampled) };
        let [mean, both] = variance(&self.resampled);
        let n = self.clusters as f64;
        let share = (factors.variance(both) * (n - 1.0) / n / both).sqrt();
        // Of what does not vary nothing is to be corrected.
        let share = if share.is_nan() { 1.0 } else { share };
        Cow::Owned(self.resampled.iter().map(|value| mean + share * (value - mean)).collect())
    }

    /// Mean and standard deviation of the resamples that have a value.
    pub(super) fn spread(&self) -> [f64; 2] {
        let [mean, variance] = variance(&self.values());
        [mean, variance.sqrt()]
    }

    /// The same resamples of something made of these and other scores.
    ///
    /// # Panics
    /// They are of other resamples.
    pub fn with(&self, other: &Self, of: impl Fn(f64, f64) -> f64) -> Self {
        assert_eq!(self.resampled.len(), other.resampled.len(), "the same resamples");
        let all = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect();
        let factors = self.factors.as_ref().zip(other.factors.as_ref()).map(|(a, b)| {
            let values = [0, 1].map(|factor: usize| all(&a.values[factor], &b.values[factor]));
            Box::new(Factors { values, sizes: a.sizes })
        });
        Self {
            estimate: of(self.estimate, other.estimate),
            resampled: all(&self.resampled, &other.resampled),
            acceleration: None,
            clusters: self.clusters.min(other.clusters),
            factors,
        }
    }

    /// The bias-corrected and accelerated interval, as SciPy's `bootstrap` has it; none where the
    /// estimate lies outside of all resamples.
    fn bca(&self, sorted: &[f64]) -> Option<[f64; 2]> {
        let acceleration = self.acceleration?;
        let below = sorted.partition_point(|v| *v < self.estimate);
        let not_above = sorted.partition_point(|v| *v <= self.estimate);
        let bias = normal_quantile((below + not_above) as f64 / (2 * sorted.len()) as f64);
        let end = |tail: f64| {
            let z = bias + normal_quantile(tail);
            quantile(sorted, normal_cdf(bias + z / (1.0 - acceleration * z)))
        };
        bias.is_finite().then(|| [end(ALPHA / 2.0), end(1.0 - ALPHA / 2.0)])
    }

    /// The values under the resamples, ascending, where they make an interval.
    fn sorted(&self) -> Result<Vec<f64>, NoInterval> {
        if self.estimate.is_nan() {
            return Err(NoInterval::Undefined);
        }
        if self.resampled.is_empty() {
            return Err(NoInterval::NotAsked);
        }
        if self.clusters < MIN_CLUSTERS {
            return Err(NoInterval::FewClusters);
        }
        let mut values: Vec<f64> = self.values().iter().copied().filter(|v| !v.is_nan()).collect();
        let undefined = self.resampled.len() - values.len();
        if undefined as f64 > MAX_UNDEFINED * self.resampled.len() as f64 {
            return Err(NoInterval::UndefinedResamples);
        }
        values.sort_unstable_by(f64::total_cmp);
        // Sums in another order may differ in their last bits.
        let [first, .., last] = values.as_slice() else { return Err(NoInterval::NoVariation) };
        match last - first <= 1e-12 * first.abs().max(last.abs()) {
            true => Err(NoInterval::NoVariation),
            false => Ok(values),
        }
    }
}

/// Percentile interval with Hesterberg's expansion for `clusters` clusters: at
///
/// ```text
/// α′/2 = Φ( √(n/(n − 1)) · t_{α/2, n−1} )
/// ```
///
/// in the place of α/2, since a bootstrap of n clusters is narrower by √((n − 1)/n), and takes
/// normal for t. With 25 clusters 1.76 % are cut off at each side, with 1,000 2.48 %.
///
/// `sorted` — at least one value, ascending
///
/// # Source
/// Hesterberg, *What teachers should know about the bootstrap*, The American Statistician 69
/// (2015), Section 4.2 (arXiv:1411.5279).
///
/// # Panics
/// There is no value.
pub fn expanded_interval(sorted: &[f64], clusters: usize) -> [f64; 2] {
    let n = clusters as f64;
    let tail = normal_cdf((n / (n - 1.0)).sqrt() * t_quantile(ALPHA / 2.0, n - 1.0));
    [quantile(sorted, tail), quantile(sorted, 1.0 - tail)]
}

/// Two-sided p of "the difference is 0" under the same expansion. A resample of exactly 0 counts on
/// both sides, and the sample itself as one resample more: no p is finer than they allow.
///
/// ```text
/// q = 2 · min(#{d* ≤ 0} + 1, #{d* ≥ 0} + 1) / (R + 1),   at most 1
/// p = 2 · T_{n−1}( √((n − 1)/n) · Φ⁻¹(q/2) )
/// ```
///
/// # Panics
/// There is no value.
pub fn two_sided_p(sorted: &[f64], clusters: usize) -> f64 {
    // Equal scores may differ by the rounding of their sums.
    const ZERO: f64 = 1e-12;
    let below = sorted.iter().filter(|d| **d <= ZERO).count() + 1;
    let above = sorted.iter().filter(|d| **d >= -ZERO).count() + 1;
    let share = below.min(above) as f64 / (sorted.len() + 1) as f64;
    if share >= 0.5 {
        return 1.0;
    }
    let n = clusters as f64;
    2.0 * t_cdf(((n - 1.0) / n).sqrt() * normal_quantile(share), n - 1.0)
}

/// The least p that [`two_sided_p`] can give: that of resamples which all lie on one side of 0. With
/// 2,000 it is 0.0036 for 25 clusters and 0.0010 for very many.
pub fn finest_p(resamples: usize, clusters: usize) -> f64 {
    let n = clusters as f64;
    let least = normal_quantile(1.0 / (resamples + 1) as f64);
    2.0 * t_cdf(((n - 1.0) / n).sqrt() * least, n - 1.0)
}

/// The acceleration of BCa, from the score without each of the clusters in turn; none where leaving
/// one out changes nothing, or leaves no score.
///
/// # Source
/// Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), 14.3.
pub fn acceleration(left_out: &[f64]) -> Option<f64> {
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in left_out {
        let u = mean - value;
        squares += u * u;
        cubes += u * u * u;
    }
    Some(cubes / (6.0 * libm::pow(squares, 1.5))).filter(|a| a.is_finite())
}

/// The value below which a share `p` lies, linear between two values (NumPy's default).
pub(super) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let place = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let part = place - below as f64;
    sorted[below] + part * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hundred(clusters: usize) -> Replicates {
        Replicates {
            estimate: 49.5,
            resampled: (0..100).map(f64::from).collect(),
            acceleration: None,
            clusters,
            factors: None,
        }
    }

    #[test]
    fn few_clusters_widen_the_interval() {
        // Φ(√(25/24) · t(0.025, 24)) = 0.017583 (SciPy), of 99 steps.
        let interval = hundred(25).interval().expect("an interval");
        assert!((interval.low - 99.0 * 0.017_583).abs() < 1e-3, "{interval:?}");
        assert!((interval.high + interval.low - 99.0).abs() < 1e-9);
        let many = hundred(1_000_000).interval().expect("an interval");
        assert!((many.low - 99.0 * 0.025).abs() < 1e-3);
    }

    #[test]
    fn there_is_no_interval_where_clusters_do_not_tell() {
        assert_eq!(hundred(7).interval(), Err(NoInterval::FewClusters));
        let none = Replicates { resampled: vec![], ..hundred(25) };
        assert_eq!(none.interval(), Err(NoInterval::NotAsked));
        let undefined = Replicates { estimate: f64::NAN, ..hundred(25) };
        assert_eq!(undefined.interval(), Err(NoInterval::Undefined));
        let same = Replicates { resampled: vec![1.0; 100], ..hundred(25) };
        assert_eq!(same.interval(), Err(NoInterval::NoVariation));
        let mut holes = hundred(25);
        holes.resampled[..5].fill(f64::NAN);
        assert!(holes.interval().is_ok(), "five of a hundred are left out");
        holes.resampled[5] = f64::NAN;
        assert_eq!(holes.interval(), Err(NoInterval::UndefinedResamples));
    }

    #[test]
    fn p_is_the_level_at_which_the_interval_reaches_zero() {
        let clusters = 25;
        let sorted: Vec<f64> = (0..2000).map(|i| f64::from(i) - 35.4).collect();
        // 36 of 2,000 are at or below 0: 37/2001 = 1.85 %, a little more than 1.758 %.
        let p = two_sided_p(&sorted, clusters);
        assert!(p > 0.05 && p < 0.053, "{p}");
        assert!(expanded_interval(&sorted, clusters)[0] < 0.0);
        let above: Vec<f64> = (1..=2000).map(f64::from).collect();
        let finest = two_sided_p(&above, 1_000_000);
        assert!((finest - 2.0 / 2001.0).abs() < 1e-6, "{finest}");
        assert_eq!(two_sided_p(&[0.0; 10], clusters), 1.0);
        assert_eq!(two_sided_p(&above, 25), finest_p(2000, 25));
        assert!((finest_p(2000, 25) - 0.0036).abs() < 5e-5, "{}", finest_p(2000, 25));
    }

    #[test]
    fn the_tail_agrees_with_the_percentiles_where_both_tell() {
        // Normal resamples: the quantiles of 2,000 equal shares, about differences from 0.5 to 2.5
        // deviations from 0.
        let steps = (0..2000).map(|i| super::normal_quantile((f64::from(i) + 0.5) / 2000.0));
        let normal: Vec<f64> = steps.collect();
        for clusters in [8, 25, 1000] {
            for estimate in [0.5, 1.0, 2.0, 2.5] {
                let resampled = normal.iter().map(|z| estimate + z).collect();
                let d =
                    Replicates { estimate, resampled, acceleration: None, clusters, factors: None };
                let [p, tail] = [d.p().expect("a p"), d.tail_p().expect("a p")];
                assert!((p / tail - 1.0).abs() < 0.3 && (p - tail).abs() < 0.006, "{p} {tail}");
            }
            let resampled = normal.iter().map(|z| 8.0 + z).collect();
            let far = Replicates {
                estimate: 8.0,
                resampled,
                acceleration: None,
                clusters,
                factors: None,
            };
            assert_eq!(far.p().expect("a p"), finest_p(2000, clusters));
            assert!(far.tail_p().expect("a p") < 0.1 * finest_p(2000, clusters));
        }
    }

    #[test]
    fn a_symmetric_sample_has_nothing_to_correct() {
        let left_out: Vec<f64> = (-10..=10).map(f64::from).collect();
        let replicates = Replicates { acceleration: acceleration(&left_out), ..hundred(21) };
        let [low, high] = replicates.interval().expect("an interval").bca.expect("BCa");
        assert!((low - 99.0 * 0.025).abs() < 1e-9 && (high - 99.0 * 0.975).abs() < 1e-9);
        assert_eq!(acceleration(&[1.0; 9]), None);
        assert_eq!(hundred(9).interval().expect("an interval").bca, None);
    }
}
