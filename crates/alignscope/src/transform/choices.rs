//! What people chose, as a transform is fitted on it.

use std::collections::HashMap;

use crate::paradigm::{ImageIndex, Paradigm};

/// A question, and how often each of its answers was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Its images, each once, in order of number.
    pub images: Vec<ImageIndex>,
    /// The pairs among which people chose the most similar one: three of a triplet; reference–left
    /// and reference–right of two alternatives; the two of a quadruplet.
    pub pairs: Vec<[ImageIndex; 2]>,
    /// How often each pair was chosen as the most similar, or by which share of people; ≥ 0. Who says
    /// that one of two pairs differs more says that the other is more similar.
    pub votes: Vec<f64>,
    /// The trials that ask it.
    pub trials: Vec<u32>,
}

/// The different questions of trials, in order of first use, with all answers to each; none where
/// people rate instead of choosing.
pub fn choices_of(trials: &dyn Paradigm) -> Vec<Choice> {
    let mut known: HashMap<Vec<ImageIndex>, usize> = HashMap::new();
    let mut choices: Vec<Choice> = Vec::new();
    for trial in 0..trials.count() {
        let alternatives = trials.alternatives(trial);
        if alternatives.is_empty() {
            return vec![];
        }
        let place = *known.entry(trials.question(trial)).or_insert_with(|| {
            let mut pairs: Vec<_> = alternatives.iter().map(|of| sorted(of.pair)).collect();
            pairs.sort_unstable();
            let mut images: Vec<ImageIndex> = pairs.iter().flatten().copied().collect();
            images.sort_unstable();
            images.dedup();
            let votes = vec![0.0; pairs.len()];
            choices.push(Choice { images, pairs, votes, trials: vec![] });
            choices.len() - 1
        });
        let choice = &mut choices[place];
        choice.trials.push(trial as u32);
        for of in alternatives {
            let pair = choice.pairs.iter().position(|pair| *pair == sorted(of.pair));
            let pair = pair.expect("one question has the same pairs");
            match trials.picks_farthest() {
                true => choice.votes[1 - pair] += of.votes,
                false => choice.votes[pair] += of.votes,
            }
        }
    }
    choices
}

fn sorted([a, b]: [ImageIndex; 2]) -> [ImageIndex; 2] {
    [a.min(b), a.max(b)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paradigm::{OddOneOut, Quadruplet, RatedPair, TwoAlternatives};

    #[test]
    fn answers_to_one_question_are_counted_whatever_the_order_shown() {
        let trials = vec![
            OddOneOut { images: [5, 1, 3], odd: 0 },
            OddOneOut { images: [1, 3, 5], odd: 2 },
            OddOneOut { images: [3, 5, 1], odd: 0 },
            OddOneOut { images: [1, 2, 3], odd: 0 },
        ];
        let choices = choices_of(&trials);
        assert_eq!(choices.len(), 2);
        assert_eq!(choices[0].images, [1, 3, 5]);
        assert_eq!(choices[0].pairs, [[1, 3], [1, 5], [3, 5]]);
        assert_eq!(choices[0].votes, [2.0, 1.0, 0.0]);
        assert_eq!(choices[0].trials, [0, 1, 2]);
        assert_eq!(choices[1].votes, [0.0, 0.0, 1.0]);
    }

    #[test]
    fn the_pair_that_differs_less_is_the_more_similar_one_of_a_quadruplet() {
        let trial = |first, second, first_votes, second_votes| Quadruplet {
            first,
            second,
            first_votes,
            second_votes,
        };
        let trials = vec![trial([0, 1], [2, 3], 3.0, 1.0), trial([3, 2], [1, 0], 0.0, 1.0)];
        let choices = choices_of(&trials);
        assert_eq!(choices.len(), 1);
        assert_eq!(choices[0].pairs, [[0, 1], [2, 3]]);
        // Four say that images 0 and 1 differ more, one that 2 and 3 do.
        assert_eq!(choices[0].votes, [1.0, 4.0]);
    }

    #[test]
    fn two_alternatives_are_two_pairs_and_ratings_are_none() {
        let trial = |left, right, left_votes, right_votes| TwoAlternatives {
            reference: 4,
            left,
            right,
            left_votes,
            right_votes,
        };
        let choices = choices_of(&vec![trial(9, 2, 3.0, 1.0), trial(2, 9, 1.0, 0.0)]);
        assert_eq!(choices.len(), 1);
        assert_eq!(choices[0].pairs, [[2, 4], [4, 9]]);
        assert_eq!(choices[0].votes, [2.0, 3.0]);
        let rated = RatedPair { reference: 0, distorted: 1, score: 1.0, std: None };
        assert!(choices_of(&vec![rated]).is_empty());
    }
}
