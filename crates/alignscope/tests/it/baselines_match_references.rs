//! Each baseline against its reference (`golden/baseline/generate.py`).

use std::collections::BTreeMap;
use std::path::Path;

use crate::golden::{folder, shared};
use alignscope::image::RgbImage;
use alignscope::{LoadedMetric, MetricFolders, MetricKind};
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};

#[derive(serde::Deserialize)]
struct Case {
    a: String,
    b: String,
    values: BTreeMap<String, f64>,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read(folder("baseline").join("expected.json")).expect("the golden values");
    serde_json::from_slice(&text).expect("as generated")
}

/// Holds a baseline to the golden values called `name`: within `absolute`, or `relative` of the
/// value.
fn check(model: &LoadedMetric, name: &str, absolute: f64, relative: f64) {
    let image = |name: &str| RgbImage::open(&folder("baseline").join(name)).expect("an image");
    let side = model.baseline().min_side();
    let least = |value| RgbImage::new(side, side + 1, vec![value; 3 * side * (side + 1)]);
    let (a, b) = (model.features(least(30)), model.features(least(90)));
    assert!(model.distance(&a, &b).is_finite(), "{name} of the smallest images");
    assert!(model.bytes(side, side + 1) > 0);

    let mut worst: f64 = 0.0;
    for case in cases() {
        let (a, b) = (model.features(image(&case.a)), model.features(image(&case.b)));
        let (found, expected) = (model.distance(&a, &b), case.values[name]);
        let off = (found - expected).abs();
        worst = worst.max(off / expected);
        assert!(
            off <= absolute + relative * expected,
            "{name} of {} and {}: {found}, expected {expected}",
            case.a,
            case.b
        );
        assert_eq!(model.distance(&a, &a), 0.0, "{name} of equal images");
        assert_eq!(model.distance(&a, &b), model.distance(&b, &a), "{name} in either order");
    }
    println!("{name}: at most {worst:.1e} of the value off");
}

/// Luma and variances are rounded to f32, of which an image has too many to keep in f64: 1e-7 of
/// the similarity. The sums are in f64, as the reference's.
#[test]
fn ssim_and_its_variants_are_those_of_scikit_image_and_the_authors() {
    let folders = MetricFolders::new(None).expect("nothing named");
    for baseline in [
        MetricKind::Ssim,
        MetricKind::SsimMatlab,
        MetricKind::SsimMatlabDownsampled,
        MetricKind::SsimRgb,
        MetricKind::MsSsim,
        MetricKind::Psnr,
    ] {
        let model = LoadedMetric::load(baseline, &folders).expect("it needs no file");
        check(&model, baseline.name(), 1e-7, 1e-9);
    }
}

/// The formula of `generate.py`.
fn formula(len: usize, seed: usize, scale: f64, shift: f64) -> Vec<f32> {
    let number = |i: usize| {
        let mut x = (i as u64 * 2_654_435_761 + seed as u64 * 40503) & 0xffff_ffff;
        for _ in 0..2 {
            x = ((x ^ (x >> 16)) * 73_244_475) & 0xffff_ffff;
        }
        x ^= x >> 16;
        ((x as f64 / 4_294_967_296.0 - 0.5) * scale + shift) as f32
    };
    (0..len).map(number).collect()
}

