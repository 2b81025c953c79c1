//! However the images are split into resident sets, wherever differences are kept, and however
//! many threads work: the results are the same bytes.

mod golden;

use std::path::Path;
use std::sync::Mutex;

use alignscope::results::OutputFolder;
use alignscope::{
    Baseline, DatasetKind, DatasetOptions, DatasetSpec, Distance, Experiment, ExperimentError,
    ModelSpec, Precision, Presentation, Progress, Resampling, Ties, Tokens, demo,
};
use golden::folder;

fn experiment(model: &ModelSpec, data: &Path, memory_bytes: u64) -> Experiment {
    Experiment {
        models: vec![model.clone()],
        datasets: vec![DatasetSpec {
            kind: DatasetKind::Pairs,
            data: data.to_owned(),
            options: DatasetOptions::default(),
        }],
        distances: Distance::ALL.to_vec(),
        tokens: Tokens::All,
        projection: None,
        precision: Precision::F32,
        ties: Ties::Miss,
        resampling: Resampling::default(),
        baseline_size: 224,
        weights: None,
        pixels: false,
        memory_bytes,
        scale_from: None,
        figures: vec![],
        presentation: Presentation::default(),
        kept: None,
        fresh: false,
        keep_going: false,
        simulated: true,
        command: None,
    }
}

/// Keeps what a run notes.
#[derive(Debug, Default)]
struct Notes(Mutex<String>);

impl Progress for Notes {
    fn begin(&self, _task: &str, _steps: u64) {}

    fn advance(&self, _steps: u64) {}

    fn end(&self) {}

    fn note(&self, message: &str) {
        self.0.lock().expect("notes").push_str(&format!("{message}\n"));
    }
}

/// The bytes of all results of a run on so many threads, and its notes.
fn noted_run(
    experiment: &Experiment,
    threads: usize,
) -> Result<([Vec<u8>; 6], String), ExperimentError> {
    let out = tempfile::tempdir().expect("a temporary folder");
    let claimed = OutputFolder::claim_run(out.path(), false).expect("an empty folder");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let notes = Notes::default();
    pool.install(|| experiment.run(&claimed, &notes))?;
    let read = |name| std::fs::read(out.path().join(name)).expect(name);
    let tables = ["scores.csv", "ceilings.csv", "findings.csv", "comparisons.csv"].map(read);
    let [scores, ceilings, findings, comparisons] = tables;
    let (distances, scale) = (read("distances.parquet"), read("scale.parquet"));
    let files = [scores, ceilings, findings, comparisons, distances, scale];
    Ok((files, notes.0.into_inner().expect("notes")))
}

fn run(
    model: &ModelSpec,
    data: &Path,
    memory_bytes: u64,
    threads: usize,
) -> Result<[Vec<u8>; 6], ExperimentError> {
    noted_run(&experiment(model, data, memory_bytes), threads).map(|(files, _)| files)
}

/// What is said where activations, and differences, go through a file.
const SPILLED: &str = "their activations go through a temporary file";
const DIFFERENCES: &str = "differences go to a temporary file";

#[test]
fn splits_files_and_threads_change_no_byte() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let model = ModelSpec::folder(folder("clip/base"));
    let whole = run(&model, &data, 1 << 32, 2).expect("plenty of memory");

    for threads in [1, 2, 5] {
        let Err(ExperimentError::Memory { needed, .. }) = run(&model, &data, 0, threads) else {
            panic!("no memory is too little");
        };
        assert!(run(&model, &data, needed - 1, threads).is_err());
        // From the least, which holds two images at a time, to where all fit.
        let (mut spilled, mut kept_in_file, mut split, mut plain) = (0, 0, 0, 0);
        for more in [0, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000] {
            let experiment = experiment(&model, &data, needed + more);
            let (found, notes) = noted_run(&experiment, threads).expect("enough memory");
            assert!(found == whole, "{threads} threads, {more} bytes more: other results\n{notes}");
            spilled += usize::from(notes.contains(SPILLED));
            kept_in_file += usize::from(notes.contains(DIFFERENCES));
            split += usize::from(notes.contains("groups of images") && !notes.contains(SPILLED));
            plain += usize::from(!notes.contains("groups of images"));
        }
        let cases = [spilled, kept_in_file, split, plain];
        assert!(cases.iter().all(|n| *n > 0), "spilled, in a file, split, whole: {cases:?}");
    }
}

#[test]
fn in_every_precision_splits_and_threads_change_no_byte() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let model = ModelSpec::folder(folder("clip/base"));
    for precision in Precision::ALL {
        let of = |memory_bytes| Experiment { precision, ..experiment(&model, &data, memory_bytes) };
        let (whole, _) = noted_run(&of(1 << 32), 2).expect("plenty of memory");
        for threads in [1, 3] {
            let Err(ExperimentError::Memory { needed, .. }) = noted_run(&of(0), threads) else {
                panic!("no memory is too little");
            };
            for more in [0, 100_000, 1_000_000] {
                let (found, notes) = noted_run(&of(needed + more), threads).expect("enough");
                assert!(
                    found == whole,
                    "{precision}, {threads} threads, {more} bytes more: {notes}"
                );
            }
        }
    }
}

#[test]
fn one_component_of_all_images_is_spilled_for_every_choice_of_tokens() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").high;
    let model = ModelSpec::folder(folder("clip/base"));
    for tokens in Tokens::ALL {
        let of = |memory_bytes| {
            let mut experiment = experiment(&model, &data, memory_bytes);
            experiment.datasets[0].kind = DatasetKind::OddOneOut;
            Experiment { tokens, ..experiment }
        };
        let (whole, notes) = noted_run(&of(1 << 32), 2).expect("plenty of memory");
        assert!(!notes.contains(SPILLED));
        let Err(ExperimentError::Memory { needed, .. }) = noted_run(&of(0), 2) else {
            panic!("no memory is too little");
        };
        for more in [0, 1_500, 4_000, 9_000] {
            let (found, notes) = noted_run(&of(needed + more), 2).expect("enough memory");
            assert!(notes.contains(SPILLED), "{tokens}, {more} bytes more: {notes}");
            assert!(found == whole, "{tokens}, {more} bytes more: other results");
        }
    }
}

#[test]
fn a_baseline_gives_the_same_where_its_features_are_computed_again() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let model = ModelSpec::Baseline(Baseline::Ssim);
    let whole = run(&model, &data, 1 << 32, 2).expect("plenty of memory");
    let Err(ExperimentError::BaselineMemory { needed, .. }) = run(&model, &data, 0, 2) else {
        panic!("no memory is too little");
    };
    // One image at a time, which is the least; five; and one component of the pairs' graph.
    for share in [1, 2, 8] {
        let tiled = run(&model, &data, share * needed, 2).expect("just enough memory");
        assert!(tiled == whole, "{share} times the least: other results");
    }
}
