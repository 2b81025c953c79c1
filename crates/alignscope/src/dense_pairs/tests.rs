use std::convert::Infallible;

use super::*;
use crate::dataset::Pairs;
use crate::distance::{Distance, Pair, ScaleAccumulator};
use crate::pair_statistics::{Activations, PairStatistics};

/// Some of all pairs of so many images, used 1 to 3 times.
fn pairs(images: u32, keep: impl Fn(u32, u32) -> bool) -> Pairs {
    let all = (0..images).flat_map(|a| (0..images).map(move |b| [a, b]));
    // In either order.
    let once = |[a, b]: &[u32; 2]| if (a + b) % 2 == 0 { a < b } else { a > b };
    let images: Vec<_> = all.filter(once).filter(|[a, b]| keep(*a, *b)).collect();
    let uses = (0..images.len() as u32).map(|i| 1 + i % 3).collect();
    Pairs { images, uses, of_trials: vec![], per_trial: 1 }
}

fn values(images: usize, numbers: usize, offset: f32) -> Vec<f32> {
    (0..images * numbers)
        .map(|i| offset + (i as f32 * 0.7).sin() * (i as f32 * 0.11).cos())
        .collect()
}

fn sums(activations: Activations<'_>, pairs: &Pairs, foreign: Option<&Scale>) -> StageSums {
    let graph = PairGraph::new(activations.images(), pairs);
    let products = activations.image_products().into_owned();
    let mut columns = MemoryColumns(activations);
    let found = stage_sums(&graph, &mut columns, &products, foreign, |_| Ok(()));
    found.unwrap_or_else(|never: Infallible| match never {})
}

/// The sums of a pair one after the other, in f64: (a − b)², and each by the scale of its channel.
fn plainly(activations: Activations<'_>, [a, b]: [u32; 2], scale: &[f64]) -> [f64; 2] {
    let [a, b] = [a, b].map(|image| activations.image(image as usize));
    let mut found = [0.0; 2];
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        let square = (f64::from(*a) - f64::from(*b)).powi(2);
        found[0] += square;
        let scale = scale[k % activations.channels()];
        found[1] += if scale > 0.0 { square / scale } else { 0.0 };
    }
    found
}

fn scale(activations: Activations<'_>, pairs: &Pairs) -> Vec<f64> {
    let (channels, mut sums) = (activations.channels(), vec![0.0; activations.channels()]);
    for ([a, b], uses) in pairs.images.iter().zip(&pairs.uses) {
        let of = activations.image(*a as usize).iter().zip(activations.image(*b as usize));
        for (k, (a, b)) in of.enumerate() {
            sums[k % channels] += f64::from(*uses) * (f64::from(*a) - f64::from(*b)).powi(2);
        }
    }
    let uses: u32 = pairs.uses.iter().sum();
    let weight = f64::from(uses) * activations.tokens() as f64;
    sums.into_iter().map(|sum| sum / weight).collect()
}

/// Holds sums against the plain loops: distances within 1e-9, half of that of their squares.
fn check(activations: Activations<'_>, pairs: &Pairs) {
    let found = sums(activations, pairs, None);
    let expected = scale(activations, pairs);
    for (found, expected) in found.scale.values().iter().zip(&expected) {
        assert!((found - expected).abs() <= 1e-9 * expected, "scale {found}, {expected}");
    }
    for (pair, images) in pairs.images.iter().enumerate() {
        let plain = plainly(activations, *images, &expected);
        for (found, expected) in [found.squares[pair], found.scaled[pair]].iter().zip(plain) {
            let off = (found.sqrt() - expected.sqrt()).abs();
            assert!(off <= 1e-9 * expected.sqrt(), "{images:?}: {found}, {expected}");
        }
    }
}

#[test]
fn sums_are_those_of_plain_loops_over_odd_shapes_and_part_of_the_pairs() {
    for (images, tokens, channels) in [(40, 1, 1), (130, 3, 70), (37, 30, 37), (33, 1, 1500)] {
        for offset in [0.0, 3.0] {
            let values = values(images, tokens * channels, offset);
            let activations = Activations::new(&values, images, tokens, channels);
            check(activations, &pairs(images as u32, |_, _| true));
            check(activations, &pairs(images as u32, |a, b| (a * 7 + b * 7) % 3 == 0));
        }
    }
}

#[test]
fn a_large_number_that_all_images_share_takes_nothing_away() {
    let (images, tokens, channels) = (40, 5, 20);
    let mut values = values(images, tokens * channels, 0.0);
    values.chunks_exact_mut(channels).for_each(|token| token[3] += 3e4);
    check(Activations::new(&values, images, tokens, channels), &pairs(40, |_, _| true));
}

