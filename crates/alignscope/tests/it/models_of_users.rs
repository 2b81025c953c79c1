//! Features that are there already, and functions that encode images: the same scores and distances as a run of the
//! encoder that made them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::golden::folder;
use alignscope::encoder::{Checkpoint, Encoder};
use alignscope::features::{
    FeatureFolder, FeatureRequest, Layout, Layouts, Picture, Reading, StageFeatures, features,
    write_features,
};
use alignscope::image::RgbImage;
use alignscope::results::OutputFolder;
use alignscope::{
    Batch, DatasetFormat, DatasetOptions, DatasetSpec, Distance, Experiment, ExperimentError,
    FeatureValues, Features, Function, Measured, ModelSpec, Place, Progress, Silent, Stage,
    StageRows, Tokens, UserModel, UserSource, demo,
};

fn experiment(model: Option<&Path>, format: DatasetFormat, data: &Path, memory: u64) -> Experiment {
    let spec = DatasetSpec::new(format, data.to_owned());
    let models = model.map(ModelSpec::folder).into_iter().collect();
    Experiment { pixels: false, ..Experiment::new(models, vec![spec], memory) }
}

fn encoder() -> Encoder {
    Encoder::load(&Checkpoint::open(&folder("clip/base")).expect("opened")).expect("loaded")
}

/// The memory that an error says would do.
fn needed<T: std::fmt::Debug>(result: Result<T, ExperimentError>) -> u64 {
    let error = result.expect_err("no memory is too little");
    error.too_little_memory().expect("no memory is too little").needed
}

/// Activations of the encoder, of files or of what a function is given.
fn activations(encoder: &Encoder, images: &[Picture], stages: &[Stage]) -> Vec<StageFeatures> {
    let tokens = Tokens::All;
    let request = FeatureRequest { encoder, images, tokens, stages, memory_bytes: 1 << 32 };
    features(request, &Silent).expect("encoded")
}

/// The tables of a run in a folder; the model has the same name in all.
fn tables(out: &Path) -> [Vec<u8>; 5] {
    let names =
        ["scores.csv", "findings.csv", "comparisons.csv", "distances.parquet", "scale.parquet"];
    names.map(|name| std::fs::read(out.join(name)).expect(name))
}

/// The function that is the encoder.
fn callback<'a>(encoder: &'a Encoder, spill: bool) -> UserSource<'a> {
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
            rows.append(&found.values, &found.shape)?;
        }
        Ok(rows)
    };
    UserSource::Function(Function {
        stages: encoder.stages(),
        preprocessing: Some(encoder.preprocessing().clone()),
        batch: 10,
        spill,
        version: None,
        made_with: BTreeMap::new(),
        encode: Box::new(encode),
        device: None,
    })
}

fn measure(
    source: UserSource<'_>,
    data: &Path,
    memory: u64,
    out: Option<&OutputFolder>,
) -> Result<Measured, ExperimentError> {
    // What a run calls that folder.
    let name = "base".to_owned();
    let external = UserModel { name, reading: Reading::default(), source, depths: None };
    experiment(None, DatasetFormat::PAIRS, data, memory).measure(external, out, &Silent)
}

