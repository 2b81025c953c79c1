//! One model on one data set: the distances of all pairs at all stages.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ExperimentError;
use super::prepared::PreparedDataset;
use super::shares::Shares;
use super::tiles::{Keep, PlacedPair, reduce_file, reduce_memory};
use crate::dataset::ImageIndex;
use crate::difference::{Activations, DifferenceStore, Differences, find_unusable, is_suspect};
use crate::distance::{Distance, Scale, ScaleAccumulator};
use crate::encoder::{Encoded, Encoder, Tokens, encode_spilled, encode_stages, passes};
use crate::energy::{EnergyAccumulator, Spread, StageEnergy};
use crate::image::{ImageError, ReadAhead, read_ahead};
use crate::progress::Progress;
use crate::resident::ResidentSet;
use crate::spill::SpillError;
use crate::stage::Stage;

/// What is wanted.
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) encoder: &'a Encoder,
    pub(super) dataset: &'a PreparedDataset,
    pub(super) distances: &'a [Distance],
    pub(super) tokens: Tokens,
    pub(super) memory_bytes: u64,
    /// Scales of another run, by stage.
    pub(super) foreign_scales: Option<&'a BTreeMap<String, Vec<f64>>>,
}

/// The distances at one stage.
#[derive(Debug)]
pub(super) struct StageDistances {
    pub(super) stage: Stage,
    /// Where the normalized distance was asked for.
    pub(super) scale: Option<Scale>,
    /// Kind of distance, and the distance of each pair.
    pub(super) distances: Vec<(Distance, Vec<f64>)>,
    /// How the energy of an encoder's stage is spread over its channels.
    pub(super) energy: Option<StageEnergy>,
}

/// Encodes the data set's images, each once, and reduces every stage to distances.
///
/// Files are read ahead while images are encoded, also those of the next resident set.
pub(super) fn stage_distances(
    request: &Request<'_>,
    progress: &dyn Progress,
) -> Result<Vec<StageDistances>, ExperimentError> {
    let Request { model, encoder, dataset, .. } = request;
    let kind = dataset.dataset.kind;
    let shares = Shares::of(request)?;
    shares.tell(request, progress);

    let steps = dataset.dataset.images.len() * encoder.stages().len();
    progress.begin(&format!("{model} on {kind}"), steps as u64);
    let passes = passes(encoder);
    let sets = shares.sets.iter();
    let needed: Vec<ImageIndex> =
        sets.flat_map(|set| std::iter::repeat_n(&set.images, passes).flatten()).copied().collect();
    let read = |position: usize| dataset.read(needed[position] as usize);
    let mut reduction = Reduction::new(request, &shares)?;
    read_ahead(needed.len(), shares.ahead_bytes, read, |ahead| {
        let mut first = 0;
        for set in &shares.sets {
            let files = Files { ahead, first, asked: AtomicUsize::new(0) };
            encode_set(request, &shares, set, &files, &mut reduction, progress)?;
            first += passes * set.images.len();
        }
        Ok::<(), ExperimentError>(())
    })?;
    let finished = reduction.finish()?;
    progress.end();
    Ok(finished)
}

/// The files of a set, which were read ahead.
struct Files<'a> {
    ahead: &'a ReadAhead<ImageError>,
    /// Position of the set's first file.
    first: usize,
    /// How many were asked for: all images once, before any is asked for again.
    asked: AtomicUsize,
}

