//! A metric of two images on a data set: each image's features once where they fit, then all pairs.

use std::time::Instant;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::error::{check_stopped, in_parts};
use super::{Cell, CellWork, Facts, Measurement, Model, ModelError, Role, StageDistances};
use crate::cache::CacheEntry;
use crate::dataset::is_dense;
use crate::dense_pairs::{levels_bytes, squares_of_levels};
use crate::distance::Distance;
use crate::image::{PROGRAM_BYTES, RgbImage};
use crate::memory::TooLittleMemory;
use crate::metric::{LoadedMetric, MetricFeatures};
use crate::plan::{Coverage, Expected, Remaining, ResidentSet, WorkCost, plan};
use crate::prepared::{PixelRule, PreparedDataset};
use crate::progress::Progress;
use crate::remedy::Remedy;
use crate::results::{FileRecord, absolute};
use crate::stage::Stage;

/// The levels of an image, `[rows, columns, 3]` or all of them in another order.
pub type Levels<F> = fn(&F) -> &[u8];

/// A distance of two images: what it needs of each, and its value for a pair.
///
/// To add one: a file that implements this, as here; a name for it in `model_spec.rs`; and its line in
/// `run/models.rs`, which makes models of what the user names. The pixels (`model/pixels.rs`) are a
/// whole one.
///
/// ```
/// use alignscope::image::RgbImage;
/// use alignscope::model::{ImageMetric, Metric, Model, Role};
/// use alignscope::{Distance, Stage};
/// use serde_json::{Value, json};
///
/// /// How far the mean levels of two images are from each other.
/// struct MeanLevel;
///
/// impl ImageMetric for MeanLevel {
///     type Features = f64;
///     const STAGE: Stage = Stage::Output;
///     const DISTANCE: Distance = Distance::Own;
///     const ROLE: Role = Role::Baseline;
///
///     fn name(&self) -> String {
///         "mean-level".to_owned()
///     }
///
///     fn fingerprint(&self) -> Value {
///         json!("mean-level")
///     }
///
///     fn bytes(&self, _: usize, _: usize) -> usize {
///         size_of::<f64>()
///     }
///
///     fn working_bytes(&self, width: usize, height: usize) -> usize {
///         3 * width * height
///     }
///
///     fn features(&self, image: RgbImage) -> f64 {
///         let levels = image.pixels().iter().map(|level| f64::from(*level));
///         levels.sum::<f64>() / image.pixels().len() as f64
///     }
///
///     fn distance(&self, a: &f64, b: &f64) -> f64 {
///         (a - b).abs()
///     }
/// }
///
/// let model = Metric(MeanLevel);
/// assert_eq!(model.facts().role(), Role::Baseline);
/// let [black, white] = [0, 255].map(|level| RgbImage::new(1, 1, vec![level; 3]));
/// let [black, white] = [black, white].map(|image| MeanLevel.features(image));
/// assert_eq!(MeanLevel.distance(&black, &white), 255.0);
/// ```
pub trait ImageMetric: Send + Sync {
    /// What is computed of an image once, and compared with that of others.
    type Features: Send + Sync;
    /// What its one stage is called in results.
    const STAGE: Stage;
    /// What its distance is called in results.
    const DISTANCE: Distance;
    /// What it is to a run.
    const ROLE: Role;

    /// So many pairs are compared by a thread between two looks at whether the user wants to stop.
    const PAIRS_AT_A_TIME: usize = 1;

    /// The levels of an image, where the distance of two is the root of the mean of their squared
    /// differences: those of a good part of all pairs come from products of matrices, to the same
    /// bits.
    const LEVELS: Option<Levels<Self::Features>> = None;

    /// What results call it.
    fn name(&self) -> String;

    /// All that its numbers depend on but the images.
    fn fingerprint(&self) -> Value;

    /// Its files of weights.
    fn files(&self) -> Vec<FileRecord> {
        vec![]
    }

    /// The shortest side of an image that it takes, in pixels.
    fn min_side(&self) -> usize {
        1
    }

    /// Whether its products are in the precision that the run asks for.
    fn follows_precision(&self) -> bool {
        false
    }

