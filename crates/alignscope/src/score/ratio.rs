//! Shares of trials under resamples of their clusters.

mod blocks;

use std::collections::HashMap;

use rayon::prelude::*;

use crate::dataset::{Clusters, Subset};
use crate::progress::{Progress, Silent};
use crate::resample::{Draws, Replicates, acceleration};

/// Resamples that are worked on together, so that a row of sums is read once for all of them.
const TOGETHER: usize = 16;

/// Rows of sums that stay in the cache meanwhile.
const ROWS: usize = 64;

/// Trials whose numbers are made at a time by one thread.
const TRIALS: usize = 256;

/// Steps of a task that the shares of a data set are.
pub(super) const STEPS: u64 = 1000;

/// What the sums are of whose ratios are shares.
pub(crate) trait TrialNumbers: Sync {
    /// Which of the denominators each share has.
    fn denominators(&self) -> Vec<usize>;

    /// Writes the numbers of some trials, for each those of the shares, then those of the
    /// denominators, of which there are as many as shares have different ones.
    ///
    /// `numbers` — `[trials, shares + denominators]`
    fn write(&self, trials: &[u32], numbers: &mut [f64]);
}

/// Which numbers stand where in a row.
#[derive(Debug)]
struct Layout {
    /// The place of each share's denominator in a row; its numerator's is its own number.
    places: Vec<usize>,
    /// Numbers of a row.
    width: usize,
}

impl Layout {
    fn of(numbers: &dyn TrialNumbers) -> Self {
        let denominators = numbers.denominators();
        let shares = denominators.len();
        let count = denominators.iter().max().map_or(0, |last| last + 1);
        let places = denominators.into_iter().map(|place| shares + place).collect();
        Self { places, width: shares + count }
    }

    fn shares(&self) -> usize {
        self.places.len()
    }

    /// The shares of a row of sums.
    fn divide(&self, sums: &[f64]) -> impl Iterator<Item = f64> {
        self.places.iter().enumerate().map(|(share, place)| ratio(sums[share], sums[*place]))
    }
}

/// A share: the sum of one number of each trial over the sum of another.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    /// Of each trial.
    pub(crate) numerators: Vec<f64>,
    /// Which of the denominators.
    pub(crate) denominator: usize,
}

/// Shares whose numbers are all in memory.
pub(super) struct Listed<'a> {
    pub(super) shares: &'a [Share],
    /// Of each trial; shares have few different ones.
    pub(super) denominators: &'a [Vec<f64>],
}

impl TrialNumbers for Listed<'_> {
    fn denominators(&self) -> Vec<usize> {
        self.shares.iter().map(|share| share.denominator).collect()
    }

    fn write(&self, trials: &[u32], numbers: &mut [f64]) {
        let width = numbers.len() / trials.len();
        for (trial, numbers) in trials.iter().zip(numbers.chunks_exact_mut(width)) {
            let lists = self.shares.iter().map(|share| &share.numerators).chain(self.denominators);
            numbers.iter_mut().zip(lists).for_each(|(x, list)| *x = list[*trial as usize]);
        }
    }
}

/// The user wants to stop, and the work did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

/// Every share of every subset under all resamples of each of several draws:
/// `[draws][subset][share]`.
///
/// `draws` — of these clusters
///
/// `progress` — is told of [`STEPS`] steps
///
/// A trial is in the sums of its cluster, and those are weighed by how often the cluster is drawn.
/// Trials that are in the same subsets and the same cluster have one row of sums. Rows are added in
/// a fixed order.
///
/// # Errors
/// The user wants to stop, which is asked where there are many clusters.
pub(super) fn replicates(
    numbers: &dyn TrialNumbers,
    subsets: &[Subset],
    clusters: &Clusters,
    draws: &[&Draws],
    progress: &dyn Progress,
) -> Result<Vec<Vec<Vec<Replicates>>>, Stopped> {
    let layout = Layout::of(numbers);
    if layout.shares() == 0 {
        progress.advance(STEPS);
        return Ok(draws.iter().map(|_| vec![vec![]; subsets.len()]).collect());
    }
    let blocked: Vec<_> = draws.iter().filter_map(|draws| draws.blocked()).collect();
    if !blocked.is_empty() && blocked.len() == draws.len() {
        let resamples: Vec<usize> = draws.iter().map(|draws| draws.resamples).collect();
        let of = blocks::Blocks::new(numbers, layout, subsets, clusters);
        return of.replicates(&blocked, &resamples, progress);
    }
    let table = CellTable::of(numbers, layout, subsets, clusters);
    let found = draws.iter().map(|draws| of_table(&table, subsets, clusters, draws)).collect();
    progress.advance(STEPS);
    Ok(found)
}