fn encode_set(
    request: &Request<'_>,
    shares: &Shares,
    set: &ResidentSet,
    files: &Files<'_>,
    reduction: &mut Reduction<'_>,
    progress: &dyn Progress,
) -> Result<(), ExperimentError> {
    let Request { encoder, dataset, tokens, .. } = request;
    let images = set.images.len();
    let load = |i: usize, pixels: &mut [f32]| {
        let pass = files.asked.fetch_add(1, Ordering::Relaxed) / images;
        let bytes = files.ahead.take(files.first + pass * images + i);
        let image = dataset.decode(set.images[i] as usize, bytes)?;
        encoder.preprocessing().apply_into(&image, pixels);
        Ok(())
    };
    let advance = |images: usize| progress.advance(images as u64);
    let pairs = PlacedPair::of(set);
    let in_memory = |reduction: &mut Reduction<'_>, stage, activations: Activations<'_>| {
        let norms = activations.squared_norms();
        for image in suspects(&norms) {
            check_usable(request, set, stage, image, activations.image(image))?;
        }
        let selected = tokens.select(activations, encoder.has_class_token());
        let activations = selected.activations();
        reduction.stage(stage, |energy, keep| reduce_memory(activations, &pairs, energy, keep))
    };
    if images <= shares.in_memory {
        let visit = |stage, activations: Activations<'_>| in_memory(reduction, stage, activations);
        return encode_stages(encoder, images, load, visit, advance);
    }
    let visit = |stage, encoded: Encoded<'_>| match encoded {
        Encoded::Memory(activations) => in_memory(reduction, stage, activations),
        Encoded::File(mut spilled) => {
            let image_len = spilled.file.tokens() * spilled.file.channels();
            for image in suspects(spilled.norms) {
                let values = &mut spilled.workspace[..image_len];
                spilled.file.read(image, values)?;
                check_usable(request, set, stage, image, values)?;
            }
            let class_token = encoder.has_class_token();
            reduction.stage(stage, |energy, keep| {
                reduce_file(&mut spilled, *tokens, class_token, &pairs, energy, keep)
            })
        }
    };
    encode_spilled(encoder, images, shares.in_memory, load, visit, advance)
}

/// The images that may hold an unusable number, in order.
fn suspects(norms: &[f64]) -> impl Iterator<Item = usize> {
    norms.iter().enumerate().filter(|(_, norm)| is_suspect(**norm)).map(|(image, _)| image)
}

/// Refuses an image of the set, `[tokens, channels]`, that holds an unusable number.
fn check_usable(
    request: &Request<'_>,
    set: &ResidentSet,
    stage: Stage,
    image: usize,
    values: &[f32],
) -> Result<(), ExperimentError> {
    let [tokens, channels] = request.encoder.shape(stage);
    match find_unusable(Activations::new(values, 1, tokens, channels)) {
        None => Ok(()),
        Some(found) => Err(ExperimentError::Unusable {
            model: request.model.to_owned(),
            dataset: request.dataset.dataset.kind,
            id: request.dataset.dataset.images[set.images[image] as usize].id.clone(),
            stage,
            token: found.token,
            channel: found.channel,
            value: found.value,
        }),
    }
}

/// Differences on their way to distances.
///
/// Where the data set is one resident set, a stage is reduced to distances as soon as it is there,
/// and one stage's differences are kept at a time; with several, those of all stages, until the last
/// set is done.
struct Reduction<'a> {
    request: &'a Request<'a>,
    whole: bool,
    in_memory: bool,
    store: DifferenceStore,
    /// Of the activations of each stage, as far as images came by.
    energies: Vec<EnergyAccumulator>,
    finished: Vec<StageDistances>,
}

impl<'a> Reduction<'a> {
    fn new(request: &'a Request<'a>, shares: &Shares) -> Result<Self, ExperimentError> {
        let (whole, in_memory) = (shares.sets.len() == 1, shares.store_in_memory);
        let stages = request.encoder.stages();
        let mut channels: Vec<usize> =
            stages.iter().map(|s| request.encoder.shape(*s)[1]).collect();
        let energies = channels.iter().map(|c| EnergyAccumulator::new(*c)).collect();
        if whole {
            channels.truncate(1);
        }
        let store = DifferenceStore::new(request.dataset.pairs.len(), &channels, in_memory)?;
        Ok(Self { request, whole, in_memory, store, energies, finished: vec![] })
    }

