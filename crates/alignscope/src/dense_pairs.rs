//! Sums of all pairs of a data set at once, from products of matrices.
//!
//! Where a data set asks for a good part of all pairs of its images, a pair costs less as one
//! number of a product of matrices than by itself, and what is kept of it are two sums instead of
//! one for each channel:
//!
//! ```text
//! Σ (a − b)²            = g_aa + g_bb − 2 g_ab      g = X Xᵀ, X the images, centred
//! Σ (a − b)² / scale_c  = h_aa + h_bb − 2 h_ab      h the same of X / √scale_c
//! scale_c · T · Σ w     = Σ_i d_i x_i² − 2 Σ_i x_i (U x)_i
//! ```
//!
//! with w how often trials use a pair, U these numbers as a matrix (above its diagonal), d_i how
//! often they use an image, and T tokens. The centre of each number is its mean over the images,
//! rounded to f32, so that numbers that are equal in all images are exactly 0.
//!
//! **Exactness.** All is in f64, from the f32 of the activations. A sum of n products is within
//! (n / 256 + 256) · 2⁻⁵³ of the sum of their magnitudes, 7e-13 for 1,500,000 numbers. What is left
//! of a difference of such sums is so much less exact as it is smaller: pairs whose sum is below
//! [`NEAR`] of g_aa + g_bb (or h) go one by one, and so do channels whose scale is below [`NEAR`]
//! of Σ d_i x_i². So a squared distance is within 2 · 7e-13 / [`NEAR`] of that of exact sums, every
//! distance within 1e-9, and equal images are at 0.
//!
//! **Order.** A sum is over numbers in their order, in runs that depend on the number of channels
//! alone; sums over images are in the order of the data set. So results have the same bytes however
//! many threads there are, and wherever activations come from.

mod columns;
mod graph;
mod stage_sums;

use std::convert::Infallible;
use std::time::Instant;

use alignscope_kernel::{PANEL, RUN, add_products, pack_panel, squared_differences};
use rayon::prelude::*;

use crate::distance::Scale;
use crate::pair_statistics::ImageProducts;
use columns::LevelColumns;
pub(crate) use columns::{Columns, MemoryColumns};
pub(crate) use graph::PairGraph;
use graph::{BLOCK, blocks, images_of, padded};
pub(crate) use stage_sums::StageSums;

/// Sums below this part of what they are the difference of are taken one by one.
pub(crate) const NEAR: f64 = 1e-3;

/// Bytes of numbers of all images that come from a device together: tiles that wait elsewhere then
/// come seldom.
pub(crate) const BROUGHT_BYTES: u64 = 1 << 27;

/// Products of a pair for each of its numbers: plain, with how often it is used, and scaled.
pub(crate) const PRODUCTS: u64 = 3;

/// Levels of each image whose products are timed.
const TIMED: usize = 4096;

/// Numbers of an image that go through together: whole tokens, as many as do not pass this, or one.
const CHUNK: usize = 1024;

