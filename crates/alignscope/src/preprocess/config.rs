//! A recipe from the files that come with a checkpoint.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{CropRounding, Normalize, Preprocessing, Resample, Resize};
use crate::input_file::{HashedPath, read_text};

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
        "no preprocessing in {folder}: expected `preprocessor_config.json`, or `processor_config.json` with an image processor in it"
    )]
    NoFile {
        /// The checkpoint's folder.
        folder: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the preprocessing {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not JSON.
    #[error("{path} is not valid JSON")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        #[source]
        source: serde_json::Error,
    },
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
    /// A key is missing, and no default is known.
    #[error(
        "`{key}` is missing from {path}, and no default is known for the image processor `{class}`"
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The processor's class.
        class: String,
    },
}

/// What transformers' image processors take where a key is missing: the class attributes of
/// `CLIPImageProcessorPil`, `ChineseCLIPImageProcessorPil`, `SiglipImageProcessorPil` and
/// `ViTImageProcessorPil` in transformers 5.24.
fn defaults(class: &str) -> Option<Value> {
    let stem = ["Fast", "Pil"].iter().fold(class, |c, suffix| c.strip_suffix(suffix).unwrap_or(c));
    let clip = json!({
        "do_resize": true, "size": {"shortest_edge": 224}, "resample": 3,
        "do_center_crop": true, "crop_size": {"height": 224, "width": 224},
        "do_rescale": true, "rescale_factor": 1.0 / 255.0, "do_normalize": true,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    });
    let square = |resample: u64| {
        json!({
            "do_resize": true, "size": {"height": 224, "width": 224}, "resample": resample,
            "do_center_crop": false,
            "do_rescale": true, "rescale_factor": 1.0 / 255.0, "do_normalize": true,
            "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        })
    };
    match stem {
        "CLIPImageProcessor"
        | "CLIPFeatureExtractor"
        | "ChineseCLIPImageProcessor"
        | "ChineseCLIPFeatureExtractor" => Some(clip),
        "SiglipImageProcessor" => Some(square(3)),
        "ViTImageProcessor" | "ViTFeatureExtractor" => Some(square(2)),
        _ => None,
    }
}

/// No side of a preprocessed image is larger.
const MAX_SIDE: u64 = 8192;

impl Preprocessing {
    /// The recipe in a checkpoint's folder: `preprocessor_config.json`, or the image processor
    /// inside `processor_config.json`, where transformers 5 puts it; and the hash of the very bytes
    /// that it was parsed from.
    ///
    /// # Errors
    /// Neither file is there, or it cannot be used.
    pub fn from_folder(
        folder: &Path,
        class: &str,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        // Whatever it is: what is no file is an error when it is read.
        let is_there = |path: &Path| path.symlink_metadata().is_ok();
        let path = folder.join("preprocessor_config.json");
        if is_there(&path) {
            let (config, file) = read(&path)?;
            return Ok((Self::from_config(&config, &path, class)?, file));
        }
        let path = folder.join("processor_config.json");
        let nested = match is_there(&path) {
            true => {
                let (config, file) = read(&path)?;
                config.get("image_processor").cloned().map(|config| (config, file))
            }
            false => None,
        };
        match nested {
            Some((config, file)) => Ok((Self::from_config(&config, &path, class)?, file)),
            None => Err(PreprocessError::NoFile { folder: folder.to_owned() }),
        }
    }

    /// The recipe that a processor's configuration describes, in either generation: `"size": 224`
    /// or `"size": {"shortest_edge": 224}`. `path` is for messages, `class` the processor where it names none.
    ///
    /// # Errors
    /// A value cannot be used, or a key is missing that has no known default.
    pub fn from_config(
        config: &Value,
        path: &Path,
        class: &str,
    ) -> Result<Recipe, PreprocessError> {
        let object = config.as_object().ok_or_else(|| PreprocessError::Value {
            path: path.to_owned(),
            key: "(the whole file)".to_owned(),
            found: config.to_string().chars().take(60).collect(),
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
        let mut keys = Keys { object, path, class, defaults: defaults(class), defaults_used };

        let resample = keys.get("resample")?;
        let resample = resample
            .as_u64()
            .and_then(Resample::from_code)
            .ok_or_else(|| keys.error("resample", &resample, "a filter of Pillow, 0 to 5"))?;
        let resize = match keys.flag("do_resize")? {
            true => Some(keys.resize()?),
            false => None,
        };
        let crop = match keys.flag("do_center_crop")? {
            true => Some(keys.crop()?),
            false => None,
        };
        let rescale_factor = match keys.flag("do_rescale")? {
            true => Some(keys.factor()?),
            false => None,
        };
        let normalize = match keys.flag("do_normalize")? {
            true => Some(Normalize {
                mean: keys.triple("image_mean", |_| true, "three numbers")?,
                std: keys.triple("image_std", |std| std > 0.0, "three numbers above 0")?,
            }),
            false => None,
        };
        Ok(Recipe {
            preprocessing: Self {
                resize,
                resample,
                crop,
                crop_rounding: CropRounding::Floor,
                rescale_factor,
                normalize,
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
        let object = config.get("preprocess_cfg").and_then(Value::as_object).unwrap_or(&none);
        // The defaults of open_clip 3's `PreprocessCfg`.
        let defaults = json!({
            "mean": [0.48145466, 0.4578275, 0.40821073],
            "std": [0.26862954, 0.26130258, 0.27577711],
            "interpolation": "bicubic", "resize_mode": "shortest",
        });
        let class = "open_clip";
        let mut keys =
            Keys { object, path, class, defaults: Some(defaults), defaults_used: vec![] };
        let mean = keys.triple("mean", |_| true, "three numbers")?;
        let std = keys.triple("std", |std| std > 0.0, "three numbers above 0")?;
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
            },
            path: path.to_owned(),
            defaults_used: keys.defaults_used,
        })
    }
}

fn read(path: &Path) -> Result<(Value, HashedPath), PreprocessError> {
    let (text, file) = read_text(path)
        .map_err(|source| PreprocessError::Read { path: path.to_owned(), source })?;
    let config = serde_json::from_str(&text)
        .map_err(|source| PreprocessError::Parse { path: path.to_owned(), source })?;
    Ok((config, file))
}

/// The keys of a processor's configuration, with the defaults of its class.
struct Keys<'a> {
    object: &'a Map<String, Value>,
    path: &'a Path,
    class: &'a str,
    defaults: Option<Value>,
    defaults_used: Vec<String>,
}

impl Keys<'_> {
    fn get(&mut self, key: &str) -> Result<Value, PreprocessError> {
        if let Some(value) = self.object.get(key).filter(|v| !v.is_null()) {
            return Ok(value.clone());
        }
        match self.defaults.as_ref().and_then(|defaults| defaults.get(key)) {
            Some(default) => {
                self.defaults_used.push(format!("{key} = {default}"));
                Ok(default.clone())
            }
            None => Err(PreprocessError::Missing {
                path: self.path.to_owned(),
                key: key.to_owned(),
                class: self.class.to_owned(),
            }),
        }
    }

    fn error(&self, key: &str, found: &Value, expected: &'static str) -> PreprocessError {
        PreprocessError::Value {
            path: self.path.to_owned(),
            key: key.to_owned(),
            found: found.to_string().chars().take(60).collect(),
            expected,
        }
    }

    fn flag(&mut self, key: &str) -> Result<bool, PreprocessError> {
        let value = self.get(key)?;
        value.as_bool().ok_or_else(|| self.error(key, &value, "true or false"))
    }

    /// The older form is one number, which means the shortest edge for CLIP, and a square for
    /// processors that squash.
    fn resize(&mut self) -> Result<Resize, PreprocessError> {
        let value = self.get("size")?;
        let side = |value: &Value| {
            value.as_u64().filter(|n| (1..=MAX_SIDE).contains(n)).map(|n| n as usize)
        };
        let size = if value.is_number() {
            let squashes = self
                .defaults
                .as_ref()
                .and_then(|d| d.get("size"))
                .is_some_and(|size| size.get("height").is_some());
            side(&value).map(|side| match squashes {
                true => Resize::Exact { height: side, width: side },
                false => Resize::ShortestEdge(side),
            })
        } else if let Some(edge) = value.get("shortest_edge") {
            side(edge).filter(|_| value.get("longest_edge").is_none()).map(Resize::ShortestEdge)
        } else {
            let get = |key| value.get(key).and_then(side);
            get("height").zip(get("width")).map(|(height, width)| Resize::Exact { height, width })
        };
        size.ok_or_else(|| {
            let expected =
                "a side, {\"shortest_edge\": side} or {\"height\": side, \"width\": side}, from 1 to 8192";
            self.error("size", &value, expected)
        })
    }

    fn crop(&mut self) -> Result<(usize, usize), PreprocessError> {
        let value = self.get("crop_size")?;
        let side = |value: &Value| {
            value.as_u64().filter(|n| (1..=MAX_SIDE).contains(n)).map(|n| n as usize)
        };
        let size = match value.is_number() {
            true => side(&value).map(|side| (side, side)),
            false => {
                let get = |key| value.get(key).and_then(side);
                get("height").zip(get("width"))
            }
        };
        size.ok_or_else(|| {
            self.error(
                "crop_size",
                &value,
                "a side, or {\"height\": side, \"width\": side}, from 1 to 8192",
            )
        })
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
        let numbers: Option<Vec<f64>> = value
            .as_array()
            .and_then(|a| a.iter().map(|v| v.as_f64().filter(|f| accept(*f))).collect());
        numbers
            .and_then(|numbers| <[f64; 3]>::try_from(numbers).ok())
            .ok_or_else(|| self.error(key, &value, expected))
    }
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
    fn a_missing_key_of_an_unknown_processor_is_an_error() {
        let error = parse(json!({"image_processor_type": "MyProcessor"})).expect_err("no default");
        let message = error.to_string();
        assert!(message.contains("`resample`") && message.contains("`MyProcessor`"), "{message}");
    }

    #[test]
    fn a_value_that_cannot_be_names_its_key() {
        for (key, value) in [
            ("size", json!(0)),
            ("size", json!({"longest_edge": 3})),
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