#[test]
fn features_and_functions_give_the_very_tables_of_a_run() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let claim = |name: &str| OutputFolder::claim(&place.path().join(name)).expect("a new folder");
    let run = OutputFolder::claim_run(&place.path().join("run"), false).expect("a new folder");
    let model = folder("clip/base");
    experiment(Some(&model), DatasetFormat::PAIRS, &data, 1 << 32)
        .run(vec![], &run, &Silent)
        .expect("run");
    let expected = tables(run.path());

    let encoder = encoder();
    let dataset =
        alignscope::Dataset::open(DatasetFormat::PAIRS, &data, &DatasetOptions::default());
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
    let source = UserSource::Features(opened.into());
    measure(source, &data, 1 << 32, Some(&from_files)).expect("measured");
    assert!(tables(from_files.path()) == expected, "features in files");

    // What alignscope did not do it does not say.
    let manifest = |folder: &OutputFolder| -> serde_json::Value {
        let text = std::fs::read_to_string(folder.path().join("manifest.json")).expect("read");
        serde_json::from_str(&text).expect("JSON")
    };
    let of_user = |told: &serde_json::Value| {
        let models = told["models"].as_array().expect("a list");
        models.last().expect("a model")["of_user"].clone()
    };
    let of_run = manifest(&run);
    for key in ["precision", "instructions", "device", "tokens"] {
        assert!(of_run[key].is_string(), "{key}");
    }
    assert_eq!(of_user(&of_run), false);
    assert!(of_run["reproducible"].as_str().expect("text").starts_with("the same command"));
    let told_of_user = |folder: &OutputFolder| {
        let told = manifest(folder);
        for key in ["precision", "instructions", "device", "baseline_size"] {
            assert!(told[key].is_null(), "{key}: {}", told[key]);
        }
        assert!(told["datasets"][0]["compared"].is_null());
        assert_eq!(told["tokens"], "all");
        assert_eq!(of_user(&told), true);
        let reproducible = told["reproducible"].as_str().expect("text");
        assert!(reproducible.contains("is not known"), "{reproducible}");
        let text = told.to_string();
        assert!(!text.contains("\"f32\"") && !text.contains("\"cpu\""), "{text}");
        let page = std::fs::read_to_string(folder.path().join("report.html")).expect("the page");
        assert!(page.contains("not known to alignscope"));
    };
    told_of_user(&from_files);

    let in_memory = activations(&encoder, &images, &[]);
    let stages = in_memory.iter().map(|found| {
        (found.stage, FeatureValues::Memory { values: &found.values, shape: found.shape.clone() })
    });
    let names: Vec<String> = images.iter().map(ToString::to_string).collect();
    let features = Features { stages: stages.collect(), file_names: Some(names) };
    let from_memory = claim("from memory");
    measure(UserSource::Features(features), &data, 1 << 32, Some(&from_memory)).expect("measured");
    assert!(tables(from_memory.path()) == expected, "features in memory");

    let by_function = claim("by a function");
    let measured = measure(callback(&encoder, true), &data, 1 << 32, Some(&by_function));
    assert!(tables(by_function.path()) == expected, "a function");
    told_of_user(&by_function);
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
    let needed = needed(measure(callback(&encoder, true), &data, 0, None));
    assert!(measure(callback(&encoder, true), &data, needed - 1, None).is_err());
    let spilled = measure(callback(&encoder, true), &data, needed, None).expect("two images fit");
    assert_eq!(spilled.holding.as_ref().map(|h| h.place), Some(Place::File));
    assert_eq!(spilled.distances, whole.distances);

    // A stage of all connected images fits, but not two.
    let memory = self::needed(measure(callback(&encoder, false), &data, 0, None));
    let grouped = measure(callback(&encoder, false), &data, memory, None).expect("a stage fits");
    let holding = grouped.holding.expect("of a function");
    assert_eq!(holding.place, Place::Memory);
    assert!(holding.stage_groups.len() > 1, "{holding}");
    assert_eq!(holding.stage_groups.concat(), encoder.stages());
    assert_eq!(grouped.distances, whole.distances);
    assert_eq!(grouped.scores, whole.scores);
}

/// Images of the data set of [`small`].
const IMAGES: usize = 8;

/// A folder with a data set of eight images, of which every two are a pair.
fn small() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut table = "reference,distorted,score\n".to_owned();
    for image in 0..IMAGES {
        let pixels = (0..3 * 4 * 4).map(|p| (p * (image + 3) % 251) as u8).collect();
        let png = RgbImage::new(4, 4, pixels).to_png();
        std::fs::write(place.path().join(format!("{image}.png")), png).expect("written");
        for other in 0..image {
            table.push_str(&format!("{other}.png,{image}.png,{}\n", (image * 5 + other * 3) % 7));
        }
    }
    std::fs::write(place.path().join("pairs.csv"), table).expect("written");
    place
}

/// The images of the small data set in its own order, and its pairs.
fn order(data: &Path) -> (Vec<usize>, Vec<[u32; 2]>) {
    let options = DatasetOptions::default();
    let dataset = alignscope::Dataset::open(DatasetFormat::PAIRS, data, &options).expect("opened");
    let number = |id: &str| id.trim_end_matches(".png").parse().expect("a number");
    let images = dataset.images.iter().map(|image| number(&image.id)).collect();
    (images, alignscope::Pairs::of(&dataset.trials).images)
}

/// Numbers without a pattern, from -1 to 1, that f16 holds.
fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 40) % 512) as f32 / 256.0 - 1.0
    };
    (0..count).map(next).collect()
}

