//! Damaged and hostile folders of runs: whatever their bytes and values, `report`, `verify` and
//! `compare` end in an error or a result, soon, and never in a panic, in more memory than is sane,
//! or in a file outside of the folder.
//!
//! Each test tries changed files for two seconds, or for `ALIGNSCOPE_FUZZ_SECONDS`.

#[path = "it/golden.rs"]
mod golden;
mod hostile;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use alignscope::image::RgbImage;
use alignscope::report::write_report;
use alignscope::results::{
    Found, OutputFolder, RunTable, check_finished, read_comparisons, read_energy, read_scores,
    read_table,
};
use alignscope::{
    CompareRequest, DatasetFormat, DatasetSpec, Experiment, MetricKind, ModelSpec, Resampling,
    Silent, VerifyRequest, compare_runs, draw, read_drawn, verify,
};
use arrow_array::{
    Array, ArrayRef, Float64Array, RecordBatch, StringArray, UInt8Array, UInt32Array, UInt64Array,
};
use arrow_schema::{DataType, Schema};
use golden::folder;
use hostile::{mutate, seconds};
use parquet::arrow::ArrowWriter;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// A page of a Parquet file says how large it will be, up to 2 GiB, and is decompressed to that.
#[global_allocator]
static MEMORY: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, 3 << 30);

/// So many folders are tried at least; each has its figures drawn.
const LEAST: u64 = 40;

/// Longer than this no damaged folder may take.
const LONGEST: Duration = Duration::from_secs(60);

/// A small run of a checkpoint and a baseline on three data sets, and the bytes of its files.
struct Run {
    place: tempfile::TempDir,
    files: BTreeMap<String, Vec<u8>>,
}

impl Run {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let data = place.path().join("data");
        fs::create_dir(&data).expect("made");
        for (i, name) in ["a.png", "b.png", "c.png", "d.png"].iter().enumerate() {
            let pixels = (0..3 * 20 * 17).map(|p| ((p * (i + 3)) % 251) as u8).collect();
            let png = RgbImage::new(20, 17, pixels).to_png();
            fs::write(data.join(name), png).expect("written");
        }
        for (name, table) in [
            (
                "pairs.csv",
                "reference,distorted,score\na.png,b.png,3\na.png,c.png,2\nb.png,d.png,1\n",
            ),
            (
                "twoafc.csv",
                "reference,left,right,right_vote\na.png,b.png,c.png,1\nb.png,a.png,c.png,0.25\n",
            ),
            (
                "oddoneout.csv",
                "image_1,image_2,image_3,odd\na.png,b.png,c.png,3\nb.png,c.png,d.png,1\n",
            ),
        ] {
            fs::write(data.join(name), table).expect("written");
        }
        fs::write(place.path().join("labels.csv"), "mine").expect("written");
        let dataset = |format| DatasetSpec::new(format, data.clone());
        let experiment = Experiment {
            resampling: Resampling { resamples: 100, ..Resampling::default() },
            ..Experiment::new(
                vec![
                    ModelSpec::folder(folder("clip/base")),
                    ModelSpec::MetricKind(MetricKind::Psnr),
                ],
                [DatasetFormat::PAIRS, DatasetFormat::TWO_AFC, DatasetFormat::ODD_ONE_OUT]
                    .map(dataset)
                    .to_vec(),
                1 << 32,
            )
        };
        let out = OutputFolder::claim_run(&place.path().join("run"), false).expect("a folder");
        experiment.run(vec![], &out, &Silent).expect("it runs");
        drop(out);
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(place.path().join("run")).expect("listed") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("Unicode");
            files.insert(name, fs::read(entry.path()).expect("read"));
        }
        Self { place, files }
    }

    fn folder(&self) -> PathBuf {
        self.place.path().join("run")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder().join(name), bytes).expect("written");
    }

    /// Puts everything back, and removes what was added.
    fn restore(&self) {
        fs::remove_dir_all(self.folder()).expect("removed");
        fs::create_dir(self.folder()).expect("made");
        self.files.iter().for_each(|(name, bytes)| self.write(name, bytes));
    }

    /// All that reads a run; how many of them did.
    fn read(&self, rng: &mut ChaCha8Rng) -> usize {
        let begun = Instant::now();
        let run = self.folder();
        let compare = CompareRequest {
            run_a: run.clone(),
            run_b: rng.random_bool(0.3).then(|| run.clone()),
            models: [None, None],
            stages: [None, None],
            distances: [None, None],
            dataset: None,
            resamples: None,
            seed: None,
        };
        let request = VerifyRequest { run: run.clone(), data: BTreeMap::new(), sample: Some(3) };
        let mut good = 0;
        good += usize::from(compare_runs(&compare).is_ok());
        good += usize::from(verify(&request, &Silent).is_ok());
        let _ = read_comparisons(&run.join("comparisons.csv"));
        for table in RunTable::ALL {
            if let Ok(reader) = read_table(&run, table) {
                reader.take_while(Result::is_ok).for_each(drop);
            }
        }
        if let Ok(out) = OutputFolder::claim_run(&run, true) {
            good += usize::from(matches!(out.found(), Found::Finished(_)));
        }
        // Last, since it writes.
        good += usize::from(self.report().is_some());
        assert!(begun.elapsed() < LONGEST, "it took {:?}", begun.elapsed());
        let mut beside: Vec<_> = fs::read_dir(self.place.path())
            .expect("listed")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        beside.sort();
        assert_eq!(beside, ["data", "labels.csv", "run"], "a file outside of the folder");
        let mine = fs::read_to_string(self.place.path().join("labels.csv")).expect("read");
        assert_eq!(mine, "mine");
        assert_eq!(fs::read_dir(self.place.path().join("data")).expect("listed").count(), 7);
        good
    }

    /// As `alignscope report`.
    fn report(&self) -> Option<()> {
        let run = self.folder();
        check_finished(&run).ok()?;
        let rows = read_scores(&run.join("scores.csv")).ok()?;
        let energy = read_energy(&run.join("energy.csv")).ok()?;
        let drawn = read_drawn(&run.join("manifest.json")).ok()?;
        let figures = draw(&rows, &energy, &drawn, &run).ok()?;
        write_report(&run, &figures, &BTreeMap::new(), &Silent).ok()
    }
}