/// The sums of all pairs of a data set at a stage.
///
/// `of_images` — of each image
///
/// `foreign` — the scale of each channel, if it is not to be the data set's own, `[channels]`
///
/// `tick` — called some times each second, told how far the work is, 0 to 1
///
/// # Errors
/// Activations cannot be read, or `tick` says so.
pub(crate) fn stage_sums<C: Columns, E: From<C::Error>>(
    graph: &PairGraph<'_>,
    columns: &mut C,
    of_images: &[ImageProducts],
    foreign: Option<&Scale>,
    mut tick: impl FnMut(f64) -> Result<(), E>,
) -> Result<StageSums, E> {
    let [tokens, channels] = columns.shape();
    let mut chunk = Chunk::new(graph.images(), chunk_numbers(tokens, channels));
    let mut gram = Gram::new(graph.images());
    let (mut plain, mut cross) = (vec![0.0; channels], vec![0.0; channels]);
    let ones = vec![1.0; channels];
    let numbers = tokens * channels;
    for first in (0..numbers).step_by(chunk.most) {
        chunk.read(columns, first, &ones, Centre::Mean)?;
        gram.add(&chunk);
        chunk.add_scale(graph, [&mut plain, &mut cross]);
        tick(0.6 * (first + chunk.len) as f64 / numbers as f64)?;
    }
    let mut total: Vec<f64> = plain.iter().zip(&cross).map(|(p, c)| p - 2.0 * c).collect();
    let unsure = |c: &usize| total[*c] < NEAR * plain[*c];
    let unsure: Vec<usize> = (0..channels).filter(unsure).collect();
    for (channel, sum) in unsure.iter().zip(one_by_one(graph, columns, &mut chunk, &unsure)?) {
        total[*channel] = sum;
    }
    let weight = graph.uses() * tokens as f64;
    let scale = Scale::new(total.into_iter().map(|sum| sum / weight).collect());

    let mut sums = StageSums::new(numbers, scale, of_images.to_vec(), graph.pairs());
    let mut near = vec![false; graph.pairs().len()];
    gram.finish(graph.pairs(), &mut sums.squares, &mut near);
    let factors = foreign.unwrap_or(&sums.scale).values().iter();
    let factors: Vec<f64> = factors.map(|s| if *s > 0.0 { 1.0 / s.sqrt() } else { 0.0 }).collect();
    gram.clear();
    for first in (0..numbers).step_by(chunk.most) {
        chunk.read(columns, first, &factors, Centre::Mean)?;
        gram.add(&chunk);
        tick(0.6 + 0.4 * (first + chunk.len) as f64 / numbers as f64)?;
    }
    gram.finish(graph.pairs(), &mut sums.scaled, &mut near);
    take_near(graph, columns, foreign, &near, &mut sums)?;
    Ok(sums)
}

/// Σ (a − b)² of pairs of images of 8-bit levels: exact, as products of whole numbers are whole.
///
/// `images` — the levels of each, as many of all
///
/// `pairs` — by position of their images
///
/// # Errors
/// `tick` says so.
pub(crate) fn squares_of_levels<E: From<Infallible>>(
    images: &[&[u8]],
    pairs: &[[u32; 2]],
    mut tick: impl FnMut(f64) -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    let numbers = images.first().map_or(0, |levels| levels.len());
    let mut columns = LevelColumns(images);
    let mut chunk = Chunk::new(images.len(), chunk_numbers(numbers, 1));
    let mut gram = Gram::new(images.len());
    for first in (0..numbers).step_by(chunk.most) {
        chunk.read(&mut columns, first, &[1.0], Centre::Zero)?;
        gram.add(&chunk);
        tick((first + chunk.len) as f64 / numbers as f64)?;
    }
    let (mut squares, mut near) = (vec![0.0; pairs.len()], vec![false; pairs.len()]);
    gram.finish(pairs, &mut squares, &mut near);
    Ok(squares)
}

/// Seconds of one product of a pair on this machine, where so many images have so many pairs: by
/// the clock, for some images that are made up.
pub(crate) fn product_s(images: usize, pairs: usize) -> f64 {
    // Some pairs of blocks for each thread.
    let of_blocks = |images: usize| blocks(images) * (blocks(images) + 1) / 2;
    let enough = |images: &usize| of_blocks(*images) >= 4 * rayon::current_num_threads();
    let timed = (BLOCK..images).step_by(BLOCK).find(enough).unwrap_or(images.max(1));
    let levels: Vec<u8> = (0..timed * TIMED).map(|i| (i * i % 251) as u8).collect();
    let levels: Vec<&[u8]> = levels.chunks_exact(TIMED).collect();
    let mut seconds = f64::INFINITY;
    // What is made ready at first is no part of it.
    for _ in 0..2 {
        let clock = Instant::now();
        let Ok(_) = squares_of_levels(&levels, &[[0, 0]], |_| Ok::<_, Infallible>(()));
        seconds = clock.elapsed().as_secs_f64().min(seconds);
    }
    let each = seconds / (of_blocks(timed) * TIMED) as f64;
    each * of_blocks(images) as f64 / pairs.max(1) as f64
}

