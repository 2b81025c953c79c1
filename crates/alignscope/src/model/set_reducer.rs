//! What becomes of activations: statistics of pairs, or vectors.

use super::dense_reduction::{DenseWork, Found};
use super::error::in_parts;
use super::on_device::OnDevice;
use super::pair_reduction::{PlacedPair, reduce_file, reduce_memory, reduce_on_device};
use super::reduction::{Begun, Reduction, check_usable, suspects};
use super::stage_transform::StageTransform;
use super::token_choice::TokenChoice;
use super::vectors::{self, Vectors};
use super::{Cell, ModelError, StageDistances, check_stopped};
use crate::cache::CacheEntry;
use crate::dataset::ImageIndex;
use crate::encoder::Encoded;
use crate::pair_statistics::Activations as StageActivations;
use crate::plan::{Remaining, ResidentSet};
use crate::progress::Progress;
use crate::stage::Stage;

/// What becomes of activations.
pub(super) enum Sink<'a> {
    /// Statistics of pairs.
    Pairs {
        cache: Option<&'a mut CacheEntry>,
        reduction: Box<Reduction<'a>>,
        /// Position of the first of the stages among the model's.
        first: usize,
        /// What is to be done.
        remaining: &'a Remaining,
    },
    /// The one vector of each image, as it is.
    Vectors(&'a mut Vectors),
}

/// Takes activations, and leaves statistics of pairs, or the vectors themselves.
pub struct SetReducer<'a> {
    pub(super) cell: &'a Cell<'a>,
    sink: Sink<'a>,
    /// What is made of vectors first, and at which stage: others are passed over.
    transform: Option<StageTransform>,
    /// The present set, its pairs in the order of reduction.
    set: Option<(Vec<ImageIndex>, Vec<PlacedPair>)>,
    /// Images of sets that another run has kept meanwhile.
    pub(super) taken_over_images: usize,
    pub(super) progress: &'a dyn Progress,
}

impl<'a> SetReducer<'a> {
    pub(super) fn new(cell: &'a Cell<'a>, sink: Sink<'a>, progress: &'a dyn Progress) -> Self {
        Self { cell, sink, transform: None, set: None, taken_over_images: 0, progress }
    }
}

