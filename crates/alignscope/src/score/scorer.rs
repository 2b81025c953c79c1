//! All scores of a data set, with their intervals.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::choice_numbers::ChoiceNumbers;
use super::columns::Columns;
use super::difficulty::Difficulty;
use super::facts::TrialFacts;
use super::halves;
use super::likelihood::{Fitted, Likelihoods};
use super::matrices::{MatrixDraws, MatrixReplicates};
use super::outcomes::Outcomes;
use super::rated::RatedReplicates;
use super::ratio::{self, Listed, Share, Stopped, TrialNumbers};
use super::subset_score::SubsetScore;
use super::{Measure, Score, ScoreError, Ties, score};
use crate::dataset::{Clusters, Subset, Trials};
use crate::measure::{RatedMeasure, RatedSample};
use crate::paradigm::{Choices, Questions, Ratings, key};
use crate::progress::{Progress, Silent};
use crate::resample::{BLOCK, Draws, Interval, MIN_CLUSTERS, NoInterval, Replicates, SPLITS};

/// Numbers of trials that are worked on at a time, in bytes.
const COLUMN_BYTES: usize = 256 << 20;

/// Steps of a task that what is found of a list of distances before it is resampled is.
const COLUMN_STEPS: u64 = 10;

/// Trials whose outcomes are found by one thread.
const OUTCOMES: usize = 1 << 16;

/// Scores distances on all subsets of a data set, under one set of resamples.
#[derive(Debug, Clone)]
pub struct Scorer {
    trials: Trials,
    ties: Ties,
    clusters: Clusters,
    draws: Draws,
    subsets: Vec<Subset>,
    /// The trials of each subset but the whole.
    parts: Vec<Trials>,
    facts: TrialFacts,
    /// Found when the first distances are scored.
    chosen: OnceLock<Chosen>,
}

/// What people's choices say beside which is the right one.
#[derive(Debug, Clone)]
struct Chosen {
    likelihoods: Option<Likelihoods>,
    difficulty: Difficulty,
}

impl Chosen {
    fn of(trials: &Trials, clusters: &Clusters, facts: &TrialFacts) -> Self {
        let paradigm = trials.paradigm();
        let questions = Questions::of(paradigm);
        let times = facts.response_times.as_deref();
        let difficulty = questions
            .as_ref()
            .map_or_else(Difficulty::none, |of| Difficulty::of(of, clusters, times));
        let own = || Clusters::of_keys((0..trials.len()).map(|i| key(paradigm.cluster(i)))).codes;
        let choices = match &facts.default_clusters {
            Some(codes) => Choices::of(paradigm, questions, codes),
            None => Choices::of(paradigm, questions, &own()),
        };
        let of_single = facts.has_deviations_of_ratings;
        let likelihoods = choices.map(|of| Likelihoods::new(of, clusters, of_single));
        Self { likelihoods, difficulty }
    }
}

