//! The questions that trials ask, and how people's answers to each divide.

use std::collections::HashMap;

use super::ImageIndex;
use super::kind::Paradigm;
use crate::measure::MIN_VOTES;

/// The questions of trials in which people choose. A question that several trials ask, perhaps with
/// its images in other orders, has the votes of all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Questions {
    /// Alternatives of each.
    pub alternatives: usize,
    /// Whether people [pick what differs most](Paradigm::picks_farthest).
    pub farthest: bool,
    /// The question of each trial, numbered by first use.
    pub of_trials: Vec<u32>,
    /// The distance of each alternative, by its position among those of all comparisons of the
    /// trials: `[trials, alternatives]`, in an order that all trials of a question share: that in
    /// which the trials first show the images, whatever their numbers, so that a run that is read
    /// back has the same.
    pub distances: Vec<u32>,
    /// Votes in each trial: `[trials, alternatives]`.
    pub trial_votes: Vec<f64>,
    /// Votes of all its trials: `[questions, alternatives]`.
    pub votes: Vec<f64>,
    /// Whether votes are counts: whole numbers. Else they are shares of unknown numbers of people.
    pub are_counts: bool,
}

impl Questions {
    /// The questions; `None` if people do not choose among alternatives.
    ///
    /// # Panics
    /// The images of an alternative are not compared in its trial.
    pub fn of(paradigm: &dyn Paradigm) -> Option<Self> {
        let alternatives = (paradigm.count() > 0).then(|| paradigm.alternatives(0).len())?;
        if alternatives == 0 {
            return None;
        }
        let mut compared = Vec::with_capacity(paradigm.count() * paradigm.comparisons());
        paradigm.for_each_pair(&mut |a, b| compared.push(sorted([a, b])));
        let places = places(paradigm);
        let by_place = |[a, b]: [ImageIndex; 2]| sorted([places[a as usize], places[b as usize]]);
        let mut known = HashMap::new();
        let mut of = Self {
            alternatives,
            farthest: paradigm.picks_farthest(),
            of_trials: Vec::with_capacity(paradigm.count()),
            distances: Vec::with_capacity(compared.len()),
            trial_votes: Vec::with_capacity(compared.len()),
            votes: vec![],
            are_counts: true,
        };
        for trial in 0..paradigm.count() {
            let next = known.len();
            let question = *known.entry(key(paradigm.question(trial))).or_insert(next);
            of.votes.resize(known.len() * alternatives, 0.0);
            of.of_trials.push(question as u32);
            let first = trial * paradigm.comparisons();
            let compared = &compared[first..][..paradigm.comparisons()];
            let mut chosen: Vec<([ImageIndex; 2], f64)> = paradigm
                .alternatives(trial)
                .iter()
                .map(|alternative| (sorted(alternative.pair), alternative.votes))
                .collect();
            chosen.sort_by_key(|(pair, _)| by_place(*pair));
            for (k, (pair, votes)) in chosen.into_iter().enumerate() {
                let place = compared.iter().position(|other| *other == pair);
                of.distances.push((first + place.expect("a pair that is compared")) as u32);
                of.trial_votes.push(votes);
                of.votes[question * alternatives + k] += votes;
                of.are_counts &= votes.fract() == 0.0;
            }
        }
        Some(of)
    }

    /// Number of questions.
    pub fn count(&self) -> usize {
        self.votes.len() / self.alternatives
    }

    /// The share of each trial's votes that each alternative has: `[trials, alternatives]`.
    pub fn shares(&self) -> Vec<f64> {
        let of_trial = |votes: &[f64]| {
            let total: f64 = votes.iter().sum();
            votes.iter().map(|votes| votes / total).collect::<Vec<f64>>()
        };
        self.trial_votes.chunks_exact(self.alternatives).flat_map(of_trial).collect()
    }

    /// The share of the votes on each question that the most frequent answer has; `None` if fewer
    /// than [`MIN_VOTES`] are counted.
    pub fn agreement(&self) -> Vec<Option<f64>> {
        let of_question = |votes: &[f64]| {
            let total: f64 = votes.iter().sum();
            let most = votes.iter().copied().fold(0.0, f64::max);
            (total >= MIN_VOTES || !self.are_counts).then_some(most / total)
        };
        self.votes.chunks_exact(self.alternatives).map(of_question).collect()
    }

    /// The first trial of each question.
    pub fn first_trials(&self) -> Vec<u32> {
        let mut first = Vec::with_capacity(self.count());
        for (trial, question) in self.of_trials.iter().enumerate() {
            if *question as usize == first.len() {
                first.push(trial as u32);
            }
        }
        first
    }
}

fn sorted([a, b]: [ImageIndex; 2]) -> [ImageIndex; 2] {
    [a.min(b), a.max(b)]
}

/// The images of a question or a cluster in a fixed place, so that millions of them fit into memory.
///
/// # Panics
/// There are more than four.
pub(crate) fn key(images: Vec<ImageIndex>) -> [ImageIndex; 4] {
    assert!(images.len() <= 4, "at most four images");
    std::array::from_fn(|i| images.get(i).copied().unwrap_or(ImageIndex::MAX))
}

/// The place of each image among those that trials show, by first use.
fn places(paradigm: &dyn Paradigm) -> Vec<u32> {
    let (mut places, mut next) = (Vec::new(), 0);
    for image in (0..paradigm.count()).flat_map(|trial| paradigm.images(trial)) {
        let image = image as usize;
        places.resize(places.len().max(image + 1), u32::MAX);
        if places[image] == u32::MAX {
            places[image] = next;
            next += 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paradigm::{OddOneOut, Quadruplet};

    #[test]
    fn other_numbers_of_the_same_images_change_nothing() {
        let odd = |images, odd| OddOneOut { images, odd };
        let triplets = vec![odd([4, 0, 2], 1), odd([2, 4, 0], 2), odd([1, 3, 4], 0)];
        let pairs =
            Quadruplet { first: [3, 1], second: [0, 2], first_votes: 4.0, second_votes: 1.0 };
        let check = |trials: &dyn Paradigm, renumbered: &mut dyn Paradigm| {
            let numbers: [fn(ImageIndex) -> ImageIndex; 2] = [|image| 9 - image, |i| (i + 2) % 5];
            for number in numbers {
                renumbered.renumber(&number);
                assert_eq!(Questions::of(renumbered), Questions::of(trials));
            }
        };
        check(&triplets, &mut triplets.clone());
        check(&vec![pairs.clone()], &mut vec![pairs]);
    }
}
