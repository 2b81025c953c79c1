//! Files that were changed, at random but from a seed.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// So many files are tried at least, however slow the machine: some can be read, and some not.
#[allow(dead_code, reason = "not every test counts what it could read")]
pub const LEAST: u64 = 100;

/// How long a test tries: two seconds, or `ALIGNSCOPE_FUZZ_SECONDS`.
pub fn seconds() -> Duration {
    let seconds = std::env::var("ALIGNSCOPE_FUZZ_SECONDS").ok();
    Duration::from_secs(seconds.map_or(2, |s| s.parse().expect("a number of seconds")))
}

/// Bytes changed in a few places: flipped, overwritten, cut out, repeated, cut off, or with a
/// piece of another file.
pub fn mutate(bytes: &[u8], other: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..rng.random_range(1..6) {
        if out.is_empty() {
            return out;
        }
        // Headers and pickles stand at the beginning, the rest is numbers.
        let reach = if rng.random_bool(0.8) { out.len().min(4096) } else { out.len() };
        let at = rng.random_range(0..reach);
        let len = rng.random_range(1..=out.len().min(64).min(out.len() - at));
        match rng.random_range(0..7) {
            0 => out[at] ^= 1 << rng.random_range(0..8),
            1 => out[at] = rng.random(),
            2 => out[at..at + len].fill(rng.random()),
            3 => drop(out.drain(at..at + len)),
            4 => {
                let piece = out[at..at + len].to_vec();
                let to = rng.random_range(0..=out.len());
                drop(out.splice(to..to, piece));
            }
            5 => out.truncate(at),
            _ => {
                let from = rng.random_range(0..other.len());
                let piece = &other[from..other.len().min(from + len)];
                drop(out.splice(at..at, piece.iter().copied()));
            }
        }
    }
    out
}
