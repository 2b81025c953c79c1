//! Features that are there already, in memory or in files, as a source of activations.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::activations::{ActivationSource, SetImages};
use super::arrays::{arrays, compared, how_read, tell};
use super::error::check_stopped;
use super::reduction::Begun;
use super::set_reducer::SetReducer;
use super::token_choice::TokenChoice;
use super::{Cell, Facts, ModelError, Role};
use crate::encoder::{Encoded, Spilled, SpilledImages};
use crate::features::{ArrayAxes, FeatureFolder, NpyFile, Reading, RowsError, rows_of_images};
use crate::input_file::{ContentHash, HashedPath};
use crate::pair_statistics::{Activations, ImageProducts};
use crate::plan::{Beyond, Demand, ResidentSet, StageDemand, WorkCost};
use crate::progress::Progress;
use crate::remedy::Advice;
use crate::results::FileRecord;
use crate::stage::{Stage, depths};
use crate::weights::hex;

/// Activations that are there already.
#[derive(Debug)]
pub struct Features<'a> {
    /// The stages, in order of depth.
    pub stages: Vec<(Stage, FeatureValues<'a>)>,
    /// The image of each row, by the end of its path (see [`rows_of_images`]); where there are none,
    /// the rows are the data set's images in its own order.
    pub file_names: Option<Vec<String>>,
}

/// Activations of all images at a stage.
#[derive(Debug)]
pub enum FeatureValues<'a> {
    /// In memory.
    Memory {
        /// The numbers, image after image, in the order of the other axes.
        values: &'a [f32],
        /// The sizes of its axes, the first that of images; see [`Reading`].
        shape: Vec<usize>,
    },
    /// In a file.
    File(NpyFile),
}

impl FeatureValues<'_> {
    /// The sizes of its axes.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Memory { shape, .. } => shape,
            Self::File(file) => file.shape(),
        }
    }

    /// Hands on the numbers of each image, `[tokens, channels]`, in order.
    fn each_image(
        &self,
        axes: &ArrayAxes,
        mut take: impl FnMut(usize, &[f32]) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let mut exchanged = match axes.channels_first {
            true => vec![0.0; axes.tokens * axes.channels],
            false => vec![],
        };
        let mut take = |row: usize, image: &[f32]| match axes.channels_first {
            true => {
                axes.write_image(image, &mut exchanged);
                take(row, &exchanged)
            }
            false => take(row, image),
        };
        match self {
            Self::Memory { values, .. } => {
                let images = values.chunks_exact(axes.tokens * axes.channels);
                images.enumerate().try_for_each(|(row, image)| take(row, image))
            }
            Self::File(file) => file.each_row(take),
        }
    }

    /// All numbers, `[images, tokens, channels]`.
    fn all(&self, axes: &ArrayAxes) -> Result<Cow<'_, [f32]>, ModelError> {
        match self {
            Self::Memory { values, .. } if !axes.channels_first => Ok(Cow::Borrowed(values)),
            Self::File(file) if !axes.channels_first => Ok(Cow::Owned(file.read()?)),
            Self::Memory { .. } | Self::File(_) => {
                let mut all = Vec::with_capacity(axes.images * axes.tokens * axes.channels);
                self.each_image(axes, |_, image| {
                    all.extend_from_slice(image);
                    Ok(())
                })?;
                Ok(Cow::Owned(all))
            }
        }
    }

    /// Whether all numbers are there as they are needed, without a copy.
    fn is_there(&self, axes: &ArrayAxes) -> bool {
        matches!(self, Self::Memory { .. }) && !axes.channels_first
    }
}

impl From<FeatureFolder> for Features<'_> {
    fn from(folder: FeatureFolder) -> Self {
        let file = |(stage, file)| (stage, FeatureValues::File(file));
        Self {
            stages: folder.stages.into_iter().map(file).collect(),
            file_names: Some(folder.file_names),
        }
    }
}

/// Features as a source of activations.
#[derive(Debug)]
pub struct FeaturesSource<'a> {
    name: String,
    reading: Reading,
    features: Features<'a>,
    /// How the arrays of each stage are read.
    arrays: Vec<(Stage, ArrayAxes)>,
    /// The row of each image, by data set.
    rows: BTreeMap<String, Vec<u32>>,
    /// What the activations are, by what that is called, once that is asked: arrays in memory are
    /// hashed for it.
    made_of: OnceLock<BTreeMap<String, String>>,
    /// What is probably wrong with the arrays.
    warnings: Vec<Advice>,
}

impl<'a> FeaturesSource<'a> {
    /// # Errors
    /// The arrays cannot be read so.
    pub(super) fn new(
        name: String,
        reading: Reading,
        features: Features<'a>,
    ) -> Result<Self, ModelError> {
        let arrays = arrays(&name, reading, &features.shapes())?;
        let (rows, made_of) = (BTreeMap::new(), OnceLock::new());
        Ok(Self { name, reading, features, arrays, rows, made_of, warnings: vec![] })
    }

