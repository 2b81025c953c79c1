//! Which tokens of an image count.

use std::fmt;
use std::ops::Range;

use rayon::prelude::*;

use crate::pair_statistics::Activations;

/// The tokens before the patches of an image: a class token, if there is one, and then registers.
/// A distillation token counts as a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Prefix {
    /// Whether the first token is a class token.
    pub class_token: bool,
    /// Tokens between the class token and the patches.
    pub registers: usize,
}

impl Prefix {
    /// So many tokens, of which the first is the class token.
    pub fn with_class_token(tokens: usize) -> Self {
        Self { class_token: tokens > 0, registers: tokens.saturating_sub(1) }
    }

    /// How many tokens there are.
    pub fn tokens(self) -> usize {
        usize::from(self.class_token) + self.registers
    }

    /// The registers among an image's tokens.
    fn registers(self) -> Range<usize> {
        usize::from(self.class_token)..self.tokens()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.class_token, self.registers) {
            (true, 0) => "a class token and patches",
            (false, 0) => "patches alone",
            (true, _) => "a class token, registers and patches",
            (false, _) => "registers and patches",
        })
    }
}

/// Which tokens' activations are compared, or written.
///
/// The tokens of an image are, in this order: those before the patches ([`Prefix`]); and the
/// patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tokens {
    /// All of them, registers too; as published.
    #[default]
    All,
    /// The class token alone: the first.
    Class,
    /// The registers: the tokens between the class token and the patches.
    Registers,
    /// The patches, without the tokens before them.
    Patches,
    /// The mean over the class token, if there is one, and the patches; without registers.
    Mean,
}

impl Tokens {
    /// All choices.
    pub const ALL: [Self; 5] = [Self::All, Self::Class, Self::Registers, Self::Patches, Self::Mean];

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Class => "class",
            Self::Registers => "registers",
            Self::Patches => "patches",
            Self::Mean => "mean",
        }
    }

    /// The tokens chosen of an image with this many, if they are some of its own; `None` for the
    /// mean. A projection, and any stage of one token, stays as it is.
    ///
    /// `prefix` — the tokens before the patches, fewer than `tokens`; with the tokens that are asked
    /// for, unless there is but one
    pub fn range(self, tokens: usize, prefix: Prefix) -> Option<Range<usize>> {
        match self {
            _ if tokens == 1 => Some(0..1),
            Self::All => Some(0..tokens),
            Self::Class => Some(0..1),
            Self::Registers => Some(prefix.registers()),
            Self::Patches => Some(prefix.tokens()..tokens),
            Self::Mean => None,
        }
    }

    /// So many numbers of an image with so many tokens and channels are compared.
    ///
    /// `prefix` — the tokens before the patches, as for [`range`](Self::range)
    pub(crate) fn numbers(self, [tokens, channels]: [usize; 2], prefix: Prefix) -> u64 {
        let chosen = self.range(tokens, prefix).map_or(1, |range| range.len());
        (chosen * channels) as u64
    }

    /// The tokens chosen of each image. Only a mean is a copy.
    ///
    /// `prefix` — the tokens before the patches, as for [`range`](Self::range)
    pub fn select(self, activations: Activations<'_>, prefix: Prefix) -> Selected<'_> {
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
    /// `prefix` — the tokens before the patches, as for [`range`](Self::range)
    pub fn select_one(self, image: &[f32], prefix: Prefix, out: &mut [f32]) {
        let channels = out.len();
        match self.range(image.len() / channels, prefix) {
            Some(range) => out.copy_from_slice(&image[range.start * channels..][..channels]),
            None => mean(image, prefix, out),
        }
    }
}

/// The mean over the class token and the patches of an image, summed in f64 in their order.
fn mean(image: &[f32], prefix: Prefix, out: &mut [f32]) {
    let channels = out.len();
    let registers = prefix.registers();
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
            let prefix = Prefix::with_class_token(prefix);
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
        assert_eq!(select(Tokens::Registers, 2), (vec![2.0, 3.0, 8.0, 9.0], 1));
        // With and without a class token, the mean is over all tokens.
        assert_eq!(select(Tokens::Mean, 0), (vec![2.0, 3.0, 8.0, 9.0], 1));
        assert_eq!(select(Tokens::Mean, 1), (vec![2.0, 3.0, 8.0, 9.0], 1));
    }

    #[test]
    fn registers_are_no_part_of_the_mean() {
        let image = [1.0, 10.0, 100.0, 1000.0];
        for (prefix, expected) in [(0, 277.75), (1, 277.75), (2, 367.0), (3, 500.5)] {
            let mut one = [0.0];
            let prefix = Prefix::with_class_token(prefix);
            Tokens::Mean.select_one(&image, prefix, &mut one);
            assert_eq!(one, [expected], "{prefix:?}");
            let selected = Tokens::Mean.select(Activations::new(&image, 1, 4, 1), prefix);
            assert_eq!(selected.activations().image(0), [expected]);
        }
    }
    #[test]
    fn registers_stand_between_the_class_token_and_the_patches() {
        let image = [1.0, 10.0, 100.0, 1000.0];
        let activations = Activations::new(&image, 1, 4, 1);
        for (class_token, registers, expected) in
            [(true, 1, &[10.0][..]), (true, 2, &[10.0, 100.0]), (false, 2, &[1.0, 10.0])]
        {
            let prefix = Prefix { class_token, registers };
            let selected = Tokens::Registers.select(activations, prefix);
            assert_eq!(selected.activations().image(0), expected, "{prefix:?}");
        }
        // Without a class token the mean is that of the patches.
        let mut one = [0.0];
        let prefix = Prefix { class_token: false, registers: 2 };
        Tokens::Mean.select_one(&image, prefix, &mut one);
        assert_eq!(one, [550.0]);
        // A projection stays as it is.
        assert_eq!(Tokens::Registers.range(1, Prefix::default()), Some(0..1));
    }
}
