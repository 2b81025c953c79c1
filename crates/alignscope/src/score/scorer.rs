//! All scores of a data set, with their intervals.

use rayon::prelude::*;

use super::rated::RatedReplicates;
use super::ratio::{self, Share};
use super::{Measure, Score, ScoreError, Ties, score};
use crate::dataset::{Clusters, Subset, Trials};
use crate::measure::{RatedMeasure, RatedSample};
use crate::paradigm::Ratings;
use crate::resample::{Draws, Interval, NoInterval, Replicates};

/// Numbers of trials that are worked on at a time, in bytes.
const COLUMN_BYTES: usize = 256 << 20;

/// Scores distances on all subsets of a data set, under one set of resamples.
#[derive(Debug, Clone)]
pub struct Scorer {
    trials: Trials,
    ties: Ties,
    clusters: Clusters,
    draws: Draws,
    subsets: Vec<Subset>,
    /// The trials of each subset.
    parts: Vec<Trials>,
}

/// A score of a subset, with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct SubsetScore {
    /// Position of the subset.
    pub subset: usize,
    /// The score.
    pub score: Score,
    /// Clusters with a trial that counts.
    pub n_clusters: usize,
    /// Its interval, or why there is none.
    pub interval: Result<Interval, NoInterval>,
}

/// One of several lists of distances cannot be scored.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("list {column} of distances")]
pub struct ColumnError {
    /// Position of the list.
    pub column: usize,
    /// Why.
    #[source]
    pub source: ScoreError,
}

/// The scores of one list of distances.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnScores {
    /// All of them.
    pub scores: Vec<SubsetScore>,
    /// The main measure of the whole under all resamples: Spearman's correlation or the accuracy.
    pub main: Replicates,
}

impl Scorer {
    /// A scorer of `trials`.
    ///
    /// `subsets` — the first is the whole
    ///
    /// # Panics
    /// There is no subset, or there are not as many codes as trials.
    pub fn new(
        trials: Trials,
        clusters: Clusters,
        subsets: Vec<Subset>,
        draws: Draws,
        ties: Ties,
    ) -> Self {
        assert_eq!(clusters.codes.len(), trials.len(), "a cluster for each trial");
        assert_eq!(subsets[0].trials.len(), trials.len(), "the first subset is the whole");
        let parts = subsets.iter().map(|subset| trials.part(&subset.trials)).collect();
        Self { trials, ties, clusters, draws, subsets, parts }
    }

    /// The subsets.
    pub fn subsets(&self) -> &[Subset] {
        &self.subsets
    }

    /// The clusters.
    pub fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    /// The resamples.
    pub fn draws(&self) -> &Draws {
        &self.draws
    }

    /// The trials.
    pub fn trials(&self) -> &Trials {
        &self.trials
    }

    /// What a tie between a model's distances counts.
    pub fn ties(&self) -> Ties {
        self.ties
    }

    /// What there is to know of the interval of a score: why there is none, or that it tends to be too
    /// narrow, as in `docs/statistics.md` those of fewer than 93 % by simulation: Pearson's correlation, what
    /// follows from fitted curves, and correlations within types. With 25 references the truth was in 86 to
    /// 92 % of them.
    pub fn interval_note(&self, score: &SubsetScore) -> Option<String> {
        let within = !self.subsets[score.subset].within.is_empty();
        match score.interval {
            Err(reason) => Some(reason.to_string()),
            Ok(_) if within || score.score.measure.has_narrow_intervals() => {
                Some("interval tends to be too narrow (see docs/statistics.md)".to_owned())
            }
            Ok(_) => None,
        }
    }

    /// The measure that figures show and that models are compared by.
    pub fn main_measure(&self) -> Measure {
        self.trials.paradigm().main_measure()
    }

    /// What chance gives of the main measure.
    pub fn chance(&self) -> f64 {
        self.trials.paradigm().chance()
    }

