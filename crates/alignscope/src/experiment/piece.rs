//! One model on one data set: the distances of all pairs at all stages.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::ExperimentError;
use super::error::go_on;
use super::open::Open;
use super::prepared::PreparedDataset;
use super::record::sha256_of;
use super::shares::Shares;
use super::tiles::{Keep, PlacedPair, reduce_file, reduce_memory};
use crate::dataset::ImageIndex;
use crate::difference::{Activations, DifferenceStore, Differences, find_unusable, is_suspect};
use crate::distance::{Distance, Scale, ScaleAccumulator};
use crate::encoder::{
    Architecture, Checkpoint, Encoded, Encoder, Tokens, encode_spilled, encode_stages, passes,
};
use crate::energy::{EnergyAccumulator, Spread, StageEnergy};
use crate::image::{ImageError, ReadAhead, read_ahead};
use crate::kept::{KeptPiece, SetWriter, StoreError};
use crate::progress::Progress;
use crate::resident::ResidentSet;
use crate::results::FileRecord;
use crate::spill::SpillError;
use crate::stage::Stage;

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

/// What is wanted of a model's differences, wherever its activations come from.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) model: &'a str,
    pub(super) dataset: &'a PreparedDataset,
    pub(super) distances: &'a [Distance],
    /// Scales of another run, by stage.
    pub(super) foreign_scales: Option<&'a BTreeMap<String, Vec<f64>>>,
}

/// An encoder whose tensors are read when something is to be encoded, and not before.
pub(super) struct LazyEncoder<'a> {
    model: &'a str,
    checkpoint: &'a Checkpoint,
    /// The files as they were when the run began.
    files: &'a [FileRecord],
    loaded: OnceLock<Encoder>,
}

impl<'a> LazyEncoder<'a> {
    pub(super) fn new(model: &'a str, checkpoint: &'a Checkpoint, files: &'a [FileRecord]) -> Self {
        Self { model, checkpoint, files, loaded: OnceLock::new() }
    }

    pub(super) fn architecture(&self) -> &Architecture {
        &self.checkpoint.architecture
    }

    /// The encoder, read now if it was not yet.
    fn get(&self, progress: &dyn Progress) -> Result<&Encoder, ExperimentError> {
        if let Some(encoder) = self.loaded.get() {
            return Ok(encoder);
        }
        progress.begin(&format!("{}: weights", self.model), 0);
        let encoder = Encoder::load(self.checkpoint).map_err(|source| ExperimentError::Model {
            model: self.model.to_owned(),
            source: Box::new(source),
        })?;
        // The run may have gone on for hours before: what was read now must be what it is kept under.
        for file in self.files {
            let path = PathBuf::from(&file.path);
            if sha256_of(&path)? != file.sha256 {
                return Err(ExperimentError::WeightsChanged { path });
            }
        }
        progress.end();
        Ok(self.loaded.get_or_init(|| encoder))
    }
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
    let mut reduction = Reduction::new(request, &shares, &open, kept.is_some())?;
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
    let stages = match (reduction.finish()?, &kept) {
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
            let image = dataset.decode(set.images[i] as usize, bytes)?;
            encoder.preprocessing().apply_into(&image, pixels);
            Ok(())
        };
        let advance = |images: usize| {
            progress.advance(images as u64);
            go_on(progress)
        };
        let pairs = PlacedPair::of(set);
        let from_memory = |reduction: &mut Reduction<'_>, stage, activations: Activations<'_>| {
            let norms = activations.squared_norms();
            for image in suspects(&norms) {
                self.check_usable(stage, image, activations.image(image))?;
            }
            let selected = tokens.select(activations, encoder.has_class_token());
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
                let image_len = spilled.file.tokens() * spilled.file.channels();
                for image in suspects(spilled.norms) {
                    let values = &mut spilled.workspace[..image_len];
                    spilled.file.read(image, values)?;
                    self.check_usable(stage, image, values)?;
                }
                let class_token = encoder.has_class_token();
                reduction.stage(stage, |energy, keep| {
                    reduce_file(&mut spilled, *tokens, class_token, &pairs, energy, keep)
                })
            }
        };
        encode_spilled(encoder, images, in_memory, load, visit, advance)
    }

    /// Refuses an image of the set, `[tokens, channels]`, that holds an unusable number.
    fn check_usable(
        &self,
        stage: Stage,
        image: usize,
        values: &[f32],
    ) -> Result<(), ExperimentError> {
        let [tokens, channels] = self.encoder.shape(stage);
        match find_unusable(Activations::new(values, 1, tokens, channels)) {
            None => Ok(()),
            Some(found) => Err(ExperimentError::Unusable {
                model: self.request.model.to_owned(),
                dataset: self.request.dataset.dataset.kind,
                id: self.request.dataset.dataset.images[self.set.images[image] as usize].id.clone(),
                stage,
                token: found.token,
                channel: found.channel,
                value: found.value,
            }),
        }
    }
}

/// The images that may hold an unusable number, in order.
pub(super) fn suspects(norms: &[f64]) -> impl Iterator<Item = usize> {
    norms.iter().enumerate().filter(|(_, norm)| is_suspect(**norm)).map(|(image, _)| image)
}

