//! Shares of trials of very many clusters: block by block, in bounded memory.

use std::ops::Range;

use alignscope_kernel::{SUM_COLUMNS, SUM_LISTS, add_weighted_rows};
use rayon::prelude::*;

use super::{Layout, STEPS, Stopped, TRIALS, TrialNumbers, cells};
use crate::dataset::{Clusters, Subset};
use crate::progress::Progress;
use crate::resample::{BLOCK, BlockedDraws, Replicates};

/// Clusters whose sums are made by one thread.
const GROUP: usize = 1024;

/// Rows that are added to sums together, so that they stay in the cache for all lists of a task.
const ROWS: usize = 128;

/// Resamples whose sums one thread adds to.
const TASK: usize = 16 * SUM_LISTS;

/// Resamples that are drawn together: their counts of a block are 151 MB.
const TILE: usize = 24 * TASK;

/// Bytes of rows that are in memory together, unless those of one group are more.
const ROW_BYTES: usize = 64 << 20;

/// Bytes that so many resamples of rows of so many numbers need: counts, rows, and the sums of each
/// cell, twice.
pub(super) fn bytes(lists: usize, width: usize, cells: usize) -> usize {
    let lists = lists.min(TILE);
    lists * BLOCK + ROW_BYTES.max(8 * GROUP * width) + 2 * 8 * lists * width * cells
}

/// What is summed, cluster by cluster.
pub(super) struct Blocks<'a> {
    numbers: &'a dyn TrialNumbers,
    layout: Layout,
    subsets: &'a [Subset],
    /// Number of clusters.
    count: usize,
    /// Where the trials of each cluster begin, and where those of the last end.
    starts: Vec<u32>,
    /// Cluster by cluster, ascending in each.
    trials: Vec<u32>,
    /// The cell of each trial: trials that are in the same subsets.
    cell_of: Vec<u32>,
    /// The subsets of each cell.
    cells: Vec<Vec<usize>>,
    /// Bytes of rows that are in memory together.
    row_bytes: usize,
}

/// The rows of the trials of a cell that are in a group of clusters.
struct CellRows {
    /// The cluster of each row; ascending.
    clusters: Vec<u32>,
    /// `[rows, width]`
    sums: Vec<f64>,
}

/// Rows as they are added: at most [`ROWS`].
struct Packed {
    cell: usize,
    /// The cluster of each row, from the first of its block.
    places: Vec<u32>,
    /// `[panels, rows, 8]`
    panels: Vec<f64>,
}

/// Of a share, how far the values without each of its clusters are from that of all: how many there
/// are, and sums of the first three powers.
type LeftOut = [f64; 4];

impl<'a> Blocks<'a> {
    pub(super) fn new(
        numbers: &'a dyn TrialNumbers,
        layout: Layout,
        subsets: &'a [Subset],
        clusters: &Clusters,
    ) -> Self {
        let cell_of = cells(subsets, clusters.codes.len());
        let count = cell_of.iter().max().map_or(0, |last| last + 1);
        let mut first = vec![None; count];
        for (trial, cell) in (0_u32..).zip(&cell_of) {
            first[*cell].get_or_insert(trial);
        }
        let has = |trial: u32| {
            let has = move |s: &usize| subsets[*s].trials.binary_search(&trial).is_ok();
            (0..subsets.len()).filter(has).collect()
        };
        let cells = first.into_iter().flatten().map(has).collect();
        let mut starts = vec![0_u32; clusters.count + 1];
        clusters.codes.iter().for_each(|cluster| starts[*cluster as usize + 1] += 1);
        (0..clusters.count).for_each(|cluster| starts[cluster + 1] += starts[cluster]);
        let mut next = starts.clone();
        let mut trials = vec![0; clusters.codes.len()];
        for (trial, cluster) in (0..).zip(&clusters.codes) {
            let next = &mut next[*cluster as usize];
            trials[*next as usize] = trial;
            *next += 1;
        }
        let cell_of = cell_of.into_iter().map(|cell| cell as u32).collect();
        Self {
            numbers,
            layout,
            subsets,
            count: clusters.count,
            starts,
            trials,
            cell_of,
            cells,
            row_bytes: ROW_BYTES,
        }
    }

