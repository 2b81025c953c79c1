//! The distance of DreamSim as a metric of two images.

use std::sync::OnceLock;

use alignscope_kernel::huge_pages;
use serde_json::{Value, json};

use super::metric::ImageMetric;
use super::{ModelError, Role};
use crate::distance::{Distance, one_minus_cosine};
use crate::encoder::{
    Checkpoint, Encoder, EncoderError, Precision, encode_last, normalized_embedding,
};
use crate::image::RgbImage;
use crate::model_spec::DreamSim;
use crate::plan::WorkCost;
use crate::progress::Progress;
use crate::results::FileRecord;
use crate::stage::Stage;

/// One minus the cosine of two images' embeddings, in which the ensemble's encoders stand one
/// behind the other. Tensors are read when something is to be measured, and not before.
///
/// # Source
/// `PerceptualModel` of the package `dreamsim` 0.2.1, checked against `tests/golden/dreamsim/`.
#[derive(Debug)]
pub struct DreamSimMetric {
    model: DreamSim,
    checkpoints: Vec<Checkpoint>,
    loaded: OnceLock<Vec<Encoder>>,
}

impl DreamSimMetric {
    /// The metric of a model whose encoders these are, in this arithmetic.
    pub fn new(model: DreamSim, mut checkpoints: Vec<Checkpoint>, precision: Precision) -> Self {
        checkpoints.iter_mut().for_each(|checkpoint| checkpoint.precision = precision);
        Self { model, checkpoints, loaded: OnceLock::new() }
    }

    fn encoders(&self) -> &[Encoder] {
        self.loaded.get().expect("they were loaded")
    }

    /// What one thread needs beside the pixels of its images: the working memory of each encoder,
    /// which stays, and the activations of one after the other.
    fn bytes_of_thread(&self) -> usize {
        let images = self.images_at_a_time();
        let (mut working, mut activations) = (0, 0);
        for encoder in self.encoders() {
            working += encoder.resident_bytes(1) - encoder.resident_bytes(0);
            activations = activations.max(images * encoder.bytes_per_image());
        }
        working + activations
    }
}

impl ImageMetric for DreamSimMetric {
    type Features = Vec<f32>;
    const STAGE: Stage = Stage::Output;
    const DISTANCE: Distance = Distance::Own;
    const ROLE: Role = Role::Baseline;

    fn name(&self) -> String {
        self.model.to_string()
    }

    fn fingerprint(&self) -> Value {
        let encoder = |checkpoint: &Checkpoint| {
            let files = checkpoint.weight_files();
            json!({
                "files": files.into_iter().map(|file| file.sha256).collect::<Vec<_>>(),
                "architecture": checkpoint.architecture,
                "preprocessing": checkpoint.preprocessing,
                "precision": checkpoint.precision.to_string(),
                "products": checkpoint.precision.instructions(),
            })
        };
        let encoders: Vec<Value> = self.checkpoints.iter().map(encoder).collect();
        json!({ "baseline": self.model.to_string(), "encoders": encoders })
    }

    fn files(&self) -> Vec<FileRecord> {
        let mut files: Vec<FileRecord> = Vec::new();
        // The encoders of an ensemble share an adapter.
        for file in self.checkpoints.iter().flat_map(|checkpoint| &checkpoint.files) {
            let record = FileRecord::new(file);
            if !files.contains(&record) {
                files.push(record);
            }
        }
        files
    }

    fn follows_precision(&self) -> bool {
        true
    }

    fn squashed_to(&self) -> Option<usize> {
        Some(self.checkpoints[0].architecture.image_size)
    }

    fn images_at_a_time(&self) -> usize {
        let counts = self.encoders().iter().map(Encoder::images_at_a_time);
        counts.min().expect("a model has an encoder")
    }

    fn weights_bytes(&self) -> Option<usize> {
        let encoders = self.loaded.get()?;
        Some(encoders.iter().map(|encoder| encoder.resident_bytes(0)).sum())
    }

    fn load(&mut self, progress: &dyn Progress) -> Result<(), ModelError> {
        if self.loaded.get().is_some() {
            return Ok(());
        }
        progress.begin(&format!("{}: weights", self.model), 0);
        let encoders = self.checkpoints.iter().map(Encoder::load).collect::<Result<Vec<_>, _>>();
        let encoders = encoders.map_err(|source: EncoderError| ModelError::Model {
            model: self.model.to_string(),
            source: Box::new(source),
        })?;
        progress.end();
        self.loaded = encoders.into();
        Ok(())
    }

    fn give_back(&mut self) {
        self.loaded = OnceLock::new();
        huge_pages::give_back();
    }

    fn cost(&self, _: usize, _: usize) -> WorkCost {
        let encoders = || self.checkpoints.iter().map(|checkpoint| &checkpoint.architecture);
        let channels = encoders().map(|architecture| architecture.last_channels as u64);
        let image = encoders().map(|architecture| architecture.products()).sum();
        WorkCost { image, pair: 3 * channels.sum::<u64>() }
    }

    fn bytes(&self, _: usize, _: usize) -> usize {
        let channels = self.checkpoints.iter().map(|c| c.architecture.last_channels);
        size_of::<f32>() * channels.sum::<usize>()
    }

    fn working_bytes(&self, width: usize, height: usize) -> usize {
        self.bytes_of_thread() + self.images_at_a_time() * 3 * width * height
    }

    fn features(&self, image: RgbImage) -> Vec<f32> {
        self.features_of(vec![image]).pop().expect("as many as there are images")
    }

    fn features_of(&self, images: Vec<RgbImage>) -> Vec<Vec<f32>> {
        let mut embeddings = vec![Vec::new(); images.len()];
        for encoder in self.encoders() {
            let load = |i: usize, pixels: &mut [f32]| {
                encoder.preprocessing().apply_into(&images[i], pixels);
            };
            let found = encode_last(encoder, images.len(), load);
            let each = found.len() / images.len();
            for (embedding, found) in embeddings.iter_mut().zip(found.chunks_exact(each)) {
                embedding.extend_from_slice(found);
            }
        }
        if !self.model.is_single() {
            embeddings.iter_mut().for_each(|embedding| normalized_embedding(embedding));
        }
        embeddings
    }

    fn distance(&self, a: &Vec<f32>, b: &Vec<f32>) -> f64 {
        let product = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        one_minus_cosine(product(a, b), product(a, a), product(b, b))
    }
}
