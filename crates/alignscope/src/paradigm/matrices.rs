//! What people's matrices are.

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
