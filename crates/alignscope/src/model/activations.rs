//! Whatever gives activations, on a data set: one plan, one loop, one reduction.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::error::check_stopped;
use super::on_device::OnDevice;
use super::pair_reduction::{PlacedPair, reduce_file, reduce_memory, reduce_on_device};
use super::reduction::{Reduction, When, check_usable, distances, suspects};
use super::transformed::{StageTransform, Transformed};
use super::vectors::{self, Vectors};
use super::{Cell, CellWork, Facts, Measurement, Model, ModelError, StageDistances};
use crate::cache::CacheEntry;
use crate::dataset::ImageIndex;
use crate::encoder::{Encoded, Prefix, Tokens};
use crate::image::{ImageError, Prefetch, RgbImage, prefetch};
use crate::pair_statistics::{Activations as StageActivations, PairStatisticsStore};
use crate::plan::{Demand, Holding, MemoryPlan, Remaining, Request, ResidentSet};
use crate::prepared::PreparedDataset;
use crate::progress::Progress;
use crate::remedy::Advice;
use crate::stage::Stage;
use crate::transform::StageVectors;

/// Gives the activations of images at each of its stages: an encoder, features that are there
/// already, a function.
///
/// To add one: a file that implements this and [`Facts`], as here; a name for it in `model_spec.rs`; and its
/// line in `run/models.rs`, which makes models of what the user names. The plan of memory, the loop
/// over resident sets, the cache, going on after a stop and the reduction to distances are those of
/// [`Activations`].
///
/// ```
/// use std::ops::Range;
///
/// use alignscope::encoder::Encoded;
/// use alignscope::model::{
///     ActivationSource, Activations, Cell, Facts, Model, ModelError, Role, SetImages, SetReducer,
///     TokenChoice,
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
///             reducer.begin(of_set.set)?;
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
    /// Looks at the data sets before the first image is encoded; see [`Model::prepare`].
    ///
    /// # Errors
    /// It cannot be measured on one of them.
    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError> {
        let _ = (cells, progress);
        Ok(())
    }

    /// Each stage with its channels, on a data set that it was [prepared](Self::prepare) for.
    fn widths(&self, cell: &Cell<'_>) -> Vec<(Stage, usize)>;

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

    /// Gives the activations of each resident set of the plan at some of the stages, set after set: to
    /// [`begin`](SetReducer::begin) with, then [`stage`](SetReducer::stage) for each stage, then
    /// [`end`](SetReducer::end).
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

/// A model that is a source of activations.
#[derive(Debug)]
pub struct Activations<S>(pub S);

impl<S: ActivationSource> Model for Activations<S> {
    fn facts(&self) -> &dyn Facts {
        &self.0
    }

    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError> {
        self.0.prepare(cells, progress)
    }

    /// Each image is encoded once. Resident sets that are kept are not encoded again, and those that are encoded are
    /// kept. Files are read ahead while images are encoded, also those of the next resident set.
    fn measure(
        &mut self,
        cell: &Cell<'_>,
        mut cached: Option<CacheEntry>,
        progress: &dyn Progress,
    ) -> Result<Measurement, ModelError> {
        let source = &mut self.0;
        let dataset = cell.dataset;
        let pairs = dataset.pairs.len();
        let widths = source.widths(cell);
        let covered =
            cached.as_ref().map_or_else(|| vec![false; pairs], |entry| entry.covered(pairs));
        if let Some(entry) = &cached
            && covered.iter().all(|covered| *covered)
        {
            let stages = from_cache(cell, &widths, entry, progress)?;
            let warnings = source.warnings();
            return Ok(Measurement { warnings, ..Measurement::new(stages, None) });
        }
        source.load(cell, progress)?;
        let clock = Instant::now();
        let remaining = Remaining::new(&dataset.pairs, &covered);
        let plan = plan_of(source, cell, &remaining, cached.is_some(), 0, progress)?;
        let images = remaining.images.len();
        let when = match (plan.is_one_set, cached.is_some()) {
            (true, _) => When::AtOnce,
            (false, true) => When::FromFiles,
            (false, false) => When::AtTheEnd,
        };
        let needed = needed_images(source, &plan);
        let mut found = Some(Vec::with_capacity(widths.len()));
        for stages in &plan.stage_groups {
            let of_group = widths[stages.clone()].to_vec();
            let reduction = Reduction::new(*cell, of_group, when, plan.store_in_memory)?;
            let cache = cached.as_mut();
            let sink = Sink::Pairs { cache, reduction };
            let mut reducer = SetReducer { cell, sink, transform: None, set: None, progress };
            encode(source, &plan, &needed, stages.clone(), &mut reducer)?;
            let finished = reducer.finish()?;
            found = found.zip(finished).map(|(mut found, finished)| {
                found.extend(finished);
                found
            });
        }
        progress.end();
        let stages = match (found, &cached) {
            (Some(stages), _) => stages,
            (None, Some(entry)) => from_cache(cell, &widths, entry, progress)?,
            (None, None) => unreachable!("statistics of several sets are in a store or kept"),
        };
        let holding = source.holding(&plan, &widths);
        if let Some(holding) = &holding {
            progress.note(&format!("{}: {holding}", cell.model));
        }
        let wall_s = clock.elapsed().as_secs_f64();
        let work = CellWork { images, features_computed: None, wall_s };
        let warnings = source.warnings();
        Ok(Measurement { holding, warnings, ..Measurement::new(stages, Some(work)) })
    }

    /// Encodes each image once; nothing is kept.
    fn vectors(
        &mut self,
        cell: &Cell<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<StageVectors>, ModelError> {
        let source = &mut self.0;
        let widths = source.widths(cell);
        let images = cell.dataset.dataset.images.len();
        source.load(cell, progress)?;
        let pairs = &cell.dataset.pairs;
        let remaining = Remaining::new(pairs, &vec![false; pairs.len()]);
        let mut vectors = Vectors::new(images, &widths);
        let plan = plan_of(source, cell, &remaining, true, vectors.bytes(), progress)?;
        let needed = needed_images(source, &plan);
        for stages in &plan.stage_groups {
            let sink = Sink::Vectors(&mut vectors);
            let mut reducer = SetReducer { cell, sink, transform: None, set: None, progress };
            encode(source, &plan, &needed, stages.clone(), &mut reducer)?;
        }
        progress.end();
        Ok(vectors.stages)
    }

    fn transformed<'a>(
        self: Box<Self>,
        transform: StageTransform,
    ) -> Result<Box<dyn Model + 'a>, ModelError>
    where
        Self: 'a,
    {
        Ok(Box::new(Activations(Transformed::new(self.0, transform))))
    }

    fn give_back(&mut self) {
        self.0.give_back();
    }
}

/// What is in memory while the rest of a cell is encoded; tells it, and begins the work.
///
/// `beside_bytes` — bytes that are needed beside what the source demands
fn plan_of<S: ActivationSource>(
    source: &S,
    cell: &Cell<'_>,
    remaining: &Remaining,
    is_cached: bool,
    beside_bytes: u64,
    progress: &dyn Progress,
) -> Result<MemoryPlan, ModelError> {
    let (mut demand, name) = (source.demand(cell), cell.name());
    demand.fixed_bytes += beside_bytes;
    let request = Request {
        cell: &name,
        images: cell.dataset.dataset.images.len(),
        pairs: cell.dataset.pairs.len(),
        distances: cell.distances.len(),
        remaining,
        is_cached,
        memory_bytes: cell.memory_bytes,
    };
    let plan = MemoryPlan::new(&demand, request)?;
    plan.tell(&name, &demand, progress);
    let images = remaining.images.len();
    let steps = plan.stage_groups.iter().map(|stages| images * source.steps(stages.len()));
    progress.begin(&name, steps.sum::<usize>() as u64);
    Ok(plan)
}

/// The images that a source asks for in one pass over the sets of a plan, in order.
fn needed_images(source: &impl ActivationSource, plan: &MemoryPlan) -> Vec<ImageIndex> {
    let passes = source.passes();
    let sets = plan.sets.iter();
    sets.flat_map(|set| std::iter::repeat_n(&set.images, passes).flatten()).copied().collect()
}

/// Has a source encode all sets of a plan at some stages, while the files of images are read ahead.
fn encode<S: ActivationSource>(
    source: &mut S,
    plan: &MemoryPlan,
    needed: &[ImageIndex],
    stages: Range<usize>,
    reducer: &mut SetReducer<'_>,
) -> Result<(), ModelError> {
    let (cell, progress, passes) = (reducer.cell, reducer.progress, source.passes());
    let dataset = cell.dataset;
    let read = |position: usize| dataset.read(needed[position] as usize);
    prefetch(needed.len(), plan.ahead_bytes, read, |ahead| {
        let images = SetImages { dataset, plan, passes, ahead, progress };
        source.encode(cell, &images, stages, reducer)
    })
}

/// The resident sets of a plan, and their images, which are read ahead.
pub struct SetImages<'a> {
    dataset: &'a PreparedDataset,
    plan: &'a MemoryPlan,
    passes: usize,
    ahead: &'a Prefetch<ImageError>,
    progress: &'a dyn Progress,
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
    /// Does something with image `i` of the set, decoded; all images are asked for once before any is
    /// asked for again.
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

/// Which tokens of an image are compared, and which stand before its patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenChoice {
    /// The tokens.
    pub tokens: Tokens,
    /// The tokens before the patches.
    pub prefix: Prefix,
}

