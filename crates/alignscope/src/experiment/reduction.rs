//! Differences of a model on their way to distances, wherever its activations come from.

use std::collections::BTreeMap;

use super::ExperimentError;
use super::prepared::PreparedDataset;
use super::tiles::Keep;
use crate::cache::{CacheEntry, SetWriter, StoreError};
use crate::distance::{Distance, Scale, ScaleAccumulator};
use crate::energy::{EnergyAccumulator, Spread, StageEnergy};
use crate::pair_statistics::{
    Activations, PairStatistics, PairStatisticsStore, find_unusable, is_suspect,
};
use crate::resident::ResidentSet;
use crate::spill::SpillError;
use crate::stage::Stage;

/// What is wanted of a model's differences, wherever its activations come from.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) model: &'a str,
    pub(super) dataset: &'a PreparedDataset,
    pub(super) distances: &'a [Distance],
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

/// When a stage is reduced to distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// As soon as it is there: all its pairs come at once.
    AtOnce,
    /// When the last of several sets is done.
    AtTheEnd,
    /// Not here: the files of several sets keep all that is needed.
    FromFiles,
}

/// Differences on their way to distances, and to the files that keep them.
pub(super) struct Reduction<'a> {
    wanted: Wanted<'a>,
    /// Each stage with its channels.
    stages: Vec<(Stage, usize)>,
    way: Way,
    in_memory: bool,
    /// The file of the present set, where differences are kept.
    writer: Option<SetWriter>,
}

enum Way {
    /// One stage's differences are in the store at a time.
    AtOnce {
        store: PairStatisticsStore,
        finished: Vec<StageDistances>,
    },
    /// The differences of all stages are in the store until the last set is done, with the energies of
    /// their activations.
    AtTheEnd(PairStatisticsStore, Vec<EnergyAccumulator>),
    FromFiles,
}

impl<'a> Reduction<'a> {
    pub(super) fn new(
        wanted: Wanted<'a>,
        stages: Vec<(Stage, usize)>,
        when: When,
        in_memory: bool,
    ) -> Result<Self, ExperimentError> {
        let channels: Vec<usize> = stages.iter().map(|(_, channels)| *channels).collect();
        let store = |channels: &[usize]| {
            PairStatisticsStore::new(wanted.dataset.pairs.len(), channels, in_memory)
        };
        let way = match when {
            When::AtOnce => Way::AtOnce { store: store(&channels[..1])?, finished: vec![] },
            When::AtTheEnd => {
                let energies = channels.iter().map(|c| EnergyAccumulator::new(*c)).collect();
                Way::AtTheEnd(store(&channels)?, energies)
            }
            When::FromFiles => Way::FromFiles,
        };
        Ok(Self { wanted, stages, way, in_memory, writer: None })
    }

    /// The next set, whose differences go to a file of the entry, too.
    pub(super) fn begin(
        &mut self,
        set: &ResidentSet,
        entry: Option<&CacheEntry>,
    ) -> Result<(), ExperimentError> {
        let channels: Vec<usize> = self.stages.iter().map(|(_, channels)| *channels).collect();
        self.writer = entry.map(|entry| entry.writer(&set.pairs, &channels)).transpose()?;
        Ok(())
    }

    /// The set is done.
    pub(super) fn end(&mut self, entry: Option<&mut CacheEntry>) -> Result<(), ExperimentError> {
        if let (Some(writer), Some(entry)) = (self.writer.take(), entry) {
            writer.finish(entry)?;
        }
        Ok(())
    }