    /// Side of the square to which every image is brought, whatever its proportion (Pillow's
    /// bicubic); `None` if it sees what all metrics see of a data set.
    fn squashed_to(&self) -> Option<usize> {
        None
    }

    /// So many images a thread takes at a time, at most.
    fn images_at_a_time(&self) -> usize {
        1
    }

    /// Bytes that it holds whatever the images: its weights, if they are many. `None` while they
    /// are not read: memory is planned when they are, and nothing else is asked before.
    fn weights_bytes(&self) -> Option<usize> {
        Some(0)
    }

    /// Makes ready what features need; asked for when something is to be measured, and not before.
    ///
    /// # Errors
    /// Weights cannot be read.
    fn load(&mut self, progress: &dyn Progress) -> Result<(), ModelError> {
        let _ = progress;
        Ok(())
    }

    /// Gives back what it was made ready with: the last data set is done.
    fn give_back(&mut self) {}

    /// About the multiplications and additions of an image and of a pair, by which work is shared
    /// out.
    fn cost(&self, width: usize, height: usize) -> WorkCost {
        let values = 3 * (width * height) as u64;
        WorkCost { image: values, pair: values }
    }

    /// Bytes of an image's features.
    fn bytes(&self, width: usize, height: usize) -> usize;

    /// Bytes that a thread needs beside them while those of
    /// [so many](Self::images_at_a_time) images are computed.
    fn working_bytes(&self, width: usize, height: usize) -> usize;

    /// What is compared of an image.
    fn features(&self, image: RgbImage) -> Self::Features;

    /// The same of [so many](Self::images_at_a_time) images, each as by itself.
    fn features_of(&self, images: Vec<RgbImage>) -> Vec<Self::Features> {
        images.into_iter().map(|image| self.features(image)).collect()
    }

    /// The distance of two images: ≥ 0, 0 of equal images.
    fn distance(&self, a: &Self::Features, b: &Self::Features) -> f64;
}

impl ImageMetric for LoadedMetric {
    type Features = MetricFeatures;
    const STAGE: Stage = Stage::Output;
    const DISTANCE: Distance = Distance::Own;
    const ROLE: Role = Role::Baseline;

    fn name(&self) -> String {
        self.baseline().to_string()
    }

    fn fingerprint(&self) -> Value {
        let hashes: Vec<_> = self.files().iter().map(|file| file.sha256.as_str()).collect();
        json!({ "baseline": self.baseline().to_string(), "files": hashes })
    }

    fn files(&self) -> Vec<FileRecord> {
        let record = |file: &crate::metric::MetricWeights| FileRecord {
            path: absolute(&file.path),
            sha256: file.sha256.clone(),
            published: Some(file.published),
        };
        Self::files(self).iter().map(record).collect()
    }

    fn min_side(&self) -> usize {
        self.baseline().min_side()
    }

    fn bytes(&self, width: usize, height: usize) -> usize {
        Self::bytes(self, width, height)
    }

    fn cost(&self, width: usize, height: usize) -> WorkCost {
        let [image, pair] = self.baseline().operations_a_pixel();
        let pixels = (width * height) as u64;
        WorkCost { image: image * pixels, pair: pair * pixels }
    }

    fn working_bytes(&self, width: usize, height: usize) -> usize {
        Self::working_bytes(self, width, height)
    }

    fn features(&self, image: RgbImage) -> MetricFeatures {
        Self::features(self, image)
    }

    fn distance(&self, a: &MetricFeatures, b: &MetricFeatures) -> f64 {
        Self::distance(self, a, b)
    }
}

/// A model that is a metric of two images.
#[derive(Debug)]
pub struct Metric<M>(pub M);

impl<M: ImageMetric> Facts for Metric<M> {
    fn role(&self) -> Role {
        M::ROLE
    }

    fn fingerprint(&self) -> Value {
        self.0.fingerprint()
    }

    fn inputs(&self) -> Vec<(String, String)> {
        let hashes: Vec<String> = self.0.files().into_iter().map(|file| file.sha256).collect();
        match M::ROLE {
            Role::Pixels => vec![],
            _ => vec![
                ("weights".to_owned(), hashes.join(" ")),
                ("numbers".to_owned(), self.fingerprint().to_string()),
            ],
        }
    }

