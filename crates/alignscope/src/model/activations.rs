//! Whatever gives activations.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::check_stopped;
use super::set_reducer::SetReducer;
use super::{Cell, Facts, ModelError};
use crate::image::{ImageError, Prefetch, RgbImage};
use crate::plan::{Demand, Holding, MemoryPlan, ResidentSet};
use crate::prepared::PreparedDataset;
use crate::progress::Progress;
use crate::remedy::Advice;
use crate::stage::Stage;

/// Gives the activations of images at each of its stages: an encoder, features that are there
/// already, a function.
///
/// To add one: a file that implements this and [`Facts`], as here; a name for it in `model_spec.rs`; and its
/// line in `run/models.rs`, which makes models of what the user names. The plan of memory, the loop
/// over resident sets, the cache, going on after a stop and the reduction to distances are those of
/// [`Activations`](super::Activations).
///
/// ```
/// use std::ops::Range;
///
/// use alignscope::encoder::Encoded;
/// use alignscope::model::{
///     ActivationSource, Activations, Begun, Cell, Facts, Model, ModelError, Role, SetImages,
///     SetReducer, TokenChoice,
/// };
/// use alignscope::pair_statistics;
/// use alignscope::plan::{Beyond, Demand, StageDemand};
/// use alignscope::{Stage, depths};
/// use serde_json::{Value, json};
///
/// /// The mean level of each colour.
/// struct MeanColour;
///
/// impl Facts for MeanColour {
///     fn role(&self) -> Role {
///         Role::OfUser
///     }
///
///     fn fingerprint(&self) -> Value {
///         json!("mean-colour")
///     }
///
///     fn inputs(&self) -> Vec<(String, String)> {
///         vec![("version".to_owned(), "1".to_owned())]
///     }
///
///     fn depths(&self, stages: &[Stage]) -> Vec<f64> {
///         depths(stages)
///     }
/// }
///
/// impl ActivationSource for MeanColour {
///     fn widths(&self, _: &Cell<'_>) -> Vec<(Stage, usize)> {
///         vec![(Stage::in_results("mean"), 3)]
///     }
///
///     fn demand(&self, cell: &Cell<'_>) -> Demand {
///         let image_bytes = 3 * size_of::<f32>() as u64;
///         let stage = Stage::in_results("mean");
///         Demand {
///             fixed_bytes: 0,
///             stages: vec![StageDemand { stage, channels: 3, image_bytes }],
///             image_bytes,
///             image_of_file_bytes: image_bytes,
///             image_beside_file_bytes: 0,
///             device_images: None,
///             busy_images: 0,
///             batch_images: 1,
///             reading_bytes: Some(cell.reading_bytes()),
///             // Three numbers an image always fit.
///             beyond: Beyond::AskAgain,
///             at_least: "the mean colours".to_owned(),
///             remedies: Box::new(|_, _| vec![]),
///         }
///     }
///
///     fn encode(
///         &mut self,
///         _: &Cell<'_>,
///         images: &SetImages<'_>,
///         _: Range<usize>,
///         reducer: &mut SetReducer<'_>,
///     ) -> Result<(), ModelError> {
///         for of_set in images.sets() {
///             if reducer.begin(of_set.set)? == Begun::TakenOver {
///                 images.skip(&of_set);
///                 continue;
///             }
///             let count = of_set.set.images.len();
///             let mut means = vec![0.0_f32; 3 * count];
///             for (i, mean) in means.chunks_exact_mut(3).enumerate() {
///                 of_set.load(i, |image| {
///                     let pixels = image.pixels().len() / 3;
///                     for (position, level) in image.pixels().iter().enumerate() {
///                         mean[position % 3] += f32::from(*level) / pixels as f32;
///                     }
///                 })?;
///                 images.advance(1)?;
///             }
///             let means = pair_statistics::Activations::new(&means, count, 1, 3);
///             let stage = Stage::in_results("mean");
///             reducer.stage(stage, Encoded::Memory(means), TokenChoice::ALL)?;
///             reducer.end()?;
///         }
///         Ok(())
///     }
/// }
///
/// let model = Activations(MeanColour);
/// assert_eq!(model.facts().depths(&[Stage::in_results("mean")]), [100.0]);
/// ```
pub trait ActivationSource: Facts + Send {
    /// Looks at the data sets before the first image is encoded; see
    /// [`Model::prepare`](super::Model::prepare).
    ///
    /// # Errors
    /// It cannot be measured on one of them.
    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError> {
        let _ = (cells, progress);
        Ok(())
    }

