//! What an encoder takes of a memory budget beside its images.

use crate::encoder::Encoder;
use crate::image::{PROGRAM_BYTES, READERS};

/// Working memory of a thread's matrix products and of its allocator, beyond the encoder's own.
const THREAD_BYTES: u64 = 4_000_000;

/// Bytes of files that are read ahead, at least and at most.
const AHEAD_BYTES: [u64; 2] = [4_000_000, 64_000_000];

/// Bytes that encoding takes whatever the number of images: the program, the weights, the working
/// memory of each thread, `decoding` bytes for images while they are decoded, and some files that are
/// read ahead. A file of up to `largest_file` bytes is with every thread that reads or decodes.
pub(crate) fn fixed_bytes(encoder: &Encoder, decoding: u64, largest_file: u64) -> u64 {
    let threads = rayon::current_num_threads();
    PROGRAM_BYTES
        + encoder.resident_bytes(threads) as u64
        + threads as u64 * THREAD_BYTES
        + decoding
        + (threads + READERS) as u64 * largest_file
        + AHEAD_BYTES[0]
}

/// Bytes of files to read ahead beyond those of [`fixed_bytes`], of a budget that has `free` bytes
/// left.
pub(crate) fn more_ahead_bytes(free: u64) -> u64 {
    (free / 16).min(AHEAD_BYTES[1] - AHEAD_BYTES[0])
}

/// The limit of files that are read ahead.
pub(crate) fn ahead_limit(more: u64) -> usize {
    usize::try_from(AHEAD_BYTES[0] + more).expect("at most 64 MB")
}
