//! Odd-one-out triplets.

use std::collections::{HashMap, HashSet};

use super::accuracy::{accuracy, on_tie};
use super::kind::{Alternative, Answer, Ceiling, Column, Paradigm, TrialCeiling};
use super::{ImageIndex, Measure, Score, Ties};

/// An odd-one-out triplet: which of three images is least like the others?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OddOneOut {
    /// The three images shown.
    pub images: [ImageIndex; 3],
    /// Which of the three was chosen as the odd one: 0, 1 or 2.
    pub odd: u8,
}

/// The score by chance.
const CHANCE: f64 = 1.0 / 3.0;

/// People who must have answered a triplet for its majority to tell. The most frequent of m answers has
/// a larger share among them than among all people: of people who agree by 1/2, 1/4 and 1/4 by
/// 0.50 for one answer (which always agrees with itself), 0.19 for two, 0.09 for five, 0.04 for ten, 0.01
/// for twenty.
pub const MIN_ANSWERS: usize = 10;

impl OddOneOut {
    /// The three images in the order of their numbers, which tells a triplet.
    fn triplet(&self) -> [ImageIndex; 3] {
        let mut images = self.images;
        images.sort_unstable();
        images
    }

    /// The place of each image of the triplet in their order by number.
    fn places(&self) -> [usize; 3] {
        self.images.map(|image| self.images.iter().filter(|other| **other < image).count())
    }
}

impl Paradigm for Vec<OddOneOut> {
    fn count(&self) -> usize {
        self.len()
    }

    fn comparisons(&self) -> usize {
        3
    }

    fn images(&self, trial: usize) -> Vec<ImageIndex> {
        self[trial].images.to_vec()
    }

    fn roles(&self) -> &'static [&'static str] {
        &["first", "second", "third"]
    }

    fn for_each_pair(&self, use_pair: &mut dyn FnMut(ImageIndex, ImageIndex)) {
        for trial in self {
            let [first, second, third] = trial.images;
            use_pair(first, second);
            use_pair(first, third);
            use_pair(second, third);
        }
    }

    fn renumber(&mut self, number: &dyn Fn(ImageIndex) -> ImageIndex) {
        for image in self.iter_mut().flat_map(|trial| &mut trial.images) {
            *image = number(*image);
        }
    }

    fn question(&self, trial: usize) -> Vec<ImageIndex> {
        self[trial].triplet().to_vec()
    }

    fn cluster(&self, trial: usize) -> Vec<ImageIndex> {
        self.question(trial)
    }

    fn asks_again(&self) -> bool {
        true
    }

    fn answer(&self, trial: usize) -> Answer {
        Answer { odd: Some(self[trial].odd + 1), ..Answer::default() }
    }

    fn alternatives(&self, trial: usize) -> Vec<Alternative> {
        let OddOneOut { images: [a, b, c], odd } = self[trial];
        // The pair that stays where the first, second or third is the odd one.
        let alternatives: [(_, &'static [usize], _); 3] = [
            ("the first", &[0], [b, c]),
            ("the second", &[1], [a, c]),
            ("the third", &[2], [a, b]),
        ];
        let alternative = |(place, (name, places, pair))| {
            let votes = f64::from(u8::from(place == usize::from(odd)));
            Alternative { name, places, pair, votes }
        };
        alternatives.into_iter().enumerate().map(alternative).collect()
    }

    fn choices_in_words(&self, alternatives: &[Alternative]) -> String {
        let votes: Vec<String> =
            alternatives.iter().map(|a| format!("{} {}", a.name, a.votes)).collect();
        let all: f64 = alternatives.iter().map(|a| a.votes).sum();
        format!("the odd one is {} times of {all}", votes.join(", "))
    }

    /// The three images of each trial, and the odd one among them.
    fn columns(&self) -> Vec<(&'static str, Column)> {
        vec![
            ("images", Column::Triplets(self.iter().map(|trial| trial.images).collect())),
            ("odd", Column::Positions(self.iter().map(|trial| trial.odd).collect())),
        ]
    }

    fn main_measure(&self) -> Measure {
        Measure::Accuracy
    }

    fn chance(&self) -> f64 {
        CHANCE
    }

    fn score(&self, distances: &[f64], ties: Ties) -> Vec<Score> {
        let (triples, _) = distances.as_chunks::<3>();
        let outcomes = odd_one_out_outcomes(self, triples, ties);
        let n_ties = triples.iter().filter(|d| nearest_tied(**d) > 1).count();
        vec![Score { n_ties, ..accuracy(&outcomes, CHANCE) }]
    }

    fn outcomes(&self, distances: &[f64], ties: Ties) -> Vec<Vec<Option<f64>>> {
        vec![odd_one_out_outcomes(self, distances.as_chunks().0, ties)]
    }

    fn majority_shares(&self, person: &dyn Fn(usize) -> u32) -> Option<Vec<Option<f64>>> {
        let mut people = HashMap::<[u32; 3], HashSet<u32>>::new();
        let mut answers = HashMap::<[u32; 3], HashMap<u32, usize>>::new();
        for (i, trial) in self.iter().enumerate() {
            let odd = trial.images[usize::from(trial.odd)];
            people.entry(trial.triplet()).or_default().insert(person(i));
            *answers.entry(trial.triplet()).or_default().entry(odd).or_default() += 1;
        }
        let share = |trial: &OddOneOut| {
            let triplet = trial.triplet();
            let counts = &answers[&triplet];
            let most = counts.values().max().expect("an answer");
            let share = *most as f64 / counts.values().sum::<usize>() as f64;
            (people[&triplet].len() >= MIN_ANSWERS).then_some(share)
        };
        let shares: Vec<Option<f64>> = self.iter().map(share).collect();
        shares.iter().any(Option::is_some).then_some(shares)
    }

    /// The first, second or third image by number.
    fn people_choose(&self) -> Option<Vec<Option<usize>>> {
        let mut counts = HashMap::<[u32; 3], [usize; 3]>::new();
        for trial in self {
            let place = trial.places()[usize::from(trial.odd)];
            counts.entry(trial.triplet()).or_default()[place] += 1;
        }
        let most = |trial: &OddOneOut| {
            // Taken out, so that the triplet is one question.
            let counts = counts.remove(&trial.triplet())?;
            let most = *counts.iter().max()?;
            let mut where_most = (0..3).filter(|k| counts[*k] == most);
            where_most.next().filter(|_| where_most.next().is_none())
        };
        Some(self.iter().map(most).collect())
    }

    fn model_chooses(&self, distances: &[f64]) -> Option<Vec<[bool; 3]>> {
        let of_trial = |(trial, d): (&OddOneOut, &[f64; 3])| {
            let least = d.iter().copied().fold(f64::INFINITY, f64::min);
            let places = trial.places();
            // Of images 0–1 the odd one is 2, of 0–2 it is 1, of 1–2 it is 0.
            let mut chosen = [false; 3];
            (0..3).for_each(|k| chosen[places[2 - k]] = d[k] == least);
            chosen
        };
        Some(self.iter().zip(distances.as_chunks().0).map(of_trial).collect())
    }

    /// The three ceilings of triplets: the majority share of those that enough people answered, the
    /// others of those that more than one did.
    ///
    /// *Other* means another person, where the data set names them; else another answer. Where the
    /// others' majority is shared by k answers, each of them counts 1/k.
    fn ceilings(&self, person: &dyn Fn(usize) -> u32) -> Vec<TrialCeiling> {
        let mut triplets = HashMap::<[u32; 3], Vec<usize>>::new();
        for (i, trial) in self.iter().enumerate() {
            triplets.entry(trial.triplet()).or_default().push(i);
        }
        let odd = |i: usize| self[i].images[usize::from(self[i].odd)];

        let mut one_other = vec![None; self.len()];
        let mut of_others = vec![None; self.len()];
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
        let majority = self.majority_shares(person).unwrap_or_else(|| vec![None; self.len()]);
        let of = |ceiling, shares| TrialCeiling { ceiling, measure: Measure::Accuracy, shares };
        vec![
            of(Ceiling::MajorityShare, majority),
            of(Ceiling::OneOtherPerson, one_other),
            of(Ceiling::MajorityOfOthers, of_others),
        ]
    }
}