/// How an array reaches the library.
#[derive(Debug, Clone, Copy)]
enum Way {
    Memory,
    File,
    /// In a file, with as little memory as is allowed.
    LittleMemory,
    Function,
}

impl Way {
    const ALL: [Self; 4] = [Self::Memory, Self::File, Self::LittleMemory, Self::Function];
}

/// Keeps what is told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn begin(&self, _task: &str, _steps: u64) {}
    fn advance(&self, _steps: u64) {}
    fn end(&self) {}
    fn note(&self, message: &str) {
        self.0.lock().expect("no panic").push(message.to_owned());
    }
}

impl Told {
    fn all(&self) -> String {
        self.0.lock().expect("no panic").join("\n")
    }
}

/// Writes an array as `numpy.save` does.
fn write_npy(folder: &Path, shape: &[usize], values: &[f32]) {
    std::fs::create_dir_all(folder).expect("made");
    let shape: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    std::fs::write(folder.join("features.npy"), bytes).expect("written");
    let names: String = (0..IMAGES).map(|image| format!("{image}.png\n")).collect();
    std::fs::write(folder.join("file_names.txt"), names).expect("written");
}

/// Measures one array of the small data set's images, in order of their numbers.
fn measure_array(
    data: &Path,
    way: Way,
    (shape, values): (&[usize], &[f32]),
    reading: Reading,
    progress: &dyn Progress,
) -> Result<Measured, ExperimentError> {
    let (order, _) = order(data);
    let of_image = values.len() / IMAGES;
    let told = |source, memory, progress: &dyn Progress| {
        let external = UserModel { name: "mine".to_owned(), reading, source, depths: None };
        experiment(None, DatasetFormat::PAIRS, data, memory).measure(external, None, progress)
    };
    let with = |source, memory| told(source, memory, progress);
    match way {
        Way::Memory => {
            let names = (0..IMAGES).map(|image| format!("{image}.png")).collect();
            let values = FeatureValues::Memory { values, shape: shape.to_vec() };
            let stages = vec![(Stage::Block(1), values)];
            with(UserSource::Features(Features { stages, file_names: Some(names) }), 1 << 32)
        }
        Way::File | Way::LittleMemory => {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let stage = folder.path().join("block-01");
            write_npy(&stage, shape, values);
            let source = || {
                let opened = FeatureFolder::open(folder.path()).expect("opened");
                UserSource::Features(opened.into())
            };
            if let Way::File = way {
                return with(source(), 1 << 32);
            }
            let found = told(source(), 0, &Silent);
            match found.as_ref().err().and_then(ExperimentError::too_little_memory) {
                Some(too_little) => with(source(), too_little.needed),
                None => found,
            }
        }
        Way::Function => {
            let mut batches = std::iter::once(order[..1].to_vec())
                .chain(order.chunks(3).map(<[usize]>::to_vec))
                .collect::<Vec<_>>()
                .into_iter();
            let encode = move |batch: Batch, mut rows: Vec<StageRows>| {
                let Batch::Decoded(images) = batch else { panic!("as they are") };
                let numbers = batches.next().expect("as many batches");
                assert_eq!(images.len(), numbers.len());
                let of = |image: &usize| &values[image * of_image..][..of_image];
                let values: Vec<f32> = numbers.iter().flat_map(of).copied().collect();
                let mut shape = shape.to_vec();
                shape[0] = numbers.len();
                rows[0].append(&values, &shape)?;
                Ok(rows)
            };
            let callback = Function {
                stages: vec![Stage::Block(1)],
                preprocessing: None,
                batch: 3,
                spill: true,
                version: None,
                made_with: BTreeMap::new(),
                encode: Box::new(encode),
                device: None,
            };
            with(UserSource::Function(callback), 1 << 32)
        }
    }
}

fn distances(
    data: &Path,
    way: Way,
    array: (&[usize], &[f32]),
    reading: Reading,
) -> Vec<(Distance, Vec<f64>)> {
    let measured = measure_array(data, way, array, reading, &Silent).expect("measured");
    measured.distances.into_iter().map(|(_, kind, values)| (kind, values)).collect()
}

