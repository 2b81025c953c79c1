//! One model on one data set: the distances of all pairs at all stages.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::ExperimentError;
use super::error::go_on;
use super::open::Open;
use super::prepared::PreparedDataset;
use super::reduction::{
    Reduction, StageDistances, Wanted, When, check_usable, distances, suspects,
};
use super::shares::Shares;
use super::tiles::{PlacedPair, reduce_file, reduce_memory};
use crate::dataset::ImageIndex;
use crate::difference::{Activations, DifferenceStore};
use crate::distance::Distance;
use crate::encoder::{
    Architecture, Checkpoint, Encoded, Encoder, Tokens, encode_spilled, encode_stages, passes,
};
use crate::image::{ImageError, ReadAhead, read_ahead};
use crate::kept::KeptPiece;
use crate::progress::Progress;
use crate::resident::ResidentSet;

/// What is wanted.
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) encoder: &'a LazyEncoder<'a>,
    pub(super) dataset: &'a PreparedDataset,
    pub(super) distances: &'a [Distance],
    pub(super) tokens: Tokens,
    pub(super) memory_bytes: u64,
    /// Scales of another run, by stage.
    pub(super) foreign_scales: Option<&'a BTreeMap<String, Vec<f64>>>,
}

impl<'a> Request<'a> {
    fn wanted(&self) -> Wanted<'a> {
        let Self { model, dataset, distances, foreign_scales, .. } = *self;
        Wanted { model, dataset, distances, foreign_scales }
    }
}

/// An encoder whose tensors are read when something is to be encoded, and not before.
pub(super) struct LazyEncoder<'a> {
    model: &'a str,
    checkpoint: &'a Checkpoint,
    loaded: OnceLock<Encoder>,
}

impl<'a> LazyEncoder<'a> {
    pub(super) fn new(model: &'a str, checkpoint: &'a Checkpoint) -> Self {
        Self { model, checkpoint, loaded: OnceLock::new() }
    }

    pub(super) fn architecture(&self) -> &Architecture {
        &self.checkpoint.architecture
    }

    /// The encoder, read now if it was not yet: hours may have passed since its files were hashed,
    /// against which every byte is held that is read now.
    fn get(&self, progress: &dyn Progress) -> Result<&Encoder, ExperimentError> {
        if let Some(encoder) = self.loaded.get() {
            return Ok(encoder);
        }
        progress.begin(&format!("{}: weights", self.model), 0);
        let encoder = Encoder::load(self.checkpoint).map_err(|source| ExperimentError::Model {
            model: self.model.to_owned(),
            source: Box::new(source),
        })?;
        progress.end();
        Ok(self.loaded.get_or_init(|| encoder))
    }
}

/// The distances of a piece, and how many images were encoded for them.
#[derive(Debug)]
pub(super) struct PieceDistances {
    pub(super) stages: Vec<StageDistances>,
    pub(super) encoded: usize,
    /// Seconds that it took, without reading the weights.
    pub(super) wall_s: f64,
}

