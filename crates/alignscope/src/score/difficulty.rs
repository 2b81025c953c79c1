//! Whether a model finds hard what people find hard: correlations over questions.

use super::columns::Columns;
use super::rated::RatedReplicates;
use super::subset_score::SubsetScore;
use super::{Measure, Score};
use crate::dataset::{ALL, Clusters, Subset};
use crate::measure::{RatedSample, Spearman};
use crate::paradigm::Questions;
use crate::resample::{Draws, NoInterval, Replicates};

/// What the margins of models are correlated with.
#[derive(Debug, Clone)]
pub(super) struct Difficulty {
    measures: Vec<OfQuestions>,
}

/// A number of each of some questions.
#[derive(Debug, Clone)]
struct OfQuestions {
    measure: Measure,
    numbers: Vec<f64>,
    /// The distances of the alternatives of each, by position: `[questions, alternatives]`.
    distances: Vec<u32>,
    alternatives: usize,
    farthest: bool,
    /// The clusters that have a question, by first use.
    clusters: Clusters,
    /// Which they are among those of all trials.
    drawn: Vec<u32>,
    /// Whether each question's trials are in one cluster.
    is_whole: bool,
}

impl Difficulty {
    /// How much people agree on each question, and how fast they answer it where that is known.
    /// Numbers that are the same for all questions are left out.
    ///
    /// `clusters` — of each trial
    ///
    /// `times` — of each trial; NaN where it is not known
    pub(super) fn of(questions: &Questions, clusters: &Clusters, times: Option<&[f64]>) -> Self {
        let speed = times.map(|times| speeds(questions, times));
        let of = [
            (Measure::AgreementCorrelation, Some(questions.agreement())),
            (Measure::ResponseTimeCorrelation, speed),
        ];
        let of = of.into_iter().filter_map(|(measure, numbers)| {
            OfQuestions::new(measure, questions, clusters, &numbers?)
        });
        Self { measures: of.collect() }
    }

    /// None: of trials in which people do not choose.
    pub(super) fn none() -> Self {
        Self { measures: vec![] }
    }

    /// Bytes of what stays in memory.
    pub(super) fn bytes(&self) -> usize {
        let of_question = |of: &OfQuestions| 4 * of.alternatives + 8 + 4;
        let bytes = |of: &OfQuestions| of_question(of) * of.numbers.len() + 4 * of.drawn.len();
        self.measures.iter().map(bytes).sum()
    }

    /// The correlations of each column of distances.
    pub(super) fn scores(&self, columns: Columns<'_>, draws: &Draws) -> Vec<Vec<SubsetScore>> {
        let mut found = vec![vec![]; columns.len()];
        for measure in &self.measures {
            let scores = measure.scores(columns, draws);
            found.iter_mut().zip(scores).for_each(|(found, score)| found.push(score));
        }
        found
    }
}

/// Less the mean logarithm of the response times to each question; `None` if none is known.
fn speeds(questions: &Questions, times: &[f64]) -> Vec<Option<f64>> {
    let mut sums = vec![[0.0; 2]; questions.count()];
    for (question, time) in questions.of_trials.iter().zip(times).filter(|(_, t)| **t > 0.0) {
        let [sum, n] = &mut sums[*question as usize];
        (*sum, *n) = (*sum + libm::log(*time), *n + 1.0);
    }
    sums.into_iter().map(|[sum, n]| (n > 0.0).then(|| -sum / n)).collect()
}

impl OfQuestions {
    fn new(
        measure: Measure,
        questions: &Questions,
        clusters: &Clusters,
        numbers: &[Option<f64>],
    ) -> Option<Self> {
        let first = questions.first_trials();
        let cluster_of = |trial: u32| clusters.codes[trial as usize];
        let mut places = vec![u32::MAX; clusters.count];
        let mut of = Self {
            measure,
            numbers: vec![],
            distances: vec![],
            alternatives: questions.alternatives,
            farthest: questions.farthest,
            clusters: Clusters { count: 0, codes: vec![] },
            drawn: vec![],
            is_whole: true,
        };
        for (trial, number) in first.iter().zip(numbers) {
            let Some(number) = number else { continue };
            let k = questions.alternatives;
            of.numbers.push(*number);
            of.distances.extend(&questions.distances[*trial as usize * k..][..k]);
            let place = &mut places[cluster_of(*trial) as usize];
            if *place == u32::MAX {
                *place = of.drawn.len() as u32;
                of.drawn.push(cluster_of(*trial));
            }
            of.clusters.codes.push(*place);
        }
        of.clusters.count = of.drawn.len();
        of.is_whole = (0..).zip(&questions.of_trials).all(|(trial, question)| {
            numbers[*question as usize].is_none()
                || cluster_of(trial) == cluster_of(first[*question as usize])
        });
        let varies = of.numbers.iter().any(|number| *number != of.numbers[0]);
        varies.then_some(of)
    }

    /// How much nearer the nearest alternative of each question is than the next; or how much
    /// farther the farthest.
    ///
    /// `distances` — of the alternatives, `[questions, alternatives]`
    fn margins(&self, distances: &[f64]) -> Vec<f64> {
        let margin = |distances: &[f64]| {
            let (mut least, mut next) = (f64::INFINITY, f64::INFINITY);
            let sign = if self.farthest { -1.0 } else { 1.0 };
            for distance in distances.iter().map(|distance| sign * distance) {
                next = next.min(distance.max(least));
                least = least.min(distance);
            }
            next - least
        };
        distances.chunks_exact(self.alternatives).map(margin).collect()
    }

    fn scores(&self, columns: Columns<'_>, draws: &Draws) -> Vec<SubsetScore> {
        let margins = |column| self.margins(&columns.of_comparisons(column, &self.distances));
        let margins: Vec<Vec<f64>> = (0..columns.len()).map(margins).collect();
        let Clusters { codes, count } = &self.clusters;
        let sample = RatedSample::new(&self.numbers, &margins, codes, *count);
        let trials = (0..self.numbers.len() as u32).collect();
        let whole = [Subset { name: ALL.to_owned(), trials, within: vec![] }];
        // Where a question is drawn in parts, it cannot be drawn again.
        let draws = match self.is_whole {
            true => draws.part(self.drawn.clone()),
            false => Draws::from_counts(vec![]),
        };
        let measures = [(self.measure, &Spearman as _)];
        let found = RatedReplicates::new(&sample, &measures, &whole, &self.clusters, &draws);
        (0..columns.len()).map(|column| self.score(found.of(0, 0, column))).collect()
    }

    fn score(&self, replicates: &Replicates) -> SubsetScore {
        let score = Score {
            measure: self.measure,
            value: replicates.estimate,
            n: self.numbers.len(),
            n_ties: 0,
            n_left_out: 0,
            chance: 0.0,
        };
        let interval = match self.is_whole {
            true => replicates.interval(),
            false => Err(NoInterval::DividedQuestions),
        };
        SubsetScore { subset: 0, score, n_clusters: replicates.clusters, interval }
    }
}