    fn follows_precision(&self) -> bool {
        self.0.follows_precision()
    }

    fn sees_baseline_rule(&self) -> bool {
        M::ROLE == Role::Baseline && self.0.squashed_to().is_none()
    }

    fn compared(&self, cell: &Cell<'_>) -> (&'static str, String) {
        ("compared", rule(&self.0, cell.dataset).to_string())
    }

    fn files(&self) -> Vec<FileRecord> {
        self.0.files()
    }

    fn cost(&self, cell: &Cell<'_>) -> WorkCost {
        let (width, height) = rule(&self.0, cell.dataset).size();
        self.0.cost(width, height)
    }

    fn depths(&self, stages: &[Stage]) -> Vec<f64> {
        stages.iter().map(|stage| stage.depth_percent(0)).collect()
    }
}

impl<M: ImageMetric> Model for Metric<M> {
    fn facts(&self) -> &dyn Facts {
        self
    }

    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError> {
        for file in self.0.files().iter().filter(|file| file.published == Some(false)) {
            progress.note(&format!(
                "{}: {} is not the file that was published (SHA-256 {})",
                self.0.name(),
                file.path,
                file.sha256
            ));
        }
        cells.iter().try_for_each(|cell| check(&self.0, cell))
    }

    fn measure(
        &mut self,
        cell: &Cell<'_>,
        mut kept: Option<CacheEntry>,
        progress: &dyn Progress,
    ) -> Result<Measurement, ModelError> {
        let pairs = cell.dataset.pairs.len();
        let stage = |values| StageDistances {
            stage: M::STAGE,
            scale: None,
            distances: vec![(M::DISTANCE, values)],
            energy: None,
        };
        if let Some(values) = kept.as_ref().and_then(|entry| entry.all_values(pairs)) {
            return Ok(Measurement::new(vec![stage(values)], None));
        }
        self.0.load(progress)?;
        let clock = Instant::now();
        let others = Coverage::Pairs(vec![false; pairs]);
        let (values, features_computed) =
            distances(&self.0, cell, kept.as_mut(), &others, progress)?;
        let work = CellWork {
            images: cell.dataset.dataset.images.len(),
            features_computed: Some(features_computed),
            wall_s: clock.elapsed().as_secs_f64(),
        };
        let work = (M::ROLE == Role::Baseline).then_some(work);
        Ok(Measurement::new(vec![stage(values)], work))
    }

    fn fill(
        &mut self,
        cell: &Cell<'_>,
        mut cached: Option<CacheEntry>,
        others: &Coverage,
        progress: &dyn Progress,
    ) -> Result<Option<CellWork>, ModelError> {
        if self.kept(cell, cached.as_ref()).or(others).is_whole() {
            return Ok(None);
        }
        self.0.load(progress)?;
        let clock = Instant::now();
        let (_, images) = distances(&self.0, cell, cached.as_mut(), others, progress)?;
        let wall_s = clock.elapsed().as_secs_f64();
        Ok(Some(CellWork { images, features_computed: Some(images), wall_s }))
    }

    fn compared_numbers(&self, cell: &Cell<'_>) -> Vec<u64> {
        let (width, height) = rule(&self.0, cell.dataset).size();
        vec![3 * (width * height) as u64]
    }

    fn kept(&self, cell: &Cell<'_>, entry: Option<&CacheEntry>) -> Coverage {
        let is_kept = |pair| entry.is_some_and(|entry| entry.value(pair).is_some());
        Coverage::Pairs((0..).take(cell.dataset.pairs.len()).map(is_kept).collect())
    }

