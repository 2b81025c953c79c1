//! A data set that has been opened, with its pairs and what is known of its images.

mod error;
mod pixel_rule;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub use error::PreparedError;
pub use pixel_rule::PixelRule;

use crate::ceiling::{FoundCeiling, ceilings};
use crate::dataset::{
    ALL, Clusters, Dataset, DatasetError, DatasetFormat, DatasetOptions, ImageEntry, Level, Pairs,
    SimilarityMatrices, Subset, Trials,
};
use crate::image::{
    self, DecodingBudget, Examined, ImageError, PROGRAM_BYTES, RgbImage, decoding_share,
    for_decoding_alone, notes_on_reading,
};
use crate::input_file::{ContentHash, InputFile};
use crate::listing::sha256_of_all;
use crate::memory::TooLittleMemory;
use crate::progress::Progress;
use crate::remedy::Remedy;
use crate::resample::{Draws, Resampling};
use crate::results::{BadImage, FileRecord};
use crate::score::{Scorer, Ties, TrialFacts};

/// A data set of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetSpec {
    /// What results call it; by default the name of the release that is found, else of the format.
    pub name: Option<String>,
    /// Its level of abstraction; by default that of its format.
    pub level: Option<Level>,
    /// What is asked for.
    pub format: DatasetFormat,
    /// Its folder, or for a manifest also the file.
    pub data: PathBuf,
    /// What part of it.
    pub options: DatasetOptions,
}

impl DatasetSpec {
    /// All of the data set that `format` asks for in `data`, called as it is found to be.
    pub fn new(format: DatasetFormat, data: PathBuf) -> Self {
        Self { name: None, level: None, format, data, options: DatasetOptions::default() }
    }

    /// What the user calls it: by the name that is given, else by what is asked for.
    pub fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(self.format.name())
    }

    /// What results call it, if that is known before it is read.
    pub(crate) fn known_name(&self) -> Option<&str> {
        self.name.as_deref().or(self.format.known_name())
    }

    /// Reads the data set.
    ///
    /// # Errors
    /// As for [`Dataset::open`]; or its name cannot be.
    pub fn open(&self) -> Result<Dataset, DatasetError> {
        let name = self.name.as_deref();
        let mut dataset = Dataset::open_as(name, self.format, &self.data, &self.options)?;
        dataset.level = self.level.unwrap_or(dataset.level);
        Ok(dataset)
    }
}

/// A data set ready to be run.
#[derive(Debug)]
pub struct PreparedDataset {
    pub(crate) dataset: Dataset,
    pub(crate) pairs: Pairs,
    /// Scores distances under the resamples that all models share.
    pub(crate) scorer: Scorer,
    /// What models are held against.
    pub(crate) ceilings: Vec<FoundCeiling>,
    /// What the stage `image` compares.
    pub(crate) pixel_rule: PixelRule,
    /// What baselines compare.
    pub(crate) baseline_rule: PixelRule,
    /// Width and height of each image.
    pub(crate) sizes: Vec<(usize, usize)>,
    /// Pixels of the largest image.
    pub(crate) largest_px: u64,
    /// Bytes of the largest image file.
    pub(crate) largest_file: u64,
    /// Memory for images while they are decoded.
    pub(crate) decoding: DecodingBudget,
    /// The annotation files, and folders of them.
    pub(crate) files: Vec<FileRecord>,
    /// Images that cannot be read, and why; their trials are left out.
    pub(crate) bad_images: Vec<BadImage>,
    /// Trials that are left out because of them.
    pub(crate) bad_trials: usize,
    /// Hash of each image's file.
    hashes: Vec<ContentHash>,
    /// Whether its images can be read.
    at_hand: bool,
}

/// How a data set is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<'a> {
    /// Side of the squares that baselines see where images differ in size.
    pub(crate) baseline_side: usize,
    pub(crate) resampling: &'a Resampling,
    pub(crate) ties: Ties,
    /// Bytes of memory to stay within.
    pub(crate) memory_bytes: u64,
    /// Whether trials of images that cannot be decoded are left out, instead of an error.
    pub(crate) keep_going: bool,
    /// Whether the user can ask for that.
    pub(crate) can_keep_going: bool,
}

