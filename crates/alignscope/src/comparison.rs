//! Two models on the same trials.

mod people;

use std::collections::BTreeMap;

use crate::csv_row::{csv_row, name};
use crate::dataset::ALL;
use crate::distance::Distance;
use crate::model_spec::SeriesStep;
use crate::resample::Replicates;
use crate::score::{Measure, Outcomes, Scorer, TrialNumbers};
use crate::stage::Stage;

pub use people::cohens_kappa;

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Side {
    /// The model.
    pub model: String,
    /// The stage.
    pub stage: Stage,
    /// The kind of distance.
    pub distance: Distance,
}

impl Side {
    /// Whether it is a stage of an encoder, not a baseline nor the pixels.
    pub fn is_of_encoder(&self) -> bool {
        self.stage != Stage::Image && self.distance != Distance::Own
    }
}

/// A side with what is known of it.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Which one.
    pub side: Side,
    /// Its main score under all resamples.
    pub replicates: Replicates,
    /// Its bits under all resamples, if there are any.
    pub bits: Option<Replicates>,
    /// What each trial counts for the accuracy; none for rated pairs.
    pub outcomes: Option<Outcomes>,
    /// Which state of a series the model is, if it is one.
    pub state: Option<SeriesStep>,
}

csv_row! {
    /// Two sides compared: a row of `comparisons.csv`.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ComparisonRow {
        /// The data set.
        pub dataset: String as name,
        /// The subset.
        pub subset: String as name,
        /// What was measured.
        pub measure: Measure,
        /// The model of the first side.
        pub model_a: String as name,
        /// Its stage.
        pub stage_a: Stage,
        /// Its kind of distance.
        pub distance_a: Distance,
        /// The model of the second side.
        pub model_b: String as name,
        /// Its stage.
        pub stage_b: Stage,
        /// Its kind of distance.
        pub distance_b: Distance,
        /// Score of the first.
        pub value_a: f64,
        /// Score of the second.
        pub value_b: f64,
        /// First less second.
        pub difference: f64,
        /// Lower end of the difference's interval.
        pub ci_low: Option<f64>,
        /// Upper end of the difference's interval.
        pub ci_high: Option<f64>,
        /// Two-sided p of no difference, no finer than the resamples allow.
        pub p: Option<f64>,
        /// The same after Holm's correction for all rows of its family: of p values by the spread of the
        /// resamples ([`Replicates::tail_p`]), and no less than `p`.
        pub p_holm: Option<f64>,
        /// Trials that count.
        pub n: usize,
        /// Clusters among them.
        pub n_clusters: usize,
        /// Error consistency: Cohen's kappa of being right.
        pub kappa: Option<f64>,
        /// Lower end of its interval.
        pub kappa_low: Option<f64>,
        /// Upper end of its interval.
        pub kappa_high: Option<f64>,
        /// The series of which the first model is a state, if it is one.
        pub series_a: Option<String>,
        /// The step of that state.
        pub step_a: Option<usize>,
        /// The series of which the second model is a state, if it is one.
        pub series_b: Option<String>,
        /// The step of that state.
        pub step_b: Option<usize>,
    }
}

impl ComparisonRow {
    /// The first side.
    pub fn a(&self) -> Side {
        let (stage, distance) = (self.stage_a, self.distance_a);
        Side { model: self.model_a.clone(), stage, distance }
    }

    /// The second side.
    pub fn b(&self) -> Side {
        let (stage, distance) = (self.stage_b, self.distance_b);
        Side { model: self.model_b.clone(), stage, distance }
    }
}

