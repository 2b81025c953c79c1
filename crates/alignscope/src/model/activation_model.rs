//! A source of activations as a model: one plan, one loop, one reduction.

use std::ops::Range;
use std::time::Instant;

use super::activations::{ActivationSource, SetImages};
use super::reduction::{Reduction, When, dense_distances, distances};
use super::set_reducer::{SetReducer, Sink};
use super::stage_transform::StageTransform;
use super::transformed::Transformed;
use super::vectors::Vectors;
use super::{Cell, CellWork, Facts, Measurement, Model, ModelError, StageDistances, check_stopped};
use crate::cache::CacheEntry;
use crate::dataset::ImageIndex;
use crate::dense_pairs::PRODUCTS;
use crate::image::prefetch;
use crate::pair_statistics::PairStatisticsStore;
use crate::plan::{Coverage, Expected, MemoryPlan, Remaining, Request};
use crate::progress::Progress;
use crate::stage::Stage;
use crate::transform::StageVectors;

/// How often a cell is measured of which somebody removes what is kept meanwhile.
const ATTEMPTS: usize = 5;

/// A model that is a source of activations.
#[derive(Debug)]
pub struct Activations<S>(pub S);

impl<S: ActivationSource> Model for Activations<S> {
    fn facts(&self) -> &dyn Facts {
        &self.0
    }

    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError> {
        self.0.prepare(cells, progress)
    }

    /// Each image is encoded once. Resident sets that are kept are not encoded again, and those that are encoded are
    /// kept. Files are read ahead while images are encoded, also those of the next resident set.
    ///
    /// Where somebody removes from the cache what is counted on, what is gone is encoded again.
    fn measure(
        &mut self,
        cell: &Cell<'_>,
        mut cached: Option<CacheEntry>,
        progress: &dyn Progress,
    ) -> Result<Measurement, ModelError> {
        let source = &mut self.0;
        again_if_gone(cell, &mut cached, progress, |cached| {
            measure(source, cell, cached.as_mut(), progress)
        })
    }

    /// Each image of a pair that is not kept, and not left to others, is encoded once.
    fn fill(
        &mut self,
        cell: &Cell<'_>,
        mut cached: Option<CacheEntry>,
        others: &Coverage,
        progress: &dyn Progress,
    ) -> Result<Option<CellWork>, ModelError> {
        let source = &mut self.0;
        again_if_gone(cell, &mut cached, progress, |cached| {
            fill(source, cell, cached.as_mut(), others, progress)
        })
    }

    fn compared_numbers(&self, cell: &Cell<'_>) -> Vec<u64> {
        self.0.compared_numbers(cell)
    }

    fn kept(&self, cell: &Cell<'_>, entry: Option<&CacheEntry>) -> Coverage {
        covered(cell, &self.0.widths(cell), entry)
    }

    fn expected(
        &mut self,
        cell: &Cell<'_>,
        covered: &Coverage,
        is_cached: bool,
        progress: &dyn Progress,
    ) -> Result<Expected, ModelError> {
        let source = &mut self.0;
        let stages = source.widths(cell).len();
        let nothing = Expected { columns: stages * cell.distances.len(), ..Expected::default() };
        if covered.is_whole() {
            return Ok(nothing);
        }
        source.load(cell, progress)?;
        let remaining = Remaining::new(&cell.dataset.pairs, covered.clone());
        let (demand, name) = (source.demand(cell), cell.name());
        let request = request(cell, &name, &remaining, is_cached);
        let plan = MemoryPlan::new(&demand, request)?;
        let busy_images = demand.busy_images;
        let of_pair = || PRODUCTS * source.compared_numbers(cell).iter().sum::<u64>();
        let products = cell.dataset.is_dense().then(of_pair);
        let found = Expected { busy_images, products, ..nothing };
        Ok(found.with(plan.expected(&demand, request)))
    }

