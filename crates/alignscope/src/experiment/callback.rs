//! A model that is a function: it takes batches of images and gives their activations.

use std::fmt;
use std::ops::Range;
use std::time::Instant;

use rayon::prelude::*;

use super::ExperimentError;
use super::encoder::from_cache;
use super::error::check_stopped;
use super::holding::{Holding, Place};
use super::model::{Cell, CellWork, Measurement};
use super::own_arrays::{arrays, fixed_bytes, tell};
use super::reduction::{Reduction, StageDistances, Wanted, When, check_usable};
use super::remaining::Open;
use super::shares::SET_BYTES;
use super::tiles::{PlacedPair, reduce_file, reduce_memory};
use crate::cache::CacheEntry;
use crate::dataset::ImageIndex;
use crate::encoder::{Spilled, SpilledImages, Tokens};
use crate::features::{ArrayAxes, LayoutError, Reading};
use crate::image::RgbImage;
use crate::pair_statistics::{Activations, PairStatisticsStore};
use crate::preprocess::Preprocessing;
use crate::progress::Progress;
use crate::resident::{ResidentSet, plan, plan_whole};
use crate::stage::Stage;

/// What a function says that failed.
type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A model that is a function.
pub struct Callback<'a> {
    /// Its stages, in order of depth.
    pub stages: Vec<Stage>,
    /// How images are brought to it; as they are decoded where there is no recipe.
    pub preprocessing: Option<Preprocessing>,
    /// Images that it takes at a time, at most; ≥ 1.
    pub batch: usize,
    /// Whether activations beyond the memory budget go through a temporary file. Otherwise all
    /// images are encoded once more for each group of stages that fits.
    pub spill: bool,
    /// What tells its numbers from those of any other function: what is measured of it is kept under
    /// it. `None` keeps nothing.
    pub version: Option<String>,
    /// Appends the activations of a batch to each of the stages that it is given.
    pub encode: Box<Encode<'a>>,
}

/// Appends the activations of a batch to each of the stages, and gives them back.
pub type Encode<'a> =
    dyn FnMut(Batch, Vec<StageRows>) -> Result<Vec<StageRows>, AnyError> + Send + 'a;

impl fmt::Debug for Callback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callback({:?})", self.stages)
    }
}

/// Some images.
#[derive(Debug)]
pub enum Batch {
    /// By the recipe.
    Preprocessed {
        /// The numbers.
        values: Vec<f32>,
        /// `[images, 3, height, width]`.
        shape: [usize; 4],
    },
    /// As they are decoded.
    Decoded(Vec<RgbImage>),
}

impl Batch {
    fn images(&self) -> usize {
        match self {
            Self::Preprocessed { shape, .. } => shape[0],
            Self::Decoded(images) => images.len(),
        }
    }
}

/// The activations at one stage of the images that came so far.
#[derive(Debug)]
pub struct StageRows {
    /// The stage.
    stage: Stage,
    /// Which tokens of an image are kept, and how arrays are read.
    reading: Reading,
    /// The axes of an image, and how they are read, once they are known.
    shape: Option<(Vec<usize>, ArrayAxes)>,
    /// Of the tokens that are kept, image after image.
    values: Vec<f32>,
    images: usize,
}

/// Activations that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StageRowsError {
    /// Their shape is not that of those before.
    #[error(
        "activations at `{stage}` have the shape {found:?} an image, those of earlier images \
         {expected:?}"
    )]
    Changed {
        /// The stage.
        stage: Stage,
        /// The sizes of all axes but the first.
        found: Vec<usize>,
        /// Those of earlier images.
        expected: Vec<usize>,
    },
    /// They cannot be read.
    #[error("cannot read the activations at `{stage}`")]
    Array {
        /// The stage.
        stage: Stage,
        /// Why.
        #[source]
        source: LayoutError,
    },
}

