//! Every kernel at each level of instructions that there is here: the same bits.
//!
//! Products and attention, whose code differs between levels, are held to one another in their own
//! files.

use crate::activation::Activation;
use crate::depthwise::{Depthwise, depthwise};
use crate::difference::{image_sums, mean_squares, reduce_pair};
use crate::instructions::tests::{assert_same_bits, bits, bits_of_f64};
use crate::layer_norm::{Norm, layer_norm};
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
    (0..len).map(|_| next() * 8.0_f32.powf(next())).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value) * 1.1).collect()
}

const LENGTHS: [usize; 8] = [1, 7, 16, 31, 33, 64, 197, 768];

#[test]
fn activations() {
    for activation in Activation::ALL {
        for len in LENGTHS {
            assert_same_bits(&format!("{activation} of {len}"), || {
                let mut values = numbers(len, 1);
                activation.apply(&mut values);
                bits(&values)
            });
        }
    }
}

#[test]
fn norms() {
    for channels in LENGTHS {
        let [x, weight, bias] = [1, 2, 3].map(|seed| numbers(channels, seed));
        assert_same_bits(&format!("layer norm of {channels}"), || {
            let mut out = vec![0.0; channels];
            layer_norm(&x, Norm { weight: &weight, bias: &bias, eps: 1e-5 }, &mut out);
            bits(&out)
        });
        assert_same_bits(&format!("root mean square norm of {channels}"), || {
            let mut out = vec![0.0; channels];
            rms_norm(&x, &weight, 1e-6, &mut out);
            bits(&out)
        });
    }
}

#[test]
fn softmax() {
    for width in LENGTHS {
        assert_same_bits(&format!("softmax of {width}"), || {
            let mut values = numbers(3 * width, 1);
            softmax_rows(&mut values, width);
            bits(&values)
        });
    }
}

#[test]
fn distances_and_sums_of_images() {
    for channels in LENGTHS {
        for tokens in [1, 4, 7] {
            let [a, b] = [1, 2].map(|seed| numbers(tokens * channels, seed));
            assert_same_bits(&format!("a pair of [{tokens}, {channels}]"), || {
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

#[test]
fn convolutions_of_single_channels() {
    for (height, width, channels) in [(2, 9, 33), (8, 5, 64), (9, 9, 40)] {
        for kernel in [1, 3, 7] {
            let map = numbers(height * width * channels, 1);
            let [weights, bias] = [kernel * kernel * channels, channels].map(|n| numbers(n, 2));
            let of = Depthwise { weights: &weights, bias: &bias, kernel };
            assert_same_bits(&format!("{kernel} × {kernel} of {channels} channels"), || {
                let mut out = vec![0.0; map.len()];
                depthwise(of, &map, width, &mut out);
                bits(&out)
            });
        }
    }
}

#[test]
fn windows_of_images() {
    let taps = wide(&numbers(11, 3));
    for (width, height) in [(11, 11), (40, 17), (75, 33)] {
        let plane = wide(&numbers(width * height, 1));
        assert_same_bits(&format!("a filter of {width} × {height}"), || {
            let mut out = Vec::new();
            filter_valid(&plane, width, &taps, &mut out);
            bits_of_f64(&out)
        });
    }
    for count in LENGTHS {
        let [a, b, va, vb] = [1, 2, 3, 4].map(|seed| numbers(count, seed));
        let [mean_a, mean_b] = [&a, &b].map(|values| wide(values));
        assert_same_bits(&format!("similarity of {count} windows"), || {
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
