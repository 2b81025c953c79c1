//! What people and a model answered, and how far a model is off.

use std::collections::BTreeMap;

use super::PairDistances;
use crate::dataset::{ImageIndex, OddOneOut, RatedPair, Trials, TwoAlternatives};
use crate::score::average_ranks;

/// A question with all answers to it: trials of one triplet are one question.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Question {
    /// A rated pair: its score, and the share of pairs that people rated lower.
    Rated { first: usize, images: [ImageIndex; 2], score: f64, above: f64 },
    /// Two alternatives, and their votes.
    Two { first: usize, images: [ImageIndex; 3], votes: [f64; 2] },
    /// A triplet, and how often each was the odd one.
    Odd { first: usize, images: [ImageIndex; 3], counts: [usize; 3] },
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    pub(super) answer: String,
    /// Whether it is people's, where that is a question of yes and no.
    pub(super) agrees: Option<bool>,
    /// How far the model is off, if it is.
    pub(super) margin: Option<f64>,
}

/// The questions of a data set, in order of first use.
pub(super) fn questions(trials: &Trials) -> Vec<Question> {
    match trials {
        Trials::RatedPairs(trials) => {
            let scores: Vec<f64> = trials.iter().map(|t| t.score).collect();
            let shares = shares_below(&scores);
            let rated = |(first, t): (usize, &RatedPair)| Question::Rated {
                first,
                images: [t.reference, t.distorted],
                score: t.score,
                above: shares[first],
            };
            trials.iter().enumerate().map(rated).collect()
        }
        Trials::TwoAlternatives(trials) => {
            let two = |(first, t): (usize, &TwoAlternatives)| Question::Two {
                first,
                images: [t.reference, t.left, t.right],
                votes: [t.left_votes, t.right_votes],
            };
            trials.iter().enumerate().map(two).collect()
        }
        Trials::OddOneOut(trials) => triplets(trials),
    }
}

/// One question for each triplet, whatever the order of its images.
fn triplets(trials: &[OddOneOut]) -> Vec<Question> {
    let mut asked: Vec<Question> = Vec::new();
    let mut places: BTreeMap<[ImageIndex; 3], usize> = BTreeMap::new();
    for (first, trial) in trials.iter().enumerate() {
        let mut key = trial.images;
        key.sort_unstable();
        let place = *places.entry(key).or_insert_with(|| {
            asked.push(Question::Odd { first, images: trial.images, counts: [0; 3] });
            asked.len() - 1
        });
        if let Question::Odd { images, counts, .. } = &mut asked[place] {
            let odd = trial.images[usize::from(trial.odd)];
            let side = images.iter().position(|image| *image == odd);
            counts[side.expect("the same three images")] += 1;
        }
    }
    asked
}

/// For each value the share of values below it, 0 to 1; equal values have the mean of their shares.
fn shares_below(values: &[f64]) -> Vec<f64> {
    let last = (values.len().max(2) - 1) as f64;
    average_ranks(values).into_iter().map(|rank| (rank - 1.0) / last).collect()
}

impl Question {
    /// Position of the first trial that asks it.
    pub(super) fn first(&self) -> usize {
        match self {
            Self::Rated { first, .. } | Self::Two { first, .. } | Self::Odd { first, .. } => *first,
        }
    }

    pub(super) fn images(&self) -> &[u32] {
        match self {
            Self::Rated { images, .. } => images,
            Self::Two { images, .. } | Self::Odd { images, .. } => images,
        }
    }

    pub(super) fn roles(&self) -> &'static [&'static str] {
        match self {
            Self::Rated { .. } => &["reference", "distorted"],
            Self::Two { .. } => &["reference", "left", "right"],
            Self::Odd { .. } => &["first", "second", "third"],
        }
    }

    /// The side that most people chose; none for rated pairs and where as many chose another.
    pub(super) fn chosen(&self) -> Option<usize> {
        match self {
            Self::Rated { .. } => None,
            Self::Two { votes: [left, right], .. } if left == right => None,
            Self::Two { votes: [left, right], .. } => Some(if left > right { 1 } else { 2 }),
            Self::Odd { counts, .. } => {
                let most = counts.iter().max()?;
                let mut sides = (0..3).filter(|side| counts[*side] == *most);
                sides.next().filter(|_| sides.next().is_none())
            }
        }
    }

    /// What people answered.
    pub(super) fn told(&self, people: &str) -> String {
        match self {
            Self::Rated { score, above, .. } => {
                format!("{people}: {score:.2}, more alike than {:.0} % of the pairs", 100.0 * above)
            }
            Self::Two { votes: [left, right], .. } => {
                format!("{people}: {left} for left, {right} for right")
            }
            Self::Odd { counts: [a, b, c], .. } => format!(
                "{people}: the odd one is the first {a}, the second {b}, the third {c} times of {}",
                a + b + c
            ),
        }
    }

    /// The pairs of which a model has a distance.
    fn pairs(&self) -> Vec<(u32, u32)> {
        let pair = |a: u32, b: u32| (a.min(b), a.max(b));
        match self {
            Self::Rated { images: [a, b], .. } => vec![pair(*a, *b)],
            Self::Two { images: [r, a, b], .. } => vec![pair(*r, *a), pair(*r, *b)],
            // The pair that stays where the first, second or third is the odd one.
            Self::Odd { images: [a, b, c], .. } => vec![pair(*b, *c), pair(*a, *c), pair(*a, *b)],
        }
    }
}

