//! Checkpoints as training leaves them, and adapters as peft saves them, against PyTorch,
//! transformers, timm and open_clip with peft (`golden/files/generate.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::encoders_match_references::{check_stages, golden};
use alignscope::encoder::{Checkpoint, Encoder, EncoderError};
use alignscope::model::{EncoderSource, Facts};
use alignscope::{CheckpointFile, Like, Stage};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A golden file with the architecture of a golden folder.
fn file(name: &str, part: Option<&str>, like: &str) -> CheckpointFile {
    let mut file = CheckpointFile::new(golden("files").join(name));
    file.part = part.map(str::to_owned);
    file.like(Like::Folder(golden(like)))
}

fn open(name: &str, part: Option<&str>, like: &str) -> Result<Checkpoint, EncoderError> {
    Checkpoint::open_file(&file(name, part, like))
}

/// What an error says, with its causes.
fn said<T>(result: Result<T, EncoderError>) -> String {
    let error = match result {
        Ok(_) => panic!("it is read"),
        Err(error) => error,
    };
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        said.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    said
}

#[test]
fn files_of_training_give_what_their_models_give() {
    for (name, part, like) in [
        ("lightning.ckpt", None, "families/vit"),
        ("lightning.ckpt", Some("state_dict"), "families/vit"),
        ("lightning.ckpt", Some("state_dict.model"), "families/vit"),
        ("lightning.ckpt", Some("model"), "families/vit"),
        ("ddp.pth", None, "families/vit"),
        ("compiled.pt", None, "families/vit"),
        ("dino.pth", Some("teacher"), "families/timm_vit"),
        ("dino.pth", Some("teacher.backbone"), "families/timm_vit"),
    ] {
        println!("{name} {part:?}");
        let mut checkpoint = open(name, part, like).unwrap_or_else(|e| panic!("{name}: {e}"));
        let hashed = checkpoint.files.iter().any(|file| file.path.ends_with(name));
        assert!(hashed && checkpoint.files.len() > 1, "{:?}", checkpoint.files);
        check_stages(like, &mut checkpoint, "hidden_states");
    }
}

#[test]
fn of_a_teacher_and_a_student_one_must_be_named_and_they_are_two_models() {
    let error = said(open("dino.pth", None, "families/timm_vit"));
    for part in ["`teacher` and `student`", "dino.pth#teacher`"] {
        assert!(error.contains(part), "{error}");
    }
    let error = said(open("dino.pth", Some("techer"), "families/timm_vit"));
    assert!(error.contains("several models"), "{error}");
    let error = said(open("ddp.pth", Some("teacher"), "families/vit"));
    assert!(
        error.contains("nothing called `teacher`") && error.contains("`embeddings.`"),
        "{error}"
    );

    let source = |part| {
        let checkpoint = open("dino.pth", Some(part), "families/timm_vit").expect(part);
        Encoder::load(&checkpoint).expect(part);
        EncoderSource::new("it".to_owned(), Box::new(checkpoint)).fingerprint()
    };
    assert_ne!(source("teacher"), source("student"));
}

#[test]
fn a_tower_within_llava_is_clips_without_its_projection() {
    let mut checkpoint = open("llava/model.safetensors", None, "clip/base").expect("opened");
    assert_eq!(checkpoint.architecture.last, Stage::Output);
    check_stages("files/llava", &mut checkpoint, "hidden_states");
}

#[test]
fn adapters_of_peft_are_merged() {
    for (name, base) in [
        ("lora_vit", "families/vit"),
        ("lora_timm", "families/timm_vit"),
        ("lora_open_clip", "families/open_clip"),
    ] {
        println!("{name}");
        let mut checkpoint = Checkpoint::open(&golden("files").join(name)).expect(name);
        let plain = Checkpoint::open(&golden(base)).expect(base);
        let files = checkpoint.weight_files();
        assert_eq!(files.len(), plain.weight_files().len() + 2, "{files:?}");
        let new = |end: &str| files.iter().any(|file| file.path.ends_with(end));
        assert!(new("adapter_config.json") && new("adapter_model.safetensors"), "{files:?}");
        check_stages(&format!("files/{name}"), &mut checkpoint, "hidden_states");
    }
}

