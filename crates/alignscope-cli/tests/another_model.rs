//! What the program says to a checkpoint that would make another model than the one that runs.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// The small checkpoint, and an image.
fn place() -> TempDir {
    let place = tempfile::tempdir().expect("a temporary folder");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../alignscope/tests/golden/clip/base");
    fs::create_dir(place.path().join("model")).expect("made");
    for entry in fs::read_dir(golden).expect("the golden checkpoint") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), place.path().join("model").join(entry.file_name())).expect("copied");
    }
    let pixels = (0..3 * 20 * 17).map(|i| (i * 7 % 251) as u8).collect();
    let image = alignscope::image::RgbImage::new(20, 17, pixels);
    fs::write(place.path().join("a.png"), image.to_png()).expect("written");
    place
}

/// Encodes the image; returns the exit code and what was said.
fn encode(place: &TempDir) -> (i32, String) {
    let path = |name: &str| place.path().join(name);
    let output = Command::cargo_bin("alignscope")
        .expect("the program")
        .env("ALIGNSCOPE_CACHE", path("kept"))
        .args(["activations", "--model"])
        .arg(path("model"))
        .arg("--images")
        .arg(path("a.png"))
        .arg("--out")
        .arg(path("out"))
        .output()
        .expect("it starts");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("an exit code"), message)
}

fn edit(path: &PathBuf, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("read");
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(path, text.replace(from, to)).expect("written");
}

/// Changes a file of the checkpoint, and holds exit code 2 and the message to what is expected.
fn refuses(name: &str, from: &str, to: &str, parts: &[&str]) {
    let place = place();
    edit(&place.path().join("model").join(name), from, to);
    says(&place, parts);
}

fn says(place: &TempDir, parts: &[&str]) {
    let (code, message) = encode(place);
    println!("{message}");
    assert_eq!(code, 2, "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert!(!place.path().join("out").join("features.npy").exists());
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
    fs::write(place.path().join("model/adapter_config.json"), config).expect("written");
    says(&place, &["adapter_config.json is an adapter for `openai/clip`", "merge_and_unload"]);
}

#[test]
fn a_tensor_that_is_not_read() {
    let place = place();
    let path = place.path().join("model/model.safetensors");
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
