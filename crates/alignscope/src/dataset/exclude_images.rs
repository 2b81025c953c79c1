//! A data set without some of its images.

use std::collections::BTreeSet;

use super::{Dataset, ImageIndex};

impl Dataset {
    /// The data set without the trials that show any of these images; images that no trial is left for are not in it.
    /// Trials and images keep their order.
    pub fn without(&self, images: &BTreeSet<ImageIndex>) -> Self {
        let paradigm = self.trials.paradigm();
        let shown = |trial: usize| paradigm.images(trial);
        let index = |i: usize| u32::try_from(i).expect("fewer than 2^32 images and trials");
        let left: Vec<u32> = (0..self.trials.len())
            .filter(|trial| !shown(*trial).iter().any(|image| images.contains(image)))
            .map(index)
            .collect();

        let mut numbers = vec![None; self.images.len()];
        let mut kept = Vec::new();
        for image in left.iter().flat_map(|trial| shown(*trial as usize)) {
            let number = &mut numbers[image as usize];
            if number.is_none() {
                *number = Some(index(kept.len()));
                kept.push(self.images[image as usize].clone());
            }
        }
        let mut trials = self.trials.part(&left);
        trials
            .renumber(&|image| numbers[image as usize].expect("an image of a trial that is left"));
        let mut labels = self.labels.clone();
        for label in &mut labels {
            label.codes = left.iter().map(|trial| label.codes[*trial as usize]).collect();
        }
        Self {
            images: kept,
            trials,
            trial_ids: left.iter().map(|trial| self.trial_ids[*trial as usize]).collect(),
            labels,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{ImageEntry, LabelColumn, Level, OddOneOut, Trials};

    #[test]
    fn trials_of_other_images_keep_their_images_labels_and_numbers() {
        let entry = |id: &str| ImageEntry { id: id.into(), path: id.into() };
        let triplet = |images, odd| OddOneOut { images, odd };
        let dataset = Dataset {
            name: "oddoneout".to_owned(),
            release: None,
            level: Level::High,
            images: ["a", "b", "c", "d", "e"].map(entry).to_vec(),
            trials: Trials::OddOneOut(vec![
                triplet([0, 1, 2], 0),
                triplet([1, 3, 2], 2),
                triplet([4, 2, 3], 1),
            ]),
            trial_ids: vec![7, 8, 9],
            labels: vec![LabelColumn {
                name: "subject".into(),
                values: vec!["x".into(), "y".into()],
                codes: vec![0, 1, 0],
            }],
            sources: vec![],
            notes: vec![],
            skipped_trials: 0,
            missing: vec![],
        };
        let left = dataset.without(&BTreeSet::from([0]));
        let ids: Vec<&str> = left.images.iter().map(|i| i.id.as_str()).collect();
        assert_eq!(ids, ["b", "d", "c", "e"]);
        let expected = vec![triplet([0, 1, 2], 2), triplet([3, 2, 1], 1)];
        assert_eq!(left.trials, Trials::OddOneOut(expected));
        assert_eq!((left.trial_ids, left.labels[0].codes.clone()), (vec![8, 9], vec![1, 0]));
        assert!(dataset.without(&BTreeSet::from([2])).trials.is_empty());
    }
}
