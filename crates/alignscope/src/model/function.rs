//! A function that encodes batches of images, as a source of activations.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use serde_json::{Value, json};

use super::activations::{ActivationSource, OneSet, SetImages, SetReducer, TokenChoice};
use super::arrays::{arrays, compared, how_read, tell};
use super::error::check_stopped;
use super::reduction::check_usable;
use super::{Cell, Facts, ModelError, Role};
use crate::encoder::{Encoded, Spilled, SpilledImages};
use crate::features::{ArrayAxes, LayoutError, Reading};
use crate::image::RgbImage;
use crate::pair_statistics::{Activations, ImageProducts};
use crate::plan::{Beyond, Demand, Holding, MemoryPlan, ResidentSet, StageDemand};
use crate::prepared::PreparedDataset;
use crate::preprocess::Preprocessing;
use crate::progress::Progress;
use crate::remedy::{Advice, Remedy};
use crate::stage::{Stage, depths};

/// What a function says that failed.
type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A model that is a function.
pub struct Function<'a> {
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

impl fmt::Debug for Function<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({:?})", self.stages)
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
        let selected = self.reading.tokens.select(activations, axes.before_patches());
        let chosen = selected.activations();
        for image in 0..images {
            self.values.extend_from_slice(chosen.image(image));
        }
    }

    /// Tokens that are kept of an image, and their channels.
    fn kept(&self) -> Option<[usize; 2]> {
        let (_, axes) = self.shape.as_ref()?;
        let range = self.reading.tokens.range(axes.tokens, axes.before_patches());
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

/// What the function gives of the first image of a data set, which tells what will fit.
#[derive(Debug)]
struct Look {
    shapes: Vec<Shape>,
    /// How the arrays of each stage are read.
    arrays: Vec<(Stage, ArrayAxes)>,
}

/// A function as a source of activations.
#[derive(Debug)]
pub struct FunctionSource<'a> {
    name: String,
    reading: Reading,
    function: Function<'a>,
    /// By data set.
    looks: BTreeMap<String, Look>,
    /// What its activations are, by what that is called.
    made_of: OnceLock<BTreeMap<String, String>>,
    /// What is probably wrong with its arrays.
    warnings: Vec<Advice>,
    /// How often it was called for the present data set.
    calls: usize,
}

impl<'a> FunctionSource<'a> {
    pub(super) fn new(name: String, reading: Reading, function: Function<'a>) -> Self {
        let (looks, made_of) = (BTreeMap::new(), OnceLock::new());
        Self { name, reading, function, looks, made_of, warnings: vec![], calls: 0 }
    }

    fn look(&self, dataset: &PreparedDataset) -> &Look {
        self.looks.get(&dataset.name()).expect("it was prepared")
    }

    /// How images are brought to it, and how its arrays are read.
    fn made_of(&self) -> &BTreeMap<String, String> {
        self.made_of.get_or_init(|| {
            let recipe = self.function.preprocessing.as_ref();
            let recipe = recipe.map_or("the function's own".to_owned(), |of| json!(of).to_string());
            // Another run of a function without a version is another function's.
            let version = self.function.version.clone().unwrap_or_else(|| {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                format!("not given, {} ns", now.as_nanos())
            });
            let arrays = self.looks.values().next().map_or(&[][..], |look| &look.arrays);
            let mut made_of = how_read(self.reading, arrays);
            made_of.insert("preprocessing".to_owned(), recipe);
            made_of.insert("version".to_owned(), version);
            made_of
        })
    }

    /// Has the first image of a data set encoded.
    fn look_at(&mut self, cell: &Cell<'_>, progress: &dyn Progress) -> Result<Look, ModelError> {
        let load = |_, work: &mut (dyn FnMut(RgbImage) + Send)| Ok(cell.dataset.load(0, work)?);
        let first = self.prepare_batch(0..1, &load)?;
        let stages = self.function.stages.iter();
        let rows = stages.map(|stage| StageRows::new(*stage, self.reading, 0)).collect();
        check_stopped(progress)?;
        let encoded = (self.function.encode)(first, rows);
        let rows = encoded.map_err(|source| self.failed(source))?;
        if let Some(rows) = rows.iter().find(|rows| rows.images != 1) {
            return Err(self.changed(rows, 1, rows.kept().unwrap_or([0, 0])));
        }
        let array = |rows: &StageRows| {
            let (of_image, _) = rows.shape.as_ref().expect("an image came");
            (rows.stage, std::iter::once(1).chain(of_image.iter().copied()).collect())
        };
        let array_shapes: Vec<(Stage, Vec<usize>)> = rows.iter().map(array).collect();
        let arrays = arrays(&self.name, self.reading, &array_shapes)?;
        let warnings = tell(&self.name, self.reading, &array_shapes, &arrays, progress);
        if self.warnings.is_empty() {
            self.warnings = warnings;
        }
        let shape = |rows: &StageRows| (rows.stage, rows.kept().expect("an image came"));
        Ok(Look { shapes: rows.iter().map(shape).collect(), arrays })
    }

