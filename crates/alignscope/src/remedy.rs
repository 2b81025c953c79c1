//! What a user can do where something cannot be done, as a value: each door words it.

use std::fmt;

/// What would help.
///
/// The command line names its options for it, Python its arguments. Each has its words in one
/// place, and a remedy without words there does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// A larger memory budget.
    MoreMemory {
        /// Bytes that would do; `None` if that is not known.
        bytes: Option<u64>,
    },
    /// The image with fewer pixels.
    SmallerImage,
    /// Metrics that see images as a smaller square.
    SmallerSquare,
    /// Metrics that see images as a larger square.
    LargerSquare,
    /// Products in f32, whose weights take a third less than those in `bf16x6`.
    PrecisionF32,
    /// Activations in a temporary file.
    Spill,
    /// Space where files are written.
    FreeSpace,
    /// Another folder for temporary files.
    OtherTemporaryFolder,
    /// Fewer bootstrap resamples.
    FewerResamples,
    /// A part of the trials.
    FewerTrials,
    /// Trials of images that cannot be read are left out.
    LeaveOutImages,
    /// Trials of images that are missing are left out.
    LeaveOutMissing,
    /// The folder or file where a data set is.
    NameData,
    /// A data set with its images.
    WithImages,
    /// No model `pixels`.
    WithoutPixels,
    /// Files may lie outside the data set's folder.
    AllowOutside,
    /// The place of the odd one in each triplet, if it is another than is taken.
    SayOdd {
        /// The place: `first`, `second` or `last`.
        place: &'static str,
    },
    /// One file of several that could be meant.
    NameFile,
    /// Another name for one of two data sets.
    RenameDataset {
        /// The format that the data set was asked for by.
        format: String,
    },
    /// Trials are resampled together as the data set's paradigm says.
    ClusterByDefault,
    /// A choice that has no use is left out.
    LeaveOut(Choice),
    /// The Python package, which runs torch models, with a library of them.
    PythonPackage {
        /// The library's package, as `pip` knows it.
        library: &'static str,
    },
    /// Encoders are run by torch.
    TorchBackend,
    /// Encoders are run by alignscope itself.
    OwnBackend,
    /// The tokens of a model that has no class token.
    OtherTokens,
    /// Tokens of which each image has one, or their mean.
    OneVector,
    /// A model of the same architecture and preprocessing.
    SayLike,
    /// How many tokens stand before the patches.
    SayPrefix,
    /// How many tokens stand before the patches, if it is not as many as is taken.
    SayOtherPrefix,
    /// The first token is a class token.
    SayClassToken,
    /// What the axes of arrays are.
    SayLayouts {
        /// Their names: one for arrays of four axes, one for arrays of three, or both.
        layouts: Vec<&'static str>,
        /// What the axes must be for that to be right, such as `[images, channels, tokens]`.
        axes: &'static str,
    },
    /// The published weights of a metric are fetched.
    FetchWeights {
        /// The metric.
        metric: &'static str,
    },
    /// Weights that were brought from elsewhere.
    NameWeights,
    /// Another folder for what is kept of each run.
    NameCache,
    /// Nothing is kept for later runs.
    WithoutCache,
    /// What is computed is kept in a cache.
    WithCache,
    /// Nothing is discarded first.
    WithoutFresh,
    /// Another output folder; what is encoded already is not encoded again.
    OtherFolder,
    /// The output folder without what it holds.
    RemoveFolder,
    /// The run in the folder is replaced.
    ReplaceRun,
    /// What the folder holds is discarded.
    Fresh,
    /// Whether higher or lower scores of rated pairs are better.
    SayDirection,
    /// A look at what of the run has changed.
    Verify,
    /// The run is made again.
    RunAgain,
    /// A comparison on a data set that both runs have.
    OneDataset {
        /// The data set.
        dataset: String,
    },
    /// Runs that cannot be one, side by side on one board.
    Gallery,
    /// Another name for one of two runs on a board.
    NameBoardRuns,
    /// Runs that are not as their manifests say are taken, too, and marked.
    TakeAltered,
    /// One side of a comparison.
    NameSide,
    /// Names of runs that tell their models apart.
    NameRuns,
    /// One of two runs again, with the rule for ties of the other.
    RunWithTies,
}

/// What a user may choose, and may have to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// A split of a data set.
    Split,
    /// The fewest votes of a trial.
    MinVotes,
    /// Which way the scores of rated pairs run.
    LowerIsBetter,
    /// Which of THINGS's images.
    ThingsImages,
    /// Where the odd one stands in each triplet.
    Odd,
    /// How arrays of features are read.
    Reading,
    /// How many tokens stand before the patches.
    Prefix,
    /// The scales of another run.
    Scales,
    /// How torch models run.
    Torch,
    /// A transform of activations.
    Transform,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Split => "a split",
            Self::MinVotes => "the fewest votes of a trial",
            Self::LowerIsBetter => "which way scores run",
            Self::ThingsImages => "one of THINGS's sets of images",
            Self::Odd => "where the odd one stands",
            Self::Reading => "how arrays of features are read",
            Self::Prefix => "how many tokens stand before the patches",
            Self::Scales => "the scales of another run",
            Self::Torch => "how torch models run",
            Self::Transform => "the transform",
        })
    }
}

/// Something that the user must know, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What it is.
    pub text: String,
    /// What would help.
    pub remedies: Vec<Remedy>,
}

impl Advice {
    /// All of it, each remedy in the words of a door.
    pub fn in_words(&self, words: impl Fn(&Remedy) -> String) -> String {
        with_remedies(&self.text, self.remedies.iter().map(words))
    }
}

/// A text with what would help, as a door words it: `; do this, or that`. Behind a list it is a line of
/// its own.
pub fn with_remedies(text: &str, words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<String> = words.into_iter().collect();
    let words = words.join(", or ");
    let mut letters = words.chars();
    match letters.next() {
        None => text.to_owned(),
        Some(first) if text.contains('\n') => {
            format!("{text}\n{}{}", first.to_uppercase(), letters.as_str())
        }
        Some(_) => format!("{text}; {words}"),
    }
}