impl PreparedDataset {
    /// Whether statistics of its pairs come from products of matrices.
    pub(crate) fn is_dense(&self) -> bool {
        self.pairs.is_dense(self.dataset.images.len())
    }

    /// Opens a data set, and reads and decodes all its images once: to hash them, to know their sizes, and so that one that cannot
    /// be decoded is known before hours are spent.
    pub(crate) fn open(
        spec: &DatasetSpec,
        how: Opening<'_>,
        progress: &dyn Progress,
    ) -> Result<Self, PreparedError> {
        let error = |source| PreparedError::Dataset {
            dataset: spec.called().to_owned(),
            data: spec.data.clone(),
            source: Box::new(source),
        };
        progress.begin(&format!("{}: reading trials", spec.called()), 0);
        let mut dataset = spec.open().map_err(error)?;
        progress.end();
        for note in &dataset.notes {
            progress.note(&format!("{}: {note}", dataset.name));
        }
        let files = dataset.sources.iter().map(FileRecord::new).collect();
        let at_hand = !spec.options.without_images;
        let mut found = match at_hand {
            true => check_images(&dataset, how.memory_bytes, progress)?,
            false => dataset.images.iter().map(|i| Ok(Examined::not_at_hand(&i.id))).collect(),
        };
        let bad: BTreeSet<u32> =
            (0..).zip(&found).filter(|(_, f)| f.is_err()).map(|f| f.0).collect();
        let count = bad.len();
        if let Some(first) = bad.first().filter(|_| !how.keep_going) {
            let (id, total) = (dataset.images[*first as usize].id.clone(), found.len());
            let Err(source) = found.swap_remove(*first as usize) else {
                unreachable!("a bad image")
            };
            let source = Box::new(source);
            return Err(PreparedError::Images {
                dataset: dataset.name,
                count,
                total,
                can_leave_out: how.can_keep_going,
                id,
                source,
            });
        }
        let mut bad_images = Vec::new();
        let mut checked: HashMap<String, Examined> = HashMap::new();
        for (found, ImageEntry { id, .. }) in found.into_iter().zip(&dataset.images) {
            match found {
                Ok(found) => drop(checked.insert(id.clone(), found)),
                Err(source) => {
                    bad_images.push(BadImage { image: id.clone(), why: source.with_causes() });
                }
            }
        }
        let trials = dataset.trials.len();
        if !bad.is_empty() {
            dataset = dataset.without(&bad);
            if dataset.trials.is_empty() {
                let path = spec.data.clone();
                let why = format!("every one shows one of {count} images that cannot be read");
                return Err(error(DatasetError::NoTrials { path, why }));
            }
        }
        let of_image = |entry: &ImageEntry| &checked[&entry.id];
        let hashes = dataset.images.iter().map(|entry| of_image(entry).hash).collect();
        let sizes: Vec<_> = dataset.images.iter().map(|entry| of_image(entry).size).collect();
        let bad_trials = trials - dataset.trials.len();
        for note in notes_on_reading(dataset.images.iter().map(|entry| &checked[&entry.id])) {
            progress.note(&format!("{}: {note}", dataset.name));
            dataset.notes.push(note);
        }
        let of_image = |entry: &ImageEntry| &checked[&entry.id];
        let largest = |bytes: fn(&Examined) -> u64| {
            dataset.images.iter().map(|entry| bytes(of_image(entry))).max().unwrap_or(0)
        };
        let largest_file = largest(|found| found.bytes);
        let decoding = largest(|found| found.decoding_bytes) + largest_file;
        for BadImage { image, why } in &bad_images {
            progress.note(&format!("{}: {image} is left out: {why}", dataset.name));
        }

        progress.begin(&format!("{}: resampling trials, ceilings", dataset.name), 0);
        let clusters = dataset.clusters(how.resampling.cluster).map_err(error)?;
        let pairs = Pairs::of(&dataset.trials);
        progress.note(&format!(
            "{}: {} trials, {} pairs, {} images",
            dataset.name,
            dataset.trials.len(),
            pairs.len(),
            dataset.images.len()
        ));
        let draws = Draws::new(how.resampling, &dataset.name, clusters.count);
        let trials = dataset.trials.clone();
        let scorer = Scorer::new(trials, clusters, dataset.subsets(), draws, how.ties);
        let scorer = scorer.with_facts(TrialFacts::of(&dataset));
        let ceilings = ceilings(&dataset, &scorer, how.resampling.seed);
        progress.end();
        Ok(Self {
            ceilings,
            scorer,
            pixel_rule: PixelRule::of(&sizes, pixel_rule::SIDE_PX),
            baseline_rule: PixelRule::of(&sizes, how.baseline_side),
            largest_px: sizes.iter().map(|(w, h)| (w * h) as u64).max().unwrap_or(0),
            files,
            largest_file,
            decoding: DecodingBudget::new(decoding_share(decoding)),
            bad_images,
            bad_trials,
            at_hand,
            hashes,
            sizes,
            dataset,
            pairs,
        })
    }

