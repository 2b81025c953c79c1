//! One model on one data set: the distances of all pairs at all stages.

use std::collections::BTreeMap;

use super::ExperimentError;
use super::prepared::PreparedDataset;
use crate::difference::{Activations, DifferenceStore, Differences, find_unusable};
use crate::distance::{Distance, Scale, ScaleAccumulator};
use crate::encoder::{Encoder, Tokens, encode_stages};
use crate::progress::Progress;
use crate::resident::{ResidentSet, plan};
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
}

/// Differences of at most so many bytes are worked on at a time.
const DIFFERENCE_BYTES: usize = 64 << 20;

/// Encodes the data set's images, each once, and reduces every stage to distances.
pub(super) fn stage_distances(
    request: &Request<'_>,
    progress: &dyn Progress,
) -> Result<Vec<StageDistances>, ExperimentError> {
    let Request { model, encoder, dataset, .. } = request;
    let kind = dataset.dataset.kind;
    let stages = encoder.stages();
    let (sets, store_in_memory) = sets(request)?;

    let images = dataset.dataset.images.len();
    progress.begin(&format!("{model} on {kind}"), (images * stages.len()) as u64);
    let mut finished = Vec::with_capacity(stages.len());
    let mut store = match sets.len() {
        1 => None,
        _ => {
            let channels: Vec<usize> = stages.iter().map(|s| encoder.shape(*s)[1]).collect();
            let store = DifferenceStore::new(dataset.pairs.len(), &channels, store_in_memory);
            Some(store.map_err(ExperimentError::Spill)?)
        }
    };
    for set in &sets {
        let mut position = 0;
        encode_stages::<ExperimentError>(
            encoder,
            set.images.len(),
            |i, pixels| {
                let image = dataset.load(set.images[i] as usize)?;
                encoder.preprocessing().apply_into(&image, pixels);
                Ok(())
            },
            |stage, activations| {
                check_usable(request, set, stage, activations)?;
                let (images, channels) = (activations.images(), activations.channels());
                let (values, tokens) =
                    request.tokens.select(activations, encoder.has_class_token());
                let activations = Activations::new(&values, images, tokens, channels);
                match &mut store {
                    None => finished.push(reduce_whole(request, stage, set, activations)?),
                    Some(store) => {
                        for (pairs, local) in blocks(set, activations.channels()) {
                            let differences = Differences::of(activations, local);
                            store
                                .put(position, pairs, &differences)
                                .map_err(ExperimentError::Spill)?;
                        }
                    }
                }
                position += 1;
                Ok(())
            },
            |images| progress.advance(images as u64),
        )?;
    }
    if let Some(mut store) = store {
        for (position, stage) in stages.iter().enumerate() {
            finished.push(reduce_stored(request, *stage, position, &mut store)?);
        }
    }
    progress.end();
    Ok(finished)
}

/// Plans the resident sets, and whether differences of several sets stay in memory.
fn sets(request: &Request<'_>) -> Result<(Vec<ResidentSet>, bool), ExperimentError> {
    let Request { model, encoder, dataset, memory_bytes, .. } = request;
    let images = dataset.dataset.images.len();
    // A choice of tokens is a copy, at most as large as all of them.
    let copies = if request.tokens == Tokens::All { 1 } else { 2 };
    let per_image = copies * encoder.bytes_per_image() as u64;
    let fixed =
        encoder.resident_bytes(rayon::current_num_threads()) as u64 + 2 * DIFFERENCE_BYTES as u64;
    let error = |component: usize| ExperimentError::Memory {
        model: (*model).to_owned(),
        dataset: dataset.dataset.kind,
        images: component,
        needed: fixed + component as u64 * per_image,
        budget: *memory_bytes,
    };
    let plan_within = |bytes: u64| {
        let max_images = usize::try_from(bytes / per_image).unwrap_or(usize::MAX);
        plan(images, &dataset.pairs, max_images).map_err(|e| error(e.images))
    };

    let free = memory_bytes.saturating_sub(fixed);
    let sets = plan_within(free)?;
    if sets.len() == 1 {
        return Ok((sets, true));
    }
    let numbers: usize = encoder.stages().iter().map(|s| encoder.shape(*s)[1]).sum();
    let stored = DifferenceStore::bytes(dataset.pairs.len(), encoder.stages().len(), numbers);
    if stored <= free / 2
        && let Ok(sets) = plan_within(free - stored)
    {
        return Ok((sets, true));
    }
    Ok((sets, false))
}

