//! A data set that has been opened, with its pairs and what is known of its images.

use std::sync::OnceLock;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::pixels::{self, PixelRule};
use super::{DatasetSpec, ExperimentError};
use crate::ceiling::{FoundCeiling, ceilings};
use crate::dataset::{Dataset, Pairs};
use crate::image::{self, ContentHash, ImageError, RgbImage};
use crate::progress::Progress;
use crate::resample::{Draws, Resampling};
use crate::score::{Scorer, Ties};
use crate::weights::hex;

/// A data set ready to be run.
#[derive(Debug)]
pub(super) struct PreparedDataset {
    pub(super) dataset: Dataset,
    pub(super) pairs: Pairs,
    /// Scores distances under the resamples that all models share.
    pub(super) scorer: Scorer,
    /// What models are held against.
    pub(super) ceilings: Vec<FoundCeiling>,
    /// What the stage `image` compares.
    pub(super) pixel_rule: PixelRule,
    /// What baselines compare.
    pub(super) baseline_rule: PixelRule,
    /// Pixels of the largest image.
    pub(super) largest_px: u64,
    /// Hash of each image's file, from the first time that it was read.
    hashes: Vec<OnceLock<ContentHash>>,
}

impl PreparedDataset {
    /// Opens a data set and reads the headers of its images; where they differ in size, baselines
    /// see squares of `baseline_side`.
    pub(super) fn open(
        spec: &DatasetSpec,
        baseline_side: usize,
        (resampling, ties): (&Resampling, Ties),
        progress: &dyn Progress,
    ) -> Result<Self, ExperimentError> {
        let error = |source| ExperimentError::Dataset {
            dataset: spec.kind,
            data: spec.data.clone(),
            source: Box::new(source),
        };
        let dataset = Dataset::open(spec.kind, &spec.data, &spec.options).map_err(error)?;
        let clusters = dataset.clusters(resampling.cluster).map_err(error)?;
        for note in &dataset.notes {
            progress.note(&format!("{}: {note}", spec.kind));
        }
        let pairs = Pairs::of(&dataset.trials);
        progress.note(&format!(
            "{}: {} trials, {} pairs, {} images",
            spec.kind,
            dataset.trials.len(),
            pairs.len(),
            dataset.images.len()
        ));
        let headers: Vec<_> =
            dataset.images.par_iter().map(|entry| RgbImage::dimensions(&entry.path)).collect();
        let count = headers.iter().filter(|h| h.is_err()).count();
        let total = headers.len();
        let mut sizes = Vec::with_capacity(total);
        for (header, entry) in headers.into_iter().zip(&dataset.images) {
            sizes.push(header.map_err(|source| ExperimentError::Images {
                dataset: spec.kind,
                count,
                total,
                id: entry.id.clone(),
                source: Box::new(source),
            })?);
        }
        let draws = Draws::new(resampling, spec.kind.name(), clusters.count);
        let trials = dataset.trials.clone();
        let scorer = Scorer::new(trials, clusters, dataset.subsets(), draws, ties);
        Ok(Self {
            ceilings: ceilings(&dataset, &scorer, resampling.seed),
            scorer,
            pixel_rule: PixelRule::of(&sizes, pixels::SIDE_PX),
            baseline_rule: PixelRule::of(&sizes, baseline_side),
            largest_px: sizes.iter().map(|(w, h)| (w * h) as u64).max().unwrap_or(0),
            hashes: dataset.images.iter().map(|_| OnceLock::new()).collect(),
            dataset,
            pairs,
        })
    }

    /// Reads and decodes image `index`, and checks that its file is still the same.
    pub(super) fn load(&self, index: usize) -> Result<RgbImage, ExperimentError> {
        self.decode(index, self.read(index))
    }

    /// The bytes of the file of image `index`.
    pub(super) fn read(&self, index: usize) -> Result<Vec<u8>, ImageError> {
        image::read(&self.dataset.images[index].path)
    }

    /// Decodes image `index` from what came of [reading](Self::read) it, and checks that its file is
    /// still the same.
    pub(super) fn decode(
        &self,
        index: usize,
        bytes: Result<Vec<u8>, ImageError>,
    ) -> Result<RgbImage, ExperimentError> {
        let entry = &self.dataset.images[index];
        let decoded = bytes.and_then(|bytes| {
            Ok((RgbImage::decode(&bytes, &entry.path)?, ContentHash::of(&bytes)))
        });
        let (image, hash) = decoded.map_err(|source| ExperimentError::Image {
            dataset: self.dataset.kind,
            id: entry.id.clone(),
            source: Box::new(source),
        })?;
        if *self.hashes[index].get_or_init(|| hash) != hash {
            return Err(ExperimentError::ImageChanged {
                dataset: self.dataset.kind,
                id: entry.id.clone(),
            });
        }
        Ok(image)
    }

    /// SHA-256 over the id and the file's SHA-256 of every image, in order of id.
    pub(super) fn images_sha256(&self) -> String {
        let mut lines: Vec<String> = self
            .dataset
            .images
            .iter()
            .zip(&self.hashes)
            .map(|(entry, hash)| {
                let hash = hash.get().expect("every image of a finished run was read");
                format!("{hash}  {}\n", entry.id)
            })
            .collect();
        lines.sort_by(|a, b| a[64..].cmp(&b[64..]));
        hex(&Sha256::digest(lines.concat()))
    }
}
