//! A model that is not one of ours: its activations come as arrays, as files, or from a function.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ExperimentError;
use super::callback::{self, Callback, Look};
use super::encoder::from_cache;
use super::error::check_stopped;
use super::model::{Cell, CellWork, Measurement, Model, Role};
use super::own_arrays::{arrays, fixed_bytes, tell};
use super::prepared::PreparedDataset;
use super::reduction::{Reduction, Wanted, When, check_usable};
use super::tiles::{PlacedPair, reduce_file, reduce_memory};
use crate::cache::CacheEntry;
use crate::encoder::{Spilled, SpilledImages, Tokens};
use crate::features::{ArrayAxes, FeatureFolder, NpyFile, Reading, RowsError, rows_of_images};
use crate::input_file::{ContentHash, HashedPath};
use crate::model_spec::check_model_name;
use crate::name::MAX_NAME_BYTES;
use crate::pair_statistics::{Activations, PairStatisticsStore};
use crate::progress::Progress;
use crate::resident::plan_whole;
use crate::results::FileRecord;
use crate::stage::Stage;
use crate::weights::hex;

/// A model whose activations come from outside.
#[derive(Debug)]
pub struct External<'a> {
    /// Its name in the results.
    pub name: String,
    /// Which tokens are compared, and how its arrays are read.
    pub reading: Reading,
    /// Where its activations come from.
    pub source: ExternalSource<'a>,
}

/// Where activations come from.
#[derive(Debug)]
pub enum ExternalSource<'a> {
    /// They are there already.
    Features(Features<'a>),
    /// A function makes them of images.
    Callback(Callback<'a>),
}

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
        /// The sizes of two to four axes, the first that of images; see [`Reading`].
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
        mut take: impl FnMut(usize, &[f32]) -> Result<(), ExperimentError>,
    ) -> Result<(), ExperimentError> {
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
    fn all(&self, axes: &ArrayAxes) -> Result<Cow<'_, [f32]>, ExperimentError> {
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

/// Where each of a model's stages stands in figures, 0 to 100.
///
/// An encoder's stages stand where they do for an encoder whose last block is the last of them;
/// where any has a name of its own, the stages are spread evenly up to 100.
pub fn depths(stages: &[Stage]) -> Vec<f64> {
    let blocks = stages.iter().filter_map(|stage| match stage {
        Stage::Block(block) => Some(*block),
        _ => None,
    });
    let blocks = blocks.max().unwrap_or(0);
    let named = stages.iter().any(|stage| matches!(stage, Stage::Named(_)));
    let of = |(position, stage): (usize, &Stage)| match named {
        true => 100.0 * (position + 1) as f64 / stages.len() as f64,
        false => stage.depth_percent(blocks),
    };
    stages.iter().enumerate().map(of).collect()
}

/// A model of the caller's in a run.
pub(super) struct OwnModel<'a> {
    external: External<'a>,
    /// How its arrays are read, for each data set, once that is known.
    arrays: BTreeMap<String, Vec<(Stage, ArrayAxes)>>,
    /// What its activations are, by what that is called, once that is asked: arrays in memory are
    /// hashed for it.
    made_of: OnceLock<BTreeMap<String, String>>,
    /// What is probably wrong with its arrays.
    warnings: Vec<String>,
    /// What a function gave of the first image of each data set that was not measured yet.
    looks: BTreeMap<String, Look>,
}

impl<'a> OwnModel<'a> {
    /// # Errors
    /// Its name, its stages or its arrays cannot be.
    pub(super) fn new(external: External<'a>) -> Result<Self, ExperimentError> {
        check_model_name(&external.name)?;
        external.check()?;
        Ok(Self {
            external,
            arrays: BTreeMap::new(),
            made_of: OnceLock::new(),
            warnings: vec![],
            looks: BTreeMap::new(),
        })
    }

    fn made_of(&self) -> &BTreeMap<String, String> {
        let arrays = self.arrays.values().next().map_or(&[][..], Vec::as_slice);
        self.made_of.get_or_init(|| self.external.made_of(arrays))
    }
}

