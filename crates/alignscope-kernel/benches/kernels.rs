//! Each kernel at the sizes of CLIP B/16, three images at a time, on one thread.
//!
//! `cargo bench --bench kernels`; a name after `--` selects, and the environment variable
//! `ALIGNSCOPE_INSTRUCTIONS` takes lower instructions than the best of the processor
//! (`scripts/bench_levels.sh` goes through them all). The limit that each aims at stands in the
//! kernel's own file.

use alignscope_kernel::bench::{self, Reading};
use alignscope_kernel::{Activation, Precision};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

/// Images that a thread takes at a time, and their tokens.
const ROWS: usize = 3 * 197;

fn main() {
    divan::main();
}

/// Operations of a product.
fn operations([rows, inputs, outputs]: [usize; 3]) -> ItemsCount {
    ItemsCount::new(2 * rows * inputs * outputs)
}

/// The precisions that are worth it here.
fn precisions() -> Vec<Precision> {
    Precision::ALL.into_iter().filter(|p| !p.is_slower_than_f32()).collect()
}

#[divan::bench(args = precisions())]
fn query_key_value(bencher: Bencher<'_, '_>, precision: Precision) {
    let sizes = [ROWS, 768, 2304];
    bencher.counter(operations(sizes)).bench_local(bench::to_lhs(precision, None, sizes));
}

#[divan::bench(args = precisions())]
fn mlp_in_with_quick_gelu(bencher: Bencher<'_, '_>, precision: Precision) {
    let sizes = [ROWS, 768, 3072];
    let run = bench::to_lhs(precision, Some(Activation::QuickGelu), sizes);
    bencher.counter(operations(sizes)).bench_local(run);
}

#[divan::bench(args = precisions())]
fn mlp_out(bencher: Bencher<'_, '_>, precision: Precision) {
    let sizes = [ROWS, 3072, 768];
    bencher.counter(operations(sizes)).bench_local(bench::product(precision, sizes));
}

#[divan::bench(args = precisions())]
fn attention(bencher: Bencher<'_, '_>, precision: Precision) {
    let [tokens, heads, width] = [197, 12, 64];
    let run = bench::attention(precision, [tokens, heads, width]);
    let operations = ItemsCount::new(4 * tokens * tokens * heads * width);
    bencher.counter(operations).bench_local(run);
}

#[divan::bench]
fn layer_norm(bencher: Bencher<'_, '_>) {
    let bytes = BytesCount::new(8 * ROWS * 768);
    bencher.counter(bytes).bench_local(bench::norm([ROWS, 768]));
}

#[divan::bench]
fn softmax(bencher: Bencher<'_, '_>) {
    let shape = [197, 197];
    bencher.counter(ItemsCount::new(shape[0] * shape[1])).bench_local(bench::softmax(shape));
}

/// All pairs of 128 vectors, in f64.
#[divan::bench]
fn gram(bencher: Bencher<'_, '_>) {
    let (vectors, count) = (128, 768);
    let operations = ItemsCount::new(2 * vectors * vectors * count);
    bencher.counter(operations).bench_local(bench::gram([vectors, count]));
}

/// Two images of 224 × 224 pixels.
#[divan::bench]
fn pixels(bencher: Bencher<'_, '_>) {
    let count = 3 * 224 * 224;
    bencher.counter(BytesCount::new(2 * count)).bench_local(bench::levels(count));
}

#[divan::bench(args = Activation::ALL)]
fn activation(bencher: Bencher<'_, '_>, activation: Activation) {
    let len = 1 << 14;
    bencher.counter(ItemsCount::new(len)).bench_local(bench::activation(activation, len));
}

/// Images of one stage of B/16, more than the caches hold.
#[divan::bench(args = Reading::ALL)]
fn differences(bencher: Bencher<'_, '_>, reading: Reading) {
    let (images, shape) = (200, [197, 768]);
    let bytes = BytesCount::new(4 * images * shape[0] * shape[1]);
    bencher.counter(bytes).bench_local(bench::images(reading, images, shape));
}

/// To tiles: rows of activations, or of weights and keys, which become columns.
#[divan::bench(args = ["rows", "columns"])]
fn packing(bencher: Bencher<'_, '_>, what: &str) {
    let shape = [ROWS, 768];
    let bytes = BytesCount::new(4 * shape[0] * shape[1]);
    bencher.counter(bytes).bench_local(bench::packing(what == "columns", shape));
}
