//! Cutting questions into folds so that no image of a test question is trained on.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::LEAST_QUESTIONS;
use super::choices::Choice;
use super::error::TransformError;

/// More folds than this take long; a larger share of the images is held out then.
const MOST_FOLDS: usize = 24;
/// Shares of the images that are held out of a fold, from the one that leaves the most to train on.
const SHARES: [f64; 6] = [0.1, 0.15, 0.2, 0.3, 0.4, 0.5];

/// One fold: some images are held out, and all questions about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// Positions of the questions that are scored: all their images are held out.
    pub test: Vec<usize>,
    /// Positions of the questions that are trained on: none of their images is held out. A question
    /// about images of both kinds is in neither, and is scored in another fold.
    pub train: Vec<usize>,
}

/// Folds in which each question is scored once.
#[derive(Debug, Clone, PartialEq)]
pub struct Folds {
    /// The folds.
    pub folds: Vec<Fold>,
    /// The share of the images that a fold holds out, at most.
    pub share: f64,
}

impl Folds {
    /// Cuts questions into folds. Images that are asked about together are held out together, as
    /// far as can be, so that few questions are lost between the two parts.
    ///
    /// `share` — of the images, that each fold holds out at most; by default the least of 0.1 to 0.5
    /// with which there are at most 24 folds
    ///
    /// # Errors
    /// A fold is left with too few questions to train on.
    pub fn new(choices: &[Choice], share: Option<f64>, seed: u64) -> Result<Self, TransformError> {
        let all = |share: f64| {
            let folds = cut(choices, share, seed, usize::MAX).expect("as many as there are");
            Self { folds, share }
        };
        let few = |share: f64| Some(Self { folds: cut(choices, share, seed, MOST_FOLDS)?, share });
        let found = match share {
            Some(share) => all(share),
            None => {
                let few = SHARES.into_iter().find_map(few);
                few.unwrap_or_else(|| all(SHARES[SHARES.len() - 1]))
            }
        };
        match found.least() {
            least if least >= LEAST_QUESTIONS => Ok(found),
            least => Err(TransformError::FewQuestions {
                found: least,
                of: choices.len(),
                folds: found.folds.len(),
                share: found.share,
            }),
        }
    }

    /// Questions that the fold with the fewest trains on.
    pub fn least(&self) -> usize {
        self.folds.iter().map(|fold| fold.train.len()).min().unwrap_or(0)
    }
}

/// Holds out some images of questions, and the questions that are about them alone.
///
/// `asked` — positions of the questions that there are
pub(super) fn hold_out(choices: &[Choice], asked: &[usize], share: f64, seed: u64) -> Fold {
    let mut order = asked.to_vec();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let images = Images::new(choices, &order).choose(share);
    fold_of(choices, asked, asked, &images)
}

/// The folds; `None` if there are more than `most`.
fn cut(choices: &[Choice], share: f64, seed: u64, most: usize) -> Option<Vec<Fold>> {
    let all: Vec<usize> = (0..choices.len()).collect();
    let mut left = all.clone();
    left.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let count = number_of_images(choices, &all);
    let mut folds = Vec::new();
    let mut is_scored = vec![false; choices.len()];
    while !left.is_empty() {
        if folds.len() == most {
            return None;
        }
        let share = share * count as f64 / number_of_images(choices, &left) as f64;
        let images = Images::new(choices, &left).choose(share);
        let fold = fold_of(choices, &left, &all, &images);
        fold.test.iter().for_each(|question| is_scored[*question] = true);
        left.retain(|question| !is_scored[*question]);
        folds.push(fold);
    }
    Some(folds)
}

/// `scored` — the questions that may be tested
/// `held` — whether each image is held out
fn fold_of(choices: &[Choice], scored: &[usize], all: &[usize], held: &[bool]) -> Fold {
    let is_held = |image: &u32| held[*image as usize];
    let inside = |question: &&usize| choices[**question].images.iter().all(is_held);
    let outside = |question: &&usize| !choices[**question].images.iter().any(is_held);
    let mut test: Vec<usize> = scored.iter().filter(inside).copied().collect();
    test.sort_unstable();
    Fold { test, train: all.iter().filter(outside).copied().collect() }
}

fn number_of_images(choices: &[Choice], asked: &[usize]) -> usize {
    let mut images: Vec<u32> =
        asked.iter().flat_map(|question| &choices[*question].images).copied().collect();
    images.sort_unstable();
    images.dedup();
    images.len()
}

/// A set of images that grows by those that complete the most questions.
struct Images<'a> {
    choices: &'a [Choice],
    /// The questions, in the order in which they are looked at.
    order: &'a [usize],
    /// Positions in `order` of the questions about each image.
    asked_in: Vec<Vec<usize>>,
    /// Images of each question that are not in the set yet.
    missing: Vec<usize>,
    /// Questions that each image would complete.
    completes: Vec<usize>,
    held: Vec<bool>,
}

