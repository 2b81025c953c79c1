"""Holds encoders at full size against transformers, open_clip and timm.

    python scripts/compare_full_size.py --alignscope target/release/alignscope --images DIR [--count 4] [--precision f32]
        [--models NAME ...]

Random weights from the libraries, saved by them; real photographs; every stage of every model. Prints for each model and
stage the largest difference over the stage's largest magnitude. Needs torch, transformers, open_clip, timm, pillow, numpy.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import open_clip
import timm
import torch
import transformers as tf
from PIL import Image
from transformers import (ChineseCLIPConfig, ChineseCLIPImageProcessorPil, ChineseCLIPModel, CLIPConfig,
                          CLIPImageProcessorPil, CLIPModel, SiglipConfig, SiglipImageProcessorPil, SiglipModel)

TEXT = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 8,
        "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}


def clip(folder, width, layers, heads, patch, size, projection):
    vision = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers,
              "num_attention_heads": heads, "patch_size": patch, "image_size": size}
    model = CLIPModel(CLIPConfig(text_config=TEXT, vision_config=vision, projection_dim=projection)).eval()
    processor = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    return transformers_case(folder, model, processor, unit=False)


def transformers_case(folder, model, processor, unit):
    model.save_pretrained(folder)
    processor.save_pretrained(folder)

    def encode(images):
        pixels = torch.from_numpy(np.stack(processor(images, return_tensors="np")["pixel_values"]))
        out = model.vision_model(pixel_values=pixels, output_hidden_states=True)
        pooled = out.pooler_output if out.pooler_output is not None else out.last_hidden_state[:, 0]
        embeds = model.visual_projection(pooled) if hasattr(model, "visual_projection") else pooled
        return list(out.hidden_states), embeds / embeds.norm(dim=-1, keepdim=True) if unit else embeds
    return encode


def siglip(folder):
    model = SiglipModel(SiglipConfig(text_config=TEXT | {"projection_size": 768}, vision_config={})).eval()
    return transformers_case(folder, model, SiglipImageProcessorPil(), unit=True)


def chinese_clip(folder):
    vision = {"patch_size": 16}
    text = {k: v for k, v in TEXT.items() if "token" not in k}
    model = ChineseCLIPModel(ChineseCLIPConfig(text_config=text, vision_config=vision, projection_dim=512)).eval()
    processor = ChineseCLIPImageProcessorPil(size={"height": 224, "width": 224}, do_center_crop=False)
    return transformers_case(folder, model, processor, unit=True)


def biomedclip(folder):
    vision = {"timm_model_name": "vit_base_patch16_224", "timm_model_pretrained": False, "timm_pool": "",
              "timm_proj": "linear", "image_size": 224}
    text = {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1}
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    model = open_clip.model.CLIP(512, open_clip.model.CLIPVisionCfg(**vision), open_clip.model.CLIPTextCfg(**text)).eval()
    folder.mkdir()
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    (folder / "open_clip_config.json").write_text(json.dumps({
        "model_cfg": {"embed_dim": 512, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"mean": mean, "std": std}}))
    transform = open_clip.transform.image_transform(224, is_train=False, mean=mean, std=std)
    trunk = model.visual.trunk

    def encode(images):
        pixels = torch.stack([transform(image) for image in images])
        hidden = []
        hooks = [m.register_forward_hook(lambda m, i, o: hidden.append(o)) for m in [trunk.norm_pre, *trunk.blocks]]
        embeds = model.encode_image(pixels, normalize=False)
        [hook.remove() for hook in hooks]
        return hidden, embeds
    return encode


def vivid(model):
    """The same with LayerScales near 1, so that every block counts, and tokens that differ from 0."""
    generator = torch.Generator().manual_seed(1)
    for name, values in model.named_parameters():
        if name.rsplit(".", 1)[-1] in ("lambda1", "lambda_1", "lambda_2", "gamma", "gamma_1", "gamma_2"):
            values.copy_(0.7 + 0.4 * torch.randn(values.shape, generator=generator))
        elif "token" in name or "pos_embed" in name or "position_embeddings" in name:
            values.copy_(0.5 * torch.randn(values.shape, generator=generator))
    return model.eval()


def staged(blocks, forward):
    """What enters the first block, what each block gives, and what `forward` returns."""
    hidden = []
    first = lambda x: x[0] if isinstance(x, tuple) else x
    hooks = [blocks[0].register_forward_pre_hook(lambda m, i, k: hidden.append((i[0] if i else k["hidden_states"]).clone()),
                                                 with_kwargs=True)]
    hooks += [block.register_forward_hook(lambda m, i, o: hidden.append(first(o).clone())) for block in blocks]
    last = forward()
    [hook.remove() for hook in hooks]
    return hidden, last


def vit(folder, model, processor, blocks, output):
    """A model of transformers; `blocks` and `output` take it and what it returns."""
    vivid(model).save_pretrained(folder)
    processor.save_pretrained(folder)

    def encode(images):
        pixels = torch.from_numpy(np.stack(processor(images, return_tensors="np")["pixel_values"]))
        return staged(blocks(model), lambda: output(model(pixels)))
    return encode


def timm_vit(folder, name):
    model = vivid(timm.create_model(name, num_classes=0))
    timm.models.save_for_hf(model, folder)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))

    def encode(images):
        pixels = torch.stack([transform(image) for image in images])
        forward = lambda: model.forward_head(model.forward_features(pixels), pre_logits=True)
        return staged(list(model.blocks), forward)
    return encode


pooled = lambda out: out.pooler_output
mean = lambda out: out.last_hidden_state.mean(1)
first_token = lambda out: out.last_hidden_state[:, 0]


def blocks_of(model):
    """The longest list of modules in a model: its blocks."""
    lists = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList)]
    return list(max(lists, key=len))


class InOrder(tf.ViTMAEModel):
    """MAE's encoder with no patch masked, and none moved."""

    def forward(self, pixels):
        patches = self.embeddings.patch_embeddings.num_patches
        return super().forward(pixels, noise=torch.arange(patches).expand(len(pixels), -1))


