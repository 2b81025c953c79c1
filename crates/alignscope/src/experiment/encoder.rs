//! One model on one data set: the distances of all pairs at all stages.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use alignscope_kernel::huge_pages;
use serde_json::{Value, json};

use super::ExperimentError;
use super::error::check_stopped;
use super::fingerprint::BLOCKS;
use super::model::{Cell, CellWork, Measurement, Model, Role};
use super::reduction::{
    Reduction, StageDistances, Wanted, When, check_usable, distances, suspects,
};
use super::remaining::Open;
use super::shares::Shares;
use super::tiles::{PlacedPair, reduce_file, reduce_memory};
use crate::cache::CacheEntry;
use crate::dataset::ImageIndex;
use crate::encoder::{Checkpoint, Encoded, Encoder, Family, encode_spilled, encode_stages, passes};
use crate::image::{ImageError, Prefetch, prefetch};
use crate::pair_statistics::{Activations, PairStatisticsStore};
use crate::progress::Progress;
use crate::resident::ResidentSet;
use crate::results::FileRecord;
use crate::stage::Stage;

/// An encoder, whose tensors are read when something is to be encoded, and not before.
pub(super) struct EncoderModel {
    name: String,
    checkpoint: Box<Checkpoint>,
    loaded: OnceLock<Encoder>,
}

impl EncoderModel {
    pub(super) fn new(name: String, checkpoint: Box<Checkpoint>) -> Self {
        Self { name, checkpoint, loaded: OnceLock::new() }
    }

    /// Hashes of the files with weights, or how they are drawn.
    fn weights(&self) -> Vec<String> {
        match self.checkpoint.files.is_empty() {
            true => {
                let seed = self.checkpoint.seed().expect("a model without files is random");
                vec![format!("random, seed {seed}")]
            }
            false => self.checkpoint.weight_files().into_iter().map(|file| file.sha256).collect(),
        }
    }

    /// Each stage with its channels.
    fn widths(&self) -> Vec<(Stage, usize)> {
        let architecture = &self.checkpoint.architecture;
        let width = |stage| (stage, architecture.channels_at(stage));
        architecture.stages().into_iter().map(width).collect()
    }

    /// The encoder, read now if it was not yet: hours may have passed since its files were hashed,
    /// against which every byte is held that is read now.
    fn get(&self, progress: &dyn Progress) -> Result<&Encoder, ExperimentError> {
        if let Some(encoder) = self.loaded.get() {
            return Ok(encoder);
        }
        progress.begin(&format!("{}: weights", self.name), 0);
        let encoder = Encoder::load(&self.checkpoint).map_err(|source| ExperimentError::Model {
            model: self.name.clone(),
            source: Box::new(source),
        })?;
        progress.end();
        Ok(self.loaded.get_or_init(|| encoder))
    }
}

impl Model for EncoderModel {
    fn role(&self) -> Role {
        Role::Encoder
    }

    fn fingerprint(&self) -> Value {
        let checkpoint = &self.checkpoint;
        json!({
            "weights": self.weights(),
            "architecture": checkpoint.architecture,
            "preprocessing": checkpoint.preprocessing,
            "bare-patches": checkpoint.has_bare_patches(),
            "precision": checkpoint.precision.to_string(),
            "products": checkpoint.precision.instructions(),
        })
    }

    fn inputs(&self) -> Vec<(String, String)> {
        let checkpoint = &self.checkpoint;
        let precision = checkpoint.precision;
        let blocks =
            checkpoint.has_bare_patches().then_some((BLOCKS, "the bare patch embedding".into()));
        let inputs = [
            ("weights", self.weights().join(" ")),
            ("architecture", json!(checkpoint.architecture).to_string()),
            ("preprocessing", json!(checkpoint.preprocessing).to_string()),
            ("precision", format!("{precision} ({})", precision.instructions())),
        ];
        inputs.into_iter().chain(blocks).map(|(what, value)| (what.to_owned(), value)).collect()
    }

    fn files(&self) -> Vec<FileRecord> {
        self.checkpoint.files.iter().map(FileRecord::of).collect()
    }

