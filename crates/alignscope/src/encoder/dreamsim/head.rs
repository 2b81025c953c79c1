//! What DreamSim makes of an encoder's last tokens.

use crate::encoder::head::to_unit;
use crate::encoder::scratch::Scratch;
use crate::encoder::tower::{Group, Tower};
use crate::encoder::transformer::Transformer;

/// A vision transformer whose last stage is the embedding that DreamSim compares.
#[derive(Debug)]
pub(super) struct DreamSimTower {
    pub(super) transformer: Transformer,
    /// Whether the mean of the patches stands behind the class token, each token for itself
    /// normalised.
    pub(super) with_patches: bool,
    /// Whether the mean over channels is taken away, and what is left divided by its L2 norm.
    pub(super) is_normalized: bool,
}

impl Tower for DreamSimTower {
    fn embed(&self, pixels: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        self.transformer.embed(pixels, out, scratch);
    }

    fn step(&self, step: usize, images: Group<'_>, scratch: &mut Scratch) {
        self.transformer.step(step, images, scratch);
    }

    fn finish(&self, image: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        if self.with_patches {
            return class_and_patches(image, out, self.is_normalized);
        }
        self.transformer.finish(image, out, scratch);
        if self.is_normalized {
            normalize(out);
        }
    }

    fn bytes(&self) -> usize {
        self.transformer.bytes()
    }

    fn scratch_bytes(&self, images: usize) -> usize {
        self.transformer.scratch_bytes(images)
    }
}

/// Takes the mean over channels away, and divides by the L2 norm; sums are in f64. What is the same
/// number in each channel becomes 0.
///
/// # Source
/// `normalize_embedding` of the package `dreamsim`.
pub(crate) fn normalize(vector: &mut [f32]) {
    let mean = vector.iter().map(|x| f64::from(*x)).sum::<f64>() / vector.len() as f64;
    vector.iter_mut().for_each(|x| *x = (f64::from(*x) - mean) as f32);
    to_unit(vector);
}

/// The class token, then the mean of the patches.
///
/// `tokens` is `[1 + patches, channels]`, `out` `[2 channels]`. Where it is normalised, each token
/// is, and the mean is one of unit vectors.
fn class_and_patches(tokens: &[f32], out: &mut [f32], is_normalized: bool) {
    let channels = out.len() / 2;
    let mut sums = vec![0.0_f64; channels];
    let mut token = vec![0.0; channels];
    for (i, values) in tokens.chunks_exact(channels).enumerate() {
        token.copy_from_slice(values);
        if is_normalized {
            normalize(&mut token);
        }
        match i {
            0 => out[..channels].copy_from_slice(&token),
            _ => sums.iter_mut().zip(&token).for_each(|(sum, x)| *sum += f64::from(*x)),
        }
    }
    let patches = (tokens.len() / channels - 1) as f64;
    out[channels..].iter_mut().zip(&sums).for_each(|(x, sum)| *x = (sum / patches) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_is_centred_and_of_unit_length() {
        let mut vector = [1.0, 2.0, 3.0, 6.0];
        normalize(&mut vector);
        let root = 14.0_f64.sqrt();
        assert_eq!(vector, [-2.0, -1.0, 0.0, 3.0].map(|x| (x / root) as f32));
        let mut same = [5.0; 3];
        normalize(&mut same);
        assert_eq!(same, [0.0; 3]);
    }

    #[test]
    fn each_token_is_normalised_before_patches_are_averaged() {
        let tokens = [0.0, 2.0, 3.0, 1.0, 0.0, 10.0];
        let mut out = [0.0; 4];
        class_and_patches(&tokens, &mut out, false);
        assert_eq!(out, [0.0, 2.0, 1.5, 5.5]);
        class_and_patches(&tokens, &mut out, true);
        let half = 0.5_f32.sqrt();
        assert_eq!(out, [-half, half, 0.0, 0.0]);
    }
}
