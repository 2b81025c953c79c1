//! Damaged and hostile checkpoints: whatever the bytes, an error and never a panic, a hang, or
//! more memory than the file is large.
//!
//! Each test tries damaged files for two seconds, or for `ALIGNSCOPE_FUZZ_SECONDS`: golden
//! checkpoints that were changed, and pickles made of opcodes at random. Memory is capped: what
//! asks for more than the cap ends the test.

#[path = "it/golden.rs"]
mod golden;
mod hostile;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alignscope::encoder::{Checkpoint, Encoder};
use alignscope::weights::Weights;
use golden::folder;
use hostile::{LEAST, mutate, seconds};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Far more than any file here needs; a file of a megabyte must not take it.
#[global_allocator]
static MEMORY: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, 1 << 30);

/// Reads all tensors of a file of weights, of a file of several models those of the teacher.
fn read_all(path: &Path) -> usize {
    let teacher = || Weights::open_part(path, Some("teacher"));
    let Ok(weights) = Weights::open_file(path).or_else(|_| teacher()) else { return 0 };
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
    while Instant::now() < end || rounds < LEAST {
        let pick = rng.random_range(0..files.len());
        let other = rng.random_range(0..files.len());
        std::fs::write(&path, mutate(&files[pick], &files[other], &mut rng)).expect("written");
        let begun = Instant::now();
        readable += u64::from(read_all(&path) > 0);
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} of seed {seed} hangs");
        rounds += 1;
    }
    println!("{extension}: {rounds} files, of {readable} something could be read");
    assert!(rounds >= LEAST && readable > 0, "{rounds} files, {readable} readable");
}

#[test]
fn pickles_in_both_containers() {
    let originals = [
        folder("families/chinese_clip/pytorch_model.bin"),
        folder("families/timm_token/open_clip_pytorch_model.bin"),
        folder("families/timm_tiny/open_clip_pytorch_model.bin"),
        folder("pickle/opaque_2.pth"),
        folder("pickle/opaque_4.pth"),
        folder("pickle/opaque_5.pth"),
        folder("pickle/opaque_stream.pth"),
    ];
    assert!(originals.iter().all(|path| read_all(path) > 1));
    fuzz_weights(&originals, "bin", 1);
}

#[test]
fn checkpoints_of_training() {
    let originals =
        ["lightning.ckpt", "ddp.pth", "dino.pth"].map(|name| folder("files").join(name));
    assert!(originals.iter().all(|path| read_all(path) > 10));
    fuzz_weights(&originals, "ckpt", 5);
}

