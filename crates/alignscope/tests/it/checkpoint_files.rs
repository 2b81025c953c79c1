//! The files of a checkpoint: what is hashed is what is read, what is damaged or something else is
//! told, and names are the model's own.

use crate::golden;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alignscope::cache::CacheFolder;
use alignscope::demo;
use alignscope::encoder::{Checkpoint, Encoder, EncoderError};
use alignscope::results::OutputFolder;
use alignscope::weights::{Init, Weights, WeightsError};
use alignscope::{
    ContentHash, DatasetFormat, DatasetOptions, DatasetSpec, Experiment, LoadedMetric,
    MetricFolders, MetricKind, ModelSpec, Progress, Resampling,
};

/// A temporary folder and a path in it.
fn place(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    (folder, path)
}

/// A safetensors file of f32, in order.
fn safetensors(tensors: &[(&str, &[f32])]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, values) in tensors {
        let start = data.len();
        data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        let about = serde_json::json!({
            "dtype": "F32", "shape": [values.len()], "data_offsets": [start, data.len()],
        });
        header.insert((*name).to_owned(), about);
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(data);
    bytes
}

fn opened(path: &Path) -> Result<Weights, String> {
    Weights::open_file(path).map_err(|error| with_causes(&error))
}

/// An error and its causes in a line.
fn with_causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_causes(source)),
        None => error.to_string(),
    }
}

fn tensor(weights: &Weights, name: &str, len: usize) -> Result<Vec<f32>, WeightsError> {
    weights.tensor(name, &[len], Init::Zeros)
}

/// A copy of a golden checkpoint.
fn checkpoint(name: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for entry in fs::read_dir(golden::folder(name)).expect("a golden checkpoint") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
    }
    copy
}

/// What opening and loading a checkpoint says.
fn said(folder: &Path) -> String {
    match Checkpoint::open(folder).and_then(|c| Encoder::load(&c)) {
        Ok(_) => "loaded".to_owned(),
        Err(error) => with_causes(&error),
    }
}

// ---- what is hashed is what is read

/// Puts `bytes` at `path`: over the file that is there, an entry at a time, or in its place.
fn put(path: &Path, bytes: &[u8], how: usize) {
    match how % 3 {
        0 => {
            use std::io::Write;
            let mut file = fs::File::options().write(true).open(path).expect("opened");
            bytes.chunks(100_000).for_each(|entry| file.write_all(entry).expect("written"));
        }
        1 => fs::write(path, bytes).expect("written"),
        _ => {
            let new = path.with_extension("new");
            fs::write(&new, bytes).expect("written");
            fs::rename(&new, path).expect("renamed");
        }
    }
}

/// Calls `read` while a thread puts two contents at `path` by turns; says how often it was `Some`.
fn while_it_changes(path: &Path, contents: [&[u8]; 2], mut read: impl FnMut() -> bool) -> usize {
    fs::write(path, contents[0]).expect("written");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0;
            while !stop.load(Ordering::Relaxed) {
                put(path, contents[turn % 2], turn / 2);
                turn += 1;
                std::thread::sleep(Duration::from_micros(turn as u64 * 7919 % 20_000));
            }
        });
        let begun = Instant::now();
        let (mut times, mut good) = (0, 0);
        while times < 150 || (good < 20 && begun.elapsed() < Duration::from_secs(30)) {
            good += usize::from(read());
            times += 1;
        }
        stop.store(true, Ordering::Relaxed);
        println!("{good} of {times} reads gave numbers");
        good
    })
}

#[test]
fn the_hash_of_a_file_that_changes_is_that_of_the_numbers_read() {
    let (_folder, path) = place("model.safetensors");
    let numbers = 300_000;
    let content =
        |value: f32| safetensors(&[("early", &[value; 9]), ("late", &vec![value; numbers])]);
    let (one, two) = (content(1.0), content(2.0));
    let data = one.len() - 4 * (numbers + 9);
    let good = while_it_changes(&path, [&one, &two], || {
        let Ok(weights) = Weights::open_file(&path) else { return false };
        let (early, late) = (tensor(&weights, "early", 9), tensor(&weights, "late", numbers));
        let (Ok(early), Ok(late)) = (early, late) else { return false };
        let mut read = one[..data].to_vec();
        read.extend(early.iter().chain(&late).flat_map(|v| v.to_le_bytes()));
        assert_eq!(weights.files()[0].sha256, ContentHash::of(&read).to_string());
        true
    });
    assert!(good > 0, "no read was whole");
}