    fn expected(
        &mut self,
        cell: &Cell<'_>,
        covered: &Coverage,
        is_cached: bool,
        progress: &dyn Progress,
    ) -> Result<Expected, ModelError> {
        if covered.is_whole() {
            return Ok(Expected { columns: 1, ..Expected::default() });
        }
        self.0.load(progress)?;
        let share = Share::plan(&self.0, cell)?;
        let remaining = Remaining::new(&cell.dataset.pairs, covered.clone());
        let images = remaining.images.len();
        // Where not all images are held, nobody knows before which pairs go together.
        let sets = plan(images, &remaining.pairs, share.held).unwrap_or_default();
        let largest = sets.iter().max_by_key(|set| set.images.len());
        let held = largest.map_or(share.held, |set| set.images.len());
        let (width, height) = rule(&self.0, cell.dataset).size();
        let features = held as u64 * self.0.bytes(width, height) as u64;
        let busy = share.threads.min(images.max(1)) as u64;
        let levels = 3 * width * height;
        let fits = products_bytes(held, levels) <= share.rest;
        let is_dense = largest.is_some_and(|set| is_dense(set.pairs.len(), held));
        let by_products = M::LEVELS.is_some() && is_dense && fits;
        let products = if by_products { levels_bytes(held, levels) } else { 0 };
        let pairs = (cell.dataset.pairs.len() * (PAIR_BYTES + size_of::<f64>())) as u64;
        Ok(Expected {
            memory_bytes: share.fixed + busy * share.each + features + pairs + products,
            cache_bytes: if is_cached { 12 * remaining.pairs.len() as u64 } else { 0 },
            temporary_bytes: 0,
            busy_images: BUSY * share.threads * self.0.images_at_a_time(),
            columns: 1,
            products: by_products.then_some(levels as u64),
        })
    }

    fn give_back(&mut self) {
        self.0.give_back();
    }
}

/// What a metric sees of a data set's images.
fn rule<M: ImageMetric>(metric: &M, dataset: &PreparedDataset) -> PixelRule {
    match (metric.squashed_to(), M::ROLE) {
        (Some(side), _) => PixelRule::Squashed { side },
        (None, Role::Pixels) => dataset.pixel_rule,
        (None, _) => dataset.baseline_rule,
    }
}

/// Refuses a data set whose images are too small, or a budget that does not hold one of them.
fn check<M: ImageMetric>(metric: &M, cell: &Cell<'_>) -> Result<(), ModelError> {
    let dataset = cell.dataset;
    let rule = rule(metric, dataset);
    let ((width, height), needed) = (rule.size(), metric.min_side());
    if width.min(height) < needed {
        let cropped = matches!(rule, PixelRule::Cropped { .. });
        let (model, dataset) = (metric.name(), dataset.name());
        return Err(ModelError::TooSmall { model, dataset, cropped, width, height, needed });
    }
    match metric.weights_bytes() {
        Some(_) => Share::plan(metric, cell).map(drop).map_err(ModelError::from),
        None => Ok(()),
    }
}

/// Bytes of a pair in lists: its images and number as the data set has them, and in its group.
const PAIR_BYTES: usize = 32;

/// Images of each thread that show how fast a metric is.
const BUSY: usize = 8;

/// How the memory is shared out.
struct Share {
    /// Bytes that are taken whatever the number of images.
    fixed: u64,
    /// Bytes of a thread at work.
    each: u64,
    /// Images whose features are held at once.
    held: usize,
    /// Threads that each make the features of one more.
    threads: usize,
    /// Bytes for features that are held, and for work on them.
    rest: u64,
}

impl Share {
    /// At most half of the budget for the threads' images, fewer threads if need be.
    fn plan<M: ImageMetric>(metric: &M, cell: &Cell<'_>) -> Result<Self, TooLittleMemory> {
        let Cell { dataset, memory_bytes, .. } = *cell;
        let rule = rule(metric, dataset);
        let (width, height) = rule.size();
        let bytes = metric.bytes(width, height) as u64;
        let weights = metric.weights_bytes().expect("they were read");
        let batch = metric.images_at_a_time() as u64;
        let each = batch * bytes + metric.working_bytes(width, height) as u64;
        let fixed = PROGRAM_BYTES + dataset.decoding.bytes() + weights as u64;
        let free = memory_bytes.saturating_sub(fixed);
        let most = usize::try_from(free / 2 / each).unwrap_or(usize::MAX);
        let threads = rayon::current_num_threads().min(most).max(1);
        let rest = free.saturating_sub(threads as u64 * each);
        match usize::try_from(rest / bytes).unwrap_or(usize::MAX) {
            0 => {
                let is_square =
                    M::ROLE == Role::Baseline && matches!(rule, PixelRule::Cropped { .. });
                Err(TooLittleMemory {
                    what: format!("{} on {}", metric.name(), dataset.name()),
                    how: "even with one thread".to_owned(),
                    needed: fixed + each + bytes,
                    budget: memory_bytes,
                    remedies: is_square.then_some(Remedy::SmallerSquare).into_iter().collect(),
                })
            }
            held => Ok(Self { fixed, each, held, threads, rest }),
        }
    }
}

