//! Options that several commands have.

use alignscope::dataset::{OddPlace, ThingsImages};
use alignscope::features::{Layout, LayoutError, Layouts};
use alignscope::{Choices, ClusterBy, DatasetOptions, Distance, Ties, Tokens};
use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use crate::typed::{memory_size, one_of, positive, resamples};

/// How much memory is used.
#[derive(Debug, Clone, Args)]
pub struct Budget {
    /// Most memory to use, such as 8GB; by default half of the machine's.
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub memory: Option<ByteSize>,
}

/// How arrays of features are read.
#[derive(Debug, Clone, Args)]
pub struct Arrays {
    /// For features: how many tokens precede the patches; 1 for a class token, 5 for a class token
    /// and four registers, 0 for none. By default 0 if the number of tokens is a square, 1 if it is
    /// a square plus one; with any other number, give it if --tokens depends on it.
    #[arg(long, value_name = "N")]
    pub prefix_tokens: Option<usize>,

    /// For features: the axes of the arrays; by default NLC for three axes. Can be given twice, for
    /// stages with four axes and for stages with three.
    #[arg(long = "layout", value_name = "LAYOUT", value_parser = one_of::<Layout>())]
    pub layouts: Vec<Layout>,
}

impl Arrays {
    /// The axes that are given, if any.
    ///
    /// # Errors
    /// Two are of the same number of axes.
    pub fn layouts(&self) -> Result<Option<Layouts>, LayoutError> {
        match self.layouts.is_empty() {
            true => Ok(None),
            false => Layouts::new(&self.layouts).map(Some),
        }
    }
}

/// How distances are computed and scored.
#[derive(Debug, Clone, Args)]
pub struct Scoring {
    /// Kinds of distance; by default euclidean, normalized-euclidean and cosine.
    #[arg(
        long = "distance",
        value_name = "DISTANCE",
        num_args = 1..,
        value_parser = one_of::<Distance>()
    )]
    pub distances: Vec<Distance>,

    /// Which tokens of an image are compared; by default `all`.
    #[arg(
        long,
        value_name = "TOKENS",
        value_parser = one_of::<Tokens>()
    )]
    pub tokens: Option<Tokens>,

    /// How a tie between a model's distances counts; by default `miss`.
    #[arg(
        long,
        value_name = "RULE",
        value_parser = one_of::<Ties>()
    )]
    pub ties: Option<Ties>,

    /// Bootstrap resamples of each interval, by default 2000; 0 for no intervals.
    #[arg(long, value_name = "N", value_parser = resamples)]
    pub resamples: Option<usize>,

    /// Seed of the resamples, by default 0.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Which trials are resampled together; by default `default`.
    #[arg(
        long,
        value_name = "WHAT",
        value_parser = one_of::<ClusterBy>()
    )]
    pub cluster: Option<ClusterBy>,
}

impl Scoring {
    /// The same as the library has it.
    pub fn choices(&self) -> Choices {
        Choices {
            distances: Some(self.distances.clone()).filter(|distances| !distances.is_empty()),
            tokens: self.tokens,
            ties: self.ties,
            resamples: self.resamples,
            seed: self.seed,
            cluster: self.cluster,
            ..Choices::default()
        }
    }
}

/// Which part of a data set is used.
#[derive(Debug, Clone, Args)]
pub struct Part {
    /// Use one split: a file of THINGS (by default testset1), or a value of the column `split` of
    /// another data set (by default all rows).
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,

    /// Leave out NIGHTS trials with fewer votes than this.
    #[arg(long, value_name = "N")]
    pub min_votes: Option<u32>,

    #[command(flatten)]
    pub scores: Scores,

    /// Which image stands for a THINGS concept; by default `first`.
    #[arg(long, value_name = "WHICH", value_enum)]
    pub images: Option<ConceptImages>,

    /// Where the odd one stands in each triplet of a file that has it at one place (THINGS's texts,
    /// arrays of NumPy); by default `last`.
    #[arg(long, value_name = "PLACE", value_parser = one_of::<OddPlace>())]
    pub odd: Option<OddPlace>,

    /// Use only the first N trials that can be run.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub limit: Option<usize>,

    /// Allow paths in a manifest that lead out of the folder of the data set.
    #[arg(long)]
    pub allow_outside: bool,

    /// Leave out trials whose images are missing, instead of stopping. They are counted.
    #[arg(long)]
    pub skip_missing: bool,
}

impl Part {
    /// The same as the library has it.
    pub fn options(&self) -> DatasetOptions {
        DatasetOptions {
            split: self.split.clone(),
            min_votes: self.min_votes,
            lower_is_better: self.scores.lower_is_better,
            things_images: self.images.map(Into::into),
            odd: self.odd,
            skip_missing: self.skip_missing,
            allow_outside: self.allow_outside,
            limit: self.limit,
            ..DatasetOptions::default()
        }
    }
}

/// Which way the scores of rated pairs run.
#[derive(Debug, Clone, Args)]
pub struct Scores {
    /// Lower scores of rated pairs mean closer images, as a DMOS's do: they are turned. By default
    /// as the data set's files have it; `--lower-is-better=false` says the opposite.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub lower_is_better: Option<bool>,
}

/// Which image stands for a THINGS concept.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ConceptImages {
    /// The first in sorted order.
    #[value(help = "the first image in sorted order, as in the study")]
    First,
    /// The one whose name ends in `_01b`.
    #[value(name = "01b", help = "the image whose name ends in `_01b`")]
    Reference01b,
}

impl From<ConceptImages> for ThingsImages {
    fn from(images: ConceptImages) -> Self {
        match images {
            ConceptImages::First => Self::First,
            ConceptImages::Reference01b => Self::Reference01b,
        }
    }
}