    /// Encodes each image once; nothing is kept.
    fn vectors(
        &mut self,
        cell: &Cell<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<StageVectors>, ModelError> {
        let source = &mut self.0;
        let widths = source.widths(cell);
        let images = cell.dataset.dataset.images.len();
        source.load(cell, progress)?;
        let pairs = &cell.dataset.pairs;
        let remaining = Remaining::new(pairs, Coverage::Pairs(vec![false; pairs.len()]));
        let mut vectors = Vectors::new(images, &widths);
        let name = cell.name();
        let request = request(cell, &name, &remaining, true);
        let plan = plan_of(source, cell, request, vectors.bytes(), progress)?;
        let needed = needed_images(source, &plan);
        for stages in &plan.stage_groups {
            let sink = Sink::Vectors(&mut vectors);
            let mut reducer = SetReducer::new(cell, sink, progress);
            encode(source, &plan, &needed, stages.clone(), &mut reducer)?;
        }
        progress.end();
        Ok(vectors.stages)
    }

    fn transformed<'a>(
        self: Box<Self>,
        transform: StageTransform,
    ) -> Result<Box<dyn Model + 'a>, ModelError>
    where
        Self: 'a,
    {
        Ok(Box::new(Activations(Transformed::new(Box::new(self.0), transform))))
    }

    fn give_back(&mut self) {
        self.0.give_back();
    }
}

/// Does some work with what is kept, and once more where somebody removes what it counts on.
fn again_if_gone<T>(
    cell: &Cell<'_>,
    cached: &mut Option<CacheEntry>,
    progress: &dyn Progress,
    mut work: impl FnMut(&mut Option<CacheEntry>) -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    for _ in 1..ATTEMPTS {
        match work(cached) {
            Err(error) if error.is_gone() => {
                progress.end();
                progress.note(&format!("{}: {error}; what is gone is done again", cell.name()));
                cached.as_mut().map(CacheEntry::reopen).transpose()?;
            }
            other => return other,
        }
    }
    work(cached)
}

/// Has each image of a pair encoded that is not kept, and not left to others. Without an entry to
/// keep them in, it is a sample, whose pairs are reduced one by one and forgotten.
fn fill<S: ActivationSource>(
    source: &mut S,
    cell: &Cell<'_>,
    cached: Option<&mut CacheEntry>,
    others: &Coverage,
    progress: &dyn Progress,
) -> Result<Option<CellWork>, ModelError> {
    let widths = source.widths(cell);
    let covered = covered(cell, &widths, cached.as_deref()).or(others);
    if covered.is_whole() {
        return Ok(None);
    }
    source.load(cell, progress)?;
    let clock = Instant::now();
    let remaining = Remaining::new(&cell.dataset.pairs, covered);
    let images = Remaining::new(&cell.dataset.pairs, others.clone()).images.len();
    let is_dense = cell.dataset.is_dense() && cached.is_some();
    let name = cell.name();
    let request = Request { images, is_dense, ..request(cell, &name, &remaining, true) };
    let plan = plan_of(source, cell, request, 0, progress)?;
    let when = if is_dense { When::Dense } else { When::FromFiles };
    let work = Work { widths: &widths, remaining: &remaining, plan: &plan, when };
    let (_, taken_over) = encode_all(source, cell, work, cached, progress)?;
    let (images, wall_s) = (remaining.images.len() - taken_over, clock.elapsed().as_secs_f64());
    Ok(Some(CellWork { images, features_computed: None, wall_s }))
}