impl Model for OwnModel<'_> {
    fn role(&self) -> Role {
        Role::OfUser
    }

    fn fingerprint(&self) -> Value {
        let name = match &self.external.source {
            ExternalSource::Features(_) => None,
            // One version may be given to several functions.
            ExternalSource::Callback(_) => Some(&self.external.name),
        };
        json!({ "external": self.made_of(), "name": name })
    }

    fn inputs(&self) -> Vec<(String, String)> {
        self.made_of().clone().into_iter().collect()
    }

    fn compared(&self, dataset: &PreparedDataset, tokens: Tokens) -> (&'static str, String) {
        ("tokens", format!("{tokens} of {:?}", self.arrays.get(&dataset.dataset.name)))
    }

    fn files(&self) -> Vec<FileRecord> {
        self.external.files().iter().map(FileRecord::of).collect()
    }

    fn not_cached(&self) -> Option<&'static str> {
        match &self.external.source {
            ExternalSource::Callback(callback) if callback.version.is_none() => {
                Some("nothing tells it from another function; give it a version")
            }
            ExternalSource::Callback(callback) if !callback.spill => {
                Some("its stages may be encoded one group after the other (`spill`)")
            }
            _ => None,
        }
    }

    fn prepare(
        &mut self,
        wanted: &[Wanted<'_>],
        _: u64,
        progress: &dyn Progress,
    ) -> Result<(), ExperimentError> {
        let External { name, reading, source } = &mut self.external;
        match source {
            ExternalSource::Features(features) => {
                let shapes = features.shapes();
                let found = arrays(name, *reading, &shapes)?;
                self.warnings = tell(name, *reading, &shapes, &found, progress);
                for wanted in wanted {
                    rows(*wanted, features, &found)?;
                    self.arrays.insert(wanted.dataset.dataset.name.clone(), found.clone());
                }
                features.hash(name, progress)?;
            }
            ExternalSource::Callback(callback) => {
                for wanted in wanted {
                    let dataset = &wanted.dataset.dataset.name;
                    let look = callback::look(*wanted, callback, *reading, progress)?;
                    if self.warnings.is_empty() {
                        self.warnings = look.warnings.clone();
                    }
                    self.arrays.insert(dataset.clone(), look.arrays.clone());
                    self.looks.insert(dataset.clone(), look);
                }
            }
        }
        Ok(())
    }

    fn depths(&self, stages: &[Stage]) -> Vec<f64> {
        depths(stages)
    }

    fn measure(
        &mut self,
        cell: &Cell<'_>,
        kept: Option<CacheEntry>,
        progress: &dyn Progress,
    ) -> Result<Measurement, ExperimentError> {
        let Self { external, arrays, warnings, looks, .. } = self;
        let (reading, name) = (external.reading, &cell.dataset.dataset.name);
        let found = match &mut external.source {
            ExternalSource::Features(features) => {
                let of_features = (&*features, arrays[name].as_slice());
                feature_distances(cell, of_features, reading, kept, progress)?
            }
            ExternalSource::Callback(callback) => {
                let look = looks.get(name).expect("it was prepared");
                callback::distances(cell, (callback, look), reading, kept, progress)?
            }
        };
        Ok(Measurement { warnings: warnings.clone(), ..found })
    }
}

impl Features<'_> {
    /// The sizes of the axes of each stage.
    fn shapes(&self) -> Vec<(Stage, Vec<usize>)> {
        self.stages.iter().map(|(stage, values)| (*stage, values.shape().to_vec())).collect()
    }

    /// Hashes those that are in files.
    fn hash(&self, model: &str, progress: &dyn Progress) -> Result<(), ExperimentError> {
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
                return Err(ExperimentError::Stopped);
            }
        }
        progress.end();
        Ok(())
    }
}

