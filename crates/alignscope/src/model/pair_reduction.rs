//! The pairs of a set in the order in which memory is read least.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::ModelError;
use super::on_device::{ImageSums, OnDevice, PairSums};
use crate::cache::StoreError;
use crate::encoder::{Prefix, Spilled, Tokens};
use crate::energy::{EnergyAccumulator, image_energy};
use crate::pair_statistics::{
    Activations, ImageProducts, InnerProducts, PairStatistics, PairStatisticsStore,
};
use crate::plan::ResidentSet;

/// A pair of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlacedPair {
    /// Its images, by position in the set, in the data set's order.
    images: [u32; 2],
    /// Its number in the data set.
    pair: u32,
}

impl PlacedPair {
    /// The pairs of a set, those of one image one after the other: it stays near the processor while
    /// the others come by.
    pub(super) fn of(set: &ResidentSet) -> Vec<Self> {
        let pairs = set.pairs.iter().zip(&set.local_pairs);
        let mut placed: Vec<Self> =
            pairs.map(|(pair, images)| Self { images: *images, pair: *pair }).collect();
        placed.sort_unstable_by_key(|pair| (pair.lower(), pair.upper()));
        placed
    }

    fn lower(self) -> usize {
        self.images[0].min(self.images[1]) as usize
    }

    fn upper(self) -> usize {
        self.images[0].max(self.images[1]) as usize
    }
}

/// Keeps some pairs' differences.
pub(super) trait Keep:
    FnMut(&[u32], &PairStatistics) -> Result<(), StoreError> + Send
{
}

impl<F: FnMut(&[u32], &PairStatistics) -> Result<(), StoreError> + Send> Keep for F {}

/// The energy of all images and the differences of all pairs, from activations in memory.
pub(super) fn reduce_memory(
    activations: Activations<'_>,
    pairs: &[PlacedPair],
    energy: &mut EnergyAccumulator,
    mut keep: impl Keep,
) -> Result<(), StoreError> {
    energy.add_all(activations);
    let products = activations.image_products();
    let activations = activations.with_products(&products);
    for block in pairs.chunks(PairStatisticsStore::block_pairs(activations.channels())) {
        let images: Vec<[u32; 2]> = block.iter().map(|pair| pair.images).collect();
        let numbers: Vec<u32> = block.iter().map(|pair| pair.pair).collect();
        keep(&numbers, &PairStatistics::of(activations, &images))?;
    }
    Ok(())
}

/// The energy of all images and the differences of all pairs, from activations that a device holds and
/// reduces: pairs of the images of two tiles together.
pub(super) fn reduce_on_device(
    activations: &mut dyn OnDevice,
    sums: &ImageSums,
    pairs: &[PlacedPair],
    energy: &mut EnergyAccumulator,
    mut keep: impl Keep,
) -> Result<(), ModelError> {
    let [_, channels] = activations.shape();
    sums.energy.chunks_exact(channels).for_each(|of_image| energy.add(of_image));
    let tile = activations.tile();
    let tiles = |pair: &PlacedPair| (pair.lower() / tile, pair.upper() / tile);
    let mut pairs = pairs.to_vec();
    pairs.sort_by_key(tiles);
    for of_tiles in pairs.chunk_by(|a, b| tiles(a) == tiles(b)) {
        for block in of_tiles.chunks(PairStatisticsStore::block_pairs(channels)) {
            let images: Vec<[u32; 2]> = block.iter().map(|pair| pair.images).collect();
            let numbers: Vec<u32> = block.iter().map(|pair| pair.pair).collect();
            let PairSums { msd, ab } = activations.pairs(&images)?;
            let of_pairs = ab.iter().zip(msd.chunks_exact(channels)).zip(&images);
            let products = of_pairs.map(|((&ab, msd), images)| {
                let [a, b] = images.map(|image| sums.products[image as usize]);
                match msd.iter().all(|msd| *msd == 0.0) {
                    // A device may sum equal images in another order.
                    true => InnerProducts { ab: a.aa, a, b: a },
                    false => InnerProducts { ab, a, b },
                }
            });
            let products = products.collect();
            keep(&numbers, &PairStatistics::new(channels, msd, products))?;
        }
    }
    Ok(())
}

/// The energy of all images and the differences of all pairs, from activations in a file.
///
/// As many images as fit are held, in order; the later images that have pairs with them pass by,
/// one a thread. So all images are read once for each time that memory is filled.
pub(super) fn reduce_file(
    spilled: &mut Spilled<'_>,
    tokens: Tokens,
    prefix: Prefix,
    pairs: &[PlacedPair],
    energy: &mut EnergyAccumulator,
    keep: impl Keep,
) -> Result<(), StoreError> {
    match Seen::new(spilled, tokens, prefix)? {
        Seen::Tokens(range, products) => tiles(spilled, range, &products, pairs, energy, keep),
        Seen::Vectors(vectors) => {
            let (images, channels) = (spilled.file.images(), spilled.file.channels());
            reduce_memory(Activations::new(&vectors, images, 1, channels), pairs, energy, keep)
        }
    }
}

/// What is compared of activations in a file.
pub(super) enum Seen<'a> {
    /// Several tokens, and the products of each image.
    Tokens(Range<usize>, Cow<'a, [ImageProducts]>),
    /// One vector an image, `[images, channels]`: all of them fit.
    Vectors(Vec<f32>),
}