#[test]
fn the_hash_of_an_archive_or_a_stream_that_changes_is_that_of_the_numbers_read() {
    let (_folder, path) = place("pytorch_model.bin");
    for container in [archive_of, stream_of] {
        let numbers = 100_000;
        let contents = [1.0_f32, 2.0].map(|value| container(&vec![value; numbers]));
        let hashes = contents.each_ref().map(|bytes| ContentHash::of(bytes).to_string());
        let good = while_it_changes(&path, contents.each_ref().map(Vec::as_slice), || {
            let Ok(weights) = Weights::open_file(&path) else { return false };
            let Ok(values) = tensor(&weights, "a", numbers) else { return false };
            let expected = hashes.iter().position(|hash| *hash == weights.files()[0].sha256);
            let Some(expected) = expected else { return false };
            assert!(values.iter().all(|value| *value == [1.0, 2.0][expected]));
            true
        });
        assert!(good > 0, "no read was whole");
    }
}

#[test]
fn the_hashes_of_a_checkpoint_that_changes_are_those_of_what_was_read() {
    let folder = checkpoint("clip/base");
    let config = folder.path().join("config.json");
    let first = fs::read_to_string(&config).expect("read");
    let second = first.replace("\"quick_gelu\"", "\"gelu\"      ");
    assert_ne!(first, second);
    let activations = ["quick_gelu", "gelu"];
    let hashes = [&first, &second].map(|text| ContentHash::of(text.as_bytes()).to_string());
    let good = while_it_changes(&config, [first.as_bytes(), second.as_bytes()], || {
        let Ok(checkpoint) = Checkpoint::open(folder.path()) else { return false };
        let found = &checkpoint.files[0];
        assert_eq!(found.path, config);
        let Some(read) = hashes.iter().position(|hash| *hash == found.sha256) else { return false };
        assert_eq!(checkpoint.architecture.activation.to_string(), activations[read]);
        true
    });
    assert!(good > 0, "no read was whole");
}

#[test]
fn weights_that_change_after_they_were_opened_are_an_error_and_a_new_file_of_the_name_is_not_read()
{
    let folder = checkpoint("clip/base");
    let path = folder.path().join("model.safetensors");
    let before = fs::read(&path).expect("read");
    let opened = || Checkpoint::open(folder.path()).expect("opened");
    let mut after = before.clone();
    let last = after.len() - 3;
    after[last] ^= 1;

    let checkpoint = opened();
    put(&path, &after, 0);
    let error = with_causes(&Encoder::load(&checkpoint).expect_err("changed"));
    assert!(error.contains("changed while it was read"), "{error}");

    put(&path, &before, 0);
    let checkpoint = opened();
    put(&path, &after, 2);
    Encoder::load(&checkpoint).expect("the file that was opened");
    let hash = ContentHash::of(&before).to_string();
    assert!(checkpoint.files.iter().any(|file| file.sha256 == hash), "{:?}", checkpoint.files);
}

/// Puts a file at a path when a run begins to read weights.
struct PutWhenRead<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    how: usize,
}

impl Progress for PutWhenRead<'_> {
    fn begin(&self, task: &str, _steps: u64) {
        if task.ends_with(": weights") {
            put(self.path, self.bytes, self.how);
        }
    }

    fn advance(&self, _steps: u64) {}

    fn end(&self) {}

    fn note(&self, _message: &str) {}
}

