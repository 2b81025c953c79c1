//! What people's matrices are.

use std::collections::BTreeSet;

use super::ImageIndex;

/// How different people find each two of some images.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarityMatrices {
    /// The pairs of images, each once.
    pub pairs: Vec<[ImageIndex; 2]>,
    /// Who gave each matrix.
    pub people: Vec<String>,
    /// How different each person finds the images of each pair, `[people][pairs]`; NaN for a pair
    /// that a person did not judge.
    pub dissimilarities: Vec<Vec<f64>>,
}

impl SimilarityMatrices {
    /// The matrices of the pairs at some positions.
    pub(super) fn part(&self, positions: &[u32]) -> Self {
        fn pick<T: Copy>(of_pairs: &[T], positions: &[u32]) -> Vec<T> {
            positions.iter().map(|position| of_pairs[*position as usize]).collect()
        }
        Self {
            pairs: pick(&self.pairs, positions),
            people: self.people.clone(),
            dissimilarities: self.dissimilarities.iter().map(|d| pick(d, positions)).collect(),
        }
    }

    /// The pairs of the first images, as many images as have at most `limit` pairs, but three at
    /// least: pairs one after the other would nearly all be of the first image. All of them if there
    /// is no limit.
    pub(crate) fn limited(self, limit: Option<usize>) -> Self {
        let Some(limit) = limit else { return self };
        let last = |pair: &[ImageIndex; 2]| pair[0].max(pair[1]);
        // Pairs in the order of the image with which they come in.
        let mut order: Vec<u32> = (0..self.pairs.len() as u32).collect();
        order.sort_by_key(|position| last(&self.pairs[*position as usize]));
        let of_one_image =
            order.chunk_by(|a, b| last(&self.pairs[*a as usize]) == last(&self.pairs[*b as usize]));
        let (mut kept, mut images) = (Vec::new(), BTreeSet::new());
        for pairs in of_one_image {
            if images.len() >= 3 && kept.len() + pairs.len() > limit {
                break;
            }
            images.extend(pairs.iter().flat_map(|position| self.pairs[*position as usize]));
            kept.extend(pairs);
        }
        kept.sort_unstable();
        self.part(&kept)
    }

    /// How many different images there are.
    pub fn image_count(&self) -> usize {
        let mut images: Vec<ImageIndex> = self.pairs.iter().flatten().copied().collect();
        images.sort_unstable();
        images.dedup();
        images.len()
    }

    /// The mean dissimilarity of a pair over the people who judged it; `None` if nobody did.
    pub fn mean(&self, pair: usize) -> Option<f64> {
        let judged = || self.dissimilarities.iter().map(|d| d[pair]).filter(|d| !d.is_nan());
        let count = judged().count();
        (count > 0).then(|| judged().sum::<f64>() / count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_keeps_all_pairs_of_the_first_images() {
        let pairs: Vec<[u32; 2]> =
            (0..6).flat_map(|a| (a + 1..6).map(move |b| [a, b])).filter(|p| *p != [0, 1]).collect();
        let dissimilarities = vec![(0..14).map(f64::from).collect()];
        let people = vec!["anna".to_owned()];
        let all = SimilarityMatrices { pairs, people, dissimilarities };
        let of = |limit| all.clone().limited(limit).pairs;
        assert_eq!(of(None), all.pairs);
        assert_eq!(of(Some(14)), all.pairs);
        let four = [[0, 2], [0, 3], [1, 2], [1, 3], [2, 3]];
        assert_eq!((of(Some(5)), of(Some(8))), (four.to_vec(), four.to_vec()));
        assert_eq!(all.clone().limited(Some(5)).dissimilarities, [[0.0, 1.0, 4.0, 5.0, 8.0]]);
        assert_eq!(of(Some(1)), [[0, 2], [1, 2]], "three images are needed");
    }
}
