//! Hashes of what a data set asks and of what people answered.

use sha2::{Digest, Sha256};

use super::{Dataset, LabelColumn, NumberColumn, Pairs, Trials};
use crate::input_file::ContentHash;
use crate::paradigm::Answer;

impl Pairs {
    /// Hash over the pairs, by position of their images.
    pub(crate) fn hash(&self) -> ContentHash {
        let mut hash = Sha256::new();
        self.images.iter().flatten().for_each(|image| hash.update(image.to_le_bytes()));
        ContentHash::finish(hash)
    }

    /// The same, and how often trials use each pair.
    pub(crate) fn hash_with_uses(&self) -> ContentHash {
        let mut hash = Sha256::new();
        hash.update(self.hash().to_string());
        self.uses.iter().for_each(|uses| hash.update(uses.to_le_bytes()));
        ContentHash::finish(hash)
    }
}

impl Dataset {
    /// Hash over the trials, people's answers, the labels that make clusters and subsets, and numbers
    /// of trials: over their numbers, each list after its length.
    pub fn trials_hash(&self) -> ContentHash {
        let Dataset { trials, trial_ids, labels, numbers, .. } = self;
        let mut hash = Numbers(Sha256::new());
        hash.trials(trials);
        hash.list(trial_ids.iter().copied());
        hash.count(labels.len());
        for LabelColumn { name, values, codes } in labels {
            hash.text(name);
            hash.count(values.len());
            values.iter().for_each(|value| hash.text(value));
            hash.list(codes.iter().copied().map(u64::from));
        }
        hash.count(numbers.len());
        for NumberColumn { name, values } in numbers {
            hash.text(name);
            hash.list(values.iter().map(|value| value.to_bits()));
        }
        ContentHash::finish(hash.0)
    }
}

/// A hash of numbers and texts, in 8 bytes a number, the lowest first.
struct Numbers(Sha256);

impl Numbers {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text);
    }

    fn list(&mut self, numbers: impl ExactSizeIterator<Item = u64>) {
        self.count(numbers.len());
        numbers.for_each(|number| self.number(number));
    }

    fn trials(&mut self, trials: &Trials) {
        self.count(trials.comparisons());
        self.count(trials.len());
        let paradigm = trials.paradigm();
        for trial in 0..trials.len() {
            self.list(paradigm.images(trial).into_iter().map(u64::from));
            let answer = paradigm.answer(trial);
            let Answer { score, score_std, left_votes, right_votes, .. } = answer;
            let Answer { odd, same_votes, different_votes, dissimilarity, .. } = answer;
            let numbers = [score, score_std, left_votes, right_votes, odd.map(f64::from)];
            self.list(numbers.map(bits).into_iter());
            self.list([same_votes, different_votes, dissimilarity].map(bits).into_iter());
        }
        if let Some(matrices) = paradigm.matrices() {
            self.count(matrices.people.len());
            for (person, of_person) in matrices.people.iter().zip(&matrices.dissimilarities) {
                self.text(person);
                self.list(of_person.iter().map(|dissimilarity| dissimilarity.to_bits()));
            }
        }
    }
}

/// The bits of a number; of none those of no number that is read.
fn bits(number: Option<f64>) -> u64 {
    number.map_or(u64::MAX, f64::to_bits)
}
