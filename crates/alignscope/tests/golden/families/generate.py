"""Golden files for the families beside CLIP: small random checkpoints in the formats of transformers and
open_clip, written by `save_pretrained` and `torch.save`, and what those libraries give for them.

    python generate.py

`<case>/expected.safetensors`: `pixel_values`, `hidden_states.0` … `hidden_states.L`, `image_embeds`, and for the
timm case `published.0` … (the blocks fed the bare patch embedding).
"""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import open_clip
import open_clip.timm_model
import timm
import torch
import transformers
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from transformers import (CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection, ChineseCLIPConfig, ChineseCLIPModel, SiglipConfig, SiglipModel, SiglipVisionConfig,
                          SiglipVisionModel)

HERE = Path(__file__).parent
CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


def randomize(module, seed):
    """Weights large enough that every part matters: gains and biases are not 1 and 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in module.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            last = name.rsplit(".", 2)[-2:]
            if any("norm" in part or part.startswith("ln_") for part in last) and name.endswith("weight"):
                p.copy_(1 + 0.2 * noise)
            elif name.endswith("bias"):
                p.copy_(0.2 * noise)
            elif p.ndim >= 2 and "probe" not in name and "token" not in name and "pos_embed" not in name:
                p.copy_(noise / p[0].numel() ** 0.5)
            else:
                p.copy_(noise)
    return module.eval()


def fresh(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def finish(folder, pixels, hidden, embeds, more=()):
    expected = {"image_embeds": embeds.contiguous()} | ({} if pixels is None else {"pixel_values": pixels})
    expected |= {f"hidden_states.{i}": h.contiguous() for i, h in enumerate(hidden)}
    expected |= {f"published.{i}": h.contiguous() for i, h in enumerate(more)}
    save_file(expected, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)


def pixel_values(size, seed):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def siglip(name, vision, seed, thin=False, whole=True):
    folder = fresh(name)
    if whole:
        text = {"hidden_size": vision["hidden_size"], "intermediate_size": 4, "num_hidden_layers": 1,
                "num_attention_heads": 1, "vocab_size": 4, "max_position_embeddings": 4,
                "projection_size": vision["hidden_size"], "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
        model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
        tower = model.vision_model
    else:
        model = SiglipVisionModel(SiglipVisionConfig(**vision))
        tower = getattr(model, "vision_model", model)
    randomize(model, seed)
    model.save_pretrained(folder)
    if thin:
        # As on the hub: little more than the model type, where the sizes are the defaults.
        config = json.loads((folder / "config.json").read_text())
        kept = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size",
                "patch_size", "model_type"]
        config = {"model_type": config["model_type"],
                  "vision_config": {k: config["vision_config"][k] for k in kept}}
        write_json(folder / "config.json", config)
    size = vision["image_size"]
    write_json(folder / "preprocessor_config.json", {
        "image_processor_type": "SiglipImageProcessor", "do_resize": True, "size": {"height": size, "width": size},
        "resample": 3, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
        "image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    pixels = pixel_values(size, seed + 1)
    with torch.no_grad():
        out = tower(pixel_values=pixels, output_hidden_states=True)
        embeds = out.pooler_output
        # As SiglipModel's forward.
        embeds = embeds / embeds.norm(p=2, dim=-1, keepdim=True)
    finish(folder, pixels, out.hidden_states, embeds)


def chinese_clip(name, seed, width=24, heads=3, patch=4, size=16):
    folder = fresh(name)
    vision = {"hidden_size": width, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": heads,
              "patch_size": patch, "image_size": size, "hidden_act": "quick_gelu"}
    text = {"hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1,
            "vocab_size": 4, "max_position_embeddings": 4, "type_vocab_size": 1}
    model = randomize(ChineseCLIPModel(ChineseCLIPConfig(text_config=text, vision_config=vision, projection_dim=10)), seed)
    # The `.bin` form that old checkpoints have alone.
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    write_json(folder / "preprocessor_config.json", {
        "feature_extractor_type": "ChineseCLIPFeatureExtractor", "do_resize": True, "size": {"height": size, "width": size},
        "do_center_crop": False, "do_normalize": True, "resample": 3, "image_mean": CLIP_MEAN, "image_std": CLIP_STD})
    pixels = pixel_values(size, seed + 1)
    with torch.no_grad():
        out = model.vision_model(pixel_values=pixels, output_hidden_states=True)
        embeds = model.visual_projection(out.last_hidden_state[:, 0] if out.pooler_output is None else out.pooler_output)
        embeds = embeds / embeds.norm(p=2, dim=-1, keepdim=True)
    finish(folder, pixels, out.hidden_states, embeds)


def clip_336(name, seed):
    """A patch of 14 with 336 pixels, as L/14-336. The pixels are too many to keep: `formula`."""
    folder = fresh(name)
    vision = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
              "patch_size": 14, "image_size": 336, "projection_dim": 7}
    model = randomize(CLIPVisionModelWithProjection(CLIPVisionConfig(**vision)), seed)
    model.save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}).save_pretrained(folder)
    count = torch.arange(2 * 3 * 336 * 336, dtype=torch.int64)
    pixels = ((count * 7919 % 255 - 127).float() / 64).reshape(2, 3, 336, 336)
    with torch.no_grad():
        out = model(pixel_values=pixels, output_hidden_states=True)
    finish(folder, None, out.hidden_states, out.image_embeds)


def open_clip_clip(name, seed, quick_gelu):
    folder = fresh(name)
    vision = {"image_size": 28, "layers": 2, "width": 32, "head_width": 8, "patch_size": 14, "mlp_ratio": 2.0}
    text = {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1}
    model = randomize(CLIP(10, CLIPVisionCfg(**vision), CLIPTextCfg(**text), quick_gelu=quick_gelu), seed)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    write_json(folder / "open_clip_config.json", {
        "model_cfg": {"embed_dim": 10, "quick_gelu": quick_gelu, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"mean": CLIP_MEAN, "std": CLIP_STD}})
    pixels = pixel_values(28, seed + 1)
    hidden = []
    visual = model.visual
    hooks = [visual.ln_pre.register_forward_hook(lambda m, i, o: hidden.append(o))]
    hooks += [b.register_forward_hook(lambda m, i, o: hidden.append(o)) for b in visual.transformer.resblocks]
    with torch.no_grad():
        embeds = model.encode_image(pixels, normalize=False)
    [h.remove() for h in hooks]
    batch = len(pixels)
    hidden = [h if h.shape[0] == batch else h.transpose(0, 1) for h in hidden]
    finish(folder, pixels, hidden, embeds)


def timm_vit(name, seed, timm_name, heads, pool, config_pool, size, patch, legacy, bias=False):
    """open_clip's own `TimmModel`, about a trunk with the heads of its name but two narrow blocks."""
    folder = fresh(name)
    trunk = VisionTransformer(img_size=size, patch_size=patch, embed_dim=8 * heads, depth=2, num_heads=heads,
                              mlp_ratio=2, num_classes=0, global_pool=pool, fc_norm=False)
    trunk.default_cfg = {"pool_size": None}
    open_clip.timm_model.timm = SimpleNamespace(create_model=lambda *_, **__: trunk)
    model = torch.nn.Module()
    model.visual = open_clip.timm_model.TimmModel(timm_name, embed_dim=9, image_size=size, pool="avg" if config_pool is None else config_pool,
                                                  proj="linear", proj_bias=bias)
    open_clip.timm_model.timm = timm
    randomize(model, seed)
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin", _use_new_zipfile_serialization=not legacy)
    vision = {"timm_model_name": timm_name, "timm_model_pretrained": False, "timm_proj": "linear", "image_size": size}
    if config_pool is not None:
        vision["timm_pool"] = config_pool
    if bias:
        vision["timm_proj_bias"] = True
    write_json(folder / "open_clip_config.json", {
        "model_cfg": {"embed_dim": 9, "vision_cfg": vision, "text_cfg": {}},
        "preprocess_cfg": {"mean": CLIP_MEAN, "std": CLIP_STD}})
    pixels = pixel_values(size, seed + 1)
    hidden = []
    hooks = [trunk.norm_pre.register_forward_hook(lambda m, i, o: hidden.append(o))]
    hooks += [b.register_forward_hook(lambda m, i, o: hidden.append(o)) for b in trunk.blocks]
    with torch.no_grad():
        embeds = model.visual(pixels)
        [h.remove() for h in hooks]
        # The study's way: the blocks are fed the patch embedding alone.
        published = [trunk.patch_embed(pixels)]
        for block in trunk.blocks:
            published.append(block(published[-1]))
    finish(folder, pixels, hidden, embeds, published)


