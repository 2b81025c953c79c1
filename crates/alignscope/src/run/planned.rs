//! What a run will take, from a short measurement on this machine or speeds that are given.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::Serialize;

use super::models::RunModel;
use super::shard::divided;
use super::{ExperimentError, Opened};
use crate::cache::CacheFolder;
use crate::dataset::Pairs;
use crate::dense_pairs::product_s;
use crate::disk::free_bytes;
use crate::experiment::Experiment;
use crate::figure::drawing_s;
use crate::image::PROGRAM_BYTES;
use crate::memory::ProcessMemory;
use crate::model::{Cell, Model, TorchModels, UserModel, check_stopped};
use crate::plan::{Coverage, Divided, Expected, PlannedCell, Shard, WorkCost, dealt_to};
use crate::prepared::PreparedDataset;
use crate::progress::Progress;
use crate::results::csv_document;
use crate::spill;

/// Images of a sample, at least and at most.
const SAMPLE_IMAGES: [usize; 2] = [8, 48];

/// Comparisons, tables, figures and page of a small run take as long as so many figures.
const FINISHING_FIGURES: f64 = 6.0;

/// Seconds of each distance that is written, compared and hashed: 44 for the 71 million of THINGS
/// whole with 14 stages.
const DISTANCE_S: f64 = 6e-7;

/// Pairs of features that are a sample.
const FEATURE_PAIRS: usize = 500;

/// What is asked of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRequest {
    /// In how many shards the run is computed; `None` for one machine.
    pub shards: Option<usize>,
    /// Images a second of models by their names in results, measured elsewhere; others are measured
    /// here.
    pub speeds: BTreeMap<String, f64>,
    /// So many times as fast as this machine are those that will run it; > 0.
    pub factor: f64,
}

impl Default for PlanRequest {
    /// One machine, as fast as this one.
    fn default() -> Self {
        Self { shards: None, speeds: BTreeMap::new(), factor: 1.0 }
    }
}

/// A plan with its totals, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct PlanSummary<'a> {
    cells: &'a [PlannedCell],
    opening_s: f64,
    finishing_s: f64,
    assembling_s: Option<f64>,
    shards: &'a [PlannedTotal],
    on_one_machine: PlannedTotal,
}

/// What a run will take.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlan {
    /// Each model on each data set, in the order of models and data sets.
    pub whole: Vec<PlannedCell>,
    /// The part of each shard, in order; `None` of a run on one machine.
    pub parts: Option<Vec<Vec<PlannedCell>>>,
    /// Seconds in which the data sets are opened, and each image is decoded and hashed: once for
    /// each shard, and once more when the run is assembled.
    pub opening_s: f64,
    /// Seconds of comparisons, tables, figures and page.
    pub finishing_s: f64,
    /// Memory that opening the data sets takes at the most, of the whole program: each shard does
    /// that, also one to which nothing is dealt.
    pub opening_bytes: usize,
}

/// What a part of a run takes together.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct PlannedTotal {
    /// Memory at the most, in bytes.
    pub memory_bytes: usize,
    /// What is added to the cache, in bytes.
    pub cache_bytes: usize,
    /// Temporary files at the most, in bytes.
    pub temporary_bytes: usize,
    /// Seconds from start to end.
    pub seconds: f64,
}

impl RunPlan {
    /// The rows: the parts of all shards, or each model on each data set.
    pub fn cells(&self) -> Vec<PlannedCell> {
        match &self.parts {
            Some(parts) => parts.concat(),
            None => self.whole.clone(),
        }
    }

    /// What each shard takes, in order; nothing of a run on one machine.
    pub fn of_shards(&self) -> Vec<PlannedTotal> {
        let of = |cells: &Vec<PlannedCell>| {
            let seconds = self.opening_s + cells.iter().map(|cell| cell.seconds).sum::<f64>();
            let total = total(cells);
            let memory_bytes = total.memory_bytes.max(self.opening_bytes);
            PlannedTotal { memory_bytes, seconds, ..total }
        };
        self.parts.iter().flatten().map(of).collect()
    }

