//! DreamSim's models against the package `dreamsim` (`golden/dreamsim/generate.py`): stages,
//! embeddings and distances; and what is said where the files make no model of it.

use std::path::{Path, PathBuf};

use crate::encoders_match_references::compare_values;
use crate::golden::{Tensors, folder};
use alignscope::encoder::{Checkpoint, Encoder, encode_stages};
use alignscope::image::RgbImage;
use alignscope::model::{DreamSimMetric, ImageMetric};
use alignscope::{
    DreamSim, ModelSource, ModelSpec, Precision, ProjectionForm, Silent, Stage, Tokens, names_of,
};

fn golden() -> PathBuf {
    folder("dreamsim")
}

fn models() -> PathBuf {
    golden().join("models")
}

fn expected() -> Tensors {
    Tensors::open(&golden().join("expected.safetensors"))
}

fn images() -> Vec<RgbImage> {
    let names = std::fs::read(golden().join("images.json")).expect("the names of the images");
    let names: Vec<String> = serde_json::from_slice(&names).expect("a list");
    let open = |name: &String| RgbImage::open(&folder("baseline").join(name)).expect("an image");
    names.iter().map(open).collect()
}

fn spec(model: DreamSim, folder: &Path) -> ModelSpec {
    let source = ModelSource::DreamSim { folder: folder.to_owned(), model };
    ModelSpec::Encoder { source, bare_patches: false }
}

fn single() -> impl Iterator<Item = DreamSim> {
    DreamSim::ALL.into_iter().filter(|model| model.is_single())
}

fn checkpoint(model: DreamSim, form: Option<ProjectionForm>) -> Checkpoint {
    let checkpoint = Checkpoint::of(&spec(model, &models()), form, Tokens::All, &Silent);
    checkpoint.unwrap_or_else(|e| panic!("{model}: {e}")).expect("an encoder")
}

/// The activations of some images at each stage.
fn encode(encoder: &Encoder, images: &[RgbImage]) -> Vec<(Stage, Vec<f32>)> {
    let mut found = Vec::new();
    let load = |i: usize, pixels: &mut [f32]| {
        encoder.preprocessing().apply_into(&images[i], pixels);
        Ok::<(), std::convert::Infallible>(())
    };
    encode_stages(
        encoder,
        images.len(),
        load,
        |stage, activations| {
            let values = (0..images.len()).flat_map(|i| activations.image(i).to_vec());
            found.push((stage, values.collect()));
            Ok(())
        },
        |_| Ok(()),
    )
    .expect("encoded");
    found
}

/// Holds embeddings of a few images to the package's: within 1e-5 of the largest number, a tenth of
/// what a stage is held to, and within that for bf16x3. A channel of so few has no deviation to
/// speak of.
fn compare_vectors(told: &str, found: &[f32], expected: &[f32], precision: Precision) {
    let bar = if precision == Precision::Bf16x3 { 1e-4 } else { 1e-5 };
    let largest = expected.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    assert_eq!(found.len(), expected.len(), "{told}");
    let worst = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
    assert!(worst <= bar * largest, "{told}: {worst:e} off, the largest is {largest}");
}

#[test]
fn stages_of_single_models_are_those_of_the_package() {
    let (expected, images) = (expected(), images());
    for model in single() {
        let name = |part: &str| format!("{}.{part}", model.type_name());
        let mut checkpoint = checkpoint(model, None);
        for precision in [Precision::F32, Precision::Bf16x6, Precision::Bf16x3] {
            checkpoint.precision = precision;
            let encoder = Encoder::load(&checkpoint).expect("loaded");
            let found = encode(&encoder, &images);
            assert_eq!(found.len(), 14, "{model}: embedding, 12 blocks, and what is compared");
            for (stage, values) in &found {
                let tensor = match stage {
                    Stage::Embedding => name("stages.0"),
                    Stage::Block(i) => name(&format!("stages.{i}")),
                    _ => name("embed"),
                };
                if !expected.names().contains(&tensor) {
                    continue;
                }
                let (shape, wanted) = expected.floats(&tensor);
                let told = format!("{model}, {stage}, {precision}");
                match tensor.ends_with(".embed") {
                    true => compare_vectors(&told, values, &wanted, precision),
                    // The golden file has the first image alone.
                    false => {
                        let first = &values[..wanted.len()];
                        compare_values(&told, first, &shape, &wanted, precision);
                    }
                }
            }
        }
    }
    let stages = expected.names().into_iter().filter(|name| name.contains(".stages.")).count();
    assert_eq!(stages, 4 * 3, "three stages of four models");
}