    /// The same images, of which every two make a pair, and no answers of people: at most `most` of
    /// them, evenly spread in their order.
    pub(crate) fn with_all_pairs(self, most: usize) -> Self {
        let count = self.dataset.images.len();
        let taken: Vec<usize> = match count <= most {
            true => (0..count).collect(),
            false => (0..most).map(|i| i * count / most).collect(),
        };
        let last = u32::try_from(taken.len()).expect("fewer than 2^32 images");
        let pairs = (0..last).flat_map(|a| (a + 1..last).map(move |b| [a, b])).collect();
        let trials =
            Trials::Matrices(SimilarityMatrices { pairs, people: vec![], dissimilarities: vec![] });
        let dataset = Dataset {
            images: taken.iter().map(|i| self.dataset.images[*i].clone()).collect(),
            trial_ids: (0..trials.len() as u64).collect(),
            labels: vec![],
            numbers: vec![],
            trials: trials.clone(),
            ..self.dataset
        };
        let clusters = Clusters::of_keys(0..trials.len());
        let resampling = Resampling { resamples: 0, ..Resampling::default() };
        let draws = Draws::new(&resampling, &dataset.name, clusters.count);
        let all = Subset {
            name: ALL.to_owned(),
            trials: (0..trials.len() as u32).collect(),
            within: vec![],
        };
        let ties = self.scorer.ties();
        Self {
            pairs: Pairs::of(&trials),
            scorer: Scorer::new(trials, clusters, vec![all], draws, ties),
            ceilings: vec![],
            sizes: taken.iter().map(|i| self.sizes[*i]).collect(),
            hashes: taken.iter().map(|i| self.hashes[*i]).collect(),
            dataset,
            ..self
        }
    }

    /// Reads and decodes image `index`, checks that its file is still the same, and does something
    /// with it while there is room for it.
    pub(crate) fn load<T>(
        &self,
        index: usize,
        work: impl FnOnce(RgbImage) -> T,
    ) -> Result<T, PreparedError> {
        let entry = &self.dataset.images[index];
        let checked = self.decoding.read(&entry.path, |bytes, _| {
            if self.hashes[index] != ContentHash::of(bytes) {
                return Ok(None);
            }
            Ok(Some(work(RgbImage::decode(bytes, &entry.path)?)))
        });
        match checked {
            Ok(found) => found.ok_or_else(|| self.changed(index)),
            // What cannot be read any more is another file too.
            Err(error) => match InputFile::open(&entry.path) {
                Ok(file) if file.hashed_path().sha256 != self.hashes[index].to_string() => {
                    Err(self.changed(index))
                }
                _ => Err(self.failed(index, error)),
            },
        }
    }

    /// What results call it.
    pub fn name(&self) -> String {
        self.dataset.name.clone()
    }

    /// The bytes of the file of image `index`.
    pub(crate) fn read(&self, index: usize) -> Result<Vec<u8>, ImageError> {
        image::read(&self.dataset.images[index].path)
    }