/// Bytes of working memory of [`squares_of_levels`].
pub(crate) fn levels_bytes(images: usize, numbers: usize) -> u64 {
    working_bytes(images, [numbers, 1])
}

/// Bytes of working memory for so many images of a stage of this shape, beside what is kept.
pub(crate) fn working_bytes(images: usize, [tokens, channels]: [usize; 2]) -> u64 {
    let (images, numbers) = (padded(images), chunk_numbers(tokens, channels));
    let of_numbers = size_of::<f32>() + 2 * size_of::<f64>();
    // The graph and the products, above the diagonal of blocks; the sums of threads; two images.
    let square = (images + BLOCK) * (images + BLOCK) * size_of::<f64>();
    let threads = rayon::current_num_threads() * BLOCK * RUN * size_of::<f64>();
    (images * numbers * of_numbers + square + threads + 8 * tokens * channels) as u64
}

/// Numbers of an image that go through together.
fn chunk_numbers(tokens: usize, channels: usize) -> usize {
    (CHUNK / channels).clamp(1, tokens) * channels
}

/// What is taken from each number before products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Centre {
    /// Its mean over the images.
    Mean,
    /// Nothing.
    Zero,
}

/// Some numbers of all images.
struct Chunk {
    images: usize,
    /// Numbers of a chunk; the last may have fewer.
    most: usize,
    len: usize,
    /// `[images, len]`
    raw: Vec<f32>,
    /// What is taken from each number.
    centre: Vec<f32>,
    /// For each block of images and run of numbers, `[panels of images, numbers, 8]`.
    rows: Vec<Vec<f64>>,
    /// For each block of images and run of numbers, `[panels of numbers, images, 8]`.
    columns: Vec<Vec<f64>>,
}

impl Chunk {
    fn new(images: usize, most: usize) -> Self {
        let raw = vec![0.0; images * most];
        let centre = vec![0.0; most];
        let (rows, columns) = (vec![vec![]; blocks(images)], vec![vec![]; blocks(images)]);
        Self { images, most, len: 0, raw, centre, rows, columns }
    }

    /// Takes the numbers from `first` on, each times the factor of its channel.
    fn read<C: Columns>(
        &mut self,
        columns: &mut C,
        first: usize,
        factors: &[f64],
        around: Centre,
    ) -> Result<(), C::Error> {
        let [tokens, channels] = columns.shape();
        let numbers = first..(first + self.most).min(tokens * channels);
        let len = numbers.len();
        let Self { images, raw, centre, rows, .. } = self;
        self.len = len;
        let raw = &mut raw[..*images * len];
        columns.read(numbers, raw)?;
        let raw = &*raw;
        centre[..len].par_chunks_mut(RUN).enumerate().for_each(|(run, centre)| {
            if around == Centre::Zero {
                return centre.fill(0.0);
            }
            let mut sums = vec![0.0; centre.len()];
            for image in raw.chunks_exact(len) {
                let of_run = &image[run * RUN..][..sums.len()];
                sums.iter_mut().zip(of_run).for_each(|(sum, x)| *sum += f64::from(*x));
            }
            let mean = |sum: &f64| (sum / *images as f64) as f32;
            centre.iter_mut().zip(&sums).for_each(|(centre, sum)| *centre = mean(sum));
        });
        let (centre, factors) = (&centre[..len], factors.repeat(len / channels));
        rows.par_iter_mut().enumerate().for_each(|(block, packed)| {
            let of_block = images_of(block, *images);
            packed.resize(padded(of_block.len()) * len, 0.0);
            for run in runs(len) {
                let packed = &mut packed[padded(of_block.len()) * run.start..];
                let panels = packed.chunks_exact_mut(PANEL * run.len());
                let starts = of_block.clone().step_by(PANEL);
                for (first, panel) in starts.zip(panels) {
                    let last = of_block.end.min(first + PANEL);
                    let vectors = (first..last).map(|i| &raw[i * len..][run.clone()]);
                    pack_panel(vectors, &centre[run.clone()], &factors[run.clone()], panel);
                }
            }
        });
        Ok(())
    }