/// All pairs that a table shows, by position: for each kind of distance the encoders with each
/// other, with each baseline and with the pixels; then baselines and pixels with each other. A series
/// stands there as its last state, and then as that with its first.
pub fn pairs(sides: &[Measured]) -> Vec<[usize; 2]> {
    let ends = ends_of_series(sides);
    let is_end = |i: &usize, end: usize| {
        sides[*i].state.as_ref().is_none_or(|state| ends[state.series.as_str()][end] == state.step)
    };
    let of_encoder = |i: &usize| sides[*i].side.is_of_encoder();
    let last = |i: &usize| is_end(i, 1);
    let encoders: Vec<usize> = (0..sides.len()).filter(of_encoder).filter(last).collect();
    let mut others: Vec<usize> = (0..sides.len()).filter(|i| !of_encoder(i)).collect();
    others.sort_by_key(|i| sides[*i].side.stage == Stage::Image);
    let mut distances: Vec<Distance> = encoders.iter().map(|i| sides[*i].side.distance).collect();
    distances.sort();
    distances.dedup();
    let mut pairs = Vec::new();
    let mut add = |first: &[usize], others: &[usize]| {
        for (i, a) in first.iter().enumerate() {
            pairs.extend(first[i + 1..].iter().chain(others).map(|b| [*a, *b]));
        }
    };
    for distance in distances {
        let of_distance = |i: &&usize| sides[**i].side.distance == distance;
        add(&encoders.iter().filter(of_distance).copied().collect::<Vec<_>>(), &others);
        let of_series = |i: &&usize| of_distance(i) && sides[**i].state.is_some();
        for last in encoders.iter().filter(of_series) {
            let series = |i: usize| sides[i].state.as_ref().map(|state| &state.series);
            let first = (0..sides.len()).find(|i| {
                i != last && of_distance(&i) && series(*i) == series(*last) && is_end(i, 0)
            });
            add(&[*last], first.as_slice());
        }
    }
    add(&others, &[]);
    pairs
}

/// The first and the last step of each series.
fn ends_of_series(sides: &[Measured]) -> BTreeMap<&str, [usize; 2]> {
    let mut ends: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for SeriesStep { series, step } in sides.iter().filter_map(|side| side.state.as_ref()) {
        let [first, last] = ends.entry(series).or_insert([*step; 2]);
        (*first, *last) = ((*first).min(*step), (*last).max(*step));
    }
    ends
}

/// Compares pairs of sides (by position) on the whole of a data set: by the main measure, and by
/// bits, if there are any. Holm's correction is over the rows of one measure and kind of distance,
/// and of p values that the number of resamples does not bound: the least p of 2,000 resamples,
/// times a family of 28, would be above 0.05 whatever the difference.
pub fn compare(
    dataset: &str,
    scorer: &Scorer,
    sides: &[Measured],
    pairs: &[[usize; 2]],
) -> Vec<ComparisonRow> {
    let kappas = error_consistency(scorer, sides, pairs);
    let by_main = |([a, b], kappa): (&[usize; 2], Option<Replicates>)| {
        let sides = [&sides[*a], &sides[*b]];
        let measure = scorer.main_measure();
        let counted = sides[0].outcomes.as_ref().map(Outcomes::counted);
        let n = counted.unwrap_or(scorer.trials().len());
        Some(compared(dataset, measure, n, sides.map(|side| (side, &side.replicates)), kappa))
    };
    let by_bits = |[a, b]: &[usize; 2]| {
        let [a, b] = [&sides[*a], &sides[*b]];
        let sides = [(a, a.bits.as_ref()?), (b, b.bits.as_ref()?)];
        Some(compared(dataset, Measure::Bits, scorer.trials().len(), sides, None))
    };
    let all = pairs.iter().zip(kappas).map(by_main).chain(pairs.iter().map(by_bits));
    let (mut rows, tails): (Vec<ComparisonRow>, Vec<Option<f64>>) = all.flatten().unzip();
    let mut families = BTreeMap::<(Measure, [Distance; 2]), Vec<usize>>::new();
    for (i, row) in rows.iter().enumerate().filter(|(i, _)| tails[*i].is_some()) {
        families.entry((row.measure, family(row))).or_default().push(i);
    }
    for family in families.values() {
        let p: Vec<f64> = family.iter().filter_map(|i| tails[*i]).collect();
        for (i, p) in family.iter().zip(holm(&p)) {
            let row = &mut rows[*i];
            row.p_holm = row.p.map(|alone| alone.max(p));
        }
    }
    rows
}