    /// What the whole takes on one machine.
    pub fn on_one_machine(&self) -> PlannedTotal {
        let work = |cell: &PlannedCell| cell.seconds + cell.scoring_s;
        let seconds = self.whole.iter().map(work).sum::<f64>();
        let seconds = self.opening_s + seconds + self.finishing_s;
        PlannedTotal { seconds, ..total(&self.whole) }
    }

    /// The cells as a CSV document.
    pub fn csv(&self) -> Vec<u8> {
        csv_document(&self.cells())
    }

    /// All of it with its totals, as JSON.
    pub fn json(&self) -> String {
        let cells = self.cells();
        let shards = self.of_shards();
        let summary = PlanSummary {
            cells: &cells,
            opening_s: self.opening_s,
            finishing_s: self.finishing_s,
            assembling_s: self.parts.is_some().then(|| self.assembling_s()),
            shards: &shards,
            on_one_machine: self.on_one_machine(),
        };
        serde_json::to_string_pretty(&summary).expect("texts and numbers")
    }

    /// Seconds of assembling a run that was computed in shards.
    pub fn assembling_s(&self) -> f64 {
        let scoring_s = self.whole.iter().map(|cell| cell.scoring_s).sum::<f64>();
        self.opening_s + scoring_s + self.finishing_s
    }
}

/// Memory and disk of some cells, one after the other.
fn total(cells: &[PlannedCell]) -> PlannedTotal {
    cells.iter().fold(PlannedTotal::default(), |total, cell| PlannedTotal {
        memory_bytes: total.memory_bytes.max(cell.memory_bytes),
        cache_bytes: total.cache_bytes + cell.cache_bytes,
        temporary_bytes: total.temporary_bytes.max(cell.temporary_bytes),
        ..total
    })
}

/// What is known of a model on a data set before it is measured.
struct Look {
    /// What is in the cache.
    kept: Coverage,
    /// Numbers of an image that are compared at each stage.
    numbers: Vec<u64>,
    /// Whether the model reads images.
    reads_images: bool,
    /// Whether what is computed is kept.
    is_cached: bool,
    /// Bytes of the whole program before: reading millions of trials takes more than a model.
    least_bytes: u64,
    expected: Expected,
    speed: Speed,
    /// Seconds of reading weights; 0 if they were read for another data set.
    loading_s: f64,
    scoring_s: f64,
    /// So many times as fast are the machines that will run it.
    factor: f64,
}

impl Look {
    /// The row of what is not covered.
    fn row(
        &self,
        cell: &Cell<'_>,
        shard: String,
        covered: &Coverage,
        expected: Expected,
    ) -> PlannedCell {
        let of_pairs = covered.of_pairs(cell.dataset.pairs.len());
        let (images, pairs) = counted(&cell.dataset.pairs, &of_pairs);
        let is_open = |stage: &usize| !covered.has_stage(*stage);
        let open: Vec<usize> = (0..self.numbers.len()).filter(is_open).collect();
        let loading_s = if pairs > 0 { self.loading_s } else { 0.0 };
        let Speed { image_s, pair_s } = self.speed;
        let part = open.iter().map(|stage| self.numbers[*stage]).sum::<u64>() as f64;
        let part = part / self.numbers.iter().sum::<u64>().max(1) as f64;
        // Features of a stage are read for it alone.
        let of_images = if self.reads_images { 1.0 } else { part };
        let work = image_s * images as f64 * of_images + pair_s * pairs as f64 * part;
        // In shards it is scored when the run is assembled.
        let scoring_s = if shard.is_empty() { self.scoring_s } else { 0.0 };
        PlannedCell {
            model: cell.model.to_owned(),
            dataset: cell.dataset.dataset.name.clone(),
            shard,
            images,
            pairs,
            stages: open.len(),
            memory_bytes: expected.memory_bytes.max(self.least_bytes) as usize,
            cache_bytes: expected.cache_bytes as usize,
            temporary_bytes: expected.temporary_bytes as usize,
            image_s: image_s / self.factor,
            pair_s: pair_s / self.factor,
            seconds: (loading_s + work) / self.factor,
            scoring_s: scoring_s / self.factor,
        }
    }
}

/// What is known of a data set once it is opened.
#[derive(Debug, Clone, Copy)]
struct Opening {
    /// Bytes of memory, of the whole program, that opening all data sets took at the most.
    bytes: u64,
    /// Seconds of scoring a list of distances for each thread.
    column_s: f64,
}