/// Some of the tokens of each image.
fn tokens_of(values: &[f32], [tokens, channels]: [usize; 2], kept: &[usize]) -> Vec<f32> {
    let image = |image: &[f32]| {
        kept.iter().flat_map(|t| image[t * channels..][..channels].to_vec()).collect::<Vec<_>>()
    };
    values.chunks(tokens * channels).flat_map(image).collect()
}

/// The mean over the tokens of each image.
fn means(values: &[f32], [tokens, channels]: [usize; 2]) -> Vec<f32> {
    let mean = |image: &[f32], channel: usize| {
        let of_channel = image.iter().skip(channel).step_by(channels);
        (of_channel.map(|x| f64::from(*x)).sum::<f64>() / tokens as f64) as f32
    };
    let images = values.chunks(tokens * channels);
    images.flat_map(|image| (0..channels).map(move |channel| mean(image, channel))).collect()
}

#[test]
fn registers_are_neither_patches_nor_part_of_the_mean() {
    let place = small();
    // A class token, four registers that are louder than all else, and 3 × 3 patches.
    let [tokens, channels] = [1 + 4 + 9, 6];
    let shape = [IMAGES, tokens, channels];
    let mut values = noise(IMAGES * tokens * channels, 1);
    for image in values.chunks_mut(tokens * channels) {
        image[channels..5 * channels].iter_mut().for_each(|value| *value *= 40.0);
    }
    let kept = |kept: &[usize]| tokens_of(&values, [tokens, channels], kept);
    let patches: Vec<usize> = (5..14).collect();
    let seen: Vec<usize> = std::iter::once(0).chain(5..14).collect();
    let [class, patches, mean] = [kept(&[0]), kept(&patches), means(&kept(&seen), [10, channels])];
    let all = Reading::default();
    let of = |shape: &[usize], values: &[f32]| {
        distances(place.path(), Way::Memory, (shape, values), all)
    };
    let expected = [
        (Tokens::All, of(&shape, &values)),
        (Tokens::Class, of(&[IMAGES, channels], &class)),
        (Tokens::Registers, of(&[IMAGES, 4, channels], &kept(&[1, 2, 3, 4]))),
        (Tokens::Patches, of(&[IMAGES, 9, channels], &patches)),
        (Tokens::Mean, of(&[IMAGES, channels], &mean)),
    ];
    for way in Way::ALL {
        for (chosen, expected) in &expected {
            let reading = Reading { tokens: *chosen, prefix: Some(5), layouts: Layouts::default() };
            let found = distances(place.path(), way, (&shape, &values), reading);
            assert_eq!(&found, expected, "{chosen}, {way:?}");
            let alone = Reading { prefix: Some(1), ..reading };
            if *chosen == Tokens::Registers {
                let alone = measure_array(place.path(), way, (&shape, &values), alone, &Silent);
                let Err(error) = alone else { panic!("{way:?}: there are none") };
                let message = causes(&error);
                assert!(message.contains("1 stands before the patches"), "{message}");
                continue;
            }
            let alone = distances(place.path(), way, (&shape, &values), alone);
            // Whoever says that one token stands before the patches has registers among them.
            let depends = matches!(chosen, Tokens::Patches | Tokens::Mean);
            assert_eq!(alone != found, depends, "{chosen}, {way:?}");
            // Nobody said.
            let unsaid = Reading { prefix: None, ..reading };
            let unsaid = measure_array(place.path(), way, (&shape, &values), unsaid, &Silent);
            match (*chosen, unsaid) {
                (Tokens::All, Ok(_)) => {}
                (Tokens::All, Err(error)) => panic!("{error}"),
                (_, Ok(_)) => panic!("{chosen}, {way:?}: 14 tokens are no square"),
                (_, Err(error)) => {
                    let message = causes(&error);
                    assert!(message.contains("which of 14 tokens are patches"), "{message}");
                }
            }
        }
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn a_square_of_tokens_has_no_class_token_and_that_is_told() {
    let place = small();
    for (tokens, first, told) in [(10, 1, "the first is taken"), (9, 0, "all are taken")] {
        let values = noise(IMAGES * tokens * 3, 2);
        let shape = [IMAGES, tokens, 3];
        let patches: Vec<usize> = (first..tokens).collect();
        let patches = tokens_of(&values, [tokens, 3], &patches);
        let all = Reading::default();
        let expected = distances(place.path(), Way::Memory, (&[IMAGES, 9, 3], &patches), all);
        for way in Way::ALL {
            let progress = Told::default();
            let reading = Reading::from(Tokens::Patches);
            let found = measure_array(place.path(), way, (&shape, &values), reading, &progress);
            let found: Vec<_> =
                found.expect("measured").distances.into_iter().map(|d| (d.1, d.2)).collect();
            assert_eq!(found, expected, "{tokens} tokens, {way:?}");
            assert_eq!(progress.all().matches(told).count(), 1, "{}", progress.all());
            // What was said needs no telling.
            let progress = Told::default();
            let said = Reading { prefix: Some(first), ..reading };
            measure_array(place.path(), way, (&shape, &values), said, &progress).expect("measured");
            assert!(!progress.all().contains("taken"), "{}", progress.all());
        }
    }
}

fn layouts(layout: Option<Layout>) -> Layouts {
    layout.map(Layouts::from).unwrap_or_default()
}

/// Stops the work as soon as features are hashed.
#[derive(Default)]
struct StopsHashing(Mutex<Vec<(String, u64)>>);

impl Progress for StopsHashing {
    fn begin(&self, task: &str, steps: u64) {
        self.0.lock().expect("no panic").push((task.to_owned(), steps));
    }
    fn advance(&self, _steps: u64) {}
    fn end(&self) {}
    fn note(&self, _message: &str) {}
    fn is_stopped(&self) -> bool {
        let tasks = self.0.lock().expect("no panic");
        tasks.last().is_some_and(|(task, _)| task.contains("hashing its features"))
    }
}

#[test]
fn features_in_files_are_hashed_with_progress_and_that_can_be_stopped() {
    let place = small();
    let array = (&[IMAGES, 3][..], &noise(IMAGES * 3, 8)[..]);
    let progress = StopsHashing::default();
    let found = measure_array(place.path(), Way::File, array, Reading::default(), &progress);
    assert!(matches!(found, Err(ExperimentError::Stopped)), "{found:?}");
    let tasks = progress.0.into_inner().expect("no panic");
    let (task, bytes) = tasks.last().expect("a task");
    assert_eq!(task, "mine: hashing its features");
    assert!(*bytes > (IMAGES * 3 * size_of::<f32>()) as u64, "{bytes}");
}

/// An array of maps in both layouts, and as tokens.
fn maps([channels, height, width]: [usize; 3]) -> [(Vec<usize>, Vec<f32>, Option<Layout>); 3] {
    let positions = height * width;
    let nchw = noise(IMAGES * channels * positions, 3);
    // [images, channels, positions] -> [images, positions, channels]
    let of_image = channels * positions;
    let at = |i: usize| {
        let (image, position, channel) = (i / of_image, i % of_image / channels, i % channels);
        nchw[image * of_image + channel * positions + position]
    };
    let tokens: Vec<f32> = (0..nchw.len()).map(at).collect();
    [
        (vec![IMAGES, channels, height, width], nchw.clone(), Some(Layout::Nchw)),
        (vec![IMAGES, height, width, channels], tokens.clone(), Some(Layout::Nhwc)),
        (vec![IMAGES, positions, channels], tokens, None),
    ]
}

#[test]
fn a_map_is_its_positions_as_tokens_to_the_byte() {
    let place = small();
    // Also one whose axes are alike, one that is no square, and one of a single position.
    for size in [[6, 4, 4], [4, 4, 4], [5, 2, 3], [7, 1, 1], [1, 3, 3]] {
        let arrays = maps(size);
        let (shape, tokens, _) = &arrays[2];
        let means = means(tokens, [size[1] * size[2], size[0]]);
        let pooled = vec![IMAGES, size[0]];
        let all = Reading::default();
        let as_tokens = distances(place.path(), Way::Memory, (shape, tokens), all);
        let as_means = distances(place.path(), Way::Memory, (&pooled, &means), all);
        for way in Way::ALL {
            for (shape, values, layout) in &arrays[..2] {
                let array = (&shape[..], &values[..]);
                for (chosen, expected) in [
                    (Tokens::All, &as_tokens),
                    (Tokens::Patches, &as_tokens),
                    (Tokens::Mean, &as_means),
                ] {
                    let reading =
                        Reading { tokens: chosen, prefix: None, layouts: layouts(*layout) };
                    let found = distances(place.path(), way, array, reading);
                    assert_eq!(&found, expected, "{shape:?}, {chosen}, {way:?}");
                }
                for (tokens, prefix, layout, part) in [
                    (Tokens::Class, None, *layout, "a feature map has none"),
                    (Tokens::All, Some(1), *layout, "before the patches, 1, has no use"),
                    (Tokens::All, None, None, "four axes that may be in"),
                    (Tokens::All, None, Some(Layout::Ncl), "four axes that may be in"),
                ] {
                    let reading = Reading { tokens, prefix, layouts: layouts(layout) };
                    let refused = measure_array(place.path(), way, array, reading, &Silent);
                    let message = causes(&refused.expect_err("refused"));
                    assert!(message.contains(part), "{message}");
                }
            }
            let (shape, values, _) = &arrays[0];
            let tokens = (&[shape[0], shape[1], shape[2] * shape[3]][..], &values[..]);
            let reading = Reading { layouts: Layout::Ncl.into(), ..all };
            assert_eq!(distances(place.path(), way, tokens, reading), as_tokens, "{way:?}");
        }
    }
}

/// The normalized distance by the plainest loops, each channel of each token scaled by how much
/// the channel varies over all pairs.
fn normalized(pairs: &[[u32; 2]], rows: &[&[f32]], channels: usize) -> Vec<f64> {
    let mean_squares = |[a, b]: [u32; 2]| {
        let mut sums = vec![0.0; channels];
        let (a, b) = (rows[a as usize], rows[b as usize]);
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            sums[i % channels] += f64::from(a - b).powi(2);
        }
        sums.iter_mut().for_each(|sum| *sum /= (a.len() / channels) as f64);
        sums
    };
    let all: Vec<Vec<f64>> = pairs.iter().map(|pair| mean_squares(*pair)).collect();
    let scale = |c: usize| all.iter().map(|of| of[c]).sum::<f64>() / all.len() as f64;
    let scales: Vec<f64> = (0..channels).map(scale).collect();
    let of = |squares: &Vec<f64>| {
        let terms = squares.iter().zip(&scales).map(|(square, scale)| square / scale);
        (terms.sum::<f64>() / channels as f64).sqrt()
    };
    all.iter().map(of).collect()
}

#[test]
fn of_four_ways_around_a_map_one_has_its_normalized_distance() {
    let place = small();
    let (order, pairs) = order(place.path());
    let [channels, height, width] = [6, 4, 3];
    let positions = height * width;
    let [(shape, nchw, layout), (_, tokens, _), _] = maps([channels, height, width]);
    let by_hand = |values: &[f32], channels: usize| {
        let of_image = values.len() / IMAGES;
        let rows: Vec<&[f32]> =
            order.iter().map(|image| &values[image * of_image..][..of_image]).collect();
        normalized(&pairs, &rows, channels)
    };
    let right = by_hand(&tokens, channels);
    let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6);
    let found = |shape: &[usize], values: &[f32], layout| {
        let reading = Reading { layouts: layouts(layout), ..Reading::default() };
        let found = distances(place.path(), Way::Memory, (shape, values), reading);
        let of_kind = found.into_iter().find(|(kind, _)| *kind == Distance::NormalizedEuclidean);
        of_kind.expect("asked for").1
    };
    assert!(near(&found(&shape, &nchw, layout), &right));
    // Flattened; positions taken for channels; pooled; and as it is.
    let pooled = means(&tokens, [positions, channels]);
    for (shape, values, expected, is_right) in [
        (vec![IMAGES, channels * positions], &nchw, by_hand(&nchw, channels * positions), false),
        (vec![IMAGES, channels, positions], &nchw, by_hand(&nchw, positions), false),
        (vec![IMAGES, channels], &pooled, by_hand(&pooled, channels), false),
        (vec![IMAGES, positions, channels], &tokens, right.clone(), true),
    ] {
        let found = found(&shape, values, None);
        assert!(near(&found, &expected), "{shape:?}");
        assert_eq!(near(&found, &right), is_right, "{shape:?}");
    }
}