/// The same, where nobody is told and nobody stops.
pub(super) fn replicates_in_silence(
    numbers: &dyn TrialNumbers,
    subsets: &[Subset],
    clusters: &Clusters,
    draws: &Draws,
) -> Vec<Vec<Replicates>> {
    let found = replicates(numbers, subsets, clusters, &[draws], &Silent);
    found.expect("silence does not stop").swap_remove(0)
}

/// Bytes that so many lists of counts of very many clusters need for rows of so many numbers.
pub(super) fn blocked_bytes(
    lists: usize,
    width: usize,
    subsets: &[Subset],
    trials: usize,
) -> usize {
    let cells = cells(subsets, trials).into_iter().max().map_or(0, |last| last + 1);
    blocks::bytes(lists, width, cells)
}

/// The shares of rows that are all in memory.
fn of_table(
    table: &CellTable,
    subsets: &[Subset],
    clusters: &Clusters,
    draws: &Draws,
) -> Vec<Vec<Replicates>> {
    let shares = table.layout.shares();
    let blocks: Vec<_> = (0..draws.resamples).step_by(TOGETHER).collect();
    let sums: Vec<Vec<Vec<f64>>> = blocks
        .par_iter()
        .map(|first| {
            let last = draws.resamples.min(first + TOGETHER);
            let counts: Vec<_> = (*first..last).map(|r| draws.counts(r)).collect();
            table.shares(&counts, subsets.len())
        })
        .collect();
    let resampled: Vec<&Vec<f64>> = sums.iter().flatten().collect();
    subsets
        .iter()
        .enumerate()
        .map(|(s, _)| {
            let (totals, of_clusters) = table.of_subset(s, clusters.count);
            let of_share = |(i, d): (usize, &usize)| {
                // Sums that are both 0 are of no trial that counts: either may be negative.
                let left_out: Vec<f64> = of_clusters
                    .chunks_exact(table.layout.width)
                    .filter(|sums| sums[*d] != 0.0 || sums[i] != 0.0)
                    .map(|sums| ratio(totals[i] - sums[i], totals[*d] - sums[*d]))
                    .collect();
                Replicates {
                    estimate: ratio(totals[i], totals[*d]),
                    resampled: resampled.iter().map(|r| r[s * shares + i]).collect(),
                    clusters: left_out.len(),
                    acceleration: acceleration(&left_out),
                    factors: None,
                }
            };
            table.layout.places.iter().enumerate().map(of_share).collect()
        })
        .collect()
}

/// The numbers of trials, made by all threads.
fn write_all(numbers: &dyn TrialNumbers, trials: &[u32], width: usize, found: &mut [f64]) {
    let of_trials = trials.par_chunks(TRIALS).zip(found.par_chunks_mut(TRIALS * width));
    of_trials.for_each(|(trials, found)| numbers.write(trials, found));
}

/// NaN for 0/0.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    // A sum that should be 0 may keep the rounding of what was taken away.
    if denominator < 1e-9 { f64::NAN } else { numerator / denominator }
}

/// Sums of numerators and denominators over the trials of one cell and cluster.
struct CellTable {
    layout: Layout,
    cells: Vec<Cell>,
}

/// Trials that are in the same subsets.
struct Cell {
    /// Which of the subsets.
    subsets: Vec<usize>,
    /// The cluster of each row.
    clusters: Vec<u32>,
    /// `[rows, width]`
    sums: Vec<f64>,
}

impl CellTable {
    fn of(
        numbers: &dyn TrialNumbers,
        layout: Layout,
        subsets: &[Subset],
        clusters: &Clusters,
    ) -> Self {
        /// Trials whose numbers are in memory at once.
        const AT_ONCE: usize = 64 * TRIALS;
        let cell_of = cells(subsets, clusters.codes.len());
        let width = layout.width;
        let mut cells = Vec::<Cell>::new();
        let mut rows = HashMap::new();
        let mut found = vec![0.0; width * AT_ONCE.min(cell_of.len())];
        let trials: Vec<u32> = (0..cell_of.len() as u32).collect();
        for trials in trials.chunks(AT_ONCE) {
            let found = &mut found[..width * trials.len()];
            write_all(numbers, trials, width, found);
            for (trial, found) in trials.iter().zip(found.chunks_exact(width.max(1))) {
                let (cell, cluster) = (cell_of[*trial as usize], clusters.codes[*trial as usize]);
                if cell == cells.len() {
                    let has = |s: &usize| subsets[*s].trials.binary_search(trial).is_ok();
                    let subsets = (0..subsets.len()).filter(has).collect();
                    cells.push(Cell { subsets, clusters: vec![], sums: vec![] });
                }
                let cell_sums = &mut cells[cell];
                let row = *rows.entry((cell, cluster)).or_insert_with(|| {
                    cell_sums.clusters.push(cluster);
                    cell_sums.sums.resize(cell_sums.sums.len() + width, 0.0);
                    cell_sums.clusters.len() - 1
                });
                let sums = &mut cell_sums.sums[row * width..][..width];
                sums.iter_mut().zip(found).for_each(|(sum, number)| *sum += number);
            }
        }
        Self { layout, cells }
    }

