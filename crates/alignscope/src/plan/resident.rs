//! Resident sets: groups of images that hold both ends of all their pairs, so that each image is
//! encoded once and only one group is in memory.

use crate::dataset::{ImageIndex, Pairs};

/// A group of images and the pairs among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResidentSet {
    /// The images, ascending.
    pub images: Vec<ImageIndex>,
    /// Indices into [`Pairs::images`] of the pairs among them, ascending.
    pub pairs: Vec<u32>,
    /// The same pairs, by position in `images`.
    pub local_pairs: Vec<[u32; 2]>,
}

/// A group of images that are connected by pairs does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{images} images are connected by pairs and must be in memory at once")]
pub struct ComponentTooLarge {
    /// Images of the largest connected component.
    pub images: usize,
}

/// Packs the connected components of the pairs' graph into resident sets of at most `max_images`.
///
/// Components keep the order of their first image; the sets are of about equal size.
///
/// # Errors
/// [`ComponentTooLarge`] where one component alone has more than `max_images`.
pub fn plan(
    images: usize,
    pairs: &Pairs,
    max_images: usize,
) -> Result<Vec<ResidentSet>, ComponentTooLarge> {
    let planned = plan_whole(images, pairs, max_images);
    match planned.iter().map(|set| set.images.len()).max() {
        Some(largest) if largest > max_images => Err(ComponentTooLarge { images: largest }),
        _ => Ok(planned),
    }
}

/// The same, where a component of more than `max_images` is a set by itself.
pub fn plan_whole(images: usize, pairs: &Pairs, max_images: usize) -> Vec<ResidentSet> {
    let max_images = max_images.max(1);
    let component = components(images, pairs);
    let count = component.iter().max().map_or(0, |last| *last as usize + 1);
    let mut sizes = vec![0_usize; count];
    component.iter().for_each(|c| sizes[*c as usize] += 1);

    // The fewest sets that could do, then filled evenly rather than leaving a small last one.
    let sets = images.div_ceil(max_images).max(1);
    let target = images.div_ceil(sets);
    let mut set_of_component = Vec::with_capacity(count);
    let (mut set, mut filled) = (0_usize, 0_usize);
    for size in sizes {
        if filled > 0 && (filled >= target || filled + size > max_images) {
            (set, filled) = (set + 1, 0);
        }
        filled += size;
        set_of_component.push(set);
    }

    let mut planned =
        vec![ResidentSet { images: vec![], pairs: vec![], local_pairs: vec![] }; set + 1];
    let mut local = vec![0_u32; images];
    for (image, component) in component.iter().enumerate() {
        let members = &mut planned[set_of_component[*component as usize]].images;
        local[image] = index(members.len());
        members.push(index(image));
    }
    for (pair, [a, b]) in pairs.images.iter().enumerate() {
        let set = &mut planned[set_of_component[component[*a as usize] as usize]];
        set.pairs.push(index(pair));
        set.local_pairs.push([local[*a as usize], local[*b as usize]]);
    }
    planned
}

fn index(i: usize) -> u32 {
    u32::try_from(i).expect("fewer than 2^32 images and pairs")
}

/// The connected component of each image, numbered by first image.
pub(super) fn components(images: usize, pairs: &Pairs) -> Vec<u32> {
    let mut parent: Vec<usize> = (0..images).collect();
    fn root(parent: &mut [usize], mut i: usize) -> usize {
        while parent[i] != i {
            parent[i] = parent[parent[i]];
            i = parent[i];
        }
        i
    }
    for [a, b] in &pairs.images {
        let (a, b) = (root(&mut parent, *a as usize), root(&mut parent, *b as usize));
        // The smaller index is the root, so a root comes before its members.
        parent[a.max(b)] = a.min(b);
    }
    let mut number = vec![u32::MAX; images];
    let mut next = 0;
    for i in 0..images {
        let r = root(&mut parent, i);
        if number[r] == u32::MAX {
            number[r] = next;
            next += 1;
        }
        number[i] = number[r];
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{OddOneOut, RatedPair, Trials};
    use proptest::prelude::*;

    fn rated(pairs: &[[u32; 2]]) -> Pairs {
        let pair = |&[reference, distorted]: &[u32; 2]| RatedPair {
            reference,
            distorted,
            score: 0.0,
            std: None,
        };
        Pairs::of(&Trials::RatedPairs(pairs.iter().map(pair).collect()))
    }

    #[test]
    fn components_are_kept_whole() {
        let pairs = rated(&[[0, 1], [0, 2], [3, 4], [3, 5]]);
        let sets = plan(6, &pairs, 3).expect("both fit");
        assert_eq!(sets.len(), 2);
        assert_eq!(sets[0].images, [0, 1, 2]);
        assert_eq!(sets[1].images, [3, 4, 5]);
        assert_eq!(sets[1].pairs, [2, 3]);
        assert_eq!(sets[1].local_pairs, [[0, 1], [0, 2]]);
        assert_eq!(plan(6, &pairs, 6).expect("all fit").len(), 1);
    }

    #[test]
    fn a_component_larger_than_the_limit_is_an_error_with_its_size() {
        let triplet = Trials::OddOneOut(vec![OddOneOut { images: [0, 1, 2], odd: 0 }]);
        let pairs = Pairs::of(&triplet);
        assert_eq!(plan(3, &pairs, 2), Err(ComponentTooLarge { images: 3 }));
        assert_eq!(plan(3, &pairs, 0), Err(ComponentTooLarge { images: 3 }));
    }

    #[test]
    fn a_component_larger_than_the_limit_can_be_a_set_by_itself() {
        let pairs = rated(&[[0, 5], [1, 2], [1, 3], [1, 4], [6, 7]]);
        let sets = plan_whole(8, &pairs, 3);
        let images: Vec<_> = sets.iter().map(|set| set.images.clone()).collect();
        assert_eq!(images, [vec![0, 5], vec![1, 2, 3, 4], vec![6, 7]]);
    }

    proptest! {
        #[test]
        fn every_image_and_pair_is_in_exactly_one_set(
            edges in proptest::collection::vec((0_u32..40, 0_u32..40), 1..60),
            max in 1_usize..60,
        ) {
            let edges: Vec<[u32; 2]> =
                edges.into_iter().filter(|(a, b)| a != b).map(|(a, b)| [a, b]).collect();
            prop_assume!(!edges.is_empty());
            let pairs = rated(&edges);
            let Ok(sets) = plan(40, &pairs, max) else { return Ok(()) };
            let mut images: Vec<u32> = sets.iter().flat_map(|s| s.images.clone()).collect();
            images.sort_unstable();
            prop_assert_eq!(images, (0..40).collect::<Vec<_>>());
            let mut seen: Vec<u32> = sets.iter().flat_map(|s| s.pairs.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..pairs.len() as u32).collect::<Vec<_>>());
            for set in &sets {
                prop_assert!(set.images.len() <= max);
                for (pair, [a, b]) in set.pairs.iter().zip(&set.local_pairs) {
                    let images = [set.images[*a as usize], set.images[*b as usize]];
                    prop_assert_eq!(images, pairs.images[*pair as usize]);
                }
            }
        }
    }
}
