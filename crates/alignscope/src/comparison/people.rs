//! A model and people as two raters.

use crate::resample::Replicates;
use crate::score::{Scorer, Share, Ties};

/// Shares of the answers that a question can have; two alternatives have no third.
type Answer = [f64; 3];

/// Cohen's kappa of a model's answers and people's, for each list of distances under all resamples; nothing
/// for rated pairs.
///
/// ```text
/// κ = (c − e) / (1 − e)
/// c = share of questions to which the model answers as most people do
/// e = Σ_k m_k p_k,  m_k and p_k the shares of questions that the model, and most people, answer by k
/// ```
///
/// A question is a trial of two alternatives, answered by left or right; or a triplet, whichever number of
/// answers it has, answered by the first, second or third of its images in the order in which the data set
/// numbers them (files may have the odd one always last). What most people answer is the other rater; where
/// no answer is the most frequent, the question is left out. Where the model ties it has no answer, or under
/// [`Ties::Half`] each of the tied in parts.
///
/// # Source
/// Cohen, *A coefficient of agreement for nominal scales*, Educational and Psychological Measurement 20
/// (1960).
pub fn cohens_kappa(scorer: &Scorer, columns: &[Vec<f64>]) -> Option<Vec<Replicates>> {
    let people = scorer.trials().paradigm().people_choose()?;
    let count = |answer: &Option<usize>| f64::from(u8::from(answer.is_some()));
    let counts: Vec<f64> = people.iter().map(count).collect();
    let share = |numerators| Share { numerators, denominator: 0 };
    let by_people =
        |k: usize| share(people.iter().map(|p| f64::from(u8::from(*p == Some(k)))).collect());
    let mut shares: Vec<Share> = (0..3).map(by_people).collect();
    for distances in columns {
        let answers = answers(scorer, distances)?;
        let both = || people.iter().zip(&answers);
        shares.push(share(both().map(|(p, answer)| p.map_or(0.0, |p| answer[p])).collect()));
        for k in 0..3 {
            let counted = both().map(|(p, answer)| p.map_or(0.0, |_| answer[k]));
            shares.push(share(counted.collect()));
        }
    }
    let found = scorer.shares(&shares, &[counts]).swap_remove(0);
    let kappa = |i: usize| {
        let of_column = &found[3 + 4 * i..];
        let product = |k: usize| of_column[1 + k].with(&found[k], |m, p| m * p);
        let sum = |a: Replicates, b: Replicates| a.with(&b, |a, b| a + b);
        let expected = sum(sum(product(0), product(1)), product(2));
        of_column[0].with(&expected, |c, e| match e < 1.0 {
            true => (c - e) / (1.0 - e),
            false => f64::NAN,
        })
    };
    Some((0..columns.len()).map(kappa).collect())
}

/// The model's answer to each trial; `None` if trials are no choices.
fn answers(scorer: &Scorer, distances: &[f64]) -> Option<Vec<Answer>> {
    let of = |chosen: &[bool; 3]| {
        let tied = chosen.iter().filter(|chosen| **chosen).count();
        let counts = tied == 1 || scorer.ties() == Ties::Half;
        chosen.map(|chosen| if chosen && counts { 1.0 / tied as f64 } else { 0.0 })
    };
    Some(scorer.trials().paradigm().model_chooses(distances)?.iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{ALL, Clusters, OddOneOut, Subset, Trials, TwoAlternatives};
    use crate::resample::{Draws, Resampling};

    fn kappa(trials: Trials, distances: &[f64], ties: Ties) -> Option<f64> {
        let n = trials.len();
        let every = (0..n as u32).collect();
        let whole = Subset { name: ALL.to_owned(), trials: every, within: vec![] };
        let resampling = Resampling { resamples: 0, ..Resampling::default() };
        let draws = Draws::new(&resampling, "test", n);
        let scorer = Scorer::new(trials, Clusters::of_keys(0..n), vec![whole], draws, ties);
        Some(cohens_kappa(&scorer, &[distances.to_vec()])?[0].estimate)
    }

    #[test]
    fn left_and_right_are_counted_as_by_hand() {
        // People: left 4, right 2, and one undecided. The model: left 3, right 3; both left 3, both right 2.
        let votes = |left_votes| TwoAlternatives {
            reference: 0,
            left: 1,
            right: 2,
            left_votes,
            right_votes: 2.0 - left_votes,
        };
        let people = [2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 1.0].map(votes);
        let [left, right] = [[1.0, 2.0], [2.0, 1.0]];
        let model = [left, left, left, right, right, right, left].concat();
        let expected = 0.5 * (4.0 / 6.0) + 0.5 * (2.0 / 6.0);
        let found = kappa(Trials::TwoAlternatives(people.to_vec()), &model, Ties::Miss);
        assert!(
            (found.expect("choices") - (5.0 / 6.0 - expected) / (1.0 - expected)).abs() < 1e-12
        );
        let pair = crate::dataset::RatedPair { reference: 0, distorted: 1, score: 1.0, std: None };
        assert_eq!(kappa(Trials::RatedPairs(vec![pair]), &[1.0], Ties::Miss), None);
    }

    #[test]
    fn a_triplet_is_one_question_whatever_the_order_of_its_images() {
        let odd = |images, odd| OddOneOut { images, odd };
        // To 0 1 2 most say 2, to 3 4 5 most say 3; to 6 7 8 people do not agree.
        let trials = vec![
            odd([0, 1, 2], 2),
            odd([2, 1, 0], 0),
            odd([1, 0, 2], 0),
            odd([4, 5, 3], 2),
            odd([6, 7, 8], 0),
            odd([6, 7, 8], 1),
        ];
        // The model finds the odd one last in every trial but the second and third, as people do.
        let last = [1.0, 2.0, 3.0];
        let model = [last, [3.0, 2.0, 1.0], last, last, last, last].concat();
        assert_eq!(kappa(Trials::OddOneOut(trials.clone()), &model, Ties::Miss), Some(1.0));
        // To 3 4 5 it answers 4: c = 1/2, e = 1/2 · 1/2 (of "third" alone).
        let other = [last, [3.0, 2.0, 1.0], last, [3.0, 2.0, 1.0], last, last].concat();
        let found = kappa(Trials::OddOneOut(trials.clone()), &other, Ties::Miss).expect("choices");
        assert!((found - (0.5 - 0.25) / 0.75).abs() < 1e-12, "{found}");
        // Ties are no answer, or a third of each: c = 1/3, e = 1/3.
        let tied = [1.0; 18];
        assert_eq!(kappa(Trials::OddOneOut(trials.clone()), &tied, Ties::Miss), Some(0.0));
        let found = kappa(Trials::OddOneOut(trials), &tied, Ties::Half).expect("choices");
        assert!(found.abs() < 1e-12, "{found}");
    }
}