    /// Takes the energy of a set's images and the differences of its pairs at a stage, which
    /// `reduce` hands on in any order.
    fn stage(
        &mut self,
        stage: Stage,
        reduce: impl FnOnce(&mut EnergyAccumulator, &mut (dyn Keep + '_)) -> Result<(), SpillError>,
    ) -> Result<(), ExperimentError> {
        let stages = self.request.encoder.stages();
        let number = stages.iter().position(|s| *s == stage).expect("a stage of the encoder");
        let position = if self.whole { 0 } else { number };
        let [_, channels] = self.request.encoder.shape(stage);
        if self.store.channels(position) != channels {
            // The projection, after the last block: its differences take the place of the others.
            let pairs = self.request.dataset.pairs.len();
            self.store = DifferenceStore::new(pairs, &[channels], self.in_memory)?;
        }
        let (store, energy) = (&mut self.store, &mut self.energies[number]);
        let mut keep = |pairs: &[u32], found: &Differences| store.put(position, pairs, found);
        reduce(energy, &mut keep)?;
        if self.whole {
            let energy = &self.energies[number];
            self.finished.push(distances(self.request, stage, &self.store, position, energy)?);
        }
        Ok(())
    }

    /// The distances at all stages.
    fn finish(mut self) -> Result<Vec<StageDistances>, ExperimentError> {
        if !self.whole {
            for (position, stage) in self.request.encoder.stages().into_iter().enumerate() {
                let energy = &self.energies[position];
                self.finished.push(distances(self.request, stage, &self.store, position, energy)?);
            }
        }
        Ok(self.finished)
    }
}

/// Distances from the differences of all pairs, in the order of the pairs, and the energy of the
/// stage.
fn distances(
    request: &Request<'_>,
    stage: Stage,
    store: &DifferenceStore,
    position: usize,
    activations: &EnergyAccumulator,
) -> Result<StageDistances, ExperimentError> {
    let images = request.dataset.dataset.images.len();
    assert_eq!(activations.images(), images, "each image is measured once");
    let own = own_scale(request, store, position)?;
    let energy = StageEnergy {
        activations: Spread::of(&activations.mean()),
        differences: Spread::of(own.values()),
    };
    let normalized = request.distances.contains(&Distance::NormalizedEuclidean);
    let scale = match (normalized, request.foreign_scales) {
        (false, _) => None,
        (true, Some(scales)) => {
            Some(foreign_scale(request, stage, store.channels(position), scales)?)
        }
        (true, None) => Some(own),
    };

    let mut distances: Vec<(Distance, Vec<f64>)> = request
        .distances
        .iter()
        .map(|kind| (*kind, Vec::with_capacity(request.dataset.pairs.len())))
        .collect();
    for block in 0..store.blocks(position) {
        let block = store.block(position, block)?;
        for (kind, values) in &mut distances {
            values.extend(kind.of(&block, scale.as_ref()));
        }
    }
    Ok(StageDistances { stage, scale, distances, energy: Some(energy) })
}

/// How much each channel varies over the pairs of the data set itself.
fn own_scale(
    request: &Request<'_>,
    store: &DifferenceStore,
    position: usize,
) -> Result<Scale, SpillError> {
    let uses = &request.dataset.pairs.uses;
    let mut sum = ScaleAccumulator::new(store.channels(position));
    let mut done = 0;
    for block in 0..store.blocks(position) {
        let block = store.block(position, block)?;
        sum.add(&block, &uses[done..done + block.len()]);
        done += block.len();
    }
    Ok(sum.finish())
}

fn foreign_scale(
    request: &Request<'_>,
    stage: Stage,
    channels: usize,
    scales: &BTreeMap<String, Vec<f64>>,
) -> Result<Scale, ExperimentError> {
    let values = scales.get(&stage.to_string()).cloned().unwrap_or_default();
    if values.len() != channels {
        return Err(ExperimentError::ScaleShape {
            model: request.model.to_owned(),
            dataset: request.dataset.dataset.kind,
            stage,
            found: values.len(),
            expected: channels,
        });
    }
    match values.iter().position(|v| !(*v >= 0.0 && v.is_finite())) {
        None => Ok(Scale::new(values)),
        Some(channel) => Err(ExperimentError::ScaleValue {
            model: request.model.to_owned(),
            dataset: request.dataset.dataset.kind,
            stage,
            channel,
            value: values[channel],
        }),
    }
}