    /// Adds what the pairs differ by in each channel, as the two sums whose difference it is.
    fn add_scale(&mut self, graph: &PairGraph<'_>, [plain, cross]: [&mut [f64]; 2]) {
        let Self { images, len, raw, centre, columns, .. } = self;
        let (images, len, centre) = (*images, *len, &centre[..*len]);
        columns.par_iter_mut().enumerate().for_each(|(block, packed)| {
            let of_block = images_of(block, images);
            packed.resize(of_block.len() * padded(len), 0.0);
            for run in runs(len) {
                let start = of_block.len() * run.start;
                let panels = packed[start..].chunks_exact_mut(PANEL * of_block.len());
                for (first, panel) in run.clone().step_by(PANEL).zip(panels) {
                    let last = run.end.min(first + PANEL);
                    let places = panel.as_chunks_mut::<PANEL>().0;
                    for (image, place) in of_block.clone().zip(places) {
                        *place = [0.0; PANEL];
                        let values = &raw[image * len..][first..last];
                        for ((to, x), centre) in place.iter_mut().zip(values).zip(&centre[first..])
                        {
                            *to = f64::from(*x) - f64::from(*centre);
                        }
                    }
                }
            }
        });
        let columns = &*columns;
        let all_runs: Vec<_> = runs(len).collect();
        let tasks: Vec<(usize, usize)> = (0..columns.len())
            .flat_map(|block| (0..all_runs.len()).map(move |run| (block, run)))
            .collect();
        let found: Vec<[Vec<f64>; 2]> = tasks
            .par_iter()
            .map(|(block, run)| {
                let run = all_runs[*run].clone();
                let of_run = |block: usize| {
                    let images = images_of(block, images).len();
                    &columns[block][images * run.start..][..images * padded(run.len())]
                };
                let width = padded(run.len());
                let mut out = vec![0.0; padded(images_of(*block, images).len()) * width];
                for other in *block..columns.len() {
                    let count = images_of(other, images).len();
                    add_products(graph.weights(*block, other), of_run(other), count, &mut out);
                }
                let of_block = images_of(*block, images);
                let (mut plain, mut cross) = (vec![0.0; width], vec![0.0; width]);
                for (i, image) in of_block.clone().enumerate() {
                    let degree = graph.degree(image);
                    for (k, place) in
                        of_run(*block).chunks_exact(PANEL * of_block.len()).enumerate()
                    {
                        for (lane, x) in place[i * PANEL..][..PANEL].iter().enumerate() {
                            let k = k * PANEL + lane;
                            plain[k] += degree * x * x;
                            cross[k] += x * out[i * width + k];
                        }
                    }
                }
                [plain, cross]
            })
            .collect();
        let channels = plain.len();
        for ((_, run), [of_plain, of_cross]) in tasks.iter().zip(&found) {
            for (k, number) in all_runs[*run].clone().enumerate() {
                plain[number % channels] += of_plain[k];
                cross[number % channels] += of_cross[k];
            }
        }
    }
}

/// The runs of numbers of a chunk.
fn runs(len: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..len).step_by(RUN).map(move |first| first..len.min(first + RUN))
}

/// Inner products of all images, in blocks above the diagonal.
struct Gram {
    images: usize,
    /// Of each pair of blocks, `[images of the one, images of the other]`.
    blocks: Vec<GramBlock>,
}

struct GramBlock {
    of: [usize; 2],
    products: Vec<f64>,
}

impl Gram {
    fn new(images: usize) -> Self {
        let count = |block| padded(images_of(block, images).len());
        let block = |a, b| GramBlock { of: [a, b], products: vec![0.0; count(a) * count(b)] };
        let all = 0..blocks(images);
        let blocks = all.clone().flat_map(|a| (a..all.end).map(move |b| (a, b)));
        Self { images, blocks: blocks.map(|(a, b)| block(a, b)).collect() }
    }

    fn clear(&mut self) {
        self.blocks.par_iter_mut().for_each(|block| block.products.fill(0.0));
    }