/// The distances of all pairs, and how often features of an image were computed: the number of
/// images where each was once.
///
/// Features of as many images as the budget allows are held at once: resident sets where the
/// components of the pairs' graph fit, so that nothing is computed twice. Otherwise the images are
/// held group by group in order, and each later image that has a pair with the group is computed
/// again, on the fly. Pairs that are kept are not computed, nor those of a group that another run
/// has kept meanwhile, and those that are computed are kept.
///
/// `others` — what is left to others: its distances are then 0 unless they are kept
fn distances<M: ImageMetric>(
    metric: &M,
    cell: &Cell<'_>,
    mut kept: Option<&mut CacheEntry>,
    others: &Coverage,
    progress: &dyn Progress,
) -> Result<(Vec<f64>, usize), ModelError> {
    let dataset = cell.dataset;
    let images = dataset.dataset.images.len();
    progress.begin(&format!("{}: grouping pairs", cell.name()), 0);
    let Share { held, threads, rest, .. } = Share::plan(metric, cell)?;
    let known = |pair: u32| kept.as_ref().and_then(|entry| entry.value(pair));
    let is_covered = |(pair, other): (u32, bool)| other || known(pair).is_some();
    let covered = (0..).zip(others.of_pairs(dataset.pairs.len())).map(is_covered);
    let covered: Vec<bool> = covered.collect();
    let remaining = Remaining::new(&dataset.pairs, Coverage::Pairs(covered.clone()));
    let mut groups: Vec<Group> = match plan(remaining.images.len(), &remaining.pairs, held) {
        Ok(sets) => {
            let sets = sets.into_iter().map(|set| remaining.in_dataset(set));
            sets.map(Group::of_set).collect()
        }
        Err(_) => {
            let tiles = Group::tiles(images, &dataset.pairs.images, held).into_iter();
            tiles.map(|tile| tile.without(&covered)).collect()
        }
    };
    groups.retain(|group| group.all_pairs().next().is_some());
    let mut features_computed = groups.iter().map(|g| g.held.len() + g.passing.len()).sum();

    let steps = features_computed + remaining.pairs.len();
    progress.end();
    progress.begin(&format!("{}: distances", cell.name()), steps as u64);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|source| ModelError::Threads { threads, source })?;
    let mut distances: Vec<f64> =
        (0..).take(dataset.pairs.len()).map(|pair| known(pair).unwrap_or(0.0)).collect();
    let features = |images: &[u32]| {
        check_stopped(progress)?;
        let rule = rule(metric, dataset);
        let load = |image: &u32| dataset.load(*image as usize, |image| rule.apply(image));
        let loaded = images.iter().map(load).collect::<Result<Vec<_>, _>>()?;
        let features = metric.features_of(loaded);
        progress.advance(images.len() as u64);
        Ok::<_, ModelError>(features)
    };
    if let Some(kept) = &kept {
        // Runs that are at work at once take what the others keep: each begins elsewhere.
        let first = kept.first_set(groups.len())?;
        groups.rotate_left(first);
    }
    for group in &groups {
        if let Some(kept) = &mut kept {
            let pairs: Vec<u32> = group.all_pairs().collect();
            if kept.take_over_values(&pairs)? {
                let features = group.held.len() + group.passing.len();
                features_computed -= features;
                progress.advance((features + pairs.len()) as u64);
                for pair in pairs {
                    distances[pair as usize] = kept.value(pair).expect("it was taken over");
                }
                continue;
            }
        }
        let batch = group.held.len().div_ceil(threads).clamp(1, metric.images_at_a_time());
        let make = || group.held.par_chunks(batch).map(features).collect::<Vec<_>>();
        let held = pool.install(make).into_iter().collect::<Result<Vec<_>, _>>()?;
        let held: Vec<M::Features> = held.into_iter().flatten().collect();
        let compare = |pairs: &[(u32, [u32; 2])]| {
            check_stopped(progress)?;
            let distance = |(_, [a, b]): &(u32, [u32; 2])| {
                metric.distance(&held[*a as usize], &held[*b as usize])
            };
            let values = pairs.iter().map(distance).collect::<Vec<f64>>();
            progress.advance(pairs.len() as u64);
            Ok::<_, ModelError>(values)
        };
        let within = match levels_of::<M>(&held, group, rest) {
            Some(levels) => {
                let tick = in_parts(progress, group.pairs.len());
                let images: Vec<[u32; 2]> = group.pairs.iter().map(|(_, images)| *images).collect();
                let count = levels.first().map_or(0, |levels| levels.len()) as f64;
                let squares = squares_of_levels(&levels, &images, tick)?;
                vec![squares.into_iter().map(|square| (square / count).sqrt()).collect()]
            }
            None => {
                let pairs = group.pairs.par_chunks(M::PAIRS_AT_A_TIME);
                let within: Vec<_> = pairs.map(compare).collect();
                within.into_iter().collect::<Result<Vec<Vec<f64>>, _>>()?
            }
        };
        let compare = |passing: &Passing| {
            let of_passing = features(&[passing.image])?;
            let distance = |&(pair, local): &(u32, u32)| {
                (pair, metric.distance(&held[local as usize], &of_passing[0]))
            };
            progress.advance(passing.pairs.len() as u64);
            Ok::<Vec<_>, ModelError>(passing.pairs.iter().map(distance).collect())
        };
        let pass = || group.passing.par_iter().map(compare).collect::<Vec<_>>();
        let passing = pool.install(pass);
        for ((pair, _), value) in group.pairs.iter().zip(within.into_iter().flatten()) {
            distances[*pair as usize] = value;
        }
        for found in passing {
            for (pair, value) in found? {
                distances[pair as usize] = value;
            }
        }
        if let Some(kept) = &kept {
            let pairs: Vec<u32> = group.all_pairs().collect();
            let values: Vec<f64> = pairs.iter().map(|pair| distances[*pair as usize]).collect();
            kept.keep_values(&pairs, &values)?;
        }
    }
    progress.end();
    Ok((distances, features_computed))
}

