//! The most that a model can reach, given how much people agree.

use std::collections::HashMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::dataset::{Dataset, OddOneOut, RatedPair, Trials, TwoAlternatives};
use crate::resample::Replicates;
use crate::score::{Measure, Scorer, Share};

/// What a model is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Ceiling {
    /// How often an answer is the most frequent one to its triplet: the most that any model can
    /// score.
    MajorityShare,
    /// How often one other person gives the same answer.
    OneOtherPerson,
    /// How often the majority of the other people gives the same answer.
    MajorityOfOthers,
    /// How often a person votes with the majority.
    VoteAgreement,
    /// The correlation with mean opinion scores that other people might have given.
    RepeatedMos,
}

impl Ceiling {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::MajorityShare,
        Self::OneOtherPerson,
        Self::MajorityOfOthers,
        Self::VoteAgreement,
        Self::RepeatedMos,
    ];

    /// The name used in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::MajorityShare => "majority-share",
            Self::OneOtherPerson => "one-other-person",
            Self::MajorityOfOthers => "majority-of-others",
            Self::VoteAgreement => "vote-agreement",
            Self::RepeatedMos => "repeated-mos",
        }
    }

    /// Whether figures and the column `ceiling` of `scores.csv` have it.
    pub fn is_drawn(self) -> bool {
        matches!(self, Self::MajorityShare | Self::VoteAgreement | Self::RepeatedMos)
    }
}

choice!(Ceiling, "ceiling");

/// A ceiling of a subset: a row of `ceilings.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct CeilingRow {
    /// The data set.
    pub dataset: String,
    /// The subset.
    pub subset: String,
    /// Which ceiling.
    pub ceiling: Ceiling,
    /// The measure that it is a ceiling of.
    pub measure: Measure,
    /// Its value.
    pub value: f64,
    /// Lower end of its interval.
    pub ci_low: Option<f64>,
    /// Upper end of its interval.
    pub ci_high: Option<f64>,
    /// Trials that entered.
    pub n: usize,
    /// Clusters among them.
    pub n_clusters: usize,
}

/// A ceiling as it was found, with its resamples.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundCeiling {
    /// Position of the subset.
    pub subset: usize,
    /// Its row.
    pub row: CeilingRow,
    /// Its value under the resamples that the scores are under.
    pub replicates: Replicates,
}

/// Simulated second scores. Their correlations are so near each other that few are enough.
const REPEATS: usize = 20;

/// The ceilings of all subsets.
///
/// None where the data set does not tell: triplets that were answered by one person (or by few, for the
/// majority share), votes of which only the
/// majority is known, scores without deviation (KADID-10k's is that of one rating).
///
/// `scorer` — of this data set
///
/// `seed` — of simulated scores
pub fn ceilings(dataset: &Dataset, scorer: &Scorer, seed: u64) -> Vec<FoundCeiling> {
    match &dataset.trials {
        Trials::RatedPairs(trials) if !dataset.has_deviations_of_ratings() => {
            repeated_mos(dataset, trials, scorer, seed)
        }
        Trials::RatedPairs(_) => vec![],
        Trials::TwoAlternatives(trials) => vote_agreement(dataset, trials, scorer),
        Trials::OddOneOut(trials) => agreement(dataset, trials, scorer),
    }
}

fn found(
    dataset: &Dataset,
    scorer: &Scorer,
    (subset, ceiling, measure): (usize, Ceiling, Measure),
    replicates: Replicates,
    n: usize,
) -> FoundCeiling {
    let interval = replicates.interval().ok();
    let row = CeilingRow {
        dataset: dataset.name.clone(),
        subset: scorer.subsets()[subset].name.clone(),
        ceiling,
        measure,
        value: replicates.estimate,
        ci_low: interval.map(|i| i.low),
        ci_high: interval.map(|i| i.high),
        n,
        n_clusters: replicates.clusters,
    };
    FoundCeiling { subset, row, replicates }
}

/// Shares of trials as ceilings of all subsets; those of no trial are left out.
fn shares(
    dataset: &Dataset,
    scorer: &Scorer,
    kinds: &[(Ceiling, Measure)],
    of_trials: &[Vec<Option<f64>>],
) -> Vec<FoundCeiling> {
    let counts: Vec<Vec<f64>> = of_trials
        .iter()
        .map(|of_trials| of_trials.iter().map(|x| f64::from(u8::from(x.is_some()))).collect())
        .collect();
    let shares: Vec<Share> = of_trials
        .iter()
        .enumerate()
        .map(|(denominator, of_trials)| Share {
            numerators: of_trials.iter().map(|x| x.unwrap_or(0.0)).collect(),
            denominator,
        })
        .collect();
    let mut rows = Vec::new();
    for (subset, of_subset) in scorer.shares(&shares, &counts).into_iter().enumerate() {
        for ((k, (ceiling, measure)), replicates) in kinds.iter().enumerate().zip(of_subset) {
            let trials = &scorer.subsets()[subset].trials;
            let n = trials.iter().filter(|i| of_trials[k][**i as usize].is_some()).count();
            if n > 0 {
                let of = (subset, *ceiling, *measure);
                rows.push(found(dataset, scorer, of, replicates, n));
            }
        }
    }
    rows
}