/// Files of a run that something is read from.
const READ: [&str; 10] = [
    "manifest.json",
    "scores.csv",
    "findings.csv",
    "comparisons.csv",
    "ceilings.csv",
    "energy.csv",
    "distances.parquet",
    "trials.parquet",
    "judgements.parquet",
    "scale.parquet",
];

#[test]
fn bytes_of_every_file() {
    let run = Run::new();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    assert_eq!(run.read(&mut rng), 4, "unchanged, it can be read");
    let (end, mut rounds, mut good) = (Instant::now() + seconds(), 0_u64, 0);
    while Instant::now() < end || rounds < LEAST {
        let name = READ[rng.random_range(0..READ.len())];
        let other = READ[rng.random_range(0..READ.len())];
        let changed = match name.ends_with(".parquet") && rng.random_bool(0.5) {
            // What says where everything stands is at the end.
            true => {
                let original = &run.files[name];
                let (body, tail) = original.split_at(original.len() * 2 / 3);
                [body.to_vec(), mutate(tail, &run.files[other], &mut rng)].concat()
            }
            false => mutate(&run.files[name], &run.files[other], &mut rng),
        };
        run.write(name, &changed);
        good += run.read(&mut rng);
        run.restore();
        rounds += 1;
    }
    println!("bytes: {rounds} folders, of 4 things {good} times one could be done");
    assert!(good > 0 && good < 4 * rounds as usize, "{good} of {rounds}");
}

/// A value that stands for another, of its kind or of another.
fn hostile_value(rng: &mut ChaCha8Rng) -> Value {
    let texts = [
        "",
        ".",
        "..",
        "../x",
        "/etc/passwd",
        "/dev/zero",
        "scores",
        "SCORES",
        "report",
        "a\u{1b}[31m",
        "</script><script>",
        "block 18446744073709551615",
        "pixels",
        "\u{202e}",
        "image",
        "things",
    ];
    let numbers = [-1.0, 0.0, 0.5, 1e9, 1e18, 1e300, f64::MAX, -1e300, 5e-324];
    match rng.random_range(0..8) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => u64::MAX.into(),
        3 => numbers[rng.random_range(0..numbers.len())].into(),
        4 => vec![Value::from("a"); rng.random_range(0..3000)].into(),
        5 => "x".repeat(rng.random_range(0..100_000)).into(),
        6 => serde_json::json!({}),
        _ => texts[rng.random_range(0..texts.len())].into(),
    }
}