    fn made_of(&self) -> &BTreeMap<String, String> {
        self.made_of.get_or_init(|| {
            let mut made_of = self.features.hashes();
            for file in self.features.files() {
                let stage = file.path.display().to_string();
                made_of.insert(format!("features in {stage}"), file.sha256);
            }
            if let Some(names) = &self.features.file_names {
                let names = ContentHash::of(names.join("\n").as_bytes()).to_string();
                made_of.insert("images of the rows".to_owned(), names);
            }
            made_of.extend(how_read(self.reading, &self.arrays));
            made_of
        })
    }
}

impl Facts for FeaturesSource<'_> {
    fn role(&self) -> Role {
        Role::OfUser
    }

    fn fingerprint(&self) -> Value {
        json!({ "features": self.made_of() })
    }

    fn inputs(&self) -> Vec<(String, String)> {
        self.made_of().clone().into_iter().collect()
    }

    fn compared(&self, _: &Cell<'_>) -> (&'static str, String) {
        ("tokens", compared(self.reading.tokens, &self.arrays))
    }

    fn files(&self) -> Vec<FileRecord> {
        self.features.files().iter().map(FileRecord::new).collect()
    }

    fn reads_images(&self) -> bool {
        false
    }

    /// Whoever has some stages reads those alone, so that an image costs next to nothing.
    fn cost(&self, cell: &Cell<'_>) -> WorkCost {
        WorkCost::of_numbers(1, self.compared_numbers(cell).iter().sum())
    }

    fn depths(&self, stages: &[Stage]) -> Vec<f64> {
        depths(stages)
    }
}

impl ActivationSource for FeaturesSource<'_> {
    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError> {
        let shapes = self.features.shapes();
        self.warnings = tell(&self.name, self.reading, &shapes, &self.arrays, progress);
        for cell in cells {
            let rows = rows(cell, &self.features, &self.arrays)?;
            self.rows.insert(cell.dataset.name(), rows);
        }
        self.features.hash(&self.name, progress)
    }

    fn widths(&self, _: &Cell<'_>) -> Vec<(Stage, usize)> {
        self.arrays.iter().map(|(stage, axes)| (*stage, axes.channels)).collect()
    }

    fn compared_numbers(&self, _: &Cell<'_>) -> Vec<u64> {
        let arrays = self.arrays.iter();
        arrays.map(|(_, axes)| axes.compared_numbers(self.reading.tokens)).collect()
    }

    fn demand(&self, _: &Cell<'_>) -> Demand {
        let stage = |&(stage, axes): &(Stage, ArrayAxes)| StageDemand {
            stage,
            channels: axes.channels,
            image_bytes: image_bytes(&axes),
        };
        let read = self.features.stages.iter().zip(&self.arrays);
        let read = read.filter(|((_, values), (_, axes))| !values.is_there(axes));
        let image_bytes = read.map(|(_, (_, axes))| image_bytes(axes)).max().unwrap_or(0);
        Demand {
            fixed_bytes: 0,
            stages: self.arrays.iter().map(stage).collect(),
            image_bytes,
            image_of_file_bytes: image_bytes,
            image_beside_file_bytes: 0,

            device_images: None,
            busy_images: 0,
            batch_images: 1,
            reading_bytes: None,
            beyond: Beyond::Stagewise,
            at_least: "two images of the widest stage".to_owned(),
            remedies: Box::new(|_, _| vec![]),
        }
    }

    /// Images are not read.
    fn passes(&self) -> usize {
        0
    }

    fn steps(&self, stages: usize) -> usize {
        stages
    }

    fn encode(
        &mut self,
        cell: &Cell<'_>,
        images: &SetImages<'_>,
        stages: Range<usize>,
        reducer: &mut SetReducer<'_>,
    ) -> Result<(), ModelError> {
        let all_rows = self.rows.get(&cell.dataset.name()).expect("it was prepared");
        let free = images.plan().activation_bytes;
        for of_set in images.sets() {
            let set = of_set.set;
            let rows: Vec<u32> = set.images.iter().map(|image| all_rows[*image as usize]).collect();
            if reducer.begin(set)? == Begun::TakenOver {
                images.skip(&of_set);
                continue;
            }
            for position in stages.clone() {
                let ((stage, values), (_, axes)) =
                    (&self.features.stages[position], &self.arrays[position]);
                if reducer.passes_over(*stage)? {
                    images.advance(set.images.len())?;
                    continue;
                }
                let tokens = self.reading.tokens;
                let choice = TokenChoice { tokens, prefix: axes.before_patches() };
                // One more image while channels are brought to their place.
                let copied =
                    (axes.images + usize::from(axes.channels_first)) as u64 * image_bytes(axes);
                if values.is_there(axes) || copied <= free {
                    let values = values.all(axes)?;
                    let seen = Activations::new(&values, axes.images, axes.tokens, axes.channels);
                    reducer.stage(*stage, Encoded::Memory(seen.with_rows(&rows)), choice)?;
                } else {
                    spill(values, axes, (set, &rows), free, |encoded| {
                        reducer.stage(*stage, encoded, choice)
                    })?;
                }
                images.advance(set.images.len())?;
            }
            reducer.end()?;
        }
        Ok(())
    }

    fn warnings(&self) -> Vec<Advice> {
        self.warnings.clone()
    }
}

