//! Differences of a model whose activations come from outside, on their way to distances.

use super::ExperimentError;
use super::piece::{StageDistances, Wanted, distances};
use super::tiles::Keep;
use crate::difference::{DifferenceStore, Differences};
use crate::energy::EnergyAccumulator;
use crate::kept::StoreError;
use crate::stage::Stage;

/// Where all pairs of a stage come at once, it is reduced to distances as soon as it is there, and one
/// stage's differences are kept at a time; else those of all stages, until the last of them is there.
pub(super) struct Reducer<'a> {
    wanted: Wanted<'a>,
    /// Each stage with its channels.
    stages: Vec<(Stage, usize)>,
    whole: bool,
    in_memory: bool,
    store: DifferenceStore,
    /// Of the activations of each stage, as far as images came by.
    energies: Vec<EnergyAccumulator>,
    finished: Vec<StageDistances>,
}

impl<'a> Reducer<'a> {
    /// `whole` — whether all pairs of a stage come at once
    pub(super) fn new(
        wanted: Wanted<'a>,
        stages: Vec<(Stage, usize)>,
        whole: bool,
        in_memory: bool,
    ) -> Result<Self, ExperimentError> {
        let mut channels: Vec<usize> = stages.iter().map(|(_, channels)| *channels).collect();
        let energies = channels.iter().map(|c| EnergyAccumulator::new(*c)).collect();
        if whole {
            channels.truncate(1);
        }
        let store = DifferenceStore::new(wanted.dataset.pairs.len(), &channels, in_memory)?;
        Ok(Self { wanted, stages, whole, in_memory, store, energies, finished: vec![] })
    }

    /// Takes the energy of some images and the differences of their pairs at a stage, which `reduce`
    /// hands on in any order.
    pub(super) fn stage(
        &mut self,
        stage: Stage,
        reduce: impl FnOnce(&mut EnergyAccumulator, &mut (dyn Keep + '_)) -> Result<(), StoreError>,
    ) -> Result<(), ExperimentError> {
        let number =
            self.stages.iter().position(|(s, _)| *s == stage).expect("a stage of the model");
        let position = if self.whole { 0 } else { number };
        let (_, channels) = self.stages[number];
        if self.store.channels(position) != channels {
            // A stage of another width: its differences take the place of the others.
            let pairs = self.wanted.dataset.pairs.len();
            self.store = DifferenceStore::new(pairs, &[channels], self.in_memory)?;
        }
        let (store, energy) = (&mut self.store, &mut self.energies[number]);
        let mut keep = |pairs: &[u32], found: &Differences| Ok(store.put(position, pairs, found)?);
        reduce(energy, &mut keep)?;
        if self.whole {
            let energy = &self.energies[number];
            self.finished.push(distances(self.wanted, stage, &self.store, position, energy)?);
        }
        Ok(())
    }

    /// The distances at all stages.
    pub(super) fn finish(mut self) -> Result<Vec<StageDistances>, ExperimentError> {
        if !self.whole {
            for (position, (stage, _)) in self.stages.iter().enumerate() {
                let energy = &self.energies[position];
                self.finished.push(distances(self.wanted, *stage, &self.store, position, energy)?);
            }
        }
        Ok(self.finished)
    }
}