/// Encodes the data set's images, each once, and reduces every stage to distances. Resident sets that are kept are not
/// encoded again, and those that are encoded are kept.
///
/// Files are read ahead while images are encoded, also those of the next resident set.
pub(super) fn stage_distances(
    request: &Request<'_>,
    mut kept: Option<KeptPiece>,
    progress: &dyn Progress,
) -> Result<PieceDistances, ExperimentError> {
    let Request { model, dataset, .. } = request;
    let pairs = dataset.pairs.len();
    let covered = kept.as_ref().map_or_else(|| vec![false; pairs], |piece| piece.covered(pairs));
    if let Some(piece) = &kept
        && covered.iter().all(|covered| *covered)
    {
        let stages = from_kept(request, piece, progress)?;
        return Ok(PieceDistances { stages, encoded: 0, wall_s: 0.0 });
    }
    let encoder = request.encoder.get(progress)?;
    let clock = Instant::now();
    let open = Open::of(&dataset.pairs, &covered);
    let shares = Shares::of(request, encoder, &open, kept.is_some())?;
    shares.tell(request, encoder, &open, progress);

    let images = open.images.len();
    progress.begin(
        &format!("{model} on {}", dataset.dataset.kind),
        (images * encoder.stages().len()) as u64,
    );
    let passes = passes(encoder);
    let sets = shares.sets.iter();
    let needed: Vec<ImageIndex> =
        sets.flat_map(|set| std::iter::repeat_n(&set.images, passes).flatten()).copied().collect();
    let read = |position: usize| dataset.read(needed[position] as usize);
    let architecture = encoder.architecture();
    let stages = architecture.stages();
    let widths = stages.into_iter().map(|stage| (stage, architecture.channels_at(stage)));
    let all = open.pairs.len() == pairs;
    let when = match (all && shares.sets.len() == 1, kept.is_some()) {
        (true, _) => When::AtOnce,
        (false, true) => When::FromFiles,
        (false, false) => When::AtTheEnd,
    };
    let wanted = request.wanted();
    let mut reduction = Reduction::new(wanted, widths.collect(), when, shares.store_in_memory)?;
    read_ahead(needed.len(), shares.ahead_bytes, read, |ahead| {
        let mut first = 0;
        for set in &shares.sets {
            let files = Files { ahead, first, asked: AtomicUsize::new(0) };
            reduction.begin(set, kept.as_ref())?;
            let work = Work { request, encoder, set, files: &files, progress };
            work.encode(shares.in_memory, &mut reduction)?;
            reduction.end(kept.as_mut())?;
            first += passes * set.images.len();
        }
        Ok::<(), ExperimentError>(())
    })?;
    progress.end();
    progress.begin(&format!("{model} on {}: distances", dataset.dataset.kind), 0);
    let finished = reduction.finish()?;
    progress.end();
    let stages = match (finished, &kept) {
        (Some(stages), _) => stages,
        (None, Some(piece)) => from_kept(request, piece, progress)?,
        (None, None) => unreachable!("differences of several sets are in a store or kept"),
    };
    Ok(PieceDistances { stages, encoded: images, wall_s: clock.elapsed().as_secs_f64() })
}

/// The distances of a piece of which all pairs are kept.
fn from_kept(
    request: &Request<'_>,
    piece: &KeptPiece,
    progress: &dyn Progress,
) -> Result<Vec<StageDistances>, ExperimentError> {
    let Request { model, dataset, memory_bytes, .. } = request;
    let architecture = request.encoder.architecture();
    let stages = architecture.stages();
    let pairs = dataset.pairs.len();
    progress.begin(
        &format!("{model} on {}: kept differences", dataset.dataset.kind),
        stages.len() as u64,
    );
    let mut found = Vec::with_capacity(stages.len());
    let mut store: Option<DifferenceStore> = None;
    for (position, stage) in stages.into_iter().enumerate() {
        go_on(progress)?;
        let channels = architecture.channels_at(stage);
        let mut current = match store.take() {
            Some(store) if store.channels(0) == channels => store,
            _ => {
                let in_memory = DifferenceStore::bytes(pairs, 1, channels) <= memory_bytes / 2;
                DifferenceStore::new(pairs, &[channels], in_memory)?
            }
        };
        piece.read_stage(position, &mut current)?;
        found.push(distances(request.wanted(), stage, &current, 0, &piece.read_energy(position)?)?);
        store = Some(current);
        progress.advance(1);
    }
    progress.end();
    Ok(found)
}

/// The files of a set, which were read ahead.
struct Files<'a> {
    ahead: &'a ReadAhead<ImageError>,
    /// Position of the set's first file.
    first: usize,
    /// How many were asked for: all images once, before any is asked for again.
    asked: AtomicUsize,
}

/// A resident set on its way through the encoder.
struct Work<'a> {
    request: &'a Request<'a>,
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
        let Self { request, encoder, set, files, progress } = *self;
        let Request { dataset, tokens, .. } = request;
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
            go_on(progress)
        };
        let pairs = PlacedPair::of(set);
        let image_of = |image: usize| set.images[image] as usize;
        let from_memory = |reduction: &mut Reduction<'_>, stage, activations: Activations<'_>| {
            let norms = activations.squared_norms();
            check_usable(request.wanted(), stage, activations, &norms, image_of)?;
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
                    check_usable(request.wanted(), stage, one, norm, |_| image_of(image))?;
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