/// The pairs of a set in groups whose differences take few bytes.
fn blocks(set: &ResidentSet, channels: usize) -> impl Iterator<Item = (&[u32], &[[u32; 2]])> {
    let size = block_pairs(channels);
    set.pairs.chunks(size).zip(set.local_pairs.chunks(size))
}

/// How many pairs' differences are worked on at a time; a multiple of the groups that a scale is
/// summed in.
fn block_pairs(channels: usize) -> usize {
    let fitting = DIFFERENCE_BYTES / (size_of::<f32>() * channels + 3 * size_of::<f64>());
    (fitting / ScaleAccumulator::GROUP).max(1) * ScaleAccumulator::GROUP
}

fn check_usable(
    request: &Request<'_>,
    set: &ResidentSet,
    stage: Stage,
    activations: Activations<'_>,
) -> Result<(), ExperimentError> {
    match find_unusable(activations) {
        None => Ok(()),
        Some(found) => Err(ExperimentError::Unusable {
            model: request.model.to_owned(),
            dataset: request.dataset.dataset.kind,
            id: request.dataset.dataset.images[set.images[found.image] as usize].id.clone(),
            stage,
            token: found.token,
            channel: found.channel,
            value: found.value,
        }),
    }
}

/// Distances of a data set that is one resident set: nothing is kept. Where the differences of
/// all pairs are too many to hold, they are made twice, for the scale and for the distances.
fn reduce_whole(
    request: &Request<'_>,
    stage: Stage,
    set: &ResidentSet,
    activations: Activations<'_>,
) -> Result<StageDistances, ExperimentError> {
    let channels = activations.channels();
    let parts: Vec<_> = blocks(set, channels).collect();
    if let [(_, local)] = parts.as_slice() {
        let differences = Differences::of(activations, local);
        return reduce(request, stage, channels, || Ok(std::iter::once(Ok(&differences))));
    }
    reduce(request, stage, channels, || {
        Ok(parts.iter().map(|(_, local)| Ok(Differences::of(activations, local))))
    })
}

/// Distances from the differences that several sets left.
fn reduce_stored(
    request: &Request<'_>,
    stage: Stage,
    position: usize,
    store: &mut DifferenceStore,
) -> Result<StageDistances, ExperimentError> {
    let [_, channels] = request.encoder.shape(stage);
    let pairs = request.dataset.pairs.len();
    let size = block_pairs(channels);
    let store = &*store;
    reduce(request, stage, channels, || {
        Ok((0..pairs).step_by(size).map(move |start| {
            store.get(position, start..pairs.min(start + size)).map_err(ExperimentError::Spill)
        }))
    })
}

/// Distances from the differences of all pairs, which come in the order of the pairs and may be
/// asked for twice.
fn reduce<D, I>(
    request: &Request<'_>,
    stage: Stage,
    channels: usize,
    differences: impl Fn() -> Result<I, ExperimentError>,
) -> Result<StageDistances, ExperimentError>
where
    D: std::borrow::Borrow<Differences>,
    I: Iterator<Item = Result<D, ExperimentError>>,
{
    let normalized = request.distances.contains(&Distance::NormalizedEuclidean);
    let scale = match (normalized, request.foreign_scales) {
        (false, _) => None,
        (true, Some(scales)) => Some(foreign_scale(request, stage, channels, scales)?),
        (true, None) => {
            let uses = &request.dataset.pairs.uses;
            let mut sum = ScaleAccumulator::new(channels);
            let mut done = 0;
            for block in differences()? {
                let block = block?;
                let block = block.borrow();
                sum.add(block, &uses[done..done + block.len()]);
                done += block.len();
            }
            Some(sum.finish())
        }
    };

    let mut distances: Vec<(Distance, Vec<f64>)> = request
        .distances
        .iter()
        .map(|kind| (*kind, Vec::with_capacity(request.dataset.pairs.len())))
        .collect();
    for block in differences()? {
        let block = block?;
        for (kind, values) in &mut distances {
            values.extend(kind.of(block.borrow(), scale.as_ref()));
        }
    }
    Ok(StageDistances { stage, scale, distances })
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
