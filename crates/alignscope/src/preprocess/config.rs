//! A recipe from the files that come with a checkpoint.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::classes::{
    CLASSES, CROP_PCT_KEY, NEUTRAL, PASSED_OVER, PATCH_KEYS, READ, WHOLE_FROM, defaults,
};
use super::{CropRounding, Normalize, PatchGrid, Preprocessing, Resample, Resize};
use crate::input_file::{HashedPath, JsonFileError, read_json};

/// A recipe with its story.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The recipe.
    pub preprocessing: Preprocessing,
    /// The file that it was read from.
    pub path: PathBuf,
    /// Keys that the file lacks, each with the default taken.
    pub defaults_used: Vec<String>,
}

/// A recipe cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// The folder has none.
    #[error(
        "no preprocessing in {folder}: expected `preprocessor_config.json`, or \
         `processor_config.json` with an image processor in it; copy it from the model that this \
         one was trained from, or name the file of its weights, as in \
         `FILE@like=openai/clip-vit-base-patch32`"
    )]
    NoFile {
        /// The checkpoint's folder.
        folder: PathBuf,
    },
    /// A small file of the model cannot be read.
    #[error(transparent)]
    Json(#[from] JsonFileError),
    /// A key holds what it cannot hold.
    #[error("`{key}` in {path} is {found}, expected {expected}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// The image processor does more than resize, crop, rescale and normalise, or is not known.
    #[error(
        "the image processor of {path} is `{class}`, of which it is not known that it only \
         resizes, crops, rescales and normalises; expected {CLASSES} (or their `…Fast` or `…Pil`)"
    )]
    Class {
        /// The file.
        path: PathBuf,
        /// The processor's class.
        class: String,
    },
    /// A key would change the pixels in a way that is not done.
    #[error(
        "`{key}` in {path} is {found}, expected {expected}: alignscope does not do what it asks \
         for, so the model would see other pixels"
    )]
    Asked {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// The value at which nothing is to be done.
        expected: &'static str,
    },
    /// A key is none of those known.
    #[error(
        "`{key}` in {path} is not a key that alignscope knows, and may change the pixels (it is \
         {found}); if it does not, delete it from a copy of the file"
    )]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its value.
        found: String,
    },
    /// The folder has two recipes, which differ.
    #[error(
        "{path} and the `image_processor` in {other} prepare images differently; delete the one \
         that the model was not trained with from a copy of the folder"
    )]
    TwoRecipes {
        /// `preprocessor_config.json`.
        path: PathBuf,
        /// `processor_config.json`.
        other: PathBuf,
    },
}

/// No side of a preprocessed image is larger.
const MAX_SIDE: u64 = 8192;

impl Preprocessing {
    /// The recipe in a checkpoint's folder: `preprocessor_config.json`, or the image processor
    /// inside `processor_config.json`, where transformers 5 puts it; and the hash of the very bytes
    /// that it was parsed from.
    ///
    /// # Errors
    /// Neither file is there, one cannot be used, or they do not say the same.
    pub fn from_folder(
        folder: &Path,
        class: &str,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        // Whatever it is: what is no file is an error when it is read.
        let is_there = |path: &Path| path.symlink_metadata().is_ok();
        let path = folder.join("preprocessor_config.json");
        let own = match is_there(&path) {
            true => {
                let (config, file) = read_json(&path)?;
                Some((Self::from_config(&config, &path, class)?, file))
            }
            false => None,
        };
        let other = folder.join("processor_config.json");
        let nested = match is_there(&other) {
            true => {
                let (config, file) = read_json(&other)?;
                match config.get("image_processor").filter(|v| !v.is_null()) {
                    Some(config) => Some((Self::from_config(config, &other, class)?, file)),
                    None => None,
                }
            }
            false => None,
        };
        match (own, nested) {
            (Some(own), Some(nested)) if own.0.preprocessing != nested.0.preprocessing => {
                Err(PreprocessError::TwoRecipes { path, other })
            }
            (own, nested) => {
                own.or(nested).ok_or_else(|| PreprocessError::NoFile { folder: folder.to_owned() })
            }
        }
    }