    /// Decodes and preprocesses some images, on all threads.
    fn prepare_batch(&self, images: Range<usize>, load: &Load<'_>) -> Result<Batch, ModelError> {
        prepare_batch(&self.name, self.function.preprocessing.as_ref(), images, load)
    }

    fn failed(&self, source: AnyError) -> ModelError {
        match source.downcast_ref() {
            Some(ModelError::Stopped) => ModelError::Stopped,
            _ => ModelError::Function { model: self.name.clone(), source },
        }
    }

    fn changed(
        &self,
        rows: &StageRows,
        images: usize,
        [tokens, channels]: [usize; 2],
    ) -> ModelError {
        let of = |images: usize, tokens: usize, channels: usize| {
            format!("{images} images of {tokens} tokens × {channels} channels")
        };
        let [found_tokens, found_channels] = rows.kept().unwrap_or([0, 0]);
        ModelError::FunctionShape {
            model: self.name.clone(),
            stage: rows.stage,
            found: of(rows.images, found_tokens, found_channels),
            expected: of(images, tokens, channels),
        }
    }
}

impl Facts for FunctionSource<'_> {
    fn role(&self) -> Role {
        Role::OfUser
    }

    fn fingerprint(&self) -> Value {
        // One version may be given to several functions.
        json!({ "function": self.made_of(), "name": self.name })
    }

    fn inputs(&self) -> Vec<(String, String)> {
        self.made_of().clone().into_iter().collect()
    }

    fn compared(&self, cell: &Cell<'_>) -> (&'static str, String) {
        ("tokens", compared(self.reading.tokens, &self.look(cell.dataset).arrays))
    }

    fn not_cached(&self) -> Option<&'static str> {
        match &self.function {
            Function { version: None, .. } => {
                Some("nothing tells it from another function; give it a version")
            }
            Function { spill: false, .. } => {
                Some("its stages may be encoded one group after the other (`spill`)")
            }
            _ => None,
        }
    }

    fn depths(&self, stages: &[Stage]) -> Vec<f64> {
        depths(stages)
    }
}

impl ActivationSource for FunctionSource<'_> {
    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError> {
        for cell in cells {
            if let Some(recipe) = &self.function.preprocessing {
                cell.check_sizes(recipe)?;
            }
            let look = self.look_at(cell, progress)?;
            self.looks.insert(cell.dataset.name(), look);
        }
        Ok(())
    }

    fn widths(&self, cell: &Cell<'_>) -> Vec<(Stage, usize)> {
        let shapes = self.look(cell.dataset).shapes.iter();
        shapes.map(|(stage, [_, channels])| (*stage, *channels)).collect()
    }

    fn load(&mut self, _: &dyn Progress) -> Result<(), ModelError> {
        // It was called for the first image.
        self.calls = 1;
        Ok(())
    }

    fn demand(&self, cell: &Cell<'_>) -> Demand {
        let (dataset, function) = (cell.dataset, &self.function);
        let shapes = &self.look(dataset).shapes;
        let pixels = match function.preprocessing.as_ref().and_then(Preprocessing::output_size) {
            Some((height, width)) => 4 * 3 * (height * width) as u64,
            None => 3 * dataset.largest_px,
        };
        let stage = |shape: &Shape| StageDemand {
            stage: shape.0,
            channels: shape.1[1],
            image_bytes: image_bytes(shape),
        };
        let stages: Vec<StageDemand> = shapes.iter().map(stage).collect();
        let of_all: u64 = stages.iter().map(|stage| stage.image_bytes).sum();
        let widest = stages.iter().map(|stage| stage.image_bytes).max().unwrap_or(0);
        let spill = function.spill;
        Demand {
            // A batch, the next one, and what the function gives of it.
            fixed_bytes: function.batch as u64 * (2 * pixels + of_all),
            stages,
            image_bytes: of_all,
            image_of_file_bytes: widest,
            image_beside_file_bytes: 0,
            busy_images: 0,
            batch_images: function.batch,
            reading_bytes: Some(cell.reading_bytes()),
            beyond: if spill { Beyond::File } else { Beyond::AskAgain },
            at_least: "two images of the widest stage".to_owned(),
            remedies: Box::new(move |_, _| if spill { vec![] } else { vec![Remedy::Spill] }),
        }
    }

    fn encode(
        &mut self,
        cell: &Cell<'_>,
        images: &SetImages<'_>,
        stages: Range<usize>,
        reducer: &mut SetReducer<'_>,
    ) -> Result<(), ModelError> {
        let shapes = self.look(cell.dataset).shapes[stages].to_vec();
        let sets: Vec<OneSet<'_>> = images.sets().collect();
        // The next batch is made ready while the function works on one, also across sets.
        let batch = self.function.batch;
        let of_set = |set: usize| {
            let count = sets[set].set.images.len();
            (0..count).step_by(batch).map(move |start| (set, start..count.min(start + batch)))
        };
        let batches: Vec<(usize, Range<usize>)> = (0..sets.len()).flat_map(of_set).collect();
        let mut batches = Batches { sets: &sets, left: batches.into_iter() };
        let mut next = batches.next().map(|images| images.prepare(self));
        for OneSet { set, .. } in &sets {
            reducer.begin(set)?;
            let held = match images.plan().is_in_memory(set) {
                true => set.images.len(),
                false => batch,
            };
            let mut encoded = EncodedSet::new(&shapes, self.reading, set, held)?;
            while encoded.done < set.images.len() {
                let ready = next.take().expect("as many batches as sets need")?;
                next = self.encode_batch(cell, ready, &mut encoded, batches.next())?;
                images.advance(encoded.last)?;
            }
            encoded.reduce(images.plan().activation_bytes, reducer)?;
            reducer.end()?;
        }
        Ok(())
    }

    fn holding(&self, plan: &MemoryPlan, stages: &[(Stage, usize)]) -> Option<Holding> {
        let names = |group: &Range<usize>| stages[group.clone()].iter().map(|s| s.0).collect();
        Some(Holding {
            place: plan.place(),
            image_groups: plan.sets.len(),
            stage_groups: plan.stage_groups.iter().map(names).collect(),
            calls: self.calls,
        })
    }

    fn warnings(&self) -> Vec<Advice> {
        self.warnings.clone()
    }
}