    /// Scores lists of distances, each as [`score`] takes it.
    ///
    /// The whole has all measures; a subset Spearman's and Pearson's correlation, the accuracy
    /// and the vote share. A correlation within types is of ranks (or values) within each type,
    /// less their mean there, pooled over the types.
    ///
    /// # Errors
    /// As for [`score`], and which of the lists it is.
    pub fn score(&self, columns: &[Vec<f64>]) -> Result<Vec<ColumnScores>, ColumnError> {
        let size = (COLUMN_BYTES / (8 * 2 * self.trials.len().max(1))).max(1);
        let mut found = Vec::with_capacity(columns.len());
        for columns in columns.chunks(size) {
            let done = found.len();
            let plain = columns.par_iter().enumerate().map(|(i, distances)| {
                self.plain(distances).map_err(|source| ColumnError { column: done + i, source })
            });
            let plain: Vec<Vec<Vec<Score>>> = plain.collect::<Result<_, _>>()?;
            found.extend(match self.trials.paradigm().ratings() {
                Some(ratings) => self.rated(columns, plain, &ratings),
                None => self.choices(columns, plain),
            });
        }
        Ok(found)
    }

    /// What each trial counts for the accuracy: 1, 0, or a part at a tie; none where people do not
    /// decide. Nothing for rated pairs.
    pub fn outcomes(&self, distances: &[f64]) -> Option<Vec<Option<f64>>> {
        self.trials.paradigm().outcomes(distances, self.ties).into_iter().next()
    }

    /// Correlations of ratings with lists of numbers, under all resamples: for each subset and
    /// measure (Spearman's and Pearson's of every subset, Kendall's of the whole), those of each
    /// list. Nothing for other trials.
    pub(crate) fn correlations(
        &self,
        columns: &[Vec<f64>],
    ) -> Vec<(usize, Measure, Vec<Replicates>)> {
        let Some(ratings) = self.trials.paradigm().ratings() else { return vec![] };
        let measures: Vec<_> =
            ratings.rated().into_iter().filter(|(_, rated)| !rated.is_fitted()).collect();
        let (codes, count) = (&self.clusters.codes, self.clusters.count);
        let sample = RatedSample::new(&ratings.scores, columns, codes, count);
        let replicates = self.replicates(&sample, &measures);
        let of_subset = |subset: usize| {
            let replicates = &replicates;
            replicates.of_subset(subset).map(move |(place, measure)| {
                let of_column = |column| replicates.of(place, subset, column).clone();
                (subset, measure, (0..columns.len()).map(of_column).collect())
            })
        };
        (0..self.subsets.len()).flat_map(of_subset).collect()
    }