    /// Every share of every subset under all resamples of each of several draws.
    ///
    /// `resamples` — how many each has
    ///
    /// # Errors
    /// The user wants to stop.
    pub(super) fn replicates(
        &self,
        draws: &[BlockedDraws],
        resamples: &[usize],
        progress: &dyn Progress,
    ) -> Result<Vec<Vec<Vec<Replicates>>>, Stopped> {
        let lists: Vec<(usize, usize)> = resamples
            .iter()
            .enumerate()
            .flat_map(|(of, count)| (0..*count).map(move |number| (of, number)))
            .collect();
        let blocks = self.count.div_ceil(BLOCK);
        // Without resamples there is one tile of none: how many clusters count is found with it.
        let tiles: Vec<_> = match lists.is_empty() {
            true => vec![&lists[..]],
            false => lists.chunks(TILE).collect(),
        };
        let mut steps = Steps::new(progress, blocks * (1 + tiles.len()));
        let totals = self.totals(&mut steps)?;
        let totals: Vec<Vec<f64>> =
            (0..self.subsets.len()).map(|subset| self.of_subset(subset, &totals)).collect();
        let mut left_out = vec![[0.0; 4]; self.subsets.len() * self.layout.shares()];
        let mut resampled = vec![vec![]; self.subsets.len() * self.layout.shares()];
        for (number, tile) in tiles.into_iter().enumerate() {
            let left_out = (number == 0).then_some((&totals[..], &mut left_out[..]));
            let sums = self.sums_of_tile(draws, tile, left_out, &mut steps)?;
            for sums in sums {
                for subset in 0..self.subsets.len() {
                    let of_subset = self.of_subset(subset, &sums);
                    let of_shares = resampled[subset * self.layout.shares()..].iter_mut();
                    let values = self.layout.divide(&of_subset);
                    of_shares.zip(values).for_each(|(all, value): (&mut Vec<f64>, f64)| {
                        all.push(value);
                    });
                }
            }
        }
        let mut before = 0;
        let of_draws = resamples.iter().map(|count| {
            let range = before..before + count;
            before += count;
            self.found(&totals, &left_out, &resampled, range)
        });
        Ok(of_draws.collect())
    }

    /// Every share of every subset, with some of all values under resamples.
    fn found(
        &self,
        totals: &[Vec<f64>],
        left_out: &[LeftOut],
        resampled: &[Vec<f64>],
        range: Range<usize>,
    ) -> Vec<Vec<Replicates>> {
        let shares = self.layout.shares();
        let of_subset = |(subset, totals): (usize, &Vec<f64>)| {
            let of_share = |(share, estimate): (usize, f64)| {
                let place = subset * shares + share;
                Replicates {
                    estimate,
                    resampled: resampled[place][range.clone()].to_vec(),
                    acceleration: acceleration(left_out[place]),
                    clusters: left_out[place][0] as usize,
                    factors: None,
                }
            };
            self.layout.divide(totals).enumerate().map(of_share).collect()
        };
        totals.iter().enumerate().map(of_subset).collect()
    }

    /// The sums over a subset: those of its cells, in their order.
    ///
    /// `of_cells` — sums of each cell
    fn of_subset(&self, subset: usize, of_cells: &[Vec<f64>]) -> Vec<f64> {
        let mut sums = vec![0.0; self.layout.width];
        let cells = self.cells.iter().zip(of_cells);
        for (_, of_cell) in cells.filter(|(subsets, _)| subsets.contains(&subset)) {
            sums.iter_mut().zip(of_cell).for_each(|(sum, x)| *sum += x);
        }
        sums
    }

    /// The groups of a block, by their first clusters, as many at a time as there is room for.
    fn batches(&self, block: usize) -> Vec<Vec<usize>> {
        let last = self.count.min((block + 1) * BLOCK);
        let groups: Vec<usize> = (block * BLOCK..last).step_by(GROUP).collect();
        let bytes = 8 * GROUP * self.layout.width;
        groups.chunks((self.row_bytes / bytes).max(1)).map(<[_]>::to_vec).collect()
    }

    /// The sums of all trials of each cell.
    fn totals(&self, steps: &mut Steps<'_>) -> Result<Vec<Vec<f64>>, Stopped> {
        let mut totals = vec![vec![0.0; self.layout.width]; self.cells.len()];
        for block in 0..self.count.div_ceil(BLOCK) {
            let groups: Vec<usize> = self.batches(block).concat();
            let of_group = |first: &usize| -> Vec<Vec<f64>> {
                let sum = |of: &CellRows| {
                    let mut sum = vec![0.0; self.layout.width];
                    for row in of.sums.chunks_exact(self.layout.width) {
                        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                    }
                    sum
                };
                self.rows(*first).iter().map(sum).collect()
            };
            let of_groups: Vec<Vec<Vec<f64>>> = groups.par_iter().map(of_group).collect();
            for of_group in of_groups {
                for (total, sums) in totals.iter_mut().zip(of_group) {
                    total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
                }
            }
            steps.advance()?;
        }
        Ok(totals)
    }

