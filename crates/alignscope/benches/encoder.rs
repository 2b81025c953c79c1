//! Whole encoders: every stage of a few images, from preprocessed pixels, with random weights.
//!
//! `cargo bench --bench encoder`; a name after `--` selects, such as `-- patch16`.

use alignscope::Precision;
use alignscope::encoder::{Checkpoint, Encoder, encode_stages};
use divan::Bencher;
use divan::counter::ItemsCount;

const MODELS: [&str; 4] = [
    "openai/clip-vit-base-patch32",
    "openai/clip-vit-base-patch16",
    "openai/clip-vit-large-patch14",
    "google/siglip-base-patch16-224",
];

/// Enough that no core waits for another's last images.
const IMAGES: usize = 32;

fn main() {
    divan::main();
}

fn encode(bencher: Bencher<'_, '_>, model: &str, precision: Precision) {
    if precision.is_slower_than_f32() {
        return;
    }
    let mut checkpoint = Checkpoint::untrained(model, 0).expect("a known model");
    checkpoint.precision = precision;
    let encoder = Encoder::load(&checkpoint).expect("drawn");
    let load = |image: usize, pixels: &mut [f32]| {
        let noise = |i: usize| ((i * 7919 + image * 104_729) % 2001) as f32 / 1000.0 - 1.0;
        pixels.iter_mut().enumerate().for_each(|(i, pixel)| *pixel = noise(i));
        Ok::<(), ()>(())
    };
    bencher.counter(ItemsCount::new(IMAGES)).bench_local(|| {
        encode_stages(&encoder, IMAGES, load, |_, _| Ok(()), |_| Ok(())).expect("no error is made");
    });
}

#[divan::bench(args = MODELS, sample_count = 5)]
fn f32(bencher: Bencher<'_, '_>, model: &str) {
    encode(bencher, model, Precision::F32);
}

#[divan::bench(args = MODELS, sample_count = 5)]
fn bf16x6(bencher: Bencher<'_, '_>, model: &str) {
    encode(bencher, model, Precision::Bf16x6);
}

#[divan::bench(args = MODELS, sample_count = 5)]
fn bf16x3(bencher: Bencher<'_, '_>, model: &str) {
    encode(bencher, model, Precision::Bf16x3);
}

#[divan::bench(args = MODELS, sample_count = 5)]
fn bf16(bencher: Bencher<'_, '_>, model: &str) {
    encode(bencher, model, Precision::Bf16);
}