/// A golden checkpoint with the files of a golden adapter beside its own.
fn with_adapter(base: &str, adapter: &str) -> TempDir {
    let place = tempfile::tempdir().expect("a temporary folder");
    for (folder, is_wanted) in [(base, "model"), (adapter, "adapter")] {
        for entry in std::fs::read_dir(golden(folder)).expect("a golden folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            if is_wanted == "model" && name != "expected.safetensors" || name.starts_with(is_wanted)
            {
                std::fs::copy(&path, place.path().join(name)).expect("copied");
            }
        }
    }
    place
}

/// Changes a key of a file of JSON.
fn set(path: &Path, key: &str, value: Value) {
    let text = std::fs::read(path).expect("read");
    let mut json: Value = serde_json::from_slice(&text).expect("JSON");
    json[key] = value;
    std::fs::write(path, json.to_string()).expect("written");
}

#[test]
fn an_adapter_beside_the_weights_is_merged_also_into_those_of_a_file() {
    let place = with_adapter("families/vit", "files/lora_vit");
    let mut checkpoint = Checkpoint::open(place.path()).expect("opened");
    check_stages("files/lora_vit", &mut checkpoint, "hidden_states");
    let path = place.path().join("mine.ckpt");
    std::fs::copy(golden("files/lightning.ckpt"), &path).expect("copied");
    let mut checkpoint = Checkpoint::open_file(&CheckpointFile::new(path)).expect("opened");
    check_stages("files/lora_vit", &mut checkpoint, "hidden_states");
    let adapter = CheckpointFile::new(place.path().join("adapter_model.safetensors"));
    let error = said(Checkpoint::open_file(&adapter));
    assert!(error.contains("name its folder"), "{error}");
}

#[test]
fn an_adapter_that_does_more_or_is_of_another_model_is_an_error_that_says_what() {
    for (key, value, words) in [
        ("peft_type", json!("LOHA"), "of the kind LOHA, expected LORA"),
        ("peft_type", Value::Null, "of the kind unknown"),
        ("use_dora", json!(true), "`use_dora`"),
        ("bias", json!("all"), "biases were trained too"),
        ("init_lora_weights", json!("pissa"), "`init_lora_weights`"),
        ("layer_replication", json!([[0, 1]]), "blocks of the model would be repeated"),
        ("r", json!(3), "of rank 3"),
        ("r", json!(0), "`r`"),
        ("lora_alpha", json!("high"), "`lora_alpha`"),
        ("alpha_pattern", json!({"layers.*query": 3}), "regular expressions are not read"),
        ("rank_pattern", json!({"q_proj": 0.5}), "`rank_pattern`"),
        ("rank_pattern", json!({}), "of rank 2"),
        ("modules_to_save", Value::Null, "has the tensor `base_model.model.layernorm."),
        ("a_new_variant", json!(true), "`a_new_variant`"),
    ] {
        let place = with_adapter("families/vit", "files/lora_vit");
        set(&place.path().join("adapter_config.json"), key, value);
        let error = said(Checkpoint::open(place.path()).and_then(|c| Encoder::load(&c)));
        assert!(error.contains(words), "{key}: {error}");
    }
    let place = with_adapter("families/timm_vit", "files/lora_vit");
    let error = said(Checkpoint::open(place.path()));
    assert!(error.contains("expected the adapter of this model"), "{error}");
}

#[test]
fn an_adapter_of_torchs_own_attention_is_left_to_peft() {
    let place = with_adapter("families/open_clip", "files/lora_open_clip");
    Checkpoint::open(place.path()).expect("the adapter as it is");
    let path = place.path().join("adapter_model.safetensors");
    let bytes = std::fs::read(&path).expect("read");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let (_, some) = tensors.iter().next().expect("a tensor");
    let attention = "base_model.model.visual.transformer.resblocks.0.attn";
    let name = format!("{attention}.base_layer.out_proj.lora_A.weight");
    let more = tensors.tensors().into_iter().chain([(name.clone(), some)]);
    let bytes = safetensors::serialize(more, None).expect("serialized");
    std::fs::write(&path, bytes).expect("written");
    let error = said(Checkpoint::open(place.path()));
    assert!(error.contains(&name) && error.contains("merge_and_unload"), "{error}");
}

#[test]
fn an_adapter_without_its_model_says_how_to_name_it() {
    let place = tempfile::tempdir().expect("a temporary folder");
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        let from = golden("files/lora_vit").join(name);
        std::fs::copy(from, place.path().join(name)).expect("copied");
    }
    for (base, words) in [
        (json!("../nothing here"), "`../nothing here`"),
        (Value::Null, "without the model that it was trained for;"),
    ] {
        set(&place.path().join("adapter_config.json"), "base_model_name_or_path", base);
        let error = said(Checkpoint::open(place.path()));
        assert!(error.contains(words) && error.contains("base_model_name_or_path"), "{error}");
    }
    let base = golden("families/vit").display().to_string();
    set(&place.path().join("adapter_config.json"), "base_model_name_or_path", json!(base));
    Checkpoint::open(place.path()).expect("its model is named");
}

