//! Shares of trials under resamples of their clusters.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::dataset::{Clusters, Subset};
use crate::resample::{Draws, Replicates, acceleration};

/// Resamples that are worked on together, so that a row of sums is read once for all of them.
const BLOCK: usize = 16;

/// Rows of sums that stay in the cache meanwhile.
const ROWS: usize = 64;

/// A share: the sum of one number of each trial over the sum of another.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    /// Of each trial.
    pub(crate) numerators: Vec<f64>,
    /// Which of the denominators.
    pub(crate) denominator: usize,
}

/// Every share of every subset under all resamples: `[subset][share]`.
///
/// `denominators` — of each trial; shares have few different ones
///
/// A trial is in the sums of its cluster, and those are weighed by how often the cluster is drawn.
/// Trials that are in the same subsets and the same cluster have one row of sums. Rows are added in
/// a fixed order.
pub(crate) fn replicates(
    shares: &[Share],
    denominators: &[Vec<f64>],
    subsets: &[Subset],
    clusters: &Clusters,
    draws: &Draws,
) -> Vec<Vec<Replicates>> {
    let table = CellTable::of(shares, denominators, subsets, clusters);
    let blocks: Vec<_> = (0..draws.resamples).step_by(BLOCK).collect();
    let sums: Vec<Vec<Vec<f64>>> = blocks
        .par_iter()
        .map(|first| {
            let last = draws.resamples.min(first + BLOCK);
            let counts: Vec<_> = (*first..last).map(|r| draws.counts(r)).collect();
            table.shares(&counts, shares, subsets.len())
        })
        .collect();
    let resampled: Vec<&Vec<f64>> = sums.iter().flatten().collect();
    subsets
        .iter()
        .enumerate()
        .map(|(s, _)| {
            let (totals, of_clusters) = table.of_subset(s, clusters.count);
            let of_share = |(i, share): (usize, &Share)| {
                let d = shares.len() + share.denominator;
                // Sums that are both 0 are of no trial that counts: either may be negative.
                let left_out: Vec<f64> = of_clusters
                    .chunks_exact(table.width)
                    .filter(|sums| sums[d] != 0.0 || sums[i] != 0.0)
                    .map(|sums| ratio(totals[i] - sums[i], totals[d] - sums[d]))
                    .collect();
                Replicates {
                    estimate: ratio(totals[i], totals[d]),
                    resampled: resampled.iter().map(|r| r[s * shares.len() + i]).collect(),
                    clusters: left_out.len(),
                    acceleration: acceleration(&left_out),
                    factors: None,
                }
            };
            shares.iter().enumerate().map(of_share).collect()
        })
        .collect()
}

/// NaN for 0/0.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    // A sum that should be 0 may keep the rounding of what was taken away.
    if denominator < 1e-9 { f64::NAN } else { numerator / denominator }
}

/// Sums of numerators and denominators over the trials of one cell and cluster.
struct CellTable {
    width: usize,
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
        shares: &[Share],
        denominators: &[Vec<f64>],
        subsets: &[Subset],
        clusters: &Clusters,
    ) -> Self {
        let cell_of = cells(subsets, clusters.codes.len());
        let width = shares.len() + denominators.len();
        let mut cells = Vec::<Cell>::new();
        let mut rows = HashMap::new();
        for (trial, (cell, cluster)) in cell_of.iter().zip(&clusters.codes).enumerate() {
            if *cell == cells.len() {
                let has = |s: &usize| subsets[*s].trials.binary_search(&(trial as u32)).is_ok();
                let subsets = (0..subsets.len()).filter(has).collect();
                cells.push(Cell { subsets, clusters: vec![], sums: vec![] });
            }
            let cell_sums = &mut cells[*cell];
            let row = *rows.entry((*cell, *cluster)).or_insert_with(|| {
                cell_sums.clusters.push(*cluster);
                cell_sums.sums.resize(cell_sums.sums.len() + width, 0.0);
                cell_sums.clusters.len() - 1
            });
            let sums = &mut cell_sums.sums[row * width..][..width];
            let numbers = shares.iter().map(|s| s.numerators[trial]);
            let numbers = numbers.chain(denominators.iter().map(|d| d[trial]));
            sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
        }
        Self { width, cells }
    }

    /// The shares of all subsets under some resamples: `[resample][subset · shares + share]`.
    fn shares(&self, counts: &[Vec<u32>], shares: &[Share], subsets: usize) -> Vec<Vec<f64>> {
        let mut totals = vec![vec![0.0; subsets * self.width]; counts.len()];
        let mut sums = vec![0.0; counts.len() * self.width];
        for cell in &self.cells {
            sums.fill(0.0);
            let rows = cell.clusters.chunks(ROWS).zip(cell.sums.chunks(ROWS * self.width));
            for (clusters, rows) in rows {
                for (counts, sums) in counts.iter().zip(sums.chunks_exact_mut(self.width)) {
                    for (cluster, row) in clusters.iter().zip(rows.chunks_exact(self.width)) {
                        let times = counts[*cluster as usize];
                        if times == 0 {
                            continue;
                        }
                        let times = f64::from(times);
                        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += times * x);
                    }
                }
            }
            for (total, sums) in totals.iter_mut().zip(sums.chunks_exact(self.width)) {
                for subset in &cell.subsets {
                    let total = &mut total[subset * self.width..][..self.width];
                    total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
                }
            }
        }
        let divide = |total: &Vec<f64>| {
            let of_subset = total.chunks_exact(self.width);
            of_subset
                .flat_map(|total| {
                    let denominators = &total[shares.len()..];
                    let of = |(i, s): (usize, &Share)| ratio(total[i], denominators[s.denominator]);
                    shares.iter().enumerate().map(of).collect::<Vec<_>>()
                })
                .collect()
        };
        totals.iter().map(divide).collect()
    }

    /// Sums over a subset, and those of each cluster in it: `[clusters, width]`.
    fn of_subset(&self, subset: usize, clusters: usize) -> (Vec<f64>, Vec<f64>) {
        let mut totals = vec![0.0; self.width];
        let mut of_clusters = vec![0.0; clusters * self.width];
        for cell in self.cells.iter().filter(|cell| cell.subsets.contains(&subset)) {
            for (cluster, row) in cell.clusters.iter().zip(cell.sums.chunks_exact(self.width)) {
                let sums = &mut of_clusters[*cluster as usize * self.width..][..self.width];
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
        let found = replicates(&[share], &[counted], &subsets, &clusters, &draws);
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
