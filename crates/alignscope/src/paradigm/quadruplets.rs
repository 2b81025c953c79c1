//! Quadruplets: two pairs of images, of which people say which differs more.

use super::accuracy::accuracy;
use super::kind::{Alternative, Answer, Column, Paradigm, TrialCeiling};
use super::votes::{self, CHANCE, Votes};
use super::{ImageIndex, Measure, Score, Ties};

/// Two pairs of images: in which do the two images differ more? The pairs may share an image.
///
/// # Source
/// The question of maximum likelihood difference scaling: Maloney and Yang, *Maximum likelihood
/// difference scaling*, Journal of Vision 3 (2003).
#[derive(Debug, Clone, PartialEq)]
pub struct Quadruplet {
    /// The first pair.
    pub first: [ImageIndex; 2],
    /// The second pair.
    pub second: [ImageIndex; 2],
    /// People (or their share) who say that the first pair differs more; ≥ 0.
    pub first_votes: f64,
    /// People (or their share) who say that the second does; ≥ 0, and not both 0.
    pub second_votes: f64,
}

impl Quadruplet {
    fn votes(&self) -> Votes {
        [self.first_votes, self.second_votes]
    }

    /// Each pair in the order of its images' numbers, and the pairs in theirs.
    fn sorted_pairs(&self) -> [[ImageIndex; 2]; 2] {
        let mut pairs = [self.first, self.second];
        pairs.iter_mut().for_each(|pair| pair.sort_unstable());
        pairs.sort_unstable();
        pairs
    }
}

/// The closeness of each pair of a trial: a model, too, chooses the pair with less of it.
fn closeness(distances: &[f64]) -> impl Iterator<Item = [f64; 2]> {
    distances.as_chunks::<2>().0.iter().map(|pair| pair.map(|distance| -distance))
}

impl Paradigm for Vec<Quadruplet> {
    fn count(&self) -> usize {
        self.len()
    }

    fn comparisons(&self) -> usize {
        2
    }

    fn images(&self, trial: usize) -> Vec<ImageIndex> {
        [self[trial].first, self[trial].second].concat()
    }