    /// Adds the products of some numbers.
    fn add(&mut self, chunk: &Chunk) {
        self.blocks.par_iter_mut().for_each(|GramBlock { of, products }| {
            for run in runs(chunk.len) {
                let [a, b] = of.map(|block| {
                    let images = padded(images_of(block, chunk.images).len());
                    &chunk.rows[block][images * run.start..][..images * run.len()]
                });
                add_products(a, b, run.len(), products);
            }
        });
    }

    /// ⟨a, b⟩.
    fn product(&self, a: usize, b: usize) -> f64 {
        let [a, b] = [a.min(b), a.max(b)];
        let [of_a, of_b] = [a / BLOCK, b / BLOCK];
        let before = graph::before(of_a, blocks(self.images));
        let width = padded(images_of(of_b, self.images).len());
        self.blocks[before + of_b - of_a].products[a % BLOCK * width + b % BLOCK]
    }

    /// The squared distance of each pair, and which pairs are so near that it is not sure.
    fn finish(&self, pairs: &[[u32; 2]], squares: &mut [f64], near: &mut [bool]) {
        let own: Vec<f64> = (0..self.images).map(|i| self.product(i, i)).collect();
        let of_pairs = squares.par_iter_mut().zip(near).zip(pairs);
        of_pairs.with_min_len(1 << 12).for_each(|((square, near), images)| {
            let [a, b] = images.map(|image| image as usize);
            let both = own[a] + own[b];
            *square = (both - 2.0 * self.product(a, b)).max(0.0);
            *near |= *square < NEAR * both;
        });
    }
}

/// What the pairs differ by in some of the channels, pair by pair: Σ w (a − b)² over tokens.
fn one_by_one<C: Columns>(
    graph: &PairGraph<'_>,
    columns: &mut C,
    chunk: &mut Chunk,
    some: &[usize],
) -> Result<Vec<f64>, C::Error> {
    let [tokens, channels] = columns.shape();
    let mut sums = vec![0.0; some.len()];
    if some.is_empty() {
        return Ok(sums);
    }
    for first in (0..tokens * channels).step_by(chunk.most) {
        let numbers = first..(first + chunk.most).min(tokens * channels);
        let len = numbers.len();
        let raw = &mut chunk.raw[..graph.images() * len];
        columns.read(numbers, raw)?;
        let raw = &*raw;
        sums.par_iter_mut().zip(some).for_each(|(sum, channel)| {
            for number in (*channel..len).step_by(channels) {
                let at = |image: u32| f64::from(raw[image as usize * len + number]);
                for ([a, b], uses) in graph.pairs().iter().zip(graph.uses_of_pairs()) {
                    *sum += f64::from(*uses) * (at(*a) - at(*b)).powi(2);
                }
            }
        });
    }
    Ok(sums)
}

/// Takes the sums of pairs of images that are nearly equal from their differences.
fn take_near<C: Columns>(
    graph: &PairGraph<'_>,
    columns: &mut C,
    foreign: Option<&Scale>,
    near: &[bool],
    sums: &mut StageSums,
) -> Result<(), C::Error> {
    let [tokens, channels] = columns.shape();
    let mut order: Vec<usize> = (0..near.len()).filter(|pair| near[*pair]).collect();
    let lower = |pair: usize| {
        let [a, b] = graph.pairs()[pair];
        (a.min(b), a.max(b))
    };
    order.sort_unstable_by_key(|pair| lower(*pair));
    let mut images = [const { vec![] }; 2].map(|_: Vec<f32>| vec![0.0; tokens * channels]);
    let mut held = None;
    let scale = foreign.unwrap_or(&sums.scale).values().to_vec();
    for pair in order {
        let (a, b) = lower(pair);
        if held != Some(a) {
            columns.image(a as usize, &mut images[0])?;
            held = Some(a);
        }
        columns.image(b as usize, &mut images[1])?;
        let mut of_channels = vec![0.0; channels];
        squared_differences(&images[0], &images[1], &mut of_channels);
        let scaled = of_channels.iter().zip(&scale).filter(|(_, scale)| **scale > 0.0);
        sums.scaled[pair] = scaled.map(|(sum, scale)| sum / scale).sum();
        sums.squares[pair] = of_channels.iter().sum();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
