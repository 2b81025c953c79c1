//! What takes memory beside activations.

use crate::encoder::Encoder;
use crate::image::{PROGRAM_BYTES, READERS};

/// Working memory of a thread's matrix products and of its allocator, beyond the encoder's own.
const THREAD_BYTES: u64 = 4_000_000;

/// Bytes of files that are read ahead, at least and at most.
const AHEAD_BYTES: [u64; 2] = [4_000_000, 64_000_000];

/// Bytes that an encoder takes whatever the number of images: its weights and the working memory of each thread.
pub(crate) fn encoder_bytes(encoder: &Encoder) -> u64 {
    let threads = rayon::current_num_threads();
    encoder.resident_bytes(threads) as u64 + threads as u64 * THREAD_BYTES
}

/// Bytes that reading images takes: `decoding` bytes for those that are decoded, and some files that are read ahead. A
/// file of up to `largest_file` bytes is with every thread that reads or decodes.
pub(crate) fn reading_bytes(decoding: u64, largest_file: u64) -> u64 {
    let threads = rayon::current_num_threads();
    decoding + (threads + READERS) as u64 * largest_file + AHEAD_BYTES[0]
}

/// Bytes that encoding takes whatever the number of images: the program, the encoder, and reading images.
pub(crate) fn fixed_bytes(encoder: &Encoder, decoding: u64, largest_file: u64) -> u64 {
    PROGRAM_BYTES + encoder_bytes(encoder) + reading_bytes(decoding, largest_file)
}

/// Bytes of files to read ahead beyond those of [`reading_bytes`], of a budget that has `free` bytes
/// left.
pub(crate) fn more_ahead_bytes(free: u64) -> u64 {
    (free / 16).min(AHEAD_BYTES[1] - AHEAD_BYTES[0])
}

/// The limit of files that are read ahead.
pub(crate) fn ahead_limit(more: u64) -> usize {
    usize::try_from(AHEAD_BYTES[0] + more).expect("at most 64 MB")
}