#[test]
fn an_embedding_can_be_had_as_it_is_before_it_is_normalised() {
    let (expected, images) = (expected(), images());
    for model in single() {
        let checkpoint = checkpoint(model, Some(ProjectionForm::Raw));
        let encoder = Encoder::load(&checkpoint).expect("loaded");
        let (stage, found) = encode(&encoder, &images).pop().expect("a last stage");
        let (_, wanted) = expected.floats(&format!("{}.raw", model.type_name()));
        compare_vectors(&format!("{model}, {stage}"), &found, &wanted, Precision::F32);
    }
}

fn metric(model: DreamSim, precision: Precision) -> DreamSimMetric {
    let found = Checkpoint::open_dreamsim(model, &models(), &Silent);
    let mut metric = DreamSimMetric::new(model, found.expect("opened"), precision);
    metric.load(&Silent).expect("loaded");
    metric
}

/// Distances are differences of numbers about 1 that come of a chain of 12 blocks in f32 on both
/// sides, each off by some 1e-6 of the largest activation (in f32 the package is off by up to 8e-7 from
/// itself in f64): 1e-5 leaves a factor of ten.
#[test]
fn distances_are_those_of_the_package() {
    let (expected, images) = (expected(), images());
    for model in DreamSim::ALL {
        for precision in [Precision::F32, Precision::Bf16x6] {
            let metric = metric(model, precision);
            let features = metric.features_of(images.clone());
            let (_, wanted) = expected.floats(&format!("{}.distances", model.type_name()));
            let pairs = (0..4).flat_map(|a| (a + 1..4).map(move |b| (a, b)));
            let mut worst: f64 = 0.0;
            assert_eq!(pairs.clone().count(), wanted.len());
            for ((a, b), wanted) in pairs.zip(wanted) {
                let found = metric.distance(&features[a], &features[b]);
                worst = worst.max((found - f64::from(wanted)).abs());
                assert_eq!(found, metric.distance(&features[b], &features[a]), "in either order");
                assert_eq!(metric.distance(&features[a], &features[a]), 0.0, "{model} of itself");
            }
            println!("{model}, {precision}: at most {worst:.1e} off");
            assert!(worst <= 1e-5, "{model}, {precision}: {worst:e} off");
        }
    }
}

#[test]
fn images_by_themselves_give_the_embedding_that_they_give_together() {
    let images = images();
    for model in [DreamSim::Ensemble, DreamSim::ClipVitb32, DreamSim::Dinov2Vitb14Patch] {
        let metric = metric(model, Precision::F32);
        let together = metric.features_of(images.clone());
        for (image, expected) in images.iter().zip(&together) {
            assert!(metric.features(image.clone()) == *expected, "{model}");
            assert_eq!(metric.bytes(9, 9), size_of_val(expected.as_slice()), "{model}");
        }
    }
}

#[test]
fn the_last_stage_of_a_single_model_is_what_its_distance_compares() {
    let images = images();
    for model in single() {
        let encoder = Encoder::load(&checkpoint(model, None)).expect("loaded");
        let (_, last) = encode(&encoder, &images).pop().expect("a last stage");
        let together = metric(model, Precision::F32).features_of(images.clone()).concat();
        assert!(last == together, "{model}");
    }
}

