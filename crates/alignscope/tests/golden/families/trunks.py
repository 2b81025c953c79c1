"""Golden files of open_clip's trunks of timm, and of the options of its own vision transformers: small random
checkpoints, and what open_clip gives for them.

    python trunks.py [GROUP ...]

`<case>/expected.safetensors` is as in `vits.py`, of convolutional trunks as in `convs.py`; `image_embeds` is what
`encode_image` gives, as it is.
"""

import sys
from types import SimpleNamespace

import open_clip.timm_model
import timm
import torch
from convs import finish as finish_maps
from convs import formula
from convs import run as run_maps
from generate import fresh, write_json
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from safetensors.torch import save_file
from vits import finish, randomize, run

TEXT = {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1}
CLIP_PIXELS = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
# As ViT-SigLIP's, and as CLIPA's.
SIGLIP_PIXELS = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}
CLIPA_PIXELS = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "interpolation": "bilinear", "resize_mode": "squash"}


def model_of(shared, vision, quick_gelu=False, **args):
    """open_clip's CLIP, whose trunk of timm is made small by `args`."""
    def create_model(name, **more):
        return timm.create_model(name, **more, **args)

    open_clip.timm_model.timm = SimpleNamespace(create_model=create_model)
    model = CLIP(shared, CLIPVisionCfg(**vision), CLIPTextCfg(**TEXT), quick_gelu=quick_gelu).eval()
    open_clip.timm_model.timm = timm
    return model


def save(folder, model, shared, vision, pixels, **more):
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    write_json(folder / "open_clip_config.json", {
        "model_cfg": {"embed_dim": shared, "vision_cfg": vision, "text_cfg": TEXT} | more, "preprocess_cfg": pixels})


def tokens(name, seed, size, shared, vision, blocks, preprocess=CLIP_PIXELS, quick_gelu=False, **args):
    folder = fresh(name)
    vision = {"image_size": size} | vision
    model = randomize(model_of(shared, vision, quick_gelu, **args), seed)
    if pool := getattr(model.visual, "attn_pool", None):
        # So that images differ: attention that is not even, and values that matter.
        with torch.no_grad():
            for name, p in pool.attn.named_parameters():
                p.mul_(6 if name.endswith("proj_weight") else 0.1 if "bias" in name else 1)
    save(folder, model, shared, vision, preprocess, **({"quick_gelu": True} if quick_gelu else {}))
    finish(folder, size, seed, lambda pixels: embeds(run(blocks(model.visual), lambda: model.encode_image(pixels, normalize=False))))


def embeds(result):
    stages, output = result
    return stages, {"image_embeds": output}


def trunk(name, seed, size, shared, architecture, pool, proj, preprocess=CLIP_PIXELS, bias=False, **args):
    vision = {"timm_model_name": architecture, "timm_model_pretrained": False, "timm_pool": pool, "timm_proj": proj}
    if bias:
        vision["timm_proj_bias"] = True
    tokens(name, seed, size, shared, vision, lambda visual: visual.trunk.blocks, preprocess, img_size=size, **args)


def maps(name, seed, size, shared, architecture, pool, proj, stem, blocks, **args):
    folder = fresh(name)
    vision = {"timm_model_name": architecture, "timm_model_pretrained": False, "timm_pool": pool, "timm_proj": proj,
              "image_size": size}
    model = model_of(shared, vision, **args)
    net = model.visual.trunk

    def compute(model):
        return run_maps(stem(net), blocks(net), lambda: model.encode_image(formula(size), normalize=False))

    finish_maps(folder, model, seed, compute, lambda: save(folder, model, shared, vision, CLIP_PIXELS), "image_embeds", attempts=100)


def small(heads, width, patch):
    """As many heads as the architecture's name says: nothing else tells them."""
    return {"embed_dim": heads * width, "depth": 2, "num_heads": heads, "patch_size": patch}


def trunks():
    trunk("trunk_siglip", 800, 16, 48, "vit_base_patch16_siglip_224", "map", "none", SIGLIP_PIXELS, **small(12, 4, 4), mlp_ratio=0.75)
    trunk("trunk_siglip_tanh", 805, 22, 36, "vit_base_patch32_siglip_256", "map", "none", SIGLIP_PIXELS, **small(12, 3, 5), mlp_ratio=0.75)
    trunk("trunk_eva02", 810, 12, 6, "eva02_base_patch16_clip_224", "token", None, **small(12, 4, 4), mlp_ratio=0.75)
    trunk("trunk_pe_core", 815, 16, 6, "vit_pe_core_tiny_patch16_384", "map", None, **small(3, 8, 4), mlp_ratio=1.25, attn_pool_mlp_ratio=0.75)
    trunk("trunk_clip_mlp", 820, 15, 5, "vit_medium_patch16_clip_224", "token", "mlp", bias=True, **small(8, 3, 5), mlp_ratio=1.25)
    trunk("trunk_gap", 825, 16, 6, "vit_medium_patch16_gap_256", "", "linear", **small(8, 3, 4), mlp_ratio=1.25)


def stages(net):
    return [block for stage in net.stages for block in stage.blocks]


def layers(net):
    return [block for i in range(1, 5) for block in getattr(net, f"layer{i}")]


def map_trunks():
    sizes = {"dims": (6, 8, 10, 12), "depths": (1, 1, 2, 1)}
    maps("trunk_convnext", 830, 37, 7, "convnext_base", "", "linear", lambda m: m.stem, stages, **sizes)
    maps("trunk_convnext_mlp", 835, 45, 5, "convnext_xxlarge", "", "mlp", lambda m: m.stem, stages, **sizes)
    sizes = {"layers": (1, 1, 1, 1), "channels": (2, 2, 4, 16)}
    maps("trunk_resnet_abs", 840, 70, 7, "resnet50", "abs_attn", "", lambda m: m.maxpool, layers, **sizes)
    maps("trunk_resnet_rot", 845, 64, 6, "resnet50d", "rot_attn", "linear", lambda m: m.maxpool, layers, **sizes)


def own(name, seed, size, shared, preprocess=CLIP_PIXELS, quick_gelu=False, **vision):
    tokens(name, seed, size, shared, {"layers": 2, "head_width": 8, "mlp_ratio": 1.5} | vision,
           lambda visual: visual.transformer.resblocks, preprocess, quick_gelu)


CLIPA = {"no_ln_pre": True, "pool_type": "avg", "final_ln_after_pool": True}


def options():
    own("clipa", 850, 16, 10, CLIPA_PIXELS, width=24, patch_size=4, **CLIPA)
    own("clipa_sines", 855, 15, 7, CLIPA_PIXELS, width=16, patch_size=5, pos_embed_type="sin_cos_2d", ls_init_value=1e-4,
        act_kwargs={"approximate": "tanh"}, norm_kwargs={"eps": 1e-3}, **CLIPA)
    own("open_clip_avg", 860, 22, 9, width=16, patch_size=5, pool_type="avg", quick_gelu=True)
    own("coca", 865, 16, 6, width=24, patch_size=4, attentional_pool=True, attn_pooler_heads=2, attn_pooler_queries=5, output_tokens=False)
    own("coca_square", 870, 15, 16, width=16, patch_size=5, attentional_pool=True, attn_pooler_heads=4, attn_pooler_queries=3)


def main():
    for group in (trunks, map_trunks, options):
        if len(sys.argv) < 2 or group.__name__ in sys.argv[1:]:
            group()


if __name__ == "__main__":
    main()