    /// The recipe that a processor's configuration describes, in either generation: `"size": 224`
    /// or `"size": {"shortest_edge": 224}`. `path` is for messages, `class` the processor where it
    /// names none.
    ///
    /// # Errors
    /// A value cannot be used; or the processor's class, or a key, may ask for more than to resize,
    /// crop, rescale and normalise.
    pub fn from_config(
        config: &Value,
        path: &Path,
        class: &str,
    ) -> Result<Recipe, PreprocessError> {
        let object = config.as_object().ok_or_else(|| PreprocessError::Value {
            path: path.to_owned(),
            key: "(the whole file)".to_owned(),
            found: shorten(config),
            expected: "an object",
        })?;
        let named = ["image_processor_type", "feature_extractor_type"]
            .iter()
            .find_map(|key| object.get(*key).and_then(Value::as_str));
        let defaults_used = match named {
            Some(_) => vec![],
            None => vec![format!("image_processor_type: {class}")],
        };
        let class = named.unwrap_or(class);
        let defaults = defaults(class).ok_or_else(|| PreprocessError::Class {
            path: path.to_owned(),
            class: class.to_owned(),
        })?;
        let mut keys = RecipeKeys { object, path, prefix: "", defaults, defaults_used };
        let crops_by_part = keys.defaults.get(CROP_PCT_KEY).is_some();
        let cuts_patches = keys.defaults.get(PATCH_KEYS[0]).is_some();
        let own: &[&str] = match (crops_by_part, cuts_patches) {
            (true, _) => &[CROP_PCT_KEY],
            (_, true) => &PATCH_KEYS,
            _ => &[],
        };
        keys.must_be_known(&[&READ, own].concat(), &PASSED_OVER, &NEUTRAL)?;

        let resample = keys.get("resample")?;
        let resample = resample
            .as_u64()
            .and_then(Resample::from_code)
            .ok_or_else(|| keys.error("resample", &resample, "a filter of Pillow, 0 to 5"))?;
        let resize = match keys.flag("do_resize")? {
            true if cuts_patches => Some(Resize::Patches(keys.patches()?)),
            false if cuts_patches => {
                let expected = "true, as images have one grid of patches only if they are resized";
                return Err(keys.error("do_resize", &Value::Bool(false), expected));
            }
            true => Some(keys.resize()?),
            false => None,
        };
        let crop = match keys.flag("do_center_crop")? {
            true => Some(keys.crop()?),
            false => None,
        };
        let (resize, crop) = match resize {
            Some(resize) if crops_by_part => {
                let (resize, crop) = keys.crop_by_part(resize, crop.is_some())?;
                (Some(resize), crop)
            }
            resize => (resize, crop),
        };
        let rescale_factor = match keys.flag("do_rescale")? {
            true => Some(keys.factor()?),
            false => None,
        };
        let normalize = match keys.flag("do_normalize")? {
            true => Some(Normalize {
                mean: keys.triple("image_mean", |_| true, "a number, or three")?,
                std: keys.triple("image_std", |std| std > 0.0, "a number above 0, or three")?,
            }),
            false => None,
        };
        let resize_floats = keys.defaults["resize_floats"] == true;
        if resize_floats && (crop.is_some() || !matches!(resize, Some(Resize::Exact { .. }))) {
            let size = object.get("size").cloned().unwrap_or_default();
            let expected = "{\"height\": side, \"width\": side}, and no crop";
            return Err(keys.error("size", &size, expected));
        }
        Ok(Recipe {
            preprocessing: Self {
                resize,
                resample,
                crop,
                crop_rounding: CropRounding::Floor,
                rescale_factor,
                normalize,
                resize_floats,
            },
            path: path.to_owned(),
            defaults_used: keys.defaults_used,
        })
    }
}