/// Two sides compared by a measure, and the p by the spread of the resamples that Holm's correction
/// is of.
fn compared(
    dataset: &str,
    measure: Measure,
    n: usize,
    [(a, of_a), (b, of_b)]: [(&Measured, &Replicates); 2],
    kappa: Option<Replicates>,
) -> (ComparisonRow, Option<f64>) {
    let difference = of_a.with(of_b, |a, b| a - b);
    let interval = difference.interval().ok();
    let kappa_interval = kappa.as_ref().and_then(|k| k.interval().ok());
    let row = ComparisonRow {
        dataset: dataset.to_owned(),
        subset: ALL.to_owned(),
        measure,
        model_a: a.side.model.clone(),
        stage_a: a.side.stage,
        distance_a: a.side.distance,
        model_b: b.side.model.clone(),
        stage_b: b.side.stage,
        distance_b: b.side.distance,
        value_a: of_a.estimate,
        value_b: of_b.estimate,
        difference: difference.estimate,
        ci_low: interval.map(|i| i.low),
        ci_high: interval.map(|i| i.high),
        p: difference.p().ok(),
        p_holm: None,
        n,
        n_clusters: difference.clusters,
        kappa: kappa.map(|k| k.estimate).filter(|k| !k.is_nan()),
        kappa_low: kappa_interval.map(|i| i.low),
        kappa_high: kappa_interval.map(|i| i.high),
        series_a: a.state.as_ref().map(|state| state.series.clone()),
        step_a: a.state.as_ref().map(|state| state.step),
        series_b: b.state.as_ref().map(|state| state.series.clone()),
        step_b: b.state.as_ref().map(|state| state.step),
    };
    (row, difference.tail_p().ok())
}

/// The kinds of distance of the encoders of a row; a baseline or the pixels go with the encoder.
fn family(row: &ComparisonRow) -> [Distance; 2] {
    let of = |side: Side| side.is_of_encoder().then_some(side.distance);
    match (of(row.a()), of(row.b())) {
        (Some(a), Some(b)) => [a, b],
        (Some(one), None) | (None, Some(one)) => [one, one],
        (None, None) => [Distance::Own, Distance::Own],
    }
}

/// Holm's correction: p values that hold for all of them together.
///
/// # Source
/// Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of
/// Statistics 6 (1979).
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut corrected = vec![0.0; p.len()];
    let mut least = 0.0_f64;
    for (rank, i) in order.into_iter().enumerate() {
        least = least.max((p.len() - rank) as f64 * p[i]).min(1.0);
        corrected[i] = least;
    }
    corrected
}

/// Error consistency of each pair under all resamples; none for rated pairs.
///
/// ```text
/// κ = (c − e) / (1 − e)
/// c = share of trials in which both are right or both are wrong
/// e = p_a p_b + (1 − p_a)(1 − p_b),  p the shares of trials that each has right
/// ```
///
/// # Source
/// Geirhos, Meding and Wichmann, *Beyond accuracy: quantifying trial-by-trial behaviour of CNNs and
/// humans by measuring error consistency*, NeurIPS (2020).
fn error_consistency(
    scorer: &Scorer,
    sides: &[Measured],
    pairs: &[[usize; 2]],
) -> Vec<Option<Replicates>> {
    let right: Option<Vec<&Outcomes>> = sides.iter().map(|side| side.outcomes.as_ref()).collect();
    let (Some(right), false) = (right, pairs.is_empty()) else { return vec![None; pairs.len()] };
    let found = scorer.shares_of(&Consistency { right: &right, pairs }).swap_remove(0);
    let kappa = |(i, [a, b]): (usize, &[usize; 2])| {
        let expected = found[*a].with(&found[*b], |a, b| a * b + (1.0 - a) * (1.0 - b));
        let observed = &found[sides.len() + i];
        Some(observed.with(&expected, |c, e| match e < 1.0 {
            true => (c - e) / (1.0 - e),
            false => f64::NAN,
        }))
    };
    pairs.iter().enumerate().map(kappa).collect()
}

/// What each trial adds to the shares of error consistency: of each side whether it is right, of
/// each pair whether both are right or both wrong; and whether it counts.
struct Consistency<'a> {
    right: &'a [&'a Outcomes],
    pairs: &'a [[usize; 2]],
}