/// Replaces a value somewhere in JSON; most often a deep one.
fn replace(value: &mut Value, rng: &mut ChaCha8Rng) {
    let inner = match value {
        Value::Array(list) if !list.is_empty() => {
            let at = rng.random_range(0..list.len());
            if rng.random_bool(0.1) {
                let again = list[at].clone();
                list.extend(std::iter::repeat_n(again, rng.random_range(1..300)));
                return;
            }
            list.get_mut(at)
        }
        Value::Object(map) if !map.is_empty() => {
            let at = rng.random_range(0..map.len());
            map.values_mut().nth(at)
        }
        _ => None,
    };
    match inner {
        Some(inner) if rng.random_bool(0.9) => replace(inner, rng),
        _ => *value = hostile_value(rng),
    }
}

/// A table of CSV with some fields replaced.
fn replace_fields(text: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    const FIELDS: [&str; 16] = [
        "",
        "-1",
        "0",
        "1e18",
        "-1e300",
        "inf",
        "NaN",
        "18446744073709551615",
        "99999999999999999999",
        "/etc/passwd",
        "\u{1b}[2J",
        "<script>",
        "block 99999999999999",
        "things",
        "own",
        "differences",
    ];
    let mut lines: Vec<Vec<String>> = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text)
        .records()
        .map(|record| record.expect("a record").iter().map(str::to_owned).collect())
        .collect();
    for _ in 0..rng.random_range(1..4) {
        let row = rng.random_range(0..lines.len());
        let column = rng.random_range(0..lines[row].len());
        match rng.random_range(0..8) {
            0 => {
                let from = rng.random_range(0..lines.len());
                lines[row] = lines[from].clone();
            }
            1 => lines[row][column] = "x".repeat(rng.random_range(0..100_000)),
            _ => lines[row][column] = FIELDS[rng.random_range(0..FIELDS.len())].to_owned(),
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    lines.iter().for_each(|line| writer.write_record(line).expect("fields"));
    writer.into_inner().expect("in memory")
}

/// A Parquet table with values of some columns replaced, or a column left out or of another type.
fn replace_columns(path: &Path, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let file = fs::File::open(path).expect("opened");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.build())
        .expect("a table");
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().expect("rows");
    // Such as the matrices of a run without people who gave any.
    if batches.is_empty() {
        return fs::read(path).expect("read");
    }
    let batch = arrow_of(&batches);
    let mut columns: Vec<(String, ArrayRef)> = batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (field.name().clone(), column.clone()))
        .collect();
    for _ in 0..rng.random_range(1..3) {
        let at = rng.random_range(0..columns.len());
        let (rows, chance) = (columns[at].1.len(), [0.02, 0.5, 1.0][rng.random_range(0..3)]);
        let hit = |rng: &mut ChaCha8Rng| rng.random_bool(chance);
        const TEXTS: [&str; 8] = [
            "",
            "../../labels.csv",
            "/etc/passwd",
            "/dev/zero",
            "a.png",
            "\u{1b}",
            "nights",
            "image",
        ];
        const NUMBERS: [f64; 8] =
            [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300, -1e300, 5e-324, f64::MAX];
        let replaced: ArrayRef = match columns[at].1.data_type() {
            DataType::Utf8 => {
                let old = columns[at].1.as_any().downcast_ref::<StringArray>().expect("text");
                let long = "y".repeat(5000);
                let texts = (0..rows).map(|i| match (hit(rng), rng.random_range(0..10)) {
                    (false, _) => old.is_valid(i).then(|| old.value(i).to_owned()),
                    (true, 0) => None,
                    (true, 1) => Some(long.clone()),
                    (true, t) => Some(TEXTS[t % 8].to_owned()),
                });
                Arc::new(texts.collect::<StringArray>())
            }
            DataType::Float64 => {
                let old = columns[at].1.as_any().downcast_ref::<Float64Array>().expect("numbers");
                let numbers = (0..rows).map(|i| match (hit(rng), rng.random_range(0..9)) {
                    (false, _) => old.is_valid(i).then(|| old.value(i)),
                    (true, 8) => None,
                    (true, n) => Some(NUMBERS[n]),
                });
                Arc::new(numbers.collect::<Float64Array>())
            }
            DataType::UInt8 => {
                Arc::new((0..rows).map(|_| Some(rng.random())).collect::<UInt8Array>())
            }
            DataType::UInt32 => {
                Arc::new((0..rows).map(|_| Some(rng.random())).collect::<UInt32Array>())
            }
            _ => Arc::new((0..rows).map(|_| Some(rng.random())).collect::<UInt64Array>()),
        };
        match rng.random_range(0..20) {
            0 => drop(columns.remove(at)),
            1 => {
                let other = rng.random_range(0..columns.len());
                let name = columns[other].0.clone();
                columns[at].0 = name;
            }
            _ => columns[at].1 = replaced,
        }
        if columns.is_empty() {
            break;
        }
    }
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .expect("columns of one length");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    for _ in 0..[1, 1, 1, 3][rng.random_range(0..4)] {
        writer.write(&batch).expect("written");
    }
    writer.close().expect("closed");
    bytes
}

