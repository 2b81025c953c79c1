//! What the program says to a checkpoint that would make another model than the one that runs.

use std::fs;

use crate::place::{Place, png};
use crate::program::{is_refused, outcome};

/// The small checkpoint, and an image.
fn place() -> Place {
    let place = Place::new();
    place.checkpoint("model");
    place.write("a.png", png(20, 17));
    place
}

/// Encodes the image; returns the exit code and what was said.
fn encode(place: &Place) -> (i32, String) {
    let mut command = place.command();
    command.args(["activations", "--model"]).arg(place.path("model"));
    command.arg("--images").arg(place.path("a.png")).arg("--out").arg(place.path("out"));
    let (code, _, message) = outcome(&mut command);
    (code, message)
}

/// Changes a file of the checkpoint, and holds exit code 2 and the message to what is expected.
fn refuses(name: &str, from: &str, to: &str, parts: &[&str]) {
    let place = place();
    place.edit(&format!("model/{name}"), from, to);
    says(&place, parts);
}

fn says(place: &Place, parts: &[&str]) {
    let (code, message) = encode(place);
    println!("{message}");
    is_refused(code, &message, parts);
    assert!(!place.path("out/features.npy").exists());
}

#[test]
fn the_place_itself_works() {
    let (code, message) = encode(&place());
    assert_eq!(code, 0, "{message}");
}

#[test]
fn a_key_of_another_vision_tower() {
    let tower = "\"model_type\": \"clip_vision_model\"";
    let with = |more: &str| format!("{tower}, {more}");
    let rope = with("\"use_rope\": true");
    let parts = ["`vision_config.use_rope`", "is true, expected false", "another model"];
    refuses("config.json", tower, &rope, &parts);
    let registers = with("\"num_register_tokens\": 4");
    refuses("config.json", tower, &registers, &["`vision_config.num_register_tokens`", "is 4"]);
    let unknown = with("\"window_size\": 7");
    let parts = ["`vision_config.window_size`", "not a key that alignscope knows", "it is 7"];
    refuses("config.json", tower, &unknown, &parts);
}

#[test]
fn a_model_that_is_quantized_or_brings_code_along() {
    let whole = "\"model_type\": \"clip\"";
    let quantized = format!("{whole}, \"quantization_config\": {{\"load_in_8bit\": true}}");
    refuses("config.json", whole, &quantized, &["`quantization_config`", "dequantize"]);
    let code = format!("{whole}, \"auto_map\": {{\"AutoModel\": \"mine.Mine\"}}");
    refuses("config.json", whole, &code, &["`auto_map`", "mine.Mine", "is not run"]);
}

#[test]
fn preprocessing_that_asks_for_more() {
    let start = "\"do_resize\": true";
    for (key, value) in [
        ("do_pad", "true"),
        ("do_flip_channel_order", "true"),
        ("do_grayscale", "true"),
        ("crop_pct", "0.875"),
        ("rescale_offset", "true"),
        ("offset", "true"),
        ("gamma", "2.2"),
    ] {
        let more = format!("{start}, \"{key}\": {value}");
        let parts = [&*format!("`{key}` in"), "preprocessor_config.json", value];
        refuses("preprocessor_config.json", start, &more, &parts);
    }
    let parts = ["`MobileViTFeatureExtractor`", "expected `CLIPImageProcessor`"];
    refuses(
        "preprocessor_config.json",
        "CLIPFeatureExtractor",
        "MobileViTFeatureExtractor",
        &parts,
    );
}

#[test]
fn an_adapter_beside_the_weights() {
    let place = place();
    let config = r#"{"peft_type": "LORA", "base_model_name_or_path": "openai/clip"}"#;
    place.write("model/adapter_config.json", config);
    says(&place, &["adapter_config.json is an adapter for `openai/clip`", "merge_and_unload"]);
}

#[test]
fn a_tensor_that_is_not_read() {
    let place = place();
    let path = place.path("model/model.safetensors");
    let bytes = fs::read(&path).expect("read");
    // The name of a tensor of the text tower becomes one of the vision tower, as long as it.
    let (from, to) = (b"\"text_projection.weight\"", b"\"visual_scale.lambda_11\"");
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|w| w == from).expect("the tensor");
    let mut changed = bytes.clone();
    changed[at..at + to.len()].copy_from_slice(to);
    fs::write(&path, changed).expect("written");
    says(&place, &["the tensor `visual_scale.lambda_11`", "does not have"]);
}
