//! Which tokens of an image count.

use std::borrow::Cow;

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

    /// The tokens chosen of `[images, tokens, channels]`, and how many there are of an image. A
    /// projection, and any stage of one token, stays as it is.
    pub fn select(
        self,
        activations: Activations<'_>,
        class_token: bool,
    ) -> (Cow<'_, [f32]>, usize) {
        let (tokens, channels) = (activations.tokens(), activations.channels());
        let first = usize::from(class_token);
        let images = || activations.values().chunks_exact(tokens * channels);
        match self {
            _ if tokens == 1 => (activations.values().into(), tokens),
            Self::All => (activations.values().into(), tokens),
            Self::Class => (images().flat_map(|i| &i[..channels]).copied().collect(), 1),
            Self::Patches if first == 0 => (activations.values().into(), tokens),
            Self::Patches => {
                (images().flat_map(|i| &i[channels..]).copied().collect(), tokens - first)
            }
            Self::Mean => {
                let mean = |image: &[f32]| {
                    let mut sums = vec![0.0_f64; channels];
                    for token in image.chunks_exact(channels) {
                        sums.iter_mut().zip(token).for_each(|(sum, x)| *sum += f64::from(*x));
                    }
                    sums.into_iter().map(|sum| (sum / tokens as f64) as f32).collect::<Vec<_>>()
                };
                (images().flat_map(mean).collect(), 1)
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
            let (values, count) = tokens.select(activations, class);
            (values.into_owned(), count)
        };
        assert_eq!(select(Tokens::All, true), (values.clone(), 3));
        assert_eq!(select(Tokens::Class, true), (vec![0.0, 1.0, 6.0, 7.0], 1));
        let patches = vec![2.0, 3.0, 4.0, 5.0, 8.0, 9.0, 10.0, 11.0];
        assert_eq!(select(Tokens::Patches, true), (patches, 2));
        assert_eq!(select(Tokens::Patches, false), (values.clone(), 3));
        assert_eq!(select(Tokens::Mean, true), (vec![2.0, 3.0, 8.0, 9.0], 1));
    }
}
