//! Weights of timm that lack a part are refused, as by timm itself: a part less makes no smaller
//! model.

use serde_json::{Value, json};

use crate::another_model_is_refused::{Changed, Tensors};

/// The message of a folder that is not read.
fn refused(changed: &Changed, what: &str) -> String {
    changed.open().map(|_| ()).expect_err(what).to_string()
}

/// Whether a name begins with `pattern`, or has it somewhere if that begins with a dot.
fn matches(name: &str, pattern: &str) -> bool {
    match pattern.starts_with('.') {
        true => name.contains(pattern),
        false => name.starts_with(pattern),
    }
}

/// The tensors without those of these patterns, of which there are some.
fn without(tensors: &Tensors, patterns: &[&str]) -> Tensors {
    let is_kept = |name: &str| !patterns.iter().any(|pattern| matches(name, pattern));
    let kept: Tensors = tensors
        .iter()
        .filter(|(name, _)| is_kept(name))
        .map(|(name, tensor)| (name.clone(), tensor.clone()))
        .collect();
    assert!(kept.len() < tensors.len(), "{patterns:?}");
    kept
}

#[test]
fn weights_of_timm_without_a_part_are_refused_and_named() {
    const PARTS: [(&str, &[&str], &str); 20] = [
        ("timm_vit", &["blocks.1."], "blocks is 1, expected 2"),
        ("timm_vit", &["blocks."], "`blocks.0.norm1.weight`"),
        ("timm_vit", &["blocks.0.norm1.weight"], "`blocks.0.norm1.weight`"),
        ("timm_vit", &["blocks.1.norm1.weight"], "`blocks.1.norm1.weight`"),
        ("timm_vit", &["norm."], "`norm.weight`"),
        ("timm_vit", &["cls_token"], "`cls_token`"),
        ("timm_vit", &[".qkv.bias"], "`blocks.0.attn.qkv.bias`"),
        ("timm_vit", &[".norm1.bias", ".norm2.bias", "norm.bias"], "`blocks.0.norm1.bias`"),
        ("timm_avg", &["fc_norm."], "`fc_norm.weight`"),
        ("timm_clip", &["norm_pre."], "`norm_pre.weight`"),
        ("timm_deit_distilled", &["dist_token"], "`dist_token`"),
        ("timm_dinov2_reg4", &["reg_token"], "`reg_token`"),
        ("timm_deit3", &[".ls1.", ".ls2."], "`blocks.0.ls1.gamma`"),
        ("timm_dinov3", &[".gamma_1", ".gamma_2"], "`blocks.0.gamma_1`"),
        ("timm_eva02", &[".mlp.norm."], "`blocks.0.mlp.norm.weight`"),
        ("timm_resnet50", &["layer2.1."], "is [1, 1, 1, 1], expected [1, 2, 1, 1]"),
        ("timm_convnext", &["stages.2.blocks.1."], "is [1, 1, 1, 1], expected [1, 1, 2, 1]"),
        ("timm_convnext", &[".gamma"], "`stages.0.blocks.0.gamma`"),
        ("timm_token", &["visual.trunk.norm."], "`visual.trunk.norm.weight`"),
        ("trunk_convnext", &[".gamma"], "`visual.trunk.stages.0.blocks.0.gamma`"),
    ];
    for (family, patterns, part) in PARTS {
        let changed = Changed::of(&format!("families/{family}"));
        changed.open().unwrap_or_else(|error| panic!("{family}: {error}"));
        changed.write(&without(&changed.tensors, patterns));
        let error = refused(&changed, family);
        assert!(error.contains(part), "{family} without {patterns:?}: {error}");
    }
}

