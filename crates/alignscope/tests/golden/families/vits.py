"""Golden files for vision transformers without a text tower (and the CLIP-like types that transformers gained
since): small random checkpoints as transformers' `save_pretrained` and timm's `save_for_hf` write them, and what
those libraries give for them.

    python vits.py [GROUP ...]

`<case>/expected.safetensors`, f32, two images each:

| tensor | what it is |
|---|---|
| `pixel_values` | `[images, 3, size, size]`, the model's input |
| `hidden_states.0` | what enters the first block: prefix tokens, positions and, if there is one, the norm before the blocks are in |
| `hidden_states.i` | the output of block i, before the final norm |
| `output` | what the model hands out before any classifier; `OUTPUTS` says it for each family |
| `image_embeds` | the projection into the space shared with texts, where the checkpoint has one |
| `last_hidden_state` | all tokens after the final norm, where the library itself pools none of them |
"""

import json
import sys

import numpy as np
import timm
import timm.models
import torch
import transformers as tf
from generate import fresh, pixel_values, write_json
from PIL import Image
from safetensors.torch import save_file

# What `output` is: prefix of the case -> words.
OUTPUTS = {
    "dinov2": "layernorm(x)[:, 0], the pooler_output; also with registers",
    "vit": "tanh(pooler.dense(layernorm(x)[:, 0])) with a pooler, else layernorm(x)[:, 0]",
    "deit": "as vit; the distillation token is the second and is not pooled",
    "vit_mae": "layernorm(x)[:, 0]; nothing is masked and the order is kept, whatever mask_ratio says",
    "beit": "pooler.layernorm(mean of the patches of x) with use_mean_pooling, else layernorm(x)[:, 0]",
    "ijepa": "mean over all tokens of layernorm(x): there is no class token",
    "dinov3": "norm(x)[:, 0], the pooler_output",
    "aimv2": "the attention-pooling head of rms_norm(x); without a head the mean over all tokens of rms_norm(x)",
    "timm": "forward_head(forward_features(pixels), pre_logits=True)",
}
# What `image_embeds` is.
PROJECTIONS = {
    "metaclip_2": "visual_projection(post_layernorm(x[:, 0])), as it is",
    "siglip2": "the attention-pooling head, of unit length, as in Siglip2Model's forward",
    "aimv2_lit": "visual_projection(head), of unit length, as in Aimv2Model's forward",
    "timm_clip, timm_pe_core": "head(output), raw: the classifier's place holds CLIP's projection",
}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def randomize(module, seed):
    """Every parameter matters: gains are not 1, biases not 0, LayerScale neither small nor constant,
    tokens and positions as large as patches."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in module.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            parts = name.split(".")
            if parts[-1] == "weight" and any("norm" in part for part in parts[-2:]):
                p.copy_(1 + 0.2 * noise)
            elif parts[-1].endswith("bias"):
                p.copy_(0.2 * noise)
            elif parts[-1] in ("lambda1", "lambda_1", "lambda_2", "gamma", "gamma_1", "gamma_2"):
                p.copy_(0.7 + 0.4 * noise)
            elif any(word in name for word in ("token", "pos_embed", "position_embedding", "bias_table", "class_embedding")):
                p.copy_(0.7 * noise)
            elif p.ndim >= 2 and p[0].numel():
                p.copy_(noise / p[0].numel() ** 0.5)
            else:
                p.copy_(noise)
    return module.eval()


def run(blocks, forward):
    """What enters the first block, what each block gives, and what `forward` returns."""
    stages = []
    hooks = [blocks[0].register_forward_pre_hook(lambda _, inputs: stages.append(inputs[0].clone()))]
    hooks += [b.register_forward_hook(lambda _, inputs, output: stages.append(output.clone())) for b in blocks]
    with torch.no_grad():
        result = forward()
    [hook.remove() for hook in hooks]
    assert len(stages) == len(blocks) + 1
    return stages, result


def finish(folder, size, seed, compute):
    """Writes what `compute` makes of two images: the stages, and by name what comes out. Channels in which the two
    happen to be nearly equal could not be compared channel by channel, so other images are drawn where there are any."""
    for attempt in range(200):
        pixels = pixel_values(size, seed + 1 + 1000 * attempt)
        stages, outputs = compute(pixels)
        outputs = {name: value for name, value in outputs.items() if value is not None}
        if all(smallest_deviation(value) > 4e-3 for value in [*stages, *outputs.values()]):
            break
    else:
        raise AssertionError(f"{folder.name}: no images differ in every channel")
    expected = {"pixel_values": pixels} | {f"hidden_states.{i}": s for i, s in enumerate(stages)} | outputs
    save_file({k: v.float().contiguous() for k, v in expected.items()}, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)


def smallest_deviation(values):
    """Of the channels, over images and tokens, in units of the largest magnitude."""
    rows = values.reshape(-1, values.shape[-1])
    return (rows.std(0, unbiased=False) / rows.abs().max()).min().item()


def unit(x):
    return x / x.norm(p=2, dim=-1, keepdim=True)


# ---- transformers ----

TEXT = {"hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 4,
        "max_position_embeddings": 4, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
WIDTH = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
VIT = WIDTH | {"intermediate_size": 28, "image_size": 16, "patch_size": 4}
NARROW = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 20}


def square(cls, size, **more):
    return cls(size={"height": size, "width": size}, **more)


def cropped(cls, size, **more):
    return cls(size={"shortest_edge": size * 8 // 7}, crop_size={"height": size, "width": size}, **more)


def plain(name, seed, model, tower, processor, size, output, forward=None, classifier=None, tokens=False):
    """`model` is saved, `tower` is run; `output` makes the stage of that name from what it returns."""
    folder = fresh(name)
    randomize(model, seed)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    blocks = tower.layers if hasattr(tower, "layers") else (tower.encoder.layer if hasattr(tower, "encoder") else tower.model.layer)

    def compute(pixels):
        stages, out = run(blocks, lambda: (forward or tower)(pixels, output_hidden_states=True))
        for ours, theirs in zip(stages, out.hidden_states, strict=True):
            assert torch.equal(ours, theirs)
        if classifier is not None:
            # The head of the whole model confirms what the classifier is given.
            with torch.no_grad():
                assert torch.equal(classifier(output(out)), model(pixels).logits)
        return stages, {"output": output(out), "last_hidden_state": out.last_hidden_state if tokens else None}

    finish(folder, size, seed, compute)
    return folder


def pooled(out):
    return out.pooler_output


def class_token(out):
    return out.last_hidden_state[:, 0]


def dinov2():
    def bit(size):
        return cropped(tf.BitImageProcessor, size, **IMAGENET)

    # As facebook/dinov2-*: a grid of another image size, shrunk (without antialias).
    model = tf.Dinov2Model(tf.Dinov2Config(**WIDTH, mlp_ratio=2, image_size=28, patch_size=4))
    plain("dinov2", 100, model, model, bit(16), 16, pooled)
    # Enlarged; SwiGLU's width 26 rounded up to 32; pixels that are no whole number of patches; a classifier around it.
    model = tf.Dinov2ForImageClassification(tf.Dinov2Config(
        hidden_size=20, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=12, patch_size=4, use_swiglu_ffn=True))
    plain("dinov2_swiglu", 110, model, model.dinov2, bit(22), 22, pooled)
    # The grid as it is, three blocks, another epsilon.
    model = tf.Dinov2Model(tf.Dinov2Config(hidden_size=16, num_hidden_layers=3, num_attention_heads=1, mlp_ratio=3,
                                           image_size=15, patch_size=5, layer_norm_eps=1e-3, use_mask_token=False))
    plain("dinov2_same", 120, model, model, bit(15), 15, pooled)
    # With registers the grid is resized with antialias.
    model = tf.Dinov2WithRegistersModel(tf.Dinov2WithRegistersConfig(**WIDTH, mlp_ratio=2, image_size=28, patch_size=4))
    plain("dinov2_registers", 130, model, model, bit(16), 16, pooled)
    model = tf.Dinov2WithRegistersModel(tf.Dinov2WithRegistersConfig(
        **WIDTH, mlp_ratio=2, image_size=12, patch_size=4, num_register_tokens=1, use_swiglu_ffn=True))
    plain("dinov2_registers_swiglu", 140, model, model, bit(20), 20, pooled)


def vit():
    model = tf.ViTModel(tf.ViTConfig(**VIT))
    plain("vit", 200, model, model, square(tf.ViTImageProcessor, 16), 16, pooled)
    model = tf.ViTForImageClassification(tf.ViTConfig(
        **VIT | {"image_size": 21, "patch_size": 7}, layer_norm_eps=1e-6, qkv_bias=False))
    plain("vit_class", 210, model, model.vit, square(tf.ViTImageProcessor, 21), 21, class_token, classifier=model.classifier)
    model = tf.DeiTModel(tf.DeiTConfig(**VIT | NARROW))
    plain("deit", 220, model, model, tf.DeiTImageProcessor(size={"height": 18, "width": 18}, crop_size={"height": 16, "width": 16}, **IMAGENET),
          16, pooled)
    model = tf.DeiTForImageClassificationWithTeacher(tf.DeiTConfig(**VIT | NARROW | {"image_size": 15, "patch_size": 5}))
    plain("deit_teacher", 230, model, model.deit,
          tf.DeiTImageProcessor(size={"height": 17, "width": 17}, crop_size={"height": 15, "width": 15}, **IMAGENET), 15, class_token)


def vit_mae():
    def whole(tower):
        def forward(pixels, **more):
            tower.config.mask_ratio = 0.0
            patches = tower.embeddings.patch_embeddings.num_patches
            return tower(pixels, noise=torch.arange(patches).expand(len(pixels), -1), **more)
        return forward

    decoder = {"decoder_hidden_size": 8, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 1, "decoder_intermediate_size": 4}
    model = tf.ViTMAEForPreTraining(tf.ViTMAEConfig(**VIT, **decoder))
    plain("vit_mae", 240, model, model.vit, square(tf.ViTImageProcessor, 16, **IMAGENET), 16, class_token, whole(model.vit), tokens=True)
    model = tf.ViTMAEModel(tf.ViTMAEConfig(**VIT | NARROW | {"image_size": 20, "patch_size": 5, "num_attention_heads": 4}, **decoder, norm_pix_loss=True))
    plain("vit_mae_alone", 250, model, model, square(tf.ViTImageProcessor, 20, **IMAGENET), 20, class_token, whole(model), tokens=True)


def beit():
    def processor(size):
        return tf.BeitImageProcessor(size={"height": size, "width": size}, crop_size={"height": size, "width": size}, do_center_crop=False)

    model = tf.BeitForImageClassification(tf.BeitConfig(**VIT, use_relative_position_bias=True, use_mask_token=True))
    plain("beit", 300, model, model.beit, processor(16), 16, pooled, classifier=model.classifier)
    # One table of biases for all blocks, absolute positions, the class token pooled, no LayerScale.
    model = tf.BeitModel(tf.BeitConfig(**VIT | NARROW | {"image_size": 15, "patch_size": 5}, use_shared_relative_position_bias=True,
                                       use_absolute_position_embeddings=True, use_mean_pooling=False, layer_scale_init_value=0.0))
    plain("beit_shared", 310, model, model, processor(15), 15, pooled)
    # Both kinds of positions resized: the table bilinear, the grid bicubic.
    model = tf.BeitModel(tf.BeitConfig(**VIT | {"image_size": 12}, use_relative_position_bias=True, use_absolute_position_embeddings=True))
    plain("beit_resized", 320, model, model, processor(20), 20, pooled)


def ijepa():
    def mean(out):
        return out.last_hidden_state.mean(1)

    model = tf.IJepaModel(tf.IJepaConfig(**VIT, layer_norm_eps=1e-6))
    plain("ijepa", 330, model, model, square(tf.ViTImageProcessor, 16, **IMAGENET), 16, mean, tokens=True)
    model = tf.IJepaForImageClassification(tf.IJepaConfig(**VIT | NARROW | {"image_size": 15, "patch_size": 5}))
    plain("ijepa_class", 340, model, model.ijepa, square(tf.ViTImageProcessor, 15, **IMAGENET), 15, mean, classifier=model.classifier)


def dinov3():
    # Positions are of the image's own grid, whatever image_size says.
    model = tf.DINOv3ViTModel(tf.DINOv3ViTConfig(**VIT | {"image_size": 28}, num_register_tokens=4))
    folder = plain("dinov3", 400, model, model, square(tf.DINOv3ViTImageProcessor, 16), 16, pooled)
    path = folder / "preprocessor_config.json"
    # The class's name on the hub.
    write_json(path, json.loads(path.read_text()) | {"image_processor_type": "DINOv3ViTImageProcessorFast"})
    model = tf.DINOv3ViTModel(tf.DINOv3ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=23, patch_size=5, num_register_tokens=1,
        use_gated_mlp=True, hidden_act="silu", key_bias=True, value_bias=False, mlp_bias=False, rope_theta=50.0, layer_norm_eps=1e-6))
    plain("dinov3_gated", 410, model, model, square(tf.DINOv3ViTImageProcessor, 23), 23, pooled)


def projected(name, seed, model, tower, processor, size, embeds, inputs=None):
    """`model` is saved, `tower` is run on what `inputs` makes of the pixels."""
    folder = fresh(name)
    randomize(model, seed)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)

    def compute(pixels):
        given = inputs(pixels) if inputs else {"pixel_values": pixels}
        stages, out = run(tower.encoder.layers, lambda: tower(**given, output_hidden_states=True))
        for ours, theirs in zip(stages, out.hidden_states, strict=True):
            assert torch.equal(ours, theirs)
        with torch.no_grad():
            return stages, {"image_embeds": embeds(out)}

    finish(folder, size, seed, compute)


def metaclip_2():
    vision = VIT | {"projection_dim": 6}
    model = tf.MetaClip2Model(tf.MetaClip2Config(text_config=TEXT, vision_config=vision, projection_dim=6))
    projected("metaclip_2", 420, model, model.vision_model, cropped(tf.CLIPImageProcessor, 16), 16,
              lambda out: model.visual_projection(out.pooler_output))
    alone = tf.MetaClip2VisionModelWithProjection(tf.MetaClip2VisionConfig(
        **VIT | NARROW | {"image_size": 22, "patch_size": 5, "projection_dim": 7, "hidden_act": "gelu"}))
    projected("metaclip_2_vision", 430, alone, alone.vision_model, cropped(tf.CLIPImageProcessor, 22), 22,
              lambda out: alone.visual_projection(out.pooler_output))


def siglip2():
    def cut(patch):
        def inputs(pixels):
            # As the processor does: a patch is flattened row by row, its channels last.
            images, _, height, width = pixels.shape
            grid = (height // patch, width // patch)
            patches = pixels.reshape(images, 3, grid[0], patch, grid[1], patch).permute(0, 2, 4, 3, 5, 1).reshape(images, grid[0] * grid[1], -1)
            return {"pixel_values": patches, "pixel_attention_mask": torch.ones(patches.shape[:2], dtype=torch.int32),
                    "spatial_shapes": torch.tensor([grid] * images)}
        return inputs

    def assert_padding_is_masked(model):
        # Squares of any size have one grid; the rest of the patches is padding, which changes nothing.
        images = [Image.fromarray(np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)) for side in (31, 40)]
        found = []
        for patches in (16, 17, 24):
            inputs = tf.Siglip2ImageProcessor(patch_size=4, max_num_patches=patches)(images, return_tensors="pt")
            assert inputs["spatial_shapes"].tolist() == [[4, 4]] * 2
            with torch.no_grad():
                found.append(model(**inputs).pooler_output)
        assert all(torch.allclose(found[0], other, atol=1e-6) for other in found[1:])

    vision = WIDTH | {"intermediate_size": 28, "patch_size": 4}
    model = tf.Siglip2Model(tf.Siglip2Config(text_config=TEXT | {"projection_size": 24}, vision_config=vision | {"num_patches": 16}))
    projected("siglip2", 440, model, model.vision_model, tf.Siglip2ImageProcessor(patch_size=4, max_num_patches=16), 16,
              lambda out: unit(out.pooler_output), cut(4))
    # A grid of 6 by 6 positions for 4 by 4 patches.
    alone = tf.Siglip2VisionModel(tf.Siglip2VisionConfig(**vision | NARROW | {"num_patches": 36, "hidden_act": "gelu"}))
    projected("siglip2_resized", 450, alone, alone, tf.Siglip2ImageProcessor(patch_size=4, max_num_patches=16), 16,
              lambda out: unit(out.pooler_output), cut(4))
    assert_padding_is_masked(alone)


def aimv2():
    def alone(name, seed, size, output, **config):
        folder = fresh(name)
        model = randomize(tf.Aimv2VisionModel(tf.Aimv2VisionConfig(**VIT | config)), seed)
        model.save_pretrained(folder)
        cropped(tf.CLIPImageProcessor, size).save_pretrained(folder)

        def compute(pixels):
            stages, out = run(model.encoder.layers, lambda: model(pixels, output_hidden_states=True))
            assert all(torch.equal(a, b) for a, b in zip(stages, out.hidden_states, strict=True))
            tokens = None if out.pooler_output is not None else out.last_hidden_state
            return stages, {"output": output(out), "last_hidden_state": tokens}

        finish(folder, size, seed, compute)

    alone("aimv2", 460, 16, pooled)
    alone("aimv2_headless", 470, 15, lambda out: out.last_hidden_state.mean(1), image_size=15, patch_size=5, use_head=False, qkv_bias=True, mlp_bias=True)
    alone("aimv2_native", 480, 20, lambda out: out.last_hidden_state.mean(1), image_size=28, use_head=False, is_native=True)
    text = {k: v for k, v in TEXT.items() if k not in ("bos_token_id", "pad_token_id")}
    model = tf.Aimv2Model(tf.Aimv2Config(text_config=text, vision_config=VIT | NARROW, projection_dim=6))
    projected("aimv2_lit", 490, model, model.vision_model, cropped(tf.CLIPImageProcessor, 16), 16,
              lambda out: unit(model.visual_projection(out.pooler_output)))


# ---- timm ----


def timm_folder(name, seed, architecture, size, projection=False, **args):
    """A registered architecture, made small by `model_args`, saved as timm saves for the hub."""
    folder = fresh(name)
    model = randomize(timm.create_model(architecture, img_size=size, **args), seed)
    timm.models.save_for_hf(model, folder, safe_serialization=True, data_config={"input_size": (3, size, size)})
    # What was saved is what timm reads.
    read = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()

    def compute(pixels):
        stages, output = run(read.blocks, lambda: read.forward_head(read.forward_features(pixels), pre_logits=True))
        with torch.no_grad():
            assert torch.equal(model(pixels), read(pixels))
            embeds = read.head(output) if projection else None
            assert embeds is None or torch.equal(embeds, read(pixels))
        return stages, {"output": output, "image_embeds": embeds}

    finish(folder, size, seed, compute)


SMALL = {"embed_dim": 24, "depth": 2, "num_heads": 3, "patch_size": 4}
SMALLER = {"embed_dim": 16, "depth": 2, "num_heads": 2, "patch_size": 5}


def timm_vits():
    timm_folder("timm_vit", 500, "vit_tiny_patch16_224", 16, **SMALL, mlp_ratio=1.25, num_classes=5)
    timm_folder("timm_vit_miil", 505, "vit_base_patch16_224_miil", 15, **SMALLER, mlp_ratio=1.7, num_classes=0)
    timm_folder("timm_deit_distilled", 510, "deit_tiny_distilled_patch16_224", 16, **SMALL, mlp_ratio=1.25, num_classes=5)
    timm_folder("timm_deit3", 515, "deit3_small_patch16_224", 20, **SMALLER, mlp_ratio=1.25, num_classes=5)
    timm_folder("timm_dinov2_giant", 520, "vit_giant_patch14_dinov2", 16, **SMALL, mlp_ratio=2.7, num_classes=0)
    timm_folder("timm_dinov2_reg4", 525, "vit_small_patch14_reg4_dinov2", 22, **SMALL | {"patch_size": 5}, mlp_ratio=1.25, num_classes=0)
    timm_folder("timm_avg", 530, "vit_base_patch16_224.mae", 16, **SMALL, mlp_ratio=1.25, num_classes=0, global_pool="avg")
    timm_folder("timm_gap", 535, "vit_medium_patch16_gap_240", 15, **SMALLER, mlp_ratio=1.25, num_classes=0)
    timm_folder("timm_siglip", 540, "vit_base_patch16_siglip_224", 16, **SMALL, mlp_ratio=1.25, num_classes=0)
    timm_folder("timm_siglip_tanh", 545, "vit_base_patch32_siglip_256", 22, **SMALLER, mlp_ratio=1.3, num_classes=0)
    timm_folder("timm_clip", 550, "vit_base_patch32_clip_quickgelu_224", 16, projection=True, **SMALL, mlp_ratio=1.25, num_classes=6)


def timm_evas():
    timm_folder("timm_eva02", 600, "eva02_base_patch14_224.mim_in22k", 16, **SMALL, mlp_ratio=1.3, num_classes=0)
    timm_folder("timm_eva02_tiny", 605, "eva02_tiny_patch14_336", 20, **SMALL | {"patch_size": 5}, mlp_ratio=1.3, num_classes=5)
    timm_folder("timm_eva02_clip", 610, "eva02_base_patch16_clip_224", 12, projection=True, **SMALL | {"num_heads": 2}, mlp_ratio=1.2, num_classes=6)
    timm_folder("timm_dinov3", 615, "vit_small_patch16_dinov3", 16, **SMALL, mlp_ratio=1.25)
    timm_folder("timm_dinov3_plus", 620, "vit_small_plus_patch16_dinov3_qkvb", 15,
                **SMALL | {"patch_size": 5, "num_heads": 2, "mlp_ratio": 1.4}, global_pool="token")
    timm_folder("timm_pe_core", 625, "vit_pe_core_base_patch16_224", 16, projection=True,
                **SMALL, mlp_ratio=1.25, attn_pool_mlp_ratio=0.75, num_classes=6)


def main():
    groups = (dinov2, vit, vit_mae, beit, ijepa, dinov3, metaclip_2, siglip2, aimv2, timm_vits, timm_evas)
    for group in groups:
        if len(sys.argv) < 2 or group.__name__ in sys.argv[1:]:
            group()


if __name__ == "__main__":
    main()
