//! Every kernel at each level of instructions that there is here, and on every processor: the same
//! bits.

use crate::activation::Activation;
use crate::attention::{Attention, AttentionScratch};
use crate::depthwise::{Depthwise, depthwise};
use crate::difference::{image_sums, mean_squares, reduce_pair};
use crate::instructions::tests::{assert_same_bits, bits, bits_of_f64};
use crate::layer_norm::{Norm, layer_norm};
use crate::lhs::Lhs;
use crate::matmul::{Matrix, MatrixMut, matmul};
use crate::packed_gemm::{Output, PackedWeights};
use crate::precision::Precision;
use crate::rms_norm::rms_norm;
use crate::separable_filter::filter_valid;
use crate::softmax::softmax_rows;
use crate::squared_distance::squared_distance;
use crate::ssim::{Windows, add_similarity, multiply};

/// Numbers of many sizes, from −8 to 8, whose sums round.
fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next() * [0.125, 0.5, 1.0, 8.0][(next() * 2.0 + 2.0) as usize]).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value) * 1.1).collect()
}

/// What is done with a kernel: its name, and what runs it.
type Hold<'a> = &'a mut dyn FnMut(&str, &mut dyn FnMut() -> Vec<u32>);

const LENGTHS: [usize; 8] = [1, 7, 16, 31, 33, 64, 197, 768];

fn activations(hold: Hold<'_>) {
    for activation in Activation::ALL {
        for len in LENGTHS {
            hold(&format!("{activation} of {len}"), &mut || {
                let mut values = numbers(len, 1);
                activation.apply(&mut values);
                bits(&values)
            });
        }
    }
}

fn norms(hold: Hold<'_>) {
    for channels in LENGTHS {
        let [x, weight, bias] = [1, 2, 3].map(|seed| numbers(channels, seed));
        hold(&format!("layer norm of {channels}"), &mut || {
            let mut out = vec![0.0; channels];
            layer_norm(&x, Norm { weight: &weight, bias: &bias, eps: 1e-5 }, &mut out);
            bits(&out)
        });
        hold(&format!("root mean square norm of {channels}"), &mut || {
            let mut out = vec![0.0; channels];
            rms_norm(&x, &weight, 1e-6, &mut out);
            bits(&out)
        });
    }
}

fn softmax(hold: Hold<'_>) {
    for width in LENGTHS {
        hold(&format!("softmax of {width}"), &mut || {
            let mut values = numbers(3 * width, 1);
            softmax_rows(&mut values, width);
            bits(&values)
        });
    }
}

fn distances_and_sums_of_images(hold: Hold<'_>) {
    for channels in LENGTHS {
        for tokens in [1, 4, 7] {
            let [a, b] = [1, 2].map(|seed| numbers(tokens * channels, seed));
            hold(&format!("a pair of [{tokens}, {channels}]"), &mut || {
                let (mut msd, mut means) = (vec![0.0; channels], vec![0.0; channels]);
                let product = reduce_pair(&a, &b, &mut msd);
                mean_squares(&a, &mut means);
                let sums = image_sums(&a, channels);
                let sums = [product, sums.squares, sums.numbers, squared_distance(&a, &b)];
                [bits(&msd), bits(&means), bits_of_f64(&sums)].concat()
            });
        }
    }
}

fn convolutions_of_single_channels(hold: Hold<'_>) {
    for (height, width, channels) in [(2, 9, 33), (8, 5, 64), (9, 9, 40)] {
        for kernel in [1, 3, 7] {
            let map = numbers(height * width * channels, 1);
            let [weights, bias] = [kernel * kernel * channels, channels].map(|n| numbers(n, 2));
            let of = Depthwise { weights: &weights, bias: &bias, kernel };
            hold(&format!("{kernel} × {kernel} of {channels} channels"), &mut || {
                let mut out = vec![0.0; map.len()];
                depthwise(of, &map, width, &mut out);
                bits(&out)
            });
        }
    }
}

fn windows_of_images(hold: Hold<'_>) {
    let taps = wide(&numbers(11, 3));
    for (width, height) in [(11, 11), (40, 17), (75, 33)] {
        let plane = wide(&numbers(width * height, 1));
        hold(&format!("a filter of {width} × {height}"), &mut || {
            let mut out = Vec::new();
            filter_valid(&plane, width, &taps, &mut out);
            bits_of_f64(&out)
        });
    }
    for count in LENGTHS {
        let [a, b, va, vb] = [1, 2, 3, 4].map(|seed| numbers(count, seed));
        let [mean_a, mean_b] = [&a, &b].map(|values| wide(values));
        hold(&format!("similarity of {count} windows"), &mut || {
            let mut product = vec![0.0; count];
            multiply(&a, &b, &mut product);
            let windows = Windows {
                mean_a: &mean_a,
                mean_b: &mean_b,
                variance_a: &va,
                variance_b: &vb,
                product: &product,
            };
            let mut sums = [0.0; 2];
            add_similarity(windows, 6.5, 58.5, &mut sums);
            [bits_of_f64(&product), bits_of_f64(&sums)].concat()
        });
    }
}