#[test]
fn stages_of_maps_tokens_and_one_vector_stand_side_by_side() {
    let place = small();
    let [(map_shape, map, layout), (_, map_tokens, _), _] = maps([5, 3, 2]);
    let vit = noise(IMAGES * 14 * 4, 4);
    let deeper = noise(IMAGES * 6 * 4, 5);
    let head = noise(IMAGES * 3, 6);
    let (order, _) = order(place.path());
    let names: Vec<String> = (0..IMAGES).map(|image| format!("{image}.png")).collect();
    let measure = |arrays: &[(&str, &[usize], &[f32])], reading, out: Option<&OutputFolder>| {
        let mut stages = Vec::new();
        for (name, shape, values) in arrays {
            let values = FeatureValues::Memory { values, shape: shape.to_vec() };
            stages.push((Stage::in_results(name), values));
        }
        let source = UserSource::Features(Features { stages, file_names: Some(names.clone()) });
        let external = UserModel { name: "mine".to_owned(), reading, source, depths: None };
        experiment(None, DatasetFormat::PAIRS, place.path(), 1 << 32)
            .measure(external, out, &Silent)
    };
    assert_eq!(order.len(), IMAGES);
    let vit_patches: Vec<usize> = (5..14).collect();
    let vit_patches = tokens_of(&vit, [14, 4], &vit_patches);
    let deeper_patch = tokens_of(&deeper, [6, 4], &[5]);
    let expected = measure(
        &[
            ("layer1", &[IMAGES, 6, 5], &map_tokens),
            ("block", &[IMAGES, 9, 4], &vit_patches),
            ("deeper", &[IMAGES, 1, 4], &deeper_patch),
            ("head", &[IMAGES, 3], &head),
        ],
        Reading::default(),
        None,
    );
    let reading = Reading { tokens: Tokens::Patches, prefix: Some(5), layouts: layouts(layout) };
    let out = OutputFolder::claim(&place.path().join("out")).expect("a new folder");
    let arrays: [(&str, &[usize], &[f32]); 4] = [
        ("layer1", &map_shape, &map),
        ("block", &[IMAGES, 14, 4], &vit),
        ("deeper", &[IMAGES, 6, 4], &deeper),
        ("head", &[IMAGES, 3], &head),
    ];
    let found = measure(&arrays, reading, Some(&out)).expect("measured");
    assert_eq!(found.distances, expected.expect("measured").distances);

    // The manifest says what the numbers depend on.
    let manifest = std::fs::read_to_string(out.path().join("manifest.json")).expect("read");
    for part in [
        r#""layout of mine": "NCHW""#,
        r#""tokens before the patches of mine": "0 of 6 at layer1, 5 of 14 at block, 5 of 6 at"#,
    ] {
        assert!(manifest.contains(part), "{part} is not in {manifest}");
    }
    // As many tokens before the patches as a stage has leave it none.
    let refused = measure(&arrays, Reading { prefix: Some(6), ..reading }, None);
    let message = causes(&refused.expect_err("refused"));
    assert!(message.contains("mine at deeper: 6 tokens are said"), "{message}");
}