#[test]
fn adapters() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let (end, mut rounds, mut loaded) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let target = place.path().join("model");
        std::fs::create_dir(&target).expect("made");
        for (of, name) in [
            ("families/vit", "config.json"),
            ("families/vit", "preprocessor_config.json"),
            ("families/vit", "model.safetensors"),
            ("files/lora_vit", "adapter_config.json"),
            ("files/lora_vit", "adapter_model.safetensors"),
        ] {
            let mut bytes = std::fs::read(folder(of).join(name)).expect("read");
            if name.starts_with("adapter") && rng.random_bool(0.6) {
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
    println!("adapters: {rounds} folders, {loaded} of them loaded");
    assert!(rounds >= LEAST && loaded > 0, "{rounds} folders, {loaded} loaded");
}

/// A pickle of opcodes that are understood, in an order and with operands that often make sense.
fn random_pickle(rng: &mut ChaCha8Rng) -> Vec<u8> {
    const GLOBALS: [&str; 12] = [
        "collections\ndefaultdict\n",
        "numpy._core.multiarray\nscalar\n",
        "numpy\ndtype\n",
        "_codecs\nencode\n",
        "argparse\nNamespace\n",
        "torch\nComplexFloatStorage\n",
        "collections\nOrderedDict\n",
        "torch._utils\n_rebuild_tensor_v2\n",
        "torch._utils\n_rebuild_parameter\n",
        "torch\nFloatStorage\n",
        "torch\nHalfStorage\n",
        "os\nsystem\n",
    ];
    let small = |rng: &mut ChaCha8Rng| rng.random_range(0..6_u8);
    let mut out = vec![0x80, 2];
    for _ in 0..rng.random_range(1..60) {
        match rng.random_range(0..26) {
            0 => out.push(b'('),
            1 => out.push(b")]}N"[usize::from(small(rng)) % 4]),
            2 => out.extend([b'K', rng.random()]),
            3 => out.extend([b'M', rng.random(), rng.random()]),
            4 => {
                out.push(b'J');
                out.extend(rng.random::<[u8; 4]>());
            }
            5 => {
                // Large numbers, of eight bytes.
                out.extend([0x8a, 8]);
                out.extend(rng.random::<[u8; 8]>());
            }
            6 => {
                let text = ["storage", "teacher", "model", "state_dict", "a.weight", "student"]
                    [usize::from(small(rng))];
                out.extend([b'X', text.len() as u8, 0, 0, 0]);
                out.extend(text.bytes());
            }
            7 => out.extend([b'q', small(rng)]),
            8 | 9 => out.extend([b'h', small(rng)]),
            10 => {
                out.push(b'c');
                out.extend(GLOBALS[rng.random_range(0..GLOBALS.len())].bytes());
            }
            11 => out.push(0x85 + small(rng) % 3),
            12 => out.push(b't'),
            13 => out.push(b'Q'),
            14 => out.push(b'R'),
            15 => out.push(b"sbuae"[usize::from(small(rng)) % 5]),
            // A storage, as it is written, of some length.
            16 => {
                out.extend(*b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0");
                out.push(b'0' + small(rng) % 3);
                out.extend(*b"X\x03\0\0\0cpuJ");
                let len: u32 = if rng.random_bool(0.5) { small(rng).into() } else { rng.random() };
                out.extend(len.to_le_bytes());
                out.extend(*b"tQ");
            }
            // A tensor of what is on the stack: offset, shape, strides.
            17 => {
                out.extend([b'K', small(rng), b'K', small(rng), b'K', small(rng), 0x86]);
                out.extend([b'K', small(rng), b'K', small(rng), 0x86]);
                out.extend(*b"\x89}");
                out.extend(*b"tR");
            }
            // The same opcode very often.
            18 => {
                let opcode = b")]}N(\x85"[usize::from(small(rng))];
                out.extend(std::iter::repeat_n(opcode, rng.random_range(1..100_000)));
            }
            // Objects, sets, and values thrown away or doubled.
            19 => out.push(
                [0x81, 0x92, 0x8f, 0x90, 0x91, b'0', b'1', b'2', 0x94, 0x93]
                    [rng.random_range(0..10)],
            ),
            // Bytes, some of them longer than what is there.
            20 => {
                let len: u8 = if rng.random_bool(0.8) { small(rng) } else { rng.random() };
                out.extend(match small(rng) % 3 {
                    0 => vec![b'C', len],
                    1 => vec![b'B', len, 0, 0, if rng.random_bool(0.1) { 0x7f } else { 0 }],
                    _ => {
                        let high = if rng.random_bool(0.1) { 0xff } else { 0 };
                        vec![[0x8e, 0x96, 0x8d][usize::from(len) % 3], len, 0, 0, 0, 0, 0, 0, high]
                    }
                });
                out.extend(std::iter::repeat_n(b'a', usize::from(len)));
            }
            // Numbers as text.
            21 => {
                out.extend(*[b"I01\n", b"L7L\n", b"F.5\n", b"Ix\n\n"][usize::from(small(rng)) % 4])
            }
            // What NumPy writes for a scalar.
            22 => {
                out.extend(*b"cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\0\0\0f8\x89");
                out.extend(*b"\x88\x87R(K\x03X\x01\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff");
                out.extend(*b"K\0tbC\x08\0\0\0\0\0\0\x08@\x86R");
            }
            // An entry of a dictionary.
            23 => out.extend(*b"X\x01\0\0\0wK\x01s"),
            _ => out.push(b'.'),
        }
    }
    out.push(b'.');
    out
}

#[test]
fn pickles_of_random_opcodes() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("weights.bin");
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let (end, mut rounds) = (Instant::now() + seconds(), 0_u64);
    while Instant::now() < end || rounds < LEAST {
        std::fs::write(&path, stream(&random_pickle(&mut rng), &mut rng)).expect("written");
        let begun = Instant::now();
        read_all(&path);
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} hangs");
        rounds += 1;
    }
    println!("opcodes: {rounds} files");
    assert!(rounds >= LEAST, "{rounds} files");
}