    /// The rows of a group, for each cell.
    fn rows(&self, first: usize) -> Vec<CellRows> {
        let width = self.layout.width;
        let clusters = first..self.count.min(first + GROUP);
        let empty = || CellRows { clusters: vec![], sums: vec![] };
        let mut cells: Vec<CellRows> = self.cells.iter().map(|_| empty()).collect();
        let trials = self.starts[clusters.start] as usize..self.starts[clusters.end] as usize;
        let mut found = vec![0.0; width * TRIALS.min(trials.len())];
        let mut cluster = clusters.start;
        let mut place = trials.start;
        for trials in self.trials[trials].chunks(TRIALS) {
            let found = &mut found[..width * trials.len()];
            self.numbers.write(trials, found);
            for (trial, found) in trials.iter().zip(found.chunks_exact(width)) {
                while self.starts[cluster + 1] as usize <= place {
                    cluster += 1;
                }
                place += 1;
                let cell = &mut cells[self.cell_of[*trial as usize] as usize];
                if cell.clusters.last() == Some(&(cluster as u32)) {
                    let last = cell.sums.len() - width;
                    cell.sums[last..].iter_mut().zip(found).for_each(|(sum, x)| *sum += *x);
                } else {
                    cell.clusters.push(cluster as u32);
                    cell.sums.extend_from_slice(found);
                }
            }
        }
        cells
    }

    /// The sums of each cell under each of some resamples: `[list][cell]`.
    ///
    /// `left_out` — the sums of each subset, and what is found of them without each cluster; if
    /// that is to be found
    fn sums_of_tile(
        &self,
        draws: &[BlockedDraws],
        lists: &[(usize, usize)],
        mut left_out: Option<(&[Vec<f64>], &mut [LeftOut])>,
        steps: &mut Steps<'_>,
    ) -> Result<Vec<Vec<Vec<f64>>>, Stopped> {
        let panels = self.layout.width.div_ceil(SUM_COLUMNS);
        let of_cell = TASK * panels * SUM_COLUMNS;
        let mut sums = vec![vec![0.0; self.cells.len() * of_cell]; lists.len().div_ceil(TASK)];
        let mut counts = vec![0_u8; lists.len() * BLOCK.min(self.count)];
        for block in 0..self.count.div_ceil(BLOCK) {
            let size = BLOCK.min(self.count - block * BLOCK);
            let counts = &mut counts[..lists.len() * size];
            counts.par_chunks_exact_mut(size).zip(lists).for_each(|(counts, (of, number))| {
                draws[*of].count(*number, block, counts);
            });
            let counts = &*counts;
            for groups in self.batches(block) {
                let wanted = left_out.as_ref().map(|(totals, _)| *totals);
                let of_group = |first: &usize| {
                    let rows = self.rows(*first);
                    let left_out = wanted.map(|totals| self.left_out(&rows, totals));
                    (self.packed(&rows, block), left_out)
                };
                let (packed, found): (Vec<Vec<Packed>>, Vec<_>) =
                    groups.par_iter().map(of_group).unzip();
                if let Some((_, all)) = &mut left_out {
                    for found in found.into_iter().flatten() {
                        all.iter_mut().zip(found).for_each(|(all, found)| {
                            all.iter_mut().zip(found).for_each(|(all, found)| *all += found);
                        });
                    }
                }
                let of_tasks = sums.par_iter_mut().zip(counts.par_chunks(TASK * size));
                of_tasks.for_each(|(sums, counts)| {
                    let mut weights = vec![0.0; ROWS * TASK];
                    for packed in packed.iter().flatten() {
                        let weights = &mut weights[..packed.places.len() * TASK];
                        packed.fill_weights(counts, size, weights);
                        let sums = &mut sums[packed.cell * of_cell..][..of_cell];
                        add_weighted_rows(weights, &packed.panels, packed.places.len(), sums);
                    }
                });
            }
            steps.advance()?;
        }
        let sums = &sums;
        let of_list = |list: usize| {
            let sums = &sums[list / TASK];
            let (six, one) = (list % TASK / SUM_LISTS, list % SUM_LISTS);
            let sum = |cell: usize, column: usize| {
                let block = six * panels + column / SUM_COLUMNS;
                sums[cell * of_cell
                    + (block * SUM_LISTS + one) * SUM_COLUMNS
                    + column % SUM_COLUMNS]
            };
            let of_cell = |cell| (0..self.layout.width).map(|column| sum(cell, column)).collect();
            (0..self.cells.len()).map(of_cell).collect()
        };
        Ok((0..lists.len()).map(of_list).collect())
    }