#[test]
fn axes_that_look_exchanged_are_told_of_once() {
    let place = small();
    let shape = [IMAGES, 24, 10];
    let values = noise(IMAGES * 24 * 10, 7);
    for way in Way::ALL {
        let progress = Told::default();
        let found =
            measure_array(place.path(), way, (&shape, &values), Reading::default(), &progress);
        let warnings = found.expect("measured").warnings;
        assert_eq!(warnings.len(), 1, "{way:?}");
        assert!(warnings[0].text.contains("read as 24 tokens of 10 channels"), "{warnings:?}");
        assert_eq!(progress.all().matches("look exchanged").count(), 1, "{}", progress.all());
        for layout in [Layout::Nlc, Layout::Ncl] {
            let reading = Reading { layouts: layout.into(), ..Reading::default() };
            let found = measure_array(place.path(), way, (&shape, &values), reading, &Silent);
            assert_eq!(found.expect("measured").warnings, []);
        }
    }
}

#[test]
fn a_map_in_a_file_takes_no_more_memory_than_its_tokens() {
    let place = small();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let least = |(shape, values, layout): &(Vec<usize>, Vec<f32>, Option<Layout>)| {
        let path: PathBuf = folder.path().join("block-01");
        write_npy(&path, shape, values);
        let opened = FeatureFolder::open(folder.path()).expect("opened");
        let reading = Reading { layouts: layouts(*layout), ..Reading::default() };
        let source = UserSource::Features(opened.into());
        let external = UserModel { name: "mine".to_owned(), reading, source, depths: None };
        let experiment = experiment(None, DatasetFormat::PAIRS, place.path(), 0);
        needed(experiment.measure(external, None, &Silent))
    };
    let [nchw, nhwc, tokens] = maps([6, 5, 5]).map(|array| least(&array));
    assert_eq!((nchw, nhwc), (tokens, tokens));
}

