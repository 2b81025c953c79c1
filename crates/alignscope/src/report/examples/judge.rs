//! What people and a model answered, and how far a model is off.

use std::collections::HashMap;

use super::PairDistances;
use crate::measure::average_ranks;
use crate::paradigm::{Alternative, ImageIndex, Paradigm, key};

/// Of more questions than this every second, third, … is looked at, so that at most so many are.
const MOST_QUESTIONS: usize = 200_000;

/// A question with all answers to it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    /// Position of the first trial that asks it.
    pub(super) first: usize,
    /// Its images, as the first trial has them.
    pub(super) images: Vec<ImageIndex>,
    /// What people answered.
    pub(super) told: String,
    /// What they chose among, with all votes; empty if they rate.
    alternatives: Vec<Alternative>,
    /// The share of trials that people rated lower; 0 if they choose.
    above: f64,
    /// Whether they choose the two images that differ most.
    farthest: bool,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    pub(super) answer: String,
    /// Whether it is people's, where that is a question of yes and no.
    pub(super) agrees: Option<bool>,
    /// How far the model is off, if it is.
    pub(super) margin: Option<f64>,
    /// What it picks, if it picks one: the place of the alternative. Of a rated pair `None`.
    pub(super) picked: Option<usize>,
    /// How much farther it sees what it does not pick, in units of its mean distance; of a rated
    /// pair the share of pairs that it sees as less alike.
    pub(super) sureness: f64,
}

/// Questions that two models answer differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Between {
    /// Questions to which both have an answer.
    pub(super) questions: usize,
    /// How many they answer differently; `None` of ratings.
    pub(super) differ: Option<usize>,
    /// Positions of some of them.
    pub(super) shown: Vec<usize>,
}

/// The questions that two models answer differently, and `most` of each kind: only the first agrees
/// with most people, only the second, neither; those first of which both models are surest. Of
/// ratings, those whose ranks by the models differ most, twice as many.
pub(super) fn disagreements(a: &[Judged], b: &[Judged], most: usize) -> Between {
    let both = || (0..a.len()).filter(|i| a[*i].sureness.is_finite() && b[*i].sureness.is_finite());
    let is_rated = both().all(|i| a[i].picked.is_none() && a[i].agrees.is_none());
    let mut by_clearness: Vec<(f64, usize)> = both()
        .filter(|i| is_rated || a[*i].picked != b[*i].picked)
        .map(|i| match is_rated {
            true => ((a[i].sureness - b[i].sureness).abs(), i),
            false => (a[i].sureness.min(b[i].sureness), i),
        })
        .collect();
    by_clearness.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
    let of_kind = |kind: [Option<bool>; 2], most: usize| {
        let is_it = move |i: &usize| [a[*i].agrees, b[*i].agrees] == kind;
        by_clearness.iter().map(|(_, i)| *i).filter(is_it).take(most).collect::<Vec<_>>()
    };
    let shown = match is_rated {
        true => of_kind([None, None], 2 * most),
        false => [[true, false], [false, true], [false, false]]
            .into_iter()
            .flat_map(|kind| of_kind(kind.map(Some), most))
            .collect(),
    };
    let differ = (!is_rated).then_some(by_clearness.len());
    Between { questions: both().count(), differ, shown }
}

/// The questions of trials, in order of first use: one for each trial, or for all that ask the same
/// where questions are asked again. Of very many, some that are evenly spread.
pub(super) fn questions(trials: &dyn Paradigm) -> Vec<Question> {
    match trials.ratings() {
        Some(ratings) => rated(trials, &ratings.scores),
        None => chosen(trials, MOST_QUESTIONS),
    }
}

fn rated(trials: &dyn Paradigm, scores: &[f64]) -> Vec<Question> {
    // Of matrices the score is minus the mean dissimilarity.
    let told = |score: f64| match trials.matrices().map(|matrices| matrices.people.len()) {
        None => format!("{score:.2}"),
        Some(1) => format!("dissimilarity {:.2}", -score),
        Some(people) => format!("dissimilarity {:.2} (mean of {people} people)", -score),
    };
    let question = |(first, (score, above)): (usize, (&f64, f64))| Question {
        first,
        images: trials.images(first),
        told: format!("{}, more alike than {:.0} % of the pairs", told(*score), 100.0 * above),
        alternatives: vec![],
        above,
        farthest: false,
    };
    let step = step(scores.len(), MOST_QUESTIONS);
    scores.iter().zip(shares_below(scores)).enumerate().step_by(step).map(question).collect()
}

/// How many places after a question that is looked at the next one stands.
fn step(questions: usize, most: usize) -> usize {
    questions.div_ceil(most).max(1)
}

/// The positions of questions from which samples are taken, evenly: in the order of the trials, but
/// of matrices from the pair that people find closest to the one that they find farthest.
pub(super) fn order_of_samples(trials: &dyn Paradigm, asked: &[Question]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..asked.len()).collect();
    if trials.matrices().is_some() {
        order.sort_by(|a, b| asked[*b].above.total_cmp(&asked[*a].above));
    }
    order
}