/// The only batch of a small table.
fn arrow_of(batches: &[RecordBatch]) -> RecordBatch {
    match batches {
        [one] => one.clone(),
        _ => RecordBatch::new_empty(Arc::new(Schema::empty())),
    }
}

#[test]
fn values_of_every_file() {
    let run = Run::new();
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let (end, mut rounds, mut good) = (Instant::now() + seconds(), 0_u64, 0);
    while Instant::now() < end || rounds < LEAST {
        let name = READ[rng.random_range(0..READ.len())];
        let original = &run.files[name];
        let changed = match name.rsplit('.').next() {
            Some("json") => {
                let mut manifest: Value = serde_json::from_slice(original).expect("JSON");
                (0..rng.random_range(1..3)).for_each(|_| replace(&mut manifest, &mut rng));
                manifest.to_string().into_bytes()
            }
            Some("csv") => replace_fields(original, &mut rng),
            _ => replace_columns(&run.folder().join(name), &mut rng),
        };
        // Half of the hostile folders are consistent with themselves.
        run.write(name, &changed);
        good += run.read(&mut rng);
        if rng.random_bool(0.05) {
            let state = if rng.random_bool(0.5) { &changed } else { original };
            run.write("unfinished.json", state);
            run.read(&mut rng);
        }
        run.restore();
        rounds += 1;
    }
    println!("values: {rounds} folders, of 4 things {good} times one could be done");
    assert!(good > 0 && good < 4 * rounds as usize, "{good} of {rounds}");
}

#[test]
fn a_text_in_very_many_rows_is_in_memory_once() {
    let run = Run::new();
    // 131,072 rows that name an image of 60,000 characters twice: 16 GB, in some kilobytes.
    let rows = 1 << 10;
    let texts = |text: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows)))
    };
    let (short, long) = (texts("x"), texts(&"x".repeat(60_000)));
    let columns = [
        ("dataset", short.clone()),
        ("model", short.clone()),
        ("stage", short.clone()),
        ("distance", short),
        ("image_a", long.clone()),
        ("image_b", long),
        ("uses", Arc::new(UInt32Array::from(vec![1; rows])) as ArrayRef),
        ("value", Arc::new(Float64Array::from(vec![0.5; rows])) as ArrayRef),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    for _ in 0..128 {
        writer.write(&batch).expect("written");
    }
    writer.close().expect("closed");
    assert!(bytes.len() < 20 << 20, "{} bytes", bytes.len());
    run.write("distances.parquet", &bytes);
    let before = MEMORY.allocated();
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    run.read(&mut rng);
    assert!(MEMORY.allocated() < before + (1 << 30));
}
