//! Resizing against Pillow, whole recipes against transformers' Pil processors
//! (`golden/preprocess/generate.py`).

use std::path::Path;

use crate::golden::{Tensors, folder};
use alignscope::ContentHash;
use alignscope::image::RgbImage;
use alignscope::preprocess::{PreprocessError, Preprocessing, Resample, resize};
use serde_json::Value;

/// The formula of the generator.
fn pattern(width: usize, height: usize) -> RgbImage {
    let mut pixels = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let value =
                    x * 5 + y * 3 + c * 40 + (x * y * (c + 1)) % 61 * 3 + (x / 7 + y / 5) % 2 * 90;
                pixels.push((value % 256) as u8);
            }
        }
    }
    RgbImage::new(width, height, pixels)
}

#[test]
fn every_filter_and_size_gives_the_pixels_of_pillow() {
    let table =
        std::fs::read_to_string(folder("preprocess").join("resized.csv")).expect("the table");
    let (mut checked, mut failures) = (0, vec![]);
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |i: usize| fields[i].parse::<usize>().expect("a number");
        let filter = Resample::from_code(number(2) as u64).expect("a filter");
        let out = resize(&pattern(number(0), number(1)), number(3), number(4), filter);
        if ContentHash::of(out.pixels()).to_string() != fields[5] {
            failures.push(line);
        }
        checked += 1;
    }
    assert_eq!(checked, 480);
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

/// The recipe of a `preprocessor_config.json`, or of a timm folder's `config.json`.
fn recipe_of_vit(path: &Path) -> Result<Preprocessing, PreprocessError> {
    let config: Value = serde_json::from_slice(&std::fs::read(path).expect("read")).expect("JSON");
    let recipe = match config.get("pretrained_cfg").and_then(Value::as_object) {
        Some(pretrained) => {
            let size = pretrained["input_size"][1].as_u64().expect("a size") as usize;
            Preprocessing::from_timm(pretrained, path, size)
        }
        None => Preprocessing::from_config(&config, path, "DeiTImageProcessor"),
    };
    recipe.map(|recipe| recipe.preprocessing)
}

#[test]
fn recipes_of_vision_transformers_give_the_arrays_of_their_libraries() {
    let expected = Tensors::open(&folder("preprocess").join("recipes_vits.safetensors"));
    let names = expected.names();
    assert_eq!(names.len(), 30);
    for name in names {
        let (recipe, size) = name.split_once('/').expect("recipe/size");
        let (width, height) = size.split_once('x').expect("width x height");
        let path = folder("preprocess").join("recipes_vits").join(format!("{recipe}.json"));
        if recipe == "timm_border" {
            let error = recipe_of_vit(&path).expect_err("a border is not drawn").to_string();
            assert!(error.contains("`pretrained_cfg.crop_mode`"), "{error}");
            continue;
        }
        let made = recipe_of_vit(&path).expect(&name);
        let image = pattern(width.parse().expect("a size"), height.parse().expect("a size"));
        let (shape, values) = expected.floats(&name);
        assert_eq!(made.output_size(), Some((shape[1], shape[2])), "{name}");
        let found = made.apply(&image);
        // DINOv3's resize is in floats, whose sums PyTorch takes in an order of its own: a sum of some
        // ten f32 numbers up to 1, over a deviation of 0.22.
        let limit = if recipe.starts_with("dinov3") { 1e-5 } else { 0.0 };
        let off = found.iter().zip(&values).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
        assert!(found.len() == values.len() && off <= limit, "{name}: off by {off:e}");
    }
}

#[test]
fn recipes_give_the_arrays_of_transformers() {
    let expected = Tensors::open(&folder("preprocess").join("recipes.safetensors"));
    let names = expected.names();
    assert_eq!(names.len(), 12);
    for name in names {
        let (recipe, size) = name.split_once('/').expect("recipe/size");
        let (width, height) = size.split_once('x').expect("width x height");
        let path = folder("preprocess").join("recipes").join(format!("{recipe}.json"));
        let config = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
        let recipe = Preprocessing::from_config(&config, &path, "CLIPImageProcessor")
            .expect(&name)
            .preprocessing;
        let image = pattern(width.parse().expect("a size"), height.parse().expect("a size"));
        let (shape, values) = expected.floats(&name);
        assert_eq!(recipe.output_size(), Some((shape[1], shape[2])), "{name}");
        let found = recipe.apply(&image);
        // The same operations in the same precision and order as NumPy's: equal to the bit.
        assert_eq!(found, values, "{name}");
    }
}