    fn checkpoint(&self) -> Option<&Checkpoint> {
        Some(&self.checkpoint)
    }

    fn sums_by_caches(&self) -> bool {
        self.checkpoint.architecture.family == Family::Siglip
    }

    fn prepare(
        &mut self,
        _: &[Wanted<'_>],
        _: u64,
        _: &dyn Progress,
    ) -> Result<(), ExperimentError> {
        Ok(())
    }

    fn depths(&self, stages: &[Stage]) -> Vec<f64> {
        let blocks = self.checkpoint.architecture.blocks;
        stages.iter().map(|stage| stage.depth_percent(blocks)).collect()
    }

    fn measure(
        &mut self,
        cell: &Cell<'_>,
        kept: Option<CacheEntry>,
        progress: &dyn Progress,
    ) -> Result<Measurement, ExperimentError> {
        stage_distances(self, cell, kept, progress)
    }

    fn give_back(&mut self) {
        self.loaded = OnceLock::new();
        huge_pages::give_back();
    }
}

/// Encodes the data set's images, each once, and reduces every stage to distances. Resident sets that are kept are not
/// encoded again, and those that are encoded are kept.
///
/// Files are read ahead while images are encoded, also those of the next resident set.
fn stage_distances(
    of: &EncoderModel,
    cell: &Cell<'_>,
    mut kept: Option<CacheEntry>,
    progress: &dyn Progress,
) -> Result<Measurement, ExperimentError> {
    let Cell { model, dataset, .. } = cell;
    let pairs = dataset.pairs.len();
    let covered = kept.as_ref().map_or_else(|| vec![false; pairs], |entry| entry.covered(pairs));
    if let Some(entry) = &kept
        && covered.iter().all(|covered| *covered)
    {
        let stages = from_cache(cell, &of.widths(), entry, progress)?;
        return Ok(Measurement::new(stages, None));
    }
    let encoder = of.get(progress)?;
    let clock = Instant::now();
    let open = Open::of(&dataset.pairs, &covered);
    let shares = Shares::of(cell, encoder, &open, kept.is_some())?;
    shares.tell(cell, encoder, &open, progress);

    let images = open.images.len();
    progress.begin(
        &format!("{model} on {}", dataset.dataset.name),
        (images * encoder.stages().len()) as u64,
    );
    let passes = passes(encoder);
    let sets = shares.sets.iter();
    let needed: Vec<ImageIndex> =
        sets.flat_map(|set| std::iter::repeat_n(&set.images, passes).flatten()).copied().collect();
    let read = |position: usize| dataset.read(needed[position] as usize);
    let all = open.pairs.len() == pairs;
    let when = match (all && shares.sets.len() == 1, kept.is_some()) {
        (true, _) => When::AtOnce,
        (false, true) => When::FromFiles,
        (false, false) => When::AtTheEnd,
    };
    let mut reduction = Reduction::new(cell.wanted(), of.widths(), when, shares.store_in_memory)?;
    prefetch(needed.len(), shares.ahead_bytes, read, |ahead| {
        let mut first = 0;
        for set in &shares.sets {
            let files = Files { ahead, first, asked: AtomicUsize::new(0) };
            reduction.begin(set, kept.as_ref())?;
            let work = Work { cell, encoder, set, files: &files, progress };
            work.encode(shares.in_memory, &mut reduction)?;
            reduction.end(kept.as_mut())?;
            first += passes * set.images.len();
        }
        Ok::<(), ExperimentError>(())
    })?;
    progress.end();
    progress.begin(&format!("{model} on {}: distances", dataset.dataset.name), 0);
    let finished = reduction.finish()?;
    progress.end();
    let stages = match (finished, &kept) {
        (Some(stages), _) => stages,
        (None, Some(entry)) => from_cache(cell, &of.widths(), entry, progress)?,
        (None, None) => unreachable!("differences of several sets are in a store or kept"),
    };
    let wall_s = clock.elapsed().as_secs_f64();
    Ok(Measurement::new(stages, Some(CellWork { images, features_computed: None, wall_s })))
}

/// The distances of an entry of which all pairs are kept.
///
/// `widths` — each stage with its channels
pub(super) fn from_cache(
    cell: &Cell<'_>,
    widths: &[(Stage, usize)],
    entry: &CacheEntry,
    progress: &dyn Progress,
) -> Result<Vec<StageDistances>, ExperimentError> {
    let Cell { model, dataset, memory_bytes, .. } = cell;
    let pairs = dataset.pairs.len();
    progress.begin(
        &format!("{model} on {}: kept differences", dataset.dataset.name),
        widths.len() as u64,
    );
    let mut found = Vec::with_capacity(widths.len());
    let mut store: Option<PairStatisticsStore> = None;
    for (position, &(stage, channels)) in widths.iter().enumerate() {
        check_stopped(progress)?;
        let mut current = match store.take() {
            Some(store) if store.channels(0) == channels => store,
            _ => {
                let in_memory = PairStatisticsStore::bytes(pairs, 1, channels) <= memory_bytes / 2;
                PairStatisticsStore::new(pairs, &[channels], in_memory)?
            }
        };
        entry.read_stage(position, &mut current)?;
        found.push(distances(cell.wanted(), stage, &current, 0, &entry.read_energy(position)?)?);
        store = Some(current);
        progress.advance(1);
    }
    progress.end();
    Ok(found)
}

/// The files of a set, which were read ahead.
struct Files<'a> {
    ahead: &'a Prefetch<ImageError>,
    /// Position of the set's first file.
    first: usize,
    /// How many were asked for: all images once, before any is asked for again.
    asked: AtomicUsize,
}

