//! However the images are split into resident sets, wherever differences are kept, and however
//! many threads work: the results are the same bytes.

mod golden;

use std::path::Path;

use alignscope::results::OutputFolder;
use alignscope::{
    Baseline, DatasetKind, DatasetOptions, DatasetSpec, Distance, Experiment, ExperimentError,
    ModelSpec, Precision, Resampling, Silent, Ties, Tokens, demo,
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
        simulated: true,
        command: None,
    }
}

/// The bytes of all results of a run on so many threads.
fn run(
    model: &ModelSpec,
    data: &Path,
    memory_bytes: u64,
    threads: usize,
) -> Result<[Vec<u8>; 6], ExperimentError> {
    let out = tempfile::tempdir().expect("a temporary folder");
    let claimed = OutputFolder::claim(out.path()).expect("an empty folder");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| experiment(model, data, memory_bytes).run(&claimed, &Silent))?;
    let read = |name| std::fs::read(out.path().join(name)).expect(name);
    let tables = ["scores.csv", "ceilings.csv", "findings.csv", "comparisons.csv"].map(read);
    let [scores, ceilings, findings, comparisons] = tables;
    let (distances, scale) = (read("distances.parquet"), read("scale.parquet"));
    Ok([scores, ceilings, findings, comparisons, distances, scale])
}

#[test]
fn splits_places_and_threads_change_no_byte() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let model = ModelSpec::folder(folder("clip/base"));
    let whole = run(&model, &data, 1 << 32, 2).expect("plenty of memory");

    // The least budget that will do holds one reference and its distortions at a time, and
    // leaves no room for the differences, which go to a file.
    for threads in [1, 2] {
        let Err(ExperimentError::Memory { needed, images, .. }) = run(&model, &data, 0, threads)
        else {
            panic!("no memory is too little");
        };
        assert_eq!(images, 21);
        assert!(run(&model, &data, needed - 1, threads).is_err());
        // The least; half a set more, which packs sets of two components; and room in memory.
        for budget in [needed, needed + 30_000, needed + 300_000] {
            let split = run(&model, &data, budget, threads).expect("just enough memory");
            assert!(split == whole, "{threads} threads, {budget} bytes: other results");
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
