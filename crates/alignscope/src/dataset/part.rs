//! A data set with some of its trials, or with its images in another order.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::{Dataset, DatasetError, ImageIndex, LabelColumn, NumberColumn};

impl Dataset {
    /// The data set with the trials at some positions alone. Images that none of them shows are not
    /// in it; trials, images and the values of labels keep their order.
    pub fn part(&self, positions: &[u32]) -> Self {
        let paradigm = self.trials.paradigm();
        let shown: BTreeSet<ImageIndex> =
            positions.iter().flat_map(|trial| paradigm.images(*trial as usize)).collect();
        let part = Self {
            trials: self.trials.part(positions),
            trial_ids: positions.iter().map(|trial| self.trial_ids[*trial as usize]).collect(),
            labels: self.labels.iter().map(|label| label.part(positions)).collect(),
            numbers: self.numbers.iter().map(|numbers| numbers.part(positions)).collect(),
            ..self.clone()
        };
        part.with_images(&shown.into_iter().collect::<Vec<_>>())
    }

    /// The data set without the trials that show any of these images; images that no trial is left
    /// for are not in it. Trials and images keep their order.
    pub fn without(&self, images: &BTreeSet<ImageIndex>) -> Self {
        let paradigm = self.trials.paradigm();
        let is_left = |trial: &u32| {
            !paradigm.images(*trial as usize).iter().any(|image| images.contains(image))
        };
        let trials = u32::try_from(self.trials.len()).expect("fewer than 2^32 trials");
        self.part(&(0..trials).filter(is_left).collect::<Vec<u32>>())
    }

    /// The data set with its images in the order of `names`, some of which it may not have.
    ///
    /// # Errors
    /// [`DatasetError::Unlisted`]: the list in `path`, from which the names come, lacks an image.
    pub(super) fn in_order_of(&self, names: &[&str], path: &Path) -> Result<Self, DatasetError> {
        let images = (0..).zip(&self.images);
        let index: HashMap<&str, ImageIndex> =
            images.clone().map(|(i, image)| (image.id.as_str(), i)).collect();
        let listed: HashMap<ImageIndex, usize> = names
            .iter()
            .enumerate()
            .filter_map(|(place, name)| Some((*index.get(name)?, place)))
            .collect();
        if let Some((_, image)) = images.clone().find(|(i, _)| !listed.contains_key(i)) {
            let (path, image) = (path.to_owned(), image.id.clone());
            return Err(DatasetError::Unlisted { path, image });
        }
        let mut order: Vec<ImageIndex> = images.map(|(i, _)| i).collect();
        order.sort_by_key(|i| listed[i]);
        Ok(self.clone().with_images(&order))
    }

    /// The data set with these of its images, in this order; trials show no others.
    fn with_images(mut self, images: &[ImageIndex]) -> Self {
        let places: HashMap<ImageIndex, ImageIndex> = images.iter().copied().zip(0..).collect();
        self.trials.renumber(&|image| places[&image]);
        self.images = images.iter().map(|image| self.images[*image as usize].clone()).collect();
        self
    }
}

impl NumberColumn {
    /// The numbers of the trials at some positions.
    fn part(&self, positions: &[u32]) -> Self {
        let values = positions.iter().map(|trial| self.values[*trial as usize]).collect();
        Self { name: self.name.clone(), values }
    }
}

impl LabelColumn {
    /// The label of the trials at some positions, with the values that these have.
    fn part(&self, positions: &[u32]) -> Self {
        let codes = || positions.iter().map(|trial| self.codes[*trial as usize]);
        let used: BTreeSet<u32> = codes().collect();
        let places: HashMap<u32, u32> = used.iter().copied().zip(0..).collect();
        Self {
            name: self.name.clone(),
            values: used.iter().map(|code| self.values[*code as usize].clone()).collect(),
            codes: codes().map(|code| places[&code]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{ImageEntry, Level, OddOneOut, Trials};

    fn triplet(images: [ImageIndex; 3], odd: u8) -> OddOneOut {
        OddOneOut { images, odd }
    }

    fn dataset() -> Dataset {
        let entry = |id: &str| ImageEntry { id: id.into(), path: id.into() };
        let images = ["a", "b", "c", "d", "e"].map(entry).to_vec();
        let trials = vec![triplet([0, 1, 2], 0), triplet([1, 3, 2], 2), triplet([4, 2, 3], 1)];
        Dataset {
            trial_ids: vec![7, 8, 9],
            labels: vec![LabelColumn {
                name: "subject".into(),
                values: vec!["x".into(), "y".into(), "z".into()],
                codes: vec![0, 1, 2],
            }],
            numbers: vec![NumberColumn { name: "a".into(), values: vec![0.1, 0.2, 0.3] }],
            ..Dataset::new("oddoneout", Level::High, images, Trials::OddOneOut(trials))
        }
    }

    fn ids(dataset: &Dataset) -> Vec<&str> {
        dataset.images.iter().map(|image| image.id.as_str()).collect()
    }

    #[test]
    fn trials_of_other_images_keep_their_images_labels_and_numbers() {
        let left = dataset().without(&BTreeSet::from([0]));
        assert_eq!(ids(&left), ["b", "c", "d", "e"]);
        let expected = vec![triplet([0, 2, 1], 2), triplet([3, 1, 2], 1)];
        assert_eq!(left.trials, Trials::OddOneOut(expected));
        assert_eq!(
            (&left.trial_ids[..], &left.numbers[0].values[..]),
            (&[8, 9][..], &[0.2, 0.3][..])
        );
        let label = &left.labels[0];
        assert_eq!(
            (label.values.clone(), label.codes.clone()),
            (vec!["y".to_owned(), "z".to_owned()], vec![0, 1])
        );
        assert!(dataset().without(&BTreeSet::from([2])).trials.is_empty());
    }

    #[test]
    fn all_trials_in_order_are_the_data_set_itself() {
        let (whole, part) = (dataset(), dataset().part(&[0, 1, 2]));
        assert_eq!((ids(&part), &part.trials), (ids(&whole), &whole.trials));
        assert_eq!((part.trial_ids, part.labels), (whole.trial_ids, whole.labels));
    }

    #[test]
    fn images_stand_in_the_order_of_a_list_that_has_them_all() {
        let found = dataset().in_order_of(&["e", "x", "d", "c", "b", "a"], Path::new("list"));
        let found = found.expect("all are listed");
        assert_eq!(ids(&found), ["e", "d", "c", "b", "a"]);
        let Trials::OddOneOut(trials) = &found.trials else { panic!("triplets") };
        assert_eq!(trials[0], triplet([4, 3, 2], 0));
        let error = dataset().in_order_of(&["a", "b", "d", "e"], Path::new("list"));
        let message = error.expect_err("c is not listed").to_string();
        assert!(message.contains("`c`") && message.contains("list"), "{message}");
    }
}