/// How fast a model is on a data set.
#[derive(Debug, Clone, Copy, Default)]
struct Speed {
    image_s: f64,
    pair_s: f64,
}

impl Experiment {
    /// What the run will take of memory, disk and time, each model on each data set; computes no
    /// result. A model encodes a few images of each data set for it, unless its speed is given, and
    /// one list of distances is scored.
    ///
    /// `own`, `torch` — as for [`run_with`](Self::run_with)
    ///
    /// # Errors
    /// All that [`run_with`](Self::run_with) would refuse, at once or after hours: what is missing,
    /// a budget that is too small, a disk without room for the cache or for temporary files. And a
    /// speed is given of a model that is not run, or is none.
    pub fn plan<'a>(
        &self,
        request: &PlanRequest,
        own: Vec<UserModel<'a>>,
        torch: &'a dyn TorchModels,
        progress: &'a dyn Progress,
    ) -> Result<RunPlan, ExperimentError> {
        let (clock, before) = (Instant::now(), ProcessMemory::now());
        let opened = self.with_own(&own).opened(own, torch, true, progress)?;
        let opening_s = clock.elapsed().as_secs_f64() / request.factor;
        let after = ProcessMemory::now().zip(before);
        let opening_bytes =
            PROGRAM_BYTES + after.map_or(0, |(after, before)| after.grown_since(before));
        let Opened { this, mut models, datasets, foreign_scales } = opened;
        check_request(request, &models)?;
        let divided: Vec<Divided> = datasets.iter().map(divided).collect();
        let units = this.units(&models, &datasets, &divided);
        let shards = request.shards.map(Shard::all).transpose()?.unwrap_or_default();
        let dealt: Vec<_> = shards.iter().map(|shard| dealt_to(*shard, &units)).collect();
        let column_s: Vec<f64> = datasets.iter().map(column_s).collect();
        let (mut whole, mut distances) = (Vec::new(), 0.0);
        let mut parts = vec![Vec::new(); shards.len()];
        let mut cells = 0..;
        for model in &mut models {
            let name = model.name.clone();
            for (position, dataset) in datasets.iter().enumerate() {
                check_stopped(progress)?;
                let cell = cells.next().expect("numbers do not end");
                let of_cell = this.cell_of(&name, dataset, &foreign_scales);
                let opening = Opening { bytes: opening_bytes, column_s: column_s[position] };
                let found = this.look(model, &of_cell, request, opening, progress)?;
                for ((shard, ranges), part) in shards.iter().zip(&dealt).zip(&mut parts) {
                    let range = &ranges[cell];
                    if range.is_empty() {
                        continue;
                    }
                    let covered = found.kept.clone().or(&units[cell].others(range));
                    let is_cached = found.is_cached;
                    let expected = model.model.expected(&of_cell, &covered, is_cached, progress)?;
                    part.push(found.row(&of_cell, shard.to_string(), &covered, expected));
                }
                distances += (found.expected.columns * dataset.pairs.len()) as f64;
                whole.push(found.row(&of_cell, String::new(), &found.kept, found.expected));
            }
            model.model.give_back();
        }
        let parts = request.shards.map(|_| parts);
        let finishing_s = FINISHING_FIGURES * drawing_s() + DISTANCE_S * distances;
        let finishing_s = finishing_s / request.factor;
        let opening_bytes = opening_bytes as usize;
        let plan = RunPlan { whole, parts, opening_s, finishing_s, opening_bytes };
        this.check_disk(&plan)?;
        Ok(plan)
    }

    /// What is known of a model on a data set before it is measured: what of it is kept, what the
    /// rest takes, and how fast it is.
    fn look(
        &self,
        model: &mut RunModel<'_>,
        cell: &Cell<'_>,
        request: &PlanRequest,
        opening: Opening,
        progress: &dyn Progress,
    ) -> Result<Look, ExperimentError> {
        let kept = self.kept(model, cell, progress)?;
        let is_cached = self.kept.is_some() && model.model.facts().not_cached().is_none();
        let clock = Instant::now();
        let expected = model.model.expected(cell, &kept, is_cached, progress)?;
        let loading_s = clock.elapsed().as_secs_f64();
        let speed = match request.speeds.get(&model.name) {
            Some(speed) => given_speed(*speed, model.model.facts().cost(cell)),
            None => measured_speed(model.model.as_mut(), cell, &kept, &expected, progress)?,
        };
        let dataset = cell.dataset;
        let of_product = || product_s(dataset.dataset.images.len(), dataset.pairs.len());
        let speed = match expected.products {
            Some(products) => Speed { pair_s: of_product() * products as f64, ..speed },
            None => speed,
        };
        let turns = expected.columns.div_ceil(rayon::current_num_threads());
        let (scoring_s, factor) = (opening.column_s * turns as f64, request.factor);
        let numbers = model.model.compared_numbers(cell);
        let least_bytes = opening.bytes;
        Ok(Look {
            kept,
            numbers,
            reads_images: model.model.facts().reads_images(),
            is_cached,
            least_bytes,
            expected,
            speed,
            loading_s,
            scoring_s,
            factor,
        })
    }

    /// What is in the cache; nothing is made there.
    fn kept(
        &self,
        model: &RunModel<'_>,
        cell: &Cell<'_>,
        progress: &dyn Progress,
    ) -> Result<Coverage, ExperimentError> {
        let none = model.model.kept(cell, None);
        let Some(kept) = self.kept.as_ref().filter(|_| !self.fresh) else { return Ok(none) };
        if !kept.telling(progress, || kept.has(&model.fingerprint(cell).0))? {
            return Ok(none);
        }
        let Some(entry) = self.cache_entry(model, cell, progress)? else { return Ok(none) };
        Ok(model.model.kept(cell, Some(&entry)))
    }

    /// Refuses a plan that a disk has no room for.
    fn check_disk(&self, plan: &RunPlan) -> Result<(), ExperimentError> {
        let PlannedTotal { cache_bytes, temporary_bytes, .. } = plan.on_one_machine();
        let kept = self.kept.as_ref().filter(|kept| !CacheFolder::is_address(kept.path()));
        let cache = kept.map(|kept| (true, kept.path().to_owned(), cache_bytes));
        let temporary = (false, spill::folder(), temporary_bytes);
        for (is_cache, folder, needed) in cache.into_iter().chain([temporary]) {
            let needed = needed as u64;
            if let Some(free) = free_bytes(&folder).filter(|free| *free < needed) {
                return Err(ExperimentError::Disk { is_cache, folder, needed, free });
            }
        }
        Ok(())
    }
}