    /// The rows of a group as they are added.
    fn packed(&self, rows: &[CellRows], block: usize) -> Vec<Packed> {
        let width = self.layout.width;
        let panels = width.div_ceil(SUM_COLUMNS);
        let of_cell = |(cell, of): (usize, &CellRows)| {
            let chunks = of.clusters.chunks(ROWS).zip(of.sums.chunks(ROWS * width));
            let pack = |(clusters, sums): (&[u32], &[f64])| {
                let count = clusters.len();
                let mut packed = vec![0.0; panels * count * SUM_COLUMNS];
                for (row, sums) in sums.chunks_exact(width).enumerate() {
                    for (panel, sums) in sums.chunks(SUM_COLUMNS).enumerate() {
                        packed[(panel * count + row) * SUM_COLUMNS..][..sums.len()]
                            .copy_from_slice(sums);
                    }
                }
                let places = clusters.iter().map(|cluster| cluster - (block * BLOCK) as u32);
                Packed { cell, places: places.collect(), panels: packed }
            };
            chunks.map(pack).collect::<Vec<_>>()
        };
        rows.iter().enumerate().flat_map(of_cell).collect()
    }

    /// How far each share of each subset is from its value if one cluster of a group is left out,
    /// for all of them in turn.
    fn left_out(&self, rows: &[CellRows], totals: &[Vec<f64>]) -> Vec<LeftOut> {
        let (shares, width) = (self.layout.shares(), self.layout.width);
        let mut found = vec![[0.0; 4]; self.subsets.len() * shares];
        for (subset, totals) in totals.iter().enumerate() {
            let found = &mut found[subset * shares..][..shares];
            let estimates: Vec<f64> = self.layout.divide(totals).collect();
            let mut add = |sums: &[f64]| {
                let of_shares = self.layout.places.iter().zip(&estimates).zip(found.iter_mut());
                for (share, ((place, estimate), found)) in of_shares.enumerate() {
                    let (x, d) = (sums[share], sums[*place]);
                    // Sums that are both 0 are of no trial that counts: either may be negative.
                    if d != 0.0 || x != 0.0 {
                        let rest = totals[*place] - d;
                        // The share of all less that without the cluster.
                        let off = if rest < 1e-9 { f64::NAN } else { (x - estimate * d) / rest };
                        let powers = [1.0, off, off * off, off * off * off];
                        found.iter_mut().zip(powers).for_each(|(sum, x)| *sum += x);
                    }
                }
            };
            let inside: Vec<&CellRows> = self
                .cells
                .iter()
                .zip(rows)
                .filter(|(subsets, rows)| subsets.contains(&subset) && !rows.clusters.is_empty())
                .map(|(_, rows)| rows)
                .collect();
            if let [of] = inside[..] {
                of.sums.chunks_exact(width).for_each(&mut add);
                continue;
            }
            // A cluster may have rows in several cells.
            let mut next = vec![0; inside.len()];
            let mut sums = vec![0.0; width];
            loop {
                let clusters = inside.iter().zip(&next).filter_map(|(of, at)| of.clusters.get(*at));
                let Some(cluster) = clusters.min() else { break };
                sums.fill(0.0);
                for (of, at) in inside.iter().zip(&mut next) {
                    if of.clusters.get(*at) == Some(cluster) {
                        let row = &of.sums[*at * width..][..width];
                        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                        *at += 1;
                    }
                }
                add(&sums);
            }
        }
        found
    }
}

