//! Learned transforms: applied as NumPy does, fitted by gLocal's loss as PyTorch has it; what is
//! there to be found is found, and nothing where nothing is.

use std::path::Path;

use crate::golden::{Tensors, folder};
use alignscope::features::Reading;
use alignscope::resample::Resampling;
use alignscope::results::{OutputFolder, read_scores};
use alignscope::transform::{
    Choice, Contrast, Fold, Folds, Judged, Objective, Recipe, Shape, StageVectors, Transform,
    choices_of, cross_validate, plain_distances, read_transform, read_transforms, write_transform,
};
use alignscope::{
    DatasetFormat, DatasetOptions, DatasetSpec, Distance, Experiment, FeatureValues, Features,
    NoTorch, OddOneOut, Pairs, Silent, Stage, Tokens, TransformKind, TransformRequest,
    TransformSpec, Trials, UserModel, UserSource,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

#[test]
fn transforms_are_applied_as_numpy_does() {
    let golden = Tensors::open(&folder("transform").join("cases.safetensors"));
    let (_, x) = golden.floats("x");
    for (name, outputs, has_bias) in [("scalar", 4, true), ("channels", 3, false)] {
        let path = folder("transform").join(format!("{name}.npz"));
        let (transform, file) = read_transform(&path).expect("read");
        assert_eq!((transform.channels(), transform.outputs), (6, outputs));
        assert_eq!(transform.bias.is_some(), has_bias);
        assert_eq!(file.sha256.len(), 64);
        let (_, expected) = golden.doubles(name);
        for (found, expected) in transform.apply(&x).into_iter().zip(expected) {
            // Products in f64, rounded to f32 at the end.
            let off = (f64::from(found) - expected).abs();
            assert!(off <= 1e-6 * (1.0 + expected.abs()), "{name}: {found}, expected {expected}");
        }
    }
}

#[test]
fn the_loss_of_glocal_and_its_gradient_are_those_of_pytorch() {
    let golden = Tensors::open(&folder("transform").join("cases.safetensors"));
    for case in ["choices", "penalty", "glocal"] {
        let get = |key: &str| golden.doubles(&format!("{case}/{key}"));
        let whole = |key: &str| get(key).1.into_iter().map(|x| x as usize).collect::<Vec<_>>();
        let (shape, features) = get("features");
        let channels = shape[1];
        let [alpha, temperature, lambda] = get("numbers").1[..] else { panic!("three numbers") };
        let triplets = whole("triplets");
        let votes = get("votes").1;
        let choices = triplets.as_chunks::<3>().0.iter().zip(votes.as_chunks::<3>().0);
        let choices = choices
            .map(|(&[a, b, c], votes)| (vec![[a, b], [a, c], [b, c]], votes.to_vec()))
            .collect();
        let contrast = (alpha > 0.0)
            .then(|| Contrast::new(&features, channels, whole("images"), alpha, temperature));
        let of = Objective::new(features, channels, choices, Shape::Full, lambda, contrast);
        let mut gradient = vec![0.0; channels * channels];
        let value = of.value(&get("weights").1, &mut gradient);
        let expected = get("value").1[0];
        // Sums of some hundred products in f64, in another order.
        assert!((value - expected).abs() < 1e-12, "{case}: {value}, expected {expected}");
        for (found, expected) in gradient.iter().zip(get("gradient").1) {
            assert!((found - expected).abs() < 1e-12, "{case}: {found}, expected {expected}");
        }
    }
}

/// Vectors of noise, of which the first channels are what people see.
struct World {
    vectors: StageVectors,
    trials: Trials,
    choices: Vec<Choice>,
    pairs: Pairs,
}

const CHANNELS: usize = 16;
const SEEN: usize = 3;

impl World {
    /// `seen` — the channels by which people judge; none where each image is of a kind that its vector
    /// does not tell, and people see kinds
    fn new(images: usize, triplets: usize, seen: usize) -> Self {
        Self::of_channels(CHANNELS, images, triplets, seen)
    }

    fn of_channels(channels: usize, images: usize, triplets: usize, seen: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let values: Vec<f64> = (0..images * channels).map(|_| normal()).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let class: Vec<u32> = (0..images).map(|_| rng.random_range(0..3)).collect();
        let vector = |image: u32| &values[image as usize * channels..][..seen];
        let distance = |a: u32, b: u32| -> f64 {
            vector(a).iter().zip(vector(b)).map(|(a, b)| (a - b).powi(2)).sum()
        };
        let mut trial = || {
            let mut pick = || rng.random_range(0..images as u32);
            let images = loop {
                let [a, b, c] = [pick(), pick(), pick()];
                let [x, y, z] = [a, b, c].map(|image| class[image as usize]);
                let two_of_a_kind =
                    [x == y, x == z, y == z].iter().filter(|same| **same).count() == 1;
                if a != b && a != c && b != c && (seen > 0 || two_of_a_kind) {
                    break [a, b, c];
                }
            };
            let [a, b, c] = images;
            // The odd one stands apart from the nearest two.
            let apart = match seen {
                // The one that is alone of its kind.
                0 => [a, b, c].map(|image| {
                    let kind = |other: &&u32| class[**other as usize] == class[image as usize];
                    -(images.iter().filter(kind).count() as f64)
                }),
                _ => [-distance(b, c), -distance(a, c), -distance(a, b)],
            };
            let odd = (0..3).max_by(|x, y| apart[*x].total_cmp(&apart[*y])).expect("three");
            OddOneOut { images, odd: odd as u8 }
        };
        let trials: Vec<OddOneOut> = (0..triplets).map(|_| trial()).collect();
        let choices = choices_of(&trials);
        let trials = Trials::OddOneOut(trials);
        let values = values.into_iter().map(|x| x as f32).collect();
        let vectors = StageVectors { stage: Stage::Output, channels, values };
        Self { vectors, pairs: Pairs::of(&trials), choices, trials }
    }

    fn accuracy(&self, distances: &[f64]) -> f64 {
        let ties = alignscope::Ties::Miss;
        alignscope::score::score(&self.trials, distances, ties).expect("scored")[0].value
    }

    /// Accuracy without a transform, and with one of a kind.
    fn accuracies(&self, folds: &Folds, kind: TransformKind) -> [f64; 2] {
        self.accuracies_by(folds, &Recipe::new(kind))
    }

    fn accuracies_by(&self, folds: &Folds, recipe: &Recipe) -> [f64; 2] {
        let distances = &[Distance::Cosine];
        let (pairs, choices) = (&self.pairs, &self.choices[..]);
        let judged = Judged { pairs, choices, folds, distances };
        let without = plain_distances(&self.vectors, judged).expect("plain");
        let with = cross_validate(&self.vectors, judged, recipe, || {}).expect("fitted");
        [&without[0], &with.distances[0]].map(|distances| self.accuracy(distances))
    }
}

#[test]
fn channels_that_people_see_are_found_on_images_that_were_not_seen() {
    let world = World::new(300, 700, SEEN);
    let folds = Folds::new(&world.choices, None, 0).expect("enough");
    for (kind, least) in [
        (TransformKind::Diagonal, 0.2),
        (TransformKind::Ridge, 0.12),
        (TransformKind::Glocal, 0.08),
    ] {
        let [without, with] = world.accuracies(&folds, kind);
        assert!(with > without + least, "{kind}: {without} without, {with} with");
    }
    let [without, with] = world.accuracies(&folds, TransformKind::Standardize);
    assert!((with - without).abs() < 0.05, "nothing is learned: {without}, {with}");
}

#[test]
fn nothing_is_gained_of_answers_that_no_vector_tells_and_a_leak_would_show() {
    // An image is of a kind that its vector does not tell: who has seen it knows, if vectors have nearly
    // as many channels as there are images.
    let world = World::of_channels(96, 120, 900, 0);
    let by_images = Folds::new(&world.choices, None, 0).expect("enough");
    // Folds of trials, not of images.
    let all: Vec<usize> = (0..world.choices.len()).collect();
    let fold = |k: usize| {
        let (test, train) = all.iter().partition(|question| *question % 8 == k);
        Fold { test, train }
    };
    let by_trials = Folds { folds: (0..8).map(fold).collect(), share: 0.125 };
    // Of so weak a penalty a transform knows by heart what it is fitted to.
    let by_heart = |kind| Recipe { lambdas: vec![1e-6], ..Recipe::new(kind) };
    for kind in [TransformKind::Diagonal, TransformKind::Ridge] {
        let [without, with] = world.accuracies_by(&by_images, &by_heart(kind));
        // A standard error of 0.016.
        assert!(with - without < 0.05, "{kind}: {without} without, {with} with");
        assert!((with - 1.0 / 3.0).abs() < 0.06, "{kind}: {with} by chance");
    }
    let [_, leaked] = world.accuracies_by(&by_trials, &by_heart(TransformKind::Ridge));
    assert!(leaked > 1.0 / 3.0 + 0.06, "folds of trials know images: {leaked}");
}

/// A data set of triplets without images, and features of it.
fn written(place: &Path, world: &World) -> DatasetSpec {
    let Trials::OddOneOut(trials) = &world.trials else { unreachable!("triplets") };
    let mut table = "image_1,image_2,image_3,odd\n".to_owned();
    for OddOneOut { images: [a, b, c], odd } in trials {
        table += &format!("{a}.png,{b}.png,{c}.png,{}\n", odd + 1);
    }
    std::fs::write(place.join("oddoneout.csv"), table).expect("written");
    let order: String = (0..world.vectors.images()).map(|i| format!("{i}.png\n")).collect();
    std::fs::write(place.join("image_order.txt"), order).expect("written");
    let format: DatasetFormat = "oddoneout".parse().expect("a format");
    let options = DatasetOptions { without_images: true, ..DatasetOptions::default() };
    DatasetSpec { options, ..DatasetSpec::new(format, place.to_owned()) }
}

fn experiment(dataset: &DatasetSpec) -> Experiment {
    Experiment {
        pixels: false,
        distances: vec![Distance::Cosine],
        tokens: Tokens::Mean,
        resampling: Resampling { resamples: 200, ..Resampling::default() },
        ..Experiment::new(vec![], vec![dataset.clone()], 1 << 30)
    }
}

/// A model of two stages: one of other numbers, and the vectors themselves.
fn model<'a>(stages: &[(&str, &'a [f32], usize)], names: &[String]) -> UserModel<'a> {
    let of = |&(name, values, channels): &(&str, &'a [f32], usize)| {
        let shape = vec![values.len() / channels, channels];
        (Stage::in_results(name), FeatureValues::Memory { values, shape })
    };
    UserModel {
        name: "mine".to_owned(),
        reading: Reading { tokens: Tokens::Mean, ..Reading::default() },
        source: UserSource::Features(Features {
            stages: stages.iter().map(of).collect(),
            file_names: Some(names.to_vec()),
        }),
        depths: None,
    }
}