impl StageRows {
    fn new(stage: Stage, reading: Reading, capacity: usize) -> Self {
        Self { stage, reading, shape: None, values: Vec::with_capacity(capacity), images: 0 }
    }

    /// The stage.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Appends activations of some more images.
    ///
    /// `shape` — the sizes of two to four axes, the first that of images; see [`Reading`]
    ///
    /// # Errors
    /// The axes cannot be read, or all but the first are not those of earlier images.
    ///
    /// # Panics
    /// The number of values is not that of the shape.
    pub fn append(&mut self, values: &[f32], shape: &[usize]) -> Result<(), StageRowsError> {
        let stage = self.stage;
        let read = self.reading.of(shape);
        let axes = read.map_err(|source| StageRowsError::Array { stage, source })?;
        let of_image = &shape[1..];
        let (expected, _) = self.shape.get_or_insert_with(|| (of_image.to_vec(), axes));
        if expected != of_image {
            let (found, expected) = (of_image.to_vec(), expected.clone());
            return Err(StageRowsError::Changed { stage, found, expected });
        }
        let ArrayAxes { images, tokens, channels, .. } = axes;
        let of_image = tokens * channels;
        assert_eq!(values.len(), images * of_image, "as many values as the shape says");
        if !axes.channels_first {
            self.take(values, &axes);
        } else {
            let mut ordered = vec![0.0; of_image];
            for image in values.chunks_exact(of_image) {
                axes.write_image(image, &mut ordered);
                self.take(&ordered, &axes);
            }
        }
        self.images += images;
        Ok(())
    }

    /// Appends the tokens that are kept of images `[tokens, channels]`.
    fn take(&mut self, values: &[f32], axes: &ArrayAxes) {
        let images = values.len() / (axes.tokens * axes.channels);
        let activations = Activations::new(values, images, axes.tokens, axes.channels);
        let selected = self.reading.tokens.select(activations, axes.prefix.unwrap_or(0));
        let chosen = selected.activations();
        for image in 0..images {
            self.values.extend_from_slice(chosen.image(image));
        }
    }

    /// Tokens that are kept of an image, and their channels.
    fn kept(&self) -> Option<[usize; 2]> {
        let (_, axes) = self.shape.as_ref()?;
        let range = self.reading.tokens.range(axes.tokens, axes.prefix.unwrap_or(0));
        Some([range.map_or(1, |range| range.len()), axes.channels])
    }

    fn clear(&mut self) {
        self.values.clear();
        self.images = 0;
    }
}

/// A stage with the tokens that are kept of an image, and their channels.
type Shape = (Stage, [usize; 2]);

fn image_bytes((_, [tokens, channels]): &Shape) -> u64 {
    (tokens * channels * size_of::<f32>()) as u64
}

/// What the function gives of one image, which tells what will fit.
#[derive(Debug)]
pub(super) struct Look {
    shapes: Vec<Shape>,
    /// How the arrays of each stage are read.
    pub(super) arrays: Vec<(Stage, ArrayAxes)>,
    /// What is probably wrong with that.
    pub(super) warnings: Vec<String>,
}

impl Look {
    /// Each stage with its channels.
    pub(super) fn widths(&self) -> Vec<(Stage, usize)> {
        self.shapes.iter().map(|(stage, [_, channels])| (*stage, *channels)).collect()
    }
}

/// Encodes the first image of a data set.
pub(super) fn look(
    wanted: Wanted<'_>,
    callback: &mut Callback<'_>,
    reading: Reading,
    progress: &dyn Progress,
) -> Result<Look, ExperimentError> {
    let mut work = Work { wanted, callback, reading, progress, calls: 0 };
    let first = work.prepare(&[0])?;
    let stages = work.callback.stages.clone();
    let rows = stages.iter().map(|stage| StageRows::new(*stage, reading, 0)).collect();
    let rows = work.encode(first, rows)?;
    let array = |rows: &StageRows| {
        let (of_image, _) = rows.shape.as_ref().expect("an image came");
        (rows.stage, std::iter::once(1).chain(of_image.iter().copied()).collect())
    };
    let array_shapes: Vec<(Stage, Vec<usize>)> = rows.iter().map(array).collect();
    let arrays = arrays(wanted.model, reading, &array_shapes)?;
    let warnings = tell(wanted.model, reading, &array_shapes, &arrays, progress);
    let shapes: Vec<Shape> =
        rows.iter().map(|rows| (rows.stage, rows.kept().expect("an image came"))).collect();
    Ok(Look { shapes, arrays, warnings })
}