/// Does something with an image of a batch.
type Load<'a> =
    dyn Fn(usize, &mut (dyn FnMut(RgbImage) + Send)) -> Result<(), ModelError> + Sync + 'a;

/// The next batch, where there is one: ready, or why not.
type Next = Option<Result<Batch, ModelError>>;

/// Images that are brought to the function together, in order.
struct Batches<'a> {
    sets: &'a [OneSet<'a>],
    /// Position of the set, and of the images in it.
    left: std::vec::IntoIter<(usize, Range<usize>)>,
}

impl<'a> Batches<'a> {
    fn next(&mut self) -> Option<BatchImages<'a>> {
        self.left.next().map(|(set, images)| BatchImages { set: &self.sets[set], images })
    }
}

/// Images of a batch that is to be made ready.
struct BatchImages<'a> {
    set: &'a OneSet<'a>,
    images: Range<usize>,
}

impl BatchImages<'_> {
    fn prepare(self, source: &FunctionSource<'_>) -> Result<Batch, ModelError> {
        self.prepare_by(&source.name, source.function.preprocessing.as_ref())
    }

    fn prepare_by(self, model: &str, recipe: Option<&Preprocessing>) -> Result<Batch, ModelError> {
        let load = |i: usize, work: &mut (dyn FnMut(RgbImage) + Send)| self.set.load(i, work);
        prepare_batch(model, recipe, self.images.clone(), &load)
    }
}

impl FunctionSource<'_> {
    /// Calls the function, and makes the next batch ready meanwhile.
    fn encode_batch(
        &mut self,
        cell: &Cell<'_>,
        batch: Batch,
        encoded: &mut EncodedSet<'_>,
        next: Option<BatchImages<'_>>,
    ) -> Result<Next, ModelError> {
        self.calls += 1;
        let images = batch.images();
        let rows = std::mem::take(&mut encoded.rows);
        let (model, recipe) = (&self.name, self.function.preprocessing.as_ref());
        let encode = &mut self.function.encode;
        let (found, next) = rayon::join(
            || encode(batch, rows),
            || next.map(|images| images.prepare_by(model, recipe)),
        );
        encoded.rows = found.map_err(|source| self.failed(source))?;
        let expected = encoded.in_rows() + images;
        for (rows, (_, shape)) in encoded.rows.iter().zip(encoded.shapes) {
            if rows.kept() != Some(*shape) || rows.images != expected {
                return Err(self.changed(rows, expected, *shape));
            }
        }
        encoded.take(cell, images)?;
        Ok(next)
    }
}

