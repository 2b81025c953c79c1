//! A transform, and what it makes of vectors.

use rayon::prelude::*;

/// An affine transform of the vector of an image: `z = ((x − mean) / std) · W (+ b)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Transform {
    /// What is subtracted of each channel: one number for all, or one for each.
    pub mean: Vec<f64>,
    /// What it is then divided by, > 0: one number for all, or one for each.
    pub std: Vec<f64>,
    /// W, `[channels, outputs]`.
    pub weights: Vec<f64>,
    /// Numbers of a transformed vector.
    pub outputs: usize,
    /// b, `[outputs]`, if there is one.
    pub bias: Option<Vec<f64>>,
}

impl Transform {
    /// Channels that it takes.
    pub fn channels(&self) -> usize {
        self.weights.len() / self.outputs
    }

    /// A vector less the mean, over the standard deviation.
    fn standardize<'a>(&'a self, vector: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
        let each = |values: &'a [f64]| values.iter().cycle();
        let scale = each(&self.mean).zip(each(&self.std));
        vector.iter().zip(scale).map(|(x, (mean, std))| (f64::from(*x) - mean) / std)
    }

    /// The transformed vectors, `[images, outputs]`, of vectors `[images, channels]`. Sums are in
    /// f64 and in the order of channels, whatever the images beside and the number of threads.
    ///
    /// # Panics
    /// The vectors have another number of channels.
    pub fn apply(&self, vectors: &[f32]) -> Vec<f32> {
        let channels = self.channels();
        assert_eq!(vectors.len() % channels, 0, "vectors of {channels} channels");
        let mut out = vec![0.0; vectors.len() / channels * self.outputs];
        let rows = out.par_chunks_exact_mut(self.outputs);
        rows.zip(vectors.par_chunks_exact(channels)).for_each(|(out, vector)| {
            let mut sums = self.bias.clone().unwrap_or_else(|| vec![0.0; self.outputs]);
            let rows = self.weights.chunks_exact(self.outputs);
            for (x, row) in self.standardize(vector).zip(rows) {
                sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += x * weight);
            }
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum as f32);
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_standardized_then_weighed_then_moved() {
        let transform = Transform {
            mean: vec![1.0, 0.0],
            std: vec![2.0, 1.0],
            weights: vec![1.0, 0.0, 2.0, 0.0, 1.0, -1.0],
            outputs: 3,
            bias: Some(vec![0.0, 10.0, 0.0]),
        };
        assert_eq!(transform.channels(), 2);
        assert_eq!(transform.apply(&[3.0, 4.0, 1.0, 0.0]), [1.0, 14.0, -2.0, 0.0, 10.0, 0.0]);
        // One number for all channels.
        let scalar = Transform { mean: vec![1.0], std: vec![2.0], ..transform };
        assert_eq!(scalar.apply(&[3.0, 5.0]), [1.0, 12.0, 0.0]);
    }
}