fn chosen(trials: &dyn Paradigm, most: usize) -> Vec<Question> {
    let mut known: HashMap<[ImageIndex; 4], usize> = HashMap::new();
    let mut number = |trial: usize| match trials.asks_again() {
        true => {
            let next = known.len();
            *known.entry(key(trials.question(trial))).or_insert(next)
        }
        false => trial,
    };
    let numbers: Vec<usize> = (0..trials.count()).map(&mut number).collect();
    let step = step(numbers.iter().max().map_or(0, |last| last + 1), most);
    let mut asked: Vec<Question> = Vec::new();
    for (trial, number) in numbers.into_iter().enumerate().filter(|(_, n)| n % step == 0) {
        let (images, alternatives) = (trials.images(trial), trials.alternatives(trial));
        match asked.get_mut(number / step) {
            Some(question) => question.add(&alternatives),
            None => {
                let told = String::new();
                let farthest = trials.picks_farthest();
                let above = 0.0;
                asked.push(Question { first: trial, images, told, alternatives, above, farthest });
            }
        }
    }
    for question in &mut asked {
        question.told = trials.choices_in_words(&question.alternatives);
    }
    asked
}

/// For each value the share of values below it, 0 to 1; equal values have the mean of their shares.
fn shares_below(values: &[f64]) -> Vec<f64> {
    let last = (values.len().max(2) - 1) as f64;
    average_ranks(values).into_iter().map(|rank| (rank - 1.0) / last).collect()
}

/// The two images of a pair, the one of the lower number first.
fn sorted([a, b]: [ImageIndex; 2]) -> (ImageIndex, ImageIndex) {
    (a.min(b), a.max(b))
}

impl Question {
    /// Adds the votes of another trial that asks the same of the same images, in another order.
    fn add(&mut self, others: &[Alternative]) {
        for alternative in &mut self.alternatives {
            let pair = sorted(alternative.pair);
            let same = others.iter().find(|other| sorted(other.pair) == pair);
            alternative.votes += same.expect("the same images").votes;
        }
    }

    /// The alternative that most people chose; `None` for ratings and where as many chose another.
    fn chosen(&self) -> Option<usize> {
        let votes = || self.alternatives.iter().map(|alternative| alternative.votes);
        let most = votes().max_by(f64::total_cmp)?;
        let mut places = votes().enumerate().filter(|(_, votes)| *votes == most);
        places.next().filter(|_| places.next().is_none()).map(|(place, _)| place)
    }