/// The activations of a resident set at some stages.
struct EncodedSet<'a> {
    shapes: &'a [Shape],
    set: &'a ResidentSet,
    /// Of all images so far, or where they go to files of the last batch.
    rows: Vec<StageRows>,
    /// A file for each stage; none where activations are in memory.
    spilled: Vec<SpilledImages>,
    /// Of each image so far, for each stage.
    products: Vec<Vec<ImageProducts>>,
    /// Images that are encoded.
    done: usize,
    /// Images of the last batch.
    last: usize,
}

impl<'a> EncodedSet<'a> {
    /// `held` — images that are in memory at a time
    fn new(
        shapes: &'a [Shape],
        reading: Reading,
        set: &'a ResidentSet,
        held: usize,
    ) -> Result<Self, ModelError> {
        let images = set.images.len();
        let file =
            |(_, [tokens, channels]): &Shape| SpilledImages::create(images, *tokens, *channels);
        let spilled = match held < images {
            true => shapes.iter().map(file).collect::<Result<_, _>>()?,
            false => vec![],
        };
        let rows = |(stage, [tokens, channels]): &Shape| {
            StageRows::new(*stage, reading, held * tokens * channels)
        };
        let rows = shapes.iter().map(rows).collect();
        let products = vec![Vec::with_capacity(images); shapes.len()];
        Ok(Self { shapes, set, rows, spilled, products, done: 0, last: 0 })
    }

    /// Images that are in the rows.
    fn in_rows(&self) -> usize {
        if self.spilled.is_empty() { self.done } else { 0 }
    }

    /// Takes a batch that was appended to the rows.
    fn take(&mut self, cell: &Cell<'_>, images: usize) -> Result<(), ModelError> {
        for (i, rows) in self.rows.iter_mut().enumerate() {
            let (stage, [tokens, channels]) = self.shapes[i];
            let of_batch = &rows.values[(rows.images - images) * tokens * channels..];
            let activations = Activations::new(of_batch, images, tokens, channels);
            let products = activations.image_products();
            let image_of = |image: usize| self.set.images[self.done + image] as usize;
            check_usable(cell, stage, activations, &products, image_of)?;
            self.products[i].extend_from_slice(&products);
            if let Some(file) = self.spilled.get(i) {
                file.write(self.done, of_batch)?;
                rows.clear();
            }
        }
        self.done += images;
        self.last = images;
        Ok(())
    }

    /// Hands every stage on.
    ///
    /// `workspace_bytes` — for activations that are read back from a file
    fn reduce(
        mut self,
        workspace_bytes: u64,
        reducer: &mut SetReducer<'_>,
    ) -> Result<(), ModelError> {
        let images = self.set.images.len();
        for (i, shape) in self.shapes.iter().enumerate() {
            let (stage, [tokens, channels]) = *shape;
            let products = &self.products[i];
            match self.spilled.get(i) {
                None => {
                    let values = std::mem::take(&mut self.rows[i].values);
                    let seen = Activations::new(&values, images, tokens, channels);
                    let seen = Encoded::Memory(seen.with_products(products));
                    reducer.stage(stage, seen, TokenChoice::ALL)?;
                }
                Some(file) => {
                    let fitting = usize::try_from(workspace_bytes / image_bytes(shape));
                    let fitting = fitting.unwrap_or(usize::MAX).min(images.max(2));
                    let mut workspace = vec![0.0; fitting * tokens * channels];
                    let seen = Spilled { file, workspace: &mut workspace, products };
                    reducer.stage(stage, Encoded::File(seen), TokenChoice::ALL)?;
                }
            }
        }
        Ok(())
    }
}

/// Decodes and preprocesses some images, on all threads.
fn prepare_batch(
    model: &str,
    recipe: Option<&Preprocessing>,
    images: Range<usize>,
    load: &Load<'_>,
) -> Result<Batch, ModelError> {
    let Some(recipe) = recipe else {
        let load = |image: usize| {
            let mut found = None;
            load(image, &mut |image| found = Some(image))?;
            Ok(found.expect("it was loaded"))
        };
        let decoded: Vec<Result<RgbImage, ModelError>> = images.into_par_iter().map(load).collect();
        return Ok(Batch::Decoded(decoded.into_iter().collect::<Result<_, _>>()?));
    };
    let Some((height, width)) = recipe.output_size() else {
        return Err(ModelError::VaryingSize { model: model.to_owned() });
    };
    let (count, len) = (images.len(), 3 * height * width);
    let mut values = vec![0.0; count * len];
    let loaded: Vec<Result<(), ModelError>> = values
        .par_chunks_exact_mut(len)
        .zip(images.into_par_iter())
        .map(|(out, image)| load(image, &mut |image| recipe.apply_into(&image, out)))
        .collect();
    loaded.into_iter().collect::<Result<(), _>>()?;
    Ok(Batch::Preprocessed { values, shape: [count, 3, height, width] })
}