/// Refuses speeds of models that are not run, and speeds that are none.
fn check_request(request: &PlanRequest, models: &[RunModel<'_>]) -> Result<(), ExperimentError> {
    let is_speed = |speed: f64| speed > 0.0 && speed.is_finite();
    if !is_speed(request.factor) {
        let (model, found) = (None, request.factor);
        return Err(ExperimentError::Speed { model, found });
    }
    for (name, speed) in &request.speeds {
        if models.iter().all(|model| model.name != *name) {
            let found: Vec<String> = models.iter().map(|m| format!("`{}`", m.name)).collect();
            let (model, found) = (name.clone(), found.join(", "));
            return Err(ExperimentError::SpeedOfNone { model, found });
        }
        if !is_speed(*speed) {
            let (model, found) = (Some(name.clone()), *speed);
            return Err(ExperimentError::Speed { model, found });
        }
    }
    Ok(())
}

/// Says nothing of a sample, but stops with the rest.
struct Unsaid<'a>(&'a dyn Progress);

impl Progress for Unsaid<'_> {
    fn begin(&self, _task: &str, _steps: u64) {}

    fn advance(&self, _steps: u64) {}

    fn end(&self) {}

    fn note(&self, _message: &str) {}

    fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}

/// Images and pairs that are not covered.
fn counted(pairs: &Pairs, covered: &[bool]) -> (usize, usize) {
    let open = || pairs.images.iter().zip(covered).filter(|(_, covered)| !**covered);
    let images: BTreeSet<u32> = open().flat_map(|(images, _)| *images).collect();
    (images.len(), open().count())
}