impl TrialNumbers for Consistency<'_> {
    fn denominators(&self) -> Vec<usize> {
        vec![0; self.right.len() + self.pairs.len()]
    }

    fn write(&self, trials: &[u32], numbers: &mut [f64]) {
        let width = self.right.len() + self.pairs.len() + 1;
        for (trial, numbers) in trials.iter().zip(numbers.chunks_exact_mut(width)) {
            let outcome = |side: usize| self.right[side].get(*trial as usize);
            let (of_sides, rest) = numbers.split_at_mut(self.right.len());
            let of_sides = of_sides.iter_mut().enumerate();
            of_sides.for_each(|(side, number)| *number = outcome(side).unwrap_or(0.0));
            for (number, [a, b]) in rest.iter_mut().zip(self.pairs) {
                // Where a tie counts in part, so does being right or wrong together.
                *number = match (outcome(*a), outcome(*b)) {
                    (Some(a), Some(b)) => a * b + (1.0 - a) * (1.0 - b),
                    _ => 0.0,
                };
            }
            rest[self.pairs.len()] = f64::from(u8::from(outcome(0).is_some()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Clusters, OddOneOut, Subset, Trials};
    use crate::resample::{Draws, Resampling};
    use crate::score::Ties;

    /// Two sides that have these trials right, each trial its own cluster.
    fn two(a: &[bool], b: &[bool]) -> ComparisonRow {
        let n = a.len();
        let trials = Trials::OddOneOut(vec![OddOneOut { images: [0, 1, 2], odd: 2 }; n]);
        let all = (0..n as u32).collect();
        let whole = Subset { name: ALL.to_owned(), trials: all, within: vec![] };
        let clusters = Clusters::of_keys(0..n);
        let resampling = Resampling { resamples: 500, ..Resampling::default() };
        let draws = Draws::new(&resampling, "test", n);
        let scorer = Scorer::new(trials, clusters, vec![whole], draws, Ties::Miss);
        let side = |right: &[bool]| {
            let distances = |right: &bool| if *right { [1.0, 2.0, 3.0] } else { [3.0, 2.0, 1.0] };
            let distances: Vec<f64> = right.iter().flat_map(distances).collect();
            let scores = scorer.score(std::slice::from_ref(&distances)).expect("scored");
            Measured {
                side: Side {
                    model: "m".to_owned(),
                    stage: Stage::Projection,
                    distance: Distance::Cosine,
                },
                replicates: scores[0].main.clone(),
                bits: scores[0].bits.clone(),
                outcomes: scorer.outcomes(&distances),
                state: None,
            }
        };
        compare("things", &scorer, &[side(a), side(b)], &[[0, 1]]).swap_remove(0)
    }

    #[test]
    fn error_consistency_is_agreement_beyond_what_accuracies_make_likely() {
        // Of ten: both right 5, both wrong 2, one each 3. c = 0.7; p = 0.6 and 0.7 in turn.
        let a = [true, true, true, true, true, true, false, false, false, false];
        let b = [true, true, true, true, true, false, true, true, false, false];
        let row = two(&a, &b);
        let e = 0.6 * 0.7 + 0.4 * 0.3;
        assert!((row.kappa.expect("defined") - (0.7 - e) / (1.0 - e)).abs() < 1e-12);
        assert!((row.difference + 0.1).abs() < 1e-12);
        assert!(
            row.ci_low < Some(-0.1) && row.ci_high > Some(-0.1) && row.p > Some(0.3),
            "{row:?}"
        );
        assert!(row.p_holm >= row.p && row.p_holm < row.p.map(|p| p + 0.2), "{row:?}");
        assert_eq!(two(&a, &a).kappa, Some(1.0));
        // The same answers: no difference, and nothing that varies.
        assert_eq!((two(&a, &a).difference, two(&a, &a).p), (0.0, None));
        assert_eq!(two(&[true; 10], &[true; 10]).kappa, None);
    }

    #[test]
    fn a_series_stands_as_its_last_state_and_once_beside_its_first() {
        let side = |model: &str, step: Option<usize>, distance| Measured {
            side: Side { model: model.to_owned(), stage: Stage::Output, distance },
            replicates: Replicates::default(),
            bits: None,
            outcomes: None,
            state: step.map(|step| SeriesStep { series: "run".to_owned(), step }),
        };
        let cosine = |model: &str, step| side(model, step, Distance::Cosine);
        let sides = [
            cosine("a", None),
            cosine("run@step=1", Some(1)),
            cosine("run@step=2", Some(2)),
            cosine("run@step=10", Some(10)),
            side("ssim", None, Distance::Own),
        ];
        assert_eq!(pairs(&sides), [[0, 3], [0, 4], [3, 4], [3, 1]]);
        let all: Vec<Measured> =
            (0..500).map(|step| cosine(&format!("run@step={step}"), Some(step))).collect();
        assert_eq!(pairs(&all), [[499, 0]]);
    }

    #[test]
    fn holm_is_what_a_hand_makes_of_it() {
        // 4 · 0.01, 3 · 0.02, 2 · 0.03 = 0.06, and 0.04 does not fall below it.
        assert_eq!(holm(&[0.02, 0.04, 0.01, 0.03]), [0.06, 0.06, 0.04, 0.06]);
        assert_eq!(holm(&[0.6, 0.9]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
