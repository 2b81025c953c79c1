//! Activations that stay on a device: the tables of a run do not depend on where pairs are reduced.

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use alignscope::encoder::{Checkpoint, Encoder};
use alignscope::features::{FeatureRequest, Picture, Reading, features};
use alignscope::model::{Capacity, Device, DeviceSet, DeviceStage, Held, ImageSums, PairSums};
use alignscope::pair_statistics::{Activations, PairStatistics};
use alignscope::results::OutputFolder;
use alignscope::{
    Batch, DatasetFormat, DatasetSpec, Experiment, Function, ModelSpec, Place, Silent, Stage,
    StageRows, Tokens, UserModel, UserSource, demo,
};
use alignscope_kernel::mean_squares;

use crate::golden::folder;

type AnyError = Box<dyn Error + Send + Sync>;

/// Images of each set, and of each of its batches.
type Told = Vec<(usize, Vec<usize>)>;

/// A device that is main memory, and the encoder that runs on it.
struct Host<'a> {
    encoder: &'a Encoder,
    capacity: Capacity,
    held: Held,
    stages: Vec<DeviceStage>,
    /// Of each stage, the images of the set so far.
    values: Vec<Vec<f32>>,
    told: Arc<Mutex<Told>>,
}

impl Host<'_> {
    fn activations(&self, stage: usize) -> Activations<'_> {
        let DeviceStage { tokens, channels, .. } = self.stages[stage];
        let images = self.values[stage].len() / (tokens * channels);
        Activations::new(&self.values[stage], images, tokens, channels)
    }
}

impl Device for Host<'_> {
    fn capacity(&mut self, _: &[DeviceStage], _: u64) -> Result<Capacity, AnyError> {
        Ok(self.capacity)
    }

    fn begin(&mut self, set: DeviceSet<'_>) -> Result<Held, AnyError> {
        self.stages = set.stages.to_vec();
        self.values = vec![vec![]; set.stages.len()];
        self.told.lock().expect("one thread").push((set.images, vec![]));
        Ok(self.held)
    }

    fn encode(&mut self, batch: Batch) -> Result<usize, AnyError> {
        let stages: Vec<Stage> = self.stages.iter().map(|stage| stage.stage).collect();
        let mut told = self.told.lock().expect("one thread");
        told.last_mut().expect("a set").1.push(batch.images());
        for (held, found) in self.values.iter_mut().zip(encoded(self.encoder, batch, &stages)) {
            held.extend(found.0);
        }
        // Batches grow by one.
        Ok(told.last().expect("a set").1.len() + self.capacity.batch)
    }

    fn images(&mut self, stage: usize) -> Result<ImageSums, AnyError> {
        let activations = self.activations(stage);
        let mut energy = vec![0.0; activations.images() * activations.channels()];
        for (image, energy) in energy.chunks_exact_mut(activations.channels()).enumerate() {
            mean_squares(activations.image(image), energy);
        }
        Ok(ImageSums { energy, products: activations.image_products().into_owned() })
    }

    fn image(&mut self, stage: usize, image: usize) -> Result<Vec<f32>, AnyError> {
        Ok(self.activations(stage).image(image).to_vec())
    }

    fn numbers(&mut self, stage: usize, numbers: Range<usize>) -> Result<Vec<f32>, AnyError> {
        let activations = self.activations(stage);
        let images = 0..activations.images();
        Ok(images.flat_map(|image| activations.image(image)[numbers.clone()].to_vec()).collect())
    }

    fn pairs(&mut self, stage: usize, pairs: &[[u32; 2]]) -> Result<PairSums, AnyError> {
        let tiles = |images: &[u32; 2]| images.map(|image| image as usize / self.held.tile);
        let mut first = tiles(&pairs[0]);
        first.sort();
        for pair in pairs {
            let mut found = tiles(pair);
            found.sort();
            assert_eq!(found, first, "pairs of the images of two tiles");
        }
        let found = PairStatistics::of(self.activations(stage), pairs);
        let every = 0..pairs.len();
        let msd = every.clone().flat_map(|pair| found.msd(pair).to_vec()).collect();
        Ok(PairSums { msd, ab: every.map(|pair| found.products(pair).ab).collect() })
    }

    fn give_back(&mut self) {
        self.values.clear();
    }
}