impl External<'_> {
    /// Refuses no stage at all, a stage twice, the names that stand for pixels and baselines, and
    /// arrays that cannot be read.
    pub(super) fn check(&self) -> Result<(), ExperimentError> {
        let stages: Vec<Stage> = match &self.source {
            ExternalSource::Features(features) => features.stages.iter().map(|s| s.0).collect(),
            ExternalSource::Callback(callback) => callback.stages.clone(),
        };
        let reserved = |stage: &Stage| {
            matches!(stage, Stage::Image | Stage::Output) || stage.to_string().trim().is_empty()
        };
        if let Some(stage) = stages.iter().find(|stage| reserved(stage)) {
            return Err(ExperimentError::StageName { model: self.name.clone(), stage: *stage });
        }
        let bytes = stages.iter().map(|stage| stage.to_string().len()).max().unwrap_or(0);
        if bytes > MAX_NAME_BYTES {
            return Err(ExperimentError::LongStageName { model: self.name.clone(), bytes });
        }
        let twice = stages.iter().enumerate().find(|(i, s)| stages[..*i].contains(s));
        if let Some((_, stage)) = twice {
            return Err(ExperimentError::Twice { what: "stage", name: stage.to_string() });
        }
        if stages.is_empty() {
            return Err(ExperimentError::Nothing { what: "stage" });
        }
        if let ExternalSource::Features(features) = &self.source {
            arrays(&self.name, self.reading, &features.shapes())?;
        }
        Ok(())
    }

    /// What its activations are, by what that is called: hashes of those that are in memory, and for a
    /// function how images are brought to it; and how they are read.
    ///
    /// `arrays` — how the arrays of each stage were read
    pub(super) fn made_of(&self, arrays: &[(Stage, ArrayAxes)]) -> BTreeMap<String, String> {
        let mut made_of: BTreeMap<String, String> = match &self.source {
            ExternalSource::Features(features) => {
                let in_memory = features.stages.iter().filter_map(|(stage, values)| match values {
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
            ExternalSource::Callback(callback) => {
                let recipe = callback.preprocessing.as_ref();
                let recipe =
                    recipe.map_or("the function's own".to_owned(), |of| json!(of).to_string());
                // Another run of a function without a version is another function's.
                let version = callback.version.clone().unwrap_or_else(|| {
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                    format!("not given, {} ns", now.as_nanos())
                });
                let made_of = [("preprocessing", recipe), ("version", version)].into_iter();
                made_of.map(|(what, value)| (what.to_owned(), value)).collect()
            }
        };
        let stages = arrays.iter().map(|(stage, _)| stage.to_string()).collect::<Vec<_>>();
        made_of.insert("stages".to_owned(), stages.join(", "));
        for file in self.files() {
            let stage = file.path.display().to_string();
            made_of.insert(format!("features in {stage}"), file.sha256);
        }
        if let ExternalSource::Features(Features { file_names: Some(names), .. }) = &self.source {
            let names = ContentHash::of(names.join("\n").as_bytes()).to_string();
            made_of.insert("images of the rows".to_owned(), names);
        }
        if !self.reading.layouts.is_empty() {
            made_of.insert("layout".to_owned(), self.reading.layouts.to_string());
        }
        if self.reading.tokens != Tokens::All {
            let of_stage = |(stage, axes): &(Stage, ArrayAxes)| {
                let prefix = axes.prefix.filter(|_| axes.tokens > 1)?;
                Some(format!("{prefix} of {} at {stage}", axes.tokens))
            };
            let prefixes: Vec<String> = arrays.iter().filter_map(of_stage).collect();
            made_of.insert("tokens before the patches".to_owned(), prefixes.join(", "));
        }
        made_of
    }

    /// The files that its activations are read from, with the hashes of what was read.
    pub(super) fn files(&self) -> Vec<HashedPath> {
        let ExternalSource::Features(features) = &self.source else { return vec![] };
        let files = features.stages.iter().filter_map(|(_, values)| match values {
            FeatureValues::File(file) => file.hashed_path(),
            FeatureValues::Memory { .. } => None,
        });
        files.collect()
    }
}

/// `features`, `arrays` — the features, and how each of their stages is read
fn feature_distances(
    cell: &Cell<'_>,
    (features, arrays): (&Features<'_>, &[(Stage, ArrayAxes)]),
    Reading { tokens, .. }: Reading,
    mut kept: Option<CacheEntry>,
    progress: &dyn Progress,
) -> Result<Measurement, ExperimentError> {
    let (wanted, memory_bytes, clock) = (cell.wanted(), cell.memory_bytes, Instant::now());
    let dataset = &wanted.dataset.dataset;
    let images = dataset.images.len();
    let widths: Vec<(Stage, usize)> =
        arrays.iter().map(|(stage, axes)| (*stage, axes.channels)).collect();
    if let Some(entry) = &kept
        && entry.covered(wanted.dataset.pairs.len()).iter().all(|covered| *covered)
    {
        return Ok(Measurement::new(from_cache(cell, &widths, entry, progress)?, None));
    }
    let rows = rows(wanted, features, arrays)?;
    let set = plan_whole(images, &wanted.dataset.pairs, images).swap_remove(0);
    let pairs = PlacedPair::of(&set);

    let widest = arrays.iter().map(|(_, axes)| axes.channels).max().unwrap_or(0);
    let store = PairStatisticsStore::bytes(pairs.len(), 1, widest);
    let fixed = fixed_bytes(wanted, features.stages.len());
    let free = memory_bytes.saturating_sub(fixed);
    let store_in_memory = store <= free / 2;
    let free = if store_in_memory { free - store } else { free };

    let mut reduction = Reduction::new(wanted, widths, When::AtOnce, store_in_memory)?;
    reduction.begin(&set, kept.as_ref())?;
    let model = wanted.model;
    progress.begin(&format!("{model} on {}", dataset.name), features.stages.len() as u64);
    for ((stage, values), (_, axes)) in features.stages.iter().zip(arrays) {
        check_stopped(progress)?;
        let ArrayAxes { images: count, tokens: of_image, channels, .. } = *axes;
        let prefix = axes.prefix.unwrap_or(0);
        let image_bytes = (of_image * channels * size_of::<f32>()) as u64;
        // One more image while channels are brought to their place.
        let copied = (count + usize::from(axes.channels_first)) as u64 * image_bytes;
        if values.is_there(axes) || copied <= free {
            let values = values.all(axes)?;
            let seen = Activations::new(&values, count, of_image, channels).with_rows(&rows);
            let norms = seen.squared_norms();
            check_usable(wanted, *stage, seen, &norms, |image| image)?;
            let selected = tokens.select(seen, prefix);
            reduction.stage(*stage, |energy, keep| {
                reduce_memory(selected.activations(), &pairs, energy, keep)
            })?;
        } else {
            let fitting = usize::try_from(free / image_bytes).unwrap_or(usize::MAX);
            if fitting < 2 {
                return Err(ExperimentError::FeatureMemory {
                    model: model.to_owned(),
                    stage: *stage,
                    needed: fixed + 2 * image_bytes,
                    budget: memory_bytes,
                });
            }
            let spilled = SpilledImages::create(images, of_image, channels)?;
            let mut norms = vec![0.0; images];
            let mut image_of_row = vec![None; count];
            for (image, row) in rows.iter().enumerate() {
                image_of_row[*row as usize] = Some(image);
            }
            values.each_image(axes, |row, values| {
                let Some(image) = image_of_row[row] else { return Ok(()) };
                let one = Activations::new(values, 1, of_image, channels);
                norms[image] = one.squared_norms()[0];
                check_usable(wanted, *stage, one, &norms[image..=image], |_| image)?;
                Ok(spilled.write(image, values)?)
            })?;
            let mut workspace = vec![0.0; fitting.min(images) * of_image * channels];
            let mut spilled = Spilled { file: &spilled, workspace: &mut workspace, norms: &norms };
            reduction.stage(*stage, |energy, keep| {
                reduce_file(&mut spilled, tokens, prefix, &pairs, energy, keep)
            })?;
        }
        progress.advance(1);
    }
    progress.end();
    reduction.end(kept.as_mut())?;
    let stages = reduction.finish()?.expect("differences are in a store");
    let wall_s = clock.elapsed().as_secs_f64();
    Ok(Measurement::new(stages, Some(CellWork { images, features_computed: None, wall_s })))
}

/// The row of each image of the data set; every stage has them all.
fn rows(
    wanted: Wanted<'_>,
    features: &Features<'_>,
    arrays: &[(Stage, ArrayAxes)],
) -> Result<Vec<u32>, ExperimentError> {
    let images = &wanted.dataset.dataset.images;
    for ((stage, values), (_, axes)) in features.stages.iter().zip(arrays) {
        let expected = features.file_names.as_ref().map_or(images.len(), Vec::len);
        if axes.images != expected {
            let names = features.file_names.is_some();
            return Err(ExperimentError::FeatureShape {
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
    found.map_err(|source: RowsError| ExperimentError::Rows {
        model: wanted.model.to_owned(),
        dataset: wanted.dataset.dataset.name.clone(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_stages_are_spread_and_encoders_stages_stand_where_they_do() {
        assert_eq!(depths(&Stage::of_encoder(12))[..2], [2.5, 7.5]);
        let named = ["layer1", "layer2", "layer3", "head"].map(Stage::in_results);
        assert_eq!(depths(&named), [25.0, 50.0, 75.0, 100.0]);
        assert_eq!(depths(&[Stage::Projection]), [100.0]);
    }
}
