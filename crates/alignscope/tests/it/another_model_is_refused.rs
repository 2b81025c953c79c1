//! What makes another model of a checkpoint is refused by name: a tensor that is not read, a key
//! that is not known, an adapter beside the weights. What real checkpoints hold besides is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::golden::folder;
use alignscope::encoder::{Checkpoint, Encoder, EncoderError};
use alignscope::weights::{Init, Weights};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// A golden checkpoint, to be changed: its JSON files and its tensors.
pub(crate) struct Changed {
    place: TempDir,
    pub(crate) config: &'static str,
    weights: &'static str,
    pub(crate) tensors: Tensors,
}

impl Changed {
    pub(crate) fn of(name: &str) -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let original = folder(name);
        for entry in std::fs::read_dir(&original).expect("a golden checkpoint") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name");
            if path.extension().is_some_and(|e| e == "json") && !name.eq("versions.json") {
                std::fs::copy(&path, place.path().join(name)).expect("copied");
            }
        }
        let open_clip = place.path().join("open_clip_config.json").is_file();
        let (config, weights, source) = match open_clip {
            true => {
                let source = Weights::open_open_clip(&original);
                ("open_clip_config.json", "open_clip_model.safetensors", source)
            }
            false => ("config.json", "model.safetensors", Weights::open_transformers(&original)),
        };
        let source = source.expect("golden weights");
        let mut tensors = Tensors::new();
        for name in source.names() {
            let shape = source.shape(&name).expect("it is there").to_vec();
            // The counters of a text tower are whole numbers, which are not read.
            if let Ok(values) = source.tensor(&name, &shape, Init::Zeros) {
                tensors.insert(name, (shape, values));
            }
        }
        let changed = Self { place, config, weights, tensors };
        changed.write(&changed.tensors);
        changed
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(crate) fn write(&self, tensors: &Tensors) {
        let bytes: BTreeMap<&str, (Vec<usize>, Vec<u8>)> = tensors
            .iter()
            .map(|(name, (shape, values))| {
                let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                (name.as_str(), (shape.clone(), bytes))
            })
            .collect();
        let views = bytes.iter().map(|(name, (shape, bytes))| {
            (*name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor"))
        });
        let file = safetensors::serialize(views, None).expect("serialized");
        std::fs::write(self.path(self.weights), file).expect("written");
    }

    /// The configuration with one value changed; `key` is a path with `/`.
    pub(crate) fn with(
        &self,
        name: &str,
        key: &str,
        value: Value,
    ) -> Result<Checkpoint, EncoderError> {
        let path = self.path(name);
        let original = std::fs::read(&path).expect("read");
        let mut json: Value = serde_json::from_slice(&original).expect("JSON");
        let mut place = &mut json;
        for part in key.split('/') {
            place = &mut place[part];
        }
        *place = value;
        std::fs::write(&path, json.to_string()).expect("written");
        let checkpoint = self.open();
        std::fs::write(&path, original).expect("written");
        checkpoint
    }

    pub(crate) fn open(&self) -> Result<Checkpoint, EncoderError> {
        Checkpoint::open(self.place.path())
    }

    /// Holds the message to name the key and say its value.
    fn refuses(&self, key: &str, value: &Value) {
        let error = match self.with(self.config, key, value.clone()) {
            Ok(_) => panic!("{key}: {value} is read"),
            Err(error) => error.to_string(),
        };
        let name = key.rsplit('/').next().expect("a key");
        assert!(error.contains(&format!("{name}`")), "{error}");
        assert!(error.contains(self.config), "{error}");
    }
}

const FAMILIES: [&str; 10] = [
    "clip/base",
    "clip/odd",
    "families/chinese_clip",
    "families/siglip",
    "families/siglip_so400m",
    "families/siglip2",
    "families/siglip2_resized",
    "families/open_clip",
    "families/timm_token",
    "families/timm_mean",
];