#[test]
fn a_run_keeps_no_numbers_of_one_file_under_the_hash_of_another() {
    let folder = checkpoint("clip/base");
    let path = folder.path().join("model.safetensors");
    let first = fs::read(&path).expect("read");
    let mut second = first.clone();
    // Another sign in some number of the last tensor.
    let last = second.len() - 1;
    second[last] ^= 0x80;
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let options = DatasetOptions::default();
    let datasets = vec![DatasetSpec { options, ..DatasetSpec::new(DatasetFormat::PAIRS, data) }];
    let experiment = Experiment {
        resampling: Resampling { resamples: 0, ..Resampling::default() },
        kept: Some(CacheFolder::new(&place.path().join("kept"))),
        simulated: true,
        pixels: false,
        ..Experiment::new(vec![ModelSpec::folder(folder.path().to_owned())], datasets, 1 << 32)
    };
    let run = |out: &str, bytes: &[u8], how| {
        let out = place.path().join(out);
        let claimed = OutputFolder::claim_run(&out, false).expect("a folder");
        let swap = PutWhenRead { path: &path, bytes, how };
        experiment.run(vec![], &claimed, &swap).map_err(|error| with_causes(&error))?;
        let manifest = fs::read_to_string(out.join("manifest.json")).expect("read");
        Ok::<_, String>((fs::read(out.join("scores.csv")).expect("read"), manifest))
    };
    // Over the file that was hashed: an error, and nothing is kept.
    let error = run("over", &second, 0).expect_err("changed");
    assert!(error.contains("changed while it was read"), "{error}");
    // In its place: the numbers of the file that was hashed.
    put(&path, &first, 2);
    let (scores, manifest) = run("instead", &second, 2).expect("run");
    assert!(manifest.contains(&ContentHash::of(&first).to_string()));
    // The second file is encoded anew, and the first comes from the cache.
    let (others, manifest) = run("second", &second, 2).expect("run");
    assert!(manifest.contains(&ContentHash::of(&second).to_string()));
    assert_ne!(scores, others);
    put(&path, &first, 2);
    assert_eq!(run("first", &second, 2).expect("run").0, scores);
}

#[test]
fn all_files_of_a_sharded_checkpoint_are_recorded_also_their_index() {
    let folder = shards(&["first.safetensors", "second.safetensors"]);
    let checkpoint = Checkpoint::open(folder.path()).expect("opened");
    Encoder::load(&checkpoint).expect("loaded");
    let names: Vec<_> = checkpoint.files.iter().map(|f| f.path.file_name().expect("one")).collect();
    let index = "model.safetensors.index.json";
    let small = ["config.json", "preprocessor_config.json", index];
    assert_eq!(names, [&small[..], &["first.safetensors", "second.safetensors"]].concat());
    for file in &checkpoint.files {
        let bytes = fs::read(&file.path).expect("read");
        assert_eq!(file.sha256, ContentHash::of(&bytes).to_string(), "{}", file.path.display());
    }
}

#[test]
fn the_weights_of_a_baseline_are_read_from_what_was_hashed() {
    let Some(shared) = golden::shared("data/weights") else { return };
    let folders = MetricFolders::new(Some(&shared)).expect("a folder");
    let model = LoadedMetric::load(MetricKind::PerceptNet, &folders).expect("loaded");
    let file = &model.files()[0];
    let bytes = fs::read(&file.path).expect("read");
    assert_eq!(file.sha256, ContentHash::of(&bytes).to_string());
    assert!(file.published);
}

/// A golden checkpoint with its tensors in two shards.
fn shards(names: &[&str; 2]) -> tempfile::TempDir {
    let folder = checkpoint("clip/base");
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).expect("read");
    fs::remove_file(&path).expect("removed");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    let mut all: Vec<_> = tensors.iter().collect();
    all.sort_by_key(|(name, _)| name.to_string());
    let (first, second) = all.split_at(all.len() / 2);
    let mut map = serde_json::Map::new();
    for (name, part) in names.iter().zip([first, second]) {
        let written = safetensors::serialize(part.iter().map(|(n, t)| (*n, t)), None);
        fs::write(folder.path().join(name), written.expect("serialized")).expect("written");
        map.extend(part.iter().map(|(tensor, _)| ((*tensor).to_owned(), (*name).into())));
    }
    write_index(folder.path(), &map);
    folder
}

fn write_index(folder: &Path, map: &serde_json::Map<String, serde_json::Value>) {
    let text = serde_json::json!({ "metadata": {}, "weight_map": map }).to_string();
    fs::write(folder.join("model.safetensors.index.json"), text).expect("written");
}

