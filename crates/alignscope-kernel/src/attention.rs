//! Multi-head attention: `softmax(Q Kᵀ / √d) V` for each head of width d.
//!
//! A few queries at a time go over all keys: their scores stay in the first cache, are made
//! exponentials where they are, and multiplied with the values at once. The sum of the
//! exponentials divides the result, which is `d` numbers, and not the scores.

mod rows;
mod tiles;

use crate::lhs::{Format, Lhs};
use crate::precision::Precision;
use crate::tile::STEP;

/// The attention of one image.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a> {
    /// Query, key and value of each token, `[rows, 3, heads, padded_width]`: what a product gave.
    /// The rows may be those of several images.
    pub qkv: &'a Lhs,
    /// Where the image's tokens begin.
    pub first_row: usize,
    /// Tokens of the image; its rows are one after the other.
    pub tokens: usize,
    /// Heads.
    pub heads: usize,
    /// Channels of a head, without those that pad it.
    pub width: usize,
}

/// Columns that a head of so many channels takes in a left side of this precision: in tiles each
/// head has steps of its own. Those beyond its channels are zeros, and cost products of the layers
/// before and after attention where the width is no multiple of 32 (the study's all have 64; SigLIP
/// so400m has 72, which makes 96).
pub fn padded_width(width: usize, precision: Precision) -> usize {
    match precision {
        Precision::F32 => width,
        Precision::Bf16x6 | Precision::Bf16x3 | Precision::Bf16 => width.next_multiple_of(STEP),
    }
}

/// Working memory of one thread's attention, grown once and then kept.
#[derive(Debug, Default)]
pub struct AttentionScratch {
    rows: rows::RowsScratch,
    tiles: tiles::TilesScratch,
}

impl Attention<'_> {
    /// Writes the image's tokens to their rows of `out`, `[rows, heads, padded_width]`, of the form
    /// that `qkv` has; the rows of other images stay as they are. An image has the same bits
    /// wherever it stands, and whatever `scratch` was used for.
    ///
    /// # Panics
    /// The shapes do not fit.
    pub fn apply(self, out: &mut Lhs, scratch: &mut AttentionScratch) {
        let Self { qkv, first_row, tokens, heads, width } = self;
        let format = qkv.format();
        let padded = padded_width(width, format.precision());
        assert!(
            qkv.inputs() == 3 * heads * padded && out.inputs() == heads * padded,
            "{heads} heads of {width} channels"
        );
        assert!(
            first_row + tokens <= qkv.rows().min(out.rows()),
            "{tokens} tokens from {first_row} on"
        );
        assert_eq!(out.format(), format, "one form before attention and after");
        let scale = 1.0 / (width as f32).sqrt();
        match format {
            Format::Tiles(_) => (0..heads).for_each(|head| {
                let head = tiles::Head { qkv, first_row, tokens, heads, head, width, scale };
                tiles::attend(head, out.as_tiles_mut(), &mut scratch.tiles);
            }),
            Format::Rows => {
                let (values, stride) = qkv.as_rows();
                let (out, out_stride) = out.as_rows_mut();
                let out = &mut out[first_row * out_stride..];
                for head in 0..heads {
                    let part =
                        |part: usize| &values[first_row * stride + (part * heads + head) * width..];
                    let (query, key, value) = (part(0), part(1), part(2));
                    let out = &mut out[head * width..];
                    let head = rows::Head { query, key, value, stride, tokens, width, scale };
                    rows::attend(head, out, out_stride, &mut scratch.rows);
                }
            }
        }
    }
}