impl Packed {
    /// How often the cluster of each row is drawn: `[lists / 6, rows, 6]`; 0 beyond the last list.
    ///
    /// `counts` — of each cluster of the block, `[lists, size]`
    fn fill_weights(&self, counts: &[u8], size: usize, weights: &mut [f64]) {
        let rows = self.places.len();
        let is_run = self.places[rows - 1] as usize == self.places[0] as usize + rows - 1;
        for list in 0..TASK {
            let of_list =
                weights[list / SUM_LISTS * SUM_LISTS * rows..][..SUM_LISTS * rows].iter_mut();
            let of_list = of_list.skip(list % SUM_LISTS).step_by(SUM_LISTS);
            match counts.get(list * size..(list + 1) * size) {
                None => of_list.for_each(|weight| *weight = 0.0),
                // The usual case: each cluster of a run has a row.
                Some(counts) if is_run => {
                    let counts = &counts[self.places[0] as usize..][..rows];
                    of_list.zip(counts).for_each(|(weight, count)| *weight = f64::from(*count));
                }
                Some(counts) => {
                    let counts = self.places.iter().map(|place| counts[*place as usize]);
                    of_list.zip(counts).for_each(|(weight, count)| *weight = f64::from(count));
                }
            }
        }
    }
}

/// The acceleration of BCa by how far values without each cluster are from that of all; as
/// [`acceleration`](crate::resample::acceleration) of these values.
fn acceleration([n, sum, squares, cubes]: LeftOut) -> Option<f64> {
    let mean = sum / n;
    let central_squares = squares - n * mean * mean;
    let central_cubes = cubes - 3.0 * mean * squares + 2.0 * n * mean * mean * mean;
    Some(central_cubes / (6.0 * libm::pow(central_squares, 1.5))).filter(|a| a.is_finite())
}

/// Tells of [`STEPS`] steps, of which each advance is an equal part.
struct Steps<'a> {
    progress: &'a dyn Progress,
    parts: u64,
    done: u64,
}

impl<'a> Steps<'a> {
    fn new(progress: &'a dyn Progress, parts: usize) -> Self {
        Self { progress, parts: parts as u64, done: 0 }
    }