#[test]
fn a_file_without_a_configuration_or_of_another_architecture_is_an_error() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("last.ckpt");
    std::fs::copy(golden("files/lightning.ckpt"), &path).expect("copied");
    let error = said(Checkpoint::open_file(&CheckpointFile::new(&path)));
    assert!(error.contains("no configuration for"), "{error}");
    let like = |id: &str| {
        let file = CheckpointFile::new(&path).like(Like::Known(id.to_owned()));
        said(Checkpoint::open_file(&file).and_then(|c| Encoder::load(&c)))
    };
    let error = like("google/vit-base-patch16-224");
    assert!(error.contains("has shape"), "{error}");
    let error = like("openai/clip-vit-base-patch32");
    assert!(error.contains("last.ckpt"), "{error}");
    let error = like("google/nothing");
    assert!(error.contains("no architecture is known for `google/nothing`"), "{error}");
    let folder = CheckpointFile::new(&path).like(Like::Folder(place.path().to_owned()));
    let error = said(Checkpoint::open_file(&folder));
    assert!(error.contains("no configuration for"), "{error}");
    // The configuration beside it.
    for name in ["config.json", "preprocessor_config.json"] {
        std::fs::copy(golden("families/vit").join(name), place.path().join(name)).expect("copied");
    }
    let mut checkpoint = Checkpoint::open_file(&CheckpointFile::new(&path)).expect("opened");
    check_stages("families/vit", &mut checkpoint, "hidden_states");
}

/// The golden CLIP's tensors by other names, in a file.
fn renamed(place: &Path, rename: impl Fn(&str) -> Vec<String>) -> PathBuf {
    let bytes = std::fs::read(golden("clip/base/model.safetensors")).expect("read");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let tensors: BTreeMap<String, _> = tensors
        .iter()
        .flat_map(|(name, tensor)| rename(name).into_iter().map(move |n| (n, tensor.clone())))
        .collect();
    let path = place.join("it.safetensors");
    std::fs::write(&path, safetensors::serialize(tensors, None).expect("serialized"))
        .expect("written");
    path
}

#[test]
fn what_stands_around_a_tower_is_taken_off_where_there_is_one_tower() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let open = |path: PathBuf, part: Option<&str>| {
        let mut file = CheckpointFile::new(path).like(Like::Folder(golden("clip/base")));
        file.part = part.map(str::to_owned);
        Checkpoint::open_file(&file).and_then(|c| Encoder::load(&c).map(|_| c))
    };
    for before in [
        "",
        "model.",
        "module.model.",
        "base_model.model.",
        "backbone.",
        "encoder.",
        "_orig_mod.model.encoder.",
    ] {
        let path = renamed(place.path(), |name| vec![format!("{before}{name}")]);
        let mut checkpoint = open(path, None).unwrap_or_else(|e| panic!("{before}: {e}"));
        check_stages("clip/base", &mut checkpoint, "hidden_states");
    }
    let two = |name: &str| ["backbone.", "momentum."].map(|b| format!("{b}{name}")).to_vec();
    let error = said(open(renamed(place.path(), two), None));
    assert!(error.contains("`backbone` and `momentum`"), "{error}");
    let mut checkpoint = open(renamed(place.path(), two), Some("momentum")).expect("opened");
    check_stages("clip/base", &mut checkpoint, "hidden_states");
    let error = said(open(renamed(place.path(), two), Some("teacher")));
    assert!(error.contains("nothing called `teacher`"), "{error}");

    let one = "vision_model.encoder.layers.1.mlp.fc1.bias";
    let bare = |name: &str| match name == one {
        true => vec![name.to_owned()],
        false => vec![format!("model.{name}")],
    };
    let error = said(open(renamed(place.path(), bare), None));
    assert!(error.contains(&format!("it is there as `{one}`, without `model.`")), "{error}");
    let both = |name: &str| match name == one {
        true => vec![name.to_owned(), format!("model.{name}")],
        false => vec![format!("model.{name}")],
    };
    let error = said(open(renamed(place.path(), both), None));
    assert!(error.contains(&format!("`{one}` stands twice")), "{error}");
}