fn names(world: &World) -> Vec<String> {
    (0..world.vectors.images()).map(|i| format!("{i}.png")).collect()
}

#[test]
fn a_run_with_a_transform_is_one_of_features_that_were_transformed_by_hand() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let world = World::new(60, 200, SEEN);
    let (dataset, names) = (written(place.path(), &world), names(&world));
    let transform = Transform {
        mean: vec![0.25],
        std: vec![0.5],
        weights: (0..CHANNELS * 2).map(|i| (i as f64 * 0.7).sin()).collect(),
        outputs: 2,
        bias: Some(vec![1.0, -1.0]),
    };
    let file = place.path().join("transform.npz");
    write_transform(&file, &transform).expect("written");
    let (transform, _) = read_transform(&file).expect("read");
    let other: Vec<f32> = world.vectors.values.iter().map(|x| x * x).collect();
    let stages = [("first", &other[..], CHANNELS), ("second", &world.vectors.values[..], CHANNELS)];
    let run = |experiment: &Experiment, out: &str, model: UserModel<'_>| {
        let out = OutputFolder::claim(&place.path().join(out)).expect("new");
        experiment.run(vec![model], &out, &Silent).expect("run");
        read_scores(&out.file("scores.csv")).expect("scores")
    };
    for (asked, values) in [("", &world.vectors.values), ("@first", &other)] {
        let text = format!("{}{asked}", file.display());
        let Ok(spec) = text.parse::<TransformSpec>();
        let with = Experiment { transform: Some(spec), ..experiment(&dataset) };
        let found = run(&with, &format!("with{asked}"), model(&stages, &names));
        let by_hand = transform.apply(values);
        let stage = if asked.is_empty() { "second" } else { "first" };
        let by_hand = model(&[(stage, &by_hand, 2)], &names);
        let expected = run(&experiment(&dataset), &format!("hand{asked}"), by_hand);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.model, "mine (transformed)");
            assert_eq!((found.stage, found.value), (expected.stage, expected.value));
            assert_eq!((found.ci_low, found.ci_high), (expected.ci_low, expected.ci_high));
        }
    }
}