/// The shares of lists of distances under resamples.
struct ChoiceReplicates {
    /// `[subset][share]`
    of_shares: Vec<Vec<Replicates>>,
    /// Each list's main measure on both halves of each split.
    halves: Vec<Vec<[f64; 2]>>,
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
    /// The bits of the whole under all resamples, if people chose or their ratings can be compared.
    pub bits: Option<Replicates>,
    /// The same on both halves of each split of the clusters ([`Draws::halves`]), NaN where it is
    /// not defined; empty if there are fewer than twice [`MIN_CLUSTERS`], and of trials whose
    /// clusters are not split.
    pub halves: Vec<[f64; 2]>,
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
        let parts = subsets[1..].iter().map(|subset| trials.part(&subset.trials)).collect();
        let (facts, chosen) = (TrialFacts::default(), OnceLock::new());
        Self { trials, ties, clusters, draws, subsets, parts, facts, chosen }
    }

    /// The same, with what else is known of the trials.
    ///
    /// # Panics
    /// There are not as many default clusters or response times as trials.
    pub fn with_facts(self, facts: TrialFacts) -> Self {
        let n = self.trials.len();
        assert!(facts.default_clusters.as_ref().is_none_or(|of| of.len() == n), "one of each");
        assert!(facts.response_times.as_ref().is_none_or(|of| of.len() == n), "one of each");
        Self { facts, chosen: OnceLock::new(), ..self }
    }

    /// What else is known of the trials.
    pub fn facts(&self) -> &TrialFacts {
        &self.facts
    }

    /// Bytes of what is kept of people's choices.
    pub(crate) fn choice_bytes(&self) -> usize {
        let of_likelihoods = self.likelihoods().map_or(0, Likelihoods::bytes);
        of_likelihoods + self.chosen().difficulty.bytes()
    }

    // Found by one thread, without rayon, so that none waits for itself.
    fn chosen(&self) -> &Chosen {
        self.chosen.get_or_init(|| Chosen::of(&self.trials, &self.clusters, &self.facts))
    }

    fn likelihoods(&self) -> Option<&Likelihoods> {
        self.chosen().likelihoods.as_ref()
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
    /// 92 % of them. Also what there is to know of the values of bits and of the share explained.
    pub fn interval_note(&self, score: &SubsetScore) -> Option<String> {
        let within = !self.subsets[score.subset].within.is_empty();
        let measure = score.score.measure;
        let of_interval = match score.interval {
            Err(reason) => Some(reason.to_string()),
            Ok(_) if within || measure.has_narrow_intervals() => {
                Some("interval tends to be too narrow, by simulation".to_owned())
            }
            Ok(_) => None,
        };
        let mut notes: Vec<String> = of_interval.into_iter().collect();
        notes.extend(self.likelihoods().into_iter().flat_map(|of| of.notes(measure)));
        (!notes.is_empty()).then(|| notes.join("; "))
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
        let lists: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        self.score_columns(Columns::new(&lists, None, self.trials.comparisons()), &Silent)
    }

    /// The same of lists with one distance for each different pair: those of all comparisons are
    /// not all in memory at once.
    ///
    /// `lists` — `[lists][pairs]`
    ///
    /// `pairs` — the pair of each comparison of each trial ([`Pairs::of_trials`](crate::Pairs))
    ///
    /// `progress` — is told of as many steps as [`Self::steps`] says
    ///
    /// # Errors
    /// As for [`Self::score`]; or the user wants to stop.
    ///
    /// # Panics
    /// A comparison is of a pair that a list lacks.
    pub fn score_pairs(
        &self,
        lists: &[&[f64]],
        pairs: &[u32],
        progress: &dyn Progress,
    ) -> Result<Vec<ColumnScores>, ColumnError> {
        self.score_columns(Columns::new(lists, Some(pairs), self.trials.comparisons()), progress)
    }

    /// Steps of a task that so many lists of distances are.
    pub fn steps(&self, columns: usize) -> u64 {
        let parts = columns.div_ceil(self.at_once()) as u64;
        columns as u64 * COLUMN_STEPS + parts * ratio::STEPS
    }

    /// Bytes that resampling so many lists of distances needs beside its results, where there are
    /// very many clusters; of fewer it is a small part of what a run needs before.
    pub(crate) fn resampling_bytes(&self, columns: usize) -> usize {
        if !self.draws.is_blocked() {
            return 0;
        }
        let columns = columns.min(self.at_once());
        // At most two means of outcomes and two measures of likelihood.
        let width = 4 * (columns + 1);
        let lists = self.draws.resamples + 2 * SPLITS;
        let of_list = 32 * self.trials.comparisons() * self.trials.len();
        ratio::blocked_bytes(lists, width, &self.subsets, self.trials.len()) + of_list
    }

    /// Lists of distances that are resampled together.
    fn at_once(&self) -> usize {
        let n = self.trials.len().max(1);
        // Of choices no list is in memory at once, only its sums.
        let is_summed = self.trials.paradigm().ratings().is_none();
        let (trials, of_choices) = match is_summed && n > BLOCK {
            true => (BLOCK, 0),
            false => (n, self.likelihoods().map_or(0, Likelihoods::column_bytes)),
        };
        (COLUMN_BYTES / (8 * 4 * trials + of_choices)).max(1)
    }

    /// Lists of distances of which all comparisons are in memory together.
    fn in_memory(&self) -> usize {
        let of_choices = self.likelihoods().map_or(0, Likelihoods::column_bytes);
        (COLUMN_BYTES / (8 * 4 * self.trials.len().max(1) + of_choices)).max(1)
    }

    fn score_columns(
        &self,
        columns: Columns<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<ColumnScores>, ColumnError> {
        let size = self.at_once();
        let mut found = Vec::with_capacity(columns.len());
        for first in (0..columns.len()).step_by(size) {
            let columns = columns.part(first..columns.len().min(first + size));
            let plain = self.all_plain(columns, first)?;
            let steps = columns.len() as u64 * COLUMN_STEPS;
            let paradigm = self.trials.paradigm();
            if paradigm.matrices().is_none() && paradigm.ratings().is_none() {
                let stopped = |Stopped| ColumnError { column: first, source: ScoreError::Stopped };
                found.extend(self.choices(columns, plain, progress).map_err(stopped)?);
                continue;
            }
            let columns: Vec<Vec<f64>> =
                (0..columns.len()).map(|column| columns.all(column).into_owned()).collect();
            let (mut of_columns, halves) = match (paradigm.matrices(), paradigm.ratings()) {
                (Some(people), _) => {
                    let draws = MatrixDraws::new(people, &self.draws);
                    let replicates = MatrixReplicates::new(people, &columns, &draws);
                    let halves = MatrixReplicates::halves(people, &columns, &self.draws);
                    (self.matrices(&replicates, plain), halves)
                }
                (None, ratings) => {
                    let ratings = ratings.expect("neither matrices nor choices");
                    let found = self.rated(&columns, plain, &ratings);
                    (found, self.halves_of_ratings(&columns, &ratings))
                }
            };
            of_columns.iter_mut().zip(halves).for_each(|(found, halves)| found.halves = halves);
            found.append(&mut of_columns);
            progress.advance(steps + ratio::STEPS);
        }
        Ok(found)
    }

    /// What each trial counts for the accuracy: 1, 0, or a part at a tie; none where people do not
    /// decide. Nothing for rated pairs.
    pub fn outcomes(&self, distances: &[f64]) -> Option<Outcomes> {
        let lists = [distances];
        self.outcomes_of(Columns::new(&lists, None, self.trials.comparisons()))
    }

    /// The same of a list with one distance for each different pair ([`Self::score_pairs`]).
    pub fn outcomes_of_pairs(&self, list: &[f64], pairs: &[u32]) -> Option<Outcomes> {
        let lists = [list];
        self.outcomes_of(Columns::new(&lists, Some(pairs), self.trials.comparisons()))
    }

    fn outcomes_of(&self, columns: Columns<'_>) -> Option<Outcomes> {
        self.main_outcomes(&[], &[])?;
        let trials: Vec<u32> = (0..self.trials.len() as u32).collect();
        let of_some = |trials: &[u32]| {
            let mut distances = Vec::new();
            columns.of_trials(0, trials, &mut distances);
            self.main_outcomes(trials, &distances)
                .expect("trials with outcomes, as those of no trial")
        };
        let parts: Vec<Outcomes> = trials.par_chunks(OUTCOMES).map(of_some).collect();
        let mut all = Outcomes::new([]);
        parts.iter().for_each(|part| all.extend(part));
        Some(all)
    }

    /// What some trials count for the main measure, if it is a mean of outcomes.
    fn main_outcomes(&self, trials: &[u32], distances: &[f64]) -> Option<Outcomes> {
        let part = self.trials.part(trials);
        let outcomes = part.paradigm().outcomes(distances, self.ties);
        outcomes.into_iter().next().map(Outcomes::new)
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
        self.shares_of(&Listed { shares, denominators })
    }

    /// The same of numbers that are made as they are needed.
    pub(crate) fn shares_of(&self, numbers: &dyn TrialNumbers) -> Vec<Vec<Replicates>> {
        let (subsets, clusters) = (&self.subsets, &self.clusters);
        ratio::replicates_in_silence(numbers, subsets, clusters, &self.draws)
    }

    /// The main measure of each list on both halves of each split, of ratings.
    fn halves_of_ratings(&self, columns: &[Vec<f64>], ratings: &Ratings) -> Vec<Vec<[f64; 2]>> {
        if self.clusters.count < 2 * MIN_CLUSTERS {
            return vec![vec![]; columns.len()];
        }
        let closeness = closeness(columns);
        let (codes, count) = (&self.clusters.codes, self.clusters.count);
        let sample = RatedSample::new(&ratings.scores, &closeness, codes, count);
        let measure = self.main_measure().rated().expect("a measure of ratings");
        let trials = &self.subsets[0].trials;
        halves::of_ratings(&sample, measure, trials, &self.draws.halves())
    }

    /// The scores of each list on each subset, without resamples.
    ///
    /// `first` — the position of the first list among all
    fn all_plain(
        &self,
        columns: Columns<'_>,
        first: usize,
    ) -> Result<Vec<Vec<Vec<Score>>>, ColumnError> {
        let mut all = Vec::with_capacity(columns.len());
        let places: Vec<usize> = (0..columns.len()).collect();
        for places in places.chunks(self.in_memory()) {
            let plain = places.par_iter().map(|place| {
                let error = |source| ColumnError { column: first + place, source };
                self.plain(&columns.all(*place)).map_err(error)
            });
            all.extend(plain.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(all)
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
        for part in self.subsets[1..].iter().zip(&self.parts) {
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
        let closeness = closeness(columns);
        let measures = ratings.rated();
        let (codes, count) = (&self.clusters.codes, self.clusters.count);
        let sample = RatedSample::new(scores, &closeness, codes, count);
        let found = self.replicates(&sample, &measures);
        let likelihoods = self.likelihoods_of_ratings(columns);
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
            let scores = plain.iter().enumerate().flat_map(of_subset);
            let likelihoods = likelihoods.get(column).map_or(&[][..], Vec::as_slice);
            let of_likelihood = self.scores_of_likelihoods(0, likelihoods);
            let bits = likelihoods.first().cloned();
            let scores = scores.chain(of_likelihood).collect();
            ColumnScores { scores, main, bits, halves: vec![] }
        };
        plain.into_iter().enumerate().map(of_column).collect()
    }

    fn matrices(&self, found: &MatrixReplicates, plain: Vec<Vec<Vec<Score>>>) -> Vec<ColumnScores> {
        let of_column = |(column, plain): (usize, Vec<Vec<Score>>)| {
            let of_score = |score: &Score| {
                let replicates = found.of(score.measure, column).expect("a measure of matrices");
                SubsetScore {
                    subset: 0,
                    score: *score,
                    n_clusters: replicates.clusters,
                    interval: replicates.interval(),
                }
            };
            let main = found.of(self.main_measure(), column).expect("one of them").clone();
            let scores = plain[0].iter().map(of_score).collect();
            ColumnScores { scores, main, bits: None, halves: vec![] }
        };
        plain.into_iter().enumerate().map(of_column).collect()
    }

    /// The measures of likelihood of each list of distances under all resamples, of the whole: what
    /// ratings compare goes beyond parts.
    fn likelihoods_of_ratings(&self, columns: &[Vec<f64>]) -> Vec<Vec<Replicates>> {
        let Some(likelihoods) = self.likelihoods() else { return vec![] };
        let shares: Vec<Share> =
            columns.par_iter().flat_map(|d| likelihoods.shares(d, 0)).collect();
        let denominators: Vec<Vec<f64>> = likelihoods.denominators().collect();
        // Where a choice is drawn in parts, it cannot be drawn again.
        let none = Draws::from_counts(vec![]);
        let draws = if likelihoods.is_whole() { &self.draws } else { &none };
        let whole = &self.subsets[..1];
        let listed = Listed { shares: &shares, denominators: &denominators };
        let found = ratio::replicates_in_silence(&listed, whole, &self.clusters, draws);
        found[0].chunks(likelihoods.count()).map(<[_]>::to_vec).collect()
    }

    /// The measures of likelihood of a subset, in their order, as scores.
    fn scores_of_likelihoods(&self, subset: usize, found: &[Replicates]) -> Vec<SubsetScore> {
        let Some(likelihoods) = self.likelihoods() else { return vec![] };
        let score = |(place, replicates): (usize, &Replicates)| {
            let score = likelihoods.score(place, &self.subsets[subset], replicates.estimate)?;
            let (n_clusters, interval) = (replicates.clusters, likelihoods.interval(replicates));
            Some(SubsetScore { subset, score, n_clusters, interval })
        };
        found.iter().enumerate().filter_map(score).collect()
    }

    /// What the distances of each list are turned into probabilities by, if people's choices are
    /// likely to some degree.
    fn fitted(
        &self,
        columns: Columns<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<Fitted>, Stopped> {
        let Some(likelihoods) = self.likelihoods() else {
            progress.advance(columns.len() as u64 * COLUMN_STEPS);
            return Ok(vec![]);
        };
        let mut all = Vec::with_capacity(columns.len());
        let places: Vec<usize> = (0..columns.len()).collect();
        for places in places.chunks(self.in_memory()) {
            let fitted = places.par_iter().map(|place| likelihoods.fitted(&columns, *place));
            all.extend(fitted.collect::<Vec<_>>());
            progress.advance(places.len() as u64 * COLUMN_STEPS);
            if progress.is_stopped() {
                return Err(Stopped);
            }
        }
        Ok(all)
    }

    /// The replicates of each subset and share; and each list's main measure on both halves of each
    /// split.
    fn replicates_of_choices(
        &self,
        numbers: &ChoiceNumbers<'_>,
        columns: Columns<'_>,
        progress: &dyn Progress,
    ) -> Result<ChoiceReplicates, Stopped> {
        let (subsets, clusters) = (&self.subsets, &self.clusters);
        let halves = self.draws.halves();
        let halved = clusters.count >= 2 * MIN_CLUSTERS;
        if halved && self.draws.is_blocked() {
            let draws = [&self.draws, &halves];
            let mut found = ratio::replicates(numbers, subsets, clusters, &draws, progress)?;
            let of_halves = found.pop().expect("of halves").swap_remove(0);
            let of_main = of_halves.into_iter().step_by(numbers.measures());
            let halves = of_main.map(|main| halves::splits(main.resampled)).collect();
            return Ok(ChoiceReplicates { of_shares: found.swap_remove(0), halves });
        }
        let mut found = ratio::replicates(numbers, subsets, clusters, &[&self.draws], progress)?;
        let halves = match halved {
            false => vec![vec![]; columns.len()],
            true => {
                let means = ChoiceNumbers::new((&self.trials, self.ties), columns, None, &[]);
                let of_whole =
                    ratio::replicates_in_silence(&means, &subsets[..1], clusters, &halves);
                let of_main = of_whole.into_iter().flatten().step_by(means.means());
                of_main.map(|main| halves::splits(main.resampled)).collect()
            }
        };
        Ok(ChoiceReplicates { of_shares: found.swap_remove(0), halves })
    }

    fn choices(
        &self,
        columns: Columns<'_>,
        plain: Vec<Vec<Vec<Score>>>,
        progress: &dyn Progress,
    ) -> Result<Vec<ColumnScores>, Stopped> {
        let fitted = self.fitted(columns, progress)?;
        let trials = (&self.trials, self.ties);
        let numbers = ChoiceNumbers::new(trials, columns, self.likelihoods(), &fitted);
        let (measures, means) = (numbers.measures(), numbers.means());
        let found = self.replicates_of_choices(&numbers, columns, progress)?;
        let ChoiceReplicates { of_shares: found, mut halves } = found;
        let mut of_difficulty = self.chosen().difficulty.scores(columns, &self.draws);
        let of_column = |(column, plain): (usize, Vec<Vec<Score>>)| {
            let mut scores = Vec::new();
            for (s, plain) in plain.iter().enumerate() {
                let (of_means, of_likelihoods) =
                    found[s][column * measures..][..measures].split_at(means);
                for (score, replicates) in plain.iter().zip(of_means) {
                    let interval = replicates.interval();
                    let n_clusters = replicates.clusters;
                    let of = SubsetScore { subset: s, score: *score, n_clusters, interval };
                    scores.push(of.clone());
                    if s == 0 {
                        scores.extend(turned(&of));
                    }
                }
                scores.extend(self.scores_of_likelihoods(s, of_likelihoods));
                if s == 0 {
                    scores.append(&mut of_difficulty[column]);
                }
            }
            let of_whole = &found[0][column * measures..][..measures];
            let (main, bits) = (of_whole[0].clone(), of_whole.get(means).cloned());
            let halves = std::mem::take(&mut halves[column]);
            ColumnScores { scores, main, bits, halves }
        };
        Ok(plain.into_iter().enumerate().map(of_column).collect())
    }
}

/// −distance.
fn closeness(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    columns.iter().map(|distances| distances.iter().map(|d| -d).collect()).collect()
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