/// Stops after so many images.
struct Until(std::sync::atomic::AtomicI64);

impl alignscope::Progress for Until {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, steps: u64) {
        self.0.fetch_sub(steps as i64, std::sync::atomic::Ordering::Relaxed);
    }
    fn end(&self) {}
    fn note(&self, _: &str) {}
    fn is_stopped(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed) < 0
    }
}

#[test]
fn a_function_that_is_kept_goes_on_after_a_stop_to_the_same_bytes() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").middle;
    let encoder = encoder();
    let run = |out: &str, memory: u64, cache: Option<&str>, until: i64| {
        let UserSource::Function(function) = callback(&encoder, true) else { panic!("a function") };
        let version = Some("1".to_owned());
        let source = UserSource::Function(Function { version, ..function });
        let own =
            UserModel { name: "own".to_owned(), reading: Reading::default(), source, depths: None };
        let kept = cache.map(|name| alignscope::cache::CacheFolder::new(&place.path().join(name)));
        let models = Experiment { kept, ..experiment(None, DatasetFormat::TWO_AFC, &data, memory) };
        let out = OutputFolder::claim_run(&place.path().join(out), false).expect("its folder");
        let done = models.run(vec![own], &out, &Until(until.into()));
        done.map(|_| tables(out.path()))
    };
    let expected = run("whole", 1 << 32, None, i64::MAX).expect("run");
    // A budget in which the images do not fit at once.
    let needed = needed(run("little", 0, None, i64::MAX));
    for (i, memory) in [1 << 32, needed + 2_000_000].into_iter().enumerate() {
        for until in [200, 300, 400, 500] {
            let (out, cache) = (format!("out {i} {until}"), format!("kept {i} {until}"));
            match run(&out, memory, Some(&cache), until) {
                Ok(tables) => assert!(tables == expected, "{i}, {until}: not stopped"),
                Err(ExperimentError::Stopped) => {}
                Err(error) => panic!("{error}"),
            }
            let found = run(&out, memory, Some(&cache), i64::MAX).expect("it goes on");
            assert!(found == expected, "{i}, {until}: other bytes");
            let again = run(&format!("again {i} {until}"), memory, Some(&cache), i64::MAX);
            assert!(again.expect("from what is kept") == expected, "{i}, {until}: kept bytes");
        }
    }
}

