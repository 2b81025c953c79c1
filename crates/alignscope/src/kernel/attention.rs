//! Multi-head attention: `softmax(Q Kᵀ / √d) V` for each head of width d.
//!
//! A few queries at a time go over all keys: their scores stay in the first cache, are made
//! exponentials where they are, and multiplied with the values at once. The sum of the
//! exponentials divides the result, which is `d` numbers, and not the scores.

mod plain;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod vectors;

use super::huge;
use super::operand::Operand;
use super::precision::Precision;

/// The attention of one image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention<'a> {
    /// Query, key and value of each token: `[tokens, 3, heads, width]`.
    pub(crate) qkv: &'a [f32],
    pub(crate) tokens: usize,
    pub(crate) heads: usize,
    pub(crate) precision: Precision,
}

/// Working memory of one thread's attention, grown once and then kept.
#[derive(Debug, Default)]
pub(crate) struct AttentionScratch {
    /// `[tokens, channels]`.
    out: Vec<f32>,
    plain: plain::Scratch,
    tiles: tiles::Scratch,
    #[cfg(target_arch = "x86_64")]
    vectors: vectors::Scratch,
}

/// One head: where its query, key and value stand, and where it writes.
#[derive(Debug, Clone, Copy)]
struct Head<'a> {
    /// From the first query on; tokens are `stride` apart.
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    stride: usize,
    tokens: usize,
    width: usize,
    /// 1/√d.
    scale: f32,
}

impl Attention<'_> {
    /// Writes the image's tokens to rows of `out` from `first_row` on.
    pub(crate) fn apply(self, out: &mut Operand, first_row: usize, scratch: &mut AttentionScratch) {
        let Self { qkv, tokens, heads, .. } = self;
        let channels = qkv.len() / (3 * tokens);
        assert_eq!(qkv.len(), tokens * 3 * channels, "[tokens, 3, heads, width]");
        let width = channels / heads;
        let AttentionScratch { out: attended, plain, tiles, .. } = scratch;
        let attended = huge::first(attended, tokens * channels, 0.0);
        for head in 0..heads {
            let start = head * width;
            let head = Head {
                query: &qkv[start..],
                key: &qkv[channels + start..],
                value: &qkv[2 * channels + start..],
                stride: 3 * channels,
                tokens,
                width,
                scale: 1.0 / (width as f32).sqrt(),
            };
            let out = &mut attended[start..];
            match self.precision {
                Precision::Bf16x3 | Precision::Bf16 => {
                    tiles::attend(head, self.precision, out, channels, tiles);
                }
                #[cfg(target_arch = "x86_64")]
                Precision::F32 if super::product::has_avx512() => {
                    // SAFETY: the processor has AVX-512F, as just seen.
                    unsafe { vectors::attend(head, out, channels, &mut scratch.vectors) }
                }
                Precision::F32 => plain::attend(head, out, channels, plain),
            }
        }
        for (token, values) in attended.chunks_exact(channels).enumerate() {
            out.set_row(first_row + token, values);
        }
    }
}

impl AttentionScratch {
    /// Bytes that it grows to.
    pub(crate) fn bytes(tokens: usize, heads: usize, channels: usize) -> usize {
        let width = channels / heads;
        // The result; scores of a few queries; key and value of a head, in two halves at most.
        let padded = tokens.next_multiple_of(32) + 32;
        size_of::<f32>() * (tokens * channels + 3 * 32 * padded + 3 * padded * (width + 32))
    }
}

#[cfg(test)]
mod tests {
    use super::super::matmul::tests::numbers;
    use super::super::product::{Output, PackedWeights, ProductScratch};
    use super::*;

    /// In f64, straight from the formula.
    fn expected(qkv: &[f32], tokens: usize, heads: usize) -> Vec<f64> {
        let channels = qkv.len() / (3 * tokens);
        let width = channels / heads;
        let at = |token: usize, part: usize, channel: usize| {
            f64::from(qkv[token * 3 * channels + part * channels + channel])
        };
        let mut out = vec![0.0; tokens * channels];
        for head in 0..heads {
            let columns = head * width..(head + 1) * width;
            for query in 0..tokens {
                let scores: Vec<f64> = (0..tokens)
                    .map(|key| {
                        let dot: f64 =
                            columns.clone().map(|c| at(query, 0, c) * at(key, 1, c)).sum();
                        (dot / (width as f64).sqrt()).exp()
                    })
                    .collect();
                let sum: f64 = scores.iter().sum();
                for c in columns.clone() {
                    let value: f64 =
                        scores.iter().enumerate().map(|(key, s)| s / sum * at(key, 2, c)).sum();
                    out[query * channels + c] = value;
                }
            }
        }
        out
    }

    /// The identity as weights, to see what an operand holds.
    fn read(operand: &Operand, rows: usize, channels: usize, precision: Precision) -> Vec<f32> {
        let weights = identity(channels, precision);
        let mut out = vec![0.0; rows * channels];
        weights.apply(operand, None, Output::Set(&mut out), &mut ProductScratch::default());
        out
    }

    fn identity(channels: usize, precision: Precision) -> PackedWeights {
        let mut values = vec![0.0; channels * channels];
        (0..channels).for_each(|i| values[i * channels + i] = 1.0);
        PackedWeights::new(values, channels, precision)
    }

    fn attended(qkv: &[f32], tokens: usize, heads: usize, precision: Precision) -> Vec<f32> {
        let channels = qkv.len() / (3 * tokens);
        let mut operand = Operand::default();
        identity(channels, precision).shape(&mut operand, tokens);
        let mut scratch = AttentionScratch::default();
        let attention = Attention { qkv, tokens, heads, precision };
        attention.apply(&mut operand, 0, &mut scratch);
        read(&operand, tokens, channels, precision)
    }

    #[test]
    fn it_is_the_formula_over_odd_sizes() {
        for (tokens, heads, width) in
            [(1, 1, 1), (2, 2, 4), (5, 3, 7), (17, 2, 16), (31, 1, 33), (50, 2, 64), (197, 1, 64)]
        {
            let channels = heads * width;
            let qkv: Vec<f32> = numbers(tokens * 3 * channels, 1).iter().map(|x| x * 2.0).collect();
            let expected = expected(&qkv, tokens, heads);
            for precision in Precision::ALL {
                let found = attended(&qkv, tokens, heads, precision);
                let worst = found
                    .iter()
                    .zip(&expected)
                    .map(|(found, expected)| (f64::from(*found) - expected).abs())
                    .fold(0.0, f64::max);
                // Scores of up to 4 √d, off by their rounding, move a weight by as much; values
                // are up to 2.
                let limit = match precision {
                    Precision::F32 => 2e-5,
                    Precision::Bf16x3 => 4e-4,
                    Precision::Bf16 => 6e-2,
                };
                assert!(worst <= limit, "{precision}, {tokens} × {heads} × {width}: {worst}");
            }
        }
    }

    #[test]
    fn scores_far_apart_do_not_overflow() {
        let (tokens, width) = (3, 4);
        let mut qkv = vec![0.0; tokens * 3 * width];
        for token in 0..tokens {
            let row = &mut qkv[token * 3 * width..];
            row[0] = 1e4;
            row[width] = if token == 1 { 1e4 } else { -1e4 };
            row[2 * width] = token as f32;
        }
        for precision in Precision::ALL {
            let out = attended(&qkv, tokens, 1, precision);
            for row in out.chunks(width) {
                assert_eq!(row, [1.0, 0.0, 0.0, 0.0], "{precision}");
            }
        }
    }
}