#[test]
fn weights_are_counted_once_they_are_read() {
    for model in DreamSim::ALL {
        let found = Checkpoint::open_dreamsim(model, &models(), &Silent).expect("opened");
        let weights: usize = found.iter().map(|one| one.architecture.weights()).sum();
        let mut metric = DreamSimMetric::new(model, found, Precision::F32);
        assert_eq!(metric.weights_bytes(), None);
        metric.load(&Silent).expect("loaded");
        assert!(metric.weights_bytes() >= Some(4 * weights), "{model}");
        metric.give_back();
        assert_eq!(metric.weights_bytes(), None);
    }
}

#[test]
fn names_of_models_are_read_back() {
    let place = models();
    for model in DreamSim::ALL {
        let name = model.to_string();
        assert_eq!(name.parse::<ModelSpec>().expect("a baseline"), ModelSpec::DreamSim(model));
        let name = format!("{}#{}", place.display(), model.type_name());
        assert_eq!(name.parse::<ModelSpec>().expect("an encoder"), spec(model, &place));
        assert_eq!(spec(model, &place).to_string(), name);
    }
    let named = names_of(&[spec(DreamSim::DinoVitb16, &place).into()]).expect("a name");
    assert_eq!(named, ["models#dino_vitb16"]);
    let said = format!("{}#dino", place.display()).parse::<ModelSpec>().expect_err("no model");
    for words in ["`#dino`", "`dino_vitb16`", "`clip_vitb32`"] {
        assert!(said.to_string().contains(words), "{said}");
    }
    let said = "dreamsim-dino".parse::<ModelSpec>().expect_err("no model").to_string();
    assert!(said.contains("did you mean `dreamsim-dino-vitb16`"), "{said}");
}

/// A copy of what a model needs.
fn copied(model: DreamSim, files: &[&str]) -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a temporary folder");
    for file in files {
        let to = place.path().join(file);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::copy(models().join(file), to).expect("copied");
    }
    copy_adapter(model, place.path(), model);
    place
}

fn adapter_folder(model: DreamSim) -> String {
    match model {
        DreamSim::Ensemble => "ensemble_lora".to_owned(),
        _ => format!("{}_single_lora", model.type_name()),
    }
}

/// Puts the adapter of a model where that of another is looked for.
fn copy_adapter(from: DreamSim, place: &Path, to: DreamSim) {
    let to = place.join(adapter_folder(to));
    std::fs::create_dir_all(&to).expect("made");
    for entry in std::fs::read_dir(models().join(adapter_folder(from))).expect("an adapter") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
    }
}

const DINO: &str = "checkpoints/dino_vitbase16_pretrain.pth";

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn said(model: DreamSim, folder: &Path) -> String {
    let error = Checkpoint::open_dreamsim(model, folder, &Silent).expect_err("no model");
    with_causes(&error)
}

fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` in: {said}");
    }
}

#[test]
fn a_folder_with_one_single_model_is_that_model() {
    let model = DreamSim::DinoVitb16;
    let place = copied(model, &[DINO]);
    let found = Checkpoint::open(place.path()).expect("opened");
    assert_eq!(found.architecture, checkpoint(model, None).architecture);
    // Weights, the adapter's configuration and its weights.
    assert_eq!(found.files.len(), 3);

    // As PyTorch names the file that it would fetch.
    std::fs::rename(place.path().join(DINO), place.path().join("dino_vitbase16_pretrain.pth"))
        .expect("moved");
    Checkpoint::open(place.path()).expect("opened");

    let error = with_causes(&Checkpoint::open(&models()).expect_err("several"));
    says(&error, &["several models", "models#dino_vitb16`", "models#clip_vitb32`"]);
    let place = copied(DreamSim::Ensemble, &[]);
    let error = with_causes(&Checkpoint::open(place.path()).expect_err("the ensemble"));
    says(&error, &["three encoders", "the baseline `dreamsim`"]);
    let spec = spec(DreamSim::Ensemble, &models());
    let error = Checkpoint::of(&spec, None, Tokens::All, &Silent).expect_err("the ensemble");
    says(&error.to_string(), &["three encoders"]);
}

