//! Differences and distances against NumPy and SciPy in f64 (`golden/distance/generate.py`).

use crate::golden::{Tensors, folder};
use alignscope::Distance;
use alignscope::distance::ScaleAccumulator;
use alignscope::pair_statistics::{Activations, InnerProducts, PairStatistics};

/// Relative difference, for values that are not 0 in the reference; else the value itself.
fn off(found: f64, expected: f64) -> f64 {
    if expected == 0.0 { found.abs() } else { (found / expected - 1.0).abs() }
}

#[test]
fn differences_scales_and_distances_are_those_of_numpy() {
    let golden = Tensors::open(&folder("distance").join("cases.safetensors"));
    let mut cases: Vec<String> =
        golden.names().iter().map(|n| n.split('/').next().expect("a case").to_owned()).collect();
    cases.dedup();
    assert_eq!(cases.len(), 11);
    for case in cases {
        let get = |key: &str| golden.doubles(&format!("{case}/{key}")).1;
        let (shape, values) = golden.floats(&format!("{case}/activations"));
        let [images, tokens, channels] = shape[..] else { panic!("three axes") };
        let (_, pairs) = golden.bytes(&format!("{case}/pairs"));
        let pairs: Vec<[u32; 2]> =
            pairs.as_chunks::<2>().0.iter().map(|p| p.map(u32::from)).collect();
        let (_, uses) = golden.bytes(&format!("{case}/uses"));
        let uses: Vec<u32> = uses.into_iter().map(u32::from).collect();

        let activations = Activations::new(&values, images, tokens, channels);
        let differences = PairStatistics::of(activations, &pairs);
        for (pair, expected) in get("msd").chunks(channels).enumerate() {
            for (found, expected) in differences.msd(pair).iter().zip(expected) {
                // Kept in f32: half a unit in the last place is 6e-8.
                assert!(off(f64::from(*found), *expected) <= 6e-8, "{case}: msd of pair {pair}");
            }
        }
        let mut scale = ScaleAccumulator::new(channels);
        scale.add(&differences, &uses);
        let scale = scale.finish();
        for (found, expected) in scale.values().iter().zip(get("scale")) {
            // A mean of numbers that are each 6e-8 off.
            assert!(off(*found, expected) <= 6e-8, "{case}: scale");
        }
        for kind in Distance::ALL {
            let found = kind.of_pairs(&differences, Some(&scale));
            for (pair, (found, expected)) in found.iter().zip(get(kind.name())).enumerate() {
                let error = match kind {
                    // From f64 sums throughout; absolute, since it is a difference from 1.
                    Distance::Cosine => (found - expected).abs() <= 1e-12,
                    // The same of what is left when the mean is taken off, here at the least 1e-4.
                    Distance::Correlation => (found - expected).abs() <= 1e-10,
                    // As for the cosine, in units of the images' lengths.
                    Distance::Dot => {
                        let InnerProducts { a, b, .. } = differences.products(pair);
                        (found - expected).abs() <= 1e-12 * (a.aa * b.aa).sqrt()
                    }
                    // Half of the relative error of a mean of squares, that of the scale included.
                    _ => off(*found, expected) <= 6e-8,
                };
                assert!(error, "{case}: {kind} of pair {pair} is {found}, expected {expected}");
            }
        }
    }
}