#[test]
fn an_index_that_names_another_shard_or_none_and_a_tensor_in_two_shards_are_errors() {
    let folder = shards(&["first.safetensors", "second.safetensors"]);
    let index = folder.path().join("model.safetensors.index.json");
    let text = fs::read_to_string(&index).expect("read");
    fs::write(&index, text.replace("second", "first")).expect("written");
    let error = said(folder.path());
    assert!(error.contains("is in `first.safetensors`, which has no such tensor"), "{error}");
    fs::write(&index, text.replace("second", "third")).expect("written");
    assert!(said(folder.path()).contains("`third.safetensors`, which is not a file beside it"));
    fs::write(&index, &text).expect("written");
    let first = folder.path().join("first.safetensors");
    fs::copy(&first, folder.path().join("second.safetensors")).expect("copied");
    let map: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let mut map = map["weight_map"].as_object().expect("a map").clone();
    map.retain(|_, shard| shard == "first.safetensors");
    let one = map.keys().next().expect("a tensor").clone();
    map.insert(one, "second.safetensors".into());
    write_index(folder.path(), &map);
    let error = said(folder.path());
    assert!(error.contains("stands twice") && error.contains("second.safetensors"), "{error}");
    for (content, expected) in [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        ("{", "cannot read the list of shards"),
    ] {
        fs::write(&index, content).expect("written");
        assert!(said(folder.path()).contains(expected), "{}", said(folder.path()));
    }
    fs::write(&index, format!("\u{feff}{text}")).expect("written");
    fs::remove_file(folder.path().join("second.safetensors")).expect("removed");
    assert!(said(folder.path()).contains("`second.safetensors`, which is not a file beside it"));
}

// ---- zip archives

/// A header of an entry, in the archive's directory or before the entry.
#[derive(Clone)]
struct Header {
    name: String,
    flags: u16,
    method: u16,
    checksum: u32,
    packed: u32,
    bytes: u32,
    extra: Vec<u8>,
}

/// An entry of an archive.
#[derive(Clone)]
struct Part {
    bytes: Vec<u8>,
    local: Header,
    central: Header,
}

fn part(name: &str, bytes: Vec<u8>) -> Part {
    let header = Header {
        name: name.to_owned(),
        flags: 0,
        method: 0,
        checksum: crc32fast::hash(&bytes),
        packed: bytes.len() as u32,
        bytes: bytes.len() as u32,
        extra: vec![],
    };
    Part { bytes, local: header.clone(), central: header }
}

