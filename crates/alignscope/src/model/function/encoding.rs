//! How a function encodes the images of resident sets.

use std::ops::Range;

use super::super::activations::{OneSet, SetImages};
use super::super::reduction::Begun;
use super::super::set_reducer::SetReducer;
use super::super::{Cell, ModelError};
use super::batches::{Batch, Batches, Next};
use super::device::{DeviceEncodedSet, DeviceSet};
use super::encoded_set::EncodedSet;
use super::{AnyError, Function, FunctionSource, function_failed};
use crate::spill;

impl FunctionSource<'_> {
    /// Has all images encoded; their activations come here, where pairs are reduced.
    pub(super) fn encode_here(
        &mut self,
        cell: &Cell<'_>,
        images: &SetImages<'_>,
        stages: Range<usize>,
        reducer: &mut SetReducer<'_>,
    ) -> Result<(), ModelError> {
        let shapes = self.look(cell.dataset).shapes[stages].to_vec();
        let sets: Vec<OneSet<'_>> = images.sets().collect();
        let (name, recipe) = (self.name.clone(), self.function.preprocessing.clone());
        let batch = self.batch(cell);
        let mut batches = Batches::new(&sets, &name, recipe.as_ref());
        let mut next = batches.next(batch);
        for (number, of_set) in sets.iter().enumerate() {
            let OneSet { set, .. } = of_set;
            if reducer.begin(set)? == Begun::TakenOver {
                images.skip(of_set);
                next = batches.after(number, next, batch);
                continue;
            }
            let held = match images.plan().is_in_memory(set) {
                true => set.images.len(),
                false => batch,
            };
            let mut encoded = EncodedSet::new(&shapes, self.reading, set, held)?;
            while encoded.done < set.images.len() {
                let ready = next.take().expect("as many batches as sets need")?;
                next = self.encode_batch(cell, ready, &mut encoded, || batches.next(batch))?;
                images.advance(encoded.last)?;
            }
            encoded.reduce(images.plan().activation_bytes, reducer)?;
            reducer.end()?;
        }
        Ok(())
    }

    /// Calls the function, and makes the next batch ready meanwhile, also of the next set.
    fn encode_batch(
        &mut self,
        cell: &Cell<'_>,
        batch: Batch,
        encoded: &mut EncodedSet<'_>,
        following: impl FnOnce() -> Next + Send,
    ) -> Result<Next, ModelError> {
        self.calls += 1;
        let images = batch.images();
        let rows = std::mem::take(&mut encoded.rows);
        let encode = &mut self.function.encode;
        let (found, next) = rayon::join(|| encode(batch, rows), following);
        encoded.rows = found.map_err(|source| self.failed(source))?;
        let expected = encoded.in_rows() + images;
        for (rows, (_, shape)) in encoded.rows.iter().zip(encoded.shapes) {
            if rows.kept() != Some(*shape) || rows.images != expected {
                return Err(self.changed(rows, expected, *shape));
            }
        }
        encoded.take(cell, images)?;
        Ok(next)
    }

    /// Has all images encoded by the device, which holds their activations and reduces their pairs.
    pub(super) fn encode_on_device(
        &mut self,
        cell: &Cell<'_>,
        images: &SetImages<'_>,
        stages: Range<usize>,
        reducer: &mut SetReducer<'_>,
    ) -> Result<(), ModelError> {
        let shapes = self.look(cell.dataset).shapes[stages.clone()].to_vec();
        let device_stages = self.device_stages(cell)[stages].to_vec();
        let largest = self.batch(cell);
        let sets: Vec<OneSet<'_>> = images.sets().collect();
        let Self { name, function, calls, device_place, capacity, .. } = self;
        let Function { device, preprocessing, .. } = function;
        let device = device.as_deref_mut().expect("asked for before");
        let failed = |source: AnyError| function_failed(name, source);
        let mut batches = Batches::new(&sets, name, preprocessing.as_ref());
        let mut most = capacity.map_or(1, |capacity| capacity.batch).clamp(1, largest);
        let mut next = batches.next(most);
        for (number, of_set) in sets.iter().enumerate() {
            let OneSet { set, .. } = of_set;
            if reducer.begin(set)? == Begun::TakenOver {
                images.skip(of_set);
                next = batches.after(number, next, most);
                continue;
            }
            let host_bytes = images.plan().activation_bytes;
            let of_set = DeviceSet {
                images: set.images.len(),
                stages: &device_stages,
                host_bytes,
                folder: spill::folder(),
            };
            let held = device.begin(of_set).map_err(failed)?;
            *device_place = (*device_place).max(Some(held.place));
            let mut done = 0;
            while done < set.images.len() {
                let ready = next.take().expect("as many batches as sets need")?;
                let count = ready.images();
                *calls += 1;
                // The next batch is made ready while the device works on one, also across sets.
                let (found, following) =
                    rayon::join(|| device.encode(ready), || batches.next(most));
                most = found.map_err(failed)?.clamp(1, largest);
                next = following;
                done += count;
                images.advance(count)?;
            }
            let shapes = &shapes;
            DeviceEncodedSet { device, model: name, set, shapes, held }.reduce(reducer)?;
            reducer.end()?;
        }
        Ok(())
    }
}