#[test]
fn a_transform_that_does_not_fit_is_an_error_that_says_why() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let world = World::new(60, 200, SEEN);
    let (dataset, names) = (written(place.path(), &world), names(&world));
    let file = place.path().join("transform.npz");
    let wide = Transform {
        mean: vec![0.0],
        std: vec![1.0],
        weights: vec![1.0; 5],
        outputs: 1,
        bias: None,
    };
    write_transform(&file, &wide).expect("written");
    let stages = [("first", &world.vectors.values[..], CHANNELS)];
    let said = |spec: TransformSpec, model: UserModel<'_>| {
        let with = Experiment { transform: Some(spec), ..experiment(&dataset) };
        let error = with.measure(model, None, &Silent).expect_err("refused");
        let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    };
    let spec = |stage: Option<&str>| TransformSpec {
        file: file.clone(),
        stage: stage.map(Stage::in_results),
    };
    let found = said(spec(None), model(&stages, &names));
    assert!(found.contains("takes 5 channels, mine has 16 at first"), "{found}");
    let found = said(spec(Some("third")), model(&stages, &names));
    assert!(found.contains("no stage `third`") && found.contains("`first`"), "{found}");
    let missing = TransformSpec { file: place.path().join("none.npz"), stage: None };
    let found = said(missing, model(&stages, &names));
    assert!(found.contains("none.npz"), "{found}");
}