/// Encodes the images of a data set with a function, and reduces every stage to distances.
///
/// `look` — what it gave of one image, for which it was called once before
pub(super) fn distances(
    cell: &Cell<'_>,
    (callback, look): (&mut Callback<'_>, &Look),
    reading: Reading,
    mut kept: Option<CacheEntry>,
    progress: &dyn Progress,
) -> Result<Measurement, ExperimentError> {
    let (wanted, clock) = (cell.wanted(), Instant::now());
    let pairs = wanted.dataset.pairs.len();
    let covered = kept.as_ref().map_or_else(|| vec![false; pairs], |entry| entry.covered(pairs));
    if let Some(entry) = &kept
        && covered.iter().all(|covered| *covered)
    {
        return Ok(Measurement::new(from_cache(cell, &look.widths(), entry, progress)?, None));
    }
    let open = Open::of(&wanted.dataset.pairs, &covered);
    let mut work = Work { wanted, callback, reading, progress, calls: 1 };
    let shapes = &look.shapes;
    let plan = Plan::of(&work, shapes, cell.memory_bytes, &open, kept.is_some())?;
    let encoded = (open.images.len() * plan.stage_groups.len()) as u64;
    progress.begin(&format!("{} on {}", wanted.model, wanted.dataset.dataset.name), encoded);
    let mut found = Vec::with_capacity(shapes.len());
    for group in &plan.stage_groups {
        found.extend(work.stages(&shapes[group.clone()], &plan, kept.as_mut())?);
    }
    progress.end();
    if let Some(entry) = kept.as_ref().filter(|_| found.is_empty()) {
        found = from_cache(cell, &look.widths(), entry, progress)?;
    }
    let names = |group: &Range<usize>| shapes[group.clone()].iter().map(|s| s.0).collect();
    let holding = Holding {
        place: plan.place,
        image_groups: plan.sets.len(),
        stage_groups: plan.stage_groups.iter().map(names).collect(),
        calls: work.calls,
    };
    progress.note(&format!("{}: {holding}", wanted.model));
    let work = CellWork {
        images: open.images.len(),
        features_computed: None,
        wall_s: clock.elapsed().as_secs_f64(),
    };
    Ok(Measurement { holding: Some(holding), ..Measurement::new(found, Some(work)) })
}

/// What is held where.
struct Plan {
    /// The whole data set is yet to be encoded.
    all: bool,
    sets: Vec<ResidentSet>,
    /// Positions of the stages that are asked for together.
    stage_groups: Vec<Range<usize>>,
    place: Place,
    store_in_memory: bool,
    /// Bytes for activations that are read back from a file.
    workspace_bytes: u64,
}

impl Plan {
    fn of(
        work: &Work<'_, '_>,
        shapes: &[Shape],
        memory_bytes: u64,
        open: &Open,
        kept: bool,
    ) -> Result<Self, ExperimentError> {
        let Work { wanted, callback, .. } = work;
        let pairs = &open.pairs;
        let images = open.images.len();
        let all = pairs.len() == wanted.dataset.pairs.len();
        let numbers = shapes.iter().map(|(_, [_, channels])| channels);
        // What is kept in files needs no room of all stages.
        let all_stages = match kept {
            true => 0,
            false => PairStatisticsStore::bytes(pairs.len(), shapes.len(), numbers.clone().sum()),
        };
        let one_stage =
            PairStatisticsStore::bytes(pairs.len(), 1, numbers.max().copied().unwrap_or(0));
        let pixels = match callback.preprocessing.as_ref().and_then(Preprocessing::output_size) {
            Some((height, width)) => 4 * 3 * (height * width) as u64,
            None => 3 * wanted.dataset.largest_px,
        };
        // A batch, the next one, and what the function gives of it.
        let per_image: u64 = shapes.iter().map(image_bytes).sum();
        let batches = callback.batch as u64 * (2 * pixels + per_image);
        let decoding = wanted.dataset.decoding.bytes();
        let fixed = fixed_bytes(*wanted, shapes.len()) + decoding + batches;
        let free = memory_bytes.saturating_sub(fixed);
        let fitting = |bytes: u64, per: u64| usize::try_from(bytes / per).unwrap_or(usize::MAX);
        let every_stage = 0..shapes.len();
        let in_dataset = |sets: Vec<ResidentSet>| -> Vec<ResidentSet> {
            sets.into_iter().map(|set| open.in_dataset(set)).collect()
        };
        let in_memory = |sets, stage_groups, store_in_memory| Self {
            all,
            sets: in_dataset(sets),
            stage_groups,
            place: Place::Memory,
            store_in_memory,
            workspace_bytes: 0,
        };

        let store_fits = all_stages <= free / 2;
        let left = if store_fits { free - all_stages } else { free };
        // With one set the store has one stage, beside all images.
        let of_one_set = images as u64 * per_image + one_stage <= free;
        if images as u64 * per_image <= left.min(SET_BYTES) {
            let sets = plan_whole(images, pairs, images);
            return Ok(in_memory(sets, vec![every_stage], of_one_set));
        }
        for bytes in [left.min(SET_BYTES), left] {
            if let Ok(sets) = plan(images, pairs, fitting(bytes, per_image)) {
                let store = if sets.len() == 1 { of_one_set } else { store_fits };
                return Ok(in_memory(sets, vec![every_stage], store));
            }
        }

        let components = plan_whole(images, pairs, 1);
        let largest = components.iter().map(|set| set.images.len()).max().unwrap_or(0);
        // Small components go together, so that batches are whole.
        let sets = plan_whole(images, pairs, largest);
        let widest = shapes.iter().max_by_key(|shape| image_bytes(shape)).expect("stages");
        // Two images of a stage in memory at least, or all of a component.
        let least = image_bytes(widest) * if callback.spill { 2 } else { largest as u64 };
        let stored = if sets.len() == 1 { one_stage } else { all_stages };
        let store_in_memory = stored <= free / 4 && free - stored >= least;
        let left = if store_in_memory { free - stored } else { free };
        if left < least {
            return Err(ExperimentError::CallbackMemory {
                model: wanted.model.to_owned(),
                dataset: wanted.dataset.dataset.name.clone(),
                stage: widest.0,
                images: largest,
                spilled: callback.spill,
                needed: fixed + least,
                budget: memory_bytes,
            });
        }
        if callback.spill {
            return Ok(Self {
                all,
                sets: in_dataset(sets),
                stage_groups: vec![every_stage],
                place: Place::File,
                store_in_memory,
                workspace_bytes: left,
            });
        }
        let mut stage_groups: Vec<Range<usize>> = Vec::new();
        let mut held = 0;
        for (position, shape) in shapes.iter().enumerate() {
            let bytes = largest as u64 * image_bytes(shape);
            match stage_groups.last_mut() {
                Some(group) if held + bytes <= left => {
                    (group.end, held) = (position + 1, held + bytes)
                }
                _ => {
                    stage_groups.push(position..position + 1);
                    held = bytes;
                }
            }
        }
        Ok(in_memory(sets, stage_groups, store_in_memory))
    }
}

/// The next batch, where there is one: ready, or why not.
type Next = Option<Result<Batch, ExperimentError>>;

/// A function at work on a data set.
struct Work<'w, 'a> {
    wanted: Wanted<'w>,
    callback: &'w mut Callback<'a>,
    reading: Reading,
    progress: &'w dyn Progress,
    calls: usize,
}

impl Work<'_, '_> {
    /// The distances at some of the stages; none where they are to be read from what is kept.
    fn stages(
        &mut self,
        shapes: &[Shape],
        plan: &Plan,
        mut kept: Option<&mut CacheEntry>,
    ) -> Result<Vec<StageDistances>, ExperimentError> {
        let channels = shapes.iter().map(|(stage, [_, channels])| (*stage, *channels)).collect();
        let when = match (plan.all && plan.sets.len() == 1, kept.is_some()) {
            (true, _) => When::AtOnce,
            (false, true) => When::FromFiles,
            (false, false) => When::AtTheEnd,
        };
        let mut reduction = Reduction::new(self.wanted, channels, when, plan.store_in_memory)?;
        // The next batch is made ready while the function works on one, also across groups.
        let batches: Vec<&[ImageIndex]> =
            plan.sets.iter().flat_map(|set| set.images.chunks(self.callback.batch)).collect();
        let mut batches = batches.into_iter();
        let mut next = batches.next().map(|images| self.prepare(images));
        for set in &plan.sets {
            reduction.begin(set, kept.as_deref())?;
            let spilled: Vec<SpilledImages> = match plan.place {
                Place::Memory => vec![],
                Place::File => shapes
                    .iter()
                    .map(|(_, [tokens, channels])| {
                        SpilledImages::create(set.images.len(), *tokens, *channels)
                    })
                    .collect::<Result<_, _>>()?,
            };
            let mut norms: Vec<Vec<f64>> = shapes.iter().map(|_| Vec::new()).collect();
            let mut rows: Vec<StageRows> = shapes
                .iter()
                .map(|(stage, [tokens, channels])| {
                    let images = match plan.place {
                        Place::Memory => set.images.len(),
                        Place::File => self.callback.batch,
                    };
                    StageRows::new(*stage, self.reading, images * tokens * channels)
                })
                .collect();
            let mut done = 0;
            while done < set.images.len() {
                let batch = next.take().expect("as many batches as sets need")?;
                let images = batch.images();
                (rows, next) = self.encode_and_prepare(batch, rows, batches.next())?;
                let first = if plan.place == Place::File { done } else { 0 };
                done += images;
                for (i, rows) in rows.iter_mut().enumerate() {
                    let [tokens, channels] = shapes[i].1;
                    if rows.kept() != Some([tokens, channels]) || rows.images != done - first {
                        return Err(self.changed(rows, done - first, [tokens, channels]));
                    }
                    let of_batch = &rows.values[(rows.images - images) * tokens * channels..];
                    let activations = Activations::new(of_batch, images, tokens, channels);
                    let of_images = activations.squared_norms();
                    let image_of = |i: usize| set.images[done - images + i] as usize;
                    check_usable(self.wanted, rows.stage, activations, &of_images, image_of)?;
                    norms[i].extend_from_slice(&of_images);
                    if let Some(file) = spilled.get(i) {
                        file.write(first, of_batch)?;
                        rows.clear();
                    }
                }
                self.progress.advance(images as u64);
            }
            let pairs = PlacedPair::of(set);
            for (i, (stage, [tokens, channels])) in shapes.iter().enumerate() {
                check_stopped(self.progress)?;
                match spilled.get(i) {
                    None => {
                        let values = std::mem::take(&mut rows[i].values);
                        let seen = Activations::new(&values, set.images.len(), *tokens, *channels);
                        let seen = seen.with_norms(&norms[i]);
                        reduction.stage(*stage, |energy, keep| {
                            reduce_memory(seen, &pairs, energy, keep)
                        })?;
                    }
                    Some(file) => {
                        let image = tokens * channels;
                        let fitting = plan.workspace_bytes / image_bytes(&shapes[i]);
                        let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
                        let mut workspace = vec![0.0; fitting.min(set.images.len().max(2)) * image];
                        let mut spilled =
                            Spilled { file, workspace: &mut workspace, norms: &norms[i] };
                        reduction.stage(*stage, |energy, keep| {
                            reduce_file(&mut spilled, Tokens::All, 0, &pairs, energy, keep)
                        })?;
                    }
                }
            }
            reduction.end(kept.as_deref_mut())?;
        }
        Ok(reduction.finish()?.unwrap_or_default())
    }

    /// Calls the function, and makes the next batch ready meanwhile.
    fn encode_and_prepare(
        &mut self,
        batch: Batch,
        rows: Vec<StageRows>,
        next: Option<&[ImageIndex]>,
    ) -> Result<(Vec<StageRows>, Next), ExperimentError> {
        check_stopped(self.progress)?;
        self.calls += 1;
        let (wanted, preprocessing) = (self.wanted, self.callback.preprocessing.as_ref());
        let encode = &mut self.callback.encode;
        let (found, next) = rayon::join(
            || encode(batch, rows),
            || next.map(|images| prepare(wanted, preprocessing, images)),
        );
        Ok((found.map_err(|source| self.failed(source))?, next))
    }

    /// Calls the function.
    fn encode(
        &mut self,
        batch: Batch,
        rows: Vec<StageRows>,
    ) -> Result<Vec<StageRows>, ExperimentError> {
        let images = batch.images();
        let (rows, _) = self.encode_and_prepare(batch, rows, None)?;
        match rows.iter().find(|rows| rows.images != images) {
            Some(rows) => Err(self.changed(rows, images, rows.kept().unwrap_or([0, 0]))),
            None => Ok(rows),
        }
    }

    fn prepare(&self, images: &[ImageIndex]) -> Result<Batch, ExperimentError> {
        prepare(self.wanted, self.callback.preprocessing.as_ref(), images)
    }

    fn failed(&self, source: AnyError) -> ExperimentError {
        ExperimentError::Callback { model: self.wanted.model.to_owned(), source }
    }

    fn changed(
        &self,
        rows: &StageRows,
        images: usize,
        [tokens, channels]: [usize; 2],
    ) -> ExperimentError {
        let of = |images: usize, tokens: usize, channels: usize| {
            format!("{images} images of {tokens} tokens × {channels} channels")
        };
        let [found_tokens, found_channels] = rows.kept().unwrap_or([0, 0]);
        ExperimentError::CallbackShape {
            model: self.wanted.model.to_owned(),
            stage: rows.stage,
            found: of(rows.images, found_tokens, found_channels),
            expected: of(images, tokens, channels),
        }
    }
}

/// Reads, decodes and preprocesses some images, on all threads.
fn prepare(
    wanted: Wanted<'_>,
    preprocessing: Option<&Preprocessing>,
    images: &[ImageIndex],
) -> Result<Batch, ExperimentError> {
    let Some(recipe) = preprocessing else {
        let load = |image: &ImageIndex| wanted.dataset.load(*image as usize, |image| image);
        let decoded: Vec<Result<RgbImage, ExperimentError>> = images.par_iter().map(load).collect();
        return Ok(Batch::Decoded(decoded.into_iter().collect::<Result<_, _>>()?));
    };
    let Some((height, width)) = recipe.output_size() else {
        return Err(ExperimentError::VaryingSize { model: wanted.model.to_owned() });
    };
    let len = 3 * height * width;
    let mut values = vec![0.0; images.len() * len];
    let loaded: Vec<Result<(), ExperimentError>> = values
        .par_chunks_exact_mut(len)
        .zip(images)
        .map(|(out, image)| {
            wanted.dataset.load(*image as usize, |image| recipe.apply_into(&image, out))
        })
        .collect();
    loaded.into_iter().collect::<Result<(), _>>()?;
    Ok(Batch::Preprocessed { values, shape: [images.len(), 3, height, width] })
}