impl Header {
    fn common(&self) -> Vec<u8> {
        let mut out = vec![20, 0];
        out.extend(self.flags.to_le_bytes());
        out.extend(self.method.to_le_bytes());
        out.extend([0, 0, 0x21, 0]);
        for number in [self.checksum, self.packed, self.bytes] {
            out.extend(number.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((self.extra.len() as u16).to_le_bytes());
        out
    }
}

fn archive(parts: &[Part]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for part in parts {
        directory.extend(*b"PK\x01\x02\x14\0");
        directory.extend(part.central.common());
        directory.extend([0; 10]);
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(part.central.name.bytes());
        directory.extend(&part.central.extra);
        out.extend(*b"PK\x03\x04");
        out.extend(part.local.common());
        out.extend(part.local.name.bytes());
        out.extend(&part.local.extra);
        out.extend(&part.bytes);
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(*b"PK\x05\x06\0\0\0\0");
    out.extend([(parts.len() as u16).to_le_bytes(), (parts.len() as u16).to_le_bytes()].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// The pickle of `{"a": tensor}`, whose storage `0` has so many numbers; `part` ends the storage's
/// description.
fn pickle(numbers: usize, part: &[u8]) -> Vec<u8> {
    let mut out = b"\x80\x02}X\x01\0\0\0a".to_vec();
    out.extend(*b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n");
    out.extend(*b"X\x01\0\0\x000X\x03\0\0\0cpuJ");
    out.extend((numbers as u32).to_le_bytes());
    out.extend(part);
    out.extend(*b"tQK\0J");
    out.extend((numbers as u32).to_le_bytes());
    out.extend(*b"\x85K\x01\x85\x89}tRs.");
    out
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The parts of an archive as torch.save writes it.
fn parts(values: &[f32]) -> [Part; 3] {
    [
        part("x/data.pkl", pickle(values.len(), b"")),
        part("x/byteorder", b"little".to_vec()),
        part("x/data/0", bytes_of(values)),
    ]
}

fn archive_of(values: &[f32]) -> Vec<u8> {
    archive(&parts(values))
}

fn stream(machine: &[u8], part: &[u8], values: &[f32]) -> Vec<u8> {
    let mut out = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec();
    out.extend(*b"\x80\x02M\xe9\x03.");
    out.extend(machine);
    out.extend(pickle(values.len(), part));
    out.extend(*b"\x80\x02]X\x01\0\0\x000a.");
    out.extend((values.len() as u64).to_le_bytes());
    out.extend(bytes_of(values));
    out
}

const LITTLE: &[u8] = b"\x80\x02}X\x0d\0\0\0little_endian\x88s.";

fn stream_of(values: &[f32]) -> Vec<u8> {
    stream(LITTLE, b"", values)
}

/// What reading the tensor `a` of a file says.
fn read(bytes: &[u8]) -> String {
    let (_folder, path) = place("pytorch_model.bin");
    fs::write(&path, bytes).expect("written");
    match opened(&path) {
        Err(error) => error,
        Ok(weights) => match tensor(&weights, "a", 3) {
            Ok(values) => format!("{values:?}"),
            Err(error) => with_causes(&error),
        },
    }
}

const GOOD: &str = "[1.0, 2.0, 3.0]";

#[test]
fn an_entry_that_fails_its_checksum_is_an_error_that_names_entry_and_tensor() {
    let good = parts(&[1.0, 2.0, 3.0]);
    assert_eq!(read(&archive(&good)), GOOD);
    assert_eq!(read(&stream_of(&[1.0, 2.0, 3.0])), GOOD);
    let mut flipped = good.clone();
    flipped[2].bytes[5] ^= 0x40;
    let error = read(&archive(&flipped));
    for part in ["`a` is damaged", "`x/data/0`", "CRC-32", "expected", "copy or download"] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    // Of the pickle, the same.
    let mut flipped = good.clone();
    let last = flipped[0].bytes.len() - 5;
    flipped[0].bytes[last] ^= 1;
    let error = read(&archive(&flipped));
    assert!(error.contains("`x/data.pkl`") && error.contains("CRC-32"), "{error}");
    // `set_crc32_options(False)` of torch writes none.
    let mut without = good;
    without[2].local.checksum = 0;
    without[2].central.checksum = 0;
    assert_eq!(read(&archive(&without)), GOOD);
}

#[test]
fn a_view_of_a_damaged_storage_is_an_error_too() {
    let bytes = fs::read(golden::folder("pickle").join("tensors.pth")).expect("read");
    let (_folder, path) = place("tensors.pth");
    // Numbers of the storage that several tensors look into: `row` is its third row, which the
    // first number is not in.
    let expected = golden::Tensors::open(&golden::folder("pickle").join("expected.safetensors"));
    let first = expected.floats("plain").1[0].to_le_bytes();
    let at = bytes.windows(4).position(|w| w == first).expect("its first number");
    let mut damaged = bytes.clone();
    damaged[at] ^= 1;
    fs::write(&path, damaged).expect("written");
    let weights = Weights::open_file(&path).expect("opened");
    let error = weights.tensor("row", &[8], Init::Zeros).expect_err("damaged").to_string();
    assert!(error.contains("`row` is damaged"), "{error}");
    weights.tensor("double", &[5, 3], Init::Zeros).expect("another storage");
}

#[test]
fn an_archive_that_contradicts_itself_is_an_error() {
    let good = parts(&[1.0, 2.0, 3.0]);
    let changed = |change: &dyn Fn(&mut [Part; 3])| {
        let mut parts = good.clone();
        change(&mut parts);
        read(&archive(&parts))
    };
    let both = |part: &mut Part, change: &dyn Fn(&mut Header)| {
        change(&mut part.local);
        change(&mut part.central);
    };
    type Change<'a> = &'a dyn Fn(&mut [Part; 3]);
    let more: [(&str, Change<'_>, &str); 10] = [
        ("the local name", &|p| p[2].local.name = "x/data/1".into(), "`x/data/0` in it"),
        ("the local size", &|p| p[2].local.bytes = 8, "`x/data/0` in it"),
        ("the local checksum", &|p| p[2].local.checksum ^= 1, "`x/data/0` in it"),
        ("a shorter entry", &|p| both(&mut p[2], &|h| (h.bytes, h.packed) = (8, 8)), "has 8 bytes"),
        ("a size in two ways", &|p| both(&mut p[2], &|h| h.packed = 8), "make no sense"),
        ("compressed", &|p| both(&mut p[2], &|h| h.method = 8), "`x/data/0` in it is compressed"),
        ("encrypted", &|p| both(&mut p[2], &|h| h.flags = 1), "`x/data/0` in it is encrypted"),
        ("a pickle that is compressed", &|p| both(&mut p[0], &|h| h.method = 8), "x/data.pkl"),
        ("a missing storage", &|p| both(&mut p[2], &|h| h.name = "x/data/7".into()), "is missing"),
        ("big-endian", &|p| p[1] = part("x/byteorder", b"big".to_vec()), "big-endian"),
    ];
    for (what, change, expected) in more {
        let error = changed(change);
        println!("{what}: {error}");
        assert!(error.contains(expected), "{what}: `{expected}` is not in: {error}");
    }
    let twice = [&good[..], &good[2..]].concat();
    assert!(read(&archive(&twice)).contains("the same name"), "{}", read(&archive(&twice)));
    let mut other = good[0].clone();
    both(&mut other, &|h| h.name = "y/data.pkl".into());
    assert!(read(&archive(&[&good[..], &[other]].concat())).contains("two pickles"));
    let program = part("x/constants.pkl", vec![1]);
    assert!(read(&archive(&[&good[..], &[program]].concat())).contains("torch.jit.save"));
    // A storage of another root, or deeper, is not the pickle's.
    for name in ["y/data/0", "x/more/data/0", "data/0"] {
        let error = changed(&|p| both(&mut p[2], &|h| h.name = name.into()));
        assert!(error.contains("the storage `0` of `a` is missing"), "{name}: {error}");
    }
    let mut overlapping = archive(&good);
    let directory = overlapping.windows(4).rposition(|w| w == b"PK\x01\x02").expect("its last");
    overlapping[directory + 42..directory + 46].copy_from_slice(&0_u32.to_le_bytes());
    assert_ne!(read(&overlapping), GOOD);
}

#[test]
fn zip64_and_sizes_after_the_bytes_are_read() {
    let mut parts = parts(&[1.0, 2.0, 3.0]);
    for header in [&mut parts[2].local, &mut parts[2].central] {
        header.extra = [&[1, 0, 16, 0][..], &12_u64.to_le_bytes(), &12_u64.to_le_bytes()].concat();
        (header.packed, header.bytes) = (u32::MAX, u32::MAX);
    }
    assert_eq!(read(&archive(&parts)), GOOD);
    // Entries whose sizes stand after their bytes are those of torch.save itself: `tensors.pth`.
    let (_folder, path) = place("tensors.pth");
    let bytes = fs::read(golden::folder("pickle").join("tensors.pth")).expect("read");
    assert_eq!(bytes[6] & 8, 8, "a data descriptor");
    fs::write(&path, bytes).expect("written");
    opened(&path).expect("read");
}

#[test]
fn a_stream_of_another_machine_or_version_is_an_error() {
    let values = [1.0, 2.0, 3.0];
    let big = b"\x80\x02}X\x0d\0\0\0little_endian\x89s.";
    assert!(read(&stream(big, b"", &values)).contains("big-endian"));
    let mut version = stream_of(&values);
    version[18] = 0xe8;
    assert!(read(&version).contains("another version than 1001"), "{}", read(&version));
    // A part of another storage, as PyTorch wrote before 0.4.
    let part = b"(X\x01\0\0\x009K\x01K\x03t";
    let error = read(&stream(LITTLE, part, &values));
    assert!(error.contains("`a` (made by `torch.StorageView`)"), "{error}");
    assert_eq!(read(&stream(LITTLE, b"N", &values)), GOOD);
    let mut shorter = stream_of(&values);
    shorter.truncate(shorter.len() - 1);
    assert!(read(&shorter).contains("it ends before its numbers do"), "{}", read(&shorter));
}

// ---- names

#[test]
fn what_wrappers_put_before_all_names_is_taken_off() {
    let (_folder, path) = place("model.safetensors");
    for before in ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module."] {
        let names = ["a.weight", "b.weight"].map(|name| format!("{before}{name}"));
        let bytes = safetensors(&[(&names[0], &[1.0]), (&names[1], &[2.0]), ("epoch", &[3.0])]);
        fs::write(&path, bytes).expect("written");
        let weights = opened(&path).expect("opened");
        assert_eq!(weights.names(), ["a.weight", "b.weight", "epoch"]);
        assert_eq!(tensor(&weights, "b.weight", 1).expect("read"), [2.0]);
        assert!(weights.contains("a.weight") && !weights.contains(&names[0]));
        // Some of the model's tensors are wrapped, and one is not.
        let error = tensor(&weights, "epoch", 1).expect_err("another model's").to_string();
        assert!(error.contains("expected all tensors of a model so, or none"), "{error}");
    }
    for second in ["a.weight", "_orig_mod.a.weight", "module.module.a.weight"] {
        let bytes = safetensors(&[("module.a.weight", &[1.0]), (second, &[2.0])]);
        fs::write(&path, bytes).expect("written");
        let error = opened(&path).expect_err("twice");
        for part in ["tensor `a.weight` stands twice", "`module.a.weight`", second] {
            assert!(error.contains(part), "`{part}` is not in: {error}");
        }
    }
}

#[test]
fn other_names_are_told() {
    let (_folder, path) = place("model.safetensors");
    fs::write(&path, safetensors(&[("model.a.weight", &[1.0])])).expect("written");
    let error = tensor(&opened(&path).expect("opened"), "a.weight", 1).expect_err("missing");
    let expected = "it is there as `model.a.weight`: take `model.` off all names";
    assert!(error.to_string().contains(expected), "{error}");
    let error = tensor(&opened(&path).expect("opened"), "b.weight", 1).expect_err("missing");
    assert!(error.to_string().contains("its 1 tensors are `model.a.weight`"), "{error}");

    // A CLIP model within another is not "a tower without its projection".
    let folder = checkpoint("clip/base");
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).expect("read");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    for (before, expected) in
        [("clip.", "take `clip.` off all names"), ("module.", "loaded"), ("_orig_mod.", "loaded")]
    {
        let named: Vec<_> = tensors.iter().map(|(n, t)| (format!("{before}{n}"), t)).collect();
        let bytes = safetensors::serialize(named, None).expect("serialized");
        fs::write(&path, bytes).expect("written");
        assert!(said(folder.path()).contains(expected), "{}", said(folder.path()));
    }
    let tower: Vec<_> = tensors.iter().filter(|(n, _)| n.starts_with("vision_model.")).collect();
    fs::write(&path, safetensors::serialize(tower, None).expect("serialized")).expect("written");
    let error = Checkpoint::open(folder.path()).expect_err("no projection");
    assert!(matches!(error, EncoderError::NoProjection { .. }), "{error}");
}

#[test]
fn a_file_of_torch_without_tensors_by_name_says_what_it_holds() {
    let storage = part("x/data/0", bytes_of(&[1.0, 2.0, 3.0]));
    let with = |pickle: Vec<u8>| read(&archive(&[part("x/data.pkl", pickle), storage.clone()]));
    let inner = &pickle(3, b"")[2..];
    let inner = &inner[..inner.len() - 1];
    // {"weights": {"a": tensor}}
    let nested = [&b"\x80\x02}X\x07\0\0\0weights"[..], inner, b"s."].concat();
    let error = with(nested);
    assert!(error.contains("`weights` (a dictionary of tensors)"), "{error}");
    // {"model": {"a": tensor}} is looked into.
    assert_eq!(with([&b"\x80\x02}X\x05\0\0\0model"[..], inner, b"s."].concat()), GOOD);
    // A whole model.
    let error = with(b"\x80\x02cmy_models\nClip\n)\x81}b.".to_vec());
    assert!(error.contains("`my_models.Clip` at byte 2"), "{error}");
    assert!(error.contains("state_dict()"), "{error}");
    // Another dictionary of tensors beside those of the top is told where a tensor is missing.
    let beside = [&b"\x80\x02}X\x01\0\0\0b"[..], &inner[7..inner.len() - 1], b"s"].concat();
    let beside = [&beside[..], b"X\x03\0\0\0ema", inner, b"s."].concat();
    let error = with(beside);
    assert!(error.contains("`ema` in it is a dictionary of tensors of its own"), "{error}");
}

// ---- files that are something else

#[test]
fn what_stands_in_for_weights_is_told() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 605157884\n";
    for name in ["model.safetensors", "pytorch_model.bin", "noise"] {
        let (_folder, path) = place(name);
        for (content, expected) in [
            (pointer, "git lfs pull"),
            ("<!DOCTYPE html><html>", "a page of the web"),
            ("\n<?xml version=\"1.0\"?><Error>", "an answer of a server"),
            ("/annex/objects/SHA256E-s605157884--aa", "git annex get"),
            ("", "it is empty"),
            ("GGUF\u{3}\0\0\0", "a GGUF file"),
        ] {
            fs::write(&path, content).expect("written");
            let error = opened(&path).expect_err(content);
            assert!(error.contains(expected) && error.contains(name), "{error}");
        }
    }
    let (_folder, path) = place("model.safetensors");
    for content in [archive_of(&[1.0]), stream_of(&[1.0])] {
        fs::write(&path, content).expect("written");
        assert!(opened(&path).expect_err("another kind").contains("a file of torch.save"));
    }
}

#[test]
fn pointers_and_marks_in_configurations() {
    for name in ["config.json", "preprocessor_config.json"] {
        let folder = checkpoint("clip/base");
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).expect("read");
        fs::write(&path, format!("\u{feff}{text}")).expect("written");
        assert_eq!(said(folder.path()), "loaded", "a byte order mark in {name}");
        fs::write(&path, "version https://git-lfs.github.com/spec/v1\n").expect("written");
        let error = said(folder.path());
        assert!(error.contains("git lfs pull") && error.contains(name), "{error}");
        fs::write(&path, [0xff, 0xfe, b'{', 0, b'}', 0]).expect("written");
        assert!(said(folder.path()).contains("it is UTF-16"), "{}", said(folder.path()));
        let sparse = fs::File::create(&path).expect("made");
        sparse.set_len(1 << 40).expect("a hole");
        assert!(said(folder.path()).contains("it has more than"), "{}", said(folder.path()));
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let files = ["config.json", "preprocessor_config.json", "model.safetensors"];
    for name in files {
        let folder = checkpoint("clip/base");
        let path = folder.path().join(name);
        fs::remove_file(&path).expect("removed");
        let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
        assert!(made.success());
        let error = said(folder.path());
        assert!(error.contains("it is a FIFO, expected a regular file"), "{error}");
        assert!(error.contains(name), "{error}");
        for (target, expected) in [
            ("/dev/zero", "it is a device, expected a regular file"),
            ("/proc", "it is a folder, expected a regular file"),
            ("nowhere", "it is a link to nowhere, which is not there"),
        ] {
            fs::remove_file(&path).expect("removed");
            std::os::unix::fs::symlink(target, &path).expect("linked");
            let begun = Instant::now();
            let error = said(folder.path());
            assert!(error.contains(expected) && error.contains(name), "{error}");
            assert!(begun.elapsed() < Duration::from_secs(5));
        }
    }
}

#[test]
fn the_cases_that_went_wrong() {
    let Some(cases) = golden::shared("cases/checkpoints") else { return };
    for case in ["module", "bin_numpy_scalar", "config_bom"] {
        assert_eq!(said(&cases.join(case)), "loaded", "{case}");
    }
    let error = said(&cases.join("lfs_pointer"));
    assert!(error.contains("model.safetensors") && error.contains("git lfs pull"), "{error}");
}
