//! Average precision of telling images that people find the same.

use super::rated::RatedMeasure;
use super::{Computed, TrialMeasure};

/// How well small distances tell the pairs that people find the same: the area under the curve of
/// precision against recall, 0 to 1.
///
/// ```text
/// true(t)  = Σ s_i,  false(t) = Σ (1 − s_i)    over the pairs nearer than t; s_i the share of
///                                              people who say that the two images are the same
/// precision = true / (true + false),  recall = true(t) / true(∞)
/// AP        = Σ_t (recall_t − recall_{t−1}) · max_{t' ≥ t} precision_{t'}
/// ```
///
/// Because each precision is raised, a random order has a little more than the mean of s, and half of
/// the pairs more than all. Pairs of one distance enter together, so that equal distances of all give the mean of s. NaN if
/// nobody finds any pair the same.
///
/// # Source
/// The score of just noticeable differences of Zhang et al. (2018), Section 3.2: of the package
/// `lpips`, `voc_ap`, where the order of pairs of one distance is left to the sort.
#[derive(Debug, Clone, Copy)]
pub struct AveragePrecision;

impl TrialMeasure for AveragePrecision {
    fn name(&self) -> &'static str {
        "average-precision"
    }

    fn title(&self) -> &'static str {
        "average precision"
    }

    fn is_main(&self) -> bool {
        true
    }

    fn is_of_parts(&self) -> bool {
        true
    }

    fn computed(&'static self) -> Computed {
        Computed::Rated(self)
    }
}

impl RatedMeasure for AveragePrecision {
    fn of(&self, closeness: &[f64], same: &[f64]) -> f64 {
        average_precision(closeness, same)
    }

    /// The mean share of people who say the same.
    fn chance(&self, same: &[f64]) -> f64 {
        same.iter().sum::<f64>() / same.len() as f64
    }

    fn needs_shares(&self) -> bool {
        true
    }
}

/// See [`AveragePrecision`].
///
/// `same` — the share of people who say that the images of each pair are the same, 0 to 1
///
/// # Panics
/// The lengths differ, or a value is NaN.
pub fn average_precision(closeness: &[f64], same: &[f64]) -> f64 {
    assert_eq!(closeness.len(), same.len(), "a share for each pair");
    let all: f64 = same.iter().sum();
    if all <= 0.0 {
        return f64::NAN;
    }
    let mut order: Vec<usize> = (0..same.len()).collect();
    // Adding 0 makes −0 equal to 0 in the total order, as they are equal.
    order.sort_by(|a, b| (closeness[*b] + 0.0).total_cmp(&(closeness[*a] + 0.0)));
    let [mut right, mut seen] = [0.0; 2];
    let points = order.chunk_by(|a, b| closeness[*a] == closeness[*b]).map(|group| {
        right += group.iter().map(|i| same[*i]).sum::<f64>();
        seen += group.len() as f64;
        [right / all, right / seen]
    });
    let points: Vec<[f64; 2]> = points.collect();
    area(&points)
}

/// The area under the falling envelope of points of recall and precision, by rising recall.
fn area(points: &[[f64; 2]]) -> f64 {
    let mut highest = 0.0_f64;
    let mut area = 0.0;
    for (i, [recall, precision]) in points.iter().enumerate().rev() {
        highest = highest.max(*precision);
        let before = if i == 0 { 0.0 } else { points[i - 1][0] };
        area += (recall - before) * highest;
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_distances_of_all_that_are_the_same_are_perfect() {
        let closeness = [-1.0, -2.0, -3.0, -4.0];
        assert_eq!(average_precision(&closeness, &[1.0, 1.0, 0.0, 0.0]), 1.0);
        // The two that are the same come last: 1/3 at the first, 2/4 at both.
        let last = average_precision(&closeness, &[0.0, 0.0, 1.0, 1.0]);
        assert_eq!(last, 0.5);
        let equal = average_precision(&[-1.0; 4], &[0.5, 0.0, 1.0, 0.0]);
        assert_eq!(equal, 0.375, "the share of all, whatever their order");
        assert!(average_precision(&closeness, &[0.0; 4]).is_nan());
        assert!(average_precision(&[], &[]).is_nan());
    }
}