    /// The shares of all subsets under some resamples: `[resample][subset · shares + share]`.
    fn shares(&self, counts: &[Vec<u32>], subsets: usize) -> Vec<Vec<f64>> {
        let width = self.layout.width;
        let mut totals = vec![vec![0.0; subsets * width]; counts.len()];
        let mut sums = vec![0.0; counts.len() * width];
        for cell in &self.cells {
            sums.fill(0.0);
            let rows = cell.clusters.chunks(ROWS).zip(cell.sums.chunks(ROWS * width));
            for (clusters, rows) in rows {
                for (counts, sums) in counts.iter().zip(sums.chunks_exact_mut(width)) {
                    for (cluster, row) in clusters.iter().zip(rows.chunks_exact(width)) {
                        let times = counts[*cluster as usize];
                        if times == 0 {
                            continue;
                        }
                        let times = f64::from(times);
                        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += times * x);
                    }
                }
            }
            for (total, sums) in totals.iter_mut().zip(sums.chunks_exact(width)) {
                for subset in &cell.subsets {
                    let total = &mut total[subset * width..][..width];
                    total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
                }
            }
        }
        let divide = |total: &Vec<f64>| {
            total.chunks_exact(width).flat_map(|sums| self.layout.divide(sums)).collect()
        };
        totals.iter().map(divide).collect()
    }

    /// Sums over a subset, and those of each cluster in it: `[clusters, width]`.
    fn of_subset(&self, subset: usize, clusters: usize) -> (Vec<f64>, Vec<f64>) {
        let width = self.layout.width;
        let mut totals = vec![0.0; width];
        let mut of_clusters = vec![0.0; clusters * width];
        for cell in self.cells.iter().filter(|cell| cell.subsets.contains(&subset)) {
            for (cluster, row) in cell.clusters.iter().zip(cell.sums.chunks_exact(width)) {
                let sums = &mut of_clusters[*cluster as usize * width..][..width];
                for ((total, sum), x) in totals.iter_mut().zip(sums).zip(row) {
                    *total += x;
                    *sum += x;
                }
            }
        }
        (totals, of_clusters)
    }
}

/// Numbers of trials, equal for those that are in the same subsets; by first use.
fn cells(subsets: &[Subset], trials: usize) -> Vec<usize> {
    let mut codes = vec![0; trials];
    for subset in subsets {
        let mut inside = vec![false; trials];
        subset.trials.iter().for_each(|trial| inside[*trial as usize] = true);
        let mut known = HashMap::new();
        for (code, inside) in codes.iter_mut().zip(inside) {
            let next = known.len();
            *code = *known.entry((*code, inside)).or_insert(next);
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_clusters_that_are_drawn() {
        let subset = |name: &str, trials: &[u32]| Subset {
            name: name.to_owned(),
            trials: trials.to_vec(),
            within: vec![],
        };
        let subsets = [subset("all", &[0, 1, 2, 3, 4]), subset("part", &[1, 3])];
        let clusters = Clusters { count: 3, codes: vec![0, 0, 1, 1, 2] };
        let share = Share { numerators: vec![1.0, 0.0, 1.0, 1.0, 0.0], denominator: 0 };
        // The last trial does not count.
        let counted = vec![1.0, 1.0, 1.0, 1.0, 0.0];
        let draws = Draws::from_counts(vec![vec![2, 1, 0], vec![0, 0, 3], vec![0, 2, 1]]);
        let listed = Listed { shares: &[share], denominators: &[counted] };
        let found = replicates_in_silence(&listed, &subsets, &clusters, &draws);
        let all = &found[0][0];
        assert_eq!(all.estimate, 3.0 / 4.0);
        assert_eq!(all.resampled[0], 4.0 / 6.0);
        assert!(all.resampled[1].is_nan());
        assert_eq!(all.resampled[2], 1.0);
        assert_eq!((all.clusters, all.acceleration), (2, acceleration(&[1.0, 0.5])));
        let part = &found[1][0];
        assert_eq!((part.estimate, part.resampled[0]), (0.5, 1.0 / 3.0));
    }
}
