//! What people were asked.

use super::matrices::SimilarityMatrices;
use super::{ImageIndex, Measure, Score, Ties};
use crate::csv_row::choice_field;
use crate::measure::RatedMeasure;

/// What people were asked: the trials of a data set, all of one kind.
///
/// One more kind of trial is a file under `paradigm/` with the type of a trial and this trait for
/// the list of them, and a variant of [`Trials`](super::Trials), the list of all kinds. Scores,
/// intervals, ceilings and the tables of a run follow from it. A [`Format`](crate::dataset::Format)
/// then reads such trials from files.
///
/// A complete one, in which people said of two images whether they show the same thing:
///
/// ```
/// use alignscope::paradigm::{Answer, ImageIndex, Paradigm, Ratings, correlations};
/// use alignscope::score::{Measure, Score, Ties};
///
/// /// Two images, and whether people say that they show the same thing.
/// struct SameOrNot {
///     images: [ImageIndex; 2],
///     same: bool,
/// }
///
/// struct SameOrNotTrials(Vec<SameOrNot>);
///
/// impl SameOrNotTrials {
///     fn answers(&self) -> Vec<f64> {
///         self.0.iter().map(|trial| f64::from(u8::from(trial.same))).collect()
///     }
/// }
///
/// impl Paradigm for SameOrNotTrials {
///     fn count(&self) -> usize {
///         self.0.len()
///     }
///
///     fn comparisons(&self) -> usize {
///         1
///     }
///
///     fn images(&self, trial: usize) -> Vec<ImageIndex> {
///         self.0[trial].images.to_vec()
///     }
///
///     fn roles(&self) -> &'static [&'static str] {
///         &["first", "second"]
///     }
///
///     fn for_each_pair(&self, use_pair: &mut dyn FnMut(ImageIndex, ImageIndex)) {
///         self.0.iter().for_each(|trial| use_pair(trial.images[0], trial.images[1]));
///     }
///
///     fn renumber(&mut self, number: &dyn Fn(ImageIndex) -> ImageIndex) {
///         self.0.iter_mut().for_each(|trial| trial.images = trial.images.map(number));
///     }
///
///     fn question(&self, trial: usize) -> Vec<ImageIndex> {
///         let [a, b] = self.0[trial].images;
///         vec![a.min(b), a.max(b)]
///     }
///
///     fn cluster(&self, trial: usize) -> Vec<ImageIndex> {
///         self.question(trial)
///     }
///
///     fn answer(&self, trial: usize) -> Answer {
///         Answer { score: Some(self.answers()[trial]), ..Answer::default() }
///     }
///
///     fn main_measure(&self) -> Measure {
///         Measure::Spearman
///     }
///
///     fn chance(&self) -> f64 {
///         0.0
///     }
///
///     fn score(&self, distances: &[f64], _: Ties) -> Vec<Score> {
///         correlations(distances, &self.answers())
///     }
///
///     fn ratings(&self) -> Option<Ratings> {
///         let (scores, deviations) = (self.answers(), vec![None; self.count()]);
///         Some(Ratings { scores, deviations, measures: vec![Measure::Spearman] })
///     }
/// }
///
/// let trials = SameOrNotTrials(vec![
///     SameOrNot { images: [0, 1], same: true },
///     SameOrNot { images: [0, 2], same: false },
/// ]);
/// let scores = trials.score(&[0.1, 0.9], Ties::Miss);
/// assert_eq!(scores[0].measure, Measure::Spearman);
/// assert!((scores[0].value - 1.0).abs() < 1e-12);
/// assert_eq!(trials.answer(1).to_string(), "score 0");
/// ```
pub trait Paradigm {
    /// Number of trials.
    fn count(&self) -> usize;

    /// How many pairs of images a trial compares.
    fn comparisons(&self) -> usize;

    /// The images of a trial, in the order in which the tables of a run have them.
    fn images(&self, trial: usize) -> Vec<ImageIndex>;