/// Whether the pair that people kept is the nearest of the three, for each trial: 1, 0, or what
/// `ties` gives where it is one of several nearest.
///
/// `distances` — images 0–1, 0–2 and 1–2 of each triplet, finite
pub fn odd_one_out_outcomes(
    trials: &[OddOneOut],
    distances: &[[f64; 3]],
    ties: Ties,
) -> Vec<Option<f64>> {
    trials
        .iter()
        .zip(distances)
        .map(|(trial, distances)| {
            // The pair without the odd image: 1–2 where it is 0, 0–2 where it is 1, 0–1 where 2.
            let kept = distances[2 - usize::from(trial.odd)];
            let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
            Some(match (kept == nearest, nearest_tied(*distances)) {
                (false, _) => 0.0,
                (true, 1) => 1.0,
                (true, tied) => on_tie(ties, tied),
            })
        })
        .collect()
}

/// How many of the three distances are the smallest.
fn nearest_tied(distances: [f64; 3]) -> usize {
    let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
    distances.iter().filter(|d| **d == nearest).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_pair_must_be_the_nearest() {
        let outcome = |odd, distances, ties| {
            let trial = OddOneOut { images: [0, 1, 2], odd };
            odd_one_out_outcomes(&[trial], &[distances], ties)[0].expect("it counts")
        };
        // Distances of 0–1, 0–2, 1–2.
        assert_eq!(outcome(2, [1.0, 2.0, 3.0], Ties::Miss), 1.0);
        assert_eq!(outcome(1, [1.0, 2.0, 3.0], Ties::Miss), 0.0);
        assert_eq!(outcome(0, [3.0, 2.0, 1.0], Ties::Miss), 1.0);
        assert_eq!(outcome(2, [1.0, 1.0, 3.0], Ties::Miss), 0.0);
        assert_eq!(outcome(2, [1.0, 1.0, 3.0], Ties::Half), 0.5);
        assert_eq!(outcome(0, [1.0, 1.0, 3.0], Ties::Half), 0.0);
        assert_eq!(outcome(0, [1.0, 1.0, 1.0], Ties::Half), 1.0 / 3.0);
    }
}
