//! Which tokens of an image count.

use std::ops::Range;

use rayon::prelude::*;

use crate::difference::Activations;

/// Which tokens' activations are compared, or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tokens {
    /// All of them, as published.
    #[default]
    All,
    /// The class token alone.
    Class,
    /// The patches, without the class token.
    Patches,
    /// The mean over all tokens.
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

    /// The tokens chosen of an image of so many, where they are some of its own; none for the mean.
    /// A projection, and any stage of one token, stays as it is.
    pub fn range(self, tokens: usize, class_token: bool) -> Option<Range<usize>> {
        let first = usize::from(class_token);
        match self {
            _ if tokens == 1 => Some(0..1),
            Self::All => Some(0..tokens),
            Self::Class => Some(0..1),
            Self::Patches => Some(first..tokens),
            Self::Mean => None,
        }
    }

    /// The tokens chosen of each image. Only a mean is a copy.
    pub fn select(self, activations: Activations<'_>, class_token: bool) -> Selected<'_> {
        let (images, channels) = (activations.images(), activations.channels());
        match self.range(activations.tokens(), class_token) {
            Some(range) => Selected::Seen(activations.of_tokens(range)),
            None => {
                let mut values = vec![0.0; images * channels];
                values
                    .par_chunks_exact_mut(channels)
                    .enumerate()
                    .for_each(|(i, out)| mean(activations.image(i), out));
                Selected::Means { values, images, channels }
            }
        }
    }

    /// The tokens chosen of one image, `[tokens, channels]`, where they are one: that one, into
    /// `out` of `[channels]`.
    pub fn select_one(self, image: &[f32], class_token: bool, out: &mut [f32]) {
        let channels = out.len();
        match self.range(image.len() / channels, class_token) {
            Some(range) => out.copy_from_slice(&image[range.start * channels..][..channels]),
            None => mean(image, out),
        }
    }
}

/// The mean over the tokens of an image, summed in f64 in their order.
fn mean(image: &[f32], out: &mut [f32]) {
    let channels = out.len();
    let mut sums = vec![0.0_f64; channels];
    for token in image.chunks_exact(channels) {
        sums.iter_mut().zip(token).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    let tokens = (image.len() / channels) as f64;
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
        let select = |tokens: Tokens, class| {
            let selected = tokens.select(activations, class);
            let chosen = selected.activations();
            let values: Vec<f32> = (0..2).flat_map(|i| chosen.image(i).to_vec()).collect();
            if chosen.tokens() == 1 {
                let mut one = vec![0.0; 2];
                tokens.select_one(activations.image(1), class, &mut one);
                assert_eq!(one, chosen.image(1), "{tokens}");
            }
            (values, chosen.tokens())
        };
        assert_eq!(select(Tokens::All, true), (values.clone(), 3));
        assert_eq!(select(Tokens::Class, true), (vec![0.0, 1.0, 6.0, 7.0], 1));
        let patches = vec![2.0, 3.0, 4.0, 5.0, 8.0, 9.0, 10.0, 11.0];
        assert_eq!(select(Tokens::Patches, true), (patches, 2));
        assert_eq!(select(Tokens::Patches, false), (values.clone(), 3));
        assert_eq!(select(Tokens::Mean, true), (vec![2.0, 3.0, 8.0, 9.0], 1));
    }
}