#[test]
fn fits_are_written_and_read_and_the_same_whatever_the_threads() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let world = World::new(150, 300, SEEN);
    let (dataset, names) = (written(place.path(), &world), names(&world));
    let stages = [("first", &world.vectors.values[..], CHANNELS)];
    let request = TransformRequest {
        kinds: vec![TransformKind::Diagonal, TransformKind::Glocal],
        ..TransformRequest::default()
    };
    let mut files = vec![];
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let out = OutputFolder::claim(&place.path().join(threads.to_string())).expect("new");
        let own = vec![model(&stages, &names)];
        let (experiment, request) = (experiment(&dataset), &request);
        let work = || experiment.fit_transforms(request, own, &NoTorch, Some(&out), &Silent);
        let found = pool.install(work).expect("fitted");
        assert_eq!(read_transforms(&out.file("transforms.csv")).expect("read"), found.rows);
        let [diagonal, glocal] = &found.rows[..] else { panic!("two rows") };
        assert_eq!((diagonal.kind, glocal.kind), (request.kinds[0], request.kinds[1]));
        assert!(diagonal.gain > 0.1 && diagonal.gain_low > Some(0.0), "{diagonal:?}");
        assert_eq!((glocal.alpha, diagonal.alpha), (Some(0.1), None));
        let fitted = out.file("transform-diagonal-first.npz");
        let (transform, _) = read_transform(&fitted).expect("read");
        let weights: Vec<f64> = transform.weights.iter().step_by(CHANNELS + 1).copied().collect();
        let least = weights[..SEEN].iter().copied().fold(f64::INFINITY, f64::min);
        let most = weights[SEEN..].iter().copied().fold(0.0, f64::max);
        assert!(least > 1.5 * most, "the channels that people see: {weights:?}");
        let bytes = |name: &str| std::fs::read(out.file(name)).expect(name);
        files.push([
            bytes("transforms.csv"),
            bytes("gain.svg"),
            bytes("transform-diagonal-first.npz"),
            bytes("transform-glocal-first.npz"),
        ]);
    }
    assert!(files[0] == files[1], "the number of threads changes nothing");
}

#[test]
fn a_model_whose_images_are_shuffled_gains_nothing() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let world = World::new(200, 500, SEEN);
    let (dataset, names) = (written(place.path(), &world), names(&world));
    let stages = [("first", &world.vectors.values[..], CHANNELS)];
    let request = TransformRequest { shuffled: true, ..TransformRequest::default() };
    let own = vec![model(&stages, &names)];
    let found = experiment(&dataset).fit_transforms(&request, own, &NoTorch, None, &Silent);
    let rows = found.expect("fitted").rows;
    // Bonferroni's bound: of all rows together, one in twenty worlds would be told to gain.
    let least = 0.05 / rows.len() as f64;
    assert!(rows.len() >= 4, "a row of each kind: {rows:?}");
    for row in &rows {
        assert!(row.shuffled && row.p > Some(least) && row.gain.abs() < 0.05, "{row:?}");
    }
}
