//! Differences of a model on their way to distances, wherever its activations come from.

use rayon::prelude::*;

use super::dense_reduction::{DenseWork, Found};
use super::pair_reduction::Keep;
use super::{Cell, ModelError};
use crate::cache::{CacheEntry, SetWriter, StoreError};
use crate::dense_pairs::{PairGraph, StageSums};
use crate::distance::{Distance, Pair, Scale, ScaleAccumulator};
use crate::energy::{EnergyAccumulator, Spread, StageEnergy};
use crate::pair_statistics::{
    Activations, ImageProducts, PairStatistics, PairStatisticsStore, find_unusable, is_suspect,
};
use crate::plan::ResidentSet;
use crate::spill::SpillError;
use crate::stage::Stage;

/// The distances at one stage.
#[derive(Debug)]
pub struct StageDistances {
    pub(crate) stage: Stage,
    /// Where the normalized distance was asked for.
    pub(crate) scale: Option<Scale>,
    /// Kind of distance, and the distance of each pair.
    pub(crate) distances: Vec<(Distance, Vec<f64>)>,
    /// How the energy of an encoder's stage is spread over its channels.
    pub(crate) energy: Option<StageEnergy>,
}

/// Whether a set is to be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Begun {
    /// Its activations are taken.
    Here,
    /// Another run has kept its statistics meanwhile: the next set is begun.
    TakenOver,
}

/// When a stage is reduced to distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// As soon as it is there: all its pairs come at once.
    AtOnce,
    /// When the last of several sets is done.
    AtTheEnd,
    /// Not here: the files of several sets keep all that is needed.
    FromFiles,
    /// As soon as it is there, by products of matrices; not here if it is kept.
    Dense,
}

/// Differences on their way to distances, and to the files that keep them.
pub(super) struct Reduction<'a> {
    cell: Cell<'a>,
    /// Each stage with its channels.
    stages: Vec<(Stage, usize)>,
    way: Way<'a>,
    in_memory: bool,
    /// The file of the present set, where differences are kept.
    writer: Option<SetWriter>,
    /// Whether what another run keeps is taken.
    takes_over: bool,
    /// Whether it was: then differences are read from files.
    has_taken_over: bool,
}

enum Way<'a> {
    /// One stage's differences are in the store at a time.
    AtOnce {
        store: PairStatisticsStore,
        finished: Vec<StageDistances>,
    },
    /// The differences of all stages are in the store until the last set is done, with the energies
    /// of their activations.
    AtTheEnd(PairStatisticsStore, Vec<EnergyAccumulator>),
    FromFiles,
    /// All pairs of a stage are reduced together.
    Dense {
        graph: Box<PairGraph<'a>>,
        finished: Vec<StageDistances>,
    },
}

impl<'a> Reduction<'a> {
    pub(super) fn new(
        cell: Cell<'a>,
        stages: Vec<(Stage, usize)>,
        when: When,
        in_memory: bool,
        takes_over: bool,
    ) -> Result<Self, ModelError> {
        let channels: Vec<usize> = stages.iter().map(|(_, channels)| *channels).collect();
        let store = |channels: &[usize]| {
            PairStatisticsStore::new(cell.dataset.pairs.len(), channels, in_memory)
        };
        let way = match when {
            When::AtOnce => Way::AtOnce { store: store(&channels[..1])?, finished: vec![] },
            When::AtTheEnd => {
                let energies = channels.iter().map(|c| EnergyAccumulator::new(*c)).collect();
                Way::AtTheEnd(store(&channels)?, energies)
            }
            When::FromFiles => Way::FromFiles,
            When::Dense => {
                let images = cell.dataset.dataset.images.len();
                let graph = Box::new(PairGraph::new(images, &cell.dataset.pairs));
                Way::Dense { graph, finished: vec![] }
            }
        };
        let (writer, has_taken_over) = (None, false);
        Ok(Self { cell, stages, way, in_memory, writer, takes_over, has_taken_over })
    }

    /// The next set, whose differences go to a file of the entry, too; unless another run has kept
    /// them there meanwhile.
    pub(super) fn begin(
        &mut self,
        set: &ResidentSet,
        entry: Option<&mut CacheEntry>,
    ) -> Result<Begun, ModelError> {
        let Some(entry) = entry.filter(|_| !self.is_dense()) else { return Ok(Begun::Here) };
        let channels: Vec<usize> = self.stages.iter().map(|(_, channels)| *channels).collect();
        if self.takes_over && entry.take_over(&set.pairs, &channels)? {
            self.has_taken_over = true;
            return Ok(Begun::TakenOver);
        }
        self.writer = Some(entry.writer(&set.pairs, &channels)?);
        Ok(Begun::Here)
    }