/// How often a person votes as most do, of each trial; over those that are decided for the
/// accuracy, over all for the vote share (of which it is the most that a model can reach).
fn vote_agreement(
    dataset: &Dataset,
    trials: &[TwoAlternatives],
    scorer: &Scorer,
) -> Vec<FoundCeiling> {
    // A table of majorities alone has no vote on the other side.
    if trials.iter().all(|t| t.left_votes == 0.0 || t.right_votes == 0.0) {
        return vec![];
    }
    let share =
        |t: &TwoAlternatives| t.left_votes.max(t.right_votes) / (t.left_votes + t.right_votes);
    let of_all = trials.iter().map(|t| Some(share(t))).collect();
    let decided = |t: &TwoAlternatives| (t.left_votes != t.right_votes).then(|| share(t));
    let of_decided = trials.iter().map(decided).collect();
    let kinds = [Measure::Accuracy, Measure::VoteShare].map(|m| (Ceiling::VoteAgreement, m));
    shares(dataset, scorer, &kinds, &[of_decided, of_all])
}

/// The three ceilings of triplets: the majority share of those that enough people answered
/// ([`Dataset::majority_shares`]), the others of those that more than one did.
///
/// *Other* means another person, where the data set names them; else another answer. Where the
/// others' majority is shared by k answers, each of them counts 1/k.
fn agreement(dataset: &Dataset, trials: &[OddOneOut], scorer: &Scorer) -> Vec<FoundCeiling> {
    let person = dataset.person_of_trial();
    let mut triplets = HashMap::<[u32; 3], Vec<usize>>::new();
    for (i, trial) in trials.iter().enumerate() {
        let mut images = trial.images;
        images.sort_unstable();
        triplets.entry(images).or_default().push(i);
    }
    let odd = |i: usize| trials[i].images[usize::from(trials[i].odd)];

    let mut one_other = vec![None; trials.len()];
    let mut of_others = vec![None; trials.len()];
    for (images, answers) in &triplets {
        for i in answers {
            let others = answers.iter().filter(|j| person(**j) != person(*i));
            let counts = others.fold([0_usize; 3], |mut counts, j| {
                let answer = images.iter().position(|image| *image == odd(*j));
                counts[answer.expect("one of the three")] += 1;
                counts
            });
            let total: usize = counts.iter().sum();
            if total == 0 {
                continue;
            }
            let same = images.iter().position(|image| *image == odd(*i));
            let same = counts[same.expect("one of the three")];
            let most = *counts.iter().max().expect("three counts");
            let tied = counts.iter().filter(|count| **count == most).count();
            one_other[*i] = Some(same as f64 / total as f64);
            of_others[*i] = Some(if same == most { 1.0 / tied as f64 } else { 0.0 });
        }
    }
    let kinds = [Ceiling::MajorityShare, Ceiling::OneOtherPerson, Ceiling::MajorityOfOthers]
        .map(|ceiling| (ceiling, Measure::Accuracy));
    let majority = dataset.majority_shares().unwrap_or_else(|| vec![None; trials.len()]);
    shares(dataset, scorer, &kinds, &[majority, one_other, of_others])
}

/// Correlation of the scores with others that are drawn about them with their own deviation, the
/// mean of [`REPEATS`] drawings.
fn repeated_mos(
    dataset: &Dataset,
    trials: &[RatedPair],
    scorer: &Scorer,
    seed: u64,
) -> Vec<FoundCeiling> {
    let Some(deviations) = trials.iter().map(|t| t.std).collect::<Option<Vec<f64>>>() else {
        return vec![];
    };
    if deviations.iter().all(|std| *std == 0.0) {
        return vec![];
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let columns: Vec<Vec<f64>> = (0..REPEATS)
        .map(|_| {
            let mut again = |(trial, std): (&RatedPair, &f64)| {
                let noise: f64 = StandardNormal.sample(&mut rng);
                trial.score + std * noise
            };
            trials.iter().zip(&deviations).map(&mut again).collect()
        })
        .collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / REPEATS as f64;
    let of = |(subset, measure, columns): (usize, Measure, Vec<Replicates>)| {
        let resamples = columns[0].resampled.len();
        let replicates = Replicates {
            estimate: mean(&mut columns.iter().map(|c| c.estimate)),
            resampled: (0..resamples)
                .map(|r| mean(&mut columns.iter().map(|c| c.resampled[r])))
                .collect(),
            acceleration: None,
            clusters: columns[0].clusters,
        };
        let n = scorer.subsets()[subset].trials.len();
        found(dataset, scorer, (subset, Ceiling::RepeatedMos, measure), replicates, n)
    };
    scorer.correlations(&columns).into_iter().map(of).collect()
}
