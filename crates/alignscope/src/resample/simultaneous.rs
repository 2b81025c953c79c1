//! Intervals that hold together.

use super::interval::{
    ALPHA, Interval, MAX_UNDEFINED, MIN_CLUSTERS, NoInterval, Replicates, quantile,
};
use super::normal::{normal_cdf, t_quantile};

/// How wide the intervals of several numbers must be for all of them to hold their truth in 95 of 100
/// data sets, whichever of them is looked at afterwards: the largest of several differences too.
///
/// ```text
/// m*_r = max_k |d*_kr − mean d*_k| / sd_k         for each resample r, over all numbers k
/// c    = the value below which 95 % of the m* lie
/// d_k ± √(n/(n − 1)) · |t_{Φ(−c), n−1}| · sd_k    t in the place of normal, as for single intervals
/// ```
///
/// # Source
/// Max-T over shared resamples (Westfall and Young, *Resampling-Based Multiple Testing*, 1993, 2.5); sup-t
/// bands (Montiel Olea and Plagborg-Møller, Journal of Applied Econometrics 34, 2019).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Together {
    /// Half of an interval's width, in standard deviations of its resamples.
    width: f64,
}

impl Together {
    /// Of these numbers, all under the same resamples. One that does not vary, or has no value in many
    /// resamples, is passed over; nothing where none is left, or of fewer than [`MIN_CLUSTERS`].
    pub fn of(numbers: impl Iterator<Item = Replicates>) -> Option<Self> {
        let mut largest: Vec<f64> = vec![];
        let mut clusters = usize::MAX;
        for number in numbers {
            let undefined = number.resampled.iter().filter(|v| v.is_nan()).count() as f64;
            let [mean, deviation] = number.spread();
            let varies = deviation > 1e-12 * mean.abs().max(1e-3);
            if !varies || undefined > MAX_UNDEFINED * number.resampled.len() as f64 {
                continue;
            }
            clusters = clusters.min(number.clusters);
            largest.resize(number.resampled.len(), 0.0);
            for (largest, value) in largest.iter_mut().zip(number.values().iter()) {
                // NaN is never the larger one.
                *largest = largest.max((value - mean).abs() / deviation);
            }
        }
        if largest.is_empty() || clusters < MIN_CLUSTERS {
            return None;
        }
        largest.sort_unstable_by(f64::total_cmp);
        let c = quantile(&largest, 1.0 - ALPHA);
        let n = clusters as f64;
        let width = (n / (n - 1.0)).sqrt() * -t_quantile(normal_cdf(-c), n - 1.0);
        Some(Self { width })
    }

    /// The interval of one of them.
    ///
    /// # Errors
    /// It has none by itself either; see [`NoInterval`].
    pub fn interval(&self, number: &Replicates) -> Result<Interval, NoInterval> {
        number.interval()?;
        let half = self.width * number.spread()[1];
        Ok(Interval { low: number.estimate - half, high: number.estimate + half, bca: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::normal::normal_quantile;

    /// Normal resamples in an order that depends on `step`, which has no factor in common with 2,003.
    fn shuffled(step: usize) -> Replicates {
        let at = |i: usize| normal_quantile((((i + 1) * step % 2003) as f64) / 2003.0);
        let resampled = (0..2002).map(at).collect();
        Replicates {
            estimate: 0.0,
            resampled,
            acceleration: None,
            clusters: 1_000_000,
            factors: None,
        }
    }

    #[test]
    fn one_number_has_the_interval_that_it_has_by_itself() {
        let one = shuffled(1);
        let together = Together::of([one.clone(), one.clone()].into_iter()).expect("it varies");
        let interval = together.interval(&one).expect("an interval");
        assert!((interval.high - 1.96).abs() < 0.01, "{interval:?}");
        let few = Replicates { clusters: 25, ..one };
        let together = Together::of([few.clone()].into_iter()).expect("it varies");
        let high = together.interval(&few).expect("an interval").high;
        // √(25/24) · t(0.025, 24) = 2.1064.
        assert!((high - 2.1064).abs() < 0.012, "{high}");
    }

    #[test]
    fn many_numbers_have_wider_ones() {
        let many: Vec<Replicates> = [1, 7, 57, 211, 577].map(shuffled).to_vec();
        let together = Together::of(many.iter().cloned()).expect("they vary");
        let high = together.interval(&many[2]).expect("an interval").high;
        // Of five that are independent 1 − 0.95^(1/5) are cut off: 2.569.
        assert!((high - 2.569).abs() < 0.1, "{high}");
        let still = Replicates { resampled: vec![0.5; 2002], ..many[0].clone() };
        assert_eq!(Together::of([still].into_iter()), None);
        assert_eq!(Together::of(std::iter::empty()), None);
    }
}
