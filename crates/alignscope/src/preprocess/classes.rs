//! What the image processors of transformers do: their defaults, and their keys.

use serde_json::{Value, json};

/// What a class of image processor takes where a key is missing: the class attributes in
/// transformers 5.24. `None` for a class that does more than resize, crop, rescale and normalise.
///
/// The classes here override nothing of `PilBackend._preprocess`, but those with a default of
/// `crop_pct`, `resize_floats` or `max_num_patches`.
pub(super) fn defaults(class: &str) -> Option<Value> {
    const CLIP: [[f64; 3]; 2] =
        [[0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]];
    const HALF: [[f64; 3]; 2] = [[0.5; 3]; 2];
    const IMAGENET: [[f64; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];
    let plain = |resample: u64, [mean, std]: [[f64; 3]; 2]| {
        json!({
            "do_resize": true, "resample": resample, "do_center_crop": false,
            "do_rescale": true, "rescale_factor": 1.0 / 255.0,
            "do_normalize": true, "image_mean": mean, "image_std": std,
        })
    };
    let square = |side: u64, default_to_square: bool, mut plain: Value| {
        plain["size"] = json!({"height": side, "width": side});
        plain["default_to_square"] = json!(default_to_square);
        plain
    };
    let shortest = |side: u64, mut plain: Value| {
        plain["size"] = json!({"shortest_edge": side});
        plain["default_to_square"] = json!(false);
        plain
    };
    let cropped = |mut plain: Value| {
        plain["do_center_crop"] = json!(true);
        plain["crop_size"] = json!({"height": 224, "width": 224});
        plain
    };
    // The torchvision, Pillow and older forms of a class have the same attributes.
    let stem = ["Fast", "Pil"].iter().fold(class, |c, suffix| c.strip_suffix(suffix).unwrap_or(c));
    let stem = stem.strip_suffix("ImageProcessor").or(stem.strip_suffix("FeatureExtractor"))?;
    match stem {
        "CLIP" | "ChineseCLIP" | "Bit" => Some(cropped(shortest(224, plain(3, CLIP)))),
        "Siglip" => Some(square(224, false, plain(3, HALF))),
        // It brings images to a grid of patches.
        "Siglip2" => {
            let mut patches = plain(2, HALF);
            patches[PATCH_KEYS[0]] = json!(16);
            patches[PATCH_KEYS[1]] = json!(256);
            Some(patches)
        }
        "ViT" => Some(square(224, true, plain(2, HALF))),
        "Beit" => Some(square(224, true, plain(3, HALF))),
        // It resizes what it has rescaled, in floats.
        "DINOv3ViT" => {
            let mut floats = square(224, true, plain(2, IMAGENET));
            floats["resize_floats"] = json!(true);
            Some(floats)
        }
        // It crops by a part of the image, if the image is small.
        "ConvNext" => {
            let mut part = shortest(384, plain(3, HALF));
            part["crop_pct"] = json!(CROP_PCT);
            Some(part)
        }
        "Blip" => Some(square(384, true, plain(3, CLIP))),
        "DeiT" => Some(cropped(square(256, true, plain(3, HALF)))),
        "MobileNetV1" => Some(cropped(shortest(256, plain(2, HALF)))),
        "Pvt" => Some(square(224, true, plain(3, IMAGENET))),
        _ => None,
    }
}

/// The key of a part of the image that is kept; of `ConvNextImageProcessor` alone.
pub(super) const CROP_PCT_KEY: &str = "crop_pct";

/// The keys of a patch's side and of the most patches; of `Siglip2ImageProcessor` alone.
pub(super) const PATCH_KEYS: [&str; 2] = ["patch_size", "max_num_patches"];

/// From this side on `ConvNextImageProcessor` crops nothing.
pub(super) const WHOLE_FROM: usize = 384;

const CROP_PCT: f64 = 224.0 / 256.0;

/// The classes with [`defaults`], for messages.
pub(super) const CLASSES: &str = "`CLIPImageProcessor`, `ChineseCLIPImageProcessor`, \
     `SiglipImageProcessor`, `Siglip2ImageProcessor`, `ViTImageProcessor`, `BeitImageProcessor`, \
     `BitImageProcessor`, `BlipImageProcessor`, `ConvNextImageProcessor`, `DeiTImageProcessor`, `DINOv3ViTImageProcessor`, \
     `MobileNetV1ImageProcessor` or `PvtImageProcessor`";

/// Keys that are read.
pub(super) const READ: [&str; 11] = [
    "do_resize",
    "size",
    "default_to_square",
    "resample",
    "do_center_crop",
    "crop_size",
    "do_rescale",
    "rescale_factor",
    "do_normalize",
    "image_mean",
    "image_std",
];

/// Keys that do not change the pixels of one RGB image: names of classes, forms of input and
/// output, and what only labels or padding (`do_pad`, which must be false) would need.
pub(super) const PASSED_OVER: [&str; 20] = [
    "image_processor_type",
    "feature_extractor_type",
    "processor_class",
    "_processor_class",
    "_valid_processor_keys",
    "_valid_kwargs_names",
    "valid_kwargs",
    "model_input_names",
    // Images are made RGB in any case.
    "do_convert_rgb",
    "return_tensors",
    "data_format",
    "input_data_format",
    "device",
    "disable_grouping",
    "image_seq_length",
    "do_reduce_labels",
    "reduce_labels",
    "pad_size",
    "name_or_path",
    "_name_or_path",
];

/// Keys of any class of transformers 5.24, or of an older one, that change the pixels, with the
/// only value at which they do not. A key that is in no list is refused whatever its value; null is
/// the same as no key.
pub(super) const NEUTRAL: [(&str, &str); 26] = [
    ("do_pad", "false"),
    ("do_flip_channel_order", "false"),
    ("do_grayscale", "false"),
    ("crop_pct", "null"),
    ("rescale_offset", "false"),
    ("offset", "false"),
    ("include_top", "false"),
    ("use_square_size", "false"),
    ("max_size", "null"),
    ("size_divisor", "null"),
    ("keep_aspect_ratio", "false"),
    ("ensure_multiple_of", "1"),
    ("do_thumbnail", "false"),
    ("do_align_long_axis", "false"),
    ("do_crop_margin", "false"),
    ("do_image_splitting", "false"),
    ("do_split_image", "false"),
    ("split_image", "false"),
    ("crop_to_patches", "false"),
    ("do_pan_and_scan", "false"),
    ("do_color_quantize", "false"),
    ("do_affine_transform", "false"),
    ("apply_ocr", "false"),
    ("return_codebook_pixels", "false"),
    ("return_image_mask", "false"),
    ("auto_map", "{}"),
];