impl<'a> Seen<'a> {
    /// Reads every image once, unless all tokens are compared.
    pub(super) fn new(
        spilled: &mut Spilled<'a>,
        tokens: Tokens,
        prefix: Prefix,
    ) -> Result<Self, StoreError> {
        let (count, channels) = (spilled.file.tokens(), spilled.file.channels());
        match tokens.range(count, prefix) {
            Some(range) if range == (0..count) => {
                Ok(Self::Tokens(range, Cow::Borrowed(spilled.products)))
            }
            Some(range) if range.len() > 1 => {
                let products = Mutex::new(vec![ImageProducts::default(); spilled.file.images()]);
                each_image(spilled, |i, image| {
                    let of_image = Activations::new(image, 1, count, channels);
                    let found = of_image.of_tokens(range.clone()).image_products()[0];
                    products.lock().expect("no thread panics while it copies")[i] = found;
                })?;
                let products = products.into_inner().expect("no thread panics while it copies");
                Ok(Self::Tokens(range, Cow::Owned(products)))
            }
            _ => Ok(Self::Vectors(selected_vectors(spilled, tokens, prefix)?)),
        }
    }
}

/// The one vector of each image in a file, `[images, channels]`.
pub(super) fn selected_vectors(
    spilled: &mut Spilled<'_>,
    tokens: Tokens,
    prefix: Prefix,
) -> Result<Vec<f32>, StoreError> {
    let (images, channels) = (spilled.file.images(), spilled.file.channels());
    let vectors = Mutex::new(vec![0.0; images * channels]);
    each_image(spilled, |i, image| {
        let mut vector = vec![0.0; channels];
        tokens.select_one(image, prefix, &mut vector);
        let mut all = vectors.lock().expect("no thread panics while it copies");
        all[i * channels..][..channels].copy_from_slice(&vector);
    })?;
    Ok(vectors.into_inner().expect("no thread panics while it copies"))
}

/// Reads every image once, on all threads.
pub(super) fn each_image(
    spilled: &mut Spilled<'_>,
    work: impl Fn(usize, &[f32]) + Sync,
) -> Result<(), StoreError> {
    let file = spilled.file;
    let next = AtomicUsize::new(0);
    let slots = spilled.workspace.par_chunks_exact_mut(file.tokens() * file.channels());
    slots.with_max_len(1).take(rayon::current_num_threads()).try_for_each(|slot| {
        loop {
            let image = next.fetch_add(1, Ordering::Relaxed);
            if image >= file.images() {
                return Ok(());
            }
            file.read(image, slot)?;
            work(image, slot);
        }
    })
}

fn tiles(
    spilled: &mut Spilled<'_>,
    tokens: Range<usize>,
    products: &[ImageProducts],
    pairs: &[PlacedPair],
    energy: &mut EnergyAccumulator,
    keep: impl Keep,
) -> Result<(), StoreError> {
    let file = spilled.file;
    let (images, channels) = (file.images(), file.channels());
    let image = file.tokens() * channels;
    let seen = tokens.start * channels..tokens.end * channels;
    let fitting = spilled.workspace.len() / image;
    // An image passes by in each slot.
    let slots = rayon::current_num_threads().min(fitting / 2).max(1);
    let holding = fitting - slots;
    let (held, passing) = spilled.workspace.split_at_mut(holding * image);
    let keep = Mutex::new(keep);

    // Every image has a pair, so that it is read: its energy is taken the first time.
    let measured: Vec<AtomicBool> = (0..images).map(|_| AtomicBool::new(false)).collect();
    let energy = Mutex::new(energy);
    let measure = |image: usize, values: &[f32]| {
        if !measured[image].swap(true, Ordering::Relaxed) {
            let of_image = image_energy(&values[seen.clone()], channels);
            energy.lock().expect("no thread panics while it adds").add(&of_image);
        }
    };

    let mut left = pairs;
    while let Some(first) = left.first() {
        let start = first.lower();
        let end = images.min(start + holding);
        let (now, later) = left.split_at(left.partition_point(|pair| pair.lower() < end));
        left = later;
        held.par_chunks_exact_mut(image).take(end - start).enumerate().try_for_each(
            |(i, out)| {
                file.read(start + i, out)?;
                measure(start + i, out);
                Ok::<(), StoreError>(())
            },
        )?;

        let held = &*held;
        let mut now = now.to_vec();
        now.sort_unstable_by_key(|pair| (pair.upper(), pair.lower()));
        let runs: Vec<&[PlacedPair]> = now.chunk_by(|a, b| a.upper() == b.upper()).collect();
        let next = AtomicUsize::new(0);
        passing.par_chunks_exact_mut(image).with_max_len(1).try_for_each(|slot| {
            while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let upper = run[0].upper();
                if upper >= end {
                    file.read(upper, slot)?;
                    measure(upper, slot);
                }
                let activations = |i: u32| {
                    let i = i as usize;
                    let whole =
                        if i >= end { &*slot } else { &held[(i - start) * image..][..image] };
                    &whole[seen.clone()]
                };
                let mut differences = PairStatistics::zeros(run.len(), channels);
                for (i, pair) in run.iter().enumerate() {
                    let of_pair = pair.images.map(|image| products[image as usize]);
                    differences.set(i, pair.images.map(activations), of_pair);
                }
                let numbers: Vec<u32> = run.iter().map(|pair| pair.pair).collect();
                let mut keep = keep.lock().expect("no thread panics while it keeps differences");
                (*keep)(&numbers, &differences)?;
            }
            Ok::<(), StoreError>(())
        })?;
    }
    Ok(())
}