impl<'a> Images<'a> {
    fn new(choices: &'a [Choice], order: &'a [usize]) -> Self {
        let last = choices.iter().flat_map(|choice| &choice.images).max().map_or(0, |last| *last);
        let count = last as usize + 1;
        let mut asked_in = vec![vec![]; count];
        for (place, question) in order.iter().enumerate() {
            for image in &choices[*question].images {
                asked_in[*image as usize].push(place);
            }
        }
        let missing = order.iter().map(|question| choices[*question].images.len()).collect();
        let (completes, held) = (vec![0; count], vec![false; count]);
        Self { choices, order, asked_in, missing, completes, held }
    }

    /// Which images are held out: a share of those that are asked about, at least those of one
    /// question.
    fn choose(mut self, share: f64) -> Vec<bool> {
        let count = self.asked_in.iter().filter(|asked| !asked.is_empty()).count();
        let room = (share * count as f64).round() as usize;
        let mut held = 0;
        loop {
            let next = self.next();
            if next.is_empty() || (held > 0 && held + next.len() > room) {
                return self.held;
            }
            held += next.len();
            next.into_iter().for_each(|image| self.add(image));
        }
    }

    /// The images that come next: the one that completes the most questions; if none completes one,
    /// those that the question lacks which lacks the fewest. None if all are held.
    fn next(&self) -> Vec<usize> {
        let best = (0..self.held.len()).rev().max_by_key(|image| self.completes[*image]);
        if let Some(best) = best.filter(|best| self.completes[*best] > 0) {
            return vec![best];
        }
        let open = self.missing.iter().enumerate().filter(|(_, missing)| **missing > 0);
        let Some((place, _)) = open.min_by_key(|(_, missing)| **missing) else { return vec![] };
        self.lacks(place)
    }

    /// The images that a question lacks.
    fn lacks(&self, place: usize) -> Vec<usize> {
        let images = self.choices[self.order[place]].images.iter().map(|image| *image as usize);
        images.filter(|image| !self.held[*image]).collect()
    }

    fn add(&mut self, image: usize) {
        self.held[image] = true;
        self.completes[image] = 0;
        for place in self.asked_in[image].clone() {
            self.missing[place] -= 1;
            if self.missing[place] == 1 {
                let last = self.lacks(place)[0];
                self.completes[last] += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paradigm::OddOneOut;
    use crate::transform::choices_of;

    fn triplets(count: u32, images: u32) -> Vec<Choice> {
        // Three numbers that differ, spread over all images.
        let of = |i: u32, step: u32| (i * 7 + step * (1 + i % 5)) % images;
        let trial = |i: u32| OddOneOut { images: [of(i, 0), of(i, 1), of(i, 2)], odd: 0 };
        choices_of(&(0..count).map(trial).collect::<Vec<_>>())
    }

    #[test]
    fn each_question_is_scored_once_and_no_image_of_it_is_trained_on() {
        for (count, images) in [(300, 400), (300, 60)] {
            let choices = triplets(count, images);
            let found = Folds::new(&choices, None, 3).expect("enough");
            let mut scored: Vec<usize> =
                found.folds.iter().flat_map(|fold| fold.test.clone()).collect();
            scored.sort_unstable();
            assert_eq!(scored, (0..choices.len()).collect::<Vec<_>>());
            for Fold { test, train } in &found.folds {
                let of_test = |image: &u32| test.iter().any(|q| choices[*q].images.contains(image));
                let leaks = train.iter().any(|q| choices[*q].images.iter().any(of_test));
                assert!(!leaks && train.len() >= LEAST_QUESTIONS);
            }
            assert_eq!(found, Folds::new(&choices, None, 3).expect("the same"));
        }
    }

    #[test]
    fn components_are_not_cut() {
        // Forty groups of four images, three questions each.
        let trial = |i: u32| {
            let first = 4 * (i / 3);
            OddOneOut { images: [first, first + 1 + i % 3, first + 1 + (i + 1) % 3], odd: 1 }
        };
        let choices = choices_of(&(0..120).map(trial).collect::<Vec<_>>());
        let found = Folds::new(&choices, Some(0.1), 0).expect("enough");
        for Fold { test, train } in &found.folds {
            assert_eq!(test.len() + train.len(), 120, "no question is lost");
        }
    }

    #[test]
    fn too_few_questions_are_an_error_that_says_how_many() {
        let error = Folds::new(&triplets(33, 12), None, 0).expect_err("too few");
        assert!(
            matches!(error, TransformError::FewQuestions { found: ..30, of: 31, .. }),
            "{error}"
        );
    }
}