    /// Takes the energy of a set's images and the differences of its pairs at a stage, which `reduce` hands on in any
    /// order.
    pub(super) fn stage(
        &mut self,
        stage: Stage,
        reduce: impl FnOnce(&mut EnergyAccumulator, &mut (dyn Keep + '_)) -> Result<(), StoreError>,
    ) -> Result<(), ExperimentError> {
        let Self { wanted, stages, way, in_memory, writer } = self;
        let position = stages.iter().position(|(s, _)| *s == stage).expect("a stage of the model");
        let (_, channels) = stages[position];
        let (mut store, place) = match way {
            Way::AtOnce { store, .. } => {
                if store.channels(0) != channels {
                    // A stage of another width: its differences take the place of the others.
                    let pairs = wanted.dataset.pairs.len();
                    *store = PairStatisticsStore::new(pairs, &[channels], *in_memory)?;
                }
                (Some(store), 0)
            }
            Way::AtTheEnd(store, _) => (Some(store), position),
            Way::FromFiles => (None, 0),
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
                finished.push(distances(*wanted, stage, store, 0, &energy)?);
            }
            Way::AtTheEnd(_, energies) => energies[position].join(&energy),
            Way::FromFiles => {}
        }
        Ok(())
    }

    /// The distances at all stages; none where they are to be read from the files.
    pub(super) fn finish(self) -> Result<Option<Vec<StageDistances>>, ExperimentError> {
        match self.way {
            Way::AtOnce { finished, .. } => Ok(Some(finished)),
            Way::AtTheEnd(store, energies) => {
                let of = |(position, (stage, _)): (usize, &(Stage, usize))| {
                    distances(self.wanted, *stage, &store, position, &energies[position])
                };
                self.stages.iter().enumerate().map(of).collect::<Result<_, _>>().map(Some)
            }
            Way::FromFiles => Ok(None),
        }
    }
}

/// Distances from the differences of all pairs, in the order of the pairs, and the energy of the stage.
pub(super) fn distances(
    wanted: Wanted<'_>,
    stage: Stage,
    store: &PairStatisticsStore,
    position: usize,
    activations: &EnergyAccumulator,
) -> Result<StageDistances, ExperimentError> {
    let images = wanted.dataset.dataset.images.len();
    assert_eq!(activations.images(), images, "each image is measured once");
    let own = own_scale(wanted, store, position)?;
    let energy = StageEnergy {
        activations: Spread::of(&activations.mean()),
        differences: Spread::of(own.values()),
    };
    let normalized = wanted.distances.contains(&Distance::NormalizedEuclidean);
    let scale = match (normalized, wanted.foreign_scales) {
        (false, _) => None,
        (true, Some(scales)) => {
            Some(foreign_scale(wanted, stage, store.channels(position), scales)?)
        }
        (true, None) => Some(own),
    };

    let mut distances: Vec<(Distance, Vec<f64>)> = wanted
        .distances
        .iter()
        .map(|kind| (*kind, Vec::with_capacity(wanted.dataset.pairs.len())))
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
    wanted: Wanted<'_>,
    store: &PairStatisticsStore,
    position: usize,
) -> Result<Scale, SpillError> {
    let uses = &wanted.dataset.pairs.uses;
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
    wanted: Wanted<'_>,
    stage: Stage,
    channels: usize,
    scales: &BTreeMap<String, Vec<f64>>,
) -> Result<Scale, ExperimentError> {
    let values = scales.get(&stage.to_string()).cloned().unwrap_or_default();
    if values.len() != channels {
        return Err(ExperimentError::ScaleShape {
            model: wanted.model.to_owned(),
            dataset: wanted.dataset.dataset.name.clone(),
            stage,
            found: values.len(),
            expected: channels,
        });
    }
    match values.iter().position(|v| !(*v >= 0.0 && v.is_finite())) {
        None => Ok(Scale::new(values)),
        Some(channel) => Err(ExperimentError::ScaleValue {
            model: wanted.model.to_owned(),
            dataset: wanted.dataset.dataset.name.clone(),
            stage,
            channel,
            value: values[channel],
        }),
    }
}

/// The images that may hold an unusable number, in order.
pub(super) fn suspects(norms: &[f64]) -> impl Iterator<Item = usize> {
    norms.iter().enumerate().filter(|(_, norm)| is_suspect(**norm)).map(|(image, _)| image)
}

/// Refuses activations that hold an unusable number; `image_of` is the image of each in the data
/// set.
pub(super) fn check_usable(
    wanted: Wanted<'_>,
    stage: Stage,
    activations: Activations<'_>,
    norms: &[f64],
    image_of: impl Fn(usize) -> usize,
) -> Result<(), ExperimentError> {
    for image in suspects(norms) {
        let [tokens, channels] = [activations.tokens(), activations.channels()];
        let one = Activations::new(activations.image(image), 1, tokens, channels);
        if let Some(found) = find_unusable(one) {
            let dataset = &wanted.dataset.dataset;
            return Err(ExperimentError::Unusable {
                model: wanted.model.to_owned(),
                dataset: dataset.name.clone(),
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