/// A left side with these rows.
fn lhs(weights: &PackedWeights, rows: usize, inputs: usize) -> Lhs {
    let mut lhs = Lhs::default();
    weights.shape(&mut lhs, rows);
    for (row, x) in numbers(rows * inputs, 1).chunks_exact(inputs).enumerate() {
        lhs.set_row(row, x);
    }
    lhs
}

/// The numbers of a left side in f32.
fn read(lhs: &Lhs) -> Vec<u32> {
    let (values, stride) = lhs.as_rows();
    let rows = values.chunks(stride).take(lhs.rows());
    rows.flat_map(|row| bits(&row[..lhs.inputs()])).collect()
}

fn products(hold: Hold<'_>) {
    for (inputs, outputs) in [(1, 1), (33, 33), (64, 100), (129, 5), (768, 65), (1600, 3)] {
        for rows in [1, 4, 6, 7, 14, 29] {
            let weights = PackedWeights::new(numbers(inputs * outputs, 2), inputs, Precision::F32);
            let (x, bias) = (lhs(&weights, rows, inputs), numbers(outputs, 3));
            let what = format!("{rows} rows, {inputs} inputs, {outputs} outputs");
            hold(&what, &mut || {
                let mut out = numbers(rows * outputs, 4);
                weights.apply(&x, Some(&bias), Output::Add(&mut out));
                let mut activated = Lhs::default();
                let output = Output::Lhs(Some(Activation::Gelu), &mut activated);
                weights.apply(&x, Some(&bias), output);
                [bits(&out), read(&activated)].concat()
            });

            let [a, b] = [rows * inputs, inputs * outputs].map(|len| numbers(len, 5));
            hold(&format!("as they lie, {what}"), &mut || {
                let mut out = numbers(rows * outputs, 6);
                let [left, right] = [
                    Matrix::rows(&a, rows, inputs, inputs),
                    Matrix::rows(&b, outputs, inputs, inputs).transposed(),
                ];
                let to = MatrixMut::rows(&mut out, rows, outputs, outputs);
                matmul(to, left, right, 0.3, true);
                let (a, b) = (wide(&a), wide(&b));
                let mut out_wide = vec![0.0; rows * outputs];
                let [left, right] = [
                    Matrix::rows(&a, inputs, rows, rows).transposed(),
                    Matrix::rows(&b, inputs, outputs, outputs),
                ];
                let to = MatrixMut::rows(&mut out_wide, rows, outputs, outputs);
                matmul(to, left, right, 0.3, false);
                [bits(&out), bits_of_f64(&out_wide)].concat()
            });
        }
    }
}

fn attention(hold: Hold<'_>) {
    for (tokens, heads, width) in [(1, 1, 1), (5, 3, 7), (17, 2, 16), (50, 2, 64), (197, 1, 72)] {
        let channels = heads * width;
        let weights = |inputs| PackedWeights::new(numbers(inputs, 2), inputs, Precision::F32);
        let qkv = lhs(&weights(3 * channels), tokens, 3 * channels);
        hold(&format!("attention, {tokens} × {heads} × {width}"), &mut || {
            let mut out = Lhs::default();
            weights(channels).shape(&mut out, tokens);
            let attention = Attention { qkv: &qkv, first_row: 0, tokens, heads, width };
            attention.apply(&mut out, &mut AttentionScratch::default());
            read(&out)
        });
    }
}

/// All of them.
const KERNELS: [fn(Hold<'_>); 8] = [
    activations,
    norms,
    softmax,
    distances_and_sums_of_images,
    convolutions_of_single_channels,
    windows_of_images,
    products,
    attention,
];

#[test]
fn each_level_gives_the_same_bits() {
    for kernel in KERNELS {
        kernel(&mut |what, run| assert_same_bits(what, run));
    }
}

/// A change of these is a change of results: `cache::NUMERICS` of the library is raised with it.
#[test]
fn each_processor_gives_these_bits() {
    const EXPECTED: [u64; KERNELS.len()] = [
        7_908_459_746_478_976_297,
        15_834_659_707_471_704_358,
        14_401_117_932_217_523_822,
        17_072_307_468_116_838_361,
        7_772_323_546_562_759_776,
        3_684_117_010_323_674_851,
        11_702_146_588_188_916_782,
        16_459_820_643_541_256_691,
    ];
    let found = KERNELS.map(|kernel| {
        // FNV-1a.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        kernel(&mut |_, run| {
            for byte in run().into_iter().flat_map(u32::to_le_bytes) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        });
        hash
    });
    assert_eq!(found, EXPECTED);
}
