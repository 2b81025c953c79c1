//! What a user chooses of an experiment, and what is as it was where nothing is chosen.

use std::path::PathBuf;

use super::Experiment;
use crate::distance::Distance;
use crate::encoder::{PrecisionChoice, Tokens};
use crate::features::Layouts;
use crate::finished::Presentation;
use crate::model::TransformSpec;
use crate::model_spec::{Backend, ProjectionForm, TorchOptions};
use crate::resample::{ClusterBy, Resampling};
use crate::score::Ties;

/// What a file, a command or a call says of an experiment beside its models, data sets and figures;
/// `None` where it says nothing.
///
/// ```
/// use alignscope::{Choices, Experiment, Ties};
///
/// let choices = Choices { ties: Some(Ties::Half), ..Choices::default() };
/// let experiment = Experiment::new(vec![], vec![], 1 << 30).with(choices);
/// assert_eq!(experiment.ties, Ties::Half);
/// assert_eq!(experiment.resampling.resamples, 2000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// What stands over the page, and over every figure that has no title of its own.
    pub title: Option<String>,
    /// The kinds of distance.
    pub distances: Option<Vec<Distance>>,
    /// Which tokens' activations are compared.
    pub tokens: Option<Tokens>,
    /// How many tokens stand before the patches in features.
    pub prefix_tokens: Option<usize>,
    /// What the axes of arrays of features are.
    pub layouts: Option<Layouts>,
    /// The form of an encoder's projection.
    pub projection: Option<ProjectionForm>,
    /// In which arithmetic encoders multiply.
    pub precision: Option<PrecisionChoice>,
    /// What runs the encoders.
    pub backend: Option<Backend>,
    /// How torch models run.
    pub torch: TorchOptions,
    /// What a tie counts.
    pub ties: Option<Ties>,
    /// Bootstrap resamples of each interval.
    pub resamples: Option<usize>,
    /// Seed of the resamples.
    pub seed: Option<u64>,
    /// What is resampled as a whole.
    pub cluster: Option<ClusterBy>,
    /// Side of the square that baselines see where a data set's images differ in size.
    pub baseline_size: Option<usize>,
    /// A folder in which weights of baselines are looked for first.
    pub weights: Option<PathBuf>,
    /// Whether `pixels` is added.
    pub pixels: Option<bool>,
    /// Bytes of memory to stay within.
    pub memory_bytes: Option<u64>,
    /// The run whose scales are taken.
    pub scale_from: Option<PathBuf>,
    /// A transform of the vectors of one stage.
    pub transform: Option<TransformSpec>,
    /// Whether trials of images that cannot be decoded are left out.
    pub keep_going: Option<bool>,
    /// Whether the study's own scores lie under those of the run.
    pub published: Option<bool>,
    /// Whether the answers come from a simulated observer.
    pub simulated: Option<bool>,
}

impl Experiment {
    /// The same experiment with what is chosen in the place of what it said.
    #[must_use]
    pub fn with(self, choices: Choices) -> Self {
        let Resampling { resamples, seed, cluster } = self.resampling;
        Self {
            distances: choices.distances.unwrap_or(self.distances),
            tokens: choices.tokens.unwrap_or(self.tokens),
            prefix_tokens: choices.prefix_tokens.or(self.prefix_tokens),
            layouts: choices.layouts.unwrap_or(self.layouts),
            projection: choices.projection.or(self.projection),
            precision: choices.precision.map_or(self.precision, PrecisionChoice::resolve),
            backend: choices.backend.unwrap_or(self.backend),
            torch: choices.torch.or(self.torch),
            ties: choices.ties.unwrap_or(self.ties),
            resampling: Resampling {
                resamples: choices.resamples.unwrap_or(resamples),
                seed: choices.seed.unwrap_or(seed),
                cluster: choices.cluster.unwrap_or(cluster),
            },
            baseline_size: choices.baseline_size.unwrap_or(self.baseline_size),
            weights: choices.weights.or(self.weights),
            pixels: choices.pixels.unwrap_or(self.pixels),
            memory_bytes: choices.memory_bytes.unwrap_or(self.memory_bytes),
            scale_from: choices.scale_from.or(self.scale_from),
            transform: choices.transform.or(self.transform),
            keep_going: choices.keep_going.unwrap_or(self.keep_going),
            simulated: choices.simulated.unwrap_or(self.simulated),
            presentation: Presentation {
                title: choices.title.or(self.presentation.title),
                published: choices.published.unwrap_or(self.presentation.published),
                ..self.presentation
            },
            ..self
        }
    }
}
