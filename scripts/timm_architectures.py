"""What timm's vision transformers are where their tensors do not tell: a table for reading folders of timm.

    python scripts/timm_architectures.py > crates/alignscope/assets/timm_architectures.csv

Made with timm 1.0.31. A row is an architecture that timm has registered; left out are those whose blocks or patches are of another kind.

    architecture   its name
    heads          attention heads of a block
    eps            added to the variance in norms
    activation     of the MLP, by the names of transformers
    pool           token, avg, map, or none
    prefix_pooled  whether tokens before the patches are pooled too
    pool_heads     attention heads of the pooling, where it is map
    rope           none; dinov3 BASE; cat BASE OFFSET REFERENCE ij|xy
    size           the side of its image, in pixels
"""

import csv
import sys

import timm
import torch
from timm.models._registry import _module_to_models

ACTIVATIONS = {"QuickGELU": "quick_gelu", "GELUTanh": "gelu_pytorch_tanh", "SiLU": "silu"}


def activation(mlp):
    kind = type(mlp.act).__name__
    if kind == "GELU":
        return {"none": "gelu", "tanh": "gelu_pytorch_tanh"}[mlp.act.approximate]
    return ACTIVATIONS[kind]


def rope(model):
    found = getattr(model, "rope", None)
    if found is None:
        return "none"
    name = type(found).__name__
    if name == "RotaryEmbeddingDinoV3":
        return f"dinov3 {found.temperature:g}"
    if name == "RotaryEmbeddingCat" and not found.in_pixels and not getattr(found, "rotate_half", False):
        reference = found.ref_feat_shape
        sides = set(reference or [0])
        assert len(sides) == 1, reference
        return f"cat {found.temperature:g} {found.grid_offset:g} {sides.pop()} {found.grid_indexing}"
    return None


def row(name):
    with torch.device("meta"):
        model = timm.create_model(name, pretrained=False)
    kinds = {("VisionTransformer", "Block"), ("VisionTransformerDistilled", "Block"), ("Eva", "EvaBlock")}
    if (type(model).__name__, type(model.blocks[0]).__name__) not in kinds:
        return None
    if type(model.patch_embed).__name__ != "PatchEmbed" or model.global_pool not in ("token", "avg", "map", ""):
        return None
    norm = model.blocks[0].norm1
    if type(norm).__name__ not in ("LayerNorm", "RmsNorm"):
        return None
    turns = rope(model)
    if turns is None:
        return None
    pool = getattr(model, "attn_pool", None)
    # Eva pools by attention over all tokens.
    prefix = getattr(model, "pool_include_prefix", False) or (type(model).__name__ == "Eva" and pool is not None)
    return [
        name,
        model.blocks[0].attn.num_heads,
        f"{norm.eps:g}",
        activation(model.blocks[0].mlp),
        model.global_pool or "none",
        "yes" if prefix else "no",
        pool.num_heads if pool is not None else "",
        turns,
        model.patch_embed.img_size[0],
    ]


def main():
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow("architecture heads eps activation pool prefix_pooled pool_heads rope size".split())
    for module in ("vision_transformer", "deit", "eva"):
        for name in sorted(_module_to_models[module]):
            try:
                found = row(name)
            except Exception as error:  # noqa: BLE001 - what cannot be made is left out, and said
                print(f"{name}: {error}", file=sys.stderr)
                continue
            if found is None:
                print(f"{name}: of another kind", file=sys.stderr)
            else:
                out.writerow(found)


if __name__ == "__main__":
    main()
