//! What is asked for: models × data sets × distances, and how they are run.

mod choices;
mod expanded;
mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use choices::Choices;
pub(crate) use file::written;
pub use file::{ExperimentFile, ExperimentFileError};

use crate::cache::CacheFolder;
use crate::distance::Distance;
use crate::encoder::{Precision, Tokens};
use crate::features::Layouts;
use crate::finished::{FigureSpec, Presentation};
use crate::model::TransformSpec;
use crate::model_spec::{Backend, ModelSpec, NamedModel, ProjectionForm, TorchOptions};
use crate::prepared::DatasetSpec;
use crate::resample::Resampling;
use crate::score::Ties;

/// A grid of models × data sets × distances.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// The models, in the order of the results, with the names that the user gives them.
    pub models: Vec<NamedModel>,
    /// What the patterns of its series matched in the run that it repeats, if it repeats one: by
    /// pattern, with whole paths.
    pub matched_before: BTreeMap<String, Vec<PathBuf>>,
    /// The data sets.
    pub datasets: Vec<DatasetSpec>,
    /// The kinds of distance.
    pub distances: Vec<Distance>,
    /// Which tokens' activations are compared.
    pub tokens: Tokens,
    /// How many tokens stand before the patches in features that are named by a folder.
    pub prefix_tokens: Option<usize>,
    /// What the axes of their arrays are.
    pub layouts: Layouts,
    /// The projection as it is, or divided by its L2 norm; as the model has it unless said
    /// otherwise.
    pub projection: Option<ProjectionForm>,
    /// In which arithmetic encoders multiply.
    pub precision: Precision,
    /// What runs the encoders: alignscope itself, or torch.
    pub backend: Backend,
    /// How torch models run: those that are named, and encoders that torch runs.
    pub torch: TorchOptions,
    /// What a tie between a model's distances counts.
    pub ties: Ties,
    /// How intervals are made.
    pub resampling: Resampling,
    /// Side of the square that baselines see where a data set's images differ in size.
    pub baseline_size: usize,
    /// A folder in which weights of baselines are looked for first.
    pub weights: Option<PathBuf>,
    /// Whether `pixels` is added where `models` does not name it.
    pub pixels: bool,
    /// Bytes of memory to stay within.
    pub memory_bytes: u64,
    /// Folder of a run whose scales are taken instead of this run's own.
    pub scale_from: Option<PathBuf>,
    /// A transform of the vectors of one stage, of which alone models with stages are then measured.
    pub transform: Option<TransformSpec>,
    /// The figures; one of everything where there is none.
    pub figures: Vec<FigureSpec>,
    /// How figures and page look.
    pub presentation: Presentation,
    /// Where differences are kept, so that nothing is encoded twice; nowhere where there is none.
    pub kept: Option<CacheFolder>,
    /// Whether what is kept of this run is forgotten first.
    pub fresh: bool,
    /// Whether trials of images that cannot be decoded are left out, instead of an error.
    pub keep_going: bool,
    /// Whether the answers come from a simulated observer, which every result then says.
    pub simulated: bool,
    /// The command, for the manifest.
    pub command: Option<Vec<String>>,
}

impl Experiment {
    /// Side of the square that baselines see where images differ in size, unless said otherwise.
    pub const BASELINE_SIZE: usize = 224;

    /// An experiment with everything else as it is unless said otherwise: all kinds of distance, all
    /// tokens, f32, a tie a miss, 2,000 resamples, `pixels` beside the models, and nothing kept.
    pub fn new(models: Vec<ModelSpec>, datasets: Vec<DatasetSpec>, memory_bytes: u64) -> Self {
        Self {
            models: models.into_iter().map(NamedModel::from).collect(),
            matched_before: BTreeMap::new(),
            datasets,
            distances: Distance::STUDY.to_vec(),
            tokens: Tokens::All,
            prefix_tokens: None,
            layouts: Layouts::default(),
            projection: None,
            precision: Precision::F32,
            backend: Backend::Own,
            torch: TorchOptions::default(),
            ties: Ties::Miss,
            resampling: Resampling::default(),
            baseline_size: Self::BASELINE_SIZE,
            weights: None,
            pixels: true,
            memory_bytes,
            scale_from: None,
            transform: None,
            figures: vec![],
            presentation: Presentation::default(),
            kept: None,
            fresh: false,
            keep_going: false,
            simulated: false,
            command: None,
        }
    }

    /// The same with the untrained control of each encoder behind it, unless it is there; of a model
    /// `clip` that the user named so, it is called `clip (untrained)`. Models that alignscope does not run
    /// itself have none.
    #[must_use]
    pub fn with_controls(mut self) -> Self {
        let asked = std::mem::take(&mut self.models);
        for model in &asked {
            self.models.push(model.clone());
            let control = model.spec.control().map(|spec| {
                let name = model.name.as_ref().map(|name| format!("{name} (untrained)"));
                NamedModel::new(name, spec)
            });
            let is_there = |control: &NamedModel| {
                asked.iter().chain(&self.models).any(|m| m.spec.is_same_as(&control.spec))
            };
            self.models.extend(control.filter(|control| !is_there(control)));
        }
        self
    }

    /// The figures; those of [`FigureSpec::of_all`] where none are named.
    pub(crate) fn figures(&self) -> Vec<FigureSpec> {
        match self.figures.is_empty() {
            true => FigureSpec::of_all(self.curves(), &self.distances),
            false => self.figures.clone(),
        }
    }

    /// How many models have curves: of a series its last state alone.
    fn curves(&self) -> usize {
        let series = |model: &NamedModel| Some(model.state.as_ref()?.at.series.clone());
        let with_stages = || self.models.iter().filter(|model| model.spec.has_stages());
        let others = with_stages().filter(|model| model.state.is_none()).count();
        others + with_stages().filter_map(series).collect::<BTreeSet<String>>().len()
    }
}