    fn roles(&self) -> &'static [&'static str] {
        &["a_1", "a_2", "b_1", "b_2"]
    }

    fn for_each_pair(&self, use_pair: &mut dyn FnMut(ImageIndex, ImageIndex)) {
        for [a, b] in self.iter().flat_map(|trial| [trial.first, trial.second]) {
            use_pair(a, b);
        }
    }

    fn renumber(&mut self, number: &dyn Fn(ImageIndex) -> ImageIndex) {
        for trial in self {
            trial.first.iter_mut().chain(&mut trial.second).for_each(|i| *i = number(*i));
        }
    }

    fn question(&self, trial: usize) -> Vec<ImageIndex> {
        self[trial].sorted_pairs().concat()
    }

    /// The question; but see [`clusters_by_group`](Paradigm::clusters_by_group).
    fn cluster(&self, trial: usize) -> Vec<ImageIndex> {
        self.question(trial)
    }

    fn asks_again(&self) -> bool {
        true
    }

    /// All quadruplets of one scale, and of one scene, share their images.
    fn clusters_by_group(&self) -> bool {
        true
    }

    fn picks_farthest(&self) -> bool {
        true
    }

    fn answer(&self, trial: usize) -> Answer {
        let [left_votes, right_votes] = self[trial].votes().map(Some);
        Answer { left_votes, right_votes, ..Answer::default() }
    }

    fn alternatives(&self, trial: usize) -> Vec<Alternative> {
        let Quadruplet { first, second, first_votes, second_votes } = self[trial];
        vec![
            Alternative { name: "the first", places: &[0, 1], pair: first, votes: first_votes },
            Alternative { name: "the second", places: &[2, 3], pair: second, votes: second_votes },
        ]
    }

    fn choices_in_words(&self, alternatives: &[Alternative]) -> String {
        let votes = alternatives.iter().map(|a| format!("{} pair by {}", a.name, a.votes));
        format!("said to differ more: {}", votes.collect::<Vec<_>>().join(", "))
    }

    fn columns(&self) -> Vec<(&'static str, Column)> {
        let images = |(place, role): (usize, &&'static str)| {
            let of_trials = (0..self.len()).map(|trial| self.images(trial)[place]);
            (*role, Column::Images(of_trials.collect()))
        };
        let votes = |of: fn(&Quadruplet) -> f64| Column::Numbers(self.iter().map(of).collect());
        let mut columns: Vec<_> = self.roles().iter().enumerate().map(images).collect();
        columns.push(("a_votes", votes(|trial| trial.first_votes)));
        columns.push(("b_votes", votes(|trial| trial.second_votes)));
        columns
    }

    fn main_measure(&self) -> Measure {
        Measure::Accuracy
    }

    fn chance(&self) -> f64 {
        CHANCE
    }

    fn score(&self, distances: &[f64], ties: Ties) -> Vec<Score> {
        let outcomes = self.outcomes(distances, ties);
        let tied: Vec<bool> = closeness(distances).map(|c| c[0] == c[1]).collect();
        votes::scores(accuracy(&outcomes[0], CHANCE), &outcomes, &tied)
    }

    fn outcomes(&self, distances: &[f64], ties: Ties) -> Vec<Vec<Option<f64>>> {
        let trials = || self.iter().map(Quadruplet::votes).zip(closeness(distances));
        vec![
            trials().map(|(people, model)| votes::outcome(people, model, ties)).collect(),
            trials().map(|(people, model)| Some(votes::share(people, model, ties))).collect(),
        ]
    }

    /// 0 for the pair whose images come first by number, 1 for the other.
    fn people_choose(&self) -> Option<Vec<Option<usize>>> {
        let mut counts = std::collections::HashMap::<_, Votes>::new();
        for trial in self {
            let sorted = counts.entry(trial.sorted_pairs()).or_default();
            let turned = usize::from(is_turned(trial));
            sorted[turned] += trial.first_votes;
            sorted[1 - turned] += trial.second_votes;
        }
        // Taken out, so that each question is asked once.
        let people =
            |trial: &Quadruplet| counts.remove(&trial.sorted_pairs()).and_then(votes::majority);
        Some(self.iter().map(people).collect())
    }

    fn model_chooses(&self, distances: &[f64]) -> Option<Vec<[bool; 3]>> {
        let choice = |(trial, [first, second]): (&Quadruplet, [f64; 2])| {
            let chosen = [first <= second, second <= first];
            let turned = usize::from(is_turned(trial));
            [chosen[turned], chosen[1 - turned], false]
        };
        Some(self.iter().zip(closeness(distances)).map(choice).collect())
    }

    fn ceilings(&self, _: &dyn Fn(usize) -> u32) -> Vec<TrialCeiling> {
        votes::ceilings(&self.iter().map(Quadruplet::votes).collect::<Vec<_>>())
    }
}

/// Whether the first pair comes second in the order of the images' numbers.
fn is_turned(trial: &Quadruplet) -> bool {
    let mut first = trial.first;
    first.sort_unstable();
    trial.sorted_pairs()[0] != first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quadruplet(first: [u32; 2], second: [u32; 2], votes: [f64; 2]) -> Quadruplet {
        Quadruplet { first, second, first_votes: votes[0], second_votes: votes[1] }
    }

    #[test]
    fn the_pair_that_is_farther_apart_is_chosen() {
        let trials = vec![quadruplet([0, 1], [2, 3], [3.0, 1.0])];
        let score = |d: [f64; 2], ties| {
            trials.score(&d, ties).iter().map(|score| score.value).collect::<Vec<_>>()
        };
        assert_eq!(score([2.0, 1.0], Ties::Miss), [1.0, 0.75]);
        assert_eq!(score([1.0, 2.0], Ties::Miss), [0.0, 0.25]);
        assert_eq!(score([1.0, 1.0], Ties::Miss), [0.0, 0.0]);
        assert_eq!(score([1.0, 1.0], Ties::Half), [0.5, 0.5]);
    }

    #[test]
    fn one_question_in_another_order_is_the_same_question() {
        let trials =
            vec![quadruplet([0, 1], [2, 3], [1.0, 0.0]), quadruplet([3, 2], [1, 0], [0.0, 1.0])];
        assert_eq!(trials.question(0), trials.question(1));
        // Both say that the pair of images 0 and 1 differs more.
        assert_eq!(trials.people_choose(), Some(vec![Some(0), None]));
        let model = trials.model_chooses(&[5.0, 1.0, 1.0, 5.0]).expect("choices");
        assert_eq!(model, [[true, false, false]; 2]);
    }
}
