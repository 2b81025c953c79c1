//! The score of a stage that is chosen on other clusters than it is scored on.

use rayon::prelude::*;

use super::{Point, first_highest};
use crate::resample::{Factors, MIN_CLUSTERS, Replicates};

/// More choices without a score than this share, and there is none at all.
const MAX_UNDEFINED: f64 = 0.05;

/// The stage that is best on one half of the clusters, scored on the other half: over both halves
/// of many splits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ChosenStage {
    /// How often each point was chosen: `[points]`, of sum 1.
    pub(super) shares: Vec<f64>,
    /// Its score on the other half, the mean over the choices. The resampled values are those of an
    /// interval for the true score of the stages that were chosen, by how often each was.
    pub(super) replicates: Replicates,
}

/// Why no stage is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotChosen {
    #[error("fewer than {} clusters, too few to choose by half of them", 2 * MIN_CLUSTERS)]
    FewClusters,
    #[error("the clusters are not split into halves")]
    NotSplit,
    #[error("no score is defined on many halves of the clusters")]
    Undefined,
}

/// Scores of the points on a half that chooses, and on the half that is scored.
struct Choice {
    /// `[points]`
    chooses: Vec<f64>,
    /// `[points]`
    scored: Vec<f64>,
}

impl ChosenStage {
    /// Chooses among points whose score of all clusters is defined.
    ///
    /// Where several are best on a half, the first is chosen. A point without a score on the half
    /// is not chosen; a choice without a score on the other half is passed over, and where those
    /// are more than one in twenty nothing is found.
    ///
    /// The interval is by a bootstrap of the whole procedure: under a resample the halves are off
    /// by as much as all clusters are.
    ///
    /// ```text
    /// c  = the point k with the highest  A_k + E*_k − E_k               for each half
    /// d* = mean over halves of  (B_c − H_c) + (E*_c − E_c)              for each resample
    /// ```
    ///
    /// where E_k is the score of all clusters and E*_k that under the resample, A_k that of the
    /// half that chooses and B_k that of the other, and H_k the mean over all halves. The resampled
    /// values are the value + d*. (To split a resample itself would not do: a cluster that is drawn
    /// twice would be in both halves.)
    pub(super) fn of(points: &[Point<'_>], less_is_better: bool) -> Result<Self, NotChosen> {
        let clusters = points.iter().map(|point| point.replicates.clusters).min().unwrap_or(0);
        if points.iter().any(|point| point.halves.is_empty()) {
            return Err(match clusters < 2 * MIN_CLUSTERS {
                true => NotChosen::FewClusters,
                false => NotChosen::NotSplit,
            });
        }
        let sign = if less_is_better { -1.0 } else { 1.0 };
        let choices = choices(points);
        let best = |choice: &Choice| first_highest(choice.chooses.iter().map(|a| sign * a));
        let mut counts = vec![0_u32; points.len()];
        let mut sum = 0.0;
        for choice in &choices {
            let Some(place) = best(choice).filter(|place| !choice.scored[*place].is_nan()) else {
                continue;
            };
            counts[place] += 1;
            sum += choice.scored[place];
        }
        let found = f64::from(counts.iter().sum::<u32>());
        if found < (1.0 - MAX_UNDEFINED) * choices.len() as f64 {
            return Err(NotChosen::Undefined);
        }
        let value = sum / found;
        let means: Vec<f64> = points.iter().map(|point| mean_of_halves(point.halves)).collect();
        let under = |values: &Values<'_>| -> Vec<f64> {
            let resamples = points.iter().map(|point| values(point.replicates).len()).min();
            (0..resamples.unwrap_or(0))
                .into_par_iter()
                .map(|r| value + deviation(points, values, &choices, &means, sign, r))
                .collect()
        };
        let resampled = under(&|replicates| &replicates.resampled);
        let factors = points[0].replicates.factors.as_ref().map(|first| {
            let values = [0, 1].map(|factor: usize| {
                under(&|replicates| {
                    replicates.factors.as_ref().map_or(&[][..], |factors| &factors.values[factor])
                })
            });
            Box::new(Factors { values, sizes: first.sizes })
        });
        let acceleration = None;
        let replicates = Replicates { estimate: value, resampled, acceleration, clusters, factors };
        Ok(Self { shares: counts.into_iter().map(|n| f64::from(n) / found).collect(), replicates })
    }

    /// The point that is chosen most often, the first of them where several are.
    pub(super) fn place(&self) -> usize {
        first_highest(self.shares.iter().copied()).expect("some point was chosen")
    }

    /// The other points that were chosen, the most frequent first, with how often.
    pub(super) fn others(&self) -> Vec<(usize, f64)> {
        let most = self.place();
        let shares = self.shares.iter().copied().enumerate();
        let mut others: Vec<(usize, f64)> =
            shares.filter(|(place, share)| *place != most && *share > 0.0).collect();
        others.sort_by(|a, b| b.1.total_cmp(&a.1));
        others
    }
}