#[test]
fn images_that_are_nearly_equal_and_equal_ones_go_one_by_one() {
    let (images, tokens, channels) = (40, 5, 20);
    let numbers = tokens * channels;
    let mut values = values(images, numbers, 1.0);
    for copy in 1..6 {
        values.copy_within(..numbers, copy * numbers);
        // The last two stay equal to the first.
        if copy < 4 {
            values[copy * numbers + 7] += 1e-4 * copy as f32;
        }
    }
    let activations = Activations::new(&values, images, tokens, channels);
    let pairs = pairs(images as u32, |_, _| true);
    check(activations, &pairs);
    let found = sums(activations, &pairs, None);
    let equal = pairs.images.iter().position(|pair| *pair == [5, 0]).expect("an equal pair");
    let pair = found.pair(equal, [5, 0]);
    assert_eq!((pair.mean_square, pair.scaled_mean_square), (0.0, Some(0.0)));
    for distance in [Distance::Cosine, Distance::Correlation] {
        assert_eq!(distance.of_pair(pair), 0.0, "{distance}");
    }
}

#[test]
fn a_channel_that_differs_only_between_images_without_a_pair_has_scale_zero() {
    // Two groups, whose pairs are all within: 0.3 is no number of f32, nor is a mean of these.
    let (images, tokens, channels) = (64, 3, 9);
    let mut values = values(images, tokens * channels, 0.0);
    for (i, token) in values.chunks_exact_mut(channels).enumerate() {
        token[4] = if i / tokens < 30 { 0.3 } else { -1.7 };
        token[5] = 0.1;
    }
    let activations = Activations::new(&values, images, tokens, channels);
    let pairs = pairs(images as u32, |a, b| (a < 30) == (b < 30));
    let found = sums(activations, &pairs, None);
    assert_eq!([found.scale.values()[4], found.scale.values()[5]], [0.0, 0.0]);
    assert_eq!(found.scale.zero_channels(), 2);
    check(activations, &pairs);
}

#[test]
fn all_distances_are_those_of_pairs_one_by_one() {
    let (images, tokens, channels) = (50, 7, 31);
    let values = values(images, tokens * channels, 0.2);
    let activations = Activations::new(&values, images, tokens, channels);
    let pairs = pairs(images as u32, |_, _| true);
    let found = sums(activations, &pairs, None);
    let statistics = PairStatistics::of(activations, &pairs.images);
    let mut scale = ScaleAccumulator::new(channels);
    scale.add(&statistics, &pairs.uses);
    let scale = scale.finish();
    for distance in Distance::ALL {
        for (pair, images) in pairs.images.iter().enumerate() {
            let by_one = distance.of_pair(Pair::new(&statistics, pair, Some(&scale)));
            let by_all = distance.of_pair(found.pair(pair, *images));
            // Squared differences by themselves are rounded to f32.
            assert!(
                (by_one - by_all).abs() <= 6e-8 * by_one.abs(),
                "{distance}: {by_one}, {by_all}"
            );
        }
    }
}

#[test]
fn a_scale_from_elsewhere_takes_the_place_of_the_own_one() {
    let values = values(40, 2 * 3, 0.0);
    let activations = Activations::new(&values, 40, 2, 3);
    let pairs = pairs(40, |_, _| true);
    let foreign = Scale::new(vec![1.0, 0.0, 4.0]);
    let found = sums(activations, &pairs, Some(&foreign));
    assert_eq!(found.scale, sums(activations, &pairs, None).scale);
    for (pair, images) in pairs.images.iter().enumerate() {
        let [_, expected] = plainly(activations, *images, foreign.values());
        assert!((found.scaled[pair] - expected).abs() <= 2e-9 * expected);
    }
}

#[test]
fn threads_change_nothing() {
    let (images, tokens, channels) = (300, 3, 700);
    let values = values(images, tokens * channels, 0.0);
    let activations = Activations::new(&values, images, tokens, channels);
    let pairs = pairs(images as u32, |_, _| true);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| sums(activations, &pairs, None))
    };
    assert_eq!(with(1), with(5));
}

#[test]
fn levels_of_pixels_give_whole_numbers() {
    let images: Vec<Vec<u8>> = (0..40_usize)
        .map(|i| (0..3000).map(|k| (i * 89 + k * 7919 % 251) as u8).collect())
        .collect();
    let seen: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
    let pairs = pairs(40, |_, _| true).images;
    let found = squares_of_levels(&seen, &pairs, |_| Ok::<_, Infallible>(())).expect("never");
    for ([a, b], found) in pairs.iter().zip(found) {
        let of = images[*a as usize].iter().zip(&images[*b as usize]);
        let expected: u64 = of.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
        assert_eq!(found, expected as f64);
    }
}
