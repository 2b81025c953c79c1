//! The most that a model can reach, given how much people agree.

mod matrices;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::csv_row::{csv_row, name};
use crate::dataset::Dataset;
use crate::normal_draw::standard_normal;
pub use crate::paradigm::Ceiling;
use crate::paradigm::{Ratings, TrialCeiling};
use crate::resample::Replicates;
use crate::score::{Measure, Scorer, Share};

csv_row! {
    /// A ceiling of a subset: a row of `ceilings.csv`.
    #[derive(Debug, Clone, PartialEq)]
    pub struct CeilingRow {
        /// The data set.
        pub dataset: String as name,
        /// The subset.
        pub subset: String as name,
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
/// majority is known, one person's matrix, scores without deviation (KADID-10k's is that of one rating).
///
/// `scorer` — of this data set
///
/// `seed` — of simulated scores
pub fn ceilings(dataset: &Dataset, scorer: &Scorer, seed: u64) -> Vec<FoundCeiling> {
    let trials = dataset.trials.paradigm();
    if let Some(people) = trials.matrices() {
        return matrices::noise_ceilings(dataset, people, scorer);
    }
    match trials.ratings() {
        Some(ratings) if !dataset.std_of_ratings => repeated_mos(dataset, &ratings, scorer, seed),
        Some(_) => vec![],
        None => shares(dataset, scorer, &trials.ceilings(&dataset.person_of_trial())),
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
fn shares(dataset: &Dataset, scorer: &Scorer, ceilings: &[TrialCeiling]) -> Vec<FoundCeiling> {
    if ceilings.is_empty() {
        return vec![];
    }
    let counts: Vec<Vec<f64>> = ceilings
        .iter()
        .map(|ceiling| ceiling.shares.iter().map(|x| f64::from(u8::from(x.is_some()))).collect())
        .collect();
    let shares: Vec<Share> = ceilings
        .iter()
        .enumerate()
        .map(|(denominator, ceiling)| Share {
            numerators: ceiling.shares.iter().map(|x| x.unwrap_or(0.0)).collect(),
            denominator,
        })
        .collect();
    let mut rows = Vec::new();
    for (subset, of_subset) in scorer.shares(&shares, &counts).into_iter().enumerate() {
        for (of_trials, replicates) in ceilings.iter().zip(of_subset) {
            let trials = &scorer.subsets()[subset].trials;
            let n = trials.iter().filter(|i| of_trials.shares[**i as usize].is_some()).count();
            if n > 0 {
                let of = (subset, of_trials.ceiling, of_trials.measure);
                rows.push(found(dataset, scorer, of, replicates, n));
            }
        }
    }
    rows
}

/// Correlation of the scores with others that are drawn about them with their own deviation, the
/// mean of [`REPEATS`] drawings.
fn repeated_mos(
    dataset: &Dataset,
    ratings: &Ratings,
    scorer: &Scorer,
    seed: u64,
) -> Vec<FoundCeiling> {
    let Some(deviations) = ratings.deviations.iter().copied().collect::<Option<Vec<f64>>>() else {
        return vec![];
    };
    if deviations.iter().all(|std| *std == 0.0) {
        return vec![];
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let columns: Vec<Vec<f64>> = (0..REPEATS)
        .map(|_| {
            let mut again = |(score, std): (&f64, &f64)| {
                let noise = standard_normal(&mut rng);
                score + std * noise
            };
            ratings.scores.iter().zip(&deviations).map(&mut again).collect()
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
            factors: None,
        };
        let n = scorer.subsets()[subset].trials.len();
        found(dataset, scorer, (subset, Ceiling::RepeatedMos, measure), replicates, n)
    };
    scorer.correlations(&columns).into_iter().map(of).collect()
}