#[test]
fn models_of_all_kinds_stand_in_one_run() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let encoder = encoder();
    let own = |name: &str| UserModel {
        name: name.to_owned(),
        reading: Reading::default(),
        source: callback(&encoder, true),
        depths: None,
    };
    let model = folder("clip/base");
    let mut whole = experiment(Some(&model), DatasetFormat::PAIRS, &data, 1 << 32);
    whole.pixels = true;
    whole.models.insert(0, ModelSpec::Own("first".to_owned()).into());
    let out = OutputFolder::claim_run(&place.path().join("run"), false).expect("a new folder");
    let found = whole.run(vec![own("last"), own("first")], &out, &Silent).expect("run").scores;
    let mut names: Vec<&str> = found.iter().map(|row| row.model.as_str()).collect();
    names.dedup();
    assert_eq!(names, ["pixels", "first", "base", "last"]);
    let of = |name: &str| -> Vec<_> {
        let rows = found.iter().filter(|row| row.model == name);
        rows.map(|row| (row.stage, row.distance, row.value.to_bits(), row.ci_low)).collect()
    };
    assert_eq!(of("first"), of("base"));
    assert_eq!(of("last"), of("base"));

    let refused = |models: Vec<UserModel<'_>>| {
        let out = place.path().join("refused");
        let claimed = OutputFolder::claim_run(&out, false).expect("a new folder");
        let error = whole.run(models, &claimed, &Silent).expect_err("refused").to_string();
        claimed.abandon();
        assert!(!out.exists(), "{error}");
        error
    };
    assert!(refused(vec![]).contains("`first` was not given"));
    let twice = refused(vec![own("first"), own("first")]);
    assert!(twice.contains("first is named twice"), "{twice}");
    assert!(refused(vec![own("first"), own("ssim")]).contains("ssim"));
}
