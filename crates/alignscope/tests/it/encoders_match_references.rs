//! Every stage of every family against transformers, open_clip and timm, on small random
//! checkpoints that those libraries wrote (`golden/clip/generate.py`, and the generators in
//! `golden/families`).

use std::path::{Path, PathBuf};

use alignscope::encoder::{Checkpoint, Encoder, EncoderError, encode_stages};
use alignscope::features::{FeatureError, FeatureRequest, Picture, StageFeatures, features};
use alignscope::image::RgbImage;
use alignscope::{ModelSpec, Precision, ProjectionForm, Silent, Stage, Tokens};
use safetensors::SafeTensors;

pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

struct Expected {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn expected(file: &SafeTensors<'_>, name: &str) -> Expected {
    let tensor = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    let (numbers, rest) = tensor.data().as_chunks::<4>();
    assert!(rest.is_empty());
    Expected {
        shape: tensor.shape().to_vec(),
        values: numbers.iter().map(|b| f32::from_le_bytes(*b)).collect(),
    }
}

/// Every number within 1e-4 of the stage's largest magnitude, and every channel within 1e-3 of its
/// own standard deviation (over images and tokens), so that an outlier channel cannot hide an
/// error in the others.
///
/// Where the tolerances come from: a stage is a chain of some ten products of up to 48 terms in
/// f32 (or six of bf16, no further off), each with a relative error of about 1e-6; both bars leave a factor of ten or
/// more. The products of bf16x3 are off by about 1.5e-5 of the largest: they are held to the first bar, and to
/// twenty times the second. A channel that is the same number everywhere is held to the first alone, but one that
/// is 0, as a ReLU leaves it, must be 0.
fn compare(stage: &str, found: &[f32], expected: &Expected, precision: Precision) {
    let of_deviation = if precision == Precision::Bf16x3 { 2e-2 } else { 1e-3 };
    assert_eq!(found.len(), expected.shape.iter().product::<usize>(), "shape of {stage}");
    let channels = *expected.shape.last().expect("a shape");
    let largest = expected.values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let rows = (found.len() / channels) as f64;
    for channel in 0..channels {
        let column = |values: &[f32]| -> Vec<f64> {
            values.iter().skip(channel).step_by(channels).map(|v| f64::from(*v)).collect()
        };
        let (found, expected) = (column(found), column(&expected.values));
        let mean = expected.iter().sum::<f64>() / rows;
        let std = (expected.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / rows).sqrt();
        let is_constant = expected[0] != 0.0 && expected.iter().all(|v| *v == expected[0]);
        let worst = found.iter().zip(&expected).map(|(f, e)| (f - e).abs()).fold(0.0_f64, f64::max);
        assert!(
            worst <= 1e-4 * f64::from(largest) && (is_constant || worst <= of_deviation * std),
            "{stage}, channel {channel}: {worst:e} off; largest {largest}, its deviation {std}"
        );
    }
}

/// As [`compare`], of values of this shape.
pub fn compare_values(
    stage: &str,
    found: &[f32],
    shape: &[usize],
    expected: &[f32],
    precision: Precision,
) {
    let expected = Expected { shape: shape.to_vec(), values: expected.to_vec() };
    compare(stage, found, &expected, precision);
}

fn check(name: &str) {
    let mut checkpoint = Checkpoint::open(&golden(name)).expect("opened");
    check_stages(name, &mut checkpoint, "hidden_states");
}

/// Holds every stage of a checkpoint to the tensors `STAGES.0`, `STAGES.1`, … and `image_embeds`
/// of its golden file.
pub fn check_stages(name: &str, checkpoint: &mut Checkpoint, stages: &str) {
    let bytes = std::fs::read(golden(name).join("expected.safetensors")).expect("the golden file");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    for precision in [Precision::F32, Precision::Bf16x6, Precision::Bf16x3] {
        checkpoint.precision = precision;
        let encoder = Encoder::load(checkpoint).expect("loaded");
        check_encoder(&file, &encoder, stages, precision);
    }
}

fn check_encoder(file: &SafeTensors<'_>, encoder: &Encoder, stages: &str, precision: Precision) {
    let pixels = match file.names().contains(&"pixel_values") {
        true => expected(file, "pixel_values"),
        // Too many to keep: the formula of the generator.
        false => {
            let number = |i: usize| ((i * 7919 % 255) as f32 - 127.0) / 64.0;
            let values = (0..2 * encoder.pixels_len()).map(number).collect();
            Expected { shape: vec![2], values }
        }
    };
    let images = pixels.shape[0];
    let size = pixels.values.len() / images;
    assert_eq!(size, encoder.pixels_len());
    let mut seen = Vec::new();
    encode_stages(
        encoder,
        images,
        |i, out| {
            out.copy_from_slice(&pixels.values[i * size..][..size]);
            Ok::<(), std::convert::Infallible>(())
        },
        |stage, activations| {
            let name = match stage {
                Stage::Embedding => format!("{stages}.0"),
                Stage::Block(i) => format!("{stages}.{i}"),
                Stage::Projection => "image_embeds".to_owned(),
                Stage::Output => "output".to_owned(),
                other => panic!("an encoder has no stage {other}"),
            };
            let shape = [activations.tokens(), activations.channels()];
            assert_eq!(shape, encoder.shape(stage), "shape of {stage}");
            let values: Vec<f32> =
                (0..images).flat_map(|i| activations.image(i).to_vec()).collect();
            compare(&stage.to_string(), &values, &expected(file, &name), precision);
            seen.push(stage);
            Ok(())
        },
        |_| Ok(()),
    )
    .expect("encoded");
    assert_eq!(seen, encoder.stages());
    let hidden = file.names().iter().filter(|n| n.starts_with(&format!("{stages}."))).count();
    assert_eq!(seen.len(), hidden + 1, "every stage of the golden file was compared");
}

#[test]
fn a_whole_clip_with_quick_gelu() {
    check("clip/base");
}

#[test]
fn an_odd_number_of_tokens_exact_gelu_and_shards() {
    check("clip/odd");
}

#[test]
fn a_planted_outlier_channel() {
    check("clip/outlier");
}

#[test]
fn bf16_weights_are_read_as_f32() {
    check("clip/half");
}

#[test]
fn siglip_from_a_thin_configuration() {
    check("families/siglip");
}

#[test]
fn siglip_alone_with_a_rest_of_pixels_and_odd_head_width() {
    check("families/siglip_so400m");
}

#[test]
fn chinese_clip_from_a_pickle() {
    check("families/chinese_clip");
}

#[test]
fn chinese_clip_of_another_size() {
    check("families/chinese_clip_wide");
}

#[test]
fn a_patch_of_14_with_336_pixels() {
    check("families/clip_336");
}

#[test]
fn open_clip_with_exact_gelu() {
    check("families/open_clip");
}

#[test]
fn open_clip_with_quick_gelu() {
    check("families/open_clip_quick");
}

#[test]
fn a_timm_trunk_with_its_class_token() {
    check("families/timm_token");
}

#[test]
fn a_tiny_timm_trunk_from_the_older_pickle_stream() {
    check("families/timm_tiny");
}

#[test]
fn a_timm_trunk_with_the_mean_of_its_patches_and_a_bias() {
    check("families/timm_mean");
}

#[test]
fn the_studys_way_with_biomedclip_feeds_the_blocks_bare_patches() {
    for name in ["families/timm_token", "families/timm_tiny"] {
        let checkpoint = Checkpoint::open(&golden(name)).and_then(Checkpoint::bare_patches);
        check_stages(name, &mut checkpoint.expect("a timm trunk"), "published");
    }
    let clip = Checkpoint::open(&golden("clip/base")).expect("opened");
    assert!(matches!(clip.bare_patches(), Err(EncoderError::NotPublished { .. })));
}

#[test]
fn the_projection_can_be_had_raw_or_of_unit_length() {
    let lengths = |name: &str, form| {
        let spec = ModelSpec::folder(golden(name));
        let checkpoint =
            Checkpoint::of(&spec, form, Tokens::All, &Silent).expect("opened").expect("one");
        let encoder = Encoder::load(&checkpoint).expect("loaded");
        let mut lengths = vec![];
        encode_stages(
            &encoder,
            2,
            |i, out| {
                out.iter_mut().enumerate().for_each(|(j, p)| *p = ((i + 1) * j % 7) as f32 - 3.0);
                Ok::<(), std::convert::Infallible>(())
            },
            |stage, activations| {
                if stage == Stage::Projection {
                    let length = |v: &[f32]| v.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt();
                    lengths = (0..2).map(|i| length(activations.image(i))).collect();
                }
                Ok(())
            },
            |_| Ok(()),
        )
        .expect("encoded");
        lengths
    };
    let unit = |lengths: &[f64]| lengths.iter().all(|l| (l - 1.0).abs() < 1e-6);
    for (name, own_is_unit) in
        [("clip/base", false), ("families/chinese_clip", true), ("families/siglip", true)]
    {
        assert_eq!(unit(&lengths(name, None)), own_is_unit, "{name}");
        assert!(unit(&lengths(name, Some(ProjectionForm::Unit))), "{name}");
        assert!(!unit(&lengths(name, Some(ProjectionForm::Raw))), "{name}");
    }
}

/// Holds every stage of each of these checkpoints to its golden file.
fn check_all(names: &[&str]) {
    for name in names {
        println!("{name}");
        check(&format!("families/{name}"));
    }
}

#[test]
fn dinov2_with_and_without_registers_at_sizes_that_resize_positions() {
    check_all(&[
        "dinov2",
        "dinov2_same",
        "dinov2_swiglu",
        "dinov2_registers",
        "dinov2_registers_swiglu",
    ]);
}

#[test]
fn dinov3_with_rotary_positions() {
    check_all(&["dinov3", "dinov3_gated"]);
}

#[test]
fn vit_deit_mae_and_ijepa() {
    check_all(&["vit", "vit_class", "deit", "deit_teacher", "vit_mae", "vit_mae_alone"]);
    check_all(&["ijepa", "ijepa_class"]);
}

#[test]
fn beit_with_its_kinds_of_positions() {
    check_all(&["beit", "beit_resized", "beit_shared"]);
}

#[test]
fn siglip_2_of_square_images_with_and_without_resized_positions() {
    check_all(&["siglip2", "siglip2_resized"]);
}

#[test]
fn a_naflex_model_takes_an_image_that_comes_to_the_grid_of_a_square_and_no_other() {
    // 16 patches at most: 40 × 32 pixels come to 4 × 4, 40 × 20 to 5 × 3.
    let encode = |width: usize, height: usize| {
        let spec = ModelSpec::folder(golden("families/siglip2"));
        let checkpoint =
            Checkpoint::of(&spec, None, Tokens::All, &Silent).expect("opened").expect("one");
        let encoder = &Encoder::load(&checkpoint).expect("loaded");
        let bytes = (0..3 * width * height).map(|i| (i * 31 % 251) as u8).collect();
        let image = Picture::Pixels(RgbImage::new(width, height, bytes), "mine".to_owned());
        let (images, tokens) = (&[image][..], Tokens::All);
        let request =
            FeatureRequest { encoder, images, tokens, stages: &[], memory_bytes: 1 << 30 };
        features(request, &Silent).map(|stages| stages[0].shape.clone())
    };
    for size in [(40, 40), (40, 32), (7, 7), (1000, 999)] {
        assert_eq!(encode(size.0, size.1).expect("a square grid"), [1, 16, 24], "{size:?}");
    }
    let error = encode(40, 20).expect_err("no square");
    assert_eq!(error.to_string(), "the model cannot take the image mine");
    let FeatureError::NotSquare { source, .. } = error else { panic!("{error}") };
    assert!(source.to_string().contains("40 × 20 pixels"), "{source}");
    assert!(source.to_string().contains("5 × 3 patches, expected 4 × 4"), "{source}");
}

#[test]
fn aimv2_with_and_without_head_and_projection() {
    check_all(&["aimv2", "aimv2_headless", "aimv2_native", "aimv2_lit"]);
}

#[test]
fn metaclip_2_whole_and_its_tower() {
    check_all(&["metaclip_2", "metaclip_2_vision"]);
}

#[test]
fn vision_transformers_of_timm() {
    check_all(&["timm_vit", "timm_vit_miil", "timm_token", "timm_avg", "timm_gap", "timm_mean"]);
    check_all(&["timm_tiny", "timm_clip", "timm_siglip", "timm_siglip_tanh"]);
    check_all(&["timm_deit3", "timm_deit_distilled", "timm_dinov2_reg4", "timm_dinov2_giant"]);
}

#[test]
fn eva_of_timm() {
    check_all(&["timm_eva02", "timm_eva02_clip", "timm_eva02_tiny", "timm_pe_core"]);
    check_all(&["timm_dinov3", "timm_dinov3_plus"]);
}

#[test]
fn resnet_of_transformers_and_timm() {
    check_all(&["resnet", "resnet_basic", "timm_resnet50"]);
}

#[test]
fn relatives_of_resnet_deep_stems_groups_and_widths() {
    check_all(&["timm_resnet50d", "timm_resnet26t", "timm_resnext", "timm_wide"]);
}

#[test]
fn trunks_of_timm_in_open_clip() {
    check_all(&["trunk_siglip", "trunk_siglip_tanh", "trunk_eva02", "trunk_pe_core"]);
    check_all(&["trunk_clip_mlp", "trunk_gap"]);
    check_all(&["trunk_convnext", "trunk_convnext_mlp", "trunk_resnet_abs", "trunk_resnet_rot"]);
}

#[test]
fn options_of_open_clips_own_transformers() {
    check_all(&["clipa", "clipa_sines", "open_clip_avg", "coca", "coca_square"]);
}

#[test]
fn convnext_of_transformers_and_timm() {
    check_all(&["convnext", "timm_convnext", "torchvision_convnext"]);
}

#[test]
fn clips_resnet_with_its_pooling_by_attention() {
    check_all(&["open_clip_resnet"]);
}

#[test]
fn a_convolutional_network_has_no_class_token() {
    let spec = ModelSpec::folder(golden("families/resnet"));
    let open = |tokens| Checkpoint::of(&spec, None, tokens, &Silent);
    assert!(matches!(open(Tokens::Class), Err(EncoderError::NoClassToken { .. })));
    let Err(error) = open(Tokens::Registers) else { panic!("a map has no registers") };
    assert!(error.to_string().contains("the positions of its maps"), "{error}");
    for tokens in [Tokens::All, Tokens::Patches, Tokens::Mean] {
        assert!(open(tokens).is_ok(), "{tokens}");
    }
}

/// The tokens that are chosen of a golden model's images, at its stages.
fn chosen(name: &str, tokens: Tokens) -> Vec<StageFeatures> {
    let spec = ModelSpec::folder(golden(name));
    let checkpoint = Checkpoint::of(&spec, None, tokens, &Silent).expect("opened").expect("one");
    let encoder = Encoder::load(&checkpoint).expect("loaded");
    let picture = |seed: usize| {
        let bytes: Vec<u8> = (0..3 * 40 * 40).map(|i| (i * seed * 31 % 251) as u8).collect();
        Picture::Pixels(RgbImage::new(40, 40, bytes), seed.to_string())
    };
    let images = [picture(3), picture(5)];
    let (encoder, images) = (&encoder, &images[..]);
    let request = FeatureRequest { encoder, images, tokens, stages: &[], memory_bytes: 1 << 30 };
    features(request, &Silent).expect("encoded")
}

#[test]
fn registers_are_those_of_all_tokens_and_a_model_without_any_is_refused() {
    let name = "families/dinov2_registers";
    let all = chosen(name, Tokens::All);
    for (all, registers) in all.iter().zip(chosen(name, Tokens::Registers)) {
        assert_eq!(all.stage, registers.stage);
        let &[images, tokens, channels] = &all.shape[..] else {
            // The output is one vector.
            assert_eq!(all.values, registers.values);
            continue;
        };
        assert_eq!(registers.shape, [images, 4, channels]);
        let of_image = all.values.chunks(tokens * channels);
        let expected: Vec<f32> =
            of_image.flat_map(|i| i[channels..5 * channels].to_vec()).collect();
        assert_eq!(registers.values, expected, "{}", all.stage);
    }
    for (name, found) in
        [("families/vit", "a class token and patches"), ("families/siglip", "patches alone")]
    {
        let spec = ModelSpec::folder(golden(name));
        let error = Checkpoint::of(&spec, None, Tokens::Registers, &Silent).expect_err("none");
        assert!(matches!(error, EncoderError::NoRegisters { .. }), "{error}");
        assert!(error.to_string().ends_with(&format!("its tokens are {found}")), "{error}");
    }
    // A distillation token counts as a register.
    assert_eq!(chosen("families/deit", Tokens::Registers)[0].shape, [2, 16]);
}

#[test]
fn files_of_convolutional_networks_are_read_whatever_stands_around_their_names() {
    for (name, weights) in [
        ("timm_resnet50d", "model.safetensors"),
        ("timm_convnext", "model.safetensors"),
        ("resnet", "model.safetensors"),
        ("trunk_convnext", "open_clip_model.safetensors"),
    ] {
        let folder = golden("families").join(name);
        let bytes = std::fs::read(folder.join(weights)).expect("weights");
        let tensors = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        for before in ["module.", "model.", "backbone.", "module.model.backbone."] {
            let renamed = tensors.tensors().into_iter();
            let renamed = renamed.map(|(name, tensor)| (format!("{before}{name}"), tensor));
            let other =
                std::iter::once(("head.weight".to_owned(), tensors.iter().next().expect("one").1));
            let place = tempfile::tempdir().expect("a temporary folder");
            let path = place.path().join("last.safetensors");
            // What lies beside the tower is not read; a wrapper of the whole has nothing beside it.
            let beside = other.filter(|_| before != "module.");
            let file = safetensors::serialize(renamed.chain(beside), None).expect("serialized");
            std::fs::write(&path, file).expect("written");
            let spec: ModelSpec =
                format!("{}@like={}", path.display(), folder.display()).parse().expect("a model");
            let opened = Checkpoint::of(&spec, None, Tokens::All, &Silent);
            let mut checkpoint = opened.unwrap_or_else(|e| panic!("{name} behind {before}: {e}"));
            let checkpoint = checkpoint.as_mut().expect("one");
            check_stages(&format!("families/{name}"), checkpoint, "hidden_states");
        }
    }
}

#[test]
fn torchvisions_networks_have_their_published_sizes() {
    for (id, millions) in [
        ("torchvision/alexnet", 2.5),
        ("torchvision/vgg16", 14.7),
        ("torchvision/resnet18", 11.2),
        ("torchvision/resnet50", 23.5),
        ("torchvision/resnext50_32x4d", 22.9),
        ("torchvision/wide_resnet50_2", 66.8),
        ("torchvision/convnext_tiny", 27.7),
    ] {
        let checkpoint = Checkpoint::untrained(id, 0).expect(id);
        let found = checkpoint.architecture.weights() as f64 / 1e6;
        assert!((found - millions).abs() < 0.15, "{id}: {found} million, expected {millions}");
    }
}