impl Preprocessing {
    /// The recipe in `open_clip_config.json`, whose `preprocess_cfg` may hold mean and deviation
    /// only: then the short side to `image_size` (bicubic), the centre cropped, 8-bit values over
    /// 255.
    ///
    /// # Errors
    /// A value cannot be used.
    pub fn from_open_clip(
        config: &Map<String, Value>,
        path: &Path,
        image_size: usize,
    ) -> Result<Recipe, PreprocessError> {
        let none = Map::new();
        let object = match config.get("preprocess_cfg") {
            None | Some(Value::Null) => &none,
            Some(Value::Object(object)) => object,
            Some(other) => {
                return Err(PreprocessError::Value {
                    path: path.to_owned(),
                    key: "preprocess_cfg".to_owned(),
                    found: shorten(other),
                    expected: "an object",
                });
            }
        };
        // The defaults of open_clip 3's `PreprocessCfg`.
        let defaults = json!({
            "mean": [0.48145466, 0.4578275, 0.40821073],
            "std": [0.26862954, 0.26130258, 0.27577711],
            "interpolation": "bicubic", "resize_mode": "shortest",
        });
        let prefix = "preprocess_cfg.";
        let mut keys = RecipeKeys { object, path, prefix, defaults, defaults_used: vec![] };
        let read = ["size", "mean", "std", "interpolation", "resize_mode"];
        // `fill_color` is for the resize mode `longest`.
        keys.must_be_known(&read, &["fill_color"], &[("mode", "\"RGB\"")])?;
        // open_clip takes the model's size, whatever stands here.
        if let Some(size) = object.get("size").filter(|size| !size.is_null()) {
            let same = |value: &Value| value.as_u64() == Some(image_size as u64);
            let sides = size.as_array().map_or(std::slice::from_ref(size), Vec::as_slice);
            if !matches!(sides.len(), 1 | 2) || !sides.iter().all(same) {
                return Err(keys.error("size", size, "the model's `image_size`"));
            }
        }
        let mean = keys.triple("mean", |_| true, "a number, or three")?;
        let std = keys.triple("std", |std| std > 0.0, "a number above 0, or three")?;
        let interpolation = keys.get("interpolation")?;
        let resample = match interpolation.as_str() {
            // open_clip takes bicubic where training took either.
            Some("bicubic" | "random") => Resample::Bicubic,
            Some("bilinear") => Resample::Bilinear,
            _ => {
                return Err(keys.error("interpolation", &interpolation, "`bicubic` or `bilinear`"));
            }
        };
        let mode = keys.get("resize_mode")?;
        let size = image_size;
        let (resize, crop) = match mode.as_str() {
            Some("shortest") => (Resize::ShortestEdge(size), Some((size, size))),
            Some("squash") => (Resize::Exact { height: size, width: size }, None),
            _ => return Err(keys.error("resize_mode", &mode, "`shortest` or `squash`")),
        };
        Ok(Recipe {
            preprocessing: Self {
                resize: Some(resize),
                resample,
                crop,
                crop_rounding: CropRounding::HalfToEven,
                rescale_factor: Some(1.0 / 255.0),
                normalize: Some(Normalize { mean, std }),
                resize_floats: false,
            },
            path: path.to_owned(),
            defaults_used: keys.defaults_used,
        })
    }
}

impl Preprocessing {
    /// The recipe in the `pretrained_cfg` of timm's `config.json`, as `timm.data.create_transform`
    /// makes it for an image of `size` × `size` pixels.
    ///
    /// # Errors
    /// A value cannot be used, or asks for what is not done.
    pub fn from_timm(
        object: &Map<String, Value>,
        path: &Path,
        size: usize,
    ) -> Result<Recipe, PreprocessError> {
        // The defaults of timm 1.0's `resolve_data_config`.
        let defaults = json!({
            "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
            "interpolation": "bicubic", "crop_pct": 0.875, "crop_mode": "center",
        });
        let prefix = "pretrained_cfg.";
        let mut keys = RecipeKeys { object, path, prefix, defaults, defaults_used: vec![] };
        let mean = keys.triple("mean", |_| true, "a number, or three")?;
        let std = keys.triple("std", |std| std > 0.0, "a number above 0, or three")?;
        let interpolation = keys.get("interpolation")?;
        let resample = match interpolation.as_str() {
            Some("bicubic") => Resample::Bicubic,
            Some("bilinear") => Resample::Bilinear,
            Some("lanczos") => Resample::Lanczos,
            Some("nearest") => Resample::Nearest,
            Some("box") => Resample::Box,
            Some("hamming") => Resample::Hamming,
            _ => return Err(keys.error("interpolation", &interpolation, "a filter of Pillow")),
        };
        let part = keys.get("crop_pct")?;
        let resized = keys.resized("crop_pct", &part, size)?;
        let mode = keys.get("crop_mode")?;
        let resize = match mode.as_str() {
            Some("center") => Resize::ShortestEdge(resized),
            Some("squash") => Resize::Exact { height: resized, width: resized },
            _ => return Err(keys.error("crop_mode", &mode, "`center` or `squash`")),
        };
        Ok(Recipe {
            preprocessing: Self {
                resize: Some(resize),
                resample,
                crop: Some((size, size)),
                crop_rounding: CropRounding::HalfToEven,
                rescale_factor: Some(1.0 / 255.0),
                normalize: Some(Normalize { mean, std }),
                resize_floats: false,
            },
            path: path.to_owned(),
            defaults_used: keys.defaults_used,
        })
    }
}