def main():
    base = {"num_hidden_layers": 2, "num_channels": 3}
    siglip("siglip", base | {"hidden_size": 24, "intermediate_size": 40, "num_attention_heads": 3, "patch_size": 4, "image_size": 16}, 0, thin=True)
    # As so400m: pixels that are no whole number of patches, a head width that is no power of two.
    siglip("siglip_so400m", base | {"hidden_size": 36, "intermediate_size": 67, "num_attention_heads": 4, "patch_size": 5, "image_size": 22,
                                    "hidden_act": "gelu_pytorch_tanh"}, 10, whole=False)
    chinese_clip("chinese_clip", 20)
    chinese_clip("chinese_clip_wide", 25, width=40, heads=5, patch=7, size=21)
    clip_336("clip_336", 80)
    open_clip_clip("open_clip", 30, quick_gelu=False)
    open_clip_clip("open_clip_quick", 40, quick_gelu=True)
    timm_vit("timm_token", 50, "vit_base_patch16_224", 12, "token", "", 16, 4, legacy=False)
    timm_vit("timm_tiny", 60, "vit_tiny_patch16_224", 3, "token", "", 20, 5, legacy=True)
    timm_vit("timm_mean", 70, "vit_small_patch16_224", 6, "avg", None, 16, 8, legacy=False, bias=True)
    write_json(HERE / "versions.json", {"torch": torch.__version__, "transformers": transformers.__version__,
                                        "open_clip": open_clip.__version__, "timm": timm.__version__})


if __name__ == "__main__":
    main()
