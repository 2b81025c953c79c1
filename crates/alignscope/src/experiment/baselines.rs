//! A baseline on a data set: each image's features once where they fit, then all pairs.

use rayon::prelude::*;

use super::ExperimentError;
use super::piece::StageDistances;
use super::prepared::PreparedDataset;
use crate::baseline::{Baseline, BaselineFeatures, BaselineModel};
use crate::distance::Distance;
use crate::progress::Progress;
use crate::resident::{ResidentSet, plan};
use crate::stage::Stage;

/// The distances of a baseline, and what they took.
#[derive(Debug)]
pub(super) struct BaselineDistances {
    pub(super) stage: StageDistances,
    /// How often features of an image were computed: the number of images where each was once.
    pub(super) features_computed: usize,
}

/// Refuses a data set whose images are too small.
pub(super) fn check_size(
    model: Baseline,
    dataset: &PreparedDataset,
) -> Result<(), ExperimentError> {
    let (width, height) = dataset.baseline_rule.size();
    let (dataset, needed) = (dataset.dataset.kind, model.min_side());
    match width.min(height) < needed {
        true => Err(ExperimentError::TooSmall { model, dataset, width, height, needed }),
        false => Ok(()),
    }
}

/// The distances of all pairs.
///
/// Features of as many images as the budget allows are held at once: resident sets where the
/// components of the pairs' graph fit, so that nothing is computed twice. Otherwise the images are
/// held group by group in order, and each later image that has a pair with the group is computed
/// again, on the fly.
pub(super) fn distances(
    model: &BaselineModel,
    dataset: &PreparedDataset,
    memory_bytes: u64,
    progress: &dyn Progress,
) -> Result<BaselineDistances, ExperimentError> {
    let kind = dataset.dataset.kind;
    let baseline = model.baseline();
    let (width, height) = dataset.baseline_rule.size();
    let images = dataset.dataset.images.len();
    let bytes = model.bytes(width, height) as u64;
    // Each thread makes the features of one more image.
    let each = bytes + model.working_bytes(width, height) as u64;
    let fixed = rayon::current_num_threads() as u64 * each;
    let held = usize::try_from(memory_bytes.saturating_sub(fixed) / bytes).unwrap_or(usize::MAX);
    if held == 0 {
        return Err(ExperimentError::Memory {
            model: baseline.to_string(),
            dataset: kind,
            images: 1,
            needed: fixed + bytes,
            budget: memory_bytes,
        });
    }
    let groups = match plan(images, &dataset.pairs, held) {
        Ok(sets) => sets.into_iter().map(Group::of_set).collect(),
        Err(_) => Group::tiles(images, &dataset.pairs.images, held),
    };
    let features_computed = groups.iter().map(|g| g.held.len() + g.passing.len()).sum();

    progress.begin(&format!("{baseline} on {kind}"), features_computed as u64);
    let mut distances = vec![0.0; dataset.pairs.len()];
    let features = |image: u32| {
        let image = dataset.baseline_rule.apply(dataset.load(image as usize)?);
        let features = model.features(image);
        progress.advance(1);
        Ok::<BaselineFeatures, ExperimentError>(features)
    };
    for group in &groups {
        let held: Vec<_> = group.held.par_iter().map(|image| features(*image)).collect();
        let held = held.into_iter().collect::<Result<Vec<_>, _>>()?;
        let within: Vec<f64> = group
            .pairs
            .par_iter()
            .map(|(_, [a, b])| model.distance(&held[*a as usize], &held[*b as usize]))
            .collect();
        let passing: Vec<_> = group
            .passing
            .par_iter()
            .map(|passing| {
                let passing_features = features(passing.image)?;
                let distance = |&(pair, local): &(u32, u32)| {
                    (pair, model.distance(&held[local as usize], &passing_features))
                };
                Ok::<Vec<_>, ExperimentError>(passing.pairs.iter().map(distance).collect())
            })
            .collect();
        for ((pair, _), value) in group.pairs.iter().zip(within) {
            distances[*pair as usize] = value;
        }
        for found in passing {
            for (pair, value) in found? {
                distances[pair as usize] = value;
            }
        }
    }
    progress.end();
    let stage = StageDistances {
        stage: Stage::Output,
        scale: None,
        distances: vec![(Distance::Own, distances)],
    };
    Ok(BaselineDistances { stage, features_computed })
}

/// Images whose features are held at once, and what is compared with them.
#[derive(Debug, PartialEq)]
struct Group {
    held: Vec<u32>,
    /// Pairs within: the pair, and its images by position in `held`.
    pairs: Vec<(u32, [u32; 2])>,
    /// Images outside that have pairs with those within.
    passing: Vec<Passing>,
}

/// An image that is compared with some of a group, and then forgotten.
#[derive(Debug, PartialEq)]
struct Passing {
    image: u32,
    /// The pair, and the position of its other image in the group.
    pairs: Vec<(u32, u32)>,
}

impl Group {
    fn of_set(set: ResidentSet) -> Self {
        let pairs = set.pairs.into_iter().zip(set.local_pairs).collect();
        Self { held: set.images, pairs, passing: vec![] }
    }

    /// Groups of `size` images in order; each pair belongs to the group of its first image.
    fn tiles(images: usize, pairs: &[[u32; 2]], size: usize) -> Vec<Self> {
        let index = |i: usize| u32::try_from(i).expect("fewer than 2^32 images and pairs");
        let mut groups: Vec<Self> = (0..images)
            .step_by(size)
            .map(|start| {
                let held = (start..images.min(start + size)).map(index).collect();
                Self { held, pairs: vec![], passing: vec![] }
            })
            .collect();
        let place = |image: u32| (image as usize / size, index(image as usize % size));
        let mut outside = Vec::new();
        for (pair, [a, b]) in pairs.iter().enumerate() {
            let pair = index(pair);
            let (first, second) = (*a.min(b), *a.max(b));
            let ((group, local), (other, other_local)) = (place(first), place(second));
            match group == other {
                true => groups[group].pairs.push((pair, [local, other_local])),
                false => outside.push((group, second, pair, local)),
            }
        }
        outside.sort_unstable();
        for (group, image, pair, local) in outside {
            let passing = &mut groups[group].passing;
            match passing.last_mut() {
                Some(last) if last.image == image => last.pairs.push((pair, local)),
                _ => passing.push(Passing { image, pairs: vec![(pair, local)] }),
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_hold_every_pair_once() {
        let pairs: Vec<[u32; 2]> =
            (0..9).flat_map(|a| (a + 1..9).map(move |b| [b, a])).filter(|p| p[0] != 5).collect();
        for size in 1..=9 {
            let groups = Group::tiles(9, &pairs, size);
            let mut seen = vec![0; pairs.len()];
            for group in &groups {
                assert!(group.held.len() <= size);
                for (pair, [a, b]) in &group.pairs {
                    let mut images = [group.held[*a as usize], group.held[*b as usize]];
                    images.sort_unstable_by(|a, b| b.cmp(a));
                    assert_eq!(images, pairs[*pair as usize]);
                    seen[*pair as usize] += 1;
                }
                for passing in &group.passing {
                    for (pair, local) in &passing.pairs {
                        let images = [passing.image, group.held[*local as usize]];
                        assert_eq!(images, pairs[*pair as usize]);
                        seen[*pair as usize] += 1;
                    }
                }
            }
            assert_eq!(seen, vec![1; pairs.len()]);
        }
    }
}