def of_transformers(model, processor, output):
    return lambda folder: vit(folder, model(), processor(), blocks_of, output)


def bit(size, **more):
    return lambda: tf.BitImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": 224, "width": 224}, **more)


TIMM = ["vit_base_patch16_224", "vit_base_patch16_384", "deit3_base_patch16_224", "vit_base_patch14_dinov2", "vit_base_patch14_reg4_dinov2",
        "vit_base_patch16_siglip_224", "vit_so400m_patch14_siglip_224", "vit_base_patch16_clip_224", "eva02_base_patch14_224",
        "eva02_base_patch16_clip_224", "vit_base_patch16_dinov3", "vit_pe_core_base_patch16_224"]
MODELS = {
    "DINOv2 B/14": of_transformers(lambda: tf.Dinov2Model(tf.Dinov2Config(image_size=518, patch_size=14)), bit(256), pooled),
    "DINOv2 L/14 with registers": of_transformers(
        lambda: tf.Dinov2WithRegistersModel(tf.Dinov2WithRegistersConfig(
            hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, image_size=518, patch_size=14)), bit(256), pooled),
    "DINOv3 B/16": of_transformers(
        lambda: tf.DINOv3ViTModel(tf.DINOv3ViTConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12,
                                                     num_register_tokens=4)),
        lambda: tf.DINOv3ViTImageProcessor(), pooled),
    "ViT B/16": of_transformers(lambda: tf.ViTModel(tf.ViTConfig()), lambda: tf.ViTImageProcessorPil(), pooled),
    "DeiT B/16": of_transformers(lambda: tf.DeiTModel(tf.DeiTConfig()), lambda: tf.DeiTImageProcessorPil(), pooled),
    "MAE B/16": of_transformers(lambda: InOrder(tf.ViTMAEConfig(mask_ratio=0.0)), lambda: tf.ViTImageProcessorPil(), first_token),
    "I-JEPA H/14": of_transformers(
        lambda: tf.IJepaModel(tf.IJepaConfig(hidden_size=1280, num_hidden_layers=32, num_attention_heads=16,
                                             intermediate_size=5120, patch_size=14)), lambda: tf.ViTImageProcessorPil(), mean),
    "BEiT B/16": of_transformers(
        lambda: tf.BeitModel(tf.BeitConfig(use_relative_position_bias=True)), lambda: tf.BeitImageProcessorPil(
            size={"height": 224, "width": 224}, do_center_crop=False), pooled),
    "AIMv2 L/14": of_transformers(
        lambda: tf.Aimv2VisionModel(tf.Aimv2VisionConfig()),
        lambda: CLIPImageProcessorPil(size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224}), pooled),
} | {f"timm {name}": (lambda name: lambda folder: timm_vit(folder, name))(name) for name in TIMM} | {
    "CLIP B/32": lambda f: clip(f, 768, 12, 12, 32, 224, 512), "CLIP B/16": lambda f: clip(f, 768, 12, 12, 16, 224, 512),
    "CLIP L/14": lambda f: clip(f, 1024, 24, 16, 14, 224, 768), "CLIP L/14-336": lambda f: clip(f, 1024, 24, 16, 14, 336, 768),
    "SigLIP B/16": siglip, "Chinese-CLIP B/16": chinese_clip, "BiomedCLIP": biomedclip,
}


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--alignscope", default="target/release/alignscope")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.images.rglob("*") if p.suffix.lower() in {".jpg", ".png"})
    paths = paths[::max(1, len(paths) // arguments.count)][:arguments.count]
    images = [Image.open(p).convert("RGB") for p in paths]
    print("| model | embedding | worst block | last stage | worst channel, of its deviation |\n|---|---|---|---|---|")
    for name in arguments.models:
        make = MODELS[name]
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as tmp:
            folder, out = Path(tmp) / "model", Path(tmp) / "out"
            hidden, embeds = make(folder)(images)
            subprocess.run([arguments.alignscope, "activations", "--quiet", "--precision", arguments.precision, "--model", folder,
                            "--images", *paths, "--out", out], check=True)
            last = "output" if (out / "output").is_dir() else "projection"
            stages = ["embedding"] + [f"block-{i:02}" for i in range(1, len(hidden))] + [last]
            worst, channel = {}, 0.0
            for stage, expected in zip(stages, [*hidden, embeds]):
                found = np.load(out / stage / "features.npy").astype(np.float64)
                expected = expected.numpy().astype(np.float64)
                assert found.shape == expected.shape, (stage, found.shape, expected.shape)
                worst[stage] = np.abs(found - expected).max() / np.abs(expected).max()
                flat = lambda x: x.reshape(-1, x.shape[-1])
                channel = max(channel, (np.abs(flat(found) - flat(expected)).max(0) / flat(expected).std(0)).max())
            blocks = max(v for k, v in worst.items() if k.startswith("block"))
            print(f"| {name} | {worst['embedding']:.1e} | {blocks:.1e} | {worst[last]:.1e} | {channel:.1e} |", flush=True)


if __name__ == "__main__":
    main()