#[test]
fn arguments_of_timm_that_the_weights_do_not_follow_are_refused() {
    let arguments = [
        ("timm_vit", "depth", json!(9), "blocks is 2, expected 9"),
        ("timm_vit", "depth", Value::Null, "blocks is 2, expected 12"),
        ("timm_vit", "embed_dim", json!(48), "channels is 24, expected 48"),
        ("timm_vit", "class_token", json!(false), "`cls_token`"),
        ("timm_vit", "reg_tokens", json!(4), "`reg_token`"),
        ("timm_vit", "init_values", json!(1e-5), "`blocks.0.ls1.gamma`"),
        ("timm_vit", "pre_norm", json!(true), "`patch_embed.proj.bias`"),
        ("timm_vit", "final_norm", json!(false), "`norm.weight`"),
        ("timm_vit", "fc_norm", json!(true), "`fc_norm.weight`"),
        ("timm_vit", "fc_norm", json!(3), "`model_args.fc_norm`"),
        ("timm_vit", "qk_norm", json!(true), "`blocks.0.attn.q_norm.weight`"),
        ("timm_vit", "qkv_bias", json!(false), "`blocks.0.attn.qkv.bias`"),
        ("timm_deit3", "init_values", Value::Null, "`blocks.0.ls1.gamma`"),
        ("timm_dinov2_reg4", "reg_tokens", json!(2), "register tokens is 4, expected 2"),
        ("timm_dinov2_reg4", "reg_tokens", json!(0), "`reg_token`"),
        ("timm_eva02", "scale_mlp", json!(false), "`blocks.0.mlp.norm.weight`"),
        ("timm_eva02", "use_abs_pos_emb", json!(false), "`pos_embed`"),
        ("timm_resnet50", "layers", json!([9, 9, 9, 9]), "expected [9, 9, 9, 9]"),
        ("timm_resnet50", "layers", Value::Null, "is [1, 2, 1, 1], expected [3, 4, 6, 3]"),
        ("timm_resnet50", "channels", Value::Null, "expected [256, 512, 1024, 2048]"),
        ("timm_resnet50d", "stem_width", json!(8), "is [4, 4, 8], expected [8, 8, 16]"),
        ("timm_resnet50d", "stem_type", json!(""), "is [4, 4, 8], expected [64]"),
        ("timm_resnet50d", "avg_down", json!(false), "is true, expected false"),
        ("timm_resnext", "cardinality", json!(2), "groups"),
        ("timm_resnext", "base_width", json!(32), "groups"),
        ("timm_convnext", "depths", json!([1, 1, 3, 1]), "expected [1, 1, 3, 1]"),
        ("timm_convnext", "dims", Value::Null, "expected [96, 192, 384, 768]"),
        ("timm_convnext", "ls_init_value", Value::Null, "`stages.0.blocks.0.gamma`"),
    ];
    for (family, key, value, part) in arguments {
        let changed = Changed::of(&format!("families/{family}"));
        let opened = changed.with(changed.config, &format!("model_args/{key}"), value.clone());
        let error = opened.map(|_| ()).expect_err(key).to_string();
        assert!(error.contains(part), "{family}, {key}: {value}: {error}");
    }
}

#[test]
fn arguments_of_timm_that_the_weights_follow_are_read() {
    let arguments = [
        ("timm_vit", "class_token", json!(true)),
        ("timm_vit", "reg_tokens", json!(0)),
        ("timm_vit", "qkv_bias", json!(true)),
        ("timm_vit", "fc_norm", json!(false)),
        ("timm_vit", "init_values", Value::Null),
        ("timm_avg", "fc_norm", Value::Null),
        ("timm_deit3", "init_values", json!(1e-4)),
        ("timm_dinov3", "init_values", json!(1e-4)),
        ("timm_dinov2_reg4", "reg_tokens", json!(4)),
        ("timm_eva02", "qkv_fused", json!(false)),
        ("timm_eva02", "swiglu_mlp", json!(true)),
        ("timm_eva02", "use_fc_norm", json!(true)),
        ("timm_resnet50", "stem_type", json!("")),
        ("timm_resnet26t", "stem_type", json!("deep_tiered")),
        ("timm_convnext", "ls_init_value", json!(1e-6)),
    ];
    for (family, key, value) in arguments {
        let changed = Changed::of(&format!("families/{family}"));
        let opened = changed.with(changed.config, &format!("model_args/{key}"), value.clone());
        opened.unwrap_or_else(|error| panic!("{family}, {key}: {value}: {error}"));
    }
}