impl AttentionScratch {
    /// Bytes that it grows to, at most: for images of so many tokens, and heads of so many
    /// channels.
    pub fn bytes(tokens: usize, width: usize) -> usize {
        // Sums and weights of two blocks of queries, scores of a few; key and value of a head.
        // Tiles take three halves of an f32 at most.
        let padded = tokens.next_multiple_of(32) + 32;
        let width = width.next_multiple_of(32) + 32;
        size_of::<f32>() * (4 * 32 * padded + 2 * padded * width) * 3 / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instructions::tests::{assert_same_bits, bits};
    use crate::matmul::tests::numbers;
    use crate::packed_gemm::{Output, PackedWeights};

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

    /// The identity as weights, from `inputs` to as many outputs in runs of `width`, each padded.
    fn identity(inputs: usize, width: usize, precision: Precision) -> PackedWeights {
        let padded = padded_width(width, precision);
        let outputs = inputs / width * padded;
        let mut values = vec![0.0; outputs * inputs];
        (0..inputs).for_each(|i| values[(i / width * padded + i % width) * inputs + i] = 1.0);
        PackedWeights::new(values, inputs, precision)
    }

    /// A left side's numbers, without those that pad each run of `width`.
    fn read(lhs: &Lhs, width: usize, precision: Precision) -> Vec<f32> {
        let (rows, inputs) = (lhs.rows(), lhs.inputs());
        let mut out = vec![0.0; rows * inputs];
        identity(inputs, inputs, precision).apply(lhs, None, Output::Set(&mut out));
        let runs = out.chunks(padded_width(width, precision));
        runs.flat_map(|run| run[..width].to_vec()).collect()
    }

    #[derive(Default)]
    struct Buffers {
        x: Lhs,
        qkv: Lhs,
        out: Lhs,
        attention: AttentionScratch,
    }

    /// Attention of all images, of `tokens` tokens each, in buffers that may have been used.
    fn attended_in(
        buffers: &mut Buffers,
        values: &[f32],
        [tokens, heads, width]: [usize; 3],
        precision: Precision,
    ) -> Vec<f32> {
        let Buffers { x, qkv, out, attention } = buffers;
        let (rows, columns) = (values.len() / (3 * heads * width), 3 * heads * width);
        let weights = identity(columns, width, precision);
        weights.shape(x, rows);
        values.chunks_exact(columns).enumerate().for_each(|(row, values)| x.set_row(row, values));
        weights.apply(x, None, Output::Lhs(None, qkv));

        out.shape(qkv.format(), rows, qkv.inputs() / 3);
        for first_row in (0..rows).step_by(tokens) {
            Attention { qkv, first_row, tokens, heads, width }.apply(out, attention);
        }
        read(out, width, precision)
    }

    fn attended(values: &[f32], sizes: [usize; 3], precision: Precision) -> Vec<f32> {
        attended_in(&mut Buffers::default(), values, sizes, precision)
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
                let found = attended(&qkv, [tokens, heads, width], precision);
                let worst = found
                    .iter()
                    .zip(&expected)
                    .map(|(found, expected)| (f64::from(*found) - expected).abs())
                    .fold(0.0, f64::max);
                // Scores of up to 4 √d, off by their rounding, move a weight by as much; values
                // are up to 2.
                let limit = match precision {
                    Precision::F32 | Precision::Bf16x6 => 2e-5,
                    Precision::Bf16x3 => 4e-4,
                    Precision::Bf16 => 6e-2,
                };
                assert!(worst <= limit, "{precision}, {tokens} × {heads} × {width}: {worst}");
            }
        }
    }

    #[test]
    fn each_level_of_instructions_gives_the_same_bits() {
        for sizes in [[1, 1, 1], [5, 3, 7], [17, 2, 16], [31, 1, 33], [50, 2, 64], [197, 1, 64]] {
            let [tokens, heads, width] = sizes;
            let qkv = numbers(tokens * 3 * heads * width, 1);
            let what = format!("{tokens} × {heads} × {width}");
            assert_same_bits(&what, || bits(&attended(&qkv, sizes, Precision::F32)));
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
            let out = attended(&qkv, [tokens, 1, width], precision);
            for row in out.chunks(width) {
                assert_eq!(row, [1.0, 0.0, 0.0, 0.0], "{precision}");
            }
        }
    }

    #[test]
    fn an_image_has_the_same_bits_wherever_it_stands() {
        let (heads, width, images) = (2, 40, 3);
        for tokens in [1, 5, 32, 50] {
            let qkv = numbers(images * tokens * 3 * heads * width, 1);
            for precision in Precision::ALL {
                let together = attended(&qkv, [tokens, heads, width], precision);
                let alone: Vec<f32> = qkv
                    .chunks(tokens * 3 * heads * width)
                    .flat_map(|image| attended(image, [tokens, heads, width], precision))
                    .collect();
                assert!(together == alone, "{precision}, {tokens} tokens");
            }
        }
    }

    #[test]
    fn what_buffers_held_before_does_not_matter() {
        let sizes = [37, 2, 24];
        let qkv = numbers(37 * 3 * 2 * 24, 1);
        for before in Precision::ALL {
            for precision in Precision::ALL {
                let mut buffers = Buffers::default();
                let nothing = vec![f32::NAN; 90 * 3 * 2 * 40];
                attended_in(&mut buffers, &nothing, [90, 2, 40], before);
                attended_in(&mut buffers, &nothing, [90, 2, 40], precision);
                let found = attended_in(&mut buffers, &qkv, sizes, precision);
                assert!(found == attended(&qkv, sizes, precision), "{precision} after {before}");
            }
        }
    }
}