struct Tensors(Vec<(String, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn add(&mut self, name: &str, shape: &[usize], seed: usize, scale: f64, shift: f64) {
        let values = formula(shape.iter().product(), seed, scale, shift);
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.0.push((name.to_owned(), shape.to_owned(), bytes));
    }

    fn write(&self, path: &Path) {
        let views = self.0.iter().map(|(name, shape, bytes)| {
            (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("whole"))
        });
        serialize_to_file(views, None, path).expect("written");
    }
}

/// Convolutions of a backbone in torchvision's order: name, outputs, inputs, kernel.
fn lpips(
    baseline: MetricKind,
    convolutions: &[(&str, usize, usize, usize)],
    heads: &[usize],
) -> LoadedMetric {
    let mut network = Tensors(vec![]);
    for (i, (name, outputs, inputs, kernel)) in convolutions.iter().enumerate() {
        let shape = [*outputs, *inputs, *kernel, *kernel];
        let scale = (24.0 / (inputs * kernel * kernel) as f64).sqrt();
        network.add(&format!("features.{name}.weight"), &shape, 2 * i, scale, 0.0);
        network.add(&format!("features.{name}.bias"), &[*outputs], 2 * i + 1, 0.2, 0.0);
    }
    let mut head = Tensors(vec![]);
    for (k, channels) in heads.iter().enumerate() {
        head.add(&format!("lin{k}.model.1.weight"), &[1, *channels, 1, 1], 100 + k, 1.0, 0.5);
    }
    let place = tempfile::tempdir().expect("a temporary folder");
    let [backbone_file, head_file] = baseline.files() else { panic!("two files") };
    network.write(&place.path().join(backbone_file.name()));
    head.write(&place.path().join(head_file.name()));
    let folders = MetricFolders::new(Some(place.path())).expect("a folder");
    LoadedMetric::load(baseline, &folders).expect("loaded")
}

/// Sums of up to 4,608 products in f32 against f64: some 1e-6 of the value.
#[test]
fn lpips_is_that_of_the_package_for_all_three_networks() {
    let alex = [
        ("0", 64, 3, 11),
        ("3", 192, 64, 5),
        ("6", 384, 192, 3),
        ("8", 256, 384, 3),
        ("10", 256, 256, 3),
    ];
    let model = lpips(MetricKind::LpipsAlex, &alex, &[64, 192, 384, 256, 256]);
    check(&model, "lpips-alex", 0.0, 1e-5);

    let vgg = [
        ("0", 64, 3, 3),
        ("2", 64, 64, 3),
        ("5", 128, 64, 3),
        ("7", 128, 128, 3),
        ("10", 256, 128, 3),
        ("12", 256, 256, 3),
        ("14", 256, 256, 3),
        ("17", 512, 256, 3),
        ("19", 512, 512, 3),
        ("21", 512, 512, 3),
        ("24", 512, 512, 3),
        ("26", 512, 512, 3),
        ("28", 512, 512, 3),
    ];
    let model = lpips(MetricKind::LpipsVgg, &vgg, &[64, 128, 256, 512, 512]);
    check(&model, "lpips-vgg", 0.0, 1e-5);

    check(&squeeze(), "lpips-squeeze", 0.0, 1e-5);
}

/// LPIPS on SqueezeNet, with the weights of the formula.
fn squeeze() -> LoadedMetric {
    let mut squeeze = vec![("0".to_owned(), 64, 3, 3)];
    for (number, inputs, squeezed, expanded) in [
        (3, 64, 16, 64),
        (4, 128, 16, 64),
        (6, 128, 32, 128),
        (7, 256, 32, 128),
        (9, 256, 48, 192),
        (10, 384, 48, 192),
        (11, 384, 64, 256),
        (12, 512, 64, 256),
    ] {
        squeeze.push((format!("{number}.squeeze"), squeezed, inputs, 1));
        squeeze.push((format!("{number}.expand1x1"), expanded, squeezed, 1));
        squeeze.push((format!("{number}.expand3x3"), expanded, squeezed, 3));
    }
    let squeeze: Vec<_> = squeeze.iter().map(|(n, o, i, k)| (n.as_str(), *o, *i, *k)).collect();
    let heads = [64, 128, 256, 384, 384, 512, 512];
    lpips(MetricKind::LpipsSqueeze, &squeeze, &heads)
}

#[test]
fn perceptnet_is_its_definition_with_weights_beyond_its_bounds() {
    let shapes: [(&str, &[usize]); 14] = [
        ("gdn1.gamma", &[3, 1, 1, 1]),
        ("gdn1.beta", &[3]),
        ("gdn2.gamma", &[3, 3, 1, 1]),
        ("gdn2.beta", &[3]),
        ("gdn3.gamma", &[6, 6, 1, 1]),
        ("gdn3.beta", &[6]),
        ("gdn4.gamma", &[128, 128, 1, 1]),
        ("gdn4.beta", &[128]),
        ("conv1.weight", &[3, 3, 1, 1]),
        ("conv1.bias", &[3]),
        ("conv2.weight", &[6, 3, 5, 5]),
        ("conv2.bias", &[6]),
        ("conv3.weight", &[128, 6, 5, 5]),
        ("conv3.bias", &[128]),
    ];
    let mut tensors = Tensors(vec![]);
    for (seed, (name, shape)) in shapes.iter().enumerate() {
        let (scale, shift) = match name.rsplit('.').next() {
            Some("gamma") => (0.2, 0.05),
            Some("beta") => (1.0, 0.4),
            _ => (1.0, 0.0),
        };
        tensors.add(name, shape, 200 + seed, scale, shift);
    }
    let place = tempfile::tempdir().expect("a temporary folder");
    tensors.write(&place.path().join("percept_colour_tid2008.pth"));
    let folders = MetricFolders::new(Some(place.path())).expect("a folder");
    let model = LoadedMetric::load(MetricKind::PerceptNet, &folders).expect("loaded");
    check(&model, "perceptnet", 0.0, 1e-5);
}

#[test]
fn perceptnet_with_its_published_weights() {
    let Some(weights) = shared("data/weights") else { return };
    let folders = MetricFolders::new(Some(&weights)).expect("a folder");
    let model = LoadedMetric::load(MetricKind::PerceptNet, &folders).expect("loaded");
    check(&model, "perceptnet-published", 0.0, 1e-5);
}

#[test]
fn a_negative_weight_of_lpips_is_an_error() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut network = Tensors(vec![]);
    network.add("features.0.weight", &[64, 3, 3, 3], 0, 1.0, 0.0);
    network.add("features.0.bias", &[64], 1, 1.0, 0.0);
    let mut heads = Tensors(vec![]);
    heads.add("lin0.model.1.weight", &[1, 64, 1, 1], 2, 1.0, 0.0);
    network.write(&place.path().join("squeezenet1_1-b8a52dc0.pth"));
    heads.write(&place.path().join("lpips_v0.1_squeeze.pth"));
    let folders = MetricFolders::new(Some(place.path())).expect("a folder");
    let error = LoadedMetric::load(MetricKind::LpipsSqueeze, &folders).expect_err("negative");
    assert!(error.to_string().contains("expected no negative number"), "{error}");
}