    /// Decodes image `index` from what came of [reading](Self::read) it, checks that its file is
    /// still the same, and does something with it while there is room for it.
    pub(crate) fn decode<T>(
        &self,
        index: usize,
        bytes: Result<Vec<u8>, ImageError>,
        work: impl FnOnce(RgbImage) -> T,
    ) -> Result<T, PreparedError> {
        let bytes = bytes.map_err(|e| self.failed(index, e))?;
        if self.hashes[index] != ContentHash::of(&bytes) {
            return Err(self.changed(index));
        }
        let path = &self.dataset.images[index].path;
        self.decoding.decode(&bytes, path, work).map_err(|e| self.failed(index, e))
    }

    fn failed(&self, index: usize, source: ImageError) -> PreparedError {
        PreparedError::Image {
            dataset: self.name(),
            id: self.dataset.images[index].id.clone(),
            source: Box::new(source),
        }
    }

    fn changed(&self, index: usize) -> PreparedError {
        let id = self.dataset.images[index].id.clone();
        PreparedError::ImageChanged { dataset: self.name(), id }
    }

    /// The folder that the images' ids are paths below.
    pub(crate) fn images_root(&self) -> PathBuf {
        let ImageEntry { id, path } = &self.dataset.images[0];
        // The id may be spelled with `/` where the path is not.
        let names = Path::new(id).components().count();
        path.ancestors().nth(names).map_or_else(PathBuf::new, Path::to_owned)
    }

    /// Hash of each image's file.
    pub(crate) fn hashes(&self) -> &[ContentHash] {
        &self.hashes
    }

    /// Whether its images can be read; if not, only what is there already can be measured.
    pub(crate) fn has_images(&self) -> bool {
        self.at_hand
    }

    /// Where each image lies, by its id, and its hash; empty if they are not at hand.
    pub(crate) fn known_images(&self) -> HashMap<String, (PathBuf, String)> {
        let images = self.dataset.images.iter().zip(&self.hashes).filter(|_| self.at_hand);
        images.map(|(i, hash)| (i.id.clone(), (i.path.clone(), hash.to_string()))).collect()
    }

    /// SHA-256 over the id and the file's SHA-256 of every image, in order of id; `None` if they
    /// are not at hand.
    pub(crate) fn images_sha256(&self) -> Option<String> {
        let ids = self.dataset.images.iter().map(|image| image.id.as_str());
        self.at_hand.then(|| sha256_of_all(ids.zip(&self.hashes)))
    }
}

/// Hashes and decodes every image. One that the memory budget does not hold ends the run: left out
/// as one that is damaged, it would make results hang on the budget.
fn check_images(
    dataset: &Dataset,
    memory_bytes: u64,
    progress: &dyn Progress,
) -> Result<Vec<Result<Examined, ImageError>>, PreparedError> {
    progress.begin(&format!("{}: checking images", dataset.name), dataset.images.len() as u64);
    let budget = DecodingBudget::new(for_decoding_alone(memory_bytes));
    let found: Result<Vec<_>, PreparedError> = dataset
        .images
        .par_iter()
        .map(|entry| {
            if progress.is_stopped() {
                return Err(PreparedError::Stopped);
            }
            progress.advance(1);
            Ok(budget.examine(&entry.path))
        })
        .collect();
    progress.end();
    let found = found?;
    let beyond = |result: &Result<Examined, ImageError>| match result {
        Err(ImageError::Memory { needed, .. }) => Some(*needed),
        _ => None,
    };
    let needed = found.iter().zip(&dataset.images);
    let needed = needed.filter_map(|(result, entry)| Some((beyond(result)?, &entry.id)));
    match needed.max() {
        None => Ok(found),
        Some((needed, id)) => Err(PreparedError::from(TooLittleMemory {
            needed: needed + PROGRAM_BYTES,
            budget: memory_bytes,
            what: format!("the image {id} of {}", dataset.name),
            how: "while it is decoded".to_owned(),
            remedies: vec![Remedy::SmallerImage],
        })),
    }
}