/// Measures a cell with what is kept of it now.
fn measure<S: ActivationSource>(
    source: &mut S,
    cell: &Cell<'_>,
    mut cached: Option<&mut CacheEntry>,
    progress: &dyn Progress,
) -> Result<Measurement, ModelError> {
    let dataset = cell.dataset;
    let widths = source.widths(cell);
    let covered = covered(cell, &widths, cached.as_deref());
    if let Some(entry) = &cached
        && covered.is_whole()
    {
        let stages = from_cache(cell, &widths, entry, progress)?;
        let warnings = source.warnings();
        return Ok(Measurement { warnings, ..Measurement::new(stages, None) });
    }
    source.load(cell, progress)?;
    let clock = Instant::now();
    let remaining = Remaining::new(&dataset.pairs, covered);
    let name = cell.name();
    let request = request(cell, &name, &remaining, cached.is_some());
    let mut plan = plan_of(source, cell, request, 0, progress)?;
    if let Some(entry) = &cached {
        // Runs that are at work at once take what the others keep: each begins elsewhere.
        let first = entry.first_set(plan.sets.len())?;
        plan.sets.rotate_left(first);
    }
    let when = match (plan.is_one_set, cached.is_some()) {
        _ if dataset.is_dense() => When::Dense,
        (true, _) => When::AtOnce,
        (false, true) => When::FromFiles,
        (false, false) => When::AtTheEnd,
    };
    let work = Work { widths: &widths, remaining: &remaining, plan: &plan, when };
    let (found, taken_over) = encode_all(source, cell, work, cached.as_deref_mut(), progress)?;
    let images = remaining.images.len() - taken_over;
    let stages = match (found, &cached) {
        (Some(stages), _) => stages,
        (None, Some(entry)) => from_cache(cell, &widths, entry, progress)?,
        (None, None) => unreachable!("statistics of several sets are in a store or kept"),
    };
    let holding = source.holding(&plan, &widths);
    if let Some(holding) = &holding {
        progress.note(&format!("{}: {holding}", cell.model));
    }
    let wall_s = clock.elapsed().as_secs_f64();
    let work = CellWork { images, features_computed: None, wall_s };
    let warnings = source.warnings();
    Ok(Measurement { holding, warnings, ..Measurement::new(stages, Some(work)) })
}

/// What is kept.
fn covered(cell: &Cell<'_>, widths: &[(Stage, usize)], cached: Option<&CacheEntry>) -> Coverage {
    let pairs = cell.dataset.pairs.len();
    let is_kept = |stage| cached.is_some_and(|entry| entry.has_stage(stage));
    match cached {
        _ if cell.dataset.is_dense() => Coverage::Stages((0..widths.len()).map(is_kept).collect()),
        Some(entry) => Coverage::Pairs(entry.covered(pairs)),
        None => Coverage::Pairs(vec![false; pairs]),
    }
}

/// What of a cell is to be done, and how.
struct Work<'a> {
    /// Each stage with its channels.
    widths: &'a [(Stage, usize)],
    remaining: &'a Remaining,
    plan: &'a MemoryPlan,
    when: When,
}

/// Has all sets of a plan encoded and reduced: the distances, unless they are to be read from
/// files, and how many images another run did meanwhile.
fn encode_all<S: ActivationSource>(
    source: &mut S,
    cell: &Cell<'_>,
    Work { widths, remaining, plan, when }: Work<'_>,
    mut cached: Option<&mut CacheEntry>,
    progress: &dyn Progress,
) -> Result<(Option<Vec<StageDistances>>, usize), ModelError> {
    // A file that has all stages serves no run that makes some of them at a time.
    let takes_over = plan.stage_groups.len() == 1;
    let needed = needed_images(source, plan);
    let mut found = Some(Vec::with_capacity(widths.len()));
    let mut taken_over = 0;
    for stages in &plan.stage_groups {
        let of_group = widths[stages.clone()].to_vec();
        let reduction = Reduction::new(*cell, of_group, when, plan.store_in_memory, takes_over)?;
        let cache = cached.as_deref_mut();
        let first = stages.start;
        let sink = Sink::Pairs { cache, reduction: Box::new(reduction), first, remaining };
        let mut reducer = SetReducer::new(cell, sink, progress);
        encode(source, plan, &needed, stages.clone(), &mut reducer)?;
        taken_over += reducer.taken_over_images;
        let finished = reducer.finish()?;
        found = found.zip(finished).map(|(mut found, finished)| {
            found.extend(finished);
            found
        });
    }
    progress.end();
    Ok((found, taken_over))
}