impl TokenChoice {
    /// All tokens that there are.
    pub const ALL: Self =
        Self { tokens: Tokens::All, prefix: Prefix { class_token: false, registers: 0 } };
}

/// What becomes of activations.
enum Sink<'a> {
    /// Statistics of pairs.
    Pairs { cache: Option<&'a mut CacheEntry>, reduction: Reduction<'a> },
    /// The one vector of each image, as it is.
    Vectors(&'a mut Vectors),
}

/// Takes activations, and leaves statistics of pairs, or the vectors themselves.
pub struct SetReducer<'a> {
    cell: &'a Cell<'a>,
    sink: Sink<'a>,
    /// What is made of vectors first, and at which stage: others are passed over.
    transform: Option<StageTransform>,
    /// The present set, its pairs in the order of reduction.
    set: Option<(Vec<ImageIndex>, Vec<PlacedPair>)>,
    progress: &'a dyn Progress,
}

impl SetReducer<'_> {
    /// Lets `work` hand activations on, of which those at one stage are transformed first.
    pub(super) fn with_transform<T>(
        &mut self,
        transform: &StageTransform,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.transform = Some(transform.clone());
        let done = work(self);
        self.transform = None;
        done
    }

    /// The next set.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn begin(&mut self, set: &ResidentSet) -> Result<(), ModelError> {
        if let Sink::Pairs { cache, reduction } = &mut self.sink {
            reduction.begin(set, cache.as_deref())?;
        }
        self.set = Some((set.images.clone(), PlacedPair::of(set)));
        Ok(())
    }

    /// The activations of all images of the set at a stage.
    ///
    /// # Errors
    /// One of them is not usable, or the user wants to stop.
    pub fn stage(
        &mut self,
        stage: Stage,
        encoded: Encoded<'_>,
        choice: TokenChoice,
    ) -> Result<(), ModelError> {
        check_stopped(self.progress)?;
        if self.passes_over(stage) {
            return Ok(());
        }
        let (images, pairs) = self.set.as_ref().expect("a set was begun");
        let image_of = |image: usize| images[image] as usize;
        let TokenChoice { tokens, prefix } = choice;
        match encoded {
            Encoded::Memory(activations) => {
                let products = activations.image_products();
                check_usable(self.cell, stage, activations, &products, image_of)?;
                let selected = tokens.select(activations, prefix);
                let activations = selected.activations();
                match &mut self.sink {
                    Sink::Pairs { reduction, .. } if self.transform.is_none() => {
                        reduction.stage(stage, |energy, keep| {
                            reduce_memory(activations, pairs, energy, keep)
                        })
                    }
                    _ => self.take(stage, vectors::of_memory(self.cell, stage, activations)?),
                }
            }
            Encoded::File(mut spilled) => {
                let [of_image, channels] = [spilled.file.tokens(), spilled.file.channels()];
                for image in suspects(spilled.products) {
                    let values = &mut spilled.workspace[..of_image * channels];
                    spilled.file.read(image, values)?;
                    let one = StageActivations::new(values, 1, of_image, channels);
                    let products = &spilled.products[image..=image];
                    check_usable(self.cell, stage, one, products, |_| image_of(image))?;
                }
                match &mut self.sink {
                    Sink::Pairs { reduction, .. } if self.transform.is_none() => {
                        reduction.stage(stage, |energy, keep| {
                            reduce_file(&mut spilled, tokens, prefix, pairs, energy, keep)
                        })
                    }
                    _ => self.take(stage, vectors::of_file(self.cell, stage, &mut spilled, choice)?),
                }
            }
        }
    }

    /// The activations of all images of the set at a stage, which a device holds and reduces.
    pub(super) fn stage_on_device(
        &mut self,
        activations: &mut dyn OnDevice,
    ) -> Result<(), ModelError> {
        check_stopped(self.progress)?;
        let (stage, [tokens, channels]) = (activations.stage(), activations.shape());
        if self.passes_over(stage) {
            return Ok(());
        }
        let (images, pairs) = self.set.as_ref().expect("a set was begun");
        let sums = activations.images()?;
        for image in suspects(&sums.products) {
            let values = activations.image(image)?;
            let one = StageActivations::new(&values, 1, tokens, channels);
            let products = &sums.products[image..=image];
            check_usable(self.cell, stage, one, products, |_| images[image] as usize)?;
        }
        match &mut self.sink {
            Sink::Pairs { reduction, .. } if self.transform.is_none() => {
                reduction.stage(stage, |energy, keep| {
                    reduce_on_device(activations, &sums, pairs, energy, keep)
                })
            }
            _ => {
                let found = vectors::of_device(self.cell, activations, images.len())?;
                self.take(stage, found)
            }
        }
    }

    /// Whether activations at a stage are of no use: only another one is transformed.
    fn passes_over(&self, stage: Stage) -> bool {
        self.transform.as_ref().is_some_and(|transform| transform.stage != stage)
    }

    /// Takes the one vector of each image of the set, `[images, channels]`.
    fn take(&mut self, stage: Stage, vectors: Vec<f32>) -> Result<(), ModelError> {
        let (images, pairs) = self.set.as_ref().expect("a set was begun");
        let vectors = match &self.transform {
            None => vectors,
            Some(transform) => transform.apply(self.cell, &vectors)?,
        };
        let channels = vectors.len() / images.len();
        let seen = StageActivations::new(&vectors, images.len(), 1, channels);
        match &mut self.sink {
            Sink::Vectors(all) => all.put(stage, images, seen),
            Sink::Pairs { reduction, .. } => {
                let image_of = |image: usize| images[image] as usize;
                check_usable(self.cell, stage, seen, &seen.image_products(), image_of)?;
                reduction.stage(stage, |energy, keep| reduce_memory(seen, pairs, energy, keep))?;
            }
        }
        Ok(())
    }

    /// The set is done.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn end(&mut self) -> Result<(), ModelError> {
        self.set = None;
        match &mut self.sink {
            Sink::Pairs { cache, reduction } => reduction.end(cache.as_deref_mut()),
            Sink::Vectors(_) => Ok(()),
        }
    }

    /// The distances at all stages; `None` if they are to be read from files, or only vectors are
    /// taken.
    fn finish(self) -> Result<Option<Vec<StageDistances>>, ModelError> {
        match self.sink {
            Sink::Pairs { reduction, .. } => reduction.finish(),
            Sink::Vectors(_) => Ok(None),
        }
    }
}

/// The distances of a cell of which all pairs are kept.
///
/// `widths` — each stage with its channels
fn from_cache(
    cell: &Cell<'_>,
    widths: &[(Stage, usize)],
    entry: &CacheEntry,
    progress: &dyn Progress,
) -> Result<Vec<StageDistances>, ModelError> {
    let pairs = cell.dataset.pairs.len();
    progress.begin(&format!("{}: kept differences", cell.name()), widths.len() as u64);
    let mut found = Vec::with_capacity(widths.len());
    let mut store: Option<PairStatisticsStore> = None;
    for (position, &(stage, channels)) in widths.iter().enumerate() {
        check_stopped(progress)?;
        let mut current = match store.take() {
            Some(store) if store.channels(0) == channels => store,
            _ => {
                let bytes = PairStatisticsStore::bytes(pairs, 1, channels);
                PairStatisticsStore::new(pairs, &[channels], bytes <= cell.memory_bytes / 2)?
            }
        };
        entry.read_stage(position, &mut current)?;
        found.push(distances(*cell, stage, &current, 0, &entry.read_energy(position)?)?);
        store = Some(current);
        progress.advance(1);
    }
    progress.end();
    Ok(found)
}
