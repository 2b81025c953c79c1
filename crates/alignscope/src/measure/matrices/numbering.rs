//! Images numbered by their first use in a list of pairs.

use std::collections::HashMap;

/// The images of some pairs, numbered from 0 in the order in which the pairs first use them.
///
/// A run's folder keeps trials, and not the order in which a data set lists its images: numbers that
/// follow from the pairs alone are the same for both, and so are draws of images, and sums.
pub(super) struct Numbering {
    /// The images by their number.
    pub(super) images: Vec<u32>,
    /// The numbers of the images of each pair.
    pub(super) ends: Vec<[u32; 2]>,
}

impl Numbering {
    pub(super) fn of(pairs: &[[u32; 2]]) -> Self {
        let mut images = Vec::new();
        let mut known = HashMap::new();
        let mut number = |image: u32| {
            *known.entry(image).or_insert_with(|| {
                images.push(image);
                images.len() as u32 - 1
            })
        };
        let ends = pairs.iter().map(|[a, b]| [number(*a), number(*b)]).collect();
        Self { images, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_numbered_by_their_first_use() {
        let found = Numbering::of(&[[7, 2], [7, 0], [2, 9]]);
        assert_eq!(found.images, [7, 2, 0, 9]);
        assert_eq!(found.ends, [[0, 1], [0, 2], [1, 3]]);
    }
}