/// The speed of a model that encodes so many images a second, its pairs by what they cost beside.
fn given_speed(images_a_second: f64, cost: WorkCost) -> Speed {
    let image_s = 1.0 / images_a_second;
    let pair_s = image_s * cost.pair as f64 / cost.image.max(1) as f64;
    Speed { image_s, pair_s }
}

/// The speed of a model on some images of a data set: once with few pairs of them, and once with
/// all, if those are many more.
///
/// `kept` — what is in the cache: if that is all, nothing is measured
fn measured_speed(
    model: &mut dyn Model,
    cell: &Cell<'_>,
    kept: &Coverage,
    expected: &Expected,
    progress: &dyn Progress,
) -> Result<Speed, ExperimentError> {
    if kept.is_whole() || expected.memory_bytes == 0 {
        return Ok(Speed::default());
    }
    progress.begin(&format!("{}: how fast it is", cell.name()), 0);
    let [least, most] = SAMPLE_IMAGES;
    let wanted = expected.busy_images.clamp(least, most);
    let pairs = &cell.dataset.pairs;
    let [few, all] = samples(pairs, wanted);
    let (cost, reads_images) = (model.facts().cost(cell), model.facts().reads_images());
    let mut timed = |sample: &[bool]| {
        let others: Vec<bool> = sample.iter().map(|is_in| !is_in).collect();
        let clock = Instant::now();
        model.fill(cell, None, &Coverage::Pairs(others.clone()), &Unsaid(progress))?;
        let (images, pairs) = counted(pairs, &others);
        Ok::<_, ExperimentError>((clock.elapsed().as_secs_f64(), images as f64, pairs as f64))
    };
    if !reads_images {
        // Features in files are read as a whole, whatever of them is compared.
        let first = |count: usize| (0..pairs.len()).map(|pair| pair < count).collect::<Vec<_>>();
        let (read_s, _, one) = timed(&first(1))?;
        let (some_s, _, some) = timed(&first(FEATURE_PAIRS))?;
        progress.end();
        let pair_s = ((some_s - read_s) / (some - one).max(1.0)).max(0.0);
        return Ok(Speed { image_s: read_s / cell.dataset.dataset.images.len() as f64, pair_s });
    }
    // What is made ready at the first image is no part of its speed.
    timed(&few)?;
    let (few_s, images, few_pairs) = timed(&few)?;
    let count = |sample: &[bool]| sample.iter().filter(|is_in| **is_in).count();
    if count(&all) < 2 * count(&few) {
        let ratio = cost.pair as f64 / cost.image.max(1) as f64;
        let image_s = few_s / (images + few_pairs * ratio);
        progress.end();
        return Ok(Speed { image_s, pair_s: image_s * ratio });
    }
    let (all_s, _, all_pairs) = timed(&all)?;
    progress.end();
    let pair_s = ((all_s - few_s) / (all_pairs - few_pairs)).max(0.0);
    let image_s = ((few_s - pair_s * few_pairs) / images).max(0.0);
    Ok(Speed { image_s, pair_s })
}

/// Two samples of pairs over about `wanted` images: those by which the images were found, and all.
fn samples(pairs: &Pairs, wanted: usize) -> [Vec<bool>; 2] {
    let mut images = BTreeSet::new();
    let mut few = vec![false; pairs.len()];
    for ([a, b], is_in) in pairs.images.iter().zip(&mut few) {
        let new = usize::from(!images.contains(a)) + usize::from(!images.contains(b));
        if new > 0 && images.len() + new <= wanted {
            images.extend([*a, *b]);
            *is_in = true;
        }
    }
    let within = |[a, b]: &[u32; 2]| images.contains(a) && images.contains(b);
    [few, pairs.images.iter().map(within).collect()]
}

/// Seconds of scoring one list of distances for each thread.
fn column_s(dataset: &PreparedDataset) -> f64 {
    let of_pair = |pair: &u32| f64::from(pair.wrapping_mul(0x9E37_79B9) >> 8) + 1.0;
    let column: Vec<f64> = dataset.pairs.of_trials.iter().map(of_pair).collect();
    let columns = vec![column; rayon::current_num_threads()];
    let clock = Instant::now();
    // Numbers that are drawn have no edge at which they could not be scored.
    let _ = dataset.scorer.score(&columns);
    clock.elapsed().as_secs_f64()
}