/// Bytes of an image's activations.
fn image_bytes(axes: &ArrayAxes) -> u64 {
    (axes.tokens * axes.channels * size_of::<f32>()) as u64
}

/// Brings a set's rows into a temporary file, in the order of its images, and hands that on.
fn spill(
    values: &FeatureValues<'_>,
    axes: &ArrayAxes,
    (set, rows): (&ResidentSet, &[u32]),
    free_bytes: u64,
    take: impl FnOnce(Encoded<'_>) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let ArrayAxes { images: count, tokens, channels, .. } = *axes;
    let images = set.images.len();
    let fitting = usize::try_from(free_bytes / image_bytes(axes)).unwrap_or(usize::MAX);
    let file = SpilledImages::create(images, tokens, channels)?;
    let mut products = vec![ImageProducts::default(); images];
    let mut image_of_row = vec![None; count];
    for (image, row) in rows.iter().enumerate() {
        image_of_row[*row as usize] = Some(image);
    }
    values.each_image(axes, |row, values| {
        let Some(image) = image_of_row[row] else { return Ok(()) };
        products[image] = ImageProducts::new(values, channels);
        Ok(file.write(image, values)?)
    })?;
    let mut workspace = vec![0.0; fitting.min(images).max(2) * tokens * channels];
    take(Encoded::File(Spilled { file: &file, workspace: &mut workspace, products: &products }))
}

impl Features<'_> {
    /// The sizes of the axes of each stage.
    pub(super) fn shapes(&self) -> Vec<(Stage, Vec<usize>)> {
        self.stages.iter().map(|(stage, values)| (*stage, values.shape().to_vec())).collect()
    }

    /// Hashes those that are in files.
    fn hash(&self, model: &str, progress: &dyn Progress) -> Result<(), ModelError> {
        let files = self.stages.iter().filter_map(|(_, values)| match values {
            FeatureValues::Memory { .. } => None,
            FeatureValues::File(file) => Some(file),
        });
        let bytes = files.clone().map(NpyFile::bytes).sum();
        if bytes == 0 {
            return Ok(());
        }
        progress.begin(&format!("{model}: hashing its features"), bytes);
        for file in files {
            check_stopped(progress)?;
            if !file.hash(progress)? {
                return Err(ModelError::Stopped);
            }
        }
        progress.end();
        Ok(())
    }

    /// Hashes of those that are in memory, by what they are called.
    fn hashes(&self) -> BTreeMap<String, String> {
        let in_memory = self.stages.iter().filter_map(|(stage, values)| match values {
            FeatureValues::Memory { values, shape } => Some((stage, values, shape)),
            FeatureValues::File(_) => None,
        });
        let hashed = in_memory.map(|(stage, values, shape)| {
            let mut hash = Sha256::new();
            let mut bytes = vec![0; size_of::<f32>() << 12];
            for values in values.chunks(1 << 12) {
                let bytes = &mut bytes[..size_of_val(values)];
                for (bytes, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
                    *bytes = value.to_le_bytes();
                }
                hash.update(bytes);
            }
            let text = format!("{shape:?}, SHA-256 {}", hex(&hash.finalize()));
            (format!("features at {stage}"), text)
        });
        hashed.collect()
    }

    /// The files that they are read from, with the hashes of what was read.
    fn files(&self) -> Vec<HashedPath> {
        let files = self.stages.iter().filter_map(|(_, values)| match values {
            FeatureValues::File(file) => file.hashed_path(),
            FeatureValues::Memory { .. } => None,
        });
        files.collect()
    }
}

/// The row of each image of the data set; every stage has them all.
fn rows(
    cell: &Cell<'_>,
    features: &Features<'_>,
    arrays: &[(Stage, ArrayAxes)],
) -> Result<Vec<u32>, ModelError> {
    let images = &cell.dataset.dataset.images;
    for ((stage, values), (_, axes)) in features.stages.iter().zip(arrays) {
        let expected = features.file_names.as_ref().map_or(images.len(), Vec::len);
        if axes.images != expected {
            let names = features.file_names.is_some();
            return Err(ModelError::FeatureShape {
                model: cell.model.to_owned(),
                stage: *stage,
                found: values.shape().to_vec(),
                expected,
                what: if names { "file names" } else { "images of the data set" },
            });
        }
    }
    let found = match &features.file_names {
        Some(names) => rows_of_images(images, names),
        None => Ok((0..).take(images.len()).collect()),
    };
    found.map_err(|source: RowsError| ModelError::Rows {
        source: Box::new(source),
        model: cell.model.to_owned(),
        dataset: cell.dataset.name(),
    })
}