    /// The places of the images that most people chose among the images of the question.
    pub(super) fn chosen_images(&self) -> &'static [usize] {
        self.chosen().map_or(&[], |chosen| self.alternatives[chosen].places)
    }

    /// The pairs of which a model has a distance: one for each alternative, or the one that is rated.
    fn pairs(&self) -> Vec<(ImageIndex, ImageIndex)> {
        match self.alternatives.is_empty() {
            true => vec![sorted([self.images[0], self.images[1]])],
            false => self.alternatives.iter().map(|a| sorted(a.pair)).collect(),
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
    let rated = |q: &Question| q.alternatives.is_empty();
    let alike: Vec<f64> = match asked.iter().zip(&distances).all(|(q, d)| rated(q) && d.is_some()) {
        true => shares_below(&distances.iter().flatten().map(|d| -d[0]).collect::<Vec<_>>()),
        false => vec![],
    };
    let none = || Judged {
        answer: "no distance".to_owned(),
        agrees: None,
        margin: None,
        picked: None,
        sureness: f64::NAN,
    };
    asked
        .iter()
        .enumerate()
        .map(|(i, question)| {
            let Some(d) = &distances[i] else { return none() };
            if rated(question) {
                let share = alike.get(i).copied();
                return Judged {
                    answer: share.map_or_else(
                        || format!("distance {}", short(d[0])),
                        |s| format!("more alike than {:.0} % of the pairs", 100.0 * s),
                    ),
                    agrees: None,
                    margin: share.map(|s| (s - question.above).abs()),
                    picked: None,
                    sureness: share.unwrap_or(f64::NAN),
                };
            }
            let sign = if question.farthest { -1.0 } else { 1.0 };
            let least = d.iter().map(|d| sign * d).fold(f64::INFINITY, f64::min);
            let picked: Vec<usize> = (0..d.len()).filter(|s| sign * d[*s] == least).collect();
            let answer = match picked[..] {
                [one] => question.alternatives[one].name,
                _ => "a tie",
            };
            let of_distances: Vec<String> = d.iter().map(|d| short(*d)).collect();
            let chosen = question.chosen();
            let others =
                (0..d.len()).filter(|side| !picked.contains(side)).map(|side| sign * d[side]);
            Judged {
                answer: format!("{answer} (distances {})", of_distances.join(", ")),
                agrees: chosen.map(|chosen| picked == [chosen]),
                margin: chosen.map(|chosen| (sign * d[chosen] - least) / mean),
                sureness: match picked[..] {
                    [_] => (others.fold(f64::INFINITY, f64::min) - least) / mean,
                    _ => 0.0,
                },
                picked: match picked[..] {
                    [one] => Some(one),
                    _ => None,
                },
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
    use crate::paradigm::{OddOneOut, RatedPair, TwoAlternatives};

    #[test]
    fn answers_to_one_triplet_are_one_question_in_any_order() {
        let asked = questions(&vec![
            OddOneOut { images: [5, 6, 7], odd: 2 },
            OddOneOut { images: [7, 5, 6], odd: 0 },
            OddOneOut { images: [5, 6, 7], odd: 0 },
        ]);
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].chosen_images(), [2], "image 7 twice, image 5 once");
        let told = "the odd one is the first 1, the second 0, the third 2 times of 3";
        assert_eq!(asked[0].told, told);
        let of_pairs = PairDistances::from([((6, 7), 1.0), ((5, 7), 3.0), ((5, 6), 2.0)]);
        let judged = &judge(&asked, &of_pairs)[0];
        assert_eq!(judged.agrees, Some(false));
        assert!(judged.answer.starts_with("the first"), "{}", judged.answer);
        // The pair that people kept is at 2, the nearest at 1; the mean is 2.
        assert_eq!(judged.margin, Some(0.5));
    }

    #[test]
    fn of_many_questions_some_are_looked_at_with_all_answers_to_them() {
        let odd = |first, odd| OddOneOut { images: [first, 100, 200], odd };
        let trials: Vec<OddOneOut> =
            (0..10).chain(0..10).map(|first| odd(first, (first % 3) as u8)).collect();
        let asked = chosen(&trials, 4);
        let first: Vec<usize> = asked.iter().map(|question| question.first).collect();
        assert_eq!(first, [0, 3, 6, 9]);
        assert!(asked.iter().all(|question| question.told.ends_with(" of 2")), "{asked:?}");
        assert_eq!(chosen(&trials, 10).len(), 10);
    }

    #[test]
    fn two_alternatives_with_equal_votes_are_no_miss() {
        let (left_votes, right_votes) = (1.0, 1.0);
        let trial = TwoAlternatives { reference: 0, left: 1, right: 2, left_votes, right_votes };
        let of_pairs = PairDistances::from([((0, 1), 1.0), ((0, 2), 3.0)]);
        let judged = &judge(&questions(&vec![trial]), &of_pairs)[0];
        assert_eq!((judged.agrees, judged.margin), (None, None));
        assert!(judged.answer.starts_with("left"));
    }

    #[test]
    fn what_two_models_answer_differently_is_counted_and_the_surest_shown_first() {
        let trial = |reference| TwoAlternatives {
            reference,
            left: reference + 1,
            right: reference + 2,
            left_votes: 1.0,
            right_votes: 0.0,
        };
        let asked = questions(&vec![trial(0), trial(10), trial(20), trial(30)]);
        let distances = |to_left: [f64; 4]| -> PairDistances {
            let of_trial = |(i, left): (usize, f64)| {
                let first = 10 * i as u32;
                [((first, first + 1), left), ((first, first + 2), 1.0)]
            };
            to_left.into_iter().enumerate().flat_map(of_trial).collect()
        };
        // The first is right thrice, the second on the last two.
        let a = judge(&asked, &distances([0.5, 0.9, 0.5, 2.0]));
        let b = judge(&asked, &distances([3.0, 1.1, 0.5, 0.5]));
        let between = disagreements(&a, &b, 1);
        let expected = Between { questions: 4, differ: Some(3), shown: vec![0, 3] };
        assert_eq!(between, expected);
        assert_eq!(disagreements(&a, &b, 9).shown, [0, 1, 3]);
        assert!(disagreements(&a, &a, 9).shown.is_empty());
    }

    #[test]
    fn of_ratings_those_are_shown_whose_ranks_differ_most() {
        let pair = |distorted, score| RatedPair { reference: 0, distorted, score, std: None };
        let asked = questions(&vec![pair(1, 9.0), pair(2, 5.0), pair(3, 1.0)]);
        let ranks = |d: [f64; 3]| PairDistances::from([0, 1, 2].map(|i| ((0, i as u32 + 1), d[i])));
        let a = judge(&asked, &ranks([1.0, 2.0, 3.0]));
        let b = judge(&asked, &ranks([2.0, 3.0, 1.0]));
        let between = disagreements(&a, &b, 1);
        assert_eq!(between, Between { questions: 3, differ: None, shown: vec![2, 0] });
    }

    #[test]
    fn a_rated_pair_is_off_by_the_difference_of_its_ranks() {
        let pair = |distorted, score| RatedPair { reference: 0, distorted, score, std: None };
        let asked = questions(&vec![pair(1, 9.0), pair(2, 5.0), pair(3, 1.0)]);
        let of_pairs = PairDistances::from([((0, 1), 3.0), ((0, 2), 2.0), ((0, 3), 1.0)]);
        let margins: Vec<_> = judge(&asked, &of_pairs).iter().map(|j| j.margin).collect();
        assert_eq!(margins, [Some(1.0), Some(0.0), Some(1.0)]);
    }
}