    /// What each image of a trial is to those who are asked, in the order of [`images`](Self::images).
    fn roles(&self) -> &'static [&'static str];

    /// Calls `use_pair` with the pairs that trials compare, trial after trial:
    /// [`comparisons`](Self::comparisons) for each. A model gives a distance for each.
    fn for_each_pair(&self, use_pair: &mut dyn FnMut(ImageIndex, ImageIndex));

    /// Gives all images other numbers.
    fn renumber(&mut self, number: &dyn Fn(ImageIndex) -> ImageIndex);

    /// What tells the question of a trial: the same images for the same question, whatever the
    /// order in which they were shown.
    fn question(&self, trial: usize) -> Vec<ImageIndex>;

    /// What an interval resamples together by default: the same images for trials that are not
    /// independent of each other.
    fn cluster(&self, trial: usize) -> Vec<ImageIndex>;

    /// Whether one question usually stands in several trials, one for each person.
    fn asks_again(&self) -> bool {
        false
    }

    /// What people answered, as the tables of a run have it.
    fn answer(&self, trial: usize) -> Answer;

    /// Whether trials of one `group`, if the data set labels all of them, are not independent of each
    /// other and are resampled together by default, instead of those of one
    /// [`cluster`](Self::cluster).
    fn clusters_by_group(&self) -> bool {
        false
    }

    /// Whether people choose the two images that differ most, and not those that differ least.
    fn picks_farthest(&self) -> bool {
        false
    }

    /// What the people of a trial choose among, and how many chose it; empty if they rate. Each is one
    /// of the pairs that the trial compares. Bits, the share explained and correlations over questions
    /// follow from it.
    fn alternatives(&self, _trial: usize) -> Vec<Alternative> {
        vec![]
    }

    /// How often people chose each alternative, in words.
    fn choices_in_words(&self, alternatives: &[Alternative]) -> String {
        let votes = alternatives.iter().map(|a| format!("{} for {}", a.votes, a.name));
        votes.collect::<Vec<_>>().join(", ")
    }

    /// Trials and answers as columns, by what they are called.
    fn columns(&self) -> Vec<(&'static str, Column)> {
        let trials = 0..self.count();
        let role = |(place, role): (usize, &&'static str)| {
            let images = trials.clone().map(|trial| self.images(trial)[place]);
            (*role, Column::Images(images.collect()))
        };
        let answers: Vec<Answer> = trials.clone().map(|trial| self.answer(trial)).collect();
        let numbers = |of: fn(&Answer) -> Option<f64>| {
            Column::Numbers(answers.iter().map(|a| of(a).unwrap_or(f64::NAN)).collect())
        };
        let mut columns: Vec<_> = self.roles().iter().enumerate().map(role).collect();
        if self.ratings().is_some() {
            columns.push(("score", numbers(|a| a.score)));
            columns.push(("std", numbers(|a| a.score_std)));
        } else {
            columns.push(("left_votes", numbers(|a| a.left_votes)));
            columns.push(("right_votes", numbers(|a| a.right_votes)));
        }
        columns
    }

    /// The measure that figures show and that models are compared by.
    fn main_measure(&self) -> Measure;

    /// The main measure of answers by chance.
    fn chance(&self) -> f64;

    /// All measures of a model, the main one first.
    ///
    /// `distances` — one for each comparison, trial after trial; finite
    fn score(&self, distances: &[f64], ties: Ties) -> Vec<Score>;

    /// What each trial counts, for each measure that is a mean over trials, in the order of
    /// [`score`](Self::score): 1 for right, 0 for wrong, or a part; `None` where people do not
    /// decide. Empty if the measures are correlations with [`ratings`](Self::ratings).
    fn outcomes(&self, _distances: &[f64], _ties: Ties) -> Vec<Vec<Option<f64>>> {
        vec![]
    }

    /// The ratings, if people rated.
    fn ratings(&self) -> Option<Ratings> {
        None
    }

    /// Each person's matrix, if people gave matrices.
    fn matrices(&self) -> Option<&SimilarityMatrices> {
        None
    }

    /// The share of the answers to each trial's question that the most frequent answer has, if
    /// enough people answered it; `None` if no question has so many answers.
    ///
    /// `person` — who answered each trial
    fn majority_shares(&self, _person: &dyn Fn(usize) -> u32) -> Option<Vec<Option<f64>>> {
        None
    }

    /// The answer that most people give to each trial's question, if answers are choices among a
    /// few: at the first trial of each question, by the order that [`question`](Self::question) has
    /// or of the alternatives; `None` at others, and if no answer is the most frequent.
    fn people_choose(&self) -> Option<Vec<Option<usize>>> {
        None
    }

    /// Which of up to three answers, in the same numbers, a model gives to each trial: several if
    /// its distances tie.
    fn model_chooses(&self, _distances: &[f64]) -> Option<Vec<[bool; 3]>> {
        None
    }

    /// The most that models can reach of the measures that are means over trials.
    ///
    /// `person` — who answered each trial
    fn ceilings(&self, _person: &dyn Fn(usize) -> u32) -> Vec<TrialCeiling> {
        vec![]
    }
}

