//! Which tokens of an image count.

use std::ops::Range;

use rayon::prelude::*;

use crate::pair_statistics::Activations;

/// Which tokens' activations are compared, or written.
///
/// The tokens of an image are, in this order: those before the patches, of which the first is the
/// class token and any others are registers; and the patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tokens {
    /// All of them, registers too; as published.
    #[default]
    All,
    /// The class token alone: the first.
    Class,
    /// The patches, without the tokens before them.
    Patches,
    /// The mean over the class token, if there is one, and the patches; without registers.
    Mean,
}

impl Tokens {
    /// All choices.
    pub const ALL: [Self; 4] = [Self::All, Self::Class, Self::Patches, Self::Mean];

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Class => "class",
            Self::Patches => "patches",
            Self::Mean => "mean",
        }
    }

    /// The tokens chosen of an image with this many, if they are some of its own; `None` for the
    /// mean. A projection, and any stage of one token, stays as it is.
    ///
    /// `prefix` — tokens before the patches, fewer than `tokens`
    pub fn range(self, tokens: usize, prefix: usize) -> Option<Range<usize>> {
        match self {
            _ if tokens == 1 => Some(0..1),
            Self::All => Some(0..tokens),
            Self::Class => Some(0..1),
            Self::Patches => Some(prefix..tokens),
            Self::Mean => None,
        }
    }

    /// The tokens chosen of each image. Only a mean is a copy.
    ///
    /// `prefix` — tokens before the patches, as for [`range`](Self::range)
    pub fn select(self, activations: Activations<'_>, prefix: usize) -> Selected<'_> {
        let (images, channels) = (activations.images(), activations.channels());
        match self.range(activations.tokens(), prefix) {
            Some(range) => Selected::Seen(activations.of_tokens(range)),
            None => {
                let mut values = vec![0.0; images * channels];
                values
                    .par_chunks_exact_mut(channels)
                    .enumerate()
                    .for_each(|(i, out)| mean(activations.image(i), prefix, out));
                Selected::Means { values, images, channels }
            }
        }
    }

    /// The token chosen of one image `[tokens, channels]`, if it is one: into `out` of
    /// `[channels]`.
    ///
    /// `prefix` — tokens before the patches, as for [`range`](Self::range)
    pub fn select_one(self, image: &[f32], prefix: usize, out: &mut [f32]) {
        let channels = out.len();
        match self.range(image.len() / channels, prefix) {
            Some(range) => out.copy_from_slice(&image[range.start * channels..][..channels]),
            None => mean(image, prefix, out),
        }
    }
}

/// The mean over the class token and the patches of an image, summed in f64 in their order.
fn mean(image: &[f32], prefix: usize, out: &mut [f32]) {
    let channels = out.len();
    let registers = 1..prefix.max(1);
    let mut sums = vec![0.0_f64; channels];
    for (number, token) in image.chunks_exact(channels).enumerate() {
        if !registers.contains(&number) {
            sums.iter_mut().zip(token).for_each(|(sum, x)| *sum += f64::from(*x));
        }
    }
    let tokens = (image.len() / channels - registers.len()) as f64;
    out.iter_mut().zip(sums).for_each(|(out, sum)| *out = (sum / tokens) as f32);
}

/// The activations of the tokens chosen.
#[derive(Debug)]
pub enum Selected<'a> {
    /// Those of the model.
    Seen(Activations<'a>),
    /// One mean for each image.
    Means {
        /// `[images, channels]`.
        values: Vec<f32>,
        /// Number of images.
        images: usize,
        /// Channels of a token.
        channels: usize,
    },
}

impl Selected<'_> {
    /// The activations, `[images, tokens chosen, channels]`.
    pub fn activations(&self) -> Activations<'_> {
        match self {
            Self::Seen(activations) => *activations,
            Self::Means { values, images, channels } => {
                Activations::new(values, *images, 1, *channels)
            }
        }
    }
}

choice!(Tokens, "choice of tokens");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_chosen_image_by_image() {
        // Two images of three tokens and two channels.
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let activations = Activations::new(&values, 2, 3, 2);
        let select = |tokens: Tokens, prefix| {
            let selected = tokens.select(activations, prefix);
            let chosen = selected.activations();
            let values: Vec<f32> = (0..2).flat_map(|i| chosen.image(i).to_vec()).collect();
            if chosen.tokens() == 1 {
                let mut one = vec![0.0; 2];
                tokens.select_one(activations.image(1), prefix, &mut one);
                assert_eq!(one, chosen.image(1), "{tokens}");
            }
            (values, chosen.tokens())
        };
        for prefix in 0..3 {
            assert_eq!(select(Tokens::All, prefix), (values.clone(), 3));
            assert_eq!(select(Tokens::Class, prefix), (vec![0.0, 1.0, 6.0, 7.0], 1));
        }
        let patches = vec![2.0, 3.0, 4.0, 5.0, 8.0, 9.0, 10.0, 11.0];
        assert_eq!(select(Tokens::Patches, 1), (patches, 2));
        assert_eq!(select(Tokens::Patches, 0), (values.clone(), 3));
        assert_eq!(select(Tokens::Patches, 2), (vec![4.0, 5.0, 10.0, 11.0], 1));
        // With and without a class token, the mean is over all tokens.
        assert_eq!(select(Tokens::Mean, 0), (vec![2.0, 3.0, 8.0, 9.0], 1));
        assert_eq!(select(Tokens::Mean, 1), (vec![2.0, 3.0, 8.0, 9.0], 1));
    }

    #[test]
    fn registers_are_no_part_of_the_mean() {
        let image = [1.0, 10.0, 100.0, 1000.0];
        for (prefix, expected) in [(0, 277.75), (1, 277.75), (2, 367.0), (3, 500.5)] {
            let mut one = [0.0];
            Tokens::Mean.select_one(&image, prefix, &mut one);
            assert_eq!(one, [expected], "{prefix} tokens before the patches");
            let selected = Tokens::Mean.select(Activations::new(&image, 1, 4, 1), prefix);
            assert_eq!(selected.activations().image(0), [expected]);
        }
    }
}
