"""What timm's models are by name: tables for reading folders of timm, and for refusing weights that are not the model's.

    python scripts/timm_architectures.py transformers > crates/alignscope/assets/timm_architectures.csv
    python scripts/timm_architectures.py networks > crates/alignscope/assets/timm_networks.csv

Made with timm 1.0.31. A row of the first is a vision transformer that timm has registered; left out are those whose blocks or patches are
of another kind.

    architecture   its name
    heads          attention heads of a block
    eps            added to the variance in norms
    activation     of the MLP, by the names of transformers
    pool           token, avg, map, or none
    prefix_pooled  whether tokens before the patches are pooled too
    pool_heads     attention heads of the pooling, where it is map
    rope           none; dinov3 BASE; cat BASE OFFSET REFERENCE ij|xy
    size           the side of its image, in pixels
    depth          blocks
    channels       of a token
    registers      tokens beside the class token and the patches; a distillation token is none of them
    parts          those of OPTIONAL that it has; a dot at the beginning stands for `blocks.0.`

A row of the second is a ResNet or a ConvNeXt, by the arguments that timm builds it with:

    architecture   its name
    block          basic, bottleneck or convnext
    layers         blocks of each stage
    channels       of each stage; of a bottleneck before its expansion
    stem           plain, deep or deep_tiered; patch of ConvNeXt
    stem_width     channels within a deep stem
    cardinality    groups of a bottleneck's second convolution
    base_width     channels within a bottleneck, of 64
    avg_down       whether a mean pooling stands before a shortcut's convolution
    patch          the side of ConvNeXt's patches
"""

import csv
import inspect
import sys

import timm
import torch
from timm.models import convnext, resnet
from timm.models._registry import _module_to_models

# Tensors that some of the transformers have, and others have not.
OPTIONAL = """
    cls_token dist_token reg_token pos_embed patch_embed.proj.bias patch_embed.norm.weight norm_pre.weight norm.weight fc_norm.weight
    .norm1.bias .attn.qkv.bias .attn.q_bias .attn.v_bias .attn.q_proj.weight .attn.q_proj.bias .attn.k_proj.bias .attn.v_proj.bias
    .attn.q_norm.weight .attn.k_norm.weight .attn.norm.weight .attn.proj.bias .ls1.gamma .ls2.gamma .gamma_1 .gamma_2
    .mlp.fc1_g.weight .mlp.fc1_g.bias .mlp.fc1_x.bias .mlp.fc1.bias .mlp.norm.weight .mlp.fc2.bias
""".split()

RESNETS = """
    resnet10t resnet14t resnet18 resnet18d resnet26 resnet26d resnet26t resnet34 resnet34d resnet50 resnet50c resnet50d resnet50s
    resnet50t resnet101 resnet101c resnet101d resnet101s resnet152 resnet152c resnet152d resnet152s resnet200 resnet200d
    resnext50_32x4d resnext50d_32x4d resnext101_32x4d resnext101_32x8d resnext101_32x16d resnext101_32x32d resnext101_64x4d
    tv_resnet34 tv_resnet50 tv_resnet101 tv_resnext50_32x4d wide_resnet50_2 wide_resnet101_2
""".split()

CONVNEXTS = "atto femto pico nano tiny small base large xlarge xxlarge".split()

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


def parts(model):
    names = set(model.state_dict())
    return " ".join(part for part in OPTIONAL if (f"blocks.0{part}" if part.startswith(".") else part) in names)


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
        len(model.blocks),
        model.embed_dim,
        model.reg_token.shape[1] if getattr(model, "reg_token", None) is not None else 0,
        parts(model),
    ]


def transformers(out):
    out.writerow("architecture heads eps activation pool prefix_pooled pool_heads rope size depth channels registers parts".split())
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


def arguments(module, create, model, name):
    """What the model `name` is built with: its own arguments over the defaults of its class."""
    given = {}
    setattr(module, create, lambda variant, pretrained=False, **more: given.update(more))
    # Names of torchvision are called otherwise now; the first still stand in older folders.
    getattr(module, name)()
    defaults = {name: p.default for name, p in inspect.signature(model.__init__).parameters.items()}
    return defaults | given


def networks(out):
    out.writerow("architecture block layers channels stem stem_width cardinality base_width avg_down patch".split())
    words = lambda numbers: " ".join(map(str, numbers))  # noqa: E731
    for name in RESNETS:
        of = arguments(resnet, "_create_resnet", resnet.ResNet, name)
        block = {"BasicBlock": "basic", "Bottleneck": "bottleneck"}[of["block"].__name__]
        stem, avg_down = of["stem_type"] or "plain", "yes" if of["avg_down"] else "no"
        out.writerow([name, block, words(of["layers"]), words(of["channels"]), stem, of["stem_width"], of["cardinality"], of["base_width"],
                      avg_down, 0])
    for size in CONVNEXTS:
        of = arguments(convnext, "_create_convnext", convnext.ConvNeXt, f"convnext_{size}")
        assert of["stem_type"] == "patch" and of["ls_init_value"] is not None, size
        out.writerow([f"convnext_{size}", "convnext", words(of["depths"]), words(of["dims"]), "patch", 0, 1, 0, "no", of["patch_size"]])


def main():
    tables = {table.__name__: table for table in (transformers, networks)}
    tables[sys.argv[1]](csv.writer(sys.stdout, lineterminator="\n"))


if __name__ == "__main__":
    main()
