//! A model of which one stage is measured, its vectors transformed.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};

use super::activations::{ActivationSource, SetImages};
use super::set_reducer::SetReducer;
use super::stage_transform::StageTransform;
use super::{Cell, Facts, ModelError, Role};
use crate::encoder::Checkpoint;
use crate::plan::{Beyond, Demand, Holding, MemoryPlan, StageDemand, WorkCost};
use crate::progress::Progress;
use crate::remedy::Advice;
use crate::results::FileRecord;
use crate::stage::Stage;

/// A source of activations of which one stage is measured, its vectors transformed.
pub(super) struct Transformed<'a> {
    inner: Box<dyn ActivationSource + 'a>,
    transform: StageTransform,
    /// Stages of the source, once it was prepared.
    stages: usize,
}

impl<'a> Transformed<'a> {
    pub(super) fn new(inner: Box<dyn ActivationSource + 'a>, transform: StageTransform) -> Self {
        Self { inner, transform, stages: 0 }
    }

    /// The position of its stage among those of the source.
    fn place(&self, cell: &Cell<'_>) -> usize {
        let widths = self.inner.widths(cell);
        let place = widths.iter().position(|(stage, _)| *stage == self.transform.stage);
        place.expect("found when it was prepared")
    }
}

impl Facts for Transformed<'_> {
    fn role(&self) -> Role {
        self.inner.role()
    }

    fn fingerprint(&self) -> Value {
        json!({ "transform": self.transform.told(), "of": self.inner.fingerprint() })
    }

    fn inputs(&self) -> Vec<(String, String)> {
        let transform = ("transform".to_owned(), self.transform.told());
        self.inner.inputs().into_iter().chain([transform]).collect()
    }

    fn made_with(&self) -> BTreeMap<String, String> {
        self.inner.made_with()
    }

    fn compared(&self, cell: &Cell<'_>) -> (&'static str, String) {
        self.inner.compared(cell)
    }

    fn files(&self) -> Vec<FileRecord> {
        let mut files = self.inner.files();
        files.push(self.transform.file());
        files
    }

    fn checkpoint(&self) -> Option<&Checkpoint> {
        self.inner.checkpoint()
    }

    fn follows_processor(&self) -> bool {
        self.inner.follows_processor()
    }

    fn cost(&self, cell: &Cell<'_>) -> WorkCost {
        let WorkCost { image, .. } = self.inner.cost(cell);
        WorkCost::of_numbers(image, self.transform.outputs() as u64)
    }

    fn not_cached(&self) -> Option<&'static str> {
        self.inner.not_cached()
    }

    fn reads_images(&self) -> bool {
        self.inner.reads_images()
    }

    fn depths(&self, stages: &[Stage]) -> Vec<f64> {
        self.inner.depths(stages)
    }
}

impl ActivationSource for Transformed<'_> {
    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError> {
        self.inner.prepare(cells, progress)?;
        for cell in cells {
            let widths = self.inner.widths(cell);
            self.stages = widths.len();
            self.transform.find(&widths)?;
        }
        Ok(())
    }

    fn widths(&self, _: &Cell<'_>) -> Vec<(Stage, usize)> {
        vec![(self.transform.stage, self.transform.outputs())]
    }

    fn load(&mut self, cell: &Cell<'_>, progress: &dyn Progress) -> Result<(), ModelError> {
        self.inner.load(cell, progress)
    }

    fn demand(&self, cell: &Cell<'_>) -> Demand {
        let demand = self.inner.demand(cell);
        let stage = demand.stages[self.place(cell)];
        let images = cell.dataset.dataset.images.len() as u64;
        let outputs = self.transform.outputs();
        // The vectors of all images, and what becomes of them.
        let vectors = images * (stage.channels + outputs) as u64 * size_of::<f32>() as u64;
        Demand {
            fixed_bytes: demand.fixed_bytes + vectors,
            stages: vec![StageDemand { channels: outputs, ..stage }],
            // Stages are not asked for one after the other: there is one.
            image_bytes: match demand.beyond {
                Beyond::AskAgain => stage.image_bytes,
                _ => demand.image_bytes,
            },
            ..demand
        }
    }

    fn passes(&self) -> usize {
        self.inner.passes()
    }

    /// Whoever encodes images goes through all stages.
    fn steps(&self, stages: usize) -> usize {
        self.inner.steps(if self.reads_images() { self.stages } else { stages })
    }

    fn encode(
        &mut self,
        cell: &Cell<'_>,
        images: &SetImages<'_>,
        _: Range<usize>,
        reducer: &mut SetReducer<'_>,
    ) -> Result<(), ModelError> {
        let place = self.place(cell);
        let Self { inner, transform, .. } = self;
        reducer.with_transform(transform, |reducer| {
            inner.encode(cell, images, place..place + 1, reducer)
        })
    }

    fn holding(&self, plan: &MemoryPlan, _: &[(Stage, usize)]) -> Option<Holding> {
        self.inner.holding(plan, &[(self.transform.stage, self.transform.outputs())])
    }

    fn warnings(&self) -> Vec<Advice> {
        self.inner.warnings()
    }

    fn give_back(&mut self) {
        self.inner.give_back();
    }
}