/// Both halves of each split as the one that chooses.
fn choices(points: &[Point<'_>]) -> Vec<Choice> {
    let splits = points.iter().map(|point| point.halves.len()).min().unwrap_or(0);
    let of_half = |split: usize, half: usize| points.iter().map(move |p| p.halves[split][half]);
    (0..splits)
        .flat_map(|split| {
            [[0, 1], [1, 0]].map(|[chooses, scored]| Choice {
                chooses: of_half(split, chooses).collect(),
                scored: of_half(split, scored).collect(),
            })
        })
        .collect()
}

/// The mean of the halves on which a point has a score.
fn mean_of_halves(halves: &[[f64; 2]]) -> f64 {
    let scores = || halves.iter().flatten().filter(|score| !score.is_nan());
    scores().sum::<f64>() / scores().count() as f64
}

/// Which resampled values of a score are looked at: all, or those of people or of images alone.
type Values<'a> = dyn Fn(&Replicates) -> &[f64] + Sync + 'a;

/// How far the mean score of the chosen points is off under a resample: d* of [`ChosenStage::of`].
fn deviation(
    points: &[Point<'_>],
    values: &Values<'_>,
    choices: &[Choice],
    means: &[f64],
    sign: f64,
    resample: usize,
) -> f64 {
    let off: Vec<f64> =
        points.iter().map(|p| values(p.replicates)[resample] - p.replicates.estimate).collect();
    let (mut sum, mut found) = (0.0, 0.0);
    for choice in choices {
        let chooses = choice.chooses.iter().zip(&off).map(|(score, off)| sign * (score + off));
        let Some(place) = first_highest(chooses) else { continue };
        let deviation = choice.scored[place] - means[place] + off[place];
        if !deviation.is_nan() {
            sum += deviation;
            found += 1.0;
        }
    }
    sum / found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Stage;

    fn replicates(estimate: f64, clusters: usize) -> Replicates {
        let resampled = (0..100).map(|i| estimate + 1e-3 * f64::from(i - 50)).collect();
        Replicates { estimate, resampled, acceleration: None, clusters, factors: None }
    }

    /// Points with these halves, whose score of all clusters is the mean of those.
    fn choose(
        halves: &[&[[f64; 2]]],
        less_is_better: bool,
        clusters: usize,
    ) -> Result<ChosenStage, NotChosen> {
        let all: Vec<Replicates> =
            halves.iter().map(|halves| replicates(mean_of_halves(halves), clusters)).collect();
        let points: Vec<Point<'_>> = halves
            .iter()
            .zip(&all)
            .map(|(halves, replicates)| Point {
                stage: Stage::Embedding,
                depth_percent: 0.0,
                replicates,
                halves,
            })
            .collect();
        ChosenStage::of(&points, less_is_better)
    }

    #[test]
    fn a_point_is_chosen_on_one_half_and_scored_on_the_other() {
        let halves: [&[[f64; 2]]; 2] = [&[[0.6, 0.4], [0.6, 0.5]], &[[0.5, 0.5], [0.4, 0.8]]];
        let chosen = choose(&halves, false, 20).expect("chosen");
        // The first on both first halves, of 0.4 and 0.5 on the others; then the second.
        assert!((chosen.replicates.estimate - 0.45).abs() < 1e-12, "{chosen:?}");
        assert_eq!((chosen.shares.as_slice(), chosen.place()), (&[0.5, 0.5][..], 0));
        assert_eq!(chosen.others(), [(1, 0.5)]);
        let least = choose(&halves, true, 20).expect("chosen");
        assert!((least.replicates.estimate - 0.625).abs() < 1e-12, "{least:?}");
    }

    #[test]
    fn a_point_that_is_always_chosen_varies_as_it_does_by_itself() {
        let halves: [&[[f64; 2]]; 2] = [&[[0.7, 0.9], [0.9, 0.7]], &[[0.2, 0.2], [0.2, 0.2]]];
        let chosen = choose(&halves, false, 20).expect("chosen");
        assert_eq!(chosen.shares, [1.0, 0.0]);
        let expected = replicates(0.8, 20);
        let resampled = chosen.replicates.resampled.iter().zip(&expected.resampled);
        assert!(resampled.into_iter().all(|(a, b)| (a - b).abs() < 1e-12), "{chosen:?}");
        assert!(chosen.replicates.interval().is_ok());
    }

    #[test]
    fn the_first_of_equal_points_is_chosen_and_one_without_a_score_is_not() {
        let halves: [&[[f64; 2]]; 2] = [&[[0.6, 0.6]], &[[0.6, 0.6]]];
        assert_eq!(choose(&halves, false, 20).expect("chosen").shares, [1.0, 0.0]);
        let halves: [&[[f64; 2]]; 2] = [&[[f64::NAN, 0.3]], &[[0.6, 0.4]]];
        let chosen = choose(&halves, false, 20).expect("chosen");
        assert_eq!((chosen.shares.as_slice(), chosen.replicates.estimate), (&[0.0, 1.0][..], 0.5));
    }

    #[test]
    fn halves_that_do_not_tell_choose_nothing() {
        let halves: [&[[f64; 2]]; 1] = [&[[0.6, 0.6], [0.5, 0.7]]];
        assert_eq!(choose(&[&[]], false, 15), Err(NotChosen::FewClusters));
        // Of matrices the images are split, and people may be the fewer.
        assert!(choose(&halves, false, 15).is_ok());
        assert_eq!(choose(&[&[]], false, 16), Err(NotChosen::NotSplit));
        // One choice in twenty may be without a score, no more.
        let mut splits = [[0.6, 0.7]; 20];
        splits[0] = [f64::NAN, 0.7];
        let chosen = choose(&[&splits], false, 16).expect("chosen");
        assert!((chosen.replicates.estimate - 0.65).abs() < 1e-12, "{chosen:?}");
        splits[1] = [f64::NAN, 0.7];
        assert_eq!(choose(&[&splits], false, 16), Err(NotChosen::Undefined));
    }
}