/// The keys of a processor's configuration, with the defaults of its class.
struct RecipeKeys<'a> {
    object: &'a Map<String, Value>,
    path: &'a Path,
    /// What stands before a key in messages: `preprocess_cfg.` or nothing.
    prefix: &'static str,
    defaults: Value,
    defaults_used: Vec<String>,
}

impl RecipeKeys<'_> {
    /// Refuses every key that is not read, passed over, or null, but those of `neutral` with the
    /// value (as JSON) that stands there.
    fn must_be_known(
        &self,
        read: &[&str],
        passed_over: &[&str],
        neutral: &[(&str, &'static str)],
    ) -> Result<(), PreprocessError> {
        for (key, found) in self.object {
            if found.is_null()
                || read.contains(&key.as_str())
                || passed_over.contains(&key.as_str())
            {
                continue;
            }
            let (path, found_text) = (self.path.to_owned(), shorten(found));
            let full = format!("{}{key}", self.prefix);
            match neutral.iter().find(|(name, _)| name == key) {
                Some((_, expected)) if found.to_string().as_str() == *expected => {}
                Some((_, expected)) => {
                    return Err(PreprocessError::Asked {
                        path,
                        key: full,
                        found: found_text,
                        expected,
                    });
                }
                None => {
                    return Err(PreprocessError::UnknownKey { path, key: full, found: found_text });
                }
            }
        }
        Ok(())
    }

    fn get(&mut self, key: &str) -> Result<Value, PreprocessError> {
        if let Some(value) = self.object.get(key).filter(|v| !v.is_null()) {
            return Ok(value.clone());
        }
        match self.defaults.get(key) {
            Some(default) => {
                self.defaults_used.push(format!("{key} = {default}"));
                Ok(default.clone())
            }
            // Only `crop_size` of classes that do not crop of themselves has no default.
            None => {
                Err(self.error(key, &Value::Null, "a value: its image processor has no default"))
            }
        }
    }

    fn error(&self, key: &str, found: &Value, expected: &'static str) -> PreprocessError {
        PreprocessError::Value {
            path: self.path.to_owned(),
            key: format!("{}{key}", self.prefix),
            found: shorten(found),
            expected,
        }
    }

    fn flag(&mut self, key: &str) -> Result<bool, PreprocessError> {
        let value = self.get(key)?;
        value.as_bool().ok_or_else(|| self.error(key, &value, "true or false"))
    }

    /// The older form is one number: the shortest edge, or a square where the class has
    /// `default_to_square`.
    fn resize(&mut self) -> Result<Resize, PreprocessError> {
        let value = self.get("size")?;
        let size = match &value {
            Value::Number(_) => {
                let squashes = match self.object.get("default_to_square") {
                    None | Some(Value::Null) => self.defaults["default_to_square"] == true,
                    Some(_) => self.flag("default_to_square")?,
                };
                side(&value).map(|side| match squashes {
                    true => Resize::Exact { height: side, width: side },
                    false => Resize::ShortestEdge(side),
                })
            }
            _ => match exact(&value) {
                Some((height, width)) => Some(Resize::Exact { height, width }),
                None => only(&value, &["shortest_edge"])
                    .and_then(|[edge]| side(edge))
                    .map(Resize::ShortestEdge),
            },
        };
        size.ok_or_else(|| {
            let expected = "a side, {\"shortest_edge\": side} or {\"height\": side, \
                 \"width\": side}, from 1 to 8192, and nothing else";
            self.error("size", &value, expected)
        })
    }

    fn crop(&mut self) -> Result<(usize, usize), PreprocessError> {
        let value = self.get("crop_size")?;
        let size = match value.is_number() {
            true => side(&value).map(|side| (side, side)),
            false => exact(&value),
        };
        size.ok_or_else(|| {
            let expected = "a side, or {\"height\": side, \"width\": side}, from 1 to 8192, and \
                 nothing else";
            self.error("crop_size", &value, expected)
        })
    }

    /// The grid of `Siglip2ImageProcessor`, which has no other size.
    fn patches(&mut self) -> Result<PatchGrid, PreprocessError> {
        for (key, neutral) in [("size", Value::Null), ("do_center_crop", Value::Bool(false))] {
            let found = self.object.get(key).filter(|v| !v.is_null() && **v != neutral);
            if let Some(found) = found {
                return Err(self.error(key, found, "no such key, as its processor cuts patches"));
            }
        }
        let [patch_px, max_patches] = PATCH_KEYS.map(|key| {
            let value = self.get(key)?;
            let number = value.as_u64().filter(|n| (1..=MAX_SIDE * MAX_SIDE).contains(n));
            let number = number.and_then(|n| usize::try_from(n).ok());
            number.ok_or_else(|| self.error(key, &value, "a whole number above 0"))
        });
        let grid = PatchGrid { patch_px: patch_px?, max_patches: max_patches? };
        if grid.side_px() as u64 > MAX_SIDE {
            let found = self.object.get(PATCH_KEYS[1]).cloned().unwrap_or_default();
            let expected = "so few that a square of them has at most 8192 pixels on a side";
            return Err(self.error(PATCH_KEYS[1], &found, expected));
        }
        Ok(grid)
    }

    /// How `ConvNextImageProcessor` resizes and crops: a small image is brought to more than its side,
    /// and cut to it; from 384 pixels on it is squeezed to a square.
    fn crop_by_part(
        &mut self,
        resize: Resize,
        is_cropped: bool,
    ) -> Result<(Resize, Option<(usize, usize)>), PreprocessError> {
        let asked = |key: &str| self.object.get(key).cloned().unwrap_or_default();
        if is_cropped {
            let found = asked("do_center_crop");
            return Err(self.error("do_center_crop", &found, "false, as its processor crops"));
        }
        let Resize::ShortestEdge(side) = resize else {
            let found = asked("size");
            return Err(self.error("size", &found, "a side, or {\"shortest_edge\": side}"));
        };
        let part = self.get(CROP_PCT_KEY)?;
        if side >= WHOLE_FROM {
            return Ok((Resize::Exact { height: side, width: side }, None));
        }
        let resized = self.resized(CROP_PCT_KEY, &part, side)?;
        Ok((Resize::ShortestEdge(resized), Some((side, side))))
    }

    /// The side that an image is brought to, of which `size` pixels are this part.
    fn resized(&self, key: &str, part: &Value, size: usize) -> Result<usize, PreprocessError> {
        part.as_f64()
            .filter(|part| *part > 0.0)
            .map(|part| (size as f64 / part).floor())
            .filter(|side| *side >= size as f64 && *side <= MAX_SIDE as f64)
            .map(|side| side as usize)
            .ok_or_else(|| self.error(key, part, "a part of the image, above 0 to 1"))
    }

    fn factor(&mut self) -> Result<f64, PreprocessError> {
        let value = self.get("rescale_factor")?;
        value
            .as_f64()
            .filter(|f| *f > 0.0 && f.is_finite())
            .ok_or_else(|| self.error("rescale_factor", &value, "a number above 0"))
    }

    fn triple(
        &mut self,
        key: &str,
        accept: impl Fn(f64) -> bool,
        expected: &'static str,
    ) -> Result<[f64; 3], PreprocessError> {
        let value = self.get(key)?;
        let number = |v: &Value| v.as_f64().filter(|f| accept(*f));
        let numbers: Option<[f64; 3]> = match &value {
            Value::Array(values) => {
                let numbers: Option<Vec<f64>> = values.iter().map(number).collect();
                numbers.and_then(|numbers| numbers.try_into().ok())
            }
            // One number is that of all three.
            one => number(one).map(|one| [one; 3]),
        };
        numbers.ok_or_else(|| self.error(key, &value, expected))
    }
}

fn side(value: &Value) -> Option<usize> {
    value.as_u64().filter(|n| (1..=MAX_SIDE).contains(n)).map(|n| n as usize)
}

/// Height and width of `{"height": …, "width": …}`, or of the older list of both where they are the
/// same: its order was once the other.
fn exact(value: &Value) -> Option<(usize, usize)> {
    match value.as_array().map(Vec::as_slice) {
        Some([height, width]) if height == width => side(height).zip(side(width)),
        Some(_) => None,
        None => {
            let [height, width] = only(value, &["height", "width"])?;
            side(height).zip(side(width))
        }
    }
}

/// The values of an object that has these keys and, but for null, no others.
fn only<'a, const N: usize>(value: &'a Value, keys: &[&str; N]) -> Option<[&'a Value; N]> {
    let object = value.as_object()?;
    let other = object.iter().any(|(key, v)| !v.is_null() && !keys.contains(&key.as_str()));
    let values: Option<Vec<&Value>> = keys.iter().map(|key| object.get(*key)).collect();
    values.filter(|_| !other)?.try_into().ok()
}

