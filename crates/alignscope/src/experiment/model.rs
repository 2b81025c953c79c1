//! What is measured, and what a run must know of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ExperimentError;
use super::holding::Holding;
use super::prepared::PreparedDataset;
use super::reduction::{StageDistances, Wanted};
use crate::cache::CacheEntry;
use crate::distance::Distance;
use crate::encoder::{Checkpoint, Tokens};
use crate::progress::Progress;
use crate::results::FileRecord;
use crate::stage::Stage;

/// What is measured: gives, for the pairs of a data set, a distance at each of its stages.
///
/// A run knows no more of a model than this. It is an encoder, activations that are there already, a
/// function of the caller's, a metric of two images, or the pixels.
pub(super) trait Model: Send {
    /// What kind of model it is, for the manifest.
    fn role(&self) -> Role;

    /// All that its numbers depend on but the images: what it is kept by.
    fn fingerprint(&self) -> Value;

    /// The same for people, by what each is called: what a run that goes on holds against.
    fn inputs(&self) -> Vec<(String, String)>;

    /// What of the images of a data set it compares, by what that is called.
    fn compared(&self, dataset: &PreparedDataset, tokens: Tokens) -> (&'static str, String) {
        let _ = dataset;
        ("tokens", tokens.to_string())
    }

    /// Its files, with the hashes of what was read of them.
    fn files(&self) -> Vec<FileRecord> {
        vec![]
    }

    /// The checkpoint of an encoder.
    fn checkpoint(&self) -> Option<&Checkpoint> {
        None
    }

    /// Whether some of its sums are split by the sizes of the processor's caches, so that last digits
    /// differ between processors with the same instructions: products of the crate `gemm`.
    fn sums_by_caches(&self) -> bool {
        false
    }

    /// Why what is measured of it is not kept; `None` where its fingerprint tells it from any other, so
    /// that it is.
    fn not_cached(&self) -> Option<&'static str> {
        None
    }

    /// Looks at the data sets before the first image is encoded: refuses what cannot be done, and tells
    /// what the user must know.
    ///
    /// # Errors
    /// It cannot be measured on one of them.
    fn prepare(
        &mut self,
        wanted: &[Wanted<'_>],
        memory_bytes: u64,
        progress: &dyn Progress,
    ) -> Result<(), ExperimentError>;

    /// Where each of some stages, all of the model's, stands in figures: 0 to 100.
    fn depths(&self, stages: &[Stage]) -> Vec<f64>;

    /// The distances of all pairs of a data set at each stage; of what is kept, nothing is computed
    /// again, and what is computed is kept.
    ///
    /// # Errors
    /// An image cannot be read, the budget is too small, or the user wants to stop.
    fn measure(
        &mut self,
        cell: &Cell<'_>,
        kept: Option<CacheEntry>,
        progress: &dyn Progress,
    ) -> Result<Measurement, ExperimentError>;

    /// Gives back what it holds for its data sets: the last one is done.
    fn give_back(&mut self) {}
}

/// What kind of model it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The pixels themselves.
    Pixels,
    /// A metric that others are held against.
    Baseline,
    /// An encoder that alignscope runs.
    Encoder,
    /// Activations or a function of the user's.
    OfUser,
}

impl Role {
    /// Whether its activations have tokens.
    pub(super) fn has_tokens(self) -> bool {
        matches!(self, Self::Encoder | Self::OfUser)
    }
}

/// A model on a data set.
pub(super) struct Cell<'a> {
    /// What results call the model.
    pub(super) model: &'a str,
    pub(super) dataset: &'a PreparedDataset,
    pub(super) distances: &'a [Distance],
    pub(super) tokens: Tokens,
    pub(super) memory_bytes: u64,
    /// Scales of another run, by stage.
    pub(super) foreign_scales: Option<&'a BTreeMap<String, Vec<f64>>>,
}

impl<'a> Cell<'a> {
    pub(super) fn wanted(&self) -> Wanted<'a> {
        let Self { model, dataset, distances, foreign_scales, .. } = *self;
        Wanted { model, dataset, distances, foreign_scales }
    }
}

/// What was measured of a model on a data set.
#[derive(Debug)]
pub(super) struct Measurement {
    pub(super) stages: Vec<StageDistances>,
    /// Images that were encoded for it, and seconds that it took; `None` where all was kept.
    pub(super) work: Option<CellWork>,
    /// How the activations of a function were held.
    pub(super) holding: Option<Holding>,
    /// What is probably wrong with the arrays.
    pub(super) warnings: Vec<String>,
}

impl Measurement {
    /// The distances of a model without more to say.
    pub(super) fn new(stages: Vec<StageDistances>, work: Option<CellWork>) -> Self {
        Self { stages, work, holding: None, warnings: vec![] }
    }
}

/// What was done for a model on a data set.
#[derive(Debug, Clone, Copy)]
pub(super) struct CellWork {
    /// Images that were encoded.
    pub(super) images: usize,
    /// How often features of an image were computed, by a metric.
    pub(super) features_computed: Option<usize>,
    /// Seconds that it took, without reading weights.
    pub(super) wall_s: f64,
}

/// A model of a run, checked before the first image is read.
pub(super) struct RunModel<'a> {
    /// As results call it.
    pub(super) name: String,
    /// Wherever it is named from: as it is written, but a folder by its whole path.
    pub(super) place: String,
    pub(super) model: Box<dyn Model + 'a>,
}