/// What is in memory while the rest of a cell is encoded; tells it, and begins the work.
///
/// `request` — the cell, and so many images as are to be encoded in all, some of which may be done
/// from before
/// `beside_bytes` — bytes that are needed beside what the source demands
fn plan_of<S: ActivationSource>(
    source: &S,
    cell: &Cell<'_>,
    request: Request<'_>,
    beside_bytes: u64,
    progress: &dyn Progress,
) -> Result<MemoryPlan, ModelError> {
    let (mut demand, name) = (source.demand(cell), request.cell);
    demand.fixed_bytes += beside_bytes;
    let mut plan = MemoryPlan::new(&demand, request)?;
    // A source that is asked again for each group is not asked for one that is covered.
    plan.stage_groups
        .retain(|group| group.clone().any(|stage| !request.remaining.has_stage(stage)));
    plan.tell(name, &demand, progress);
    let images = request.remaining.images.len();
    // All pairs at a stage take as many steps as its images.
    let of_pairs = |stages: usize| if request.is_dense { stages } else { 0 };
    let steps = plan
        .stage_groups
        .iter()
        .map(|stages| images * (source.steps(stages.len()) + of_pairs(stages.len())));
    progress.begin(&format!("{name}: distances"), steps.sum::<usize>() as u64);
    Ok(plan)
}

/// What a plan depends on of a cell that is called so.
fn request<'a>(
    cell: &Cell<'_>,
    name: &'a str,
    remaining: &'a Remaining,
    is_cached: bool,
) -> Request<'a> {
    Request {
        cell: name,
        images: cell.dataset.dataset.images.len(),
        pairs: cell.dataset.pairs.len(),
        distances: cell.distances.len(),
        is_dense: cell.dataset.is_dense(),
        remaining,
        is_cached,
        memory_bytes: cell.memory_bytes,
    }
}

/// The images that a source asks for in one pass over the sets of a plan, in order.
fn needed_images(source: &impl ActivationSource, plan: &MemoryPlan) -> Vec<ImageIndex> {
    let passes = source.passes();
    let sets = plan.sets.iter();
    sets.flat_map(|set| std::iter::repeat_n(&set.images, passes).flatten()).copied().collect()
}

/// Has a source encode all sets of a plan at some stages, while the files of images are read ahead.
fn encode<S: ActivationSource>(
    source: &mut S,
    plan: &MemoryPlan,
    needed: &[ImageIndex],
    stages: Range<usize>,
    reducer: &mut SetReducer<'_>,
) -> Result<(), ModelError> {
    let (cell, progress, passes) = (reducer.cell, reducer.progress, source.passes());
    let dataset = cell.dataset;
    let read = |position: usize| dataset.read(needed[position] as usize);
    prefetch(needed.len(), plan.ahead_bytes, read, |ahead| {
        let steps = source.steps(stages.len());
        let images = SetImages { dataset, plan, passes, steps, ahead, progress };
        source.encode(cell, &images, stages, reducer)
    })
}

/// The distances of a cell of which all pairs are kept.
///
/// `widths` — each stage with its channels
fn from_cache(
    cell: &Cell<'_>,
    widths: &[(Stage, usize)],
    entry: &CacheEntry,
    progress: &dyn Progress,
) -> Result<Vec<StageDistances>, ModelError> {
    let pairs = cell.dataset.pairs.len();
    progress.begin(&format!("{}: kept differences", cell.name()), widths.len() as u64);
    if cell.dataset.is_dense() {
        let of_stage = |(position, (stage, _)): (usize, &(Stage, usize))| {
            check_stopped(progress)?;
            let (sums, energy) = entry.read_sums(position)?;
            progress.advance(1);
            dense_distances(*cell, *stage, &sums, &energy)
        };
        let found = widths.iter().enumerate().map(of_stage).collect();
        progress.end();
        return found;
    }
    let mut found = Vec::with_capacity(widths.len());
    let mut store: Option<PairStatisticsStore> = None;
    for (position, &(stage, channels)) in widths.iter().enumerate() {
        check_stopped(progress)?;
        let mut current = match store.take() {
            Some(store) if store.channels(0) == channels => store,
            _ => {
                let bytes = PairStatisticsStore::bytes(pairs, 1, channels);
                PairStatisticsStore::new(pairs, &[channels], bytes <= cell.memory_bytes / 2)?
            }
        };
        entry.read_stage(position, &mut current)?;
        found.push(distances(*cell, stage, &current, 0, &entry.read_energy(position)?)?);
        store = Some(current);
        progress.advance(1);
    }
    progress.end();
    Ok(found)
}