#[test]
fn files_that_are_missing_are_named_with_where_they_are_published() {
    let place = copied(DreamSim::DinoVitb16, &[]);
    let error = said(DreamSim::DinoVitb16, place.path());
    says(&error, &[DINO, "dl.fbaipublicfiles.com/dino/", "is another file"]);
    let error = said(DreamSim::ClipVitb32, place.path());
    says(&error, &["`clip_vitb32_single_lora`", "dreamsim_clip_vitb32_checkpoint.zip"]);
    copy_adapter(DreamSim::Ensemble, place.path(), DreamSim::Ensemble);
    std::fs::create_dir(place.path().join("checkpoints")).expect("made");
    std::fs::copy(models().join(DINO), place.path().join(DINO)).expect("copied");
    let error = said(DreamSim::Ensemble, place.path());
    says(&error, &["ensemble", "`clip_vitb16_pretrain.pth.tar`", "v0.2.0-checkpoints"]);
}

#[test]
fn an_archive_that_was_not_unpacked_is_told() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let packed = |name: &str| std::fs::write(place.path().join(name), "PK").expect("written");
    packed("dreamsim_ensemble_checkpoint.zip");
    says(&said(DreamSim::Ensemble, place.path()), &["checkpoint.zip is packed", "unzip"]);
    let error = Checkpoint::open(place.path()).expect_err("an archive").to_string();
    says(&error, &["checkpoint.zip is packed"]);
    packed("pretrained.zip");
    says(&said(DreamSim::ClipVitb32, place.path()), &["pretrained.zip is packed"]);
    // The package leaves the archive where it unpacked it.
    copy_adapter(DreamSim::DinoVitb16, place.path(), DreamSim::DinoVitb16);
    says(&said(DreamSim::ClipVitb32, place.path()), &["needs the folder"]);
    says(&said(DreamSim::DinoVitb16, place.path()), &[DINO]);
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let place = copied(DreamSim::DinoVitb16, &[DINO]);
    copy_adapter(DreamSim::Ensemble, place.path(), DreamSim::DinoVitb16);
    std::fs::remove_file(place.path().join("dino_vitb16_single_lora/adapter_model.safetensors"))
        .expect("removed");
    let error = said(DreamSim::DinoVitb16, place.path());
    says(&error, &["changes `extractor_list.1.model.blocks.0.attn.qkv`", "each of the 12 blocks"]);

    let files = [DINO, "clip_vitb16_pretrain.pth.tar", "open_clip_vitb16_pretrain.pth.tar"];
    let place = copied(DreamSim::Ensemble, &files);
    std::fs::remove_file(place.path().join("ensemble_lora/adapter_model.bin")).expect("removed");
    copy_adapter(DreamSim::DinoVitb16, place.path(), DreamSim::Ensemble);
    let error = said(DreamSim::Ensemble, place.path());
    says(&error, &["does not change `extractor_list.1.model.blocks.0.attn.qkv`", "3 encoders"]);

    let lora = folder("files/lora_timm");
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        let to = place.path().join("dino_vitb16_single_lora").join(name);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::copy(lora.join(name), to).expect("copied");
    }
    says(&said(DreamSim::DinoVitb16, place.path()), &["adapter", "blocks."]);
}

#[test]
fn damaged_and_other_weights_are_refused() {
    let place = copied(DreamSim::DinoVitb16, &[DINO]);
    let path = place.path().join(DINO);
    let bytes = std::fs::read(&path).expect("read");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
    says(&said(DreamSim::DinoVitb16, place.path()), &[DINO]);
    // CLIP's has a norm more, and a projection.
    std::fs::copy(models().join("clip_vitb16_pretrain.pth.tar"), &path).expect("copied");
    says(&said(DreamSim::DinoVitb16, place.path()), &["`pos_drop.bias`", "does not have"]);
    std::fs::copy(models().join("checkpoints/dinov2_vitb14_pretrain.pth"), &path).expect("copied");
    says(&said(DreamSim::DinoVitb16, place.path()), &["`blocks.0.ls1.gamma`"]);
}