/// A model's answers to all questions.
///
/// The margin of a rated pair is how much its rank by the model is off its rank by people, as a share of
/// all; of the others, how much farther the model sees what people find more alike than what
/// it finds itself, in units of its mean distance.
pub(super) fn judge(asked: &[Question], of_pairs: &PairDistances) -> Vec<Judged> {
    let distances: Vec<Option<Vec<f64>>> = asked
        .iter()
        .map(|q| q.pairs().iter().map(|pair| of_pairs.get(pair).copied()).collect())
        .collect();
    let mut values: Vec<f64> = of_pairs.values().copied().collect();
    values.sort_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let rated = |q: &Question| matches!(q, Question::Rated { .. });
    let alike: Vec<f64> = match asked.iter().zip(&distances).all(|(q, d)| rated(q) && d.is_some()) {
        true => shares_below(&distances.iter().flatten().map(|d| -d[0]).collect::<Vec<_>>()),
        false => vec![],
    };
    let none = || Judged { answer: "no distance".to_owned(), agrees: None, margin: None };
    asked
        .iter()
        .enumerate()
        .map(|(i, question)| {
            let Some(d) = &distances[i] else { return none() };
            match question {
                Question::Rated { above, .. } => {
                    let share = alike.get(i).copied();
                    Judged {
                        answer: share.map_or_else(
                            || format!("distance {}", short(d[0])),
                            |s| format!("more alike than {:.0} % of the pairs", 100.0 * s),
                        ),
                        agrees: None,
                        margin: share.map(|s| (s - above).abs()),
                    }
                }
                _ => {
                    let least = d.iter().copied().fold(f64::INFINITY, f64::min);
                    let nearest: Vec<usize> = (0..d.len()).filter(|s| d[*s] == least).collect();
                    let name = |side: usize| match question {
                        Question::Two { .. } => ["left", "right"][side],
                        _ => ["the first", "the second", "the third"][side],
                    };
                    let chosen = question.chosen().map(|side| match question {
                        Question::Two { .. } => side - 1,
                        _ => side,
                    });
                    let answer = match nearest[..] {
                        [one] => name(one).to_owned(),
                        _ => "a tie".to_owned(),
                    };
                    let of_distances: Vec<String> = d.iter().map(|d| short(*d)).collect();
                    Judged {
                        answer: format!("{answer} (distances {})", of_distances.join(", ")),
                        agrees: chosen.map(|side| nearest == [side]),
                        margin: chosen.map(|side| (d[side] - least) / mean),
                    }
                }
            }
        })
        .collect()
}

/// Three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.2}"),
        v if v >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_one_triplet_are_one_question_in_any_order() {
        let asked = questions(&Trials::OddOneOut(vec![
            OddOneOut { images: [5, 6, 7], odd: 2 },
            OddOneOut { images: [7, 5, 6], odd: 0 },
            OddOneOut { images: [5, 6, 7], odd: 0 },
        ]));
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].chosen(), Some(2), "image 7 twice, image 5 once");
        let of_pairs = PairDistances::from([((6, 7), 1.0), ((5, 7), 3.0), ((5, 6), 2.0)]);
        let judged = &judge(&asked, &of_pairs)[0];
        assert_eq!(judged.agrees, Some(false));
        assert!(judged.answer.starts_with("the first"), "{}", judged.answer);
        // The pair that people kept is at 2, the nearest at 1; the mean is 2.
        assert_eq!(judged.margin, Some(0.5));
    }

    #[test]
    fn two_alternatives_with_equal_votes_are_no_miss() {
        let (left_votes, right_votes) = (1.0, 1.0);
        let trial = TwoAlternatives { reference: 0, left: 1, right: 2, left_votes, right_votes };
        let of_pairs = PairDistances::from([((0, 1), 1.0), ((0, 2), 3.0)]);
        let judged = &judge(&questions(&Trials::TwoAlternatives(vec![trial])), &of_pairs)[0];
        assert_eq!((judged.agrees, judged.margin), (None, None));
        assert!(judged.answer.starts_with("left"));
    }

    #[test]
    fn a_rated_pair_is_off_by_the_difference_of_its_ranks() {
        let pair = |distorted, score| RatedPair { reference: 0, distorted, score, std: None };
        let asked = questions(&Trials::RatedPairs(vec![pair(1, 9.0), pair(2, 5.0), pair(3, 1.0)]));
        let of_pairs = PairDistances::from([((0, 1), 3.0), ((0, 2), 2.0), ((0, 3), 1.0)]);
        let margins: Vec<_> = judge(&asked, &of_pairs).iter().map(|j| j.margin).collect();
        assert_eq!(margins, [Some(1.0), Some(0.0), Some(1.0)]);
    }
}
