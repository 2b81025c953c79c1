//! A function that encodes batches of images, as a source of activations.

mod batches;
mod device;
mod encoded_set;
mod encoding;
mod look;
mod rows;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

pub use batches::Batch;
use batches::prepare_batch;
pub use device::{Capacity, Device, DeviceSet, DeviceStage, Held};
use look::{Look, Shape, image_bytes};
pub use rows::{StageRows, StageRowsError};

use super::activations::{ActivationSource, SetImages};
use super::arrays::{arrays, compared, how_read, tell};
use super::error::check_stopped;
use super::set_reducer::SetReducer;
use super::{Cell, Facts, ModelError, Role};
use crate::features::Reading;
use crate::image::RgbImage;
use crate::plan::{Beyond, Demand, Holding, MemoryPlan, Place, StageDemand, WorkCost};
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
    /// What it is made of and where it runs, by what each is called, for the manifest: libraries with
    /// their versions, device, driver. Nothing is decided by it.
    pub made_with: BTreeMap<String, String>,
    /// Appends the activations of a batch to each of the stages that it is given.
    pub encode: Box<Encode<'a>>,
    /// What encodes all but the first image, if activations stay on a device.
    pub device: Option<Box<dyn Device + 'a>>,
}

/// Appends the activations of a batch to each of the stages, and gives them back.
pub type Encode<'a> =
    dyn FnMut(Batch, Vec<StageRows>) -> Result<Vec<StageRows>, AnyError> + Send + 'a;

impl fmt::Debug for Function<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({:?})", self.stages)
    }
}

/// Bytes of the images of a batch, at most.
const BATCH_BYTES: u64 = 512 << 20;

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
    /// Where a device holds the activations of which it holds the fewest.
    device_place: Option<Place>,
    /// What the device can do, once it was asked.
    capacity: Option<Capacity>,
}

impl<'a> FunctionSource<'a> {
    pub(super) fn new(name: String, reading: Reading, function: Function<'a>) -> Self {
        let (looks, made_of) = (BTreeMap::new(), OnceLock::new());
        Self {
            name,
            reading,
            function,
            looks,
            made_of,
            warnings: vec![],
            calls: 0,
            device_place: None,
            capacity: None,
        }
    }

    fn look(&self, dataset: &PreparedDataset) -> &Look {
        self.looks.get(&dataset.name()).expect("it was prepared")
    }

    /// Its stages on a data set, and which of their tokens are compared.
    fn device_stages(&self, cell: &Cell<'_>) -> Vec<DeviceStage> {
        let arrays = self.look(cell.dataset).arrays.iter();
        arrays.map(|(stage, axes)| DeviceStage::new(*stage, axes, self.reading.tokens)).collect()
    }

    /// Images at a time, at most: no more than have so many bytes of pixels.
    fn batch(&self, cell: &Cell<'_>) -> usize {
        let most = BATCH_BYTES / self.pixel_bytes(cell).max(1);
        self.function.batch.min(usize::try_from(most).unwrap_or(usize::MAX)).max(1)
    }

    /// Bytes of an image as it is brought to the function.
    fn pixel_bytes(&self, cell: &Cell<'_>) -> u64 {
        let recipe = self.function.preprocessing.as_ref();
        match recipe.and_then(Preprocessing::output_size) {
            Some((height, width)) => 4 * 3 * (height * width) as u64,
            None => 3 * cell.dataset.largest_px,
        }
    }

    /// Bytes that an image takes in a batch, the next one, and what the function gives of it.
    fn bytes_in_batch(&self, cell: &Cell<'_>) -> u64 {
        let pixels = self.pixel_bytes(cell);
        match self.function.device {
            // Once more on its way to the device.
            Some(_) => 3 * pixels,
            None => {
                let shapes = self.look(cell.dataset).shapes.iter();
                2 * pixels + shapes.map(image_bytes).sum::<u64>()
            }
        }
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
        let recipe = self.function.preprocessing.as_ref();
        let first = prepare_batch(&self.name, recipe, 0..1, &load)?;
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

    fn failed(&self, source: AnyError) -> ModelError {
        function_failed(&self.name, source)
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

    fn made_with(&self) -> BTreeMap<String, String> {
        self.function.made_with.clone()
    }

    fn follows_processor(&self) -> bool {
        true
    }

    fn cost(&self, cell: &Cell<'_>) -> WorkCost {
        let numbers = self.compared_numbers(cell).iter().sum();
        WorkCost::of_numbers(WorkCost::UNKNOWN.image, numbers)
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

    fn compared_numbers(&self, cell: &Cell<'_>) -> Vec<u64> {
        let arrays = self.look(cell.dataset).arrays.iter();
        arrays.map(|(_, axes)| axes.compared_numbers(self.reading.tokens)).collect()
    }

    fn load(&mut self, cell: &Cell<'_>, _: &dyn Progress) -> Result<(), ModelError> {
        // It was called for the first image.
        self.calls = 1;
        self.device_place = None;
        let stages = self.device_stages(cell);
        if let Some(device) = &mut self.function.device {
            let capacity = device.capacity(&stages, cell.memory_bytes);
            self.capacity = Some(capacity.map_err(|source| function_failed(&self.name, source))?);
        }
        Ok(())
    }

    fn demand(&self, cell: &Cell<'_>) -> Demand {
        let function = &self.function;
        let shapes = &self.look(cell.dataset).shapes;
        let stage = |shape: &Shape| StageDemand {
            stage: shape.0,
            channels: shape.1[1],
            image_bytes: image_bytes(shape),
        };
        let stages: Vec<StageDemand> = shapes.iter().map(stage).collect();
        let of_all: u64 = stages.iter().map(|stage| stage.image_bytes).sum();
        let widest = stages.iter().map(|stage| stage.image_bytes).max().unwrap_or(0);
        let spill = function.spill;
        let batch = self.batch(cell);
        let on_device = self.capacity.map_or(0, |capacity| capacity.host_bytes);
        Demand {
            fixed_bytes: batch as u64 * self.bytes_in_batch(cell) + on_device,
            stages,
            image_bytes: of_all,
            image_of_file_bytes: widest,
            image_beside_file_bytes: 0,
            device_images: self.capacity.map(|capacity| capacity.images),
            busy_images: 0,
            batch_images: batch,
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
        match self.function.device.is_some() {
            true => self.encode_on_device(cell, images, stages, reducer),
            false => self.encode_here(cell, images, stages, reducer),
        }
    }

    fn holding(&self, plan: &MemoryPlan, stages: &[(Stage, usize)]) -> Option<Holding> {
        let names = |group: &Range<usize>| stages[group.clone()].iter().map(|s| s.0).collect();
        Some(Holding {
            place: self.device_place.unwrap_or_else(|| plan.place()),
            image_groups: plan.sets.len(),
            stage_groups: plan.stage_groups.iter().map(names).collect(),
            calls: self.calls,
        })
    }

    fn warnings(&self) -> Vec<Advice> {
        self.warnings.clone()
    }

    fn give_back(&mut self) {
        if let Some(device) = &mut self.function.device {
            device.give_back();
        }
    }
}

/// What a function or its device says that failed.
fn function_failed(model: &str, source: AnyError) -> ModelError {
    match source.downcast_ref() {
        Some(ModelError::Stopped) => ModelError::Stopped,
        _ => ModelError::Function { model: model.to_owned(), source },
    }
}