/// The levels of the images of a group of which a good part of all pairs is compared; `None` if so
/// many bytes do not hold the work on products: they save nothing but time.
fn levels_of<'a, M: ImageMetric>(
    held: &'a [M::Features],
    group: &Group,
    bytes: u64,
) -> Option<Vec<&'a [u8]>> {
    if !is_dense(group.pairs.len(), held.len()) {
        return None;
    }
    let levels: Vec<&[u8]> = held.iter().map(M::LEVELS?).collect();
    let count = levels.first()?.len();
    let fits = products_bytes(held.len(), count) <= bytes;
    (fits && levels.iter().all(|levels| levels.len() == count)).then_some(levels)
}

/// Bytes of so many images, each of `count` levels, and of the work on their products.
fn products_bytes(images: usize, count: usize) -> u64 {
    levels_bytes(images, count) + (images * count) as u64
}

/// Images whose features are held at once, and what is compared with them.
#[derive(Debug, PartialEq)]
struct Group {
    held: Vec<u32>,
    /// Pairs within: the pair, and its images by position in `held`.
    pairs: Vec<(u32, [u32; 2])>,
    /// Images outside that have pairs with those within.
    passing: Vec<Passing>,
}

/// An image that is compared with some of a group, and then forgotten.
#[derive(Debug, PartialEq)]
struct Passing {
    image: u32,
    /// The pair, and the position of its other image in the group.
    pairs: Vec<(u32, u32)>,
}

impl Group {
    fn of_set(set: ResidentSet) -> Self {
        let pairs = set.pairs.into_iter().zip(set.local_pairs).collect();
        Self { held: set.images, pairs, passing: vec![] }
    }