/// A crop of a Kodak photograph, and the same distorted as `generate.py` does it: noise, blur, blocks
/// or contrast, in whole numbers.
fn kodak(photograph: &RgbImage, distortion: &str) -> (RgbImage, RgbImage) {
    let (width, height) = (240, 192);
    let at = |x: usize, y: usize, c: usize| {
        usize::from(photograph.pixels()[((y + 100) * photograph.width() + x + 60) * 3 + c])
    };
    let image = |f: &dyn Fn(usize, usize, usize) -> usize| {
        let pixels = (0..height * width * 3).map(|i| f(i / 3 % width, i / 3 / width, i % 3) as u8);
        RgbImage::new(width, height, pixels.collect())
    };
    let noise = |x: usize, y: usize, c: usize| {
        let i = ((y * width + x) * 3 + c) as u64;
        let noise = (((i * 2_654_435_761) & 0xffff_ffff) >> 16) % 61;
        (at(x, y, c) + noise as usize).saturating_sub(30).min(255)
    };
    let blur = |x: usize, y: usize, c: usize| {
        let near = |place: usize, by: usize, side: usize| (place + by).clamp(1, side) - 1;
        let pixel = |i: usize| at(near(x, i % 3, width), near(y, i / 3, height), c);
        (0..9).map(pixel).sum::<usize>() / 9
    };
    let blocks = |x: usize, y: usize, c: usize| {
        let (left, top) = (x / 8 * 8, y / 8 * 8);
        (0..64).map(|i| at(left + i % 8, top + i / 8, c)).sum::<usize>() / 64
    };
    let distorted = match distortion {
        "noise" => image(&noise),
        "blur" => image(&blur),
        "blocks" => image(&blocks),
        "contrast" => image(&|x, y, c| at(x, y, c) * 2 / 5 + 90),
        other => panic!("{other}"),
    };
    (image(&at), distorted)
}

#[test]
fn baselines_of_kodak_crops_are_those_of_the_references() {
    let (Some(photographs), Some(weights)) = (shared("data/kodak"), shared("data/weights")) else {
        return;
    };
    let folders = MetricFolders::new(Some(&weights)).expect("a folder");
    let load = |baseline| LoadedMetric::load(baseline, &folders).expect("loaded");
    let models = [
        ("ssim", load(MetricKind::Ssim), 1e-7),
        ("ssim-rgb", load(MetricKind::SsimRgb), 1e-7),
        ("ms-ssim", load(MetricKind::MsSsim), 1e-7),
        ("lpips-squeeze", squeeze(), 0.0),
        ("perceptnet-published", load(MetricKind::PerceptNet), 0.0),
    ];
    let text = std::fs::read(folder("baseline").join("expected_kodak.json")).expect("golden");
    let cases: Vec<Case> = serde_json::from_slice(&text).expect("as generated");
    assert_eq!(cases.len(), 12);
    for case in cases {
        let photograph = RgbImage::open(&photographs.join(&case.a)).expect("a photograph");
        let (a, b) = kodak(&photograph, &case.b);
        for (name, model, absolute) in &models {
            let features = |image: &RgbImage| model.features(image.clone());
            let found = model.distance(&features(&a), &features(&b));
            let expected = case.values[*name];
            assert!(
                (found - expected).abs() <= absolute + 1e-5 * expected,
                "{name} of {} with {}: {found}, expected {expected}",
                case.a,
                case.b
            );
        }
    }
}