impl SetReducer<'_> {
    /// Lets `work` hand activations on, of which those at one stage are transformed first.
    pub(super) fn with_transform<T>(
        &mut self,
        transform: &StageTransform,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.transform = Some(transform.clone());
        let done = work(self);
        self.transform = None;
        done
    }

    /// The next set, unless another run has kept its statistics meanwhile.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn begin(&mut self, set: &ResidentSet) -> Result<Begun, ModelError> {
        let mut pairs = vec![];
        if let Sink::Pairs { cache, reduction, .. } = &mut self.sink {
            if reduction.begin(set, cache.as_deref_mut())? == Begun::TakenOver {
                self.taken_over_images += set.images.len();
                return Ok(Begun::TakenOver);
            }
            if !reduction.is_dense() {
                pairs = PlacedPair::of(set);
            }
        }
        self.set = Some((set.images.clone(), pairs));
        Ok(Begun::Here)
    }

    /// The activations of all images of the set at a stage.
    ///
    /// # Errors
    /// One of them is not usable, or the user wants to stop.
    pub fn stage(
        &mut self,
        stage: Stage,
        encoded: Encoded<'_>,
        choice: TokenChoice,
    ) -> Result<(), ModelError> {
        check_stopped(self.progress)?;
        if self.passes_over(stage)? {
            return Ok(());
        }
        let is_dense = self.is_dense();
        let (images, pairs) = self.set.as_ref().expect("a set was begun");
        let image_of = |image: usize| images[image] as usize;
        let TokenChoice { tokens, prefix } = choice;
        match encoded {
            Encoded::Memory(activations) => {
                let products = activations.image_products();
                check_usable(self.cell, stage, activations, &products, image_of)?;
                let selected = tokens.select(activations, prefix);
                let activations = selected.activations();
                match &mut self.sink {
                    _ if is_dense => self.dense(stage, |work| work.of_memory(activations)),
                    Sink::Pairs { reduction, .. } if self.transform.is_none() => reduction
                        .stage(stage, |energy, keep| {
                            reduce_memory(activations, pairs, energy, keep)
                        }),
                    _ => self.take(stage, vectors::of_memory(self.cell, stage, activations)?),
                }
            }
            Encoded::File(mut spilled) => {
                let [of_image, channels] = [spilled.file.tokens(), spilled.file.channels()];
                for image in suspects(spilled.products) {
                    let values = &mut spilled.workspace[..of_image * channels];
                    spilled.file.read(image, values)?;
                    let one = StageActivations::new(values, 1, of_image, channels);
                    let products = &spilled.products[image..=image];
                    check_usable(self.cell, stage, one, products, |_| image_of(image))?;
                }
                match &mut self.sink {
                    _ if is_dense => self.dense(stage, |work| work.of_file(&mut spilled, choice)),
                    Sink::Pairs { reduction, .. } if self.transform.is_none() => {
                        reduction.stage(stage, |energy, keep| {
                            reduce_file(&mut spilled, tokens, prefix, pairs, energy, keep)
                        })
                    }
                    _ => {
                        self.take(stage, vectors::of_file(self.cell, stage, &mut spilled, choice)?)
                    }
                }
            }
        }
    }

    /// The activations of all images of the set at a stage, which a device holds and reduces.
    pub(super) fn stage_on_device(
        &mut self,
        activations: &mut dyn OnDevice,
    ) -> Result<(), ModelError> {
        check_stopped(self.progress)?;
        let (stage, [tokens, channels]) = (activations.stage(), activations.shape());
        if self.passes_over(stage)? {
            return Ok(());
        }
        let is_dense = self.is_dense();
        let (images, pairs) = self.set.as_ref().expect("a set was begun");
        let sums = activations.images()?;
        for image in suspects(&sums.products) {
            let values = activations.image(image)?;
            let one = StageActivations::new(&values, 1, tokens, channels);
            let products = &sums.products[image..=image];
            check_usable(self.cell, stage, one, products, |_| images[image] as usize)?;
        }
        match &mut self.sink {
            _ if is_dense => self.dense(stage, |work| work.of_device(activations, &sums)),
            Sink::Pairs { reduction, .. } if self.transform.is_none() => reduction
                .stage(stage, |energy, keep| {
                    reduce_on_device(activations, &sums, pairs, energy, keep)
                }),
            _ => {
                let found = vectors::of_device(self.cell, activations, images.len())?;
                self.take(stage, found)
            }
        }
    }

    /// Whether activations at a stage are of no use: only another one is transformed, or the sums
    /// of all its pairs are kept or left to others.
    pub(super) fn passes_over(&mut self, stage: Stage) -> Result<bool, ModelError> {
        if let Sink::Pairs { cache: Some(cache), reduction, first, remaining } = &mut self.sink
            && let Some(place) = reduction.place(stage)
            && (remaining.has_stage(*first + place) || cache.take_over_stage(*first + place)?)
        {
            let (images, _) = self.set.as_ref().expect("a set was begun");
            self.progress.advance(images.len() as u64);
            return Ok(true);
        }
        Ok(self.transform.as_ref().is_some_and(|transform| transform.stage != stage))
    }

    /// Whether the pairs of activations as they are given are reduced all at once.
    fn is_dense(&self) -> bool {
        self.transform.is_none() && self.reduces_all_at_once()
    }

    fn reduces_all_at_once(&self) -> bool {
        matches!(&self.sink, Sink::Pairs { reduction, .. } if reduction.is_dense())
    }

    /// Has all pairs at a stage reduced at once, and tells how far it is.
    fn dense(
        &mut self,
        stage: Stage,
        reduce: impl FnOnce(DenseWork<'_>) -> Result<Found, ModelError>,
    ) -> Result<(), ModelError> {
        let (images, _) = self.set.as_ref().expect("a set was begun");
        let mut tick = in_parts(self.progress, images.len());
        let Sink::Pairs { cache, reduction, first, .. } = &mut self.sink else {
            panic!("vectors have no pairs")
        };
        let entry = cache.as_deref_mut().map(|entry| (entry, *first));
        reduction.dense_stage(stage, entry, &mut tick, reduce)
    }

    /// Takes the one vector of each image of the set, `[images, channels]`.
    fn take(&mut self, stage: Stage, vectors: Vec<f32>) -> Result<(), ModelError> {
        let (images, pairs) = self.set.as_ref().expect("a set was begun");
        let vectors = match &self.transform {
            None => vectors,
            Some(transform) => transform.apply(&vectors),
        };
        let channels = vectors.len() / images.len();
        let seen = StageActivations::new(&vectors, images.len(), 1, channels);
        let image_of = |image: usize| images[image] as usize;
        match &mut self.sink {
            Sink::Vectors(all) => {
                all.put(stage, images, seen);
                return Ok(());
            }
            Sink::Pairs { .. } => {
                check_usable(self.cell, stage, seen, &seen.image_products(), image_of)?;
            }
        }
        match &mut self.sink {
            Sink::Pairs { reduction, .. } if !reduction.is_dense() => {
                reduction.stage(stage, |energy, keep| reduce_memory(seen, pairs, energy, keep))
            }
            _ => self.dense(stage, |work| work.of_memory(seen)),
        }
    }

    /// The set is done.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn end(&mut self) -> Result<(), ModelError> {
        self.set = None;
        match &mut self.sink {
            Sink::Pairs { cache, reduction, .. } => reduction.end(cache.as_deref_mut()),
            Sink::Vectors(_) => Ok(()),
        }
    }

    /// The distances at all stages; `None` if they are to be read from files, or only vectors are
    /// taken.
    pub(super) fn finish(self) -> Result<Option<Vec<StageDistances>>, ModelError> {
        match self.sink {
            Sink::Pairs { reduction, .. } => reduction.finish(),
            Sink::Vectors(_) => Ok(None),
        }
    }
}
