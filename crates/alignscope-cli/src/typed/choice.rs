//! Values of an option that are one of a few words.

use std::error::Error;
use std::ffi::OsStr;
use std::marker::PhantomData;
use std::str::FromStr;

use alignscope::dataset::OddPlace;
use alignscope::features::Layout;
use alignscope::{
    Backend, ClusterBy, DatasetFormat, Distance, NamedDataset, Precision, PrecisionChoice,
    ProjectionForm, Ties, Tokens, TorchDtype, TransformKind,
};
use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};

/// An enum of the library that is typed as a word.
pub trait Choice: FromStr + Copy + Send + Sync + 'static {
    /// All values that can be typed.
    const VALUES: &'static [Self];

    /// The word for this value.
    fn word(self) -> &'static str;

    /// What the value means, in a line of the help; `None` if a command lists the meanings.
    fn meaning(self) -> Option<&'static str>;
}

/// Reads one of the words. The help and the completions list them, and the library's error names
/// the word that was probably meant.
pub fn one_of<T: Choice>() -> OneOf<T> {
    OneOf(PhantomData)
}

/// See [`one_of`].
pub struct OneOf<T>(PhantomData<fn() -> T>);

impl<T> Clone for OneOf<T> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<T: Choice> TypedValueParser for OneOf<T>
where
    T::Err: Error + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        typed: &OsStr,
    ) -> Result<T, clap::Error> {
        T::from_str.parse_ref(command, argument, typed)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(T::VALUES.iter().map(|value| {
            let listed = PossibleValue::new(value.word());
            match value.meaning() {
                Some(meaning) => listed.help(meaning),
                None => listed,
            }
        })))
    }
}

/// Reads a format, perhaps with a name before it. The help and the completions list the formats.
pub fn dataset() -> NamedFormat {
    NamedFormat
}

/// See [`dataset`].
#[derive(Clone)]
pub struct NamedFormat;

impl TypedValueParser for NamedFormat {
    type Value = NamedDataset;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        typed: &OsStr,
    ) -> Result<NamedDataset, clap::Error> {
        NamedDataset::from_str.parse_ref(command, argument, typed)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(DatasetFormat::ALL.iter().map(|format| PossibleValue::new(format.name()))))
    }
}

impl Choice for DatasetFormat {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    /// `alignscope list datasets` describes them.
    fn meaning(self) -> Option<&'static str> {
        None
    }
}

impl Choice for OddPlace {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::First => "before the two that are alike",
            Self::Second => "between the two that are alike",
            Self::Last => "behind the two that are alike, as in THINGS",
        })
    }
}

impl Choice for Distance {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(self.description())
    }
}

impl Choice for Tokens {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::All => "every token, registers too, as in the study",
            Self::Class => "the class token, which is the first",
            Self::Registers => "the registers: what stands between the class token and the patches",
            Self::Patches => "the patches, without the tokens before them",
            Self::Mean => "the mean of the class token, if there is one, and the patches",
        })
    }
}

impl Choice for TransformKind {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::Standardize => {
                "each channel less its mean and over its deviation; nothing learned"
            }
            Self::Diagonal => "the same with a weight for each channel",
            Self::Ridge => "the same with a matrix, drawn to a multiple of the identity",
            Self::Glocal => "such a matrix that also keeps the neighbours of images",
        })
    }
}

impl Choice for Layout {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(self.meaning())
    }
}

impl Choice for ProjectionForm {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::Raw => "as the last layer gives it",
            Self::Unit => "divided by its L2 norm",
        })
    }
}

impl Choice for PrecisionChoice {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::Auto => {
                "the fastest for which scores stay within a hundredth of their intervals: bf16x3 \
                 on a processor with AMX, f32 on any other"
            }
            Self::Only(Precision::F32) => "single precision",
            Self::Only(Precision::Bf16x6) => {
                "six bf16 products for each product: about as accurate as f32; fast with AMX"
            }
            Self::Only(Precision::Bf16x3) => {
                "three bf16 products for each: most distances within 1e-5 of f32; fast with AMX"
            }
            Self::Only(Precision::Bf16) => {
                "one bf16 product: the least accurate; fast with AMX or AVX-512 BF16"
            }
        })
    }
}

impl Choice for Backend {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::Own => "alignscope itself, on the processor",
            Self::Torch => "torch, by the library that the checkpoint is of, on any device",
        })
    }
}

impl Choice for TorchDtype {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::Float32 => "single precision",
            Self::Bfloat16 => "16 bits with the range of float32",
            Self::Float16 => "16 bits with more digits and less range: numbers may overflow",
        })
    }
}

impl Choice for Ties {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::Miss => "a tie counts as a wrong answer, as in the study",
            Self::Half => "a tie of k distances counts 1/k if the right answer is among them",
        })
    }
}

impl Choice for ClusterBy {
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }

    fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::Default => {
                "all trials of a reference image together; for triplets, of the same three images; \
                 for matrices, people and images"
            }
            Self::Observer => "all answers of a person, if the data set says who answered",
            Self::Image => "images, of people's matrices alone",
            Self::None => "each trial alone, as if all were independent",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_the_help_lists_is_read() {
        fn is_read<T: Choice>()
        where
            T::Err: Error + Send + Sync + 'static,
        {
            let words: Vec<_> = one_of::<T>().possible_values().expect("a list").collect();
            assert!(!words.is_empty());
            for word in words {
                assert!(T::from_str(word.get_name()).is_ok(), "{}", word.get_name());
            }
        }
        is_read::<DatasetFormat>();
        is_read::<Distance>();
        is_read::<Tokens>();
        is_read::<Layout>();
        is_read::<ProjectionForm>();
        is_read::<PrecisionChoice>();
        is_read::<Backend>();
        is_read::<TorchDtype>();
        is_read::<Ties>();
        is_read::<ClusterBy>();
    }
}