    /// One part more is done.
    fn advance(&mut self) -> Result<(), Stopped> {
        let told = |done: u64| STEPS * done / self.parts;
        self.progress.advance(told(self.done + 1) - told(self.done));
        self.done += 1;
        if self.progress.is_stopped() { Err(Stopped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Listed, Share, replicates};
    use super::*;
    use crate::progress::Silent;
    use crate::resample::{Draws, Resampling};

    const CLUSTERS: usize = BLOCK + 5000;

    const RESAMPLES: usize = 12;

    /// Trials of clusters in no order, most in one alone, some without a trial that counts, in
    /// three subsets.
    struct Case {
        shares: Vec<Share>,
        denominators: Vec<Vec<f64>>,
        subsets: Vec<Subset>,
        clusters: Clusters,
    }

    fn case() -> Case {
        let n = CLUSTERS + CLUSTERS / 3;
        let number = |i: usize, seed: usize| i * 7919 % 100_003 * seed % 10_007;
        let code = |i: usize| if i < CLUSTERS { i } else { (i * i + 17) % CLUSTERS } as u32;
        let counted: Vec<f64> = (0..n).map(|i| f64::from(u8::from(number(i, 3) % 5 > 0))).collect();
        let all: Vec<f64> = vec![1.0; n];
        let of = |share: &dyn Fn(usize) -> f64, of: &[f64]| -> Vec<f64> {
            (0..n).map(|i| of[i] * share(i)).collect()
        };
        let right = of(&|i| f64::from(u8::from(number(i, 11) < 7000)), &counted);
        let halves = of(&|i| (number(i, 5) % 3) as f64 / 2.0, &counted);
        let bits = of(&|i| number(i, 13) as f64 / 3001.0 - 1.0, &all);
        let share = |numerators, denominator| Share { numerators, denominator };
        let subset = |name: &str, has: &dyn Fn(usize) -> bool| Subset {
            name: name.to_owned(),
            trials: (0..n as u32).filter(|i| has(*i as usize)).collect(),
            within: vec![],
        };
        Case {
            shares: vec![share(right, 0), share(halves, 0), share(bits, 1)],
            denominators: vec![counted, all],
            subsets: vec![
                subset("all", &|_| true),
                subset("odd", &|i| i % 2 == 1),
                subset("few", &|i| i % 1000 < 3),
            ],
            clusters: Clusters { count: CLUSTERS, codes: (0..n).map(code).collect() },
        }
    }

    fn draws() -> Draws {
        let resampling = Resampling { resamples: RESAMPLES, ..Resampling::default() };
        Draws::new(&resampling, "things", CLUSTERS)
    }

    /// As if they were drawn elsewhere: these go the way of few clusters.
    fn elsewhere(draws: &Draws) -> Draws {
        Draws::from_counts((0..RESAMPLES).map(|number| draws.counts(number)).collect())
    }

    #[test]
    fn many_clusters_have_the_shares_that_few_would_have_with_these_counts() {
        let case = case();
        let listed = Listed { shares: &case.shares, denominators: &case.denominators };
        let (draws, halves) = (draws(), draws().halves());
        let (subsets, clusters) = (&case.subsets, &case.clusters);
        let both = [&draws, &halves];
        let found = replicates(&listed, subsets, clusters, &both, &Silent).expect("not stopped");
        let few = [elsewhere(&draws), elsewhere(&halves)];
        let both = [&few[0], &few[1]];
        let expected = replicates(&listed, subsets, clusters, &both, &Silent).expect("not stopped");
        let zip = |of: usize| found[of].iter().flatten().zip(expected[of].iter().flatten());
        for (place, (found, expected)) in zip(0).chain(zip(1)).enumerate() {
            let bits = place % 3 == 2;
            assert_eq!(found.clusters, expected.clusters);
            assert!(found.clusters > 100, "{}", found.clusters);
            // Sums of a hundred thousand numbers of order 1, in another order; those of halves are
            // exact.
            let tolerance = if bits { 1e-12 } else { 0.0 };
            assert!((found.estimate - expected.estimate).abs() <= tolerance, "{place}");
            let values = found.resampled[..RESAMPLES].iter().zip(&expected.resampled);
            for (found, expected) in values {
                assert!((found - expected).abs() <= tolerance, "{place}: {found}, {expected}");
                assert_ne!(*found, found.round());
            }
            // Those of few are differences of values that differ by 1e-5 or less of themselves.
            let [found, expected] = [found, expected].map(|of| of.acceleration.expect("known"));
            assert!((found / expected - 1.0).abs() < 1e-5, "{place}: {found}, {expected}");
        }
    }

    #[test]
    fn threads_and_what_is_in_memory_together_change_no_byte() {
        let case = case();
        let listed = Listed { shares: &case.shares, denominators: &case.denominators };
        let under = |threads: usize, row_bytes: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("a pool").install(|| {
                let layout = Layout::of(&listed);
                let blocks = Blocks::new(&listed, layout, &case.subsets, &case.clusters);
                let blocks = Blocks { row_bytes, ..blocks };
                let drawn = [draws().blocked().expect("many")];
                blocks.replicates(&drawn, &[RESAMPLES], &Silent).expect("not stopped")
            })
        };
        let expected = under(1, ROW_BYTES);
        for found in [under(3, ROW_BYTES), under(2, 1)] {
            for (found, expected) in
                found.iter().flatten().flatten().zip(expected.iter().flatten().flatten())
            {
                assert_eq!(found.estimate.to_bits(), expected.estimate.to_bits());
                assert_eq!(
                    found.acceleration.map(f64::to_bits),
                    expected.acceleration.map(f64::to_bits)
                );
                let values = found.resampled.iter().zip(&expected.resampled);
                assert!(values.clone().count() == RESAMPLES);
                values.for_each(|(a, b)| assert_eq!(a.to_bits(), b.to_bits()));
            }
        }
    }

    /// Wants to stop when the first block is done.
    #[derive(Default)]
    struct Stops(std::sync::atomic::AtomicU64);

    impl Progress for Stops {
        fn begin(&self, _task: &str, _steps: u64) {}

        fn advance(&self, steps: u64) {
            self.0.fetch_add(steps, std::sync::atomic::Ordering::SeqCst);
        }

        fn end(&self) {}

        fn note(&self, _message: &str) {}

        fn is_stopped(&self) -> bool {
            self.0.load(std::sync::atomic::Ordering::SeqCst) > 0
        }
    }

    #[test]
    fn who_wants_to_stop_waits_for_one_block() {
        let case = case();
        let listed = Listed { shares: &case.shares, denominators: &case.denominators };
        let stops = Stops::default();
        let found = replicates(&listed, &case.subsets, &case.clusters, &[&draws()], &stops);
        assert_eq!(found, Err(Stopped));
        // Two blocks, each once for sums and once for resamples.
        assert_eq!(stops.0.into_inner(), STEPS / 4);
    }
}