/// Where a family keeps its tower, a block of it, and the keys of its tower's configuration.
fn places(family: &str) -> (&'static str, &'static str, &'static str) {
    match family {
        "clip/base" | "families/chinese_clip" | "families/siglip" | "families/siglip2" => {
            ("vision_model.", "vision_model.encoder.layers.", "vision_config/")
        }
        "clip/odd" => ("vision_model.", "vision_model.encoder.layers.", ""),
        "families/siglip_so400m" | "families/siglip2_resized" => ("", "encoder.layers.", ""),
        "families/open_clip" => {
            ("visual.", "visual.transformer.resblocks.", "model_cfg/vision_cfg/")
        }
        _ => ("visual.trunk.", "visual.trunk.blocks.", "model_cfg/vision_cfg/"),
    }
}

#[test]
fn every_tensor_that_is_let_pass_is_read() {
    for family in FAMILIES {
        let changed = Changed::of(family);
        Encoder::load(&changed.open().expect(family)).expect("the unchanged checkpoint");
        let (tower, ..) = places(family);
        let own: Vec<String> = changed
            .tensors
            .keys()
            .filter(|name| {
                name.starts_with(tower)
                    || name.starts_with("visual_projection.")
                    || name.starts_with("visual.")
            })
            .cloned()
            .collect();
        assert!(own.len() > 30, "{family}: {own:?}");
        for name in own {
            let mut fewer = changed.tensors.clone();
            fewer.remove(&name);
            changed.write(&fewer);
            let loaded = changed.open().and_then(|checkpoint| Encoder::load(&checkpoint));
            match loaded {
                Ok(_) => panic!("{family} is read without {name}"),
                Err(error) => {
                    let named = name == "visual_projection.weight"
                        || error.to_string().contains(&format!("`{name}`"))
                        // The shapes of a trunk of timm are read from the first of these.
                        || name.contains(".trunk.") || tower.is_empty();
                    assert!(named, "{family} without {name}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_tensor_of_the_tower_that_is_not_read_is_an_error_that_names_it() {
    for family in FAMILIES {
        let changed = Changed::of(family);
        let (tower, block, _) = places(family);
        let of_tower = [
            "cls_token_2",
            "registers",
            "rotary_emb.inv_freq",
            "pre_layrnorm.weight_g",
            "patch_embed.proj.weight_scale",
            "adapter.fc.weight",
            "fc_norm.weight",
            "projection",
            "ln_pre.lora_A",
            "position_ids.weight",
        ];
        let of_block = [
            "layer_scale1.lambda1",
            "self_attn.q_norm.weight",
            "self_attn.q_proj.lora_A.default.weight",
            "mlp.c_fc.lora_A.weight",
            "mlp.fc1.SCB",
            "attn.in_proj_weight.absmax",
            "attn.qkv.bias_2",
            "ls1.gamma",
            "layer_norm1.running_mean",
        ];
        let blocks = of_block.iter().map(|part| format!("{block}0.{part}"));
        // A block that the configuration does not count; timm's are counted by the tensors.
        let more = match family {
            "families/timm_token" | "families/timm_mean" => vec![],
            _ => vec![format!("{block}9.mlp.fc1.weight"), format!("{block}07.mlp.fc1.bias")],
        };
        let anywhere =
            ["prompt", "visual_adapter.weight", "vision_head.weight", "visual.attnpool.q"];
        let extra = of_tower
            .iter()
            .map(|part| format!("{tower}{part}"))
            .chain(blocks)
            .chain(more)
            .chain(anywhere.map(str::to_owned));
        for name in extra {
            let mut tensors = changed.tensors.clone();
            tensors.insert(name.clone(), (vec![2], vec![0.1, 0.2]));
            changed.write(&tensors);
            let error = changed.open().map(|_| ()).expect_err(&name).to_string();
            assert!(error.contains(&format!("`{name}`")), "{family}: {error}");
            if name.contains("lora_") {
                assert!(error.contains("merge_and_unload"), "{error}");
            }
            if name.ends_with(".SCB") || name.ends_with(".absmax") {
                assert!(error.contains("quantized"), "{error}");
            }
        }
    }
}

#[test]
fn tensors_outside_of_the_tower_are_let_pass() {
    for family in FAMILIES {
        let changed = Changed::of(family);
        let (tower, ..) = places(family);
        let mut tensors = changed.tensors.clone();
        let of_family: &[&str] = match changed.config {
            "config.json" => &[
                "text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight",
                "text_model.embeddings.position_ids",
                "text_projection.bias",
                "logit_bias",
                "classifier.weight",
            ],
            _ => &["text.proj.weight", "text_decoder.ln_1.bias", "logit_bias", "attn_mask"],
        };
        let buffer = format!("{tower}embeddings.position_ids");
        for name in of_family.iter().map(ToString::to_string).chain([buffer]) {
            tensors.insert(name, (vec![1, 2], vec![0.0, 1.0]));
        }
        changed.write(&tensors);
        changed.open().unwrap_or_else(|e| panic!("{family}: {e}"));
    }
}

#[test]
fn an_adapter_within_the_weights_or_another_model_around_is_an_error_that_names_its_tensor() {
    let changed = Changed::of("clip/base");
    let wrapped = |prefix: &str, more: Option<&str>| {
        let rename = |(name, tensor): (&String, &(Vec<usize>, Vec<f32>))| {
            (format!("{prefix}{name}"), tensor.clone())
        };
        let mut tensors: Tensors = changed.tensors.iter().map(rename).collect();
        let more = more.map(|name| (format!("{prefix}{name}"), (vec![2], vec![0.1, 0.2])));
        tensors.extend(more);
        changed.write(&tensors);
        changed.open().map(|_| ()).map_err(|error| error.to_string())
    };
    let layer = "vision_model.encoder.layers.0.self_attn.q_proj";
    for prefix in ["base_model.model.", "base_model.", "model.", "backbone.model."] {
        wrapped(prefix, None).expect(prefix);
        for more in ["lora_A.default.weight", "base_layer.weight"] {
            let name = format!("{layer}.{more}");
            let error = wrapped(prefix, Some(&name)).expect_err("an adapter");
            assert!(error.contains(&name) && error.contains("merge_and_unload"), "{error}");
        }
    }
    let error = wrapped("student.", None).expect_err("another model");
    assert!(error.contains("take `student.` off all names"), "{error}");
}

/// Families beside CLIP's: where a block of theirs is, and keys of relatives that are read for some.
const VITS: [(&str, &str, &[&str]); 9] = [
    ("families/vit", "encoder.layer.0.", &[]),
    ("families/vit_class", "vit.encoder.layer.0.", &[]),
    ("families/deit", "encoder.layer.0.", &[]),
    ("families/vit_mae", "vit.encoder.layer.0.", &[]),
    ("families/dinov2", "encoder.layer.0.", &["layerscale_value"]),
    ("families/dinov2_registers", "encoder.layer.0.", &["layerscale_value", "num_register_tokens"]),
    ("families/dinov3", "layer.0.", &["layerscale_value", "num_register_tokens", "rope_theta"]),
    ("families/beit", "encoder.layer.0.", &[]),
    ("families/timm_vit", "blocks.0.", &[]),
];

#[test]
fn a_tensor_or_a_key_of_a_relative_of_vit_is_an_error_that_names_it() {
    for (family, block, read) in VITS {
        let changed = Changed::of(family);
        changed.open().unwrap_or_else(|error| panic!("{family}: {error}"));
        let extra = [
            "layer_scale1.lambda1",
            "attention.rotary_emb.inv_freq",
            "ls9.gamma",
            "adapter.weight",
        ]
        .map(|part| format!("{block}{part}"));
        let whole = [
            "embeddings.register_tokens",
            "registers",
            "rope_embeddings.inv_freq",
            "pre_norm.weight",
        ];
        for name in extra.into_iter().chain(whole.map(str::to_owned)) {
            if changed.tensors.contains_key(&name) {
                continue;
            }
            let mut tensors = changed.tensors.clone();
            tensors.insert(name.clone(), (vec![2], vec![0.1, 0.2]));
            changed.write(&tensors);
            let error = changed.open().map(|_| ()).expect_err(&name).to_string();
            assert!(error.contains(&format!("`{name}`")), "{family}: {error}");
        }
        changed.write(&changed.tensors);
        for (key, value) in [
            ("use_rope", json!(true)),
            ("num_register_tokens", json!(4)),
            ("rope_theta", json!(10000.0)),
            ("layerscale_value", json!(1e-5)),
            ("qk_norm", json!(true)),
            ("is_decoder", json!(true)),
            ("a_key_of_mine", json!(1)),
        ] {
            if !read.contains(&key) {
                changed.refuses(key, &value);
            }
        }
    }
}

/// The keys that transformers 4 wrote for every part of a model, with their defaults.
fn pretrained_config() -> Value {
    let text = r#"{
        "_attn_implementation_autoset": true, "_commit_hash": "abc",
        "_name_or_path": "", "add_cross_attention": false, "architectures": null,
        "attention_dropout": 0.1, "attn_implementation": "sdpa", "bad_words_ids": null,
        "begin_suppress_tokens": null, "bos_token_id": 0, "chunk_size_feed_forward": 0,
        "cross_attention_hidden_size": null, "decoder_start_token_id": null,
        "diversity_penalty": 0.0, "do_sample": false, "dropout": 0.0, "dtype": "float16",
        "early_stopping": false, "encoder_no_repeat_ngram_size": 0, "eos_token_id": 2,
        "exponential_decay_length_penalty": null, "finetuning_task": null,
        "forced_bos_token_id": null, "forced_eos_token_id": null, "gradient_checkpointing": false,
        "id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "initializer_factor": 1.0,
        "initializer_range": 0.02, "is_decoder": false, "is_encoder_decoder": false,
        "label2id": {"LABEL_0": 0, "LABEL_1": 1}, "length_penalty": 1.0, "max_length": 20,
        "min_length": 0, "no_repeat_ngram_size": 0, "num_beam_groups": 1, "num_beams": 1,
        "num_channels": 3, "num_return_sequences": 1, "output_attentions": false,
        "output_hidden_states": false, "output_scores": false, "pad_token_id": 1, "prefix": null,
        "problem_type": "single_label_classification", "pruned_heads": {},
        "quantization_config": null, "remove_invalid_values": false, "repetition_penalty": 1.0,
        "return_dict": true, "return_dict_in_generate": false, "sep_token_id": null,
        "suppress_tokens": null, "task_specific_params": null, "temperature": 1.0,
        "tf_legacy_loss": false, "tie_encoder_decoder": false, "tie_word_embeddings": true,
        "tokenizer_class": null, "top_k": 50, "top_p": 1.0, "torch_dtype": "float32",
        "torchscript": false, "transformers_version": "4.16.0.dev0", "typical_p": 1.0,
        "use_bfloat16": false, "use_cache": true,
        "use_rope": false, "num_register_tokens": 0, "qk_norm": false, "attention_bias": true,
        "rope_scaling": null, "my_own_note": null
    }"#;
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn what_every_model_of_transformers_has_is_let_pass() {
    for family in &FAMILIES[..7] {
        let changed = Changed::of(family);
        let (.., keys) = places(family);
        let expected = changed.open().expect(family).architecture;
        for place in ["", keys] {
            for (key, value) in pretrained_config().as_object().expect("an object") {
                let found = changed
                    .with("config.json", &format!("{place}{key}"), value.clone())
                    .unwrap_or_else(|e| panic!("{family}, {place}{key}: {e}"));
                assert_eq!(found.architecture, expected, "{place}{key}");
            }
        }
    }
}

#[test]
fn a_key_of_another_model_is_an_error_that_names_it() {
    for family in &FAMILIES[..7] {
        let changed = Changed::of(family);
        let (.., keys) = places(family);
        for place in ["", keys] {
            for (key, value) in [
                ("use_rope", json!(true)),
                ("num_register_tokens", json!(4)),
                ("rope_theta", json!(10000.0)),
                ("rope_parameters", json!({"rope_theta": 100.0})),
                ("layer_types", json!(["window_attention"])),
                ("per_layer_config", json!({"0": {"hidden_act": "gelu"}})),
                ("quantization_config", json!({"quant_method": "bitsandbytes"})),
                ("compression_config", json!({"format": "int"})),
                ("auto_map", json!({"AutoModel": "mine.Mine"})),
                ("pruned_heads", json!({"0": [1]})),
                ("is_decoder", json!(true)),
                ("add_cross_attention", json!(true)),
                ("num_channels", json!(4)),
                ("attention_bias", json!(false)),
                ("qkv_bias", json!(false)),
                ("layerscale_value", json!(1e-5)),
                ("post_layernorm", json!(false)),
                ("use_mean_pooling", json!(false)),
                ("head_dim", json!(4)),
                ("num_key_value_heads", json!(1)),
                ("window_size", json!(0)),
                ("global_attn_indexes", json!([])),
                ("adapter_layers", json!({})),
                ("hidden_size_2", json!("")),
            ] {
                changed.refuses(&format!("{place}{key}"), &value);
            }
        }
        changed.refuses(&format!("{keys}hidden_act"), &json!("relu"));
        if !keys.is_empty() {
            changed.refuses("vision_config/model_type", &json!("dinov2"));
            changed.refuses("vision_config", &json!("clip"));
        }
    }
    Changed::of("families/siglip").refuses("vision_config/vision_use_head", &json!(false));
    Changed::of("families/siglip").refuses("vision_config/projection_dim", &json!(2048));
    Changed::of("families/siglip").refuses("vision_config/num_patches", &json!(16));
    Changed::of("families/siglip").refuses("vision_config_dict", &json!({}));
    Changed::of("families/siglip2").refuses("vision_config/image_size", &json!(16));
    Changed::of("families/siglip2").refuses("vision_config/num_patches", &json!(17));
}

#[test]
fn the_processor_of_a_naflex_model_cuts_the_models_patches() {
    let changed = Changed::of("families/siglip2");
    let with = |key: &str, value: Value| {
        let opened = changed.with("preprocessor_config.json", key, value);
        opened.map(|checkpoint| checkpoint.architecture.image_size).map_err(|e| e.to_string())
    };
    // Patches of four pixels; those beyond a square number are padding.
    for (patches, side) in [(16, 16), (17, 16), (24, 16), (25, 20), (1, 4)] {
        assert_eq!(with("max_num_patches", json!(patches)), Ok(side), "{patches}");
    }
    let error = with("patch_size", json!(8)).expect_err("other patches");
    assert!(error.contains("`patch_size`") && error.contains("the model's"), "{error}");
    let recipe = json!({"image_processor_type": "SiglipImageProcessor", "size": 16});
    std::fs::write(changed.path("preprocessor_config.json"), recipe.to_string()).expect("written");
    let error = changed.open().map(|_| ()).expect_err("another class").to_string();
    assert!(error.contains("`Siglip2ImageProcessor`"), "{error}");
}

#[test]
fn a_second_vision_configuration_is_held_to_the_same_keys() {
    let changed = Changed::of("clip/base");
    let config = std::fs::read(changed.path("config.json")).expect("read");
    let config: Value = serde_json::from_slice(&config).expect("JSON");
    let mut second = config["vision_config"].clone();
    changed.with("config.json", "vision_config_dict", second.clone()).expect("the same twice");
    changed.with("config.json", "vision_config_dict", Value::Null).expect("null is no key");
    second["use_rope"] = json!(true);
    let error = changed.with("config.json", "vision_config_dict", second).map(|_| ());
    let error = error.expect_err("a key of another model").to_string();
    assert!(error.contains("`vision_config_dict.use_rope`"), "{error}");
    changed.refuses("vision_config_dict", &json!("clip"));
}

#[test]
fn open_clips_keys_are_read_or_refused() {
    for family in ["families/open_clip", "families/timm_token"] {
        let changed = Changed::of(family);
        let expected = changed.open().expect(family).architecture;
        for (key, value) in [
            ("model_cfg/custom_text", json!(true)),
            ("model_cfg/init_logit_bias", json!(-10)),
            ("model_cfg/multimodal_cfg", json!({})),
            ("model_cfg/vision_cfg/patch_dropout", json!(0.5)),
            ("model_cfg/vision_cfg/attn_pooler_queries", json!(256)),
            ("model_cfg/vision_cfg/output_tokens", json!(true)),
            ("model_cfg/vision_cfg/pool_type", json!("tok")),
            ("model_cfg/vision_cfg/block_type", json!("default")),
            ("model_cfg/vision_cfg/qk_norm", json!(false)),
            ("model_cfg/vision_cfg/act_kwargs", json!({})),
            ("model_cfg/vision_cfg/attentional_pool", json!(false)),
            ("model_cfg/vision_cfg/timm_drop", json!(0.1)),
            ("model_cfg/vision_cfg/anything", Value::Null),
        ] {
            let found = changed.with("open_clip_config.json", key, value).expect(key);
            assert_eq!(found.architecture, expected, "{key}");
        }
        for (key, value) in [
            ("model_cfg", json!([])),
            ("model_cfg/vision_cfg", json!("ViT-B-32")),
            ("model_cfg/vision_cfg", Value::Null),
            ("model_cfg/embed_dim", json!(0)),
            ("model_cfg/image_adapter", json!(false)),
            ("model_cfg/vision_cfg/use_class_token", json!(false)),
            ("model_cfg/vision_cfg/rope", json!(0)),
            ("quantization_config", json!({"bits": 4})),
        ] {
            changed.refuses(key, &value);
        }
    }
    let changed = Changed::of("families/open_clip");
    for (key, value) in [
        ("pool_type", json!("none")),
        ("pos_embed_type", json!("rope")),
        ("block_type", json!("custom")),
        ("ls_init_value", json!(0.0)),
        ("attentional_pool", json!("parallel")),
        ("no_ln_pre", json!(1)),
        ("final_ln_after_pool", json!("yes")),
        ("act_kwargs", json!({"approximate": "sigmoid"})),
        ("norm_kwargs", json!({"eps": 0.0})),
        ("qk_norm", json!(true)),
        ("scaled_cosine_attn", json!(true)),
        ("scale_heads", json!(true)),
        ("scale_attn_inner", json!(true)),
        ("scale_attn", json!(true)),
        ("scale_fc", json!(true)),
        ("input_patchnorm", json!(true)),
        ("global_average_pool", json!(true)),
    ] {
        changed.refuses(&format!("model_cfg/vision_cfg/{key}"), &value);
    }
    // The weights have other parts than these say.
    let says = |changed: &Changed, key: &str, value: Value, part: &str| {
        let key = format!("model_cfg/vision_cfg/{key}");
        let opened = changed.with("open_clip_config.json", &key, value.clone());
        let error = match opened.and_then(|checkpoint| Encoder::load(&checkpoint)) {
            Ok(_) => panic!("{key}: {value} is read"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(part), "{key}: {error}");
    };
    says(&changed, "no_ln_pre", json!(true), "`visual.ln_pre.");
    says(&changed, "attentional_pool", json!(true), "not a multiple of `attn_pooler_heads`");
    says(&changed, "ls_init_value", json!(1e-4), "`visual.transformer.resblocks.0.ls_1.gamma`");
    says(&changed, "norm_kwargs", json!({"affine": false}), "vision_cfg.norm_kwargs.affine`");
    let changed = Changed::of("families/timm_token");
    says(&changed, "timm_pool", json!("map"), "`visual.trunk.attn_pool.latent`");
    says(&changed, "timm_proj", json!("mlp"), "`visual.head.mlp.fc1.weight`");
    // Without a projection of open_clip's own the trunk would pool nothing.
    says(&changed, "timm_proj", json!("none"), "`model_cfg.vision_cfg.timm_pool`");
    says(&changed, "timm_proj", Value::Null, "`model_cfg.vision_cfg.timm_pool`");
    let mean = Changed::of("families/timm_mean");
    says(&mean, "timm_proj", json!("none"), "`visual.head.proj.");
    says(&mean, "timm_proj", Value::Null, "`visual.trunk.head.weight`");
    says(&changed, "timm_proj_bias", json!(true), "`visual.head.proj.bias`");
    says(&changed, "image_size", json!(20), "does not resize");
    for (key, value) in [
        ("timm_pool", json!("avgmax")),
        ("timm_pool", json!("abs_attn")),
        ("timm_proj", json!("conv")),
        ("timm_model_name", json!("vit_relpos_base_patch16_224")),
        ("timm_model_name", json!("swin_base_patch4_window7_224")),
    ] {
        changed.refuses(&format!("model_cfg/vision_cfg/{key}"), &value);
    }
}

#[test]
fn an_adapter_in_the_folder_that_cannot_be_merged_is_an_error_that_names_it() {
    for family in ["clip/base", "families/siglip", "families/open_clip"] {
        for file in [
            "adapter_config.json",
            "adapter_model.safetensors",
            "adapter_model.bin",
            "pytorch_adapter.bin",
            "pytorch_lora_weights.safetensors",
            "pytorch_lora_weights.bin",
            "adapters.safetensors",
            "Adapter_Config.JSON",
        ] {
            let changed = Changed::of(family);
            std::fs::write(changed.path(file), r#"{"base_model_name_or_path": "a/b"}"#)
                .expect("written");
            let error = changed.open().map(|_| ()).expect_err(file).to_string();
            assert!(error.contains(file) && error.contains("merge_and_unload"), "{error}");
            assert_eq!(error.contains("for `a/b`"), file == "adapter_config.json", "{error}");
        }
    }
}

#[test]
fn a_folder_with_an_adapter_alone_says_so() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let refused = |folder: &Path| Checkpoint::open(folder).map(|_| ()).expect_err("no model");
    let inner = place.path().join("tuned");
    std::fs::create_dir(&inner).expect("made");
    std::fs::write(inner.join("adapter_config.json"), "damaged").expect("written");
    let error = refused(&inner).to_string();
    assert!(error.contains("tuned") && error.contains("is an adapter,"), "{error}");
    let error = refused(place.path()).to_string();
    assert!(error.contains("tuned") && error.contains("a folder of its own"), "{error}");
    // A model that an adapter was trained for, in a folder beside it, is itself.
    let changed = Changed::of("clip/base");
    std::fs::create_dir(changed.path("tuned")).expect("made");
    std::fs::write(changed.path("tuned/adapter_config.json"), "{}").expect("written");
    changed.open().expect("the model itself");
}

#[test]
fn a_folder_of_sentence_transformers_says_where_its_model_lies() {
    let module = |name: &str, path: &str| {
        let kind = format!("sentence_transformers.{name}");
        json!({"idx": 0, "name": "0", "path": path, "type": kind})
    };
    let place = tempfile::tempdir().expect("a temporary folder");
    let list = json!([module("models.CLIPModel", "0_CLIPModel")]);
    std::fs::write(place.path().join("modules.json"), list.to_string()).expect("written");
    let error = Checkpoint::open(place.path()).map(|_| ()).expect_err("no model").to_string();
    assert!(error.contains("0_CLIPModel"), "{error}");

    let changed = Changed::of("clip/base");
    let write = |list: Value| {
        std::fs::write(changed.path("modules.json"), list.to_string()).expect("written");
        changed.open().map(|_| ())
    };
    let clip = module("models.CLIPModel", "");
    write(json!([clip])).expect("the model in the folder itself");
    write(json!([clip, module("models.Pooling", "1"), module("models.Normalize", "2")]))
        .expect("no layer is added");
    let error = write(json!([clip, module("models.Dense", "2_Dense")])).expect_err("a layer");
    assert!(error.to_string().contains("`sentence_transformers.models.Dense`"), "{error}");
}

#[test]
fn a_tower_without_its_projection_says_which_model_is_expected() {
    for (family, parts) in [
        ("clip/base", ["`CLIPVisionModel`", "`CLIPVisionModelWithProjection`"]),
        ("families/chinese_clip", ["`ChineseCLIPVisionModel`", "`ChineseCLIPModel`"]),
    ] {
        let changed = Changed::of(family);
        let mut tensors = changed.tensors.clone();
        tensors.remove("visual_projection.weight").expect("it is there");
        changed.write(&tensors);
        let error = changed.open().map(|_| ()).expect_err("no projection").to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
