//! Damaged and hostile checkpoints: whatever the bytes, an error and never a panic, a hang, or
//! more memory than the file is large.
//!
//! Each test mutates the golden checkpoints for two seconds, or for `ALIGNSCOPE_FUZZ_SECONDS`.

mod golden;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alignscope::encoder::{Checkpoint, Encoder};
use alignscope::weights::Weights;
use golden::folder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn seconds() -> Duration {
    let seconds = std::env::var("ALIGNSCOPE_FUZZ_SECONDS").ok();
    Duration::from_secs(seconds.map_or(2, |s| s.parse().expect("a number of seconds")))
}

/// Bytes changed in a few places: flipped, overwritten, cut out, repeated, cut off, or with a
/// piece of another file.
fn mutate(bytes: &[u8], other: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
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

/// Reads all tensors of a file of weights.
fn read_all(path: &Path) -> usize {
    let Ok(weights) = Weights::open_file(path) else { return 0 };
    let init = alignscope::weights::Init::Zeros;
    let shape = |name: &String| weights.shape(name).expect("a name of the file").to_vec();
    weights.names().iter().filter(|name| weights.tensor(name, &shape(name), init).is_ok()).count()
}

/// Mutates files for a while and counts those of which something could still be read.
fn fuzz_weights(originals: &[PathBuf], extension: &str, seed: u64) {
    let files: Vec<Vec<u8>> =
        originals.iter().map(|path| std::fs::read(path).expect("a golden file")).collect();
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join(format!("weights.{extension}"));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (end, mut rounds, mut readable) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end {
        let pick = rng.random_range(0..files.len());
        let other = rng.random_range(0..files.len());
        std::fs::write(&path, mutate(&files[pick], &files[other], &mut rng)).expect("written");
        let begun = Instant::now();
        readable += u64::from(read_all(&path) > 0);
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} of seed {seed} hangs");
        rounds += 1;
    }
    println!("{extension}: {rounds} files, of {readable} something could be read");
    assert!(rounds > 20 && readable > 0, "{rounds} files, {readable} readable");
}

#[test]
fn pickles_in_both_containers() {
    let originals = [
        folder("families/chinese_clip/pytorch_model.bin"),
        folder("families/timm_token/open_clip_pytorch_model.bin"),
        folder("families/timm_tiny/open_clip_pytorch_model.bin"),
    ];
    assert!(originals.iter().all(|path| read_all(path) > 10));
    fuzz_weights(&originals, "bin", 1);
}

#[test]
fn safetensors() {
    let originals =
        [folder("clip/half/model.safetensors"), folder("families/siglip/model.safetensors")];
    assert!(originals.iter().all(|path| read_all(path) > 10));
    fuzz_weights(&originals, "safetensors", 2);
}

#[test]
fn configurations() {
    let cases = ["clip/base", "families/siglip", "families/open_clip", "families/timm_token"];
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (end, mut rounds, mut loaded) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end {
        let case = folder(cases[rng.random_range(0..cases.len())]);
        let target = place.path().join("model");
        std::fs::create_dir(&target).expect("made");
        for entry in std::fs::read_dir(&case).expect("a golden checkpoint") {
            let entry = entry.expect("an entry");
            let mut bytes = std::fs::read(entry.path()).expect("read");
            let name = entry.file_name();
            if name.to_str().is_some_and(|n| n.ends_with(".json")) && rng.random_bool(0.7) {
                bytes = mutate(&bytes, &bytes.clone(), &mut rng);
            }
            std::fs::write(target.join(name), bytes).expect("written");
        }
        let begun = Instant::now();
        let encoder = Checkpoint::open(&target).and_then(|c| Encoder::load(&c));
        loaded += u64::from(encoder.is_ok());
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} hangs");
        std::fs::remove_dir_all(&target).expect("removed");
        rounds += 1;
    }
    println!("configurations: {rounds} folders, {loaded} of them loaded");
    assert!(rounds > 20 && loaded > 0, "{rounds} folders, {loaded} loaded");
}

#[test]
fn a_pickle_that_runs_code_is_refused_with_its_name_and_place() {
    // What `pickle.dumps` makes of a class whose `__reduce__` calls `os.system`, in the older
    // stream: magic, version and machine, then the call.
    let mut bytes = vec![0x80, 2, 0x8a, 10];
    bytes.extend([0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.']);
    bytes.extend(*b"\x80\x02M\xe9\x03.");
    bytes.extend(*b"\x80\x02}.");
    bytes.extend(*b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.");
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("evil.bin");
    std::fs::write(&path, bytes).expect("written");
    let error = Weights::open_file(&path).expect_err("refused").to_string();
    assert!(error.contains("evil.bin") && error.contains("`os.system` at byte 2"), "{error}");
}
