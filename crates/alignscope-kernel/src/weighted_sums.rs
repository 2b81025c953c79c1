//! Sums of rows, each weighed by many lists of weights at once.

/// Lists of weights that go through a panel together.
pub const SUM_LISTS: usize = 6;

/// Columns of a panel: one register of AVX-512, two of AVX2.
pub const SUM_COLUMNS: usize = 8;

vectorized! {
    fn add_all(weights: &[f64], panels: &[f64], rows: usize, sums: &mut [f64]) {
        let count = panels.len() / (rows * SUM_COLUMNS);
        let of_lists = weights.chunks_exact(rows * SUM_LISTS);
        for (weights, sums) in of_lists.zip(sums.chunks_exact_mut(count * SUM_LISTS * SUM_COLUMNS)) {
            let (weights, _) = weights.as_chunks::<SUM_LISTS>();
            let (sums, _) = sums.as_chunks_mut::<SUM_COLUMNS>();
            let of_panels = panels.chunks_exact(rows * SUM_COLUMNS);
            for (panel, sums) in of_panels.zip(sums.chunks_exact_mut(SUM_LISTS)) {
                // Six sums of eight stay in registers, and each row is read once for all six.
                let mut held = [[0.0_f64; SUM_COLUMNS]; SUM_LISTS];
                held.copy_from_slice(sums);
                for (weights, row) in weights.iter().zip(panel.as_chunks::<SUM_COLUMNS>().0) {
                    for list in 0..SUM_LISTS {
                        for lane in 0..SUM_COLUMNS {
                            held[list][lane] =
                                weights[list].mul_add(row[lane], held[list][lane]);
                        }
                    }
                }
                sums.copy_from_slice(&held);
            }
        }
    }
}

/// Adds rows to sums: `sums[list][column] += Σ weights[list][row] · rows[row][column]`, one row
/// after the other in their order, each by one fused step. So the sums have the same bytes on every
/// processor, and however the rows are handed over in parts.
///
/// `weights` — `[lists / 6, rows, 6]` ([`SUM_LISTS`])
///
/// `panels` — the rows, `[columns / 8, rows, 8]` ([`SUM_COLUMNS`])
///
/// `rows` — how many there are, 1 or more
///
/// `sums` — `[lists / 6, columns / 8, 6, 8]`
///
/// # Panics
/// A length is another.
pub fn add_weighted_rows(weights: &[f64], panels: &[f64], rows: usize, sums: &mut [f64]) {
    assert!(rows > 0 && weights.len().is_multiple_of(rows * SUM_LISTS), "weights of whole lists");
    assert!(panels.len().is_multiple_of(rows * SUM_COLUMNS), "whole panels");
    let (lists, columns) = (weights.len() / rows, panels.len() / rows);
    assert_eq!(sums.len(), lists * columns, "a sum for each list and column");
    if columns > 0 {
        add_all(weights, panels, rows, sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_plain_sum_row_after_row() {
        let number = |i: usize, seed: usize| ((i * 7919 + seed * 31) % 211) as f64 / 7.0 - 11.0;
        for (lists, columns, rows) in [(6, 8, 1), (12, 24, 5), (6, 16, 130), (18, 8, 64)] {
            let weights: Vec<f64> = (0..lists * rows).map(|i| number(i, 1)).collect();
            let panels: Vec<f64> = (0..columns * rows).map(|i| number(i, 2)).collect();
            let before: Vec<f64> = (0..lists * columns).map(|i| number(i, 3)).collect();
            let mut sums = before.clone();
            add_weighted_rows(&weights, &panels, rows, &mut sums);
            let weight =
                |list, row| weights[(list / SUM_LISTS * rows + row) * SUM_LISTS + list % SUM_LISTS];
            let value = |row, column| {
                panels[(column / SUM_COLUMNS * rows + row) * SUM_COLUMNS + column % SUM_COLUMNS]
            };
            for (list, column) in (0..lists).flat_map(|l| (0..columns).map(move |c| (l, c))) {
                let block = list / SUM_LISTS * (columns / SUM_COLUMNS) + column / SUM_COLUMNS;
                let place =
                    (block * SUM_LISTS + list % SUM_LISTS) * SUM_COLUMNS + column % SUM_COLUMNS;
                let expected = (0..rows).fold(before[place], |sum, row| {
                    f64::mul_add(weight(list, row), value(row, column), sum)
                });
                assert_eq!(sums[place].to_bits(), expected.to_bits(), "{list}, {column}");
            }
        }
    }
}
