//! Features that are there already, and functions that encode images: the same scores and distances as a run of the
//! encoder that made them.

mod golden;

use std::path::Path;

use alignscope::encoder::{Checkpoint, Encoder};
use alignscope::features::{
    FeatureFolder, FeatureRequest, Picture, StageFeatures, features, write_features,
};
use alignscope::results::OutputFolder;
use alignscope::{
    Batch, Callback, DatasetKind, DatasetOptions, DatasetSpec, Experiment, ExperimentError,
    External, ExternalSource, FeatureValues, Features, Measured, ModelSpec, Place, Silent, Stage,
    StageRows, Tokens, demo,
};
use golden::folder;

fn experiment(model: Option<&Path>, kind: DatasetKind, data: &Path, memory: u64) -> Experiment {
    let spec = DatasetSpec { kind, data: data.to_owned(), options: DatasetOptions::default() };
    let models = model.map(ModelSpec::folder).into_iter().collect();
    Experiment { pixels: false, ..Experiment::new(models, vec![spec], memory) }
}

fn encoder() -> Encoder {
    Encoder::load(&Checkpoint::open(&folder("clip/base")).expect("opened")).expect("loaded")
}

/// Activations of the encoder, of files or of what a function is given.
fn activations(encoder: &Encoder, images: &[Picture], stages: &[Stage]) -> Vec<StageFeatures> {
    let tokens = Tokens::All;
    let request = FeatureRequest { encoder, images, tokens, stages, memory_bytes: 1 << 32 };
    features(request, &Silent).expect("encoded")
}

fn shape_of(features: &StageFeatures) -> [usize; 3] {
    match features.shape[..] {
        [images, channels] => [images, 1, channels],
        [images, tokens, channels] => [images, tokens, channels],
        _ => panic!("two or three axes"),
    }
}

/// The tables of a run in a folder; the model has the same name in all.
fn tables(out: &Path) -> [Vec<u8>; 5] {
    let names =
        ["scores.csv", "findings.csv", "comparisons.csv", "distances.parquet", "scale.parquet"];
    names.map(|name| std::fs::read(out.join(name)).expect(name))
}

/// The function that is the encoder.
fn callback<'a>(encoder: &'a Encoder, spill: bool) -> ExternalSource<'a> {
    let encode = |batch: Batch, mut rows: Vec<StageRows>| {
        let Batch::Preprocessed { values, shape } = batch else { panic!("by the recipe") };
        let of_image = shape[1] * shape[2] * shape[3];
        let images: Vec<Picture> = values
            .chunks(of_image)
            .map(|image| Picture::Preprocessed(image.to_vec(), "one".to_owned()))
            .collect();
        let stages: Vec<Stage> = rows.iter().map(StageRows::stage).collect();
        let found = activations(encoder, &images, &stages);
        for (rows, found) in rows.iter_mut().zip(&found) {
            rows.append(&found.values, shape_of(found))?;
        }
        Ok(rows)
    };
    ExternalSource::Callback(Callback {
        stages: encoder.stages(),
        preprocessing: Some(encoder.preprocessing().clone()),
        batch: 10,
        spill,
        encode: Box::new(encode),
    })
}

fn measure(
    source: ExternalSource<'_>,
    data: &Path,
    memory: u64,
    out: Option<&OutputFolder>,
) -> Result<Measured, ExperimentError> {
    // What a run calls that folder.
    let name = "base".to_owned();
    let external = External { name, tokens: Tokens::All, source };
    experiment(None, DatasetKind::Pairs, data, memory).measure(external, out, &Silent)
}

#[test]
fn features_and_functions_give_the_very_tables_of_a_run() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let claim = |name: &str| OutputFolder::claim(&place.path().join(name)).expect("a new folder");
    let run = OutputFolder::claim_run(&place.path().join("run"), false).expect("a new folder");
    let model = folder("clip/base");
    experiment(Some(&model), DatasetKind::Pairs, &data, 1 << 32).run(&run, &Silent).expect("run");
    let expected = tables(run.path());

    let encoder = encoder();
    let dataset = alignscope::Dataset::open(DatasetKind::Pairs, &data, &DatasetOptions::default());
    let files: Vec<_> = dataset.expect("opened").images.into_iter().map(|i| i.path).collect();
    // In another order than the data set's.
    let images: Vec<Picture> = files.iter().rev().cloned().map(Picture::File).collect();
    let written = claim("features");
    let request = FeatureRequest {
        encoder: &encoder,
        images: &images,
        tokens: Tokens::All,
        stages: &[],
        memory_bytes: 1 << 32,
    };
    write_features(request, &written, &Silent).expect("written");

    let from_files = claim("from files");
    let opened = FeatureFolder::open(written.path()).expect("opened");
    let source = ExternalSource::Features(opened.into());
    measure(source, &data, 1 << 32, Some(&from_files)).expect("measured");
    assert!(tables(from_files.path()) == expected, "features in files");

    let in_memory = activations(&encoder, &images, &[]);
    let stages = in_memory.iter().map(|found| {
        (found.stage, FeatureValues::Memory { values: &found.values, shape: shape_of(found) })
    });
    let names: Vec<String> = images.iter().map(ToString::to_string).collect();
    let features = Features { stages: stages.collect(), file_names: Some(names) };
    let from_memory = claim("from memory");
    measure(ExternalSource::Features(features), &data, 1 << 32, Some(&from_memory))
        .expect("measured");
    assert!(tables(from_memory.path()) == expected, "features in memory");

    let by_function = claim("by a function");
    let measured = measure(callback(&encoder, true), &data, 1 << 32, Some(&by_function));
    assert!(tables(by_function.path()) == expected, "a function");
    let holding = measured.expect("measured").holding.expect("of a function");
    // One call for one image, and one for each ten.
    assert_eq!((holding.place, holding.calls), (Place::Memory, 1 + files.len().div_ceil(10)));
}

#[test]
fn a_budget_changes_where_activations_are_and_no_distance() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let encoder = encoder();
    let whole = measure(callback(&encoder, true), &data, 1 << 32, None).expect("plenty");
    let Err(ExperimentError::CallbackMemory { needed, images, .. }) =
        measure(callback(&encoder, true), &data, 0, None)
    else {
        panic!("no memory is too little");
    };
    assert!(measure(callback(&encoder, true), &data, needed - 1, None).is_err());
    let spilled = measure(callback(&encoder, true), &data, needed, None).expect("two images fit");
    assert_eq!(spilled.holding.as_ref().map(|h| h.place), Some(Place::File));
    assert_eq!(spilled.distances, whole.distances);

    // A stage of all connected images fits, but not two.
    let stage = images as u64 * 17 * 16 * 4;
    let memory = needed + stage + stage / 2;
    let grouped = measure(callback(&encoder, false), &data, memory, None).expect("a stage fits");
    let holding = grouped.holding.expect("of a function");
    assert_eq!(holding.place, Place::Memory);
    assert!(holding.stage_groups.len() > 1, "{holding}");
    assert_eq!(holding.stage_groups.concat(), encoder.stages());
    assert_eq!(grouped.distances, whole.distances);
    assert_eq!(grouped.scores, whole.scores);
}