#[test]
fn another_name_of_timm_on_a_models_tensors_is_refused() {
    let changed = Changed::of("families/timm_resnet50");
    let config = std::fs::read(changed.path("config.json")).expect("read");
    let mut config: Value = serde_json::from_slice(&config).expect("JSON");
    config["model_args"]["layers"] = Value::Null;
    for (name, part) in [
        ("resnet101", "is [1, 2, 1, 1], expected [3, 4, 23, 3]"),
        ("resnet34", "is Bottleneck, expected Basic"),
    ] {
        config["architecture"] = json!(name);
        std::fs::write(changed.path("config.json"), config.to_string()).expect("written");
        let error = refused(&changed, name);
        assert!(error.contains(part) && error.contains(name), "{error}");
    }
    let vit = Changed::of("families/timm_vit");
    for (name, part) in [
        ("vit_small_patch14_reg4_dinov2", "`blocks.0.ls1.gamma`"),
        ("vit_base_patch32_clip_224", "`norm_pre.weight`"),
        ("vit_base_patch16_siglip_224", "`cls_token`"),
    ] {
        let opened = vit.with("config.json", "architecture", json!(name));
        let error = opened.map(|_| ()).expect_err(name).to_string();
        assert!(error.contains(part) && error.contains(name), "{error}");
    }
}

/// The trunk of timm's `test_vit` in open_clip, of so many blocks, all zeros.
fn trunk(blocks: usize) -> Tensors {
    let (c, hidden) = (64, 192);
    let mut tensors = Tensors::new();
    let mut add = |name: String, shape: Vec<usize>| {
        let values = vec![0.0; shape.iter().product()];
        tensors.insert(format!("visual.{name}"), (shape, values));
    };
    add("head.proj.weight".to_owned(), vec![7, c]);
    add("trunk.cls_token".to_owned(), vec![1, 1, c]);
    add("trunk.pos_embed".to_owned(), vec![1, 101, c]);
    add("trunk.patch_embed.proj.weight".to_owned(), vec![c, 3, 16, 16]);
    add("trunk.patch_embed.proj.bias".to_owned(), vec![c]);
    ["weight", "bias"].into_iter().for_each(|part| add(format!("trunk.norm.{part}"), vec![c]));
    for i in 0..blocks {
        for (layer, outputs, inputs) in [
            ("attn.qkv", 3 * c, c),
            ("attn.proj", c, c),
            ("mlp.fc1", hidden, c),
            ("mlp.fc2", c, hidden),
        ] {
            add(format!("trunk.blocks.{i}.{layer}.weight"), vec![outputs, inputs]);
            add(format!("trunk.blocks.{i}.{layer}.bias"), vec![outputs]);
        }
        for norm in ["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"] {
            add(format!("trunk.blocks.{i}.{norm}"), vec![c]);
        }
    }
    tensors
}

#[test]
fn a_trunk_with_a_block_fewer_than_its_name_says_is_refused() {
    let changed = Changed::of("families/timm_token");
    let config = json!({
        "model_cfg": {
            "embed_dim": 7,
            "vision_cfg": {
                "timm_model_name": "test_vit", "timm_proj": "linear", "timm_pool": "",
                "image_size": 160
            },
            "text_cfg": {}
        },
        "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    });
    std::fs::write(changed.path(changed.config), config.to_string()).expect("written");
    changed.write(&trunk(6));
    changed.open().expect("the whole trunk");
    changed.write(&trunk(5));
    let error = refused(&changed, "a block fewer");
    assert!(error.contains("blocks is 5, expected 6"), "{error}");
}