/// What people answered to a trial: the columns of `trials.parquet` that say so. Those that do not
/// apply are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Answer {
    /// Mean opinion score.
    pub score: Option<f64>,
    /// Its standard deviation.
    pub score_std: Option<f64>,
    /// Votes for the first alternative.
    pub left_votes: Option<f64>,
    /// Votes for the second.
    pub right_votes: Option<f64>,
    /// The odd one, 1 to 3.
    pub odd: Option<u8>,
    /// Votes that the two images are the same.
    pub same_votes: Option<f64>,
    /// Votes that they are not.
    pub different_votes: Option<f64>,
    /// How different people find the two images, the mean of their matrices.
    pub dissimilarity: Option<f64>,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self { score: Some(score), .. } => write!(f, "score {score}"),
            Self { left_votes: Some(left), right_votes: Some(right), .. } => {
                write!(f, "votes {left} and {right}")
            }
            Self { odd: Some(odd), .. } => write!(f, "odd {odd}"),
            Self { same_votes: Some(same), different_votes: Some(different), .. } => {
                write!(f, "votes {same} for the same and {different} for different")
            }
            Self { dissimilarity: Some(dissimilarity), .. } => {
                write!(f, "dissimilarity {dissimilarity}")
            }
            Self { .. } => write!(f, "no answer"),
        }
    }
}

/// What people can choose in a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// What it is called, as in `the model chooses left`.
    pub name: &'static str,
    /// The places of its images among the [`images`](Paradigm::images) of the trial.
    pub places: &'static [usize],
    /// The two images that are nearest to each other for a model that chooses it, or farthest
    /// ([`picks_farthest`](Paradigm::picks_farthest)).
    pub pair: [ImageIndex; 2],
    /// How many people chose it, or their share.
    pub votes: f64,
}

/// A value of each trial.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// An image.
    Images(Vec<ImageIndex>),
    /// Three images.
    Triplets(Vec<[ImageIndex; 3]>),
    /// A number; NaN where it is not known.
    Numbers(Vec<f64>),
    /// A position among the images of the trial, from 0.
    Positions(Vec<u8>),
}

/// What people rated.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratings {
    /// The score of each trial; higher means closer.
    pub scores: Vec<f64>,
    /// Its standard deviation, if it is known.
    pub deviations: Vec<Option<f64>>,
    /// What closeness to them is measured by, the main measure first; all of them are
    /// [of ratings](crate::measure::Computed::Rated).
    pub measures: Vec<Measure>,
}

impl Ratings {
    /// The measures with what they are.
    pub(crate) fn rated(&self) -> Vec<(Measure, &'static dyn RatedMeasure)> {
        let measures = self.measures.iter();
        measures.filter_map(|measure| Some((*measure, measure.rated()?))).collect()
    }
}

/// A ceiling as a number of each trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialCeiling {
    /// Which.
    pub ceiling: Ceiling,
    /// Of which measure.
    pub measure: Measure,
    /// The share of people who agree, of each trial; `None` where it is not known.
    pub shares: Vec<Option<f64>>,
}

/// What a model is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Ceiling {
    /// How often an answer is the most frequent one to its triplet: the most that any model can
    /// score.
    MajorityShare,
    /// How often one other person gives the same answer.
    OneOtherPerson,
    /// How often the majority of the other people gives the same answer.
    MajorityOfOthers,
    /// How often a person votes with the majority.
    VoteAgreement,
    /// The correlation with mean opinion scores that other people might have given.
    RepeatedMos,
    /// The measure of the mean matrix of the other people and a person's.
    NoiseCeilingLower,
    /// The measure of the mean matrix of all people and a person's.
    NoiseCeilingUpper,
}

impl Ceiling {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::MajorityShare,
        Self::OneOtherPerson,
        Self::MajorityOfOthers,
        Self::VoteAgreement,
        Self::RepeatedMos,
        Self::NoiseCeilingLower,
        Self::NoiseCeilingUpper,
    ];

    /// The name used in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::MajorityShare => "majority-share",
            Self::OneOtherPerson => "one-other-person",
            Self::MajorityOfOthers => "majority-of-others",
            Self::VoteAgreement => "vote-agreement",
            Self::RepeatedMos => "repeated-mos",
            Self::NoiseCeilingLower => "noise-ceiling-lower",
            Self::NoiseCeilingUpper => "noise-ceiling-upper",
        }
    }

    /// Whether figures and the column `ceiling` of `scores.csv` have it.
    pub fn is_drawn(self) -> bool {
        matches!(
            self,
            Self::MajorityShare | Self::VoteAgreement | Self::RepeatedMos | Self::NoiseCeilingLower
        )
    }
}

choice!(Ceiling, "ceiling");
choice_field!(Ceiling);