/// A resident set on its way through the encoder.
struct Work<'a> {
    cell: &'a Cell<'a>,
    encoder: &'a Encoder,
    set: &'a ResidentSet,
    files: &'a Files<'a>,
    progress: &'a dyn Progress,
}

impl Work<'_> {
    fn encode(
        &self,
        in_memory: usize,
        reduction: &mut Reduction<'_>,
    ) -> Result<(), ExperimentError> {
        let Self { cell, encoder, set, files, progress } = *self;
        let Cell { dataset, tokens, .. } = cell;
        let images = set.images.len();
        let load = |i: usize, pixels: &mut [f32]| {
            let pass = files.asked.fetch_add(1, Ordering::Relaxed) / images;
            let bytes = files.ahead.take(files.first + pass * images + i);
            dataset.decode(set.images[i] as usize, bytes, |image| {
                encoder.preprocessing().apply_into(&image, pixels);
            })
        };
        let advance = |images: usize| {
            progress.advance(images as u64);
            check_stopped(progress)
        };
        let pairs = PlacedPair::of(set);
        let image_of = |image: usize| set.images[image] as usize;
        let from_memory = |reduction: &mut Reduction<'_>, stage, activations: Activations<'_>| {
            let norms = activations.squared_norms();
            check_usable(cell.wanted(), stage, activations, &norms, image_of)?;
            let selected = tokens.select(activations, encoder.prefix_tokens());
            let activations = selected.activations();
            reduction.stage(stage, |energy, keep| reduce_memory(activations, &pairs, energy, keep))
        };
        if images <= in_memory {
            let visit =
                |stage, activations: Activations<'_>| from_memory(reduction, stage, activations);
            return encode_stages(encoder, images, load, visit, advance);
        }
        let visit = |stage, encoded: Encoded<'_>| match encoded {
            Encoded::Memory(activations) => from_memory(reduction, stage, activations),
            Encoded::File(mut spilled) => {
                let [tokens_of_image, channels] = encoder.shape(stage);
                for image in suspects(spilled.norms) {
                    let values = &mut spilled.workspace[..tokens_of_image * channels];
                    spilled.file.read(image, values)?;
                    let one = Activations::new(values, 1, tokens_of_image, channels);
                    let norm = &spilled.norms[image..=image];
                    check_usable(cell.wanted(), stage, one, norm, |_| image_of(image))?;
                }
                let prefix = encoder.prefix_tokens();
                reduction.stage(stage, |energy, keep| {
                    reduce_file(&mut spilled, *tokens, prefix, &pairs, energy, keep)
                })
            }
        };
        encode_spilled(encoder, images, in_memory, load, visit, advance)
    }
}