/// Differences on their way to distances, and to the files that keep them.
struct Reduction<'a> {
    request: &'a Request<'a>,
    way: Way,
    in_memory: bool,
    /// The file of the present set, where differences are kept.
    writer: Option<SetWriter>,
}

enum Way {
    /// The data set is one resident set: a stage is reduced to distances as soon as it is there, and one stage's
    /// differences are in the store at a time.
    Whole { store: DifferenceStore, finished: Vec<StageDistances> },
    /// Several sets: the differences of all stages are in the store until the last set is done, with the energies of
    /// their activations.
    Several(DifferenceStore, Vec<EnergyAccumulator>),
    /// Several sets, whose files keep all that is needed.
    Kept,
}

impl<'a> Reduction<'a> {
    fn new(
        request: &'a Request<'a>,
        shares: &Shares,
        open: &Open,
        kept: bool,
    ) -> Result<Self, ExperimentError> {
        let architecture = request.encoder.architecture();
        let stages = architecture.stages();
        let channels: Vec<usize> = stages.iter().map(|s| architecture.channels_at(*s)).collect();
        let in_memory = shares.store_in_memory;
        let store = |channels: &[usize]| {
            DifferenceStore::new(request.dataset.pairs.len(), channels, in_memory)
        };
        let all = open.pairs.len() == request.dataset.pairs.len();
        let way = match (all && shares.sets.len() == 1, kept) {
            (true, _) => Way::Whole { store: store(&channels[..1])?, finished: vec![] },
            (false, true) => Way::Kept,
            (false, false) => {
                let energies = channels.iter().map(|c| EnergyAccumulator::new(*c)).collect();
                Way::Several(store(&channels)?, energies)
            }
        };
        Ok(Self { request, way, in_memory, writer: None })
    }

    /// The next set, whose differences go to a file of the piece, too.
    fn begin(
        &mut self,
        set: &ResidentSet,
        piece: Option<&KeptPiece>,
    ) -> Result<(), ExperimentError> {
        let architecture = self.request.encoder.architecture();
        let stages = architecture.stages();
        let channels: Vec<usize> = stages.iter().map(|s| architecture.channels_at(*s)).collect();
        self.writer = piece.map(|piece| piece.writer(&set.pairs, &channels)).transpose()?;
        Ok(())
    }

    /// The set is done.
    fn end(&mut self, piece: Option<&mut KeptPiece>) -> Result<(), ExperimentError> {
        if let (Some(writer), Some(piece)) = (self.writer.take(), piece) {
            writer.finish(piece)?;
        }
        Ok(())
    }

    /// Takes the energy of a set's images and the differences of its pairs at a stage, which `reduce` hands on in any
    /// order.
    fn stage(
        &mut self,
        stage: Stage,
        reduce: impl FnOnce(&mut EnergyAccumulator, &mut (dyn Keep + '_)) -> Result<(), StoreError>,
    ) -> Result<(), ExperimentError> {
        let Self { request, way, in_memory, writer } = self;
        let architecture = request.encoder.architecture();
        let stages = architecture.stages();
        let position = stages.iter().position(|s| *s == stage).expect("a stage of the encoder");
        let channels = architecture.channels_at(stage);
        let (mut store, place) = match way {
            Way::Whole { store, .. } => {
                if store.channels(0) != channels {
                    // The projection, after the last block: its differences take the place of the others.
                    let pairs = request.dataset.pairs.len();
                    *store = DifferenceStore::new(pairs, &[channels], *in_memory)?;
                }
                (Some(store), 0)
            }
            Way::Several(store, _) => (Some(store), position),
            Way::Kept => (None, 0),
        };
        let mut energy = EnergyAccumulator::new(channels);
        reduce(&mut energy, &mut |pairs: &[u32], found: &Differences| {
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
            Way::Whole { store, finished } => {
                finished.push(distances(request.wanted(), stage, store, 0, &energy)?);
            }
            Way::Several(_, energies) => energies[position].join(&energy),
            Way::Kept => {}
        }
        Ok(())
    }

    /// The distances at all stages; none where they are to be read from the files.
    fn finish(self) -> Result<Option<Vec<StageDistances>>, ExperimentError> {
        match self.way {
            Way::Whole { finished, .. } => Ok(Some(finished)),
            Way::Several(store, energies) => {
                let stages = self.request.encoder.architecture().stages().into_iter().enumerate();
                let of = |(position, stage)| {
                    distances(self.request.wanted(), stage, &store, position, &energies[position])
                };
                stages.map(of).collect::<Result<_, _>>().map(Some)
            }
            Way::Kept => Ok(None),
        }
    }
}

/// Distances from the differences of all pairs, in the order of the pairs, and the energy of the stage.
pub(super) fn distances(
    wanted: Wanted<'_>,
    stage: Stage,
    store: &DifferenceStore,
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
    store: &DifferenceStore,
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
            dataset: wanted.dataset.dataset.kind,
            stage,
            found: values.len(),
            expected: channels,
        });
    }
    match values.iter().position(|v| !(*v >= 0.0 && v.is_finite())) {
        None => Ok(Scale::new(values)),
        Some(channel) => Err(ExperimentError::ScaleValue {
            model: wanted.model.to_owned(),
            dataset: wanted.dataset.dataset.kind,
            stage,
            channel,
            value: values[channel],
        }),
    }
}