/// The activations of a batch at some stages, each with the sizes of its axes.
fn encoded(encoder: &Encoder, batch: Batch, stages: &[Stage]) -> Vec<(Vec<f32>, Vec<usize>)> {
    let Batch::Preprocessed { values, shape } = batch else { panic!("by the recipe") };
    let images: Vec<Picture> = values
        .chunks(shape[1] * shape[2] * shape[3])
        .map(|image| Picture::Preprocessed(image.to_vec(), "one".to_owned()))
        .collect();
    let (tokens, images) = (Tokens::All, &images[..]);
    let request = FeatureRequest { encoder, images, tokens, stages, memory_bytes: 1 << 32 };
    let found = features(request, &Silent).expect("encoded");
    found.into_iter().map(|found| (found.values, found.shape)).collect()
}

/// The tables of a run of the encoder as a function on a device, and how its activations were held.
fn on_device(data: &Path, out: &Path, capacity: Capacity, held: Held) -> ([Vec<u8>; 3], Told) {
    let checkpoint = Checkpoint::open(&folder("clip/base")).expect("opened");
    let encoder = Encoder::load(&checkpoint).expect("loaded");
    let told = Arc::default();
    let device = Host {
        encoder: &encoder,
        capacity,
        held,
        stages: vec![],
        values: vec![],
        told: Arc::clone(&told),
    };
    let encode = |batch: Batch, mut rows: Vec<StageRows>| {
        let stages: Vec<Stage> = rows.iter().map(StageRows::stage).collect();
        for (rows, (values, shape)) in rows.iter_mut().zip(encoded(&encoder, batch, &stages)) {
            rows.append(&values, &shape)?;
        }
        Ok(rows)
    };
    let function = Function {
        stages: encoder.stages(),
        preprocessing: Some(encoder.preprocessing().clone()),
        batch: 64,
        spill: true,
        version: None,
        made_with: BTreeMap::from([("device".to_owned(), "main memory".to_owned())]),
        encode: Box::new(encode),
        device: Some(Box::new(device)),
    };
    let source = UserSource::Function(function);
    let model =
        UserModel { name: "base".to_owned(), reading: Reading::default(), source, depths: None };
    let folder = OutputFolder::claim(out).expect("a new folder");
    let measured = experiment(vec![], data).measure(model, Some(&folder), &Silent);
    let measured = measured.expect("measured");
    assert_eq!(measured.holding.expect("a function's").place, held.place);
    let told = told.lock().expect("one thread").clone();
    (tables(out), told)
}

fn experiment(models: Vec<ModelSpec>, data: &Path) -> Experiment {
    let spec = DatasetSpec::new(DatasetFormat::PAIRS, data.to_owned());
    Experiment { pixels: false, ..Experiment::new(models, vec![spec], 1 << 32) }
}

fn tables(out: &Path) -> [Vec<u8>; 3] {
    let names = ["scores.csv", "distances.parquet", "scale.parquet"];
    names.map(|name| std::fs::read(out.join(name)).expect(name))
}

#[test]
fn tables_are_the_same_whether_pairs_are_reduced_here_or_on_a_device() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let run = OutputFolder::claim_run(&place.path().join("run"), false).expect("a new folder");
    let model = ModelSpec::folder(folder("clip/base"));
    experiment(vec![model], &data).run(vec![], &run, &Silent).expect("run");
    let expected = tables(run.path());

    let out = |name: &str| place.path().join(name);
    let whole = Held { place: Place::Device, tile: usize::MAX };
    let much = Capacity { images: 1 << 40, batch: 3, host_bytes: 0 };
    let (found, told) = on_device(&data, &out("whole"), much, whole);
    assert!(found == expected, "all on the device");
    let [(images, batches)] = &told[..] else { panic!("one set: {told:?}") };
    assert_eq!(&batches[..3], [3, 3, 4], "batches grow; one is made ready ahead");
    assert_eq!(batches.iter().sum::<usize>(), *images);

    // Two images at a time wait elsewhere.
    let tiles = Held { place: Place::Memory, tile: 2 };
    let (found, _) = on_device(&data, &out("tiles"), much, tiles);
    assert!(found == expected, "in tiles");

    // Components that do not fit together are sets of their own.
    let little = Capacity { images: 1, batch: 3, host_bytes: 0 };
    let (found, told) = on_device(&data, &out("sets"), little, whole);
    assert!(found == expected, "set by set");
    assert!(told.len() > 1, "{told:?}");
}

#[test]
fn the_manifest_says_what_a_function_is_made_with() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let out = place.path().join("run");
    let whole = Held { place: Place::Device, tile: usize::MAX };
    on_device(&data, &out, Capacity { images: 1 << 40, batch: 8, host_bytes: 0 }, whole);
    let manifest = std::fs::read(out.join("manifest.json")).expect("read");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(manifest["models"][0]["made_with"]["device"], "main memory");
}