/// A JSON value for a message.
fn shorten(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(config: Value) -> Result<Recipe, PreprocessError> {
        Preprocessing::from_config(
            &config,
            Path::new("preprocessor_config.json"),
            "CLIPImageProcessor",
        )
    }

    #[test]
    fn both_generations_of_clip_say_the_same() {
        let old = parse(json!({
            "feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224,
            "do_resize": true, "do_center_crop": true, "do_normalize": true, "resample": 3,
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
        }))
        .expect("read");
        let new = parse(json!({"image_processor_type": "CLIPImageProcessorFast"})).expect("read");
        assert_eq!(old.preprocessing, new.preprocessing);
        assert_eq!(old.defaults_used.len(), 2, "{:?}", old.defaults_used);
        assert_eq!(new.defaults_used.len(), 10, "{:?}", new.defaults_used);
        assert_eq!(new.preprocessing.output_size(), Some((224, 224)));
    }

    #[test]
    fn siglip_squashes_to_the_square() {
        let recipe = parse(json!({
            "image_processor_type": "SiglipImageProcessor", "size": {"height": 384, "width": 384},
        }))
        .expect("read");
        let exact = Resize::Exact { height: 384, width: 384 };
        assert_eq!(recipe.preprocessing.resize, Some(exact));
        assert_eq!(recipe.preprocessing.crop, None);
    }

    #[test]
    fn siglip2_brings_squares_to_one_grid_of_patches() {
        let found = |key: &str, value: Value| {
            let mut config = json!({"image_processor_type": "Siglip2ImageProcessorFast"});
            config[key] = value;
            parse(config).map(|recipe| recipe.preprocessing)
        };
        for (patches, side) in [(256, 256), (255, 240), (1024, 512), (1, 16)] {
            let made = found("max_num_patches", json!(patches)).expect("read");
            assert_eq!(made.output_size(), Some((side, side)), "{patches}");
            assert_eq!(made.check_size(300, 300), Ok(()));
        }
        let made = found("patch_size", json!(14)).expect("read");
        assert_eq!(
            made.to_string().split(',').next(),
            Some("squares to 16 × 16 patches of 14 bilinear")
        );
        assert!(made.check_size(400, 300).is_err());
        for (key, value) in [
            ("do_resize", json!(false)),
            ("size", json!({"height": 256, "width": 256})),
            ("do_center_crop", json!(true)),
            ("patch_size", json!(0)),
            ("patch_size", json!([16, 16])),
            ("patch_size", json!(8193)),
            ("max_num_patches", json!(1u64 << 40)),
            ("max_num_patches", json!(16.5)),
            ("crop_pct", json!(0.9)),
        ] {
            let message = found(key, value.clone()).expect_err(key).to_string();
            let named = if value == json!(8193) { "max_num_patches" } else { key };
            assert!(message.contains(&format!("`{named}`")), "{message}");
        }
    }

    #[test]
    fn a_processor_that_may_do_more_is_an_error_that_names_it() {
        for class in [
            "MyProcessor",
            "MobileViTImageProcessorFast",
            "EfficientNetImageProcessor",
            "FlavaImageProcessor",
            "Lfm2VlImageProcessor",
            "LlavaImageProcessor",
            "VivitImageProcessor",
            "DPTImageProcessor",
            "CLIP",
        ] {
            let mut config = plain();
            config["image_processor_type"] = json!(class);
            let error = parse(config).expect_err(class);
            assert!(matches!(error, PreprocessError::Class { .. }), "{error}");
            assert!(error.to_string().contains(&format!("`{class}`")), "{error}");
        }
    }

    /// A configuration that names everything.
    fn plain() -> Value {
        json!({
            "image_processor_type": "CLIPImageProcessor", "do_resize": true,
            "size": {"shortest_edge": 224}, "resample": 3, "do_center_crop": true,
            "crop_size": {"height": 224, "width": 224}, "do_rescale": true,
            "rescale_factor": 0.00392156862745098, "do_normalize": true,
            "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        })
    }

    #[test]
    fn a_key_that_changes_the_pixels_is_refused_by_name() {
        for (key, value) in [
            ("do_pad", json!(true)),
            ("do_flip_channel_order", json!(true)),
            ("do_grayscale", json!(true)),
            ("crop_pct", json!(0.875)),
            ("rescale_offset", json!(true)),
            ("offset", json!(true)),
            ("include_top", json!(true)),
            ("use_square_size", json!(true)),
            ("max_size", json!(800)),
            ("size_divisor", json!(32)),
            ("keep_aspect_ratio", json!(true)),
            ("ensure_multiple_of", json!(32)),
            ("do_thumbnail", json!(true)),
            ("do_align_long_axis", json!(true)),
            ("do_crop_margin", json!(true)),
            ("do_image_splitting", json!(true)),
            ("do_split_image", json!(true)),
            ("split_image", json!(true)),
            ("crop_to_patches", json!(true)),
            ("do_pan_and_scan", json!(true)),
            ("do_color_quantize", json!(true)),
            ("do_affine_transform", json!(true)),
            ("apply_ocr", json!(true)),
            ("return_codebook_pixels", json!(true)),
            ("return_image_mask", json!(true)),
            ("auto_map", json!({"AutoImageProcessor": "mine.Mine"})),
            // In no list: whatever their values.
            ("image_grid_pinpoints", json!([[336, 672]])),
            ("patch_size", json!(16)),
            ("max_num_patches", json!(256)),
            ("do_histogram_equalisation", json!(false)),
            ("gamma", json!(0)),
            ("padding_mode", json!("reflect")),
            ("background_color", json!([127, 127, 127])),
            ("crop_percent", json!([])),
        ] {
            let mut config = plain();
            config[key] = value;
            let error = parse(config.clone()).expect_err(key);
            assert!(
                matches!(error, PreprocessError::Asked { .. } | PreprocessError::UnknownKey { .. }),
                "{error}"
            );
            assert!(error.to_string().contains(&format!("`{key}` in pre")), "{error}");
            config[key] = Value::Null;
            assert_eq!(parse(config).expect("null is no key"), parse(plain()).expect("read"));
        }
    }

    #[test]
    fn a_key_at_the_value_that_changes_nothing_is_passed_over() {
        let expected = parse(plain()).expect("read");
        for (key, neutral) in NEUTRAL {
            let mut config = plain();
            config[key] = serde_json::from_str(neutral).expect("JSON");
            assert_eq!(parse(config).expect(key), expected);
        }
        for (key, value) in [
            ("do_convert_rgb", json!(false)),
            ("processor_class", json!("CLIPProcessor")),
            ("_valid_processor_keys", json!(["images", "do_pad"])),
            ("pad_size", json!({"height": 64, "width": 64})),
            ("feature_extractor_type", json!("CLIPFeatureExtractor")),
            ("data_format", json!("channels_first")),
            ("device", json!("cpu")),
            ("default_to_square", json!(true)),
            ("image_mean", json!(0.5)),
            ("size", json!({"shortest_edge": 224, "longest_edge": null, "height": null})),
            ("crop_size", json!([224, 224])),
            ("rescale_factor", Value::Null),
        ] {
            let mut config = plain();
            config[key] = value;
            let found = parse(config).expect(key).preprocessing;
            assert_eq!(found, expected.preprocessing, "{key}");
        }
    }

    #[test]
    fn one_number_is_a_square_or_the_shortest_edge_as_the_class_has_it() {
        let resize = |config: Value| parse(config).expect("read").preprocessing.resize;
        let shortest = Some(Resize::ShortestEdge(90));
        let square = Some(Resize::Exact { height: 90, width: 90 });
        for (class, expected) in [
            ("CLIPFeatureExtractor", shortest),
            ("ChineseCLIPImageProcessor", shortest),
            ("SiglipImageProcessor", shortest),
            ("BitImageProcessor", shortest),
            ("MobileNetV1FeatureExtractor", shortest),
            ("ViTFeatureExtractor", square),
            ("DeiTImageProcessorFast", square),
            ("BlipImageProcessorPil", square),
            ("PvtImageProcessor", square),
        ] {
            let config = json!({"image_processor_type": class, "size": 90});
            assert_eq!(resize(config), expected, "{class}");
        }
        let said = json!({
            "image_processor_type": "CLIPImageProcessor", "size": 90, "default_to_square": true,
        });
        assert_eq!(resize(said), square);
    }

    #[test]
    fn convnext_crops_by_a_part_of_small_images_alone() {
        let found = |size: Value, part: Value| {
            let class = "ConvNextFeatureExtractor";
            let config = json!({"feature_extractor_type": class, "size": size, "crop_pct": part});
            parse(config).map(|recipe| (recipe.preprocessing.resize, recipe.preprocessing.crop))
        };
        let small = (Some(Resize::ShortestEdge(256)), Some((224, 224)));
        assert_eq!(found(json!(224), json!(0.875)).expect("read"), small);
        assert_eq!(found(json!({"shortest_edge": 224}), Value::Null).expect("read"), small);
        let odd = (Some(Resize::ShortestEdge(248)), Some((224, 224)));
        assert_eq!(found(json!(224), json!(0.9)).expect("read"), odd);
        let large = (Some(Resize::Exact { height: 384, width: 384 }), None);
        assert_eq!(found(json!(384), json!(0.95)).expect("read"), large);
        assert!(found(json!({"height": 224, "width": 224}), Value::Null).is_err());
        assert!(found(json!(224), json!(0)).is_err());
    }

    #[test]
    fn two_files_of_a_folder_must_say_the_same() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, config: &Value| {
            std::fs::write(folder.path().join(name), config.to_string()).expect("written");
        };
        let read = || Preprocessing::from_folder(folder.path(), "CLIPImageProcessor");
        assert!(matches!(read(), Err(PreprocessError::NoFile { .. })));
        let mut nested = json!({"processor_class": "CLIPProcessor", "image_processor": plain()});
        write("processor_config.json", &nested);
        assert!(read().expect("read").0.path.ends_with("processor_config.json"));
        write("preprocessor_config.json", &plain());
        assert!(read().expect("the same").0.path.ends_with("preprocessor_config.json"));
        nested["image_processor"]["resample"] = json!(2);
        write("processor_config.json", &nested);
        let error = read().expect_err("another filter");
        assert!(matches!(error, PreprocessError::TwoRecipes { .. }), "{error}");
    }

    fn open_clip(preprocess: &Value) -> Result<Recipe, PreprocessError> {
        let config = json!({"model_cfg": {}, "preprocess_cfg": preprocess});
        let config = config.as_object().expect("an object");
        Preprocessing::from_open_clip(config, Path::new("open_clip_config.json"), 224)
    }

    #[test]
    fn every_key_of_open_clip_is_done_or_refused() {
        let mean = json!({"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]});
        let expected = open_clip(&mean).expect("read").preprocessing;
        for (key, value) in [
            ("size", json!(224)),
            ("size", json!([224, 224])),
            ("mode", json!("RGB")),
            ("mean", json!(0.5)),
            ("fill_color", json!(7)),
            ("interpolation", json!("random")),
            ("resize_mode", json!("shortest")),
            ("crop_pct", Value::Null),
        ] {
            let mut config = mean.clone();
            config[key] = value;
            assert_eq!(open_clip(&config).expect(key).preprocessing, expected, "{key}");
        }
        for (key, value) in [
            ("size", json!(336)),
            ("size", json!([224, 112])),
            ("size", json!([])),
            ("mode", json!("L")),
            ("interpolation", json!("lanczos")),
            ("resize_mode", json!("longest")),
            ("mean", json!([0.5])),
            ("std", json!(0)),
            ("crop_pct", json!(0.9)),
            ("crop_mode", json!("center")),
            ("input_size", json!([3, 224, 224])),
        ] {
            let mut config = mean.clone();
            config[key] = value;
            let message = open_clip(&config).expect_err(key).to_string();
            assert!(message.contains(&format!("`preprocess_cfg.{key}`")), "{message}");
        }
        let message = open_clip(&json!("bicubic")).expect_err("a text").to_string();
        assert!(message.contains("`preprocess_cfg`"), "{message}");
    }

    #[test]
    fn a_value_that_cannot_be_names_its_key() {
        for (key, value) in [
            ("size", json!(0)),
            ("size", json!({"longest_edge": 3})),
            ("size", json!({"shortest_edge": 224, "longest_edge": 448})),
            ("size", json!({"height": 224, "width": 224, "max_pixels": 9})),
            ("size", json!({"height": 224})),
            ("size", json!([224, 336])),
            ("crop_size", json!({"shortest_edge": 224})),
            ("resample", json!("bicubic")),
            ("image_mean", json!([0.5, 0.5, 0.5, 0.5])),
            ("crop_size", json!("big")),
            ("resample", json!(9)),
            ("image_std", json!([0.5, 0.0, 0.5])),
            ("image_mean", json!([0.5])),
            ("do_resize", json!("yes")),
            ("rescale_factor", json!(-1)),
        ] {
            let mut config = json!({"image_processor_type": "CLIPImageProcessor"});
            config[key] = value;
            let message = parse(config).expect_err(key).to_string();
            assert!(message.contains(&format!("`{key}`")), "{message}");
        }
    }
}