/// The older stream about a pickle: magic, version, machine, the pickle, the storages' keys, and
/// some numbers.
fn stream(pickle: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = vec![0x80, 2, 0x8a, 10];
    bytes.extend([0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.']);
    bytes.extend(*b"\x80\x02M\xe9\x03.");
    bytes.extend(*b"\x80\x02}.");
    bytes.extend(pickle);
    bytes.extend(*b"\x80\x02](X\x01\0\0\x000X\x01\0\0\x001e.");
    bytes.extend(std::iter::repeat_n(rng.random_range(0..3), 64));
    bytes
}

fn refused(pickle: &[u8]) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("evil.bin");
    std::fs::write(&path, stream(pickle, &mut rng)).expect("written");
    Weights::open_file(&path).expect_err("refused").to_string()
}

#[test]
fn a_tuple_nested_a_million_deep_does_not_end_the_program() {
    let mut pickle = vec![0x80, 2, b')'];
    pickle.extend(std::iter::repeat_n(0x85, 1_000_000));
    // Left on the stack, below the dictionary that is the result.
    pickle.extend(*b"}.");
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("deep.bin");
    std::fs::write(&path, stream(&pickle, &mut rng)).expect("written");
    drop(Weights::open_file(&path));
}

#[test]
fn copies_of_what_was_kept_are_counted() {
    // A list of 1,000 pairs, kept; then an OrderedDict of it, ten thousand times.
    let mut pickle = b"\x80\x02]q\x00(".to_vec();
    pickle.extend(std::iter::repeat_n(*b"NN\x86", 1000).flatten());
    pickle.push(b'e');
    pickle.extend(std::iter::repeat_n(*b"ccollections\nOrderedDict\nh\x00\x85R", 10_000).flatten());
    pickle.push(b'.');
    let error = refused(&pickle);
    assert!(error.contains("more values than any checkpoint has"), "{error}");
}

#[test]
fn dictionaries_that_hold_themselves_or_each_other_end() {
    let key = |name: &str| [&[b'X', name.len() as u8, 0, 0, 0], name.as_bytes()].concat();
    // {"model": itself, "teacher": itself, "state_dict": itself}
    let mut pickle = b"\x80\x02}q\x00".to_vec();
    for name in ["model", "teacher", "state_dict", "ema"] {
        pickle.extend([key(name), b"h\x00s".to_vec()].concat());
    }
    pickle.push(b'.');
    assert!(refused(&pickle).contains("no tensors are in it by name"), "{}", refused(&pickle));
    // Each holds the one before under every key, forty deep.
    let mut pickle = b"\x80\x02}q\x00".to_vec();
    for i in 1..40_u8 {
        pickle.push(b'}');
        for name in ["model", "teacher", "student", "state_dict", "ema", "net"] {
            pickle.extend([key(name), vec![b'h', i - 1, b's']].concat());
        }
        pickle.extend([b'q', i]);
    }
    pickle.push(b'.');
    let begun = Instant::now();
    refused(&pickle);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_storage_that_is_said_to_have_two_lengths_is_refused() {
    let tensor = |name: &[u8], len: &[u8]| {
        let mut out = b"X\x01\0\0\0".to_vec();
        out.extend(name);
        out.extend(*b"ctorch._utils\n_rebuild_tensor_v2\n(");
        out.extend(*b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu");
        out.extend(len);
        out.extend(*b"tQK\x00K\x02\x85K\x01\x85\x89}tR");
        out
    };
    let mut pickle = b"\x80\x02}(".to_vec();
    pickle.extend(tensor(b"a", b"J\xff\xff\xff\x7f"));
    pickle.extend(tensor(b"b", b"K\x02"));
    pickle.extend(*b"u.");
    assert!(refused(&pickle).contains("a storage with another length"), "{}", refused(&pickle));
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
    let cases = [
        "clip/base",
        "families/siglip",
        "families/open_clip",
        "families/timm_token",
        "families/coca",
        "families/trunk_siglip",
        "families/trunk_resnet_rot",
        "families/timm_resnext",
    ];
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (end, mut rounds, mut loaded) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
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
    assert!(rounds >= LEAST && loaded > 0, "{rounds} folders, {loaded} loaded");
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

#[test]
fn a_million_names_take_neither_memory_nor_time() {
    // Two texts of a megabyte as module and name, a million times; then a million different names.
    let long = vec![b'a'; 1 << 20];
    let mut pickle = b"\x80\x04X\0\0\x10\0".to_vec();
    pickle.extend(&long);
    pickle.extend(*b"q\0");
    pickle.extend(std::iter::repeat_n(*b"h\0h\0\x93", 500_000).flatten());
    pickle.push(b'.');
    let begun = Instant::now();
    assert!(refused(&pickle).contains("aaaa.aaaa"), "{}", refused(&pickle));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let mut pickle = vec![0x80, 4];
    for i in 0..1_000_000 {
        pickle.extend(format!("cm\n{i}\n").bytes());
    }
    pickle.push(b'.');
    assert!(refused(&pickle).contains("more names than any checkpoint has"));
}