    fn replicates(
        &self,
        sample: &RatedSample<'_>,
        measures: &[(Measure, &'static dyn RatedMeasure)],
    ) -> RatedReplicates {
        RatedReplicates::new(sample, measures, &self.subsets, &self.clusters, &self.draws)
    }

    /// Shares of trials under all resamples: `[subset][share]`.
    pub(crate) fn shares(
        &self,
        shares: &[Share],
        denominators: &[Vec<f64>],
    ) -> Vec<Vec<Replicates>> {
        ratio::replicates(shares, denominators, &self.subsets, &self.clusters, &self.draws)
    }

    /// The scores of each subset, without resamples.
    fn plain(&self, distances: &[f64]) -> Result<Vec<Vec<Score>>, ScoreError> {
        let whole = score(&self.trials, distances, self.ties)?;
        let per_trial = self.trials.comparisons();
        let of_part = |(subset, part): (&Subset, &Trials)| {
            let of_trials = subset.trials.iter().flat_map(|trial| {
                let first = *trial as usize * per_trial;
                &distances[first..first + per_trial]
            });
            score(part, &of_trials.copied().collect::<Vec<_>>(), self.ties)
        };
        let mut found = vec![whole];
        for part in self.subsets.iter().zip(&self.parts).skip(1) {
            found.push(of_part(part)?);
        }
        Ok(found)
    }

    fn rated(
        &self,
        columns: &[Vec<f64>],
        plain: Vec<Vec<Vec<Score>>>,
        ratings: &Ratings,
    ) -> Vec<ColumnScores> {
        let scores = &ratings.scores;
        let closeness: Vec<Vec<f64>> =
            columns.iter().map(|d| d.iter().map(|d| -d).collect()).collect();
        let measures = ratings.rated();
        let (codes, count) = (&self.clusters.codes, self.clusters.count);
        let sample = RatedSample::new(scores, &closeness, codes, count);
        let found = self.replicates(&sample, &measures);
        let of_column = |(column, plain): (usize, Vec<Vec<Score>>)| {
            let of_subset = |(s, plain): (usize, &Vec<Score>)| {
                let of_measure = |(place, measure): (usize, Measure)| {
                    let replicates = found.of(place, s, column);
                    let rated = measures[place].1;
                    let score = match plain.iter().find(|score| score.measure == measure) {
                        Some(score) if self.subsets[s].within.is_empty() => *score,
                        Some(score) => Score { value: replicates.estimate, ..*score },
                        None => Score {
                            measure,
                            value: rated.of_whole(&sample, column),
                            chance: rated.chance(scores),
                            ..plain[0]
                        },
                    };
                    SubsetScore {
                        subset: s,
                        score,
                        n_clusters: replicates.clusters,
                        // The interval is of the score as it is given, NaN where it is.
                        interval: match score.value.is_nan() {
                            true => Err(NoInterval::Undefined),
                            false => replicates.interval(),
                        },
                    }
                };
                found.of_subset(s).map(of_measure).collect::<Vec<_>>()
            };
            let main = self.main_measure();
            let main = measures.iter().position(|(measure, _)| *measure == main);
            let main = found.of(main.expect("a measure of ratings"), 0, column).clone();
            ColumnScores { scores: plain.iter().enumerate().flat_map(of_subset).collect(), main }
        };
        plain.into_iter().enumerate().map(of_column).collect()
    }

    fn choices(&self, columns: &[Vec<f64>], plain: Vec<Vec<Vec<Score>>>) -> Vec<ColumnScores> {
        let mut shares = Vec::new();
        let mut denominators: Vec<Vec<f64>> = vec![];
        for distances in columns {
            let measures = self.trials.paradigm().outcomes(distances, self.ties);
            if denominators.is_empty() {
                let counts = |o: &Option<f64>| f64::from(u8::from(o.is_some()));
                let of = |outcomes: &Vec<Option<f64>>| outcomes.iter().map(counts).collect();
                denominators = measures.iter().map(of).collect();
            }
            for (denominator, outcomes) in measures.into_iter().enumerate() {
                let numerators = outcomes.into_iter().map(|o| o.unwrap_or(0.0)).collect();
                shares.push(Share { numerators, denominator });
            }
        }
        let measures = denominators.len();
        let found =
            ratio::replicates(&shares, &denominators, &self.subsets, &self.clusters, &self.draws);
        let of_column = |(column, plain): (usize, Vec<Vec<Score>>)| {
            let mut scores = Vec::new();
            for (s, plain) in plain.iter().enumerate() {
                for (m, score) in plain.iter().enumerate() {
                    let replicates = &found[s][column * measures + m];
                    let interval = replicates.interval();
                    let n_clusters = replicates.clusters;
                    let of = SubsetScore { subset: s, score: *score, n_clusters, interval };
                    scores.push(of.clone());
                    if s == 0 {
                        scores.extend(turned(&of));
                    }
                }
            }
            ColumnScores { scores, main: found[0][column * measures].clone() }
        };
        plain.into_iter().enumerate().map(of_column).collect()
    }
}

/// The scores that are turned from another of the whole.
fn turned(of: &SubsetScore) -> impl Iterator<Item = SubsetScore> {
    Measure::ALL.into_iter().filter_map(|measure| {
        let (_, turn) = measure.turned().filter(|(from, _)| *from == of.score.measure)?;
        let chance = of.score.chance;
        let turn = |value: f64| turn(value, chance);
        Some(SubsetScore {
            score: Score { measure, value: turn(of.score.value), chance: turn(chance), ..of.score },
            interval: of.interval.map(|i| Interval {
                low: turn(i.low),
                high: turn(i.high),
                bca: i.bca.map(|ends| ends.map(turn)),
            }),
            ..of.clone()
        })
    })
}