    /// Each stage with its channels, on a data set that it was [prepared](Self::prepare) for.
    fn widths(&self, cell: &Cell<'_>) -> Vec<(Stage, usize)>;

    /// How many numbers of an image are compared at each stage; by default one vector.
    fn compared_numbers(&self, cell: &Cell<'_>) -> Vec<u64> {
        self.widths(cell).iter().map(|(_, channels)| *channels as u64).collect()
    }

    /// Makes ready what encoding needs; asked for when something is to be encoded, and not before.
    ///
    /// # Errors
    /// Weights cannot be read.
    fn load(&mut self, cell: &Cell<'_>, progress: &dyn Progress) -> Result<(), ModelError> {
        let _ = (cell, progress);
        Ok(())
    }

    /// What it needs of memory.
    fn demand(&self, cell: &Cell<'_>) -> Demand;

    /// How often it asks for each image of a set; 0 where it needs none.
    fn passes(&self) -> usize {
        1
    }

    /// Steps of progress of an image.
    fn steps(&self, stages: usize) -> usize {
        let _ = stages;
        1
    }

    /// Gives the activations of each resident set of the plan at some of the stages, set after set:
    /// to [`begin`](SetReducer::begin) with, then [`stage`](SetReducer::stage) for each stage, then
    /// [`end`](SetReducer::end). A set that another run has kept meanwhile is
    /// [skipped](SetImages::skip).
    ///
    /// # Errors
    /// An image cannot be read, or activations are not usable.
    fn encode(
        &mut self,
        cell: &Cell<'_>,
        images: &SetImages<'_>,
        stages: Range<usize>,
        reducer: &mut SetReducer<'_>,
    ) -> Result<(), ModelError>;

    /// How activations were held, where the user is told.
    fn holding(&self, plan: &MemoryPlan, stages: &[(Stage, usize)]) -> Option<Holding> {
        let _ = (plan, stages);
        None
    }

    /// What is probably wrong with its arrays.
    fn warnings(&self) -> Vec<Advice> {
        vec![]
    }

    /// Gives back what it holds for its data sets: the last one is done.
    fn give_back(&mut self) {}
}

/// The resident sets of a plan, and their images, which are read ahead.
pub struct SetImages<'a> {
    pub(super) dataset: &'a PreparedDataset,
    pub(super) plan: &'a MemoryPlan,
    pub(super) passes: usize,
    /// Steps of progress of an image.
    pub(super) steps: usize,
    pub(super) ahead: &'a Prefetch<ImageError>,
    pub(super) progress: &'a dyn Progress,
}

impl<'a> SetImages<'a> {
    /// The plan.
    pub fn plan(&self) -> &'a MemoryPlan {
        self.plan
    }

    /// The resident sets, in order, each with its images.
    pub fn sets(&self) -> impl Iterator<Item = OneSet<'_>> {
        let mut first = 0;
        self.plan.sets.iter().map(move |set| {
            let of_set = OneSet { images: self, set, first, asked: AtomicUsize::new(0) };
            first += self.passes * set.images.len();
            of_set
        })
    }

    /// The images of a set, and of all before it, are not asked for any more: another run has kept
    /// what would be made of them.
    pub fn skip(&self, of_set: &OneSet<'_>) {
        let images = of_set.set.images.len();
        self.ahead.skip_to(of_set.first + self.passes * images);
        self.progress.advance((self.steps * images) as u64);
    }

    /// Tells that work was done on so many images.
    ///
    /// # Errors
    /// The user wants to stop.
    pub fn advance(&self, images: usize) -> Result<(), ModelError> {
        self.progress.advance(images as u64);
        check_stopped(self.progress)
    }
}

/// A resident set, and its images.
pub struct OneSet<'a> {
    images: &'a SetImages<'a>,
    /// The set.
    pub set: &'a ResidentSet,
    /// Position of the set's first file.
    first: usize,
    /// How many were asked for: all images once, before any is asked for again.
    asked: AtomicUsize,
}

impl OneSet<'_> {
    /// Does something with image `i` of the set, decoded; all images are asked for once before any
    /// is asked for again.
    ///
    /// # Errors
    /// It cannot be read, or is not what it was before.
    pub fn load<T>(&self, i: usize, work: impl FnOnce(RgbImage) -> T) -> Result<T, ModelError> {
        let SetImages { dataset, ahead, .. } = self.images;
        let images = self.set.images.len();
        let pass = self.asked.fetch_add(1, Ordering::Relaxed) / images;
        let bytes = ahead.take(self.first + pass * images + i);
        Ok(dataset.decode(self.set.images[i] as usize, bytes, work)?)
    }
}
