//! Attention in f32: both products are those of tiles of rows and panels of 32 columns
//! (`f32_tile.rs`), whose sums are softmax's rows.

use crate::f32_tile::{Kernel, LeftRows, MOST_ROWS, PANEL, Sums};
use crate::huge_pages;
use crate::lanes::{LANES, Lanes, ZEROS};
use crate::softmax::{exponentials, in_lanes};

/// Where the query, key and value of a head stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    /// From the first query on; tokens are `stride` apart.
    pub(super) query: &'a [f32],
    pub(super) key: &'a [f32],
    pub(super) value: &'a [f32],
    pub(super) stride: usize,
    pub(super) tokens: usize,
    pub(super) width: usize,
    /// 1/√d.
    pub(super) scale: f32,
}

/// Working memory of one head.
#[derive(Debug, Default)]
pub(super) struct RowsScratch {
    /// Keys, `[panels of 32 tokens, width, 32]`.
    keys: Vec<Lanes>,
    /// Values, `[panels of 32 channels, tokens, 32]`.
    values: Vec<Lanes>,
    /// Scores of the queries of a tile.
    scores: Vec<f32>,
}

multiplying! {
    /// Writes the head's part of each token, `stride` apart in `out`.
    pub(super) fn attend(
        head: Head<'_>,
        out: &mut [f32],
        stride: usize,
        scratch: &mut RowsScratch,
    ) {
        let Head { tokens, width, .. } = head;
        let (key_panels, value_panels) = (tokens.div_ceil(PANEL), width.div_ceil(PANEL));
        let RowsScratch { keys, values, scores } = scratch;
        keys.clear();
        keys.resize(key_panels * width * 2, ZEROS);
        values.clear();
        values.resize(value_panels * tokens * 2, ZEROS);
        pack_keys::<K>(head, keys);
        pack_values(head, values);
        // Rows are not a multiple of 4 KiB apart, as those of a left side.
        let padded = key_panels * PANEL + LANES;
        let scores = huge_pages::first(scores, K::ROWS * padded, 0.0);

        let mut sums = Sums::new();
        let queries = LeftRows { values: head.query, stride: head.stride, rows: tokens };
        for (first, queries, rows) in queries.tiles(K::ROWS) {
            for (panel, keys) in keys.chunks_exact(width * 2).enumerate() {
                // SAFETY: the processor has the instructions of K.
                unsafe { sums.set::<K>(queries, head.stride, rows, keys) };
                for (scores, sums) in scores.chunks_exact_mut(padded).zip(&sums.0[..rows]) {
                    scores[panel * PANEL..][..PANEL].copy_from_slice(sums);
                }
            }
            let mut shares = [0.0; MOST_ROWS];
            for (scores, share) in scores.chunks_exact_mut(padded).zip(&mut shares[..rows]) {
                *share = 1.0 / exponentials(in_lanes(scores, tokens), head.scale);
            }
            for (panel, values) in values.chunks_exact(tokens * 2).enumerate() {
                // SAFETY: as above.
                unsafe { sums.set::<K>(scores, padded, rows, values) };
                let start = panel * PANEL;
                let count = PANEL.min(width - start);
                for ((query, sums), share) in sums.0[..rows].iter().enumerate().zip(shares) {
                    let out = &mut out[(first + query) * stride + start..][..count];
                    out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum * share);
                }
            }
        }
    }
}

/// `[tokens, width]` -> `[panels of 32 tokens, width, 32]`.
///
/// Only for a K whose instructions the processor has.
#[inline(always)]
fn pack_keys<K: Kernel>(head: Head<'_>, keys: &mut [Lanes]) {
    let Head { tokens, width, stride, .. } = head;
    for (panel, keys) in keys.chunks_exact_mut(width * 2).enumerate() {
        for half in 0..2 {
            let first = panel * PANEL + half * LANES;
            let count = LANES.min(tokens.saturating_sub(first));
            if count == 0 {
                continue;
            }
            let rows = &head.key[first * stride..];
            for start in (0..width).step_by(LANES) {
                let some = LANES.min(width - start);
                if (count, some) == (LANES, LANES) {
                    // SAFETY: the processor has the instructions of K, as our caller promises.
                    let columns = unsafe { K::transposed(&rows[start..], stride) };
                    for (i, column) in columns.into_iter().enumerate() {
                        keys[(start + i) * 2 + half] = column;
                    }
                    continue;
                }
                for (lane, row) in rows.chunks(stride).take(count).enumerate() {
                    for (i, value) in row[start..start + some].iter().enumerate() {
                        keys[(start + i) * 2 + half].0[lane] = *value;
                    }
                }
            }
        }
    }
}

/// `[tokens, width]` -> `[panels of 32 channels, tokens, 32]`.
#[inline(always)]
fn pack_values(head: Head<'_>, values: &mut [Lanes]) {
    let Head { tokens, width, stride, .. } = head;
    for (panel, values) in values.chunks_exact_mut(tokens * 2).enumerate() {
        let start = panel * PANEL;
        let count = PANEL.min(width - start);
        for (token, lanes) in values.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let row = &head.value[token * stride + start..][..count];
            for (lanes, row) in lanes.iter_mut().zip(row.chunks(LANES)) {
                match row.as_array() {
                    Some(row) => lanes.0 = *row,
                    None => lanes.0[..row.len()].copy_from_slice(row),
                }
            }
        }
    }
}