    /// The set is done.
    pub(super) fn end(&mut self, entry: Option<&mut CacheEntry>) -> Result<(), ModelError> {
        if let (Some(writer), Some(entry)) = (self.writer.take(), entry) {
            writer.finish(entry)?;
        }
        Ok(())
    }

    /// Whether all pairs of a stage are reduced together.
    pub(super) fn is_dense(&self) -> bool {
        matches!(self.way, Way::Dense { .. })
    }

    /// The position of a stage, where all its pairs are reduced together.
    pub(super) fn place(&self, stage: Stage) -> Option<usize> {
        let place = self.stages.iter().position(|(s, _)| *s == stage);
        place.filter(|_| self.is_dense())
    }

    /// Has all pairs at a stage reduced together, and keeps them in the entry.
    ///
    /// `entry` — with the position of the first of the stages among the model's
    pub(super) fn dense_stage(
        &mut self,
        stage: Stage,
        entry: Option<(&mut CacheEntry, usize)>,
        tick: &mut dyn FnMut(f64) -> Result<(), ModelError>,
        reduce: impl FnOnce(DenseWork<'_>) -> Result<Found, ModelError>,
    ) -> Result<(), ModelError> {
        let Self { cell, stages, way, .. } = self;
        let Way::Dense { graph, finished } = way else { panic!("pairs are reduced one by one") };
        let position = stages.iter().position(|(s, _)| *s == stage).expect("a stage of the model");
        let foreign = foreign_scale(*cell, stage, stages[position].1)?;
        let (sums, energy) = reduce(DenseWork { graph, foreign: foreign.as_ref(), tick })?;
        match entry {
            Some((entry, first)) => {
                entry.keep_sums(first + position, &sums, &energy).map_err(StoreError::from)?;
            }
            None => finished.push(dense_distances(*cell, stage, &sums, &energy)?),
        }
        Ok(())
    }

    /// Takes the energy of a set's images and the differences of its pairs at a stage, which
    /// `reduce` hands on in any order.
    pub(super) fn stage<E>(
        &mut self,
        stage: Stage,
        reduce: impl FnOnce(&mut EnergyAccumulator, &mut (dyn Keep + '_)) -> Result<(), E>,
    ) -> Result<(), ModelError>
    where
        ModelError: From<E>,
    {
        let Self { cell, stages, way, in_memory, writer, .. } = self;
        let position = stages.iter().position(|(s, _)| *s == stage).expect("a stage of the model");
        let (_, channels) = stages[position];
        let (mut store, place) = match way {
            Way::AtOnce { store, .. } => {
                if store.channels(0) != channels {
                    // A stage of another width: its differences take the place of the others.
                    let pairs = cell.dataset.pairs.len();
                    *store = PairStatisticsStore::new(pairs, &[channels], *in_memory)?;
                }
                (Some(store), 0)
            }
            Way::AtTheEnd(store, _) => (Some(store), position),
            Way::FromFiles => (None, 0),
            Way::Dense { .. } => panic!("all pairs are reduced together"),
        };
        let mut energy = EnergyAccumulator::new(channels);
        reduce(&mut energy, &mut |pairs: &[u32], found: &PairStatistics| {
            if let Some(writer) = writer {
                writer.put(position, pairs, found)?;
            }
            if let Some(store) = &mut store {
                store.put(place, pairs, found)?;
            }
            Ok(())
        })?;
        if let Some(writer) = writer {
            writer.put_energy(position, &energy).map_err(StoreError::from)?;
        }
        match way {
            Way::AtOnce { store, finished } => {
                finished.push(distances(*cell, stage, store, 0, &energy)?);
            }
            Way::AtTheEnd(_, energies) => energies[position].join(&energy),
            Way::FromFiles | Way::Dense { .. } => {}
        }
        Ok(())
    }

    /// The distances at all stages; none where they are to be read from the files.
    pub(super) fn finish(self) -> Result<Option<Vec<StageDistances>>, ModelError> {
        if self.has_taken_over {
            return Ok(None);
        }
        match self.way {
            Way::AtOnce { finished, .. } => Ok(Some(finished)),
            Way::Dense { finished, .. } => Ok((!finished.is_empty()).then_some(finished)),
            Way::AtTheEnd(store, energies) => {
                let of = |(position, (stage, _)): (usize, &(Stage, usize))| {
                    distances(self.cell, *stage, &store, position, &energies[position])
                };
                self.stages.iter().enumerate().map(of).collect::<Result<_, _>>().map(Some)
            }
            Way::FromFiles => Ok(None),
        }
    }
}

/// Distances from the differences of all pairs, in the order of the pairs, and the energy of the
/// stage.
pub(super) fn distances(
    cell: Cell<'_>,
    stage: Stage,
    store: &PairStatisticsStore,
    position: usize,
    activations: &EnergyAccumulator,
) -> Result<StageDistances, ModelError> {
    let images = cell.dataset.dataset.images.len();
    assert_eq!(activations.images(), images, "each image is measured once");
    let own = own_scale(cell, store, position)?;
    let energy = StageEnergy {
        activations: Spread::of(&activations.mean()),
        differences: Spread::of(own.values()),
    };
    let scale = scale_of(cell, stage, own)?;
    let mut distances: Vec<(Distance, Vec<f64>)> = cell
        .distances
        .iter()
        .map(|kind| (*kind, Vec::with_capacity(cell.dataset.pairs.len())))
        .collect();
    for block in 0..store.blocks(position) {
        let block = store.block(position, block)?;
        for pair in 0..block.len() {
            let pair = Pair::new(&block, pair, scale.as_ref());
            distances.iter_mut().for_each(|(kind, values)| values.push(kind.of_pair(pair)));
        }
    }
    Ok(StageDistances { stage, scale, distances, energy: Some(energy) })
}

/// Distances from the sums of all pairs, and the energy of the stage.
pub(super) fn dense_distances(
    cell: Cell<'_>,
    stage: Stage,
    sums: &StageSums,
    activations: &EnergyAccumulator,
) -> Result<StageDistances, ModelError> {
    let energy = StageEnergy {
        activations: Spread::of(&activations.mean()),
        differences: Spread::of(sums.scale.values()),
    };
    let scale = scale_of(cell, stage, sums.scale.clone())?;
    let images = &cell.dataset.pairs.images;
    let of_kind = |kind: &Distance| {
        let pairs = images.par_iter().enumerate();
        (*kind, pairs.map(|(pair, images)| kind.of_pair(sums.pair(pair, *images))).collect())
    };
    let distances = cell.distances.iter().map(of_kind).collect();
    Ok(StageDistances { stage, scale, distances, energy: Some(energy) })
}

/// The scale that distances need: another run's, or the data set's own.
fn scale_of(cell: Cell<'_>, stage: Stage, own: Scale) -> Result<Option<Scale>, ModelError> {
    if !cell.distances.iter().any(|d| d.needs_scale()) {
        return Ok(None);
    }
    Ok(Some(foreign_scale(cell, stage, own.values().len())?.unwrap_or(own)))
}

/// How much each channel varies over the pairs of the data set itself.
fn own_scale(
    cell: Cell<'_>,
    store: &PairStatisticsStore,
    position: usize,
) -> Result<Scale, SpillError> {
    let uses = &cell.dataset.pairs.uses;
    let mut sum = ScaleAccumulator::new(store.channels(position));
    let mut done = 0;
    for block in 0..store.blocks(position) {
        let block = store.block(position, block)?;
        sum.add(&block, &uses[done..done + block.len()]);
        done += block.len();
    }
    Ok(sum.finish())
}

/// The scale of another run; `None` if the data set's own is to be taken.
fn foreign_scale(
    cell: Cell<'_>,
    stage: Stage,
    channels: usize,
) -> Result<Option<Scale>, ModelError> {
    let Some(scales) = cell.foreign_scales else { return Ok(None) };
    let values = scales.get(&stage.to_string()).cloned().unwrap_or_default();
    if values.len() != channels {
        return Err(ModelError::ScaleShape {
            model: cell.model.to_owned(),
            dataset: cell.dataset.name(),
            stage,
            found: values.len(),
            expected: channels,
        });
    }
    match values.iter().position(|v| !(*v >= 0.0 && v.is_finite())) {
        None => Ok(Some(Scale::new(values))),
        Some(channel) => Err(ModelError::ScaleValue {
            model: cell.model.to_owned(),
            dataset: cell.dataset.name(),
            stage,
            channel,
            value: values[channel],
        }),
    }
}

/// The images that may hold an unusable number, in order.
pub(super) fn suspects(products: &[ImageProducts]) -> impl Iterator<Item = usize> {
    products.iter().enumerate().filter(|(_, found)| is_suspect(found)).map(|(image, _)| image)
}

/// Refuses activations that hold an unusable number; `image_of` is the image of each in the data
/// set.
pub(super) fn check_usable(
    cell: &Cell<'_>,
    stage: Stage,
    activations: Activations<'_>,
    products: &[ImageProducts],
    image_of: impl Fn(usize) -> usize,
) -> Result<(), ModelError> {
    for image in suspects(products) {
        let [tokens, channels] = [activations.tokens(), activations.channels()];
        let one = Activations::new(activations.image(image), 1, tokens, channels);
        if let Some(found) = find_unusable(one) {
            let dataset = &cell.dataset.dataset;
            return Err(ModelError::Unusable {
                model: cell.model.to_owned(),
                dataset: cell.dataset.name(),
                id: dataset.images[image_of(image)].id.clone(),
                stage,
                token: found.token,
                channel: found.channel,
                value: found.value,
            });
        }
    }
    Ok(())
}
