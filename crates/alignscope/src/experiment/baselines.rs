//! A baseline on a data set: each image's features once where they fit, then all pairs.

use rayon::prelude::*;

use super::ExperimentError;
use super::error::go_on;
use super::pixels::PixelRule;
use super::prepared::PreparedDataset;
use super::reduction::StageDistances;
use crate::baseline::{BaselineFeatures, BaselineModel};
use crate::distance::Distance;
use crate::kept::KeptPiece;
use crate::progress::Progress;
use crate::resident::{ResidentSet, plan};
use crate::stage::Stage;

/// The distances of a baseline.
#[derive(Debug)]
pub(super) struct BaselineDistances {
    pub(super) stage: StageDistances,
    /// How often features of an image were computed: the number of images where each was once.
    pub(super) features_computed: usize,
}

/// Refuses a data set whose images are too small, or a budget that does not hold one of them.
pub(super) fn check(
    model: &BaselineModel,
    dataset: &PreparedDataset,
    memory_bytes: u64,
) -> Result<(), ExperimentError> {
    let (width, height) = dataset.baseline_rule.size();
    let (baseline, needed) = (model.baseline(), model.baseline().min_side());
    if width.min(height) < needed {
        let cropped = matches!(dataset.baseline_rule, PixelRule::Cropped { .. });
        let (model, dataset) = (baseline, dataset.dataset.kind);
        return Err(ExperimentError::TooSmall { model, dataset, cropped, width, height, needed });
    }
    share(model, dataset, memory_bytes).map(|_| ())
}

/// How the memory is shared out.
struct Share {
    /// Images whose features are held at once.
    held: usize,
    /// Threads that each make the features of one more.
    threads: usize,
}

/// At most half of the budget for the threads' images, fewer threads if need be.
fn share(
    model: &BaselineModel,
    dataset: &PreparedDataset,
    memory_bytes: u64,
) -> Result<Share, ExperimentError> {
    let (width, height) = dataset.baseline_rule.size();
    let bytes = model.bytes(width, height) as u64;
    let each = bytes + model.working_bytes(width, height) as u64;
    let decoding = dataset.decoding.bytes();
    let free = memory_bytes.saturating_sub(decoding);
    let most = usize::try_from(free / 2 / each).unwrap_or(usize::MAX);
    let threads = rayon::current_num_threads().min(most).max(1);
    let rest = free.saturating_sub(threads as u64 * each);
    match usize::try_from(rest / bytes).unwrap_or(usize::MAX) {
        0 => Err(ExperimentError::BaselineMemory {
            model: model.baseline(),
            dataset: dataset.dataset.kind,
            cropped: matches!(dataset.baseline_rule, PixelRule::Cropped { .. }),
            needed: decoding + each + bytes,
            budget: memory_bytes,
        }),
        held => Ok(Share { held, threads }),
    }
}

/// The distances of all pairs.
///
/// Features of as many images as the budget allows are held at once: resident sets where the
/// components of the pairs' graph fit, so that nothing is computed twice. Otherwise the images are
/// held group by group in order, and each later image that has a pair with the group is computed
/// again, on the fly. A group whose pairs are all kept is not computed, and one that is computed is kept.
pub(super) fn distances(
    model: &BaselineModel,
    dataset: &PreparedDataset,
    kept: Option<&KeptPiece>,
    memory_bytes: u64,
    progress: &dyn Progress,
) -> Result<BaselineDistances, ExperimentError> {
    let kind = dataset.dataset.kind;
    let baseline = model.baseline();
    let images = dataset.dataset.images.len();
    let Share { held, threads } = share(model, dataset, memory_bytes)?;
    let mut groups: Vec<Group> = match plan(images, &dataset.pairs, held) {
        Ok(sets) => sets.into_iter().map(Group::of_set).collect(),
        Err(_) => Group::tiles(images, &dataset.pairs.images, held),
    };
    let known = |pair: u32| kept.and_then(|piece| piece.value(pair));
    groups.retain(|group| group.all_pairs().any(|pair| known(pair).is_none()));
    let features_computed = groups.iter().map(|g| g.held.len() + g.passing.len()).sum();

    let steps = features_computed + dataset.pairs.len();
    progress.begin(&format!("{baseline} on {kind}"), steps as u64);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|source| ExperimentError::Threads { threads, source })?;
    let mut distances: Vec<f64> =
        (0..).take(dataset.pairs.len()).map(|pair| known(pair).unwrap_or(0.0)).collect();
    let features = |image: u32| {
        go_on(progress)?;
        let image = dataset.load(image as usize, |image| dataset.baseline_rule.apply(image))?;
        let features = model.features(image);
        progress.advance(1);
        Ok::<BaselineFeatures, ExperimentError>(features)
    };
    for group in &groups {
        let make = || group.held.par_iter().map(|image| features(*image)).collect::<Vec<_>>();
        let held = pool.install(make).into_iter().collect::<Result<Vec<_>, _>>()?;
        let within: Vec<f64> = group
            .pairs
            .par_iter()
            .map(|(_, [a, b])| {
                progress.advance(1);
                model.distance(&held[*a as usize], &held[*b as usize])
            })
            .collect();
        let compare = |passing: &Passing| {
            let passing_features = features(passing.image)?;
            let distance = |&(pair, local): &(u32, u32)| {
                (pair, model.distance(&held[local as usize], &passing_features))
            };
            progress.advance(passing.pairs.len() as u64);
            Ok::<Vec<_>, ExperimentError>(passing.pairs.iter().map(distance).collect())
        };
        let pass = || group.passing.par_iter().map(compare).collect::<Vec<_>>();
        let passing = pool.install(pass);
        for ((pair, _), value) in group.pairs.iter().zip(within) {
            distances[*pair as usize] = value;
        }
        for found in passing {
            for (pair, value) in found? {
                distances[pair as usize] = value;
            }
        }
        if let Some(kept) = kept {
            let pairs: Vec<u32> = group.all_pairs().collect();
            let values: Vec<f64> = pairs.iter().map(|pair| distances[*pair as usize]).collect();
            kept.keep_values(&pairs, &values)?;
        }
    }
    progress.end();
    let stage = StageDistances {
        stage: Stage::Output,
        scale: None,
        distances: vec![(Distance::Own, distances)],
        energy: None,
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

    /// All pairs that it compares.
    fn all_pairs(&self) -> impl Iterator<Item = u32> {
        let passing = self.passing.iter().flat_map(|passing| &passing.pairs).map(|(pair, _)| *pair);
        self.pairs.iter().map(|(pair, _)| *pair).chain(passing)
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
        groups.into_iter().map(Self::without_unused).collect()
    }

    /// Without the images that no pair of the group needs.
    fn without_unused(mut self) -> Self {
        let mut used = vec![false; self.held.len()];
        for (_, pair) in &self.pairs {
            pair.iter().for_each(|local| used[*local as usize] = true);
        }
        for (_, local) in self.passing.iter().flat_map(|passing| &passing.pairs) {
            used[*local as usize] = true;
        }
        let mut place = vec![0; used.len()];
        let mut next = 0;
        for (place, used) in place.iter_mut().zip(&used) {
            *place = next;
            next += u32::from(*used);
        }
        let mut keep = used.iter();
        self.held.retain(|_| *keep.next().expect("as many as there are images"));
        for (_, pair) in &mut self.pairs {
            *pair = pair.map(|local| place[local as usize]);
        }
        for (_, local) in self.passing.iter_mut().flat_map(|passing| &mut passing.pairs) {
            *local = place[*local as usize];
        }
        self
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