    /// All pairs that it compares.
    fn all_pairs(&self) -> impl Iterator<Item = u32> {
        let passing = self.passing.iter().flat_map(|passing| &passing.pairs).map(|(pair, _)| *pair);
        self.pairs.iter().map(|(pair, _)| *pair).chain(passing)
    }

    /// Groups of `size` images in order; each pair belongs to the group of its first image.
    fn tiles(images: usize, pairs: &[[u32; 2]], size: usize) -> Vec<Self> {
        let index = |i: usize| u32::try_from(i).expect("fewer than 2^32 images and pairs");
        let mut groups: Vec<Self> = (0..images)
            .step_by(size)
            .map(|start| {
                let held = (start..images.min(start + size)).map(index).collect();
                Self { held, pairs: vec![], passing: vec![] }
            })
            .collect();
        let place = |image: u32| (image as usize / size, index(image as usize % size));
        let mut outside = Vec::new();
        for (pair, [a, b]) in pairs.iter().enumerate() {
            let pair = index(pair);
            let (first, second) = (*a.min(b), *a.max(b));
            let ((group, local), (other, other_local)) = (place(first), place(second));
            match group == other {
                true => groups[group].pairs.push((pair, [local, other_local])),
                false => outside.push((group, second, pair, local)),
            }
        }
        outside.sort_unstable();
        for (group, image, pair, local) in outside {
            let passing = &mut groups[group].passing;
            match passing.last_mut() {
                Some(last) if last.image == image => last.pairs.push((pair, local)),
                _ => passing.push(Passing { image, pairs: vec![(pair, local)] }),
            }
        }
        groups.into_iter().map(Self::without_unused).collect()
    }

    /// Without some pairs, and the images that only they need.
    fn without(mut self, covered: &[bool]) -> Self {
        self.pairs.retain(|(pair, _)| !covered[*pair as usize]);
        for passing in &mut self.passing {
            passing.pairs.retain(|(pair, _)| !covered[*pair as usize]);
        }
        self.passing.retain(|passing| !passing.pairs.is_empty());
        self.without_unused()
    }

    /// Without the images that no pair of the group needs.
    fn without_unused(mut self) -> Self {
        let mut used = vec![false; self.held.len()];
        for (_, pair) in &self.pairs {
            pair.iter().for_each(|local| used[*local as usize] = true);
        }
        for (_, local) in self.passing.iter().flat_map(|passing| &passing.pairs) {
            used[*local as usize] = true;
        }
        let mut place = vec![0; used.len()];
        let mut next = 0;
        for (place, used) in place.iter_mut().zip(&used) {
            *place = next;
            next += u32::from(*used);
        }
        let mut keep = used.iter();
        self.held.retain(|_| *keep.next().expect("as many as there are images"));
        for (_, pair) in &mut self.pairs {
            *pair = pair.map(|local| place[local as usize]);
        }
        for (_, local) in self.passing.iter_mut().flat_map(|passing| &mut passing.pairs) {
            *local = place[*local as usize];
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_hold_every_pair_once() {
        let pairs: Vec<[u32; 2]> =
            (0..9).flat_map(|a| (a + 1..9).map(move |b| [b, a])).filter(|p| p[0] != 5).collect();
        for size in 1..=9 {
            let groups = Group::tiles(9, &pairs, size);
            let mut seen = vec![0; pairs.len()];
            for group in &groups {
                assert!(group.held.len() <= size);
                for (pair, [a, b]) in &group.pairs {
                    let mut images = [group.held[*a as usize], group.held[*b as usize]];
                    images.sort_unstable_by(|a, b| b.cmp(a));
                    assert_eq!(images, pairs[*pair as usize]);
                    seen[*pair as usize] += 1;
                }
                for passing in &group.passing {
                    for (pair, local) in &passing.pairs {
                        let images = [passing.image, group.held[*local as usize]];
                        assert_eq!(images, pairs[*pair as usize]);
                        seen[*pair as usize] += 1;
                    }
                }
            }
            assert_eq!(seen, vec![1; pairs.len()]);
        }
    }
}
